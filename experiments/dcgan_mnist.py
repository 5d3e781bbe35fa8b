"""The recipe `dcgan-mnist-first` with three seeds: how good is it after how many steps?

    python experiments/dcgan_mnist.py        about 18 minutes on 2 cores

The other half of the race with experiments/tutorial_dcgan.py, scored in the same way: the Fréchet
distance between 10,000 samples and the 10,000 test images, in the frozen classifier's features.
The column `seconds` is the training time since the start, without the scoring.

Writes experiments/results/dcgan_mnist.csv.
"""

import functools

import keras
import scoring
from resumable import run

from gan_utils import recipes, runtime

RECIPE = recipes.get("dcgan-mnist-first")
STEPS = 60_000 // RECIPE["batch_size"] * RECIPE["epochs"]
# often at first, where the distance falls fast, and at the end, where it is averaged
SCORED = [300, 500, 700, 900, 1100, 1300, 1500, 2000, 3000, 4000, 5000, 6000, 7000]
SCORED += [STEPS - 300, STEPS - 200, STEPS - 100, STEPS]


def followed(recipe, seed, at_steps):
    """Train a recipe on MNIST with one seed; return the model and its ``scoring.Curve.rows``."""
    keras.backend.clear_session()
    runtime.setup(seed)
    images = scoring.mnist_and_features()[0].images  # here: the judge's layers draw seeds too
    model, curve = recipes.build(recipe, len(images)), scoring.Curve(at_steps)
    model.fit(images, recipe["epochs"], recipe["batch_size"], seed, callbacks=[curve], verbose=0)
    return model, curve.rows


@functools.cache
def train(seed):
    """Train one seed; return its scores by step."""
    return followed(RECIPE, seed, SCORED)[1]


def one(seed, step):
    """Return the scores of one seed at one step; the first call for a seed trains it."""
    row = dict(train(seed)[step])
    return row | {"smallest_share": min(row.pop("shares"))}


if __name__ == "__main__":
    run(__file__, [{"seed": seed, "step": step} for seed in range(3) for step in SCORED], one)
