"""What a result can reach, as one hash: names resolved, definitions hashed wherever they lie.

A root is a list of statements: the cells of a notebook, or what an experiment does when it runs.
Every name in it is resolved to what it is, by scopes and imports. A definition of the project is
hashed by its own code with the hashes of the definitions that it uses in place of their names, so
that moving it, renaming it or its module, and splitting a file change nothing. What lies outside
the project, such as `numpy.exp`, keeps its full name.

Not counted: docstrings, comments, annotations, imports; what `raise` says (but for errors that are
caught and shown) and `warnings.warn`; the text of `print` in modules; the prose of an argparse
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
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = "gan_utils"
#: definition -> why no result depends on it
CANNOT_CHANGE_A_RESULT = {
    "gan_utils.__version__": "a number, written into run folders",
    "gan_utils.__main__.show_recipes": "prints",
    "gan_utils.data.download": "fetches: what is in a file is checked by its SHA-256",
    "gan_utils.files.cache_folder": "says where files are kept",
    "gan_utils.files.download_cifar10": "fetches: the archive is checked by its SHA-256",
    "gan_utils.files.download_mnist": "fetches: the content is checked by its SHA-256",
    "gan_utils.files.find": "finds and fetches files, whose content is checked by its SHA-256",
    "gan_utils.files.find_cifar10": "finds and fetches the archive, whose SHA-256 is in the stamp",
    "gan_utils.gan._progress_bar": "shows progress",
    "gan_utils.runtime.choose": "a stamp is of the full profile, whose values the caller spells out",
    "gan_utils.runtime.device_report": "describes the machine, as the stamp does",
    "gan_utils.runtime.profile": "the stamp names the profile, and only the full one counts",
    "gan_utils.runtime.progress": "shows progress and hands its items on",
    "gan_utils.runtime.version_report": "describes the versions, as the stamp does",
    "gan_utils.runtime._processor_name": "describes the machine, as the stamp does",
    "gan_utils.runtime._quiet_start": "hides what TensorFlow's C++ code remarks",
}
LOOKUP = object()  # a use of a table, or of a module by `getattr`, with a key that is not constant
CANNOT_FOLLOW = {"importlib.import_module", "builtins.eval", "builtins.exec", "builtins.__import__"}
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def sha256(*parts: str | bytes) -> str:
    """Hash strings or byte strings with their lengths, so that one cannot run into the next."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


class Ref(NamedTuple):
    """A name that leads out of the code it stands in: a dotted path, and how it is used."""

    path: str
    use: object = None  # a constant key, LOOKUP, or None for any other use


class Said(NamedTuple):
    """What an error says: pieces that count where it may be caught and shown."""

    pieces: tuple


class Code(NamedTuple):
    """A piece of code, lowered."""

    pieces: tuple  # of str, Ref and Said
    texts: frozenset  # string constants, and patterns (compiled) of strings that are put together
    imports: frozenset  # dotted names that it imports, wherever
    full: frozenset  # what only the full profile does: values and branches
    shows: frozenset  # what is called where an error is caught and shown: paths, and ".method"


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> dict[str, str]:
    """Return the names that an import binds, with the dotted path of each."""
    if isinstance(node, ast.Import):
        return {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0]
                for a in node.names}  # fmt: skip
    if any(alias.name == "*" for alias in node.names):
        raise ValueError(f"`{ast.unparse(node)}` hides what it binds; tools/canonical.py cannot follow it.")
    above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    return {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}


def _bound(nodes: Iterable[ast.AST], package: str) -> dict[str, set]:
    """Return the names bound in a scope, each with the paths of its imports, or None otherwise."""
    found, elsewhere, waiting = {}, set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, path in _imported(node, package).items():
                found.setdefault(name, set()).add(path)
        elif isinstance(node, ast.Global):
            elsewhere |= set(node.names)
        names = [getattr(node, field, None) for field in ("name", "rest")]
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.append(node.id)
        for name in names:
            if isinstance(name, str) and not isinstance(node, ast.alias):
                found.setdefault(name, set()).add(None)
        if isinstance(node, _FUNCTIONS | ast.ClassDef):
            continue  # a scope of its own
        if isinstance(node, _COMPREHENSIONS):  # the same, but := binds outside of it
            waiting += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        else:
            waiting += ast.iter_child_nodes(node)
    return {name: paths for name, paths in found.items() if name not in elsewhere}


class _Lower:
    """Turn a syntax tree into pieces of text and references."""

    def __init__(self, names, package: str = "", module: str = ""):
        self.names = names  # name at the top of the module -> its paths (None: a plain name)
        self.package, self.module = package, module
        self.scopes, self.handled, self.shown = [], [], set()
        self.pieces, self.texts, self.imports, self.shows = [], set(), set(), set()
        self.full = set()

    def code(self, nodes) -> Code:
        nodes = list(nodes)
        self.splits = any(getattr(n, "attr", "") == "split" for s in nodes for n in ast.walk(s))
        self.parser = any(getattr(n, "attr", "") == "ArgumentParser" for s in nodes for n in ast.walk(s))  # fmt: skip
        self.lower(nodes)
        texts = {word for t in self.texts for word in (t.split() if isinstance(t, str) else [])}
        self.texts |= texts if self.splits else set()
        return Code(tuple(self.pieces), frozenset(self.texts), frozenset(self.imports), frozenset(self.full), frozenset(self.shows))  # fmt: skip

    def paths_of(self, name: str) -> set:
        """Return the paths that a name may stand for; None among them means: itself."""
        for depth, (is_class, names) in enumerate(reversed(self.scopes)):
            if name in names and (not is_class or depth == 0):
                return names[name]
        return self.names.get(name) or {f"builtins.{name}" if hasattr(builtins, name) else None}

    def dotted(self, node) -> tuple[set, str]:
        """Return the paths of a name or chain of attributes; an empty set if it is neither."""
        if isinstance(node, ast.Attribute):
            paths, text = self.dotted(node.value)
            return {p and f"{p}.{node.attr}" for p in paths}, f"{text}.{node.attr}"
        return (self.paths_of(node.id), node.id) if isinstance(node, ast.Name) else (set(), "")

    def is_called(self, node, path: str) -> bool:
        return isinstance(node, ast.Call) and self.dotted(node.func)[0] == {path}

    def lower(self, node, use=None):
        if isinstance(node, list):
            self.pieces.append("[")
            for item in node:
                self.lower(item)
            self.pieces.append("]")
        elif not isinstance(node, ast.AST):
            self.pieces.append(repr(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            paths = _imported(node, self.package)
            self.imports |= {*paths.values(), *(a.name for a in node.names if isinstance(node, ast.Import))}  # fmt: skip
        elif isinstance(node, ast.Name | ast.Attribute) and self.dotted(node)[0] - {None}:
            self.reference(node, use)
        elif isinstance(node, ast.Name):
            self.shown |= {node.id} & set(self.handled)
            self.pieces.append(node.id)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in self.handled:
            self.pieces.append(f"{node.value.id}.{node.attr}")  # a number or a name, no message
        elif self.is_called(node, "builtins.globals"):
            self.pieces.append(Ref(self.module))
        elif isinstance(node, ast.Raise):
            self.error(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            self.attempt(node)
        elif self.is_called(node, "warnings.warn"):
            self.pieces.append("warn")
        elif isinstance(node, ast.Expr) and self.prints(node.value):
            self.lower(node.value)
        elif self.prints(node):
            self.only_calls([*node.args, *node.keywords])
        else:
            self.other(node)

    def prints(self, node) -> bool:
        return self.module != "" and self.is_called(node, "builtins.print")

    def reference(self, node, use):
        paths, text = self.dotted(node)
        if None in paths:  # the name may stand for something else as well
            self.pieces.append(text)
        for path in sorted(paths - {None}):
            if path in CANNOT_FOLLOW:
                raise ValueError(f"{text} hides what runs; tools/canonical.py cannot follow it.")
            self.pieces.append(Ref(path, use))

    def error(self, node):
        self.pieces.append("raise")
        if isinstance(node.exc, ast.Call):
            self.lower(node.exc.func)
            kept, shown, texts = self.pieces, set(self.shown), set(self.texts)
            self.pieces = []
            self.lower([*node.exc.args, *node.exc.keywords])
            kept.append(Said(tuple(self.pieces)))
            self.pieces, self.shown, self.texts = kept, shown, texts
        elif getattr(node.exc, "id", None) not in self.handled:
            self.lower(node.exc)

    def attempt(self, node):
        """Lower a `try`; if a handler does more with the error than to raise it, note what may."""
        names = [handler.name for handler in node.handlers if handler.name]
        before, self.shown = self.shown, set()
        self.handled += names
        self.other(node)
        del self.handled[len(self.handled) - len(names) :]
        if self.shown & set(names):
            calls = [n.func for s in node.body for n in ast.walk(s) if isinstance(n, ast.Call)]
            for call in calls:
                paths = self.dotted(call)[0] - {None}
                self.shows |= paths or {f".{getattr(call, 'attr', '')}"}
        self.shown |= before

    def only_calls(self, nodes):
        """Lower the calls in what is printed: they may do more than say something."""
        for node in nodes:
            if isinstance(node, ast.Call):
                self.lower(node)
            else:
                self.only_calls(ast.iter_child_nodes(node))

    def other(self, node):
        self.pieces.append(type(node).__name__)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if self.parser and " " in node.value:
                return  # no name of an argument has a space
            self.texts.add(node.value)
        if isinstance(node, ast.JoinedStr | ast.BinOp):
            self.texts |= _pattern(node)
        if self.is_called(node, f"{PACKAGE}.runtime.choose"):
            self.full |= {ast.dump(k.value) for k in node.keywords if k.arg == "full"}
        if isinstance(node, ast.If | ast.IfExp):
            asks = [
                n for n in ast.walk(node.test) if self.is_called(n, f"{PACKAGE}.runtime.profile")
            ]
            self.full |= {ast.dump(node)} if asks else set()
        uses = self.uses(node)
        for scope, fields in self.fields(node):
            if scope is not None:
                self.scopes.append(scope)
            for field, value in fields:
                self.pieces.append(field)
                self.lower(value, uses.get(field)) if not isinstance(value, list) else self.items(value, uses.get(field))  # fmt: skip
            if scope is not None:
                self.scopes.pop()

    def items(self, values, use):
        self.pieces.append("[")
        for value in values:
            self.lower(value, use)
        self.pieces.append("]")

    def uses(self, node) -> dict:
        """Say which fields of `node` hold something that is only looked up, and by which key."""
        if isinstance(node, ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else LOOKUP
            return {"value": key if isinstance(key, str) else LOOKUP}
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            return {"comparators": LOOKUP}
        if self.is_called(node, "builtins.getattr"):
            return {"args": LOOKUP}
        return {}

    def fields(self, node):
        """Yield the fields of a node that count, with the scope that they open."""
        skip = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind"}
        fields = {
            name: value for name, value in ast.iter_fields(node)
            if name not in skip and value is not None and value != []
        }  # fmt: skip
        if isinstance(node, ast.JoinedStr):  # early releases of Python 3.12 add empty strings
            fields["values"] = [v for v in node.values if getattr(v, "value", v) != ""]
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node, clean=False) is not None
            fields["body"] = node.body[1:] if has_docstring else node.body
        if isinstance(node, _FUNCTIONS):
            arguments = node.args
            inner = {k: v for k, v in fields.items() if k == "body"}
            yield None, [(k, v) for k, v in fields.items() if k not in inner]
            body = node.body if isinstance(node.body, list) else [node.body]
            parameters = {a.arg: {None} for a in ast.walk(arguments) if isinstance(a, ast.arg)}
            yield (False, _bound(body, self.package) | parameters), inner.items()
        elif isinstance(node, ast.ClassDef):
            yield None, [(k, v) for k, v in fields.items() if k != "body"]
            yield (True, _bound(node.body, self.package)), [("body", fields["body"])]
        elif isinstance(node, _COMPREHENSIONS):
            targets = [c.target for c in node.generators]
            order = sorted(fields.items(), key=lambda item: item[0] != "generators")
            yield (False, _bound(targets, self.package)), order
        else:
            yield None, fields.items()


def _pattern(node) -> set:
    """Return a pattern of the strings that an f-string or a sum of strings can be."""
    if isinstance(node, ast.BinOp):
        parts = [node.left, node.right] if isinstance(node.op, ast.Add) else []
    else:
        parts = node.values
    known = [p.value if isinstance(p, ast.Constant) else None for p in parts]
    if sum(c.isalpha() for k in known if isinstance(k, str) for c in k) < 4:
        return set()  # it says too little: it would mean almost any name
    text = "".join(re.escape(k) if isinstance(k, str) else ".*" for k in known)
    return {re.compile(text)}


class Module:
    """A module's definitions, by name, and what it does besides."""

    def __init__(self, name: str, path: Path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.name, self.package, self.docstring = name, package, ast.get_docstring(tree) or ""
        self.definitions, self.tables, self.methods, acts, main = {}, {}, {}, [], []
        for node in tree.body:
            if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
                main += node.body
            elif not self.define(node) and not isinstance(node, ast.Import | ast.ImportFrom):
                is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                acts += [] if is_text else [node]
        bound = _bound(tree.body, package)
        local = {n: {f"{name}.{n}" if path is None else path for path in paths} for n, paths in bound.items()}  # fmt: skip
        self.imported = {n: paths - {None} for n, paths in bound.items() if paths - {None}}
        lower = lambda nodes: _Lower(local, package, name).code(nodes)  # noqa: E731
        self.code = cache(lambda key: lower(self.statements(key)))
        self.acts, self.main = lower(acts), lower(main)
        self.imports = lower([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]).imports  # fmt: skip
        for node in acts:  # what a loop or a condition at the top binds is defined there
            for found in _bound([node], package):
                self.definitions.setdefault(found, []).append(node)

    def define(self, node) -> bool:
        """Note what a statement at the top defines; False if it does something else."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions.setdefault(node.name, []).append(node)
            self.methods[node.name] = {getattr(n, "name", None) for n in getattr(node, "body", [])}
            return True
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) or len(targets) != 1:
            return False
        names = targets[0].elts if isinstance(targets[0], ast.Tuple) else targets
        if isinstance(first := names[0], ast.Subscript) and isinstance(first.value, ast.Name):
            table, key = self.tables.get(first.value.id), getattr(first.slice, "value", None)
            if table is None or not isinstance(key, str):
                return False
            table.setdefault(key, []).append(node.value)
            return True
        if not all(isinstance(name, ast.Name) for name in names):
            return False
        for name in names:
            self.definitions.setdefault(name.id, []).append(node)
            self.tables.pop(name.id, None)
        keys = getattr(node.value, "keys", None) if isinstance(node.value, ast.Dict) else None
        once = len(self.definitions[names[0].id]) == 1 and not isinstance(node, ast.AugAssign)
        if once and keys is not None and all(isinstance(getattr(k, "value", k), str) for k in keys):
            pairs = zip(keys, node.value.values, strict=True)
            self.tables[names[0].id] = {key.value: [value] for key, value in pairs}
        return True

    def statements(self, key: tuple) -> list:
        """Return what defines a name, without the name, or an entry of a table."""
        if len(key) == 2:
            return [ast.Constant(key[1]), *self.tables[key[0]][key[1]]]
        nodes = self.definitions[key[0]]
        if len(nodes) == 1 and isinstance(nodes[0], ast.Assign | ast.AnnAssign):
            target = nodes[0].targets[0] if isinstance(nodes[0], ast.Assign) else nodes[0].target
            return [nodes[0].value] if isinstance(target, ast.Name) else nodes
        return [
            type(node)(**dict(ast.iter_fields(node)) | {"name": None})
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            else node
            for node in nodes
        ]


class Tree:
    """The modules of the package and of one more folder, as they lie under `root`."""

    def __init__(self, root: Path, beside: Path | None = None):
        self.root, self.beside, self.modules = Path(root), beside, {}

    def module(self, name: str) -> Module | None:
        if name not in self.modules:
            folders = [self.root] if name.partition(".")[0] == PACKAGE else [self.beside]
            base = [folder.joinpath(*name.split(".")) for folder in folders if folder]
            paths = [p for b in base for p in (b / "__init__.py", b.with_name(f"{b.name}.py"))]
            there = [path for path in paths if path.is_file()]
            self.modules[name] = _parsed(name, there[0], there[0].read_bytes()) if there else None
        return self.modules[name]

    def resolve(self, path: str) -> tuple[Module | None, str]:
        """Follow a dotted path through imports; return its module and the name in it."""
        for _ in range(20):
            parts = path.split(".")
            cuts = [i for i in range(len(parts), 0, -1) if self.module(".".join(parts[:i]))]
            if not cuts:
                return None, path
            module, rest = self.module(".".join(parts[: cuts[0]])), parts[cuts[0] :]
            if not rest or rest[0] in module.definitions or rest[0] not in module.imported:
                return module, ".".join(rest)
            path = ".".join([min(module.imported[rest[0]]), *rest[1:]])
        raise ValueError(f"the imports of {path} go in a circle")


@cache
def _parsed(name: str, path: Path, content: bytes) -> Module:
    return Module(name, path)


class Reached:
    """All that a root reaches in a tree.

    Args:
        tree: the modules.
        root: code of the root.
        module: that the root is the main part of, if any.
    """

    def __init__(self, tree: Tree, root: Code, module: Module | None = None):
        self.tree, self.root = tree, root
        self.texts, self.imports = set(), set()
        self.nodes, self.executed, self.memo = {}, {}, {}
        self.speaking = set()  # nodes whose errors may be caught and shown
        self.add(root)
        if module:
            self.run(module)
        size = None
        while size != (size := (len(self.nodes), len(self.texts), len(self.executed))):
            self.follow_imports()
            self.find_speaking()
            for node, code in [
                (None, root),
                *enumerate(self.executed.values()),
                *self.nodes.items(),
            ]:
                for ref, said in self.refs(code.pieces, node in self.speaking):
                    for target in self.targets(ref, said)[1]:
                        self.reach(target)

    def find_speaking(self):
        self.speaking = set()
        for code in [self.root, *self.executed.values(), *self.nodes.values()]:
            for call in code.shows:
                if not call.startswith("."):
                    self.speak(self.targets(Ref(call))[1])
                else:
                    self.speak([n for n in self.nodes if call[1:] in self.tree.module(n[0]).methods.get(n[1], ())])  # fmt: skip

    def speak(self, nodes):
        for node in nodes:
            if node in self.nodes and node not in self.speaking:
                self.speaking.add(node)
                for ref, _ in self.refs(self.nodes[node].pieces, False):
                    self.speak(self.targets(ref)[1])

    def refs(self, pieces, speaking, said=False):
        for piece in pieces:
            if isinstance(piece, Ref):
                yield piece, said
            elif isinstance(piece, Said) and speaking:
                yield from self.refs(piece.pieces, speaking, said=True)

    def add(self, code: Code):
        self.texts |= code.texts
        self.imports |= code.imports

    def run(self, module: Module):
        """Note that a module is imported, which runs what it does at its top."""
        if module.name not in self.executed:
            self.executed[module.name] = module.acts
            self.add(module.acts)
            self.imports |= module.imports

    def follow_imports(self):
        for path in list(self.imports):
            parts = path.split(".")
            for i in range(1, len(parts) + 1):
                if module := self.tree.module(".".join(parts[:i])):
                    self.run(module)

    def reach(self, node: tuple):
        if node not in self.nodes:
            module, *key = node
            self.nodes[node] = self.tree.module(module).code(tuple(key))
            self.add(self.nodes[node])
            self.run(self.tree.module(module))

    def meant(self, names: Iterable[str]) -> list[str]:
        """Return the names that the texts of the code may mean."""
        patterns = [text for text in self.texts if not isinstance(text, str)]
        return [n for n in names if n in self.texts or any(p.fullmatch(n) for p in patterns)]

    def targets(self, ref: Ref, said: bool = False) -> tuple[str, list[tuple]]:
        """Return what a reference leads to: a text for what stays as it is, and nodes.

        Where it is `said` in a message, a table stands for its keys.
        """
        module, name = self.tree.resolve(ref.path)
        if module is None:
            return ref.path, []
        first, _, rest = name.partition(".")
        if f"{module.name}.{first}" in CANNOT_CHANGE_A_RESULT:
            return "cannot change a result", []
        if not first or first not in module.definitions:  # a module as such
            names = sorted(module.definitions)
            names = self.meant(names) if ref.use is LOOKUP else names
            names = [n for n in names if f"{module.name}.{n}" not in CANNOT_CHANGE_A_RESULT]
            return f"module {' '.join(names)}", [(module.name, n) for n in names]
        if (table := module.tables.get(first)) is None:
            return rest, [(module.name, first)]
        if said:
            return f"table {' '.join(table)}", []
        use = LOOKUP if rest == "get" else ref.use
        keys = [use] if use in table else self.meant(table) if use is LOOKUP else list(table)
        return f"table {rest}", [(module.name, first, key) for key in sorted(keys)]

    def digest(self) -> str:
        """Return the hash of the root and of all that it reaches."""
        acts = sorted({self._hash(c.pieces, [], False)[0] for c in self.executed.values() if len(c.pieces) > 2})  # fmt: skip
        return sha256(self._hash(self.root.pieces, [], bool(self.root.shows))[0], *acts)

    def only_full(self) -> set[str]:
        """Return what only the full profile does: values given to `choose`, branches on it."""
        return {text for code in [self.root, *self.nodes.values()] for text in code.full}

    def definitions(self) -> dict[str, str]:
        """Return each definition that is reached with a hash of its own code alone."""
        parts = {".".join(node): code.pieces for node, code in self.nodes.items()}
        return {name: sha256(*map(str, pieces)) for name, pieces in parts.items()}

    def _hash(self, pieces, path: list, speaks: bool, said: bool = False) -> tuple[str, int]:
        """Return the hash of pieces, and how far up `path` they refer (its length if nowhere)."""
        parts, lowest = [], len(path)
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
            elif isinstance(piece, Said):
                if speaks:
                    text, low = self._hash(piece.pieces, path, speaks, said=True)
                    parts.append(text)
                    lowest = min(lowest, low)
            else:
                text, nodes = self.targets(piece, said)
                parts.append(f"<{text}>")
                for node in nodes:
                    text, low = self._node(node, path)
                    parts.append(text)
                    lowest = min(lowest, low)
        return sha256(*parts), lowest

    def _node(self, node: tuple, path: list) -> tuple[str, int]:
        if node in self.memo:
            return self.memo[node], len(path)
        if node in path:  # in a circle a definition is known by how far back it lies
            return f"{len(path) - path.index(node)} back", path.index(node)
        text, lowest = self._hash(self.nodes[node].pieces, [*path, node], node in self.speaking)
        if lowest >= len(path):
            self.memo[node] = text
        return text, min(lowest, len(path))


def lower_cells(cells: Iterable[list[ast.stmt]]) -> Code:
    """Lower the cells of a notebook, whose names are all its own, printing included."""
    cells = list(cells)
    names = _bound([node for cell in cells for node in cell], "")
    codes = [_Lower(names).code(cell) for cell in cells]
    return Code(
        tuple(piece for code in codes for piece in code.pieces),
        frozenset().union(*(code.texts for code in codes)),
        frozenset().union(*(code.imports for code in codes)),
        frozenset().union(*(code.full for code in codes)),
        frozenset().union(*(code.shows for code in codes)),
    )
