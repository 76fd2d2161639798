"""Makes text from outside safe to print on a terminal: names of files, of jobs, messages of other programs."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """The text in one line; a character that would steer the terminal, or that cannot be printed, is a question mark.

    So are marks that change the direction of writing, lone surrogates, and bytes of a file's name that are not UTF-8.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def columns(text: str) -> int:
    """How many columns a printable text takes: two for a Chinese or Japanese letter, none for a combining mark."""
    return sum(map(_columns_of, text))


def padded(text: str, width: int) -> str:
    """The text with spaces after it, up to so many columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int) -> str:
    """As much of a text as so many columns hold; what is cut off is an ellipsis."""
    if columns(text) <= width:
        return text
    kept, taken = "", 1  # the ellipsis
    for letter in text:
        taken += _columns_of(letter)
        if taken > width:
            break
        kept += letter
    return f"{kept}…" if width > 0 else ""


def _columns_of(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
