"""Scores of a whole set of generated images: arrays in, numbers out.

Beside ``metrics.frechet_distance``: what else the field compares two sets with. All but ``nearer``
work on the features or the class probabilities of some network, and belong to it.
Statistics are in float64 whatever dtype policy is in force.
"""

from collections.abc import Iterator

import numpy as np
import scipy.special
import scipy.stats
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from gan_utils import metrics, own_images

ROWS = 200  # of a matrix of all pairs at a time: 16 MB at 10,000 columns


def inception_score(probabilities: np.ndarray) -> float:
    """How sure a classifier is of each image, and how many classes it finds (Salimans et al. 2016).

    ``exp(mean of KL(p(y|x) || p(y)))`` (section 4), where p(y) is the mean over images. With the
    1,000 classes of Inception it is the Inception Score; with other classes it compares with
    nothing but itself.

    Args:
        probabilities: (n, k) class probabilities of generated images; each row sums to 1.

    Returns:
        From 1 (every image the same verdict) to k (sure verdicts, evenly spread).

    Raises:
        ValueError: not a table of probabilities.
    """
    p = np.asarray(probabilities, np.float64)
    rows_sum_to_1 = p.ndim == 2 and p.size > 0 and np.allclose(p.sum(axis=1), 1, atol=1e-3)
    if not rows_sum_to_1 or (p < 0).any():
        raise ValueError(
            f"inception_score takes class probabilities (n, k), not negative, whose rows sum to 1; "
            f"this array of shape {p.shape} is none. Take the softmax of logits first."
        )
    return float(np.exp(scipy.special.rel_entr(p, p.mean(axis=0)).sum(axis=1).mean()))


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / d + 1)³, unbiased.

    The estimator is that of Gretton et al. 2012, eq. 3; with this kernel and Inception features it
    is the KID of Bińkowski et al. 2018. Its mean does not depend on the number of rows; its spread
    does.

    Args:
        a, b: features (n, d) and (m, d), n and m at least 2.

    Returns:
        0 on average for two sets from one distribution, and then often negative.

    Raises:
        ValueError: shapes that do not fit, too few rows, or values that are not finite.
    """
    a, b = _two_sets(a, b, 2)
    within = sum(
        (_kernel_sum(x, x) - ((1 + (x**2).mean(axis=1)) ** 3).sum()) / (len(x) * (len(x) - 1))
        for x in (a, b)
    )
    return float(within - 2 * _kernel_sum(a, b) / (len(a) * len(b)))


def kernel_distance_subsets(
    a: np.ndarray, b: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0
) -> np.ndarray:
    """Return ``kernel_distance`` of random subsets, the form in which most papers report a KID.

    Their mean is the KID. Their standard deviation says how much a subset varies, not how well the
    mean is known: the subsets share their rows.

    Args:
        a, b: features (n, d) and (m, d).
        subsets: how many pairs of subsets.
        size: rows of each, drawn without repetition.
        seed: of the draws.

    Returns:
        (subsets,) values.

    Raises:
        ValueError: as in ``kernel_distance``, or a set has fewer rows than a subset.
    """
    a, b = _two_sets(a, b, size)
    rng = np.random.default_rng(seed)
    pairs = ((rng.choice(len(x), size, replace=False) for x in (a, b)) for _ in range(subsets))
    return np.array([kernel_distance(a[rows_a], b[rows_b]) for rows_a, rows_b in pairs])


def precision_recall(real: np.ndarray, made: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Say which share of what was made lies among the real, and which share of the real among it.

    A set's region is the union of balls around its points, each of which reaches to the point's
    k-th nearest neighbour in the set (Kynkäänniemi et al. 2019, eq. 1 and 2).

    Args:
        real, made: features (n, d) and (m, d), more than k rows each.

    Returns:
        precision, the share of ``made`` in the region of ``real``; recall, the share of ``real`` in
        the region of ``made``.

    Raises:
        ValueError: shapes that do not fit, too few rows, or values that are not finite.
    """
    real, made = _centred(*_two_sets(real, made, k + 1))
    real_radii, made_radii = _radii(real, k), _radii(made, k)
    found, precise = np.zeros(len(real), bool), np.zeros(len(made), bool)
    for rows, distances in _distances(real, made):
        precise |= (distances <= real_radii[rows, None]).any(axis=0)
        found[rows] = (distances <= made_radii).any(axis=1)
    return float(precise.mean()), float(found.mean())


def density_coverage(real: np.ndarray, made: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Count points that were made in balls around real ones (Naeem et al. 2020).

    The balls are those of ``precision_recall``, around real points only, so that outliers among
    what was made gain nothing.

    Args:
        real, made: features (n, d) and (m, d), more than k rows each.

    Returns:
        density, the number of balls that a generated point lies in, over k, which is about 1 for
        real images and may be more; coverage, the share of balls with any generated point, at most
        1 and for real images near 1 − 1/2ᵏ if there are equally many.

    Raises:
        ValueError: shapes that do not fit, too few rows, or values that are not finite.
    """
    real, made = _centred(*_two_sets(real, made, k + 1))
    radii, counts = _radii(real, k), np.zeros(len(real))
    for rows, distances in _distances(real, made):
        counts[rows] = (distances <= radii[rows, None]).sum(axis=1)
    return float(counts.sum() / (k * len(made))), float((counts > 0).mean())


def class_distance(made: np.ndarray, real: np.ndarray) -> float:
    """Half the sum of the absolute differences of class shares: 0 (equal) to 1 (nothing shared).

    Args:
        made, real: class probabilities (n, k) and (m, k); a row counts for its largest.
    """
    return float(abs(metrics.class_shares(made) - metrics.class_shares(real)).sum() / 2)


def nearer(made: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Say whether images lie nearer to the training images than images never trained on do.

    Args:
        made, train, held_out: uint8 images (n, height, width, channels) each. Neighbours are those
            of ``own_images.nearest``, in pixels.

    Returns:
        Chance that a generated image has the smaller distance to its nearest training image, of one
        generated and one held-out image drawn at random (Mann-Whitney; the test of Meehan et al.
        2020 without its cells). It is 0.5 if there is nothing to see, near 1 if images are copied.
    """
    ours, theirs = (own_images.nearest(train, images)[0] for images in (made, held_out))
    u = scipy.stats.mannwhitneyu(ours, theirs).statistic
    return float(1 - u / len(ours) / len(theirs))


def all_scores(made: tuple, real: tuple) -> dict[str, float]:
    """Compute every score that needs probabilities and features alone.

    Args:
        made, real: class probabilities (n, k) and features (n, d) of generated and of real images,
            as ``metrics.digit_scores`` gives them.

    Returns:
        ``inception``, ``confident`` (the share of images with a probability above 0.9), ``classes``
        (``class_distance``), ``frechet``, ``kernel``, ``precision``, ``recall``, ``density``,
        ``coverage``.
    """
    (p, a), (real_p, b) = made, real
    precision, recall = precision_recall(b, a)
    density, coverage = density_coverage(b, a)
    return {
        "inception": inception_score(p),
        "confident": float((p.max(axis=1) > 0.9).mean()),
        "classes": class_distance(p, real_p),
        "frechet": metrics.frechet_distance(a, b),
        "kernel": kernel_distance(a, b),
        "precision": precision,
        "recall": recall,
        "density": density,
        "coverage": coverage,
    }


def _two_sets(a, b, least: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        raise ValueError(
            f"Expected two sets of features (n, d) and (m, d) with at least {least} rows each, got "
            f"{a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("The features hold values that are not finite (NaN or infinity).")
    return a, b


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    parts = (a[start : start + ROWS] for start in range(0, len(a), ROWS))
    return sum(polynomial_kernel(part, b, degree=3, coef0=1).sum() for part in parts)


def _centred(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move both sets to the mean of the first: distances lose digits far from the origin."""
    return a - a.mean(axis=0), b - a.mean(axis=0)


def _radii(points: np.ndarray, k: int) -> np.ndarray:
    """Return the distance of each point to its k-th nearest neighbour, itself left out."""
    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    # A ball holds its own border. Rounding leaves up to this between a point and its copy.
    border = 1e-7 * np.linalg.norm(points, axis=1).max()
    return neighbours.kneighbors()[0][:, -1] + border


def _distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    for start in range(0, len(a), ROWS):
        rows = slice(start, start + ROWS)
        yield rows, euclidean_distances(a[rows], b)
