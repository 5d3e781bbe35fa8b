"""How fast, how big, how soon good: ratios measured on this machine, written to RESULTS.md.

    make benchmark        about 5 minutes on 2 cores; let nothing else run

Two things are compared by running them in turns, A B A B ..., and taking the medians, so that a
machine that slows down slows both down. The race with TensorFlow's tutorial is put together from
three results of experiments, whose stamps are repeated: race.csv, tutorial_dcgan.csv and
dcgan_mnist_best.csv.
"""

import math
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_utils import data, gan, losses, networks, recipes, runtime
from gan_utils.chapters import race
from tools import experiment_csv

ROOT = Path(__file__).resolve().parents[1]
TURNS = 5


def in_turns(runs, turns=TURNS):
    """Call every function of ``runs`` in turns; return the median of what each returns.

    The first two turns do not count. The first compiles; in the second, memory is still being set
    up, which made the loop over convolutions seem twice as slow as it is.
    """
    for _ in range(2):
        for run in runs.values():
            run()
    results = {name: [] for name in runs}
    for _ in runtime.progress(range(turns), ", ".join(runs)):
        for name, run in runs.items():
            results[name].append(run())
    return {name: statistics.median(values) for name, values in results.items()}


def seconds_a_step(train, steps):
    start = time.perf_counter()
    train()
    return (time.perf_counter() - start) / steps


def seconds_of_fit(fit, steps):
    """Return the seconds a step in the last two of three epochs: the first one also compiles."""
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            times.append(time.perf_counter())

    fit(Clock())
    return (times[-1] - times[0]) / (2 * steps)


# --- four ways to train the same pair ------------------------------------------------------------


def engine(build, images, batch_size):
    """Return a function that trains with GAN.fit and returns the seconds a step."""
    model = build()
    return lambda: seconds_of_fit(
        lambda clock: model.fit(images, 3, batch_size, callbacks=[clock], verbose=0),
        len(images) // batch_size,
    )


def as_tensors(images, batch_size):
    """Return the pipeline that tutorials write: scaled once, shuffled, batched, prefetched."""
    scaled = images.astype("float32") / 127.5 - 1.0
    pipeline = tf.data.Dataset.from_tensor_slices(scaled).shuffle(len(scaled))
    return pipeline.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def update(model, x, z_d, z_g):
    """One update of D and one of G, as every tutorial writes them; returns both losses."""
    generator, discriminator, loss = model.generator, model.discriminator, model.adversarial_loss
    fakes = generator(z_d, training=True)
    with tf.GradientTape() as tape:
        real, fake = discriminator(x, training=True), discriminator(fakes, training=True)
        d_loss = sum(loss.discriminator(real, fake))
    variables = discriminator.trainable_variables
    model.d_optimizer.apply(tape.gradient(d_loss, variables), variables)
    with tf.GradientTape() as tape:
        g_loss = loss.generator(discriminator(generator(z_g, training=True), training=True))
    variables = generator.trainable_variables
    model.g_optimizer.apply(tape.gradient(g_loss, variables), variables)
    return d_loss, g_loss


def step_by_step(build, images, batch_size):
    """A hand-written loop: one compiled step, called from Python for every batch of a pipeline."""
    model, latent_dim = build(), build().generator.input_shape[1]
    pipeline = as_tensors(images, batch_size)

    @tf.function
    def step(x):
        z = tf.random.uniform((2, batch_size, latent_dim), -1.0, 1.0)
        return update(model, x, z[0], z[1])

    def train():
        for x in pipeline:
            d_loss, g_loss = step(x)
        return float(d_loss), float(g_loss)

    return lambda: seconds_a_step(train, len(images) // batch_size)


def stock_fit(build, images, batch_size):
    """Keras's fit as tutorials use it: a model with a train_step, a pipeline, all defaults."""

    class Tutorial(keras.Model):
        def __init__(self, model):
            super().__init__()
            self.inner = model
            self.d_tracker = keras.metrics.Mean(name="d_loss")
            self.g_tracker = keras.metrics.Mean(name="g_loss")

        def train_step(self, x):
            z = tf.random.uniform((2, batch_size, self.inner.generator.input_shape[1]), -1.0, 1.0)
            d_loss, g_loss = update(self.inner, x, z[0], z[1])
            self.d_tracker.update_state(d_loss)
            self.g_tracker.update_state(g_loss)
            return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}

    model, pipeline = Tutorial(build()), as_tensors(images, batch_size)
    model.compile()
    return lambda: seconds_of_fit(
        lambda clock: model.fit(pipeline, epochs=3, callbacks=[clock], verbose=0),
        len(images) // batch_size,
    )


def one_graph(build, images, batch_size, jit_compile=True):
    """The fastest loop we could write: a whole epoch in one graph, the data on the device."""
    model, latent_dim = build(), build().generator.input_shape[1]
    pixels, steps = tf.constant(images), len(images) // batch_size

    @tf.function(jit_compile=jit_compile)
    def step(rows, z_d, z_g):
        return update(model, data.to_unit_range(tf.gather(pixels, rows)), z_d, z_g)

    @tf.function
    def epoch():
        order = tf.random.shuffle(tf.range(len(images)))
        total = tf.zeros(2)
        for number in tf.range(steps):
            rows = order[number * batch_size : (number + 1) * batch_size]
            z = tf.random.uniform((2, batch_size, latent_dim), -1.0, 1.0)
            total += tf.stack(step(tf.ensure_shape(rows, (batch_size,)), z[0], z[1]))
        return total / steps

    return lambda: seconds_a_step(lambda: epoch().numpy(), steps)


# --- what is measured ---------------------------------------------------------------------------


def mlp():
    model = gan.GAN(
        networks.mlp_generator(), networks.mlp_discriminator(), losses.non_saturating(0.9)
    )
    model.compile()
    return model


def dcgan(r1=0.0):
    """Build the recipe, without its penalty unless told: the hand-written loop has none."""
    return recipes.build(recipes.get("dcgan-mnist", r1=r1), 60_000)


def multiply_adds(model):
    """Count the multiplications of one forward pass of one example, from the layers' shapes."""
    count = 0
    for layer in model.layers:
        weights = [w for w in layer.trainable_weights if len(w.shape) > 1]
        for w in weights:
            places = 1
            if len(w.shape) == 4:  # a kernel works once at every place of its smaller side
                sides = layer.input.shape[1:3], layer.output.shape[1:3]
                places = min(int(np.prod(side)) for side in sides)
            count += places * int(np.prod(w.shape))
    return count


def matrix_rate():
    """Return the multiply-adds a second of a large float32 matrix product."""
    a = tf.random.normal((3000, 3000))
    multiply = tf.function(tf.matmul)
    multiply(a, a)
    start = time.perf_counter()
    for _ in range(5):
        product = multiply(a, a)
    product.numpy()
    return 5 * 3000**3 / (time.perf_counter() - start)


def in_a_fresh_process(code):
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(run.stdout.splitlines()[-1])


IMPORT = """
import time; start = time.perf_counter()
import gan_utils
print(time.perf_counter() - start)
"""
MEMORY = """
from pathlib import Path
from gan_utils import data, recipes, runtime
runtime.setup(0)
images = data.load("mnist").images
recipes.build(recipes.get("dcgan-mnist"), len(images)).fit(images, 1, 32, verbose=0)
# not getrusage: its maximum also counts this benchmark, which the new process began as
status = Path("/proc/self/status").read_text()
print(float(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


def machine():
    memory = ""
    info = Path("/proc/meminfo")
    if info.exists():
        memory = f", {int(info.read_text().split()[1]) / 2**20:.0f} GB"
    return f"{runtime.device_report()}{memory}; {runtime.version_report()}; {date.today()}"


BARS = "| what | measured | bar | |\n|---|---:|---:|---|\n"


def line(what, value, bar, reached, unit=""):
    return f"| {what} | {value}{unit} | {bar} | {'reached' if reached else '**missed**'} |\n"


RESULTS = "race", "tutorial_dcgan", "dcgan_mnist_best"


def quality_section():
    """Return the part of the report on the time to quality, or what is missing for it."""
    try:
        turns, tutorial, ours = (data.load_results(f"{name}.csv") for name in RESULTS)
        found = race.together(tutorial, ours, turns)
    except (FileNotFoundError, ValueError) as error:
        return f"\n## Time to quality\n\nNot measured yet: {error}\n"
    folder = ROOT / "experiments" / "results"
    stamps = {name: experiment_csv.read(folder / f"{name}.csv")[0] for name in RESULTS}
    return race_text(found, len(turns), stamps)


def race_text(found, turns, stamps):
    """Write the race down: both readings, what is unequal, and what ran."""
    ms, seeds = found["ms"], found["seeds"]
    switched = ms["ms_switched"] / ms["ms_tutorial"]
    noted_on = {stamp["device"] for name, stamp in stamps.items() if name != "race"}
    elsewhere = (
        " The logged times come from different processors, which is unequal too."
        if len(noted_on) > 1
        else ""
    )
    # The stamp of a resumed run counts its last part, the column of the training all of it.
    counted = stamps.get("tutorial_dcgan", {}).get("seconds", math.inf) / 60
    resumed = (
        " (The tutorial's run was resumed: its seconds are of the whole, those of its stamp of the "
        "last part.)"
        if counted < found["logged_minutes"]
        else ""
    )
    text = (
        "\n## Time to quality\n\nFréchet distance between 10,000 samples and the 10,000 test "
        "images of MNIST, in the features of the frozen digit classifier. The networks and "
        "settings of TensorFlow's DCGAN tutorial end, after 50 epochs, at a distance of "
        f"**{found['level']:.1f}** (mean of the last {race.LAST} scores). With TensorFlow's "
        f"defaults, and oneDNN on, a step of it takes {ms['ms_tutorial']:.0f} ms here, and one of "
        f"`dcgan-mnist` {ms['ms_recipe']:.1f} ms (medians of {turns} turns, one after the other), "
        f"so the tutorial takes **{found['minutes']:.0f} minutes**. Two readings: *timed*, steps "
        "times these milliseconds; *logged*, the seconds that both trainings noted themselves "
        f"({found['logged_minutes']:.0f} minutes for the tutorial).\n\n"
        "| seed of `dcgan-mnist` | at the level after step (not yet at) | seconds, timed | "
        "logged | share of the tutorial's time, timed | logged | ends at, mean of the last "
        f"{race.LAST} scores | share of the level | after |\n"
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    for row in seeds:
        text += (
            f"| {row['seed']:.0f} | {row['step']:.0f} ({row['before']:.0f}) | "
            f"{row['seconds']:.0f} | {row['logged_seconds']:.0f} | 1/{row['timed']:.0f} | "
            f"1/{row['logged']:.0f} | {row['end']:.1f} | {row['end'] / found['level']:.2f} | "
            f"{row['minutes']:.1f} min |\n"
        )
    text += (
        f"\nOver both readings and all seeds: **1/{found['most']:.0f} to 1/{found['least']:.0f}** "
        "of the tutorial's time. What is unequal: the tutorial ran with one seed, the recipe with "
        f"{len(seeds)}; the recipe's settings were chosen by this score, on other seeds, the "
        "tutorial's were not made for it, nor for speed. Whoever is at the level or below at a "
        f"score counts as arrived; the tutorial is first there at step {found['arrived']:.0f}, and "
        "its end is the mean of its last scores. The logged tutorial ran with TensorFlow's graph "
        "optimiser switched off, as everything in this book does to be repeatable; a step of it "
        f"then takes {switched:.2f} times as long. Whether it ran with oneDNN was not noted; the "
        f"logged recipe did, for `make` switches it on.{resumed}{elsewhere}\n\n"
        "| result | made on | code | commit |\n|---|---|---|---|\n"
    )
    for name, stamp in stamps.items():
        text += (
            f"| `{name}.csv` | {stamp['device']} | `{stamp['definitions'][:16]}` | "
            f"`{stamp['commit'][:10]}` |\n"
        )
    worst = max(row["end"] for row in seeds) / found["level"]
    longest = max(row["minutes"] for row in seeds)
    text += f"\n{BARS}"
    text += line("to the level, the less favourable reading", f"1/{found['least']:.0f}", "1/100",
                 found["least"] >= 100)  # fmt: skip
    text += line("worst seed at its end, share of the level", f"{worst:.2f}", "0.50 in 8 min",
                 worst <= 0.5 and longest <= 8)  # fmt: skip
    return text


def main():
    runtime.setup(0)
    images = data.load("mnist").images
    text = (
        "# Benchmarks\n\nWritten by `make benchmark`; the code is in `benchmark.py`. Ratios come "
        f"from runs in turns, {TURNS} each, medians.\n\nMachine: {machine()}.\n\n"
    )

    dense = in_turns(
        {
            "engine": engine(mlp, images[:55000], 100),
            "step by step": step_by_step(mlp, images[:55000], 100),
            "stock fit": stock_fit(mlp, images[:55000], 100),
            "one graph": one_graph(mlp, images[:55000], 100),
        }
    )
    ratio = {name: value / dense["engine"] for name, value in dense.items()}
    text += (
        "## Dense networks\n\nThe pair of chapter 04, batches of 100. The engine also computes "
        "accuracies, gradient norms and update ratios, which the others do not.\n\n"
        "| way to train | steps a second | engine is faster by |\n|---|---:|---:|\n"
    )
    for name, value in dense.items():
        text += f"| {NAMES[name]} | {1 / value:.0f} | {ratio[name]:.2f} |\n"
    text += f"\n{BARS}"
    text += line("against the loop, step by step", f"{ratio['step by step']:.2f}", "1.8",
                 ratio["step by step"] >= 1.8)  # fmt: skip
    text += line("against stock fit", f"{ratio['stock fit']:.2f}", "1.8", ratio["stock fit"] >= 1.8)
    text += line("against the fastest loop", f"{ratio['one graph']:.2f}", "0.8",
                 ratio["one graph"] >= 0.8)  # fmt: skip

    batch = recipes.get("dcgan-mnist")["batch_size"]
    some = images[: 101 * batch]  # a prime number of steps, as the 937 of all images are
    conv = in_turns(
        {
            "engine": engine(dcgan, some, batch),
            "step by step": step_by_step(dcgan, some, batch),
            "recipe": engine(lambda: dcgan(r1=1.0), some, batch),
        }
    )
    model = dcgan()
    # An update of D runs G and D forward (D on twice the batch) and D backward; one of G runs
    # both forward, G backward, and D backward as far as its input. Backward is twice forward.
    g, d = multiply_adds(model.generator), multiply_adds(model.discriminator)
    work = batch * ((g + 2 * d + 4 * d) + (g + d + 2 * g + d))
    rate, reached = matrix_rate(), work / conv["engine"]
    times = conv["step by step"] / conv["engine"]
    text += (
        "\n## Convolutions\n\nThe networks of the recipe `dcgan-mnist`, batches of "
        f"{batch}: {g / 1e6:.2f} million multiply-adds for G and {d / 1e6:.2f} for D to bring one "
        "image forward.\n\n| way to train | ms a step |\n|---|---:|\n"
        f"| engine | {1000 * conv['engine']:.1f} |\n| engine, with the recipe's penalty | "
        f"{1000 * conv['recipe']:.1f} |\n| hand-written loop, step by step | "
        f"{1000 * conv['step by step']:.1f} |\n\n{BARS}"
    )
    text += line("against the hand-written loop", f"{times:.2f}", "1.0", times >= 1.0)
    text += (
        f"\nThe engine reaches {reached / 1e9:.0f} billion multiply-adds a second, "
        f"{reached / rate:.0%} of the {rate / 1e9:.0f} that a large matrix product reaches here.\n"
    )

    start = time.perf_counter()
    model.sample(10_000)
    sampling = time.perf_counter() - start
    memory, imports = in_a_fresh_process(MEMORY) / 1e9, in_a_fresh_process(IMPORT)
    text += f"\n## Size\n\n{BARS}"
    text += line("memory of a DCGAN run on MNIST", f"{memory:.2f}", "1.5 GB", memory < 1.5, " GB")
    text += line("import gan_utils", f"{imports:.3f}", "0.3 s", imports < 0.3, " s")
    text += f"\nTo sample 10,000 images with `dcgan-mnist` takes {sampling:.1f} s.\n"

    text += quality_section()
    path = ROOT / "benchmarks" / "RESULTS.md"
    _, head, pages = path.read_text(encoding="utf-8").partition("\n## Pages\n")
    path.write_text(text + head + pages, encoding="utf-8")  # pages.py writes that section
    print(text)


NAMES = {
    "engine": "`GAN.fit`",
    "step by step": "a hand-written `tf.function` step, called for every batch of a pipeline",
    "stock fit": "stock `fit` as tutorials write it",
    "one graph": "the fastest loop we could write: a whole epoch in one graph, XLA",
}


if __name__ == "__main__":
    main()
