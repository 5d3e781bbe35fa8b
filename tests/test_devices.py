"""Several devices train the same game as one: here two logical devices of the CPU."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from cases import few

CODE = """
import json, sys
import keras
import numpy as np
import tensorflow as tf
from gan_utils import callbacks, gan, losses, networks

replicas, schedule, r1, folder = json.loads(sys.argv[1])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
strategy = strategy if replicas > 1 else tf.distribute.get_strategy()
x = np.random.default_rng(0).integers(0, 256, (200, 28, 28, 1), dtype=np.uint8)


def build(optimizer=lambda: keras.optimizers.SGD(0.05)):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        pair = networks.mlp_generator(8, 16), networks.mlp_discriminator(16)
        model = gan.GAN(*pair, losses.non_saturating(), schedule, r1=r1)
        model.compile(optimizer(), optimizer())
    return model


model = build()
assert model.replicas == replicas
history = model.fit(x[: 200 // schedule[0] * schedule[0]], 1, 20 // schedule[0], verbose=0).history
weights = model.generator.get_weights() + model.discriminator.get_weights()
found = {
    "step": int(model.step.numpy()),
    "weights": [w.ravel().tolist() for w in weights],
    "history": {k: v[0] for k, v in history.items()},
    "sample": model.sample(3).ravel().tolist(),
}
if folder:  # resume, with what Adam keeps and an average
    adam = lambda: keras.optimizers.Adam(1e-3, use_ema=True)
    whole = build(adam)
    whole.fit(x, 2, 20, verbose=0)
    for epochs in (1, 2):
        part = build(adam)
        part.fit(x, epochs, 20, callbacks=[callbacks.Checkpoint(folder)], verbose=0)
    found["resumed"] = float(max(np.abs(np.subtract(a, b)).max() for a, b in zip(
        whole.generator.get_weights(), part.generator.get_weights())))
    for wrong in (dict(batch_size=25), dict(batch_size=20, larger=True)):
        try:
            model = build()
            if wrong.pop("larger", False):
                model.schedule = "larger_loss"
            model.fit(x, 1, verbose=0, **wrong)
        except ValueError as error:
            found.setdefault("refused", []).append(str(error))
    try:
        build().compile(jit_compile=True)
    except ValueError as error:
        found["refused"].append(str(error))
print("found", json.dumps(found))
"""


def train(replicas, schedule, r1, folder=""):
    arguments = json.dumps([replicas, schedule, r1, str(folder)])
    run = subprocess.run(
        [sys.executable, "-c", CODE, arguments], capture_output=True, text=True, env=os.environ
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.rpartition("found ")[2])


@pytest.mark.parametrize(
    ("schedule", "r1"),
    few([((1, 1), 0.0), ((2, 1), 0.0), ((1, 1), 1.0)], kept=[((2, 1), 0.0), ((1, 1), 1.0)]),
)
def test_two_devices_train_as_one(tmp_path, schedule, r1):
    folder = tmp_path if r1 else ""
    one, two = (
        train(replicas, schedule, r1, folder * (replicas == 2))
        if folder == ""
        else train(replicas, schedule, r1, folder if replicas == 2 else "")
        for replicas in (1, 2)
    )
    assert one["step"] == two["step"] == 10
    for a, b in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for name in ("d_grad_norm", "g_grad_norm", "d_loss", "g_loss", "d_x", "d_update_ratio"):
        np.testing.assert_allclose(one["history"][name], two["history"][name], rtol=1e-4)
    assert np.abs(np.subtract(one["sample"], two["sample"])).max() <= 1
    if folder:
        assert two["resumed"] < 1e-6
        assert "must be a multiple of their number" in two["refused"][0]
        assert "'larger_loss' needs one device" in two["refused"][1]
        assert "XLA cannot compile" in two["refused"][2]


def command(*arguments, **environment):
    run = [sys.executable, "-m", "gan_utils", *map(str, arguments)]
    return subprocess.run(run, capture_output=True, text=True, env=os.environ | environment)


def test_the_command_line_trains_on_several_devices(tmp_path):
    train = "train", "mlp-mnist", "--epochs", "1", "--run", tmp_path / "run", "--devices"
    quick = {"GAN_BOOK_PROFILE": "quick", "GAN_UTILS_DATA": str(tmp_path)}
    refused = command(*train, "3", **quick)
    assert refused.returncode == 1
    assert "Failed: 3 devices share each batch. The batch size, 100, must" in refused.stderr
    assert not (tmp_path / "run").exists(), "nothing half-written"
    run = command(*train, "2", **quick)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / "run/generator.keras").exists()


def test_more_gpus_than_there_are_is_refused(monkeypatch):
    import tensorflow as tf

    from gan_utils import runtime

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    with pytest.raises(ValueError, match="2 devices were asked for, and this machine has 1 GPU"):
        runtime.strategy(2)
