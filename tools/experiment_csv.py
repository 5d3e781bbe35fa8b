"""The results of an experiment: a small CSV whose first line is the stamp of the run.

stamp = provenance.experiment_stamp(__file__)
rows, seconds = experiment_csv.rows_so_far(path, stamp)
...
stamp = experiment_csv.made_by(stamp, stamp["device"])            # of every row
experiment_csv.write(path, rows, stamp, seconds, complete=False)  # after every row
experiment_csv.write(path, rows, stamp, seconds)                  # at the end
"""

import csv
import io
import json
from datetime import date
from pathlib import Path

from tools import provenance


def write(path: Path, rows: list[dict], stamp: dict, seconds: float, complete=True) -> None:
    """Write `rows` with their stamp as the first line, in one go: a reader never sees half a file.

    A long experiment writes after every row with `complete=False`, and at its end without.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    done = {"seconds": round(seconds, 1), "date": date.today().isoformat(), "complete": complete}
    write_stamp(path, stamp | done | {"rows": provenance.sha256(text.getvalue())}, text.getvalue())


def write_stamp(path: Path, stamp: dict, rows: str) -> None:
    """Write a stamp and the text of the rows that it is of."""
    provenance.write(path, f"# {json.dumps(stamp)}\n{rows}".encode())


def read(path: Path) -> tuple[dict, list[dict[str, str]]]:
    """Return the stamp and the rows (every value as text).

    Raises:
        ValueError: There is no stamp, or the rows are not those that were stamped.
    """
    first, _, text = path.read_text(encoding="utf-8").partition("\n")
    if not first.startswith("# {"):
        raise ValueError(f"{path} does not begin with a stamp")
    stamp = json.loads(first[2:])
    if stamp["rows"] != provenance.sha256(text):
        raise ValueError(f"the rows of {path} changed since the run")
    return stamp, list(csv.DictReader(io.StringIO(text)))


def rows_so_far(path: Path, stamp: dict) -> tuple[list[dict[str, str]], float]:
    """Return the rows that the same code has already written, and the seconds they took.

    Their machines go into the ``devices`` of `stamp`, so that they keep their names when a run goes
    on elsewhere.
    """
    stamp["devices"] = []
    if not path.exists():
        return [], 0.0
    old, rows = read(path)
    same = ("definitions", "weights", "results", "archives", "profile", "versions")
    if any(old.get(key) != stamp.get(key) for key in same):
        return [], 0.0
    stamp["devices"] = old.get("devices") or [[old["device"], len(rows)]]
    return rows, old["seconds"]


def made_by(stamp: dict, device: str) -> dict:
    """Return the stamp with one more row of `device`.

    Its ``devices`` says how many rows, in order, each machine has made.
    """
    *before, last = stamp["devices"] or [[device, 0]]
    more = [[last[0], last[1] + 1]] if last[0] == device else [last, [device, 1]]
    return stamp | {"devices": [*before, *more]}


def check(path: Path, root: Path = provenance.ROOT) -> tuple[dict | None, list[str]]:
    """Return an experiment's stamp, and why it has to run again: nothing if it need not."""
    try:
        stamp, _ = read(path)
        now = provenance.hashes(root / "experiments" / stamp["script"], root)
    except (ValueError, OSError, AttributeError, KeyError) as error:  # a script that is gone, too
        return None, [str(error)]
    unfinished = [] if stamp["complete"] else ["its run was not finished"]
    return stamp, provenance.why_stale(stamp, now) + unfinished
