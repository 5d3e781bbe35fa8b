"""What a page makes a reader wait for: a style sheet, no script, nothing that nobody loads."""

import base64
import gzip
import io
import re
from urllib.parse import unquote, urlsplit

import built_book
import light
import numpy as np
import pytest
from bs4 import BeautifulSoup
from built_book import HTML
from PIL import Image

from gan_utils import film
from tools import pdf

# --- The built book -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heads():
    """The text and the parsed head of each page."""
    pages = built_book.build()
    texts = {page: page.read_text(encoding="utf8") for page in pages}
    return {
        page: (text, BeautifulSoup(text.partition("</head>")[0], "html.parser"))
        for page, text in texts.items()
        if "bd-article" in text
    }


def test_a_page_waits_for_one_style_sheet_or_two_and_for_no_script(heads):
    assert len(heads) > 30
    for page, (text, head) in heads.items():
        sheets = [urlsplit(link["href"]).path for link in head.select("link[rel=stylesheet]")]
        names = [sheet.partition("_static/")[2] for sheet in sheets]
        maths = ["katex/katex.min.css"] if 'class="katex' in text else []
        assert names == [*maths, "all.css"], page.name
        blocking = re.findall(r"<script(?![^>]*\bdefer\b)[^>]*\bsrc=[^>]*>", text)
        assert blocking == [], page.name
        assert (
            head.select("link[rel=preload]") == [] and len(head.select("meta[name=viewport]")) == 1
        )


def test_a_page_has_its_colours_before_and_without_scripts():
    for name in built_book.page_names():
        text = (HTML / name).read_text(encoding="utf-8")
        if "<main" in text:  # the root leads on, and has no theme
            assert 'data-theme="light"' in text and 'getItem("theme") || "auto"' not in text, name


def test_the_style_sheets_are_small_and_name_their_licences():
    built_book.build()
    css = [(HTML / "_static" / name).read_bytes() for name in (light.BUNDLE, light.MATHS)]
    assert sum(len(gzip.compress(text)) for text in css) < 35_000
    assert b"Bootstrap" in css[0] and b"Font Awesome" not in css[0]
    assert b"KaTeX_Fraktur" not in css[1] and b"KaTeX_Main" in css[1]


def addresses(file):
    """The files that a page, a style sheet or a script of the built book names."""
    text = file.read_text(encoding="utf8")
    if file.suffix == ".html":
        soup = BeautifulSoup(text, "html.parser")
        names = [
            tag[a] for a in ("src", "href", "srcset", "content") for tag in soup.select(f"[{a}]")
        ]
    elif file.suffix == ".css":
        names = re.findall(r"url\(['\"]?([^'\")]+)", text)
    else:
        names = re.findall(r"[\"'`/}]([\w.-]+\.\w+)", text)
    return {unquote(urlsplit(name).path).rpartition("/")[2] for name in names if len(name) < 300}


def test_every_static_file_is_loaded_by_something():
    built_book.build()
    files = [file for file in (HTML / "_static").rglob("*") if file.is_file()]
    pages = [page for page in HTML.rglob("*.html") if "_static" not in page.parts]
    named = set().union(
        *map(addresses, [*pages, *(f for f in files if f.suffix in (".css", ".js"))])
    )
    assert {f.name for f in files if f.name not in named and f.name not in light.KEPT} == set()
    assert not (HTML / "_static/locales").exists() and not list(HTML.glob("_static/**/*.map"))


def test_films_are_files_that_load_when_they_come_near(heads):
    films = [
        tag
        for page, (text, _) in heads.items()
        if 'class="film"' in text
        for tag in BeautifulSoup(text, "html.parser").select("figure.film > img")
    ]
    assert len(films) > 4
    for image in films:
        assert image["src"].startswith("../_images/film-") and image["loading"] == "lazy"
        assert int(image["width"]) > 0 and int(image["height"]) > 0
        assert (HTML / "notebooks" / image["src"]).is_file()


# --- Its parts ------------------------------------------------------------------------------------


def test_a_rule_stays_if_all_that_it_names_is_used():
    css = """@charset "utf-8"; /* c } */ .a, .b > .gone, #x:not(.gone) { color: red }
    .gone { background: url(data:image/png;base64,AA{}) } p::before { content: "}" }
    @media print { .gone { top: 0 } } @media (width > 1px) { .gone {top: 0} .a .b { top: 1px } }
    @keyframes k { from { left: 0 } } html[class~="gone"] .a { left: 0 }"""
    _, css = light.plain(css)
    kept = light.shaken(css, {"a", "b", "x"})
    assert kept == (
        '.a,#x:not(.gone){color: red}p::before{content: "}"}@media (width > 1px){.a .b{top: 1px}}'
        '@keyframes k{from { left: 0 }}html[class~="gone"] .a{left: 0}'
    )


def test_names_come_from_classes_ids_and_scripts():
    page = (
        "<p class='a b' id=\"c\">d</p><script>e.classList.add('f-g')</script><i class='fa-x'></i>"
    )
    names = light.names_used([page], ["const h = 1"])
    assert {"a", "b", "c", "f-g", "h"} <= names and not {"d", "fa-x"} & names


def test_fonts_that_no_rule_asks_for_are_left_out():
    faces = '@font-face{font-family:"One";src:url(1)}@font-face{font-family:Two;src:url(2)}'
    assert light.fonts_used(faces + ".a{font:1em One}") == faces[:40] + ".a{font:1em One}"


def test_addresses_in_a_style_sheet_move_with_it():
    css = "url(../x/a.woff2) url('b.png') url(#c) url(\"data:d\")"
    moved = light.moved(css, "styles")
    assert moved == "url(x/a.woff2) url('styles/b.png') url(#c) url(\"data:d\")"


def test_a_sheet_that_is_imported_comes_first(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles/a.css").write_text('@import "../b.css"; .x { top: 0 }')
    (tmp_path / "b.css").write_text(".y { top: 1px }")
    light.one_sheet(tmp_path, ["styles/a.css"], {"x", "y"})
    assert (tmp_path / "all.css").read_text().split("\n") == [".y{top: 1px}", ".x{top: 0}"]


def test_scripts_wait_and_menus_keep_theirs():
    head = (
        '<link rel="preload" as="script" href="x">\n<script src="_static/doctools.js?v=1"></script>'
    )
    head += (
        '<script>DOCUMENTATION_OPTIONS.pagename = "x";</script>\n<script async src="b.js"></script>'
    )
    head += '<script defer src="s/bootstrap.js"></script>'
    light_head = light.with_waiting_scripts(head)
    assert light_head == (
        '<script defer src="_static/doctools.js?v=1"></script><script async src="b.js"></script>'
    )
    menu = head + '<button data-bs-toggle="dropdown">'
    assert "bootstrap" in light.with_waiting_scripts(menu)


def test_a_film_as_a_file_works_in_the_page_and_in_the_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(light, "FILM", re.compile(light.FILM.pattern.replace("20000", "20")))
    frames = [np.full((4, 6, 1), 60 * n, np.uint8) for n in range(4)]
    made = film.show(
        frames, list("abcd"), "greys", "Greys. Use the slider.", columns=2, scale=5
    ).data
    page = tmp_path / "notebooks/one.html"
    text = light.with_film_files(made, page, tmp_path / "_images")
    figure = BeautifulSoup(text, "html.parser").figure
    assert figure.img["src"].startswith("../_images/film-") and figure.img["loading"] == "lazy"
    assert figure.img["style"].startswith("--frame: 30px; --shape: 6 / 4; max-width")
    assert light.with_film_files(text, page, tmp_path / "_images") == text
    page.parent.mkdir()
    mark = '<span class="caption-number">Figure 4.12</span> '
    figure.figcaption.insert(0, BeautifulSoup(mark, "html.parser"))
    pdf.show_stills(figure, page.parent)
    first = base64.b64decode(figure.img["src"].partition(",")[2])
    assert Image.open(io.BytesIO(first)).size == (6, 4)
    assert figure.figcaption.get_text() == "Figure 4.12 Greys. Moments of a film."
