"""The generators of chapter 14 that ship: those that their scripts wrote, small, and obedient."""

import hashlib

import numpy as np
import pytest

from gan_utils import classifiers, data, files, gan, recipes
from gan_utils.chapters import conditional

#: weights -> result that holds their hash, how they are loaded, the least share that is obeyed
SHIPPED = {
    "cdcgan_mnist_g.npz": (
        "conditional.csv",
        lambda: recipes.pretrained("cdcgan-mnist")[0],
        0.96,
    ),
    "page_digits_g.npz": ("conditional_page.csv", conditional.page_generator, 0.9),
}

pytestmark = pytest.mark.skipif(
    not all(files.weights(name).exists() for name in SHIPPED),
    reason="the experiments conditional and conditional_page have not run yet",
)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_those_that_their_script_wrote(name):
    content = files.weights(name).read_bytes()
    hashes = [row["g_sha256"] for row in data.load_results(SHIPPED[name][0]) if row["g_sha256"]]
    assert hashes == [hashlib.sha256(content).hexdigest()]
    assert len(content) < 2**20


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_generators_draw_what_is_asked_for(name):
    _, load, least = SHIPPED[name]
    images, asked = gan.generate(load(), 500, 0, "normal"), np.arange(500) % 10
    read = classifiers.scores(images, "mnist")[0].argmax(axis=1)
    assert (read == asked).mean() > least - 0.03  # of 500, within three standard deviations


def test_the_pages_generator_fits_into_the_page():
    directions = {"slant": np.eye(16)[0], "ink": np.eye(16)[1]}
    output = conditional.digits_on_request(
        conditional.page_generator(), directions, alt="x", caption="y"
    )
    assert len(output.data.encode()) <= 320_000
