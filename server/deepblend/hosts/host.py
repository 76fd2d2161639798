"""What all hosts have in common: their sandboxes, how the plug-in finds the server, and what is said of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from deepblend_protocol.errors import translatable


@dataclass(frozen=True)
class Host:
    """A program that has a plug-in of ours."""

    name: str
    """The program's name in a sentence, such as Krita."""
    word: str
    """What the command line and Snap call it."""
    flatpak: str

    def inside(self, path: Path) -> str:
        """Flatpak or Snap, by the place of a folder of settings; empty where neither keeps it."""
        if sys.platform in ("win32", "darwin"):
            return ""
        home = Path.home()
        if home / ".var" / "app" / self.flatpak in path.parents:
            return "Flatpak"
        return "Snap" if home / "snap" in path.parents else ""

    def again(self, path: Path) -> str:
        """The command that installs the plug-in into a profile once more."""
        return f"deepblend install {self.word} --profile '{path}'"

    def without_pyzmq(self, sandbox: str) -> str:
        """A sentence for users where no pyzmq could be brought along."""
        if sandbox:
            other = f"deepblend install {self.word} --wheel-dir DIR"
            return f"{self.name}'s Python has to have pyzmq of its own, or: {other}"
        return f"Unless {self.name}'s Python has pyzmq, a process of {sys.executable} carries the messages."

    def no_pyzmq_there(self, sandbox: str, fails: str) -> str:
        """A sentence for users where the host was asked and cannot use any pyzmq."""
        what = "it needs that: --wheel-dir DIR" if sandbox else f"a process of {sys.executable} helps it out"
        return f"{self.name}'s Python has no pyzmq to use ({fails}); {what}."

    def hints(self, sandbox: str, autostart: bool, place: Path | None) -> list[str]:
        """What else is to be done where the host runs in a sandbox.

        Args:
            autostart: whether the server is being registered already.
            place: the connection file, where it is not the user's own.
        """
        said = []
        if sandbox and not autostart:
            told = f"{self.name} runs in a {sandbox} and cannot start the server."
            said.append(f"{told} Run once: deepblend install --autostart")
        if sandbox == "Snap" and place is None:
            own = Path.home() / "snap" / self.word / "common" / "deepblend" / "connection.json"
            said.append(f"A Snap sees no hidden folder. Add to both commands: --connection {own}")
        return said


def installation(command: tuple[str, ...], place: Path | None, sandbox: str) -> Installation:
    """How the plug-in finds the server, and starts it where it can.

    Args:
        command: what starts the server, with absolute paths.
        place: the connection file; None takes the user's own.
        sandbox: what keeps the host from starting programs outside, if anything.
    """
    where = (place or connection.default_path()).absolute()
    if sandbox:
        return Installation(where, remedy=translatable("Run once, in a terminal: deepblend install --autostart"))
    return Installation(
        where,
        command=command,
        remedy=translatable("Start it with: deepblend serve"),
        relay=(sys.executable, "-m", "deepblend_protocol.relay"),
    )


def of_environment(name: str, *otherwise: str) -> Path:
    """The folder that a variable names, if it is an absolute path; else one in the home."""
    given = os.environ.get(name, "")
    return Path(given) if os.path.isabs(given) else Path.home().joinpath(*otherwise)
