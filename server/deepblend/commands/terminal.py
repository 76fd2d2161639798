"""What others have written, on a terminal: names of files and jobs, what servers and programs say."""

from __future__ import annotations


def printable(text: object) -> str:
    """The text in one line; a character that would steer the terminal, or that cannot be printed, is a question mark.

    That is also what turns the direction of writing, half a character, and a byte of a file's name that is none.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))
