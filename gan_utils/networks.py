"""Generators and discriminators: plain Keras functional models.

A generator maps latent vectors (n, latent_dim) to images (n, height, width, channels); a
discriminator maps images to one logit each, (n, 1).
"""

import math

import keras
from keras import layers


def mlp_generator(
    latent_dim: int = 100,
    hidden: int = 128,
    slope: float = 0.01,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    output: str = "tanh",
) -> keras.Model:
    """Return a generator with one hidden layer, as in the MLP chapter that the book follows.

    Args:
        latent_dim: length of z.
        hidden: units of the hidden layer.
        slope: slope of the leaky ReLU below 0.
        output: activation of the pixels: ``"tanh"`` gives [-1, 1], ``"sigmoid"`` [0, 1].

    Returns:
        Model (n, latent_dim) -> ``(n, *image_shape)``, 114,064 parameters with the defaults.
    """
    z = keras.Input((latent_dim,), name="z")
    h = layers.Dense(hidden, name="hidden")(z)
    h = layers.LeakyReLU(negative_slope=slope)(h)
    x = layers.Dense(math.prod(image_shape), activation=output, name="pixels")(h)
    return keras.Model(z, layers.Reshape(image_shape)(x), name="generator")


def mlp_discriminator(
    hidden: int = 128, slope: float = 0.01, image_shape: tuple[int, int, int] = (28, 28, 1)
) -> keras.Model:
    """Return a discriminator with one hidden layer: ``(n, *image_shape)`` -> (n, 1) logits.

    100,609 parameters with the defaults. There is no sigmoid at its end: the losses take logits.
    """
    x = keras.Input(image_shape, name="x")
    h = layers.Dense(hidden, name="hidden")(layers.Flatten()(x))
    h = layers.LeakyReLU(negative_slope=slope)(h)
    return keras.Model(x, layers.Dense(1, name="logit")(h), name="discriminator")
