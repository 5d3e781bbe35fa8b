"""List the results whose stamps no longer hold, why, and how long they took to run.

    python -m tools.stale

`make equivalent` may prove that the changed code does the same; otherwise `make execute` runs the
notebooks, and `python experiments/NAME.py` an experiment.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import nbformat

from tools import experiment_csv, provenance


class Unit(NamedTuple):
    """A notebook or an experiment's script, its stamp, and why this does not hold any more."""

    path: Path
    stamp: dict | None
    reasons: list[str]

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.path.stem

    @property
    def seconds(self) -> float:
        """How long its last run took; 0 if it has none."""
        return (self.stamp or {}).get("seconds", 0)

    def write(self, stamp: dict) -> None:
        """Replace the stamp; what it is of stays as it is."""
        if self.path.suffix == ".py":
            result = self.path.parent / "results" / f"{self.name}.csv"
            rows = result.read_text(encoding="utf-8").partition("\n")[2]
            experiment_csv.write_stamp(result, stamp, rows)
        else:
            notebook = nbformat.read(self.path, as_version=4)
            notebook.metadata[provenance.PACKAGE] = stamp
            provenance.write(self.path, (nbformat.writes(notebook) + "\n").encode())


def units(root: Path = provenance.ROOT) -> list[Unit]:
    """Return all notebooks and experiments, those first that others read from."""
    found = []
    for result in sorted(root.glob("experiments/results/*.csv")):
        stamp, reasons = experiment_csv.check(result, root)
        found.append(Unit(root / "experiments" / f"{result.stem}.py", stamp, reasons))
    for path in sorted(root.glob("notebooks/*.ipynb")):
        stamp = nbformat.read(path, as_version=4).metadata.get(provenance.PACKAGE)
        reasons = provenance.why_stale(stamp, provenance.notebook_hashes(path, root))
        found.append(Unit(path, stamp, reasons))
    return found


def changed(unit: Unit, root: Path = provenance.ROOT) -> list[str]:
    """Name the definitions that are not as they were in the stamped commit."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            there = provenance.export(unit.stamp["commit"], folder, root)
        except (RuntimeError, KeyError):
            return ["its commit is not in this clone"]
        then = provenance.reached(there / unit.path.relative_to(root), there).definitions()
    now = provenance.reached(unit.path, root).definitions()
    return sorted(name for name in then | now if then.get(name) != now.get(name))


def duration(seconds: float) -> str:
    """Write seconds the way a person says them; 0 if nobody knows."""
    if not seconds:
        return "unknown"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def main(root: Path = provenance.ROOT) -> None:
    """Print a line for each result that is stale; nothing if there is none."""
    stale = [unit for unit in units(root) if unit.reasons]
    for unit in stale:
        line = f"{unit.name}: {'; '.join(unit.reasons)}"
        if provenance.PARTS["definitions"] in unit.reasons:
            names = changed(unit, root) or ["its own"]
            line += f" ({', '.join(names[:5])}{', …' * (len(names) > 5)})"
        print(f"{line}. A run took {duration(unit.seconds)}.")
    if stale:
        seconds = sum(unit.seconds for unit in stale)
        print(f"{len(stale)} stale; the last runs add up to {duration(seconds)}.")


if __name__ == "__main__":
    main()
