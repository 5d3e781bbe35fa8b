"""The GAN that trains in the page: its mathematics against Keras, and its use in a browser."""

import json
import re

import instrument_page
import numpy as np
import pytest
from instrument_page import ROOT

from gan_utils import metrics, standins
from gan_utils.teaching import instruments

FIXTURES = json.loads((ROOT / "tests" / "instrument_plane.json").read_text(encoding="utf8"))
CASES = [
    pytest.param(case, id="{loss}, r1={r1}, r2={r2}".format(**case["options"]))
    for case in FIXTURES["cases"]
]

# Plays a case of the fixtures with the page's own engine.
PLAY = """([fixtures, options]) => {
  const figure = document.querySelector("figure.plane");
  const game = figure.game({...options, batch: fixtures.batch, seed: 0}, fixtures.sizes_g,
    fixtures.sizes_d);
  game.G.w.set(fixtures.g); game.D.w.set(fixtures.d);
  const notes = {d_loss: [], penalty: [], g_loss: [], d_gradient: [], g_gradient: [], d: [], g: []};
  for (let i = 0; i < fixtures.x.length; i += 2) {
    const {loss, penalty} = game.updateD(fixtures.x[i], fixtures.z[i]);
    notes.d_loss.push(loss); notes.penalty.push(penalty); notes.d_gradient.push([...game.D.g]);
    notes.g_loss.push(game.updateG(fixtures.x[i + 1], fixtures.z[i + 1]).loss);
    notes.g_gradient.push([...game.G.g]);
    notes.d.push([...game.D.w]); notes.g.push([...game.G.w]);
  }
  notes.d = [notes.d[0], notes.d.at(-1)]; notes.g = [notes.g[0], notes.g.at(-1)];
  return notes;
}"""


@pytest.fixture(scope="module")
def output():
    return instruments.show_plane()


@pytest.fixture(scope="module")
def engine(browser, output, tmp_path_factory):
    """A page whose engine is used without its buttons."""
    with instrument_page.opened(browser, tmp_path_factory.mktemp("plane"), output) as page:
        yield page


def choice(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def step(page):
    return page.evaluate("document.querySelector('figure.plane').snapshot()?.step ?? -1")


def wait_for_step(page, least, most=30):
    test = f"document.querySelector('figure.plane').snapshot()?.step >= {least}"
    page.wait_for_function(test, timeout=1000 * most)


# --- The same as Keras ----------------------------------------------------------------------------


def assert_close(found, expected, rtol):
    """Relative to each value, and for sums that cancel to the largest of the row."""
    found, expected = np.array(found), np.array(expected)
    largest = np.abs(expected).max(axis=-1, keepdims=True) if expected.ndim else np.abs(expected)
    np.testing.assert_array_less(
        np.abs(found - expected), rtol * (np.abs(expected) + 1e-3 * largest) + 1e-15
    )


@pytest.mark.parametrize("case", CASES)
def test_ten_steps_are_those_of_keras(case, engine):
    found = engine.evaluate(PLAY, [FIXTURES, case["options"]])
    for key in ("d_loss", "penalty", "g_loss", "d_gradient", "g_gradient", "d", "g"):
        assert_close(found[key], case[key], 1e-5)
    for key in ("d", "g"):  # against Keras in float32, which rounds in every step
        assert_close(found[key][-1], case[f"{key}_float32"], 1e-3)
    assert np.abs(np.array(found["d"][-1]) - FIXTURES["d"]).max() > 0.01, "nothing was trained"


def test_the_comparison_sees_a_wrong_sum(engine):
    case = next(c for c in FIXTURES["cases"] if c["options"]["r2"])
    for wrong in ({"r2": 0.3003}, {"r1": 0.1001}, {"beta_1": 0.5002}, {"d_rate": 0.010002}):
        found = engine.evaluate(PLAY, [FIXTURES, case["options"] | wrong])
        with pytest.raises(AssertionError):
            assert_close(found["d"], case["d"], 1e-5)


def test_the_fixtures_are_all_that_was_promised():
    kinds = {
        (c["options"]["loss"], *(c["options"][r] > 0 for r in ("r1", "r2")))
        for c in FIXTURES["cases"]
    }
    for loss in instruments.PLANE_CHOICES["loss"][1]:
        assert {(loss, False, False), (loss, True, False), (loss, True, True)} <= kinds
    assert all(len(case["d_gradient"]) == 10 for case in FIXTURES["cases"])


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_modes_are_counted_as_the_package_does(name, engine):
    centres, sigma = standins.mixture_modes(name)
    points = np.random.default_rng(0).normal(size=(2500, 2)) * sigma * 2.2
    points += centres[np.random.default_rng(1).integers(len(centres) - 2, size=2500)]
    expected = metrics.mode_coverage(points, centres, sigma)
    call = "([p, m, s]) => document.querySelector('figure.plane').coverage(p, m, s)"
    found = engine.evaluate(call, [points.ravel().tolist(), centres.tolist(), sigma])
    assert found["modes"] == expected["modes"] == len(centres) - 2
    assert found["quality"] == pytest.approx(expected["high_quality"], abs=1e-9)
    assert 0.5 < found["quality"] < 0.99


def test_data_are_those_of_the_package(engine):
    """The page's own centres, seen through its real points."""
    for name in ("ring", "grid", "square"):
        settings = {**instruments.PLANE_PRESETS["healthy"][1], "data": name, "seed": 0}
        call = "s => [...document.querySelector('figure.plane').train(s, 0).real]"
        points = np.reshape(engine.evaluate(call, settings), (-1, 2))
        if name == "square":
            assert points.min() > 0 and points.max() < 1
            assert np.abs(points.mean(axis=0) - 0.5).max() < 0.1
        else:
            centres, sigma = standins.mixture_modes(name)
            scores = metrics.mode_coverage(points, centres, sigma)
            assert scores["modes"] == len(centres) and scores["high_quality"] > 0.95
            far = np.linalg.norm(points[:, None] - centres, axis=2).min(axis=1)
            assert np.sqrt((far**2).mean() / 2) == pytest.approx(sigma, rel=0.15)


# --- In use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_it_waits_until_it_is_asked(motion, browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, reduced_motion=motion) as page:
        wait_for_step(page, 0)
        page.wait_for_timeout(500)
        assert step(page) == 0 and page.get_by_role("button", name="Play").is_visible()
        assert page.locator("figure > img").is_hidden()


def test_without_scripts_there_is_the_still(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, java_script_enabled=False) as page:
        assert page.get_by_alt_text("A GAN in the plane").is_visible()
        assert page.locator(".panel").count() == 0


def test_by_keyboard(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        wait_for_step(page, 0)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Play"
        page.keyboard.press("Enter")
        wait_for_step(page, 20)
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        now = step(page)
        page.keyboard.press("Tab")
        page.keyboard.press("Space")  # Step D
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Space")  # Step G, twice
        page.wait_for_function(
            "document.querySelector('.count').textContent.includes('1 of D, 2 of G')"
        )
        assert step(page) == now
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # Reset
        page.wait_for_function("document.querySelector('figure.plane').snapshot().step === 0")
        page.locator("summary").press("Enter")
        choice(page, "loss").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.querySelector('figure').settings().loss") == "minimax"
        assert choice(page, "preset").input_value() == "your own"


def test_single_steps_move_one_network_only(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        wait_for_step(page, 0)
        keys = "(() => { const s = document.querySelector('figure').snapshot();"
        keys += "return {made: [...s.made], surface: [...s.surface]}; })()"
        before = page.evaluate(keys)
        page.get_by_role("button", name="Step D").click()
        page.wait_for_function("document.querySelector('figure').snapshot().extra.d === 1")
        d = page.evaluate(keys)
        page.get_by_role("button", name="Step G").click()
        page.wait_for_function("document.querySelector('figure').snapshot().extra.g === 1")
        g = page.evaluate(keys)
        assert d["made"] == before["made"] and d["surface"] != before["surface"]
        assert g["made"] != d["made"] and g["surface"] == d["surface"]


def test_single_steps_are_told(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        wait_for_step(page, 0)
        for name in "DGD":
            page.get_by_role("button", name=f"Step {name}").click()
        told = "step 0 and updates: 2 of D, 1 of G: "
        page.wait_for_function(
            f"document.querySelector('[role=status]').textContent.startsWith('{told}')"
        )
        said = page.get_by_role("status").inner_text()
        assert "loss of D" in said and "loss of G" in said


def test_a_game_repeats_itself(engine):
    settings = {**instruments.PLANE_PRESETS["healthy"][1], "width": 8, "seed": 3}
    call = "s => [...document.querySelector('figure.plane').train(s, 30).made]"
    first = engine.evaluate(call, settings)
    assert engine.evaluate(call, settings) == first
    assert engine.evaluate(call, settings | {"seed": 4}) != first


def test_it_speaks_once_a_second_and_never_blocks_the_page(browser, output, tmp_path):
    """The page's own thread is measured in its processor time: other programs may hold it up."""
    with instrument_page.opened(browser, tmp_path, output, script=instrument_page.LISTEN) as page:
        wait_for_step(page, 0)
        meter = page.context.new_cdp_session(page)
        meter.send("Performance.enable", {"timeDomain": "threadTicks"})

        def used():
            return {m["name"]: m["value"] for m in meter.send("Performance.getMetrics")["metrics"]}

        count = """(() => { const figure = document.querySelector("figure"); let last, n = 0;
          const look = () => { const now = figure.snapshot(); n += now !== last; last = now;
            window.pictures = n; requestAnimationFrame(look); }; look(); })()"""
        page.evaluate(count)
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 30)
        before, pictures = used(), page.evaluate("pictures")
        page.wait_for_timeout(4000)
        after, pictures = used(), page.evaluate("pictures") - pictures
        assert pictures >= 3
        assert (after["TaskDuration"] - before["TaskDuration"]) / pictures < 0.05
        said = page.get_by_role("status").inner_text()
        assert re.match(
            r"step [\d,]+: \d of 8 modes, \d+% of high quality, loss of D \d\.\d\d "
            r"\(1\.39 in equilibrium\), loss of G \d\.\d\d \(0\.69 in equilibrium\)$",
            said,
        )
        assert instrument_page.said_too_often(page) == []
        assert page.evaluate("spoken.length") >= 3


@pytest.mark.parametrize("how", ["none", "forbidden"])
def test_without_workers_it_runs_in_slices(how, browser, output, tmp_path):
    script = "delete window.Worker;"
    if how == "forbidden":  # as where a page's policy does not let one start
        script = """window.Worker = class {
          constructor() { setTimeout(() => this.onerror(new Event("error"))); }
          postMessage() {}
        };"""
    with instrument_page.opened(browser, tmp_path, output, script=script) as page:
        wait_for_step(page, 0)
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 10)
        page.get_by_role("button", name="Pause").click()
        assert page.get_by_role("button", name="Play").is_visible()


def test_presets_and_links(browser, output, tmp_path):
    settings = "document.querySelector('figure').settings()"
    with instrument_page.opened(browser, tmp_path, output) as page:
        for name, (words, changes) in instruments.PLANE_PRESETS.items():
            choice(page, "preset").select_option(label=words)
            expected = instruments.PLANE_PRESETS["healthy"][1] | changes | {"seed": 0}
            assert page.evaluate(settings) == expected, name
        page.locator("summary").click()
        choice(page, "units a layer").select_option("64")
        page.get_by_role("spinbutton", name="seed").fill("7")
        page.get_by_role("spinbutton", name="seed").press("Tab")
        wanted = page.evaluate(settings)
        assert wanted["width"] == 64 and wanted["seed"] == 7 and wanted["loss"] == "relativistic"
        href = page.get_by_role("link", name="Link to these settings").get_attribute("href")
    with instrument_page.opened(browser, tmp_path, output, hash=href) as page:
        assert page.evaluate(settings) == wanted
    hash = "#plane:loss=worst&width=9&seed=-3"
    with instrument_page.opened(browser, tmp_path, output, hash=hash) as page:  # nonsense is left
        assert page.evaluate(settings) == instruments.PLANE_PRESETS["healthy"][1] | {"seed": 0}


def test_drawing(browser, output, tmp_path):
    options = {"viewport": {"width": 390, "height": 900}, "has_touch": True}
    count = "document.querySelector('a').href.split('points=')[1].length / 4"
    with instrument_page.opened(browser, tmp_path, output, **options) as page:
        page.locator("summary").click()
        choice(page, "data").select_option("drawn by you")
        assert page.evaluate(count) == 60
        board = page.get_by_role("application")
        box = board.bounding_box()
        board.focus()
        for key in ("Space", "ArrowRight", "Space", "Shift+ArrowUp", "Shift+ArrowUp"):
            page.keyboard.press(key)
        assert page.evaluate(count) == 4, "the first point takes the place of the wave"
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 100, steps=10)
        page.mouse.up()
        assert 8 <= page.evaluate(count) <= 15
        drawn = page.evaluate(count)
        page.touchscreen.tap(box["x"] + 50, box["y"] + 50)
        assert page.evaluate(count) == drawn + 1
        assert page.evaluate("getComputedStyle(document.querySelector('.board')).touchAction") == (
            "none"
        )
        href = page.get_by_role("link").get_attribute("href")
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 5)
        page.get_by_role("button", name="Wipe").click()
        page.get_by_role("button", name="Bring back").click()
        assert page.evaluate(count) == 60
    with instrument_page.opened(browser, tmp_path, output, hash=href, **options) as page:
        page.locator("summary").click()
        assert page.get_by_role("link").get_attribute("href") == href
        assert page.get_by_role("button", name="Wipe").is_visible()


def test_nothing_drawn_is_not_trained_on(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, hash="#plane:data=drawn") as page:
        wait_for_step(page, 0)
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 1)
        page.get_by_role("button", name="Wipe").click()
        page.get_by_role("button", name="Play").click()
        assert page.get_by_role("button", name="Play").is_visible()
        page.wait_for_function(
            "document.querySelector('[role=status]').textContent.includes('draw some')"
        )
        page.get_by_role("application").focus()
        for _ in range(25):
            page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        page.wait_for_function(
            "document.querySelector('[role=status]').textContent.endsWith('Pen at 0.00, 1.60')"
        )
        page.get_by_role("button", name="Play").click()
        assert page.get_by_role("button", name="Pause").is_visible()


def test_the_link_of_this_game_does_not_end_it(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        wait_for_step(page, 0)
        page.locator("summary").click()
        seed = page.get_by_role("spinbutton", name="seed")
        for typed, taken in (("-5", "0"), ("1e9", "999999"), ("3.7", "3")):
            seed.fill(typed)
            seed.press("Tab")
            assert seed.input_value() == taken
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 5)
        page.get_by_role("link", name="Link to these settings").click()
        page.wait_for_timeout(500)
        assert step(page) >= 5 and page.get_by_role("button", name="Pause").is_visible()
        page.evaluate("location.hash = '#plane:seed=4'")
        page.wait_for_function("document.querySelector('figure').settings().seed === 4")


def test_a_long_step_does_not_hold_up_the_pictures(browser, output, tmp_path):
    hash = "#plane:width=128&batch=128&d_updates=10&g_updates=10&r1=1&r2=1"
    with instrument_page.opened(browser, tmp_path, output, hash=hash) as page:
        wait_for_step(page, 0)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("document.querySelector('figure').snapshot().d !== null")
        page.get_by_role("button", name="Pause").click()
        page.wait_for_function("!document.querySelector('figure').snapshot().running")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_in_all_states(width, theme, browser, output, tmp_path):
    options = {"theme": theme, "viewport": {"width": width, "height": 900}}
    with instrument_page.opened(browser, tmp_path, output, **options) as page:
        wait_for_step(page, 0)
        assert instrument_page.violations(page) == [], "at rest"
        page.locator("summary").click()
        page.get_by_role("button", name="Play").click()
        wait_for_step(page, 1)
        assert instrument_page.violations(page) == [], "playing, with settings"
        choice(page, "data").select_option("drawn by you")
        assert instrument_page.violations(page) == [], "drawing"
        assert not instrument_page.too_wide(page)


def test_the_picture_follows_the_theme(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        wait_for_step(page, 0)
        picture = "document.querySelector('canvas').toDataURL()"
        page.wait_for_timeout(300)
        light = page.evaluate(picture)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_timeout(300)
        assert page.evaluate(picture) != light


# --- What the presets promise ---------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("preset", ["healthy", "collapse"])
def test_ten_seeds(preset, engine):
    call = "([s, n]) => document.querySelector('figure.plane').train(s, n).covered.modes"
    settings = instruments.PLANE_PRESETS["healthy"][1] | instruments.PLANE_PRESETS[preset][1]
    modes = [engine.evaluate(call, [settings | {"seed": seed}, 4500]) for seed in range(10)]
    fine = sum(m == 8 for m in modes) if preset == "healthy" else sum(m <= 2 for m in modes)
    assert fine >= 9, modes
