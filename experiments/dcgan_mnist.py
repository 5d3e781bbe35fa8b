"""The recipe `dcgan-mnist-first` with three seeds: how good is it after how many steps?

    python experiments/dcgan_mnist.py        about 18 minutes on 2 cores

The other half of the race with experiments/tutorial_dcgan.py, scored in the same way: the Fréchet
distance between 10,000 samples and the 10,000 test images, in the frozen classifier's features.
The column `seconds` is the training time since the start, without the scoring.

Writes experiments/results/dcgan_mnist.csv.
"""

import functools
import time

import keras
import scoring
from resumable import run

from gan_utils import recipes, runtime

RECIPE = recipes.get("dcgan-mnist-first")
STEPS = 60_000 // RECIPE["batch_size"] * RECIPE["epochs"]
# often at first, where the distance falls fast, and at the end, where it is averaged
SCORED = [300, 500, 700, 900, 1100, 1300, 1500, 2000, 3000, 4000, 5000, 6000, 7000]
SCORED += [STEPS - 300, STEPS - 200, STEPS - 100, STEPS]


class Race(keras.callbacks.Callback):
    """Score the generator at the steps in SCORED, with the clock stopped."""

    at_steps = SCORED

    def __init__(self):
        super().__init__()
        self.rows, self.seconds, self.last = {}, 0.0, time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds += time.perf_counter() - self.last
        step = int(self.model.step)
        if step in SCORED:
            found, shares = scoring.scores(self.model.sample(10_000))
            seconds, smallest = round(self.seconds, 1), float(shares.min())
            self.rows[step] = {"seconds": seconds, **found, "smallest_share": smallest}
            print(
                f"step {step}, {self.seconds:.0f} s: {self.rows[step]['frechet']:.1f}", flush=True
            )


@functools.cache
def train(seed):
    """Train one seed; return its scores by step."""
    keras.backend.clear_session()
    runtime.setup(seed)
    images = scoring.mnist_and_features()[0].images  # here: the judge's layers draw seeds too
    model, race = recipes.build(RECIPE, len(images)), Race()
    model.fit(images, RECIPE["epochs"], RECIPE["batch_size"], seed, callbacks=[race], verbose=0)
    return race.rows


def one(seed, step):
    """Return the scores of one seed at one step; the first call for a seed trains it."""
    return train(seed)[step]


if __name__ == "__main__":
    run(__file__, [{"seed": seed, "step": step} for seed in range(3) for step in SCORED], one)
