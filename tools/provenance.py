"""Stamps that tie a notebook's outputs, or an experiment's CSV, to the code that made them.

A stamp holds hashes of what a result depends on: the notebook's code cells (or the experiment's
script), what these use of the `gan_utils` modules that they import, directly or not, and the data
files they name. Code is hashed as a syntax tree without docstrings, so that comments and layout do
not count. Definitions that nothing mentions do not count either: a new function leaves old results
valid. Stamps are written by tools/execute.py and by the experiments, after a run and never without
one.
"""

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from importlib.metadata import version
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "gan_utils"


def sha256(*parts: str | bytes) -> str:
    """Hash strings or byte strings with their lengths, so that one cannot run into the next."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _strip(tree: ast.AST) -> ast.AST:
    """Remove what cannot change a result: docstrings, and the package's version number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # early releases of Python 3.12 add empty strings
            node.values = [v for v in node.values if getattr(v, "value", v) != ""]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
            is_version = [ast.unparse(n).startswith("__version__ = ") for n in node.body]
            node.body = [n for n, skip in zip(node.body, is_version, strict=True) if not skip]
    return tree


def _dump(node) -> str:
    """Write a syntax tree as text: like `ast.dump`, but the same in every Python version."""
    if isinstance(node, ast.AST):
        fields = [f"{k}={_dump(v)}" for k, v in ast.iter_fields(node) if v is not None and v != []]
        return f"{type(node).__name__}({', '.join(fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_dump, node))}]"
    return repr(node)


def _imports(tree: ast.AST, parent: str = "") -> set[str]:
    """Return the dotted names that `tree` imports; `parent` is the package it lies in."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = parent.split(".")[: parent.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]  # importing a.b.c runs a and a.b as well
    return {".".join(p[:i]) for p in parts if p[0] == PACKAGE for i in range(1, len(p) + 1)}


def imported_modules(tree: ast.AST, root: Path = ROOT) -> dict[str, ast.AST]:
    """Return the modules of the package that `tree` imports, directly or not, by name."""
    found, queue = {}, _imports(tree)
    while queue:
        name = queue.pop()
        path = root.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path.is_file():  # if not, it is a name defined in a module
            found[name] = _strip(ast.parse(path.read_text(encoding="utf-8")))
            parent = name if path.name == "__init__.py" else name.rpartition(".")[0]
            queue |= _imports(found[name], parent) - found.keys()
    return found


def _names_in(tree: ast.AST, modules: Collection[str] = ()) -> set[str]:
    """Return every name, attribute, imported name and string in `tree`.

    Not the words that stand for one of `modules`, as the first "diagnose" in `diagnose.diagnose`.
    """
    names, skip = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            skip |= {id(alias) for alias in node.names if alias.name in modules}
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in modules:
            skip.add(id(node.value))
    for node in ast.walk(tree):
        if id(node) in skip:
            continue
        if isinstance(node, ast.alias):
            names |= {*node.name.split("."), node.asname or ""}
        names |= {v for f in ("id", "attr", "value") if isinstance(v := getattr(node, f, 0), str)}
    return names


def _bound(statement: ast.stmt) -> list[str]:
    """Return the names that a definition at the top of a module binds; none if it does more."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return []
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    if isinstance(targets[0], ast.Subscript) and isinstance(targets[0].slice, ast.Constant):
        return [targets[0].slice.value]  # an entry of a table, for those who mention its key
    return [t.id for t in targets] if all(isinstance(t, ast.Name) for t in targets) else []


def used(tree: ast.AST, modules: Mapping[str, ast.Module]) -> dict[str, list[ast.stmt]]:
    """Return, of each module, the statements that can matter to `tree`.

    A definition matters if its name (or its key, for an entry of a table) occurs in `tree` or in
    another statement that matters. Names are compared as words, whatever they belong to, and
    `_load_mnist` also answers to "mnist": that is too many rather than too few. But the name of a
    module mentions no definition, only the imports of it. A statement that is not a definition
    always matters.
    """
    short = {name.rpartition(".")[2] for name in modules}
    everything, mentioned = _names_in(tree), _names_in(tree, short)
    kept = {name: [] for name in modules}
    waiting = []
    for name, module in modules.items():
        for node in module.body:
            if isinstance(node, ast.Import | ast.ImportFrom):  # each imported name for itself
                parts = [type(node)(**(vars(node) | {"names": [a]})) for a in node.names]
            else:
                parts = [node]
            waiting += [(name, part, _bound(part)) for part in parts]
    order = {id(part): place for place, (_, part, _) in enumerate(waiting)}
    while True:
        words = mentioned | {f"_load_{word}" for word in mentioned}
        matters = [
            (name, part, bound)
            for name, part, bound in waiting
            if not bound
            or set(bound) & (everything if isinstance(part, ast.Import | ast.ImportFrom) else words)
        ]
        if not matters:
            return {n: sorted(k, key=lambda part: order[id(part)]) for n, k in kept.items() if k}
        for name, part, _ in matters:
            kept[name].append(part)
            everything |= _names_in(part)
            mentioned |= _names_in(part, short)
        waiting = [item for item in waiting if item not in matters]


def _files_named_in(text: str, folder: Path) -> list[str | bytes]:
    files = [path for path in sorted(folder.glob("*")) if path.name in text]
    return [part for path in files for part in (path.name, path.read_bytes())]


def _used_code(tree: ast.AST, root: Path) -> dict[str, str]:
    return {name: _dump(body) for name, body in used(tree, imported_modules(tree, root)).items()}


def _hash_code(tree: ast.AST, root: Path, made: Collection[str] = ()) -> dict[str, str]:
    modules, text = _used_code(tree, root), _dump(tree)
    names = text + "".join(modules.values())
    for name in made:
        names = names.replace(name, "")
    weights = _files_named_in(names, root / PACKAGE / "weights")
    return {
        "code": sha256(text),
        "modules": sha256(*(part for item in sorted(modules.items()) for part in item), *weights),
    }


def _cell_code(source: str) -> list[ast.stmt]:
    magic, _, rest = source.partition("\n") if source.startswith("%%") else ("", "", source)
    try:
        body = ast.parse(TransformerManager().transform_cell(rest)).body
    except SyntaxError:  # a cell in another language
        body = [ast.Expr(ast.Constant(rest))]
    # A semicolon at the end hides a cell's result; both marks also tell cell from cell.
    marks = ast.Constant(magic), ast.Constant(source.rstrip().endswith(";"))
    return [*map(_strip, body), *map(ast.Expr, marks)]


def notebook_hashes(notebook: nbformat.NotebookNode, root: Path = ROOT) -> dict[str, str]:
    """Return the four hashes of a notebook as it is now: code, modules, data and outputs."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # tools/set_repository.py rewrites the cell for Colab, which does nothing on a laptop.
    counted = [cell for cell in cells if "colab" not in cell.metadata.get("tags", [])]
    body = [statement for cell in counted for statement in _cell_code(cell.source)]
    tree = ast.Module(body, [])
    outputs = json.dumps([cell.outputs for cell in cells], sort_keys=True)
    names = _dump(tree) + "".join(_used_code(tree, root).values())
    return _hash_code(tree, root) | {
        "data": sha256(*_files_named_in(names, root / "experiments" / "results")),
        "outputs": sha256(outputs),
    }


def why_stale(stamp: Mapping | None, now: Mapping) -> list[str]:
    """Say why something with this stamp and these hashes has to run again; empty if it need not."""
    if not stamp:
        return ["it has no stamp of a run"]
    changed = [f"its {key} changed since the run" for key in now if now[key] != stamp.get(key)]
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


def weights_made(script: ast.Module) -> list[str]:
    """Return the names of the weights that an experiment's docstring lists after "Makes:"."""
    return (ast.get_docstring(script) or "").partition("Makes:")[2].replace(",", " ").split()


def experiment_hashes(script: str | Path, root: Path = ROOT) -> dict[str, str]:
    """Return the hashes of an experiment's script and of the modules it imports, as of now.

    A module beside the script, such as experiments/resumable.py, counts as part of the script.
    Weights that it makes are what comes out of it: they do not count.
    """
    tree = ast.parse(Path(script).read_text(encoding="utf-8"))
    made = weights_made(tree)
    tree = _strip(tree)
    for node in [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module]:
        beside = Path(script).parent / f"{node.module}.py"
        if beside.is_file():
            tree.body += _strip(ast.parse(beside.read_text(encoding="utf-8"))).body
    return _hash_code(tree, root, made)


def experiment_stamp(script: str | Path, root: Path = ROOT) -> dict:
    """Return an experiment's stamp. Call it before the run, so that it is of the code that runs."""
    run = {"script": Path(script).name, "profile": os.environ.get("GAN_BOOK_PROFILE", "full")}
    return run | experiment_hashes(script, root) | environment(root)
