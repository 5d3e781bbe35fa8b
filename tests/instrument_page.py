"""Instruments in a real browser, each on a page of its own, for the tests that use them."""

import json
import subprocess
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
PAGE = """<!DOCTYPE html><html lang="en" data-theme="THEME"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>An instrument</title><style>STYLE
body { margin: 1rem; background: PAPER; color: INK; }</style></head>
<body><main class="bd-content"><h1>An instrument</h1>OUTPUT</main></body></html>"""


FLAGS = """--headless --disable-gpu --disable-background-networking --disable-component-update
--disable-sync --no-first-run --virtual-time-budget=20000 --dump-dom"""


def result(text, folder):
    """Return the JSON that a page's script writes into its element `result`, or skip the test."""
    browser = chromium.find()
    if browser is None:
        pytest.skip("needs Chromium or Chrome")
    page = folder / "page.html"
    page.write_text(text, encoding="utf8")
    flags = [*FLAGS.split(), *chromium.flags(), f"--user-data-dir={folder / 'profile'}"]
    command = [browser, *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    found = BeautifulSoup(done.stdout, "html.parser").find(id="result")
    assert found and found.get_text(), f"the browser gave no answer: {done.stderr[-1000:]}"
    return json.loads(found.get_text())


@contextmanager
def opened(browser, folder, output, theme="light", script="", hash="", **options):
    """A page with an output, from a file; at the end it must have no fault.

    A fault is a console message, a script's error, or a request that leaves the file.
    """
    text = PAGE.replace("THEME", theme)
    text = text.replace("PAPER", {"light": "#fff", "dark": "#121212"}[theme])
    text = text.replace("INK", {"light": "#222", "dark": "#eee"}[theme])
    text = text.replace("STYLE", (ROOT / "book/_static/book.css").read_text(encoding="utf8"))
    file = folder / f"page-{theme}.html"
    file.write_text(text.replace("OUTPUT", output.data), encoding="utf8")
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.add_init_script(script)
    page, faults = context.new_page(), []
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or faults.append(r))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
    page.goto(file.as_uri() + hash)
    yield page
    context.close()
    assert faults == []


def violations(page):
    """What axe-core finds, a line each."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf8"))
    found = page.evaluate("r => axe.run({runOnly: r, preload: false})", RULES)["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:150]}" for fault in found]


def too_wide(page):
    """Whether the page must be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


#: Notes when the text of the status changes, for `said_too_often`.
LISTEN = """document.addEventListener("DOMContentLoaded", () => {
  window.spoken = [];
  new MutationObserver(() => spoken.push(performance.now())).observe(
    document.querySelector("[role=status]"), {childList: true, characterData: true, subtree: true});
});"""


def said_too_often(page):
    """The pauses below a second, with 50 ms for the clock, between two texts of the status."""
    spoken = page.evaluate("spoken")
    return [b - a for a, b in zip(spoken, spoken[1:], strict=False) if b - a < 950]
