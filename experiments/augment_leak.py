"""Few images: augmentation of nothing, of the real images alone, of all that D sees.

    python experiments/augment_leak.py        about 12 minutes on 2 cores

So many MNIST digits and no more, and a small DCGAN. Paired seeds: seed s gives all arms the same
initial weights, batches and noise. (What an augmentation draws, it draws beside these.)

``grey_edges`` is the share of edges, four to an image, whose mean is above -0.5, and ``paper`` the
mean over images of the median pixel, both of generated images in [-1, 1]. A digit of MNIST stands
on black: -1, and no edge is brighter. A shifted image has a grey edge where it moved away from, a
brightened one a grey paper. ``seen``, ``unseen`` and ``made`` are the means of D(x) over the images
it was trained on, over test images and over generated ones, without augmentation. ``frechet``,
``confident`` and ``smallest_share`` are the scores of the other experiments, but for 2,500
generated images; the distance is to 10,000 test images. ``nearer`` is the chance that a generated
image lies nearer to its nearest training image than a test image does.
"""

import os

import keras
import numpy as np
import scipy.special
import scipy.stats
import scoring
from resumable import run

from gan_utils import augment, data, gan, losses, metrics, networks, runtime

WIDTH, LATENT, STEPS, BATCH = 16, 64, 1000, 30
ROWS = 3000  # of an epoch, a multiple of each number of images
JOBS = [
    {"images": images, "augmented": augmented, "seed": seed}
    for images, arms in (
        (300, ("nothing", "reals", "all")),
        (100, ("nothing", "all")),
        (1000, ("nothing", "all")),
    )
    for seed in range(5)
    for augmented in arms
]


class RealsOnly(gan.GAN):
    """The mistake: D sees changed real images, and generated ones as they are."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.augmentation = augment.Augmentation()

    def update_discriminator(self, x, z):
        return super().update_discriminator(self.augmentation(x, training=True), z)


def build(augmented, seed, steps=STEPS):
    """Return the GAN of one arm, compiled."""
    keras.utils.set_random_seed(seed)
    generator = networks.dcgan_generator(LATENT, width=WIDTH)
    discriminator = networks.dcgan_discriminator(width=WIDTH, batch_norm=False)
    if augmented == "all":
        discriminator = augment.augmented(discriminator)
    kind = RealsOnly if augmented == "reals" else gan.GAN
    loss = losses.non_saturating()
    model = kind(generator, discriminator, loss, latent="normal", r1=1.0, r1_every=4)
    rates = [keras.optimizers.schedules.CosineDecay(2e-3, steps) for _ in range(2)]
    average = {"use_ema": True, "ema_momentum": 0.995}
    model.compile(
        keras.optimizers.Adam(rates[0], beta_1=0.5, **average),
        keras.optimizers.Adam(rates[1], beta_1=0.5),
    )
    return model


def describe_leak(images):
    """Return the share of grey edges and the mean paper of uint8 images."""
    x = data.to_unit_range(images).numpy()[..., 0]
    edges = [x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]]
    grey = sum((edge.mean(axis=1) > -0.5).mean() for edge in edges) / 4
    return float(grey), float(np.median(x, axis=(1, 2)).mean())


def one(images, augmented, seed, steps=STEPS):
    """Train one arm with one seed; return its row's numbers."""
    keras.backend.clear_session()
    runtime.setup(seed)
    mnist, _ = scoring.mnist_and_features()
    seen, unseen = mnist.images[:images], mnist.test_images
    model = build(augmented, seed, steps)
    x = seen.repeat(ROWS // images, axis=0)  # an epoch has as many steps for all
    model.fit(x, steps * BATCH // ROWS, BATCH, seed, verbose=0)
    made = model.sample(2500)

    def d_mean(shown):
        x = data.to_unit_range(shown)
        logits = model.discriminator.predict(x, batch_size=500, verbose=0)
        return float(scipy.special.expit(logits).mean())

    grey_edges, paper = describe_leak(made)
    found, shares = scoring.scores(made)
    near = [metrics.nearest(seen, x[:2500])[0] for x in (made, unseen)]
    return {
        "grey_edges": grey_edges,
        "paper": paper,
        "seen": d_mean(seen),
        "unseen": d_mean(unseen),
        "made": d_mean(made),
        **found,
        "smallest_share": float(shares.min()),
        "nearer": float(1 - scipy.stats.mannwhitneyu(*near).statistic / 2500**2),
    }


if __name__ == "__main__":
    run(__file__, JOBS, one, processes=os.cpu_count())
