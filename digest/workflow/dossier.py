"""One document for each reader: all that is kept about them, and what proves their consent.

It is what the right of access asks for, as JSON that people can read too: every name in it stands
in docs/explanation/proof.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.composition.model import Site
from digest.db import Connection, Database
from digest.delivery import forget_store as ledger
from digest.delivery.forget_store import Received
from digest.editions.address import address_of
from digest.editions.model import Newsletter
from digest.editions.store import topic_bits
from digest.errors import NotFoundError
from digest.outbox import forget_store as outbox
from digest.outbox.forget_store import Told
from digest.people.audit_store import Entry, audit_of
from digest.workflow.erase import marks, subjects
from subscribers import directory_store as directory
from subscribers import rights_store, store
from subscribers.directory_store import NeverMailed
from subscribers.model import TEXT, Consent, Subscription
from subscribers.rights_store import Person, Wording
from subscribers.tokens import Keys
from subscribers.topics import EVERYTHING, Topics

VERSION = 1
"""Raised when a name in the document changes its meaning."""

Json = dict[str, object]


def dossier(
    database: Database,
    *,
    subscriber_id: int,
    site: Site,
    newsletters: Sequence[Newsletter],
    keys: Keys,
    now: datetime,
) -> Json:
    """Give the document of one reader; of one who was erased, the proof that is left.

    Times are UTC in ISO 8601; lists are in the order of time, names in the order written here.
    Raises NotFoundError when there is no such reader.
    """
    with database.read() as connection:
        found = rights_store.person(connection, id=subscriber_id)
        if found is None:
            raise NotFoundError(f"reader: number {subscriber_id}: there is none")
        names = _Names(
            directory.slugs(connection), {each.id: each for each in newsletters}, connection
        )
        return {
            "document": "what is kept about one reader",
            "version": VERSION,
            "made_at": _time(now),
            "publisher": {"name": site.name, "url": site.url, "address": site.postal_address},
            "reader": _reader(found),
            "subscriptions": [
                _subscription(each, names)
                for each in store.subscriptions_of(connection, subscriber_id)
            ],
            "consent": _log(connection, subscriber_id, names),
            "editions": [_edition(each) for each in ledger.received(connection, subscriber_id)],
            "notices": [_notice(each) for each in _told(connection, found, keys)],
            "never_mailed": [_never(each) for each in _listed(connection, found)],
            "change_of_address": _change_of_address(found),
            "audit": [_entry(each) for each in _audit(connection, found)],
        }


@dataclass(frozen=True, slots=True)
class _Names:
    """What newsletters and their topics are called; one that left the settings has its slug."""

    slugs: Mapping[int, str]
    newsletters: Mapping[int, Newsletter]
    connection: Connection

    def newsletter(self, newsletter_id: int | None) -> Json | str:
        if newsletter_id is None:
            return "all"
        slug = self.slugs[newsletter_id]
        found = self.newsletters.get(newsletter_id)
        return {"slug": slug, "name": found.spec.name if found else slug}

    def topics(self, standing: Subscription) -> list[str] | str:
        if standing.topic_mask == EVERYTHING:
            return "everything"
        bits = topic_bits(self.connection, standing.newsletter_id)
        found = self.newsletters.get(standing.newsletter_id)
        titles = {each.key: each.title for each in found.spec.sections} if found else {}
        offered = tuple(titles) or tuple(bits)
        chosen = Topics(bits, offered).chosen(standing.topic_mask)
        return [titles.get(key, key) for key in chosen]


def _reader(found: Person) -> Json:
    hour = None if found.hour is None else f"{found.hour // 60:02}:{found.hour % 60:02}"
    return {
        "id": found.public_id,
        "address": found.address,
        "language": found.language,
        "format": "text" if found.format == TEXT else "html",
        "time_zone": found.zone,
        "delivery_hour": hour,
        "tags": list(found.tags),
        "known_since": _time(found.created_at),
        "last_active_at": _time(found.active_at),
        "erased_at": _time(found.erased_at),
    }


def _subscription(standing: Subscription, names: _Names) -> Json:
    return {
        "newsletter": names.newsletter(standing.newsletter_id),
        "state": standing.state.value,
        "topics": names.topics(standing),
        "asked_at": _time(standing.requested_at),
        "confirmed_at": _time(standing.confirmed_at),
        "ended_at": _time(standing.ended_at),
        "paused_until": _time(standing.paused_until),
    }


def _log(connection: Connection, subscriber_id: int, names: _Names) -> list[Json]:
    log = store.consents_of(connection, subscriber_id)
    numbers = {line.wording for line in log if line.wording is not None}
    words = rights_store.wordings(connection, numbers)
    return [_consent(line, names, words) for line in log]


def _consent(line: Consent, names: _Names, words: Mapping[int, Wording]) -> Json:
    wording = words[line.wording] if line.wording is not None else None
    return {
        "at": _time(line.act.at),
        "what": line.kind.value,
        "newsletter": names.newsletter(line.newsletter_id),
        "how": line.act.via,
        "ip": line.act.ip,
        "source": line.act.source,
        "wording": wording
        and {"version": wording.number, "since": _time(wording.since), "text": wording.text},
    }


def _edition(each: Received) -> Json:
    return {
        "edition": address_of(each.slug, each.local_date, each.slot_name),
        "number": each.number,
        "language": each.language,
        "state": each.state.value,
        "code": each.code,
        "reason": each.reason,
        "at": _time(each.at),
    }


def _told(connection: Connection, found: Person, keys: Keys) -> list[Told]:
    if found.address is None:
        return []  # erased: their notices hold nothing, so none is known to be theirs
    about = outbox.notices_about(connection, found.address, marks(found.public_id, keys))
    return outbox.told(connection, about)


def _notice(each: Told) -> Json:
    return {
        "what": each.kind.value,
        "to": each.to_address,
        "state": each.state.value,
        "written_at": _time(each.created_at),
        "done_at": _time(each.done_at),
    }


def _listed(connection: Connection, found: Person) -> list[NeverMailed]:
    return directory.never_mailed(connection, found.address_hmac) if found.address_hmac else []


def _never(each: NeverMailed) -> Json:
    return {"scope": each.scope, "reason": each.reason.value, "since": _time(each.at)}


def _change_of_address(found: Person) -> Json | None:
    if found.asked_address is None:
        return None
    return {"to": found.asked_address, "asked_at": _time(found.asked_at)}


def _audit(connection: Connection, found: Person) -> list[Entry]:
    return audit_of(
        connection, list(filter(None, subjects(found.public_id, found.address_hmac or "")))
    )


def _entry(each: Entry) -> Json:
    return {"at": _time(each.at), "who": each.actor, "what": each.verb, "detail": each.detail}


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
