"""What makes the recipe `dcgan-mnist` better in the same time? One change at a time, then together.

    python experiments/recipe_search.py        about 3 hours on 2 slow cores

`first` is the recipe as it was. `upsampling` gives its generator nearest-neighbour upsampling and
convolutions of 3 x 3, and is what every other variant changes in one respect (with groups in two).
All see the same 51,200 images twice, that is 1,600 steps of 64. An average of weights is counted in
images: with batches of 32 its momentum is the root of that of 64.

Seed 10 tries all variants; seed 11 again those that came out below `upsampling`. Neither is a seed
that the chapters report. `combined` makes, of every kind of change, the one with the lowest mean
distance of those that were below `upsampling` with both; `changes` says which. The rows of `LONG`
take eight passes through all of MNIST, as a chapter does.

`groups` gives both networks labels that nobody wrote: `halved` cuts the images in two along the
direction in which their pixels differ most, then each half, and so on. All groups are of a size, so
samples are asked for evenly. (Sage et al. 2018 and Liu et al. 2020 find such labels by k-means.) No
label of MNIST is used. A D that takes labels always has the dense layer of 256.

Scores are those of 10,000 samples against the 10,000 test images in the frozen classifier's
features; `least` and `most` are the smallest and largest ratio of a digit's share among the samples
to that in the training set. `cost` is the time an image takes in training, over that of
`upsampling`, both timed in turns after the training.

Writes experiments/results/recipe_search.csv.
"""

import functools
import json
import time

import keras
import numpy as np
import scoring
import tensorflow as tf
from keras import layers
from resumable import ROOT, experiment_csv, run

from gan_utils import classifiers, gan, losses, metrics, networks, runtime

ROWS, EPOCHS, SEEDS = 51_200, 2, [10, 11]
LONG_EPOCHS = 8  # of all images


def convolutional_discriminator(width=32, hidden=0, classes=None):
    """Return D of the recipe, with a dense layer more if ``hidden`` is above 0, or with labels."""
    if classes:
        return networks.projection_discriminator(width=width, classes=classes)
    plain = networks.dcgan_discriminator(size=28, width=width, batch_norm=False)
    if not hidden:
        return plain
    h = layers.Dense(hidden)(plain.layers[-2].output)
    logit = layers.Dense(1, name="logit")(layers.LeakyReLU(negative_slope=0.2)(h))
    return keras.Model(plain.input, logit, name="discriminator")


#: what a variant may set: options of G and of D, of ``Variant``, of both or one Adam, and the batch
BASE = {
    "g": {"latent_dim": 64, "width": 32, "kernel": 3},
    "d": {"width": 32},
    "game": {"r1": 1.0, "r1_every": 4},
    "adam": {"learning_rate": 2e-3, "beta_1": 0.5},
    "average": 0.995,
    "batch": 64,
    "groups": 0,
}
#: variant -> its kind, and its changes
VARIANTS = {
    "upsampling": (None, {}),
    "first": (None, {"g": {"transposed": True}}),
    "dense layer of 256 in D": ("D", {"d": {"hidden": 256}}),
    "D of width 48": ("D", {"d": {"width": 48}}),
    "kernel 5": ("G", {"g": {"kernel": 5}}),
    "G of width 48": ("G", {"g": {"width": 48}}),
    "z of 16": ("z", {"g": {"latent_dim": 16}}),
    "R1 0.0025": ("penalty", {"game": {"r1": 0.0025}}),
    "R1 0.1": ("penalty", {"game": {"r1": 0.1}}),
    "R1 3": ("penalty", {"game": {"r1": 3.0}}),
    "R1 10": ("penalty", {"game": {"r1": 10.0}}),
    "R1 by differences": ("penalty", {"game": {"differences": True, "r1_every": 1}}),
    "pairs, R1 and R2": ("penalty", {"game": {"pairs": True, "r2": True}}),
    "average 0.99": ("average", {"average": 0.99}),
    "average 0.998": ("average", {"average": 0.998}),
    "batches of 32": ("batch", {"batch": 32, "average": 0.995 ** (1 / 2)}),
    "batches of 128": ("batch", {"batch": 128, "average": 0.995**2}),
    "rates 0.001": ("rates", {"adam": {"learning_rate": 1e-3}}),
    "rates 0.004": ("rates", {"adam": {"learning_rate": 4e-3}}),
    "beta_1 0": ("beta_1", {"adam": {"beta_1": 0.0}}),
    "beta_2 0.99": ("beta_2", {"adam": {"beta_2": 0.99}}),
    "16 groups": ("groups", {"groups": 16}),
    "64 groups": ("groups", {"groups": 64}),
    "64 groups, R1 0.1": ("groups", {"groups": 64, "game": {"r1": 0.1}}),
}
#: what ``combined`` puts together; groups stand apart, for they are labels of a kind
KINDS = list(dict.fromkeys(k for k, _ in VARIANTS.values() if k not in (None, "groups")))
LONG = {"combined, long": "combined", "64 groups, R1 0.1, long": "64 groups, R1 0.1"}


class Variant(gan.GAN):
    """The game with other losses and penalties.

    Args:
        pairs: the relativistic loss: softplus of D's difference between a real image and a
            generated one (Jolicoeur-Martineau 2019; Huang et al. 2024 with R1 and R2).
        r2: the penalty also on generated images.
        differences: estimate ‖∇D‖² by ((D(x + σε) - D(x)) / σ)² with normal ε, whose mean it is for
            small σ: one more pass forward, no gradient of a gradient (Lin et al. 2025).
    """

    SIGMA = 0.01

    def __init__(self, *args, pairs=False, r2=False, differences=False, **options):
        super().__init__(*args, **options)
        self.pairs, self.r2, self.differences = pairs, r2, differences

    def penalty(self, x, labels=None):
        """Return the mean of ‖∇D‖² over the images ``x``."""
        if not self.differences:
            return super().penalty(x, labels)
        step = tf.convert_to_tensor(self.step)
        noise = tf.random.stateless_normal(tf.shape(x), tf.stack([step, 14]))
        there = self.discriminator(told(x + self.SIGMA * noise, labels), training=True)
        here = self.discriminator(told(x, labels), training=True)
        return tf.reduce_mean(tf.square((there - here) / self.SIGMA))

    def update_discriminator(self, x, z, labels=None):
        """Update D once."""
        if not (self.pairs or self.r2):
            return super().update_discriminator(x, z, labels)
        self.seen = told(x, labels)  # G's loss compares with it in the same step
        fakes = self.generator(told(z, labels), training=True)
        with tf.GradientTape() as tape:
            real, fake = (self.discriminator(told(a, labels), training=True) for a in (x, fakes))
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake
            if self.pairs:
                loss = tf.reduce_mean(tf.math.softplus(fake - real))
            loss += self._lazy_penalty(x, labels)
            loss += self._lazy_penalty(fakes, labels) if self.r2 else 0.0
        variables = self.discriminator.trainable_variables
        sizes = self.descend(self.d_optimizer, tape, loss, variables)
        return self.verdicts(real, fake, loss_real, loss_fake) | dict(
            zip(("d_grad_norm", "d_update_ratio"), sizes, strict=True)
        )

    def update_generator(self, z, labels=None):
        """Update G once."""
        if not self.pairs:
            return super().update_generator(z, labels)
        real = self.discriminator(self.seen, training=True)
        with tf.GradientTape() as tape:
            made = self.generator(told(z, labels), training=True)
            fake = self.discriminator(told(made, labels), training=True)
            g_loss = tf.reduce_mean(tf.math.softplus(real - fake))
        sizes = self.descend(self.g_optimizer, tape, g_loss, self.generator.trainable_variables)
        return {"g_loss": g_loss, "g_grad_norm": sizes[0], "g_update_ratio": sizes[1]}


def told(x, labels):
    """Return what a network takes: x, or x and labels."""
    return x if labels is None else [x, labels]


def halved(images, count):
    """Return the group (n,), of ``count`` = 2, 4, 8, ... of a size, that each image falls into.

    The images, averaged two by two, are cut at the median along their first principal axis.
    """
    small = images.astype(np.float32).reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    small = small.reshape(len(images), -1)
    parts = [np.arange(len(images))]
    while len(parts) < count:
        halves = []
        for rows in parts:
            centred = small[rows] - small[rows].mean(axis=0)
            axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
            halves += np.array_split(rows[np.argsort(centred @ axis, kind="stable")], 2)
        parts = halves
    labels = np.empty(len(images), np.int32)
    for number, rows in enumerate(parts):
        labels[rows] = number
    return labels


def joined(*changes):
    """Return BASE with changes laid over it, one after the other."""
    settings = {k: dict(v) if isinstance(v, dict) else v for k, v in BASE.items()}
    for change in changes:
        for name, value in change.items():
            settings[name] = settings[name] | value if isinstance(value, dict) else value
    return settings


def build(settings, steps, seed):
    """Return the GAN of these settings, compiled for so many steps.

    Each network starts from a seed of its own, so that a change in one leaves the other as it is.
    """
    g, game, classes = dict(settings["g"]), dict(settings["game"]), settings["groups"] or None
    keras.utils.set_random_seed(seed)
    discriminator = convolutional_discriminator(classes=classes, **settings["d"])
    keras.utils.set_random_seed(1000 + seed)
    if g.pop("transposed", False):
        del g["kernel"]
        generator = networks.dcgan_generator(size=28, **g)
    else:
        generator = networks.upsampling_generator(size=28, classes=classes, **g)
    model = Variant(generator, discriminator, losses.non_saturating(), latent="normal", **game)

    def adam(**average):
        options = dict(settings["adam"])
        rate = keras.optimizers.schedules.CosineDecay(options.pop("learning_rate"), steps)
        return keras.optimizers.Adam(rate, **options, **average)

    model.compile(adam(use_ema=True, ema_momentum=settings["average"]), adam())
    return model


def rows_so_far():
    """Return the rows of this experiment that are there."""
    path = ROOT / "experiments" / "results" / "recipe_search.csv"
    return experiment_csv.read(path)[1] if path.exists() else []


def distances(rows):
    """Return variant -> its distances, by seed, of rows with variant, seed and frechet."""
    found = {}
    for row in rows:
        found.setdefault(row["variant"], {})[int(row["seed"])] = float(row["frechet"])
    return found


def again(rows):
    """Return what seed 11 tries too: the variants below ``upsampling``, that and ``first``."""
    found = {name: by_seed[SEEDS[0]] for name, by_seed in distances(rows).items()}
    below = [name for name in VARIANTS if found[name] < found["upsampling"]]
    return ["upsampling", *(["first"] if "first" not in below else []), *below]


def best(rows):
    """Return, of each kind, the variant with the lowest mean that was below the base twice."""
    found = distances(rows)
    base, twice = found["upsampling"], [n for n in VARIANTS if len(found[n]) == len(SEEDS)]
    better = [name for name in twice if all(found[name][seed] < base[seed] for seed in SEEDS)]
    chosen = []
    for kind in KINDS:
        these = [name for name in better if VARIANTS[name][0] == kind]
        chosen += sorted(these, key=lambda name: sum(found[name].values()))[:1]
    return chosen


@functools.cache
def base_game():
    """Return the game ``upsampling``; it is there to be timed."""
    return build(BASE, ROWS // BASE["batch"] * EPOCHS, SEEDS[0])


def cost(model, images, batch):
    """Return the time of an image in training over that of ``upsampling``, timed in turns."""
    times = []
    for _ in range(4):  # the first compiles
        turn = []
        for game, size in ((model, batch), (base_game(), BASE["batch"])):
            start = time.perf_counter()
            game.fit(images[: 1280 // size * size], 1, size, verbose=0, labels=told_of(game))
            turn.append(time.perf_counter() - start)
        times.append(turn[0] / turn[1])
    return float(np.median(times[1:]))


def told_of(game):
    """Return labels for 1,280 images, if this game takes any."""
    return np.zeros(1280, np.int32) if game.conditional else None


def one(variant, seed):
    """Train one variant with one seed; return its scores."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded, real = scoring.mnist_and_features()
    short = LONG.get(variant, variant)
    changes = best(rows_so_far()) if short == "combined" else [short]
    settings = joined(*(VARIANTS[name][1] for name in changes))
    images = loaded.images if variant in LONG else loaded.images[:ROWS]
    epochs, batch = LONG_EPOCHS if variant in LONG else EPOCHS, settings["batch"]
    labels = halved(images, settings["groups"]) if settings["groups"] else None
    model = build(settings, len(images) // batch * epochs, seed)
    start = time.perf_counter()
    model.fit(images, epochs, batch, seed, verbose=0, labels=labels)
    seconds, steps = time.perf_counter() - start, int(model.step)
    probabilities, features = classifiers.scores(model.sample(10_000), "mnist")
    shares = np.bincount(loaded.labels, minlength=10) / len(loaded.labels)
    ratios = metrics.class_shares(probabilities) / shares
    return {
        "changes": json.dumps(changes),
        "steps": steps,
        "seconds": round(seconds, 1),
        "frechet": metrics.frechet_distance(features, real),
        "sliced": metrics.sliced_distance(features, real),
        "confident": scoring.confident(probabilities),
        "least": float(ratios.min()),
        "most": float(ratios.max()),
        "cost": round(cost(model, images, batch), 2),
    }


if __name__ == "__main__":
    jobs = [{"variant": name, "seed": SEEDS[0]} for name in VARIANTS]
    run(__file__, jobs, one)
    jobs += [{"variant": name, "seed": SEEDS[1]} for name in again(rows_so_far())]
    run(__file__, jobs, one)
    jobs += [{"variant": "combined", "seed": seed} for seed in SEEDS]
    run(__file__, [*jobs, *({"variant": name, "seed": SEEDS[0]} for name in LONG)], one)
