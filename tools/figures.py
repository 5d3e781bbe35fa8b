"""The figure pack: every figure and film of the chapters and their evidence, as files for slides.

    make figures         NN-name.svg, .png, .jpg or .webp, figures.csv, README.md in _build/figures

A figure is taken from the outputs of its executed notebook, as SVG where there is one. Of one that
has not been run there is at least what book/pictures and book/_static/films keep.
"""

import ast
import base64
import csv
import re
import shutil
from pathlib import Path

import nbformat

from tools.export_pictures import animation

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "_build" / "figures"
KINDS = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
FIELDS = ["file", "caption", "alt", "chapter", "section", "kind", "licence", "source"]
LICENCE = "CC BY 4.0"
#: figures that show photographs of gan_utils/own/photos, and not only what a generator made
PHOTOGRAPHS = {"fig-11-sheet", "fig-11-augmented", "fig-11-nearest"}
#: figures that show photographs of the data set CIFAR-10
CIFAR = {"fig-10-real", "fig-10e-stored", "fig-10e-nearest"}
README = """# Figures of GANs You Can Run

`figures.csv` has a row for each file: its caption, a text that says what it shows (for slides, put
it into the picture's alternative text), its chapter, the section it stands in, its licence, and
where it stands in the book. Links begin in this folder, and work beside the built book.
An SVG stays sharp at any size. A film (`.webp`) plays once; the PNG of its name is its last frame.
Rows of the kind *solution* give the answer to an exercise away.

**Licence.** Text and pictures are under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/):
show them, change them, and name "GANs You Can Run", with a link to the book and to the licence.
The photographs of T-shirts in some figures are under
[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/): free of any right. Real digits are
from MNIST, and small colour photographs from CIFAR-10; whoever shows them names these data sets.
"""


def licence(name: str) -> str:
    """Return the licence of a figure, and of what it shows that is not ours."""
    if name in PHOTOGRAPHS:
        return f"{LICENCE}; the photographs in it: CC0 1.0"
    return f"{LICENCE}; the photographs in it: CIFAR-10" if name in CIFAR else LICENCE


def named(cell: nbformat.NotebookNode) -> str:
    """Return the name of the figure or film that a cell shows, or an empty string."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    return cell.metadata.get("film", "") or figure.get("name", "")


def files_of(cell: nbformat.NotebookNode, root: Path) -> dict[str, bytes]:
    """Return what a cell shows, {"svg": bytes}; empty if it was not run and nothing is kept."""
    name = named(cell)
    shown = [output.data for output in cell.outputs if "data" in output]
    if cell.metadata.get("film"):
        films = [data["text/html"] for data in shown if "text/html" in data]
        if films:
            return dict(zip(("webp", "png"), animation(films[0]), strict=True))
        kept = [root / "book" / "_static" / "films" / f"{name}.{kind}" for kind in ("webp", "png")]
    else:
        for kind, ending in KINDS.items():
            if found := [data[kind] for data in shown if kind in data]:
                svg = ending == "svg"
                return {ending: found[-1].encode() if svg else base64.b64decode(found[-1])}
        kept = [root / "book" / "pictures" / f"{name}.png"]
    return {path.suffix[1:]: path.read_bytes() for path in kept if path.is_file()}


def words_of(cell: nbformat.NotebookNode) -> tuple[str, str]:
    """Return the caption and the alternative text of what a cell shows; a film says them itself."""
    said = cell.metadata.get("mystnb", {})
    if not cell.metadata.get("film"):
        return said["figure"]["caption"], said.get("image", {}).get("alt", "")
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    given = [{word.arg: word.value for word in call.keywords} for call in calls]
    film = next(words for words in given if {"caption", "alt"} <= words.keys())
    return ast.literal_eval(film["caption"]), ast.literal_eval(film["alt"])


def source(notebook: Path, name: str, cell: nbformat.NotebookNode) -> str:
    """Return the link to a figure in the built book; to its page, if it is a film."""
    anchor = "" if cell.metadata.get("film") else f"#{name}"
    return f"../html/notebooks/{notebook.stem}.html{anchor}"


def collect(root: Path = ROOT) -> tuple[list[dict[str, str]], dict[str, bytes], list[str]]:
    """Return the rows of the table, the files, and the names of figures that are not drawn yet."""
    rows, files, missing = [], {}, []
    for path in sorted(root.glob("notebooks/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        chapter = section = ""
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                for level, heading in re.findall(r"^(#{1,3}) (.+)$", cell.source, re.MULTILINE):
                    chapter, section = (heading, "") if level == "#" else (chapter, heading)
            if cell.cell_type != "code" or not (name := named(cell)):
                continue
            found, stem = files_of(cell, root), name.removeprefix("fig-")
            if not found:
                missing.append(name)
                continue
            caption, alt = words_of(cell)
            solution = "solution" in cell.metadata.get("tags", [])
            kind = "film" if "webp" in found else "solution" if solution else "figure"
            for ending, content in found.items():
                files[f"{stem}.{ending}"] = content
                row = [f"{stem}.{ending}", caption, alt, chapter, section, kind]
                row += [licence(name), source(path, name, cell)]
                rows.append(dict(zip(FIELDS, row, strict=True)))
    return rows, files, missing


def write(root: Path = ROOT, out: Path = OUT) -> list[str]:
    """Write the pack anew; return the names of figures that are missing in it."""
    rows, files, missing = collect(root)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    with (out / "figures.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    (out / "README.md").write_text(README, encoding="utf-8")
    return missing


def main() -> None:
    """Write the pack and say what is in it."""
    missing = write()
    print(f"{len(list(OUT.iterdir())) - 2} files, figures.csv and README.md are in {OUT}")
    if missing:
        print(f"Not in the pack, since no picture is in their notebooks: {', '.join(missing)}")


if __name__ == "__main__":
    main()
