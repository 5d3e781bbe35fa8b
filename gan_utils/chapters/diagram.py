"""The diagram of the two networks and what flows between them, drawn first in chapter 04."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from gan_utils import plots


def draw(
    boxes: Mapping[str, tuple[float, float, str]],
    arrows: Sequence[tuple],
    size: tuple[float, float] = (7, 3),
) -> Figure:
    """Draw boxes and arrows.

    Args:
        boxes: text -> (x, y, colour) of its centre, in inches.
        arrows: (from text, to text, label) for data, solid and black, or
            (from text, to text, label, bend, colour) for a gradient, dashed; it bulges by the share
            ``bend`` of its length, to the left of its direction if positive.
        size: of the figure in inches.
    """
    figure, axes = plt.subplots(figsize=size)
    axes.set(xlim=(0, size[0]), ylim=(0, size[1]))
    axes.axis("off")
    patches = {}
    for text, (x, y, color) in boxes.items():
        lines = text.split("\n")
        width, height = 0.1 * max(map(len, lines)) + 0.3, 0.22 * len(lines) + 0.22
        style = {"boxstyle": "round,pad=0.03", "fc": "white", "ec": color, "lw": 1.8}
        patches[text] = FancyBboxPatch((x - width / 2, y - height / 2), width, height, **style)
        axes.add_patch(patches[text])
        axes.text(x, y, text, ha="center", va="center", color=color)
    for start, end, label, *gradient in arrows:
        bend, color = gradient or (0, plots.COLORS["real"])
        a, b = np.array(boxes[start][:2]), np.array(boxes[end][:2])
        ends = {"patchA": patches[start], "patchB": patches[end], "shrinkA": 2, "shrinkB": 2}
        line = {"linestyle": (0, (4, 2)) if bend else "-", "color": color, "mutation_scale": 14}
        curve = f"arc3,rad={-bend}"  # matplotlib bulges to the right of the direction
        axes.add_patch(
            FancyArrowPatch(a, b, connectionstyle=curve, arrowstyle="-|>", **ends, **line)
        )
        left = np.array([a[1] - b[1], b[0] - a[0]])
        beside = np.sign(bend) * 0.22 * left / np.hypot(*left) if bend else (0, 0.13)
        x, y = (a + b) / 2 + bend * left / 2 + beside
        axes.text(x, y, label, ha="center", va="center", fontsize=9, color=color)
    return figure


#: Text of a box -> (x, y) of its centre, its half width in inches, its colour.
BOXES = {
    "noise z": (0.55, 2.45, 0.5, "grey"),
    "generator\nG": (2.0, 2.45, 0.6, "g"),
    "real\nimages x": (2.0, 0.7, 0.6, "real"),
    "discriminator\nD": (3.9, 1.58, 0.75, "d"),
    "loss of G": (5.6, 2.45, 0.55, "g"),
    "loss of D": (5.6, 0.7, 0.55, "d"),
}
#: (from, to, label, (x, y) of the label, bend, colour) of each arrow. Data does not bend.
ARROWS = [
    ("noise z", "generator\nG", "", (0, 0), 0, "real"),
    ("generator\nG", "discriminator\nD", "G(z)", (2.62, 1.88), 0, "real"),
    ("real\nimages x", "discriminator\nD", "x", (2.78, 1.38), 0, "real"),
    ("discriminator\nD", "loss of G", "ℓ", (4.98, 1.92), 0, "real"),
    ("discriminator\nD", "loss of D", "ℓ", (4.98, 1.27), 0, "real"),
    ("loss of G", "discriminator\nD", "", (0, 0), -0.45, "g"),
    ("discriminator\nD", "generator\nG", "moves G", (3.25, 2.68), -0.45, "g"),
    ("loss of D", "discriminator\nD", "moves D", (3.85, 0.72), 0.45, "d"),
]
#: What can be marked -> the boxes, and the numbers of the arrows, that belong to it.
MARKS = {
    "generator": (["noise z", "generator\nG"], [0]),
    "discriminator": (["discriminator\nD"], [1, 2]),
    "D learns": (list(BOXES)[:4] + ["loss of D"], [0, 1, 2, 4, 7]),
    "G learns": (["noise z", "generator\nG", "discriminator\nD", "loss of G"], [0, 1, 3, 5, 6]),
}


def two_networks(mark: str | None = None) -> Figure:
    """Draw the game: the two networks, what flows between them, and where the gradients go back.

    Data flows along the solid arrows, gradients along the dashed.

    Args:
        mark: the part in question, a key of ``MARKS``; the rest turns pale. None: all of it.

    Raises:
        ValueError: there is no such part.
    """
    if mark is not None and mark not in MARKS:
        raise ValueError(f"There is no part {mark!r} to mark. There are: {', '.join(MARKS)}.")
    strong = MARKS[mark] if mark else (list(BOXES), range(len(ARROWS)))
    figure, axes = plt.subplots(figsize=(6.2, 2.65))
    axes.set(xlim=(0, 6.2), ylim=(0.3, 2.95))
    axes.axis("off")
    patches = {}
    for text, (x, y, half, name) in BOXES.items():
        there = text in strong[0]
        look = {"fc": "white", "ec": plots.COLORS[name], "lw": 2, "alpha": 1 if there else 0.25}
        style = {"boxstyle": "round,pad=0.03", **look}
        high = 0.27 if "\n" in text else 0.2
        corner, size = (x - half + 0.05, y - high), (2 * half - 0.1, 2 * high)
        patches[text] = axes.add_patch(FancyBboxPatch(corner, *size, **style))
        color = plots.COLORS[name] if there else "#999999"
        axes.text(x, y, text, ha="center", va="center", fontsize=12, color=color)
    for number, (start, end, label, place, bend, name) in enumerate(ARROWS):
        there = number in strong[1]
        arrow = FancyArrowPatch(
            BOXES[start][:2],
            BOXES[end][:2],
            connectionstyle=f"arc3,rad={-bend}",  # matplotlib bulges to the right
            arrowstyle="-|>",
            linestyle=(0, (4, 2)) if bend else "-",
            color=plots.COLORS[name],
            alpha=1 if there else 0.2,
            linewidth=1.6,
            mutation_scale=15,
            patchA=patches[start],
            patchB=patches[end],
            shrinkA=2,
            shrinkB=2,
        )
        axes.add_patch(arrow)
        if label and there:
            middle = {"ha": "center", "va": "center", "fontsize": 12}
            axes.text(*place, label, color=plots.COLORS[name], **middle)
    return figure
