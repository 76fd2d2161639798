"""What was meant on the command line: values that begin with a dash, American spellings, and near misses."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from deepblend_protocol.errors import ArgumentInvalid

from ..file_blend.arguments import nearest, spelled


def mended(given: Sequence[str], options: dict[str, argparse.Action], command: str) -> list[str]:
    """Arguments of a command as argparse takes them.

    A value that begins with one dash is joined to its option, as ``--center=-20,40`` is; the option's name may be
    spelled as in America.

    Args:
        options: the command's, by name, with their dashes.
        command: as it is called.

    Raises ArgumentInvalid for an option that is nearly one; others are left to argparse.
    """
    result: list[str] = []
    left = list(given)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*result, word, *left]
        if not word.startswith("--"):
            result.append(word)
            continue
        name, equals, value = word.partition("=")
        known = spelled(name, options)
        if known not in options and nearest(name, options):
            raise ArgumentInvalid(
                reason=f"There is no option '{name}'{nearest(name, options)}. To see what it takes: {command} --help"
            )
        takes_one = known in options and options[known].nargs is None
        if takes_one and not equals and left and _is_value(left[0], options):
            equals, value = "=", left.pop(0)
        result.append(f"{known}{equals}{value}")
    return result


def _is_value(word: str, options: dict[str, argparse.Action]) -> bool:
    """Whether a word that begins with a dash can only be the value of the option before it."""
    return len(word) > 1 and word[0] == "-" and word[1] != "-" and word not in options
