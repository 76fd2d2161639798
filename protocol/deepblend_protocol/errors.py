"""Everything that can go wrong, as one tree.

    DeepBlendError
    ├── InputError            the request cannot be blended; the user can mend it
    │   ├── ArgumentInvalid       argument.invalid
    │   ├── FileUnreadable        file.unreadable
    │   ├── SizeMismatch          size.mismatch
    │   ├── SizeAbsurd            size.absurd
    │   ├── MaskEmpty             mask.empty
    │   ├── MaskOutside           mask.outside
    │   ├── NotFinite             values.not_finite
    │   ├── PlaneInvalid          plane.invalid
    │   ├── SettingUnknown        setting.unknown
    │   └── SettingOutOfRange     setting.range
    └── ResourceError         the machine cannot do it; another device, disk or package can
        ├── DeviceUnknown         device.unknown
        ├── DeviceMemory          device.memory
        ├── FeaturesUnavailable   features.unavailable
        ├── ExtraMissing          extra.missing
        └── WriteFailed           file.write

An error has a stable ``code``, its parameters by name in ``params``, and as its
text one English sentence that says what is wrong, with which value, and what to
do. Clients translate by code.
"""

from __future__ import annotations

from typing import Any


class DeepBlendError(Exception):
    """The root: raise a leaf, catch this."""

    code = "error"
    sentence = "{reason}"

    def __init__(self, **params: Any) -> None:
        self.params: dict[str, Any] = params
        super().__init__(self.sentence.format(**params))


class InputError(DeepBlendError):
    """The request cannot be blended; the user can mend it."""


class ResourceError(DeepBlendError):
    """The machine cannot do it; another device, disk or package can."""


class ArgumentInvalid(InputError):
    code = "argument.invalid"
    sentence = "{reason}"


class FileUnreadable(InputError):
    code = "file.unreadable"
    sentence = "The {role} picture {path} cannot be read: {reason}. Give the path of a picture file."


class SizeMismatch(InputError):
    code = "size.mismatch"
    sentence = (
        "The mask is {mask_width} x {mask_height} pixels, but the source is {source_width} x {source_height}. "
        "Give a mask of the source's size."
    )


class SizeAbsurd(InputError):
    code = "size.absurd"
    sentence = "{what} would be {width} x {height} pixels; from 1 x 1 to {limit} pixels in all can be blended."


class MaskEmpty(InputError):
    code = "mask.empty"
    sentence = (
        "The mask is empty: no pixel is both selected and visible in the layer. "
        "Select the object, or shrink or feather the selection less."
    )


class MaskOutside(InputError):
    code = "mask.outside"
    sentence = (
        "The mask lies wholly outside the background: columns {left} to {right}, rows {top} to {bottom}, "
        "on a background of {width} x {height}. Move the object onto the picture."
    )


class NotFinite(InputError):
    code = "values.not_finite"
    sentence = "The {role} holds {count} values that are not finite numbers (NaN or infinity). Replace them first."


class PlaneInvalid(InputError):
    code = "plane.invalid"
    sentence = "The {role} cannot be used: {reason}."


class SettingUnknown(InputError):
    code = "setting.unknown"
    sentence = "There is no setting called '{name}'. The settings are: {known}."


class SettingOutOfRange(InputError):
    code = "setting.range"
    sentence = "The setting '{name}' cannot be {value!r}: it takes {accepts}."


class DeviceUnknown(ResourceError):
    code = "device.unknown"
    sentence = "There is no device '{device}' here. Available: {available}."


class DeviceMemory(ResourceError):
    code = "device.memory"
    sentence = "The device {device} has too little free memory for this blend. Close other programs or select less."


class FeaturesUnavailable(ResourceError):
    code = "features.unavailable"
    sentence = (
        "torchvision could not provide VGG16_Weights.IMAGENET1K_V1 ({reason}). "
        "Use the network that is shipped instead: --features shipped."
    )


class ExtraMissing(ResourceError):
    code = "extra.missing"
    sentence = "{what} needs the extra '{extra}'. Install it with: pip install 'deepblend[{extra}]'."


class WriteFailed(ResourceError):
    code = "file.write"
    sentence = (
        "{path} could not be written: {reason}. Nothing was left half-written; free some space or choose another place."
    )
