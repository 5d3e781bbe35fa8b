"""Committed outputs come from the committed code, and the stamps that say so can be trusted."""

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageSequence

from gan_utils import film
from tools import execute, experiment_csv, export_pictures, provenance, stale

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
RESULTS = sorted(ROOT.glob("experiments/results/*.csv"))
IN_GIT = (ROOT / ".git").exists()


# The committed files


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebook_matches_its_stamp(path):
    stamp = nbformat.read(path, as_version=4).metadata.get("gan_utils")
    reasons = provenance.why_stale(stamp, provenance.notebook_hashes(path))
    assert not reasons, f"{'; '.join(reasons)}. Run: make equivalent, or make execute"
    assert stamp["device"]
    assert stamp["seconds"] > 0
    assert stamp["date"]
    assert {"python", "tensorflow", "keras", "numpy"} <= stamp["versions"].keys()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_committed_experiment_matches_its_stamp(path):
    stamp, reasons = experiment_csv.check(path)
    assert not reasons, f"{'; '.join(reasons)}. Run: make equivalent, or the experiment"
    if "devices" in stamp:  # the machine of each row; stamps of before name one for all
        assert sum(count for _, count in stamp["devices"]) == len(experiment_csv.read(path)[1])


@pytest.mark.skipif(not IN_GIT, reason="not a git checkout")
def test_every_stamp_names_a_commit():
    """And so does every proof; the code that ran can be looked up there."""
    if provenance.git("rev-parse", "--is-shallow-repository") != b"false\n":
        pytest.skip("a shallow clone lacks the commits of before")
    stamps = [unit.stamp for unit in stale.units()]
    stamps += [stamp["equivalent"] for stamp in stamps if "equivalent" in stamp]
    assert len(stamps) >= len(NOTEBOOKS) + len(RESULTS)
    for name in {stamp["commit"] for stamp in stamps}:
        assert provenance.git("cat-file", "-t", name) == b"commit\n", name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_pictures_are_the_notebooks_outputs(path):
    for name, content in export_pictures.pictures(nbformat.read(path, as_version=4)).items():
        assert (ROOT / "book" / name).read_bytes() == content, f"{name}: make execute"


def test_committed_pictures_all_come_from_a_notebook():
    made = {n for p in NOTEBOOKS for n in export_pictures.pictures(nbformat.read(p, as_version=4))}
    files = [*ROOT.glob("book/pictures/fig-*.png"), *ROOT.glob("book/_static/films/*")]
    assert {str(path.relative_to(ROOT / "book")) for path in files} <= made


def test_committed_weights_are_named_in_the_package():
    """Weights count for a stamp by their file names, so a module must spell each of them out."""
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("gan_utils/**/*.py"))
    weights = [path.name for path in ROOT.glob("gan_utils/weights/*")]
    assert [name for name in weights if name not in code] == []


@pytest.mark.parametrize("result", RESULTS, ids=lambda path: path.stem)
def test_weights_that_an_experiment_makes_are_those_of_its_result(result):
    """They do not count in its stamp, so its rows hold their hashes."""
    script = ROOT / "experiments" / f"{result.stem}.py"
    for name in provenance.weights_made(script):
        content = (ROOT / "gan_utils" / "weights" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() in result.read_text(), name


# What the hashes see and what they do not

PACKAGE = {
    "__init__": '"""Helpers."""\n\n__version__ = "1"\n',
    "runtime": "def device_report():\n    return 'a test machine'\n\ndef seed():\n    return 7\n",
    "data": '"""Data."""\n\nfrom . import runtime\n\n'
    'WEIGHTS = "digits.h5", runtime.seed()\n\ndef _load_b():\n    return 1\n\nSPARE = 1\n'
    'TABLE = {"b": _load_b}\nTABLE["c"] = 1\n\ndef load(name):\n    return TABLE[name]\n',
    "losses": "from gan_utils.data import WEIGHTS, load\n\nSCALE = 1\n\ndef loss(x: int):\n"
    "    'A loss.'\n    if x is None:\n        raise ValueError('no x')\n"
    "    return x, WEIGHTS, SCALE, load(x) if x in 'bc' else x\n\ndef spare():\n    pass\n".replace(
        "in 'bc'", "== str(x)"
    ),
    "plots": "def plot():\n    pass\n\ndef read():\n    return 'runs.csv'\n",
}
CELLS = [
    new_markdown_cell("# A chapter"),
    new_code_cell("import sys", metadata={"tags": ["colab"]}),
    new_code_cell("%config InlineBackend.figure_format = 'retina'\nfrom gan_utils import losses"),
    new_code_cell("rows = open('../experiments/results/smoothing.csv').read()\nlosses.loss(2)"),
    new_code_cell("for i in range(3):\n    print(f'\\r{i} of 3', end='')\nprint('\\rdone')"),
]


@pytest.fixture
def book(tmp_path):
    """A little book: one notebook, a package without TensorFlow, an experiment's result."""
    for folder in ("gan_utils/weights", "notebooks", "experiments/results"):
        (tmp_path / folder).mkdir(parents=True)
    for name, code in PACKAGE.items():
        (tmp_path / f"gan_utils/{name}.py").write_text(code)
    (tmp_path / "gan_utils/weights/digits.h5").write_bytes(b"weights")
    (tmp_path / "experiments/results/smoothing.csv").write_text("a\n1\n")
    (tmp_path / "experiments/results/runs.csv").write_text("a\n1\n")
    cells = [nbformat.from_dict(dict(cell)) for cell in CELLS]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks/01_test.ipynb")
    provenance.git("init", "-q", root=tmp_path)
    commit(tmp_path)
    return tmp_path


def commit(book):
    who = "-c", "user.name=a", "-c", "user.email=a@example.org"
    provenance.git("add", "-A", root=book)
    provenance.git(*who, "commit", "-qm", "a change", "--allow-empty", root=book)


def hashes(book):
    return provenance.notebook_hashes(book / "notebooks/01_test.ipynb", book)


def changed(book, before):
    after = hashes(book)
    return {key for key in before if before[key] != after[key]}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_data_that_a_used_function_names_counts(book):
    runs = book / "experiments/results/runs.csv"
    before = hashes(book)
    edit(runs, "1", "2")
    assert not changed(book, before), "nothing in the notebook reads it"
    read = "losses.loss(2), losses.read()"
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", read)
    edit(book / "gan_utils/losses.py", "SCALE = 1", "from gan_utils.plots import read\nSCALE = 1")
    before = hashes(book)
    edit(runs, "2", "3")
    assert changed(book, before) == {"results"}
    before = hashes(book)
    runs.write_text(f"# {{}}\n{runs.read_text()}")  # a stamp is no result
    assert not changed(book, before)


CODE, LOSSES = {"definitions"}, "gan_utils/losses.py"
CHANGES = {
    "code cell": ("notebooks/01_test.ipynb", "loss(2)", "loss(3)", CODE),
    "a semicolon that hides a result": ("notebooks/01_test.ipynb", "loss(2)", "loss(2);", CODE),
    "magic": ("notebooks/01_test.ipynb", "retina", "svg", CODE),
    "imported module": (LOSSES, "return x", "return 2 * x", CODE),
    "module imported by an imported one": ("gan_utils/runtime.py", "return 7", "return 8", CODE),
    "what a used function uses": (LOSSES, "SCALE = 1", "SCALE = 2", CODE),
    "the kind of an error": (LOSSES, "ValueError", "KeyError", CODE),
    "a second value": (LOSSES, "SCALE = 1", "SCALE = 1\nSCALE = 2", CODE),
    "a value that grows": (LOSSES, "SCALE = 1", "SCALE = 1\nSCALE += 2", CODE),
    "a statement that acts": (LOSSES, "SCALE = 1", "id(1)\nSCALE=1", CODE),
    "the package's __init__": ("gan_utils/__init__.py", '"1"', '"1"\nid(1)', CODE),
    "a default": (LOSSES, "x: int", "x: int = 1", CODE),
    "a decorator": (LOSSES, "def loss", "@staticmethod\ndef loss", CODE),
    "a number that is printed": (
        LOSSES,
        "    return x",
        "    print(f'x {x / 2}')\n    return x",
        CODE,
    ),
    "a name in a class": (
        LOSSES,
        "    return x",
        "    class A:\n        SCALE = SCALE\n    return x",
        CODE,
    ),
    "an entry that grows": ("gan_utils/data.py", 'TABLE["c"] = 1', 'TABLE["b"] += 1', set()),
    "a value declared first": (LOSSES, "SCALE = 1", "SCALE: int\nSCALE = 1", CODE),
    "weights": ("gan_utils/weights/digits.h5", "weights", "others", {"weights"}),
    "data": ("experiments/results/smoothing.csv", "1", "2", {"results"}),
    "a function that nothing mentions": (LOSSES, "pass", "return 1", set()),
    "a new function": (LOSSES, "SCALE = 1", "def new(): pass\nSCALE = 1", set()),
    "a function named like its module": (LOSSES, "SCALE = 1", "def losses(): 0\nSCALE = 1", set()),
    "a constant that nothing mentions": ("gan_utils/data.py", "SPARE = 1", "SPARE = 2", set()),
    "an entry that nothing mentions": ("gan_utils/data.py", '["c"] = 1', '["c"] = 2', set()),
    "a data set that is not loaded": ("gan_utils/data.py", "return 1", "return 2", set()),
    "version number": ("gan_utils/__init__.py", '"1"', '"2"', set()),
    "docstring of a function": (LOSSES, "A loss.", "The loss.", set()),
    "docstring of a module": ("gan_utils/data.py", "Data.", "All the data.", set()),
    "comment and layout": (LOSSES, "return x", "# why\n\n    return (x)", set()),
    "what an error says": (LOSSES, "'no x'", "f'{x}', SCALE", set()),
    "an annotation": (LOSSES, "x: int", "x: float", set()),
    "an import": (LOSSES, "SCALE = 1", "import os\nSCALE = 1", set()),
    "how a name is imported": (
        LOSSES,
        "from gan_utils.data import WEIGHTS, load",
        "from gan_utils import data as d\nfrom gan_utils.data import load\nWEIGHTS = d.WEIGHTS",
        CODE,  # a name of its own is a definition of its own
    ),
    "what is printed": (LOSSES, "    return x", "    print('x')\n    return x", set()),
    "what a warning says": (
        LOSSES,
        "    return x",
        "    import warnings; warnings.warn('x')\n    return x",
        CODE,  # a new one; its words are another case
    ),
    "the machine": ("gan_utils/runtime.py", "a test machine", "another", set()),
    "comment in a cell": ("notebooks/01_test.ipynb", "loss(2)", "loss( 2 )  # two", set()),
    "Markdown cell": ("notebooks/01_test.ipynb", "# A chapter", "# The chapter", set()),
    "Colab cell": ("notebooks/01_test.ipynb", "import sys", "import os", set()),
    "module not imported": ("gan_utils/plots.py", "pass", "return 1", set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_hashes_see_what_can_change_a_result(book, change):
    name, old, new, expected = CHANGES[change]
    before = hashes(book)
    edit(book / name, old, new)
    assert changed(book, before) == expected


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("import gan_utils.losses", "gan_utils.losses.loss"),
        ("import gan_utils.losses as L", "L.loss"),
        ("import gan_utils as g, gan_utils.losses", "g.losses.loss"),
        ("from gan_utils.losses import loss", "loss"),
        ("from gan_utils.losses import loss as other", "other"),
        ("from gan_utils import plots, losses", "losses.loss"),
        ("def later(x):\n    from gan_utils.losses import loss\n    return loss(x)", "later"),
        ("%matplotlib inline\nfrom gan_utils import losses", "losses.loss"),
        ("if True:\n    %pip --version\nfrom gan_utils import losses", "losses.loss"),
        ("from gan_utils import losses\nname = 'loss'", "getattr(losses, name)"),
        ("from gan_utils import losses\nlosses = losses", "losses.loss"),
        ("from gan_utils import losses\nf = [l for l in [losses]][0]", "f.loss"),
        ("import builtins\nimport gan_utils.losses as loss", "(lambda x: loss.loss(x))"),
    ],
)
def test_every_kind_of_import_is_followed(book, statement, call):
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", f"{call}(2)")
    edit(
        book / "notebooks/01_test.ipynb",
        json.dumps("from gan_utils import losses"),
        json.dumps(statement),
    )
    before = hashes(book)
    edit(book / "gan_utils/runtime.py", "return 7", "return 8")
    assert changed(book, before) == CODE


@pytest.mark.parametrize("code", ["%time losses.loss(2)", "!python -m gan_utils", "%run other.py"])
def test_a_magic_that_hides_code_is_refused(book, code):
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", code)
    with pytest.raises(ValueError, match="hides what runs: no stamp can follow it"):
        hashes(book)


def test_a_timed_cell_is_followed(book):
    notebook = nbformat.read(book / "notebooks/01_test.ipynb", as_version=4)
    notebook.cells[3].source = "%%time\nlosses.loss(2)"
    nbformat.write(notebook, book / "notebooks/01_test.ipynb")
    before = hashes(book)
    edit(book / "gan_utils/losses.py", "SCALE = 1", "SCALE = 2")
    assert changed(book, before) == CODE


@pytest.mark.parametrize(
    ("name", "old", "new"), [("b", "return 1", "return 2"), ("c", '["c"] = 1', '["c"] = 2')]
)
def test_data_sets_and_entries_count_by_their_names(book, name, old, new):
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", f"losses.loss('{name}')")
    before = hashes(book)
    edit(book / "gan_utils/data.py", old, new)
    assert changed(book, before) == CODE


@pytest.mark.parametrize(
    "statement",
    ["from gan_utils import losses\nlosses.losses()", "from gan_utils.losses import losses"],
)
def test_a_function_named_like_its_module_counts_where_it_is_used(book, statement):
    edit(
        book / "notebooks/01_test.ipynb",
        json.dumps("from gan_utils import losses"),
        json.dumps(statement),
    )
    edit(book / "gan_utils/losses.py", "SCALE = 1", "def losses(): return 1\nSCALE = 1")
    before = hashes(book)
    edit(book / "gan_utils/losses.py", "def losses(): return 1", "def losses(): return 2")
    assert changed(book, before) == CODE


# Runs


def run(book, *arguments):
    return execute.main([*arguments], root=book)


def test_a_run_stamps_and_a_second_has_nothing_to_do(book, capsys):
    assert run(book) == 0
    notebook = nbformat.read(book / "notebooks/01_test.ipynb", as_version=4)
    stamp = notebook.metadata["gan_utils"]
    assert stamp["profile"] == "full"
    assert stamp["device"] == "a test machine"
    assert provenance.why_stale(stamp, hashes(book)) == []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[-1].outputs[0].text == "done\n"  # of a progress bar its last line
    assert all("execution" not in cell.metadata for cell in code)
    capsys.readouterr()
    assert run(book) == 0
    assert "Nothing is stale" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("notebooks/01_test.ipynb", "loss(2)", "loss(3)", "its code changed"),
        ("gan_utils/runtime.py", "return 7", "return 8", "its code changed"),
        ("gan_utils/weights/digits.h5", "weights", "others", "weights that it reads changed"),
        ("notebooks/01_test.ipynb", '"done', '"gone', "its outputs changed"),
        ("experiments/results/smoothing.csv", "1", "2", "results that it reads changed"),
        ("notebooks/01_test.ipynb", '"full"', '"quick"', "not run in full"),
        ("gan_utils/losses.py", "A loss.", "The loss.", None),
    ],
)
def test_a_change_after_a_run_is_stale(book, name, old, new, reason):
    assert run(book) == 0
    edit(book / name, old, new)
    stamp = nbformat.read(book / "notebooks/01_test.ipynb", as_version=4).metadata["gan_utils"]
    reasons = provenance.why_stale(stamp, hashes(book))
    assert (not reasons) if reason is None else (len(reasons) == 1 and reason in reasons[0])


def test_a_failed_run_changes_nothing(book, capsys):
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", "1 / 0")
    commit(book)
    before = (book / "notebooks/01_test.ipynb").read_bytes()
    assert run(book) == 1
    assert (book / "notebooks/01_test.ipynb").read_bytes() == before
    assert list(book.rglob("*.part")) == []
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_dead_kernel_changes_nothing(book, capsys):
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", "import os; os._exit(1)")
    commit(book)
    before = (book / "notebooks/01_test.ipynb").read_bytes()
    assert run(book) == 1
    assert (book / "notebooks/01_test.ipynb").read_bytes() == before
    assert "left as it was" in capsys.readouterr().err


def test_code_that_changes_during_a_run_is_not_stamped(book, capsys):
    sneaky = "open('../gan_utils/losses.py', 'a').write('id(1)\\\\n')"
    edit(book / "notebooks/01_test.ipynb", "losses.loss(2)", sneaky)
    commit(book)
    assert run(book) == 1
    assert "changed while the notebook ran" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["notebooks/01_test.ipynb", "gan_utils/losses.py"])
def test_only_what_is_committed_is_run(book, name, capsys):
    old, new = ("loss(2)", "loss(3)") if "note" in name else ("SCALE = 1", "SCALE = 2")
    edit(book / name, old, new)
    assert run(book) == 1
    assert "differs from the last commit. Commit first" in capsys.readouterr().err
    commit(book)
    assert run(book) == 0
    stamp = nbformat.read(book / "notebooks/01_test.ipynb", as_version=4).metadata["gan_utils"]
    assert stamp["commit"] == provenance.git("rev-parse", "HEAD", root=book).decode().strip()
    edit(book / "gan_utils/losses.py", "A loss.", "The loss.")  # what does not count may differ
    assert run(book, "--force") == 0


def test_there_is_no_way_to_stamp_without_running(book, capsys):
    with pytest.raises(SystemExit):
        run(book, "--stamp-only")
    with pytest.raises(SystemExit):
        run(book, "99_unknown")
    assert "no notebook 99_unknown; there are 01_test" in capsys.readouterr().err


def test_pictures_are_exported(book):
    cell = new_code_cell(
        "from IPython.display import Image\nImage(b'\\x89PNG pretends', format='png')",
        metadata={"tags": ["picture"], "mystnb": {"figure": {"name": "fig-01-dot"}}},
    )
    notebook = nbformat.read(book / "notebooks/01_test.ipynb", as_version=4)
    notebook.cells.append(cell)
    nbformat.write(notebook, book / "notebooks/01_test.ipynb")
    commit(book)
    assert run(book) == 0
    assert (book / "book/pictures/fig-01-dot.png").read_bytes().startswith(b"\x89PNG")


def test_films_are_exported_as_animations_that_play_once():
    frames = [np.full((12, 16, 3), 40 * i, np.uint8) for i in range(6)]
    strip = film.show(frames, list("abcdef"), "Grey.", "Brighter.", columns=4)
    cell = new_code_cell("", metadata={"tags": ["picture"], "film": "fig-01-grey"})
    cell.outputs = [new_output("display_data", {"text/html": strip.data})]
    made = export_pictures.pictures(new_notebook(cells=[cell]))
    names = [f"_static/films/fig-01-grey.{kind}" for kind in ("webp", "png")]
    moving, still = (Image.open(io.BytesIO(made[name])) for name in names)
    assert moving.n_frames == 6 and moving.size == still.size == (16, 12)
    assert moving.info["loop"] == 1
    lasts = 0
    for i, frame in enumerate(ImageSequence.Iterator(moving)):
        assert abs(np.asarray(frame.convert("RGB"), int).mean() - 40 * i) < 4
        lasts += moving.info["duration"]
    assert 3000 < lasts < 5000
    assert abs(np.asarray(still, int).mean() - 200) < 4


# Experiments


@pytest.fixture
def experiment(book):
    script = book / "experiments/smoothing.py"
    script.write_text('"""Smoothing."""\nfrom gan_utils import losses\n\nprint(losses.loss(1))\n')
    path = book / "experiments/results/smoothing.csv"
    path.unlink()
    commit(book)
    stamp = provenance.experiment_stamp(script, book) | {"profile": "full", "devices": []}
    stamp = experiment_csv.made_by(stamp, stamp["device"])
    experiment_csv.write(path, [{"seed": 0, "score": 0.5}], stamp, 1.0, complete=False)
    assert experiment_csv.check(path, book)[1] == ["its run was not finished"]
    rows, seconds = experiment_csv.rows_so_far(path, stamp)
    assert rows == [{"seed": "0", "score": "0.5"}]
    stamp = experiment_csv.made_by(stamp, stamp["device"])
    experiment_csv.write(path, [*rows, {"seed": 1, "score": 0.6}], stamp, seconds + 1.0)
    assert experiment_csv.check(path, book)[1] == []
    return path


def test_each_row_keeps_the_machine_that_made_it(book, experiment):
    stamp, rows = experiment_csv.read(experiment)
    assert stamp["devices"] == [["a test machine", 2]]
    stamp = stamp | {"device": "another"}
    rows, seconds = experiment_csv.rows_so_far(experiment, stamp)
    stamp = experiment_csv.made_by(stamp, "another")
    experiment_csv.write(experiment, [*rows, {"seed": 2, "score": 0.7}], stamp, seconds)
    assert experiment_csv.read(experiment)[0]["devices"] == [["a test machine", 2], ["another", 1]]


def test_the_archive_of_cifar10_is_named(tmp_path, monkeypatch):
    """There are copies, and each gives other numbers."""
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10/cifar-10-binary.tar.gz").write_bytes(b"a copy")
    monkeypatch.setenv("GAN_UTILS_DATA", str(tmp_path))
    sha256 = hashlib.sha256(b"a copy").hexdigest()
    script = ROOT / "experiments/cifar_classifier.py"
    assert provenance.archives(script) == {"archives": {"cifar-10-binary.tar.gz": sha256}}
    assert provenance.archives(ROOT / "notebooks/02_adversarial_game.ipynb") == {}


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("experiments/smoothing.py", "loss(1)", "loss(2)", "its code changed"),
        ("gan_utils/runtime.py", "return 7", "return 8", "its code changed"),
        ("experiments/results/smoothing.csv", "0.6", "0.7", "changed since the run"),
        ("experiments/results/smoothing.csv", "# {", "{", "does not begin with a stamp"),
        ("experiments/smoothing.py", "Smoothing.", "One-sided smoothing.", None),
        ("gan_utils/plots.py", "pass", "return 1", None),
    ],
)
def test_an_experiment_goes_stale_like_a_notebook(book, experiment, name, old, new, reason):
    edit(book / name, old, new)
    _, reasons = experiment_csv.check(experiment, book)
    assert (not reasons) if reason is None else (len(reasons) == 1 and reason in reasons[0])


def test_rows_of_other_code_are_not_resumed(book, experiment):
    edit(book / "experiments/smoothing.py", "loss(1)", "loss(2)")
    commit(book)
    stamp = provenance.experiment_stamp(book / "experiments/smoothing.py", book)
    assert experiment_csv.rows_so_far(experiment, stamp) == ([], 0.0)


def test_the_command_line_runs(book):
    """`python -m tools.execute` as a person calls it, on the real repository, without running."""
    command = [sys.executable, "-m", "tools.execute", "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0
    assert "--force" in run.stdout


def test_modules_beside_the_script_count_at_any_depth(book, experiment):
    script, beside = book / "experiments/smoothing.py", book / "experiments/beside.py"
    script.write_text("from beside import n\n" + script.read_text() + "print(str(n))\n")
    beside.write_text('"""Help."""\nimport deeper\n\nn = deeper.m\n')
    (book / "experiments/deeper.py").write_text("m = 1\n")
    before = provenance.hashes(script, book)
    beside.write_text('"""Other help."""\nimport deeper\n\nn = deeper.m  # one\n')
    assert provenance.hashes(script, book) == before
    (book / "experiments/deeper.py").write_text("m = 2\n")
    assert provenance.hashes(script, book)["definitions"] != before["definitions"]


def test_results_that_an_experiment_reads_count_and_its_own_does_not(book, experiment):
    script = book / "experiments/smoothing.py"
    edit(script, "losses.loss(1)", "losses.loss('runs.csv'), losses.loss('smoothing.csv')")
    before = provenance.hashes(script, book)
    edit(book / "experiments/results/smoothing.csv", "0.6", "0.7")
    assert provenance.hashes(script, book) == before
    edit(book / "experiments/results/runs.csv", "1", "2")
    assert provenance.hashes(script, book)["results"] != before["results"]


def test_weights_that_an_experiment_makes_do_not_count_in_its_stamp(book):
    script, weights = book / "experiments/train.py", book / "gan_utils/weights/digits.h5"
    for docstring, counts in (("Train.", True), ("Train.\n\nMakes: other.h5, digits.h5", False)):
        code = f'"""{docstring}"""\nfrom gan_utils.data import WEIGHTS\n\nprint(str(WEIGHTS))\n'
        script.write_text(code)
        weights.write_bytes(b"weights")
        before = provenance.hashes(script, book)
        weights.write_bytes(b"others")
        assert (provenance.hashes(script, book) != before) == counts


def test_stale_says_what_why_and_how_long(book, experiment, capsys):
    (book / "experiments/results/runs.csv").unlink()
    commit(book)
    assert run(book) == 0
    capsys.readouterr()
    stale.main(book)
    assert capsys.readouterr().out == ""
    edit(book / "gan_utils/losses.py", "SCALE = 1", "SCALE = 2")
    stale.main(book)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("smoothing: its code changed since the run (gan_utils.losses.SCALE)")
    assert lines[1].startswith("01_test: its code changed since the run (gan_utils.losses.SCALE)")
    assert "A run took 2 s." in lines[0] and lines[2].startswith("2 stale; the last runs add up to")
