"""What the built pages promise a reader: nothing fetched, nothing broken, nothing nameless.

Each check takes a parsed page and returns what is wrong with it, so that the checks are themselves
tested on broken pages at the end of this file.
"""

import gzip
import importlib.util
import random
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import book_ext
import built_book
import pytest
import yaml
from bs4 import BeautifulSoup, NavigableString, Tag
from built_book import HTML, ROOT
from docutils import nodes

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
MEGABYTE = 1_000_000


@cache
def parse(path):
    return BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")


@cache
def anchors(path):
    soup = parse(path)
    names = soup.find_all(attrs={"name": True})
    return {tag["id"] for tag in soup.find_all(id=True)} | {tag["name"] for tag in names}


def article(soup):
    return soup.find("article") or soup


def is_remote(address):
    return urlsplit(address).netloc != "" or urlsplit(address).scheme in ("http", "https")


# --- The checks -----------------------------------------------------------------------------------


def fetched_resources(soup, path):
    """Addresses that a browser would fetch from elsewhere. Plain links are the reader's choice."""
    found = []
    for tag in soup.select("[src], [srcset], [poster], link[href], object[data], image, use"):
        rel = tag.get("rel") or []
        if tag.name == "link" and not {"canonical", "alternate"}.isdisjoint(rel):
            continue
        names = ("src", "poster", "href", "data", "xlink:href")
        found += [tag[name] for name in names if tag.has_attr(name)]
        found += [part.split()[0] for part in tag.get("srcset", "").split(",") if part.strip()]
    styles = [tag.get_text() for tag in soup.find_all("style")]
    styles += [tag["style"] for tag in soup.find_all(style=True)]
    found += [address for style in styles for address in css_addresses(style)]
    return [address for address in found if is_remote(address)]


def css_addresses(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    urls = re.findall(r"url\(\s*['\"]?([^'\")]+)", text)
    return urls + re.findall(r"@import\s+['\"]([^'\"]+)", text)


def images_without_alt(soup, path):
    """Images that a screen reader cannot name. Those of the logo and of a chapter's card are to be
    passed over (`alt=""`): the link in which they stand has words."""

    def named_by_link(image):
        link = image.find_parent("a")
        return image.get("alt") == "" and link and link.get_text(strip=True)

    return [
        str(image)[:100]
        for image in soup.find_all("img")
        if not image.get("alt", "").strip() and not named_by_link(image)
    ]


def heading_faults(soup, path):
    levels = [int(tag.name[1]) for tag in article(soup).find_all(re.compile("^h[1-6]$"))]
    faults = [] if levels.count(1) == 1 else [f"{levels.count(1)} h1"]
    steps = zip(levels, levels[1:], strict=False)
    return faults + [f"h{a} is followed by h{b}" for a, b in steps if b > a + 1]


def repeated_ids(soup, path):
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    return sorted({name for name in ids if ids.count(name) > 1})


def nameless_page(soup, path):
    faults = [] if soup.html and soup.html.get("lang") else ["no lang"]
    title = soup.title.get_text(strip=True) if soup.title else ""
    return faults + ([] if title and "<no title>" not in title else ["no title"])


def broken_links(soup, path):
    """Internal links whose file or anchor does not exist."""
    broken = []
    for link in soup.select("a[href]"):
        if is_remote(link["href"]) or urlsplit(link["href"]).scheme == "mailto":
            continue
        parts = urlsplit(link["href"])
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        anchor = unquote(parts.fragment)
        if not target.is_file():
            broken.append(link["href"])
        elif anchor and target.suffix == ".html" and anchor != "top":
            if anchor not in anchors(target):
                broken.append(link["href"])
    return broken


def excess_weight(soup, path):
    """The page and its own images, if a server sends more than 2 MB; text it sends packed."""
    sources = {img["src"] for img in soup.select("img[src]:not([src^='data:'])")}
    images = [path.parent / unquote(source) for source in sources]
    sent = [file.read_bytes() for file in images if file.is_file() and file.suffix != ".svg"]
    sent += [gzip.compress(file.read_bytes()) for file in images if file.suffix == ".svg"]
    weight = len(gzip.compress(str(soup).encode())) + sum(map(len, sent))
    return [f"{weight:,} bytes"] if weight > 2 * MEGABYTE else []


def strings_outside_code(tag):
    for child in tag.children:
        if type(child) is NavigableString:  # not a comment
            yield child
        elif isinstance(child, Tag) and child.name not in ("pre", "code", "script", "style"):
            if "katex" not in child.get("class", []):
                yield from strings_outside_code(child)


def raw_markup(soup, path):
    """Markup that should have become something and shows as text. Code may show what it likes."""
    prose = "".join(strings_outside_code(article(soup)))
    signs = r"\[!\w+\]|\{cite[^}]*\}|\{(?:eq|ref|numref|doc)\}|\$\$|\\\(|\\\[|```|:::"
    signs += r"|\$[A-Za-z\\][^$\n]{0,40}\$"  # a formula between single dollars
    return re.findall(signs, prose)


def launch_buttons(soup, path):
    """Buttons that lead to a repository while none is set."""
    if (CONFIG.get("repository") or {}).get("url"):
        return []
    buttons = (
        ".dropdown-launch-buttons, .dropdown-source-buttons, a[href*='research.google.com/github']"
    )
    return [str(tag)[:80] for tag in soup.select(buttons)]


CHECKS = [
    fetched_resources,
    images_without_alt,
    heading_faults,
    repeated_ids,
    nameless_page,
    broken_links,
    excess_weight,
    raw_markup,
    launch_buttons,
]

# --- The built book -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def pages():
    return built_book.build()


def test_every_page_is_built(pages):
    assert [page for page in pages if not page.is_file()] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_pages(pages, check):
    found = {str(page.relative_to(HTML)): check(parse(page), page) for page in pages}
    assert not {page: faults for page, faults in found.items() if faults}


def test_style_sheets_fetch_nothing_and_miss_nothing(pages):
    for sheet in (HTML / "_static").rglob("*.css"):
        for address in css_addresses(sheet.read_text(encoding="utf8")):
            assert not is_remote(address), f"{sheet.name} fetches {address}"
            if not address.startswith(("data:", "#")):
                assert (sheet.parent / urlsplit(address).path).is_file(), f"{sheet.name}: {address}"


def test_root_leads_to_the_book(pages):
    soup = parse(HTML / "index.html")
    assert "book/index.html" in soup.find("meta", attrs={"http-equiv": "refresh"})["content"]
    assert soup.select_one("a[href='book/index.html']")


def test_formulas_are_rendered_with_mathml_for_screen_readers(pages):
    soup = parse(HTML / "book" / "notation.html")
    assert soup.select(".katex-html") and soup.select(".katex-mathml math")
    assert not soup.select(".katex-error")
    numbers = [number.get_text().strip("()¶#") for number in soup.select(".eqno")]
    assert numbers == ["N.1", "N.2", "N.3"]


def test_what_touches_a_formula_stays_on_its_line():
    parts = nodes.Text("of "), nodes.math("", "D"), nodes.Text("'s net ("), nodes.math("", "G")
    text = nodes.paragraph("", "", *parts, nodes.Text(") and "), nodes.math("", "z"))
    for formula in [*text.findall(nodes.math)]:
        book_ext.hold(formula)
    assert text.astext() == "of D's net (G) and z"
    assert [held.astext() for held in text.findall(nodes.inline)] == ["D's", "(G)"]


def test_status_names_every_chapter_and_experiment(pages):
    chapters, experiments = parse(HTML / "book" / "status.html").article.select("table")
    linked = {Path(link["href"]).stem for link in chapters.select("td a[href]")}
    assert linked == {path.stem for path in ROOT.glob("notebooks/*.ipynb")}
    named = {Path(row.code.get_text()).stem for row in experiments.select("tbody tr")}
    assert named == {path.stem for path in ROOT.glob("experiments/results/*.csv")}


def test_note_becomes_a_box(pages):
    box = parse(HTML / "book" / "how_to_use.html").select_one("div.admonition.note")
    assert "quick profile" in box.get_text()
    assert "Note." not in box.get_text()


# --- The extension by itself ----------------------------------------------------------------------


def boxes(markdown):
    """What the transform for boxes makes of a piece of Markdown, as (tag, text) of the blocks."""
    from myst_parser.config.main import MdParserConfig
    from myst_parser.mdit_to_docutils.base import DocutilsRenderer
    from myst_parser.parsers.docutils_ import Parser  # noqa: F401  (registers its settings)
    from myst_parser.parsers.mdit import create_md_parser

    spec = importlib.util.spec_from_file_location("book_ext", ROOT / "book/_ext/book_ext.py")
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    document = create_md_parser(MdParserConfig(), DocutilsRenderer).render(markdown)
    document.settings.env = None
    extension.Boxes(document).apply()
    return [(node.tagname, node.astext().strip()) for node in document.children], document


@pytest.mark.parametrize("kind", ["note", "tip", "important", "warning", "caution"])
def test_kinds_of_boxes(kind):
    wanted = [(kind, "Some bold text.\n\nMore.")]
    for space in (" ", "\n> "):
        markdown = f"> **{kind.capitalize()}.**{space}Some **bold** text.\n>\n> More."
        assert boxes(markdown)[0] == wanted


def test_edges_of_boxes():
    assert boxes("> **Note.**\n>\n> A paragraph.")[0] == [("note", "A paragraph.")]
    assert boxes("> **Note.**")[0] == [("note", "")]
    assert boxes("> **Note.**\n> **Bold** first.")[0] == [("note", "Bold first.")]
    fence = "> **Note.**\n> ```\n> > **Tip.**\n> ```"
    assert boxes(fence)[0] == [("note", "> **Tip.**")]
    for quote in (">", "> **Other.** text", "> Plain **Note.** text", "> Note. text"):
        assert boxes(quote)[0][0][0] == "block_quote"
    _, document = boxes("- item\n\n  > **Tip.** inside a list")
    tips = [node.astext().strip() for node in document.findall() if node.tagname == "tip"]
    assert tips == ["inside a list"]


# --- The checks can fail --------------------------------------------------------------------------

GOOD = """<html lang="en"><title>t</title>
<article><h1 id="a">T</h1><a href="#a">x</a></article></html>"""
BROKEN = [
    (fetched_resources, '<script src="https://example.org/a.js"></script>'),
    (fetched_resources, '<img alt="x" src="//example.org/a.png">'),
    (fetched_resources, '<link rel="stylesheet" href="http://example.org/a.css">'),
    (fetched_resources, "<style>@import 'https://example.org/a.css';</style>"),
    (fetched_resources, '<p style="background: url(https://example.org/a.png)">x</p>'),
    (fetched_resources, '<iframe src="https://example.org"></iframe>'),
    (fetched_resources, '<video><source src="https://example.org/a.mp4"></video>'),
    (fetched_resources, '<img alt="x" srcset="a.png 1x, https://example.org/a.png 2x">'),
    (images_without_alt, '<img src="a.png">'),
    (images_without_alt, '<img src="a.png" alt=" ">'),
    (images_without_alt, '<img src="a.png" alt="">'),
    (images_without_alt, '<a href="a.html"><img src="a.png" alt=""></a>'),
    (heading_faults, "<h1>A second</h1>"),
    (heading_faults, "<h3>Too deep</h3>"),
    (repeated_ids, '<p id="a">again</p>'),
    (broken_links, '<a href="missing.html">x</a>'),
    (broken_links, '<a href="#missing">x</a>'),
    (excess_weight, f"<p>{random.Random(0).randbytes(2_600_000).hex()}</p>"),  # packs to half
    (raw_markup, "<p>[!NOTE] text</p>"),
    (raw_markup, "<p>{cite}`key`</p>"),
    (raw_markup, "<p>$$x$$</p>"),
    (raw_markup, "<p>$D$ says</p>"),
    (raw_markup, r"<p>\(x\)</p>"),
    (launch_buttons, '<div class="dropdown-launch-buttons">x</div>'),
]


@pytest.mark.parametrize("check, fault", BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_checks_can_fail(check, fault, tmp_path, monkeypatch):
    monkeypatch.setitem(CONFIG, "repository", {"url": ""})
    page = tmp_path / "page.html"
    for text, faulty in ((GOOD, False), (GOOD.replace("</article>", fault + "</article>"), True)):
        page.write_text(text)
        assert bool(check(BeautifulSoup(text, "html.parser"), page)) == faulty


def test_nameless_page_can_fail(tmp_path):
    nameless = BeautifulSoup("<html><p>x</p></html>", "html.parser")
    assert nameless_page(nameless, tmp_path) == ["no lang", "no title"]
    assert not nameless_page(BeautifulSoup(GOOD, "html.parser"), tmp_path)
