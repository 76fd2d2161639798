"""What the server can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What ``deepblend serve`` takes."""

    connection: Path
    endpoint: str = "tcp://127.0.0.1:*"
    devices: tuple[str, ...] = ("auto",)
    idle_exit_min: float = 60.0
    """0: never."""
    rest_min: float = 5.0
    """0: never."""
    log_file: Path | None = None
    memory_limit: int | None = None
    """Bytes of a device's memory that one blend plans with; None is the engine's default."""
    torchvision: bool = False
    """Whether a client may have the network of torchvision fetched."""
    message_bytes: int = 2**32
    pixels: int = 2**28
    queue: int = 32
    clients: int = 32
    job_s: int = 3600

    @property
    def limits(self) -> dict[str, int]:
        """The limits that the message ``welcome`` states."""
        return {name: getattr(self, name) for name in ("message_bytes", "pixels", "queue", "clients", "job_s")}
