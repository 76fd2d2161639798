"""``deepblend ablation``: one sheet with each loss left out."""

import json

import numpy as np
import pytest
from deepblend.commands.cli import main
from PIL import Image, ImageDraw

LABELS = [
    "All losses",
    "Without the gradient loss",
    "Without the style loss",
    "Without the content loss",
    "Without total variation",
]


@pytest.fixture
def ablation(tmp_path):
    """``deepblend ablation`` on small files; returns the exit status."""
    drawn = np.random.default_rng(3)
    for name, size in (("source", (40, 30)), ("target", (64, 48))):
        coarse = Image.fromarray(drawn.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    mask = Image.new("L", (40, 30))
    ImageDraw.Draw(mask).ellipse((5, 4, 33, 26), fill=255)
    mask.save(tmp_path / "mask.png")

    def run(*more: str) -> int:
        named = [word for role in ("source", "mask", "target") for word in (f"--{role}", str(tmp_path / f"{role}.png"))]
        small = ["--size", "32", "--num-steps", "1"]
        return main(["ablation", *named, *small, "--output", str(tmp_path / "sheet.png"), *more])

    return run


def test_each_loss_is_left_out_in_turn(ablation, tmp_path, capsys):
    assert ablation("--json") == 0
    told = json.loads(capsys.readouterr().out)
    names = {label: set(losses["first pass"]) for label, losses in told["losses"].items()}
    every = {"grad", "style", "content", "tv"}
    assert names == dict(
        zip(LABELS, [every, *(every - {name} for name in ("grad", "style", "content", "tv"))], strict=True)
    )
    assert all(list(losses) == ["first pass"] for losses in told["losses"].values())
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    pasted = Image.open(tmp_path / "target.png")
    pasted.paste(Image.open(tmp_path / "source.png"), (12, 9), Image.open(tmp_path / "mask.png"))
    wanted = np.asarray(pasted.resize((32, 24)))
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (24, 32, 3))[:, :, 0]
    assert (windows == wanted).all(axis=(2, 3, 4)).sum() == 1  # the pasted one lies on the sheet, once


def test_second_pass_and_histogram_on_request(ablation, tmp_path, capsys):
    with Image.open(tmp_path / "mask.png") as mask:
        mask.point(lambda value: value // 255).save(tmp_path / "mask.png")
    assert ablation("--second-pass", "--histogram", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["notes"][0].startswith("The mask's white is 1 of 255")
    losses = told["losses"]
    assert list(losses) == [*LABELS, "With a histogram loss"]
    assert set(losses["With a histogram loss"]["second pass"]) == {"style", "content", "hist"}
    assert set(losses["Without the style loss"]["second pass"]) == {"content"}


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--center", "900,900"], 2, "wholly outside"),
        (["--size", "0"], 2, "would be 0 x 0"),
        (["--num-steps", "0"], 2, "'num_steps' cannot be 0"),
        (["--device", "abacus"], 1, "no device 'abacus'"),
        (["--output", "sheet.xyz"], 1, "'.xyz' is no picture format"),
    ],
)
def test_bad_input_gets_one_sentence(ablation, tmp_path, capsys, words, status, says):
    assert ablation(*words) == status
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()
