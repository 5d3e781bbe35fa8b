"""A chapter's own loop and the engine are the same algorithm: their first 100 losses agree."""

from pathlib import Path

import keras
import nbformat
import numpy as np
import tensorflow as tf

from gan_utils import data, gan, losses, networks, runtime

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def from_scratch_cells(name):
    """The cells that a chapter tags `from-scratch`, as one piece of code."""
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    return "\n".join(c.source for c in cells if "from-scratch" in c.metadata.get("tags", []))


def engine_losses(model, images, draws):
    """The losses (of D, of G) of a compiled model at each of these steps."""
    model.x, found = tf.constant(images), []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append((logs["d_loss"], logs["g_loss"]))

    spec = tuple(tf.TensorSpec(part.shape, part.dtype) for part in draws[0])
    feed = tf.data.Dataset.from_generator(lambda: iter(draws), output_signature=spec)
    # with one step an epoch, the epoch means are the losses of single steps
    options = {"epochs": len(draws), "steps_per_epoch": 1, "verbose": 0, "shuffle": False}
    keras.Model.fit(model, feed, callbacks=[Note()], **options)
    return found


def test_chapter_04_and_the_engine():
    images = data.load("digits").images
    draws = list(data.draws(len(images), 100, 100, range(100), seed=0))
    names = {"keras": keras, "layers": keras.layers, "tf": tf, "data": data, "runtime": runtime}
    names["images"] = images
    exec(from_scratch_cells("04_vanilla_gan"), names)  # it seeds with 0 and builds both networks
    chapter = np.array([names["train_step"](*draw) for draw in draws])

    keras.utils.set_random_seed(0)
    model = gan.GAN(
        networks.mlp_generator(),
        networks.mlp_discriminator(),
        losses.non_saturating(real_target=0.9),
    )
    model.compile(jit_compile=False)
    engine = engine_losses(model, images, draws)
    np.testing.assert_allclose(engine, chapter, rtol=1e-4)
    assert len(engine) == 100 and chapter[0, 0] != chapter[99, 0]


def test_chapter_09_and_the_engine():
    names = {"keras": keras, "layers": keras.layers, "tf": tf, "data": data, "runtime": runtime}
    exec(from_scratch_cells("09_dcgan_mnist"), names)
    images = names["images"]
    draws = list(data.draws(len(images), 64, 100, range(100), seed=0))

    def chapter(steps):
        train_step = names["make_step"](*names["make_networks"]())
        return np.array([train_step(*draw) for draw in draws[:steps]])

    model = gan.GAN(*names["make_networks"](), losses.non_saturating())
    adams = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    model.compile(*adams, jit_compile=False)
    engine = engine_losses(model, images, draws)
    np.testing.assert_allclose(engine[:5], chapter(5), rtol=1e-4)

    # Batch normalisation and Adam make last bits grow fast, so beyond a few steps the cross-entropy
    # has to be rounded in the same way: another form of the same function.
    logits = tf.linspace(-30.0, 30.0, 601)
    for target in (0.0, 1.0):
        forms = names["cross_entropy"], losses.cross_entropy
        ours, library = (form(logits, target) for form in forms)
        np.testing.assert_allclose(ours, library, rtol=1e-6)
    names["cross_entropy"] = losses.cross_entropy
    losses_100 = chapter(100)
    np.testing.assert_allclose(engine, losses_100, rtol=1e-4)
    assert len(engine) == 100 and losses_100[0, 0] != losses_100[99, 0]


def test_chapter_14_and_the_engine():
    names = {"keras": keras, "layers": keras.layers, "tf": tf, "data": data, "runtime": runtime}
    exec(from_scratch_cells("14_conditional"), names)
    images, labels = names["images"], names["labels"]
    draws = list(data.draws(len(images), 64, 64, range(20), 0, "normal", labelled=True))

    def pair(generator, discriminator):
        keras.utils.set_random_seed(0)
        return generator(), discriminator()

    ours = pair(names["make_generator"], names["make_discriminator"])
    library = pair(
        lambda: networks.upsampling_generator(classes=10),
        networks.projection_discriminator,
    )
    for a, b in zip(ours, library, strict=True):
        for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    names["cross_entropy"] = losses.cross_entropy  # rounded in the same way, as above
    train_step = names["make_step"](*ours)
    chapter = np.array([train_step(*draw) for draw in draws])

    model = gan.GAN(*library, losses.non_saturating(), latent="normal")
    rate = names["learning_rate"]
    adams = (keras.optimizers.Adam(rate, beta_1=0.5) for _ in range(2))
    model.compile(*adams, jit_compile=False)
    model.labels = tf.constant(labels)
    engine = engine_losses(model, images, draws)
    np.testing.assert_allclose(engine, chapter, rtol=1e-4)
    assert chapter[0, 0] != chapter[19, 0]
