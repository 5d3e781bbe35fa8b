"""Chapter 04's GAN with other targets for D: smoothed on either side, on both, the wrong way.

    python experiments/label_smoothing.py        about 40 minutes on 2 cores

Paired seeds: seed s gives all targets the same initial weights, batches and noise.
"""

import os

from mlp_mnist import (
    SEEDS,
    describe_samples,
    describe_training,
    describe_units,
    describe_verdicts,
    train,
)
from resumable import run

from gan_utils import losses

#: (target of real images, target of generated ones); 1.1 is smoothing of 0.1 with the wrong sign
TARGETS = [(0.9, 0.0), (1.0, 0.0), (0.7, 0.0), (0.9, 0.1), (1.0, 0.1), (1.1, 0.0)]


def unchecked(real_target, fake_target):
    """Return the non-saturating loss for any targets, those that `losses` refuses included."""
    return losses.Loss(
        lambda real, fake: (
            losses.cross_entropy(real, real_target),
            losses.cross_entropy(fake, fake_target),
        ),
        lambda fake: losses.cross_entropy(fake, 1.0),
        {"name": "unchecked"},
    )


def one(real_target, fake_target, seed):
    """Train with these targets and one seed; return the row's numbers."""
    model, history = train(seed, loss=unchecked(real_target, fake_target))
    return (
        describe_samples(model)
        | describe_verdicts(model)
        | describe_units(model)
        | describe_training(history)
    )


if __name__ == "__main__":
    jobs = [
        {"real_target": r, "fake_target": f, "seed": s} for s in range(SEEDS) for r, f in TARGETS
    ]
    run(__file__, jobs, one, processes=os.cpu_count())
