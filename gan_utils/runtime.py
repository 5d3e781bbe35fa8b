"""What a run depends on besides its code: the profile, the seeds, the device, the Keras backend."""

import contextlib
import os
import platform
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

PROFILES = ("quick", "full")


def profile() -> str:
    """Return the profile of this process, ``"full"`` or ``"quick"``.

    ``full`` makes what the book shows and is the default. ``quick`` proves in seconds that every
    cell works; the tests set it with the environment variable ``GAN_BOOK_PROFILE``.

    Raises:
        ValueError: ``GAN_BOOK_PROFILE`` holds something else.
    """
    name = os.environ.get("GAN_BOOK_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(f"GAN_BOOK_PROFILE is {name!r}; set it to 'full' or 'quick', or unset it.")
    return name


def choose(*, full, quick):
    """Return ``full`` or ``quick``, whichever the profile of this process asks for."""
    return full if profile() == "full" else quick


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
    threads and package versions). A GPU sums in an order of its own: there a run repeats in
    distribution, not in bits.
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
    print(f"{profile()} profile, seed {seed}; {device_report()}; {version_report()}")


def device_report() -> str:
    """Return what computes here in a few words, such as ``"AMD EPYC, 2 cores, no GPU"``."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor_name()}, {cores} cores, {' + '.join(names) or 'no GPU'}"


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
