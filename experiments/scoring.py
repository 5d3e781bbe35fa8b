"""How the experiments score digits: in the frozen classifier's features, beside the test images."""

import functools
import time

import keras

from gan_utils import classifiers, data, metrics


@functools.cache
def mnist_and_features():
    """Return MNIST and the features float64 (10000, 64) of its test images."""
    mnist = data.load("mnist")
    return mnist, classifiers.scores(mnist.test_images, "mnist")[1]


def confident(probabilities):
    """Return the share of images that have a class probability above 0.9."""
    return float((probabilities.max(axis=1) > 0.9).mean())


def scores(images):
    """Score uint8 images (n, 28, 28, 1); return what rows share, and the share of each digit."""
    probabilities, features = classifiers.scores(images, "mnist")
    found = {
        "frechet": metrics.frechet_distance(features, mnist_and_features()[1]),
        "confident": confident(probabilities),
    }
    return found, metrics.class_shares(probabilities)


class Curve(keras.callbacks.Callback):
    """Score 10,000 samples at some steps of a training, with the clock stopped.

    ``rows`` has, of each step, ``seconds`` of training so far, what ``scores`` finds, and
    ``shares``, those of the ten digits.
    """

    def __init__(self, at_steps):
        super().__init__()
        self.at_steps, self.rows = at_steps, {}
        self.seconds, self.last = 0.0, time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds += time.perf_counter() - self.last
        step = int(self.model.step)
        if step in self.at_steps:
            found, shares = scores(self.model.sample(10_000))
            row = {"seconds": round(self.seconds, 1), **found, "shares": shares.tolist()}
            self.rows[step] = row
            print(f"step {step}, {self.seconds:.0f} s: {row['frechet']:.1f}", flush=True)
