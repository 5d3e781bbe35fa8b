"""The book as one text, for readers' assistants, and the file that leads there."""

import json
import re

import built_book
import pytest
import teaching
import text_edition
from built_book import HTML, ROOT

import notebooks
from tools import contents

LEFTOVERS = re.compile(r"</?[a-z][a-z0-9]*(?: [^<>]*)?>|base64,|\{[a-z-]+\}`|^:::|```\{|\x1b", re.M)
PATHS = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|work|usr|opt)/|\b[A-Z]:\\")


@pytest.fixture(scope="module")
def text():
    built_book.build()
    return (HTML / text_edition.FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(text):
    """The text of each page."""
    parts = re.split(r"^---\n\nPage: (\S+)\.html\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def headings(page):
    """The headings of a page's source, code left out."""
    path = next(p for s in (".ipynb", ".md") if (p := ROOT / f"{page}{s}").is_file())
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [c for c in json.loads(source)["cells"] if c["cell_type"] == "markdown"]
        source = "\n\n".join(notebooks.text(cell) for cell in cells)
    code = re.sub(r"^```.*?^```", "", source, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"\]\(.*?\)", "]", line) for line in re.findall(r"^#+ .*", code, re.MULTILINE)]


def test_every_page_is_there_with_its_headings_in_order(pages):
    assert list(pages) == contents.pages(ROOT)
    for name, text in pages.items():
        lines = [re.sub(r"\]\(.*?\)", "]", line) for line in text.splitlines()]
        found = iter(lines)
        missing = [heading for heading in headings(name) if heading not in found]
        assert missing == [], name


def test_it_is_text_alone(text):
    prose = text_edition.CODE.sub("", text)
    assert LEFTOVERS.findall(prose) == [] and "base64," not in text
    assert PATHS.findall(text) == []
    assert re.findall(r"\]\([^)]*\.(?:ipynb|md)\b", prose) == []
    assert 500_000 < len(text.encode()) < 3_000_000


def test_it_has_the_code_that_teaches_and_what_was_found(pages):
    lesson = pages["notebooks/04_vanilla_gan"]
    assert "```python\ndef make_generator():" in lesson and "plots.claim(" not in lesson
    assert "# @title" not in lesson and "[Figure: A diagram." in lesson
    cells = notebooks.read(ROOT / "notebooks/04_vanilla_gan.ipynb")["cells"]
    claims = [
        "".join(output["data"]["text/markdown"]).strip()
        for cell in cells
        if "claim" in notebooks.tags(cell)
        for output in cell["outputs"]
        if "text/markdown" in output.get("data", {})
    ]
    assert claims and all(claim.partition("](")[0] in lesson for claim in claims)
    assert "cross_entropy(logits, target" in pages["book/api"]
    assert "Goodfellow" in pages["book/references"] and pages["book/status"].count("min |") > 20
    assert "|---|" in pages["notebooks/09_evidence"], "tables that were computed"
    assert teaching.table(ROOT).count("\n") > 13 and "| Chapter | Needs |" in pages["book/teaching"]
    assert f"| {teaching.minutes(ROOT, 'both', ['04', '02'])} |" in pages["book/teaching"]
    assert "01 · Generative models" in pages["book/index"], "the cards"


def test_links_lead_to_pages(text):
    prose = text_edition.CODE.sub("", text)
    targets = set(re.findall(r"\]\(((?:book|notebooks)/[^)#\s]+)", prose))
    assert len(targets) > 30 and [t for t in targets if not (HTML / t).is_file()] == []


def test_pieces():
    made = text_edition.markdown
    assert made("[a `b`](x.md#c) <!-- no -->", "book/p") == "[a `b`](book/x.html#c)"
    assert made("[e](#f) ![two](y.png)", "book/p") == "[e](book/p.html#f) [Picture: two]"
    assert made("`<b>` <b>c</b> $a<b$", "book/p") == "`<b>` c $a<b$"
    assert made("[01]: ../notebooks/x.ipynb#y", "book/p") == "[01]: notebooks/x.html#y"
    assert made("[a](https://example.org/b.md)", "p") == "[a](https://example.org/b.md)"
    folded = "<details>\n<summary>Answer</summary>\n\nYes.\n</details>"
    assert made(folded, "p") == "**Answer**\n\nYes."
    page = {"data": {"text/html": ["<table><tr><th>a</th></tr><tr><td>1|2</td></tr></table>"]}}
    assert text_edition.shown(page, {}, "p") == "| a |\n|---|\n| 1/2 |"


def test_llms_has_its_form(text):
    lines = (HTML / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and lines[2].startswith("> ")
    assert [line for line in lines[1:] if line.startswith("# ")] == []
    sections = [line for line in lines if line.startswith("## ")]
    assert sections[0] == "## The whole book" and sections[-1] == "## Optional"
    listed = [line for line in lines[lines.index(sections[0]) :] if line and line[0] != "#"]
    links = [re.fullmatch(r"- \[([^]]+)\]\(([^)]+)\): .+", line) for line in listed]
    assert all(links)
    targets = [link[2].removeprefix(built_book.address()) for link in links]
    assert targets[0] == text_edition.FILE and all((HTML / t).is_file() for t in targets)
    wanted = {f"{page}.html" for page in contents.pages(ROOT)} - {"book/index.html"}
    assert set(targets[1:]) == wanted


def test_how_to_use_leads_there():
    built_book.build()
    page = (HTML / "book/how_to_use.html").read_text(encoding="utf-8")
    assert 'href="../gans-you-can-run.txt"' in page and 'href="../llms.txt"' in page
