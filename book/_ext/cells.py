"""A chapter's cells on the page: what teaches stands open, the rest is behind one quiet line.

A cell's role is one of its tags (see tools/roles.py). Its first line `# @title …` stands for the
folded code. A sentence that plots.claim prints gets a mark, which opens what was asserted, when,
and the code. Without scripts, and in browsers that know no folding, all is there to be read.
"""

import ast
import html
import re
from datetime import date
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

import notebooks

ROLES = ("teach", "set-up", "draw", "claim", "solution")
TITLE = re.compile(r"# @title (.+)\n")
MISSED = "On the page this held", "(Quick profile"  # how a sentence begins that was not established


class Fold(nodes.Element):
    """What is folded, behind a summary that is already HTML."""


def visit_fold(self, node):
    classes = " ".join(["fold", *node["classes"]])
    self.body.append(f'<details class="{classes}"><summary>{node["summary"]}</summary>\n')


def depart_fold(self, node):
    self.body.append("</details>\n")


def is_cell(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def role(cell):
    """Return a cell's role; a cell without one stands open."""
    return next((tag for tag in cell["cell_metadata"].get("tags", []) if tag in ROLES), "teach")


def parts(cell):
    """Return a cell's input and its output, as lists of no or one container."""
    found = {"cell_code_source": [], "cell_code_output": []}
    for child in cell.children:
        found[child["nb_element"]].append(child)
    return [*found.values()]


def take_titles(app, doctree):
    """Take the line `# @title …` out of the code that a reader sees, and keep it with the cell."""
    for cell in doctree.findall(is_cell):
        for block in [b for source in parts(cell)[0] for b in source.findall(nodes.literal_block)]:
            if found := TITLE.match(block.astext()):
                cell["title"] = found[1]
                block.rawsource = block.astext()[found.end() :].lstrip("\n")
                block.children = [nodes.Text(block.rawsource)]


def count_columns(app, doctree):
    """Tell a cell's style how wide its code is, if that is more than the 88 columns of most."""
    for cell in doctree.findall(is_cell):
        blocks = [
            block for source in parts(cell)[0] for block in source.findall(nodes.literal_block)
        ]
        lines = [line for block in blocks for line in block.astext().splitlines()]
        columns = max(map(len, lines), default=0)
        if columns > 88 and role(cell) == "teach":
            steps = (step for step in (94, 100, 106) if columns <= step)
            cell["classes"].append(f"columns-{next(steps, 106)}")


def fill_headers(app, doctree):
    """Make an empty cell in the head of a computed table a plain one: it heads nothing."""
    for raw in doctree.findall(nodes.raw):
        if raw.get("format") == "html" and "<th" in raw.astext():
            raw.children = [nodes.Text(re.sub(r"<th\b[^>]*></th>", "<td></td>", raw.astext()))]


def assertions(code):
    """Return what the claims in a piece of code assert, each as one line of Python."""
    try:
        calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    except SyntaxError:  # a magic of IPython's
        return []
    claims = [c for c in calls if getattr(c.func, "attr", getattr(c.func, "id", "")) == "claim"]
    named = [{k.arg: k.value for k in claim.keywords} for claim in claims]
    holds = [k.get("holds") or c.args[1] for c, k in zip(claims, named, strict=True)]
    return [ast.unparse(value) for value in holds]


def day(iso):
    """Write 2026-01-31 as 31 January 2026."""
    when = date.fromisoformat(iso)
    return f"{when.day} {when:%B %Y}"


def evidence(code, run, status):
    """Return, as HTML, what a claim asserts and when that held; empty if there was no full run."""
    claims = assertions(code)
    if not claims or not run or run["profile"] != "full":
        return ""
    lines = "".join(f"<code>{html.escape(claim)}</code>" for claim in claims)
    return (
        f'<div class="asserted"><p>The run that made this page stops unless</p>{lines}'
        f"<p>It held on {day(run['date'])}: full profile, {html.escape(run['device'])}. "
        f'<a href="{status}">What was run, and when</a></p></div>\n'
    )


class FoldCells(SphinxPostTransform):
    """Fold each cell by its role. Neighbours that show nothing share one line with the next."""

    default_priority = 198  # before MyST-NB's own, which knows tags and no roles
    formats = ("html",)

    def run(self, **kwargs):
        parents = {id(cell.parent): cell.parent for cell in self.document.findall(is_cell)}
        for parent in parents.values():
            waiting = []  # folded cells of one role that stand alone so far
            for child in list(parent.children):
                kind = role(child) if is_cell(child) else ""
                shows = kind in ("draw", "claim") and parts(child)[1]
                silent = kind == "set-up" or (kind in ("draw", "claim") and not shows)
                if waiting:
                    printed = any(parts(cell)[1] for cell in waiting)
                    joins = shows and not printed or silent and kind == role(waiting[-1])
                    waiting = waiting if joins else self.close(waiting)
                if silent:
                    waiting.append(child)
                elif shows:
                    self.fold(child, waiting)
                    waiting = []
                elif kind == "solution":
                    self.wrap(child, "Solution", child.children, kind)
            self.close(waiting)

    def close(self, waiting):
        """Fold cells that stand alone, all in the first of them."""
        if waiting:
            first, *others = waiting
            title = first.get("title", "Set-up")
            if others:
                title = f"{title.partition(':')[0]}, {len(waiting)} cells"
            for cell in others:
                cell.parent.remove(cell)
            self.wrap(
                first, title, [part for cell in waiting for part in cell.children], role(first)
            )
        return []

    def fold(self, cell, waiting):
        """Fold the code of a cell that shows something, and with it those that wait."""
        own, output = parts(cell)
        code = [part for other in waiting for part in parts(other)[0]] + own
        for other in waiting:
            other.parent.remove(other)
        proof = self.proof(cell, output) if role(cell) == "claim" else ""
        if proof:
            cell.children = []
            mark = '<span class="tick" aria-hidden="true">✓</span>'
            mark += '<span class="visually-hidden">Checked: what was asserted, and when</span>'
            self.wrap(cell, mark, [nodes.raw("", proof, format="html"), *code], "checked")
            cell.children = [*output, *cell.children]
        else:
            self.wrap(cell, cell.get("title", "Code"), code, role(cell))
            cell.children = [*cell.children, *output]

    def proof(self, cell, output):
        """Return the evidence for the sentences that a cell shows, if they held."""
        said = [part for part in output for _ in part.findall(nodes.paragraph)]
        if not said or any(words in part.astext() for part in said for words in MISSED):
            return ""
        notebook = notebooks.read(Path(self.env.doc2path(self.env.docname)))
        code = "\n".join(source.astext() for source in parts(cell)[0])
        status = self.app.builder.get_relative_uri(self.env.docname, "book/status")
        return evidence(code, notebooks.stamp(notebook), status)

    def wrap(self, cell, summary, children, kind):
        """Make a fold of children the only child of a cell."""
        summary = summary if "<" in summary else html.escape(summary)
        fold = Fold(summary=summary, classes=[kind])
        fold.extend(children)
        cell.attributes.pop("hide_mode", None)  # MyST-NB need not fold it again
        cell.children = [fold]
        fold.parent = cell


def setup(app):
    app.add_node(Fold, html=(visit_fold, depart_fold))
    app.add_post_transform(FoldCells)
    app.connect("doctree-read", take_titles)
    app.connect("doctree-read", count_columns)
    app.connect("doctree-read", fill_headers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
