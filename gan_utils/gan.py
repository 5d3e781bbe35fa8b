"""The game: two networks, a loss, and the step in which they train against each other.

What a step does depends on the weights, the optimisers' state and its number alone: the rows of the
data and the noise that it draws are functions of (seed, step number). ``fit.py`` holds the loop.

To change the game, override ``update_discriminator``, ``update_generator``, ``penalty``,
``whose_turn`` or ``verdicts``.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from gan_utils import checks, data, fit, losses, runtime

METRICS = (
    *("d_loss_real", "d_loss_fake", "d_loss", "g_loss", "d_acc_real", "d_acc_fake", "d_x", "d_gz"),
    *("d_grad_norm", "g_grad_norm", "d_update_ratio", "g_update_ratio", "loss"),
)


class GAN(keras.Model):
    """A generator and a discriminator that train against each other.

    Args:
        generator: model (n, latent_dim) -> images or points, pixels in [-1, 1]; with labels,
            [(n, latent_dim), (n,)] -> the same.
        discriminator: model from what the generator makes to logits (n, 1); with labels, from
            [what it makes, (n,)].
        loss: from ``gan_utils.losses``.
        schedule: ``(k_d, k_g)`` gives D and then G so many updates in every step, each with a batch
            of its own. ``"larger_loss"`` updates one of them, whichever has the larger loss: the
            mean of D's losses on real and on fake against G's, all three in inference mode.
            (The PaddlePaddle chapter has this schedule, with statistics of the batch.)
        latent: distribution of z: ``"uniform"`` on [-1, 1) or ``"normal"``.
        r1: weight γ of the penalty ``γ/2 ‖∇D(x)‖²`` on real data, where D(x) is the logit
            (Mescheder et al. 2018, eq. 9). It is meant to hold a strong D back.
        r1_every: steps between two penalties, each of which then weighs as much as all of them
            (Karras et al. 2020, appendix B): nearly the same at a lower price.

    Raises:
        ValueError: networks without shapes, with other inputs or outputs than these, or of which
            one does not take what the other makes; another loss; another schedule.
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
        self.conditional = checks.check_networks(generator, discriminator)
        self.schedule = checks.check_game(loss, schedule)
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = loss
        self.latent = latent
        self.r1, self.r1_every = r1, r1_every
        self.means = fit.EpochMeans(METRICS)
        self.measure_every = 10
        # steps made, and the first one whose losses were not finite, or -1
        self.step, self.bad_step = (
            self.add_weight(
                shape=(),
                dtype="int64",
                trainable=False,
                name=name,
                aggregation="only_first_replica",
                initializer=keras.initializers.Constant(value),
            )
            for name, value in (("step", 0), ("bad_step", -1))
        )
        self.built = True

    def call(self, z, training=False):
        """Generate: latent vectors (n, latent_dim), or [these, labels], -> images in [-1, 1]."""
        return self.generator(z, training=training)

    @property
    def metrics(self):
        """The running means of one epoch, whose names are in ``METRICS``.

        ``d_loss_real`` and ``d_loss_fake`` add up to ``d_loss``; ``d_acc_real`` and ``d_acc_fake``
        are the shares that D gets right; ``d_x`` and ``d_gz`` are mean D(x) and D(G(z));
        ``…_grad_norm`` is the length of the gradient over all weights of a network, and
        ``…_update_ratio`` the length of the update over that of the weights, both measured in every
        tenth step or more often, and 0 if there was none. ``loss`` is the sum of both networks'
        losses, of use only to callbacks that watch for NaN.
        """
        return [self.means]

    def compile(self, g_optimizer=None, d_optimizer=None, jit_compile="auto", **kwargs):
        """Set one optimiser for each network; Adam with Keras's defaults unless told.

        A ``g_optimizer`` with ``use_ema=True`` keeps a moving average of G's weights, which
        ``sample`` then uses. Under the policy ``mixed_float16`` both scale their losses.

        Args:
            g_optimizer, d_optimizer: Keras optimisers, or their names.
            jit_compile: True compiles the step with XLA. ``"auto"`` does so for dense networks,
                where the loop is the cost, and on a GPU. On several devices XLA cannot compile
                the step, and ``GAN_BOOK_XLA=off`` forbids it.

        On several devices an optimiser that clips gradients clips each device's part before they
        are added up: the limit is then as many times larger.

        Raises:
            ValueError: both networks were given the same optimiser; or XLA on several devices.
        """
        if self.replicas > 1 and jit_compile is True:
            raise ValueError("XLA cannot compile a step that several devices share.")
        if jit_compile == "auto":
            one = self.replicas == 1
            jit_compile = one and runtime.xla_pays(self.generator, self.discriminator)
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.optimizer = fit.TwoOptimizers()
        if g_optimizer is d_optimizer and not isinstance(g_optimizer, str | None):
            raise ValueError("Give each network an optimiser of its own: it keeps their averages.")
        half = keras.config.dtype_policy().name == "mixed_float16"
        scaled = keras.optimizers.LossScaleOptimizer if half else (lambda optimizer: optimizer)
        self.g_optimizer = scaled(keras.optimizers.get(g_optimizer or "adam"))
        self.d_optimizer = scaled(keras.optimizers.get(d_optimizer or "adam"))
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)

    @property
    def replicas(self) -> int:
        """Return the number of devices that share each batch, under ``tf.distribute``."""
        return self.distribute_strategy.num_replicas_in_sync

    def fit(self, x, epochs=1, batch_size=100, seed=0, callbacks=None, verbose="auto", labels=None):
        """Train; see ``fit.train``, which this calls."""
        return fit.train(self, x, labels, epochs, batch_size, seed, callbacks, verbose)

    def train_step(self, batch):
        """Make one step of the schedule.

        Args:
            batch: rows of the data int64 (k_d · batch_size,), z for D's updates float32 (k_d ·
                batch_size, latent_dim), z for G's (k_g · batch_size, latent_dim), and with labels
                the rows whose labels G gets, int64 (k_g · batch_size,).

        Returns:
            The means of the epoch so far, a scalar for each name in ``METRICS``.
        """
        rows, z_d, z_g, *rows_g = batch
        x = tf.gather(self.x, rows)
        x = data.to_unit_range(x) if x.dtype == tf.uint8 else x
        # The fakes that D sees have the labels of the real rows beside them.
        y = [tf.gather(self.labels, rows)] if self.conditional else []
        if self.schedule == "larger_loss":
            logs, turn = self._update_one(x, z_d, y)
        else:
            k_d, k_g = self.schedule
            y_g = [tf.gather(self.labels, rows) for rows in rows_g]
            d_logs = [self.update_discriminator(*part) for part in self._parts(k_d, x, z_d, *y)]
            g_logs = [self.update_generator(*part) for part in self._parts(k_g, z_g, *y_g)]
            logs, turn = _mean(d_logs) | _mean(g_logs), {"d": 1.0, "g": 1.0}
        measured = tf.cast(self._measured(), tf.float32)
        weights = {n: turn[n[0]] * measured for n in METRICS if n.endswith(("_norm", "_ratio"))}
        logs["loss"] = logs["d_loss"] + logs["g_loss"]
        self.means.update_state(logs, weights)
        bad = (self.bad_step < 0) & ~tf.math.is_finite(logs["loss"])
        self.bad_step.assign(tf.where(bad, self.step, self.bad_step))
        self.step.assign_add(1)
        return self.means.result()

    def update_discriminator(self, x, z, labels=None):
        """Update D once.

        Args:
            x: real data as D takes it, (n, height, width, channels) in [-1, 1] or points (n, 2).
            z: float32 (n, latent_dim).
            labels: int (n,), of ``x`` and for the fakes, or None.

        Returns:
            A scalar for each name in ``METRICS`` that is D's.
        """
        fakes = self.generator(_with(z, labels), training=True)
        with tf.GradientTape() as tape:
            real = self.discriminator(_with(x, labels), training=True)
            fake = self.discriminator(_with(fakes, labels), training=True)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake + (self._lazy_penalty(x, labels) if self.r1 else 0.0)
            loss = self.d_optimizer.scale_loss(_with_own(loss, self.discriminator))
        sizes = self.descend(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return self.verdicts(real, fake, loss_real, loss_fake) | dict(
            zip(("d_grad_norm", "d_update_ratio"), sizes, strict=True)
        )

    def update_generator(self, z, labels=None):
        """Update G once, with z (n, latent_dim); return a scalar for each of G's metrics."""
        with tf.GradientTape() as tape:
            made = self.generator(_with(z, labels), training=True)
            fake = self.discriminator(_with(made, labels), training=True)
            g_loss = self.adversarial_loss.generator(fake)
            loss = self.g_optimizer.scale_loss(_with_own(g_loss, self.generator))
        sizes = self.descend(self.g_optimizer, tape, loss, self.generator.trainable_variables)
        return {"g_loss": g_loss, "g_grad_norm": sizes[0], "g_update_ratio": sizes[1]}

    def penalty(self, x, labels=None):
        """Return the penalty of one step on real data ``x`` without its weight: mean ‖∇D(x)‖²."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = self.discriminator(_with(x, labels), training=True)
        slopes = tf.square(tape.gradient(logits, x))
        return tf.reduce_mean(tf.reduce_sum(slopes, axis=range(1, len(x.shape))))

    def _lazy_penalty(self, x, labels):
        def weighted():
            return self.r1_every * self.r1 / 2 * self.penalty(x, labels)

        return tf.cond(self.step % self.r1_every == 0, weighted, lambda: 0.0)

    def whose_turn(self, logs):
        """Say whether it is D's turn, under the schedule ``"larger_loss"``.

        Args:
            logs: of ``look``.

        Returns:
            bool scalar; otherwise it is G's.
        """
        return logs["d_loss"] / 2 > logs["g_loss"]

    def look(self, x, z, labels=None, training=False):
        """Return ``verdicts`` and ``g_loss`` of both networks as they are, without an update."""
        real = self.discriminator(_with(x, labels), training=training)
        made = self.generator(_with(z, labels), training=training)
        fake = self.discriminator(_with(made, labels), training=training)
        logs = self.verdicts(real, fake, *self.adversarial_loss.discriminator(real, fake))
        return logs | {"g_loss": self.adversarial_loss.generator(fake)}

    def _update_one(self, x, z, y):
        logs = self.look(x, z, *y)

        def sizes(made):
            return [v for name, v in made.items() if name.endswith(("_norm", "_ratio"))]

        d_turn = self.whose_turn(logs)
        norm, ratio = tf.cond(
            d_turn,
            lambda: sizes(self.update_discriminator(x, z, *y)),
            lambda: sizes(self.update_generator(z, *y)),
        )
        for name in ("d", "g"):
            logs |= {f"{name}_grad_norm": norm, f"{name}_update_ratio": ratio}
        return logs, {"d": tf.cast(d_turn, tf.float32), "g": tf.cast(~d_turn, tf.float32)}

    def verdicts(self, real, fake, loss_real, loss_fake):
        """Return D's metrics from its logits (n, 1) on real and on fake and their losses."""
        return {
            "d_loss_real": loss_real,
            "d_loss_fake": loss_fake,
            "d_loss": loss_real + loss_fake,
            "d_acc_real": tf.reduce_mean(tf.cast(real > 0, tf.float32)),
            "d_acc_fake": tf.reduce_mean(tf.cast(fake < 0, tf.float32)),
            "d_x": tf.reduce_mean(tf.sigmoid(real)),
            "d_gz": tf.reduce_mean(tf.sigmoid(fake)),
        }

    def descend(self, optimizer, tape, loss, variables):
        """Update ``variables`` against the gradient of ``loss``, which ``tape`` recorded.

        Returns:
            The gradient's length, and the update's over that of the weights. Both are 0 in
            the steps that are not measured, since to measure takes time: see ``metrics``.
        """
        if not variables:
            return 0.0, 0.0
        gradients = tape.gradient(loss, variables)
        before = [tf.identity(v) for v in variables]
        if self.replicas > 1:  # each has the mean over its share; the optimiser adds all up
            replica = tf.distribute.get_replica_context()
            gradients = [tf.convert_to_tensor(g) for g in gradients]
            gradients = replica.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            optimizer.apply([g / self.replicas for g in gradients], variables)
        else:
            optimizer.apply(gradients, variables)

        def sizes():
            moved = [v - old for v, old in zip(variables, before, strict=True)]
            norm = tf.linalg.global_norm(gradients) / optimizer.scale_loss(1.0)
            return norm, tf.linalg.global_norm(moved) / tf.linalg.global_norm(before)

        return tf.cond(self._measured(), sizes, lambda: (0.0, 0.0))

    def _parts(self, count, *arrays):
        """Yield what each update gets: a batch, or on several devices this one's share of it."""
        for part in zip(*(tf.split(array, count) for array in arrays), strict=True):
            if self.replicas > 1:
                replica = tf.distribute.get_replica_context().replica_id_in_sync_group
                part = [tf.stack(tf.split(array, self.replicas))[replica] for array in part]
            yield part

    def _measured(self):
        return self.step % self.measure_every == 0

    @contextlib.contextmanager
    def averaged(self):
        """Let the generator have its averaged weights inside a ``with`` block.

        They are those that its optimiser keeps with ``use_ema=True``; without, nothing changes.
        BatchNorm's statistics, averages themselves, stay as they are.
        """
        optimizer = getattr(self, "g_optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if optimizer is None or not optimizer.use_ema or not int(optimizer.iterations.numpy()):
            yield
            return
        variables = self.generator.trainable_variables
        own = [v.numpy() for v in variables]
        try:
            optimizer.finalize_variable_values(variables)
            yield
        finally:
            for v, value in zip(variables, own, strict=True):
                v.assign(value)

    def sample(self, n: int, seed: int = 0, labels=None) -> np.ndarray:
        """Generate ``n`` images as uint8 (n, height, width, channels), or points as float32.

        The same seed gives the same z, and the first rows do not depend on ``n``. The generator
        has its averaged weights if there are any (see ``averaged``). BatchNorm uses its moving
        statistics, so a picture does not depend on its neighbours either.

        Args:
            labels: of a conditional generator: one, or one for each image. By default the classes
                take turns.
        """
        with self.averaged():
            return generate(self.generator, n, seed, self.latent, labels)

    def state(self) -> list:
        """Return every variable that a step reads or writes, in a fixed order.

        Weights, BatchNorm's statistics, seeds of dropout, running means and step number, and what
        both optimisers keep, moving averages included.
        """
        owners = self, self.means, self.g_optimizer, self.d_optimizer
        return [variable for owner in owners for variable in owner.variables]


def generate(
    generator: keras.Model, n: int, seed: int = 0, latent: str = "uniform", labels=None
) -> np.ndarray:
    """Generate with a generator alone: uint8 images (n, height, width, channels) or points.

    Args:
        generator: model (n, latent_dim), or [this, labels (n,)], -> images in [-1, 1], or points.
        latent: distribution of z, ``"uniform"`` or ``"normal"``.
        labels: of a conditional generator: one, or one for each image. By default the classes take
            turns.

    Raises:
        ValueError: labels for a generator that takes none, or others than its classes.
    """
    labels, latent_dim = checks.asked_labels(generator, n, labels), generator.inputs[0].shape[1]
    made = []
    for start in range(0, n, 1000):  # bounded memory
        z = data.draw_latent(start, (1000, latent_dim), seed, 2, latent)[: n - start]
        part = None if labels is None else labels[start : start + 1000]
        x = np.asarray(generator(_with(z, part), training=False))
        made.append(data.to_pixels(x) if x.ndim == 4 else x)
    return np.concatenate(made)


def _with(x, labels):
    """Return what a network takes: x, or x and labels."""
    return x if labels is None else [tf.convert_to_tensor(x), tf.convert_to_tensor(labels)]


def _with_own(loss, network):
    """Add what layers of a network want of its weights, such as kernel_regularizer."""
    return tf.add_n([loss, *network.losses]) if network.losses else loss


def _mean(logs):
    """Average dictionaries of scalars that have the same keys."""
    if len(logs) == 1:
        return logs[0]
    return {name: tf.add_n([log[name] for log in logs]) / len(logs) for name in logs[0]}
