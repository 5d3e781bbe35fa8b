"""The book's experiments from the command line; ``python -m gan_utils --help`` says how.

The exit code is 0 if all went well, 1 after a failure, 2 after wrong use, 130 after Ctrl-C. What
needs TensorFlow is imported inside the commands, so that ``--help`` is quick.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from gan_utils import __version__, files, runs, runtime


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; wrong use leaves with ``SystemExit(2)``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    args = _parser().parse_args(arguments)
    if getattr(args, "data", None):
        os.environ["GAN_UTILS_DATA"] = args.data
    try:
        args.command(args)
        return 0
    except KeyboardInterrupt:
        again = f" Go on with\n  {runs.COMMAND} {shlex.join(arguments)}" * (args.command is train)
        print(f"\nInterrupted.{again}", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1


def show_recipes(args) -> None:
    """List the recipes, or show one in full."""
    if args.name:
        recipe = _recipe(args.name)
        notes = recipe.pop("unstated")
        for key, value in recipe.items():
            print(f"{key:14} {value if isinstance(value, str) else runs.as_json(value)}")
        print(*(f"- {note}" for note in notes), sep="\n")
        return
    print(f"{'recipe':18} {'data':8} {'epochs':>6}  about")
    for name, recipe in _all_recipes().items():
        print(f"{name:18} {recipe['data']:8} {recipe['epochs']:6}  {recipe['about']}")


def train(args) -> None:
    """Train a recipe in a run folder, from where it stopped if it has begun."""
    from gan_utils.own import training

    recipe = _recipe(args.recipe, **({"epochs": args.epochs} if args.epochs else {}))
    settings = json.loads(runs.as_json(recipe))
    about = {"format": runs.FORMAT, "recipe": args.recipe, "settings": settings, "seed": args.seed}
    name, own = args.recipe, recipe["data"] == "own"
    if own:
        about["images"] = training.choose(args, recipe)
        about["settings"] = json.loads(runs.as_json(recipe))
        name += f"-{args.images.resolve().name.removesuffix('.zip')}"
    elif wrong := [f"--{o}" for o in ("images", "size", "grey") if getattr(args, o)]:
        runs.wrong(f"{args.recipe} has data of its own. Leave out {', '.join(wrong)}.")
    run = args.run or Path("runs", f"{name}-seed{args.seed}")
    begun = (run / "run.json").exists()
    if begun:
        before = runs.read(run)
        runs.check_same(run, before, about)
        if own:
            training.tell_changes(args.images, run)
        if before.get("trained") == recipe["epochs"] and (run / "generator.keras").exists():
            print(f"The training in {run} is complete: {recipe['epochs']} epochs.")
            return runs.print_next(run, recipe)
    if own:  # before TensorFlow starts, which takes a while: what is wrong is said at once
        # The gradients of augmentation would have oneDNN remark that it leaves integers to Eigen.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        loaded, x = training.rows(args, run, begun, recipe)
    runtime.setup(args.seed)
    devices = runtime.strategy(args.devices)
    from gan_utils import callbacks, checks, data, recipes

    checks.check_devices(args.devices, recipe["batch_size"], recipe["schedule"])
    if not own:
        loaded = data.load(recipe["data"])
        x = recipes.load_data(recipe, loaded)
    print(loaded.note)
    about |= {"gan_utils": __version__, "data": loaded.note}
    if not begun:
        runs.write_json(run / "run.json", about)
    with devices.scope():
        model = recipes.build(recipe, len(x))
    labels = recipes.load_labels(recipe, loaded) if model.conditional else None
    k_d = 1 if model.schedule == "larger_loss" else model.schedule[0]
    steps = len(x) // (recipe["batch_size"] * k_d)
    every = max(1, steps // 2, steps * recipe["epochs"] // 100)  # a picture takes a while
    beside = callbacks.StopOnNaN(run), callbacks.SampleGrid(run, every), callbacks.Checkpoint(run)
    try:
        model.fit(x, recipe["epochs"], recipe["batch_size"], args.seed, beside, labels=labels)
    except KeyboardInterrupt:
        # Only what was trained and saved may take the place of an earlier generator.
        if (run / "checkpoints" / f"step-{int(model.step.numpy()):09d}.npz").exists():
            runs.save(model, run, about)
        raise
    runs.save(model, run, about | {"trained": recipe["epochs"]})
    runs.print_next(run, recipe)


def generate(args) -> None:
    """Write what a run's generator makes to a file or a folder."""
    out, about = args.out, runs.read(args.run)
    points, folder = about["settings"]["data"] in runs.POINTS, out.is_dir() or not out.suffix
    if folder and points or not folder and out.suffix not in (".npz", ".png"):
        runs.wrong(
            f"--out is {out}; it must be a .npz or .png file or, for images alone, a folder."
        )
    above = next((part for part in out.absolute().parents if part.exists()), out)
    if not above.is_dir():
        runs.wrong(f"--out is {out}, but {above} is a file and no folder. Choose another name.")
    if folder and out.exists() and (not out.is_dir() or any(out.iterdir())):
        runs.wrong(f"{out} is there and is not an empty folder. Choose another name.")
    n = args.n or (64 if out.suffix == ".png" else 10_000)
    made, labels = runs.generate(args.run, about, n, args.seed, args.label)
    runs.write_samples(out, made, labels, points, folder)
    print(f"{len(made):,} {'points' if points else 'images'} from {args.run} are in {out}")


def evaluate(args) -> None:
    """Score a run's generator: images against the test images, points against the data.

    Own images are held against those of the training, for copies.
    """
    about = runs.read(args.run)
    name, known = about["settings"]["data"], runs.IMAGES + runs.POINTS
    if name == "own":
        from gan_utils.own import training

        return training.evaluate(args, about)
    if name not in known:
        runs.wrong(f"There is no score for {name} yet, only for {', '.join(known)}.")
    points = name in runs.POINTS
    least = 2 if points else 6  # coverage looks at the fifth neighbour
    if args.n < least:
        raise ValueError(
            f"-n is {args.n}; the scores of {name} need at least {least} rows, one a sample. Give "
            f"-n {least} or more, better thousands."
        )
    from gan_utils import data

    loaded = data.load(name)
    n = min(args.n, len(loaded.points if points else loaded.test_images))
    made, labels = runs.generate(args.run, about, n, args.seed)
    scores = runs.point_scores(made, loaded) if points else runs.image_scores(made, loaded, labels)
    print(f"{n:,} generated against {n:,} of: {loaded.note}")
    if labels is not None:
        print("It was told labels, all in turn: no comparison with a generator that is told none.")
    runs.write_scores(args.run, scores, data=loaded.note, n=n, seed=args.seed)


def download(args) -> None:
    """Fetch a data set, unless it is there."""
    from gan_utils import data

    print(data.download(args.name))


def _all_recipes() -> dict[str, dict]:
    """Join the recipes of the shelves to those of the core."""
    from gan_utils import recipes
    from gan_utils.own import pictures
    from gan_utils.sources import programs

    return recipes.RECIPES | programs.RECIPES | pictures.RECIPES


def _recipe(name: str, **changes) -> dict:
    from gan_utils import recipes
    from gan_utils.own import pictures
    from gan_utils.sources import programs

    try:
        if name in pictures.RECIPES:
            return pictures.recipe(**changes)
        if name in programs.RECIPES:
            return programs.get(name, **changes)
        return recipes.get(name, **changes)
    except ValueError as error:
        runs.wrong(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        runs.COMMAND, description="The GANs of the book, trained and used."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(function, name, about, example):
        epilog = f"Example: {runs.COMMAND} {name} {example}"
        command = commands.add_parser(name, help=about, description=about, epilog=epilog)
        command.set_defaults(command=function)
        return command.add_argument

    run = {"type": Path, "metavar": "RUN", "help": "folder of a run"}
    seed = {"type": int, "default": 0, "help": "of all that is random (default: 0)"}
    folder = {"metavar": "FOLDER", "help": "where the data sets are, instead of $GAN_UTILS_DATA"}

    option = add(show_recipes, "recipes", "List the recipes, or show one in full.", "mlp-mnist")
    option("name", nargs="?", metavar="NAME", help="the recipe to show")

    about = "Train a recipe; the same command again goes on where it stopped."
    option = add(train, "train", about, "mlp-mnist --epochs 20")
    option("recipe", metavar="RECIPE", help=f"see {runs.COMMAND} recipes")
    option("--epochs", type=runs.count, metavar="N", help="instead of the recipe's")
    option("--run", type=Path, metavar="DIR", help="(default: runs/RECIPE-seedSEED)")
    option("--seed", **seed)
    option("--data", **folder)
    text = "folder or zip file of your own images, for the recipe own-images"
    option("--images", type=Path, metavar="PATH", help=text)
    text = "side of your images: they are cropped and made so small (default: 32 pixels)"
    option("--size", type=int, choices=(28, 32, 64), help=text)
    option("--grey", action="store_true", help="make your images grey")
    text = "share each batch among N GPUs or, where there is none, N parts of the processor"
    option("--devices", type=runs.count, default=1, metavar="N", help=text)

    about = "Make images or points with a trained generator."
    option = add(generate, "generate", about, "runs/mlp-mnist-seed0 -n 100 --out digits.png")
    option("run", **run)
    option("-n", type=runs.count, metavar="N", help="how many (default: 64 for a .png, else 10000)")
    text = ".npz (with the labels, if any were asked for), .png, or a folder for a .png each"
    option("--out", type=Path, required=True, help=text)
    text = "the class, from 0 on, for a generator that takes labels (default: all in turn)"
    option("--label", type=int, metavar="K", help=text)
    option("--seed", **seed)

    about = (
        "Score a trained generator. Digits and CIFAR-10 by the scores of chapter 12 against the "
        "test images, in the features of the book's classifiers: frechet, kernel, precision, "
        "recall, density, coverage; the Inception-style score, the share that is confident (more "
        "than 0.9), the distance of the class shares and each share; nearer, which is 0.5 for new "
        "images and near 1 for copies of the training. Points by the Fréchet distance of their "
        "coordinates to the data, and by how they fill the square (share inside, "
        "Kolmogorov-Smirnov statistics) or the modes. Your own images by how near they come to "
        "those of the training, against copying. If the generator takes labels, also obeyed, the "
        "share that is read as what was asked for. Writes scores.json into the run folder."
    )
    option = add(evaluate, "evaluate", about, "runs/mlp-mnist-seed0")
    option("run", **run)
    option("-n", type=runs.count, default=10_000, metavar="N", help="samples (default: 10000)")
    option("--seed", **seed)
    option("--data", **folder)

    option = add(download, "download", "Fetch a data set into the cache.", "cifar10")
    option("name", choices=("cifar10", "mnist"), help="the data set")
    return parser
