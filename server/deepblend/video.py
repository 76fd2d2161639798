"""A film of a blend taking shape: mp4 with the extra ``video``, animated WebP without."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from deepblend_protocol.errors import NameUnsuitable
from PIL import Image

from . import files
from .signals import deferred


def ffmpeg() -> str | None:
    """The path of the extra's encoder, or None where it is not installed."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # RuntimeError: the package is there, an encoder for this system is not
        return None


class _Mp4:
    """An ffmpeg process that is fed raw frames."""

    def __init__(self, exe: str, path: Path, width: int, height: int, fps: float) -> None:
        width, height = width + width % 2, height + height % 2
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process; see close
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
        film = ["-an", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
        self._process = subprocess.Popen(
            [exe, "-hide_banner", "-loglevel", "error", "-y", *frames, *film],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
        )
        assert self._process.stdin is not None
        self._input = self._process.stdin

    def add(self, frame: np.ndarray) -> None:
        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # what yuv420p needs
        try:
            self._input.write(even.tobytes())
        except OSError:  # the encoder has gone; its last words say why
            self.finish()

    def finish(self) -> None:
        with suppress(OSError):
            self._input.close()
        status = self._process.wait()
        self._words.seek(0)
        said = self._words.read().decode("utf-8", "replace").strip().splitlines()
        if status != 0 or said:  # old ones report a full disk in words, and success in their status
            raise OSError(said[-1] if said else "the encoder stopped")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            self._input.close()
        self._words.close()


class _WebP:
    """Frames kept until the end: Pillow writes an animation in one go."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._fps = fps
        self._frames: list[Image.Image] = []

    def add(self, frame: np.ndarray) -> None:
        self._frames.append(Image.fromarray(frame))

    def finish(self) -> None:
        encoded = io.BytesIO()
        first, rest = self._frames[0], self._frames[1:]
        duration = round(1000 / self._fps)
        first.save(encoded, format="WEBP", save_all=True, append_images=rest, duration=duration, quality=85)
        self._path.write_bytes(encoded.getbuffer())

    def close(self) -> None:
        self._frames.clear()


class Recorder:
    """Writes frames to a film; the file appears, whole, when the block ends well and a frame was added.

    Args:
        path: ends in .mp4 or .webp. Where mp4 cannot be written the film becomes .webp.
        fps: frames per second.

    Raises WriteFailed: on entering where nothing could be written at ``path``, else when it happens.
    """

    path: Path
    """What is written: ``path``, or the same with the extension .webp."""
    fps: float

    def __init__(self, path: str | os.PathLike[str], fps: float = 12) -> None:
        self.path = Path(path)
        self.fps = fps
        self._exe = ffmpeg() if self.path.suffix.lower() == ".mp4" else None
        if self.path.suffix.lower() == ".mp4" and self._exe is None:
            self.path = self.path.with_suffix(".webp")
        self._size = (0, 0)
        self._encoder: _Mp4 | _WebP | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Recorder:
        if self.path.suffix.lower() not in (".mp4", ".webp"):
            raise NameUnsuitable(path=str(self.path), reason="a film can be .mp4 or .webp")
        files.check_place(self.path)
        return self

    def add(self, frame: np.ndarray) -> None:
        """One frame more.

        Shape:
            frame: (H, W, 3) uint8 RGB, of the first frame's size
        """
        height, width = frame.shape[:2]
        if self._encoder is None:
            beside = self._stack.enter_context(files.replacing(self.path))
            self._size = (width, height)
            with deferred():  # an encoder left behind would write the file again
                self._encoder = (
                    _Mp4(self._exe, beside, width, height, self.fps) if self._exe else _WebP(beside, self.fps)
                )
                self._stack.callback(self._encoder.close)
        if (width, height) != self._size:
            raise ValueError(f"a frame of {width} x {height} in a film of {self._size[0]} x {self._size[1]}")
        self._encoder.add(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, at)
            return
        with self._stack:
            if self._encoder is not None:
                self._encoder.finish()
