"""A run against the band of healthy runs of the same recipe."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

from gan_utils import data, plots

#: The series that a comparison looks at, six of ``gan.METRICS``, with their names.
SERIES = {
    "d_loss": "loss of D",
    "g_loss": "loss of G",
    "d_x": "mean D(x)",
    "d_gz": "mean D(G(z))",
    "d_grad_norm": "gradient norm of D",
    "g_grad_norm": "gradient norm of G",
}


class Comparison(NamedTuple):
    """How a run stands against healthy ones of the same recipe."""

    inside: bool
    #: series -> share of the run's epochs in which it lies inside the band
    shares: dict[str, float]
    figure: plots.Figure


def compare_run(
    history: Mapping[str, Sequence[float]] | str | Path,
    recipe: str = "mlp-mnist",
    runs: Sequence[Mapping] | None = None,
) -> Comparison:
    """Lay a run's history over the band of healthy runs, and print whether it lies inside.

    The band is where a further healthy run would lie, epoch by epoch, in 99 of 100 cases: a
    prediction interval of Student's t for one more draw, of logits for the means of D and of
    logarithms for all else. Its width is pooled over five epochs on either side, since a handful
    of runs tell little about one epoch alone. A run counts as inside
    if each series is inside in at least nine of ten epochs. Such a run is not proven to be good,
    but one outside is unlike these healthy ones.

    Args:
        history: ``fit(...).history``, or the folder of a run with its ``history.csv``. At least
            five epochs on the recipe's real data; later ones than the band has are left out.
        recipe: whose healthy runs.
        runs: rows with ``recipe``, ``case``, ``seed`` and ``epoch``; by default the committed ones
            of ``experiments/healthy_runs.py``.

    Raises:
        ValueError: no healthy runs of this recipe, a history without one of the series, or one of
            fewer than five epochs.
        FileNotFoundError: the folder holds no ``history.csv``.
    """
    rows = data.load_results("healthy_runs.csv") if runs is None else runs
    healthy = [row for row in rows if row["recipe"] == recipe and row["case"] == "healthy"]
    if not healthy:
        there = ", ".join(sorted({row["recipe"] for row in rows}))
        raise ValueError(f"There are no healthy runs of {recipe!r}. There are some of: {there}.")
    history = read_history(history)
    if missing := [name for name in SERIES if name not in history]:
        raise ValueError(f"The history has no {missing[0]!r}. It has: {', '.join(history)}.")
    seeds = sorted({row["seed"] for row in healthy})
    epochs = min(len(history["d_loss"]), len(healthy) // len(seeds))
    if epochs < 5:
        raise ValueError(f"The history has {epochs} epochs; a comparison takes at least 5.")
    bands, mine = {}, {name: np.array(history[name][:epochs], np.float64) for name in SERIES}
    for name in SERIES:
        values = [[row[name] for row in healthy if row["seed"] == seed] for seed in seeds]
        # Losses and norms are above 0, D's means between 0 and 1, and so shall their bands be.
        logistic = scipy.stats.logistic  # its quantiles are logits
        to, back = (logistic.ppf, logistic.cdf) if name in ("d_x", "d_gz") else (np.log, np.exp)
        bands[name] = [back(end) for end in _band(to(np.array(values)[:, :epochs]))]
    shares = {
        name: float(((low <= mine[name]) & (mine[name] <= high)).mean())
        for name, (low, high) in bands.items()
    }
    outside = [f"{SERIES[name]} ({share:.0%})" for name, share in shares.items() if share < 0.9]
    print(
        f"{'Outside' if outside else 'Inside'} the band of {len(seeds)} healthy runs of {recipe}, "
        f"over {epochs} epochs."
        + (f" Inside in too few epochs: {', '.join(outside)}." if outside else "")
    )
    figure = draw(bands, mine, SERIES)
    return Comparison(not outside, shares, figure)


def draw(
    bands: Mapping[str, tuple[np.ndarray, np.ndarray]],
    series: Mapping[str, np.ndarray],
    titles: Mapping[str, str],
) -> plots.Figure:
    """Draw series over epochs, each on its band, two in a row; black crosses mark what is outside.

    Args:
        bands: name -> (lower ends, upper ends), (epochs,) each.
        series: name -> values (epochs,).
        titles: name -> title of its panel. A name that begins with ``d`` belongs to D.
    """
    rows = -(-len(bands) // 2)
    figure, panels = plt.subplots(rows, 2, figsize=(7.5, 2 * rows), sharex=True, squeeze=False)
    for axes, (name, (low, high)) in zip(panels.flat, bands.items(), strict=False):
        values, color = np.asarray(series[name]), plots.COLORS[name[0]]
        epochs = np.arange(1, len(values) + 1)
        out = (values < low) | (values > high)
        axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(epochs, values, color=color)
        axes.plot(epochs[out], values[out], "x", color=plots.COLORS["real"], markersize=5)
        axes.set_title(titles[name], fontsize=11)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    return figure


def read_history(history: Mapping | str | Path) -> Mapping:
    """Return a history as it is, or read it from the ``history.csv`` of a run's folder.

    Raises:
        FileNotFoundError: the folder holds no ``history.csv``.
    """
    if not isinstance(history, str | Path):
        return history
    path = Path(history) / "history.csv"
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path}. Give the folder of a run, or a history.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def _band(values: np.ndarray, around: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of a 99 % prediction interval, an epoch each, for values (runs, epochs)."""
    runs, epochs = values.shape
    near = np.abs(np.subtract.outer(np.arange(epochs), np.arange(epochs))) <= around
    variance = near @ values.var(axis=0, ddof=1) / near.sum(axis=1)
    half = scipy.stats.t.ppf(0.995, runs - 1) * np.sqrt(variance * (1 + 1 / runs))
    return values.mean(axis=0) - half, values.mean(axis=0) + half
