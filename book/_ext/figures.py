"""Figures on the page: their size, a box that scrolls on a phone, and colours for the dark mode.

An SVG gets its dark colours here, while the book is built, so that in a notebook it stays black on
white. Each colour becomes a variable with two values. A browser takes the dark one where the page
around the picture is dark; the paper is part of the picture, which can be read on any page.
"""

import re
from pathlib import Path

import imagesize
from docutils import nodes

#: pixels of the page to an inch of a figure: plots.use_book_style
DOTS = 110
#: The smallest type of a figure is at least so many pixels high, or the figure scrolls.
TYPE = 9.05
#: points of the smallest type in figures that are no SVG
SMALL = 8
#: what a phone shows of a figure's width, in pixels
PHONE = 350
#: pixels of a picture in a sheet with its gap, of 28 and of 32 a side, and of the paper around all
PICTURES, AROUND = (60, 68), 18
#: the lightness (in OKLab) of dark paper, and of the ink that was black
PAPER, INK = 0.18, 0.93


def dark(color):
    """Return the colour of a figure on dark paper: the hue stays, light and dark change places.

    In OKLab, where equal steps look equal, with the numbers of its author:
    https://bottosson.github.io/posts/oklab/

    Args:
        color: such as ``#0072b2``.
    """
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [((p + 0.055) / 1.055) ** 2.4 if p > 0.04045 else p / 12.92 for p in parts]
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    light = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    red = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    yellow = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    # The power lifts the middle: strong colours need more light on dark paper.
    light = PAPER + (INK - PAPER) * max(0, 1 - light) ** 0.5
    long = (light + 0.3963377774 * red + 0.2158037573 * yellow) ** 3
    medium = (light - 0.1055613458 * red - 0.0638541728 * yellow) ** 3
    short = (light - 0.0894841775 * red - 1.2914855480 * yellow) ** 3
    r = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    g = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    b = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    parts = [min(1, max(0, p)) for p in (r, g, b)]
    parts = [1.055 * p ** (1 / 2.4) - 0.055 if p > 0.0031308 else 12.92 * p for p in parts]
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def with_dark_colors(svg):
    """Return an SVG whose colours follow the page; one that has been here before stays as it is."""
    found = sorted(set(re.findall(r"(?<=[: ])#[0-9a-f]{6}(?=[;\"])", svg)))
    if not found or "--c0:" in svg:
        return svg
    # What has no colour of its own is black, and matplotlib does not write that down.
    found = ["#000000", *(color for color in found if color != "#000000")]
    for number, color in enumerate(found):
        svg = re.sub(rf"(?<=[: ]){color}(?=[;\"])", f"var(--c{number})", svg)
    light, night = (
        "".join(f"--c{number}:{value(color)};" for number, color in enumerate(found))
        for value in (str, dark)
    )
    rules = f"svg{{{light}fill:var(--c0)}}@media(prefers-color-scheme:dark){{svg{{{night}}}}}"
    head = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:head]}<style>{rules}</style>{svg[head:]}"


def color_svgs(app, doctree):
    """Give the figures of a page their dark colours, in the files that MyST-NB has taken out."""
    for node in doctree.findall(nodes.image):
        path = Path(app.srcdir, node["uri"])
        if path.suffix == ".svg" and "jupyter_execute" in path.parts and path.is_file():
            text = path.read_text(encoding="utf-8")
            if (colored := with_dark_colors(text)) != text:
                path.write_text(colored, encoding="utf-8")


def smallest_type(path):
    """Return the size of the smallest type in a figure, in points.

    matplotlib draws a text of 8 points from outlines, ``scale(0.08 -0.08)``.
    """
    text = path.read_text(encoding="utf-8") if path.suffix == ".svg" else ""
    return min((100 * float(s) for s in re.findall(r"scale\((0\.\d+) -0\.", text)), default=SMALL)


def wordless(width, height):
    """Say whether a PNG is a sheet of pictures and nothing else, by its size (plots.image_grid)."""
    return any((width - AROUND) % side == 0 == (height - AROUND) % side for side in PICTURES)


def visit_image(self, node):
    """Write an image with its size, so that nothing jumps, and a figure's in a box that scrolls."""
    path = Path(self.builder.srcdir, node["uri"])
    width, height = map(round, imagesize.get(path)) if path.is_file() else (-1, -1)
    figure = isinstance(node.parent, nodes.figure)
    if str(node.get("width", "")).isdigit():  # a notebook says so of a PNG for sharp screens
        shape, width = height / width, int(node["width"])
        height = int(node.get("height", round(shape * width)))
        node = node.deepcopy()  # which has no parent
        for name in {"width", "height"} & node.attributes.keys():
            del node[name]
    type(self).visit_image(self, node)
    if width < 0 or "width" in node:
        return
    tag = f'<img width="{width}" height="{height}" '
    tag += "" if "result" in node["classes"] else 'loading="lazy" '
    image = self.body.pop().replace("<img ", tag, 1)
    if path.suffix == ".webp" and path.with_suffix(".png").is_file():  # a film, and its last frame
        root = "../" * self.builder.current_docname.count("/")
        still = f"{root}_static/films/{path.stem}.png"
        when = "(prefers-reduced-motion: reduce), print"
        image = f'<picture><source media="{when}" srcset="{still}">{image}</picture>'
    if figure:
        least = round(TYPE / (smallest_type(path) * DOTS / 72) * width)
        sheet = path.suffix == ".png" and wordless(width, height)
        wide = f' wide" style="--least: {least}px' if PHONE < least and not sheet else ""
        image = f'<div class="picture{wide}">{image}</div>'
    self.body.append(image)


def depart_image(self, node):
    type(self).depart_image(self, node)


def setup(app):
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("doctree-read", color_svgs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
