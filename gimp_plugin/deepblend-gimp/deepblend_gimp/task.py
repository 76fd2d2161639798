"""One call of a procedure: look, ask the user, read, blend, insert."""

from __future__ import annotations

import json
import time

from deepblend_protocol.plugins.presets import of_today
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.plugins.region import is_painted
from deepblend_protocol.settings import resolve
from deepblend_protocol.time_left import TimeLeft
from deepblend_protocol.words import _, result_name, shadow_name
from gi.repository import Gimp

from . import document, kept, pace, result, server
from .arguments import AGAIN, PICTURE, arguments_of, put, settings_of
from .progress import Progress
from .subject import Asked, Subject, check_there

_WATCH_S = 1.0
"""How often the image is looked at during a blend."""


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> tuple[Gimp.Layer, str] | None:
    """What the procedure returns; None where the user has cancelled. Raises DeepBlendError, Refused."""
    again = procedure.get_name() == AGAIN
    asked = Asked.of(image, drawables, again, run_mode == Gimp.RunMode.WITH_LAST_VALS)
    subject = asked.subject()
    noted: list[str] = []
    try:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from . import dialog

            if again:
                put(config, of_today(kept.arguments_of(subject.above) or {}))
            noted = subject.notes(hides=config.get_property("hide-original") != "no")
            if not dialog.run(config, asked, noted):
                return None
            subject = asked.subject()  # as it is by now
        return _blended(run_mode, subject, config, noted)
    except server.Cancelled:
        return None


def _blended(
    run_mode: Gimp.RunMode, subject: Subject, config: Gimp.ProcedureConfig, noted: list[str]
) -> tuple[Gimp.Layer, str]:
    """Read, blend, insert. Raises DeepBlendError, Cancelled, Refused.

    Args:
        noted: what was said to the user before.
    """
    image, layer = subject.image, subject.layer
    given = settings_of(config)
    hide = config.get_property("hide-original")
    title = _("Blending '%s'") % layer.get_name()
    with Progress(run_mode != Gimp.RunMode.NONINTERACTIVE, title) as progress, server.client() as client:
        client.connect()
        progress.tell(0.0, _("Reading the picture"))
        times = [time.monotonic()]
        settings = resolve(given)
        reading = document.read(subject, config.get_property(PICTURE), settings, given)
        times.append(time.monotonic())
        known = pace.read()
        left = TimeLeft(reading.pixels, is_painted(settings), known)
        watched = time.monotonic()

        def tell(fraction: float, word: str) -> bool:
            nonlocal watched
            check_there(image, layer)
            if time.monotonic() - watched > _WATCH_S:
                _moved(reading.origin)
                watched = time.monotonic()
            if fraction > 0:
                left.told(fraction)
            return progress.tell(fraction, word, left.seconds)

        job = server.run(client, reading.request, tell)
        left.ended()
        pace.write(known)
        times.append(time.monotonic())
        check_there(image, layer)
        assert job.layer is not None
        moved, arguments = _moved(reading.origin), arguments_of(config)
        name = result_name(layer.get_name(), job.report["settings"])
        new, shadow = result.make(image, job.layer, moved, name, reading.origin, arguments), None
        if job.shadow is not None:
            named = shadow_name(name)
            shadow = result.make(image, job.shadow, moved, named, reading.origin, arguments, is_shadow=True)
        hidden = {"auto": [layer, *subject.earlier], "yes": [layer], "no": []}[hide]
        notes = subject.notes(hides=bool(hidden))
        above = subject.above if subject.above.is_valid() else layer
        result.insert(image, new, shadow, above, hidden, config.get_property("as-layer-mask"))
        times.append(time.monotonic())
    Gimp.displays_flush()
    notes = [*job.report.get("notes", ()), *notes]
    for note in notes:
        if note not in noted:
            Gimp.message(note)
    reading_s, waiting, inserting = (round(after - before, 3) for before, after in zip(times, times[1:]))
    in_gimp = {"reading": reading_s, "waiting": waiting, "inserting": inserting}
    return new, json.dumps({**job.report, "notes": notes, "gimp_seconds": in_gimp})


def _moved(origin: kept.Origin) -> tuple[int, int]:
    """How far the blended layer was moved since it was read. Raises Refused where nobody knows where it is now."""
    try:
        return origin.moved()
    except ValueError:
        words = _("'%s' was scaled, cut, turned or flipped during the blend; nothing was changed. Blend again.")
        raise Refused(words % origin.layer.get_name()) from None
