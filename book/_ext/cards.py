"""The cards of the first page, and the road of one hour, made from the contents and the notebooks.

So titles, thumbnails and minutes are never out of date. `book/_data/heads.yml` names the pictures
and the levels.
"""

import base64
import html
import re
from pathlib import Path

import yaml

import notebooks
from tools import contents

#: The road of one hour, in the order in which it is walked, and what comes after it.
ROAD = ["04_vanilla_gan", "02_adversarial_game", "09_dcgan_mnist", "14_conditional"]
NEXT = "11_your_own_images"
#: words of a first reading in a minute: prose up to the exercises, and open code
WORDS = 200
NO_PROSE = re.compile(r"\$\$.*?\$\$|\]\(.*?\)|<!--.*?-->", re.DOTALL)


def notebook(root, stem):
    return notebooks.read(root / "notebooks" / f"{stem}.ipynb")


def reading(cells):
    """Return the minutes that a first reading takes: up to the exercises, with the open code."""
    words = 0
    for cell in notebooks.without(cells, "caption"):
        text = notebooks.text(cell)
        if cell["cell_type"] == "code":
            words += len(text.split()) if "teach" in notebooks.tags(cell) else 0
            continue
        before, *after = re.split(r"^## Exercises", text, maxsplit=1, flags=re.MULTILINE)
        words += len(re.findall(r"\w[\w'’.-]*", NO_PROSE.sub(" ", before)))
        if after:
            break
    return round(words / WORDS)


def minutes(root, stem):
    """Return how long a chapter of the road takes to read and to run."""
    found = notebook(root, stem)
    return reading(found["cells"]), notebooks.running_minutes(found)


def road(root):
    """Return the road as Markdown: its chapters with their minutes, and the sums."""
    took = [minutes(root, stem) for stem in [*ROAD, NEXT]]
    lines = [
        f"{place}. [{notebooks.title(notebook(root, stem))}](../notebooks/{stem}.ipynb): "
        f"{read} min to read, {run} min to run"
        for place, (stem, (read, run)) in enumerate(zip(ROAD, took[:-1], strict=True), 1)
    ]
    read, run = (sum(column) for column in zip(*took[:-1], strict=True))
    after = notebooks.title(notebook(root, NEXT))
    return "\n".join(
        [
            *lines,
            "",
            f"Together {read} minutes of reading, up to the exercises and with the code, and {run} "
            "minutes of running, which you start first and read beside. Then make it your own: "
            f"[{after}](../notebooks/{NEXT}.ipynb), {took[-1][0]} min to read.",
        ]
    )


def picture(root, stem, name):
    """Return the bytes of a chapter's thumbnail; None if its notebook has not been run."""
    still = root / "book" / "_static" / "films" / f"{name}.png"
    if still.is_file():
        return still.read_bytes()
    for cell in notebook(root, stem)["cells"]:
        if cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") == name:
            shown = (output.get("data", {}) for output in cell["outputs"])
            found = [data["image/png"] for data in shown if "image/png" in data]
            return base64.b64decode("".join(found[0])) if found else None
    return None


def card(root, stem, about):
    """Return the card of a chapter, as one line of HTML."""
    found = notebook(root, stem)
    read, run = notebooks.reading_minutes(found), notebooks.running_minutes(found)
    image = ""
    if picture(root, stem, about["picture"]):
        image = f'<img src="../_static/thumbnails/{stem}.png" alt="" loading="lazy">'
    level = html.escape(about["level"])
    return (
        f'<a class="chapter" href="../notebooks/{stem}.html"><span class="thumbnail">{image}</span>'
        f"<strong>{html.escape(notebooks.title(found))}</strong>\n"
        f"<span>{read} min to read, {run} to run</span>\n<span>{level}</span></a>"
    )


def parts(root):
    """Return the chapters as cards, a heading for each part of the contents that has some."""
    heads = yaml.safe_load((root / "book/_data/heads.yml").read_text(encoding="utf-8"))
    shown = []
    for caption, pages in contents.parts(root):
        stems = [Path(page).name for page in pages]
        made = [card(root, stem, heads[stem]) for stem in stems if stem in heads]
        if made:
            cards = "\n".join(made)
            shown.append(f'### {caption}\n\n<div class="cards">\n{cards}\n</div>')
    return "\n\n".join(shown)


def filled(root, text):
    """Return the first page with its road and its cards."""
    return text.replace("<!-- road -->", road(root)).replace("<!-- chapters -->", parts(root))


def add_thumbnails(app, exception):
    """Put the pictures of the cards into the built book."""
    if exception or app.builder.name != "html":
        return
    root, folder = Path(app.srcdir), Path(app.outdir, "_static", "thumbnails")
    folder.mkdir(parents=True, exist_ok=True)
    heads = yaml.safe_load((root / "book/_data/heads.yml").read_text(encoding="utf-8"))
    for stem, about in heads.items():
        if content := picture(root, stem, about["picture"]):
            (folder / f"{stem}.png").write_bytes(content)
