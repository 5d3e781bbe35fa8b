import base64
import re

import keras
import numpy as np
import pytest
from bs4 import BeautifulSoup
from instrument_page import result
from keras import layers

from gan_utils import networks, recipes
from gan_utils.chapters import live


@pytest.fixture(scope="module")
def generator():
    return recipes.pretrained("mlp-mnist")[0]


@pytest.fixture(scope="module")
def directions(generator):
    u = np.linalg.svd(generator.get_layer("hidden").get_weights()[0])[0]
    return {f"direction {i + 1}": u[:, i] for i in range(4)}


@pytest.fixture(scope="module")
def output(generator, directions):
    return live.live_generator(generator, directions, alt='nine "digits"', caption="a < b").data


def test_output_is_small_and_fetches_nothing(output):
    assert len(output) < 350_000
    assert "http" not in output and " id=" not in output


def test_there_is_a_still_for_readers_without_scripts(output):
    figure = BeautifulSoup(output, "html.parser").figure
    assert figure.img["alt"] == 'nine "digits"' and not figure.img.has_attr("hidden")
    assert figure.img["src"].startswith("data:image/webp;base64,")
    assert figure.figcaption.get_text() == "a < b"


def test_weights_travel_as_float16(output, generator, directions):
    text = re.search('data-weights="([^"]*)"', output)[1]
    values = np.frombuffer(base64.b64decode(text), "<f2")
    parts = [*generator.get_weights(), np.array(list(directions.values()))]
    np.testing.assert_array_equal(values, np.concatenate([p.ravel() for p in parts]).astype("f2"))


def test_page_latents_are_uniform_and_depend_on_the_seed_alone():
    z = live.page_latents(7, 2000)
    assert z.dtype == np.float32 and z.shape == (2000, 100)
    assert -1 <= z.min() < -0.9999 and 0.9999 < z.max() <= 1
    assert abs(z.mean()) < 0.005 and abs(z.var() - 1 / 3) < 0.005
    np.testing.assert_array_equal(live.page_latents(7, 3), z[:3])
    assert not np.array_equal(live.page_latents(8, 3), z[:3])


def other(**options):
    """A generator of nearly the right form."""
    z = keras.Input((100,))
    h = layers.Dense(8, options.get("first"), use_bias=options.get("bias", True))(z)
    h = options.get("between", layers.LeakyReLU())(h)
    shape = options.get("shape", (28, 28, 1))
    x = layers.Dense(int(np.prod(shape)), activation=options.get("last", "tanh"))(h)
    return keras.Model(z, layers.Reshape(shape)(x))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (networks.dcgan_generator(), "Conv2DTranspose"),
        (other(between=layers.ReLU()), "This one has: InputLayer, Dense, ReLU, Dense, Reshape"),
        (other(last="sigmoid"), "linear and sigmoid"),
        (other(first="relu"), "relu and tanh"),
        (other(bias=False), "both with biases"),
        (other(shape=(28, 28, 3)), r"shape \(28, 28, 3\)"),
    ],
)
def test_another_generator_is_refused(wrong, words, directions):
    with pytest.raises(ValueError, match="takes a generator of Dense, LeakyReLU.*" + words):
        live.live_generator(wrong, directions, alt="x", caption="y")


@pytest.mark.parametrize("wrong", [{}, {"a": np.ones(99)}, {"a": np.ones((2, 100))}])
def test_wrong_directions_are_refused(generator, wrong):
    with pytest.raises(ValueError, match="the length of z, 100"):
        live.live_generator(generator, wrong, alt="x", caption="y")


@pytest.mark.parametrize("value", [np.nan, np.inf, 7e4])
def test_values_beyond_float16_are_refused(directions, value):
    generator = networks.mlp_generator()
    generator.weights[1].assign(np.full(128, value))
    with pytest.raises(ValueError, match="float16 cannot"):
        live.live_generator(generator, directions, alt="x", caption="y")


# --- In a browser ---------------------------------------------------------------------------------

# Two outputs on one page; the first is used as a reader would, and what it shows is noted.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><script>
const faults = [];
addEventListener("error", event => faults.push(event.message));
</script>OUTPUT OUTPUT<pre id="result"></pre><script>
const figure = document.querySelector("figure.live"), find = s => [...figure.querySelectorAll(s)];
const [again, swap3, reset] = [".controls button", ".small button:nth-child(3)",
  ".controls > button"].map(s => figure.querySelector(s));
const sliders = find("input[type=range]"), seed = figure.querySelector("input[type=number]");
const set = (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); };
const pictures = () => find("canvas").map(canvas => [...canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data].filter((_, i) => i % 4 === 0));
const z = figure.draw(7, 5);
const result = {z: z.map(v => [...v]), x: z.map(v => [...figure.generate(v)])};
const steps = {
  first: () => {},
  moved: () => { set(sliders[0], 1.5); set(sliders[3], -0.5); },
  reset: () => reset.click(),
  walked: () => set(sliders[4], 1),
  zero: () => set(sliders[5], 0),
  again: () => { reset.click(); again.click(); },
  swapped: () => { set(seed, 7); swap3.click(); },
};
for (const [name, step] of Object.entries(steps)) {
  step();
  result[name] = {pictures: pictures(), seed: +seed.value,
    shown: find("output").map(o => o.textContent)};
}
result.faults = faults;
result.panels = document.querySelectorAll("figure.live > .panel").length;
result.hidden = find("img").map(img => img.hidden);
document.getElementById("result").textContent = JSON.stringify(result);
</script>"""


@pytest.fixture(scope="module")
def used(output, tmp_path_factory):
    """What a real browser shows while the buttons and sliders are used."""
    return result(PAGE.replace("OUTPUT", output), tmp_path_factory.mktemp("live"))


def float16_error(generator, z):
    """Say what rounding the weights to float16 may change in a pixel: six standard deviations.

    A rounded weight is off by up to half the spacing of float16 there, as good as at random: by the
    spacing over sqrt(12) in the mean square. Such errors add up in squares. Neither the leaky ReLU
    nor tanh makes a difference larger. Keras itself computes in float32, hence the 1e-5.
    """
    w1, b1, w2, b2 = (w.astype(np.float64) for w in generator.get_weights())
    spacings = (np.spacing(w.astype("f2")).astype(float) for w in (w1, b1, w2, b2))
    v1, c1, v2, c2 = (spacing**2 / 12 for spacing in spacings)
    a = z @ w1 + b1
    h = np.maximum(a, 0.01 * a)
    variance = (z**2 @ v1 + c1) @ w2**2 + h**2 @ v2 + c2
    return 6 * np.sqrt(variance) + 1e-5


def assert_shows(pictures, generator, z):
    """Check that the canvases hold what Keras draws of z, up to float16 and whole pixels."""
    x = np.asarray(generator(z.astype(np.float32))).reshape(len(z), -1)
    limit = 127.5 * float16_error(generator, z) + 0.51
    assert (np.abs(np.array(pictures) - 127.5 * (x + 1)) <= limit).all()


def test_page_draws_the_same_z_as_python(used):
    np.testing.assert_allclose(used["z"], live.page_latents(7, 5), atol=1e-7)


def test_page_computes_what_keras_computes(used, generator):
    z, x = np.array(used["z"]), np.array(used["x"])
    keras_x = np.asarray(generator(z.astype(np.float32))).reshape(x.shape)
    limit = float16_error(generator, z)
    assert limit.max() < 0.03, "four grey levels of 255"
    assert (np.abs(x - keras_x) <= limit).all()
    w1, b1, w2, b2 = (w.astype(np.float16).astype(np.float64) for w in generator.get_weights())
    h = z @ w1 + b1
    np.testing.assert_allclose(x, np.tanh(np.maximum(h, h * 0.01) @ w2 + b2), atol=1e-9)


def test_controls_do_what_they_say(used, generator, directions):
    z, u = live.page_latents(0, 9), list(directions.values())
    assert_shows(used["first"]["pictures"], generator, z)
    assert_shows(used["moved"]["pictures"], generator, z + 1.5 * u[0] - 0.5 * u[3])
    assert used["moved"]["shown"] == ["1.50", "0.00", "0.00", "-0.50", "0.00", "1.00"]
    assert used["reset"] == used["first"]
    assert_shows(used["walked"]["pictures"], generator, np.roll(z, -1, axis=0))
    assert_shows(used["zero"]["pictures"], generator, 0 * z)
    assert_shows(used["again"]["pictures"], generator, live.page_latents(used["again"]["seed"], 9))
    assert used["again"]["seed"] != 0
    swapped = live.page_latents(7, 9)
    swapped[[0, 3]] = swapped[[3, 0]]
    assert_shows(used["swapped"]["pictures"], generator, swapped)


def test_outputs_do_not_collide_and_raise_nothing(used):
    assert used["panels"] == 2 and used["faults"] == [] and used["hidden"] == [True]
