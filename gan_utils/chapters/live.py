"""Chapter 07: the book's MLP generator in the reader's browser, with directions of its z.

It is two matrix products, a leaky ReLU between them, tanh at the end.
"""

from collections.abc import Mapping

import numpy as np
from IPython.display import HTML

from gan_utils import data, files, plots
from gan_utils.chapters import page

SMALL = 8  # digits beside the large one

CODE = files.text("chapters/live.css"), files.text("chapters/live.js")


def live_generator(
    generator,
    directions: Mapping[str, np.ndarray],
    alt: str,
    caption: str,
    seed: int = 0,
    reach: float = 2.0,
) -> HTML:
    """Let the reader draw with a generator in the page: sliders move z, a button draws a new one.

    Where scripts do not run, a still shows what the generator draws of the first ``seed``. In a
    browser's console the figure element has ``draw(seed, n)``, which gives the same z as
    ``page_latents``, and ``generate(z)``, which gives an image's values in [-1, 1].

    Args:
        generator: of the form of ``networks.mlp_generator``, for z uniform on [-1, 1) and one
            channel, in [-1, 1].
        directions: name on the page -> vector (latent_dim,); its slider adds multiples of it to z.
        alt: what a reader hears who does not see the still.
        caption: what stands below.
        seed: of the first z.
        reach: largest multiple of a direction.

    Returns:
        An output of about 315 kB with the network's defaults and a few directions.

    Raises:
        ValueError: a generator of another form, directions of another length, or values that
            float16 cannot hold.
    """
    hidden, leaky, pixels, reshape = _layers(generator)
    height, width, _ = reshape.target_shape
    latent_dim = generator.input_shape[1]
    settings = {
        "slope": float(leaky.negative_slope),
        "width": width,
        "height": height,
        "reach": reach,
        "small": SMALL,
        "seed": seed,
    }
    images = data.to_pixels(generator(page_latents(seed, SMALL + 1, latent_dim), training=False))
    weights = [*hidden.get_weights(), *pixels.get_weights()]
    still = _still(images), 70, 3
    return page.figure("live", CODE, weights, directions, latent_dim, settings, still, alt, caption)


def page_latents(seed: int, n: int, latent_dim: int = 100) -> np.ndarray:
    """Draw what the page draws: z from the random generator mulberry32 of Tommy Ettinger.

    Args:
        seed: the number in the page's field, from 0 to 999,999.

    Returns:
        float32 (n, latent_dim), uniform on [-1, 1).
    """
    with np.errstate(over="ignore"):  # all sums and products are taken modulo 2 to the 32
        counter = np.arange(1, n * latent_dim + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
        counter += np.uint32(seed)
        t = (counter ^ (counter >> 15)) * (counter | 1)
        t ^= t + (t ^ (t >> 7)) * (t | 61)
    return ((t ^ (t >> 14)) / 2.0**31 - 1).astype(np.float32).reshape(n, latent_dim)


def _layers(generator) -> list:
    """Return the four layers that the script knows how to compute."""
    kinds = [type(layer).__name__ for layer in generator.layers]
    if kinds == ["InputLayer", "Dense", "LeakyReLU", "Dense", "Reshape"]:
        _, hidden, leaky, pixels, reshape = generator.layers
        names = [layer.activation.__name__ for layer in (hidden, pixels)]
        shape = reshape.target_shape
        if (
            names == ["linear", "tanh"]
            and hidden.use_bias
            and pixels.use_bias
            and shape[2:] == (1,)
        ):
            return [hidden, leaky, pixels, reshape]
        kinds = [*kinds[1:], f"with {names[0]} and {names[1]}, biases, and shape {tuple(shape)}"]
    raise ValueError(
        "live_generator takes a generator of Dense, LeakyReLU, Dense with tanh (both with biases) "
        "and Reshape to (height, width, 1), such as networks.mlp_generator(). "
        f"This one has: {', '.join(kinds)}."
    )


def _still(images: np.ndarray) -> np.ndarray:
    """Arrange images as the page does, the first one large."""
    column = plots.tile(images[1:], columns=2, gap=0)
    rows = SMALL // 2
    large = images[0].repeat(rows, axis=0).repeat(rows, axis=1)
    return np.concatenate([large, column], axis=1)
