"""The experiments on labels, on a better recipe and on the race with the tutorial, by hand."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
import conditional  # noqa: E402
import conditional_cifar10  # noqa: E402
import conditional_page  # noqa: E402
import race  # noqa: E402
import recipe_long  # noqa: E402
import recipe_search  # noqa: E402
import sliced_samples  # noqa: E402

from gan_utils import data, gan, losses, networks, recipes  # noqa: E402
from gan_utils.chapters import conditional as chapter  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(60) % 10


def softplus(a):
    return np.log1p(np.exp(np.asarray(a, np.float64)))


# --- the auxiliary classifier ---------------------------------------------------------------------


def test_the_verdict_of_the_auxiliary_discriminator_does_not_look_at_the_label():
    keras.utils.set_random_seed(0)
    d = conditional.auxiliary_discriminator()
    x = data.to_unit_range(IMAGES[:4])
    one, other = (np.asarray(d([x, tf.fill([4], label)])) for label in (1, 7))
    np.testing.assert_array_equal(one, other)
    names = {v.path.split("/")[-2] for v in d.trainable_variables}
    assert "named" in names, "the classifier trains with D"
    told = networks.projection_discriminator()
    assert d.count_params() == told.count_params() - 10 * 128 + (128 + 1) * 10


def test_one_step_of_the_auxiliary_classifier_by_hand():
    """Cross-entropy of the class on real and on fakes for D, on fakes for G; SGD with rate 1."""
    keras.utils.set_random_seed(0)
    generator = chapter.dense_generator(4, (8,))
    d = conditional.auxiliary_discriminator()
    model = conditional.AuxiliaryClassifier(generator, d, losses.non_saturating(), latent="normal")
    model.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), jit_compile=False)
    x, y = data.to_unit_range(IMAGES[:20]), tf.constant(LABELS[:20], tf.int32)
    z = data.draw_latent(0, (20, 4), 0, 0, "normal")
    named = keras.Model(d.inputs, d.get_layer("named").output)

    def wrong(images):
        logits = np.asarray(named([images, y]), np.float64)
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(20), y])

    def d_loss():
        fakes = generator([z, y])
        judged = softplus(-d([x, y])).mean() + softplus(d([fakes, y])).mean()
        return judged + wrong(x) + wrong(fakes)

    def g_loss():
        fakes = generator([z, y])
        return softplus(-d([fakes, y])).mean() + wrong(fakes)

    # A small step of SGD lowers a loss by rate times the squared length of its gradient.
    for network, update, loss in (
        (d, lambda: model.update_discriminator(x, z, y), d_loss),
        (generator, lambda: model.update_generator(z, y), g_loss),
    ):
        optimizer = model.d_optimizer if network is d else model.g_optimizer
        optimizer.learning_rate.assign(1e-3)
        before, weights = loss(), [w.copy() for w in network.get_weights()]
        update()
        moved = [a - b for a, b in zip(weights, network.get_weights(), strict=True)]
        squared = sum((m.astype(np.float64) ** 2).sum() for m in moved)
        assert before - loss() == pytest.approx(squared / 1e-3, rel=0.1)


# --- the variants of the search -------------------------------------------------------------------


def small_variant(**game):
    keras.utils.set_random_seed(0)
    generator = networks.upsampling_generator(8, width=4)
    x = keras.Input((28, 28, 1))
    h = layers.Dense(16, activation="softplus")(layers.Flatten()(x))
    d = keras.Model(x, layers.Dense(1)(h))
    options = {"latent": "normal", "r1": 1.0, "r1_every": 1}
    model = recipe_search.Variant(generator, d, losses.non_saturating(), **options, **game)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False)
    return model


def test_differences_estimate_the_penalty():
    exact, estimate = small_variant(), small_variant(differences=True)
    x = data.to_unit_range(np.repeat(IMAGES[:20], 200, axis=0))
    wanted = float(exact.penalty(x))
    # (∇D·ε)² has twice its mean squared for a variance: √2 / √4000 is 2.2 % of the mean
    assert float(estimate.penalty(x)) == pytest.approx(wanted, rel=5 * 0.023)
    first = float(estimate.penalty(x))
    estimate.step.assign_add(1)
    assert float(estimate.penalty(x)) != first, "another noise in every step"


def test_pairs_compare_a_real_with_a_generated_image():
    model = small_variant(pairs=True, r2=True)
    x, z = data.to_unit_range(IMAGES[:20]), data.draw_latent(0, (20, 8), 0, 0, "normal")
    fakes = model.generator(z, training=True)
    real, fake = (np.asarray(model.discriminator(a), np.float64) for a in (x, fakes))
    seen = []
    model.descend = lambda optimizer, tape, loss, variables: seen.append(float(loss)) or (0.0, 0.0)
    model.update_discriminator(x, z)
    model.update_generator(z)
    slopes = float(model.penalty(x)) + float(model.penalty(fakes))
    wanted = [softplus(fake - real).mean() + slopes / 2, softplus(real - fake).mean()]
    np.testing.assert_allclose(seen, wanted, rtol=1e-4)


def test_without_options_a_variant_is_the_books_game():
    def trained(kind):
        keras.utils.set_random_seed(0)
        pair = networks.mlp_generator(8, 16), networks.mlp_discriminator(16)
        model = kind(*pair, losses.non_saturating(), latent="normal", r1=1.0, r1_every=2)
        model.compile(*(keras.optimizers.Adam(1e-3) for _ in range(2)), jit_compile=False)
        model.fit(IMAGES, 2, 20, verbose=0)
        return model.get_weights()

    for a, b in zip(trained(gan.GAN), trained(recipe_search.Variant), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_variant_changes_what_it_says_and_nothing_else():
    base = recipe_search.joined()
    assert recipe_search.BASE == base
    for name, (kind, changes) in recipe_search.VARIANTS.items():
        settings = recipe_search.joined(changes)
        assert (settings == base) == (name == "upsampling"), name
        changed = {key for key in base if settings[key] != base[key]}
        assert changed == changes.keys(), name
        assert kind in (*recipe_search.KINDS, "groups", None)
        assert (kind == "groups") == ("groups" in changes), name
    assert "groups" not in recipe_search.KINDS, "labels of a kind are not combined"
    assert recipe_search.BASE == base, "joined leaves it alone"
    two = recipe_search.joined({"g": {"latent_dim": 16}}, {"g": {"width": 48}, "batch": 32})
    assert two["g"] == {**base["g"], "latent_dim": 16, "width": 48} and two["batch"] == 32


def test_the_average_is_counted_in_images():
    """After 12,800 images the weights of before them count as much, whatever the batch."""
    left = {
        settings["average"] ** (12_800 / settings["batch"])
        for name in ("upsampling", "batches of 32", "batches of 128")
        for settings in [recipe_search.joined(recipe_search.VARIANTS[name][1])]
    }
    assert max(left) == pytest.approx(min(left), rel=1e-9)


def test_seeds_are_paired_network_by_network():
    def weights(*changes):
        model = recipe_search.build(recipe_search.joined(*changes), 3, 10)
        return model.generator.get_weights(), model.discriminator.get_weights()

    g, d = weights()
    other_g, same_d = weights({"g": {"latent_dim": 16}})
    same_g, _ = weights({"d": {"hidden": 8}})
    assert other_g[0].shape != g[0].shape
    for ours, theirs in ((d, same_d), (g, same_g)):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def changes_of(name):
    """Return the changes of a variant, or of the way that held out a full run."""
    if name not in recipe_long.WAYS:
        return [recipe_search.VARIANTS[name][1]]
    chosen = recipe_search.best(data.load_results("recipe_search.csv"))
    return [*(recipe_search.VARIANTS[n][1] for n in chosen), recipe_long.WAYS[name]]


@pytest.mark.parametrize(
    ("variant", "name"), [("first", "dcgan-mnist-first"), ("rates 0.002", "dcgan-mnist")]
)
def test_a_variant_is_the_recipe(variant, name):
    """Networks, penalty, rates, average and batch are those of the recipe: old and found."""
    settings = recipe_search.joined(*changes_of(variant))
    ours, recipe = recipe_search.build(settings, 7, 0), recipes.get(name)
    for part, network in (("generator", ours.generator), ("discriminator", ours.discriminator)):
        make, options = recipe[part]
        theirs = make(**options)
        assert [w.shape for w in network.weights] == [w.shape for w in theirs.weights]
        kinds = [[type(layer) for layer in n.layers] for n in (network, theirs)]
        assert kinds[0] == kinds[1]
    assert (ours.r1, ours.r1_every) == (recipe["r1"], recipe["r1_every"])
    assert settings["batch"] == recipe["batch_size"] and ours.latent == recipe["latent"]
    for optimizer, name in ((ours.g_optimizer, "g_optimizer"), (ours.d_optimizer, "d_optimizer")):
        made = optimizer.get_config()
        rate = made["learning_rate"]["config"]["initial_learning_rate"]
        found = {**{k: made[k] for k in recipe[name]}, "learning_rate": rate}
        assert found == pytest.approx(recipe[name], rel=1e-5)


def test_the_full_run_on_the_page_is_that_of_the_recipe():
    """Chapter 09's evidence trains as long as the stored rows that it is compared with."""
    source = (Path(__file__).parents[1] / "notebooks/09_evidence.ipynb").read_text()
    epochs = recipes.get("dcgan-mnist")["epochs"]
    assert f"seed, epochs = 0, runtime.choose(full={epochs}," in source
    assert recipes.get("dcgan-mnist-first")["epochs"] == recipe_search.LONG_EPOCHS
    steps = 60_000 // recipes.get("dcgan-mnist")["batch_size"] * epochs
    assert max(row["step"] for row in data.load_results("dcgan_mnist_best.csv")) == steps


def test_the_search_says_what_it_combined():
    rows = data.load_results("recipe_search.csv")
    combined = [row for row in rows if row["variant"].startswith("combined")]
    assert len(combined) == 3
    assert all(json.loads(row["changes"]) == recipe_search.best(rows) for row in combined)


# --- groups that nobody wrote ---------------------------------------------------------------------


def pictures_of_four_kinds(copies):
    """Bright or dark, which makes the most difference, and a lit corner or none; a little noise."""
    bright, corner = np.arange(4 * copies) % 4 // 2, np.arange(4 * copies) % 2
    images = np.zeros((4 * copies, 28, 28, 1)) + 150 * bright[:, None, None, None]
    images[:, :8, :8] += 80 * corner[:, None, None, None]
    noise = np.random.default_rng(1).integers(0, 5, images.shape)
    return (images + noise).astype(np.uint8), 2 * bright + corner


def test_halves_follow_what_differs_most():
    images, kind = pictures_of_four_kinds(15)
    two, four = (recipe_search.halved(images, count) for count in (2, 4))
    assert len({(a, b) for a, b in zip(two, kind // 2, strict=True)}) == 2, "bright from dark"
    assert len({(a, b) for a, b in zip(four, kind, strict=True)}) == 4, "one group of each kind"
    assert two.dtype == four.dtype == np.int32


def test_groups_are_of_a_size_and_do_not_depend_on_the_order():
    images = RNG.integers(0, 256, (61, 28, 28, 1), dtype=np.uint8)
    found = recipe_search.halved(images, 8)
    assert sorted(np.bincount(found, minlength=8)) == [7, 7, 7, 8, 8, 8, 8, 8]
    order = RNG.permutation(61)
    again = recipe_search.halved(images[order], 4)[np.argsort(order)]
    same = {(a, b) for a, b in zip(recipe_search.halved(images, 4), again, strict=True)}
    # An odd one in the middle of a cut may fall to either side: an axis has no direction.
    assert len(same) <= 4 + 3


def test_groups_reach_both_networks():
    images, _ = pictures_of_four_kinds(15)
    found = recipe_search.halved(images, 4)
    settings = recipe_search.joined({"groups": 4, "g": {"width": 4}, "d": {"width": 4}})
    model = recipe_search.build(settings, 3, 0)
    assert model.conditional and len(model.discriminator.inputs) == 2
    model.fit(images, 1, 20, verbose=0, labels=found)
    assert model.sample(4).shape == (4, 28, 28, 1)
    with pytest.raises(ValueError, match="lie in 0 to 3"):
        model.sample(4, labels=4)
    blind = recipe_search.build(recipe_search.joined(), 3, 0)
    assert not blind.conditional and recipe_search.told_of(blind) is None
    assert recipe_search.told_of(model).shape == (1280,)


# --- how the search goes on, and puts its winners together ----------------------------------------


def rows_of(distances):
    """Rows as the CSV has them; one distance is that of the first seed."""
    return [
        {"variant": name, "seed": str(seed), "frechet": str(value)}
        for name, values in distances.items()
        for seed, value in zip(recipe_search.SEEDS, values, strict=False)
    ]


def test_only_what_came_out_below_the_base_is_tried_again():
    distance = dict.fromkeys(recipe_search.VARIANTS, (12.0,)) | {"upsampling": (10.0,)}
    distance |= {"R1 3": (9.0,), "kernel 5": (9.5,), "z of 16": (10.0,), "64 groups": (3.0,)}
    tried = recipe_search.again(rows_of(distance))
    assert tried == ["upsampling", "first", "kernel 5", "R1 3", "64 groups"]
    tried = recipe_search.again(rows_of(distance | {"first": (9.9,)}))
    assert tried == ["upsampling", "first", "kernel 5", "R1 3", "64 groups"], "not twice"


def test_the_best_of_each_kind_has_to_win_with_both_seeds():
    distance = dict.fromkeys(recipe_search.VARIANTS, (12.0,))
    distance |= {"upsampling": (10.0, 10.0), "first": (9.0, 9.0)}  # of no kind
    distance |= {"kernel 5": (9.0, 9.5), "G of width 48": (8.0, 10.2)}  # worse once
    distance |= {"R1 3": (7.0, 9.9), "R1 10": (8.0, 8.0), "R1 0.1": (9.9, 9.9)}
    distance |= {"beta_1 0": (9.0,)}  # not tried again
    distance |= {"64 groups": (1.0, 1.0)}  # labels of a kind
    assert recipe_search.best(rows_of(distance)) == ["kernel 5", "R1 10"]


def test_the_search_stays_off_the_reported_seeds():
    assert not set(recipe_search.SEEDS) & {0, 1, 2}


def test_rows_so_far_are_those_of_its_own_result(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_search, "ROOT", tmp_path)
    assert recipe_search.rows_so_far() == []
    rows = rows_of({"upsampling": (10.0, 11.0)})
    path = tmp_path / "experiments" / "results" / "recipe_search.csv"
    recipe_search.experiment_csv.write(path, rows, {}, 1.0)
    assert recipe_search.rows_so_far() == rows
    assert recipe_search.distances(rows) == {"upsampling": {10: 10.0, 11: 11.0}}


class Asked(Exception):
    """The settings, steps and seed that a variant would be built with."""


@pytest.mark.parametrize(
    ("variant", "changes", "rows", "epochs"),
    [
        ("R1 3", ["R1 3"], 40, 2),
        ("combined", ["kernel 5", "batches of 32"], 40, 2),
        ("combined, long", ["kernel 5", "batches of 32"], 60, 8),
        ("64 groups, R1 0.1, long", ["64 groups, R1 0.1"], 60, 8),
    ],
)
def test_what_a_row_trains(monkeypatch, variant, changes, rows, epochs):
    """`combined` takes the best of each kind; the rows of LONG all images, and more passes."""

    def asked(*arguments):
        raise Asked(*arguments)

    digits = data.ImageData("mnist", IMAGES, LABELS, IMAGES, LABELS, "")
    monkeypatch.setattr(recipe_search.scoring, "mnist_and_features", lambda: (digits, None))
    monkeypatch.setattr(recipe_search, "ROWS", 40)
    monkeypatch.setitem(recipe_search.BASE, "batch", 10)
    monkeypatch.setattr(recipe_search, "rows_so_far", lambda: None)
    monkeypatch.setattr(recipe_search, "best", lambda rows: ["kernel 5", "batches of 32"])
    monkeypatch.setattr(recipe_search, "build", asked)
    grouped = []
    monkeypatch.setattr(recipe_search, "halved", lambda *given: grouped.append(given))
    with pytest.raises(Asked) as found:
        recipe_search.one(variant, 10)
    settings, steps, seed = found.value.args
    joined = recipe_search.joined(*(recipe_search.VARIANTS[name][1] for name in changes))
    assert settings == joined and seed == 10
    assert steps == rows // settings["batch"] * epochs
    assert [(len(images), count) for images, count in grouped] == (
        [(rows, 64)] if "groups" in variant else []
    )


def test_every_long_row_is_of_something_that_was_tried_short():
    assert set(recipe_search.LONG.values()) <= {*recipe_search.VARIANTS, "combined"}
    assert not recipe_search.LONG.keys() & recipe_search.VARIANTS.keys()


class Clock:
    """A clock that stands still, but for what is added to it."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


def test_the_cost_is_that_of_an_image_without_the_turn_that_compiles(monkeypatch):
    clock, asked = Clock(), []
    monkeypatch.setattr(recipe_search, "time", clock)

    class Game:
        conditional = False

        def __init__(self, *seconds):
            self.seconds = list(seconds)

        def fit(self, images, epochs, size, verbose, labels):
            asked.append((len(images), epochs, size))
            clock.now += self.seconds.pop(0)

    # the first turn compiles; one of the others was disturbed
    game, base = Game(90.0, 3.0, 3.0, 50.0), Game(10.0, 2.0, 2.0, 2.0)
    monkeypatch.setattr(recipe_search, "base_game", lambda: base)
    assert recipe_search.cost(game, np.zeros(2000), 128) == 1.5
    assert asked == [(1280, 1, 128), (1280, 1, 64)] * 4


# --- the generator of the page --------------------------------------------------------------------


def test_batch_normalisation_is_folded_into_the_weights():
    keras.utils.set_random_seed(0)
    options = {"latent_dim": 16, "hidden": (128, 112), "embedding": 16}
    model = conditional_page.normalised_generator(**options)
    model.set_weights([w + 0.1 + np.abs(RNG.normal(size=w.shape)) for w in model.get_weights()])
    z, labels = RNG.normal(size=(9, 16)).astype("float32"), np.arange(9)
    plain = conditional_page.folded(model)
    inner = [keras.Model(m.inputs, m.get_layer("pixels").input) for m in (model, plain)]
    a, b = (np.asarray(m([z, labels])) for m in inner)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(a).max())
    assert not any(isinstance(la, layers.BatchNormalization) for la in plain.layers)


# --- photographs ----------------------------------------------------------------------------------


def test_the_ways_of_photographs_differ_in_labels_and_generator():
    plain, label = (conditional_cifar10.recipe(way) for way in conditional_cifar10.WAYS)
    stock = recipes.get("dcgan-cifar10", epochs=conditional_cifar10.EPOCHS)
    assert plain == stock and "classes" not in plain["generator"][1]
    assert [label[part][1]["classes"] for part in ("generator", "discriminator")] == [10, 10]
    same = [key for key in stock if label[key] == stock[key]]
    assert set(stock) - set(same) == {"generator", "discriminator"}
    assert label["generator"][0] is stock["generator"][0]


# --- samples for the sliced distance --------------------------------------------------------------


def test_parts_of_pairs_do_not_overlap_and_are_those_of_the_other_study(monkeypatch):
    bias = sliced_samples.frechet_bias
    jobs = [job for job in sliced_samples.jobs() if job["kind"] == "pair"]
    theirs = {tuple(job.values()) for job in bias.jobs() if job["n"] in sliced_samples.COUNTS}
    assert {(job["which"], job["n"], job["part"]) for job in jobs} == theirs
    monkeypatch.setattr(bias, "sets", lambda pair: (np.arange(30_000), np.arange(30_000)))
    for n in sliced_samples.COUNTS:
        parts = [job["part"] for job in jobs if (job["which"], job["n"]) == ("real, real", n)]
        rows = np.concatenate([sliced_samples.pair_sets("real, real", n, p)[0] for p in parts])
        assert len(rows) == len(set(rows)) == n * len(parts)


def test_spoiled_digits_are_not_the_first_n(monkeypatch):
    """Some faults go through the images in an order: the thin strokes digit by digit."""
    study = sliced_samples.score_corruptions
    images = np.zeros((8000, 1, 1, 1)) + np.arange(8000)[:, None, None, None]
    real = np.arange(4000)[:, None]
    monkeypatch.setattr(study, "heaps", lambda draw: (None, (None, real), images, None))
    monkeypatch.setitem(study.WAYS, "as they are", lambda x, y, rng: x)
    judge = SimpleNamespace(scores=lambda made, name: (None, made.reshape(-1, 1)))
    monkeypatch.setattr(sliced_samples, "classifiers", judge)
    made, ruler = sliced_samples.fault_sets("as they are", 2000, 3)
    assert made.shape == ruler.shape == (2000, 1)
    assert len(np.unique(made)) == 2000 and made.max() < study.N, "of the images that are scored"
    assert abs(made.mean() - study.N / 2) < 5 * study.N / np.sqrt(12 * 2000)


def test_both_experiments_measured_the_same_frechet_distances():
    """Of the parts that `frechet_bias` scored too, on another machine or another day."""
    theirs = {
        (row["pair"], row["n"], row["part"]): row["frechet"]
        for row in data.load_results("frechet_bias.csv")
    }
    rows = [row for row in data.load_results("sliced_samples.csv") if row["kind"] == "pair"]
    assert len(rows) > 50
    for row in rows:
        key = row["which"], row["n"], row["part"]
        assert row["frechet"] == pytest.approx(theirs[key], rel=0.01, abs=0.01), key


# --- the race -------------------------------------------------------------------------------------

RUNNER = """
import sys
print("what TensorFlow has to say", flush=True)
for number, _ in enumerate(sys.stdin):
    if number == 2:
        break
    print("ms", 12.3456 + number, flush=True)
"""


def test_a_runner_makes_a_turn_when_asked_and_a_dead_one_is_noticed():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", RUNNER], **pipes) as runner:
        assert [race.ask(runner), race.ask(runner)] == [12.35, 13.35]
        with pytest.raises(RuntimeError, match="ended before its turn"):
            race.ask(runner)


@pytest.mark.parametrize(
    ("runner", "off"), [("tutorial", False), ("switched", True), ("recipe", True)]
)
def test_only_the_tutorial_has_the_defaults_of_tensorflow(monkeypatch, capsys, runner, off):
    """What builds the networks switches the graph optimiser off; `tutorial` gets it back."""
    before, asked = tf.config.optimizer.get_experimental_options(), []

    def build(block):
        asked.append(block)
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        return lambda: 0.5

    monkeypatch.setattr(race, "recipe" if runner == "recipe" else "tutorial", build)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    try:
        race.work(runner)
        options = tf.config.optimizer.get_experimental_options()
        assert options["disable_meta_optimizer"] is off
    finally:
        was = {"disable_meta_optimizer": before.get("disable_meta_optimizer", False)}
        tf.config.optimizer.set_experimental_options(was)
    assert capsys.readouterr().out == "ms 500.0\n" * 2
    assert asked == [race.BLOCKS[runner]]


def test_of_three_blocks_of_the_tutorial_the_last_two_are_timed(monkeypatch):
    clock, taken = Clock(), []

    def step(rows, z):
        clock.now += 100.0 if len(taken) < 7 else 0.5  # the first block of the turn
        taken.append((len(rows), z.shape, tuple(rows.numpy()[:3])))

    monkeypatch.setattr(race, "time", clock)
    size = 20 * 256 + 96
    monkeypatch.setattr(race.tutorial_dcgan, "trainer", lambda: (None, None, step, size))
    assert race.tutorial(7)() == 0.5
    assert len(taken) == 21 and len(set(taken)) == 20, "other rows, until all have been seen"
    assert {count for count, _, _ in taken} == {256}, "no short batch"


def test_of_three_epochs_of_the_recipe_the_last_two_are_timed(monkeypatch):
    clock = Clock()

    def fit(images, epochs, batch_size, callbacks, verbose):
        assert len(images) == 5 * batch_size
        for epoch in range(epochs):
            clock.now += 5 * 0.25 if epoch else 100.0
            for callback in callbacks:
                callback.on_epoch_end(epoch)

    monkeypatch.setattr(race, "time", clock)
    monkeypatch.setattr(race.recipes, "build", lambda *_: SimpleNamespace(fit=fit))
    monkeypatch.setattr(race.data, "load", lambda name: SimpleNamespace(images=np.zeros(60_000)))
    turn = race.recipe(5)
    assert turn() == 0.25 and turn() == 0.25, "a turn forgets the one before"


def test_a_row_has_the_turns_of_all_three(monkeypatch):
    monkeypatch.setattr(race, "runners", lambda: {name: name for name in race.BLOCKS})
    monkeypatch.setattr(race, "ask", len)
    assert race.one(0) == {"ms_tutorial": 8, "ms_switched": 8, "ms_recipe": 6}
