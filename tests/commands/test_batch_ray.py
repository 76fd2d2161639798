"""A batch on a Ray cluster: two machines of this machine's own, of which one is lost, or both, or the head as well."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra 'ray' is not installed")
JOBS = 7

# In a process of its own: pytest makes errors of the warnings that Ray gives.
CLUSTER = """\
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
try:
    lost, kept = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    print(cluster.address, flush=True)
    for node in (lost, kept):
        if not sys.stdin.readline():
            break
        cluster.remove_node(node, allow_graceful=False)
        print("lost", flush=True)
    sys.stdin.readline()
finally:
    cluster.shutdown()
"""


@dataclass
class Machines:
    """A cluster of a head and two machines that lets in nobody else."""

    address: str
    process: psutil.Process
    lose: Callable[[], None]
    """Loses one of the two machines."""
    end: Callable[[], None]
    """Loses the head as well."""


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def told(word: str) -> str:
            """The next line that begins so; Ray prints some of its own."""
            return next(line.strip() for line in process.stdout if line.startswith(word))

        def lose() -> None:
            process.stdin.write("\n")
            process.stdin.flush()
            told("lost")

        def end() -> None:
            process.stdin.close()  # ends the cluster, and with it all that it started
            process.wait(timeout=240)

        try:
            yield Machines(told(""), psutil.Process(process.pid), lose, end)
        finally:
            end()


def large(pictures) -> None:
    """Pictures that take long enough to be lost on the way."""
    rows, columns = np.mgrid[:400, :480]
    ellipse = ((rows - 199.5) / 160) ** 2 + ((columns - 239.5) / 200) ** 2 < 1
    grain = np.random.default_rng(1).integers(60, 200, (800, 960, 3), np.uint8)
    Image.fromarray(grain[:400, :480] // 2).save(pictures.source)
    Image.fromarray((ellipse * 255).astype(np.uint8)).save(pictures.mask)
    Image.fromarray(grain).save(pictures.target)


def command(jobs: Path, folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "deepblend.commands.cli", "batch", str(jobs), "--output", str(folder), *more]


def test_a_lost_machine_costs_no_job_and_no_bit(pictures, cluster):
    large(pictures)
    small = {"source-size": "48x40", "target-size": "96x80"}
    jobs = pictures.folder / "jobs.jsonl"
    each = [{"center": f"{400 + 20 * at},400", "layer": at == 1, **(small if at == 0 else {})} for at in range(JOBS)]
    files = {"source": "source.png", "mask": "mask.png", "target": "target.png", "method": "poisson"}
    each[0] |= {"method": "deep", "center": "48,40"}
    each.append({"center": "9999,9999"})
    jobs.write_text("\n".join(json.dumps({**files, **job, "name": f"j{at}"}) for at, job in enumerate(each)))
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    here, there = pictures.folder / "here", pictures.folder / "there"
    assert subprocess.run(command(jobs, here, "--quiet"), env=one_thread, check=False).returncode == 1

    on_ray = command(jobs, there, "--ray", cluster.address, "--ray-cpus", "1", "--report")
    with subprocess.Popen(on_ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        shown = [process.stdout.readline() for _ in range(3)]
        cluster.lose()
        rest, errors = process.communicate(timeout=240)
    assert process.returncode == 1, errors
    *lines, summary, failed = "".join([*shown, rest]).splitlines()
    assert len(lines) == JOBS, (lines, errors)
    assert all(line.startswith(f"{there}/j") for line in lines), (lines[-3:], summary, failed, errors)
    assert summary.startswith(f"{there}: {JOBS} done, 1 failed, ")
    assert f"j{JOBS} (line {JOBS + 1}): The mask lies wholly outside the background" in failed

    for picture in here.glob("*.png"):
        assert (there / picture.name).read_bytes() == picture.read_bytes(), picture.name
    assert len(list(there.glob("*.png"))) == JOBS + 1
    report = json.loads((there / "j1.json").read_text())
    assert report["threads"] == 1
    assert report["files"]["target"] == str(pictures.target) and report["files"]["output"] == str(there / "j1.png")
    # The lost job could begin anew only when the one machine that was left had no other to do.
    entries = [json.loads(line) for line in (there / "batch.jsonl").read_text().splitlines()]
    assert sorted(entry["name"] for entry in entries) == [f"j{at}" for at in range(JOBS + 1)]
    assert entries[-1]["seconds"] > max(entry["seconds"] for entry in entries[4:-1])

    again = subprocess.run(command(jobs, there, "--report", "--json"), capture_output=True, text=True, check=False)
    assert json.loads(again.stdout)["skipped"] == JOBS


@pytest.mark.parametrize("also_the_head", [False, True])
def test_where_no_machine_is_left_the_batch_ends_and_can_go_on(pictures, cluster, also_the_head):
    large(pictures)
    jobs, folder = pictures.folder / "jobs.jsonl", pictures.folder / "out"
    files = {"source": "source.png", "mask": "mask.png", "target": "target.png", "method": "poisson"}
    each = [{**files, "name": f"j{at}", "center": f"{400 + at},400"} for at in range(40)]
    jobs.write_text("\n".join(map(json.dumps, each)))
    on_ray = command(jobs, folder, "--ray", cluster.address, "--ray-cpus", "1", "--ray-wait", "3")
    with subprocess.Popen(on_ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        cluster.lose()
        cluster.lose()
        if also_the_head:
            cluster.end()
        out, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert first.startswith(f"{folder}/j")
    why = "the connection to it has ended" if also_the_head else "for 3 seconds it had no machine that a blend fits on"
    lost = f"The Ray cluster '{cluster.address}' was lost before this blend was done: {why}. Once it is back,"
    entries = [json.loads(line) for line in (folder / "batch.jsonl").read_text().splitlines()]
    assert sorted(entry["name"] for entry in entries) == sorted(job["name"] for job in each)
    failed = [entry for entry in entries if entry["status"] == "failed"]
    assert failed and {entry["error"]["code"] for entry in failed if lost in errors} == {"cluster.lost"}
    for entry in failed:
        assert f"  {entry['name']} (line {entry['line']}): " in out
    assert all(line.startswith("deepblend: j") for line in errors.splitlines()), errors  # nothing of Ray's own

    jobs.write_text("\n".join(map(json.dumps, each[:1])))
    (folder / "batch.jsonl").write_text(json.dumps({**entries[0], "name": "j0", "status": "failed"}) + "\n")
    again = subprocess.run(command(jobs, folder, "--json"), capture_output=True, text=True, check=False)
    assert json.loads(again.stdout)["done"] == 1


def test_a_job_that_ends_its_process_each_time_is_told_of(pictures, cluster):
    large(pictures)
    jobs, folder = pictures.folder / "jobs.jsonl", pictures.folder / "out"
    jobs.write_text(json.dumps({"source": "source.png", "mask": "mask.png", "target": "target.png"}))
    on_ray = command(jobs, folder, "--ray", cluster.address, "--ray-cpus", "1")
    with subprocess.Popen(on_ray, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            for child in cluster.process.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.cmdline()[:1] == ["ray::Worker.blend"]:
                        child.kill()
            time.sleep(0.2)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert f"The process that blends on the Ray cluster '{cluster.address}' died" in errors
    (entry,) = map(json.loads, (folder / "batch.jsonl").read_text().splitlines())
    assert entry["error"]["code"] == "worker.lost"


def test_no_cluster_is_one_sentence(pictures, deepblend, monkeypatch):
    jobs = pictures.folder / "jobs.jsonl"
    jobs.write_text(json.dumps({"source": "source.png", "mask": "mask.png", "target": "target.png"}))
    done = subprocess.run(
        command(jobs, pictures.folder / "out", "--ray", "127.0.0.1:9"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("deepblend: The engine cannot be started on the Ray cluster '127.0.0.1:9': ")
    assert done.stderr.count("\n") == 1
    monkeypatch.setitem(sys.modules, "ray", None)
    done = deepblend("batch", jobs, "--output", pictures.folder / "out", "--ray", "auto")
    assert done.status == 1 and "pip install 'deepblend[ray]'" in done.err
