"""Jobs through the real server: what docs/protocol.md, sections 3 to 5, promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from deepblend_protocol import messages
from deepblend_protocol.geometry import Rect
from deepblend_protocol.settings import PRESETS
from harness import Served, Talker, endless, plane, small
from waiting import wait_for


@pytest.fixture
def talker(server: Served) -> Iterator[Talker]:
    with Talker(server.connection) as one:
        yield one


def test_welcome_and_info(server: Served, talker: Talker) -> None:
    welcome = talker.welcome
    assert welcome.instance == server.connection.instance
    assert welcome.limits["queue"] == 32
    known = wait_for(lambda: (known := talker.info())["devices"] and known, "the engine's start")
    assert known["pid"] == server.process.pid
    assert known["devices"][-1]["name"] == "cpu"
    assert [one["device"] for one in known["workers"]] == ["cpu"]


def test_a_job_from_its_acceptance_to_its_result(talker: Talker) -> None:
    talker.submit("a", small())
    queued = talker.receive()
    assert isinstance(queued, messages.Queued) and queued.job == "a"
    running = talker.until(messages.Running, job="a")
    assert (running.fraction, running.stage, running.device) == (0, "start", "cpu")
    result = talker.until(messages.Result, job="a")
    assert result.layer.rect == (22, 22, 36, 36)
    assert result.layer.channels == "RGBA"
    assert result.report["method"] == "poisson"
    samples = np.frombuffer(result.layer.samples.joined(), np.uint8).reshape(36, 36, 4)
    assert samples[0, 0, 3] == 0 and samples[18, 18, 3] == 255


def test_progress_never_falls_and_never_says_that_all_is_done(talker: Talker) -> None:
    talker.submit("b", small(side=200, settings={"method": "deep"}))
    fractions = []
    while not isinstance(message := talker.receive(), messages.Result):
        if isinstance(message, messages.Running):
            fractions.append(message.fraction)
    assert len(fractions) > 5
    assert fractions == sorted(fractions) and fractions[-1] < 1


def test_previews_as_asked(talker: Talker) -> None:
    wanted = messages.Previews(longer_side=50)
    talker.submit("c", small(side=200, settings={"method": "deep"}, previews=wanted))
    previews = []
    while not isinstance(message := talker.receive(), messages.Result):
        if isinstance(message, messages.Running) and message.preview is not None:
            previews.append(message.preview)
    assert len(previews) > 3
    assert all(max(one.size) == 50 and one.rect == message.layer.rect for one in previews)
    first, last = (np.frombuffer(one.samples.joined(), np.uint8).astype(int) for one in (previews[0], previews[-1]))
    assert np.abs(first - last).max() > 3  # it is the blend as it stands, not one picture


def test_no_previews_unasked(talker: Talker) -> None:
    talker.submit("d", small(side=100, settings={"method": "deep"}))
    while not isinstance(message := talker.receive(), messages.Result):
        assert not isinstance(message, messages.Running) or message.preview is None


@pytest.mark.parametrize(
    ("kind", "dtype"), [("u8", np.uint8), ("u16", np.uint16), ("f16", np.float16), ("f32", np.float32)]
)
@pytest.mark.parametrize("order", ["RGBA", "BGRA", "YA"])
def test_every_sample_type_and_order(talker: Talker, kind: str, dtype: type, order: str) -> None:
    white = 1 if kind[0] == "f" else np.iinfo(dtype).max
    layer = np.full((20, 20, len(order)), 0.25 * white).astype(dtype)
    layer[:, :, -1] = white
    below = np.full((60, 60, 3 if len(order) > 2 else 1), 0.5 * white).astype(dtype)

    def typed(samples: np.ndarray, at: int, channels: str) -> messages.Plane:
        rows, columns = samples.shape[:2]
        return messages.Plane(Rect(at, at, columns, rows), (columns, rows), kind, channels, samples.tobytes())

    name = f"e-{kind}-{order}"
    request = messages.Request(
        layer=typed(layer, 20, order),
        background=typed(below, 0, "RGB" if len(order) > 2 else "Y"),
        settings={"method": "poisson", "preset": "seamless", "edges": "selected"},
    )
    talker.submit(name, request)
    result = talker.ending(name)
    assert isinstance(result, messages.Result)
    assert (result.layer.type, result.layer.channels) == (kind, "RGBA" if len(order) > 2 else "YA")
    found = np.frombuffer(result.layer.samples.joined(), dtype).reshape(20, 20, -1)
    # A flat object on a flat ground takes the ground's colour.
    np.testing.assert_allclose(found[..., 0].astype(float) / white, 0.5, atol=0.004)


def test_a_big_plane_goes_there_and_back_whole(talker: Talker) -> None:
    random = np.random.default_rng(3).integers(0, 256, (1500, 1500, 4), np.uint8)
    mask = plane(np.full((1500, 1500, 1), 255, np.uint8), 0, 0, "Y")
    layer = plane(random, -7, 5, "RGBA")
    talker.send(messages.Echo({"layer": layer, "mask": mask}, id=77))
    echo = talker.until(messages.Echo)
    assert echo.to == 77
    assert bytes(echo.planes["layer"].samples.joined()) == random.tobytes()
    assert echo.planes["layer"].rect == (-7, 5, 1500, 1500)


def test_cancel_of_what_runs(talker: Talker) -> None:
    talker.submit("g", endless())
    talker.until(messages.Running, job="g")
    talker.send(messages.Cancel("g"))
    assert isinstance(talker.ending("g"), messages.Cancelled)
    talker.send(messages.Cancel("g"))
    assert talker.ending("g").code == "job.unknown"
    talker.submit("h", small())
    assert isinstance(talker.ending("h"), messages.Result)


def test_cancel_twice_at_once(talker: Talker) -> None:
    talker.submit("i", endless())
    talker.until(messages.Running, job="i")
    talker.send(messages.Cancel("i"))
    talker.send(messages.Cancel("i"))
    endings = [talker.ending("i")]
    talker.submit("j", small())
    while not isinstance(message := talker.receive(), messages.Result):
        if getattr(message, "job", None) == "i":
            endings.append(message)
    assert isinstance(endings[0], messages.Cancelled)
    assert all(isinstance(one, messages.Failure) and one.code == "job.unknown" for one in endings[1:])


def test_cancel_of_what_waits(talker: Talker) -> None:
    talker.submit("k", endless())
    talker.until(messages.Running, job="k")
    talker.submit("l", small())
    talker.send(messages.Cancel("l"))
    assert isinstance(talker.ending("l"), messages.Cancelled)
    assert talker.info()["queued"] == 0
    talker.send(messages.Cancel("k"))
    assert isinstance(talker.ending("k"), messages.Cancelled)


def test_cancel_of_what_never_was(talker: Talker) -> None:
    talker.send(messages.Cancel("nobody"))
    failure = talker.until(messages.Failure)
    assert (failure.code, failure.job) == ("job.unknown", "nobody")


def test_cancel_right_after_submitting(talker: Talker) -> None:
    for number in range(20):
        name = f"m{number}"
        talker.submit(name, small())
        talker.send(messages.Cancel(name))
        assert isinstance(talker.ending(name), (messages.Cancelled, messages.Result))
    assert wait_for(lambda: not talker.info()["running"], "the worker's rest")


def test_a_name_may_be_used_once(talker: Talker) -> None:
    talker.submit("n", endless())
    talker.submit("n", small())
    assert talker.until(messages.Failure, job="n").code == "job.duplicate"
    talker.send(messages.Cancel("n"))
    assert isinstance(talker.ending("n"), messages.Cancelled)


def test_two_clients_may_use_one_name_and_hear_of_their_own_jobs_alone(server: Served, talker: Talker) -> None:
    with Talker(server.connection) as other:
        talker.submit("o", endless())
        talker.until(messages.Running, job="o")
        other.submit("o", small())
        assert isinstance(other.until(messages.Queued), messages.Queued)
        other.send(messages.Cancel("p"))
        assert other.until(messages.Failure).code == "job.unknown"
        talker.send(messages.Cancel("o"))
        assert isinstance(talker.ending("o"), messages.Cancelled)
        assert isinstance(other.ending("o"), messages.Result)


def test_how_many_are_before_is_told(talker: Talker) -> None:
    talker.submit("q", endless())
    talker.until(messages.Running, job="q")
    for name in ("r", "s"):
        talker.submit(name, small())
        talker.until(messages.Queued, job=name)
    talker.send(messages.Cancel("r"))
    while (queued := talker.until(messages.Queued, job="s")).ahead:
        pass
    assert queued.why == "turn"
    talker.send(messages.Cancel("q"))
    assert isinstance(talker.ending("s"), messages.Result)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"stile": 0.5}, "setting.unknown"),
        ({"style": "much"}, "setting.range"),
        ({"paper": {"num_stepz": 1}}, "setting.unknown"),
    ],
)
def test_settings_are_refused_by_name(talker: Talker, settings: dict, code: str) -> None:
    name = f"t-{code}-{len(str(settings))}".replace(".", "-")
    talker.submit(name, small(settings=settings))
    failure = talker.receive()
    assert isinstance(failure, messages.Failure) and (failure.code, failure.job) == (code, name)


@pytest.mark.parametrize(
    "settings",
    [
        {"preset": "painting"},
        {"preset": "photograph", "style": 0.0},
        {"style": 0.0, "keep_colours": 0.5, "style_from": "background", "gradients": "source", "grow_px": 0.0},
    ],
    ids=["a preset", "a preset and a value", "values alone"],
)
def test_what_older_clients_send_is_understood(talker: Talker, settings: dict) -> None:
    """They know nothing of the preset "automatic", nor of what came with it."""
    name = f"older-{len(str(settings))}"
    request = small()
    talker.submit(name, replace(request, settings={"method": "poisson", **settings}))
    result = talker.ending(name)
    assert isinstance(result, messages.Result)
    made = result.report["settings"]
    assert {key: made[key] for key in settings} == settings
    looks = result.report["looks_like"]
    if "preset" in settings:
        assert looks is None
        assert made["match"] == PRESETS[settings["preset"]]["match"]
    else:
        assert made["match"] == PRESETS[looks]["match"]


def test_what_is_not_understood_is_answered_to_its_sender(talker: Talker) -> None:
    for header, code, job, to in (
        (b'{"type":"dance","id":5}', "message.unknown", None, 5),
        (b'{"type":"cancel","job":7,"id":6}', "message.malformed", None, 6),
        (b'{"type":"submit","job":"v"}', "message.malformed", "v", None),
        (b"{", "message.malformed", None, None),
    ):
        talker.socket.send_multipart([b"DEEPBLEND/1", header])
        failure = talker.until(messages.Failure)
        assert (failure.code, failure.job, failure.to) == (code, job, to)


def test_a_malformed_cancel_does_not_end_its_job(talker: Talker) -> None:
    talker.submit("w", endless())
    talker.socket.send_multipart([b"DEEPBLEND/1", b'{"type":"cancel","job":"w","buffers":"none"}'])
    failure = talker.until(messages.Failure)
    assert (failure.code, failure.job) == ("message.malformed", None)
    talker.send(messages.Cancel("w"))
    assert isinstance(talker.ending("w"), messages.Cancelled)


def test_hello_comes_first(server: Served) -> None:
    with Talker(server.connection, hello=False) as mute:
        mute.submit("a", small())
        failure = mute.until(messages.Failure)
        assert (failure.code, failure.job) == ("hello.missing", "a")


def test_ping(talker: Talker) -> None:
    talker.send(messages.Ping(12))
    assert talker.until(messages.Pong).to == 12
