"""Print the built book as one PDF, with headless Chromium or Chrome; no TeX is needed.

    make pdf

All pages become one document, so that links between them lead to places in the PDF. It is printed
twice: the first time to learn on which page each chapter begins, the second with these numbers in
its contents. Scripts do not run: of a film there are four frames, of the generator in the page a
still.
"""

import base64
import html
import io
import json
import posixpath
import re
import sys
import tomllib
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pypdf
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import sync_playwright

from gan_utils import files
from tools import chromium, contents

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "gans-you-can-run.pdf"
STILLS = 4
STYLE = """
html { font-size: 13px; }
body { background: white; }
main, .bd-article { max-width: none !important; padding: 0 !important; }
section.page, nav { break-before: page; }
nav ol { list-style: none; padding: 0; }
nav li { display: flex; gap: 0.5rem; align-items: baseline; }
nav li::before { content: ""; order: 1; flex: 1; border-bottom: 1px dotted #999; }
nav li span { order: 2; }
h1, h2, h3 { white-space: pre-wrap; }  /* or a bookmark lacks the space where its heading wraps */
.cover { display: flex; flex-direction: column; justify-content: center; height: 90vh; }
.cover img { width: 9rem; }
pre { white-space: pre-wrap !important; font-size: 0.82rem !important; }
.hero img { width: 60%; }
figure img, .cell_output img { max-height: 15cm; object-fit: contain; object-position: left; }
.film > div { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; text-align: center; }
.film img { max-height: 7cm; }
.output, .cell_output, .pst-scrollable-table-container { overflow: visible !important; }
table { font-size: 0.85rem; break-inside: auto !important; }
tr { break-inside: avoid; }
"""
FOOT = """<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">
<span class="pageNumber"></span></div>"""


def slug(page):
    """Return the name of a page's place in the document."""
    return page.rpartition("/")[2]


def show_stills(film, folder):
    """Put the first frame of a film, the last, and two between in place of its contact sheet.

    Args:
        folder: the page's, since the sheet may be a file beside the page.
    """
    settings = json.loads(film["data-film"])
    labels, columns = settings["labels"], settings["columns"]
    source = film.img["src"]
    inline = source.startswith("data:")
    data = base64.b64decode(source.partition(",")[2]) if inline else (folder / source).read_bytes()
    sheet = Image.open(io.BytesIO(data))
    width = sheet.width // min(columns, len(labels))
    height = sheet.height // -(-len(labels) // columns)
    stills = ""
    for n in np.unique(np.linspace(0, len(labels) - 1, STILLS).round().astype(int)):
        x, y, png = n % columns * width, n // columns * height, io.BytesIO()
        sheet.crop((x, y, x + width, y + height)).save(png, "PNG")
        source = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
        alt = html.escape(f"{film.img['alt']} Here: {labels[n]}.")
        stills += f'<div><img alt="{alt}" src="{source}"><br>{labels[n]}</div>'
    film.img.replace_with(BeautifulSoup(f"<div>{stills}</div>", "html.parser"))
    number = film.figcaption.select_one(".caption-number")
    if number:
        number.extract()
    caption = re.sub(r"\s*[^.]*\bslider\b[^.]*\.", "", film.figcaption.get_text().strip())
    film.figcaption.string = f"{caption} Moments of a film.".strip()
    if number:
        film.figcaption.insert(0, number)
        number.insert_after(" ")


def article(page, pages):
    """Return a page's article as HTML whose links and pictures work from anywhere."""
    path = HTML / f"{page}.html"
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    body = soup.find("article", class_="bd-article")
    for tag in body.select("script, .headerlink, .prev-next-footer"):
        tag.decompose()
    for film in body.select("figure.film"):
        show_stills(film, path.parent)
    for tag in body.select(".strip, dialog, details.fold:not(.solution, .checked)"):
        tag.decompose()  # on paper, what is folded stays folded
    for tag in body.select("details.checked"):
        tag.replace_with(tag.summary.select_one(".tick").extract())
    for tag in body.select("details"):
        tag["open"] = ""
        if "fold" in tag.get("class", []):  # other words, such as A hint, stay
            tag.summary.string = "Solution"
    for tag in body.select("img[loading]"):
        del tag["loading"]
    for tag in body.find_all(id=True):
        tag["id"] = f"{slug(page)}--{tag['id']}"
    for link in body.select("a[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path)))
        target = target.removesuffix(".html") if parts.path else page
        if target in pages:
            link["href"] = "#" + slug(target) + (f"--{parts.fragment}" if parts.fragment else "")
        else:
            del link["href"]  # a file of the repository: there is none in a PDF
    for tag in body.select("[src], [srcset]"):
        for name in {"src", "srcset"} & tag.attrs.keys():
            if not tag[name].startswith("data:"):
                tag[name] = (path.parent / unquote(tag[name])).resolve().as_uri()
    return f'<section class="page" id="{slug(page)}">{body.decode_contents()}</section>', soup


def document(numbers):
    """Return the whole book as one HTML text; ``numbers`` says on which page each page begins."""
    book = contents.parts(ROOT)
    pages = {page for _, part in book for page in part}
    sections, lines, styles = [], [], {}
    for caption, part in book:
        if caption:
            lines.append(f"<h3>{caption}</h3><ol>")
        for page in part:
            text, soup = article(page, pages)
            sections.append(text)
            for link in soup.select("link[rel=stylesheet]"):
                sheet = (HTML / page).parent / urlsplit(link["href"]).path
                styles[sheet.resolve().as_uri()] = None
            if caption:
                title = soup.find("article").h1.get_text().rstrip("#¶")
                number = numbers.get(slug(page), "")
                lines.append(f'<li><a href="#{slug(page)}">{title}</a><span>{number}</span></li>')
        if caption:
            lines.append("</ol>")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    logo = (HTML / "_static" / "logo.svg").as_uri()
    return f"""<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>GANs You Can Run</title>
{"".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in styles)}
<style>{STYLE}</style></head><body><main><article class="bd-article">
<div class="cover"><img src="{logo}" alt="">
<p style="font-size: 3rem; font-weight: 700">GANs You Can Run</p>
<p>An executable book on generative adversarial networks in TensorFlow 2 and Keras 3</p>
<p>Version {version}, printed {date.today():%d %B %Y}. Text CC BY 4.0, code MIT.</p></div>
<nav><h2>Contents</h2>{"".join(lines)}</nav>
{"".join(sections)}</article></main></body></html>"""


def printed(page, text, folder):
    """Print a text with the browser; return the PDF's bytes."""
    source = folder / "book.html"
    source.write_text(text, encoding="utf-8")
    page.goto(source.as_uri())
    page.emulate_media(media="print")
    margin = {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}
    return page.pdf(
        format="A4", margin=margin, print_background=True, tagged=True, outline=True,
        display_header_footer=True, header_template="<span></span>", footer_template=FOOT,
    )  # fmt: skip


def page_numbers(pdf):
    """Return on which page each named place of a PDF is."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    return {
        name.lstrip("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def main(out=PDF):
    """Print the book that `make book` has built."""
    if not (HTML / "index.html").is_file():
        sys.exit("There is no built book. Run: make book")
    path = chromium.find()
    if path is None:
        sys.exit("make pdf needs Chromium or Chrome. On Debian and Ubuntu: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.flags())
        page = browser.new_context(java_script_enabled=False, reduced_motion="reduce").new_page()
        page.set_default_timeout(300_000)
        first = printed(page, document({}), HTML.parent)
        pdf = printed(page, document(page_numbers(first)), HTML.parent)
        browser.close()
    files.write_atomically(out, lambda file: file.write(pdf))
    print(f"{out}: {len(pypdf.PdfReader(out).pages)} pages, {len(pdf) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
