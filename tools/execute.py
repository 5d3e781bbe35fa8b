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
from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from tools import export_pictures, provenance, stale

WIDGET = "application/vnd.jupyter.widget-view+json"


def run(notebook: nbformat.NotebookNode, folder: Path, root: Path, label: str) -> None:
    """Execute `notebook` in place, in a fresh kernel that imports the package of `root`."""
    with tqdm(total=len(notebook.cells), desc=label, unit="cell", disable=None) as bar:
        client = NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            coalesce_streams=True,  # of a progress bar only its last state stays
            record_timing=False,
            store_widget_state=False,
            on_cell_complete=lambda cell, cell_index: bar.update(),
        )
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        quiet = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")}
        profile = {"GAN_BOOK_PROFILE": "full", "GAN_BOOK_CLAIMS": "assert", "PYTHONPATH": path}
        log = root / "_build" / "execute.log"  # the kernel's own words: a crash explains itself
        log.parent.mkdir(exist_ok=True)
        with log.open("w") as messages:
            client.execute(env=os.environ | quiet | profile, stderr=messages)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Drop what a page cannot show or what differs from run to run without meaning."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            for output in cell.outputs:
                if output.output_type == "stream":  # what a progress bar that has left wipes with
                    output.text = re.sub(r" *\r$", "", output.text)
            cell.outputs = [
                output
                for output in cell.outputs
                if WIDGET not in output.get("data", {}) and output.get("text") != ""
            ]


def execute(path: Path, root: Path = provenance.ROOT) -> float:
    """Run, stamp and write one notebook, export its pictures, and return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    last = notebook.metadata.get(provenance.PACKAGE, {}).get("seconds")
    before, commit = provenance.hashes(path, root), provenance.commit(path, root)
    start = time.monotonic()
    run(notebook, path.parent, root, f"{path.stem} (last time {stale.duration(last)})")
    seconds = round(time.monotonic() - start, 1)
    clean(notebook)
    if provenance.hashes(path, root) != before:
        raise ValueError("what it depends on changed while the notebook ran; run it again")
    notebook.metadata[provenance.PACKAGE] = {
        **before,
        "outputs": provenance.outputs_hash(notebook),
        "profile": "full",
        "commit": commit,
        **provenance.archives(path, root),
        **provenance.environment(root),
        "seconds": seconds,
        "date": date.today().isoformat(),
    }
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
    paths = {path.stem: path for path in sorted((root / "notebooks").glob("*.ipynb"))}
    names = [Path(name).stem for name in options.names] or list(paths)
    if unknown := [name for name in names if name not in paths]:
        parser.error(f"no notebook {', '.join(unknown)}; there are {', '.join(paths)}")

    chosen = [unit for unit in stale.units(root) if unit.path in [paths[name] for name in names]]
    todo = [unit for unit in chosen if unit.reasons or options.force]
    for unit in todo:
        took = stale.duration((unit.stamp or {}).get("seconds"))
        print(f"{unit.name}: {'; '.join(unit.reasons or ['asked for'])} (last time {took})")
    if not todo:
        print("Nothing is stale.")
        return 0
    known = sum((unit.stamp or {}).get("seconds", 0) for unit in todo)
    print(f"{len(todo)} to run; the last times known add up to {stale.duration(known)}.")

    failures = 0
    for name in [unit.name for unit in todo]:
        try:
            print(f"{name}: done in {stale.duration(execute(paths[name], root))}")
        except (CellExecutionError, RuntimeError, ValueError, KeyError) as error:
            print(f"{name}: failed, left as it was\n{error}", file=sys.stderr)
            if isinstance(error, DeadKernelError):
                print("Its last words may be in _build/execute.log", file=sys.stderr)
            failures += 1
    return failures


if __name__ == "__main__":
    sys.exit(main())
