"""Scripts and presets: each value that is given prevails, and the preset has the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deepblend_protocol.settings import PRESET_NAMES, PRESETS, table
from gimp import Gimp
from pictures import disc, picture, stored

BELOW, LAYER = picture(120, 100, 4), picture(60, 50, 4, seed=11)
LAYER[..., 3] = (disc(60, 50) * 255).astype(LAYER.dtype)
OPEN = """
image = tools.new_image(120, 100)
tools.new_layer(image, "{folder}/below", "below", 120, 100)
layer = tools.new_layer(image, "{folder}/layer", "Boat", 60, 50, 30, 20)
"""


@pytest.fixture(scope="module")
def opened(gimp: Gimp) -> Gimp:
    stored(gimp.folder / "below", BELOW)
    stored(gimp.folder / "layer", LAYER)
    gimp.run(OPEN.replace("{folder}", str(gimp.folder)))
    return gimp


def blended(gimp: Gimp, given: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report of a blend, and the arguments that its layer keeps."""
    report, kept = gimp.run(f"""
done = tools.blend(image, layer, {given})
kept = bytes(done["layer"].get_parasite("deepblend-settings").get_data()).decode()
answer = [done["report"], kept]
image.remove_layer(done["layer"])
""")
    return report, json.loads(kept)["settings"]


def values(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report["settings"][name] for name in PRESET_NAMES}


def test_by_default_the_background_decides(opened: Gimp):
    report, kept = blended(opened, 'preset="automatic"')
    assert report["looks_like"] in ("photograph", "painting")
    assert values(report) == PRESETS[report["looks_like"]]
    assert (report["settings"]["preset"], kept["preset"]) == ("automatic", "automatic")
    default = opened.run("""
answer = Gimp.get_pdb().lookup_procedure("deepblend").create_config().get_property("preset")
""")
    assert default == "automatic"


@pytest.mark.parametrize(
    ("name", "value"), [("style", 0.2), ("style", 0.35), ("match", 0.5), ("grain", 1.0), ("style_from", "background")]
)
def test_a_value_that_is_given_prevails(opened: Gimp, name: str, value: Any):
    """Also where it is the one that stands in the arguments when none is given."""
    report, _ = blended(opened, f'preset="painting", {name}={value!r}')
    assert values(report) == {**PRESETS["painting"], name: value}
    automatic, _ = blended(opened, f'preset="automatic", {name}={value!r}')
    assert values(automatic) == {**PRESETS[automatic["looks_like"]], name: value}


def test_own_values_are_all_as_they_stand(opened: Gimp):
    report, kept = blended(opened, 'preset="own", style=0.35, edges="selected", shadow_px=12.0')
    assert values(report) == {**{name: table()[name].default for name in PRESET_NAMES}, "style": 0.35}
    assert report["looks_like"] is None
    assert (report["settings"]["edges"], report["settings"]["shadow_px"], kept["edges"]) == ("selected", 12, "selected")
