"""Named experiments as plain data: data set, networks, loss, optimisers, schedule, epochs.

The sources' experiments are among them. What a source leaves unstated or gets wrong, and what was
chosen here, stands in the recipe under ``"unstated"``.
"""

import copy

import numpy as np

from gan_utils import data, files, runtime

# One setting a line would fill three screens, hence:
# fmt: off
#: Name -> recipe. ``"generator"`` and ``"discriminator"`` are functions of ``networks`` with their
#: options; ``"loss"`` goes to ``losses.make``, the optimisers to ``keras.optimizers.Adam``.
#: ``"decay"`` (None, ``"cosine"`` or ``"linear"``) lets both learning rates fall to 0 over the run.
#: ``"r1"`` and ``"r1_every"``, where given, are the penalty's of ``gan.GAN``.
#: ``"rows"``, where given, is the (start, stop) of the training images that are used.
#: ``"augment"``, where given, are the options of ``augment.augmented``, which ``python -m gan_utils
#: train`` applies and ``build`` does not. The data ``"own"`` comes from ``pictures.load_images``.
RECIPES: dict[str, dict] = {}
PADDLE = {
    "source": "The PaddlePaddle chapter", "epochs": 20, "batch_size": 128,
    "loss": {"name": "non_saturating"}, "schedule": "larger_loss", "latent": "normal",
    "g_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5},
    "d_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5}, "decay": None,
}
RECIPES["paddle-uniform"] = PADDLE | {
    "about": "fully connected GAN on the unit square; trains whoever has the larger loss",
    "data": "uniform",
    "generator": ["fc_generator", {"latent_dim": 10, "hidden": 10}],
    "discriminator": ["fc_discriminator", {"hidden": 10, "softmax": True}],
    "unstated": [
        "Hidden and noise size: not in the text; its file gan_conf.py has 10 and 10.",
        "Passes: not in the text; gan_trainer.py makes 100 of 10,000 batches, each drawn anew "
        "from all points. Ours: 20 epochs of 7,812 batches, shuffled.",
        "Its trainer, not its text, trains no network more than 5 times in a row. Ours may.",
        "It updates D twice in a turn, on fakes and then on reals; ours once, on both.",
    ],
}
RECIPES["paddle-mnist"] = PADDLE | {
    "about": "DCGAN on MNIST; trains whoever has the larger loss",
    "data": "mnist",
    "generator": ["paddle_dcgan_generator", {"size": 28, "channels": 1}],
    "discriminator": ["paddle_dcgan_discriminator", {"size": 28, "softmax": True}],
    "unstated": [
        "Channels and noise size: not in the text; its file gan_conf_image.py has 64 and 100.",
        "Learning rate: 0.0001 in the text, 0.0002 in that file. Ours: the text's.",
        "Passes: not in the text; gan_trainer.py makes 100 of 1,000 batches, each drawn anew "
        "from all images. Ours: 20 epochs, shuffled.",
        "Its trainer, not its text, trains no network more than 5 times in a row. Ours may.",
        "It updates D twice in a turn, on fakes and then on reals; ours once, on both.",
    ],
}
RECIPES["paddle-cifar10"] = PADDLE | {
    "about": "DCGAN on CIFAR-10; trains whoever has the larger loss",
    "data": "cifar10",
    "generator": ["paddle_dcgan_generator", {"size": 32, "channels": 3}],
    "discriminator": ["paddle_dcgan_discriminator",
                      {"size": 32, "channels": 3, "softmax": True}],
    "unstated": ["The same as for paddle-mnist."],
}
RECIPES["fluid-dcgan-mnist"] = {
    "about": "DCGAN on MNIST; D ends in a sigmoid, and the loss applies another",
    "source": "The Fluid notebook", "data": "mnist", "epochs": 20, "batch_size": 128,
    "generator": ["fluid_generator", {}],
    "discriminator": ["fluid_discriminator", {"double_sigmoid": True}],
    "loss": {"name": "non_saturating"}, "schedule": [2, 2], "latent": "uniform",
    "g_optimizer": {"learning_rate": 2e-4}, "d_optimizer": {"learning_rate": 2e-4},
    "decay": None,
    "unstated": [
        "It says one update of D to two of G, but runs D's program twice a batch, on fakes and "
        "then on reals: two to two. Ours updates D twice as well, but each time on fakes and on "
        "128 real images of their own together. So a step takes 256 real images, and 20 epochs "
        "hold half of the source's updates. experiments/fluid_dcgan.py has its program as it is.",
        "Left to the framework: convolutions without padding, slope 0.02 of the leaky ReLU, "
        "beta_1 = 0.9 of Adam. (Its epsilon is 1e-8 there, 1e-7 here.)",
    ],
}
RECIPES["mlp-mnist"] = {
    "about": "one hidden layer in each network on MNIST; real targets 0.9",
    "source": "The MLP chapter", "data": "mnist", "rows": [5000, 60000], "epochs": 100,
    "batch_size": 100, "generator": ["mlp_generator", {}],
    "discriminator": ["mlp_discriminator", {}],
    "loss": {"name": "non_saturating", "real_target": 0.9},
    "schedule": [1, 1], "latent": "uniform",
    "g_optimizer": {"learning_rate": 1e-3}, "d_optimizer": {"learning_rate": 1e-3},
    "decay": None,
    "unstated": [
        "It sets a learning rate of 0.002 and does not use it: Adam takes its default, 0.001.",
        "Its loader sets the first 5,000 images aside, unsaid: 55,000 remain.",
        "One z serves both updates of a step there; ours draws one for each.",
    ],
}
RECIPES["dcgan-mnist"] = {
    "about": "the book's DCGAN on MNIST: small, quick, a penalty in place of D's normalisation",
    "source": "this book", "data": "mnist", "epochs": 8, "batch_size": 64,
    "generator": ["dcgan_generator", {"latent_dim": 64, "size": 28, "width": 32}],
    "discriminator": ["dcgan_discriminator", {"size": 28, "width": 32, "batch_norm": False}],
    "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
    "r1": 1.0, "r1_every": 4,
    "g_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5, "use_ema": True, "ema_momentum": 0.995},
    "d_optimizer": {"learning_rate": 2e-3, "beta_1": 0.5}, "decay": "cosine",
    "unstated": [],
}
RECIPES["dcgan-cifar10"] = {
    "about": "the book's DCGAN on CIFAR-10, small enough to ship",
    "source": "this book", "data": "cifar10", "epochs": 15, "batch_size": 64,
    "generator": ["dcgan_generator",
                  {"latent_dim": 64, "size": 32, "channels": 3, "width": 28}],
    "discriminator": ["dcgan_discriminator",
                      {"size": 32, "channels": 3, "width": 32, "batch_norm": False}],
    "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
    "r1": 1.0, "r1_every": 4,
    "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5, "use_ema": True, "ema_momentum": 0.998},
    "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
    "unstated": [],
}
RECIPES["dcgan-cifar10-long"] = {
    "about": "the same DCGAN on CIFAR-10, wider and trained for longer",
    "source": "this book", "data": "cifar10", "epochs": 36, "batch_size": 64,
    "generator": ["dcgan_generator",
                  {"latent_dim": 64, "size": 32, "channels": 3, "width": 40}],
    "discriminator": ["dcgan_discriminator",
                      {"size": 32, "channels": 3, "width": 48, "batch_norm": False}],
    "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
    "r1": 1.0, "r1_every": 4,
    "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5, "use_ema": True, "ema_momentum": 0.998},
    "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
    "unstated": [],
}
RECIPES["own-images"] = {
    "about": "the book's DCGAN on a folder or zip file of your own images, augmented",
    "source": "this book", "data": "own", "epochs": 100, "batch_size": 64,
    "generator": ["dcgan_generator",
                  {"latent_dim": 64, "size": 32, "channels": 3, "width": 32}],
    "discriminator": ["dcgan_discriminator",
                      {"size": 32, "channels": 3, "width": 32, "batch_norm": False}],
    "augment": {},
    "loss": {"name": "non_saturating"}, "schedule": [1, 1], "latent": "normal",
    "r1": 1.0, "r1_every": 4,
    "g_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5, "use_ema": True, "ema_momentum": 0.998},
    "d_optimizer": {"learning_rate": 1e-3, "beta_1": 0.5}, "decay": "cosine",
    "unstated": [],
}
#: Recipe -> files with the weights of its trained generator and discriminator.
PRETRAINED = {
    "mlp-mnist": ("mlp_mnist_g.weights.h5", "mlp_mnist_d.weights.h5"),
    "dcgan-mnist": ("dcgan_mnist_g.weights.h5", "dcgan_mnist_d.weights.h5"),
    "dcgan-cifar10": ("dcgan_cifar10_g.weights.h5", "dcgan_cifar10_d.weights.h5"),
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
    recipe = copy.deepcopy(RECIPES[name])
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
    import keras

    from gan_utils import gan, losses, networks

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
        getattr(networks, name)(**options)
        for name, options in (recipe["generator"], recipe["discriminator"])
    )
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

    ``experiments/pretrained.py`` trained them, with seed 0 and the whole recipe. The generator has
    its averaged weights if the recipe keeps an average.

    Args:
        name: ``"mlp-mnist"``, ``"dcgan-mnist"`` or ``"dcgan-cifar10"``.

    Returns:
        Two Keras models that need no training code. The first takes z (n, latent_dim), drawn from
        the recipe's ``"latent"``, to images in [-1, 1]; the second takes images to logits (n, 1).

    Raises:
        ValueError: there are no weights for this recipe.
    """
    if name not in PRETRAINED:
        raise ValueError(f"There are no weights for {name!r}. There are: {', '.join(PRETRAINED)}.")
    from importlib import resources

    from gan_utils import networks

    models, recipe = [], get(name)
    for part, file_name in zip(("generator", "discriminator"), PRETRAINED[name], strict=True):
        function, options = recipe[part]
        models.append(getattr(networks, function)(**options))
        with resources.as_file(resources.files("gan_utils") / "weights" / file_name) as path:
            models[-1].load_weights(path)
    return models


LONG_WEIGHTS = "dcgan_cifar10_long_g.npz"


def long_generator():
    """Return the generator of the recipe ``dcgan-cifar10-long`` with its averaged weights.

    ``experiments/cifar10_long.py`` trained it, with seed 0 and the whole recipe. The weights ship
    as float16.

    Returns:
        Keras model z (n, 64), drawn from a standard normal, -> (n, 32, 32, 3) in [-1, 1].
    """
    from importlib import resources

    from gan_utils import networks

    function, options = RECIPES["dcgan-cifar10-long"]["generator"]
    model = getattr(networks, function)(**options)
    with resources.as_file(resources.files("gan_utils") / "weights" / LONG_WEIGHTS) as path:
        files.load_half(model, path)
    return model
