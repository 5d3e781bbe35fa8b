"""The sources: their experiments as recipes of ``gan_utils.recipes``.

What a source leaves unstated or gets wrong, and what was chosen here, is under ``"unstated"``.
"""

from gan_utils import recipes
from gan_utils.sources import paddle

# fmt: off
PADDLE = {
    "source": "The PaddlePaddle chapter", "epochs": 20, "batch_size": 128,
    "loss": {"name": "non_saturating"}, "schedule": "larger_loss", "latent": "normal",
    "g_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5},
    "d_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5}, "decay": None,
}
#: Name -> recipe
RECIPES = {
    "paddle-uniform": PADDLE | {
        "about": "fully connected GAN on the unit square; trains whoever has the larger loss",
        "data": "uniform",
        "generator": [paddle.fc_generator, {"latent_dim": 10, "hidden": 10}],
        "discriminator": [paddle.fc_discriminator, {"hidden": 10, "softmax": True}],
        "unstated": [
            "Hidden and noise size: not in the text; its file gan_conf.py has 10 and 10.",
            "Passes: not in the text; gan_trainer.py makes 100 of 10,000 batches, each drawn anew "
            "from all points. Ours: 20 epochs of 7,812 batches, shuffled.",
            "Its trainer, not its text, trains no network more than 5 times in a row. Ours may.",
            "It updates D twice in a turn, on fakes and then on reals; ours once, on both.",
        ],
    },
    "paddle-mnist": PADDLE | {
        "about": "DCGAN on MNIST; trains whoever has the larger loss",
        "data": "mnist",
        "generator": [paddle.paddle_dcgan_generator, {"size": 28, "channels": 1}],
        "discriminator": [paddle.paddle_dcgan_discriminator, {"size": 28, "softmax": True}],
        "unstated": [
            "Channels and noise size: not in the text; its file gan_conf_image.py has 64 and 100.",
            "Learning rate: 0.0001 in the text, 0.0002 in that file. Ours: the text's.",
            "Passes: not in the text; gan_trainer.py makes 100 of 1,000 batches, each drawn anew "
            "from all images. Ours: 20 epochs, shuffled.",
            "Its trainer, not its text, trains no network more than 5 times in a row. Ours may.",
            "It updates D twice in a turn, on fakes and then on reals; ours once, on both.",
        ],
    },
    "paddle-cifar10": PADDLE | {
        "about": "DCGAN on CIFAR-10; trains whoever has the larger loss",
        "data": "cifar10",
        "generator": [paddle.paddle_dcgan_generator, {"size": 32, "channels": 3}],
        "discriminator": [paddle.paddle_dcgan_discriminator,
                          {"size": 32, "channels": 3, "softmax": True}],
        "unstated": ["The same as for paddle-mnist."],
    },
    "fluid-dcgan-mnist": {
        "about": "DCGAN on MNIST; D ends in a sigmoid, and the loss applies another",
        "source": "The Fluid notebook", "data": "mnist", "epochs": 20, "batch_size": 128,
        "generator": [paddle.fluid_generator, {}],
        "discriminator": [paddle.fluid_discriminator, {"double_sigmoid": True}],
        "loss": {"name": "non_saturating"}, "schedule": [2, 2], "latent": "uniform",
        "g_optimizer": {"learning_rate": 2e-4}, "d_optimizer": {"learning_rate": 2e-4},
        "decay": None,
        "unstated": [
            "It says one update of D to two of G, but runs D's program twice a batch, on fakes and "
            "then on reals: two to two. Ours updates D twice as well, but each time on fakes and "
            "on 128 real images of their own together. So a step takes 256 real images, and 20 "
            "epochs hold half of the source's updates. experiments/fluid_dcgan.py has its "
            "program as it is.",
            "Left to the framework: convolutions without padding, slope 0.02 of the leaky ReLU, "
            "beta_1 = 0.9 of Adam. (Its epsilon is 1e-8 there, 1e-7 here.)",
        ],
    },
}
# fmt: on


def get(name: str, **changes) -> dict:
    """Return a copy of a recipe, with some of its settings changed; see ``recipes.get``."""
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}. There are: {', '.join(RECIPES)}.")
    return recipes.changed(name, RECIPES[name], changes)
