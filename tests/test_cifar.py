"""The classifier for colour images, its scores, and weights kept as float16."""

import hashlib
import os

import keras
import numpy as np
import pytest

from gan_utils import classifiers, data, files, metrics, networks, recipes

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
RESULTS = {row["images"]: row for row in data.load_results("cifar_classifier.csv")}


def test_the_classifier_as_its_docstring_has_it():
    model = classifiers.build_cifar_classifier()
    outputs = model(data.to_unit_range(IMAGES))
    assert outputs["logits"].shape == (20, 10) and outputs["features"].shape == (20, 64)
    assert model.count_params() == 202_666
    assert sum(np.size(w) for w in model.non_trainable_weights) == 704


def test_weights_are_small_shipped_and_those_that_were_measured():
    weights = files.weights(classifiers.CIFAR10.weights).read_bytes()
    assert len(weights) < 1_000_000
    row = RESULTS["CIFAR-10 test"]
    assert hashlib.sha256(weights).hexdigest() == row["weights_sha256"]
    assert row["test_accuracy"] > 0.75 and row["test_calibration_error"] < 0.03
    assert classifiers.classifier("cifar10").count_params() == row["parameters"]


def test_scores():
    p, features = classifiers.scores(IMAGES, "cifar10")
    assert p.shape == (20, 10) and features.shape == (20, 64)
    assert p.dtype == features.dtype == np.float64
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (features >= 0).all(), "a ReLU makes them"
    # the probabilities are those of a linear layer on the features
    w, b = classifiers.classifier("cifar10").get_layer("logits").get_weights()
    logits = features @ w + b
    wanted = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(p, wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5)
    alone, _ = classifiers.scores(IMAGES[:1], "cifar10")
    np.testing.assert_allclose(alone, p[:1], atol=1e-5)


def test_scores_do_not_depend_on_the_dtype_policy():
    wanted = classifiers.scores(IMAGES, "cifar10")
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        classifiers.classifier.cache_clear()
        got = classifiers.scores(IMAGES, "cifar10")
        layers = classifiers.classifier("cifar10").layers
    finally:
        keras.config.set_dtype_policy(policy)
        classifiers.classifier.cache_clear()
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    assert {layer.compute_dtype for layer in layers[1:]} == {"float32"}  # the first is the input


@pytest.mark.parametrize(
    "images", [np.zeros((2, 32, 32, 3)), np.zeros((2, 28, 28, 1), np.uint8), np.zeros(3, np.uint8)]
)
def test_scores_refuse_other_images(images):
    with pytest.raises(ValueError, match="takes uint8 images of shape"):
        classifiers.scores(images, "cifar10")


def test_frozen():
    assert classifiers.classifier("cifar10").trainable_weights == []
    assert classifiers.classifier("cifar10") is classifiers.classifier("cifar10")


def test_the_measured_accuracy_on_real_test_images():
    if not os.environ.get("GAN_UTILS_DATA"):
        pytest.skip("the real CIFAR-10 is not on this machine: GAN_UTILS_DATA is not set")
    loaded = data.load("cifar10")
    if loaded.name != "cifar10" or len(loaded.test_images) != 10_000:
        pytest.skip("the folder that GAN_UTILS_DATA names holds no CIFAR-10")
    part = slice(0, 2000)
    p, features = classifiers.scores(loaded.test_images[part], "cifar10")
    accuracy = (p.argmax(axis=1) == loaded.test_labels[part]).mean()
    assert accuracy == pytest.approx(RESULTS["CIFAR-10 test"]["test_accuracy"], abs=0.03)
    # real images of the other split are nearer than noise
    real = classifiers.scores(loaded.images[:2000], "cifar10")[1]
    noise = classifiers.scores(
        RANDOM.integers(0, 256, (500, 32, 32, 3), dtype=np.uint8), "cifar10"
    )[1]
    near, far = (metrics.frechet_distance(features, other) for other in (real, noise))
    assert near < far / 10


def test_half_precision_there_and_back(tmp_path):
    one, other = (networks.dcgan_generator(8, 32, 3, 4) for _ in range(2))
    path = tmp_path / "g.npz"
    files.save_half(one, path)
    files.load_half(other, path)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert b.dtype == np.float32
        np.testing.assert_array_equal(b, a.astype(np.float16).astype(np.float32))
    with np.load(path) as held:
        assert {held[name].dtype for name in held.files} == {np.dtype(np.float16)}


def test_half_precision_refuses(tmp_path):
    model = networks.dcgan_generator(8, 32, 3, 4)
    weights = model.get_weights()
    model.set_weights([w + 1e5 for w in weights])
    with pytest.raises(ValueError, match="65,504"):
        files.save_half(model, tmp_path / "g.npz")
    assert not (tmp_path / "g.npz").exists()
    files.save_half(networks.dcgan_generator(8, 28, 1, 4), tmp_path / "other.npz")
    with pytest.raises(ValueError):
        files.load_half(model, tmp_path / "other.npz")


def test_the_long_run_and_its_weights():
    rows = data.load_results("cifar10_long.csv")
    recipe = recipes.get("dcgan-cifar10-long")
    assert int(rows[-1]["epoch"]) == recipe["epochs"]
    assert int(rows[-1]["step"]) == recipe["epochs"] * (50_000 // recipe["batch_size"])
    assert rows[-1]["frechet"] < rows[0]["frechet"] / 2
    assert rows[-1]["frechet_shipped"] == pytest.approx(rows[-1]["frechet"], rel=0.05)
    path = files.weights(recipes.PRETRAINED["dcgan-cifar10-long"][0])
    assert len(path.read_bytes()) < 1_000_000
    generator = recipes.pretrained("dcgan-cifar10-long")[0]
    images = np.asarray(generator(RANDOM.normal(size=(4, 64)).astype(np.float32)))
    assert images.shape == (4, 32, 32, 3) and np.abs(images).max() <= 1
    assert images.std() > 0.2, "it draws something"
