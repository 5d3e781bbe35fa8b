"""The Fluid notebook's program as it is, on MNIST: 20 epochs with two sigmoids.

    python experiments/fluid_dcgan.py        all 20 epochs: 1.6 hours on 2 fast cores, 5 on slow
    python experiments/fluid_dcgan.py 3      the first three; a larger number goes on from there

A run that is stopped goes on with the same command; it loses a minute at most. On Linux another
allocator saved a tenth of the time (LD_PRELOAD with libtcmalloc_minimal).

Each batch runs what the source's loop runs: make 128 fakes, update D on them, update D on 128 real
images, then update G twice, with new noise each time. Networks, initial values and settings are
the source's, with Fluid's defaults where it is silent (Adam's epsilon 1e-8, beta_1 0.9). The
shuffle and the noise are functions of the batch's number, so that a run that was stopped goes on
with the same draws; last bits may differ, because the graph is built anew.

Every tenth batch leaves a picture in runs/fluid_dcgan/: 16 by 16 images, the 128 real ones of the
batch above 128 generated from noise that stays the same. To see the one of epoch 10, batch 460,
call `display_image(10, 460)` here; epochs and batches count from 0. The column `sha256` is that of
the last picture of the epoch; d_loss and g_loss are the losses in its title, which are what the
source prints: D's on the fakes plus D's on the real images, and G's second. The other losses are
means over the epoch. `seconds` is the training time since the start, without pictures, saving and
scoring.

Writes experiments/results/fluid_dcgan.csv, a row an epoch, and the last picture beside it.
"""

import argparse
import functools
import hashlib
import shutil
import time

import keras
import numpy as np
import scoring
import tensorflow as tf
from PIL import Image, ImageDraw
from resumable import ROOT, run

from gan_utils import data, files, gan, losses, plots, runtime
from gan_utils.sources import paddle

EPOCHS, BATCH, BATCHES, LATENT = 20, 128, 468, 100  # 96 images are left over
FOLDER = ROOT / "runs" / "fluid_dcgan"
RESULT = ROOT / "experiments" / "results" / "fluid_dcgan.png"
SAVE_SECONDS = 60


def draw(step):
    """Return noise for D's update on fakes and for G's two updates, each (128, 100)."""
    return tf.split(data.draw_latent(step, (3 * BATCH, LATENT), seed=0), 3)


@functools.cache
def programs():
    """Return the source's programs as functions, the generator, and all variables of the run."""
    runtime.setup(0)
    generator = paddle.fluid_generator(LATENT)
    discriminator = paddle.fluid_discriminator(double_sigmoid=True)
    g_adam, d_adam = (keras.optimizers.Adam(2e-4, beta_1=0.9, epsilon=1e-8) for _ in "gd")
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)

    # XLA where it was measured to be faster: the generator and the updates of Adam
    @tf.function(jit_compile=True)
    def make(z):
        return generator(z, training=True)

    @tf.function(jit_compile=True)
    def step_d(gradients):
        d_adam.apply(gradients, discriminator.trainable_variables)

    @tf.function(jit_compile=True)
    def step_g(gradients):
        g_adam.apply(gradients, generator.trainable_variables)

    @tf.function
    def update_d(images, target):
        with tf.GradientTape() as tape:
            loss = losses.cross_entropy(discriminator(images, training=True), target)
        step_d(tape.gradient(loss, discriminator.trainable_variables))
        return loss

    @tf.function
    def update_g(z):
        with tf.GradientTape() as tape:
            loss = losses.cross_entropy(discriminator(make(z), training=True), 1.0)
        step_g(tape.gradient(loss, generator.trainable_variables))
        return loss

    owners = generator, discriminator, g_adam, d_adam
    return make, update_d, update_g, generator, [v for owner in owners for v in owner.variables]


def one_batch(step, images):
    """Make the updates of one batch; return the losses of D on fakes, D on real, G, and G again."""
    make, update_d, update_g, *_ = programs()
    z_d, *z_g = draw(step)
    d_fake = update_d(make(z_d), 0.0)
    d_real = update_d(data.to_unit_range(images), 1.0)
    return [float(loss) for loss in (d_fake, d_real, *map(update_g, z_g))]


def picture_path(epoch, batch):
    return FOLDER / f"{epoch:04d}_{batch:04d}.png"


def save_picture(epoch, batch, images, values):
    """Write the picture of a batch: real images above generated ones, the losses in its title."""
    z = data.draw_latent(0, (BATCH, LATENT), seed=1)  # the same in every picture
    made = data.to_pixels(programs()[3](z, training=False))
    grid = plots.tile(np.concatenate([images, made]), columns=16, gap=1)[:, :, 0]
    page = Image.new("L", (grid.shape[1], grid.shape[0] + 24), 255)
    page.paste(Image.fromarray(grid), (0, 24))
    d_loss, g_loss = values[0] + values[1], values[3]
    title = f"epoch {epoch}, batch {batch}: D loss {d_loss:.4f}, G loss {g_loss:.4f}"
    ImageDraw.Draw(page).text((4, 3), title, fill=0, font_size=15)
    page.save(picture_path(epoch, batch), optimize=True)


def display_image(epoch, batch):
    """Return the picture that a run has saved of one batch; a notebook shows it.

    Args:
        epoch: 0 to 19.
        batch: 0 to 460, a multiple of 10.

    Raises:
        FileNotFoundError: the run has not saved such a picture.
    """
    path = picture_path(epoch, batch)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no picture of epoch {epoch}, batch {batch} in {FOLDER}. It has every tenth "
            "batch from 0 to 460 of the epochs that `python experiments/fluid_dcgan.py` has run."
        )
    return Image.open(path)


def save(step, seconds, history, variables):
    values = {str(number): v.numpy() for number, v in enumerate(variables)}
    values |= {"step": step, "seconds": seconds, "history": np.array(history)}
    files.write_atomically(FOLDER / "state.npz", lambda file: np.savez(file, **values))


def train_to(stop):
    """Go on from the saved state to step `stop`; return the seconds and every batch's losses."""
    *_, variables = programs()
    images = data.load("mnist").images
    step, seconds, history = 0, 0.0, []
    FOLDER.mkdir(parents=True, exist_ok=True)
    if (FOLDER / "state.npz").exists():
        with np.load(FOLDER / "state.npz", allow_pickle=False) as state:
            step, seconds = int(state["step"]), float(state["seconds"])
            history = state["history"].tolist()
            for number, variable in enumerate(variables):
                variable.assign(state[str(number)])
    if step > stop:
        raise SystemExit(f"{FOLDER} is at step {step}, past {stop}. Delete it to start anew.")
    saved = time.perf_counter()
    while step < stop:
        epoch, batch = divmod(step, BATCHES)
        order = np.random.default_rng((0, epoch)).permutation(len(images))
        real = images[order[batch * BATCH : (batch + 1) * BATCH]]
        start = time.perf_counter()
        history.append(one_batch(step, real))
        seconds, step = seconds + time.perf_counter() - start, step + 1
        if batch % 10 == 0:
            save_picture(epoch, batch, real, history[-1])
        if step == stop or time.perf_counter() - saved > SAVE_SECONDS:
            save(step, seconds, history, variables)
            saved = time.perf_counter()
            print(f"epoch {epoch}: {batch + 1} of {BATCHES} batches, {seconds:.0f} s", flush=True)
    return seconds, np.array(history)


def one(epoch):
    """Train until the end of `epoch`, then score 10,000 samples."""
    seconds, history = train_to((epoch + 1) * BATCHES)
    d_fake, d_real, *g_both = history[epoch * BATCHES :].T
    batch = (BATCHES - 1) // 10 * 10
    picture = picture_path(epoch, batch)
    shutil.copyfile(picture, RESULT)
    samples = gan.generate(programs()[3], 10_000, seed=1)
    found, shares = scoring.scores(samples)
    return {
        "seconds": round(seconds, 1),
        "batch": batch,
        "d_loss": float(d_fake[batch] + d_real[batch]),
        "g_loss": float(g_both[1][batch]),
        "d_loss_mean": float((d_fake + d_real).mean()),
        "d_fake_mean": float(d_fake.mean()),
        "d_real_mean": float(d_real.mean()),
        "g_loss_mean": float(np.mean(g_both)),
        **found,
        "smallest_share": float(shares.min()),
        "sha256": hashlib.sha256(picture.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "epochs",
        nargs="?",
        type=int,
        choices=range(1, EPOCHS + 1),
        default=EPOCHS,
        metavar="EPOCHS",
        help=f"how many epochs to have in all, 1 to {EPOCHS} (the source's {EPOCHS} if not given)",
    )
    run(__file__, [{"epoch": epoch} for epoch in range(parser.parse_args().epochs)], one)
