"""An archive for tests: real letters of the made-up newspaper, sent on many days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from digest.composition import store as compositions
from digest.composition.catalogs import load_languages
from digest.composition.compose import compose
from digest.composition.dates import date_words
from digest.composition.environment import load_templates
from digest.composition.images import MadeImage
from digest.composition.model import Composition, Letter, Piece, Site
from digest.composition.samples import sample_letter
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import (
    MAIN_SLOT,
    Cadence,
    Edition,
    EditionState,
    Newsletter,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Section,
    Slot,
    SlotHours,
    StoryPolicy,
    Window,
)

SECRET = b"a secret of thirty-two bytes, here"
FRIDAY = date(2026, 1, 9)
TONGUES = ("ar", "de", "es", "fr")
SECTIONS = (Section("town", "Town"), Section("sport", "Sport"), Section("culture", "Culture"))


def a_spec(slug: str, name: str, days: Collection[int], **more: Any) -> NewsletterSpec:
    """Describe a newsletter of the paper; its letters are made by the template `daily`."""
    facts: dict[str, Any] = {
        "template": "daily",
        "cadence": Cadence("Europe/London", (SlotHours(time(7), time(6, 30)),), frozenset(days)),
        "stories": StoryPolicy(),
        "release": Release(ReleaseMode.APPROVE),
        "sections": SECTIONS,
    }
    return NewsletterSpec(slug, name, **{**facts, **more})


def make_paper(database: Database) -> list[Newsletter]:
    """Write The Morning Post in five languages, its twin The Week, and one that is not offered."""
    specs = [
        a_spec(
            "daily",
            "The Morning Post",
            range(5),
            languages=TONGUES,
            weekly_twin="weekly",
            hours=(time(6), time(7), time(18)),
        ),
        a_spec("weekly", "The Week", {5}, template="weekly"),
        a_spec("members", "For Members", {2}, offered=False),
    ]
    with database.write() as connection:
        return editions.sync_newsletters(connection, specs, now=datetime(2025, 6, 2, tzinfo=UTC))


def written(
    template: str = "daily", tag: str = "en", *, site: Site, lead: int = 0, images: str = ""
) -> Letter:
    """Write one of the sample letters for a site; another `lead` changes places with the first."""
    language = _languages().of(tag)
    letter = sample_letter(
        template, language, site=site, images=images or f"{site.public_url}/images"
    )
    if lead and letter.lead is not None:
        told: list[Piece] = [letter.lead, *letter.top, *letter.brief]
        other = told[lead % len(told)]
        changed = replace(letter.lead, headline=other.headline, url=other.url)
        letter = replace(letter, lead=changed)
    return letter


@cache
def composed(letter: Letter, *, revision: int = 1) -> Composition:
    """Compose a letter as the product does, once for all tests of a process."""
    return compose(
        letter,
        edition_id=1,
        revision=revision,
        language=_languages().of(letter.language),
        secret=SECRET,
        environment=_templates(),
    )


def send_edition(
    database: Database,
    newsletter: Newsletter,
    day: date,
    letters: Iterable[Letter],
    *,
    state: EditionState = EditionState.SENT,
    slot: str = MAIN_SLOT,
) -> Edition:
    """Write an edition with its letters, its newsletter's own language first."""
    send_at = datetime.combine(day, time(7), UTC)
    taken = Slot(day, send_at - timedelta(minutes=30), send_at, name=slot)
    window = Window(send_at - timedelta(days=1), taken.cut_off_at)
    with database.write() as connection:
        made = editions.insert_edition(
            connection,
            newsletter,
            taken,
            window=window,
            prepared_at=taken.cut_off_at,
            expires_at=None,
        )
        shown = [
            replace(composed(_of_day(letter, newsletter, made)), edition_id=made.id)
            for letter in letters
        ]
        if shown:
            compositions.save_compositions(connection, shown, at=taken.cut_off_at)
        editions.change_state(connection, made.id, expect=[EditionState.DRAFT], to=state)
    return replace(made, state=state)


def workdays(last: date, count: int) -> Sequence[date]:
    """Give so many days from Monday to Friday, the newest first."""
    days = (last - timedelta(days=n) for n in range(2 * count + 2))
    return [day for day in days if day.weekday() < 5][:count]


def save_picture(database: Database, name: str, content: bytes, *, size: tuple[int, int]) -> None:
    """Keep a JPEG under a name of our own choice."""
    made = MadeImage(name, *size, "image/jpeg", content)
    at = datetime(2026, 1, 9, tzinfo=UTC)
    with database.write() as connection:
        compositions.save_image(connection, f"https://pictures.example/{name}", "lead", made, at=at)


def _of_day(letter: Letter, newsletter: Newsletter, edition: Edition) -> Letter:
    words = date_words(edition.local_date, letter.language)
    return replace(
        letter,
        slug=newsletter.slug,
        newsletter=newsletter.spec.name if letter.language == "en" else letter.newsletter,
        local_date=edition.local_date,
        date_line=words[:1].upper() + words[1:],
        number=edition.number,
        read_online_url=f"{letter.site.public_url}/{edition.address}",
    )


@cache
def _languages() -> Any:
    return load_languages()


@cache
def _templates() -> Any:
    return load_templates()
