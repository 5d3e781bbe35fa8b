"""Small models of three other families of generative models, for chapter 01's comparison.

A restricted Boltzmann machine, a variational autoencoder and an autoregressive pixel model, each on
28 by 28 images, with weights that ship with the package. ``experiments/model_families.py`` trained
and measured them.
"""

import keras
import numpy as np
import scipy.special
import tensorflow as tf
from keras import layers

from gan_utils import data, files

BOLTZMANN = "boltzmann.npz"
VAE = "vae_encoder.weights.h5", "vae_decoder.weights.h5"
PIXEL_MODEL = "pixel_model.weights.h5"
LEVELS = 4  # grey levels of the pixel model: 0, 85, 170, 255


# --- restricted Boltzmann machine ----------------------------------------------------------------


def gibbs(machine: dict[str, np.ndarray], visible: np.ndarray, steps: int, seed: int = 0):
    """Run Gibbs chains of a restricted Boltzmann machine (Salakhutdinov & Hinton 2009, eq. 2-4).

    Args:
        machine: ``weights`` (hidden, pixels), ``hidden_bias``, ``visible_bias``.
        visible: bits to start from, (n, pixels), one chain a row.
        steps: of the chain; each goes to the hidden units and back.

    Returns:
        bits (n, pixels) after the last step, and their probabilities in it, both float32.
    """
    weights, hidden_bias, visible_bias = (
        machine[name].astype(np.float32) for name in ("weights", "hidden_bias", "visible_bias")
    )
    rng, visible = np.random.default_rng(seed), np.asarray(visible, np.float32)
    probabilities = visible

    def toss(probabilities):
        return (rng.random(probabilities.shape, np.float32) < probabilities).astype(np.float32)

    for _ in range(steps):
        hidden = toss(scipy.special.expit(visible @ weights.T + hidden_bias))
        probabilities = scipy.special.expit(hidden @ weights + visible_bias)
        visible = toss(probabilities)
    return visible, probabilities


def boltzmann() -> dict[str, np.ndarray]:
    """Return the trained Boltzmann machine, as ``gibbs`` takes it: 256 hidden units."""
    with np.load(files.weights(BOLTZMANN), allow_pickle=False) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


# --- variational autoencoder ---------------------------------------------------------------------


def build_vae(latent_dim: int = 16, hidden: int = 256) -> tuple[keras.Model, keras.Model]:
    """Return an untrained encoder and decoder with one hidden layer each.

    Returns:
        The encoder takes images (n, 28, 28, 1) in [-1, 1] to (n, 2, latent_dim), the mean and the
        logarithm of the variance of q(z|x). The decoder takes z (n, latent_dim) to logits
        (n, 28, 28, 1) of a white pixel.
    """
    x = keras.Input((28, 28, 1))
    h = layers.Dense(hidden, activation="relu")(layers.Flatten()(x))
    encoder = keras.Model(x, layers.Reshape((2, latent_dim))(layers.Dense(2 * latent_dim)(h)))
    z = keras.Input((latent_dim,))
    h = layers.Dense(hidden, activation="relu")(z)
    decoder = keras.Model(z, layers.Reshape((28, 28, 1))(layers.Dense(28 * 28)(h)))
    return encoder, decoder


def vae_loss(encoder: keras.Model, decoder: keras.Model, x, noise):
    """Return the negative lower bound on log p(x) (Kingma & Welling 2014, eq. 10), in nats.

    Grey values count as probabilities of a white pixel.

    Args:
        x: images (n, 28, 28, 1) in [-1, 1].
        noise: standard normal (n, latent_dim).
    """
    mean, log_variance = tf.unstack(encoder(x, training=True), axis=1)
    logits = decoder(mean + tf.exp(log_variance / 2) * noise, training=True)
    white = (x + 1) / 2
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(white, logits)
    kl = (tf.square(mean) + tf.exp(log_variance) - log_variance - 1) / 2
    return tf.reduce_mean(tf.reduce_sum(entropy, [1, 2, 3]) + tf.reduce_sum(kl, 1))


def vae() -> tuple[keras.Model, keras.Model]:
    """Return the trained encoder and decoder."""
    models = build_vae()
    for model, file_name in zip(models, VAE, strict=True):
        model.load_weights(files.weights(file_name))
    return models


def decode(decoder: keras.Model, z) -> np.ndarray:
    """Return the mean images of latent vectors (n, latent_dim), as uint8 (n, 28, 28, 1)."""
    return data.to_pixels(2 * tf.sigmoid(decoder(z)) - 1)


# --- autoregressive pixel model ------------------------------------------------------------------


@keras.saving.register_keras_serializable("gan_utils")
class MaskedConv2D(layers.Conv2D):
    """A convolution that sees only pixels before its own: above, and to the left in its row.

    Args:
        own: it also sees the pixel's own place, of which an earlier masked layer took care (mask B
            of van den Oord et al. 2016; without, mask A).
    """

    def __init__(self, filters, kernel_size, own, **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)
        self.own = own

    def build(self, input_shape):
        """Make the mask beside the kernel."""
        super().build(input_shape)
        height, width = self.kernel_size
        self.mask = np.zeros((height, width, 1, 1), np.float32)
        self.mask[: height // 2] = 1
        self.mask[height // 2, : width // 2 + self.own] = 1

    def call(self, inputs):
        """Convolve with what the mask leaves of the kernel."""
        outputs = tf.nn.conv2d(inputs, self.kernel * self.mask, 1, "SAME")
        return tf.nn.bias_add(outputs, self.bias)


def build_pixel_model(width: int = 32, blocks: int = 4) -> keras.Model:
    """Return an untrained PixelCNN, after van den Oord et al. 2016, for ``LEVELS`` grey levels.

    A 7x7 convolution with mask A, then residual blocks of a 3x3 with mask B, then two 1x1.

    Returns:
        Model (n, height, 28, 1) floats in [-1, 1] -> logits (n, height, 28, LEVELS) of each pixel
        given those before it.
    """
    x = keras.Input((None, 28, 1))
    h = MaskedConv2D(width, 7, own=False)(x)
    for _ in range(blocks):
        h = h + MaskedConv2D(width, 3, own=True)(layers.ReLU()(h))
    h = layers.Conv2D(width, 1, activation="relu")(layers.ReLU()(h))
    return keras.Model(x, layers.Conv2D(LEVELS, 1)(h))


def to_levels(images: np.ndarray) -> np.ndarray:
    """Round uint8 pixels to grey levels 0 .. LEVELS - 1, as uint8."""
    table = np.rint(np.arange(256) / (255 / (LEVELS - 1))).astype(np.uint8)
    return table[np.asarray(images)]  # no floats of a whole data set in between


def from_levels(levels: np.ndarray) -> np.ndarray:
    """Return the uint8 pixels of grey levels."""
    return (np.asarray(levels) * (255 // (LEVELS - 1))).astype(np.uint8)


def sample_pixels(
    model: keras.Model, n: int, seed: int = 0, start: np.ndarray | None = None, rows: int = 0
) -> np.ndarray:
    """Draw images pixel by pixel, each from its distribution given those before: 784 passes.

    A pixel depends on a few rows above its own, so that a pass takes these rows only: cheaper,
    and exact.

    Args:
        n: images, all drawn at the same time.
        start: levels (n, 28, 28, 1) whose first ``rows`` rows are kept.

    Returns:
        uint8 images (n, 28, 28, 1).
    """
    masked = [layer for layer in model.layers if isinstance(layer, MaskedConv2D)]
    above = sum(layer.kernel_size[0] // 2 for layer in masked)
    levels = np.zeros((n, 28, 28, 1), np.uint8) if start is None else np.array(start)
    noise = np.random.default_rng(seed).gumbel(size=(28, 28, n, LEVELS)).astype(np.float32)
    step = tf.function(lambda x, row, column, noise: model(x)[:, row, column] + noise)
    for row in range(rows, 28):
        top = max(0, row - above)
        for column in range(28):
            window = data.to_unit_range(from_levels(levels[:, top : row + 1]))
            # The largest of logits plus Gumbel noise is a draw from their softmax.
            scores = step(window, tf.constant(row - top), tf.constant(column), noise[row, column])
            levels[:, row, column, 0] = np.argmax(scores, axis=-1)
    return from_levels(levels)


def pixel_model() -> keras.Model:
    """Return the trained pixel model."""
    model = build_pixel_model()
    model.load_weights(files.weights(PIXEL_MODEL))
    return model


# --- a measure -----------------------------------------------------------------------------------


def sharpness(images: np.ndarray) -> float:
    """Return how much of the images' variation lies between neighbouring pixels.

    Mean squared difference of horizontal and vertical neighbours, over twice the variance of the
    pixels of an image: near 0 for smooth images, 1 for white noise. An image of one grey counts
    nothing.

    Args:
        images: uint8 (n, height, width, channels).
    """
    x = np.asarray(images, np.float64)
    steps = [np.square(np.diff(x, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2)]
    variance = x.var(axis=(1, 2, 3))
    varied = variance > 0
    return float((sum(steps)[varied] / (4 * variance[varied])).mean())
