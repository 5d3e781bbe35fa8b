"""A small model of each family of generative models on MNIST: what do its samples cost?

    python experiments/model_families.py        about 6 minutes on 2 cores

Trains a Boltzmann machine, a variational autoencoder and a pixel model, and measures them beside
the GANs that ship with the package and beside real images, 1,000 images of each: Fréchet distance
to the 10,000 test images, sharpness, and the time to draw them in one batch, after a first batch.

Writes experiments/results/model_families.csv, and the weights of what it trained.
Makes: boltzmann.npz, vae_encoder.weights.h5, vae_decoder.weights.h5, pixel_model.weights.h5
"""

import functools
import hashlib
import time

import keras
import numpy as np
import scoring
import tensorflow as tf
from resumable import ROOT, run
from sklearn.neural_network import BernoulliRBM

from gan_utils import data, gan, recipes, runtime
from gan_utils.chapters import families

N = 1000
WEIGHTS = ROOT / "gan_utils" / "weights"
EPOCHS = {"boltzmann": 15, "vae": 30, "pixels": 4}


# --- training ------------------------------------------------------------------------------------


def batches(images, size, epochs, name):
    """Yield (share of the training that is done, batch of images), with a progress bar."""
    rng, per_epoch = np.random.default_rng(0), len(images) // size
    for step in runtime.progress(range(epochs * per_epoch), name):
        if step % per_epoch == 0:
            order = rng.permutation(len(images))
        first = step % per_epoch * size
        yield step / (epochs * per_epoch), images[order[first : first + size]]


def train_boltzmann(images):
    """Train by persistent contrastive divergence (Tieleman 2008), with a rate that falls to 0.

    scikit-learn keeps ``batch_size`` chains, 10 unless told. Its update adds up without dividing,
    so that chains and images must be equally many, or the weights run away. The visible biases
    start where they explain the mean image (Hinton 2012, section 8): from 0, with a low rate, the
    chains stay in one image for epochs.
    """
    machine = BernoulliRBM(n_components=256, batch_size=100, random_state=0)
    mean = np.clip(images.mean(axis=0).reshape(-1) / 255, 0.001, 0.999)
    for share, batch in batches(images, 100, EPOCHS["boltzmann"], "Boltzmann machine"):
        machine.learning_rate = 0.05 * (1 - share)
        machine.partial_fit(batch.reshape(len(batch), -1) / 255)
        if share == 0:  # the first call has made the biases
            machine.intercept_visible_ = np.log(mean / (1 - mean))
    arrays = {
        "weights": machine.components_,
        "hidden_bias": machine.intercept_hidden_,
        "visible_bias": machine.intercept_visible_,
    }
    np.savez(WEIGHTS / families.BOLTZMANN, **{k: v.astype(np.float16) for k, v in arrays.items()})
    return [families.BOLTZMANN]


def descend(models, loss, images, batch_size, epochs, rate, name, **options):
    """Minimise ``loss(batch)`` over all weights of the models, with Adam and a falling rate."""
    variables = [v for model in models for v in model.trainable_variables]
    steps = epochs * (len(images) // batch_size)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(variables)

    @tf.function(**options)
    def step(batch, number):
        with tf.GradientTape() as tape:
            value = loss(batch, number)
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    for number, (_, batch) in enumerate(batches(images, batch_size, epochs, name)):
        value = step(tf.constant(batch), tf.constant(number))
    print(f"{name}: {float(value):.1f} nats in the last batch", flush=True)


def train_vae(images):
    encoder, decoder = families.build_vae()

    def loss(batch, number):
        noise = tf.random.stateless_normal((len(batch), 16), (0, number))
        return families.vae_loss(encoder, decoder, data.to_unit_range(batch), noise)

    descend([encoder, decoder], loss, images, 128, EPOCHS["vae"], 2e-3, "VAE")
    for model, name in zip((encoder, decoder), families.VAE, strict=True):
        model.save_weights(WEIGHTS / name)
    return families.VAE


def train_pixels(images):
    model = families.build_pixel_model()
    levels = families.to_levels(images)

    def loss(batch, number):
        logits = model(data.to_unit_range(batch * (255 // (families.LEVELS - 1))), training=True)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.squeeze(batch, -1), logits)
        return tf.reduce_mean(tf.reduce_sum(entropy, [1, 2]))

    def with_integers(batch, number):
        return loss(tf.cast(batch, tf.int32), number)

    descend([model], with_integers, levels, 100, EPOCHS["pixels"], 4e-3, "pixel model")
    model.save_weights(WEIGHTS / families.PIXEL_MODEL)
    return [families.PIXEL_MODEL]


# --- drawing 1,000 images: passes through a network for one image, and a function that draws ------


def boltzmann_chain(steps):
    machine = families.boltzmann()
    start = np.random.default_rng(1).integers(0, 2, (N, 28 * 28))

    def draw():
        shades = families.gibbs(machine, start, steps)[1]
        return data.to_pixels(2 * shades.reshape(N, 28, 28, 1) - 1)

    return 2 * steps, draw


def vae_samples():
    _, decoder = families.vae()
    return 1, lambda: families.decode(decoder, data.draw_latent(0, (N, 16), 0, kind="normal"))


def pixel_samples():
    model = families.pixel_model()
    return 28 * 28, lambda: families.sample_pixels(model, N)


def gan_samples(recipe):
    generator, _ = recipes.pretrained(recipe)
    return 1, lambda: gan.generate(generator, N, latent=recipes.get(recipe)["latent"])


def real_images(change=lambda images: images):
    return "", lambda: change(scoring.mnist_and_features()[0].images[:N])


def four_levels(images):
    return families.from_levels(families.to_levels(images))


DRAWN = {
    "real images": (None, real_images),
    "real images, 4 greys": (None, functools.partial(real_images, four_levels)),
    "Boltzmann machine": (train_boltzmann, functools.partial(boltzmann_chain, 1000)),
    "Boltzmann machine, 100 steps": (None, functools.partial(boltzmann_chain, 100)),
    "Boltzmann machine, 10 steps": (None, functools.partial(boltzmann_chain, 10)),
    "Boltzmann machine, 1 step": (None, functools.partial(boltzmann_chain, 1)),
    "VAE": (train_vae, vae_samples),
    "GAN, dense": ("mlp-mnist", functools.partial(gan_samples, "mlp-mnist")),
    "GAN, convolutions": ("dcgan-mnist-first", functools.partial(gan_samples, "dcgan-mnist-first")),
    "pixel model": (train_pixels, pixel_samples),
}


def one(family):
    """Train a family, unless that has been done, and measure 1,000 images of it."""
    runtime.setup(0)
    (mnist, _), (train, drawn) = scoring.mnist_and_features(), DRAWN[family]
    made, seconds = [], ""
    if callable(train):
        start = time.perf_counter()
        made = train(mnist.images)
        seconds = round(time.perf_counter() - start, 1)
    elif train:
        rows = data.load_results("pretrained.csv")
        train = train.removesuffix("-first")  # as the rows there call it
        seconds = next(row["seconds"] for row in rows if row["recipe"] == train)
    passes, draw = drawn()
    if passes and passes < 100:  # a first batch compiles; in many passes that does not matter
        draw()
    start = time.perf_counter()
    images = draw()
    elapsed = time.perf_counter() - start
    hashes = [hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() for name in made]
    return {
        "passes": passes,
        "train_seconds": seconds,
        "ms_per_image": round(1000 * elapsed / N, 4) if passes else "",
        "sharpness": families.sharpness(images),
        **scoring.scores(images)[0],
        "sha256": " ".join(hashes),
    }


if __name__ == "__main__":
    run(__file__, [{"family": family} for family in DRAWN], one)
