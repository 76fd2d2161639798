"""kritarc is changed in one entry, and keeps every other byte, whatever it holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from deepblend.hosts import kritarc
from deepblend_protocol.errors import WriteFailed
from hypothesis import given
from hypothesis import strategies as st

PYTHON = (b"python",)
KEY = b"enable_deepblend_krita"
ENTRY = KEY + b"=true"

LINES = st.binary(max_size=12) | st.sampled_from(
    [
        *(
            b"[python]",
            b"  [python] ",
            b"[python][$i]",
            b"[python][inner]",
            b"[inner][python]",
            b"[python",
            b"[]",
            b"[",
        ),
        *(
            b"enable_scripter=true",
            b"enable_scripter=",
            b"=",
            b"a[$d]",
            b"a[$e]=$HOME",
            b"a[de]=b",
            b"State=AAA\\n\\x00",
        ),
        *(KEY + b"s=true", KEY, KEY + b"[de]=false", b"# " + ENTRY, b"", b"   ", b"\r", b"\xef\xbb\xbf[python]"),
    ]
)
ENDS = st.sampled_from([b"\n", b"\n\n", b"\r\n", b"\r\n\r\n"])
FILES = st.builds(
    lambda lines, last: b"".join(line + end for line, end in lines) + last,
    st.lists(st.tuples(LINES, ENDS), max_size=12),
    LINES,
)
OURS = st.sampled_from([ENTRY, KEY + b"=false", b"  " + KEY + b" = 0", KEY + b"[$d]", KEY + b"[$e]=yes", KEY + b"="])


def put(content: bytes) -> bytes:
    return kritarc.put(content, PYTHON, KEY, b"true")


def take(content: bytes) -> bytes:
    return kritarc.take(content, PYTHON, KEY)


def has(content: bytes) -> bool:
    return take(content) != content


@given(FILES)
def test_set_and_taken_back_it_is_the_same_file(content: bytes):
    if has(content):
        content = take(content)
    enabled = put(content)
    assert kritarc.get(enabled, PYTHON, KEY) == b"true"
    assert put(enabled) == enabled
    assert take(enabled) == content


@given(FILES)
def test_nothing_but_a_line_is_put_in_and_its_header_where_there_was_none(content: bytes):
    content = take(content)
    enabled = put(content)
    more = len(enabled) - len(content)
    added = {
        enabled[at : at + more] for at in range(len(content) + 1) if enabled[:at] + enabled[at + more :] == content
    }
    assert {one.strip() for one in added} & {ENTRY, b"[python]\n" + ENTRY, b"[python]\r\n" + ENTRY}


@given(FILES, OURS, FILES)
def test_an_entry_that_is_there_is_changed_in_its_place(before: bytes, ours: bytes, after: bytes):
    before, after = take(before), after if not has(b"[python]\n" + after) else b""
    content = before + b"\n[python]\n" + ours + b"\n" + after
    enabled = put(content)
    assert kritarc.get(enabled, PYTHON, KEY) == b"true"
    if kritarc.get(content, PYTHON, KEY) == b"true":
        assert enabled == content
    else:
        indent = ours[: len(ours) - len(ours.lstrip())]
        assert enabled == before + b"\n[python]\n" + indent + ENTRY + b"\n" + after
    assert not has(take(enabled)) and kritarc.get(take(enabled), PYTHON, KEY) is None


@pytest.mark.parametrize(
    ("content", "enabled"),
    [
        (b"", b"[python]\nenable_deepblend_krita=true\n"),
        (b"a=b\n", b"a=b\n\n[python]\nenable_deepblend_krita=true\n"),
        (b"a=b", b"a=b\n\n[python]\nenable_deepblend_krita=true"),
        (b"[x]\r\na=b\r\n", b"[x]\r\na=b\r\n\r\n[python]\r\nenable_deepblend_krita=true\r\n"),
        (b"[python]\na=b\n\n[x]\n", b"[python]\na=b\nenable_deepblend_krita=true\n\n[x]\n"),
        (b"[python]\na=b", b"[python]\na=b\nenable_deepblend_krita=true"),
        (b"[python][x]\na=b\n", b"[python][x]\na=b\n\n[python]\nenable_deepblend_krita=true\n"),
        (b"[python]\nenable_deepblend_krita=false\nb=c\n", b"[python]\nenable_deepblend_krita=true\nb=c\n"),
        (b"[python]\nenable_deepblend_krita[$d]\n", b"[python]\nenable_deepblend_krita=true\n"),
    ],
)
def test_examples(content: bytes, enabled: bytes):
    assert put(content) == enabled


def test_of_two_the_last_one_counts_and_both_are_taken():
    content = b"[python]\nenable_deepblend_krita=true\nb=c\n[x]\n[python]\nenable_deepblend_krita=false\n"
    assert kritarc.get(content, PYTHON, KEY) == b"false"
    assert put(content) == content.replace(b"false", b"true")
    assert take(content) == b"[python]\nb=c\n[x]\n"


def test_a_group_of_krita_that_held_nothing_else_is_taken_with_its_blank_line():
    assert take(b"[a]\nb=c\n\n[python]\nenable_deepblend_krita=true\n\n[x]\nd=e\n") == b"[a]\nb=c\n\n[x]\nd=e\n"


def test_a_group_is_taken_with_what_is_inside_it():
    content = b"[a]\nb=c\n\n[deepblend]\nd=e\n\n[deepblend][inner]\nf=g\n\n[deepblends]\nh=i\n"
    assert kritarc.take_group(content, (b"deepblend",)) == b"[a]\nb=c\n\n[deepblends]\nh=i\n"
    assert kritarc.take_group(b"[a]\nb=c\n\n[deepblend]\nd=e\n", (b"deepblend",)) == b"[a]\nb=c\n"
    assert kritarc.take_group(content, (b"x",)) == content


# the file


def test_the_file_keeps_its_permissions_and_its_link(tmp_path: Path):
    real, link = tmp_path / "real", tmp_path / "kritarc"
    real.write_bytes(b"a=b\n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert kritarc.change(link, put)
    assert not kritarc.change(link, put)
    assert link.is_symlink() and real.read_bytes() == put(b"a=b\n")
    assert os.name != "posix" or real.stat().st_mode & 0o777 == 0o640
    assert {one.name for one in tmp_path.iterdir()} == {"real", "kritarc"}


def test_a_file_that_is_not_there_is_made_and_removed(tmp_path: Path):
    path = tmp_path / "config" / "kritarc"
    assert not kritarc.change(path, take)
    assert kritarc.change(path, put)
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert kritarc.change(path, take)
    assert not path.exists()


@pytest.mark.parametrize("what", ["a folder", "not writable"])
def test_a_file_that_cannot_be_changed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    path = tmp_path / "kritarc"
    if what == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"a=b\n")

        def refuse(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(WriteFailed):
        kritarc.change(path, put)
    assert path.is_dir() or path.read_bytes() == b"a=b\n"
    assert [one.name for one in tmp_path.iterdir()] == ["kritarc"]
