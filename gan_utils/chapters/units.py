"""Chapter 05: units that are dead, and the gradient that a generator gets to hear."""

import keras
import numpy as np
import tensorflow as tf

from gan_utils import losses


def dead_units(network: keras.Model, *batches, layer: str = "hidden") -> np.ndarray:
    """Say which units of a dense layer are above 0 for none of the inputs.

    After a ReLU such a unit is 0 for all of them and passes no gradient back: it is dead, and stays
    so for as long as the inputs stay what they are. After a leaky ReLU it still passes one.

    Args:
        network: model with a linear dense layer, which the activation follows as a layer. Between
            the two nothing may stand that moves values, such as batch normalisation.
        batches: inputs of the network, each (n, ...). A discriminator has two kinds: real and
            generated ones.
        layer: name of the dense layer.

    Returns:
        bool (units,), True for a unit whose output, before the activation, is never above 0.

    Raises:
        ValueError: no batch, no dense layer of that name, one with an activation of its own, or one
            that batch normalisation follows.
    """
    dense = next((one for one in network.layers if one.name == layer), None)
    linear = keras.activations.linear
    if not isinstance(dense, keras.layers.Dense) or dense.activation is not linear:
        names = ", ".join(one.name for one in network.layers)
        raise ValueError(
            f"dead_units looks at a dense layer without an activation of its own; {layer!r} is "
            f"none. The layers are: {names}."
        )
    if normed := _normalised(dense, network):
        raise ValueError(
            f"After {layer!r} comes {normed!r}, which moves values before the activation: units "
            "below 0 here need not be dead, nor those above 0 alive. Count dead units in a layer "
            "without normalisation."
        )
    if not batches:
        raise ValueError("dead_units needs at least one batch of inputs.")
    before = keras.Model(network.inputs, dense.output)
    largest = [before.predict(x, batch_size=1000, verbose=0).max(axis=0) for x in batches]
    return np.max(largest, axis=0) <= 0


def _normalised(layer, network) -> str | None:
    """Return the name of a normalisation that follows a layer before any activation does."""
    kinds = keras.layers
    moving = kinds.BatchNormalization, kinds.LayerNormalization, kinds.GroupNormalization
    passing = kinds.Reshape, kinds.Flatten, kinds.Dropout
    for after in [node.operation for node in layer._outbound_nodes]:
        if isinstance(after, moving) and after in network.layers:
            return after.name
        if isinstance(after, passing) and (found := _normalised(after, network)):
            return found


def learning_signal(
    discriminator: keras.Model, images: np.ndarray, loss: losses.Loss
) -> np.ndarray:
    """Return the length of the gradient of G's loss that reaches each generated image.

    G learns from this alone: what D does not pass back through its layers, G never hears of.

    Args:
        discriminator: model from images to logits (n, 1).
        images: float32 in [-1, 1], what a generator made.
        loss: from ``gan_utils.losses``; its generator's side counts, for one image at a time.

    Returns:
        float32 (n,), 0 where D passes nothing back.
    """
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        mean = loss.generator(discriminator(x, training=False))
    slopes = len(x) * tape.gradient(mean, x)  # of each image's own loss, not of their mean
    return tf.norm(tf.reshape(slopes, (len(x), -1)), axis=1).numpy()
