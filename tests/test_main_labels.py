"""Digits on request from the command line: train, then generate what is asked for."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from gan_utils import classifiers, data, gan, metrics, recipes, runs
from gan_utils.cli import main


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of `cdcgan-mnist` with narrow networks, on scikit-learn's digits."""
    folder, tiny = tmp_path_factory.mktemp("trained"), recipes.get("cdcgan-mnist", epochs=1)
    tiny |= {"data": "digits", "batch_size": 256}
    for part in ("generator", "discriminator"):
        tiny[part][1]["width"] = 4
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)
        assert main(["train", "tiny", "--run", str(folder)]) == 0
    return folder


def generate(run, out, *arguments):
    code = main(["generate", str(run), "--out", str(out), *arguments])
    return code or np.load(out)


def test_the_file_holds_images_and_the_labels_asked_for(trained, tmp_path):
    made = generate(trained, tmp_path / "x.npz", "-n", "25", "--seed", "3")
    np.testing.assert_array_equal(made["labels"], np.arange(25) % 10)
    generator = keras.models.load_model(trained / "generator.keras", compile=False)
    wanted = gan.generate(generator, 25, 3, "normal", np.arange(25) % 10)
    np.testing.assert_array_equal(made["images"], wanted)


def test_one_digit_on_request(trained, tmp_path):
    made = generate(trained, tmp_path / "x.npz", "-n", "5", "--label", "7")
    assert made["labels"].tolist() == [7] * 5
    others = generate(trained, tmp_path / "y.npz", "-n", "5", "--label", "1")
    assert (made["images"] != others["images"]).any()


def test_a_digit_that_there_is_not_is_refused(trained, tmp_path, capsys):
    assert generate(trained, tmp_path / "x.npz", "-n", "5", "--label", "12") == 1
    assert "they must lie in 0 to 9" in capsys.readouterr().err


def test_a_folder_names_the_labels_and_a_file_is_no_folder(trained, tmp_path, capsys):
    folder = tmp_path / "made"
    assert main(["generate", str(trained), "--out", str(folder), "-n", "11"]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{number:05d}-label-{number % 10}.png" for number in range(11)]
    blocked = folder / names[0] / "x.npz"
    with pytest.raises(SystemExit):
        main(["generate", str(trained), "--out", str(blocked)])
    assert "is a file and no folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["generate", str(trained), "--out", "/"])
    assert "is not an empty folder" in capsys.readouterr().err


def test_scores_of_images_that_were_asked_for_say_how_many_obey(monkeypatch):
    asked = np.arange(20) % 10
    probabilities = np.eye(10)[np.where(np.arange(20) < 5, (asked + 1) % 10, asked)]
    monkeypatch.setattr(classifiers, "scores", lambda images, _: (probabilities, images))
    monkeypatch.setattr(metrics, "all_scores", lambda *_: {"frechet": 1.0})
    monkeypatch.setattr(metrics, "nearer", lambda *_: 0.5)
    loaded = SimpleNamespace(name="mnist", images=None, test_images=np.zeros((20, 2)))
    made = np.zeros((20, 2))
    assert runs.image_scores(made, loaded, asked)["obeyed"] == 0.75
    assert "obeyed" not in runs.image_scores(made, loaded)


def test_evaluate_says_that_the_generator_was_told_labels(trained, monkeypatch, capsys):
    asked = []
    loaded = SimpleNamespace(name="digits", test_images=np.zeros((20, 28, 28, 1)), note="digits")
    monkeypatch.setattr(runs, "IMAGES", ("digits",))
    monkeypatch.setattr(data, "load", lambda name: loaded)
    monkeypatch.setattr(runs, "image_scores", lambda *it: asked.append(it[2]) or {"obeyed": 0.5})
    assert main(["evaluate", str(trained)]) == 0
    assert asked[0].tolist() == [*range(10), *range(10)]
    assert "no comparison with a generator that is told none" in capsys.readouterr().out
