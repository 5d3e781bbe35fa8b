"""The judges: small classifiers of digits and of CIFAR-10, in whose features images are scored.

They compute in float32 whatever dtype policy is in force. ``experiments/digit_classifier.py`` and
``experiments/cifar_classifier.py`` trained them on the training images, and they were frozen before
any GAN of this book was scored with them.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import scipy.special
from keras import layers

from gan_utils import data, files

FEATURES = 64


class Judge(NamedTuple):
    """A classifier: how it is built, its weights in the package, and what it takes."""

    build: Callable[[], keras.Model]
    weights: str
    shape: tuple[int, int, int]


def build_digit_classifier() -> keras.Model:
    """Return the untrained classifier of digits.

    Returns:
        Model (n, 28, 28, 1) floats in [-1, 1] -> ``logits`` (n, 10) and ``features`` (n, 64), the
        activations before them. In the shipped weights the logits are already divided by the
        temperature that calibrates them (Guo et al. 2017).
    """
    h = x = keras.Input((28, 28, 1), name="x")
    for block, filters in enumerate((24, 48, 96)):
        for conv in range(2 if block < 2 else 1):
            h = layers.Conv2D(
                filters, 3, padding="same", use_bias=False, dtype="float32", name=f"c{block}{conv}"
            )(h)
            h = layers.BatchNormalization(dtype="float32", name=f"b{block}{conv}")(h)
            h = layers.ReLU(dtype="float32")(h)
        if block < 2:
            h = layers.MaxPooling2D(dtype="float32")(h)
    h = layers.Flatten(dtype="float32")(layers.AveragePooling2D(2, dtype="float32")(h))
    return _head(x, layers.Dropout(0.3, dtype="float32")(h), "digit_classifier")


def build_cifar_classifier() -> keras.Model:
    """Return the untrained classifier of CIFAR-10's classes.

    Returns:
        Model (n, 32, 32, 3) floats in [-1, 1] -> as of the other; 202,666 parameters, 704 of them
        moving statistics. The classes are in the order of ``files.CIFAR10_CLASSES``.
    """
    h = x = keras.Input((32, 32, 3), name="x")
    for conv, (filters, stride) in enumerate(((32, 1), (64, 2), (64, 1), (96, 2), (96, 1))):
        h = layers.Conv2D(
            filters,
            3,
            strides=stride,
            padding="same",
            use_bias=False,
            dtype="float32",
            name=f"c{conv}",
        )(h)
        h = layers.BatchNormalization(momentum=0.9, dtype="float32", name=f"b{conv}")(h)
        h = layers.ReLU(dtype="float32")(h)
    h = layers.GlobalAveragePooling2D(dtype="float32")(h)
    return _head(x, layers.Dropout(0.2, dtype="float32")(h), "cifar_classifier")


def _head(x, h, name):
    features = layers.Dense(FEATURES, "relu", dtype="float32", name="features")(h)
    logits = layers.Dense(10, dtype="float32", name="logits")(features)
    return keras.Model(x, {"logits": logits, "features": features}, name=name)


DIGITS = Judge(build_digit_classifier, "digit_classifier.weights.h5", (28, 28, 1))
CIFAR10 = Judge(build_cifar_classifier, "cifar_classifier.weights.h5", (32, 32, 3))
#: data set -> its judge
JUDGES = {"mnist": DIGITS, "digits": DIGITS, "cifar10": CIFAR10}


@functools.cache
def classifier(data_set: str) -> keras.Model:
    """Return the trained, frozen classifier of a data set, with the weights of the package."""
    judge = JUDGES[data_set]
    model = judge.build()
    model.load_weights(files.weights(judge.weights))
    model.trainable = False
    return model


def scores(images: np.ndarray, data_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Run the classifier of a data set.

    Args:
        images: uint8 (n, 28, 28, 1) for ``"mnist"`` and ``"digits"``, (n, 32, 32, 3) for
            ``"cifar10"``.

    Returns:
        class probabilities (n, 10) and features (n, 64), both float64.

    Raises:
        ValueError: images of another shape or dtype, or a data set without a judge.
    """
    if data_set not in JUDGES:
        raise ValueError(f"There is no judge for {data_set!r}. There are: {', '.join(JUDGES)}.")
    images, shape = np.asarray(images), JUDGES[data_set].shape
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise ValueError(
            f"The judge of {data_set} takes uint8 images of shape (n, {', '.join(map(str, shape))})"
            f", got {images.dtype} {images.shape}. gan_utils.data.to_pixels turns [-1, 1] into "
            "uint8."
        )
    outputs = classifier(data_set).predict(data.to_unit_range(images), batch_size=500, verbose=0)
    logits = outputs["logits"].astype(np.float64)
    return scipy.special.softmax(logits, axis=1), outputs["features"].astype(np.float64)
