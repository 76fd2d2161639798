"""``deepblend uninstall``: takes back what ``deepblend install`` did."""

from __future__ import annotations

import argparse

from deepblend_protocol.errors import ArgumentInvalid

from .install import HOSTS, add_profile, check_profile

NAME = "uninstall"
HELP = "Take back what 'deepblend install' did."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", choices=HOSTS, help="the program whose plug-in is removed")
    add_profile(parser)
    parser.add_argument("--purge", action="store_true", help="remove your presets and last settings as well")
    parser.add_argument("--autostart", action="store_true", help="the server is not started at login any more")


def run(args: argparse.Namespace) -> int:
    """Take back, and say what was done. Raises ArgumentInvalid, HostMissing, PluginInvalid, WriteFailed."""
    if not args.host and not args.autostart:
        others = " or ".join(f"deepblend uninstall {host}" for host in HOSTS)
        raise ArgumentInvalid(reason=f"Say what to remove: {others}, or deepblend uninstall --autostart")
    check_profile(args)
    if args.host == "gimp":
        from ..hosts import gimp

        for profile in gimp.chosen(args.profile):
            print("\n".join(gimp.uninstall(profile, args.purge)))
    elif args.host == "krita":
        from ..hosts import krita
        from . import into_krita

        for profile in krita.chosen(args.profile, args.kritarc):
            print("\n".join(krita.uninstall(profile, args.purge)))
        into_krita.told_to_restart()
    if args.autostart:
        from ..hosts import autostart

        print("\n".join(autostart.uninstall()))
    return 0
