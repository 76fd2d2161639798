"""The wheel and the source distribution carry what they must and nothing else."""

from __future__ import annotations

import configparser
import email
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import deepblend
import pytest
from deepblend import examples

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def tree(folder, under):
    return {
        f"{under}/{path.relative_to(ROOT / folder).as_posix()}"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".po"
    }


def test_the_wheel_carries_code_weights_example_and_plugins(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = tree("server/deepblend", "deepblend") | tree("protocol/deepblend_protocol", "deepblend_protocol")
    for plugin in ("gimp_plugin", "krita_plugin"):
        expected |= tree(plugin, f"deepblend/plugins/{plugin}")
    assert names == expected
    compiled = {name for name in names if name.endswith(".mo")}
    assert "deepblend_protocol/locale/de/LC_MESSAGES/deepblend.mo" in compiled
    assert len(compiled) == len(list((ROOT / "protocol/deepblend_protocol/locale").rglob("*.po")))
    assert "deepblend/weights/vgg16_conv1_1_to_conv4_3.fp16.safetensors" in names
    for name in examples.EXAMPLES:
        carried = {Path(file).stem for file in names if file.startswith(f"deepblend/example/{name}/")}
        assert carried == {"source", "mask", "target", "place"}


def test_the_wheel_says_what_it_is(wheel):
    def read(name):
        return wheel.read(next(entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}"))).decode()

    metadata = email.message_from_string(read("METADATA"))
    assert (metadata["Name"], metadata["Version"]) == ("deepblend", deepblend.__version__)
    assert metadata["Requires-Python"] == ">=3.10"
    assert "CC-BY-4.0" in metadata["License-Expression"]
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {line.partition(">=")[0] for line in required} == {
        "opencv-python-headless",
        "torch",
        "torchvision",
        "numpy",
        "pillow",
        "pyzmq",
        "safetensors",
    }
    assert set(metadata.get_all("Provides-Extra", [])) == {"test", "docs", "video", "ray", "files", "heif", "psd"}
    scripts = configparser.ConfigParser()
    scripts.read_string(read("entry_points.txt"))
    assert dict(scripts["console_scripts"]) == {"deepblend": "deepblend.commands.cli:main"}
    assert "VGG16" in read("licenses/NOTICE") and "MIT" in read("licenses/LICENSE")


def test_every_picture_that_is_shipped_is_in_the_notice():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    shipped = [path for path in (ROOT / "server/deepblend/example").rglob("*.*") if path.suffix != ".json"]
    assert len(shipped) == 3 * len(examples.EXAMPLES)
    for path in shipped:
        assert path.relative_to(ROOT).as_posix() in notice


def test_the_source_distribution_can_build_the_wheel_and_run_the_tests(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "tests/test_packaging.py"):
        assert needed in names
    locale = "protocol/deepblend_protocol/locale/de/LC_MESSAGES"
    assert {"hatch_build.py", f"{locale}/deepblend.po"} <= names
    assert f"{locale}/deepblend.mo" not in names
    assert {f"server/deepblend/{name}" for name in ("__init__.py", "commands/cli.py")} <= names
