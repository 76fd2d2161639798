"""A header's fields, read one by one; each that is missing, of another type or out of range is named in an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import MessageMalformed

ID_MOST = 2**53 - 1
_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NEEDED: Any = object()


class Fields:
    """An object of a header.

    Every reader takes a field's name and, where the field may be missing, what it is then; raises MessageMalformed.
    """

    def __init__(self, given: Mapping[str, Any], path: str = "") -> None:
        self._given = given
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def text(self, name: str, longest: int = 200, default: Any = _NEEDED) -> str:
        value = self._value(name, default)
        if value is default:
            return value
        if not isinstance(value, str) or len(value) > longest:
            self._refuse(name, f"a string of at most {longest} characters")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = _NEEDED) -> str:
        value = self._value(name, default)
        if value is not default and value not in choices:
            self._refuse(name, "one of " + ", ".join(choices))
        return value

    def integer(self, name: str, least: int, most: int, default: Any = _NEEDED) -> int:
        value = self._value(name, default)
        if value is not default and not (type(value) is int and least <= value <= most):
            self._refuse(name, f"an integer from {least} to {most}")
        return value

    def number(self, name: str, default: Any = _NEEDED) -> float:
        value = self._value(name, default)
        if type(value) not in (int, float):
            self._refuse(name, "a number")
        return float(value)

    def integers(self, name: str, count: int | None, least: int, most: int) -> tuple[int, ...]:
        """A list of ``count`` integers; of any number up to 100 with None."""
        value = self._value(name, _NEEDED)
        fits = isinstance(value, list) and (len(value) == count if count is not None else len(value) <= 100)
        if not fits or not all(type(one) is int and least <= one <= most for one in value):
            self._refuse(name, f"{'integers' if count is None else f'{count} integers'} from {least} to {most}")
        return tuple(value)

    def plain(self, name: str, default: Any = _NEEDED) -> dict[str, Any]:
        """An object, as it is."""
        value = self._value(name, default)
        if not isinstance(value, dict):
            self._refuse(name, "an object")
        return value

    def object(self, name: str) -> Fields:
        return Fields(self.plain(name), f"{self._path}{name}.")

    def job(self) -> str:
        value = self._value("job", _NEEDED)
        if not isinstance(value, str) or not _JOB.fullmatch(value):
            self._refuse("job", "1 to 64 of A-Z a-z 0-9 _ -")
        return value

    def id(self, name: str = "id") -> int | None:
        return self.integer(name, 0, ID_MOST, None)

    def _value(self, name: str, default: Any) -> Any:
        value = self._given.get(name)
        if value is None:
            if default is _NEEDED:
                raise MessageMalformed(reason=f"'{self._path}{name}' is missing")
            return default
        return value

    def _refuse(self, name: str, accepts: str) -> None:
        value = repr(self._given[name])
        shown = value if len(value) <= 60 else value[:57] + "..."
        raise MessageMalformed(reason=f"'{self._path}{name}' is {shown}, not {accepts}")
