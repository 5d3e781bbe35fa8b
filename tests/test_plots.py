import base64
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import figures
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from PIL import Image

from gan_utils import film, losses, plots
from gan_utils.chapters import diagram, photographs


@pytest.fixture(autouse=True)
def book_style():
    plots.use_book_style()
    yield
    plt.close("all")


def test_tile_puts_every_image_in_its_place():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    picture = plots.tile(images, columns=2, gap=1)
    assert picture.shape == (3 * 2 + 2, 2 * 3 + 1, 1)
    assert (picture[0:2, 4:7] == 1).all() and (picture[6:8, 0:3] == 4).all()
    assert (picture[6:8, 4:7] == 255).all(), "the unused place is white"
    assert (picture[2] == 255).all(), "the gap is white"


def test_image_grid_labels_rows():
    figure = plots.image_grid(np.zeros((6, 28, 28, 1), np.uint8), 3, row_labels=["one", "two"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two"]


def test_digits_are_drawn_two_pixels_to_one():
    """A pixel of a digit is a square of four by four: two of the page, on a sharp screen."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1)).astype(np.uint8)
    data, metadata = plots.formats(plots.image_grid(images, columns=10))
    assert data.keys() == {"image/png"}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    size = metadata["image/png"]
    assert picture.size == (2 * size["width"], 2 * size["height"])
    assert 298 * 2 <= size["width"] <= 298 * 2 + 30, "a digit is 56 pixels wide on the page"
    greys = np.asarray(picture.convert("L"))
    border = (greys.shape[1] - 298 * 4) // 2
    row = greys[greys.shape[0] // 4, border : border + 28 * 4]
    assert len(set(np.flatnonzero(np.diff(row.astype(int))) % 4)) == 1, "all steps on one raster"


def test_a_wide_sheet_stays_on_the_page():
    figure = plots.image_grid(np.zeros((30, 64, 64, 3), np.uint8), columns=12)
    assert figure.get_figwidth() * figure.dpi <= plots.PAGE


def lines():
    figure, axes = plt.subplots()
    axes.plot([0, 1 / 3, 1], color=plots.COLORS["d"])
    axes.set_title("small", fontsize=8)
    return figure


def test_a_figure_of_lines_is_the_same_svg_each_time():
    data, metadata = plots.formats(lines())
    svg = data["image/svg+xml"]
    root = ElementTree.fromstring(svg)
    assert svg == plots.formats(lines())[0]["image/svg+xml"]
    size = metadata["image/png"]
    assert abs(int(root.get("width")) - size["width"]) <= 2, "both formats have one size"
    assert not re.search(r"<metadata|<!--|pt\"| d=\"[^\"]*\.\d{3}", svg)
    assert "#0072b2" in svg and "var(" not in svg, "in a notebook it is plain, on white"


@pytest.mark.parametrize("kind", ["image", "mesh", "dots"])
def test_a_figure_with_pixels_is_no_svg(kind):
    figure, axes = plt.subplots()
    if kind == "image":
        axes.imshow(np.zeros((3, 3)))
    elif kind == "mesh":
        axes.pcolormesh(np.zeros((3, 3)))
    else:
        axes.scatter(*np.zeros((2, 5000)))
    data, metadata = plots.formats(figure)
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert data.keys() == {"image/png"}
    assert abs(picture.width - 2 * metadata["image/png"]["width"]) <= 1


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [((p + 0.055) / 1.055) ** 2.4 if p > 0.04045 else p / 12.92 for p in parts]
    return np.dot(parts, [0.2126, 0.7152, 0.0722])


def test_dark_colours_can_be_read_on_dark_paper():
    paper = luminance(figures.dark("#ffffff"))
    assert paper < 0.01
    for color in plots.COLORS.values():
        assert (luminance(figures.dark(color.lower())) + 0.05) / (paper + 0.05) >= 4.5, color
    hues = [figures.dark(plots.COLORS[name].lower()) for name in "dg"]
    assert hues[0][5:] > hues[0][1:3] and hues[1][5:] < hues[1][1:3], "blue stays blue, orange too"


def test_an_svg_takes_the_colours_of_the_page():
    plain = plots.formats(lines())[0]["image/svg+xml"]
    colored = figures.with_dark_colors(plain)
    ElementTree.fromstring(colored)
    body = colored[colored.index("</style>") :]
    assert not re.search(r"(fill|stroke): #", body) and "var(--c0)" in body
    light, night = colored[: colored.index("</style>")].split("@media(prefers-color-scheme:dark)")
    assert "#0072b2" in light and figures.dark("#0072b2") in night
    names = set(re.findall(r"var\((--c\d+)\)", body))
    assert names <= set(re.findall(r"(--c\d+):", light)) == set(re.findall(r"(--c\d+):", night))
    assert figures.with_dark_colors(colored) == colored, "a second time changes nothing"


def test_the_smallest_type_of_an_svg_is_known(tmp_path):
    (tmp_path / "a.svg").write_text(plots.formats(lines())[0]["image/svg+xml"])
    assert figures.smallest_type(tmp_path / "a.svg") == pytest.approx(8)
    assert figures.smallest_type(tmp_path / "a.png") == figures.SMALL


CELLS = """
import matplotlib.pyplot as plt, numpy as np
from gan_utils import plots
plots.use_book_style()
plots.claim("It is so.", holds=True)
plots.table([{"a": 1}])
x = 1
# next
plots.table([{"a": 2}])
# next
plt.subplots();
# next
plt.figure().add_subplot().imshow(np.zeros((2, 2)));
"""


def test_a_notebook_shows_each_output_once_and_in_its_format():
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS.split("# next\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", timeout=240).execute()
    kinds = [
        [sorted(o.data.keys() - {"text/plain"}) for o in cell.outputs if "data" in o]
        for cell in notebook.cells
    ]
    assert kinds == [
        [["text/markdown"], ["text/html"]],
        [["text/html"]],
        [["image/png", "image/svg+xml"]],
        [["image/png"]],
    ]


def test_loss_curves_show_the_equilibrium():
    history = {"d_loss": [1.0, 1.2], "g_loss": [2.0, 1.0]}
    dots = [("here", "d_loss", [1], [1.3]), ("source", "d_loss", [1, 2], [1.1, 1.0])]
    figure = plots.loss_curves(history, losses.equilibrium(0.9), dots)
    lines = figure.axes[0].get_lines()
    assert [line.get_ydata()[0] for line in lines if line.get_linestyle() == "--"] == [
        pytest.approx(1.376, abs=1e-3),
        pytest.approx(0.799, abs=1e-3),
    ]
    np.testing.assert_array_equal(lines[-1].get_ydata(), [1.1, 1.0])
    assert [line.get_fillstyle() for line in lines[-2:]] == ["full", "none"]


def test_diagram_draws_boxes_and_arrows():
    boxes = {"z": (0.5, 1, "#000000"), "G": (2, 1, "#000000")}
    arrows = [("z", "G", "100 numbers"), ("G", "z", "grad", 0.4, "#D55E00")]
    figure = diagram.draw(boxes, arrows, size=(3, 2))
    assert {text.get_text() for text in figure.axes[0].texts} == {"z", "G", "100 numbers", "grad"}
    assert len(figure.axes[0].patches) == 4


def test_two_networks_marks_a_part():
    whole = diagram.two_networks().axes[0]
    assert {text.get_text() for text in whole.texts} >= {*diagram.BOXES, "moves G", "moves D"}
    assert {patch.get_alpha() for patch in whole.patches} == {1}
    for mark, (boxes, arrows) in diagram.MARKS.items():
        axes = diagram.two_networks(mark).axes[0]
        strong = [patch for patch in axes.patches if patch.get_alpha() == 1]
        assert len(strong) == len(boxes) + len(arrows) < len(whole.patches)
    texts = {text.get_text() for text in diagram.two_networks("D learns").axes[0].texts}
    assert "moves D" in texts and "moves G" not in texts
    with pytest.raises(ValueError, match="no part 'H' to mark. There are: generator"):
        diagram.two_networks("H")


def test_titled_row_shows_images_or_points():
    images = np.zeros((5, 28, 28, 1), np.uint8)
    axes = plots.titled_row(images, "epoch 3", columns=3).axes[0]
    assert axes.get_title(loc="left") == "epoch 3"
    assert axes.images[0].get_array().shape == (2 * 30 - 2, 3 * 30 - 2)
    points = plots.titled_row(np.zeros((7, 2)), "epoch 3", columns=3).axes[0]
    assert points.get_title() == "epoch 3" and len(points.collections[0].get_offsets()) == 7


def test_claim_asserts_where_the_book_makes_its_pages(monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    assert plots.claim("It is so.", holds=True).data == "It is so."
    with pytest.raises(AssertionError, match="does not hold: It is so"):
        plots.claim("It is so.", holds=False)


@pytest.mark.parametrize("profile", ["full", "short"])
def test_claim_goes_on_in_a_run_of_a_reader(monkeypatch, profile):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    monkeypatch.delenv("GAN_BOOK_CLAIMS")
    assert plots.claim("It is so.", holds=True).data == "It is so."
    said = plots.claim("It is so.", holds=np.bool_(False)).data
    assert said == "On the page this held; in your run it does not: It is so."


@pytest.mark.parametrize("holds", [True, False])
def test_claim_is_not_asserted_in_quick(holds):
    said = plots.claim("It is so.", holds).data
    assert said.startswith("*(Quick profile: not established") and said.endswith(" It is so.")


def test_table_heads_and_escapes():
    row = {"what": "a < b", "value": f"{-0.5:+.1f}", "note": ""}
    table = BeautifulSoup(plots.table([row], caption="Two & more").data, "html.parser").table
    assert table.caption.get_text() == "Two & more"
    for cells in (table.thead("th"), table.tbody("td")):
        sides = [cell["style"].replace(" ", "") for cell in cells]
        assert sides == ["text-align:left", "text-align:right", "text-align:left"]
    assert [(head.get_text(), head["scope"]) for head in table.thead("th")] == [
        ("what", "col"),
        ("value", "col"),
        ("note", "col"),
    ]
    assert [cell.get_text() for cell in table.tbody("td")] == ["a < b", "-0.5", ""]


def test_film_carries_all_frames_and_a_text_alternative():
    frames = [np.full((4, 6, 1), 40 * i, np.uint8) for i in range(6)]
    labels = [f"epoch {i}" for i in range(6)]
    made = film.show(frames, labels, alt='six "greys"', caption="a < b", columns=4, scale=1)
    figure = BeautifulSoup(made.data, "html.parser").figure
    assert json.loads(figure["data-film"]) == {"columns": 4, "labels": labels, "scale": 1}
    assert figure.img["alt"] == 'six "greys"' and figure.figcaption.get_text() == "a < b"
    _, code = figure.img["src"].split("data:image/webp;base64,")
    sheet = Image.open(io.BytesIO(base64.b64decode(code)))
    assert sheet.size == (24, 8) == (int(figure.img["width"]), int(figure.img["height"]))
    greys = [sheet.convert("L").getpixel((6 * (i % 4) + 3, 4 * (i // 4) + 2)) for i in range(6)]
    np.testing.assert_allclose(greys, 40 * np.arange(6), atol=8)
    assert "http" not in made.data


def test_pixels_of_a_figure():
    open_before = plt.get_fignums()
    figure = plt.figure(figsize=(2, 1), dpi=50, facecolor="#ff8000")
    frame = plots.pixels(figure)
    assert frame.shape == (50, 100, 3) and frame.dtype == np.uint8
    assert (frame == (255, 128, 0)).all()
    assert plt.get_fignums() == open_before, "the figure is closed"


def test_film_refuses_missing_labels():
    with pytest.raises(ValueError, match="2 frames and 1 labels"):
        film.show([np.zeros((2, 2, 1), np.uint8)] * 2, ["a"], alt="x", caption="y")


def test_photographs_become_a_small_jpeg():
    rng = np.random.default_rng(0)
    images = np.repeat(np.repeat(rng.integers(0, 256, (6, 4, 4, 3)), 8, 1), 8, 2).astype(np.uint8)
    shown = photographs.photo_grid(images, columns=3, row_labels=["airplane", "a longer label"])
    assert shown.format == "jpeg"
    picture = np.asarray(Image.open(io.BytesIO(shown.data)))
    assert len(shown.data) < 40_000 and picture.shape[1] > 3 * 64
    bare = np.asarray(Image.open(io.BytesIO(photographs.photo_grid(images, columns=3).data)))
    assert np.abs(np.subtract(bare.shape[:2], 2 * np.array([66, 100]))).max() <= 2, "two to one"
    assert not plt.get_fignums(), "no figure stays open"
