"""How the tests are run: which cases by default, by which processes, with which nbval."""

import os
import shutil
import subprocess
import sys
import textwrap

import nbformat
import psutil
import pytest
from cases import few
from nbformat.v4 import new_code_cell, new_notebook
from xdist.dsession import DSession

import conftest
from tools import fresh_workers

ROOT = conftest.ROOT
NO_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # but those that are named; it saves time


def run_pytest(folder, *arguments, plugins=True):
    """Run pytest on the files of a folder; return what it prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    # without the variables of the run that this test belongs to
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"} | ({} if plugins else NO_PLUGINS)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True).stdout


# Which cases


def test_few_cases_are_kept_and_the_others_marked():
    first, second = few([("a", 1), ("b", 2)], [("b", 2)])
    assert second == ("b", 2)
    assert first.values == ("a", 1) and [mark.name for mark in first.marks] == ["exhaustive"]
    with pytest.raises(ValueError, match="no case 3"):
        few([1, 2], [3])


def test_exhaustive_cases_run_when_they_are_asked_for(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "test_it.py").write_text(
        textwrap.dedent("""
            import pytest

            def test_often():
                pass

            @pytest.mark.exhaustive
            def test_seldom():
                pass
        """)
    )
    assert "1 passed, 1 deselected" in run_pytest(tmp_path, "-n0", "test_it.py")
    for wanted, passed in (("exhaustive", "1 passed, 1 deselected"), ("", "2 passed")):
        assert passed in run_pytest(tmp_path, "-n0", "test_it.py", "-m", wanted)


# By which processes

CONFTEST = """
from tools import fresh_workers

fresh_workers.LIMIT = LIMIT

def pytest_xdist_make_scheduler(config, log):
    return fresh_workers.FreshWorkers(config, log)
"""
TESTS = """
import os

import psutil
import pytest

def has_ended(process):
    return (not psutil.pid_exists(process)
        or psutil.Process(process).status() == psutil.STATUS_ZOMBIE)  # memory free, not yet counted

@pytest.mark.parametrize("number", range(4))
def test_number(number):
    global kept
    kept = bytearray(b"x") * MEGABYTES * 2**20
    with open("log.txt", "a+") as log:
        log.seek(0)
        before = {int(line.split(":")[1]) for line in log}
        log.write(f"NAME:{os.getpid()}:{sum(map(has_ended, before))}\\n")
"""


def processes_of_files(folder, *options, workers=1, limit=400_000_000, **megabytes):
    """Run files that keep so much; return the process that each ran in, and how many ended then."""
    (folder / "conftest.py").write_text(CONFTEST.replace("LIMIT\n", f"{limit}\n"))
    for name, size in megabytes.items():
        code = TESTS.replace("MEGABYTES", str(size)).replace("NAME", name)
        (folder / f"test_{name}.py").write_text(code)
    options = "-p", "xdist.plugin", f"-n{workers}", "--dist", "loadscope", *options
    said = run_pytest(folder, *options, plugins=False)
    assert f"{4 * len(megabytes)} passed" in said, said
    lines = [line.split(":") for line in (folder / "log.txt").read_text().split()]
    return {name: process for name, process, _ in lines}, {name: int(n) for name, _, n in lines}


def test_a_worker_that_has_grown_is_replaced_and_ends(tmp_path):
    process, ended = processes_of_files(tmp_path, a=600, b=1, c=1)
    assert process["a"] != process["b"] == process["c"]
    assert ended["a"] == 0 and ended["b"] > 0, "its memory is free before the next file"
    assert not psutil.pid_exists(int(process["a"]))


def test_a_worker_that_has_not_grown_stays(tmp_path):
    process, _ = processes_of_files(tmp_path, a=1, b=1, c=1)
    assert len(set(process.values())) == 1


def test_a_worker_that_hangs_when_it_ends_is_killed(tmp_path):
    (tmp_path / "hang.py").write_text(
        textwrap.dedent("""
            import os, time

            from tools import fresh_workers

            fresh_workers.PATIENCE = 2

            def pytest_unconfigure(config):
                if "PYTEST_XDIST_WORKER" in os.environ:
                    time.sleep(600)
        """)
    )
    process, ended = processes_of_files(tmp_path, "-p", "hang", a=600, b=1)
    assert process["a"] != process["b"] and ended["b"] > 0
    assert not psutil.pid_exists(int(process["a"]))


def test_workers_that_are_all_too_big_still_get_through(tmp_path):
    """Even one that has done nothing is over this limit, and two are replaced at a time."""
    process, _ = processes_of_files(tmp_path, workers=2, limit=1, **dict.fromkeys("abcdef", 1))
    assert len(set(process.values())) == 6


def test_another_xdist_is_noticed(monkeypatch):
    monkeypatch.setitem(fresh_workers.USED, DSession, ("_no_such_thing",))
    with pytest.raises(pytest.UsageError, match="needs DSession._no_such_thing"):
        fresh_workers.FreshWorkers(None)


# With which nbval


class Renamed:
    def wait_for_reply(self, msg_id, timeout=None):
        pass


class Changed:
    def await_reply(self, msg_id):
        pass


@pytest.mark.parametrize("kernel", [Renamed, Changed])
def test_another_nbval_is_noticed(kernel):
    with pytest.raises(pytest.UsageError, match="which this nbval does not have"):
        conftest.method_of_nbval(kernel)


def test_a_kernel_ends_with_its_notebook(tmp_path):
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    kernels = "import os; from pathlib import Path; import psutil"
    first = "Path('kernel').write_text(str(os.getpid()))"
    second = "assert not psutil.pid_exists(int(Path('kernel').read_text()))"
    for name, code in (("a", first), ("b", second)):
        cells = [new_code_cell(kernels), new_code_cell(code)]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    said = run_pytest(tmp_path, "-n0", "a.ipynb", "b.ipynb")
    assert "4 passed" in said, said
