"""``deepblend connect``: use another machine's server, or one's own again."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.connection import Connection

from .terminal import printable

NAME = "connect"
HELP = "Use the server of another machine, or this one's again."
_EPILOG = """\
examples:
  the key is what the server printed at its start, or 'deepblend key show' there:
    deepblend connect tcp://studio.example:7777 KEY
  back to this machine's own:
    deepblend connect --local"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("endpoint", nargs="?", metavar="tcp://HOST:PORT", help="where the other server listens")
    parser.add_argument("key", nargs="?", metavar="KEY", help="its public key, 64 digits and letters a to f")
    parser.add_argument("--local", action="store_true", help="use a server on this machine again")
    parser.add_argument("--connection", metavar="FILE", type=Path, help="the connection file (default: the user's own)")


def run(args: argparse.Namespace) -> int:
    """Write or remove the connection file. Raises ArgumentInvalid, ConnectionUnusable, KeysUnusable, WriteFailed."""
    from deepblend_protocol.errors import ArgumentInvalid

    from ..service.keys import Keys, parsed, shown

    path = (args.connection or connection.default_path()).absolute()
    if args.local:
        found = connection.read(path)
        if found is not None and found.remote:
            connection.remove(path, found.instance)
            print(f"{printable(found.endpoint)} is not used any more; the next blend starts a server here.")
        else:
            print("This machine uses its own server already.")
        return 0
    if args.endpoint is None or args.key is None:
        raise ArgumentInvalid(reason="it is: deepblend connect tcp://HOST:PORT KEY, or deepblend connect --local")
    if not re.fullmatch(r"tcp://\S+:[0-9]{1,5}", args.endpoint) or int(args.endpoint.rpartition(":")[2]) > 65535:
        raise ArgumentInvalid(reason=f"'{args.endpoint}' is not tcp://HOST:PORT, as in tcp://studio.example:7777.")
    if connection.server_runs(path):
        raise ArgumentInvalid(reason="a server runs on this machine. End it first: deepblend stop")
    own = Keys(path.parent).client
    connection.write(path, Connection(args.endpoint, parsed(args.key), own.public, own.secret, remote=True))
    print(f"{args.endpoint} is used from now on. If it does not know this machine yet, on that machine:")
    print(f"    deepblend key add NAME {shown(own.public)}")
    return 0
