import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from cases import few

from gan_utils import data, gan, losses, networks

IMAGES = np.random.default_rng(0).integers(0, 256, (230, 28, 28, 1), dtype=np.uint8)


def small_gan(seed=0, jit_compile=False, **kwargs):
    keras.utils.set_random_seed(seed)
    model = gan.GAN(
        networks.mlp_generator(latent_dim=8, hidden=16),
        networks.mlp_discriminator(hidden=16),
        losses.non_saturating(real_target=0.9),
        **kwargs,
    )
    model.compile(jit_compile=jit_compile)
    return model


def test_a_callback_is_called_after_the_steps_that_it_names():
    model, seen = small_gan(), []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((int(model.step), batch + 1))
    )
    watch.at_steps = (6, 38)  # of epochs of 20 steps
    model.fit(np.zeros((200, 28, 28, 1), np.uint8), 2, 10, callbacks=[watch], verbose=0)
    first = [(6, 6), (12, 12), (18, 18), (20, 20)]
    assert seen == [*first, *((20 + step, batch) for step, batch in first)]


def as_shipped():
    """The environment without what conftest.py sets to save time, for runs compared bit by bit."""
    ours = "XLA_FLAGS", "GAN_BOOK_XLA"
    return {name: value for name, value in os.environ.items() if name not in ours}


def test_fit_trains_both_networks_and_reports():
    model = small_gan()
    before = [model.generator.get_weights(), model.discriminator.get_weights()]
    history = model.fit(IMAGES, epochs=3, batch_size=20, verbose=0).history
    assert set(history) == set(gan.METRICS)
    assert all(len(values) == 3 and np.isfinite(values).all() for values in history.values())
    np.testing.assert_allclose(
        np.add(history["d_loss_real"], history["d_loss_fake"]), history["d_loss"], rtol=1e-5
    )
    both = np.add(history["d_loss"], history["g_loss"])
    np.testing.assert_allclose(history["loss"], both, rtol=1e-5)
    for old, network in zip(before, (model.generator, model.discriminator), strict=True):
        assert all((a != b).any() for a, b in zip(old, network.get_weights(), strict=True))
    assert int(model.g_optimizer.iterations) == int(model.d_optimizer.iterations) == 3 * 11


def test_history_against_the_networks():
    """With rates of zero the networks stay as they are, so every mean can be worked out again."""
    model = small_gan()
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), jit_compile=False)
    history = model.fit(IMAGES, epochs=1, batch_size=20, verbose=0).history
    real, fake, fooled = [], [], []
    for rows, z_d, z_g in data.draws(len(IMAGES), 20, 8, range(11)):
        real.append(model.discriminator(data.to_unit_range(IMAGES[rows.numpy()])).numpy())
        fake.append(model.discriminator(model.generator(z_d)).numpy())
        fooled.append(model.discriminator(model.generator(z_g)).numpy())
    real, fake, fooled = (np.concatenate(x).astype(np.float64) for x in (real, fake, fooled))
    softplus = lambda x: np.logaddexp(0, x)  # noqa: E731
    wanted = {
        "d_loss_real": np.mean(softplus(real) - 0.9 * real),
        "d_loss_fake": np.mean(softplus(fake)),
        "g_loss": np.mean(softplus(-fooled)),
        "d_acc_real": np.mean(real > 0),
        "d_acc_fake": np.mean(fake < 0),
        "d_x": np.mean(scipy.special.expit(real)),
        "d_gz": np.mean(scipy.special.expit(fake)),
        "d_update_ratio": 0,
        "g_update_ratio": 0,
    }
    for name, value in wanted.items():
        np.testing.assert_allclose(history[name], [value], rtol=1e-4, err_msg=name)
    assert 0 < history["d_acc_real"][0] < 1, "or the accuracies tell nothing"


def test_norms_of_gradients_and_updates():
    """Gradient descent moves the weights by rate times gradient, so one norm tells another."""
    model = small_gan()
    rate = 0.1
    model.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), jit_compile=False)
    networks_ = {"d": model.discriminator, "g": model.generator}
    before = {k: np.concatenate([w.ravel() for w in n.get_weights()]) for k, n in networks_.items()}
    history = model.fit(IMAGES[:20], epochs=1, batch_size=20, verbose=0).history
    for k, network in networks_.items():
        moved = np.concatenate([w.ravel() for w in network.get_weights()]) - before[k]
        length = np.linalg.norm(moved)
        np.testing.assert_allclose(history[f"{k}_grad_norm"], length / rate, rtol=1e-3)
        ratio = length / np.linalg.norm(before[k])
        np.testing.assert_allclose(history[f"{k}_update_ratio"], ratio, rtol=1e-3)


def test_alternating_schedule():
    model = small_gan(schedule=(2, 3))
    history = model.fit(IMAGES, epochs=2, batch_size=20, verbose=0)
    steps = 2 * (230 // 40)
    assert int(model.step) == steps
    assert int(model.d_optimizer.iterations) == 2 * steps
    assert int(model.g_optimizer.iterations) == 3 * steps
    assert all(np.isfinite(values).all() for values in history.history.values())
    rows, z_d, z_g = next(iter(data.draws(230, 20, 8, range(1), d_steps=2, g_steps=3)))
    assert rows.shape == (40,) and z_d.shape == (40, 8) and z_g.shape == (60, 8)
    assert len(set(rows.numpy())) == 40, "the two batches of D share no row"


def constant_discriminator(real_logit, fake_logit):
    """A D that says one thing of white images and another of anything darker."""
    x = keras.Input((28, 28, 1))
    mean = keras.layers.GlobalAveragePooling2D()(x)
    logit = keras.layers.Dense(1)
    model = keras.Model(x, logit(mean))
    # at mean 1 (white) the real logit; at mean -1 (black) the fake one
    kernel, bias = (real_logit - fake_logit) / 2, (real_logit + fake_logit) / 2
    logit.set_weights([np.full((1, 1), kernel), np.full((1,), bias)])
    return model


def black_generator():
    z = keras.Input((8,))
    black = keras.initializers.Constant(-1.0)
    pixels = keras.layers.Dense(784, kernel_initializer="zeros", bias_initializer=black)(z)
    return keras.Model(z, keras.layers.Reshape((28, 28, 1))(pixels))


WHITE = np.full((40, 28, 28, 1), 255, np.uint8)


TURNS = [  # logits, and whose turn it is
    # d_loss / 2 against g_loss: (softplus(-real) + softplus(fake)) / 2 and softplus(-fake)
    (0.0, 0.0, "g"),  # 0.693 and 0.693: not larger, so G
    (-1.0, 1.0, "d"),  # 1.313 and 0.313
    (2.0, -2.0, "g"),  # 0.127 and 2.127
    (0.0, 0.4, "d"),  # 0.803 and 0.513; the sum would say so too
    (1.0, 0.0, "g"),  # 0.503 and 0.693; the sum, 1.006, would train D
]
PLAIN, XLA = ([(*turn, jit_compile) for turn in TURNS] for jit_compile in (False, True))


@pytest.mark.parametrize(
    ("real", "fake", "trained", "jit_compile"), few(PLAIN + XLA, [*PLAIN, XLA[1], XLA[2]])
)
def test_larger_loss_schedule_at_known_losses(real, fake, trained, jit_compile):
    model = gan.GAN(
        black_generator(),
        constant_discriminator(real, fake),
        losses.non_saturating(),
        schedule="larger_loss",
    )
    model.compile(jit_compile=jit_compile)
    history = model.fit(WHITE[:20], epochs=1, batch_size=20, verbose=0).history
    done = {"d": int(model.d_optimizer.iterations), "g": int(model.g_optimizer.iterations)}
    assert done == {"d": 0, "g": 0} | {trained: 1}
    softplus = lambda x: np.logaddexp(0, x)  # noqa: E731
    np.testing.assert_allclose(history["d_loss"], [softplus(-real) + softplus(fake)], rtol=1e-5)
    np.testing.assert_allclose(history["g_loss"], [softplus(-fake)], rtol=1e-5)
    other = "g" if trained == "d" else "d"
    assert history[f"{other}_update_ratio"] == [0.0]
    assert (history[f"{trained}_update_ratio"][0] > 0) == (trained == "d" or real != fake)
    # A logit of 0 is no verdict: it is right of neither.
    assert history["d_acc_real"] == [real > 0] and history["d_acc_fake"] == [fake < 0]


def test_larger_loss_is_evaluated_in_inference_mode():
    """Dropout of almost everything would hide D's opinion if it acted in the comparison."""
    x = keras.Input((28, 28, 1))
    h = keras.layers.Dropout(0.999)(keras.layers.GlobalAveragePooling2D()(x))
    logit = keras.layers.Dense(1)
    discriminator = keras.Model(x, logit(h))
    logit.set_weights([np.full((1, 1), 2.0), np.zeros(1)])
    model = gan.GAN(black_generator(), discriminator, losses.minimax(), schedule="larger_loss")
    model.compile(jit_compile=False)
    history = model.fit(WHITE, epochs=1, batch_size=20, verbose=0).history
    assert history["d_x"][0] == pytest.approx(scipy.special.expit(2.0), rel=1e-2)


@pytest.mark.parametrize("schedule", [(0, 1), (1, -1), (1.5, 1), (1,), "smaller_loss", 2])
def test_schedules_that_make_no_sense_are_refused(schedule):
    with pytest.raises(ValueError, match="schedule is .* two whole numbers from 1 on"):
        small_gan(schedule=schedule)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_r1_penalty_against_numpy(jit_compile):
    """D(x) = w·x + b has the gradient w everywhere: the penalty is γ/2 |w|², its gradient γ w."""
    keras.utils.set_random_seed(0)
    rate, gamma = 0.1, 0.7
    z, x = keras.Input((3,)), keras.Input((2,))
    logit = keras.layers.Dense(1)
    generator, discriminator = keras.Model(z, keras.layers.Dense(2)(z)), keras.Model(x, logit(x))
    start = [w.copy() for w in discriminator.get_weights()]
    points = data.load("uniform").points[:60]
    moved = {}
    for r1, every, steps in ((0.0, 1, 1), (gamma, 1, 1), (gamma, 3, 1), (gamma, 3, 2)):
        lazy = {"r1_every": every} if every > 1 else {}
        pair = generator, discriminator
        model = gan.GAN(*pair, losses.non_saturating(), latent="normal", r1=r1, **lazy)
        discriminator.set_weights(start)
        sgd = [keras.optimizers.SGD(0.0), keras.optimizers.SGD(rate)]
        model.compile(*sgd, jit_compile=jit_compile)
        model.fit(points[: 20 * steps], 1, 20, verbose=0)
        moved[r1, every, steps] = discriminator.get_weights()[0]
    w = start[0]
    np.testing.assert_allclose(
        moved[gamma, 1, 1], moved[0.0, 1, 1] - rate * gamma * w, rtol=1e-4, atol=1e-6
    )
    # every third step weighs three times as much, and the second step has none
    np.testing.assert_allclose(
        moved[gamma, 3, 1], moved[0.0, 1, 1] - rate * 3 * gamma * w, rtol=1e-4, atol=1e-6
    )
    second = moved[gamma, 3, 2] - moved[gamma, 3, 1]
    assert np.abs(second).max() < 0.5 * np.abs(3 * rate * gamma * w).max()


def test_r1_penalty_is_that_of_d_as_it_trains():
    """Dropout of half lets w through doubled or not at all: 2 |w|² on average."""
    x = keras.Input((2,))
    logit = keras.layers.Dense(1)
    discriminator = keras.Model(x, logit(keras.layers.Dropout(0.5, seed=0)(x)))
    logit.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    model = gan.GAN(point_gan().generator, discriminator, losses.non_saturating())
    assert float(model.penalty(tf.zeros((4000, 2)))) == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("decaying", ["generator", "discriminator"])
def test_what_a_layer_wants_of_its_weights_is_learnt(decaying):
    """kernel_regularizer adds λ|w|² to the loss, so gradient descent takes rate · 2 λ w more."""
    rate, weight = 0.1, 0.3
    moved = []
    for regularizer in (None, keras.regularizers.L2(weight)):
        keras.utils.set_random_seed(0)
        z, x = keras.Input((3,)), keras.Input((2,))
        pair = [
            keras.Model(v, keras.layers.Dense(n, kernel_regularizer=regularizer)(v))
            for v, n in ((z, 2), (x, 1))
        ]
        model = gan.GAN(*pair, losses.non_saturating())
        network = getattr(model, decaying)
        start = network.get_weights()[0]
        rates = [rate * (network is one) for one in pair]  # the other stays as it is
        model.compile(*map(keras.optimizers.SGD, rates), jit_compile=False)
        model.fit(data.load("uniform").points[:20], 1, 20, verbose=0)
        moved.append(network.get_weights()[0] - start)
    np.testing.assert_allclose(moved[1] - moved[0], -rate * 2 * weight * start, atol=1e-6)


def test_a_network_without_trainable_variables_stays_and_reports_0():
    model = small_gan()
    model.discriminator.trainable = False
    model.compile(jit_compile=False)
    before = model.discriminator.get_weights()
    with pytest.warns(UserWarning, match="discriminator has no trainable variables"):
        history = model.fit(IMAGES[:20], 1, 20, verbose=0).history
    for old, new in zip(before, model.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert history["d_grad_norm"] == history["d_update_ratio"] == [0]
    assert history["g_update_ratio"][0] > 0


def test_one_optimiser_for_two_networks_is_refused():
    model, adam = small_gan(), keras.optimizers.Adam()
    with pytest.raises(ValueError, match="Give each network an optimiser of its own"):
        model.compile(adam, adam)
    model.compile("adam", "adam")
    assert model.g_optimizer is not model.d_optimizer


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    with pytest.raises(RuntimeError, match="told to run on 'torch'"):
        small_gan()


def test_first_step_that_is_not_finite_is_noted():
    model = small_gan()
    model.fit(IMAGES, epochs=1, batch_size=20, verbose=0)
    assert int(model.bad_step) == -1
    weights = model.discriminator.get_weights()
    model.discriminator.set_weights([w * np.nan for w in weights])
    history = model.fit(IMAGES, epochs=1, batch_size=20, verbose=0).history
    assert int(model.bad_step) == 11 and np.isnan(history["loss"][0])
    model = small_gan()
    model.discriminator.set_weights([w * np.nan for w in weights])
    model.fit(IMAGES, epochs=1, batch_size=20, verbose=0)
    assert int(model.bad_step) == 0, "no later step takes the place of the first"


def test_averaged_weights():
    """Keras's average after each update: a = momentum a + (1 - momentum) w, from the first w on."""
    model = small_gan()
    model.compile(keras.optimizers.Adam(use_ema=True, ema_momentum=0.5), jit_compile=False)
    first = model.generator.trainable_variables[0]
    average = None
    for _ in range(3):
        model.fit(IMAGES[:20], epochs=1, batch_size=20, verbose=0)
        now = first.numpy()
        average = now if average is None else 0.5 * average + 0.5 * now
    own = model.generator.get_weights()
    with model.averaged():
        np.testing.assert_allclose(first.numpy(), average, rtol=1e-6)
        wanted = gan.generate(model.generator, 5)
    np.testing.assert_array_equal(model.sample(5), wanted)
    for a, b in zip(own, model.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (gan.generate(model.generator, 5) != wanted).any()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        z, x = keras.Input((3,)), keras.Input((2,))
        hidden = lambda v: keras.layers.Dense(16, "relu")(v)  # noqa: E731
        generator = keras.Model(z, keras.layers.Dense(2, dtype="float32")(hidden(z)))
        discriminator = keras.Model(x, keras.layers.Dense(1, dtype="float32")(hidden(x)))
        model = gan.GAN(generator, discriminator, losses.non_saturating())
        model.compile(jit_compile=False)
        scaled = isinstance(model.d_optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")
        points = data.load("uniform").points[:400]
        history = model.fit(points, epochs=2, batch_size=20, verbose=0).history
        assert all(np.isfinite(values).all() for values in history.values())
        assert max(history["d_grad_norm"]) < 50, "the norm is of the gradient, not the scaled one"
        assert min(history["d_update_ratio"]) > 0
    finally:
        keras.config.set_dtype_policy(before)


def test_one_step_against_numpy():
    """One whole update with plain gradient descent, worked out by hand in float64."""
    model = small_gan()
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=False)
    model.x = tf.constant(IMAGES)
    rows, *z = next(iter(data.draws(len(IMAGES), 20, 8, range(1))))
    g = [w.astype(np.float64) for w in model.generator.get_weights()]
    d = [w.astype(np.float64) for w in model.discriminator.get_weights()]
    logs = model.train_step((rows, *z))
    z = [np.asarray(part, np.float64) for part in z]

    leaky, slope = (lambda h: np.maximum(h, 0.01 * h)), (lambda h: np.where(h > 0, 1.0, 0.01))
    sigmoid = scipy.special.expit
    forward_g = lambda z: (h := z @ g[0] + g[1], np.tanh(leaky(h) @ g[2] + g[3]))  # noqa: E731
    x = IMAGES[np.asarray(rows)].reshape(20, -1) / 127.5 - 1.0
    gradient = [0.0] * 4
    loss = 0.0
    for batch, target in ((x, 0.9), (forward_g(z[0])[1], 0.0)):
        h = batch @ d[0] + d[1]
        logit = leaky(h) @ d[2] + d[3]
        loss += np.mean(np.logaddexp(0, logit) - target * logit)
        back = (sigmoid(logit) - target) / 20
        hidden = (back @ d[2].T) * slope(h)
        for i, part in enumerate((batch.T @ hidden, hidden.sum(0), leaky(h).T @ back, back.sum(0))):
            gradient[i] = gradient[i] + part
    d = [w - 0.1 * dw for w, dw in zip(d, gradient, strict=True)]
    np.testing.assert_allclose(logs["d_loss"], loss, rtol=1e-5)
    for got, wanted in zip(model.discriminator.get_weights(), d, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)

    h, fake = forward_g(z[1])  # G learns from D as it is after D's update
    hd = fake @ d[0] + d[1]
    logit = leaky(hd) @ d[2] + d[3]
    np.testing.assert_allclose(logs["g_loss"], np.mean(np.logaddexp(0, -logit)), rtol=1e-5)
    back = ((((sigmoid(logit) - 1) / 20) @ d[2].T) * slope(hd)) @ d[0].T * (1 - fake**2)
    hidden = (back @ g[2].T) * slope(h)
    parts = (z[1].T @ hidden, hidden.sum(0), leaky(h).T @ back, back.sum(0))
    for got, w, dw in zip(model.generator.get_weights(), g, parts, strict=True):
        np.testing.assert_allclose(got, w - 0.1 * dw, atol=1e-6)


def test_two_processes_agree_to_the_bit():
    """With XLA and without."""
    code = """
import hashlib, sys
sys.path.insert(0, "tests")
from gan_utils import runtime
for jit_compile in (True, False):
    runtime.setup(0)
    from test_gan import IMAGES, small_gan
    model = small_gan(jit_compile=jit_compile)
    model.fit(IMAGES, epochs=4, batch_size=20, verbose=0)
    weights = model.generator.get_weights() + model.discriminator.get_weights()
    print("weights", hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest())
"""
    command, options = [sys.executable, "-c", code], {"capture_output": True, "text": True}
    printed = [subprocess.run(command, **options, check=True, env=as_shipped()) for _ in range(2)]
    first, second = (
        [line for line in run.stdout.splitlines() if line.startswith("weights")] for run in printed
    )
    assert first == second and len(first) == 2


def test_xla_and_plain_losses_agree_at_first():
    plain, xla = (
        small_gan(jit_compile=jit).fit(IMAGES, epochs=2, batch_size=20, verbose=0).history
        for jit in (False, True)
    )
    for name in gan.METRICS:
        np.testing.assert_allclose(plain[name], xla[name], rtol=1e-4)


def test_going_on_equals_never_stopping():
    whole = small_gan()
    whole.fit(IMAGES, epochs=3, batch_size=20, verbose=0)
    parts = small_gan()
    parts.fit(IMAGES, epochs=1, batch_size=20, verbose=0)
    parts.fit(IMAGES, epochs=2, batch_size=20, verbose=0)
    for a, b in zip(whole.generator.get_weights(), parts.generator.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_default_bar_leaves_one_line(capsys):
    small_gan().fit(IMAGES, epochs=2, batch_size=100)
    last = capsys.readouterr().out.rpartition("\r")[2]
    assert last.startswith("Trained 2 epochs, 4 steps, in ")


def test_sample_repeats_and_does_not_depend_on_n():
    model = small_gan()
    images = model.sample(1200, seed=5)
    assert images.shape == (1200, 28, 28, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[:7], model.sample(7, seed=5))
    assert (images[:7] != model.sample(7, seed=6)).any()
    assert (images[:7] != images[1000:1007]).any(), "the second thousand is not the first again"


def test_samples_are_of_noise_that_no_training_step_draws():
    """By a generator that hands z on: a picture of one release is a picture of the next."""
    z = keras.Input((8,))
    made = gan.generate(keras.Model(z, keras.layers.Identity()(z)), 1005, seed=3)
    first, second = (data.draw_latent(step, (1000, 8), 3, stream=2) for step in (0, 1000))
    np.testing.assert_array_equal(made, np.concatenate([first, second[:5]]))
    trained_on = next(iter(data.draws(1000, 1000, 8, range(1), 3)))[1:]
    assert all((made[:1000] != np.asarray(part)).any() for part in trained_on)


def test_saved_generator_needs_no_training_code(tmp_path):
    model = small_gan()
    model.generator.save(tmp_path / "generator.keras")
    z = np.random.default_rng(0).uniform(-1, 1, (4, 8)).astype("float32")
    code = f"""
import keras, numpy as np, sys
generator = keras.models.load_model({str(tmp_path / "generator.keras")!r})
z = np.random.default_rng(0).uniform(-1, 1, (4, 8)).astype("float32")
np.save({str(tmp_path / "out.npy")!r}, generator(z))
assert not any(m.startswith("gan_utils") for m in sys.modules)
"""
    env = os.environ | {"PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=env)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.generator(z))


def test_xla_where_it_pays(monkeypatch):
    assert not small_gan(jit_compile="auto").jit_compile, "the tests forbid it"
    monkeypatch.delenv("GAN_BOOK_XLA")
    assert small_gan(jit_compile="auto").jit_compile
    x = keras.Input((28, 28, 1))
    convolutional = keras.Model(
        x, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(x)))
    )
    model = gan.GAN(networks.mlp_generator(), convolutional, losses.non_saturating())
    model.compile()
    assert model.jit_compile == bool(tf.config.list_physical_devices("GPU"))


@pytest.mark.parametrize(
    ("x", "batch_size", "message"),
    [
        (
            IMAGES[:, :, :27],
            20,
            r"uint8 data of shape \(n, 28, 28, 1\), got uint8 \(230, 28, 27, 1\)",
        ),
        (IMAGES.astype("float32"), 20, "uint8 data .* got float32"),
        (IMAGES, 231, "batch_size is 231; with 230 rows it must be 1 to 230"),
        (IMAGES, 0, "batch_size is 0"),
        (IMAGES / np.float32(255), 20, "to_pixels makes uint8 of floats"),
    ],
)
def test_data_that_does_not_fit_is_refused(x, batch_size, message):
    with pytest.raises(ValueError, match=message):
        small_gan().fit(x, batch_size=batch_size, verbose=0)


def test_batch_counts_all_updates_of_d():
    with pytest.raises(ValueError, match="with 230 rows and 3 D updates a step it must be 1 to 76"):
        small_gan(schedule=(3, 1)).fit(IMAGES, batch_size=77, verbose=0)


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"makes \(28, 28, 1\), but the discriminator takes \(32, 32, 3\)"
    ):
        gan.GAN(
            networks.mlp_generator(),
            networks.mlp_discriminator(image_shape=(32, 32, 3)),
            losses.non_saturating(),
        )


def point_gan():
    z, x = keras.Input((3,)), keras.Input((2,))
    generator = keras.Model(z, keras.layers.Dense(2)(keras.layers.Dense(8, "relu")(z)))
    discriminator = keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(8, "relu")(x)))
    model = gan.GAN(generator, discriminator, losses.minimax(), latent="normal")
    model.compile(jit_compile=False)
    return model


def test_points_train_as_they_are():
    model, points = point_gan(), data.load("uniform").points[:500]
    history = model.fit(points, epochs=2, batch_size=50, verbose=0).history
    assert np.isfinite(history["g_loss"]).all() and history["g_loss"][0] < 0, "minimax is negative"
    made = model.sample(5)
    assert made.shape == (5, 2) and made.dtype == np.float32


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((60, 2), np.nan, np.float32), "not finite"),
        (np.zeros((60, 2)), r"float32 data of shape \(n, 2\), got float64"),
    ],
)
def test_points_that_do_not_fit_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        point_gan().fit(points, batch_size=50, verbose=0)
