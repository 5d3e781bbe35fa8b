"""How long, how dense and how soon rewarding each chapter is: from its notebook and its built page.

    python -m tools.measure_lessons                     # all chapters, pages of _build/html
    python -m tools.measure_lessons 02_ 04_ --no-page   # these, without a browser

A star marks what is over the budget of a lesson. Of the notebook:

- words: of prose, without formulas, code and link targets, before the exercises; later: from there;
- code: lines open on the page; report: those of them in statements that draw, tabulate or print;
- numbers, intervals: in what cells print and in their tables, without solutions.

Of the page at 1280 x 900, in screens: lesson, up to the exercises; screens, all of it; picture, the
first one's upper edge; and result, how far down the first result of the reader's own code stands,
as a share of the page. A picture is whatever is wider than 120 pixels.
"""

import argparse
import ast
import re
from pathlib import Path

import nbformat

from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
#: What a lesson may have at most, for each measure.
BUDGETS = {
    "words": 1800,
    "later": 1200,
    "code": 170,
    "report": 0.4,  # of the open lines
    "numbers": 70,
    "intervals": 3,
    "lesson": 16,
    "picture": 1,
    "result": 0.4,
    "seconds": 180,
}
#: Lessons that may pass one of them, and how far: 10 trains on photographs, and 04 for eighty
#: epochs, so that the page can show a collapse and its end.
PASSED = {
    "04_vanilla_gan": {"seconds": 270},
    "10_dcgan_cifar10": {"seconds": 480},
    # on a machine two to three times slower than most others'
    "14_conditional": {"seconds": 560},
}
FOLDED = {"colab", "set-up", "draw", "claim", "solution"}  # roles whose code the page folds
REPORTS = re.compile(r"\bplots\.|\bplt\.|\bprint\(|\bMarkdown\(|\baxes\b|\bfigure\b|\bfilm\.")
EXERCISES = re.compile(r"^## (Exercises|Questions)", re.MULTILINE)
NO_PROSE = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|!\[.*?\]\([^)]*\)|\]\([^)]*\)|<!--.*?-->|<[^>]+>", re.DOTALL
)
PAGE = """() => {
  const all = selector => [...document.querySelectorAll(`article ${selector}`)];
  const top = e => e ? (e.getBoundingClientRect().top + scrollY) : null;
  const heading = all("h2").find(e => /^[\\d.\\s]*(Exercises|Questions)/.test(e.textContent));
  const picture = all("img, svg, canvas, video").find(e => e.getBoundingClientRect().width > 120);
  const height = document.documentElement.scrollHeight;
  const result = document.querySelector("article .tag_result .cell_output");
  return {lesson: heading ? top(heading) / 900 : null, screens: height / 900,
          picture: picture ? top(picture) / 900 : null,
          result: result ? top(result) / height : null};
}"""


def words(markdown: str) -> int:
    """Count the words of prose in Markdown."""
    return len(re.findall(r"[A-Za-z][A-Za-z'’-]*", NO_PROSE.sub(" ", markdown)))


def open_lines(source: str) -> tuple[int, int]:
    """Count the lines of a cell that are not empty, and those of them that report a result."""
    lines = source.splitlines()
    count = sum(bool(line.strip()) for line in lines)
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # a magic
        return count, count if REPORTS.search(source) else 0
    report = 0
    for statement in statements:
        part = lines[statement.lineno - 1 : statement.end_lineno]
        if not isinstance(statement, ast.Import | ast.ImportFrom) and REPORTS.search(
            "\n".join(part)
        ):
            report += sum(bool(line.strip()) for line in part)
    return count, report


def printed(outputs: list) -> str:
    """Return what a reader reads in a cell's outputs: text, sentences and tables, no pictures."""
    texts = []
    for output in outputs:
        content = output.get("data", {})
        texts += [output.get("text", ""), content.get("text/markdown", "")]
        if "<table" in content.get("text/html", ""):
            texts.append(re.sub(r"<[^>]+>", " ", content["text/html"]))
    return "\n".join(texts)


def measure_notebook(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """Return the measures that need no page."""
    row = dict.fromkeys(("words", "later", "code", "report", "numbers", "intervals"), 0)
    place = "words"
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown":
            before, *after = EXERCISES.split(cell.source, maxsplit=1)
            row[place] += words(before)
            if after:
                place = "later"
                row[place] += words(after[-1])
            continue
        if cell.cell_type != "code" or "solution" in tags:
            continue
        text = printed(cell.get("outputs", []))
        row["numbers"] += len(re.findall(r"(?<![\w.])[-+−]?\d[\d,.]*%?", text))
        row["intervals"] += len(re.findall(r"\([-+−]?[\d.,]+%? to [-+−]?[\d.,]+", text))
        if not tags & FOLDED:
            count, report = open_lines(cell.source)
            row["code"] += count
            row["report"] += report
    row["report"] = round(row["report"] / max(row["code"], 1), 2)
    seconds = notebook.metadata.get("gan_utils", {}).get("seconds")
    return row | ({"seconds": seconds} if seconds else {})


def measure_pages(names: list[str], html: Path = ROOT / "_build" / "html") -> dict[str, dict]:
    """Return what a browser measures of the built pages of these notebooks, for each of them.

    Pages that are not built are left out; so are all, where there is no browser.
    """
    from playwright.sync_api import sync_playwright

    if chromium.find() is None:
        return {}
    found = {}
    with sync_playwright() as playwright:
        options = {"executable_path": chromium.find(), "args": chromium.flags()}
        browser = playwright.chromium.launch(**options)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name in names:
            file = html / "notebooks" / f"{name}.html"
            if file.is_file():
                page.goto(file.as_uri())
                page.wait_for_timeout(300)
                values = page.evaluate(PAGE)
                found[name] = {k: round(v, 2) for k, v in values.items() if v is not None}
        browser.close()
    return found


def excess(row: dict[str, float], lesson: str = "") -> list[str]:
    """Say which measures of a lesson are over their budgets."""
    budgets = BUDGETS | PASSED.get(lesson, {})
    over = [name for name, most in budgets.items() if row.get(name, 0) > most]
    return [f"{name} {row[name]}, at most {budgets[name]}" for name in over]


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each notebook."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 04_; default: all")
    parser.add_argument("--no-page", action="store_true", help="do without a browser")
    options = parser.parse_args(arguments)
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    starts = tuple(options.names) or ("",)
    rows = {
        path.stem: measure_notebook(nbformat.read(path, as_version=4))
        for path in paths
        if path.stem.startswith(starts)
    }
    if not options.no_page:
        for name, page in measure_pages(list(rows)).items():
            rows[name] |= page
    columns = [*BUDGETS, "screens"]
    print(f"{'':24}" + "".join(f"{name:>11}" for name in columns))
    for name, row in rows.items():
        most = BUDGETS | PASSED.get(name, {})
        values = [
            f"{row.get(c, '-')}{'*' if row.get(c, 0) > most.get(c, 1e9) else ''}" for c in columns
        ]
        print(f"{name[:23]:24}" + "".join(f"{value:>11}" for value in values))


if __name__ == "__main__":
    main()
