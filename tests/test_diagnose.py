"""Units and gradients against NumPy; a run against healthy and broken ones."""

import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import expit

from gan_utils import data, gan, losses, networks
from gan_utils.chapters import units
from gan_utils.diagnose import bands, rules

RANDOM = np.random.default_rng(0)


def test_dead_units_are_those_never_positive():
    network = networks.mlp_discriminator(hidden=40)
    kernel, bias = network.get_layer("hidden").weights
    bias.assign(RANDOM.normal(-2, 1.5, 40))
    a, b = (RANDOM.uniform(-1, 1, (30, 28, 28, 1)).astype("float32") for _ in range(2))
    before = [x.reshape(30, -1) @ kernel.numpy() + bias.numpy() for x in (a, b)]
    for batches, values in (((a,), before[0]), ((a, b), np.concatenate(before))):
        found = units.dead_units(network, *batches)
        np.testing.assert_array_equal(found, values.max(axis=0) <= 0)
        assert 0 < found.sum() < 40


def test_a_dead_unit_gets_no_gradient_from_relu_and_one_from_leaky_relu():
    x = RANDOM.uniform(-1, 1, (20, 28, 28, 1)).astype("float32")
    for slope, dies in ((0.0, True), (0.2, False)):
        network = networks.mlp_discriminator(hidden=8, slope=slope)
        network.get_layer("hidden").bias.assign([-10.0] * 8)  # not so far that D(x) rounds to 1
        assert units.dead_units(network, x).all()
        signal = units.learning_signal(network, x, losses.non_saturating())
        assert (signal == 0).all() if dies else (signal > 0).all()


@pytest.mark.parametrize(
    ("layer", "batches", "message"),
    [
        ("logits", 1, "'logits' is none. The layers are: x, .*hidden"),
        ("pixels", 1, "'pixels' is none"),
        ("hidden", 0, "at least one batch"),
    ],
)
def test_dead_units_refuses(layer, batches, message):
    network = networks.mlp_generator() if layer == "pixels" else networks.mlp_discriminator()
    with pytest.raises(ValueError, match=message):
        units.dead_units(network, *[np.zeros((2, 28, 28, 1), "float32")] * batches, layer=layer)


@pytest.mark.parametrize("between", [[], [keras.layers.Dropout(0.1), keras.layers.Flatten()]])
@pytest.mark.parametrize("kind", ["BatchNormalization", "LayerNormalization"])
def test_dead_units_refuses_what_is_normalised_before_the_activation(between, kind):
    """The mean of a batch is taken away: units that are all below 0 fire after that, and learn."""
    h = x = keras.Input((5,))
    norm = getattr(keras.layers, kind)(name="norm")
    for one in (keras.layers.Dense(8, name="hidden"), *between, norm, keras.layers.ReLU()):
        h = one(h)
    network = keras.Model(x, keras.layers.Dense(1)(h))
    with pytest.raises(ValueError, match="After 'hidden' comes .norm., which moves values"):
        units.dead_units(network, np.zeros((4, 5), "float32"))
    dense = keras.layers.Dense(8, name="hidden")
    after = [dense, keras.layers.ReLU(), getattr(keras.layers, kind)()]
    network = keras.Sequential([keras.Input((5,)), *after])
    assert units.dead_units(network, np.zeros((4, 5), "float32")).all()
    keras.layers.BatchNormalization()(dense.output)  # of another network
    assert units.dead_units(network, np.zeros((4, 5), "float32")).all()


def test_the_learning_signal_of_a_linear_discriminator():
    """D(x) = σ(w·x): the gradient of −log D is (D − 1) w."""
    x = keras.Input((28, 28, 1))
    discriminator = keras.Model(x, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    images = RANDOM.uniform(-1, 1, (50, 28, 28, 1)).astype("float32")
    w = discriminator.weights[0].numpy()[:, 0]
    d = 1 / (1 + np.exp(-images.reshape(50, -1) @ w))
    found = units.learning_signal(discriminator, images, losses.non_saturating())
    np.testing.assert_allclose(found, (1 - d) * np.linalg.norm(w), rtol=1e-4)


def runs():
    return data.load_results("healthy_runs.csv")


def history_of(case, seed=0):
    rows = [row for row in runs() if row["case"] == case and row["seed"] == seed]
    return {name: [row[name] for row in rows] for name in gan.METRICS}


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_run_lies_inside_the_band_of_the_others(seed, capsys):
    others = [row for row in runs() if row["seed"] != seed]
    result = bands.compare_run(history_of("healthy", seed), runs=others)
    assert result.inside
    assert capsys.readouterr().out.startswith("Inside the band of 4 healthy runs of mlp-mnist")


BROKEN = sorted({row["case"] for row in runs()} - {"healthy"})


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_run_lies_outside(case, capsys):
    result = bands.compare_run(history_of(case))
    assert not result.inside
    if case != "real images scaled to [0, 1]":  # which D and G survive, and only just shows
        assert min(result.shares.values()) < 0.5, "not a near miss"
    assert "Inside in too few epochs: " in capsys.readouterr().out
    assert len(result.figure.axes) == len(bands.SERIES)


def test_there_are_broken_runs():
    assert len(BROKEN) >= 5


def test_nan_is_outside():
    history = history_of("healthy") | {"d_loss": [float("nan")] * 100}
    assert bands.compare_run(history).shares["d_loss"] == 0


def written(values):
    """Series whose logarithms (or logits, of D's means) are the values: name -> (epochs,)."""
    logistic = ("d_x", "d_gz")
    return {name: (expit if name in logistic else np.exp)(values) for name in bands.SERIES}


def runs_of(values):
    """Healthy runs that are so written, from values (runs, epochs)."""
    rows = []
    for seed, run in enumerate(values):
        about = {"recipe": "mlp-mnist", "case": "healthy", "seed": seed}
        rows += [about | written(value) | {"epoch": epoch} for epoch, value in enumerate(run)]
    return rows


def test_the_band_is_students_prediction_interval():
    values = np.random.default_rng(1).normal(0.3, 0.4, 5)
    result = bands.compare_run(written(np.zeros(7)), runs=runs_of(np.tile(values, (7, 1)).T))
    half = 4.604095 * values.std(ddof=1) * np.sqrt(1.2)  # t of 4 degrees of freedom at 0.995
    ends = written(values.mean() + half * np.array([-1, 1]))
    for name, axes in zip(bands.SERIES, result.figure.axes, strict=True):
        [band] = axes.collections
        _, y = band.get_paths()[0].vertices.T
        np.testing.assert_allclose([y.min(), y.max()], ends[name], err_msg=name)


def test_the_band_holds_new_runs_as_often_as_it_says():
    """Its width is pooled over eleven epochs, so these have the same draws, eleven by eleven."""
    rng, draws = np.random.default_rng(2), 300
    runs, inside = rng.normal(size=(5, draws)).repeat(11, axis=1), []
    for _ in range(6):
        new = np.full(11 * draws, np.nan)
        new[5::11] = rng.normal(size=draws)  # in the middle of each
        shares = bands.compare_run(written(new), runs=runs_of(runs)).shares
        inside.append(11 * shares["d_loss"])
        plt.close("all")
    assert np.mean(inside) == pytest.approx(0.99, abs=0.008)


def test_compare_run_reads_a_run_folder(tmp_path):
    history = history_of("healthy")
    rows = [list(history), *np.transpose(list(history.values())).tolist()]
    (tmp_path / "history.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    assert bands.compare_run(tmp_path).shares == bands.compare_run(history).shares


def test_compare_run_refuses(tmp_path):
    history = history_of("healthy")
    short = {name: values[:4] for name, values in history.items()}
    with pytest.raises(ValueError, match="4 epochs; a comparison takes at least 5"):
        bands.compare_run(short)
    with pytest.raises(ValueError, match="no healthy runs of 'dcgan'. There are some of: mlp-mn"):
        bands.compare_run(history, "dcgan")
    with pytest.raises(ValueError, match="has no 'd_x'. It has: "):
        bands.compare_run({name: v for name, v in history.items() if name != "d_x"})
    with pytest.raises(FileNotFoundError, match="There is no .*history.csv"):
        bands.compare_run(tmp_path)


# The rules


def planted():
    return data.load_results("planted_faults.csv")


def written_out(row):
    return {name: [float(v) for v in row[name].split()] for name in rules.RULES_READ}


def first(history):
    found = rules.diagnose(history)
    return found[0].name if found else "nothing"


def test_the_splits_share_no_seed_and_no_setting():
    seen = {split: set() for split in ("written", "held-out")}
    for row in planted():
        seen[row["split"]] |= {row["setting"], row["seed"]}
    assert not seen["written"] & seen["held-out"]


def test_nine_of_twelve_held_out_faults_are_named():
    """A fault counts if the first finding bears its name in every run that it is planted in."""
    rows = [row for row in planted() if row["split"] == "held-out" and row["fault"] != "healthy"]
    named = {row["fault"]: True for row in rows}
    for row in rows:
        named[row["fault"]] &= first(written_out(row)) == row["fault"]
    assert len(named) == 12
    assert sum(named.values()) >= 9, named


def test_nineteen_of_twenty_held_out_healthy_runs_pass():
    rows = [row for row in planted() if row["split"] == "held-out" and row["fault"] == "healthy"]
    assert len(rows) >= 20
    assert np.mean([first(written_out(row)) == "nothing" for row in rows]) >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_long_healthy_run_has_no_findings(seed, capsys):
    assert rules.diagnose(history_of("healthy", seed)) == []
    assert capsys.readouterr().out.startswith("No rule fires.")


LONG = {
    "double sigmoid": "two sigmoids",
    "G does not learn": "wrong variables",
    "D does not learn": "wrong variables",
}


@pytest.mark.parametrize("case", LONG)
def test_a_broken_run_is_named(case, capsys):
    assert [finding.name for finding in rules.diagnose(history_of(case))] == [LONG[case]]
    assert capsys.readouterr().out.startswith(f"{LONG[case]}: ")


def live(d_rate=1e-3, sigmoid=False):
    keras.utils.set_random_seed(0)
    d = networks.mlp_discriminator(hidden=16, slope=0.2)
    if sigmoid:
        d = keras.Model(d.input, keras.layers.Activation("sigmoid")(d.output))
    model = gan.GAN(networks.mlp_generator(8, hidden=16), d, losses.non_saturating())
    model.compile(d_optimizer=keras.optimizers.Adam(d_rate), jit_compile=False)
    images = data.load("digits").images[:400]
    return model.fit(images, 8, 20, verbose=0)


def test_rules_on_live_runs():
    assert first(live()) == "nothing"
    assert first(live(sigmoid=True)) == "two sigmoids"
    [finding] = rules.diagnose(live(d_rate=0.0).history)
    assert finding.name == "wrong variables"
    assert "weights of D never moved" in finding.seen


def trained(real, fake, g_target, factors=(1, 1), frozen="", epochs=15):
    """A history of a run in which D has these targets, and G its own."""
    keras.utils.set_random_seed(0)
    g, d = networks.mlp_generator(16, hidden=32), networks.mlp_discriminator(hidden=32)
    g.trainable, d.trainable = "g" not in frozen, "d" not in frozen
    loss = losses.Loss(
        lambda on_real, on_fake: (
            factors[0] * losses.cross_entropy(on_real, real),
            factors[0] * losses.cross_entropy(on_fake, fake),
        ),
        lambda on_fake: factors[1] * losses.cross_entropy(on_fake, g_target),
        {},
    )
    model = gan.GAN(g, d, loss)
    model.compile(jit_compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a network without variables it warns
        return model.fit(data.load("digits").images[:400], epochs, 20, verbose=0).history


@pytest.mark.parametrize(
    ("targets", "name", "words"),
    [
        ((1.0, 0.0, 0.0), "G's target is wrong", "G is glad to be found out"),
        ((0.9, 0.1, 0.0), "G's target is wrong", "the target that D has for real images"),
        ((0.0, 1.0, 0.0), "nothing", "The labels are flipped"),
        ((0.0, 0.9, 0.0), "nothing", "The labels are flipped"),
        ((0.0, 1.0, 1.0), "D's targets are swapped", "of generated ones, at a loss of only"),
        ((0.0, 0.0, 1.0), "D's target is wrong", "Of real images D says"),
        ((1.0, 1.0, 1.0), "D's target is wrong", "Of generated images D says"),
        ((1.0, 0.0, 0.8), "nothing", "No rule fires"),
        ((0.9, 0.0, 1.0), "nothing", "No rule fires"),
    ],
)
def test_targets_that_are_turned_round(targets, name, words, capsys):
    assert first(trained(*targets)) == name
    assert words in capsys.readouterr().out


def test_a_factor_before_a_loss_is_no_fault():
    assert first(trained(1.0, 0.0, 1.0, factors=(0.5, 1))) == "nothing"
    assert first(trained(1.0, 0.0, 1.0, factors=(1, 0.5))) == "nothing"
    assert first(trained(0.0, 1.0, 0.0, factors=(0.5, 0.5))) == "nothing"
    assert first(trained(1.0, 0.0, 1.0, factors=(1, 0.1))) == "L_G contradicts D"


@pytest.mark.parametrize("frozen", ["d", "g"])
def test_a_frozen_network_is_named(frozen):
    [finding] = rules.diagnose(trained(1.0, 0.0, 1.0, frozen=frozen, epochs=3))
    assert finding.name == "wrong variables"
    assert finding.seen.startswith(f"{frozen.upper()} never had a gradient and never moved")


def turned_round(history):
    """The same run as a program writes it that has 0 for real and 1 for generated images."""
    names = "d_acc_real", "d_acc_fake", "d_x", "d_gz"
    return history | {name: [1 - value for value in history[name]] for name in names}


def test_flipped_labels_change_no_verdict():
    for row in planted():
        history = written_out(row)
        assert first(turned_round(history)) == first(history), row["fault"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "nothing"),
        ({"g_loss": 8.0}, "D too strong"),
        ({"g_loss": 0.1}, "G too strong"),
        ({"d_loss": -0.5}, "wrong sign of smoothing"),
        ({"d_loss": float("nan")}, "not a number"),
    ],
)
def test_two_losses_are_enough_for_some_rules(changes, name, capsys):
    values = {key: [value] * 100 for key, value in changes.items()}
    history = {key: HEALTHY[key] for key in ("d_loss", "g_loss")} | values
    assert first(history) == name
    said = capsys.readouterr().out
    assert "Not asked, for want of d_loss_real, " in said
    assert "two sigmoids" in said and "dead ReLUs" in said


def test_a_rule_is_left_out_if_one_series_is_missing(capsys):
    history = {name: v for name, v in HEALTHY.items() if name != "g_grad_norm"}
    assert first(history | {"g_update_ratio": [0.1] * 100}) == "learning rate too high"
    said = capsys.readouterr().out
    assert "for want of g_grad_norm: wrong variables, dead ReLUs, mode collapse." in said


HEALTHY = history_of("healthy")
SURE = {"d_acc_real": 1.0, "d_acc_fake": 1.0}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"d_loss_real": -0.1, "d_x": 0.9}, "wrong sign of smoothing"),
        ({"d_loss_real": 0.2, "d_x": 0.7}, "wrong sign of smoothing"),
        ({"d_loss_fake": 0.2, "d_gz": 0.3}, "wrong sign of smoothing"),
        ({"g_loss": float("nan")}, "not a number"),
        ({"g_grad_norm": 0.0, "g_update_ratio": 0.0, "d_x": 0.5, "d_gz": 0.5}, "dead ReLUs"),
        ({"g_grad_norm": 0.0, "g_update_ratio": 0.0}, "wrong variables"),
        ({"g_update_ratio": 0.0}, "wrong variables"),
        ({"d_x": 0.7, "d_gz": 0.55, "d_acc_real": 1.0, "d_acc_fake": 0.0}, "two sigmoids"),
        ({"d_gz": 0.01, "g_loss": 0.9, **SURE}, "real and fake in one batch"),
        ({"d_gz": 0.01, "g_loss": 0.9, "d_acc_fake": 0.8}, "L_G contradicts D"),
        ({"d_gz": 0.01, "g_loss": 0.01, **SURE}, "G's target is wrong"),
        ({"d_x": 0.01, "d_loss_real": 0.01}, "D's target is wrong"),
        ({"d_gz": 0.99, "d_loss_fake": 0.01, "g_loss": 0.01}, "D's target is wrong"),
        ({"g_grad_norm": 0.0, "d_gz": 0.5, "d_x": 0.5}, "dead ReLUs"),
        ({"d_grad_norm": 0.0, "d_update_ratio": 0.0}, "wrong variables"),
        ({"d_grad_norm": 0.0, "d_update_ratio": float("nan")}, "wrong variables"),
        ({"g_grad_norm": 0.0, "g_update_ratio": float("nan")}, "wrong variables"),
        ({"d_update_ratio": 0.1}, "learning rate too high"),
        ({"d_gz": 0.001, "g_loss": 8.0}, "D too strong"),
        ({"d_gz": 0.9, "g_loss": 0.2, "d_loss_fake": 2.4}, "G too strong"),
    ],
)
def test_each_rule_sees_its_sign(changes, name):
    history = HEALTHY | {key: [value] * 100 for key, value in changes.items()}
    assert first(history) == name


def test_a_finding_says_where_it_starts():
    values = [*HEALTHY["g_loss"][:40], *[float("inf")] * 60]
    [finding] = rules.diagnose(HEALTHY | {"g_loss": values})
    assert "g_loss is not a finite number in epoch 41." in finding.seen


def test_diagnose_reads_a_run_folder(tmp_path):
    history = HEALTHY | {"g_update_ratio": [0.0] * 100}
    rows = [list(history), *np.transpose(list(history.values())).tolist()]
    (tmp_path / "history.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    assert rules.diagnose(tmp_path) == rules.diagnose(history)


def test_diagnose_refuses(tmp_path):
    short = {name: values[:2] for name, values in HEALTHY.items()}
    with pytest.raises(ValueError, match="2 epochs; the rules take at least 3"):
        rules.diagnose(short)
    for name in ("d_loss", "g_loss"):
        with pytest.raises(
            ValueError, match=f"has no '{name}'. It has: .* at least the two losses"
        ):
            rules.diagnose({n: v for n, v in HEALTHY.items() if n != name})
    with pytest.raises(FileNotFoundError, match="There is no .*history.csv"):
        rules.diagnose(tmp_path)


def test_bands_cross_out_what_lies_outside():
    low, high = np.zeros(4), np.ones(4)
    names = {"d_a": "A", "g_b": "B", "d_c": "C"}
    series = {"d_a": [0.5, 2, 0.5, -1], "g_b": [0.5] * 4, "d_c": [np.nan] * 4}
    figure = bands.draw(dict.fromkeys(names, (low, high)), series, names)
    crosses = {a.get_title(): a.lines[1].get_xdata().tolist() for a in figure.axes if a.lines}
    assert crosses["A"] == [2, 4] and crosses["B"] == []
