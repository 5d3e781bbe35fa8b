"""A chapter alone in an empty folder installs the package from the published address, and runs.

As in Colab: TensorFlow and the rest are there, gan_utils is not. A local repository stands in for
the published one, and pip gets no index, so nothing leaves this machine.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec

import nbformat
import pytest
import set_repository
from nbclient import NotebookClient
from test_book_house import PROJECT, ROOT, URL, tracked
from test_book_notebooks import text_of

CHAPTER = "12_evaluating.ipynb"  # the quickest; it also reads results of experiments
# Without what settings of this machine might add, and without the path that conftest.py sets.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "build isolation: no"
    "PIP_FORCE_REINSTALL": "1",  # the installation with -e has left its name behind
}


def call(*command, folder):
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def publish(folder):
    """Commit and tag what is here, with an address, as a release does."""
    for path in tracked():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    set_repository.main([URL], root=folder)
    git = "git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com"
    for words in ("init", "add .", "commit -m x", f"tag v{PROJECT['version']}"):
        call(*git, *words.split(), folder=folder)


def make_environment(folder):
    """Make an environment with the packages of this one, but not ours; return its Python."""
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = folder / call(python, "-c", where, folder=folder)
    (packages / "google").mkdir()
    (packages / "google" / "colab.py").touch()
    # As a plain folder: what an installation with -e has put there for Python's start is not run.
    lines = sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), "import google.colab"
    (packages / "colab.pth").write_text("\n".join(lines))
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": command, "display_name": "Colab", "language": "python"}
    (folder / "kernels" / "colab").mkdir(parents=True)
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(kernel))
    return python


def test_a_chapter_alone_installs_the_package_and_runs(tmp_path, monkeypatch):
    missing = [name for name in ("pip", "setuptools") if find_spec(name) is None]
    if missing := missing + [name for name in ("git",) if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)} to install the package without a network")
    publish(tmp_path / "published")
    python = make_environment(tmp_path)
    look = "import importlib.util as u; print(u.find_spec('gan_utils'))"
    assert call(python, "-c", look, folder=tmp_path) == "None"

    notebook = nbformat.read(tmp_path / "published" / "notebooks" / CHAPTER, 4)
    notebook.cells.append(nbformat.v4.new_code_cell("print(gan_utils.__file__)"))
    (tmp_path / "content").mkdir()
    alone = {"metadata": {"path": str(tmp_path / "content")}}
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    client = NotebookClient(notebook, timeout=240, kernel_name="colab", resources=alone)
    local = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(tmp_path / 'published').as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": URL,
    }
    client.execute(env=ENVIRONMENT | local)  # its error holds what pip and git have said
    assert str(tmp_path / "venv") in text_of(notebook.cells[-1].outputs)
