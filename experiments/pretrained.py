"""Train the generators and discriminators that ship with the package, each by its recipe.

    python experiments/pretrained.py        about 13 minutes on 2 cores

Writes the weights that `recipes.pretrained` loads into gan_utils/weights/, averaged over the last
steps where the recipe keeps an average, and what they are into experiments/results/pretrained.csv.
What ships of the longer run has its own script, experiments/cifar10_long.py.

Makes: mlp_mnist_g.weights.h5, mlp_mnist_d.weights.h5, dcgan_mnist_g.weights.h5,
dcgan_mnist_d.weights.h5, dcgan_cifar10_g.weights.h5, dcgan_cifar10_d.weights.h5
"""

import hashlib
import time

import keras
from resumable import ROOT, run

from gan_utils import data, recipes, runtime

SEED = 0


def one(recipe):
    """Train one recipe, save both networks, and return the hashes of their files."""
    settings = recipes.get(recipe)
    keras.backend.clear_session()
    runtime.setup(SEED)
    loaded = data.load(settings["data"])
    x = recipes.load_data(settings, loaded)
    model, start = recipes.build(settings, len(x)), time.perf_counter()
    model.fit(x, settings["epochs"], settings["batch_size"], SEED)
    seconds = time.perf_counter() - start
    g_path, d_path = (ROOT / "gan_utils" / "weights" / name for name in recipes.PRETRAINED[recipe])
    with model.averaged():
        model.generator.save_weights(g_path)
    model.discriminator.save_weights(d_path)
    return {
        "data": loaded.note,
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "g_sha256": hashlib.sha256(g_path.read_bytes()).hexdigest(),
        "d_sha256": hashlib.sha256(d_path.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    both = [name for name, networks in recipes.PRETRAINED.items() if len(networks) == 2]
    run(__file__, [{"recipe": name} for name in both], one)
