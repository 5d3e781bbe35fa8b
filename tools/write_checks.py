"""Write `gan_utils/teaching/answers.json`, with which `teaching.check` judges an answer.

    python -m tools.write_checks

The answers stand here, as formulas, and nowhere in the package: there are their hashes, and those
of usual slips. Only exercises are here whose answer does not depend on a machine or on a training.
A test holds every answer against what the chapter's solution prints. To add a check, add an entry
to `ANSWERS`, call it in the exercise's hole, and run this.
"""

import json
import math
from pathlib import Path

import numpy as np
from scipy.stats import norm

from gan_utils.teaching.answers import key

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "gan_utils/teaching/answers.json"
COUNTS = 15  # significant digits of numbers that are counted: all of them
LN2 = math.log(2)


def equilibrium(target: float) -> tuple[float, float, float]:
    """Return D(x) and both losses of a finished game, with one target for real images."""
    d = target / 2
    return d, -target * math.log(d) - (2 - target) * math.log(1 - d), -math.log(d)


def lake(x: np.ndarray) -> np.ndarray:
    """Return chapter 02's density of the wild fish."""
    return 0.6 * norm.pdf(x, -1, 0.3) + 0.4 * norm.pdf(x, 1.2, 0.4)


def best(mean: float) -> np.ndarray:
    """Return chapter 02's best D at -1 and 1.2 for a farm with this mean."""
    x = np.array([-1, 1.2])
    return lake(x) / (lake(x) + norm.pdf(x, mean, 0.8))


def divergences(dx: float = 0.01) -> np.ndarray:
    """Return KL(p||q), KL(q||p) and JS of chapter 02's lake and its younger fish alone."""
    grid = np.arange(-6, 6, dx)
    p, q = lake(grid), norm.pdf(grid, -1, 0.3)
    r = (p + q) / 2

    def kl(a, b):
        return np.sum(np.where(a > 1e-300, a * np.log(np.maximum(a, 1e-300) / b), 0)) * dx

    return np.array([kl(p, q), kl(q, p), (kl(p, r) + kl(q, r)) / 2])


def pairs(q: list[float]) -> float:
    """Return the total variation of pairs between eight equal shares and ``q``."""
    return np.abs(np.outer(q, q) - 1 / 64).sum() / 2


def networks(hidden: int, bias: int) -> tuple[int, int]:
    """Return the parameters of chapter 04's generator and discriminator."""
    g = (100 + bias) * hidden + (hidden + bias) * 784
    return g, (784 + bias) * hidden + (hidden + bias)


def dcgan_64(normalisation: int) -> int:
    """Return the parameters of chapter 10's generator for 64 pixels, d = 100, w = 64, c = 3."""
    d, w, c = 100, 64, 3
    kernels = 16 * (8 * 4 * w * w + 4 * 2 * w * w + 2 * w * w + c * w)
    return d * 16 * 8 * w + kernels + normalisation * 15 * w + c


def truncated(tau: float) -> float:
    """Return the standard deviation of a normal distribution that is cut at ±tau."""
    return math.sqrt(1 - 2 * tau * norm.pdf(tau) / (2 * norm.cdf(tau) - 1))


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return math.exp(-np.logaddexp(0, -x))


NONE = math.nan  # a slip that does not touch this number
eta, disc = 0.3, math.pi * 0.15**2 / 100
collapsed = np.array([2493] + [1] * 7) / 2500
lost, uneven = [0] + [1 / 7] * 7, [0.75 / 8] * 4 + [1.25 / 8] * 4

#: exercise -> the answer, its significant digits, and slips of its own: what is said -> what it is
ANSWERS = {
    "01.1": (256 * 256 * 3, COUNTS, {"Is every colour a step of its own?": 256 * 256}),
    "02.1": (best(1.2), 3, {"This is still the old farm.": best(0.2)}),
    "02.2": (3 / 4, 3, {"These are odds. Which share of all fish is that?": 3}),
    "02.4": (
        math.sqrt(1 - eta**2 + eta**4),
        3,
        {"That is the factor of simultaneous steps.": math.sqrt(1 + eta**2)},
    ),
    "02.5": (
        divergences(),
        3,
        {"A mean in place of a sum times dx?": divergences() / 12},
    ),
    "03.1": (
        (8, 1, (collapsed * np.log(8 * collapsed)).sum(), 1 / 2500),
        3,
        {"Where do the 2,500 points lie? Count those on each mode.": (1, 1, math.log(8), 0)},
    ),
    "03.2": ((7, 1), COUNTS, {"Are all eight different?": (8, 8)}),
    "03.3": (
        (disc, 25 * (1 - (1 - disc) ** 2500)),
        3,
        {
            "What is the radius of the disc, in σ?": (disc / 9, 25 * (1 - (1 - disc / 9) ** 2500)),
            "One mode, or all 25?": (25 * disc, 1 - (1 - disc) ** 2500),
        },
    ),
    "03.4": ((2 * LN2, 20), 3, {"That is of one kind of images, and D has two.": (LN2, NONE)}),
    "03.5": ((pairs(lost), pairs(uneven)), 3, {"That is of single points.": (1 / 8, 1 / 8)}),
    "04.1": (
        networks(256, 1),
        COUNTS,
        {
            "The biases are missing.": networks(256, 0),
            "How many hidden units does the question ask for?": networks(128, 1),
        },
    ),
    "04.5": (
        equilibrium(0.7),
        3,
        {"That is with another target.": equilibrium(0.9), "Without smoothing?": equilibrium(1)},
    ),
    "05.1": ((0.3, 0.2, 0.2, 0.01), 3, {}),
    "05.2": (
        (187, 10, 2, 2),
        COUNTS,
        {"How long is a step, with this rate?": (94, 5, 1, 1)},
    ),
    "05.3": (
        (1, 3, 2),
        COUNTS,
        {
            "Does a gradient come to G there? Then D lives.": (3, 1, NONE),
            "An optimiser with a wrong list leaves exact zeros.": (NONE, 2, 3),
        },
    ),
    "05.5": (
        equilibrium(0.9),
        3,
        {"A mean of both halves, where the loss is their sum?": np.array(equilibrium(0.9)) / 2},
    ),
    "06.1": (
        equilibrium(1),
        3,
        {
            "The target of generated images counts too.": equilibrium(0.9),
            "Does it count both kinds of images?": (NONE, LN2, NONE),
        },
    ),
    "06.2": (
        (0.9, 0.1, 0.3),
        2,
        {
            "Which of the two kinds is named first?": (0.1, 0.9, NONE),
            "All flipped?": (0, 1, NONE),
            "A flip moves the mean on either side.": (1, 0, NONE),
            "How far does one flip move a target?": (0.8, 0.2, NONE),
            "That is what Keras's `label_smoothing` makes.": (0.95, 0.05, NONE),
            "Are your targets random? Some are flipped, the others are not.": (NONE, NONE, 0),
            "Flip the labels 1 and 0, not smoothed ones.": (NONE, NONE, 0.24),
            "That is the variance: its root is the scatter.": (NONE, NONE, 0.09),
        },
    ),
    "07.4": (truncated(1.5), 3, {"The variance, not yet its root?": truncated(1.5) ** 2}),
    "08.1": (
        (5, 4),
        COUNTS,
        {
            "Where are the poolings?": (24, 20),
            "Each pooling rounds down.": (6, NONE),
            "A side is a whole number: how is a half rounded?": (5.5, NONE),
            "What does a convolution without padding take away?": (7, 7),
            "The last pooling is missing.": (11, 8),
            "Only half of the layers are there.": (13, 12),
        },
    ),
    "08.2": (
        (1 / 3, 5 / 9),
        3,
        {
            "Is one of the two enough?": (2 / 3, 1 / 9),
            "What is empty both ways counts once.": (NONE, 2 / 3),
        },
    ),
    "08.5": (
        (4, 6, 9),
        COUNTS,
        {
            "That is in a line.": (2, 2.5, 3),
            "That is another kernel.": (1, 2, NONE),
            "A mean in place of a sum?": (4 / 64, 6 / 64, 9 / 64),
        },
    ),
    "09.1": (
        (100 * 49 * 48, 16 * 48 * 24, 16 * 24 + 1, 4 * 48 + 4 * 24),
        COUNTS,
        {
            "Does this layer have a bias?": (101 * 49 * 48, 16 * 48 * 24 + 24, 16 * 24, NONE),
            "How many numbers does it keep for a map?": (NONE, NONE, NONE, 2 * 48 + 2 * 24),
        },
    ),
    "09.3": (
        (1 / math.sqrt(1.25), -1 / math.sqrt(1.25)),
        2,
        {
            "That is what the layer does in inference mode, before it has seen a batch.": (1, -1),
            "That is with two batches.": (0, 0),
            "Both means are known to the layer: which spread does it divide by?": (2, -2),
        },
    ),
    "09.4": (
        math.log1p(math.exp(-1)) + LN2,
        3,
        {
            "That is the loss on real images alone.": math.log1p(math.exp(-1)),
            "A perfect D cannot give a logit of 0 to all.": 2 * LN2,
        },
    ),
    "10.1": (
        dcgan_64(4),
        COUNTS,
        {
            "Batch normalisation is missing.": dcgan_64(0),
            "How many numbers does batch normalisation keep for a map?": dcgan_64(2),
            "The bias of the last layer is missing.": dcgan_64(4) - 3,
        },
    ),
    "11.1": (
        (42, 78, 6, 87, 1, 109),
        COUNTS,
        {"Is it rounded the right way?": (41, 79, 5, 88, NONE, 110)},
    ),
    "11.3": (
        (2 * 600 / 28, 1 / 14),
        3,
        {
            "One pixel has no dark and bright.": (600 / 28, NONE),
            "Whole turns do not show.": (NONE, 15 / 14),
        },
    ),
    "11.5": (
        (0.82, 0.42),
        3,
        {"How does D see A when G drew B?": (0.81, 0.36), "When is A left alone?": (0.18, 0.58)},
    ),
    "12.5": ((2, -1), 3, {"Then c/n is still there.": (1, 1)}),
    "13.1": (
        (sigmoid(0), sigmoid(1), np.logaddexp(0, -1), LN2),
        3,
        {"From the lower end to the upper.": (sigmoid(1), sigmoid(0), LN2, np.logaddexp(0, -1))},
    ),
    "13.2": (
        (-1, 1, -1, -1e-3, 2, -50),
        3,
        {"Was it divided by the rate?": np.array([-1, 1, -1, -1e-3, 2, -50]) / 100},
    ),
    "14.5": (
        (10 / 11, math.log(1.1) + 0.1 * math.log(11)),
        3,
        {
            "That is of the real images alone: some fakes pass.": (10 / 11, math.log(1.1)),
            "Do all fakes have the right label?": (10 / 11, math.log(1.1) + math.log(11)),
            "That D sees no label.": (1 / 2, 2 * LN2),
        },
    ),
}


def slips(value: float, counted: bool) -> list[tuple[str, float]]:
    """Return what usual slips make of a right number, the likelier ones first."""
    made = [("sign", -value), ("two", 2 * value), ("two", value / 2)]
    if 0 < value < 1:
        made += [("rest", 1 - value), ("logit", math.log(value / (1 - value)))]
    made += [("percent", 100 * value)] if abs(value) <= 1 else []
    made += [("reciprocal", 1 / value)] if value else []
    made += [("root", value**2)] + ([("root", math.sqrt(value))] if value > 0 else [])
    if counted:
        return [("one", value + 1), ("one", value - 1), *made]
    return [*made, ("logit", sigmoid(value)), ("base", value / LN2), ("base", value * LN2)]


def around(value: float, digits: int, reach: int) -> list[float]:
    """Return a number and its neighbours, in units of its last digit; a count has none."""
    if digits == COUNTS or not value:
        return [value]
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    return [value + step * unit for step in sorted(range(-reach, reach + 1), key=abs)]


def entry(exercise: str) -> dict:
    """Return a line of the table: what is said to each number, by its hash."""
    answer, digits, own = ANSWERS[exercise]
    right, says = np.atleast_1d(answer).astype(float), {}

    def say(words, place, value, reach=1):
        for near in around(value, digits, reach) if math.isfinite(value) else []:
            says.setdefault(key(exercise, place, near, digits), words)

    for place, value in enumerate(right):
        say("right", place, value)
        for words, wrong in own.items():
            say(words, place, float(np.atleast_1d(wrong)[place]))
        for other in right:
            say("order", place, other)
        for words, wrong in slips(value, digits == COUNTS):
            say(words, place, wrong)
        say("near", place, value, reach=8)
    return {"count": len(right), "digits": digits, "says": dict(sorted(says.items()))}


def written() -> str:
    """Return the table as it must be in the package."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(entry(name), ensure_ascii=False)}" for name in ANSWERS
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the table."""
    TABLE.write_text(written(), encoding="utf-8")
    print(f"{len(ANSWERS)} checks, {TABLE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
