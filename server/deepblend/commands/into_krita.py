"""``deepblend install krita``, in one folder; and the zip for Krita's own importer."""

from __future__ import annotations

import argparse
from pathlib import Path

from deepblend_protocol.errors import PluginInvalid

from ..hosts import asking_krita, krita, running
from ..hosts.krita import HOST, Profile
from . import served
from .terminal import printable


def install(profile: Profile, args: argparse.Namespace, place: Path | None) -> None:
    """Install, ask Krita's Python, and say what was done.

    Args:
        place: the connection file; None takes the user's own.

    Raises HostSilent, PluginInvalid, WriteFailed.
    """
    print("\n".join(map(printable, krita.install(profile, served.COMMAND, args.wheel_dir, place))))
    for hint in HOST.hints(profile.sandbox, args.autostart, place):
        print(printable(hint))
    start = None if args.no_check else asking_krita.command(profile, args.krita)
    if start is not None:
        answer = asking_krita.ask(profile, start)
        if answer.plugin_fails:
            why = f"Krita {answer.krita} (Python {answer.python}) cannot load it: {answer.plugin_fails}"
            raise PluginInvalid(path=str(profile.plugin), reason=f"{why}; 'deepblend doctor' says more")
        print(f"Krita {answer.krita} (Python {answer.python}) was asked and can load it: {krita.DOCKER}.")
        if not answer.zmq:
            print(HOST.no_pyzmq_there(profile.sandbox, answer.zmq_fails))
    elif not args.no_check:
        print(f"Krita was not asked: no kritarunner is there for it. Look for {krita.DOCKER}.")
    told_to_restart()


def told_to_restart() -> None:
    """Krita reads kritarc, and loads plug-ins, when it starts."""
    if running.runs("krita"):
        print("Krita is running: close it and start it again.")


def write_zip(args: argparse.Namespace, place: Path | None) -> None:
    """Write the zip, and say how it is used. Raises PluginInvalid, WriteFailed."""
    command = None if args.standalone else served.COMMAND
    print("\n".join(map(printable, krita.write_zip(args.krita_zip, command, args.wheel_dir, place))))
    print("In Krita: Tools > Scripts > Import Python Plugin from File, choose it, enable it, and start Krita again.")
    if args.standalone:
        print(f"Then {krita.DOCKER} offers to set deepblend up.")
