"""What the series of a history say together, before any rule judges them."""

import numpy as np


def frozen(h):
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


def sides(h):
    """Return where D's targets are, for real and generated images: 1 right, -1 wrong, 0 unknown.

    Where the mean of D is on one side of 1/2, cross-entropy with a target on the other side is at
    least log 2 = 0.69. So a smaller loss says on which side the target is.
    """
    pairs = (h["d_x"] - 0.5, h["d_loss_real"]), (0.5 - h["d_gz"], h["d_loss_fake"])
    known = [np.sign(ahead) * (loss < 0.65) for ahead, loss in pairs]
    return tuple(int((sign > 0).mean() > 0.5) - int((sign < 0).mean() > 0.5) for sign in known)


def bounds(h):
    """Return kind, loss of D and what that cannot be below, of real and of generated images.

    With targets in [0, 1]: E[loss on real] >= -log E[D(x)] where that mean is above 1/2 (Jensen).
    """
    pairs = ("real", h["d_x"]), ("fake", 1 - h["d_gz"])
    bounds = [np.where(right >= 0.5, -np.log(right.clip(1e-38)), -np.inf) for _, right in pairs]
    return [(kind, h[f"d_loss_{kind}"], b) for (kind, _), b in zip(pairs, bounds, strict=True)]


def turned(h):
    """Return the history with 1 for real and 0 for generated, where it was the other way round."""
    return h | {name: 1 - h[name] for name in ("d_acc_real", "d_acc_fake", "d_x", "d_gz")}


def late(h):
    """Return how many epochs make the last third."""
    return -(-len(h["d_loss"]) // 3)


def contradicts(h):
    """Say whether L_G lies below its bound, as a rule and by a margin."""
    return np.median(above_bound(h)) < -0.2


def above_bound(h):
    """Return L_G minus its bound -log mean D(G(z)) (Jensen), an epoch each."""
    return h["g_loss"] + np.log(h["d_gz"].clip(1e-38))


def half_bound(h):
    """Return what L_G cannot be below with any target of 1/2 or more, an epoch each.

    With target t it is at least -t log D(G(z)) - (1 - t) log(1 - D(G(z))), of the mean (Jensen).
    """
    d_gz = h["d_gz"].clip(1e-38, 1 - 1e-12)
    yes, no = -np.log(d_gz), -np.log1p(-d_gz)
    return np.minimum(yes, (yes + no) / 2)


def wants_less_than_half(h):
    """Say whether L_G is below what any target of 1/2 or more allows, by a margin."""
    return np.median(h["g_loss"] - half_bound(h)) < -0.2
