from __future__ import annotations

import numpy as np
import pytest
from deepblend import examples
from deepblend.pictures import eight_bit


def test_the_demo_writes_three_pictures_and_says_where(deepblend, tmp_path):
    placed = examples.read()
    folder = tmp_path / "new" / "folder"
    done = deepblend("demo", "--output", folder)
    assert done.status == 0
    assert {path.name for path in folder.iterdir()} == {"blend.png", "layer.png", "contact_sheet.png"}
    assert all(str(path) in done.out for path in folder.iterdir())
    assert "seconds" in done.out and "On " in done.out

    layer, sheet, blend = (
        eight_bit.open_picture(folder / f"{name}.png", name) for name in ("layer", "contact_sheet", "blend")
    )
    blend, target = np.asarray(blend), np.asarray(placed.target)
    assert blend.shape == target.shape
    changed = (blend != target).any(axis=2)
    mask = np.zeros(changed.shape, bool)
    height, width = placed.source.height, placed.source.width
    inside = np.asarray(placed.mask) > 0
    x0, y0 = max(placed.left, 0), max(placed.top, 0)
    x1, y1 = min(placed.left + width, mask.shape[1]), min(placed.top + height, mask.shape[0])
    mask[y0:y1, x0:x1] = inside[y0 - placed.top : y1 - placed.top, x0 - placed.left : x1 - placed.left]
    assert not changed[~mask].any()
    assert changed[mask].mean() > 0.8

    assert layer.mode == "RGBA" and layer.getchannel("A").getextrema()[1] == 255
    assert sheet.width > 1.5 * min(640, placed.target.width)  # two pictures side by side at least


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_every_example_lies_on_its_background(name):
    placed = examples.read(name)
    assert placed.mask is not None
    marked = np.asarray(placed.mask) > 0
    below = (slice(placed.top, placed.top + marked.shape[0]), slice(placed.left, placed.left + marked.shape[1]))
    canvas = np.zeros(placed.target.size[::-1], bool)
    seen = canvas[below] = marked[: canvas[below].shape[0], : canvas[below].shape[1]]
    assert seen.sum() > 0.95 * marked.sum()  # an edge of the picture may cut some of it off
    assert 0.02 < canvas.mean() < 0.4


def test_another_example_is_named(deepblend, tmp_path):
    done = deepblend("demo", "--example", "abbey", "--output", tmp_path, "--json")
    assert done.status == 0, done.err
    blend = np.asarray(eight_bit.open_picture(tmp_path / "blend.png", "blend"))
    assert blend.shape == np.asarray(examples.read("abbey").target).shape


def test_an_example_that_is_none_is_told_the_names(deepblend, tmp_path):
    done = deepblend("demo", "--example", "moon", "--output", tmp_path)
    assert done.status == 2 and "moon" in done.err and "great_wall" in done.err
