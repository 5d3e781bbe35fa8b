"""Say at once whether the answer to an exercise is right, without giving it away.

``answers.json`` holds no answers, but hashes of them and of the usual slips: half or double, the
wrong sign, and so on. That stops a glance, not an attacker: whoever tries all numbers finds the
right one, and whoever reads the solutions has it sooner. ``tools/write_checks.py`` makes the table.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

#: What is said to a usual slip. The table can bring words of its own.
REMARKS = {
    "near": "It is near. Keep more digits, or look for a small slip.",
    "one": "One too many, or one too few.",
    "order": "It belongs to another place: look at the order.",
    "sign": "Look at the sign.",
    "two": "A factor of two is off: is something counted twice, or only once?",
    "rest": "Is this the share of the other kind?",
    "percent": "Give a share from 0 to 1, not per cent.",
    "reciprocal": "It looks like the reciprocal: what is divided by what?",
    "logit": "A logit and a probability are two things: which is asked for?",
    "root": "A square or a root is off.",
    "base": "To which base is your logarithm? Take the natural one.",
}
UNKNOWN = "It is none of the usual slips. The hints may help."
PLACES = "first", "second", "third", "fourth", "fifth", "sixth"


def key(exercise: str, place: int, value: float, digits: int) -> str:
    """Return the hash of a number of an answer, rounded to so many significant digits."""
    rounded = float(f"{value:.{digits - 1}e}") + 0.0  # no -0.0
    words = f"GANs You Can Run, {exercise}, {place}: {rounded:.{digits - 1}e}"
    return hashlib.sha256(words.encode()).hexdigest()[:10]


@cache
def table() -> dict[str, dict]:
    """Return what is known of each exercise: ``digits``, ``count``, and ``says`` by hash."""
    return json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))


def numbers(answer: object) -> list[float]:
    """Return the numbers of an answer in their order; a gap that is still there becomes NaN.

    Raises:
        TypeError, ValueError: It holds something that is no number.
    """
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, (list, tuple)):
        return [number for part in answer for number in numbers(part)]
    if answer is None or answer is ...:
        return [np.nan]
    return np.asarray(answer, np.float64).ravel().tolist()


def remark(exercise: str, answer: object) -> str:
    """Return "right.", or in what the answer looks wrong.

    Args:
        exercise: chapter and number, such as ``"04.1"``.
        answer: a number, or an array, tuple or dict of numbers, in the order of the question.

    Raises:
        ValueError: The exercise has no check.
    """
    if exercise not in table():
        raise ValueError(f"There is no check {exercise!r}. There are: {', '.join(table())}.")
    known = table()[exercise]
    try:
        given = numbers(answer)
    except (TypeError, ValueError):
        return "not yet. An answer is a number, or a tuple, array or dict of numbers."
    if len(given) != known["count"]:
        return f"not yet. {known['count']} number(s) are asked for, and {len(given)} given."
    if not np.isfinite(given).all():
        return "not yet. There is a gap to fill, or a number that is not finite."
    for place, value in enumerate(given):
        said = known["says"].get(key(exercise, place, value, known["digits"]), UNKNOWN)
        if said != "right":
            which = f"The {PLACES[place]} number: " if len(given) > 1 else ""
            return f"not yet. {which}{REMARKS.get(said, said)}"
    return "right."


def check(exercise: str, answer: object) -> None:
    """Print whether the answer to an exercise is right; if not, what kind of slip it looks like.

    Args and errors: those of ``remark``.
    """
    print(f"{exercise}: {remark(exercise, answer)}")
