"""Brings the translations up to date with the words in the code: python protocol/update_translations.py [LANGUAGE]

Updates every locale/*/LC_MESSAGES/deepblend.po, begins one for LANGUAGE where there is none, compiles them, and says
what is left to translate. docs/translating.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from deepblend_protocol import __version__, errors
from deepblend_protocol.settings import table

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "protocol" / "deepblend_protocol" / "locale"
SOURCES = ("protocol/deepblend_protocol", "gimp_plugin", "krita_plugin", "server/deepblend/hosts")
KEYWORDS = {"_": None, "translatable": None, "ngettext": (1, 2)}
WIDTH = 110
HEAD = {
    "project": "deepblend",
    "version": __version__,
    "copyright_holder": "The deepblend authors",
    "header_comment": "# The words of deepblend's plug-ins. docs/translating.md says how this file is kept up to date.",
}


def leaves(of: type[errors.DeepBlendError] = errors.DeepBlendError) -> Iterator[type[errors.DeepBlendError]]:
    """The errors that are raised."""
    for each in of.__subclasses__():
        yield from leaves(each)
    if not of.__subclasses__():
        yield of


def template() -> Catalog:
    """All that is to be translated: what is marked in the code, the errors' sentences, the settings' words."""
    found = Catalog(domain="deepblend")
    for folder in SOURCES:
        options = {"**.py": {"encoding": "utf-8"}}
        for name, _, message, comments, _ in extract_from_dir(
            ROOT / folder, [("**.py", "python")], options, KEYWORDS, comment_tags=("Translators:",)
        ):
            found.add(message, locations=[(f"{folder}/{name}", 1)], auto_comments=comments)
    for leaf in leaves():
        if re.search("[a-z]", re.sub("{.*?}", "", leaf.sentence)):
            found.add(
                leaf.sentence, locations=[("protocol/deepblend_protocol/errors.py", 1)], auto_comments=[leaf.code]
            )
    for setting in table().values():
        for words in (setting.label, setting.help):
            found.add(words, locations=[("protocol/deepblend_protocol/settings.py", 1)], auto_comments=[setting.name])
    return found


def update(path: Path, wanted: Catalog) -> int:
    """Bring a .po up to date and compile it; how many messages it leaves untranslated."""
    language = path.parents[1].name
    Locale.parse(language)  # refuses what is no language
    known = Catalog(locale=language, domain=wanted.domain, fuzzy=False, **HEAD)  # gettext's name, not babel's
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=language, domain=wanted.domain)
    known.update(wanted, update_creation_date=False)
    for message in known:
        if not message.python_format:
            message.flags.discard("python-format")  # of the text that a fuzzy one was guessed from
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, known, width=WIDTH, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, known)
    return sum(bool(message.id) and (message.fuzzy or not all(strings(message))) for message in known)


def strings(message: Message) -> tuple[str, ...]:
    """A message's translation; of one that counts something, its forms."""
    return tuple(message.string) if isinstance(message.string, (tuple, list)) else (message.string or "",)


def main() -> None:
    wanted = template()
    paths = set(LOCALE.glob("*/LC_MESSAGES/deepblend.po"))
    paths |= {LOCALE / language / "LC_MESSAGES" / "deepblend.po" for language in sys.argv[1:]}
    for path in sorted(paths):
        left = update(path, wanted)
        print(f"{path.relative_to(ROOT)}: {len(wanted)} messages, {left} to translate")


if __name__ == "__main__":
    main()
