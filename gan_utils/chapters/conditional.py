"""Chapter 14: digits on request in the reader's browser, and directions of style.

A dense generator that takes labels travels in the page, by ``page.figure``.
"""

import io
import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from IPython import get_ipython
from IPython.display import HTML, Image, display
from keras import layers
from PIL import Image as Pillow

from gan_utils import data, files, plots
from gan_utils.chapters import live, page

#: how ``page_generator`` is built; ``experiments/conditional_page.py`` trains it
PAGE_OPTIONS = {"latent_dim": 16, "hidden": (128, 112), "embedding": 16}
STILL = 3  # styles in the picture for readers without scripts

CODE = files.text("chapters/conditional.css"), files.text("chapters/conditional.js")


def dense_generator(
    latent_dim: int = 16,
    hidden: tuple[int, ...] = (128, 112),
    slope: float = 0.2,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    embedding: int = 16,
    classes: int = 10,
) -> keras.Model:
    """Return a generator of dense layers that takes labels, small enough to travel in a page.

    The label's embedding is joined to z; hidden layers follow, each with a leaky ReLU; the last
    layer has tanh.

    Args:
        latent_dim: length of z.
        hidden: units of each hidden layer.
        slope: slope of the leaky ReLU below 0.
        image_shape: of the images.
        embedding: numbers that stand for a label.
        classes: number of labels.

    Returns:
        Model [(n, latent_dim), (n,)] -> ``(n, *image_shape)`` in [-1, 1], 107,424 parameters with
        the defaults.
    """
    z = keras.Input((latent_dim,), name="z")
    label = keras.Input((), dtype="int32", name="label")
    h = layers.Concatenate()([z, layers.Embedding(classes, embedding)(label)])
    for units in hidden:
        h = layers.LeakyReLU(negative_slope=slope)(layers.Dense(units)(h))
    x = layers.Dense(math.prod(image_shape), activation="tanh", dtype="float32", name="pixels")(h)
    return keras.Model([z, label], layers.Reshape(image_shape)(x), name="generator")


def page_generator() -> keras.Model:
    """Return the small generator of the page with its trained weights.

    Returns:
        Model [z (n, 16), labels (n,)] -> images (n, 28, 28, 1) in [-1, 1], for normal z.
    """
    generator = dense_generator(**PAGE_OPTIONS)
    files.load_half(generator, files.weights("page_digits_g.npz"))
    return generator


def digits_on_request(
    generator: keras.Model,
    directions: Mapping[str, np.ndarray],
    alt: str,
    caption: str,
    digits: str = "2026",
    seed: int = 0,
    reach: float = 2.0,
) -> HTML:
    """Let the reader type digits and have a generator in the page draw them, all in one style.

    Sliders move z, which all digits share; a button draws another z. Where scripts do not run, a
    still shows what the generator draws. In a browser's console the figure element has
    ``draw(seed, n)``, which gives the same z as ``page_normals``, and ``generate(z, label)``, which
    gives an image's values in [-1, 1].

    Args:
        generator: of the form of ``dense_generator``, for normal z, ten labels and one
            channel.
        directions: name on the page -> vector (latent_dim,); its slider adds multiples of it to z.
        alt: what a reader hears who does not see the still.
        caption: what stands below.
        digits: what is typed at first, one to eight digits.
        seed: of the first z.
        reach: largest multiple of a direction.

    Returns:
        An output of about 300 kB with the network's defaults and a few directions.

    Raises:
        ValueError: a generator of another form, directions of another length, digits that are
            none, or values that float16 cannot hold.
    """
    table, dense, slope, (height, width, _) = _parts(generator)
    latent_dim = generator.inputs[0].shape[1]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 8):
        raise ValueError(f"digits is {digits!r}; it must be one to eight of the digits 0 to 9.")
    settings = {
        "slope": slope,
        "width": width,
        "height": height,
        "reach": reach,
        "digits": digits,
        "seed": seed,
    }
    weights = [w for layer in (table, *dense) for w in layer.get_weights()]
    still = _still(generator, seed), 60, 2
    return page.figure("ask", CODE, weights, directions, latent_dim, settings, still, alt, caption)


def page_normals(seed: int, n: int, latent_dim: int = 16) -> np.ndarray:
    """Draw what the page draws: normal z, two uniform numbers each (Box & Muller 1958).

    Args:
        seed: the number in the page's field, from 0 to 999,999.

    Returns:
        float64 (n, latent_dim), of mean 0 and variance 1.
    """
    u = (live.page_latents(seed, n * latent_dim, 2).astype(np.float64) + 1) / 2
    radius = np.sqrt(-2 * np.log(np.maximum(1 - u[:, 0], 2.0**-32)))
    return (radius * np.cos(2 * np.pi * u[:, 1])).reshape(n, latent_dim)


def slant_and_ink(images: np.ndarray) -> np.ndarray:
    """Measure two things that people see at once in a digit.

    Args:
        images: uint8 (n, height, width, 1), bright strokes on a dark ground.

    Returns:
        The slant and the ink of each image, float64 (n, 2). The slant is how far the strokes
        shift sideways a row up, in pixels: the
        covariance of the ink's columns and rows over the variance of its rows; positive leans
        to the right. The ink is the mean of all pixels, in levels of 0..255. An image without ink
        has slant 0.
    """
    ink = np.asarray(images, np.float64)[..., 0]
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-9)
    up, right = -np.arange(ink.shape[1]), np.arange(ink.shape[2])
    rows, columns = ink.sum(axis=2) / total[:, None], ink.sum(axis=1) / total[:, None]
    mean_up, mean_right = rows @ up, columns @ right
    both = np.einsum("nij,i,j->n", ink, up, right) / total - mean_up * mean_right
    variance = rows @ up**2 - mean_up**2
    slant = both / np.where(variance > 0, variance, 1)
    return np.stack([slant, ink.mean(axis=(1, 2))], axis=1)


def style_directions(z: np.ndarray, measures: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Find the direction of z along which a measure grows, whatever the class.

    Least squares of each measure on z, after its mean in each class is taken away.

    Args:
        z: (n, latent_dim), n larger than latent_dim.
        measures: (n, k) of the images that z gave.
        labels: (n,) that the images were asked for.

    Returns:
        (k, latent_dim) of length 1, each the direction of steepest growth.
    """
    z, measures, labels = np.asarray(z, float), np.array(measures, float), np.asarray(labels)
    z = z.copy()
    for label in np.unique(labels):
        rows = labels == label
        measures[rows] -= measures[rows].mean(axis=0)
        z[rows] -= z[rows].mean(axis=0)
    slopes = np.linalg.lstsq(z, measures, rcond=None)[0].T
    return slopes / np.linalg.norm(slopes, axis=1, keepdims=True)


class Album(keras.callbacks.Callback):
    """Keep what a conditional generator draws while it trains: ten rows of digits, ten styles.

    A row holds one digit, a column one z; both are the same in all pictures. In a notebook the
    picture is redrawn below the cell that trains, and the last one stays.

    Args:
        every: steps between two pictures. There is one of the start and one of the end.
        at_steps: steps after which there is one besides; in the first epoch, or ``GAN.fit`` may
            have to stop after each step.
        seed: of the ten z.

    Attributes:
        pictures: uint8 (298, 298, 1) each, in order.
        labels: what each is of, such as ``"step 300"``.

    Raises:
        ValueError: ``every`` is below 1.
    """

    def __init__(self, every: int, at_steps: Sequence[int] = (), seed: int = 0):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; it must be at least 1 step.")
        self.every, self.at_steps, self.seed = every, at_steps, seed
        self.pictures, self.labels, self.handle = [], [], None

    def look(self, model, step: int) -> None:
        """Keep a picture of ``model``, a conditional ``gan.GAN``, and show it."""
        z = data.draw_latent(
            0, (10, model.generator.inputs[0].shape[1]), self.seed, 2, model.latent
        )
        wishes = np.arange(100) // 10
        with model.averaged():
            made = model.generator([np.tile(z, (10, 1)), wishes], training=False)
        self.pictures.append(plots.tile(data.to_pixels(made), columns=10))
        self.labels.append(f"step {step:,}")
        if get_ipython() is None:
            return
        buffer = io.BytesIO()
        Pillow.fromarray(self.pictures[-1].squeeze()).save(buffer, "PNG")
        picture = Image(buffer.getvalue(), format="png", width=450)
        if self.handle is None:
            self.handle = display(picture, display_id=True)
        else:
            self.handle.update(picture)

    def on_train_begin(self, logs=None):
        """Take the first picture."""
        self.handle, self.done = None, 0
        self.look(self.model, int(self.model.step.numpy()))

    def on_train_batch_end(self, batch, logs=None):
        """Take a picture when it is time."""
        step = int(self.model.step.numpy())
        if step // self.every > self.done or step in self.at_steps:
            self.done = step // self.every
            self.look(self.model, step)

    def on_train_end(self, logs=None):
        """Take the last picture, unless it was just taken."""
        step = int(self.model.step.numpy())
        if self.labels[-1] != f"step {step:,}":
            self.look(self.model, step)


def confusion(asked: np.ndarray, read: np.ndarray, classes: int = 10) -> np.ndarray:
    """Say how often each class was read when each was asked for.

    Args:
        asked, read: whole numbers (n,) from 0 to ``classes - 1``.

    Returns:
        (classes, classes); row a holds the shares of what was read when a was asked for, and adds
        up to 1, or to 0 if a never was.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (np.asarray(asked), np.asarray(read)), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _parts(generator) -> tuple:
    """Return the layers that the script knows how to compute: table, dense ones; slope; shape."""
    kinds = {}
    for layer in generator.layers:
        kinds.setdefault(type(layer).__name__, []).append(layer)
    dense, leaky = kinds.get("Dense", []), kinds.get("LeakyReLU", [])
    tables, shapes = kinds.get("Embedding", []), kinds.get("Reshape", [])
    good = (
        kinds.keys() == {"InputLayer", "Embedding", "Concatenate", "Dense", "LeakyReLU", "Reshape"}
        and [len(tables), len(shapes), len(leaky)] == [1, 1, len(dense) - 1]
        and [layer.activation.__name__ for layer in dense] == ["linear"] * len(leaky) + ["tanh"]
        and all(layer.use_bias for layer in dense)
        and tables[0].input_dim == 10
        and shapes[0].target_shape[2:] == (1,)
        and len({float(layer.negative_slope) for layer in leaky}) == 1
    )
    if not good:
        raise ValueError(
            "digits_on_request takes a generator of an embedding of ten labels joined to z, Dense "
            "and LeakyReLU in turn, Dense with tanh (all with biases) and Reshape to (height, "
            "width, 1), such as dense_generator(). This one has: "
            f"{', '.join(type(layer).__name__ for layer in generator.layers)}."
        )
    return tables[0], dense, float(leaky[0].negative_slope), shapes[0].target_shape


def _still(generator, seed: int) -> np.ndarray:
    """Draw all ten classes in a few styles, a style a row."""
    z = page_normals(seed, STILL, generator.inputs[0].shape[1]).astype(np.float32)
    images = generator([z.repeat(10, axis=0), np.tile(np.arange(10), STILL)], training=False)
    return plots.tile(data.to_pixels(images), columns=10)
