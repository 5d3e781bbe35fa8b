"""The pages of the book in the order in which they are read, from `_toc.yml`; and its lessons."""

from pathlib import Path

import yaml


def parts(root):
    """Return [(part, [page, ...]), ...]; a page has no suffix, the first part no name."""
    toc = yaml.safe_load(Path(root, "_toc.yml").read_text(encoding="utf-8"))
    found = [("", [toc["root"]])]
    for part in toc["parts"]:
        pages = [page for c in part["chapters"] for page in (c, *c.get("sections", []))]
        found.append((part["caption"], [page["file"] for page in pages]))
    return found


def pages(root):
    """Return all pages in their order."""
    return [page for _, part in parts(root) for page in part]


def lessons(root):
    """Return the notebooks of the lessons by their numbers, in order: {"04": path}."""
    paths = sorted(Path(root).glob("notebooks/[0-9][0-9]_*.ipynb"))
    return {path.name[:2]: path for path in paths if not path.stem.endswith("_evidence")}
