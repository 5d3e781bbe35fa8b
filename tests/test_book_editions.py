"""The students' edition gives no solution away, the key shows all of them, and both are the book."""

import ast
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gan_utils import teaching
from tools import captions, editions

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if not path.stem.endswith("_evidence")]
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
BLANK = re.compile(r"Name\(id='\w+', ctx=\w+\(\)\)|Constant\(value=[^)]*\)")
#: nodes in the tree of the shortest piece of code that counts: a line, and a part of a line
LINE, PART = 8, 12


def read(path):
    return nbformat.read(path, as_version=4)


def pieces(source):
    """The lines of code, and longer parts of them, as trees in which names and numbers are blank.

    So a line that is quoted with other names, or without its left side, is found as well.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found = set()
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    values = {id(getattr(line, "value", None)) for line in lines}
    for node in ast.walk(tree):
        size = sum(not isinstance(part, ast.expr_context) for part in ast.walk(node))
        least = LINE if node in lines or id(node) in values else PART
        if isinstance(node, (ast.stmt, ast.expr)) and size >= least:
            found.add(BLANK.sub("_", ast.dump(node)))
    return found


def numbers(text):
    """The numbers in a text that say something: of two digits or more."""
    found = {number.rstrip(",").replace(",", "") for number in NUMBER.findall(text.replace("_", ""))}
    return {number for number in found if len(number.lstrip("0.")) >= 2}


def printed(cell):
    """All text that a cell shows."""
    bundles = [{"": out.get("text", "")} | dict(out.get("data", {})) for out in cell.outputs]
    shown = [v for b in bundles for mime, v in b.items() if not mime.startswith("image/")]
    return re.sub(r"<Figure size .*?>", "", "\n".join(map(str, shown)))


def leaks(book, student):
    """What of the solutions in ``book`` can be read in the edition ``student``."""
    start = next((i for i, c in enumerate(student.cells) if "## Exercises" in c.source), 0)
    prose = "\n".join(c.source for c in student.cells[start:] if c.cell_type == "markdown")
    quoted = set().union(*(pieces(code) for code in re.findall(r"`+([^`]+)`+", prose)), set())
    known = [c for c in book.cells if c.cell_type == "code" and not editions.is_solution(c)]
    ours = set().union(*(pieces(cell.source) for cell in known), set())
    everything = nbformat.writes(student)
    found = []
    for place, cell in enumerate(book.cells):
        if not editions.is_solution(cell):
            continue
        hole, number = cell.metadata.hole, cell.metadata.exercise["number"]
        code = pieces(cell.source) - pieces(hole) - ours
        found += [f"{number}: code, {piece}" for piece in sorted(code & quoted)]
        computed = numbers(printed(cell)) - numbers(cell.source) - numbers(hole)
        asked = book.cells[place - 1].source  # its own text; other exercises have other numbers
        asked = next((c.source for c in student.cells if c.id == book.cells[place - 1].id), asked)
        asked = asked[asked.index("**", asked.find("## Exercises") + 12) :]
        found += [f"{number}: number, {value}" for value in sorted(computed & numbers(asked))]
        figure = cell.metadata.get("mystnb", {})
        words = [editions.caption_of(cell), figure.get("image", {}).get("alt", "")]
        words += [line for line in printed(cell).splitlines() if len(line) > 15]
        words += [line for line in cell.source.splitlines() if len(line) > 15 and line not in hole]
        others = "\n".join(c.source for c in known)
        for line in filter(None, words):
            if json.dumps(line, ensure_ascii=False)[1:-1] in everything and line not in others:
                found.append(f"{number}: words, {line}")
    holes = [c for c in student.cells if "exercise" in c.get("metadata", {})]
    found += [f"{c.id}: output" for c in holes if c.outputs or c.execution_count is not None]
    found += [f"{c.id}: {name}" for c in holes for name in c.metadata.keys() - {"exercise", "tags"}]
    return found
