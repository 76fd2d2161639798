from __future__ import annotations

import json
from pathlib import Path

import pytest
from deepblend.service import log
from deepblend.service.log import Log


def test_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    written = Log(path)
    written.write("job", job="ä\n", seconds=1.5, odd=object)
    written.write("end")
    written.close()
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert (first["event"], first["job"], first["seconds"]) == ("job", "ä\n", 1.5)
    assert second["event"] == "end"
    assert first["time"].endswith("Z") and len(first["time"]) == 24


def test_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MEGABYTES", 0.001)
    written = Log(tmp_path / "server.log")
    for number in range(100):
        written.write("job", number=number, text="x" * 100)
    written.close()
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert all(one.stat().st_size <= 1000 for one in files)
    assert json.loads(files[0].read_text().splitlines()[-1])["number"] == 99


def test_what_could_not_be_written_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "server.log"
    written = Log(path)
    for _ in range(3):
        written.write("job")
    assert written.lost == 3
    path.parent.mkdir()
    written.write("job")
    written.write("job")
    written.close()
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["lines_lost"] == 3
    assert "lines_lost" not in second


def test_no_file(tmp_path: Path) -> None:
    written = Log(None)
    written.write("job")
    written.close()
    assert list(tmp_path.iterdir()) == []
