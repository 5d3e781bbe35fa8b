"""Scores for generated images: arrays in, numbers out.

Networks compute in float32 and statistics in float64, whatever dtype policy is in force.
The digit classifier was trained by ``experiments/digit_classifier.py`` on MNIST's training images
and frozen before any GAN of this book was scored with it.
"""

import functools
from importlib import resources

import keras
import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats
from keras import layers
from scipy.spatial.distance import cdist

from gan_utils import data

CLASSIFIER_WEIGHTS = "digit_classifier.weights.h5"
FEATURES = 64


def build_digit_classifier() -> keras.Model:
    """Return the untrained classifier.

    Returns:
        Model (n, 28, 28, 1) floats in [-1, 1] -> ``logits`` (n, 10) and ``features`` (n, 64), the
        activations before them. In the shipped weights the logits are already divided by the
        temperature that calibrates them (Guo et al. 2017).
    """
    x = keras.Input((28, 28, 1), name="x")
    h = x
    for block, filters in enumerate((24, 48, 96)):
        for conv in range(2 if block < 2 else 1):
            h = layers.Conv2D(
                filters, 3, padding="same", use_bias=False, dtype="float32", name=f"c{block}{conv}"
            )(h)
            h = layers.BatchNormalization(dtype="float32", name=f"b{block}{conv}")(h)
            h = layers.ReLU(dtype="float32")(h)
        if block < 2:
            h = layers.MaxPooling2D(dtype="float32")(h)
    h = layers.Flatten(dtype="float32")(layers.AveragePooling2D(2, dtype="float32")(h))
    h = layers.Dropout(0.3, dtype="float32")(h)
    features = layers.Dense(FEATURES, "relu", dtype="float32", name="features")(h)
    logits = layers.Dense(10, dtype="float32", name="logits")(features)
    return keras.Model(x, {"logits": logits, "features": features}, name="digit_classifier")


@functools.cache
def digit_classifier() -> keras.Model:
    """Return the trained, frozen classifier with the weights that ship with the package."""
    model = build_digit_classifier()
    with resources.as_file(resources.files("gan_utils") / "weights" / CLASSIFIER_WEIGHTS) as path:
        model.load_weights(path)
    model.trainable = False
    return model


def digit_scores(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run the digit classifier.

    Args:
        images: uint8 (n, 28, 28, 1).

    Returns:
        class probabilities (n, 10) and features (n, 64), both float64.

    Raises:
        ValueError: another shape or dtype.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28, 1):
        raise ValueError(
            f"digit_scores takes uint8 images of shape (n, 28, 28, 1), got {images.dtype} "
            f"{images.shape}. gan_utils.data.to_pixels turns [-1, 1] into uint8."
        )
    outputs = digit_classifier().predict(data.to_unit_range(images), batch_size=500, verbose=0)
    logits = outputs["logits"].astype(np.float64)
    return scipy.special.softmax(logits, axis=1), outputs["features"].astype(np.float64)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features.

    ``|μa − μb|² + tr(Σa + Σb − 2 (Σa Σb)^½)`` (Dowson & Landau 1982, eq. 4). With Inception
    features this is the FID of Heusel et al. 2017; with ours it compares with nothing outside
    this book.
    The estimate is biased upwards, more for fewer rows: compare at equal n only.

    Args:
        a, b: features (n, d) and (m, d), n and m at least 2.

    Returns:
        Distance in squared units of the features, at least 0 up to rounding.

    Raises:
        ValueError: shapes that do not fit, too few rows, or values that are not finite.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"frechet_distance takes two sets of features (n, d) and (m, d) with at least two "
            f"rows each, got {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("The features hold values that are not finite (NaN or infinity).")
    shift = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    # The eigenvalues of a product of two covariances are real and not negative; rounding may
    # leave a tiny imaginary or negative part. tr of its square root is the sum of their roots.
    roots = np.sqrt(np.clip(scipy.linalg.eigvals(cov_a @ cov_b).real, 0, None))
    return float(shift + np.trace(cov_a) + np.trace(cov_b) - 2 * roots.sum())


def class_shares(probabilities: np.ndarray) -> np.ndarray:
    """Return the share of rows whose largest probability is in each class: (n, k) -> (k,)."""
    winners = np.argmax(probabilities, axis=1)
    return np.bincount(winners, minlength=probabilities.shape[1]) / len(probabilities)


def expected_calibration_error(probability: np.ndarray, outcome: np.ndarray, bins: int = 15):
    """Say how far a classifier's probabilities are from the frequencies that they promise.

    The mean over equal bins of [0, 1], weighted by what falls into them, of the absolute difference
    between share of outcomes and mean probability (Guo et al. 2017, eq. 3, for one of two classes).

    Args:
        probability: (n,) of the outcome, in [0, 1]; a discriminator's D(x), for instance.
        outcome: (n,) booleans: what happened; whether x was real.

    Returns:
        Error between 0 and 1. Over few examples it is above 0 by chance.

    Raises:
        ValueError: other shapes, nothing, or a probability outside [0, 1].
    """
    p, hit = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    if p.ndim != 1 or p.shape != hit.shape or not len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"expected_calibration_error takes probabilities in [0, 1] and outcomes, two lists of "
            f"the same length, got {p.shape} and {hit.shape}."
        )
    which = np.minimum((p * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(which, hit - p, bins)).sum() / len(p))


def mode_coverage(points: np.ndarray, centres: np.ndarray, sigma: float) -> dict[str, float]:
    """Say how many modes of a mixture of Gaussians a set of points covers, and how evenly.

    The protocol of Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018 (PacGAN): a point is of high
    quality within 3σ of its nearest centre, and a mode counts as soon as one such point is nearest
    to it. One of thousands is lenient, so that the shares say more than the number of modes.

    In the plane, 1 − exp(−9/2) = 98.9 % of the points of the mixture itself are of high quality,
    and its KL is about (k − 1)/(2n), not 0: compare at equal n.

    Args:
        points: (n, d) points to judge, n at least 1. The two papers take 2,500.
        centres: (k, d) centres of the modes, such as ``data.mixture_modes`` gives.
        sigma: standard deviation of each mode in each direction.

    Returns:
        ``modes`` (int, 0 to k), ``high_quality`` (share of all points, 0 to 1), and over the
        high-quality points alone ``kl`` (Kullback-Leibler divergence of their shares over the modes
        from the uniform distribution, in nats, 0 to ln k) and ``smallest_share`` (the share of the
        mode that got fewest, 0 to 1/k). Without any high-quality point, ``kl`` is NaN and
        ``smallest_share`` is 0.

    Raises:
        ValueError: shapes that do not fit, no points or centres, values that are not finite, or a
            sigma that is not positive.
    """
    points, centres = np.asarray(points, np.float64), np.asarray(centres, np.float64)
    if points.ndim != 2 or points.shape[1:] != centres.shape[1:] or not points.size * centres.size:
        raise ValueError(
            f"mode_coverage takes points (n, d) and centres (k, d), at least one of each, got "
            f"{points.shape} and {centres.shape}."
        )
    if not (np.isfinite(points).all() and np.isfinite(centres).all()):
        raise ValueError("The points or centres are not all finite (NaN or infinity).")
    if not 0 < sigma < np.inf:
        raise ValueError(f"sigma is {sigma}; it must be positive and finite.")
    distances = cdist(points, centres)
    good = distances.min(axis=1) <= 3 * sigma
    counts = np.bincount(distances.argmin(axis=1)[good], minlength=len(centres))
    shares = counts / max(counts.sum(), 1)
    kl = scipy.special.rel_entr(shares, 1 / len(centres)).sum() if good.any() else np.nan
    return {
        "modes": int(np.count_nonzero(counts)),
        "high_quality": float(good.mean()),
        "kl": float(kl),
        "smallest_share": float(shares.min()),
    }


def paired_interval(a, b, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean difference a − b over paired seeds, and its Student t interval.

    Args:
        a, b: one score per seed each, the same seeds in the same order, at least two.

    Returns:
        (mean, low, high). When low and high have different signs, no difference was found.
    """
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    if difference.ndim != 1 or len(difference) < 2:
        raise ValueError(f"Expected two lists of at least two paired scores, got {np.shape(a)}.")
    half = scipy.stats.sem(difference) * scipy.stats.t.ppf(
        (1 + confidence) / 2, len(difference) - 1
    )
    return difference.mean(), difference.mean() - half, difference.mean() + half
