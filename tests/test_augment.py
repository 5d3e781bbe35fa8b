"""Differentiable augmentation: what it does to images, and that a GAN trains through it."""

import csv

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from cases import few
from test_callbacks import Kill, Killed, short_executions  # noqa: F401, a fixture
from test_gan import IMAGES

from gan_utils import augment, callbacks, gan, losses, networks, recipes
from gan_utils.augment import Augmentation
from gan_utils.sources import paddle

NONE = {"brightness": 0, "contrast": 0, "shift": 0, "cutout": 0}


def noise(n=200, size=28, channels=1):
    values = np.random.default_rng(0).uniform(-1, 1, (n, size, size, channels))
    return values.astype(np.float32)


def changed(images, dtype="float32", **options):
    layer = Augmentation(seed=1, dtype=dtype, **(NONE | options))
    return layer(images, training=True).numpy()


def layer_of(model):
    [layer] = (layer for layer in model.layers if isinstance(layer, Augmentation))
    return layer


def augmented_gan(seed=0, jit_compile=False, options=None, **kwargs):
    keras.utils.set_random_seed(seed)
    discriminator = augment.augmented(networks.mlp_discriminator(hidden=16), **(options or {}))
    generator = networks.mlp_generator(latent_dim=8, hidden=16)
    model = gan.GAN(generator, discriminator, losses.non_saturating(), **kwargs)
    model.compile(keras.optimizers.Adam(use_ema=True), jit_compile=jit_compile)
    return model


def conv_gan(size, channels, jit_compile=False, **kwargs):
    keras.utils.set_random_seed(0)
    shape = {"size": size, "channels": channels, "width": 2}
    discriminator = networks.dcgan_discriminator(**shape)
    generator = networks.dcgan_generator(latent_dim=4, **shape)
    model = gan.GAN(
        generator, augment.augmented(discriminator, cutout=0.5), losses.non_saturating(), **kwargs
    )
    model.compile(jit_compile=jit_compile)
    return model


# --- what it does to images --------------------------------------------------------------------


def test_nothing_changes_outside_of_training():
    images, layer = noise(), Augmentation()
    np.testing.assert_array_equal(layer(images), images)
    np.testing.assert_array_equal(layer(images, training=False), images)
    assert layer.seed_generator.state.numpy()[1] == 0, "and nothing is drawn"


def test_no_amount_is_no_change():
    np.testing.assert_allclose(changed(noise()), noise(), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_is_added_to_each_image(channels):
    images = noise(2000, 8, channels)
    added = changed(images, brightness=0.5) - images
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-6, "the same for all pixels and channels"
    assert scipy.stats.kstest(added[:, 0, 0, 0], scipy.stats.uniform(-0.5, 1).cdf).pvalue > 0.01


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_stretches_about_the_mean(channels):
    images = noise(2000, 8, channels)
    made = changed(images, contrast=0.5)
    old, new = (a - a.mean(axis=(1, 2, 3), keepdims=True) for a in (images, made))
    np.testing.assert_allclose(made - new, images - old, atol=1e-6)
    factor = (new * old).sum((1, 2, 3)) / (old**2).sum((1, 2, 3))
    np.testing.assert_allclose(new, factor[:, None, None, None] * old, atol=1e-6)
    assert scipy.stats.kstest(factor, scipy.stats.uniform(0.5, 1).cdf).pvalue > 0.01


@pytest.mark.parametrize(("size", "most"), [(28, 4), (32, 4), (64, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_moves_whole_pixels_and_brings_in_zeros(size, most, channels):
    images = noise(300, size, channels)
    padded = np.pad(images, [(0, 0), (most, most), (most, most), (0, 0)])
    seen = []
    for frame, made in zip(padded, changed(images, shift=1 / 8), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(frame[..., 0], (size, size))
        [(y, x)] = np.argwhere((windows == made[..., 0]).all(axis=(2, 3)))
        np.testing.assert_array_equal(made, frame[y : y + size, x : x + size])
        seen.append((most - y, most - x))
    for axis in np.transpose(seen):
        counts = np.bincount(axis + most, minlength=2 * most + 1)
        assert counts.min() > 0, "every distance occurs, and each as often as the others"
        assert scipy.stats.chisquare(counts).pvalue > 0.001
    assert abs(np.corrcoef(np.transpose(seen))[0, 1]) < 0.2, "up and down as well as sideways"


@pytest.mark.parametrize("size", [28, 32, 64])
def test_cutout_cuts_squares(size):
    images = noise(500, size, 3)
    made = changed(images, cutout=0.5)
    holes = (made == 0).all(-1)
    np.testing.assert_array_equal(made[~holes], images[~holes])
    rows, columns = holes.any(axis=2), holes.any(axis=1)
    np.testing.assert_array_equal(holes, rows[:, :, None] & columns[:, None, :])
    for lines in (rows, columns):
        lengths = lines.sum(1)
        assert lengths.max() == size // 2 and lengths.min() >= size // 4 - 1
        assert (np.abs(np.diff(lines.astype(int), axis=1)).sum(1) <= 2).all(), "in one piece"
        assert lines.mean(0).min() > 0.1, "anywhere"


def test_each_image_and_each_call_gets_its_own():
    layer, images = Augmentation(seed=0), np.repeat(noise(1, 32, 3), 50, axis=0)
    first, second = (layer(images, training=True).numpy() for _ in range(2))
    made = np.concatenate([first, second]).reshape(100, -1)
    assert len(np.unique(made, axis=0)) == 100
    again = Augmentation(seed=0)(images, training=True)
    np.testing.assert_array_equal(again, first)


def test_the_range_of_the_result():
    extreme = np.where(noise(3000, 8) > 0.9, 1, -1).astype(np.float32)
    made = changed(np.concatenate([extreme, -extreme]), brightness=0.5, contrast=0.5)
    assert 1.8 < abs(made).max() < 3, "beyond [-1, 1], and not clipped"


@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_against_numerical_differences(channels):
    layer = Augmentation(cutout=0.3, seed=3, dtype="float64")
    images = noise(4, 28, channels).astype(np.float64)
    weights = np.random.default_rng(1).normal(size=images.shape)
    direction = np.random.default_rng(2).normal(size=images.shape)
    start = layer.seed_generator.state.numpy()

    def loss(images):
        layer.seed_generator.state.assign(start)  # the same draws each time
        return tf.reduce_sum(weights * layer(images, training=True) ** 2)

    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    slope = float(np.sum(tape.gradient(value, x).numpy() * direction))
    step = 1e-5
    numerical = (loss(images + step * direction) - loss(images - step * direction)) / (2 * step)
    assert slope == pytest.approx(float(numerical), rel=1e-6) and abs(slope) > 1


def test_gradient_of_a_gradient_against_numerical_differences():
    """A penalty on D's slope, as in gan.GAN, needs it."""
    layer = Augmentation(seed=3, dtype="float64")
    images, direction = (np.float64(noise(4, 28, 3)) * scale for scale in (1, 0.5))
    start = layer.seed_generator.state.numpy()

    def penalty(images):
        layer.seed_generator.state.assign(start)
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(layer(images, training=True) ** 3)
        return tf.reduce_sum(tape.gradient(value, images) ** 2)

    x, step = tf.constant(images), 1e-6
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = penalty(x)
    slope = float(tf.reduce_sum(tape.gradient(value, x) * direction))
    numerical = (penalty(x + step * direction) - penalty(x - step * direction)) / (2 * step)
    assert slope == pytest.approx(float(numerical), rel=1e-5) and abs(slope) > 1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_works_in_a_graph_of_any_batch_size(jit_compile):
    layer = Augmentation(cutout=0.5, seed=0)
    layer(noise(1), training=True)
    shape = tf.TensorSpec((None, 28, 28, 1))
    function = tf.function(
        lambda x: layer(x, training=True), jit_compile=jit_compile, input_signature=[shape]
    )
    for n in (3, 7):
        made, again = (function(noise(n)).numpy() for _ in range(2))
        assert made.shape == (n, 28, 28, 1) and (made != again).any()
    assert layer.seed_generator.state.numpy()[1] == 5, "one draw a call"


def test_half_precision():
    made = changed(noise(8, 32, 3), dtype="mixed_float16", brightness=0.5, shift=1 / 8, cutout=0.5)
    assert made.dtype == np.float16 and np.isfinite(made).all()


@pytest.mark.parametrize(
    ("name", "amount"), [("brightness", -0.1), ("shift", 1.5), ("cutout", float("nan"))]
)
def test_amounts_lie_in_0_to_1(name, amount):
    with pytest.raises(ValueError, match=f"{name} is {amount}; it must lie in 0 to 1"):
        Augmentation(**{name: amount})


# --- in front of a discriminator ---------------------------------------------------------------


def test_a_discriminator_in_inference_is_itself():
    plain = networks.dcgan_discriminator(size=32, channels=3, width=2)
    model = augment.augmented(plain)
    images = noise(20, 32, 3)
    np.testing.assert_array_equal(model(images), plain(images))
    assert (model(images, training=True).numpy() != plain(images, training=True).numpy()).all()
    assert model.input_shape == plain.input_shape and model.output_shape == plain.output_shape
    for a, b in zip(model.trainable_variables, plain.trainable_variables, strict=True):
        assert a is b


def test_points_are_no_images():
    with pytest.raises(ValueError, match=r"takes \(2,\), not images \(height, width, channels\)"):
        augment.augmented(paddle.fc_discriminator())


def test_saved_and_loaded(tmp_path):
    model = augment.augmented(networks.mlp_discriminator(hidden=16), shift=0.25, cutout=0.5, seed=7)
    images = noise(20)
    model.save(tmp_path / "d.keras")
    again = keras.models.load_model(tmp_path / "d.keras")
    for training in (False, True, True):
        made, wanted = (m(images, training=training) for m in (model, again))
        np.testing.assert_array_equal(made, wanted)
    options = {"brightness": 0.5, "contrast": 0.5, "shift": 0.25, "cutout": 0.5, "seed": 7}
    assert options.items() <= layer_of(again).get_config().items()


# --- in training -------------------------------------------------------------------------------


PENALTY, LARGER = {"r1": 1.0, "r1_every": 2}, {"schedule": "larger_loss"}


KINDS = [(False, {}), (False, PENALTY), (False, LARGER), (True, PENALTY), (True, LARGER)]


@pytest.mark.parametrize(("jit_compile", "kind"), few(KINDS, [KINDS[0], KINDS[2], KINDS[3]]))
def test_dense_networks_train(jit_compile, kind):
    model = augmented_gan(jit_compile=jit_compile, options={"cutout": 0.5}, **kind)
    check_training(model, IMAGES)


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 1)])
def test_convolutions_train(size, channels):
    images = np.random.default_rng(0).integers(0, 256, (60, size, size, channels), dtype=np.uint8)
    check_training(conv_gan(size, channels), images)


def test_convolutions_with_xla():
    model = augment.augmented(networks.dcgan_discriminator(size=32, channels=3, width=2))

    @tf.function(jit_compile=True)
    def slopes(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(model(x, training=True))
        return tape.gradient(loss, x)

    made = slopes(tf.constant(noise(8, 32, 3))).numpy()
    assert np.isfinite(made).all() and made.any(axis=(1, 2, 3)).all()


def check_training(model, images):
    networks_ = model.generator, model.discriminator
    before = [network.get_weights() for network in networks_]
    history = model.fit(images, 2, 20, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    moved = [
        any((a != b).any() for a, b in zip(old, network.get_weights(), strict=True))
        for old, network in zip(before, networks_, strict=True)
    ]
    assert all(moved) or model.schedule == "larger_loss" and any(moved)
    state = layer_of(model.discriminator).seed_generator.state
    assert state.numpy()[1] > 0
    assert any(variable is state for variable in model.state()), "a checkpoint keeps it"


def test_it_can_come_after_compiling():
    """As with a model that a recipe built: its optimisers know D's weights, which stay the same."""
    model = recipes.build(recipes.get("mlp-mnist", batch_size=20), len(IMAGES))
    model.discriminator = augment.augmented(model.discriminator)
    check_training(model, IMAGES)
    assert len({id(variable) for variable in model.state()}) == len(model.state())
    layer = layer_of(model.discriminator)
    assert layer.seed_generator.state.numpy()[1] == 2 * 11 * 3, "real, generated, and in G's update"


def test_without_amounts_training_is_as_without_augmentation():
    """A layer in between must not change what D and G learn: only what it is told to change."""
    augmented = augmented_gan(options=NONE)
    keras.utils.set_random_seed(0)
    plain = gan.GAN(
        keras.models.clone_model(augmented.generator),
        networks.mlp_discriminator(hidden=16),
        losses.non_saturating(),
    )
    plain.compile(jit_compile=False)
    plain.generator.set_weights(augmented.generator.get_weights())
    for a, b in zip(
        plain.discriminator.variables, augmented.discriminator.trainable_variables, strict=True
    ):
        a.assign(b)
    losses_ = [m.fit(IMAGES, 1, 20, verbose=0).history["d_loss"] for m in (plain, augmented)]
    np.testing.assert_allclose(*losses_, rtol=1e-4)


def test_xla_stays_off_for_convolutions_on_a_cpu():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU it is on")
    assert not conv_gan(28, 1, jit_compile="auto").jit_compile


@pytest.mark.parametrize(("jit_compile", "after"), [(False, 7), (True, 15)])
def test_resumes_exactly(tmp_path, short_executions, after, jit_compile):  # noqa: F811
    def fit(model, folder, beside=()):
        run = [callbacks.Checkpoint(folder, every_seconds=0), *beside]
        return model.fit(IMAGES, 2, 20, callbacks=run, verbose=0)

    whole = augmented_gan(jit_compile=jit_compile)
    fit(whole, tmp_path / "whole")
    broken = augmented_gan(jit_compile=jit_compile)
    with pytest.raises(Killed):
        fit(broken, tmp_path / "run", [Kill(after)])
    again = augmented_gan(seed=99, jit_compile=jit_compile)  # with other draws, if left to itself
    fit(again, tmp_path / "run")
    assert int(again.step) == 22
    for a, b in zip(whole.state(), again.state(), strict=True):
        if jit_compile:
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        else:  # without XLA, TensorFlow may order its sums in another way
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)
    rows = [list(csv.reader((tmp_path / f"{run}/history.csv").open())) for run in ("whole", "run")]
    assert len(rows[0]) == len(rows[1]) == 3


def test_a_run_depends_on_the_draws():
    """Or the test above would show nothing."""
    runs = [augmented_gan(options={"seed": seed}) for seed in (1, 2)]
    for run in runs:
        run.fit(IMAGES, 1, 20, verbose=0)
    a, b = (run.discriminator.get_weights()[0] for run in runs)
    assert np.abs(a - b).max() > 1e-3
