"""Kill a real training run ten times at random moments, and see that nothing is lost.

    python -m tools.kill_and_resume [RECIPE] [EPOCHS] [KILLS]     default: mlp-mnist 80 10

One run of `python -m gan_utils train` is left in peace. Another, with the same command, is ended
with SIGKILL again and again, and at last left to finish. All that both have kept at their end has
to be the same to the last bit: weights, optimisers, statistics, random generators, history.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def train(recipe, epochs, run):
    """Start a training process."""
    command = [sys.executable, "-m", "gan_utils", "train", recipe, "--epochs", epochs, "--run", run]
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL)


def newest(run):
    """Return the newest state of a run, or None."""
    return max(run.glob("checkpoints/step-*.npz"), default=None)


def main(recipe="mlp-mnist", epochs="80", kills="10"):
    """Return 0 if both runs end alike."""
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole"), Path(folder, "broken")
        start = time.monotonic()
        if train(recipe, epochs, whole).wait():
            return 1
        seconds = time.monotonic() - start
        print(f"{recipe}, {epochs} epochs in peace: {seconds:.0f} s, {newest(whole).name}")
        for number in range(int(kills)):
            process = train(recipe, epochs, broken)
            moment = random.uniform(12, 45)
            try:
                process.wait(moment)
                print(f"kill {number + 1}: too late, the run was complete")
                continue
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            state = newest(broken)
            print(f"kill {number + 1} after {moment:4.1f} s: {state and state.name}", flush=True)
        if train(recipe, epochs, broken).wait():
            return 1
        with np.load(newest(whole)) as a, np.load(newest(broken)) as b:
            same = a.files == b.files and all(a[n].tobytes() == b[n].tobytes() for n in a.files)
            arrays, step = len(a.files), newest(broken).name
        histories = [(run / "history.csv").read_bytes() for run in (whole, broken)]
        print(f"{step}: {arrays} arrays {'are' if same else 'ARE NOT'} the same to the last bit")
        print(f"history.csv {'is' if histories[0] == histories[1] else 'IS NOT'} the same")
        return 0 if same and histories[0] == histories[1] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
