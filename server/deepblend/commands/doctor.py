"""``deepblend doctor``: checks everything from the host's Python to the GPU, and says how to mend what is wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from .install import HOSTS, add_profile, add_programs, check_profile
from .terminal import padded, printable

if TYPE_CHECKING:
    from ..checks import Finding

NAME = "doctor"
HELP = "Check everything from GIMP's and Krita's Python to the GPU, and say how to mend what is wrong."
_EPILOG = """\
Each line is 'ok', 'note' (nothing to mend), 'warn' (it works, though not as well
as it could) or 'wrong'. Nothing is changed, and no server is left running.

exit status: 0 healthy, 1 something is wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("host", nargs="?", choices=HOSTS, help="look at this program alone (default: at all of them)")
    add_profile(parser)
    add_programs(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is found. Raises ArgumentInvalid."""
    check_profile(args)
    findings = []
    for finding in _findings(args):
        findings.append(finding)
        if not args.json:
            print(_line(finding), flush=True)  # asking GIMP or Krita takes seconds
    wrong, warned = (sum(one.status == status for one in findings) for status in ("wrong", "warn"))
    if args.json:
        print(json.dumps({"healthy": not wrong, "findings": [asdict(one) for one in findings]}, indent=2))
    elif wrong:
        print(f"\n{wrong} of {len(findings)} checks found something wrong.")
    else:
        print("\nNothing is wrong; see the warnings above." if warned else "\nAll is well.")
    return 1 if wrong else 0


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    from ..checks import gimp, here, krita

    for check in (here.installation, here.weights, here.devices, here.files, here.server, here.autostart):
        yield from check()
    host = args.host or (_of(args) if args.profile is not None else None)
    if host != "krita":
        yield from gimp.profiles(args.profile, args.gimp)
    if host != "gimp":
        yield from krita.profiles(args.profile, args.kritarc, args.krita)


def _of(args: argparse.Namespace) -> str:
    """Whose folder it is that was named without its program."""
    from ..hosts import krita

    return "krita" if args.kritarc is not None or krita.is_folder(args.profile) else "gimp"


def _line(finding: Finding) -> str:
    line = f"{finding.status:<5}  {padded(printable(finding.name) + ':', 20)} {printable(finding.sentence)}"
    return f"{line}\n{'':<27} -> {printable(finding.remedy)}" if finding.remedy else line
