from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from deepblend import __version__
from deepblend.commands import cli, info
from deepblend_protocol.settings import PaperSettings, table

COMMANDS = ["demo", "blend", "batch", "paper", "ablation", "info"]


def run(*arguments, **environment):
    command = [sys.executable, "-m", "deepblend.commands.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_teaches_without_loading_what_computes(arguments):
    code = (
        "import sys; from deepblend.commands.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'safetensors', 'zmq'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage:")


def test_the_overview_names_every_command():
    done = run()
    assert done.returncode == 0
    assert all(f"    {name} " in done.stdout for name in COMMANDS)
    assert run("--version").stdout == f"deepblend {__version__}\n"


@pytest.mark.parametrize(
    ("command", "settings", "dashes"), [("blend", table(), "-"), ("paper", table(PaperSettings), "_")]
)
def test_every_setting_is_an_option_told_in_its_own_words(command, settings, dashes):
    told = " ".join(run(command, "--help").stdout.split())
    for setting in settings.values():
        option = setting.name.removesuffix("_px").replace("_", dashes)
        assert f"--{option}" in told
        assert setting.help in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["blnd"], "There is no command 'blnd' (did you mean blend?)"),
        (["blend"], "--source, --target, --output"),
        (["blend", "--sorce", "a.png"], "There is no option '--sorce' (did you mean --source?)"),
        (["info", "--no-such-thing"], "Unrecognized arguments: --no-such-thing"),
        (["blend", "--style", "lots"], "'lots' is not a number from 0 to 1"),
        (["blend", "--center", "3"], "'3' is not COL,ROW"),
        (["blend", "--memory-limit", "plenty"], "'plenty' is not a number of GiB from 0.5 to 4096"),
        (["serve", "--memory-limit", "0.1"], "'0.1' is not a number of GiB"),
        (["blend", "--features", "mine"], "invalid choice: 'mine'"),
        *(
            (["blend", "--target-size", size], f"'{size}' is not a size")
            for size in ("0", "-5", "3x", "abc", "x4", "0x7", "1.5", "9" * 5000)
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence(deepblend, arguments, words):
    done = deepblend(*arguments)
    assert done.status == 2
    assert words in done.err
    assert done.err.count("\n") == 1 and done.err.startswith("deepblend: ")
    assert done.out == ""
    error = deepblend(*arguments, "--json").json["error"]
    assert error["code"] == "argument.invalid"
    assert done.err == f"deepblend: {error['sentence']}\n"


def test_a_fault_of_ours_is_one_sentence_and_a_traceback_on_demand(deepblend, monkeypatch):
    def fail():
        raise ZeroDivisionError("by\nnought")

    monkeypatch.setattr(info, "gather", fail)
    done = deepblend("info", "--json")
    assert done.status == 70
    assert done.err.count("\n") == 1 and "ZeroDivisionError: by nought" in done.err
    assert done.json["error"] == {"code": "fault", "sentence": done.err[11:-1], "params": {"type": "ZeroDivisionError"}}
    monkeypatch.setenv("DEEPBLEND_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["info"])


def test_an_error_in_json_is_json_whatever_its_values(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(style="nan"), "--json")
    assert done.status == 2
    error = json.loads(done.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))["error"]
    assert (error["code"], error["params"]["name"], error["params"]["value"]) == ("setting.range", "style", "nan")
