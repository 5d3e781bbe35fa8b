"""One GAN: two networks, a loss, and a training step that Keras's own ``fit`` drives.

``fit`` is fed with what a step draws, rows of the data and noise, both functions of (seed, step
number). The data lies on the device and is gathered there, and many steps run in one call of the
compiled graph. So a step depends on the weights, the optimiser state and its number alone.
"""

import sys
import time

import keras
import numpy as np
import tensorflow as tf

from gan_utils import data, runtime
from gan_utils.losses import Loss

METRICS = ("d_loss_real", "d_loss_fake", "d_loss", "g_loss", "d_x", "d_gz")


class GAN(keras.Model):
    """A generator and a discriminator that train against each other.

    Args:
        generator: model (n, latent_dim) -> images or points, pixels in [-1, 1].
        discriminator: model from what the generator makes to logits (n, 1).
        loss: from ``gan_utils.losses``.
        latent: distribution of z: ``"uniform"`` on [-1, 1) or ``"normal"``.

    Raises:
        ValueError: the discriminator does not take what the generator makes.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: Loss,
        latent: str = "uniform",
    ):
        runtime.check_backend()
        super().__init__(name="gan")
        if generator.output_shape[1:] != discriminator.input_shape[1:]:
            raise ValueError(
                f"The generator makes {generator.output_shape[1:]}, but the discriminator takes "
                f"{discriminator.input_shape[1:]}. Build both for the same shape."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = loss
        self.latent = latent
        self.trackers = [keras.metrics.Mean(name=name) for name in METRICS]
        self.built = True

    def call(self, z, training=False):
        """Generate: latent vectors (n, latent_dim) -> images in [-1, 1]."""
        return self.generator(z, training=training)

    @property
    def metrics(self):
        """Epoch means of D's loss on real and on fake and their sum, G's loss, D(x), D(G(z))."""
        return self.trackers

    def compile(self, g_optimizer=None, d_optimizer=None, jit_compile="auto", **kwargs):
        """Set one optimiser for each network; Adam with Keras's defaults unless told.

        Args:
            jit_compile: True compiles the step with XLA. ``"auto"`` does so for dense networks,
                where the loop is the cost, and on a GPU; on a CPU it slows convolutions down.
        """
        if jit_compile == "auto":
            networks = self.generator.layers + self.discriminator.layers
            convolutions = any("conv" in type(layer).__name__.lower() for layer in networks)
            jit_compile = not convolutions or bool(tf.config.list_physical_devices("GPU"))
        super().compile(jit_compile=jit_compile, **kwargs)
        self.g_optimizer = g_optimizer or keras.optimizers.Adam()
        self.d_optimizer = d_optimizer or keras.optimizers.Adam()
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
            verbose: ``"auto"`` is one bar over all epochs that leaves one line; 0, 1 and 2 are
                Keras's.

        Returns:
            Keras ``History``; ``history`` holds the epoch means named in ``metrics``.

        Raises:
            ValueError: data of another shape or dtype than the networks', fewer rows than a
                batch, or points that are not finite.
        """
        self._check_data(x, batch_size)
        self.x = tf.constant(x)
        steps = len(x) // batch_size
        # An execution must not reach into the next epoch, so it takes a divisor of its steps.
        self.steps_per_execution = max(k for k in range(1, 101) if steps % k == 0)
        self.train_function = None  # it holds the previous data
        latent_dim = self.generator.input_shape[1]
        numbers = range(initial_epoch * steps, epochs * steps)
        feed = data.draws(len(x), batch_size, latent_dim, numbers, seed, self.latent)
        callbacks = list(callbacks or [])
        if verbose == "auto":
            callbacks.append(_progress_bar(epochs))
        start = time.perf_counter()
        history = super().fit(
            feed,
            epochs=epochs,
            steps_per_epoch=steps,
            callbacks=callbacks,
            initial_epoch=initial_epoch,
            shuffle=False,  # the rows already come shuffled
            verbose=0 if verbose == "auto" else verbose,
        )
        if verbose == "auto":
            done, seconds = len(history.epoch), time.perf_counter() - start
            print(
                f"Trained {done} epoch{'s' * (done != 1)}, {done * steps:,} steps, "
                f"in {seconds:.0f} s ({done * steps / seconds:.0f} steps/s)."
            )
        return history

    def train_step(self, batch):
        """Update D, then G, once each. ``batch`` is (rows of the data, z for D, z for G)."""
        rows, z_d, z_g = batch
        x = tf.gather(self.x, rows)
        x = data.to_unit_range(x) if x.dtype == tf.uint8 else x
        logs = self._update_discriminator(x, z_d)
        logs["g_loss"] = self._update_generator(z_g)
        for tracker in self.trackers:
            tracker.update_state(logs[tracker.name])
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def _update_discriminator(self, x, z):
        fakes = self.generator(z, training=True)
        with tf.GradientTape() as tape:
            real = self.discriminator(x, training=True)
            fake = self.discriminator(fakes, training=True)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake
        variables = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape.gradient(loss, variables), variables)
        return {
            "d_loss_real": loss_real,
            "d_loss_fake": loss_fake,
            "d_loss": loss,
            "d_x": tf.reduce_mean(tf.sigmoid(real)),
            "d_gz": tf.reduce_mean(tf.sigmoid(fake)),
        }

    def _update_generator(self, z):
        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(z, training=True), training=True)
            loss = self.adversarial_loss.generator(fake)
        variables = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Generate ``n`` images as uint8 (n, height, width, channels), or points as float32.

        The same seed gives the same z, and the first rows do not depend on ``n``. BatchNorm uses
        its moving statistics, so a picture does not depend on its neighbours either.
        """
        latent_dim = self.generator.input_shape[1]
        made = []
        for start in range(0, n, 1000):  # bounded memory
            z = data.draw_latent(start, (1000, latent_dim), seed, 2, self.latent)
            made.append(np.asarray(self.generator(z[: n - start], training=False)))
        made = np.concatenate(made)
        return data.to_pixels(made) if made.ndim == 4 else made

    def _check_data(self, x, batch_size):
        wanted = self.discriminator.input_shape[1:]
        x = np.asarray(x)
        if x.shape[1:] != wanted or x.dtype != (np.uint8 if x.ndim == 4 else np.float32):
            raise ValueError(
                f"The networks train on {'uint8' if len(wanted) == 3 else 'float32'} data of shape "
                f"(n, {', '.join(map(str, wanted))}), got {x.dtype} {x.shape}."
            )
        if not 1 <= batch_size <= len(x):
            raise ValueError(
                f"batch_size is {batch_size}; with {len(x)} rows it must be 1 to {len(x)}."
            )
        if x.dtype != np.uint8 and not np.isfinite(x).all():
            raise ValueError("The data holds values that are not finite (NaN or infinity).")


def _progress_bar(epochs: int) -> keras.callbacks.Callback:
    from tqdm import tqdm
    from tqdm.keras import TqdmCallback

    class Bar(tqdm):  # plain text, not a widget, and gone when it is done
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **(kwargs | {"leave": False, "file": sys.stdout, "ncols": 100}))

    return TqdmCallback(epochs, verbose=0, tqdm_class=Bar)
