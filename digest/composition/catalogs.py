"""Door to the catalogs: `templates/locale/<tag>/LC_MESSAGES/digest.po`, read when first wanted."""

from __future__ import annotations

import gettext
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po

from digest.composition.language import ENGLISH, ENGLISH_RULE, Language, nearest, primary
from digest.errors import CompositionError
from digest.resources import data_folder

FOLDER, FILE = "locale", Path("LC_MESSAGES", "digest.po")
_GAP = re.compile(r"%\((\w+)\)s")
_FILLED = re.compile(r"%%|%\((\w+)\)s")
_MOST_BYTES = 1_000_000
"""Thirty times what ours have; a catalog travels with each template that is rendered apart."""
_MOST_FORMS = 6
"""Arabic has six, and no language that gettext knows has more."""
_FORMS = re.compile(rb"nplurals\s*=\s*(\d+)")
_SEAM = re.compile(rb'"\s*\n\s*"')
_TRIED = (*range(1_001), 10**6, 10**9)
"""Numbers for which a rule must name a form: all that a letter may count, and some beyond."""


class Languages:
    """The languages that letters can speak; a publisher's own catalogs go before ours."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Look in these folders, each holding `<tag>/LC_MESSAGES/digest.po`; nothing is read."""
        self._folders = tuple(folders)
        self._known: dict[str, Language] = {}

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages there are catalogs for, English among them, by name."""
        found = {path.name for folder in self._folders for path in folder.glob("*") if _has(path)}
        return tuple(sorted(found | {ENGLISH.tag}))

    def speaks(self, tag: str) -> bool:
        """Tell whether our own words can be said in this language."""
        return nearest(tag, self.tags) is not None

    def of(self, tag: str) -> Language:
        """Give a language: its catalog or the nearest; without one our words are English.

        Raises:
            CompositionError: for a catalog that cannot be read.
        """
        if tag not in self._known:
            self._known[tag] = self._load(tag)
        return self._known[tag]

    def _load(self, tag: str) -> Language:
        messages: dict[str, tuple[str, ...]] = {}
        rule = ""
        near = nearest(tag, self.tags)
        # From the general to the particular: what a publisher's file lacks, ours says.
        for name in dict.fromkeys(filter(None, (near and primary(near), near))):
            for folder in reversed(self._folders):
                if _has(folder / name):
                    catalog = _read(folder / name / FILE, name)
                    # One rule for all: forms made for another one would be the wrong ones.
                    rule = rule or catalog.plural_expr
                    numbered = catalog.plural_expr == rule
                    messages |= _messages(catalog, folder / name / FILE, numbered=numbered)
        return Language(tag, messages, rule or ENGLISH_RULE)


def load_languages(publisher: Path | None = None) -> Languages:
    """Open the catalogs that come with us, and those in `locale/` of a publisher's folder."""
    ours = data_folder("templates") / FOLDER
    return Languages([ours] if publisher is None else [publisher / FOLDER, ours])


def _has(folder: Path) -> bool:
    return (folder / FILE).is_file()


def _read(path: Path, name: str) -> Catalog:
    try:
        content = _content(path)
        catalog = read_po(BytesIO(content), locale=name.replace("-", "_"), abort_invalid=True)
        _check_rule(catalog)
        return catalog
    except (OSError, PoFileError, ValueError, LookupError, TypeError) as error:
        raise CompositionError(
            f"catalog: {path}: {error}", hint="Mend the file, or take it out: English is spoken."
        ) from error


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES // 1_000_000} MB")
    # Babel makes as many forms of each message as the head says, however many that are.
    if any(int(found[:9]) > _MOST_FORMS for found in _FORMS.findall(_SEAM.sub(b"", content))):
        raise ValueError(f"it has more than {_MOST_FORMS} plural forms")
    return content


def _check_rule(catalog: Catalog) -> None:
    """Refuse a rule that fails for some number: it would fail for some readers, while sending."""
    rule = gettext.c2py(catalog.plural_expr)
    for number in _TRIED:
        try:
            form = rule(number)
        except ArithmeticError as error:
            raise ValueError(f"its plural rule fails for {number}: {error}") from error
        if not 0 <= form < catalog.num_plurals:
            raise ValueError(f"its plural rule gives form {form} for {number}")


def _messages(catalog: Catalog, path: Path, *, numbered: bool) -> dict[str, tuple[str, ...]]:
    said: dict[str, tuple[str, ...]] = {}
    for message in catalog:
        name = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
        words = message.string or ""
        forms = (words,) if isinstance(words, str) else tuple(words)
        fits = numbered or isinstance(words, str)
        if name and fits and all(forms) and not message.fuzzy:
            said[name] = forms
            _check(name, forms, path)
    return said


def _check(name: str, forms: tuple[str, ...], path: Path) -> None:
    """Refuse a translation whose gaps cannot be filled: it would cost an edition, some morning."""
    known = {*_GAP.findall(name), ""}
    for form in forms if len(known) > 1 else ():
        # Not tried but read: a width, as in %(name)999999999s, fills the memory.
        if "%" in _FILLED.sub("", form) or not known.issuperset(_FILLED.findall(form)):
            raise CompositionError(
                f"catalog: {path}: {name!r}: its translation cannot be filled in: {form!r}",
                hint="Keep what stands in %(…)s as it is, and write %% for a percent sign.",
            )
