"""Pure but for a journal it opens. What a sender and its ledger's process say to each other.

Nearly all of it is copies that come and copies that were accepted: those are rows of plain values.
The rest, which is rare, goes as the values themselves.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from digest.delivery.journal import LeaseFile
from digest.delivery.lease_store import Answers, Lease, Planned, Result
from digest.delivery.ledger import Loaded, Place
from digest.delivery.model import DeliveryState
from digest.delivery.settle import ACCEPTED
from subscribers.mailing_store import Addressee
from subscribers.model import Recipient


class LeaseWords(NamedTuple):
    """A lease without its copies, but for the first and the last."""

    edition_id: int
    newsletter_id: int
    n: int
    fence: int
    priority: int
    intent_upto: int
    first_id: int
    last_id: int


class AnswerWords(NamedTuple):
    """`Answers`; `accepted` and `domains` are those that were planned and are accepted now."""

    lease: LeaseWords
    accepted: list[int]
    domains: list[int]
    others: list[Result]
    intent_upto: int | None
    ended: bool


class LoadedWords(NamedTuple):
    """A lease that was claimed, its journal, and its copies: a row each.

    A row is the reader, the language, and why they get none; or `Recipient`'s values, with the
    number and the group of the reader's domain. `planned` is None where nothing was tried before.
    """

    lease: LeaseWords
    path: Path
    rows: list[tuple[Any, ...]]
    planned: list[Planned] | None


def lease_words(lease: Lease) -> LeaseWords:
    """Say which lease it is."""
    copies = lease.copies
    ends = (copies[0].subscriber_id, copies[-1].subscriber_id) if copies else (0, 0)
    return LeaseWords(
        lease.edition_id,
        lease.newsletter_id,
        lease.n,
        lease.fence,
        lease.priority,
        lease.intent_upto,
        *ends,
    )


def lease_of(words: LeaseWords, copies: Iterable[Planned] | None = None) -> Lease:
    """Give the lease, with these copies or its first and its last."""
    ends = (words.first_id, words.last_id) if words.first_id else ()
    return Lease(
        edition_id=words.edition_id,
        newsletter_id=words.newsletter_id,
        n=words.n,
        fence=words.fence,
        priority=words.priority,
        copies=tuple(copies if copies is not None else (Planned(each, "") for each in ends)),
        intent_upto=words.intent_upto,
    )


def answer_words(answers: Answers) -> AnswerWords:
    """Say what is to be written of a lease."""
    accepted: list[int] = []
    domains: list[int] = []
    others: list[Result] = []
    for result in answers.results:
        planned = result.planned
        if result.settled is ACCEPTED and planned.state is DeliveryState.PLANNED:
            accepted.append(planned.subscriber_id)
            domains.append(result.domain_id)
        else:
            others.append(result)
    words = lease_words(answers.lease)
    return AnswerWords(words, accepted, domains, others, answers.intent_upto, answers.ended)


def answers_of(words: AnswerWords) -> Answers:
    """Give back what was said by `answer_words`."""
    accepted = (
        Result(Planned(reader, ""), ACCEPTED, domain)
        for reader, domain in zip(words.accepted, words.domains, strict=True)
    )
    results = [*accepted, *words.others]
    return Answers(lease_of(words.lease), results, words.intent_upto, ended=words.ended)


def loaded_words(loaded: Loaded) -> LoadedWords:
    """Say what was claimed."""
    lease = loaded.lease
    rows: list[tuple[Any, ...]] = []
    for copy in lease.copies:
        reader, person = copy.subscriber_id, loaded.people[copy.subscriber_id]
        if isinstance(person, str):
            rows.append((reader, copy.language, person))
            continue
        place = loaded.places[reader]
        rows.append(
            (
                reader,
                copy.language,
                person.address,
                person.public_id,
                person.confirmed_at,
                person.topic_mask,
                person.text_only,
                place.id,
                place.group,
            )
        )
    planned = list(lease.copies) if lease.is_retry else None
    return LoadedWords(lease_words(lease), loaded.file.path, rows, planned)


def loaded_of(words: LoadedWords) -> Loaded:
    """Give back what was said by `loaded_words`, with its journal opened. Raises JournalError."""
    copies = words.planned or [Planned(row[0], row[1]) for row in words.rows]
    people: dict[int, Addressee] = {}
    places: dict[int, Place] = {}
    same: dict[int, Place] = {}
    for reader, language, first, *more in words.rows:
        if not more:
            people[reader] = first
            continue
        public_id, confirmed_at, topics, text_only, place_id, group = more
        people[reader] = Recipient(
            reader, first, public_id, confirmed_at, None, topics, text_only, language
        )
        place = same.get(place_id)
        if place is None:
            place = same[place_id] = Place(place_id, group)
        places[reader] = place
    file = LeaseFile.opened(words.path)
    return Loaded(lease_of(words.lease, copies), file, people, places)


def said(words: object) -> bytes:
    """Give what goes through the socket."""
    return pickle.dumps(words, protocol=pickle.HIGHEST_PROTOCOL)


def heard(content: bytes) -> Any:
    """Read what came through the socket: from our own process, and from nobody else."""
    return pickle.loads(content)  # noqa: S301 - both ends are this program, on a socket without a name
