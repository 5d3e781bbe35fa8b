"""How the tests are run: which cases by default, by which processes, with which nbval."""

import os
import shutil
import subprocess
import sys
import textwrap

import fresh_workers
import psutil
import pytest
from cases import few
from xdist.dsession import DSession

import conftest

ROOT = conftest.ROOT


def run_pytest(folder, *arguments):
    """Run pytest on the files of a folder; return what it prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    for name in [name for name in env if name.startswith("PYTEST_")]:
        del env[name]  # of the run that this test belongs to
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

ONE_WORKER = """
import fresh_workers

fresh_workers.LIMIT = 400_000  # kilobytes

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


def processes_of_files(folder, **megabytes):
    """Run three files by one worker; return the process that each ran in, and those ended then."""
    (folder / "conftest.py").write_text(ONE_WORKER)
    for name, size in megabytes.items():
        code = TESTS.replace("MEGABYTES", str(size)).replace("NAME", name)
        (folder / f"test_{name}.py").write_text(code)
    said = run_pytest(folder, "-n1", "--dist", "loadscope")
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
