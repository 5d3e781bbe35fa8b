"""Reading the files of data sets strictly, and writing files whole or not at all.

Formats and lengths are checked, and hashes where one is known; a copy of CIFAR-10 has none.
"""

import gzip
import hashlib
import math
import os
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np

# The SHA-256 covers the *unzipped* content: the same images are published under several gzip
# wrappings.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# This SHA-256 covers the archive as it is published.
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_FILE = "cifar-10-binary.tar.gz"
CIFAR10_COPY = "copy.txt"  # a member that only copies have: what was copied
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


def read_cifar10(path: Path, published: str | None = None) -> tuple[tuple[np.ndarray, ...], str]:
    """Return (images, labels, test images, test labels) and what they are, strictly.

    The format is on Alex Krizhevsky's CIFAR page: a record is the label and 1,024 red, 1,024 green
    and 1,024 blue values, row by row.

    Args:
        path: the archive. Nothing of it is written to the disk.
        published: SHA-256 that the archive must have, unless it says that it is a copy, as those of
            ``tools/convert_cifar10.py`` do.

    Raises:
        ValueError: the archive is another one, is cut short, or holds other than 6 x 10,000 records
            with labels from 0 to 9. The message names the file.
    """
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    with open(path, "rb") as file:
        other = published and hashlib.file_digest(file, "sha256").hexdigest() != published
    held, sizes, size = {}, {}, CIFAR10_BATCH * 3073
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                folder, _, name = member.name.partition("/")
                if member.isfile() and folder == "cifar-10-batches-bin":
                    sizes[name] = member.size
                    if (name in names and member.size == size) or name == CIFAR10_COPY:
                        held[name] = archive.extractfile(member).read(size)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path} is not a complete .tar.gz file ({error}). It may be cut short, or a web page "
            "saved under this name. Delete it and fetch it again."
        ) from None
    if other and CIFAR10_COPY not in held:
        raise ValueError(
            f"{path} is not the published archive: its SHA-256 is not {published}, and it does not "
            "say that it is a copy. Delete it and fetch it again."
        )
    if wrong := [name for name in names if sizes.get(name) != size]:
        raise ValueError(
            f"{path} holds {sizes.get(wrong[0], 0):,} bytes of {wrong[0]}, expected "
            f"{CIFAR10_BATCH:,} records of 3,073 bytes."
        )
    content = b"".join(held[name] for name in names)
    records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
    labels, train = records[:, 0].copy(), 5 * CIFAR10_BATCH
    if labels.max() > 9:
        raise ValueError(f"{path} holds the label {labels.max()}; labels go from 0 to 9.")
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    images = np.ascontiguousarray(pixels)
    what = "as published"
    if CIFAR10_COPY in held:  # another copy would give other numbers
        sha256 = hashlib.sha256(content).hexdigest()
        what = f"{held[CIFAR10_COPY].decode()} (SHA-256 of its content {sha256[:16]}…)"
    return (images[:train], labels[:train], images[train:], labels[train:]), what


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


def weights(name: str) -> Path:
    """Return the path of weights that ship with the package."""
    return Path(__file__).parent / "weights" / name


def text(name: str) -> str:
    """Return the text of a script or a style sheet of the package, such as ``film.js``."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def save_half(model, file) -> None:
    """Write a model's weights as float16, half the size of Keras's file, into an ``.npz``.

    Args:
        model: Keras model.
        file: path or binary file.

    Raises:
        ValueError: a weight is not finite or too large for a float16.
    """
    with np.errstate(over="ignore"):
        halves = [np.asarray(weights, np.float16) for weights in model.get_weights()]
    if not all(np.isfinite(half).all() for half in halves):
        raise ValueError("A weight is not finite, or above 65,504, the largest float16.")
    np.savez(file, **{str(number): half for number, half in enumerate(halves)})


def load_half(model, file) -> None:
    """Read into a model what ``save_half`` wrote; the weights become float32 again.

    Raises:
        ValueError: the file holds another number of weights, or other shapes.
    """
    with np.load(file, allow_pickle=False) as held:
        weights = [held[str(number)].astype(np.float32) for number in range(len(held.files))]
    model.set_weights(weights)
