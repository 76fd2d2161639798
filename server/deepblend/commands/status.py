"""``deepblend status``: whether a server runs, on which devices, and what it is doing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from . import served
from .terminal import printable

NAME = "status"
HELP = "Show whether the server runs, on which devices, and what it is doing."
_GIB = 2**30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit status: 0 a server runs, 1 none runs or it does not answer."
    parser.add_argument("--connection", metavar="FILE", type=Path, help="the connection file (default: the user's own)")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask the server. Raises ServerAbsent, ServerSilent, ConnectionUnusable."""
    known = served.ask(args.connection)
    print(json.dumps(known, indent=2) if args.json else "\n".join(_lines(known)))
    return 0


def _lines(known: dict[str, Any]) -> list[str]:
    rows = [
        ("server", f"deepblend {known['version']}, process {known['pid']}, at {known['endpoint']}"),
        ("up", f"{known['uptime_s'] / 60:.0f} minutes"),
        ("jobs", f"{known['running']} running, {known['queued']} waiting, {known['clients']} clients"),
    ]
    for worker in known["workers"]:
        rows.append(("worker", f"{worker['device']}: {worker['state']}, {worker['jobs']} jobs done"))
    for device in known["devices"]:
        memory = f", {device['memory'] / _GIB:.1f} GiB" if device["memory"] else ""
        rows.append(("device", f"{device['name']}: {device['title']}{memory}"))
    rows.append(("log", known["log"] or "none"))
    return [f"{name:<12} {printable(value)}" for name, value in rows]
