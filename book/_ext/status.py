"""The tables of the status page, made from the stamps of chapters and experiments."""

import json

import notebooks


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
    """Return a table with a row for each notebook."""
    rows = []
    for file in sorted(root.glob("notebooks/*.ipynb")):
        notebook = notebooks.read(file)
        link = f"[{notebooks.title(notebook)}](../notebooks/{file.name})"
        rows.append(row(link, notebooks.stamp(notebook)))
    return table("Chapter", rows)


def experiments(root):
    """Return a table with a row for each experiment."""
    rows = []
    for file in sorted(root.glob("experiments/results/*.csv")):
        with file.open(encoding="utf-8") as lines:
            stamp = json.loads(next(lines).removeprefix("# "))
        rows.append(row(f"`{stamp['script']}`", stamp))
    return table("Experiment", rows)


def filled(root, text):
    """Return the status page with its tables."""
    text = text.replace("<!-- chapters -->", chapters(root))
    return text.replace("<!-- experiments -->", experiments(root))
