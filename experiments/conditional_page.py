"""The small generator that draws digits on request in the reader's browser.

    python experiments/conditional_page.py        about 14 minutes on 2 cores

G has dense layers alone and 107,424 parameters, 215 kB as float16, so that it can travel in the
page. Its discriminator need not travel and is that of the recipe `cdcgan-mnist`, convolutions and
all. While G trains, its hidden layers have batch normalisation, which scales and shifts each unit
by fixed numbers once training is over; these are then multiplied into the weights.

The averaged G, rounded to float16, ships with the package, and the scores are those of the rounded
weights. The columns are those of experiments/conditional.py, `spread` and `pixels` the means over
the ten classes.

Writes experiments/results/conditional_page.csv and into gan_utils/weights/.

Makes: page_digits_g.npz
"""

import hashlib
import time

import keras
import numpy as np
import scoring
from keras import layers
from resumable import run

from gan_utils import classifiers, files, gan, losses, metrics, networks, runtime
from gan_utils.chapters import conditional

EPOCHS, BATCH = 8, 64
WEIGHTS = files.weights("page_digits_g.npz")


def normalised_generator(latent_dim, hidden, embedding, slope=0.2):
    """Return ``conditional.dense_generator`` with batch normalisation in its hidden layers."""
    z = keras.Input((latent_dim,), name="z")
    label = keras.Input((), dtype="int32", name="label")
    h = layers.Concatenate()([z, layers.Embedding(10, embedding)(label)])
    for units in hidden:
        h = layers.BatchNormalization(momentum=0.9)(layers.Dense(units, use_bias=False)(h))
        h = layers.LeakyReLU(negative_slope=slope)(h)
    x = layers.Reshape((28, 28, 1))(layers.Dense(28 * 28, activation="tanh", name="pixels")(h))
    return keras.Model([z, label], x, name="generator")


def folded(generator):
    """Return the same function as a plain ``conditional.dense_generator``, in inference mode."""
    kinds = (layers.Embedding, layers.Dense, layers.BatchNormalization)
    held = [layer for layer in generator.layers if isinstance(layer, kinds)]
    weights = []
    for layer, after in zip(held, [*held[1:], None], strict=True):
        if isinstance(layer, layers.BatchNormalization):
            continue
        if isinstance(after, layers.BatchNormalization):
            gamma, beta, mean, variance = after.get_weights()
            scale = gamma / np.sqrt(variance + after.epsilon)
            weights += [layer.get_weights()[0] * scale, beta - mean * scale]
        else:
            weights += layer.get_weights()
    plain = conditional.dense_generator(**conditional.PAGE_OPTIONS)
    plain.set_weights(weights)
    return plain


def build(steps):
    """Return the GAN, compiled for so many steps."""
    generator = normalised_generator(**conditional.PAGE_OPTIONS)
    discriminator = networks.projection_discriminator()
    loss = losses.non_saturating()
    model = gan.GAN(generator, discriminator, loss, latent="normal", r1=1.0, r1_every=4)
    g_rate, d_rate = (keras.optimizers.schedules.CosineDecay(2e-3, steps) for _ in range(2))
    model.compile(
        keras.optimizers.Adam(g_rate, 0.5, use_ema=True, ema_momentum=0.998),
        keras.optimizers.Adam(d_rate, 0.5),
    )
    return model


def one(seed):
    """Train; score what ships, and ship it."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded, real = scoring.mnist_and_features()
    keras.utils.set_random_seed(seed)  # again: the judge's layers draw seeds too
    images, labels = loaded.images, loaded.labels
    model, start = build(len(images) // BATCH * EPOCHS), time.perf_counter()
    model.fit(images, EPOCHS, BATCH, seed, verbose=0, labels=labels)
    seconds = time.perf_counter() - start
    with model.averaged():
        generator = folded(model.generator)
    files.write_atomically(WEIGHTS, lambda file: files.save_half(generator, file))
    samples = gan.generate(conditional.page_generator(), 10_000, latent="normal")
    probabilities, features = classifiers.scores(samples, "mnist")
    asked, test = np.arange(len(samples)) % 10, loaded.test_labels
    spread = metrics.class_spread(features, asked) / metrics.class_spread(real, test)
    pixels = metrics.class_spread(samples.reshape(len(samples), -1), asked)
    pixels /= metrics.class_spread(loaded.test_images.reshape(len(test), -1), test)
    return {
        "parameters": generator.count_params(),
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "frechet": metrics.frechet_distance(features, real),
        "confident": scoring.confident(probabilities),
        "agree": float((probabilities.argmax(axis=1) == asked).mean()),
        "spread": float(spread.mean()),
        "pixels": float(pixels.mean()),
        "g_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    run(__file__, [{"seed": 0}], one)
