"""What a run depends on besides its code: profile, claims, seeds, device, the Keras backend."""

import contextlib
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

PROFILES = ("full", "short", "quick")
NVIDIA_TRACES = ("/proc/driver/nvidia", "/dev/nvidia0")


def profile() -> str:
    """Return the profile of this process, ``"full"``, ``"short"`` or ``"quick"``.

    ``full`` makes what the book shows and is the default. ``short`` takes most lessons a few
    minutes at most, on the same data. ``quick`` shows that every cell runs, on stand-ins where the
    data are missing; the tests set it with the environment variable ``GAN_BOOK_PROFILE``.

    Raises:
        ValueError: ``GAN_BOOK_PROFILE`` holds something else.
    """
    name = os.environ.get("GAN_BOOK_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(
            f"GAN_BOOK_PROFILE is {name!r}; set it to 'full', 'short' or 'quick', or unset it."
        )
    return name


def choose(*, full, quick, short=...):
    """Return ``full``, ``short`` or ``quick``, whichever the profile of this process asks for.

    Without ``short`` the short profile takes ``full``: only what costs time needs another value.
    """
    values = {"full": full, "short": full if short is ... else short, "quick": quick}
    return values[profile()]


def claims_asserted() -> bool:
    """Say whether a result that differs from the page's stops the run: ``GAN_BOOK_CLAIMS=assert``.

    The book sets it where it makes its pages and tests. A reader may change what they like; for
    them, and always in the short profile, whose settings are not the page's, a sentence that does
    not hold is shown as such, and the run goes on.

    Raises:
        ValueError: ``GAN_BOOK_CLAIMS`` holds something else.
    """
    name = os.environ.get("GAN_BOOK_CLAIMS", "show")
    if name not in ("show", "assert"):
        raise ValueError(f"GAN_BOOK_CLAIMS is {name!r}; set it to 'assert' or 'show', or unset it.")
    return name == "assert" and profile() != "short"


def missed(text: str) -> str:
    """Return what a run says of a sentence of the page that does not hold in it.

    Raises:
        AssertionError: claims are asserted here.
    """
    if claims_asserted():
        raise AssertionError(f"This was claimed, and does not hold: {text}")
    return f"On the page this held; in your run it does not: {text}"


def expect(text: str, holds: bool) -> None:
    """Check a result of a run that the page does not speak of: print nothing if it holds.

    Raises:
        AssertionError: it does not hold, where claims are asserted.
    """
    if not holds:
        print(missed(text))


def xla_allowed() -> bool:
    """Say whether XLA may compile training steps: unless ``GAN_BOOK_XLA`` is ``off``.

    It takes seconds to compile, which a run of a few steps does not win back.
    """
    return os.environ.get("GAN_BOOK_XLA", "") != "off"


def xla_pays(*networks) -> bool:
    """Say whether XLA shall compile the training of these: dense ones, and on a GPU all."""
    import tensorflow as tf

    names = [type(layer).__name__.lower() for network in networks for layer in network.layers]
    convolutions = any("conv" in name for name in names)
    return xla_allowed() and (not convolutions or bool(tf.config.list_physical_devices("GPU")))


def strategy(devices: int = 1):
    """Return the ``tf.distribute`` strategy of so many GPUs, or of parts of the CPU without one.

    Call it before TensorFlow has computed anything.

    Raises:
        ValueError: there are GPUs, and fewer than that.
    """
    import tensorflow as tf

    if devices == 1:
        return tf.distribute.get_strategy()
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and devices > len(gpus):
        raise ValueError(f"{devices} devices were asked for, and this machine has {len(gpus)} GPU.")
    if not gpus:
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    kind = "GPU" if gpus else "CPU"
    return tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(devices)])


def check_backend() -> None:
    """Make sure that Keras runs on TensorFlow, the backend that this book's training loops need.

    Raises:
        RuntimeError: Keras runs on another backend.
    """
    try:
        import keras

        backend = keras.backend.backend()
    except ImportError as error:  # another backend was chosen and is not even installed
        if error.name in (None, "keras", "tensorflow"):
            raise
        backend = error.name
    if backend != "tensorflow":
        raise RuntimeError(
            f"Keras is told to run on {backend!r}, but this book needs TensorFlow. Set "
            "KERAS_BACKEND=tensorflow before the first import of keras, or remove the 'backend' "
            "line from ~/.keras/keras.json, and restart."
        )


def setup(seed: int = 0) -> None:
    """Prepare a chapter: check the backend, seed everything, be kind to a GPU, print one report.

    Python, NumPy and Keras get ``seed``. TensorFlow's graph optimiser is switched off, because it
    rewrites the same graph differently from process to process, which changes last bits that
    training then amplifies. With it off, a CPU repeats a run bit for bit (same machine, number of
    threads, package versions and setting of oneDNN). A GPU may sum in another order each time:
    there expect a run to repeat in distribution, not in bits.
    """
    with _quiet_start():
        check_backend()
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()

    keras.utils.set_random_seed(seed)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for gpu in tf.config.list_physical_devices("GPU"):
        try:  # take GPU memory as needed, so that two notebooks can share one card
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            warnings.warn(
                "The GPU is already in use: its memory growth stays as it is.", stacklevel=2
            )
    print(f"{profile()} profile, seed {seed}; {device_report()}; {version_report()}{gpu_hint()}")


def device_report() -> str:
    """Return what computes here in a few words, such as ``"AMD EPYC, 2 cores, no GPU"``."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor_name()}, {cores} cores, {' + '.join(names) or 'no GPU'}"


def gpu_hint() -> str:
    """Return why TensorFlow sees no GPU where there may be one, after a line break; else ``""``."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return ""
    if any(Path(trace).exists() for trace in NVIDIA_TRACES) or shutil.which("nvidia-smi"):
        here = "\nThere is an NVIDIA driver here, but TensorFlow sees no GPU"
        if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
            return f"{here}: the variable CUDA_VISIBLE_DEVICES hides it. Unset it and restart."
        built = tf.test.is_built_with_cuda()
        lacks = "its CUDA libraries are missing" if built else "this TensorFlow has no CUDA in it"
        install = f"pip install 'tensorflow[and-cuda]=={tf.__version__}'"
        return f"{here}; most likely {lacks}. Run {install} and restart."
    if "google.colab" in sys.modules:
        choose_one = "choose Runtime > Change runtime type, then run this cell again"
        return f"\nFor a GPU in Colab {choose_one}."
    return ""


def version_report() -> str:
    """Return the versions that a result depends on: Python, TensorFlow, Keras."""
    import keras
    import tensorflow as tf

    python = ".".join(platform.python_version_tuple()[:2])
    return f"Python {python}, TensorFlow {tf.__version__}, Keras {keras.__version__}"


def progress(items: Iterable, description: str = ""):
    """Wrap ``items`` in a progress bar with the remaining time, which vanishes at the end.

    Plain text on purpose: a widget would leave state in the notebook that no page can show.
    """
    from tqdm import tqdm

    return tqdm(items, desc=description, leave=False, file=sys.stdout, ncols=100)


@contextlib.contextmanager
def _quiet_start():
    """Drop what TensorFlow's C++ code writes to standard error while it starts.

    These notes (oneDNN, a missing GPU driver) come before any log level applies, and would be the
    first thing on every page. Exceptions are not affected.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # platform.processor() is empty on most Linux systems
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
