"""`teaching.check` knows right answers and usual slips, and does not give the answers away."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from gan_utils import teaching
from gan_utils.teaching import answers
from tools import write_checks
from tools.write_checks import ANSWERS, COUNTS

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = {
    f"{path.stem[:2]}.{cell.metadata.exercise['number']}": cell
    for path in sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
    for cell in nbformat.read(path, as_version=4).cells
    if "solution" in cell.metadata.get("tags", [])
}


def right(name):
    return np.atleast_1d(ANSWERS[name][0]).astype(float)


def test_the_table_in_the_package_is_what_the_formulas_give():
    assert write_checks.TABLE.read_text(encoding="utf-8") == write_checks.written(), (
        "python -m tools.write_checks"
    )


def test_every_chapter_has_a_check_and_the_holes_call_them():
    call = re.compile(r'teaching\.check\("(.*?)"')
    called = {n: call.findall(cell.metadata.hole) for n, cell in SOLUTIONS.items()}
    assert {name for name, names in called.items() if names} == ANSWERS.keys()
    assert all(names in ([], [name]) for name, names in called.items())
    assert {name[:2] for name in ANSWERS} == {name[:2] for name in SOLUTIONS}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_right_and_slips_get_their_remark(name):
    answer = right(name)
    assert answers.remark(name, answer) == answers.remark(name, tuple(answer)) == "right."
    if ANSWERS[name][1] != COUNTS:  # a rounded number is right, too
        assert answers.remark(name, answer * (1 + 1e-4)) == "right."
    first = np.arange(len(answer)) == np.flatnonzero(answer)[0]  # 0 doubled is 0
    found = {
        slip: answers.remark(name, np.where(first, made, answer))
        for slip, made in (("two", 2 * answer), ("sign", -answer), (None, 12345.678))
    }
    own = [*ANSWERS[name][2], answers.REMARKS["order"], answers.REMARKS["sign"]]  # come first
    assert any(words in found["two"] for words in [answers.REMARKS["two"], *own])
    assert any(words in found["sign"] for words in own)
    assert answers.UNKNOWN in found[None]
    assert all(said.startswith("not yet. ") for said in found.values())
    for words, made in ANSWERS[name][2].items():
        made = np.atleast_1d(made).astype(float)
        assert words in answers.remark(name, np.where(np.isfinite(made), made, answer)), words


@pytest.mark.parametrize(
    "name", [n for n, cell in SOLUTIONS.items() if cell.outputs and n in ANSWERS]
)
def test_the_answer_is_that_of_the_solution(name):
    """Its numbers stand, rounded in some way, in what the solution prints, or in its code."""
    unseen = {"02.2": "3/4", "02.4": "eta", "03.3": "0.0007", "11.3": "1/14", "09.1": "288"}
    unseen |= {"12.5": "2F(2n) − F(n)", "13.2": "gradient"}
    cell = SOLUTIONS[name]
    said = cell.source + "".join(o.get("text", "") for o in cell.outputs)
    said = re.sub(r"(?<=\d)[,_](?=\d{3})", "", said)
    for value in right(name):
        ways = [f"{value:g}", *(f"{value:.{n}f}" for n in range(5)), f"{value:.1e}"]
        ways = {way for way in ways if abs(float(way) - value) <= 0.06 * abs(value)}
        ways |= {f"{value:.0%}", f"{value:.0%}".replace("%", "")} if abs(value) < 1 else set()
        seen = any(re.search(rf"(?<![\d.]){re.escape(way)}(?!\d)", said) for way in ways)
        assert seen or name in unseen, (value, ways)


def test_no_answer_can_be_read_in_the_package_or_in_a_hole():
    said = {words for line in answers.table().values() for words in line["says"].values()}
    words = " ".join(said) + (ROOT / "gan_utils/teaching/answers.py").read_text(encoding="utf-8")
    for name in ANSWERS:
        hole = SOLUTIONS[name].metadata.hole.replace(",", "").replace("_", "")
        given = SOLUTIONS[name].source if name in ("02.5", "13.2") else ""
        for value in right(name):
            for digits in (f"{value:.3g}", f"{value:.0f}"):
                if len(digits.strip("-0.")) >= 3 and digits not in given:
                    assert not re.search(rf"(?<![\d.]){re.escape(digits)}(?!\d)", words + hole)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (227_344, r"2 number\(s\) are asked for, and 1 given"),
        ((227_344, ...), "a gap to fill"),
        ((227_344, None), "a gap to fill"),
        ((227_344, np.inf), "not finite"),
        ((227_344, "many"), "is a number, or a tuple"),
        ((227_344, len), "is a number, or a tuple"),
        ((227_344, 201_216), "The second number: One too many, or one too few"),
        ((201_217, 227_344), "The first number: It belongs to another place"),
        ((226_304, 200_960), "The first number: The biases are missing"),
        (np.array([227_344, -201_217]), "The second number: Look at the sign"),
        ({"g": 227_344, "d": 402_434}, "The second number: A factor of two"),
    ],
)
def test_what_is_said(answer, words, capsys):
    teaching.check("04.1", answer)
    said = capsys.readouterr().out
    assert said.startswith("04.1: not yet. ") and re.search(words, said), said


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("04.5", (-0.619, 1.295, 1.050), "A logit and a probability"),
        ("04.5", (35, 1.295, 1.050), "not per cent"),
        ("04.5", (0.35, 1.25, 1.05), "The second number: It is near"),
        ("04.5", (0.35, 1.295, 1.515), "To which base"),
        ("02.5", write_checks.divergences() / 12, "A mean in place of a sum"),
        ("07.4", 1 / 0.743, "the reciprocal"),
        ("08.2", (2 / 3, 5 / 9), "one of the two|the other kind"),
        ("09.3", (1.0, -1.0), "inference mode"),
        ("02.4", 0.918, "A square or a root"),
    ],
)
def test_kinds_of_slips(name, answer, words):
    assert re.search(words, answers.remark(name, answer)), answers.remark(name, answer)


def test_nested_answers_and_arrays_of_one_number():
    nested = {120: (42, 78), 928: [6, np.array(87)], 7_000: (1, np.float32(109))}
    assert answers.remark("11.1", nested) == "right."


def test_an_exercise_without_a_check_is_named():
    with pytest.raises(ValueError, match="no check '04.2'. There are: 01.1, "):
        teaching.check("04.2", 1)


def test_it_needs_numpy_alone():
    look = "import sys; from gan_utils import teaching; teaching.check('01.1', 3)\n"
    look += "print({'tensorflow', 'keras', 'scipy', 'matplotlib'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.endswith("set()\n") and "01.1: not yet" in run.stdout, run.stderr
