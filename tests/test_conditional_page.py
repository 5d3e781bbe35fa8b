"""Digits on request in the page: the browser draws what Keras draws; the measured styles."""

import base64
import re

import keras
import numpy as np
import pytest
from bs4 import BeautifulSoup
from instrument_page import result
from keras import layers

from gan_utils import data, gan, losses, networks
from gan_utils.chapters import conditional


@pytest.fixture(scope="module")
def generator():
    """As large as the one that ships, with weights that give pictures of all greys."""
    keras.utils.set_random_seed(0)
    made = conditional.dense_generator(**conditional.PAGE_OPTIONS)
    rng = np.random.default_rng(0)
    made.set_weights([w * 1.5 + 0.1 * rng.normal(size=w.shape) for w in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def directions():
    return {"slant": np.eye(16)[0], "ink": np.ones(16) / 4}


@pytest.fixture(scope="module")
def output(generator, directions):
    return conditional.digits_on_request(
        generator, directions, alt='thirty "digits"', caption="a < b", digits="70"
    ).data


def test_output_is_small_and_fetches_nothing(output):
    assert len(output.encode()) <= 320_000
    assert "http" not in output and " id=" not in output


def test_there_is_a_still_for_readers_without_scripts(output):
    figure = BeautifulSoup(output, "html.parser").figure
    assert figure.img["alt"] == 'thirty "digits"' and not figure.img.has_attr("hidden")
    assert figure.img["src"].startswith("data:image/webp;base64,")
    assert figure.figcaption.get_text() == "a < b"


def test_weights_travel_as_float16(output, generator, directions):
    text = re.search('data-weights="([^"]*)"', output)[1]
    values = np.frombuffer(base64.b64decode(text), "<f2")
    parts = [*generator.get_weights(), np.array(list(directions.values()))]
    np.testing.assert_array_equal(values, np.concatenate([p.ravel() for p in parts]).astype("f2"))


def test_page_normals_are_normal_and_depend_on_the_seed_alone():
    z = conditional.page_normals(7, 20_000)
    assert z.dtype == np.float64 and z.shape == (20_000, 16) and np.isfinite(z).all()
    assert abs(z.mean()) < 0.01 and abs(z.var() - 1) < 0.02
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.003)
    assert abs(np.corrcoef(z.T) - np.eye(16)).max() < 0.04
    np.testing.assert_array_equal(conditional.page_normals(7, 3), z[:3])
    assert not np.array_equal(conditional.page_normals(8, 3), z[:3])


def other(between=layers.LeakyReLU, last="tanh", shape=(28, 28, 1), classes=10, bias=True):
    """A generator of nearly the right form."""
    z, label = keras.Input((16,)), keras.Input((), dtype="int32")
    h = layers.Concatenate()([z, layers.Embedding(classes, 4)(label)])
    h = between()(layers.Dense(8, use_bias=bias)(h))
    x = layers.Dense(int(np.prod(shape)), activation=last)(h)
    return keras.Model([z, label], layers.Reshape(shape)(x))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: networks.upsampling_generator(16, classes=10), "UpSampling2D"),
        (lambda: networks.mlp_generator(16), "InputLayer, Dense, LeakyReLU, Dense, Reshape"),
        (lambda: other(between=layers.ReLU), "ReLU"),
        (lambda: other(last="sigmoid"), "Dense with tanh"),
        (lambda: other(shape=(28, 28, 3)), "height, width, 1"),
        (lambda: other(classes=9), "ten labels"),
        (lambda: other(bias=False), "all with biases"),
    ],
)
def test_another_generator_is_refused(wrong, words, directions):
    with pytest.raises(ValueError, match="digits_on_request takes a generator") as caught:
        conditional.digits_on_request(wrong(), directions, alt="x", caption="y")
    assert words in " ".join(str(caught.value).split())


@pytest.mark.parametrize("wrong", [{}, {"a": np.ones(15)}, {"a": np.ones((2, 16))}])
def test_wrong_directions_are_refused(generator, wrong):
    with pytest.raises(ValueError, match="the length of z, 16"):
        conditional.digits_on_request(generator, wrong, alt="x", caption="y")


@pytest.mark.parametrize("digits", ["", "12a", "-1", "123456789", "٣"])
def test_digits_that_are_none_are_refused(generator, directions, digits):
    with pytest.raises(ValueError, match="one to eight of the digits 0 to 9"):
        conditional.digits_on_request(generator, directions, alt="x", caption="y", digits=digits)


@pytest.mark.parametrize("value", [np.nan, np.inf, 7e4])
def test_values_beyond_float16_are_refused(directions, value):
    generator = conditional.dense_generator()
    generator.weights[-1].assign(np.full(784, value))
    with pytest.raises(ValueError, match="float16 cannot"):
        conditional.digits_on_request(generator, directions, alt="x", caption="y")


# --- Measured styles ------------------------------------------------------------------------------


def test_slant_and_ink_by_hand():
    upright, leaning, other_way = np.zeros((3, 28, 28, 1), np.uint8)
    for row in range(4, 24):
        upright[row, 14] = leaning[row, 24 - row // 2] = other_way[row, row] = 200
    slant, ink = conditional.slant_and_ink(np.stack([upright, leaning, other_way])).T
    np.testing.assert_allclose(slant, [0, 0.5, -1], atol=0.01)
    np.testing.assert_allclose(ink, 20 * 200 / 784)
    brighter = conditional.slant_and_ink(leaning[None] // 2)[0]
    np.testing.assert_allclose(brighter, [slant[1], ink[1] / 2])
    shifted = conditional.slant_and_ink(np.roll(leaning, (3, -5), (0, 1))[None])[0]
    np.testing.assert_allclose(shifted, [slant[1], ink[1]])
    assert np.isfinite(conditional.slant_and_ink(np.zeros((1, 28, 28, 1), np.uint8))).all()


def test_style_directions_are_found_whatever_the_class_adds():
    rng = np.random.default_rng(0)
    z, labels = rng.normal(size=(3000, 5)), np.arange(3000) % 10
    true = np.array([[3.0, 0, 4, 0, 0], [0, 1, 0, 0, 0]])
    measures = z @ true.T + 100 * labels[:, None] + 0.1 * rng.normal(size=(3000, 2))
    found = conditional.style_directions(z, measures, labels)
    np.testing.assert_allclose(found, [[0.6, 0, 0.8, 0, 0], [0, 1, 0, 0, 0]], atol=0.02)


# --- In a browser ---------------------------------------------------------------------------------

# Two outputs on one page; the first is used as a reader would, and what it shows is noted.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><script>
const faults = [];
addEventListener("error", event => faults.push(event.message));
</script>OUTPUT OUTPUT<pre id="result"></pre><script>
const figure = document.querySelector("figure.ask"), find = s => [...figure.querySelectorAll(s)];
const [again, reset] = find(".controls button"), sliders = find("input[type=range]");
const seed = figure.querySelector("input[type=number]");
const typed = figure.querySelector("input[type=text]");
const set = (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); };
const pictures = s => find(s).map(canvas => [...canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0));
const z = figure.draw(7, 5);
const result = {z: z.map(v => [...v]), x: z.map((v, i) => [...figure.generate(v, i)])};
const steps = {
  first: () => {},
  typed: () => set(typed, "3x1 4"),
  none: () => set(typed, "abc"),
  pasted: () => set(typed, "the years 1984 and 2026, and 1999"),
  between: () => { typed.value = "12x934"; typed.focus(); typed.setSelectionRange(4, 4);
    typed.dispatchEvent(new Event("input")); result.caret = typed.selectionStart; },
  chosen: () => find(".all button")[8].click(),
  moved: () => { set(sliders[0], 1.5); set(sliders[1], -0.5); },
  walked: () => { reset.click(); set(sliders[2], 1); },
  again: () => { reset.click(); again.click(); },
};
for (const [name, step] of Object.entries(steps)) {
  step();
  result[name] = {large: pictures(".large canvas"), all: pictures(".all canvas"),
    typed: typed.value, seed: +seed.value, shown: find("output").map(o => o.textContent),
    hint: figure.querySelector(".hint").textContent,
    names: find(".large canvas").map(c => c.getAttribute("aria-label"))};
}
result.faults = faults;
result.panels = document.querySelectorAll("figure.ask > .panel").length;
result.hidden = find("img").map(img => img.hidden);
document.getElementById("result").textContent = JSON.stringify(result);
</script>"""


@pytest.fixture(scope="module")
def used(output, tmp_path_factory):
    """What a real browser shows while it is typed into, and the buttons and sliders are used."""
    return result(PAGE.replace("OUTPUT", output), tmp_path_factory.mktemp("ask"))


def rounded(generator, z, labels):
    """What the generator gives with its weights rounded to float16, in float64."""
    table, *weights = (w.astype("f2").astype(np.float64) for w in generator.get_weights())
    h = np.concatenate([z, table[labels]], axis=1)
    for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        h = h @ w + b
        h = np.maximum(h, h * 0.2)
    return np.tanh(h @ weights[-2] + weights[-1])


def assert_shows(pictures, generator, z, labels):
    """Check that canvases hold what the generator draws of one z and these labels."""
    x = rounded(generator, np.tile(z, (len(labels), 1)), labels)
    assert np.shape(pictures) == x.shape
    assert np.abs(np.array(pictures) - 127.5 * (x + 1)).max() <= 0.51


def test_page_draws_the_same_z_as_python(used):
    np.testing.assert_allclose(used["z"], conditional.page_normals(7, 5), atol=1e-12)


def test_page_computes_what_keras_computes(used, generator):
    z, x, labels = np.array(used["z"]), np.array(used["x"]), np.arange(5)
    np.testing.assert_allclose(x, rounded(generator, z, labels), atol=1e-9)
    in_keras = np.asarray(generator([z.astype(np.float32), labels])).reshape(x.shape)
    assert np.abs(x - in_keras).max() < 0.03, "float16 changes a pixel by under four levels of 255"
    assert x.std() > 0.3, "pictures, not grey"


def test_typing_choosing_and_sliding_do_what_they_say(used, generator, directions):
    z, u = conditional.page_normals(0, 2), list(directions.values())
    halves = [v.astype("f2").astype(float) for v in u]
    for step, digits in (("first", [7, 0]), ("typed", [3, 1, 4]), ("chosen", [8])):
        assert_shows(used[step]["large"], generator, z[0], digits)
        assert_shows(used[step]["all"], generator, z[0], np.arange(10))
        assert used[step]["typed"] == "".join(map(str, digits)) and used[step]["hint"] == ""
        wanted = [f"a {digit}, as the generator draws it" for digit in digits]
        assert used[step]["names"] == wanted
    assert used["pasted"]["typed"] == "19842026" and len(used["pasted"]["large"]) == 8
    assert used["between"]["typed"] == "12934" and used["caret"] == 3, "after the 9"
    assert used["none"]["large"] == [] and used["none"]["typed"] == ""
    assert "Type a digit" in used["none"]["hint"]
    moved = z[0] + 1.5 * halves[0] - 0.5 * halves[1]
    assert_shows(used["moved"]["all"], generator, moved, np.arange(10))
    assert used["moved"]["shown"] == ["1.50", "-0.50", "0.00"]
    assert_shows(used["walked"]["large"], generator, z[1], [8])
    seed = used["again"]["seed"]
    assert seed != 0
    assert_shows(used["again"]["large"], generator, conditional.page_normals(seed, 1)[0], [8])


def test_outputs_do_not_collide_and_raise_nothing(used):
    assert used["panels"] == 2 and used["faults"] == [] and used["hidden"] == [True]


# --- Pictures while it trains, and the table of asked and read ------------------------------------


def test_album_keeps_rows_of_digits_and_columns_of_styles():
    keras.utils.set_random_seed(0)
    generator, d = conditional.dense_generator(4, (8,)), networks.mlp_discriminator(8, classes=10)
    model = gan.GAN(generator, d, losses.non_saturating(), latent="normal")
    model.compile(jit_compile=False)
    images, labels = np.zeros((60, 28, 28, 1), np.uint8), np.arange(60) % 10
    album = conditional.Album(every=4, seed=3)
    model.fit(images, 3, 20, callbacks=[album], verbose=0, labels=labels)
    # executions end with the epochs of three steps: those at or after 4 and 8, and the end
    assert album.labels == ["step 0", "step 6", "step 9"]
    z = np.asarray(data.draw_latent(0, (10, 4), 3, 2, "normal"))
    wanted = data.to_pixels(generator([z[[7]], np.array([2])]))
    last = album.pictures[-1]
    assert last.shape == (298, 298, 1)
    np.testing.assert_array_equal(last[60:88, 210:238], wanted[0])
    early = conditional.Album(every=1000, at_steps=[1, 2])
    model.fit(images, 1, 20, callbacks=[early], verbose=0, labels=labels)
    assert early.labels == ["step 9", "step 12"], "the steps of a run that begins"
    again = gan.GAN(generator, d, losses.non_saturating(), latent="normal")
    again.compile(jit_compile=False)
    again.fit(images, 1, 20, callbacks=[early], verbose=0, labels=labels)
    assert early.labels[2:] == ["step 0", "step 1", "step 2", "step 3"]
    with pytest.raises(ValueError, match="every is 0"):
        conditional.Album(0)


def test_confusion_by_hand():
    table = conditional.confusion([0, 0, 0, 0, 2], [0, 1, 1, 2, 2], classes=4)
    wanted = [[0.25, 0.5, 0.25, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(table, wanted)


def test_dense_generator_is_the_formula():
    model = conditional.dense_generator(4, (5, 6), embedding=3)
    z, labels = np.random.default_rng(0).normal(size=(7, 4)).astype("float32"), np.arange(7)
    table, *weights = model.get_weights()
    h = np.concatenate([z, table[labels]], axis=1)
    for w, b in zip(weights[:4:2], weights[1:4:2], strict=True):
        h = h @ w + b
        h = np.maximum(h, 0.2 * h)
    wanted = np.tanh(h @ weights[4] + weights[5]).reshape(7, 28, 28, 1)
    np.testing.assert_allclose(model([z, labels]), wanted, rtol=1e-5, atol=1e-6)
    assert conditional.dense_generator().count_params() == (
        10 * 16 + (16 + 16 + 1) * 128 + (128 + 1) * 112 + (112 + 1) * 784
    )
