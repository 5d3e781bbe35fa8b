"""Numbers of sections and figures, and tables that become cards: what is made at build time."""

import re

import built_book
import numbering
import pytest
import tables
from bs4 import BeautifulSoup
from built_book import HTML, ROOT

CHAPTERS = sorted(path.stem for path in ROOT.glob("notebooks/[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def page():
    """A function that parses a page of the book."""
    built_book.build()
    return lambda name: BeautifulSoup((HTML / name).read_text(encoding="utf8"), "html.parser")


def test_the_numbers_of_a_page_begin_with_its_chapter():
    assert numbering.chapter("notebooks/04_vanilla_gan") == "4"
    assert numbering.chapter("notebooks/12_evidence") == "12E"
    assert numbering.chapter("notebooks/sources_evidence") is None
    assert numbering.chapter("book/help") is None


@pytest.mark.parametrize("name", CHAPTERS)
def test_sections_and_figures_are_counted(page, name):
    soup, start = page(f"notebooks/{name}.html"), numbering.chapter(f"notebooks/{name}")
    sections = soup.article.find_all("h2")
    numbers = [heading.select_one(".section-number").get_text().strip() for heading in sections]
    assert numbers == [f"{start}.{n}" for n in range(1, len(sections) + 1)]
    titles = [heading.get_text().rstrip("#") for heading in sections]
    beside = soup.select("nav.page-toc > ul > li > a, nav.page-toc > ul > li > ul > li > a")
    assert set(titles) <= {re.sub(r"^\s+|\s+$", "", link.get_text()) for link in beside}
    figures = [mark.get_text() for mark in soup.article.select("figcaption .caption-number")]
    assert figures == [f"Figure {start}.{n}" for n in range(1, len(figures) + 1)]
    unnumbered = [c for c in soup.article.select("figcaption") if not c.select(".caption-number")]
    assert unnumbered == []


def test_addresses_know_no_numbers(page):
    soup = page("notebooks/04_vanilla_gan.html")
    assert soup.select_one("section#the-game > h2").get_text().startswith("4.")
    assert (
        soup.select_one("figure#fig-04-losses .caption-number").get_text().startswith("Figure 4.")
    )
    ids = {heading.find_parent("section")["id"] for heading in soup.article.find_all("h2")}
    assert not [name for name in ids if re.match(r"\d", name)]


def test_other_pages_have_no_numbers(page):
    for name in ("book/sources.html", "book/glossary.html", "notebooks/sources_evidence.html"):
        assert page(name).article.select(".section-number, .caption-number") == []


# --- Tables ---------------------------------------------------------------------------------------


def test_a_table_of_text_has_labels_and_roles(page):
    table = page("book/notation.html").select_one("table.stacks")
    assert table["role"] == "table"
    assert [head["role"] for head in table.select("thead th")] == ["columnheader"] * 3
    labels = [cell["data-label"] for cell in table.select("tbody tr")[1].find_all("td")]
    assert labels == ["Symbol", "In code", "Meaning"]
    roles = {(tag.name, tag.get("role")) for tag in table.find_all(["tr", "td", "tbody", "thead"])}
    assert roles == {("tr", "row"), ("td", "cell"), ("tbody", "rowgroup"), ("thead", "rowgroup")}


def test_a_small_table_stays_as_it_is(page):
    small = page("notebooks/04_vanilla_gan.html").select_one("article table.table")
    assert "stacks" not in small["class"] and not small.has_attr("role")


def test_labels_are_escaped():
    made = tables.stacked('<table class="t"><tr><td>1</td><td>2</td></tr></table>', ['a"b', "c"])
    assert 'data-label="a&quot;b"' in made and made.startswith(
        '<table role="table" class="stacks t"'
    )
