"""Against independent implementations, closed forms and sets whose answer is known."""

import json

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import special_ortho_group

from gan_utils import cli, metrics, runs

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def sets():
    """Two sets of features and class probabilities, the same on every machine."""
    rng = np.random.RandomState(12)
    mix = rng.normal(size=(32, 32)) / 6
    real = np.maximum(rng.normal(size=(800, 32)) @ mix + 0.3, 0)
    made = np.maximum(rng.normal(size=(600, 32)) @ mix * 1.1 + 0.25, 0)
    logits = 3 * rng.normal(size=(600, 10))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert real.sum() == pytest.approx(14007.629871587545), "other random numbers"
    return real, made, p


# What others compute of these sets. Python 3.11, NumPy 2.4.6, PyTorch 2.13.0 on a processor,
# in an environment with nothing of this book in it:
#   pytorch-fid 0.3.0     fid_score.calculate_frechet_distance      0.4074274026373672
#   clean-fid 0.1.35      fid.frechet_distance                      0.4074274026373672
#   torch-fidelity 0.4.0  metric_fid.fid_statistics_to_metric       0.4074274026373814
#   clean-fid 0.1.35      fid.kernel_distance(real[:600], made, 1, 600)     0.006458900693821003
#   torch-fidelity 0.4.0  metric_kid.kernel_mmd, poly, degree 3, coef0 1    0.006458900693821157
#   torch-fidelity 0.4.0  metric_prc.calculate_precision_recall_full, k = 3 0.71667, 0.89250
#   prdc 0.2              compute_prdc(real, made, nearest_k=3), and 5      as below
#   torch-fidelity 0.4.0  metric_isc.isc_features_to_metric(logits), 1 split 3.8953963787866748
THEIRS = {
    "frechet": 0.4074274026373672,
    "kernel": 0.006458900693821003,
    "precision_recall, k = 3": (0.7166666666666667, 0.8925),
    "precision_recall, k = 5": (0.8216666666666667, 0.95625),
    "density_coverage, k = 3": (0.7127777777777777, 0.71125),
    "density_coverage, k = 5": (0.7123333333333334, 0.87375),
    "inception": 3.8953963787866748,
}


def test_scores_agree_with_independent_implementations(sets):
    real, made, p = sets
    ours = {
        "frechet": metrics.frechet_distance(made, real),
        "kernel": metrics.kernel_distance(real[:600], made),
        "precision_recall, k = 3": metrics.precision_recall(real, made),
        "precision_recall, k = 5": metrics.precision_recall(real, made, k=5),
        "density_coverage, k = 3": metrics.density_coverage(real, made, k=3),
        "density_coverage, k = 5": metrics.density_coverage(real, made),
        "inception": metrics.inception_score(p),
    }
    assert ours.keys() == THEIRS.keys()
    for name, value in ours.items():
        assert value == pytest.approx(THEIRS[name], rel=1e-7), name


def test_blocks_do_not_matter(sets, monkeypatch):
    real, made, _ = sets
    whole = [f(real, made) for f in (metrics.precision_recall, metrics.density_coverage)]
    kernel = metrics.kernel_distance(real, made)
    monkeypatch.setattr(metrics, "ROWS", 7)
    assert [f(real, made) for f in (metrics.precision_recall, metrics.density_coverage)] == whole
    assert metrics.kernel_distance(real, made) == pytest.approx(kernel, rel=1e-9)


# The inception-style score


def test_inception_score_at_its_ends():
    assert metrics.inception_score(np.full((50, 10), 0.1)) == pytest.approx(1)
    assert metrics.inception_score(np.eye(10)) == pytest.approx(10)
    assert metrics.inception_score(np.eye(10)[[3] * 20]) == pytest.approx(1)


@pytest.mark.parametrize(
    "bad",
    [np.ones((3, 4)), np.full((3, 4), 0.26), [[1.5, -0.5]], np.zeros((0, 3)), [0.5, 0.5]],
)
def test_inception_score_refuses(bad):
    with pytest.raises(ValueError, match="rows sum to 1"):
        metrics.inception_score(bad)


# The kernel distance


def test_kernel_distance_by_hand():
    """Three and two points on a line, every pair written out."""
    a, b = np.array([[0.0], [1], [2]]), np.array([[1.0], [3]])

    def k(x, y):
        return (x * y + 1) ** 3

    within_a = 2 * (k(0, 1) + k(0, 2) + k(1, 2)) / 6
    across = np.mean([k(x, y) for x in (0, 1, 2) for y in (1, 3)])
    assert metrics.kernel_distance(a, b) == pytest.approx(within_a + k(1, 3) - 2 * across)


def test_kernel_distance_of_equal_clouds_has_no_bias():
    draws = [metrics.kernel_distance(*RANDOM.normal(size=(2, 60, 8))) for _ in range(300)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 4 * error
    assert min(draws) < 0 < max(draws)


# Neighbours


def test_precision_recall_by_hand():
    """Balls of radius 1 around 0, 1, 2 (k = 1), and of radius 3 around 10, 13."""
    real, made = np.array([[0.0], [1], [2]]), np.array([[10.0], [13], [2.5], [-0.9]])
    assert metrics.precision_recall(real, made, k=1) == (2 / 4, 1)  # -0.9 reaches 3.4 far
    density, coverage = metrics.density_coverage(real, made, k=1)
    assert density == 2 / 4
    assert coverage == 2 / 3


def test_far_apart_and_identical():
    a = RANDOM.normal(size=(200, 5))
    assert metrics.precision_recall(a, a + 100) == (0, 0)
    assert metrics.density_coverage(a, a + 100) == (0, 0)
    assert metrics.precision_recall(a, a) == (1, 1)
    assert metrics.density_coverage(a, a)[1] == 1


@pytest.mark.parametrize("far", [0, 1e3, 1e6])
def test_a_copy_lies_in_every_ball_that_its_original_borders(far):
    repeated = np.tile(RANDOM.normal(size=(40, 64)), (10, 1)) + far
    assert metrics.precision_recall(repeated, repeated) == (1, 1)
    assert metrics.density_coverage(repeated, repeated, k=3) == pytest.approx((10 / 3, 1))
    distinct = RANDOM.normal(size=(400, 64)) + far
    assert metrics.density_coverage(distinct, distinct) == pytest.approx((6 / 5, 1))


def test_a_set_of_copies_of_one_point_holds_its_border():
    """Where all rows are alike, every ball has the radius 0, and rounding leaves no room."""
    same = np.ones((9, 3))
    assert metrics.precision_recall(same, same) == (1, 1)
    assert metrics.density_coverage(same, same) == (9 / 5, 1)


@pytest.mark.parametrize("f", [metrics.precision_recall, metrics.density_coverage])
def test_k_neighbours_need_k_plus_1_rows(f):
    rows = RANDOM.normal(size=(4, 3))
    assert np.isfinite(f(rows, rows, k=3)).all()
    for pair in ((rows, rows[:3]), (rows[:3], rows)):
        with pytest.raises(ValueError, match="at least 4 rows"):
            f(*pair, k=3)


def test_turning_the_space_changes_nothing():
    real, made = RANDOM.normal(size=(2, 150, 5))
    turn = special_ortho_group.rvs(5, random_state=0)
    for f in (metrics.precision_recall, metrics.density_coverage):
        assert f(real @ turn, made @ turn) == pytest.approx(f(real, made))


def test_coverage_of_the_same_distribution():
    """Naeem et al. 2020: with equally many points it is about 1 - 1/2**k, and density about 1."""
    found = [metrics.density_coverage(*RANDOM.normal(size=(2, 500, 6))) for _ in range(10)]
    density, coverage = np.mean(found, axis=0)
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(1 - 1 / 2**5, abs=0.01)


def test_one_outlier_among_the_real_opens_precision_not_density():
    """The example for which density was made: one ball swallows everything."""
    real, made = RANDOM.normal(size=(300, 3)), RANDOM.normal(size=(300, 3)) + 20
    real[0] = 12
    assert metrics.precision_recall(real, made)[0] > 0.4
    assert metrics.density_coverage(real, made)[0] < 0.4


@pytest.mark.parametrize(
    "f", [metrics.kernel_distance, metrics.precision_recall, metrics.density_coverage]
)
def test_features_that_do_not_fit(f):
    with pytest.raises(ValueError, match=r"got \(9, 3\) and \(9, 4\)"):
        f(np.zeros((9, 3)), np.zeros((9, 4)))
    few = r"at least [246] rows each, got \(9, 3\) and \(1, 3\). .*"
    few += r"more rows \(-n of .*smaller k, which"
    with pytest.raises(ValueError, match=few):
        f(np.zeros((9, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="not finite"):
        f(np.zeros((9, 3)), np.full((9, 3), np.nan))


# Classes, copies, and all at once


def test_class_distance():
    p, q = np.eye(4)[[0, 0, 1, 1]], np.eye(4)[[0, 1, 2, 2]]
    assert metrics.class_distance(p, p) == 0
    assert metrics.class_distance(p, q) == pytest.approx(0.5)
    assert metrics.class_distance(p, np.eye(4)[[3]]) == 1


@pytest.mark.parametrize(
    ("name", "n", "least"), [("digits", 5, 6), ("mnist", 1, 6), ("ring", 1, 2)]
)
def test_the_command_says_how_many_samples_it_needs(tmp_path, name, n, least, capsys):
    about = {"format": runs.FORMAT, "settings": {"data": name}}
    (tmp_path / "run.json").write_text(json.dumps(about))
    assert cli.main(["evaluate", str(tmp_path), "-n", str(n)]) == 1
    said = capsys.readouterr().err
    assert f"-n is {n}; the scores of {name} need at least {least} rows" in said
    assert f"Give -n {least} or more" in said


def test_copies_are_nearer():
    images = RANDOM.integers(0, 256, (300, 6, 6, 1)).astype(np.uint8)
    train, fresh, held_out = images[:100], images[100:200], images[200:]
    assert metrics.nearer(train, train, held_out) == 1
    assert metrics.nearer(fresh, train, held_out) == pytest.approx(0.5, abs=0.12)


def test_copies_are_nearer_also_among_twins():
    images = RANDOM.integers(0, 256, (200, 6, 6, 1)).astype(np.uint8)
    train, held_out = images[:100], images[100:]
    assert metrics.nearer(train, np.repeat(train, 2, axis=0), held_out) == 1


def test_nearest_with_the_fewest_images():
    """One training image is enough to compare with; among themselves they have to be two."""
    train = np.array([3, 10], np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    distance, row = metrics.nearest(train[:1], train)
    assert distance.tolist() == [0, 7] and row.tolist() == [0, 0]
    distance, row = metrics.nearest(train)
    assert distance.tolist() == [7, 7] and row.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("train", "images", "message"),
    [
        ((5, 6, 6, 1), (5, 6, 6, 3), r"training images \(5, 6, 6, 1\) .* got \(5, 6, 6, 3\)"),
        ((0, 6, 6, 1), (5, 6, 6, 1), "without images, at least two training images"),
        ((1, 6, 6, 1), None, "without images, at least two training images"),
    ],
)
def test_nearest_refuses(train, images, message):
    with pytest.raises(ValueError, match=message):
        metrics.nearest(np.zeros(train, np.uint8), None if images is None else np.zeros(images))


def test_all_scores(sets):
    real, made, p = sets
    q = p[RANDOM.integers(len(p), size=len(real))]
    found = metrics.all_scores((p, made), (q, real))
    assert list(found) == (
        "inception confident classes frechet kernel precision recall density coverage".split()
    )
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())
    both = found["precision"], found["recall"]
    assert both == pytest.approx(THEIRS["precision_recall, k = 3"])
    assert found["confident"] == (p.max(axis=1) > 0.9).mean()


# The sliced distance

# As above, with POT 0.9.7.post1 and NumPy 2.4.6, along fifty given lines:
#   ot.sliced_wasserstein_distance(real, made, projections=lines.T) ** 2 * 32
POT = {"800 and 600 rows": 0.23045647550964024, "600 and 600 rows": 0.26003713539934126}


@pytest.fixture
def fifty_lines(monkeypatch):
    """Lines that are the same on every machine, in place of those that the seed gives."""
    lines = np.random.RandomState(3).normal(size=(32, 50)).T

    class Given:
        def normal(self, size):
            assert size == (50, 32)
            return lines.copy()

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Given())


def test_sliced_distance_agrees_with_pot(sets, fifty_lines):
    real, made, _ = sets
    ours = {
        "800 and 600 rows": metrics.sliced_distance(real, made, directions=50),
        "600 and 600 rows": metrics.sliced_distance(real[:600], made, directions=50),
    }
    assert ours.keys() == POT.keys()
    for name, value in ours.items():
        assert value == pytest.approx(POT[name], rel=1e-9), name


def test_sliced_distance_on_a_line_is_the_best_assignment():
    """One dimension has one line: against the cheapest of all pairings, rows repeated to 15."""
    a, b = RANDOM.normal(size=(5, 1)), RANDOM.normal(size=(3, 1)) + 1
    long_a, long_b = np.repeat(a, 3, axis=0), np.repeat(b, 5, axis=0)
    cost = (long_a - long_b.T) ** 2
    wanted = cost[linear_sum_assignment(cost)].mean()
    assert metrics.sliced_distance(a, b, directions=3) == pytest.approx(wanted)


def test_sliced_distance_of_a_shift_is_its_square():
    """W₂² along θ is (θ·v)², whose mean over all directions is |v|²/d."""
    a, v = RANDOM.normal(size=(50, 6)), np.array([3.0, 0, 0, 4, 0, 0])
    found = [metrics.sliced_distance(a, a + v, 2000, seed) for seed in range(5)]
    # θ₁² has the variance 2 (d - 1) / (d² (d + 2)), here 0.0347 = 0.186², so 6 · 25 · 0.186 / √2000
    np.testing.assert_allclose(found, 25, atol=5 * 0.63)
    assert len(set(found)) == 5 and metrics.sliced_distance(a, a, 10) == 0
    assert metrics.sliced_distance(a, a + v) == metrics.sliced_distance(a + v, a)


def test_sliced_distance_sees_what_means_and_covariances_do_not():
    n = 4000
    normal = RANDOM.normal(size=(n, 4))
    two = np.sign(RANDOM.normal(size=(n, 4)))  # corners of a cube: mean 0, covariance 1
    floor = metrics.frechet_distance(normal, RANDOM.normal(size=(n, 4)))
    assert metrics.frechet_distance(normal, two) < 20 * floor
    sliced_floor = metrics.sliced_distance(normal, RANDOM.normal(size=(n, 4)), 200)
    assert metrics.sliced_distance(normal, two, 200) > 20 * sliced_floor


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4)), {}, r"\(5, 3\) and \(5, 4\)"),
        (np.zeros((0, 3)), np.zeros((5, 3)), {}, "at least 1 row"),
        (np.full((5, 3), np.inf), np.zeros((5, 3)), {}, "not finite"),
        (np.zeros((5, 3)), np.zeros((5, 3)), {"directions": 0}, "directions is 0"),
    ],
)
def test_sliced_distance_refuses(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.sliced_distance(a, b, **options)


# The spread within a class


def test_class_spread_by_hand():
    x = np.array([[0.0, 0], [6, 8], [1, 1], [1, 1], [7, 7]])
    got = metrics.class_spread(x, [0, 0, 2, 2, 3], classes=5)
    np.testing.assert_allclose(got, [5, np.nan, 0, 0, np.nan])
    many = RANDOM.normal(size=(30, 4))
    pairs = ((many[:, None] - many) ** 2).sum(axis=2).mean()
    assert 2 * metrics.class_spread(many, np.zeros(30, int), 1)[0] ** 2 == pytest.approx(pairs)


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 1], r"got \(3, 2\) and \(2,\)"), ([0, 1, 3], "go from 0 to 3")]
)
def test_class_spread_refuses(labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.class_spread(np.zeros((3, 2)), labels, classes=3)
