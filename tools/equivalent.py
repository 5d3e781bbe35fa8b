"""Prove that today's code does what stamped code did, in place of running all of it again.

    python -m tools.equivalent                    # all that is stale
    python -m tools.equivalent leaky_relu         # these

The stamped commit is checked out into a scratch folder beside a copy of today's, and
tools/record.py runs the same work in both, on this machine, in fresh processes. If all that is
handed on is equal, byte for byte, the stamp keeps the hashes of the code that ran and gains
today's, with what was compared. What a second run of the stamped code does not repeat, such as a
clock, is left out. If anything else differs, the stamp stays as it is, and the difference is
printed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tools import provenance, stale

FILES = "weights", "results"
TRAINING = "asked", "trained", "variables", "samples"  # places in a record that have to repeat
WORK = {
    ".py": "for each configuration its first 300 steps (100 of convolutions), and the whole job in "
    "miniature",
    ".ipynb": "all cells in the quick profile",
}


def record(trees: dict, relative: Path, scratch: Path) -> dict[str, list]:
    """Run the same work in several trees at a time; return what each handed on."""
    script, runs = Path(__file__).with_name("record.py"), {}
    for name, tree in trees.items():
        out, log = scratch / f"{name}.json", (scratch / f"{name}.log").open("w")
        command = [sys.executable, str(script), str(tree), str(relative), str(out)]
        run = subprocess.Popen(command, cwd=tree, env=_environment(tree), stdout=log, stderr=log)
        runs[name] = out, log, run
    for name, (_, log, run) in runs.items():
        if run.wait():
            last = Path(log.name).read_text().strip().splitlines()[-8:]
            raise RuntimeError(f"the {name} code failed:\n" + "\n".join(last))
    return {name: json.loads(out.read_text()) for name, (out, _, _) in runs.items()}


def common(*records: list) -> list[list]:
    """Return the records without the variables of a notebook that are not in all of them."""
    names = set.intersection(*({place for place, _ in record} for record in records))
    return [
        [item for item in record if item[0] in names or not item[0].startswith("variable ")]
        for record in records
    ]


def leaves(record: list) -> list[list]:
    """Return a record with a line for each single value, named by its place."""
    found = []
    for place, value in record:
        if isinstance(value, dict):
            found += leaves([[f"{place}, {key}", part] for key, part in sorted(value.items())])
        elif isinstance(value, list):
            found += leaves([[f"{place}, {n}", part] for n, part in enumerate(value)])
        else:
            found.append([place, value])
    return found


def _environment(tree: Path) -> dict:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GAN_BOOK"))}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
    return kept | quiet | {"PYTHONPATH": str(tree), "GAN_BOOK_PROFILE": "full"}


def parts(then: list, now: list) -> list[str]:
    """Return the places where two records part."""
    differ = [f"{a[0]}: {a[1]} then, {b[1]} now" for a, b in zip(then, now, strict=False) if a != b]
    if len(then) != len(now):
        differ.append(f"{len(then)} things handed on then, {len(now)} now")
    return differ


def why_not(unit: stale.Unit, then: Path, root: Path) -> str | None:
    """Say why no proof is possible, if so."""
    if unit.stamp is None or "commit" not in unit.stamp:
        return "it has no stamp that names a commit"
    if other := set(unit.reasons) - {provenance.PARTS[p] for p in ("definitions", *FILES)}:
        return f"{'; '.join(sorted(other))}: only a run will do"
    relative = unit.path.relative_to(root)
    if not (then / relative).exists():
        return f"{relative} is not in the stamped commit: only a run will do"
    before, now = (
        provenance.files_read(p, r) for p, r in ((then / relative, then), (unit.path, root))
    )
    for part in FILES:  # which of them are read may change, as what reads them does
        both = before[part].keys() & now[part].keys()
        if changed := sorted(name for name in both if before[part][name] != now[part][name]):
            return f"{', '.join(changed)} changed: only a run will do"
    if relative.suffix == ".ipynb":
        full = [provenance.reached(p / relative, p).only_full() for p in (then, root)]
        if full[0] != full[1]:
            return "what only the full profile runs changed: only a run will do"
    return None


def prove(unit: stale.Unit, root: Path = provenance.ROOT) -> str | None:
    """Prove one result equivalent and write it into its stamp; return what parted, if anything."""
    commit, relative = provenance.commit(unit.path, root), unit.path.relative_to(root)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        trees = {name: scratch / name for name in ("stamped", "present")}
        for name, which in (("stamped", unit.stamp["commit"]), ("present", commit)):
            trees[name].mkdir()
            provenance.export(which, trees[name], root)
        if reason := why_not(unit, trees["stamped"], root):
            return reason
        records = record(trees, relative, scratch)
        then, now = map(leaves, common(records["stamped"], records["present"]))
        left_out = []
        if differ := parts(then, now):  # a clock may be among it
            again = record({"stamped": trees["stamped"]}, relative, scratch)["stamped"]
            three = common(records["stamped"], again, records["present"])
            then, again, now = map(leaves, three)
            if len(then) == len(again) == len(now):
                left_out = sorted({a[0] for a, b in zip(then, again, strict=True) if a != b})
                if own := [place for place in left_out if place.startswith(TRAINING)]:
                    return f"the stamped code does not repeat its own training: {own[0]}"
                three = zip(then, again, now, strict=True)
                kept = [(a, c) for a, b, c in three if a == b]
                then, now = (list(side) for side in zip(*kept, strict=True))
                differ = parts(then, now)
        compared = len(now)
        if differ:
            return f"{len(differ)} of {compared} differ; the first: {differ[0]}"
    said = f"; not compared, since it does not repeat them: {', '.join(left_out)}" * bool(left_out)
    proof = provenance.hashes(unit.path, root) | {
        "compared": f"{WORK[relative.suffix]}: {compared:,} values equal{said}",
        "commit": commit,
        **provenance.archives(unit.path, root),
        "date": date.today().isoformat(),
        **provenance.environment(root),
    }
    unit.write(unit.stamp | {"equivalent": proof})
    return None


def main(arguments: list[str] | None = None, root: Path = provenance.ROOT) -> int:
    """Prove what is stale, or those that are named; return the number that could not be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", help="notebooks and experiments; default: what is stale"
    )
    names = {Path(name).stem for name in parser.parse_args(arguments).names}
    units = [unit for unit in stale.units(root) if unit.reasons]
    if unknown := names - {unit.name for unit in units}:
        parser.error(f"not stale: {', '.join(sorted(unknown))}")
    failures = 0
    for unit in [unit for unit in units if not names or unit.name in names]:
        start = time.monotonic()
        print(f"{unit.name}: ", end="", flush=True)
        try:
            parted = prove(unit, root)
        except (RuntimeError, ValueError) as error:
            parted = str(error)
        failures += parted is not None
        seconds = time.monotonic() - start
        print(f"{f'no proof. {parted}' if parted else 'equivalent'} ({seconds:.0f} s)", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
