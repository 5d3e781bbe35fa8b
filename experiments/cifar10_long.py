"""The recipe `dcgan-cifar10-long`, wider and longer than a page has time for, and its scores.

    python experiments/cifar10_long.py        about an hour on 2 cores

Every few epochs the generator, with its averaged weights, is scored as in chapter 10: the Fréchet
distance between 10,000 samples and the 10,000 test images in the features of the frozen classifier
of `gan_utils.classifiers`, and what that classifier names. The last row's weights, rounded to
float16, ship with the package; `frechet_shipped` is the distance of the rounded generator.

A run that was stopped goes on at the step of its last checkpoint, at most a minute before the end,
with the same command. The column `seconds` is the time of training since the row before, without
scoring; what a stopped process did since that row does not count.

Writes experiments/results/cifar10_long.csv and into gan_utils/weights/.

Makes: dcgan_cifar10_long_g.npz
"""

import functools
import hashlib
import time

import scoring
from resumable import ROOT, run

from gan_utils import callbacks, classifiers, data, files, gan, metrics, recipes, runtime

SEED = 0
RECIPE = recipes.get("dcgan-cifar10-long")
SCORED = [1, 2, 3, 5, 10, 15, 20, 25, 30, RECIPE["epochs"]]
WEIGHTS = files.weights(recipes.PRETRAINED["dcgan-cifar10-long"][0])
FOLDER = ROOT / "runs" / "cifar10_long"


@functools.cache
def start():
    """Return the data, the features of the test images, and the untrained model."""
    runtime.setup(SEED)
    cifar10 = data.load("cifar10")
    model = recipes.build(RECIPE, len(cifar10.images))
    return cifar10, classifiers.scores(cifar10.test_images, "cifar10")[1], model


def one(epoch):
    """Train up to the end of an epoch, score; after the last one save what ships."""
    cifar10, features, model = start()
    begin = time.perf_counter()
    model.fit(
        cifar10.images,
        epoch,
        RECIPE["batch_size"],
        SEED,
        [callbacks.Checkpoint(FOLDER, every_seconds=60), callbacks.StopOnNaN(FOLDER)],
        verbose=0,
    )
    seconds = time.perf_counter() - begin
    if int(model.step) != epoch * (len(cifar10.images) // RECIPE["batch_size"]):
        raise ValueError(f"{FOLDER} is of another run, beyond epoch {epoch}. Delete it.")
    probabilities, ours = classifiers.scores(model.sample(10_000), "cifar10")
    row = {
        "step": int(model.step),
        "seconds": round(seconds, 1),
        "frechet": metrics.frechet_distance(ours, features),
        "confident": scoring.confident(probabilities),
        "smallest_share": float(metrics.class_shares(probabilities).min()),
        "largest_share": float(metrics.class_shares(probabilities).max()),
        "frechet_shipped": "",
        "g_sha256": "",
        "data": cifar10.note,
    }
    return row if epoch < RECIPE["epochs"] else row | ship(model, features)


def ship(model, features):
    """Save the averaged generator as float16; score what was saved."""
    with model.averaged():
        files.write_atomically(WEIGHTS, lambda file: files.save_half(model.generator, file))
    samples = gan.generate(
        recipes.pretrained("dcgan-cifar10-long")[0], 10_000, latent=RECIPE["latent"]
    )
    return {
        "frechet_shipped": metrics.frechet_distance(
            classifiers.scores(samples, "cifar10")[1], features
        ),
        "g_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    run(__file__, [{"epoch": epoch} for epoch in SCORED], one)
