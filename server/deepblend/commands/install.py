"""``deepblend install``: what makes the system or a program know deepblend."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, HostMissing, PluginInvalid

from . import served
from .terminal import printable

if TYPE_CHECKING:
    from ..hosts.gimp import Profile as GimpProfile
    from ..hosts.krita import Profile as KritaProfile

NAME = "install"
HELP = "Install the plug-ins for GIMP and Krita, or have the server started at login."
HOSTS = ("gimp", "krita")
_EPILOG = """\
Run again, it upgrades. docs/install.md tells of studios without internet, of
Flatpak and Snap, and of what is written where.

examples:
  deepblend install                      (GIMP and Krita, whichever is found)
  deepblend install gimp
  deepblend install gimp --autostart     (for a GIMP from Flatpak or Snap)
  deepblend install gimp --gimp ~/GIMP.AppImage
  deepblend install krita
  deepblend install --krita-zip deepblend_krita.zip
  deepblend install --krita-zip deepblend-krita.zip --standalone"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "host",
        nargs="?",
        choices=HOSTS,
        help="the program that the plug-in is for (default: both, where they are found)",
    )
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
        "--standalone",
        action="store_true",
        help="with --krita-zip: for any machine; the docker there offers to set deepblend up",
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
    """Refuse a kritarc without its one folder. Raises ArgumentInvalid."""
    if args.kritarc is not None and args.host == "gimp":
        raise ArgumentInvalid(reason="--kritarc is Krita's; GIMP has none")
    if args.kritarc is not None and args.profile is None:
        raise ArgumentInvalid(reason="Name the folder that --kritarc goes with: --profile DIR")


def run(args: argparse.Namespace) -> int:
    """Install, and say what was done. Raises ArgumentInvalid, HostMissing, HostSilent, PluginInvalid, WriteFailed."""
    check_profile(args)
    if args.wheel_dir is not None and not args.wheel_dir.is_dir():
        raise PluginInvalid(path=str(args.wheel_dir), reason="there is no such folder")
    if args.standalone and args.krita_zip is None:
        raise ArgumentInvalid(reason="--standalone is of a zip: name it with --krita-zip FILE")
    if args.standalone and (args.wheel_dir is not None or args.connection is not None):
        raise ArgumentInvalid(reason="A standalone zip is for any machine: it takes no --wheel-dir and no --connection")
    place = args.connection.absolute() if args.connection else None
    folder = args.profile is not None and args.krita_zip is None  # a zip for Krita tells whose it is
    if args.host is not None or folder or not (args.autostart or args.krita_zip):
        _each([partial(_into, profile, args, place) for profile in wanted_profiles(args)])
    if args.krita_zip is not None:
        from . import into_krita

        into_krita.write_zip(args, place)
    if args.autostart:
        from ..hosts import autostart

        other = ("--connection", str(place)) if place else ()
        print("\n".join(map(printable, autostart.install((*served.COMMAND, "--idle-exit", "0", *other)))))
    return 0


def wanted_profiles(args: argparse.Namespace) -> list[GimpProfile | KritaProfile]:
    """The profiles of the program that was named; of both where none was, and what was not found is said.

    Raises HostMissing where there are none, PluginInvalid, and ArgumentInvalid for a folder whose program is not named.
    """
    from ..hosts import gimp, krita

    if args.profile is not None and args.host is None:
        raise ArgumentInvalid(reason="Say whose folder --profile is: give gimp or krita as well")

    def of(host: str) -> Sequence[GimpProfile | KritaProfile]:
        return gimp.chosen(args.profile) if host == "gimp" else krita.chosen(args.profile, args.kritarc)

    if args.host is not None:
        return list(of(args.host))
    found: list[GimpProfile | KritaProfile] = []
    missing: list[HostMissing] = []
    for host in HOSTS:
        try:
            found += of(host)
        except HostMissing as error:
            missing.append(error)
    if not found:
        first, *others = (error.params for error in missing)
        hosts, places = (" or ".join([first[name], *(one[name] for one in others)]) for name in ("host", "places"))
        remedy = "Start GIMP or Krita once, or name its folder: deepblend install gimp --profile DIR"
        raise HostMissing(host=hosts, places=places, remedy=remedy)
    for error in missing:
        print(f"{error.params['host']} was not found. Once it has been started, run the same command again.")
    return found


def _into(profile: GimpProfile | KritaProfile, args: argparse.Namespace, place: Path | None) -> None:
    from ..hosts import gimp
    from . import into_gimp, into_krita

    if isinstance(profile, gimp.Profile):
        into_gimp.install(profile, args, place)
    else:
        into_krita.install(profile, args, place)


def _each(steps: Iterable[Callable[[], None]]) -> None:
    """All steps, even where one before failed; the last failure is raised."""
    failed: DeepBlendError | None = None
    for step in steps:
        if failed is not None:
            print(f"deepblend: {printable(failed)}", file=sys.stderr)
        try:
            step()
        except DeepBlendError as error:
            failed = error
    if failed is not None:
        raise failed
