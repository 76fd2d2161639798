"""Jobs: rows of the jobs file, parsed and checked by the parser of ``deepblend blend``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, FileUnreadable, WriteFailed

from .. import __version__
from ..commands import blend, inputs
from .rows import Row

OWN = ("name", "format", "layer", "report")
"""What a job may say beside the options of a blend."""
_NOT_A_JOBS = {*blend.FILES, "server", "connection", "json", "quiet"}
_NAME = re.compile(r'[^\x00-\x1f\x7f/\\:*?"<>|]{1,120}')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows opens devices by these
_SWITCH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Job:
    """One blend that can be begun."""

    line: int
    """The line of the jobs file that it begins on."""
    name: str
    args: argparse.Namespace
    """All arguments of ``deepblend blend``, its outputs' places included."""
    inputs: dict[str, str]
    """The pictures that it reads: path by argument."""
    digest: str
    """Of everything that its result follows from: the arguments, the pictures' sizes and times, the version."""

    @property
    def outputs(self) -> dict[str, str]:
        """The files that it makes: path by argument."""
        return {name: path for name in blend.FILES if (path := getattr(self.args, name)) is not None}


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
        defaults: of arguments that jobs do not give themselves, by the names of ``deepblend blend``'s;
            also those of ``OWN`` but the name.
    """

    def __init__(self, defaults: argparse.Namespace) -> None:
        self._parser = _Parser(add_help=False, allow_abbrev=False)
        blend.add_arguments(self._parser)
        self._actions: dict[str, argparse.Action] = {}
        self._defaults = {}
        for action in self._parser._actions:
            if action.dest in _NOT_A_JOBS:
                action.required = False
                continue
            self._actions[action.option_strings[-1].removeprefix("--")] = action
            given = getattr(defaults, action.dest, None)
            if given is not None:
                self._defaults[action.dest] = given
                action.required = False
        self._own = {name: getattr(defaults, name, None) for name in OWN[1:]}
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
                _fail(f"there is no option '{name}'; a job's are {', '.join(self.known)}")
        args = self._parser.parse_args(self._words(row.values, base), argparse.Namespace(**self._defaults))
        read = {
            action.dest: value
            for action in self._actions.values()
            if isinstance(value := getattr(args, action.dest), str) and _names_file(action, value)
        }
        inputs.settings(args)
        inputs.check_named(args)
        for argument, path in read.items():
            _check_input("style" if argument == "style_from" else argument, path)
        name = str(row.values.get("name", f"{Path(args.source or args.document).stem}-{number}"))
        _check_name(name)
        _set_outputs(args, folder, name, {**self._own, **row.values})
        return Job(row.line, name, args, read, _digest(args, read))

    def _words(self, values: dict[str, str | bool], base: Path) -> list[str]:
        """The command line that says the same."""
        words = []
        for name, value in values.items():
            if name in OWN:
                continue
            action = self._actions[name]
            if action.nargs == 0:
                words += [f"--{name}"] if _switch(name, value) else []
                continue
            if isinstance(value, bool):
                _fail(f"'{name}' is neither true nor false: it takes {action.metavar or 'text'}")
            words.append(f"--{name}={base / value if _names_file(action, value) else value}")
        return words


def _names_file(action: argparse.Action, value: str) -> bool:
    """Whether a value is a path, by what the option says it takes: FILE, or words|FILE."""
    takes = str(action.metavar).split("|")
    return "FILE" in takes and value not in takes


def _switch(name: str, value: Any) -> bool:
    chosen = value if isinstance(value, bool) else _SWITCH.get(str(value).lower())
    if chosen is None:
        _fail(f"'{name}' cannot be '{value}': it takes yes or no")
    return chosen


def _check_input(role: str, path: str) -> None:
    """Raise FileUnreadable for what is not there; whether it is a picture shows when it is read."""
    from ..files import reason

    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise FileUnreadable(role=role, path=path, reason=reason(error)) from error
    except ValueError as error:  # a zero byte, or half a character
        raise FileUnreadable(role=role, path=repr(path), reason="no file can have this name") from error


def _check_name(name: str) -> None:
    plain = _NAME.fullmatch(name) and name[0] not in ". " and name[-1] not in ". " and not _RESERVED.fullmatch(name)
    if not plain or len(name.encode(errors="replace")) > 200 or name != name.encode(errors="replace").decode():
        _fail(f"the name {name!r} is not a plain file name: give the job one, without a folder and an extension")


def _set_outputs(args: argparse.Namespace, folder: Path, name: str, own: dict[str, Any]) -> None:
    """Say where the results go. Raises WriteFailed."""
    chosen = str(own["format"] or Path(args.target or args.document).suffix.lower()).removeprefix(".")
    args.report = str(folder / f"{name}.json") if _switch("report", own["report"] or False) else None

    def place(extension: str) -> None:
        if not re.fullmatch(r"\w+", extension):
            _fail(f"'{extension}' is no picture format that can be written")
        args.output = str(folder / f"{name}.{extension}")
        # PNG keeps where the layer lies; it holds all but a document of floating point.
        beside = "exr" if extension == "exr" else "png"
        args.layer = str(folder / f"{name}-layer.{beside}") if _switch("layer", own["layer"] or False) else None
        blend.check_outputs(args)

    if own["format"] is None:
        try:
            return place(chosen)
        except (ArgumentInvalid, WriteFailed):  # a format that can only be read, or a place that is refused below
            chosen = "png"
    return place(chosen)


def _digest(args: argparse.Namespace, read: dict[str, str]) -> str:
    places = {name: Path(path).name for name in blend.FILES if (path := getattr(args, name)) is not None}
    chosen = {name: value for name, value in vars(args).items() if name not in _NOT_A_JOBS and name not in read}
    files = {}
    for name, path in read.items():
        found = os.stat(path)
        files[name] = (os.path.abspath(path), found.st_size, found.st_mtime_ns)
    whole = json.dumps([__version__, chosen, files, places], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()


def _without_clashes(jobs: list[Job], refused: list[Refused]) -> tuple[list[Job], list[Refused]]:
    """Refuse what would write over another job's result, or over a picture that is read."""
    pictures = {os.path.realpath(path) for job in jobs for path in job.inputs.values()}
    taken: dict[str, Job] = {}
    kept = []
    for job in jobs:
        why = ""
        for path in job.outputs.values():
            # Case is folded, since some file systems do.
            if (other := taken.get(path.casefold())) is not None:
                what = "the name" if other.name.casefold() == job.name.casefold() else f"the file {Path(path).name} of"
                why = f"{what} '{job.name}' is taken by the job of line {other.line}"
            elif os.path.realpath(path) in pictures:
                why = f"its result {path} would replace a picture that is read"
        if why:
            refused.append(Refused(job.line, job.name, ArgumentInvalid(reason=f"{why[:1].upper()}{why[1:]}.")))
            continue
        kept.append(job)
        taken |= {path.casefold(): job for path in job.outputs.values()}
    return kept, sorted(refused, key=lambda each: each.line)
