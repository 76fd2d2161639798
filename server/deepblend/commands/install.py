"""``deepblend install``: what makes the system or a program know deepblend."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, PluginInvalid

from . import served

NAME = "install"
HELP = "Install the plug-in for GIMP or Krita, or have the server started at login."
HOSTS = ("gimp", "krita")
_EPILOG = """\
Run again, it upgrades. docs/install.md tells of studios without internet, of
Flatpak and Snap, and of what is written where.

examples:
  deepblend install gimp
  deepblend install gimp --autostart     (for a GIMP from Flatpak or Snap)
  deepblend install gimp --gimp ~/GIMP.AppImage
  deepblend install krita
  deepblend install --krita-zip deepblend_krita.zip"""
_Profile = TypeVar("_Profile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("host", nargs="?", choices=HOSTS, help="the program that the plug-in is for")
    add_profile(parser)
    add_programs(parser)
    parser.add_argument(
        "--wheel-dir",
        type=Path,
        metavar="DIR",
        help="a folder of pyzmq's wheels, for machines without internet",
    )
    parser.add_argument("--no-check", action="store_true", help="do not start the program to ask it for the plug-in")
    parser.add_argument(
        "--krita-zip",
        type=Path,
        metavar="FILE",
        help="write the plug-in into a zip for Krita's 'Import Python Plugin from File'",
    )
    parser.add_argument(
        "--autostart",
        action="store_true",
        help="start the server at login (systemd, launchd, Windows' Run key): for programs in a sandbox",
    )
    parser.add_argument(
        "--connection", metavar="FILE", type=Path, help="the server's connection file (default: the user's own)"
    )


def add_profile(parser: argparse.ArgumentParser) -> None:
    """The options that name a profile."""
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="DIR",
        help="the program's folder, as in ~/.config/GIMP/3.0 or ~/.local/share/krita (default: all that are found)",
    )
    parser.add_argument(
        "--kritarc",
        type=Path,
        metavar="FILE",
        help="Krita's file of settings that goes with --profile (default: found by the folder)",
    )


def add_programs(parser: argparse.ArgumentParser) -> None:
    """The options that say how a program is started to be asked."""
    parser.add_argument(
        "--gimp", metavar="COMMAND", help="what starts GIMP, to ask it for the plug-in (default: looked for)"
    )
    parser.add_argument(
        "--krita", metavar="COMMAND", help="what starts kritarunner, to ask Krita's Python (default: looked for)"
    )


def check_profile(args: argparse.Namespace) -> None:
    """Refuse a kritarc that would go with no folder, or with many. Raises ArgumentInvalid."""
    if args.kritarc is not None and args.host == "gimp":
        raise ArgumentInvalid(reason="--kritarc is Krita's; GIMP has none")
    if args.kritarc is not None and args.profile is None:
        raise ArgumentInvalid(reason="Name the folder that --kritarc goes with: --profile DIR")


def run(args: argparse.Namespace) -> int:
    """Install, and say what was done. Raises ArgumentInvalid, HostMissing, HostSilent, PluginInvalid, WriteFailed."""
    if not args.host and not args.autostart and args.krita_zip is None:
        others = " or ".join(f"deepblend install {host}" for host in HOSTS)
        raise ArgumentInvalid(reason=f"Say what to install: {others}, or deepblend install --autostart")
    check_profile(args)
    if args.wheel_dir is not None and not args.wheel_dir.is_dir():
        raise PluginInvalid(path=str(args.wheel_dir), reason="there is no such folder")
    place = args.connection.absolute() if args.connection else None
    if args.host == "gimp":
        from ..hosts import gimp
        from . import into_gimp

        _each(gimp.chosen(args.profile), lambda profile: into_gimp.install(profile, args, place))
    elif args.host == "krita":
        from ..hosts import krita
        from . import into_krita

        _each(krita.chosen(args.profile, args.kritarc), lambda profile: into_krita.install(profile, args, place))
    if args.krita_zip is not None:
        from . import into_krita

        into_krita.write_zip(args, place)
    if args.autostart:
        from ..hosts import autostart

        other = ("--connection", str(place)) if place else ()
        print("\n".join(autostart.install((*served.COMMAND, "--idle-exit", "0", *other))))
    return 0


def _each(profiles: Iterable[_Profile], one: Callable[[_Profile], None]) -> None:
    """In every profile, even where one before it failed; the last failure is raised."""
    failed: DeepBlendError | None = None
    for profile in profiles:
        if failed is not None:
            print(f"deepblend: {failed}", file=sys.stderr)
        try:
            one(profile)
        except DeepBlendError as error:
            failed = error
    if failed is not None:
        raise failed
