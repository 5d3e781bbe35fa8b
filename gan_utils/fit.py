"""The loop: Keras's own ``fit``, fed with what each step draws, many steps in one call.

The data lies on the device and is gathered there. An execution of the compiled graph makes up to a
hundred steps and never reaches into the next epoch; between two of them come the callbacks. Since a
step depends on its number alone, a run can stop and go on anywhere.
"""

import sys
import time
import warnings
import zlib

import keras
import numpy as np
import tensorflow as tf

from gan_utils import data

EXECUTION = 100  # steps in one call of the compiled graph
# Each training has a graph of its own, on purpose: TensorFlow takes the fifth for a mistake.
tf.get_logger().addFilter(lambda record: "_many_steps" not in record.getMessage())


def train(
    model, x, labels, epochs, batch_size, seed, callbacks, verbose
) -> keras.callbacks.History:
    """Train a ``gan.GAN`` with Keras's own ``fit``.

    Called again, it goes on: with fresh draws from where it stopped.

    Args:
        model: compiled ``gan.GAN``.
        x: uint8 images (n, height, width, channels), scaled to [-1, 1] in the step, or float32
            points (n, 2), used as they are.
        labels: whole numbers (n,) from 0 on, for networks that take labels.
        epochs: shuffled passes over ``x``; the rows that do not fill a batch are left out.
        batch_size: rows of one update.
        seed: of the shuffles and of z. The initial weights have their own.
        callbacks: Keras's or ``gan_utils.callbacks``. With ``Checkpoint`` among them, training goes
            on where its folder says it stopped.
        verbose: ``"auto"`` is one bar over all epochs that leaves one line; 0, 1 and 2 are Keras's.

    Returns:
        Keras ``History``; ``history`` holds the epoch means named in ``gan.METRICS``.

    Raises:
        ValueError: data of another shape or dtype than the networks', fewer rows than a batch,
            points that are not finite, labels that do not fit, or a callback that cannot work.
    """
    d_steps, g_steps = (1, 1) if model.schedule == "larger_loss" else model.schedule
    callbacks = list(callbacks or [])
    _check_data(model, x, batch_size, d_steps)
    _check_labels(model, labels, len(x))
    _check_model(model, callbacks)
    model.x = tf.constant(x)
    model.labels = None if labels is None else tf.constant(np.asarray(labels, np.int32))
    model.feed = {  # what a checkpoint has to agree with
        "rows": len(x),
        "crc32": zlib.crc32(np.ascontiguousarray(x)),
        "batch_size": batch_size,
        "seed": seed,
    }
    if labels is not None:
        model.feed["labels_crc32"] = zlib.crc32(np.ascontiguousarray(model.labels))
    steps = len(x) // (batch_size * d_steps)
    model.bad_step.assign(-1)
    kept = [c for c in callbacks if hasattr(c, "restore")]
    # Go on with a whole epoch; a run with a folder of its own begins at step 0.
    model.step.assign(0 if kept else -(-int(model.step.numpy()) // steps) * steps)
    past = next((rows for c in kept if (rows := c.restore(model)) is not None), None)
    first_epoch = len(past or [])
    done = 0 if past is None else int(model.step.numpy()) - first_epoch * steps
    accumulates = [o.gradient_accumulation_steps for o in (model.g_optimizer, model.d_optimizer)]
    model.measure_every = 1 if any(accumulates) else min(10, steps)
    model.steps_per_execution = min(EXECUTION, steps)
    latent_dim = model.generator.inputs[0].shape[1]
    feed = data.draws(
        len(x),
        batch_size,
        latent_dim,
        range(int(model.step.numpy()), 2**62),
        seed,
        model.latent,
        d_steps,
        g_steps,
        labelled=labels is not None,
    )
    model.train_function = _many_steps(model, iter(feed), steps, done)
    if verbose == "auto":
        callbacks.append(_progress_bar(epochs, first_epoch))
    start, first = time.perf_counter(), int(model.step.numpy())
    try:
        history = keras.Model.fit(
            model,
            tf.data.Dataset.from_tensors(tf.zeros(model.replicas)).repeat(),  # steps draw their own
            epochs=epochs,
            steps_per_epoch=steps,
            callbacks=callbacks,
            initial_epoch=first_epoch,
            shuffle=False,
            verbose=0 if verbose == "auto" else verbose,
        )
    except KeyboardInterrupt:
        for callback in kept:
            callback.save()
        raise
    if past:
        history.epoch = [*range(len(past)), *history.epoch]
        names = [name for name in past[0] if name != "epoch"]
        history.history = {
            name: [row[name] for row in past] + history.history.get(name, []) for name in names
        }
    if verbose == "auto":
        done, seconds = int(model.step.numpy()) - first, time.perf_counter() - start
        print(
            f"Trained {len(history.epoch)} epoch{'s' * (len(history.epoch) != 1)}"
            f"{f' (the first {first_epoch} before)' * bool(past)}, {done:,} steps, "
            f"in {seconds:.0f} s ({done / seconds:.0f} steps/s)."
        )
    return history


def _many_steps(model, feed, steps: int, done: int):
    """Return what Keras calls for each execution: up to ``EXECUTION`` steps on the compiled graph.

    Args:
        feed: iterator over what each step draws.
        steps: of an epoch.
        done: steps of the first epoch that a checkpoint holds; the means of the epoch as they are
            now are theirs.
    """
    graph = {"autograph": False, "reduce_retracing": True}
    one = model.train_step
    if model.replicas > 1:

        def one(batch):  # all devices get all of it, and take their share
            return model.distribute_strategy.run(model.train_step, args=(batch,))

    if not model.run_eagerly:
        one = tf.function(one, jit_compile=model.jit_compile, **graph)

    def many(count):
        def body(number):
            one(feed.get_next())
            return number + 1

        tf.while_loop(lambda number: number < count, body, [tf.constant(0)])
        return model.means.result()

    if not model.run_eagerly:
        many = tf.function(many, **graph)
    held = [v.numpy() for v in model.means.variables]
    size = model.steps_per_execution
    place = 0  # of the next execution in its epoch

    def execute(_):
        nonlocal place, done
        end = min(place + size, steps)
        if done > place:  # Keras has just set the means back to 0
            for variable, value in zip(model.means.variables, held, strict=True):
                variable.assign(value)
        count = end - max(place, min(done, end))
        place = 0 if end == steps else end
        done = 0 if end == steps else done
        return many(tf.constant(count)) if count else model.means.result()

    return execute


class EpochMeans(keras.metrics.Metric):
    """Running means in two variables: a variable each would slow dense networks down."""

    def __init__(self, names: tuple[str, ...]):
        super().__init__(name="epoch_means", dtype="float32")
        self.names = names
        shape = (len(names),)
        kind = {"shape": shape, "initializer": "zeros", "aggregation": "mean"}
        self.sums = self.add_variable(**kind, name="sums")
        self.counts = self.add_variable(**kind, name="counts")

    def update_state(self, values, weights):
        """Add scalars by name, with the weights of some; the others weigh 1."""
        weights = tf.stack([weights.get(name, 1.0) for name in self.names])
        self.sums.assign_add(weights * tf.stack([values[name] for name in self.names]))
        self.counts.assign_add(weights)

    def result(self):
        """Return the mean of each."""
        means = tf.math.divide_no_nan(self.sums, self.counts)
        return {name: means[i] for i, name in enumerate(self.names)}


class TwoOptimizers:
    """Stands where Keras keeps a model's one optimiser, and says that a GAN has two."""

    built = True  # Keras asks before it trains on several devices

    def __bool__(self):
        return False

    def __getattr__(self, name):
        if name.startswith("__") or name in ("inner_optimizer", "optimizers"):
            raise AttributeError(name)  # questions about its kind, of Python and of Keras
        raise RuntimeError(
            f"A callback asks for model.optimizer.{name}, but a GAN has two optimisers. Use "
            "model.g_optimizer and model.d_optimizer; for a learning rate that changes, give them "
            "a keras.optimizers.schedules object; for averaged weights, Adam(use_ema=True)."
        )


def _check_data(model, x, batch_size, d_steps):
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
    if model.replicas > 1 and (batch_size % model.replicas or model.schedule == "larger_loss"):
        raise ValueError(
            f"{model.replicas} devices share each batch. The batch size, {batch_size}, must be a "
            "multiple of their number, and the schedule 'larger_loss' needs one device, which sees "
            "both losses whole."
        )
    if x.dtype != np.uint8 and not np.isfinite(x).all():
        raise ValueError("The data holds values that are not finite (NaN or infinity).")


def _check_labels(model, labels, rows):
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


def _check_model(model, callbacks):
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


def _progress_bar(epochs: int, initial_epoch: int) -> keras.callbacks.Callback:
    from tqdm import tqdm
    from tqdm.keras import TqdmCallback

    class Bar(tqdm):  # plain text, not a widget, and gone when it is done
        def __init__(self, *args, **kwargs):
            kwargs |= {"leave": False, "file": sys.stdout, "ncols": 100, "initial": initial_epoch}
            super().__init__(*args, **kwargs)

    return TqdmCallback(epochs, verbose=0, tqdm_class=Bar)
