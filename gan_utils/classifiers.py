"""The judges: small classifiers of digits and of CIFAR-10, whose features the scores use."""

import functools
from importlib import resources

import keras
import numpy as np
import scipy.special
from keras import layers

from gan_utils import data, metrics

CIFAR_WEIGHTS = "cifar_classifier.weights.h5"


def build_cifar_classifier() -> keras.Model:
    """Return the untrained classifier.

    Returns:
        Model (n, 32, 32, 3) floats in [-1, 1] -> ``logits`` (n, 10) and ``features`` (n, 64), the
        activations before them; 202,666 parameters, 704 of them moving statistics. In the shipped
        weights the logits are already divided by the temperature that calibrates them (Guo et al.
        2017).
    """
    x = keras.Input((32, 32, 3), name="x")
    h = x
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
    h = layers.Dropout(0.2, dtype="float32")(h)
    features = layers.Dense(64, "relu", dtype="float32", name="features")(h)
    logits = layers.Dense(10, dtype="float32", name="logits")(features)
    return keras.Model(x, {"logits": logits, "features": features}, name="cifar_classifier")


@functools.cache
def cifar_classifier() -> keras.Model:
    """Return the trained, frozen classifier with the weights that ship with the package."""
    model = build_cifar_classifier()
    with resources.as_file(resources.files("gan_utils") / "weights" / CIFAR_WEIGHTS) as path:
        model.load_weights(path)
    model.trainable = False
    return model


def cifar_scores(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run the CIFAR-10 classifier.

    Args:
        images: uint8 (n, 32, 32, 3).

    Returns:
        class probabilities (n, 10), in the order of ``files.CIFAR10_CLASSES``, and features
        (n, 64), both float64.

    Raises:
        ValueError: another shape or dtype.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (32, 32, 3):
        raise ValueError(
            f"cifar_scores takes uint8 images of shape (n, 32, 32, 3), got {images.dtype} "
            f"{images.shape}. gan_utils.data.to_pixels turns [-1, 1] into uint8."
        )
    outputs = cifar_classifier().predict(data.to_unit_range(images), batch_size=500, verbose=0)
    logits = outputs["logits"].astype(np.float64)
    return scipy.special.softmax(logits, axis=1), outputs["features"].astype(np.float64)


CLASSIFIER_WEIGHTS = "digit_classifier.weights.h5"


def build_digit_classifier() -> keras.Model:
    """Return the untrained classifier.

    Returns:
        Model (n, 28, 28, 1) floats in [-1, 1] -> ``logits`` (n, 10) and ``features`` (n, 64), the
        activations before them. In the shipped weights the logits are already divided by the
        temperature that calibrates them (Guo et al. 2017).
    """
    x = keras.Input((28, 28, 1), name="x")
    h = x
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
    h = layers.Dropout(0.3, dtype="float32")(h)
    features = layers.Dense(metrics.FEATURES, "relu", dtype="float32", name="features")(h)
    logits = layers.Dense(10, dtype="float32", name="logits")(features)
    return keras.Model(x, {"logits": logits, "features": features}, name="digit_classifier")


@functools.cache
def digit_classifier() -> keras.Model:
    """Return the trained, frozen classifier with the weights that ship with the package."""
    model = build_digit_classifier()
    with resources.as_file(resources.files("gan_utils") / "weights" / CLASSIFIER_WEIGHTS) as path:
        model.load_weights(path)
    model.trainable = False
    return model


def digit_scores(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run the digit classifier.

    Args:
        images: uint8 (n, 28, 28, 1).

    Returns:
        class probabilities (n, 10) and features (n, 64), both float64.

    Raises:
        ValueError: another shape or dtype.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28, 1):
        raise ValueError(
            f"digit_scores takes uint8 images of shape (n, 28, 28, 1), got {images.dtype} "
            f"{images.shape}. gan_utils.data.to_pixels turns [-1, 1] into uint8."
        )
    outputs = digit_classifier().predict(data.to_unit_range(images), batch_size=500, verbose=0)
    logits = outputs["logits"].astype(np.float64)
    return scipy.special.softmax(logits, axis=1), outputs["features"].astype(np.float64)
