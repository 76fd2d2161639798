"""What cannot be blended, and what any exception says to the user."""

from __future__ import annotations

import traceback

from ..errors import DeepBlendError
from ..words import _, sentence


class Refused(Exception):
    """What cannot be blended, in a sentence."""


def told(error: Exception) -> str:
    """What an exception says to the user, who never sees a traceback; the terminal has that."""
    if isinstance(error, DeepBlendError):
        return sentence(error)
    if isinstance(error, Refused):
        return str(error)
    traceback.print_exception(type(error), error, error.__traceback__)
    return _("This is a fault in deepblend: %s. Please report it.") % f"{error!r}"
