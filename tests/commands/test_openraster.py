"""Layered documents: blended from the command line, written back, and opened again."""

from __future__ import annotations

import io
import re
import time
import zipfile

import deep
import imagecodecs
import numpy as np
import pytest
from deepblend.pictures import compositing
from PIL import Image

AT = 'x="20" y="15"'


def one(name, words=""):
    return f'<layer name="{name}" src="data/{name}.png" {words}/>'


def stacked(*layers):
    return f"<stack>{''.join(layers)}</stack>"


def png(samples):
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(samples)))


def document(path, stack, layers, size=(96, 80)):
    """An .ora of a stack's inner XML and its layers' samples by name."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "image/openraster", zipfile.ZIP_STORED)
        xml = (
            f'<?xml version="1.0" encoding="UTF-8"?><image version="0.0.3" w="{size[0]}" h="{size[1]}">{stack}</image>'
        )
        archive.writestr("stack.xml", xml, zipfile.ZIP_DEFLATED)
        for name, samples in layers.items():
            archive.writestr(f"data/{name}.png", samples if isinstance(samples, bytes) else png(samples))
        archive.writestr("mergedimage.png", png(np.zeros((8, 8, 3), np.uint8)))
        archive.writestr("Thumbnails/thumbnail.png", png(np.zeros((8, 8, 3), np.uint8)))
    return path


def disc(kind="u1"):
    """A 48 x 40 cut-out with a soft edge."""
    rows, columns = np.mgrid[:40, :48]
    alpha = np.clip(15 - np.hypot(rows - 19.5, columns - 23.5), 0, 2) / 2
    both = np.dstack([deep.grain(40, 48, seed=1) / 255, alpha]) * deep.WHITE[kind]
    return np.rint(both).astype(kind)


@pytest.fixture
def ora(pictures):
    """An object above a ground, a glaze above the object and something hidden."""
    whole = stacked(one("glaze"), one("hidden", 'visibility="hidden"'), one("object", AT), one("ground"))
    glaze = np.zeros((80, 96, 4), np.uint8)
    glaze[:6] = (200, 30, 30, 255)
    layers = {"glaze": glaze, "hidden": disc(), "object": disc(), "ground": deep.grain(80, 96, seed=2)}
    return document(pictures.folder / "in.ora", whole, layers)


def arguments(ora, output, *more):
    return ["blend", "--document", ora, "--output", output, "--method", "poisson", *more]


def members(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist()[0] == "mimetype" and archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_layer_is_blended_and_written_back_above_it(deepblend, pictures, ora):
    output = pictures.folder / "out.ora"
    done = deepblend(*arguments(ora, output, "--layer-name", "object"), "--json")
    assert (done.status, done.err) == (0, "")
    before, after = members(ora), members(output)
    renewed = {"stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"}
    assert {name: after[name] for name in before if name not in renewed} == {
        name: content for name, content in before.items() if name not in renewed
    }
    (new,) = set(after) - set(before)
    names = re.findall(r'name="([^"]*)"', after["stack.xml"].decode())
    assert names == ["glaze", "hidden", "Deep blend (object)", "object", "ground"]
    box = done.json["layer"]
    assert f'x="{box["x"]}" y="{box["y"]}"' in after["stack.xml"].decode()
    layer = imagecodecs.png_decode(after[new])
    assert layer.shape == (box["h"], box["w"], 4)

    ground, merged = deep.grain(80, 96, seed=2), imagecodecs.png_decode(after["mergedimage.png"])
    covered = np.zeros((80, 96), bool)
    covered[15:55, 20:68] = disc()[..., 3] > 0
    np.testing.assert_array_equal(merged[6:][~covered[6:]], ground[6:][~covered[6:]])
    np.testing.assert_array_equal(merged[:6], np.full((6, 96, 3), (200, 30, 30)))
    full = layer[..., 3] == 255
    y, x = box["y"], box["x"]
    np.testing.assert_array_equal(merged[y : y + box["h"], x : x + box["w"]][full], layer[full][:, :3])
    assert max(Image.open(io.BytesIO(after["Thumbnails/thumbnail.png"])).size) == 96

    # The same blend from files has the same pixels: one path for both.
    Image.fromarray(disc()).save(pictures.source)
    Image.fromarray(ground).save(pictures.target)
    same = ["--source", pictures.source, "--target", pictures.target, "--center", "44,35", "--method", "poisson"]
    assert deepblend("blend", *same, "--output", pictures.output, "--layer", pictures.folder / "l.png").status == 0
    np.testing.assert_array_equal(imagecodecs.png_decode((pictures.folder / "l.png").read_bytes()), layer)
    flat = imagecodecs.png_decode(pictures.output.read_bytes())
    assert np.abs(flat[6:].astype(int) - merged[6:]).max() <= 1

    again = pictures.folder / "again.ora"
    assert deepblend(*arguments(output, again, "--layer-name", "object")).status == 0
    assert len(members(again)) == len(after) + 1


def test_the_topmost_visible_layer_is_the_default_and_a_png_shows_all(deepblend, pictures, ora):
    assert deepblend(*arguments(ora, pictures.output)).status == 0
    made = imagecodecs.png_decode(pictures.output.read_bytes())
    assert made.shape == (80, 96, 3) and made.dtype == np.uint8
    covered = np.zeros((80, 96), bool)
    covered[15:55, 20:68] = disc()[..., 3] > 0
    expected = deep.grain(80, 96, seed=2)
    expected[15:55, 20:68][covered[15:55, 20:68]] = made[15:55, 20:68][covered[15:55, 20:68]]
    np.testing.assert_array_equal(made[6:], expected[6:])  # the glaze, blended, is on rows 0 to 5


def test_sixteen_bits_stay(deepblend, pictures):
    stack = stacked(one("object", AT), one("ground"))
    ora = document(pictures.folder / "in.ora", stack, {"object": disc("u2"), "ground": deep.ramp("u2")})
    assert deepblend(*arguments(ora, pictures.folder / "out.ora")).status == 0
    after = members(pictures.folder / "out.ora")
    layer, merged = (imagecodecs.png_decode(after[n]) for n in ("data/deepblend.png", "mergedimage.png"))
    assert layer.dtype == merged.dtype == np.uint16
    assert len(np.unique(layer[..., 0] & 0xFF)) > 200
    np.testing.assert_array_equal(merged[:15], deep.ramp("u2")[:15])


def test_a_mask_is_of_the_documents_size(deepblend, pictures, ora):
    mask = np.zeros((80, 96), np.uint8)
    mask[25:45, 30:50] = 255
    Image.fromarray(mask).save(pictures.mask)
    done = deepblend(*arguments(ora, pictures.output, "--layer-name", "object", "--mask", pictures.mask), "--json")
    assert {name: done.json["layer"][name] for name in "xywh"} == {"x": 30, "y": 25, "w": 20, "h": 20}
    Image.fromarray(mask[:40]).save(pictures.mask)
    done = deepblend(*arguments(ora, pictures.output, "--layer-name", "object", "--mask", pictures.mask))
    assert done.status == 2 and "The mask is 96 x 40 pixels, but the document is 96 x 80" in done.err


def test_groups_opacity_and_places_add_up(deepblend, pictures):
    """Half a white square in a group at half opacity, moved by group and layer, below the object."""
    square = one("square", 'x="10" y="20" opacity="0.5"')
    group = f'<stack name="g" x="4" y="2" opacity="0.5">{square}</stack>'
    stack = stacked(one("object", 'x="46" y="40"'), group, one("ground"))
    square, ground = np.full((10, 10, 4), 255, np.uint8), np.zeros((80, 96, 3), np.uint8)
    ora = document(pictures.folder / "in.ora", stack, {"object": disc(), "square": square, "ground": ground})
    assert deepblend(*arguments(ora, pictures.output)).status == 0
    made = imagecodecs.png_decode(pictures.output.read_bytes())
    expected = np.zeros((40, 46, 3))
    expected[22:32, 14:24] = 64
    np.testing.assert_array_equal(made[:40, :46], expected)


@pytest.mark.parametrize(
    ("mode", "below", "above", "expected"),
    [
        ("svg:multiply", 0.5, 0.4, 0.2),
        ("svg:screen", 0.5, 0.4, 0.7),
        ("svg:overlay", 0.25, 0.4, 0.2),
        ("svg:overlay", 0.75, 0.4, 0.7),
        ("svg:darken", 0.5, 0.4, 0.4),
        ("svg:lighten", 0.5, 0.4, 0.5),
        ("svg:color-dodge", 0.3, 0.4, 0.5),
        ("svg:color-dodge", 0.0, 1.0, 0.0),
        ("svg:color-burn", 0.8, 0.4, 0.5),
        ("svg:color-burn", 1.0, 0.0, 1.0),
        ("svg:hard-light", 0.5, 0.7, 0.7),
        ("svg:soft-light", 0.2, 0.25, 0.12),
        ("svg:soft-light", 0.64, 0.75, 0.72),
        ("svg:difference", 0.5, 0.4, 0.1),
        ("svg:exclusion", 0.5, 0.4, 0.5),
        ("svg:plus", 0.5, 0.4, 0.9),
        ("svg:plus", 0.9, 0.4, 1.0),
        ("svg:luminosity", 0.5, 0.4, 0.4),
        ("svg:color", 0.5, 0.4, 0.5),
        ("svg:hue", 0.5, 0.4, 0.5),
        ("svg:saturation", 0.5, 0.4, 0.5),
    ],
)
def test_blend_modes_follow_the_formulas(mode, below, above, expected):
    b, s = (np.float32([[[value, value, value, 1]]]) for value in (below, above))
    np.testing.assert_allclose(compositing.over(b, s, mode)[0, 0], [*[expected] * 3, 1], atol=1e-5)
    half = compositing.over(b, s * np.float32(0.5), mode)[0, 0, 0]
    mixed = min(1, below + above / 2) if mode == "svg:plus" else (below + expected) / 2
    assert half == pytest.approx(mixed, abs=1e-5)


@pytest.mark.parametrize(
    ("mode", "alpha"), [("svg:src-over", 0.8), ("svg:dst-in", 0.3), ("svg:dst-out", 0.2), ("svg:src-atop", 0.5),
                        ("svg:dst-atop", 0.6)]
)  # fmt: skip
def test_operators_follow_porter_and_duff(mode, alpha):
    b, s = np.float32([[[0.1, 0.2, 0.3, 0.5]]]), np.float32([[[0.6, 0.0, 0.3, 0.6]]])
    assert compositing.over(b, s, mode)[0, 0, 3] == pytest.approx(alpha, abs=1e-6)


BOMB = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(20)
) + b"]><image w='9' h='9'><stack name='&t;'/></image>"  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("stack.xml", BOMB), "declares a document type"),
        (("stack.xml", b"<image w='9'"), "stack.xml is damaged"),
        (("stack.xml", b"<image w='9' h='9'/>"), "describes no image"),
        (("stack.xml", b"<image w='99999999' h='9999999'><stack/></image>"), "99999999 x 9999999"),
        (("stack.xml", b"<image w='9' h='9'>" + b"<stack>" * 999 + b"</stack>" * 999 + b"</image>"), "64 deep"),
        (("stack.xml", b"<image w='9' h='9'><stack/></image>"), "none of its layers is visible"),
        (("data/object.png", None), "the file of its layer 'object' is missing"),
        (("data/object.png", b"no picture"), "is no PNG"),
        (("data/object.png", png(disc())[:900]), "damaged or cut off"),
        (("data/ground.png", png(deep.ramp("u2"))[:900]), "damaged or cut off"),
        (("stack.xml", None), "it has no stack.xml"),
    ],
)
def test_a_damaged_document_is_refused_at_once(deepblend, pictures, ora, change, words):
    content = {**members(ora), change[0]: change[1]}
    with zipfile.ZipFile(ora, "w") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    started = time.process_time()  # which a busy machine does not lengthen
    done = deepblend(
        *arguments(ora, pictures.folder / "out.ora", *(["--layer-name", "object"] if "data" in change[0] else []))
    )
    assert done.status == 2 and words in done.err and done.err.count("\n") == 1
    assert time.process_time() - started < 20 and not (pictures.folder / "out.ora").exists()


def test_what_cannot_be_done_is_said(deepblend, pictures, ora):
    cases = {
        ("--layer-name", "boat"): "no layer is called 'boat'. Its layers are: 'glaze', 'hidden', 'object', 'ground'",
        ("--layer-name", "ground"): "nothing visible lies below its layer 'ground'",
        ("--source", pictures.source): "--source does not go with --document",
        ("--center", "3,4"): "--center does not go with --document",
    }
    for more, words in cases.items():
        done = deepblend(*arguments(ora, pictures.output, *more))
        assert done.status == 2 and words in done.err, done.err
    done = deepblend("blend", *pictures.arguments(output=pictures.folder / "a.ora"))
    assert done.status == 1 and "an .ora is the result of a --document alone" in done.err
    done = deepblend("blend", *pictures.arguments(target=ora))
    assert done.status == 2 and "given as --document" in done.err
    done = deepblend("blend", "--output", pictures.output)
    assert done.status == 2 and "required: --source, --target (or --document)" in done.err
    stack = stacked(one("a"), one("b", 'composite-op="krita:wax"'), one("c"))
    odd = document(pictures.folder / "odd.ora", stack, dict.fromkeys("abc", disc()), (48, 40))
    done = deepblend(*arguments(odd, pictures.output))
    assert done.status == 2 and "its layer 'b' has the blend mode 'krita:wax', which is not known here" in done.err
    odd.write_bytes(odd.read_bytes()[:400])
    assert "no OpenRaster document, or damaged or cut off" in deepblend(*arguments(odd, pictures.output)).err
