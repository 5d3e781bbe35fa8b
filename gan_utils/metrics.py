"""Scores for generated images and points: arrays in, numbers out.

They are computed in float64, but for distances between images.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel
from sklearn.neighbors import NearestNeighbors


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
        centres: (k, d) centres of the modes, such as ``standins.mixture_modes`` gives.
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


def nearest(train: np.ndarray, images: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the training image that is nearest to each image.

    Args:
        train: uint8 (n, height, width, channels).
        images: uint8 (m, height, width, channels). Without, each training image is compared with
            all others, itself left out: what an image that was never trained on would find.

    Returns:
        (m,) float64 distances, the root mean square of the differences of all values, in levels of
        0..255; (m,) int64 rows of ``train``. A twin among the training images is another one, at
        distance 0 up to rounding.

    Raises:
        ValueError: images of other shapes than the training images, or nothing to compare with.
    """
    shapes = np.shape(train), np.shape(train if images is None else images)
    if shapes[0][1:] != shapes[1][1:] or len(train) < 1 + (images is None):
        raise ValueError(
            f"nearest takes training images {shapes[0]} and images of the same shape, got "
            f"{shapes[1]}; without images, at least two training images."
        )
    flat = np.float32(train).reshape(len(train), -1)
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(flat)
    queries = None if images is None else np.float32(images).reshape(len(images), -1)
    distance, row = index.kneighbors(queries)
    return distance[:, 0] / np.sqrt(flat.shape[1]), row[:, 0]


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
    return float(abs(class_shares(made) - class_shares(real)).sum() / 2)


def nearer(made: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    """Say whether images lie nearer to the training images than images never trained on do.

    Args:
        made, train, held_out: uint8 images (n, height, width, channels) each. Neighbours are those
            of ``nearest``, in pixels.

    Returns:
        Chance that a generated image has the smaller distance to its nearest training image, of one
        generated and one held-out image drawn at random (Mann-Whitney; the test of Meehan et al.
        2020 without its cells). It is 0.5 if there is nothing to see, near 1 if images are copied.
    """
    ours, theirs = (nearest(train, images)[0] for images in (made, held_out))
    u = scipy.stats.mannwhitneyu(ours, theirs).statistic
    return float(1 - u / len(ours) / len(theirs))


def all_scores(made: tuple, real: tuple) -> dict[str, float]:
    """Compute the scores of chapter 12 that need probabilities and features alone.

    Args:
        made, real: class probabilities (n, k) and features (n, d) of generated and of real images,
            as ``classifiers.scores`` gives them.

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
        "frechet": frechet_distance(a, b),
        "kernel": kernel_distance(a, b),
        "precision": precision,
        "recall": recall,
        "density": density,
        "coverage": coverage,
    }


def sliced_distance(a: np.ndarray, b: np.ndarray, directions: int = 1000, seed: int = 0) -> float:
    """Compare two sets of features along random lines, by sorting.

    For each of many random directions, the features are projected onto a line, where optimal
    transport joins the smallest to the smallest: the squared Wasserstein distance W₂² there is the
    mean squared difference of the sorted values. The result is d times the mean over the lines, so
    that a shift by v gives about ‖v‖², as in the Fréchet distance. With Inception features, and 3 d
    in place of d, it is the Monge Inception Distance of Berthet et al. 2026 (arXiv 2605.06797).
    It knows of no means or covariances, and sees what these do not hold.

    The estimate is biased upwards, more for fewer rows: compare at equal n only.

    Args:
        a, b: features (n, d) and (m, d), at least one row each. If n and m differ, each row
            counts for its share.
        directions: number of lines, at least 1.
        seed: of the lines, which depend on it and on d alone.

    Returns:
        Distance in squared units of the features, at least 0.

    Raises:
        ValueError: shapes that do not fit, no rows, values that are not finite, or no directions.
    """
    a, b = _two_sets(a, b, 1)
    if directions < 1:
        raise ValueError(f"directions is {directions}; it must be at least 1.")
    (n, dimensions), m = a.shape, len(b)
    lines = np.random.default_rng(seed).normal(size=(directions, dimensions))
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    # In units of 1 / (n m) row i of a stands for the shares from i m to (i + 1) m, of b likewise.
    borders = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    shares, rows_a, rows_b = np.diff(borders) / (n * m), borders[:-1] // m, borders[:-1] // n
    total = sum(
        shares @ (np.sort(a @ line)[rows_a] - np.sort(b @ line)[rows_b]) ** 2 for line in lines
    )
    return float(dimensions * total / directions)


def class_spread(features: np.ndarray, labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """Say how much the images of each class differ from each other.

    Args:
        features: of the images, (n, d), or their pixels.
        labels: whole numbers (n,), the class of each row.
        classes: number of classes.

    Returns:
        (classes,) root mean square distance of the rows of a class from their mean, in units of the
        features. Twice its square is the mean squared distance of two rows, drawn with
        replacement. A class without rows has NaN.

    Raises:
        ValueError: another number of labels than of rows, or labels outside 0 to ``classes - 1``.
    """
    features, labels = np.asarray(features, np.float64), np.asarray(labels)
    if features.ndim != 2 or labels.shape != (len(features),):
        raise ValueError(
            f"class_spread takes features (n, d) and a label for each row, got {features.shape} "
            f"and {labels.shape}."
        )
    if len(labels) and not (0 <= labels.min() and labels.max() < classes):
        raise ValueError(
            f"The labels go from {labels.min()} to {labels.max()}; with {classes} classes they "
            f"must lie in 0 to {classes - 1}."
        )
    groups = (features[labels == label] for label in range(classes))
    return np.array([np.sqrt(x.var(axis=0).sum()) if len(x) else np.nan for x in groups])


def _two_sets(a, b, least: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        raise ValueError(
            f"Expected two sets of features (n, d) and (m, d) with at least {least} rows each, got "
            f"{a.shape} and {b.shape}. Give features of the same network, and more rows (-n of "
            f"`python -m gan_utils evaluate`) or a smaller k, which asks for fewer."
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
