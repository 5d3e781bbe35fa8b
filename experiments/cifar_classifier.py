"""Train the classifier that scores the book's colour GANs, once, before any of them is scored.

It sees CIFAR-10's training images 5,000 to 49,999 only, shifted by up to four pixels and mirrored.
The first 5,000 fit the temperature that calibrates it (Guo et al. 2017); the test images are used
for the reported numbers alone.

    python experiments/cifar_classifier.py        about 10 minutes on 2 cores, or half a minute

Writes gan_utils/weights/cifar_classifier.weights.h5, if it is not there, and measures it into
experiments/results/cifar_classifier.csv. It never trains over existing weights: every score of a
colour image in the book depends on them. To train anew, delete the file first.
"""

import hashlib
import time

import keras
import numpy as np
import scipy.optimize
import scipy.special
from resumable import ROOT, run

from gan_utils import classifiers, data, metrics, runtime

EPOCHS = 12
BATCH, WARM_UP = 128, 300  # images, steps
WEIGHTS = ROOT / "gan_utils" / "weights" / classifiers.CIFAR10.weights


class Shifted(keras.utils.PyDataset):
    """Batches in a new order each epoch, every image moved and perhaps mirrored."""

    def __init__(self, images, labels, reach=4):
        super().__init__()
        edges = ((0, 0), (reach, reach), (reach, reach), (0, 0))
        self.padded, self.labels, self.reach = np.pad(images, edges, "reflect"), labels, reach
        self.epoch, self.side = 0, np.arange(images.shape[1])

    def __len__(self):
        return len(self.labels) // BATCH

    def __getitem__(self, batch):
        order = np.random.default_rng([0, self.epoch]).permutation(len(self.labels))
        rows = order[batch * BATCH : (batch + 1) * BATCH]
        rng = np.random.default_rng([1, self.epoch, batch])
        down, right = rng.integers(0, 2 * self.reach + 1, (2, BATCH, 1))
        across = np.where(rng.random((BATCH, 1)) < 0.5, self.side, self.side[::-1])
        picked = self.padded[
            rows[:, None, None], (down + self.side)[:, :, None], (right + across)[:, None]
        ]
        return data.to_unit_range(picked), self.labels[rows]

    def on_epoch_end(self):
        self.epoch += 1


def negative_log_likelihood(logits, labels):
    return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()


def train(images, labels):
    """Train on moved and mirrored copies; return the classifier."""
    classifier = classifiers.build_cifar_classifier()
    model = keras.Model(classifier.inputs, classifier.output["logits"])
    steps = EPOCHS * (len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - WARM_UP, warmup_target=4e-3, warmup_steps=WARM_UP
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(Shifted(images, labels), epochs=EPOCHS, verbose=2)
    return classifier


def logits_of(classifier, images):
    return classifier.predict(data.to_unit_range(images), batch_size=500, verbose=0)["logits"]


def calibrate(classifier, images, labels):
    """Divide the logits by the temperature that fits best, and return it."""
    logits = logits_of(classifier, images)
    fit = scipy.optimize.minimize_scalar(
        lambda t: negative_log_likelihood(logits / t, labels), bounds=(0.1, 10), method="bounded"
    )
    last = classifier.get_layer("logits")
    last.set_weights([weights / fit.x for weights in last.get_weights()])
    return fit.x


def make_weights():
    """Train on all but the first 5,000 training images, calibrate on those, save."""
    cifar10, start = data.load("cifar10"), time.perf_counter()
    classifier = train(cifar10.images[5000:], cifar10.labels[5000:])
    temperature = calibrate(classifier, cifar10.images[:5000], cifar10.labels[:5000])
    print(f"temperature {temperature:.3f}, {time.perf_counter() - start:.0f} s")
    classifier.save_weights(WEIGHTS)


def one(images):
    """Measure the shipped weights on CIFAR-10's test images."""
    cifar10 = data.load("cifar10")
    labels, classifier = cifar10.test_labels, classifiers.classifier("cifar10")
    logits = logits_of(classifier, cifar10.test_images)
    probabilities = scipy.special.softmax(logits, axis=1)
    right, sure = logits.argmax(axis=1) == labels, probabilities.max(axis=1)
    return {
        "data": cifar10.note,
        "test_accuracy": float(right.mean()),
        "worst_class_accuracy": float(min(right[labels == k].mean() for k in range(10))),
        "test_nll": float(negative_log_likelihood(logits, labels)),
        "test_calibration_error": metrics.expected_calibration_error(np.minimum(sure, 1), right),
        "test_share_over_0.9": float((sure > 0.9).mean()),
        "parameters": classifier.count_params(),
        "weights_bytes": WEIGHTS.stat().st_size,
        "weights_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    runtime.setup(seed=0)
    if not WEIGHTS.exists():
        make_weights()
    run(__file__, [{"images": "CIFAR-10 test"}], one)
