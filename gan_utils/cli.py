"""The book's experiments from the command line; ``python -m gan_utils --help`` says how.

The exit code is 0 if all went well, 1 after a failure, 2 after wrong use, 130 after Ctrl-C. What
needs TensorFlow is imported inside the commands, so that ``--help`` is quick.
"""

import argparse
import json
import math
import os
import shlex
import shutil
import sys
from pathlib import Path

from gan_utils import __version__, files, runtime, standins

FORMAT = 1  # of run.json; raise it when runs of before can no longer go on
COMMAND = "python -m gan_utils"
OWN_ROWS = 5000  # an epoch of few images of one's own goes through them again and again
# What evaluate can score. (Shapes are missing: no classifier of the book knows them.)
IMAGES, POINTS = ("mnist", "digits", "cifar10"), ("uniform", "ring", "grid")


FORMAT = 1  # of run.json; raise it when runs of before can no longer go on


COMMAND = "python -m gan_utils"


OWN_ROWS = 5000  # an epoch of few images of one's own goes through them again and again


# What evaluate can score. (Shapes are missing: no classifier of the book knows them.)
IMAGES, POINTS = ("mnist", "digits", "cifar10"), ("uniform", "ring", "grid")


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
        again = f" Go on with\n  {COMMAND} {shlex.join(arguments)}" * (args.command is train)
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
            print(f"{key:14} {value if isinstance(value, str) else as_json(value)}")
        print(*(f"- {note}" for note in notes), sep="\n")
        return
    print(f"{'recipe':18} {'data':8} {'epochs':>6}  about")
    for name, recipe in _all_recipes().items():
        print(f"{name:18} {recipe['data']:8} {recipe['epochs']:6}  {recipe['about']}")


def train(args) -> None:
    """Train a recipe in a run folder, from where it stopped if it has begun."""
    recipe = _recipe(args.recipe, **({"epochs": args.epochs} if args.epochs else {}))
    settings = json.loads(as_json(recipe))
    about = {"format": FORMAT, "recipe": args.recipe, "settings": settings, "seed": args.seed}
    name, own = args.recipe, recipe["data"] == "own"
    if own:
        about["images"] = _own_settings(args, recipe)
        about["settings"] = json.loads(as_json(recipe))
        name += f"-{args.images.resolve().name.removesuffix('.zip')}"
    elif wrong := [f"--{o}" for o in ("images", "size", "grey") if getattr(args, o)]:
        _wrong(f"{args.recipe} has data of its own. Leave out {', '.join(wrong)}.")
    run = args.run or Path("runs", f"{name}-seed{args.seed}")
    begun = (run / "run.json").exists()
    if begun:
        before = _read_run(run)
        _check_same_run(run, before, about)
        if own:
            _tell_changes(args.images, run)
        if before.get("trained") == recipe["epochs"] and (run / "generator.keras").exists():
            print(f"The training in {run} is complete: {recipe['epochs']} epochs.")
            return _print_next(run, recipe)
    if own:  # before TensorFlow starts, which takes a while: what is wrong is said at once
        # The gradients of augmentation would have oneDNN remark that it leaves integers to Eigen.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        loaded, x = _own_images(args, run, begun, recipe)
    runtime.setup(args.seed)
    from gan_utils import callbacks, data, recipes

    if not own:
        loaded = data.load(recipe["data"])
        x = recipes.load_data(recipe, loaded)
    print(loaded.note)
    about |= {"gan_utils": __version__, "data": loaded.note}
    if not begun:
        _write_json(run / "run.json", about)
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
            _save(model, run, about)
        raise
    _save(model, run, about | {"trained": recipe["epochs"]})
    _print_next(run, recipe)


def generate(args) -> None:
    """Write what a run's generator makes to a file or a folder."""
    out, about = args.out, _read_run(args.run)
    points, folder = about["settings"]["data"] in POINTS, out.is_dir() or not out.suffix
    if folder and points or not folder and out.suffix not in (".npz", ".png"):
        _wrong(f"--out is {out}; it must be a .npz or .png file or, for images alone, a folder.")
    if folder and out.exists() and (not out.is_dir() or any(out.iterdir())):
        _wrong(f"{out} is there and is not an empty folder. Choose another name.")
    n = args.n or (64 if out.suffix == ".png" else 10_000)
    made, labels = _generate(args.run, about, n, args.seed, args.label)
    import numpy as np
    from PIL import Image

    from gan_utils import plots

    if folder:
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        part.mkdir(parents=True)
        try:
            for number in runtime.progress(range(len(made)), "writing"):
                Image.fromarray(made[number].squeeze()).save(part / f"{number:05d}.png")
            part.replace(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    elif out.suffix == ".npz":
        arrays = {"points" if points else "images": made}
        arrays |= {} if labels is None else {"labels": labels}
        files.write_atomically(out, lambda file: np.savez_compressed(file, **arrays))
    elif points:
        figure = plots.titled_samples(made, f"{len(made):,} points")
        files.write_atomically(out, lambda file: figure.savefig(file, format="png", dpi=100))
    else:
        picture = Image.fromarray(plots.tile(made, math.ceil(math.sqrt(len(made)))).squeeze())
        files.write_atomically(out, lambda file: picture.save(file, "PNG"))
    print(f"{len(made):,} {'points' if points else 'images'} from {args.run} are in {out}")


def evaluate(args) -> None:
    """Score a run's generator: digits against the test images, points against the data."""
    about = _read_run(args.run)
    name = about["settings"]["data"]
    if name == "own":
        return _evaluate_own(args, about)
    if name not in IMAGES + POINTS:
        _wrong(f"There is no score for {name} yet, only for {', '.join(IMAGES + POINTS)}.")
    least = 2 if name in POINTS else 6  # coverage looks at the fifth neighbour
    if args.n < least:
        raise ValueError(
            f"-n is {args.n}; the scores of {name} need at least {least} rows, one a sample. Give "
            f"-n {least} or more, better thousands."
        )
    from gan_utils import data

    loaded = data.load(name)
    real = loaded.points if name in POINTS else loaded.test_images
    n = min(args.n, len(real))
    made, _ = _generate(args.run, about, n, args.seed)
    scores = _point_scores(name, made, real[:n]) if name in POINTS else _image_scores(made, loaded)
    print(f"{n:,} generated against {n:,} of: {loaded.note}")
    print(*(f"  {key:14} {value:10.4f}" for key, value in scores.items()), sep="\n")
    about = {"gan_utils": __version__, "data": loaded.note, "n": n, "seed": args.seed}
    scores = {k: None if math.isnan(v) else v for k, v in scores.items()}  # JSON knows no NaN
    _write_json(args.run / "scores.json", about | scores)


def download(args) -> None:
    """Fetch a data set, unless it is there."""
    from gan_utils import data

    print(data.download(args.name))


def _own_settings(args, recipe: dict) -> str:
    """Set size and channels of ``recipe``; return what has to be the same when a run goes on."""
    if not args.images:
        _wrong(f"{args.recipe} needs --images PATH, the folder or zip file that holds your images.")
    size = args.size or 32
    for part in ("generator", "discriminator"):
        recipe[part][1] |= {"size": size, "channels": 1 if args.grey else 3}
    return f"{args.images.resolve()}, {size} px, {'grey' if args.grey else 'in colour'}"


def _own_images(args, run: Path, begun: bool, recipe: dict):
    """Return a reader's images, and rows to train on: each of them as often as fills an epoch.

    A run keeps the images that it began with, so that it can go on without the folder.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    from gan_utils.own import pictures

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


def _tell_changes(images: Path, run: Path) -> None:
    """Print what has changed in the folder or zip file that a run's images were read from."""
    from gan_utils.own import pictures

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


def _evaluate_own(args, about: dict) -> None:
    """Say how near a run's images come to those it was trained on, beside these to each other."""
    from gan_utils.own import pictures

    train = pictures.load(args.run / "images.npz")
    n = min(args.n, len(train.images))
    made, _ = _generate(args.run, about, n, args.seed)
    scores, picture = pictures.compare(made, train.images)
    if math.isnan(scores["nearer"]):
        print("All training images are alike: how near they lie to each other cannot be said.")
    print(f"{n:,} generated against: {train.note}")
    print(*(f"  {key:14} {value:10.4f}" for key, value in scores.items()), sep="\n")
    files.write_atomically(args.run / "nearest.png", lambda file: picture.save(file, "PNG"))
    print(f"{args.run / 'nearest.png'} shows the generated images that come nearest.")
    about = {"gan_utils": __version__, "data": train.note, "n": n, "seed": args.seed}
    scores = {k: None if math.isnan(v) else v for k, v in scores.items()}  # JSON knows no NaN
    _write_json(args.run / "scores.json", about | scores)


def _image_scores(made, loaded) -> dict[str, float]:
    """Compute the scores of chapter 12; against copying, compare the first thousand images."""
    from gan_utils import classifiers, metrics

    def judge(images):
        return classifiers.scores(images, loaded.name)

    held_out, few = loaded.test_images[: len(made)], slice(0, 1000)
    probabilities, features = judge(made)
    shares = metrics.class_shares(probabilities)
    nearer = metrics.nearer(made[few], loaded.images, held_out[few])
    return (
        metrics.all_scores((probabilities, features), judge(held_out))
        | {"nearer": nearer}
        | {f"share_{i}": float(share) for i, share in enumerate(shares)}
    )


def _point_scores(name: str, made, real) -> dict[str, float]:
    import scipy.stats

    from gan_utils import metrics

    found = {"frechet": metrics.frechet_distance(made, real)}
    if name != "uniform":
        return found | metrics.mode_coverage(made, *standins.mixture_modes(name))
    inside = ((made >= 0) & (made <= 1)).all(axis=1).mean()
    gaps = [scipy.stats.ks_2samp(a, b).statistic for a, b in zip(made.T, real.T, strict=True)]
    return found | {"inside": float(inside), "ks_x": float(gaps[0]), "ks_y": float(gaps[1])}


def _generate(run: Path, about: dict, n: int, seed: int, label: int | None = None):
    """Return what the generator makes, and the labels that it was asked for, if it takes any."""
    if not (run / "generator.keras").is_file():
        _wrong(f"{run} has no generator.keras yet. Let `{COMMAND} train` go on first.")
    runtime.setup(seed)
    import keras

    from gan_utils import gan

    generator = keras.models.load_model(run / "generator.keras", compile=False)
    labels = gan.asked_labels(generator, n, label)
    return gan.generate(generator, n, seed, about["settings"]["latent"], labels), labels


def _save(model, run: Path, about: dict) -> None:
    part = run / f".generator.{os.getpid()}.keras"  # Keras insists on the ending
    try:
        with model.averaged():
            model.generator.save(part)
        part.replace(run / "generator.keras")
    finally:
        part.unlink(missing_ok=True)
    _write_json(run / "run.json", about)


def _all_recipes() -> dict[str, dict]:
    """Join the recipes of the shelves to those of the core."""
    from gan_utils import recipes
    from gan_utils.own import pictures
    from gan_utils.sources import programs

    return recipes.RECIPES | programs.RECIPES | pictures.RECIPES


def as_json(value) -> str:
    """Write settings as JSON, functions by their names."""
    return json.dumps(value, default=lambda function: function.__name__)


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
        _wrong(error)


def _read_run(run: Path) -> dict:
    path = run / "run.json"
    if not path.is_file():
        _wrong(f"{run} is no run folder: it has no run.json. `{COMMAND} train` makes one.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Start in another folder.") from None
    if about.get("format") != FORMAT:
        _wrong(
            f"{path} has format {about.get('format')}, this version reads {FORMAT}. Use gan_utils "
            f"{about.get('gan_utils')}, which wrote it, or start in another folder with --run."
        )
    return about


def _check_same_run(run: Path, then: dict, now: dict) -> None:
    """Leave with a message if ``run`` was begun with other settings than those given now."""
    names = "recipe", "images", "seed"
    then, now = ({k: a.get(k) for k in names} | a["settings"] for a in (then, now))
    texts = {"about", "source", "unstated"}
    differs = [key for key in then | now if key not in texts and then.get(key) != now.get(key)]
    if differs == ["epochs"] and not now["decay"] and now["epochs"] > then["epochs"]:
        return
    if differs:
        explains = [key for key in ("recipe", "images") if key in differs]  # all others
        differs = explains[:1] or differs
        told = "; ".join(f"{key} was {then.get(key)}, is now {now.get(key)}" for key in differs)
        grow = " (they can only grow, and only without decay)" * ("epochs" in differs)
        _wrong(
            f"{run} holds another run: {told}{grow}. Repeat the command that began it, or choose "
            "another folder with --run."
        )


def _write_json(path: Path, content: dict) -> None:
    text = json.dumps(content, indent=2) + "\n"
    files.write_atomically(path, lambda file: file.write(text.encode()))


def _print_next(run: Path, recipe: dict) -> None:
    print(f"In {run} are generator.keras, history.csv, samples/ and samples.gif. Next:")
    print(f"  {COMMAND} generate {shlex.quote(str(run))} --out samples.png")
    if recipe["data"] in (*IMAGES, *POINTS, "own"):
        print(f"  {COMMAND} evaluate {shlex.quote(str(run))}")


def _wrong(message):
    print(f"Wrong use: {message}", file=sys.stderr)
    raise SystemExit(2)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description="The GANs of the book, trained and used.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(function, name, about, example):
        epilog = f"Example: {COMMAND} {name} {example}"
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
    option("recipe", metavar="RECIPE", help=f"see {COMMAND} recipes")
    option("--epochs", type=_count, metavar="N", help="instead of the recipe's")
    option("--run", type=Path, metavar="DIR", help="(default: runs/RECIPE-seedSEED)")
    option("--seed", **seed)
    option("--data", **folder)
    text = "folder or zip file of your own images, for the recipe own-images"
    option("--images", type=Path, metavar="PATH", help=text)
    text = "side of your images: they are cropped and made so small (default: 32 pixels)"
    option("--size", type=int, choices=(28, 32, 64), help=text)
    option("--grey", action="store_true", help="make your images grey")

    about = "Make images or points with a trained generator."
    option = add(generate, "generate", about, "runs/mlp-mnist-seed0 -n 100 --out digits.png")
    option("run", **run)
    option("-n", type=_count, metavar="N", help="how many (default: 64 for a .png, else 10000)")
    option("--out", type=Path, required=True, help=".npz, .png, or a folder for a .png each")
    text = "the class to make, for a generator that takes labels (default: all in turn)"
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
        "those of the training, against copying. Writes scores.json into the run folder."
    )
    option = add(evaluate, "evaluate", about, "runs/mlp-mnist-seed0")
    option("run", **run)
    option("-n", type=_count, default=10_000, metavar="N", help="samples (default: 10000)")
    option("--seed", **seed)
    option("--data", **folder)

    option = add(download, "download", "Fetch a data set into the cache.", "cifar10")
    option("name", choices=("cifar10", "mnist"), help="the data set")
    return parser
