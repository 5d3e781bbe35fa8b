"""Generators and discriminators: plain Keras functional models.

A generator maps latent vectors (n, latent_dim) to images (n, height, width, channels) or to points;
a discriminator maps these to one logit each, (n, 1).

Besides the MLP and the book's DCGAN there are the networks of two of the sources, as listed there:
the PaddlePaddle chapter (a fully connected and a convolutional pair) and the Fluid notebook. Under
a mixed-precision policy all but the MLP pair still end in float32, so that the losses keep it.
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


def dcgan_generator(
    latent_dim: int = 100, size: int = 28, channels: int = 1, width: int = 64
) -> keras.Model:
    """Return the book's DCGAN generator, after Radford et al. 2016.

    A dense layer makes the smallest grid, 7x7 for 28 pixels and 4x4 for 32 and 64; transposed
    convolutions double the side. All but the last have batch normalisation, ReLU and no bias; the
    last has tanh. The kernel of 4 is a multiple of the stride of 2, so that every pixel
    is made of as many products; what that is worth against checkerboards, chapter 08 measures.

    Weights start as Keras's layers do (Glorot & Bengio 2010), not at the N(0, 0.02) of the paper.
    The momentum of the moving statistics is 0.9: with the 0.99 of Keras they lag early in training,
    and samples look worse than the generator is.

    Args:
        latent_dim: length of z.
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps before the last layer; each layer before has twice as many as the next.

    Returns:
        Model (n, latent_dim) -> (n, size, size, channels) in [-1, 1], 760,065 parameters with the
        defaults, 384 of them moving statistics.

    Raises:
        ValueError: another size, or another number of channels.
    """
    side, doublings = _dcgan_grid(size, channels)
    maps = width * 2 ** (doublings - 1)
    z = keras.Input((latent_dim,), name="z")
    h = layers.Dense(side * side * maps, use_bias=False)(z)
    h = layers.Reshape((side, side, maps))(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    up = {"kernel_size": 4, "strides": 2, "padding": "same"}
    while maps > width:
        maps //= 2
        h = layers.Conv2DTranspose(maps, use_bias=False, **up)(h)
        h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    pixels = layers.Conv2DTranspose(channels, activation="tanh", dtype="float32", **up)
    return keras.Model(z, pixels(h), name="generator")


def dcgan_discriminator(
    size: int = 28, channels: int = 1, width: int = 64, batch_norm: bool = True
) -> keras.Model:
    """Return the book's DCGAN discriminator, after Radford et al. 2016.

    Convolutions with kernel 4 and stride 2 halve the side down to 4x4 (28, 14, 7, 4 for 28 pixels),
    each with leaky ReLU of slope 0.2; a dense layer makes the logit.

    Args:
        size: side of the images in pixels, 28, 32 or 64.
        channels: of the images, 1 or 3.
        width: maps of the first convolution; each has twice as many as the one before.
        batch_norm: normalise from the second convolution on, in place of its bias.

    Returns:
        Model (n, size, size, channels) -> (n, 1) logits, 662,081 parameters with the defaults, 768
        of them moving statistics; 660,929 without batch normalisation.

    Raises:
        ValueError: another size, or another number of channels.
    """
    _dcgan_grid(size, channels)
    h = x = keras.Input((size, size, channels), name="x")
    maps = width
    while h.shape[1] > 4:
        normalised = batch_norm and maps > width
        h = layers.Conv2D(maps, 4, strides=2, padding="same", use_bias=not normalised)(h)
        h = layers.BatchNormalization(momentum=0.9)(h) if normalised else h
        h = layers.LeakyReLU(negative_slope=0.2)(h)
        maps *= 2
    logit = layers.Dense(1, dtype="float32", name="logit")(layers.Flatten()(h))
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


def _dcgan_grid(size: int, channels: int) -> tuple[int, int]:
    """Return the smallest side and how often it doubles up to ``size``."""
    grids = {28: (7, 2), 32: (4, 3), 64: (4, 4)}
    if size not in grids:
        raise ValueError(f"size is {size}; there is a DCGAN for 28, 32 and 64.")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; it must be 1 or 3.")
    return grids[size]


def transposed_geometry(
    small: int, large: int, stride: int = 2, largest: int = 6
) -> list[tuple[int, int]]:
    """Return every kernel and padding with which a transposed convolution enlarges a side.

    It takes ``small`` pixels to ``(small - 1) * stride + kernel - 2 * padding``, and a convolution
    with the same numbers takes these back to ``small``. A kernel narrower than the stride would
    leave gaps, and a padding of half the kernel or more would cut off the middle of the outermost
    copies: both are left out.

    Args:
        small: the side to enlarge, in pixels.
        large: the side wanted.
        stride: step between two copies of the kernel.
        largest: kernel to consider.

    Returns:
        Pairs (kernel, padding), the smallest kernel first; (2, 0), (4, 1) and (6, 2) double any
        side.

    Raises:
        ValueError: no kernel fits, or an argument is below 1, or ``largest`` below ``stride``.
    """
    if min(small, large, stride) < 1 or largest < stride:
        raise ValueError(
            f"small {small}, large {large} and stride {stride} must be at least 1, and largest "
            f"{largest} at least the stride."
        )
    sizes = {
        (kernel, padding): (small - 1) * stride + kernel - 2 * padding
        for kernel in range(stride, largest + 1)
        for padding in range((kernel + 1) // 2)
    }
    fits = [pair for pair, size in sizes.items() if size == large]
    if not fits:
        possible = ", ".join(map(str, sorted(set(sizes.values()))))
        raise ValueError(
            f"{large} pixels cannot be made of {small} with stride {stride} and a kernel of "
            f"{stride} to {largest}. Possible: {possible}."
        )
    return fits


def upsampling_generator(kind: str, latent_dim: int = 100, width: int = 64) -> keras.Model:
    """Return ``dcgan_generator`` for 28 px with another way to double a side.

    Args:
        kind: ``"kernel 4"`` and ``"kernel 5"`` are transposed convolutions with stride 2, the first
            as in ``dcgan_generator``; ``"resize"`` repeats each pixel twice along both axes and
            convolves with kernel 3.
        latent_dim: length of z.
        width: maps before the last layer; twice as many in the first.

    Returns:
        Model (n, latent_dim) -> (n, 28, 28, 1) in [-1, 1]. With the defaults, ``"kernel 4"`` has
        the 760,065 parameters of ``dcgan_generator``.

    Raises:
        ValueError: another kind.
    """
    kernels = {"kernel 4": 4, "kernel 5": 5, "resize": 3}
    if kind not in kernels:
        raise ValueError(f"There is no kind {kind!r}. There are: {', '.join(kernels)}.")

    def double(h, maps, **options):
        options |= {"kernel_size": kernels[kind], "padding": "same"}
        if kind == "resize":
            return layers.Conv2D(maps, **options)(layers.UpSampling2D(2)(h))
        return layers.Conv2DTranspose(maps, strides=2, **options)(h)

    z = keras.Input((latent_dim,), name="z")
    h = layers.Dense(7 * 7 * 2 * width, use_bias=False)(z)
    h = layers.Reshape((7, 7, 2 * width))(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(double(h, width, use_bias=False)))
    return keras.Model(z, double(h, 1, activation="tanh", dtype="float32"), name="generator")
