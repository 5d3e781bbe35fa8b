"""What a change in the project makes stale, tried on a copy of it, one planted change at a time.

Chapters go by their numbers, experiments by their names.
"""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools import canonical, provenance

ROOT = Path(__file__).resolve().parent.parent
GAN = (  # all that trains with the engine
    "01 01e 03 03e 04 04e 05 05e 06e 08 08e 09 09e 10 11 11e 13 13e 14 augment_leak checkerboard "
    "cifar10_long conditional conditional_cifar10 conditional_page dcgan_ablation dcgan_mnist "
    "dcgan_mnist_best dcgan_mnist_shares healthy_runs label_smoothing leaky_relu mixtures "
    "planted_faults pretrained race recipe_long recipe_search source_runs tshirts vanilla_variants"
)
CHAPTERS = " ".join(f"{n:02} {n:02}e" for n in range(1, 15))
MLP = (
    "01 01e 04 04e 05 05e 06 06e 07 07e 08e 09 11e 12 12e frechet_bias healthy_runs "
    "label_smoothing leaky_relu model_families pretrained sliced_samples source_runs "
    "vanilla_variants"
)
DCGAN = (
    "01 01e 07 07e 08e 09e 10 10e 11 11e 12 12e augment_leak cifar10_long conditional_cifar10 "
    "dcgan_mnist dcgan_mnist_shares frechet_bias frechet_storage model_families pretrained "
    "recipe_long recipe_search sliced_samples tshirts"
)
MNIST = (  # all that loads the digits
    "01 01e 03e 04 04e 05 05e 06 06e 07 07e 08 08e 09 09e 11e 12 12e 13 13e 14 augment_leak "
    "checkerboard conditional conditional_page dcgan_ablation dcgan_mnist dcgan_mnist_best "
    "dcgan_mnist_shares digit_classifier fluid_dcgan frechet_bias frechet_storage healthy_runs "
    "label_smoothing leaky_relu model_families planted_faults pretrained race recipe_long "
    "recipe_search score_corruptions sliced_samples source_runs tutorial_dcgan vanilla_variants"
)
G, E = "gan_utils/", "experiments/"
#: change -> file, old, new, and what it makes stale
PLANTED = {
    "the address of a mirror": (G + "fetch.py", "cvdf-datasets/mnist/", "other/", ""),
    "the address of another": (G + "fetch.py", "www.cs.toronto.edu/~kriz/", "example.org/", ""),
    "words of an error, runtime": (G + "runtime.py", "Keras is told to run", "Keras runs", ""),
    "words of an error, gan": (G + "checks.py", "The networks train on", "They train on", ""),
    "words of an error, metrics": (G + "metrics.py", "frechet_distance takes", "It takes", ""),
    "words of an error, data": (G + "data.py", "There is no data set", "No data set", ""),
    "words of a warning": (G + "runtime.py", "The GPU is already in use", "In use", ""),
    "the progress bar": (G + "fit.py", '"ncols": 100', '"ncols": 80', ""),
    "the line that fit prints": (G + "fit.py", 'f"Trained {len', 'f"It trained {len', ""),
    "a line that is printed besides": (
        G + "fit.py",
        "    return history\n",
        "    print(1)\n    return history\n",
        "",
    ),  # fmt: skip
    "the name of the processor": (G + "runtime.py", '"model name"', '"cpu"', ""),
    "the report of versions": (G + "runtime.py", '"Python {python}, ', '"{python}, ', ""),
    "a help text": (G + "cli.py", '"the recipe to show"', '"which recipe"', ""),
    "a docstring": (G + "losses.py", "Mean binary cross-entropy", "Binary cross-entropy", ""),
    "a comment": (G + "gan.py", "# steps made, and the first", "# steps, and the first", ""),
    "layout": (
        G + "losses.py",
        "    d = real_target / 2\n",
        "    d = (\n        real_target / 2)\n",
        "",
    ),  # fmt: skip
    "a number that is printed": (G + "runs.py", "{value:10.4f}", "{value / 2:10.4f}", "11e"),
    "an annotation": (G + "losses.py", "real_target: float = 1.0", "real_target: int = 1.0", ""),
    "the order of imports": (
        G + "fit.py",
        "import sys\nimport time\n",
        "import time\nimport sys\n",
        "",
    ),  # fmt: skip
    "an import more": (
        G + "metrics.py",
        "import numpy as np\n",
        "import os\n\nimport numpy as np\n",
        "",
    ),
    "a new definition": (G + "losses.py", "def make(", "def new():\n    pass\n\n\ndef make(", ""),
    "the version": (G + "__init__.py", '"0.1.0"', '"0.2.0"', ""),
    "a stamp of a result": (E + "results/pretrained.csv", '"date": "', '"date": "x', ""),
    "a border of mode_coverage": (
        G + "metrics.py",
        "<= 3 * sigma",
        "< 3 * sigma",
        "03 03e 11e mixtures",
    ),
    "a constant of train_step": (G + "gan.py", "assign_add(1)", "assign_add(2)", GAN),
    "a constant of the penalty": (G + "gan.py", "* self.r1 / 2", "* self.r1 / 3", GAN),
    "a constant of a loss": (
        G + "losses.py",
        "cross_entropy(fake_logits, 1.0), config",
        "cross_entropy(fake_logits, 0.9), config",
        f"02 02e {GAN}",
    ),  # fmt: skip
    "a constant of the equilibrium": (
        G + "losses.py",
        "d = real_target / 2",
        "d = real_target / 3",
        "02e 04 04e 05 05e 06 09e",
    ),  # fmt: skip
    "a constant of a network": (
        G + "networks.py",
        "def mlp_generator(",
        "def mlp_generator(*, z=1, ",
        MLP,
    ),  # fmt: skip
    "of the DCGAN": (
        G + "networks.py",
        "def dcgan_generator(",
        "def dcgan_generator(*, z=1, ",
        DCGAN,
    ),  # fmt: skip
    "of a source's network": (
        G + "sources/paddle.py",
        "def paddle_dcgan_generator(",
        "def paddle_dcgan_generator(*, z=1, ",
        "03e 08e 10e source_runs",
    ),  # fmt: skip
    "of another source's": (
        G + "sources/paddle.py",
        "def fluid_generator(",
        "def fluid_generator(*, z=1, ",
        "08e 09e fluid_dcgan",
    ),  # fmt: skip
    "a draw of rows": (
        G + "data.py",
        "tf.int32), size - 1)",
        "tf.int32), size - 2)",
        f"02 02e 06 {GAN}",
    ),  # fmt: skip
    "a draw of points": (
        G + "data.py",
        '"ring": lambda: PointData("ring", *standins.mixture("ring"))',
        '"ring": lambda: PointData("ring", *standins.mixture("grid"))',
        # the drawn shapes, which stand in for CIFAR-10, have a "ring" too
        "03 03e 07 10 10e 11e 14 cifar10_long cifar_classifier conditional_cifar10 mixtures "
        "planted_faults pretrained source_runs",
    ),
    "a reader of files": (
        G + "files.py",
        "labels, train = records[:, 0].copy(), 5 * CIFAR10_BATCH",
        "labels, train = records[:, 0].copy(), 4 * CIFAR10_BATCH",
        "10 10e 11e cifar10_long cifar_classifier conditional_cifar10 pretrained source_runs",
    ),
    "a recipe": (
        G + "own/pictures.py",
        '    "own-images": {',
        '    "own-images": {"a": 1,',
        "11 11e tshirts",
    ),  # fmt: skip
    "another recipe": (
        G + "recipes.py",
        '    "dcgan-mnist": {',
        '    "dcgan-mnist": {"a": 1,',
        "09 09e dcgan_mnist_best race",
    ),
    "the script of a film": (
        G + "film.js",
        "canvas",
        "canvass",
        "02 03 04 09 10 11e 14",
    ),  # fmt: skip
    "an error that chapter 06 shows": (
        G + "losses.py",
        "it must lie in [0, 1]",
        "it has to",
        "06e",
    ),  # fmt: skip
    "the style of all figures": (
        G + "plots.py",
        '"grid.alpha": 0.3',
        '"grid.alpha": 0.4',
        CHAPTERS,
    ),
    "an experiment's class": (
        E + "mixtures.py",
        "self.in_a_row < 5",
        "self.in_a_row < 6",
        "mixtures source_runs",
    ),  # fmt: skip
    "what two experiments share": (
        E + "mlp_mnist.py",
        "EPOCHS = 40",
        "EPOCHS = 41",
        "label_smoothing leaky_relu",
    ),  # fmt: skip
    "an experiment's constant": (
        E + "dcgan_ablation.py",
        "24, 64, 936",
        "24, 64, 935",
        "dcgan_ablation",
    ),  # fmt: skip
    "weights": (G + "weights/pixel_model.weights.h5", None, b"others", "01 01e"),
    "a row of a result": (
        E + "results/pretrained.csv",
        "mlp-mnist,",
        "mlp-mnist ,",
        "model_families",
    ),  # fmt: skip
}


def units(root):
    """Return notebooks and scripts by the names that are used here."""
    paths = sorted(root.glob("notebooks/*.ipynb"))
    books = {path.stem[:2] + "e" * path.stem.endswith("_evidence"): path for path in paths}
    scripts = [root / E / f"{path.stem}.py" for path in sorted(root.glob(E + "results/*.csv"))]
    return books | {path.stem: path for path in scripts}


def hashes(root):
    return {name: provenance.hashes(path, root) for name, path in units(root).items()}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project, and the hashes of all that is in it."""
    root = tmp_path_factory.mktemp("copy")
    for folder in ("gan_utils", "experiments", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    return root, hashes(root)


def stale_after(copy, edits):
    """Return what is stale while `edits`, a dict of path -> bytes (or None: deleted), hold."""
    root, before = copy
    kept = {path: path.read_bytes() if path.exists() else None for path in edits}
    try:
        _write(edits)
        after = hashes(root)
    finally:
        _write(kept)
    return {name for name in before if before[name] != after[name]}


def _write(contents):
    for path, content in contents.items():
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)


@pytest.mark.parametrize("change", PLANTED)
def test_a_change_makes_stale_what_it_reaches_and_nothing_else(copy, change):
    name, old, new, expected = PLANTED[change]
    path = copy[0] / name
    if old is not None:
        text = path.read_text()
        assert old in text
        new = text.replace(old, new).encode()
    assert stale_after(copy, {path: new}) == set(expected.split())


def test_the_order_of_a_table_counts(copy):
    """`_load_mnist` takes the four files of the table one after the other."""
    path = copy[0] / "gan_utils/files.py"
    lines = path.read_text().splitlines(keepends=True)
    rows = [n for n, line in enumerate(lines) if "-labels-idx1-ubyte" in line]
    assert len(rows) == 2
    lines[rows[0]], lines[rows[1]] = lines[rows[1]], lines[rows[0]]
    assert stale_after(copy, {path: "".join(lines).encode()}) == set(MNIST.split())


# Moves, renames and deletions


def cut_out(text, name):
    """Return a module's text without a definition, and the definition."""
    found = re.search(rf"^def {name}\(.*?(?=^(def|class|@|[A-Z_]+ =))", text, re.M | re.S)[0]
    return text.replace(found, ""), found


def follow(root, old, new):
    """Return edits by which every import of a module of the package is one of another module."""
    edits = {}

    def rewrite(code):
        def names(found):
            kept = [n.strip() for n in found[2].split(",") if n.strip() != old]
            others = f"{found[1]}from gan_utils import {', '.join(kept)}\n" if kept else ""
            return f"{others}{found[1]}from gan_utils import {new} as {old}"

        line = rf"^( *)from gan_utils import ([\w, ]*\b{old}\b[\w, ]*)"
        return re.sub(line, names, code, flags=re.M)

    for path in [*root.glob("gan_utils/**/*.py"), *root.glob("experiments/*.py")]:
        edits[path] = rewrite(path.read_text()).encode()
    for path in root.glob("notebooks/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = rewrite(cell.source) if cell.cell_type == "code" else cell.source
        edits[path] = nbformat.writes(notebook).encode()
    return edits


def test_moving_a_module_into_another_makes_nothing_stale(copy):
    root, _ = copy
    edits = follow(root, "standins", "data")
    moved = edits[root / "gan_utils/standins.py"].decode()
    text = edits[root / "gan_utils/data.py"].decode()
    text = text.replace("from gan_utils import data as standins\n", "").replace("standins.", "")
    text += f"\n\n{moved}"
    assert "def mixture_modes" in text and "def load(" in text
    edits |= {root / "gan_utils/data.py": text.encode(), root / "gan_utils/standins.py": None}
    assert stale_after(copy, edits) == set()
    wrong = text.replace("side = np.arange(-4.0, 5.0, 2.0)", "side = np.arange(-4.0, 5.0, 1.0)")
    assert {"03", "mixtures"} <= stale_after(
        copy, edits | {root / "gan_utils/data.py": wrong.encode()}
    )


def test_splitting_a_module_makes_nothing_stale(copy):
    root, _ = copy
    metrics, split = root / "gan_utils/metrics.py", root / "gan_utils/frechet.py"
    text, moved = cut_out(metrics.read_text(), "frechet_distance")
    line = "import numpy as np\n"
    text = text.replace(line, f"{line}from gan_utils.frechet import frechet_distance\n", 1)
    moved = f"import numpy as np\nimport scipy.linalg\n\n\n{moved}"
    edits = {metrics: text.encode(), split: moved.encode()}
    assert stale_after(copy, edits) == set()
    edits[split] = moved.replace("np.clip(", "np.clip(1 + ").encode()
    assert {"01", "09", "dcgan_mnist"} <= stale_after(copy, edits)


def test_renaming_a_module_makes_nothing_stale(copy):
    root, _ = copy
    edits = follow(root, "augment", "augmentation")
    edits[root / "gan_utils/augmentation.py"] = edits[root / "gan_utils/augment.py"]
    edits[root / "gan_utils/augment.py"] = None
    assert stale_after(copy, edits) == set()


def test_another_order_makes_nothing_stale(copy):
    path = copy[0] / "gan_utils/losses.py"
    text, moved = cut_out(path.read_text(), "equilibrium")
    assert stale_after(copy, {path: f"{text}\n\n{moved}".encode()}) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("metrics.py", "_two_sets", "_a_pair"),
        ("gan.py", "_with_own", "_plus_own"),
        ("gan.py", "_mean", "_average"),
    ],
)
def test_renaming_a_function_makes_nothing_stale(copy, file, old, new):
    root, _ = copy
    paths = [root / "gan_utils" / file, *root.glob("experiments/*.py")]
    paths += [path for path in root.glob("notebooks/*.ipynb") if f"gan.{old}(" in path.read_text()]
    rename = {path: re.sub(rf"\b{old}\b", new, path.read_text()).encode() for path in paths}
    assert stale_after(copy, rename) == set()


# What cannot be followed is refused


@pytest.mark.parametrize(
    "code", ["from gan_utils.losses import *", "import importlib\nimportlib.import_module('x')"]
)
def test_what_hides_what_runs_is_refused(copy, code):
    path = copy[0] / "gan_utils/losses.py"
    with pytest.raises(ValueError, match="canonical.py cannot follow"):
        stale_after(copy, {path: f"{path.read_text()}\n{code}\n".encode()})


def test_a_function_may_take_the_place_of_a_table():
    """Then no entry of the table is what the name means."""
    module = canonical.Module("m", "", b"T = {'a': 1}\n\n\ndef T():\n    return {'a': 2}\n")
    assert "T" in module.definitions and "T" not in module.tables


# The visible list


def test_all_that_cannot_change_a_result_is_there():
    tree = canonical.Tree(ROOT)
    for name, reason in (canonical.CANNOT_CHANGE_A_RESULT | canonical.COUNTS_FOR_OTHERS).items():
        module, _, definition = name.rpartition(".")
        assert definition in tree.module(module).definitions, name
        assert len(reason) > 5


SPY = """
import inspect, json, sys, threading
_seen = set()
def _spy(frame, event, arg):
    code = frame.f_code
    if event == "call" and "gan_utils" in code.co_filename and code.co_flags & inspect.CO_OPTIMIZED:
        _seen.add((code.co_filename, code.co_qualname))
sys.setprofile(_spy)
threading.setprofile(_spy)
"""


def check_sound(chapter):
    """Run a chapter in quick; what runs of the package has to be among what it reaches."""
    path = units(ROOT)[chapter]
    notebook = nbformat.read(path, as_version=4)
    cells = notebook.cells
    cells.insert(0, nbformat.v4.new_code_cell(SPY))
    cells.append(
        nbformat.v4.new_code_cell("sys.setprofile(None)\nprint(json.dumps(sorted(_seen)))")
    )
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    seen = json.loads(cells[-1].outputs[-1].text)
    ran = {
        ".".join(Path(file).relative_to(ROOT).with_suffix("").parts) + f".{name.partition('.')[0]}"
        for file, name in seen
        if Path(file).is_relative_to(ROOT / "gan_utils") and not name.startswith("<")
    }
    reached = {f"{node[0]}.{node[1]}" for node in provenance.reached(path).nodes}
    assert len(ran) > 10
    named = canonical.CANNOT_CHANGE_A_RESULT.keys() | canonical.COUNTS_FOR_OTHERS.keys()
    assert ran - reached - named == set()


@pytest.mark.parametrize("chapter", ["05"])
def test_what_runs_counts(chapter):
    check_sound(chapter)


@pytest.mark.exhaustive
@pytest.mark.parametrize("chapter", [name for name in CHAPTERS.split() if name != "05"])
def test_what_runs_counts_in_every_chapter(chapter):
    check_sound(chapter)
