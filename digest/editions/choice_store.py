"""Door to the table of choices: what people chose for a slot, as an append-only log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, metadata
from digest.editions.address import address_of
from digest.editions.choice_words import in_words
from digest.editions.choices import Told, lasting, orders_of, stories_of, told_of
from digest.editions.model import Act, Choice, NewChoice, Orders
from digest.editions.store import lock_newsletter, newsletter
from digest.editions.wording import count_of, moment_in_words
from digest.errors import ConflictError
from digest.log import event
from digest.sources import article_store

_LOG = logging.getLogger(__name__)

choice = sa.Table(
    "choice",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("local_date", sa.Date, primary_key=True),
    sa.Column("slot_name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("act", sa.String(16), nullable=False),
    sa.Column("article_id", sa.ForeignKey("article.id")),
    sa.Column("language", sa.String(35), nullable=False, server_default=""),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Index("ix_choice_newsletter_id_act", "newsletter_id", "act"),
)
"""Kept by slot and not by edition: what is chosen on the evening before survives the morning's
collecting and preparing, and an edition made again."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A row of a slot's log, what has become of it, and what was done: `dropped “Ferry returns”`.

    The words stand after the actor's name.
    """

    told: Told
    words: str


def append(
    connection: Connection,
    newsletter_id: int,
    local_date: date,
    slot_name: str,
    new: NewChoice,
    *,
    by: str,
    at: datetime,
    expect_seq: int | None = None,
) -> Choice:
    """Write the slot's next choice. Needs a write transaction; one writer at a time is let in.

    `expect_seq` is the number of the last choice that its author saw, 0 for none. Raises
    ConflictError when others came after it: then nothing is written.
    """
    lock_newsletter(connection, newsletter_id)
    last = connection.scalar(
        sa.select(sa.func.max(choice.c.seq)).where(_slot_is(newsletter_id, local_date, slot_name))
    )
    if expect_seq is not None and expect_seq != (last or 0):
        lines = history(connection, newsletter_id, local_date, slot_name)
        slug, zone = connection.execute(
            sa.select(newsletter.c.slug, newsletter.c.zone).where(newsletter.c.id == newsletter_id)
        ).one()
        since = [line for line in lines if line.told.choice.seq > expect_seq]
        address = address_of(slug, local_date, slot_name)
        raise _conflict(since, expect_seq, zone=zone, address=address)
    made = Choice(seq=(last or 0) + 1, what=new, actor=by, made_at=at)
    facts = {"text": new.text, "url": new.url, "alt": new.alt, "place": new.place}
    connection.execute(
        sa.insert(choice).values(
            newsletter_id=newsletter_id,
            local_date=local_date,
            slot_name=slot_name,
            seq=made.seq,
            act=new.act.value,
            article_id=new.article_id,
            language=new.language,
            facts={name: value for name, value in facts.items() if value},
            actor=by,
            made_at=at,
        )
    )
    return made


def load_log(
    connection: Connection, newsletter_id: int, local_date: date, slot_name: str
) -> tuple[Choice, ...]:
    """Give a slot's choices, oldest first; the acts of a newer version are there as it wrote them.

    No code of ours acts on those; but they can be undone, and so they must be seen.
    """
    found = sa.select(choice).where(_slot_is(newsletter_id, local_date, slot_name))
    rows = connection.execute(found.order_by(choice.c.seq)).all()
    unknown = sorted({row.act for row in rows} - _ACTS.keys())
    if unknown:
        event(_LOG, "choices of a newer version are left out", logging.WARNING, acts=unknown)
    return tuple(_choice(row) for row in rows)


def logs_since(
    connection: Connection, newsletter_id: int, first: date
) -> dict[tuple[date, str], list[Choice]]:
    """Give the logs of a newsletter's slots from a date on, by date and slot, oldest row first."""
    mine = (choice.c.newsletter_id == newsletter_id) & (choice.c.local_date >= first)
    order = (choice.c.local_date, choice.c.slot_name, choice.c.seq)
    found: dict[tuple[date, str], list[Choice]] = {}
    for row in connection.execute(sa.select(choice).where(mine).order_by(*order)):
        found.setdefault((row.local_date, row.slot_name), []).append(_choice(row))
    return found


def orders_for(
    connection: Connection, newsletter_id: int, local_date: date, slot_name: str
) -> Orders:
    """Give what the log of a slot comes to, with what other slots' logs dropped for good."""
    log = load_log(connection, newsletter_id, local_date, slot_name)
    return orders_of(log, _always(connection, newsletter_id, (local_date, slot_name)))


def history(
    connection: Connection, newsletter_id: int, local_date: date, slot_name: str
) -> tuple[HistoryLine, ...]:
    """Give a slot's log in words, oldest first."""
    rows = told_of(load_log(connection, newsletter_id, local_date, slot_name))
    headlines = headlines_of(connection, [row.choice.what for row in rows])
    return tuple(
        HistoryLine(row, in_words(row.choice.what, headlines=headlines, of=row.of)) for row in rows
    )


def headlines_of(connection: Connection, choices: Iterable[NewChoice]) -> dict[int, str]:
    """Give the headlines of the stories that these choices name, as they are now."""
    ids = sorted({story for what in choices for story in stories_of(what)})
    articles = article_store.articles_by_id(connection, ids)
    return {article.id: article.story.headline for article in articles}


_ACTS = {act.value: act for act in Act}
_OF_A_LAST_WORD = (
    choice.c.local_date,
    choice.c.slot_name,
    choice.c.seq,
    choice.c.act,
    choice.c.article_id,
    choice.c.actor,
    choice.c.made_at,
)
"""What says whether a story is in; of a thousand logs the texts are a burden."""


def _conflict(
    since: Sequence[HistoryLine], expected: int, *, zone: str, address: str
) -> ConflictError:
    hint = f"Look at what is chosen now, then choose again: digest choose {address} list"
    if not since:
        return ConflictError(
            f"choose: there is no choice number {expected} yet: nothing was written", hint=hint
        )
    last = since[-1]
    others = len(since) - 1
    before = f", after {count_of(others, 'other choice', 'other choices')}" if others else ""
    at = moment_in_words(last.told.choice.made_at, zone)
    return ConflictError(
        f"choose: in the meantime {last.told.choice.actor} {last.words}"
        f" ({at}{before}): nothing was written",
        hint=hint,
    )


def _always(
    connection: Connection, newsletter_id: int, own: tuple[date, str]
) -> tuple[Choice, ...]:
    """Give what is lasting in the newsletter's other slots, oldest first.

    Whole logs are played, as an undo is known only by what stands before it: but only of the slots
    that dropped a story for good, or gave such a story back to the rules.
    """
    mine = choice.c.newsletter_id == newsletter_id
    for_good = sa.and_(mine, choice.c.act == Act.DROP_ALWAYS.value)
    stories = sa.select(choice.c.article_id).where(for_good)
    given_back = sa.and_(mine, choice.c.act == Act.RESET.value, choice.c.article_id.in_(stories))
    slots = sa.select(choice.c.local_date, choice.c.slot_name).where(sa.or_(for_good, given_back))
    named = slots.distinct().subquery()
    same = sa.and_(
        choice.c.local_date == named.c.local_date, choice.c.slot_name == named.c.slot_name
    )
    order = (choice.c.local_date, choice.c.slot_name, choice.c.seq)
    query = sa.select(*_OF_A_LAST_WORD).join(named, same).where(mine).order_by(*order)
    logs: dict[tuple[date, str], list[Choice]] = {}
    for day, name, seq, act, story, actor, made_at in connection.execute(query):
        what = NewChoice(_act(act), story)
        logs.setdefault((day, name), []).append(Choice(seq, what, actor, made_at))
    logs.pop(own, None)
    found = (each for log in logs.values() for each in lasting(log))
    return tuple(sorted(found, key=lambda each: each.made_at))


def _slot_is(newsletter_id: int, local_date: date, slot_name: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        choice.c.newsletter_id == newsletter_id,
        choice.c.local_date == local_date,
        choice.c.slot_name == slot_name,
    )


def _choice(row: sa.Row[Any]) -> Choice:
    facts = row.facts if isinstance(row.facts, dict) else {}
    written = {name: str(facts.get(name) or "") for name in ("text", "url", "alt", "place")}
    what = NewChoice(_act(row.act), row.article_id, row.language, **written)
    return Choice(seq=row.seq, what=what, actor=row.actor, made_at=row.made_at)


def _act(word: str) -> Act:
    # An act that only a newer version knows stays the word it is.
    return _ACTS.get(word) or cast("Act", word)
