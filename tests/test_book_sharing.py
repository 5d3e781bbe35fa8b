"""What a page says of itself where it is shared, words that are Chinese, and the way home."""

import io
from types import SimpleNamespace
from xml.etree import ElementTree

import built_book
import numpy as np
import pytest
import sharing
import yaml
from bs4 import BeautifulSoup, Comment
from built_book import HTML, ROOT
from docutils import nodes, utils
from PIL import Image

ADDRESS = "https://someone.github.io/gans/"


@pytest.fixture(scope="module")
def heads():
    """The head of each page, parsed."""
    pages = built_book.build()
    heads = {}
    for page in pages:
        head = page.read_text(encoding="utf-8").partition("</head>")[0]  # the rest is long
        heads[page.relative_to(HTML).as_posix()] = BeautifulSoup(head, "html.parser").head
    return heads


def said(head, name):
    found = head.select(f'meta[name="{name}"], meta[property="{name}"]')
    assert len(found) == 1, name
    return found[0]["content"]


def test_each_page_says_what_it_is(heads):
    texts = {}
    for name, head in heads.items():
        assert len(head.select("meta[name=viewport]")) == 1, name
        if name == "search.html":
            assert said(head, "robots") == "noindex"
            continue
        text = texts[name] = said(head, "description")
        assert 40 < len(text) <= 302 and text[-1] in ".…:?" and not set(text) & set("\\$<>"), name
        assert said(head, "og:description") == text
        assert said(head, "og:title") and said(head, "og:type") and said(head, "twitter:card")
    assert texts.pop("index.html") == texts["book/index.html"]
    assert len(set(texts.values())) == len(texts)
    assert "let them compete" in texts["notebooks/04_vanilla_gan.html"]


@pytest.mark.skipif(bool(built_book.address()), reason="the book has an address")
def test_without_an_address_there_is_none(heads):
    for name, head in heads.items():
        assert head.select("link[rel=canonical], meta[property='og:url']") == [], name
        assert head.select("meta[property='og:image']") == [], name
    assert not (HTML / "sitemap.xml").exists()


# --- With an address ------------------------------------------------------------------------------


def test_the_address_of_the_pages_follows_from_the_repository():
    assert sharing.pages_address("https://github.com/Someone/gans") == ADDRESS
    own = sharing.pages_address("https://github.com/Someone/someone.github.io")
    assert own == "https://someone.github.io/"
    options = {"repository_url": "https://github.com/Someone/gans"}
    for given, wanted in (("", ADDRESS), ("https://gans.example/", "https://gans.example/")):
        config = SimpleNamespace(html_theme_options=options, html_baseurl=given)
        sharing.set_address(None, config)
        assert config.html_baseurl == wanted
    config = SimpleNamespace(html_theme_options={"repository_url": ""}, html_baseurl="")
    sharing.set_address(None, config)
    assert config.html_baseurl == ""


def test_jupyter_book_hands_the_repository_on():
    config = pytest.importorskip("jupyter_book.config")
    ours = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    ours["repository"] = {"url": "https://github.com/Someone/gans", "branch": "main"}
    options = config.yaml_to_sphinx(ours)[0]["html_theme_options"]
    assert options["repository_url"] == "https://github.com/Someone/gans"


@pytest.fixture
def published(tmp_path):
    """A book with an address, as far as this extension looks at it."""
    document = utils.new_document("")
    document += nodes.paragraph("", "A sentence.")
    stems = [lesson.stem for lesson in sharing.contents.lessons(ROOT).values()]
    titles = {f"notebooks/{stem}": nodes.title("", f"{stem[:2]} · A GAN") for stem in stems}
    return SimpleNamespace(
        srcdir=ROOT,
        outdir=tmp_path,
        env=SimpleNamespace(titles=titles, get_doctree=lambda page: document),
        builder=SimpleNamespace(name="html", get_target_uri=lambda page: f"{page}.html"),
        config=SimpleNamespace(html_baseurl=ADDRESS, root_doc="book/index"),
    )


@pytest.mark.parametrize("page", ["04_vanilla_gan", "04_evidence"])
def test_with_an_address_a_chapter_shows_its_picture(published, page):
    head = BeautifulSoup(sharing.tags(published, f"notebooks/{page}", "T", "S."), "html.parser")
    assert said(head, "og:url") == f"{ADDRESS}notebooks/{page}.html"
    place = said(head, "og:image").removeprefix(ADDRESS)
    assert place == "_static/sharing/04_vanilla_gan.png"
    size = int(said(head, "og:image:width")), int(said(head, "og:image:height"))
    content = sharing.picture(published, f"notebooks/{page}")[1]
    assert size == sharing.SIZE == Image.open(io.BytesIO(content)).size
    assert "04 · A GAN" in said(head, "og:image:alt")
    assert said(head, "twitter:card") == "summary_large_image"


def picture(size, mode="L"):
    """Noise as a PNG, and its pixels."""
    pixels = np.random.default_rng(0).integers(0, 250, (size[1], size[0], 3), np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue(), np.asarray(image.convert("RGB"))


def test_a_small_picture_is_enlarged_pixel_by_pixel_on_paper():
    content, pixels = picture((202, 100))
    suffix, content = sharing.enlarged(content)
    assert suffix == "png" and content[25] == 3, "it has a palette"
    found = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert found.shape == (630, 1200, 3)
    np.testing.assert_array_equal(found[65:565, 95:1105][::5, ::5], pixels)
    np.testing.assert_array_equal(found[69:565, 99:1105][::5, ::5], pixels)
    around = [found[:65], found[565:], found[:, :95], found[:, 1105:]]
    assert all((side == 255).all() for side in around)


def test_a_large_picture_becomes_smaller_as_a_whole():
    suffix, content = sharing.enlarged(picture((1400, 1400), "RGB")[0])
    found = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)
    assert suffix == "jpg" and found.shape == (630, 1200)
    assert found[:, :280].min() > 240 and found[:, 920:].min() > 240, "paper"
    assert found[:, 290:910].mean() < 200


def test_a_page_without_a_picture_of_its_own_shows_the_common_one(published, monkeypatch):
    common = sharing.picture(published, "book/help")
    assert common[0] == "_static/sharing/book.png"
    monkeypatch.setattr(sharing.cards, "picture", lambda *args: None)
    assert sharing.picture(published, "notebooks/04_vanilla_gan") == common


def test_with_an_address_there_are_a_sitemap_and_a_way_home(published):
    sharing.finish(published, None)
    tree = ElementTree.parse(published.outdir / "sitemap.xml")
    places = [place.text for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert places == [f"{ADDRESS}{name}.html" for name in sharing.contents.pages(ROOT)]
    missing = BeautifulSoup((published.outdir / "404.html").read_text("utf-8"), "html.parser")
    links = [a["href"] for a in missing.select("a")] + [missing.form["action"]]
    assert all(link.startswith("/gans/") for link in links) and len(links) == 4
    first = BeautifulSoup((published.outdir / "index.html").read_text("utf-8"), "html.parser")
    assert first.select_one("link[rel=canonical]")["href"] == f"{ADDRESS}book/index.html"
    named = {
        published.outdir / sharing.picture(published, page)[0]
        for page in sharing.contents.pages(ROOT)
    }
    written = set((published.outdir / "_static" / "sharing").iterdir())
    assert written == named and len(named) > 5
    assert max(file.stat().st_size for file in written) < 200_000
    published.config.html_baseurl = ""
    sharing.finish(published, None)
    assert not (published.outdir / "sitemap.xml").exists()
    assert "canonical" not in (published.outdir / "index.html").read_text("utf-8")


def test_a_long_description_ends_with_a_sentence():
    document = utils.new_document("")
    document += nodes.paragraph("", "Short one. " + "Long " * 80)
    assert sharing.sentence(document) == "Short one."
    document.children[0].children = [nodes.Text("word " * 100)]
    assert sharing.sentence(document).endswith("word …") and len(sharing.sentence(document)) < 303


# --- Chinese words --------------------------------------------------------------------------------


def unmarked(soup):
    """Chinese words that are in no element that says so."""
    return [
        text
        for text in soup.find_all(string=sharing.CHINESE.search)
        if not isinstance(text, Comment) and not text.find_parent(lang="zh")
    ]


def test_chinese_words_are_marked(heads):
    marked = 0
    for page in built_book.build():
        text = page.read_text(encoding="utf-8")
        if not sharing.CHINESE.search(text):
            continue
        soup = BeautifulSoup(text, "html.parser")
        assert unmarked(soup) == [], page
        marked += len(soup.select("[lang=zh]"))
    assert marked > 50
    assert len(unmarked(BeautifulSoup("<p>GAN 模型</p>", "html.parser"))) == 1


def test_only_the_chinese_words_are_marked():
    document = utils.new_document("")
    document += nodes.paragraph("", "A 生成器、判别器, and 1.")
    document += nodes.literal_block("", "模型")
    sharing.mark_chinese(None, document, "")
    parts = [(type(node).__name__, node.astext()) for node in document[0].children]
    assert parts == [("Text", "A "), ("inline", "生成器、判别器"), ("Text", ", and 1.")]
    assert document[0][1]["classes"] == ["language-zh"]
    assert isinstance(document[1][0], nodes.Text)


# --- No such page ---------------------------------------------------------------------------------


class Under(built_book.Quiet):
    """Serves the book in the folder /repo/, and its 404.html for all that is missing."""

    def do_GET(self):
        self.answer(super().do_GET)

    def do_HEAD(self):
        self.answer(super().do_HEAD)

    def answer(self, serve):
        inside, asked = self.path.startswith("/repo/"), self.path
        self.path = "/" + asked.removeprefix("/repo/")
        place = HTML / self.path.split("?")[0].lstrip("/")
        if inside and place.exists():
            return serve()
        text = (HTML / "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text)


@pytest.fixture(scope="module")
def under_a_path():
    with built_book.served(Under) as address:
        yield address


@pytest.mark.parametrize("place", ["gone.html", "notebooks/06_label_smothing.html", "a/b/c/d/"])
def test_a_page_that_is_missing_leads_on(under_a_path, open_page, place):
    page = open_page(f"{under_a_path}/repo/{place}", viewport={"width": 390, "height": 844})
    page.wait_for_selector("html[data-home]")
    for link in page.locator("a").evaluate_all("links => links.map(e => e.href)"):
        assert link.startswith(f"{under_a_path}/repo/book/"), link
    if "smothing" in place:
        assert page.locator("#query").input_value() == "label smothing"
        page.get_by_role("button", name="Search").press("Enter")
        page.wait_for_url("**/repo/search.html?q=label*smothing")
        page.locator("#search-results a").first.wait_for()
    else:
        page.locator("a").first.click()
        page.wait_for_url("**/repo/book/index.html")
