"""``deepblend status``: whether a server runs, on what, and what it is doing."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from . import served

NAME = "status"
HELP = "Show whether the server runs, on which devices, and what it is doing."
_ANSWER_S = 10.0
_GIB = 2**30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "exit status: 0 a server runs, 1 none runs or it does not answer."
    parser.add_argument("--connection", metavar="FILE", type=Path, help="the connection file (default: the user's own)")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask the server. Raises ServerAbsent, ServerSilent, ConnectionUnusable."""
    known = ask(args.connection)
    print(json.dumps(known, indent=2) if args.json else "\n".join(_lines(known)))
    return 0


def ask(path: Path | None) -> dict[str, Any]:
    """What ``info`` answers, and ``ping_ms``. Raises as ``run``."""
    from deepblend_protocol.client import InfoReceived, State
    from deepblend_protocol.errors import ServerSilent

    with served.client(path, may_start=False) as server:
        server.connect()
        server.ask_info()
        asked = time.monotonic()
        while time.monotonic() < asked + _ANSWER_S:
            for event in server.poll():
                if isinstance(event, InfoReceived):
                    return {**event.known, "endpoint": server.endpoint}
            if server.state is State.LOST and server.error is not None:
                raise server.error
            server.wait(0.25)
        raise ServerSilent(endpoint=server.endpoint)


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
    return [f"{name:<12} {_shown(value)}" for name, value in rows]


def _shown(text: str) -> str:
    """What a server says, for a terminal: a character that would steer it is a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
