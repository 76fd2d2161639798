"""One table of what cannot be blended, and the error that each is, by every door: the engine, a server, the command."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from deepblend import Plane, Rect, Request, blend
from deepblend.commands.cli import main
from deepblend.file_blend.arguments import option
from deepblend.service.planes import to_wire
from deepblend_protocol import messages
from deepblend_protocol.errors import DeepBlendError, InputError, from_code
from deepblend_protocol.settings import resolve
from harness import Served, Talker

WHOLE, OBJECT = Rect(0, 0, 60, 50), Rect(16, 12, 24, 20)


def ramp(rect: Rect, channels: int, of: type = np.float32) -> np.ndarray:
    """Samples within 0.2 and 0.8; of whole numbers their share."""
    values = np.linspace(0.2, 0.8, rect.w * rect.h * channels).reshape(rect.h, rect.w, channels)
    return values.astype(of) if of is np.float32 else (values * 255).astype(of)


def spoilt(rect: Rect, value: float) -> np.ndarray:
    samples = ramp(rect, 3)
    samples[3, 4, 1] = value
    return samples


@dataclass(frozen=True)
class Wrong:
    """A request that is wrong, and its error."""

    code: str
    words: str
    """That its sentence holds."""
    layer: np.ndarray = field(default_factory=lambda: ramp(OBJECT, 3))
    mask: np.ndarray | None = field(default_factory=lambda: np.ones((OBJECT.h, OBJECT.w, 1), np.float32))
    background: np.ndarray = field(default_factory=lambda: ramp(WHOLE, 3))
    place: tuple[int, int] = (OBJECT.x, OBJECT.y)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def planes(self) -> dict[str, Plane]:
        rect = Rect(*self.place, OBJECT.w, OBJECT.h)
        planes = {"background": Plane(self.background, WHOLE, "RGB")}
        planes["layer"] = Plane(self.layer, rect, "RGBA" if self.layer.shape[2] == 4 else "RGB")
        return planes if self.mask is None else {**planes, "mask": Plane(self.mask, rect, "Y")}


HUGE = np.nextafter(np.float32(np.inf), np.float32(0))
TABLE = {
    "an empty mask": Wrong("mask.empty", "The mask is empty", mask=np.zeros((OBJECT.h, OBJECT.w, 1), np.float32)),
    "nothing visible": Wrong("mask.empty", "The mask is empty", np.zeros((OBJECT.h, OBJECT.w, 4), np.float32), None),
    "shrunk to nothing": Wrong("mask.empty", "The mask is empty", settings={"grow_px": -30}),
    "beside it": Wrong("mask.outside", "The mask lies wholly outside the background", place=(500, 40)),
    "above it": Wrong("mask.outside", "on a background of 60 x 50", place=(16, -20)),
    "the layer no number": Wrong("values.not_finite", "holds 1 values", spoilt(OBJECT, np.nan)),
    "the background infinite": Wrong("values.not_finite", "holds 1 values", background=spoilt(WHOLE, np.inf)),
    "the layer far beyond": Wrong("plane.invalid", "", spoilt(OBJECT, HUGE)),
    "the background far beyond": Wrong("plane.invalid", "", background=spoilt(WHOLE, -HUGE)),
    "style": Wrong("setting.range", "The setting 'style' cannot be 1.5", settings={"style": 1.5}),
    "colours": Wrong("setting.range", "'keep_colours' cannot be -0.1", settings={"keep_colours": -0.1}),
    "length": Wrong("setting.range", "'grow_px' cannot be 1000000000.0", settings={"grow_px": 1e9}),
    "method": Wrong("setting.range", "'method' cannot be 'magic'", settings={"method": "magic"}),
    "preset": Wrong("setting.range", "'preset' cannot be 'oil'", settings={"preset": "oil"}),
    "gradients": Wrong("setting.range", "'gradients' cannot be 'both'", settings={"gradients": "both"}),
}


@pytest.fixture(params=TABLE)
def wrong(request: pytest.FixtureRequest) -> Wrong:
    return TABLE[request.param]


METHODS = pytest.mark.parametrize("method", ["poisson", "deep"])


@METHODS
def test_the_engine(wrong: Wrong, method: str) -> None:
    with pytest.raises(DeepBlendError) as refused:
        settings = resolve({"method": method, **wrong.settings})
        blend(Request(**{"mask": None, **wrong.planes}, settings=settings, device="cpu"))
    assert refused.value.code == wrong.code and wrong.words in str(refused.value)


@METHODS
def test_a_server(wrong: Wrong, method: str, server: Served) -> None:
    planes = {role: to_wire(plane) for role, plane in wrong.planes.items()}
    with Talker(server.connection) as talker:
        talker.submit("a", messages.Request(**planes, settings={"method": method, **wrong.settings}))
        failure = talker.ending("a")
    assert isinstance(failure, messages.Failure)
    assert failure.code == wrong.code and wrong.words in failure.text


@METHODS
def test_the_command_line(wrong: Wrong, method: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for role, samples in (("source", wrong.layer), ("mask", wrong.mask), ("target", wrong.background)):
        if samples is not None:
            path = tmp_path / f"{role}.tif"
            more: dict[str, Any] = {"extrasamples": ["unassalpha"]} if samples.shape[2] == 4 else {}
            kind = "minisblack" if samples.shape[2] == 1 else "rgb"
            tifffile.imwrite(path, samples.squeeze() if kind == "minisblack" else samples, photometric=kind, **more)
    center = f"{wrong.place[0] + OBJECT.w // 2},{wrong.place[1] + OBJECT.h // 2}"
    words = ["blend", "--json", "--no-server", f"--center={center}", "--output", str(tmp_path / "out.tif")]
    given = {"method": method, **wrong.settings}
    words += [f"{option(name)}={value}" for name, value in given.items()]
    before = {path.name for path in tmp_path.iterdir()}
    words += [word for name in sorted(before) for word in (f"--{Path(name).stem}", str(tmp_path / name))]
    status = main(words)
    out, err = capfd.readouterr()
    error = json.loads(out)["error"]
    assert error["code"] == wrong.code and wrong.words in error["sentence"]
    assert status == (2 if isinstance(from_code(wrong.code, {}, ""), InputError) else 1)
    assert err == f"deepblend: {error['sentence']}\n"
    assert {path.name for path in tmp_path.iterdir()} == before
