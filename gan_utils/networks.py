"""Generators and discriminators: plain Keras functional models.

A generator maps latent vectors (n, latent_dim) to images (n, height, width, channels) or to points;
a discriminator maps these to one logit each, (n, 1).

With ``classes`` both take labels (n,) besides: G has an embedding of them joined to z, and D adds
to its logit how well the image fits the label, e(y) · φ(x), where φ(x) are its last features
(Miyato & Koyama 2018, section 3).

Under a mixed-precision policy the DCGAN still ends in float32, so that the losses keep it.
"""

import math

import keras
import tensorflow as tf
from keras import layers


def mlp_generator(
    latent_dim: int = 100,
    hidden: int = 128,
    slope: float = 0.01,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    output: str = "tanh",
    classes: int | None = None,
) -> keras.Model:
    """Return a generator with one hidden layer, as in the MLP chapter that the book follows.

    Args:
        latent_dim: length of z.
        hidden: units of the hidden layer.
        slope: slope of the leaky ReLU below 0.
        output: activation of the pixels: ``"tanh"`` gives [-1, 1], ``"sigmoid"`` [0, 1].
        classes: number of labels, if it takes labels.

    Returns:
        Model (n, latent_dim) -> ``(n, *image_shape)``, 114,064 parameters with the defaults.
    """
    inputs, z = _latent(latent_dim, classes)
    h = layers.Dense(hidden, name="hidden")(z)
    h = layers.LeakyReLU(negative_slope=slope)(h)
    x = layers.Dense(math.prod(image_shape), activation=output, name="pixels")(h)
    return keras.Model(inputs, layers.Reshape(image_shape)(x), name="generator")


def mlp_discriminator(
    hidden: int = 128,
    slope: float = 0.01,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int | None = None,
) -> keras.Model:
    """Return a discriminator with one hidden layer: ``(n, *image_shape)`` -> (n, 1) logits.

    100,609 parameters with the defaults. There is no sigmoid at its end: the losses take logits.
    """
    x = keras.Input(image_shape, name="x")
    h = layers.Dense(hidden, name="hidden")(layers.Flatten()(x))
    h = layers.LeakyReLU(negative_slope=slope)(h)
    return _judging(x, layers.Dense(1, name="logit")(h), h, classes)


def dcgan_generator(
    latent_dim: int = 100,
    size: int = 28,
    channels: int = 1,
    width: int = 64,
    classes: int | None = None,
) -> keras.Model:
    """Return the book's DCGAN generator, after Radford et al. 2016.

    A dense layer makes the smallest grid, 7x7 for 28 pixels and 4x4 for 32 and 64; transposed
    convolutions double the side. All but the last have batch normalisation, ReLU and no bias; the
    last has tanh. The kernel of 4 is a multiple of the stride of 2, so that every pixel
    but those at the edges is made of as many products; what that is worth against checkerboards,
    chapter 08 measures.

    Weights start as Keras's layers do (Glorot & Bengio 2010), not at the N(0, 0.02) of the paper.
    The momentum of the moving statistics is 0.9: with the 0.99 of Keras they lag early in training,
    and samples look worse than the generator is.

    Args:
        latent_dim: length of z.
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps before the last layer; each layer before has twice as many as the next.
        classes: number of labels, if it takes labels.

    Returns:
        Model (n, latent_dim) -> (n, size, size, channels) in [-1, 1], 760,065 parameters with the
        defaults, 384 of them moving statistics.

    Raises:
        ValueError: another size, or another number of channels.
    """
    side, doublings = dcgan_grid(size, channels)
    maps = width * 2 ** (doublings - 1)
    inputs, z = _latent(latent_dim, classes)
    h = layers.Dense(side * side * maps, use_bias=False)(z)
    h = layers.Reshape((side, side, maps))(h)
    h = layers.ReLU()(_batch_norm()(h))
    up = {"kernel_size": 4, "strides": 2, "padding": "same"}
    while maps > width:
        maps //= 2
        h = layers.Conv2DTranspose(maps, use_bias=False, **up)(h)
        h = layers.ReLU()(_batch_norm()(h))
    pixels = layers.Conv2DTranspose(channels, activation="tanh", dtype="float32", **up)
    return keras.Model(inputs, pixels(h), name="generator")


def dcgan_discriminator(
    size: int = 28,
    channels: int = 1,
    width: int = 64,
    batch_norm: bool = True,
    classes: int | None = None,
) -> keras.Model:
    """Return the book's DCGAN discriminator, after Radford et al. 2016.

    Convolutions with kernel 4 and stride 2 halve the side down to 4x4 (28, 14, 7, 4 for 28 pixels),
    each with leaky ReLU of slope 0.2; a dense layer makes the logit.

    Args:
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps of the first convolution; each has twice as many as the one before.
        batch_norm: normalise from the second convolution on, in place of its bias.
        classes: number of labels, if it takes labels.

    Returns:
        Model (n, size, size, channels) -> (n, 1) logits, 662,081 parameters with the defaults, 768
        of them moving statistics; 660,929 without batch normalisation.

    Raises:
        ValueError: another size, or another number of channels.
    """
    dcgan_grid(size, channels)
    h = x = keras.Input((size, size, channels), name="x")
    maps = width
    while h.shape[1] > 4:
        normalised = batch_norm and maps > width
        h = layers.Conv2D(maps, 4, strides=2, padding="same", use_bias=not normalised)(h)
        h = _batch_norm()(h) if normalised else h
        h = layers.LeakyReLU(negative_slope=0.2)(h)
        maps *= 2
    logit = layers.Dense(1, dtype="float32", name="logit")(layers.Flatten()(h))
    return _judging(x, logit, layers.GlobalAveragePooling2D()(h) if classes else None, classes)


def projection_discriminator(
    size: int = 28,
    channels: int = 1,
    width: int = 32,
    hidden: int = 256,
    classes: int | None = 10,
) -> keras.Model:
    """Return a discriminator that compares where strokes lie, of images with or without labels.

    The convolutions are those of ``dcgan_discriminator`` without batch normalisation. A dense layer
    then makes ``hidden`` features of all that they found, each in its place; the mean over places,
    which ``dcgan_discriminator`` compares with the label, may know that there is a loop, and not
    whether it lies above or below.

    Args:
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps of the first convolution; each has twice as many as the one before.
        hidden: features that are compared with the label.
        classes: number of labels; None for a discriminator that takes none.

    Returns:
        Model [(n, size, size, channels), (n,)] -> (n, 1) logits, 691,937 parameters with the
        defaults; without labels (n, size, size, channels) -> (n, 1).

    Raises:
        ValueError: another size, or another number of channels.
    """
    dcgan_grid(size, channels)
    h = x = keras.Input((size, size, channels), name="x")
    while h.shape[1] > 4:
        h = layers.Conv2D(width, 4, strides=2, padding="same")(h)
        h = layers.LeakyReLU(negative_slope=0.2)(h)
        width *= 2
    h = layers.Dense(hidden, name="features")(layers.Flatten()(h))
    h = layers.LeakyReLU(negative_slope=0.2)(h)
    return _judging(x, layers.Dense(1, dtype="float32", name="logit")(h), h, classes)


def _batch_norm():
    """Return a batch normalisation that sees the whole batch, also where devices share it."""
    return layers.BatchNormalization(momentum=0.9, synchronized=tf.distribute.has_strategy())


def _latent(latent_dim, classes):
    """Return the inputs of a generator, and z with what stands for the label beside it."""
    z = keras.Input((latent_dim,), name="z")
    if not classes:
        return z, z
    label = keras.Input((), dtype="int32", name="label")
    return [z, label], layers.Concatenate()([z, layers.Embedding(classes, 32)(label)])


def _judging(x, logit, features, classes):
    """Return a discriminator; with labels it adds how well the features (n, m) fit the label."""
    if not classes:
        return keras.Model(x, logit, name="discriminator")
    label = keras.Input((), dtype="int32", name="label")
    wanted = layers.Embedding(classes, features.shape[1])(label)
    fit = layers.Dot(axes=1, dtype="float32", name="fit")([wanted, features])
    return keras.Model([x, label], layers.Add(dtype="float32")([logit, fit]), name="discriminator")


def dcgan_grid(size: int, channels: int) -> tuple[int, int]:
    """Return the smallest side and how often it doubles up to ``size``."""
    grids = {28: (7, 2), 32: (4, 3), 64: (4, 4)}
    if size not in grids:
        raise ValueError(f"size is {size}; there is a DCGAN for 28, 32 and 64.")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 or 3.")
    return grids[size]


def upsampling_generator(
    latent_dim: int = 64,
    size: int = 28,
    channels: int = 1,
    width: int = 32,
    kernel: int = 3,
    codes: int = 0,
    classes: int | None = None,
) -> keras.Model:
    """Return a generator that repeats pixels and convolves, in place of transposed convolutions.

    Each doubling of the side copies every pixel to two by two places (the nearest neighbour), then
    an ordinary convolution smooths them (Odena et al. 2016): every pixel but those at the edges is
    made by the same number of products, whatever the kernel. The rest is as in ``dcgan_generator``.

    Args:
        latent_dim: length of z.
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps before the last layer; each layer before has twice as many as the next.
        kernel: side of the convolutions.
        codes: if above 0, the place of the largest of the first ``codes`` numbers of z chooses one
            of so many learned vectors, which is joined to z. A continuous map of one Gaussian has
            to pass between any two digits that it draws; this one may jump. Nobody tells it what
            the codes mean. Not together with labels.
        classes: number of labels, if it takes labels; an embedding of 32 is joined to z.

    Returns:
        Model (n, latent_dim) -> (n, size, size, channels) in [-1, 1]; with labels from
        [(n, latent_dim), (n,)], 320,481 parameters with the defaults and ``classes=10``, 192 of
        them moving statistics.

    Raises:
        ValueError: another size, another number of channels, an even kernel, or codes that
            cannot be.
    """
    side, doublings = dcgan_grid(size, channels)
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}; it must be odd, to have a pixel in its middle.")
    if not 0 <= codes <= latent_dim or (codes and classes):
        raise ValueError(
            f"codes is {codes}; it must lie in 0 to latent_dim, {latent_dim}, and be 0 with labels."
        )
    maps = width * 2 ** (doublings - 1)
    inputs, h = _latent(latent_dim, classes)
    if codes:
        largest = keras.ops.argmax(h[:, :codes], axis=1)
        h = layers.Concatenate()([h, layers.Embedding(codes, 32, name="codes")(largest)])
    h = layers.Dense(side * side * maps, use_bias=False)(h)
    h = layers.Reshape((side, side, maps))(h)
    h = layers.ReLU()(_batch_norm()(h))
    while maps > width:
        maps //= 2
        h = layers.UpSampling2D()(h)
        h = layers.Conv2D(maps, kernel, padding="same", use_bias=False)(h)
        h = layers.ReLU()(_batch_norm()(h))
    pixels = layers.Conv2D(channels, kernel, padding="same", activation="tanh", dtype="float32")
    return keras.Model(inputs, pixels(layers.UpSampling2D()(h)), name="generator")
