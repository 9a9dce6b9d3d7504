"""Pure. What the API gives about one newsletter."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from digest.web.api.values import Given, NewsletterShown


class SectionTold(Given):
    """One of its sections, which are its topics."""

    key: str
    title: str
    categories: Annotated[list[str], Field(description="The feed's names that lead into it.")]


class StoriesTold(Given):
    """How many stories an edition has, and how old they may be."""

    least: int
    most: int
    max_age: Annotated[str, Field(examples=["48h"])]


class RunTold(Given):
    """One time that it comes."""

    date: date
    slot: Annotated[str, Field(description="`main`, or its name where a day has several.")]
    cut_off_at: Annotated[datetime, Field(description="UTC.")]
    send_at: Annotated[datetime, Field(description="UTC.")]
    cut_off_local: Annotated[datetime, Field(description="The same in its own zone.")]
    send_local: Annotated[datetime, Field(description="The same in its own zone.")]


class NewsletterTold(NewsletterShown):
    """A newsletter with all that a program may want to know of it."""

    template: str
    zone: Annotated[str, Field(description="Its hours are local here.")]
    release: Annotated[
        str, Field(description="Who lets it go.", examples=["approve", "auto-after 20m"])
    ]
    stories: StoriesTold
    sections: list[SectionTold]
    readers: Annotated[int, Field(description="Whom an edition would be planned for now.")]
    runs: Annotated[
        list[RunTold],
        Field(description="The next ten, holidays left out; none: it is made by hand."),
    ]
