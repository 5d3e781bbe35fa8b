"""Looking something up without leaving the page, and reading on a phone, in a real browser."""

import built_book
import pytest
from built_book import HTML

LESSON = "notebooks/04_vanilla_gan.html"
CITATION = "a[href$='references.html#goodfellow2014']"
TERM = "a[href$='glossary.html#mode-collapse']"
FORMULA = "a.reference[href='#equation-4-1']"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
#: open code that is wider than its box
TOO_WIDE = """[...document.querySelectorAll(".bd-article .highlight pre")]
  .filter(e => e.checkVisibility() && !e.closest(".cell_output"))
  .filter(e => e.scrollWidth > e.clientWidth + 1)
  .map(e => e.innerText.slice(0, 60))"""


def link_to(page, where):
    """The first link to something, in the middle of the window."""
    link = page.locator(f".bd-article {where}").first
    link.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    return link


@pytest.mark.parametrize(
    "where, words",
    [(CITATION, "Generative adversarial nets"), (TERM, "few kinds"), (FORMULA, "(4.1)")],
)
def test_pointing_at_a_link_shows_what_it_leads_to(where, words, site, open_page):
    page = open_page(f"{site}/{LESSON}")
    link, card = link_to(page, where), page.locator("#lookup")
    assert not card.is_visible()
    link.hover()
    card.wait_for()
    assert words in card.inner_text() and card.get_attribute("role") == "tooltip"
    box, line = card.bounding_box(), link.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1440
    assert box["y"] >= line["y"] or box["y"] + box["height"] <= line["y"] + line["height"]
    card.hover()  # one can go and read it
    page.wait_for_timeout(500)
    assert card.is_visible()
    page.mouse.move(1, 1)
    card.wait_for(state="hidden")
    assert page.faults == []


def test_the_keyboard_reaches_a_card(site, open_page):
    page = open_page(f"{site}/{LESSON}")
    link, card = link_to(page, TERM), page.locator("#lookup")
    page.keyboard.press("Tab")  # from now on the keyboard is in use
    link.focus()
    card.wait_for()
    assert link.get_attribute("aria-describedby") == "lookup"
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    assert link.get_attribute("aria-describedby") is None
    assert link.evaluate("e => e === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#mode-collapse")


def test_a_tap_opens_a_card_that_leads_on(site, open_page):
    page = open_page(f"{site}/{LESSON}", **PHONE)
    link, card = link_to(page, CITATION), page.get_by_role("dialog", name="(Goodfellow")
    link.tap()
    card.wait_for()
    assert card.evaluate("e => e === document.activeElement")
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    assert link.evaluate("e => e === document.activeElement"), "the focus returns"
    link.tap()
    card.get_by_role("button", name="Close").tap()
    card.wait_for(state="hidden")
    link.tap()
    card.get_by_role("link", name="Go there").tap()
    page.wait_for_url("**/references.html#goodfellow2014")


def test_cards_work_from_a_folder(open_page):
    built_book.build()
    page = open_page((HTML / LESSON).as_uri())
    link_to(page, CITATION).hover()
    page.locator("#lookup").wait_for()
    assert page.faults == []


def test_without_scripts_a_link_is_a_link(site, open_page):
    page = open_page(f"{site}/{LESSON}", java_script_enabled=False)
    page.locator(f".bd-article {TERM}").first.click()
    page.wait_for_url("**/glossary.html#mode-collapse")


# --- Where one is ---------------------------------------------------------------------------------


def test_the_contents_follow_a_jump(site, open_page):
    page = open_page(f"{site}/{LESSON}")
    here = page.locator("nav.page-toc a[aria-current]")
    for share in (0.3, 0.8, 0.5):
        page.evaluate(
            f"scrollTo({{top: {share} * document.body.scrollHeight, behavior: 'instant'}})"
        )
        page.wait_for_timeout(300)
        seen = page.evaluate(
            """[...document.querySelectorAll(".bd-article section[id]")]
            .filter(e => e.getBoundingClientRect().top <= innerHeight * 0.3).at(-1).id"""
        )
        assert here.count() == 1 and here.get_attribute("href") == f"#{seen}"
        line = here.bounding_box()
        assert 0 <= line["y"] <= 900, "it is in sight"
    assert page.faults == []


def test_the_contents_mark_where_the_reader_went_though_the_next_heading_is_close(site, open_page):
    page = open_page(f"{site}/book/glossary.html")
    close = """() => {
      const links = [...document.querySelectorAll("nav.page-toc a[href^='#']")];
      const tops = links.map(e => document.querySelector(e.hash).getBoundingClientRect().top);
      return links.filter((e, i) => i > 2 && tops[i + 1] - tops[i] < 180).map(e => e.hash)[0];
    }"""
    went = page.evaluate(close)
    assert went, "two headings stand close together"
    here = page.locator("nav.page-toc a[aria-current]")
    page.locator(f"nav.page-toc a[href='{went}']").click()
    page.wait_for_timeout(500)
    assert here.get_attribute("href") == went
    page.evaluate("scrollBy({top: 200, behavior: 'instant'})")
    page.wait_for_timeout(300)
    assert here.get_attribute("href") != went, "the reader has gone on"


def test_a_line_tells_how_far_one_has_read(site, open_page):
    page = open_page(f"{site}/{LESSON}")
    wide = """() => new DOMMatrix(getComputedStyle(document.body, "::after").transform).a"""
    assert page.evaluate(wide) < 0.02
    page.evaluate("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    page.wait_for_timeout(300)
    assert page.evaluate(wide) > 0.98


# --- On a phone -----------------------------------------------------------------------------------


def test_what_goes_on_sideways_fades_until_its_end(site, open_page):
    page = open_page(f"{site}/notebooks/02_adversarial_game.html", **PHONE)
    box = page.locator(".katex-display.more").first
    mask = "e => getComputedStyle(e).maskImage"
    assert "gradient" in box.evaluate(mask)
    element = box.element_handle()
    element.evaluate("e => e.scrollLeft = e.scrollWidth")
    page.wait_for_timeout(200)
    assert element.evaluate(mask) == "none"


def test_a_table_of_text_becomes_cards(site, open_page):
    page = open_page(f"{site}/book/notation.html", **PHONE)
    cells = page.locator("table.stacks").first.locator("tbody tr").first.locator("td")
    boxes = [cells.nth(n).bounding_box() for n in range(3)]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert all(box["width"] > 250 for box in boxes)
    label = cells.nth(2).evaluate("e => getComputedStyle(e, '::before').content")
    assert label == '"Meaning"'
    page.set_viewport_size({"width": 768, "height": 900})
    assert cells.nth(0).bounding_box()["y"] == cells.nth(2).bounding_box()["y"]


#: words, as the pages of Sphinx part them, that stand on two lines
BROKEN = """where => [...document.querySelectorAll(where)]
  .filter(e => /^[\\w.]+$/.test(e.textContent) && e.checkVisibility())
  .filter(e => e.getClientRects().length > 1)
  .map(e => e.textContent)"""


@pytest.mark.parametrize("width", [320, 390])
def test_names_in_signatures_break_where_they_are_made_of_parts(width, site, open_page):
    page = open_page(f"{site}/book/api.html", viewport={"width": width, "height": 844})
    assert page.evaluate(BROKEN, "dl.py .sig .pre") == []
    page.add_style_tag(content="wbr { display: none }")
    assert page.evaluate(BROKEN, "dl.py .sig .pre") != [], "the parts are needed"


def test_wide_signatures_break_between_arguments_alone(site, open_page):
    page = open_page(f"{site}/book/api.html")
    assert page.evaluate(BROKEN, "dl.py .sig .pre") == []
    assert page.locator(".sig wbr").first.evaluate("e => getComputedStyle(e).display") == "none"
    assert "build_digit_classifier>" not in page.locator("body").inner_text(), "a value"


@pytest.mark.parametrize("name", ["book/sources", "notebooks/04_evidence"])
def test_names_in_tables_stay_whole_and_wide_tables_scroll(name, site, open_page):
    page = open_page(f"{site}/{name}.html", **PHONE)
    assert page.evaluate(BROKEN, ".bd-article table:not(.stacks) code .pre") == []
    boxes = page.locator(".bd-article .pst-scrollable-table-container")
    wide = boxes.evaluate_all("l => l.filter(e => e.scrollWidth > e.clientWidth + 1).length")
    assert wide or name == "book/sources"
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_previous_and_next_stand_one_below_the_other(site, open_page):
    page = open_page(f"{site}/book/notation.html", **PHONE)
    for link in page.locator(".prev-next-area a").all():
        assert link.locator(".prev-next-title").bounding_box()["height"] < 80
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


# --- Code -----------------------------------------------------------------------------------------


def test_no_open_line_of_code_is_wider_than_its_box(site, open_page):
    page = open_page(f"{site}/book/index.html", viewport={"width": 1280, "height": 900})
    found = {}
    for name in built_book.page_names()[1:]:
        page.goto(f"{site}/{name}", wait_until="domcontentloaded")
        found[name] = page.evaluate(TOO_WIDE)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_code_has_four_fifths_of_the_size_of_text(site, open_page):
    page = open_page(f"{site}/{LESSON}", viewport={"width": 1280, "height": 900})
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    text = page.locator(".bd-article section > p").first.evaluate(size)
    code = page.locator(".cell_input:visible pre").first.evaluate(size)
    assert 0.8 <= code / text + 0.001 < 1
