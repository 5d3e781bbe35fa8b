"""Does training remove the checkerboard? Three ways to double a side, and a dense generator.

    python experiments/checkerboard.py        about 26 minutes on 2 cores

One pass through MNIST, 1,000 steps, against the same discriminator. Paired seeds: seed s gives
every kind the same batches, noise and initial discriminator. The dense generator has one hidden
layer, as wide as makes it about as large as ``kernel 4``.

``rho_…`` is the checkerboard ratio of 1,000 samples after so many steps: the power of rows and
columns at the highest frequency, two pixels a wave, over the power at the frequency below. The
columns ``p0`` to ``p14`` are the power at each frequency after the last step.
"""

import os

import keras
import numpy as np
import scoring
from keras import layers
from resumable import run

from gan_utils import data, gan, losses, networks, runtime
from gan_utils.chapters import upsampling

WIDTH, LATENT, STEPS, BATCH = 24, 64, 1000, 60
KINDS = "kernel 5", "kernel 4", "resize", "dense"
MEASURED = 0, 100, 200, 300, 500, 700, 1000


def dense_generator():
    """Return a generator of two dense layers with about the parameters of ``kernel 4``."""
    budget = upsampling.upsampling_generator("kernel 4", LATENT, WIDTH).count_params()
    hidden = (budget - 784) // (LATENT + 4 + 784)  # a unit's weights in, normalisation, out
    z = keras.Input((LATENT,), name="z")
    h = layers.Dense(hidden, use_bias=False)(z)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    x = layers.Dense(784, activation="tanh")(h)
    return keras.Model(z, layers.Reshape((28, 28, 1))(x), name="generator")


def build(kind, seed):
    """Return the GAN with one kind of generator, compiled."""
    keras.utils.set_random_seed(seed)
    discriminator = networks.dcgan_discriminator(width=WIDTH, batch_norm=False)
    if kind == "dense":
        generator = dense_generator()
    else:
        generator = upsampling.upsampling_generator(kind, LATENT, WIDTH)
    model = gan.GAN(
        generator, discriminator, losses.non_saturating(), latent="normal", r1=1.0, r1_every=4
    )
    rates = (keras.optimizers.schedules.CosineDecay(2e-3, STEPS) for _ in range(2))
    model.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates))
    return model


def spectrum(images):
    """Return the mean power at each frequency, over rows and columns: (n, 28, 28) -> (15,)."""
    rows, columns = (np.abs(np.fft.rfft(images, axis=axis)) ** 2 for axis in (2, 1))
    return (rows.mean(axis=(0, 1)) + columns.mean(axis=(0, 2))) / 2


def describe(generator):
    """Return the spectrum of 1,000 samples."""
    z = data.draw_latent(0, (1000, LATENT), 0, 2, "normal")
    return spectrum(np.asarray(generator(z, training=False), np.float64)[..., 0])


def ratio(power):
    return float(power[14] / power[13])


class Watch(keras.callbacks.Callback):
    """Measure the ratio on the way."""

    def on_train_begin(self, logs=None):
        self.rhos = {f"rho_{MEASURED[0]}": ratio(describe(self.model.generator))}

    def on_train_batch_end(self, batch, logs=None):
        if (step := int(self.model.step)) in MEASURED:
            self.rhos[f"rho_{step}"] = ratio(describe(self.model.generator))


def one(kind, seed, steps=STEPS):
    """Train one kind with one seed; return its ratios, its distance and its spectrum."""
    keras.backend.clear_session()
    runtime.setup(seed)
    images = data.load("mnist").images
    model, watch = build(kind, seed), Watch()
    model.fit(images[: steps * BATCH], 1, BATCH, seed, callbacks=[watch], verbose=0)
    power = describe(model.generator)
    return {
        "parameters": model.generator.count_params(),
        **watch.rhos,
        "frechet": scoring.scores(model.sample(10_000))[0]["frechet"],
        **{f"p{i}": float(value) for i, value in enumerate(power)},
    }


if __name__ == "__main__":
    jobs = [{"kind": kind, "seed": seed} for seed in range(5) for kind in KINDS]
    run(__file__, jobs, one, processes=os.cpu_count())
