"""Train the generators and discriminators that ship with the package, each by its recipe.

    python experiments/pretrained.py        about 13 minutes on 2 cores

Writes the weights that `recipes.pretrained` loads into gan_utils/weights/, averaged over the last
steps where the recipe keeps an average, and what they are into experiments/results/pretrained.csv.
What else ships has scripts of its own: cifar10_long.py, conditional.py and dcgan_mnist_best.py.
The rows call `dcgan-mnist-first` by the name that it had when it was trained, without "first".

Makes: mlp_mnist_g.weights.h5, mlp_mnist_d.weights.h5, dcgan_mnist_g.weights.h5,
dcgan_mnist_d.weights.h5, dcgan_cifar10_g.weights.h5, dcgan_cifar10_d.weights.h5
"""

import hashlib
import time

import keras
from resumable import ROOT, run

from gan_utils import data, recipes, runtime

SEED = 0
NAMES = "mlp-mnist", "dcgan-mnist-first", "dcgan-cifar10"
ROWS = {name.removesuffix("-first"): name for name in NAMES}


def one(recipe):
    """Train one recipe, save both networks, and return the hashes of their files."""
    name = ROWS[recipe]
    settings = recipes.get(name)
    keras.backend.clear_session()
    runtime.setup(SEED)
    loaded = data.load(settings["data"])
    x = recipes.load_data(settings, loaded)
    model, start = recipes.build(settings, len(x)), time.perf_counter()
    model.fit(x, settings["epochs"], settings["batch_size"], SEED)
    seconds = time.perf_counter() - start
    g_path, d_path = (ROOT / "gan_utils" / "weights" / file for file in recipes.PRETRAINED[name])
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
    run(__file__, [{"recipe": name} for name in ROWS], one)
