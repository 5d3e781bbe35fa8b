"""Against float64 formulas written down independently, straight from the definitions."""

import json

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from gan_utils import losses

LOGITS = np.array([-30.0, -3.0, -0.5, 0.0, 0.7, 4.0, 30.0])


def reference(logits, target):
    """−t log σ(l) − (1−t) log(1−σ(l)) in float64; 1−σ(l) = σ(−l) keeps its digits."""
    return np.mean(-target * np.log(expit(logits)) - (1 - target) * np.log(expit(-logits)))


@pytest.mark.parametrize("target", [0.0, 0.1, 0.9, 1.0])
def test_cross_entropy(target):
    got = losses.cross_entropy(tf.constant(LOGITS, tf.float64), target)
    np.testing.assert_allclose(got, reference(LOGITS, target), rtol=1e-12)
    got = losses.cross_entropy(tf.constant(LOGITS, tf.float32), target)
    np.testing.assert_allclose(got, reference(LOGITS, target), rtol=1e-5)


def test_non_saturating_and_minimax_sides():
    fake = tf.constant(LOGITS, tf.float64)
    real = tf.constant(LOGITS[::-1] / 3, tf.float64)
    for loss in (losses.non_saturating(0.9), losses.minimax(0.9)):
        on_real, on_fake = loss.discriminator(real, fake)
        np.testing.assert_allclose(on_real, reference(LOGITS[::-1] / 3, 0.9), rtol=1e-12)
        np.testing.assert_allclose(on_fake, reference(LOGITS, 0.0), rtol=1e-12)
    g = losses.non_saturating().generator(fake)
    np.testing.assert_allclose(g, np.mean(-np.log(expit(LOGITS))), rtol=1e-12)
    g = losses.minimax().generator(fake)
    np.testing.assert_allclose(g, np.mean(np.log(expit(-LOGITS))), rtol=1e-12)


def test_gradients_where_g_is_bad():
    """At D(G(z)) near 0 the minimax gradient is σ(l), the non-saturating one σ(l) − 1."""
    logit = tf.constant([-6.0], tf.float64)
    for loss, wanted in (
        (losses.minimax(), -expit(-6.0)),
        (losses.non_saturating(), expit(-6.0) - 1),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logit)
            value = loss.generator(logit)
        np.testing.assert_allclose(tape.gradient(value, logit), [wanted], rtol=1e-9)


def test_equilibrium_against_the_losses_themselves():
    for target in (1.0, 0.9, 0.7):
        level = losses.equilibrium(target)
        logit = tf.constant([np.log(level["d_x"] / (1 - level["d_x"]))], tf.float64)
        loss = losses.non_saturating(target)
        np.testing.assert_allclose(
            sum(loss.discriminator(logit, logit)), level["d_loss"], rtol=1e-12
        )
        np.testing.assert_allclose(loss.generator(logit), level["g_loss"], rtol=1e-12)
        # D cannot do better: the loss is flat at this logit when both kinds look the same
        with tf.GradientTape() as tape:
            tape.watch(logit)
            value = sum(loss.discriminator(logit, logit))
        assert abs(float(tape.gradient(value, logit)[0])) < 1e-12
    assert losses.equilibrium()["d_loss"] == pytest.approx(2 * np.log(2))
    assert losses.equilibrium(0.9)["d_loss"] == pytest.approx(1.376, abs=5e-4)
    assert losses.equilibrium(0.9)["g_loss"] == pytest.approx(0.799, abs=5e-4)


@pytest.mark.parametrize("targets", [(1.05, 0.0), (0.9, -0.05)])
def test_targets_outside_0_1_are_refused(targets):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        losses.non_saturating(*targets)


@pytest.mark.parametrize("targets", [(0.9, 0.1), (0.7, 0.3), (1.0, 0.2)])
@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
def test_two_sided_smoothing(name, targets):
    loss = losses.make(name, real_target=targets[0], fake_target=targets[1])
    got = loss.discriminator(tf.constant(LOGITS / 2, tf.float64), tf.constant(LOGITS, tf.float64))
    wanted = reference(LOGITS / 2, targets[0]), reference(LOGITS, targets[1])
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "config",
    [
        {"name": "non_saturating", "real_target": 0.9, "fake_target": 0.05},
        {"name": "minimax", "real_target": 0.8, "fake_target": 0.1},
    ],
)
def test_config_builds_the_loss_again(config):
    loss = losses.make(**config)
    again = losses.make(**json.loads(json.dumps(loss.config)))
    assert again.config == loss.config == config
    fake = tf.constant(LOGITS, tf.float64)
    assert again.generator(fake) == loss.generator(fake)
    assert again.discriminator(fake / 2, fake) == loss.discriminator(fake / 2, fake)


def test_make_without_options_is_the_default():
    for build in (losses.non_saturating, losses.minimax):
        assert losses.make(build.__name__).config == build().config


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("hinge", {}, "no loss 'hinge'; there are minimax, non_saturating"),
        ("minimax", {"g_target": 1.0}, "no option 'g_target'; it has real_target, fake_target"),
        ("non_saturating", {"smoothing": 0.1}, "no option 'smoothing'"),
        ("non_saturating", {"real_target": 1.05}, "real_target is 1.05"),
    ],
)
def test_make_refuses(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.make(name, **options)
