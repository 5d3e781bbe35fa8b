"""A generator that runs in the reader's browser: weights and a short script in one HTML output.

It takes the book's MLP generator: two matrix products, a leaky ReLU between them, tanh at the end.
Nothing is fetched: the weights lie in the output as text, rounded to float16.
"""

import base64
import html
import io
import json
from collections.abc import Mapping

import numpy as np
from IPython.display import HTML
from PIL import Image

from gan_utils import data, files, plots

SMALL = 8  # digits beside the large one

LIVE_STYLE = files.text("chapters/live.css")

LIVE_SCRIPT = files.text("chapters/live.js")


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
    vectors = np.array(list(directions.values()), np.float32)
    if vectors.shape != (len(directions), latent_dim) or not directions:
        raise ValueError(
            f"Each direction must be a vector of the length of z, {latent_dim}, and there must be "
            f"at least one; got an array of shape {vectors.shape}."
        )
    matrices = [np.atleast_2d(w) for w in (*hidden.get_weights(), *pixels.get_weights(), vectors)]
    halves = np.concatenate([m.ravel() for m in matrices])
    if not (np.abs(halves) <= np.finfo(np.float16).max).all():  # not so for NaN either
        raise ValueError("The weights or directions hold values that float16 cannot.")
    settings = {
        "shapes": [m.shape for m in matrices],
        "slope": float(leaky.negative_slope),
        "width": width,
        "height": height,
        "names": list(directions),
        "reach": reach,
        "small": SMALL,
        "seed": seed,
    }
    z = page_latents(seed, SMALL + 1, latent_dim)
    source, size = _still(data.to_pixels(generator(z, training=False)))
    return HTML(
        f'<figure class="live" data-live="{html.escape(json.dumps(settings))}" '
        f'data-weights="{_text(halves.astype("<f2").tobytes())}"><style>\n{LIVE_STYLE}</style>'
        f'<img alt="{html.escape(alt)}" width="{3 * size[0]}" height="{3 * size[1]}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,{source}">'
        f"<figcaption>{html.escape(caption)}</figcaption><script>\n{LIVE_SCRIPT}</script></figure>"
    )


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


def _still(images: np.ndarray) -> tuple[str, tuple[int, int]]:
    """Arrange images as the page does, the first one large; return a WebP as text and its size."""
    column = plots.tile(images[1:], columns=2, gap=0)
    rows = SMALL // 2
    large = images[0].repeat(rows, axis=0).repeat(rows, axis=1)
    picture, buffer = np.concatenate([large, column], axis=1), io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, "WEBP", quality=70)
    return _text(buffer.getvalue()), (picture.shape[1], picture.shape[0])


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
