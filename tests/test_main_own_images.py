"""The command line with a reader's own images; a file of its own, for a process of its own."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from test_main import contents, images_of, run, tiny_recipe  # noqa: F401, the last a fixture

from gan_utils import callbacks, networks
from gan_utils.own import pictures


def drawing(number, mode="RGB"):
    """A drawn image, of another size and colour each time."""
    picture = Image.new("RGB", (40 + 3 * number, 70), (10 * number, 90, 200))
    ImageDraw.Draw(picture).ellipse((10, 10 + number, 30, 40), "white")
    if mode == "16 bits":
        return Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
    return picture.convert(mode)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of images in many modes, and files that are none; the recipe is a tiny one."""
    shape = {"size": 32, "channels": 3, "width": 2}
    tiny = pictures.RECIPES["own-images"] | {
        "epochs": 2,
        "batch_size": 8,
        "generator": [networks.dcgan_generator, shape | {"latent_dim": 4}],
        "discriminator": [networks.dcgan_discriminator, shape | {"batch_norm": False}],
    }
    monkeypatch.setitem(pictures.RECIPES, "own-images", tiny)
    monkeypatch.setattr("gan_utils.own.training.OWN_ROWS", 40)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my photos"
    (folder / "more").mkdir(parents=True)
    kinds = {"a.png": "RGBA", "b.gif": "P", "c.png": "16 bits", "d.jpg": "CMYK", "e.jpg": "L"}
    for number, (name, mode) in enumerate(kinds.items()):
        drawing(number, mode).save(folder / name)
    for number in range(5, 11):
        drawing(number).save(folder / "more" / f"{number}.jpg", exif=turned())
    (folder / "broken.jpg").write_bytes((folder / "e.jpg").read_bytes()[:200])
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not an image")
    return folder


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    return exif


def test_own_images_train_generate_and_evaluate(photos, tmp_path, capsys):
    assert run("train", "own-images", "--images", photos) == 0
    said = capsys.readouterr().out
    folder = Path("runs/own-images-my photos-seed0")
    assert "11 images from my photos, 32 px, in colour; 3 skipped: broken.jpg (" in said
    assert f"Look at {folder}/images.png" in said and f"evaluate '{folder}'" in said
    assert Image.open(folder / "images.png").size[0] > 200
    about = json.loads((folder / "run.json").read_text())
    assert about["trained"] == 2 and about["images"] == f"{photos}, 32 px, in colour"
    assert images_of(folder, tmp_path).shape == (30, 32, 32, 3)
    with (folder / "history.csv").open() as file:
        assert all(np.isfinite(float(row["d_loss"])) for row in csv.DictReader(file))

    shutil.rmtree(photos)  # neither is needed any more, the folder nor the modules that read it
    assert run("evaluate", folder) == 0
    said = capsys.readouterr().out
    assert "11 generated against: 11 images from my photos" in said
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["to_nearest"] > 0 and scores["among_real"] > 0 and 0 <= scores["nearer"] <= 1
    assert f"{scores['nearer']:.4f}" in said
    assert Image.open(folder / "nearest.png").size == (8 * 34 - 2, 2 * 34 - 2)
    assert not list(folder.glob(".*")), "no leftovers"


@pytest.mark.parametrize(("size", "grey", "pack"), [(28, True, False), (64, False, True)])
def test_own_images_of_other_sizes_grey_and_zipped(photos, size, grey, pack, tmp_path, capsys):
    if pack:
        photos = Path(shutil.make_archive(tmp_path / "album", "zip", photos))
    command = ["train", "own-images", "--images", photos, "--epochs", 1, "--size", size]
    assert run(*command, *["--grey"] * grey) == 0
    [folder] = Path("runs").iterdir()
    assert folder.name == f"own-images-{'album' if pack else 'my photos'}-seed0"
    assert f"{size} px, {'grey' if grey else 'in colour'}" in capsys.readouterr().out
    assert images_of(folder, tmp_path).shape == (30, size, size, 1 if grey else 3)


def test_own_images_go_on_without_the_folder(photos, tmp_path, monkeypatch, capsys):
    class Interrupt(callbacks.SampleGrid):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    command = ["train", "own-images", "--images", photos, "--run"]
    assert run(*command, "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "SampleGrid", Interrupt)
        assert run(*command, "broken") == 130
    drawing(30).save(photos / "new.png")  # a run goes on with what it began with
    assert run(*command, "broken") == 0
    assert "11 images from" in capsys.readouterr().out.split("whole")[-1]
    whole, again = (images_of(Path(name), tmp_path).astype(float) for name in ("whole", "broken"))
    assert abs(whole - again).max() <= 2
    shutil.rmtree(photos)
    assert run(*command, "broken") == 0
    assert "is complete: 2 epochs" in capsys.readouterr().out


OTHERS = [
    (["--size", 28], "in colour, is now .*my photos, 28 px, in colour. "),
    (["--grey"], "in colour, is now .*my photos, 32 px, grey. "),
    (["--images", "others"], "images was .*my photos, 32 px, in colour, is now .*others, 32"),
]


def test_own_images_that_are_others_are_refused(photos, capsys):
    command = ["train", "own-images", "--images", photos, "--run", "one"]
    assert run(*command) == 0
    before = contents(Path("one"))
    for change, message in OTHERS:
        assert run(*command, *change) == 2
        said = capsys.readouterr().err
        assert re.search(f"one holds another run: images was {photos}.*{message}|{message}", said)
        assert contents(Path("one")) == before


def test_damaged_images_of_a_run_are_named(photos, capsys):
    command = ["train", "own-images", "--images", photos, "--run", "one"]
    assert run(*command) == 0
    Path("one/images.npz").write_bytes(b"PK nothing")
    Path("one/generator.keras").unlink()  # or the training would count as complete
    for again in (command, ["evaluate", "one"]):
        assert run(*again) == 1
        said = capsys.readouterr().err
        assert "one/images.npz, the images that this run began with, cannot be read" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["own-images"], 2, "own-images needs --images PATH, the folder or zip file"),
        (["own-images", "--images", "nowhere"], 1, "There is no nowhere. Give the folder or the"),
        (["own-images", "--images", "my photos/notes.txt"], 1, "neither a folder nor a complete"),
        (["own-images", "--images", "my photos/more"], 1, "6 images from more, .*at least 8, a ba"),
        (["own-images", "--images", "void"], 1, "void has no image to train on: it is empty"),
        (["own-images", "--images", "my photos", "--size", "30"], 2, "invalid choice: '?30'?.*28"),
        (["tiny", "--images", "my photos"], 2, "tiny has data of its own. Leave out --images."),
        (["tiny", "--size", 28, "--grey"], 2, "Leave out --size, --grey."),
    ],
)
def test_wrong_use_of_own_images(photos, arguments, code, message, capsys):
    Path("void").mkdir()
    assert run("train", *arguments) == code
    said = capsys.readouterr().err
    assert re.search(message, said) and "Traceback" not in said
    assert not Path("runs").exists(), "nothing is written"
