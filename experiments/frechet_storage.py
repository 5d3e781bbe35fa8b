"""What storing and resizing do to the Fréchet distance of digits.

    python experiments/frechet_storage.py        about 4 minutes on 2 cores

Every row is a way through which images go before they are scored: JPEG of some quality, or another
size and back to 28 pixels, with TensorFlow's or Pillow's filters. Sets are the 10,000 test images,
as many training images, and as many samples of the DCGAN that ships with the book. Columns:
``real_one`` training images that went the way against test images that did not, ``real_both`` if
both did; ``made_one`` and ``made_both`` the same for samples; ``made_ruler`` samples that did not
against test images that did.

Writes experiments/results/frechet_storage.csv.
"""

import functools
import io

import numpy as np
import tensorflow as tf
from PIL import Image
from resumable import run

from gan_utils import classifiers, data, gan, metrics, recipes

N, SIDE = 10_000, 28


def jpeg(images, quality):
    stored = []
    for image in images[..., 0]:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality)
        stored.append(np.asarray(Image.open(buffer)))
    return np.stack(stored)[..., None]


def there_and_back(images, side, method, antialias):
    """Resize to another side and back with TensorFlow; values stay floats until the end."""
    parts = []
    for part in np.array_split(images, -(-len(images) // 500)):
        small = tf.image.resize(part, (side, side), method, antialias=antialias)
        back = tf.image.resize(small, (SIDE, SIDE), method, antialias=antialias)
        parts.append(np.clip(np.rint(back), 0, 255).astype(np.uint8))
    return np.concatenate(parts)


def with_pillow(images, side, method):
    """Resize to another side and back with Pillow, which always filters and rounds on the way."""
    kind = Image.Resampling[method]
    pictures = [
        Image.fromarray(x).resize((side, side), kind).resize((SIDE, SIDE), kind)
        for x in images[..., 0]
    ]
    return np.stack([np.asarray(picture) for picture in pictures])[..., None]


WAYS = {"as they are": lambda x: x}
WAYS |= {f"JPEG, quality {q}": functools.partial(jpeg, quality=q) for q in (95, 75, 50, 30)}
for px in (20, 64, 299):
    for kind in ("nearest", "bilinear", "bicubic"):
        for smooth in (False, True)[: 1 if kind == "nearest" else 2]:
            name = f"{px} px, {kind}{', antialias' * smooth}"
            WAYS[name] = functools.partial(there_and_back, side=px, method=kind, antialias=smooth)
WAYS["20 px, bicubic, Pillow"] = functools.partial(with_pillow, side=20, method="BICUBIC")
WAYS["64 px, bicubic, Pillow"] = functools.partial(with_pillow, side=64, method="BICUBIC")


@functools.cache
def sets():
    """Return test images, training images and samples."""
    mnist, (generator, _) = data.load("mnist"), recipes.pretrained("dcgan-mnist-first")
    return mnist.test_images[:N], mnist.images[:N], gan.generate(generator, N, latent="normal")


@functools.cache
def features(way):
    return [classifiers.scores(WAYS[way](images), "mnist")[1] for images in sets()]


def one(way):
    """Return the distances of one way."""
    (test, train, made), (plain_test, _, plain_made) = features(way), features("as they are")
    return {
        "real_one": metrics.frechet_distance(train, plain_test),
        "real_both": metrics.frechet_distance(train, test),
        "made_one": metrics.frechet_distance(made, plain_test),
        "made_both": metrics.frechet_distance(made, test),
        "made_ruler": metrics.frechet_distance(plain_made, test),
    }


if __name__ == "__main__":
    run(__file__, [{"way": way} for way in WAYS], one)
