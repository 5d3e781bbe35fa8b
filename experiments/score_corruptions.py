"""Real digits, spoiled in known ways: which score notices what?

    python experiments/score_corruptions.py        about 4 minutes on 2 cores

Five draws without a common image. Each splits 12,000 of MNIST's training images into 4,000 that
stay real, the ruler, and 8,000 to spoil. From these come 4,000 images for every row; the last 4,000
of them are what a generator would have been trained on, as far as `nearer` is concerned. The
classifier was trained on all of these images, or calibrated on them (one in twelve), and the parts
are drawn at random, so that the row "real" is a true zero.
`nearer` compares the first 1,000 images of a row with 1,000 of the ruler.

Writes experiments/results/score_corruptions.csv.
"""

import functools

import numpy as np
import scipy.ndimage
from resumable import run

from gan_utils import classifiers, data, metrics

N, DRAWS = 4000, 5


def thin(images, labels):
    """Return the half of each digit that has the least ink."""
    ink = images.reshape(len(images), -1).sum(axis=1, dtype=int)
    kept = [
        rows[ink[rows] <= np.median(ink[rows])]
        for rows in (np.flatnonzero(labels == digit) for digit in range(10))
    ]
    return images[np.sort(np.concatenate(kept))]


def blurred(images, sigma):
    soft = scipy.ndimage.gaussian_filter(np.float32(images), (0, sigma, sigma, 0))
    return np.rint(soft).astype(np.uint8)


def noisy(images, levels, rng):
    return np.clip(np.rint(images + rng.normal(0, levels, images.shape)), 0, 255).astype(np.uint8)


def with_rubbish(images, rng):
    mixed = images.copy()
    mixed[::10] = rng.integers(0, 256, mixed[::10].shape)
    return mixed


def glued(images):
    """Put the upper half of each image on the lower half of the next but one."""
    return np.concatenate([images[:, :14], np.roll(images, 2, axis=0)[:, 14:]], axis=1)


def first_of_each(images, labels):
    return images[[np.flatnonzero(labels == digit)[0] for digit in range(10)]]


# What happens to 8,000 images and their labels. The first N of what comes back are scored.
WAYS = {
    "real": lambda x, y, rng: x,
    "one digit missing": lambda x, y, rng: x[y != 8],
    "four digits missing": lambda x, y, rng: x[y < 6],
    "thin strokes only": lambda x, y, rng: thin(x, y),
    "400 images, ten times each": lambda x, y, rng: np.tile(x[:400], (10, 1, 1, 1)),
    "10 images, 400 times each": lambda x, y, rng: np.tile(first_of_each(x, y), (400, 1, 1, 1)),
    "training images": lambda x, y, rng: x[N:],
    "blur, σ = 0.5": lambda x, y, rng: blurred(x[:N], 0.5),
    "blur, σ = 1": lambda x, y, rng: blurred(x[:N], 1),
    "noise, 16 levels": lambda x, y, rng: noisy(x[:N], 16, rng),
    "noise, 48 levels": lambda x, y, rng: noisy(x[:N], 48, rng),
    "moved by 2 pixels": lambda x, y, rng: np.roll(x[:N], 2, axis=2),
    "one in ten is rubbish": lambda x, y, rng: with_rubbish(x[:N], rng),
    "halves glued together": lambda x, y, rng: glued(x[:N]),
}


@functools.cache
def heaps(draw):
    """Return the ruler with its scores, and the images to spoil with their labels."""
    mnist = data.load("mnist")
    rows = np.random.default_rng(0).permutation(len(mnist.images))[12_000 * draw :]
    ruler, pool = mnist.images[rows[:N]], rows[N:12_000]
    return ruler, classifiers.scores(ruler, "mnist"), mnist.images[pool], mnist.labels[pool]


def one(draw, way):
    """Score one way of spoiling on one draw."""
    ruler, real, images, labels = heaps(draw)
    made = WAYS[way](images, labels, np.random.default_rng(draw))[:N]
    assert len(made) == N
    found = metrics.all_scores(classifiers.scores(made, "mnist"), real)
    return found | {"nearer": metrics.nearer(made[:1000], images[N:], ruler[:1000])}


if __name__ == "__main__":
    run(__file__, [{"draw": draw, "way": way} for draw in range(DRAWS) for way in WAYS], one)
