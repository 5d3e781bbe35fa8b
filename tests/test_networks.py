import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, softmax

from gan_utils import losses, networks
from gan_utils.sources import paddle

PAIRS = {
    "fc": (paddle.fc_generator, paddle.fc_discriminator, {}),
    "paddle 28": (paddle.paddle_dcgan_generator, paddle.paddle_dcgan_discriminator, {}),
    "paddle 32": (
        paddle.paddle_dcgan_generator,
        paddle.paddle_dcgan_discriminator,
        {"size": 32, "channels": 3},
    ),
    "fluid": (paddle.fluid_generator, paddle.fluid_discriminator, {}),
    **{
        f"dcgan {size} {channels}": (
            networks.dcgan_generator,
            networks.dcgan_discriminator,
            {"size": size, "channels": channels, "width": 8},
        )
        for size in (28, 32, 64)
        for channels in (1, 3)
    },
}


@pytest.fixture
def mixed_bfloat16():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(policy)


def variable(model, path):
    """The one variable whose path ends so."""
    (found,) = (v for v in model.variables if v.path.endswith(path))
    return found.numpy()


def named(model, name):
    """All variables of that name, in the order of the layers."""
    return [v.numpy() for v in model.variables if v.name == name]


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


def bn(maps):
    """Scale, shift, moving mean and moving variance."""
    return 4 * maps


@pytest.mark.parametrize(
    "model, wanted",
    [
        (paddle.fc_generator, (10 * 10 + 10) + (10 * 10 + 10) + bn(10) + (10 * 2 + 2)),
        (paddle.fc_discriminator, (2 * 10 + 10) + (10 * 10 + 10) + bn(10) + (10 + 1)),
        (
            lambda: paddle.fc_discriminator(softmax=True),
            (2 * 10 + 10) + (10 * 10 + 10) + bn(10) + (10 * 2 + 2),
        ),
        (
            lambda: paddle.fc_generator(latent_dim=3, hidden=5, shape=(2, 2)),
            (3 * 5 + 5) + (5 * 5 + 5) + bn(5) + (5 * 4 + 4),
        ),
        (
            paddle.paddle_dcgan_generator,
            (100 * 3 * 3 * 256 + 3 * 3 * 256)
            + bn(3 * 3 * 256)
            + (5 * 5 * 256 * 128 + 128)  # 3 -> 7
            + bn(128)
            + (4 * 4 * 128 * 64 + 64)  # 7 -> 14
            + bn(64)
            + (4 * 4 * 64 + 1),
        ),
        (
            lambda: paddle.paddle_dcgan_generator(size=32, channels=3),
            (100 * 4 * 4 * 256 + 4 * 4 * 256)
            + bn(4 * 4 * 256)
            + (4 * 4 * 256 * 128 + 128)
            + bn(128)
            + (4 * 4 * 128 * 64 + 64)
            + bn(64)
            + (4 * 4 * 64 * 3 + 3),
        ),
        (
            paddle.paddle_dcgan_discriminator,
            (4 * 4 * 64 + 64)
            + (4 * 4 * 64 * 128 + 128)
            + bn(128)
            + (5 * 5 * 128 * 256 + 256)  # 7 -> 3
            + bn(256)
            + (3 * 3 * 256 + 1),
        ),
        (
            lambda: paddle.paddle_dcgan_discriminator(size=32, channels=3, softmax=True),
            (4 * 4 * 3 * 64 + 64)
            + (4 * 4 * 64 * 128 + 128)
            + bn(128)
            + (4 * 4 * 128 * 256 + 256)
            + bn(256)
            + (4 * 4 * 256 * 2 + 2),
        ),
        (
            paddle.fluid_generator,
            (100 * 2048 + 2048)
            + bn(2048)
            + (2048 * 6272 + 6272)
            + bn(6272)
            + (5 * 5 * 128 * 128 + 128)
            + (5 * 5 * 128 + 1),
        ),
        (
            paddle.fluid_discriminator,
            (5 * 5 * 64 + 64)
            + (5 * 5 * 64 * 128 + 128)
            + bn(128)
            + (4 * 4 * 128 * 1024 + 1024)  # 28 -> 24 -> 12 -> 8 -> 4
            + bn(1024)
            + (1024 + 1),
        ),
    ],
)
def test_parameter_counts_of_the_sources(model, wanted):
    assert model().count_params() == wanted


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "size, generator, discriminator",
    [
        (
            28,
            (100 * 7 * 7 * 128 + bn(128)) + (16 * 128 * 64 + bn(64)),
            (16 * 64 * 128 + bn(128)) + (16 * 128 * 256 + bn(256)) + (4 * 4 * 256 + 1),
        ),
        (
            32,
            (100 * 4 * 4 * 256 + bn(256)) + (16 * 256 * 128 + bn(128)) + (16 * 128 * 64 + bn(64)),
            (16 * 64 * 128 + bn(128)) + (16 * 128 * 256 + bn(256)) + (4 * 4 * 256 + 1),
        ),
        (
            64,
            (100 * 4 * 4 * 512 + bn(512))
            + (16 * 512 * 256 + bn(256))
            + (16 * 256 * 128 + bn(128))
            + (16 * 128 * 64 + bn(64)),
            (16 * 64 * 128 + bn(128))
            + (16 * 128 * 256 + bn(256))
            + (16 * 256 * 512 + bn(512))
            + (4 * 4 * 512 + 1),
        ),
    ],
)
def test_parameter_counts_of_the_dcgan(size, channels, generator, discriminator):
    """What touches the image is added here: it alone depends on the channels."""
    model = networks.dcgan_generator(size=size, channels=channels)
    assert model.count_params() == generator + (16 * 64 * channels + channels)
    model = networks.dcgan_discriminator(size=size, channels=channels)
    assert model.count_params() == discriminator + (16 * channels * 64 + 64)


def test_dcgan_without_batch_norm_has_biases_instead():
    wanted = (16 * 64 + 64) + (16 * 64 * 128 + 128) + (16 * 128 * 256 + 256) + (4 * 4 * 256 + 1)
    model = networks.dcgan_discriminator(batch_norm=False)
    assert model.count_params() == wanted


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs_fit_in_mixed_precision(pair, mixed_bfloat16):
    build_g, build_d, options = PAIRS[pair]
    generator, discriminator = build_g(latent_dim=6, **options), build_d(**options)
    assert generator.output_shape == discriminator.input_shape
    assert {layer.compute_dtype for layer in generator.layers} == {"bfloat16", "float32"}
    z = np.random.default_rng(0).standard_normal((4, 6)).astype("float32") * 9
    x = generator(z, training=True)
    logits = discriminator(x, training=True)
    assert x.dtype == logits.dtype == "float32"
    assert logits.shape == (4, 1) and np.isfinite(logits).all()
    if pair != "fc":
        assert np.abs(x).max() <= 1
    assert generator.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize(
    "size, out, stride, kernel, padding",
    [(28, 14, 2, 4, 1), (14, 7, 2, 4, 1), (7, 3, 2, 5, 1), (8, 3, 2, 4, 0), (9, 3, 2, 5, 0)]
    + [(5, 1, 1, 5, 0), (16, 5, 3, 4, 0)],
)
def test_conv_geometry_fits_both_ways(size, out, stride, kernel, padding):
    assert paddle.conv_geometry(size, out, stride) == (kernel, padding)
    assert (size + 2 * padding - kernel) // stride + 1 == out
    assert (out - 1) * stride + kernel - 2 * padding == size


@pytest.mark.parametrize(
    "size, out, fits", [(7, 4, "8 to 11"), (7, 1, "2 to 5"), (28, 12, "24 to 27")]
)
def test_conv_geometry_refuses(size, out, fits):
    with pytest.raises(ValueError, match=f"size {size} does not fit out {out} .* {fits}"):
        paddle.conv_geometry(size, out)


@pytest.mark.parametrize("size, sides", [(28, [3, 7, 14, 28]), (32, [4, 8, 16, 32])])
def test_paddle_sides(size, sides):
    generator = paddle.paddle_dcgan_generator(size=size, width=2)
    cropped = [x.output.shape[1] for x in generator.layers if "cropping" in x.name]
    assert cropped == sides[1:]
    discriminator = paddle.paddle_dcgan_discriminator(size=size, width=2)
    convolved = [x.output.shape[1] for x in discriminator.layers if x.name.startswith("conv")]
    assert convolved == sides[2::-1]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: networks.dcgan_generator(size=30), "size is 30; .* 28, 32 and 64"),
        (lambda: networks.dcgan_discriminator(size=48), "size is 48; .* 28, 32 and 64"),
        (lambda: networks.dcgan_generator(channels=2), "channels is 2; it must be 1 or 3"),
        (lambda: networks.dcgan_discriminator(channels=4), "channels is 4; it must be 1 or 3"),
        (lambda: paddle.paddle_dcgan_generator(size=7), "size is 7; it must be at least 8"),
        (lambda: paddle.paddle_dcgan_discriminator(size=7), "size is 7; it must be at least 8"),
    ],
)
def test_refused_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_initial_values_of_the_fc_pair():
    keras.utils.set_random_seed(0)
    for model in (
        paddle.fc_generator(400, 400),
        paddle.fc_discriminator(400, (400,), softmax=True),
    ):
        assert all((bias == 1).all() for bias in named(model, "bias") + named(model, "beta"))
        (gamma,) = named(model, "gamma")
        assert gamma.mean() == pytest.approx(1, abs=0.005)
        assert gamma.std() == pytest.approx(0.02, rel=0.2)
        for kernel in named(model, "kernel"):
            assert kernel.std() == pytest.approx(400**-0.5, rel=0.1)
            # a truncated normal would end at two standard deviations
            assert np.abs(kernel).max() > 2.5 * 400**-0.5
    one = paddle.fc_discriminator(400, (400,))
    assert variable(one, "logit/bias") == 0
    assert variable(one, "logit/kernel").std() == pytest.approx((2 / 400) ** 0.5, rel=0.2)


@pytest.mark.parametrize(
    "build",
    [build for pair in ("paddle 28", "fluid") for build in PAIRS[pair][:2]],
)
def test_initial_values_of_the_convolutional_networks(build):
    keras.utils.set_random_seed(0)
    model = build()
    assert all((bias == 0).all() for bias in named(model, "bias") + named(model, "beta"))
    fluid = build.__name__.startswith("fluid")
    for gamma in named(model, "gamma"):
        assert gamma.mean() == pytest.approx(1, abs=0.01)
        assert gamma.std() == pytest.approx(0 if fluid else 0.02, rel=0.25)
    if not fluid:
        assert named(model, "kernel")[0].std() == pytest.approx(0.02, rel=0.1)


def test_fluid_kernels():
    keras.utils.set_random_seed(0)
    conv1, conv2, dense, _ = named(paddle.fluid_discriminator(), "kernel")
    assert conv1.std() == pytest.approx((2 / 25) ** 0.5, rel=0.1)
    assert conv2.std() == pytest.approx((2 / (25 * 64)) ** 0.5, rel=0.05)
    assert np.abs(dense).max() == pytest.approx((6 / (2048 + 1024)) ** 0.5, rel=0.01)


def test_fluid_transposed_convolution_is_aligned_as_in_fluid():
    """Tap t takes input pixel i to output pixel 2i + t - 2: the pixel added is the last."""
    generator = paddle.fluid_generator(3)
    layer, crop = generator.layers[-2:]
    kernel = np.arange(1.0, 26.0, dtype="float32").reshape(5, 5, 1, 1) / 100
    layer.set_weights([np.repeat(kernel, 128, axis=3), np.zeros(1)])
    x = np.zeros((1, 14, 14, 128), "float32")
    x[0, 3, 13, 0] = 1
    wanted = np.zeros((28, 28))
    for row in range(5):
        for column in range(4):  # the fifth would be pixel 28
            wanted[2 * 3 + row - 2, 2 * 13 + column - 2] = np.tanh(kernel[row, column, 0, 0])
    np.testing.assert_allclose(crop(layer(x))[0, :, :, 0], wanted, rtol=1e-5)


def test_double_sigmoid_is_the_logit_squashed():
    plain, double = paddle.fluid_discriminator(), paddle.fluid_discriminator(True)
    double.set_weights(plain.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(double(x), expit(plain(x)), rtol=1e-5)


@pytest.mark.parametrize("build", [paddle.fc_discriminator, paddle.paddle_dcgan_discriminator])
def test_two_softmax_units_are_one_logit(build):
    rng = np.random.default_rng(0)
    two, one = build(softmax=True), build()
    weights = two.get_weights()
    # a bias that differs between the units, as after training
    place = next(i for i, v in enumerate(two.weights) if v.path.endswith("logits/bias"))
    weights[place] = np.array([0.3, -0.8], "float32")
    two.set_weights(weights)
    pair = [i for i, v in enumerate(two.weights) if "logits/" in v.path]
    one.set_weights([w[..., 1:] - w[..., :1] if i in pair else w for i, w in enumerate(weights)])

    x = rng.standard_normal((7, *two.input_shape[1:])).astype("float32")
    outputs = keras.Model(two.input, [two.get_layer("logits").output, two.output])
    both, logit = (np.asarray(v, "float64") for v in outputs(x))
    np.testing.assert_allclose(softmax(both, axis=1)[:, 1:], expit(logit), rtol=1e-5)
    np.testing.assert_allclose(one(x), logit, rtol=1e-4, atol=1e-5)

    def gradient(network, last):
        """Of the loss with respect to the features that the last layer takes."""
        features = keras.Model(network.input, network.get_layer(last).input)(x)
        head = keras.Model(network.get_layer(last).input, network.output)
        with tf.GradientTape() as tape:
            tape.watch(features)
            value = losses.cross_entropy(head(features), 0.9)
        return tape.gradient(value, features)

    of_two = gradient(two, "logits")
    assert np.abs(of_two).max() > 1e-4
    np.testing.assert_allclose(gradient(one, "logit"), of_two, rtol=1e-3, atol=1e-7)


# --- the networks of chapter 14 -------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "side", "doublings"), [(28, 7, 2), (32, 4, 3), (64, 4, 4)])
def test_parameter_counts_of_the_upsampling_generator(size, side, doublings, channels):
    width, z, k = 8, 10, 5
    maps = [width * 2**i for i in reversed(range(doublings))]
    wanted = (z + 32) * side**2 * maps[0] + 10 * 32 + 4 * sum(maps)
    wanted += sum(k * k * a * b for a, b in zip(maps, maps[1:], strict=False))
    wanted += k * k * maps[-1] * channels + channels
    model = networks.upsampling_generator(z, size, channels, width, kernel=k, classes=10)
    assert model.count_params() == wanted
    assert model.output_shape == (None, size, size, channels)
    unlabelled = networks.upsampling_generator(z, size, channels, width, kernel=k)
    assert unlabelled.count_params() == wanted - 32 * (10 + side**2 * maps[0])


def test_upsampling_repeats_pixels_and_convolves():
    """The last layers, by NumPy: each pixel twice in each direction, zeros around, products."""
    model = networks.upsampling_generator(6, width=4)
    z = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    before = keras.Model(model.inputs[0], model.layers[-2].input)
    kernel, bias = model.layers[-1].get_weights()
    maps = np.asarray(before(z)).repeat(2, axis=1).repeat(2, axis=2)
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    wanted = np.zeros((2, 28, 28, 1)) + bias
    for row in range(3):
        for column in range(3):
            wanted += padded[:, row : row + 28, column : column + 28] @ kernel[row, column]
    np.testing.assert_allclose(np.asarray(model(z)), np.tanh(wanted), rtol=1e-4, atol=1e-5)


def test_codes_are_chosen_by_the_largest_of_the_first_numbers():
    model = networks.upsampling_generator(6, width=4, codes=3)
    z = np.float32([[1, 2, 0, 9, 9, 9], [5, 2, 0, 9, 9, 9], [0, 1, 2, 0, 0, 0]])
    table = model.get_layer("codes").embeddings
    chosen = keras.Model(model.inputs[0], model.get_layer("codes").output)
    np.testing.assert_array_equal(chosen(z), np.asarray(table)[[1, 0, 2]])
    before = np.asarray(model(z))
    table.assign(np.asarray(table) + np.float32([[0], [9], [0]]))
    changed = (np.asarray(model(z)) != before).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, [True, False, False])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 30}, "size is 30"),
        ({"channels": 2}, "channels is 2"),
        ({"kernel": 4}, "kernel is 4; it must be odd"),
        ({"kernel": -1}, "kernel is -1"),
        ({"codes": 65}, "codes is 65; it must lie in 0 to latent_dim, 64"),
        ({"codes": -1}, "codes is -1"),
        ({"codes": 10, "classes": 10}, "be 0 with labels"),
    ],
)
def test_upsampling_generator_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        networks.upsampling_generator(**options)


@pytest.mark.parametrize(("size", "channels", "maps"), [(28, 1, 4), (32, 3, 4), (64, 3, 4)])
def test_projection_discriminator_is_the_formula(size, channels, maps):
    """The logit is that of the features plus e(y) · features, by NumPy, and nothing else."""
    model = networks.projection_discriminator(size, channels, maps, hidden=5, classes=3)
    x = np.random.default_rng(0).normal(size=(6, size, size, channels)).astype("float32")
    y = np.arange(6) % 3
    before = keras.Model(model.inputs[0], model.get_layer("features").output)
    h = np.asarray(before(x))
    h = np.maximum(h, 0.2 * h)
    w, b = model.get_layer("logit").get_weights()
    (table,) = (
        v.numpy() for layer in model.layers if "embedding" in layer.name for v in layer.weights
    )
    wanted = h @ w + b + (table[y] * h).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model([x, y]), wanted, rtol=1e-4, atol=1e-5)
    doublings = {28: 3, 32: 3, 64: 4}[size]
    sizes = [channels, *(maps * 2**i for i in range(doublings))]
    kernels = sum(16 * a * b + b for a, b in zip(sizes, sizes[1:], strict=False))
    assert model.count_params() == kernels + (16 * sizes[-1] + 1) * 5 + (5 + 1) + 3 * 5
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
