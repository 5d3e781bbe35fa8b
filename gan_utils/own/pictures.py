"""A folder or a zip file of your own images becomes a data set.

Each file is read, turned upright, cropped to a square and made small. What cannot be used is listed
with the reason; one bad file among a thousand does not end the import. Look at ``contact_sheet``
before training: a GAN learns whatever is there, watermarks and empty pages too.
"""

import contextlib
import functools
import io
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import BinaryIO, NamedTuple

import numpy as np
import scipy.stats
from matplotlib.figure import Figure
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, UnidentifiedImageError

from gan_utils import metrics, networks, plots, recipes, runtime

#: Formats that are read, as far as this Pillow can, HEIF with pillow-heif; not EPS, for which
#: Pillow starts another program.
FORMATS = tuple("AVIF BMP GIF HEIF ICO JPEG JPEG2000 PNG PPM TIFF WEBP".split())
#: How a file of a phone's photographs says that it is one, after its length and "ftyp".
HEIC = tuple(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())
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


class _Unusable(ValueError):
    """A file that is left out; the message is the reason."""


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
                picture = _decode(source, size)
                images[len(files)] = small_square(picture, size, channels)
                files.append(name)
                converted += _conversion(picture) is not None
            except Exception as error:  # a broken file can raise nearly anything in a decoder
                skipped.append((name, _reason(error)))
    if not files:
        told = f"it left out {_listed(skipped)}" if skipped else "it is empty"
        raise ValueError(
            f"{path} has no image to train on: {told}. Formats that can be read are "
            f"{', '.join(_formats())}."
        )
    name = _shown(path.resolve().name)
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
        ValueError: 32 bits a pixel, with values below 0, above 65535 or not whole.
    """
    picture = ImageOps.exif_transpose(picture)
    convert = _conversion(picture)
    if picture.mode[0] in "IF":  # more than 8 bits: Pillow would clip at 255
        values = np.asarray(picture)
        if picture.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise _Unusable("32 bits a pixel: what is white? Save it with 8 or 16")
        picture = Image.fromarray(_eight_bits(values, picture.info.get("bits")))
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
            now = {name: source.args[0] for name, source in _in_folder(path, skipped)}
            now |= dict.fromkeys((name for name, _ in skipped), None)
        else:
            with _open_zip(path) as archive:
                now = {name: path for name, _ in _in_zip(archive)}
        later = {n for n in then & now.keys() if now[n] and _written(now[n]) > since}
    except (OSError, ValueError):
        return ""
    if path.is_file() and now.keys() != then:
        later = set()  # of a zip file that was packed anew, the new names say all there is to say
    counts = len(now.keys() - then), len(then - now.keys()), len(later)
    words = "new", "gone", "written later"
    told = [f"{n:,} {word}" for n, word in zip(counts, words, strict=True) if n]
    return ", ".join(told)


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


def _written(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0


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
    if content.startswith(b"\xff\xd8\xff"):
        return _decode_jpeg(content, size)
    if content[4:8] == b"ftyp" and content[8:12] in HEIC and "HEIF" not in _formats():
        raise _Unusable("HEIC: `pip install pillow-heif`, and it is read")
    picture = Image.open(io.BytesIO(content), formats=_formats())
    picture.load()
    if picture.mode[0] == "I":
        picture.info["bits"] = _stated_bits(picture, content, np.asarray(picture))
    if picture.format in ("PNG", "TIFF") and picture.mode in ("RGB", "RGBA"):
        _mend_deep_colours(picture, content)
    return picture


def _decode_jpeg(content: bytes, size: int) -> Image.Image:
    """Decode no more pixels than of use: a big camera's picture counts with what is left of it."""
    file = io.BytesIO(content)
    picture = JpegImagePlugin.JpegImageFile(file)  # Image.open looks at the size before draft
    whole, scan = picture.width * picture.height, 4 + 2 * picture.layers
    picture.draft(None, (3 * size, 3 * size))
    # If its channels or details come one after the other, all of it has to be kept in memory. And
    # no camera gets 200 pixels into a byte.
    one_scan = content[file.tell() - scan - 4 :][:2] == b"\xff\xda"
    at_once = one_scan and "progressive" not in picture.info and whole < 200 * len(content)
    if (picture.width * picture.height if at_once else whole) > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError
    picture.load()
    return picture


def _stated_bits(picture: Image.Image, content: bytes, values: np.ndarray) -> int | None:
    """Return how many of 16 bits the values have, if the file says so."""
    if picture.format == "PNG":
        head = content[: content.find(b"IDAT")]
        found = re.search(rb"\0\0\0([\1-\4])sBIT(.{4})", head, re.DOTALL)
        colours = found and found[2][: 3 if found[1][0] > 2 else 1]
        bits = max(colours) if colours else None
        return 16 if bits and _is_spread(values, bits) else bits
    if picture.format == "TIFF":
        bits = max(picture.tag_v2.get(258, (16,)))
        largest = np.max(picture.tag_v2.get(281, 0))
        return int(largest).bit_length() or (bits if bits < 16 else None)
    return 16  # Pillow spreads what it finds in other formats


def _mend_deep_colours(picture: Image.Image, content: bytes) -> None:
    """Scale colours of 16 bits that use fewer; of each value, Pillow keeps the upper half alone."""
    again = Image.open(io.BytesIO(content), formats=[picture.format])
    texts = [tile.args if isinstance(tile.args, str) else tile.args[0] for tile in again.tile]
    if not texts or not all(";16" in text for text in texts):
        return
    upper = np.asarray(picture)
    if upper[..., :3].max() >= 64:  # 15 bits and more are used
        return
    if not all(text[:-1] in ("RGB;16", "RGBA;16") for text in texts):
        raise _Unusable("few of its 16 bits are used, and not as Pillow reads them. Save it with 8")
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    for number, (tile, text) in enumerate(zip(again.tile, texts, strict=True)):
        swapped = text[:-1] + other[text[-1]]
        args = swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:])
        again.tile[number] = tile._replace(args=args)
    values = upper.astype(np.uint16) * 256 + np.asarray(again)
    colours = values[..., :3]
    parts = [_eight_bits(colours, _stated_bits(picture, content, colours))]
    if picture.mode == "RGBA":
        parts.append(_eight_bits(values[..., 3:], None))
    picture.paste(Image.fromarray(np.concatenate(parts, axis=-1)))


def _eight_bits(values: np.ndarray, bits: int | None) -> np.ndarray:
    """Scale whole numbers of 0..65535 to 0..255; ``bits`` are those that the file states."""
    needed = int(values.max()).bit_length()
    bits = max(bits, needed) if bits else next(b for b in (8, 10, 12, 14, 16) if b >= needed)
    white = 2**bits - 1
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def _is_spread(values: np.ndarray, bits: int) -> bool:
    """Say if values have been moved to the upper ``bits`` of 16, as PNG asks of those with sBIT."""
    gap = 16 - bits
    upper = values >> gap << gap
    return bits >= 8 and bool(((values == upper) | (values == upper | upper >> bits)).all())


def _conversion(picture: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Return what turns a picture into sRGB, None if it is in sRGB or has no valid profile."""
    grey = picture.mode in ("1", "L", "LA") or picture.mode[0] == "I"
    mode = "L" if grey else picture.mode if picture.mode in ("CMYK", "LAB") else "RGB"
    profile = picture.info.get("icc_profile")
    return _to_srgb(profile, mode) if profile else None


@functools.lru_cache(8)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        given, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        convert = ImageCms.buildTransform(given, srgb, mode, "RGB")
    except (OSError, ImageCms.PyCMSError):  # invalid, or of another mode than the picture
        return None
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    colours = Image.fromarray(colours).convert(mode)
    before, after = (np.int32(x) for x in (colours.convert("RGB"), convert.apply(colours)))
    return convert if abs(after - before).max() > 2 else None


def _first_rows(images: np.ndarray) -> list[int]:
    """Return the row of each image that is not exactly like one before it."""
    rows = {}
    for row, image in enumerate(images):
        rows.setdefault(image.tobytes(), row)
    return list(rows.values())


def _formats() -> list[str]:
    Image.init()
    _register_heif()
    return [name for name in FORMATS if name in Image.OPEN]


@functools.cache
def _register_heif() -> None:
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


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
