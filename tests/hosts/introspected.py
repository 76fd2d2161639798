"""What GObject introspection says of GIMP's bindings, as stubs."""

from __future__ import annotations

import re
from keyword import iskeyword
from pathlib import Path
from typing import Any

from make_stubs import HEAD, Used

VERSIONS = {"Gimp": "3.0", "GimpUi": "3.0", "Gegl": "0.4", "Gtk": "3.0", "Gdk": "3.0", "GdkPixbuf": "2.0"}
PLAIN = {
    "void": "None",
    "gboolean": "bool",
    "gfloat": "float",
    "gdouble": "float",
    "utf8": "str",
    "filename": "str",
    "gunichar": "str",
    "GType": "GObject.GType",
    "gchararray": "str",
    "error": "GLib.Error",
    "ghash": "dict[Any, Any]",
}
WHOLE = re.compile(r"g?u?(int|long|char|size|ssize)\d*")
BY_HAND = {
    "GObject": {
        "GType": "class GType: ...",
        "GEnum": "class GEnum(int):\n    value_name: str\n    value_nick: str",
        "GFlags": "class GFlags(int):\n    def __or__(self, other: int) -> Self: ...",
        "Value": "class Value:\n    def __init__(self, kind: Any, value: Any = ...) -> None: ...",
        "InitiallyUnowned": "class InitiallyUnowned(Object): ...",
        "Object": """class Object:
    __gtype__: GType
    def __init__(self, **properties: Any) -> None: ...
    def get_property(self, name: str) -> Any: ...
    def set_property(self, name: str, value: Any) -> None: ...
    def find_property(self, name: str) -> ParamSpec: ...
    def connect(self, signal: str, does: Callable[..., Any], *data: Any) -> int: ...
    def disconnect(self, number: int) -> None: ...""",
        "ParamSpec": "class ParamSpec:\n    name: str\n    nick: str\n    blurb: str",
    },
    "GLib": {
        "Error": """class Error(RuntimeError):
    message: str
    def __init__(self, message: str = ...) -> None: ...""",
        "timeout_add": "def timeout_add(milliseconds: int, does: Callable[..., bool], *data: Any) -> int: ...",
        "markup_escape_text": "def markup_escape_text(text: str) -> str: ...",
        "source_remove": "def source_remove(number: int) -> bool: ...",
    },
    "Gtk": {
        "events_pending": "def events_pending() -> bool: ...",
        "main_iteration_do": "def main_iteration_do(blocking: bool) -> bool: ...",
    },
}
"""What the bindings write in Python, which tells no types."""
MAY_BE_NONE = {"get_parent", "get_mask", "get_parasite", "get_layer_by_tattoo", "get_floating_sel"}
"""Of what GIMP returns: what may be None, though it does not say so."""
ALWAYS_THERE = {("Pixbuf", "copy"), ("Pixbuf", "new"), ("Pixbuf", "new_subpixbuf"), ("Bytes", "get_data")}
"""What the binding takes for None where memory has run out, or nothing is in it."""
METHODS_BY_HAND = {
    ("Gimp", "Layer", "get_parent"): "def get_parent(self) -> Layer | None: ...",
    ("Gimp", "Layer", "get_children"): "def get_children(self) -> list[Layer]: ...",
    ("Gtk", "Dialog", "add_buttons"): "def add_buttons(self, *labels_and_answers: str | int) -> None: ...",
}
_IN, _OUT = 0, 1
"""Which way an argument goes; 2 is both."""


class Introspected:
    """The namespaces of gi.repository, as far as they are used."""

    def __init__(self, used: Used) -> None:
        import gi

        self._used = used
        self._written: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[str, str]] = []
        for name, version in VERSIONS.items():
            gi.require_version(name, version)
        for namespace in sorted(used.imported.get("gi.repository", ())):
            for name in sorted(used.of.get(namespace, set()) | (BY_HAND.get(namespace, {}).keys() & used.attributes)):
                self._want(namespace, name)
        while self._waiting:
            namespace, name = self._waiting.pop()
            self._written[namespace, name] = self._definition(namespace, name)

    def write(self, folder: Path) -> None:
        place = folder / "gi" / "repository"
        place.mkdir(parents=True, exist_ok=True)
        versions = "def require_version(namespace: str, version: str) -> None: ...\n"
        (folder / "gi" / "__init__.pyi").write_text(HEAD + versions)
        (place / "__init__.pyi").write_text(HEAD)
        for namespace in sorted({one for one, _ in self._written}):
            own = {name: text for (one, name), text in self._written.items() if one == namespace}
            body = "\n".join(own[name] for name in sorted(own))
            body = re.sub(rf"\b{namespace}\.(?=\w)", "", body)
            spaces = sorted({space for space, _ in self._written})
            others = [one for one in spaces if re.search(rf"\b{one}\.", body)]
            lines = [HEAD + "from collections.abc import Callable, Sequence", "from typing import Any", ""]
            lines.append("from typing_extensions import Self")
            if others:
                lines.append(f"from gi.repository import {', '.join(others)}")
            (place / f"{namespace}.pyi").write_text("\n".join([*lines, "", body, ""]))

    def _want(self, namespace: str, name: str) -> str:
        if (namespace, name) not in self._written:
            self._written[namespace, name] = ""
            self._waiting.append((namespace, name))
        return f"{namespace}.{name}"

    def _definition(self, namespace: str, name: str) -> str:
        from gi.repository import GObject

        by_hand = BY_HAND.get(namespace, {}).get(name)
        if by_hand is not None:
            for other in re.findall(r"\b(ParamSpec|GType|Object)\b", by_hand):
                self._want("GObject", other)
            return by_hand
        module = __import__("gi.repository", fromlist=[namespace])
        try:
            known = getattr(getattr(module, namespace), name)
        except AttributeError:
            return f"# the binding has no {name}"
        if not isinstance(known, type):
            if type(known).__name__ == "FunctionInfo":
                return self._function(name, known, None)
            return f"{name}: {'GObject.GType' if 'GType' in type(known).__name__ else type(known).__name__}"
        if issubclass(known, (GObject.GEnum, GObject.GFlags)):
            base = self._want("GObject", "GFlags" if issubclass(known, GObject.GFlags) else "GEnum")
            named = sorted(one for one in self._used.attributes if one.isupper() and hasattr(known, one))
            members = [f"    {each}: {namespace}.{name}" for each in named]
            return "\n".join([f"class {name}({base}):", *(members or ["    ..."])])
        return self._class(namespace, name, known)

    def _class(self, namespace: str, name: str, known: type) -> str:
        from gi.repository import GObject

        same = [one for one in known.__mro__ if one.__name__ == name]
        info = next((one.__dict__["__info__"] for one in same if "__info__" in one.__dict__), None)
        parent = info.get_parent() if hasattr(info, "get_parent") else None
        known_bases = [*([parent] if parent is not None else []), *getattr(info, "get_interfaces", tuple)()]
        bases = [self._want(one.get_namespace(), one.get_name()) for one in known_bases]
        lines = []
        if issubclass(known, GObject.Object):
            lines += self._constructor(known)
        fields = {one.get_name(): one for one in info.get_fields()} if hasattr(info, "get_fields") else {}
        for each in sorted(self._used.attributes):
            by_hand = METHODS_BY_HAND.get((namespace, name, each))
            owner = next((one for one in same if each in one.__dict__), None)
            if by_hand is not None:
                lines.append(by_hand)
            elif each in fields and not issubclass(known, GObject.Object):
                lines.append(f"{each}: {self._type(fields[each].get_type())}")
            elif owner is not None:
                own = getattr(known, each)
                if type(own).__name__ == "FunctionInfo":
                    lines.append(self._function(each, own, name))
                elif callable(own):
                    lines.append(f"def {each}(self, *given: Any, **named: Any) -> Any: ...")
        head = f"class {name}({', '.join(bases)}):" if bases else f"class {name}:"
        return "\n".join([head, *(f"    {one}" for one in lines or ["..."])])

    def _constructor(self, known: type) -> list[str]:
        properties = {one.name.replace("-", "_"): one for one in known.list_properties()}
        named = sorted(self._used.keywords & properties.keys())
        if not named:
            return []
        given = ", ".join(f"{one}: {self._property_type(properties[one])} = ..." for one in named)
        return [f"def __init__(self, *, {given}) -> None: ..."]

    def _property_type(self, known: Any) -> str:
        kind = known.value_type
        if kind.name in PLAIN or WHOLE.fullmatch(kind.name):
            return PLAIN.get(kind.name, "int")
        python = kind.pytype
        found = re.fullmatch(r"gi\.(?:repository|overrides)\.(\w+)", python.__module__) if python is not None else None
        return f"{self._want(found.group(1), python.__name__)} | None" if found else "Any"

    def _function(self, name: str, known: Any, owner: str | None) -> str:
        given, hidden = list(known.get_arguments()), set()
        for one in given:
            if one.get_closure() >= 0 and one.get_destroy() >= 0:
                hidden.add(one.get_destroy())
            kind = one.get_type()
            if kind.get_tag_as_string() == "array" and kind.get_array_length() >= 0:
                hidden.add(kind.get_array_length())
        result = known.get_return_type()
        if result.get_tag_as_string() == "array" and result.get_array_length() >= 0:
            hidden.add(result.get_array_length())
        closures = {one.get_closure() for one in given if one.get_closure() >= 0}
        words, returned, optional = [], [], True
        for number, one in reversed(list(enumerate(given))):
            if number in hidden:
                continue
            kind = one.get_type()
            way = int(one.get_direction())
            text = self._type(kind, given=way != _OUT)
            if way != _IN:
                returned.insert(0, text)
            if way == _OUT:
                continue
            if number in closures:
                words.insert(0, "*data: Any")
                continue
            optional = optional and one.may_be_null()
            text = f"{text} | None" if one.may_be_null() and text != "Any" else text
            name_given = f"{one.get_name()}_" if iskeyword(one.get_name()) else one.get_name()
            words.insert(0, f"{name_given}: {text}{' = ...' if optional else ''}")
        if not known.skip_return() and (text := self._type(result)) != "None":
            missing = (known.may_return_null() or name in MAY_BE_NONE) and (owner, name) not in ALWAYS_THERE
            returned.insert(0, f"{text} | None" if missing else text)
        back = "None" if not returned else returned[0] if len(returned) == 1 else f"tuple[{', '.join(returned)}]"
        decorator = ""
        if owner is not None and known.is_method():
            words.insert(0, "self")
        elif owner is not None:
            decorator = "@staticmethod\n    "
        return f"{decorator}def {name}({', '.join(words)}) -> {back}: ..."

    def _type(self, kind: Any, given: bool = False) -> str:
        tag = kind.get_tag_as_string()
        if tag == "void":
            return "Any" if kind.is_pointer() else "None"
        if tag in PLAIN:
            if tag == "error":
                self._want("GLib", "Error")
            if tag == "GType":
                self._want("GObject", "GType")
            return PLAIN[tag]
        if WHOLE.fullmatch(tag):
            return "int"
        if tag in ("array", "glist", "gslist"):
            inner = kind.get_param_type(0)
            if inner.get_tag_as_string() == "guint8":
                return "bytes"
            return f"{'Sequence' if given else 'list'}[{self._type(inner)}]"
        interface = kind.get_interface()
        if type(interface).__name__ == "CallbackInfo":
            return "Callable[..., Any]"
        return self._want(interface.get_namespace(), interface.get_name())
