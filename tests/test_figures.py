"""`make figures`: every figure that was drawn is a file with words, on a scratch copy."""

import csv
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from tools import figures

ROOT = Path(__file__).resolve().parent.parent
#: a lesson with a film, its evidence, two with photographs, and one whose pictures are kept
SOME = ["04_vanilla_gan", "04_evidence", "10_dcgan_cifar10", "11_your_own_images", "12_evaluating"]
ENDINGS = (".svg", ".png", ".jpg", ".webp")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    (root / "notebooks").mkdir()
    for stem in SOME:
        shutil.copy(ROOT / "notebooks" / f"{stem}.ipynb", root / "notebooks")
    for folder in ("pictures", "_static/films"):
        shutil.copytree(ROOT / "book" / folder, root / "book" / folder)
    return root


@pytest.fixture(scope="module")
def pack(copy):
    """The folder of the pack, and the names that are missing in it."""
    return copy / "figures", figures.write(copy, copy / "figures")


def table(folder):
    with (folder / "figures.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def names(root):
    """Return the names of all figures and films of the notebooks."""
    for path in root.glob("notebooks/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and figures.named(cell):
                yield figures.named(cell)


def problems(folder):
    """Return what is wrong with the files and the rows of a pack."""
    found = []
    for row in table(folder):
        path = folder / row["file"]
        found += [f"{path.name}: no {f}" for f in figures.FIELDS if not row[f].strip()]
        if not path.is_file():
            found.append(f"{path.name}: no file")
        elif path.suffix == ".svg":
            try:
                assert ElementTree.parse(path).getroot().tag.endswith("svg")
            except (ElementTree.ParseError, AssertionError):
                found.append(f"{path.name}: no SVG")
        else:
            Image.open(path).verify()
    return found


def test_every_figure_is_there(copy, pack):
    folder, missing = pack
    written = {path.stem for path in folder.iterdir() if path.suffix in ENDINGS}
    wanted = {name.removeprefix("fig-") for name in names(copy)}
    assert len(written) > 20 and written == wanted - {m.removeprefix("fig-") for m in missing}
    assert {row["file"] for row in table(folder)} | {"figures.csv", "README.md"} == {
        path.name for path in folder.iterdir()
    }
    assert {"04-flow.svg", "04-real.png", "04e-band.svg", "04-film.webp", "04-film.png"} <= {
        path.name for path in folder.iterdir()
    }
    assert "10-real.jpg" in {path.name for path in folder.iterdir()}, "photographs are JPEG"


def test_nothing_is_wrong_with_it(pack):
    assert problems(pack[0]) == []


def test_a_film_moves_and_ends(pack):
    with Image.open(pack[0] / "04-film.webp") as film:
        assert film.n_frames > 10


def test_only_what_was_never_drawn_is_missing(copy, pack):
    missing = set(pack[1])
    cells = [
        cell
        for path in copy.glob("notebooks/*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and figures.named(cell) in missing
    ]
    assert all(not any("data" in output for output in cell.outputs) for cell in cells)
    assert "fig-12-faults" not in missing, "a kept picture stands in for it"


def test_photographs_are_named(pack):
    rows = {row["file"]: row for row in table(pack[0])}
    free = {name for name, row in rows.items() if "CC0 1.0" in row["licence"]}
    assert free == {f"{name.removeprefix('fig-')}.png" for name in figures.PHOTOGRAPHS}
    shown = [r for r in rows.values() if "photograph" in r["caption"] and r["file"][:2] == "11"]
    assert shown and all(row["file"] in free for row in shown)
    assert "CIFAR-10" in rows["10-real.jpg"]["licence"]
    assert all(row["licence"].startswith("CC BY 4.0") for row in rows.values())
    assert "CC0 1.0" in (pack[0] / "README.md").read_text(encoding="utf-8")


def test_figures_with_a_licence_of_their_own_are_there():
    assert figures.PHOTOGRAPHS | figures.CIFAR <= set(names(ROOT))


def test_a_row_says_where_it_comes_from(pack):
    row = next(row for row in table(pack[0]) if row["file"] == "04-losses.svg")
    assert row["chapter"] == "04 · A GAN on MNIST, from scratch"
    assert row["section"] == "Reading the losses"
    assert row["source"] == "../html/notebooks/04_vanilla_gan.html#fig-04-losses"
    assert {row["kind"] for row in table(pack[0])} == {"figure", "film", "solution"}


def test_a_fault_is_noticed(copy, tmp_path):
    shutil.copytree(copy, tmp_path / "copy")
    path = tmp_path / "copy" / "notebooks" / "04_vanilla_gan.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and figures.named(cell) == "fig-04-losses":
            cell.metadata["mystnb"]["image"]["alt"] = " "
            cell.outputs = [nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg"})]
    nbformat.write(notebook, path)
    figures.write(tmp_path / "copy", tmp_path / "pack")
    assert problems(tmp_path / "pack") == ["04-losses.svg: no alt", "04-losses.svg: no SVG"]
