"""``deepblend uninstall``: takes back what ``deepblend install`` did."""

from __future__ import annotations

import argparse

from deepblend_protocol.errors import ArgumentInvalid

from .install import HOSTS, add_profile

NAME = "uninstall"
HELP = "Take back what 'deepblend install' did."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", choices=HOSTS, help="the program whose plug-in is removed")
    add_profile(parser)
    parser.add_argument("--purge", action="store_true", help="remove your presets and last settings as well")
    parser.add_argument("--autostart", action="store_true", help="the server is not started at login any more")


def run(args: argparse.Namespace) -> int:
    """Take back, and say what was done. Raises ArgumentInvalid, HostMissing, WriteFailed."""
    if not args.host and not args.autostart:
        raise ArgumentInvalid(reason="Say what to remove: deepblend uninstall gimp, or deepblend uninstall --autostart")
    if args.host == "gimp":
        from ..hosts import gimp

        for profile in gimp.chosen(args.profile):
            print("\n".join(gimp.uninstall(profile, args.purge)))
    if args.autostart:
        from ..hosts import autostart

        print("\n".join(autostart.uninstall()))
    return 0
