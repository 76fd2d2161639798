"""Nothing that others have written steers the terminal: names of files and jobs, what a server says, what is found."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys

import pytest
from deepblend.checks import Finding
from deepblend.commands import doctor, status
from deepblend.commands.progress import Progress
from deepblend.commands.terminal import columns, cut, padded, printable

NASTY = "a\x1b]0;owned\x07\x1b[2Jb\u202ec\u2028d\u200be\x9bf\rg\x7fh"
"""Escape sequences of a terminal, of 7 and of 8 bits, a change of direction, ends of lines, what nobody sees."""


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def test_what_steers_is_a_question_mark() -> None:
    assert printable(NASTY) == "a?]0;owned??[2Jb?c?d?e?f?g?h"
    assert printable("größer, 日本語, Ω 1 × 2") == "größer, 日本語, Ω 1 × 2"
    assert printable("half\ud83d, byte\udcff") == "half?, byte?"


def test_a_chinese_letter_takes_two_columns() -> None:
    assert [columns(text) for text in ("", "abc", "größer", "日本語", "ﾆﾎﾝ", "e\u0301", "(_B)、")] == [
        0,
        3,
        6,
        6,
        3,
        1,
        6,
    ]
    assert padded("日本", 6) == "日本  " and padded("abc", 2) == "abc"
    assert cut("日本語", 6) == "日本語" and cut("日本語", 5) == "日本…" and cut("日本語", 4) == "日…"
    assert cut("abcdef", 4) == "abc…" and cut("日", 1) == "…" and cut("abc", 0) == cut("abc", -3) == ""


class _Terminal(io.StringIO):
    """A terminal of 40 columns and one line, that knows \\r; what does not fit goes to the next line."""

    def isatty(self) -> bool:
        return True

    def seen(self) -> list[str]:
        cells: list[str] = []
        at, gone = 0, []
        for letter in self.getvalue():
            if letter == "\r":
                at = 0
                continue
            if at + columns(letter) > 40:
                gone.append("".join(cells))
                cells, at = [], 0
            cells[at : at + columns(letter)] = [letter, ""][: columns(letter)]
            at += columns(letter)
        return [*gone, "".join(cells).rstrip()]


@pytest.mark.parametrize(
    "words",
    [
        ("テクスチャに合わせています", "写真"),
        ("a job with a name that is longer than a terminal is wide", "b"),
        ("長い名前のジョブの継ぎ目をなくしています。長い名前", "b"),
        ("日本語", "é" * 3),
    ],
)
def test_a_progress_bar_stays_in_its_line_and_is_wiped(monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((40, 24)))
    with Progress() as progress:
        for fraction, one in enumerate(words):
            progress.update(fraction / 2, one)
        (line,) = terminal.seen()
        assert line.startswith(" 50% [#") and line.endswith(words[-1])
    assert terminal.seen() == [""]


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
