"""Draw the map of the house in CONTRIBUTING.md: who imports whom in the package.

    python -m tools.house_map

An arrow that follows from others is left out: of a -> b -> c, not a -> c. GitHub draws Mermaid.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- map: python -m tools.house_map -->\n", "<!-- end of the map -->\n"


def modules() -> dict[str, Path]:
    """Return the modules of the package by their names, without the empty ``__init__``."""
    paths = sorted((ROOT / "gan_utils").rglob("*.py"))
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts[1:]): p for p in paths}
    return {name: path for name, path in names.items() if not name.endswith("__")}


def imports() -> dict[str, set[str]]:
    """Return for each module those that it imports, also inside functions."""
    known, found = modules(), {}
    for name, path in known.items():
        nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
        sources = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
        found[name] = {s.removeprefix("gan_utils.") for s in sources} & known.keys()
    return found


def reached(graph: dict[str, set[str]], name: str) -> set[str]:
    """Return all that a module imports, directly or not."""
    return graph[name].union(*(reached(graph, other) for other in graph[name]))


def drawn() -> str:
    """Return the map as a Mermaid graph in Markdown."""
    graph = imports()
    lines = ["```mermaid", "graph LR"]
    shelves = {name.rpartition(".")[0] for name in graph}
    for shelf in sorted(shelves):
        names = [name for name in graph if name.rpartition(".")[0] == shelf]
        boxes = [f"  {name.replace('.', '_')}[{name.rpartition('.')[2]}]" for name in names]
        lines += [f" subgraph {shelf}", *boxes, " end"] if shelf else [b[1:] for b in boxes]
    for name, others in graph.items():
        further = set().union(*(reached(graph, other) for other in others))
        lines += [
            f" {name.replace('.', '_')} --> {other.replace('.', '_')}"
            for other in sorted(others - further)
        ]
    return "\n".join([*lines, "```", ""])


def redraw(text: str) -> str:
    """Return the text of CONTRIBUTING.md with the map as it is now."""
    before, _, rest = text.partition(START)
    return before + START + drawn() + END + rest.partition(END)[2]


if __name__ == "__main__":
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(redraw(page.read_text(encoding="utf-8")), encoding="utf-8")
