"""Chapter 04's GAN for 100 epochs, and what the source leaves open: tanh or sigmoid, which rate.

    python experiments/vanilla_variants.py        about 33 minutes on 2 cores

Paired seeds: seed s gives every variant the same initial weights, batches and noise. Writes
experiments/results/vanilla_variants.csv.
"""

import os

import keras
import numpy as np
import scipy.special
import scoring
from keras import layers
from resumable import run

from gan_utils import data, gan, losses, networks, runtime

EPOCHS = 100
VARIANTS = {
    "chapter": {},
    "sigmoid, data in [0, 1]": {"output": "sigmoid", "unit_interval": True},
    "sigmoid, data in [-1, 1]": {"output": "sigmoid"},
    "learning rate 0.002": {"rate": 0.002},
}


def build(output="tanh", unit_interval=False, rate=0.001):
    """Return a variant's GAN, compiled.

    The engine feeds pixels in [-1, 1]. A rescaling at the end of G, and one in front of D, carry
    a sigmoid's [0, 1] through it: 2 σ − 1 is what G hands over, (x + 1) / 2 is what D sees.
    """
    generator, discriminator = networks.mlp_generator(output=output), networks.mlp_discriminator()
    if output == "sigmoid":
        generator = wrap(generator, after=layers.Rescaling(2.0, offset=-1.0))
    if unit_interval:
        discriminator = wrap(discriminator, before=layers.Rescaling(0.5, offset=0.5))
    model = gan.GAN(generator, discriminator, losses.non_saturating(real_target=0.9))
    model.compile(keras.optimizers.Adam(rate), keras.optimizers.Adam(rate))
    return model


def wrap(model, before=lambda x: x, after=lambda x: x):
    x = keras.Input(model.input_shape[1:])
    return keras.Model(x, after(model(before(x))))


def mean_verdict(discriminator, images):
    """Return D(x), averaged over uint8 images."""
    logits = discriminator.predict(data.to_unit_range(images), batch_size=1000, verbose=0)
    return float(scipy.special.expit(logits).mean())


def one(variant, seed):
    """Train one variant with one seed; score 10,000 samples against the 10,000 test images."""
    images = data.load("mnist").images
    keras.backend.clear_session()
    runtime.setup(seed)
    model = build(**VARIANTS[variant])
    history = model.fit(images[5000:], EPOCHS, batch_size=100, seed=seed, verbose=0).history
    found, shares = scoring.scores(model.sample(10_000))
    return {
        **found,
        "smallest_share": float(shares.min()),
        "largest_share": float(shares.max()),
        "d_loss": float(np.mean(history["d_loss"][-10:])),
        "g_loss": float(np.mean(history["g_loss"][-10:])),
        "d_seen": mean_verdict(model.discriminator, images[5000:]),
        "d_unseen": mean_verdict(model.discriminator, images[:5000]),
    }


if __name__ == "__main__":
    jobs = [{"variant": v, "seed": s} for s in range(5) for v in VARIANTS]
    run(__file__, jobs, one, processes=os.cpu_count())
