"""What the network is shown: sRGB-like values, whatever the document's colour space.

The blend itself is computed in the document's own space and stays there. Only the view of it is converted,
differentiably: by a table from Little CMS where samples have the profile's own curve, by its primaries where they have
been given the sRGB curve.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms
from torch import Tensor

from .. import colour, profiles
from ..request import Plane

View = Callable[[Tensor], Tensor]
"""From levels as the document has them, (1, C, H, W), to what the network is shown, (1, 3, H, W), 0..255."""

_NODES = 33
"""Of the table along each channel."""
_NEARLY = 2.0
"""Levels: profiles that move no colour by more than this are taken for sRGB."""
_TO_SRGB = (
    (3.1341359, -1.6172863, -0.4906622),
    (-0.9787955, 1.9162544, 0.0334427),
    (0.0719554, -0.2289768, 1.4053861),
)
"""From CIE XYZ under D50, the connection space of ICC profiles, to linear sRGB (ICC.1:2022, IEC 61966-2-1)."""


def as_srgb(plane: Plane, device: str) -> View:
    """How the network sees a plane's colours.

    A profile that cannot be read, or that has other channels than the plane, is passed over: the
    values are shown as they are.
    """
    profile = profiles.opened(plane.profile)
    gray = colour.colours(plane) == 1
    if profile is None or plane.profile is None or plane.profile[16:20] != (b"GRAY" if gray else b"RGB "):
        return _plain
    if plane.encoding == "profile":
        return _gray_table(profile, device) if gray else _table(profile, device)
    return _plain if gray else _primaries(profile, device)


def _plain(image: Tensor) -> Tensor:
    return image.clamp(0, 255).expand(-1, 3, -1, -1)


def _converted(samples: np.ndarray, profile: ImageCms.ImageCmsProfile) -> Tensor | None:
    """Samples (rows, columns[, 3]), uint8, in sRGB: (rows, columns, 3), levels; None where Little CMS cannot."""
    try:
        picture = ImageCms.profileToProfile(
            Image.fromarray(samples),
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError:
        return None
    assert picture is not None
    return torch.from_numpy(np.array(picture)).float()


def _table(profile: ImageCms.ImageCmsProfile, device: str) -> View:
    nodes = np.linspace(0, 255, _NODES).round().astype(np.uint8)  # every 8th level but for the last, all whole
    red, green, blue = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    samples = np.stack([red, green, blue], 3).reshape(_NODES, -1, 3)
    found = _converted(samples, profile)
    if found is None or float((found - torch.from_numpy(samples).float()).abs().max()) <= _NEARLY:
        return _plain
    # grid_sample's volume is (channels, depth, height, width), and its last coordinate is depth
    volume = found.view(1, _NODES, _NODES, _NODES, 3).permute(0, 4, 1, 2, 3).contiguous().to(device)

    def view(image: Tensor) -> Tensor:
        place = image.clamp(0, 255).flip(1).permute(0, 2, 3, 1)[:, None] / 127.5 - 1  # (1, 1, H, W, 3): b, g, r
        return F.grid_sample(volume, place, "bilinear", "border", align_corners=True)[:, :, 0]

    return view


def _gray_table(profile: ImageCms.ImageCmsProfile, device: str) -> View:
    samples = np.arange(256, dtype=np.uint8)[None]
    found = _converted(samples, profile)
    if found is None or float((found - torch.arange(256.0)[:, None]).abs().max()) <= _NEARLY:
        return _plain
    line = found[0].T[None, :, None].contiguous().to(device)  # (1, 3, 1, 256)

    def view(image: Tensor) -> Tensor:
        along = image[:, 0].clamp(0, 255) / 127.5 - 1  # (1, H, W)
        return F.grid_sample(line, torch.stack([along, along * 0], 3), "bilinear", "border", align_corners=True)

    return view


def _primaries(profile: ImageCms.ImageCmsProfile, device: str) -> View:
    colorants = profiles.colorants(profile)
    if not colorants:
        return _plain
    to_xyz = torch.tensor(colorants, dtype=torch.float64).T
    matrix = torch.tensor(_TO_SRGB, dtype=torch.float64) @ to_xyz
    if float((matrix - torch.eye(3, dtype=torch.float64)).abs().max()) < 0.01:
        return _plain
    matrix = matrix.float().to(device)

    def view(image: Tensor) -> Tensor:
        linear = torch.einsum("dc,bchw->bdhw", matrix, colour.to_linear(image.clamp(0, 255) / 255))
        return (colour.to_perceptual(linear) * 255).clamp(0, 255)

    return view
