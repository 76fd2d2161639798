"""``deepblend paper``: the published script's arguments, files in and files out."""

import argparse
import json

import numpy as np
import pytest
import torch
from deepblend.commands import paper as command
from deepblend.commands.cli import main
from deepblend.commands.progress import Progress
from deepblend_protocol.settings import PaperSettings, table
from PIL import Image, ImageDraw


@pytest.fixture
def files(tmp_path):
    """A source with an ellipse of a mask, and a target, each of a size that has to be resized."""
    drawn = np.random.default_rng(3)

    def picture(name: str, size: tuple[int, int]) -> None:
        coarse = Image.fromarray(drawn.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")

    picture("source", (60, 60))
    picture("target", (70, 50))
    mask = Image.new("L", (60, 60))
    ImageDraw.Draw(mask).ellipse((10, 14, 50, 48), fill=255)
    mask.save(tmp_path / "mask.png")
    return tmp_path


@pytest.fixture
def paper(files):
    """``deepblend paper`` on the files, small; returns the exit status."""

    def run(*more: str, **changed: object) -> int:
        given = {role: files / f"{role}.png" for role in ("source", "mask", "target")} | changed
        named = [word for role in ("source", "mask", "target") for word in (f"--{role}_file", str(given[role]))]
        place = ["--ss", "20", "--ts", "32", "--x", "15", "--y", "17", "--num_steps", "1"]
        return main(["paper", *named, *place, "--output_dir", str(files / "out"), *more])

    return run


@pytest.fixture
def report(paper, files):
    """The same, for its report."""

    def run(*more: str, **changed: object) -> dict:
        assert paper("--report", str(files / "report.json"), *more, **changed) == 0
        return json.loads((files / "report.json").read_text())

    return run


def opened(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_the_published_defaults():
    args = parsed()
    assert (args.source_file, args.mask_file, args.target_file) == (
        "data/1_source.png",
        "data/1_mask.png",
        "data/1_target.png",
    )
    assert args.output_dir == "results/1"
    assert (args.ss, args.ts, args.x, args.y) == (300, 512, 200, 235)
    assert not args.save_video
    settings = command.settings(args)
    assert settings == PaperSettings()
    assert (settings.num_steps, settings.grad_weight, settings.style_weight) == (1000, 1e4, 1e4)
    assert (settings.content_weight, settings.tv_weight, settings.hist_weight) == (1, 1e-6, 0)
    assert (settings.second_style_weight, settings.second_content_weight, settings.second_tv_weight) == (1e7, 1, 0)


@pytest.mark.parametrize("name", table(PaperSettings))
def test_every_number_and_oddity_is_an_option(name):
    setting = table(PaperSettings)[name]
    if setting.kind == "switch":
        words, value = [f"--no-{name}" if setting.default else f"--{name}"], not setting.default
    else:
        words, value = [f"--{name}", "3"], 3
    assert getattr(command.settings(parsed(*words)), name) == value
    changed = {
        other: getattr(command.settings(parsed(*words)), other) for other in table(PaperSettings) if other != name
    }
    assert changed == {other: s.default for other, s in table(PaperSettings).items() if other != name}


def test_both_passes_are_written_as_whole_pictures(report, files, capsys):
    told = report()
    first, second = opened(files / "out/first_pass.png"), opened(files / "out/second_pass.png")
    target = np.asarray(Image.open(files / "target.png").resize((32, 32)))
    mask = np.asarray(Image.open(files / "mask.png").resize((20, 20))) > 0  # Pillow's default filter, above 0 counts
    canvas = np.zeros((32, 32), bool)
    canvas[5:25, 7:27] = mask
    assert first.shape == second.shape == (32, 32, 3)
    np.testing.assert_array_equal(first[~canvas], target[~canvas])
    assert (first[canvas] != target[canvas]).any(axis=1).mean() > 0.9
    assert (second[~canvas] != target[~canvas]).any()
    assert told["sizes"] == {"source": [20, 20], "target": [32, 32], "square": [7, 5, 20, 20]}
    assert list(told["losses"]) == ["first pass", "second pass"]
    assert capsys.readouterr().out.splitlines()[:2] == [
        str(files / "out" / f"{n}_pass.png") for n in ("first", "second")
    ]
    assert sorted(path.name for path in (files / "out").iterdir()) == ["first_pass.png", "second_pass.png"]


def test_x_is_the_row_and_an_odd_source_lies_as_in_the_published_script(report):
    told = report("--no-second_pass", "--ss", "11", "--x", "9", "--y", "20")
    assert told["sizes"]["square"] == [14, 3, 11, 11]  # int(20 - 5.5), int(9 - 5.5)


def test_same_seed_same_picture_another_seed_another(paper, files):
    pictures = []
    for seed in ("4", "4", "5"):
        assert paper("--no-second_pass", "--seed", seed) == 0
        pictures.append(opened(files / "out/first_pass.png"))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()


def test_options_reach_the_engine(report, files):
    told = report("--style_weight", "0", "--tv_weight", "1e-5", "--hist_weight", "1", "--second_background_fixed")
    assert set(told["losses"]["first pass"]) == {"evaluation", "grad", "content", "tv", "hist"}
    assert told["settings"]["tv_weight"] == 1e-5
    target = np.asarray(Image.open(files / "target.png").resize((32, 32)))
    np.testing.assert_array_equal(opened(files / "out/second_pass.png")[:5], target[:5])


def test_without_the_second_pass_only_the_first_is_written(paper, files):
    assert paper("--no-second_pass") == 0
    assert [path.name for path in (files / "out").iterdir()] == ["first_pass.png"]


def test_save_video(report, files):
    told = report("--no-second_pass", "--save_video")
    film = files / "out" / ("recon_process" + told["files"]["video"][-4:].replace("webp", ".webp"))
    assert told["files"]["video"] == str(film)
    assert film.stat().st_size > 500
    assert (film.suffix == ".webp") == any("'video'" in note for note in told["notes"])


def test_json_is_all_that_is_printed(paper, capsys):
    assert paper("--no-second_pass", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["method"] == "paper"
    assert err == ""


def test_a_source_that_sticks_out_is_clipped(report, files):
    told = report("--no-second_pass", "--x", "3", "--y", "30")
    assert told["sizes"]["square"] == [20, 0, 12, 13]
    first = opened(files / "out/first_pass.png")
    target = np.asarray(Image.open(files / "target.png").resize((32, 32)))
    np.testing.assert_array_equal(first[13:], target[13:])
    assert (first[:10, 25:] != target[:10, 25:]).any()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--x", "300"], "wholly outside"),
        (["--y", "-40"], "wholly outside"),
        (["--ss", "0"], "source would be 0 x 0"),
        (["--ts", "100000"], "target would be 100000 x 100000"),
        (["--grad_weight", "-1"], "'grad_weight' cannot be -1.0"),
        (["--style_weight", "nan"], "'style_weight' cannot be nan"),
        (["--num_steps", "0"], "'num_steps' cannot be 0"),
        (["--num_steps", "1.5"], "invalid int value"),
    ],
)
def test_bad_arguments_get_one_sentence(paper, files, capsys, words, says):
    assert paper(*words) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not list(files.glob("out/*"))


def test_bad_files_get_one_sentence(paper, files, capsys):
    Image.new("L", (60, 60)).save(files / "empty.png")
    Image.new("L", (61, 60), 255).save(files / "wide.png")
    (files / "damaged.png").write_bytes((files / "source.png").read_bytes()[:200])
    cases = {
        "mask is empty": {"mask": files / "empty.png"},
        "mask is 61 x 60": {"mask": files / "wide.png"},
        "source picture": {"source": files / "missing.png"},
        "damaged": {"target": files / "damaged.png"},
    }
    for says, changed in cases.items():
        assert paper(**changed) == 2
        err = capsys.readouterr().err
        assert says in err
        assert err.count("\n") == 1


def test_what_the_machine_cannot_do_gets_one_sentence(paper, files, capsys):
    assert paper("--device", "cuda:99") == 1
    assert "no device 'cuda:99'" in capsys.readouterr().err
    (files / "out").write_text("a file where the folder should be")
    assert paper() == 1
    assert "could not be written" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="says it only where there is no CUDA device")
@pytest.mark.parametrize("option", ["--gpu_id", "--gpu"])
def test_gpu_id_without_cuda_is_ignored_with_a_word(paper, capsys, option):
    assert paper("--no-second_pass", option, "0") == 0
    assert "--gpu_id 0 was ignored" in capsys.readouterr().err


def test_a_run_that_is_cancelled_in_the_second_pass_leaves_the_first(paper, files, monkeypatch):
    def cancel(self, fraction, words):
        if words == "Second pass, evaluation 2":
            raise KeyboardInterrupt

    assert paper("--no-second_pass") == 0
    first = opened(files / "out/first_pass.png")
    (files / "out/first_pass.png").unlink()
    monkeypatch.setattr(Progress, "update", cancel)
    assert paper() == 130
    np.testing.assert_array_equal(opened(files / "out/first_pass.png"), first)
    assert [path.name for path in (files / "out").iterdir()] == ["first_pass.png"]
