"""The messages, as dataclasses; docs/protocol.md, sections 3 to 5.

``to_frames`` writes one for the wire; ``from_client`` and ``from_server`` read one, strictly:
a field that is missing, of another type or out of its range is a MessageMalformed that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Union

from . import wire
from .errors import DeepBlendError, MessageMalformed, MessageUnknown, PlaneInvalid, SizeAbsurd, plain
from .fields import Fields
from .geometry import Rect
from .sample_types import SAMPLE_TYPES

CHANNELS = ("RGBA", "BGRA", "RGB", "YA", "Y")
ENCODINGS = ("perceptual", "linear", "profile")
ROLES = ("layer", "mask", "background", "style")
STAYS = ("job.unknown", "job.duplicate")
"""Codes of errors that name a job and do not end it."""
_FAR = 2**24
_TEXT = 10_000
"""Characters of an error's text that are read, at most."""


@dataclass(frozen=True)
class Plane:
    """A rectangle of samples; docs/protocol.md, section 5."""

    rect: Rect
    """What the samples cover, in document pixels."""
    size: tuple[int, int]
    """Columns and rows of samples; they may be fewer than the pixels they cover, as in a preview."""
    type: str
    """u8, u16, f16 or f32; little-endian."""
    channels: str
    """RGBA, BGRA, RGB, YA or Y."""
    samples: Any
    """Bytes-like and contiguous, rows from the top without padding; or ``wire.Chunks``, as received."""
    encoding: str = "perceptual"
    """perceptual, linear or profile."""
    scale: float = 1.0
    profile: bytes | None = None
    """The ICC profile."""

    @property
    def nbytes(self) -> int:
        """How many bytes the plane's samples must have."""
        return self.size[0] * self.size[1] * len(self.channels) * SAMPLE_TYPES[self.type].size


@dataclass(frozen=True)
class Previews:
    """What previews a client wants."""

    longer_side: int
    """Samples of a preview's longer side, at most; 1 to 4096."""
    interval_ms: int = 0
    """Milliseconds between two previews, at least; 0 to 60000."""


@dataclass(frozen=True)
class Request:
    """A blend, whole; docs/protocol.md, section 4."""

    layer: Plane
    background: Plane
    mask: Plane | None = None
    style: Plane | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Names and values as ``deepblend_protocol.settings.resolve`` takes them."""
    features: str = "shipped"
    previews: Previews | None = None

    @property
    def planes(self) -> dict[str, Plane]:
        """The planes that the request holds, by their role: layer, background, mask, style."""
        return {role: plane for role in ROLES if (plane := getattr(self, role)) is not None}


@dataclass(frozen=True)
class Limits:
    """What one message may hold, at most."""

    message_bytes: int = 2**32
    pixels: int = 2**28


@dataclass(frozen=True)
class Hello:
    version: str
    protocols: tuple[int, ...]
    client: str
    id: int | None = None


@dataclass(frozen=True)
class Ping:
    id: int | None = None


@dataclass(frozen=True)
class InfoQuery:
    id: int | None = None


@dataclass(frozen=True)
class Submit:
    job: str
    request: Request


@dataclass(frozen=True)
class Cancel:
    job: str


@dataclass(frozen=True)
class Leave:
    when: str
    """idle or now."""
    id: int | None = None


@dataclass(frozen=True)
class Echo:
    """From a client with ``id``, and back with the same number as ``to``."""

    planes: Mapping[str, Plane]
    id: int | None = None
    to: int | None = None


@dataclass(frozen=True)
class Welcome:
    version: str
    protocols: tuple[int, ...]
    instance: str
    limits: Mapping[str, int]
    to: int | None = None


@dataclass(frozen=True)
class Pong:
    to: int | None = None


@dataclass(frozen=True)
class Info:
    known: Mapping[str, Any]
    """docs/protocol.md, section 8."""
    to: int | None = None


@dataclass(frozen=True)
class Queued:
    job: str
    ahead: int
    why: str
    """turn, engine or again."""


@dataclass(frozen=True)
class Running:
    job: str
    device: str
    fraction: float
    """0 <= fraction < 1."""
    stage: str
    preview: Plane | None = None


@dataclass(frozen=True)
class Result:
    job: str
    layer: Plane
    report: Mapping[str, Any]
    shadow: Plane | None = None
    """What lies directly below the layer, where the settings ask for it."""


@dataclass(frozen=True)
class Cancelled:
    job: str


@dataclass(frozen=True)
class Failure:
    """The message ``error``; ``errors.from_code(code, params, text)`` is its exception."""

    code: str
    params: Mapping[str, Any]
    text: str
    job: str | None = None
    to: int | None = None


@dataclass(frozen=True)
class Pulse:
    pass


@dataclass(frozen=True)
class Leaving:
    reason: str
    """idle, asked or replaced."""
    to: int | None = None


FromClient = Union[Hello, Ping, InfoQuery, Submit, Cancel, Leave, Echo]
FromServer = Union[Welcome, Pong, Info, Queued, Running, Result, Cancelled, Failure, Pulse, Leaving, Echo]
_NAMES = {InfoQuery: "info", Failure: "error"}  # the others are called as their class


def failure(error: DeepBlendError, job: str | None = None, to: int | None = None) -> Failure:
    """The message that tells of an error; values that came with megabytes are told by their beginning and end."""
    params = {name: _short(value) if isinstance(value, str) else value for name, value in plain(error.params).items()}
    return Failure(error.code, params, _short(str(error)), job, to)


def _short(text: str, most: int = 2000) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 + 5 :]}"


def to_frames(message: FromClient | FromServer, major: int = wire.MAJOR) -> list[Any]:
    """A message's frames: bytes, and views of its planes' samples (no copies). Raises PlaneInvalid, MessageTooLarge."""
    buffers = _Buffers()
    header: dict[str, Any] = {"type": _NAMES.get(type(message), type(message).__name__.lower())}
    for one in fields(message):
        value = getattr(message, one.name)
        if isinstance(value, Request):
            header.update(_request_header(value, buffers))
        elif isinstance(value, Plane):
            header[one.name] = buffers.add(value, one.name)
        elif one.name == "planes":
            header[one.name] = {role: buffers.add(plane, role) for role, plane in value.items()}
        elif one.name == "known":
            header.update(value)
        elif value is not None:
            header[one.name] = value
    return wire.encode(header, buffers.found, major)


class _Buffers:
    """Collects a message's buffers, each profile once."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self._profiles: dict[bytes, int] = {}

    def add(self, plane: Plane, role: str) -> dict[str, Any]:
        """The plane's header; its samples, and its profile if it is new, come to the buffers."""
        samples = plane.samples if isinstance(plane.samples, wire.Chunks) else memoryview(plane.samples)
        if samples.nbytes != plane.nbytes:
            raise PlaneInvalid(role=role, reason=f"its samples are {samples.nbytes} bytes, not {plane.nbytes}")
        header = {
            "rect": list(plane.rect),
            "size": list(plane.size),
            "type": plane.type,
            "channels": plane.channels,
            "encoding": plane.encoding,
            "scale": plane.scale,
            "buffer": len(self.found),
        }
        self.found.append(samples)
        if plane.profile:
            if plane.profile not in self._profiles:
                self._profiles[plane.profile] = len(self.found)
                self.found.append(plane.profile)
            header["profile"] = self._profiles[plane.profile]
        return header


def _request_header(request: Request, buffers: _Buffers) -> dict[str, Any]:
    header: dict[str, Any] = {
        "settings": dict(request.settings),
        "features": request.features,
        "planes": {role: buffers.add(plane, role) for role, plane in request.planes.items()},
    }
    if request.previews is not None:
        header["previews"] = dict(vars(request.previews))
    return header


def from_client(frames: Sequence[Any], limits: Limits) -> FromClient:
    """A client's message. Raises MessageMalformed, MessageUnknown, MessageTooLarge, SizeAbsurd."""
    return _read(frames, limits, _CLIENT_READERS)


def from_server(frames: Sequence[Any]) -> FromServer:
    """The server's message. Raises MessageMalformed, MessageUnknown."""
    return _read(frames, Limits(2**62, 2**48), _SERVER_READERS)


def address(frames: Sequence[Any]) -> tuple[str | None, int | None]:
    """``job`` and ``id`` of a message that cannot be understood, None where it has no valid one."""

    def valid(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except MessageMalformed:
            return None

    header = valid(lambda: wire.header_of(frames))
    if header is None:
        return None, None
    given = Fields(header)
    return valid(given.job), valid(given.id)


_Readers = Mapping[str, Callable[["_Reading"], Any]]


class _Reading:
    """One message that is being read."""

    def __init__(self, header: dict[str, Any], buffers: list[wire.Chunks], limits: Limits) -> None:
        self.header = header
        self.fields = Fields(header)
        self._buffers = buffers
        self._limits = limits
        self._samples: set[int] = set()
        self._profiles: dict[int, bytes] = {}

    def plane(self, given: Fields, role: str) -> Plane:
        """A plane whose samples are as long as it says. Raises MessageMalformed, SizeAbsurd."""
        rect = Rect(*given.integers("rect", 4, -_FAR, _FAR))
        columns, rows = given.integers("size", 2, 1, _FAR)
        if rect.w < 1 or rect.h < 1:
            raise MessageMalformed(reason=f"the {role}'s rectangle of {rect.w} x {rect.h} pixels is empty")
        if columns * rows > self._limits.pixels:
            raise SizeAbsurd(what=f"The {role}", width=columns, height=rows, limit=self._limits.pixels)
        scale = given.number("scale", 1.0)
        if not 0 < scale <= 1:
            raise MessageMalformed(reason=f"the {role}'s scale is {scale}, not above 0 and at most 1")
        index = self._index(given, "buffer")
        if index in self._samples:
            raise MessageMalformed(reason=f"buffer {index} is the samples of two planes")
        self._samples.add(index)
        plane = Plane(
            rect,
            (columns, rows),
            given.choice("type", tuple(SAMPLE_TYPES)),
            given.choice("channels", CHANNELS),
            self._buffers[index],
            given.choice("encoding", ENCODINGS, "perceptual"),
            scale,
            self._profile(self._index(given, "profile")) if "profile" in given else None,
        )
        if plane.samples.nbytes != plane.nbytes:
            raise MessageMalformed(
                reason=f"the {role}'s samples are {plane.samples.nbytes} bytes; its size, type and channels "
                f"ask for {plane.nbytes}"
            )
        return plane

    def planes(self) -> dict[str, Plane]:
        given = self.fields.object("planes")
        return {role: self.plane(given.object(role), role) for role in ROLES if role in given}

    def end(self) -> None:
        """Raise MessageMalformed for a buffer that nothing names, or that is samples and profile."""
        profiles = set(self._profiles)
        if self._samples & profiles or len(self._samples | profiles) != len(self._buffers):
            raise MessageMalformed(reason="each buffer has to be one plane's samples, or a profile")

    def _profile(self, index: int) -> bytes:
        """A profile's bytes; one copy, however many planes name it."""
        if index not in self._profiles:
            self._profiles[index] = b"".join(self._buffers[index].parts)
        return self._profiles[index]

    def _index(self, given: Fields, name: str) -> int:
        return given.integer(name, 0, len(self._buffers) - 1)


def _read(frames: Sequence[Any], limits: Limits, readers: _Readers) -> Any:
    _, header, buffers = wire.decode(frames, limits.message_bytes)
    reading = _Reading(header, buffers, limits)
    kind = reading.fields.text("type", 40)
    if kind not in readers:
        raise MessageUnknown(type=kind)
    message = readers[kind](reading)
    reading.end()
    return message


def _hello(reading: _Reading) -> Hello:
    given = reading.fields
    return Hello(
        given.text("version", 40), given.integers("protocols", None, 1, 999_999), given.text("client"), given.id()
    )


def _submit(reading: _Reading) -> Submit:
    given = reading.fields
    job = given.job()
    planes = reading.planes()
    for role in ("layer", "background"):
        if role not in planes:
            raise MessageMalformed(reason=f"'planes.{role}' is missing")
    previews = None
    if "previews" in given:
        wanted = given.object("previews")
        previews = Previews(wanted.integer("longer_side", 1, 4096), wanted.integer("interval_ms", 0, 60_000, 0))
    features = given.choice("features", ("shipped", "torchvision"), "shipped")
    return Submit(job, Request(**planes, settings=given.plain("settings", {}), features=features, previews=previews))


def _welcome(reading: _Reading) -> Welcome:
    given = reading.fields
    limits = {name: value for name, value in given.plain("limits").items() if type(value) is int}
    return Welcome(
        given.text("version", 40),
        given.integers("protocols", None, 1, 999_999),
        given.text("instance", default=""),
        limits,
        given.id("to"),
    )


def _running(reading: _Reading) -> Running:
    given = reading.fields
    fraction = given.number("fraction")
    if not 0 <= fraction < 1:
        raise MessageMalformed(reason=f"'fraction' is {fraction}, not from 0 to below 1")
    preview = reading.plane(given.object("preview"), "preview") if "preview" in given else None
    return Running(given.job(), given.text("device"), fraction, given.text("stage"), preview)


def _result(reading: _Reading) -> Result:
    given = reading.fields
    layer = reading.plane(given.object("layer"), "layer")
    shadow = reading.plane(given.object("shadow"), "shadow") if "shadow" in given else None
    return Result(given.job(), layer, given.plain("report", {}), shadow)


def _failure(reading: _Reading) -> Failure:
    given = reading.fields
    job = given.job() if "job" in given else None
    return Failure(given.text("code"), given.plain("params", {}), given.text("text", _TEXT), job, given.id("to"))


def _info(reading: _Reading) -> Info:
    known = {name: value for name, value in reading.header.items() if name not in ("type", "to")}
    return Info(known, reading.fields.id("to"))


_CLIENT_READERS: _Readers = {
    "hello": _hello,
    "ping": lambda reading: Ping(reading.fields.id()),
    "info": lambda reading: InfoQuery(reading.fields.id()),
    "submit": _submit,
    "cancel": lambda reading: Cancel(reading.fields.job()),
    "leave": lambda reading: Leave(reading.fields.choice("when", ("idle", "now")), reading.fields.id()),
    "echo": lambda reading: Echo(reading.planes(), reading.fields.id()),
}
_SERVER_READERS: _Readers = {
    "welcome": _welcome,
    "pong": lambda reading: Pong(reading.fields.id("to")),
    "info": _info,
    "queued": lambda reading: Queued(
        reading.fields.job(), reading.fields.integer("ahead", 0, 2**31), reading.fields.text("why")
    ),
    "running": _running,
    "result": _result,
    "cancelled": lambda reading: Cancelled(reading.fields.job()),
    "error": _failure,
    "pulse": lambda reading: Pulse(),
    "leaving": lambda reading: Leaving(reading.fields.text("reason"), reading.fields.id("to")),
    "echo": lambda reading: Echo(reading.planes(), to=reading.fields.id("to")),
}
