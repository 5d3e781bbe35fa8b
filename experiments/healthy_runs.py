"""The histories of healthy runs of a recipe, and of runs that are broken in a known way.

    python experiments/healthy_runs.py        about 25 minutes on 2 cores

A row is an epoch. `bands.compare_run` makes its band of the healthy ones; a test holds it
against the broken ones.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
from resumable import run

from gan_utils import data, losses, recipes, runtime

RECIPE = "mlp-mnist"
EPOCHS = {"healthy": 100, "broken": 20}


def double_sigmoid(loss):
    """D ends in a sigmoid, and the loss applies another."""
    return losses.Loss(
        lambda real, fake: loss.discriminator(tf.sigmoid(real), tf.sigmoid(fake)),
        lambda fake: loss.generator(tf.sigmoid(fake)),
        {"name": "double_sigmoid"},
    )


def adam(rate):
    return {"learning_rate": rate}


#: case -> settings of the recipe that are changed
CASES = {
    "healthy": {},
    "double sigmoid": {},
    "real images scaled to [0, 1]": {},
    "G does not learn": {"g_optimizer": adam(0.0)},
    "D does not learn": {"d_optimizer": adam(0.0)},
    "learning rate 0.02": {"g_optimizer": adam(0.02), "d_optimizer": adam(0.02)},
}


@functools.lru_cache(1)
def history(case, name, seed, epochs):
    """Train one case of the recipe ``name`` with one seed; return its history."""
    keras.backend.clear_session()
    runtime.setup(seed)
    recipe = recipes.get(name, **CASES[case])
    images = recipes.load_data(recipe, data.load(recipe["data"]))
    if case == "real images scaled to [0, 1]":
        images = images // 2 + 128
    model = recipes.build(recipe, len(images))
    if case == "double sigmoid":
        model.adversarial_loss = double_sigmoid(model.adversarial_loss)
    return model.fit(images, epochs, recipe["batch_size"], seed, verbose=0).history


def one(case, recipe, seed, epoch):
    """Return the means of one epoch of a run, to six digits."""
    means = history(case, recipe, seed, EPOCHS.get(case, EPOCHS["broken"]))
    return {name: float(f"{np.float64(values[epoch - 1]):.6g}") for name, values in means.items()}


if __name__ == "__main__":
    jobs = [
        {"case": case, "recipe": RECIPE, "seed": seed, "epoch": epoch}
        for case in CASES
        for seed in range(5 if case == "healthy" else 1)
        for epoch in range(1, 1 + EPOCHS.get(case, EPOCHS["broken"]))
    ]
    run(__file__, jobs, one)
