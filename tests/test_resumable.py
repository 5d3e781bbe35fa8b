"""Experiments: rows in fresh processes, going on after a stop, and on a cluster."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import ROOT
from tools import experiment_csv

TINY = '''
"""Tiny."""
import os
import time
from pathlib import Path

import tensorflow as tf
from resumable import run


def one(seed):
    with open(Path(__file__).with_name("log"), "a") as log:
        log.write(f"{seed} {os.getpid()}\\n")
    time.sleep(SECONDS)
    return {"half": seed / 2, "threads": tf.config.threading.get_intra_op_parallelism_threads()}


if __name__ == "__main__":
    run(__file__, [{"seed": seed} for seed in range(6)], one, processes=2)
'''
ROWS = [{"seed": str(seed), "half": str(seed / 2), "threads": "1"} for seed in range(6)]


@pytest.fixture
def tiny(tmp_path):
    """A repository with one experiment, of which it returns the folder."""
    shutil.copytree(ROOT / "gan_utils", tmp_path / "gan_utils")
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "experiments/results").mkdir(parents=True)
    shutil.copy(ROOT / "experiments/resumable.py", tmp_path / "experiments")
    return tmp_path / "experiments"


def write(folder, seconds, **changes):
    (folder / "tiny.py").write_text(TINY.replace("SECONDS", str(seconds)))
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *command], cwd=folder.parent, check=True)


def start(folder, **environment):
    command = [sys.executable, str(folder / "tiny.py")]
    paths = os.pathsep.join([str(folder.parent), str(folder)])
    environment = os.environ | {"PYTHONPATH": paths, "GAN_BOOK_PROFILE": "full"} | environment
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def rows(folder):
    return experiment_csv.read(folder / "results/tiny.csv")


def log(folder):
    path = folder / "log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def test_rows_come_from_fresh_processes_and_go_on_after_a_stop(tiny):
    write(tiny, seconds=0)
    first = start(tiny)
    wait_for(lambda: (tiny / "results/tiny.csv").exists())
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = len(rows(tiny)[1])
    assert 1 <= done < 6 and not rows(tiny)[0]["complete"]
    again = start(tiny)
    assert again.wait() == 0, again.stderr.read()
    stamp, found = rows(tiny)
    assert found == ROWS and stamp["complete"]
    assert [n for _, n in stamp["devices"]] == [6]
    made = log(tiny)
    assert len({process for _, process in made}) == len(made), "a process of its own for each"
    assert [seed for seed, _ in made].count("0") == 1, "the first row was not made anew"


def test_a_row_that_fails_says_which_and_why(tiny):
    write(tiny, seconds="1 / (3 - seed)")  # seed 4 asks for a sleep of less than nothing
    run = start(tiny)
    said = run.communicate()[1]
    assert run.returncode
    assert "tiny.py failed at {'seed': 3}" in said and "ZeroDivisionError" in said
    kept = [row["seed"] for row in rows(tiny)[1]]
    assert kept in (["0", "1"], ["0", "1", "2"]), "what was whole is kept, in order"


def test_a_worker_with_other_code_is_refused(tiny):
    write(tiny, seconds=0)
    code = "import resumable; resumable.compute(None, 'tiny.py', 'another hash', 'out')"
    paths = os.environ | {"PYTHONPATH": str(tiny.parent)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tiny, env=paths, capture_output=True, text=True
    )
    assert run.returncode and "is not the code that asks for this row" in run.stderr


@pytest.mark.exhaustive  # 86 s
def test_a_cluster_that_loses_a_worker_loses_no_row(tiny):
    """A scheduler and two workers on this machine; one is killed in the middle of a row."""
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    write(tiny, seconds=3)
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    address = "tcp://127.0.0.1:18786"
    paths = os.pathsep.join([str(tiny.parent), str(tiny)])
    environment = os.environ | {"PYTHONPATH": paths}
    options = {"cwd": tiny, "env": environment, "stderr": subprocess.DEVNULL}
    work = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    work += ["--no-nanny", "--no-dashboard", "--local-directory", str(tiny.parent / "dask")]
    processes = [subprocess.Popen([*dask, "--port", "18786", "--no-dashboard"], **options)]
    try:
        processes += [subprocess.Popen(work, **options) for _ in range(2)]
        run = start(tiny, EXPERIMENTS_BACKEND="dask", DASK_SCHEDULER_ADDRESS=address)
        wait_for(lambda: len(log(tiny)) >= 2)
        processes[1].kill()
        assert run.wait() == 0, run.stderr.read()
    finally:
        for process in processes:
            process.kill()
    stamp, found = rows(tiny)
    assert found == ROWS and stamp["complete"]
    assert [n for _, n in stamp["devices"]] == [6]
    made = [seed for seed, _ in log(tiny)]
    assert set(made) == set("012345") and len(made) == 7, "one row was begun twice, and kept once"
