"""Pages with marks, `<!-- road -->` and the like, in whose place stands what notebooks say."""

from pathlib import Path

import cards
import status
import teaching

#: page -> what puts something into the place of its marks
MAKERS = {
    "book/index": cards.filled,
    "book/status": status.filled,
    "book/teaching": teaching.filled,
}
#: all that any of them reads
SOURCES = ("_toc.yml", "book/_data/heads.yml", "notebooks/*.ipynb", "experiments/results/*.csv")


def filled(root, page, text):
    """Return the text of a page as its readers see it."""
    return MAKERS[page](root, text) if page in MAKERS else text


def fill(app, docname, source):
    """Fill a page when Sphinx reads it, so that it is never out of date."""
    root = Path(app.srcdir)
    source[0] = filled(root, docname, source[0])
    if docname in MAKERS:
        for file in [file for pattern in SOURCES for file in root.glob(pattern)]:
            app.env.note_dependency(str(file))
