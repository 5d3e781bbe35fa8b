"""In an empty folder, as in Colab, a chapter's first cell gets the package, and the chapter runs.

TensorFlow and the rest are there, gan_utils is not. pip gets no index, so nothing leaves this
machine: the package comes from a wheel, or from a local repository that stands in for the
published one.
"""

import os
import shutil
import sys
import sysconfig
import zipfile
from importlib.util import find_spec

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_book_house import PROJECT, ROOT, URL, tracked
from test_book_notebooks import text_of

from tools import as_colab, set_repository
from tools.as_colab import call

CHAPTER = "12_evaluating.ipynb"  # the quickest; it also reads results of experiments
OFFLINE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "build isolation: no"
    "PIP_FORCE_REINSTALL": "1",  # the installation with -e has left its name behind
}
WHERE = new_code_cell("print(gan_utils.__file__)")


@pytest.fixture(scope="module", autouse=True)
def tools():
    missing = [name for name in ("pip", "setuptools") if find_spec(name) is None]
    if missing := missing + [name for name in ("git",) if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)} to install the package without a network")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A clone of what is here, committed and tagged, with an address, as a release has it."""
    folder = tmp_path_factory.mktemp("published")
    for path in tracked():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    set_repository.main([URL], root=folder)
    git = "git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com"
    for words in ("init", "add .", "commit -m x", f"tag v{PROJECT['version']}"):
        call(*git, *words.split(), cwd=folder, env=os.environ | OFFLINE)
    return folder


@pytest.fixture(scope="module")
def package(published):
    """The wheel, as `make wheel` builds it."""
    call(sys.executable, "-m", "tools.build_wheel", cwd=published, env=os.environ | OFFLINE)
    (wheel,) = published.glob("dist/*")
    return wheel


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """An environment with the packages of this one, but not ours: its variables and its Python."""
    environment = as_colab.environment_in(tmp_path) | OFFLINE
    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", env=environment)
    python = tmp_path / "venv" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = tmp_path / call(python, "-c", where, env=environment)
    # As a plain folder: what an installation with -e has put there for Python's start is not run.
    lines = sysconfig.get_path("purelib"), sysconfig.get_path("platlib")
    (packages / "borrowed.pth").write_text("\n".join(lines))
    as_colab.pretend_colab(python)
    as_colab.add_kernel(python, tmp_path / "venv")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "venv"))
    look = "import importlib.util as u; print(u.find_spec('gan_utils'))"
    assert call(python, "-c", look, cwd=tmp_path, env=environment) == "None"
    (tmp_path / "content").mkdir()
    return environment, python


def test_the_wheel_holds_all_that_a_chapter_needs(package):
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    code = {name for name in names if name.startswith("gan_utils/")}
    results = {name for name in names if name.startswith("experiments/results/")}
    csv = {f"gan_utils/results/{name.rpartition('/')[2]}" for name in results if "csv" in name}
    held = {name for name in zipfile.ZipFile(package).namelist() if ".dist-info/" not in name}
    assert csv and "gan_utils/weights/dcgan_mnist_g.weights.h5" in code
    assert held == code | csv


def test_a_chapter_alone_installs_the_package_and_runs(published, colab, tmp_path):
    environment, python = colab
    notebook = nbformat.read(published / "notebooks" / CHAPTER, 4)
    notebook.cells.append(WHERE)
    local = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{published.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": URL,
    }
    problem = as_colab.run(notebook, tmp_path / "content", environment | local)
    assert problem == ""  # else it holds what pip and git have said
    assert str(python.parent.parent) in text_of(notebook.cells[-1].outputs)


def test_without_an_address_the_first_cell_asks_for_the_wheel_and_installs_it(
    package, colab, tmp_path
):
    environment, python = colab

    def first_cell(**metadata):
        return new_code_cell(set_repository.colab_cell(""), metadata=metadata)

    def upload(path, name):
        return new_code_cell(f"import shutil; shutil.copy({str(path)!r}, {name!r})")

    fails = {"tags": ["raises-exception"]}
    look = """\
from importlib.resources import files
held = (
    files("gan_utils") / "weights/digit_classifier.weights.h5",
    files("gan_utils.results") / "mixtures.csv",
    files("gan_utils.own") / "photos/tshirts.zip",
)
[path.is_file() for path in held]"""
    steps = [
        first_cell(**fails),
        upload(__file__, f"gan_utils-{PROJECT['version']}-py3-none-any.whl"),
        first_cell(**fails),
        upload(package, package.name),
        first_cell(),
        new_code_cell(look),
        WHERE,
    ]
    problem = as_colab.run(new_notebook(cells=steps), tmp_path / "content", environment)
    asked, broken = (
        "".join(out.get("evalue", "") for out in cell.outputs) for cell in (steps[0], steps[2])
    )
    assert "gan_utils is missing. Upload the file gan_utils-" in asked
    assert asked.endswith("then run this cell again.")
    assert "gan_utils is missing. Its installation failed" in broken
    assert problem == ""
    assert "[True, True, True]" in text_of(steps[-2].outputs)
    assert str(python.parent.parent) in text_of(steps[-1].outputs)


def test_a_failing_cell_is_counted_and_shown(package, colab, tmp_path, monkeypatch, capsys):
    """The run of all chapters on Colab's versions must be able to fail."""
    _, python = colab
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    ours = new_code_cell("import gan_utils, os; assert os.listdir() == ['" + package.name + "']")
    cells = {"01_well": [ours], "02_ill": [new_code_cell("1 / 0"), new_code_cell("2 / 0")]}
    for name, more in cells.items():
        first = new_code_cell(set_repository.colab_cell(""))
        nbformat.write(new_notebook(cells=[first, *more]), tmp_path / f"{name}.ipynb")
    paths = sorted(tmp_path.glob("*.ipynb"))
    assert as_colab.run_all(python, paths, package) == 1
    told = capsys.readouterr().out
    assert "ZeroDivisionError" in told
    assert "4 cells of 2 notebooks, 1 failing cells" in told


def test_a_python_that_is_not_there_is_named(tmp_path, monkeypatch, capsys):
    found = tmp_path / "python3.13"
    found.write_text("#!/bin/sh\necho 3.13 /anywhere/python\n")
    found.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)
    assert as_colab.interpreters() == {"3.13": "/anywhere/python"}
    assert capsys.readouterr().out == "Python 3.11 was not found on this machine: not tested.\n"
    monkeypatch.setenv("PYTHON", str(found))
    assert as_colab.interpreters() == {"3.13": "/anywhere/python"}
    assert capsys.readouterr().out == ""
