"""``deepblend install``: what makes the system or a program know deepblend."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, HostSilent, PluginInvalid

from . import served

if TYPE_CHECKING:
    from ..hosts.gimp import Profile

NAME = "install"
HELP = "Install the plug-in for GIMP, or have the server started at login."
HOSTS = ("gimp",)
_EPILOG = """\
Run again, it upgrades. docs/install.md tells of studios without internet, of
Flatpak and Snap, and of what is written where.

examples:
  deepblend install gimp
  deepblend install gimp --autostart     (for a GIMP from Flatpak or Snap)
  deepblend install gimp --gimp ~/GIMP.AppImage"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("host", nargs="?", choices=HOSTS, help="the program that the plug-in is for")
    add_profile(parser)
    add_gimp(parser)
    parser.add_argument(
        "--wheel-dir",
        type=Path,
        metavar="DIR",
        help="a folder of pyzmq's wheels, for machines without internet",
    )
    parser.add_argument("--no-check", action="store_true", help="do not start the program to ask it for the plug-in")
    parser.add_argument(
        "--autostart",
        action="store_true",
        help="start the server at login (systemd, launchd, Windows' Run key): for programs in a sandbox",
    )
    parser.add_argument(
        "--connection", metavar="FILE", type=Path, help="the server's connection file (default: the user's own)"
    )


def add_profile(parser: argparse.ArgumentParser) -> None:
    """The option that names a profile."""
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="DIR",
        help="the program's folder of settings, as in ~/.config/GIMP/3.0 (default: every one that is found)",
    )


def add_gimp(parser: argparse.ArgumentParser) -> None:
    """The option that says how GIMP is started."""
    parser.add_argument(
        "--gimp", metavar="COMMAND", help="what starts GIMP, to ask it for the plug-in (default: looked for)"
    )


def run(args: argparse.Namespace) -> int:
    """Install, and say what was done. Raises ArgumentInvalid, HostMissing, HostSilent, PluginInvalid, WriteFailed."""
    if not args.host and not args.autostart:
        raise ArgumentInvalid(reason="Say what to install: deepblend install gimp, or deepblend install --autostart")
    place = args.connection.absolute() if args.connection else None
    if args.host == "gimp":
        _gimp(args, place)
    if args.autostart:
        from ..hosts import autostart

        other = ("--connection", str(place)) if place else ()
        print("\n".join(autostart.install((*served.COMMAND, "--idle-exit", "0", *other))))
    return 0


def _gimp(args: argparse.Namespace, place: Path | None) -> None:
    """In every profile, even where one before it failed; the last failure is raised."""
    from ..hosts import gimp

    if args.wheel_dir is not None and not args.wheel_dir.is_dir():
        raise PluginInvalid(path=str(args.wheel_dir), reason="there is no such folder")
    failed: DeepBlendError | None = None
    for profile in gimp.chosen(args.profile):
        if failed is not None:
            print(f"deepblend: {failed}", file=sys.stderr)
        try:
            _one(profile, args, place)
        except DeepBlendError as error:
            failed = error
    if failed is not None:
        raise failed


def _one(profile: Profile, args: argparse.Namespace, place: Path | None) -> None:
    from ..hosts import asking_gimp, gimp

    gimp.check(profile)
    start = None if args.no_check else asking_gimp.command(profile, args.gimp)
    if not profile.path.exists():
        _first(profile, start)
    print("\n".join(gimp.install(profile, served.COMMAND, args.wheel_dir, place)))
    if profile.sandbox and not args.autostart:
        print(f"GIMP runs in a {profile.sandbox} and cannot start the server. Run once: deepblend install --autostart")
    if profile.sandbox == "Snap" and place is None:
        own = Path.home() / "snap" / "gimp" / "common" / "deepblend" / "connection.json"
        print(f"A Snap sees no hidden folder. Add to both commands: --connection {own}")
    if args.no_check:
        return
    if start is None:
        print(f"GIMP was not asked: none of this version can be started from here. Look for {gimp.MENU}.")
        return
    answer = asking_gimp.ask(profile, start)
    if not answer.registered:
        why = f"GIMP {answer.gimp} does not register it: {asking_gimp.reason(answer)}; 'deepblend doctor' says more"
        raise PluginInvalid(path=str(profile.plugin), reason=why)
    print(f"GIMP {answer.gimp} (Python {answer.python}) was asked and has it: {gimp.MENU}.")
    if not answer.zmq:
        what = "it needs that: --wheel-dir DIR" if profile.sandbox else f"a process of {sys.executable} helps it out"
        print(f"GIMP's Python has no pyzmq to use ({answer.zmq_fails}); {what}.")


def _first(profile: Profile, start: list[str] | None) -> None:
    """Let GIMP make its folder itself: only then does it take over an older version's settings."""
    from ..hosts import asking_gimp

    if start is not None:
        try:
            asking_gimp.ask(profile, start)
        except HostSilent as error:
            print(f"deepblend: {error}", file=sys.stderr)
    if profile.path.is_dir():
        print(f"{profile.path}: made by GIMP, which was started for the first time.")
    else:
        print(f"{profile.path}: new. GIMP will not take over an older version's settings into it.")
