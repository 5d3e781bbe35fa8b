"""The convolution workbench: its calculator against the package's, its calls run in Keras."""

import instrument_page
import keras
import numpy as np
import pytest
from keras import layers

from gan_utils.chapters import upsampling
from gan_utils.teaching import instruments

FIGURE = "document.querySelector('figure.convolution')"
KERNEL = [[1, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [0, 1, 1, 2]]


@pytest.fixture(scope="module")
def output():
    return instruments.show_convolution()


@pytest.fixture(scope="module")
def engine(browser, output, tmp_path_factory):
    """A page whose sums are used without its controls."""
    with instrument_page.opened(browser, tmp_path_factory.mktemp("convolution"), output) as page:
        yield page


# --- The package's calculator ---------------------------------------------------------------------


def package_says(arguments):
    try:
        return {"fits": [list(pair) for pair in upsampling.transposed_geometry(*arguments)]}
    except ValueError as error:
        return {"refused": str(error)}


def test_the_calculator_is_that_of_the_package(engine):
    """All combinations of the calculator's own tests, and a table around them; the words too."""
    asked = [
        (small, large, stride, 6)
        for small in range(0, 10)
        for large in range(0, 31)
        for stride in range(0, 5)
    ]
    asked += [
        (14, 28, 2, 6),
        (3, 28, 2, 6),
        (2, 7, 4, 4),
        (0, 4, 2, 6),
        (3, 0, 2, 6),
        (3, 6, 0, 6),
        (3, 9, 3, 2),
        (5, 15, 3, 6),
        (1, 4, 1, 6),
        (7, 14, 2, 9),
    ]
    call = f"asked => asked.map(numbers => {FIGURE}.geometry(...numbers))"
    for arguments, found in zip(
        asked, engine.evaluate(call, [list(a) for a in asked]), strict=True
    ):
        assert found == package_says(arguments), arguments
    assert len({str(package_says(a)) for a in asked}) > 300


# --- Keras ----------------------------------------------------------------------------------------


def combinations(kind):
    for side, kernel, stride, padding in np.ndindex(8, 7, 4, 4):
        for extra in range(4 if kind == "transposed" else 1):
            numbers = {"side": side + 1, "kernel": kernel + 1, "stride": stride + 1}
            yield {"kind": kind, **numbers, "padding": padding, "output_padding": extra}


def model(call, side, weights):
    """What the page's call builds, with these weights."""
    named = {
        name: getattr(layers, name)
        for name in ("Conv2D", "Conv2DTranspose", "ZeroPadding2D", "Cropping2D")
    }
    h = x = keras.Input((side, side, 1))
    for line in call.split("\n"):
        layer = eval(line, named)  # our own text
        h = layer(h)
        if "Conv" in line:
            layer.set_weights([np.reshape(weights, (*np.shape(weights), 1, 1)), np.zeros(1)])
    return keras.Model(x, h)


@pytest.mark.parametrize("kind", ["transposed", "convolution"])
def test_sizes(kind, engine):
    """By the formulas of chapter 08, in every combination that the sliders have."""
    cases = list(combinations(kind))
    call = f"cases => cases.map(c => {FIGURE}.layer(c))"
    refused = 0
    for case, found in zip(cases, engine.evaluate(call, cases), strict=True):
        side, kernel, stride, padding, extra = [*case.values()][1:]
        if kind == "convolution":
            small, large = (side + 2 * padding - kernel) // stride + 1, side
            possible = side + 2 * padding >= kernel
        else:
            small, large = side, (side - 1) * stride + kernel - 2 * padding + extra
            possible = extra < stride and large > 0
        if possible:
            assert (found["small"], found["large"]) == (small, large), case
        else:
            refused += 1
            assert "Possible: " in found["refused"], case
    assert 0 < refused < len(cases) / 2


@pytest.mark.parametrize("kind", ["transposed", "convolution"])
def test_the_call_makes_what_the_page_shows(kind, engine):
    """A sample of the combinations, each kind of call among them, run in Keras: every number."""
    cases = list(combinations(kind))
    answers = engine.evaluate(f"cases => cases.map(c => {FIGURE}.layer(c))", cases)
    fine = [(c, a) for c, a in zip(cases, answers, strict=True) if "call" in a]
    picked = [fine[i] for i in np.random.default_rng(0).choice(len(fine), 24, replace=False)]
    usual = {"kind": kind, "side": 3 if kind == "transposed" else 6, "kernel": 4, "stride": 2}
    usual |= {"padding": 1, "output_padding": 0}
    picked.append(next((c, a) for c, a in fine if c == usual))
    picked += [next(f for f in fine if f[0]["kernel"] < f[0]["stride"] and f[0]["side"] > 2)]
    assert 'padding="same"' in picked[-2][1]["call"]
    assert any("\n" in a["call"] for _, a in picked)
    call = f"cases => cases.map(c => ['numbers', 'counts'].map(k => {FIGURE}.pictures(c, k)))"
    pictures = engine.evaluate(call, [case for case, _ in picked])
    for (case, answer), (numbers, counts) in zip(picked, pictures, strict=True):
        inside = slice(case["padding"], case["padding"] + answer["large"])
        parts = {}
        for name, shown in (("numbers", numbers), ("counts", counts)):
            large = np.array(shown["larges"])[inside, inside]
            parts[name] = np.array(shown["smalls"]), large, np.array(shown["kernels"])
        small, large, weights = parts["numbers"]
        given, made = (small, large) if kind == "transposed" else (large, small)
        network = model(answer["call"], case["side"], weights)
        assert network.output_shape[1:3] == made.shape, case
        by_keras = np.asarray(network(given[None, :, :, None].astype("float32")))[0, :, :, 0]
        np.testing.assert_array_equal(by_keras, made, err_msg=str(case))
        small, large, _ = parts["counts"]  # of ones and a kernel of ones, the sums are counts
        network = model(answer["call"], case["side"], np.ones_like(weights))
        ones = np.ones((1, *given.shape, 1), "float32")
        counted = large if kind == "transposed" else small
        by_keras = np.asarray(network(ones))[0, :, :, 0]
        np.testing.assert_array_equal(by_keras, counted, err_msg=str(case))


def test_the_example_is_that_of_chapter_08(engine):
    case = {"kind": "convolution", "side": 6, "kernel": 4, "stride": 2, "padding": 1}
    call = f"c => {FIGURE}.pictures({{...c, output_padding: 0}}, 'numbers')"
    shown = engine.evaluate(call, case)
    assert shown["smalls"] == [[1, 6, 3], [6, 8, 1], [3, 0, 0]] and shown["kernels"] == KERNEL


# --- In use ---------------------------------------------------------------------------------------


def lit(page, table):
    return page.locator(f".{table} td.lit").count()


def set_slider(page, name, value):
    page.get_by_role("slider", name=name).fill(str(value))


def test_pointing_shows_what_feeds_a_cell(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, script=instrument_page.LISTEN) as page:
        page.locator(".larges tr").nth(3).locator("td").nth(3).hover()
        assert [lit(page, t) for t in ("smalls", "kernels", "larges")] == [4, 4, 1]
        page.locator(".smalls td").nth(4).hover()
        assert [lit(page, t) for t in ("smalls", "kernels", "larges")] == [1, 16, 16]
        page.locator(".kernels td").first.hover()
        assert [lit(page, t) for t in ("smalls", "kernels", "larges")] == [9, 1, 9]
        page.locator(".larges td").first.hover()
        page.wait_for_timeout(1300)
        said = page.get_by_role("status").inner_text()
        assert said == "The output at row −1, column −1 is fed by 1 cell, and is cut off. 1 · 1 = 1"
        assert instrument_page.said_too_often(page) == []


def test_by_keyboard(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        table = page.get_by_role("grid").last
        table.locator("[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")  # the edge
        assert page.evaluate("[...document.querySelector('td.at').classList]") == [
            "cut",
            "lit",
            "at",
        ]
        assert page.evaluate("document.activeElement.cellIndex") == 1
        assert table.locator("[tabindex='0']").count() == 1
        page.get_by_role("slider", name="kernel K").focus()
        page.keyboard.press("ArrowRight")
        assert "checkerboard" in page.locator(".board").inner_text()
        assert (
            page.locator("code").inner_text() == "Conv2DTranspose(1, 5, strides=2)\nCropping2D(1)"
        )
        page.get_by_role("button", name="Play").press("Enter")
        page.wait_for_function("document.querySelector('.smalls td.at')")
        page.get_by_role("button", name="Pause").press("Enter")
        assert page.get_by_role("button", name="Play").is_visible()


def test_refusals_and_answers(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        assert page.get_by_role("spinbutton").input_value() == "6"
        page.get_by_role("spinbutton").fill("28")
        assert "Refused: 28 pixels cannot be made of 3" in page.locator(".found").inner_text()
        page.get_by_role("spinbutton").fill("7")
        page.get_by_role("button", name="kernel 5, padding 1").click()
        assert page.locator(".sizes").inner_text() == "(3 − 1) · 2 + 5 − 2 · 1 = 7 pixels of 3."
        set_slider(page, "kernel K", 2)
        set_slider(page, "padding P", 3)
        assert page.locator(".sizes").inner_text().startswith("Refused: A padding of 3 cuts all 6")
        assert page.locator("table").first.is_hidden()
        page.get_by_role("combobox", name="layer").select_option("convolution")
        set_slider(page, "padding P", 0)
        set_slider(page, "kernel K", 7)
        assert "Refused: A kernel of 7 does not fit into 3" in page.locator(".sizes").inner_text()
        set_slider(page, "side, going in", 14)
        set_slider(page, "padding P", 3)
        assert page.locator("table").first.is_hidden(), "20 cells are too many"
        assert "7 pixels of 14" in page.locator(".sizes").inner_text()


def test_what_the_calculator_is_asked(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        asked, answer = page.get_by_role("spinbutton"), page.locator(".found")
        for nonsense in ("", "0", "-3", "3.7", "1000"):
            asked.fill(nonsense)
            assert answer.inner_text() == "Refused: it must be a whole number from 1 to 99."
        page.get_by_role("combobox", name="layer").select_option("convolution")
        set_slider(page, "side, going in", 6)
        asked.fill("28")
        assert answer.inner_text() == (
            "Refused: 28 pixels cannot be made of 6 with stride 2 and a kernel of 2 to 6. "
            "Possible: 1, 2, 3."
        )
        page.wait_for_timeout(1100)
        assert "Possible: 1, 2, 3." in page.get_by_role("status").inner_text()
        asked.fill("3")
        page.get_by_role("button", name="kernel 4, padding 1").press("Enter")
        assert page.evaluate("document.activeElement.type") == "number", "the focus is not lost"


def test_the_cut_border_is_named(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output) as page:
        page.locator(".smalls td").last.click()
        page.wait_for_timeout(1100)
        assert page.get_by_role("status").inner_text() == (
            "The input at row 2, column 2 goes into 16 cells of the output, 7 of the border, "
            "which is cut off."
        )
        page.locator(".larges td").nth(20).click()
        page.keyboard.press("ArrowRight")
        assert page.locator(".larges [tabindex='0']").count() == 1, "one stop of Tab"


def test_copy(browser, output, tmp_path):
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    with instrument_page.opened(browser, tmp_path, output, **options) as page:
        page.get_by_role("button", name="Copy").click()
        page.get_by_role("button", name="Copied").wait_for()
        text = page.evaluate("navigator.clipboard.readText()")
        assert text == 'Conv2DTranspose(1, 4, strides=2, padding="same")'


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe(width, theme, browser, output, tmp_path):
    options = {"theme": theme, "viewport": {"width": width, "height": 900}, "has_touch": True}
    with instrument_page.opened(browser, tmp_path, output, **options) as page:
        assert instrument_page.violations(page) == [], "at rest"
        page.locator(".larges td").nth(20).tap()
        assert lit(page, "larges") == 1
        assert instrument_page.violations(page) == [], "a cell"
        page.get_by_role("combobox", name="cells show").select_option("counts")
        page.get_by_role("combobox", name="layer").select_option("convolution")
        set_slider(page, "side, going in", 10)
        set_slider(page, "padding P", 3)
        assert instrument_page.violations(page) == [], "many cells"
        assert not instrument_page.too_wide(page)
        set_slider(page, "side, going in", 1)
        set_slider(page, "padding P", 0)
        assert instrument_page.violations(page) == [], "refused"


def test_without_scripts_there_is_the_still(browser, output, tmp_path):
    with instrument_page.opened(browser, tmp_path, output, java_script_enabled=False) as page:
        assert page.get_by_alt_text("Three grids").is_visible()
