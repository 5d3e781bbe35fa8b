"""The other experiments of the sources, trained as their texts say and as their programs do.

    python experiments/source_runs.py        about 40 minutes on 2 cores

`the text` is the recipe of that name in `gan_utils.recipes`. `the program` is what the source's
code does where that is something else:

- The PaddlePaddle programs (`v1_api_demo/gan`) train no network more than five times in a row, do
  so with the statistics of the batch, update D twice in a turn, on fakes and then on reals, and use
  the learning rate 0.0002 for images. On the square, the text's rule has five seeds in
  experiments/results/mixtures.csv already.
- The MLP program gives both updates of a step the same noise, and Adam has TensorFlow 1's epsilon.

The PaddlePaddle text states no number of passes, and its program makes 100 of 1,000 batches (10,000
on the square): too many here, so EPOCHS has ours. Columns:

- `d_real_0` to `g_200`: the losses of single batches, before updates 0, 100 and 200; these are what
  the PaddlePaddle program prints.
- `d_low` to `g_last`: the losses of the last batch of an epoch after its updates, smallest, largest
  and last over the last 30 epochs, as the MLP program prints them: D's is a sum.
- `frechet` and `confident`: of 10,000 samples, in the frozen classifier of the data set;
  `frechet_batch` is the distance when batch normalisation uses the statistics of 100 samples, as
  these programs do. `outside` and `js`: see `uniformity` in experiments/mixtures.py.
- `seconds`: of training.

Writes experiments/results/source_runs.csv.
"""

import time

import keras
import numpy as np
import scoring
import tensorflow as tf
from mixtures import Program, uniformity
from resumable import run

from gan_utils import classifiers, data, gan, losses, metrics, recipes, runtime
from gan_utils.sources import programs

EPOCHS = {"mlp-mnist": 100, "paddle-uniform": 4, "paddle-mnist": 3, "paddle-cifar10": 2}
PRINTED = [f"{loss}_{step}" for step in (0, 100, 200) for loss in ("d_real", "d_fake", "g")]
LAST = ["d_low", "d_high", "d_last", "g_low", "g_high", "g_last"]
SCORES = ["frechet", "frechet_batch", "confident", "smallest_share", "outside", "js"]


class PaddleProgram(Program):
    """``gan_trainer.py``: as ``mixtures.Program``, and D's turn has two updates."""

    def __init__(self, *args):
        super().__init__(*args)
        self.printed = self.add_weight(
            shape=(3, 3), trainable=False, initializer="zeros", name="printed"
        )

    def look(self, x, z):
        logs = super().look(x, z)
        now = tf.equal(self.step, tf.constant([0, 100, 200], tf.int64))[:, None]
        values = tf.stack([logs["d_loss_real"], logs["d_loss_fake"], logs["g_loss"]])
        self.printed.assign(tf.where(now, values, self.printed))
        return logs

    def update_discriminator(self, x, z):
        fakes = self.generator(z, training=True)
        variables = self.discriminator.trainable_variables
        for images, target in ((fakes, 0.0), (x, 1.0)):
            with tf.GradientTape() as tape:
                loss = losses.cross_entropy(self.discriminator(images, training=True), target)
            sizes = self.descend(self.d_optimizer, tape, loss, variables)
        return {"d_grad_norm": sizes[0], "d_update_ratio": sizes[1]}


class OneNoise(gan.GAN):
    """The MLP chapter's step: D and G are updated with the same z."""

    def train_step(self, batch):
        rows, z, _ = batch
        return super().train_step((rows, z, z))


class LastBatch(keras.callbacks.Callback):
    """Keep the losses of each epoch's last batch, after its updates."""

    def __init__(self, batch_size, seed):
        super().__init__()
        self.batch_size, self.seed, self.values = batch_size, seed, []

    def on_epoch_end(self, epoch, logs=None):
        model, step = self.model, int(self.model.step) - 1
        rows = data.batch_index(
            tf.constant(step, tf.int64), len(model.x), self.batch_size, self.seed
        )
        z = data.draw_latent(step, (self.batch_size, model.generator.input_shape[1]), self.seed)
        real = model.discriminator(data.to_unit_range(tf.gather(model.x, rows)))
        fake = model.discriminator(model.generator(z))
        d_loss = sum(model.adversarial_loss.discriminator(real, fake))
        self.values.append((float(d_loss), float(model.adversarial_loss.generator(fake))))


def recipe_of(name):
    return recipes.get(name) if name == "mlp-mnist" else programs.get(name)


def build(name, variant, rows):
    """Return a recipe's GAN, or that of the source's program."""
    recipe = recipe_of(name)
    model = recipes.build(recipe, rows)
    if variant == "the text":
        return model
    parts = model.generator, model.discriminator, model.adversarial_loss
    if name == "mlp-mnist":
        rates = {"learning_rate": 1e-3, "epsilon": 1e-8}
        model = OneNoise(*parts, recipe["schedule"], recipe["latent"])
    else:
        rates = {"learning_rate": 1e-4 if name == "paddle-uniform" else 2e-4, "beta_1": 0.5}
        model = PaddleProgram(*parts, recipe["schedule"], recipe["latent"])
    model.compile(keras.optimizers.Adam(**rates), keras.optimizers.Adam(**rates))
    return model


def sample_by_batches(model, seed):
    """Generate 10,000 examples by hundreds, each normalised with its own statistics."""
    size = 100, model.generator.input_shape[1]
    z = (data.draw_latent(number, size, seed, 3, model.latent) for number in range(100))
    return np.concatenate([np.asarray(model.generator(part, training=True)) for part in z])


def score(name, model, seed):
    """Return the scores that mean something for the data of a recipe."""
    if name == "paddle-uniform":
        return uniformity(sample_by_batches(model, seed))
    judge = recipe_of(name)["data"]
    _, real = classifiers.scores(data.load(judge).test_images, judge)
    probabilities, features = classifiers.scores(model.sample(10_000), judge)
    scores = {
        "frechet": metrics.frechet_distance(features, real),
        "confident": scoring.confident(probabilities),
        "smallest_share": float(metrics.class_shares(probabilities).min()),
    }
    if name != "mlp-mnist":
        _, features = classifiers.scores(data.to_pixels(sample_by_batches(model, seed)), judge)
        scores["frechet_batch"] = metrics.frechet_distance(features, real)
    return scores


def one(recipe, variant, seed):
    """Train one experiment, and measure its generator."""
    keras.backend.clear_session()
    runtime.setup(seed)
    settings = recipe_of(recipe)
    x = recipes.load_data(settings)
    model = build(recipe, variant, len(x))
    last = LastBatch(settings["batch_size"], seed)
    watch = [last] if recipe == "mlp-mnist" else []
    start = time.perf_counter()
    history = model.fit(
        x, EPOCHS[recipe], settings["batch_size"], seed, callbacks=watch, verbose=0
    ).history
    row = {
        "epochs": EPOCHS[recipe],
        "steps": int(model.step),
        "seconds": round(time.perf_counter() - start, 1),
        "d_updates": int(model.d_optimizer.iterations),
        "g_updates": int(model.g_optimizer.iterations),
        "d_loss_mean": history["d_loss"][-1],
        "g_loss_mean": history["g_loss"][-1],
    }
    row |= dict.fromkeys([*PRINTED, *LAST, *SCORES], "")
    if isinstance(model, PaddleProgram):
        row |= dict(zip(PRINTED, model.printed.numpy().ravel().tolist(), strict=True))
    if last.values:
        for loss, values in zip("dg", zip(*last.values[-30:], strict=True), strict=True):
            made = min(values), max(values), values[-1]
            row |= dict(
                zip((f"{loss}_{end}" for end in ("low", "high", "last")), made, strict=True)
            )
    return row | score(recipe, model, seed)


if __name__ == "__main__":
    jobs = [("mlp-mnist", "the program", seed) for seed in range(3)]
    jobs += [("paddle-uniform", "the program", seed) for seed in range(5)]
    jobs += [
        (name, variant, 0)
        for name in ("paddle-mnist", "paddle-cifar10")
        for variant in ("the text", "the program")
    ]
    run(__file__, [dict(zip(("recipe", "variant", "seed"), j, strict=True)) for j in jobs], one)
