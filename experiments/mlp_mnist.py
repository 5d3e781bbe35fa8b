"""What the experiments on chapter 04's GAN share: train it, and describe what came out."""

import functools

import keras
import numpy as np
import scipy.special
import scoring
from sklearn.metrics import roc_auc_score

from gan_utils import data, gan, losses, metrics, networks, runtime
from gan_utils.chapters import units

EPOCHS = 40
SEEDS = 5


@functools.cache
def mnist():
    """Return the training images and the held-out ones."""
    images = data.load("mnist").images
    return images[5000:], images[:5000]


def train(seed, loss=None, g_slope=0.01, d_slope=0.01):
    """Train chapter 04's networks with one seed; return the GAN and its history."""
    keras.backend.clear_session()
    runtime.setup(seed)
    generator = networks.mlp_generator(slope=g_slope)
    discriminator = networks.mlp_discriminator(slope=d_slope)
    model = gan.GAN(generator, discriminator, loss or losses.non_saturating(real_target=0.9))
    model.compile()
    images, _ = mnist()
    return model, model.fit(images, EPOCHS, batch_size=100, seed=seed, verbose=0).history


def describe_samples(model):
    """Score 10,000 samples against the 10,000 test images."""
    found, shares = scoring.scores(model.sample(10_000))
    return {
        **found,
        "classes": int((shares >= 0.05).sum()),  # with at least half of an even share
        "smallest_share": float(shares.min()),
    }


def describe_training(history):
    """Return the means of the last ten epochs."""
    names = ("d_loss", "g_loss", "d_x", "d_gz", "d_grad_norm", "g_grad_norm")
    return {name: float(np.mean(history[name][-10:])) for name in names}


def describe_units(model):
    """Count the hidden units without a positive input, and measure what D passes back to G."""
    z, fakes = fresh_samples(model)
    real = data.to_unit_range(mnist()[0][:5000])
    signal = units.learning_signal(model.discriminator, fakes, model.adversarial_loss)
    return {
        "g_dead": float(units.dead_units(model.generator, z).mean()),
        "d_dead": float(units.dead_units(model.discriminator, real, fakes).mean()),
        "signal": float(signal.mean()),
        "no_signal": float((signal == 0).mean()),
    }


def describe_verdicts(model):
    """Ask D about 5,000 images each that it was trained on, that were held out, and of G."""
    images, held_out = mnist()
    _, fakes = fresh_samples(model)
    seen, unseen = data.to_unit_range(images[:5000]), data.to_unit_range(held_out)
    seen, unseen, fake = (
        model.discriminator.predict(x, batch_size=1000, verbose=0)[:, 0].astype(np.float64)
        for x in (seen, unseen, fakes)
    )
    logits = np.concatenate([unseen, fake])
    real = np.arange(len(logits)) < len(unseen)
    d = scipy.special.expit(logits)
    return {
        "d_seen": float(scipy.special.expit(seen).mean()),
        "d_unseen": float(d[real].mean()),
        "d_fake": float(d[~real].mean()),
        "largest_logit": float(np.abs(logits).max()),
        "confidence": float(np.maximum(d, 1 - d).mean()),
        "accuracy": float(((d > 0.5) == real).mean()),
        "calibration": metrics.expected_calibration_error(d, real),
        # how often a real image gets the higher logit of a real and a fake one: no scale enters
        "auc_seen": float(roc_auc_score(real, np.concatenate([seen, fake]))),
        "auc_unseen": float(roc_auc_score(real, logits)),
    }


def fresh_samples(model):
    """Return 5,000 z that no step has drawn, and their images in [-1, 1]."""
    z = np.asarray(data.draw_latent(0, (5000, 100), seed=0, stream=3))
    return z, model.generator.predict(z, batch_size=1000, verbose=0)
