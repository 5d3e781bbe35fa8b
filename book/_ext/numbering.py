"""Numbers of sections and figures: a course can cite 4.3, 4E.1 in the evidence, or Figure 4.2.

They are given while the book is built. A new section moves those after it on its own page, and no
other page; the addresses know no numbers. Sphinx's own numbering would count the pages as well.
"""

import re

from docutils import nodes


def chapter(docname):
    """Return a page's chapter as its numbers begin: 4, or 4E for the evidence; else None."""
    found = re.match(r"notebooks/(\d\d)_(evidence)?", docname)
    return f"{int(found[1])}{'E' if found[2] else ''}" if found else None


def number_sections(app, env):
    """Number the sections of each chapter, on its page and in the contents beside it."""
    for docname, toc in env.tocs.items():
        if (start := chapter(docname)) is None:
            continue
        page = toc.children[0]
        lists = [child for child in page.children if isinstance(child, nodes.bullet_list)]
        sections = [item for item in lists[0] if isinstance(item, nodes.list_item)] if lists else []
        links = [next(section.findall(nodes.reference)) for section in sections]
        env.toc_secnumbers[docname] = given = {}
        for number, link in enumerate(links, 1):
            link["secnumber"] = given[link["anchorname"]] = (start, number)
    return []


def number_figures(app, doctree):
    """Write a chapter's figures' numbers into their captions, those of films included."""
    if (start := chapter(app.env.docname)) is None:
        return
    number = 0
    for node in list(doctree.findall()):
        label = f"Figure {start}.{number + 1}"
        if isinstance(node, nodes.caption) and isinstance(node.parent, nodes.figure):
            mark = nodes.inline("", label, classes=["caption-number"])
            node.children[:0] = [mark, nodes.Text(" ")]
            mark.parent = node
        elif isinstance(node, nodes.raw) and "<figcaption>" in node.astext():
            mark = f'<figcaption><span class="caption-number">{label}</span> '
            text = node.astext().replace("<figcaption>", mark, 1)
            node.children = [nodes.Text(text)]
        else:
            continue
        number += 1


def setup(app):
    app.connect("env-get-updated", number_sections, priority=900)  # after Sphinx has cleared them
    app.connect("doctree-read", number_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
