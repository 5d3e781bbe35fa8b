"""A chapter's own loop and the engine are the same algorithm: their first 100 losses agree."""

from pathlib import Path

import keras
import nbformat
import numpy as np
import tensorflow as tf

from gan_utils import data, gan, losses, networks

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def from_scratch_cells(name):
    """The cells that a chapter tags `from-scratch`, as one piece of code."""
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    return "\n".join(c.source for c in cells if "from-scratch" in c.metadata.get("tags", []))


def test_chapter_04_and_the_engine():
    images = data.load("digits").images
    draws = list(data.draws(len(images), 100, 100, range(100), seed=0))
    names = {"keras": keras, "layers": keras.layers, "tf": tf, "data": data, "images": images}
    exec(from_scratch_cells("04_vanilla_gan"), names)  # it seeds with 0 and builds both networks
    chapter = np.array([names["train_step"](*draw) for draw in draws])

    keras.utils.set_random_seed(0)
    model = gan.GAN(
        networks.mlp_generator(),
        networks.mlp_discriminator(),
        losses.non_saturating(real_target=0.9),
    )
    model.compile(jit_compile=False)
    model.x = tf.constant(images)
    engine = []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            engine.append((logs["d_loss"], logs["g_loss"]))

    spec = tuple(tf.TensorSpec(part.shape, part.dtype) for part in draws[0])
    feed = tf.data.Dataset.from_generator(lambda: iter(draws), output_signature=spec)
    # with one step an epoch, the epoch means are the losses of single steps
    keras.Model.fit(
        model, feed, epochs=100, steps_per_epoch=1, callbacks=[Note()], verbose=0, shuffle=False
    )
    np.testing.assert_allclose(engine, chapter, rtol=1e-4)
    assert len(engine) == 100 and chapter[0, 0] != chapter[99, 0]
