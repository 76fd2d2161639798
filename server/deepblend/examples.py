"""The examples that are shipped: an object, its mask, a background and a place, each in a folder of ``example``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .pictures import Placed

FOLDER = Path(__file__).parent / "example"


class Example(NamedTuple):
    """What is known of an example without opening it."""

    title: str
    background: str
    """ "painting" or "photograph"."""


EXAMPLES = {
    "starry_night": Example("A kingfisher in Van Gogh's Starry Night", "painting"),
    "bridge": Example("A duck before Van Gogh's Langlois Bridge", "painting"),
    "church": Example("A sheep before Van Gogh's Church at Auvers", "painting"),
    "castle": Example("A dog on the lawn of Chambord", "photograph"),
    "great_wall": Example("A red panda by the Great Wall of China", "photograph"),
    "abbey": Example("A sheep by Mont Saint-Michel", "photograph"),
}
"""By name, which is that of a folder. The first is the one that is meant by "the example"."""
DEFAULT = next(iter(EXAMPLES))


def file(name: str, role: str) -> Path:
    """The path of an example's picture; ``role`` is "source", "mask" or "target".

    Where the installation has lost it, the path has no extension, and whoever opens it says so.
    """
    folder = FOLDER / name
    return next(folder.glob(f"{role}.*"), folder / role)


def read(name: str = DEFAULT) -> Placed:
    """An example's pictures, placed. Raises FileUnreadable where the installation is damaged."""
    from .pictures import eight_bit, place

    source, mask, target = (eight_bit.open_picture(file(name, role), role) for role in ("source", "mask", "target"))
    center = json.loads((FOLDER / name / "place.json").read_text(encoding="utf-8"))["center"]
    return place(source, mask, target, center=tuple(center))
