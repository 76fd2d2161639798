"""A client written from docs/protocol.md alone: it imports nothing of deepblend."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from harness import Served

Serve = Callable[..., Served]
FRAME = 2**20


class PageClient:
    """What the page says, and no more."""

    def __init__(self, path: Path) -> None:
        file = json.loads(path.read_text("utf-8"))
        assert file["format"] == 1
        self.instance = file["instance"]
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        for option, name in (
            (zmq.CURVE_SERVERKEY, "server_key"),
            (zmq.CURVE_PUBLICKEY, "public_key"),
            (zmq.CURVE_SECRETKEY, "secret_key"),
        ):
            self.socket.setsockopt(option, file[name].encode())
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.HEARTBEAT_IVL, 1000),
            (zmq.HEARTBEAT_TIMEOUT, 3000),
            (zmq.RCVHWM, 0),
        ):
            self.socket.setsockopt(option, value)
        self.socket.connect(file["endpoint"])

    def say(self, buffers: tuple[bytes, ...] = (), **header: Any) -> None:
        if buffers:
            header["buffers"] = [len(buffer) for buffer in buffers]
        cut = [buffer[at : at + FRAME] for buffer in buffers for at in range(0, len(buffer), FRAME)]
        self.socket.send_multipart([b"DEEPBLEND/1", json.dumps(header).encode(), *cut])

    def hear(self, *types: str) -> tuple[dict[str, Any], list[bytes]]:
        """The next message of one of these types."""
        while True:
            assert self.socket.poll(120_000), f"no {types} came"
            tag, text, *frames = self.socket.recv_multipart()
            assert tag == b"DEEPBLEND/1"
            header = json.loads(text)
            if header["type"] in types:
                break
            assert header["type"] in ("pulse", "queued", "running"), header
        whole, buffers = b"".join(frames), []
        for length in header.get("buffers", []):
            buffers.append(whole[:length])
            whole = whole[length:]
        assert not whole
        return header, buffers

    def run(self, job: str, buffers: tuple[bytes, ...], **header: Any) -> tuple[dict[str, Any], list[bytes]]:
        self.say(buffers, type="submit", job=job, **header)
        ended, found = self.hear("result", "error", "cancelled")
        assert ended["job"] == job
        return ended, found


def plane(buffer: int, *rect: int, channels: str = "RGB", **more: Any) -> dict[str, Any]:
    given = {"rect": list(rect), "size": list(rect[2:]), "type": "u8", "channels": channels, "buffer": buffer}
    return given | more


def test_a_client_from_the_page(server: Served) -> None:
    _ = server.connection  # it is up
    client = PageClient(server.path)
    client.say(type="hello", version="0.0.0", protocols=[1], client="page", id=7)
    welcome, _ = client.hear("welcome")
    assert welcome["to"] == 7 and welcome["instance"] == client.instance
    assert {"message_bytes", "pixels", "queue", "clients", "job_s"} <= set(welcome["limits"])

    # A mask's rect is its own; what it does not cover is not selected. The background may end within the layer.
    layer, background, mask = bytes(range(240)) * 5, bytes([90, 120, 150]) * 900, b"\xff" * 100
    planes = {
        "layer": plane(0, 20, 4, 20, 20),
        "background": plane(1, 0, 0, 30, 30),
        "mask": plane(2, 22, 6, 10, 10, channels="Y"),
    }
    settings = {"method": "poisson", "preset": "seamless"}
    result, buffers = client.run("a", (layer, background, mask), planes=planes, settings=settings)
    assert result["type"] == "result"
    assert result["layer"]["rect"] == [22, 6, 8, 10]
    assert len(buffers[result["layer"]["buffer"]]) == 8 * 10 * 4

    # A scale belongs to the style picture alone; its size is rounded.
    planes["style"] = plane(3, 0, 0, 30, 30, size=[10, 10], scale=0.34)
    style = bytes(300)
    result, _ = client.run("b", (layer, background, mask, style), planes=planes, settings=settings)
    assert result["type"] == "result"
    planes["style"] |= {"size": [11, 10]}
    ended, _ = client.run("c", (layer, background, mask, bytes(330)), planes=planes, settings=settings)
    assert ended["code"] == "plane.invalid"
    del planes["style"]
    half = {**planes, "mask": plane(2, 22, 6, 20, 20, channels="Y", size=[10, 10], scale=0.5)}
    ended, _ = client.run("d", (layer, background, mask), planes=half, settings=settings)
    assert ended["code"] == "plane.invalid"

    # A profile's encoding without a profile is the sRGB curve.
    for role in ("layer", "background"):
        planes[role] |= {"encoding": "profile"}
    again, same = client.run("e", (layer, background, mask), planes=planes, settings=settings)
    assert again["type"] == "result" and same[0] == buffers[0]

    # What cannot be computed with is refused, and so is a setting that there is not.
    far = struct.pack("<f", 1e38) * 1200
    planes["layer"] = plane(0, 20, 4, 20, 20, type="f32")
    ended, _ = client.run("f", (far, background, mask), planes=planes, settings=settings)
    assert ended["code"] == "plane.invalid" and "1e+38" in ended["text"]
    ended, _ = client.run("g", (far, background, mask), planes=planes, settings={"strength": 1})
    assert ended["code"] == "setting.unknown"
    ended, _ = client.run("h", (far, background, mask), planes=planes, features="torchvision")
    assert ended["code"] == "features.unavailable"

    # An echo takes any of the roles, also none.
    client.say((mask,), type="echo", planes={"mask": plane(0, 0, 0, 10, 10, channels="Y")}, id=1)
    echo, back = client.hear("echo")
    assert echo["to"] == 1 and back == [mask]
    client.say(type="echo", planes={}, id=2)
    assert client.hear("echo")[0]["to"] == 2
    client.socket.close(0)
