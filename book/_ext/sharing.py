"""What a page says of itself where its address is shared: a sentence, a picture, one address.

Whole addresses are written only once the book has one: tools/set_repository.py sets it, and GitHub
then publishes the pages beside the repository. `html.baseurl` in _config.yml names another place.
Until then there is no picture, no canonical address and no sitemap, rather than wrong ones.
"""

import html
import io
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import cards
import yaml
from docutils import nodes
from PIL import Image

from tools import contents

#: the picture of the pages that have none of their own
PICTURE = "_static/films/fig-14-film.png"
#: of a picture for sharing: its size, the most bytes of a PNG, and the page's paper around it
SIZE, MOST, PAPER = (1200, 630), 150_000, "#ffffff"
PICTURE_SAYS = "A hundred handwritten digits that a generator drew, a row of each."
CHINESE = re.compile(r"[\u3400-\u9fff][\u3000-\u303f\u3400-\u9fff\uff00-\uffef]*")
LENGTH = 300  # letters of a description; search engines cut it earlier
TITLE = "GANs You Can Run"


def pages_address(repository):
    """Return where GitHub publishes the pages of a repository."""
    owner, name = urlsplit(repository).path.strip("/").split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def set_address(app, config):
    """Let Sphinx know the address, from which it makes the canonical ones."""
    repository = config.html_theme_options.get("repository_url")
    if repository and not config.html_baseurl:
        config.html_baseurl = pages_address(repository)


def sentence(doctree):
    """Return a page's description: the sentence of its head, else its first paragraph."""
    for paragraph in doctree.findall(nodes.paragraph):
        if "head-lead" in paragraph["classes"]:
            break
    else:
        paragraph = next(doctree.findall(nodes.paragraph), None)
    text = " ".join(paragraph.astext().split()) if paragraph else ""
    text = re.sub(r"\\[a-zA-Z]+|[{}$\\]", "", text)
    if len(text) <= LENGTH:
        return text
    whole = text[:LENGTH].rpartition(". ")[0]
    return f"{whole}." if whole else text[:LENGTH].rpartition(" ")[0] + " …"


@cache
def enlarged(content):
    """Return a picture in the size for sharing, in the middle of white paper: (suffix, bytes).

    A small picture is enlarged by a whole number, so that its pixels stay pixels.
    """
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    if times := min(SIZE[0] // picture.width, SIZE[1] // picture.height):
        size = picture.width * times, picture.height * times
        picture = picture.resize(size, Image.Resampling.NEAREST)
    else:
        picture.thumbnail(SIZE, Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", SIZE, PAPER)
    sheet.paste(picture, ((SIZE[0] - picture.width) // 2, (SIZE[1] - picture.height) // 2))
    png, jpeg = io.BytesIO(), io.BytesIO()
    sheet.quantize(256).save(png, "PNG", optimize=True)
    if png.tell() <= MOST:
        return "png", png.getvalue()
    sheet.save(jpeg, "JPEG", quality=80)  # photographs, and noise
    return "jpg", jpeg.getvalue()


def picture(app, page):
    """Return the picture of a page, as (place in the book, its bytes, what it shows).

    It is that of the page's lesson, if the lesson has been run.
    """
    root = Path(app.srcdir)
    if lesson := contents.lessons(root).get(Path(page).name[:2]):
        heads = yaml.safe_load((root / "book/_data/heads.yml").read_text(encoding="utf-8"))
        if content := cards.picture(root, lesson.stem, heads[lesson.stem]["picture"]):
            title = app.env.titles[f"notebooks/{lesson.stem}"].astext()
            suffix, content = enlarged(content)
            return f"_static/sharing/{lesson.stem}.{suffix}", content, f"A picture of “{title}”."
    suffix, content = enlarged((root / "book" / PICTURE).read_bytes())
    return f"_static/sharing/book.{suffix}", content, PICTURE_SAYS


def tags(app, page, title, text):
    """Return the lines for a page's head."""
    address = app.config.html_baseurl
    found = [
        ("name", "description", text),
        ("property", "og:title", title),
        ("property", "og:description", text),
        ("property", "og:type", "website" if page == app.config.root_doc else "article"),
        ("property", "og:site_name", TITLE),
        ("name", "twitter:card", "summary_large_image" if address else "summary"),
    ]
    if address:
        place, _, says = picture(app, page)
        found += [
            ("property", "og:url", address + app.builder.get_target_uri(page)),
            ("property", "og:image", address + place),
            ("property", "og:image:alt", says),
            ("property", "og:image:width", str(SIZE[0])),
            ("property", "og:image:height", str(SIZE[1])),
        ]
    return "".join(
        f'<meta {kind}="{name}" content="{html.escape(value)}">\n' for kind, name, value in found
    )


def add_tags(app, pagename, templatename, context, doctree):
    """Put a page's lines into its head, and take docutils' second `viewport` out of it."""
    kept = re.sub(r'<meta[^>]*name="viewport"[^>]*>\s*', "", context.get("metatags") or "")
    if doctree is None:
        context["metatags"] = kept + '\n<meta name="robots" content="noindex">\n'  # the search page
        context["pageurl"] = None
        return
    title = app.env.titles[pagename].astext()
    context["metatags"] = f"{kept}\n{tags(app, pagename, title, sentence(doctree))}"


def mark_chinese(app, doctree, docname):
    """Say of Chinese words that they are Chinese: else they are spelled in English."""
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.literal_block | nodes.raw | nodes.math):
            continue
        parts, end = [], 0
        for found in CHINESE.finditer(text):
            parts += [nodes.Text(text[end : found.start()])] if found.start() > end else []
            # docutils writes a class that begins so as the attribute `lang`
            parts.append(nodes.inline("", found[0], classes=["language-zh"]))
            end = found.end()
        if parts:
            parts += [nodes.Text(text[end:])] if text[end:] else []
            text.parent.replace(text, parts)


def finish(app, exception):
    """Write what belongs to the book as a whole: the first address, 404.html, the sitemap."""
    if exception or app.builder.name != "html":
        return
    out, address, root = Path(app.outdir), app.config.html_baseurl, app.config.root_doc
    here = tags(app, root, TITLE, sentence(app.env.get_doctree(root)))
    for name in ("index.html", "404.html"):
        text = (Path(app.srcdir) / "book" / "_root" / name).read_text(encoding="utf-8")
        if name == "index.html":
            canonical = address + app.builder.get_target_uri(root)
            here += f'<link rel="canonical" href="{canonical}">\n' if address else ""
            text = text.replace("</head>", f"{here}</head>")
        elif address:  # then this page knows where the book is, without its script
            text = text.replace('="/', f'="{urlsplit(address).path}')
        (out / name).write_text(text, encoding="utf-8")
    sitemap = out / "sitemap.xml"
    sitemap.unlink(missing_ok=True)
    if address:
        (out / "_static" / "sharing").mkdir(parents=True, exist_ok=True)
        for page in contents.pages(app.srcdir):
            place, content, _ = picture(app, page)
            (out / place).write_bytes(content)
        places = [address + app.builder.get_target_uri(page) for page in contents.pages(app.srcdir)]
        urls = "".join(f"<url><loc>{html.escape(place)}</loc></url>\n" for place in places)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        head = '<?xml version="1.0" encoding="utf-8"?>\n'
        sitemap.write_text(f'{head}<urlset xmlns="{space}">\n{urls}</urlset>\n', encoding="utf-8")


def setup(app):
    app.connect("config-inited", set_address)
    app.connect("doctree-resolved", mark_chinese)
    app.connect("html-page-context", add_tags, priority=900)  # after the page's own context
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
