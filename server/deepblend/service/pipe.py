"""Messages between the server and a worker process: a control object in JSON, then the frames that it counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any


def send(pipe: Connection, control: dict[str, Any], frames: Sequence[Any] = ()) -> None:
    """Write one message; blocks until the other side has read most of it. Raises OSError when it has gone."""
    pipe.send_bytes(json.dumps({**control, "frames": len(frames)}).encode())
    for frame in frames:
        pipe.send_bytes(frame)


def control(pipe: Connection) -> dict[str, Any]:
    """Read a message's control object. Raises EOFError or OSError when the other side has gone."""
    return json.loads(pipe.recv_bytes())


def receive(pipe: Connection) -> tuple[dict[str, Any], list[Any]]:
    """Read one message. Raises EOFError or OSError when the other side has gone."""
    known = control(pipe)
    return known, [pipe.recv_bytes() for _ in range(known["frames"])]
