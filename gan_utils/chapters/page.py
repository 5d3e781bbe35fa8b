"""Chapters 07 and 14: a generator that runs in the reader's browser, in one HTML output.

Its weights lie in the output as text, rounded to float16, beside a script. Nothing is fetched.
"""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import HTML
from PIL import Image

from gan_utils import files

STYLE, SCRIPT = files.text("chapters/page.css"), files.text("chapters/page.js")


def figure(
    kind: str,
    code: tuple[str, str],
    weights: Sequence[np.ndarray],
    directions: Mapping[str, np.ndarray],
    latent_dim: int,
    settings: Mapping,
    still: tuple[np.ndarray, int, int],
    alt: str,
    caption: str,
) -> HTML:
    """Put a generator, its script and its still into one output.

    Args:
        kind: class of the figure in HTML.
        code: style sheet and script of this kind; they follow those that all kinds share.
        weights: of the generator, in the order in which the script reads them.
        directions: name on the page -> vector (latent_dim,); its slider adds multiples of it to z.
        latent_dim: length of z.
        settings: what the scripts need besides: ``slope``, ``width``, ``height``, ``reach``,
            ``seed``, and what this kind asks for.
        still: uint8 picture (height, width, 1) for readers without scripts, its quality as WebP,
            and how many times larger it is shown.
        alt: what a reader hears who does not see the still.
        caption: what stands below.

    Raises:
        ValueError: directions of another length, or values that float16 cannot hold.
    """
    vectors = np.array(list(directions.values()), np.float32)
    if vectors.shape != (len(directions), latent_dim) or not directions:
        raise ValueError(
            f"Each direction must be a vector of the length of z, {latent_dim}, and there must be "
            f"at least one; got an array of shape {vectors.shape}."
        )
    matrices = [np.atleast_2d(w) for w in (*weights, vectors)]
    halves = np.concatenate([m.ravel() for m in matrices])
    if not (np.abs(halves) <= np.finfo(np.float16).max).all():  # not so for NaN either
        raise ValueError("The weights or directions hold values that float16 cannot.")
    told = {"shapes": [m.shape for m in matrices], "names": list(directions), **settings}
    picture, quality, scale = still
    (height, width), buffer = picture.shape[:2], io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, "WEBP", quality=quality)
    style, script = code
    return HTML(
        f'<figure class="inpage {kind}" data-settings="{html.escape(json.dumps(told))}" '
        f'data-weights="{_text(halves.astype("<f2").tobytes())}"><style>\n{STYLE}{style}</style>'
        f'<img alt="{html.escape(alt)}" width="{scale * width}" height="{scale * height}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,'
        f'{_text(buffer.getvalue())}"><figcaption>{html.escape(caption)}</figcaption>'
        f"<script>(() => {{\n{SCRIPT}\n{script}}})();</script></figure>"
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
