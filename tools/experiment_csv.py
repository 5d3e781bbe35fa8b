"""The results of an experiment: a small CSV whose first line is the stamp of the run.

stamp = provenance.experiment_stamp(__file__)
rows, seconds = experiment_csv.rows_so_far(path, stamp)
...
experiment_csv.write(path, rows, stamp, seconds, complete=False)  # after every row
experiment_csv.write(path, rows, stamp, seconds)                  # at the end
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import provenance
from provenance import sha256


def write(
    path: str | Path, rows: Iterable[Mapping], stamp: dict, seconds: float, complete: bool = True
) -> None:
    """Write `rows` with their stamp as the first line, in one go: a reader never sees half a file.

    A long experiment writes after every row with `complete=False`, and at its end without.
    """
    rows, text = list(rows), io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    done = {"seconds": round(seconds, 1), "date": date.today().isoformat(), "complete": complete}
    line = json.dumps(stamp | done | {"rows": sha256(text.getvalue())})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(f"# {line}\n{text.getvalue()}", encoding="utf-8")
    part.replace(path)


def read(path: str | Path) -> tuple[dict, list[dict[str, str]]]:
    """Return the stamp and the rows (every value as text).

    Raises:
        ValueError: There is no stamp, or the rows are not those that were stamped.
    """
    first, _, text = Path(path).read_text(encoding="utf-8").partition("\n")
    if not first.startswith("# {"):
        raise ValueError(f"{path} does not begin with a stamp")
    stamp = json.loads(first[2:])
    if stamp["rows"] != sha256(text):
        raise ValueError(f"the rows of {path} changed since the run")
    return stamp, list(csv.DictReader(io.StringIO(text)))


def rows_so_far(path: str | Path, stamp: Mapping) -> tuple[list[dict[str, str]], float]:
    """Return the rows, and the seconds they took, that the same code has already written."""
    if not Path(path).exists():
        return [], 0.0
    old, rows = read(path)
    same = all(old.get(key) == stamp[key] for key in ("code", "modules", "profile"))
    return (rows, old["seconds"]) if same else ([], 0.0)


def why_stale(path: str | Path, root: Path = provenance.ROOT) -> list[str]:
    """Say why an experiment has to run again; the list is empty if it need not."""
    try:
        stamp, _ = read(path)
        now = provenance.experiment_hashes(root / "experiments" / stamp["script"], root)
    except (ValueError, OSError) as error:
        return [str(error)]
    unfinished = [] if stamp["complete"] else ["its run was not finished"]
    return provenance.why_stale(stamp, now) + unfinished
