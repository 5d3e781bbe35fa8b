"""Chapter 10: photographs in a grid, stored as JPEG."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gan_utils import plots


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

    picture, dpi = plots.tile(images, columns), 100
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
