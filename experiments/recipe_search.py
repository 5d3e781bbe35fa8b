"""What makes the recipe `dcgan-mnist` better in the same time? One change at a time, then together.

    python experiments/recipe_search.py        about 155 minutes on 2 cores

`first` is the recipe as it was. `upsampling` gives its generator nearest-neighbour
upsampling and convolutions of 3 x 3, and is what every other variant changes in one respect. All
see the same 153,600 images (three passes through 51,200 of MNIST's, 2,400 steps of 64), and the
same seeds: 10 and 11, which are not the seeds that the chapters report. An average of weights is
counted in images: with batches of 32 its momentum is the root of that of 64.

`combined` makes, of every kind of change (KINDS), the one with the lowest mean distance, if it is
below `upsampling` for both seeds; `changes` says which. The rows of `LONG` take eight passes
through all of MNIST, as a chapter does.

`clusters` gives both networks labels that nobody wrote: groups of images that k-means finds in
their pixels (as Sage et al. 2018 and Liu et al. 2020 do in features). Samples are asked for with
the groups' shares in the training set. No label of MNIST is used.

Scores are those of 10,000 samples against the 10,000 test images in the frozen classifier's
features; `least` and `most` are the smallest and largest ratio of a digit's share among the samples
to that in the training set. `seconds` is the time of training, `ms_step` of one step.

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
from sklearn.cluster import KMeans

from gan_utils import classifiers, gan, losses, metrics, networks, recipes, runtime

ROWS, EPOCHS, SEEDS = 51_200, 3, [10, 11]
FIRST = recipes.get("dcgan-mnist")


def convolutional_discriminator(width=32, hidden=0, classes=None):
    """Return D of the recipe, with one more dense layer if ``hidden`` is above 0."""
    plain = networks.dcgan_discriminator(size=28, width=width, batch_norm=False, classes=classes)
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
    "clusters": 0,
}
#: variant -> its kind, and its changes
VARIANTS = {
    "first": (None, {"g": {"transposed": True}}),
    "upsampling": (None, {}),
    "kernel 5": ("G", {"g": {"kernel": 5}}),
    "G of width 48": ("G", {"g": {"width": 48}}),
    "z of 16": ("z", {"g": {"latent_dim": 16}}),
    "10 codes": ("codes", {"g": {"codes": 10}}),
    "30 codes": ("codes", {"g": {"codes": 30}}),
    "R1 0.0025": ("penalty", {"game": {"r1": 0.0025}}),
    "R1 3": ("penalty", {"game": {"r1": 3.0}}),
    "R1 10": ("penalty", {"game": {"r1": 10.0}}),
    "R1 30": ("penalty", {"game": {"r1": 30.0}}),
    "R1 by differences": ("penalty", {"game": {"differences": True, "r1_every": 1}}),
    "pairs, R1 and R2": ("penalty", {"game": {"pairs": True, "r2": True}}),
    "pairs, by differences": (
        "penalty",
        {"game": {"pairs": True, "r2": True, "differences": True, "r1_every": 1}},
    ),
    "average 0.99": ("average", {"average": 0.99}),
    "average 0.999": ("average", {"average": 0.999}),
    "batches of 32": ("average", {"batch": 32, "average": 0.995 ** (1 / 2)}),
    "batches of 128": ("average", {"batch": 128, "average": 0.995**2}),
    "rates 0.001": ("rates", {"adam": {"learning_rate": 1e-3}}),
    "rates 0.004": ("rates", {"adam": {"learning_rate": 4e-3}}),
    "beta_1 0": ("beta_1", {"adam": {"beta_1": 0.0}}),
    "beta_2 0.99": ("beta_2", {"adam": {"beta_2": 0.99}}),
    "dense layer of 256 in D": ("D", {"d": {"hidden": 256}}),
    "10 clusters": ("clusters", {"clusters": 10}),
    "50 clusters": ("clusters", {"clusters": 50}),
}
#: what ``combined`` puts together; clusters stand apart, for they are labels of a kind
KINDS = list(dict.fromkeys(k for k, _ in VARIANTS.values() if k not in (None, "clusters")))
LONG = {
    "upsampling, long": "upsampling",
    "combined, long": "combined",
    "50 clusters, long": "50 clusters",
}


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


@functools.cache
def clusters(count):
    """Return the cluster (n,) of each training image: k-means, on pixels averaged two by two."""
    images = scoring.mnist_and_features()[0].images.astype(np.float32)
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1)
    return KMeans(count, n_init=1, random_state=0).fit_predict(small).astype(np.int32)


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
    g, game, classes = dict(settings["g"]), dict(settings["game"]), settings["clusters"] or None
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
    return experiment_csv.read(path)[1]


def best(rows):
    """Return, of each kind, the variant with the lowest mean distance, if it beats the base twice.

    Args:
        rows: with ``variant``, ``seed`` and ``frechet`` of all VARIANTS and both SEEDS.
    """
    found = {(row["variant"], int(row["seed"])): float(row["frechet"]) for row in rows}
    distances = {name: np.array([found[name, seed] for seed in SEEDS]) for name in VARIANTS}
    better = {n for n in VARIANTS if (distances[n] < distances["upsampling"]).all()}
    chosen = []
    for kind in KINDS:
        these = [name for name in VARIANTS if VARIANTS[name][0] == kind and name in better]
        chosen += sorted(these, key=lambda name: distances[name].mean())[:1]
    return chosen


def one(variant, seed):
    """Train one variant with one seed; return its scores."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded, real = scoring.mnist_and_features()
    short = LONG.get(variant, variant)
    changes = best(rows_so_far()) if short == "combined" else [short]
    settings = joined(*(VARIANTS[name][1] for name in changes))
    images = loaded.images if variant in LONG else loaded.images[:ROWS]
    epochs, batch = FIRST["epochs"] if variant in LONG else EPOCHS, settings["batch"]
    count = settings["clusters"]
    labels = clusters(count)[: len(images)] if count else None
    model = build(settings, len(images) // batch * epochs, seed)
    start = time.perf_counter()
    model.fit(images, epochs, batch, seed, verbose=0, labels=labels)
    seconds = time.perf_counter() - start
    # MNIST is in no order, so the clusters of its first images have the shares of all.
    wishes = labels[:10_000] if count else None
    probabilities, features = classifiers.scores(model.sample(10_000, labels=wishes), "mnist")
    shares = np.bincount(loaded.labels, minlength=10) / len(loaded.labels)
    ratios = metrics.class_shares(probabilities) / shares
    return {
        "changes": json.dumps(changes),
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "ms_step": round(1000 * seconds / int(model.step), 1),
        "frechet": metrics.frechet_distance(features, real),
        "sliced": metrics.sliced_distance(features, real),
        "confident": scoring.confident(probabilities),
        "least": float(ratios.min()),
        "most": float(ratios.max()),
    }


if __name__ == "__main__":
    rows = [(name, seed) for seed in SEEDS for name in VARIANTS]
    rows += [(name, seed) for seed in SEEDS for name in ("combined", *LONG)]
    rows.remove(("upsampling, long", SEEDS[1]))  # the base in full has one seed
    run(__file__, [{"variant": name, "seed": seed} for name, seed in rows], one)
