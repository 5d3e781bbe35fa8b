"""The signs of a fault in a history: each rule gives a finding or None."""

from typing import NamedTuple

import numpy as np

from gan_utils.diagnose import readings

#: what tells most of both networks
VERDICTS = {"d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake", "d_x", "d_gz"}


class Finding(NamedTuple):
    """What a rule of ``diagnose`` saw in a history."""

    #: the fault, in a few words
    name: str
    #: what the history shows, with numbers
    seen: str
    #: what to look at or to do next
    check: str


def not_finite(h):
    """Find a loss that is no number."""
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


def never_moved(h):
    """Find a network with gradients that stays as it is."""
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


def nothing_to_train(h):
    """Find a network without gradients that stays as it is."""
    if frozen := readings.frozen(h):
        return Finding(
            "wrong variables",
            f"{' and '.join(frozen)} never had a gradient and never moved, as if there were no "
            "variable to train.",
            "Print len(network.trainable_variables) of both. Programs that join G and D to one "
            "model set D.trainable = False for it; here neither network may be frozen.",
        )


def no_gradient(h):
    """Find a generator that gets nothing to learn from."""
    dead = h["g_grad_norm"][-readings.late(h) :] == 0
    if dead.all() and "G" not in readings.frozen(h):
        return Finding(
            "dead ReLUs",
            "The gradient of G is exactly 0 at the end: D passes nothing back, or nothing gets "
            "through G.",
            "Count dead units (units.dead_units) in both networks. Give the hidden layers a "
            "leaky ReLU and a lower learning rate, and start again: dead units stay dead.",
        )


def one_target_wrong(h):
    """Find one of the two targets of D on the wrong side."""
    for (real, fake), words, mean, loss, target in (
        ((-1, 1), "real", "d_x", "d_loss_real", 0),
        ((1, -1), "generated", "d_gz", "d_loss_fake", 1),
    ):
        if readings.sides(h) == (real, fake):
            return Finding(
                "D's target is wrong",
                f"Of {words} images D says {h[mean].mean():.2f} in the mean, at a loss of only "
                f"{h[loss].mean():.2f}: it is taught to say {target} of all images.",
                "Give D the target 1 for real images and 0 for generated ones.",
            )


def below_bound(h):
    """Find a loss of D that no targets in [0, 1] allow."""
    if two_sigmoids(h):
        return None  # the reason for it has a finding of its own
    for kind, loss, bound in readings.bounds(h):
        too_low = loss - bound
        if too_low.min() < -0.01:
            worst = too_low.argmin()
            return Finding(
                "wrong sign of smoothing",
                f"In epoch {worst + 1} the loss of D on {kind} images is {loss[worst]:.3f}; with a "
                f"target in [0, 1] and such answers it cannot be below {bound[worst]:.3f}.",
                "Look at the targets: smoothing makes 1 smaller (0.9), not larger.",
            )


def two_sigmoids(h):
    """Find a sigmoid on top of a sigmoid."""
    always_positive = (h["d_acc_real"] == 1).all() and (h["d_acc_fake"] == 0).all()
    inside = h["d_x"].max() <= 0.7312 and h["d_gz"].min() >= 0.4999
    if always_positive and inside:
        seen = "D's output is positive for every image and D(x) never leaves [0.5, 0.731]."
    elif readings.contradicts(h) and in_two_sigmoids(h):
        seen = "L_G never leaves [0.313, 0.693], whatever D says of the generated images."
    else:
        return None
    return Finding(
        "two sigmoids",
        seen,
        "Let D end without a sigmoid (a logit), or let the loss take probabilities: not both.",
    )


def swapped(h):
    """Find both targets of D on the wrong side."""
    return Finding(
        "D's targets are swapped" if readings.sides(h) == (-1, -1) else "D's target is wrong",
        f"Of real images D says {h['d_x'].mean():.2f} in the mean, and {h['d_gz'].mean():.2f} of "
        f"generated ones, at a loss of only {h['d_loss'].mean():.2f}; and G's loss of "
        f"{h['g_loss'].mean():.2f} says that it wants just that.",
        "Give D the target 1 for real images and 0 for generated ones, and G the target 1; or "
        "turn all three round, as some programs do.",
    )


def in_two_sigmoids(h):
    """Say whether all losses are as of logits in [0, 1], which a sigmoid before the loss leaves."""
    bounds = {"d_loss_real": (0.312, 0.694), "d_loss_fake": (0.693, 1.314), "g_loss": (0, 0.694)}
    return all(((low < h[n]) & (h[n] < high)).all() for n, (low, high) in bounds.items())


def g_wants_zero(h):
    """Find a G that wants what D says of generated images."""
    # With target 0, L_G is about -log(1 - D(G(z))) in every epoch. With a factor before the right
    # loss, it is that factor times -log D(G(z)).
    d_gz = h["d_gz"].clip(1e-12, 1 - 1e-12)
    no, yes = (np.log(h["g_loss"].clip(1e-38) / b) for b in (-np.log1p(-d_gz), -np.log(d_gz)))
    like = abs(np.median(no)) < np.log(2) and np.std(no) <= np.std(yes)
    if readings.wants_less_than_half(h) and like and not two_sigmoids(h):
        late = slice(-readings.late(h), None)
        return Finding(
            "G's target is wrong",
            f"In the last third D(G(z)) is {h['d_gz'][late].mean():.2g} and L_G only "
            f"{h['g_loss'][late].mean():.2g}, like -log(1 - D(G(z))): G is glad to be found out.",
            "Give the loss of G the target that D has for real images, 1, and not that of "
            "generated ones: G learns to be taken for real.",
        )


def two_verdicts(h):
    """Find a D that says another thing to G than to its own loss."""
    if not readings.wants_less_than_half(h) or two_sigmoids(h) or g_wants_zero(h):
        return None
    above = h["g_loss"] - readings.half_bound(h)
    worst = above.argmin()
    l_g, d_gz = h["g_loss"][worst], h["d_gz"][worst]
    seen = (
        f"In epoch {worst + 1} L_G is {l_g:.2f}, but cannot be below {l_g - above[worst]:.2f} "
        f"where the mean D(G(z)) is {d_gz:.3g}, whatever target above 1/2 G has"
    )
    late = slice(-readings.late(h), None)
    right = min(h["d_acc_real"][late].mean(), h["d_acc_fake"][late].mean())
    if right < 0.9 or h["d_gz"][late].mean() > 0.05:
        return Finding(
            "L_G contradicts D",
            f"{seen}.",
            "Look at G's loss: its target, a factor before it, a sigmoid too many. It must be the "
            "mean of -log D(G(z)), of the same D(G(z)) that is recorded.",
        )
    return Finding(
        "real and fake in one batch",
        f"{seen}: D judges generated images otherwise when it learns, nearly without a mistake, "
        "than when G does.",
        "With batch normalisation in D, give it real and generated images in two calls, in "
        "both updates in the same way. Without it, look at the sigmoids in the loss.",
    )


def steps_too_large(h):
    """Find updates that are large beside the weights."""
    largest = {name: h[f"{name.lower()}_update_ratio"].max() for name in "DG"}
    name = max(largest, key=largest.get)
    if largest[name] > 0.05:
        return Finding(
            "learning rate too high",
            f"In an epoch the steps change the weights of {name} by {largest[name]:.0%} of their "
            "length each; healthy runs stay near 1%.",
            "Divide the learning rate by ten.",
        )


def stuck(h):
    """Find a G that is far from its goal and hardly pushed."""
    late = slice(-readings.late(h), None)
    loss, gradient = h["g_loss"][late].mean(), h["g_grad_norm"][late].mean()
    if loss > 2 and gradient < 0.1 * loss:
        return Finding(
            "mode collapse",
            f"In the last third L_G is {loss:.1f}, but its gradient only {gradient:.2g} long: G is "
            "stuck at the ends of its tanh, where it is flat.",
            "Look at samples: mostly there is one picture left. Start again with fewer updates of "
            "G, a lower learning rate, a smaller beta_1, or a penalty on D (gan.GAN(..., r1=1.0)).",
        )


def d_ahead(h):
    """Find a D that wins."""
    late = slice(-readings.late(h), None)
    if h["g_loss"][late].mean() > 5:
        d_gz = f"D(G(z)) is {h['d_gz'][late].mean():.4f} and " if "d_gz" in h else ""
        return Finding(
            "D too strong",
            f"In the last third {d_gz}L_G {h['g_loss'][late].mean():.1f}: D is sure of every "
            "generated image.",
            "D is often far ahead early in a good run. If it stays so: fewer updates or a lower "
            "learning rate for D, a penalty on its slopes (gan.GAN(..., r1=1.0)).",
        )


def g_ahead(h):
    """Find a G that wins."""
    # Jensen: the mean D(G(z)) is at least exp(-L_G), if nobody recorded it.
    share = (h.get("d_gz", np.exp(-h["g_loss"])) > 0.7).mean()
    if share >= 0.25:
        return Finding(
            "G too strong",
            f"D(G(z)) is above 0.7 in {share:.0%} of the epochs: D takes generated images for "
            "real.",
            "Give D the learning rate and the number of updates that G has, or a larger network. "
            "See that the step of G updates G's variables alone, and not D's too. "
            "Look at samples: what fools so weak a D is often one picture.",
        )


def below_zero(h):
    """Find a loss of D below zero, where nothing else was recorded."""
    if VERDICTS <= h.keys():
        return None  # which sees more
    if h["d_loss"].min() < -0.01:
        return Finding(
            "wrong sign of smoothing",
            f"In epoch {h['d_loss'].argmin() + 1} the loss of D is {h['d_loss'].min():.3f}; with "
            "targets in [0, 1] it cannot be below 0.",
            "Look at the targets: smoothing makes 1 smaller (0.9), not larger.",
        )
