"""A plug-in in any host: whether it is there and whole, finds the server, and has what its Python lacks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from deepblend_protocol.errors import ConnectionUnusable, HostMissing

from .. import __version__
from ..hosts import autostart, plugin, vendored
from ..hosts.host import Host
from . import NOTE, OK, WARN, WRONG, Finding, starts


def none(host: Host, error: HostMissing) -> Finding:
    """The finding that a host has no profile here."""
    return Finding(host.name, NOTE, f"No profile was found; looked for {error.params['places']}.")


def named(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings of one profile, with what it is called before their names."""
    for one in findings:
        yield Finding(f"{name} {one.name}".strip(), one.status, one.sentence, one.remedy)


@dataclass(frozen=True)
class Installed:
    """A plug-in in a profile."""

    host: Host
    profile: Path
    folder: Path
    """The plug-in's, if it is there."""
    sandbox: str
    again: str
    """The command that installs it once more."""

    @property
    def ours(self) -> bool:
        return plugin.version(self.folder) is not None

    @cached_property
    def known(self) -> Installation | None:
        """The installation that the installer wrote down; None if that cannot be read."""
        try:
            return connection.read_installation(self.folder / "installation.json")
        except ConnectionUnusable:
            return None

    def there(self) -> Iterator[Finding]:
        """Whether it is installed, by us, and of which version."""
        sandbox = f" (a {self.sandbox})" if self.sandbox else ""
        version = plugin.version(self.folder)
        if version == __version__:
            yield Finding("plug-in", OK, f"{version} in {self.profile}{sandbox}")
        elif version is not None:
            told = f"{self.folder} is of version {version or 'unknown'}, and this is {__version__}."
            yield Finding("plug-in", WARN, told, self.again)
        elif self.folder.exists() or self.folder.is_symlink():
            told = f"{self.folder} was not put there by 'deepblend install'."
            yield Finding("plug-in", WARN, told, f"Remove it. {self.again}")
        else:
            yield Finding("plug-in", NOTE, f"It is not installed in {self.profile}{sandbox}.", self.again)

    def whole(self, source: Path, *beside: str) -> Iterator[Finding]:
        """Whether every file is there: those of ``source``, and others by their places relative to the folder."""
        wanted = {str(one.relative_to(source)) for one in source.rglob("*.py")}
        wanted |= {str(Path("vendor", "deepblend_protocol", "__init__.py")), *beside}
        missing = sorted(one for one in wanted if not (self.folder / one).is_file())
        if missing and plugin.version(self.folder) == __version__:
            yield Finding("files", WRONG, f"{self.folder} lacks {', '.join(missing)}.", self.again)

    def way(self) -> Iterator[Finding]:
        """Whether the plug-in can find and start the server."""
        path = self.folder / "installation.json"
        try:
            known = connection.read_installation(path)
        except ConnectionUnusable as error:
            yield Finding("server", WRONG, f"{path}: {error.params['reason']}.", self.again)
            return
        default = connection.default_path().absolute()
        if known.connection != default:
            told = f"The plug-in looks for {known.connection}, and the server is at {default}."
            yield Finding("connection", WARN, f"{told} That is right if you chose it with --connection.", self.again)
        if known.command:
            if reason := starts([*known.command, "--help"]):
                yield Finding("server", WRONG, f"The plug-in cannot start the server: {reason}.", self.again)
            elif Path(known.command[0]).parent != Path(sys.executable).parent:
                told = f"The plug-in starts the server of another installation: {known.command[0]}"
                yield Finding("server", NOTE, told, self.again)
            else:
                yield Finding("server", OK, "The plug-in can start it.")
        elif autostart.registered() or connection.server_runs(known.connection):
            yield Finding("server", OK, "The plug-in finds the server that is started at login.")
        else:
            told = f"This {self.host.name} cannot start the server, and nothing else does."
            yield Finding("server", WRONG, told, "deepblend install --autostart")

    def pyzmq(self, python: str, zmq: str, curve: bool, fails: str) -> Iterator[Finding]:
        """pyzmq, as the host's Python has told of it: a version, whether that can encrypt, or why there is none."""
        if zmq and curve:
            yield Finding("pyzmq", OK, f"{zmq}, in {self.host.name}'s Python {python}")
            return
        fails = fails or f"pyzmq {zmq} there has no encryption (CURVE)"
        yield from self._relay(f"{self.host.name}'s Python {python} has no pyzmq to use: {fails}.")

    def brought(self) -> Iterator[Finding]:
        """pyzmq, where the host's Python is not known."""
        if told := vendored.told(self.folder / "vendor"):
            yield Finding("pyzmq", OK, f"The plug-in has it for Python {told}.")
        else:
            yield from self._relay("The plug-in has no pyzmq of its own.")

    def _relay(self, told: str) -> Iterator[Finding]:
        """Whether messages can pass without pyzmq in the host's Python."""
        remedy = f"With internet, or with --wheel-dir DIR: {self.again}"
        if self.known is None or not self.known.relay:
            yield Finding("pyzmq", WRONG, f"{told} Nothing else can carry its messages.", remedy)
            return
        program = self.known.relay[0]
        if reason := starts(self.known.relay):
            yield Finding("pyzmq", WRONG, f"{told} The process that would carry its messages fails: {reason}.", remedy)
        elif sys.platform == "win32" and self.host.word == "gimp":
            yield Finding("pyzmq", OK, f"{told} As always on Windows, a process of {program} carries its messages.")
        else:
            yield Finding("pyzmq", WARN, f"{told} A process of {program} carries its messages instead.", remedy)
