"""Which of the DCGAN guidelines matter on MNIST? Take one away at a time, in short runs.

    python experiments/dcgan_ablation.py        about 75 minutes on 2 cores

The base is the paper's setting in small (Radford et al. 2016, sections 3 and 4): width 24 in place
of 64, z of 100 values uniform on [-1, 1), 936 steps of 64 images, one pass through MNIST. Each
variant makes one change; the last one makes all of the book's at once. Paired seeds: seed s gives
all variants the same batches ("both twice" makes a second pass), and a variant that changes one
network leaves the other's initial weights as they are.

Scores are those of 10,000 samples against the 10,000 test images, in the frozen classifier's
features. ``frechet_batch`` is the distance when batch normalisation uses the statistics of each
batch of 100 samples in place of its moving ones. ``d_x``, ``d_gz`` and the losses are means over
the last 156 steps of training.
"""

import os

import keras
import numpy as np
import scoring
from keras import layers
from resumable import run

from gan_utils import data, gan, losses, runtime

WIDTH, BATCH, STEPS, LAST = 24, 64, 936, 156
#: variant -> options of ``generator``, of ``discriminator`` and of ``build``; the first is the base
VARIANTS = {
    "paper, small": {},
    "beta_1 0.9": {"build": {"beta_1": 0.9}},
    "no BN in G": {"g": {"bn": "nowhere"}},
    "no BN in D": {"d": {"bn": "nowhere"}},
    "BN everywhere": {"g": {"bn": "everywhere"}, "d": {"bn": "everywhere"}},
    "pooling": {"g": {"pooling": True}, "d": {"pooling": True}},
    "hidden dense layers": {"g": {"hidden": 1024}, "d": {"hidden": 1024}},
    "ReLU in D": {"d": {"slope": 0.0}},
    "sigmoid, data in [0, 1]": {"g": {"output": "sigmoid"}, "d": {"unit_interval": True}},
    "Keras's initial weights": {"g": {"normal": False}, "d": {"normal": False}},
    "second sigmoid": {"d": {"end": "sigmoid"}},
    "both twice": {"build": {"schedule": (2, 2)}},
    "fast recipe": {
        "g": {"normal": False, "latent_dim": 64},
        "d": {"normal": False, "bn": "nowhere"},
        "build": {"fast": True},
    },
}


def start(normal, mean=0.0):
    """Return N(mean, 0.02), the paper's initial values, or else Keras's."""
    plain = "ones" if mean else "glorot_uniform"
    return keras.initializers.RandomNormal(mean, 0.02) if normal else plain


def normalise(h, yes, normal):
    if not yes:
        return h
    return layers.BatchNormalization(momentum=0.9, gamma_initializer=start(normal, mean=1.0))(h)


def generator(bn="hidden", pooling=False, hidden=0, output="tanh", normal=True, latent_dim=100):
    """Return G.

    Args:
        bn: where it stands: in the ``"hidden"`` layers, ``"nowhere"``, or ``"everywhere"``, which
            is also at the output.
        pooling: double a side by repeating pixels and convolving.
        hidden: units of one more dense layer, or 0.
        output: ``"tanh"``, or ``"sigmoid"`` for pixels in [0, 1]. The engine hands them over in
            [-1, 1], so 2 s - 1 follows here, and D begins with (x + 1) / 2.
        normal: start at N(0, 0.02) and BN's scale at N(1, 0.02).
        latent_dim: length of z.
    """
    inner, last = bn != "nowhere", bn == "everywhere"

    def dense(h, units):
        return layers.Dense(units, use_bias=not inner, kernel_initializer=start(normal))(h)

    def double(h, maps, norm):
        options = {"padding": "same", "use_bias": not norm, "kernel_initializer": start(normal)}
        if pooling:
            return layers.Conv2D(maps, 3, **options)(layers.UpSampling2D()(h))
        return layers.Conv2DTranspose(maps, 4, strides=2, **options)(h)

    h = z = keras.Input((latent_dim,))
    if hidden:
        h = layers.ReLU()(normalise(dense(h, hidden), inner, normal))
    h = layers.Reshape((7, 7, 2 * WIDTH))(dense(h, 7 * 7 * 2 * WIDTH))
    h = layers.ReLU()(normalise(h, inner, normal))
    h = layers.ReLU()(normalise(double(h, WIDTH, inner), inner, normal))
    x = layers.Activation(output)(normalise(double(h, 1, last), last, normal))
    return keras.Model(z, layers.Rescaling(2.0, -1.0)(x) if output == "sigmoid" else x)


def discriminator(
    bn="hidden", pooling=False, hidden=0, slope=0.2, unit_interval=False, normal=True, end=None
):
    """Return D.

    Args:
        bn: as for ``generator``; hidden are all layers but the first and the last, and
            ``"everywhere"`` is also in the first.
        pooling: convolve with stride 1, and halve a side by max pooling.
        hidden: units of one more dense layer, or 0.
        slope: of the leaky ReLU.
        unit_interval: take pixels to [0, 1] first.
        normal: as for ``generator``.
        end: activation of the last layer, whose output the loss takes for a logit.
    """
    h = x = keras.Input((28, 28, 1))
    if unit_interval:
        h = layers.Rescaling(0.5, 0.5)(h)

    def finish(h, norm):
        return layers.LeakyReLU(negative_slope=slope)(normalise(h, norm, normal))

    for maps in (WIDTH, 2 * WIDTH, 4 * WIDTH):
        norm = bn == "everywhere" or (bn == "hidden" and maps > WIDTH)
        options = {"use_bias": not norm, "kernel_initializer": start(normal)}
        h = layers.Conv2D(maps, 4, strides=1 if pooling else 2, padding="same", **options)(h)
        h = finish(layers.MaxPooling2D(padding="same")(h) if pooling else h, norm)
    h = layers.Flatten()(h)
    if hidden:
        norm = bn != "nowhere"
        h = layers.Dense(hidden, use_bias=not norm, kernel_initializer=start(normal))(h)
        h = finish(h, norm)
    return keras.Model(x, layers.Dense(1, activation=end, kernel_initializer=start(normal))(h))


def build(g, d, schedule=(1, 1), beta_1=0.5, fast=False):
    """Return the GAN, compiled. ``fast`` trains it as the recipe `dcgan-mnist-first` does."""
    options = {"latent": "normal", "r1": 1.0, "r1_every": 4} if fast else {}
    model = gan.GAN(g, d, losses.non_saturating(), schedule, **options)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, STEPS) if fast else 2e-4
    average = {"use_ema": True, "ema_momentum": 0.995} if fast else {}
    model.compile(
        keras.optimizers.Adam(rate, beta_1=beta_1, **average),
        keras.optimizers.Adam(rate, beta_1=beta_1),
    )
    return model


class Late(keras.callbacks.Callback):
    """Take the means over the last steps out of the means over an epoch."""

    at_steps = (STEPS - LAST,)

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1
        if done == self.params["steps"] - LAST:
            self.before = {name: done * logs[name] for name in ("d_loss", "g_loss", "d_x", "d_gz")}
        if done == self.params["steps"]:
            self.means = {k: float((done * logs[k] - v) / LAST) for k, v in self.before.items()}


def describe(model):
    """Score a trained GAN."""
    found, shares = scoring.scores(model.sample(10_000))
    z = data.draw_latent(0, (10_000, model.generator.input_shape[1]), 0, 3, model.latent)
    with model.averaged():
        parts = [model.generator(z[i : i + 100], training=True) for i in range(0, len(z), 100)]
    by_batch = data.to_pixels(np.concatenate(parts))
    return {
        **found,
        "frechet_batch": scoring.scores(by_batch)[0]["frechet"],
        "smallest_share": float(shares.min()),
        "largest_share": float(shares.max()),
    }


def one(variant, seed, steps=STEPS):
    """Train one variant with one seed; return its scores."""
    keras.backend.clear_session()
    runtime.setup(seed)
    options = VARIANTS[variant]
    d = discriminator(**options.get("d", {}))
    keras.utils.set_random_seed(1000 + seed)
    model = build(generator(**options.get("g", {})), d, **options.get("build", {}))
    images = data.load("mnist").images[: steps * BATCH]
    passes = model.schedule[0]  # two batches a step of D take two passes to as many steps
    late = Late()
    model.fit(images, passes, BATCH, seed, callbacks=[late], verbose=0)
    return describe(model) | late.means


if __name__ == "__main__":
    jobs = [{"variant": variant, "seed": seed} for seed in range(5) for variant in VARIANTS]
    run(__file__, jobs, one, processes=os.cpu_count())
