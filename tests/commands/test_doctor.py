"""``deepblend doctor``: a healthy set-up, and what it says of one that is broken in many ways."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from deepblend import __version__
from deepblend.checks import here
from deepblend.commands import info, served
from deepblend.hosts import plugin, vendored
from deepblend_protocol import connection
from deepblend_protocol.connection import Connection
from deepblend_protocol.errors import ServerSilent
from gimp_profiles import make_gimp, make_profile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for GIMP are shell scripts")
KEY = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"


@pytest.fixture(autouse=True)
def linux(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU, and with the system's programs for the stand-ins."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(info, "nvidia_present", lambda: False)


@pytest.fixture
def folder(deepblend, linux: None, profile: Path, tmp_path: Path) -> Path:
    """The plug-in, installed in a profile whose GIMP has it."""
    make_gimp(tmp_path / "bin" / "gimp-console-3.0")
    assert deepblend("install", "gimp").status == 0
    return profile / "plug-ins" / "deepblend-gimp"


@pytest.fixture
def doctor(deepblend) -> Callable[..., dict[str, dict[str, str]]]:
    """Asks the doctor; its findings by name. The exit status has to be that of its words."""

    def ask(*arguments: str | Path) -> dict[str, dict[str, str]]:
        done = deepblend("doctor", "--json", *arguments)
        known = done.json
        wrong = [one for one in known["findings"] if one["status"] == "wrong"]
        assert (done.status, known["healthy"], done.err) == (1 if wrong else 0, not wrong, "")
        assert all(one["remedy"] for one in known["findings"] if one["status"] in ("warn", "wrong"))
        return {one["name"]: one for one in known["findings"]}

    return ask


def test_healthy(deepblend, doctor, folder: Path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    known = doctor()
    assert {one["status"] for one in known.values()} <= {"ok", "note"}
    assert {"deepblend", "torch", "torchvision", "weights", "device", "files", "server", "autostart"} <= set(known)
    assert {"GIMP 3.0 plug-in", "GIMP 3.0 server", "GIMP 3.0", "GIMP 3.0 pyzmq"} <= set(known)
    assert known["GIMP 3.0"]["sentence"].startswith("GIMP 3.0.4, Python 3.13.5, has it")
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not connection.default_path().parent.exists()
    done = deepblend("doctor")
    assert done.status == 0 and done.out.endswith("\nAll is well.\n")
    assert all(line.split()[0] in ("ok", "note") for line in done.out.splitlines() if line and line != "All is well.")


def test_without_gimp_it_is_healthy_too(doctor):
    known = doctor()
    assert known["GIMP"]["status"] == "note" and "No profile was found" in known["GIMP"]["sentence"]


def test_a_profile_without_the_plug_in_is_a_note(doctor, home: Path):
    profile = make_profile(home / ".config" / "GIMP", "3.2")
    known = doctor()
    assert known["GIMP 3.2 plug-in"]["status"] == "note"
    assert known["GIMP 3.2 plug-in"]["remedy"] == f"deepblend install gimp --profile '{profile}'"


# the plug-in


def test_no_executable_bit(deepblend, doctor, folder: Path):
    program = folder / "deepblend-gimp.py"
    program.chmod(0o644)
    found = doctor()["GIMP 3.0 executable"]
    assert found["status"] == "wrong" and "has lost its executable bit" in found["sentence"]
    assert found["remedy"] == f"chmod +x '{program}'"
    done = deepblend("doctor")
    assert done.status == 1
    assert f"wrong  GIMP 3.0 executable: {program}" in done.out and f"-> chmod +x '{program}'\n" in done.out
    assert "1 of " in done.out.splitlines()[-1]


def test_a_disk_without_execution(doctor, folder: Path, monkeypatch: pytest.MonkeyPatch):
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).suffix != ".py" and access(path, mode))
    assert "mounted 'noexec'" in doctor()["GIMP 3.0 executable"]["sentence"]


@pytest.mark.parametrize("what", ["gone", "not executable", "without deepblend", "damaged", "of another"])
def test_the_servers_command(doctor, folder: Path, tmp_path: Path, what: str):
    path = folder / "installation.json"
    known = connection.read_installation(path)
    python = tmp_path / "venv" / "python"
    python.parent.mkdir()
    python.write_text(
        "#!/bin/sh\n" + ("exit 0\n" if what == "of another" else "echo No module named deepblend >&2; exit 1\n")
    )
    python.chmod(0o644 if what == "not executable" else 0o755)
    if what == "gone":
        shutil.rmtree(python.parent)
    connection.write_installation(path, replace(known, command=(str(python), *known.command[1:])))
    if what == "damaged":
        path.write_text("{}")
    words = {
        "gone": f"The plug-in cannot start the server: {python} is not there any more.",
        "not executable": f"{python} is not executable.",
        "without deepblend": "The plug-in cannot start the server: No module named deepblend.",
        "damaged": "it is damaged; install the plug-in again",
        "of another": "starts the server of another installation",
    }
    found = doctor()["GIMP 3.0 server"]
    assert words[what] in found["sentence"]
    assert found["status"] == ("note" if what == "of another" else "wrong")
    assert found["remedy"].startswith("deepblend install gimp --profile ")


def test_another_connection(doctor, folder: Path, home: Path):
    path = folder / "installation.json"
    connection.write_installation(path, replace(connection.read_installation(path), connection=home / "there.json"))
    assert doctor()["GIMP 3.0 connection"]["status"] == "warn"


@pytest.mark.parametrize("relay", ["works", "fails", "none"])
def test_pyzmq_missing(deepblend, doctor, folder: Path, tmp_path: Path, relay: str):
    make_gimp(tmp_path / "bin" / "gimp-console-3.0", zmq="", zmq_fails="No module named 'zmq'")
    path = folder / "installation.json"
    way = {"works": ("/bin/cat",), "fails": ("/bin/false",), "none": ()}[relay]
    connection.write_installation(path, replace(connection.read_installation(path), relay=way))
    found = doctor()["GIMP 3.0 pyzmq"]
    assert found["sentence"].startswith("GIMP's Python 3.13.5 has no pyzmq to use: No module named 'zmq'.")
    assert found["status"] == ("warn" if relay == "works" else "wrong")
    words = {"works": "carries its messages instead", "fails": "would carry its messages fails", "none": "Nothing else"}
    assert words[relay] in found["sentence"]
    assert "--wheel-dir" in found["remedy"] and ("see the warnings" in deepblend("doctor").out) == (relay == "works")


def test_a_pyzmq_without_encryption(doctor, folder: Path, tmp_path: Path):
    make_gimp(tmp_path / "bin" / "gimp-console-3.0", curve=False)
    assert "has no encryption (CURVE)" in doctor()["GIMP 3.0 pyzmq"]["sentence"]


def test_a_gimp_that_cannot_be_asked(doctor, folder: Path, tmp_path: Path):
    for minor in vendored.minors(folder / "vendor"):
        shutil.rmtree(vendored.folder(folder / "vendor", minor))
    make_gimp(tmp_path / "bin" / "gimp-console-3.0", silent="cannot open libfoo.so")
    known = doctor()
    assert known["GIMP 3.0"]["status"] == "wrong" and "libfoo.so" in known["GIMP 3.0"]["sentence"]
    assert known["GIMP 3.0 pyzmq"]["status"] == "warn"
    (tmp_path / "bin" / "gimp-console-3.0").unlink()
    known = doctor()
    assert known["GIMP 3.0"]["status"] == "note"
    assert doctor("--gimp", tmp_path / "nowhere")["GIMP 3.0"]["status"] == "wrong"


def test_a_gimp_that_does_not_register_it(doctor, folder: Path, tmp_path: Path):
    make_gimp(tmp_path / "bin" / "gimp-console-3.0", registered=False, program_fails="No module named 'gi'")
    found = doctor()["GIMP 3.0"]
    assert found["status"] == "wrong" and "does not register it: No module named 'gi'" in found["sentence"]


def test_an_older_version_and_a_lost_file(doctor, folder: Path):
    (folder / "deepblend_gimp" / "host.py").unlink()
    assert "host.py" in doctor()["GIMP 3.0 files"]["sentence"]
    (folder / plugin.MARK).write_text("deepblend 0.0.9\n")
    found = doctor()["GIMP 3.0 plug-in"]
    assert found["status"] == "warn" and f"is of version 0.0.9, and this is {__version__}" in found["sentence"]
    (folder / plugin.MARK).unlink()
    assert "was not put there" in doctor()["GIMP 3.0 plug-in"]["sentence"]


def test_folders_that_gimp_does_not_search(doctor, folder: Path):
    settings = folder.parents[1] / "gimprc"
    settings.write_text('(plug-in-path "/opt/plug-ins:${gimp_dir}/plug-ins/")\n')
    assert "GIMP 3.0 folders" not in doctor()
    settings.write_text('(plug-in-path "/opt/plug-ins")\n')
    assert doctor()["GIMP 3.0 folders"]["status"] == "wrong"


def test_a_sandbox_needs_the_login_service(deepblend, doctor, home: Path):
    make_profile(home / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP")
    assert deepblend("install", "gimp").status == 0
    assert doctor()["GIMP 3.0 server"]["remedy"] == "deepblend install --autostart"
    unit = home / ".config" / "systemd" / "user" / "deepblend.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    known = doctor()
    assert known["GIMP 3.0 server"]["status"] == "ok" and known["autostart"]["status"] == "ok"


# this installation and the server


def test_weights_that_are_cut_off(doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = next((Path(here.__file__).parents[1] / "weights").glob("*.safetensors")).read_bytes()
    weights = tmp_path / "package" / "weights"
    weights.mkdir(parents=True)
    monkeypatch.setattr(here, "__file__", str(tmp_path / "package" / "checks" / "here.py"))
    assert "cannot be read: No such file" in doctor()["weights"]["sentence"]
    for content, words in ((whole, "whole"), (whole[:-5], "should have"), (whole[:50], "is damaged"), (b"", "damaged")):
        (weights / "a.safetensors").write_bytes(content)
        assert words in doctor()["weights"]["sentence"]


def test_a_torchvision_of_another_torch(doctor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    found = doctor()["torchvision"]
    assert found["status"] == "wrong" and "pip install --upgrade torch torchvision" in found["remedy"]


def test_a_gpu_that_lies_idle(doctor, monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(info, "nvidia_present", lambda: True)
    found = doctor()["device"]
    assert found["status"] == "warn" and found["sentence"].startswith("NVIDIA GPU present")


def test_the_files_of_the_server(doctor, home: Path):
    path = connection.default_path()
    connection.write(path, Connection("tcp://127.0.0.1:4000", KEY, KEY, KEY, pid=1, version="0.0.1"))
    assert doctor()["connection"]["sentence"] == f"{path}: tcp://127.0.0.1:4000"
    path.parent.chmod(0o755)
    assert doctor()["files"]["remedy"] == f"chmod 700 '{path.parent}'"
    path.chmod(0o644)
    found = doctor()["connection"]
    assert found["status"] == "wrong" and "others can read it" in found["sentence"]
    path.write_text("{")
    path.chmod(0o600)
    assert "it is damaged" in doctor()["connection"]["sentence"]
    shutil.rmtree(path.parent)
    path.parent.touch()
    assert doctor()["files"]["sentence"] == f"{path.parent} is not a folder."


def test_a_server_that_runs(doctor, monkeypatch: pytest.MonkeyPatch):
    answer = {"version": __version__, "pid": 17, "endpoint": "tcp://127.0.0.1:4000", "workers": []}
    monkeypatch.setattr(connection, "server_runs", lambda path: True)
    monkeypatch.setattr(served, "ask", lambda path: answer)
    assert doctor()["server"]["status"] == "ok"
    answer["version"] = "0.0.1"
    found = doctor()["server"]
    assert found["status"] == "warn" and found["remedy"].endswith("deepblend stop --when-idle")

    def silent(path: Path):
        raise ServerSilent(endpoint="tcp://127.0.0.1:4000")

    monkeypatch.setattr(served, "ask", silent)
    found = doctor()["server"]
    assert found["status"] == "wrong" and "does not answer" in found["sentence"]


def test_a_server_that_cannot_be_started(doctor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deepblend.commands.served.COMMAND", ("/bin/false",))
    assert doctor()["server"]["sentence"] == "It cannot be started: /bin/false ended with status 1."


def test_json_is_json_and_nothing_else(deepblend, folder: Path):
    done = deepblend("doctor", "--json")
    assert json.loads(done.out)["healthy"] is True
