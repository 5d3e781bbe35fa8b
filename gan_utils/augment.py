"""Differentiable augmentation, which lets a GAN learn from few images.

With few images D soon knows them by heart. So everything that D sees while it trains, real and
generated alike, is first shifted and changed in brightness and contrast at random. Were the real
images alone changed, G would learn the changes; since all is differentiable, G learns through them
(Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738).
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("gan_utils")
class Augmentation(keras.layers.Layer):
    """Change images at random, each in its own way; only while training.

    Its ranges are the paper's. Its changes of saturation are left out: grey images have none.

    Args:
        brightness: a number from [-brightness, brightness] is added to all pixels of an image.
        contrast: the distances of all values to their mean are multiplied by a number from
            [1 - contrast, 1 + contrast].
        shift: an image moves along each axis by whole pixels, up to this share of its side. Zeros
            come in, a middle grey.
        cutout: side of a square of zeros at a random place, as a share of the image's side. The
            paper has 0.5; 0 is none.
        seed: of what is drawn; None takes one from Keras's random seed.

    Call: floats (n, height, width, channels) in [-1, 1] -> the same shape, in (-3, 3) with the
    given ranges. Values beyond [-1, 1] are not clipped, as no gradient comes through a clipped one.

    Raises:
        ValueError: an argument is negative or above 1.
    """

    def __init__(self, brightness=0.5, contrast=0.5, shift=1 / 8, cutout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.amounts = {
            "brightness": brightness, "contrast": contrast, "shift": shift, "cutout": cutout
        }  # fmt: skip
        for name, amount in self.amounts.items():
            if not 0 <= amount <= 1:
                raise ValueError(f"{name} is {amount}; it must lie in 0 to 1.")
        self.seed = seed
        # Its state is among the model's variables: a checkpoint of the run keeps it.
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """Change the images if ``training``, else return them as they are."""
        if not training:
            return images
        shape = (6, tf.shape(images)[0], 1, 1, 1)  # one draw for all that is random in a call
        draws = keras.random.uniform(shape, -1.0, 1.0, seed=self.seed_generator)
        brightness, contrast = tf.unstack(tf.cast(draws[:2], images.dtype))
        images += self.amounts["brightness"] * brightness
        mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
        factor = 1 + self.amounts["contrast"] * contrast
        images = factor * images + (1 - factor) * mean
        images = self._moved(images, draws[2, :, 0], draws[3, :, 0])
        if not self.amounts["cutout"]:
            return images
        hole = self._hole(images, draws[4], axis=1) & self._hole(images, draws[5], axis=2)
        return tf.where(hole, tf.zeros_like(images), images)

    def _moved(self, images, down, right):
        """Move each image by the shares ``down`` and ``right`` (n, 1, 1) of what is allowed."""
        y, x = (round(self.amounts["shift"] * side) for side in images.shape[1:3])
        return _shifted(images, _whole(down, y), _whole(right, x), (y, x))

    def _hole(self, images, draw, axis):
        """Return booleans that broadcast to ``images``, true where the cut goes along an axis."""
        side = images.shape[axis]
        length = round(self.amounts["cutout"] * side)
        first = tf.floor((draw + 1) / 2 * (side + 1)) - length // 2  # the middle is in the image
        place = tf.range(side, dtype=draw.dtype)
        place = tf.reshape(place, (-1, 1, 1) if axis == 1 else (-1, 1))
        return (place >= first) & (place < first + length)

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | self.amounts | {"seed": self.seed}


def augmented(discriminator: keras.Model, **options) -> keras.Model:
    """Put an ``Augmentation`` in front of a discriminator.

    ``GAN`` then trains D and G through it: D sees changed images in its own updates, real and
    generated, and in those of G; the measured D(x) and accuracies are of changed images too. In
    inference mode the result is the discriminator itself.

    Args:
        discriminator: model of images (n, height, width, channels) in [-1, 1]. It is not copied:
            both share their weights.
        options: of ``Augmentation``.

    Returns:
        Model with the same inputs, outputs and weights, and the state of a random generator, which
        a checkpoint keeps.

    Raises:
        ValueError: the discriminator does not take images.
    """
    shape = discriminator.inputs[0].shape[1:]
    if len(shape) != 3:
        raise ValueError(f"The discriminator takes {shape}, not images (height, width, channels).")
    x = keras.Input(shape, name="x")
    changed = Augmentation(**options)(x)
    if len(discriminator.inputs) == 1:
        return keras.Model(x, discriminator(changed), name="discriminator")
    label = keras.Input((), dtype="int32", name="label")
    return keras.Model([x, label], discriminator([changed, label]), name="discriminator")


def _shifted(images, down, right, most):
    """Move each image by its own whole numbers of pixels (n, 1, 1), up to ``most``; zeros come in.

    The gradient is the move back. TensorFlow's own, of ``tf.gather``, adds pixels up one by one,
    and the gradient of that one needs what XLA cannot do in the branch of ``gan.GAN``'s penalty.
    """

    @tf.custom_gradient
    def move(images):
        _, height, width, channels = images.shape
        y, x = most
        rows, columns = y + tf.range(height)[:, None] - down, x + tf.range(width) - right
        padded = tf.pad(images, [[0, 0], [y, y], [x, x], [0, 0]])
        _, high, wide, _ = padded.shape
        first = high * wide * tf.range(tf.shape(images)[0])[:, None, None]
        pixels = tf.gather(tf.reshape(padded, (-1, channels)), first + wide * rows + columns)
        moved = tf.reshape(pixels, (-1, height, width, channels))
        return moved, lambda upstream: _shifted(upstream, -down, -right, most)

    return move(images)


def _whole(draw, most: int):
    """Return whole numbers from -most to most, each as likely, for draws from [-1, 1)."""
    number = tf.floor((draw + 1) / 2 * (2 * most + 1))
    return tf.cast(tf.minimum(number, 2 * most), tf.int32) - most  # if a draw was rounded to 1
