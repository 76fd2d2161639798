"""The relay: passes messages between its standard input and output and a server, for a host without zmq.

``python -m deepblend_protocol.relay``; docs/protocol.md, section 1.4. PipedLink starts it.
"""

from __future__ import annotations

import json
import os
import threading
import traceback
from io import FileIO
from typing import Any

import zmq

from . import pipe
from .connection import Connection
from .link import Link

AHEAD = 1
"""Messages that may wait in each of the queues on the way to the server; then the host's pipe fills."""
_INBOX = "inproc://inbox"


def main() -> int:
    """Relay until the connection has ended; the exit status. The end of standard input ends the process before."""
    stdin, stdout = FileIO(0, "r", closefd=False), FileIO(1, "w", closefd=False)
    first = pipe.read(stdin)
    if first is None:
        return 0
    known = json.loads(first[0])
    if known["format"] != pipe.FORMAT:
        raise ValueError(f"this relay knows format {pipe.FORMAT}, not {known['format']}: install the plug-in again")
    keys = (known[name] for name in ("server_key", "public_key", "secret_key"))
    link = Link(Connection(known["endpoint"], *keys), send_limit=AHEAD)
    context = zmq.Context()
    inbox = context.socket(zmq.PAIR)
    inbox.set_hwm(AHEAD)
    inbox.bind(_INBOX)
    threading.Thread(target=_listen, args=(stdin, context), daemon=True).start()
    _relay(link, inbox, stdout)
    return pipe.REFUSED if link.refused else pipe.BROKEN


def _listen(stdin: FileIO, context: zmq.Context[Any]) -> None:
    """In a thread of its own, as Windows cannot wait for a pipe and a socket at once."""
    outbox = context.socket(zmq.PAIR)
    outbox.set_hwm(AHEAD)
    outbox.connect(_INBOX)
    try:
        while (frames := pipe.read(stdin)) is not None:
            outbox.send_multipart(frames, copy=False)
            del frames  # or its memory would be held until the next message
    finally:
        os._exit(0)  # the host has closed its end or died: whatever the other thread waits for concerns nobody


def _relay(link: Link, inbox: zmq.Socket[Any], stdout: FileIO) -> None:
    """Pass messages both ways, in turn, until the connection has ended and all that came is passed on."""
    unsent: list[Any] | None = None
    while True:
        link.look()
        frames = link.receive_frames()
        if frames is not None:
            pipe.write(stdout, frames)
        elif link.broken:
            return
        if unsent is None and inbox.poll(0):
            unsent = inbox.recv_multipart(copy=False)
        if unsent is not None:
            try:
                link.send_frames(unsent)
                unsent = None
            except BlockingIOError:
                pass
        if frames is None:
            poller = zmq.Poller()
            link.watch(poller, sending=unsent is not None)
            if unsent is None:
                poller.register(inbox, zmq.POLLIN)
            poller.poll()


if __name__ == "__main__":
    status = 1
    try:
        status = main()
    except Exception:
        traceback.print_exc()
    os._exit(status)  # a thread that waits for standard input cannot be woken to be joined
