"""Few images: augmentation of nothing, of the real images alone, of all that D sees.

    python experiments/augment_leak.py        about 10 minutes on 2 cores

The book's drawn shapes, so many of them, against a small DCGAN. Paired seeds: seed s gives all arms
the same initial weights, batches and noise. (What an augmentation draws it draws beside these.)

``grey_edges`` is the share of generated pictures' edges that are a line of middle grey. Real shapes
have none, as no paper is of a grey between 109 and 146 in any channel; a shifted picture has one on
each side that something moved away from. ``brightness`` is the standard deviation of the pictures'
mean values, in [-1, 1]. ``seen``, ``unseen`` and ``made`` are the means of D(x) over the images it
was trained on, over shapes it never saw, and over generated ones, without augmentation.
``frechet`` is the distance to 500 shapes that nothing was trained on, and ``sure`` the share named
with over 0.9 confidence, both by a small classifier of the shapes; ``frechet_real`` is that of its
2,000 training shapes, ``sure_real`` that of the 500, ``accuracy`` its share of right answers among
them. ``nearer`` is the chance that a generated picture lies nearer to a training image than a shape
never seen does.
"""

import functools
import os

import keras
import numpy as np
import scipy.special
import scipy.stats
from keras import layers
from resumable import run
from sklearn.neighbors import NearestNeighbors

from gan_utils import augment, data, gan, losses, metrics, networks, runtime

WIDTH, LATENT, STEPS, BATCH, SAMPLES = 16, 64, 2000, 30, 2000
ROWS = 3000  # of an epoch, a multiple of each number of images
JOBS = [
    {"images": images, "augmented": augmented, "seed": seed}
    for images, arms in ((300, ("nothing", "reals", "all")), (100, ("nothing", "all")),
                         (1000, ("nothing", "all")))
    for seed in range(5)
    for augmented in arms
]  # fmt: skip


class RealsOnly(gan.GAN):
    """The mistake: D sees changed real images and generated ones as they are."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.augmentation = augment.Augmentation()

    def _update_discriminator(self, x, z):
        return super()._update_discriminator(self.augmentation(x, training=True), z)


def build(augmented, seed):
    """Return the GAN of one arm, compiled."""
    keras.utils.set_random_seed(seed)
    generator = networks.dcgan_generator(LATENT, 32, 3, WIDTH)
    discriminator = networks.dcgan_discriminator(32, 3, WIDTH, batch_norm=False)
    if augmented == "all":
        discriminator = augment.augmented(discriminator)
    kind = RealsOnly if augmented == "reals" else gan.GAN
    loss = losses.non_saturating()
    model = kind(generator, discriminator, loss, latent="normal", r1=1.0, r1_every=4)
    rates = [keras.optimizers.schedules.CosineDecay(1e-3, STEPS) for _ in range(2)]
    average = {"use_ema": True, "ema_momentum": 0.995}
    model.compile(
        keras.optimizers.Adam(rates[0], beta_1=0.5, **average),
        keras.optimizers.Adam(rates[1], beta_1=0.5),
    )
    return model


@functools.cache
def shapes():
    return data.load("shapes")


@functools.cache
def classifier():
    """Return a small classifier of the shapes, trained once in each process, always alike."""
    keras.utils.set_random_seed(0)
    h = x = keras.Input((32, 32, 3))
    for maps in (16, 32, 64):
        h = layers.Conv2D(maps, 4, strides=2, padding="same", use_bias=False)(h)
        h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    features = layers.Dense(32, "relu")(layers.Flatten()(h))
    logits = layers.Dense(10)(features)
    model, loss = keras.Model(x, logits), keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    pixels = data.to_unit_range(shapes().images).numpy()
    model.fit(pixels, shapes().labels, epochs=20, batch_size=50, verbose=0)
    return keras.Model(x, [logits, features])


def read(images):
    """Return the classifier's probabilities and features, in float64."""
    scores, features = classifier().predict(data.to_unit_range(images), batch_size=500, verbose=0)
    return scipy.special.softmax(np.float64(scores), axis=1), np.float64(features)


def grey_edges(images):
    """Return the share of edges, four to an image, whose pixels are all near 0 in [-1, 1]."""
    x = np.abs(images / 127.5 - 1)
    edges = [x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]]
    return float(np.mean([edge.mean(axis=(1, 2)) < 0.1 for edge in edges]))


def brightness(images):
    return float((images / 127.5 - 1).mean(axis=(1, 2, 3)).std())


def nearer(made, seen, unseen):
    """Return the chance that ``made`` is nearer to ``seen`` than ``unseen`` is."""
    seen, made, unseen = (a.reshape(len(a), -1) / np.float32(255) for a in (seen, made, unseen))
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(seen)
    a, b = (index.kneighbors(x)[0].ravel() for x in (made, unseen))
    return 1 - scipy.stats.mannwhitneyu(a, b).statistic / len(a) / len(b)


def one(images, augmented, seed, steps=STEPS):
    """Train one arm with one seed; return its row's numbers."""
    keras.backend.clear_session()
    runtime.setup(seed)
    seen, unseen, real = shapes().images[:images], shapes().test_images, shapes().images
    (p_unseen, f_unseen), (_, f_real) = read(unseen), read(real)
    model = build(augmented, seed)
    x = seen.repeat(ROWS // images, axis=0)  # an epoch has as many steps for all
    model.fit(x, steps * BATCH // ROWS, BATCH, seed, verbose=0)
    made = model.sample(SAMPLES)
    p_made, f_made = read(made)

    def d_mean(pictures):
        logits = model.discriminator.predict(
            data.to_unit_range(pictures), batch_size=500, verbose=0
        )
        return float(scipy.special.expit(logits).mean())

    return {
        "grey_edges": grey_edges(made),
        "grey_edges_real": grey_edges(seen),
        "brightness": brightness(made),
        "brightness_real": brightness(seen),
        "seen": d_mean(seen),
        "unseen": d_mean(unseen),
        "made": d_mean(made),
        "frechet": metrics.frechet_distance(f_made, f_unseen),
        "frechet_real": metrics.frechet_distance(f_real, f_unseen),
        "sure": float((p_made.max(axis=1) > 0.9).mean()),
        "sure_real": float((p_unseen.max(axis=1) > 0.9).mean()),
        "nearer": nearer(made, seen, unseen),
        "accuracy": float((p_unseen.argmax(axis=1) == shapes().test_labels).mean()),
    }


if __name__ == "__main__":
    run(__file__, JOBS, one, processes=os.cpu_count())
