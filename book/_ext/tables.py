"""Tables of text on a phone: each row becomes a card, with the heads of the columns as labels.

To a screen reader they stay tables, which the roles say: a browser forgets what a table is once its
rows are laid out in another way. See `.stacks` in book.css.
"""

import html
import re
from itertools import cycle

from docutils import nodes

#: From so many characters on, its widest cells together, a table of three columns becomes cards.
WIDE = 75
ROLES = {
    "table": "table",
    "thead": "rowgroup",
    "tbody": "rowgroup",
    "tr": "row",
    "th": "columnheader",
    "td": "cell",
}


def texts(table, part):
    """Return what the cells of a table's head or body say."""
    found = [group for group in table.findall(part)]
    return [entry.astext() for group in found for entry in group.findall(nodes.entry)]


def visit_table(self, node):
    node["begins"] = len(self.body)
    type(self).visit_table(self, node)


def depart_table(self, node):
    type(self).depart_table(self, node)
    heads, cells = texts(node, nodes.thead), texts(node, nodes.tbody)
    columns = [cells[n :: len(heads)] for n in range(len(heads))]
    widest = sum(max(map(len, column), default=0) for column in columns)
    if len(heads) < 3 or widest < WIDE:
        return
    text = "".join(self.body[node["begins"] :])
    del self.body[node["begins"] :]
    self.body.append(stacked(text, heads))


def stacked(table, heads):
    """Return a table, as HTML, with roles and with labels at its cells."""
    labels = cycle(heads)

    def tag(found):
        role = f'<{found[1]} role="{ROLES[found[1]]}"'
        if found[1] == "td":
            role += f' data-label="{html.escape(next(labels))}"'
        return role

    table = re.sub(r"<(table|thead|tbody|tr|th|td)\b", tag, table)
    return re.sub(r'(<table [^>]*?class=")', r"\1stacks ", table, count=1)


def setup(app):
    app.add_node(nodes.table, override=True, html=(visit_table, depart_table))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
