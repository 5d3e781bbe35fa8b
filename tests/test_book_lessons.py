"""A lesson teaches within a budget, has its evidence beside it, and its exercises in their form.

A lesson in the form is a chapter `NN_….ipynb` with a notebook `NN_evidence.ipynb` beside it. What
is measured, and the budgets, are in `tools/measure_lessons.py`; CONTRIBUTING.md describes the form.
"""

import ast
import copy
import re
from pathlib import Path

import built_book
import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import measure_lessons

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
EVIDENCE = {path.stem[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9]*_evidence.ipynb"))}
LESSONS = [
    path
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    if path.stem[:2] in EVIDENCE and path not in EVIDENCE.values()
]
#: What a code cell is for. Only what teaches is open on the page.
ROLES = {"colab", "set-up", "teach", "draw", "claim", "solution"}
KINDS = ("warm-up", "build", "break and repair", "think")
TITLE = re.compile(r"\*\*(\d)\. [^*]+\*\* \*([A-Za-z -]+), (\d+) minutes\.\*")
HINTS = ["A hint", "A second hint"]


def role(cell):
    """The role of a code cell, or all that it has if that is not one."""
    roles = ROLES & set(cell.metadata.get("tags", []))
    roles -= {"set-up"} if "colab" in roles else set()  # which is a set-up of its own
    return roles.pop() if len(roles) == 1 else sorted(roles)


def problems_of_the_top(cells):
    """What is wrong with the first cells: the result, the strip, the set-up, Change these."""
    top, found = cells[0].source, []
    for words in ("You will learn", "Before you start", "Time"):
        if f"**{words}**" not in top:
            found.append(f"the strip lacks **{words}**")
    if not re.search(r"!\[[^\]]{20,}\]\([^)]+\)", top):
        found.append("the first cell shows no picture of the result, with a text in its place")
    elif top.index("![") > top.index("**"):
        found.append("the picture must stand above the strip")
    if [role(cell) for cell in cells[1:3]] != ["colab", "set-up"]:
        found.append("the colab cell and one set-up cell must follow the first cell")
    if [cell.cell_type for cell in cells[3:5]] != ["markdown", "code"]:
        return [*found, "Change these must follow the set-up"]
    if not cells[3].source.startswith("## Change these") or cells[4].id != "settings":
        found.append("Change these, with a cell whose id is settings, must follow the set-up")
    if not 3 <= cells[3].source.count("\n| `") <= 4:
        found.append("Change these must explain three or four settings")
    return found


def problems_of_roles(cells):
    """Code cells without one role, open ones that do not teach, folded ones that do."""
    found = []
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        what, tags = role(cell), set(cell.metadata.get("tags", []))
        if isinstance(what, list):
            found.append(f"{cell.id} must have one role of {sorted(ROLES)}, has {what}")
            continue
        if what != "solution" and tags & {"hide-input", "hide-cell", "remove-input", "remove-cell"}:
            found.append(f"{cell.id} has a tag that folds; the page folds by the role alone")
        folded = bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
        if folded == (what == "teach"):
            found.append(f"{cell.id} is {what}, and {'folded' if folded else 'open'} in Jupyter")
    if sum("result" in cell.metadata.get("tags", []) for cell in cells) != 1:
        found.append("one cell must be tagged result, the first that the reader's own code made")
    return found


def problems_of_guesses(cells):
    """Guesses without two or three answers, or whose answer does not come from a folded cell."""
    found, open_guess = [], None
    for cell in cells:
        if cell.cell_type == "markdown" and "**Guess first.**" in cell.source:
            after = cell.source.split("**Guess first.**")[1]
            if open_guess:
                found.append(f"the guess in {open_guess} is never answered")
            open_guess = cell.id
            if not 2 <= len(re.findall(r"^- \([abc]\)", after, re.MULTILINE)) <= 3:
                found.append(f"the guess in {cell.id} must offer two or three answers")
        elif open_guess and cell.cell_type == "code" and re.search(r"\*\*\([abc]\)", cell.source):
            if role(cell) != "claim":
                found.append(f"the answer in {cell.id} must be folded, as a claim")
            open_guess = None
    return [*found, f"the guess in {open_guess} is never answered"] if open_guess else found


def problems_of_exercises(cells):
    """Exercises that are not five, or lack their kind, minutes, two hints, hole or solution."""
    found, seen = [], []
    start = next((i for i, c in enumerate(cells) if "## Exercises" in c.source), len(cells))
    for place, cell in enumerate(cells[start:], start):
        if cell.cell_type != "markdown" or not (title := TITLE.search(cell.source)):
            continue
        number, kind, minutes = int(title[1]), title[2].lower(), int(title[3])
        seen.append((number, kind))
        if re.findall(r"<summary>(.*?)</summary>", cell.source) != HINTS:
            found.append(f"exercise {number} must have two hints, {' and '.join(HINTS)}")
        solution = cells[place + 1] if place + 1 < len(cells) else None
        if solution is None or solution.cell_type != "code" or role(solution) != "solution":
            found.append(f"exercise {number} must be followed by the cell of its solution")
            continue
        said = {"number": number, "kind": kind, "minutes": minutes}
        if solution.metadata.get("exercise") != said:
            found.append(f"the solution of exercise {number} must say {said}")
        found += problems_of_a_hole(number, solution)
    if [number for number, _ in seen] != [1, 2, 3, 4, 5]:
        found.append(f"there must be exercises 1 to 5, with kind and minutes, not {seen}")
    elif seen[0][1] != "warm-up" or not {kind for _, kind in seen} <= set(KINDS):
        found.append(f"the first must be a warm-up, and all one of {', '.join(KINDS)}")
    return found


def problems_of_a_hole(number, solution):
    """What stands in a solution's place for students: code that runs up to its gaps."""
    hole, found = solution.metadata.get("hole", ""), []
    try:
        parts = list(ast.walk(ast.parse(hole)))
    except SyntaxError:
        return [f"the hole of exercise {number} is no Python"]
    if not any(isinstance(part, ast.Constant) and part.value is ... for part in parts):
        found.append(f"the hole of exercise {number} has no gap to fill")
    if "to reach" not in hole.lower() and "teaching.check(" not in hole:
        found.append(f"the hole of exercise {number} does not say what to reach")
    if len(hole.splitlines()) >= len(solution.source.splitlines()):
        found.append(f"the hole of exercise {number} is as long as the solution")
    return found


def problems(notebook, evidence):
    """Say in what a lesson departs from the form. `evidence` is the stem of its evidence."""
    cells = notebook.cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = problems_of_the_top(cells) + problems_of_roles(cells)
    found += problems_of_guesses(cells) + problems_of_exercises(cells)
    sections = re.findall(r"^## (.*)$", prose, re.MULTILINE)
    end = ["Summary", "Exercises", "Questions", "Sources"]
    if sections[-4:] != end:
        found.append(f"the last sections must be {', '.join(end)}, not {sections[-4:]}")
    if f"{evidence}.ipynb" not in prose:
        found.append("it must link to its evidence")
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_has_the_form(path):
    found = problems(nbformat.read(path, as_version=4), EVIDENCE[path.stem[:2]].stem)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_stays_within_its_budget(path):
    row = measure_lessons.measure_notebook(nbformat.read(path, as_version=4))
    over = measure_lessons.excess(row, path.stem)
    assert not over, "; ".join(over)


def test_pages_of_lessons_stay_within_their_budget():
    names = [path.stem for path in LESSONS]
    built_book.build()
    pages = measure_lessons.measure_pages(names)
    if not pages:
        pytest.skip("needs Chromium or Chrome")
    for name in names:
        row = pages[name]
        run = any(cell.outputs for cell in cells_of_code(NOTEBOOKS / f"{name}.ipynb"))
        measured = {"lesson", "picture"} | ({"result"} if run else set())
        assert measured <= row.keys(), f"{name}: no {measured - row.keys()} on the page"
        assert not measure_lessons.excess(row, name), f"{name}: {row}"


@pytest.mark.parametrize("path", EVIDENCE.values(), ids=lambda path: path.stem)
def test_evidence_stands_under_its_lesson(path):
    lesson = next(lesson for lesson in LESSONS if lesson.stem[:2] == path.stem[:2])
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    chapters = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    nested = {c["file"]: [s["file"] for s in c.get("sections", [])] for c in chapters}
    assert f"notebooks/{path.stem}" in nested[f"notebooks/{lesson.stem}"]
    prose = "\n".join(
        c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"
    )
    assert f"{lesson.stem}.ipynb" in prose, "it must link to its lesson"
    assert "## What we measured" in prose
    for name in re.findall(r"runs/[\w/.-]+", "".join(c.source for c in cells_of_code(path))):
        pytest.fail(f"it must not start from a run folder of the lesson, such as {name}")


def cells_of_code(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def test_there_are_lessons_in_the_form():
    names = {path.stem for path in LESSONS}
    assert {
        "02_adversarial_game",
        "04_vanilla_gan",
        "09_dcgan_mnist",
        "11_your_own_images",
    } <= names


# --- The checks can fail --------------------------------------------------------------------------

EXERCISE = """**{number}. A title.** *{kind}, 5 minutes.* Do it.

<details><summary>A hint</summary>

Some.

</details>
<details><summary>A second hint</summary>

More.

</details>"""


def code(id, source, tags, **metadata):
    folded = {"jupyter": {"source_hidden": True}} if "teach" not in tags else {}
    return new_code_cell(source, id=id, metadata={"tags": tags, **folded, **metadata})


def lesson():
    """A small lesson without a fault."""
    top = "# T\n\nOne sentence.\n\n![Grey noise that becomes digits](a.png)\n\n"
    top += "**You will learn** much.\n\n**Before you start**: no.\n\n**Time**: short."
    settings = (
        "## Change these\n\n| setting | x |\n|---|---|\n| `a` | x |\n| `b` | x |\n| `c` | x |"
    )
    cells = [
        new_markdown_cell(top, id="top"),
        code("colab", "import os", ["colab"]),
        code("setup", "import keras", ["set-up"]),
        new_markdown_cell(settings, id="change"),
        code("settings", "a = b = c = 1", ["teach"]),
        new_markdown_cell(
            "See [it](04_evidence.ipynb). **Guess first.** Is it?\n\n- (a) x\n- (b) y"
        ),
        code("train", "x = a", ["teach", "result"]),
        code("draw", "plots.draw(x)", ["draw"]),
        code("claim", "plots.claim('**(a).** Yes', x == 1)", ["claim"]),
        new_markdown_cell("## Summary\n\nShort.\n\n## Exercises", id="summary"),
    ]
    for number, kind in enumerate(("warm-up", "build", "build", "break and repair", "think"), 1):
        text = EXERCISE.format(number=number, kind=kind.capitalize())
        cells.append(new_markdown_cell(text, id=f"exercise-{number}"))
        said = {"number": number, "kind": kind, "minutes": 5}
        hole = "x = ...\nprint(x)  # to reach: 1"
        tags = ["solution", "hide-cell"]
        solved = "x = 1\nassert x\nprint(x)"
        cells.append(code(f"solution-{number}", solved, tags, exercise=said, hole=hole))
    end = [("questions", "## Questions\n\nNone."), ("sources", "## Sources\n\nNone.")]
    return new_notebook(cells=[*cells, *(new_markdown_cell(text, id=id) for id, text in end)])


def at(notebook, id):
    return next(cell for cell in notebook.cells if cell.id == id)


def test_a_lesson_without_fault_passes():
    assert problems(lesson(), "04_evidence") == []


def replace(id, old, new):
    def spoil(notebook):
        cell = at(notebook, id)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return spoil


def retag(id, *tags):
    return lambda notebook: at(notebook, id).metadata.update(tags=list(tags))


def set_metadata(id, **values):
    return lambda notebook: at(notebook, id).metadata.update(values)


def drop(id):
    return lambda notebook: notebook.cells.remove(at(notebook, id))


FAULTS = [
    (replace("top", "**You will learn**", "Learn"), "lacks **You will learn**"),
    (replace("top", "![Grey noise that becomes digits](a.png)", ""), "no picture of the result"),
    (replace("top", "![Grey noise that becomes digits]", "![x]"), "no picture of the result"),
    (replace("top", "One sentence.", "**Bold** first."), "above the strip"),
    (drop("setup"), "one set-up cell"),
    (replace("change", "## Change these", "## Settings"), "Change these"),
    (replace("change", "| `c` | x |", ""), "three or four settings"),
    (retag("train", "result"), "must have one role"),
    (retag("draw", "draw", "claim"), "must have one role"),
    (set_metadata("draw", jupyter={}), "draw is draw, and open"),
    (retag("train", "draw", "result"), "train is draw, and open"),
    (retag("draw", "draw", "hide-input"), "a tag that folds"),
    (retag("train", "teach"), "tagged result"),
    (replace("claim", "**(a).**", ""), "is never answered"),
    (retag("claim", "draw"), "must be folded, as a claim"),
    (drop("exercise-5"), "exercises 1 to 5"),
    (replace("exercise-2", "*Build, 5 minutes.*", ""), "exercises 1 to 5"),
    (replace("exercise-1", "Warm-up", "Build"), "solution of exercise 1 must say"),
    (replace("exercise-2", "5 minutes", "9 minutes"), "solution of exercise 2 must say"),
    (replace("exercise-3", "A second hint", "Another"), "two hints"),
    (drop("solution-4"), "exercise 4 must be followed"),
    (set_metadata("solution-1", hole="x = ("), "no Python"),
    (set_metadata("solution-1", hole="x = 1  # to reach: 1"), "no gap"),
    (set_metadata("solution-1", hole="x = ..."), "what to reach"),
    (set_metadata("solution-1", hole="x = ...\nteaching.check(x)\n1\n"), "as long as the solution"),
    (set_metadata("solution-1", hole="...  # to reach: 1\n" * 4), "as long as the solution"),
    (replace("summary", "## Summary", "## End"), "last sections"),
    (drop("questions"), "last sections"),
]


@pytest.mark.parametrize(("spoil", "words"), FAULTS)
def test_a_fault_of_the_form_is_found(spoil, words):
    notebook = copy.deepcopy(lesson())
    spoil(notebook)
    assert any(words in problem for problem in problems(notebook, "04_evidence"))


def test_a_missing_link_and_a_wrong_kind_are_found():
    assert problems(lesson(), "09_evidence") == ["it must link to its evidence"]
    notebook = lesson()
    replace("exercise-5", "Think", "Ponder")(notebook)
    at(notebook, "solution-5").metadata["exercise"]["kind"] = "ponder"
    assert "must be a warm-up, and all one of" in problems(notebook, "04_evidence")[0]


def test_what_is_measured():
    table = "<table><tr><td>1.5</td><td>+2 (1 to 3)</td></tr></table>"
    cells = [
        new_markdown_cell("Two words `code` $x + y$ [link text](a.md) <!-- no words here -->"),
        code("a", "x = 1\n\nplots.show(\n    x\n)", ["teach"]),
        code("b", "plt.plot(x)", ["draw"]),
        code("c", "1 + 1", ["solution", "hide-cell"]),
        new_markdown_cell("Three more words.\n\n## Exercises\n\nOne."),
        new_markdown_cell("And two."),
    ]
    shown = {"text/html": table, "text/plain": "<IPython 9>"}
    cells[1].outputs = [new_output("stream", text="Of 55,000 images, 12%.")]
    cells[2].outputs = [new_output("execute_result", data=shown)]
    cells[3].outputs = [new_output("stream", text="7 8 9")]
    row = measure_lessons.measure_notebook(new_notebook(cells=cells))
    assert row == {"words": 7, "later": 3, "code": 4, "report": 0.75, "numbers": 6, "intervals": 1}


@pytest.mark.parametrize("name", measure_lessons.BUDGETS)
def test_a_budget_can_be_exceeded(name):
    most = measure_lessons.BUDGETS[name]
    assert measure_lessons.excess({name: most}) == []
    assert measure_lessons.excess({name: 1.5 * most}) == [f"{name} {1.5 * most}, at most {most}"]


def test_a_lesson_that_may_pass_a_budget_has_its_own():
    for name, own in measure_lessons.PASSED.items():
        assert (NOTEBOOKS / f"{name}.ipynb").is_file() and own.keys() <= {"seconds", "numbers"}
        for kind, most in own.items():
            assert measure_lessons.excess({kind: most}, name) == []
            assert measure_lessons.excess({kind: most + 1}, name)
