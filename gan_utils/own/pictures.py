"""A folder or a zip file of your own images becomes a data set.

Each file is read, turned upright, cropped to a square and made small. What cannot be used is listed
with the reason; one bad file among a thousand does not end the import. Look at ``contact_sheet``
before training: a GAN learns whatever is there, watermarks and empty pages too.
"""

import contextlib
import warnings
import zipfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import scipy.stats
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from gan_utils import metrics, networks, plots, recipes, runtime
from gan_utils.own import reading

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
    #: how many of the n had an ICC profile of other colours than sRGB and were converted
    converted: int = 0

    @property
    def note(self) -> str:
        """How many images of what kind, what was left out and what was done, in a line."""
        n, size, channels = len(self.images), self.images.shape[1], self.images.shape[3]
        kind = f"{size} px, {'grey' if channels == 1 else 'in colour'}"
        left_out = f"; {len(self.skipped):,} skipped: {_listed(self.skipped)}" * bool(self.skipped)
        copies = n - len(_first_rows(self.images))
        twins = f"; {copies:,} exactly like another" * bool(copies)
        turned = f"; {self.converted:,} converted to sRGB" * bool(self.converted)
        return f"{n:,} image{'s' * (n != 1)} from {self.name}, {kind}{left_out}{twins}{turned}."


def load_images(path: str | Path, size: int = 32, channels: int = 3) -> OwnImages:
    """Read all images in a folder and the folders in it, or in a zip file, in order of their names.

    Hidden files (``.name``, ``__MACOSX``) do not count. Links to folders are not followed, so that
    no circle of links is endless. A zip file is read in memory and nothing of it is unpacked to
    the disk. A single image can be loaded; to train, there must be at least one batch of them, and
    a GAN wants hundreds, better thousands (see ``gan_utils.augment`` if there are few).

    What becomes of an image, ``small_square`` says. HEIC, the format of many phones, is read if
    pillow-heif is installed. Images of more pixels than ``PIL.Image.MAX_IMAGE_PIXELS`` are left
    out; of a JPEG, which is decoded to a fraction, that fraction counts, unless it is progressive.

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
    files, skipped, converted = [], [], 0
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            found = reading.in_folder(path, skipped)
        else:
            found = reading.in_zip(stack.enter_context(reading.open_zip(path)))
        images = np.empty((len(found), size, size, channels), np.uint8)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # they would not say of which file
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        found.sort(key=lambda item: item[0])
        for name, source in runtime.progress(found, "Reading") if len(found) > 300 else found:
            try:
                picture = reading.decode(source, size)
                images[len(files)] = small_square(picture, size, channels)
                files.append(name)
                converted += reading.conversion(picture) is not None
            except Exception as error:  # a broken file can raise nearly anything in a decoder
                skipped.append((name, reading.reason(error)))
    if not files:
        told = f"it left out {_listed(skipped)}" if skipped else "it is empty"
        raise ValueError(
            f"{path} has no image to train on: {told}. Formats that can be read are "
            f"{', '.join(reading.formats())}."
        )
    name = reading.shown(path.resolve().name)
    return OwnImages(name, images[: len(files)], files, sorted(skipped), converted)


def small_square(picture: Image.Image, size: int, channels: int) -> np.ndarray:
    """Turn a picture upright, lay it on white, cut out its middle and make that small.

    A photograph is turned as its EXIF data says. Transparent pixels become white, the paper that
    such pictures are made for: their own colour, often black, was never meant to be seen, and is
    covered before the resizing could mix it into the edges. The resizing averages (Lanczos), so
    that fine patterns do not turn into false ones. Colours of an ICC profile become those of sRGB;
    a profile that is invalid, or of another mode than the picture, is ignored.

    Of 16 bits of grey, scientific files often use fewer. ``picture.info["bits"]`` says how many;
    without it, it is the smallest of 8, 10, 12, 14 and 16 that holds the largest value, so that a
    picture is never clipped, and not brightened if it needs all 16. White is then 2 ** bits - 1.
    ``load_images`` learns the bits from a PNG's sBIT, from a TIFF's BitsPerSample or
    MaxSampleValue, and from formats that state their white; and it does the same with 16 bits of
    colour, of which Pillow hands on 8.

    Args:
        picture: of any size and mode. Of an animation, the frame it is at.
        size: side of the result in pixels.
        channels: 1 or 3.

    Returns:
        uint8 (size, size, channels).

    Raises:
        ValueError: 32 bits a pixel, as floats, or with values below 0 or above 65535.
    """
    picture = ImageOps.exif_transpose(picture)
    convert = reading.conversion(picture)
    if picture.mode[0] in "IF":  # more than 8 bits: Pillow would clip at 255
        values = np.asarray(picture)
        if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise reading.Unusable("32 bits a pixel: what is white? Save it with 8 or 16")
        picture = Image.fromarray(reading.eight_bits(values, picture.info.get("bits")))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    mode = convert.input_mode if convert else "RGB"
    picture = ImageOps.fit(picture.convert(mode), (size, size), Image.Resampling.LANCZOS)
    picture = convert.apply(picture) if convert else picture
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
    np.savez_compressed(file, skipped=skipped, converted=loaded.converted, **parts)


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
            converted = int(file["converted"]) if "converted" in file else 0  # of older runs
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}, the images that this run began with, cannot be read ({error}). Start in "
            "another folder."
        ) from None
    skipped = [tuple(pair) for pair in skipped.tolist()]
    return OwnImages(str(name), images, files.tolist(), skipped, converted)


def compare(made: np.ndarray, train: np.ndarray) -> tuple[dict[str, float], Image.Image]:
    """Say how near generated images come to the training images: does the generator copy?

    Args:
        made, train: uint8 (m, height, width, channels) and (n, height, width, channels). Of
            training images that are exactly alike, one counts: the others would say that training
            images lie near each other, and hide copies. Twins that differ, saved once more as a
            JPEG, say, do so still.

    Returns:
        ``to_nearest``, the median distance of a generated image to its nearest training image;
        ``among_real``, that of a training image to its nearest other one; ``nearer``, the chance
        that the first is the smaller, of one drawn at random from each (Mann-Whitney; 0.5 if there
        is nothing to see, far more if images are copied, less if they are unlike all of them).
        The last two are NaN if all training images are alike.
        And a picture: the eight generated images that come nearest, below them what they are near.
    """
    train = train[_first_rows(train)]
    to_nearest, row = metrics.nearest(train, made)
    among_real = metrics.nearest(train)[0] if len(train) > 1 else np.array([np.nan])
    u = scipy.stats.mannwhitneyu(to_nearest, among_real).statistic
    scores = {
        "to_nearest": float(np.median(to_nearest)),
        "among_real": float(np.median(among_real)),
        "nearer": float(1 - u / len(to_nearest) / len(among_real)),
    }
    closest = to_nearest.argsort()[:8]
    pairs = np.concatenate([made[closest], train[row[closest]]])
    return scores, Image.fromarray(plots.tile(pairs, len(closest)).squeeze())


def changes(path: str | Path, loaded: OwnImages, since: float) -> str:
    """Say in a few words what a folder or zip file holds otherwise than when it was read.

    Names are compared, and when files were written; nothing is decoded.

    Args:
        path: of the folder or the zip file that ``loaded`` came from.
        loaded: what was read.
        since: when, in seconds since 1970.

    Returns:
        Such as ``"2 new, 1 gone, 3 written later"``; empty if nothing is seen, or ``path`` is gone.
    """
    path, then = Path(path).expanduser(), {*loaded.files, *(name for name, _ in loaded.skipped)}
    try:
        if path.is_dir():
            skipped = []
            now = {name: source.args[0] for name, source in reading.in_folder(path, skipped)}
            now |= dict.fromkeys((name for name, _ in skipped), None)
        else:
            with reading.open_zip(path) as archive:
                now = {name: path for name, _ in reading.in_zip(archive)}
        later = {n for n in then & now.keys() if now[n] and reading.written(now[n]) > since}
    except (OSError, ValueError):
        return ""
    if path.is_file() and now.keys() != then:
        later = set()  # of a zip file that was packed anew, the new names say all there is to say
    counts = len(now.keys() - then), len(then - now.keys()), len(later)
    words = "new", "gone", "written later"
    told = [f"{n:,} {word}" for n, word in zip(counts, words, strict=True) if n]
    return ", ".join(told)


# --- from a path to pictures ------------------------------------------------------------------


def _first_rows(images: np.ndarray) -> list[int]:
    """Return the row of each image that is not exactly like one before it."""
    rows = {}
    for row, image in enumerate(images):
        rows.setdefault(image.tobytes(), row)
    return list(rows.values())


def _listed(skipped: list[tuple[str, str]]) -> str:
    more = f" and {len(skipped) - 3:,} more" * (len(skipped) > 3)
    return ", ".join(f"{name} ({reason})" for name, reason in sorted(skipped)[:3]) + more
