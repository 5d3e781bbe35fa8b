"""Scores for 32-pixel colour images, in a CIFAR-10 classifier of the book's own.

It computes in float32 whatever dtype policy is in force. ``experiments/cifar_classifier.py``
trained it on CIFAR-10's training images, and it was frozen before any GAN of this book was scored
with it. Here is also the generator of the long run of ``experiments/cifar10_long.py``.
"""

import functools
from importlib import resources

import keras
import numpy as np
import scipy.special
from keras import layers

from gan_utils import data

CIFAR_WEIGHTS = "cifar_classifier.weights.h5"
LONG_WEIGHTS = "dcgan_cifar10_long_g.npz"


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


def save_half(model: keras.Model, file) -> None:
    """Write a model's weights as float16, half the size of Keras's file, into an ``.npz``.

    Args:
        file: path or binary file.

    Raises:
        ValueError: a weight is not finite or too large for a float16.
    """
    with np.errstate(over="ignore"):
        halves = [np.asarray(weights, np.float16) for weights in model.get_weights()]
    if not all(np.isfinite(half).all() for half in halves):
        raise ValueError("A weight is not finite, or above 65,504, the largest float16.")
    np.savez(file, **{str(number): half for number, half in enumerate(halves)})


def load_half(model: keras.Model, file) -> None:
    """Read into a model what ``save_half`` wrote; the weights become float32 again.

    Raises:
        ValueError: the file holds another number of weights, or other shapes.
    """
    with np.load(file, allow_pickle=False) as held:
        weights = [held[str(number)].astype(np.float32) for number in range(len(held.files))]
    model.set_weights(weights)


def long_generator() -> keras.Model:
    """Return the generator of the recipe ``dcgan-cifar10-long`` with its averaged weights.

    ``experiments/cifar10_long.py`` trained it, with seed 0 and the whole recipe. The weights ship
    as float16.

    Returns:
        Keras model z (n, 64), drawn from a standard normal, -> (n, 32, 32, 3) in [-1, 1].
    """
    from gan_utils import networks, recipes

    function, options = recipes.RECIPES["dcgan-cifar10-long"]["generator"]
    model = getattr(networks, function)(**options)
    with resources.as_file(resources.files("gan_utils") / "weights" / LONG_WEIGHTS) as path:
        load_half(model, path)
    return model
