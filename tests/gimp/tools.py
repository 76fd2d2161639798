"""What the tests' scripts use inside GIMP: pictures in and out, and what a document is at a moment. No numpy here."""

import array
import ctypes
import hashlib
import json

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402

Gegl.init(None)
_gegl = ctypes.CDLL("libgegl-0.4.so.0")
_babl = ctypes.CDLL("libbabl-0.1.so.0")
_gegl.gegl_buffer_get_format.restype = ctypes.c_void_p
_gegl.gegl_buffer_get_format.argtypes = (ctypes.c_void_p,)
_gegl.gegl_buffer_get.argtypes = (
    (ctypes.c_void_p,) * 2 + (ctypes.c_double,) + (ctypes.c_void_p,) * 2 + (ctypes.c_int,) * 2
)
_gegl.gegl_buffer_get.restype = None
_gegl.gegl_buffer_set.argtypes = (ctypes.c_void_p,) * 2 + (ctypes.c_int,) + (ctypes.c_void_p,) * 2 + (ctypes.c_int,)
_gegl.gegl_buffer_set.restype = None
_babl.babl_format_get_bytes_per_pixel.argtypes = (ctypes.c_void_p,)
_babl.babl_get_name.restype = ctypes.c_char_p
_babl.babl_get_name.argtypes = (ctypes.c_void_p,)


def _size(buffer, kind):
    extent = buffer.get_extent()
    return extent.width * extent.height * _babl.babl_format_get_bytes_per_pixel(kind)


def raw(buffer):
    """A buffer's samples in its own format: what is really stored."""
    kind = _gegl.gegl_buffer_get_format(hash(buffer))
    size = _size(buffer, kind)
    place = ctypes.create_string_buffer(size)
    _gegl.gegl_buffer_get(hash(buffer), None, 1.0, kind, place, 0, 0)
    return place.raw


def fill(drawable, samples):
    """Put samples of the drawable's own format into it."""
    buffer = drawable.get_buffer()
    kind = _gegl.gegl_buffer_get_format(hash(buffer))
    size = _size(buffer, kind)
    assert len(samples) == size, f"{len(samples)} bytes for {size} of {_babl.babl_get_name(kind)}"
    _gegl.gegl_buffer_set(hash(buffer), None, 0, kind, samples, 0)
    buffer.flush()
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())


def save(drawable, path):
    """A drawable's own samples, in a file."""
    with open(path, "wb") as file:
        file.write(raw(drawable.get_buffer()))


def new_image(width, height, gray=False, precision="U8_NON_LINEAR", profile=None):
    base = Gimp.ImageBaseType.GRAY if gray else Gimp.ImageBaseType.RGB
    image = Gimp.Image.new_with_precision(width, height, base, getattr(Gimp.Precision, precision))
    if profile:
        image.set_color_profile(Gimp.ColorProfile.new_from_file(Gio.File.new_for_path(profile)))
    return image


def new_layer(image, path, name, width, height, x=0, y=0, alpha=True, parent=None, position=0):
    """A layer whose own samples a file holds."""
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kinds = Gimp.ImageType
    kind = (
        (kinds.GRAYA_IMAGE if alpha else kinds.GRAY_IMAGE) if gray else (kinds.RGBA_IMAGE if alpha else kinds.RGB_IMAGE)
    )
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, position)
    layer.set_offsets(x, y)
    with open(path, "rb") as file:
        fill(layer, file.read())
    return layer


def blend(image, layer, procedure="deepblend", mode=Gimp.RunMode.NONINTERACTIVE, wanted=True, **given):
    """Run the procedure, by default with a painting's settings; its status, what it said, and the new layer."""
    made = Gimp.get_pdb().lookup_procedure(procedure)
    config = made.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", layer if isinstance(layer, list) else [layer])
    for name, value in {"preset": "painting", **given}.items():
        config.set_property(name.replace("_", "-"), value)
    result = made.run(config)
    status = result.index(0)
    said = Gimp.get_pdb().get_last_error()
    done = status == Gimp.PDBStatusType.SUCCESS
    assert done or not wanted, f"{status.value_nick}: {said}"
    return {
        "status": status.value_nick,
        "said": said,
        "layer": result.index(1) if done else None,
        "report": json.loads(result.index(2)) if done else None,
    }


def state(image):
    """What a document is, so that two moments can be compared."""

    def of(layer):
        mask = layer.get_mask()
        return {
            "name": layer.get_name(),
            "id": layer.get_id(),
            "offsets": list(layer.get_offsets())[1:],
            "visible": layer.get_visible(),
            "opacity": layer.get_opacity(),
            "mode": layer.get_mode().value_nick,
            "pixels": None if layer.is_group() else hashlib.sha256(raw(layer.get_buffer())).hexdigest(),
            "mask": hashlib.sha256(raw(mask.get_buffer())).hexdigest() if mask else None,
            "children": [of(one) for one in layer.get_children()] if layer.is_group() else [],
        }

    selection = image.get_selection()
    return {
        "layers": [of(one) for one in image.get_layers()],
        "selected": [one.get_id() for one in image.get_selected_layers()],
        "selection": hashlib.sha256(raw(selection.get_buffer())).hexdigest(),
        "size": [image.get_width(), image.get_height()],
        "precision": image.get_precision().value_nick,
        "images": len(Gimp.get_images()),
    }


def composite(image, path):
    """What is seen, as the image's own samples; its size."""
    copy = image.duplicate()
    flat = Gimp.Layer.new_from_visible(copy, copy, "seen")
    save(flat, path)
    copy.delete()
    return [flat.get_width(), flat.get_height(), flat.get_bpp()]


def floats(samples):
    return array.array("f", samples)
