"""A reader who changes settings reaches the last cell, whatever becomes of the claims."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from gan_utils import fetch

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not os.environ.get("GAN_UTILS_DATA") and not (fetch.cache_folder() / "mnist").is_dir(),
        reason="needs MNIST: set GAN_UTILS_DATA",
    ),
]


def change(notebook, settings):
    """Write other values into the cell under "Change these"."""
    [cell] = [cell for cell in notebook.cells if cell.id == "settings"]
    for name, value in settings.items():
        cell.source, found = re.subn(rf"(?m)^{name} = .*", f"{name} = {value}", cell.source)
        assert found == 1, f"no setting {name}"


def run_as_a_reader(stem, folder, settings, profile="full"):
    """Run a chapter as a reader does, with claims not asserted; return all that it prints."""
    notebook = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4)
    change(notebook, settings)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    env = {name: value for name, value in os.environ.items() if name != "GAN_BOOK_CLAIMS"}
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources)
    client.execute(env=env | {"GAN_BOOK_PROFILE": profile})  # raises where a cell does
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "it did not reach its last cell"
    outputs = [output for cell in code for output in cell.outputs]
    texts = [out.get("text") or out.get("data", {}).get("text/markdown", "") for out in outputs]
    return "\n".join(texts)


def test_chapter_04_with_20_epochs(tmp_path):
    """With seed 0 they end on a page of eights on the machine that made the book."""
    said = run_as_a_reader("04_vanilla_gan", tmp_path, {"epochs": 20})
    assert "Trained 20 epochs, 11,000 steps" in said
    assert (tmp_path / "runs/04_vanilla_gan/generator.keras").is_file()
    assert "Learning rate 0.005:" in said, "an exercise"


def test_chapter_09_with_other_settings(tmp_path):
    said = run_as_a_reader("09_dcgan_mnist", tmp_path, {"seed": 1, "epochs": 2, "r1": 0.0})
    assert "Trained 2 epochs, 1,874 steps" in said
    assert "of the parameters are left" in said, "an exercise"


@pytest.mark.parametrize(
    ("stem", "settings"),
    [
        ("04_vanilla_gan", {"epochs": 1}),
        ("04_vanilla_gan", {"epochs": 6, "seed": 7, "latent_dim": 20, "learning_rate": 0.02}),
        ("09_dcgan_mnist", {"epochs": 2, "seed": 7, "learning_rate": 0.02, "r1": 10.0}),
    ],
)
def test_other_settings_in_quick(tmp_path, stem, settings):
    said = run_as_a_reader(stem, tmp_path, settings, profile="quick")
    assert "not established by so short a run" in said
