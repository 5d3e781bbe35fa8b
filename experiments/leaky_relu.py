"""Chapter 04's GAN with other slopes of the leaky ReLU, in G, in D and in both.

    python experiments/leaky_relu.py        about 40 minutes on 2 cores

Paired seeds: seed s gives every pair of slopes the same initial weights, batches and noise.
"""

import os

from mlp_mnist import SEEDS, describe_samples, describe_training, describe_units, train
from resumable import run

#: (slope in G, slope in D); the first is the chapter's
SLOPES = [(0.01, 0.01), (0, 0.01), (0.2, 0.01), (0.01, 0), (0.01, 0.2), (0, 0), (0.2, 0.2)]


def one(g_slope, d_slope, seed):
    """Train with these slopes and one seed; return the row's numbers."""
    model, history = train(seed, g_slope=g_slope, d_slope=d_slope)
    return describe_samples(model) | describe_units(model) | describe_training(history)


if __name__ == "__main__":
    jobs = [{"g_slope": g, "d_slope": d, "seed": s} for s in range(SEEDS) for g, d in SLOPES]
    run(__file__, jobs, one, processes=os.cpu_count())
