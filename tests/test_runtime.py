import os
import subprocess
import sys

import pytest

from gan_utils import runtime


def test_profile_is_full_unless_told(monkeypatch):
    monkeypatch.delenv("GAN_BOOK_PROFILE")
    assert runtime.profile() == "full"
    assert runtime.choose(full=30, quick=1) == runtime.choose(full=30, short=5, quick=1) == 30
    monkeypatch.setenv("GAN_BOOK_PROFILE", "quick")
    assert runtime.choose(full=30, quick=1) == runtime.choose(full=30, short=5, quick=1) == 1


def test_short_takes_what_full_takes_unless_told(monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "short")
    assert runtime.choose(full=30, quick=1) == 30
    assert runtime.choose(full=30, short=5, quick=1) == 5
    assert runtime.choose(full=30, short=None, quick=1) is None


def test_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("GAN_BOOK_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast'.*'full', 'short' or 'quick'"):
        runtime.profile()


@pytest.mark.parametrize(
    ("claims", "profile", "asserted"),
    [
        ("assert", "full", True),
        ("assert", "quick", True),
        ("assert", "short", False),
        ("show", "full", False),
        (None, "full", False),
        (None, "quick", False),
    ],
)
def test_who_is_stopped_by_a_missed_result(monkeypatch, capsys, claims, profile, asserted):
    monkeypatch.setenv("GAN_BOOK_PROFILE", profile)
    if claims is None:
        monkeypatch.delenv("GAN_BOOK_CLAIMS")
    else:
        monkeypatch.setenv("GAN_BOOK_CLAIMS", claims)
    runtime.expect("It is so.", True)
    assert capsys.readouterr().out == ""
    if asserted:
        with pytest.raises(AssertionError, match="claimed, and does not hold: It is so"):
            runtime.expect("It is so.", False)
    else:
        runtime.expect("It is so.", False)
        said = "On the page this held; in your run it does not: It is so.\n"
        assert capsys.readouterr().out == said


def test_the_tests_assert_claims():
    """Because conftest.py says so."""
    assert os.environ["GAN_BOOK_CLAIMS"] == "assert"


def test_unknown_way_with_claims_is_refused(monkeypatch):
    monkeypatch.setenv("GAN_BOOK_CLAIMS", "yes")
    with pytest.raises(ValueError, match="'yes'.*'assert' or 'show'"):
        runtime.expect("It is so.", False)


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


@pytest.fixture
def no_gpu(monkeypatch, tmp_path):
    """A machine on which TensorFlow sees no GPU, and there is none."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    monkeypatch.setattr(runtime, "NVIDIA_TRACES", (str(tmp_path / "nvidia0"),))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    return tmp_path


def test_nothing_is_said_without_a_gpu(no_gpu, capsys):
    assert runtime.gpu_hint() == ""
    runtime.setup()
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("trace", ["nvidia0", "nvidia-smi"])
@pytest.mark.parametrize(
    ("built", "why"),
    [(True, "its CUDA libraries are missing"), (False, "this TensorFlow has no CUDA in it")],
)
def test_a_gpu_that_is_not_seen_is_explained(no_gpu, monkeypatch, capsys, trace, built, why):
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: built)
    (no_gpu / trace).write_text("")
    (no_gpu / trace).chmod(0o755)
    runtime.setup()
    report, hint = capsys.readouterr().out.splitlines()
    assert "no GPU" in report
    assert why in hint and f"pip install 'tensorflow[and-cuda]=={tf.__version__}'" in hint


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_explained(no_gpu, monkeypatch, hidden):
    (no_gpu / "nvidia0").write_text("")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert "CUDA_VISIBLE_DEVICES hides it" in runtime.gpu_hint()


def test_colab_is_told_where_to_choose_a_gpu(no_gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", runtime)
    assert "Runtime > Change runtime type" in runtime.gpu_hint()


def test_a_gpu_that_is_seen_needs_no_hint(no_gpu, monkeypatch):
    import tensorflow as tf

    (no_gpu / "nvidia0").write_text("")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    assert runtime.gpu_hint() == ""


def test_gpu_is_reported():
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("needs a GPU")
    assert "no GPU" not in runtime.device_report()
