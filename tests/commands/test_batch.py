"""Many blends from one file of jobs."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deepblend.batch import journal

JOB = {"source": "source.png", "mask": "mask.png", "target": "target.png", "method": "poisson"}


@pytest.fixture
def write(pictures):
    """Writes a jobs file beside the pictures: rows for .csv, objects for .jsonl; each has what JOB has."""

    def written(name: str, *jobs: dict[str, object], **form: str) -> Path:
        path = pictures.folder / name
        whole = [{**JOB, **job} for job in jobs]
        if path.suffix == ".jsonl":
            path.write_text("\n".join(json.dumps(job) for job in whole) + "\n", encoding="utf-8")
            return path
        names = list(dict.fromkeys(name for job in whole for name in job))
        with open(path, "w", encoding=form.get("encoding", "utf-8"), newline="") as file:
            rows = csv.DictWriter(file, names, delimiter=form.get("delimiter", ","))
            rows.writeheader()
            rows.writerows(whole)
        return path

    return written


@pytest.fixture
def folder(pictures) -> Path:
    return pictures.folder / "out"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"batch.jsonl", "batch.lock"}


def by_name(summary) -> dict[str, dict]:
    return {job["name"]: job for job in summary["jobs"]}


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("jobs.csv", {}),
        ("jobs.csv", {"encoding": "utf-8-sig"}),
        ("jobs.csv", {"encoding": "utf-8-sig", "delimiter": ";"}),
        ("jobs.csv", {"delimiter": "\t"}),
        ("jobs.jsonl", {}),
    ],
    ids=["csv", "bom", "semicolons", "tabs", "jsonl"],
)
def test_a_job_gives_what_blend_gives(deepblend, pictures, folder, write, file, form):
    half = "0,25" if form.get("delimiter") == ";" else 0.25
    first = {"center": "30,22", "keep-colours": half, "name": "Segel, grün"}
    jobs = write(file, first, {"layer": "yes", "report": "yes", "format": "tiff"}, **form)
    done = deepblend("batch", jobs, "--output", folder)
    assert (done.status, done.err) == (0, "")
    assert f"{folder / 'source-2.tiff'}: 96 x 80 pixels, poisson on " in done.out
    assert f"{folder}: 2 done, " in done.out
    assert names(folder) == {"Segel, grün.png", "source-2.tiff", "source-2-layer.png", "source-2.json"}
    deepblend("blend", *pictures.arguments(method="poisson", center="30,22", keep_colours="0.25"))
    assert (folder / "Segel, grün.png").read_bytes() == pictures.output.read_bytes()
    alone, layer = pictures.folder / "alone.tiff", pictures.folder / "layer.png"
    deepblend("blend", *pictures.arguments(method="poisson", output=alone, layer=layer))
    assert (folder / "source-2.tiff").read_bytes() == alone.read_bytes()
    assert (folder / "source-2-layer.png").read_bytes() == layer.read_bytes()
    assert json.loads((folder / "source-2.json").read_text())["method"] == "poisson"


def test_numbers_switches_and_nothing_in_json(deepblend, folder, write):
    job = {"keep_colours": 0.25, "grow": -2, "feather": None, "layer": True, "report": False, "name": 7}
    done = deepblend("batch", write("jobs.jsonl", job), "--output", folder, "--report", "--json")
    assert (done.status, done.err) == (0, "")
    assert names(folder) == {"7.png", "7-layer.png"}
    assert done.json["done"] == 1 and by_name(done.json)["7"]["files"]["layer"] == str(folder / "7-layer.png")


def test_the_command_line_has_the_defaults(deepblend, pictures, folder, monkeypatch):
    monkeypatch.chdir(pictures.folder)
    away = pictures.folder / "away"
    away.mkdir()
    jobs = away / "jobs.csv"
    jobs.write_text("source,keep-colours,name\n../source.png,,a\n../source.png,0,b\n")  # relative to the jobs file
    chosen = ["--target", "target.png", "--mask", "mask.png", "--method", "poisson", "--keep-colours", "1"]
    done = deepblend("batch", jobs, "--output", folder, *chosen, "--format", "webp", "--report")
    assert (done.status, done.err) == (0, "")
    assert names(folder) == {"a.webp", "a.json", "b.webp", "b.json"}
    kept = [json.loads((folder / f"{name}.json").read_text())["settings"]["keep_colours"] for name in "ab"]
    assert kept == [1, 0]


BAD = [
    ({"style": "2"}, "'style' cannot be 2.0: it takes a number from 0 to 1"),
    ({"style": "much"}, "'much' is not a number"),
    ({"center": "3"}, "'3' is not COL,ROW"),
    ({"method": "magic"}, "'method' cannot be 'magic'"),
    ({"target": "nowhere.jpg"}, "nowhere.jpg cannot be read: there is no such file"),
    ({"mask": "."}, "it is a folder"),
    ({"source": "a\x00b"}, "no file can have this name"),
    ({"source": "jobs.jsonl", "mask": None}, "it is not a picture of a known kind"),
    ({"mask": None}, "has no transparency that would cut the object out"),
    ({"source": None}, "required: --source"),
    ({"styel": 1}, "There is no option 'styel' (did you mean style?); a job's are source, mask, target,"),
    ({"output": "x.png"}, "There is no option 'output'"),
    ({"server": True}, "There is no option 'server'"),
    ({"style": True}, "'style' is neither true nor false"),
    ({"style": [1]}, "'style' has to be text, a number, true or false"),
    ({"layer": "perhaps"}, "'layer' cannot be 'perhaps': it takes yes or no"),
    ({"format": "gif"}, "'.gif' is no picture format that can be written"),
    ({"format": "/../x.png"}, "is no picture format"),
    ({"name": "good"}, "The name 'good' is taken by the job of line 1"),
    ({"name": "GOOD"}, "The name 'GOOD' is taken by the job of line 1"),
    ({"name": "good-layer"}, "The file good-layer.png of 'good-layer' is taken by the job of line 1"),
    *(({"name": name}, "is not a plain file name") for name in ("../x", "/x", "a/b", "a\\b", "..", ".x", "", "C:x")),
    *(({"name": name}, "is not a plain file name") for name in ("x.", "con", "NUL.a", "a\nb", "\ud800", "é" * 101)),
]


def test_each_bad_job_fails_alone(deepblend, pictures, folder, write):
    """All in one file, after a good one and before another."""
    before = pictures.names()
    jobs = [{"name": "good", "layer": True}, *({"name": f"bad{at}", **job} for at, (job, _) in enumerate(BAD)), {}]
    done = deepblend("batch", write("jobs.jsonl", *jobs), "--output", folder, "--json")
    assert done.status == 1
    good, *bad, last = done.json["jobs"]
    assert (good["status"], last["status"], done.json["failed"]) == ("done", "done", len(BAD))
    for line, (told, (job, words)) in enumerate(zip(bad, BAD, strict=True), 2):
        assert (told["status"], told["line"]) == ("failed", line), job
        assert words in told["error"]["sentence"], job
        assert f"(line {line}): {told['error']['sentence']}\n" in done.err
    assert names(folder) == {"good.png", "good-layer.png", f"source-{len(jobs)}.png"}
    assert pictures.names() - before == {"jobs.jsonl", "out"}


def test_a_row_of_another_length_fails_alone(deepblend, pictures, folder):
    jobs = pictures.folder / "jobs.csv"
    row = "source.png,mask.png,target.png,poisson"
    jobs.write_text(f'source,mask,target,method\n{row}\n\n"source\n.png",mask.png\n{row},more\n{row}\n')
    done = deepblend("batch", jobs, "--output", folder, "--json")
    assert [(job["line"], job["status"]) for job in done.json["jobs"]] == [
        (2, "done"),
        (4, "failed"),
        (6, "failed"),
        (7, "done"),
    ]
    assert "It has 5 cells, and the header has 4." in done.err and "It has 2 cells" in done.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "jobs.csv",
            b"source,target,styel\na.png,b.png,1\n",
            "line 1: there is no column 'styel' (did you mean style?); the columns are sour",
        ),
        ("jobs.csv", b"source,target,source\na,b,c\n", "line 1: the column 'source' is there twice"),
        ("jobs.csv", b'source,target\na,b\n"a,b\nc', "line 3: it is not CSV"),
        ("jobs.csv", b"source,target\n", "holds no jobs"),
        ("jobs.csv", b"", "holds no jobs"),
        ("jobs.csv", "source,target\nä,b\n".encode("cp1252"), "is not UTF-8 (line 2)"),
        ("jobs.jsonl", b'{"source": "a"}\n\n{"source": \n', "line 3: it is not JSON"),
        ("jobs.jsonl", b"[1]\n", "line 1: a job has to be an object"),
        ("jobs.jsonl", b"\n\n", "holds no jobs"),
        ("jobs.jsonl", b"[" * 100_000, "line 1: it is not JSON"),
        ("jobs.txt", b"", "is neither .csv nor .jsonl"),
    ],
)
def test_a_broken_file_refuses_as_a_whole(deepblend, pictures, folder, name, content, words):
    jobs = pictures.folder / name
    jobs.write_bytes(content)
    done = deepblend("batch", jobs, "--output", folder)
    assert done.status == 2
    assert words in done.err and done.err.count("\n") == 1
    assert done.out == "" and not folder.exists()


def test_what_refuses_the_whole_command(deepblend, pictures, folder, write):
    jobs = write("batch.jsonl", {})
    assert "rename the jobs file" in deepblend("batch", jobs, "--output", pictures.folder).err
    done = deepblend("batch", jobs, "--output", pictures.source)
    assert done.status == 1 and "could not be written" in done.err
    assert "no such file" in deepblend("batch", pictures.folder / "none.csv", "--output", folder).err
    assert "--ray as well" in deepblend("batch", jobs, "--output", folder, "--ray-actors", "2").err


def test_no_picture_that_is_read_is_replaced(deepblend, pictures, write):
    jobs = write("jobs.jsonl", {"name": "target"}, {"name": "other"})
    before = pictures.target.read_bytes()
    done = deepblend("batch", jobs, "--output", pictures.folder)
    assert done.status == 1 and "would replace a picture that is read" in done.err
    assert pictures.target.read_bytes() == before and (pictures.folder / "other.png").exists()


def test_a_fault_of_the_engine_is_one_jobs_own(deepblend, folder, write, monkeypatch):
    from deepblend.file_blend import FileBlend

    real, calls = FileBlend.run, []

    def fails_first(*given):
        calls.append(given)
        if len(calls) == 1:
            raise RuntimeError("out of luck")
        return real(*given)

    monkeypatch.setattr(FileBlend, "run", fails_first)
    done = deepblend("batch", write("jobs.jsonl", {}, {}), "--output", folder, "--json")
    assert (done.status, done.json["failed"], done.json["done"]) == (1, 1, 1)
    assert "RuntimeError: out of luck" in done.err


def test_the_network_is_loaded_once(deepblend, folder, write):
    from deepblend.engine.network import vgg

    vgg._kept.cache_clear()
    deep = {"method": "deep", "target-size": "48x40", "source-size": "24x20"}
    done = deepblend("batch", write("jobs.jsonl", deep, {**deep, "style": 0.4}), "--output", folder, "--device", "cpu")
    assert (done.status, done.err) == (0, "")
    assert vgg._kept.cache_info().misses == 1


# Again, and what is not done again


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """What a rewritten file would change: by name, inode and time."""
    return {name: (os.stat(folder / name).st_ino, os.stat(folder / name).st_mtime_ns) for name in names(folder)}


def entries(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / journal.NAME).read_text().splitlines()]


def test_only_what_changed_is_done_again(deepblend, pictures, folder, write):
    other = pictures.folder / "other.png"
    other.write_bytes(pictures.target.read_bytes())
    one, two, bad = {"name": "one"}, {"name": "two", "target": "other.png"}, {"name": "bad", "mask": "target.png"}
    command = ["batch", write("jobs.jsonl", one, two, bad), "--output", folder, "--json"]
    assert deepblend(*command).json["failed"] == 1
    first = state(folder)

    again = deepblend(*command)
    assert (again.json["skipped"], again.json["failed"]) == (2, 1)  # the failed one was tried again
    assert state(folder) == first
    assert [entry["status"] for entry in entries(folder)] == ["done", "done", "failed", "failed"]

    os.utime(other, ns=(1, 1))
    assert by_name(deepblend(*command).json)["two"]["status"] == "done"
    second = state(folder)
    assert second["one.png"] == first["one.png"] and second["two.png"] != first["two.png"]

    (folder / "one.png").unlink()
    assert deepblend(*command).json["done"] == 1
    write("jobs.jsonl", {**one, "keep-colours": 1}, two, bad)
    told = by_name(deepblend(*command).json)
    assert (told["one"]["status"], told["two"]["status"]) == ("done", "skipped")
    write("jobs.jsonl", {**one, "keep-colours": "1.0", "gradients": "source"}, two, bad)  # the same in other words
    assert deepblend(*command).json["skipped"] == 2
    assert deepblend(*command, "--again").json["done"] == 2


def test_another_version_does_all_again(deepblend, folder, write, monkeypatch):
    command = ["batch", write("jobs.jsonl", {}), "--output", folder, "--json"]
    assert deepblend(*command).json["done"] == 1
    assert deepblend(*command).json["skipped"] == 1
    monkeypatch.setattr("deepblend.batch.jobs.__version__", "99.0")
    assert deepblend(*command).json["done"] == 1


def test_a_torn_line_is_passed_over(deepblend, folder, write):
    command = ["batch", write("jobs.jsonl", {}, {}), "--output", folder, "--json"]
    deepblend(*command)
    lines = (folder / journal.NAME).read_bytes()
    (folder / journal.NAME).write_bytes(lines[:-40])
    done = deepblend(*command).json
    assert [job["status"] for job in done["jobs"]] == ["skipped", "done"]
    assert deepblend(*command).json["skipped"] == 2  # what followed the torn line can be read


SLOW = """\
import sys, time
from deepblend.commands import cli
from deepblend.file_blend import FileBlend
real, count = FileBlend.run, [0]
def slowly(*given):
    if count[0] == 2:
        {stop}
    count[0] += 1
    return real(*given)
FileBlend.run = slowly
sys.exit(cli.main(sys.argv[1:]))
"""
HANG = "print('here', flush=True); time.sleep(600)"
TORN = """
        from deepblend import files
        with files.replacing(given[0].output) as beside:
            beside.write_bytes(b'half of it'); print('here', flush=True); time.sleep(600)"""


def begun(jobs, folder, stop=HANG):
    """A batch of its own process that has done two jobs and is in the third; started as at a terminal."""
    command = [sys.executable, "-c", SLOW.format(stop=stop), "batch", str(jobs), "--output", str(folder), "--json"]
    # A shell starts what runs in the background deaf to Ctrl+C, and the child would inherit that.
    hear = (lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) if os.name == "posix" else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


@pytest.mark.parametrize("stop", [HANG, TORN], ids=["between", "writing"])
def test_killed_midway_it_goes_on_where_it_was(deepblend, pictures, folder, write, stop):
    jobs = write("jobs.jsonl", *({"name": f"j{at}", "center": f"{40 + at},40"} for at in range(4)))
    process = begun(jobs, folder, stop)
    process.kill()
    process.communicate(timeout=300)
    visible = {name for name in names(folder) if not name.startswith(".")}
    assert visible == {"j0.png", "j1.png"}
    assert len(names(folder) - visible) == (stop == TORN)
    before = {name: value for name, value in state(folder).items() if name in visible}
    assert [entry["name"] for entry in entries(folder)] == ["j0", "j1"]

    done = deepblend("batch", jobs, "--output", folder, "--json")
    assert done.status == 0
    assert [job["status"] for job in done.json["jobs"]] == ["skipped", "skipped", "done", "done"]
    after = state(folder)
    assert set(after) == {"j0.png", "j1.png", "j2.png", "j3.png"}
    assert {name: after[name] for name in visible} == before
    assert [entry["name"] for entry in entries(folder)] == ["j0", "j1", "j2", "j3"]
    deepblend("blend", *pictures.arguments(method="poisson", center="42,40"))
    assert (folder / "j2.png").read_bytes() == pictures.output.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's here")
def test_ctrl_c_ends_with_a_summary_and_another_batch_has_to_wait(deepblend, folder, write):
    jobs = write("jobs.jsonl", *({"name": f"j{at}"} for at in range(4)))
    process = begun(jobs, folder)
    try:
        other = deepblend("batch", jobs, "--output", folder)
        assert other.status == 2
        assert f"Another batch runs into {folder} already (process {process.pid})." in other.err
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Cancelled; nothing was left half-written. The same command goes on from here." in err
    summary = json.loads(out)
    assert summary["cancelled"] and [job["status"] for job in summary["jobs"]] == ["done", "done", "left", "left"]
    assert names(folder) == {"j0.png", "j1.png"}
    assert deepblend("batch", jobs, "--output", folder).status == 0
