"""Photographs of T-shirts that come with the package, and a generator that was trained on them.

Where the photographs are from, and that they are free (CC0), says ``photos/README.md`` beside this
file.
"""

from pathlib import Path

import keras

from gan_utils import files
from gan_utils.own import pictures

#: 928 photographs in a zip file, as a reader's own images would lie in one
PHOTOS = Path(__file__).parent / "photos" / "tshirts.zip"
#: of the training whose generator ships; the recipe's own number would be 100
EPOCHS = 23


def pretrained() -> keras.Model:
    """Return the generator that ``experiments/tshirts.py`` trained on ``PHOTOS``.

    It is that of the recipe ``own-images``, with its averaged weights.

    Returns:
        Keras model from z (n, 64), normal, to images (n, 32, 32, 3) in [-1, 1].
    """
    network, options = pictures.recipe()["generator"]
    generator = network(**options)
    files.load_half(generator, files.weights("tshirts_g.npz"))
    return generator
