"""What the pages take from the notebooks: cells, titles, stamps, and the minutes they take."""

import json
import re
from functools import cache

#: minutes that a reader takes for a word of explanation, a line of open code, and a picture
WORD, LINE, PICTURE = 1 / 150, 1 / 10, 1 / 4


@cache
def parsed(path, changed):
    return json.loads(path.read_text(encoding="utf-8"))


def read(path):
    """Return a notebook; until its file changes, the same one for all, who leave it as it is."""
    return parsed(path, path.stat().st_mtime_ns)


def tags(cell):
    return cell["metadata"].get("tags", [])


def text(cell):
    """Return a cell's source, which a notebook's file holds as lines."""
    return "".join(cell["source"])


def without(cells, *names):
    """Return the cells that have none of these tags."""
    return [cell for cell in cells if not set(names) & set(tags(cell))]


def title(notebook):
    return text(notebook["cells"][0]).partition("\n")[0].lstrip("# ").strip()


def stamp(notebook):
    """Return the stamp of a notebook's run, or None; see tools/provenance.py."""
    return notebook["metadata"].get("gan_utils")


def running_minutes(notebook):
    """Return the minutes that a run took, or else those that the notebook promises."""
    if run := stamp(notebook):
        return max(1, round(run["seconds"] / 60))
    return int(re.search(r"(\d+) minutes? to run", text(notebook["cells"][0]))[1])


def reading_minutes(notebook):
    """Return how long a notebook takes to read, in steps of five minutes.

    Solutions and the questions at the end are not counted.
    """
    minutes = 0
    for cell in without(notebook["cells"], "caption", "solution", "questions"):
        if cell["cell_type"] == "markdown":
            prose = re.sub(r"\$\$.*?\$\$|\]\(.*?\)", " x ", text(cell), flags=re.DOTALL)
            minutes += WORD * len(prose.split())
            continue
        if "teach" in tags(cell):
            minutes += LINE * sum(bool(line.strip()) for line in text(cell).splitlines())
        for output in cell["outputs"]:
            data = output.get("data", {})
            if any(kind.startswith("image/") or kind == "text/html" for kind in data):
                minutes += PICTURE
            said = "".join(data.get("text/markdown", output.get("text", "")))
            minutes += WORD * len(said.split())
    return max(5, 5 * round(minutes / 5))
