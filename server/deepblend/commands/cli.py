"""The command ``deepblend``: joins the commands, and says in one sentence what went wrong."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, InputError, WriteFailed, plain

from .. import __version__
from ..file_blend.arguments import nearest
from ..files import reason
from ..signals import Ending
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
from .spelling import mended
from .terminal import printable

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
130 cancelled with Ctrl+C (143 by SIGTERM), 70 a fault in deepblend itself."""
_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
_ENDED = 128  # and a signal's number: what a shell reports
_UNHEARD = 141  # what a shell reports for SIGPIPE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentInvalid(reason=f"{message[:1].upper()}{message[1:]}. To see what it takes: {self.prog} --help")


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by their names."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="deepblend", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=shape, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"deepblend {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    by_name = {}
    for module in _COMMANDS:
        command = commands.add_parser(
            module.NAME, help=module.HELP, description=module.HELP, formatter_class=shape, allow_abbrev=False
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
        by_name[module.NAME] = command
    return parser, by_name


def _tell(code: str, sentence: str, params: dict[str, Any], as_json: bool) -> None:
    sentence = " ".join(sentence.split())
    print(f"deepblend: {printable(sentence)}", file=sys.stderr)
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
    with Ending() as ending:
        try:
            status = _run(given)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
        except DeepBlendError as error:
            _tell(error.code, str(error), error.params, as_json)
            return 2 if isinstance(error, InputError) else 1
        except KeyboardInterrupt:
            _tell("cancelled", "Cancelled; nothing was left half-written.", {}, as_json)
            return _ENDED + ending.number
        except BrokenPipeError:  # whoever read what is printed has had enough
            _print_nowhere()
            return _UNHEARD
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
                _print_nowhere()  # a print's own: what is written to files says which
                full = WriteFailed(path="standard output", reason=reason(error))
                _tell(full.code, str(full), full.params, False)
                return 1
            if os.environ.get("DEEPBLEND_DEBUG"):
                raise
            kind = type(error).__name__
            words = f"This is a fault in deepblend: {kind}: {error} (set DEEPBLEND_DEBUG=1 to see where)."
            _tell("fault", words, {"type": kind}, as_json)
            return _UNEXPECTED


def _run(given: list[str]) -> int:
    parser, commands = _parser()
    if not given:
        parser.print_help()
        return 0
    at = next((index for index, word in enumerate(given) if not word.startswith("-")), None)
    if at is not None and given[at] not in commands:
        raise ArgumentInvalid(
            reason=f"There is no command '{given[at]}'{nearest(given[at], commands)}. "
            f"The commands are: {', '.join(commands)}."
        )
    if at is not None:
        command = commands[given[at]]
        given = [*given[: at + 1], *mended(given[at + 1 :], command._option_string_actions, command.prog)]
    args = parser.parse_args(given)
    return args.run(args)


def _print_nowhere() -> None:
    """Point standard output at nothing, so that Python's last flush does not fail on a closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
