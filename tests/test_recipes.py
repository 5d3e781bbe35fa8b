import hashlib
import json

import keras
import numpy as np
import pytest
from cases import few

from gan_utils import augment, classifiers, data, files, gan, metrics, recipes
from gan_utils.own import pictures
from gan_utils.sources import programs

NETWORKS = "generator", "discriminator"


def tiny_data(recipe, rows=16):
    """Random rows of the shape that a recipe trains on."""
    rng = np.random.default_rng(0)
    if recipe["data"] == "uniform":
        return rng.random((rows, 2), dtype=np.float32)
    shape = (32, 32, 3) if recipe["data"] in ("cifar10", "own") else (28, 28, 1)
    return rng.integers(0, 256, (rows, *shape), dtype=np.uint8)


ALL = recipes.RECIPES | programs.RECIPES | pictures.RECIPES


SLOW = {"paddle-cifar10"}  # 24 s to trace; its networks have tests of their own


@pytest.mark.parametrize("name", few(ALL, kept=ALL.keys() - SLOW))
def test_every_recipe_trains(name):
    recipe = recipes.changed(name, ALL[name], {"epochs": 1, "batch_size": 8})
    k_d = 1 if recipe["schedule"] == "larger_loss" else recipe["schedule"][0]
    x = tiny_data(recipe, rows=16 * k_d)
    keras.utils.set_random_seed(0)
    model = recipes.build(recipe, len(x))
    pair = model.generator, model.discriminator
    before = [network.get_weights() for network in pair]
    labels = np.arange(len(x)) % 10 if model.conditional else None
    history = model.fit(x, epochs=1, batch_size=8, verbose=0, labels=labels).history
    assert int(model.step) == 2
    assert all(np.isfinite(values).all() for values in history.values())
    trained = [
        any((a != b).any() for a, b in zip(old, network.get_weights(), strict=True))
        for old, network in zip(before, pair, strict=True)
    ]
    assert any(trained) if recipe["schedule"] == "larger_loss" else all(trained)


@pytest.mark.parametrize("name", ALL)
def test_every_recipe_is_plain_and_complete_data(name):
    recipe = ALL[name]
    plain = {k: v[1] if k in NETWORKS else v for k, v in recipe.items()}
    assert json.loads(json.dumps(plain)) == plain
    optional = {"rows", "r1", "r1_every", "augment"}
    assert recipe.keys() - optional == recipes.RECIPES["dcgan-mnist"].keys() - optional
    if recipe["source"] != "this book":
        assert recipe["unstated"], "what a source does not say is said here"
    if recipe["data"] != "own":
        with pytest.raises(ValueError, match=f"There are: .*{recipe['data']}"):
            data.load("nothing")
    assert all(callable(recipe[role][0]) for role in NETWORKS)


def test_the_settings_of_the_sources():
    """What the five sources state, looked up again."""
    mlp = recipes.get("mlp-mnist")
    assert (mlp["epochs"], mlp["batch_size"], mlp["latent"]) == (100, 100, "uniform")
    assert mlp["loss"] == {"name": "non_saturating", "real_target": 0.9}
    fluid = programs.get("fluid-dcgan-mnist")
    assert (fluid["epochs"], fluid["batch_size"], fluid["schedule"]) == (20, 128, [2, 2])
    for name in ("paddle-uniform", "paddle-mnist", "paddle-cifar10"):
        paddle = programs.get(name)
        assert (paddle["schedule"], paddle["latent"]) == ("larger_loss", "normal")
        assert paddle["g_optimizer"] == {"learning_rate": 1e-4, "beta_1": 0.5}
        model = recipes.build(paddle, 1000)
        assert any("logits" in layer.name for layer in model.discriminator.layers), "a softmax"


def test_adams_defaults_are_those_that_the_sources_rely_on():
    model = recipes.build(recipes.get("mlp-mnist"), 55_000)
    default = keras.optimizers.Adam()
    assert float(model.d_optimizer.learning_rate) == float(default.learning_rate)
    model = recipes.build(programs.get("fluid-dcgan-mnist"), 1000)
    assert model.g_optimizer.beta_1 == 0.9
    assert model.schedule == (2, 2)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("dcgan", {}, "no recipe 'dcgan'. There are: mlp-mnist, .*dcgan-cifar10"),
        ("mlp-mnist", {"epoch": 3}, "mlp-mnist has no setting 'epoch'. It has: about, .*epochs"),
        ("mlp-mnist", {"epochs": 0}, "epochs is 0; it must be a whole number from 1 on"),
        ("mlp-mnist", {"epochs": 2.0}, "epochs is 2.0"),
        ("mlp-mnist", {"epochs": True}, "epochs is True"),
        ("mlp-mnist", {"batch_size": "8"}, "batch_size is '8'"),
    ],
)
def test_what_does_not_exist_is_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        recipes.get(name, **changes)


def test_a_change_does_not_reach_the_recipe():
    mine = recipes.get("mlp-mnist", epochs=3)
    mine["loss"]["real_target"] = 0.5
    mine["unstated"].clear()
    assert recipes.get("mlp-mnist")["loss"]["real_target"] == 0.9
    assert recipes.get("mlp-mnist")["epochs"] == 100
    assert recipes.RECIPES["mlp-mnist"]["unstated"]


@pytest.mark.parametrize(("decay", "schedule"), [("cosine", (2, 3)), ("linear", (1, 1))])
def test_both_learning_rates_reach_zero_at_the_end(decay, schedule):
    recipe = recipes.get("mlp-mnist", epochs=3, batch_size=4, decay=decay, schedule=schedule)
    x = tiny_data(recipe, rows=25)
    model = recipes.build(recipe, len(x))
    for optimizer in (model.g_optimizer, model.d_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-3)
    model.fit(x, epochs=3, batch_size=4, verbose=0)
    for optimizer in (model.g_optimizer, model.d_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "decay"), [("paddle-mnist", "cosine"), ("mlp-mnist", "exponential")]
)
def test_a_decay_that_cannot_be_is_refused(name, decay):
    with pytest.raises(ValueError, match=f"decay is '{decay}'; it must be 'cosine', 'linear' or"):
        recipes.build(recipes.changed(name, ALL[name], {"decay": decay}), 1000)


def test_the_same_seed_gives_the_same_initial_weights():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return recipes.build(recipes.get("dcgan-mnist"), 1000).get_weights()

    for a, b in zip(weights(1), weights(1), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(weights(1), weights(2), strict=True))


def test_the_way_of_a_gpu_is_the_way_of_a_cpu():
    """On a GPU the recipe's step, penalty included, is compiled by XLA: here on the CPU."""

    def ten_steps(jit_compile):
        images = data.load("digits").images[:640]
        keras.utils.set_random_seed(0)
        model = recipes.build(recipes.get("dcgan-mnist", epochs=1), len(images))
        model.compile(model.g_optimizer, model.d_optimizer, jit_compile=jit_compile)
        before = model.get_weights()
        history = model.fit(images, 1, 64, verbose=0).history
        assert model.r1 and int(model.step) == 10
        names = [v.path for v in model.trainable_variables]
        after = {v.path: v.numpy() for v in model.variables}
        start = dict(zip((v.path for v in model.variables), before, strict=True))
        assert all((after[name] != start[name]).any() for name in names)
        return history

    with_xla, without = ten_steps(True), ten_steps(False)
    for name, values in without.items():
        assert np.isfinite(values).all()
        np.testing.assert_allclose(with_xla[name], values, rtol=0.02, err_msg=name)


def test_rows(monkeypatch):
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    labels = np.zeros(10, np.uint8)
    loaded = data.ImageData("ten", images, labels, images, labels, "ten images")
    recipe = recipes.get("mlp-mnist", rows=[2, 10])
    np.testing.assert_array_equal(recipes.load_data(recipe, loaded), images[2:])
    recipe["rows"] = [2, 11]
    monkeypatch.setenv("GAN_BOOK_PROFILE", "quick")
    assert len(recipes.load_data(recipe, loaded)) == 10, "a stand-in is used as a whole"
    monkeypatch.setenv("GAN_BOOK_PROFILE", "full")
    with pytest.raises(ValueError, match="takes rows 2 to 11, but ten has 10"):
        recipes.load_data(recipe, loaded)


def test_points_are_loaded_by_name():
    points = recipes.load_data(programs.get("paddle-uniform"))
    assert points.shape == (1_000_000, 2) and points.dtype == np.float32


# --- weights that ship ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, held in recipes.PRETRAINED.items() if held[1:]])
def test_pretrained_weights_are_those_that_their_script_wrote(name):
    rows, called = data.load_results("pretrained.csv"), name.removesuffix("-first")
    (row,) = (row for row in rows if row["recipe"] == called)
    for part, file_name in zip("gd", recipes.PRETRAINED[name], strict=True):
        content = files.weights(file_name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row[f"{part}_sha256"]
        assert len(content) < 2**20


@pytest.mark.parametrize("name", [n for n, held in recipes.PRETRAINED.items() if held[1:]])
def test_pretrained_networks_work_without_training_code(name):
    keras.utils.set_random_seed(99)  # whose initial weights must not matter
    generator, discriminator = recipes.pretrained(name)
    images = gan.generate(generator, 8, 0, recipes.get(name)["latent"])
    logits = discriminator(data.to_unit_range(images))
    assert logits.shape == (8, 1) and np.isfinite(logits).all()
    again, _ = recipes.pretrained(name)
    assert np.array_equal(gan.generate(again, 8, 0, recipes.get(name)["latent"]), images)
    assert images.std() > 30, "pictures, not grey"


@pytest.mark.parametrize(("name", "sure"), [("dcgan-mnist-first", 0.7), ("dcgan-mnist", 0.8)])
def test_pretrained_digits_are_read_by_the_classifier(name, sure):
    generator = recipes.pretrained(name)[0]
    probabilities, _ = classifiers.scores(gan.generate(generator, 500, 0, "normal"), "mnist")
    assert (probabilities.max(axis=1) > 0.9).mean() > sure
    assert metrics.class_shares(probabilities).min() > 0.03


def test_the_recipe_that_was_found_ships_as_its_script_left_it():
    rows = data.load_results("dcgan_mnist_best.csv")
    recipe = recipes.get("dcgan-mnist")
    steps = 60_000 // recipe["batch_size"] * recipe["epochs"]
    last = [row for row in rows if row["step"] == steps]
    assert [row["seed"] for row in last] == [0, 1, 2]
    assert all(
        sum(row[f"share_{digit}"] for digit in range(10)) == pytest.approx(1) for row in last
    )
    (file_name,) = recipes.PRETRAINED["dcgan-mnist"]
    content = files.weights(file_name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == last[0]["g_sha256"] and len(content) < 2**20
    assert last[0]["frechet_shipped"] == pytest.approx(last[0]["frechet"], rel=0.02)


def test_own_images_are_augmented_with_what_the_recipe_says():
    recipe = pictures.recipe()
    layer = augment.Augmentation(**recipe["augment"])
    assert layer.amounts["shift"] > 0 and layer.amounts["brightness"] > 0
    parts = ({k: recipe[part][1].get(k) for k in ("size", "channels")} for part in NETWORKS)
    assert list(parts) == 2 * [{"size": 32, "channels": 3}], "the command line changes both"


def test_a_recipe_without_weights_is_refused():
    with pytest.raises(ValueError, match="no weights for 'paddle-uniform'.*dcgan-mnist"):
        recipes.pretrained("paddle-uniform")
