"""Chapter 12: the standard feature network, Inception v3, for those who have its weights.

The weights that Keras offers were trained by others than those of the published FIDs, which come
from a graph of December 2015 with 1,008 classes (pytorch-fid, clean-fid and TF-GAN use it). What is
computed here is a Fréchet distance in features of Keras's Inception: it compares with others of its
kind, and with no published FID.
"""

from pathlib import Path

import keras
import numpy as np

FEATURES = 2048


def network(weights: str | Path | None, size: int = 299) -> keras.Model:
    """Return Inception v3 without its last layer, averaged over the image.

    Args:
        weights: path of a file with weights, as ``save_weights`` wrote it or as Keras offers it
            (``…_notop.h5``); or ``"imagenet"``, and Keras downloads 88 MB and keeps them; or None
            for random weights, which are good for trying out the code and for nothing else.
        size: side of the images that the network sees, at least 75. Inception's own is 299.

    Returns:
        Model (n, size, size, 3) floats in [-1, 1] -> features (n, 2048).

    Raises:
        ValueError: there is no such file.
    """
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise ValueError(
            f"There is no file {str(weights)!r}. Give the path of Inception's weights without the "
            "top, or 'imagenet' to let Keras download its own."
        )
    options = {"include_top": False, "pooling": "avg", "input_shape": (size, size, 3)}
    source = weights if weights in (None, "imagenet") else str(weights)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # half precision would be too coarse for a covariance
    try:
        model = keras.applications.InceptionV3(weights=source, **options)
    finally:
        keras.config.set_dtype_policy(policy)
    model.trainable = False
    return model


def features(model: keras.Model, images: np.ndarray, batch_size: int = 50) -> np.ndarray:
    """Compute features, with images resized in floats by an antialiased bilinear filter.

    Args:
        model: as ``network`` returns it.
        images: uint8 (n, height, width, 1 or 3), at least one. Grey images become three equal
            channels.
        batch_size: images that are resized at a time; 50 of 299 pixels are 54 MB.

    Returns:
        float64 (n, 2048). A covariance of so many features needs more than 2,048 images.

    Raises:
        ValueError: another shape or dtype.
    """
    import tensorflow as tf

    images = np.asarray(images)
    fits = images.ndim == 4 and images.shape[3] in (1, 3) and len(images) > 0
    if images.dtype != np.uint8 or not fits:
        raise ValueError(
            f"features takes uint8 images of shape (n, height, width, 1 or 3), at least one, got "
            f"{images.dtype} {images.shape}. gan_utils.data.to_pixels turns [-1, 1] into uint8."
        )
    parts = []
    for start in range(0, len(images), batch_size):
        part = images[start : start + batch_size]
        part = np.repeat(part, 3, axis=3) if part.shape[3] == 1 else part
        sized = tf.image.resize(part, model.input_shape[1:3], "bilinear", antialias=True)
        parts.append(
            model.predict_on_batch(keras.applications.inception_v3.preprocess_input(sized))
        )
    return np.concatenate(parts).astype(np.float64)
