"""Train the digit classifier that scores the book's GANs, once, before any GAN is scored.

It sees MNIST's training images 5,000 to 59,999 only. The first 5,000 fit the temperature that
calibrates it (Guo et al. 2017); the test images are used for the reported numbers alone.

    python experiments/digit_classifier.py        about 6 minutes on 2 cores, or 10 seconds

Writes gan_utils/weights/digit_classifier.weights.h5, if it is not there, and measures it into
experiments/results/digit_classifier.csv. It never trains over existing weights: every score in
the book depends on them. To train anew, delete the file first.
"""

import keras
import numpy as np
import scipy.optimize
import scipy.special
import scoring
from resumable import ROOT, run

from gan_utils import classifiers, data, runtime

EPOCHS = 15
WEIGHTS = ROOT / "gan_utils" / "weights" / classifiers.DIGITS.weights


def negative_log_likelihood(logits, labels):
    return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()


def calibration_error(probabilities, labels, bins=15):
    """Expected calibration error with equal-width bins (Guo et al. 2017, eq. 3)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[bin_of == b].mean() - confidence[bin_of == b].mean()) * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(sum(gaps))


def train(images, labels):
    """Train on shifted, turned and zoomed copies; return the classifier."""
    classifier = classifiers.build_digit_classifier()
    x = keras.Input((28, 28, 1))
    augment = keras.Sequential(
        [
            keras.layers.RandomTranslation(0.08, 0.08, fill_mode="constant", fill_value=-1.0),
            keras.layers.RandomRotation(0.03, fill_mode="constant", fill_value=-1.0),
        ]
    )
    model = keras.Model(x, classifier(augment(x))["logits"])
    steps = EPOCHS * (len(images) // 128)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(data.to_unit_range(images), labels, batch_size=128, epochs=EPOCHS, verbose=2)
    return classifier


def calibrate(classifier, images, labels):
    """Divide the logits by the temperature that fits best, and return it."""
    logits = classifier.predict(data.to_unit_range(images), verbose=0)["logits"]
    fit = scipy.optimize.minimize_scalar(
        lambda t: negative_log_likelihood(logits / t, labels), bounds=(0.1, 10), method="bounded"
    )
    last = classifier.get_layer("logits")
    last.set_weights([weights / fit.x for weights in last.get_weights()])
    return fit.x


def make_weights():
    """Train on all but the first 5,000 training images, calibrate on those, save."""
    mnist = data.load("mnist")
    classifier = train(mnist.images[5000:], mnist.labels[5000:])
    print(f"temperature {calibrate(classifier, mnist.images[:5000], mnist.labels[:5000]):.3f}")
    classifier.save_weights(WEIGHTS)


def one(images):
    """Measure the shipped weights on MNIST's test images."""
    mnist = data.load("mnist")
    classifier = classifiers.classifier("mnist")
    logits = classifier.predict(data.to_unit_range(mnist.test_images), verbose=0)["logits"]
    probabilities = scipy.special.softmax(logits, axis=1)
    return {
        "test_accuracy": float((logits.argmax(axis=1) == mnist.test_labels).mean()),
        "test_nll": float(negative_log_likelihood(logits, mnist.test_labels)),
        "test_calibration_error": calibration_error(probabilities, mnist.test_labels),
        "test_share_over_0.9": scoring.confident(probabilities),
        "parameters": classifier.count_params(),
        "weights_bytes": WEIGHTS.stat().st_size,
    }


if __name__ == "__main__":
    runtime.setup(seed=0)
    if not WEIGHTS.exists():
        make_weights()
    run(__file__, [{"images": "MNIST test"}], one)
