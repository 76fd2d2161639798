"""What the network is shown of documents in other colour spaces, against Little CMS; and that the blend stays there."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine import colour
from deepblend.engine.blend import blend
from deepblend.engine.network.as_srgb import as_srgb
from deepblend.engine.request import Plane, Rect
from deepblend_protocol.settings import resolve
from PIL import Image, ImageCms

ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""XYZ under D50 of Adobe RGB (1998)'s red, green and blue."""
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(gamma: float, colorants: tuple[tuple[float, ...], ...] | None) -> bytes:
    """A version 2 matrix profile with a gamma curve; without colorants a gray one."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249)}
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0"
    if colorants is None:
        tags[b"kTRC"] = curve
    else:
        for name, values in zip((b"r", b"g", b"b"), colorants, strict=True):
            tags[name + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*values)
            tags[name + b"TRC"] = curve
    start = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    space = b"GRAY" if colorants is None else b"RGB "
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249) + bytes(48)
    assert len(header) == 128
    return header + table + data


def plane(encoding: str, icc: bytes | None, channels: str = "RGB") -> Plane:
    return Plane(np.zeros((2, 2, len(channels)), np.float32), Rect(0, 0, 2, 2), channels, encoding, icc)


def colours(seed: int = 1) -> torch.Tensor:
    """(1, 3, 40, 50), levels, whole."""
    return torch.randint(0, 256, (1, 3, 40, 50), generator=torch.Generator().manual_seed(seed)).float()


def by_little_cms(levels: torch.Tensor, icc: bytes, mode: str = "RGB") -> torch.Tensor:
    samples = levels[0].permute(1, 2, 0).numpy().astype(np.uint8)
    picture = Image.fromarray(samples if mode == "RGB" else samples[:, :, 0])
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    found = ImageCms.profileToProfile(picture, own, srgb, intent, "RGB", flags=flags)
    return torch.from_numpy(np.array(found)).permute(2, 0, 1)[None].float()


def test_a_wide_gamut_is_shown_as_little_cms_shows_it():
    icc = profile(2.2, ADOBE)
    image = colours()
    shown = as_srgb(plane("profile", icc), "cpu")(image)
    expected = by_little_cms(image, icc)
    assert (expected - image).abs().max() > 20  # there is something to convert
    assert (shown - expected).abs().mean() < 0.7
    assert (shown - expected).abs().quantile(0.99) < 4


def test_primaries_alone_are_converted_where_samples_have_the_srgb_curve():
    """Linear light in Adobe RGB: the engine has put the sRGB curve on it."""
    icc = profile(1.0, ADOBE)
    image = colours()
    shown = as_srgb(plane("linear", icc), "cpu")(image)
    gamma = profile(2.2, ADOBE)
    same_colours = (colour.to_linear(image / 255).clamp(0, 1) ** (1 / 2.2) * 255).round()
    assert (shown - by_little_cms(same_colours, gamma)).abs().mean() < 1.5


def test_gray_is_shown_by_its_curve():
    icc = profile(1.8, None)
    image = colours()[:, :1]
    shown = as_srgb(plane("profile", icc, "Y"), "cpu")(image)
    expected = by_little_cms(image, icc, "L")
    assert (expected - image).abs().max() > 10
    assert shown.shape == (1, 3, 40, 50)
    assert (shown - expected).abs().max() <= 1


@pytest.mark.parametrize("icc", [None, SRGB, b"no profile", profile(1.8, None)], ids=["none", "sRGB", "junk", "gray's"])
@pytest.mark.parametrize("encoding", ["profile", "perceptual", "linear"])
def test_srgb_and_what_is_no_profile_of_the_plane_are_shown_as_they_are(encoding, icc):
    image = colours()
    assert torch.equal(as_srgb(plane(encoding, icc), "cpu")(image), image)


@pytest.mark.parametrize(
    ("encoding", "channels"), [("profile", "RGB"), ("linear", "RGB"), ("profile", "Y"), ("perceptual", "Y")]
)
def test_gradients_pass_through_and_values_beyond_are_cut_off(encoding, channels):
    icc = profile(1.8, ADOBE if channels == "RGB" else None)
    view = as_srgb(plane(encoding, icc, channels), "cpu")
    inside = (colours()[:, : len(channels)] * 0.8 + 20).requires_grad_(True)
    view(inside).square().sum().backward()
    assert inside.grad is not None
    assert torch.isfinite(inside.grad).all()
    assert inside.grad.abs().max() > 1
    beyond = torch.cat([torch.full((1, len(channels), 4, 4), value) for value in (-300.0, 900.0)], 3)
    shown = view(beyond)
    assert torch.isfinite(shown).all()
    assert 0 <= shown.min() <= shown.max() <= 255


def test_the_result_stays_in_the_documents_space_and_depends_on_what_is_shown(scenes):
    """Bit for bit the seamless blend without the profile; the deep blend differs by what the network sees."""
    icc = profile(1.0, ADOBE)
    request = scenes.request(object=Rect(24, 40, 26, 24), dtype=np.float32)
    wide = replace(request, background=replace(request.background, encoding="profile", profile=icc))
    for settings, equal in ((resolve({"method": "poisson"}), True), (resolve({"preset": "painting"}), False)):
        one, other = (blend(replace(r, settings=settings, device="cpu")) for r in (request, wide))
        assert other.plane.profile == icc
        assert other.plane.encoding == "profile"
        assert np.array_equal(one.plane.samples, other.plane.samples) == equal
