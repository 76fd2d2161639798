"""``deepblend serve``: the server that GIMP, Krita and ``deepblend blend --server`` talk to."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.errors import ArgumentInvalid, ServerRunning, WriteFailed

from ..file_blend import arguments
from .terminal import printable

NAME = "serve"
HELP = "Run the server that the plug-ins talk to; they start it by themselves."
_EPILOG = """\
GIMP and Krita start the server when they need it, and it leaves when nobody has used it for an hour.
Ctrl+C, or 'deepblend stop', ends it.

examples:
  on two graphics cards of four:
    deepblend serve --device cuda:0,cuda:1
  for a studio's other machines (each has to be authorised, see below):
    deepblend serve --endpoint tcp://0.0.0.0:7777 --remote --idle-exit 0
    deepblend key add anna KEY     (what 'deepblend key show' prints on her machine)

exit status: 3 where a server runs here already; else as for every command."""
ALREADY = 3
"""The exit status where a server runs already; clients that start one wait for the other then."""
_LIMITS = (
    ("message", "MIB", "a request's pixels in MiB (default: 4096)"),
    ("pixels", "MEGAPIXELS", "columns times rows of one picture, in millions (default: 268)"),
    ("queue", "N", "a client's jobs that wait or run (default: 32)"),
    ("clients", "N", "connections (default: 32)"),
    ("seconds", "S", "that one job may run (default: 3600)"),
)
_LOOPBACK = ("tcp://127.", "tcp://localhost:", "tcp://[::1]:")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "--endpoint",
        metavar="tcp://HOST:PORT",
        default="tcp://127.0.0.1:*",
        help="where to listen; * is a free port (default: %(default)s)",
    )
    parser.add_argument(
        "--remote",
        action="store_true",
        help="allow an endpoint that other machines can reach; clients still need an authorised key",
    )
    parser.add_argument(
        "--device",
        metavar="NAME[,NAME…]",
        default="auto",
        help="auto (every GPU, or the CPU), or devices as 'deepblend info' names them, one worker for each "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--idle-exit",
        metavar="MINUTES",
        type=_minutes,
        default=60.0,
        help="leave when unused for so long; 0: never (default: 60)",
    )
    parser.add_argument(
        "--rest-after",
        metavar="MINUTES",
        type=_minutes,
        default=5.0,
        help="give the memory of GPU and engine back when unused for so long; 0: never (default: 5)",
    )
    parser.add_argument(
        "--connection",
        metavar="FILE",
        type=Path,
        help=f"the connection file; keys and log lie beside it (default: {connection.default_path()})",
    )
    parser.add_argument(
        "--log-file",
        metavar="FILE",
        type=Path,
        help="the log, one JSON object a line (default: server.log beside the connection file)",
    )
    parser.add_argument(
        "--torchvision",
        action="store_true",
        help="let clients ask for torchvision's network, which this machine then fetches from the internet, once",
    )
    group = parser.add_argument_group("limits")
    arguments.add_memory_limit(group)
    for option, unit, told in _LIMITS:
        group.add_argument(f"--max-{option}", metavar=unit, type=_whole, help=told)


def run(args: argparse.Namespace) -> int:
    """Serve until told to leave. Raises ArgumentInvalid, ConnectionUnusable, KeysUnusable, WriteFailed."""
    import zmq

    from ..service.options import Options
    from ..service.server import Server

    endpoint = args.endpoint
    found = re.fullmatch(r"tcp://\S+:(\*|[0-9]{1,5})", endpoint)
    if not found or (found[1] != "*" and int(found[1]) > 65535):
        raise ArgumentInvalid(reason=f"--endpoint '{endpoint}' is not tcp://HOST:PORT, as in tcp://127.0.0.1:7777.")
    if not endpoint.startswith(_LOOPBACK) and not args.remote:
        raise ArgumentInvalid(
            reason=f"--endpoint {endpoint} can be reached from other machines. If that is meant, add --remote; "
            "a client there then needs its key authorised: deepblend key add NAME KEY."
        )
    path = (args.connection or connection.default_path()).absolute()
    found = connection.read(path)
    if found is not None and found.remote:
        raise ArgumentInvalid(
            reason=f"this machine uses the server at {found.endpoint}. To run one here: deepblend connect --local"
        )
    options = Options(
        connection=path,
        endpoint=endpoint,
        devices=tuple(name.strip() for name in args.device.split(",")),
        idle_exit_min=args.idle_exit,
        rest_min=args.rest_after,
        memory_limit=args.memory_limit,
        torchvision=args.torchvision,
        log_file=(args.log_file or path.with_name("server.log")).absolute(),
        **_limits(args),
    )
    server = Server(options, _say)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: server.leave())
    try:
        server.run()
    except ServerRunning as error:
        print(f"deepblend: {printable(error)}", file=sys.stderr)
        return ALREADY
    except zmq.ZMQError as error:
        raise ArgumentInvalid(reason=f"The server cannot listen at {endpoint}: {error}. Choose another.") from error
    except OSError as error:
        raise WriteFailed(path=str(path.parent), reason=error.strerror or str(error)) from error
    return 0


def _limits(args: argparse.Namespace) -> dict[str, int]:
    given = {
        "message_bytes": args.max_message and args.max_message * 2**20,
        "pixels": args.max_pixels and args.max_pixels * 10**6,
        "queue": args.max_queue,
        "clients": args.max_clients,
        "job_s": args.max_seconds,
    }
    return {name: value for name, value in given.items() if value is not None}


def _say(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr, flush=True)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of minutes from 0 to 1000000")
    return value


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10**6:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 1000000")
    return int(text)
