"""The chapters keep the book's conventions, and notebooks fail in pytest the way they should."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import roles

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
#: notebooks that show results and teach nothing: what a lesson must have, they need not
NO_LESSONS = {path.stem for path in NOTEBOOKS if path.stem.endswith("_evidence")}
LESSONS = [path for path in NOTEBOOKS if path.stem not in NO_LESSONS]
MAX_LINES = 20
PROMPT = "Show the solution"
MACHINE_PATH = re.compile(r"(?:/(?:home|root|Users|tmp|private)/|[A-Z]:\\Users\\)\w")
SHELL = re.compile(
    r"^\s*!|^\s*\w+\s*=\s*!|^\s*%%?(?:bash|sh|script|system|sx|cmd)\b|os\.(?:system|popen|exec|spawn)"
    r"|subprocess|get_ipython\(\)\.(?:system|getoutput)|^\s*%(?:pip|conda|mamba)\b",
    re.MULTILINE,
)
RAW = re.compile(r"^\s*(?:`{3,}|:{3,}|~{3,})\{|\{[a-z][\w:-]*\}`|\[!\w+\]", re.MULTILINE)
EXERCISE = re.compile(r"^(?:#{3,} |\d+\. |\*\*\d+\. |\*\*Exercise)", re.MULTILINE)


def tags(cell):
    return cell.metadata.get("tags", [])


def text_of(outputs):
    """All text in a cell's outputs, without the images."""
    bundles = [
        {"text": output.get("text", "")} | dict(output.get("data", {})) for output in outputs
    ]
    return "\n".join(str(v) for b in bundles for k, v in b.items() if not k.startswith("image/"))


def problems_of_a_lesson(prose, code, evidence=False):
    """Say what a lesson lacks: its frame, and exercises with their solutions.

    What was measured stands in its evidence, if it has one.
    """
    found = []
    for words in ("You will learn", "Before you start", "Time"):
        if f"**{words}" not in prose:
            found.append(f"must say **{words}**")
    sections = dict(re.findall(r"^## (.*?) *\n(.*?)(?=^## |\Z)", prose, re.DOTALL | re.MULTILINE))
    for words in ("What we measured", "Summary", "Exercises", "Sources"):
        if words not in sections and not (evidence and words == "What we measured"):
            found.append(f"must have a section {words}")
    if len(EXERCISE.findall(sections.get("Exercises", ""))) < 3:
        found.append("must have three exercises")
    if sum("solution" in tags(cell) for cell in code) < 3:
        found.append("must have three cells tagged solution")
    return found


def problems(notebook, size=0, lesson=True, evidence=False):
    """Say in what a notebook breaks the conventions."""
    markdown = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = "\n\n".join(cell.source for cell in markdown)
    prose = re.sub(r"^```.*?^```", "", prose, flags=re.DOTALL | re.MULTILINE) if markdown else ""
    found = problems_of_a_lesson(prose, code, evidence) if lesson else []

    if len(re.findall(r"^# ", prose, re.MULTILINE)) != 1:
        found.append("must have one H1")
    for cell in [cell for cell in code if "solution" in tags(cell)]:
        if "hide-cell" not in tags(cell) or not re.search(
            r"^\s*(?:assert |runtime\.expect\()", cell.source, re.MULTILINE
        ):
            found.append("a solution must assert something and be tagged hide-cell")
        if cell.metadata.get("mystnb", {}).get("code_prompt_show") != PROMPT:
            found.append(f"a solution must be folded under the words {PROMPT!r}")

    if any(RAW.search(cell.source) for cell in markdown):
        found.append("Markdown cells must be plain: MyST and `[!NOTE]` show as raw text")
    for number, cell in enumerate(code, 1):
        where = f"code cell {number}"
        lines = [line for line in cell.source.splitlines() if line.strip()]
        lines = lines[bool(roles.TITLE.match(cell.source)) :]  # what stands for the folded code
        if len(lines) > MAX_LINES:
            found.append(f"{where} has {len(lines)} lines, more than {MAX_LINES}")
        source = cell.source.replace("%pip install", "") if "colab" in tags(cell) else cell.source
        if SHELL.search(source):
            found.append(f"{where} calls the shell")
        if cell.execution_count != number:
            found.append(f"{where} was run as number {cell.execution_count}")
        if any(output.output_type == "error" for output in cell.outputs):
            found.append(f"{where} ends in an error")
        if MACHINE_PATH.search(text_of(cell.outputs)):
            found.append(f"{where} shows a path of the machine it ran on")
        if "widget" in "".join(mime for o in cell.outputs for mime in o.get("data", {})):
            found.append(f"{where} holds a widget")
        if any(mime.startswith("image/") for o in cell.outputs for mime in o.get("data", {})):
            figure = cell.metadata.get("mystnb", {})
            if len(figure.get("image", {}).get("alt", "").split()) < 4:  # a placeholder is no text
                found.append(f"{where} shows a picture without alt text")
            if not figure.get("figure", {}).get("caption"):
                found.append(f"{where} shows a picture without a caption")
        for figure in re.findall(r"<figure.*?</figure>", text_of(cell.outputs), re.DOTALL):
            if not re.search(r'<img[^>]* alt="[^"]', figure):
                found.append(f"{where} shows a figure without alt text")
            if not re.search(r"<figcaption>[^<]", figure):
                found.append(f"{where} shows a figure without a caption")
    if "widgets" in notebook.metadata:
        found.append("must hold no widget state")
    if size >= 3_000_000:
        found.append(f"has {size / 1e6:.1f} MB, more than 3")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebook_keeps_the_conventions(path):
    notebook = nbformat.read(path, as_version=4)
    evidence = path.with_name(f"{path.stem[:2]}_evidence.ipynb").exists()
    found = problems(notebook, path.stat().st_size, path in LESSONS, evidence)
    assert not found, "\n".join(found)


def wrong_time(prose, stamp):
    """Say in what the **Time** line at the top differs from the stamped run; empty if it agrees."""
    line = re.search(r"\*\*Time\*\*: .*?(\d+) minutes? to run on .*?\((.*?)\)", prose)
    if not line:
        return "says no time as `**Time**: … N minutes to run on … (processor)`"
    minutes, processor = int(line[1]), line[2]
    if not minutes - 1.5 <= stamp["seconds"] / 60 <= minutes + 0.5:
        return f"says {minutes} minutes, and took {stamp['seconds']:.0f} seconds"
    device = stamp["device"].replace("(R)", "")  # Intel(R) Xeon(R)
    return "" if processor in device else f"ran on {stamp['device']}, not on {processor}"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_time_at_the_top_is_the_time_measured(path):
    notebook = nbformat.read(path, as_version=4)
    assert wrong_time(notebook.cells[0].source, notebook.metadata.gan_utils) == ""


def test_wrong_time_is_noticed():
    prose, device = "**Time**: 5 minutes to read; 3 minutes to run on 2 cores (X).", "X, 2 cores"
    assert wrong_time(prose, {"seconds": 130, "device": device}) == ""
    assert "took 260 seconds" in wrong_time(prose, {"seconds": 260, "device": device})
    assert "ran on Y" in wrong_time(prose, {"seconds": 130, "device": "Y, 2 cores"})
    assert "no time" in wrong_time("**Time**: short.", {"seconds": 130, "device": device})


# Each of these checks can fail

PROSE = """\
# A title

**You will learn** much. **Before you start**, read. **Time**: a second.

## What we measured

Nothing.

## Summary

Short.

## Exercises

1. One
2. Two
3. Three

## Sources

None.
"""


def chapter():
    """A small notebook without a fault."""
    png = new_output("display_data", data={"image/png": "aGVsbG8="})
    figure = {
        "image": {"alt": "A small black dot"},
        "figure": {"caption": "A dot.", "name": "fig-dot"},
    }
    cells = [
        new_markdown_cell(PROSE),
        new_code_cell("%pip install -q x", metadata={"tags": ["colab"]}, execution_count=1),
        new_code_cell("x = 1\nx", execution_count=2, metadata={"mystnb": figure}, outputs=[png]),
    ]
    for number in (3, 4, 5):
        solved = {"tags": ["solution", "hide-cell"], "mystnb": {"code_prompt_show": PROMPT}}
        cells.append(new_code_cell("assert x == 1", execution_count=number, metadata=solved))
    return new_notebook(cells=cells)


def test_a_chapter_without_fault_passes():
    assert problems(chapter()) == []


def test_what_is_no_lesson_needs_no_exercises_and_keeps_the_rest():
    notebook = new_notebook(cells=[new_markdown_cell("# A title"), *chapter().cells[1:3]])
    assert problems(notebook) != [] and problems(notebook, lesson=False) == []
    del notebook.cells[2].metadata["mystnb"]["image"]
    assert "without alt text" in problems(notebook, lesson=False)[0]
    assert "sources_evidence" in NO_LESSONS


def test_a_lesson_with_its_evidence_needs_no_table_of_what_was_measured():
    notebook = chapter()
    notebook.cells[0].source = PROSE.replace("## What we measured", "## More")
    assert problems(notebook) == ["must have a section What we measured"]
    assert problems(notebook, evidence=True) == []


PROSE_FAULTS = {
    "# A title": "must have one H1",
    "**You will learn**": "You will learn",
    "**Before you start**": "Before you start",
    "**Time**": "Time",
    "## What we measured": "What we measured",
    "## Summary": "Summary",
    "## Exercises": "Exercises",
    "## Sources": "Sources",
    "3. Three": "three exercises",
}


@pytest.mark.parametrize("words", PROSE_FAULTS)
def test_missing_prose_is_found(words):
    notebook = chapter()
    notebook.cells[0].source = PROSE.replace(words, "")
    assert any(PROSE_FAULTS[words] in problem for problem in problems(notebook))


@pytest.mark.parametrize(
    "source",
    [
        "!ls",
        "files = !ls",
        "if x:\n    !ls",
        "%%bash\nls",
        "%%sh\nls",
        "%%script python\n1",
        "%sx ls",
        "import os; os.system('ls')",
        "import subprocess",
        "%pip install x",
    ],
)
def test_a_shell_call_is_found(source):
    notebook = chapter()
    notebook.cells[2].source = source
    assert problems(notebook) == ["code cell 2 calls the shell"]


@pytest.mark.parametrize("source", ["x != 1", "print('done!')", "y = not x", "# don't!"])
def test_what_only_looks_like_a_shell_call_passes(source):
    notebook = chapter()
    notebook.cells[2].source = source
    assert problems(notebook) == []


@pytest.mark.parametrize(
    "source",
    ["```{note}\nx\n```", ":::{note}\nx\n:::", "see {ref}`x`", "{eq}`a`", "> [!NOTE]\n> x"],
)
def test_raw_markup_is_found(source):
    notebook = chapter()
    notebook.cells.append(new_markdown_cell(source))
    assert "MyST" in problems(notebook)[0]


def _no_alt(notebook):
    del notebook.cells[2].metadata["mystnb"]["image"]


def _placeholder_alt(notebook):
    notebook.cells[2].metadata["mystnb"]["image"]["alt"] = "ALT-GRID"


def _no_caption(notebook):
    del notebook.cells[2].metadata["mystnb"]["figure"]


def _bare_html_figure(notebook):
    data = {"text/html": '<figure><img alt="" src="x"></figure>'}
    notebook.cells[3].outputs = [new_output("display_data", data=data)]


def _second_title(notebook):
    notebook.cells.append(new_markdown_cell("# Another"))


def _long_cell(notebook):
    notebook.cells[2].source = "x = 1\n" * (MAX_LINES + 1)


def _not_run(notebook):
    notebook.cells[2].execution_count = None


def _wrong_order(notebook):
    notebook.cells[2].execution_count, notebook.cells[3].execution_count = 3, 2


def _error(notebook):
    notebook.cells[3].outputs = [new_output("error", ename="E", evalue="e", traceback=[])]


def _path(notebook):
    notebook.cells[3].outputs = [new_output("stream", text="in /ho" + "me/ann/x")]


def _widget(notebook):
    data = {"application/vnd.jupyter.widget-view+json": {}}
    notebook.cells[3].outputs = [new_output("display_data", data=data)]


def _widget_state(notebook):
    notebook.metadata["widgets"] = {}


def _solution_without_assert(notebook):
    notebook.cells[3].source = "x == 1"


def _open_solution(notebook):
    notebook.cells[3].metadata["tags"] = ["solution"]


def _solution_without_prompt(notebook):
    del notebook.cells[3].metadata["mystnb"]


def _too_few_solutions(notebook):
    notebook.cells[3].metadata["tags"] = []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_alt, "without alt text"),
        (_placeholder_alt, "without alt text"),
        (_no_caption, "without a caption"),
        (_bare_html_figure, "figure without alt text"),
        (_bare_html_figure, "figure without a caption"),
        (_second_title, "one H1"),
        (_long_cell, "more than 20"),
        (_not_run, "run as number None"),
        (_wrong_order, "run as number 3"),
        (_error, "ends in an error"),
        (_path, "path of the machine"),
        (_widget, "holds a widget"),
        (_widget_state, "no widget state"),
        (_solution_without_assert, "assert something"),
        (_open_solution, "tagged hide-cell"),
        (_solution_without_prompt, "folded under the words"),
        (_too_few_solutions, "three cells tagged solution"),
    ],
)
def test_a_fault_is_found(spoil, words):
    notebook = chapter()
    spoil(notebook)
    assert any(words in problem for problem in problems(notebook))


def test_a_heavy_notebook_is_found():
    assert "MB" in problems(chapter(), size=3_000_000)[0]


# How a notebook fails under pytest


def run_cells(folder, *cells, timeout=5):
    """Run a throw-away notebook as `pytest` runs ours; return its output and the seconds."""
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    nbformat.write(new_notebook(cells=[new_code_cell(c) for c in cells]), folder / "x.ipynb")
    command = [sys.executable, "-m", "pytest", "x.ipynb", "-rs", "-n0", "-p", "no:cacheprovider"]
    start = time.monotonic()
    run = subprocess.run(
        [*command, f"--nbval-cell-timeout={timeout}"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "GAN_BOOK_PROFILE")},
    )
    return run.stdout, time.monotonic() - start


def test_a_notebook_stops_at_its_first_failing_cell(tmp_path):
    later = "open('later', 'w')"
    output, _ = run_cells(tmp_path, "x = 1", "1 / 0", later, later)
    assert "1 failed, 1 passed, 2 skipped" in output
    assert "ZeroDivisionError" in output
    assert "Cell 1 of this notebook failed" in output
    assert not (tmp_path / "later").exists()


def test_a_killed_kernel_is_noticed(tmp_path):
    """Without our help nbval would wait for the whole of the cell's limit, here ten minutes."""
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    output, seconds = run_cells(tmp_path, "x = 1", kill, "x", timeout=600)
    assert "1 failed, 1 passed, 1 skipped" in output
    assert "The kernel died" in output
    assert seconds < 60


def test_a_cell_that_never_ends_is_stopped(tmp_path):
    """Not even one that ignores the interrupt, within a minute of its limit."""
    endless = (
        "import time\nwhile True:\n    try:\n        time.sleep(1)\n"
        "    except KeyboardInterrupt:\n        pass"
    )
    output, seconds = run_cells(tmp_path, endless, "x = 1", timeout=2)
    assert "1 failed, 1 skipped" in output
    assert seconds < 2 + 60


def test_notebooks_run_in_the_quick_profile(tmp_path):
    """Because conftest.py says so, not because the variable is set around the test."""
    output, _ = run_cells(tmp_path, "import os\nassert os.environ['GAN_BOOK_PROFILE'] == 'quick'")
    assert "1 passed" in output
