"""The film of a training run: a contact sheet in the page, with a slider and a play button."""

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np
from IPython.display import HTML
from PIL import Image

from gan_utils import files, plots

FILM_SCRIPT = files.text("film.js")


def show(
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
    sheet, buffer = plots.tile(np.stack(frames), columns, gap=0), io.BytesIO()
    Image.fromarray(sheet.squeeze()).save(buffer, "WEBP", quality=60)
    source = base64.b64encode(buffer.getvalue()).decode()
    settings = html.escape(json.dumps({"columns": columns, "labels": list(labels), "scale": scale}))
    return HTML(
        f'<figure class="film" data-film="{settings}">'
        f'<img alt="{html.escape(alt)}" width="{sheet.shape[1]}" height="{sheet.shape[0]}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,{source}">'
        f"<figcaption>{html.escape(caption)}</figcaption><script>\n{FILM_SCRIPT}</script></figure>"
    )
