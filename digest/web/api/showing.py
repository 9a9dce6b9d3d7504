"""Turn what the stores give into what the API answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.db import Connection
from digest.editions.model import Newsletter
from digest.editions.store import topic_bits
from digest.web.api.call import Call
from digest.web.api.problems import ProblemError, in_field
from digest.web.api.values import (
    ConsentShown,
    NewsletterShown,
    SubscriberShown,
    SubscriptionShown,
    TopicShown,
)
from subscribers import directory_store
from subscribers.directory_store import Entry
from subscribers.model import Consent, Subscription
from subscribers.segments import state_at
from subscribers.topics import Topics


@dataclass(frozen=True, slots=True)
class Names:
    """What newsletters and their topics are called, also those that left the settings."""

    slugs: Mapping[int, str]
    topics: Mapping[int, Topics]
    now: datetime


def names_of(connection: Connection, call: Call) -> Names:
    """Read the names there are."""
    topics = {each.id: topics_of(connection, each) for each in call.context.newsletters}
    return Names(directory_store.slugs(connection), topics, call.now)


def topics_of(connection: Connection, newsletter: Newsletter) -> Topics:
    """Give the topics of a newsletter."""
    bits = topic_bits(connection, newsletter.id)
    return Topics(bits, tuple(section.key for section in newsletter.spec.sections))


def reader_of(connection: Connection, public_id: str) -> Entry:
    """Find a reader. Raises ProblemError: 404, also for who was erased."""
    found = directory_store.entry_of(connection, public_id=public_id)
    if found is None:
        raise ProblemError(404, "There is no reader of this id.")
    return found


def newsletter_of(call: Call, slug: str) -> Newsletter:
    """Find the newsletter that stands in an address. Raises ProblemError: 404."""
    found = call.context.find(slug)
    if found is None:
        raise ProblemError(404, "There is no newsletter of this name.")
    return found


def newsletters_in(call: Call, slugs: Sequence[str], *, offered: bool = False) -> list[Newsletter]:
    """Find the newsletters that stand in a body; `offered`: only those anybody may ask for.

    Raises ProblemError: 422, in the same words for one that is not offered and one that is not.
    """
    known = {
        each.slug: each for each in call.context.newsletters if each.spec.offered or not offered
    }
    for at, slug in enumerate(slugs):
        if slug not in known:
            raise in_field(f"/newsletters/{at}", "There is no newsletter of this name.")
    return [known[slug] for slug in slugs]


def masks_of(
    wanted: Mapping[str, Sequence[str]],
    newsletters: Sequence[Newsletter],
    topics: Mapping[int, Topics],
) -> dict[int, int]:
    """Give the topic masks that a body asks for, by newsletter. Raises ProblemError: 422."""
    ids = {each.slug: each.id for each in newsletters}
    masks = {}
    for slug, keys in wanted.items():
        if slug not in ids:
            raise in_field(f"/topics/{slug}", "This newsletter is not asked for.")
        check_topics(keys, topics[ids[slug]], f"/topics/{slug}")
        masks[ids[slug]] = topics[ids[slug]].mask(keys) if keys else 0
    return masks


def check_topics(keys: Sequence[str], topics: Topics, pointer: str) -> None:
    """Refuse a topic that a newsletter does not offer. Raises ProblemError: 422."""
    for at, key in enumerate(keys):
        if not topics.known([key]):
            raise in_field(f"{pointer}/{at}", "This newsletter offers no such topic.")


def newsletter_shown(newsletter: Newsletter, *, site_language: str) -> NewsletterShown:
    """Show a newsletter."""
    spec = newsletter.spec
    return NewsletterShown(
        slug=spec.slug,
        name=spec.name,
        offered=spec.offered,
        languages=[spec.language or site_language, *spec.languages],
        topics=[TopicShown(key=each.key, title=each.title) for each in spec.sections],
    )


def subscriber_shown(entry: Entry, names: Names) -> SubscriberShown:
    """Show a reader."""
    reader = entry.reader
    return SubscriberShown(
        id=reader.public_id,
        address=reader.address,
        language=reader.language,
        zone=reader.zone,
        hour=None if reader.hour is None else f"{reader.hour // 60:02}:{reader.hour % 60:02}",
        format="text" if reader.text_only else "html",
        tags=list(entry.tags),
        created_at=reader.created_at,
        active_at=reader.active_at,
        subscriptions=[subscription_shown(each, names) for each in entry.standings],
    )


def subscription_shown(standing: Subscription, names: Names) -> SubscriptionShown:
    """Show a standing; a pause that is over is none."""
    topics = names.topics.get(standing.newsletter_id)
    mask = standing.topic_mask
    state = state_at(standing, names.now)
    return SubscriptionShown(
        newsletter=names.slugs[standing.newsletter_id],
        state=state.value,
        topics=list(topics.chosen(mask)) if topics is not None and mask else None,
        paused_until=standing.paused_until if state == "paused" else None,
        requested_at=standing.requested_at,
        confirmed_at=standing.confirmed_at,
        ended_at=standing.ended_at,
    )


def consent_shown(line: Consent, slugs: Mapping[int, str]) -> ConsentShown:
    """Show a line of the log."""
    act, about = line.act, line.newsletter_id
    return ConsentShown(
        at=act.at,
        kind=line.kind.value,
        newsletter=None if about is None else slugs[about],
        via=act.via,
        source=act.source,
        ip=act.ip,
        text=act.text,
    )
