"""The experiment that runs the Fluid notebook's program: what a batch does, pictures, resuming."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

sys.path.insert(0, str(Path(__file__).parent.parent / "experiments"))

import fluid_dcgan as fluid  # noqa: E402

from gan_utils import data  # noqa: E402


def small_generator(latent_dim):
    h = layers.BatchNormalization()(layers.Dense(8)(z := keras.Input((latent_dim,))))
    return keras.Model(z, layers.Reshape((28, 28, 1))(layers.Dense(784, "tanh")(h)))


def small_discriminator(double_sigmoid):
    assert double_sigmoid
    x = keras.Input((28, 28, 1))
    return keras.Model(x, layers.Dense(1, "sigmoid")(layers.Flatten()(x)))


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setattr(fluid.paddle, "fluid_generator", small_generator)
    monkeypatch.setattr(fluid.paddle, "fluid_discriminator", small_discriminator)
    monkeypatch.setattr(fluid, "FOLDER", tmp_path)
    monkeypatch.setattr(fluid, "BATCH", 4)
    monkeypatch.setattr(fluid, "BATCHES", 12)
    fluid.programs.cache_clear()


def test_a_batch_updates_d_twice_and_g_twice():
    *_, generator, variables = fluid.programs()
    steps = [v for v in variables if v.name == "iteration"]
    weights = [v for v in generator.trainable_variables if v.name == "kernel"]
    before = [v.numpy() for v in weights]
    losses = fluid.one_batch(0, data.load("mnist").images[:4])
    assert [int(step) for step in steps] == [2, 2]
    assert all((a != v.numpy()).any() for a, v in zip(before, weights, strict=True))
    # two sigmoids: at least ln 2 on fakes, and ln(1 + 1/e) to ln 2 on what should be real
    assert losses[0] >= np.log(2)
    assert all(np.log1p(np.exp(-1)) <= loss <= np.log(2) for loss in losses[1:])


def test_the_noise_is_that_of_the_step():
    first, again, next_one = (np.concatenate(fluid.draw(step)) for step in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (12, 100) and (first != next_one).all()
    assert first.min() >= -1 and first.max() < 1


def test_a_run_that_stops_goes_on(tmp_path):
    seconds, losses = fluid.train_to(2)
    fluid.programs.cache_clear()  # as in a new process
    more, both = fluid.train_to(3)
    np.testing.assert_array_equal(both[:2], losses)
    assert more > seconds and both.shape == (3, 4)
    fluid.programs.cache_clear()
    (tmp_path / "state.npz").unlink()
    np.testing.assert_allclose(fluid.train_to(3)[1], both, rtol=1e-3)
    with pytest.raises(SystemExit, match="at step 3, past 2"):
        fluid.train_to(2)


def test_pictures_are_saved_and_shown(tmp_path):
    images = data.load("mnist").images[:4]
    fluid.save_picture(10, 0, images, [0.7, 0.4, 0.6, 0.65])
    page = fluid.display_image(10, 0)
    assert page.size[0] == 16 * 29 - 1
    shown = np.asarray(page)[24 : 24 + 28, :28]
    np.testing.assert_array_equal(shown, images[0, :, :, 0])
    with pytest.raises(FileNotFoundError, match="no picture of epoch 10, batch 460"):
        fluid.display_image(10, 460)
