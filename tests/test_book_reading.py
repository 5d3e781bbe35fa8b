"""How a chapter's page is built: what stands open, what carries a mark, what its head says."""

import os
import re
import types
import zipfile
from pathlib import Path

import built_book
import cells
import figures
import head
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from built_book import HTML, ROOT
from docutils import nodes

import notebooks
from tools import roles

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
HEADS = yaml.safe_load((ROOT / "book/_data/heads.yml").read_text(encoding="utf-8"))
RUN = {"date": "2026-01-03", "profile": "full", "device": "A & B, no GPU", "seconds": 95}


@pytest.fixture(scope="module")
def page():
    """A function that parses the page of a notebook."""
    built_book.build()
    parsed = {}

    def page(path):
        if path not in parsed:
            text = (HTML / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
            parsed[path] = BeautifulSoup(text, "html.parser").find("article")
        return parsed[path]

    return page


def code_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_only_what_teaches_stands_open(page, path):
    shown = page(path).select(".cell_input pre")
    code = code_cells(path)
    assert len(shown) == len(code), "no cell may be lost"
    for cell, block in zip(code, shown, strict=True):
        source = roles.TITLE.sub("", cell.source)
        assert squeezed(block.get_text()) == squeezed(source), "the title is not part of the code"
        fold = block.find_parent("details", class_="fold")
        assert (fold is None) == (roles.roles(cell) == ["teach"]), cell.source
        assert fold is None or not fold.has_attr("open")
    assert page(path).select("details.hide") == [], "nothing is folded twice"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_set_up_at_the_top_is_one_line(page, path):
    first = page(path).select_one("details.fold")
    assert first.summary.get_text().startswith("Set-up, ")
    assert "import gan_utils" in first.get_text()  # the first of them
    assert first.find_previous("h2").find_parent("article") is None, "before the first section"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_claim_on_a_page_carries_its_mark(page, path):
    """And says what was asserted, and on which day."""
    run = nbformat.read(path, as_version=4).metadata.gan_utils
    wanted = [
        cells.assertions(cell.source)
        for cell in code_cells(path)
        if "claim" in roles.roles(cell)
        and any("text/markdown" in output.get("data", {}) for output in cell.outputs)
    ]
    marks = page(path).select("details.checked")
    assert [[code.get_text() for code in mark.select(".asserted code")] for mark in marks] == wanted
    assert wanted and all(wanted)
    for mark in marks:
        assert cells.day(run["date"]) in mark.get_text() and run["device"] in mark.get_text()
        assert mark.find_previous_sibling(class_="cell_output").p, "the sentence comes first"


@pytest.mark.parametrize("name", HEADS)
def test_heads(page, name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    box = page(path).select_one(".chapter-head")
    assert page(path).h2.find_previous(class_="chapter-head") == box, "the head comes first"
    [own] = page(path).select("img.result")
    assert own["alt"].strip() and int(own["width"]) == HEADS[name]["width"]
    assert not own.has_attr("loading"), "it is on the first screen"
    lead = box.select_one("p.head-lead").get_text()
    assert lead.endswith(".") and len(lead.split()) > 5
    assert page(path).get_text().count(lead) == 1, "the page's first sentence was moved, not copied"
    strip = box.select_one(".strip").get_text()
    assert "min to read" in strip and "min to run" in strip and HEADS[name]["level"] in strip
    assert "Time:" not in page(path).get_text(), "the strip says it"


def test_every_lesson_has_a_head():
    lessons = {path.stem for path in NOTEBOOKS if not path.stem.endswith("evidence")}
    assert HEADS.keys() == lessons


def test_figures_have_their_size_and_wide_ones_may_scroll(page):
    images = [i for path in NOTEBOOKS for i in page(path).select("figure[id] img")]
    assert len(images) > 100
    assert all(int(image["width"]) > 0 and int(image["height"]) > 0 for image in images)
    for image in images:
        box = image.find_parent(class_="picture")
        width, height = int(image["width"]), int(image["height"])
        # type of 12 points, the largest that is common, is 18 pixels high
        least = 0 if figures.wordless(width, height) else width / 2
        assert "wide" in box["class"] or least <= figures.PHONE
        if "wide" in box["class"]:
            least = int(re.search(r"--least: (\d+)px", box["style"])[1])
            assert figures.PHONE < least <= int(image["width"])


def test_empty_table_heads_are_no_heads(page):
    for path in NOTEBOOKS:
        assert [th for th in page(path).select("th") if not th.get_text(strip=True)] == []


def test_captions_of_the_raw_notebook_are_not_on_the_page(page):
    for path in NOTEBOOKS:
        assert "Figure. " not in page(path).get_text()


# --- Downloads ------------------------------------------------------------------------------------


def test_notebooks_are_in_the_built_book(page):
    for path in NOTEBOOKS:
        link = page(path).select_one(".strip a[href$='.ipynb']")
        copy = HTML / "notebooks" / link["href"]
        assert link.has_attr("download") and copy.read_bytes() == path.read_bytes()


def test_the_package_is_in_the_built_book(page):
    link = page(NOTEBOOKS[3]).select_one(".strip a[href$='.whl']")
    wheel = zipfile.ZipFile(HTML / "notebooks" / link["href"])
    names = set(wheel.namelist())
    here = {str(path.relative_to(ROOT)) for path in ROOT.glob("gan_utils/**/*.py")}
    here |= {str(path.relative_to(ROOT)) for path in ROOT.glob("gan_utils/weights/*")}
    here |= {f"gan_utils/results/{path.name}" for path in ROOT.glob("experiments/results/*.csv")}
    assert here <= names and any(name.endswith(".dist-info/METADATA") for name in names)
    assert wheel.read("gan_utils/plots.py") == (ROOT / "gan_utils/plots.py").read_bytes()
    assert len(list(HTML.glob("*.whl"))) == 1
    says = (ROOT / "book" / "how_to_use.md").read_text(encoding="utf-8")
    size = int(re.search(r"as one file of (\d+) MB", says)[1])
    assert abs(size - wheel.fp.seek(0, 2) / 1e6) < 1


# --- The extensions by themselves -----------------------------------------------------------------


def test_assertions_are_read_from_the_code():
    code = 'plots.claim(f"{x} is so.", holds=0 < x\n    and  y)\nclaim("It is.", z)\nother(holds=1)'
    assert cells.assertions(code) == ["0 < x and y", "z"]
    assert cells.assertions("%%time\nplots.claim('x', holds=y)") == []


def test_evidence_needs_a_full_run():
    code = 'plots.claim("x", holds=a < b)'
    told = cells.evidence(code, RUN, "status.html")
    assert "<code>a &lt; b</code>" in told and "3 January 2026" in told
    assert "A &amp; B, no GPU" in told and 'href="status.html"' in told
    assert cells.evidence(code, None, "") == ""
    assert cells.evidence(code, RUN | {"profile": "quick"}, "") == ""
    assert cells.evidence("x = 1", RUN, "") == ""


def folded(*specs):
    """What becomes of cells: (role, does it show something?) each, None for a paragraph."""
    document = nodes.section()
    for number, spec in enumerate(specs):
        if spec is None:
            document += nodes.paragraph("", "Text.")
            continue
        kind, shows = spec
        cell = nodes.container(nb_element="cell_code", cell_metadata={"tags": [kind]})
        code = f"code{number}"
        block = nodes.literal_block(code, code)
        cell += nodes.container("", block, nb_element="cell_code_source")
        if shows:
            cell += nodes.container("", nodes.image(), nb_element="cell_code_output")
        document += cell
    transform = cells.FoldCells.__new__(cells.FoldCells)
    transform.document = document
    transform.run()
    return [
        (fold["summary"], fold.astext().split())
        if (fold := next(child.findall(cells.Fold), None))
        else "text"
        if isinstance(child, nodes.paragraph)
        else "open"
        for child in document.children
    ]


def test_neighbours_share_a_line():
    assert folded(("teach", True)) == ["open"]
    assert folded(("set-up", True), ("set-up", False)) == [("Set-up, 2 cells", ["code0", "code1"])]
    assert folded(("set-up", False), ("draw", True)) == [("Code", ["code0", "code1"])]
    assert folded(("set-up", False), None, ("draw", True)) == [
        ("Set-up", ["code0"]),
        "text",
        ("Code", ["code2"]),
    ]
    # What has printed something keeps a line of its own, and what teaches parts its neighbours.
    assert folded(("set-up", True), ("draw", True)) == [("Set-up", ["code0"]), ("Code", ["code1"])]
    assert folded(("set-up", False), ("teach", False), ("draw", True)) == [
        ("Set-up", ["code0"]),
        "open",
        ("Code", ["code2"]),
    ]
    assert folded(("draw", False), ("draw", False), ("draw", True)) == [
        ("Code", ["code0", "code1", "code2"])
    ]
    assert folded(("solution", True)) == [("Solution", ["code0"])]


def test_a_sentence_that_did_not_hold_gets_no_mark():
    transform = cells.FoldCells.__new__(cells.FoldCells)
    for text in ("On the page this held; in your run it does not: x", "(Quick profile: no.) x", ""):
        output = [nodes.container("", nodes.paragraph("", text))] if text else []
        assert transform.proof(nodes.container(cell_metadata={}), output) == ""


def paragraph(*children):
    return nodes.paragraph("", "", *children)


def test_the_first_sentence_is_taken():
    text = paragraph(nodes.Text("You build "), nodes.strong("", "G"), nodes.Text(". Then D. End."))
    assert head.first_sentence(text).astext() == "You build G."
    assert text.astext() == "Then D. End."
    whole = paragraph(nodes.Text("Only one, of 0.5."))
    assert head.first_sentence(whole).astext() == "Only one, of 0.5." and not whole.children


def minutes(*cells_of):
    return notebooks.reading_minutes(
        {"cells": [{"metadata": {}, "outputs": [], **c} for c in cells_of]}
    )


def test_time_to_read_counts_words_open_code_and_pictures():
    words = {"cell_type": "markdown", "source": "word " * 1500}
    code = {"cell_type": "code", "source": ["x\n"] * 100}
    picture = {"cell_type": "code", "source": "", "outputs": [{"data": {"image/png": "x"}}]}
    assert minutes(words) == 10
    assert minutes(words, code | {"metadata": {"tags": ["teach"]}}) == 20
    assert minutes(words, code | {"metadata": {"tags": ["draw"]}}) == 10
    assert minutes(words, *[picture] * 20) == 15
    assert minutes(words, words | {"metadata": {"tags": ["caption"]}}) == 10
    assert minutes({"cell_type": "markdown", "source": "One word."}) == 5


def test_a_notebook_is_read_once_and_again_after_a_change(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text('{"cells": [{"source": ["# One\\n", "more"]}]}', encoding="utf-8")
    found = notebooks.read(path)
    assert notebooks.title(found) == "One" and notebooks.read(path) is found
    path.write_text('{"cells": [{"source": ["# Two"]}]}', encoding="utf-8")
    os.utime(path, (1, 1))
    assert notebooks.title(notebooks.read(path)) == "Two"


@pytest.mark.parametrize("name", HEADS)
def test_the_notebook_says_the_time_that_its_page_says(name):
    """Within five minutes: a few words more need no new number."""
    notebook = notebooks.read(ROOT / "notebooks" / f"{name}.ipynb")
    said = notebooks.text(notebook["cells"][0]).partition("**Time**: ")[2].split()[0]
    assert abs(int(said) - notebooks.reading_minutes(notebook)) <= 5


@pytest.mark.parametrize("address", ["", "https://github.com/ann/gans"])
def test_the_strip_leads_to_colab_once_there_is_an_address(address):
    config = types.SimpleNamespace(html_theme_options={"repository_url": address})
    app = types.SimpleNamespace(config=config, srcdir=str(ROOT))
    path = ROOT / "notebooks" / "04_vanilla_gan.ipynb"
    notebook = {"cells": [], "metadata": {"gan_utils": RUN}}
    strip = BeautifulSoup(head.facts(app, path, notebook, "first steps"), "html.parser")
    assert "2 min to run: A & B, no GPU" in strip.get_text()
    place = "https://colab.research.google.com/github/ann/gans/blob/main/notebooks/"
    links = [link["href"] for link in strip.select("a[href^=https]")]
    assert links == ([f"{place}{Path(path).name}"] if address else [])
