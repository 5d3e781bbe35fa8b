"""Re-run stale notebooks in the full profile, stamp them and export their pictures.

    python -m tools.execute                   # whatever is stale
    python -m tools.execute 04_vanilla_gan    # this one, if it is stale
    python -m tools.execute --force           # all of them

A notebook that fails stays as it was: the file is replaced only after its last cell.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from tools import export_pictures, provenance, stale

WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def run(notebook: nbformat.NotebookNode, folder: Path, root: Path) -> None:
    """Execute `notebook` in place, in a fresh kernel that imports the package of `root`."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,  # of a progress bar only its last state stays
        record_timing=False,
        store_widget_state=False,
        on_cell_executed=lambda **_: bar.update(),
    )
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    full = {"GAN_BOOK_PROFILE": "full", "GAN_BOOK_CLAIMS": "assert", "PYTHONPATH": path}
    with tqdm(total=len(code), unit="cell", disable=None) as bar:
        client.execute(env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, **full})


def clean(notebook: nbformat.NotebookNode) -> None:
    """Drop what a page cannot show or what differs from run to run without meaning."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.update(language_info={"name": "python"}, kernelspec=KERNEL)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        outputs = cell.get("outputs", [])
        for output in [output for output in outputs if output.output_type == "stream"]:
            output.text = re.sub(r" *\r$", "", output.text)  # what wipes a progress bar away
        empty = [o for o in outputs if WIDGET in o.get("data", {}) or o.get("text") == ""]
        for output in empty:
            outputs.remove(output)


def execute(path: Path, root: Path = provenance.ROOT) -> float:
    """Run, stamp and write one notebook, export its pictures, and return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    before = provenance.hashes(path, root)
    ran = before | {"profile": "full", "commit": provenance.commit(path, root)}
    start = time.monotonic()
    run(notebook, path.parent, root)
    seconds = round(time.monotonic() - start, 1)
    clean(notebook)
    if provenance.hashes(path, root) != before:
        raise ValueError("what it depends on changed while the notebook ran; run it again")
    ran |= {"outputs": provenance.outputs_hash(notebook), "seconds": seconds}
    notebook.metadata[provenance.PACKAGE] = ran | provenance.surroundings(path, root)
    images = export_pictures.pictures(notebook)
    provenance.write(path, (nbformat.writes(notebook) + "\n").encode())
    for name, content in images.items():
        provenance.write(root / "book" / name, content)
    return seconds


def main(arguments: list[str] | None = None, root: Path = provenance.ROOT) -> int:
    """List what is stale and why, run it, and return the number of failures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="notebooks, such as 04_vanilla_gan; default: all")
    parser.add_argument("--force", action="store_true", help="run also what is not stale")
    options = parser.parse_args(arguments)
    units = [unit for unit in stale.units(root) if unit.path.suffix == ".ipynb"]
    there, asked = [unit.name for unit in units], {Path(name).stem for name in options.names}
    if unknown := asked.difference(there):
        parser.error(f"no notebook {', '.join(unknown)}; there are {', '.join(there)}")
    chosen = [unit for unit in units if not asked or unit.name in asked]
    todo = [unit for unit in chosen if unit.reasons or options.force]
    failures, known = 0, stale.duration(sum(unit.seconds for unit in todo))
    print(f"{len(todo)} to run, last time in {known}." if todo else "Nothing is stale.")
    for unit in todo:
        why, took = "; ".join(unit.reasons or ["asked for"]), stale.duration(unit.seconds)
        print(f"{unit.name}: {why} (last time {took})", flush=True)
        try:
            print(f"{unit.name}: done in {stale.duration(execute(unit.path, root))}")
        except (CellExecutionError, RuntimeError, ValueError, KeyError) as error:
            print(f"{unit.name}: failed, left as it was\n{error}", file=sys.stderr)
            failures += 1
    return failures


if __name__ == "__main__":
    sys.exit(main())
