"""Checkpoints, pictures, scores and stops; and that Keras's own callbacks work with a GAN."""

import csv
import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import few
from PIL import Image
from test_gan import IMAGES, as_shipped, point_gan, small_gan

from gan_utils import callbacks, data, gan, losses

STEPS = 230 // 20


def weights_hash(model):
    return hashlib.sha256(b"".join(v.numpy().tobytes() for v in model.state())).hexdigest()


def states(folder):
    return sorted(path.name for path in folder.glob("checkpoints/*"))


def fit(model, folder, epochs=3, **kwargs):
    kwargs = {"every_seconds": 0} | kwargs
    checkpoint = callbacks.Checkpoint(folder, **kwargs)
    return model.fit(IMAGES, epochs, 20, callbacks=[checkpoint], verbose=0)


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Break off after so many calls, as a power cut would."""

    def __init__(self, calls):
        super().__init__()
        self.left = calls

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise Killed


@pytest.fixture
def short_executions(monkeypatch):
    """Let an execution be of one step, so that a run can break off within an epoch."""
    monkeypatch.setattr("gan_utils.fit.EXECUTION", 1)


def dropout_gan(seed=0):
    """A GAN whose steps also depend on the state of a random generator and on moving statistics."""
    model = small_gan(seed)
    x = keras.Input((28, 28, 1))
    h = keras.layers.Dropout(0.5)(keras.layers.Dense(16, "relu")(keras.layers.Flatten()(x)))
    h = keras.layers.BatchNormalization()(h)
    discriminator = keras.Model(x, keras.layers.Dense(1)(h))
    model = gan.GAN(model.generator, discriminator, losses.non_saturating())
    model.compile(keras.optimizers.Adam(use_ema=True), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory):
    """A model after a run that nothing disturbed, and its history."""
    model = dropout_gan()
    return model, fit(model, tmp_path_factory.mktemp("whole")).history


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A small model after three epochs, its history and its folder, to copy and not to touch."""
    model, folder = small_gan(), tmp_path_factory.mktemp("small")
    return model, fit(model, folder).history, folder


@pytest.fixture
def copied(small_run, tmp_path):
    return Path(shutil.copytree(small_run[2], tmp_path / "copied"))


MOMENTS = [1, 7, STEPS, STEPS + 4, 2 * STEPS + 9]


@pytest.mark.parametrize("after", few(MOMENTS, [7, STEPS, 2 * STEPS + 9]))
def test_resumes_within_an_epoch_with_one_history(tmp_path, in_peace, short_executions, after):
    whole, wanted = in_peace
    broken = dropout_gan()
    with pytest.raises(Killed):
        broken.fit(
            IMAGES,
            3,
            20,
            callbacks=[callbacks.Checkpoint(tmp_path / "run", every_seconds=0), Kill(after)],
            verbose=0,
        )
    again = dropout_gan(seed=99)  # whose own weights must not matter
    history = fit(again, tmp_path / "run")
    assert history.epoch == [0, 1, 2] and int(again.step) == 3 * STEPS
    for name, values in wanted.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-4, err_msg=name)
    for a, b in zip(whole.state(), again.state(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)
    rows = list(csv.DictReader((tmp_path / "run/history.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    np.testing.assert_allclose([float(row["d_loss"]) for row in rows], wanted["d_loss"], rtol=1e-4)


TRAIN = """
import sys
sys.path.insert(0, "tests")
from gan_utils import callbacks, runtime
runtime.setup(0)
import keras
from test_callbacks import IMAGES, small_gan, weights_hash
model = small_gan()
model.compile(keras.optimizers.Adam(use_ema=True), jit_compile=True)
run = callbacks.Checkpoint(sys.argv[1], every_seconds=0)
print("ready", flush=True)
history = model.fit(IMAGES, 60, 20, callbacks=[run], verbose=0)
print(weights_hash(model), len(history.epoch), sum(history.history["d_loss"]))
"""


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(tmp_path):
    """Two processes are killed at moments of their own choosing; the third finishes."""

    def start(folder):
        command = [sys.executable, "-c", TRAIN, str(folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=as_shipped())

    whole = start(tmp_path / "whole")
    moments = np.random.default_rng(int.from_bytes(os.urandom(2))).uniform(1.5, 4, 2)
    for moment in moments:
        run = start(tmp_path / "run")
        run.stdout.readline()
        time.sleep(moment)
        run.send_signal(signal.SIGKILL)
        run.wait()
    last = start(tmp_path / "run")
    results = [process.communicate()[0].splitlines()[-1] for process in (whole, last)]
    assert results[0] == results[1], moments
    assert states(tmp_path / "run") == states(tmp_path / "whole")
    assert (tmp_path / "run/history.csv").read_bytes() == (
        tmp_path / "whole/history.csv"
    ).read_bytes()


def test_only_the_two_newest_states_stay_and_nothing_else(copied):
    assert states(copied) == ["step-000000022.npz", "step-000000033.npz"]
    assert sorted(p.name for p in copied.iterdir()) == ["checkpoints", "history.csv"]


def test_a_finished_run_is_not_trained_again(small_run, copied):
    first, wanted, _ = small_run
    again = small_gan(seed=5)
    assert fit(again, copied).history == wanted
    assert weights_hash(again) == weights_hash(first)


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "one bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "empty":
        path.write_bytes(b"")
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("other.txt", "other")


@pytest.mark.parametrize("how", ["cut short", "one bit", "empty", "another zip"])
def test_a_damaged_newest_state_is_reported_and_the_one_before_used(small_run, copied, how):
    whole = small_run[0]
    newest = copied / "checkpoints/step-000000033.npz"
    damage(newest, how)
    again = small_gan(seed=5)
    with pytest.warns(UserWarning, match=r"step-000000033.npz is damaged .* from the state before"):
        history = fit(again, copied)
    assert len(history.epoch) == 3
    for a, b in zip(whole.state(), again.state(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)
    assert newest.stat().st_size > 1000 and newest.with_suffix(".damaged").exists()


def test_nothing_is_unpickled(tmp_path):
    fit(small_gan(), tmp_path, epochs=1)
    path = tmp_path / "checkpoints/step-000000011.npz"
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **content | {"0": np.array([{"a": 1}], object)})
    with pytest.warns(UserWarning, match="is damaged .*allow_pickle=False"):
        fit(small_gan(), tmp_path, epochs=1)


def test_a_full_disk_leaves_the_state_before(tmp_path, monkeypatch):
    checkpoint = callbacks.Checkpoint(tmp_path, every_seconds=0)
    save = np.savez

    def full_disk(file, **arrays):
        if checkpoint.gan.step > 20:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, **arrays)

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="after step 22 could not be saved.*step-000000011.npz is th"):
        small_gan().fit(IMAGES, 3, 20, callbacks=[checkpoint], verbose=0)
    assert states(tmp_path) == ["step-000000011.npz"]
    monkeypatch.undo()
    assert len(fit(small_gan(), tmp_path).epoch) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: (small_gan(), IMAGES[:200], 20), r"what differs is rows, crc32: 230 then, 200"),
        (lambda: (small_gan(), IMAGES[::-1], 20), "what differs is crc32"),
        (lambda: (small_gan(), IMAGES, 10), "what differs is batch_size: 20 then, 10 now"),
        (lambda: (small_gan(schedule=(1, 2)), IMAGES, 20), "what differs is schedule"),
        (lambda: (other_rate(), IMAGES, 20), "what differs is d_optimizer"),
        (
            lambda: (point_gan(), data.load("uniform").points[:230], 20),
            "is loss, latent, crc32, variables",
        ),
    ],
)
def test_a_folder_of_another_run_is_refused(copied, change, message):
    before = states(copied)
    model, x, batch_size = change()
    with pytest.raises(ValueError, match=message):
        model.fit(x, 4, batch_size, callbacks=[callbacks.Checkpoint(copied)], verbose=0)
    assert states(copied) == before


def other_rate():
    model = small_gan()
    model.compile(d_optimizer=keras.optimizers.Adam(0.1), jit_compile=False)
    return model


def test_a_state_of_an_older_format_is_refused(copied, monkeypatch):
    monkeypatch.setattr(callbacks, "FORMAT", 2)
    with pytest.raises(ValueError, match="has format 1, this version reads 2"):
        fit(small_gan(), copied)


def test_ctrl_c_saves(tmp_path, short_executions):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.step) == 5:
                raise KeyboardInterrupt

    model = small_gan()
    checkpoint = callbacks.Checkpoint(tmp_path, every_seconds=1e9)
    with pytest.raises(KeyboardInterrupt):
        model.fit(IMAGES, 3, 20, callbacks=[Interrupt(), checkpoint], verbose=0)
    assert states(tmp_path) == ["step-000000005.npz"]


def test_stop_on_nan_names_the_step_and_the_last_good_state(tmp_path):
    model = small_gan()

    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                weights = self.model.discriminator.get_weights()
                self.model.discriminator.set_weights([w * np.nan for w in weights])

    run = [Poison(), callbacks.StopOnNaN(tmp_path), callbacks.Checkpoint(tmp_path, 0)]
    with pytest.raises(FloatingPointError, match=r"Since step 23 .*step-000000022\.npz"):
        model.fit(IMAGES, 5, 20, callbacks=run, verbose=0)
    assert states(tmp_path) == ["step-000000011.npz", "step-000000022.npz"]
    with pytest.raises(FloatingPointError, match="No state was saved"):
        model.fit(IMAGES, 1, 20, callbacks=[callbacks.StopOnNaN()], verbose=0)


def test_sample_grid_and_film(tmp_path):
    model = small_gan()
    model.fit(IMAGES, 2, 20, callbacks=[callbacks.SampleGrid(tmp_path, every=11)], verbose=0)
    names = sorted(path.name for path in tmp_path.glob("samples/*"))
    assert names == ["0000_0000000.png", "0000_0000011.png", "0001_0000022.png"]
    with Image.open(tmp_path / "samples.gif") as film:
        assert film.n_frames == 3
    first, last = (Image.open(tmp_path / "samples" / name).convert("L") for name in names[::2])
    assert first.size == last.size and np.asarray(first).std() > 10
    assert (np.asarray(first) != np.asarray(last)).any()
    with pytest.raises(ValueError, match="at least 1, got 0 and 36"):
        callbacks.SampleGrid(tmp_path, every=0)


def test_sample_grid_of_points(tmp_path):
    model, points = point_gan(), data.load("uniform").points[:100]
    model.fit(points, 1, 50, callbacks=[callbacks.SampleGrid(tmp_path, every=1)], verbose=0)
    assert len(list(tmp_path.glob("samples/*.png"))) == 2


# Keras's own


def test_csv_logger(tmp_path):
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = small_gan().fit(IMAGES, 2, 20, callbacks=[logger], verbose=0).history
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    np.testing.assert_allclose([float(row["g_loss"]) for row in rows], history["g_loss"], rtol=1e-5)


@pytest.mark.exhaustive
def test_early_stopping():
    stop = keras.callbacks.EarlyStopping("g_loss", mode="min", baseline=-1.0, patience=2)
    history = small_gan().fit(IMAGES, 9, 20, callbacks=[stop], verbose=0)
    assert len(history.epoch) == 3


@pytest.mark.exhaustive
def test_terminate_on_nan():
    model = small_gan()
    model.discriminator.set_weights([w * np.nan for w in model.discriminator.get_weights()])
    stop = keras.callbacks.TerminateOnNaN()
    assert len(model.fit(IMAGES, 9, 20, callbacks=[stop], verbose=0).epoch) == 1


def test_model_checkpoint(tmp_path):
    path = tmp_path / "best.weights.h5"
    keep = keras.callbacks.ModelCheckpoint(
        path, monitor="d_x", mode="max", save_best_only=True, save_weights_only=True
    )
    model = small_gan()
    model.fit(IMAGES, 2, 20, callbacks=[keep], verbose=0)
    again = small_gan(seed=4)
    again.load_weights(path)
    assert again.sample(3).shape == (3, 28, 28, 1)


@pytest.mark.exhaustive
def test_tensorboard(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path)
    small_gan().fit(IMAGES, 2, 20, callbacks=[board], verbose=0)
    assert sum(path.stat().st_size for path in tmp_path.glob("train/events*")) > 500


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        keras.callbacks.ReduceLROnPlateau("g_loss", mode="min", min_delta=9, patience=1),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks_for_one_optimizer_say_what_to_use(callback):
    with pytest.raises(RuntimeError, match="has two optimisers. Use model.g_optimizer and"):
        small_gan().fit(IMAGES, 3, 20, callbacks=[callback], verbose=0)


def test_broken_weights_are_not_kept_as_a_good_state(tmp_path):
    """The last update may break G while the loss of its step was still finite."""
    model = small_gan()
    model.fit(IMAGES, 1, 20, callbacks=[callbacks.Checkpoint(tmp_path)], verbose=0)
    before = sorted(tmp_path.glob("checkpoints/*"))
    broken = callbacks.Checkpoint(tmp_path)
    broken.restore(model)
    model.step.assign_add(1)
    model.generator.trainable_variables[0].assign(
        np.full(model.generator.trainable_variables[0].shape, np.nan)
    )
    broken.save()
    assert sorted(tmp_path.glob("checkpoints/*")) == before


def test_a_run_whose_callback_changes_the_learning_rate_goes_on(tmp_path):
    for epochs in (1, 2):
        model = small_gan()
        slower = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, model=model: setattr(
                model.g_optimizer, "learning_rate", 1e-4
            )
        )
        keep = callbacks.Checkpoint(tmp_path)
        history = model.fit(IMAGES, epochs, 20, callbacks=[slower, keep], verbose=0)
    assert len(history.epoch) == 2


def test_a_disk_that_fails_is_not_taken_for_a_damaged_file(tmp_path, monkeypatch):
    model = small_gan()
    model.fit(IMAGES, 1, 20, callbacks=[callbacks.Checkpoint(tmp_path)], verbose=0)

    def fails(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(np, "load", fails)
    with pytest.raises(OSError, match="Too many open files"):
        small_gan().fit(IMAGES, 1, 20, callbacks=[callbacks.Checkpoint(tmp_path)], verbose=0)
    assert not list(tmp_path.glob("checkpoints/*.damaged"))


# --- Watch ----------------------------------------------------------------------------------------


class Screen:
    """What a notebook would show: the last picture of each output, and how often it changed."""

    def __init__(self, monkeypatch):
        self.outputs, self.changes = [], 0
        monkeypatch.setattr(callbacks, "get_ipython", lambda: "a notebook")
        monkeypatch.setattr(callbacks.display, "display", self.display)

    def display(self, shown, metadata, raw, display_id):
        assert display_id is True and raw and set(metadata) == {"image/png"}
        self.outputs.append(shown["image/png"])
        place = len(self.outputs) - 1

        class Handle:
            def update(_, shown, metadata, raw):
                self.outputs[place] = shown["image/png"]
                self.changes += 1

        return Handle()


def test_watch_redraws_one_picture(monkeypatch):
    screen, model = Screen(monkeypatch), small_gan()
    z = np.random.default_rng(0).uniform(-1, 1, (4, 8)).astype("float32")
    watch = callbacks.Watch(z, every=2, columns=2)
    model.fit(IMAGES[:40], 5, 20, callbacks=[watch], verbose=0)
    assert watch.labels == ["epoch 0", "epoch 2", "epoch 4", "epoch 5"]
    assert len(screen.outputs) == 1 and screen.changes == 3
    assert {picture.shape for picture in watch.pictures} == {(4, 28, 28, 1)}
    assert not np.array_equal(watch.pictures[0], watch.pictures[-1])
    np.testing.assert_array_equal(watch.pictures[-1], data.to_pixels(model(z)))
    model.fit(IMAGES[:40], 1, 20, callbacks=[watch], verbose=0)
    assert len(screen.outputs) == 2, "another fit begins another picture"


def test_watch_counts_steps_where_it_is_told_steps():
    watch = callbacks.Watch(np.zeros((3, 8), np.float32), at_steps=[1, 2, 3])
    small_gan().fit(IMAGES[:40], 2, 20, callbacks=[watch], verbose=0)  # two steps an epoch
    assert watch.labels == ["step 0", "step 1", "step 2", "step 3", "step 4"]


def test_watch_shows_the_averaged_weights():
    model = small_gan()
    average = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9)
    model.compile(average, keras.optimizers.Adam(0.05), jit_compile=False)
    watch = callbacks.Watch(np.ones((2, 8), np.float32))
    model.fit(IMAGES[:40], 3, 20, callbacks=[watch], verbose=0)
    with model.averaged():
        np.testing.assert_array_equal(watch.pictures[-1], data.to_pixels(model(watch.z)))
    assert not np.array_equal(watch.pictures[-1], data.to_pixels(model(watch.z)))


def test_watch_in_a_loop_of_ones_own_and_in_a_script():
    watch = callbacks.Watch(np.zeros((3, 8), np.float32))
    watch.look(small_gan().generator, "now")  # no notebook: nothing is shown, and nothing fails
    assert watch.labels == ["now"] and watch.pictures[0].shape == (3, 28, 28, 1)
    points = callbacks.Watch(np.zeros((3, 3), np.float32))
    points.look(point_gan().generator, "now")
    assert points.pictures[0].shape == (3, 2)
    assert callbacks.redraw(plt.figure()) is None
    plt.close("all")


def test_redraw_closes_pyplots_figures(monkeypatch):
    screen = Screen(monkeypatch)
    handle = callbacks.redraw(plt.figure())
    assert callbacks.redraw(plt.figure(), handle) is handle
    assert plt.get_fignums() == [] and len(screen.outputs) == 1 and screen.changes == 1


@pytest.mark.parametrize(
    ("z", "options", "words"),
    [
        (np.zeros(100), {}, r"got \(100,\)"),
        (np.zeros((0, 100)), {}, "n at least 1"),
        (np.zeros((4, 100)), {"every": 0}, "at least 1, got 0 and 10"),
        (np.zeros((4, 100)), {"columns": 0}, "at least 1, got 1 and 0"),
    ],
)
def test_watch_refuses(z, options, words):
    with pytest.raises(ValueError, match=words):
        callbacks.Watch(z, **options)
