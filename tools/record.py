"""Run a small part of an experiment or of a notebook in some tree, and write down what it hands on.

    python tools/record.py TREE experiments/leaky_relu.py OUT.json

tools/equivalent.py does this with stamped code and with today's, each in a fresh process. Of an
experiment runs, for each distinct configuration, the first 300 steps (100 of convolutions, which
are slow); and then the whole job in miniature, 23 batches in each of three epochs, to its row. A
notebook runs in the quick profile.
"""

import ast
import collections
import contextlib
import hashlib
import importlib
import inspect
import json
import os
import re
import shutil
import sys
import types
from pathlib import Path
from unittest import mock

STEPS, CONVOLVED, BATCHES, EPOCHS, SAMPLES = 300, 100, 23, 3, 1000
SAME_CONFIGURATION = {"seed", "epoch", "step", "part", "draw"}  # columns of rows that share one
#: what no two runs print alike: what a clock says, and warnings
NOISE = re.compile(
    r"\d[\d.,]*(?= ?(s|ms|µs|min|seconds|minutes|steps/s|images/s)\b)|WARNING:tensorflow:.*"
)
#: columns that a clock has made, and the words on where the data came from: the proof names it
NO_RESULT = re.compile("seconds|^ms_|^data$")
#: What makes a miniature of an experiment whose sizes are not those of `GAN.fit` alone: statements
#: in its module, in front of what it does. `cut` shortens the data that `data.load` gives.
SMALLER = {
    "cifar10_long": "RECIPE = recipes.get('dcgan-cifar10-long', epochs=3); SCORED = [1, 2, 3]\n"
    "data.load = cut(data.load, 20 * RECIPE['batch_size'])",
    "cifar_classifier": "EPOCHS, WARM_UP = 3, 50; WEIGHTS.unlink()\n"
    "data.load = cut(data.load, 5000 + 100 * BATCH)",
    "dcgan_ablation": "LAST = 23\n"
    "Late.before = dict.fromkeys(['d_loss', 'g_loss', 'd_x', 'd_gz'], 0)",
    "dcgan_mnist": "SCORED = [23, 46, 69]",
    "digit_classifier": "EPOCHS = 3; WEIGHTS.unlink(); data.load = cut(data.load, 17_800)",
    "fluid_dcgan": "EPOCHS, BATCHES = 3, 100",
    "frechet_bias": "COUNTS, MOST = [100, 200], 400; data.load = cut(data.load, 2000)",
    "frechet_storage": "N = 500",
    "healthy_runs": "EPOCHS = {'healthy': 3, 'broken': 3}",
    "model_families": "N, EPOCHS = 100, dict.fromkeys(EPOCHS, 3)\n"
    "data.load = cut(data.load, 12_800)",
    "score_corruptions": "N, DRAWS = 400, 1",
    "tshirts": "EPOCHS, training.OWN_ROWS = 3, 1",
    "tutorial_dcgan": "EPOCHS, SCORED, STEPS = 3, [1, 2, 3], 100\n"
    "data.load = cut(data.load, 100 * BATCH)",
}
#: experiments that train in loops of their own, or not at all: 300 steps are in the miniature
NO_FIT = {"fluid_dcgan": "programs()[4]", "tutorial_dcgan": "trainer()[1]"}
NO_FIT |= dict.fromkeys(("frechet_bias", "frechet_storage"), "()")
NO_FIT |= dict.fromkeys(("model_families", "score_corruptions"), "()")


class Enough(Exception):
    """The first steps are made."""


def digest(value):
    """Return a text, or texts, that differ wherever two values differ in a bit."""
    import keras
    import numpy as np
    import tensorflow as tf

    if isinstance(value, keras.callbacks.History):
        value = value.history
    if isinstance(value, keras.layers.Layer | keras.optimizers.Optimizer):
        value = value.variables
    if isinstance(value, keras.Variable | tf.Tensor | tf.Variable | np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype != object:
            return f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
        value = array.tolist()
    if isinstance(value, dict):
        return {str(k): digest(v) for k, v in value.items() if not NO_RESULT.search(str(k))}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [digest(item) for item in value]
        return parts if isinstance(value, list | tuple) else sorted(map(str, parts))
    plain = isinstance(value, str | bytes | int | float | complex | bool | type(None) | Path)
    return repr(value) if plain else f"some {getattr(value, '__name__', type(value).__name__)}"


def cut(load, rows):
    """Return `load`, with the first `rows` of every array that is longer."""

    def load_less(*arguments):
        loaded = load(*arguments)
        arrays = {k: v for k, v in loaded._asdict().items() if hasattr(v, "shape")}
        return loaded._replace(**{k: v[:rows] for k, v in arrays.items()})

    return load_less


@contextlib.contextmanager
def patched(record, small):
    """Let `GAN.fit` write down what it was asked, train little, and write down what it made."""
    import keras
    import numpy as np

    from gan_utils import gan

    fit, keras_fit = gan.GAN.fit, keras.Model.fit

    def little(model, *arguments, **options):
        asked = inspect.signature(fit).bind(model, *arguments, **options)
        asked.apply_defaults()
        given, optimizers = asked.arguments, (model.g_optimizer, model.d_optimizer)
        settings = [model.schedule, model.latent, model.r1, model.r1_every, model.jit_compile]
        # an older GAN.fit takes no labels
        others = {k: given.get(k) for k in ("x", "epochs", "batch_size", "seed", "labels")}
        record("asked", [others, settings, [json.dumps(o.get_config()) for o in optimizers]])
        batch = given["batch_size"] * (1 if isinstance(model.schedule, str) else model.schedule[0])
        before = len(given["x"]) // batch * given["epochs"]
        layers = model.generator.layers + model.discriminator.layers
        steps = CONVOLVED if any("conv" in type(la).__name__.lower() for la in layers) else STEPS
        for name in [name for name in ("x", "labels") if given.get(name) is not None]:
            given[name] = given[name][: (BATCHES if small else steps) * batch]
        per_epoch = len(given["x"]) // batch
        given["epochs"] = min(given["epochs"], EPOCHS if small else -(-steps // per_epoch))
        if not small:  # callbacks look on, and may wait for a step that is not reached
            given["callbacks"] = None
        for rate in {id(o._learning_rate): o._learning_rate for o in optimizers}.values():
            if small and hasattr(rate, "decay_steps"):  # it shall reach its end
                share = per_epoch * given["epochs"] / before
                rate.decay_steps = max(1, round(rate.decay_steps * share))
        history = fit(*asked.args, **asked.kwargs)
        record("trained", [model, *optimizers, history])
        if not small:
            raise Enough
        return history

    def other(model, *arguments, **options):
        history = keras_fit(model, *arguments, **options)
        if not isinstance(model, gan.GAN):
            record("trained", [model, model.optimizer, history])
        return history

    def few(make):
        def made(owner, n, *arguments, **options):
            record("samples asked for", n)
            if np.ndim(options.get("labels", 0)):
                options["labels"] = options["labels"][:SAMPLES]
            return make(owner, min(n, SAMPLES), *arguments, **options)

        return made

    with (
        mock.patch.multiple(gan.GAN, fit=little, sample=few(gan.GAN.sample)),
        mock.patch.object(gan, "generate", few(gan.generate)),
        mock.patch.object(keras.Model, "fit", other),
    ):
        yield


def experiment(tree: Path, script: Path, record) -> None:
    """Run what an experiment does, once with its first steps and once in miniature."""
    sys.path[:0], sys.argv = [str(tree), str(script.parent)], [str(script)]
    for small in (True,) if script.stem in NO_FIT else (False, True):
        for imported in [name for name in sys.modules if (script.parent / f"{name}.py").exists()]:
            del sys.modules[imported]
        module = importlib.import_module(script.stem)
        if small and script.stem in SMALLER:
            module.cut, before = cut, dict(vars(module))
            exec(SMALLER[script.stem], vars(module))
            now = vars(module)
            record("sizes", {name: v for name, v in before.items() if now[name] is not v})
        with patched(record, small):
            run_main(tree, module, record)
        if script.stem in NO_FIT:
            record("variables", list(eval(NO_FIT[script.stem], vars(module))))


def run_main(tree: Path, module: types.ModuleType, record) -> None:
    """Run the main part of an experiment, with one job of each configuration."""

    def run(_, jobs, one, processes=1):
        record("jobs", [list(map(dict, jobs)), min(processes, 2)])
        configurations = {
            json.dumps({k: v for k, v in job.items() if k not in SAME_CONFIGURATION}): job
            for job in jobs
        }
        for which, job in configurations.items():
            shutil.rmtree(tree / "runs", ignore_errors=True)
            print(which, flush=True)  # the last lines say where it failed
            with contextlib.suppress(Enough):
                record("row", {**job, **one(**job)})

    module.run = run
    code = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    main = [n for n in code if isinstance(n, ast.If) and "__main__" in ast.unparse(n.test)]
    exec(compile(ast.Module(main[0].body, []), module.__file__, "exec"), vars(module))


def notebook(tree: Path, path: Path, record) -> None:
    """Run a notebook; write down its outputs and what its variables hold at the end."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    found = tree / "variables.json"
    names = (
        f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import record, json\n"
        f"open({str(found)!r}, 'w').write(json.dumps(record.variables(dict(globals()))));"
    )
    book.cells.append(nbformat.v4.new_code_cell(names))
    os.environ |= {"GAN_BOOK_PROFILE": "quick", "PYTHONPATH": str(tree)}
    options = {"timeout": None, "kernel_name": "python3", "coalesce_streams": True}
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(book, resources=folder, **options).execute()
    *cells, _ = [cell for cell in book.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells):
        for output in [o for o in cell.outputs if o.get("name") != "stderr"]:
            for kind, content in output.get("data", {"text": output.get("text")}).items():
                if kind.startswith("text"):
                    content = re.findall(r"[\w.+-]+|\S", NOISE.sub("", content))
                else:
                    content = hashlib.sha256(str(content).encode()).hexdigest()
                record(f"cell {number}, {kind}", content)
    for name, value in json.loads(found.read_text()).items():
        record(f"variable {name}", value)


def variables(names: dict) -> dict:
    """Return the digests of a notebook's variables."""
    skip = types.ModuleType | types.FunctionType | types.BuiltinFunctionType | type
    found = {k: v for k, v in names.items() if not k.startswith("_") and k not in ("In", "Out")}
    return {k: digest(v) for k, v in sorted(found.items()) if not isinstance(v, skip)}


def main(tree: str, relative: str, out: str) -> None:
    """Record one experiment or notebook of a tree."""
    tree, found, counts = Path(tree).resolve(), [], collections.Counter()

    def record(place, value):
        counts[place] += 1
        found.append([f"{place} {counts[place]}", digest(value)])

    path = tree / relative
    (experiment if path.suffix == ".py" else notebook)(tree, path, record)
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
