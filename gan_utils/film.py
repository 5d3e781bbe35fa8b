"""The film of a training run: a contact sheet in the page, with a slider and a play button."""

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np
from IPython.display import HTML
from PIL import Image

from gan_utils import plots

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
        f"<figcaption>{html.escape(caption)}</figcaption><script>{FILM_SCRIPT}</script></figure>"
    )
