"""How a chapter's page is used: folds, switch, marks and pictures, by mouse, touch and keyboard."""

from importlib.resources import files

import built_book
import pytest
import test_book_reading
from built_book import HTML, ROOT
from test_book_browser import RULES, WIDTHS, violations

CHAPTER = "notebooks/04_vanilla_gan.html"
WIDE = "notebooks/12_evaluating.html"  # a figure of it is wider than any phone
SIZES = {390: 844, 768: 1024, 1440: 900}
#: what is pressed is pressed in another way at each width
HOW = {390: "touch", 768: "keyboard", 1440: "mouse"}
FOLDS = "details.fold:not(.solution, .checked)"
#: the share of a page's height that stands open as code
SHARE = """() => {
  document.querySelectorAll("img").forEach(image => image.loading = "eager");
  const boxes = [...document.querySelectorAll(".cell_input")].filter(box => box.checkVisibility());
  const open = boxes.reduce((sum, box) => sum + box.getBoundingClientRect().height, 0);
  return open / document.documentElement.scrollHeight;
}"""


@pytest.fixture(params=WIDTHS)
def at_width(request, site, open_page):
    """A function that opens a page of the book at one of the three widths."""

    def at_width(name, **options):
        size = {"width": request.param, "height": SIZES[request.param]}
        touch = HOW[request.param] == "touch"
        return open_page(f"{site}/{name}", viewport=size, has_touch=touch, **options)

    at_width.pixels = request.param
    at_width.how = HOW[request.param]
    return at_width


def opened(page, folds=FOLDS):
    """How many folds are open, and how many there are."""
    return page.locator(f"{folds}[open]").count(), page.locator(folds).count()


def use(page, locator, how):
    """Press something by mouse, by touch or by keyboard."""
    if how == "keyboard":
        locator.focus()
        page.keyboard.press("Enter")
    else:
        locator.click() if how == "mouse" else locator.tap()


# --- The switch and the folds ---------------------------------------------------------------------


def test_the_switch_opens_all_code_and_is_remembered(at_width, site):
    page = at_width(CHAPTER)
    switch = page.get_by_role("button", name="Show all code")
    none, count = opened(page)
    assert none == 0 and count > 5 and switch.get_attribute("aria-pressed") == "false"
    use(page, switch, at_width.how)
    assert opened(page) == (count, count) and switch.get_attribute("aria-pressed") == "true"
    assert opened(page, "details.solution")[0] == 0, "no solution is given away"
    assert opened(page, "details.checked")[0] == 0 < page.locator("details.checked").count()
    page.reload()
    assert opened(page) == (count, count)
    page.goto(f"{site}/notebooks/05_leaky_relu.html")
    assert opened(page)[0] == opened(page)[1] > 5
    use(page, page.get_by_role("button", name="Show all code"), at_width.how)
    assert opened(page)[0] == 0
    page.goto(f"{site}/{CHAPTER}")
    assert opened(page)[0] == 0 and page.faults == []


def test_the_switch_keeps_what_one_reads_in_place(at_width):
    page = at_width(CHAPTER)
    heading = page.locator("#watching-it-learn > :is(h2, h3)")
    page.evaluate("scrollTo(0, document.querySelector('#watching-it-learn').offsetTop)")
    page.wait_for_timeout(300)
    before = heading.bounding_box()["y"]
    box = page.get_by_role("button", name="Show all code").bounding_box()
    assert 0 <= box["y"] < 60, "the switch is always within reach"
    for _ in range(2):  # not by click(), which scrolls a sticky button into view
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(300)
        assert abs(heading.bounding_box()["y"] - before) < 3


@pytest.mark.parametrize("share", [0.2, 0.45, 0.7])
def test_the_switch_keeps_a_line_in_the_middle_of_a_cell(share, at_width):
    page = at_width(CHAPTER)
    page.evaluate(f"scrollTo(0, {share} * document.body.scrollHeight)")
    page.wait_for_timeout(300)
    page.evaluate(
        """window.line = [...document.querySelectorAll(".bd-article :is(p, li, pre, img, svg)")]
        .find(e => e.getBoundingClientRect().height && e.getBoundingClientRect().top > 60)"""
    )
    top = "line.getBoundingClientRect().top"
    before = page.evaluate(top)
    box = page.get_by_role("button", name="Show all code").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    assert abs(page.evaluate(top) - before) < 3


def test_a_browser_that_remembers_nothing_can_still_switch(at_width, site):
    page = at_width("book/index.html")
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw 1; }})")
    # The theme's own script asks for the storage too; ours must not be stopped by that.
    page.goto(f"{site}/{CHAPTER}")
    page.get_by_role("button", name="Show all code").click()
    assert opened(page)[0] == opened(page)[1] > 5


def test_one_fold_opens_alone(at_width):
    page = at_width(CHAPTER)
    fold = page.locator("details.fold.draw").first
    code = fold.locator(".cell_input").first
    assert not code.is_visible() and "diagram." in code.text_content()
    use(page, fold.locator("summary"), at_width.how)
    assert code.is_visible() and opened(page)[0] == 1
    use(page, fold.locator("summary"), at_width.how)
    assert not code.is_visible()


def test_without_scripts_all_is_open(at_width):
    page = at_width(CHAPTER, java_script_enabled=False)
    folds = page.locator("details.fold").all()
    assert len(folds) > 10
    for fold in folds:
        assert fold.locator(".cell_input").first.is_visible()
    assert page.get_by_role("button", name="Show all code").count() == 0


def test_on_paper_what_is_folded_stays_folded(at_width):
    page = at_width(CHAPTER)
    first, second = page.locator("details.fold.draw").all()[:2]
    second.locator("summary").click()
    page.emulate_media(media="print")
    assert not first.locator("summary").is_visible() and not first.locator("pre").is_visible()
    assert second.locator("pre").first.is_visible(), "the reader has opened it"
    assert page.locator("details.checked .tick").first.is_visible()
    assert not page.locator(".strip").is_visible()


@pytest.mark.parametrize("name", ["04_vanilla_gan", "09_dcgan_mnist"])
def test_little_of_a_page_is_open_code(at_width, name):
    page = at_width(f"notebooks/{name}.html")
    folded = page.evaluate(SHARE)
    assert 0.02 < folded < 0.18
    page.get_by_role("button", name="Show all code").click()
    assert page.evaluate(SHARE) > 1.5 * folded, "the measure sees open code"


# --- The mark -------------------------------------------------------------------------------------


def test_the_mark_opens_what_was_asserted(at_width):
    page = at_width(CHAPTER)
    mark = page.locator("details.checked").first
    told = mark.locator(".asserted")
    assert not told.is_visible() and mark.locator("summary").is_visible()
    use(page, mark.locator("summary"), at_width.how)
    assert told.is_visible() and "It held on" in told.inner_text()
    assert mark.locator(".cell_input").last.is_visible()
    assert told.locator("a").get_attribute("href").endswith("book/status.html")


def test_the_mark_is_large_enough_and_beside_its_sentence(at_width):
    page = at_width(CHAPTER)
    cell = page.locator(".cell:has(> .checked)").first
    mark, sentence = cell.locator("summary").bounding_box(), cell.locator("p").first.bounding_box()
    assert mark["width"] >= 44 and mark["height"] >= 44
    assert mark["x"] + mark["width"] <= sentence["x"] + 5
    assert abs(mark["y"] + mark["height"] / 2 - sentence["y"] - 14) < 15, "at its first line"


# --- Pictures -------------------------------------------------------------------------------------


def test_a_picture_opens_in_full_size(at_width):
    page = at_width(WIDE)
    figure = page.locator("#fig-12-notices")
    button = figure.get_by_role("button", name="Enlarge")
    use(page, button if at_width.how == "keyboard" else figure.locator("img"), at_width.how)
    dialog = page.get_by_role("dialog")
    large = dialog.locator("img")
    assert dialog.is_visible()
    assert large.get_attribute("alt") == figure.locator("img").get_attribute("alt")
    assert large.bounding_box()["width"] >= int(figure.locator("img").get_attribute("width")) > 700
    room = dialog.locator(".zoom-room")
    if at_width.pixels == 390:
        room.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        assert room.evaluate("room => room.scrollLeft") > 0, "it can be seen to its edge"
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement"), "the focus returns"
    use(page, figure.locator("img") if at_width.how != "keyboard" else button, at_width.how)
    use(page, dialog.get_by_role("button", name="Close"), at_width.how)
    dialog.wait_for(state="hidden")
    assert page.faults == []


def test_every_picture_of_a_chapter_can_be_enlarged(at_width):
    page = at_width(CHAPTER)
    pictures = page.locator(".bd-article figure .picture img").count()
    names = page.evaluate("[...document.querySelectorAll('.enlarge')].map(b => b.ariaLabel)")
    assert len(names) == pictures > 5 and all(len(name) > 15 for name in names)


def test_the_picture_of_a_lesson_opens_in_full_size(at_width):
    page = at_width(WIDE)
    picture = page.locator("img.result")
    assert picture.evaluate("e => e.naturalWidth") > picture.bounding_box()["width"]
    use(page, picture, at_width.how)
    large = page.get_by_role("dialog").locator("img")
    large.wait_for()
    assert large.bounding_box()["width"] >= int(picture.get_attribute("width"))
    assert large.get_attribute("alt") == picture.get_attribute("alt")
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    assert picture.evaluate("e => e === document.activeElement"), "the focus returns"
    assert page.get_by_role("button", name="Enlarge: ").first.is_visible()
    assert page.faults == []


def test_a_picture_that_is_enlarged_on_the_page_stays_as_it_is(at_width):
    picture = at_width(CHAPTER).locator("img.result.enlarged")
    assert picture.get_attribute("role") is None and picture.get_attribute("tabindex") is None


def test_a_wide_figure_scrolls_on_a_phone_and_says_so(at_width):
    page = at_width(WIDE)
    box = page.locator("#fig-12-notices .picture")
    image = box.locator("img")
    image.scroll_into_view_if_needed()
    page.wait_for_function("e => e.naturalWidth > 0", arg=image.element_handle())
    hint = box.evaluate("box => getComputedStyle(box, '::before').content")
    wide = box.evaluate("box => box.scrollWidth > box.clientWidth + 1")
    if at_width.pixels == 390:
        # Its smallest type has 8 points, 12.2 pixels at 110 dots an inch.
        assert 12.2 * image.bounding_box()["width"] / int(image.get_attribute("width")) >= 9
        assert wide and "swipe" in hint and box.get_attribute("tabindex") == "0"
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        assert box.evaluate("box => box.scrollLeft") > 0
    else:
        assert not wide and hint == "none"


def test_text_code_figures_captions_and_films_have_one_left_edge(at_width):
    page = at_width(CHAPTER)
    page.get_by_role("button", name="Show all code").click()
    kinds = {
        "text": "section > p",
        "code": ".cell_input",
        "picture": "figure .picture",
        "caption": "figure .caption-text",
        "film": "figure.film canvas",
        "table": ".cell_output table",
        "rule of a checked sentence": ".cell:has(> .checked)",
    }
    edges = {
        kind: page.locator(f".bd-article {where}:visible").nth(1 if kind == "text" else 0)
        for kind, where in kinds.items()
        if page.locator(f".bd-article {where}:visible").count()
    }
    assert len(edges) >= 5
    lefts = {kind: edge.bounding_box()["x"] for kind, edge in edges.items()}
    text = lefts["text"]
    assert {kind: left - text for kind, left in lefts.items() if abs(left - text) > 1} == {}


@pytest.mark.parametrize("name", test_book_reading.HEADS)
def test_a_picture_stands_on_the_first_screen(name, site, open_page):
    for width, height in ((1280, 900), (390, 844)):
        size = {"width": width, "height": height}
        page = open_page(f"{site}/notebooks/{name}.html", viewport=size)
        box = page.locator("img.result").bounding_box()
        assert box["height"] > 60 and box["y"] + box["height"] < height, f"{width} pixels: {box}"


def test_the_film_of_a_lesson_stands_still_for_who_wants_it(site, open_page):
    source = "document.querySelector('img.result').currentSrc"
    for motion, kind in (("reduce", ".png"), ("no-preference", ".webp")):
        page = open_page(f"{site}/{CHAPTER}", reduced_motion=motion)
        assert page.evaluate(source).endswith(kind)


def test_the_ring_around_a_control_is_not_cut(at_width):
    page = at_width(CHAPTER)
    page.keyboard.press("Tab")  # from now on the keyboard is in use
    film = page.locator(".cell_output figure.film").first
    film.scroll_into_view_if_needed()  # it loads when it comes near
    control = film.get_by_role("button", name="Play")  # at the left edge
    control.focus()
    cut = control.evaluate(
        """e => {
          const ring = parseFloat(getComputedStyle(e).outlineWidth)
            + parseFloat(getComputedStyle(e).outlineOffset);
          const own = e.getBoundingClientRect(), found = [];
          for (let box = e.parentElement; box.closest(".cell_output"); box = box.parentElement) {
            if (getComputedStyle(box).overflowX === "visible") continue;
            const {left, right} = box.getBoundingClientRect();
            if (own.left - ring < left || own.right + ring > right) found.push(box.className);
          }
          return [ring, found];
        }"""
    )
    assert cut == [5, []]


# --- All of it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_bars_anybody_when_all_is_open(theme, at_width):
    """On a page with marks, wide figures and solutions; test_book_browser.py looks at all pages."""
    page = at_width(WIDE, color_scheme=theme)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf8"))
    page.wait_for_timeout(500)
    assert violations(page, RULES) == []
    page.locator(".picture img").first.click()
    assert violations(page, RULES) == [], "with a picture in full size"
    page.keyboard.press("Escape")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_own_scripts_are_small():
    """On a page without an instrument: ours, and the one of a film; the search has its own page."""
    built_book.build()
    own = [*(HTML / "_static").glob("*.js")]
    ours = [p for p in own if (ROOT / "book/_static" / p.name).is_file() and p.name != "search.js"]
    assert {"code.js", "zoom.js"} <= {path.name for path in ours}
    size = sum(path.stat().st_size for path in [*ours, ROOT / "gan_utils/film.js"])
    assert size < 20_000
