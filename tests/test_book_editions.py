"""The students' edition gives no solution away, the key shows all, and both are the book."""

import ast
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import editions

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if not path.stem.endswith("_evidence")]
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
BLANK = re.compile(r"Name\(id='\w+', ctx=\w+\(\)\)|Constant\(value=[^)]*\)")
#: nodes in the tree of the shortest piece of code that counts: a line, and a part of a line
LINE, PART = 8, 12
#: where a figure's words stand in the metadata of its cell
SAID = [("figure", "caption"), ("image", "alt")]


def read(path):
    return nbformat.read(path, as_version=4)


def pieces(source):
    """The lines of code, and longer parts of them, as trees in which names and numbers are blank.

    So a line that is quoted with other names, or without its left side, is found as well.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found = set()
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    values = {id(getattr(line, "value", None)) for line in lines}
    for node in ast.walk(tree):
        size = sum(not isinstance(part, ast.expr_context) for part in ast.walk(node))
        least = LINE if node in lines or id(node) in values else PART
        if isinstance(node, (ast.stmt, ast.expr)) and size >= least:
            found.add(BLANK.sub("_", ast.dump(node)))
    return found


def numbers(text):
    """The numbers in a text that say something: of two digits or more."""
    found = NUMBER.findall(text.replace("_", ""))
    found = {number.rstrip(",").replace(",", "") for number in found}
    return {number for number in found if len(number.lstrip("0.")) >= 2}


def printed(cell):
    """All text that a cell shows."""
    bundles = [{"": out.get("text", "")} | dict(out.get("data", {})) for out in cell.outputs]
    shown = [v for b in bundles for mime, v in b.items() if not mime.startswith("image/")]
    return re.sub(r"<Figure size .*?>", "", "\n".join(map(str, shown)))


def leaks(book, student):
    """What of the solutions in ``book`` can be read in the edition ``student``."""
    start = next((i for i, c in enumerate(student.cells) if "## Exercises" in c.source), 0)
    prose = "\n".join(c.source for c in student.cells[start:] if c.cell_type == "markdown")
    quoted = set().union(*(pieces(code) for code in re.findall(r"`+([^`]+)`+", prose)), set())
    known = [c for c in book.cells if c.cell_type == "code" and not editions.is_solution(c)]
    ours = set().union(*(pieces(cell.source) for cell in known), set())
    everything = nbformat.writes(student)
    found = []
    for place, cell in enumerate(book.cells):
        if not editions.is_solution(cell):
            continue
        hole, number = cell.metadata.hole, cell.metadata.exercise["number"]
        code = pieces(cell.source) - pieces(hole) - ours
        found += [f"{number}: code, {piece}" for piece in sorted(code & quoted)]
        computed = numbers(printed(cell)) - numbers(cell.source) - numbers(hole)
        # its own text alone: other exercises have other numbers
        asked = next(c.source for c in student.cells if c.id == book.cells[place - 1].id)
        asked = re.split(rf"\*\*{number}\. .* minutes\.\*", asked)[-1]
        found += [f"{number}: number, {value}" for value in sorted(computed & numbers(asked))]
        figure = cell.metadata.get("mystnb", {})
        words = [figure.get(kind, {}).get(name, "") for kind, name in SAID]
        words += [line for line in printed(cell).splitlines() if len(line) > 15]
        words += [line for line in cell.source.splitlines() if len(line) > 15 and line not in hole]
        others = "\n".join(c.source for c in known)
        for line in filter(None, words):
            if json.dumps(line, ensure_ascii=False)[1:-1] in everything and line not in others:
                found.append(f"{number}: words, {line}")
    holes = [c for c in student.cells if "exercise" in c.get("metadata", {})]
    found += [f"{c.id}: output" for c in holes if c.outputs or c.execution_count is not None]
    found += [f"{c.id}: {name}" for c in holes for name in c.metadata.keys() - {"exercise", "tags"}]
    return found


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    """A lesson, with both of its editions."""
    book = read(request.param)
    return book, editions.student(book), editions.key(book)


def test_nothing_of_a_solution_is_left_for_students(lesson):
    book, student, _ = lesson
    assert leaks(book, student) == []


def test_students_have_the_book_but_for_the_solutions(lesson):
    """So that what `make test` runs holds for their edition, up to the first hole."""
    book, student, _ = lesson
    assert [cell.id for cell in student.cells] == [cell.id for cell in book.cells]
    for ours, theirs in zip(book.cells, student.cells, strict=True):
        if editions.is_solution(ours):
            assert theirs.source == ours.metadata.hole
            compile(theirs.source, ours.id, "exec")
        else:
            assert theirs == ours
    assert "gan_utils" not in student.metadata, "a stamp belongs to what was run"


def test_the_key_is_the_book_with_its_solutions_open(lesson):
    book, student, key = lesson
    solutions = [cell for cell in key.cells if editions.is_solution(cell)]
    assert len(solutions) == sum("exercise" in cell.metadata for cell in student.cells) >= 3
    for cell in solutions:
        assert cell.metadata.keys() <= {"exercise", "mystnb", "tags"}
        assert cell.metadata.tags == ["solution"]
    for ours, theirs in zip(book.cells, key.cells, strict=True):
        assert ours.source == theirs.source and ours.get("outputs") == theirs.get("outputs")
        assert editions.is_solution(ours) or ours == theirs


def test_an_edition_lies_in_a_folder_of_its_own(tmp_path):
    folder = editions.write("student", tmp_path / "student")
    made = sorted(folder.glob("notebooks/*.ipynb"))
    assert [path.name for path in made] == [path.name for path in NOTEBOOKS]
    files = {(path, file) for path in made for file in editions.linked(read(path))}
    assert any(file.endswith(".webp") for _, file in files)
    assert [file for path, file in files if not (path.parent / file).is_file()] == []
    assert editions.put_aside(folder) is None  # nobody has worked in it
    ours, later = made[0], (folder / editions.WRITTEN).stat().st_mtime_ns + 1_000_000_000
    ours.write_text("my answers", encoding="utf-8")
    os.utime(ours, ns=(later, later))
    (tmp_path / "student-1").mkdir()  # somebody's, from before
    aside = editions.put_aside(folder)
    assert aside == tmp_path / "student-2" and not folder.exists()
    assert (aside / "notebooks" / ours.name).read_text(encoding="utf-8") == "my answers"
    assert editions.put_aside(folder) is None


# The checks can fail


def small():
    """A lesson with one exercise, whose solution draws a picture."""
    text = "## Exercises\n\n**1. Sum.** *Warm-up, 5 minutes.* Add up 12 numbers, from 0 on."
    figure = {"image": {"alt": "A curve that bends upwards"}, "figure": {"caption": "The sums."}}
    code = "# @title Solution\nsums = np.cumsum(np.arange(12) ** 2)\nassert sums[-1] == 506\nsums"
    solution = new_code_cell(
        code,
        id="sum",
        execution_count=1,
        outputs=[new_output("stream", text="The sums end at 506, with a mean of 178.75.")],
        metadata={
            "tags": ["solution", "hide-cell"],
            "jupyter": {"source_hidden": True},
            "exercise": {"number": 1, "kind": "warm-up", "minutes": 5},
            "hole": "sums = ...\nprint(sums)  # to reach: 506 at the end",
            "mystnb": figure,
        },
    )
    return new_notebook(cells=[new_markdown_cell(text, id="text"), solution])


def hint(words):
    def plant(student):
        student.cells[
            0
        ].source += f"\n\n<details><summary>A hint</summary>\n\n{words}\n\n</details>"

    return plant


def _caption(student):
    student.cells[1].metadata["mystnb"] = {"figure": {"caption": "The sums."}}


def _output(student):
    student.cells[1].outputs = [new_output("stream", text="The sums end at 506.")]


def _code(student):
    student.cells[1].source = "# sums = np.cumsum(np.arange(12) ** 2)\nsums = ..."


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (hint("Try `sums = np.cumsum(np.arange(12) ** 2)`."), "code"),
        (hint("Try `np.cumsum(np.arange(n) ** 2)`."), "code"),
        (hint("The mean is 178.75."), "number"),
        (hint("The sums end at 506, with a mean of 178.75."), "words"),
        (hint("A curve that bends upwards."), "words"),
        (_caption, "mystnb"),
        (_caption, "words"),
        (_output, "output"),
        (_code, "words"),
    ],
)
def test_a_leak_is_found(plant, kind):
    student = editions.student(small())
    plant(student)
    assert any(kind in leak for leak in leaks(small(), student)), leaks(small(), student)


def test_what_a_question_and_a_hole_say_is_no_leak():
    student = editions.student(small())
    hint("12 numbers end at 506; `np.cumsum(x)` adds up.")(student)
    assert leaks(small(), student) == []


# In full: each runs, and each solution passes the check that its hole calls


def run(notebook, folder):
    """Run a notebook in the quick profile, as the tests run the book's."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources)
    client.execute(env=os.environ | {"PYTHONPATH": path})


#: where the solution has the answer under no name, or not after its last line
OTHERWISE = {
    "02.2": "3 / 4",
    "02.4": "cured[1] / cured[0]",
    "06.2": "(0.9, 0.1, slopes.std())",
    "08.1": "(5, sides[-1])",
    "12.5": "(2, -1)",
}
CALL = re.compile(r'^teaching\.check\("(.*?)", (.*)\)$', re.MULTILINE)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_students_can_run_up_to_the_first_hole(lesson, tmp_path):
    _, student, _ = lesson
    first = next(i for i, cell in enumerate(student.cells) if "exercise" in cell.metadata)
    student.cells = student.cells[:first]
    run(student, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_the_key_runs_to_its_end_and_passes_the_checks(lesson, tmp_path):
    book, _, key = lesson
    cells, asked = [], []
    for ours, cell in zip(book.cells, nbformat.from_dict(key).cells, strict=True):
        cells.append(cell)
        for name, answer in CALL.findall(ours.metadata.get("hole", "")):
            check = f'teaching.check("{name}", {OTHERWISE.get(name, answer)})'
            cells.append(new_code_cell(f"from gan_utils import teaching\n\n{check}"))
            asked.append((name, cells[-1]))
    run(new_notebook(cells=cells), tmp_path)
    said = {name: cell.outputs[0].text.strip() for name, cell in asked}
    assert said == {name: f"{name}: right." for name in said} and said
