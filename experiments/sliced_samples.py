"""Does the sliced distance do with 2,000 images what the Fréchet distance does with 10,000?

    python experiments/sliced_samples.py        about 8 minutes on 2 cores

Two kinds of rows, each with both distances in the classifier's features. `pair`: the pairs of sets
of experiments/frechet_bias.py, from 500 to 10,000 images, five parts without a common image.
`fault`: the spoiled digits of experiments/score_corruptions.py against its rulers, with 2,000 and
with 4,000 images, five draws. What the distance of equal sets is ("real, real", "real") is the
floor at that number of images, and its scatter over the parts says what can be told from it.

`ms_frechet` and `ms_sliced` are the milliseconds that each took.

Writes experiments/results/sliced_samples.csv.
"""

import time

import frechet_bias
import numpy as np
import score_corruptions
from resumable import run

from gan_utils import classifiers, metrics

COUNTS = [500, 1000, 2000, 5000, 10_000]
FAULTED = [2000, 4000]
PARTS = 5


def pair_sets(which, n, part):
    """Return features of two sets of n images."""
    return [rows[n * part : n * (part + 1)] for rows in frechet_bias.sets(which)]


def fault_sets(which, n, draw):
    """Return features of n spoiled images and of n of the ruler."""
    _, (_, real), images, labels = score_corruptions.heaps(draw)
    made = score_corruptions.WAYS[which](images, labels, np.random.default_rng(draw))
    made = made[: score_corruptions.N]
    # Not the first n: some faults go through the images in an order of their own.
    rows = np.random.default_rng(draw).permutation(len(made))[:n]
    return classifiers.scores(made[rows], "mnist")[1], real[:n]


def one(kind, which, n, part):
    """Return both distances of one part."""
    a, b = (pair_sets if kind == "pair" else fault_sets)(which, n, part)
    found = {}
    for name in ("frechet", "sliced"):
        start = time.perf_counter()
        found[name] = (
            metrics.frechet_distance(a, b) if name == "frechet" else metrics.sliced_distance(a, b)
        )
        found[f"ms_{name}"] = round(1000 * (time.perf_counter() - start))
    return found


def jobs():
    """Name every row; 30,000 is the half of what is real."""
    for n in COUNTS:
        for which in frechet_bias.PAIRS:
            most = 30_000 if which == "real, real" else frechet_bias.MOST
            parts = range(min(PARTS, most // n))
            yield from ({"kind": "pair", "which": which, "n": n, "part": part} for part in parts)
    for n in FAULTED:
        for draw in range(score_corruptions.DRAWS):
            for which in score_corruptions.WAYS:
                yield {"kind": "fault", "which": which, "n": n, "part": draw}


if __name__ == "__main__":
    run(__file__, list(jobs()), one)
