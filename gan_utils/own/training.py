"""Own images in the command line: what ``train`` and ``evaluate`` do with them."""

import math
from pathlib import Path

from gan_utils import files, runs
from gan_utils.own import pictures

OWN_ROWS = 5000  # an epoch of few images of one's own goes through them again and again


def choose(args, recipe: dict) -> str:
    """Set size and channels of ``recipe``; return what has to be the same when a run goes on."""
    if not args.images:
        runs.wrong(
            f"{args.recipe} needs --images PATH, the folder or zip file that holds your images."
        )
    size = args.size or 32
    for part in ("generator", "discriminator"):
        recipe[part][1] |= {"size": size, "channels": 1 if args.grey else 3}
    return f"{args.images.resolve()}, {size} px, {'grey' if args.grey else 'in colour'}"


def rows(args, run: Path, begun: bool, recipe: dict):
    """Return a reader's images, and rows to train on: each of them as often as fills an epoch.

    A run keeps the images that it began with, so that it can go on without the folder.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    path, batch_size = run / "images.npz", recipe["batch_size"]
    if begun and path.exists():
        loaded = pictures.load(path)
    else:
        loaded = pictures.load_images(args.images, args.size or 32, 1 if args.grey else 3)
        if len(loaded.images) < batch_size:
            raise ValueError(
                f"{loaded.note} To train, there must be at least {batch_size}, a batch; a GAN "
                "wants hundreds, better thousands."
            )
        files.write_atomically(path, lambda file: pictures.save(loaded, file))
        sheet = pictures.contact_sheet(loaded)
        files.write_atomically(run / "images.png", lambda file: sheet.savefig(file, format="png"))
        plt.close(sheet)  # in a notebook it would be shown
        print(f"Look at {run / 'images.png'}: a GAN learns whatever is there.")
    times = -(-OWN_ROWS // len(loaded.images))
    return loaded, np.repeat(loaded.images, times, axis=0)


def tell_changes(images: Path, run: Path) -> None:
    """Print what has changed in the folder or zip file that a run's images were read from."""
    path = run / "images.npz"
    try:
        changed = pictures.changes(images, pictures.load(path), path.stat().st_mtime)
    except (OSError, ValueError):
        return  # they are gone or damaged, and who needs them will say so
    if changed:
        print(
            f"{images} has changed since {run} began; files: {changed}. This run keeps the images "
            "that it began with. To train on those of now, choose another folder with --run."
        )


def evaluate(args, about: dict) -> None:
    """Say how near a run's images come to those it was trained on, beside these to each other."""
    train = pictures.load(args.run / "images.npz")
    n = min(args.n, len(train.images))
    made, _ = runs.generate(args.run, about, n, args.seed)
    scores, picture = pictures.compare(made, train.images)
    if math.isnan(scores["nearer"]):
        print("All training images are alike: how near they lie to each other cannot be said.")
    print(f"{n:,} generated against: {train.note}")
    runs.write_scores(args.run, scores, data=train.note, n=n, seed=args.seed)
    files.write_atomically(args.run / "nearest.png", lambda file: picture.save(file, "PNG"))
    print(f"{args.run / 'nearest.png'} shows the generated images that come nearest.")
