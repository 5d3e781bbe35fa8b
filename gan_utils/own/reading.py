"""Image files of any origin: found, opened, decoded, or refused with the reason."""

import contextlib
import functools
import io
import os
import re
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

#: Formats that are read, as far as this Pillow can, HEIF with pillow-heif; not EPS, for which
#: Pillow starts another program.
FORMATS = tuple("AVIF BMP GIF HEIF ICO JPEG JPEG2000 PNG PPM TIFF WEBP".split())
#: How a file of a phone's photographs says that it is one, after its length and "ftyp".
HEIC = tuple(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())
MAX_BYTES = 200 * 2**20  # of a file: some kilobytes of a zip file can unpack to gigabytes


class Unusable(ValueError):
    """A file that is left out; the message is the reason."""


def in_folder(folder: Path, skipped: list) -> list[tuple[str, Callable[[], BinaryIO]]]:
    """List the files below ``folder`` with a function that opens each."""

    def name_of(path):
        return shown(Path(path).relative_to(folder).as_posix())

    def unreadable(error):
        skipped.append((name_of(error.filename), reason(error)))

    found = []
    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not _hidden([name])]
        links = [path for name in folders if os.path.islink(path := Path(place, name))]
        skipped += [(name_of(path), "a link to a folder") for path in links]
        paths = [Path(place, name) for name in names if not _hidden([name])]
        found += [(name_of(path), partial(_open_file, path)) for path in paths]
    return found


def in_zip(archive: zipfile.ZipFile) -> list[tuple[str, Callable[[], BinaryIO]]]:
    """List the files of a zip file, as ``in_folder`` does."""
    return [
        (shown(entry.filename), partial(_open_entry, archive, entry))
        for entry in archive.infolist()
        if not entry.is_dir() and not _hidden(PureWindowsPath(entry.filename).parts)
    ]


def written(path: Path) -> float:
    """Return when a file was written, 0 if it is gone."""
    return path.stat().st_mtime if path.exists() else 0


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file; raise ValueError if it is none."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is neither a folder nor a complete zip file ({error}). Put your images into "
            "one, also if there is only one."
        ) from None


def _open_file(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():  # to open a pipe would wait for ever
        raise Unusable("not an ordinary file")
    return path.open("rb")


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    place = PureWindowsPath(entry.filename)  # which knows both slashes, and drives
    if place.anchor or ".." in place.parts:
        raise Unusable("its path leads out of the zip file")
    if entry.flag_bits & 1:
        raise Unusable("it has a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unusable("packed in another way than usual")  # no bound while it is unpacked
    return archive.open(entry)


def decode(source: Callable[[], BinaryIO], size: int) -> Image.Image:
    """Open and decode one image file, or raise ``Unusable``."""
    with source() as file:
        content = file.read(MAX_BYTES + 1)
    if not content:
        raise Unusable("empty")
    if len(content) > MAX_BYTES:
        raise Unusable(f"larger than {MAX_BYTES // 2**20} MB")
    if content.startswith(b"\xff\xd8\xff"):
        return _decode_jpeg(content, size)
    if content[4:8] == b"ftyp" and content[8:12] in HEIC and "HEIF" not in formats():
        raise Unusable("HEIC: `pip install pillow-heif`, and it is read")
    picture = Image.open(io.BytesIO(content), formats=formats())
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
        raise Unusable("few of its 16 bits are used, and not as Pillow reads them. Save it with 8")
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    for number, (tile, text) in enumerate(zip(again.tile, texts, strict=True)):
        swapped = text[:-1] + other[text[-1]]
        args = swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:])
        again.tile[number] = tile._replace(args=args)
    values = upper.astype(np.uint16) * 256 + np.asarray(again)
    colours = values[..., :3]
    parts = [eight_bits(colours, _stated_bits(picture, content, colours))]
    if picture.mode == "RGBA":
        parts.append(eight_bits(values[..., 3:], None))
    picture.paste(Image.fromarray(np.concatenate(parts, axis=-1)))


def eight_bits(values: np.ndarray, bits: int | None) -> np.ndarray:
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


def conversion(picture: Image.Image) -> ImageCms.ImageCmsTransform | None:
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


def formats() -> list[str]:
    """Return the formats that can be read here."""
    Image.init()
    _register_heif()
    return [name for name in FORMATS if name in Image.OPEN]


@functools.cache
def _register_heif() -> None:
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


def reason(error: Exception) -> str:
    """Return what to say of a file that could not be read."""
    if isinstance(error, Unusable):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return shown(f"damaged: {str(error) or type(error).__name__}")


def _hidden(parts) -> bool:
    return any(p == "__MACOSX" or p.startswith(".") and p != ".." for p in parts)


def shown(text: str) -> str:
    """Return a name as it can be printed: it may hold bytes of no letter, or a line's end."""
    return text if text.isprintable() else ascii(text)
