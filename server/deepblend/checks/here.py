"""This installation, what it computes on, and the server."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.errors import ConnectionUnusable, DeepBlendError

from .. import __version__
from . import NOTE, OK, WARN, WRONG, Finding, starts

_AGAIN = f"Install deepblend again: {sys.executable} -m pip install --force-reinstall --no-deps WHEEL-OR-FOLDER"


def installation() -> Iterator[Finding]:
    """The version, the command, and torch with torchvision."""
    where = shutil.which("deepblend")
    told = f"{__version__}, Python {platform.python_version()} at {sys.executable}"
    yield Finding("deepblend", OK, told + ("" if where else "; the command is not on the PATH"))
    for name in ("torch", "torchvision"):
        try:
            module = __import__(name)
        except Exception as error:  # a torchvision of another torch fails with whatever it meets first
            reason = str(error).split("\n")[0]
            remedy = f"Install the two together: {sys.executable} -m pip install --upgrade torch torchvision"
            yield Finding(name, WRONG, f"It cannot be imported: {reason}", remedy)
        else:
            yield Finding(name, OK, str(module.__version__))


def weights() -> Iterator[Finding]:
    """Whether the network's file is whole: a safetensors file says in its header how long it is."""
    folder = Path(__file__).parents[1] / "weights"
    path = next(folder.glob("*.safetensors"), folder / "*.safetensors")
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, 2**24)))
            size = os.fstat(file.fileno()).st_size
        expected = 8 + length + max(one["data_offsets"][1] for name, one in header.items() if name != "__metadata__")
    except OSError as error:
        yield Finding("weights", WRONG, f"{path} cannot be read: {error.strerror}.", _AGAIN)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        yield Finding("weights", WRONG, f"{path} is damaged.", _AGAIN)
    else:
        if size == expected:
            yield Finding("weights", OK, f"{size / 1e6:.1f} MB, whole")
        else:
            yield Finding("weights", WRONG, f"{path} has {size} bytes, and should have {expected}.", _AGAIN)


def devices() -> Iterator[Finding]:
    """What torch can compute on, and what lies idle."""
    try:
        import torch

        from ..commands.info import advice, nvidia_present
        from ..engine import machine

        found = machine.devices()
        idle = advice(torch.version.cuda is not None, torch.cuda.is_available(), nvidia_present())
    except Exception as error:
        yield Finding("device", WRONG, f"torch cannot list the devices: {str(error).splitlines()[0]}")
        return
    for index, device in enumerate(found):
        memory = f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        yield Finding("device", OK, f"{device['name']}: {device['title']}{memory}{'' if index else ' (chosen)'}")
    for sentence in idle:
        problem, _, remedy = sentence.partition(". ")
        yield Finding("device", WARN, f"{problem}.", remedy)


def files() -> Iterator[Finding]:
    """The folder of the connection file: who may see it, and whether the server can write there."""
    path = connection.default_path().absolute()
    folder = path.parent
    if not folder.exists():
        above = next(one for one in folder.parents if one.exists())
        if os.access(above, os.W_OK | os.X_OK):
            yield Finding("files", OK, f"{folder}: not there yet; the server makes it.")
        else:
            yield Finding("files", WRONG, f"{folder} cannot be made: {above} may not be written to.", _own(above))
        return
    yield _folder(folder)
    try:
        found = connection.read(path)
    except ConnectionUnusable as error:
        remedy = f"Remove it, then start the server again: {path}"
        yield Finding("connection", WRONG, f"{path} cannot be used: {error.params['reason']}.", remedy)
    else:
        if found is None:
            yield Finding("connection", OK, f"{path}: written when the server starts")
        else:
            yield Finding("connection", OK, f"{path}: {found.endpoint}")
    log = path.with_name("server.log")
    if os.access(log if log.exists() else folder, os.W_OK):
        yield Finding("log", OK, str(log))
    else:
        yield Finding("log", WRONG, f"{log} may not be written to.", _own(log if log.exists() else folder))


def _folder(folder: Path) -> Finding:
    if not folder.is_dir():
        return Finding("files", WRONG, f"{folder} is not a folder.", "Remove it.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("files", WRONG, f"{folder} may not be written to.", _own(folder))
    if os.name == "posix":
        known = folder.stat()
        if known.st_uid != os.getuid():
            return Finding("files", WRONG, f"{folder} belongs to another user.", _own(folder))
        if known.st_mode & 0o077:
            return Finding("files", WARN, f"Others can enter {folder}.", f"chmod 700 '{folder}'")
    return Finding("files", OK, f"{folder}: its user's alone" if os.name == "posix" else str(folder))


def _own(path: Path) -> str:
    return f"Make it your own: chown -R $USER '{path}'" if os.name == "posix" else "Change its permissions."


def server() -> Iterator[Finding]:
    """Whether a server runs and answers, or else could be started. This starts none."""
    from ..commands import served

    path = connection.default_path().absolute()
    try:
        found = connection.read(path)
    except ConnectionUnusable:
        return  # ``files`` has told of it
    if not connection.server_runs(path) and not (found is not None and found.remote):
        if reason := starts([*served.COMMAND, "--help"]):
            yield Finding("server", WRONG, f"It cannot be started: {reason}.", _AGAIN)
        else:
            yield Finding("server", OK, "None runs; it starts when a plug-in needs it.")
        return
    try:
        known = served.ask(path)
    except DeepBlendError as error:
        yield Finding("server", WRONG, str(error), "End it, it starts again when needed: deepblend stop")
        return
    names = ", ".join(f"{worker['device']} {worker['state']}" for worker in known["workers"]) or "no worker"
    told = f"deepblend {known['version']}, process {known['pid']}, {known['endpoint']}: {names}"
    if known["version"] == __version__:
        yield Finding("server", OK, told)
    else:
        remedy = "Let it finish and leave: deepblend stop --when-idle"
        yield Finding("server", WARN, f"{told}; it is of another version than this one, {__version__}.", remedy)


def autostart() -> Iterator[Finding]:
    """Whether the server is started at login."""
    from ..hosts import autostart

    if autostart.registered():
        yield Finding("autostart", OK, "The server is started at login.")
    else:
        yield Finding("autostart", NOTE, "The server is not started at login; only a Flatpak or Snap needs that.")
