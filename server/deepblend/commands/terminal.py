"""Makes text from outside safe to print on a terminal: names of files, of jobs, messages of other programs."""

from __future__ import annotations


def printable(text: object) -> str:
    """The text in one line; a character that would steer the terminal, or that cannot be printed, is a question mark.

    So are marks that change the direction of writing, lone surrogates, and bytes of a file's name that are not UTF-8.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))
