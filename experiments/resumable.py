"""What the experiments share: rows that are computed one by one, kept, and stamped.

An experiment may be stopped at any moment; the same command goes on after the last whole row.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import experiment_csv  # noqa: E402
import provenance  # noqa: E402


def run(
    script: str, jobs: Sequence[Mapping], one: Callable[..., Mapping], processes: int = 1
) -> None:
    """Compute ``one(**job)`` for every job that has no row yet, in order.

    Args:
        script: ``__file__`` of the experiment; its CSV gets the same name.
        jobs: the keyword arguments of each row; they become its first columns.
        one: returns the other columns of a row.
        processes: jobs at a time. More than one for small dense networks, which gain little from a
            second thread: then each process has one thread.
    """
    stamp = provenance.experiment_stamp(script)
    path = ROOT / "experiments" / "results" / f"{Path(script).stem}.csv"
    rows, seconds = experiment_csv.rows_so_far(path, stamp)
    before, start = seconds, time.monotonic()
    done, todo = len(rows), jobs[len(rows) :]
    for job, result in zip(todo, _results(one, todo, processes), strict=True):
        rows.append({**job, **result})
        seconds = before + time.monotonic() - start
        left = (seconds - before) / (len(rows) - done) * (len(jobs) - len(rows)) / 60
        print(f"{len(rows)}/{len(jobs)}, about {left:.0f} min left: {rows[-1]}", flush=True)
        experiment_csv.write(path, rows, stamp, seconds, complete=len(rows) == len(jobs))
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows.")


def _results(one, jobs, processes):
    if processes == 1:
        yield from (one(**job) for job in jobs)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _take_one_thread) as pool:
        yield from pool.map(_Call(one), jobs)


class _Call:
    """``one`` as a function of the job as a whole, in a form that can go to another process."""

    def __init__(self, one):
        self.one = one

    def __call__(self, job):
        return self.one(**job)


def _take_one_thread():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
