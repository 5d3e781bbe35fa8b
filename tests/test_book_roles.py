"""Every cell has a role; JupyterLab, Colab and readers of the raw file see what follows from it."""

from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import captions, provenance, roles

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
FIGURE = {"figure": {"caption": "A dot. It is black.", "name": "fig-01-dot"}}


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_has_one_role_and_what_follows_from_it(path):
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [i for i, cell in enumerate(code) if len(roles.roles(cell)) != 1] == []
    kept = deepcopy(notebook)
    assert roles.update(notebook) == [] and notebook == kept, "python -m tools.roles"
    captions.update(notebook)
    assert notebook == kept, "python -m tools.captions"
    teaches = any(roles.roles(cell) == ["teach"] for cell in code)
    assert teaches or path.stem.endswith("evidence")


def shows(kind, text=""):
    return [new_output("display_data", data={kind: text})]


@pytest.mark.parametrize(
    ("role", "source", "tags", "outputs", "in_body"),
    [
        ("set-up", "import keras", [], [], False),
        ("set-up", "%pip install x", ["colab"], [], True),
        ("set-up", 'mnist = data.load("mnist")', [], [], True),
        ("set-up", 'runtime.expect("It moved.", moved)', [], [], True),
        ("teach", "def f(x):\n    return x", [], [], True),
        ("teach", 'mnist = data.load("mnist")', ["from-scratch"], [], True),
        ("teach", "model.fit(x)\nassert model.step > 0", [], [], True),
        ("claim", 'plots.claim("It is.", holds=True)', [], shows("text/markdown"), True),
        ("claim", 'assert x == 1\nprint("It is.")', [], [], True),
        ("draw", "plots.loss_curves(h);", [], shows("image/png"), True),
        ("draw", "plots.table(rows)", [], shows("text/html", "<table></table>"), True),
        ("solution", "assert 1", ["solution", "hide-cell"], shows("image/png"), True),
    ],
)
def test_guesses(role, source, tags, outputs, in_body):
    cell = new_code_cell(source, metadata={"tags": tags}, outputs=outputs)
    assert roles.guess(cell, in_body) == role


@pytest.mark.parametrize(
    ("title", "role", "source", "outputs"),
    [
        ("Set-up: imports", "set-up", "from gan_utils import data", []),
        ("Set-up: the data", "set-up", 'mnist = data.load("mnist")', []),
        ("Set-up: bookkeeping", "set-up", "x = 1", []),
        ("Code of this picture", "draw", "plot()", shows("image/jpeg")),
        ("Code of this film", "draw", "film()", shows("text/html", '<figure class="film">')),
        ("Code of this table", "draw", "table()", shows("text/html", "<table>")),
        ("Code that draws", "draw", "def panel(axes): ...", []),
        ("Code of this sentence", "claim", "plots.claim(x, holds=y)", []),
        ("Code of this check", "claim", "assert x", []),
        ("Solution", "solution", "assert x", []),
    ],
)
def test_titles(title, role, source, outputs):
    assert roles.title(new_code_cell(source, outputs=outputs), role) == title


def test_folding_follows_the_role_and_keeps_an_authors_title():
    cell = new_code_cell("x = 1", metadata={"tags": ["draw"], "mystnb": FIGURE})
    roles.update(new_notebook(cells=[cell]))
    assert cell.source == "# @title Code that draws\nx = 1"
    assert cell.metadata.cellView == "form" and cell.metadata.jupyter == {"source_hidden": True}
    assert cell.metadata.mystnb == FIGURE
    cell.source = "# @title The four families\nx = 1"
    roles.update(new_notebook(cells=[cell]))
    assert cell.source == "# @title The four families\nx = 1"
    cell.metadata.tags = ["solution"]
    roles.update(new_notebook(cells=[cell]))
    assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    cell.metadata.tags = ["teach"]
    roles.update(new_notebook(cells=[cell]))
    assert cell.source == "x = 1" and not {"cellView", "jupyter"} & cell.metadata.keys()


def test_a_cell_without_a_role_gets_one_and_is_named():
    cells = [new_markdown_cell("## A section"), new_code_cell("x = 1"), new_code_cell("y = 2")]
    cells[2].metadata["tags"] = ["teach"]
    notebook = new_notebook(cells=cells)
    assert roles.update(notebook) == [1] and roles.roles(cells[1]) == ["teach"]
    assert roles.update(notebook) == []


def test_no_stamp_minds_roles_and_titles(tmp_path):
    """What is run is the same with all of it and without."""
    notebook = read(ROOT / "notebooks" / "04_vanilla_gan.ipynb")
    digests = []
    for plain in (False, True):
        for cell in notebook.cells:
            if plain and cell.cell_type == "code":
                cell.source = roles.TITLE.sub("", cell.source)
                cell.metadata = {"tags": [tag for tag in cell.metadata.tags if tag == "colab"]}
        path = tmp_path / f"{plain}.ipynb"
        nbformat.write(notebook, path)
        digests.append(provenance.reached(path, ROOT).digest())
    assert digests[0] == digests[1]
    next(cell for cell in notebook.cells if cell.id == "settings").source += "\nseed = 1"
    nbformat.write(notebook, path)
    assert provenance.reached(path, ROOT).digest() != digests[0]


# --- Captions -------------------------------------------------------------------------------------


def figure(caption, *tags):
    data = {"mystnb": {"figure": {"caption": caption}}, "tags": list(tags)}
    return new_code_cell("plot()", metadata=data)


def test_captions_are_written_once_below_their_figures():
    notebook = new_notebook(cells=[figure("One."), new_code_cell("x = 1"), figure("Two.")])
    captions.update(notebook)
    words = [cell.source for cell in notebook.cells]
    assert words == ["plot()", "**Figure.** One.", "x = 1", "plot()", "**Figure.** Two."]
    assert notebook.cells[1].metadata.tags == ["caption", "remove-cell"]
    nbformat.validate(notebook)
    once = deepcopy(notebook)
    captions.update(notebook)
    assert notebook == once


def test_captions_follow_their_figures():
    notebook = new_notebook(cells=[figure("One."), figure("Two.")])
    captions.update(notebook)
    first, note, second, _ = notebook.cells
    first.metadata.mystnb.figure.caption = "Another."
    notebook.cells = [second, note, first]  # moved about, and one caption lost
    captions.update(notebook)
    words = [cell.source for cell in notebook.cells if captions.is_caption(cell)]
    assert words == ["**Figure.** Two.", "**Figure.** Another."]
    nbformat.validate(notebook)
    del first.metadata["mystnb"]
    captions.update(notebook)
    assert sum(map(captions.is_caption, notebook.cells)) == 1


def test_a_folded_solution_leaves_no_caption_behind():
    notebook = new_notebook(cells=[figure("The walk.", "solution")])
    captions.update(notebook)
    assert len(notebook.cells) == 1
