"""Run folders: what the command `train` leaves, and `generate` and `evaluate` read."""

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
# What evaluate can score. (Shapes are missing: no classifier of the book knows them.)
IMAGES, POINTS = ("mnist", "digits", "cifar10"), ("uniform", "ring", "grid")


def read(run: Path) -> dict:
    """Return what ``run.json`` says; leave with a message if it cannot be used."""
    path = run / "run.json"
    if not path.is_file():
        wrong(f"{run} is no run folder: it has no run.json. `{COMMAND} train` makes one.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            raise ValueError("it holds no settings")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Start in another folder.") from None
    if about.get("format") != FORMAT:
        wrong(
            f"{path} has format {about.get('format')}, this version reads {FORMAT}. Use gan_utils "
            f"{about.get('gan_utils')}, which wrote it, or start in another folder with --run."
        )
    if not isinstance(about.get("settings"), dict):
        raise ValueError(f"{path} is damaged (it holds no settings). Start in another folder.")
    return about


def check_same(run: Path, then: dict, now: dict) -> None:
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
        wrong(
            f"{run} holds another run: {told}{grow}. Repeat the command that began it, or choose "
            "another folder with --run."
        )


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file whole."""
    text = json.dumps(content, indent=2) + "\n"
    files.write_atomically(path, lambda file: file.write(text.encode()))


def generate(run: Path, about: dict, n: int, seed: int, label: int | None = None):
    """Return what the generator makes, and the labels that it was asked for, if it takes any."""
    if not (run / "generator.keras").is_file():
        wrong(f"{run} has no generator.keras yet. Let `{COMMAND} train` go on first.")
    runtime.setup(seed)
    import keras

    from gan_utils import checks, gan

    generator = keras.models.load_model(run / "generator.keras", compile=False)
    labels = checks.asked_labels(generator, n, label)
    return gan.generate(generator, n, seed, about["settings"]["latent"], labels), labels


def write_samples(out: Path, made, labels, points: bool, folder: bool) -> None:
    """Write images or points into a .npz or .png file, or images into a folder, a file each."""
    import numpy as np
    from PIL import Image

    from gan_utils import plots

    if folder:
        part = out.with_name(f".{out.name}.{os.getpid()}.part")
        part.mkdir(parents=True)
        try:
            for number in runtime.progress(range(len(made)), "writing"):
                asked = "" if labels is None else f"-label-{labels[number]}"
                Image.fromarray(made[number].squeeze()).save(part / f"{number:05d}{asked}.png")
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


def save(model, run: Path, about: dict) -> None:
    """Keep the generator, with its averaged weights, and what the run is."""
    part = run / f".generator.{os.getpid()}.keras"  # Keras insists on the ending
    try:
        with model.averaged():
            model.generator.save(part)
        part.replace(run / "generator.keras")
    finally:
        part.unlink(missing_ok=True)
    write_json(run / "run.json", about)


def image_scores(made, loaded, labels=None) -> dict[str, float]:
    """Compute the scores of chapter 12; against copying, compare the first thousand images.

    With the labels (n,) that were asked for also the share that is read so, ``obeyed``.
    """
    from gan_utils import classifiers, metrics

    def judge(images):
        return classifiers.scores(images, loaded.name)

    held_out, few = loaded.test_images[: len(made)], slice(0, 1000)
    probabilities, features = judge(made)
    shares = metrics.class_shares(probabilities)
    nearer = metrics.nearer(made[few], loaded.images, held_out[few])
    read = probabilities.argmax(axis=1)
    obeyed = {} if labels is None else {"obeyed": float((read == labels).mean())}
    return (
        metrics.all_scores((probabilities, features), judge(held_out))
        | {"nearer": nearer}
        | obeyed
        | {f"share_{i}": float(share) for i, share in enumerate(shares)}
    )


def point_scores(made, loaded) -> dict[str, float]:
    """Compute how points lie beside the data, and in the square or on the modes."""
    import scipy.stats

    from gan_utils import metrics

    name, real = loaded.name, loaded.points[: len(made)]
    found = {"frechet": metrics.frechet_distance(made, real)}
    if name != "uniform":
        return found | metrics.mode_coverage(made, *standins.mixture_modes(name))
    inside = ((made >= 0) & (made <= 1)).all(axis=1).mean()
    gaps = [scipy.stats.ks_2samp(a, b).statistic for a, b in zip(made.T, real.T, strict=True)]
    return found | {"inside": float(inside), "ks_x": float(gaps[0]), "ks_y": float(gaps[1])}


def as_json(value) -> str:
    """Write settings as JSON, functions by their names."""
    return json.dumps(value, default=lambda function: function.__name__)


def write_scores(run: Path, scores: dict, **about) -> None:
    """Print scores, and keep them with what they are of in ``scores.json``."""
    print(*(f"  {key:14} {value:10.4f}" for key, value in scores.items()), sep="\n")
    scores = {k: None if math.isnan(v) else v for k, v in scores.items()}  # JSON knows no NaN
    write_json(run / "scores.json", {"gan_utils": __version__} | about | scores)


def print_next(run: Path, recipe: dict) -> None:
    """Say what can be done with a run that is complete."""
    print(f"In {run} are generator.keras, history.csv, samples/ and samples.gif. Next:")
    print(f"  {COMMAND} generate {shlex.quote(str(run))} --out samples.png")
    if recipe["data"] in (*IMAGES, *POINTS, "own"):
        print(f"  {COMMAND} evaluate {shlex.quote(str(run))}")


def wrong(message):
    """Leave: the command was used in a wrong way."""
    print(f"Wrong use: {message}", file=sys.stderr)
    raise SystemExit(2)


def count(text: str) -> int:
    """Read an argument that is a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
