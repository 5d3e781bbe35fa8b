"""Digits on request: the recipe `cdcgan-mnist` with three seeds, and another way to use the label.

    python experiments/conditional.py        a quarter of an hour to an hour on 2 cores

`projection` is the recipe: D adds e(y) · φ(x) to its logit (Miyato & Koyama 2018). `auxiliary` has
the same generator and features, but D does not look at the label: it names the class itself,
and both networks are rewarded for images that it names right (AC-GAN, Odena et al. 2017). That
way is said to narrow what a class contains, hence the spreads.

Scores are those of 10,000 samples, asked for the ten classes in turn, against the 10,000 test
images, in the frozen classifier's features. Columns:

- `seconds`: of training;
- `frechet_own_shares`: the distance of samples asked for with the class shares of the training set;
- `sliced`: `metrics.sliced_distance`;
- `agree`, `agree_0` to `agree_9`: share of the samples that the classifier reads as what was asked
  for, over all and of each class; of the test images, `agree_real`;
- `spread_0` to `spread_9`, `pixels_0` to `pixels_9`: `metrics.class_spread` of the samples over
  that of the test images of the class, in features and in pixels: 1 is as diverse as real;
- `nearer`: as in `metrics.nearer`, of 1,000 samples: 0.5 for new images, near 1 for copies;
- `frechet_shipped`, `g_sha256`: of the averaged generator of seed 0, rounded to float16, which
  ships with the package.

Writes experiments/results/conditional.csv and into gan_utils/weights/.

Makes: cdcgan_mnist_g.npz
"""

import functools
import hashlib
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from resumable import run

from gan_utils import classifiers, data, files, gan, losses, metrics, recipes, runtime

RECIPE = recipes.get("cdcgan-mnist")
WEIGHTS = files.weights("cdcgan_mnist_g.npz")
CLASSES = 10


def auxiliary_discriminator():
    """Return D of the recipe with a classifier in place of the projection."""
    build, options = RECIPE["discriminator"]
    told = build(**options)
    plain = keras.Model(told.inputs[0], told.get_layer("logit").output)
    label = keras.Input((), dtype="int32", name="label")
    features = told.get_layer("logit").input
    named = layers.Dense(CLASSES, dtype="float32", name="named")(features)
    # Times 0: the verdict does not depend on it, but Keras shall count its weights as D's.
    unused = layers.Dot(axes=1)([keras.ops.one_hot(label, CLASSES), named])
    logit = layers.Add()([plain.output, layers.Rescaling(0.0)(unused)])
    return keras.Model([plain.input, label], logit, name="discriminator")


class AuxiliaryClassifier(gan.GAN):
    """D judges an image without its label, and names its class; right names lower both losses."""

    def __init__(self, generator, discriminator, *args, **options):
        super().__init__(generator, discriminator, *args, **options)
        named = discriminator.get_layer("named").output
        self.judge = keras.Model(discriminator.inputs, [discriminator.output, named])

    def update_discriminator(self, x, z, labels):
        """Update D once; both real and generated images are to be named right."""
        fakes = self.generator([z, labels], training=True)
        with tf.GradientTape() as tape:
            real, real_named = self.judge([x, labels], training=True)
            fake, fake_named = self.judge([fakes, labels], training=True)
            loss_real, loss_fake = self.adversarial_loss.discriminator(real, fake)
            loss = loss_real + loss_fake + self._lazy_penalty(x, labels)
            loss += _misnamed(real_named, labels) + _misnamed(fake_named, labels)
        variables = self.discriminator.trainable_variables
        sizes = self.descend(self.d_optimizer, tape, loss, variables)
        return self.verdicts(real, fake, loss_real, loss_fake) | dict(
            zip(("d_grad_norm", "d_update_ratio"), sizes, strict=True)
        )

    def update_generator(self, z, labels):
        """Update G once; its images are to be named right."""
        with tf.GradientTape() as tape:
            fake, named = self.judge([self.generator([z, labels], training=True), labels])
            g_loss = self.adversarial_loss.generator(fake)
            loss = g_loss + _misnamed(named, labels)
        sizes = self.descend(self.g_optimizer, tape, loss, self.generator.trainable_variables)
        return {"g_loss": g_loss, "g_grad_norm": sizes[0], "g_update_ratio": sizes[1]}


def _misnamed(named, labels):
    """Mean cross-entropy of class logits (n, 10), in nats."""
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int32), named)
    return tf.reduce_mean(each)


@functools.cache
def mnist():
    """Return MNIST, and probabilities and features of its test images."""
    loaded = data.load("mnist")
    return loaded, classifiers.scores(loaded.test_images, "mnist")


def build(way, rows):
    """Return the recipe's GAN, or the other way on the same settings."""
    model = recipes.build(RECIPE, rows)
    if way == "auxiliary":
        other = AuxiliaryClassifier(
            model.generator,
            auxiliary_discriminator(),
            losses.make(**RECIPE["loss"]),
            tuple(RECIPE["schedule"]),
            RECIPE["latent"],
            r1=RECIPE["r1"],
            r1_every=RECIPE["r1_every"],
        )
        # Optimisers of the same settings, not the same: each is built for its network.
        configs = [o.get_config() for o in (model.g_optimizer, model.d_optimizer)]
        other.compile(*(keras.optimizers.Adam.from_config(config) for config in configs))
        return other
    return model


def describe(model):
    """Score 10,000 samples of all classes in turn."""
    loaded, (real_probabilities, real) = mnist()
    samples = model.sample(10_000)
    probabilities, features = classifiers.scores(samples, "mnist")
    asked, read = np.arange(len(samples)) % CLASSES, probabilities.argmax(axis=1)
    labels = loaded.test_labels
    own = classifiers.scores(model.sample(10_000, labels=loaded.labels[:10_000]), "mnist")[1]
    few = slice(0, 1000)
    scores = metrics.all_scores((probabilities, features), (real_probabilities, real))
    spread = metrics.class_spread(features, asked) / metrics.class_spread(real, labels)
    pixels = metrics.class_spread(samples.reshape(len(samples), -1), asked)
    pixels /= metrics.class_spread(loaded.test_images.reshape(len(labels), -1), labels)
    agree = {f"agree_{k}": float((read == asked)[asked == k].mean()) for k in range(CLASSES)}
    return {
        "frechet": scores["frechet"],
        "frechet_own_shares": metrics.frechet_distance(own, real),
        "sliced": metrics.sliced_distance(features, real),
        **{name: scores[name] for name in ("confident", "precision", "recall", "coverage")},
        "nearer": metrics.nearer(samples[few], loaded.images, loaded.test_images[few]),
        "agree_real": float((real_probabilities.argmax(axis=1) == labels).mean()),
        "agree": float((read == asked).mean()),
        **agree,
        **{f"spread_{k}": float(value) for k, value in enumerate(spread)},
        **{f"pixels_{k}": float(value) for k, value in enumerate(pixels)},
    }


def one(way, seed):
    """Train one way with one seed; return its scores, and ship the first."""
    keras.backend.clear_session()
    runtime.setup(seed)
    loaded, (_, real) = mnist()
    keras.utils.set_random_seed(seed)  # again: the judge's layers draw seeds too
    model, start = build(way, len(loaded.images)), time.perf_counter()
    model.fit(
        loaded.images,
        RECIPE["epochs"],
        RECIPE["batch_size"],
        seed,
        verbose=0,
        labels=loaded.labels,
    )
    seconds = time.perf_counter() - start
    row = {"steps": int(model.step), "seconds": round(seconds, 1)} | describe(model)
    shipped = {"frechet_shipped": "", "g_sha256": ""}
    if (way, seed) == ("projection", 0):
        with model.averaged():
            files.write_atomically(WEIGHTS, lambda file: files.save_half(model.generator, file))
        (generator,) = recipes.pretrained("cdcgan-mnist")
        samples = gan.generate(generator, 10_000, latent=RECIPE["latent"])
        features = classifiers.scores(samples, "mnist")[1]
        shipped["frechet_shipped"] = metrics.frechet_distance(features, real)
        shipped["g_sha256"] = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    return row | shipped


if __name__ == "__main__":
    ways = "projection", "auxiliary"
    run(__file__, [{"way": way, "seed": seed} for way in ways for seed in range(3)], one)
