"""How the Fréchet and the kernel distance depend on the number of images, from 500 to 50,000.

    python experiments/frechet_bias.py        about 13 minutes on 2 cores

Pairs of sets of n images each: real training images of MNIST against other real ones, two lots of
samples of one generator (whose true distance is 0), and samples against real training images. The
parts of a set do not overlap; there are up to five, as many as the images allow. Features are
computed once. The kernel distance is left out above n = 10,000, where it is only slow.

Writes experiments/results/frechet_bias.csv.
"""

import functools

import numpy as np
from resumable import run

from gan_utils import classifiers, data, gan, metrics, recipes

COUNTS = [500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
MOST = 50_000
PAIRS = {
    "real, real": ("real", "real"),
    "dense GAN, itself": ("mlp-mnist", "mlp-mnist"),
    "DCGAN, itself": ("dcgan-mnist-first", "dcgan-mnist-first"),
    "dense GAN, real": ("mlp-mnist", "real"),
    "DCGAN, real": ("dcgan-mnist-first", "real"),
}


@functools.cache
def features(source):
    """Return the features of 60,000 shuffled training images, or of 100,000 samples."""
    if source == "real":
        images = data.load("mnist").images
        images = images[np.random.default_rng(0).permutation(len(images))]
    else:
        generator, _ = recipes.pretrained(source)
        images = gan.generate(generator, 2 * MOST, latent=recipes.get(source)["latent"])
    return np.concatenate(
        [classifiers.scores(part, "mnist")[1] for part in np.array_split(images, 10)]
    )


def sets(pair):
    """Return two sets of features without a common row."""
    first, second = PAIRS[pair]
    if first == second:
        return np.array_split(features(first), 2)
    return features(first), features(second)


def jobs():
    """Name every pair, n and part that the images allow: 30,000 is the half of what is real."""
    for pair in PAIRS:
        limit = 30_000 if pair == "real, real" else MOST
        for n in [n for n in COUNTS if n <= limit] + [30_000] * (limit == 30_000):
            yield from ({"pair": pair, "n": n, "part": p} for p in range(min(5, limit // n)))


def one(pair, n, part):
    """Return the distances of one part."""
    a, b = (rows[n * part : n * (part + 1)] for rows in sets(pair))
    kernel = metrics.kernel_distance(a, b) if n <= 10_000 else ""
    return {"frechet": metrics.frechet_distance(a, b), "kernel": kernel}


if __name__ == "__main__":
    run(__file__, list(jobs()), one)
