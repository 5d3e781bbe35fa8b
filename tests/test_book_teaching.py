"""The teacher's page: its plans add up, its order keeps the prerequisites, its names are there."""

import re
import shutil
from pathlib import Path

import built_book
import pytest
import teaching
from bs4 import BeautifulSoup
from mdit_py_plugins.anchors.index import slugify

import notebooks
from tools import class_check

ROOT = Path(__file__).resolve().parent.parent

PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
#: pixels that a letter of the graph takes on average, with a margin
LETTER = 7.6


def notebook(name):
    return notebooks.read(ROOT / "notebooks" / f"{name}.ipynb")


def section(title, page=PAGE):
    """Return the text under a heading, up to the next one of its level or above."""
    level, found = re.search(rf"^(#+) {re.escape(title)}$", page, re.MULTILINE), page
    found = page[level.end() :]
    return re.split(rf"^#{{1,{len(level[1])}}} ", found, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """Return the first table of a text: a list of cells for each row, the head among them."""
    table = re.search(r"(^\|.*\n)+", text, re.MULTILINE)[0]
    cells = [[c.strip() for c in line[1:-1].split("|")] for line in table.splitlines()]
    return [row for row in cells if not set("".join(row)) <= set("-:")]


def prose(stem):
    cells = notebook(stem)["cells"]
    return "\n".join(notebooks.text(c) for c in cells if c["cell_type"] == "markdown")


# --- Minutes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "minutes"),
    [("90 minutes at the screen", 90), ("Three hours at the keyboard", 180)],
)
def test_a_plan_adds_up(title, minutes):
    assert sum(int(row[0]) for row in rows(section(title))[1:]) == minutes


def test_the_weeks_add_up():
    head, *weeks, total = rows(section("Six weeks with a project"))
    place = head.index("Minutes in class")
    assert [week[0] for week in weeks] == list("123456")
    assert sum(int(week[place]) for week in weeks) == int(total[place]) == 6 * 90
    place = head.index("Minutes")
    marks = [re.findall(r"\d\d", week[place]) for week in weeks]
    assert marks[0] == [] and weeks[0][place] == "0"
    for week, mark in zip(weeks, marks, strict=True):  # the sum is of the chapters of its row
        assert re.findall(r"\[(\d\d)\]", week[1]) == mark
    assert re.findall(r"\d\d", total[place]) == sum(marks, [])


def test_what_is_done_in_a_week_fills_its_class():
    for week in rows(section("Six weeks with a project"))[2:-1]:
        assert sum(map(int, re.findall(r"\((\d+)\)", week[3]))) == int(week[4]), week[0]


def test_what_can_be_left_out_is_as_long_as_the_page_says():
    plan = section("90 minutes at the screen")
    said = re.search(r"leave out (.*?): that is a quarter of an hour", plan)[1]
    long = {re.search(r"\[(.*?)\]", row[1])[1]: int(row[0]) for row in rows(plan)[1:]}
    assert sum(long[name] for name in re.findall(r"\*(.+?)\*", said)) == 15


def test_minutes_are_those_of_the_heads():
    read, run = (teaching.minutes(ROOT, kind, ["04", "02"]) for kind in ("read", "run"))
    found = [notebook(name) for name in ("04_vanilla_gan", "02_adversarial_game")]
    assert read == sum(map(notebooks.reading_minutes, found))
    assert run == sum(map(notebooks.running_minutes, found))
    text = "<!-- read 04 02 -->, <!-- run 04 02 -->, <!-- both 04 02 -->"
    assert teaching.filled(ROOT, text) == f"{read}, {run}, {read + run}"


# --- Prerequisites --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "needed", "helpful"),
    [
        ("do [chapter 04](04_vanilla_gan.ipynb), which explains. You know densities.", ["04"], []),
        ("do [04](04_x.ipynb); the best D of [02](02_y.ipynb#best) helps.", ["04"], ["02"]),
        ("you have seen [04](04_x.ipynb), the game, and [09](09_y.ipynb).", ["04", "09"], []),
        ("you have used Keras. [Chapter 04](04_x.ipynb) explains the end.", [], ["04"]),
        ("you have trained a classifier in Keras.", [], []),
        ("do [04](04_x.ipynb). In a hurry, go to [the page](../book/help.md).", ["04"], []),
    ],
)
def test_a_line_is_read(line, needed, helpful):
    assert teaching.asks_for(line) == (needed, helpful)


def test_the_graph_knows_every_lesson():
    graph = teaching.edges(ROOT)
    lessons = {p.name[:2] for p in ROOT.glob("notebooks/*.ipynb") if p.name[:2].isdigit()}
    assert graph.keys() == lessons
    assert [number for number, _ in sorted(teaching.places(graph))] == sorted(lessons)


def unmet(page, graph):
    """Return (week, chapter, what it needs) wherever a week comes before what it builds on."""
    done, found = set(), []
    for week in rows(section("Six weeks with a project", page))[1:-1]:
        chapters = re.findall(r"\[(\d\d)\]", week[1])
        done |= set(chapters)
        found += [(week[0], c, n) for c in chapters for n in graph[c][0] if n not in done]
    return found


@pytest.fixture
def changed(tmp_path):
    """A function that copies the notebooks, one line of one of them changed."""

    def changed(stem, old, new):
        shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
        path = tmp_path / "notebooks" / f"{stem}.ipynb"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return tmp_path

    return changed


def test_the_weeks_keep_the_order():
    assert unmet(PAGE, teaching.edges(ROOT)) == []


def test_a_changed_line_changes_the_graph_and_is_noticed(changed):
    link = "do [chapter 02](02_adversarial_game.ipynb)"
    copy = changed("03_two_dimensions", link, "do [chapter 12](12_evaluating.ipynb)")
    assert teaching.edges(copy)["03"] == (["12"], []) != teaching.edges(ROOT)["03"]
    assert teaching.drawing(copy) != teaching.drawing(ROOT)
    assert unmet(PAGE, teaching.edges(copy)) == [("3", "03", "12")]


def test_a_line_that_is_lost_or_senseless_is_an_error(changed):
    copy = changed("03_two_dimensions", "**Before you start**", "**Before**")
    with pytest.raises(ValueError, match="03_two_dimensions.* has no line"):
        teaching.edges(copy)
    with pytest.raises(ValueError, match="a circle: 04 needs 02 needs 04"):
        teaching.before({"04": (["02"], []), "02": (["04"], [])}, "04")


def test_what_follows_is_not_drawn():
    graph = {"04": ([], []), "09": (["04"], []), "11": (["04", "09"], []), "10": (["09"], ["04"])}
    assert teaching.reduced(graph) == graph | {"11": (["09"], []), "10": (["09"], [])}


def test_every_name_fits_into_its_box():
    graph = teaching.reduced(teaching.edges(ROOT))
    for number, depth in teaching.places(graph):
        words = notebooks.title(notebooks.read(teaching.lessons(ROOT)[number])).partition(",")[0]
        assert LETTER * len(words) + teaching.STEP * depth + 10 < teaching.EDGE, words


# --- Names ----------------------------------------------------------------------------------------


def test_sections_that_the_page_names_are_there():
    links = re.findall(r"\]\(\.\./notebooks/(\w+)\.ipynb#([\w-]+)\)", PAGE)
    assert len(links) > 60
    slugs = {stem: set(map(slugify, headings(stem))) for stem in {stem for stem, _ in links}}
    assert [(stem, slug) for stem, slug in links if slug not in slugs[stem]] == []


def headings(stem):
    return re.findall(r"^#{1,3} (.+)$", prose(stem), re.MULTILINE)


def wrong_exercises(page):
    """Return the exercises that a page names by number and title, and that are called otherwise."""
    named = r"(\d\d), exercise (\d), ([^][|]+)\]\(\.\./notebooks/(\w+)\.ipynb#exercises\)"
    found = re.findall(named, page)
    assert len(found) > 9
    return [
        (number, place, title)
        for number, place, title, stem in found
        if not stem.startswith(number)
        or not re.search(rf"^\*\*{place}\. {re.escape(title)}\.?\*\*", prose(stem), re.MULTILINE)
    ]


def test_exercises_that_the_page_names_are_called_so():
    assert wrong_exercises(PAGE) == []
    spoiled = PAGE.replace("exercise 3, The flat start", "exercise 3, The flat end")
    assert wrong_exercises(spoiled) == [("04", "3", "The flat end")]


def test_every_outcome_has_a_verb_a_section_and_an_exercise():
    for row in rows(section("What students can do afterwards"))[1:]:
        assert row[0].startswith("**") and "](" in row[1] and ", exercise " in row[2], row


@pytest.mark.parametrize("stem", ["04_vanilla_gan", "09_dcgan_mnist"])
def test_the_lines_for_those_who_fall_behind_are_the_lessons_own(stem):
    blocks = re.findall(r"```python\n(.*?)```", section("If you fall behind"), re.DOTALL)
    code = ["".join(cell["source"]) for cell in notebook(stem)["cells"]]
    quoted = [block for block in blocks if any(block.strip() in cell for cell in code)]
    assert len(blocks) == 2 and len(quoted) == 1 and "recipes.pretrained" in quoted[0]


def test_the_rubric_has_four_criteria_and_three_levels():
    head, *criteria = rows(section("The project").partition("To hand in")[2])
    levels = [len([cell for cell in row if cell]) for row in criteria]
    assert len(head) == 4 and levels == [4, 4, 4, 4]


def test_the_page_names_the_lines_of_the_check():
    said = [row[0] for row in rows(section("The day before"))[1:]]
    source = Path(class_check.__file__).read_text(encoding="utf-8")
    printed = re.findall(r'Line\("(.+?)"', source)
    assert said == list(dict.fromkeys(printed))


def test_the_version_to_name_is_the_one_at_the_top_of_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    top = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)[1]
    assert f"*{top}* today" in PAGE
    releases = re.findall(r"^## \[\d", changelog, re.MULTILINE)
    assert bool(releases) != ("none has been made yet" in PAGE)


# --- The built page -------------------------------------------------------------------------------


def test_the_built_page_shows_the_graph_in_a_picture_and_in_words():
    built_book.build()
    page = (built_book.HTML / "book" / "teaching.html").read_text(encoding="utf-8")
    article = BeautifulSoup(page, "html.parser").article
    drawn = article.select_one("svg.prerequisites")
    assert drawn["role"] == "img" and "table below" in drawn["aria-label"]
    graph = teaching.edges(ROOT)
    assert len(drawn.select("rect")) == len(graph)
    table = drawn.find_next("table")
    said = [[cell.get_text(strip=True) for cell in row("td")] for row in table.select("tbody tr")]
    for (number, (needed, helpful)), row in zip(graph.items(), said, strict=True):
        assert row[0].startswith(number)
        assert row[1:3] == [", ".join(needed) or "–", ", ".join(helpful) or "–"]
        assert row[3] == str(teaching.minutes(ROOT, "read", [number]))
    assert not re.search(r"<!-- (read|run|both|prerequisites)", str(article))


def test_the_first_page_leads_to_the_teachers_page():
    for name in ("book/index.md", "README.md"):
        assert "teaching.md)" in (ROOT / name).read_text(encoding="utf-8"), name
