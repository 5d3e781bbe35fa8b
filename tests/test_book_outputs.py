"""What is made of the book beside its pages: the status tables, the PDF, the check of a GPU."""

import base64
import io
import json
import shutil

import nbformat
import numpy as np
import pypdf
import pytest
import status
import tensorflow as tf
from bs4 import BeautifulSoup
from built_book import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image

from gan_utils import film
from tools import chromium, gpu_check, pdf

# --- Status ---------------------------------------------------------------------------------------

STAMP = {
    "date": "2026-01-31",
    "seconds": 90.0,
    "device": "A machine, no GPU",
    "versions": {"tensorflow": "2.1", "keras": "3.2", "python": "3.12", "numpy": "2"},
}


def test_status_tells_what_the_stamps_say(tmp_path):
    for name, stamp in (("01_a", {"gan_utils": STAMP}), ("02_b", {})):
        notebook = new_notebook(cells=[new_markdown_cell(f"# {name} title\n\nText.")])
        notebook.metadata.update(stamp)
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    assert status.chapters(tmp_path).splitlines()[2:] == [
        "| [01_a title](../notebooks/01_a.ipynb) | 2026-01-31 | 1.5 min | A machine, no GPU "
        "| 2.1, 3.2, 3.12 | is the code that ran |",
        "| [02_b title](../notebooks/02_b.ipynb) | not run yet | | | | |",
    ]
    (tmp_path / "experiments/results").mkdir(parents=True)
    text = f"# {json.dumps(STAMP | {'script': 'e.py'})}\na,b\n1,2\n"
    (tmp_path / "experiments/results/e.csv").write_text(text)
    assert status.experiments(tmp_path).splitlines()[2].startswith("| `e.py` | 2026-01-31 |")
    moved = {"devices": [["A machine", 3], ["B", 1]], "equivalent": {"date": "2026-02-01"}}
    row = status.row("e", STAMP | moved)
    assert "| A machine (3 rows); B (1 rows) |" in row and "| does the same, 2026-02-01 |" in row


# --- PDF ------------------------------------------------------------------------------------------

PAGE = """<html><head><link rel="stylesheet" href="../_static/book.css"></head><body>
<article class="bd-article"><h1 id="top">{title}<a class="headerlink" href="#top">#</a></h1>{body}
</article><script>document.title = "script"</script></body></html>"""


@pytest.fixture
def two_pages(tmp_path, monkeypatch):
    """A built book of two pages: the first links to the second, which is two sheets long."""
    html = tmp_path / "_build" / "html"
    (html / "book").mkdir(parents=True)
    (html / "_static").mkdir()
    (html / "_static" / "book.css").write_text("h1 { color: red }")
    (html / "_static" / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (html / "index.html").write_text("")
    first = '<p>See <a href="two.html#far">there</a>, <a href="#top">here</a>, '
    first += '<a href="https://example.org/">outside</a>, <a href="../lost.txt">a file</a>.</p>'
    first += "<details><summary>A hint</summary><p>Look.</p></details>"
    second = '<p style="height: 300mm">Long.</p><p id="far">Far.</p>'
    for name, body in (("one", first), ("two", second)):
        (html / f"book/{name}.html").write_text(PAGE.format(title=name.title(), body=body))
    toc = "root: book/one\nparts:\n  - caption: Part\n    chapters:\n      - file: book/two\n"
    (tmp_path / "_toc.yml").write_text(toc)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    monkeypatch.setattr(pdf, "HTML", html)
    return tmp_path


def test_pages_become_one_document(two_pages):
    text, _ = pdf.article("book/one", {"book/one", "book/two"})
    assert 'href="#two--far"' in text and 'href="#one--top"' in text
    assert 'href="https://example.org/"' in text and "lost.txt" not in text
    assert '<details open=""><summary>A hint</summary>' in text
    assert "headerlink" not in text and "<script" not in text


def test_on_paper_what_is_folded_stays_folded(two_pages):
    code = '<div class="cell_input"><pre>code</pre></div>'
    folds = "<ul class='strip'><li>Download</li></ul>"
    folds += f'<details class="fold draw"><summary>Code of this picture</summary>{code}</details>'
    folds += f'<details class="fold solution"><summary>Solution</summary>{code}x</details>'
    folds += '<div class="cell"><p>It is.</p><details class="fold checked"><summary><span '
    folds += f'class="tick">✓</span><span>Checked</span></summary>{code}</details></div>'
    (pdf.HTML / "book/one.html").write_text(PAGE.format(title="One", body=folds))
    article = BeautifulSoup(pdf.article("book/one", set())[0], "html.parser")
    assert [fold["class"] for fold in article("details")] == [["fold", "solution"]]
    assert article.get_text().count("code") == 1 and "codex" in article.get_text()
    assert article.select_one(".cell").get_text() == "It is.✓"
    assert "Download" not in article.get_text()


def test_a_film_becomes_four_of_its_frames(two_pages):
    frames = [np.full((4, 6, 1), 30 * n, np.uint8) for n in range(7)]
    labels = [f"epoch {n}" for n in range(7)]
    caption = "It grows. Move the slider, or press Play."
    made = film.show(frames, labels, 'grey & "dark"', caption, columns=3).data
    (pdf.HTML / "book/one.html").write_text(PAGE.format(title="One", body=made))
    soup = BeautifulSoup(pdf.article("book/one", set())[0], "html.parser")
    shown = [Image.open(io.BytesIO(base64.b64decode(i["src"].split(",")[1]))) for i in soup("img")]
    greys = [image.convert("L").resize((1, 1)).getpixel((0, 0)) for image in shown]
    np.testing.assert_allclose(greys, [0, 60, 120, 180], atol=6)
    assert {image.size for image in shown} == {(6, 4)}
    assert [i["alt"][-8:-1] for i in soup("img")] == ["epoch 0", "epoch 2", "epoch 4", "epoch 6"]
    assert soup.figcaption.get_text() == "It grows. Moments of a film."


def test_pdf_has_contents_with_page_numbers_and_links_inside(two_pages):
    if chromium.find() is None:
        pytest.skip("needs Chromium or Chrome")
    pdf.main(two_pages / "book.pdf")
    reader = pypdf.PdfReader(two_pages / "book.pdf")
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) == 5 and "GANs You Can Run" in texts[0]
    assert "Two" in texts[1] and "4" in texts[1].split("Two")[1].split()
    assert texts[3].startswith("Two") and "A hint\nLook." in texts[2] and "Far." in texts[4]
    assert reader.get_destination_page_number(reader.named_destinations["/two--far"]) == 4
    assert [title for title in titles(reader.outline) if title in ("One", "Two")] == ["One", "Two"]


def titles(outline):
    """The titles of a PDF's outline, whatever their depth, in order."""
    for entry in outline:
        yield from titles(entry) if isinstance(entry, list) else [entry.title]


def test_pdf_needs_a_built_book(two_pages):
    (pdf.HTML / "index.html").unlink()
    with pytest.raises(SystemExit, match="make book"):
        pdf.main(two_pages / "book.pdf")
    assert not (two_pages / "book.pdf").exists()


# --- GPU ------------------------------------------------------------------------------------------


def test_gpu_check_says_what_to_do_without_one(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    with pytest.raises(SystemExit, match="sees no GPU here") as error:
        gpu_check.main()
    assert f"tensorflow[and-cuda]=={tf.__version__}" in str(error.value)


def test_gpu_check_times_a_step():
    assert 0 < gpu_check.milliseconds_a_step("mlp-mnist", "/CPU:0", steps=3) < 60_000


@pytest.mark.exhaustive
def test_gpu_check_in_full():
    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("needs a GPU")
    with pytest.raises(SystemExit) as end:
        gpu_check.main(steps=50)
    assert end.value.code == 0
