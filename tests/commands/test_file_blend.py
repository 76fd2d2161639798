"""A blend from files to files, without the command line."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest
from deepblend.file_blend import FileBlend
from deepblend_protocol.errors import ArgumentInvalid, WriteFailed
from deepblend_protocol.settings import resolve


class Told:
    """A bar that keeps what it is told."""

    def __init__(self):
        self.words = []

    def update(self, fraction, words):
        assert 0 <= fraction <= 1
        self.words.append(words)


@pytest.fixture
def blend(pictures):
    read = {role: str(getattr(pictures, role)) for role in ("source", "mask", "target")}
    return FileBlend(resolve({"method": "poisson"}), **read, device="cpu", output=str(pictures.output))


def test_it_gives_what_the_command_gives(deepblend, pictures, blend):
    alone = replace(blend, report=str(pictures.folder / "report.json"))
    bar = Told()
    report, size = alone.run(bar)
    assert (size, bar.words[0], bar.words[-1]) == ((96, 80), "Reading", "Writing")
    assert report["files"] == {**alone.inputs, **alone.outputs}
    assert json.loads((pictures.folder / "report.json").read_text()) == report
    made = pictures.output.read_bytes()
    deepblend("blend", *pictures.arguments(method="poisson", device="cpu"))
    assert pictures.output.read_bytes() == made


def test_what_is_missing_or_cannot_be_written_is_said_before_anything_is_read(pictures, blend):
    bar = Told()
    for changed, error, words in (
        ({"output": None, "target": None}, ArgumentInvalid, "required: --target, --output"),
        ({"document": "a.ora"}, ArgumentInvalid, "--source does not go with --document"),
        ({"layer": str(pictures.folder / "none" / "a.png")}, WriteFailed, "there is no folder"),
        ({"report": blend.output}, ArgumentInvalid, "--output and --report are one file"),
    ):
        with pytest.raises(error, match=words):
            replace(blend, **changed).run(bar)
    assert bar.words == []


def test_it_travels_as_it_is(blend):
    assert pickle.loads(pickle.dumps(blend)) == blend
