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

Not seen, so do not write it: what a caught error says, if `traceback` shows it, if the `try` stands
at the top of a module, if the words stand in a table, or if what raised it is a `__call__`, a
function that became a method by assignment, or a method of a class within something else; a name
that is both a parameter of a function and imported in it; a `:=` in a lambda in a comprehension;
and a `global` in an inner function whose outer one has a local of that name.
"""

import ast
import builtins
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
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
LOOKUP = object()  # a use of a table, or of a module by `getattr`, with a key that is not constant
CANNOT_FOLLOW = {
    "builtins.__import__",
    "builtins.eval",
    "builtins.exec",
    "importlib.import_module",
    "runpy.run_module",
    "runpy.run_path",
    "sys.modules",
}
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


class Code:
    """A piece of code, lowered to text and references."""

    def __init__(self):
        self.pieces = []  # of str, Ref and Said
        self.texts = set()  # string constants, and patterns (compiled) of those put together
        self.imports = set()  # dotted names that are imported, wherever
        self.full = set()  # what only the full profile does: values and branches
        self.shows = set()  # what is called where an error is caught and shown: paths, ".method"

    def done(self) -> "Code":
        """Note the references apart from the text."""
        self.refs = [piece for piece in self.pieces if isinstance(piece, Ref)]
        said = [piece.pieces for piece in self.pieces if isinstance(piece, Said)]
        self.said = [piece for pieces in said for piece in pieces if isinstance(piece, Ref)]
        return self


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> dict[str, str]:
    """Return the names that an import binds, with the dotted path of each."""
    if isinstance(node, ast.Import):
        first = {a.name.partition(".")[0] for a in node.names if not a.asname}
        return {name: name for name in first} | {a.asname: a.name for a in node.names if a.asname}
    if any(alias.name == "*" for alias in node.names):
        raise ValueError(f"`{ast.unparse(node)}` hides what it binds: canonical.py cannot follow.")
    above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    return {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}


def _bound(nodes: Iterable[ast.AST], package: str) -> dict[str, set]:
    """Return the names bound in a scope, each with the paths of its imports, or None otherwise."""
    found, elsewhere, waiting = {}, set(), list(nodes)
    while waiting:
        node = waiting.pop()
        names = [getattr(node, field, None) for field in ("name", "rest")]
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, path in _imported(node, package).items():
                found.setdefault(name, set()).add(path)
        elif isinstance(node, ast.Global):
            elsewhere |= set(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.append(node.id)
        for name in names:
            if isinstance(name, str) and not isinstance(node, ast.alias):
                found.setdefault(name, set()).add(None)
        if isinstance(node, _COMPREHENSIONS):  # a scope of its own, but := binds outside of it
            waiting += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, _FUNCTIONS | ast.ClassDef):  # which are scopes of their own too
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
        self.names, self.package, self.module = names, package, module
        self.scopes, self.handled, self.shown = [], [], set()

    def code(self, nodes: Iterable[ast.AST]) -> Code:
        self.made, nodes = Code(), list(nodes)
        attributes = {getattr(n, "attr", "") for node in nodes for n in ast.walk(node)}
        is_function = isinstance(nodes[0] if nodes else None, ast.FunctionDef)
        self.is_parser = is_function and "ArgumentParser" in attributes
        self.lower(nodes)
        if "split" in attributes:
            self.made.texts |= {w for t in self.made.texts if isinstance(t, str) for w in t.split()}
        return self.made.done()

    def paths_of(self, name: str) -> set:
        """Return the paths that a name may stand for; None among them means: itself."""
        found = set()
        for depth, (is_class, names) in enumerate(reversed(self.scopes)):
            if name in names and not is_class:
                return found | names[name]
            if name in names and depth == 0:  # until it is bound there, it means what lies outside
                found |= names[name]
        known = f"builtins.{name}" if hasattr(builtins, name) else None
        return found | (self.names.get(name) or {known})

    def dotted(self, node) -> tuple[set, str]:
        """Return the paths of a name or chain of attributes, and its text; or nothing."""
        if isinstance(node, ast.Attribute):
            paths, text = self.dotted(node.value)
            return {p and f"{p}.{node.attr}" for p in paths}, f"{text}.{node.attr}"
        return (self.paths_of(node.id), node.id) if isinstance(node, ast.Name) else (set(), "")

    def calls(self, node, path: str) -> bool:
        return isinstance(node, ast.Call) and self.dotted(node.func)[0] == {path}

    def prints(self, node) -> bool:
        return self.module != "" and self.calls(node, "builtins.print")

    def lower(self, node, use=None):
        pieces, (paths, text) = self.made.pieces, self.dotted(node)
        if isinstance(node, list):
            pieces.append("[")
            for item in node:
                self.lower(item, use)
            pieces.append("]")
        elif not isinstance(node, ast.AST):
            pieces.append(repr(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            named = [a.name for a in node.names if isinstance(node, ast.Import)]
            self.made.imports |= {*_imported(node, self.package).values(), *named}
        elif paths - {None}:
            if forbidden := paths & CANNOT_FOLLOW:
                raise ValueError(f"{text} hides what runs: canonical.py cannot follow {forbidden}.")
            pieces += [text] if None in paths else []  # it may stand for something else as well
            pieces += [Ref(path, use) for path in sorted(paths - {None})]
        elif isinstance(node, ast.Name):
            self.shown |= {node.id} & set(self.handled)
            pieces.append(node.id)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in self.handled:
            is_message = node.attr not in ("errno", "filename", "name", "strerror")
            self.shown |= {node.value.id} if is_message else set()
            pieces.append(text)
        elif self.calls(node, "builtins.globals"):
            pieces.append(Ref(self.module))
        elif isinstance(node, ast.Raise):
            self.error(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            self.attempt(node)
        elif self.calls(node, "warnings.warn"):
            pieces.append("warn")
        elif isinstance(node, ast.Expr) and self.prints(node.value):
            self.lower(node.value)
        elif self.prints(node):
            self.printed([*node.args, *node.keywords])
        else:
            self.other(node)

    def error(self, node: ast.Raise):
        self.made.pieces.append("raise")
        if isinstance(node.exc, ast.Call):
            self.lower(node.exc.func)
            kept, shown, texts = self.made.pieces, set(self.shown), set(self.made.texts)
            self.made.pieces = []
            self.lower([*node.exc.args, *node.exc.keywords])
            kept.append(Said(tuple(self.made.pieces)))
            self.made.pieces, self.shown, self.made.texts = kept, shown, texts
        elif getattr(node.exc, "id", None) not in self.handled:
            self.lower(node.exc)

    def attempt(self, node: ast.Try | ast.TryStar):
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
                self.made.shows |= paths or {f".{getattr(call, 'attr', '')}"}
        self.shown |= before

    def printed(self, nodes):
        """Lower what is printed without its words: a number may be a result, a call may act."""
        for node in nodes:
            if isinstance(node, ast.JoinedStr | ast.FormattedValue | ast.keyword):
                self.printed(ast.iter_child_nodes(node))
            elif not isinstance(node, ast.Constant):
                path = self.dotted(node.func if isinstance(node, ast.Call) else node)[0]
                if not path & CANNOT_CHANGE_A_RESULT.keys():
                    self.lower(node)

    def other(self, node):
        self.made.pieces.append(type(node).__name__)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if self.is_parser and " " in node.value:
                return  # no name of an argument has a space
            self.made.texts.add(node.value)
        self.note(node)
        use = LOOKUP if self.calls(node, "builtins.getattr") else None
        uses = {"args": use}
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            uses = {"comparators": LOOKUP}
        elif isinstance(node, ast.Subscript):
            key = getattr(node.slice, "value", None)
            is_plain = isinstance(node.slice, ast.Name | ast.Attribute | ast.Subscript)
            uses = {"value": LOOKUP if is_plain else key if isinstance(key, str) else None}
        for scope, fields in self.fields(node):
            self.scopes += [scope] if scope else []
            for field, value in fields:
                self.made.pieces.append(field)
                self.lower(value, uses.get(field))
            del self.scopes[len(self.scopes) - bool(scope) :]

    def note(self, node):
        """Note the strings that may come out, and what only the full profile does."""
        if isinstance(node, ast.JoinedStr | ast.BinOp):
            is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)
            parts = [node.left, node.right] if is_sum else getattr(node, "values", [])
            known = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            texts = [k for k in known if isinstance(k, str)]
            if sum(c.isalpha() for c in "".join(texts)) >= 4:  # else it could be almost any name
                text = "".join(re.escape(k) if isinstance(k, str) else ".*" for k in known)
                self.made.texts.add(re.compile(text))
        if self.calls(node, f"{PACKAGE}.runtime.choose"):
            self.made.full |= {ast.dump(k.value) for k in node.keywords if k.arg == "full"}
        if isinstance(node, ast.If | ast.IfExp):
            path = f"{PACKAGE}.runtime.profile"
            asks = any(self.calls(n, path) for n in ast.walk(node.test))
            is_value = isinstance(node, ast.IfExp) and "== 'full'" in ast.unparse(node.test)
            self.made.full |= {ast.dump(node.body if is_value else node)} if asks else set()

    def fields(self, node):
        """Yield the fields of a node that count, with the scope that they open."""
        skip = {"annotation", "returns", "type_comment", "type_params", "ctx", "kind"}
        found = {k: v for k, v in ast.iter_fields(node) if k not in skip and v not in (None, [])}
        if isinstance(node, ast.JoinedStr):  # early releases of Python 3.12 add empty strings
            found["values"] = [v for v in node.values if getattr(v, "value", v) != ""]
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node, clean=False) is not None
            found["body"] = node.body[1:] if has_docstring else node.body
        first, last = [item for item in found.items() if item[0] != "body"], []
        if isinstance(node, _FUNCTIONS):
            body = node.body if isinstance(node.body, list) else [node.body]
            a = node.args
            given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
            parameters = {argument.arg: {None} for argument in given}
            last = [((False, _bound(body, self.package) | parameters), [("body", found["body"])])]
        elif isinstance(node, ast.ClassDef):
            last = [((True, _bound(node.body, self.package)), [("body", found["body"])])]
        elif isinstance(node, _COMPREHENSIONS):
            targets = [comprehension.target for comprehension in node.generators]
            order = sorted(found.items(), key=lambda item: item[0] != "generators")
            first = [("outside", node.generators[0].iter)]
            last = [((False, _bound(targets, self.package)), order)]
        else:
            first = found.items()
        yield None, first
        yield from last


class Module:
    """A module's definitions, by name, and what it does besides."""

    def __init__(self, name: str, package: str, source: bytes):
        tree = ast.parse(source)
        self.name, self.definitions, self.tables, self.methods = name, {}, {}, {}
        bound, acts, main, imports = _bound(tree.body, package), [], [], []
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(node)
            elif isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
                main += node.body
                acts += node.orelse
            elif not self.define(node):
                is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                acts += [] if is_text else [node]
        self.imported = {n: paths - {None} for n, paths in bound.items() if paths - {None}}
        here = {n: {p or f"{name}.{n}" for p in paths} for n, paths in bound.items()}
        lower = _Lower(here, package, name).code
        self.code = cache(lambda key: lower(self.statements(key)))
        self.acts, self.main, self.imports = lower(acts), lower(main), lower(imports).imports
        for node in acts:  # what a loop or a condition at the top binds is defined there
            for found, paths in _bound([node], package).items():
                if None in paths:
                    self.definitions.setdefault(found, []).append(node)

    def define(self, node) -> bool:
        """Note what a statement at the top defines; False if it does something else."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions.setdefault(node.name, []).append(node)
            self.tables.pop(node.name, None)
            self.methods[node.name] = {getattr(n, "name", None) for n in node.body}
            return True
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) or len(targets) != 1:
            return False
        names = targets[0].elts if isinstance(targets[0], ast.Tuple) else targets
        if isinstance(names[0], ast.Subscript) and isinstance(names[0].value, ast.Name):
            table = self.tables.get(names[0].value.id)
            key = getattr(names[0].slice, "value", None)
            if table is not None and isinstance(key, str):
                value = node if isinstance(node, ast.AugAssign) else node.value
                table.setdefault(key, []).append(value)
            return table is not None and isinstance(key, str)
        if not all(isinstance(name, ast.Name) for name in names):
            return False
        for name in names:
            self.definitions.setdefault(name.id, []).append(node)
            self.tables.pop(name.id, None)
        once = len(self.definitions[names[0].id]) == 1 and not isinstance(node, ast.AugAssign)
        keys = [getattr(k, "value", k) for k in getattr(node.value, "keys", [])]
        if once and isinstance(node.value, ast.Dict) and all(isinstance(k, str) for k in keys):
            pairs = zip(keys, node.value.values, strict=True)
            self.tables[names[0].id] = {key: [value] for key, value in pairs}
        return True

    def statements(self, key: tuple) -> list:
        """Return what defines a name, without the name, or an entry of a table with its key."""
        if len(key) == 2:
            return [ast.Constant(key[1]), *self.tables[key[0]][key[1]]]
        nodes = self.definitions[key[0]]
        if len(nodes) == 1 and isinstance(nodes[0], ast.Assign | ast.AnnAssign):
            target = nodes[0].targets[0] if isinstance(nodes[0], ast.Assign) else nodes[0].target
            return [nodes[0].value or nodes[0]] if isinstance(target, ast.Name) else nodes
        functions, plain = ast.FunctionDef | ast.AsyncFunctionDef, ast.ClassDef | ast.Assign
        first = [] if isinstance(nodes[0], functions | plain | ast.AnnAssign) else [key[0]]
        return [ast.Constant(name) for name in first] + [
            type(n)(**dict(ast.iter_fields(n)) | {"name": None}) if isinstance(n, functions) else n
            for n in nodes
        ]


_parsed = cache(Module)


class Tree:
    """The modules of the package and of one more folder, as they lie under `root`."""

    def __init__(self, root: Path, beside: Path | None = None):
        self.root, self.beside = Path(root), beside
        self.module = cache(self.read)
        self.resolve = cache(self.follow)

    def read(self, name: str) -> Module | None:
        """Return the module of that name, or None if it does not lie here."""
        folder = self.root if name.partition(".")[0] == PACKAGE else self.beside
        path = folder.joinpath(*name.split(".")) if folder else Path("nowhere")
        for file, package in (
            (path / "__init__.py", name),
            (path.with_name(f"{path.name}.py"), ""),
        ):
            if file.is_file():
                return _parsed(name, package or name.rpartition(".")[0], file.read_bytes())
        return None

    def follow(self, path: str) -> tuple[Module | None, str]:
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


class Reached:
    """All that a root reaches in a tree.

    Args:
        tree: the modules.
        root: code of the root.
        module: that the root is the main part of, if any.
    """

    def __init__(self, tree: Tree, root: Code, module: Module | None = None):
        self.tree, self.root, self.texts, self.imports = tree, root, set(), set()
        self.nodes, self.executed, self.memo = {}, {}, {}
        self.speaking = set()  # nodes whose errors may be caught and shown
        self.add(root)
        if module:
            self.run(module)
        size = None
        while size != (size := (len(self.nodes), len(self.texts), len(self.executed))):
            for path in list(self.imports):
                parts = path.split(".")
                for module in (tree.module(".".join(parts[:i])) for i in range(1, len(parts) + 1)):
                    if module:
                        self.run(module)
            self.find_speaking()
            for code in [root, *self.executed.values(), *self.nodes.values()]:
                self.reach(target for ref in code.refs for target in self.targets(ref)[1])
            for node in self.speaking:
                said = self.nodes[node].said
                self.reach(target for ref in said for target in self.targets(ref, True)[1])

    def add(self, code: Code):
        """Note the texts and imports of code that is reached."""
        self.texts |= code.texts
        self.imports |= code.imports

    def run(self, module: Module):
        """Note that a module is imported, which runs what it does at its top."""
        if module.name not in self.executed:
            self.executed[module.name] = module.acts
            self.add(module.acts)
            self.imports |= module.imports

    def reach(self, nodes: Iterable[tuple]):
        """Note definitions that are reached."""
        for node in [node for node in nodes if node not in self.nodes]:
            module, *key = node
            self.nodes[node] = self.tree.module(module).code(tuple(key))
            self.add(self.nodes[node])
            self.run(self.tree.module(module))

    def find_speaking(self):
        """Find the definitions that are called where errors are caught and shown."""
        self.speaking, waiting = set(), []
        for code in [self.root, *self.executed.values(), *self.nodes.values()]:
            for call in code.shows:
                name = call[1:] if call.startswith(".") else None
                classes = [
                    n for n in self.nodes if name in self.tree.module(n[0]).methods.get(n[1], ())
                ]
                waiting += classes if name else self.targets(Ref(call))[1]
        while waiting:
            if (node := waiting.pop()) in self.nodes and node not in self.speaking:
                self.speaking.add(node)
                waiting += [t for ref in self.nodes[node].refs for t in self.targets(ref)[1]]

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
            names = sorted({*module.definitions, *module.imported})
            names = self.meant(names) if ref.use is LOOKUP else names
            found = {n: self.member(module, n) for n in names}
            nodes = [node for nodes in found.values() for node in nodes]
            return f"module {' '.join(n for n in names if found[n])}", nodes
        if (table := module.tables.get(first)) is None:
            return rest, [(module.name, first)]
        if said:
            return f"table {' '.join(table)}", []
        use = LOOKUP if rest == "get" else ref.use
        keys = [use] if use in table else self.meant(table) if use is LOOKUP else list(table)
        keys = keys if use is None else sorted(keys)  # a table as a whole has an order
        return f"table {rest}", [(module.name, first, key) for key in keys]

    def member(self, module: Module, name: str) -> list[tuple]:
        """Return what a name of a module leads to, if that is a definition of the project."""
        found, rest = self.tree.resolve(f"{module.name}.{name}")
        own = found is not None and rest.partition(".")[0] in found.definitions
        return self.targets(Ref(f"{found.name}.{rest}"))[1] if own else []

    def digest(self) -> str:
        """Return the hash of the root and of all that it reaches."""
        acts = [code.pieces for code in self.executed.values() if len(code.pieces) > 2]
        acts = sorted({self._hash(pieces, [], False)[0] for pieces in acts})
        return sha256(self._hash(self.root.pieces, [], bool(self.root.shows))[0], *acts)

    def only_full(self) -> set[str]:
        """Return what only the full profile does: values given to `choose`, branches on it.

        What cannot change a result is left out by its name alone: in an older tree it may have lain
        in another module.
        """
        skip = {name.rpartition(".")[2] for name in CANNOT_CHANGE_A_RESULT}
        codes = [code for node, code in self.nodes.items() if node[1] not in skip]
        return {text for code in [self.root, *codes] for text in code.full}

    def definitions(self) -> dict[str, str]:
        """Return each definition that is reached with a hash of its own code alone."""
        kept = {n: [p for p in c.pieces if not isinstance(p, Said)] for n, c in self.nodes.items()}
        return {".".join(node): sha256(*map(str, pieces)) for node, pieces in kept.items()}

    def _hash(self, pieces, path: list, speaks: bool, said: bool = False) -> tuple[str, int]:
        """Return the hash of pieces, and how far up `path` they refer (its length if nowhere)."""
        parts, lowest = [], len(path)
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            if isinstance(piece, Said):
                found = [self._hash(piece.pieces, path, speaks, True)] if speaks else []
            else:
                text, nodes = self.targets(piece, said)
                parts.append(f"<{text}>")
                found = [self._node(node, path) for node in nodes]
            parts += [text for text, _ in found]
            lowest = min([lowest, *(low for _, low in found)])
        return sha256(*parts), lowest

    def _node(self, node: tuple, path: list) -> tuple[str, int]:
        if node in self.memo:
            return self.memo[node], len(path)
        if node in path:  # in a circle a definition is known by how far back it lies
            return f"{len(path) - path.index(node)} back", path.index(node)
        speaks = node in self.speaking
        text, lowest = self._hash(self.nodes[node].pieces, [*path, node], speaks)
        if lowest >= len(path):
            self.memo[node] = text
        return text, min(lowest, len(path))


def lower_cells(cells: Iterable[list[ast.stmt]]) -> Code:
    """Lower the cells of a notebook, whose names are all its own, printing included."""
    cells, whole = list(cells), Code()
    names = _bound([node for cell in cells for node in cell], "")
    for code in (_Lower(names).code(cell) for cell in cells):
        whole.pieces += code.pieces
        for kind in ("texts", "imports", "full", "shows"):
            getattr(whole, kind).update(getattr(code, kind))
    return whole.done()
