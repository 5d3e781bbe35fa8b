"""Write a figure's caption below it, where a notebook is read outside of the book.

    python -m tools.captions

A caption lives in the metadata of the cell that draws the figure. The book reads it there; Jupyter,
Colab and GitHub do not. So each such cell is followed by a Markdown cell with the same words,
tagged `caption` and `remove-cell`, which the book leaves out. To change a caption, change the
metadata and run this.
"""

from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

ROOT = Path(__file__).resolve().parent.parent
TAGS = ["caption", "remove-cell"]


def is_caption(cell: nbformat.NotebookNode) -> bool:
    """Say whether a cell repeats a caption."""
    return "caption" in cell.metadata.get("tags", [])


def caption(cell: nbformat.NotebookNode) -> str:
    """Return the caption of the figure that a cell draws, or an empty string.

    A solution is folded together with its figure: words below it would stand alone.
    """
    if cell.cell_type != "code" or "solution" in cell.metadata.get("tags", []):
        return ""
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")


def update(notebook: nbformat.NotebookNode) -> None:
    """Write all captions of a notebook anew. A caption's cell keeps its id if its words stay."""
    old = {cell.source: cell for cell in notebook.cells if is_caption(cell)}
    cells = []
    for place, cell in enumerate(c for c in notebook.cells if not is_caption(c)):
        cells.append(cell)
        if caption(cell):
            words = f"**Figure.** {caption(cell)}"
            named = {"id": f"caption-{cell.get('id', place)}"[:64]}
            made = new_markdown_cell(words, metadata={"tags": list(TAGS)}, **named)
            cells.append(old.get(words, made))
    notebook.cells = cells


def main() -> None:
    """Update all notebooks."""
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        update(notebook)
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
