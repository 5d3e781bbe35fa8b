"""What the benchmark computes without a clock; no test asserts a speed."""

import gzip
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

import pytest

from benchmarks import benchmark, pages
from gan_utils import data, networks
from gan_utils.chapters import race
from tools import experiment_csv


def test_multiply_adds_by_hand():
    assert benchmark.multiply_adds(networks.mlp_generator()) == 100 * 128 + 128 * 784
    generator = networks.dcgan_generator(latent_dim=10, width=4)
    # every input place of a transposed convolution meets the whole kernel once
    wanted = 10 * 7 * 7 * 8 + 7 * 7 * (16 * 8 * 4) + 14 * 14 * (16 * 4 * 1)
    assert benchmark.multiply_adds(generator) == wanted
    discriminator = networks.dcgan_discriminator(width=4, batch_norm=False)
    places = 14 * 14 * 16 * 4, 7 * 7 * 16 * 4 * 8, 4 * 4 * 16 * 8 * 16
    assert benchmark.multiply_adds(discriminator) == sum(places) + 4 * 4 * 16


TUTORIAL = [(1, 90.0), *((k, 40.0 + k % 2) for k in range(2, 8))]
OURS = {
    0: [(10, 80.0), (20, 40.0), *((30 + k, 10.0) for k in range(5))],
    1: [(10, 40.4), *((30 + k, 20.0) for k in range(5))],
}
TURNS = [  # one turn was disturbed
    {"turn": turn, "ms_tutorial": ms, "ms_switched": 1.1 * ms, "ms_recipe": 500.0}
    for turn, ms in enumerate([100_000.0, 100_000.0, 900_000.0])
]


def run_of(curve, seconds_a_step, **more):
    return [
        {**more, "step": step, "seconds": step * seconds_a_step, "frechet": distance}
        for step, distance in curve
    ]


@pytest.fixture
def raced():
    ours = [row for seed, curve in OURS.items() for row in run_of(curve, 0.8, seed=seed)]
    return race.together(run_of(TUTORIAL, 80.0), ours, TURNS)


def test_race_from_curves(raced):
    level = (41 + 40 + 41 + 40 + 41) / 5
    assert raced["level"] == pytest.approx(level)
    assert raced["minutes"] == pytest.approx(700 / 60) and raced["logged_minutes"] * 60 == 560
    assert raced["arrived"] == 2, "the tutorial too at its first score at the level or below"
    assert raced["ms"] == pytest.approx(
        {"ms_tutorial": 100_000, "ms_switched": 110_000, "ms_recipe": 500}
    )
    first, second = raced["seeds"]
    assert first == pytest.approx(
        {
            "seed": 0,
            "step": 20,
            "before": 10,
            "seconds": 10,
            "logged_seconds": 16,
            "timed": 20,
            "logged": 10,
            "end": 10,
            "minutes": 17 / 60,
        }
    )
    assert [second[name] for name in ("step", "before", "timed", "logged", "end")] == pytest.approx(
        [10, 0, 40, 20, 20]
    )
    assert (raced["least"], raced["most"]) == (10, 40)


def test_a_seed_that_never_arrives_is_named():
    ours = run_of([(10, 80.0), (20, 50.0)], 1.0, seed=7)
    with pytest.raises(ValueError, match="Seed 7 never comes down to a distance of 40.6"):
        race.together(run_of(TUTORIAL, 80.0), ours, TURNS)


def test_the_report_says_both_readings_and_what_is_unequal(raced):
    stamp = {"device": "a machine", "definitions": "0123456789abcdef9", "commit": "fedcba98765"}
    text = benchmark.race_text(raced, 3, {"race": stamp})
    assert "**1/40 to 1/10** of the tutorial's time" in text
    assert "takes **12 minutes**" in text and "(9 minutes for the tutorial)" in text
    assert "| 0 | 20 (10) | 10 | 16 | 1/20 | 1/10 | 10.0 | 0.25 | 0.3 min |" in text
    assert "the less favourable reading | 1/10 | 1/100 | **missed** |" in text
    assert (
        "one seed" in text
        and "the tutorial is first there at step 2," in text
        and "takes 1.10 times as long" in text
    )
    assert "| `race.csv` | a machine | `0123456789abcdef` | `fedcba9876` |" in text


def test_logged_times_of_two_processors_are_said_to_be_unequal(raced):
    def told(*devices):
        names = benchmark.RESULTS
        stamps = {
            name: {"device": device, "definitions": name, "commit": name}
            for name, device in zip(names, devices, strict=True)
        }
        return "different processors" in benchmark.race_text(raced, 3, stamps)

    assert told("a", "a", "b")
    assert not told("a", "b", "b"), "timed on one machine, noted on another"


def test_the_race_repeats_the_stamps_of_the_results_that_it_read(tmp_path, monkeypatch):
    """Three results in a folder of their own; each is told with its hash and its commit."""
    folder, ours = tmp_path / "experiments" / "results", []
    for seed, curve in OURS.items():
        ours += run_of(curve, 0.8, seed=seed)
    rows = {"race": TURNS, "tutorial_dcgan": run_of(TUTORIAL, 80.0), "dcgan_mnist_best": ours}
    for name, of_name in rows.items():
        stamp = {"device": "a machine", "definitions": f"hash of {name}", "commit": f"on {name}"}
        experiment_csv.write(folder / f"{name}.csv", of_name, stamp, 1.0)
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)
    monkeypatch.setattr(benchmark.data, "load_results", lambda name: rows[name[:-4]])
    text = benchmark.quality_section()
    assert "**1/40 to 1/10**" in text
    for name in rows:
        said = f"hash of {name}"[:16], f"on {name}"[:10]
        assert f"| `{name}.csv` | a machine | `{said[0]}` | `{said[1]}` |" in text
    (folder / "race.csv").write_text((folder / "race.csv").read_text().replace("500.0", "400.0"))
    with pytest.raises(ValueError, match="race.csv changed since the run"):
        benchmark.quality_section()


def test_the_report_has_the_race_of_the_stored_results():
    """It was written from the results that are there, hashes of their code included."""
    report = (benchmark.ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    assert benchmark.quality_section().strip() in report


@pytest.mark.parametrize("page", ["README.md", "book/status.md"])
def test_every_page_tells_the_race_as_it_was_run(page):
    turns, tutorial, ours = (data.load_results(f"{name}.csv") for name in benchmark.RESULTS)
    found = race.together(tutorial, ours, turns)
    told = " ".join((benchmark.ROOT / page).read_text(encoding="utf-8").split())
    assert f"1/{found['most']:.0f} to 1/{found['least']:.0f}" in told


def test_what_is_not_measured_yet_is_said(monkeypatch):
    monkeypatch.setattr(
        benchmark, "RESULTS", ("no_such_race", "tutorial_dcgan", "dcgan_mnist_best")
    )
    assert "Not measured yet: There is no result 'no_such_race.csv'" in benchmark.quality_section()


def test_every_hand_written_loop_trains(monkeypatch):
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
