"""What a GAN is given, refused in words before anything is computed."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from gan_utils import losses


def check_networks(generator, discriminator) -> bool:
    """Say whether both networks take labels; raise if they do not fit a GAN or each other."""
    shapes = []
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        try:
            taken, given = network.input_shape, network.output_shape
        except (AttributeError, ValueError):
            raise ValueError(
                f"The {name} does not say what it takes and gives. Build it as a functional model, "
                "or as a Sequential that begins with a keras.Input."
            ) from None
        shapes.append((taken if isinstance(taken, list) else [taken], given))
    (g_in, g_out), (d_in, d_out) = shapes
    two = len(g_in) == 2
    good_g = len(g_in) in (1, 2) and len(g_in[0]) == 2 and isinstance(g_out, tuple)
    if not good_g or (two and g_in[1] != (None,)):
        raise ValueError(
            f"The generator takes {g_in if len(g_in) > 1 else g_in[0]} and gives {g_out}; it must "
            "take z (n, latent_dim), or z and labels (n,), and give one array."
        )
    if d_out != (None, 1) or len(d_in) != len(g_in) or (two and d_in[1] != (None,)):
        raise ValueError(
            f"The discriminator takes {d_in if len(d_in) > 1 else d_in[0]} and gives {d_out}; it "
            f"must take what the generator makes{' and labels (n,)' * two}, and give logits (n, 1)."
        )
    if g_out[1:] != d_in[0][1:]:
        raise ValueError(
            f"The generator makes {g_out[1:]}, but the discriminator takes {d_in[0][1:]}. Build "
            "both for the same shape."
        )
    return two


def check_game(loss, schedule) -> tuple[int, int] | str:
    """Return the schedule; raise if it or the loss is none."""
    if not isinstance(loss, losses.Loss):
        raise ValueError(
            f"The loss is {loss!r}; it must be one of gan_utils.losses, such as "
            "losses.non_saturating(): a GAN has one for each network."
        )
    pair = isinstance(schedule, tuple | list) and len(schedule) == 2
    if schedule != "larger_loss" and not (pair and all(type(k) is int and k > 0 for k in schedule)):
        raise ValueError(
            f"The schedule is {schedule!r}; it must be (k_d, k_g), two whole numbers from 1 "
            "on, or 'larger_loss'."
        )
    return schedule if schedule == "larger_loss" else tuple(schedule)


def check_data(model, x, batch_size, d_steps):
    """Raise if the data does not fit the networks, the batches or the devices."""
    wanted = model.discriminator.inputs[0].shape[1:]
    if isinstance(x, tf.data.Dataset):
        raise ValueError("fit takes all rows as one array, not a Dataset: each step draws its own.")
    x = np.asarray(x)
    kind = "uint8" if len(wanted) == 3 else "float32"
    if x.shape[1:] != wanted or x.dtype != kind:
        hint = " gan_utils.data.to_pixels makes uint8 of floats in [-1, 1]."
        hint = hint if kind == "uint8" and x.dtype != kind else ""
        raise ValueError(
            f"The networks train on {kind} data of shape "
            f"(n, {', '.join(map(str, wanted))}), got {x.dtype} {x.shape}.{hint}"
        )
    if not 1 <= batch_size <= len(x) // d_steps:
        raise ValueError(
            f"batch_size is {batch_size}; with {len(x)} rows"
            f"{f' and {d_steps} D updates a step' * (d_steps > 1)} it must be "
            f"1 to {len(x) // d_steps}."
        )
    check_devices(model.replicas, batch_size, model.schedule)
    if x.dtype != np.uint8 and not np.isfinite(x).all():
        raise ValueError("The data holds values that are not finite (NaN or infinity).")


def check_devices(devices: int, batch_size: int, schedule) -> None:
    """Raise if so many devices cannot share the batches of a schedule."""
    if devices > 1 and (batch_size % devices or schedule == "larger_loss"):
        raise ValueError(
            f"{devices} devices share each batch. The batch size, {batch_size}, must be a "
            "multiple of their number, and the schedule 'larger_loss' needs one device, which sees "
            "both losses whole."
        )


def check_labels(model, labels, rows):
    """Raise if the labels do not fit the networks or the rows."""
    if (labels is None) == model.conditional:
        takes = "take labels: give fit(x, labels=...)" if labels is None else "take no labels"
        raise ValueError(f"The networks {takes}.")
    if labels is None:
        return
    labels = np.asarray(labels)
    if labels.shape != (rows,) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"The labels are {labels.dtype} {labels.shape}; expected {rows} whole numbers from 0 "
            "on, one for each row."
        )
    for name, network in (("generator", model.generator), ("discriminator", model.discriminator)):
        sizes = [la.input_dim for la in network.layers if isinstance(la, keras.layers.Embedding)]
        if sizes and labels.max() >= min(sizes):
            raise ValueError(
                f"The labels go up to {labels.max()}, but the {name} knows the classes 0 to "
                f"{min(sizes) - 1}."
            )


def check_run(model, callbacks):
    """Raise for a callback that cannot work; warn of a network that will not learn."""
    if any(isinstance(c, keras.callbacks.BackupAndRestore) for c in callbacks):
        raise ValueError(
            "BackupAndRestore cannot bring a GAN back, which has two optimisers. Use "
            "gan_utils.callbacks.Checkpoint, which goes on exactly."
        )
    for name, network in (("generator", model.generator), ("discriminator", model.discriminator)):
        if not network.trainable_variables:
            warnings.warn(
                f"The {name} has no trainable variables and will stay as it is. Set "
                f"model.{name}.trainable = True before compile() if it shall learn.",
                stacklevel=3,
            )


def asked_labels(generator: keras.Model, n: int, labels=None) -> np.ndarray | None:
    """Return the labels of ``n`` samples, int (n,): see ``generate``; None if it takes none."""
    if len(generator.inputs) == 1:
        if labels is not None:
            raise ValueError("This generator takes no labels: it was trained without.")
        return None
    sizes = [la.input_dim for la in generator.layers if isinstance(la, keras.layers.Embedding)]
    count = sizes[0] if sizes else None
    if labels is None:
        if count is None:
            raise ValueError("Give labels: this generator has no embedding that tells the classes.")
        return np.arange(n) % count
    labels = np.broadcast_to(np.asarray(labels), (n,)) if np.ndim(labels) == 0 else labels
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Expected a whole number or {n} of them, got {labels.dtype} {labels.shape}."
        )
    if n and (labels.min() < 0 or (count and labels.max() >= count)):
        raise ValueError(
            f"The labels go from {labels.min()} to {labels.max()}; they must lie in 0 to "
            f"{count - 1 if count else 'the last class'}."
        )
    return labels
