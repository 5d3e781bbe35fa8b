"""Does a label do for CIFAR-10 what it does for digits? `dcgan-cifar10` with and without.

    python experiments/conditional_cifar10.py        about 15 minutes on 2 cores

`recipe` is `dcgan-cifar10`; `label` tells both networks the class (an embedding joined to z in G, a
projection of D's features, their means over places) and leaves the rest as it is. Three passes
through CIFAR-10 in place of the recipe's fifteen; paired seeds.

Scores are those of 10,000 samples against the 10,000 test images, in the frozen classifier's
features; samples of a conditional generator are asked for in turn. `agree` is the share that the
classifier reads as what was asked for; of the test images, `agree_real`. `least_agree` is that of
the class which it reads worst. `spread` is the mean over the classes of `metrics.class_spread` of
the samples over that of the test images; without labels the classes are those that are read.

Writes experiments/results/conditional_cifar10.csv.
"""

import functools
import time

import keras
import numpy as np
from resumable import run

from gan_utils import classifiers, data, metrics, recipes, runtime

EPOCHS = 3
WAYS = "recipe", "label"


def recipe(way):
    """Return the recipe of one way."""
    settings = recipes.get("dcgan-cifar10", epochs=EPOCHS)
    if way != "recipe":
        for part in ("generator", "discriminator"):
            settings[part][1]["classes"] = 10
    return settings


@functools.cache
def cifar10():
    """Return the data, and probabilities and features of the test images."""
    loaded = data.load("cifar10")
    return loaded, classifiers.scores(loaded.test_images, "cifar10")


def one(way, seed):
    """Train one way with one seed; return its scores."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded, (real_probabilities, real) = cifar10()
    keras.utils.set_random_seed(seed)  # again: the judge's layers draw seeds too
    settings, labels = recipe(way), loaded.labels
    model, start = recipes.build(settings, len(loaded.images)), time.perf_counter()
    model.fit(
        loaded.images,
        settings["epochs"],
        settings["batch_size"],
        seed,
        verbose=0,
        labels=labels if model.conditional else None,
    )
    seconds = time.perf_counter() - start
    probabilities, features = classifiers.scores(model.sample(10_000), "cifar10")
    read, test = probabilities.argmax(axis=1), loaded.test_labels
    asked = np.arange(len(read)) % 10 if model.conditional else read
    told = range(10) if model.conditional else ()
    agree = [float((read == asked)[asked == label].mean()) for label in told]
    spread = metrics.class_spread(features, asked) / metrics.class_spread(real, test)
    shares = metrics.class_shares(probabilities)
    return {
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "frechet": metrics.frechet_distance(features, real),
        "sliced": metrics.sliced_distance(features, real),
        "confident": float((probabilities.max(axis=1) > 0.9).mean()),
        "smallest_share": float(shares.min()),
        "largest_share": float(shares.max()),
        "agree_real": float((real_probabilities.argmax(axis=1) == test).mean()),
        "agree": float(np.mean(agree)) if agree else "",
        "least_agree": min(agree, default=""),
        "spread": float(np.nanmean(spread)),
        "data": loaded.note,
    }


if __name__ == "__main__":
    run(__file__, [{"way": way, "seed": seed} for seed in range(3) for way in WAYS], one)
