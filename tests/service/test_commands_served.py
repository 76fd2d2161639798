"""The commands that have to do with the server, run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from harness import Served, Talker, endless
from PIL import Image
from waiting import DEADLINE_S, wait_for

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef" * 4


@pytest.fixture
def deepblend(installation: Installation) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command; its connection file is the installation's."""

    def run(*words: str | Path, command: tuple[str, ...] = ("-m", "deepblend.commands.cli")):
        return subprocess.run(
            [sys.executable, *command, *map(str, words)],
            env={**os.environ, "DEEPBLEND_CONNECTION": str(installation.connection)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """A noisy ellipse with soft edges for a ramp: the arguments that name them."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[:90, :110]
    mask = (1.3 - np.hypot((rows - 45) / 36, (columns - 55) / 44)).clip(0, 0.3) / 0.3
    Image.fromarray(random.integers(0, 256, (90, 110, 3), np.uint8)).save(tmp_path / "source.png")
    Image.fromarray((mask * 255).astype(np.uint8)).save(tmp_path / "mask.png")
    ramp = np.linspace(30, 200, 160)[:, None, None] + random.normal(0, 6, (160, 200, 3))
    Image.fromarray(ramp.clip(0, 255).astype(np.uint8)).save(tmp_path / "target.png")
    return [word for role in ("source", "mask", "target") for word in (f"--{role}", str(tmp_path / f"{role}.png"))]


def deeper(path: Path, kind: str) -> str:
    """The same picture beside it, of 16 bits or of floats."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    written = path.with_name(f"{path.stem}-{kind}.{'png' if kind == 'u16' else 'tif'}")
    deep = np.uint16(picture * 256.5) if kind == "u16" else np.float32(picture) / 240
    assert cv2.imwrite(str(written), deep)
    return str(written)


@pytest.mark.parametrize(("method", "kind"), [("poisson", "u8"), ("deep", "u8"), ("deep", "u16"), ("deep", "f32")])
def test_the_same_pixels_with_the_server_as_without(
    deepblend, pictures, tmp_path: Path, method: str, kind: str
) -> None:
    outputs = []
    if kind != "u8":
        pictures = [deeper(Path(word), kind) if word.endswith(".png") else word for word in pictures]
    ending = "tif" if kind == "f32" else "png"
    for how in ("here", "served"):
        output, layer = (tmp_path / f"{how}-{name}.{ending}" for name in ("out", "layer"))
        report = tmp_path / f"{how}-report.json"
        options = ["--method", method, "--output", output, "--layer", layer, "--report", report, "--device", "auto"]
        done = deepblend("blend", *pictures, *options, *(["--server"] if how == "served" else []))
        assert done.returncode == 0, done.stderr
        known = json.loads(report.read_text())
        assert ("server" in known) == (" by the server, " in done.stdout) == (how == "served")
        known |= {"files": {}, "seconds": sorted(known["seconds"]), "peak_memory_bytes": 0, "server": ""}
        for level in known["levels"]:
            del level["seconds"]
        assert known["sample_type"] == {"u8": "uint8", "u16": "uint16", "f32": "float32"}[kind]
        outputs.append((output.read_bytes(), layer.read_bytes(), known))
    for here, served in zip(*outputs, strict=True):
        assert here == served


PATIENT = """
import sys
from deepblend.commands import cli, served
served._AT_ONCE_S = 60.0
sys.exit(cli.main())
"""
"""The command, that gives a server on a busy machine more than half a second to answer."""


def pixels_and_server(deepblend, pictures, output: Path, *options: str) -> tuple[bytes, bool]:
    """What a blend without --server writes, and whether a server made it."""
    done = deepblend("blend", *pictures, "--output", output, *options, command=("-c", PATIENT))
    assert (done.returncode, done.stderr) == (0, "")
    return output.read_bytes(), " by the server, " in done.stdout


def ready(served: Served, talker: Talker) -> None:
    wait_for(lambda: [one["state"] for one in talker.info()["workers"]] == ["ready"], "the engine")


def test_a_server_that_runs_is_used_by_itself_where_it_gives_the_same_pixels(
    deepblend, pictures, tmp_path: Path, serve: Callable[..., Served]
) -> None:
    output, options = tmp_path / "out.png", ("--method", "poisson")
    here, by_server = pixels_and_server(deepblend, pictures, output, *options)
    assert not by_server
    served = serve()
    with Talker(served.connection) as talker:
        ready(served, talker)
        assert pixels_and_server(deepblend, pictures, output, *options) == (here, True)
        assert pixels_and_server(deepblend, pictures, output, *options, "--no-server") == (here, False)
        assert pixels_and_server(deepblend, pictures, output, *options, "--device", "cpu") == (here, False)
        talker.submit("a", endless())  # busy
        wait_for(lambda: talker.info()["running"] == 1, "the other blend")
        assert pixels_and_server(deepblend, pictures, output, *options) == (here, False)


@pytest.mark.parametrize(
    ("options", "given"),
    [
        (("--memory-limit", "2"), {}),
        ((), {"OMP_NUM_THREADS": "1"}),
        ((), {"sabotage": "version"}),
        ((), {"sabotage": "device"}),
    ],
    ids=["limit", "threads", "version", "device"],
)
def test_a_server_that_is_not_alike_is_not_used(
    deepblend, pictures, tmp_path: Path, serve: Callable[..., Served], options: tuple[str, ...], given: dict[str, str]
) -> None:
    served = serve(*options, **given)
    with Talker(served.connection) as talker:
        ready(served, talker)
        _, by_server = pixels_and_server(deepblend, pictures, tmp_path / "out.png", "--method", "poisson")
        assert not by_server
        assert talker.info()["workers"][0]["jobs"] == 0


def test_a_server_that_goes_in_the_middle_costs_no_blend(
    deepblend, pictures, tmp_path: Path, serve: Callable[..., Served]
) -> None:
    served, output = serve(), tmp_path / "out.png"
    options = ("--preset", "painting", "--target-size", "400x320", "--source-size", "220x180")
    here, _ = pixels_and_server(deepblend, pictures, output, *options, "--no-server")
    with Talker(served.connection) as talker, ThreadPoolExecutor(1) as beside:
        ready(served, talker)
        blend = beside.submit(pixels_and_server, deepblend, pictures, output, *options)
        wait_for(lambda: talker.info()["running"], "the blend on the server")
        served.process.kill()
        assert blend.result() == (here, False)


def test_a_film_and_a_refusal_through_the_server(deepblend, pictures, tmp_path: Path) -> None:
    film = tmp_path / "film.webp"
    painted = ("--preset", "painting", "--video", film, "--server")
    done = deepblend("blend", *pictures, "--output", tmp_path / "out.png", *painted)
    assert done.returncode == 0, done.stderr
    with Image.open(film) as frames:
        assert getattr(frames, "n_frames", 1) > 5
    done = deepblend("blend", *pictures, "--output", tmp_path / "out.png", "--server", "--grow", "-500")
    assert done.returncode == 2
    assert "The mask is empty" in done.stderr and "Traceback" not in done.stderr
    done = deepblend("blend", *pictures, "--output", tmp_path / "out.png", "--server", "--device", "cuda")
    assert done.returncode == 2 and "--device does not go with --server" in done.stderr


def test_status_and_stop(deepblend, pictures, tmp_path: Path, installation: Installation) -> None:
    done = deepblend("status")
    assert done.returncode == 1 and "No server is running" in done.stderr
    assert deepblend("stop").stdout == "No server is running.\n"
    assert deepblend("blend", *pictures, "--output", tmp_path / "out.png", "--server").returncode == 0
    found = connection.read(installation.connection)
    assert found is not None
    done = deepblend("status")
    assert done.returncode == 0
    assert f"process {found.pid}, at {found.endpoint}" in done.stdout and "1 jobs done" in done.stdout
    known = json.loads(deepblend("status", "--json").stdout)
    assert known["pid"] == found.pid and known["workers"][0]["jobs"] == 1
    done = deepblend("stop")
    assert (done.returncode, done.stdout) == (0, "The server has ended.\n")
    assert not connection.server_runs(installation.connection)
    assert connection.read(installation.connection) is None


def test_stopping_a_server_that_does_not_answer(deepblend, serve: Callable[..., Served]) -> None:
    served = serve()
    served.connection  # noqa: B018 (waits)
    psutil.Process(served.process.pid).suspend()
    done = deepblend("stop")
    assert (done.returncode, done.stdout) == (0, "The server did not answer; its process was ended.\n")
    assert served.process.wait(DEADLINE_S) != 0


def test_stopping_when_idle_lets_a_job_end(deepblend, serve: Callable[..., Served]) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        talker.submit("a", endless())
        assert "leaves when those it has are done" in deepblend("stop", "--when-idle").stdout
        assert served.process.poll() is None
    assert served.process.wait(DEADLINE_S) == 0  # its client has gone, and with it the job


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--endpoint", "udp://127.0.0.1:1"), "is not tcp://HOST:PORT"),
        (("--endpoint", "tcp://0.0.0.0:7777"), "add --remote"),
        (("--endpoint", "tcp://127.0.0.1:99999"), "is not tcp://HOST:PORT"),
        (("--endpoint", "tcp://203.0.113.1:7777", "--remote"), "cannot listen at"),
        (("--idle-exit", "soon"), "'soon' is not a number of minutes"),
        (("--idle-exit", "-1"), "not a number of minutes"),
        (("--max-queue", "0"), "'0' is not a whole number"),
        (("--max-pixels", "1e3"), "'1e3' is not a whole number"),
    ],
)
def test_serve_refuses_in_a_sentence(deepblend, words: tuple[str, ...], said: str) -> None:
    done = deepblend("serve", *words)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_another_machines_server(deepblend, tmp_path: Path, serve: Callable[..., Served], pictures) -> None:
    """The whole way: a server for others, a client that is not known yet, its key added, and back."""
    served = serve("--endpoint", "tcp://0.0.0.0:*", "--remote")
    home = served.path
    port = served.connection.endpoint.rpartition(":")[2]
    hint = re.compile(r"deepblend connect tcp://HOST:\d+ (\w+)")
    key = wait_for(lambda: hint.search(served.said.read_text()), "how to connect")  # said after the file is written
    other = tmp_path / "other" / "connection.json"
    endpoint = f"tcp://127.0.0.1:{port}"
    done = deepblend("connect", endpoint, key[1], "--connection", other)
    assert done.returncode == 0, done.stderr
    add = re.search(r"deepblend key add NAME (\w+)", done.stdout)
    assert add
    blend = (
        "blend",
        *pictures,
        "--method",
        "poisson",
        "--output",
        tmp_path / "o.png",
        "--server",
        "--connection",
        other,
    )
    done = deepblend(*blend)
    assert done.returncode == 1 and f"The server at {endpoint} does not answer" in done.stderr
    assert deepblend("key", "add", "anna", add[1], "--connection", home).returncode == 0
    done = deepblend(*blend)
    assert done.returncode == 0, done.stderr
    assert add[1] in deepblend("key", "list", "--connection", home).stdout
    assert deepblend("key", "remove", "anna", "--connection", home).returncode == 0
    assert deepblend(*blend).returncode == 1
    done = deepblend("serve", "--connection", other)
    assert done.returncode == 2 and "deepblend connect --local" in done.stderr
    assert "not used any more" in deepblend("connect", "--local", "--connection", other).stdout
    assert connection.read(other) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("key", "add", "anna"), "it is: deepblend key add NAME KEY"),
        (("key", "add", "an na", KEY), "is no name for a key"),
        (("key", "add", "anna", "short"), "is no public key"),
        (("key", "add", "anna", KEY[:-1] + "g"), "is no public key"),
        (("key", "remove", "nobody"), "no key is called 'nobody'. Authorised: none."),
        (("connect", "studio:7777", KEY), "is not tcp://HOST:PORT"),
        (("connect", "tcp://studio:port", KEY), "is not tcp://HOST:PORT"),
        (("connect", "tcp://studio:7777", "short"), "is no public key"),
        (("connect", "tcp://studio:7777"), "it is: deepblend connect"),
    ],
)
def test_keys_and_connections_are_refused_in_a_sentence(deepblend, words: tuple[str, ...], said: str) -> None:
    done = deepblend(*words)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_name_is_not_given_to_two_keys(deepblend) -> None:
    assert deepblend("key", "add", "anna", KEY).returncode == 0
    assert deepblend("key", "add", "anna", KEY).returncode == 0
    own = json.loads(deepblend("key", "show", "--json").stdout)["client"]
    done = deepblend("key", "add", "anna", own)
    assert done.returncode == 2 and "another key is called 'anna'" in done.stderr


def test_the_script_of_the_documents(deepblend, tmp_path: Path) -> None:
    script = ROOT / "docs" / "client.py"
    assert len(script.read_text().splitlines()) <= 30
    random = np.random.default_rng(2)
    cut_out = np.zeros((64, 80, 4), np.uint8)
    cut_out[20:44, 30:60] = random.integers(0, 256, (24, 30, 4), np.uint8)
    cut_out[20:44, 30:60, 3] = 255
    ground = np.broadcast_to(np.linspace(40, 180, 64)[:, None, None], (64, 80, 3)).astype(np.uint8)
    paths = [tmp_path / name for name in ("boat.png", "sea.png", "out.png")]
    Image.fromarray(cut_out).save(paths[0])
    Image.fromarray(ground).save(paths[1])
    done = deepblend(*paths, command=(str(script),))
    assert done.returncode == 0, done.stderr
    assert "optimise: " in done.stdout
    with Image.open(paths[2]) as picture:
        blended = np.asarray(picture)
    outside = cut_out[:, :, 3] == 0
    assert (blended[outside] == ground[outside]).all()
    assert np.abs(blended[~outside].astype(int) - ground[~outside]).mean() > 3
