"""What the benchmark computes without a clock; no test asserts a speed."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("benchmarks", "experiments")]
import benchmark  # noqa: E402

from gan_utils import networks  # noqa: E402


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
