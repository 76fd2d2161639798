"""OpenRaster's stack.xml: layers and groups, read without trusting the file and written with nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.parsers import expat

from .compositing import MODES

_DEPTH = 64  # groups in groups: no picture has more, and no recursion may run out


class Refused(ValueError):
    """What a stack says cannot be done; the text is the reason, in a user's words."""


@dataclass(frozen=True)
class Entry:
    """A layer or group, as its element says."""

    element: ElementTree.Element
    name: str
    x: int
    """Column of its first pixel, in document pixels."""
    y: int
    opacity: float
    visible: bool
    mode: str

    @property
    def is_group(self) -> bool:
        return self.element.tag == "stack"

    @property
    def is_isolated(self) -> bool:
        """Whether a group is put together by itself first, and then laid over what is below."""
        asked = self.element.get("isolation", "isolate" if self.mode != "svg:src-over" else "auto")
        return asked == "isolate" or self.opacity < 1 or self.mode != "svg:src-over"


def parse(content: bytes) -> ElementTree.Element:
    """The root of a stack.xml.

    Raises Refused for damage, and for a document type: its entities could grow without end.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: object) -> None:
        raise Refused("its stack.xml declares a document type, which OpenRaster has not")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise Refused(f"its groups lie more than {_DEPTH} deep in each other")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
        root = builder.close()
    except (expat.ExpatError, AssertionError) as error:
        raise Refused(f"its stack.xml is damaged ({error})") from error
    if root.tag != "image" or root.find("stack") is None:
        raise Refused("its stack.xml describes no image")
    return root


def serialised(root: ElementTree.Element) -> bytes:
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)


def entry(element: ElementTree.Element) -> Entry:
    """What a layer's or group's element says. Raises Refused for numbers that are none."""
    name = element.get("name", "")
    try:
        x, y = (round(float(element.get(axis, "0"))) for axis in "xy")
        opacity = float(element.get("opacity", "1"))
        if not 0 <= opacity <= 1 or max(abs(x), abs(y)) > 2**24:
            raise ValueError
    except (ValueError, OverflowError):
        raise Refused(f"the place or opacity of its layer '{name}' is no such number") from None
    visible = element.get("visibility", "visible") != "hidden"
    return Entry(element, name, x, y, opacity, visible, element.get("composite-op", "svg:src-over"))


def children(group: ElementTree.Element) -> list[Entry]:
    """A group's layers and groups, the topmost first."""
    return [entry(child) for child in group if child.tag in ("layer", "stack")]


def layers(group: ElementTree.Element, shown: bool = True) -> Iterator[tuple[Entry, bool]]:
    """Every layer below a group, the topmost first, and whether it and its groups are visible."""
    for child in children(group):
        if child.is_group:
            yield from layers(child.element, shown and child.visible)
        else:
            yield child, shown and child.visible


def check(group: ElementTree.Element, files: set[str], shown: bool = True) -> None:
    """Raise Refused now for layers whose files are missing, and for visible ones whose blend mode is not known."""
    for child in children(group):
        seen = shown and child.visible
        if seen and child.mode not in MODES:
            raise Refused(f"its layer '{child.name}' has the blend mode '{child.mode}', which is not known here")
        if child.is_group:
            check(child.element, files, seen)
        elif child.element.get("src", "") not in files:
            raise Refused(f"the file of its layer '{child.name}' is missing")


def path_to(root: ElementTree.Element, wanted: ElementTree.Element) -> list[ElementTree.Element]:
    """The groups that a layer lies in, the outermost first."""

    def find(group: ElementTree.Element) -> list[ElementTree.Element] | None:
        for child in group:
            if child is wanted:
                return [group]
            if child.tag == "stack" and (below := find(child)) is not None:
                return [group, *below]
        return None

    top = root.find("stack")
    found = find(top) if top is not None else None
    assert found is not None
    return found
