"""Rules that name a fault by the history of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_utils.diagnose import bands


class Finding(NamedTuple):
    """What a rule of ``diagnose`` saw in a history."""

    #: the fault, in a few words
    name: str
    #: what the history shows, with numbers
    seen: str
    #: what to look at or to do next
    check: str


def diagnose(history: Mapping[str, Sequence[float]] | str | Path) -> list[Finding]:
    """Say in plain words what is wrong with a run, as far as its history can tell.

    The rules are for the non-saturating loss; with another, their findings mean nothing, and a
    history need not tell. The first kind find what a sound program does not write, such as a loss
    below its bound or no gradient at all. Only if there is no such thing, the second kind ask who
    is ahead at the end of the run, by thresholds that were set on short runs of small networks and
    judged on others (``experiments/planted_faults.py``, chapter 13). No finding is no proof of
    health: mode collapse, above all, need not show in a history.

    Args:
        history: what ``fit`` returns, its ``.history``, or the folder of a run with its
            ``history.csv``. At least three epochs, unless it holds NaN.

    Returns:
        The findings, likeliest first; also printed.

    Raises:
        ValueError: a history without one of the series that the rules read, with series of
            different lengths, with too few epochs, or with a loss of G that is negative.
        FileNotFoundError: the folder holds no ``history.csv``.
    """
    history = bands.read_history(getattr(history, "history", history))
    if missing := [name for name in RULES_READ if name not in history]:
        raise ValueError(f"The history has no {missing[0]!r}. It has: {', '.join(history)}.")
    h = {name: np.asarray(history[name], np.float64) for name in RULES_READ}
    for name, values in h.items():
        if values.shape != h["d_loss"].shape:
            raise ValueError(
                f"The history has {len(h['d_loss'])} values of 'd_loss' and {len(values)} of "
                f"{name!r}. Give one value an epoch of each."
            )
    if np.isfinite(list(h.values())).all() and len(h["d_loss"]) < 3:
        raise ValueError(f"The history has {len(h['d_loss'])} epochs; the rules take at least 3.")
    if (h["g_loss"] < 0).any():
        raise ValueError(
            "g_loss is negative in this history. The rules are for losses.non_saturating(); hold a "
            "run with another loss against healthy runs of its own."
        )
    found = []
    for rules in (IMPOSSIBLE, OUT_OF_BALANCE):
        found = found or [finding for rule in rules if (finding := rule(h))]
    for finding in found:
        print(f"{finding.name}: {finding.seen} {finding.check}")
    if not found:
        print("No rule fires. Now look at samples: a history does not show everything.")
    return found


#: The series that the rules of ``diagnose`` read: those of ``gan.METRICS`` but the sum at its end.
RULES_READ = (
    "d_loss_real", "d_loss_fake", "d_loss", "g_loss", "d_acc_real", "d_acc_fake", "d_x", "d_gz",
    "d_grad_norm", "g_grad_norm", "d_update_ratio", "g_update_ratio",
)  # fmt: skip


def _not_finite(h):
    first = {name: np.flatnonzero(~np.isfinite(values)) for name, values in h.items()}
    first = {name: epochs[0] + 1 for name, epochs in first.items() if len(epochs)}
    if first:
        name = min(first, key=first.get)
        return Finding(
            "not a number",
            f"{name} is not a finite number in epoch {first[name]}.",
            "Compute the loss from logits, never from the logarithm of a probability, and lower "
            "the learning rate. callbacks.StopOnNaN stops at the first such step and names it.",
        )


def _never_moved(h):
    still = [
        name
        for name in "DG"
        if not h[f"{name.lower()}_update_ratio"].any() and h[f"{name.lower()}_grad_norm"].any()
    ]
    if still:
        return Finding(
            "wrong variables",
            f"The weights of {' and '.join(still)} never moved, although there is a gradient: the "
            "update ratio is 0 in every epoch.",
            "One of these: the optimiser was given other variables or an empty list (trainable = "
            "False), or its learning rate is 0. Print the names of the variables it updates.",
        )


def _no_gradient(h):
    dead = h["g_grad_norm"][-_late(h) :] == 0
    if dead.all():
        return Finding(
            "dead ReLUs",
            "The gradient of G is exactly 0 at the end: D passes nothing back, or nothing gets "
            "through G.",
            "Count dead units (units.dead_units) in both networks. Give the hidden layers a "
            "leaky ReLU and a lower learning rate, and start again: dead units stay dead.",
        )


def _below_bound(h):
    if _two_sigmoids(h):
        return None  # the reason for it has a finding of its own
    # With targets in [0, 1]: E[loss on real] >= -log E[D(x)] where that mean is above 1/2.
    for kind, right in (("real", h["d_x"]), ("fake", 1 - h["d_gz"])):
        loss, bound = h[f"d_loss_{kind}"], np.log(1 / right.clip(1e-38))
        too_low = np.where(right >= 0.5, loss - bound, 0)
        if too_low.min() < -0.01:
            worst = too_low.argmin()
            return Finding(
                "wrong sign of smoothing",
                f"In epoch {worst + 1} the loss of D on {kind} images is {loss[worst]:.3f}; with a "
                f"target in [0, 1] and such answers it cannot be below {bound[worst]:.3f}.",
                "Look at the targets: smoothing makes 1 smaller (0.9), not larger.",
            )


def _two_sigmoids(h):
    always_positive = (h["d_acc_real"] == 1).all() and (h["d_acc_fake"] == 0).all()
    inside = h["d_x"].max() <= 0.7312 and h["d_gz"].min() >= 0.4999
    if always_positive and inside:
        seen = "D's output is positive for every image and D(x) never leaves [0.5, 0.731]."
    elif _contradicts(h) and h["d_loss_fake"].min() > 0.693 and h["g_loss"].max() < 0.694:
        seen = "L_G never leaves [0.313, 0.693], whatever D says of the generated images."
    else:
        return None
    return Finding(
        "two sigmoids",
        seen,
        "Let D end without a sigmoid (a logit), or let the loss take probabilities: not both.",
    )


def _two_verdicts(h):
    if _contradicts(h) and not _two_sigmoids(h):
        above = _above_bound(h)
        worst = above.argmin()
        l_g, d_gz = h["g_loss"][worst], h["d_gz"][worst]
        return Finding(
            "real and fake in one batch",
            f"In epoch {worst + 1} L_G is {l_g:.2f}, but cannot be below "
            f"{l_g - above[worst]:.2f} where the mean D(G(z)) is {d_gz:.3g}: D judges "
            "generated images otherwise when it learns than when G does.",
            "With batch normalisation in D, give it real and generated images in two calls, in "
            "both updates in the same way. Without it, look at the sigmoids in the loss.",
        )


def _steps_too_large(h):
    largest = {name: h[f"{name.lower()}_update_ratio"].max() for name in "DG"}
    name = max(largest, key=largest.get)
    if largest[name] > 0.05:
        return Finding(
            "learning rate too high",
            f"In an epoch the steps change the weights of {name} by {largest[name]:.0%} of their "
            "length each; healthy runs stay near 1%.",
            "Divide the learning rate by ten.",
        )


def _stuck(h):
    late = slice(-_late(h), None)
    loss, gradient = h["g_loss"][late].mean(), h["g_grad_norm"][late].mean()
    if loss > 2 and gradient < 0.1 * loss:
        return Finding(
            "mode collapse",
            f"In the last third L_G is {loss:.1f}, but its gradient only {gradient:.2g} long: G is "
            "stuck at the ends of its tanh, where it is flat.",
            "Look at samples: mostly there is one picture left. Start again with fewer updates of "
            "G, a lower learning rate, a smaller beta_1, or a penalty on D (gan.GAN(..., r1=1.0)).",
        )


def _d_ahead(h):
    late = slice(-_late(h), None)
    if h["g_loss"][late].mean() > 5:
        return Finding(
            "D too strong",
            f"In the last third D(G(z)) is {h['d_gz'][late].mean():.4f} and L_G "
            f"{h['g_loss'][late].mean():.1f}: D is sure of every generated image.",
            "D is often far ahead early in a good run. If it stays so: fewer updates or a lower "
            "learning rate for D, a penalty on its slopes (gan.GAN(..., r1=1.0)).",
        )


def _g_ahead(h):
    share = (h["d_gz"] > 0.7).mean()
    if share >= 0.25:
        return Finding(
            "G too strong",
            f"D(G(z)) is above 0.7 in {share:.0%} of the epochs: D takes generated images for "
            "real.",
            "Give D the learning rate and the number of updates that G has, or a larger network. "
            "Look at samples: what fools so weak a D is often one picture.",
        )


#: What a sound program does not write, but for a gradient that has died; and what may also happen
#: in good runs, less far or not so long.
IMPOSSIBLE = (_not_finite, _never_moved, _no_gradient, _two_sigmoids, _below_bound, _two_verdicts)


OUT_OF_BALANCE = (_steps_too_large, _g_ahead, _stuck, _d_ahead)


def _late(h):
    """Return how many epochs make the last third."""
    return -(-len(h["d_loss"]) // 3)


def _contradicts(h):
    """Say whether L_G lies below its bound, as a rule and by a margin."""
    return np.median(_above_bound(h)) < -0.2


def _above_bound(h):
    """Return L_G minus its bound -log mean D(G(z)) (Jensen), an epoch each."""
    return h["g_loss"] + np.log(h["d_gz"].clip(1e-38))
