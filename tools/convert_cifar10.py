"""Turn a JPEG copy of CIFAR-10 into the archive that the book reads, marked as a copy.

    python -m tools.convert_cifar10                  # $GAN_UTILS_DATA/cifar10/cifar10_jpeg.zip
    python -m tools.convert_cifar10 some/copy.zip

The copy is a zip file of ``train/<class>/0000.jpg`` to ``test/<class>/0999.jpg``. The archive goes
into the user's cache, unless one is there. JPEG loses detail, so that results differ a little from
those on the published images: the data set's note says which they are.
"""

import argparse
import gzip
import io
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from gan_utils import fetch, files


def read(path: Path) -> np.ndarray:
    """Return the records of a copy, uint8 (60,000, 3,073): label, red, green, blue.

    They go through the ten classes in turn, so that the first records hold all of them.
    """
    numbers = {"train": files.CIFAR10_BATCH // 2, "test": files.CIFAR10_BATCH // 10}  # of a class
    places = [(part, i) for part, count in numbers.items() for i in range(count)]
    names = [f"{part}/{label}/{i:04d}.jpg" for part, i in places for label in files.CIFAR10_CLASSES]
    records = np.empty((len(names), 3073), np.uint8)
    records[:, 0] = np.arange(len(names)) % 10
    name = "the list of its files"
    try:
        with zipfile.ZipFile(path) as archive:
            if missing := sorted(set(names) - set(archive.namelist())):
                raise ValueError(
                    f"{path} lacks {len(missing):,} of {len(names):,} images, such as {missing[0]}."
                )
            for i, name in enumerate(tqdm(names, "Decoding CIFAR-10", disable=None)):
                with Image.open(io.BytesIO(archive.read(name)), formats=["JPEG"]) as picture:
                    if picture.mode != "RGB" or picture.size != (32, 32):
                        raise OSError(f"it is {picture.mode} {picture.size}, not RGB (32, 32)")
                    records[i, 1:] = np.asarray(picture).transpose(2, 0, 1).ravel()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{path} is broken: {name} cannot be read ({error}).") from None
    return records


def write(path: Path, records: np.ndarray) -> None:
    """Write records as an archive in the published format that says that it is a copy."""
    batches = [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]
    parts = [part.tobytes() for part in np.split(records, len(batches))]
    contents = {files.CIFAR10_COPY: b"a JPEG copy, lossy"} | dict(zip(batches, parts, strict=True))

    def write_archive(file):
        with (
            gzip.GzipFile("", "wb", 1, file, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w") as archive,
        ):
            for name, content in contents.items():
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))

    files.write_atomically(path, write_archive)


def main(arguments: list[str] | None = None) -> None:
    """Convert the copy that is named, or that the data folder holds, if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("copy", nargs="?", type=Path, help="zip file of JPEG images")
    given = parser.parse_args(arguments).copy
    own = Path(os.environ.get("GAN_UTILS_DATA") or "nowhere", "cifar10")
    target = fetch.cache_folder() / "cifar10" / files.CIFAR10_FILE
    there = [path for path in (own / files.CIFAR10_FILE, target) if path.is_file()]
    source = given or own / "cifar10_jpeg.zip"
    if there and given:
        parser.error(f"{there[0]} is there already. Delete it first.")
    if given and not given.is_file():
        parser.error(f"there is no file {given}")
    if not there and source.is_file():
        write(target, read(source))
        print(f"{source} is converted: {target}")


if __name__ == "__main__":
    main()
