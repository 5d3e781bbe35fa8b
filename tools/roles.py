"""Give each code cell of the notebooks what follows from its role; guess roles that are missing.

    python -m tools.roles                   # all notebooks
    python -m tools.roles 04_vanilla_gan    # this one

A role is one of a cell's tags: teach, set-up, draw, claim or solution. Only what teaches stands
open. For the other roles this writes a first line `# @title …`, which stands for the folded code on
the page and in Colab, `cellView` (Colab folds the code) and `jupyter` (JupyterLab does, and hides a
solution's outputs too). A title that is there stays: say in it what the code is. A cell without a
role gets the likely one and is named, for you to look at. Nothing of this makes a stamp stale.
"""

import argparse
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
ROLES = ("teach", "set-up", "draw", "claim", "solution")
TITLE = re.compile(r"^# @title (.+)\n")
SET_UP = {  # what a cell that sets up has in it -> its title
    r"^\s*%pip ": "Set-up: the package",
    r"runtime\.setup\(": "Set-up: the seed and the machine",
    r"load_results\(": "Set-up: stored results",
    r"data\.load\(": "Set-up: the data",
    r"^from |^import ": "Set-up: imports",
    r"runtime\.expect\(": "Set-up: did both networks train?",
}
DRAWN = {  # what a cell shows -> what it draws; the first that is there
    'class="film"': "film",
    "<table": "table",
    "image/": "picture",
    "text/html": "picture",
    "text/markdown": "list",
}


def roles(cell: nbformat.NotebookNode) -> list[str]:
    """Return the roles among a cell's tags; a sound cell has one."""
    return [tag for tag in cell.metadata.get("tags", []) if tag in ROLES]


def shown(cell: nbformat.NotebookNode) -> str:
    """Return the kinds of a cell's outputs and its HTML, as one text to search in."""
    bundles = [output.get("data", {}) for output in cell.outputs]
    return " ".join(
        [kind + " " + bundle.get("text/html", "") for bundle in bundles for kind in bundle]
    )


def guess(cell: nbformat.NotebookNode, in_body: bool) -> str:
    """Return the role that a code cell most likely has.

    Args:
        cell: it may have outputs, which say most.
        in_body: whether a section's heading stands somewhere above it.
    """
    tags, source, kinds = cell.metadata.get("tags", []), cell.source, shown(cell)
    if "solution" in tags:
        return "solution"
    if "colab" in tags or not in_body:
        return "set-up"
    if "from-scratch" in tags:
        return "teach"
    if "claim(" in source:
        return "claim"
    if any(kind in kinds for kind in DRAWN):
        return "draw"
    checks = re.search(r"^\s*assert |runtime\.expect\(", source, re.MULTILINE)
    if checks and not re.search(r"^(def|class) |\.fit\(", source, re.MULTILINE):
        return "claim" if "print(" in source else "set-up"
    return "set-up" if re.search(r"load_results\(|data\.load\(", source) else "teach"


def title(cell: nbformat.NotebookNode, role: str) -> str:
    """Return the line that stands for a cell's folded code."""
    if role == "solution":
        return "Solution"
    if role == "set-up":
        found = (words for sign, words in SET_UP.items() if re.search(sign, cell.source, re.M))
        return next(found, "Set-up: bookkeeping")
    if role == "claim":
        return f"Code of this {'sentence' if 'claim(' in cell.source else 'check'}"
    kinds = shown(cell)
    what = next((what for sign, what in DRAWN.items() if sign in kinds), "")
    return f"Code of this {what}" if what else "Code that draws"


def fold(cell: nbformat.NotebookNode, role: str) -> None:
    """Write into a cell what its role asks of JupyterLab and Colab."""
    jupyter = {"source_hidden": True} if role != "teach" else {}
    if role == "solution":
        jupyter["outputs_hidden"] = True
    for name, value in (("cellView", "form" if jupyter else None), ("jupyter", jupyter)):
        cell.metadata.pop(name, None)
        if value:
            cell.metadata[name] = value
    titled = TITLE.match(cell.source)
    if role == "teach" and titled:
        cell.source = cell.source[titled.end() :]
    elif role != "teach" and not titled:
        cell.source = f"# @title {title(cell, role)}\n{cell.source}"


def update(notebook: nbformat.NotebookNode) -> list[int]:
    """Fold all cells of a notebook; return the places of those whose role had to be guessed."""
    guessed, in_body = [], False
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            in_body |= bool(re.search(r"^## ", cell.source, re.MULTILINE))
        elif cell.cell_type == "code":
            if not roles(cell):
                cell.metadata["tags"] = [guess(cell, in_body), *cell.metadata.get("tags", [])]
                guessed.append(place)
            fold(cell, roles(cell)[0])
    return guessed


def main() -> None:
    """Update the notebooks, and say which cells were given a role."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="notebooks, such as 04_vanilla_gan; default: all")
    names = {Path(name).stem for name in parser.parse_args().names}
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        if not names or path.stem in names:
            notebook = nbformat.read(path, as_version=4)
            for place in update(notebook):
                cell = notebook.cells[place]
                print(f"{path.stem}: cell {place} looks like {roles(cell)[0]}: please check")
            path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
