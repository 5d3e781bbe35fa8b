"""Questions are typed once, and are sound: one right choice, a reason for each, no giveaway."""

import copy
import xml.etree.ElementTree as ET

import built_book
import nbformat
import pytest

from tools import questions

PLACES = {place: asked for kind in questions.load().values() for place, asked in kind.items()}
ALL = [q for asked in PLACES.values() for q in asked]


def problems(question):
    """Say what a question lacks."""
    found = []
    if "choices" in question:
        choices = question["choices"]
        if sum(choice.get("right", False) for choice in choices) != 1:
            found.append("must have one right choice")
        if not 3 <= len(choices) <= 4 or len({c["text"] for c in choices}) != len(choices):
            found.append("must have three or four different choices")
        told = choices
    else:
        told = [question, *question["remarks"]]
        texts = [text.lower() for part in told for text in part["answers"]]
        if len(set(texts)) != len(texts):
            found.append("an answer is accepted and refused, or stands twice")
        if not question["remarks"]:
            found.append("must explain a wrong answer")
    if any(len(part.get("why", "").split()) < 3 for part in told):
        found.append("every answer must be explained")
    number, _, anchor = question["see"].partition("#")
    if anchor not in questions.headings(questions.lessons()[number]):
        found.append(f"no section {question['see']}")
    return found


@pytest.mark.parametrize("place", PLACES)
def test_questions_are_sound(place):
    assert {q["id"]: problems(q) for q in PLACES[place] if problems(q)} == {}
    assert len({q["id"] for q in PLACES[place]}) == len(PLACES[place])


def test_every_lesson_has_five_and_every_part_of_several_a_quiz():
    told = questions.load()
    assert {n: len(asked) for n, asked in told["lessons"].items()} == dict.fromkeys(
        questions.lessons(), 5
    )
    assert told["parts"].keys() == questions.parts().keys() == {"I", "II", "III", "IV"}
    assert all(8 <= len(asked) <= 10 for asked in told["parts"].values())
    assert "## Part V" not in questions.quizzes(), "of one lesson, which has questions of its own"


def test_a_quiz_goes_across_the_chapters_of_its_part():
    first = 1
    for numeral, (_, last) in questions.parts().items():
        chapters = {q["see"][:2] for q in questions.load()["parts"][numeral]}
        assert {f"{n:02}" for n in range(first, int(last) + 1)} <= chapters, numeral
        first = int(last) + 1


def test_a_right_choice_is_not_known_by_its_place_or_length():
    choices = [q["choices"] for q in ALL if "choices" in q]
    places = [[c.get("right", False) for c in part].index(True) for part in choices]
    for place in range(3):
        assert 0.2 < places.count(place) / len(places) < 0.5, place
    for place, asked in PLACES.items():
        marks = [[c.get("right", False) for c in q["choices"]] for q in asked if "choices" in q]
        assert len({mark.index(True) for mark in marks}) > 1, place
    for extreme in (max, min):
        ends = [extreme(part, key=lambda choice: len(choice["text"])) for part in choices]
        right = [choice.get("right", False) for choice in ends]
        assert 0.15 < sum(right) / len(right) < 0.5, extreme.__name__


@pytest.mark.parametrize("number", questions.lessons())
def test_lessons_hold_what_the_tool_writes(number):
    notebook = nbformat.read(questions.lessons()[number], as_version=4)
    kept = copy.deepcopy(notebook)
    questions.update(notebook, questions.section(number))
    assert notebook == kept, "make questions"
    nbformat.validate(notebook)


def test_the_quizzes_are_what_the_tool_writes():
    assert questions.QUIZZES.read_text(encoding="utf-8") == questions.quizzes(), "make questions"


def test_the_last_lesson_of_a_part_leads_to_its_quiz():
    links = {n: "quizzes.md#part-" in questions.section(n) for n in questions.lessons()}
    assert [n for n, there in links.items() if there] == ["03", "07", "11", "13"]


def test_a_stored_run_stands_beside_healthy_ones():
    """What the case of part I says of fifty times, and that of part III of 4.2."""
    rows = [[cell.strip() for cell in line.split("|")] for line in questions.history(1).split("\n")]
    step = next(row for row in rows if "a step of $G$" in row)
    assert 45 < float(step[4]) / float(step[2]) < 55
    assert "| $D(G(z))$ | 0.015 |" in questions.history(12)
    assert "| loss of $G$ | 0.5 |" in questions.history(12)


# --- The file for Moodle --------------------------------------------------------------------------

READ = """async text => {
  const file = new DOMParser().parseFromString(text, "application/xml");
  const html = text => new DOMParser().parseFromString(text, "text/html").body;
  return {
    faults: [...file.querySelectorAll("parsererror")].map(e => e.textContent),
    categories: [...file.querySelectorAll("category > text")].map(e => e.textContent),
    questions: [...file.querySelectorAll("question:not([type=category])")].map(e => ({
      id: e.querySelector("idnumber").textContent, kind: e.getAttribute("type"),
      text: html(e.querySelector("questiontext > text").textContent).textContent,
      right: e.querySelectorAll("answer[fraction='100']").length,
      told: [...e.querySelectorAll("answer")].map(a => html(
        a.querySelector("feedback > text").textContent).textContent.length),
    })),
  };
}"""


def test_a_browser_reads_the_file_for_moodle(browser):
    """A parser of XML that is not Python's, which wrote it."""
    read = browser.new_page().evaluate(READ, questions.moodle().decode())
    assert read["faults"] == []
    assert len(read["categories"]) == len(PLACES)
    assert all(name.startswith("$course$/top/GANs You Can Run/") for name in read["categories"])
    told = [f"{place}-{q['id']}" for place, asked in PLACES.items() for q in asked]
    assert [question["id"] for question in read["questions"]] == told
    for question in read["questions"]:
        assert question["kind"] in ("multichoice", "shortanswer"), question
        assert question["right"] == 1 or question["kind"] == "shortanswer" and question["right"]
        assert min(question["told"]) > 10, question
        assert "$" not in question["text"].replace("\\(", ""), question
    assert any(r"\(p(y \mid x)\)" in question["text"] for question in read["questions"])


def test_formulas_and_stars_for_moodle():
    assert questions.html("If $a < b$, *so* `x`.") == (
        r"<p>If \(a &lt; b\), <em>so</em> <code>x</code>.</p>"
    )
    quiz = ET.Element("quiz")
    asked = next(q for q in PLACES["01"] if q["id"] == "passes")
    questions.add_question(quiz, asked, "x")
    texts = [text.text for text in quiz.findall("question/answer/text")]
    assert "784" in texts and r"28\*28" in texts and texts[-1] == "*"


# --- On the page and on paper ---------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False])
def test_a_printed_page_keeps_folded_answers_and_shows_open_ones(browser, scripts):
    built_book.build()
    page = browser.new_context(java_script_enabled=scripts).new_page()
    page.goto((built_book.HTML / "book" / "quizzes.html").as_uri())
    first, second = page.locator("details.answer > summary").all()[:2]
    first.click()
    page.emulate_media(media="print")
    assert page.locator("details.answer").first.locator("li").first.is_visible()
    assert not second.is_visible(), "a sheet to hand out gives no answer away"
    assert page.get_by_text("Question 2.").first.is_visible()


def test_answers_open_by_keyboard(browser):
    built_book.build()
    page = browser.new_page()
    page.goto((built_book.HTML / "notebooks" / "04_vanilla_gan.html").as_uri())
    answer = page.locator("details.answer").first
    assert not answer.locator("li").first.is_visible()
    answer.locator("summary").focus()
    page.keyboard.press("Enter")
    assert answer.locator("li").first.is_visible()


# --- The checks can fail --------------------------------------------------------------------------


def spoiled(**changes):
    sound = next(q for q in PLACES["02"] if q["id"] == "arrows")
    return copy.deepcopy(sound) | changes


def test_a_fault_of_a_question_is_found():
    assert problems(spoiled()) == []
    one = {"text": "x", "why": "It is so indeed."}
    assert "one right choice" in problems(spoiled(choices=[one, one, one]))[0]
    right = [one | {"right": True}, one | {"text": "y"}]
    assert "three or four" in problems(spoiled(choices=right))[0]
    bare = [*right, {"text": "z", "why": ""}]
    assert "must be explained" in problems(spoiled(choices=bare))[0]
    assert "no section" in problems(spoiled(see="02#nowhere"))[0]
    short = {"text": "x", "see": "02#summary", "answers": ["1"], "why": "It is so indeed."}
    assert problems(short | {"remarks": []}) == ["must explain a wrong answer"]
    twice = [{"answers": ["1"], "why": "It is not so."}]
    assert "refused" in problems(short | {"remarks": twice})[0]


def test_a_changed_word_is_noticed():
    path = questions.lessons()["02"]
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "questions")
    cell.source = cell.source.replace("trout", "carp")
    spoiled_book = copy.deepcopy(notebook)
    questions.update(notebook, questions.section("02"))
    assert notebook != spoiled_book
    assert sum(cell.id == "questions" for cell in notebook.cells) == 1
