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
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

from tools import provenance, stale

FILES = "weights", "results"
TRAINING = "asked", "trained", "variables", "samples"  # places in a record that have to repeat
WORK = {
    ".py": "its first 300 steps (100 of convolutions), and the whole job in miniature",
    ".ipynb": "all cells in the quick profile",
}


def record(names: list[str], relative: Path, scratch: Path) -> dict[str, dict]:
    """Run the same work in several trees of `scratch` at a time; return what each handed on."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GAN_BOOK"))}
    kept |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0", "GAN_BOOK_PROFILE": "full"}
    runs, script = {}, Path(__file__).with_name("record.py")
    for name in names:
        tree, out = scratch / name, scratch / f"{name}.json"
        command = [sys.executable, str(script), str(tree), str(relative), str(out)]
        env, log = kept | {"PYTHONPATH": str(tree)}, (scratch / f"{name}.log").open("w")
        runs[name] = subprocess.Popen(command, cwd=tree, env=env, stdout=log, stderr=log)
    for name, run in runs.items():
        if run.wait():
            last = (scratch / f"{name}.log").read_text().strip().splitlines()[-8:]
            raise RuntimeError(f"the {name} code failed:\n" + "\n".join(last))
    return {name: json.loads((scratch / f"{name}.json").read_text()) for name in names}


def leaves(value, *place: str) -> Iterable[tuple[str, str]]:
    """Yield every single value with its place."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, part in sorted(value.items()):
            yield from leaves(part, *place, str(key))
    else:
        yield ", ".join(place), value


def common(*records: list) -> list[dict[str, str]]:
    """Return the values of records by their places, without variables that not all of them have."""
    shared = set.intersection(*({place for place, _ in record} for record in records))
    lost = {p for record in records for p, _ in record if p.startswith("variable ")} - shared
    return [dict(leaf for p, v in r if p not in lost for leaf in leaves(v, p)) for r in records]


def parts(then: dict, now: dict) -> dict[str, str]:
    """Return the places where two records part, by their values or by their order."""
    pairs = zip_longest(then.items(), now.items(), fillvalue=("nothing more", None))
    return {a[0]: f"{a[0]}: {a[1]} then, {b[1]} now" for a, b in pairs if a != b}


def why_not(unit: stale.Unit, then: Path, root: Path) -> str | None:
    """Say why no proof is possible, if so."""
    if other := set(unit.reasons) - {provenance.PARTS[p] for p in ("definitions", *FILES)}:
        return "; ".join(sorted(other))
    relative = unit.path.relative_to(root)
    if not (then / relative).exists():
        return f"{relative} is not in the stamped commit"
    found = [provenance.reached(tree / relative, tree) for tree in (then, root)]
    old, new = (provenance.files_read(each.tree.root / relative, each) for each in found)
    for part in FILES:  # which of them are read may change, as what reads them does
        both = old[part].keys() & new[part].keys()
        if changed := sorted(name for name in both if old[part][name] != new[part][name]):
            return f"{', '.join(changed)} changed"
    if relative.suffix == ".ipynb" and found[0].only_full() != found[1].only_full():
        return "what only the full profile runs changed"
    return None


def prove(unit: stale.Unit, root: Path = provenance.ROOT) -> str | None:
    """Prove one result equivalent and write it into its stamp; return what parted, if anything."""
    if "commit" not in (unit.stamp or {}):
        return "it has no stamp that names a commit"
    proof = provenance.hashes(unit.path, root) | {"commit": provenance.commit(unit.path, root)}
    relative, left_out = unit.path.relative_to(root), {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name, which in (("stamped", unit.stamp["commit"]), ("present", proof["commit"])):
            (scratch / name).mkdir()
            provenance.export(which, scratch / name, root)
        if reason := why_not(unit, scratch / "stamped", root):
            return f"{reason}: only a run will do"
        records = record(["stamped", "present"], relative, scratch)
        then, now = common(records["stamped"], records["present"])
        if parts(then, now):  # a clock may be among it
            again = record(["stamped"], relative, scratch)["stamped"]
            then, again, now = common(records["stamped"], again, records["present"])
            left_out = parts(then, again)
            own = [place for place in left_out if place.startswith(TRAINING)]
            if own or list(then) != list(again):
                first = next(iter(own or left_out))
                return f"the stamped code does not repeat its own training: {first}"
    compared = len(then.keys() - left_out.keys())
    if differ := [said for place, said in parts(then, now).items() if place not in left_out]:
        return f"{len(differ)} of {compared} differ; the first: {differ[0]}"
    said = f"; not compared, since it does not repeat them: {', '.join(left_out)}" * bool(left_out)
    proof |= {"compared": f"{WORK[relative.suffix]}: {compared:,} values equal{said}"}
    unit.write(unit.stamp | {"equivalent": proof | provenance.surroundings(unit.path, root)})
    return None


def main(arguments: list[str] | None = None, root: Path = provenance.ROOT) -> int:
    """Prove what is stale, or those that are named; return the number that could not be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="notebooks, experiments; default: what is stale")
    names = [Path(name).stem for name in parser.parse_args(arguments).names]
    units = {unit.name: unit for unit in stale.units(root) if unit.reasons}
    if unknown := set(names) - units.keys():
        parser.error(f"not stale: {', '.join(sorted(unknown))}")
    failures = 0
    for name in names or units:
        start = time.monotonic()
        try:
            parted = prove(units[name], root)
        except (RuntimeError, ValueError) as error:
            parted = str(error)
        failures += parted is not None
        said, seconds = f"no proof. {parted}" if parted else "equivalent", time.monotonic() - start
        print(f"{name}: {said} ({seconds:.0f} s)", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
