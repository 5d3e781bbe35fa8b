"""GANs in the plane: who gets trained, how many modes they cover, and a cure for collapse.

    python experiments/mixtures.py        about 10 minutes on 2 cores

Paired seeds: seed s gives every variant of a data set the same initial weights. Writes
experiments/results/mixtures.csv. A column that means nothing for a data set stays empty.
"""

import os

import keras
import numpy as np
import scipy.special
import tensorflow as tf
from keras import layers
from resumable import run

from gan_utils import data, gan, losses, metrics, recipes, runtime, standins
from gan_utils.sources import programs

EPOCHS = {"uniform": 4, "ring": 10, "grid": 16}
SCHEDULES = "text", "program", "in turns"
VARIANTS = {
    "plain": {},
    "R1": {"r1": 0.1},
    "momentum": {"beta_1": 0.9},
    "momentum, R1": {"beta_1": 0.9, "r1": 0.1},
}
EMPTY = dict.fromkeys(
    "modes high_quality kl smallest_share outside js d_updates g_updates d_loss g_loss".split(), ""
)


class Program(gan.GAN):
    """The schedule of the PaddlePaddle chapter's program, ``gan_trainer.py``.

    As in its text, the network with the larger loss is trained. Not in its text: both losses are
    computed with the statistics of the batch, and no network is trained more than 5 times in a row.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.in_a_row = self.add_weight(  # turns of D, or of G if negative
            shape=(), dtype="int64", trainable=False, initializer="zeros", name="in_a_row"
        )

    def look(self, x, z):
        return super().look(x, z, training=True)

    def whose_turn(self, logs):
        larger = super().whose_turn(logs)
        d_turn = (self.in_a_row < 5) & ((self.in_a_row <= -5) | larger)
        row = tf.where(d_turn, tf.maximum(self.in_a_row, 0) + 1, tf.minimum(self.in_a_row, 0) - 1)
        self.in_a_row.assign(row)
        return d_turn


def build_uniform(variant):
    """Return the source's GAN on the square: ``"schedule"`` or ``"schedule, D without BN"``."""
    schedule, _, changed = variant.partition(", ")
    rule = [1, 1] if schedule == "in turns" else "larger_loss"
    model = recipes.build(programs.get("paddle-uniform", schedule=rule), rows=1)
    kind = Program if schedule == "program" else gan.GAN
    discriminator = plain_discriminator() if changed else model.discriminator
    optimizers = (keras.optimizers.Adam(1e-4, beta_1=0.5) for _ in range(2))
    model = kind(model.generator, discriminator, model.adversarial_loss, rule, "normal")
    model.compile(*optimizers)
    return model


def plain_discriminator(hidden=10):
    """Return the source's discriminator without batch normalisation, started alike."""
    h = x = keras.Input((2,))
    for _ in range(2):
        h = dense(hidden, activation="relu")(h)
    two = dense(2)(h)
    return keras.Model(x, two[:, 1:] - two[:, :1], name="discriminator")


def dense(units, **options):
    start = keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal")
    return layers.Dense(units, kernel_initializer=start, bias_initializer="ones", **options)


def mlp(name, outputs=2, hidden=128):
    """Return a network from the plane to the plane, or to a logit: two hidden layers, ReLU."""
    h = x = keras.Input((2,))
    for _ in range(2):
        h = layers.Dense(hidden, activation="relu")(h)
    return keras.Model(x, layers.Dense(outputs)(h), name=name)


def build_mixture(beta_1=0.5, r1=0.0):
    """Return the GAN for the ring and the grid."""
    model = gan.GAN(
        mlp("generator"), mlp("discriminator", 1), losses.non_saturating(), latent="normal", r1=r1
    )
    model.compile(*(keras.optimizers.Adam(1e-3, beta_1=beta_1) for _ in range(2)))
    return model


def uniformity(points):
    """Return the share of points outside the unit square, and their distance from uniform.

    The distance is the Jensen-Shannon divergence in nats, 0 to log 2, between the shares of 10 by
    10 cells and of the outside, and those of the uniform distribution.
    """
    counts, _, _ = np.histogram2d(*points.T, bins=10, range=[[0, 1], [0, 1]])
    shares = np.append(counts, len(points) - counts.sum()) / len(points)
    uniform = np.append(np.full(100, 0.01), 0)
    middle = (shares + uniform) / 2
    js = sum(scipy.special.rel_entr(p, middle).sum() / 2 for p in (shares, uniform))
    return {"outside": float(shares[-1]), "js": float(js)}


def one(data_set, variant, seed):
    """Train one variant with one seed, and measure its generator."""
    keras.backend.clear_session()
    runtime.setup(seed)
    points = data.load(data_set).points
    epochs = EPOCHS[data_set]
    if data_set == "uniform":
        model = build_uniform(variant)
        # As many updates for each schedule: in turns a step makes two of them.
        epochs = epochs // 2 if variant.startswith("in turns") else epochs
    else:
        model = build_mixture(**VARIANTS[variant])
    history = model.fit(points, epochs, 128, seed, verbose=0).history
    if data_set == "uniform":
        z = data.draw_latent(0, (10_000, 10), seed, 2, "normal")
        # The source samples with the statistics of the batch.
        scores = uniformity(np.asarray(model.generator(z, training=True)))
    else:
        scores = metrics.mode_coverage(model.sample(2500, seed), *standins.mixture_modes(data_set))
    return (
        EMPTY
        | scores
        | {
            "d_updates": int(model.d_optimizer.iterations),
            "g_updates": int(model.g_optimizer.iterations),
            "d_loss": history["d_loss"][-1],
            "g_loss": history["g_loss"][-1],
        }
    )


if __name__ == "__main__":
    uniform = [schedule + end for end in ("", ", D without BN") for schedule in SCHEDULES]
    variants = {"ring": VARIANTS, "grid": VARIANTS, "uniform": uniform}
    jobs = [
        {"data_set": name, "variant": variant, "seed": seed}
        for name, names in variants.items()
        for seed in range(5)
        for variant in names
    ]
    run(__file__, jobs, one, processes=os.cpu_count())
