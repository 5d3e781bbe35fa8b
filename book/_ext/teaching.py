"""What the teacher's page takes from the chapters: which needs which, and how long each takes.

The graph is drawn from the chapters' own lines **Before you start**. In a sentence that begins with
"do" or "you have seen" a chapter is needed; anywhere else it helps. Marks in the page stand for
minutes: `<!-- read 02 03 -->`, `<!-- run 04 -->`, and `<!-- both 04 -->` for their sum.
"""

import html
import re

import notebooks
from tools.contents import lessons

NEEDED = ("do ", "you have seen ")
#: pixels: a row of the graph, a box in it, a step to the right, the right edge of the boxes
ROW, BOX, STEP, EDGE = 36, 28, 30, 300


def asks_for(line):
    """Return the chapters that a line **Before you start** needs, and those that help."""
    needed, helpful = [], []
    for sentence in re.split(r"[.;]\s+", line):
        kind = needed if sentence.strip().lower().startswith(NEEDED) else helpful
        kind += re.findall(r"\]\((\d\d)_\w+\.ipynb", sentence)
    return needed, [number for number in helpful if number not in needed]


def edges(root):
    """Return for each chapter (the chapters that it needs, those that help)."""
    found = {}
    for number, path in lessons(root).items():
        first = notebooks.text(notebooks.read(path)["cells"][0])
        line = re.search(r"^\*\*Before you start\*\*:? (.*)$", first, re.MULTILINE)
        if not line:
            raise ValueError(f"{path.name} has no line **Before you start**")
        found[number] = asks_for(line[1])
        wrong = set(sum(found[number], [])) - (lessons(root).keys() - {number})
        if wrong:
            raise ValueError(f"{path.name} cannot ask for chapter {', '.join(sorted(wrong))}")
    return found


def before(graph, number, seen=()):
    """Return all that a chapter needs, directly or not.

    Raises:
        ValueError: a chapter needs itself, by whatever way.
    """
    if number in seen:
        raise ValueError(f"a circle: {' needs '.join([*seen, number])}")
    needed = graph[number][0]
    return set(needed).union(*(before(graph, other, (*seen, number)) for other in needed))


def reduced(graph):
    """Leave out what follows: of "11 needs 04 and 09, and 09 needs 04", that 11 needs 04."""
    return {
        number: (
            [n for n in needed if not any(n in before(graph, other) for other in needed)],
            [n for n in helpful if n not in before(graph, number)],
        )
        for number, (needed, helpful) in graph.items()
    }


def places(graph):
    """Return the chapters from top to bottom, each below what it asks for: (number, depth)."""
    above = {
        number: next(iter(needed + helpful), None) for number, (needed, helpful) in graph.items()
    }

    def below(number, depth):
        yield number, depth
        for other, parent in above.items():
            if parent == number:
                yield from below(other, depth + 1)

    return [
        place for number, parent in above.items() if parent is None for place in below(number, 0)
    ]


def drawing(root):
    """Return the graph as one SVG; its colours are in book.css."""
    graph = reduced(edges(root))
    rows = places(graph)
    at = {number: (1 + STEP * depth, ROW * row + 4) for row, (number, depth) in enumerate(rows)}
    lines, boxes, arcs = [], [], 0
    for number, _ in rows:
        x, y = at[number]
        needed, helpful = graph[number]
        for other in needed + helpful:
            kind, (from_x, from_y) = "needs" if other in needed else "helps", at[other]
            if other == (needed + helpful)[0]:
                way = f"M{from_x + 12} {from_y + BOX}V{y + BOX / 2:g}H{x - 1}"
            else:  # along the right edge
                arcs += 1
                way = f"M{EDGE} {from_y + BOX / 2:g}h{10 * arcs}V{y + BOX / 2:g}H{EDGE + 2}"
            lines.append(f'<path class="{kind}" marker-end="url(#tip)" d="{way}"/>')
        title = notebooks.title(notebooks.read(lessons(root)[number]))
        words = html.escape(title.partition(",")[0])
        boxes.append(
            f'<rect x="{x}" y="{y}" width="{EDGE - x}" height="{BOX}" rx="5"/>'
            f'<text x="{x + 9}" y="{y + 19}">{words}</text>'
        )
    width, height = EDGE + 10 * arcs + 8, ROW * len(rows) + 2
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    tip += 'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    said = "The chapters as a graph of what each needs. The table below says the same in words."
    return (
        f'<svg class="prerequisites" role="img" aria-label="{said}" width="{width}" '
        f'viewBox="0 0 {width} {height}"><defs>{tip}</defs>{"".join(lines)}{"".join(boxes)}</svg>'
    )


def minutes(root, kind, numbers):
    """Return how long chapters take, to "read", to "run" or "both", as their strips say."""
    found = [notebooks.read(lessons(root)[number]) for number in numbers]
    read = sum(map(notebooks.reading_minutes, found))
    run = sum(map(notebooks.running_minutes, found))
    return {"read": read, "run": run, "both": read + run}[kind]


def table(root):
    """Return the graph in words, with the minutes of each chapter, as a table in Markdown."""
    lines = [
        "| Chapter | Needs | Helped by | Minutes to read | to run |",
        "|---|---|---|---:|---:|",
    ]
    for number, (needed, helpful) in edges(root).items():
        path = lessons(root)[number]
        title = notebooks.title(notebooks.read(path))
        took = [str(minutes(root, kind, [number])) for kind in ("read", "run")]
        cells = [f"[{title}](../notebooks/{path.name})", ", ".join(needed) or "–"]
        lines.append("| " + " | ".join([*cells, ", ".join(helpful) or "–", *took]) + " |")
    return "\n".join(lines)


def filled(root, text):
    """Return the page with the graph, the table and the minutes in it."""
    text = text.replace("<!-- prerequisites -->", f"{drawing(root)}\n\n{table(root)}")
    mark = re.compile(r"<!-- (read|run|both)((?: \d\d)+) -->")
    return mark.sub(lambda found: str(minutes(root, found[1], found[2].split())), text)
