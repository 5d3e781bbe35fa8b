"""The pictures of notebooks that other pages show, taken from the outputs of their cells."""

import base64
import html
import io
import json
import re

import nbformat
from PIL import Image


def pictures(notebook: nbformat.NotebookNode) -> dict[str, bytes]:
    """Return what the cells tagged `picture` show, as files: a path inside book/ -> its bytes.

    A PNG is named by the figure of its cell. A film is named by the cell's metadata "film" and
    becomes an animation that plays once, with its last frame as a still beside it.
    """
    found = {}
    for cell in notebook.cells:
        if "picture" not in cell.metadata.get("tags", []):
            continue
        kind = "text/html" if "film" in cell.metadata else "image/png"
        name = cell.metadata.get("film") or cell.metadata["mystnb"]["figure"]["name"]
        data = [o["data"][kind] for o in cell.outputs if kind in o.get("data", {})]
        if not data:
            raise ValueError(f"the cell tagged picture for {name} shows no {kind}")
        if kind == "text/html":
            moving, still = animation(data[0])
            found |= {f"_static/films/{name}.webp": moving, f"_static/films/{name}.png": still}
        else:
            found[f"pictures/{name}.png"] = base64.b64decode(data[0])
    return found


def animation(film: str, seconds: float = 4.5, most: int = 24) -> tuple[bytes, bytes]:
    """Return a film of `film.show` as an animated WebP, and its last frame as a PNG.

    Of a long film it takes `most` frames, evenly, the first and the last among them.

    It plays once and ends within five seconds: what moves for longer needs a button to stop it
    (WCAG 2.1, success criterion 2.2.2).
    """
    settings = json.loads(html.unescape(re.search(r'data-film="(.*?)"', film)[1]))
    source = re.search(r'src="data:image/webp;base64,(.*?)"', film)[1]
    sheet = Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB")
    count, columns = len(settings["labels"]), settings["columns"]
    width, height = sheet.width // columns, sheet.height // -(-count // columns)
    corners = [(i % columns * width, i // columns * height) for i in range(count)]
    if count > most:
        corners = [corners[round(i * (count - 1) / (most - 1))] for i in range(most)]
    frames = [sheet.crop((x, y, x + width, y + height)) for x, y in corners]
    moving, still = io.BytesIO(), io.BytesIO()
    options = {"duration": int(1000 * seconds / len(frames)), "loop": 1, "quality": 60, "method": 6}
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:], **options)
    frames[-1].save(still, "PNG", optimize=True)
    return moving.getvalue(), still.getvalue()
