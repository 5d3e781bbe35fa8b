"""Pictures: arrays in, matplotlib figures out, one style for the whole book."""

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import HTML, Markdown, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure
from PIL import Image

from gan_utils import runtime

# Okabe & Ito's palette, which stays apart for colour-blind readers; black for what is real.
COLORS = {"d": "#0072B2", "g": "#D55E00", "other": "#009E73", "real": "#000000", "grey": "#595959"}
MOST_DOTS = 2000  # of a figure that is kept as SVG: each takes a hundred bytes
TWO_PIXELS = 2 / 110  # inches of a figure that are two pixels of the page
PAGE = 880  # pixels that the page gives to a figure


def use_book_style() -> None:
    """Set matplotlib's defaults to the style of the book: white paper, large type, few lines.

    In a notebook figures are then shown as ``formats`` says.
    """
    if shell := get_ipython():
        plt.switch_backend(plt.get_backend())  # now: with the first figure it would set its formats
        known = shell.display_formatter.formatters
        known["image/svg+xml"].for_type(Figure, _svg)
        known["image/png"].for_type(Figure, _png)
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
            "svg.hashsalt": "gan_utils",  # else the names inside an SVG are random
        }
    )


def formats(figure: Figure) -> tuple[dict, dict]:
    """Return what a notebook keeps of a figure: data and metadata, by MIME type.

    Lines and type are kept as SVG, which is sharp in any size, and whose colours the book turns for
    its dark mode; a PNG stands beside it for viewers that show no SVG. A figure that holds images,
    or very many dots, is a PNG with two pixels to each of the page.
    """
    png, size = _png(figure)
    data = {"image/svg+xml": _svg(figure), "image/png": png}
    return {kind: value for kind, value in data.items() if value}, {"image/png": size}


def _has_pixels(figure):
    parts = [part for axes in figure.axes for part in axes.collections]
    dots = sum(len(part.get_offsets()) for part in parts if isinstance(part, PathCollection))
    images = any(axes.images for axes in figure.axes)
    return images or dots > MOST_DOTS or any(isinstance(part, QuadMesh) for part in parts)


def _svg(figure):
    """Return a figure as SVG, the same text in each run; None if it holds pixels."""
    if _has_pixels(figure):
        return None
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with plt.rc_context({"svg.hashsalt": "gan_utils"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=nothing)
    text = buffer.getvalue()
    text = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S
    )
    text = re.sub(r"\n\s*(?=\n|<)", "\n", text)
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"\d+\.\d+", _short, path[0]), text)
    pixels = figure.dpi / 72  # to a point, in which matplotlib writes the size
    sides = r'(?<=[ \n])(width|height)="([\d.]+)pt"'
    return re.sub(sides, lambda side: f'{side[1]}="{float(side[2]) * pixels:.0f}"', text)


def _short(number):
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _png(figure):
    """Return a figure as PNG, in base64, and the size in which it is shown, in pixels."""
    times, buffer = 2 if _has_pixels(figure) else 1, io.BytesIO()
    figure.savefig(buffer, format="png", dpi=times * figure.dpi, bbox_inches="tight")
    size = dict(zip(("width", "height"), Image.open(buffer).size, strict=True))
    size = {side: round(length / times) for side, length in size.items()}
    return base64.b64encode(buffer.getvalue()).decode(), size


def tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Arrange images row by row in one picture with white gaps; unused places are white.

    Args:
        images: uint8 (n, height, width, channels), 1 or 3 channels.

    Returns:
        uint8 (rows · height + gaps, columns · width + gaps, channels).

    Raises:
        ValueError: images of another dtype or shape, such as a generator's own output.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            f"tile takes uint8 images (n, height, width, channels), got {images.dtype} "
            f"{images.shape}. gan_utils.data.to_pixels makes uint8 of a generator's [-1, 1]."
        )
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cells[:n, :height, :width] = images
    cells = cells.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    picture = cells.reshape(rows * (height + gap), columns * (width + gap), channels)
    return picture[: picture.shape[0] - gap, : picture.shape[1] - gap]


def image_grid(images: np.ndarray, columns: int, row_labels: Sequence[str] = ()) -> Figure:
    """Show images in a grid, two pixels of the page to each of theirs where there is room.

    Args:
        images: uint8 (n, height, width, channels).
        columns: images in a row.
        row_labels: text to the left of each row, or none.
    """
    picture = tile(images, columns)
    times = min(4, max(1, 2 * PAGE // picture.shape[1])) / 2  # so that every pixel stays a square
    height, width = np.array(picture.shape[:2]) * TWO_PIXELS / 2 * times
    figure = plt.figure(figsize=(width, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))  # labels lie outside; the tight box takes them in
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    step, side = images.shape[1] + 2, images.shape[1]
    axes.set(xticks=[], yticks=[step * row + side / 2 for row in range(len(row_labels))])
    axes.set_yticklabels(row_labels)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
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


def pixels(figure: Figure) -> np.ndarray:
    """Draw a figure into pixels, as a frame of a film, and close it.

    Returns:
        uint8 (height, width, 3), of the figure's size in inches times its dpi.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    plt.close(figure)
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _shown(output):
    """Show an output now, wherever in its cell it is made, and return it, not to be shown again."""
    if get_ipython():
        display(output)
        output._ipython_display_ = lambda: None
    return output


def claim(text: str, holds: bool) -> Markdown:
    """State a result in a sentence: as it is if it holds, and marked as missed if it does not.

    A notebook shows it at once, also where more code follows in the cell. The quick profile asserts
    no sentence and says so: its runs are short, and its data may be stand-ins.

    Raises:
        AssertionError: the sentence does not hold, in full profile and where claims are asserted
            (``runtime.claims_asserted``).
    """
    if runtime.profile() == "quick":
        return _shown(Markdown(f"*(Quick profile: not established by so short a run.)* {text}"))
    return _shown(Markdown(text if holds else runtime.missed(text)))


def table(rows: Sequence[Mapping[str, object]], caption: str = "") -> HTML:
    """Show rows as a table, at once; the keys of the first row are its heads.

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
    return _shown(HTML(f"<table>{title}<thead>{heads}</thead><tbody>{body}</tbody></table>"))


def titled_row(samples: np.ndarray, title: str, columns: int) -> Figure:
    """Show what a generator made, under a small title: images row by row, or points as a cloud.

    Args:
        samples: uint8 images (n, height, width, channels) or float points (n, 2).
        columns: images in a row.

    Returns:
        A figure of its own, which pyplot does not know of and need not close.
    """
    if samples.ndim == 2:
        return titled_samples(samples, title)
    picture = tile(samples, columns)
    height, width = np.array(picture.shape[:2]) * TWO_PIXELS
    figure = Figure(figsize=(width, height + 0.35), facecolor="white", layout="none")
    axes = figure.add_axes((0, 0, 1, height / (height + 0.35)))
    axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.axis("off")
    axes.set_title(title, fontsize=11, loc="left")
    return figure
