"""A chapter on paper: its button, and what the browser prints."""

import io

import pypdf
import pytest

CHAPTER = "notebooks/04_vanilla_gan.html"
NOTE = "window.printed = 0; window.print = () => window.printed++;"


@pytest.mark.parametrize("width", [390, 1440])
def test_the_button_prints_once_all_pictures_are_there(site, open_page, width):
    page = open_page(f"{site}/book/index.html", viewport={"width": width, "height": 844})
    page.add_init_script(NOTE)
    page.goto(f"{site}/{CHAPTER}")
    button = page.get_by_role("button", name="Save this chapter as PDF")
    assert button.is_visible() and page.evaluate("window.printed") == 0
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("window.printed === 1")
    assert page.evaluate("[...document.images].every(e => e.complete && e.naturalWidth)")
    assert page.faults == []


def test_without_scripts_there_is_no_button(site, open_page):
    page = open_page(f"{site}/{CHAPTER}", java_script_enabled=False)
    assert page.locator(".to-paper").count() == 1 and not page.locator(".to-paper").is_visible()


def test_the_button_has_its_place_before_its_script_runs(site, open_page):
    page = open_page(f"{site}/{CHAPTER}", viewport={"width": 390, "height": 900})
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") < 0.05, "0.07 when it comes as a new line"


def test_a_chapter_on_paper_begins_with_itself(site, open_page):
    page = open_page(f"{site}/{CHAPTER}", color_scheme="dark")
    pdf = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    first = " ".join(pdf.pages[0].extract_text().split())
    assert first.count("A GAN on MNIST, from scratch") == 1, "the title stands once"
    assert "You will write two small networks" in first and "You will learn" in first
    everything = "\n".join(sheet.extract_text() for sheet in pdf.pages)
    for word in ("Save this chapter", "Show all code", "Enlarge", "Contents", "Download"):
        assert word not in everything, word
    assert "Exercises" in everything and "Mode collapse" in everything
