"""Chapter 03: figures of a game in the plane."""

from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np

from gan_utils import plots


def axes(low: float, high: float, n: int = 80) -> np.ndarray:
    """Return the points of an n by n lattice over a square, to ask a discriminator about.

    Returns:
        float32 (n · n, 2), row by row from the bottom, both coordinates from ``low`` to ``high``.
    """
    side = np.linspace(low, high, n, dtype=np.float32)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def decision_surface(axes: plt.Axes, d: np.ndarray, low: float, high: float) -> None:
    """Paint D(x) over a square: white where D says "generated", blue where it says "real".

    A line marks D(x) = 0.5, where there is one.

    Args:
        axes: to draw on; it gets the limits and the shape of the square.
        d: probabilities (n · n,) or (n · n, 1), between 0 and 1, at the points that the function
            ``axes`` returns.

    Raises:
        ValueError: the number of probabilities is no square.
    """
    n = round(np.sqrt(np.size(d)))
    if n * n != np.size(d):
        raise ValueError(f"There are {np.size(d)} probabilities, not n times n as for plane().")
    d, side = np.reshape(d, (n, n)), np.linspace(low, high, n)
    axes.imshow(
        d,
        cmap="Blues",
        vmin=0,
        vmax=1.6,  # so that the points stay visible on the darkest blue
        origin="lower",
        extent=(low, high, low, high),
        interpolation="bilinear",
    )
    if d.min() < 0.5 < d.max():
        axes.contour(side, side, d, [0.5], colors=plots.COLORS["d"], linewidths=1)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.grid(False)


def point_clouds(axes: plt.Axes, real: np.ndarray, generated: np.ndarray, size: float = 3) -> None:
    """Scatter generated points (n, 2) over real points (m, 2), each in its colour."""
    for points, name, label in ((real, "real", "real"), (generated, "g", "generated")):
        axes.scatter(
            *points.T, s=size, color=plots.COLORS[name], alpha=0.5, linewidths=0, label=label
        )


def latent_grid(lines: int = 19, points: int = 100) -> np.ndarray:
    """Return the lines of a grid over normal z in two dimensions, spaced by probability.

    Between two neighbours of a direction lies the same share of all z, 1/(lines + 1).

    Returns:
        float32 (2 · lines, points, 2), first lines of constant z₁, then of constant z₂.
    """
    quantile = NormalDist().inv_cdf
    at = np.array([quantile(i / (lines + 1)) for i in range(1, lines + 1)])
    along = np.linspace(quantile(0.005), quantile(0.995), points)
    first = np.stack(np.meshgrid(at, along, indexing="ij"), axis=-1)
    return np.concatenate([first, first[..., ::-1]]).astype(np.float32)


def warped_grid(axes: plt.Axes, lines: np.ndarray) -> None:
    """Draw where a generator takes the lines of ``latent_grid``: (2 · lines, points, 2)."""
    half = len(lines) // 2
    for family, color in ((lines[:half], plots.COLORS["g"]), (lines[half:], plots.COLORS["grey"])):
        for line in family:
            axes.plot(*line.T, color=color, linewidth=0.6)
    axes.set_aspect("equal")
    axes.grid(False)
