"""What a link leads to, as far as a card beside the link can tell it (see book/_static/lookup.js).

Figures and formulas of the same page are there already. Of citations, terms of the glossary and
formulas on other pages the text is written into the page: nothing is fetched, so that the cards
work from a folder too.
"""

import json
import posixpath
import re
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup

LINK = re.compile(
    r'<a class="reference internal" href="([^"#:]+\.html)#([^"]+)">(.*?)</a>', re.DOTALL
)
EQUATION = re.compile(r"\((\w+)\.(\w+)\)")
BLOCK = '<script type="application/json" id="lookups">'


@cache
def parsed(path, changed):
    """Return the soup of a page's article; ``changed`` is when it was written."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return soup.find("article")


def target(article, anchor, words):
    """Return the part of an article that a link with these words means, or None."""
    if numbered := EQUATION.fullmatch(words):  # such a link leads to the formula's section
        return article.find(id=f"equation-{numbered[1]}-{numbered[2]}".lower())
    found = article.find(id=anchor)
    if found is None or found.name == "li" or "math" in found.get("class", []):
        return found
    section = found if found.name == "section" else found.find_parent("section")
    glossary = section.find_parent(id="glossary") if section else None
    return section.find("p", recursive=False) if glossary else None


def card(part):
    """Return what a card shows of a part of a page, as HTML without links and addresses."""
    part = BeautifulSoup(str(part), "html.parser")
    for tag in part.select(".headerlink, .tick"):
        tag.decompose()
    for link in part.select("a"):
        link.unwrap()
    for tag in part.find_all(id=True):
        del tag["id"]
    text = part.decode_contents().strip()
    text = re.sub(r"^<(li|p)>(.*)</\1>$", r"\2", text, flags=re.DOTALL)
    text = re.sub(r"\s*\(<span[^>]*>Chapter \d\d</span>\)(?=(?:</p>)?$)", "", text)
    return re.sub(r"^<p>(.*)</p>$", r"\1", text, flags=re.DOTALL)


def cards(page, text):
    """Return {address: HTML} for the links of a page that lead to what a card can show.

    Formulas share the address of their section, so their words are part of the key.
    """
    found = {}
    for path, anchor, words in LINK.findall(text):
        file = Path(posixpath.normpath((page.parent / path).as_posix()))
        address, words = f"{path}#{anchor}", re.sub(r"<[^>]*>", "", words)
        equation = EQUATION.fullmatch(words)
        if not (equation or file.name in ("references.html", "glossary.html")):
            continue
        address += f" {words}" if equation else ""
        if not file.is_file() or address in found:
            continue
        if part := target(parsed(file, file.stat().st_mtime), anchor, words):
            found[address] = card(part)
    return found


def add_cards(app, exception):
    """Write into each page what its links lead to."""
    if exception or app.builder.name != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if '<article class="bd-article">' not in text:
            continue
        told = json.dumps(cards(page, text), ensure_ascii=False).replace("</", "<\\/")
        block = f"{BLOCK}{told}</script>\n" if told != "{}" else ""
        bare = re.sub(re.escape(BLOCK) + ".*?</script>\n?", "", text, flags=re.DOTALL)
        new = bare.replace("</body>", block + "</body>")
        if new != text:
            page.write_text(new, encoding="utf-8")


def setup(app):
    app.connect("build-finished", add_cards, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
