"""How the experiments score digits: in the frozen classifier's features, beside the test images."""

import functools

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
