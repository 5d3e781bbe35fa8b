"""The games of chapter 14's experiments, by hand."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
import conditional  # noqa: E402
import conditional_page  # noqa: E402

from gan_utils import data, gan, losses, networks  # noqa: E402
from gan_utils.chapters import conditional as chapter  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(60) % 10


def softplus(a):
    return np.log1p(np.exp(np.asarray(a, np.float64)))


# --- the auxiliary classifier ---------------------------------------------------------------------


def test_the_verdict_of_the_auxiliary_discriminator_does_not_look_at_the_label():
    keras.utils.set_random_seed(0)
    d = conditional.auxiliary_discriminator()
    x = data.to_unit_range(IMAGES[:4])
    one, other = (np.asarray(d([x, tf.fill([4], label)])) for label in (1, 7))
    np.testing.assert_array_equal(one, other)
    names = {v.path.split("/")[-2] for v in d.trainable_variables}
    assert "named" in names, "the classifier trains with D"
    told = networks.projection_discriminator()
    assert d.count_params() == told.count_params() - 10 * 128 + (128 + 1) * 10


def test_one_step_of_the_auxiliary_classifier_by_hand():
    """Cross-entropy of the class on real and on fakes for D, on fakes for G; SGD with rate 1."""
    keras.utils.set_random_seed(0)
    generator = chapter.dense_generator(4, (8,))
    d = conditional.auxiliary_discriminator()
    model = conditional.AuxiliaryClassifier(generator, d, losses.non_saturating(), latent="normal")
    model.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), jit_compile=False)
    x, y = data.to_unit_range(IMAGES[:20]), tf.constant(LABELS[:20], tf.int32)
    z = data.draw_latent(0, (20, 4), 0, 0, "normal")
    named = keras.Model(d.inputs, d.get_layer("named").output)

    def wrong(images):
        logits = np.asarray(named([images, y]), np.float64)
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(20), y])

    def d_loss():
        fakes = generator([z, y])
        judged = softplus(-d([x, y])).mean() + softplus(d([fakes, y])).mean()
        return judged + wrong(x) + wrong(fakes)

    def g_loss():
        fakes = generator([z, y])
        return softplus(-d([fakes, y])).mean() + wrong(fakes)

    # A small step of SGD lowers a loss by rate times the squared length of its gradient.
    for network, update, loss in (
        (d, lambda: model.update_discriminator(x, z, y), d_loss),
        (generator, lambda: model.update_generator(z, y), g_loss),
    ):
        optimizer = model.d_optimizer if network is d else model.g_optimizer
        optimizer.learning_rate.assign(1e-3)
        before, weights = loss(), [w.copy() for w in network.get_weights()]
        update()
        moved = [a - b for a, b in zip(weights, network.get_weights(), strict=True)]
        squared = sum((m.astype(np.float64) ** 2).sum() for m in moved)
        assert before - loss() == pytest.approx(squared / 1e-3, rel=0.1)


# --- the generator of the page --------------------------------------------------------------------


def test_batch_normalisation_is_folded_into_the_weights():
    keras.utils.set_random_seed(0)
    options = {"latent_dim": 16, "hidden": (128, 112), "embedding": 16}
    model = conditional_page.normalised_generator(**options)
    model.set_weights([w + 0.1 + np.abs(RNG.normal(size=w.shape)) for w in model.get_weights()])
    z, labels = RNG.normal(size=(9, 16)).astype("float32"), np.arange(9)
    plain = conditional_page.folded(model)
    inner = [keras.Model(m.inputs, m.get_layer("pixels").input) for m in (model, plain)]
    a, b = (np.asarray(m([z, labels])) for m in inner)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(a).max())
    assert not any(isinstance(la, layers.BatchNormalization) for la in plain.layers)
