"""Run a small part of an experiment or of a notebook in some tree, and write down what it hands on.

    python tools/record.py TREE experiments/leaky_relu.py OUT.json

tools/equivalent.py does this with stamped code and with today's, each in a fresh process. Of an
experiment runs, for each distinct configuration, the first 300 steps (100 of convolutions, which
are slow); and then the whole job in miniature, 23 batches in each of three epochs, to its row. A
notebook runs in the quick profile.
"""

import ast
import contextlib
import hashlib
import inspect
import json
import re
import shutil
import sys
import types
from pathlib import Path

STEPS, CONVOLVED, BATCHES, EPOCHS, SAMPLES = 300, 100, 23, 3, 1000
#: columns of rows that share a configuration
SAME_CONFIGURATION = {"seed", "epoch", "passes", "step", "part", "draw"}
CLOCK = re.compile(r"\d[\d.,]*(?= ?(s|ms|µs|min|seconds|minutes|steps/s|images/s)\b)")
WARNED = re.compile(r"WARNING:tensorflow:.*")
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
    "dcgan_mnist_best": "SCORED = [23, 46, 69]",
    "digit_classifier": "EPOCHS = 3; WEIGHTS.unlink(); data.load = cut(data.load, 17_800)",
    "fluid_dcgan": "EPOCHS, BATCHES = 3, 100",
    "frechet_bias": "COUNTS, MOST = [100, 200], 400; data.load = cut(data.load, 2000)",
    "frechet_storage": "N = 500",
    "healthy_runs": "EPOCHS = {'healthy': 3, 'broken': 3}",
    "model_families": "N, EPOCHS = 100, dict.fromkeys(EPOCHS, 3)\n"
    "data.load = cut(data.load, 12_800)",
    "race": "TURNS, WARM_UP = 1, 0",
    "recipe_long": "EPOCHS = 3; scoring.data.load = cut(scoring.data.load, 23 * 32)",
    "recipe_search": "LONG_EPOCHS = 3",
    "score_corruptions": "N, DRAWS = 400, 1",
    "sliced_samples": "COUNTS, FAULTED = [100], [100]; frechet_bias.MOST = 400\n"
    "score_corruptions.N, score_corruptions.DRAWS = 400, 1\n"
    "frechet_bias.data.load = cut(frechet_bias.data.load, 12_000)",
    "tshirts": "EPOCHS, training.OWN_ROWS = 3, 1",
    "tutorial_dcgan": "EPOCHS, SCORED, STEPS = 3, [1, 2, 3], 100\n"
    "data.load = cut(data.load, 100 * BATCH)",
}
#: experiments that train in loops of their own, or not at all: 300 steps are in the miniature
NO_FIT = {
    "fluid_dcgan": "programs()[4]",
    "frechet_bias": "()",
    "frechet_storage": "()",
    "model_families": "()",
    "race": "()",
    "score_corruptions": "()",
    "sliced_samples": "()",
    "tutorial_dcgan": "trainer()[1]",
}
#: What takes the place of an experiment's own first rows, where later ones depend on them: a
#: stamped commit has none. Here all that is tried is better than what it is compared with.
OWN_ROWS = {
    "recipe_search": "rows_so_far = lambda: [{'variant': name, 'seed': seed, 'frechet': 1.0 + "
    "(name == 'upsampling')} for seed in SEEDS for name in VARIANTS]",
}


class Enough(Exception):
    """The first steps are made."""


def digest(value):
    """Return a text, or texts, that differ wherever two values differ in a bit."""
    import keras
    import numpy as np
    import tensorflow as tf

    if isinstance(value, keras.callbacks.History):
        value = value.history
    if isinstance(value, keras.Model | keras.layers.Layer | keras.optimizers.Optimizer):
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
    if isinstance(value, types.FunctionType):
        value = value.__name__
    plain = isinstance(value, str | bytes | int | float | complex | bool | type(None) | Path)
    return repr(value) if plain else f"some {type(value).__name__}"


def cut(load, rows):
    """Return `load`, with the first `rows` of every array that is longer."""
    import numpy as np

    def load_less(*arguments):
        loaded = load(*arguments)
        return loaded._replace(
            **{k: v[:rows] for k, v in loaded._asdict().items() if isinstance(v, np.ndarray)}
        )

    return load_less


def patch_fit(record, small):
    """Let `GAN.fit` write down what it was asked, train little, and write down what it made."""
    import keras
    import numpy as np

    from gan_utils import gan

    fit, keras_fit = gan.GAN.fit, keras.Model.fit

    def little(model, *arguments, **options):
        asked = inspect.signature(fit).bind(model, *arguments, **options)
        asked.apply_defaults()
        given = asked.arguments
        optimizers = model.g_optimizer, model.d_optimizer
        settings = [model.schedule, model.latent, model.r1, model.r1_every, model.jit_compile]
        others = {k: given[k] for k in ("x", "epochs", "batch_size", "seed")}
        labels = given.get("labels")  # an older GAN.fit takes none
        others |= {} if labels is None else {"labels": labels}
        record("asked", [others, settings, [json.dumps(o.get_config()) for o in optimizers]])
        x, epochs = given["x"], given["epochs"]
        batch = given["batch_size"] * (1 if isinstance(model.schedule, str) else model.schedule[0])
        before = len(x) // batch * epochs
        layers = model.generator.layers + model.discriminator.layers
        steps = CONVOLVED if any("conv" in type(la).__name__.lower() for la in layers) else STEPS
        given["x"] = x = x[: (BATCHES if small else steps) * batch]
        if given.get("labels") is not None:
            given["labels"] = given["labels"][: len(x)]
        per_epoch = len(x) // batch
        if not small:  # callbacks look on, and may wait for a step that is not reached
            given["callbacks"] = None
        given["epochs"] = min(epochs, EPOCHS if small else -(-steps // per_epoch))
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

    sample, generate = gan.GAN.sample, gan.generate
    gan.GAN.fit, keras.Model.fit = little, other

    def few(make):
        def made(owner, n, *arguments, **options):
            record("samples asked for", n)
            if np.ndim(options.get("labels", 0)):
                options["labels"] = options["labels"][:SAMPLES]
            return make(owner, min(n, SAMPLES), *arguments, **options)

        return made

    gan.GAN.sample, gan.generate = few(sample), few(generate)

    def undo():
        gan.GAN.fit, keras.Model.fit, gan.GAN.sample, gan.generate = (
            fit,
            keras_fit,
            sample,
            generate,
        )

    return undo


def experiment(tree: Path, script: Path, record) -> None:
    """Run what an experiment does, once with its first steps and once in miniature."""
    sys.path[:0] = [str(tree), str(script.parent), str(tree / "tools")]
    code = ast.parse(script.read_text(encoding="utf-8"))
    at_end = [n for n in code.body if isinstance(n, ast.If) and "__main__" in ast.unparse(n.test)]
    code.body = [node for node in code.body if node not in at_end]
    from gan_utils import data

    load, name = data.load, script.stem
    for small in (False, True):
        if not small and name in NO_FIT:
            continue
        for imported in [n for n, m in sys.modules.items() if _lies_in(m, script.parent)]:
            del sys.modules[imported]
        module = sys.modules[name] = types.ModuleType(name)
        vars(module).update(__file__=str(script), cut=cut)
        exec(compile(code, str(script), "exec"), vars(module))
        exec(OWN_ROWS.get(name, ""), vars(module))
        if small and name in SMALLER:
            change = ast.parse(SMALLER[name])
            stored = [n for n in ast.walk(change) if isinstance(getattr(n, "ctx", 0), ast.Store)]
            names = {n.id for n in stored if isinstance(n, ast.Name)}
            record("sizes", {n: vars(module)[n] for n in sorted(names)})
            exec(compile(change, "smaller", "exec"), vars(module))
        runs = []
        module.run = lambda _, jobs, one, processes=1, runs=runs: runs.append((jobs, processes))
        sys.argv = [str(script)]
        undo = patch_fit(record, small)
        with contextlib.suppress(Enough):
            exec(compile(ast.Module(at_end[0].body, []), str(script), "exec"), vars(module))
        for jobs, processes in runs:
            configurations = {
                json.dumps({k: v for k, v in job.items() if k not in SAME_CONFIGURATION}): job
                for job in jobs
            }
            record("jobs", [list(map(dict, jobs)), min(processes, 2)] if not small else None)
            for number, (which, job) in enumerate(configurations.items()):
                shutil.rmtree(tree / "runs", ignore_errors=True)
                print(f"{name}: {number + 1} of {len(configurations)}, {which}", flush=True)
                with contextlib.suppress(Enough):
                    record("row", {**job, **module.one(**job)})
        if name in NO_FIT:
            record("variables", list(eval(NO_FIT[name], vars(module))))
        undo()
        data.load = load


def _lies_in(module, folder: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "/").parent == folder


def notebook(tree: Path, path: Path, record) -> None:
    """Run a notebook; write down its outputs and what its variables hold at the end."""
    import os

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
                is_text = kind.startswith("text")
                text = CLOCK.sub("…", WARNED.sub("", "".join(content))) if is_text else ""
                parts = re.findall(r"[\w.+-]+|\S", text) if is_text else [content]
                for place, part in enumerate(parts):
                    text = part if is_text else hashlib.sha256(str(part).encode()).hexdigest()
                    record(f"cell {number}, {kind}, {place}", text)
    for name, value in json.loads(found.read_text()).items():
        record(f"variable {name}", value)


def variables(names: dict) -> dict:
    """Return the digests of a notebook's variables."""
    skip = types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type
    found = {k: v for k, v in names.items() if not k.startswith("_") and k not in ("In", "Out")}
    return {k: digest(v) for k, v in sorted(found.items()) if not isinstance(v, skip)}


def main(tree: str, relative: str, out: str) -> None:
    """Record one experiment or notebook of a tree."""
    tree, found = Path(tree).resolve(), []
    path = tree / relative
    kind = experiment if path.suffix == ".py" else notebook

    def record(place, value):
        plain = kind is notebook
        found.append([place, value if plain else digest(value)])

    kind(tree, path, record)
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
