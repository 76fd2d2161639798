"""The command ``deepblend``: joins the commands, and says in one sentence what went wrong."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, InputError, plain

from .. import __version__
from ..threads import sleep_when_waiting
from . import (
    ablation,
    batch,
    blend,
    connect,
    demo,
    doctor,
    gallery,
    info,
    install,
    key,
    paper,
    serve,
    status,
    stop,
    uninstall,
)

_COMMANDS = (
    demo,
    gallery,
    blend,
    batch,
    serve,
    status,
    stop,
    connect,
    key,
    install,
    uninstall,
    doctor,
    paper,
    ablation,
    info,
)
_DESCRIPTION = """\
Deep Image Blending: puts an object into a picture so that its border cannot be
seen and it carries the light, colour and texture of the picture around it."""
_EPILOG = """\
examples:
  deepblend demo
      blend the example that is shipped; look into ./deepblend-demo
  deepblend blend --source dog.png --mask dog-mask.png --target beach.jpg --center 640,420 --output out.png
      put the dog on the beach, its centre at column 640, row 420
  deepblend blend --help
      every option, explained

exit status: 0 done, 2 the input must be mended, 1 the machine could not do it,
130 cancelled with Ctrl+C, 70 a fault in deepblend itself."""
_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
_CANCELLED = 130  # what a shell reports for SIGINT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentInvalid(reason=f"{message[:1].upper()}{message[1:]}. To see what it takes: {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="deepblend", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=shape, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"deepblend {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        command = commands.add_parser(
            module.NAME, help=module.HELP, description=module.HELP, formatter_class=shape, allow_abbrev=False
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _tell(code: str, sentence: str, params: dict[str, Any], as_json: bool) -> None:
    sentence = " ".join(sentence.split())
    print(f"deepblend: {sentence}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"code": code, "sentence": sentence, "params": plain(params)}}))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status.

    Args:
        argv: the arguments; None takes the process's.
    """
    sleep_when_waiting()
    given = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in given
    try:
        if not given:
            _parser().print_help()
            return 0
        args = _parser().parse_args(given)
        return args.run(args)
    except DeepBlendError as error:
        _tell(error.code, str(error), error.params, as_json)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        _tell("cancelled", "Cancelled; nothing was left half-written.", {}, as_json)
        return _CANCELLED
    except Exception as error:
        if os.environ.get("DEEPBLEND_DEBUG"):
            raise
        kind = type(error).__name__
        words = f"This is a fault in deepblend: {kind}: {error} (set DEEPBLEND_DEBUG=1 to see where)."
        _tell("fault", words, {"type": kind}, as_json)
        return _UNEXPECTED


if __name__ == "__main__":
    sys.exit(main())
