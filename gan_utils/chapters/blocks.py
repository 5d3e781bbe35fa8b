"""Chapter 09: a convolutional network drawn as a row of blocks, one for each grid of its maps."""

from collections.abc import Sequence

import keras
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_utils import plots


def network(model: keras.Model, color: str, start: str, steps: Sequence[str], end: str) -> Figure:
    """Draw the feature maps of a network, from its input to its output.

    A block is as high as the side of its maps and as wide as their number. Layers that keep both
    are drawn as one block.

    Args:
        model: whose layers put out images or maps (n, side, side, maps) somewhere.
        color: a key of ``plots.COLORS``.
        start, end: what stands for the input and for the output.
        steps: what stands over each arrow, one more than there are blocks if the network ends in
            something other than maps, such as a logit.

    Raises:
        ValueError: there are more blocks than steps.
    """
    shapes = [layer.output.shape[1:] for layer in model.layers]
    shapes = list(dict.fromkeys(tuple(shape) for shape in shapes if len(shape) == 3))
    if len(shapes) > len(steps):
        raise ValueError(
            f"{model.name} has {len(shapes)} blocks, and there are {len(steps)} steps for them. "
            "Give one for each block."
        )
    figure, axes = plt.subplots(figsize=(7.5, 2.9))
    axes.text(0, 0, start, ha="center", va="center")
    edge, note = 0.35, {"ha": "center", "va": "bottom", "fontsize": 9}
    arrow = {"arrowstyle": "->", "color": plots.COLORS["grey"]}
    for place, step in enumerate(steps):
        tip = edge + 1.6
        axes.annotate("", (tip, 0), (edge + 0.05, 0), arrowprops=arrow)
        axes.text((edge + tip) / 2, 0.06, step, color=plots.COLORS["grey"], **note)
        inside = place < len(shapes)
        edge = _block(axes, tip + 0.1, shapes[place], plots.COLORS[color]) if inside else tip
    axes.text(edge + 0.15, 0, end, va="center")
    axes.set(xlim=(-0.5, edge + 0.9), ylim=(-2.1, 2.3), aspect="equal")
    axes.axis("off")
    return figure


def _block(axes: Axes, x: float, shape: tuple[int, int, int], color: str) -> float:
    """Draw one block with its left edge at x; return where its right edge is."""
    side, _, maps = shape
    wide, tall, slant = 0.1 + 0.008 * maps, 0.09 * side, 0.03 * side
    low, high = -tall / 2, tall / 2
    front = [(x, low), (x + wide, low), (x + wide, high), (x, high)]
    top = [(x, high), (x + wide, high), (x + wide + slant, high + slant)]
    top.append((x + slant, high + slant))
    right = [(x + wide, low), (x + wide + slant, low + slant)]
    right += [(x + wide + slant, high + slant), (x + wide, high)]
    for corners, shade in ((front, 0.75), (top, 0.35), (right, 0.5)):
        axes.add_patch(plt.Polygon(corners, fc=color, ec="white", alpha=shade))
    note = f"{side} × {side}\n{maps} map{'s' * (maps > 1)}"
    axes.text(x + wide / 2, low - 0.15, note, ha="center", va="top", fontsize=9)
    return x + wide + slant
