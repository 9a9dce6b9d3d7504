"""Builders of editions and letters for the composition tests; the stories are our own writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from digest.composition.model import Shot, Site
from digest.composition.slots import Slot, Tally, Total, counted, shown, split
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
    SlotHours,
    Sponsor,
    StoryPolicy,
    Verdict,
    Window,
    Wording,
)
from digest.editions.model import Slot as EditionSlot
from digest.sources.model import Article, FoundStory, Picture, Recording, RecordingKind

SECRET = b"a secret of thirty-two bytes, here"
CUT_OFF = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
SECTIONS = (
    Section("town", "Town"),
    Section("sport", "Sport"),
    Section("culture", "Culture & letters"),
)


def a_site(**changes: Any) -> Site:
    facts: dict[str, Any] = {
        "name": "Harbour Post",
        "url": "https://harbourpost.example",
        "public_url": "https://letters.harbourpost.example",
        "language": "en",
        "zone": "Europe/London",
        "postal_address": "12 Quay Street, Harbour Town HP1 1AA",
        "reply_to": "editor@harbourpost.example",
    }
    return Site(**{**facts, **changes})


def a_newsletter(
    template: str = "daily",
    *,
    name: str = "The Morning Post",
    sections: tuple[Section, ...] = SECTIONS,
) -> NewsletterSpec:
    return NewsletterSpec(
        slug=template,
        name=name,
        template=template,
        cadence=Cadence("Europe/London", (SlotHours(time(7), time(6, 30)),), frozenset(range(5))),
        stories=StoryPolicy(),
        release=Release(ReleaseMode.APPROVE),
        sections=sections,
    )


def an_edition(slug: str = "daily", *, day: date = date(2026, 1, 9), number: int = 1204) -> Edition:
    return Edition(
        id=7,
        newsletter_id=1,
        slug=slug,
        local_date=day,
        slot_name="main",
        number=number,
        state=EditionState.DRAFT,
        window=Window(CUT_OFF - timedelta(days=1), CUT_OFF),
        send_at=CUT_OFF + timedelta(minutes=30),
        prepared_at=CUT_OFF,
    )


def a_slot(day: date = date(2026, 1, 12), *, hour: int = 7) -> EditionSlot:
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return EditionSlot(day, cut_off_at=at - timedelta(minutes=30), send_at=at)


def a_story(
    headline: str,
    standfirst: str = "",
    *,
    url: str | None = "https://harbourpost.example/a-story",
    picture: Picture | None = None,
    recording: Recording | None = None,
    language: str | None = None,
    body: str = "",
    published_at: datetime | None = CUT_OFF - timedelta(hours=10),
) -> FoundStory:
    return FoundStory(
        headline=headline,
        url=url,
        standfirst=standfirst,
        picture=picture,
        recording=recording,
        language=language,
        body_text=body,
        published_at=published_at,
    )


def chosen(story: FoundStory, place: Place, *, at: int, section: str | None = None) -> Candidate:
    return Candidate(
        article=Article(at, "site", story, first_seen_at=CUT_OFF - timedelta(hours=9)),
        verdict=Verdict.SELECTED,
        reason="In.",
        section=section,
        place=place,
        position=at,
    )


Row = tuple[Place, str | None, str, str, str]
"""Place, section, headline, standfirst, name of the picture."""

_STORIES: tuple[Row, ...] = (
    (
        Place.LEAD,
        "town",
        "Council backs the new breakwater after a night of argument",
        (
            "Work on the 400-metre wall begins in April. The harbour office says berths on the"
            " north quay stay open throughout, and that the fish market moves for one season."
        ),
        "sea",
    ),
    (
        Place.TOP,
        "town",
        "Ferry returns to its winter timetable",
        "The 06:10 to the islands sails again from Monday, with one boat fewer at noon.",
        "ferry",
    ),
    (
        Place.TOP,
        "town",
        "Two schools share a roof, and save a fortune",
        "Heat from the swimming pool now warms both; the bill fell by a third in its first year.",
        "roofs",
    ),
    (
        Place.TOP,
        "culture",
        "Museum finds a letter from the keeper’s daughter",
        "She was eleven when she lit the lamp alone for three nights.",
        "lamp",
    ),
    (
        Place.SECTION,
        "town",
        "Bakers fall out over the price of rye",
        "The mill on Weir Lane has doubled it since the autumn.",
        "",
    ),
    (
        Place.SECTION,
        "town",
        "A bench for the bus stop at last",
        "It took nine years, four letters and one carpenter.",
        "",
    ),
    (
        Place.SECTION,
        "sport",
        "Rowers win by a length in heavy rain",
        "The junior eight beat the county side on its own water.",
        "",
    ),
    (
        Place.SECTION,
        "culture",
        "Choir seeks tenors: no questions asked",
        "The spring concert stands or falls with them, the conductor says.",
        "choir",
    ),
    (Place.BRIEF, None, "Library opens on Sundays from March", "", ""),
    (Place.BRIEF, None, "Lost: one grey cat, answers to Admiral", "", ""),
    (Place.BRIEF, None, "High water at 11:42, and again just after midnight", "", ""),
    (Place.BRIEF, None, "The lamp on Weir Lane is mended", "", ""),
)


def a_selection(
    stories: Sequence[Row] = _STORIES,
) -> Selection:
    return Selection(
        tuple(
            chosen(_found(at, row), row[0], at=at, section=row[1])
            for at, row in enumerate(stories, start=1)
        )
    )


def a_chosen_selection() -> Selection:
    """Give the same stories as the desk has them: reworded, with a note, a sponsor, and more."""
    lead, top, *others = a_selection().candidates
    archive = [
        Article(
            900 + n, "site", a_story(headline, url=f"https://harbourpost.example/n/{n}"), CUT_OFF
        )
        for n, headline in enumerate(
            ("The wall that never was", "What a berth costs", "Storm Ada took the old mole"), 1
        )
    ]
    film = Recording("https://harbourpost.example/v/2.mp4", 190, RecordingKind.VIDEO)
    return Selection(
        (
            replace(
                lead,
                wording=(Wording("", "Council backs the breakwater", "Work begins in April."),),
                related=tuple(archive[:2]),
            ),
            replace(
                top,
                article=replace(top.article, story=replace(top.article.story, recording=film)),
                picture=Picture(""),
                related=tuple(archive[2:]),
            ),
            *others,
        ),
        note={"": "Good morning. The wall has filled our postbag; two letters are below. Ann"},
        sponsor=Sponsor("Quay Street Books: all maps half price this week", "https://qsb.example/"),
        most_read=tuple(archive),
    )


def _found(at: int, row: Row) -> FoundStory:
    place, _, headline, standfirst, picture = row
    shown = Picture(picture_url(picture), f"A picture of the {picture}.", "Harbour Post")
    headline_only = place is Place.BRIEF and at % 2 == 0
    return a_story(
        headline,
        standfirst,
        url=None if headline_only else f"https://harbourpost.example/n/{4000 + at}",
        picture=shown if picture else None,
        recording=Recording("https://harbourpost.example/a/1.mp3", 740)
        if picture == "lamp"
        else None,
        published_at=CUT_OFF - timedelta(hours=10 * at),
    )


def picture_url(name: str) -> str:
    return f"https://harbourpost.example/i/{name}.jpg"


def shots_at(
    base: str = "https://letters.harbourpost.example/images",
) -> dict[tuple[str, str], Shot]:
    names = ("sea", "ferry", "roofs", "lamp", "choir")
    shots = {
        (picture_url(name), "thumb"): Shot(f"{base}/{name}-thumb.jpg", 160, 120) for name in names
    }
    lead = Shot(f"{base}/sea-lead.jpg", 600, 338, "Low sun over the harbour.", "Harbour Post")
    return {**shots, (picture_url("sea"), "lead"): lead}


READER = {
    Slot.ADDRESS: "maria@reader.example",
    Slot.SINCE: "3 November 2025",
    Slot.UNSUBSCRIBE: "https://letters.harbourpost.example/u/7Q2",
    Slot.PREFERENCES: "https://letters.harbourpost.example/p/7Q2",
    Slot.TWIN: "https://letters.harbourpost.example/p/7Q2?weekly",
}


def copy_of(
    source: str, nonce: str, *, topics: frozenset[str] | None = None, online: bool = False
) -> str:
    """Splice a source for one reader, the slow way, as the wire must do it fast."""
    runs = shown(split(source, nonce), topics, online=online)
    tally = counted(runs)
    return "".join(_said(run.content, tally) for run in runs)


def _said(content: str | Slot | Tally | Total, tally: Tally) -> str:
    if isinstance(content, Slot):
        return READER[content]
    if isinstance(content, Total):
        return content.words(tally)
    return "" if isinstance(content, Tally) else content
