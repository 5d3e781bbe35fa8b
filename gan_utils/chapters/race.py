"""Chapters 09 and 12: the race with TensorFlow's DCGAN tutorial, put together from its results."""

import statistics
from collections.abc import Mapping, Sequence

LAST = 5  # scores at the end of a curve that are averaged


def together(
    tutorial: Sequence[Mapping], ours: Sequence[Mapping], turns: Sequence[Mapping]
) -> dict:
    """Say in what share of the tutorial's time a recipe reaches the tutorial's final quality.

    There are two readings. *Timed*: steps, times the seconds of a step of both, measured in turns
    on one machine, the tutorial with TensorFlow's defaults. *Logged*: the seconds that the two
    trainings noted themselves, which may come from different days. Between two scores nobody
    looked, so a seed counts as arrived at the first score that is at the level or below.

    Args:
        tutorial: rows with ``step``, ``seconds`` and ``frechet`` over the whole training
            (``tutorial_dcgan.csv``).
        ours: the same with ``seed`` (``dcgan_mnist_best.csv``).
        turns: rows with ``ms_tutorial``, ``ms_switched`` and ``ms_recipe`` (``race.csv``).

    Returns:
        ``level``, the mean of the tutorial's last five distances; ``minutes`` of its whole
        training, timed, and ``logged_minutes``; ``arrived``, the step at which it was at the level;
        ``ms``, the median of each column of ``turns``;
        ``seeds``, for each seed a dict of ``seed``, ``step`` at which it arrived, ``before``, the
        step scored before it, ``seconds`` timed, ``logged_seconds``, the ratios ``timed`` and
        ``logged`` (the tutorial's time over ours), ``end``, the mean of its last five distances,
        and ``minutes`` of its whole training, timed; ``least`` and ``most``, the ends of the range
        of all ratios.

    Raises:
        ValueError: a seed never comes down to the level.
    """
    names = [name for name in turns[0] if name.startswith("ms_")]
    ms = {name: statistics.median(row[name] for row in turns) for name in names}
    level = statistics.mean(row["frechet"] for row in tutorial[-LAST:])
    whole, logged = tutorial[-1]["step"] * ms["ms_tutorial"] / 1000, tutorial[-1]["seconds"]
    there = next(row for row in tutorial if row["frechet"] <= level)
    needed = there["step"] * ms["ms_tutorial"] / 1000
    seeds = []
    for seed in dict.fromkeys(row["seed"] for row in ours):
        rows = [row for row in ours if row["seed"] == seed]
        arrived = next((n for n, row in enumerate(rows) if row["frechet"] <= level), None)
        if arrived is None:
            raise ValueError(f"Seed {seed} never comes down to a distance of {level:.1f}.")
        row, seconds = rows[arrived], rows[arrived]["step"] * ms["ms_recipe"] / 1000
        seeds.append(
            {
                "seed": seed,
                "step": row["step"],
                "before": rows[arrived - 1]["step"] if arrived else 0,
                "seconds": seconds,
                "logged_seconds": row["seconds"],
                "timed": needed / seconds,
                "logged": there["seconds"] / row["seconds"],
                "end": statistics.mean(row["frechet"] for row in rows[-LAST:]),
                "minutes": rows[-1]["step"] * ms["ms_recipe"] / 60_000,
            }
        )
    ratios = [row[reading] for row in seeds for reading in ("timed", "logged")]
    return {
        "level": level,
        "minutes": whole / 60,
        "logged_minutes": logged / 60,
        "arrived": there["step"],
        "ms": ms,
        "seeds": seeds,
        "least": min(ratios),
        "most": max(ratios),
    }
