"""What a GPU makes is what the CPU makes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import small_requests
import torch
from deepblend.engine.blend import blend
from deepblend.engine.repainting.octaves import gauss
from deepblend.engine.request import Plane, Rect

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CANVAS, OBJECT = Rect(-11, 7, 300, 260), Rect(40, 60, 150, 140)
FIRST = """
import numpy as np
from deepblend import Plane, Rect, Request, blend
from deepblend_protocol.settings import resolve
rect = Rect(0, 0, 40, 30)
plane = Plane(np.full((30, 40, 3), 99, np.uint8), rect, "RGB")
layer = Plane(np.full((10, 12, 4), 200, np.uint8), Rect(9, 8, 12, 10), "RGBA")
made = blend(Request(layer, None, plane, None, resolve({"preset": "seamless"}), "cuda"))
print(made.report["device"], made.report["peak_memory_bytes"] > 0)
"""


def levels(plane: Plane) -> np.ndarray:
    """(h, w, channels), 0..255."""
    kind = plane.samples.dtype
    return plane.samples.astype(np.float64) * (255 / (np.iinfo(kind).max if kind.kind == "u" else 1))


def both(scenes, dtype="uint8", **settings):
    """The layers that the CPU and a GPU make of one request."""
    return [
        blend(scenes.request(dtype, canvas=CANVAS, object=OBJECT, device=device, **settings))
        for device in ("cpu", "cuda")
    ]


def far(one, other) -> np.ndarray:
    """By pixel inside, the largest difference in levels."""
    a, b = (levels(layer.plane) for layer in (one, other))
    return np.abs(a - b).max(-1)[a[..., 3] > 0]


def test_the_first_blend_of_a_process():
    """Nothing has been asked of the GPU before."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=False)
    assert done.stdout == "cuda:0 True\n", done.stderr


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
@pytest.mark.parametrize("gradients", ["source", "mixed"])
def test_seamless_blends(scenes, dtype, gradients):
    found = far(*both(scenes, dtype, style=0.0, gradients=gradients))
    assert found.max() <= (1 if dtype == "uint8" else 0.2)


def test_a_photographs_edges_light_grain_and_shadow(scenes):
    one, other = both(scenes, preset="photograph", edges="automatic", shadow=0.8)
    assert far(one, other).mean() < 0.5
    assert one.shadow.rect == other.shadow.rect
    assert np.abs(levels(one.shadow) - levels(other.shadow)).max() <= 2


@pytest.mark.parametrize("style", [0.25, 0.5, 1.0])
def test_a_painted_blend(scenes, style):
    """An optimiser carries rounding on until strokes lie elsewhere: colours and the strokes' strength are compared."""
    layers = both(scenes, "float32", style=style)
    pictures = [torch.from_numpy(levels(one.plane)).permute(2, 0, 1)[None].float() for one in layers]
    inside = pictures[0][:, 3:] > 0
    blurred = [gauss(picture[:, :3], 8.0) for picture in pictures]
    apart = (blurred[0] - blurred[1]).abs().amax(1, keepdim=True)[inside]
    strength = [(p[:, :3] - b)[inside.expand(-1, 3, -1, -1)].std() for p, b in zip(pictures, blurred, strict=True)]
    assert apart.mean() < 3
    assert strength[1] == pytest.approx(strength[0], rel=0.1)


def test_stopped_work_is_the_best_so_far(scenes):
    request = scenes.request(canvas=CANVAS, object=OBJECT, device="cuda")
    stopped = blend(request, lambda step: step.progress > 0.5, small_requests.FEW)
    assert stopped.stopped and stopped.plane.samples[..., 3].any()
