"""The worker process: runs the engine on one device, one job after the other.

It talks with the server over a pipe. Every message is a control object in JSON, whose ``frames`` says
how many frames follow; those of the worker are whole messages for the client, ready to be passed on.

    from the server   job {serial, frames}, cancel {serial}, quit
    from the worker   devices {devices}, ready, refused {reason},
                      running {serial, fraction, stage}, result {serial, report}, stopped {serial},
                      error {serial, code}, fault {serial, traceback, fatal}

The pipe's end means that the server has gone, and ends the worker wherever it is.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
from deepblend_protocol import messages, wire
from deepblend_protocol.errors import DeepBlendError, DeviceMemory, DeviceUnknown, Fault

from ..engine.memory import available, fence, give_back, reuse
from ..importing import at_once
from ..threads import sleep_when_waiting
from .pipe import control as control_of
from .pipe import send
from .planes import to_engine, to_wire

if TYPE_CHECKING:
    from ..engine.request import Layer, Step

INTERVAL_S = 0.05
"""Between two messages of progress, at least."""
_MOST = 0.85
"""The share of the memory that is free at its start that a worker takes at most;"""
_LEAST = 2 * 2**30
"""and the bytes that it may take in any case, as more may be free when they are needed."""
_PIXELS = 2**30
"""Bytes, besides what a blend is planned with: the pixels as they came, and go."""
_FATAL = ("CUDA error", "HIP error", "CUDNN_STATUS", "CUBLAS_STATUS", "MPS backend")
"""In an error of torch: the device's context may be spoiled for good, only a new process helps."""


def _receive(pipe: Connection) -> tuple[dict[str, Any], list[Any]]:
    """Read one message of the server's; a job's buffers each in one piece.

    Where the memory does not suffice for them, a job's control object says ``no_room``, and its frames are the first
    two alone.
    """
    control = control_of(pipe)
    if control["type"] != "job":
        return control, []
    frames: list[Any] = [pipe.recv_bytes(), pipe.recv_bytes()]
    left = control["frames"] - 2
    try:
        buffers = [np.empty(length, np.uint8).data for length in wire.header_of(frames).get("buffers", [])]
    except MemoryError:
        for _ in range(left):
            pipe.recv_bytes()
        return {**control, "no_room": True}, frames
    for buffer in buffers:  # (bytearray would write zeros first)
        filled = 0
        while filled < len(buffer):  # straight into its place: the one copy that a request's pixels undergo here
            filled += pipe.recv_bytes_into(buffer, filled)
            left -= 1
    assert left == 0
    return control, frames + buffers


def main(pipe: Connection, device: str, memory_limit: int | None = None) -> None:
    """The process's main function.

    Args:
        device: auto, or a device's name.
        memory_limit: bytes, see the engine's ``Request``.
    """
    sleep_when_waiting()
    reuse()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal goes to the server, which ends its workers
    _Worker(pipe, device, memory_limit).run()


def _fence(memory_limit: int | None) -> int:
    """Bytes beyond what a warm worker has that the system is to refuse it."""
    left = available()
    most = max(int(_MOST * left), _LEAST) if left is not None else 2**62
    return most if memory_limit is None else min(most, 2 * memory_limit + _PIXELS)


class _Worker:
    def __init__(self, pipe: Connection, device: str, memory_limit: int | None) -> None:
        self.pipe = pipe
        self.device = device
        self.memory_limit = memory_limit
        self.jobs: queue.SimpleQueue[tuple[int, list[Any], bool] | None] = queue.SimpleQueue()
        self.cancelled = -1
        """The serial of the job that is to stop."""
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self) -> None:
        try:
            self._warm()
        except Exception as error:  # whatever hinders the engine is the administrator's to read
            reason = str(error) if isinstance(error, DeviceUnknown) else f"{type(error).__name__}: {error}"
            send(self.pipe, {"type": "refused", "reason": reason, "traceback": traceback.format_exc()})
            return
        if self.device == "cpu":
            fence(_fence(self.memory_limit))
        send(self.pipe, {"type": "ready", "device": self.device})
        while (job := self.jobs.get()) is not None:
            self._do(*job)
            give_back()
        os._exit(0)  # an orderly end takes torch a second or two, and has nothing to save

    def _listen(self) -> None:
        try:
            while True:
                control, frames = _receive(self.pipe)
                if control["type"] == "job":
                    self.jobs.put((control["serial"], frames, "no_room" in control))
                elif control["type"] == "cancel":
                    self.cancelled = control["serial"]
                else:
                    self.jobs.put(None)
        except (EOFError, OSError):
            os._exit(0)

    def _warm(self) -> None:
        """Import the engine, load the network, and blend something tiny: what the first job would wait for."""
        with at_once():
            from ..engine import machine
            from ..engine.blend import blend
            from ..engine.device import choose
            from ..engine.request import Plane, Rect, Request

        send(self.pipe, {"type": "devices", "devices": machine.devices(free=False)})
        self.device = choose(self.device)

        def plane(size: int, channels: str) -> Plane:
            ramp = np.arange(size * size * len(channels)).reshape(size, size, -1) % 251 + 4
            return Plane(ramp.astype(np.uint8), Rect(40 - size // 2, 40 - size // 2, size, size), channels)

        tiny = Request(plane(24, "RGBA"), None, plane(80, "RGB"), device=self.device)
        blend(tiny, lambda step: step.stage == "optimise" and step.progress > 0.1)  # the rest would be the same again

    def _do(self, serial: int, frames: list[Any], no_room: bool) -> None:
        name = ""
        try:
            if no_room:
                name = messages.address(frames)[0] or ""
                raise DeviceMemory(device=self.device)
            message = messages.from_client(frames, messages.Limits(2**62, 2**48))
            assert isinstance(message, messages.Submit)
            name, asked = message.job, message.request
            del message, frames
            layer = self._blend(serial, name, asked)
            if layer.stopped:
                send(self.pipe, {"type": "stopped", "serial": serial})
                return
            shadow = replace(to_wire(layer.shadow), profile=None) if layer.shadow is not None else None
            answer = messages.Result(name, replace(to_wire(layer.plane), profile=None), dict(layer.report), shadow)
            control = {"type": "result", "serial": serial, "report": answer.report}
            send(self.pipe, control, messages.to_frames(answer))
        except DeepBlendError as error:
            answer = messages.failure(error, name or None)
            send(self.pipe, {"type": "error", "serial": serial, "code": error.code}, messages.to_frames(answer))
        except OSError:
            os._exit(0)  # the server has gone
        except Exception as error:
            fault = Fault(type=type(error).__name__, reason=str(error)[:1000] or "no reason given")
            fatal = isinstance(error, RuntimeError) and any(words in str(error) for words in _FATAL)
            control = {"type": "fault", "serial": serial, "traceback": traceback.format_exc(), "fatal": fatal}
            send(self.pipe, control, messages.to_frames(messages.failure(fault, name or None)))

    def _blend(self, serial: int, name: str, asked: messages.Request) -> Layer:
        from deepblend_protocol.settings import resolve

        from ..engine.blend import blend
        from ..engine.request import Request

        request = Request(
            layer=to_engine(asked.layer),
            mask=to_engine(asked.mask) if asked.mask is not None else None,
            background=to_engine(asked.background),
            style=to_engine(asked.style) if asked.style is not None else None,
            settings=resolve(asked.settings),
            device=self.device,
            features=asked.features,
            memory_limit=self.memory_limit,
        )
        return blend(request, _Teller(self, serial, name, asked.previews))


class _Teller:
    """The engine's observer: tells the server of progress, and stops the run when it has been cancelled."""

    def __init__(self, worker: _Worker, serial: int, name: str, previews: messages.Previews | None) -> None:
        self._worker = worker
        self._serial = serial
        self._name = name
        self._previews = previews
        self._told = self._shown = -1e9
        self._stage = ""
        self._fraction = 0.0

    def __call__(self, step: Step) -> bool:
        if self._worker.cancelled == self._serial:
            return True
        now = time.monotonic()
        due = self._previews is not None and now - self._shown >= self._previews.interval_ms / 1000
        if now - self._told >= INTERVAL_S or step.stage != self._stage or (due and self._shown < 0):
            self._tell(step, now, due)
        return False

    def _tell(self, step: Step, now: float, due: bool) -> None:
        self._told, self._stage = now, step.stage
        # Where the CPU takes over after a GPU's memory was too small, the engine begins anew; the user's bar does not.
        self._fraction = max(self._fraction, min(step.progress, 0.999))
        preview = None
        if due and self._previews is not None:
            self._shown = now
            preview = replace(to_wire(step.preview(self._previews.longer_side)), profile=None)
        running = messages.Running(self._name, self._worker.device, self._fraction, step.stage, preview)
        control = {"type": "running", "serial": self._serial, "fraction": self._fraction, "stage": step.stage}
        send(self._worker.pipe, control, messages.to_frames(running))
