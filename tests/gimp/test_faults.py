"""What goes wrong around GIMP: each time a sentence, and the document as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deepblend_protocol import connection
from desk import busy
from gimp import Gimp, rewrite
from harness import COMMAND, Served
from pictures import picture, stored
from waiting import wait_for

WIDTH, HEIGHT = 900, 700
"""Large enough for a blend that takes some seconds."""


def opened(gimp: Gimp) -> None:
    """A document with a layer to blend, in ``image`` and ``layer``; what it is, in ``was``."""
    stored(gimp.folder / "below", picture(WIDTH, HEIGHT, 4))
    stored(gimp.folder / "layer", picture(600, 500, 4, seed=11))
    gimp.run(f"""
image = tools.new_image({WIDTH}, {HEIGHT})
tools.new_layer(image, "{gimp.folder}/below", "below", {WIDTH}, {HEIGHT})
layer = tools.new_layer(image, "{gimp.folder}/layer", "Boat", 600, 500, 100, 80)
was = tools.state(image)
""")


def blending(gimp: Gimp) -> int:
    return gimp.start("""
answer = tools.blend(image, layer, wanted=False)
answer = {"status": answer["status"], "said": answer["said"], "same": tools.state(image) == was}
""")


def small_blend(gimp: Gimp) -> Any:
    return gimp.run("""
image.select_rectangle(Gimp.ChannelOps.REPLACE, 200, 200, 40, 40)
answer = tools.blend(image, layer, method="poisson", wanted=False)
answer["layer"] = answer["layer"] and answer["layer"].get_name()
Gimp.Selection.none(image)
""")


@pytest.fixture
def own_server(tmp_path: Path):
    """Starts a server of the test's own."""
    started: list[Served] = []

    def one(*options: str) -> Served:
        started.append(Served(tmp_path / "home" / "connection.json", options, {}))
        started[-1].connection  # noqa: B018  waits for it
        return started[-1]

    yield one
    for each in started:
        each.end()


def test_a_server_that_is_killed_is_said_and_the_next_blend_has_another(
    start: Callable[..., Gimp], own_server: Callable[..., Served]
):
    first = own_server()
    gimp = start(server=first.path)
    opened(gimp)
    number = blending(gimp)
    wait_for(lambda: busy(first), "the blend")
    for worker in first.workers():
        worker.kill()
    os.kill(first.process.pid, signal.SIGKILL)
    answer = gimp.answer(number)
    assert answer == {
        "status": "execution-error",
        "said": "The connection to the server was lost during the blend. Nothing in your picture changed; blend again.",
        "same": True,
    }
    own_server()
    assert small_blend(gimp)["status"] == "success"


def test_a_server_that_refuses_says_why(start: Callable[..., Gimp], own_server: Callable[..., Served]):
    gimp = start(server=own_server("--max-message", "1").path)
    opened(gimp)
    answer = gimp.answer(blending(gimp))
    assert answer["status"] == "execution-error"
    assert "and the server takes 1048576 at most. Select less" in answer["said"]
    assert answer["same"]


def test_without_a_server_and_a_way_to_start_one(start: Callable[..., Gimp], tmp_path: Path):
    (tmp_path / "nowhere").mkdir(mode=0o700)
    gimp = start(server=tmp_path / "nowhere" / "connection.json")
    opened(gimp)
    cases = {
        (): "cannot be started from here. Start it by hand",
        ("/no/such/python", "-m", "x"): "is not there any more (/no/such/python)",
        ("/bin/sh", "-c", "echo no room left; exit 1"): "could not be started: no room left",
    }
    for command, words in cases.items():
        rewrite(gimp.folder, command=command, remedy="Start it by hand.")
        answer = gimp.answer(blending(gimp))
        assert answer["status"] == "execution-error"
        assert words in answer["said"]
        assert answer["same"]


def test_the_server_is_started_when_none_answers(start: Callable[..., Gimp], tmp_path: Path):
    repository = Path(__file__).parents[2]
    prefixes = {sys.prefix, sys.base_prefix, str(repository)}
    path = tmp_path / "fresh" / "connection.json"
    path.parent.mkdir(mode=0o700)
    gimp = start(server=path, shared=tuple(prefixes))
    rewrite(gimp.folder, command=(*COMMAND, "--idle-exit", "1"))
    opened(gimp)
    try:
        answer = small_blend(gimp)
        assert answer["status"] == "success", answer["said"]
        assert answer["layer"] == "Boat, seamless"
    finally:
        gimp.end()  # the server runs in GIMP's namespace and ends with it
    assert connection.read(path) is not None  # it was that one


def test_no_pyzmq_goes_by_the_relay(start: Callable[..., Gimp], gimp_server: Served):
    """GIMP's Python cannot import pyzmq, as on Windows: a child of the installed environment brings the same pixels."""
    repository = Path(__file__).parents[2]
    gimp = start(shared=tuple({sys.prefix, sys.base_prefix, str(repository)}))
    plug_in = gimp.folder / "profile" / "plug-ins" / "deepblend-gimp"
    opened(gimp)
    outcome = []
    for hidden in (False, True):
        if hidden:
            for folder in plug_in.glob("vendor/py*"):
                folder.rename(folder.with_name("hidden-" + folder.name))
        assert small_blend(gimp)["status"] == "success"
        gimp.run(f"""
new = image.get_layers()[0]
tools.save(new, "{gimp.folder}/new{int(hidden)}")
image.remove_layer(new)
""")
        outcome.append((gimp.folder / f"new{int(hidden)}").read_bytes())
    assert outcome[0] == outcome[1]


def test_a_plug_in_that_is_not_whole_says_so(start: Callable[..., Gimp]):
    gimp = start()
    plug_in = gimp.folder / "profile" / "plug-ins" / "deepblend-gimp"
    opened(gimp)
    rewrite(gimp.folder, relay=())
    for folder in plug_in.glob("vendor/py*"):
        folder.rename(folder.with_name("hidden-" + folder.name))
    answer = gimp.answer(blending(gimp))
    assert answer["status"] == "execution-error"
    assert "deepblend install gimp" in answer["said"]
    (plug_in / "installation.json").write_text("{")
    answer = gimp.answer(blending(gimp))
    assert "install the plug-in again" in answer["said"]
    assert answer["same"]


SCHEME = """
(define (blended from to style)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE from)))
         (layer (vector-ref (car (gimp-image-get-layers image)) 0)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 200 200 40 40)
    (deepblend #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer) #:style style)
    (gimp-file-save RUN-NONINTERACTIVE image to)))
"""


def batch(gimp: Gimp, call: str, *variables: str) -> subprocess.CompletedProcess[str]:
    """What a shell script does: GIMP without a window, Script-Fu on its command line."""
    command = ["gimp-console", "-i", "-d", "--batch-interpreter=plug-in-script-fu-eval", "-b", SCHEME + call, "--quit"]
    command = [*gimp.entered, "env", *variables, *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def saved(gimp: Gimp) -> Path:
    """A document with a layer to blend, in a file."""
    opened(gimp)
    file = gimp.folder / "boat.xcf"
    gimp.run(f"""
from gi.repository import Gio
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path("{file}"))
""")
    return file


def test_batch_from_script_fu(start: Callable[..., Gimp]):
    gimp = start()
    file = saved(gimp)
    gimp.end()
    done = batch(gimp, f'(blended "{file}" "{gimp.folder}/out.xcf" 0.2)')
    assert done.returncode == 0, done.stderr[-2000:]
    assert (gimp.folder / "out.xcf").stat().st_size > file.stat().st_size
    done = batch(gimp, f'(blended "{file}" "{gimp.folder}/bad.xcf" 7)')
    assert done.returncode == 70
    assert not (gimp.folder / "bad.xcf").exists()


def test_another_python_comes_first(start: Callable[..., Gimp]):
    """GIMP was started from a terminal where a virtual environment is active: that Python knows nothing of GIMP."""
    gimp = start()
    file = saved(gimp)
    gimp.end()
    folder = gimp.folder / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (folder / "bin" / "python3").symlink_to("/usr/bin/python3")
    path = f"PATH={folder / 'bin'}:/usr/bin:/bin"
    bare = subprocess.run([*gimp.entered, "env", path, "python3", "-c", "import gi"], capture_output=True, check=False)
    assert bare.returncode != 0 and b"No module named 'gi'" in bare.stderr
    os.utime(gimp.folder / "profile" / "plug-ins" / "deepblend-gimp" / "deepblend-gimp.py")  # it is asked anew
    done = batch(gimp, f'(blended "{file}" "{gimp.folder}/out.xcf" 0.2)', path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (gimp.folder / "out.xcf").exists()
