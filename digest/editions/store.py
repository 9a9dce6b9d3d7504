"""Door to the tables of newsletters, slots, editions, candidates and uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.editions.cadence import next_wake_up, previous_cut_off
from digest.editions.model import (
    MAIN_SLOT,
    Cadence,
    Edition,
    EditionState,
    Newsletter,
    NewsletterSpec,
    Section,
    Slot,
    SlotRow,
    SlotState,
    Window,
)
from digest.editions.wording import one_line
from digest.errors import NotFoundError, SettingsError
from digest.outbox import hook_store
from digest.outbox.hooks import HookEvent

FINISHED = frozenset({EditionState.SENT, EditionState.SKIPPED, EditionState.EXPIRED})
"""The states after which nothing more happens to an edition by itself."""

_LETS_GO = frozenset({EditionState.APPROVED, EditionState.SENDING, EditionState.SENT})
_ORIGIN_FILE = "file"
_MOST_TOPICS = 63
"""A topic mask is a signed 64-bit number."""
_IDS_AT_ONCE = 500
"""Far below what either database takes as parameters of one statement."""

newsletter = sa.Table(
    "newsletter",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("slug", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
    sa.Column("epoch_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("next_run_at", UtcDateTime),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)

topic = sa.Table(
    "topic",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("bit", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.UniqueConstraint("newsletter_id", "key"),
)
"""A section's bit in the topic masks; a bit is never given to another section."""

slot = sa.Table(
    "slot",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("local_date", sa.Date, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    sa.Column("send_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("by_hand", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
)
"""The row that decides: whoever inserts it makes the edition, all others find it taken."""

edition = sa.Table(
    "edition",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), nullable=False),
    sa.Column("local_date", sa.Date, nullable=False),
    sa.Column("slot_name", sa.String(64), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("window_after", UtcDateTime, nullable=False),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    sa.Column("send_at", UtcDateTime, nullable=False),
    sa.Column("prepared_at", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("note", sa.JSON, nullable=False, default=dict, server_default="{}"),
    sa.Column("sponsor", sa.JSON(none_as_null=True)),
    sa.Column("inbox", sa.JSON(none_as_null=True)),
    sa.Column("asked_for", sa.JSON(none_as_null=True)),
    sa.Column("sending_at", UtcDateTime),
    sa.Column("go_at", UtcDateTime),
    sa.Column("corrects", BigId),
    sa.Column("told_as", sa.String(40), nullable=False, server_default=""),
    sa.UniqueConstraint("newsletter_id", "local_date", "slot_name"),
    sa.UniqueConstraint("newsletter_id", "number"),
)


def sync_newsletters(
    connection: Connection, specs: Sequence[NewsletterSpec], *, now: datetime
) -> list[Newsletter]:
    """Bring the settings' newsletters into the database; give them as it knows them then.

    A new one begins one period before its last cut-off: whatever the hour somebody first tries it,
    there is an edition's worth of stories, and never the whole archive. A wake-up that is due stays
    due, however long nobody was there to see it.
    Raises SettingsError when the sections ever had would outgrow a topic mask.
    """
    for spec in specs:
        if not _insert_newsletter(connection, spec, now=now):
            _update_newsletter(connection, spec, now=now)
        _sync_topics(connection, spec)
    return load_newsletters(connection, specs)


def load_newsletters(connection: Connection, specs: Sequence[NewsletterSpec]) -> list[Newsletter]:
    """Give the newsletters of these settings that the database knows, in the settings' order."""
    slugs = [spec.slug for spec in specs]
    rows = connection.execute(sa.select(newsletter).where(newsletter.c.slug.in_(slugs)))
    by_slug = {row.slug: row for row in rows}
    return [
        Newsletter(
            id=row.id,
            spec=spec,
            epoch_at=row.epoch_at,
            next_run_at=row.next_run_at,
            created_at=row.created_at,
        )
        for spec in specs
        if (row := by_slug.get(spec.slug)) is not None
    ]


def set_next_run(connection: Connection, newsletter_id: int, at: datetime | None) -> None:
    """Write down when the newsletter must be looked at again."""
    found = newsletter.c.id == newsletter_id
    connection.execute(sa.update(newsletter).where(found).values(next_run_at=at))


def lock_newsletter(connection: Connection, newsletter_id: int) -> None:
    """Let one transaction at a time make or unmake editions of this newsletter.

    PostgreSQL locks the row; on SQLite the write transaction is the lock. What is read afterwards
    (numbers, uses) stays true until the commit.
    Raises NotFoundError when there is no such newsletter.
    """
    query = sa.select(newsletter.c.id).where(newsletter.c.id == newsletter_id).with_for_update()
    if connection.scalar(query) is None:
        raise NotFoundError(f"newsletter: number {newsletter_id}: not in the database")


def topic_bits(connection: Connection, newsletter_id: int) -> dict[str, int]:
    """Map the key of every section this newsletter ever had to its bit in the topic masks."""
    query = sa.select(topic.c.key, topic.c.bit).where(topic.c.newsletter_id == newsletter_id)
    return {row.key: row.bit for row in connection.execute(query.order_by(topic.c.bit))}


def take_slot(connection: Connection, newsletter_id: int, taken: Slot, state: SlotState) -> bool:
    """Take a slot for ourselves; False when anybody took it before.

    The row decides between processes: a second INSERT waits for the first one's commit.
    """
    return _insert_if_absent(
        connection,
        slot,
        newsletter_id=newsletter_id,
        local_date=taken.local_date,
        name=taken.name,
        cut_off_at=taken.cut_off_at,
        send_at=taken.send_at,
        state=state.value,
        by_hand=taken.by_hand,
    )


def set_slot(
    connection: Connection, newsletter_id: int, taken: Slot, state: SlotState, reason: str = ""
) -> None:
    """Write what became of a slot, and why."""
    found = _slot_is(newsletter_id, taken.local_date, taken.name)
    values = {"state": state.value, "reason": one_line(reason)}
    connection.execute(sa.update(slot).where(found).values(values))


def slot_row(
    connection: Connection, newsletter_id: int, local_date: date, name: str = MAIN_SLOT
) -> SlotRow | None:
    """Give what became of a slot, or None when nobody took it yet."""
    query = sa.select(slot).where(_slot_is(newsletter_id, local_date, name))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    taken = Slot(row.local_date, row.cut_off_at, row.send_at, row.name, by_hand=row.by_hand)
    return SlotRow(slot=taken, state=SlotState(row.state), reason=row.reason)


def insert_edition(
    connection: Connection,
    owner: Newsletter,
    made: Slot,
    *,
    window: Window,
    prepared_at: datetime,
    expires_at: datetime | None,
    asked_for: Collection[int] | None = None,
) -> Edition:
    """Write a draft under the newsletter's next number; the caller holds `lock_newsletter`."""
    number = next_number(connection, owner.id)
    row = sa.insert(edition).values(
        newsletter_id=owner.id,
        local_date=made.local_date,
        slot_name=made.name,
        number=number,
        state=EditionState.DRAFT.value,
        window_after=window.after,
        cut_off_at=window.until,
        send_at=made.send_at,
        prepared_at=prepared_at,
        expires_at=expires_at,
        asked_for=None if asked_for is None else sorted(asked_for),
    )
    edition_id = connection.execute(row.returning(edition.c.id)).scalar_one()
    return edition_by_id(connection, edition_id)


def next_number(connection: Connection, newsletter_id: int) -> int:
    """Give the number of the newsletter's next edition, whichever that will be."""
    last = sa.select(sa.func.coalesce(sa.func.max(edition.c.number), 0))
    known = connection.execute(last.where(edition.c.newsletter_id == newsletter_id))
    return int(known.scalar_one()) + 1


def next_id(connection: Connection) -> int:
    """Foretell the id of the edition that is made next, should nobody make another before."""
    if connection.dialect.name == "sqlite":
        last = sa.select(sa.func.coalesce(sa.func.max(edition.c.id), 0))
        return int(connection.execute(last).scalar_one()) + 1
    # A sequence is not taken back by a rollback, so the largest id in use would not tell.
    counter = sa.table("edition_id_seq", sa.column("last_value"), sa.column("is_called"))
    row = connection.execute(sa.select(counter.c.last_value, counter.c.is_called)).one()
    return int(row.last_value) + bool(row.is_called)


def find_edition(
    connection: Connection,
    owner: Newsletter,
    *,
    number: int | None = None,
    local_date: date | None = None,
    slot_name: str | None = None,
) -> Edition | None:
    """Give the edition of this number or date; of neither, the current one.

    Current is the newest that is not finished, else the newest. A date means its regular edition;
    without one, its newest extra.
    """
    query = _EDITION_QUERY.where(edition.c.newsletter_id == owner.id)
    if number is not None:
        query = query.where(edition.c.number == number)
    if local_date is not None:
        query = query.where(edition.c.local_date == local_date)
    if slot_name is not None:
        query = query.where(edition.c.slot_name == slot_name)
    else:
        query = query.where(edition.c.corrects.is_(None))
    finished = edition.c.state.in_([state.value for state in FINISHED])
    other = edition.c.slot_name != MAIN_SLOT
    first = (finished,) if local_date is None else (_made_by_hand(), other)
    ranks = [sa.case((last, 1), else_=0) for last in first]
    order = (*ranks, edition.c.cut_off_at.desc(), edition.c.id.desc())
    row = connection.execute(query.order_by(*order).limit(1)).one_or_none()
    return edition_of(row) if row is not None else None


def edition_by_id(connection: Connection, edition_id: int) -> Edition:
    """Give an edition that must be there. Raises NotFoundError when it is not."""
    row = connection.execute(_EDITION_QUERY.where(edition.c.id == edition_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"edition: number {edition_id} of all: not in the database")
    return edition_of(row)


def recent_editions(connection: Connection, *, limit: int) -> list[Edition]:
    """Give the newest editions of all newsletters, newest first."""
    order = (edition.c.cut_off_at.desc(), edition.c.id.desc())
    return [
        edition_of(row) for row in connection.execute(_EDITION_QUERY.order_by(*order).limit(limit))
    ]


def latest_editions(
    connection: Connection, newsletter_ids: Collection[int], states: Collection[EditionState]
) -> list[Edition]:
    """Give the newest edition in these states of each newsletter that has one, newest first."""
    order = (edition.c.cut_off_at.desc(), edition.c.id.desc())
    rank = sa.func.row_number().over(partition_by=edition.c.newsletter_id, order_by=order)
    ranked = (
        sa.select(edition.c.id, rank.label("rank"))
        .where(
            edition.c.newsletter_id.in_(list(newsletter_ids)),
            edition.c.state.in_([state.value for state in states]),
            edition.c.corrects.is_(None),
        )
        .subquery()
    )
    newest = sa.select(ranked.c.id).where(ranked.c.rank == 1)
    query = _EDITION_QUERY.where(edition.c.id.in_(newest)).order_by(*order)
    return [edition_of(row) for row in connection.execute(query)]


def past_editions(
    connection: Connection,
    newsletter_ids: Collection[int],
    states: Collection[EditionState],
    *,
    limit: int,
    before: tuple[date, int] | None = None,
) -> list[Edition]:
    """Give a page of the editions in these states, newest first.

    `before` is the date and the id of the last edition of the page before: whatever has been sent
    since, the next page goes on where that one ended.
    """
    query = _past(newsletter_ids, states)
    if before is not None:
        query = query.where(_stands_before(*before))
    order = (edition.c.local_date.desc(), edition.c.id.desc())
    return [edition_of(row) for row in connection.execute(query.order_by(*order).limit(limit))]


def edition_after(
    connection: Connection, one: Edition, states: Collection[EditionState]
) -> Edition | None:
    """Give the next edition of the same newsletter in these states."""
    there = sa.or_(
        edition.c.local_date > one.local_date,
        sa.and_(edition.c.local_date == one.local_date, edition.c.id > one.id),
    )
    query = _past([one.newsletter_id], states).where(there)
    order = (edition.c.local_date, edition.c.id)
    row = connection.execute(query.order_by(*order).limit(1)).one_or_none()
    return None if row is None else edition_of(row)


def editions_in(connection: Connection, states: Collection[EditionState]) -> list[Edition]:
    """Give the editions in these states, the first to be sent first."""
    query = _EDITION_QUERY.where(edition.c.state.in_([state.value for state in states]))
    rows = connection.execute(query.order_by(edition.c.send_at, edition.c.id))
    return [edition_of(row) for row in rows]


def change_state(
    connection: Connection,
    edition_id: int,
    *,
    expect: Collection[EditionState],
    to: EditionState,
    expect_version: int | None = None,
    expect_begun: bool | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> bool:
    """Move an edition on, if it still is where we think; False when somebody moved it before.

    With `expect_version` it must not have been anywhere else in between either: it could be back
    in the same state with other stories. `expect_begun` asks besides whether it has ever begun to
    be sent. `at` becomes `finished_at` when the new state is a final one, and `sending_at` the
    first time that it is sent.
    """
    found: sa.ColumnElement[bool] = edition.c.state.in_([state.value for state in expect])
    if expect_version is not None:
        found &= edition.c.version == expect_version
    if expect_begun is not None:
        began = edition.c.sending_at
        found &= began.is_not(None) if expect_begun else began.is_(None)
    values: dict[str, Any] = {
        "state": to.value,
        "reason": one_line(reason),
        "version": edition.c.version + 1,
        "finished_at": at if to in FINISHED else None,
    }
    if to not in _LETS_GO:
        values["go_at"] = None  # who takes it back takes back that it leaves now
    if to is EditionState.SENDING:
        begins = edition.c.send_at if at is None else sa.literal(at, UtcDateTime)
        values["sending_at"] = sa.func.coalesce(edition.c.sending_at, begins)
    update = sa.update(edition).where(edition.c.id == edition_id, found)
    changed = rows_changed(connection.execute(update.values(values))) == 1
    if changed and to in _TOLD_OUT and to not in expect and at is not None:
        _tell_out(connection, edition_id, to, at)
    return changed


_TOLD_OUT = {
    EditionState.SENT: HookEvent.EDITION_SENT,
    EditionState.HELD: HookEvent.EDITION_HELD,
    EditionState.SKIPPED: HookEvent.EDITION_SKIPPED,
}
"""What webhooks are told of; each call is a row written with the change."""


def _tell_out(connection: Connection, edition_id: int, state: EditionState, at: datetime) -> None:
    def facts() -> dict[str, object]:
        now = edition_by_id(connection, edition_id)
        return {
            "newsletter": now.slug,
            "number": now.number,
            "address": now.address,
            "date": now.local_date.isoformat(),
            "state": now.state.value,
            "revision": now.revision,
            "reason": now.reason,
            "correction": now.corrects is not None,
        }

    key = f"edition:{edition_id}:{at.isoformat()}"
    hook_store.tell(connection, _TOLD_OUT[state], key=key, facts=facts, at=at)


def tell_skipped(
    connection: Connection, owner: Newsletter, skipped: Slot, reason: str, *, at: datetime
) -> None:
    """Write the webhooks that tell of a slot without an edition."""
    extra = "" if skipped.name == MAIN_SLOT else f"/{skipped.name}"
    address = f"{owner.slug}/{skipped.local_date.isoformat()}{extra}"
    facts: dict[str, object] = {
        "newsletter": owner.slug,
        "number": None,
        "address": address,
        "date": skipped.local_date.isoformat(),
        "state": EditionState.SKIPPED.value,
        "revision": None,
        "reason": one_line(reason),
        "correction": False,
    }
    key = f"slot:{address}:{at.isoformat()}"
    hook_store.tell(connection, HookEvent.EDITION_SKIPPED, key=key, facts=lambda: facts, at=at)


def note_reason(connection: Connection, edition_ids: Collection[int], reason: str) -> None:
    """Write why editions that are being sent wait, or with "" that nothing keeps them any more."""
    said = one_line(reason)
    mine = edition.c.id.in_(list(edition_ids)) & (edition.c.reason != said)
    sending = edition.c.state == EditionState.SENDING.value
    connection.execute(sa.update(edition).where(mine, sending).values(reason=said))


def mark_told(connection: Connection, edition_id: int, at: datetime | None) -> None:
    """Write when the editors were told, None: not yet. `auto-after` counts from here."""
    connection.execute(sa.update(edition).where(edition.c.id == edition_id).values(told_at=at))


def mark_telling(connection: Connection, edition_id: int, told_as: str) -> None:
    """Write under which name the editors' mail of a draft is on its way; see `Edition.told_as`."""
    found = edition.c.id == edition_id
    connection.execute(sa.update(edition).where(found).values(told_as=told_as, told_at=None))


def mark_go(connection: Connection, edition_id: int, at: datetime) -> bool:
    """Write that an approved edition leaves at `at` and not at its hour; False: it is not that."""
    found = (edition.c.id == edition_id) & (edition.c.state == EditionState.APPROVED.value)
    update = sa.update(edition).where(found, edition.c.sending_at.is_(None))
    return rows_changed(connection.execute(update.values(go_at=at))) == 1


def raise_revision(connection: Connection, edition_id: int) -> None:
    """Begin an edition's next revision: what is composed from here on is new."""
    found = edition.c.id == edition_id
    values = {"revision": edition.c.revision + 1, "version": edition.c.version + 1}
    connection.execute(sa.update(edition).where(found).values(values))


EDITIONS = edition.join(newsletter, newsletter.c.id == edition.c.newsletter_id)
EDITION_COLUMNS = (*edition.c, newsletter.c.slug)
_EDITION_QUERY = sa.select(*EDITION_COLUMNS).select_from(EDITIONS)


def _past(
    newsletter_ids: Collection[int], states: Collection[EditionState]
) -> sa.Select[*tuple[Any, ...]]:
    return _EDITION_QUERY.where(
        edition.c.newsletter_id.in_(list(newsletter_ids)),
        edition.c.state.in_([state.value for state in states]),
        edition.c.corrects.is_(None),
    )


def _stands_before(day: date, edition_id: int) -> sa.ColumnElement[bool]:
    same_day = sa.and_(edition.c.local_date == day, edition.c.id < edition_id)
    return sa.or_(edition.c.local_date < day, same_day)


def _epoch(cadence: Cadence, now: datetime) -> datetime:
    last = previous_cut_off(cadence, now)
    return previous_cut_off(cadence, last - timedelta(microseconds=1))


def _insert_newsletter(connection: Connection, spec: NewsletterSpec, *, now: datetime) -> bool:
    return _insert_if_absent(
        connection,
        newsletter,
        slug=spec.slug,
        name=spec.name,
        zone=spec.cadence.zone,
        epoch_at=_epoch(spec.cadence, now),
        created_at=now,
        next_run_at=next_wake_up(spec.cadence, now),
        origin=_ORIGIN_FILE,
    )


def _update_newsletter(connection: Connection, spec: NewsletterSpec, *, now: datetime) -> None:
    table = newsletter.c
    found = table.slug == spec.slug
    update = sa.update(newsletter).where(found)
    values = {"name": spec.name, "zone": spec.cadence.zone, "origin": _ORIGIN_FILE}
    differs = sa.or_(*(table[name] != value for name, value in values.items()))
    connection.execute(update.where(differs).values(**values, version=table.version + 1))
    # A cut-off passed while nothing ran: the scheduler must still find it.
    not_due = sa.or_(table.next_run_at.is_(None), table.next_run_at > now)
    connection.execute(update.where(not_due).values(next_run_at=next_wake_up(spec.cadence, now)))


def _sync_topics(connection: Connection, spec: NewsletterSpec) -> None:
    found = sa.select(newsletter.c.id).where(newsletter.c.slug == spec.slug).with_for_update()
    newsletter_id = connection.execute(found).scalar_one()
    bits = topic_bits(connection, newsletter_id)
    mine = topic.c.newsletter_id == newsletter_id
    for section in spec.sections:
        if section.key in bits:
            same = sa.update(topic).where(mine, topic.c.key == section.key)
            connection.execute(same.values(title=section.title))
            continue
        # Rows are never deleted, so the highest bit also counts the sections that are gone.
        bits[section.key] = _next_bit(spec, section, bits)
        values = {"bit": bits[section.key], "key": section.key, "title": section.title}
        connection.execute(sa.insert(topic).values(newsletter_id=newsletter_id, **values))


def _next_bit(spec: NewsletterSpec, section: Section, bits: Mapping[str, int]) -> int:
    bit = max(bits.values(), default=-1) + 1
    if bit >= _MOST_TOPICS:
        raise SettingsError(
            f"[newsletters.{spec.slug}] sections: {section.key}: a newsletter can have"
            f" {_MOST_TOPICS} sections in its life, and this would be one more",
            hint="Use a section's old key again and change its title instead.",
        )
    return bit


def _insert_if_absent(connection: Connection, table: sa.Table, **values: object) -> bool:
    rows = insert(connection, table)
    absent = rows.values(**values).on_conflict_do_nothing().returning(sa.literal(1))
    return connection.execute(absent).first() is not None


def _made_by_hand() -> sa.ColumnElement[bool]:
    """Tell of an edition whether its slot stands beside those of the cadence."""
    same = sa.and_(
        slot.c.newsletter_id == edition.c.newsletter_id,
        slot.c.local_date == edition.c.local_date,
        slot.c.name == edition.c.slot_name,
    )
    return sa.exists().where(same, slot.c.by_hand)


def _slot_is(newsletter_id: int, local_date: date, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        slot.c.newsletter_id == newsletter_id, slot.c.local_date == local_date, slot.c.name == name
    )


def edition_of(row: sa.Row[*tuple[Any, ...]]) -> Edition:
    """Give the edition that a row of `EDITION_COLUMNS` holds."""
    return Edition(
        id=row.id,
        newsletter_id=row.newsletter_id,
        slug=row.slug,
        local_date=row.local_date,
        slot_name=row.slot_name,
        number=row.number,
        state=EditionState(row.state),
        window=Window(after=row.window_after, until=row.cut_off_at),
        send_at=row.send_at,
        prepared_at=row.prepared_at,
        told_at=row.told_at,
        expires_at=row.expires_at,
        revision=row.revision,
        version=row.version,
        asked_for=None if row.asked_for is None else frozenset(row.asked_for),
        reason=row.reason,
        sending_at=row.sending_at,
        go_at=row.go_at,
        corrects=row.corrects,
        told_as=row.told_as,
    )
