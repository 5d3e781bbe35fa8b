"""The recipe `dcgan-mnist-first` with three seeds: its scores at the end, and shares.

    python experiments/dcgan_mnist_shares.py        about 20 minutes on 2 cores

Scores are those of 10,000 samples against the 10,000 test images, in the frozen classifier's
features, as in experiments/dcgan_mnist.py, which follows the same runs over time. The columns
``share_0`` to ``share_9`` are the shares of the samples that the classifier names so.

Writes experiments/results/dcgan_mnist_shares.csv.
"""

import time

import keras
import scoring
from resumable import run

from gan_utils import recipes, runtime


def one(seed):
    """Train with one seed; return the scores of the last step."""
    recipe = recipes.get("dcgan-mnist-first")
    keras.backend.clear_session()
    runtime.setup(seed)
    images = scoring.mnist_and_features()[0].images  # here: the judge's layers draw seeds too
    model, start = recipes.build(recipe, len(images)), time.perf_counter()
    history = model.fit(images, recipe["epochs"], recipe["batch_size"], seed, verbose=0).history
    seconds = time.perf_counter() - start
    found, shares = scoring.scores(model.sample(10_000))
    return {
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        **found,
        **{name: history[name][-1] for name in ("d_loss", "g_loss", "d_x", "d_gz")},
        **{f"share_{digit}": float(share) for digit, share in enumerate(shares)},
    }


if __name__ == "__main__":
    run(__file__, [{"seed": seed} for seed in range(3)], one)
