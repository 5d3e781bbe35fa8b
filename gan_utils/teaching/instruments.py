"""Instruments in the page: ideas that the reader moves, each a short script in one HTML output.

Nothing is fetched: the script, its style and a still picture travel in the output. The still is
what shows where scripts do not run, and on paper. Each function names its own files, so that the
stamp of a notebook holds only the instrument that it shows.
"""

import html
import json
import urllib.parse
from statistics import NormalDist

import numpy as np
from IPython.display import HTML

from gan_utils import files, plots

STYLE = files.text("teaching/instrument.css")

# --- A GAN that trains in the page ----------------------------------------------------------------

PLANE_SCRIPT = files.text("teaching/plane.js")
PLANE_STYLE = files.text("teaching/plane.css")
PLANE_STILL = files.text("teaching/plane.svg")  # made by tools/instrument_fixtures.py

# setting -> its name in the page, and what can be chosen, with its words
PLANE_CHOICES = {
    "data": (
        "data",
        {"ring": "ring of 8", "grid": "grid of 25", "square": "square", "drawn": "drawn by you"},
    ),
    "loss": (
        "loss",
        {
            "non_saturating": "non-saturating",
            "minimax": "minimax",
            "relativistic": "relativistic",
        },
    ),
    "beta_1": ("β₁ of Adam", (0.0, 0.5, 0.9, 0.95, 0.98)),
    "real_target": ("target of reals", (0.7, 0.9, 1.0, 1.1)),
    "r1": ("R₁, weight γ", (0.0, 0.01, 0.1, 1.0, 10.0)),
    "r2": ("R₂, weight γ", (0.0, 0.01, 0.1, 1.0, 10.0)),
    "d_rate": ("rate of D", (0.0001, 0.0003, 0.001, 0.003, 0.01)),
    "g_rate": ("rate of G", (0.0001, 0.0003, 0.001, 0.003, 0.01)),
    "d_updates": ("updates of D", (1, 2, 5, 10)),
    "g_updates": ("updates of G", (1, 2, 5, 10)),
    "width": ("units a layer", (8, 16, 32, 64, 128)),
    "batch": ("batch", (16, 32, 64, 128)),
}

# preset -> its words in the page, and its settings; the first holds a value for each setting
PLANE_PRESETS = {
    "healthy": (
        "healthy",
        {
            "data": "ring",
            "loss": "non_saturating",
            "beta_1": 0.5,
            "real_target": 1.0,
            "r1": 0.0,
            "r2": 0.0,
            "d_rate": 0.001,
            "g_rate": 0.001,
            "d_updates": 1,
            "g_updates": 1,
            "width": 32,
            "batch": 64,
        },
    ),
    "collapse": ("collapse: too much momentum", {"beta_1": 0.98}),
    "momentum": ("β₁ = 0.9: most seeds collapse", {"beta_1": 0.9}),
    "cure": ("its cure: R₁ and R₂", {"beta_1": 0.9, "r1": 0.1, "r2": 0.1}),
    "strong": ("D too strong", {"loss": "minimax", "d_updates": 5, "d_rate": 0.003}),
    "sign": (
        "smoothing with the wrong sign",
        {"real_target": 1.1, "d_updates": 5, "g_rate": 0.0001},
    ),
    "relativistic": ("relativistic, R₁ and R₂", {"loss": "relativistic", "r1": 0.1, "r2": 0.1}),
}


def show_plane(preset: str = "healthy", seed: int = 0, **settings) -> HTML:
    """Let a GAN train in the page, on points in the plane, in the hands of the reader.

    Two networks of two hidden layers with ReLU, as in chapter 03, narrower unless told. The page
    shows real and generated points, D's surface, arrows along minus the slope of G's loss (their
    length is its logarithm), G's warped grid, both losses with their values at equilibrium, and the
    modes covered. It is paused until the reader presses Play. In a browser's console the figure
    element has ``game``, ``coverage``, ``settings`` and ``snapshot``.

    Args:
        preset: one of ``PLANE_PRESETS``, to begin with.
        seed: of weights, data and noise, from 0 to 999,999.
        settings: other settings than the preset's, each a value in ``PLANE_CHOICES``: ``data``,
            ``loss``, ``beta_1``, ``real_target``, ``r1`` and ``r2`` (the weights γ of the penalties
            γ/2 ‖∇D‖² on real and on generated points), ``d_rate``, ``g_rate``, ``d_updates``,
            ``g_updates``, ``width``, ``batch``.

    Returns:
        An output of about 55 kB.

    Raises:
        ValueError: an unknown preset or setting, or a value that cannot be chosen.
    """
    _check("preset", preset, PLANE_PRESETS)
    for name, value in settings.items():
        _check("setting", name, PLANE_CHOICES)
        _check(name, value, PLANE_CHOICES[name][1])
    if type(seed) is not int or not 0 <= seed <= 999_999:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to 999,999.")
    plain = PLANE_PRESETS["healthy"][1]
    described = {
        "choices": {name: (text, _pairs(values)) for name, (text, values) in PLANE_CHOICES.items()},
        "presets": {
            name: {"text": text, "settings": changes}
            for name, (text, changes) in PLANE_PRESETS.items()
        },
        "start": {**plain, **PLANE_PRESETS[preset][1], **settings, "seed": seed},
        # lines of the grid over z, with the same share of all z between any two neighbours
        "levels": [round(NormalDist().inv_cdf(i / 14), 4) for i in range(1, 14)],
    }
    return _output(
        "plane",
        described,
        PLANE_STYLE,
        PLANE_SCRIPT,
        PLANE_STILL,
        alt="A GAN in the plane after some training. Eight real modes on a ring, orange generated "
        "points near most of them, and arrows that point where the generator's loss sends each.",
        caption="A GAN that trains in this page. Press Play, change a setting, see what it does. "
        "Circles: the modes of the real points. Orange: generated points, and G. Blue: where D "
        "says real, and D.",
    )


# --- Two densities to drag ------------------------------------------------------------------------

DENSITIES_SCRIPT = files.text("teaching/densities.js")
DENSITIES_STYLE = files.text("teaching/densities.css")

LAKE = ((0.6, -1.0, 0.3), (0.4, 1.2, 0.4))  # share, mean, standard deviation: chapter 02
TWO_HUMPS = ((0.6, -1.0, 0.4), (0.4, 1.2, 0.6))  # chapter 06

# scene -> its words in the page, the humps of p, those of q, the targets a and b, where G stands
DENSITIES_SCENES = {
    "farm": ("the lake and the farm", LAKE, ((1, 0.2, 0.8), (0, 3, 0.5)), (1, 0), 2.5),
    "equal": ("q equals p", LAKE, LAKE, (1, 0), 1.2),
    "apart": ("no overlap", LAKE, ((1, 4, 0.3), (0, 3, 0.5)), (1, 0), 4.0),
    "false hump": (
        "a false hump, smoothed",
        TWO_HUMPS,
        ((0.5, -0.8, 0.5), (0.5, 3.4, 0.5)),
        (0.9, 0.1),
        3.4,
    ),
}


def show_densities(scene: str = "farm") -> HTML:
    """Let the reader drag the density q of a generator on a line, beside the real density p.

    The page shows p and q, the best answers of D for the reader's targets a and b, G's loss and its
    slope for both losses, JS(p, q), D's loss, and how much of the slope the targets leave where G
    stands. In a browser's console the figure element has ``at`` and ``whole``.

    Args:
        scene: one of ``DENSITIES_SCENES``, to begin with; the reader has all of them.

    Returns:
        An output of about 25 kB.

    Raises:
        ValueError: an unknown scene.
    """
    _check("scene", scene, DENSITIES_SCENES)
    scenes = []
    for text, real, made, (a, b), x in DENSITIES_SCENES.values():
        (share, mean1, sd1), (_, mean2, sd2) = made
        start = {"share": share, "mean1": mean1, "sd1": sd1, "mean2": mean2, "sd2": sd2}
        scenes.append({"text": text, "real": real, "start": start | {"a": a, "b": b, "x": x}})
    return _output(
        "densities",
        {"scenes": scenes, "start": [*DENSITIES_SCENES].index(scene)},
        DENSITIES_STYLE,
        DENSITIES_SCRIPT,
        _densities_still(*DENSITIES_SCENES[scene][1:4]),
        alt="Above, the real density in black and the generated one in orange, over a line. Below, "
        "the best answer of D in blue, near 1 where the real density is the larger of the two.",
        caption="Drag an orange dot: sideways it moves a hump of q, up and down it makes it wider "
        "or narrower. The dot on the axis is a point that G made.",
    )


def _densities_still(real, made, targets) -> str:
    """Draw p, q and the best D for the targets as an SVG, 420 by 280."""
    x = np.linspace(-3.5, 5.5, 181)

    def density(humps):
        scale = np.sqrt(2 * np.pi)
        return sum(w * np.exp(-(((x - m) / s) ** 2) / 2) / (s * scale) for w, m, s in humps)

    p, q = density(real), density(made)
    total = np.maximum(p + q, np.finfo(float).tiny)
    best = (targets[0] * p + targets[1] * q) / total
    lines = ((p, 150, 110, "real"), (q, 150, 110, "g"), (best, 260, 80, "d"))
    paths = [
        _path(20 + 380 * (x + 3.5) / 9, base - height * values, plots.COLORS[color])
        for values, base, height, color in lines
    ]
    words = ((20, 18, "densities p (real) and q (generated)"), (20, 176, "the best answer of D"))
    return _svg(420, 280, [*paths, *(_text(*word) for word in words)])


# --- A convolution workbench ----------------------------------------------------------------------

CONVOLUTION_SCRIPT = files.text("teaching/convolution.js")
CONVOLUTION_STYLE = files.text("teaching/convolution.css")

# setting of a layer -> its smallest and largest value in the page
CONVOLUTION_LIMITS = {
    "side": (1, 14),
    "kernel": (1, 7),
    "stride": (1, 4),
    "padding": (0, 3),
    "output_padding": (0, 3),
}


def show_convolution(kind: str = "transposed", **settings) -> HTML:
    """Let the reader set a convolution or a transposed one, and see which cell feeds which.

    The page shows both pictures and the kernel as tables, the sizes, the call of Keras to copy, or
    why there is none, and the kernels and paddings that make a wanted size, found as
    ``chapters.upsampling.transposed_geometry`` finds them. In a browser's console the figure
    element has ``geometry``, ``layer`` and ``pictures``.

    Args:
        kind: ``"transposed"`` or ``"convolution"``, to begin with.
        settings: ``side`` of the picture that goes in, ``kernel``, ``stride``, ``padding`` and
            ``output_padding``, each within ``CONVOLUTION_LIMITS``. Without them 3 pixels become 6
            and 6 become 3, as in chapter 08.

    Returns:
        An output of about 35 kB.

    Raises:
        ValueError: an unknown kind or setting, or a value out of its limits.
    """
    kinds = ("transposed", "convolution")
    _check("kind", kind, kinds)
    side = 3 if kind == "transposed" else 6
    start = {"side": side, "kernel": 4, "stride": 2, "padding": 1, "output_padding": 0}
    for name, value in settings.items():
        _check("setting", name, CONVOLUTION_LIMITS)
        low, high = CONVOLUTION_LIMITS[name]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} is {value!r}; it must be a whole number, {low} to {high}.")
    start |= settings | {"kind": kind, "cells": "numbers"}
    return _output(
        "convolution",
        {"start": start, "limits": CONVOLUTION_LIMITS},
        CONVOLUTION_STYLE,
        CONVOLUTION_SCRIPT,
        _convolution_still(),
        alt="Three grids: 3 by 3 cells, a kernel of 4 by 4, and 8 by 8 cells, whose border is cut "
        "off. One cell of the first is marked, and the 4 by 4 cells that it reaches in the last.",
        caption="Point at a cell, and see which cells of the other picture it meets, and by which "
        "weights. Change the layer, and read its size and its call.",
    )


def _convolution_still() -> str:
    """Draw the grids of the chapter's case, kernel 4, stride 2 and padding 1: 420 by 200."""
    parts, cell = [], 18
    for left, side, lit, words, cut in (
        (10, 3, (1, 1, 1), "in", 0),
        (100, 4, (0, 0, 4), "kernel", 0),
        (230, 8, (2, 2, 4), "out, its border cut off", 1),
    ):
        for i, j in np.ndindex(side, side):
            marked = 0 <= i - lit[0] < lit[2] and 0 <= j - lit[1] < lit[2]
            outside = not (cut <= i < side - cut and cut <= j < side - cut)
            fill = "#f6c9a8" if marked else "#e4e4e4" if outside else "#fff"
            parts.append(
                f'<rect x="{left + cell * j}" y="{30 + cell * i}" width="{cell}" height="{cell}" '
                f'fill="{fill}" stroke="{plots.COLORS["grey"]}"/>'
            )
        parts.append(_text(left, 20, words))
    return _svg(420, 200, parts)


# --- What they share ------------------------------------------------------------------------------


def _check(what: str, value, known) -> None:
    """Refuse what is not among the known, and say what is."""
    if value not in known:
        raise ValueError(f"There is no {what} {value!r}. There are: {', '.join(map(str, known))}.")


def _pairs(values) -> list:
    """Return (value, its words) of each."""
    return list(values.items()) if isinstance(values, dict) else [(v, f"{v:g}") for v in values]


def _output(kind, described, style, script, still, alt, caption) -> HTML:
    """Return a figure that holds a still, what the script is told, and the script."""
    told = html.escape(json.dumps(described, ensure_ascii=False))
    source = urllib.parse.quote(still, safe=" /:=<>,.;()'")
    return HTML(
        f'<figure class="instrument {kind}" data-{kind}="{told}"><style>\n{STYLE}{style}</style>'
        f'<img alt="{html.escape(alt)}" width="630" '
        f'style="max-width:100%;height:auto;background:#fff" '
        f'src="data:image/svg+xml,{html.escape(source)}">'
        f"<figcaption>{html.escape(caption)}</figcaption><script>\n{script}</script></figure>"
    )


def _svg(width: int, height: int, parts: list[str]) -> str:
    """Return an SVG picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">'
        f"{''.join(parts)}</svg>"
    )


def _path(x: np.ndarray, y: np.ndarray, color: str) -> str:
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<path d="M{points}" fill="none" stroke="{color}" stroke-width="2"/>'


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{plots.COLORS["grey"]}">{html.escape(words)}</text>'
