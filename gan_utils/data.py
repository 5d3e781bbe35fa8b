"""Data sets, checked before they are used, and the draws that feed a training step.

``load(name)`` looks in ``$GAN_UTILS_DATA``, then in the user's cache; after that the full and the
short profile download, and the quick profile falls back to an offline stand-in without touching
the network. Images stay ``uint8`` until a training step scales them to [-1, 1].
"""

import csv
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_utils import fetch, files, standins


class ImageData(NamedTuple):
    """Images with labels."""

    #: of the data set
    name: str
    #: uint8 (n, height, width, channels), to train on
    images: np.ndarray
    #: uint8 (n,)
    labels: np.ndarray
    #: uint8 (m, height, width, channels), never to train on
    test_images: np.ndarray
    #: uint8 (m,)
    test_labels: np.ndarray
    #: one line for the page, saying what this is and where it came from
    note: str


class PointData(NamedTuple):
    """Points in the plane."""

    #: of the data set
    name: str
    #: float32 (n, 2)
    points: np.ndarray
    #: one line for the page
    note: str


def load(name: str) -> ImageData | PointData:
    """Load a data set by name.

    Args:
        name: of images, ``"mnist"`` (60,000 + 10,000 digits, 28 px), ``"digits"`` (scikit-learn's
            1,797 digits of 8 px, enlarged to 20, always offline), ``"cifar10"`` (50,000 + 10,000
            colour photographs, 32 px, classes as in ``files.CIFAR10_CLASSES``) or ``"shapes"``
            (2,000 + 500 drawn shapes in colour, 32 px, always offline). Of points, always offline,
            ``"uniform"`` (1,000,000 points in the unit square, the first data set of the
            PaddlePaddle chapter), ``"ring"`` or ``"grid"`` (100,000 points each around the 8 or
            25 centres that ``mixture_modes`` gives).

    Raises:
        ValueError: the name is unknown, or a file holds something else than it should.
        FileNotFoundError: ``$GAN_UTILS_DATA`` names a folder that does not exist.
        OSError: the full or short profile found the data nowhere, or the cache cannot be written.
    """
    if name not in _LOADERS:
        raise ValueError(
            f"There is no data set {name!r}. There are: {', '.join(sorted(_LOADERS))}."
        )
    return _LOADERS[name]()


def download(name: str) -> str:
    """Fetch a data set into the cache, whatever the profile, and check what the cache then holds.

    Files that are in the cache already are checked only. ``$GAN_UTILS_DATA`` plays no part.

    Args:
        name: ``"mnist"`` or ``"cifar10"``.

    Returns:
        The note of the data set and the folder it is in, on one line.

    Raises:
        ValueError: the name is unknown or needs no download, or a file in the cache is broken.
        OSError: no mirror gave the data, or the cache cannot be written.
    """
    sources = {"cifar10": fetch.download_cifar10, "mnist": fetch.download_mnist}
    if name not in sources:
        problem = "needs no download" if name in _LOADERS else "is no data set"
        there = ", ".join(sorted(sources))
        raise ValueError(f"{name!r} {problem}. To download there are: {there}.")
    own = os.environ.pop("GAN_UTILS_DATA", None)  # the check is of the cache
    try:
        sources[name](fetch.cache_folder() / name)
        return f"{load(name).note} They are in {fetch.cache_folder() / name}."
    finally:
        if own is not None:
            os.environ["GAN_UTILS_DATA"] = own


# --- one data set, one function --------------------------------------------------------------


def _load_mnist() -> ImageData:
    paths, where = fetch.find(
        "mnist", [f"{name}.gz" for name in files.MNIST_FILES], fetch.download_mnist
    )
    if not paths:
        *arrays, note = standins.digits()
        note = f"Stand-in for MNIST, which is not on this machine ({where}): {note}"
        return ImageData("mnist", *arrays, note)
    train, train_labels, test, test_labels = (
        files.read_idx(path, sha256)
        for path, sha256 in zip(paths, files.MNIST_FILES.values(), strict=True)
    )
    note = f"MNIST: {len(train):,} training and {len(test):,} test images, {where}."
    return ImageData("mnist", train[..., None], train_labels, test[..., None], test_labels, note)


def _load_cifar10() -> ImageData:
    paths, where = fetch.find("cifar10", [files.CIFAR10_FILE], fetch.download_cifar10)
    if not paths:
        *arrays, note = standins.shapes()
        note = f"Stand-in for CIFAR-10, which is not on this machine ({where}): {note}"
        return ImageData("cifar10", *arrays, note)
    arrays, what = files.read_cifar10(paths[0], files.CIFAR10_SHA256)
    counts = f"{len(arrays[0]):,} training and {len(arrays[2]):,} test images"
    return ImageData("cifar10", *arrays, f"CIFAR-10: {counts}, {what}, {where}.")


_LOADERS = {
    "cifar10": _load_cifar10,
    "digits": lambda: ImageData("digits", *standins.digits()),
    "grid": lambda: PointData("grid", *standins.mixture("grid")),
    "mnist": _load_mnist,
    "ring": lambda: PointData("ring", *standins.mixture("ring")),
    "shapes": lambda: ImageData("shapes", *standins.shapes()),
    "uniform": lambda: PointData("uniform", *standins.uniform()),
}


def load_results(file_name: str) -> list[dict[str, str | float]]:
    """Load the rows of an experiment's CSV, with numbers as floats.

    Args:
        file_name: the file in ``experiments/results/``, with its ending ``.csv``. (Stamps look
            for this name in a chapter's code.)

    Raises:
        FileNotFoundError: there is no such result.
    """
    package = Path(__file__).parent  # installed, the results lie within; in the repository, beside
    folders = (package / "results", package.parent / "experiments" / "results")
    found = [folder / file_name for folder in folders if (folder / file_name).is_file()]
    if not found or not file_name.endswith(".csv"):
        there = {path.name for folder in folders for path in folder.glob("*.csv")}
        raise FileNotFoundError(
            f"There is no result {file_name!r}. There are: {', '.join(sorted(there)) or 'none'}. "
            "The script of the same name in experiments/ makes it."
        )

    def number(text):
        try:
            return float(text)
        except ValueError:
            return text

    with found[0].open(newline="", encoding="utf-8") as file:
        file.readline()  # the stamp
        return [{k: number(v) for k, v in row.items()} for row in csv.DictReader(file)]


# --- what a training step draws -------------------------------------------------------------


def batch_index(step, size: int, batch_size: int, seed: int):
    """Return which rows step ``step`` trains on: every epoch is a fresh shuffle of all rows.

    The shuffle is a function of (seed, epoch) and keeps no state, so that a run can go on at any
    step. An epoch has ``size // batch_size`` steps; the rows left over differ from epoch to epoch.

    Args:
        step: int64 scalar, counted from 0 over all epochs.

    Returns:
        int64 tensor (batch_size,).
    """
    import tensorflow as tf

    epoch, place = tf.math.floordiv(step, size // batch_size), step % (size // batch_size)
    position = place * batch_size + tf.range(batch_size, dtype=tf.int64)
    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.index_shuffle(position, tf.cast(key, tf.int32), size - 1)


def draws(
    size: int,
    batch_size: int,
    latent_dim: int,
    steps: range,
    seed: int = 0,
    latent: str = "uniform",
    d_steps: int = 1,
    g_steps: int = 1,
    labelled: bool = False,
):
    """Return what each training step draws: which rows, z for D's update, z for G's update.

    A ``tf.data`` pipeline runs beside the training graph, on the CPU and without XLA, so that
    these numbers are the same whatever trains on them: XLA generates others from the same seed,
    and a GPU might.

    Args:
        size: rows of the data set.
        steps: numbers of the steps, counted from 0 over all epochs.
        d_steps, g_steps: updates of D and of G in one step, each with its own batch.
        labelled: also draw the rows whose labels G is asked for, with repetition.

    Returns:
        ``tf.data.Dataset`` of (int64 (d_steps · batch_size,), float32 (d_steps · batch_size,
        latent_dim), float32 (g_steps · batch_size, latent_dim)), one element a step; if labelled,
        also int64 (g_steps · batch_size,).
    """
    import tensorflow as tf

    sizes = d_steps * batch_size, g_steps * batch_size

    def draw(step):
        z = (draw_latent(step, (n, latent_dim), seed, use, latent) for use, n in enumerate(sizes))
        drawn = batch_index(step, size, sizes[0], seed), *z
        if labelled:
            key = _key(seed, 3, step)
            drawn += (tf.random.stateless_uniform(sizes[1:], key, 0, size, tf.int64, "philox"),)
        return drawn

    dataset = tf.data.Dataset.range(steps.start, steps.stop).map(draw)
    return dataset.prefetch(tf.data.AUTOTUNE)


def draw_latent(step, shape: tuple[int, int], seed: int, stream: int = 0, kind: str = "uniform"):
    """Draw the latent batch z of a training step, as a function of (seed, stream, step) alone.

    Args:
        step: integer scalar.
        shape: (batch size, latent_dim).
        stream: several independent draws within one step: 0, 1, ...
        kind: ``"uniform"`` on [-1, 1) or ``"normal"`` (mean 0, variance 1).

    Returns:
        float32 tensor of ``shape``.
    """
    import tensorflow as tf

    if kind not in ("uniform", "normal"):
        raise ValueError(f"There is no latent distribution {kind!r}. There are: normal, uniform.")
    key = _key(seed, stream, step)
    if kind == "uniform":
        return tf.random.stateless_uniform(shape, key, -1.0, 1.0, alg="philox")
    return tf.random.stateless_normal(shape, key, alg="philox")


def _key(seed, stream, step):
    import tensorflow as tf

    key = tf.stack([tf.cast(seed, tf.int32), tf.cast(stream, tf.int32)])
    # One named algorithm: "auto_select" would draw other numbers on a GPU.
    return tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int32), alg="philox")


def to_unit_range(images):
    """Scale uint8 pixels 0..255 to float32 in [-1, 1], the range of tanh."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_pixels(images) -> np.ndarray:
    """Scale [-1, 1] back to uint8 pixels 0..255, rounding; values outside are clipped."""
    return np.clip(np.rint((np.asarray(images, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
