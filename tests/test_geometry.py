"""How sizes, kernels and paddings of convolutions fit, and the generators that double a side."""

import keras
import numpy as np
import pytest
from keras import layers

from gan_utils import networks
from gan_utils.chapters import upsampling
from gan_utils.sources import paddle


def sides(small, kernel, padding, stride):
    """The side that Keras makes of ``small``, and the one that a convolution takes it back to."""
    x = keras.Input((small, small, 1))
    big = layers.Conv2DTranspose(1, kernel, strides=stride)(x)
    big = layers.Cropping2D(padding)(big)
    back = layers.Conv2D(1, kernel, strides=stride)(layers.ZeroPadding2D(padding)(big))
    return big.shape[1], back.shape[1]


@pytest.mark.parametrize(
    "small, large, stride, fits",
    [
        (7, 14, 2, [(2, 0), (4, 1), (6, 2)]),
        (14, 28, 2, [(2, 0), (4, 1), (6, 2)]),
        (4, 7, 2, [(3, 1), (5, 2)]),
        (3, 7, 2, [(3, 0), (5, 1)]),
        (1, 4, 1, [(4, 0), (6, 1)]),
        (5, 5, 1, [(1, 0), (3, 1), (5, 2)]),
        (5, 15, 3, [(3, 0), (5, 1)]),
    ],
)
def test_fits(small, large, stride, fits):
    assert upsampling.transposed_geometry(small, large, stride) == fits
    for kernel, padding in fits:
        assert sides(small, kernel, padding, stride) == (large, small)


def test_fits_are_all_that_keras_has():
    """Every kernel and padding within the limits, tried out."""
    for small, stride in ((3, 2), (4, 3)):
        by_size = {}
        for kernel in range(stride, 7):
            for padding in range((kernel + 1) // 2):
                size = sides(small, kernel, padding, stride)[0]
                by_size.setdefault(size, []).append((kernel, padding))
        for size, fits in by_size.items():
            assert upsampling.transposed_geometry(small, size, stride) == fits
        for size in (min(by_size) - 1, max(by_size) + 1):
            with pytest.raises(ValueError, match=f"{size} pixels cannot be made of {small}"):
                upsampling.transposed_geometry(small, size, stride)


def test_the_refusal_says_what_is_possible():
    with pytest.raises(ValueError, match="28 pixels .* of 3 .* Possible: 5, 6, 7, 8, 9, 10."):
        upsampling.transposed_geometry(3, 28)
    with pytest.raises(ValueError, match="Possible: 6, 8.$"):
        upsampling.transposed_geometry(2, 7, stride=4, largest=4)


@pytest.mark.parametrize("arguments", [(0, 4), (3, 0), (3, 6, 0), (3, 9, 3, 2)])
def test_arguments_out_of_range(arguments):
    with pytest.raises(ValueError, match="at least"):
        upsampling.transposed_geometry(*arguments)


def test_the_source_s_choice_is_among_them():
    for small in range(2, 9):
        for large in range(1, 3 * small):
            try:
                choice = paddle.conv_geometry(large, small)
            except ValueError:
                continue
            assert choice in upsampling.transposed_geometry(small, large)


@pytest.mark.parametrize("kind, kernel", [("kernel 4", 4), ("kernel 5", 5), ("resize", 3)])
def test_upsampling_generator(kind, kernel):
    generator = upsampling.upsampling_generator(kind, latent_dim=6, width=8)
    first, second = 4 * 16, 4 * 8  # batch normalisation
    taps = kernel**2
    count = (6 * 49 * 16 + first) + (taps * 16 * 8 + second) + (taps * 8 + 1)
    assert generator.count_params() == count
    images = generator(np.random.default_rng(0).standard_normal((3, 6)).astype("float32"))
    assert images.shape == (3, 28, 28, 1)
    assert np.abs(images).max() <= 1


def test_kernel_4_is_the_dcgan_generator():
    ours = upsampling.upsampling_generator("kernel 4", latent_dim=6, width=8)
    book = networks.dcgan_generator(latent_dim=6, width=8)
    ours.set_weights(book.get_weights())
    z = np.random.default_rng(0).standard_normal((3, 6)).astype("float32")
    np.testing.assert_array_equal(ours(z), book(z))


def test_resize_keeps_what_is_even_even():
    """Its pattern comes from the edges alone: inside, an even input gives an even output."""
    generator = upsampling.upsampling_generator("resize", latent_dim=2, width=4)
    inner = keras.Model(generator.layers[-2].input, generator.layers[-1].output)
    even = np.ones((1, 14, 14, 4), "float32")
    image = np.asarray(inner(even))[0, 1:-1, 1:-1, 0]
    np.testing.assert_allclose(image, image[0, 0], rtol=1e-5)


def test_unknown_kind():
    with pytest.raises(ValueError, match="no kind 'kernel 3'. There are: kernel 4, kernel 5, "):
        upsampling.upsampling_generator("kernel 3")
