"""Seconds a step of TensorFlow's DCGAN tutorial and of the recipe `dcgan-mnist`, taken in turns.

    python experiments/race.py        about 5 minutes on 2 cores; let nothing else run

Together with the scores over steps in experiments/results/tutorial_dcgan.csv and
dcgan_mnist_best.csv they say how long each takes to a level of quality:
`gan_utils.chapters.race` puts them together.

Three processes wait for their turn, so that a machine that slows down slows all of them down:
`tutorial`, the networks and the step of experiments/tutorial_dcgan.py with TensorFlow's defaults
(but oneDNN, for all three, as the environment has it); `switched`, the same with TensorFlow's graph
optimiser switched off, as that experiment ran (the book does so, to be repeatable); `recipe`, by
`GAN.fit`, as the book trains it, that is with the optimiser off. In each turn each makes three
equal blocks of steps, of which the last two are timed, after the same warm-up: two whole turns that
do not count, and in each turn the first block.

Writes experiments/results/race.csv; all columns but `turn` are milliseconds a step.
"""

import functools
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf
import tutorial_dcgan
from resumable import run

from gan_utils import data, recipes, runtime

TURNS, WARM_UP = 9, 2
#: runner -> steps in a block, about three seconds of each; our 61 is a prime, as a run's odd ends
BLOCKS = {"tutorial": 7, "switched": 7, "recipe": 61}


def tutorial(block):
    """Return a function that makes three blocks of steps and returns the seconds of one step."""
    batch, latent_dim = tutorial_dcgan.BATCH, tutorial_dcgan.LATENT
    _, _, step, size = tutorial_dcgan.trainer()
    order = np.random.default_rng(0).permutation(size)
    number = 0

    def steps():
        nonlocal number
        for _ in range(block):
            first = number % (size // batch) * batch
            z = tf.random.stateless_normal((batch, latent_dim), (0, number))
            step(tf.constant(order[first : first + batch]), z)
            number += 1

    def turn():
        steps()
        start = time.perf_counter()
        steps()
        steps()
        return (time.perf_counter() - start) / (2 * block)

    return turn


def recipe(block):
    """Return a function that makes three epochs of so many steps, and the seconds of one step."""
    settings = recipes.get("dcgan-mnist")
    runtime.setup(0)
    images = data.load("mnist").images
    model = recipes.build(settings, len(images))
    some = images[: block * settings["batch_size"]]
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            times.append(time.perf_counter())

    def turn():
        times.clear()
        model.fit(some, 3, settings["batch_size"], callbacks=[Clock()], verbose=0)
        return (times[-1] - times[0]) / (2 * block)

    return turn


def work(runner):
    """Make a turn for every line that comes in, and answer with the milliseconds of a step."""
    turn = recipe(BLOCKS[runner]) if runner == "recipe" else tutorial(BLOCKS[runner])
    # Building either has switched the graph optimiser off; no step is compiled yet.
    switched_off = runner != "tutorial"
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": switched_off})
    for _ in sys.stdin:
        print(f"ms {1000 * turn()}", flush=True)


@functools.cache
def runners():
    """Start the three processes and let them warm up."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    begun = {name: subprocess.Popen([sys.executable, __file__, name], **pipes) for name in BLOCKS}
    for _ in range(WARM_UP):
        for process in begun.values():
            ask(process)
    return begun


def ask(process):
    """Let a process make its turn, while the others wait; return the milliseconds of a step."""
    process.stdin.write("\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("ms "):
            return round(float(line.split()[1]), 2)
    raise RuntimeError("A runner ended before its turn; its last words stand above.")


def one(turn):
    """Let all three make one turn."""
    return {f"ms_{name}": ask(process) for name, process in runners().items()}


if __name__ == "__main__":
    if sys.argv[1:]:
        work(sys.argv[1])
    else:
        run(__file__, [{"turn": turn} for turn in range(TURNS)], one)
        for process in runners().values():
            process.stdin.close()
            process.wait()
