"""Put on the PYTHONPATH of a server under test: spoils what SABOTAGE names, there and in its workers.

``engine``: Poisson's solution raises while the file SABOTAGE_WHILE exists.
``cuda``: the same, with what torch says when a GPU's context is spoiled.
``clock``: the time of day jumps to and fro by days.
``protocol``: the server speaks version 2 alone.
``version``: the server is deepblend 0.0.1.
``device``: the engine finds a GPU that no worker blends on.
"""

import importlib.abc
import importlib.util
import itertools
import os
import sys
import time

WHAT = os.environ.get("SABOTAGE", "")
WORDS = {"engine": "the paint is dry", "cuda": "CUDA error: an illegal memory access was encountered"}


class AfterImport(importlib.abc.MetaPathFinder):
    """Changes a module right after it has been loaded."""

    def __init__(self, name, change):
        self.name, self.change = name, change

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            self.change(module)

        spec.loader.exec_module = exec_module
        return spec


def raising(module):
    iterate = module.PoissonSolver.__iter__

    def sabotaged(self):
        if os.path.exists(os.environ["SABOTAGE_WHILE"]):
            raise RuntimeError(WORDS[WHAT])
        return iterate(self)

    module.PoissonSolver.__iter__ = sabotaged


def newer(module):
    module.MAJOR, module.PROTOCOLS = 2, (2,)


def older(module):
    module.__version__ = "0.0.1"


def richer(module):
    found = module.devices
    module.devices = lambda **how: [{"name": "cuda:0", "title": "Paint", "memory": None}, *found(**how)]


if WHAT == "version":
    sys.meta_path.insert(0, AfterImport("deepblend", older))
if WHAT == "device":
    sys.meta_path.insert(0, AfterImport("deepblend.engine.machine", richer))
if WHAT in WORDS:
    sys.meta_path.insert(0, AfterImport("deepblend.engine.seamless.poisson", raising))
if WHAT == "protocol":
    sys.meta_path.insert(0, AfterImport("deepblend_protocol.wire", newer))
if WHAT == "clock":
    true, jumps = time.time, itertools.cycle((0, -86400 * 400, 3600, -7200, 86400 * 9000))
    time.time = lambda: true() + next(jumps)
