"""What happens beside the training: checkpoints, sample pictures, a stop at NaN.

Ordinary ``keras.callbacks`` for ``GAN.fit``. ``fit`` calls them between executions of up to a
hundred steps, so "every N steps" means the first such moment at or after each multiple of N.
"""

import csv
import io
import json
import time
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython import display, get_ipython
from matplotlib.figure import Figure
from PIL import Image

from gan_utils import data, files, plots

FORMAT = 1  # of a checkpoint; raise it when an old one can no longer be read


class Checkpoint(keras.callbacks.Callback):
    """Exact resume: keep all that the next step depends on, and start from it when there is one.

    ``folder/checkpoints`` holds the two newest states, each with the whole history;
    ``folder/history.csv`` is the history to read. A run that was killed and is started again with
    the same ``fit`` ends with the same weights, bit for bit on the same processor with the
    same number of threads and versions, as one that was never interrupted. Every file is written
    whole or not at all, and nothing is pickled.

    Args:
        folder: of the run.
        every_seconds: time between two states while training; one more is written at the end.
    """

    def __init__(self, folder: str | Path, every_seconds: float = 15):
        super().__init__()
        self.folder = Path(folder)
        self.every_seconds = every_seconds

    def restore(self, model: keras.Model) -> list[dict] | None:
        """Put the newest sound state into ``model``; return its history, a row for each epoch.

        Called by ``GAN.fit`` before it trains. None if there is no state.

        Raises:
            ValueError: the states are of another format, other networks, data or settings.
        """
        self.gan, self.rows, self.saved_at = model, [], time.monotonic()
        self.about = self._about()  # as it is now: a callback may change a learning rate
        for part in self.folder.glob("checkpoints/.*.part"):  # of a process that was killed
            part.unlink()
        for path in sorted(self.folder.glob("checkpoints/step-*.npz"), reverse=True):
            try:
                with np.load(path, allow_pickle=False) as file:
                    content = {name: file[name] for name in file.files}  # checks each CRC
                about = json.loads(str(content.pop("about")))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                if getattr(error, "errno", None):  # the disk's fault, not the file's
                    raise
                path.rename(path.with_suffix(".damaged"))
                warnings.warn(
                    f"{path} is damaged ({error}). It was set aside; going on from the state "
                    "before it, if there is one.",
                    stacklevel=2,
                )
                continue
            self._check(path, about)
            for number, variable in enumerate(model.state()):
                variable.assign(content[str(number)])
            self.rows = about["history"]
            return list(self.rows)
        return None

    def on_train_batch_end(self, batch, logs=None):
        """Save when it is time."""
        if time.monotonic() - self.saved_at >= self.every_seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        """Add a row to the history."""
        self.rows.append({"epoch": epoch + 1} | {k: float(v) for k, v in (logs or {}).items()})
        self._write_history()

    def on_train_end(self, logs=None):
        """Save the last state."""
        self.save()

    def save(self) -> None:
        """Write the state as it is now, unless it is already there or holds NaN.

        Raises:
            OSError: it cannot be written, for instance because the disk is full. The states
                written before are as they were.
        """
        step = int(self.gan.step.numpy())
        path = self.folder / "checkpoints" / f"step-{step:09d}.npz"
        self.saved_at = time.monotonic()
        if int(self.gan.bad_step.numpy()) >= 0 or path.exists():
            return
        about = self.about | {"step": step, "history": self.rows}
        state = {str(number): v.numpy() for number, v in enumerate(self.gan.state())}
        if not all(np.isfinite(value).all() for value in state.values()):
            return  # the losses of the next step would show it
        try:
            files.write_atomically(
                path, lambda file: np.savez(file, about=json.dumps(about), **state)
            )
        except OSError as error:
            older = sorted(self.folder.glob("checkpoints/step-*.npz"))
            raise OSError(
                error.errno,
                f"The state after step {step} could not be saved ({error.strerror}). "
                f"{f'{older[-1].name} is there and sound' if older else 'There is none before it'}"
                "; make room and start again with the same command",
                str(path),
            ) from None
        for old in sorted(path.parent.glob("step-*.npz"))[:-2]:
            old.unlink()

    def _about(self) -> dict:
        """Return what has to be the same when a run goes on."""
        shapes = [f"{tuple(v.shape)} {v.dtype}" for v in self.gan.state()]
        same = _settings(self.gan) | self.gan.feed | {"variables": shapes}
        return {"format": FORMAT, "same": json.loads(json.dumps(same))}

    def _check(self, path: Path, about: dict) -> None:
        if about["format"] != FORMAT:
            raise ValueError(
                f"{path} has format {about['format']}, this version reads {FORMAT}. Go on with the "
                "version that wrote it, or start in another folder."
            )
        now, then = self.about["same"], about["same"]
        if changed := [key for key in now if now[key] != then.get(key)]:
            key = changed[0]
            details = "" if key == "variables" else f": {then.get(key)} then, {now[key]} now"
            raise ValueError(
                f"{path} was written by another run; what differs is {', '.join(changed)}"
                f"{details}. Start in another folder, or with the settings of that run."
            )

    def _write_history(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        files.write_atomically(
            self.folder / "history.csv", lambda file: file.write(text.getvalue().encode())
        )


def _settings(gan) -> dict:
    """Return what has to be the same when a run goes on: plain data."""
    optimizers = {"g_optimizer": gan.g_optimizer, "d_optimizer": gan.d_optimizer}
    made = {k: keras.saving.serialize_keras_object(v)["config"] for k, v in optimizers.items()}
    return {
        "loss": gan.adversarial_loss.config,
        **{"schedule": gan.schedule, "latent": gan.latent, "r1": gan.r1, "r1_every": gan.r1_every},
        **{k: {n: s for n, s in v.items() if n != "name"} for k, v in made.items()},
    }


class SampleGrid(keras.callbacks.Callback):
    """Save a picture of what the generator makes of the same z, again and again, and a film of it.

    ``folder/samples/EPOCH_STEP.png`` carries the losses in its title; at the end up to a hundred
    of them become ``folder/samples.gif``.

    Args:
        folder: of the run.
        every: steps between two pictures. There is one of the start and one of the end.
        n: images in a picture; points are drawn as a cloud of 2,000.
        seed: of the fixed z.
    """

    def __init__(self, folder: str | Path, every: int, n: int = 36, seed: int = 0):
        super().__init__()
        if every < 1 or n < 1:
            raise ValueError(f"every and n must be at least 1, got {every} and {n}.")
        self.folder, self.every, self.n, self.seed = Path(folder), every, n, seed

    def on_train_begin(self, logs=None):
        """Take the first picture, unless the run goes on."""
        self.done, self.epoch = int(self.model.step.numpy()) // self.every, None
        if not int(self.model.step.numpy()):
            self._picture(None)

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch for the next titles."""
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Take a picture when it is time."""
        if int(self.model.step.numpy()) // self.every > self.done:
            self.done = int(self.model.step.numpy()) // self.every
            self._picture(logs)

    def on_train_end(self, logs=None):
        """Take the last picture and make the film."""
        if self.epoch is None:  # there was nothing left to train
            return
        self._picture(logs)
        paths = sorted(self.folder.glob("samples/*.png"))
        chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, 100).astype(int))]
        frames = [Image.open(path).convert("P") for path in chosen]
        size = frames[-1].size
        frames = [frame if frame.size == size else frame.resize(size) for frame in frames]
        files.write_atomically(
            self.folder / "samples.gif",
            lambda file: frames[0].save(
                file, "GIF", save_all=True, append_images=frames[1:], duration=150, loop=0
            ),
        )

    def _picture(self, logs):
        step, epoch = int(self.model.step.numpy()), self.epoch or 0
        losses = f": D {logs['d_loss']:.3f}, G {logs['g_loss']:.3f}" if logs else ""
        points = len(self.model.generator.output_shape) == 2
        figure = plots.titled_samples(
            self.model.sample(2000 if points else self.n, self.seed),
            f"epoch {epoch + 1}, step {step:,}{losses}",
        )
        name = f"{epoch:04d}_{step:07d}.png"
        files.write_atomically(
            self.folder / "samples" / name, lambda file: figure.savefig(file, format="png", dpi=80)
        )


class StopOnNaN(keras.callbacks.Callback):
    """Stop within a hundred steps when a loss is no longer finite.

    Args:
        folder: of the run, if it has a ``Checkpoint``, to name its last good state.

    Raises:
        FloatingPointError: from ``fit``. The message names the step and the last good state.
    """

    def __init__(self, folder: str | Path | None = None):
        super().__init__()
        self.folder = folder

    def on_train_batch_end(self, batch, logs=None):
        """Look at the running mean, which stays NaN once a step was."""
        if np.isfinite(logs["loss"]):
            return
        step = int(self.model.bad_step.numpy())
        good = sorted(Path(self.folder).glob("checkpoints/step-*.npz")) if self.folder else []
        where = f"The last good state is {good[-1]}." if good else "No state was saved before it."
        raise FloatingPointError(
            f"Since step {step + 1:,} the losses are not finite. {where} Try a lower learning "
            "rate, and look at the gradient norms in the history."
        )


def redraw(figure: Figure, handle=None):
    """Show a figure in a notebook, in place of the one before, and return a handle for the next.

    For a loop that shows its progress: ``handle = redraw(figure, handle)``. The cell's output keeps
    the last figure alone. Outside a notebook nothing is shown.

    Args:
        figure: of matplotlib; one of pyplot's is closed.
        handle: what the last call returned; None begins a new output.
    """
    if get_ipython() is None:
        return None
    data, metadata = plots.formats(figure)
    plt.close(figure)
    if handle is None:
        return display.display(data, metadata=metadata, raw=True, display_id=True)
    handle.update(data, metadata=metadata, raw=True)
    return handle


class Watch(keras.callbacks.Callback):
    """Show what the generator makes of the same z, and redraw that one picture while it trains.

    In a notebook the picture stands below the cell that trains, and the last one stays there. In a
    script nothing is shown; ``SampleGrid`` writes files. A loop of your own calls ``look`` itself.

    Args:
        z: latent vectors (n, latent_dim), the same for every picture.
        every: epochs between two pictures. There is one of the start and one of the end.
        columns: images in a row; points are drawn as a cloud.
        at_steps: steps after which there is one besides, for a training of few epochs; labels
            then count steps. Multiples of one number cost least: ``fit`` stops at each of them.

    Attributes:
        pictures: what was drawn, in order: uint8 images (n, height, width, channels) or float
            points (n, 2) each.
        labels: what stood above them, such as ``"epoch 3"``.

    Raises:
        ValueError: no z, or ``every`` or ``columns`` below 1.
    """

    def __init__(self, z, every: int = 1, columns: int = 10, at_steps: Sequence[int] = ()):
        super().__init__()
        if len(np.shape(z)) != 2 or not len(z):
            raise ValueError(
                f"Watch takes z of shape (n, latent_dim), n at least 1; got {np.shape(z)}."
            )
        if every < 1 or columns < 1:
            raise ValueError(f"every and columns must be at least 1, got {every} and {columns}.")
        self.z, self.every, self.columns, self.at_steps = z, every, columns, at_steps
        self.pictures, self.labels, self.handle = [], [], None

    def look(self, generator: keras.Model, label: str) -> None:
        """Draw what ``generator`` makes of z now, in place of the picture before."""
        made = np.asarray(generator(self.z, training=False))
        self.pictures.append(data.to_pixels(made) if made.ndim == 4 else made)
        self.labels.append(label)
        if get_ipython() is not None:
            figure = plots.titled_row(self.pictures[-1], label, self.columns)
            self.handle = redraw(figure, self.handle)

    def on_train_begin(self, logs=None):
        """Begin a new picture, with the generator as it is before its first step."""
        self.handle, self.epoch = None, None
        if not self.pictures:
            self._look_at_model("epoch 0")

    def on_train_batch_end(self, batch, logs=None):
        """Redraw the picture after a step of ``at_steps``."""
        if self.at_steps and int(self.model.step.numpy()) in self.at_steps:
            self._look_at_model("")

    def on_epoch_end(self, epoch, logs=None):
        """Redraw the picture when it is time."""
        self.epoch = epoch + 1
        if self.epoch % self.every == 0:
            self._look_at_model(f"epoch {self.epoch}")

    def on_train_end(self, logs=None):
        """Redraw it a last time, unless the last epoch was drawn."""
        if self.epoch is not None and self.epoch % self.every:
            self._look_at_model(f"epoch {self.epoch}")

    def _look_at_model(self, label):
        if self.at_steps:
            label = f"step {int(self.model.step.numpy()):,}"
        if not self.at_steps or label not in self.labels[-1:]:  # an epoch may end at such a step
            with self.model.averaged():  # the weights that ``sample`` uses
                self.look(self.model.generator, label)
