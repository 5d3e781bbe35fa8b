"""The losses of the game, as pure functions of logits.

A logit is D's output before the sigmoid, so D(x) = sigmoid(logit). Cross-entropy on logits stays
finite where the logarithm of a probability would not.
"""

import inspect
import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Loss(NamedTuple):
    """The two sides of a game, each a function of logits of any shape to float scalars."""

    #: (real_logits, fake_logits) -> (loss on real, loss on fake)
    discriminator: Callable
    #: fake_logits -> loss
    generator: Callable
    #: how ``make`` builds it again: its name and its options
    config: dict


def cross_entropy(logits, target: float):
    """Mean binary cross-entropy between sigmoid(logits) and one target for all, in nats.

    −t·log D − (1−t)·log(1−D), computed as max(l, 0) − l·t + log(1 + e^−|l|).
    """
    targets = tf.fill(tf.shape(logits), tf.constant(target, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


def non_saturating(real_target: float = 1.0, fake_target: float = 0.0) -> Loss:
    """D minimises cross-entropy; G minimises −log D(G(z)) (Goodfellow et al. 2014, section 3).

    Args:
        real_target: what D should say of real images; 0.9 is one-sided label smoothing of 0.1
            (Salimans et al. 2016, section 3.4).
        fake_target: what D should say of generated images. Above 0 the smoothing has two sides.

    Raises:
        ValueError: a target outside [0, 1], where cross-entropy has no lower bound.
    """
    discriminator = _discriminator_cross_entropy(real_target, fake_target)
    config = {"name": "non_saturating", "real_target": real_target, "fake_target": fake_target}
    return Loss(discriminator, lambda fake_logits: cross_entropy(fake_logits, 1.0), config)


def minimax(real_target: float = 1.0, fake_target: float = 0.0) -> Loss:
    """As ``non_saturating``, but G minimises log(1 − D(G(z))) (Goodfellow et al. 2014, eq. 1).

    Its gradient vanishes where D(G(z)) is near 0, where D is sure of what G made.
    """
    discriminator = _discriminator_cross_entropy(real_target, fake_target)
    config = {"name": "minimax", "real_target": real_target, "fake_target": fake_target}
    return Loss(discriminator, lambda fake_logits: -cross_entropy(fake_logits, 0.0), config)


def make(name: str, **options) -> Loss:
    """Build a loss by its name, so that a run can be described by plain data.

    ``make`` of the entries of ``loss.config`` builds a loss with the same values as ``loss``.

    Args:
        name: ``"minimax"`` or ``"non_saturating"``.
        options: arguments of the function of that name.

    Raises:
        ValueError: an unknown name or option, or a target that the loss refuses.
    """
    losses = {
        "minimax": minimax,
        "non_saturating": non_saturating,
    }
    if name not in losses:
        raise ValueError(f"there is no loss {name!r}; there are {', '.join(losses)}.")
    known = list(inspect.signature(losses[name]).parameters)
    for option in options:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}; it has {', '.join(known)}.")
    return losses[name](**options)


def equilibrium(real_target: float = 1.0) -> dict[str, float]:
    """Return where the losses stand when generated and real data have the same distribution.

    There the best answer for D is ``real_target / 2`` everywhere (Goodfellow et al. 2014,
    proposition 1, with the smoothed target in place of 1).

    Returns:
        ``d_x``: D(x) and D(G(z)); ``d_loss``: D's loss, real plus fake; ``g_loss``: G's
        non-saturating loss. Losses in nats.
    """
    d = real_target / 2
    d_loss_real = -real_target * math.log(d) - (1 - real_target) * math.log(1 - d)
    return {"d_x": d, "d_loss": d_loss_real - math.log(1 - d), "g_loss": -math.log(d)}


def _discriminator_cross_entropy(real_target: float, fake_target: float) -> Callable:
    for name, target in (("real_target", real_target), ("fake_target", fake_target)):
        if not 0 <= target <= 1:
            raise ValueError(
                f"{name} is {target}; it must lie in [0, 1]: beyond that the cross-entropy of D "
                "falls without end."
            )
    return lambda real_logits, fake_logits: (
        cross_entropy(real_logits, real_target),
        cross_entropy(fake_logits, fake_target),
    )
