"""The loop: Keras's own ``fit``, fed with what each step draws, many steps in one call.

The data lies on the device and is gathered there. An execution of the compiled graph makes up to a
hundred steps and never reaches into the next epoch; between two of them come the callbacks. Since a
step depends on its number alone, a run can stop and go on anywhere.
"""

import sys
import time
import zlib

import keras
import numpy as np
import tensorflow as tf

from gan_utils import checks, data

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
        callbacks: Keras's or ``gan_utils.callbacks``. One with ``at_steps``, step numbers, is
            called after each of these, and not only after every hundredth. With ``Checkpoint``
            among them, training goes on where its folder says it stopped.
        verbose: ``"auto"`` is one bar over all epochs that leaves one line; 0, 1 and 2 are Keras's.

    Returns:
        Keras ``History``; ``history`` holds the epoch means named in ``gan.METRICS``.

    Raises:
        ValueError: data of another shape or dtype than the networks', fewer rows than a batch,
            points that are not finite, labels that do not fit, or a callback that cannot work.
    """
    d_steps, g_steps = (1, 1) if model.schedule == "larger_loss" else model.schedule
    callbacks = list(callbacks or [])
    checks.check_data(model, x, batch_size, d_steps)
    checks.check_labels(model, labels, len(x))
    checks.check_run(model, callbacks)
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
    wanted = {step % steps for c in callbacks for step in getattr(c, "at_steps", ())}
    sizes = range(min(EXECUTION, steps), 0, -1)
    model.steps_per_execution = next(k for k in sizes if not any(step % k for step in wanted))
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
            callbacks=Callbacks(
                callbacks,
                add_history=True,
                add_progbar=verbose not in ("auto", 0),
                verbose=0 if verbose == "auto" else verbose,
                epochs=epochs,
                steps=steps,
                model=model,
            ),
            initial_epoch=first_epoch,
            shuffle=False,
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


class Callbacks(keras.callbacks.CallbackList):
    """Keras counts every execution as a whole one; the last of an epoch may be shorter."""

    def on_train_batch_end(self, batch, logs=None):
        """Pass on the number of the step that was really made last."""
        super().on_train_batch_end(min(batch, self.params["steps"] - 1), logs)


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


def _progress_bar(epochs: int, initial_epoch: int) -> keras.callbacks.Callback:
    from tqdm import tqdm
    from tqdm.keras import TqdmCallback

    class Bar(tqdm):  # plain text, not a widget, and gone when it is done
        def __init__(self, *args, **kwargs):
            kwargs |= {"leave": False, "file": sys.stdout, "ncols": 100, "initial": initial_epoch}
            super().__init__(*args, **kwargs)

    return TqdmCallback(epochs, verbose=0, tqdm_class=Bar)
