"""Write the measured parts of book/sources.md from the results of the experiments.

    python tools/source_results.py

They stand between the lines `% begin NAME` and `% end NAME`, and nothing there is typed by hand:
tests/test_book_sources.py compares them with what this makes.
"""

import re
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gan_utils import data, metrics  # noqa: E402

PAGE = ROOT / "book" / "sources.md"
WAITING = "This experiment has not been run yet."
PICTURE = """

```{figure} ../experiments/results/fluid_dcgan.png
:alt: Sixteen rows of sixteen small digits; the upper eight are real, the lower eight generated.
:name: fig-sources-fluid
:width: 463px

What the Fluid program leaves after the last epoch that was run here: real digits above, generated
ones below, and the losses that it prints.
```"""


def rows(file_name, **wanted):
    """Return the rows of a result whose columns have the wanted values; none if there is none."""
    try:
        found = data.load_results(file_name)
    except FileNotFoundError:
        return []
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


def column(chosen, name):
    """Return one column of some rows as floats."""
    return np.array([row[name] for row in chosen], np.float64)


def number(x):
    """Write a number with as many digits as its size bears."""
    size = abs(x)
    return f"{x:,.0f}" if size >= 100 else f"{x:.1f}" if size >= 10 else f"{x:.2f}"


def span(values, form=number):
    """Write the range of some values, or the value if there is one."""
    low, high = form(min(values)), form(max(values))
    return low if low == high else f"{low} to {high}"


def percent(x):
    """Write a share as a whole percentage."""
    return f"{100 * x:.0f}%"


def minutes(chosen):
    """Write the mean training time of some rows."""
    seconds = column(chosen, "seconds").mean()
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def table(lines):
    """Write the rows of one experiment as a table."""
    return "\n".join(["| | What came out | Time |", "|---|---|---|", *lines])


def seeds(chosen):
    """Write how many runs there are."""
    return f"{len(chosen)} seeds" if len(chosen) > 1 else "one seed"


# --- the experiments ------------------------------------------------------------------------------


def square(chosen):
    """Write what came out on the uniform square."""
    d, g = column(chosen, "d_updates"), column(chosen, "g_updates")
    busier = np.maximum(d, g) / (d + g)
    return (
        f"JS from uniform {span(column(chosen, 'js'))}; outside the square "
        f"{span(column(chosen, 'outside'), percent)}; the busier network had "
        f"{span(busier, percent)} of the updates ({seeds(chosen)})"
    )


def uniform():
    """Write the part on the uniform square."""
    program = rows("source_runs.csv", recipe="paddle-uniform")
    text, ours, capped = (
        rows("mixtures.csv", data_set="uniform", variant=variant)
        for variant in ("text", "in turns, D without BN", "program")
    )
    return table(
        [
            "| Printed | nothing for the square | – |",
            f"| The text's rule, 4 passes | {square(text)} | – |",
            f"| The program's cap, 4 passes | {square(capped)} | – |",
            f"| The whole program, 4 passes | {square(program)} | {minutes(program)} |"
            if program
            else f"| The whole program | {WAITING} | – |",
            f"| The book's: turns, no BN in $D$ | {square(ours)} | – |",
        ]
    )


def log(row):
    """Write the losses that the PaddlePaddle program prints."""
    halves = [(row[f"d_real_{s}"] + row[f"d_fake_{s}"]) / 2 for s in (0, 100, 200)]
    d_loss = ", ".join(f"{x:.3f}" for x in halves)
    g_loss = ", ".join(f"{row[f'g_{s}']:.3f}" for s in (0, 100, 200))
    return f"`d_loss` {d_loss}; `g_loss` {g_loss}"


def images(row):
    """Write what came out of a PaddlePaddle run on images."""
    shares = row["d_updates"], row["g_updates"]
    return (
        f"Fréchet distance {number(row['frechet_batch'])} with the batch's statistics, as the "
        f"source samples ({number(row['frechet'])} with the moving ones); confident "
        f"{percent(row['confident'])}; updates of $D$ {shares[0]:,.0f}, of $G$ {shares[1]:,.0f}"
    )


def paddle(recipe, printed, book):
    """Write the table of a PaddlePaddle experiment on images."""
    lines = [f"| Printed | {printed} | – |"]
    for variant in ("the text", "the program"):
        found = rows("source_runs.csv", recipe=recipe, variant=variant)
        what = f"{variant.capitalize()}'s rule" if variant == "the text" else "The program"
        if not found:
            lines.append(f"| {what} | {WAITING} | – |")
            continue
        first = f"{log(found[0])}. " if variant == "the program" else ""
        passes = f"{found[0]['epochs']:.0f} passes, {found[0]['steps']:,.0f} turns"
        lines.append(f"| {what}, {passes} | {first}{images(found[0])} | {minutes(found)} |")
    return table([*lines, book])


def book_mnist():
    """Write the row of the book's own recipe on MNIST."""
    found = rows("dcgan_mnist_shares.csv")
    return (
        f"| The book's `dcgan-mnist` | Fréchet distance {span(column(found, 'frechet'))}; "
        f"confident {span(column(found, 'confident'), percent)} ({seeds(found)}) "
        f"| {minutes(found)} |"
    )


def mnist():
    """Write the part on PaddlePaddle's MNIST."""
    printed = "`d_loss` 0.693, 0.656, 0.680; `g_loss` 0.681, 0.719, 0.671"
    return paddle("paddle-mnist", printed, book_mnist())


def cifar10():
    """Write the part on PaddlePaddle's CIFAR-10."""
    long = rows("cifar10_long.csv")
    book = f"| The book's `dcgan-cifar10-long` | {WAITING} | – |"
    if long:
        last = long[-1]
        time = f"{column(long, 'seconds').sum() / 60:.0f} min"
        book = (
            f"| The book's `dcgan-cifar10-long`, {last['epoch']:.0f} passes | Fréchet distance "
            f"{number(last['frechet'])} | {time} |"
        )
    return paddle("paddle-cifar10", "nothing", book)


def fluid():
    """Write the part on the Fluid program, with its picture."""
    run = rows("fluid_dcgan.csv")
    printed = {"d_loss": 1.1586, "g_loss": 0.6668}
    lines = [
        "| Printed | the title of its picture, epoch 19: loss of $D$ "
        f"{printed['d_loss']}, of $G$ {printed['g_loss']} | – |"
    ]
    if not run:
        return table([*lines, f"| Its program | {WAITING} | – |", book_mnist()])
    last, best = run[-1], min(run, key=lambda row: row["frechet"])
    epochs = "its 20 epochs" if len(run) == 20 else f"{len(run)} of its 20 epochs"
    peak = (
        "" if best is last else f" (best {number(best['frechet'])} after {best['epoch'] + 1:.0f})"
    )
    lines += [
        f"| Its program, the same print after {epochs} | loss of $D$ {last['d_loss']:.4f}, of $G$ "
        f"{last['g_loss']:.4f}; over the epochs {span(column(run, 'd_loss'), '{:.2f}'.format)} "
        f"and {span(column(run, 'g_loss'), '{:.2f}'.format)} | {last['seconds'] / 60:.0f} min |",
        f"| Its program, our scores | Fréchet distance {number(run[0]['frechet'])} after one "
        f"epoch, {number(last['frechet'])} after {len(run)}{peak}; confident "
        f"{percent(last['confident'])}; rarest digit {100 * last['smallest_share']:.1f}% | – |",
        book_mnist(),
    ]
    d, g = (
        "inside" if min(values) <= value <= max(values) else "outside"
        for name, value in printed.items()
        for values in [column(run, name)]
    )
    sides = d if d == g else f"{d} (that of $D$) and {g} (that of $G$)"
    inside = f"The source's losses lie {sides} the range of our {len(run)} prints."
    lost = "At the end at least one digit has less than 1% of the samples."
    kept = "At the end every digit has at least 1% of the samples."
    ours = rows("dcgan_mnist_shares.csv")
    times = last["seconds"] / column(ours, "seconds").mean()
    low, high = column(ours, "frechet").min(), column(ours, "frechet").max()
    place = "below" if last["frechet"] < low else "above" if last["frechet"] > high else "among"
    against = (
        f" Its last Fréchet distance, of one seed, lies {place} those of the book's recipe, after "
        f"about {times:.0f} times the training time. In the small networks of chapter 09 a second "
        f"sigmoid gives {ratio('second sigmoid')}."
    )
    hours = last["seconds"] / len(run) * 20 / 3600
    rest = "" if len(run) == 20 else f" All 20 epochs would take {hours:.1f} hours at this speed."
    sentence = f"\n\n{inside} {lost if last['smallest_share'] < 0.01 else kept}{against}{rest}"
    return table(lines) + sentence + PICTURE


def mlp():
    """Write the part on the MLP."""
    printed = "loss of $D$ 0.869 to 1.457, of $G$ 0.971 to 2.210, last batches of epochs 71 to 100"
    lines = [f"| Printed | {printed} | – |"]
    run = rows("source_runs.csv", recipe="mlp-mnist")
    ours = rows("vanilla_variants.csv", variant="chapter")
    best = rows("vanilla_variants.csv", variant="sigmoid, data in [0, 1]")

    def scores(found):
        return (
            f"Fréchet distance {span(column(found, 'frechet'))}; confident "
            f"{span(column(found, 'confident'), percent)} ({seeds(found)})"
        )

    if run:
        d, g = (
            f"{column(run, f'{x}_low').min():.3f} to {column(run, f'{x}_high').max():.3f}"
            for x in "dg"
        )
        lines += [
            f"| Its program, the same prints | loss of $D$ {d}, of $G$ {g} | {minutes(run)} |",
            f"| Its program, our scores | {scores(run)} | – |",
        ]
    else:
        lines.append(f"| Its program | {WAITING} | – |")
    lines += [
        f"| Chapter 04: two draws of $z$ | {scores(ours)} | – |",
        f"| With a sigmoid, images in [0, 1] | {scores(best)} | – |",
    ]
    if not run:
        return table(lines)
    low, high = (column(run, name) for name in ("d_low", "d_high"))
    overlap = "overlap" if low.min() <= 1.457 and high.max() >= 0.869 else "do not overlap"
    return table(lines) + f"\n\nThe source's range of $D$'s loss and ours {overlap}."


# --- the claims -----------------------------------------------------------------------------------


def ratio(variant):
    """Return how a change to the small DCGAN multiplies its Fréchet distance, as text."""
    base, other = (
        np.log(column(rows("dcgan_ablation.csv", variant=name), "frechet"))
        for name in ("paper, small", variant)
    )
    mean, low, high = np.exp(metrics.paired_interval(other, base))
    interval = f"{number(low)} to {number(high)}"
    if low < 1 < high:
        return f"no difference found ({interval} times the Fréchet distance)"
    return f"{number(mean)} times the Fréchet distance ({interval})"


def change(file_name, wanted, base):
    """Return how the Fréchet distance changes between two variants, as text."""
    a, b = (column(rows(file_name, **which), "frechet") for which in (wanted, base))
    mean, low, high = metrics.paired_interval(a, b)
    if low < 0 < high:
        return f"no difference found (Fréchet distance {low:+.1f} to {high:+.1f})"
    return f"Fréchet distance {mean:+.1f} ({low:+.1f} to {high:+.1f})"


def momentum():
    """Return how many modes of the ring a beta_1 of 0.9 covers against 0.5, as text."""
    quick, slow = (
        column(rows("mixtures.csv", data_set="ring", variant=name), "modes")
        for name in ("momentum", "plain")
    )
    mean, low, high = metrics.paired_interval(quick, slow)
    return f"{mean:+.1f} of 8 modes with 0.9 ({low:+.1f} to {high:+.1f})"


def claims():
    """Write the table of claims."""
    chapter, slopes = {"variant": "chapter"}, ("g_slope", "d_slope")
    targets = ("real_target", "fake_target")
    settings = "04_vanilla_gan", "two-settings-of-the-source-measured"
    guideline = "09_dcgan_mnist", "what-is-each-guideline-worth"
    variants = "vanilla_variants.csv"
    leak = [dict.fromkeys(slopes, slope) for slope in (0.01, 0.0)]
    smooth = [dict(zip(targets, pair, strict=True)) for pair in ((0.9, 0.0), (1.0, 0.0))]
    lines = [
        (
            "MLP: tanh beats a sigmoid. A sigmoid with images in [0, 1], against tanh",
            change(variants, {"variant": "sigmoid, data in [0, 1]"}, chapter),
            settings,
        ),
        (
            "MLP: the unused learning rate 0.002, against 0.001",
            change(variants, {"variant": "learning rate 0.002"}, chapter),
            settings,
        ),
        (
            "MLP: leaky ReLU in both networks, against plain ReLU",
            change("leaky_relu.csv", *leak),
            ("05_leaky_relu", "seven-pairs-of-slopes"),
        ),
        (
            "MLP: real targets of 0.9, against 1",
            change("label_smoothing.csv", *smooth),
            ("06_label_smoothing", "six-pairs-of-targets-measured"),
        ),
        (
            "PaddlePaddle: β₁ of 0.5 is steadier than 0.9. On a ring of eight modes",
            momentum(),
            ("03_two_dimensions", "provoke-it-cure-it"),
        ),
    ]
    guidelines = {
        "The same on MNIST, 0.9 against 0.5": "beta_1 0.9",
        "PaddlePaddle: plain ReLU in $D$, against leaky": "ReLU in D",
        "Fluid: “no pooling”. Pooling, as its code has it": "pooling",
        "Fluid: “no fully connected layers”. One more in each network": "hidden dense layers",
        "Fluid: normalise both networks. None in $G$": "no BN in G",
        "None in $D$": "no BN in D",
        "Fluid's second sigmoid, by itself": "second sigmoid",
    }
    lines += [(claim, ratio(variant), guideline) for claim, variant in guidelines.items()]
    head = ["| Claim or setting | Measured | Chapter |", "|---|---|---|"]
    return "\n".join(
        head
        + [
            f"| {claim} | {measured} | [{name[:2]}](../notebooks/{name}.ipynb#{section}) |"
            for claim, measured, (name, section) in lines
        ]
    )


BLOCKS = {f.__name__: f for f in (uniform, mnist, cifar10, fluid, mlp, claims)}


def rewritten(text):
    """Return the page with its measured parts made anew."""
    for name, make in BLOCKS.items():
        part = rf"(?ms)(^% begin {name}\n).*?(^% end {name}$)"
        if len(re.findall(part, text)) != 1:
            raise ValueError(f"{PAGE.name} needs one part between % begin {name} and % end {name}.")
        made = make()
        text = re.sub(part, lambda m, made=made: f"{m[1]}\n{made}\n\n{m[2]}", text)
    return text


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
