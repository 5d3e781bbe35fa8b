"""Pictures of the plane: D's surface, point clouds, and the latent grid that G warps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import norm

from gan_utils.chapters import plane


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_plane_goes_row_by_row_from_the_bottom():
    points = plane.axes(-1, 3, n=5)
    assert points.shape == (25, 2) and points.dtype == np.float32
    assert points[:5].tolist() == [[-1, -1], [0, -1], [1, -1], [2, -1], [3, -1]]
    assert points[-1].tolist() == [3, 3]


def test_decision_surface_shows_where_d_is_high(axes):
    points = plane.axes(0, 1, n=11)
    d = points[:, :1] * 0.98 + 0.01  # grows to the right
    plane.decision_surface(axes, d, 0, 1)
    picture = axes.images[0]
    assert picture.origin == "lower"
    assert np.allclose(picture.get_array()[:, -1], 0.99) and np.allclose(
        picture.get_array()[:, 0], 0.01
    )
    (border,) = axes.collections[0].get_paths()
    assert np.allclose(border.vertices[:, 0], 0.5)
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)


def test_decision_surface_without_a_border_draws_none(axes):
    plane.decision_surface(axes, np.full(9, 0.3), -1, 1)
    assert not axes.collections


def test_decision_surface_refuses_what_is_no_square(axes):
    with pytest.raises(ValueError, match="10 probabilities"):
        plane.decision_surface(axes, np.zeros(10), 0, 1)


def test_point_clouds_lie_over_each_other_in_two_colours(axes):
    plane.point_clouds(axes, np.zeros((4, 2)), np.ones((3, 2)))
    real, generated = axes.collections
    assert len(real.get_offsets()) == 4 and len(generated.get_offsets()) == 3
    assert real.get_zorder() <= generated.get_zorder()
    assert not np.array_equal(real.get_facecolor(), generated.get_facecolor())


def test_latent_grid_is_spaced_by_probability():
    lines = plane.latent_grid(lines=3, points=7)
    assert lines.shape == (6, 7, 2) and lines.dtype == np.float32
    assert np.allclose(norm.cdf(lines[:3, :, 0]), [[0.25] * 7, [0.5] * 7, [0.75] * 7])
    assert np.allclose(lines[3:, :, 1], lines[:3, :, 0])
    assert np.allclose(norm.cdf(lines[0, [0, -1], 1]), [0.005, 0.995], atol=1e-5)


def test_warped_grid_draws_every_line(axes):
    lines = plane.latent_grid(lines=4)
    plane.warped_grid(axes, 2 * lines + 1)
    assert len(axes.lines) == 8
    assert np.allclose(axes.lines[5].get_xydata(), 2 * lines[5] + 1)
    colors = [line.get_color() for line in axes.lines]
    assert len(set(colors[:4])) == len(set(colors[4:])) == 1 and colors[0] != colors[4]
