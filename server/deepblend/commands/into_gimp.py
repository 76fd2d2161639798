"""``deepblend install gimp``, in one profile."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepblend_protocol.errors import HostSilent, PluginInvalid

from ..hosts import asking_gimp, gimp
from ..hosts.gimp import HOST, Profile
from . import served
from .terminal import printable


def install(profile: Profile, args: argparse.Namespace, place: Path | None) -> None:
    """Install, ask GIMP, and say what was done.

    Args:
        place: the connection file; None takes the user's own.

    Raises HostSilent, PluginInvalid, WriteFailed.
    """
    gimp.check(profile)
    start = None if args.no_check else asking_gimp.command(profile, args.gimp)
    if not profile.path.exists():
        _first(profile, start)
    print("\n".join(map(printable, gimp.install(profile, served.COMMAND, args.wheel_dir, place))))
    for hint in HOST.hints(profile.sandbox, args.autostart, place):
        print(printable(hint))
    if args.no_check:
        return
    if start is None:
        print(f"GIMP was not asked: none of this version can be started from here. Look for {gimp.MENU}.")
        return
    answer = asking_gimp.ask(profile, start)
    if not answer.registered:
        why = f"GIMP {answer.gimp} does not register it: {asking_gimp.reason(answer)}; 'deepblend doctor' says more"
        raise PluginInvalid(path=str(profile.plugin), reason=why)
    print(f"GIMP {answer.gimp} (Python {answer.python}) was asked and has it: {gimp.MENU}.")
    if not answer.zmq:
        print(HOST.no_pyzmq_there(profile.sandbox, answer.zmq_fails))


def _first(profile: Profile, start: list[str] | None) -> None:
    """Let GIMP make its folder itself: only then does it take over an older version's settings."""
    if start is not None:
        try:
            asking_gimp.ask(profile, start)
        except HostSilent as error:
            print(f"deepblend: {printable(error)}", file=sys.stderr)
    if profile.path.is_dir():
        print(f"{printable(profile.path)}: made by GIMP, which was started for the first time.")
    else:
        print(f"{printable(profile.path)}: new. GIMP will not take over an older version's settings into it.")
