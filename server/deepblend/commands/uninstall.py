"""``deepblend uninstall``: takes back what ``deepblend install`` did."""

from __future__ import annotations

import argparse

from .install import HOSTS, add_profile, check_profile, wanted_profiles
from .terminal import printable

NAME = "uninstall"
HELP = "Take back what 'deepblend install' did."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", choices=HOSTS, help="the program whose plug-in is removed (default: both)")
    add_profile(parser)
    parser.add_argument("--purge", action="store_true", help="remove your presets and last settings as well")
    parser.add_argument("--autostart", action="store_true", help="the server is not started at login any more")


def run(args: argparse.Namespace) -> int:
    """Take back, and say what was done. Raises ArgumentInvalid, HostMissing, PluginInvalid, WriteFailed."""
    check_profile(args)
    if args.host is not None or not args.autostart:
        from ..hosts import gimp, krita
        from . import into_krita

        profiles = wanted_profiles(args)
        for profile in profiles:
            if isinstance(profile, gimp.Profile):
                said = gimp.uninstall(profile, args.purge)
            else:
                said = krita.uninstall(profile, args.purge)
            print("\n".join(map(printable, said)))
        if any(isinstance(profile, krita.Profile) for profile in profiles):
            into_krita.told_to_restart()
    if args.autostart:
        from ..hosts import autostart

        print("\n".join(map(printable, autostart.uninstall())))
    return 0
