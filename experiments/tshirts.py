"""Train the generator of T-shirts that ships with the package.

    python experiments/tshirts.py        about 16 minutes on 2 cores

It does what `python -m gan_utils train own-images --images tshirts.zip --epochs 23` does: the
recipe for own images, at 32 pixels, on the 928 photographs in gan_utils/own/photos, for about 2,000
steps.
G ships with its averaged weights, as float16.

Writes experiments/results/tshirts.csv and into gan_utils/weights/.

Makes: tshirts_g.npz
"""

import hashlib
import time

import keras
import numpy as np
from resumable import run

from gan_utils import files, recipes, runtime
from gan_utils.own import pictures, training, tshirts

EPOCHS = tshirts.EPOCHS
WEIGHTS = files.weights("tshirts_g.npz")


def one(seed):
    """Train, ship the averaged generator, and return what it took and how near it comes."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded = pictures.load_images(tshirts.PHOTOS)
    rows = np.repeat(loaded.images, -(-training.OWN_ROWS // len(loaded.images)), axis=0)
    recipe = pictures.recipe(epochs=EPOCHS)
    model, start = recipes.build(recipe, len(rows)), time.perf_counter()
    history = model.fit(rows, EPOCHS, recipe["batch_size"], seed).history
    seconds = time.perf_counter() - start
    with model.averaged():
        files.write_atomically(WEIGHTS, lambda file: files.save_half(model.generator, file))
    scores, _ = pictures.compare(model.sample(len(loaded.images), seed), loaded.images)
    return {
        "data": loaded.note,
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "d_loss": history["d_loss"][-1],
        "g_loss": history["g_loss"][-1],
        "to_nearest": scores["to_nearest"],
        "among_real": scores["among_real"],
        "nearer": scores["nearer"],
        "g_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    run(__file__, [{"seed": 0}], one)
