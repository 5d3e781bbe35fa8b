import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from gan_utils import data
from gan_utils.chapters import families


def test_masked_convolutions_see_only_pixels_before():
    keras.utils.set_random_seed(0)
    model = families.build_pixel_model(width=4, blocks=2)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 28, 28, 1)).astype("float32")
    place = 10 * 28 + 14

    def logits_there(changed):
        y = x.copy().reshape(1, -1, 1)
        y[0, changed] += 1
        return np.asarray(model(y.reshape(x.shape))).reshape(28 * 28, -1)[place]

    own = logits_there([])
    for changed in (place, place + 1, place + 28, place + 27):
        assert np.array_equal(logits_there([changed]), own), "itself, and what comes after"
    for changed in (place - 1, place - 28, place - 27, place - 29):
        assert not np.allclose(logits_there([changed]), own), "left, above, above to both sides"


def test_pixel_model_is_a_distribution():
    """The probabilities of all images of a tiny model's first two pixels sum to 1."""
    keras.utils.set_random_seed(0)
    model, total = families.build_pixel_model(width=4, blocks=1), 0.0
    for a in range(families.LEVELS):
        for b in range(families.LEVELS):
            levels = np.zeros((1, 28, 28, 1), np.uint8)
            levels[0, 0, :2, 0] = a, b
            logits = model(data.to_unit_range(families.from_levels(levels)))
            log_p = scipy.special.log_softmax(np.asarray(logits, np.float64)[0, 0], axis=-1)
            total += np.exp(log_p[0, a] + log_p[1, b])
    assert total == pytest.approx(1, abs=1e-6)


def test_the_windowed_sampler_is_the_plain_one():
    keras.utils.set_random_seed(0)
    model = families.build_pixel_model(width=4, blocks=2)
    for layer in model.layers:  # larger weights, so that the pixels matter to each other
        layer.set_weights([3 * w for w in layer.get_weights()])
    start = np.random.default_rng(1).integers(0, 4, (2, 28, 28, 1), dtype=np.uint8)
    drawn = families.sample_pixels(model, 2, seed=3, start=start, rows=24)
    plain, noise = start.copy(), np.random.default_rng(3).gumbel(size=(28, 28, 2, 4))
    for row in range(24, 28):
        for column in range(28):
            logits = model(data.to_unit_range(families.from_levels(plain)))[:, row, column]
            scores = logits + noise[row, column].astype("float32")
            plain[:, row, column, 0] = np.argmax(scores, -1)
    assert np.array_equal(drawn, families.from_levels(plain))
    assert np.array_equal(drawn[:, :24], families.from_levels(start[:, :24])), "kept rows"


def test_levels_there_and_back():
    levels = np.arange(families.LEVELS, dtype=np.uint8)
    assert np.array_equal(families.to_levels(families.from_levels(levels)), levels)
    assert families.from_levels(levels).tolist() == [0, 85, 170, 255]
    assert families.to_levels(np.array([0, 42, 43, 255])).tolist() == [0, 0, 1, 3]


def test_gibbs_chain_reaches_the_distribution_of_a_tiny_machine():
    """Two visible and one hidden unit: the exact probabilities by enumeration."""
    weights, hidden_bias, visible_bias = [[2.0, -1.0]], [0.3], [-0.5, 0.4]
    machine = {
        "weights": np.array(weights),
        "hidden_bias": np.array(hidden_bias),
        "visible_bias": np.array(visible_bias),
    }
    states = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    inputs = states @ machine["weights"].T + machine["hidden_bias"]
    exact = np.exp(states @ machine["visible_bias"] + np.logaddexp(0, inputs[:, 0]))
    exact /= exact.sum()
    bits, probabilities = families.gibbs(machine, np.zeros((40_000, 2)), 30)
    found = np.bincount((bits @ [2, 1]).astype(int), minlength=4) / len(bits)
    assert np.abs(found - exact).max() < 0.012  # standard deviation at most 0.0025
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_vae_loss_against_the_formula():
    keras.utils.set_random_seed(0)
    encoder, decoder = families.build_vae(latent_dim=2, hidden=3)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4, 28, 28, 1)).astype("float32")
    noise = rng.normal(size=(4, 2)).astype("float32")
    mean, log_variance = np.moveaxis(np.asarray(encoder(x), np.float64), 1, 0)
    std = np.exp(log_variance / 2)
    logits = np.asarray(decoder((mean + std * noise).astype("float32")), np.float64)
    white = (x.astype(np.float64) + 1) / 2
    p = scipy.special.expit(logits)
    likelihood = (white * np.log(p) + (1 - white) * np.log(1 - p)).sum((1, 2, 3))
    # KL between normal distributions, as log-densities integrated by hand
    kl = (np.log(1 / std) + (std**2 + mean**2) / 2 - 0.5).sum(1)
    expected = (kl - likelihood).mean()
    assert float(families.vae_loss(encoder, decoder, x, noise)) == pytest.approx(expected, rel=1e-5)


def test_sharpness():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    assert families.sharpness(noise) == pytest.approx(1, abs=0.02)
    ramp = np.tile(np.arange(28, dtype=np.uint8)[:, None], (1, 1, 28))[..., None]
    assert families.sharpness(ramp) < 0.01
    grey = np.full((1, 28, 28, 1), 7, np.uint8)
    both = np.concatenate([noise, grey])
    assert families.sharpness(both) == families.sharpness(noise), "one grey counts nothing"


def test_shipped_weights_draw_digits():
    _, decoder = families.vae()
    z = tf.random.stateless_normal((50, 16), (0, 0))
    images = families.decode(decoder, z)
    assert images.shape == (50, 28, 28, 1) and images.dtype == np.uint8 and images.std() > 30
    machine = families.boltzmann()
    assert machine["weights"].shape == (256, 784) and machine["weights"].dtype == np.float32
    assert families.pixel_model().output_shape[-1] == families.LEVELS
