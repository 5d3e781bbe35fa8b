"""One GAN: two networks, a loss, and a training step that Keras's own ``fit`` drives.

``fit`` is fed with what a step draws, rows of the data and noise, both functions of (seed, step
number). The data lies on the device and is gathered there, and many steps run in one call of the
compiled graph. So a step depends on the weights, the optimiser state and its number alone, and a
run can stop and go on anywhere.
"""

import contextlib
import sys
import time
import zlib

import keras
import numpy as np
import tensorflow as tf

from gan_utils import data, losses, runtime

METRICS = (
    "d_loss_real",
    "d_loss_fake",
    "d_loss",
    "g_loss",
    "d_acc_real",
    "d_acc_fake",
    "d_x",
    "d_gz",
    "d_grad_norm",
    "g_grad_norm",
    "d_update_ratio",
    "g_update_ratio",
    "loss",
)


@keras.saving.register_keras_serializable("gan_utils")
class GAN(keras.Model):
    """A generator and a discriminator that train against each other.

    Args:
        generator: model (n, latent_dim) -> images or points, pixels in [-1, 1].
        discriminator: model from what the generator makes to logits (n, 1).
        loss: from ``gan_utils.losses``.
        schedule: ``(k_d, k_g)`` gives D and then G so many updates in every step, each with a batch
            of its own. ``"larger_loss"`` updates one of them, whichever has the larger loss: the
            mean of D's losses on real and on fake against G's, all three in inference mode, as in
            the PaddlePaddle chapter.
        latent: distribution of z: ``"uniform"`` on [-1, 1) or ``"normal"``.
        r1: weight γ of the penalty ``γ/2 ‖∇D(x)‖²`` on real data, where D(x) is the logit
            (Mescheder et al. 2018, eq. 9). It keeps a strong D from running away from G.
        r1_every: steps between two penalties, each of which then weighs as much as all of them
            (Karras et al. 2020, appendix B): nearly the same at a lower price.

    Raises:
        ValueError: the discriminator does not take what the generator makes, or the schedule is
            neither of the two.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: losses.Loss,
        schedule: tuple[int, int] | str = (1, 1),
        latent: str = "uniform",
        r1: float = 0.0,
        r1_every: int = 1,
    ):
        runtime.check_backend()
        super().__init__(name="gan")
        if generator.output_shape[1:] != discriminator.input_shape[1:]:
            raise ValueError(
                f"The generator makes {generator.output_shape[1:]}, but the discriminator takes "
                f"{discriminator.input_shape[1:]}. Build both for the same shape."
            )
        pair = isinstance(schedule, tuple | list) and len(schedule) == 2
        if schedule != "larger_loss" and not (
            pair and all(type(k) is int and k > 0 for k in schedule)
        ):
            raise ValueError(
                f"The schedule is {schedule!r}; it must be (k_d, k_g), two whole numbers from 1 "
                "on, or 'larger_loss'."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = loss
        self.schedule = schedule if schedule == "larger_loss" else tuple(schedule)
        self.latent = latent
        self.r1, self.r1_every = r1, r1_every
        self.means = _EpochMeans()
        self.measure_every = 10
        self.skip = 0, ()  # steps of the first epoch that a checkpoint holds, and their means
        # steps made, and the first one whose losses were not finite, or -1
        self.step, self.bad_step = (
            self.add_weight(
                shape=(),
                dtype="int64",
                trainable=False,
                name=name,
                initializer=keras.initializers.Constant(value),
            )
            for name, value in (("step", 0), ("bad_step", -1))
        )
        self.built = True

    def call(self, z, training=False):
        """Generate: latent vectors (n, latent_dim) -> images in [-1, 1]."""
        return self.generator(z, training=training)

    @property
    def metrics(self):
        """The running means of one epoch, whose names are in ``METRICS``.

        ``d_loss_real`` and ``d_loss_fake`` add up to ``d_loss``; ``d_acc_real`` and ``d_acc_fake``
        are the shares that D gets right; ``d_x`` and ``d_gz`` are mean D(x) and D(G(z));
        ``…_grad_norm`` is the length of the gradient over all weights of a network, and
        ``…_update_ratio`` the length of the update over that of the weights, both measured in every
        tenth step, and 0 if there was none. ``loss`` is the sum of both networks' losses, of use
        only to callbacks that watch for NaN.
        """
        return [self.means]

    def compile(self, g_optimizer=None, d_optimizer=None, jit_compile="auto", **kwargs):
        """Set one optimiser for each network; Adam with Keras's defaults unless told.

        A ``g_optimizer`` with ``use_ema=True`` keeps a moving average of G's weights, which
        ``sample`` then uses. Under the policy ``mixed_float16`` both scale their losses.

        Args:
            jit_compile: True compiles the step with XLA. ``"auto"`` does so for dense networks,
                where the loop is the cost, and on a GPU; on a CPU it slows convolutions down.
        """
        if jit_compile == "auto":
            networks = self.generator.layers + self.discriminator.layers
            convolutions = any("conv" in type(layer).__name__.lower() for layer in networks)
            jit_compile = not convolutions or bool(tf.config.list_physical_devices("GPU"))
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.optimizer = _TwoOptimizers()
        half = keras.config.dtype_policy().name == "mixed_float16"
        scaled = keras.optimizers.LossScaleOptimizer if half else (lambda optimizer: optimizer)
        self.g_optimizer = scaled(g_optimizer or keras.optimizers.Adam())
        self.d_optimizer = scaled(d_optimizer or keras.optimizers.Adam())
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)

    def fit(
        self, x, epochs=1, batch_size=100, seed=0, callbacks=None, verbose="auto", initial_epoch=0
    ):
        """Train with Keras's own ``fit``.

        Args:
            x: uint8 images (n, height, width, channels), scaled to [-1, 1] in the step, or
                float32 points (n, 2), used as they are.
            epochs: shuffled passes over ``x``; the rows that do not fill a batch are left out.
            seed: of the shuffles and of z. The initial weights have their own.
            callbacks: Keras's or ``gan_utils.callbacks``. With ``Checkpoint`` among them, training
                goes on where its folder says it stopped.
            verbose: ``"auto"`` is one bar over all epochs that leaves one line; 0, 1 and 2 are
                Keras's.

        Returns:
            Keras ``History``; ``history`` holds the epoch means named in ``METRICS``.

        Raises:
            ValueError: data of another shape or dtype than the networks', fewer rows than a
                batch, or points that are not finite.
        """
        d_steps, g_steps = (1, 1) if self.schedule == "larger_loss" else self.schedule
        self._check_data(x, batch_size, d_steps)
        self.x = tf.constant(x)
        self.feed = {  # what a checkpoint has to agree with
            "rows": len(x),
            "crc32": zlib.crc32(np.ascontiguousarray(x)),
            "batch_size": batch_size,
            "seed": seed,
        }
        steps = len(x) // (batch_size * d_steps)
        callbacks = list(callbacks or [])
        self.step.assign(initial_epoch * steps)
        self.bad_step.assign(-1)
        past = [c.restore(self) for c in callbacks if hasattr(c, "restore")]
        past = next((rows for rows in past if rows is not None), None)
        if past is not None:
            if initial_epoch:
                raise ValueError(
                    f"initial_epoch is {initial_epoch}, but a checkpoint says where to start. "
                    "Leave it out, or leave the Checkpoint out."
                )
            initial_epoch = len(past)
        self.measure_every = min(10, steps)
        # An execution must not reach into the next epoch, so it takes a divisor of its steps.
        self.steps_per_execution = max(k for k in range(1, 101) if steps % k == 0)
        self.train_function = None  # it holds the previous data
        done = int(self.step) - initial_epoch * steps
        self.skip = done, [v.numpy() for v in self.means.variables]
        latent_dim = self.generator.input_shape[1]
        numbers = range(initial_epoch * steps, max(epochs, initial_epoch) * steps)
        feed = data.draws(
            len(x), batch_size, latent_dim, numbers, seed, self.latent, d_steps, g_steps
        )
        if verbose == "auto":
            callbacks.append(_progress_bar(epochs, initial_epoch))
        start, first = time.perf_counter(), int(self.step)
        try:
            history = super().fit(
                feed,
                epochs=epochs,
                steps_per_epoch=steps,
                callbacks=callbacks,
                initial_epoch=initial_epoch,
                shuffle=False,  # the rows already come shuffled
                verbose=0 if verbose == "auto" else verbose,
            )
        except KeyboardInterrupt:
            for callback in callbacks:
                if hasattr(callback, "restore"):
                    callback.save()
            raise
        if past:
            history.epoch = [*range(len(past)), *history.epoch]
            names = [name for name in past[0] if name != "epoch"]
            history.history = {
                name: [row[name] for row in past] + history.history.get(name, []) for name in names
            }
        if verbose == "auto":
            done, seconds = int(self.step) - first, time.perf_counter() - start
            print(
                f"Trained {len(history.epoch)} epoch{'s' * (len(history.epoch) != 1)}"
                f"{f' (the first {initial_epoch} before)' * (first > 0)}, {done:,} steps, "
                f"in {seconds:.0f} s ({done / seconds:.0f} steps/s)."
            )
        return history

    def make_train_function(self, force=False):
        """Build the function that ``fit`` calls; its first calls may skip steps done before."""
        super().make_train_function(force)
        train, (left, means) = self.train_function, self.skip

        def skip_then_train(iterator):
            nonlocal left
            if left <= 0:
                return train(iterator)
            for _ in range(self.steps_per_execution):
                next(iterator)
            left -= self.steps_per_execution
            for variable, value in zip(self.means.variables, means, strict=True):
                variable.assign(value)
            return self.means.result()

        self.train_function = skip_then_train if left else train

    def train_step(self, batch):
        """Make one step of the schedule. ``batch`` is (rows of the data, z for D, z for G)."""
        rows, z_d, z_g = batch
        x = tf.gather(self.x, rows)
        x = data.to_unit_range(x) if x.dtype == tf.uint8 else x
        if self.schedule == "larger_loss":
            logs, turn = self._update_larger_loss(x, z_d)
        else:
            k_d, k_g = self.schedule
            pairs = zip(tf.split(x, k_d), tf.split(z_d, k_d), strict=True)
            d_logs = [self._update_discriminator(x, z) for x, z in pairs]
            g_logs = [self._update_generator(z) for z in tf.split(z_g, k_g)]
            logs, turn = _mean(d_logs) | _mean(g_logs), {"d": 1.0, "g": 1.0}
        measured = tf.cast(self._measured(), tf.float32)
        weights = {n: turn[n[0]] * measured for n in METRICS if n.endswith(("_norm", "_ratio"))}
        logs["loss"] = logs["d_loss"] + logs["g_loss"]
        self.means.update_state(logs, weights)
        bad = (self.bad_step < 0) & ~tf.math.is_finite(logs["loss"])
        self.bad_step.assign(tf.where(bad, self.step, self.bad_step))
        self.step.assign_add(1)
        return self.means.result()

    def _update_discriminator(self, x, z):
        fakes = self.generator(z, training=True)
        with tf.GradientTape() as tape:
            real = self.discriminator(x, training=True)
            fake = self.discriminator(fakes, training=True)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            penalty = self._penalty(x) if self.r1 else 0.0
            loss = self.d_optimizer.scale_loss(loss_real + loss_fake + penalty)
        variables = self.discriminator.trainable_variables
        sizes = _descend(self.d_optimizer, tape, loss, variables, self._measured())
        return self._verdicts(real, fake, loss_real, loss_fake) | dict(
            zip(("d_grad_norm", "d_update_ratio"), sizes, strict=True)
        )

    def _penalty(self, x):
        def penalty():
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = self.discriminator(x, training=True)
            slopes = tf.square(tape.gradient(logits, x))
            squares = tf.reduce_sum(slopes, axis=range(1, len(x.shape)))
            return self.r1_every * self.r1 / 2 * tf.reduce_mean(squares)

        return tf.cond(self.step % self.r1_every == 0, penalty, lambda: 0.0)

    def _update_generator(self, z):
        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(z, training=True), training=True)
            g_loss = self.adversarial_loss.generator(fake)
            loss = self.g_optimizer.scale_loss(g_loss)
        variables = self.generator.trainable_variables
        sizes = _descend(self.g_optimizer, tape, loss, variables, self._measured())
        return {"g_loss": g_loss, "g_grad_norm": sizes[0], "g_update_ratio": sizes[1]}

    def _update_larger_loss(self, x, z):
        real = self.discriminator(x, training=False)
        fake = self.discriminator(self.generator(z, training=False), training=False)
        logs = self._verdicts(real, fake, *self.adversarial_loss.discriminator(real, fake))
        logs["g_loss"] = self.adversarial_loss.generator(fake)

        def sizes(update):
            made = update()
            return [v for name, v in made.items() if name.endswith(("_norm", "_ratio"))]

        d_turn = logs["d_loss"] / 2 > logs["g_loss"]
        norm, ratio = tf.cond(
            d_turn,
            lambda: sizes(lambda: self._update_discriminator(x, z)),
            lambda: sizes(lambda: self._update_generator(z)),
        )
        for name in ("d", "g"):
            logs |= {f"{name}_grad_norm": norm, f"{name}_update_ratio": ratio}
        return logs, {"d": tf.cast(d_turn, tf.float32), "g": tf.cast(~d_turn, tf.float32)}

    def _measured(self):
        return self.step % self.measure_every == 0

    def _verdicts(self, real, fake, loss_real, loss_fake):
        return {
            "d_loss_real": loss_real,
            "d_loss_fake": loss_fake,
            "d_loss": loss_real + loss_fake,
            "d_acc_real": tf.reduce_mean(tf.cast(real > 0, tf.float32)),
            "d_acc_fake": tf.reduce_mean(tf.cast(fake < 0, tf.float32)),
            "d_x": tf.reduce_mean(tf.sigmoid(real)),
            "d_gz": tf.reduce_mean(tf.sigmoid(fake)),
        }

    @contextlib.contextmanager
    def averaged(self):
        """Let the generator have its averaged weights inside a ``with`` block.

        They are those that its optimiser keeps with ``use_ema=True``; without, nothing changes.
        BatchNorm's statistics, averages themselves, stay as they are.
        """
        optimizer = getattr(getattr(self, "g_optimizer", None), "inner_optimizer", None)
        optimizer = optimizer or getattr(self, "g_optimizer", None)
        if optimizer is None or not optimizer.use_ema or not int(optimizer.iterations):
            yield
            return
        variables = self.generator.trainable_variables
        own = [v.numpy() for v in variables]
        try:
            for v, average in zip(
                variables, optimizer._model_variables_moving_average, strict=True
            ):
                v.assign(average)
            yield
        finally:
            for v, value in zip(variables, own, strict=True):
                v.assign(value)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Generate ``n`` images as uint8 (n, height, width, channels), or points as float32.

        The same seed gives the same z, and the first rows do not depend on ``n``. The generator
        has its averaged weights if there are any (see ``averaged``). BatchNorm uses its moving
        statistics, so a picture does not depend on its neighbours either.
        """
        with self.averaged():
            return generate(self.generator, n, seed, self.latent)

    def get_config(self):
        """Return what ``keras.models.load_model`` builds this model from."""
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.adversarial_loss.config,
            "schedule": self.schedule,
            "latent": self.latent,
            "r1": self.r1,
            "r1_every": self.r1_every,
        }

    @classmethod
    def from_config(cls, config):
        """Build a model from what ``get_config`` returned."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**(config | networks | {"loss": losses.make(**config["loss"])}))

    def get_compile_config(self):
        """Return both optimisers, as settings."""
        if not self.compiled:
            return {}
        optimizers = {"g_optimizer": self.g_optimizer, "d_optimizer": self.d_optimizer}
        made = {k: keras.saving.serialize_keras_object(v) for k, v in optimizers.items()}
        return made | {"jit_compile": self.jit_compile}

    def compile_from_config(self, config):
        """Compile with what ``get_compile_config`` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def state(self) -> list:
        """Return every variable that a step reads or writes, in a fixed order.

        Weights, BatchNorm's statistics, seeds of dropout, running means and step number, and what
        both optimisers keep, moving averages included.
        """
        owners = self, self.means, self.g_optimizer, self.d_optimizer
        return [variable for owner in owners for variable in owner.variables]

    def _check_data(self, x, batch_size, d_steps):
        wanted = self.discriminator.input_shape[1:]
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
        if x.dtype != np.uint8 and not np.isfinite(x).all():
            raise ValueError("The data holds values that are not finite (NaN or infinity).")


def generate(generator: keras.Model, n: int, seed: int = 0, latent: str = "uniform") -> np.ndarray:
    """Generate with a generator alone: uint8 images (n, height, width, channels) or points.

    Args:
        generator: model (n, latent_dim) -> images in [-1, 1], or points.
        latent: distribution of z, ``"uniform"`` or ``"normal"``.
    """
    made = []
    for start in range(0, n, 1000):  # bounded memory
        z = data.draw_latent(start, (1000, generator.input_shape[1]), seed, 2, latent)
        x = np.asarray(generator(z[: n - start], training=False))
        made.append(data.to_pixels(x) if x.ndim == 4 else x)
    return np.concatenate(made)


class _EpochMeans(keras.metrics.Metric):
    """Running means of the METRICS in two variables: a variable each would slow dense nets down."""

    def __init__(self):
        super().__init__(name="epoch_means", dtype="float32")
        shape = (len(METRICS),)
        self.sums = self.add_weight(shape=shape, initializer="zeros", name="sums")
        self.counts = self.add_weight(shape=shape, initializer="zeros", name="counts")

    def update_state(self, values, weights):
        weights = tf.stack([weights.get(name, 1.0) for name in METRICS])
        self.sums.assign_add(weights * tf.stack([values[name] for name in METRICS]))
        self.counts.assign_add(weights)

    def result(self):
        means = tf.math.divide_no_nan(self.sums, self.counts)
        return {name: means[i] for i, name in enumerate(METRICS)}


class _TwoOptimizers:
    """Stands where Keras keeps a model's one optimiser, and says that a GAN has two."""

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


def _descend(optimizer, tape, loss, variables, measure):
    """Update ``variables``; return the gradient's length and the update's over the weights'.

    Both are 0 unless ``measure``: in every step, that would cost a dense net a fifth of its speed.
    """
    gradients = tape.gradient(loss, variables)
    before = [tf.identity(v) for v in variables]
    optimizer.apply(gradients, variables)

    def sizes():
        moved = [v - old for v, old in zip(variables, before, strict=True)]
        norm = tf.linalg.global_norm(gradients) / optimizer.scale_loss(1.0)
        return norm, tf.linalg.global_norm(moved) / tf.linalg.global_norm(before)

    return tf.cond(measure, sizes, lambda: (0.0, 0.0))


def _mean(logs):
    """Average dictionaries of scalars that have the same keys."""
    if len(logs) == 1:
        return logs[0]
    return {name: tf.add_n([log[name] for log in logs]) / len(logs) for name in logs[0]}


def _progress_bar(epochs: int, initial_epoch: int) -> keras.callbacks.Callback:
    from tqdm import tqdm
    from tqdm.keras import TqdmCallback

    class Bar(tqdm):  # plain text, not a widget, and gone when it is done
        def __init__(self, *args, **kwargs):
            kwargs |= {"leave": False, "file": sys.stdout, "ncols": 100, "initial": initial_epoch}
            super().__init__(*args, **kwargs)

    return TqdmCallback(epochs, verbose=0, tqdm_class=Bar)
