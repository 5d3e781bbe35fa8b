"""Images of every kind a reader may have, and files that are none."""

import hashlib
import io
import itertools
import os
import re
import struct
import sys
import tracemalloc
import types
import warnings
import zipfile
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import few
from PIL import Image, ImageCms

from gan_utils import data, files, gan, metrics, plots, recipes, runtime
from gan_utils.own import pictures, reading, training, tshirts

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def plain(colour=RED, size=(40, 30), mode="RGB", form="PNG", **options):
    return encoded(Image.new(mode, size, colour), form, **options)


def noise(size=(300, 200)):
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def png_that_says(width, height):
    """A PNG file that states its size and holds no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND"]
    parts = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write(folder, contents):
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path, contents, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def load_one(tmp_path, content, **options):
    """Return what becomes of one file, as floats."""
    loaded = pictures.load_images(write(tmp_path, {"one": content}), **options)
    assert loaded.files == ["one"] and loaded.skipped == []
    return loaded.images[0].astype(float)


def reason(tmp_path, content, name="bad"):
    """Return why a file is left out; the good one beside it must be there."""
    loaded = pictures.load_images(write(tmp_path, {name: content, "good.png": plain()}))
    assert loaded.files == ["good.png"]
    [(left_out, why)] = loaded.skipped
    assert left_out == name and f"1 skipped: {name} ({why})" in loaded.note
    return why


# --- what becomes of an image ------------------------------------------------------------------


ORIGINALS = [(1, 1), (5, 400), (64, 64), (3000, 7), (130, 129)]
SQUARES = itertools.product([28, 32, 64], [1, 3], ORIGINALS)
SOME_SQUARES = [
    (28, 1, (1, 1)),
    (32, 3, (5, 400)),
    (64, 1, (64, 64)),
    (32, 1, (3000, 7)),
    (28, 3, (130, 129)),
]


@pytest.mark.parametrize(("size", "channels", "original"), few(SQUARES, SOME_SQUARES))
def test_every_size_becomes_a_square(tmp_path, size, channels, original):
    content = plain((200, 200, 200), original)
    loaded = pictures.load_images(write(tmp_path, {"a.png": content}), size, channels)
    assert loaded.images.shape == (1, size, size, channels) and loaded.images.dtype == np.uint8
    assert (loaded.images == 200).all()
    kind = "grey" if channels == 1 else "in colour"
    assert loaded.note == f"1 image from {tmp_path.name}, {size} px, {kind}."


def test_the_middle_is_kept(tmp_path):
    picture = np.repeat(np.array([[RED, GREEN, BLUE]], np.uint8), 50, axis=1).repeat(50, axis=0)
    wide = load_one(tmp_path, encoded(Image.fromarray(picture)))
    high = load_one(tmp_path, encoded(Image.fromarray(picture.swapaxes(0, 1))))
    for image in (wide, high):
        assert (image[3:-3, 3:-3] == GREEN).all(), "at the edges it may see what was cut off"


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_fine_patterns_become_grey_and_no_false_pattern(tmp_path, form):
    board = np.indices((1000, 1000)).sum(0) % 2 * 255  # every 31st pixel of it would be black
    image = load_one(tmp_path, encoded(Image.fromarray(board.astype(np.uint8)), form))
    assert abs(image - 127.5).max() < 3


def test_decoding_a_fraction_of_a_large_jpeg_changes_nothing(tmp_path):
    big = noise((40, 30)).resize((1600, 1200), Image.Resampling.BICUBIC)
    quick = load_one(tmp_path / "a", encoded(big, "JPEG", quality=98, subsampling=0))
    exact = load_one(tmp_path / "b", encoded(big))
    means = np.asarray(big.crop((200, 0, 1400, 1200)).resize((32, 32), Image.Resampling.BOX))
    assert abs(quick - exact).mean() < 1 and abs(exact - means).mean() < 8 < exact.std() / 5


# Where the top left and the top right of the upright picture lie in the file: EXIF 2.32, table 6.
CORNERS = {1: "ab", 2: "ba", 3: "dc", 4: "cd", 5: "ac", 6: "ca", 7: "db", 8: "bd"}


TURNS = itertools.product(["JPEG", "PNG", "TIFF", "WEBP"], CORNERS)
SOME_TURNS = [*(("JPEG", turn) for turn in CORNERS), ("PNG", 6), ("TIFF", 5), ("WEBP", 8)]


@pytest.mark.parametrize(("form", "orientation"), few(TURNS, SOME_TURNS))
def test_photographs_are_turned_upright(tmp_path, form, orientation):
    first, second = CORNERS[orientation]
    rows = np.zeros((2, 2, 3), np.uint8)  # a b over c d
    rows["abcd".index(first) // 2, "abcd".index(first) % 2] = RED
    rows["abcd".index(second) // 2, "abcd".index(second) % 2] = BLUE
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(rows.repeat(64, axis=0).repeat(64, axis=1))
    image = load_one(tmp_path, encoded(stored, form, exif=exif))
    np.testing.assert_allclose(image[4, 4], RED, atol=20)
    np.testing.assert_allclose(image[4, -5], BLUE, atol=20)
    assert image[-5, 4].max() < 20 and image[-5, -5].max() < 20


def test_broken_exif_data_do_not_matter(tmp_path):
    content = plain(BLUE, form="JPEG", subsampling=0)
    exif = b"Exif\0\0" + b"II*\0\x08\0\0\0\xff\x00" + b"broken"
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + content[2:]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        np.testing.assert_allclose(load_one(tmp_path, content)[0, 0], BLUE, atol=3)
    assert not told, "Pillow's warning would not say of which file"


def two_colours():
    picture = Image.new("P", (40, 30), 1)
    picture.putpalette([*RED, 0, 0, 0])
    return picture


TRANSPARENT = {
    "RGBA": lambda: plain((0, 0, 0, 0), mode="RGBA"),
    "LA": lambda: plain((0, 0), mode="LA"),
    "L and a transparent grey": lambda: plain(7, mode="L", transparency=7),
    "RGB and a transparent colour": lambda: plain((1, 2, 3), transparency=(1, 2, 3)),
    "palette": lambda: plain(0, mode="P", transparency=0),
    "palette with alpha": lambda: encoded(two_colours(), transparency=b"\xff\x00"),
    "GIF": lambda: plain(0, mode="P", form="GIF", transparency=0),
    "WebP": lambda: plain((0, 0, 0, 0), mode="RGBA", form="WEBP", lossless=True),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_transparent_is_white(tmp_path, kind):
    assert (load_one(tmp_path, TRANSPARENT[kind]()) == 255).all()


def test_hidden_colours_do_not_bleed_into_the_edges(tmp_path):
    rows, columns = np.indices((200, 200)) - 100
    disc = rows**2 + columns**2 < 70**2
    pixels = np.zeros((200, 200, 4), np.uint8)  # transparent black around a red disc
    pixels[disc] = (*RED, 255)
    image = load_one(tmp_path, encoded(Image.fromarray(pixels)))
    assert image[..., 0].min() == 255, "red and white both have all of the red"
    assert tuple(image[0, 0]) == WHITE and tuple(image[16, 16]) == RED


def test_half_transparent_is_half_white(tmp_path):
    np.testing.assert_allclose(load_one(tmp_path, plain((0, 0, 0, 128), mode="RGBA")), 127, atol=1)


COLOURS = {  # file, colour in RGB
    "palette": (lambda: encoded(Image.new("RGB", (9, 9), BLUE).quantize(4)), BLUE),
    "GIF": (lambda: encoded(Image.new("RGB", (9, 9), BLUE).quantize(4), "GIF"), BLUE),
    "CMYK JPEG": (lambda: plain((0, 255, 0, 0), mode="CMYK", form="JPEG"), (255, 0, 255)),
    "CMYK TIFF": (lambda: plain((0, 255, 0, 0), mode="CMYK", form="TIFF"), (255, 0, 255)),
    "YCbCr": (lambda: plain((76, 85, 255), mode="YCbCr", form="JPEG", subsampling=0), RED),
    "LAB": (lambda: plain((255, 128, 128), mode="LAB", form="TIFF"), WHITE),
    "one bit": (lambda: plain(1, mode="1"), WHITE),
    "grey": (lambda: plain(90, mode="L"), (90, 90, 90)),
    "BMP": (lambda: plain(GREEN, form="BMP"), GREEN),
    "PPM": (lambda: plain(GREEN, form="PPM"), GREEN),
    "ICO": (lambda: plain(GREEN, (32, 32), form="ICO"), GREEN),
}


@pytest.mark.parametrize("kind", COLOURS)
def test_every_mode_becomes_rgb_or_grey(tmp_path, kind):
    make, colour = COLOURS[kind]
    np.testing.assert_allclose(load_one(tmp_path, make())[16, 16], colour, atol=4)
    grey = load_one(tmp_path, make(), channels=1)[16, 16]
    np.testing.assert_allclose(grey, np.dot([0.299, 0.587, 0.114], colour), atol=4)


RAMP = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
SIXTEEN_BITS = {
    "PNG": lambda: encoded(Image.fromarray(RAMP)),
    "TIFF": lambda: encoded(Image.fromarray(RAMP), "TIFF"),
    "TIFF, high byte first": lambda: encoded(
        Image.frombytes("I;16B", (64, 64), RAMP.astype(">u2").tobytes()), "TIFF"
    ),
    "PGM": lambda: b"P5 64 64 65535\n" + RAMP.astype(">u2").tobytes(),
    "in 32 bits": lambda: encoded(Image.fromarray(RAMP.astype(np.int32)), "TIFF"),
}


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
def test_16_bits_are_scaled_and_not_clipped(tmp_path, kind):
    image = load_one(tmp_path, SIXTEEN_BITS[kind](), size=64, channels=1)
    np.testing.assert_array_equal(image[..., 0], np.rint(RAMP / 257))


def with_chunk(content, kind, data):
    """A PNG with one more chunk, before its pixels."""
    at = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content[:at] + chunk + content[at:]


def deep_png(values, *chunk):
    """Colours of 16 bits as a PNG, which Pillow cannot write."""
    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, -1)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    kind = {2: 4, 3: 2, 4: 6}[channels]
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)]
    parts += [b"IDAT" + zlib.compress(pixels), b"IEND"]
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in parts)
    content = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    return with_chunk(content, *chunk) if chunk else content


def deep_tiff(values):
    """The same as an uncompressed TIFF, low byte first."""
    height, width, channels = values.shape
    pixels, at = values.astype("<u2").tobytes(), 8 + 2 + 10 * 12 + 4
    bits = at + len(pixels)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, bits), (259, 3, 1, 1)]
    entries += [(262, 3, 1, 2), (273, 4, 1, at), (277, 3, 1, channels), (278, 4, 1, height)]
    entries += [(279, 4, 1, len(pixels)), (284, 3, 1, 1)]
    head = (
        b"II*\0" + struct.pack("<IH", 8, 10) + b"".join(struct.pack("<HHII", *e) for e in entries)
    )
    return head + bytes(4) + pixels + struct.pack("<3H", 16, 16, 16)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_16_are_scaled_too(tmp_path, form, bits):
    white = 2**bits - 1
    ramp = np.linspace(0, white, 64 * 64).astype(np.uint16).reshape(64, 64)
    image = load_one(tmp_path, encoded(Image.fromarray(ramp), form), size=64, channels=1)
    np.testing.assert_allclose(image[..., 0], ramp * (255 / white), atol=0.501)


def test_what_needs_16_bits_is_not_made_brighter(tmp_path):
    dark = np.full((64, 64), 100, np.uint16)
    dark[:, 32:] = 16_384
    image = load_one(tmp_path, encoded(Image.fromarray(dark)), size=64, channels=1)
    assert image[0, 0, 0] == 0 and image[0, -1, 0] == 64


@pytest.mark.parametrize(
    ("largest", "bits", "shown"),
    [
        (3000, 16, 3000 / 257),  # dark, and says so
        (900, 12, 900 * 255 / 4095),
        (5000, 12, 5000 * 255 / 8191),  # wrong: it needs 13
        (3000, 11, 3000 * 255 / 4095),
        (0xABA, 12, 0xABA * 255 / 4095),
        (0x0AB0, 12, 0x0AB0 / 257),  # moved up, as the PNG standard asks
        (0x1231, 12, 0x1231 / 257),
        (0, 12, 0),
        (3, 1, 3 * 255 / 3),
    ],
)
def test_the_bits_that_a_file_states(tmp_path, largest, bits, shown):
    values = Image.fromarray(np.full((64, 64), largest, np.uint16))
    image = load_one(tmp_path / "a", with_chunk(encoded(values), b"sBIT", bytes([bits])))
    np.testing.assert_allclose(image, shown, atol=0.501)
    if bits >= 8 and largest not in (0x0AB0, 0x1231):
        content = encoded(values, "TIFF", tiffinfo={281: 2**bits - 1})
        np.testing.assert_allclose(load_one(tmp_path / "b", content), shown, atol=0.501)


def test_12_bits_of_a_tiff_that_packs_them(tmp_path):
    """Two values in three bytes; Pillow reads such files and does not write them."""
    content = bytearray(encoded(Image.new("L", (64, 96), 0), "TIFF"))
    at = content.index(struct.pack("<HHIH", 258, 3, 1, 8))
    content[at + 8 : at + 10] = struct.pack("<H", 12)
    at = content.index(struct.pack("<HHIH", 257, 4, 1, 96))
    content[at + 8 : at + 10] = struct.pack("<H", 64)  # 64 rows of 12 bits are as long as 96 of 8
    pixels = struct.unpack("<I", content[(i := content.index(b"\x11\x01\x04")) + 8 : i + 12])[0]
    content[pixels:] = bytes([0x20, 0x02, 0x00]) * (32 * 64)  # 512, 512
    np.testing.assert_allclose(load_one(tmp_path, bytes(content)), 512 * 255 / 4095, atol=0.501)


def test_a_dark_picture_of_a_format_that_states_its_white_stays_dark(tmp_path):
    content = b"P5 64 64 4095\n" + np.full((64, 64), 100, ">u2").tobytes()
    np.testing.assert_allclose(load_one(tmp_path, content), 100 * 255 / 4095, atol=0.501)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("make", [deep_png, deep_tiff])
def test_colours_of_16_bits_that_use_fewer(tmp_path, make, bits):
    white = 2**bits - 1
    ramp = np.linspace(0, white, 64 * 64 * 3).astype(np.uint16).reshape(64, 64, 3)
    image = load_one(tmp_path, make(ramp), size=64)
    np.testing.assert_allclose(image, ramp * (255 / white), atol=1)


def test_transparency_of_16_bits(tmp_path):
    values = np.full((64, 64, 4), 2048, np.uint16)
    values[0, 0, :3] = 4095
    values[..., 3] = 65535
    np.testing.assert_allclose(load_one(tmp_path / "a", deep_png(values))[9, 9], 128, atol=1)
    values[..., 3] = 0
    np.testing.assert_allclose(load_one(tmp_path / "b", deep_png(values))[9, 9], 255)
    stated = deep_png(np.full((9, 9, 3), 500, np.uint16), b"sBIT", bytes([10, 10, 10]))
    np.testing.assert_allclose(load_one(tmp_path / "c", stated), 500 * 255 / 1023, atol=1)
    grey = deep_png(np.full((9, 9, 2), 512, np.uint16))
    assert "few of its 16 bits are used" in reason(tmp_path / "d", grey)


def icc(red, green, blue, gamma=None):
    """An ICC profile with the curve of sRGB, or a power, and primaries in XYZ under D50."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())

    def put(tag, offset, values):
        entry = content.index(tag)
        at = struct.unpack(">I", content[entry + 4 : entry + 8])[0] + offset
        content[at : at + len(values)] = values

    for tag, colour in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue)):
        put(tag, 8, struct.pack(">3i", *(round(65536 * v) for v in colour)))
    for tag in (b"rTRC", b"gTRC", b"bTRC") if gamma else ():
        put(tag, 8, struct.pack(">HHi", 0, 0, round(65536 * gamma)))
    return bytes(content)


P3 = (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)
DISPLAY_P3, P3_GAMMA = icc(*P3), icc(*P3, gamma=2.2)
SRGB = icc((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))


def test_the_formulas_of_a_profile_become_those_of_srgb(tmp_path):
    """From P3 to sRGB as CSS Color 4 defines both, and a report of the same with a power of 2.2."""
    linear = np.array([200, 60, 40]) / 255
    linear = ((linear + 0.055) / 1.055) ** 2.4
    matrix = [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09828]]
    exact = 255 * (1.055 * (matrix @ linear) ** (1 / 2.4) - 0.055)
    for name, profile, wanted in (("a", DISPLAY_P3, exact), ("b", P3_GAMMA, (219, 37, 13))):
        image = load_one(tmp_path / name, plain((200, 60, 40), icc_profile=profile))
        np.testing.assert_allclose(image[9, 9], wanted, atol=1)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_colours_of_a_profile_become_those_of_srgb(tmp_path, form):
    content = plain((200, 60, 40), form=form, icc_profile=DISPLAY_P3)
    image = load_one(tmp_path, content)
    exact = form in ("PNG", "TIFF")
    np.testing.assert_allclose(image[9, 9], (217, 42, 23), atol=1 if exact else 6)
    write(tmp_path, {"two": content, "three": plain(icc_profile=SRGB), "four": plain()})
    loaded = pictures.load_images(tmp_path)
    assert loaded.converted == 2 and loaded.note.endswith("; 2 converted to sRGB.")
    pictures.save(loaded, tmp_path / "saved.npz")
    assert pictures.load(tmp_path / "saved.npz").converted == 2


def test_a_profile_and_transparency(tmp_path):
    content = plain((200, 60, 40, 255), mode="RGBA", icc_profile=DISPLAY_P3)
    np.testing.assert_allclose(load_one(tmp_path / "a", content)[9, 9], (217, 42, 23), atol=1)
    content = plain((200, 60, 40, 0), mode="RGBA", icc_profile=DISPLAY_P3)
    np.testing.assert_allclose(load_one(tmp_path / "b", content)[9, 9], WHITE, atol=1)
    palette = Image.new("RGB", (9, 9), (200, 60, 40)).quantize(4)
    content = encoded(palette, icc_profile=DISPLAY_P3)
    np.testing.assert_allclose(load_one(tmp_path / "c", content)[3, 3], (217, 42, 23), atol=1)


INVALID = {
    "no profile": b"hello",
    "cut": DISPLAY_P3[:200],
    "for colour": None,
    "zeros": bytes(600),
}


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_profile_is_ignored(tmp_path, kind):
    content = plain(90, mode="L", icc_profile=INVALID[kind] or DISPLAY_P3)
    assert (load_one(tmp_path / "a", content) == 90).all()
    if INVALID[kind]:
        content = plain((200, 60, 40), icc_profile=INVALID[kind])
        assert tuple(load_one(tmp_path / "b", content)[9, 9]) == (200, 60, 40)
    assert "sRGB" not in pictures.load_images(tmp_path / "a").note


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_32_bits_without_a_known_white_are_left_out(tmp_path, dtype):
    content = encoded(Image.fromarray((RAMP * 40.0).astype(dtype)), "TIFF")
    assert reason(tmp_path, content) == "32 bits a pixel: what is white? Save it with 8 or 16"


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(tmp_path, form):
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN, BLUE)]
    content = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(load_one(tmp_path, content), np.full((32, 32, 3), RED), atol=4)


def test_a_picture_stays_as_it_was():
    picture = Image.new("RGBA", (50, 40), (0, 0, 0, 0))
    assert pictures.small_square(picture, 28, 1).shape == (28, 28, 1)
    assert picture.mode == "RGBA" and picture.size == (50, 40)
    assert picture.getpixel((0, 0)) == (0, 0, 0, 0)


# --- what is left out --------------------------------------------------------------------------

SOUND_JPEG, SOUND_PNG = encoded(noise(), "JPEG"), encoded(noise())
BAD = {
    "text": (b"Dear diary", "not an image in a known format"),
    "a web page": (b"<!doctype html><title>Log in</title>", "not an image in a known format"),
    "a zip in the zip": (b"PK\x05\x06" + bytes(18), "not an image in a known format"),
    "PostScript": (plain(form="EPS"), "not an image in a known format"),
    "no bytes": (b"", "empty"),
    "half a JPEG": (SOUND_JPEG[: len(SOUND_JPEG) // 2], "damaged: image file is truncated"),
    "half a PNG": (SOUND_PNG[: len(SOUND_PNG) // 2], "damaged: image file is truncated"),
    "the head of a PNG": (SOUND_PNG[:20], "damaged: "),
    "a PNG with wrong bytes": (SOUND_PNG[:5000] + b"xxxx" + SOUND_PNG[5004:], "damaged: "),
    "no pixels": (png_that_says(0, 0), "not an image in a known format"),
    "a bomb": (png_that_says(20_000, 20_000), "more than 89,478,485 pixels"),
    "half a bomb": (png_that_says(10_000, 10_000), "more than 89,478,485 pixels"),
    "a bomb beyond all": (png_that_says(2**31 - 1, 2**31 - 1), "more than 89,478,485 pixels"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_listed_with_the_reason(tmp_path, kind):
    content, why = BAD[kind]
    assert reason(tmp_path, content).startswith(why)


def jpeg_that_says(width, height, start=b"\xff\xc0", scan=(1, 2, 3)):
    """The head of a JPEG that states its size, and one scan without pixels."""
    content = plain(form="JPEG", subsampling=0)
    at = content.index(b"\xff\xc0")
    frame = start + content[at + 2 : at + 5] + struct.pack(">HH", height, width)
    at_scan = content.index(b"\xff\xda")
    parts = b"".join(bytes([number, 0]) for number in scan)
    head = struct.pack(">HB", 6 + 2 * len(scan), len(scan)) + parts + bytes([0, 63, 0])
    return content[:at] + frame + content[at + 9 : at_scan] + b"\xff\xda" + head + b"\xff\xd9"


def test_of_a_big_jpeg_counts_what_is_decoded(tmp_path, monkeypatch):
    picture = noise((40, 30)).resize((2000, 1500), Image.Resampling.BICUBIC)
    contents = {"one scan": encoded(picture, "JPEG"), "png": encoded(picture)}
    contents["progressive"] = encoded(picture, "JPEG", progressive=True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # of 3,000,000, or 47,000 of them
    loaded = pictures.load_images(write(tmp_path, contents))
    assert loaded.files == ["one scan"]
    assert [why for _, why in loaded.skipped] == ["more than 100,000 pixels"] * 2
    assert 30 < loaded.images.std() < 90


@pytest.mark.parametrize(
    ("size", "options", "why"),
    [
        ((12_000, 9_000), {}, "more than"),  # in so few bytes
        ((65_000, 65_000), {"start": b"\xff\xc2"}, "more than"),
        ((65_000, 65_000), {"scan": (1,)}, "more than"),
        ((12_000, 9_000), {"scan": (1,)}, "more than"),
        ((65_500, 65_500), {}, "more than"),
    ],
)
def test_jpegs_that_say_they_are_big(tmp_path, size, options, why):
    assert reason(tmp_path, jpeg_that_says(*size, **options)).startswith(why)


def test_a_phones_pictures_say_what_to_install(tmp_path, monkeypatch):
    heic = bytes(3) + b"\x18ftypheic" + bytes(40)
    formats = [name for name in reading.formats() if name != "HEIF"]
    monkeypatch.setattr(reading, "formats", lambda: formats)
    assert reason(tmp_path / "a", heic) == "HEIC: `pip install pillow-heif`, and it is read"
    movie = bytes(3) + b"\x18ftypmp42" + bytes(40)
    assert reason(tmp_path / "b", movie) == "not an image in a known format"


def test_pillow_heif_is_registered_if_it_is_there(monkeypatch):
    told = []
    heif = types.SimpleNamespace(register_heif_opener=lambda: told.append("registered"))
    monkeypatch.setitem(sys.modules, "pillow_heif", heif)
    reading._register_heif.cache_clear()
    reading.formats()
    reading.formats()
    assert told == ["registered"]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # whose import fails
    reading._register_heif.cache_clear()
    assert "PNG" in reading.formats()
    reading._register_heif.cache_clear()


@pytest.mark.parametrize("kind", few(BAD, ["no bytes", "half a PNG", "a bomb"]))
def test_a_bad_file_alone_is_an_error_that_names_it(tmp_path, kind):
    content, why = BAD[kind]
    with pytest.raises(ValueError) as raised:
        pictures.load_images(write(tmp_path / "mine", {"deep/file": content}))
    message = str(raised.value)
    assert f"{tmp_path / 'mine'} has no image to train on: it left out deep/file ({why}" in message
    assert "can be read are " in message and "JPEG" in message


def test_a_decoder_may_fail_in_any_way(tmp_path, monkeypatch):
    def fails(*args):
        raise MemoryError

    monkeypatch.setattr(pictures, "small_square", fails)
    with pytest.raises(ValueError, match=r"left out a \(damaged: MemoryError\)"):
        pictures.load_images(write(tmp_path, {"a": plain()}))


def test_ctrl_c_ends_it(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(pictures, "small_square", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pictures.load_images(write(tmp_path, {"a": plain()}))


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 2 * 2**20)
    assert reason(tmp_path, plain() + bytes(2 * 2**20)) == "larger than 2 MB"


@pytest.mark.parametrize("name", ["locked.png", "deep/locked.png"])
def test_a_file_that_must_not_be_read(tmp_path, monkeypatch, name):
    opened = Path.open

    def guarded(self, *args, **kwargs):
        if self.name == "locked.png":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    write(tmp_path, {name: plain(), "good.png": plain()})
    monkeypatch.setattr(Path, "open", guarded)  # as root the tests could read it all the same
    loaded = pictures.load_images(tmp_path)
    assert loaded.files == ["good.png"]
    assert loaded.skipped == [(name, "cannot be read: Permission denied")]


@pytest.mark.parametrize("locked", ["locked", "."])
def test_a_folder_that_must_not_be_read(tmp_path, monkeypatch, locked):
    write(tmp_path, {"locked/a.png": plain(), "good.png": plain()})
    scan, path = os.scandir, str(tmp_path / locked)

    def guarded(folder):
        if str(folder) == path:
            raise PermissionError(13, "Permission denied", path)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    if locked == ".":
        why = r"left out \. \(cannot be read: Permission denied\)"
        with pytest.raises(ValueError, match=why):
            pictures.load_images(tmp_path)
    else:
        loaded = pictures.load_images(tmp_path)
        assert loaded.skipped == [("locked", "cannot be read: Permission denied")]


def test_a_file_that_vanishes_meanwhile(tmp_path, monkeypatch):
    def walk(folder, onerror):
        yield str(folder), [], ["a.png", "gone.png"]

    write(tmp_path, {"a.png": plain()})
    monkeypatch.setattr(os, "walk", walk)
    loaded = pictures.load_images(tmp_path)
    assert loaded.skipped == [("gone.png", "cannot be read: No such file or directory")]


def test_one_bad_file_among_a_thousand(tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr(runtime, "progress", lambda items, text: counted.extend(items) or items)
    content = plain(size=(8, 8))
    contents = {f"{i:04d}.png": content for i in range(1000)} | {"0500.png": content[:-30]}
    loaded = pictures.load_images(write_zip(tmp_path / "many.zip", contents))
    assert loaded.images.shape == (999, 32, 32, 3) and (loaded.images == RED).all()
    assert [name for name, _ in loaded.skipped] == ["0500.png"]
    assert loaded.note.startswith("999 images from many.zip, 32 px, in colour; 1 skipped: 0500.png")
    assert len(counted) == 1000, "a progress bar, which a handful does not need"
    pictures.load_images(write_zip(tmp_path / "few.zip", {"a.png": content}))
    assert len(counted) == 1000


def test_the_note_names_three_and_counts_the_rest(tmp_path):
    write(tmp_path / "cats", {f"{i}.txt": b"no" for i in range(1203)} | {"a.png": plain()})
    loaded = pictures.load_images(tmp_path / "cats", 28, 1)
    assert len(loaded.skipped) == 1203
    assert loaded.note == (
        "1 image from cats, 28 px, grey; 1,203 skipped: 0.txt (not an image in a known format), "
        "1.txt (not an image in a known format), 10.txt (not an image in a known format) and "
        "1,200 more."
    )


# --- folders -----------------------------------------------------------------------------------

NESTED = {
    "b.png": plain((2, 2, 2)),
    "a.png": plain((1, 1, 1)),
    "deep/er/z.png": plain((5, 5, 5)),
    "deep/c.jpg": plain((4, 4, 4), form="JPEG"),
    "A with space.PNG": plain((0, 0, 0)),
    "no ending": plain((6, 6, 6)),
    "lies.jpg": plain((3, 3, 3)),  # a PNG: the content says what it is
    "notes.txt": b"about these",
    ".hidden.png": plain(),
    ".git/a.png": plain(),
    "deep/._a.png": b"from a Mac",
    "__MACOSX/deep/._b.png": b"from a Mac",
    ".DS_Store": b"from a Mac",
}
ORDER = ["A with space.PNG", "a.png", "b.png", "deep/c.jpg", "deep/er/z.png", "lies.jpg"]
ORDER.append("no ending")


def check_nested(loaded):
    assert loaded.files == ORDER
    assert loaded.images[:, 0, 0, 0].tolist() == [0, 1, 2, 4, 5, 3, 6]
    assert loaded.skipped == [("notes.txt", "not an image in a known format")]


def test_a_folder_in_order_and_without_what_is_hidden(tmp_path):
    loaded = pictures.load_images(write(tmp_path / "mine", NESTED))
    check_nested(loaded)
    assert loaded.name == "mine"
    again = pictures.load_images(str(tmp_path / "mine"))
    np.testing.assert_array_equal(again.images, loaded.images)


def test_a_hidden_folder_may_be_given_itself(tmp_path):
    loaded = pictures.load_images(write(tmp_path / ".mine", {"a.png": plain()}))
    assert loaded.files == ["a.png"]


def test_the_current_folder_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path / "mine", {"a.png": plain()}))
    assert pictures.load_images(".").name == "mine"


def test_links(tmp_path):
    write(tmp_path, {"mine/a.png": plain(), "mine/deep/b.png": plain(), "other/c.png": plain()})
    mine = tmp_path / "mine"
    (mine / "deep" / "circle").symlink_to(mine)
    (mine / "outside").symlink_to(tmp_path / "other")
    (mine / "file.png").symlink_to(tmp_path / "other" / "c.png")
    (mine / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (mine / "itself.png").symlink_to("itself.png")
    loaded = pictures.load_images(mine)
    assert loaded.files == ["a.png", "deep/b.png", "file.png"]
    assert loaded.skipped == [
        ("deep/circle", "a link to a folder"),
        ("itself.png", "cannot be read: Too many levels of symbolic links"),
        ("nowhere.png", "cannot be read: No such file or directory"),
        ("outside", "a link to a folder"),
    ]
    (tmp_path / "link").symlink_to(mine)
    assert pictures.load_images(tmp_path / "link").files == loaded.files


@pytest.mark.timeout(30)
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    loaded = pictures.load_images(write(tmp_path, {"a.png": plain()}))
    assert loaded.skipped == [("pipe.png", "not an ordinary file")]


def test_names_can_always_be_printed(tmp_path):
    names = [b"caf\xe9.txt", b"two\nlines.txt", b"\x1b[31mred.txt", "Katze_\u00e4.txt".encode()]
    write(tmp_path, {"a.png": plain()})
    for name in names:
        try:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"no")
        except OSError:
            pytest.skip("this file system insists on names in UTF-8")
    loaded = pictures.load_images(tmp_path)
    assert {name for name, _ in loaded.skipped} == {
        r"'caf\udce9.txt'",
        r"'two\nlines.txt'",
        r"'\x1b[31mred.txt'",
        "Katze_\u00e4.txt",
    }
    assert loaded.note.encode().decode().isprintable()


# --- zip files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_file_gives_what_the_folder_gives(tmp_path, compression):
    path = write_zip(tmp_path / "mine.zip", NESTED | {"deep/": b""}, compression=compression)
    loaded = pictures.load_images(path)
    check_nested(loaded)
    folder = pictures.load_images(write(tmp_path / "mine", NESTED))
    np.testing.assert_array_equal(loaded.images, folder.images)
    assert loaded.name == "mine.zip"


OUTSIDE = ["../evil.png", "deep/../../evil.png", "/evil.png", "..\\evil.png", "C:\\evil.png"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_entry_that_points_outside_is_left_out(tmp_path, name):
    write_zip(tmp_path / "mine.zip", {name: plain(), "good.png": plain()})
    loaded = pictures.load_images(tmp_path / "mine.zip")
    assert loaded.files == ["good.png"]
    assert [why for _, why in loaded.skipped] == ["its path leads out of the zip file"]
    assert "evil.png" in loaded.note
    assert [path.name for path in tmp_path.rglob("*")] == ["mine.zip"], "nothing is written"


def test_a_dot_before_a_path_is_harmless(tmp_path):
    loaded = pictures.load_images(write_zip(tmp_path / "a.zip", {"./deep/a.png": plain()}))
    assert loaded.files == ["./deep/a.png"]


def test_an_entry_that_unpacks_to_a_lot(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 2**20)
    contents = {"bomb.png": bytes(100 * 2**20), "liar.png": bytes(100 * 2**20), "ok.png": plain()}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.getinfo("liar.png").file_size = 10  # what the list of files will say
    tracemalloc.start()
    try:
        loaded = pictures.load_images(tmp_path / "a.zip")
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()
    assert loaded.files == ["ok.png"]
    assert loaded.skipped[0] == ("bomb.png", "larger than 1 MB")
    assert loaded.skipped[1][1].startswith("damaged: Bad CRC-32")


def test_entries_that_cannot_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ok.png", plain())
        archive.writestr("secret.png", plain())
        archive.writestr("other.png", plain(), compress_type=zipfile.ZIP_LZMA)
        archive.writestr("broken.png", b"find me")
        archive.getinfo("secret.png").flag_bits |= 1
    content = (tmp_path / "a.zip").read_bytes().replace(b"find me", b"found !")
    (tmp_path / "a.zip").write_bytes(content)
    loaded = pictures.load_images(tmp_path / "a.zip")
    assert loaded.files == ["ok.png"]
    assert loaded.skipped == [
        ("broken.png", "damaged: Bad CRC-32 for file 'broken.png'"),
        ("other.png", "packed in another way than usual"),
        ("secret.png", "it has a password"),
    ]


def test_a_name_may_be_there_twice(tmp_path):
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
    ):
        archive.writestr("a.png", plain((1, 1, 1)))
        archive.writestr("a.png", plain((2, 2, 2)))
    loaded = pictures.load_images(tmp_path / "a.zip")
    assert loaded.images[:, 0, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"no zip", plain(), "half"])
def test_what_is_neither_folder_nor_zip_is_refused(tmp_path, content):
    path = tmp_path / "file"
    if content == "half":
        content = write_zip(path, {"a.png": plain()}).read_bytes()[:-30]
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file is neither a folder nor a complete zip file"):
        pictures.load_images(path)


# --- wrong use ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "channels"), [(30, 3), (32, 4), (0, 1), ("32", 3), (32, None)])
def test_sizes_and_channels_there_are(tmp_path, size, channels):
    wanted = f"size is {size} and channels is {channels}; size must be 28, 32 or 64, and channels 1"
    with pytest.raises(ValueError, match=wanted):
        pictures.load_images(write(tmp_path, {"a.png": plain()}), size, channels)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no .*typo. Give the folder or the zip"):
        pictures.load_images(tmp_path / "typo")


@pytest.mark.parametrize("contents", [{}, {".DS_Store": b"x", "deep/.a.png": plain()}])
def test_nothing_in_it(tmp_path, contents):
    with pytest.raises(ValueError, match=r"mine has no image to train on: it is empty"):
        (tmp_path / "mine").mkdir()
        pictures.load_images(write(tmp_path / "mine", contents))
    with pytest.raises(ValueError, match=r"a.zip has no image to train on: it is empty"):
        pictures.load_images(write_zip(tmp_path / "a.zip", contents))


# --- what follows ------------------------------------------------------------------------------


def test_recipes_take_it(tmp_path):
    loaded = pictures.load_images(write(tmp_path, {"a.png": plain(), "b.png": plain()}))
    recipe = recipes.get("dcgan-cifar10")
    np.testing.assert_array_equal(recipes.load_data(recipe, loaded), loaded.images)


def test_contact_sheet_goes_through_the_whole_data_set(tmp_path):
    images = np.arange(200, dtype=np.uint8)[:, None, None, None].repeat(28, 1).repeat(28, 2)
    loaded = pictures.OwnImages("mine", images, [f"{i}.png" for i in range(200)], [])
    figure = pictures.contact_sheet(loaded, columns=4, most=12)
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "72", "144"]
    shown = axes.images[0].get_array()
    chosen = [0, 18, 36, 54, 72, 90, 108, 126, 144, 162, 180, 199]
    np.testing.assert_array_equal(shown, plots.tile(images[chosen], 4).squeeze())
    few = pictures.contact_sheet(loaded._replace(images=images[:3]))
    [picture] = few.axes[0].images
    np.testing.assert_array_equal(picture.get_array(), plots.tile(images[:3], 3).squeeze())
    plt.close("all")


# --- kept with a run, and compared with what a generator makes ------------------------------------


def some_images(n=30, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28, channels), dtype=np.uint8)


@pytest.mark.parametrize("skipped", [[], [("a", "empty"), ("b/c.png", "damaged: é")]])
def test_what_is_saved_is_loaded(tmp_path, skipped):
    names = [f"ünder/{number}.png" for number in range(30)]
    loaded = pictures.OwnImages("mine", some_images(), names, skipped)
    pictures.save(loaded, tmp_path / "images.npz")
    again = pictures.load(tmp_path / "images.npz")
    np.testing.assert_array_equal(again.images, loaded.images)
    assert again._replace(images=None) == loaded._replace(images=None) and again.note == loaded.note


@pytest.mark.parametrize("content", [None, b"", b"PK nothing", "cut"])
def test_what_cannot_be_loaded_is_named(tmp_path, content):
    path = tmp_path / "images.npz"
    if content == "cut":
        pictures.save(pictures.OwnImages("mine", some_images(), ["a"] * 30, []), path)
        content = path.read_bytes()[:-500]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="images.npz, the images that this run began with, cannot"):
        pictures.load(path)


def test_the_nearest_training_image_is_found():
    train, images = some_images(20, 1), some_images(9, 1, seed=1)
    images[4] = train[7]
    distance, row = metrics.nearest(train, images)
    gaps = np.sqrt(((images[:, None] - train.astype(float)) ** 2).mean(axis=(2, 3, 4)))
    np.testing.assert_allclose(distance, gaps.min(axis=1), rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(row, gaps.argmin(axis=1))
    assert row[4] == 7


def test_a_training_image_is_compared_with_the_others():
    train = some_images(20)
    distance, row = metrics.nearest(train)
    for number in range(20):
        others = np.delete(train, number, axis=0)
        expected = metrics.nearest(others, train[number : number + 1])[0]
        np.testing.assert_allclose(distance[number], expected[0], rtol=1e-4)
    assert (row != np.arange(20)).all()
    train[3] = train[8]
    distance, row = metrics.nearest(train)
    assert (row[3], row[8]) == (8, 3) and max(distance[3], distance[8]) < 0.1, "a twin is no self"


def test_copies_are_told_from_new_images():
    smooth = np.random.default_rng(1).uniform(20, 235, (300, 1, 1, 3))
    train = np.repeat(np.repeat(smooth, 28, axis=1), 28, axis=2)
    rng = np.random.default_rng(2)
    copies = np.clip(train[:100] + rng.normal(0, 1, (100, 28, 28, 3)), 0, 255)
    new = np.ones_like(train) * rng.uniform(20, 235, (300, 1, 1, 3))
    scores = [pictures.compare(np.uint8(x), np.uint8(train))[0] for x in (copies, new)]
    assert scores[0]["nearer"] > 0.8 and abs(scores[1]["nearer"] - 0.5) < 0.15
    assert scores[0]["to_nearest"] < scores[0]["among_real"] == scores[1]["among_real"]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_nearest_pairs_are_shown(channels):
    train, made = some_images(20, channels), some_images(10, channels, seed=1)
    made[6] = train[11]
    picture = np.asarray(pictures.compare(made, train)[1]).reshape(58, 8 * 30 - 2, channels)
    np.testing.assert_array_equal(picture[:28, :28], made[6])
    np.testing.assert_array_equal(picture[30:, :28], train[11])


def test_copies_are_told_also_if_every_training_image_lies_twice():
    train = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    for times in (1, 2, 5):
        twice = np.repeat(train, times, axis=0)
        assert pictures.compare(train[:50], twice)[0]["nearer"] == 1
    some = np.concatenate([train, train[:60]])
    assert pictures.compare(train[:50], some)[0] == pictures.compare(train[:50], train)[0]


def test_training_images_that_are_all_alike():
    train = some_images(1).repeat(80, axis=0)
    scores, _ = pictures.compare(some_images(5, seed=1), train)
    assert np.isnan([scores["among_real"], scores["nearer"]]).all() and scores["to_nearest"] > 0
    loaded = pictures.OwnImages("mine", train, ["a"] * 80, [])
    assert loaded.note == "80 images from mine, 28 px, in colour; 79 exactly like another."


def changes(path, loaded, since=1e12):
    return pictures.changes(path, loaded, since)


@pytest.mark.parametrize("pack", [False, True])
def test_what_has_changed_since(tmp_path, pack):
    contents = {"a.png": plain(), "deep/b.png": plain(), "c.txt": b"no", ".hidden": b"no"}

    def put(contents):
        if pack:
            return write_zip(tmp_path / "mine.zip", contents)
        return write(tmp_path / "mine", contents)

    path = put(contents)
    loaded = pictures.load_images(path)
    assert changes(path, loaded) == ""
    assert changes(path, loaded, since=0) == "3 written later"
    put(contents | {"d.png": plain(), ".DS_Store": b"no"})
    assert changes(path, loaded) == "1 new"
    if pack:
        put({"a.png": plain(), "e.png": plain()})
        assert changes(path, loaded) == "1 new, 2 gone"
    else:
        (path / "a.png").unlink()
        assert changes(path, loaded) == "1 new, 1 gone"
        (path / "link").symlink_to(path)
        assert changes(path, loaded) == "2 new, 1 gone"
    assert changes(tmp_path / "gone", loaded) == ""
    (tmp_path / "no.zip").write_bytes(b"no")
    assert changes(tmp_path / "no.zip", loaded) == ""


def test_the_command_says_that_the_folder_has_changed(tmp_path, capsys):
    contents = {"a.png": plain(), "b.png": plain()}
    folder, run = write(tmp_path / "mine", contents), tmp_path / "run"
    training.tell_changes(folder, run)  # no images yet
    run.mkdir()
    pictures.save(pictures.load_images(folder), run / "images.npz")
    training.tell_changes(folder, run)
    assert capsys.readouterr().out == ""
    write(folder, {"c.png": plain()})
    training.tell_changes(folder, run)
    assert re.search(
        r"mine has changed since .*run began; files: 1 new. .* --run", capsys.readouterr().out
    )
    (run / "images.npz").write_bytes(b"damaged")
    training.tell_changes(folder, run)
    assert capsys.readouterr().out == ""


# --- the photographs that come with the package --------------------------------------------------


def test_the_shirts_are_read_as_a_readers_own_zip_file_and_say_where_they_are_from():
    loaded = pictures.load_images(tshirts.PHOTOS)
    assert loaded.note == "928 images from tshirts.zip, 32 px, in colour."  # none is skipped
    origin = (tshirts.PHOTOS.parent / "README.md").read_text(encoding="utf-8")
    assert "CC0 1.0" in origin and "Alexey Grigorev" in origin
    with zipfile.ZipFile(tshirts.PHOTOS) as archive:
        sides = [Image.open(archive.open(name)).size for name in archive.namelist()]
        assert not any(Image.open(archive.open(name)).getexif() for name in archive.namelist())
    assert {min(size) for size in sides} == {72}  # as it says


def test_the_generator_of_shirts_is_the_one_that_its_script_made_and_draws_shirts():
    (row,) = data.load_results("tshirts.csv")
    content = files.weights("tshirts_g.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == row["g_sha256"] and len(content) < 1_000_000
    made = gan.generate(tshirts.pretrained(), 64, latent="normal")
    real = pictures.load_images(tshirts.PHOTOS).images
    assert made.shape == (64, 32, 32, 3) and made.dtype == np.uint8

    def outline(images):
        x = images.astype(float)
        corners = x[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=1)
        return np.abs(x - corners[:, None, None]).mean(axis=(0, 3)).ravel()

    noise = np.random.default_rng(0).integers(0, 256, made.shape)
    assert np.corrcoef(outline(made), outline(real))[0, 1] > 0.8
    assert np.corrcoef(outline(noise), outline(real))[0, 1] < 0.3
    assert made.mean(axis=(1, 2)).std() > 0.5 * real.mean(axis=(1, 2)).std()  # of many colours
