"""Each wrong input: one sentence, a status that is not 0, nothing left behind.

What every door refuses alike is in tests/service/test_wrong_requests.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from deepblend import Plane, Rect, Request, blend
from deepblend_protocol.errors import NotFinite
from PIL import Image


def refused(outcome, status, *words):
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("deepblend: ") and outcome.err.count("\n") == 1, outcome.err
    for word in words:
        assert word in outcome.err


@pytest.fixture(autouse=True)
def nothing_left(pictures):
    before = pictures.names()
    yield
    assert pictures.names() == before


@pytest.mark.parametrize("role", ["source", "mask", "target"])
def test_a_missing_file(deepblend, pictures, role):
    missing = pictures.folder / "missing.png"
    done = deepblend("blend", *pictures.arguments(**{role: missing}))
    refused(done, 2, f"The {role} picture {missing} cannot be read: there is no such file")


def test_a_file_that_is_no_picture(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(source=__file__))
    refused(done, 2, "it is not a picture of a known kind")


def test_a_truncated_file(deepblend, pictures):
    whole = pictures.source.read_bytes()
    pictures.source.write_bytes(whole[: len(whole) // 2])
    refused(deepblend("blend", *pictures.arguments()), 2, "The source picture", "damaged or cut off")


def test_a_missing_style_picture(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(style_from="no_such.png"))
    refused(done, 2, "The style picture no_such.png cannot be read")


def test_an_overlap_of_the_source_but_not_of_its_mask(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(), "--center=40,-18")  # the ellipse ends at row 35 of 40
    refused(done, 2, "The mask lies wholly outside the background", "rows -34 to -3")


def test_a_mask_of_another_size(deepblend, pictures):
    Image.new("L", (48, 41), 255).save(pictures.mask)
    done = deepblend("blend", *pictures.arguments())
    refused(done, 2, "The mask is 48 x 41 pixels, but the source is 48 x 40")


def test_no_mask_and_no_transparency(deepblend, pictures):
    arguments = pictures.arguments()
    at = arguments.index("--mask")
    refused(deepblend("blend", *arguments[:at], *arguments[at + 2 :]), 2, "give --mask")


@pytest.mark.parametrize("option", ["source_size", "target_size"])
@pytest.mark.parametrize("size", ["1000000", "1x999999999"])
def test_absurd_sizes(deepblend, pictures, option, size):
    done = deepblend("blend", *pictures.arguments(**{option: size}))
    refused(done, 2, f"The {option[:6]} would be", "pixels in all can be blended")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("style", "nan"),
        ("feather", "inf"),
    ],
)
def test_a_setting_out_of_its_range(deepblend, pictures, option, value):
    done = deepblend("blend", *pictures.arguments(**{option: value}))
    refused(done, 2, f"The setting '{option}", "it takes")


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "CPU", ""])
@pytest.mark.parametrize("command", ["blend", "demo"])
def test_an_unknown_device(deepblend, pictures, device, command):
    arguments = pictures.arguments() if command == "blend" else ["--output", str(pictures.folder)]
    refused(deepblend(command, *arguments, "--device", device), 1, f"There is no device '{device}'", "Available: auto")


@pytest.mark.parametrize("role", ["mask", "style"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers(role, value):
    planes = {}
    for name, channels in (("layer", 3), ("background", 3), ("mask", 1), ("style", 3)):
        samples = np.full((24, 24, channels), 0.5, np.float32)
        if name == role:
            samples[3, 4, 0] = value
        planes[name] = Plane(samples, Rect(0, 0, 24, 24), "RGB" if channels == 3 else "Y")
    with pytest.raises(NotFinite, match="holds 1 values"):
        blend(Request(**planes, device="cpu"), lambda step: None)


@pytest.mark.parametrize("option", ["output", "layer", "report", "video"])
def test_a_folder_that_is_not_there(deepblend, pictures, option):
    path = pictures.folder / "none" / ("a.json" if option == "report" else "a.webp")
    done = deepblend("blend", *pictures.arguments(**{option: path, "method": "poisson"}))
    refused(done, 1, f"{path} could not be written: there is no folder")


@pytest.mark.parametrize(
    ("option", "name", "reason"),
    [
        ("output", "a.xyz", "'.xyz' is no picture format"),
        ("layer", "a.jpg", "JPEG holds no transparency"),
        ("video", "a.avi", "a film can be .mp4 or .webp"),
    ],
)
def test_an_extension_that_does_not_serve(deepblend, pictures, option, name, reason):
    done = deepblend("blend", *pictures.arguments(**{option: pictures.folder / name}))
    refused(done, 1, f"{pictures.folder / name} cannot be written: ")
    assert reason in done.err
    assert "space" not in done.err  # no remedy for a name


def test_a_jpeg_of_a_target_with_transparency(deepblend, pictures):
    Image.new("RGBA", (96, 80), (9, 9, 9, 99)).save(pictures.target)
    done = deepblend("blend", *pictures.arguments(output=pictures.folder / "a.jpg"))
    refused(done, 1, "JPEG holds no transparency")


def test_two_results_in_one_file(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(layer=pictures.output))
    refused(done, 2, "--output and --layer are one file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_folder_that_may_not_be_written_to(deepblend, pictures):
    locked = pictures.folder
    locked.chmod(0o500)
    try:
        refused(deepblend("blend", *pictures.arguments()), 1, "its folder may not be written to")
    finally:
        locked.chmod(0o700)


def test_a_demo_folder_that_is_a_file(deepblend, pictures):
    refused(deepblend("demo", "--output", pictures.source), 1, "could not be written")


def can_mount():
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="a small disk can be mounted by unshare -rm on Linux only")
def test_a_full_disk(pictures, tmp_path_factory):
    disk = tmp_path_factory.mktemp("disk")
    arguments = pictures.arguments(output=disk / "out.png", method="poisson")
    inner = f"mount -t tmpfs -o size=8k none '{disk}' && \"$@\"; status=$?; ls -A '{disk}'; exit $status"
    command = [sys.executable, "-m", "deepblend.commands.cli", "blend", *arguments]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inner, "sh", *command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""  # nothing said, nothing on the disk
    assert done.stderr.count("\n") == 1 and "out.png could not be written: the disk is full." in done.stderr
