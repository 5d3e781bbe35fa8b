"""Networks that take labels: what they compute, how they train, and that they go on exactly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_utils import callbacks, data, gan, losses, networks, recipes

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (120, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(120) % 3


def small_gan(schedule=(1, 1), r1=0.0, seed=0, optimizer=keras.optimizers.SGD):
    keras.utils.set_random_seed(seed)
    generator = networks.mlp_generator(8, 16, classes=3)
    discriminator = networks.mlp_discriminator(16, classes=3)
    model = gan.GAN(generator, discriminator, losses.non_saturating(), schedule, r1=r1)
    model.compile(optimizer(0.01), optimizer(0.01))
    return model


def values(model):
    return [np.asarray(v) for v in model.state()]


@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_d_adds_how_well_the_features_fit_the_label(kind):
    """logit = linear(phi(x)) + e(y) . phi(x), by NumPy from the layers' own outputs."""
    if kind == "dense":
        network, last = networks.mlp_discriminator(16, classes=3), "leaky_re_lu"
    else:
        network, last = networks.dcgan_discriminator(28, 1, 8, classes=3), "global_average_pooling"
    x = data.to_unit_range(IMAGES[:6])
    features = next(la for la in network.layers if la.name.startswith(last))
    parts = keras.Model(network.inputs[0], [features.output, network.get_layer("logit").output])
    phi, linear = (np.asarray(part) for part in parts(x))
    table = next(la for la in network.layers if isinstance(la, keras.layers.Embedding))
    e = np.asarray(table.embeddings)[LABELS[:6]]
    wanted = linear[:, 0] + (e * phi).sum(axis=1)
    got = np.asarray(network([x, tf.constant(LABELS[:6])]))
    assert got.shape == (6, 1)
    np.testing.assert_allclose(got[:, 0], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "network",
    [networks.mlp_generator(8, 16, classes=3), networks.dcgan_generator(8, width=8, classes=3)],
)
def test_g_draws_by_its_label(network):
    z = data.draw_latent(0, (4, 8), 0)
    one, other = (np.asarray(network([z, tf.fill([4], label)])) for label in (0, 1))
    assert one.shape == (4, 28, 28, 1) and (one != other).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("schedule", [(1, 1), (2, 3), "larger_loss"])
def test_one_step_by_hand(schedule):
    """The fakes that D sees have the labels of the reals; G gets labels of rows drawn for it."""
    model, twin = small_gan(schedule), small_gan(schedule)
    k_d, k_g = (1, 1) if schedule == "larger_loss" else schedule
    model.fit(IMAGES[: 20 * k_d], 1, 20, verbose=0, labels=LABELS[: 20 * k_d])
    draws = data.draws(20 * k_d, 20, 8, range(1), 0, "uniform", k_d, k_g, labelled=True)
    rows, z_d, z_g, rows_g = next(iter(draws))
    assert rows_g.shape == (20 * k_g,) and 0 <= min(rows_g) and max(rows_g) < 20 * k_d
    x, y = data.to_unit_range(IMAGES[rows.numpy()]), tf.constant(LABELS[rows.numpy()])

    def discriminator_step(x, z, y):
        fakes = twin.generator([z, y])
        with tf.GradientTape() as tape:
            real, fake = twin.discriminator([x, y]), twin.discriminator([fakes, y])
            loss = tf.reduce_mean(tf.math.softplus(-real)) + tf.reduce_mean(tf.math.softplus(fake))
        descend(tape, loss, twin.discriminator)
        return loss

    def generator_step(z, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.math.softplus(-twin.discriminator([twin.generator([z, y]), y]))
            )
        descend(tape, loss, twin.generator)
        return loss

    def descend(tape, loss, network):
        for v, g in zip(
            network.trainable_variables,
            tape.gradient(loss, network.trainable_variables),
            strict=True,
        ):
            v.assign_sub(0.01 * tf.convert_to_tensor(g))

    if schedule == "larger_loss":
        start = [w.copy() for w in twin.get_weights()]
        d_loss = float(discriminator_step(x, z_d, y)) / 2
        after_d = twin.discriminator.get_weights()
        twin.set_weights(start)
        g_loss = float(generator_step(z_d, y))
        if d_loss > g_loss:
            twin.set_weights(start)
            twin.discriminator.set_weights(after_d)
    else:
        for part in zip(*(tf.split(a, k_d) for a in (x, z_d, y)), strict=True):
            discriminator_step(*part)
        y_g = tf.constant(LABELS[rows_g.numpy()])
        for part in zip(tf.split(z_g, k_g), tf.split(y_g, k_g), strict=True):
            generator_step(*part)
    for a, b in zip(
        model.generator.get_weights() + model.discriminator.get_weights(),
        twin.generator.get_weights() + twin.discriminator.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_labels_matter_in_training():
    one, other = small_gan(), small_gan()
    one.fit(IMAGES, 1, 20, verbose=0, labels=LABELS)
    other.fit(IMAGES, 1, 20, verbose=0, labels=(LABELS + 1) % 3)
    assert any((a != b).any() for a, b in zip(values(one), values(other), strict=True))


@pytest.mark.parametrize("r1", [0.0, 1.0])
def test_resumes_exactly(tmp_path, r1):
    whole = small_gan(r1=r1, optimizer=keras.optimizers.Adam)
    whole.fit(IMAGES, 4, 20, verbose=0, labels=LABELS)
    for epochs in (2, 4):
        part = small_gan(r1=r1, optimizer=keras.optimizers.Adam)
        run = [callbacks.Checkpoint(tmp_path)]
        part.fit(IMAGES, epochs, 20, callbacks=run, verbose=0, labels=LABELS)
    for a, b in zip(values(whole), values(part), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="labels_crc32"):
        part.fit(IMAGES, 4, 20, callbacks=run, verbose=0, labels=(LABELS + 1) % 3)


def test_samples_of_a_class_of_given_classes_and_of_all_in_turn(tmp_path):
    model = small_gan()
    assert model.sample(5, labels=2).shape == (5, 28, 28, 1)
    in_turn = model.sample(7)
    np.testing.assert_array_equal(in_turn, model.sample(7, labels=np.arange(7) % 3))
    np.testing.assert_array_equal(in_turn[:4], model.sample(4))
    assert (model.sample(5, labels=1) != model.sample(5, labels=2)).any()
    model.generator.save(tmp_path / "g.keras")
    loaded = keras.models.load_model(tmp_path / "g.keras")
    np.testing.assert_array_equal(gan.generate(loaded, 1500, 0), model.sample(1500))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (3, "go from 3 to 3; they must lie in 0 to 2"),
        (-1, "go from -1 to -1"),
        ([0, 1], r"Expected a whole number or 3 of them, got int64 \(2,\)"),
        (0.5, "Expected a whole number or 3 of them, got float64"),
    ],
)
def test_labels_to_sample_are_checked(labels, message):
    with pytest.raises(ValueError, match=message):
        small_gan().sample(3, labels=labels)


def test_a_generator_without_labels_takes_none():
    with pytest.raises(ValueError, match="takes no labels"):
        gan.generate(networks.mlp_generator(8, 16), 3, labels=1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, r"take labels: give fit\(x, labels=...\)"),
        (LABELS[:-1], r"are int64 \(119,\); expected 120 whole numbers"),
        (LABELS / 2, "are float64"),
        (LABELS + 1, "go up to 3, but the generator knows the classes 0 to 2"),
        (LABELS - 1, "expected 120 whole numbers from 0 on"),
    ],
)
def test_labels_to_train_on_are_checked(labels, message):
    with pytest.raises(ValueError, match=message):
        small_gan().fit(IMAGES, 1, 20, verbose=0, labels=labels)


def test_networks_without_labels_refuse_them():
    model = gan.GAN(networks.mlp_generator(8), networks.mlp_discriminator(), losses.minimax())
    model.compile()
    with pytest.raises(ValueError, match="The networks take no labels"):
        model.fit(IMAGES, 1, 20, verbose=0, labels=LABELS)


def test_a_recipe_with_labels_trains_and_draws_by_request():
    recipe = recipes.get("dcgan-mnist", epochs=1)
    for part in ("generator", "discriminator"):
        recipe[part][1]["classes"] = 10
    loaded = data.load("digits")
    x, labels = recipes.load_data(recipe, loaded), recipes.load_labels(recipe, loaded)
    model = recipes.build(recipe, 128)
    model.fit(x[:128], 1, 64, verbose=0, labels=labels[:128])
    assert model.conditional and model.sample(3, labels=7).shape == (3, 28, 28, 1)
