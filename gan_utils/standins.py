"""Data sets that are made, not fetched: digits and shapes in place of the real ones, and points."""

import numpy as np


def digits() -> tuple:
    """Return scikit-learn's small digits on a ground of 28 pixels: arrays as of MNIST, a note."""
    from PIL import Image
    from sklearn.datasets import load_digits

    small = load_digits()

    def enlarge(image):  # 8 px to 20 px, centred on 28 px: the proportions of MNIST
        picture = Image.fromarray((image * (255 / 16)).astype(np.uint8))
        return np.pad(np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC)), 4)

    images = np.stack([enlarge(image) for image in small.images])[..., None]
    labels = small.target.astype(np.uint8)
    note = f"{len(images):,} digits of 8 px that scikit-learn brings along, enlarged to 28 px."
    return images[:1500], labels[:1500], images[1500:], labels[1500:], note


def shapes() -> tuple:
    """Draw shapes in colour, 32 pixels: arrays as of CIFAR-10, and a note."""
    from PIL import Image, ImageDraw

    outlines, count = _shape_outlines(), 2500
    rng = np.random.default_rng(0)
    labels = (np.arange(count) % len(outlines)).astype(np.uint8)
    # In pixels of the image; positions and outlines are complex numbers, x + iy.
    size = rng.uniform(8, 13, count)
    turn = np.exp(1j * rng.uniform(-0.25, 0.25, count))  # about 14 degrees, or a bar could lie down
    place = 16 + 16j + (15.5 - size) * (rng.uniform(-1, 1, count) + 1j * rng.uniform(-1, 1, count))
    dark, light = rng.integers(0, 110, (count, 3)), rng.integers(146, 256, (count, 3))
    swap = rng.random((count, 1)) < 0.5
    ink, paper = np.where(swap, dark, light), np.where(swap, light, dark)

    images = np.empty((count, 32, 32, 3), np.uint8)
    for i, outline in enumerate(list(outlines.values())[label] for label in labels):
        points = 4 * (place[i] + size[i] * turn[i] * outline)
        picture = Image.new("RGB", (128, 128), tuple(paper[i].tolist()))
        ImageDraw.Draw(picture).polygon(points.view(float).tolist(), tuple(ink[i].tolist()))
        images[i] = picture.reduce(4)
    note = f"{count:,} drawn shapes of ten classes ({', '.join(outlines)}), 32 px, seed 0."
    return images[:2000], labels[:2000], images[2000:], labels[2000:], note


def uniform() -> tuple[np.ndarray, str]:
    """Draw points from the unit square, the first data set of the PaddlePaddle chapter."""
    points = np.random.default_rng(0).random((1_000_000, 2), dtype=np.float32)
    return points, "1,000,000 points, uniform in the unit square, seed 0."


def mixture(name: str) -> tuple[np.ndarray, str]:
    """Draw points around the centres of ``mixture_modes``."""
    centres, sigma = mixture_modes(name)
    rng = np.random.default_rng(0)
    points = centres[rng.integers(len(centres), size=100_000)]
    points = (points + sigma * rng.normal(size=points.shape)).astype(np.float32)
    note = f"100,000 points around a {name} of {len(centres)} centres, σ = {sigma}, seed 0."
    return points, note


def mixture_modes(name: str) -> tuple[np.ndarray, float]:
    """Return the centres and the standard deviation of the Gaussians of a data set of points.

    The settings are those of Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018 (PacGAN).

    Args:
        name: ``"ring"`` (8 Gaussians on the unit circle, σ = 0.01) or ``"grid"`` (5 by 5 Gaussians
            from -4 to 4 at a distance of 2, σ = 0.05).

    Returns:
        float64 (k, 2) centres, and σ, the same for every Gaussian and direction.

    Raises:
        ValueError: another name.
    """
    if name == "ring":
        angles = 2 * np.pi * np.arange(8) / 8
        return np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01
    if name == "grid":
        side = np.arange(-4.0, 5.0, 2.0)
        return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), 0.05
    raise ValueError(f"There is no mixture {name!r}. There are: grid, ring.")


def _shape_outlines() -> dict[str, np.ndarray]:
    """Return the corners of ten shapes around 0, as complex numbers of absolute value up to 1."""

    def polygon(corners, width=1.0, height=1.0, turn=0.0):  # from the top, where y is -1
        points = np.exp(2j * np.pi * (np.arange(corners + 1) / corners - 0.25 + turn))
        return width * points.real + 1j * height * points.imag

    circle, arm = polygon(40), np.array([-1 / 3 - 1j, 1 / 3 - 1j, 1 / 3 - 1j / 3])
    return {
        "disc": circle,
        "ring": np.concatenate([circle, 0.55 * circle[::-1]]),
        "crescent": 0.9 * np.concatenate([circle[20:], polygon(40, 0.4)[:19:-1]]) + 0.4,
        "triangle": polygon(3),
        "square": polygon(4, turn=1 / 8),
        "diamond": polygon(4, width=0.6),
        "star": polygon(10) * np.where(np.arange(11) % 2, 0.4, 1),
        "cross": 0.94 * np.concatenate([arm * 1j**quarter for quarter in range(4)]),
        "horizontal bar": polygon(4, 1.3, 0.35, turn=1 / 8),
        "vertical bar": polygon(4, 0.35, 1.3, turn=1 / 8),
    }
