"""The search: an index by sections, in place of Sphinx's index by pages.

The index is a script that sets one variable, because a page that is opened from a folder may not
fetch a file. Only the search page loads it; `_static/search.js` searches in it, and
`_static/found.js` marks the place on the page that a hit leads to.
"""

import json
import re
from pathlib import Path

from cells import is_cell, parts, role
from docutils import nodes
from sphinx import addnodes

from tools import contents

FILE = "search-index.js"
#: what Sphinx's own search is made of, which nobody loads
SPHINX = ("searchindex.js", "_static/searchtools.js", "_static/language_data.js")
#: what of LaTeX says how a formula looks
NO_WORDS = (
    r"\\(?:text|operatorname|math[a-z]+|[td]?frac|[bB]igg?[lrm]?|left|right)(?![a-zA-Z])"
    r"|\\[,;:! ]|[{}$^_\\]"
)
#: what a reader does not see as text
UNSEEN = (
    nodes.comment, nodes.image, nodes.math_block, nodes.raw, nodes.system_message, nodes.target,
    nodes.section, addnodes.desc, addnodes.toctree,
)  # fmt: skip


def plain(latex):
    """Return an inline formula as a searcher may type it: its letters, without LaTeX's words."""
    return re.sub(NO_WORDS, "", latex)


def output(bundle):
    """Return the one form of an output whose words a reader sees."""
    forms = {form.get("mime_type"): form for form in bundle.children}
    return forms.get("text/markdown") or (len(forms) == 1 and forms.get("text/plain"))


def words(node, code=True):
    """Yield the text of a node without the sections in it; blocks are parted by a space.

    ``code`` is about what teaches: folded code is never part of the text.
    """
    if isinstance(node, UNSEEN):
        return
    if isinstance(node, nodes.Text):
        yield node.astext()
        return
    if isinstance(node, nodes.math):
        yield plain(node.astext())
        return
    children = node.children
    if is_cell(node):
        source, shown = parts(node)
        children = [*(source if code and role(node) == "teach" else []), *shown]
    elif node.get("nb_element") == "mime_bundle":
        children = [form for form in [output(node)] if form]
    for child in children:
        yield from words(child, code)
    if not isinstance(node, nodes.Inline):
        yield " "


def text(node, code):
    """Return the text of a section, or the first paragraph on a function, in one line."""
    shown = node.children[1:]
    if isinstance(node, addnodes.desc):
        about = node[-1].findall(nodes.paragraph)
        shown = [child for child in about if not child.astext().startswith("Bases:")][:1]
    return " ".join("".join(part for child in shown for part in words(child, code)).split())


def name(node):
    """Return the heading of a section, or the name of what is described."""
    head = node[0]
    if isinstance(head, addnodes.desc_signature):
        return head.get("fullname") or head.astext()
    return "".join(words(head)).strip()


def sections(doctree, code):
    """Yield (anchor, heading, text) for each section of a page and each function of the API."""
    for node in doctree.findall(lambda n: isinstance(n, nodes.section | addnodes.desc)):
        ids = node["ids"] or node[0].get("ids", [])
        yield ids[0] if ids else "", name(node), text(node, code)


def index(app):
    """Return pages, as (address, title), and sections, as (page, anchor, heading, text)."""
    pages, found = [], []
    for number, page in enumerate(contents.pages(app.srcdir)):
        pages.append([app.builder.get_target_uri(page), app.env.titles[page].astext()])
        code = not page.endswith("_evidence")  # a reader looks for a call in the lessons
        found += [[number, *section] for section in sections(app.env.get_doctree(page), code)]
    return {"pages": pages, "sections": found}


def write(app, exception):
    """Put the index into the built book, and take out what it replaces."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    found = json.dumps(index(app), ensure_ascii=False, separators=(",", ":"))
    (out / FILE).write_text(f"var bookIndex = {found};\n", encoding="utf-8")
    for file in SPHINX:
        (out / file).unlink(missing_ok=True)


def no_other_index(app):
    """Keep Sphinx from making its index."""
    app.builder.search = False


def search_page(app):
    return [("search", {"title": "Search"}, "search.html")]


def setup(app):
    app.connect("builder-inited", no_other_index)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
