"""What the plug-ins say to their user, in the user's language. Standard library only.

English is written in the code; ``locale`` holds the other languages (gettext, domain ``deepblend``). The language is
the first known one of those that LANGUAGE, LC_ALL, LC_MESSAGES or LANG names; GIMP sets LANGUAGE for its plug-ins.
docs/translating.md.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import DeepBlendError, translatable
from .events import JobQueued, JobRunning, State, StateChanged

DOMAIN = "deepblend"


def languages(environment: Mapping[str, str]) -> list[str]:
    """The languages that a user wants, the dearest first, as gettext's folders are named; none after English.

    macOS and Windows name Chinese by its script ("zh-Hans-CN"), gettext by the country that writes so.
    """
    wanted = next(filter(None, map(environment.get, ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))), "")
    names = []
    for name in (re.sub(r"\.[^@]*", "", one).replace("-", "_") for one in wanted.split(":") if one):
        language, *rest = re.split("[_@]", name.lower())
        if language in ("en", "c", "posix"):
            break  # what is said in the code: no later language is dearer
        if language == "zh":
            traditional = "hant" in rest or ("hans" not in rest and {"tw", "hk", "mo"} & set(rest))
            name = "zh_TW" if traditional else "zh_CN"
        names.append(name)
    return names or ["C"]


_known = gettext.translation(DOMAIN, Path(__file__).parent / "locale", languages(os.environ), fallback=True)
_, ngettext = _known.gettext, _known.ngettext

PRESETS = {
    "automatic": _("Automatic"),
    "photograph": _("Photograph"),
    "painting": _("Painting"),
    "seamless": _("Seamless only"),
}
"""Labels of ``settings.PRESETS``."""
LOOKS = {
    "photograph": translatable("Looks like a photograph"),
    "painting": translatable("Looks like a painting"),
}
"""What the preset "automatic" has seen in the background, by ``looks_like`` of a report; in English, as the command
line says it."""
CHOICES = {
    "background": _("The whole background"),
    "surroundings": _("What surrounds the object"),
    "picture": _("Another layer"),
    "source": _("The object's own detail"),
    "mixed": _("The stronger of object and background"),
    "automatic": _("Automatic"),
    "object": _("Find the object"),
    "selected": _("As selected"),
}
"""Labels of the choices in ``settings.table()``, but for the presets'."""
STAGES = {
    "start": translatable("Starting"),
    "edges": translatable("Finding the object"),
    "poisson": translatable("Making the border seamless"),
    "optimise": translatable("Painting in"),
    "grain": translatable("Matching the grain"),
    "first pass": translatable("First pass"),
    "second pass": translatable("Second pass"),
}
"""What a running blend does, by ``stage`` of the message ``running``; in English, as the command line says it."""


def stage(name: str) -> str:
    """A stage in English; general words for one that is not known here, as a later server may send it."""
    return STAGES.get(name, translatable("Blending"))


def looks_like(report: Mapping[str, Any]) -> str:
    """What a blend's report says of its background, in the user's language; "" where nobody asked."""
    return _(LOOKS[kind]) if (kind := report.get("looks_like")) in LOOKS else ""


def sentence(error: DeepBlendError) -> str:
    """What an error says, in the user's language where that is known here, its parameters too (``translatable``)."""
    template = _(type(error).sentence)
    if template == type(error).sentence:
        return str(error)
    try:
        known = {name: _(value) if isinstance(value, str) and value else value for name, value in error.params.items()}
        return template.format(**known)
    except (KeyError, IndexError, ValueError):  # of a server whose parameters are others
        return str(error)


def progress(event: Any) -> tuple[float, str] | None:
    """The progress that an event reports: a share from 0 to below 1, and words for it. None for other events."""
    if isinstance(event, StateChanged):
        words = {State.STARTING: _("Starting the server"), State.CONNECTING: _("Connecting to the server")}
        return (0.0, words[event.state]) if event.state in words else None
    if isinstance(event, JobQueued):
        if event.why == "engine":
            return 0.0, _("Starting the engine")
        if event.why == "again":
            return 0.0, _("Trying once more")
        if event.ahead:
            return 0.0, ngettext("Waiting for %d other blend", "Waiting for %d other blends", event.ahead) % event.ahead
        return 0.0, _("Waiting")
    if isinstance(event, JobRunning):
        return event.fraction, _(stage(event.stage))
    return None


def time_left(seconds: float) -> str:
    """A duration in seconds as a few words, for a place beside a progress bar."""
    if seconds < 60:
        # Translators: how long a blend still takes; beside a progress bar, so as short as can be.
        return _("%d s left") % max(1, round(seconds))
    # Translators: how long a blend still takes; beside a progress bar, so as short as can be.
    return _("%d min left") % round(seconds / 60)


def result_name(layer: str, made: Mapping[str, Any]) -> str:
    """A result's name, after its layer and the settings that it was made with: 'Boat, blended (style 0.5)'."""
    if made.get("method") == "poisson" or made["style"] == 0:
        return _("%s, seamless") % layer
    return _("%(layer)s, blended (style %(style)g)") % {"layer": layer, "style": made["style"]}


def shadow_name(result: str) -> str:
    """The name of a result's shadow."""
    return _("%s shadow") % result
