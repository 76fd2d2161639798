"""Everything that can go wrong, as one tree.

    DeepBlendError
    ├── InputError            the request cannot be blended; the user can mend it
    │   ├── ArgumentInvalid       argument.invalid
    │   ├── FileUnreadable        file.unreadable
    │   ├── SizeMismatch          size.mismatch
    │   ├── SizeAbsurd            size.absurd
    │   ├── MaskEmpty             mask.empty
    │   ├── MaskOutside           mask.outside
    │   ├── NotFinite             values.not_finite
    │   ├── PlaneInvalid          plane.invalid
    │   ├── SettingUnknown        setting.unknown
    │   └── SettingOutOfRange     setting.range
    ├── ResourceError         the machine cannot do it; another device, disk or package can
    │   ├── DeviceUnknown         device.unknown
    │   ├── DeviceMemory          device.memory
    │   ├── FeaturesUnavailable   features.unavailable
    │   ├── ExtraMissing          extra.missing
    │   ├── HostMissing           host.missing
    │   ├── HostSilent            host.silent
    │   ├── PluginInvalid         plugin.invalid
    │   ├── PythonMissing         python.missing
    │   ├── SetUpFailed           setup.failed
    │   ├── WriteFailed           file.write
    │   ├── NameUnsuitable        file.name
    │   └── Fault                 fault
    ├── MessageError          a message that the server cannot take; its sender is to be mended
    │   ├── MessageMalformed      message.malformed
    │   ├── MessageUnknown        message.unknown
    │   ├── MessageTooLarge       message.too_large
    │   ├── ProtocolUnsupported   protocol.unsupported
    │   ├── HelloMissing          hello.missing
    │   ├── JobDuplicate          job.duplicate
    │   └── JobUnknown            job.unknown
    └── ServerError           the server, or the way to it, fails; trying again can help
        ├── QueueFull             queue.full
        ├── ClientsFull           clients.full
        ├── JobTimeout            job.timeout
        ├── ServerLeaving         server.leaving
        ├── WorkerLost            worker.lost
        ├── WorkerUnavailable     worker.unavailable
        ├── ClusterLost           cluster.lost
        ├── ServerRunning         server.running
        ├── ServerLost            server.lost
        ├── ServerStart           server.start
        ├── ServerGone            server.gone
        ├── ServerSilent          server.silent
        ├── ServerAbsent          server.absent
        ├── ClientSlow            client.slow
        ├── RelayUnusable         relay.unusable
        ├── KeysUnusable          keys.unusable
        └── ConnectionUnusable    connection.unusable

An error has a stable ``code``, its parameters by name in ``params``, and as its
text one English sentence that says what is wrong, with which value, and what to
do. Clients translate by code.
"""

from __future__ import annotations

import math
from typing import Any


def translatable(text: str) -> str:
    """The text as it is: marks one that ``words`` translates later, such as a value of an error's parameter."""
    return text


class DeepBlendError(Exception):
    """The root of all errors of deepblend: code raises one of the leaves, and catches this or a branch."""

    code = "error"
    sentence = "{reason}"

    def __init__(self, **params: Any) -> None:
        self.params: dict[str, Any] = params
        super().__init__(self.sentence.format(**params))


class InputError(DeepBlendError):
    """The request cannot be blended; the user can mend it."""


class ResourceError(DeepBlendError):
    """The machine cannot do it; another device, disk or package can."""


class ArgumentInvalid(InputError):
    code = "argument.invalid"
    sentence = "{reason}"


class FileUnreadable(InputError):
    code = "file.unreadable"
    sentence = "The {role} picture {path} cannot be read: {reason}. Give the path of a picture file."


class SizeMismatch(InputError):
    code = "size.mismatch"
    sentence = (
        "The mask is {mask_width} x {mask_height} pixels, but the source is {source_width} x {source_height}. "
        "Give a mask of the source's size."
    )


class SizeAbsurd(InputError):
    code = "size.absurd"
    sentence = "{what} would be {width} x {height} pixels; from 1 x 1 to {limit} pixels in all can be blended."


class MaskEmpty(InputError):
    code = "mask.empty"
    sentence = (
        "The mask is empty: no pixel is both selected and visible in the layer. "
        "Select the object, or shrink or feather the selection less."
    )


class MaskOutside(InputError):
    code = "mask.outside"
    sentence = (
        "The mask lies wholly outside the background: columns {left} to {right}, rows {top} to {bottom}, "
        "on a background of {width} x {height}. Move the object onto the picture."
    )


class NotFinite(InputError):
    code = "values.not_finite"
    sentence = "The {role} holds {count} values that are not finite numbers (NaN or infinity). Replace them first."


class PlaneInvalid(InputError):
    code = "plane.invalid"
    sentence = "The {role} cannot be used: {reason}."


class SettingUnknown(InputError):
    code = "setting.unknown"
    sentence = "There is no setting called '{name}'. The settings are: {known}."


class SettingOutOfRange(InputError):
    code = "setting.range"
    sentence = "The setting '{name}' cannot be {value!r}: it takes {accepts}."


class DeviceUnknown(ResourceError):
    code = "device.unknown"
    sentence = "There is no device '{device}' here. Available: {available}."


class DeviceMemory(ResourceError):
    code = "device.memory"
    sentence = (
        "The device {device} has too little free memory for this blend{figures}. Close other programs or select less."
    )

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"figures": "", **params})

    @classmethod
    def planned(cls, device: str, needed: int, limit: int) -> DeviceMemory:
        """The error of a blend that would take more bytes than it may; it bears both, and its sentence in GiB."""
        figures = f" ({needed / 2**30:.4g} > {limit / 2**30:.4g} GiB)"  # of no language
        return cls(device=device, figures=figures, needed_bytes=needed, limit_bytes=limit)


class FeaturesUnavailable(ResourceError):
    code = "features.unavailable"
    sentence = (
        "torchvision could not provide VGG16_Weights.IMAGENET1K_V1 ({reason}). "
        "Use the network that is shipped instead: --features shipped."
    )


class ExtraMissing(ResourceError):
    code = "extra.missing"
    sentence = "{what} needs the extra '{extra}'. Install it with: pip install 'deepblend[{extra}]'."


class HostMissing(ResourceError):
    code = "host.missing"
    sentence = "No profile of {host} was found; looked for {places}. {remedy}."


class HostSilent(ResourceError):
    code = "host.silent"
    sentence = "{host} could not be asked: {reason}. It was started with: {command}"


class PluginInvalid(ResourceError):
    code = "plugin.invalid"
    sentence = "{path} cannot be used: {reason}."


class PythonMissing(ResourceError):
    code = "python.missing"
    sentence = "No Python from 3.10 to 3.14 that can make an environment was found. {remedy}"


class SetUpFailed(ResourceError):
    code = "setup.failed"
    sentence = "deepblend could not be set up: {reason}. All that was said is in {log}."


class WriteFailed(ResourceError):
    code = "file.write"
    sentence = (
        "{path} could not be written: {reason}. Nothing was left half-written; free some space or choose another place."
    )


class NameUnsuitable(ResourceError):
    """The name of a result's file is to be another: more room or another place is no help."""

    code = "file.name"
    sentence = "{path} cannot be written: {reason}."


class Fault(ResourceError):
    code = "fault"
    sentence = "This is a fault in deepblend: {type}: {reason}. The server's log may say more; please report it."


class MessageError(DeepBlendError):
    """A message that the server cannot take; its sender is to be mended."""


class MessageMalformed(MessageError):
    code = "message.malformed"
    sentence = "The server cannot read this message: {reason}. Use a client of the server's version."


class MessageUnknown(MessageError):
    code = "message.unknown"
    sentence = "The server knows no message of the type '{type}'. Use a client of the server's version."


class MessageTooLarge(MessageError):
    code = "message.too_large"
    sentence = (
        "The pixels are {bytes} bytes, and the server takes {limit} at most. "
        "Select less, or raise the limit: deepblend serve --max-message."
    )


class ProtocolUnsupported(MessageError):
    code = "protocol.unsupported"
    sentence = (
        "The plug-in or client (deepblend {client_version}, protocol {client}) and the server (deepblend "
        "{server_version}, protocol {server}) do not fit together. Mend it with: {remedy}"
    )


class HelloMissing(MessageError):
    code = "hello.missing"
    sentence = "The first message of a connection has to be 'hello'. Say it first."


class JobDuplicate(MessageError):
    code = "job.duplicate"
    sentence = "The job '{job}' was submitted before in this connection. Give each job its own name."


class JobUnknown(MessageError):
    code = "job.unknown"
    sentence = "There is no job '{job}' that waits or runs. It ended before, or it was never submitted."


class ServerError(DeepBlendError):
    """The server, or the way to it, fails; trying again can help."""


class QueueFull(ServerError):
    code = "queue.full"
    sentence = "{limit} blends of yours wait or run already. Wait for one to end, or cancel one."


class ClientsFull(ServerError):
    code = "clients.full"
    sentence = (
        "{limit} programs are connected to the server already. "
        "Close one of them, or raise the limit: deepblend serve --max-clients."
    )


class JobTimeout(ServerError):
    code = "job.timeout"
    sentence = "The blend took longer than {seconds} seconds and was stopped. Select less, or choose a lower style."


class ServerLeaving(ServerError):
    code = "server.leaving"
    sentence = "The server is being stopped and takes no more blends. Try again in a moment."


class WorkerLost(ServerError):
    code = "worker.lost"
    sentence = (
        "The process that blends on {device} died twice during this blend ({how}); often there is too little memory. "
        "Close other programs or select less."
    )


class WorkerUnavailable(ServerError):
    code = "worker.unavailable"
    sentence = "The engine cannot be started on {device}: {reason}. Run 'deepblend info' to see what is installed."


class ClusterLost(ServerError):
    code = "cluster.lost"
    sentence = (
        "The Ray cluster '{address}' was lost before this blend was done: {reason}. "
        "Once it is back, the same command goes on from here."
    )


class ServerRunning(ServerError):
    code = "server.running"
    sentence = "A server runs here already (process {pid}, {endpoint}). 'deepblend stop' ends that one."


class ServerLost(ServerError):
    code = "server.lost"
    sentence = "The connection to the server was lost during the blend. Nothing in your picture changed; blend again."


class ServerStart(ServerError):
    code = "server.start"
    sentence = "The server could not be started: {reason}. Run 'deepblend serve' in a terminal to see why."


class ServerGone(ServerError):
    code = "server.gone"
    sentence = (
        "The installation of deepblend that this plug-in was made for is not there any more ({reason}). Install "
        "deepblend again if it was removed, then the plug-in: 'deepblend install gimp' or 'deepblend install krita'."
    )


class ServerSilent(ServerError):
    code = "server.silent"
    sentence = (
        "The server at {endpoint} does not answer. If it is on this computer, end it with 'deepblend stop' and try "
        "again; if not, ask who looks after it."
    )


class ServerAbsent(ServerError):
    code = "server.absent"
    sentence = "No server is running, and it cannot be started from here. {remedy}"


class RelayUnusable(ServerError):
    code = "relay.unusable"
    sentence = (
        "This program cannot speak to the server: its Python has no zmq, and the relay that it needs cannot be used "
        "({reason}). Install the plug-in again: 'deepblend install gimp' or 'deepblend install krita'."
    )


class KeysUnusable(ServerError):
    code = "keys.unusable"
    sentence = (
        "The file of keys {path} cannot be used: {reason}. Remove it and start the server again; "
        "other machines then have to be let in anew: deepblend key add."
    )


class ClientSlow(ServerError):
    code = "client.slow"
    sentence = (
        "This program did not read what the server sent it: {bytes} bytes were waiting. The server has ended its "
        "blends. Connect again."
    )


class ConnectionUnusable(ServerError):
    code = "connection.unusable"
    sentence = "The connection file {path} cannot be used: {reason}. Remove it, then start the server again."


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """An error's parameters as JSON can hold them: strings, finite numbers, booleans and None; the rest as text."""

    def fits(value: Any) -> bool:
        return value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))

    return {name: value if fits(value) else str(value) for name, value in params.items()}


def _leaves(of: type[DeepBlendError]) -> list[type[DeepBlendError]]:
    below = of.__subclasses__()
    return [leaf for child in below for leaf in _leaves(child)] if below else [of]


def from_code(code: str, params: dict[str, Any], text: str) -> DeepBlendError:
    """The error that a message carries; for a code that is not known here, one that just bears the text."""
    kind = next((leaf for leaf in _leaves(DeepBlendError) if leaf.code == code), None)
    error = (kind or DeepBlendError).__new__(kind or DeepBlendError)
    Exception.__init__(error, text)
    error.params = dict(params)
    error.code = code
    return error
