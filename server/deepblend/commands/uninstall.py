"""``deepblend uninstall``: takes back what ``deepblend install`` did."""

from __future__ import annotations

import argparse

NAME = "uninstall"
HELP = "Take back what 'deepblend install' did."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--autostart", action="store_true", required=True, help="the server is not started at login any more"
    )


def run(args: argparse.Namespace) -> int:
    """Take back, and say what was done. Raises WriteFailed."""
    from ..hosts import autostart

    print("\n".join(autostart.uninstall()))
    return 0
