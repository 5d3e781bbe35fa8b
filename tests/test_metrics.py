"""Against closed forms and independent implementations."""

import os

import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from gan_utils import data, metrics

RANDOM = np.random.default_rng(0)


def test_frechet_closed_forms():
    a = RANDOM.normal(size=(500, 6))
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a + 2) == pytest.approx(
        6 * 4
    )  # a shift by 2 in 6 dimensions
    # the same points scaled by 3: μ² (3−1)² + Σ tr (1 + 9 − 2·3)
    wanted = 4 * (a.mean(0) ** 2).sum() + 4 * np.cov(a, rowvar=False).trace()
    assert metrics.frechet_distance(a, 3 * a) == pytest.approx(wanted)


def test_frechet_against_the_matrix_square_root():
    """The textbook formula with scipy's sqrtm, on features with strong correlations."""
    mix = RANDOM.normal(size=(12, 12))
    a, b = RANDOM.normal(size=(400, 12)) @ mix, RANDOM.normal(size=(300, 12)) @ mix.T + 0.3
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    wanted = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(
        ca + cb - 2 * scipy.linalg.sqrtm(ca @ cb).real
    )
    assert metrics.frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a))


def test_frechet_with_features_that_never_fire():
    a = RANDOM.normal(size=(50, 4)) * [1, 1, 0, 0]
    assert np.isfinite(metrics.frechet_distance(a, a + 1))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4)), r"got \(5, 3\) and \(5, 4\)"),
        (np.zeros((1, 3)), np.zeros((5, 3)), "at least two rows"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "not finite"),
    ],
)
def test_frechet_refuses(a, b, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(a, b)


def test_class_shares():
    np.testing.assert_array_equal(
        metrics.class_shares(
            np.array([[0.2, 0.8, 0], [0.9, 0.1, 0], [0.4, 0.6, 0], [0.1, 0.9, 0]])
        ),
        [0.25, 0.75, 0],
    )


def test_paired_interval_against_scipy():
    a, b = RANDOM.normal(size=8) + 1, RANDOM.normal(size=8)
    mean, low, high = metrics.paired_interval(a, b)
    wanted = scipy.stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (low, high) == pytest.approx((wanted.low, wanted.high)) and mean == pytest.approx(
        (low + high) / 2
    )
    with pytest.raises(ValueError, match="at least two"):
        metrics.paired_interval([1.0], [2.0])


def test_classifier_is_small_and_shipped():
    from importlib import resources

    weights = resources.files("gan_utils") / "weights" / metrics.CLASSIFIER_WEIGHTS
    assert len(weights.read_bytes()) < 1_000_000


def test_classifier_on_real_test_images():
    if not os.environ.get("GAN_UTILS_DATA"):
        pytest.skip("the real MNIST is not on this machine: GAN_UTILS_DATA is not set")
    mnist = data.load("mnist")
    probabilities, features = metrics.digit_scores(mnist.test_images)
    assert (probabilities.argmax(1) == mnist.test_labels).mean() >= 0.992
    assert features.shape == (10_000, 64) and features.dtype == probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_scores_do_not_depend_on_the_dtype_policy():
    images = data.load("digits").test_images[:50]
    wanted = metrics.digit_scores(images)
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        metrics.digit_classifier.cache_clear()
        got = metrics.digit_scores(images)
    finally:
        keras.config.set_dtype_policy(policy)
        metrics.digit_classifier.cache_clear()
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28, 1)), np.zeros((2, 28, 28), np.uint8)])
def test_scores_refuse_other_images(images):
    with pytest.raises(ValueError, match="takes uint8 images of shape"):
        metrics.digit_scores(images)
