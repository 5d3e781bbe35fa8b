"""The tables of the status page, made from the stamps of chapters and experiments."""

import json
from pathlib import Path


def minutes(seconds):
    return f"{seconds / 60:.1f} min"


def row(name, stamp):
    if not stamp:
        return f"| {name} | not run yet | | | | |"
    versions = stamp["versions"]
    counts = stamp.get("devices") or [[stamp["device"], None]]
    many = len(counts) > 1
    machines = "; ".join(f"{d} ({n} rows)" if many else d for d, n in counts)
    proof = stamp.get("equivalent")
    same = f"does the same, {proof['date']}" if proof else "is the code that ran"
    return (
        f"| {name} | {stamp['date']} | {minutes(stamp['seconds'])} | {machines} "
        f"| {versions['tensorflow']}, {versions['keras']}, {versions['python']} "
        f"| {same} |"
    )


def table(first, rows):
    head = f"| {first} | Run on | Took | Machine | TensorFlow, Keras, Python | Today's code |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def chapters(root):
    """Return a table with a row for each notebook, and the files that it was made from."""
    files, rows = sorted(root.glob("notebooks/*.ipynb")), []
    for file in files:
        notebook = json.loads(file.read_text(encoding="utf-8"))
        title = next(line for cell in notebook["cells"] for line in cell["source"])
        title = "".join(title).strip().lstrip("# ")
        link = f"[{title}](../notebooks/{file.name})"
        rows.append(row(link, notebook["metadata"].get("gan_utils")))
    return table("Chapter", rows), files


def experiments(root):
    """Return a table with a row for each experiment, and the files that it was made from."""
    files, rows = sorted(root.glob("experiments/results/*.csv")), []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            stamp = json.loads(next(lines).removeprefix("# "))
        rows.append(row(f"`{stamp['script']}`", stamp))
    return table("Experiment", rows), files


def fill(app, docname, source):
    """Put the tables into the page when Sphinx reads it, so that they are never out of date."""
    if docname != "book/status":
        return
    root = Path(app.srcdir)
    for marker, make in (("chapters", chapters), ("experiments", experiments)):
        text, files = make(root)
        source[0] = source[0].replace(f"<!-- {marker} -->", text)
        for file in files:
            app.env.note_dependency(str(file))
