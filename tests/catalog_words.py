"""The words that mails and pages say: taken out of code and templates, and into the catalogs.

`python -m tests.catalog_words` writes templates/locale/digest.pot anew and brings every catalog up
to it; new words stand there empty until somebody translates them.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "templates" / "locale"
POT = LOCALE / "digest.pot"

_NUMBERED = frozenset({"ngettext", "plural", "count"})
_SAID = frozenset({"_", "say"})
_CODE = ("digest/composition", "digest/delivery", "digest/web", "subscribers")
_TEMPLATES = ("templates/mail", "templates/web")
_SUFFIXES = frozenset({".mjml", ".txt", ".html"})
Words = str | tuple[str, ...]

_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""The files change when their words do, and at no other time."""


def extracted() -> Catalog:
    """Give every word of ours that a mail or page can say, with the files it stands in."""
    words = Catalog(
        project="digest-mailer",
        version="1",
        copyright_holder="the digest-mailer authors",
        msgid_bugs_address="see README.md",
        header_comment="# The words of digest-mailer: copy this to begin a language.\n#",
        last_translator="digest-mailer",
        language_team="",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        fuzzy=False,
    )
    for name, message in _messages():
        words.add(message, locations=[(name, 0)])
    return words


def catalogs() -> dict[str, Path]:
    """Give the catalogs that come with us, by language."""
    return {path.parent.parent.name: path for path in sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))}


def read(path: Path) -> Catalog:
    """Read a catalog with what is wrong in it."""
    with path.open("rb") as source:
        return read_po(source, locale=path.parent.parent.name, abort_invalid=True)


def written(words: Catalog) -> bytes:
    """Give a catalog as its file."""
    out = io.BytesIO()
    write_po(out, words, width=100, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    return out.getvalue()


def updated(path: Path, words: Catalog) -> Catalog:
    """Give a catalog with the words of now: new ones empty, old ones gone."""
    catalog = read(path)
    catalog.update(words, no_fuzzy_matching=True)
    catalog.creation_date = catalog.revision_date = _NO_DATE
    catalog.fuzzy = False
    return catalog


def _messages() -> Iterator[tuple[str, Words]]:
    code = (path for folder in _CODE for path in sorted((ROOT / folder).rglob("*.py")))
    for path in code:
        for message in in_code(path.read_text("utf-8")):
            yield path.relative_to(ROOT).as_posix(), message
    templates = (path for folder in _TEMPLATES for path in sorted((ROOT / folder).rglob("*.*")))
    for path in templates:
        if path.suffix in _SUFFIXES:
            for message in in_template(path.read_bytes()):
                yield path.relative_to(ROOT).as_posix(), message


def in_code(source: str) -> Iterator[Words]:
    """Give the words in Python: the literals handed to `say`, `plural` and `count`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            literals = [part.value for part in node.args if isinstance(part, ast.Constant)]
            words = tuple(part for part in literals if isinstance(part, str))
            yield from _called(name, words)


def in_template(source: bytes) -> Iterator[Words]:
    """Give the words in a template: the literals handed to `_`, `ngettext` and `plural`."""
    found = babel_extract(io.BytesIO(source), sorted(_SAID | _NUMBERED), [], {"silent": "false"})
    for _, name, message, _ in found:
        parts = message if isinstance(message, tuple) else (message,)
        yield from _called(name, tuple(part for part in parts if isinstance(part, str)))


def _called(name: str, words: tuple[str, ...]) -> Iterator[Words]:
    if name in _SAID and words:
        yield words[0]
    # `text.count("x")` is no word of ours: what depends on a number has two forms.
    if name in _NUMBERED and len(words) > 1:
        yield words[:2]


def main() -> None:
    """Write the template and every catalog anew; say what is left to translate."""
    words = extracted()
    POT.write_bytes(written(words))
    for language, path in catalogs().items():
        catalog = updated(path, words)
        path.write_bytes(written(catalog))
        missing = [str(message.id) for message in catalog if message.id and not message.string]
        print(f"{language}: {len(catalog)} messages, {len(missing)} to translate")  # noqa: T201 - it talks to the person who typed it


if __name__ == "__main__":
    main()
