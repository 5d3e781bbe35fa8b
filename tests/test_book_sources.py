"""The account of the sources is complete, and what was measured stands in a notebook."""

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from PIL import Image

from gan_utils import data, recipes
from gan_utils.sources import programs

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "sources.md").read_text(encoding="utf-8")
EVIDENCE = nbformat.read(ROOT / "notebooks" / "sources_evidence.ipynb", as_version=4)
WORDS = {"Kept", "Corrected", "Left out"}
SOURCES = {
    "The PaddlePaddle chapter": (21, 13),
    "Its draft": (13, 9),
    "The Fluid notebook": (20, 16),
    "The Fluid page": (21, 18),
    "The MLP chapter": (17, 21),
}

# Sections and code blocks of the sources: of a section its heading, of a block a word in it.
with open(ROOT / "book" / "_data" / "source_blocks.csv", newline="", encoding="utf-8") as file:
    BLOCKS = list(csv.DictReader(file))


def rows_of(document):
    """Return the rows of a source's table as (block, what became of it)."""
    (part,) = re.findall(rf"(?ms)^## {document}$(.*?)^## ", PAGE)
    return [row.strip("| ").split(" | ", 1) for row in re.findall(r"(?m)^\| [SC]\d+ .*$", part)]


def test_the_list_of_blocks_is_that_of_the_sources():
    count = Counter((block["document"], block["kind"]) for block in BLOCKS)
    for document, (sections, codes) in SOURCES.items():
        assert count[document, "section"] == sections
        assert count[document, "code"] == codes
    assert len(BLOCKS) == sum(map(sum, SOURCES.values()))


def test_every_section_and_block_of_a_source_has_its_row():
    for document in SOURCES:
        expected = [
            f"S{block['number']} {block['start']},"
            if block["kind"] == "section"
            else f"C{block['number']} `{block['start']}`"
            for block in BLOCKS
            if block["document"] == document
        ]
        rows = rows_of(document)
        assert len(rows) == len(expected), document
        for wanted, (block, _) in zip(expected, rows, strict=True):
            assert (block + ",").startswith(wanted), f"{document}: {block}, not {wanted}"


def test_every_row_says_what_became_of_the_block_and_why():
    for document in SOURCES:
        for block, fate in rows_of(document):
            assert (word := re.match(r"\*\*([\w ]+):?\*\*", fate)), f"{document}: {block}"
            assert word[1] in WORDS
            assert len(fate) > len(word[0]) + 10, f"{document}: {block} says nothing"


def test_links_lead_to_headings_of_the_evidence_and_back():
    def anchors(text):
        headings = re.findall(r"(?m)^##+ (.*)$", text)
        return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}

    text = "\n".join(cell.source for cell in EVIDENCE.cells if cell.cell_type == "markdown")
    there = set(re.findall(r"sources_evidence\.ipynb#([\w-]+)", PAGE))
    back = set(re.findall(r"book/sources\.md#([\w-]+)", text))
    assert len(there) == 7 and there <= anchors(text)
    assert len(back) == 6 and back <= anchors(PAGE)


def test_verdicts_on_the_claims_are_those_of_the_evidence():
    said = re.findall(r"(?m)^\| .* \| \[([\w ]+)\]\(\S+sources_evidence\.ipynb", PAGE)
    outputs = [output for cell in EVIDENCE.cells for output in cell.get("outputs", [])]
    html = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    shown = []
    for table in BeautifulSoup(html, "html.parser")("table"):
        heads, *rows = ([cell.get_text() for cell in tr(["th", "td"])] for tr in table("tr"))
        shown += [row[heads.index("found")] for row in rows if "found" in heads]
    assert said == shown and len(said) == 12


def test_the_evidence_reads_the_results_that_no_chapter_reads():
    code = "".join(cell.source for cell in EVIDENCE.cells if cell.cell_type == "code")
    for name in ("source_runs", "fluid_dcgan"):
        assert f'load_results("{name}.csv")' in code


def test_numbers_that_the_sources_print_are_the_same_wherever_they_stand():
    outputs = str([cell.outputs for cell in EVIDENCE.cells if cell.cell_type == "code"])
    for printed in ("1.1586", "0.6668", "0.869 to 1.457", "0.971 to 2.210"):
        assert PAGE.count(printed) >= 2 and printed in outputs
    first = (0.681067 + 0.704936) / 2, (0.64475 + 0.667874) / 2, (0.644203 + 0.71601) / 2
    assert all(f">{loss:.3f}<" in outputs for loss in first)


def test_the_recipes_of_the_sources_are_on_the_page():
    every = recipes.RECIPES | programs.RECIPES
    names = {name for name, recipe in every.items() if recipe["source"] != "this book"}
    assert len(names) == 5
    (sentence,) = re.findall(r"Every experiment of the sources is a recipe: (.*?)\.", PAGE)
    assert names == set(re.findall(r"`(.*?)`", sentence))


def test_the_result_picture_is_that_of_the_run():
    path = ROOT / "experiments" / "results" / "fluid_dcgan.png"
    last = data.load_results("fluid_dcgan.csv")[-1]
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == last["sha256"]
    assert len(content) < 200_000
    assert Image.open(path).size == (16 * 29 - 1, 16 * 29 - 1 + 24)


def test_tables_have_at_most_three_columns():
    """On a phone a wider one cannot be read."""
    assert max(line.count(" | ") for line in PAGE.splitlines() if line.startswith("| ")) <= 2
