"""Runs inside GIMP, as a batch: executes the scripts that the tests put into a folder, one after the other."""

import os
import sys
import time

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, GLib  # noqa: E402

FOLDER = os.environ["DEEPBLEND_TEST_FOLDER"]
sys.path.insert(0, os.path.join(FOLDER, "tools"))
import answering  # noqa: E402
import tools  # noqa: E402

shared = {"Gegl": Gegl, "Gimp": Gimp, "GLib": GLib, "pdb": Gimp.get_pdb(), "tools": tools}
number = 0
while True:
    if answering.execute(FOLDER, number, shared):
        number += 1
    elif os.path.exists(os.path.join(FOLDER, "quit")):
        break
    else:
        time.sleep(0.01)
