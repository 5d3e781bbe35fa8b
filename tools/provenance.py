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
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
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
    try:
        body = ast.parse(TransformerManager().transform_cell(rest)).body
    except SyntaxError:  # a cell in another language
        body = [ast.Expr(ast.Constant(rest))]
    for node in [node for statement in body for node in ast.walk(statement)]:
        hides = getattr(getattr(node, "func", None), "attr", "") in ("run_line_magic", "system")
        if hides and node.args[0].value not in HARMLESS:
            raise ValueError(f"`{node.args[0].value}` hides what runs: no stamp can follow it.")
    # A semicolon at the end hides a cell's result; both marks also tell cell from cell.
    marks = ast.Constant(magic), ast.Constant(source.rstrip().endswith(";"))
    return [*body, *map(ast.Expr, marks)]


def cells_that_count(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the code cells without the one for Colab, which does nothing on a laptop."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "colab" not in cell.metadata.get("tags", [])]


def reached(path: str | Path, root: Path = ROOT) -> canonical.Reached:
    """Return all that a notebook or an experiment's script can reach."""
    path = Path(path)
    if path.suffix == ".py":
        tree = canonical.Tree(root)
        script = tree.module(path.stem)
        return canonical.Reached(tree, script.main, script)
    return canonical.Reached(canonical.Tree(root), _lowered(path.read_text(encoding="utf-8")))


@cache
def _lowered(text: str) -> canonical.Code:
    cells = cells_that_count(nbformat.reads(text, as_version=4))
    return canonical.lower_cells(_cell_code(cell.source) for cell in cells)


def _files(names: Collection[str], folder: Path, skip: Collection[str] = ()) -> dict[str, bytes]:
    """Return the files of a folder whose names are among `names`; of a CSV, the rows alone."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name in names and path.name not in skip and path.is_file():
            content = path.read_bytes()
            is_stamped = path.suffix == ".csv" and content.startswith(b"# {")
            found[path.name] = content.partition(b"\n")[2] if is_stamped else content
    return found


def files_read(path: str | Path, root: Path = ROOT) -> dict[str, dict[str, bytes]]:
    """Return what a notebook or an experiment reads: scripts, weights and results, by their names.

    What an experiment makes does not count: its own result, and the weights that its docstring
    lists after "Makes:".
    """
    path = Path(path)
    texts = [text for text in reached(path, root).texts if isinstance(text, str)]
    names = {word.rpartition("/")[2] for text in texts for word in [text, *text.split()]}
    scripts = {name for name in names if name.endswith((".js", ".css"))}
    made = weights_made(path) if path.suffix == ".py" else []
    own = [f"{path.stem}.csv", f"{path.stem}.png"]
    return {
        "scripts": _files(scripts, root / PACKAGE),
        "weights": _files(names - scripts, root / PACKAGE, made),
        "results": _files(names, root / "experiments" / "results", own),
    }


def hashes(path: str | Path, root: Path = ROOT) -> dict[str, str]:
    """Return the hashes of what a notebook or an experiment depends on, as of now."""
    digest, read = reached(path, root).digest(), files_read(path, root)
    scripts, weights, results = ([x for item in f.items() for x in item] for f in read.values())
    return {
        "definitions": sha256(digest, *scripts) if scripts else digest,
        "weights": sha256(*weights),
        "results": sha256(*results),
    }


def outputs_hash(notebook: nbformat.NotebookNode) -> str:
    """Return the hash of what a notebook shows."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return sha256(json.dumps([cell.outputs for cell in cells], sort_keys=True))


def notebook_hashes(path: str | Path, root: Path = ROOT) -> dict[str, str]:
    """Return the hashes of a notebook as it is now, its outputs included."""
    outputs = outputs_hash(nbformat.read(path, as_version=4))
    return hashes(path, root) | {"outputs": outputs}


def weights_made(script: str | Path) -> list[str]:
    """Return the names of the weights that an experiment's docstring lists after "Makes:"."""
    docstring = ast.get_docstring(ast.parse(Path(script).read_text(encoding="utf-8"))) or ""
    return docstring.partition("Makes:")[2].replace(",", " ").split()


def why_stale(stamp: Mapping | None, now: Mapping) -> list[str]:
    """Say why something with this stamp and these hashes has to run again; empty if it need not."""
    if not stamp:
        return ["it has no stamp of a run"]
    proved = stamp.get("equivalent", {})
    changed = [
        said
        for part, said in PARTS.items()
        if part in now and now[part] not in (stamp.get(part), proved.get(part))
    ]
    return changed + (["it was not run in full"] if stamp.get("profile") != "full" else [])


def environment(root: Path = ROOT) -> dict:
    """Return device and versions; TensorFlow is asked in a process of its own."""
    code = f"from {PACKAGE} import runtime; print(runtime.device_report())"
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"runtime.device_report() failed:\n{run.stderr}")
    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    versions["python"] = ".".join(map(str, sys.version_info[:3]))
    return {"device": run.stdout.strip().splitlines()[-1], "versions": versions}


def archives(path: str | Path, root: Path = ROOT) -> dict:
    """Return the SHA-256 of the archive of CIFAR-10, if that can be reached: there are copies."""
    if not any(node[1] == "_load_cifar10" for node in reached(path, root).nodes):
        return {}
    find = "fetch.find('cifar10', [files.CIFAR10_FILE], list)[0]"  # fetches nothing
    code = f"from {PACKAGE} import fetch, files; print(*{find})"
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    found = Path(run.stdout.strip() or "nowhere")
    if not found.is_file():
        return {}
    return {"archives": {found.name: hashlib.sha256(found.read_bytes()).hexdigest()}}


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


def export(commit: str, folder: str | Path, root: Path = ROOT, *paths: str) -> Path:
    """Write the files of a commit into `folder`."""
    archive = git("archive", commit, *paths, root=root)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return Path(folder)


def commit(path: str | Path, root: Path = ROOT) -> str:
    """Return the commit whose code would run now.

    Raises:
        ValueError: what the notebook or experiment depends on differs from the last commit.
    """
    name = git("rev-parse", "HEAD", root=root).decode().strip()
    relative = Path(path).resolve().relative_to(root.resolve())
    with tempfile.TemporaryDirectory() as folder:
        there = export(name, folder, root)
        if not (there / relative).exists() or hashes(there / relative, there) != hashes(path, root):
            raise ValueError(
                f"{relative} or something that it depends on differs from the last commit. Commit "
                "first: a stamp names the code that ran."
            )
    return name


def experiment_stamp(script: str | Path, root: Path = ROOT) -> dict:
    """Return an experiment's stamp. Call it before the run, so that it is of the code that runs."""
    run = {"script": Path(script).name, "profile": os.environ.get("GAN_BOOK_PROFILE", "full")}
    run |= hashes(script, root) | archives(script, root) | {"commit": commit(script, root)}
    return run | environment(root)
