"""Pure. What a sign-up form asks for: newsletters, how often, topics; whoever wrote the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digest.editions.model import Newsletter, Section
from digest.errors import AddressError
from digest.web.forms import Fields, first
from subscribers.address import read_address, typo_hint

LONGEST_TYPED = 320
"""Of what was typed as an address this much is looked at, and shown again."""

AS_TYPED = "as-typed"
"""The answer to "Did you mean …?" of who did not."""

_FEWEST_TOPICS = 2
"""With fewer there is nothing to choose."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of a form as they came."""

    email: str
    newsletters: tuple[str, ...] = ()
    """Slugs; some may name nothing."""
    topics: tuple[str, ...] = ()
    """Keys of sections, each alone or as `slug:key`."""
    weekly: bool = False
    """Once a week, where a newsletter has a weekly that stands for it."""
    spelling: str = ""
    """The answer to a hint: `AS_TYPED`, or the address that was meant."""
    asks_topics: bool = False
    """Whether the form had topics to tick, so that none of them means everything."""

    @property
    def address(self) -> str:
        """The address that is meant."""
        return self.spelling if "@" in self.spelling else self.email


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """Topics to tick: of one newsletter, or of several with the same ones."""

    slug: str
    """The first of the newsletters, whose name goes before each topic in the form."""
    names: tuple[str, ...]
    sections: tuple[Section, ...]


def read_typed(fields: Fields) -> Typed:
    """Read a form; what is missing is empty."""
    email = _plain(first(fields, "email"))
    return Typed(
        email=email,
        newsletters=tuple(fields.get("newsletter", ())),
        topics=tuple(fields.get("topic", ())),
        weekly=first(fields, "often") == "weekly",
        spelling=_answer(_plain(first(fields, "spelling")), email),
        asks_topics=first(fields, "topics") == "asked",
    )


def _plain(text: str) -> str:
    return text[:LONGEST_TYPED].replace("\0", "")


def _answer(said: str, email: str) -> str:
    """Give the answer to a hint; none if the address was typed anew since it was asked.

    Enter in the field presses the form's first button, which is "Yes".
    """
    try:
        asked = typo_hint(read_address(email)) if "@" in said else said
    except AddressError:
        return ""
    return said if said == asked else ""


def chosen(slugs: Sequence[str], offered: Sequence[Newsletter]) -> list[Newsletter]:
    """Give the newsletters that are named; where there is but one, a form need not name it."""
    if not slugs and len(offered) == 1:
        return list(offered)
    return [each for each in offered if each.slug in slugs]


def weekly_of(newsletter: Newsletter, offered: Sequence[Newsletter]) -> Newsletter | None:
    """Give the weekly that stands for a newsletter, if both are offered."""
    twin = newsletter.spec.weekly_twin
    return next((each for each in offered if each.slug == twin), None) if twin else None


def asked_for(typed: Typed, offered: Sequence[Newsletter]) -> dict[int, tuple[str, ...]]:
    """Give the ids of what is wanted, each with the keys of its topics; no key is everything."""
    wanted: dict[int, tuple[str, ...]] = {}
    for each in chosen(typed.newsletters, offered):
        weekly = weekly_of(each, offered) if typed.weekly else None
        target = weekly or each
        keys = topics_of(typed, each, offered)
        wanted[target.id] = (*wanted.get(target.id, ()), *keys)
    return wanted


def topics_of(
    typed: Typed, newsletter: Newsletter, offered: Sequence[Newsletter]
) -> tuple[str, ...]:
    """Give the keys of the topics that are ticked for one newsletter."""
    groups = topic_groups(offered)
    mine = {newsletter.slug, "", *(one.slug for one in groups if newsletter.spec.name in one.names)}
    named = [value.rpartition(":") for value in typed.topics]
    keys = {key for slug, _, key in named if slug in mine}
    return tuple(each.key for each in newsletter.spec.sections if each.key in keys)


def topic_groups(offered: Sequence[Newsletter]) -> list[TopicGroup]:
    """Give the topics to tick; newsletters with the same ones are asked about once."""
    groups: dict[tuple[tuple[str, str], ...], list[Newsletter]] = {}
    for each in offered:
        sections = tuple((section.key, section.title) for section in each.spec.sections)
        if len(sections) >= _FEWEST_TOPICS:
            groups.setdefault(sections, []).append(each)
    return [
        TopicGroup(same[0].slug, tuple(each.spec.name for each in same), same[0].spec.sections)
        for same in groups.values()
    ]
