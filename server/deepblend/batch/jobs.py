"""Jobs: rows of the jobs file, read and checked by the options of ``deepblend blend``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, FileUnreadable, NameUnsuitable, WriteFailed
from deepblend_protocol.settings import Settings

from .. import __version__
from ..file_blend import FileBlend, arguments
from ..files import not_a_file, real, reason
from .rows import Row

OWN = ("name", "format", "layer", "report")
"""What a job may say beside the options of a blend."""
_NAME = re.compile(r'[^\x00-\x1f\x7f/\\:*?"<>|]{1,120}')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows opens devices by these
_SWITCH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Job:
    """One blend that can be begun."""

    line: int
    """The line of the jobs file that it begins on."""
    name: str
    blend: FileBlend
    """What is to be done, the places of its results included."""
    digest: str
    """A hash of all that its result depends on: the blend, the input files' sizes and times, deepblend's version."""


@dataclass(frozen=True)
class Refused:
    """A job that cannot be begun."""

    line: int
    name: str
    error: DeepBlendError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(message)


def _fail(why: str) -> NoReturn:
    raise ArgumentInvalid(reason=f"{why[:1].upper()}{why[1:]}.")


class Options:
    """The options that a job may have, and their parser.

    Args:
        defaults: of options that jobs do not give themselves, by the names under which a parser with
            these options leaves them; also those of ``OWN`` but the name. None is not given.
    """

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._parser = _Parser(add_help=False, allow_abbrev=False)
        arguments.add_arguments(self._parser, document=True)
        arguments.add_settings(self._parser)
        self._actions = {action.option_strings[-1].removeprefix("--"): action for action in self._parser._actions}
        given = {action.dest: defaults.get(action.dest, action.default) for action in self._actions.values()}
        self._defaults = given
        self._takes = {action.dest: str(action.metavar).split("|") for action in self._actions.values()}
        self._found: dict[str, os.stat_result] = {}
        """The pictures that are there: thousands of jobs have one target."""
        self._own = {name: defaults.get(name) for name in OWN[1:]}
        self.known = (*self._actions, *OWN)

    def check(self, rows: Iterable[Row], jobs_file: Path, folder: Path) -> tuple[list[Job], list[Refused]]:
        """The jobs that can be begun, and those that cannot; each fault is its own job's alone.

        Args:
            jobs_file: relative paths are relative to its folder.
            folder: where the results go; it has to exist.
        """
        jobs: list[Job] = []
        refused: list[Refused] = []
        for number, row in enumerate(rows, 1):
            name = str(row.values.get("name", f"job {number}"))
            try:
                if row.fault:
                    _fail(row.fault)
                jobs.append(self._job(row, number, jobs_file.parent, folder))
            except DeepBlendError as error:
                refused.append(Refused(row.line, name, error))
        return _without_clashes(jobs, refused)

    def _job(self, row: Row, number: int, base: Path, folder: Path) -> Job:
        for name in row.values:
            if name not in self.known:
                meant = arguments.nearest(name, self.known)
                _fail(f"there is no option '{name}'{meant}; a job's are {', '.join(self.known)}")
        given = argparse.Namespace(**{**self._defaults, **self._values(row.values, base)})
        blend = arguments.file_blend(given)
        blend.check_named()
        for role, path in blend.inputs.items():
            if path not in self._found:
                self._found[path] = _check_input(role, path)
        name = row.values.get("name")
        name = f"{Path(blend.source or blend.document or '').stem}-{number}" if name is None else str(name)
        _check_name(name)
        blend = _with_outputs(blend, folder, name, {**self._own, **row.values})
        return Job(row.line, name, blend, _digest(blend, self._found))

    def _values(self, values: dict[str, str | bool], base: Path) -> dict[str, Any]:
        """What a parser would leave of the same on a command line; many times sooner."""
        read: dict[str, Any] = {}
        for name, value in values.items():
            if name in OWN:
                continue
            action = self._actions[name]
            if action.nargs == 0:
                read[action.dest] = _switch(name, value)
                continue
            if isinstance(value, bool):
                _fail(f"'{name}' is neither true nor false: it takes {action.metavar or 'text'}")
            read[action.dest] = _place(base, value) if self._names_file(action, value) else self._read(action, value)
        return read

    def _names_file(self, action: argparse.Action, value: str) -> bool:
        """Whether a value is a path, by what the option says it takes: FILE, or words|FILE."""
        takes = self._takes[action.dest]
        return "FILE" in takes and value not in takes

    def _read(self, action: argparse.Action, value: str) -> Any:
        try:
            read = action.type(value) if callable(action.type) else value
        except argparse.ArgumentTypeError as error:
            _fail(f"argument {action.option_strings[-1]}: {error}")
        if action.choices is not None and read not in action.choices:
            allowed = ", ".join(map(repr, action.choices))
            _fail(f"argument {action.option_strings[-1]}: invalid choice: {read!r} (choose from {allowed})")
        return read


@lru_cache(maxsize=1024)  # thousands of jobs have one target
def _place(base: Path, value: str) -> str:
    return str(base / value)


def _switch(name: str, value: Any) -> bool:
    chosen = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
    if chosen is None:
        _fail(f"'{name}' cannot be '{value}': it takes yes or no")
    return chosen


def _check_input(role: str, path: str) -> os.stat_result:
    """A file's size and time; whether it is a picture shows when it is read. Raises FileUnreadable."""
    try:
        if (why := not_a_file(path)) is not None:
            raise FileUnreadable(role=role, path=path, reason=why)
        with open(path, "rb") as file:
            return os.fstat(file.fileno())
    except OSError as error:
        raise FileUnreadable(role=role, path=path, reason=reason(error)) from error
    except ValueError as error:  # a zero byte, or half a character
        raise FileUnreadable(role=role, path=repr(path), reason="no file can have this name") from error


def _check_name(name: str) -> None:
    plain = _NAME.fullmatch(name) and name[0] not in ". " and name[-1] not in ". " and not _RESERVED.fullmatch(name)
    if not plain or len(name.encode(errors="replace")) > 200 or name != name.encode(errors="replace").decode():
        _fail(f"the name {name!r} is not a plain file name: give the job one, without a folder and an extension")


def _with_outputs(blend: FileBlend, folder: Path, name: str, own: Mapping[str, Any]) -> FileBlend:
    """A blend with the places that its results go to, checked. Raises ArgumentInvalid, WriteFailed, ExtraMissing."""
    chosen = str(own["format"] or _suffix(blend.target or blend.document or "")).removeprefix(".")
    report = os.path.join(folder, f"{name}.json") if _switch("report", own["report"] or False) else None

    def place(extension: str) -> FileBlend:
        if not re.fullmatch(r"\w+", extension):
            _fail(f"'{extension}' is no picture format that can be written")
        # PNG keeps where the layer lies; it holds all but a document of floating point.
        beside = "exr" if extension == "exr" else "png"
        layer = os.path.join(folder, f"{name}-layer.{beside}") if _switch("layer", own["layer"] or False) else None
        # What is read is kept by _without_clashes: by all jobs, not only by this one.
        results = {"output": os.path.join(folder, f"{name}.{extension}"), "layer": layer, "report": report}
        placed = replace(blend, **results, overwrite=True)
        placed.check_outputs()
        return placed

    if own["format"] is None:
        try:
            return place(chosen)
        except (
            ArgumentInvalid,
            NameUnsuitable,
            WriteFailed,
        ):  # a format that can only be read, or a place that is refused below
            chosen = "png"
    return place(chosen)


@lru_cache(maxsize=1024)
def _suffix(path: str) -> str:
    return Path(path).suffix.lower()


def _digest(blend: FileBlend, found: Mapping[str, os.stat_result]) -> str:
    paths = blend.inputs | blend.outputs
    chosen = {name: getattr(blend, name) for name in _CHOSEN if name not in paths}
    read = {
        name: (os.path.abspath(path), found[path].st_size, found[path].st_mtime_ns)
        for name, path in blend.inputs.items()
    }
    made = {name: os.path.basename(path) for name, path in blend.outputs.items()}  # the folder may be moved
    told = _as_json([__version__, _settings(blend.settings), chosen, read, made])
    return hashlib.sha256(told.encode()).hexdigest()


_CHOSEN = tuple(field.name for field in fields(FileBlend) if field.name != "settings")
_as_json = json.JSONEncoder(sort_keys=True).encode


@lru_cache(maxsize=1024)
def _settings(settings: Settings) -> str:
    return _as_json(asdict(settings))


def _without_clashes(jobs: list[Job], refused: list[Refused]) -> tuple[list[Job], list[Refused]]:
    """Refuse what would write over another job's result, or over a picture that is read."""
    pictures = {real(path) for path in {path for job in jobs for path in job.blend.inputs.values()}}
    taken: dict[str, Job] = {}
    kept = []
    for job in jobs:
        why = ""
        for path in job.blend.outputs.values():
            # Case is folded, since some file systems do.
            if (other := taken.get(path.casefold())) is not None:
                what = "the name" if other.name.casefold() == job.name.casefold() else f"the file {Path(path).name} of"
                why = f"{what} '{job.name}' is taken by the job of line {other.line}"
            elif real(path) in pictures:
                why = f"its result {path} would replace a picture that is read"
        if why:
            refused.append(Refused(job.line, job.name, ArgumentInvalid(reason=f"{why[:1].upper()}{why[1:]}.")))
            continue
        kept.append(job)
        taken |= {path.casefold(): job for path in job.blend.outputs.values()}
    return kept, sorted(refused, key=lambda each: each.line)
