"""Histories of short runs that are healthy, and of runs with one fault planted in each.

    python experiments/planted_faults.py        about 20 minutes on 2 cores

The rules of `rules.diagnose` were written with the rows of the split "written" in sight. Those
of the split "held-out" have other seeds and other settings: widths, batch size and latent size, and
mostly other data, learning rates and smoothing. They judge the rules.

A row is a run. Each metric of the history is a column, with the means of all epochs in one text,
separated by spaces. The last columns are what one finds outside a history: `spread`, how much the
samples differ from one another, over how much real ones do; `untouched`, the share of layers with
batch normalisation whose recorded statistics are still those of the start; `dead`, the larger share
of hidden units, of both networks, that are closed for every input; `x_min`, the smallest value of
the data as the networks see it. Healthy means that nothing was planted; not all such runs draw well
after so few steps.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from resumable import run

from gan_utils import data, gan, losses, runtime

STEPS = 2000
#: what is trained, and how; "bn" names the networks with batch normalisation in the hidden layer
SETTINGS = {
    "mnist": {
        "data": "mnist", "hidden": 128, "latent_dim": 100, "batch": 100, "rate": 1e-3,
        "beta_1": 0.9, "real_target": 0.9, "slope": 0.01, "bn": "",
    },
    "mnist plain": {
        "data": "mnist", "hidden": 256, "latent_dim": 64, "batch": 64, "rate": 5e-4,
        "beta_1": 0.5, "real_target": 1.0, "slope": 0.2, "bn": "",
    },
    "mnist bn": {
        "data": "mnist", "hidden": 128, "latent_dim": 64, "batch": 64, "rate": 5e-4,
        "beta_1": 0.5, "real_target": 1.0, "slope": 0.2, "bn": "g",
    },
    "digits": {
        "data": "digits", "hidden": 160, "latent_dim": 32, "batch": 50, "rate": 8e-4,
        "beta_1": 0.9, "real_target": 0.95, "slope": 0.1, "bn": "",
    },
    "digits bn": {
        "data": "digits", "hidden": 96, "latent_dim": 50, "batch": 80, "rate": 3e-4,
        "beta_1": 0.5, "real_target": 0.9, "slope": 0.1, "bn": "g",
    },
    "mnist wide": {
        "data": "mnist", "hidden": 400, "latent_dim": 20, "batch": 200, "rate": 3e-4,
        "beta_1": 0.5, "real_target": 1.0, "slope": 0.05, "bn": "",
    },
    "mnist wide bn": {
        "data": "mnist", "hidden": 300, "latent_dim": 30, "batch": 128, "rate": 1e-3,
        "beta_1": 0.5, "real_target": 0.9, "slope": 0.1, "bn": "g",
    },
    "shapes": {
        "data": "shapes", "hidden": 200, "latent_dim": 48, "batch": 40, "rate": 4e-4,
        "beta_1": 0.7, "real_target": 0.9, "slope": 0.2, "bn": "",
    },
}  # fmt: skip
#: fault -> two ways to make it, as changes of the settings
FAULTS = {
    "D too strong": [{"schedule": (5, 1), "g_rate": 0.1}, {"g_rate": 0.02}],
    "G too strong": [{"d_rate": 0.02}, {"schedule": (1, 5), "d_rate": 0.1}],
    "mode collapse": [
        {"schedule": (1, 10), "beta_1": 0.9, "rate": 1e-3},
        {"schedule": (1, 10), "beta_1": 0.9, "rate": 2e-3, "slope": 0.01},
    ],
    "two sigmoids": [{"sigmoids": "network"}, {"sigmoids": "loss"}],
    "wrong sign of smoothing": [{"targets": (1.1, 0.0)}, {"targets": (1.05, -0.05)}],
    "forgotten training=True": [{"forgetful": True}, {"forgetful": True}],
    "real and fake in one batch": [{"mixed": True, "bn": "gd"}, {"mixed": True, "bn": "gd"}],
    "learning rate too high": [{"rate": 0.03}, {"rate": 0.1}],
    "dead ReLUs": [{"slope": 0.0, "kill": "discriminator"}, {"slope": 0.0, "kill": "generator"}],
    "data in [0, 1]": [{"unit": True}, {"unit": True}],
    "wrong variables": [{"frozen": "generator"}, {"frozen": "discriminator"}],
    "not a number": [{"naive": True, "rate": 0.03}, {"naive": True, "rate": 0.1}],
}
NEEDS_BN = "forgotten training=True", "real and fake in one batch"


class Faulty(gan.GAN):
    """A GAN that may mix real and fake in D's batch, or update the variables of nobody."""

    mixed, frozen = False, None

    def update_discriminator(self, x, z):
        if self.frozen == "discriminator":
            return self._without_update(x, z)
        if not self.mixed:
            return super().update_discriminator(x, z)
        fakes = self.generator(z, training=True)
        with tf.GradientTape() as tape:
            both = self.discriminator(tf.concat([x, fakes], axis=0), training=True)
            real, fake = tf.split(both, 2)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake
        variables = self.discriminator.trainable_variables
        sizes = self.descend(self.d_optimizer, tape, loss, variables)
        return self.verdicts(real, fake, loss_real, loss_fake) | dict(
            zip(("d_grad_norm", "d_update_ratio"), sizes, strict=True)
        )

    def _without_update(self, x, z):
        """As after `discriminator.trainable = False`: an optimiser with an empty list is silent."""
        with tf.GradientTape() as tape:
            real = self.discriminator(x, training=True)
            fake = self.discriminator(self.generator(z, training=True), training=True)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake
        norm = tf.linalg.global_norm(tape.gradient(loss, self.discriminator.trainable_variables))
        sizes = {"d_grad_norm": norm, "d_update_ratio": 0.0}
        return self.verdicts(real, fake, loss_real, loss_fake) | sizes

    def update_generator(self, z):
        if self.frozen != "generator":
            return super().update_generator(z)
        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(z, training=True), training=True)
            loss = self.adversarial_loss.generator(fake)
        norm = tf.linalg.global_norm(tape.gradient(loss, self.generator.trainable_variables))
        return {"g_loss": loss, "g_grad_norm": norm, "g_update_ratio": 0.0}


class Forgetful(keras.Model):
    """A network that always runs in inference mode, as if nobody had said ``training=True``."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


def make_networks(shape, hidden, latent_dim, slope, bn, forgetful=False, sigmoid=False):
    """Return G and D with one hidden layer each."""

    def hidden_layer(x, normed):
        h = layers.Dense(hidden, name="hidden")(x)
        h = layers.BatchNormalization(momentum=0.9)(h) if normed else h
        return layers.LeakyReLU(negative_slope=slope)(h)

    z, x = keras.Input((latent_dim,)), keras.Input(shape)
    pixels = layers.Dense(int(np.prod(shape)), activation="tanh")(hidden_layer(z, "g" in bn))
    logit = layers.Dense(1, activation="sigmoid" if sigmoid else None)
    verdict = logit(hidden_layer(layers.Flatten()(x), "d" in bn))
    kind = Forgetful if forgetful else keras.Model
    return (
        kind(z, layers.Reshape(shape)(pixels), name="generator"),
        kind(x, verdict, name="discriminator"),
    )


def make_loss(real_target, targets=None, sigmoids=None, naive=False):
    """Return the loss of a run, right or wrong."""
    right = losses.non_saturating(real_target)
    if sigmoids == "loss":
        return losses.Loss(
            lambda real, fake: right.discriminator(tf.sigmoid(real), tf.sigmoid(fake)),
            lambda fake: right.generator(tf.sigmoid(fake)),
            {},
        )
    if targets:
        return losses.Loss(
            lambda real, fake: (
                losses.cross_entropy(real, targets[0]),
                losses.cross_entropy(fake, targets[1]),
            ),
            right.generator,
            {},
        )
    if naive:  # the logarithm of a probability that is rounded to 0
        log = lambda logits: tf.reduce_mean(tf.math.log(tf.sigmoid(logits)))  # noqa: E731
        return losses.Loss(
            lambda real, fake: (
                -log(real),
                -tf.reduce_mean(tf.math.log(1 - tf.sigmoid(fake))),
            ),
            lambda fake: -log(fake),
            {},
        )
    return right


def load(name, batch, unit=False):
    """Return images for a hundred steps an epoch, or all there are."""
    images = data.load(name).images[: 100 * batch]
    return images // 2 + 128 if unit else images


def build(setting, fault, way, seed):
    """Return a model and its images, not trained yet."""
    changes = FAULTS[fault][way] if fault != "healthy" else {}
    s = SETTINGS[setting] | changes
    images = load(s["data"], s["batch"], s.get("unit", False))
    keras.utils.set_random_seed(seed)
    networks = make_networks(
        images.shape[1:], s["hidden"], s["latent_dim"], s["slope"], s["bn"],
        s.get("forgetful", False), s.get("sigmoids") == "network",
    )  # fmt: skip
    loss = make_loss(s["real_target"], s.get("targets"), s.get("sigmoids"), s.get("naive"))
    model = Faulty(*networks, loss, s.get("schedule", (1, 1)))
    model.mixed, model.frozen = s.get("mixed", False), s.get("frozen")
    if "kill" in s:
        bias = getattr(model, s["kill"]).get_layer("hidden").bias
        bias.assign(tf.fill(bias.shape, -20.0))
    rates = (s["rate"] * s.get(name, 1.0) for name in ("g_rate", "d_rate"))
    model.compile(*(keras.optimizers.Adam(rate, beta_1=s["beta_1"]) for rate in rates))
    return model, images, s["batch"]


def spread(images):
    """Return the standard deviation of a pixel, over images, as a mean over pixels."""
    return data.to_unit_range(images).numpy().std(axis=0).mean()


def dead(network, x):
    """Return the share of hidden units that are never above 0, before the activation."""
    hidden = keras.Model(network.input, network.get_layer("hidden").output)
    return float((hidden(x).numpy().max(axis=0) <= 0).mean())


def untouched(*networks):
    """Return the share of BN layers that still have mean 0 and variance 1; 0 without any."""
    norms = [x for n in networks for x in n.layers if isinstance(x, layers.BatchNormalization)]
    still = [not np.any(x.moving_mean) and np.all(x.moving_variance.numpy() == 1) for x in norms]
    return float(np.mean(still)) if still else 0.0


def one(split, fault, way, setting, seed):
    """Train one run; return its history, and what else one might look at."""
    keras.backend.clear_session()
    runtime.setup(seed)
    model, images, batch = build(setting, fault, way, seed)
    k_d = model.schedule[0]
    epochs = -(-STEPS // (len(images) // batch))
    history = model.fit(np.repeat(images, k_d, axis=0), epochs, batch, seed, verbose=0).history
    made = model.sample(500)
    z = data.draw_latent(0, (500, model.generator.input_shape[1]), 1)
    shares = dead(model.generator, z), dead(model.discriminator, data.to_unit_range(images[:500]))
    row = {name: " ".join(f"{v:.5g}" for v in history[name]) for name in gan.METRICS}
    return row | {
        "spread": round(float(spread(made) / spread(images)), 4),
        "untouched": untouched(model.generator, model.discriminator),
        "dead": round(max(shares), 4),
        "x_min": round(float(data.to_unit_range(images).numpy().min()), 3),
    }


def plan():
    """Return all runs: written on one part of the settings and seeds, judged on another."""
    splits = {
        "written": (["mnist", "mnist plain"], ["mnist bn"], 0, 3),
        "held-out": (["digits", "mnist wide", "shapes"], ["digits bn", "mnist wide bn"], 100, 5),
    }
    jobs = []
    for split, (plain, normed, first, healthy) in splits.items():
        for n, fault in enumerate(FAULTS):
            for way in (0, 1):
                choice = normed if fault in NEEDS_BN else plain
                jobs.append((split, fault, way, choice[(n + way) % len(choice)], first + way))
        for setting in (*plain, *normed):
            seeds = range(first + 10, first + 10 + healthy)
            jobs += [(split, "healthy", 0, setting, seed) for seed in seeds]
    names = "split", "fault", "way", "setting", "seed"
    return [dict(zip(names, job, strict=True)) for job in jobs]


if __name__ == "__main__":
    run(__file__, plan(), one, processes=2)
