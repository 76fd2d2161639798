"""What is to be blended, as it stands in the image now; and what cannot be, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from gi.repository import Gimp

from . import kept
from .samples import box_of
from .selection import Selection

_QUICK_MASK = "Qmask"
"""What GIMP calls the channel that is the quick mask, in every language."""
_LAYERS = 40
"""So many of the uppermost layers are looked at for changes."""
_LOOK = 48
"""Pixels of the small pictures by which changes are noticed."""


@dataclass(frozen=True)
class Subject:
    """What is to be blended."""

    image: Gimp.Image
    layer: Gimp.Layer
    above: Gimp.Layer
    """The layer that the new one comes to lie on: the blended one, or an earlier result of it."""
    selection: Selection | None
    """None is everything."""

    @property
    def earlier(self) -> list[Gimp.Layer]:
        """The result that is blended again, and its shadow; none where there is none."""
        if self.above == self.layer or not self.above.is_valid():
            return []
        shadow = kept.shadow_of(self.image, self.above)
        return [self.above] if shadow is None else [self.above, shadow]

    def notes(self, hides: bool) -> list[str]:
        """Why the picture may not look like the preview afterwards.

        Args:
            hides: whether the layer is to be hidden.
        """
        found = []
        group = self.above.get_parent()
        while group is not None:
            name = group.get_name()
            if not group.get_visible():
                found.append(_("The new layer comes to lie in the group '%s', which is hidden: show it.") % name)
            elif _changes(group):
                words = _("The group '%s' has a mode, an opacity, a mask or a filter that changes the result as well.")
                found.append(words % name)
            group = group.get_parent()
        if hides and self.layer.get_visible() and self.layer.get_lock_visibility():
            words = _("'%s' is not hidden, since its visibility is locked: it shows around the result.")
            found.append(words % self.layer.get_name())
        return found


@dataclass(frozen=True)
class Asked:
    """What the user has asked for: can be looked up again whenever the image may have changed.

    Args:
        item: the active layer or layer mask.
        again: it is a result, and what that was made of is to be blended.
    """

    image: Gimp.Image
    item: Gimp.Drawable
    again: bool

    @classmethod
    def of(cls, image: Gimp.Image, drawables: list[Gimp.Drawable], again: bool, repeated: bool) -> Asked:
        """What the procedure was called with; of a repeated one that is called on a result, what that was made of.

        Raises Refused.
        """
        if len(drawables) != 1:
            raise Refused(_("%d layers are selected. Select the one that is to be blended.") % len(drawables))
        item = drawables[0]
        if isinstance(item, Gimp.LayerMask):
            item = Gimp.Layer.from_mask(item)
        if repeated and isinstance(item, Gimp.Layer):
            result = kept.of_shadow(image, item)
            again |= kept.arguments_of(result) is not None and kept.original_of(image, result) is not None
        return cls(image, item, again)

    def subject(self) -> Subject:
        """What is to be blended now. Raises Refused."""
        image, item = self.image, self.item
        check_there(image, item)
        if not isinstance(item, Gimp.Layer):
            if item.get_name() == _QUICK_MASK:
                raise Refused(_("The quick mask is on. Turn it off (Shift+Q), and select the layer to be blended."))
            raise Refused(_("'%s' is not a layer. Select the layer that is to be blended.") % item.get_name())
        if image.get_floating_sel() is not None:
            raise Refused(_("There is a floating selection. Anchor it, or make it a layer of its own."))
        if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            raise Refused(_("The image has indexed colours. Make it RGB first: Image > Mode > RGB."))
        if not self.again:
            return Subject(image, item, item, Selection.of(image))
        result = kept.of_shadow(image, item)
        layer = _original(image, result)
        return Subject(image, layer, result, Selection.of(image) or _kept_selection(result, layer))

    def sign(self) -> object:
        """Something that is another where what is blended has changed, as far as is seen at a glance."""
        image = self.image
        try:
            check_there(image, self.item)
        except Refused as refused:
            return str(refused)
        seen = [one.get_thumbnail_data(_LOOK, _LOOK)[0] for one in (image.get_selection(), self.item)]
        looks = tuple(bytes(one.get_data()) if one is not None else b"" for one in seen)
        bounds = tuple(Gimp.Selection.bounds(image))
        kind = (image.get_precision(), image.get_base_type(), image.get_width(), image.get_height())
        # Not a small picture of the whole image: GIMP would be held for seconds by a large one of floats.
        layers = tuple(
            (one.get_id(), one.get_visible(), one.get_opacity(), one.get_mode(), box_of(one), len(one.get_filters()))
            for one in image.get_layers()[:_LAYERS]
        )
        return kind, bounds, box_of(self.item), looks, layers


def check_there(image: Gimp.Image, item: Gimp.Item) -> None:
    """Raise Refused where the user has closed an image or deleted an item of it: whoever asks GIMP about one that is
    not there any more ends with it."""
    if not image.is_valid():
        raise Refused(_("The image was closed meanwhile; nothing was blended."))
    if not item.is_valid() or item.get_image() is None:
        raise Refused(_("The layer was deleted meanwhile; nothing was blended."))


def _changes(group: Gimp.Layer) -> bool:
    """Whether a group shows what lies in it in another way than it would be seen without it."""
    plain = group.get_mode() in (Gimp.LayerMode.PASS_THROUGH, Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
    masked = group.get_mask() is not None and group.get_apply_mask()
    return not plain or group.get_opacity() < 100 or masked or any(one.get_visible() for one in group.get_filters())


def _original(image: Gimp.Image, made: Gimp.Layer) -> Gimp.Layer:
    """The layer that a result was made of. Raises Refused."""
    if kept.arguments_of(made) is None:
        raise Refused(_("'%s' was not made by Deep Image Blending. Select a layer that was.") % made.get_name())
    layer = kept.original_of(image, made)
    if layer is None:
        raise Refused(_("The layer that '%s' was made of is not in the image any more.") % made.get_name())
    return layer


def _kept_selection(made: Gimp.Layer, layer: Gimp.Layer) -> Selection | None:
    """The selection that a result was made with, where the layer that it was made of lies now. Raises Refused."""
    try:
        return kept.selection_of(made, layer)
    except ValueError:
        words = _("'%s' has another size than when it was blended. Select what is to be blended, and try again.")
        raise Refused(words % layer.get_name()) from None
