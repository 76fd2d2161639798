"""A stand-in for Krita 6's own module, on PyQt6: a window with documents of plain paint layers in 8 bits.

There is no Krita 6 for the tests to run in. What the plug-in does with Qt is real here; Krita's side is this much.
"""

from __future__ import annotations

import itertools

import numpy as np
from PyQt6 import QtCore, QtGui, QtWidgets

SRGB = "sRGB-elle-V2-srgbtrc.icc"


class Coloured:
    """8 bits of sRGB."""

    def colorModel(self):
        return "RGBA"

    def colorDepth(self):
        return "U8"

    def colorProfile(self):
        return SRGB


class Node(Coloured):
    def __init__(self, name, kind, samples=None, x=0, y=0):
        self._id, self._name, self._kind = QtCore.QUuid.createUuid(), name, kind
        self._samples = samples if samples is not None else np.zeros((0, 0, 4), np.uint8)
        self._x, self._y = x, y
        self._visible, self._parent, self._children = True, None, []

    def __eq__(self, other):
        return isinstance(other, Node) and self._id == other._id

    __hash__ = None  # as Krita's

    def clone(self):
        made = Node(self._name, self._kind, self._samples, self._x, self._y)
        made._id, made._visible = self._id, self._visible
        for one in self._children:
            made.addChildNode(one.clone(), None)
        return made

    def uniqueId(self):
        return self._id

    def name(self):
        return self._name

    def type(self):
        return self._kind

    def visible(self):
        return self._visible

    def setVisible(self, on):
        self._visible = on

    def opacity(self):
        return 255

    def blendingMode(self):
        return "normal"

    def inheritAlpha(self):
        return False

    def passThroughMode(self):
        return False

    def layerStyleToAsl(self):
        return ""

    def parentNode(self):
        return self._parent

    def childNodes(self):
        return list(self._children)

    def addChildNode(self, node, above):
        place = self._children.index(above) + 1 if above is not None else len(self._children)
        self._children.insert(place, node)
        node._parent = self
        return True

    def position(self):
        return QtCore.QPoint(self._x, self._y)

    def bounds(self):
        height, width = self._samples.shape[:2]
        return QtCore.QRect(self._x, self._y, width, height)

    def setPixelData(self, samples, x, y, width, height):
        self._samples = np.frombuffer(bytes(samples), np.uint8).reshape(height, width, 4)
        self._x, self._y = x, y
        return True

    def pixelData(self, x, y, width, height):
        rows, columns = np.mgrid[y : y + height, x : x + width]
        own = self._samples
        inside = (rows >= self._y) & (rows < self._y + own.shape[0])
        inside &= (columns >= self._x) & (columns < self._x + own.shape[1])
        found = np.zeros((height, width, 4), np.uint8)
        found[inside] = own[rows[inside] - self._y, columns[inside] - self._x]
        return QtCore.QByteArray(found.tobytes())

    projectionPixelData = pixelData

    def thumbnail(self, width, height):
        rows, columns = self._samples.shape[:2]
        image = QtGui.QImage(self._samples.tobytes(), columns, rows, 4 * columns, QtGui.QImage.Format.Format_ARGB32)
        return image.copy().scaled(width, height)


class Selection:
    def __init__(self):
        self._node = Node("", "selection")

    def setPixelData(self, samples, x, y, width, height):
        values = np.frombuffer(bytes(samples), np.uint8)
        self._node.setPixelData(values.repeat(4).tobytes(), x, y, width, height)

    def pixelData(self, *box):
        return QtCore.QByteArray(bytes(self._node.pixelData(*box))[::4])

    def __getattr__(self, side):  # x, y, width, height
        return getattr(self._node.bounds(), side)


class Document(Coloured):
    def __init__(self, width, height, root=None):
        self._size = width, height
        self._root = root or Node("root", "grouplayer")
        self._active = self._selection = None
        self._annotations = {}

    def __getattr__(self, name):
        """What has nothing to do here: locks, drawing, flags."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *given: True

    def width(self):
        return self._size[0]

    def height(self):
        return self._size[1]

    def xRes(self):
        return 1.0

    yRes = xRes

    def name(self):
        return "test"

    fileName = name

    def rootNode(self):
        return self._root

    def topLevelNodes(self):
        return self._root.childNodes()

    def activeNode(self):
        return self._active

    def setActiveNode(self, node):
        self._active = node

    def selection(self):
        return self._selection

    def setSelection(self, chosen):
        self._selection = chosen

    def createNode(self, name, kind):
        return Node(name, kind)

    def createGroupLayer(self, name):
        return Node(name, "grouplayer")

    def clone(self):
        return Document(*self._size, self._root.clone())

    def crop(self, x, y, width, height):
        self._size = width, height
        for one in self._root.childNodes():
            one._x, one._y = one._x - x, one._y - y

    def pixelData(self, *box):
        shown = np.zeros((box[3], box[2], 4))
        for one in self._root.childNodes():
            if one.visible():
                upper = np.frombuffer(bytes(one.pixelData(*box)), np.uint8).reshape(shown.shape).astype(float)
                alpha = upper[..., 3:] / 255
                shown = upper * alpha + shown * (1 - alpha)
        shown[..., 3] = 255
        return QtCore.QByteArray(shown.round().astype(np.uint8).tobytes())

    def annotationTypes(self):
        return list(self._annotations)

    def annotation(self, kind):
        return self._annotations[kind]

    def setAnnotation(self, kind, told, content):
        self._annotations[kind] = content


class View:
    def __init__(self, window, document):
        self._window, self._document = window, document

    def window(self):
        return self._window

    def document(self):
        return self._document

    def selectedNodes(self):
        return [self._document.activeNode()]

    def flakeToCanvasTransform(self):
        return QtGui.QTransform()


class Canvas:
    """What a view shows; the plug-in only names it."""


class Window:
    def __init__(self):
        self._main = QtWidgets.QMainWindow()
        self.view = None

    def qwindow(self):
        return self._main

    def activeView(self):
        return self.view

    def views(self):
        return [self.view] if self.view is not None else []

    def createAction(self, name, label, menu):
        return QtGui.QAction(label, self._main)


class Notifier(QtCore.QObject):
    applicationClosing = QtCore.pyqtSignal()


class Extension(QtCore.QObject):
    pass


class DockWidget(QtWidgets.QDockWidget):
    pass


class DockWidgetFactoryBase:
    class DockPosition:
        DockRight = "right"


class DockWidgetFactory:
    def __init__(self, name, position, kind):
        self.kind = kind


class Krita(QtCore.QObject):
    _instance = None

    def __init__(self):
        super().__init__()
        self._notifier, self._settings, self.factories, self.extensions = Notifier(), {}, [], []
        self.window, self._documents, self._dockers = Window(), [], []
        self._number = itertools.count()

    @classmethod
    def instance(cls):
        cls._instance = cls._instance or cls()
        return cls._instance

    def version(self):
        return "6.0.0"

    def notifier(self):
        return self._notifier

    def readSetting(self, group, name, otherwise):
        return self._settings.get((group, name), otherwise)

    def writeSetting(self, group, name, value):
        self._settings[group, name] = value

    def icon(self, name):
        return QtGui.QIcon()

    def action(self, name):
        return None

    def addExtension(self, one):
        self.extensions.append(one)

    def addDockWidgetFactory(self, factory):
        self.factories.append(factory)

    def dockers(self):
        return self.window.qwindow().findChildren(QtWidgets.QDockWidget)

    def windows(self):
        return [self.window]

    def activeWindow(self):
        return self.window

    def activeDocument(self):
        return self._documents[-1] if self._documents else None

    def documents(self):
        return list(self._documents)

    def open(self, document):
        """Of the tests alone: a document in front."""
        self._documents.append(document)
        self.window.view = View(self.window, document)
