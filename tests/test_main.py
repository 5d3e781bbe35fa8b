"""The command line, in this process where possible; see also the tests of what it calls."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from cases import few
from PIL import Image

from gan_utils import callbacks, classifiers, data, metrics, networks, recipes, runs
from gan_utils.cli import main
from gan_utils.runs import COMMAND
from gan_utils.sources import paddle, programs

TINY = recipes.RECIPES["mlp-mnist"] | {
    "data": "digits",
    "rows": None,
    "generator": [networks.mlp_generator, {"hidden": 16}],
    "discriminator": [networks.mlp_discriminator, {"hidden": 16}],
    "g_optimizer": {"learning_rate": 1e-3, "use_ema": True, "ema_momentum": 0.9},
    "epochs": 2,
}


@pytest.fixture(autouse=True)
def tiny_recipe(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
    monkeypatch.setenv("GAN_UTILS_DATA", "")  # and set back afterwards, whatever --data does


def run(*arguments):
    """Return the exit code of the command."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as left:
        return left.code


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def images_of(folder, tmp_path):
    assert run("generate", folder, "-n", 30, "--out", tmp_path / "some.npz") == 0
    return np.load(tmp_path / "some.npz")["images"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder to look at and not to touch."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
        assert run("train", "tiny", "--seed", 3, "--run", folder) == 0
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture
def points_run(tmp_path):
    """A run folder with an untrained generator of points."""

    def make(name):
        settings = programs.RECIPES["paddle-uniform"] | {"data": name}
        about = {"format": 1, "recipe": "points", "settings": settings, "seed": 0}
        (tmp_path / "points").mkdir()
        (tmp_path / "points" / "run.json").write_text(runs.as_json(about))
        paddle.fc_generator().save(tmp_path / "points" / "generator.keras")
        return tmp_path / "points"

    return make


# --- help and lists --------------------------------------------------------------------------


def test_help_is_quick_and_has_examples():
    code = """
import sys
from gan_utils.cli import main
for command in ([], ["recipes"], ["train"], ["generate"], ["evaluate"], ["download"]):
    try:
        main([*command, "--help"])
    except SystemExit as left:
        assert left.code == 0
assert not {"tensorflow", "keras", "matplotlib", "scipy"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    examples = re.findall(r"Example: (.*)", done.stdout)
    assert len(examples) == 5 and all(example.startswith(COMMAND) for example in examples)


def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "gan_utils", "nonsense"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "invalid choice: 'nonsense'" in done.stderr


def test_recipes_are_listed_and_shown(capsys):
    assert run("recipes") == 0
    listed = capsys.readouterr().out
    assert all(name in listed and r["about"] in listed for name, r in recipes.RECIPES.items())
    assert run("recipes", "mlp-mnist") == 0
    shown = capsys.readouterr().out
    assert all(f"- {note}" in shown for note in recipes.RECIPES["mlp-mnist"]["unstated"])
    assert re.search(r'loss +{"name": "non_saturating", "real_target": 0.9}', shown)


@pytest.mark.parametrize("command", ["recipes", "train"])
def test_an_unknown_recipe_is_wrong_use(command, capsys):
    assert run(command, "mlp") == 2
    message = capsys.readouterr().err
    assert "no recipe 'mlp'" in message and "mlp-mnist" in message
    assert "Traceback" not in message


def test_downloads(monkeypatch, capsys):
    with pytest.raises(ValueError, match="To download there are: cifar10, mnist."):
        data.download("nothing")  # as many as the command line offers
    for name in ("cifar10", "mnist"):
        monkeypatch.setattr(data, "download", lambda given: f"{given} is here")
        assert run("download", name) == 0
        assert f"{name} is here" in capsys.readouterr().out

    def fails(name):
        raise OSError("no mirror gave it")

    monkeypatch.setattr(data, "download", fails)
    assert run("download", "mnist") == 1
    assert capsys.readouterr().err == "Failed: no mirror gave it\n"
    assert run("download", "uniform") == 2


# --- train -----------------------------------------------------------------------------------


def test_a_run_folder_is_complete(trained):
    about = json.loads((trained / "run.json").read_text())
    assert about["settings"] == json.loads(runs.as_json(TINY))
    assert about["settings"]["generator"] == ["mlp_generator", {"hidden": 16}]
    assert (about["format"], about["recipe"], about["seed"], about["trained"]) == (1, "tiny", 3, 2)
    assert "1,797 digits" in about["data"] and about["gan_utils"]
    with (trained / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert (trained / "samples.gif").exists() and len(list(trained.glob("samples/*.png"))) >= 3
    assert not list(trained.glob(".*")), "no leftovers"


def test_the_generator_has_the_averaged_weights(trained, copy):
    keras.utils.set_random_seed(99)
    model, x = recipes.build(TINY, 1500), recipes.load_data(TINY)
    model.fit(x, 2, 100, 3, [callbacks.Checkpoint(copy)], verbose=0)
    assert int(model.step) == 30
    saved = keras.models.load_model(trained / "generator.keras").get_weights()
    own = model.generator.get_weights()
    assert any((a != b).any() for a, b in zip(saved, own, strict=True))
    with model.averaged():
        for a, b in zip(saved, model.generator.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_complete_run_is_left_alone(trained, capsys):
    before = contents(trained)
    assert run("train", "tiny", "--seed", 3, "--run", trained) == 0
    said = capsys.readouterr().out
    assert "is complete: 2 epochs" in said and f"{COMMAND} evaluate {trained}" in said
    assert contents(trained) == before


def test_a_lost_generator_is_written_again(trained, copy):
    (copy / "generator.keras").unlink()
    states = [path.name for path in copy.glob("checkpoints/*")]
    assert run("train", "tiny", "--seed", 3, "--run", copy) == 0
    assert [path.name for path in copy.glob("checkpoints/*")] == states
    saved = (keras.models.load_model(f / "generator.keras").get_weights() for f in (trained, copy))
    for a, b in zip(*saved, strict=True):
        np.testing.assert_array_equal(a, b)


OF_SOURCES = ["mlp-mnist", *programs.RECIPES]


@pytest.mark.parametrize("name", few(OF_SOURCES, ["paddle-uniform", "mlp-mnist"]))
def test_every_recipe_of_a_source_trains_from_here(name, tmp_path, monkeypatch):
    table = recipes.RECIPES if name in recipes.RECIPES else programs.RECIPES
    schedule = table[name]["schedule"]
    rows = 2 * 4 * (1 if schedule == "larger_loss" else schedule[0])  # two steps
    load = recipes.load_data
    monkeypatch.setattr(recipes, "load_data", lambda *which: load(*which)[:rows])
    monkeypatch.setitem(table, name, table[name] | {"batch_size": 4})
    assert run("train", name, "--epochs", 1, "--run", tmp_path) == 0
    (history,) = csv.DictReader((tmp_path / "history.csv").open())
    assert np.isfinite(float(history["loss"]))
    assert (tmp_path / "generator.keras").exists()


def test_an_interrupted_run_goes_on_and_ends_the_same(trained, tmp_path, monkeypatch, capsys):
    class Interrupt(callbacks.SampleGrid):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    folder = tmp_path / "a run"
    command = ["train", "tiny", "--seed", 3, "--run", folder]
    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "SampleGrid", Interrupt)
        assert run(*command) == 130
    said = capsys.readouterr().err
    assert f"Go on with\n  {COMMAND} train tiny --seed 3 --run '{folder}'" in said
    assert "trained" not in json.loads((folder / "run.json").read_text())
    unfinished = images_of(folder, tmp_path)
    assert run(*command) == 0
    finished = images_of(folder, tmp_path)
    np.testing.assert_array_equal(finished, images_of(trained, tmp_path))
    assert (finished != unfinished).any()
    assert json.loads((folder / "run.json").read_text())["trained"] == 2


def test_an_interruption_before_the_first_step_keeps_the_generator(copy, monkeypatch):
    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    before = (copy / "generator.keras").read_bytes()
    monkeypatch.setattr("gan_utils.gan.GAN.fit", interrupted)
    assert run("train", "tiny", "--seed", 3, "--run", copy, "--epochs", 3) == 130
    assert (copy / "generator.keras").read_bytes() == before


def test_more_epochs_go_on_from_the_end(copy):
    assert run("train", "tiny", "--seed", 3, "--run", copy, "--epochs", 3) == 0
    about = json.loads((copy / "run.json").read_text())
    assert (about["settings"]["epochs"], about["trained"]) == (3, 3)
    with (copy / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("command", "changes", "message"),
    [
        (("mlp-mnist", "--seed", 3), {}, "recipe was tiny, is now mlp-mnist. "),
        (("tiny", "--seed", 4), {}, "seed was 3, is now 4. "),
        (("tiny", "--seed", 3, "--epochs", 1), {}, "epochs was 2, is now 1 (they can only grow"),
        (("tiny", "--seed", 3), {"batch_size": 50}, "batch_size was 100, is now 50. "),
    ],
)
def test_another_run_is_refused_and_kept(trained, command, changes, message, monkeypatch, capsys):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY | changes)
    before = contents(trained)
    assert run("train", *command, "--run", trained) == 2
    said = capsys.readouterr().err
    assert f"{trained} holds another run: {message}" in said and "--run" in said
    assert contents(trained) == before


def test_epochs_cannot_grow_with_a_decay(copy, monkeypatch, capsys):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY | {"decay": "cosine"})
    about = json.loads((copy / "run.json").read_text())
    about["settings"]["decay"] = "cosine"
    (copy / "run.json").write_text(json.dumps(about))
    assert run("train", "tiny", "--seed", 3, "--epochs", 3, "--run", copy) == 2
    assert "epochs was 2, is now 3 (they can only grow, and only without" in capsys.readouterr().err


def test_other_data_than_before_is_refused_and_changes_nothing(copy, monkeypatch, capsys):
    load = data.load
    monkeypatch.setattr(
        data, "load", lambda name: load(name)._replace(images=load(name).images[1:])
    )
    before = (copy / "run.json").read_bytes()
    assert run("train", "tiny", "--seed", 3, "--epochs", 3, "--run", copy) == 1
    assert "what differs is rows, crc32" in capsys.readouterr().err
    assert (copy / "run.json").read_bytes() == before


@pytest.mark.parametrize("command", [("train", "tiny", "--run"), ("evaluate",)])
def test_another_format_is_refused(copy, command, capsys):
    about = json.loads((copy / "run.json").read_text()) | {"format": 0, "gan_utils": "0.0.1"}
    (copy / "run.json").write_text(json.dumps(about))
    before = contents(copy)
    assert run(*command, copy) == 2
    assert "has format 0, this version reads 1. Use gan_utils 0.0.1" in capsys.readouterr().err
    assert contents(copy) == before


def test_a_damaged_run_file_is_named(copy, capsys):
    (copy / "run.json").write_text("{")
    assert run("train", "tiny", "--run", copy) == 1
    assert re.match("Failed: .*run.json is damaged .* another folder", capsys.readouterr().err)
    (copy / "run.json").write_text(json.dumps({"format": 1}))
    assert run("evaluate", copy) == 1
    assert "run.json is damaged (it holds no settings)" in capsys.readouterr().err


def test_changed_wording_of_a_recipe_does_not_matter(trained, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY | {"about": "other words", "unstated": []})
    assert run("train", "tiny", "--seed", 3, "--run", trained) == 0


def test_a_run_that_diverges_says_so(tmp_path, monkeypatch, capsys):
    steep = {"learning_rate": 1e30}
    changes = {"g_optimizer": steep, "d_optimizer": steep}
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY | changes)
    assert run("train", "tiny", "--run", tmp_path) == 1
    said = capsys.readouterr().err
    assert "Failed: Since step" in said and "not finite" in said and "Traceback" not in said
    assert not (tmp_path / "generator.keras").exists()


def test_a_data_folder_that_is_missing_fails_before_anything_is_written(tmp_path, capsys):
    folder = tmp_path / "run"
    assert run("train", "mlp-mnist", "--data", tmp_path / "none", "--run", folder) == 1
    assert "none', which is not a folder" in capsys.readouterr().err
    assert os.environ["GAN_UTILS_DATA"] == str(tmp_path / "none")
    assert not folder.exists()


@pytest.mark.parametrize("epochs", ["0", "-1", "1.5", "many"])
def test_epochs_are_a_whole_number(epochs, capsys):
    assert run("train", "tiny", f"--epochs={epochs}") == 2
    assert f"'{epochs}' is not a whole number from 1 on" in capsys.readouterr().err


def test_ctrl_c_leaves_a_run_that_can_be_used(tmp_path):
    """A process and a real signal. The handler is set, as a shell in the background ignores it."""
    folder, tail = tmp_path / "run", ["mlp-mnist", "--epochs", "5000", "--run", tmp_path / "run"]
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from gan_utils.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start, "train", *tail],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"GAN_BOOK_PROFILE": "quick"},
    )
    try:
        end = time.monotonic() + 120
        while not (folder / "history.csv").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert f"Go on with\n  {COMMAND} train mlp-mnist --epochs 5000 --run {folder}" in said
    assert "Traceback" not in said
    states = list(folder.glob("checkpoints/step-*.npz"))
    assert states and all(np.load(state, allow_pickle=False) for state in states)
    assert len(images_of(folder, tmp_path)) == 30


# --- generate --------------------------------------------------------------------------------


def test_generates_arrays(trained, tmp_path, capsys):
    outs = {}
    for name, seed, n in (("a", 0, 40), ("b", 0, 7), ("c", 1, 7)):
        out = tmp_path / "new" / f"{name}.npz"
        assert run("generate", trained, "-n", n, "--seed", seed, "--out", out) == 0
        assert f"{n} images from {trained} are in {out}" in capsys.readouterr().out
        outs[name] = np.load(out, allow_pickle=False)["images"]
    assert outs["a"].shape == (40, 28, 28, 1) and outs["a"].dtype == np.uint8
    np.testing.assert_array_equal(outs["a"][:7], outs["b"])
    assert (outs["b"] != outs["c"]).any()


def test_generates_a_grid_and_a_folder(trained, tmp_path):
    assert run("generate", trained, "--out", tmp_path / "grid.png") == 0
    assert Image.open(tmp_path / "grid.png").size == (8 * 30 - 2, 8 * 30 - 2), "64 by default"
    (tmp_path / "images").mkdir()
    assert run("generate", trained, "-n", 3, "--out", tmp_path / "images") == 0
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["00000.png", "00001.png", "00002.png"]
    pictures = [np.asarray(Image.open(tmp_path / "images" / name)) for name in names]
    np.testing.assert_array_equal(pictures, images_of(trained, tmp_path)[:3, ..., 0])
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")], "no leftovers"


def test_a_folder_that_is_in_use_is_refused(trained, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert run("generate", trained, "--out", tmp_path) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert run("generate", trained, "--out", tmp_path / "mine.txt") == 2
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("n", [0, "x"])
def test_at_least_one_is_generated(trained, n, tmp_path):
    assert run("generate", trained, "-n", n, "--out", tmp_path / "a.npz") == 2


@pytest.mark.parametrize("command", [("generate", "--out", "a.npz"), ("evaluate",)])
def test_what_is_no_run_is_refused(command, tmp_path, capsys):
    assert run(*command, tmp_path / "nowhere") == 2
    assert "is no run folder" in capsys.readouterr().err


def test_a_run_without_a_generator_is_refused(copy, tmp_path, capsys):
    (copy / "generator.keras").unlink()
    assert run("generate", copy, "--out", tmp_path / "a.npz") == 2
    assert "has no generator.keras yet" in capsys.readouterr().err


def test_generates_points(points_run, tmp_path, capsys):
    folder = points_run("uniform")
    assert run("generate", folder, "-n", 50, "--out", tmp_path / "a.npz") == 0
    points = np.load(tmp_path / "a.npz")["points"]
    assert points.shape == (50, 2) and points.dtype == np.float32
    assert run("generate", folder, "--out", tmp_path / "a.png") == 0
    assert Image.open(tmp_path / "a.png").size == (500, 540)
    assert run("generate", folder, "--out", tmp_path / "folder") == 2
    assert "for images alone, a folder" in capsys.readouterr().err


# --- evaluate --------------------------------------------------------------------------------


def test_evaluates_digits(copy, capsys):
    assert run("evaluate", copy, "-n", 5000) == 0
    said = capsys.readouterr().out
    assert "297 generated against 297 of: 1,797 digits" in said, "as many as there are"
    scores = json.loads((copy / "scores.json").read_text())
    assert scores["n"] == 297 and scores["frechet"] > 0 and 0 <= scores["confident"] <= 1
    assert sum(scores[f"share_{digit}"] for digit in range(10)) == pytest.approx(1)
    assert f"{scores['frechet']:.4f}" in said
    ours = {"inception", "kernel", "precision", "recall", "density", "coverage", "classes"}
    assert ours < scores.keys() and 0 <= scores["nearer"] <= 1


@pytest.mark.parametrize(("n", "code"), [(4, 1), (6, 0)])
def test_too_few_images_to_score_are_refused(copy, n, code, capsys):
    assert run("evaluate", copy, "-n", n) == code
    assert (copy / "scores.json").exists() == (code == 0)
    assert ("at least 6 rows" in capsys.readouterr().err) == (code == 1)


@pytest.fixture
def colours(points_run, monkeypatch):
    """A run of colour images whose generator draws what the test says."""

    def make(images):
        monkeypatch.setattr("gan_utils.gan.generate", lambda generator, n, *rest: images[:n])
        return points_run("cifar10")

    return make


def test_evaluates_colour_images_and_notices_copies(colours, capsys):
    loaded = data.load("cifar10")
    folder = colours(loaded.images)
    assert run("evaluate", folder, "-n", 200) == 0
    assert "200 generated against 200 of" in capsys.readouterr().out
    scores = json.loads((folder / "scores.json").read_text())
    p, features = classifiers.scores(loaded.images[:200], "cifar10")
    real = classifiers.scores(loaded.test_images[:200], "cifar10")
    assert scores["frechet"] == pytest.approx(metrics.frechet_distance(features, real[1]))
    assert scores["confident"] == pytest.approx((p.max(axis=1) > 0.9).mean())
    assert scores["nearer"] == 1, "they are the training images"


@pytest.mark.parametrize(
    ("name", "keys"),
    [("uniform", {"inside", "ks_x", "ks_y"}), ("ring", {"modes", "kl"}), ("grid", {"modes", "kl"})],
)
def test_evaluates_points(points_run, name, keys):
    folder = points_run(name)
    assert run("evaluate", folder, "-n", 500) == 0
    scores = json.loads((folder / "scores.json").read_text())
    assert keys | {"frechet"} <= scores.keys() and scores["n"] == 500
    assert "NaN" not in (folder / "scores.json").read_text()


def test_the_data_itself_scores_well(points_run, monkeypatch):
    folder = points_run("uniform")
    real = data.load("uniform").points[5000:6000]
    monkeypatch.setattr("gan_utils.gan.generate", lambda *args: real)
    assert run("evaluate", folder, "-n", 1000) == 0
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["inside"] == 1 and scores["frechet"] < 0.01
    assert max(scores["ks_x"], scores["ks_y"]) < 0.08


def test_drawn_shapes_have_no_score(points_run, capsys):
    assert run("evaluate", points_run("shapes")) == 2
    assert "There is no score for shapes yet" in capsys.readouterr().err
