"""What this machine's GPU is worth to the book: its name, its speed, and every chapter run on it.

Behind `make gpu-check`. Some minutes; needs a GPU that TensorFlow sees.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ("mlp-mnist", "dcgan-mnist", "dcgan-cifar10")
NO_GPU = """\
TensorFlow sees no GPU here. On Linux with an NVIDIA card and its driver, install TensorFlow with
its CUDA libraries, of the version that the book has, and try again:
    .venv/bin/python -m pip install "tensorflow[and-cuda]=={version}"
On a Mac, and in Windows without WSL, TensorFlow has no GPU support of its own: use Colab."""


def milliseconds_a_step(name, device, steps):
    """Train a recipe on random images; return the time of a step once it is compiled."""
    import keras
    import numpy as np
    import tensorflow as tf

    from benchmarks.benchmark import engine
    from gan_utils import recipes

    recipe = recipes.get(name)
    size = 28 if "mnist" in name else 32
    shape = (steps * recipe["batch_size"], size, size, 1 if size == 28 else 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    keras.utils.set_random_seed(0)
    with tf.device(device):
        measure = engine(lambda: recipes.build(recipe, len(images)), images, recipe["batch_size"])
        return 1000 * measure()


def main(steps=200):
    """Print the device, the speed of three recipes on it and on the CPU; run all chapters."""
    import tensorflow as tf

    from gan_utils import runtime

    if not tf.config.list_physical_devices("GPU"):
        sys.exit(NO_GPU.format(version=tf.__version__))
    runtime.setup()
    print(f"{'milliseconds a step':20}{'CPU':>10}{'GPU':>10}{'ratio':>8}")
    for name in RECIPES:
        cpu, gpu = (milliseconds_a_step(name, f"/{kind}:0", steps) for kind in ("CPU", "GPU"))
        print(f"{name:20}{cpu:10.1f}{gpu:10.1f}{cpu / gpu:8.1f}", flush=True)
    print("Now every chapter, in the quick profile.", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "notebooks"]
    quick = os.environ | {"GAN_BOOK_PROFILE": "quick"}
    sys.exit(subprocess.run(command, cwd=ROOT, env=quick).returncode)


if __name__ == "__main__":
    main()
