"""What a result can reach, as one hash: names resolved, definitions hashed wherever they lie.

A root is a list of statements: the cells of a notebook, or what an experiment does when it runs.
Every name in it is resolved to what it is, by scopes and imports. A definition of the project is
hashed by its own code with the hashes of the definitions that it uses in place of their names, so
that moving it, renaming it or its module, and splitting a file change nothing. What lies outside
the project, such as `numpy.exp`, keeps its full name.

Not counted: docstrings, comments, annotations, imports; what `raise` says (but for errors that are
caught and shown) and `warnings.warn`; the words of `print` in modules; the prose of an argparse
parser; and CANNOT_CHANGE_A_RESULT.

What cannot be resolved counts for all that it may mean. A class counts whole, so that it does not
matter which of its methods are called. `getattr` of a module, and a table (a dict at the top of a
module whose keys are texts) that is looked up by a variable, count for every name or key that is
among the texts of the code that is reached; a table used in any other way counts whole, and so does
a module that is handed on, `globals()`, and a statement that acts when its module is imported.
"""

import ast
import builtins
import hashlib
import re
from collections import ChainMap, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import resolve_name
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

PACKAGE = "gan_utils"
#: definition -> why no result depends on it
CANNOT_CHANGE_A_RESULT = {
    "gan_utils.__version__": "a number, written into run folders",
    "gan_utils.cli.show_recipes": "prints",
    "gan_utils.data.download": "fetches: what is in a file is checked by its SHA-256",
    "gan_utils.fetch.cache_folder": "says where files are kept",
    "gan_utils.fetch.download_cifar10": "fetches: the archive is checked by its SHA-256",
    "gan_utils.fetch.download_mnist": "fetches: the content is checked by its SHA-256",
    "gan_utils.fetch.find": "finds and fetches files, whose SHA-256 is checked or in the stamp",
    "gan_utils.fit._progress_bar": "shows progress",
    "gan_utils.plots.claim": "shows a sentence of the caller's, which a stamped run asserts",
    "gan_utils.runtime.choose": "a stamped run is full, and the caller spells out that value",
    "gan_utils.runtime.device_report": "describes the machine, as the stamp does",
    "gan_utils.runtime.expect": "checks what the caller says, as a stamped run asserts",
    "gan_utils.runtime.gpu_hint": "a word to those who have a GPU",
    "gan_utils.runtime.profile": "the stamp names the profile, and only the full one counts",
    "gan_utils.runtime.progress": "shows progress and hands its items on",
    "gan_utils.runtime.version_report": "describes the versions, as the stamp does",
    "gan_utils.runtime._processor_name": "describes the machine, as the stamp does",
    "gan_utils.runtime._quiet_start": "hides what TensorFlow's C++ code remarks",
}
# Definition -> why it need not count where only those above use it; elsewhere it counts.
COUNTS_FOR_OTHERS = {
    "gan_utils.plots._shown": "shows what plots.claim says; a table is shown by it too",
}
# How a name is used, where that says which part of a table or of a module counts:
LOOKUP = object()  # with a key that is not constant, as by `getattr`
SAID = object()  # in the message of an error
CANNOT_FOLLOW = {f"builtins.{name}" for name in ("__import__", "eval", "exec")}
CANNOT_FOLLOW |= {"importlib.import_module", "runpy.run_module", "runpy.run_path", "sys.modules"}
NO_MESSAGE = "errno", "filename", "name", "strerror"  # what an error holds besides
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_CLOSED = _FUNCTIONS | ast.ClassDef | ast.Import | ast.ImportFrom  # nothing in them binds outside


def sha256(*parts: str | bytes) -> str:
    """Hash strings or byte strings with their lengths, so that one cannot run into the next."""
    digest = hashlib.sha256()
    for data in (part.encode() if isinstance(part, str) else part for part in parts):
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


class Ref(NamedTuple):
    """A name that leads out of the code it stands in: a dotted path, and how it is used."""

    path: str
    use: object = None  # a constant key, LOOKUP, SAID, or None for any other use


class Code:
    """A piece of code, lowered to text and references."""

    def __init__(self):
        self.pieces = []  # of str, Ref, and lists of such, which are what errors say
        self.texts = set()  # string constants, and patterns (compiled) of those put together
        self.imports = set()  # dotted names that are imported, wherever
        self.full = set()  # what only the full profile does: values and branches
        self.shown = set()  # names of caught errors that are not only raised again
        self.shows = set()  # what is called where an error is caught and shown: paths, ".method"
        self.methods = set()  # of the classes in it, as ".method"


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> dict[str, str]:
    """Return the names that an import binds, with the dotted path of each."""
    if isinstance(node, ast.Import):
        names = [(a.name if a.asname else a.name.partition(".")[0], a.asname) for a in node.names]
        return {asname or name: name for name, asname in names}
    if any(alias.name == "*" for alias in node.names):
        raise ValueError(f"`{ast.unparse(node)}` hides what it binds: canonical.py cannot follow.")
    base = resolve_name("." * node.level + (node.module or ""), package)
    return {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}


def _bound(nodes: Iterable[ast.AST], package: str) -> dict[str, set]:
    """Return the names bound in a scope, each with the paths of its imports, or None otherwise."""
    found, elsewhere, waiting = defaultdict(set), set(), list(nodes)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Import() | ast.ImportFrom():
                for name, path in _imported(node, package).items():
                    found[name].add(path)
            case ast.Global(names):
                elsewhere |= set(names)
            case ast.Name(name, ast.Store() | ast.Del()) | ast.arg(name):
                found[name].add(None)
            case ast.AST(name=str(name)) | ast.AST(rest=str(name)):
                found[name].add(None)
        if isinstance(node, _COMPREHENSIONS):  # a scope of its own, but := binds outside of it
            waiting += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, _CLOSED):
            waiting += ast.iter_child_nodes(node)
    return {name: paths for name, paths in found.items() if name not in elsewhere}


class _Lower:
    """Turn syntax trees into code.

    Args:
        names: at the top of the module, with their paths (None: a plain name).
        package: that relative imports start from.
        module: name of the module; none for a notebook, whose printed text counts.
    """

    def __init__(self, names: Mapping, package: str = "", module: str = ""):
        self.names, self.package, self.module = ChainMap(names), package, module
        self.handled = set()  # names of the errors that are caught around a place

    def code(self, *bodies: list[ast.AST]) -> Code:
        self.made = made = Code()
        for body in bodies:
            before, made.texts = made.texts, set()
            named = {getattr(node, "attr", "") for part in body for node in ast.walk(part)}
            self.is_parser = "ArgumentParser" in named and isinstance(body[0], ast.FunctionDef)
            self.lower(body)
            words = " ".join(text for text in made.texts if isinstance(text, str)).split()
            made.texts |= before.union(words if "split" in named else ())
        return made

    def paths(self, node) -> set:
        """Return what a name or a chain of attributes may stand for; None among it: itself."""
        if isinstance(node, ast.Attribute):
            return {path and f"{path}.{node.attr}" for path in self.paths(node.value)}
        if not isinstance(node, ast.Name):
            return set()
        known = f"builtins.{node.id}" if hasattr(builtins, node.id) else None
        return self.names.get(node.id, {known})

    def calls(self, node, path: str) -> bool:
        return isinstance(node, ast.Call) and self.paths(node.func) == {path}

    def lower(self, node, use=None):
        pieces, paths = self.made.pieces, self.paths(node)
        if forbidden := paths & CANNOT_FOLLOW:
            raise ValueError(f"{forbidden} hides what runs: canonical.py cannot follow.")
        match node:
            case _ if paths - {None}:
                pieces += [ast.unparse(node)] if None in paths else []
                pieces += [Ref(path, use) for path in sorted(paths - {None})]
            case list():
                pieces.append("[")
                for item in node:
                    self.lower(item, use)
                pieces.append("]")
            case ast.Import(names):
                self.made.imports |= {alias.name for alias in names}
            case ast.ImportFrom():
                self.made.imports |= {*_imported(node, self.package).values()}
            case ast.Name(name):
                self.made.shown |= self.handled & {name}
                pieces.append(name)
            case ast.Attribute(ast.Name(name), attribute) if name in self.handled:
                self.made.shown |= {name} if attribute not in NO_MESSAGE else set()
                pieces.append(f"{name}.{attribute}")
            case ast.Raise(error):
                pieces.append("raise")
                if getattr(error, "id", "") not in self.handled:
                    self.lower(getattr(error, "func", error))
                pieces += [self.said(error)] if isinstance(error, ast.Call) else []
            case ast.Try() | ast.TryStar():
                self.attempt(node)
            case ast.Call() if self.calls(node, "builtins.globals"):
                pieces.append(Ref(self.module))
            case ast.Call() if self.calls(node, "warnings.warn"):
                pieces.append("warn")
            case ast.Expr(call) | call if self.module and self.calls(call, "builtins.print"):
                self.printed([*call.args, *call.keywords])
            case ast.AST():
                self.other(node)
            case _:
                pieces.append(repr(node))

    def said(self, error: ast.Call) -> list:
        """Lower what an error says apart: its texts mean no names, and it shows nothing yet."""
        made, self.made = self.made, Code()
        self.lower([*error.args, *error.keywords])
        said, self.made = self.made.pieces, made
        return [p._replace(use=SAID) if isinstance(p, Ref) else p for p in said]

    def attempt(self, node: ast.Try | ast.TryStar):
        """Lower a `try`; if a handler does more with the error than to raise it, note what may."""
        names = {handler.name for handler in node.handlers}
        handled, shown = self.handled, self.made.shown
        self.handled, self.made.shown = handled | names, set()
        self.other(node)
        if self.made.shown & names:
            calls = [n.func for s in node.body for n in ast.walk(s) if isinstance(n, ast.Call)]
            for call in calls:
                paths = self.paths(call) - {None}
                self.made.shows |= paths or {f".{getattr(call, 'attr', '')}"}
        self.handled, self.made.shown = handled, self.made.shown | shown

    def printed(self, nodes):
        """Lower what is printed without its words: a number may be a result, a call may act."""
        for node in nodes:
            if isinstance(node, ast.JoinedStr | ast.FormattedValue | ast.keyword):
                self.printed(ast.iter_child_nodes(node))
            elif not isinstance(node, ast.Constant):
                paths = self.paths(node.func if isinstance(node, ast.Call) else node)
                if not paths & CANNOT_CHANGE_A_RESULT.keys():
                    self.lower(node)

    def other(self, node):
        """Lower a node by its fields; those in a scope of its own come last."""
        self.made.pieces.append(type(node).__name__)
        skip = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind"}
        outer = {k: v for k, v in ast.iter_fields(node) if k not in skip and v not in (None, [])}
        inner, bound, uses = {}, [], {}
        match node:
            case ast.Constant(str(text)) if self.is_parser and " " in text:
                return  # prose: no name of an argument has a space
            case ast.Constant(str(text)):
                self.made.texts.add(text)
            case ast.JoinedStr(parts):
                self.joined(parts)  # early releases of Python 3.12 add empty strings
                outer["values"] = [part for part in parts if getattr(part, "value", part) != ""]
            case ast.BinOp(left, ast.Add(), right):
                self.joined([left, right])
            case ast.Call() if self.calls(node, f"{PACKAGE}.runtime.choose"):
                self.made.full |= {ast.dump(k.value) for k in node.keywords if k.arg == "full"}
            case ast.If(test) | ast.IfExp(test):
                if any(self.calls(n, f"{PACKAGE}.runtime.profile") for n in ast.walk(test)):
                    self.made.full.add(ast.dump(node))
            case ast.Call() if self.calls(node, "builtins.getattr"):
                uses = {"args": LOOKUP}
            case ast.Compare(ops=[ast.In() | ast.NotIn(), *_]):
                uses = {"comparators": LOOKUP}
            case ast.Subscript(slice=ast.Constant(str(key))):
                uses = {"value": key}
            case ast.Subscript(slice=ast.Name() | ast.Attribute() | ast.Subscript()):
                uses = {"value": LOOKUP}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                has_docstring = ast.get_docstring(node) is not None
                inner["body"] = outer.pop("body")[has_docstring:]
                bound = [*node.body, *filter(None, [getattr(node, "args", None)])]
            case ast.Lambda():
                inner["body"] = outer.pop("body")
                bound = [node.args, node.body]
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                outer, inner = {"outside": node.generators[0].iter}, {"generators": []} | outer
                bound = [comprehension.target for comprehension in node.generators]
        self.fields(outer, uses)
        if inner:
            names, found = self.names, _bound(bound, self.package)
            outside = names.maps[0].get("", names)  # what is in a class does not see its names
            if isinstance(node, ast.ClassDef):  # until it is bound there, a name means another
                self.made.methods |= {f".{name}" for name in found}
                found = {n: p | self.paths(ast.Name(n)) for n, p in found.items()} | {"": outside}
            self.names = outside.new_child(found)
            self.fields(inner, uses)
            self.names = names

    def fields(self, fields: Mapping, uses: Mapping):
        for field, value in fields.items():
            self.made.pieces.append(field)
            self.lower(value, uses.get(field))

    def joined(self, parts):
        """Note what a text may be that is put together."""
        known = [getattr(part, "value", None) for part in parts]
        text = "".join(re.escape(k) if isinstance(k, str) else ".*" for k in known)
        if sum(c.isalpha() for c in text) >= 4:  # else it could be almost any name
            self.made.texts.add(re.compile(text))


class Module:
    """A module's definitions, by name, and what it does besides."""

    def __init__(self, name: str, package: str, source: bytes):
        tree = ast.parse(source)
        bound, acts, main = _bound(tree.body, package), [], []
        self.name, self.definitions, self.tables = name, {}, {}
        for node in tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
                main += node.body
                acts += node.orelse
            elif not self.define(node):
                acts.append(node)
        self.imported = {n: paths - {None} for n, paths in bound.items() if paths - {None}}
        here = {n: {p or f"{name}.{n}" for p in paths} for n, paths in bound.items()}
        lower = _Lower(here, package, name).code
        self.main = lower(main)
        self.code = cache(lambda *key: lower(self.statements(*key) if any(key) else acts))
        for node in acts:  # what a loop or a condition at the top binds is defined there
            for found, paths in _bound([node], package).items():
                if None in paths:
                    first = ast.Constant(found)
                    self.definitions.setdefault(found, [(first, first)]).append((node, node))

    def define(self, node) -> bool:
        """Note what a statement at the top defines; False if it does something else."""
        names, value = [], node
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        match node, target:
            case ast.Expr(ast.Constant()), _:  # a docstring
                pass
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name), _:
                names, node.name = [name], None  # its name does not count
            case (ast.ClassDef(name), _) | (ast.AugAssign(), ast.Name(name)):
                names = [name]
            case ast.Assign([_]) | ast.AnnAssign(), ast.Name(name):
                names, value = [name], node.value or node
            case ast.Assign([_]), ast.Tuple(parts) if all(isinstance(p, ast.Name) for p in parts):
                names = [part.id for part in parts]
            case _, ast.Subscript(ast.Name(name), ast.Constant(str(key))) if name in self.tables:
                value = node if isinstance(node, ast.AugAssign) else node.value
                self.tables[name].setdefault(key, [ast.Constant(key)]).append(value)
            case _:
                return False
        for name in names:
            self.tables.pop(name, None)
            keys = [getattr(key, "value", None) for key in getattr(value, "keys", [None])]
            if name not in self.definitions and all(isinstance(key, str) for key in keys):
                pairs = zip(keys, value.values, strict=True)
                self.tables[name] = {key: [ast.Constant(key), entry] for key, entry in pairs}
            self.definitions.setdefault(name, []).append((node, value))
        return True

    def statements(self, name: str, key: str | None = None) -> list[ast.AST]:
        """Return what defines a name, without the name if it is bound once, or a table's entry."""
        if key is not None:
            return self.tables[name][key]
        found = self.definitions[name]
        return [value if len(found) == 1 else node for node, value in found]


_parsed = cache(Module)


class Tree:
    """The modules of the package and of the experiments, as they lie under `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)
        self.module = cache(self.read)
        self.resolve = cache(self.follow)

    def read(self, name: str) -> Module | None:
        """Return the module of that name, or None if it does not lie here."""
        first, *rest = name.split(".")
        folder = self.root if first == PACKAGE else self.root / "experiments"
        path, above = folder.joinpath(first, *rest), name.rpartition(".")[0]
        for file, package in ((path / "__init__.py", name), (path.with_suffix(".py"), above)):
            if file.is_file():
                return _parsed(name, package, file.read_bytes())
        return None

    def follow(self, path: str) -> tuple[Module | None, str]:
        """Follow a dotted path through imports; return its module and the name in it."""
        parts = path.split(".")
        for i in range(len(parts), 0, -1):
            if module := self.module(".".join(parts[:i])):
                first = parts[i] if parts[i:] else ""
                if first in module.definitions or first not in module.imported:
                    return module, ".".join(parts[i:])
                return self.resolve(".".join([min(module.imported[first]), *parts[i + 1 :]]))
        return None, path


class Reached:
    """All that a root reaches in a tree.

    Args:
        tree: the modules.
        root: code of the root.
        module: that the root is the main part of, if any.
    """

    def __init__(self, tree: Tree, root: Code, module: Module | None = None):
        self.tree, self.root, self.texts, self.memo = tree, root, set(root.texts), {}
        self.nodes = {}  # (module, name), (module, table, key), (module, ""): its acts -> code
        if module:
            self.reach([(module.name, "")])
        size = None
        while size != (size := (len(self.nodes), len(self.texts))):
            for code in [root, *self.nodes.values()]:
                for path in code.imports:
                    names = accumulate(path.split("."), "{}.{}".format)
                    self.reach((name, "") for name in names if tree.module(name))
                self.reach(self.leads(code.pieces))
            self.speaking = self.find_speaking()
            for node in self.speaking:
                for said in self.nodes[node].pieces:
                    self.reach(self.leads(said) if isinstance(said, list) else [])

    def reach(self, nodes: Iterable[tuple]):
        """Note definitions that are reached, and what their modules do when they are imported."""
        for node in [node for node in nodes if node not in self.nodes]:
            for module, *key in (node, (node[0], "")):
                self.nodes[module, *key] = code = self.tree.module(module).code(*key)
                self.texts |= code.texts

    def leads(self, pieces: Iterable) -> list[tuple]:
        """Return the nodes that the references among pieces lead to."""
        refs = [piece for piece in pieces if isinstance(piece, Ref)]
        return [node for ref in refs for node in self.targets(ref)[1]]

    def find_speaking(self) -> set[tuple]:
        """Return the definitions whose errors may be caught and shown."""
        codes = [self.root, *self.nodes.values()]
        shows = set().union(*(code.shows for code in codes))
        found, waiting = set(), self.leads(Ref(path) for path in shows)
        waiting += [node for node, code in self.nodes.items() if code.methods & shows]
        while waiting:
            if (node := waiting.pop()) in self.nodes and node not in found:
                found.add(node)
                waiting += self.leads(self.nodes[node].pieces)
        return found

    def meant(self, names: Iterable[str]) -> list[str]:
        """Return the names that the texts of the code may mean."""
        patterns = [text for text in self.texts if not isinstance(text, str)]
        return [n for n in names if n in self.texts or any(p.fullmatch(n) for p in patterns)]

    def targets(self, ref: Ref) -> tuple[str, list[tuple]]:
        """Return what a reference leads to: a text for what stays as it is, and nodes."""
        module, name = self.tree.resolve(ref.path)
        if module is None:
            return ref.path, []
        first, _, rest = name.partition(".")
        if f"{module.name}.{first}" in CANNOT_CHANGE_A_RESULT:
            return "cannot change a result", []
        if first not in module.definitions:  # a module as such
            return self.members(module, ref.use)
        if (table := module.tables.get(first)) is None:
            return rest, [(module.name, first)]
        if ref.use is SAID:
            return f"table {' '.join(table)}", []
        use = LOOKUP if rest == "get" else ref.use
        keys = [use] if use in table else sorted(self.meant(table)) if use is LOOKUP else table
        return f"table {rest}", [(module.name, first, key) for key in keys]

    def members(self, module: Module, use: object) -> tuple[str, list[tuple]]:
        """Return what a module as such leads to: the definitions that its names stand for."""
        names, found = sorted({*module.definitions, *module.imported}), {}
        for name in self.meant(names) if use is LOOKUP else names:
            other, rest = self.tree.resolve(f"{module.name}.{name}")
            if other and rest.partition(".")[0] in other.definitions:
                found[name] = self.targets(Ref(f"{module.name}.{name}"))[1]
        text = " ".join(name for name in found if found[name])
        return f"module {text}", [node for nodes in found.values() for node in nodes]

    def digest(self) -> str:
        """Return the hash of the root and of all that it reaches."""
        acts = [node for node, code in self.nodes.items() if not node[1] and len(code.pieces) > 2]
        acts = sorted({self._node(node, [])[0] for node in acts})
        return sha256(self._hash(self.root.pieces, [], bool(self.root.shows))[0], *acts)

    def only_full(self) -> set[str]:
        """Return what only the full profile does: values given to `choose`, branches on it."""
        return {text for code in [self.root, *self.nodes.values()] for text in code.full}

    def definitions(self) -> dict[str, list]:
        """Return the code of each definition that is reached, without what its errors say."""
        pieces = {".".join(node): code.pieces for node, code in self.nodes.items()}
        return {n: [p for p in found if not isinstance(p, list)] for n, found in pieces.items()}

    def _hash(self, pieces: Iterable, path: list, speaks: bool) -> tuple[str, int]:
        """Return the hash of pieces, and how far up `path` they refer (its length if nowhere)."""
        parts, lowest = [], len(path)
        for piece in pieces:
            found = []
            if isinstance(piece, str):
                parts.append(piece)
            elif isinstance(piece, Ref):
                text, nodes = self.targets(piece)
                parts.append(f"<{text}>")
                found = [self._node(node, path) for node in nodes]
            elif speaks:
                found = [self._hash(piece, path, speaks)]
            parts += [text for text, _ in found]
            lowest = min([lowest, *(low for _, low in found)])
        return sha256(*parts), lowest

    def _node(self, node: tuple, path: list) -> tuple[str, int]:
        if node in self.memo:
            return self.memo[node], len(path)
        if node in path:  # in a circle a definition is known by how far back it lies
            return f"{len(path) - path.index(node)} back", path.index(node)
        pieces, speaks = self.nodes[node].pieces, node in self.speaking
        text, lowest = self._hash(pieces, [*path, node], speaks)
        if lowest >= len(path):
            self.memo[node] = text
        return text, min(lowest, len(path))


def lower_cells(cells: Iterable[list[ast.stmt]]) -> Code:
    """Lower the cells of a notebook, whose names are all its own, printing included."""
    cells = list(cells)
    names = _bound([node for cell in cells for node in cell], "")
    return _Lower(names).code(*cells)
