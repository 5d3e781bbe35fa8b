"""Digits on request from the command line: train, then generate what is asked for."""

import keras
import numpy as np
import pytest

from gan_utils import gan, recipes
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
