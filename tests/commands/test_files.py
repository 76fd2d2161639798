"""Files on the disk: whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from deepblend import files
from deepblend_protocol.errors import WriteFailed

NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind the superuser"
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none/a.png", "there is no folder"),
        ("folder.png", "it is a folder"),
        ("file/a.png", "there is no folder"),
        ("n" * 300 + ".png", "its name is too long"),
    ],
)
def test_a_place_that_takes_no_file_is_said(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(WriteFailed, match=reason), files.replacing(tmp_path / name):
        pytest.fail("a file was made")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@NOT_ROOT
def test_a_folder_that_may_not_be_written_to_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteFailed, match="its folder may not be written to"):
        files.check_place(tmp_path / "a.png")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(WriteFailed, match="not a file"), files.replacing("/dev/full"):
        pytest.fail("a file was made")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as beside:
        beside.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["old.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")
def test_a_link_stays_a_link_and_the_umask_holds(tmp_path: Path) -> None:
    (tmp_path / "real.txt").touch()
    (tmp_path / "link.txt").symlink_to("real.txt")
    old = os.umask(0o027)
    try:
        with files.replacing(tmp_path / "link.txt") as beside:
            beside.write_text("new")
    finally:
        os.umask(old)
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real.txt").stat().st_mode) == 0o640


WRITE_LARGE = """
import os, sys
import numpy as np
from deepblend import video
from deepblend.pictures import eight_bit
from deepblend_protocol.errors import WriteFailed
from PIL import Image
noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
try:
    if path.endswith((".png", ".tiff", ".webp")):
        eight_bit.write_picture(path, Image.fromarray(noise))
    else:
        with video.Recorder(path) as recorder:
            for shift in range(40):
                recorder.add(np.roll(noise, shift * 7, 0))
except WriteFailed as error:
    print(error)
print(sorted(os.listdir(os.path.dirname(path))), open(path).read())
"""
LARGE = ["large.png", "large.tiff", "large.webp", "large.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX resource limits")
@pytest.mark.parametrize("name", LARGE)
def test_a_write_beyond_the_limit_leaves_the_old_file_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
    code = f"{limit}path = {str(path)!r}\n{WRITE_LARGE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert "could not be written" in done.stdout, done.stderr
    assert f"{[name]} old" in done.stdout


def _can_mount() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="a small disk can be mounted by unshare -rm on Linux only")
@pytest.mark.parametrize("name", LARGE)
def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path, name: str) -> None:
    code = f"path = {str(tmp_path / name)!r}\nopen(path, 'w').write('old')\n{WRITE_LARGE}"
    mount = f"mount -t tmpfs -o size=64k none '{tmp_path}' && exec '{sys.executable}' -c \"$0\""
    command = ["unshare", "-rm", "sh", "-c", mount, code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "could not be written" in done.stdout, done.stderr
    assert "the disk is full" in done.stdout or "No space left" in done.stdout
    assert f"{[name]} old" in done.stdout
