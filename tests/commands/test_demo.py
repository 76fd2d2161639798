from __future__ import annotations

import numpy as np
from deepblend.commands.demo import example
from deepblend.pictures import eight_bit


def test_the_demo_writes_three_pictures_and_says_where(deepblend, tmp_path):
    placed = example()
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
