"""The road of one hour takes an hour, and the first page says what its notebooks say."""

from pathlib import Path

import built_book
import cards
import pytest
import yaml
from bs4 import BeautifulSoup

import notebooks

ROOT = Path(__file__).resolve().parent.parent

HEADS = yaml.safe_load((ROOT / "book/_data/heads.yml").read_text(encoding="utf-8"))
#: minutes of reading, with the code and up to the exercises, and of running; of these chapter 14
#: has 9, since it ran on a machine two to three times slower than 04's and 09's
BUDGET = (60, 16)


def over(minutes):
    """Say what of the road is over its budget, from the (reading, running) of its chapters."""
    sums = [sum(column) for column in zip(*minutes, strict=True)]
    names = ("reading", "running")
    return [f"{n} {s}, at most {m}" for n, s, m in zip(names, sums, BUDGET, strict=True) if s > m]


def test_the_road_takes_an_hour():
    assert over([cards.minutes(ROOT, stem) for stem in cards.ROAD]) == []
    assert cards.NEXT not in cards.ROAD and {*cards.ROAD, cards.NEXT} <= HEADS.keys()


def test_a_road_can_be_too_long():
    assert over([(40, 3), (21, 3)]) == ["reading 61, at most 60"]
    assert over([(10, 8), (10, 13)]) == ["running 21, at most 16"]


def test_every_step_of_the_road_is_a_lesson_with_its_evidence():
    for stem in cards.ROAD:
        assert (ROOT / "notebooks" / f"{stem[:2]}_evidence.ipynb").is_file(), stem


def test_each_step_of_the_road_names_the_next():
    for stem, after in zip(cards.ROAD, [*cards.ROAD[1:], cards.NEXT], strict=True):
        cells = cards.notebook(ROOT, stem)["cells"]
        prose = "".join(notebooks.text(c) for c in cells if c["cell_type"] == "markdown")
        _, _, summary = prose.partition("## Summary")
        assert f"({after}.ipynb)" in summary.partition("## Exercises")[0], stem


def test_what_is_counted():
    words = {"cell_type": "markdown", "metadata": {}, "source": "word " * 300}
    code = {"cell_type": "code", "metadata": {"tags": ["teach"]}, "source": ["x = 1\n"] * 100}
    folded = code | {"metadata": {"tags": ["draw"]}}
    end = {"cell_type": "markdown", "metadata": {}, "source": "x\n\n## Exercises\n\n" + "w " * 900}
    assert cards.reading([words, words]) == 3
    assert cards.reading([words, words, code, folded]) == round(900 / cards.WORDS)
    assert cards.reading([words, words, end, words]) == 3
    promise = {"cell_type": "markdown", "source": "**Time**: 9 minutes to read; 4 minutes to run"}
    assert notebooks.running_minutes({"metadata": {}, "cells": [promise]}) == 4
    assert (
        notebooks.running_minutes({"metadata": {"gan_utils": {"seconds": 130}}, "cells": [promise]})
        == 2
    )


@pytest.fixture(scope="module")
def index():
    built_book.build()
    page = (built_book.HTML / "book" / "index.html").read_text(encoding="utf-8")
    return BeautifulSoup(page, "html.parser").article


def test_one_button_and_it_leads_to_chapter_04(index):
    assert [a["href"] for a in index.select(".start a")] == ["../notebooks/04_vanilla_gan.html"]


def test_the_first_page_shows_the_road(index):
    steps = [a["href"] for a in index.select("ol a")]
    assert [Path(step).stem for step in steps] == cards.ROAD
    for stem, item in zip(cards.ROAD, index.select("ol li"), strict=True):
        read, run = cards.minutes(ROOT, stem)
        assert f"{read} min to read, {run} min to run" in item.get_text()


def test_every_chapter_has_a_card(index):
    found = index.select("a.chapter")
    assert [Path(card["href"]).stem for card in found] == sorted(HEADS)
    for card in found:
        stem = Path(card["href"]).stem
        assert card.strong.get_text().startswith(stem[:2]) and "min to read" in card.get_text()
        assert (built_book.HTML / "book" / card.find("img")["src"]).resolve().is_file()
