"""GIMP's profiles: the plug-in in each, and what GIMP itself makes of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from deepblend_protocol.errors import HostMissing, HostSilent

from ..hosts import asking_gimp, gimp, plugin
from ..hosts.gimp import HOST, PLUGIN, PROGRAM, Profile
from . import NOTE, OK, WRONG, Finding, installed
from .installed import Installed


def profiles(given: Path | None, start: str | None) -> Iterator[Finding]:
    """All that concerns GIMP.

    Args:
        given: the one profile to look at; None looks at all.
        start: what starts GIMP, as typed into a shell; None looks for it.
    """
    try:
        found = gimp.chosen(given)
    except HostMissing as error:
        yield installed.none(HOST, error)
        return
    for profile in found:
        yield from installed.named(f"GIMP {profile.version}".strip(), _profile(profile, start))


def _profile(profile: Profile, given: str | None) -> Iterator[Finding]:
    one = Installed(HOST, profile.path, profile.plugin, profile.sandbox, HOST.again(profile.path))
    yield from one.there()
    if not one.ours:
        return
    yield from one.whole(plugin.source("gimp_plugin") / PLUGIN)
    yield from _executable(profile)
    yield from _searched(profile)
    yield from one.way()
    yield from _asked(profile, given, one)


def _executable(profile: Profile) -> Iterator[Finding]:
    """GIMP leaves out, in silence, what it may not execute."""
    program = profile.plugin / PROGRAM
    if os.name != "posix" or not program.is_file() or os.access(program, os.X_OK):
        return
    if program.stat().st_mode & stat.S_IXUSR:
        told = f"{program} may not be executed: its disk is mounted 'noexec', so that GIMP ignores it."
        yield Finding("executable", WRONG, told, "Mount it without 'noexec', or keep GIMP's settings elsewhere.")
    else:
        told = f"{program} has lost its executable bit, so that GIMP ignores it."
        yield Finding("executable", WRONG, told, f"chmod +x '{program}'")


def _searched(profile: Profile) -> Iterator[Finding]:
    """Whether the user has taken the folder out of those that GIMP searches."""
    try:
        text = (profile.path / "gimprc").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    found = re.search(r'^\(plug-in-path "((?:[^"\\]|\\.)*)"\)', text, re.MULTILINE)
    if found is None:
        return
    named = found[1].replace("\\\\", "\\").replace("${gimp_dir}", str(profile.path))
    if str(profile.path / "plug-ins") not in [one.rstrip("/\\") for one in named.split(os.pathsep)]:
        told = f"GIMP does not search {profile.path / 'plug-ins'}: its preferences name other folders."
        yield Finding("folders", WRONG, told, "In GIMP: Edit > Preferences > Folders > Plug-ins, add it.")


def _asked(profile: Profile, given: str | None, one: Installed) -> Iterator[Finding]:
    """What GIMP says, and pyzmq for its Python."""
    start = asking_gimp.command(profile, given)
    if start is None:
        told = "No GIMP of this version can be started from here to be asked; name one with --gimp COMMAND."
        yield Finding("", NOTE, told)
        yield from one.brought()
        return
    try:
        answer = asking_gimp.ask(profile, start)
    except HostSilent as error:
        yield Finding("", WRONG, str(error), "Start it in a terminal to see why.")
        yield from one.brought()
        return
    told = f"GIMP {answer.gimp}, Python {answer.python}"
    if answer.registered:
        yield Finding("", OK, f"{told}, has it: {gimp.MENU}")
    else:
        yield Finding("", WRONG, f"{told}, does not register it: {asking_gimp.reason(answer)}.", one.again)
    yield from one.pyzmq(answer.python, answer.zmq, answer.curve, answer.zmq_fails)
