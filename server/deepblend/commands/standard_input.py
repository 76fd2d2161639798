"""A picture from standard input, given as ``-``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deepblend_protocol.errors import ArgumentInvalid, DeepBlendError, from_code

from ..file_blend import FileBlend
from ..files import failing

_GIVEN = "-"


@contextmanager
def received(blend: FileBlend) -> Iterator[FileBlend]:
    """A blend whose ``-`` is a file, for as long as this lasts, with what came through standard input.

    Raises ArgumentInvalid for a second ``-``, and where nothing comes; errors within name what was given.
    """
    roles = [role for role, path in blend.inputs.items() if path == _GIVEN]
    if not roles:
        yield blend
        return
    if len(roles) > 1:
        named = " and ".join(f"--{role}" for role in roles)
        raise ArgumentInvalid(reason=f"{named} are both -, and standard input is but one picture: give a file's path.")
    if sys.stdin is None or sys.stdin.isatty():
        raise ArgumentInvalid(reason=f"--{roles[0]} is -, and nothing comes through standard input: pipe a picture in.")
    with tempfile.TemporaryDirectory(prefix="deepblend-") as folder:
        place = Path(folder) / "standard input"
        with failing(place), open(place, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 2**20)
        try:
            yield replace(blend, **{roles[0]: str(place)})
        except DeepBlendError as error:
            params = {name: _GIVEN if value == str(place) else value for name, value in error.params.items()}
            raise from_code(error.code, params, str(error).replace(str(place), _GIVEN)) from error
