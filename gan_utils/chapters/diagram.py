"""Chapter 04: the diagram of the two networks and what flows between them."""

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
