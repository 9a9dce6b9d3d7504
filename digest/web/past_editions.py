"""Door to the archive's lists: a page of past editions, for people and for feed readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby

from digest.composition import store as compositions
from digest.composition.dates import brief_date_words, month_words
from digest.composition.language import Language, primary
from digest.composition.model import Composition, Site
from digest.composition.names import apart
from digest.composition.online import Contents, Headline, read_contents
from digest.editions.archive_store import past_shown
from digest.editions.correction_store import last_corrected
from digest.editions.model import Edition, EditionState, Newsletter
from digest.web.atom import Entry
from digest.web.context import WebContext
from digest.web.words import opening

PUBLIC = (EditionState.SENDING, EditionState.SENT)
"""Editions that anybody may read."""

A_PAGE = 20
"""Editions of one page: four weeks of a daily."""

Cursor = tuple[date, int]
"""Where a page ends: the date and the id of its last edition."""

_ALSO = 3
_MOST_KNOWN = 4096
"""Letters whose contents are kept in mind, some hundred bytes each."""
_DAWN = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Listed:
    """An edition, what its letter holds, and the language that the letter is shown in."""

    edition: Edition
    newsletter: Newsletter
    contents: Contents
    language: str
    is_own: bool
    """Whether that is the language which the edition's plain address shows."""
    composed_at: datetime
    corrected_at: datetime | None = None

    @property
    def path(self) -> str:
        """Where it stands, below the base: its plain address, or with the language named."""
        return f"{self.edition.address}{'' if self.is_own else f'?language={self.language}'}"

    @property
    def also(self) -> tuple[Headline, ...]:
        """The stories that a list names after the first."""
        return self.contents.also[:_ALSO]


@dataclass(frozen=True, slots=True)
class EditionsPage:
    """One page, newest first; `older` is the cursor of the next one, if there is one."""

    listed: Sequence[Listed]
    older: Cursor | None = None

    @property
    def updated_at(self) -> datetime:
        """When anything on it changed last."""
        return max((changed_at(each) for each in self.listed), default=_DAWN)

    def months(self, language: Language) -> Iterator[tuple[str, list[tuple[str, Listed]]]]:
        """Give the months in words, each with its editions and their dates in words."""
        tag = language.tag
        for _, group in groupby(self.listed, key=lambda one: one.edition.local_date.replace(day=1)):
            rows = list(group)
            month = month_words(rows[0].edition.local_date, tag)
            days = [(opening(brief_date_words(row.edition.local_date, tag)), row) for row in rows]
            yield opening(month), days


class Shelf:
    """What letters hold, by the letter: reading one takes some milliseconds, and it never changes.

    What was approved is frozen; its hash stands for it, whatever is composed before approval.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[tuple[int, str, str], Contents] = {}

    def contents(self, composition: Composition) -> Contents:
        """Read a letter, or give what was read before."""
        key = (composition.edition_id, composition.language, composition.content_hash)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = read_contents(composition)
        return found


def read_page(
    context: WebContext,
    newsletters: Sequence[Newsletter],
    *,
    shelf: Shelf,
    language: str | None = None,
    before: Cursor | None = None,
) -> EditionsPage:
    """Read the public editions of these newsletters that come after a cursor.

    Each in `language` where it was written in it, else in its newsletter's own.
    """
    by_id = {newsletter.id: newsletter for newsletter in newsletters}
    with context.database.read() as connection:
        found = past_shown(connection, by_id, PUBLIC, limit=A_PAGE + 1, before=before)
        ids = [each.id for each in found[:A_PAGE]]
        shown = compositions.load_shown(connection, ids, language=language)
        corrected = last_corrected(connection, ids)
    listed = [
        Listed(
            edition=one,
            newsletter=by_id[one.newsletter_id],
            contents=shelf.contents(made.composition),
            language=made.composition.language,
            is_own=made.is_own,
            composed_at=made.composed_at,
            corrected_at=corrected.get(one.id),
        )
        for one in found[:A_PAGE]
        if (made := shown.get(one.id)) is not None
    ]
    last = found[A_PAGE - 1] if len(found) > A_PAGE else None
    return EditionsPage(listed, None if last is None else (last.local_date, last.id))


def read_cursor(text: str) -> Cursor | None:
    """Read `2026-01-09.1204`; None for what is no cursor."""
    found = _CURSOR.fullmatch(text)
    day = None if found is None else read_date(found[1])
    return None if found is None or day is None else (day, int(found[2]))


def write_cursor(cursor: Cursor) -> str:
    """Write a cursor as the address of a page has it."""
    return f"{cursor[0].isoformat()}.{cursor[1]}"


def read_date(text: str) -> date | None:
    """Read `2026-01-09` and nothing else that Python would take for a date."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-09") else None
    except ValueError:
        return None


def name_of(newsletter: Newsletter, language: Language, site: Site) -> str:
    """Name a newsletter; in other languages than its own as the publisher's catalog has it."""
    name, home = newsletter.spec.name, newsletter.spec.language or site.language
    return name if primary(language.tag) == primary(home) else language.say(name)


def changed_at(one: Listed) -> datetime:
    """Tell when an edition became what it is: sent, or composed anew or corrected after that."""
    return max(one.edition.send_at, one.composed_at, one.corrected_at or _DAWN)


def entry_of(one: Listed, *, public_url: str, oldest_url: str, language: Language) -> Entry:
    """Make the feed's entry of an edition; its id stays when the pages move to another address.

    `language` is the letter's own.
    """
    words = " · ".join(apart(headline.words, language) for headline in one.also)
    return Entry(
        id=f"{oldest_url}/{one.edition.address}",
        title=one.contents.title.words,
        url=f"{public_url}/{one.path}",
        language=one.language,
        published_at=one.edition.send_at,
        updated_at=changed_at(one),
        summary=f"{language.say('Also:')} {words}" if words else "",
        category=one.newsletter.slug,
        category_label=one.newsletter.spec.name,
    )
