"""Write the notebooks as an edition: for students, without solutions, or with all of them open.

    python -m tools.editions student    # into _build/student
    python -m tools.editions key        # into _build/key

Both are made from the book's own notebooks. In the students' edition an exercise's hole stands in
the place of its solution, without an output, and nothing of the solution is left; the rest is as in
the book. In the key the solutions stand open. The files that the notebooks link to, such as
pictures and the references, lie beside them as in the repository: the folder can be handed on.
A folder in which somebody has saved work since is put aside, and not written over.
"""

import argparse
import itertools
import re
import shutil
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ".written"  # the moment at which a folder was complete
LINKED = re.compile(r"\]\(([^)\s#]+)|(?:src|href)=\"([^\"#]+)")


def is_solution(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell solves an exercise."""
    return "solution" in cell.metadata.get("tags", [])


def student(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with the hole of each exercise in the place of its solution."""
    made = nbformat.from_dict({**book, "cells": []})
    made.metadata.pop("gan_utils", None)  # the stamp of a run, with solutions
    for cell in book.cells:
        cell = nbformat.from_dict(cell)
        if is_solution(cell):
            kept = {"exercise": cell.metadata.exercise, "tags": ["exercise"]}
            cell.update(source=cell.metadata.hole, outputs=[], execution_count=None)
            cell.metadata = nbformat.from_dict(kept)
        made.cells.append(cell)
    return made


def key(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook whose solutions, and what they show, are not folded."""
    made = nbformat.from_dict({**book})
    for cell in filter(is_solution, made.cells):
        for name in ("hole", "jupyter", "cellView"):
            cell.metadata.pop(name, None)
        for name in ("code_prompt_show", "code_prompt_hide"):
            cell.metadata.get("mystnb", {}).pop(name, None)
        cell.metadata.tags = [tag for tag in cell.metadata.tags if tag != "hide-cell"]
    return made


EDITIONS = {"student": student, "key": key}


def linked(notebook: nbformat.NotebookNode) -> set[str]:
    """Return the files that the text of a notebook links to, as paths from its folder."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    paths = {first or second for first, second in LINKED.findall(text)}
    return {path for path in paths if ":" not in path and not path.endswith(".ipynb")}


def put_aside(folder: Path) -> Path | None:
    """Move ``folder`` to a free name beside it if a notebook in it was saved since it was written.

    Return where it lies now, or None if there was nothing to keep.
    """
    mark = folder / WRITTEN
    written = mark.stat().st_mtime_ns if mark.is_file() else 0
    if all(path.stat().st_mtime_ns <= written for path in folder.glob("notebooks/*.ipynb")):
        return None
    places = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(1))
    return folder.rename(next(place for place in places if not place.exists()))


def write(name: str, folder: Path) -> Path:
    """Write an edition in place of what is in ``folder``, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        made = EDITIONS[name](nbformat.read(path, as_version=4))
        text = nbformat.writes(made) + "\n"
        (folder / "notebooks" / path.name).write_text(text, encoding="utf-8")
        for file in linked(made):
            place = (folder / "notebooks" / file).resolve()
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path.parent / file, place)
    (folder / WRITTEN).touch()
    return folder


def main() -> None:
    """Write the edition that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("edition", choices=EDITIONS)
    name = parser.parse_args().edition
    folder = ROOT / "_build" / name
    if aside := put_aside(folder):
        print(f"Somebody has worked in {folder}: it is kept as {aside}")
    print(f"Written into {write(name, folder)}. To open it:")
    print(f"  .venv/bin/jupyter lab _build/{name}")


if __name__ == "__main__":
    main()
