import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from gan_utils import losses, plots


@pytest.fixture(autouse=True)
def close_figures():
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
    figure = plots.diagram(boxes, arrows, size=(3, 2))
    assert {text.get_text() for text in figure.axes[0].texts} == {"z", "G", "100 numbers", "grad"}
    assert len(figure.axes[0].patches) == 4


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
    table = plots.table(
        [{"what": "a < b", "value": f"{-0.5:+.1f}", "note": ""}], caption="Two"
    ).data
    assert (
        "<caption>Two</caption>" in table
        and '<th scope="col" style="text-align:left">what</th>' in table
    )
    assert '<th scope="col" style="text-align:right">value</th>' in table
    assert "a &lt; b" in table and '<td style="text-align:right">-0.5</td>' in table
    assert '<td style="text-align:left"></td>' in table


def test_film_carries_all_frames_and_a_text_alternative():
    frames = [np.full((4, 6, 1), 40 * i, np.uint8) for i in range(6)]
    film = plots.film(
        frames, [f"epoch {i}" for i in range(6)], alt='six "greys"', caption="a < b", columns=4
    ).data
    settings = json.loads(re.search('data-film="([^"]*)"', film)[1].replace("&quot;", '"'))
    assert settings == {"columns": 4, "labels": [f"epoch {i}" for i in range(6)], "scale": 2}
    assert 'alt="six &quot;greys&quot;"' in film
    assert 'width="24" height="8"' in film, "four columns, two rows"
    assert "<figcaption>a &lt; b</figcaption>" in film
    assert "http" not in film


def test_film_scale_reaches_the_script():
    film = plots.film([np.zeros((2, 2, 1), np.uint8)], ["a"], alt="x", caption="y", scale=1).data
    settings = json.loads(re.search('data-film="([^"]*)"', film)[1].replace("&quot;", '"'))
    assert settings["scale"] == 1 and "scale * canvas.width" in film


def test_pixels_of_a_figure():
    open_before = plt.get_fignums()
    figure = plt.figure(figsize=(2, 1), dpi=50, facecolor="#ff8000")
    frame = plots.pixels(figure)
    assert frame.shape == (50, 100, 3) and frame.dtype == np.uint8
    assert (frame == (255, 128, 0)).all()
    assert plt.get_fignums() == open_before, "the figure is closed"


def test_film_refuses_missing_labels():
    with pytest.raises(ValueError, match="2 frames and 1 labels"):
        plots.film([np.zeros((2, 2, 1), np.uint8)] * 2, ["a"], alt="x", caption="y")


def test_bands_cross_out_what_lies_outside():
    low, high = np.zeros(4), np.ones(4)
    names = {"d_a": "A", "g_b": "B", "d_c": "C"}
    series = {"d_a": [0.5, 2, 0.5, -1], "g_b": [0.5] * 4, "d_c": [np.nan] * 4}
    figure = plots.bands(dict.fromkeys(names, (low, high)), series, names)
    crosses = {a.get_title(): a.lines[1].get_xdata().tolist() for a in figure.axes if a.lines}
    assert crosses["A"] == [2, 4] and crosses["B"] == []


def test_photographs_become_a_small_jpeg():
    import io

    from PIL import Image

    rng = np.random.default_rng(0)
    images = np.repeat(np.repeat(rng.integers(0, 256, (6, 4, 4, 3)), 8, 1), 8, 2).astype(np.uint8)
    shown = plots.photo_grid(images, columns=3, row_labels=["airplane", "a longer label"])
    assert shown.format == "jpeg"
    picture = np.asarray(Image.open(io.BytesIO(shown.data)))
    assert len(shown.data) < 40_000 and picture.shape[1] > 3 * 64
    bare = np.asarray(Image.open(io.BytesIO(plots.photo_grid(images, columns=3).data)))
    assert np.abs(np.subtract(bare.shape[:2], 2 * np.array([66, 100]))).max() <= 2, "two to one"
    assert not plt.get_fignums(), "no figure stays open"
