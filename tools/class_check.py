"""Say whether a class can be held on this machine, a line for each thing that it needs.

    make class-check                     a minute or two; changes nothing, downloads nothing
    make class-check ARGS=--download     fetches MNIST as well

Ends with an error only where a class could not be held. What this file needs at its start is in
the standard library, and any Python from 3.8 can read it: it has to say what is missing.
"""

import argparse
import ast
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LESSON = ROOT / "notebooks" / "04_vanilla_gan.ipynb"
FINE, TO_DO, MUST = "fine", "to do", "to do first"
#: gigabytes: the whole machine; free now, for a training, a notebook server and a browser
MEMORY, FREE = 3.5, 2.0
#: gigabytes: the environment with all packages, and what the lessons save and download
INSTALLED, SAVED = 4.0, 0.5
#: what a lesson imports, and what opens it
PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow")
PACKAGES += ("pooch", "tqdm", "ipython", "ipykernel", "jupyterlab")
#: minutes that chapter 04 may take: the break of the three-hour plan
PATIENCE = 15
#: chapter 04: the epochs of exercise 4, two trainings, and the images that its classifier reads
EXERCISE, READ = 20, 81_000


class Line(NamedTuple):
    """What was found about one thing."""

    name: str
    verdict: str
    words: str


def check_python(version, others=()):
    """Look at a version (3, 12, 4), and at the names of other interpreters that were found."""
    found = ".".join(map(str, version[:3]))
    if (3, 11) <= tuple(version[:2]) < (3, 14):
        return Line("Python", FINE, found)
    if others:
        words = f"{found} is not fit, but {others[0]} is here, and `make notebooks` will take it"
        return Line("Python", TO_DO, words)
    return Line("Python", MUST, f"{found}; install 3.11, 3.12 or 3.13, then run `make notebooks`")


def check_memory(total, free):
    """Look at gigabytes of memory; None if the machine does not say."""
    if total is None:
        return Line("memory", TO_DO, f"this machine does not say; see that it has {MEMORY:g} GB")
    found = f"{total:.1f} GB"
    if total < MEMORY:
        return Line(
            "memory", MUST, f"{found}; a lesson with a browser needs {MEMORY:g} GB: use Colab"
        )
    if free is not None and free < FREE:
        words = f"{found}, of which {free:.1f} GB are free: close other programs, to have {FREE:g}"
        return Line("memory", TO_DO, words)
    return Line("memory", FINE, found + (f", {free:.1f} GB free" if free is not None else ""))


def check_disk(free, installed):
    """Look at gigabytes of free disk; the packages take most, unless they are there already."""
    needed = SAVED if installed else SAVED + INSTALLED
    what = "what the lessons save" if installed else "the packages and what the lessons save"
    words = f"{free:.1f} GB free; {needed:g} GB are enough for {what}"
    return Line("disk", FINE if free >= needed else MUST, words)


def check_packages(found, wanted):
    """Compare versions that were found, {"keras": "3.15.1"}, with those of the book."""
    missing = [name for name in PACKAGES if name not in found]
    if missing:
        words = f"missing: {', '.join(missing)}. `make notebooks` installs all"
        return Line("packages", MUST, words)
    other = [f"{n} {found[n]} (the book: {v})" for n, v in wanted.items() if found.get(n, v) != v]
    if other:
        return Line("packages", TO_DO, f"other versions, which may do: {', '.join(other)}")
    return Line(
        "packages", FINE, f"TensorFlow {found['tensorflow']}, Keras {found['keras']}, as the book"
    )


def check_mnist(own, cache, hashes):
    """Look for the four files in the folder of GAN_UTILS_DATA and in the cache, either may be None.

    Args:
        hashes: the SHA-256 of each file's content, by its name without ``.gz``.
    """
    if own and not Path(own).is_dir():
        words = f"GAN_UTILS_DATA names {own}, which is no folder: lessons would stop at their data."
        return Line("MNIST", MUST, f"{words} Name the right folder, or unset the variable")
    for folder, where in ((own, "in the folder of GAN_UTILS_DATA"), (cache, "in the cache")):
        files = {name: Path(folder, "mnist", f"{name}.gz") for name in hashes} if folder else {}
        if not files or not all(path.is_file() for path in files.values()):
            continue
        for name, path in files.items():
            if content_hash(path) != hashes[name]:
                return Line("MNIST", MUST, f"{path} is broken: delete it, then fetch it again")
        return Line("MNIST", FINE, f"all four files, {where}")
    fetch = "`make class-check ARGS=--download` fetches it (12 MB)"
    if not cache:
        words = "not found so far; the cache can be searched only once the packages are there."
        return Line("MNIST", TO_DO, f"{words} Then {fetch}")
    words = f"not here. {fetch}. Else each machine fetches it in its first lesson; without a"
    words += " network, GAN_BOOK_PROFILE=quick alone runs, on other digits"
    return Line("MNIST", TO_DO, words)


def check_server(problem, seconds):
    """Tell what became of a notebook server: a problem, or an answer after so many seconds."""
    if problem:
        return Line("notebook server", MUST, problem)
    words = f"JupyterLab answered after {seconds:.0f} s, with no way out to the network"
    return Line("notebook server", FINE, words)


def check_chapter(measured, settings, words=""):
    """Estimate the minutes of chapter 04 from what `measure` found and the lesson's settings.

    Args:
        measured: empty if it took too long, None if it failed.
        words: the last ones of a measurement that failed.
    """
    if measured is None:
        return Line("chapter 04", MUST, f"its training does not run here: {words}")
    if not measured:
        words = "too slow to measure. If this machine is busy, try again; if not, take the trained"
        return Line("chapter 04", TO_DO, f"{words} networks of the teacher's page")
    steps = settings["images"] // settings["batch"]
    seconds = measured["start"] + steps * settings["first_epochs"] * measured["loop"]
    seconds += steps * (settings["epochs"] + EXERCISE) * measured["fit"] + READ * measured["read"]
    minutes = max(1, round(seconds / 60))
    words = f"all of it takes about {minutes} min here. That is an estimate, from some seconds of"
    words += f" its training on this machine: {measured['machine']}"
    if minutes > PATIENCE:
        words += ". If other programs are running, close them and try again. If it stays so, take"
        words += " GAN_BOOK_PROFILE=short, or the trained networks of the teacher's page"
    return Line("chapter 04", FINE if minutes <= PATIENCE else TO_DO, words)


# --- What this machine has ------------------------------------------------------------------------


def memory():
    """Return the gigabytes of memory, and how many are free; None for what cannot be told."""
    table = Path("/proc/meminfo")
    if table.is_file():
        sizes = dict(re.findall(r"(\w+): +(\d+) kB", table.read_text()))
        return tuple(int(sizes[key]) / 1e6 for key in ("MemTotal", "MemAvailable"))
    try:  # a Mac
        total = subprocess.run(["sysctl", "-n", "hw.memsize"], capture_output=True, check=True)
        return int(total.stdout) / 1e9, None
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None, None


def versions():
    """Return the versions of the packages that are installed, without importing them."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def pins():
    """Return the versions that the book pins."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def mnist_hashes():
    """Return the table of hashes in gan_utils/files.py, without importing what that imports."""
    tree = ast.parse((ROOT / "gan_utils" / "files.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return next(ast.literal_eval(a.value) for a in assigned if a.targets[0].id == "MNIST_FILES")


def content_hash(path):
    """Return the SHA-256 of what a gzip file holds, or an empty string."""
    try:
        return hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
    except (OSError, EOFError):
        return ""


def cache_folder():
    """Return the folder of downloads; None where pooch, which knows it, is missing."""
    try:
        import pooch
    except ImportError:
        return None
    return str(pooch.os_cache("gan_utils"))


def settings():
    """Return what chapter 04 trains in the full profile, as its own code says."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    say = {"epochs": r"^epochs = .*full=(\d+)", "first_epochs": r"first_epochs = .*full=(\d+)"}
    say.update(batch=r"^batch_size, .* = (\d+),", images=r"# (\d+,\d+); the others are held out")
    found = {name: re.search(sign, code, re.MULTILINE) for name, sign in say.items()}
    return {name: int(match[1].replace(",", "")) for name, match in found.items()}


def from_scratch():
    """Return the code of chapter 04 that builds its networks and its step."""
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if "from-scratch" in c["metadata"].get("tags", [])]


def measure():
    """Print, as JSON, what a step of chapter 04 takes here. In a process of its own: TensorFlow."""
    began = time.perf_counter()
    os.environ["GAN_BOOK_PROFILE"] = "full"
    import keras
    import numpy as np
    import tensorflow as tf

    from benchmarks.benchmark import seconds_of_fit
    from gan_utils import classifiers, data, gan, losses, networks, runtime

    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28, 1), np.uint8)
    names = {"keras": keras, "np": np, "tf": tf, "layers": keras.layers, "data": data}
    names.update(runtime=runtime, images=images)
    for code in from_scratch():
        exec(code, names)  # noqa: S102  the lesson's own cells
    start = time.perf_counter() - began

    def loop(numbers, limit):
        clock = time.perf_counter()
        done = 0
        for draw in data.draws(len(images), 100, 100, numbers, 0):
            names["train_step"](*draw)
            done += 1
            if time.perf_counter() - clock > limit:
                break
        return (time.perf_counter() - clock) / done

    loop(range(20), limit=9)  # compiles
    found = {"start": start, "loop": loop(range(1_000), limit=3)}
    model = gan.GAN(networks.mlp_generator(), networks.mlp_discriminator(), losses.non_saturating())
    model.compile(*(keras.optimizers.Adam() for _ in range(2)))
    steps = len(images) // 100
    found["fit"] = seconds_of_fit(
        lambda clock: model.fit(images, 3, 100, callbacks=[clock], verbose=0), steps
    )
    classifiers.scores(images[:100], "mnist")
    clock = time.perf_counter()
    classifiers.scores(images[:1_000], "mnist")
    found["read"] = (time.perf_counter() - clock) / 1_000
    print(json.dumps({**found, "machine": runtime.device_report()}))


# --- Running what takes a while -------------------------------------------------------------------


def wait(done, what, limit):
    """Call ``done`` until it returns something, for ``limit`` seconds at most; say if it lasts."""
    began, said = time.monotonic(), 5
    while True:
        answer, now = done(), time.monotonic()
        if answer or now - began > limit:
            return answer, now - began
        if now - began >= said:
            said *= 2
            print(f"             … {what}, {now - began:.0f} s so far", flush=True)
        time.sleep(0.2)


def try_server(command, limit=90):
    """Start a notebook server, ask it for its page, and end it; return (problem, seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
        nowhere.update({name.upper(): address for name, address in nowhere.items()})
        nowhere.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")
        env = {**os.environ, **nowhere, "JUPYTER_RUNTIME_DIR": folder}
        with Path(folder, "said").open("wb") as said:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)
        try:
            answered, seconds = wait(
                lambda: answers(folder) or process.poll() is not None,
                "starting a notebook server",
                limit,
            )
            if answered and process.poll() is None:
                return "", seconds
            words = Path(folder, "said").read_text(errors="replace").strip().splitlines()
            ended = "ended at once" if answered else f"did not answer within {limit} s"
            return f"JupyterLab {ended}; it said: {words[-1] if words else 'nothing'}", seconds
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(folder):
    """Say whether the server that writes into a runtime folder serves its page and has Python."""
    for note in Path(folder).glob("jpserver-*.json"):
        try:
            server = json.loads(note.read_text())
            token = f"?token={server['token']}"
            own = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            own.open(f"{server['url']}lab{token}", timeout=10).close()
            with own.open(f"{server['url']}api/kernelspecs{token}", timeout=10) as kernels:
                return "python3" in json.load(kernels)["kernelspecs"]
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False
    return False


def try_chapter(command, limit=300):
    """Run `measure` in a process of its own; return what it found, {} if it was too slow, or None.

    And the last words of one that failed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=said)
        wait(lambda: process.poll() is not None, "measuring steps of chapter 04", limit)
        if process.poll() is None:
            process.kill()
            process.wait()
            return {}, ""
        out.seek(0)
        said.seek(0)
        lines = out.read().decode().splitlines()
        if process.returncode == 0 and lines:
            return json.loads(lines[-1]), ""
        words = said.read().decode(errors="replace").strip().splitlines()
        return None, words[-1] if words else "it said nothing"


# --- All of it ------------------------------------------------------------------------------------


def lines():
    """Yield the lines, each as soon as it is known."""
    others = [n for n in ("python3.13", "python3.12", "python3.11") if shutil.which(n)]
    yield check_python(sys.version_info, others)
    yield check_memory(*memory())
    found = versions()
    complete = set(PACKAGES) <= set(found)
    yield check_disk(shutil.disk_usage(ROOT).free / 1e9, complete)
    yield check_packages(found, pins())
    yield check_mnist(os.environ.get("GAN_UTILS_DATA"), cache_folder(), mnist_hashes())
    if not complete:
        for name in ("notebook server", "chapter 04"):
            yield Line(name, TO_DO, "not tried, since packages are missing")
        return
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.port=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--ServerApp.allow_root=True")
    yield check_server(*try_server(command))
    measured, words = try_chapter([sys.executable, "-m", "tools.class_check", "--measure"])
    yield check_chapter(measured, settings(), words)


def report(found):
    """Print lines as they come; return 1 if a class could not be held, else 0."""
    first = []
    for line in found:
        print(f"{line.verdict:12} {line.name}: {line.words}", flush=True)
        first += [line.name] * (line.verdict == MUST)
    if first:
        print(f"\nA class cannot be held here yet. First: {', '.join(first)}.")
        return 1
    print("\nA class can be held here. What is still to do is advice.")
    return 0


def main():
    """Read the command line and check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--download", action="store_true", help="fetch MNIST into the cache")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        return measure()
    if asked.download and not set(PACKAGES) <= set(versions()):
        print("Nothing fetched: the packages have to be there first.", flush=True)
    elif asked.download:
        command = [sys.executable, "-m", "gan_utils", "download", "mnist"]
        subprocess.run(command, cwd=ROOT)
    return sys.exit(report(lines()))


if __name__ == "__main__":
    main()
