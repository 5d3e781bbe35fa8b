"""Write the book's questions to where they are asked, from `book/_data/questions.yml`.

    make questions          # or: python -m tools.questions

- The section *Questions* of each lesson: one Markdown cell before the sources, tagged `questions`.
- `book/quizzes.md`, a quiz for each part of the book that has several lessons.
- `_build/questions/gans-you-can-run.xml`, which Moodle imports as *Moodle XML format*: a category
  for each chapter and each quiz, with feedback on every answer.

To change a question, change the YAML and run this. The first two are committed; a test holds that
they are what this writes.
"""

import csv
import re
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import nbformat
import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors.index import slugify
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat.v4 import new_markdown_cell

from tools import contents

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = ROOT / "book" / "_data" / "questions.yml"
RUNS = ROOT / "experiments" / "results" / "planted_faults.csv"
QUIZZES = ROOT / "book" / "quizzes.md"
MOODLE = ROOT / "_build" / "questions" / "gans-you-can-run.xml"
BOOK = "GANs You Can Run"
#: what a history holds, and what its row in a table is called
SERIES = {
    "d_x": "$D(x)$",
    "d_gz": "$D(G(z))$",
    "d_loss": "loss of $D$",
    "g_loss": "loss of $G$",
    "d_update_ratio": "a step of $D$",
    "g_update_ratio": "a step of $G$",
}
NOTE = (
    "*All are means of an epoch. A step: its length, as a share of the length of the weights. "
    "Healthy: the mean of other runs with the same settings.*"
)
INTRO = "Answer from memory, then unfold. Each choice is explained, the wrong ones too."
PAGE = f"""# Quizzes

A quiz across the chapters of each part of the book that has several. {INTRO} What you miss
leads to the section that has it. Each chapter has five questions of its own, at its end.

Printed, the page keeps its answers folded. For Moodle there is [a file](how_to_use.md#in-a-course).
"""


@cache
def load() -> dict[str, dict[str, list]]:
    """Return all questions: {"lessons": {"01": […], …}, "parts": {"I": […], …}}."""
    return yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))


@cache
def lessons() -> dict[str, Path]:
    """Return the notebook of each lesson by its number."""
    return contents.lessons(ROOT)


@cache
def parts() -> dict[str, tuple[str, str]]:
    """Return the parts of several lessons: numeral -> (its name, the number of its last lesson)."""
    found = {}
    for caption, pages in contents.parts(ROOT):
        numeral, dot, name = caption.partition(" · ")
        files = [page.removeprefix("notebooks/") for page in pages]
        numbers = {file[:2] for file in files if file[:2].isdigit()}
        if dot and len(numbers) > 1:  # one lesson has its own questions, and needs no quiz
            found[numeral] = name, max(numbers)
    return found


@cache
def headings(path: Path) -> dict[str, str]:
    """Return the titles in a notebook by their addresses, as MyST makes them."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    titles = re.findall(r"^#{1,3} (.+?) *$", prose, re.MULTILINE)
    return {slugify(title): title for title in titles}


def seen(question: dict, place: str) -> str:
    """Return the link to the section that answers a question, from a lesson or from the quizzes."""
    number, _, anchor = question["see"].partition("#")
    path = lessons()[number]
    title = headings(path)[anchor]
    if place == number:
        return f"[{title}](#{anchor})"
    start = "" if place in lessons() else "../notebooks/"
    return f"chapter {number}, [{title}]({start}{path.name}#{anchor})"


def history(row: int) -> str:
    """Return a table of how a stored run began and ended, beside healthy ones with its settings."""
    with RUNS.open(encoding="utf-8") as file:
        runs = list(csv.DictReader(line for line in file if not line.startswith("#")))
    kin = (runs[row]["split"], "healthy", runs[row]["setting"])
    healthy = [run for run in runs if (run["split"], run["fault"], run["setting"]) == kin]
    columns = ("value", "at first", "at the end", "healthy: at first", "healthy: at the end")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, title in SERIES.items():
        told = [float(runs[row][name].split()[epoch]) for epoch in (0, -1)]
        for epoch in (0, -1):
            values = [float(run[name].split()[epoch]) for run in healthy]
            told.append(sum(values) / len(values))
        lines.append(f"| {title} | " + " | ".join(f"{value:.2g}" for value in told) + " |")
    return "\n".join([*lines, "", NOTE])


def asked(question: dict, number: int, place: str) -> str:
    """Return a question as Markdown, with its folded answer."""
    lines = [f"**Question {number}.** {question['text']}", ""]
    if "history" in question:
        lines += [history(question["history"]), ""]
    if "choices" in question:
        letters = dict(zip("abcdef", question["choices"], strict=False))
        lines += [f"- ({letter}) {choice['text']}" for letter, choice in letters.items()]
        answer = [
            f"- **({letter}) Yes.** {choice['why']}"
            if choice.get("right")
            else f"- ({letter}) No. {choice['why']}"
            for letter, choice in letters.items()
        ]
    else:
        lines += ["*Answer in a word or a number.*"]
        answer = [f"- **{question['answers'][0]}.** {question['why']}"]
        answer += [f"- Not {wrong['answers'][0]}. {wrong['why']}" for wrong in question["remarks"]]
    summary = f'<details class="answer"><summary>Answer {number}</summary>'
    see = f"See {seen(question, place)}."
    return "\n".join([*lines, "", summary, "", *answer, "", see, "", "</details>"])


def section(number: str) -> str:
    """Return the section *Questions* of a lesson."""
    texts = [asked(q, n, number) for n, q in enumerate(load()["lessons"][number], 1)]
    for numeral, (name, last) in parts().items():
        if number == last:
            link = f"[its quiz](../book/quizzes.md#{slugify(f'Part {numeral}: {name}')})"
            texts.append(f"This was the last lesson of part {numeral}. Now take {link}.")
    return "\n\n".join(["## Questions", INTRO, *texts])


def update(notebook: nbformat.NotebookNode, text: str) -> None:
    """Put the questions before the sources, in a cell whose id stays."""
    cells = [cell for cell in notebook.cells if "questions" not in cell.metadata.get("tags", [])]
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith("## Sources"))
    cell = new_markdown_cell(text, id="questions", metadata={"tags": ["questions"]})
    notebook.cells = [*cells[:place], cell, *cells[place:]]


def quizzes() -> str:
    """Return the page of the quizzes."""
    texts = [PAGE.rstrip()]
    for numeral, (name, _) in parts().items():
        texts.append(f"## Part {numeral}: {name}")
        texts += [asked(q, n, numeral) for n, q in enumerate(load()["parts"][numeral], 1)]
    return "\n\n".join(texts) + "\n"


# --- Moodle ---------------------------------------------------------------------------------------


def html(markdown: str) -> str:
    r"""Return Markdown as HTML with its formulas between \( and \), which Moodle shows."""
    md = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    md.add_render_rule(
        "math_inline", lambda self, tokens, n, *_: rf"\({escape(tokens[n].content)}\)"
    )
    return md.render(markdown).strip()


def add(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """Add an element that holds its text in an element of its own, as Moodle wants it."""
    element = ET.SubElement(parent, tag, attributes)
    ET.SubElement(element, "text").text = text
    return element


def add_question(quiz: ET.Element, question: dict, name: str) -> None:
    """Add a question with its answers, and feedback on each of them."""
    kind = "multichoice" if "choices" in question else "shortanswer"
    item = ET.SubElement(quiz, "question", type=kind)
    number, _, anchor = question["see"].partition("#")
    see = f"See chapter {number}, {headings(lessons()[number])[anchor]}."
    add(item, "name", name)
    told = [question["text"], *([history(question["history"])] if "history" in question else [])]
    add(item, "questiontext", html("\n\n".join(told)), format="html")
    add(item, "generalfeedback", html(see), format="html")
    settings = {"defaultgrade": "1", "penalty": "0.3333333", "hidden": "0", "idnumber": name}
    if kind == "multichoice":
        settings |= {"single": "true", "shuffleanswers": "true", "answernumbering": "abc"}
        answers = [
            (html(c["text"]), "html", c["why"], c.get("right", False)) for c in question["choices"]
        ]
    else:
        settings |= {"usecase": "0"}
        told = [(text, question["why"], True) for text in question["answers"]]
        told += [(text, r["why"], False) for r in question["remarks"] for text in r["answers"]]
        # a star would stand for any text
        answers = [(t.replace("*", r"\*"), "moodle_auto_format", why, ok) for t, why, ok in told]
        others = f"The answer is: {question['answers'][0]}. {question['why']}"
        answers.append(("*", "moodle_auto_format", others, False))
    for tag, value in settings.items():
        ET.SubElement(item, tag).text = value
    for text, form, why, right in answers:
        answer = add(item, "answer", text, fraction="100" if right else "0", format=form)
        add(answer, "feedback", html(why), format="html")


def moodle() -> bytes:
    """Return all questions as one file for Moodle."""
    quiz, told = ET.Element("quiz"), load()
    titles = {number: headings(path) for number, path in lessons().items()}
    places = [(number, next(iter(titles[number].values())), told["lessons"]) for number in titles]
    places += [(n, f"{n} · Quiz: {name}", told["parts"]) for n, (name, _) in parts().items()]
    for place, title, questions in places:
        category = ET.SubElement(quiz, "question", type="category")
        path = f"$course$/top/{BOOK}/{title.replace('/', '//')}"  # one stroke would end the name
        add(category, "category", path)
        for question in questions[place]:
            add_question(quiz, question, f"{place}-{question['id']}")
    ET.indent(quiz)
    return ET.tostring(quiz, encoding="UTF-8", xml_declaration=True) + b"\n"


def main() -> None:
    """Write the lessons' sections, the quizzes, and the file for Moodle."""
    for number, path in lessons().items():
        notebook = nbformat.read(path, as_version=4)
        update(notebook, section(number))
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    QUIZZES.write_text(quizzes(), encoding="utf-8")
    MOODLE.parent.mkdir(parents=True, exist_ok=True)
    MOODLE.write_bytes(moodle())
    print(f"For Moodle: {MOODLE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
