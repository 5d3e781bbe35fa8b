"""The recipe `dcgan-mnist` with three seeds: how good is it after how many steps, and what ships.

    python experiments/dcgan_mnist_best.py        about 30 minutes on 2 cores

The other half of the race with experiments/tutorial_dcgan.py, as experiments/dcgan_mnist.py is for
the recipe that came before; scored in the same way: 10,000 samples against the 10,000 test images,
in the frozen classifier's features. The column `seconds` is the training time since the start,
without the scoring; `share_0` to `share_9` are the shares of the samples that the classifier names
so. `frechet_shipped` and `g_sha256` are of the averaged generator of seed 0 at the end, rounded to
float16, which ships with the package.

Writes experiments/results/dcgan_mnist_best.csv and into gan_utils/weights/.

Makes: dcgan_mnist_best_g.npz
"""

import functools
import hashlib

import dcgan_mnist
import scoring
from resumable import run

from gan_utils import files, gan, recipes

RECIPE = recipes.get("dcgan-mnist")
WEIGHTS = files.weights("dcgan_mnist_best_g.npz")
STEPS = 60_000 // RECIPE["batch_size"] * RECIPE["epochs"]
# often at first, where the distance falls fast, and at the end, where it is averaged
SCORED = [300, 400, 500, 600, 700, 900, 1100, 1300, 1500, 2000, *range(3000, STEPS - 1000, 2000)]
SCORED += [STEPS - 300, STEPS - 200, STEPS - 100, STEPS]


@functools.cache
def train(seed):
    """Train one seed, ship the first; return its scores by step."""
    model, rows = dcgan_mnist.followed(RECIPE, seed, SCORED)
    if seed == 0:
        with model.averaged():
            files.write_atomically(WEIGHTS, lambda file: files.save_half(model.generator, file))
    return rows


def one(seed, step):
    """Return the scores of one seed at one step; the first call for a seed trains it."""
    row = dict(train(seed)[step])
    row |= {f"share_{digit}": share for digit, share in enumerate(row.pop("shares"))}
    row |= {"frechet_shipped": "", "g_sha256": ""}
    if (seed, step) == (0, STEPS):
        (generator,) = recipes.pretrained("dcgan-mnist")
        samples = gan.generate(generator, 10_000, latent=RECIPE["latent"])
        row["frechet_shipped"] = scoring.scores(samples)[0]["frechet"]
        row["g_sha256"] = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    return row


if __name__ == "__main__":
    run(__file__, [{"seed": seed, "step": step} for seed in range(3) for step in SCORED], one)
