"""The procedures: how GIMP knows them, and what happens when one runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepblend_protocol.plugins.presets import OWN
from deepblend_protocol.plugins.refused import told
from deepblend_protocol.settings import AUTOMATIC, PRESETS, SHOWN, Setting, table
from deepblend_protocol.words import CHOICES, _
from deepblend_protocol.words import PRESETS as PRESET_LABELS
from gi.repository import Gimp, Gio, GLib, GObject

from . import host
from .arguments import AGAIN, PICTURE, default_of

_METHODS = {"deep": _("Seamless, and in its texture"), "poisson": _("Seamless only")}
_HIDE = {"auto": _("Where it would show"), "yes": _("Yes"), "no": _("No")}
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
    # GIMP sorts a menu by path and label, and leaves out what stands in brackets: the first to be used stands first.
    made.add_menu_path("<Image>/Filters/Combine/[2]" if again else "<Image>/Filters/Combine/[1]")
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
        assert setting.minimum is not None and setting.maximum is not None
        made.add_double_argument(name, label, text, setting.minimum, setting.maximum, default_of(setting.name), _RW)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    try:
        from . import task  # late: GIMP has to know the procedures also where pyzmq cannot be imported

        done = task.run(procedure, run_mode, image, drawables, config)
    except ImportError as error:
        return _failed(procedure, _("The plug-in is not whole (%s). Run 'deepblend install gimp' again.") % error)
    except Exception as error:
        return _failed(procedure, told(error))
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
