"""The jobs file, CSV or JSON lines, as rows of text: what stands in it, not yet what it means."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from deepblend_protocol.errors import ArgumentInvalid
from deepblend_protocol.settings import table

from ..file_blend.arguments import nearest, spelled
from ..files import reason

_SEPARATORS = ",;\t"
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True)
class Row:
    """One job as it is written."""

    line: int
    """The line of the file that it begins on, from 1."""
    values: dict[str, str | bool] = field(default_factory=dict)
    """By option name, without dashes before it; only what is given."""
    fault: str = ""
    """Why these values cannot be trusted; empty where they can."""


def read(path: Path, known: Collection[str]) -> list[Row]:
    """The rows of a jobs file.

    Args:
        path: ends in .csv, .jsonl or .ndjson.
        known: the names that a column may have. Those of JSON objects are left to the caller,
            since there a wrong one is one job's fault only.

    Raises ArgumentInvalid, with the line, for a file that cannot be understood as a whole.
    """
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ArgumentInvalid(reason=f"The jobs file {path} is neither .csv nor .jsonl: name it by what is in it.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ArgumentInvalid(reason=f"The jobs file {path} cannot be read: {reason(error)}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ArgumentInvalid(reason=f"The jobs file {path} is not UTF-8 (line {line}): save it as UTF-8.") from error
    rows = list(reader(path, text, known))
    if not rows:
        raise ArgumentInvalid(reason=f"The jobs file {path} holds no jobs.")
    return rows


def _fail(path: Path, line: int, why: str) -> NoReturn:
    raise ArgumentInvalid(reason=f"The jobs file {path} cannot be used: line {line}: {why}.")


def option(name: str, known: Collection[str]) -> str:
    """A column's or key's name as an option's: style_from and style-from are one, and so are colour and color."""
    return spelled(name.strip().replace("_", "-"), known)


def _csv(path: Path, text: str, known: Collection[str]) -> Iterator[Row]:
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)  # no option's name holds any of them
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    names: list[str] = []
    end = 0
    try:
        for cells in reader:
            line, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [option(cell, known) for cell in cells]
                _check_header(path, line, names, known)
            elif len(cells) != len(names):
                yield Row(line, fault=f"it has {len(cells)} cells, and the header has {len(names)}")
            else:
                given = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
                yield Row(line, dict(_with_points(given) if separator == ";" else given))
    except csv.Error as error:
        _fail(path, end + 1, f"it is not CSV ({error})")


def _check_header(path: Path, line: int, names: list[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            _fail(path, line, f"there is no column '{name}'{meant}; the columns are {', '.join(known)}")
        if names.count(name) > 1:
            _fail(path, line, f"the column '{name}' is there twice")


def _with_points(given: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Numbers with a decimal point: where a spreadsheet separates by semicolons, it writes 0,5."""
    numbers = {name.replace("_", "-") for name, setting in table().items() if not setting.choices}
    numbers |= {name.removesuffix("-px") for name in numbers}
    for name, value in given.items():
        yield name, value.replace(",", ".") if name in numbers and _DECIMAL_COMMA.fullmatch(value) else value


def _jsonl(path: Path, text: str, known: Collection[str]) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), 1):  # splitlines would also part a string at U+2028
        if not content.strip():
            continue
        try:
            # Numbers stay the text that they are, for the options' own parser.
            pairs = json.loads(
                content, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_Pairs, strict=True
            )
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            _fail(path, line, f"it is not JSON ({why})")
        if not isinstance(pairs, _Pairs):
            _fail(path, line, 'a job has to be an object, as in {"source": "boat.png", "target": "sea.jpg"}')
        yield _row(line, pairs, known)


class _Pairs(list[tuple[str, Any]]):
    """An object's names and values, double ones too."""


def _row(line: int, pairs: _Pairs, known: Collection[str]) -> Row:
    values: dict[str, str | bool] = {}
    for key, value in pairs:
        name = option(key, known)
        if value is None:
            continue
        if name in values:
            return Row(line, fault=f"'{name}' is given twice")
        if not isinstance(value, str | bool):
            return Row(line, fault=f"'{name}' has to be text, a number, true or false")
        values[name] = value
    return Row(line, values)
