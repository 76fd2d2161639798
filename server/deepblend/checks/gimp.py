"""GIMP's profiles: the plug-in in each, and what GIMP itself makes of it."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from deepblend_protocol.errors import ConnectionUnusable, HostMissing, HostSilent

from .. import __version__
from ..hosts import asking_gimp, autostart, gimp, plugin, vendored
from ..hosts.gimp import PLUGIN, PROGRAM, Profile
from . import NOTE, OK, WARN, WRONG, Finding, starts


def profiles(given: Path | None, start: str | None) -> Iterator[Finding]:
    """All that concerns GIMP.

    Args:
        given: the one profile to look at; None looks at all.
        start: what starts GIMP, as typed into a shell; None looks for it.
    """
    try:
        found = gimp.chosen(given)
    except HostMissing as error:
        yield Finding("GIMP", NOTE, f"No profile was found; looked for {error.params['places']}.")
        return
    for profile in found:
        name = f"GIMP {profile.version}".strip()
        yield from (_named(name, finding) for finding in _profile(profile, start))


def _named(name: str, finding: Finding) -> Finding:
    return Finding(f"{name} {finding.name}".strip(), finding.status, finding.sentence, finding.remedy)


def _profile(profile: Profile, given: str | None) -> Iterator[Finding]:
    again = _again(profile)
    folder = profile.plugin
    sandbox = f" (a {profile.sandbox})" if profile.sandbox else ""
    version = plugin.version(folder)
    if version is None:
        if folder.exists() or folder.is_symlink():
            yield Finding("plug-in", WARN, f"{folder} was not put there by 'deepblend install'.", f"Remove it. {again}")
        else:
            yield Finding("plug-in", NOTE, f"It is not installed in {profile.path}{sandbox}.", again)
        return
    if version == __version__:
        yield Finding("plug-in", OK, f"{version} in {profile.path}{sandbox}")
    else:
        told = f"{folder} is of version {version or 'unknown'}, and this is {__version__}."
        yield Finding("plug-in", WARN, told, again)
    yield from _whole(profile)
    yield from _executable(profile)
    yield from _searched(profile)
    try:
        known = connection.read_installation(folder / "installation.json")
    except ConnectionUnusable as error:
        yield Finding("server", WRONG, f"{folder / 'installation.json'}: {error.params['reason']}.", again)
        known = None
    else:
        yield from _way(profile, known)
    yield from _asked(profile, given, known)


def _again(profile: Profile) -> str:
    return f"deepblend install gimp --profile '{profile.path}'"


def _whole(profile: Profile) -> Iterator[Finding]:
    """Whether every file of the plug-in is there."""
    source = plugin.source("gimp_plugin") / PLUGIN
    wanted = {one.relative_to(source) for one in source.rglob("*.py")}
    wanted |= {Path("vendor", "deepblend_protocol", "__init__.py")}
    missing = sorted(str(one) for one in wanted if not (profile.plugin / one).is_file())
    if missing and plugin.version(profile.plugin) == __version__:
        yield Finding("files", WRONG, f"{profile.plugin} lacks {', '.join(missing)}.", _again(profile))


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


def _way(profile: Profile, known: Installation) -> Iterator[Finding]:
    """From the plug-in to the server."""
    again = _again(profile)
    if known.connection != connection.default_path().absolute():
        told = f"The plug-in looks for {known.connection}, and the server is at {connection.default_path().absolute()}."
        yield Finding("connection", WARN, f"{told} That is right if you chose it with --connection.", again)
    if known.command:
        if reason := starts([*known.command, "--help"]):
            yield Finding("server", WRONG, f"The plug-in cannot start the server: {reason}.", again)
        elif Path(known.command[0]).parent != Path(sys.executable).parent:
            told = f"The plug-in starts the server of another installation: {known.command[0]}"
            yield Finding("server", NOTE, told, again)
        else:
            yield Finding("server", OK, "The plug-in can start it.")
    elif autostart.registered() or connection.server_runs(known.connection):
        yield Finding("server", OK, "The plug-in finds the server that is started at login.")
    else:
        told = "This GIMP cannot start the server, and nothing else does."
        yield Finding("server", WRONG, told, "deepblend install --autostart")


def _asked(profile: Profile, given: str | None, known: Installation | None) -> Iterator[Finding]:
    """What GIMP says, and pyzmq for its Python."""
    start = asking_gimp.command(profile, given)
    if start is None:
        told = "No GIMP of this version can be started from here to be asked; name one with --gimp COMMAND."
        yield Finding("", NOTE, told)
        yield from _brought(profile, known)
        return
    try:
        answer = asking_gimp.ask(profile, start)
    except HostSilent as error:
        yield Finding("", WRONG, str(error), "Start it in a terminal to see why.")
        yield from _brought(profile, known)
        return
    told = f"GIMP {answer.gimp}, Python {answer.python}"
    if answer.registered:
        yield Finding("", OK, f"{told}, has it: {gimp.MENU}")
    else:
        yield Finding("", WRONG, f"{told}, does not register it: {asking_gimp.reason(answer)}.", _again(profile))
    if answer.zmq and answer.curve:
        yield Finding("pyzmq", OK, f"{answer.zmq}, in GIMP's Python {answer.python}")
        return
    fails = answer.zmq_fails or f"pyzmq {answer.zmq} there has no encryption (CURVE)"
    yield from _relay(profile, known, f"GIMP's Python {answer.python} has no pyzmq to use: {fails}.")


def _brought(profile: Profile, known: Installation | None) -> Iterator[Finding]:
    """pyzmq, where GIMP's Python is not known."""
    if told := vendored.told(profile.plugin / "vendor"):
        yield Finding("pyzmq", OK, f"The plug-in has it for Python {told}.")
    else:
        yield from _relay(profile, known, "The plug-in has no pyzmq of its own.")


def _relay(profile: Profile, known: Installation | None, told: str) -> Iterator[Finding]:
    """Whether messages can pass without pyzmq in GIMP's Python."""
    remedy = f"With internet, or with --wheel-dir DIR: {_again(profile)}"
    if known is None or not known.relay:
        yield Finding("pyzmq", WRONG, f"{told} Nothing else can carry its messages.", remedy)
    elif reason := starts(known.relay):
        yield Finding("pyzmq", WRONG, f"{told} The process that would carry its messages fails: {reason}.", remedy)
    elif sys.platform == "win32":
        yield Finding("pyzmq", OK, f"{told} As always on Windows, a process of {known.relay[0]} carries its messages.")
    else:
        yield Finding("pyzmq", WARN, f"{told} A process of {known.relay[0]} carries its messages instead.", remedy)
