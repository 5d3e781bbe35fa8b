"""What the benchmark computes without a clock; no test asserts a speed."""

import gzip
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

import pytest

from benchmarks import benchmark, pages
from gan_utils import networks


def test_multiply_adds_by_hand():
    assert benchmark.multiply_adds(networks.mlp_generator()) == 100 * 128 + 128 * 784
    generator = networks.dcgan_generator(latent_dim=10, width=4)
    # every input place of a transposed convolution meets the whole kernel once
    wanted = 10 * 7 * 7 * 8 + 7 * 7 * (16 * 8 * 4) + 14 * 14 * (16 * 4 * 1)
    assert benchmark.multiply_adds(generator) == wanted
    discriminator = networks.dcgan_discriminator(width=4, batch_norm=False)
    places = 14 * 14 * 16 * 4, 7 * 7 * 16 * 4 * 8, 4 * 4 * 16 * 8 * 16
    assert benchmark.multiply_adds(discriminator) == sum(places) + 4 * 4 * 16


def test_time_to_quality_from_curves(monkeypatch):
    curves = {
        "tutorial_dcgan.csv": {0: [(1, 90.0), *((k, 40.0 + k % 2) for k in range(2, 8))]},
        "dcgan_mnist.csv": {
            0: [(10, 80.0), (20, 40.0), *((30 + k, 10.0) for k in range(5))],
            1: [(10, 40.4), *((30 + k, 20.0) for k in range(5))],
        },
    }
    monkeypatch.setattr(benchmark, "curve", curves.get)
    seconds = {"tutorial": 100.0, "recipe": 0.5}
    level, whole, rows = benchmark.time_to_quality(seconds)
    assert level == pytest.approx((41 + 40 + 41 + 40 + 41) / 5)
    assert whole == 700.0
    assert rows == [(0, 10.0, 10.0, 17.0), (1, 5.0, 20.0, 17.0)]


def test_every_hand_written_loop_trains(monkeypatch):
    from gan_utils import data

    images = data.load("digits").images[:300]
    for way in (
        benchmark.engine,
        benchmark.step_by_step,
        benchmark.stock_fit,
        benchmark.one_graph,
    ):
        made = []
        build = lambda made=made: made.append(benchmark.mlp()) or made[-1]  # noqa: E731
        assert way(build, images, 100)() > 0
        moved = [model for model in made if int(model.g_optimizer.iterations)]
        assert len(moved) == 1 and int(moved[0].d_optimizer.iterations) >= 3, way.__name__


# --- pages ----------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><title>t</title><article><h1>A title</h1></article><script>
new PerformanceObserver(() => setTimeout(() => {
  document.querySelector("article").insertAdjacentHTML("beforeend", "<p>Late words.</p>");
}, 300)).observe({type: "paint", buffered: true});</script>"""


@pytest.fixture
def site(tmp_path):
    """The address of a page whose paragraph comes late, with an image beside it."""
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "image.png").write_bytes(b"pixels")
    serve = partial(pages.Server, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_text_is_served_compressed(site):
    with urlopen(f"{site}/page.html") as page, urlopen(f"{site}/image.png") as image:
        assert gzip.decompress(page.read()).decode() == PAGE
        assert image.read() == b"pixels" and image.headers["Content-Encoding"] is None


def test_a_page_is_readable_when_its_paragraph_is_there(browser, site):
    seen = pages.visit(browser, f"{site}/page.html")
    assert seen["readable"] > seen["first"] + 0.1 and seen["blocking"] == 0
    assert 0 < seen["moved"] < 0.01


def test_a_page_that_is_too_slow_is_said():
    row = {"first": 0.5, "slow": 1.2, "largest": 1.0, "blocking": 3, "moved": 0.3, "weight": 1.2}
    text = pages.section("1", {"a": row | {"readable": 1.6}, "b": row | {"readable": 0.7}})
    assert "slow first paint, `a` | 1.20 s | 1.5 s | reached |" in text
    arrival = pages.section("1", {"a": row | {"readable": 1}, pages.ARRIVAL: row | {"readable": 1}})
    assert "slow first paint, `book/index` | 1.20 s | 1.0 s | **missed** |" in arrival
    assert "| `a` | 0.50 s | 1.20 s | 1.60 s | 1.00 s | 3 | 0.30 MB | 1.20 MB |" in text
    assert "readable, `a` | 1.60 s | 1.5 s | **missed** |" in text
    assert "heaviest, `a` | 1.20 MB | 1.5 MB | reached |" in text
