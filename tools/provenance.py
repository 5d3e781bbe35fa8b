"""Stamps that tie a notebook's outputs, or an experiment's rows, to what made them.

A stamp holds hashes of what a result depends on: the definitions that it can reach (see
canonical.py), the weights and the results of experiments that these name, and, of a notebook, the
outputs themselves. It names the commit whose code ran. Stamps are written by tools/execute.py and
by the experiments, after a run and never without one. tools/equivalent.py may add the proof that
later code does the same.
"""

import ast
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from tools import canonical
from tools.canonical import PACKAGE, sha256

ROOT = Path(__file__).resolve().parent.parent
#: part of a stamp -> what to say when it changed
PARTS = {
    "definitions": "its code changed since the run",
    "weights": "weights that it reads changed since the run",
    "results": "results that it reads changed since the run",
    "outputs": "its outputs changed since the run",
}


#: magics that run no code of their own
HARMLESS = {"config", "matplotlib", "pip"}


def _cell_code(source: str) -> list[ast.stmt]:
    source = source.lstrip()
    magic, _, rest = source.partition("\n") if source.startswith("%%") else ("", "", source)
    tree = ast.parse(TransformerManager().transform_cell(rest))
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(_, "run_line_magic" | "system"), [name, *_]):
                if getattr(name, "value", None) not in HARMLESS:
                    raise ValueError(
                        f"{ast.unparse(name)} hides what runs: no stamp can follow it."
                    )
    # A semicolon at the end hides a cell's result; both marks also tell cell from cell.
    marks = ast.Constant(magic), ast.Constant(source.rstrip().endswith(";"))
    return [*tree.body, *map(ast.Expr, marks)]


def reached(path: Path, root: Path = ROOT) -> canonical.Reached:
    """Return all that a notebook or an experiment's script can reach."""
    tree = canonical.Tree(root)
    if path.suffix == ".py":
        script = tree.module(path.stem)
        return canonical.Reached(tree, script.main, script)
    return canonical.Reached(tree, _lowered(path.read_text(encoding="utf-8")))


@cache
def _lowered(text: str) -> canonical.Code:
    cells = [cell for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
    # The cell for Colab does nothing on a laptop.
    kept = [cell for cell in cells if "colab" not in cell.metadata.get("tags", [])]
    return canonical.lower_cells(_cell_code(cell.source) for cell in kept)


def _files(names: Collection[str], folder: Path) -> dict[str, bytes]:
    """Return the files of a folder whose names are among `names`, without stamps."""
    paths = [path for path in sorted(folder.rglob("*")) if path.name in names and path.is_file()]
    found = {path.name: path.read_bytes() for path in paths}
    return {n: c.partition(b"\n")[2] if c.startswith(b"# {") else c for n, c in found.items()}


def files_read(path: Path, found: canonical.Reached) -> dict[str, dict[str, bytes]]:
    """Return what a notebook or an experiment reads: scripts, weights and results, by their names.

    What an experiment makes does not count: its own result, and the weights that its docstring
    lists after "Makes:".
    """
    root, texts = found.tree.root, [text for text in found.texts if isinstance(text, str)]
    names = {word.rpartition("/")[2] for text in texts for word in [text, *text.split()]}
    scripts = {name for name in names if name.endswith((".js", ".css"))}
    made = set(weights_made(path)) if path.suffix == ".py" else set()
    own = {f"{path.stem}.csv", f"{path.stem}.png"}
    return {
        "scripts": _files(scripts, root / PACKAGE),
        "weights": _files(names - scripts - made, root / PACKAGE),
        "results": _files(names - own, root / "experiments" / "results"),
    }


def hashes(path: Path, root: Path = ROOT) -> dict[str, str]:
    """Return the hashes of what a notebook or an experiment depends on, as of now."""
    found = reached(path, root)
    read = files_read(path, found).values()
    scripts, weights, results = ([part for item in f.items() for part in item] for f in read)
    return {
        "definitions": sha256(found.digest(), *scripts) if scripts else found.digest(),
        "weights": sha256(*weights),
        "results": sha256(*results),
    }


def outputs_hash(notebook: nbformat.NotebookNode) -> str:
    """Return the hash of what a notebook shows."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return sha256(json.dumps([cell.outputs for cell in cells], sort_keys=True))


def notebook_hashes(path: Path, root: Path = ROOT) -> dict[str, str]:
    """Return the hashes of a notebook as it is now, its outputs included."""
    return hashes(path, root) | {"outputs": outputs_hash(nbformat.read(path, as_version=4))}


def weights_made(script: Path) -> list[str]:
    """Return the names of the weights that an experiment's docstring lists after "Makes:"."""
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return docstring.partition("Makes:")[2].replace(",", " ").split()


def why_stale(stamp: Mapping | None, now: Mapping) -> list[str]:
    """Say why something with this stamp and these hashes has to run again; empty if it need not."""
    if not stamp:
        return ["it has no stamp of a run"]
    known = stamp, stamp.get("equivalent", {})
    changed = [part for part in now if now[part] not in [hashes.get(part) for hashes in known]]
    not_full = ["it was not run in full"] if stamp.get("profile") != "full" else []
    return [PARTS[part] for part in changed] + not_full


def _ask(modules: str, what: str, root: Path) -> str:
    """Return what modules of `root` say, which load TensorFlow in a process of their own."""
    code = f"from {PACKAGE} import {modules}; print({what})"
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{what} failed:\n{run.stderr}")
    return run.stdout.strip().rpartition("\n")[2]


def environment(root: Path = ROOT) -> dict:
    """Return device and versions."""
    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    versions["python"] = platform.python_version()
    return {"device": _ask("runtime", "runtime.device_report()", root), "versions": versions}


def archives(path: Path, root: Path = ROOT) -> dict:
    """Return the SHA-256 of the archive of CIFAR-10, if that can be reached: there are copies."""
    if not any(node[1] == "_load_cifar10" for node in reached(path, root).nodes):
        return {}
    find = "*fetch.find('cifar10', [files.CIFAR10_FILE], str)[0]"  # `str` fetches nothing
    found = Path(_ask("fetch, files", find, root))
    if not found.is_file():
        return {}
    return {"archives": {found.name: hashlib.sha256(found.read_bytes()).hexdigest()}}


def surroundings(path: Path, root: Path = ROOT) -> dict:
    """Return what a stamp says about where and when something ran."""
    return archives(path, root) | environment(root) | {"date": date.today().isoformat()}


def write(path: Path, content: bytes) -> None:
    """Replace a file in one go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def git(*arguments: str, root: Path = ROOT) -> bytes:
    """Return what a git command prints."""
    run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)
    if run.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {run.stderr.decode().strip()}")
    return run.stdout


def export(commit: str, folder: str | Path, root: Path = ROOT) -> Path:
    """Write the files of a commit into `folder`."""
    archive = git("archive", commit, root=root)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return Path(folder)


def commit(path: Path, root: Path = ROOT) -> str:
    """Return the commit whose code would run now.

    Raises:
        ValueError: what the notebook or experiment depends on differs from the last commit.
    """
    name = git("rev-parse", "HEAD", root=root).decode().strip()
    relative = path.resolve().relative_to(root.resolve())
    with tempfile.TemporaryDirectory() as folder:
        there = export(name, folder, root)
        if not (there / relative).exists() or hashes(there / relative, there) != hashes(path, root):
            raise ValueError(
                f"{relative} or what it uses differs from the last commit. Commit first."
            )
    return name


def experiment_stamp(script: str | Path, root: Path = ROOT) -> dict:
    """Return an experiment's stamp. Call it before the run, so that it is of the code that runs."""
    script = Path(script)
    run = {"script": script.name, "profile": os.environ.get("GAN_BOOK_PROFILE", "full")}
    run |= hashes(script, root) | {"commit": commit(script, root)}
    return run | surroundings(script, root)
