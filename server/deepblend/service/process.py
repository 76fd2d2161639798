"""Where a worker process begins: a module that the server can name to it without importing what only workers need, and
that imports nothing in the worker that only the server needs."""

from __future__ import annotations

from multiprocessing.connection import Connection


def work(pipe: Connection, device: str, memory_limit: int | None) -> None:
    """The process's first function."""
    from .worker import main

    main(pipe, device, memory_limit)
