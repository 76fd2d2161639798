"""``deepblend install``: what makes the system or a program know deepblend."""

from __future__ import annotations

import argparse

from . import served

NAME = "install"
HELP = "Have the server started at login, for programs in a sandbox that cannot start it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--autostart",
        action="store_true",
        required=True,
        help="register the server with systemd (user units), launchd or Windows' Run key",
    )


def run(args: argparse.Namespace) -> int:
    """Register, and say what was done. Raises WriteFailed."""
    from ..hosts import autostart

    print("\n".join(autostart.install((*served.COMMAND, "--idle-exit", "0"))))
    return 0
