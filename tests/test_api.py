"""``deepblend.blend`` with pictures of Pillow and arrays of NumPy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import deepblend
import deepblend_protocol
import numpy as np
import pytest
from deepblend_protocol.errors import DeepBlendError, InputError
from PIL import Image

ROOT = Path(__file__).parents[1]


def ground(height, width, seed):
    rows, columns = np.mgrid[:height, :width]
    waves = np.sin(rows / 9 + seed) + np.cos(columns / 7)
    shades = 128 + 40 * waves[:, :, None] + np.array([10 * seed, 0, -10 * seed])
    return shades.clip(0, 255).astype(np.uint8)


TARGET = ground(72, 90, 1)
SOURCE = ground(32, 40, 4)
ROWS, COLUMNS = np.mgrid[:32, :40]
MASK = ((ROWS - 15.5) / 12) ** 2 + ((COLUMNS - 19.5) / 15) ** 2 < 1
CUT = np.dstack([SOURCE, MASK * np.uint8(255)])
INSIDE = np.zeros((72, 90), bool)
INSIDE[36 - 16 : 36 + 16, 30 - 20 : 30 + 20] = MASK
QUICK = {"center": (30, 36), "method": "poisson", "edges": "selected", "device": "cpu"}


def blend(source=SOURCE, target=TARGET, mask: object = MASK, **other):
    return deepblend.blend(source, target, mask, **{**QUICK, **other})


def test_arrays_are_blended_inside_the_mask_alone():
    before = TARGET.copy(), SOURCE.copy(), MASK.copy()
    made = blend()
    assert made.picture.dtype == np.uint8 and made.picture.shape == TARGET.shape
    assert np.array_equal(made.picture[~INSIDE], TARGET[~INSIDE])
    changed = (made.picture != TARGET).any(axis=2)[INSIDE]
    assert changed.mean() > 0.5
    assert all(np.array_equal(now, then) for now, then in zip((TARGET, SOURCE, MASK), before, strict=True))
    column, row = made.position
    h, w, channels = made.layer.shape
    assert channels == 4
    alpha = made.layer[:, :, 3] > 0
    assert np.array_equal(alpha, INSIDE[row : row + h, column : column + w])
    assert np.array_equal(made.layer[alpha][:, :3], made.picture[row : row + h, column : column + w][alpha])
    assert made.report["settings"]["method"] == "poisson"


def test_pictures_of_pillow_give_the_same_and_are_pictures():
    made = blend(Image.fromarray(SOURCE), Image.fromarray(TARGET), Image.fromarray(MASK))
    assert isinstance(made.picture, Image.Image) and isinstance(made.layer, Image.Image)
    assert np.array_equal(np.asarray(made.picture), blend().picture)
    assert np.array_equal(np.asarray(made.layer), blend().layer)


@pytest.mark.parametrize("mask", [MASK * np.uint8(255), MASK * np.uint8(1), MASK[:, :, None], MASK * 1.0])
def test_a_mask_may_be_of_any_of_the_usual_kinds(mask):
    assert np.array_equal(blend(mask=mask).picture, blend().picture)


def test_transparency_is_a_mask():
    made = blend(CUT, mask=None)
    assert np.array_equal(made.picture[~INSIDE], TARGET[~INSIDE])
    assert (made.picture[INSIDE] != TARGET[INSIDE]).any(axis=1).mean() > 0.5
    assert np.array_equal(made.picture, blend(Image.fromarray(CUT), mask=None).picture)
    hidden = CUT.copy()
    hidden[~MASK] = 0  # what lies under transparency says nothing
    assert np.array_equal(made.picture, blend(hidden, mask=None).picture)


@pytest.mark.parametrize(
    ("dtype", "white", "steps"), [("uint16", 65535, 0.6), ("float16", 1, 0.6), ("float32", 1, 0.6), ("float64", 1, 0.6)]
)
def test_every_sample_type_comes_back_as_it_was(dtype, white, steps):
    def given(array):
        return (array / 255 * white).round(0 if white > 1 else 9).astype(dtype)

    target = given(TARGET)
    made = blend(given(SOURCE), target)
    assert made.picture.dtype == target.dtype
    assert np.array_equal(made.picture[~INSIDE], target[~INSIDE])
    assert np.abs(made.picture.astype(float) / white * 255 - blend().picture).max() < steps


@pytest.mark.parametrize("shape", ["(H, W)", "(H, W, 1)", "(H, W, 2)", "(H, W, 4)"])
def test_every_shape_comes_back_as_it_was(shape):
    gray, full = TARGET[:, :, 0], np.full((72, 90), 255, np.uint8)
    target = {
        "(H, W)": gray,
        "(H, W, 1)": gray[:, :, None],
        "(H, W, 2)": np.dstack([gray, full]),
        "(H, W, 4)": np.dstack([TARGET, full]),
    }[shape]
    made = blend(target=target)
    assert made.picture.shape == target.shape
    assert np.array_equal(made.picture[~INSIDE], target[~INSIDE])
    assert (made.picture[INSIDE] != target[INSIDE]).mean() > 0.3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "RGBX"])
def test_every_mode_of_8_bits_is_taken(mode):
    target = Image.fromarray(TARGET).convert(mode)
    plain = {"1": "L", "P": "RGB", "RGBX": "RGB"}.get(mode, mode)
    made = blend(target=target)
    assert made.picture.mode == plain
    assert np.array_equal(np.asarray(made.picture)[~INSIDE], np.asarray(target.convert(plain))[~INSIDE])


def test_an_array_that_is_a_view_is_blended_as_a_copy_of_it():
    wide = np.repeat(np.repeat(TARGET, 2, axis=0), 2, axis=1)
    assert np.array_equal(blend(target=wide[::2, ::2]).picture, blend().picture)
    swapped = TARGET.astype(">u2") * 257
    assert np.array_equal(blend(target=swapped).picture, blend(target=TARGET.astype(np.uint16) * 257).picture)


def test_a_picture_of_pillow_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    Image.fromarray(TARGET).rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        made = blend(target=turned)
    assert np.array_equal(np.asarray(made.picture), blend().picture)


def test_settings_a_style_picture_an_observer_and_a_shadow():
    seen = []
    made = deepblend.blend(
        SOURCE,
        TARGET,
        MASK,
        center=(30, 36),
        style=1.0,
        style_from=Image.fromarray(ground(64, 64, 9)),
        shadow=0.5,
        shadow_px=8,
        device="cpu",
        observer=lambda step: seen.append(step.progress) or len(seen) > 2,
    )
    assert len(seen) == 3
    assert made.report["settings"]["style_from"] == "picture"
    assert made.report["shadow"] is not None
    alone = np.zeros((72, 90), np.uint8)
    column, row = made.position
    h, w, _ = made.layer.shape
    alone[row : row + h, column : column + w] = made.layer[:, :, 3]
    assert (alone > 0).sum() > INSIDE.sum()
    assert np.array_equal(made.picture[alone == 0], TARGET[alone == 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": "boat.png"}, "The source is of type str"),
        ({"target": TARGET.tolist()}, "The target is of type list"),
        ({"source": SOURCE.astype(int)}, "The source is an array of int64"),
        ({"source": SOURCE[None]}, "The source is an array of 1 x 32 x 40 x 3"),
        ({"target": np.zeros((0, 5, 3), np.uint8)}, "The target would be 5 x 0 pixels"),
        ({"target": np.dstack([TARGET, TARGET])}, "with 1 to 4 channels"),
        ({"source": np.full((32, 40), np.nan)}, "1280 values that are not finite"),
        ({"mask": None}, "give a mask"),
        ({"mask": MASK[1:]}, "The mask is 40 x 31 pixels"),
        ({"mask": MASK * False}, "mask is empty"),
        ({"center": (900, 900)}, "outside the background"),
        ({"target": Image.fromarray(TARGET).convert("CMYK")}, "mode CMYK: convert it to RGB"),
        ({"target": Image.fromarray(TARGET[:, :, 0].astype(np.int32))}, "mode I: convert it"),
        ({"strength": 1}, "no setting called 'strength'"),
        ({"style": 2}, "'style' cannot be 2"),
        ({"style_from": "picture"}, "give it as style_from itself"),
        ({"device": "gpu"}, "gpu"),
    ],
)
def test_what_cannot_be_blended_is_said(change, words):
    with pytest.raises(DeepBlendError, match=re.escape(words)) as caught:
        blend(**change)
    assert isinstance(caught.value, InputError) or "device" in change


def test_a_request_is_the_engines():
    plane = deepblend.Plane(TARGET, deepblend.Rect(0, 0, 90, 72), "RGB")
    layer = deepblend.Plane(CUT, deepblend.Rect(10, 20, 40, 32))
    from deepblend_protocol.settings import resolve

    settings = resolve({"method": "poisson", "edges": "selected"})
    made = deepblend.blend(deepblend.Request(layer, None, plane, settings=settings, device="cpu"), lambda step: False)
    assert isinstance(made, deepblend.Layer)


def test_all_that_is_promised_is_there_and_nothing_else_is_promised():
    assert sorted(deepblend.__all__) == [
        "Blended",
        "DeepBlendError",
        "InputError",
        "Layer",
        "Observer",
        "Plane",
        "Rect",
        "Request",
        "Step",
        "blend",
    ]
    assert set(deepblend.__all__) <= set(dir(deepblend))
    for name in deepblend.__all__:
        assert getattr(deepblend, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Blend'"):
        deepblend.Blend  # noqa: B018


def test_types_are_told_to_checkers():
    for package in (deepblend, deepblend_protocol):
        assert (Path(package.__file__).parent / "py.typed").is_file()


def test_the_import_is_cheap_until_something_is_blended():
    code = (
        "import sys, deepblend; dir(deepblend); deepblend.InputError\n"
        "heavy = {'torch', 'numpy', 'PIL', 'cv2', 'zmq'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_docs_runs(tmp_path):
    """As it stands in docs/python.md, with a boat and a sea of its own."""
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    example = re.search(r"(?:^    .*\n|^\n)+", text, re.MULTILINE)
    assert example
    lines = [line[4:] for line in example[0].splitlines() if line]
    assert len(lines) < 10 and lines[0] == "import deepblend"
    Image.fromarray(CUT).save(tmp_path / "boat.png")
    Image.fromarray(TARGET).resize((1280, 840)).save(tmp_path / "sea.jpg")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out.png") as out:
        assert out.size == (1280, 840)
    assert (tmp_path / "boat-alone.png").stat().st_size > 0
