"""kritarc, Krita's file of settings: one entry is read, set or taken out, and every other byte stays.

It is one of KConfig's, as all of KDE's are: ``[group]`` or ``[group][inner group]``, then ``key=value`` lines. A group
can come twice; of a key that does, the last one counts. A key can bear options, as ``key[$e]``; ``key[$d]`` says that
it was deleted. What is none of that, such as a comment, stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deepblend_protocol.errors import WriteFailed

from ..files import failing, reason, replacing

Group = tuple[bytes, ...]
_ESCAPED = {b"s": b" ", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}


@dataclass(frozen=True)
class _Line:
    """A line, with its end."""

    raw: bytes
    group: Group
    section: int
    """Counts the headers; 0 is what comes before the first."""
    header: bool = False
    key: bytes = b""
    value: bytes | None = None
    """None where the key was deleted."""
    expands: bool = False
    """Variables in the value stand for what they are: ``key[$e]``."""

    @property
    def blank(self) -> bool:
        return not self.raw.strip()


def get(content: bytes, group: Group, key: bytes) -> bytes | None:
    """An entry's value; None if there is no such entry."""
    found = [line.value for line in _lines(content) if line.group == group and line.key == key]
    return found[-1] if found else None


def get_path(content: bytes, group: Group, key: bytes) -> Path | None:
    """The absolute path that an entry names; None where there is none."""
    found = [line for line in _lines(content) if line.group == group and line.key == key]
    if not found or not found[-1].value:
        return None
    plain = re.sub(rb"\\([snrt\\])", lambda one: _ESCAPED[one[1]], found[-1].value).decode("utf-8", "surrogateescape")
    given = os.path.expandvars(plain) if found[-1].expands else plain
    return Path(os.path.normpath(given)) if os.path.isabs(given) else None


def put(content: bytes, group: Group, key: bytes, value: bytes) -> bytes:
    """The file's content with an entry set. If there was none before, ``take`` undoes it exactly."""
    lines = _lines(content)
    entry = key + b"=" + value
    end = _end(content)
    if get(content, group, key) == value:
        return content
    if ours := [index for index, line in enumerate(lines) if line.group == group and line.key == key]:
        raw = lines[ours[-1]].raw
        before = raw[: len(raw) - len(raw.lstrip())]
        return _joined(lines, ours[-1], ours[-1] + 1, before + entry + raw[len(raw.rstrip(b"\r\n")) :])
    # An empty group is left alone: of one that holds nothing else, take has to know that put has made it.
    filled = [index for index, line in enumerate(lines) if line.group == group and not (line.header or line.blank)]
    if filled:
        after = filled[-1] + 1
        whole = lines[filled[-1]].raw.endswith(b"\n")
        return _joined(lines, after, after, entry + end if whole else end + entry)
    header = b"".join(b"[" + part + b"]" for part in group) + end
    if not content:
        return header + entry + end
    return content + (end + header + entry + end if content.endswith(b"\n") else end + end + header + entry)


def take(content: bytes, group: Group, key: bytes) -> bytes:
    """The file without an entry, and without its group where that held nothing else."""
    while True:
        lines = _lines(content)
        ours = [index for index, line in enumerate(lines) if line.group == group and line.key == key]
        if not ours:
            return content
        content = _without(content, lines, ours[-1])


def take_group(content: bytes, group: Group) -> bytes:
    """The file without a group and all that is inside it."""
    kept = [line.raw for line in _lines(content) if line.group[: len(group)] != group]
    left = b"".join(kept)
    end = _end(content)
    return left[: -len(end)] if len(kept) < len(_lines(content)) and left.endswith(b"\n" + end) else left


def change(path: Path, edit: Callable[[bytes], bytes]) -> bool:
    """Change the file, whole or not at all, its permissions kept; whether there was something to change.

    A file of which nothing is left is removed. Raises WriteFailed.
    """
    before = read(path)
    after = edit(before)
    if after == before:
        return False
    with failing(path):
        if not after:
            path.unlink()
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        if path.exists():
            shutil.copymode(path, beside)
        else:
            beside.chmod(0o600)  # as KConfig makes it
        beside.write_bytes(after)
    return True


def read(path: Path) -> bytes:
    """The file's content; empty if there is no file. Raises WriteFailed if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise WriteFailed(path=str(path), reason=reason(error)) from error


def _lines(content: bytes) -> list[_Line]:
    found: list[_Line] = []
    group: Group = ()
    section = 0
    for raw in re.findall(rb"[^\n]*\n|[^\n]+", content):
        text = raw.strip()
        if not found:
            text = text.removeprefix(b"\xef\xbb\xbf")
        named = _group(text)
        if named is not None:
            group, section = named, section + 1
            found.append(_Line(raw, group, section, header=True))
        elif text.startswith((b"#", b"[")):
            found.append(_Line(raw, group, section))
        else:
            key, value, expands = _entry(text)
            found.append(_Line(raw, group, section, key=key, value=value, expands=expands))
    return found


def _group(text: bytes) -> Group | None:
    """The group that a header names; None where it is no header."""
    parts: list[bytes] = []
    while text.startswith(b"["):
        part, closed, text = text[1:].partition(b"]")
        if not closed:
            return None
        parts.append(part)
    if not parts:
        return None
    return tuple(parts[:-1]) if parts[-1] == b"$i" and not text else tuple(parts)  # [$i]: nobody may change it


def _entry(text: bytes) -> tuple[bytes, bytes | None, bool]:
    """The key and the value of a line, and whether that expands; no key where it is no entry, or one for a language."""
    key, equals, value = text.partition(b"=")
    key = key.strip()
    options = b""
    while key.endswith(b"]") and b"[" in key:
        key, _, option = key[:-1].rpartition(b"[")
        if not option.startswith(b"$"):
            return b"", None, False
        options += option
    if b"d" in options:
        return key, None, False
    return (key, value.strip(), b"e" in options) if equals else (b"", None, False)


def _end(content: bytes) -> bytes:
    """How the lines of a file end."""
    first, newline, _ = content.partition(b"\n")
    return b"\r\n" if newline and first.endswith(b"\r") else b"\n"


def _joined(lines: list[_Line], start: int, stop: int, between: bytes) -> bytes:
    return b"".join(line.raw for line in lines[:start]) + between + b"".join(line.raw for line in lines[stop:])


def _without(content: bytes, lines: list[_Line], index: int) -> bytes:
    """The file without one entry: what ``put`` has added, and where that was the file's last line, its end as well."""
    section = [other for other, line in enumerate(lines) if line.section == lines[index].section]
    last = not lines[index].raw.endswith(b"\n")
    alone = all(other == index or lines[other].header or lines[other].blank for other in section)
    if not alone or not lines[section[0]].header:
        end = _end(content)
        before = b"".join(line.raw for line in lines[:index])
        return (before.removesuffix(end) if last else before) + b"".join(line.raw for line in lines[index + 1 :])
    before = b"".join(line.raw for line in lines[: section[0]])
    header = lines[section[0]].raw
    end = header[len(header.rstrip(b"\r\n")) :]
    after = b"".join(line.raw for line in lines[section[0] + 1 : index] + lines[index + 1 :])
    if last and before.endswith(end + end):
        before = before[: -2 * len(end)]
    elif before.endswith(b"\n" + end):  # the blank line above the group
        before = before[: -len(end)]
    return before + after
