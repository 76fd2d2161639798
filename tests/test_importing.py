"""How torch is imported: garbage is looked for as before, and not among what was there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from deepblend.importing import at_once

CODE = """
import gc
from deepblend.importing import at_once
gc.{before}()
assert not gc.get_freeze_count()
try:
    with at_once():
        assert not gc.isenabled()
        {inside}
except ImportError as error:
    assert "not_there" in str(error)
assert gc.get_freeze_count() > 1000
assert gc.isenabled() is {is_on}
"""


@pytest.mark.parametrize("inside", ["import json", "import not_there"])
@pytest.mark.parametrize(("before", "is_on"), [("enable", True), ("disable", False)])
def test_garbage_is_looked_for_again_as_before(before: str, is_on: bool, inside: str):
    code = CODE.format(before=before, is_on=is_on, inside=inside)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_commands_blend_imports_the_engine_so(monkeypatch: pytest.MonkeyPatch):
    from deepblend.file_blend import blend

    entered = []
    monkeypatch.setattr(blend, "at_once", lambda: entered.append(True) or at_once())
    monkeypatch.setattr("deepblend.engine.memory.reuse", lambda: None)  # for processes that are ours
    monkeypatch.setattr("gc.freeze", lambda: None)
    assert callable(blend.engine())
    assert entered
