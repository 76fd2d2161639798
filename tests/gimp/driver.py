"""Runs inside GIMP, as a batch: executes the scripts that the tests put into a folder, one after the other.

Each script ``N.py`` is answered by ``N.json``: what it left in ``answer``, or its traceback.
"""

import json
import os
import sys
import time
import traceback

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, GLib  # noqa: E402

FOLDER = os.environ["DEEPBLEND_TEST_FOLDER"]
sys.path.insert(0, os.path.join(FOLDER, "tools"))
import tools  # noqa: E402

shared = {"Gegl": Gegl, "Gimp": Gimp, "GLib": GLib, "pdb": Gimp.get_pdb(), "tools": tools}
number = 0
while True:
    path = os.path.join(FOLDER, f"{number}.py")
    if not os.path.exists(path):
        if os.path.exists(os.path.join(FOLDER, "quit")):
            break
        time.sleep(0.01)
        continue
    answer = {}
    try:
        with open(path, encoding="utf-8") as file:
            shared["answer"] = None
            exec(compile(file.read(), path, "exec"), shared)
            answer["answer"] = shared["answer"]
    except BaseException:
        answer["error"] = traceback.format_exc()
    part = os.path.join(FOLDER, f"{number}.part")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(part, os.path.join(FOLDER, f"{number}.json"))
    number += 1
