"""Named experiments as plain data: data set, networks, loss, optimisers, schedule, epochs.

What a source leaves unstated or gets wrong, and what was chosen here, stands in the recipe under
``"unstated"``. The other sources' recipes are in ``sources.programs``.
"""

import copy

import keras
import numpy as np

from gan_utils import augment, data, files, gan, losses, networks, runtime

# One setting a line would fill three screens, hence:
# fmt: off
#: Name -> recipe. ``"generator"`` and ``"discriminator"`` are functions that build them, with their
#: options; ``"loss"`` goes to ``losses.make``, the optimisers to ``keras.optimizers.Adam``.
#: ``"decay"`` (None, ``"cosine"`` or ``"linear"``) lets both learning rates fall to 0 over the run.
#: ``"r1"`` and ``"r1_every"``, where given, are the penalty's of ``gan.GAN``.
#: ``"rows"``, where given, is the (start, stop) of the training images that are used.
#: ``"augment"``, where given, are the options of ``augment.augmented``.
RECIPES: dict[str, dict] = {
    "mlp-mnist": {
        "about": "one hidden layer in each network on MNIST; real targets 0.9",
        "source": "The MLP chapter", "data": "mnist", "rows": [5000, 60000], "epochs": 100,
        "batch_size": 100, "generator": [networks.mlp_generator, {}],
        "discriminator": [networks.mlp_discriminator, {}],
        "loss": {"name": "non_saturating", "real_target": 0.9},
        "schedule": [1, 1], "latent": "uniform",
        "g_optimizer": {"learning_rate": 1e-3}, "d_optimizer": {"learning_rate": 1e-3},
        "decay": None,
        "unstated": [
            "It sets a learning rate of 0.002 and does not use it: Adam takes its default, 0.001.",
            "Its loader sets the first 5,000 images aside, unsaid: 55,000 remain.",
            "One z serves both updates of a step there; ours draws one for each.",
        ],
    },
    "dcgan-mnist": {
        "about": "the book's DCGAN on MNIST, by a search; G repeats pixels, D pays for being steep",
        "source": "this book", "data": "mnist", "epochs": 9, "batch_size": 32,
        "generator": [networks.upsampling_generator,
                      {"latent_dim": 16, "size": 28, "width": 48, "kernel": 3}],
        "discriminator": [networks.projection_discriminator,
                          {"size": 28, "width": 32, "hidden": 256, "classes": None}],
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 3.0, "r1_every": 4,
        "g_optimizer": {"learning_rate": 2e-3, "beta_1": 0.0,
                        "use_ema": True, "ema_momentum": 0.9975},
        "d_optimizer": {"learning_rate": 2e-3, "beta_1": 0.0}, "decay": "cosine",
        "unstated": [],
    },
    "dcgan-mnist-first": {
        "about": "the DCGAN on MNIST that the book began with; most of its studies are of this one",
        "source": "this book", "data": "mnist", "epochs": 8, "batch_size": 64,
        "generator": [networks.dcgan_generator, {"latent_dim": 64, "size": 28, "width": 32}],
        "discriminator": [networks.dcgan_discriminator,
                          {"size": 28, "width": 32, "batch_norm": False}],
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 1.0, "r1_every": 4,
        "g_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5,
                        "use_ema": True, "ema_momentum": 0.995},
        "d_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5}, "decay": "cosine",
        "unstated": [],
    },
    "cdcgan-mnist": {
        "about": "digits on request: a DCGAN on MNIST whose networks are told the label",
        "source": "this book", "data": "mnist", "epochs": 3, "batch_size": 64,
        "generator": [networks.upsampling_generator,
                      {"latent_dim": 64, "size": 28, "width": 32, "kernel": 3, "classes": 10}],
        "discriminator": [networks.projection_discriminator,
                          {"size": 28, "width": 32, "hidden": 256, "classes": 10}],
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 0.1, "r1_every": 4,
        "g_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5,
                        "use_ema": True, "ema_momentum": 0.995},
        "d_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5}, "decay": "cosine",
        "unstated": [],
    },
    "dcgan-cifar10": {
        "about": "the book's DCGAN on CIFAR-10, small enough to ship",
        "source": "this book", "data": "cifar10", "epochs": 15, "batch_size": 64,
        "generator": [networks.dcgan_generator,
                      {"latent_dim": 64, "size": 32, "channels": 3, "width": 28}],
        "discriminator": [networks.dcgan_discriminator,
                          {"size": 32, "channels": 3, "width": 32, "batch_norm": False}],
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 1.0, "r1_every": 4,
        "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5,
                        "use_ema": True, "ema_momentum": 0.998},
        "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
        "unstated": [],
    },
    "dcgan-cifar10-long": {
        "about": "the same DCGAN on CIFAR-10, wider and trained for longer",
        "source": "this book", "data": "cifar10", "epochs": 36, "batch_size": 64,
        "generator": [networks.dcgan_generator,
                      {"latent_dim": 64, "size": 32, "channels": 3, "width": 40}],
        "discriminator": [networks.dcgan_discriminator,
                          {"size": 32, "channels": 3, "width": 48, "batch_norm": False}],
        "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
        "r1": 1.0, "r1_every": 4,
        "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5,
                        "use_ema": True, "ema_momentum": 0.998},
        "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
        "unstated": [],
    },
}
#: Recipe -> files with the weights of its trained generator and discriminator.
PRETRAINED = {
    "mlp-mnist": ("mlp_mnist_g.weights.h5", "mlp_mnist_d.weights.h5"),
    "dcgan-mnist": ("dcgan_mnist_best_g.npz",),  # as float16, and without D
    "dcgan-mnist-first": ("dcgan_mnist_g.weights.h5", "dcgan_mnist_d.weights.h5"),
    "dcgan-cifar10": ("dcgan_cifar10_g.weights.h5", "dcgan_cifar10_d.weights.h5"),
    "dcgan-cifar10-long": ("dcgan_cifar10_long_g.npz",),  # likewise
    "cdcgan-mnist": ("cdcgan_mnist_g.npz",),  # likewise
}
# fmt: on


def get(name: str, **changes) -> dict:
    """Return a copy of a recipe, with some of its settings changed.

    Args:
        name: of the recipe.
        changes: settings of the recipe and their new values, such as ``epochs=2``.

    Raises:
        ValueError: an unknown recipe or setting, or ``epochs`` or ``batch_size`` that is not a
            whole number from 1 on.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}. There are: {', '.join(RECIPES)}.")
    return changed(name, RECIPES[name], changes)


def changed(name: str, recipe: dict, changes: dict) -> dict:
    """Return a copy of a recipe of any shelf with some settings changed; see ``get``."""
    recipe = copy.deepcopy(recipe)
    if unknown := sorted(changes.keys() - recipe.keys()):
        raise ValueError(f"{name} has no setting {unknown[0]!r}. It has: {', '.join(recipe)}.")
    recipe |= copy.deepcopy(changes)
    for setting in ("epochs", "batch_size"):
        if type(value := recipe[setting]) is not int or value < 1:
            raise ValueError(f"{setting} is {value!r}; it must be a whole number from 1 on.")
    return recipe


def load_data(recipe: dict, loaded: data.ImageData | data.PointData | None = None) -> np.ndarray:
    """Return what a recipe trains on: uint8 images (n, height, width, channels) or points (n, 2).

    Args:
        recipe: from ``get``.
        loaded: what ``data.load`` returned for it, if that is at hand.

    Raises:
        ValueError: the recipe's rows go beyond the data. In the quick profile, whose stand-ins are
            small, it trains on all rows instead.
    """
    loaded = loaded or data.load(recipe["data"])
    x = loaded.points if isinstance(loaded, data.PointData) else loaded.images
    start, stop = recipe.get("rows") or (0, len(x))
    if stop <= len(x):
        return x[start:stop]
    if runtime.profile() == "quick":
        return x
    raise ValueError(f"The recipe takes rows {start} to {stop}, but {loaded.name} has {len(x):,}.")


def load_labels(recipe: dict, loaded: data.ImageData) -> np.ndarray:
    """Return the labels (n,) of the images of ``load_data``."""
    start, stop = recipe.get("rows") or (0, len(loaded.labels))
    return loaded.labels[start:stop] if stop <= len(loaded.labels) else loaded.labels


def build(recipe: dict, rows: int):
    """Build a recipe's networks and compile them.

    Args:
        recipe: from ``get``.
        rows: of the data; with epochs and batch size they give the length of a decay.

    Returns:
        Compiled ``gan.GAN``, whose initial weights depend on Keras's random seed.

    Raises:
        ValueError: a decay of another name, or one with the schedule ``"larger_loss"``.
    """
    schedule, decay = recipe["schedule"], recipe["decay"]
    if decay not in (None, "cosine", "linear") or (decay and schedule == "larger_loss"):
        raise ValueError(
            f"decay is {decay!r}; it must be 'cosine', 'linear' or None, and None with the schedule"
            " 'larger_loss', where the number of updates is not known beforehand."
        )
    k_d, k_g = (1, 1) if schedule == "larger_loss" else schedule
    steps = max(1, rows // (recipe["batch_size"] * k_d) * recipe["epochs"])

    def adam(learning_rate, updates, **options):
        if decay == "cosine":
            learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, updates)
        elif decay == "linear":
            learning_rate = keras.optimizers.schedules.PolynomialDecay(learning_rate, updates, 0.0)
        return keras.optimizers.Adam(learning_rate, **options)

    generator, discriminator = (
        network(**options) for network, options in (recipe["generator"], recipe["discriminator"])
    )
    if "augment" in recipe:
        discriminator = augment.augmented(discriminator, **recipe["augment"])
    loss = losses.make(**recipe["loss"])
    penalty = {name: recipe[name] for name in ("r1", "r1_every") if name in recipe}
    model = gan.GAN(generator, discriminator, loss, schedule, recipe["latent"], **penalty)
    model.compile(
        adam(updates=steps * k_g, **recipe["g_optimizer"]),
        adam(updates=steps * k_d, **recipe["d_optimizer"]),
    )
    return model


def pretrained(name: str):
    """Return a recipe's generator and discriminator with the weights that ship with the package.

    ``pretrained.py``, ``dcgan_mnist_best.py``, ``cifar10_long.py`` and ``conditional.py`` in
    ``experiments/`` trained them, with seed 0 and the whole recipe. The generator has its averaged
    weights if the recipe keeps an average.

    Args:
        name: a key of ``PRETRAINED``.

    Returns:
        Two Keras models that need no training code. The first takes z (n, latent_dim), drawn from
        the recipe's ``"latent"``, to images in [-1, 1]; the second takes images to logits (n, 1).
        Of ``"dcgan-mnist"``, ``"dcgan-cifar10-long"`` and ``"cdcgan-mnist"`` there is only the
        first; that of the last takes [z, labels (n,)].

    Raises:
        ValueError: there are no weights for this recipe.
    """
    if name not in PRETRAINED:
        raise ValueError(f"There are no weights for {name!r}. There are: {', '.join(PRETRAINED)}.")
    models, recipe = [], get(name)
    for part, file_name in zip(("generator", "discriminator"), PRETRAINED[name], strict=False):
        network, options = recipe[part]
        models.append(network(**options))
        if file_name.endswith(".npz"):
            files.load_half(models[-1], files.weights(file_name))
        else:
            models[-1].load_weights(files.weights(file_name))
    return models
