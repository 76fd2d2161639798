"""Deep Image Blending: seamless, and in the light, colour and texture of the picture around it.

``blend`` takes pictures of Pillow or arrays of NumPy; docs/python.md shows it. Programs that have planes of a document
build a ``Request`` instead. Names are loaded when first used, so that importing the package costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepblend_protocol.errors import DeepBlendError, InputError

    from .api import Blended, blend
    from .engine.request import Layer, Observer, Plane, Rect, Request, Step

__version__ = "0.1.0"
__all__ = [
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
_MODULES = {"Blended": ".api", "blend": ".api", "DeepBlendError": "deepblend_protocol.errors"}
_MODULES["InputError"] = _MODULES["DeepBlendError"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'deepblend' has no attribute '{name}'")
    return getattr(import_module(_MODULES.get(name, ".engine.request"), __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
