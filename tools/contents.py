"""The pages of the book in the order in which they are read, from `_toc.yml`."""

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
