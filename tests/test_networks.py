import numpy as np

from gan_utils import networks


def test_parameter_counts_by_hand():
    assert networks.mlp_generator().count_params() == (100 * 128 + 128) + (128 * 784 + 784)
    assert networks.mlp_discriminator().count_params() == (784 * 128 + 128) + (128 + 1)


def test_shapes_and_ranges():
    z = np.random.default_rng(0).uniform(-9, 9, (5, 100)).astype("float32")
    images = networks.mlp_generator()(z)
    assert images.shape == (5, 28, 28, 1)
    assert np.abs(images).max() <= 1
    squashed = np.asarray(networks.mlp_generator(output="sigmoid")(z))
    assert 0 <= squashed.min() and squashed.max() <= 1
    assert networks.mlp_discriminator()(images).shape == (5, 1)


def test_generator_is_the_formula():
    """tanh(W₂ max(h, αh) + b₂), h = W₁ z + b₁: nothing else is hidden in the layers."""
    generator = networks.mlp_generator(slope=0.01)
    w1, b1, w2, b2 = generator.get_weights()
    z = np.random.default_rng(1).uniform(-1, 1, (3, 100)).astype("float32")
    h = z @ w1 + b1
    wanted = np.tanh(np.maximum(h, 0.01 * h) @ w2 + b2).reshape(3, 28, 28, 1)
    np.testing.assert_allclose(generator(z), wanted, rtol=1e-4, atol=1e-6)
