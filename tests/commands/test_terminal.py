"""Nothing that others have written steers the terminal: names of files and jobs, what a server says, what is found."""

from __future__ import annotations

import json
import os
import sys

import pytest
from deepblend.checks import Finding
from deepblend.commands import doctor, status
from deepblend.commands.terminal import printable

NASTY = "a\x1b]0;owned\x07\x1b[2Jb\u202ec\u2028d\u200be\x9bf\rg\x7fh"
"""Escape sequences of a terminal, of 7 and of 8 bits, a change of direction, ends of lines, what nobody sees."""


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def test_what_steers_is_a_question_mark() -> None:
    assert printable(NASTY) == "a?]0;owned??[2Jb?c?d?e?f?g?h"
    assert printable("größer, 日本語, Ω 1 × 2") == "größer, 日本語, Ω 1 × 2"
    assert printable("half\ud83d, byte\udcff") == "half?, byte?"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
@pytest.mark.parametrize("name", [NASTY, "\udcff\udcfe"], ids=["nasty", "no text"])
def test_names_of_files(deepblend, pictures, name) -> None:
    if os.fsencode(name) and sys.platform == "darwin" and "\udcff" in name:
        pytest.skip("macOS allows text alone")
    place = pictures.folder / f"{name}.png"
    done = deepblend("blend", *pictures.arguments(output=place, layer=f"{place}-layer.png", method="poisson"))
    assert done.status == 0 and place.exists()
    assert is_plain(done.out + done.err) and printable(place) in done.out
    for other in ({"source": f"{place}-none"}, {"output": place / "none.png"}, {"target": pictures.folder / f"{name}"}):
        done = deepblend("blend", *pictures.arguments(**other, method="poisson"))
        assert done.status in (1, 2) and is_plain(done.out + done.err), other
    done = deepblend("blend", *pictures.arguments(), name, f"--{name}")
    assert done.status == 2 and is_plain(done.err)


def test_names_and_words_of_jobs(deepblend, pictures) -> None:
    jobs = pictures.folder / "jobs.jsonl"
    files = {"source": "source.png", "mask": "mask.png", "target": "target.png", "method": "poisson"}
    rows = [{"name": NASTY}, {"name": "\ud83d"}, {"name": "a\nb"}, {"style": NASTY}, {NASTY: "1"}, {"source": NASTY}]
    rows.append({"name": "turned \u202e"})
    jobs.write_text("\n".join(json.dumps({**files, **row}) for row in rows))
    done = deepblend("batch", jobs, "--output", pictures.folder / "out")
    assert done.status == 1
    assert is_plain(done.out + done.err)
    assert "turned ?" in done.out


def test_what_a_server_says_and_what_is_found() -> None:
    known = {"version": NASTY, "pid": 1, "endpoint": NASTY, "uptime_s": 1, "running": 0, "queued": 0, "clients": 1}
    known |= {"workers": [{"device": NASTY, "state": NASTY, "jobs": 0}], "log": NASTY}
    known |= {"devices": [{"name": NASTY, "title": NASTY, "memory": 0}]}
    assert all(map(is_plain, status._lines(known)))
    assert is_plain(doctor._line(Finding(name=NASTY, status="wrong", sentence=NASTY, remedy=NASTY)))
