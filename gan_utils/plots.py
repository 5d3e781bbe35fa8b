"""Pictures: arrays in, matplotlib figures out, one style for the whole book."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, Markdown
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from gan_utils import runtime

# Okabe & Ito's palette, which stays apart for colour-blind readers; black for what is real.
COLORS = {"d": "#0072B2", "g": "#D55E00", "other": "#009E73", "real": "#000000", "grey": "#595959"}


def use_book_style() -> None:
    """Set matplotlib's defaults to the style of the book: white paper, large type, few lines."""
    plt.rcParams.update(
        {
            "figure.figsize": (6, 3.4),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.prop_cycle": plt.cycler(color=[COLORS["d"], COLORS["g"], COLORS["other"]]),
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "savefig.facecolor": "white",
        }
    )


def tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Arrange images row by row in one picture with white gaps; unused places are white.

    Args:
        images: uint8 (n, height, width, channels), 1 or 3 channels.

    Returns:
        uint8 (rows · height + gaps, columns · width + gaps, channels).
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cells[:n, :height, :width] = images
    cells = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    picture = cells.reshape(rows * (height + gap), columns * (width + gap), channels)
    return picture[: picture.shape[0] - gap, : picture.shape[1] - gap]


def image_grid(images: np.ndarray, columns: int, row_labels: Sequence[str] = ()) -> Figure:
    """Show images in a grid, 0.4 inches to every 28 pixels.

    Args:
        images: uint8 (n, height, width, channels).
        columns: images in a row.
        row_labels: text to the left of each row, or none.
    """
    picture = tile(images, columns)
    height, width = np.array(picture.shape[:2]) * 0.4 / 28
    figure, axes = plt.subplots(figsize=(width + (0.8 if len(row_labels) else 0), height))
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    if len(row_labels):
        step = images.shape[1] + 2
        axes.set_yticks([step * row + images.shape[1] / 2 for row in range(len(row_labels))])
        axes.set_yticklabels(row_labels)
        axes.tick_params(length=0)
    return figure


def titled_samples(samples: np.ndarray, title: str) -> Figure:
    """Show what a generator made, under a title: images in a square grid, or points as a cloud.

    Args:
        samples: uint8 images (n, height, width, channels) or float points (n, 2).

    Returns:
        A figure of its own, which pyplot does not know of and need not close.
    """
    figure = Figure(figsize=(5, 5.4), facecolor="white", layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    if samples.ndim == 2:
        axes.scatter(*samples.T, s=4, alpha=0.4, color=COLORS["g"], linewidths=0)
        axes.set_aspect("equal", "datalim")
    else:
        picture = tile(samples, columns=int(np.ceil(np.sqrt(len(samples)))))
        axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.axis("off")
    return figure


def loss_curves(
    history: Mapping[str, Sequence[float]],
    equilibrium: Mapping[str, float] | None = None,
    dots: Sequence[tuple[str, str, Sequence[int], Sequence[float]]] = (),
) -> Figure:
    """Plot the losses of D (real plus fake) and of G over epochs.

    Args:
        history: holds ``d_loss`` and ``g_loss``, one value an epoch.
        equilibrium: the same keys, drawn as dashed levels (``losses.equilibrium``).
        dots: single values to lay over the curves: (label, ``"d_loss"`` or ``"g_loss"``, epochs,
            values). The first series of a network is filled, further ones are hollow.
    """
    figure, axes = plt.subplots()
    colors = {"d_loss": COLORS["d"], "g_loss": COLORS["g"]}
    for key, color in colors.items():
        name = key[0].upper()
        epochs = range(1, len(history[key]) + 1)
        axes.plot(epochs, history[key], color=color, label=f"loss of {name}")
        if equilibrium:
            level = equilibrium[key]
            axes.axhline(level, color=color, linestyle="--", linewidth=1)
            label = f"equilibrium\nof {name}: {level:.3f}"
            place = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 9}
            axes.annotate(label, (1.01, level), color=color, annotation_clip=False, **place)
    drawn = set()
    for label, key, epochs, values in dots:
        fill = "none" if key in drawn else "full"
        axes.plot(epochs, values, "o", markersize=4, color=colors[key], fillstyle=fill, label=label)
        drawn.add(key)
    axes.set(xlabel="epoch", ylabel="loss (nats)")
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def bands(
    bands: Mapping[str, tuple[np.ndarray, np.ndarray]],
    series: Mapping[str, np.ndarray],
    titles: Mapping[str, str],
) -> Figure:
    """Draw series over epochs, each on its band, two in a row; black crosses mark what is outside.

    Args:
        bands: name -> (lower ends, upper ends), (epochs,) each.
        series: name -> values (epochs,).
        titles: name -> title of its panel. A name that begins with ``d`` belongs to D.
    """
    rows = -(-len(bands) // 2)
    figure, panels = plt.subplots(rows, 2, figsize=(7.5, 2 * rows), sharex=True, squeeze=False)
    for axes, (name, (low, high)) in zip(panels.flat, bands.items(), strict=False):
        values, color = np.asarray(series[name]), COLORS[name[0]]
        epochs = np.arange(1, len(values) + 1)
        out = (values < low) | (values > high)
        axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(epochs, values, color=color)
        axes.plot(epochs[out], values[out], "x", color=COLORS["real"], markersize=5)
        axes.set_title(titles[name], fontsize=11)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    return figure


def pixels(figure: Figure) -> np.ndarray:
    """Draw a figure into pixels, as a frame of a film, and close it.

    Returns:
        uint8 (height, width, 3), of the figure's size in inches times its dpi.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    plt.close(figure)
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def diagram(
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
        bend, color = gradient or (0, COLORS["real"])
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


def claim(text: str, holds: bool) -> Markdown:
    """State a result in a sentence: as it is if it holds, and marked as missed if it does not.

    The quick profile asserts no sentence and says so: its runs are short, and its data may be
    stand-ins.

    Raises:
        AssertionError: the sentence does not hold, in full profile and where claims are asserted
            (``runtime.claims_asserted``).
    """
    if runtime.profile() == "quick":
        return Markdown(f"*(Quick profile: not established by so short a run.)* {text}")
    return Markdown(text if holds else runtime.missed(text))


def table(rows: Sequence[Mapping[str, object]], caption: str = "") -> HTML:
    """Show rows as a table; the keys of the first row are its heads.

    Columns that begin with a number are aligned right. Write numbers as text to choose their
    digits.
    """

    def line(tag, values):
        cells = zip(align, values, strict=True)
        cells = (
            f'<{tag} style="text-align:{a}">{html.escape(str(v))}</{tag[:2]}>' for a, v in cells
        )
        return f"<tr>{''.join(cells)}</tr>"

    columns = zip(*(row.values() for row in rows), strict=True)
    firsts = (next((str(value) for value in column if value != ""), "") for column in columns)
    align = ["right" if first[:1] in tuple("0123456789-+") else "left" for first in firsts]
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    body = "".join(line("td", row.values()) for row in rows)
    heads = line('th scope="col"', rows[0])
    return HTML(f"<table>{title}<thead>{heads}</thead><tbody>{body}</tbody></table>")


FILM_SCRIPT = """
(() => {
  const film = document.currentScript.parentElement, sheet = film.querySelector("img");
  const {columns, labels, scale} = JSON.parse(film.dataset.film);
  const start = () => {
    const canvas = document.createElement("canvas"), rows = Math.ceil(labels.length / columns);
    canvas.width = sheet.naturalWidth / columns; canvas.height = sheet.naturalHeight / rows;
    canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", sheet.alt);
    canvas.style.cssText = `display:block;width:${scale * canvas.width}px;max-width:100%`;
    const bar = document.createElement("div"), play = document.createElement("button");
    const range = document.createElement("input"), label = document.createElement("output");
    bar.style.cssText = "display:flex;flex-wrap:wrap;gap:.5em;align-items:center;margin-top:.4em";
    Object.assign(range, {type: "range", min: 0, max: labels.length - 1, value: labels.length - 1});
    range.setAttribute("aria-label", "moment"); range.style.flex = "1";
    play.type = "button"; play.textContent = "Play";
    const show = () => {
      const i = +range.value, w = canvas.width, h = canvas.height;
      canvas.getContext("2d").drawImage(
        sheet, (i % columns) * w, Math.floor(i / columns) * h, w, h, 0, 0, w, h);
      label.textContent = labels[i]; range.setAttribute("aria-valuetext", labels[i]);
    };
    let timer = 0;
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    play.onclick = () => {
      if (timer) return stop();
      if (+range.value === labels.length - 1) range.value = 0;
      play.textContent = "Pause"; show();
      timer = setInterval(() => {
        if (+range.value === labels.length - 1) return stop();
        range.value = +range.value + 1; show();
      }, 150);
    };
    range.oninput = () => { stop(); show(); };
    bar.append(play, range, label); sheet.hidden = true; sheet.before(canvas, bar); show();
  };
  sheet.complete && sheet.naturalWidth ? start() : sheet.addEventListener("load", start);
})();
"""


def film(
    frames: Sequence[np.ndarray],
    labels: Sequence[str],
    alt: str,
    caption: str,
    columns: int = 5,
    scale: float = 2,
) -> HTML:
    """Show pictures as a film that the reader moves with a slider, or starts with a button.

    All frames travel as one WebP contact sheet. Where scripts do not run, the sheet is what shows.

    Args:
        frames: uint8 pictures of one size, (height, width, channels) each, in order.
        labels: what the slider says at each frame.
        alt: what a reader sees who does not see pictures.
        caption: what stands below the film.
        columns: of the contact sheet.
        scale: pixels of the page to one of a frame, where there is room.
    """
    if not len(frames) or len(frames) != len(labels):
        raise ValueError(
            "A film needs at least one frame and a label for each, "
            f"got {len(frames)} frames and {len(labels)} labels."
        )
    sheet, buffer = tile(np.stack(frames), columns, gap=0), io.BytesIO()
    Image.fromarray(sheet.squeeze()).save(buffer, "WEBP", quality=60)
    source = base64.b64encode(buffer.getvalue()).decode()
    settings = html.escape(json.dumps({"columns": columns, "labels": list(labels), "scale": scale}))
    return HTML(
        f'<figure class="film" data-film="{settings}">'
        f'<img alt="{html.escape(alt)}" width="{sheet.shape[1]}" height="{sheet.shape[0]}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,{source}">'
        f"<figcaption>{html.escape(caption)}</figcaption><script>{FILM_SCRIPT}</script></figure>"
    )


def plane(low: float, high: float, n: int = 80) -> np.ndarray:
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
        d: probabilities (n · n,) or (n · n, 1), between 0 and 1, at the points of ``plane``.

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
        axes.contour(side, side, d, [0.5], colors=COLORS["d"], linewidths=1)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.grid(False)


def point_clouds(axes: plt.Axes, real: np.ndarray, generated: np.ndarray, size: float = 3) -> None:
    """Scatter generated points (n, 2) over real points (m, 2), each in its colour."""
    for points, name, label in ((real, "real", "real"), (generated, "g", "generated")):
        axes.scatter(*points.T, s=size, color=COLORS[name], alpha=0.5, linewidths=0, label=label)


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
    for family, color in ((lines[:half], COLORS["g"]), (lines[half:], COLORS["grey"])):
        for line in family:
            axes.plot(*line.T, color=color, linewidth=0.6)
    axes.set_aspect("equal")
    axes.grid(False)


def photo_grid(images: np.ndarray, columns: int, row_labels: Sequence[str] = (), quality: int = 70):
    """Show photographs in a grid, two pixels to one, stored as JPEG.

    Otherwise as ``image_grid``; a PNG of photographs is several times as large.

    Args:
        images: uint8 (n, height, width, channels).
        columns: images in a row.
        row_labels: text to the left of each row, or none.
        quality: of the JPEG, 1 to 95.

    Returns:
        ``IPython.display.Image``, which a notebook shows.
    """
    from IPython import display

    picture, dpi = tile(images, columns), 100
    height, width = picture.shape[:2]
    figure = Figure(figsize=(2 * width / dpi, 2 * height / dpi), facecolor="white", layout="none")
    axes = figure.add_axes((0, 0, 1, 1))  # labels lie outside; the tight box takes them in
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    step, side = images.shape[1] + 2, images.shape[1]
    axes.set(xticks=[], yticks=[step * row + side / 2 for row in range(len(row_labels))])
    axes.set_yticklabels(row_labels)
    axes.tick_params(length=0)
    buffer, options = io.BytesIO(), {"quality": quality, "optimize": True}
    figure.savefig(
        buffer, format="jpeg", dpi=dpi, bbox_inches="tight", pad_inches=0, pil_kwargs=options
    )
    return display.Image(buffer.getvalue(), format="jpeg")
