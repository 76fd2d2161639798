"""What the signatures say that the methods of Krita and of its Qt bring along, as stubs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from make_stubs import HEAD, Used

QT = ("QtCore", "QtGui", "QtWidgets")
NONE_AT_TIMES = {
    "action", "activeDocument", "activeNode", "activeSubWindow", "activeView", "activeWindow", "document",
    "filterConfig", "parent", "parentNode", "selection",
}  # fmt: skip
"""What may be None of what is returned by a pointer: signatures say so of all of that."""
QT_BY_HAND = {
    "findChild": "def findChild(self, kind: type[_T], name: str = ..., /) -> _T | None: ...",
    "findChildren": "def findChildren(self, kind: type[_T], /) -> list[_T]: ...",
}
SIGNS = ("__add__", "__sub__", "__mul__", "__truediv__")
SIGNALS = """class pyqtBoundSignal:
    connect: Any
    def emit(self, *told: Any) -> None: ...
class pyqtSignal:
    def __init__(self, *kinds: type) -> None: ...
    def __get__(self, owner: Any, kind: Any) -> pyqtBoundSignal: ..."""
FACTORY = """class DockWidgetFactory(DockWidgetFactoryBase):
    def __init__(self, name: str, position: DockWidgetFactoryBase.DockPosition, kind: type[DockWidget]) -> None: ..."""


class Signed:
    """The classes of Krita and of its Qt, whose methods bring their signatures along, as far as they are used."""

    def __init__(self, used: Used) -> None:
        self._used = used
        self._modules = {one: __import__(f"PyQt5.{one}", fromlist=[one]) for one in QT}
        self._modules["krita"] = __import__("PyKrita.krita", fromlist=["krita"])
        self._home = {name: one for one, module in self._modules.items() for name in dir(module) if name[0].isupper()}
        self._wanted = {name for one in QT for name in used.of.get(one, ())} | {"Qt", *used.imported["krita"]}
        self._wanted &= self._home.keys()
        self._nested: set[str] = set()
        self._written: dict[str, str] = {}
        before = None
        while before != (len(self._wanted), len(self._nested)):
            before = len(self._wanted), len(self._nested)
            self._written = {name: self._class(self._known(name)) for name in sorted(self._wanted)}

    def write(self, folder: Path) -> None:
        (folder / "PyQt5").mkdir(exist_ok=True)
        (folder / "PyQt5" / "__init__.pyi").write_text(HEAD)
        for one in self._modules:
            own = [text for name, text in self._written.items() if self._home[name] == one]
            body = "\n".join([*own, *([SIGNALS] if one == "QtCore" else [FACTORY] if one == "krita" else ())])
            body = re.sub(rf"\b{one}\.(?=\w)", "", body)
            others = [each for each in QT if re.search(rf"\b{each}\.", body)]
            head = "from typing import Any, TypeVar, overload\n"
            head += f"\nfrom PyQt5 import {', '.join(others)}\n" if others else ""
            path = folder / "krita.pyi" if one == "krita" else folder / "PyQt5" / f"{one}.pyi"
            path.write_text(f'{HEAD}{head}\n_T = TypeVar("_T")\n\n{body}\n')

    def _known(self, name: str) -> Any:
        return getattr(self._modules[self._home[name]], name)

    def _class(self, known: Any) -> str:
        bases = [one.__name__ for one in known.__bases__ if one.__name__ in self._home]
        name, lines = known.__name__, []
        self._wanted.update(bases)
        if "QObject" in [one.__name__ for one in known.__mro__]:
            if keywords := sorted(self._used.keywords & set(self._properties(known)) - {"objectName"}):
                words = ", ".join(f"{one}: Any = ..." for one in ["objectName", *keywords])
                lines.append(f"def __init__(self, *given: Any, {words}) -> None: ...")
            elif name == "QObject":
                lines.append("def __init__(self, *given: Any, objectName: str = ...) -> None: ...")
        elif hasattr(known, "__init__") and self._home[name] != "krita" and name != "Qt":
            lines.append("def __init__(self, *given: Any) -> None: ...")
        nested = {one.partition(".")[2] for one in self._nested if one.startswith(f"{name}.")}
        for each in sorted(self._used.attributes | nested):
            own = getattr(known, each, None)  # the binding fills its classes when somebody asks
            own = known.__dict__[each] if own is None and each in known.__dict__ else own
            own = own if each in known.__dict__ else None
            if each in QT_BY_HAND and own is not None:
                lines.append(QT_BY_HAND[each])
            elif isinstance(own, self._modules["QtCore"].pyqtSignal):
                lines.append(f"{each}: QtCore.pyqtBoundSignal")
            elif isinstance(own, type):
                lines += self._enumeration(f"{name}.{each}", own)
            elif callable(own):
                lines += self._method(each, own)
            elif own is not None:
                lines.append(f"{each}: Any")
        head = f"class {name}({', '.join(f'{self._home[one]}.{one}' for one in bases)}):" if bases else f"class {name}:"
        if name == "QByteArray":
            lines.append("def __buffer__(self, flags: int, /) -> memoryview: ...")
        if name in ("QPointF", "QPoint", "QTransform"):
            lines += [f"def {sign}(self, other: Any) -> {name}: ..." for sign in SIGNS]
        return "\n".join([head, *(f"    {one}" for one in lines or ["..."])])

    def _properties(self, known: Any) -> list[str]:
        about = known.staticMetaObject
        return [about.property(number).name() for number in range(about.propertyCount())]

    def _enumeration(self, name: str, own: type) -> list[str]:
        named = sorted(one for one in self._used.attributes if one[0].isupper() and hasattr(own, one))
        members = [f"    {each}: {self._home[name.partition('.')[0]]}.{name}" for each in named]
        return [f"class {own.__name__}(int):", *(members or ["    ..."])]

    def _method(self, name: str, own: Any) -> list[str]:
        kinds = [line for line in (own.__doc__ or "").splitlines() if line.startswith(f"{name}(")]
        lines = []
        for line in kinds:
            found = re.fullmatch(rf"{name}\((.*?)\)(?: -> (.*))?", line)
            assert found is not None, line
            words = [self._argument(one, name) for one in re.split(r", (?=\w+: |\w+$)", found.group(1)) if one]
            result = self._type(found.group(2) or "None")
            if name not in NONE_AT_TIMES:
                result = result.replace(" | None", "")
            lines += ["@overload"] if len(kinds) > 1 else []
            lines += ["@staticmethod"] if words[:1] != ["self"] else []
            lines.append(f"def {name}({', '.join([*words, '/'] if words else [])}) -> {result}: ...")
        return lines

    def _argument(self, text: str, method: str) -> str:
        name, colon, kind = text.partition(": ")
        if not colon:
            return text
        kind, equals, _ = kind.partition(" = ")
        if method.endswith("Event"):  # there is one when it is called
            kind = kind.removeprefix("Optional[").removesuffix("]")
        return f"{name}: {self._type(kind)}{' = ...' if equals else ''}"

    def _type(self, text: str) -> str:
        if found := re.fullmatch(r"Optional\[(.*)\]", text):
            return f"{self._type(found.group(1))} | None"
        if found := re.fullmatch(r"Union\[([^\[\]]*)\]", text):
            return " | ".join(dict.fromkeys(self._type(one.strip()) for one in found.group(1).split(",")))
        if found := re.fullmatch(r"(?:[Ll]ist|Iterable|Sequence)\[(.*)\]", text):
            return f"list[{self._type(found.group(1))}]"
        if found := re.fullmatch(r"[Dd]ict\[(\w+), (\w+)\]", text):
            return f"dict[{self._type(found.group(1))}, {self._type(found.group(2))}]"
        if found := re.fullmatch(r"(?:[Tt]uple\[|\()(.*)[])]", text):
            return f"tuple[{', '.join(self._type(one.strip()) for one in found.group(1).split(','))}]"
        first, _, nested = text.partition(".")
        if first in self._home and isinstance(self._known(first), type):
            self._wanted.add(first)
            if nested:
                self._nested.add(text)
            return f"{self._home[first]}.{text}"
        return text if text in ("str", "int", "float", "bool", "bytes", "None", "Any", "bytearray") else "Any"
