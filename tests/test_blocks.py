"""The drawing of a convolutional network shows its grids and its maps."""

import matplotlib.pyplot as plt
import pytest

from gan_utils import networks
from gan_utils.chapters import blocks


def test_blocks_of_both_networks():
    figure = blocks.network(networks.dcgan_generator(), "g", "z", ["a", "b", "c"], "G(z)")
    said = [text.get_text() for text in figure.axes[0].texts]
    assert {"z", "a", "b", "c", "G(z)", "7 × 7\n128 maps", "28 × 28\n1 map"} <= set(said)
    discriminator = networks.dcgan_discriminator()
    figure = blocks.network(discriminator, "d", "x", ["", "a", "b", "c", "dense"], "logit")
    said = [text.get_text() for text in figure.axes[0].texts]
    assert sum("×" in text for text in said) == 4 and "logit" in said
    plt.close("all")


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="has 3 blocks, and there are 2 steps"):
        blocks.network(networks.dcgan_generator(), "g", "z", ["a", "b"], "G(z)")
