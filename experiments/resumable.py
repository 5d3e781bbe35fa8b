"""What the experiments share: rows that are computed one by one, kept, and stamped.

An experiment may be stopped at any moment; the same command goes on after the last whole row.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import experiment_csv  # noqa: E402
import provenance  # noqa: E402


def run(script: str, jobs: Sequence[Mapping], one: Callable[..., Mapping]) -> None:
    """Compute ``one(**job)`` for every job that has no row yet, in order.

    Args:
        script: ``__file__`` of the experiment; its CSV gets the same name.
        jobs: the keyword arguments of each row; they become its first columns.
        one: returns the other columns of a row.
    """
    stamp = provenance.experiment_stamp(script)
    path = ROOT / "experiments" / "results" / f"{Path(script).stem}.csv"
    rows, seconds = experiment_csv.rows_so_far(path, stamp)
    for number in range(len(rows), len(jobs)):
        start = time.monotonic()
        rows.append({**jobs[number], **one(**jobs[number])})
        seconds += time.monotonic() - start
        left = seconds / len(rows) * (len(jobs) - len(rows)) / 60
        print(f"{len(rows)}/{len(jobs)}, about {left:.0f} min left: {rows[-1]}", flush=True)
        experiment_csv.write(path, rows, stamp, seconds, complete=len(rows) == len(jobs))
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows.")
