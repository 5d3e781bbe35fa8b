"""Rules that name a fault by the history of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_utils.diagnose import bands, readings, signs


def diagnose(history: Mapping[str, Sequence[float]] | str | Path) -> list[signs.Finding]:
    """Say in plain words what is wrong with a run, as far as its history can tell.

    The rules are for the non-saturating loss; with another, their findings mean nothing, and a
    history need not tell. The first kind find what a sound program does not write, such as a loss
    below its bound, and a gradient that has died. Only if there is no such thing, the second kind
    ask what is out of balance, by thresholds that were set on short runs of small networks and
    judged on others (``experiments/planted_faults.py``, chapter 13). No finding is no proof of
    health: mode collapse, above all, need not show in a history.

    D is meant to say 1 of real images, 0 of generated ones, and G wants 1. If the losses show that
    D's targets are the other way round, and G's too, as in some programs, the history is read so.

    Args:
        history: what ``fit`` returns, its ``.history``, or the folder of a run with its
            ``history.csv``. At least three epochs, unless it holds NaN. Of another program,
            ``d_loss`` and ``g_loss`` are enough: rules that read more are left out, and named.

    Returns:
        The findings, in the order in which the rules are asked; also printed.

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
        h = readings.turned(h)
    if _halved(h):
        h |= {name: 2 * h[name] for name in ("d_loss_real", "d_loss_fake")}
    found = []
    for rules in (IMPOSSIBLE, OUT_OF_BALANCE):
        asked = [rule for rule in rules if READS[rule] <= h.keys()]
        found = found or [finding for rule in asked if (finding := rule(h))]
    if flipped and signs.g_wants_zero(h):  # it wants what D has for real images, and D has it wrong
        found, flipped = [signs.swapped(readings.turned(h))], False
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


# The series that the rules of ``diagnose`` read: those of ``gan.METRICS`` but the sum at its end.
RULES_READ = (
    "d_loss_real", "d_loss_fake", "d_loss", "g_loss", "d_acc_real", "d_acc_fake", "d_x", "d_gz",
    "d_grad_norm", "g_grad_norm", "d_update_ratio", "g_update_ratio",
)  # fmt: skip


# What a sound program does not write, but for a gradient that has died; and what may also happen
# in good runs, less far or not so long.
IMPOSSIBLE = (
    signs.not_finite,
    signs.never_moved,
    signs.nothing_to_train,
    signs.no_gradient,
    signs.one_target_wrong,
    signs.two_sigmoids,
    signs.below_bound,
    signs.below_zero,
    signs.g_wants_zero,
    signs.two_verdicts,
)
OUT_OF_BALANCE = (signs.steps_too_large, signs.g_ahead, signs.stuck, signs.d_ahead)

_LOSSES = {"d_loss", "g_loss"}
_RATIOS = {"d_update_ratio", "g_update_ratio"}
_STEPS = _RATIOS | {"d_grad_norm", "g_grad_norm"}
# rule -> the series without which it is not asked
READS = {
    signs.not_finite: _LOSSES,
    signs.never_moved: _STEPS,
    signs.nothing_to_train: _STEPS | {"d_x", "d_gz"},
    signs.no_gradient: _STEPS | {"d_x", "d_gz"},
    signs.one_target_wrong: signs.VERDICTS,
    signs.two_sigmoids: signs.VERDICTS,
    signs.below_bound: signs.VERDICTS,
    signs.below_zero: _LOSSES,
    signs.g_wants_zero: signs.VERDICTS,
    signs.two_verdicts: signs.VERDICTS,
    signs.steps_too_large: _RATIOS,
    signs.g_ahead: _LOSSES,
    signs.stuck: {"g_loss", "g_grad_norm"},
    signs.d_ahead: _LOSSES,
}
# rule -> what it looks for and others do not
NAMES = {
    signs.never_moved: "wrong variables",
    signs.nothing_to_train: "wrong variables",
    signs.no_gradient: "dead ReLUs",
    signs.one_target_wrong: "D's target is wrong",
    signs.two_sigmoids: "two sigmoids",
    signs.below_bound: "wrong sign of smoothing",
    signs.g_wants_zero: "G's target is wrong",
    signs.two_verdicts: "real and fake in one batch",
    signs.steps_too_large: "learning rate too high",
    signs.stuck: "mode collapse",
}


def _flipped(h):
    """Say whether D learns 0 for real and 1 for generated images."""
    if not READS[signs.below_bound] <= h.keys() or signs.two_sigmoids(h):
        return False
    return -1 in readings.sides(h) and 1 not in readings.sides(h)


def _halved(h):
    """Say whether both losses of D were halved, as in programs that take the mean of the two."""
    if not READS[signs.below_bound] <= h.keys():
        return False
    low = [
        ((loss < b - 0.01).any(), (2 * loss < b - 0.01).any()) for _, loss, b in readings.bounds(h)
    ]
    return all(once and not twice for once, twice in low)
