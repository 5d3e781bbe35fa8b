"""The book as one text, and `llms.txt`, which tells a language model where it is.

Whoever asks an assistant about the book can hand it this file. It is Markdown: what the pages say,
the code that teaches, what was printed, figures as what they show. The form of `llms.txt` is the
one of https://llmstxt.org: a title, a summary, lists of links.
"""

import ast
import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit

import marks
import sharing
from bs4 import BeautifulSoup

import notebooks
from tools import contents

FILE = "gans-you-can-run.txt"
CODE = re.compile(r"(^(`{3,}).*?^\2[ ]*$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
TAG = re.compile(
    r"</?(?:a|b|br|details|div|em|figcaption|figure|i|img|p|picture|source|span|strong|sub|sup)"
    r"(?: [^<>]*)?/?>"
)
FIGURE = re.compile(r"```\{figure\}.*?\n(.*?)```", re.DOTALL)
MODULE = re.compile(r"```\{eval-rst\}\n\.\. automodule:: (\S+).*?```", re.DOTALL)


def link(target, page):
    """Return the target of a link on a page as an address that is relative to the book's root."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return target
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path))
    path = re.sub(r"\.(?:ipynb|md)$", ".html", path) if parts.path else f"{page}.html"
    return path + (f"#{parts.fragment}" if parts.fragment else "")


def prose(text, page):
    """Return Markdown that stands outside of code, without HTML and with links from the root."""
    text = re.sub(r"<!--.*?-->\n?|<svg.*?</svg>", "", text, flags=re.DOTALL)
    text = re.sub(r"<summary>(.*?)</summary>", r"**\1**", text, flags=re.DOTALL)
    text = re.sub(r'<img [^>]*?alt="([^"]+)"[^>]*>', r"[Picture: \1]", text)
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"[Picture: \1]", TAG.sub("", text))
    text = re.sub(r"\]\(([^)\s]+)\)", lambda found: f"]({link(found[1], page)})", text)
    return re.sub(
        r"^(\[[^\]]+\]: *)(\S+)$", lambda f: f[1] + link(f[2], page), text, flags=re.MULTILINE
    )


def markdown(text, page):
    """Return a piece of Markdown as the text edition has it; code stays as it is."""
    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [prose(text[end : code.start()], page), code[0]]
        end = code.end()
    whole = "".join([*parts, prose(text[end:], page)])
    return re.sub(r"\n{3,}", "\n\n", whole).strip()


def fenced(text, language=""):
    return f"```{language}\n{text.strip()}\n```"


def table(rows):
    """Return the rows of an HTML table as Markdown."""
    cells = [
        [" ".join(cell.get_text(" ").split()).replace("|", "/") for cell in row.select("th, td")]
        for row in rows
    ]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])


def shown(output, cell, page):
    """Return an output as text: the words of a claim, a table, or what a figure shows."""
    data = output.get("data", {})
    if "text" in output:
        return fenced(re.sub(r"\x1b\[[0-9;]*m", "", "".join(output["text"])), "text")
    if "text/markdown" in data:
        return markdown("".join(data["text/markdown"]), page)
    if "text/html" in data:
        soup = BeautifulSoup("".join(data["text/html"]), "html.parser")
        if soup.table:
            caption = f"{soup.caption.get_text(' ', strip=True)}\n\n" if soup.caption else ""
            return caption + table(soup.select("tr"))
        says = soup.figcaption.get_text(" ", strip=True) if soup.figcaption else ""
        return f"[Figure: {soup.img['alt']} {says}]" if soup.img else ""
    if any(kind.startswith("image/") for kind in data):
        about = cell["metadata"].get("mystnb", {})
        alt = about.get("image", {}).get("alt", "")
        caption = markdown(about.get("figure", {}).get("caption", ""), page)
        return f"[Figure: {alt}]\n\n{caption}".strip()
    return fenced("".join(data.get("text/plain", "")), "text")


def notebook(path, page):
    """Return a notebook as Markdown."""
    found = []
    for cell in notebooks.without(notebooks.read(path)["cells"], "caption", "colab"):
        tags, source = notebooks.tags(cell), notebooks.text(cell)
        if cell["cell_type"] == "markdown":
            found.append(markdown(source, page))
            continue
        if not {"set-up", "draw", "claim"} & set(tags):  # the roles whose code is folded
            label = ["Solution:"] if "solution" in tags else []
            found += [*label, fenced(re.sub(r"\A# @title .*\n", "", source), "python")]
        if "remove-cell" not in tags:
            found += [shown(output, cell, page) for output in cell["outputs"]]
    return "\n\n".join(part for part in found if part)


def described(path, name):
    """Return what a module offers: how it is called, and what it says of itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"### `{name}`", ast.get_docstring(tree) or ""]
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if docstring := ast.get_docstring(node):
            first = node if isinstance(node, ast.FunctionDef) else None
            called = f"({ast.unparse(first.args)})" if first else ""
            found += [fenced(f"{node.name}{called}"), docstring]
    return "\n\n".join(found)


def article(app, page):
    """Return a page of the book as Markdown."""
    root, path = Path(app.srcdir), Path(app.env.doc2path(page))
    if path.suffix == ".ipynb":
        return notebook(path, page)
    text = marks.filled(root, page, path.read_text(encoding="utf-8"))
    text = FIGURE.sub(lambda f: "[Figure: " + re.search(r":alt: (.*)", f[1])[1] + "]", text)
    text = MODULE.sub(lambda f: described(root / (f[1].replace(".", "/") + ".py"), f[1]), text)
    if "```{bibliography}" in text:  # made while the pages are built
        built = Path(app.outdir, f"{page}.html").read_text(encoding="utf-8")
        entries = BeautifulSoup(built, "html.parser").article.select("li[id]")
        listed = "\n".join("- " + " ".join(entry.get_text().split()) for entry in entries)
        text = re.sub(r"```\{bibliography\}.*?```", lambda _: listed, text, flags=re.DOTALL)
    return markdown(text, page)


def edition(app):
    """Return the whole book as one text."""
    lead = (
        "This is the book *GANs You Can Run* as one text, in the order of its pages. "
        "Text CC BY 4.0, code MIT. Links are relative to where this file lies. "
        "Figures are given as what they show."
    )
    pages = [
        f"---\n\nPage: {page}.html\n\n{article(app, page)}" for page in contents.pages(app.srcdir)
    ]
    return "\n\n".join([lead, *pages]) + "\n"


def llms(app):
    """Return `llms.txt`; with whole addresses once the book has one."""
    base, env, root = app.config.html_baseurl, app.env, app.config.root_doc
    lines = [
        f"# {sharing.TITLE}",
        "> An executable book on generative adversarial networks in TensorFlow 2 and Keras 3. "
        "Every number on its pages was measured there or in an experiment of its repository, "
        "or is cited.",
        "A lesson teaches; the page of the same number whose name ends in `evidence` proves what "
        "the lesson says. Quote results with the page and the conditions that stand beside them.",
        f"## The whole book\n\n- [All pages as one text]({base}{FILE}): Markdown, with the code "
        "and what it printed",
    ]
    more = []
    for part, pages in contents.parts(app.srcdir):
        listed = []
        for page in pages:
            about = sharing.sentence(env.get_doctree(page))
            line = f"- [{env.titles[page].astext()}]({base}{page}.html): {about}"
            (more if page.endswith("_evidence") else listed).append(line)
        if page != root:
            lines.append(f"## {part}\n\n" + "\n".join(listed))
    lines.append("## Optional\n\n" + "\n".join(more))  # what may be left out of a short context
    return "\n\n".join(lines) + "\n"


def write(app, exception):
    """Put both files into the built book."""
    if exception or app.builder.name != "html":
        return
    for name, make in ((FILE, edition), ("llms.txt", llms)):
        Path(app.outdir, name).write_text(make(app), encoding="utf-8")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
