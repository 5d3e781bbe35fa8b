"""Every page in a real browser: three widths, light and dark, a keyboard, and no network.

Skipped where there is no Chromium or Chrome. The rules of axe-core are those of WCAG 2.1, AA.
"""

from importlib.resources import files

import built_book
import numpy as np
import pytest
from built_book import HTML

from gan_utils import film

WIDTHS = (390, 768, 1440)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
#: What a dark theme and a narrow window can break; the names and the order of things they cannot.
LOOKS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
#: On this page all is looked at; on the others not again what is alike on all of them.
WHOLE = "notebooks/04_vanilla_gan.html"
ALIKE = [".bd-header", ".bd-sidebar", ".bd-footer"]
#: Rule of axe-core -> why it cannot be met from a style sheet or a template, with the date.
FAULTS_OF_THE_THEME: dict[str, str] = {}

WIDE = """[...document.querySelectorAll("body *")].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !e.closest(
    ".katex-display, pre, .cell_output, .pst-scrollable-table-container, .bd-sidebar");
}).slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""


def violations(page, rules=RULES):
    """What axe-core finds, a line each.

    The thousands of parts of formulas are taken out of the page, and those of code on all pages but
    one: axe-core walks through them even where it is told to leave them out.
    """
    parts, skip = (".katex", []) if WHOLE in page.url else (".katex, .highlight", ALIKE)
    # What is left out leaves a word where it is all that a table's head holds.
    leave_out = (
        "s => document.querySelectorAll(s).forEach(e => e.replaceWith(e.closest('th') ? 'x' : ''))"
    )
    page.evaluate(leave_out, parts)
    more = {"empty-table-header": {"enabled": True}} if rules == RULES else {}
    run = "([skip, runOnly, rules]) => axe.run({exclude: skip}, {runOnly, rules, preload: false})"
    found = page.evaluate(run, [skip, rules, more])["violations"]
    return [
        f"{fault['id']}: {len(fault['nodes'])} times, first {fault['nodes'][0]['html'][:150]}"
        for fault in found
        if fault["id"] not in FAULTS_OF_THE_THEME
    ]


# The first of the pages only leads on to another.
@pytest.mark.parametrize("name", [*built_book.page_names()[1:], "404.html"])
def test_page(name, site, open_page):
    page = open_page(f"{site}/{name}", color_scheme="light")
    page.wait_for_load_state("networkidle")
    # Below 0.1 is called good. The notation page, full of formulas, settles when its fonts arrive.
    assert page.evaluate("window.shift") < 0.15, "something jumps while the page loads"
    # What is folded and what is far down is looked at too.
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    page.evaluate("[...document.images].forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    missing = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 80))"
    assert page.evaluate(missing) == []
    raw = "[...document.querySelectorAll('.math')].filter(e => !e.querySelector('.katex')).length"
    assert page.evaluate(raw) == 0 and page.locator(".katex-error").count() == 0
    for width in (320, *WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not too_wide, f"{width} pixels: {page.evaluate(WIDE)}"
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf8"))
    assert violations(page) == [], "light, 1440 pixels"
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(500)  # the theme looks for what scrolls a moment after a change of size
    assert violations(page, RULES if name == WHOLE else LOOKS) == [], "dark, 390 pixels"
    assert page.faults == []


def test_the_book_works_from_a_folder(site, open_page):
    page = open_page((HTML / "index.html").as_uri())
    page.wait_for_url("**/book/index.html")
    assert page.locator("article h1").inner_text().startswith("GANs You Can Run")
    page.goto((HTML / "search.html").as_uri() + "?q=smoothing")
    page.wait_for_selector("#search-results li a")
    assert "06_label_smoothing" in page.content()
    assert page.faults == []


def test_the_first_page_stands_still_for_who_wants_it(site, open_page):
    source = "document.querySelector('.hero img').currentSrc"
    for motion, kind in (("reduce", ".png"), ("no-preference", ".webp")):
        page = open_page(f"{site}/book/index.html", reduced_motion=motion)
        assert page.evaluate(source).endswith(kind)


def test_without_scripts_there_are_text_and_stills(site, open_page):
    page = open_page(f"{site}/notebooks/07_using_a_generator.html", java_script_enabled=False)
    assert page.locator("figure.live img").first.is_visible()
    assert page.locator(".katex-html").count() > 10


def test_copy_button(site, open_page):
    page = open_page(f"{site}/{WHOLE}", permissions=["clipboard-read", "clipboard-write"])
    cell = page.locator(".cell_input:visible").first
    cell.hover()
    cell.locator("button.copybtn").click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == cell.inner_text().strip()


def test_film_by_keyboard(site, open_page):
    page = open_page(f"{site}/{WHOLE}")
    film = page.locator("figure.film").first
    slider, said = film.locator("input[type=range]"), film.locator("output")
    film.scroll_into_view_if_needed()  # it loads when it comes near
    last = said.inner_text()
    alt = film.locator("img").get_attribute("alt")
    assert film.locator("canvas").get_attribute("aria-label") == alt
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert said.inner_text() != last and slider.get_attribute("aria-valuetext") == said.inner_text()
    page.keyboard.press("Home")
    first = said.inner_text()
    film.get_by_role("button", name="Play").press("Enter")
    page.wait_for_function(
        "([film, first]) => film.querySelector('output').textContent !== first",
        arg=[film.element_handle(), first],
    )
    film.get_by_role("button", name="Pause").press("Enter")
    assert film.get_by_role("button", name="Play").is_visible()
    assert page.faults == []


def test_generator_by_keyboard(site, open_page):
    page = open_page(f"{site}/notebooks/07_using_a_generator.html")
    figure = page.locator("figure.live").first
    picture = "e => e.querySelector('canvas').toDataURL()"
    before = figure.evaluate(picture)
    figure.locator("input[type=range]").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert figure.evaluate(picture) != before and page.faults == []


@pytest.mark.parametrize("scale", [1, 3])
def test_film_has_the_size_that_it_is_given(open_page, tmp_path, scale):
    frames = [np.full((20, 30, 1), 80 * i, np.uint8) for i in range(3)]
    made = film.show(frames, ["a", "b", "c"], alt="greys", caption="Greys.", scale=scale)
    (tmp_path / "film.html").write_text(f"<!DOCTYPE html><title>t</title>{made.data}")
    canvas = open_page((tmp_path / "film.html").as_uri()).locator("figure.film canvas")
    box = canvas.bounding_box()
    assert (box["width"], box["height"]) == (30 * scale, 20 * scale)
    middle = "e => [...e.getContext('2d').getImageData(15, 10, 1, 1).data.slice(0, 3)]"
    np.testing.assert_allclose(canvas.evaluate(middle), 160, atol=8)


def test_theme_follows_the_reader(site, open_page):
    mode = "document.documentElement.dataset.theme"
    for scheme in ("dark", "light"):
        page = open_page(f"{site}/book/index.html", color_scheme=scheme)
        assert page.evaluate(mode) == scheme
    seen = {"light"}
    button = page.locator("button.theme-switch-button").first
    for _ in range(3):
        button.press("Enter")
        seen.add(page.evaluate(mode))
    assert seen == {"light", "dark"}


def test_paper_is_white(site, open_page):
    page = open_page(f"{site}/book/index.html", color_scheme="dark")
    note = "() => window.printed = document.documentElement.dataset.theme"
    page.evaluate(f"addEventListener('beforeprint', {note})")
    page.pdf()
    assert page.evaluate("window.printed") == "light"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_checks_can_fail(open_page, tmp_path):
    """A page with one fault of each kind."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!DOCTYPE html><html lang=en><title>t</title><img src=missing.png>"
        "<p style='width: 2000px; color: #888; background: #999'>x</p>"
        "<script src='http://127.0.0.1:9/a.js'></script><script>console.error('oh')</script>"
    )
    page = open_page(bad.as_uri())
    page.evaluate("document.body.innerHTML += '<table><tr><th></th><td>1</td></tr></table>'")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf8"))
    found = " ".join(violations(page))
    assert "image-alt" in found and "empty-table-header" in found and "document-title" not in found
    assert page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert "2000px" in page.evaluate(WIDE)[0]
    faults = " ".join(page.faults)
    assert "left: http://127.0.0.1:9/a.js" in faults and "failed: file" in faults and "oh" in faults
