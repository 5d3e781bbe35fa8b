"""A folder or a zip file of your own images becomes a data set.

Each file is read, turned upright, cropped to a square and made small. What cannot be used is listed
with the reason; one bad file among a thousand does not end the import. Look at ``contact_sheet``
before training: a GAN learns whatever is there, watermarks and empty pages too.
"""

import contextlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import BinaryIO, NamedTuple

import numpy as np
import scipy.stats
from matplotlib.figure import Figure
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_utils import metrics, networks, plots, recipes, runtime

#: Formats that are read, as far as this Pillow can; not EPS, for which it starts another program.
FORMATS = tuple("AVIF BMP GIF HEIF ICO JPEG JPEG2000 PNG PPM TIFF WEBP".split())
MAX_BYTES = 200 * 2**20  # of a file: some kilobytes of a zip file can unpack to gigabytes
# fmt: off
#: The recipe for own images; size and channels are set to those of the images.
RECIPES = {
    "own-images": {
        "about": "the book's DCGAN on a folder or zip file of your own images, augmented",
        "source": "this book", "data": "own", "epochs": 100, "batch_size": 64,
        "generator": [networks.dcgan_generator,
                      {"latent_dim": 64, "size": 32, "channels": 3, "width": 32}],
        "discriminator": [networks.dcgan_discriminator,
                          {"size": 32, "channels": 3, "width": 32, "batch_norm": False}],
        "augment": {},
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 1.0, "r1_every": 4,
        "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5,
                        "use_ema": True, "ema_momentum": 0.998},
        "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
        "unstated": [],
    },
}
# fmt: on


def recipe(**changes) -> dict:
    """Return a copy of the recipe for own images; see ``recipes.get``."""
    return recipes.changed("own-images", RECIPES["own-images"], changes)


class OwnImages(NamedTuple):
    """Images that a reader brought along."""

    #: of the folder or the zip file
    name: str
    #: uint8 (n, size, size, channels), to train on
    images: np.ndarray
    #: the n files that they come from, in the same order; a folder's name stands before a ``/``
    files: list[str]
    #: the files that were left out, each with the reason
    skipped: list[tuple[str, str]]

    @property
    def note(self) -> str:
        """How many images of what kind, and what was left out, in a line."""
        n, size, channels = len(self.images), self.images.shape[1], self.images.shape[3]
        kind = f"{size} px, {'grey' if channels == 1 else 'in colour'}"
        left_out = f"; {len(self.skipped):,} skipped: {_listed(self.skipped)}" * bool(self.skipped)
        return f"{n:,} image{'s' * (n != 1)} from {self.name}, {kind}{left_out}."


class _Unusable(Exception):
    """A file that is left out; the message is the reason."""


def load_images(path: str | Path, size: int = 32, channels: int = 3) -> OwnImages:
    """Read all images in a folder and the folders in it, or in a zip file, in order of their names.

    Hidden files (``.name``, ``__MACOSX``) do not count. Links to folders are not followed, so that
    no circle of links is endless. A zip file is read in memory and nothing of it is unpacked to
    the disk. A single image can be loaded; to train, there must be at least one batch of them, and
    a GAN wants hundreds, better thousands (see ``gan_utils.augment`` if there are few).

    Args:
        path: of the folder or the zip file.
        size: side of the square in pixels, 28, 32 or 64.
        channels: 1 for grey or 3 for colour.

    Raises:
        ValueError: another size or number of channels; a file that is not a zip file; nothing in
            it can be used. The message names what is at fault.
        FileNotFoundError: there is nothing at ``path``.
    """
    if size not in (28, 32, 64) or channels not in (1, 3):
        raise ValueError(
            f"size is {size} and channels is {channels}; size must be 28, 32 or 64, and channels "
            "1 (grey) or 3 (colour)."
        )
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"There is no {path}. Give the folder or the zip file that holds your images; a path "
            "without / at its start is looked for in the current folder."
        )
    files, skipped = [], []
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            found = _in_folder(path, skipped)
        else:
            found = _in_zip(stack.enter_context(_open_zip(path)))
        images = np.empty((len(found), size, size, channels), np.uint8)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # they would not say of which file
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        found.sort(key=lambda item: item[0])
        for name, source in runtime.progress(found, "Reading") if len(found) > 300 else found:
            try:
                images[len(files)] = small_square(_decode(source, size), size, channels)
                files.append(name)
            except Exception as error:  # a broken file can raise nearly anything in a decoder
                skipped.append((name, _reason(error)))
    if not files:
        told = f"it left out {_listed(skipped)}" if skipped else "it is empty"
        raise ValueError(
            f"{path} has no image to train on: {told}. Formats that can be read are "
            f"{', '.join(_formats())}."
        )
    return OwnImages(_shown(path.resolve().name), images[: len(files)], files, sorted(skipped))


def small_square(picture: Image.Image, size: int, channels: int) -> np.ndarray:
    """Turn a picture upright, lay it on white, cut out its middle and make that small.

    A photograph is turned as its EXIF data says. Transparent pixels become white, the paper that
    such pictures are made for: their own colour, often black, was never meant to be seen, and is
    covered before the resizing could mix it into the edges. 16 bits become 8 by division by 257,
    from 0..65535 to 0..255. The resizing averages (Lanczos), so that fine patterns do not turn
    into false ones.

    Args:
        picture: of any size and mode. Of an animation, the frame it is at.
        size: side of the result in pixels.
        channels: 1 or 3.

    Returns:
        uint8 (size, size, channels).
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode[0] in "IF":  # more than 8 bits: Pillow would clip at 255
        picture = _eight_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return np.array(picture.convert("RGB" if channels == 3 else "L")).reshape(size, size, channels)


def contact_sheet(loaded: OwnImages, columns: int = 8, most: int = 64) -> Figure:
    """Show images of the whole data set, evenly chosen, to check them before training.

    The number before a row is that of its first image, which comes from ``loaded.files[number]``.

    Args:
        columns: images in a row.
        most: images in all.
    """
    chosen = np.unique(np.linspace(0, len(loaded.images) - 1, most).astype(int))
    numbers = [str(number) for number in chosen[::columns]]
    return plots.image_grid(loaded.images[chosen], min(columns, len(chosen)), numbers)


def save(loaded: OwnImages, file: BinaryIO | Path) -> None:
    """Write images to an ``.npz`` file, so that training can go on without the folder."""
    skipped = np.array(loaded.skipped, np.str_).reshape(-1, 2)
    parts = {"name": loaded.name, "images": loaded.images, "files": loaded.files}
    np.savez_compressed(file, skipped=skipped, **parts)


def load(path: Path) -> OwnImages:
    """Read what ``save`` wrote.

    Raises:
        ValueError: it is missing, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            name, images, files, skipped = (
                file[k] for k in ("name", "images", "files", "skipped")
            )  # which checks each CRC
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}, the images that this run began with, cannot be read ({error}). Start in "
            "another folder."
        ) from None
    return OwnImages(str(name), images, files.tolist(), [tuple(pair) for pair in skipped.tolist()])


def compare(made: np.ndarray, train: np.ndarray) -> tuple[dict[str, float], Image.Image]:
    """Say how near generated images come to the training images: does the generator copy?

    Args:
        made, train: uint8 (m, height, width, channels) and (n, height, width, channels).

    Returns:
        ``to_nearest``, the median distance of a generated image to its nearest training image;
        ``among_real``, that of a training image to its nearest other one; ``nearer``, the chance
        that the first is the smaller, of one drawn at random from each (Mann-Whitney; 0.5 if there
        is nothing to see, far more if images are copied, less if they are unlike all of them).
        And a picture: the eight generated images that come nearest, below them what they are near.
    """
    (to_nearest, row), among_real = metrics.nearest(train, made), metrics.nearest(train)[0]
    u = scipy.stats.mannwhitneyu(to_nearest, among_real).statistic
    scores = {
        "to_nearest": float(np.median(to_nearest)),
        "among_real": float(np.median(among_real)),
        "nearer": float(1 - u / len(to_nearest) / len(among_real)),
    }
    closest = to_nearest.argsort()[:8]
    pairs = np.concatenate([made[closest], train[row[closest]]])
    return scores, Image.fromarray(plots.tile(pairs, len(closest)).squeeze())


# --- from a path to pictures ------------------------------------------------------------------


def _in_folder(folder: Path, skipped: list) -> list[tuple[str, Callable[[], BinaryIO]]]:
    """List the files below ``folder`` with a function that opens each."""

    def name_of(path):
        return _shown(Path(path).relative_to(folder).as_posix())

    def unreadable(error):
        skipped.append((name_of(error.filename), _reason(error)))

    found = []
    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not _hidden([name])]
        links = [path for name in folders if os.path.islink(path := Path(place, name))]
        skipped += [(name_of(path), "a link to a folder") for path in links]
        paths = [Path(place, name) for name in names if not _hidden([name])]
        found += [(name_of(path), partial(_open_file, path)) for path in paths]
    return found


def _in_zip(archive: zipfile.ZipFile) -> list[tuple[str, Callable[[], BinaryIO]]]:
    return [
        (_shown(entry.filename), partial(_open_entry, archive, entry))
        for entry in archive.infolist()
        if not entry.is_dir() and not _hidden(PureWindowsPath(entry.filename).parts)
    ]


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is neither a folder nor a complete zip file ({error}). Put your images into "
            "one, also if there is only one."
        ) from None


def _open_file(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise _Unusable("not an ordinary file")
    return path.open("rb")


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    place = PureWindowsPath(entry.filename)  # which knows both slashes, and drives
    if place.anchor or ".." in place.parts:
        raise _Unusable("its path leads out of the zip file")
    if entry.flag_bits & 1:
        raise _Unusable("it has a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Unusable("packed in another way than usual")  # no bound while it is unpacked
    return archive.open(entry)


def _decode(source: Callable[[], BinaryIO], size: int) -> Image.Image:
    with source() as file:
        content = file.read(MAX_BYTES + 1)
    if not content:
        raise _Unusable("empty")
    if len(content) > MAX_BYTES:
        raise _Unusable(f"larger than {MAX_BYTES // 2**20} MB")
    picture = Image.open(io.BytesIO(content), formats=_formats())
    picture.draft(None, (3 * size, 3 * size))  # of a JPEG, decode no more pixels than of use
    picture.load()
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise _Unusable("32 bits a pixel: what is white? Save it with 8 or 16")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _reason(error: Exception) -> str:
    if isinstance(error, _Unusable):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return _shown(f"damaged: {str(error) or type(error).__name__}")


def _hidden(parts) -> bool:
    return any(p == "__MACOSX" or p.startswith(".") and p != ".." for p in parts)


def _shown(text: str) -> str:
    """Return a name as it can be printed: it may hold bytes of no letter, or a line's end."""
    return text if text.isprintable() else ascii(text)


def _listed(skipped: list[tuple[str, str]]) -> str:
    more = f" and {len(skipped) - 3:,} more" * (len(skipped) > 3)
    return ", ".join(f"{name} ({reason})" for name, reason in sorted(skipped)[:3]) + more
