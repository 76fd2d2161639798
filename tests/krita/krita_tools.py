"""What the tests' scripts use inside Krita; executed into their namespace by the driver. No numpy here."""

import hashlib
import os

from krita import Krita, Selection
from PyQt5 import QtCore, QtGui, QtWidgets

retired = []
"""Documents that are to be closed."""
DEFAULTS = {
    "style": 0.5,
    "keep_colours": 0.5,
    "style_from": "background",
    "match": 0.0,
    "grain": 0.0,
    "gradients": "source",
    "edges": "automatic",
    "grow_px": 0.0,
    "feather_px": 0.0,
    "shadow": 0.0,
    "shadow_angle": 45.0,
    "shadow_px": 40.0,
}
"""Own values, which are a painting's."""


def docker():
    """The plug-in's, shown."""
    found = next(one for one in Krita.instance().dockers() if one.objectName() == "deepblend")
    found.setVisible(True)
    found.raise_()
    return found


def arrange(width=300):
    """Only what is of interest, on the whole screen."""
    own, window = docker(), Krita.instance().activeWindow()
    layers = next(one for one in Krita.instance().dockers() if one.objectName() == "KisLayerBox")
    for one in Krita.instance().dockers():
        one.setVisible(one.objectName() in ("deepblend", "KisLayerBox", "ToolBox"))
    window.qwindow().setGeometry(0, 0, 1400, 880)
    QtWidgets.QApplication.processEvents()
    window.qwindow().resizeDocks([own], [width], QtCore.Qt.Orientation.Horizontal)
    window.qwindow().resizeDocks([layers, own], [120, 700], QtCore.Qt.Orientation.Vertical)


def widget(name):
    """A widget of the docker."""
    return docker().findChild(QtCore.QObject, f"deepblend_{name}")


def shared():
    """What all of the plug-in's dockers share."""
    import deepblend_krita.session

    return deepblend_krita.session.session()


def samples(name):
    with open(os.path.join(FOLDER, name), "rb") as file:  # noqa: F821  the driver's
        return QtCore.QByteArray(file.read())


def keep(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:  # noqa: F821
        file.write(bytes(data))


def new_document(width, height, model="RGBA", depth="U8", profile="sRGB-elle-V2-srgbtrc.icc"):
    """A document in a view of its own, whose one layer holds the file "below"."""
    document = Krita.instance().createDocument(width, height, "test", model, depth, profile, 120.0)
    Krita.instance().activeWindow().addView(document)
    document.setBatchmode(True)
    base = document.topLevelNodes()[0]
    base.setName("below")
    base.setPixelData(samples("below"), 0, 0, width, height)
    return document


def new_layer(document, name, width, height, x=0, y=0, parent=None, above=None, file="layer"):
    """A paint layer that a file holds, above all others or where it is told to lie."""
    layer = document.createNode(name, "paintlayer")
    layer.setPixelData(samples(file), x, y, width, height)
    (parent or document.rootNode()).addChildNode(layer, above)
    return layer


def select(document, width, height, file="mask"):
    """Select what a file says, or with "" nothing."""
    chosen = None
    if file:
        chosen = Selection()
        chosen.setPixelData(samples(file), 0, 0, width, height)
    document.setSelection(chosen)


def ready(document, layer):
    """Have Krita draw it, and the layer be the active one."""
    document.waitForDone()
    document.refreshProjection()
    document.waitForDone()
    document.setActiveNode(layer)
    QtWidgets.QApplication.processEvents()


def settings(**given):
    """Set the docker's sliders: by default, but for those given."""
    docker().widget().form.set_values({**DEFAULTS, **given})


def live(on):
    widget("live").setChecked(on)


def state(document):
    """What a document is, so that two moments can be compared."""

    def of(node):
        box = node.bounds()
        box = (box.x(), box.y(), box.width(), box.height())
        pixels = bytes(node.projectionPixelData(*box)) if node.type() != "selectionmask" else b""
        return {
            "name": node.name(),
            "id": node.uniqueId().toString(),
            "type": node.type(),
            "box": list(box),
            "visible": node.visible(),
            "opacity": node.opacity(),
            "mode": node.blendingMode(),
            "pixels": hashlib.sha256(pixels).hexdigest(),
            "children": [of(one) for one in node.childNodes()],
        }

    chosen = document.selection()
    undo = Krita.instance().action("edit_undo")
    return {
        "layers": [of(one) for one in document.rootNode().childNodes()],
        "selection": None if chosen is None else [chosen.x(), chosen.y(), chosen.width(), chosen.height()],
        "size": [document.width(), document.height()],
        "modified": document.modified(),
        "undo": [undo.isEnabled(), undo.text()],
        "documents": len(documents()),
    }


def names(node):
    """Names of what lies in it, from the lowest up."""
    return [one.name() for one in node.childNodes()]


def close(document):
    """Have it closed later, with others: Krita crashes on what was changed in the second before a document's end."""
    document.setModified(False)
    retired.append(document)


def close_retired():
    """Close one of them, as its user does; how many are left."""
    if retired:
        document = retired.pop()
        front(document)
        document.setModified(False)
        Krita.instance().action("file_close").trigger()
    return len(retired)


def front(document):
    """Bring it in front of the others."""
    next(one for one in Krita.instance().activeWindow().views() if one.document() == document).setVisible()


def documents():
    """Those that are open, and are not to be closed."""
    return [one for one in Krita.instance().documents() if not any(one == other for other in retired)]


def shown():
    """What the docker says and shows."""
    own = docker()
    blends = shared().blends
    blend = blends.of(Krita.instance().activeDocument())
    return {
        "running": blend is not None,
        "words": blend.words if blend is not None else "",
        "fraction": blend.fraction if blend is not None else None,
        "said": widget("said").text() if widget("said").isVisibleTo(own) else "",
        "state": widget("state").text(),
        "dot": widget("dot").colour,
        "preview_done": own._preview.done,
        "preview_words": own._preview.words,
        "preview": own._preview.after is not None,
        "history": widget("history").count(),
        "blend_enabled": widget("blend").isEnabled(),
        "cancel_enabled": widget("cancel").isEnabled(),
    }


def place(name):
    """The middle of one of the docker's widgets, on the screen."""
    one = widget(name)
    scrolled = widget("settings")
    if scrolled.widget().isAncestorOf(one):
        scrolled.ensureWidgetVisible(one)
    QtWidgets.QApplication.processEvents()
    middle = one.mapToGlobal(one.rect().center())
    return [middle.x(), middle.y()]


def look(image):
    """A picture in a word, to tell it from others."""
    if image is None:
        return None
    image = image.convertToFormat(QtGui.QImage.Format.Format_RGB32)
    return hashlib.sha256(image.constBits().asstring(image.bytesPerLine() * image.height())).hexdigest()


def preview_look():
    return look(widget("preview").image)


def save_node(node, file, box):
    keep(file, node.pixelData(*box) if node.type() == "paintlayer" else node.projectionPixelData(*box))
