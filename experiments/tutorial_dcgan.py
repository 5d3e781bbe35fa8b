"""The DCGAN of TensorFlow's own tutorial on MNIST: how good is it after how many steps?

    python experiments/tutorial_dcgan.py        about an hour on 2 cores, resumable at every epoch

The yardstick for the recipe `dcgan-mnist`. The layers and settings are those of
https://www.tensorflow.org/tutorials/generative/dcgan (2021), written anew: one fake batch serves
both updates, the last batch of an epoch has 96 images, both optimisers are Adam(1e-4). Scores are
Fréchet distances between 10,000 samples and the 10,000 test images, in the frozen classifier's
features. The column `seconds` is the training time since the start, without the scoring.

Writes experiments/results/tutorial_dcgan.csv; its weights stay in runs/tutorial_dcgan/.
"""

import functools
import time

import keras
import numpy as np
import scoring
import tensorflow as tf
from keras import layers
from resumable import ROOT, run

from gan_utils import data, runtime

EPOCHS, BATCH, LATENT = 50, 256, 100
STEPS = 235  # an epoch: 234 batches of 256 and one of 96
SCORED = [1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, 46, 47, 48, 49, 50]
STATE = ROOT / "runs" / "tutorial_dcgan" / "state.npz"


def build_generator():
    """Return z (n, 100) -> images (n, 28, 28, 1): 2,330,944 parameters."""
    x = z = keras.Input((LATENT,))
    x = layers.Dense(7 * 7 * 256, use_bias=False)(x)
    x = layers.LeakyReLU(0.3)(layers.BatchNormalization()(x))
    x = layers.Reshape((7, 7, 256))(x)
    for filters, strides in ((128, 1), (64, 2)):
        x = layers.Conv2DTranspose(filters, 5, strides, padding="same", use_bias=False)(x)
        x = layers.LeakyReLU(0.3)(layers.BatchNormalization()(x))
    kwargs = {"padding": "same", "use_bias": False, "activation": "tanh"}
    return keras.Model(z, layers.Conv2DTranspose(1, 5, 2, **kwargs)(x))


def build_discriminator():
    """Return images -> logits (n, 1): 212,865 parameters."""
    x = image = keras.Input((28, 28, 1))
    for filters in (64, 128):
        x = layers.Conv2D(filters, 5, 2, padding="same")(x)
        x = layers.Dropout(0.3)(layers.LeakyReLU(0.3)(x))
    return keras.Model(image, layers.Dense(1)(layers.Flatten()(x)))


@functools.cache
def trainer():
    """Return the two networks, all variables of the run, and the training step."""
    runtime.setup(0)
    generator, discriminator = build_generator(), build_discriminator()
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizers = [keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)]
    networks = [generator, discriminator]
    for optimizer, network in zip(optimizers, networks, strict=True):
        optimizer.build(network.trainable_variables)
    mnist = data.load("mnist")
    images = tf.constant(mnist.images)

    @tf.function
    def step(rows, z):
        with tf.GradientTape(persistent=True) as tape:
            fakes = generator(z, training=True)
            real = discriminator(data.to_unit_range(tf.gather(images, rows)), training=True)
            fake = discriminator(fakes, training=True)
            g_loss = cross_entropy(tf.ones_like(fake), fake)
            d_loss = cross_entropy(tf.ones_like(real), real)
            d_loss += cross_entropy(tf.zeros_like(fake), fake)
        gradients = [
            tape.gradient(loss, network.trainable_variables)
            for loss, network in zip((g_loss, d_loss), networks, strict=True)
        ]
        for optimizer, gradient, network in zip(optimizers, gradients, networks, strict=True):
            optimizer.apply(gradient, network.trainable_variables)

    variables = [v for owner in (*networks, *optimizers) for v in owner.variables]
    return generator, variables, step, len(images)


def train_to(epoch):
    """Go on from the saved state to the end of `epoch`; return the seconds since the start."""
    _, variables, step, size = trainer()
    done, seconds = 0, 0.0
    if STATE.exists():
        with np.load(STATE, allow_pickle=False) as state:
            done, seconds = int(state["epoch"]), float(state["seconds"])
            for number, variable in enumerate(variables):
                variable.assign(state[str(number)])
    if done > epoch:
        raise SystemExit(f"{STATE} is of epoch {done}, past {epoch}. Delete it to start anew.")
    while done < epoch:
        start = time.perf_counter()
        order = np.random.default_rng((0, done)).permutation(size)
        for number, first in enumerate(range(0, size, BATCH)):
            z = tf.random.stateless_normal((BATCH, LATENT), (0, done * STEPS + number))
            step(tf.constant(order[first : first + BATCH]), z)
        done, seconds = done + 1, seconds + time.perf_counter() - start
        STATE.parent.mkdir(parents=True, exist_ok=True)
        part = STATE.with_name("part.npz")
        values = {str(number): v.numpy() for number, v in enumerate(variables)}
        np.savez(part, epoch=done, seconds=seconds, **values)
        part.replace(STATE)
        print(f"epoch {done}/{EPOCHS}, {seconds:.0f} s", flush=True)
    return seconds


def one(epoch):
    """Train until the end of `epoch`, then score 10,000 samples."""
    seconds = train_to(epoch)
    z = tf.random.stateless_normal((10_000, LATENT), (1, 0)).numpy()
    samples = data.to_pixels(trainer()[0].predict(z, batch_size=500, verbose=0))
    found, _ = scoring.scores(samples)
    return {"step": epoch * STEPS, "seconds": round(seconds, 1), **found}


if __name__ == "__main__":
    run(__file__, [{"epoch": epoch} for epoch in SCORED], one)
