"""Two densities to drag: the formulas against NumPy, and the use in a browser."""

import instrument_page
import numpy as np
import pytest
from scipy import stats

from gan_utils.teaching import instruments

X = np.arange(-10, 12, 0.01)
FIGURE = "document.querySelector('figure.densities')"


@pytest.fixture(scope="module")
def output():
    return instruments.show_densities()


@pytest.fixture(scope="module")
def engine(browser, output, tmp_path_factory):
    """A page whose formulas are used without its sliders."""
    with instrument_page.opened(browser, tmp_path_factory.mktemp("densities"), output) as page:
        yield page


def density(humps, x):
    return sum(share * stats.norm.pdf(x, mean, sd) for share, mean, sd in humps)


# --- The same as NumPy ----------------------------------------------------------------------------


@pytest.mark.parametrize("scene", instruments.DENSITIES_SCENES)
@pytest.mark.parametrize("targets", [(1, 0), (0.9, 0), (1, 0.1), (0.9, 0.1)])
def test_at_a_point(scene, targets, engine):
    _, real, made, _, _ = instruments.DENSITIES_SCENES[scene]
    x, (a, b), e = np.linspace(-2.5, 4.5, 29), targets, 1e-5
    call = f"([p, q, a, b, xs]) => xs.map(x => {FIGURE}.at(p, q, a, b, x))"
    found = engine.evaluate(call, [real, made, a, b, x.tolist()])
    found = {key: np.array([point[key] for point in found]) for key in found[0]}

    def answers(x):
        p, q = density(real, x), density(made, x)
        best = p / (p + q)
        return best, (a * p + b * q) / (p + q), ((1 - a) * p + (1 - b) * q) / (p + q)

    best, d, other = answers(x)
    assert best.min() > 0 and best.max() <= 1, "NumPy itself can divide here"
    np.testing.assert_allclose(found["best"], best, rtol=1e-9)
    np.testing.assert_allclose(found["d"], d, rtol=1e-9)
    np.testing.assert_allclose(found["p"], density(real, x), rtol=1e-9)
    np.testing.assert_allclose(found["q"], density(made, x), rtol=1e-9)
    sure = d > 1e-200
    np.testing.assert_allclose(found["loss"][sure], -np.log(d[sure]), rtol=1e-9, atol=1e-12)
    sure &= other > 1e-8  # where 1 - D is not all rounding
    np.testing.assert_allclose(found["lossMinimax"][sure], np.log(other[sure]), atol=1e-7)
    ahead, behind = (answers(x + by) for by in (e, -e))  # slopes by differences
    slope = -(np.log(ahead[1]) - np.log(behind[1])) / (2 * e)
    minimax = (np.log(ahead[2]) - np.log(behind[2])) / (2 * e)
    np.testing.assert_allclose(found["slope"], slope, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["slopeMinimax"][sure], minimax[sure], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["left"], 1 - b / d, rtol=1e-6, atol=1e-9)  # (6.4)


@pytest.mark.parametrize("scene", instruments.DENSITIES_SCENES)
def test_the_whole_line(scene, engine):
    _, real, made, (a, b), _ = instruments.DENSITIES_SCENES[scene]
    call = f"([p, q, a, b]) => {FIGURE}.whole(p, q, a, b)"
    found = engine.evaluate(call, [real, made, a, b])
    p, q = density(real, X), density(made, X)

    def entropy(values):
        return -0.01 * np.sum(values * np.log(np.where(values > 0, values, 1)))

    js = entropy((p + q) / 2) - entropy(p) / 2 - entropy(q) / 2
    assert found["js"] == pytest.approx(js, abs=1e-6)
    d = (a * p + b * q) / np.where(p + q > 0, p + q, 1)
    loss = np.sum(0.01 * (p + q) * stats.bernoulli(d).entropy())
    assert found["loss"] == pytest.approx(loss, abs=1e-6)
    plain = engine.evaluate(call, [real, made, 1, 0])
    assert plain["loss"] == pytest.approx(np.log(4) - 2 * js, abs=1e-6)  # (2.3)
    assert found["js"] == pytest.approx({"equal": 0, "apart": np.log(2)}.get(scene, js), abs=1e-3)


def test_far_out_nothing_bursts(engine):
    call = f"([p, q, a, b, x]) => {FIGURE}.at(p, q, a, b, x)"
    narrow, wide = [[1, -3, 0.15], [0, 0, 1]], [[1, 5, 0.15], [0, 0, 1]]
    for a, b in ((1, 0), (0.9, 0.1)):
        for x in (-3.4, 1, 5.4):
            values = engine.evaluate(call, [narrow, wide, a, b, x])
            assert all(np.isfinite(v) for v in values.values()), (a, b, x, values)
    assert engine.evaluate(call, [narrow, wide, 0.9, 0.1, 5])["left"] < 1e-9


# --- In use ---------------------------------------------------------------------------------------


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def value(page, name):
    return float(slider(page, name).input_value())


def test_by_keyboard(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, script=instrument_page.LISTEN) as page:
        page.wait_for_function("document.querySelector('[role=status]').textContent")
        drawn = "document.querySelector('path.g').getAttribute('d')"
        before, said = page.evaluate(drawn), page.get_by_role("status").inner_text()
        assert said.startswith("JS is 0.195 nats") and "loss 0.996" in said, "those of chapter 02"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "SELECT"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Reset"
        page.keyboard.press("Tab")
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        assert value(page, "hump 1, place") == pytest.approx(0.8)
        assert page.evaluate(drawn) != before
        page.wait_for_timeout(1500)
        assert page.get_by_role("status").inner_text() != said
        assert instrument_page.said_too_often(page) == []
        page.get_by_label("scene").select_option(label="a false hump, smoothed")
        assert page.locator("tbody tr").nth(2).inner_text().split()[-2] == "0.6%"  # chapter 06
        page.wait_for_timeout(1200)
        assert "0.6% is left" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("touch", [False, True])
def test_dragging(touch, browser, output, tmp_path):
    options = {"viewport": {"width": 390, "height": 1400}, "has_touch": touch}
    with instrument_page.opened(browser, tmp_path, output, **options) as page:

        def drag(n, by):
            box = page.locator(".handle").nth(n).locator("circle").last.bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            if not touch:
                page.mouse.move(x, y)
                page.mouse.down()
                page.mouse.move(x + by[0], y + by[1], steps=4)
                return page.mouse.up()
            finger = page.context.new_cdp_session(page)
            for kind, part in (("Start", 0), ("Move", 0.5), ("Move", 1), ("End", None)):
                spot = [] if part is None else [{"x": x + part * by[0], "y": y + part * by[1]}]
                finger.send(
                    "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": spot}
                )

        place, width, stands = (
            value(page, name) for name in ("hump 1, place", "hump 1, width", "G stands at x")
        )
        drag(1, (80, 0))
        assert value(page, "hump 1, place") > place + 1
        assert value(page, "hump 1, width") == pytest.approx(width, abs=0.051)
        drag(1, (0, 20))
        assert value(page, "hump 1, width") > width + 0.1
        drag(0, (-60, 0))
        assert value(page, "G stands at x") < stands - 1


def test_reset_brings_the_scene_back(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        page.get_by_label("scene").select_option(label="q equals p")
        slider(page, "hump 1, place").fill("3")
        page.get_by_role("button", name="Reset").click()
        assert value(page, "hump 1, place") == -1


def test_a_slope_out_of_the_chart_is_not_drawn_level(browser, tmp_path):
    with instrument_page.opened(
        browser, tmp_path, instruments.show_densities("apart")
    ) as page:  # the loss is 25.7 there, the slope 17.5
        path = page.evaluate("document.querySelector('path.touch:not(.dashed)').getAttribute('d')")
        (x1, y1), (x2, y2) = (map(float, part.split()) for part in path[1:].split("L"))
        chart = 118 / 12 * 9 / 380  # pixels of a unit up, over those of one sideways
        assert (y1 - y2) / (x2 - x1) == pytest.approx(17.5 * chart, rel=0.05)
        assert min(y1, y2) >= 302


def test_back_leaves_no_slider_that_the_charts_do_not_follow(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        slider(page, "hump 1, place").fill("3")
        page.goto("about:blank")
        page.go_back()
        shown = "document.querySelector('.value').textContent"
        assert page.evaluate(shown) == f"{value(page, 'hump 1, place'):.2f}"


def test_a_hump_without_a_share_cannot_be_moved(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        assert slider(page, "hump 2, place").is_disabled()
        assert not page.locator(".handle").nth(2).is_visible()
        slider(page, "hump 1, share").fill("0.5")
        assert slider(page, "hump 2, place").is_enabled()
        assert page.locator(".handle").nth(2).is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe(width, theme, browser, output, tmp_path):
    options = {"theme": theme, "viewport": {"width": width, "height": 900}}
    with instrument_page.opened(browser, tmp_path, output, **options) as page:
        for i in range(len(instruments.DENSITIES_SCENES)):
            page.get_by_label("scene").select_option(index=i)
            assert instrument_page.violations(page) == [], i
        assert not instrument_page.too_wide(page)


def test_without_scripts_there_is_the_still(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, java_script_enabled=False) as page:
        assert page.get_by_alt_text("Above, the real density").is_visible()
