"""Pure. Letters and notices of a made-up newspaper, to look at templates with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

from digest.composition.language import Language, nearest
from digest.composition.letter import WEEKLY, write_letter
from digest.composition.model import Letter, Shot, Site, Twin
from digest.composition.sample_stories.arabic import ARABIC
from digest.composition.sample_stories.english import ENGLISH
from digest.composition.sample_stories.french import FRENCH
from digest.composition.sample_stories.german import GERMAN
from digest.composition.sample_stories.model import SampleWords, Told
from digest.composition.sample_stories.spanish import SPANISH
from digest.editions.model import (
    Cadence,
    Candidate,
    Edition,
    EditionState,
    NewsletterSpec,
    Place,
    Release,
    ReleaseMode,
    Section,
    Selection,
    Slot,
    SlotHours,
    Sponsor,
    StoryPolicy,
    Verdict,
    Window,
)
from digest.sources.model import Article, FoundStory, Picture, Recording, RecordingKind

LETTERS: Final = ("daily", "weekly", "single", "headlines")
NOTICES: Final = (
    "confirm",
    "welcome",
    "goodbye",
    "address",
    "link",
    "sign-in",
    "editors",
    "operators",
)

_WORDS: Final[Mapping[str, SampleWords]] = MappingProxyType(
    {words.language: words for words in (ENGLISH, SPANISH, FRENCH, GERMAN, ARABIC)}
)
LANGUAGES: Final = tuple(_WORDS)

SINGLE: Final = "single"
IMAGES: Final = "https://letters.harbourpost.example/images"

_AGAIN_FROM: Final = 100
_ARCHIVE_FROM: Final = 1000
_ARCHIVE_DAYS: Final = 1500
_URL: Final = "https://harbourpost.example"
_PUBLIC_URL: Final = "https://letters.harbourpost.example"
_READER: Final = "maria@reader.example"
_WARNING: Final = "The editor's note has 74 words; the news should follow after 60."
_ZONE: Final = "Europe/London"
_FRIDAY: Final = date(2026, 1, 9)
_MONDAY: Final = date(2026, 1, 12)
_NEXT_SATURDAY: Final = date(2026, 1, 17)
_SATURDAY: Final = date(2026, 1, 10)
_SENT_AT: Final = time(7)
_SPONSOR_URL: Final = "https://quaystreetbooks.example/maps"
_TWINS: Final = MappingProxyType({"daily": Twin.WEEKLY, WEEKLY: Twin.DAILY})
_LEAD, _THUMB = (600, 338), (160, 120)


def sample_site(tag: str, **changes: Any) -> Site:
    """Give the made-up newspaper as its readers of this language know it."""
    words = _words(tag)
    facts: dict[str, Any] = {
        "name": words.site,
        "url": _URL,
        "public_url": _PUBLIC_URL,
        "language": tag,
        "zone": _ZONE,
        "postal_address": words.postal_address,
        "reply_to": "editor@harbourpost.example",
    }
    return Site(**{**facts, **changes})


def sample_letter(
    template: str,
    language: Language,
    *,
    site: Site | None = None,
    images: str = IMAGES,
    noted: bool | None = None,
) -> Letter:
    """Write a letter as a real edition is written; pictures are `<images>/ferry-thumb.jpg`.

    `noted` says whether the editor speaks first; by itself only the daily has a note, and the
    others have the headlines of the day.
    """
    words = _words(language.tag)
    newsletter = _newsletter(template, words)
    noted = template == "daily" if noted is None else noted
    selection = sample_selection(template, language.tag, noted=noted)
    return write_letter(
        _edition(newsletter),
        newsletter,
        selection,
        site=site or sample_site(language.tag),
        language=language,
        shots=_shots(words, images),
        next_slot=_next_slot(template),
        twin=_TWINS.get(template),
        carried=_carried(selection.candidates, words),
    )


def sample_selection(template: str, tag: str, *, noted: bool) -> Selection:
    """Choose the sample stories as for a letter of this template; `noted` as in `sample_letter`.

    Their pictures stand at the addresses of `sample_pictures`.
    """
    words = _words(tag)
    candidates = _candidates(template, words)
    return Selection(
        candidates,
        note={"": words.note} if noted else {},
        sponsor=None if template == SINGLE else Sponsor(words.sponsor, _SPONSOR_URL),
        most_read=_most_read(candidates) if template == WEEKLY else (),
    )


def sample_pictures() -> dict[str, str]:
    """Give the addresses of the sample stories' pictures by their names, as "harbour"."""
    names = (row.picture for row in _rows(ENGLISH) if row.picture)
    return {name: _picture_url(name) for name in names}


def sample_newsletter(template: str, tag: str) -> NewsletterSpec:
    """Give the newsletter that a sample letter is of."""
    return _newsletter(template, _words(tag))


def sample_edition(template: str, tag: str) -> Edition:
    """Give the edition that a sample letter is of."""
    return _edition(_newsletter(template, _words(tag)))


def sample_facts(kind: str, language: Language) -> dict[str, object]:
    """Give the facts a notice of this kind is made from, as the outbox keeps them."""
    words = _words(language.tag)
    reader: dict[str, object] = {"newsletter": words.daily, "address": _READER}
    facts: dict[str, dict[str, object]] = {
        "confirm": {**reader, "confirm_url": f"{_PUBLIC_URL}/c/7Q2", "valid_days": 7},
        "welcome": {
            "newsletter": [words.daily, words.weekly],
            "address": _READER,
            "letters": [
                [words.daily, f"{_MONDAY}T07:00:00+00:00", _ZONE],
                [words.weekly, f"{_NEXT_SATURDAY}T07:00:00+00:00", _ZONE],
            ],
            "latest_url": f"{_PUBLIC_URL}/daily/{_FRIDAY}",
            "unsubscribe_url": f"{_PUBLIC_URL}/u/7Q2",
            "preferences_url": f"{_PUBLIC_URL}/p/7Q2",
        },
        "goodbye": {**reader, "back_url": f"{_PUBLIC_URL}/p/7Q2"},
        "address": {**reader, "confirm_url": f"{_PUBLIC_URL}/a/7Q2", "valid_days": 7},
        "link": {
            "what": "data",
            "address": _READER,
            "link_url": f"{_PUBLIC_URL}/d/7Q2",
            "valid_days": 1,
        },
        "sign-in": {
            "address": "alma@harbourpost.example",
            "sign_in_url": f"{_PUBLIC_URL}/desk/in/7Q2",
            "valid_minutes": 15,
        },
        "editors": {
            "headline": words.breakwater.headline,
            "edition": f"daily/{_FRIDAY}",
            "event": "draft",
            "rows": [
                ["warning", _WARNING],
                ["lead", words.breakwater.headline],
                *(["top", top.headline] for top in (words.ferry, words.schools, words.keeper)),
                *(["brief", brief.headline] for brief in words.brief[:2]),
            ],
            "url": f"{_PUBLIC_URL}/desk/daily/{_FRIDAY}",
        },
        "operators": {
            "what": "the mail server refuses us",
            "detail": "smtp: mail.harbourpost.example:587: 535 5.7.8 authentication failed",
            "remedy": "Set the password again in DIGEST_SMTP__PASSWORD, then: digest send --resume",
        },
    }
    return facts[kind]


def _words(tag: str) -> SampleWords:
    return _WORDS[nearest(tag, LANGUAGES) or ENGLISH.language]


def _newsletter(template: str, words: SampleWords) -> NewsletterSpec:
    names = {
        "daily": words.daily,
        WEEKLY: words.weekly,
        "single": words.single,
        "headlines": words.headlines,
    }
    return NewsletterSpec(
        slug=template,
        name=names[template],
        template=template,
        cadence=Cadence(_ZONE, (SlotHours(_SENT_AT, time(6, 30)),), frozenset(range(5))),
        stories=StoryPolicy(),
        release=Release(ReleaseMode.APPROVE),
        sections=(
            Section("town", words.town),
            Section("sport", words.sport),
            Section("culture", words.culture),
        ),
    )


def _edition(newsletter: NewsletterSpec) -> Edition:
    day = _SATURDAY if newsletter.template == WEEKLY else _FRIDAY
    send_at = datetime.combine(day, _SENT_AT, UTC)
    cut_off_at = send_at - timedelta(minutes=30)
    return Edition(
        id=1,
        newsletter_id=1,
        slug=newsletter.slug,
        local_date=day,
        slot_name="main",
        number=2 if newsletter.template == WEEKLY else 1204,
        state=EditionState.DRAFT,
        window=Window(cut_off_at - timedelta(days=1), cut_off_at),
        send_at=send_at,
        prepared_at=cut_off_at,
    )


def _next_slot(template: str) -> Slot | None:
    if template == "single":
        return None
    day = _NEXT_SATURDAY if template == WEEKLY else _MONDAY
    at = datetime.combine(day, _SENT_AT, UTC)
    return Slot(day, cut_off_at=at - timedelta(minutes=30), send_at=at)


@dataclass(frozen=True, slots=True)
class _Row:
    """Where a story stands; `days` is how long before the weekly it came out."""

    told: Told
    place: Place
    section: str | None = None
    picture: str = ""
    recording: Recording | None = None
    related: tuple[Told, ...] = ()
    days: int = 1
    paged: bool = True
    """Whether there is a page behind its headline."""


def _rows(words: SampleWords) -> tuple[_Row, ...]:
    film = Recording(f"{_URL}/watch/ferry.mp4", 190, RecordingKind.VIDEO)
    sound = Recording(f"{_URL}/listen/keeper.mp3", 740)
    old = words.archive
    return (
        _Row(words.breakwater, Place.LEAD, "town", "harbour", related=old[:2]),
        _Row(words.ferry, Place.TOP, "town", "ferry", film, days=2),
        _Row(words.schools, Place.TOP, "town", "roofs", days=3),
        _Row(words.keeper, Place.TOP, "culture", "lamp", sound, old[2:], days=5),
        _Row(words.bakers, Place.SECTION, "town", days=2),
        _Row(words.bench, Place.SECTION, "town", days=4),
        _Row(words.rowers, Place.SECTION, "sport", days=6),
        _Row(words.choir, Place.SECTION, "culture", "choir", days=2),
        _Row(words.foreign, Place.SECTION, "culture", days=3),
        *(_Row(told, Place.BRIEF, days=1 + n) for n, told in enumerate(words.brief[:1])),
        *(_Row(told, Place.BRIEF, days=2, paged=False) for told in words.brief[1:2]),
        *(_Row(told, Place.BRIEF, days=3 + n) for n, told in enumerate(words.brief[2:])),
    )


def _candidates(template: str, words: SampleWords) -> tuple[Candidate, ...]:
    rows = _rows(words)
    if template == SINGLE:
        rows = rows[:1]
    if template == WEEKLY:
        rows = (*rows, *(_Row(told, Place.BRIEF, days=4) for told in words.missed))
    chosen = [_chosen(row, at, words) for at, row in enumerate(rows, start=1)]
    repeats = [
        Candidate(
            _article(told, _AGAIN_FROM + n, words),
            Verdict.DUPLICATE,
            "The same story.",
            duplicate_of=chosen[0].article.id,
        )
        for n, told in enumerate(words.retold)
    ]
    return (*chosen, *repeats)


def _chosen(row: _Row, at: int, words: SampleWords) -> Candidate:
    return Candidate(
        article=_article(row.told, at, words, row),
        verdict=Verdict.SELECTED,
        reason="In.",
        section=row.section,
        place=row.place,
        position=at,
        related=tuple(
            _article(told, _ARCHIVE_FROM + 10 * at + n, words, days=_ARCHIVE_DAYS * (n + 1))
            for n, told in enumerate(row.related)
        ),
    )


def _article(
    told: Told, number: int, words: SampleWords, row: _Row | None = None, *, days: int = 1
) -> Article:
    age = timedelta(days=row.days if row else days)
    published_at = datetime.combine(_SATURDAY, time(5), UTC) - age
    picture = row.picture if row else ""
    story = FoundStory(
        headline=told.headline,
        url=f"{_URL}/n/{4000 + number}" if row is None or row.paged else None,
        standfirst=told.standfirst,
        picture=Picture(_picture_url(picture), told.alt, words.credit) if picture else None,
        recording=row.recording if row else None,
        published_at=published_at,
        language=told.language or words.language,
    )
    return Article(number, "site", story, first_seen_at=published_at)


def _most_read(candidates: tuple[Candidate, ...]) -> tuple[Article, ...]:
    return tuple(candidates[at].article for at in (7, 0, 4, 3, 9))


def _carried(candidates: tuple[Candidate, ...], words: SampleWords) -> frozenset[int]:
    missed = {told.headline for told in words.missed}
    return frozenset(c.article.id for c in candidates if c.article.story.headline not in missed)


def _shots(words: SampleWords, images: str) -> dict[tuple[str, str], Shot]:
    shots: dict[tuple[str, str], Shot] = {}
    for row in _rows(words):
        if name := row.picture:
            for shape, (wide, high) in (("lead", _LEAD), ("thumb", _THUMB)):
                made = Shot(f"{images}/{name}-{shape}.jpg", wide, high)
                shots[_picture_url(name), shape] = made
    return shots


def _picture_url(name: str) -> str:
    return f"{_URL}/i/{name}.jpg"
