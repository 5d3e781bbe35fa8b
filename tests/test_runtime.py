import os
import subprocess
import sys

import pytest

from gan_utils import runtime


def test_profile_is_full_unless_told(monkeypatch):
    monkeypatch.delenv("GAN_BOOK_PROFILE")
    assert runtime.profile() == "full"
    assert runtime.choose(full=30, quick=1) == 30
    monkeypatch.setenv("GAN_BOOK_PROFILE", "quick")
    assert runtime.choose(full=30, quick=1) == 1


def test_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'.*'full' or 'quick'"):
        runtime.profile()


def test_setup_reports_and_seeds(capfd):
    import numpy as np

    runtime.setup(seed=3)
    first = np.random.random()
    runtime.setup(seed=3)
    assert np.random.random() == first
    out, err = capfd.readouterr()
    assert "quick profile, seed 3" in out
    assert "cores" in out and "TensorFlow" in out
    assert err == ""


@pytest.mark.parametrize("chosen_by", ["variable", "file"])
def test_another_backend_is_refused(tmp_path, chosen_by):
    """In a process of its own: Keras reads its backend once. JAX is not even installed here."""
    env = os.environ | {"KERAS_HOME": str(tmp_path)}
    env.pop("KERAS_BACKEND", None)
    if chosen_by == "variable":
        env["KERAS_BACKEND"] = "jax"
    else:
        (tmp_path / "keras.json").write_text('{"backend": "jax", "floatx": "float32"}')
    code = "from gan_utils import runtime; runtime.setup(0)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert run.returncode == 1
    assert "Keras is told to run on 'jax'" in run.stderr and "KERAS_BACKEND=ten" in run.stderr


def test_installed_other_backend_is_refused(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    with pytest.raises(RuntimeError, match="told to run on 'torch'"):
        runtime.check_backend()


def test_import_is_light():
    """`import gan_utils` loads nothing heavy."""
    code = """
import sys, gan_utils
print([name for name in ("numpy", "keras", "tensorflow") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_progress_leaves_nothing(capsys):
    assert list(runtime.progress(range(3), "epoch")) == [0, 1, 2]
    assert capsys.readouterr().out.rpartition("\r")[2].strip() == ""


def test_gpu_is_reported():
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("needs a GPU")
    assert "no GPU" not in runtime.device_report()
