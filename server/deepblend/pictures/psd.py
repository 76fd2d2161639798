"""Photoshop's documents (PSD and PSB): the flattened picture of 16 bits, and the layers as OpenRaster's stack."""

from __future__ import annotations

import os
from typing import Any
from xml.etree import ElementTree

import numpy as np
from deepblend_protocol.errors import FileUnreadable

from . import extra, icc, stack
from .decoding import check_size, reading
from .picture import Picture

MAGIC = b"8BPS"
_WHAT = "The layers of a PSD, and one of 16 bits,"
_PROFILE = 1039
_SPACES = {1: 1, 3: 3}
"""By colour mode, gray and RGB, the colours of a picture."""
_MODES = {
    "NORMAL": "src-over", "MULTIPLY": "multiply", "SCREEN": "screen", "OVERLAY": "overlay", "DARKEN": "darken",
    "LIGHTEN": "lighten", "COLOR_DODGE": "color-dodge", "COLOR_BURN": "color-burn", "HARD_LIGHT": "hard-light",
    "SOFT_LIGHT": "soft-light", "DIFFERENCE": "difference", "EXCLUSION": "exclusion", "HUE": "hue",
    "SATURATION": "saturation", "COLOR": "color", "LUMINOSITY": "luminosity", "LINEAR_DODGE": "plus",
    "PASS_THROUGH": "src-over",
}  # fmt: skip
"""By Photoshop's blend modes, OpenRaster's."""


def is_deep(start: bytes) -> bool:
    """Whether a file's beginning is that of a PSD of more than 8 bits a channel."""
    return start[:4] == MAGIC and int.from_bytes(start[22:24], "big") > 8


def read(path: str | os.PathLike[str], role: str) -> Picture:
    """The flattened picture of a PSD of 16 bits. Raises FileUnreadable, SizeAbsurd, ExtraMissing."""
    with reading(path, role):
        try:
            document = _opened(path, role)
            profile = document.image_resources.get_data(_PROFILE)
            values = document.numpy()
        except stack.Refused as error:
            raise FileUnreadable(role=role, path=str(path), reason=str(error)) from error
    count = _SPACES[int(document.color_mode)]
    kept = count + (values.shape[2] > count)
    return _picture(np.ascontiguousarray(values[:, :, :kept]), int(document.depth), profile)


class Layers:
    """The pictures of a PSD's layers.

    Args:
        document: psd_tools's.
    """

    def __init__(self, document: Any) -> None:
        self._found: dict[str, Any] = {}
        self._depth = int(document.depth)
        self._profile = document.image_resources.get_data(_PROFILE)

    @property
    def names(self) -> set[str]:
        return set(self._found)

    def add(self, layer: Any) -> str:
        """The name that stands for a layer from now on."""
        name = f"data/layer{len(self._found)}.png"
        self._found[name] = layer
        return name

    def size(self, source: str) -> tuple[int, int]:
        """Width and height of a layer's picture; 1 x 1 for one that is empty. Raises SizeAbsurd."""
        layer = self._found[source]
        size = max(1, int(layer.width)), max(1, int(layer.height))
        check_size(f"The layer {layer.name}", *size)
        return size

    def picture(self, source: str) -> Picture:
        """A layer's picture with its mask in its transparency, in its own space."""
        layer = self._found[source]
        width, height = self.size(source)
        colours = layer.numpy("color") if layer.width and layer.height else None
        if colours is None:
            return _picture(np.zeros((height, width, 4), np.float32), self._depth, self._profile)
        alpha = layer.numpy("shape")
        alpha = np.ones((height, width, 1), np.float32) if alpha is None else alpha
        mask = layer.numpy("mask") if layer.has_mask() and not layer.mask.disabled else None
        if mask is not None:
            alpha = alpha * _over_layer(layer, mask)
        return _picture(np.concatenate([colours, alpha], axis=2), self._depth, self._profile)


def read_layers(path: str | os.PathLike[str]) -> tuple[ElementTree.Element, Layers]:
    """A PSD's layers as OpenRaster's stack. Raises stack.Refused, SizeAbsurd, ExtraMissing."""
    document = _opened(path, "document")
    layers = Layers(document)
    root = ElementTree.Element("image", w=str(document.width), h=str(document.height))
    _add(ElementTree.SubElement(root, "stack"), document, layers, True)
    if not layers.names:
        raise stack.Refused("it has no layers; give it as --source or --target")
    return root, layers


def _opened(path: str | os.PathLike[str], role: str) -> Any:
    library = extra.need("psd_tools", _WHAT)
    document = library.PSDImage.open(path)
    check_size(f"The {role}", document.width, document.height)
    if int(document.color_mode) not in _SPACES:
        raise stack.Refused(f"its colours are {document.color_mode.name}; convert it to RGB")
    if document.depth not in (8, 16):
        raise stack.Refused(f"it has {document.depth} bits a channel; 8 and 16 can be read")
    return document


def _add(into: ElementTree.Element, group: Any, layers: Layers, shown: bool) -> None:
    """Add a group's layers to a stack, the topmost first. Raises stack.Refused for visible ones that are no pixels."""
    for layer in reversed(list(group)):
        seen = shown and bool(layer.visible)
        mode = layer.blend_mode.name
        words = {"name": str(layer.name), "opacity": f"{layer.opacity / 255:.6f}"}
        words |= {"visibility": "visible" if layer.visible else "hidden"}
        words |= {"composite-op": f"svg:{_MODES.get(mode, mode.lower())}"}
        if seen and (why := _not_pixels(layer)) is not None:
            raise stack.Refused(f"its layer '{layer.name}' {why}; flatten or rasterise it, or hide it")
        if layer.is_group():
            isolation = "auto" if mode == "PASS_THROUGH" else "isolate"
            _add(ElementTree.SubElement(into, "stack", words, isolation=isolation), layer, layers, seen)
        else:
            place = {"x": str(layer.left), "y": str(layer.top), "src": layers.add(layer)}
            ElementTree.SubElement(into, "layer", {**words, **place})


def _not_pixels(layer: Any) -> str | None:
    """Why a layer is more, or other, than pixels over what is below it; None where it is just that."""
    if layer.clipping:
        return "is clipped to the one below it"
    if layer.has_effects():
        return "has effects"
    if layer.is_group():
        return "is a group with a mask" if layer.has_mask() else None
    if layer.kind not in ("pixel", "type", "shape", "smartobject"):
        return f"is of the kind '{layer.kind}'"
    return "has a vector mask" if layer.has_vector_mask() and layer.kind == "pixel" else None


def _over_layer(layer: Any, mask: np.ndarray) -> np.ndarray:
    """A layer's mask (h, w, 1), which has a place of its own, over the layer's rectangle."""
    whole = np.full((layer.height, layer.width, 1), layer.mask.background_color / 255, np.float32)
    x, y = layer.mask.left - layer.left, layer.mask.top - layer.top
    rows, columns = mask.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + columns, layer.width), min(y + rows, layer.height)
    if right > left and bottom > top:
        whole[top:bottom, left:right] = mask[top - y : bottom - y, left - x : right - x]
    return whole


def _picture(values: np.ndarray, depth: int, profile: bytes | None) -> Picture:
    """A picture of values 0..1, (H, W, colours and perhaps alpha)."""
    dtype = np.uint8 if depth == 8 else np.uint16
    samples = np.rint(values.clip(0, 1) * np.float32(np.iinfo(dtype).max)).astype(dtype)
    channels = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[samples.shape[2]]
    samples = samples[:, :, 0] if channels == "Y" else samples
    return Picture(samples, channels, icc.encoding(profile, channels), profile)
