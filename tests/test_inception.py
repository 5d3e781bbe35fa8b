"""The loading code for the standard network, tried on random weights: there are none on hand."""

import keras
import numpy as np
import pytest

from gan_utils.chapters import inception

RANDOM = np.random.default_rng(0)


def test_weights_from_a_file_give_the_same_features(tmp_path):
    keras.utils.set_random_seed(1)
    first = inception.network(None, size=75)
    first.save_weights(path := tmp_path / "inception.weights.h5")
    keras.utils.set_random_seed(2)
    second = inception.network(path, size=75)
    images = RANDOM.integers(0, 256, (3, 20, 30, 3)).astype(np.uint8)
    found = inception.features(first, images, batch_size=2)
    assert found.shape == (3, inception.FEATURES)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, inception.features(second, images), rtol=1e-4, atol=1e-6)
    assert np.ptp(found, axis=0).max() > 0, "different images have different features"
    # grey images are three equal channels
    grey = images[..., :1]
    coloured = inception.features(first, grey.repeat(3, axis=3))
    np.testing.assert_allclose(inception.features(first, grey), coloured, rtol=1e-4, atol=1e-6)


class Eye:
    """Stands in for the network: its features are what it is shown."""

    input_shape = (None, 8, 8, 3)

    def predict_on_batch(self, x):
        return np.asarray(x).reshape(len(x), -1)


def test_resizing_keeps_the_mean_and_the_range():
    """Every other column white: an antialiasing filter shows a grey, others show black or white."""
    stripes = np.zeros((1, 32, 32, 3), np.uint8)
    stripes[:, :, ::2] = 255
    seen = inception.features(Eye(), stripes).reshape(8, 8, 3)
    np.testing.assert_allclose(seen[:, 1:-1], 0, atol=0.15)
    white = inception.features(Eye(), np.full((1, 32, 32, 1), 255, np.uint8))
    np.testing.assert_allclose(white, 1, atol=1e-6)


def test_a_missing_file_is_named():
    with pytest.raises(ValueError, match="There is no file 'nowhere.h5'"):
        inception.network("nowhere.h5")


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 8, 8, 3)),
        np.zeros((2, 8, 8, 2), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_features_refuses(bad):
    with pytest.raises(ValueError, match="takes uint8 images"):
        inception.features(Eye(), bad)
