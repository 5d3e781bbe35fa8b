"""Write what the instruments in the page are held against, and the still of the one that trains.

    python -m tools.instrument_fixtures

Makes: tests/instrument_plane.json, by Keras in float64 and in float32: ten steps of small GANs
with each loss, with and without penalties. gan_utils/teaching/plane.svg, by the instrument itself
in a headless browser.
"""

import itertools
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_utils import losses, plots
from gan_utils.teaching import instruments
from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "instrument_plane.json"
STILL = ROOT / "gan_utils" / "teaching" / "plane.svg"

STEPS, BATCH = 10, 6
SIZES_G, SIZES_D = [2, 5, 4, 2], [2, 5, 4, 1]
PENALTIES = [{"r1": 0.0, "r2": 0.0}, {"r1": 1.0, "r2": 0.0}, {"r1": 0.1, "r2": 0.3}]
CASES = [
    {"loss": loss, **penalty, **rest}
    for loss, rest in {
        "non_saturating": {"real_target": 0.9, "beta_1": 0.5, "d_rate": 0.01, "g_rate": 0.003},
        "minimax": {"real_target": 1.0, "beta_1": 0.9, "d_rate": 0.003, "g_rate": 0.01},
        "relativistic": {"real_target": 1.0, "beta_1": 0.0, "d_rate": 0.01, "g_rate": 0.01},
    }.items()
    for penalty in PENALTIES
]


def mlp(sizes, weights):
    """Return a network of dense layers with ReLU between them, with these weights in a row."""
    h = x = keras.Input(sizes[:1])
    for i, size in enumerate(sizes[1:], 1):
        h = layers.Dense(size, activation="relu" if i + 1 < len(sizes) else None)(h)
    model = keras.Model(x, h)
    pieces = np.split(weights, np.cumsum([np.prod(w.shape) for w in model.weights])[:-1])
    model.set_weights([p.reshape(w.shape) for p, w in zip(pieces, model.weights, strict=True)])
    return model


def flat(tensors):
    """Return all values in a row."""
    return np.concatenate([np.asarray(t, np.float64).ravel() for t in tensors])


def d_loss(case, real, fake):
    """Return the loss of D as a function of logits."""
    if case["loss"] == "relativistic":
        return tf.reduce_mean(tf.math.softplus(fake - real))
    return sum(losses.make(case["loss"], real_target=case["real_target"]).discriminator(real, fake))


def g_loss(case, real, fake):
    """Return the loss of G as a function of logits."""
    if case["loss"] == "relativistic":
        return tf.reduce_mean(tf.math.softplus(real - fake))
    return losses.make(case["loss"]).generator(fake)


def penalty(discriminator, x, gamma):
    """Return gamma/2 times the mean squared slope of the logit by x, by a second tape."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = discriminator(x)
    slope = tape.gradient(logits, x)
    return gamma / 2 * tf.reduce_mean(tf.reduce_sum(slope**2, axis=1))


def adam(variables, rate, beta_1, beta_2=0.999):
    """Return a step of Adam: of Keras in float32, else by NumPy.

    Keras rounds beta_2 to float32 whatever the variables are, and 1 - beta_2 is then off by 1e-5.
    """
    if keras.config.floatx() == "float32":
        optimizer = keras.optimizers.Adam(rate, beta_1, beta_2)
        return lambda gradient: optimizer.apply(gradient, variables)
    means = [(np.zeros(v.shape), np.zeros(v.shape)) for v in variables]
    count = itertools.count(1)

    def apply(gradient):
        n = next(count)
        alpha = rate * np.sqrt(1 - beta_2**n) / (1 - beta_1**n)
        for variable, g, (m, v) in zip(variables, gradient, means, strict=True):
            m += (1 - beta_1) * (np.asarray(g) - m)
            v += (1 - beta_2) * (np.asarray(g) ** 2 - v)
            variable.assign(variable - alpha * m / (np.sqrt(v) + 1e-7))

    return apply


def play(case, start):
    """Make ten steps, one update of D and one of G in each, and note what happens."""
    dtype = keras.config.floatx()
    G, D = mlp(SIZES_G, start["g"]), mlp(SIZES_D, start["d"])
    update_d = adam(D.trainable_variables, case["d_rate"], case["beta_1"])
    update_g = adam(G.trainable_variables, case["g_rate"], case["beta_1"])
    notes = {"d_loss": [], "penalty": [], "g_loss": [], "d_gradient": [], "g_gradient": []}
    notes |= {"d": [], "g": []}
    for i in range(STEPS):
        x, z, x_g, z_g = (
            tf.constant(np.reshape(start[name][2 * i + turn], (BATCH, 2)), dtype)
            for turn in (0, 1)
            for name in ("x", "z")
        )
        with tf.GradientTape() as tape:
            made = G(z)
            loss = d_loss(case, D(x), D(made))
            extra = penalty(D, x, case["r1"]) + penalty(D, made, case["r2"])
            total = loss + extra
        gradient = tape.gradient(total, D.trainable_variables)
        update_d(gradient)
        notes["d_loss"].append(float(loss))
        notes["penalty"].append(float(extra))
        notes["d_gradient"].append(flat(gradient))
        with tf.GradientTape() as tape:
            loss = g_loss(case, D(x_g), D(G(z_g)))
        gradient = tape.gradient(loss, G.trainable_variables)
        update_g(gradient)
        notes["g_loss"].append(float(loss))
        notes["g_gradient"].append(flat(gradient))
        if i in (0, STEPS - 1):
            notes["d"].append(flat(D.get_weights()))
            notes["g"].append(flat(G.get_weights()))
    return notes


def rounded(value):
    """Return numbers with nine digits, arrays as lists."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def fixtures():
    """Return the same games by Keras in float64, and where they end in float32."""
    rng = np.random.default_rng(0)

    def weights(sizes):
        return rng.normal(0, 0.6, sum((a + 1) * b for a, b in zip(sizes, sizes[1:], strict=False)))

    start = {"g": weights(SIZES_G), "d": weights(SIZES_D)}
    start |= {name: rng.normal(size=(2 * STEPS, 2 * BATCH)) for name in ("x", "z")}
    start = rounded(start)  # what is read back is what was used
    found = []
    for case in CASES:
        both = {}
        for dtype in ("float64", "float32"):
            keras.config.set_floatx(dtype)
            keras.config.set_dtype_policy(dtype)
            both[dtype] = play(case, start)
        notes, single = both.values()
        notes |= {"d_float32": single["d"][-1], "g_float32": single["g"][-1]}
        found.append({"options": case, **rounded(notes)})
    return {"sizes_g": SIZES_G, "sizes_d": SIZES_D, "batch": BATCH, **start, "cases": found}


def snapshot(steps=2500):
    """Return what the instrument shows of its first preset after some steps, from a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = chromium.find()
        browser = playwright.chromium.launch(executable_path=path, args=chromium.flags())
        page = browser.new_page()
        page.set_content(instruments.show_plane().data)
        run = """steps => {
          const figure = document.querySelector("figure.plane");
          const seen = figure.train(figure.settings(), steps);
          return ["surface", "real", "made", "arrows"].map(key => [...seen[key]]);
        }"""
        seen = page.evaluate(run, steps)
        browser.close()
    return [np.array(values) for values in seen]


def still(surface, real, made, arrows, half=1.6, size=420):
    """Draw a snapshot as an SVG: D's surface in four shades, points and arrows."""
    scale = size / (2 * half)

    def place(points):
        points = np.reshape(points, (-1, 2))
        return np.stack([(points[:, 0] + half) * scale, (half - points[:, 1]) * scale], axis=1)

    def dots(points, width, color):
        path = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in points)
        style = f'stroke="{color}" stroke-width="{width}" stroke-linecap="round"'
        return f'<path d="{path}" {style}/>'

    n = round(len(surface) ** 0.5)
    side, parts = size / n, []
    for level in (0.25, 0.4, 0.5, 0.6, 0.75):
        path = ""
        for i, row in enumerate((np.reshape(surface, (n, n)) > level).astype(int)):
            turns = np.flatnonzero(np.diff([0, *row, 0]))
            for a, b in zip(turns[::2], turns[1::2], strict=True):
                path += f"M{a * side:.4g} {i * side:.4g}h{(b - a) * side:.4g}v{side:.4g}"
                path += f"h{(a - b) * side:.4g}"
        parts.append(f'<path d="{path}" fill="{plots.COLORS["d"]}" fill-opacity=".15"/>')
    parts.append(dots(place(real), 3, "#555"))
    parts.append(dots(place(made), 4, plots.COLORS["g"]))
    starts = place(made)[: len(arrows) // 2]
    slopes = np.reshape(arrows, (-1, 2)) * (1, -1)
    lengths = np.linalg.norm(slopes, axis=1)
    lengths = np.minimum(0.05 * np.log2(1 + lengths), 0.25) * size / 2 / np.maximum(lengths, 1e-9)
    path = "".join(
        f"M{x:.0f} {y:.0f}l{dx:.0f} {dy:.0f}"
        for (x, y), (dx, dy) in zip(starts, slopes * lengths[:, None], strict=True)
        if np.hypot(dx, dy) > 1
    )
    parts.append(f'<path d="{path}" stroke="{plots.COLORS["g"]}" fill="none"/>')
    parts.insert(0, f'<rect width="{size}" height="{size}" fill="#fff"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" '
        f'height="{size}">{"".join(parts)}</svg>\n'
    )


def main():
    """Write both files."""
    FIXTURES.write_text(json.dumps(fixtures(), separators=(",", ":")) + "\n", encoding="utf8")
    STILL.write_text(still(*snapshot()), encoding="utf8")
    for path in (FIXTURES, STILL):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
