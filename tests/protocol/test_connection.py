from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from deepblend_protocol import connection
from deepblend_protocol.connection import Connection, Installation, Lock
from deepblend_protocol.errors import ConnectionUnusable, WriteFailed
from waiting import DEADLINE_S, wait_for

KEY = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
HERE = Connection("tcp://127.0.0.1:4000", KEY, KEY, KEY, False, "abc", 17, "0.1.0")
posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are POSIX's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "connection.json"


def test_there_and_back(path: Path) -> None:
    assert connection.read(path) is None
    connection.write(path, HERE)
    assert connection.read(path) == HERE
    connection.write(path, replace(HERE, remote=True))
    found = connection.read(path)
    assert found is not None and found.remote
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@posix
def test_its_users_eyes_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        connection.write(path, HERE)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("mode", [0o750, 0o755, 0o1777, 0o777, 0o770])
def test_a_folder_that_exists_stays_as_it_is(path: Path, mode: int) -> None:
    """It may be everybody's, as the shared temporary folder is. One that others may write in is refused."""
    path.parent.mkdir()
    path.parent.chmod(mode)
    if mode & 0o022:
        with pytest.raises(WriteFailed, match=f"others may write in the folder .* \\(its mode is {mode:o}\\)"):
            connection.write(path, HERE)
        with pytest.raises(OSError, match="others may write"):
            connection.Lock(path).acquire(0)
        assert list(path.parent.iterdir()) == []
    else:
        connection.write(path, HERE)
        assert connection.read(path) == HERE
    assert path.parent.stat().st_mode & 0o7777 == mode


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_what_others_can_read_is_refused(path: Path, mode: int) -> None:
    connection.write(path, HERE)
    path.chmod(mode)
    with pytest.raises(ConnectionUnusable, match=f"its mode is {mode:o}, not 600"):
        connection.read(path)


@posix
def test_another_users_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.write(path, HERE)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(ConnectionUnusable, match="belongs to another user"):
        connection.read(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"format": 2}', "[" * 100_000, "\x00"])
def test_damaged_files(path: Path, text: str) -> None:
    connection.write(path, HERE)
    path.write_text(text)
    with pytest.raises(ConnectionUnusable) as caught:
        connection.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "ipc:///tmp/x"),
        ("endpoint", "tcp://127.0.0.1"),
        ("endpoint", 7),
        ("server_key", KEY[1:]),
        ("public_key", None),
        ("secret_key", "ä" * 40),
        ("remote", 1),
        ("pid", "17"),
        ("pid", True),
        ("instance", []),
    ],
)
def test_each_field_is_looked_at(path: Path, field: str, value: object) -> None:
    connection.write(path, HERE)
    known = {**json.loads(path.read_text()), field: value}
    path.write_text(json.dumps(known))
    with pytest.raises(ConnectionUnusable, match=f"'{field}' is missing or damaged"):
        connection.read(path)


def test_unknown_fields_are_ignored(path: Path) -> None:
    connection.write(path, HERE)
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    assert connection.read(path) == HERE


def test_a_write_that_fails_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.write(path, HERE)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteFailed, match="No space left"):
        connection.write(path, replace(HERE, instance="new"))
    assert connection.read(path) == HERE
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_only_its_own_run_removes_a_file(path: Path) -> None:
    connection.remove(path, "abc")  # nothing there: nothing happens
    connection.write(path, HERE)
    connection.remove(path, "another")
    assert path.exists()
    connection.remove(path, "abc")
    assert not path.exists()


def test_the_default_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DEEPBLEND_CONNECTION", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert connection.default_path() == tmp_path / ".local" / "state" / "deepblend" / "connection.json"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert connection.default_path() == tmp_path / ".local" / "state" / "deepblend" / "connection.json"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert connection.default_path() == tmp_path / "state" / "deepblend" / "connection.json"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert connection.default_path().parent == tmp_path / "Library" / "Application Support" / "deepblend"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert connection.default_path().parent == tmp_path / "Local" / "deepblend"
    monkeypatch.setenv("DEEPBLEND_CONNECTION", "/else/where.json")
    assert connection.default_path() == Path("/else/where.json")


HOLDER = """
import sys, time
from pathlib import Path
from deepblend_protocol.connection import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.acquire(float(sys.argv[2])), flush=True)
time.sleep(600)
"""


def holder(path: Path, seconds: float = 0.0) -> subprocess.Popen[str]:
    """Another process that takes the lock, and holds it."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_lock_is_one_processs_until_it_dies(path: Path) -> None:
    assert not connection.server_runs(path)
    with holder(path) as first:
        assert said(first) == "True"
        assert connection.server_runs(path)
        lock = Lock(path)
        assert not lock.acquire(0.1)
        with holder(path, DEADLINE_S) as second:
            time.sleep(0.2)
            first.kill()
            assert said(second) == "True"  # it was waiting for it
            second.kill()
    wait_for(lambda: not connection.server_runs(path), "the lock")
    assert lock.acquire(1)
    assert connection.server_runs(path)
    lock.release()
    lock.release()
    assert not connection.server_runs(path)


def test_looking_at_the_lock_does_not_keep_a_server_from_starting(path: Path) -> None:
    lock = Lock(path)
    assert lock.acquire(0)
    lock.release()
    for _ in range(50):
        assert not connection.server_runs(path)
        assert lock.acquire(2)
        assert connection.server_runs(path)
        lock.release()


def test_the_lock_does_not_pass_to_children(path: Path) -> None:
    lock = Lock(path)
    assert lock.acquire(0)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False) as child:
        lock.release()
        try:  # until the child has become another program, it has all that its parent has
            wait_for(lambda: not connection.server_runs(path), "the lock")
        finally:
            child.kill()


def test_what_an_installer_writes_down(path: Path) -> None:
    written = Installation(path, ("/opt/my python", "-m", "x"), "Do that.")
    place = path.with_name("installation.json")
    connection.write_installation(place, written)
    assert connection.read_installation(place) == written
    relayed = replace(written, relay=("/opt/my python", "-m", "deepblend_protocol.relay"))
    connection.write_installation(place, relayed)
    assert connection.read_installation(place) == relayed
    known = json.loads(place.read_text())
    del known["relay"]  # as installers before there were relays
    place.write_text(json.dumps(known))
    assert connection.read_installation(place) == written
    damaged = [json.dumps({**known, "relay": relay}) for relay in ("/opt/python", None, ["/opt/python", 3])]
    for text in (*damaged, "", "{}", "[]", '{"format":1,"connection":"relative","command":[],"remedy":""}'):
        place.write_text(text)
        with pytest.raises(ConnectionUnusable, match="install the plug-in again"):
            connection.read_installation(place)
    place.unlink()
    with pytest.raises(ConnectionUnusable):
        connection.read_installation(place)


ASCII = """
import sys
from pathlib import Path
from deepblend_protocol import connection, paths
place = Path(sys.argv[1])
assert sys.getfilesystemencoding() == "ascii"
found = connection.read_installation(place)
assert connection.read(found.connection) is not None, found.connection
assert Path(found.command[0]).exists() and Path(found.relay[0]).exists()
print(ascii(paths.shown(found.connection)))
connection.write_installation(place, found)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no locale takes letters away")
def test_letters_that_the_locale_does_not_have(path: Path) -> None:
    """Krita's Python takes the C locale at its word, as one from a terminal does without its UTF-8 mode."""
    own = path.parent / "Jürgen" / "connection.json"
    connection.write(own, HERE)
    python = own.with_name("python")
    python.symlink_to(sys.executable)
    place = own.with_name("installation.json")
    written = Installation(own, (str(python), "-m", "x"), relay=(str(python),))
    connection.write_installation(place, written)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ASCII, str(place)]
    done = subprocess.run(command, env={**os.environ, **plain}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ascii(str(own))
    assert connection.read_installation(place) == written
