"""What all instruments in the page have in common: small, whole, and strict about settings."""

import gzip
import re
import urllib.parse
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from gan_utils.teaching import instruments

SHOW = {
    "plane": instruments.show_plane,
    "densities": instruments.show_densities,
    "convolution": instruments.show_convolution,
}


@pytest.fixture(scope="module")
def outputs():
    return {name: show().data for name, show in SHOW.items()}


def test_sizes(outputs):
    sizes = {name: len(gzip.compress(text.encode())) for name, text in outputs.items()}
    assert max(sizes.values()) <= 25_000 and sum(sizes.values()) <= 50_000, sizes


@pytest.mark.parametrize("name", SHOW)
def test_nothing_is_fetched_and_no_ids_collide(name, outputs):
    text = outputs[name]
    assert re.findall(r"""\b(?:src|href|url)\s*[=(]\s*["']?(?:https?:|//)""", text) == []
    assert re.findall(r"\b(?:fetch|XMLHttpRequest|importScripts|import)\s*\(", text) == []
    assert " id=" not in text.partition("<script>")[0]
    assert text.count("</script>") == 1, "the script would end early"


@pytest.mark.parametrize("name", SHOW)
def test_still(name, outputs):
    figure = BeautifulSoup(outputs[name], "html.parser").figure
    assert len(figure.img["alt"]) > 60 and not figure.img.has_attr("hidden")
    kind, _, source = figure.img["src"].partition(",")
    picture = ElementTree.fromstring(urllib.parse.unquote(source))
    assert kind == "data:image/svg+xml" and picture.tag.endswith("svg") and len(picture) >= 4
    assert len(figure.figcaption.get_text()) > 60


@pytest.mark.parametrize(
    ("show", "arguments", "words"),
    [
        ("plane", {"preset": "good"}, "no preset 'good'. There are: healthy, collapse, "),
        ("plane", {"rate": 1}, "no setting 'rate'. There are: data, loss, "),
        ("plane", {"beta_1": 0.7}, "no beta_1 0.7. There are: 0.0, 0.5, 0.9"),
        ("plane", {"data": "rings"}, "no data 'rings'. There are: ring, grid, square, drawn"),
        ("plane", {"seed": -1}, "seed is -1; it must be a whole number"),
        ("plane", {"seed": 0.5}, "seed is 0.5; it must be a whole number"),
        ("densities", {"scene": "near"}, "no scene 'near'. There are: farm, equal, "),
        ("convolution", {"kind": "conv"}, "no kind 'conv'. There are: transposed, convolution"),
        ("convolution", {"size": 3}, "no setting 'size'. There are: side, kernel, "),
        ("convolution", {"kernel": 8}, "kernel is 8; it must be a whole number, 1 to 7"),
        ("convolution", {"stride": 1.5}, "stride is 1.5; it must be a whole number, 1 to 4"),
    ],
)
def test_wrong_settings_are_refused(show, arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        SHOW[show](**arguments)


def test_every_preset_can_be_chosen():
    for name, (_, settings) in instruments.PLANE_PRESETS.items():
        assert instruments.show_plane(name).data
        for key, value in settings.items():
            assert value in instruments.PLANE_CHOICES[key][1], (name, key)
    assert instruments.PLANE_PRESETS["healthy"][1].keys() == instruments.PLANE_CHOICES.keys()
