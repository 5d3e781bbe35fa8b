"""Data sets, checked before they are used, and the draws that feed a training step.

``load(name)`` looks in ``$GAN_UTILS_DATA``, then in the user's cache; after that the full profile
downloads, and the quick profile falls back to an offline stand-in without touching the network.
Images stay ``uint8`` until a training step scales them to [-1, 1].
"""

import csv
import gzip
import hashlib
import math
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_utils import runtime


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


# The SHA-256 covers the *unzipped* content: the same images are published under several gzip
# wrappings. Sources: the IDX files of Yann LeCun's MNIST page, kept by the mirrors below.
MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://systemds.apache.org/assets/datasets/mnist/",
)
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load(name: str) -> ImageData | PointData:
    """Load a data set by name.

    Args:
        name: ``"mnist"`` (60,000 + 10,000 digits, 28 px), ``"digits"`` (scikit-learn's 1,797 small
            digits enlarged to 28 px, always offline) or ``"uniform"`` (1,000,000 points in the unit
            square, the first data set of the PaddlePaddle chapter).

    Raises:
        ValueError: the name is unknown, or a file holds something else than it should.
        FileNotFoundError: ``$GAN_UTILS_DATA`` names a folder that does not exist.
        OSError: the full profile found the data nowhere, or the cache cannot be written.
    """
    # Found by name: a new data set must not make the results on the old ones look stale.
    loaders = {k.removeprefix("_load_"): v for k, v in globals().items() if k.startswith("_load_")}
    if name not in loaders:
        raise ValueError(f"There is no data set {name!r}. There are: {', '.join(sorted(loaders))}.")
    return loaders[name]()


# --- one data set, one function --------------------------------------------------------------


def _load_mnist() -> ImageData:
    files, where = _find("mnist", [f"{name}.gz" for name in MNIST_FILES], _download_mnist)
    if not files:
        digits = _load_digits()
        note = f"Stand-in for MNIST, which is not on this machine ({where}): {digits.note}"
        return digits._replace(name="mnist", note=note)
    train, train_labels, test, test_labels = (
        read_idx(path, sha256) for path, sha256 in zip(files, MNIST_FILES.values(), strict=True)
    )
    note = f"MNIST: {len(train):,} training and {len(test):,} test images, {where}."
    return ImageData("mnist", train[..., None], train_labels, test[..., None], test_labels, note)


def _load_digits() -> ImageData:
    from PIL import Image
    from sklearn.datasets import load_digits

    small = load_digits()

    def enlarge(image):  # 8 px to 20 px, centred on 28 px: the proportions of MNIST
        picture = Image.fromarray((image * (255 / 16)).astype(np.uint8))
        return np.pad(np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC)), 4)

    images = np.stack([enlarge(image) for image in small.images])[..., None]
    labels = small.target.astype(np.uint8)
    note = f"{len(images):,} digits of 8 px that scikit-learn brings along, enlarged to 28 px."
    return ImageData("digits", images[:1500], labels[:1500], images[1500:], labels[1500:], note)


def _load_uniform() -> PointData:
    points = np.random.default_rng(0).random((1_000_000, 2), dtype=np.float32)
    return PointData("uniform", points, "1,000,000 points, uniform in the unit square, seed 0.")


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


# --- finding and checking files -----------------------------------------------------------------


def read_idx(path: Path, sha256: str | None = None) -> np.ndarray:
    """Read a gzip-compressed IDX file of unsigned bytes, strictly.

    Args:
        path: the ``.gz`` file. The format is on Yann LeCun's MNIST page: a big-endian magic number
            (0, 0, 8 for unsigned bytes, number of dimensions), the dimensions, the bytes.
        sha256: hash that the unzipped content must have.

    Returns:
        uint8 array of the dimensions that the file states.

    Raises:
        ValueError: the file is not gzip, is cut short, has another magic number, a length that
            does not fit its dimensions, or another hash. The message names the file.
    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} is not a complete gzip file ({error}). It may be cut short, or a web page "
            "saved under this name. Delete it and fetch it again."
        ) from None
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or content[3] not in (1, 2, 3):
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes: it begins with {content[:4].hex()}, "
            "expected 000008 and then the number of dimensions, 01 to 03."
        )
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise ValueError(f"{path} ends within its header of {header} bytes.")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise ValueError(
            f"{path} states the shape {shape}, that is {math.prod(shape):,} bytes, but holds "
            f"{len(content) - header:,}."
        )
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the published file: the SHA-256 of its unzipped content is not "
            f"{sha256}. Delete it and fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def cache_folder() -> Path:
    """Return the folder that keeps downloads: the user's cache, as the operating system has it."""
    import pooch

    return Path(pooch.os_cache("gan_utils"))


def _find(folder: str, names: list[str], download) -> tuple[list[Path], str]:
    """Return the paths of ``names`` and where they are; no paths and why ask for the stand-in."""
    own = os.environ.get("GAN_UTILS_DATA")
    looked = "GAN_UTILS_DATA is not set"
    if own:
        if not Path(own).is_dir():
            raise FileNotFoundError(
                f"GAN_UTILS_DATA is set to {own!r}, which is not a folder. Point it at the folder "
                f"that holds {folder}/{names[0]}, or unset it."
            )
        paths = [Path(own, folder, name) for name in names]
        missing = [path.name for path in paths if not path.is_file()]
        if not missing:
            return paths, "from $GAN_UTILS_DATA"
        looked = f"the folder that GAN_UTILS_DATA names holds no {folder}/{missing[0]}"
    paths = [cache_folder() / folder / name for name in names]
    if not all(path.is_file() for path in paths):
        if runtime.profile() == "quick":
            return [], looked
        try:
            download(cache_folder() / folder)
        except OSError as error:
            raise OSError(
                f"{error}\nBefore that: {looked}, and there is nothing in the cache."
            ) from None
    return paths, "from the cache"


def _download_mnist(folder: Path) -> None:
    for name, sha256 in MNIST_FILES.items():
        if not (folder / f"{name}.gz").is_file():
            urls = [f"{mirror}{name}.gz" for mirror in MNIST_MIRRORS]
            _download(urls, folder / f"{name}.gz", lambda path, sha=sha256: read_idx(path, sha))


def _download(urls: list[str], target: Path, check) -> None:
    """Fetch ``target`` from the first mirror whose file passes ``check``.

    Atomic: two processes may do it at once, and a broken download leaves nothing behind.
    """
    import pooch

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-")
    except OSError as error:
        raise OSError(
            f"The cache folder {target.parent} cannot be written ({error.strerror}). Make it "
            f"writable, or set GAN_UTILS_DATA to a folder that holds "
            f"{target.parent.name}/{target.name}."
        ) from None
    pooch.get_logger().setLevel("WARNING")  # it reports a hash that nobody asked for
    fetch = pooch.HTTPDownloader(timeout=(5, 60), progressbar=True)
    failures = []
    with scratch as folder:
        for url in urls:
            try:
                path = Path(pooch.retrieve(url, None, target.name, folder, downloader=fetch))
                check(path)
                path.replace(target)
                return
            except (OSError, ValueError) as error:  # of the network, the disk, or the check
                failures.append(f"  {url}: {error}")
                Path(folder, target.name).unlink(missing_ok=True)
    raise OSError(
        f"Set GAN_UTILS_DATA to a folder that holds {target.parent.name}/{target.name}.\n"
        "It is not on this machine, and no mirror gave it:\n" + "\n".join(failures) + "\n"
        "Or run in quick profile (GAN_BOOK_PROFILE=quick), which trains on a small stand-in."
    )


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
):
    """Return what each training step draws: which rows, z for D's update, z for G's update.

    A ``tf.data`` pipeline runs beside the training graph, on the CPU and without XLA, so that
    these numbers are the same whatever trains on them: XLA and GPUs generate others from the
    same seed.

    Args:
        size: rows of the data set.
        steps: numbers of the steps, counted from 0 over all epochs.

    Returns:
        ``tf.data.Dataset`` of (int64 (batch_size,), float32 (batch_size, latent_dim) twice), one
        element a step.
    """
    import tensorflow as tf

    def draw(step):
        z = (draw_latent(step, (batch_size, latent_dim), seed, use, latent) for use in (0, 1))
        return batch_index(step, size, batch_size, seed), *z

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
    key = tf.stack([tf.cast(seed, tf.int32), tf.cast(stream, tf.int32)])
    # One named algorithm: "auto_select" would draw other numbers on a GPU.
    key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int32), alg="philox")
    if kind == "uniform":
        return tf.random.stateless_uniform(shape, key, -1.0, 1.0, alg="philox")
    return tf.random.stateless_normal(shape, key, alg="philox")


def to_unit_range(images):
    """Scale uint8 pixels 0..255 to float32 in [-1, 1], the range of tanh."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_pixels(images) -> np.ndarray:
    """Scale [-1, 1] back to uint8 pixels 0..255, rounding; values outside are clipped."""
    return np.clip(np.rint((np.asarray(images, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
