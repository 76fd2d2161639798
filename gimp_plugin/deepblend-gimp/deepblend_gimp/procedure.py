"""The procedures: their arguments, and what happens when one runs."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.settings import AUTOMATIC, PRESET_NAMES, PRESETS, SHOWN, Setting, resolve, table
from deepblend_protocol.words import CHOICES, _, sentence
from deepblend_protocol.words import PRESETS as PRESET_LABELS
from gi.repository import Gimp, Gio, GLib, GObject

from . import host

NAME = "deepblend"
AGAIN = "deepblend-again"
ARGUMENTS = ("preset", *(name.replace("_", "-") for name in SHOWN), "method", "as-layer-mask", "hide-original")
"""What is kept with a result, and what presets may set; all but the style picture, which a file cannot hold."""
PICTURE = "style-picture"
OWN = "own"
"""The preset that sets nothing."""
BY_PRESET = tuple(name.replace("_", "-") for name in PRESET_NAMES)
"""The arguments that presets set."""
_BESIDE = 1 - 1e-9
"""A number that a preset sets has a default this much beside a round one: any that is given differs, so that it is
known which were."""
_METHODS = {"deep": _("Seamless, and in its texture"), "poisson": _("Seamless only")}
_HIDE = {"auto": _("Where all of it was blended"), "yes": _("Yes"), "no": _("No")}
_LABELS = {
    "style": _("S_tyle"),
    "keep_colours": _("_Keep colours"),
    "style_from": _("Style _from"),
    "match": _("M_atch light"),
    "grain": _("Grain and bl_ur"),
    "gradients": _("_Gradients"),
    "edges": _("Ob_ject's edge"),
    "grow_px": _("Gro_w (pixels)"),
    "feather_px": _("F_eather (pixels)"),
    "shadow": _("Shadow"),
    "shadow_angle": _("Shadow's angle (degrees)"),
    "shadow_px": _("Shadow's length (pixels)"),
}
_ABOUT = _("Blends the selected part of the layer into the picture below it")
_MORE = _(
    "Makes a new layer in which the selected part of the active layer has a seamless border and carries the "
    "light, colour and texture of what lies below. The layers that were there are not changed."
)
_ABOUT_AGAIN = _("Blends once more what this blended layer was made of, beginning with its settings")
_RW = GObject.ParamFlags.READWRITE


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """One of the two procedures, registered."""
    made = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    made.set_image_types("RGB*, GRAY*")
    made.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    again = name == AGAIN
    made.set_menu_label(_("Blend A_gain…") if again else _("Deep Image _Blending…"))
    made.add_menu_path("<Image>/Filters/Combine")
    made.set_icon_file(Gio.File.new_for_path(str(host.HERE / "icon.svg")))
    made.set_documentation(_ABOUT_AGAIN if again else _ABOUT, _MORE, name)
    made.set_attribution("The deepblend authors", "The deepblend authors", "2026")
    known = table()
    method, preset = known["method"], known["preset"]
    presets = _choice({**{name: PRESET_LABELS[name] for name in PRESETS}, OWN: _("Own values")})
    made.add_choice_argument("preset", _("Preset"), _(preset.help), presets, AUTOMATIC, _RW)
    for setting in SHOWN:
        _add(made, known[setting])
    made.add_drawable_argument(
        PICTURE, _("Other la_yer"), _("The layer that texture comes from, of this image or another"), True, _RW
    )
    made.add_choice_argument("method", _("_Method"), _(method.help), _choice(_METHODS), "deep", _RW)
    made.add_boolean_argument(
        "as-layer-mask",
        _("Edge as layer _mask"),
        _("Keep the edge in a layer mask, where it can be painted on, instead of the layer's transparency"),
        False,
        _RW,
    )
    made.add_choice_argument(
        "hide-original",
        _("H_ide the original"),
        _("Hide the layer that was blended, in the same undo step"),
        _choice(_HIDE),
        "auto",
        _RW,
    )
    made.add_layer_return_value("layer", _("Layer"), _("The new layer"), True, _RW)
    made.add_string_return_value("report", _("Report"), _("What was done, as JSON"), "", _RW)
    return made


def _choice(labels: Mapping[str, str]) -> Gimp.Choice:
    choice = Gimp.Choice.new()
    for number, (name, label) in enumerate(labels.items()):
        choice.add(name, number, label, "")
    return choice


def _add(made: Gimp.Procedure, setting: Setting) -> None:
    """One setting of the table as an argument."""
    name, label, text = setting.name.replace("_", "-"), _LABELS[setting.name], _(setting.help)
    if setting.kind == "choice":
        choice = _choice({one: CHOICES[one] for one in setting.choices})
        made.add_choice_argument(name, label, text, choice, setting.default, _RW)
    else:
        made.add_double_argument(name, label, text, setting.minimum, setting.maximum, _default(setting.name), _RW)


def _default(name: str) -> Any:
    """The default of a setting's argument."""
    default = table()[name].default
    return default * _BESIDE if name in PRESET_NAMES and not isinstance(default, str) else default


def settings_of(config: Gimp.ProcedureConfig, shown: bool = False) -> dict[str, Any]:
    """The settings as they are sent to the server: those that a preset sets only where they are given.

    Args:
        shown: whether what a preset sets stands in the arguments, as the dialog shows it, and is not given.
    """
    preset = config.get_property("preset")
    own = given_of(config) if not shown or preset == OWN else {}
    values = {name: config.get_property(name.replace("_", "-")) for name in SHOWN if name not in PRESET_NAMES}
    values |= {"method": config.get_property("method"), **own}
    return values if preset == OWN else {**values, "preset": preset}


def given_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """Of the settings that presets set, those that do not stand at their defaults, by the settings' names.

    With ``OWN`` values all of them.
    """
    values = {name: config.get_property(name.replace("_", "-")) for name in PRESET_NAMES}
    given = {name: value for name, value in values.items() if value != _default(name)}
    if config.get_property("preset") != OWN:
        return given
    return {name: given.get(name, table()[name].default) for name in PRESET_NAMES}


def forget(config: Gimp.ProcedureConfig) -> None:
    """Leave to the preset what it sets: none of that is given any more."""
    for name in PRESET_NAMES:
        config.set_property(name.replace("_", "-"), _default(name))


def arguments_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """The arguments as a result keeps them."""
    return {name: config.get_property(name) for name in ARGUMENTS}


def of_today(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that were kept; those from before there were automatic presets are own values, without new effects."""
    return dict(arguments) if "preset" in arguments else {"preset": OWN, "match": 0.0, "grain": 0.0, **arguments}


def put(config: Gimp.ProcedureConfig, arguments: Mapping[str, Any]) -> None:
    """Set arguments; what an older or newer version kept and this one does not know is left out."""
    for name in ARGUMENTS:
        value = arguments.get(name)
        if value is not None and type(value) in (type(config.get_property(name)), int):
            config.set_property(name, value)


class Refused(Exception):
    """What cannot be blended, in a sentence."""


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    try:
        done = _done(procedure, run_mode, image, drawables, config)
    except (DeepBlendError, Refused) as error:
        return _failed(procedure, sentence(error) if isinstance(error, DeepBlendError) else str(error))
    except ImportError as error:
        return _failed(procedure, _("The plug-in is not whole (%s). Run 'deepblend install gimp' again.") % error)
    except Exception as error:  # never a traceback for the user; the terminal has it
        traceback.print_exc()
        return _failed(procedure, _("This is a fault in deepblend: %s. Please report it.") % f"{error!r}")
    if done is None:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    layer, report = done
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    for index, value in ((1, GObject.Value(Gimp.Layer, layer)), (2, GObject.Value(GObject.TYPE_STRING, report))):
        values.remove(index)
        values.insert(index, value)
    return values


def _failed(procedure: Gimp.Procedure, words: str) -> Gimp.ValueArray:
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(words))


def _done(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> tuple[Gimp.Layer, str] | None:
    """What the procedure returns; None where the user has cancelled. Raises DeepBlendError, Refused."""
    from . import result
    from .blending import Cancelled
    from .document import Subject
    from .selection import Selection

    active = layer = _layer(image, drawables)
    selection = Selection.of(image)
    if procedure.get_name() == AGAIN:
        active = result.of_shadow(image, active)
        layer = _original(image, active)
        selection = selection or _kept_selection(active, layer)
        if run_mode == Gimp.RunMode.INTERACTIVE:
            put(config, of_today(result.arguments_of(active) or {}))
    subject = Subject(image, layer, selection, config.get_property(PICTURE))
    try:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from . import dialog

            if not dialog.run(procedure, config, subject):
                return None
            subject = Subject(image, layer, selection, config.get_property(PICTURE))
        return _blended(run_mode, subject, active, config)
    except Cancelled:
        return None


def _layer(image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    """The one layer that was asked for. Raises Refused."""
    if len(drawables) != 1:
        raise Refused(_("%d layers are selected. Select the one that is to be blended.") % len(drawables))
    item = drawables[0]
    if isinstance(item, Gimp.LayerMask):
        item = Gimp.Layer.from_mask(item)
    if not isinstance(item, Gimp.Layer):
        raise Refused(_("'%s' is not a layer. Select the layer that is to be blended.") % item.get_name())
    if image.get_floating_sel() is not None:
        raise Refused(_("There is a floating selection. Anchor it, or make it a layer of its own."))
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Refused(_("The image has indexed colours. Make it RGB first: Image > Mode > RGB."))
    return item


def _original(image: Gimp.Image, made: Gimp.Layer) -> Gimp.Layer:
    """The layer that a result was made of. Raises Refused."""
    from . import result

    if result.arguments_of(made) is None:
        raise Refused(_("'%s' was not made by Deep Image Blending. Select a layer that was.") % made.get_name())
    layer = result.original_of(image, made)
    if layer is None:
        raise Refused(_("The layer that '%s' was made of is not in the image any more.") % made.get_name())
    return layer


def _kept_selection(made: Gimp.Layer, layer: Gimp.Layer) -> Any:
    """The selection that a result was made with, where the layer that it was made of lies now. Raises Refused."""
    from . import result

    try:
        return result.selection_of(made, layer)
    except ValueError:
        words = _("'%s' has another size than when it was blended. Select what is to be blended, and try again.")
        raise Refused(words % layer.get_name()) from None


def _blended(
    run_mode: Gimp.RunMode, subject: Any, above: Gimp.Layer, config: Gimp.ProcedureConfig
) -> tuple[Gimp.Layer, str]:
    """Read, blend, insert. Raises DeepBlendError, Cancelled, Refused."""
    from . import blending, document, result
    from .progress import Progress
    from .selection import covers

    _check(subject)
    image, layer = subject.image, subject.layer
    given = settings_of(config)
    if given.get("style_from") == "picture" and (subject.picture is None or not subject.picture.is_valid()):
        raise Refused(_("Style is to come from another layer, and none was chosen."))
    title = _("Blending '%s'") % layer.get_name()
    with Progress(run_mode != Gimp.RunMode.NONINTERACTIVE, title) as progress, blending.client() as server:

        def tell(fraction: float, word: str) -> bool:
            _check(subject)
            return progress.tell(fraction, word)

        server.connect()
        tell(0.0, _("Reading the picture"))
        times = [time.monotonic()]
        hide = config.get_property("hide-original")
        hidden = covers(image, layer, subject.selection) if hide == "auto" else hide == "yes"
        request = document.read(subject, resolve(given), given)
        times.append(time.monotonic())
        job = blending.run(server, request, tell)
        times.append(time.monotonic())
        _check(subject)
        name, arguments = _name(layer, job.report["settings"]), arguments_of(config)
        new = result.make(subject, job.layer, name, arguments)
        shadow = None
        if job.shadow is not None:
            shadow = result.make(subject, job.shadow, _("%s shadow") % name, arguments, is_shadow=True)
        above = above if above.is_valid() else layer
        result.insert(image, new, shadow, above, layer if hidden else None, config.get_property("as-layer-mask"))
        times.append(time.monotonic())
    Gimp.displays_flush()
    for note in job.report.get("notes", ()):
        Gimp.message(note)
    reading, waiting, inserting = (round(after - before, 3) for before, after in zip(times, times[1:]))
    in_gimp = {"reading": reading, "waiting": waiting, "inserting": inserting}
    return new, json.dumps({**job.report, "gimp_seconds": in_gimp})


def _check(subject: Any) -> None:
    """Raise Refused where the user has closed the image or deleted a layer of it meanwhile."""
    if gone := subject.gone():
        raise Refused(gone)


def _name(layer: Gimp.Layer, made: Mapping[str, Any]) -> str:
    """After the layer and the settings that it was made with, as in 'Boat, blended (style 0.5)'."""
    if made["method"] == "poisson" or made["style"] == 0:
        return _("%s, seamless") % layer.get_name()
    return _("%(layer)s, blended (style %(style)g)") % {"layer": layer.get_name(), "style": made["style"]}
