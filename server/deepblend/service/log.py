"""The server's log: one JSON object a line, in a file that is rotated. On a full disk it loses lines, nothing else."""

from __future__ import annotations

import json
import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

MEGABYTES = 5
"""A file's size at which the next one is begun; three old ones are kept."""


class Log:
    """Writes events.

    Args:
        path: the file; None writes nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lost = 0
        """Lines that could not be written so far."""
        self._handler: _Rotating | None = None
        if path is not None:
            self._handler = _Rotating(
                self, path, maxBytes=MEGABYTES * 10**6, backupCount=3, encoding="utf-8", delay=True
            )

    def write(self, event: str, **known: Any) -> None:
        """One line: the time, the event and what is known of it, JSON-ready."""
        if self._handler is None:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        line = {"time": stamp, "event": event, **known}
        if self.lost:
            line["lines_lost"] = self.lost
        before = self.lost
        text = json.dumps(line, ensure_ascii=True, default=str)
        self._handler.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO, "levelname": "INFO"}))
        if self.lost == before:
            self.lost = 0

    def close(self) -> None:
        if self._handler is not None:
            self._handler.close()


class _Rotating(RotatingFileHandler):
    def __init__(self, log: Log, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._log = log

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        self._log.lost += 1
        # A half-written line stays in the stream's buffer and would be tried again at every later one.
        stream, self.stream = self.stream, None  # pyright: ignore[reportAttributeAccessIssue]
        try:
            if stream is not None:
                stream.close()
        except OSError:
            pass
