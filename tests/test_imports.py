"""Imports point one way, and what computes or decodes is loaded where it is needed alone."""

from __future__ import annotations

import subprocess
import sys


def test_who_finds_the_hosts_loads_no_pictures():
    code = (
        "import pkgutil, sys; from importlib import import_module; from deepblend import hosts\n"
        "for found in pkgutil.iter_modules(hosts.__path__, 'deepblend.hosts.'): import_module(found.name)\n"
        "assert 'deepblend.hosts.krita' in sys.modules\n"
        "heavy = {'torch', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
