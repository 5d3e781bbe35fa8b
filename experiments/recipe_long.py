"""What becomes of the search's winner in a full run? It breaks; what mends it?

    python experiments/recipe_long.py        about 40 minutes on 2 cores

experiments/recipe_search.py compared variants over two passes, in which the learning rate has soon
fallen. `combined`, its winner, breaks in a run of eight passes. Here it runs again, scored on the
way, and beside it with its learning rate taken back to that of `upsampling`, 0.002. Seeds 10 and 11
are not among those that the chapters report.

Scores are those of 10,000 samples against the 10,000 test images, as in the search; `seconds` is
the time of training alone.

Writes experiments/results/recipe_long.csv.
"""

import functools

import keras
import recipe_search
import scoring
from resumable import run

from gan_utils import runtime

EPOCHS = recipe_search.LONG_EPOCHS
#: way -> changes laid over `combined`
WAYS = {
    "rates 0.002": {"adam": {"learning_rate": 2e-3}},
    "combined": {},
}
SCORED = [1, 2, 3, 4, 5, 6, 7, 8]  # eighths of the run


@functools.cache
def train(way, seed):
    """Train one way with one seed; return its scores by eighths."""
    keras.backend.clear_session()
    runtime.setup(seed)
    images = scoring.mnist_and_features()[0].images
    chosen = recipe_search.best(recipe_search.rows_so_far())
    changes = [recipe_search.VARIANTS[name][1] for name in chosen]
    settings = recipe_search.joined(*changes, WAYS[way])
    steps = len(images) // settings["batch"] * EPOCHS
    model = recipe_search.build(settings, steps, seed)
    curve = scoring.Curve([steps * part // len(SCORED) for part in SCORED])
    model.fit(images, EPOCHS, settings["batch"], seed, callbacks=[curve], verbose=0)
    return dict(zip(SCORED, curve.rows.items(), strict=True))


def one(way, seed, eighth):
    """Return the scores of one run at one eighth; the first call for a run trains it."""
    step, row = train(way, seed)[eighth]
    row = dict(row)
    shares = row.pop("shares")
    return {"step": step, **row, "smallest_share": min(shares), "largest_share": max(shares)}


if __name__ == "__main__":
    runs = [("rates 0.002", 10), ("combined", 10), ("rates 0.002", 11)]
    run(__file__, [{"way": w, "seed": s, "eighth": e} for w, s in runs for e in SCORED], one)
