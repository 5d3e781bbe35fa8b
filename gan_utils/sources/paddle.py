"""The sources: the networks of PaddlePaddle's chapter and of the Fluid notebook, as listed there.

A fully connected and a convolutional pair, and that of the Fluid notebook. Under a
mixed-precision policy they end in float32, so that the losses keep it.
"""

import math

import keras
from keras import layers


def fc_generator(
    latent_dim: int = 10, hidden: int = 10, shape: tuple[int, ...] = (2,)
) -> keras.Model:
    """Return the fully connected generator of the PaddlePaddle chapter (``gan_conf.py``).

    Dense, ReLU, Dense, batch normalisation, ReLU, Dense. Every bias starts at 1, that of the output
    and the shift of the normalisation too; its scale starts at N(1, 0.02), and the dense weights at
    Paddle's default, a normal with standard deviation 1/sqrt(fan-in). The chapter prints neither
    latent_dim nor hidden; the defaults come from the file that it lists in part.

    The source normalises with the statistics of the batch also when it samples: for that, call the
    generator with ``training=True``.

    Args:
        latent_dim: length of z.
        hidden: units of both hidden layers.
        shape: shape of one data point.

    Returns:
        Model (n, latent_dim) -> ``(n, *shape)`` without bounds, 282 parameters with the defaults,
        20 of them moving statistics.
    """
    z = keras.Input((latent_dim,), name="z")
    x = _fc(_fc_hidden(z, hidden), math.prod(shape), dtype="float32", name="data")
    return keras.Model(z, layers.Reshape(shape, dtype="float32")(x), name="generator")


def fc_discriminator(
    hidden: int = 10, shape: tuple[int, ...] = (2,), softmax: bool = False
) -> keras.Model:
    """Return the fully connected discriminator of the PaddlePaddle chapter (``gan_conf.py``).

    Built and started as ``fc_generator`` up to its last layer. The source ends in a softmax over
    (fake, real), whose second value is sigmoid(l1 - l0): the difference is the logit here.

    Args:
        hidden: units of both hidden layers.
        shape: shape of one data point.
        softmax: end in the source's two units and return their difference. Otherwise one unit takes
            the place of both and starts as their difference does: bias 0, weights with standard
            deviation sqrt(2/fan-in). It computes the same function, with the same gradients for the
            layers below, but Adam moves the difference of two units twice as fast as the one.

    Returns:
        Model ``(n, *shape)`` -> (n, 1) logits, 191 parameters with the defaults (202 with
        softmax), 20 of them moving statistics.
    """
    x = keras.Input(shape, name="x")
    h = _fc_hidden(layers.Flatten()(x), hidden)
    return keras.Model(x, _logit(h, softmax, hidden**-0.5, bias=1.0), name="discriminator")


def conv_geometry(size: int, out: int, stride: int = 2) -> tuple[int, int]:
    """Return the kernel and padding of a convolution between two sides: ``conv_bn`` of Paddle.

    With them a convolution takes ``size`` pixels to ``out``, and a transposed one ``out`` to
    ``(out - 1) * stride + kernel - 2 * padding``, which is ``size``.

    Args:
        size: the larger side, in pixels.
        out: the smaller side.
        stride: step of the kernel.

    Returns:
        (kernel, padding), for instance (4, 1) to halve an even side and (5, 1) for 7 to 3.

    Raises:
        ValueError: size - (out - 1) * stride is not 2, 3, 4 or 5, as for 7 to 4.
    """
    rest = size - (out - 1) * stride
    if not 2 <= rest <= 5:
        least = (out - 1) * stride + 2
        raise ValueError(
            f"size {size} does not fit out {out} with stride {stride}: for this out and stride, "
            f"size must lie in {least} to {least + 3}."
        )
    return (rest + 2, 1) if rest <= 3 else (rest, 0)


def paddle_dcgan_generator(
    latent_dim: int = 100, size: int = 28, channels: int = 1, width: int = 64
) -> keras.Model:
    """Return the convolutional generator of the PaddlePaddle chapter (``gan_conf_image.py``).

    Dense, batch normalisation (of each unit) and ReLU; two transposed convolutions with batch
    normalisation and ReLU; a third with tanh. The sides are an eighth, a quarter and half of the
    size, rounded down, the kernels those of ``conv_geometry``. Weights start at N(0, 0.02), biases
    at 0 (there is one also where batch normalisation follows and cancels it), the scale of the
    normalisation at N(1, 0.02).

    The chapter prints neither latent_dim nor width nor the sides; they come from the file that it
    lists in part. As with ``fc_generator``, the source samples with the statistics of the batch.

    Args:
        latent_dim: length of z.
        size: side of the images in pixels, 28 or 32 in the source.
        channels: of the images, 1 or 3 in the source.
        width: maps before the last layer; two and four times as many in the layers before.

    Returns:
        Model (n, latent_dim) -> (n, size, size, channels) in [-1, 1], 1,194,177 parameters with the
        defaults, 4,992 of them moving statistics.

    Raises:
        ValueError: size is below 8, which has no eighth.
    """
    s8, s4, s2 = _paddle_sides(size)
    z = keras.Input((latent_dim,), name="z")
    h = layers.Dense(s8 * s8 * 4 * width, kernel_initializer=_normal(0.02))(z)
    h = layers.ReLU()(_batch_norm(h))
    h = layers.Reshape((s8, s8, 4 * width))(h)
    for side, out, maps in ((s4, s8, 2 * width), (s2, s4, width)):
        kernel, padding = conv_geometry(side, out)
        h = _transposed(h, maps, kernel, padding, kernel_initializer=_normal(0.02))
        h = layers.ReLU()(_batch_norm(h))
    kernel, padding = conv_geometry(size, s2)
    x = _transposed(
        h,
        channels,
        kernel,
        padding,
        kernel_initializer=_normal(0.02),
        activation="tanh",
        dtype="float32",
    )
    return keras.Model(z, x, name="generator")


def paddle_dcgan_discriminator(
    size: int = 28, channels: int = 1, width: int = 64, softmax: bool = False
) -> keras.Model:
    """Return the convolutional discriminator of the PaddlePaddle chapter (``gan_conf_image.py``).

    Three convolutions with plain ReLU, batch normalisation after the second and the third, and a
    dense layer. Sides, kernels and initial values are those of ``paddle_dcgan_generator``.

    Args:
        size: side of the images in pixels, 28 or 32 in the source.
        channels: of the images, 1 or 3 in the source.
        width: maps of the first convolution; two and four times as many in the next.
        softmax: as for ``fc_discriminator``; one unit starts with weights N(0, 0.02 sqrt(2)).

    Returns:
        Model (n, size, size, channels) -> (n, 1) logits, 955,585 parameters with the defaults
        (957,890 with softmax), 768 of them moving statistics.

    Raises:
        ValueError: size is below 8, which has no eighth.
    """
    s8, s4, s2 = _paddle_sides(size)
    h = x = keras.Input((size, size, channels), name="x")
    for side, out, maps in ((size, s2, width), (s2, s4, 2 * width), (s4, s8, 4 * width)):
        kernel, padding = conv_geometry(side, out)
        h = layers.ZeroPadding2D(padding)(h)
        h = layers.Conv2D(maps, kernel, strides=2, kernel_initializer=_normal(0.02))(h)
        if side != size:
            h = _batch_norm(h)
        h = layers.ReLU()(h)
    return keras.Model(x, _logit(layers.Flatten()(h), softmax, 0.02), name="discriminator")


def fluid_generator(latent_dim: int = 100) -> keras.Model:
    """Return the generator of the Paddle Fluid notebook (``dc_gan.py``).

    Dense 2048 and Dense 6272, each with batch normalisation and ReLU; transposed convolutions 5x5
    of 128 maps with ReLU and 1 map with tanh, without normalisation. Initial values are Fluid's
    defaults: weights Glorot uniform (there called Xavier), biases 0, scale of the normalisation 1.

    Fluid pads 2 pixels and adds one at the end of each axis for an even side, where the padding
    "same" of Keras has it at the beginning; here the images are cropped as in Fluid.

    Args:
        latent_dim: length of z.

    Returns:
        Model (n, latent_dim) -> (n, 28, 28, 1) in [-1, 1], 13,504,385 parameters with the default,
        16,640 of them moving statistics.
    """
    z = h = keras.Input((latent_dim,), name="z")
    for units in (2048, 128 * 7 * 7):
        h = layers.ReLU()(_batch_norm(layers.Dense(units)(h), gamma_std=0.0))
    h = layers.Reshape((128, 7, 7))(h)
    h = layers.Permute((2, 3, 1))(h)  # the source puts channels first
    crop = ((2, 1), (2, 1))
    h = _transposed(h, 128, 5, crop, activation="relu")
    x = _transposed(h, 1, 5, crop, activation="tanh", dtype="float32")
    return keras.Model(z, x, name="generator")


def fluid_discriminator(double_sigmoid: bool = False) -> keras.Model:
    """Return the discriminator of the Paddle Fluid notebook (``dc_gan.py``).

    Two convolutions 5x5 without padding, of 64 and 128 maps, each with 2x2 max pooling, then dense
    layers of 1024 units and one. Leaky ReLU, with Fluid's slope of 0.02, comes before the first
    pooling, and after batch normalisation in the two layers that follow. Initial values are Fluid's
    defaults: convolutions normal with standard deviation sqrt(2/fan-in), dense weights Glorot
    uniform, biases 0, scale of the normalisation 1.

    Args:
        double_sigmoid: end in a sigmoid, as the source does, so that a loss on logits applies a
            second one: what that takes for a logit lies in [0, 1], its D(x) in [0.5, 0.731].

    Returns:
        Model (n, 28, 28, 1) -> (n, 1) logits, 2,310,401 parameters, 2,304 of them moving
        statistics.
    """
    x = keras.Input((28, 28, 1), name="x")
    h = layers.Conv2D(64, 5, kernel_initializer=_fan_in_normal(2.0))(x)
    h = layers.MaxPooling2D()(layers.LeakyReLU(negative_slope=0.02)(h))
    h = layers.Conv2D(128, 5, kernel_initializer=_fan_in_normal(2.0))(h)
    h = _batch_norm(layers.MaxPooling2D()(h), gamma_std=0.0)
    h = layers.Flatten()(layers.LeakyReLU(negative_slope=0.02)(h))
    h = _batch_norm(layers.Dense(1024)(h), gamma_std=0.0)
    h = layers.LeakyReLU(negative_slope=0.02)(h)
    activation = "sigmoid" if double_sigmoid else None
    logit = layers.Dense(1, activation=activation, dtype="float32", name="logit")(h)
    return keras.Model(x, logit, name="discriminator")


def _normal(std: float, mean: float = 0.0) -> keras.Initializer:
    return keras.initializers.RandomNormal(mean, std)


def _fan_in_normal(scale: float) -> keras.Initializer:
    return keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")


def _batch_norm(h, gamma_std: float = 0.02, beta: float = 0.0):
    # momentum and epsilon of Paddle and Fluid; dcgan_generator says why not Keras's
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=_normal(gamma_std, mean=1.0),
        beta_initializer=keras.initializers.Constant(beta),
    )(h)


def _fc(h, units: int, **options):
    return layers.Dense(
        units, kernel_initializer=_fan_in_normal(1.0), bias_initializer="ones", **options
    )(h)


def _fc_hidden(h, hidden: int):
    h = layers.ReLU()(_fc(h, hidden))
    return layers.ReLU()(_batch_norm(_fc(h, hidden), beta=1.0))


def _logit(h, softmax: bool, std: float, bias: float = 0.0):
    """Return l1 - l0 of two units with weights N(0, std), or one unit that starts as it does."""
    if not softmax:
        weights = _normal(std * math.sqrt(2))
        return layers.Dense(1, kernel_initializer=weights, dtype="float32", name="logit")(h)
    two = layers.Dense(
        2,
        kernel_initializer=_normal(std),
        bias_initializer=keras.initializers.Constant(bias),
        dtype="float32",
        name="logits",
    )(h)
    return two[:, 1:] - two[:, :1]


def _transposed(h, maps: int, kernel: int, crop, **options):
    """Apply a transposed convolution of stride 2 and crop its padding off its output."""
    h = layers.Conv2DTranspose(maps, kernel, strides=2, **options)(h)
    return layers.Cropping2D(crop, dtype=options.get("dtype"))(h)


def _paddle_sides(size: int) -> tuple[int, int, int]:
    if size < 8:
        raise ValueError(f"size is {size}; it must be at least 8, to be halved three times.")
    return size // 8, size // 4, size // 2
