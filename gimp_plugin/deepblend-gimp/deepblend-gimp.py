#!/usr/bin/env python3
"""GIMP's Deep Image Blending: registers the procedure, and runs it."""

from __future__ import annotations

import os
import sys

PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3", "/app/bin/python3")
RESTARTED = "DEEPBLEND_GIMP_RESTARTED"

try:
    import gi

    gi.require_version("Gimp", "3.0")
    gi.require_version("Gegl", "0.4")
except (ImportError, ValueError):
    # The first python3 in PATH is a virtual environment's, say, and knows nothing of GIMP: the system's own may.
    found = next((one for one in PYTHONS if os.access(one, os.X_OK)), None)
    if found is None or RESTARTED in os.environ:
        raise
    os.environ[RESTARTED] = "yes"
    os.execv(found, [found, *sys.argv])
from deepblend_gimp import host  # noqa: E402
from gi.repository import Gimp  # noqa: E402

host.prepare()  # before anything of ours that imports deepblend_protocol

from deepblend_gimp import arguments, manual, procedure  # noqa: E402


class DeepBlend(Gimp.PlugIn):
    """The plug-in."""

    def do_set_i18n(self, name: str) -> bool:
        return False  # deepblend_protocol.words asks gettext

    def do_query_procedures(self) -> list[str]:
        manual.register(self)
        return [arguments.NAME, arguments.AGAIN]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        return procedure.create(self, name)


Gimp.main(DeepBlend.__gtype__, sys.argv)
