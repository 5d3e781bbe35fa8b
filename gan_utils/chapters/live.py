"""A generator that runs in the reader's browser: weights and a short script in one HTML output.

It takes the book's MLP generator: two matrix products, a leaky ReLU between them, tanh at the end.
Nothing is fetched: the weights lie in the output as text, rounded to float16.
"""

import base64
import html
import io
import json
from collections.abc import Mapping

import numpy as np
from IPython.display import HTML
from PIL import Image

from gan_utils import data, plots

SMALL = 8  # digits beside the large one

LIVE_STYLE = """
.live .panel { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; }
.live .digits { display: grid; grid-template-columns: 2fr 1fr; gap: 6px; flex: 0 1 19rem;
  align-self: flex-start; }
.live .small { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 6px; }
.live canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.live .controls { flex: 1 1 17rem; }
.live .controls > div { display: flex; flex-wrap: wrap; gap: .5rem .8rem; margin-bottom: .3rem; }
.live label { display: flex; align-items: center; gap: .6rem; min-height: 44px; margin: 0; }
.live label span { flex: 0 0 7rem; }
.live output { flex: 0 0 3rem; text-align: right; font-variant-numeric: tabular-nums; }
.live input { min-height: 44px; accent-color: var(--accent, #0a6b67); }
.live input[type=range] { flex: 1; min-width: 5rem; }
.live input[type=number] { width: 6.5rem; padding: 0 .5rem; font: inherit; }
.live button { min-width: 44px; min-height: 44px; padding: 0 .9rem; font: inherit; background: none;
  color: var(--accent, inherit); border: 1px solid currentColor; border-radius: 6px; }
.live .small button { padding: 0; border-width: 0; }
"""

LIVE_SCRIPT = """
(() => {
  const figure = document.currentScript.parentElement, still = figure.querySelector("img");
  const settings = JSON.parse(figure.dataset.live), {shapes, slope, width, height} = settings;

  // A float16 has a sign, 5 bits of exponent and 10 of fraction. Not every browser knows the type.
  const bytes = Uint8Array.from(atob(figure.dataset.weights), c => c.charCodeAt(0));
  const half = i => {
    const bits = bytes[2 * i] | bytes[2 * i + 1] << 8;
    const exponent = bits >> 10 & 31, fraction = (bits & 1023) / 1024;
    const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  };
  let read = 0;  // five matrices, each row after row
  const [W1, b1, W2, b2, U] = shapes.map(([rows, columns]) =>
    Float64Array.from({length: rows * columns}, () => half(read++)));
  const latent = shapes[0][0];

  // The generator: x = tanh(leaky(z W1 + b1) W2 + b2).
  const dense = (v, W, b) => {
    const sums = Float64Array.from(b);
    for (let i = 0; i < v.length; i++)
      for (let j = 0; j < sums.length; j++) sums[j] += v[i] * W[i * sums.length + j];
    return sums;
  };
  const leaky = a => Math.max(a, slope * a);
  const generate = z => dense(dense(z, W1, b1).map(leaky), W2, b2).map(Math.tanh);

  // n vectors z, uniform on [-1, 1), made of the seed alone (by the random generator mulberry32).
  const draw = (seed, n) => {
    const number = () => {
      seed = seed + 0x6D2B79F5 | 0;
      let t = Math.imul(seed ^ seed >>> 15, seed | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      return ((t ^ t >>> 14) >>> 0) / 2 ** 31 - 1;
    };
    return Array.from({length: n}, () => Float64Array.from({length: latent}, number));
  };

  const add = (parent, tag, settings = {}) =>
    parent.appendChild(Object.assign(document.createElement(tag), settings));
  const name = (element, text) => element.setAttribute("aria-label", text);
  const panel = document.createElement("div");
  panel.className = "panel";
  const digits = add(panel, "div", {className: "digits"});
  const controls = add(panel, "div", {className: "controls"}), bar = add(controls, "div");
  const canvases = [add(digits, "canvas", {width, height})];
  canvases[0].setAttribute("role", "img");
  name(canvases[0], "what the generator draws of the current z");
  const small = add(digits, "div", {className: "small"});

  const again = add(bar, "button", {type: "button", textContent: "New z"});
  const seed = add(add(bar, "label", {textContent: "seed"}), "input",
    {type: "number", min: 0, max: 999999, value: settings.seed});
  const slider = (text, min, max, value) => {
    const row = add(controls, "label");
    add(row, "span", {textContent: text});
    const range = add(row, "input", {type: "range", min, max, step: 0.01, value});
    return Object.assign(range, {rest: value, shown: add(row, "output")});
  };
  const moves = settings.names.map(text => slider(text, -settings.reach, settings.reach, 0));
  const walk = slider("walk to next", 0, 1, 0), length = slider("length of z", 0, 2, 1);
  const sliders = [...moves, walk, length];
  const reset = add(controls, "button", {type: "button", textContent: "Reset sliders"});

  let zs;
  const moved = i => {  // where the sliders take the z of digit i
    const next = zs[(i + 1) % zs.length], t = +walk.value;
    return zs[i].map((here, k) => moves.reduce(
      (sum, move, d) => sum + move.value * U[d * latent + k],
      length.value * ((1 - t) * here + t * next[k])));
  };
  const paint = (canvas, x) => {
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    x.forEach((value, i) => {
      const grey = Math.round((value + 1) * 127.5);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  };
  const update = () => {
    canvases.forEach((canvas, i) => paint(canvas, generate(moved(i))));
    for (const s of sliders) s.shown.textContent = (+s.value).toFixed(2);
  };
  const redraw = () => { zs = draw(+seed.value, settings.small + 1); update(); };
  for (let i = 1; i <= settings.small; i++) {
    const button = add(small, "button", {type: "button"});
    name(button, `small digit ${i}: swap with the large one`);
    canvases.push(add(button, "canvas", {width, height}));
    button.onclick = () => { [zs[0], zs[i]] = [zs[i], zs[0]]; update(); };
  }
  again.onclick = () => { seed.value = Math.floor(Math.random() * 1e6); redraw(); };
  reset.onclick = () => { for (const s of sliders) s.value = s.rest; update(); };
  seed.oninput = redraw;
  for (const s of sliders) s.oninput = update;

  Object.assign(figure, {generate, draw});  // for the console, and for tests
  redraw();
  still.hidden = true; still.after(panel);
})();
"""


def live_generator(
    generator,
    directions: Mapping[str, np.ndarray],
    alt: str,
    caption: str,
    seed: int = 0,
    reach: float = 2.0,
) -> HTML:
    """Let the reader draw with a generator in the page: sliders move z, a button draws a new one.

    Where scripts do not run, a still shows what the generator draws of the first ``seed``. In a
    browser's console the figure element has ``draw(seed, n)``, which gives the same z as
    ``page_latents``, and ``generate(z)``, which gives an image's values in [-1, 1].

    Args:
        generator: of the form of ``networks.mlp_generator``, for z uniform on [-1, 1) and one
            channel, in [-1, 1].
        directions: name on the page -> vector (latent_dim,); its slider adds multiples of it to z.
        alt: what a reader hears who does not see the still.
        caption: what stands below.
        seed: of the first z.
        reach: largest multiple of a direction.

    Returns:
        An output of about 315 kB with the network's defaults and a few directions.

    Raises:
        ValueError: a generator of another form, directions of another length, or values that
            float16 cannot hold.
    """
    hidden, leaky, pixels, reshape = _layers(generator)
    height, width, _ = reshape.target_shape
    latent_dim = generator.input_shape[1]
    vectors = np.array(list(directions.values()), np.float32)
    if vectors.shape != (len(directions), latent_dim) or not directions:
        raise ValueError(
            f"Each direction must be a vector of the length of z, {latent_dim}, and there must be "
            f"at least one; got an array of shape {vectors.shape}."
        )
    matrices = [np.atleast_2d(w) for w in (*hidden.get_weights(), *pixels.get_weights(), vectors)]
    halves = np.concatenate([m.ravel() for m in matrices])
    if not (np.abs(halves) <= np.finfo(np.float16).max).all():  # not so for NaN either
        raise ValueError("The weights or directions hold values that float16 cannot.")
    settings = {
        "shapes": [m.shape for m in matrices],
        "slope": float(leaky.negative_slope),
        "width": width,
        "height": height,
        "names": list(directions),
        "reach": reach,
        "small": SMALL,
        "seed": seed,
    }
    z = page_latents(seed, SMALL + 1, latent_dim)
    source, size = _still(data.to_pixels(generator(z, training=False)))
    return HTML(
        f'<figure class="live" data-live="{html.escape(json.dumps(settings))}" '
        f'data-weights="{_text(halves.astype("<f2").tobytes())}"><style>{LIVE_STYLE}</style>'
        f'<img alt="{html.escape(alt)}" width="{3 * size[0]}" height="{3 * size[1]}" '
        f'style="max-width:100%;height:auto" src="data:image/webp;base64,{source}">'
        f"<figcaption>{html.escape(caption)}</figcaption><script>{LIVE_SCRIPT}</script></figure>"
    )


def page_latents(seed: int, n: int, latent_dim: int = 100) -> np.ndarray:
    """Draw what the page draws: z from the random generator mulberry32 of Tommy Ettinger.

    Args:
        seed: the number in the page's field, from 0 to 999,999.

    Returns:
        float32 (n, latent_dim), uniform on [-1, 1).
    """
    with np.errstate(over="ignore"):  # all sums and products are taken modulo 2 to the 32
        counter = np.arange(1, n * latent_dim + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
        counter += np.uint32(seed)
        t = (counter ^ (counter >> 15)) * (counter | 1)
        t ^= t + (t ^ (t >> 7)) * (t | 61)
    return ((t ^ (t >> 14)) / 2.0**31 - 1).astype(np.float32).reshape(n, latent_dim)


def _layers(generator) -> list:
    """Return the four layers that the script knows how to compute."""
    kinds = [type(layer).__name__ for layer in generator.layers]
    if kinds == ["InputLayer", "Dense", "LeakyReLU", "Dense", "Reshape"]:
        _, hidden, leaky, pixels, reshape = generator.layers
        names = [layer.activation.__name__ for layer in (hidden, pixels)]
        shape = reshape.target_shape
        if (
            names == ["linear", "tanh"]
            and hidden.use_bias
            and pixels.use_bias
            and shape[2:] == (1,)
        ):
            return [hidden, leaky, pixels, reshape]
        kinds = [*kinds[1:], f"with {names[0]} and {names[1]}, biases, and shape {tuple(shape)}"]
    raise ValueError(
        "live_generator takes a generator of Dense, LeakyReLU, Dense with tanh (both with biases) "
        "and Reshape to (height, width, 1), such as networks.mlp_generator(). "
        f"This one has: {', '.join(kinds)}."
    )


def _still(images: np.ndarray) -> tuple[str, tuple[int, int]]:
    """Arrange images as the page does, the first one large; return a WebP as text and its size."""
    column = plots.tile(images[1:], columns=2, gap=0)
    rows = SMALL // 2
    large = images[0].repeat(rows, axis=0).repeat(rows, axis=1)
    picture, buffer = np.concatenate([large, column], axis=1), io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, "WEBP", quality=70)
    return _text(buffer.getvalue()), (picture.shape[1], picture.shape[0])


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
