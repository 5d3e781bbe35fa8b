"""The proof that changed code does the same: what it accepts, and what it refuses."""

import ast
import builtins
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tools import canonical, equivalent, experiment_csv, provenance, record, stale

ROOT = Path(__file__).resolve().parent.parent
ONE_ULP_MORE = repr(float(np.nextafter(np.float32(0.001), np.float32(1))))
TINY = '''"""A tiny experiment."""

import keras
import tensorflow as tf
from keras import layers
from resumable import run

from gan_utils import data, standins, gan, losses, metrics, runtime

EPOCHS, RATE = 6, 0.001


class Tail(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is cut at the end of the run."""

    def __init__(self, decay_steps):
        self.decay_steps = decay_steps

    def __call__(self, step):
        return tf.where(tf.cast(step, tf.float32) < 0.9 * self.decay_steps, RATE, 0.0)

    def get_config(self):
        return {"decay_steps": self.decay_steps}


def mlp(outputs):
    z = keras.Input((2,))
    return keras.Model(z, layers.Dense(outputs)(layers.Dense(16, activation="relu")(z)))


def one(r1, seed):
    keras.backend.clear_session()
    runtime.setup(seed)
    points = data.load("ring").points[:40_000]
    model = gan.GAN(mlp(2), mlp(1), losses.non_saturating(), latent="normal", r1=r1)
    rate = Tail(EPOCHS * (len(points) // 100))
    average = {"use_ema": True, "ema_momentum": 0.9}
    model.compile(keras.optimizers.Adam(rate, **average), keras.optimizers.Adam(rate))
    history = model.fit(points, EPOCHS, 100, seed, verbose=0).history
    scores = metrics.mode_coverage(model.sample(2500, seed), *standins.mixture_modes("ring"))
    return scores | {"d_loss": history["d_loss"][-1], "seconds": 1.0}


if __name__ == "__main__":
    run(__file__, [{"r1": 0.1, "seed": seed} for seed in range(2)], one)
'''


def git(root, *arguments):
    who = "-c", "user.name=a", "-c", "user.email=a@example.org"
    return provenance.git(*who, *arguments, root=root)


def commit(root):
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a change", "--allow-empty")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with the package, one experiment and one notebook, both stamped."""
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    for folder in ("gan_utils", "experiments/results", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    for path in ROOT.glob("gan_utils/*.py"):
        shutil.copy(path, tmp_path / "gan_utils")
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copy(ROOT / "experiments/resumable.py", tmp_path / "experiments")
    (tmp_path / "experiments/tiny.py").write_text(TINY)
    cells = [
        "from gan_utils import losses, runtime\n\nsteps = runtime.choose(full=30, quick=2)",
        "import time\n\nlevel = losses.equilibrium(0.9)\nprint(level, time.time())",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbformat.write(book, tmp_path / "notebooks/01_tiny.ipynb")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    monkeypatch.setattr(provenance, "environment", lambda root: {"device": "this", "versions": {}})
    stamp = provenance.experiment_stamp(tmp_path / "experiments/tiny.py", tmp_path)
    rows = [{"r1": 0.1, "seed": 0, "modes": 8}]
    experiment_csv.write(tmp_path / "experiments/results/tiny.csv", rows, stamp, 60.0)
    path = tmp_path / "notebooks/01_tiny.ipynb"
    stamp = provenance.notebook_hashes(path, tmp_path) | {"profile": "full"}
    unit(tmp_path, "01_tiny").write(stamp | {"commit": provenance.commit(path, tmp_path)})
    commit(tmp_path)
    assert [u.name for u in stale.units(tmp_path) if u.reasons] == []
    return tmp_path


def unit(root, name="tiny"):
    return next(unit for unit in stale.units(root) if unit.name == name)


def change(root, file, *pairs):
    text = (root / file).read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (root / file).write_text(text)
    commit(root)


def prove(root, name="tiny"):
    """Return what `prove` says; what is refused must leave the file as it was."""
    found = unit(root, name)
    assert found.reasons
    result = found.path
    if result.suffix == ".py":
        result = root / f"experiments/results/{name}.csv"
    before = result.read_bytes()
    parted = equivalent.prove(found, root)
    assert (result.read_bytes() == before) == (parted is not None)
    return parted


REFACTORED = [  # other names
    ("self._lazy_penalty(", "self.weighted_penalty("),
    ("def _lazy_penalty(", "def weighted_penalty("),
]


def test_a_refactoring_is_proved(project):
    change(project, "gan_utils/gan.py", *REFACTORED)
    before = unit(project).stamp
    assert prove(project) is None
    after = unit(project)
    assert after.reasons == []
    assert {key: after.stamp[key] for key in before} == before  # of the code that ran
    proof = after.stamp["equivalent"]
    assert proof["commit"] == git(project, "rev-parse", "HEAD").decode().strip()
    assert proof["commit"] != before["commit"]
    assert proof["definitions"] != before["definitions"]
    assert "its first 300 steps (100 of convolutions), and the whole job" in proof["compared"]
    assert proof["device"] and proof["date"]
    # a proof is never the ground of another: the next one goes back to the code that ran
    change(project, "gan_utils/gan.py", ("assign_add(1)", "assign_add(2)"))
    assert unit(project).reasons


@pytest.mark.exhaustive
def test_a_rate_that_differs_at_the_end_of_the_run_is_refused(project):
    change(project, "experiments/tiny.py", ("0.9 * self.decay", "0.97 * self.decay"))
    assert "differ; the first: trained" in prove(project)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("experiments/tiny.py", "0.001", ONE_ULP_MORE, "trained"),
        ("gan_utils/metrics.py", "<= 3 * sigma", "<= 6 * sigma", "row"),
        ("experiments/tiny.py", "EPOCHS, RATE = 6", "EPOCHS, RATE = 7", "asked"),
        ("experiments/tiny.py", "range(2)", "range(3)", "jobs"),
        ("gan_utils/gan.py", "* self.r1 / 2", "* self.r1 / 2.0000001", "trained"),
        (
            "gan_utils/data.py",
            "tf.constant(seed, tf.int64)",
            "tf.constant(seed + 1, tf.int64)",
            "trained",
        ),
    ],
)
def test_a_small_difference_is_refused(project, file, old, new, place):
    change(project, file, (old, new))
    assert f"differ; the first: {place}" in prove(project)


@pytest.mark.exhaustive
def test_code_that_fails_is_no_proof(project):
    change(project, "experiments/tiny.py", ("    points =", "    1 / 0\n    points ="))
    with pytest.raises(RuntimeError, match="the present code failed(.|\n)*ZeroDivisionError"):
        equivalent.prove(unit(project), project)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "said"),
    [
        ("tiny", "experiments/tiny.py", "seed in", "seed  in", "not stale"),
        ("01_tiny", "notebooks/01_tiny.ipynb", "full=30", "full=40", "what only the full profile"),
        ("01_tiny", "notebooks/01_tiny.ipynb", '"profile": "full"', '"profile": "quick"', "a run"),
    ],
)
def test_what_no_proof_can_show_is_refused(project, name, file, old, new, said, capsys):
    change(project, file, (old, new))
    if said == "not stale":
        with pytest.raises(SystemExit):
            equivalent.main([name], project)
        assert "not stale: tiny" in capsys.readouterr().err
    else:
        assert said in prove(project, name)


def test_only_what_is_committed_is_proved(project):
    path = project / "gan_utils/losses.py"
    path.write_text(path.read_text().replace("d = real_target / 2", "d = real_target / 3"))
    with pytest.raises(ValueError, match="Commit first"):
        equivalent.prove(unit(project, "01_tiny"), project)


@pytest.mark.exhaustive
def test_a_notebook_is_proved_by_its_outputs_and_variables(project):
    """The time that it prints is left out: a second run of the stamped code gives another."""
    change(project, "gan_utils/losses.py", ("d = real_target / 2", "d = real_target * 0.5"))
    assert prove(project, "01_tiny") is None
    compared = unit(project, "01_tiny").stamp["equivalent"]["compared"]
    assert compared.startswith("all cells in the quick profile: ")
    change(project, "gan_utils/losses.py", ("d = real_target * 0.5", "d = real_target * 0.51"))
    assert "differ; the first: cell 1, text" in prove(project, "01_tiny")


@pytest.mark.parametrize(
    ("place", "now", "said"),
    [
        ("row", {"score": 1.0, "clock": 3}, None),
        ("row", {"score": 99.0, "clock": 3}, "1 of 1 differ; the first: row, score: 1.0 then, 99"),
        ("trained", {"score": 1.0, "clock": 3}, "does not repeat its own training"),
    ],
)
def test_of_what_is_not_repeated_only_that_is_left_out(project, monkeypatch, place, now, said):
    change(project, "gan_utils/gan.py", *REFACTORED)
    then, again = ([[place, {"score": 1.0, "clock": clock}]] for clock in (1, 2))
    records = iter([{"stamped": then, "present": [[place, now]]}, {"stamped": again}])
    monkeypatch.setattr(equivalent, "record", lambda *_: next(records))
    parted = prove(project)
    assert parted is None if said is None else said in parted
    if said is None:
        assert "does not repeat them: row, clock" in unit(project).stamp["equivalent"]["compared"]


# What makes a miniature


@pytest.mark.parametrize("name", sorted({*record.SMALLER, *record.NO_FIT, *record.OWN_ROWS}))
def test_a_miniature_changes_what_its_experiment_has(name):
    """Names that it sets or uses stand at the top of the script or of a module that it imports."""
    tree = canonical.Tree(ROOT, ROOT / "experiments")
    module = tree.module(name)
    changes = "\n".join(lines.get(name, "") for lines in (record.SMALLER, record.OWN_ROWS))
    nodes = list(ast.walk(ast.parse(f"{changes}\n{record.NO_FIT.get(name, '')}")))
    loops = [n.target for n in nodes if isinstance(n, ast.comprehension)]
    used = {n.id for n in nodes if isinstance(n, ast.Name)} - {target.id for target in loops}
    known = {*module.definitions, *module.imported}
    assert used - known - {"cut"} <= set(vars(builtins))
    for node in [
        n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
    ]:
        for path in module.imported.get(node.value.id, ()):
            other, attribute = tree.resolve(f"{path}.{node.attr}")
            assert attribute in ("", *other.definitions), f"{path} has no {node.attr}"
