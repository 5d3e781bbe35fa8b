"""What the experiments share: rows that are computed one by one, kept, and stamped.

An experiment may be stopped at any moment; the same command goes on with the rows that are missing.
Rows are written in their order. One that is ready before an earlier one waits in ``NAME.early``,
beside the CSV, which is gone in the end. With
``EXPERIMENTS_BACKEND=dask`` and ``DASK_SCHEDULER_ADDRESS=tcp://…`` the rows of an experiment that
are independent of each other are computed by the workers of a cluster.
"""

import contextlib
import json
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

PLACE, DEVICE = "place among the jobs", "made by"  # of a row that waits
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
    waits = path.with_suffix(".early")
    rows, seconds = experiment_csv.rows_so_far(path, stamp)
    early = experiment_csv.rows_so_far(waits, dict(stamp))[0]
    early = {place: row for row in early if (place := int(row[PLACE])) >= len(rows)}
    before, start = seconds, time.monotonic()
    todo = [place for place in range(len(rows), len(jobs)) if place not in early]
    if processes == 1:
        results = ((place, one(**jobs[place]), stamp["device"]) for place in todo)
    else:
        wanted = {key: stamp[key] for key in experiment_csv.SAME if key in stamp}
        results = _elsewhere(Path(script).resolve(), jobs, todo, processes, wanted)
    for done, (place, result, device) in enumerate(results, 1):
        early[place] = {PLACE: place, DEVICE: device, **jobs[place], **result}
        seconds = before + time.monotonic() - start
        left = (seconds - before) / done * (len(todo) - done) / 60
        said = {**jobs[place], **result}
        print(f"{place + 1}/{len(jobs)}, about {left:.0f} min left: {said}", flush=True)
        while row := early.pop(len(rows), None):
            stamp = experiment_csv.made_by(stamp, row.pop(DEVICE))
            rows.append({name: value for name, value in row.items() if name != PLACE})
        if rows:
            experiment_csv.write(path, rows, stamp, seconds, complete=len(rows) == len(jobs))
        if early:
            experiment_csv.write(waits, early.values(), stamp, seconds, complete=False)
        else:
            waits.unlink(missing_ok=True)
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows.")


def _elsewhere(script, jobs, todo, processes, wanted):
    """Yield place, result and device of each job as it is ready, from processes of their own."""
    calls = (
        joblib.delayed(_tried)(place, script.name, dict(jobs[place]), wanted) for place in todo
    )
    with contextlib.ExitStack() as stack:
        if os.environ.get("EXPERIMENTS_BACKEND") == "dask":
            from distributed import Client

            client = stack.enter_context(Client(os.environ["DASK_SCHEDULER_ADDRESS"]))
            client.wait_for_workers(1, timeout=PATIENCE)
            options, backend = {"batch_size": 1, "pre_dispatch": "all"}, {"backend": "dask"}
        else:  # a thread waits for each process
            options, backend = {"n_jobs": processes}, {"backend": "threading"}
        stack.enter_context(joblib.parallel_config(**backend))
        for place, made in joblib.Parallel(return_as="generator_unordered", **options)(calls):
            if isinstance(made, RuntimeError):
                raise made
            yield place, *made


def _tried(place, name, job, wanted):
    """Return a place and what ``fresh`` returns, or its error: raised, it would overtake rows."""
    try:
        return place, fresh(name, job, wanted)
    except RuntimeError as error:
        return place, error


def fresh(name: str, job: dict, wanted: dict) -> tuple[dict, str]:
    """Compute one job of the experiment `name` in a fresh process with one thread.

    Args:
        wanted: what the row depends on, of the stamp: hashes of the code, the weights, the results
            and the archive that it reads, the profile, and versions. Another machine of a cluster
            must have the same.

    Returns:
        The result, and the device that made it.

    Raises:
        RuntimeError: The process failed, with its last words, or what it has is not ``wanted``.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "row"
        stem = Path(name).stem
        code = f"import sys, resumable, {stem}; resumable.compute({stem}.one, *sys.argv[1:])"
        command = [sys.executable, "-c", code, name, json.dumps(wanted), str(out)]
        made = subprocess.run(
            command, cwd=ROOT / "experiments", input=pickle.dumps(job), stderr=subprocess.PIPE
        )
        if made.returncode:
            raise RuntimeError(f"{name} failed at {job}:\n{made.stderr.decode()[-3000:]}")
        return pickle.loads(out.read_bytes())


def compute(one: Callable[..., Mapping], name: str, wanted: str, out: str) -> None:
    """Be the fresh process: read a job from standard input, write its row to `out`."""
    import tensorflow as tf

    from gan_utils import runtime

    here, wanted = provenance.depends_on(ROOT / "experiments" / name), json.loads(wanted)
    if other := [key for key in here | wanted if here.get(key) != wanted.get(key)]:
        told = "; ".join(f"{key}: {wanted.get(key)} there, {here.get(key)} here" for key in other)
        raise SystemExit(
            f"{name} would make another row here than where it was asked for: {told}. Give this "
            "machine the same commit, data and versions (definitions are the code)."
        )
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    row = one(**pickle.load(sys.stdin.buffer))
    Path(out).write_bytes(pickle.dumps((row, runtime.device_report())))
