"""Light pages: one style sheet without rules that match nothing, and scripts that wait their turn.

The theme's style sheets and scripts serve every site that it may carry; a page of this book needs a
tenth of them. When all pages are written, their style sheets become one, a page with mathematics
gets KaTeX's beside it, scripts run when the page has been read, films become files that load when
they come near, and what nobody loads is left out of the book.
"""

import base64
import hashlib
import html
import json
import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit

import imagesize

BUNDLE, MATHS = "all.css", "katex/katex.min.css"
OWN = "book.css"  # all its rules stay: scripts and the PDF need some that no page does
ICONS = "Font Awesome"  # nothing of it stays: book.css draws the icons
#: Files of `_static` that no page names -> why they stay
KEPT = {"LICENSE": "what others have made is given on with their licence"}
#: a film is a file of its own from so many characters on
LONG = 20_000

SHEET = re.compile(
    r'[ \t]*<link\b(?=[^>]*\brel="stylesheet")[^>]*'
    r'\bhref="(?P<static>[^":]*_static/)(?P<sheet>[^"?]+)[^>]*>\n?'
)
SCRIPT = re.compile(r'<script\b(?P<how>[^>]*?)\bsrc="(?P<src>[^"]+)"(?P<more>[^>]*)></script>')
FILM = re.compile(
    r'(data-film="(?P<film>[^"]*)">\s*<img (?P<rest>[^>]*?))'
    rf'src="data:image/(?P<kind>webp|png);base64,(?P<data>[^"]{{{LONG},}})"'
)
TOKEN = re.compile(
    r"""/\*.*?\*/ | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | url\([^"')]*\) | [{};]""",
    re.DOTALL | re.VERBOSE,
)

# --- Style sheets ---------------------------------------------------------------------------------


def blocks(css):
    """Yield the rules of a style sheet: what stands before the braces, and what within them.

    Args:
        css: the text, without comments. A statement such as ``@charset`` has None within.
    """
    depth, start, opened = 0, 0, 0
    for token in TOKEN.finditer(css):
        sign = token[0]
        if sign == "{":
            depth += 1
            opened = token.end() if depth == 1 else opened
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield css[start : opened - 1].strip(), css[opened : token.start()].strip()
                start = token.end()
        elif sign == ";" and depth == 0:
            yield css[start : token.start()].strip(), None
            start = token.end()


def selectors(text):
    """Return the selectors of a list of them; a comma within brackets parts nothing."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [selector.strip() for selector in found]


def alive(selector, used):
    """Say whether each class and each id that a selector asks for is among those that are used.

    What a pseudo-class holds, as in ``:not(.wide)``, need not be there.
    """
    inner = None
    while inner != selector:
        inner, selector = selector, re.sub(r"\([^()]*\)|\[[^\]]*\]", "", selector)
    return used.issuperset(re.findall(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)", selector))


def shaken(css, used):
    """Return a style sheet without the rules that match nothing and without comments.

    Args:
        used: the classes and ids of all pages, and the words of all scripts.
    """
    kept = []
    for before, within in blocks(css):
        if within is None or ICONS in before + within:
            continue
        if before.startswith(("@media", "@supports", "@layer", "@container")):
            within = shaken(within, used)
        elif not before.startswith("@"):
            before = ",".join(s for s in selectors(before) if alive(s, used))
        if before and within:
            kept.append(f"{before}{{{within}}}")
    return "".join(kept)


def plain(css):
    """Return the licences that a style sheet names, and the sheet on one line without comments."""
    licences = [t[0] for t in TOKEN.finditer(css) if t[0].startswith("/*!") and ICONS not in t[0]]
    css = TOKEN.sub(lambda token: "" if token[0].startswith("/*") else token[0], css)
    return "\n".join(dict.fromkeys(licences)), re.sub(r"\s+", " ", css)


def moved(css, folder):
    """Return a style sheet of a folder in `_static` whose addresses are right in `_static`."""

    def address(found):
        mark, to = found[1], found[2]
        if to.startswith(("data:", "#", "http")):
            return found[0]
        return f"url({mark}{posixpath.normpath(posixpath.join(folder, to))}{mark})"

    return re.sub(r"url\(\s*(['\"]?)([^'\")]+)\1\s*\)", address, css)


def fonts_used(css):
    """Leave out the fonts that no rule of a style sheet asks for."""
    parts = list(blocks(css))
    rules = " ".join(within or "" for before, within in parts if before != "@font-face")

    def needed(within):
        return re.search(r"font-family:\s*['\"]?([^;'\"]+)", within)[1] in rules

    return "".join(
        f"{before}{{{within}}}"
        for before, within in parts
        if before != "@font-face" or needed(within)
    )


def names_used(pages, scripts):
    """Return the classes and ids of all pages, and all words of their scripts."""
    names = set()
    for text in pages:
        for found in re.finditer(r"\b(?:class|id)=(?:\"([^\"]*)\"|'([^']*)')", text):
            names.update((found[1] or found[2] or "").split())
        scripts = [*scripts, *re.findall(r"<script\b[^>]*>(.+?)</script>", text, re.DOTALL)]
    for text in set(scripts):
        names.update(re.findall(r"[A-Za-z_][\w-]*", text))
    return {name for name in names if not name.startswith("fa-")}


def with_imported(static, sheet):
    """Return a style sheet's name after those of the sheets that it imports."""
    text = (static / sheet).read_text(encoding="utf-8")
    names = re.findall(r"@import\s+['\"]([^'\"]+)", text)
    folder = posixpath.dirname(sheet)
    return [*(posixpath.normpath(posixpath.join(folder, name)) for name in names), sheet]


def one_sheet(static, sheets, used):
    """Write the style sheets of the pages as one, and KaTeX's; return what marks their version."""
    licences, rules = [], []
    for sheet in [name for each in sheets for name in with_imported(static, each)]:
        licence, css = plain((static / sheet).read_text(encoding="utf-8"))
        css = moved(css, posixpath.dirname(sheet))
        rules.append(css if sheet == OWN else shaken(css, used))
        licences.append(licence)
    text = "\n".join([*filter(None, dict.fromkeys(licences)), *rules])
    (static / BUNDLE).write_text(text, encoding="utf-8")
    path = static / MATHS
    if path.is_file():
        _, css = plain(path.read_text(encoding="utf-8"))
        css = re.sub(r",\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)", "", css)
        maths = fonts_used(shaken(css, used))
        path.write_text(maths, encoding="utf-8")
        text += maths
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# --- Pages ----------------------------------------------------------------------------------------


def with_one_sheet(text, version):
    """Return a page with the one style sheet in the place of all."""
    sheets = list(SHEET.finditer(text))
    if not sheets:
        return text
    static = sheets[0]["static"]
    links = f'<link rel="stylesheet" href="{static}{BUNDLE}?v={version}" />\n'
    if 'class="katex' in text or 'class=\\"katex' in text:
        links = f'<link rel="stylesheet" href="{static}{MATHS}?v={version}" />\n    ' + links
    head = text[: sheets[0].start()] + "    " + links
    return head + SHEET.sub("", text[sheets[0].end() :])


def with_waiting_scripts(text):
    """Return a page whose scripts run in their order, once the page has been read."""

    def script(found):
        file = posixpath.basename(urlsplit(found["src"]).path)
        if file == "fontawesome.js":
            return ""
        if file == "bootstrap.js" and 'data-bs-toggle="dropdown"' not in text:
            return ""  # it opens menus, and nothing else here
        if re.search(r"\b(?:defer|async)\b", found["how"] + found["more"]):
            return found[0]
        return found[0].replace("<script", "<script defer", 1)

    text = re.sub(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?', "", text)
    # What these say is said of a version switcher and of a search that the book does not have.
    text = re.sub(r"[ \t]*<script>DOCUMENTATION_OPTIONS\.[^<]*</script>\n?", "", text)
    viewport = r'<meta name="viewport"[^>]*>\s*'
    first = re.search(viewport, text)
    if first:  # the theme says it three times
        text = text[: first.end()] + re.sub(viewport, "", text[first.end() :])
    return SCRIPT.sub(script, text)


def with_colours(text):
    """Return a page that has its colours before the theme's script runs, and without scripts."""
    asked = 'localStorage.getItem("theme") || '
    system = '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'
    return text.replace('data-theme="auto"', 'data-theme="light"', 1).replace(
        f'{asked}"auto"', asked + system, 1
    )


def with_film_files(text, page, images):
    """Return a page whose films are files, which load when they come near.

    A frame's size stands in the style, so that nothing moves when the film takes its place.
    """

    def film(found):
        content = base64.b64decode(found["data"])
        digest = hashlib.sha256(content).hexdigest()[:16]
        file = images / f"film-{digest}.{found['kind']}"
        images.mkdir(exist_ok=True)
        file.write_bytes(content)
        settings = json.loads(html.unescape(found["film"]))
        width, height = imagesize.get(file)
        columns = settings["columns"]
        width, height = width // columns, height // -(-len(settings["labels"]) // columns)
        room = f"--frame: {settings['scale'] * width}px; --shape: {width} / {height}"
        source = posixpath.relpath(file.as_posix(), page.parent.as_posix())
        tag = found[1].replace('style="', f'loading="lazy" style="{room}; ')
        return f'{tag}src="{source}"'

    return FILM.sub(film, text)


def leave_out(out, texts):
    """Delete the files of `_static` that nothing names that a page loads."""
    static = out / "_static"
    files = [file for file in static.rglob("*") if file.is_file() and file.name not in KEPT]
    named, texts = set(), list(texts)
    while texts:
        for text in texts:
            named.update(re.findall(r"[\w.%-]+\.\w+", text))
        loaded = [file for file in files if file.name in named]
        texts = [f.read_text("utf-8") for f in loaded if f.suffix in (".css", ".js", ".svg")]
        files = [file for file in files if file.name not in named]
    for file in files:
        file.unlink()
    for folder in sorted((f for f in static.rglob("*") if f.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def lighten(app, exception):
    """Make the written pages light; what is so already stays as it is."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for script in out.rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        if (short := re.sub(r"\n?//# sourceMappingURL=.*", "", text)) != text:  # they name maps
            script.write_text(short, encoding="utf-8")
    pages = {
        page: page.read_text(encoding="utf-8")
        for page in out.rglob("*.html")
        if "_static" not in page.relative_to(out).parts
    }
    before = dict(pages)
    for page, text in pages.items():
        text = with_colours(with_waiting_scripts(text))
        pages[page] = with_film_files(text, page, out / "_images")
    links = [link["sheet"] for text in pages.values() for link in SHEET.finditer(text)]
    sheets = [sheet for sheet in dict.fromkeys(links) if sheet not in (BUNDLE, MATHS)]
    if sheets:
        sources = {urlsplit(s["src"]).path for t in pages.values() for s in SCRIPT.finditer(t)}
        scripts = [
            file.read_text(encoding="utf-8")
            for file in out.rglob("*.js")
            if any(source.endswith(file.name) for source in sources)
            and file.name != "search-index.js"  # the words of the book
        ]
        version = one_sheet(out / "_static", sheets, names_used(pages.values(), scripts))
        pages = {page: with_one_sheet(text, version) for page, text in pages.items()}
    for page, text in pages.items():
        if text != before[page]:
            page.write_text(text, encoding="utf-8")
    leave_out(out, pages.values())


def setup(app):
    app.connect("build-finished", lighten, priority=900)  # after all that writes into pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}
