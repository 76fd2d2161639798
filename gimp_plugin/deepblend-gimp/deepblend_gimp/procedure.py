"""The procedure: its arguments, and what happens when it runs."""

from __future__ import annotations

import json
from typing import Any

from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.settings import Setting, resolve, table
from gi.repository import Gimp, GLib, GObject

from .words import _

NAME = "deepblend"
SHOWN = ("style", "keep_colours", "style_from", "gradients", "grow_px", "feather_px")
"""The settings that GIMP's users meet, in the dialog's order."""
METHODS = ("deep", "poisson")


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """The procedure, registered."""
    made = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run, None)
    made.set_image_types("RGB*, GRAY*")
    made.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    made.set_menu_label(_("_Deep Image Blending…"))
    made.add_menu_path("<Image>/Filters/Combine")
    made.set_documentation(
        _("Blends the selected part of the layer into the picture below it"),
        _(
            "Makes a new layer in which the selected part of the active layer has a seamless border and carries the "
            "light, colour and texture of what lies below. The layers that were there are not changed."
        ),
        name,
    )
    made.set_attribution("The deepblend authors", "The deepblend authors", "2026")
    known = table()
    made.add_choice_argument("method", _("_Method"), known["method"].help, _choice(METHODS), "deep", _RW)
    for setting in SHOWN:
        _add(made, known[setting])
    made.add_boolean_argument(
        "as-layer-mask",
        _("Edge as layer _mask"),
        _("Keep the edge in a layer mask, where it can be painted on, instead of the layer's transparency"),
        False,
        _RW,
    )
    made.add_choice_argument(
        "hide-original",
        _("_Hide the original"),
        _("Hide the layer that was blended in the same step; auto: where all of it was blended"),
        _choice(("auto", "yes", "no")),
        "auto",
        _RW,
    )
    made.add_layer_return_value("layer", _("Layer"), _("The new layer"), True, _RW)
    made.add_string_return_value("report", _("Report"), _("What was done, as JSON"), "", _RW)
    return made


_RW = GObject.ParamFlags.READWRITE
_LABELS = {
    "style": _("_Style"),
    "keep_colours": _("_Keep colours"),
    "style_from": _("Style _from"),
    "gradients": _("_Gradients"),
    "grow_px": _("G_row, pixels"),
    "feather_px": _("F_eather, pixels"),
}
_CHOICES = {
    "deep": _("Deep: seamless, and in its texture"),
    "poisson": _("Seamless only"),
    "background": _("The whole background"),
    "surroundings": _("What surrounds the object"),
    "source": _("The object's own detail"),
    "mixed": _("The stronger of both, for thin or clear objects"),
    "auto": _("Where all of it was blended"),
    "yes": _("Yes"),
    "no": _("No"),
}


def _choice(names: tuple[str, ...]) -> Gimp.Choice:
    choice = Gimp.Choice.new()
    for number, name in enumerate(names):
        choice.add(name, number, _CHOICES[name], "")
    return choice


def _add(made: Gimp.Procedure, setting: Setting) -> None:
    """One setting of the table as an argument."""
    name, label, text = setting.name.replace("_", "-"), _LABELS[setting.name], _(setting.help)
    if setting.kind == "choice":
        names = tuple(one for one in setting.choices if one != "picture")
        made.add_choice_argument(name, label, text, _choice(names), setting.default, _RW)
    else:
        made.add_double_argument(name, label, text, setting.minimum, setting.maximum, setting.default, _RW)


def settings_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """The settings as they are sent to the server."""
    given = {name: config.get_property(name.replace("_", "-")) for name in SHOWN}
    return {**given, "method": config.get_property("method")}


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    from .blending import Cancelled

    try:
        layer = _layer(image, drawables)
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from . import dialog

            if not dialog.run(procedure, config, image, layer):
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        new, report = _blend(run_mode, image, layer, config)
    except Cancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except (DeepBlendError, _Refused) as error:
        return _failed(procedure, str(error))
    except ImportError as error:
        return _failed(procedure, _("The plug-in is not whole (%s). Run 'deepblend install gimp' again.") % error)
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Layer, new))
    values.remove(2)
    values.insert(2, GObject.Value(GObject.TYPE_STRING, json.dumps(report)))
    return values


class _Refused(Exception):
    """What cannot be blended, in a sentence."""


def _failed(procedure: Gimp.Procedure, sentence: str) -> Gimp.ValueArray:
    error = GLib.Error(sentence)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


def _layer(image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    """The one layer that is to be blended. Raises _Refused."""
    if len(drawables) != 1:
        raise _Refused(_("%d layers are selected. Select the one that is to be blended.") % len(drawables))
    item = drawables[0]
    if isinstance(item, Gimp.LayerMask):
        item = Gimp.Layer.from_mask(item)
    if not isinstance(item, Gimp.Layer):
        raise _Refused(_("'%s' is not a layer. Select the layer that is to be blended.") % item.get_name())
    if image.get_floating_sel() is not None:
        raise _Refused(_("There is a floating selection. Anchor it, or make it a layer of its own."))
    return item


def _blend(
    run_mode: Gimp.RunMode, image: Gimp.Image, layer: Gimp.Layer, config: Gimp.ProcedureConfig
) -> tuple[Gimp.Layer, dict[str, Any]]:
    """Read, blend, insert. Raises DeepBlendError, Cancelled, _Refused."""
    from . import blending, document
    from .progress import Progress

    given = settings_of(config)
    with Progress(run_mode == Gimp.RunMode.INTERACTIVE) as progress, blending.client() as server:
        server.connect()
        progress.tell(0.0, _("Reading the picture"))
        hide = config.get_property("hide-original")
        hidden = document.covers_layer(image, layer) if hide == "auto" else hide == "yes"
        request = document.read(image, layer, resolve(given), given)
        job = blending.run(server, request, progress.tell)
        assert job.layer is not None
        if not image.is_valid():
            raise _Refused(_("The image was closed during the blend; its result was dropped."))
        if not layer.is_valid():
            raise _Refused(_("The layer was deleted during the blend; its result was dropped."))
        image.undo_group_start()
        try:
            new = document.insert(image, layer, job.layer, _name(layer, given), given)
            if config.get_property("as-layer-mask"):
                new.add_mask(new.create_mask(Gimp.AddMaskType.ALPHA_TRANSFER))
            if hidden:
                layer.set_visible(False)
            image.set_selected_layers([new])
        finally:
            image.undo_group_end()
    Gimp.displays_flush()
    return new, dict(job.report)


def _name(layer: Gimp.Layer, given: dict[str, Any]) -> str:
    """After the layer and the settings, as in 'Boat, blended (style 0.5)'."""
    if given["method"] == "poisson":
        return _("%s, seamless") % layer.get_name()
    return _("%s, blended (style %g)") % (layer.get_name(), given["style"])
