"""What a page says of itself where its address is shared: a sentence, a picture, one address.

Whole addresses are written only once the book has one: tools/set_repository.py sets it, and GitHub
then publishes the pages beside the repository. `html.baseurl` in _config.yml names another place.
Until then there is no picture, no canonical address and no sitemap, rather than wrong ones.
"""

import html
import re
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes

from tools import contents

#: the picture of the pages that have none of their own
PICTURE = "_static/films/fig-09-film.png"
PICTURE_SAYS = "Forty-eight handwritten digits that a generator drew."
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


def picture(app, page):
    """Return the picture of a page, as (place in the book, what it shows)."""
    lesson = contents.lessons(app.srcdir).get(Path(page).name[:2])
    if lesson:
        title = app.env.titles[f"notebooks/{lesson.stem}"].astext()
        return f"_static/thumbnails/{lesson.stem}.png", f"A picture of “{title}”."
    return PICTURE, PICTURE_SAYS


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
        place, says = picture(app, page)
        found += [
            ("property", "og:url", address + app.builder.get_target_uri(page)),
            ("property", "og:image", address + place),
            ("property", "og:image:alt", says),
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
