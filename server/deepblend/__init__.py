"""Deep Image Blending: seamless, and in the light, colour and texture of the picture around it.

``blend(request, observer)`` is the engine's one door; see ``deepblend.engine.request``
for what goes in and out. Names are loaded when first used, so that importing the
package costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.blend import blend
    from .engine.request import Layer, Observer, Plane, Rect, Request, Step

__version__ = "0.1.0"
__all__ = ["Layer", "Observer", "Plane", "Rect", "Request", "Step", "blend"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'deepblend' has no attribute '{name}'")
    return getattr(import_module(".engine.blend" if name == "blend" else ".engine.request", __name__), name)
