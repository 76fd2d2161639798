"""What the plug-ins say: in the user's language, and complete in every language that is here."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from deepblend_protocol import errors, words
from deepblend_protocol.events import InfoReceived, JobCancelled, JobQueued, JobRunning, State, StateChanged

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "protocol" / "deepblend_protocol" / "locale"
LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
JOB: Any = None
GERMAN = {
    errors.SettingOutOfRange.sentence: "{name} ist nicht {value!r}, nur {accepts}",
    errors.ServerAbsent.sentence: "Kein Server. {remedy}",
    "Start it with: deepblend serve": "Starten: deepblend serve",
    "Waiting for %d other blend": "Einer wartet davor, %d",
    "Waiting for %d other blends": "Noch %d davor",
    "Making the border seamless": "Der Rand",
    "Blending": "Etwas",
}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests' own language is."""
    monkeypatch.setattr(words, "_", str)
    monkeypatch.setattr(words, "ngettext", lambda one, many, count: one if count == 1 else many)


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few words of it."""

    def translated(text: str) -> str:
        return GERMAN.get(text, text)

    monkeypatch.setattr(words, "_", translated)
    monkeypatch.setattr(words, "ngettext", lambda one, many, count: translated(one) if count == 1 else translated(many))


def told(kind: type[errors.DeepBlendError], **params: Any) -> errors.DeepBlendError:
    """An error as a message brings it."""
    return errors.from_code(kind.code, params, "The server's own text.")


@pytest.mark.usefixtures("german")
def test_an_error_is_told_in_the_users_language() -> None:
    error = errors.SettingOutOfRange(name="style", value=2.0, accepts="a number from 0 to 1")
    assert words.sentence(error) == "style ist nicht 2.0, nur a number from 0 to 1"
    assert (
        words.sentence(told(errors.SettingOutOfRange, name="a", value="{b}", accepts="c")) == "a ist nicht '{b}', nur c"
    )


@pytest.mark.usefixtures("german")
def test_a_value_that_is_marked_for_it_is_translated_too() -> None:
    said = words.sentence(errors.ServerAbsent(remedy="Start it with: deepblend serve"))
    assert said == "Kein Server. Starten: deepblend serve"
    assert words.sentence(errors.ServerAbsent(remedy="")) == "Kein Server. "  # gettext's own head is the text of ""


@pytest.mark.usefixtures("german")
def test_what_cannot_be_translated_is_told_as_it_came() -> None:
    assert words.sentence(told(errors.SettingOutOfRange, setting="style")) == "The server's own text."
    assert words.sentence(told(errors.MaskEmpty)) == "The server's own text."
    assert words.sentence(errors.from_code("tea.cold", {}, "The tea is cold.")) == "The tea is cold."
    assert words.sentence(errors.ArgumentInvalid(reason="No.")) == "No."


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (StateChanged(State.STARTING, None), (0.0, "Starting the server")),
        (StateChanged(State.CONNECTING, None), (0.0, "Connecting to the server")),
        (StateChanged(State.READY, None), None),
        (StateChanged(State.LOST, errors.ServerLost()), None),
        (JobQueued(JOB, 0, "turn"), (0.0, "Waiting")),
        (JobQueued(JOB, 1, "turn"), (0.0, "Waiting for 1 other blend")),
        (JobQueued(JOB, 2, "turn"), (0.0, "Waiting for 2 other blends")),
        (JobQueued(JOB, 0, "engine"), (0.0, "Starting the engine")),
        (JobQueued(JOB, 0, "again"), (0.0, "Trying once more")),
        (JobRunning(JOB, "cpu", 0.25, "optimise", None), (0.25, "Painting in")),
        (JobRunning(JOB, "cpu", 0.5, "of a later version", None), (0.5, "Blending")),
        (JobCancelled(JOB), None),
        (InfoReceived({}), None),
    ],
)
def test_progress_in_words(event: Any, expected: tuple[float, str] | None) -> None:
    assert words.progress(event) == expected


@pytest.mark.usefixtures("german")
def test_a_stage_is_told_in_the_users_language_and_by_its_table_in_english() -> None:
    assert words.progress(JobRunning(JOB, "cpu", 0.25, "poisson", None)) == (0.25, "Der Rand")
    assert words.progress(JobRunning(JOB, "cpu", 0.25, "of a later version", None)) == (0.25, "Etwas")
    assert words.stage("poisson") == words.STAGES["poisson"] == "Making the border seamless"
    assert words.stage("of a later version") == "Blending"


def test_the_document_of_the_messages_lists_the_stages() -> None:
    row = next(line for line in (ROOT / "docs" / "protocol.md").read_text("utf-8").splitlines() if "`stage` (" in line)
    listed = row.partition("`stage` (")[2].partition("; ")[0]
    assert re.findall("`([^`]+)`", listed) == list(words.STAGES)


@pytest.mark.usefixtures("german")
def test_what_is_counted_has_its_forms() -> None:
    assert words.progress(JobQueued(JOB, 1, "turn")) == (0.0, "Einer wartet davor, 1")
    assert words.progress(JobQueued(JOB, 3, "turn")) == (0.0, "Noch 3 davor")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["C"]),
        ({"LANG": "C.UTF-8"}, ["C"]),
        ({"LANG": "ja_JP.UTF-8"}, ["ja_JP"]),
        ({"LANGUAGE": "", "LC_ALL": "fr_CA", "LANG": "de_DE"}, ["fr_CA"]),
        ({"LANGUAGE": "ja-JP", "LANG": "de_DE.UTF-8"}, ["ja_JP"]),
        ({"LANGUAGE": "it:de:"}, ["it", "de"]),
        ({"LANGUAGE": "it:en_GB:de"}, ["it"]),
        ({"LANGUAGE": "en_US:de"}, ["C"]),
        ({"LANGUAGE": "sr_RS.UTF-8@latin"}, ["sr_RS@latin"]),
        ({"LANGUAGE": "zh"}, ["zh_CN"]),
        ({"LANGUAGE": "zh_CN.GB18030"}, ["zh_CN"]),
        ({"LANGUAGE": "zh_SG"}, ["zh_CN"]),
        ({"LANGUAGE": "zh-Hans"}, ["zh_CN"]),
        ({"LANGUAGE": "zh_Hans_HK"}, ["zh_CN"]),
        ({"LANGUAGE": "zh-TW"}, ["zh_TW"]),
        ({"LANGUAGE": "zh_HK:zh_CN"}, ["zh_TW", "zh_CN"]),
        ({"LANGUAGE": "zh-Hant"}, ["zh_TW"]),
        ({"LANGUAGE": "zh-Hant-CN"}, ["zh_TW"]),
    ],
)
def test_the_languages_that_are_wanted(environment: dict[str, str], expected: list[str]) -> None:
    assert words.languages(environment) == expected


# The catalogues


SHOWN_TOGETHER = ("dialog.py", "form.py", "presets.py", "preview.py", "procedure.py")
ELSEWHERE = {"_Method", "Deep Image _Blending…", "Blend A_gain…", "_Cancel", "_Save"}
"""Of those files, what is in a menu, in another dialog, or for scripts alone."""
GIMPS_BROWSE = {"en": "b", "de": "d", "es": "x", "fr": "p", "ja": "b", "zh_CN": "b"}
"""The key of GIMP's own button, by language."""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """protocol/update_translations.py."""
    pytest.importorskip("babel")
    spec = importlib.util.spec_from_file_location("update_translations", ROOT / "protocol/update_translations.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def template(tool: ModuleType) -> Any:
    return tool.template()


def catalogue(language: str) -> Any:
    read_po = pytest.importorskip("babel.messages.pofile").read_po
    with (LOCALE / language / "LC_MESSAGES" / "deepblend.po").open("rb") as file:
        return read_po(file, locale=language)


def pairs(message: Any) -> list[tuple[str, str]]:
    """Each form of a translation beside the English that it is made from."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    return [(message.id[-1], form) for form in message.string]


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{[^}]*\}|%(?:\(\w+\))?[.\d]*[a-z%]", text))


def mnemonics(text: str) -> list[str]:
    return [letter.lower() for letter in re.findall(r"_(\w)", text)]


def in_a_plugin(message: Any) -> bool:
    return any("_plugin/" in file for file, _ in message.locations)


def test_the_template_holds_marked_strings_settings_and_errors(template: Any) -> None:
    for text in (
        "Ble_nd",
        "Waiting",
        "it ended again at once",
        "Start it with: deepblend serve",
        errors.MaskEmpty.sentence,
        "Keep colours",
    ):
        assert text in template
    assert all(re.search("[A-Za-z]{2}", pairs(message)[0][0]) for message in template if message.id)
    assert "{reason}" not in template


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_complete(template: Any, language: str) -> None:
    known = catalogue(language)
    wanted = {message.id for message in template if message.id}
    assert {message.id for message in known if message.id} == wanted, "run protocol/update_translations.py"
    assert not known.obsolete
    for message in known:
        if message.id:
            assert not message.fuzzy, message.id
            assert all(form.strip() for _, form in pairs(message)), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_parts(template: Any, language: str) -> None:
    for message in catalogue(language):
        for english, translated in pairs(message) if message.id else ():
            assert placeholders(translated) == placeholders(english), english
            assert translated.endswith("…") == english.endswith("…"), english
            assert (translated[:1] + translated[-1:]).strip() == translated[:1] + translated[-1:], english
            if in_a_plugin(template[message.id]):
                assert len(mnemonics(translated)) == len(mnemonics(english)), english


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_key_belongs_to_one_thing_in_the_dialog(template: Any, language: str) -> None:
    known = template if language == "en" else catalogue(language)
    cancel = "_Cancel" if language == "en" else known["_Cancel"].string  # of the dialog as well, and of others
    keys: dict[str, str] = {GIMPS_BROWSE[language]: "GIMP", mnemonics(cancel)[0]: cancel}
    for message in template:
        files = {Path(file).name for file, _ in message.locations if file.startswith("gimp_plugin/")}
        if not message.id or not files & set(SHOWN_TOGETHER) or message.id in ELSEWHERE:
            continue
        label = message.id if language == "en" else known[message.id].string
        for letter in mnemonics(re.sub(r"%\(\w+\)", "", label)):
            assert letter not in keys, f"{label} and {keys[letter]}"
            keys[letter] = label
    assert len(keys) > 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_of_its_folders_language(language: str) -> None:
    text = (LOCALE / language / "LC_MESSAGES" / "deepblend.po").read_text("utf-8")
    assert f'\n"Language: {language}\\n"\n' in text
    forms = {len(pairs(message)) for message in catalogue(language) if not isinstance(message.id, str)}
    assert len(forms) == 1, "a counted text lacks a form"


@pytest.mark.parametrize("language", ["ja", "zh_CN"])
def test_chinese_and_japanese_are_written_as_such(language: str) -> None:
    """No half of a sentence is left in another script, and no Western mark follows a Chinese letter."""
    cjk = "[\u3040-\u30ff\u4e00-\u9fff]"
    for message in catalogue(language):
        for english, translated in pairs(message) if message.id else ():
            plain = english in ("Deep Image Blending", "Deep Image Blending: %s", "%(words)s: %(percent)d%%")
            assert plain or re.search(cjk, translated), english
            assert not re.search(f"{cjk}[,;?!]|{cjk}\\.(?!\\.)", translated), translated
            assert not re.search(f"{cjk}  |  {cjk}", translated), translated
            if language == "zh_CN":
                assert not re.search(f"{cjk}[:(](?!_)", translated), translated
                assert not re.search("[\u3040-\u30ff「」]", translated), translated


@pytest.mark.parametrize("language", [*LANGUAGES, "zh_Hans_CN", "ja_JP.UTF-8"])
def test_an_installation_speaks_it(tool: ModuleType, language: str) -> None:
    script = "from deepblend_protocol import errors, words; print(ascii(words.sentence(errors.MaskEmpty())))"
    environment = {**os.environ, "LANGUAGE": language, "PYTHONPATH": os.pathsep.join(sys.path)}
    language = {"zh_Hans_CN": "zh_CN", "ja_JP.UTF-8": "ja"}.get(language, language)
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == ascii(catalogue(language)[errors.MaskEmpty.sentence].string)


def test_a_translator_can_begin_a_language(tool: ModuleType, template: Any, tmp_path: Path) -> None:
    path = tmp_path / "fr" / "LC_MESSAGES" / "deepblend.po"
    assert tool.update(path, template) == len(template)
    assert path.with_suffix(".mo").is_file()
    begun = path.read_text(encoding="utf-8")
    assert 'msgid "Ble_nd"\nmsgstr ""\n' in begun
    path.write_text(begun.replace('msgid "Ble_nd"\nmsgstr ""', 'msgid "Ble_nd"\nmsgstr "_Fondre"'), encoding="utf-8")
    assert tool.update(path, template) == len(template) - 1
    assert "_Fondre" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_updating_changes_nothing_where_nothing_has_changed(
    tool: ModuleType, template: Any, language: str, tmp_path: Path
) -> None:
    path = tmp_path / language / "LC_MESSAGES" / "deepblend.po"
    path.parent.mkdir(parents=True)
    was = (LOCALE / language / "LC_MESSAGES" / "deepblend.po").read_bytes()
    path.write_bytes(was)
    assert tool.update(path, template) == 0
    strip = re.compile(rb'"Generated-By: .*\n')
    assert strip.sub(b"", path.read_bytes()) == strip.sub(b"", was)
