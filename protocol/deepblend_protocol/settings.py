"""The settings of a blend: the one table that every part is drawn from.

A setting is a field of :class:`Settings` (or of :class:`PaperSettings`); its metadata
say its kind, range, unit, label and help. The engine checks against this table; the
command line, GIMP's dialog and Krita's docker are drawn from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, TypeVar

from .errors import SettingOutOfRange, SettingUnknown


@dataclass(frozen=True)
class Setting:
    """What is known of one setting. ``kind`` is number, integer, choice or switch."""

    name: str
    kind: str
    default: Any
    label: str
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def accepts(self) -> str:
        """What the setting takes, as words for an error or a help text."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "switch":
            return "true or false"
        noun = "a whole number" if self.kind == "integer" else "a number"
        unit = " " + self.unit if self.unit else ""
        return f"{noun} from {self.minimum:g} to {self.maximum:g}{unit}"

    def check(self, value: Any) -> Any:
        """The value in the setting's own type. Raises SettingOutOfRange."""
        if self.kind == "switch" and isinstance(value, bool):
            return value
        if self.kind == "choice" and isinstance(value, str) and value in self.choices:
            return value
        if self.kind in ("number", "integer") and isinstance(value, (int, float)) and not isinstance(value, bool):
            assert self.minimum is not None and self.maximum is not None
            whole = self.kind == "number" or (math.isfinite(value) and value == int(value))
            if whole and self.minimum <= value <= self.maximum:
                return float(value) if self.kind == "number" else int(value)
        raise SettingOutOfRange(name=self.name, value=value, accepts=self.accepts())


def _number(default: float, minimum: float, maximum: float, label: str, help: str, unit: str = "") -> Any:
    known = {"kind": "number", "minimum": minimum, "maximum": maximum, "label": label, "help": help, "unit": unit}
    return field(default=default, metadata=known)


def _integer(default: int, minimum: int, maximum: int, label: str, help: str, unit: str = "") -> Any:
    known = {"kind": "integer", "minimum": minimum, "maximum": maximum, "label": label, "help": help, "unit": unit}
    return field(default=default, metadata=known)


def _choice(default: str, choices: tuple[str, ...], label: str, help: str) -> Any:
    return field(default=default, metadata={"kind": "choice", "choices": choices, "label": label, "help": help})


def _switch(default: bool, label: str, help: str) -> Any:
    return field(default=default, metadata={"kind": "switch", "label": label, "help": help})


_WEIGHT_LIMIT = 1e12


@dataclass(frozen=True)
class PaperSettings:
    """The published algorithm's own numbers and oddities; the defaults are the published script's."""

    num_steps: int = _integer(
        1000,
        1,
        100_000,
        "Evaluations per pass",
        "Evaluations of the loss in each pass; as published, the pass ends after the step that exceeds this.",
    )
    grad_weight: float = _number(
        1e4, 0, _WEIGHT_LIMIT, "Gradient weight", "Weight of the Poisson gradient loss, pass 1."
    )
    style_weight: float = _number(1e4, 0, _WEIGHT_LIMIT, "Style weight", "Weight of the style loss, pass 1.")
    content_weight: float = _number(1.0, 0, _WEIGHT_LIMIT, "Content weight", "Weight of the content loss, pass 1.")
    tv_weight: float = _number(
        1e-6, 0, _WEIGHT_LIMIT, "Total variation weight", "Weight of the total variation, pass 1."
    )
    hist_weight: float = _number(
        0.0,
        0,
        _WEIGHT_LIMIT,
        "Histogram weight",
        "Weight of the feature histogram loss, pass 1; the paper's figure is 1.",
    )
    second_style_weight: float = _number(
        1e7, 0, _WEIGHT_LIMIT, "Style weight, pass 2", "Weight of the style loss, pass 2."
    )
    second_content_weight: float = _number(
        1.0,
        0,
        _WEIGHT_LIMIT,
        "Content weight, pass 2",
        "Weight of the content loss, pass 2; as published that loss is always 0.",
    )
    second_tv_weight: float = _number(
        0.0,
        0,
        _WEIGHT_LIMIT,
        "Total variation weight, pass 2",
        "Weight of the total variation, pass 2; the paper has one.",
    )
    second_hist_weight: float = _number(
        0.0, 0, _WEIGHT_LIMIT, "Histogram weight, pass 2", "Weight of the feature histogram loss, pass 2."
    )
    second_pass: bool = _switch(True, "Second pass", "Run the second pass, which refines the first one's result.")
    style_of_composite: bool = _switch(
        False, "Style of the composite", "Take pass 1's style from the composite; as published it is the free image."
    )
    second_content_of_first: bool = _switch(
        False,
        "Content of the first pass",
        "Let pass 2's content loss hold the first pass's result; as published it compares the image with itself.",
    )
    second_background_fixed: bool = _switch(
        False, "Fix the background", "Let pass 2 change the inside of the mask only; as published every pixel is free."
    )
    normalised_input: bool = _switch(
        False,
        "Normalised input",
        "Give torchvision's network the input it was trained on; as published it sees 0..255 shifted by 0.45.",
    )
    recompute_constants: bool = _switch(
        False,
        "Recompute constants",
        "Compute the target's and source's features anew in every evaluation, as published; slower, the same picture.",
    )
    soft_mask: bool = _switch(
        False, "Soft mask", "Keep the mask's soft edge; as published everything above 0 counts as 1."
    )
    seed: int = _integer(0, 0, 2**31 - 1, "Seed", "Seed of the noise that pass 1 starts from.")


AUTOMATIC = "automatic"
"""The preset that is a photograph's or a painting's: the engine decides by the background, see ``decide``."""
PRESETS: dict[str, dict[str, Any]] = {
    AUTOMATIC: {},
    "photograph": {"style": 0.0, "keep_colours": 0.5, "style_from": "surroundings", "match": 0.5, "grain": 0.5},
    "painting": {"style": 0.5, "keep_colours": 0.5, "style_from": "background", "match": 0.0, "grain": 0.0},
    "seamless": {"style": 0.0, "keep_colours": 0.0, "match": 0.0, "grain": 0.0},
}
"""By preset: the values that it sets."""
_START = PRESETS["photograph"]
"""What a preset sets begins so, also in forms before anything is decided: a photograph bears wrong values worse."""
PRESET_NAMES = tuple(_START)
"""The settings that presets set."""


@dataclass(frozen=True)
class Settings:
    """One blend's settings in users' terms.

    None of them depends on the document's size or the mask's area, but for the two that
    are lengths in document pixels.
    """

    method: str = _choice(
        "deep",
        ("deep", "poisson", "paper"),
        "Method",
        "deep: seamless, in the background's light and texture; poisson: seamless only; "
        "paper: the published algorithm.",
    )
    preset: str = _choice(
        AUTOMATIC,
        tuple(PRESETS),
        "Preset",
        "Sets style, colours, light and grain for a photograph, for a painting, or for a seamless border only; "
        "automatic: for a photograph or a painting, as the background looks.",
    )
    style: float = _number(
        _START["style"],
        0,
        1,
        "Style",
        "How much of the background's texture and strokes the object takes on: 0 only seamless, 1 fully painted in.",
    )
    keep_colours: float = _number(
        _START["keep_colours"],
        0,
        1,
        "Keep colours",
        "How much of its own tones and colours the object keeps: 0 takes on the picture's palette and light, "
        "1 keeps its own.",
    )
    edges: str = _choice(
        "automatic",
        ("automatic", "object", "selected"),
        "Edges",
        "automatic: finds the object inside the selection where that is surer; object: always finds it; "
        "selected: the selection's own edge.",
    )
    match: float = _number(
        _START["match"],
        0,
        1,
        "Match light",
        "How far exposure, contrast, white balance and saturation of the object go towards its surroundings'.",
    )
    grain: float = _number(
        _START["grain"],
        0,
        1,
        "Match grain",
        "How far noise and sharpness of the object go towards its surroundings'.",
    )
    gradients: str = _choice(
        "source",
        ("source", "mixed"),
        "Gradients",
        "source: the object's own detail; mixed: the stronger of the object's and the background's, "
        "for thin or clear objects.",
    )
    style_from: str = _choice(
        _START["style_from"],
        ("background", "surroundings", "picture"),
        "Style from",
        "Where texture comes from: the whole background, what surrounds the object, or another picture.",
    )
    feather_px: float = _number(
        0, 0, 1000, "Feather", "Softens the mask's edge inward by this many document pixels, after growing.", "px"
    )
    grow_px: float = _number(
        0, -1000, 1000, "Grow", "Grows the mask by this many document pixels; negative shrinks it.", "px"
    )
    shadow: float = _number(
        0, 0, 1, "Shadow", "How dark a contact shadow is made, on a layer of its own; 0 makes none."
    )
    shadow_angle: float = _number(
        45, -180, 180, "Shadow's angle", "Where it falls: 0 to the right, 90 straight down.", "degrees"
    )
    shadow_px: float = _number(
        40, 0, 1000, "Shadow's length", "How far it reaches from the object's lower border, and how soft it gets.", "px"
    )
    paper: PaperSettings = PaperSettings()
    undecided: tuple[str, ...] = ()
    """Those of ``PRESET_NAMES`` that are left to the preset "automatic", and stand at a photograph's until then."""

    @property
    def shadow_length(self) -> float:
        """``shadow_px``, or 0 where no shadow is made."""
        return self.shadow_px if self.shadow > 0 else 0.0


SHOWN = (
    "style",
    "keep_colours",
    "style_from",
    "match",
    "grain",
    "gradients",
    "edges",
    "grow_px",
    "feather_px",
    "shadow",
    "shadow_angle",
    "shadow_px",
)
"""The settings that users meet in forms, in their order; the preset stands above them."""
_AnySettings = TypeVar("_AnySettings", Settings, PaperSettings)


def table(of: type[Any] = Settings) -> dict[str, Setting]:
    """The settings of ``Settings`` or ``PaperSettings`` by name, in the order to show them."""
    return dict(_table(of))


@cache
def _table(of: type[Any]) -> dict[str, Setting]:
    return {f.name: Setting(name=f.name, default=f.default, **f.metadata) for f in fields(of) if f.metadata}


def _checked(base: _AnySettings, given: Mapping[str, Any]) -> _AnySettings:
    known = _table(type(base))
    for name in given:
        if name not in known:
            raise SettingUnknown(name=name, known=", ".join(known))
    return replace(base, **{name: known[name].check(value) for name, value in given.items()})


def resolve(given: Mapping[str, Any]) -> Settings:
    """Settings from names and values: the defaults, then the preset's, then those given.

    With the preset "automatic", what it sets and is not given is ``undecided``. ``given["paper"]`` may hold a mapping
    of :class:`PaperSettings`' names. Raises SettingUnknown for a name that is not in the table, SettingOutOfRange for
    a value that does not fit.
    """
    own = {name: value for name, value in given.items() if name != "paper"}
    paper = given.get("paper", {})
    if not isinstance(paper, Mapping):
        raise SettingOutOfRange(name="paper", value=paper, accepts="names and values of the published algorithm")
    preset = _table(Settings)["preset"].check(own.get("preset", AUTOMATIC))
    settings = _checked(Settings(), {**PRESETS[preset], **own})
    undecided = tuple(name for name in PRESET_NAMES if name not in own) if preset == AUTOMATIC else ()
    return replace(settings, paper=_checked(PaperSettings(), paper), undecided=undecided)


def decide(settings: Settings, kind: str) -> Settings:
    """Settings with what was left to the preset "automatic" decided.

    Args:
        kind: what the background looks like, the preset "photograph" or "painting".
    """
    return replace(settings, **{name: PRESETS[kind][name] for name in settings.undecided}, undecided=())


def as_given(settings: Settings) -> dict[str, Any]:
    """The names and values that ``resolve`` makes these settings of; JSON-ready."""
    values = {name: value for name, value in asdict(settings).items() if name not in settings.undecided}
    del values["undecided"]
    return values


def style_wanted(settings: Settings) -> str | None:
    """What is to be sent as the style picture: the whole "background", another "picture", or None.

    The background is also what the preset "automatic" decides by.
    """
    if settings.method == "paper":
        return None
    if settings.style_from == "picture":
        return "picture"
    painted = settings.method == "deep" and settings.style > 0
    return "background" if settings.undecided or (painted and settings.style_from == "background") else None


def reduced(given: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Names and values for a document smaller by ``scale``: those that are lengths in its pixels are shorter."""
    known = table()
    lengths = {name for name in given if name in known and known[name].unit == "px"}
    return {name: value * scale if name in lengths else value for name, value in given.items()}
