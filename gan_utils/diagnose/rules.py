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

    D is meant to say 1 of real images, 0 of generated ones, and G wants 1. If the losses show that
    D's targets are the other way round, and G's too, as in some programs, the history is read so.

    Args:
        history: what ``fit`` returns, its ``.history``, or the folder of a run with its
            ``history.csv``. At least three epochs, unless it holds NaN. Of another program,
            ``d_loss`` and ``g_loss`` are enough: rules that read more are left out, and named.

    Returns:
        The findings, likeliest first; also printed.

    Raises:
        ValueError: a history without one of the two losses, with series of different lengths, with
            too few epochs, or with a loss of G that is negative.
        FileNotFoundError: the folder holds no ``history.csv``.
    """
    history = bands.read_history(getattr(history, "history", history))
    if missing := [name for name in ("d_loss", "g_loss") if name not in history]:
        raise ValueError(
            f"The history has no {missing[0]!r}. It has: {', '.join(history)}. Name at least "
            "the two losses 'd_loss' and 'g_loss'."
        )
    h = {name: np.array(history[name], np.float64) for name in RULES_READ if name in history}
    for name, values in h.items():
        if values.shape != h["d_loss"].shape:
            raise ValueError(
                f"The history has {len(h['d_loss'])} values of 'd_loss' and {len(values)} of "
                f"{name!r}. Give one value an epoch of each."
            )
    for name in "dg":  # a network without variables: an update of 0 over a length of 0
        if {f"{name}_grad_norm", f"{name}_update_ratio"} <= h.keys():
            ratio, empty = h[f"{name}_update_ratio"], h[f"{name}_grad_norm"] == 0
            ratio[empty & np.isnan(ratio)] = 0
    if np.isfinite(list(h.values())).all() and len(h["d_loss"]) < 3:
        raise ValueError(f"The history has {len(h['d_loss'])} epochs; the rules take at least 3.")
    if (h["g_loss"] < 0).any():
        raise ValueError(
            "g_loss is negative in this history. The rules are for losses.non_saturating(); hold a "
            "run with another loss against healthy runs of its own."
        )
    if flipped := _flipped(h):
        h = _turned(h)
    if _halved(h):
        h |= {name: 2 * h[name] for name in ("d_loss_real", "d_loss_fake")}
    found = []
    for rules in (IMPOSSIBLE, OUT_OF_BALANCE):
        asked = [rule for rule in rules if READS[rule] <= h.keys()]
        found = found or [finding for rule in asked if (finding := rule(h))]
    if flipped and _g_wants_zero(h):  # it wants what D has for real images, and D has it wrong
        found, flipped = [_swapped(_turned(h))], False
    for finding in found:
        print(f"{finding.name}: {finding.seen} {finding.check}")
    if not found:
        print("No rule fires. Now look at samples: a history does not show everything.")
    if flipped:
        print(
            "The labels are flipped: D learns 0 for real images and 1 for generated ones, and G "
            "wants 0. That is as good, and is read so: D(x) and D(G(z)) are 1 minus those recorded."
        )
    if missing := [name for name in RULES_READ if name not in h]:
        rules = [rule for rule in (*IMPOSSIBLE, *OUT_OF_BALANCE) if not READS[rule] <= h.keys()]
        names = ", ".join(dict.fromkeys(NAMES[rule] for rule in rules))
        print(f"Not asked, for want of {', '.join(missing)}: {names}.")
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


def _nothing_to_train(h):
    if frozen := _frozen(h):
        return Finding(
            "wrong variables",
            f"{' and '.join(frozen)} never had a gradient and never moved, as if there were no "
            "variable to train.",
            "Print len(network.trainable_variables) of both. Programs that join G and D to one "
            "model set D.trainable = False for it; here neither network may be frozen.",
        )


def _no_gradient(h):
    dead = h["g_grad_norm"][-_late(h) :] == 0
    if dead.all() and "G" not in _frozen(h):
        return Finding(
            "dead ReLUs",
            "The gradient of G is exactly 0 at the end: D passes nothing back, or nothing gets "
            "through G.",
            "Count dead units (units.dead_units) in both networks. Give the hidden layers a "
            "leaky ReLU and a lower learning rate, and start again: dead units stay dead.",
        )


def _one_target_wrong(h):
    for (real, fake), words, mean, loss, target in (
        ((-1, 1), "real", "d_x", "d_loss_real", 0),
        ((1, -1), "generated", "d_gz", "d_loss_fake", 1),
    ):
        if _sides(h) == (real, fake):
            return Finding(
                "D's target is wrong",
                f"Of {words} images D says {h[mean].mean():.2f} in the mean, at a loss of only "
                f"{h[loss].mean():.2f}: it is taught to say {target} of all images.",
                "Give D the target 1 for real images and 0 for generated ones.",
            )


def _below_bound(h):
    if _two_sigmoids(h):
        return None  # the reason for it has a finding of its own
    for kind, loss, bound in _bounds(h):
        too_low = loss - bound
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
    elif _contradicts(h) and _in_two_sigmoids(h):
        seen = "L_G never leaves [0.313, 0.693], whatever D says of the generated images."
    else:
        return None
    return Finding(
        "two sigmoids",
        seen,
        "Let D end without a sigmoid (a logit), or let the loss take probabilities: not both.",
    )


def _swapped(h):
    return Finding(
        "D's targets are swapped" if _sides(h) == (-1, -1) else "D's target is wrong",
        f"Of real images D says {h['d_x'].mean():.2f} in the mean, and {h['d_gz'].mean():.2f} of "
        f"generated ones, at a loss of only {h['d_loss'].mean():.2f}; and G's loss of "
        f"{h['g_loss'].mean():.2f} says that it wants just that.",
        "Give D the target 1 for real images and 0 for generated ones, and G the target 1; or "
        "turn all three round, as some programs do.",
    )


def _in_two_sigmoids(h):
    """Say whether all losses are as of logits in [0, 1], which a sigmoid before the loss leaves."""
    bounds = {"d_loss_real": (0.312, 0.694), "d_loss_fake": (0.693, 1.314), "g_loss": (0, 0.694)}
    return all(((low < h[n]) & (h[n] < high)).all() for n, (low, high) in bounds.items())


def _g_wants_zero(h):
    # With target 0, L_G is about -log(1 - D(G(z))) in every epoch. With a factor before the right
    # loss, it is that factor times -log D(G(z)).
    d_gz = h["d_gz"].clip(1e-12, 1 - 1e-12)
    no, yes = (np.log(h["g_loss"].clip(1e-38) / b) for b in (-np.log1p(-d_gz), -np.log(d_gz)))
    like = abs(np.median(no)) < np.log(2) and np.std(no) <= np.std(yes)
    if _wants_less_than_half(h) and like and not _two_sigmoids(h):
        late = slice(-_late(h), None)
        return Finding(
            "G's target is wrong",
            f"In the last third D(G(z)) is {h['d_gz'][late].mean():.2g} and L_G only "
            f"{h['g_loss'][late].mean():.2g}, like -log(1 - D(G(z))): G is glad to be found out.",
            "Give the loss of G the target that D has for real images, 1, and not that of "
            "generated ones: G learns to be taken for real.",
        )


def _two_verdicts(h):
    if not _wants_less_than_half(h) or _two_sigmoids(h) or _g_wants_zero(h):
        return None
    above = h["g_loss"] - _half_bound(h)
    worst = above.argmin()
    l_g, d_gz = h["g_loss"][worst], h["d_gz"][worst]
    seen = (
        f"In epoch {worst + 1} L_G is {l_g:.2f}, but cannot be below {l_g - above[worst]:.2f} "
        f"where the mean D(G(z)) is {d_gz:.3g}, whatever target above 1/2 G has"
    )
    late = slice(-_late(h), None)
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
        d_gz = f"D(G(z)) is {h['d_gz'][late].mean():.4f} and " if "d_gz" in h else ""
        return Finding(
            "D too strong",
            f"In the last third {d_gz}L_G {h['g_loss'][late].mean():.1f}: D is sure of every "
            "generated image.",
            "D is often far ahead early in a good run. If it stays so: fewer updates or a lower "
            "learning rate for D, a penalty on its slopes (gan.GAN(..., r1=1.0)).",
        )


def _g_ahead(h):
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


def _below_zero(h):
    if READS[_below_bound] <= h.keys():
        return None  # which sees more
    if h["d_loss"].min() < -0.01:
        return Finding(
            "wrong sign of smoothing",
            f"In epoch {h['d_loss'].argmin() + 1} the loss of D is {h['d_loss'].min():.3f}; with "
            "targets in [0, 1] it cannot be below 0.",
            "Look at the targets: smoothing makes 1 smaller (0.9), not larger.",
        )


#: What a sound program does not write, but for a gradient that has died; and what may also happen
#: in good runs, less far or not so long.
IMPOSSIBLE = (
    _not_finite, _never_moved, _nothing_to_train, _no_gradient, _one_target_wrong, _two_sigmoids,
    _below_bound, _below_zero, _g_wants_zero, _two_verdicts,
)  # fmt: skip


OUT_OF_BALANCE = (_steps_too_large, _g_ahead, _stuck, _d_ahead)


_LOSSES = {"d_loss", "g_loss"}
_RATIOS = {"d_update_ratio", "g_update_ratio"}
_STEPS = _RATIOS | {"d_grad_norm", "g_grad_norm"}
_VERDICTS = {"d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake", "d_x", "d_gz"}
#: rule -> the series without which it is not asked
READS = {
    _not_finite: _LOSSES,
    _never_moved: _STEPS,
    _nothing_to_train: _STEPS | {"d_x", "d_gz"},
    _no_gradient: _STEPS | {"d_x", "d_gz"},
    _one_target_wrong: _VERDICTS,
    _two_sigmoids: _VERDICTS,
    _below_bound: _VERDICTS,
    _below_zero: _LOSSES,
    _g_wants_zero: _VERDICTS,
    _two_verdicts: _VERDICTS,
    _steps_too_large: _RATIOS,
    _g_ahead: _LOSSES,
    _stuck: {"g_loss", "g_grad_norm"},
    _d_ahead: _LOSSES,
}
#: rule -> what it looks for and others do not
NAMES = {
    _never_moved: "wrong variables",
    _nothing_to_train: "wrong variables",
    _no_gradient: "dead ReLUs",
    _one_target_wrong: "D's target is wrong",
    _two_sigmoids: "two sigmoids",
    _below_bound: "wrong sign of smoothing",
    _g_wants_zero: "G's target is wrong",
    _two_verdicts: "real and fake in one batch",
    _steps_too_large: "learning rate too high",
    _stuck: "mode collapse",
}


def _frozen(h):
    """Return the networks that had no gradient in any epoch and never moved, of D and G.

    A dead D, too, gives G no gradient. But then it says the same of all images.
    """
    still = [
        name
        for name in "DG"
        if not h[f"{name.lower()}_update_ratio"].any() and not h[f"{name.lower()}_grad_norm"].any()
    ]
    blind = abs(h["d_x"] - h["d_gz"]).max() < 0.01
    return [name for name in still if name == "D" or not blind]


def _sides(h):
    """Return where D's targets are, for real and generated images: 1 right, -1 wrong, 0 unknown.

    Where the mean of D is on one side of 1/2, cross-entropy with a target on the other side is at
    least log 2 = 0.69. So a smaller loss says on which side the target is.
    """
    pairs = (h["d_x"] - 0.5, h["d_loss_real"]), (0.5 - h["d_gz"], h["d_loss_fake"])
    known = [np.sign(ahead) * (loss < 0.65) for ahead, loss in pairs]
    return tuple(int((sign > 0).mean() > 0.5) - int((sign < 0).mean() > 0.5) for sign in known)


def _flipped(h):
    """Say whether D learns 0 for real and 1 for generated images."""
    if not READS[_below_bound] <= h.keys() or _two_sigmoids(h):
        return False
    return -1 in _sides(h) and 1 not in _sides(h)


def _bounds(h):
    """Return kind, loss of D and what that cannot be below, of real and of generated images.

    With targets in [0, 1]: E[loss on real] >= -log E[D(x)] where that mean is above 1/2 (Jensen).
    """
    pairs = ("real", h["d_x"]), ("fake", 1 - h["d_gz"])
    bounds = [np.where(right >= 0.5, -np.log(right.clip(1e-38)), -np.inf) for _, right in pairs]
    return [(kind, h[f"d_loss_{kind}"], b) for (kind, _), b in zip(pairs, bounds, strict=True)]


def _halved(h):
    """Say whether both losses of D were halved, as in programs that take the mean of the two."""
    if not READS[_below_bound] <= h.keys():
        return False
    low = [((loss < b - 0.01).any(), (2 * loss < b - 0.01).any()) for _, loss, b in _bounds(h)]
    return all(once and not twice for once, twice in low)


def _turned(h):
    """Return the history with 1 for real and 0 for generated, where it was the other way round."""
    return h | {name: 1 - h[name] for name in ("d_acc_real", "d_acc_fake", "d_x", "d_gz")}


def _late(h):
    """Return how many epochs make the last third."""
    return -(-len(h["d_loss"]) // 3)


def _contradicts(h):
    """Say whether L_G lies below its bound, as a rule and by a margin."""
    return np.median(_above_bound(h)) < -0.2


def _above_bound(h):
    """Return L_G minus its bound -log mean D(G(z)) (Jensen), an epoch each."""
    return h["g_loss"] + np.log(h["d_gz"].clip(1e-38))


def _half_bound(h):
    """Return what L_G cannot be below with any target of 1/2 or more, an epoch each.

    With target t it is at least -t log D(G(z)) - (1 - t) log(1 - D(G(z))), of the mean (Jensen).
    """
    d_gz = h["d_gz"].clip(1e-38, 1 - 1e-12)
    yes, no = -np.log(d_gz), -np.log1p(-d_gz)
    return np.minimum(yes, (yes + no) / 2)


def _wants_less_than_half(h):
    return np.median(h["g_loss"] - _half_bound(h)) < -0.2
