"""Pixels through the real Krita and the real server: nothing is lost, at any depth; what is read is what is meant."""

from __future__ import annotations

import numpy as np
import pytest
from krita_desk import AT, BELOW, HEIGHT, LAYER, LINEAR, SRGB, WIDTH, Desk, ellipse, rectangle
from pictures import disc, engine, picture

GRAY = "Gray-D50-elle-V2-srgbtrc.icc"
DEPTHS = {"U8": "U8", "U16": "U16", "F16": "HALF", "F32": "FLOAT"}
CASES = [
    *(("RGBA", depth, SRGB) for depth in DEPTHS),
    *(("RGBA", depth, LINEAR) for depth in ("U16", "F16", "F32")),
    *(("GRAYA", depth, GRAY) for depth in DEPTHS),
    ("GRAYA", "F32", "Gray-D50-elle-V2-g10.icc"),
    ("RGBA", "U16", "ClayRGB-elle-V2-g22.icc"),
    ("RGBA", "F32", "Rec2020-elle-V4-g10.icc"),
]
ALLOWED = {"U8": 0, "U16": 0, "F16": 2**-11, "F32": 1e-6}
ELLIPSE = ellipse((50, 40, 80, 60))


@pytest.mark.parametrize("space", CASES, ids=lambda space: "-".join(space[:2]) + "-" + space[2][:8].strip())
def test_a_layer_identical_to_its_background_comes_back_identical(
    desk: Desk, space: tuple[str, str, str], krita_errors: dict[str, float]
):
    model, depth, _ = space
    channels = {"GRAYA": 2, "CMYKA": 5}.get(model, 4)
    below = picture(WIDTH, HEIGHT, channels, DEPTHS[depth])
    desk.open(below, below[30:120, 40:150], mask=ELLIPSE, space=space)
    assert desk.run("answer = [document.colorModel(), document.colorDepth()]") == [model, depth]
    desk.blend(style=0.0)
    new, (x, y, w, h) = desk.made(below)
    desk.close()
    assert (x, y, w, h) == (50, 40, 80, 60)
    inside = new[..., -1] > 0
    assert inside.sum() > 3000
    white = 1 if below.dtype.kind == "f" else np.iinfo(below.dtype).max
    expected = below[y : y + h, x : x + w, :-1].astype(np.float64)
    error = np.abs(new[..., :-1].astype(np.float64) - expected)[inside].max() / white
    krita_errors[" ".join(space)] = error
    assert error <= ALLOWED[depth]


@pytest.mark.parametrize(
    ("space", "allowed"),
    [
        (("CMYKA", "U8", "Chemical proof"), 13),
        (("CMYKA", "U16", "Chemical proof"), 13),
        (("CMYKA", "F32", "Chemical proof"), 13),
        (("LABA", "U8", "Lab identity built-in"), 3),
        (("LABA", "U16", "Lab identity built-in"), 1),
    ],
    ids=lambda case: "-".join(case[:2]) if isinstance(case, tuple) else "",
)
def test_a_picture_that_has_to_be_converted_looks_as_before(
    desk: Desk, space: tuple[str, str, str], allowed: int, krita_errors: dict[str, float]
):
    """A layer that is identical to its background; inks are not compared, for many mixtures have one colour."""
    model, depth, _ = space
    below = picture(WIDTH, HEIGHT, 5 if model == "CMYKA" else 4, DEPTHS[depth])
    if model == "CMYKA":
        below[..., :4] = (below[..., :4] * 0.4).astype(below.dtype)  # inks that a press can print
        if below.dtype.kind == "f":
            below[..., :4] *= 100  # Krita's floats of ink are per cent
    desk.open(below, below[30:120, 40:150], mask=ELLIPSE, space=space)
    looks = f"""
document.refreshProjection()
document.waitForDone()
image = document.projection(0, 0, {WIDTH}, {HEIGHT}).convertToFormat(QtGui.QImage.Format.Format_RGBA8888)
keep("looks", image.constBits().asstring({WIDTH * HEIGHT * 4}))
"""
    desk.run(looks)
    before = desk.loaded("looks", BELOW, WIDTH, HEIGHT).astype(int)
    desk.blend(style=0.0)
    desk.run(looks)
    after = desk.loaded("looks", BELOW, WIDTH, HEIGHT).astype(int)
    depths = desk.run("answer = [new.colorModel(), new.colorDepth()]")
    desk.close()
    assert depths == [model, depth]
    assert before[..., :3].std() > 10
    error = np.abs(after - before).max()
    krita_errors[f"{' '.join(space)}, as seen"] = error / 255
    assert error <= allowed


@pytest.mark.parametrize("depth", ["U8", "U16"])
def test_near_black_stays_black_in_lab(desk: Desk, depth: str):
    """Seamless in the dark, the blend falls below black; in whole numbers of Lab that must not become a colour."""
    white = 255 if depth == "U8" else 65535
    dtype = np.uint8 if depth == "U8" else np.uint16
    neutral = 128 if depth == "U8" else 32896

    def dark(width: int, height: int, most: float, seed: int) -> np.ndarray:
        samples = np.full((height, width, 4), neutral, dtype)
        light = np.random.default_rng(seed).uniform(0, most, (height // 5, width // 5)).repeat(5, 0).repeat(5, 1)
        samples[..., 2] = (light * white).astype(dtype)  # the desk stores the first three the other way round
        samples[..., 3] = white
        return samples

    below = dark(WIDTH, HEIGHT, 0.03, 1)
    desk.open(below, dark(110, 90, 0.12, 2), mask=ELLIPSE, space=("LABA", depth, "Lab identity built-in"))
    desk.run("layer.setVisible(False)")
    desk.blend(style=0.0)
    desk.run(f"""
document.refreshProjection()
document.waitForDone()
image = document.projection(0, 0, {WIDTH}, {HEIGHT}).convertToFormat(QtGui.QImage.Format.Format_RGBA8888)
keep("looks", image.constBits().asstring({WIDTH * HEIGHT * 4}))
""")
    seen = desk.loaded("looks", BELOW, WIDTH, HEIGHT)[..., :3].astype(int)
    desk.close()
    assert seen[40:100, 50:130].std() > 1
    assert (seen.max(-1) - seen.min(-1)).max() <= (8 if depth == "U8" else 4), "specks of colour"


def test_sixteen_bits_stay_sixteen_bits(desk: Desk):
    """A ramp finer than 8 bits comes back with its own steps."""
    below = picture(WIDTH, HEIGHT, 4, "U16")
    layer = np.full((90, 110, 4), 65535, np.uint16)
    layer[..., :3] = (30000 + np.arange(110) * 7)[None, :, None]
    desk.open(below, layer, space=("RGBA", "U16", SRGB))
    desk.blend(style=0.3)
    new, _ = desk.made(below)
    desk.close()
    assert len(np.unique(new[..., 0])) > 2000
    assert np.count_nonzero(new[..., 0] % 257) > 0.9 * new[..., 0].size


SELECTIONS = {
    "none": (None, {}),
    "rectangle": (rectangle((60, 50, 70, 40)), {}),
    "ellipse": (ELLIPSE, {"gradients": "mixed"}),
    "soft": (ellipse((50, 40, 80, 60), 20), {}),
    "partly-outside": (rectangle((0, 0, 70, 60)), {"keep_colours": 0.0}),
    "all": (rectangle((0, 0, WIDTH, HEIGHT)), {"feather_px": 9.0}),
    "grown": (rectangle((70, 60, 30, 20)), {"grow_px": 12.0}),
    "shrunk": (rectangle((60, 50, 70, 40)), {"grow_px": -6.0, "feather_px": 4.0}),
}


@pytest.mark.parametrize("kind", SELECTIONS)
def test_selections(desk: Desk, kind: str):
    """Compared with what the engine makes of the same pixels without Krita and server, bit for bit."""
    mask, settings = SELECTIONS[kind]
    layer = LAYER.copy()
    layer[..., 3] = (disc(110, 90, 12) * 255).round()
    desk.open(layer=layer, mask=mask)
    desk.blend(style=0.0, **settings)
    new, box = desk.made()
    desk.close()
    expected, whole = engine(layer, AT, BELOW, mask, style=0.0, **settings)
    x, y, w, h = (new_side - side for new_side, side in zip(box, (*whole[:2], 0, 0), strict=True))
    rest = expected.copy()
    np.testing.assert_array_equal(new, expected[y : y + h, x : x + w])
    rest[y : y + h, x : x + w, 3] = 0
    assert not rest[..., 3].any()


@pytest.mark.parametrize(
    ("at", "size"),
    [((-60, -40), (110, 90)), ((150, 120), (110, 90)), ((-30, -20), (300, 240)), ((80, 70), (1, 1))],
    ids=["left-above", "right-below", "larger-than-the-canvas", "one-pixel"],
)
def test_layers_anywhere(desk: Desk, at: tuple[int, int], size: tuple[int, int]):
    layer, mask = picture(*size, 4, seed=5), ellipse((5, 5, 190, 150))
    desk.open(layer=layer, at=at, mask=mask)
    desk.blend(style=0.0)
    new, box = desk.made()
    desk.close()
    expected, whole = engine(layer, at, BELOW, mask, style=0.0)
    x, y = box[0] - whole[0], box[1] - whole[1]
    np.testing.assert_array_equal(new, expected[y : y + box[3], x : x + box[2]])


@pytest.mark.parametrize("depth", ["U8", "U16", "F32"])
def test_the_whole_blend_is_the_engines_own(desk: Desk, krita_errors: dict[str, float], depth: str):
    """Deep, by a painting's settings: through Krita, the wire and the server."""
    below, layer = picture(WIDTH, HEIGHT, 4, DEPTHS[depth]), picture(110, 90, 4, DEPTHS[depth], seed=7)
    desk.open(below, layer, mask=ELLIPSE, space=("RGBA", depth, SRGB))
    desk.blend()
    new, box = desk.made(below)
    name = desk.run("answer = new.name()")
    desk.close()
    expected, whole = engine(layer, AT, below, ELLIPSE)
    assert box == whole
    white = 1 if below.dtype.kind == "f" else np.iinfo(below.dtype).max
    error = np.abs(new.astype(np.float64) - expected.astype(np.float64)).max() / white
    krita_errors[f"{depth}, default blend against the engine's own"] = error
    assert error <= ALLOWED[depth]
    assert name == "Boat, blended (style 0.5)"


GROUPS = {
    "in-a-group": """
group = document.createGroupLayer("group")
document.rootNode().addChildNode(group, None)
lower = new_layer(document, "lower", 110, 90, 20, 50, parent=group)
lower.setOpacity(150)
document.rootNode().removeChildNode(layer)
layer = new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
""",
    "in-a-faint-group": """
group = document.createGroupLayer("group")
document.rootNode().addChildNode(group, None)
group.setOpacity(120)
lower = new_layer(document, "lower", 110, 90, 20, 50, parent=group)
document.rootNode().removeChildNode(layer)
layer = new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
""",
    "in-a-pass-through-group": """
group = document.createGroupLayer("group")
document.rootNode().addChildNode(group, None)
group.setPassThroughMode(True)
lower = new_layer(document, "lower", 110, 90, 20, 50, parent=group)
lower.setBlendingMode("multiply")
document.rootNode().removeChildNode(layer)
layer = new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
""",
    "above-hidden-and-faint-layers": """
root = document.rootNode()
hidden = new_layer(document, "hidden", 110, 90, 20, 50, above=document.topLevelNodes()[0])
hidden.setVisible(False)
faint = new_layer(document, "faint", 110, 90, 60, 10, above=document.topLevelNodes()[0])
faint.setOpacity(90)
""",
    "below-others": """
for number in range(2):
    new_layer(document, "above", 110, 90, 30 * number, 10)
""",
    "itself-hidden-and-faint": """
layer.setVisible(False)
layer.setOpacity(50)
layer.setBlendingMode("difference")
""",
    "below-a-filter": """
filtered = document.createFilterLayer("filter", Krita.instance().filter("invert"), Selection())
document.rootNode().addChildNode(filtered, None)
""",
    "above-a-filter": """
blur = Krita.instance().filter("blur")
filtered = document.createFilterMask("blur", blur, document.topLevelNodes()[0])
document.topLevelNodes()[0].addChildNode(filtered, None)
""",
    "above-a-masked-layer": """
lower = new_layer(document, "masked", 110, 90, 20, 50, above=document.topLevelNodes()[0])
edge = document.createTransparencyMask("edge")
part = Selection()
part.select(30, 60, 60, 60, 128)
edge.setSelection(part)
lower.addChildNode(edge, None)
""",
}


@pytest.mark.parametrize("kind", GROUPS)
def test_what_lies_below(desk: Desk, kind: str):
    """The background is what is seen when the layer and all above it are hidden; nothing else is changed."""
    desk.open(mask=ELLIPSE, script=GROUPS[kind])
    desk.run("before = state(document)")
    desk.blend(style=0.0)
    new, box = desk.made()
    after = desk.run("""
after = state(document)


def without_new(layers):
    return [{**one, "children": without_new(one["children"])} for one in layers if one["name"] != "Boat, seamless"]


def without_pixels_of_groups(layers):
    return [
        {**one, "pixels": "" if one["type"] == "grouplayer" else one["pixels"],
         "children": without_pixels_of_groups(one["children"])}
        for one in layers
    ]


before, after = (without_pixels_of_groups(without_new(one["layers"])) for one in (before, after))
siblings = names(layer.parentNode())
answer = [before == after, siblings, len(documents())]
hiding = layer.parentNode().childNodes()
for one in hiding[siblings.index("Boat"):]:
    if one.type() != "selectionmask":
        one.setVisible(False)
for one in document.topLevelNodes():
    if one.name() in ("above", "filter"):
        one.setVisible(False)
""")
    seen = desk.seen()
    desk.close()
    same, names, documents = after
    expected, whole = engine(LAYER, AT, seen, ELLIPSE, style=0.0)
    assert box == whole
    np.testing.assert_array_equal(new, expected)
    assert names.index("Boat, seamless") == names.index("Boat") + 1
    assert same, "another layer was changed"
    assert documents == 1, "a copy of the document was left behind"
