"""Against closed forms and independent implementations."""

import os

import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats

from gan_utils import classifiers, data, metrics, standins

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


def cloud(name, n, seed=1):
    """Points as the data set has them, but other ones."""
    centres, sigma = standins.mixture_modes(name)
    rng = np.random.default_rng(seed)
    which = rng.integers(len(centres), size=n)
    return centres[which] + sigma * rng.normal(size=(n, 2)), centres, sigma


def test_mode_coverage_by_hand():
    centres = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    points = [[0, 0], [2.9, 0], [0, -3], [10.5, 0], [3.1, 0], [0, 7.5]]  # the fifth is too far off
    got = metrics.mode_coverage(points, centres, sigma=1)
    shares = np.array([3, 1, 1, 0]) / 5
    wanted = sum(s * np.log(s * 4) for s in shares if s)
    assert got == pytest.approx(
        {"modes": 3, "high_quality": 5 / 6, "kl": wanted, "smallest_share": 0}
    )
    assert type(got["modes"]) is int and type(got["kl"]) is float


def test_mode_coverage_at_its_ends():
    centres, sigma = standins.mixture_modes("ring")
    even = metrics.mode_coverage(centres, centres, sigma)
    assert even == pytest.approx(
        {"modes": 8, "high_quality": 1, "kl": 0, "smallest_share": 1 / 8}, abs=1e-12
    )
    collapsed = metrics.mode_coverage(np.repeat(centres[2:3], 50, axis=0), centres, sigma)
    assert collapsed == pytest.approx(
        {"modes": 1, "high_quality": 1, "kl": np.log(8), "smallest_share": 0}
    )
    lost = metrics.mode_coverage(np.zeros((50, 2)), centres, sigma)
    assert lost == pytest.approx(
        {"modes": 0, "high_quality": 0, "kl": np.nan, "smallest_share": 0}, nan_ok=True
    )


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_mode_coverage_of_the_mixture_itself(name):
    points = data.load(name).points
    centres, sigma = standins.mixture_modes(name)
    got, k, n = metrics.mode_coverage(points, centres, sigma), len(centres), len(points)
    share = 1 - np.exp(-9 / 2)  # of a Gaussian in the plane within three standard deviations
    assert got["high_quality"] == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / n))
    assert got["modes"] == k and got["smallest_share"] > 0.9 / k
    # 2n KL is distributed as χ² with k − 1 degrees of freedom.
    kls = [metrics.mode_coverage(*cloud(name, 2500, seed))["kl"] for seed in range(200)]
    mean, spread = (k - 1) / 5000, np.sqrt(2 * (k - 1)) / 5000
    assert np.mean(kls) == pytest.approx(mean / share, abs=5 * spread / np.sqrt(200))


def test_mode_coverage_against_a_tree():
    """Points of all kinds: on modes, between them, far away, and some modes missing."""
    points, centres, sigma = cloud("grid", 4000)
    points = np.concatenate([points[points[:, 0] < 3], RANDOM.normal(0, 3, (4000, 2)), [[1e9, 0]]])
    distance, nearest = scipy.spatial.cKDTree(centres).query(points)
    good = nearest[distance <= 3 * sigma]
    counts = np.array([(good == k).sum() for k in range(25)])
    got = metrics.mode_coverage(points, centres, sigma)
    assert got == pytest.approx(
        {
            "modes": len(set(good)),
            "high_quality": len(good) / len(points),
            "kl": scipy.stats.entropy(counts, np.ones(25)),
            "smallest_share": counts.min() / len(good),
        }
    )
    shuffled = metrics.mode_coverage(RANDOM.permutation(points), centres[::-1], sigma)
    assert shuffled == pytest.approx(got)


@pytest.mark.parametrize(
    ("points", "centres", "sigma", "message"),
    [
        (np.zeros((5, 3)), np.zeros((4, 2)), 1, r"got \(5, 3\) and \(4, 2\)"),
        (np.zeros(2), np.zeros((4, 2)), 1, r"got \(2,\) and \(4, 2\)"),
        (np.zeros((5, 2)), np.zeros(2), 1, r"got \(5, 2\) and \(2,\)"),
        (np.zeros((0, 2)), np.zeros((4, 2)), 1, "at least one of each"),
        (np.zeros((5, 2)), np.zeros((0, 2)), 1, "at least one of each"),
        (np.full((5, 2), np.nan), np.zeros((4, 2)), 1, "not all finite"),
        (np.zeros((5, 2)), np.full((4, 2), np.inf), 1, "not all finite"),
        (np.zeros((5, 2)), np.zeros((4, 2)), 0, "sigma is 0; it must be positive"),
        (np.zeros((5, 2)), np.zeros((4, 2)), -1, "sigma is -1"),
        (np.zeros((5, 2)), np.zeros((4, 2)), np.nan, "sigma is nan"),
    ],
)
def test_mode_coverage_refuses(points, centres, sigma, message):
    with pytest.raises(ValueError, match=message):
        metrics.mode_coverage(points, centres, sigma)


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

    weights = resources.files("gan_utils") / "weights" / classifiers.DIGITS.weights
    assert len(weights.read_bytes()) < 1_000_000


def test_classifier_on_real_test_images():
    if not os.environ.get("GAN_UTILS_DATA"):
        pytest.skip("the real MNIST is not on this machine: GAN_UTILS_DATA is not set")
    mnist = data.load("mnist")
    probabilities, features = classifiers.scores(mnist.test_images, "mnist")
    assert (probabilities.argmax(1) == mnist.test_labels).mean() >= 0.992
    assert features.shape == (10_000, 64) and features.dtype == probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_scores_do_not_depend_on_the_dtype_policy():
    images = data.load("digits").test_images[:50]
    wanted = classifiers.scores(images, "mnist")
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        classifiers.classifier.cache_clear()
        got = classifiers.scores(images, "mnist")
        layers = classifiers.classifier("mnist").layers
    finally:
        keras.config.set_dtype_policy(policy)
        classifiers.classifier.cache_clear()
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == np.float64
        np.testing.assert_array_equal(a, b)
    assert {layer.compute_dtype for layer in layers[1:]} == {"float32"}  # the first is the input


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28, 1)), np.zeros((2, 28, 28), np.uint8)])
def test_scores_refuse_other_images(images):
    with pytest.raises(ValueError, match="takes uint8 images of shape"):
        classifiers.scores(images, "mnist")


def test_expected_calibration_error_by_hand():
    """Four in the bin of 0.9, three of them real; two in the bin of 0.1, none."""
    p, real = [0.9, 0.9, 0.9, 0.9, 0.1, 0.1], [1, 1, 1, 0, 0, 0]
    wanted = 4 / 6 * abs(0.75 - 0.9) + 2 / 6 * 0.1
    assert metrics.expected_calibration_error(np.array(p), np.array(real)) == pytest.approx(wanted)


def test_expected_calibration_error_of_honest_and_of_overconfident_probabilities():
    p = RANDOM.uniform(size=200_000)
    real = RANDOM.uniform(size=p.size) < p
    assert metrics.expected_calibration_error(p, real) < 0.01
    assert metrics.expected_calibration_error((p > 0.5) * 1.0, real) == pytest.approx(
        0.25, abs=0.01
    )


@pytest.mark.parametrize(
    ("p", "outcome"), [([0.5], [1, 0]), ([], []), ([1.5], [1]), ([np.nan], [1]), ([[0.5]], [[1]])]
)
def test_expected_calibration_error_refuses(p, outcome):
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\] and outcomes"):
        metrics.expected_calibration_error(np.array(p), np.array(outcome))
