"""The search: it knows the book by sections, forgives a typo, and leads to the sentence."""

import json
import re
from urllib.parse import urlsplit

import built_book
import pytest
import search_index
from built_book import HTML, ROOT
from docutils import nodes

PHONE = {"width": 390, "height": 844}
INDEX = HTML / search_index.FILE
IN_VIEW = """e => {
  const box = e.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight;
}"""


@pytest.fixture(scope="module")
def index():
    built_book.build()
    text = INDEX.read_text(encoding="utf-8")
    return json.loads(text.removeprefix("var bookIndex = ").removesuffix(";\n"))


def text_of(index, page, heading):
    numbers = [n for n, (address, _) in enumerate(index["pages"]) if address == page]
    found = [text for n, _, title, text in index["sections"] if (n, title) == (*numbers, heading)]
    assert len(found) == 1
    return found[0]


# --- The index ------------------------------------------------------------------------------------


def test_every_section_of_the_index_is_on_its_page(index):
    ids = {}
    for address, _ in index["pages"]:
        text = (HTML / address).read_text(encoding="utf-8")
        ids[address] = set(re.findall(r'<[^<>]* id="([^"]+)"', text))
    assert {f"{name}.html" for name in search_index.contents.pages(ROOT)} == ids.keys()
    places = [(index["pages"][n][0], anchor) for n, anchor, _, _ in index["sections"]]
    assert [place for place in places if place[1] not in ids[place[0]]] == []
    assert len(places) > 500


def test_the_index_holds_what_a_reader_sees(index):
    page = "notebooks/04_vanilla_gan.html"
    assert "most famous trouble of GANs" in text_of(index, page, "Mode collapse")
    wants = text_of(index, page, "What each of them wants")
    assert "tf.math.softplus(logits)" in wants, "code that teaches"
    assert r"\begin" not in wants and "<details" not in json.dumps(index)
    assert "imports" not in wants and "diagram." not in text_of(index, page, "The game")
    evidence = [s[3] for s in index["sections"] if "_evidence" in index["pages"][s[0]][0]]
    assert not any("plt.subplots" in text for text in evidence), "code that is folded"
    assert text_of(index, "book/api.html", "cross_entropy").startswith("Mean binary cross-entropy")


def test_the_index_is_small():
    built_book.build()
    assert INDEX.stat().st_size < 700_000


def test_only_the_search_page_loads_an_index(index):
    for page in HTML.rglob("*.html"):
        scripts = re.findall(r'<script[^>]* src="([^"]+)"', page.read_text(encoding="utf-8"))
        names = {urlsplit(script).path.rpartition("/")[2] for script in scripts}
        assert not names & {"searchindex.js", "searchtools.js", "language_data.js"}, page
        assert ({"search-index.js", "search.js"} <= names) == (page.name == "search.html"), page
    assert [name for name in search_index.SPHINX if (HTML / name).exists()] == []


def test_a_formula_is_words():
    assert search_index.plain(r"\bigl[\operatorname{mean} x\bigr]") == "[mean x]"
    assert search_index.plain(r"D^*(x) = \frac{p}{q}") == "D*(x) = pq"
    node = nodes.paragraph("", "", nodes.Text("What "), nodes.math("", "D(x)"), nodes.Text(" says"))
    assert "".join(search_index.words(node)) == "What D(x) says "


# --- The page -------------------------------------------------------------------------------------


@pytest.fixture(params=["a server", "a folder"])
def start(request, site, open_page):
    """A function that opens the search page on a phone, from a server or from a folder."""

    def start(query="", **options):
        base = site if request.param == "a server" else HTML.as_uri()
        return open_page(f"{base}/search.html{query}", viewport=PHONE, **options)

    return start


@pytest.mark.parametrize("query", ["mode collapse", "mode colapse", "Mode  COLLASPE"])
def test_a_search_leads_to_the_sentence(start, query):
    page = start()
    page.keyboard.type(query)  # the field has the focus
    page.keyboard.press("Enter")
    first = page.locator("#search-results a").first
    first.wait_for()
    assert "places" in page.get_by_role("status").inner_text()
    assert ("“mode collapse”" in page.get_by_role("status").inner_text()) == (
        query != "mode collapse"
    )
    places = page.locator("#search-results a").evaluate_all("l => l.map(e => e.href)")
    lesson = next(n for n, place in enumerate(places) if "04_vanilla_gan.html" in place)
    assert lesson < 5 and "#mode-collapse" in places[lesson]
    hit = page.locator("#search-results li").nth(lesson)
    assert "collapse" in [text.lower() for text in hit.locator("p mark").all_inner_texts()]
    hit.locator("a").click()
    page.wait_for_load_state("load")
    mark = page.locator("article mark").first
    mark.wait_for()
    page.wait_for_timeout(300)
    assert mark.evaluate(IN_VIEW)
    assert mark.evaluate("e => e.closest('section').id") == "mode-collapse"
    assert "mode collapse" in mark.evaluate("e => e.closest('p').textContent")
    assert page.faults == []


def test_by_keyboard_alone(start):
    page = start("?q=checkerbord")
    page.locator("#search-results a").first.wait_for()
    assert "checkerboard" in page.get_by_role("status").inner_text()
    page.locator("#search-field").focus()
    for _ in range(2):  # past the button
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#search-results') !== null")
    page.keyboard.press("Enter")
    page.wait_for_url("**find=checkerboard**")
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    focused = page.evaluate("document.activeElement.outerHTML")
    assert "<mark>" in focused and not focused.startswith("<body")
    assert "heckerboard" in page.locator("article mark").first.inner_text()


def test_a_passage_that_is_folded_is_opened(start):
    page = start()
    lesson = page.url.replace("search.html", "notebooks/04_vanilla_gan.html")
    page.goto(f"{lesson}?find=twenty+times+page#exercises")
    mark = page.locator("details mark").first
    mark.wait_for()
    assert mark.inner_text() == "Twenty" and mark.is_visible()
    assert page.locator("article details[open]").count() == 1


def test_code_that_was_found_keeps_the_focus(start):
    page = start()
    lesson = page.url.replace("search.html", "notebooks/04_vanilla_gan.html")
    page.goto(f"{lesson}?find=softplus+logits#what-each-of-them-wants")
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.matches('pre:has(mark)')")


def test_what_is_not_there_is_said(start):
    page = start("?q=qqxz")
    status = page.get_by_role("status")
    status.filter(has_text="Nothing found").wait_for()
    page.locator("#search-field").fill("collapse qqxz")
    status.filter(has_text="No place has all the words").wait_for()
    assert page.locator("#search-results a").count() > 3
    page.locator("#search-field").fill("")
    page.wait_for_function("document.querySelector('#search-results').children.length === 0")
    page.locator("#search-field").fill("<img src=x onerror=alert(1)> gan")
    page.locator("#search-results a").first.wait_for()
    assert page.locator("article img").count() == 0 and page.faults == []


def test_the_rest_of_many_hits(start):
    page = start("?q=GAN")
    links = page.locator("#search-results a")
    links.first.wait_for()
    assert links.count() == 20
    page.get_by_role("button", name="Show all").press("Enter")
    assert links.count() > 100
    assert links.nth(20).evaluate("e => e === document.activeElement")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_accents_need_not_be_typed(start):
    page = start("?q=frechet+distance")
    page.locator("#search-results p mark", has_text="Fréchet").first.wait_for()


def test_without_scripts_it_says_what_to_use(start):
    page = start(java_script_enabled=False)
    links = page.locator("article noscript a, article p a").evaluate_all("l => l.map(e => e.href)")
    assert {"glossary.html", "index.html", "gans-you-can-run.txt"} == {
        urlsplit(link).path.rpartition("/")[2] for link in links
    }
    assert page.locator("article noscript p").is_visible()
    assert not page.locator("#search-field").is_visible()


def test_the_field_of_every_page_leads_there(site, open_page):
    page = open_page(f"{site}/notebooks/04_vanilla_gan.html")
    page.keyboard.press("Control+k")
    field = page.locator("#pst-search-dialog input")
    icon = page.locator("#pst-search-dialog i").first.bounding_box()
    padding = field.evaluate("e => parseFloat(getComputedStyle(e).paddingLeft)")
    assert icon["x"] + icon["width"] <= field.bounding_box()["x"] + padding, "it covers the query"
    page.keyboard.type("label smothing")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=label*smothing")
    page.locator("#search-results a").first.wait_for()
    assert "label smoothing" in page.get_by_role("status").inner_text()
