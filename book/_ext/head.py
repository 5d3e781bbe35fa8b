"""The head of each chapter: one sentence and a strip of facts; and its picture, which comes next.

The strip says how long the chapter is to read and to run, and leads to the notebook and to the
package as one file, both of which are part of the built book. `book/_data/heads.yml` says how wide
the pictures are; everything else comes from the notebook and from the stamp of its run.
"""

import html
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import imagesize
import yaml
from docutils import nodes
from sphinx.util import logging

import notebooks

logger = logging.getLogger(__name__)
COLAB = "https://colab.research.google.com/github"


def size(path):
    length = path.stat().st_size
    return f"{length / 1e6:.1f} MB" if length >= 1e5 else f"{length / 1e3:.0f} kB"


def wheel_name(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"


def facts(app, path, notebook, level):
    """Return the strip, as HTML."""
    lines = [f"{notebooks.reading_minutes(notebook)} min to read"]
    if run := notebooks.stamp(notebook):
        device = html.escape(run["device"])
        lines.append(f"{notebooks.running_minutes(notebook)} min to run: {device}")
    if level:
        lines.append(f"Level: {html.escape(level)}")
    address = app.config.html_theme_options.get("repository_url")
    if address:  # set by tools/set_repository.py
        branch = app.config.html_theme_options.get("repository_branch") or "main"
        place = address.removeprefix("https://github.com/").rstrip("/")
        lines.append(
            f'<a href="{COLAB}/{place}/blob/{branch}/notebooks/{path.name}">Open in Colab</a>'
        )
    root = Path(app.srcdir)
    lines.append(
        f'Download <a href="{path.name}" download>this notebook</a> ({size(path)}) '
        f'and <a href="../{wheel_name(root)}" download>the package</a>'
    )
    what = "page" if path.stem.endswith("_evidence") else "chapter"
    lines.append(
        f'<button type="button" class="to-paper pst-js-only">Save this {what} as PDF</button>'
    )
    return "<ul class='strip'>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"


def set_picture(image, root, width):
    """Give a lesson's own picture its width on the page, and the height that follows from the file.

    What is enlarged keeps its pixels: it is a film of small pictures.
    """
    pixels, lines = imagesize.get(root / image["uri"])
    image["width"], image["height"] = str(width), str(round(width * lines / pixels))
    image["classes"] += ["result", "enlarged"] if width > pixels else ["result"]


def first_sentence(paragraph):
    """Take the first sentence out of a paragraph and return it as one of its own."""
    sentence = nodes.paragraph()
    for child in list(paragraph.children):
        end = re.search(r"\.\s+(?=\S)", child) if isinstance(child, nodes.Text) else None
        paragraph.remove(child)
        if end:
            sentence += nodes.Text(child[: end.start() + 1])
            paragraph.insert(0, nodes.Text(child[end.end() :]))
            return sentence
        sentence += child
    return sentence


def begins_with(node, word):
    """Say whether a paragraph begins with a word in bold."""
    strong = next(node.findall(nodes.strong), None) if isinstance(node, nodes.paragraph) else None
    return strong is not None and strong.astext() == word and node.astext().startswith(word)


def add_head(app, doctree):
    """Put the head below the title of a notebook's page."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    data = Path(app.srcdir, "book", "_data", "heads.yml")
    app.env.note_dependency(str(data))
    head = yaml.safe_load(data.read_text(encoding="utf-8")).get(path.stem, {})

    section = next(doctree.findall(nodes.section))
    lead = nodes.paragraph("", head["sentence"]) if "sentence" in head else None
    for node in [child for child in section.children if isinstance(child, nodes.paragraph)]:
        if lead is None:
            lead = first_sentence(node)
            if not node.children:
                section.remove(node)
        elif begins_with(node, "Time"):
            section.remove(node)  # the strip says it
    lead["classes"].append("head-lead")
    box = nodes.container("", lead, classes=["chapter-head"])
    texts = [child for child in section.children if isinstance(child, nodes.paragraph)]
    own = next((image for text in texts for image in text.findall(nodes.image)), None)
    if own is not None and "width" in head:
        set_picture(own, Path(app.srcdir), head["width"])
    section["classes"] += ["lines"] if head.get("lines") else []
    strip = facts(app, path, notebooks.read(path), head.get("level", ""))
    box += nodes.raw("", strip, format="html")
    section.insert(1, box)


def add_downloads(app, exception):
    """Put the notebooks and the package, as one file, into the built book."""
    if exception or app.builder.name != "html":
        return
    root, out = Path(app.srcdir), Path(app.outdir)
    for path in root.glob("notebooks/*.ipynb"):
        shutil.copy(path, out / "notebooks" / path.name)
    wheel = out / wheel_name(root)
    sources = [
        root / "pyproject.toml",
        *root.glob("gan_utils/**/*"),
        *root.glob("experiments/results/*"),
    ]
    newest = max(file.stat().st_mtime for file in sources if file.is_file())
    if wheel.is_file() and wheel.stat().st_mtime >= newest:
        return
    for old in out.glob("gan_utils-*.whl"):
        old.unlink()
    # Without pip, which would fetch what it builds with, and may itself be missing.
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=root, capture_output=True, text=True)
    shutil.rmtree(root / "build", ignore_errors=True)  # else what is left there goes into the next
    if done.returncode:
        logger.warning("the package was not built: %s", done.stderr[-500:])


def setup(app):
    app.connect("doctree-read", add_head, priority=900)  # after the images have been collected
    app.connect("build-finished", add_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
