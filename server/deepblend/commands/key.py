"""``deepblend key``: the keys by which clients on other machines are let in."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from deepblend_protocol import connection

from .terminal import padded, printable

NAME = "key"
HELP = "Show this machine's keys, and authorise clients on other machines."
_EPILOG = """\
examples:
  on the machine that is to use another one's server:
    deepblend key show
  on the machine that serves; counts at once, also for a server that runs:
    deepblend key add anna KEY
  take it back:
    deepblend key remove anna"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("action", choices=("show", "list", "add", "remove"), help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="what to call a client: letters, digits or . _ -")
    parser.add_argument("key", nargs="?", metavar="KEY", help="its public key, 64 digits and letters a to f")
    parser.add_argument("--connection", metavar="FILE", type=Path, help="the connection file (default: the user's own)")
    parser.add_argument("--json", action="store_true", help="print the answer, or the error, as JSON")


def run(args: argparse.Namespace) -> int:
    """Show or change the keys. Raises ArgumentInvalid, ConnectionUnusable, KeysUnusable, WriteFailed."""
    from deepblend_protocol.errors import ArgumentInvalid

    from ..service.keys import Keys, parsed, shown

    wanted = {"show": 0, "list": 0, "add": 2, "remove": 1}[args.action]
    if sum(value is not None for value in (args.name, args.key)) != wanted:
        usage = ("", " NAME", " NAME KEY")[wanted]
        raise ArgumentInvalid(reason=f"it is: deepblend key {args.action}{usage}")
    keys = Keys((args.connection or connection.default_path()).absolute().parent)
    if args.action == "add":
        keys.add(args.name, parsed(args.key))
        lines = [f"{args.name} may connect from now on, with that key."]
    elif args.action == "remove":
        keys.remove(args.name)
        lines = [f"{args.name} may not connect any more; a connection that stands goes on until it ends."]
    elif args.action == "list":
        lines = [f"{padded(printable(name), 20)} {shown(key)}" for name, key in keys.authorised().items()] or [
            "No other machine is authorised."
        ]
    else:
        lines = [f"this machine's clients  {shown(keys.client.public)}"]
        lines.append(f"this machine's server   {shown(keys.server.public)}")
    if args.json:
        known = {name: shown(key) for name, key in keys.authorised().items()}
        own = {"client": shown(keys.client.public), "server": shown(keys.server.public)}
        print(json.dumps({**own, "authorised": known}))
    else:
        print("\n".join(map(printable, lines)))
    return 0
