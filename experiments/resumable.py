"""What the experiments share: rows that are computed one by one, kept, and stamped.

An experiment may be stopped at any moment; the same command goes on after the last whole row. With
``EXPERIMENTS_BACKEND=dask`` and ``DASK_SCHEDULER_ADDRESS=tcp://…`` the rows of an experiment that
are independent of each other are computed by the workers of a cluster.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import joblib

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import experiment_csv, provenance  # noqa: E402

PATIENCE = 3600  # seconds to wait for the first worker of a cluster


def run(
    script: str, jobs: Sequence[Mapping], one: Callable[..., Mapping], processes: int = 1
) -> None:
    """Compute ``one(**job)`` for every job that has no row yet, in order.

    Args:
        script: ``__file__`` of the experiment; its CSV gets the same name.
        jobs: the keyword arguments of each row; they become its first columns.
        one: returns the other columns of a row.
        processes: jobs at a time, each in a fresh process with one thread: for small networks,
            which gain little from a second. With 1 the jobs run in this process, one after the
            other, and may go on from what the one before has left.
    """
    stamp = provenance.experiment_stamp(script)
    path = ROOT / "experiments" / "results" / f"{Path(script).stem}.csv"
    rows, seconds = experiment_csv.rows_so_far(path, stamp)
    before, start = seconds, time.monotonic()
    done, todo = len(rows), jobs[len(rows) :]
    if processes == 1:
        results = ((one(**job), stamp["device"]) for job in todo)
    else:
        results = _elsewhere(Path(script).resolve(), todo, processes, stamp["definitions"])
    for job, (result, device) in zip(todo, results, strict=True):
        rows.append({**job, **result})
        stamp = experiment_csv.made_by(stamp, device)
        seconds = before + time.monotonic() - start
        left = (seconds - before) / (len(rows) - done) * (len(jobs) - len(rows)) / 60
        print(f"{len(rows)}/{len(jobs)}, about {left:.0f} min left: {rows[-1]}", flush=True)
        experiment_csv.write(path, rows, stamp, seconds, complete=len(rows) == len(jobs))
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows.")


def _elsewhere(script, jobs, processes, definitions):
    """Yield the result and the device of every job, in order, from processes of their own."""
    calls = (joblib.delayed(fresh)(script.name, dict(job), definitions) for job in jobs)
    with contextlib.ExitStack() as stack:
        if os.environ.get("EXPERIMENTS_BACKEND") == "dask":
            from distributed import Client

            client = stack.enter_context(Client(os.environ["DASK_SCHEDULER_ADDRESS"]))
            client.wait_for_workers(1, timeout=PATIENCE)
            options, backend = {"batch_size": 1, "pre_dispatch": "all"}, {"backend": "dask"}
        else:  # a thread waits for each process
            options, backend = {"n_jobs": processes}, {"backend": "threading"}
        stack.enter_context(joblib.parallel_config(**backend))
        yield from joblib.Parallel(return_as="generator", **options)(calls)


def fresh(name: str, job: dict, definitions: str) -> tuple[dict, str]:
    """Compute one job of the experiment `name` in a fresh process with one thread.

    Args:
        definitions: the hash of what the experiment reaches. On another machine of a cluster its
            clone must hold the same code.

    Returns:
        The result, and the device that made it.

    Raises:
        RuntimeError: The process failed, with its last words, or its code is another.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "row"
        stem = Path(name).stem
        code = f"import sys, resumable, {stem}; resumable.compute({stem}.one, *sys.argv[1:])"
        command = [sys.executable, "-c", code, name, definitions, str(out)]
        made = subprocess.run(
            command, cwd=ROOT / "experiments", input=pickle.dumps(job), stderr=subprocess.PIPE
        )
        if made.returncode:
            raise RuntimeError(f"{name} failed at {job}:\n{made.stderr.decode()[-3000:]}")
        return pickle.loads(out.read_bytes())


def compute(one: Callable[..., Mapping], name: str, definitions: str, out: str) -> None:
    """Be the fresh process: read a job from standard input, write its row to `out`."""
    import tensorflow as tf

    from gan_utils import runtime

    if provenance.hashes(ROOT / "experiments" / name)["definitions"] != definitions:
        raise SystemExit(f"{name} or what it uses is not the code that asks for this row.")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    row = one(**pickle.load(sys.stdin.buffer))
    Path(out).write_bytes(pickle.dumps((row, runtime.device_report())))
