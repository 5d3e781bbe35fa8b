"""Chapter 08: what a transposed convolution does to a grid, and a generator that does without."""

import keras
from keras import layers


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
