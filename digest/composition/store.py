"""Door to the tables of compositions, approvals and pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.images import MadeImage
from digest.composition.model import Composition
from digest.db import UtcDateTime, metadata, rows_changed
from digest.editions.store import edition
from digest.errors import WorkflowError

composition = sa.Table(
    "composition",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.String(35), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("nonce", sa.String(32), nullable=False),
    sa.Column("composed_at", UtcDateTime, nullable=False),
    sa.Column("place", sa.Integer, nullable=False, default=0, server_default="0"),
)
"""`place` orders the languages of a revision: 0 is the newsletter's own."""

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("set_hash", sa.String(64), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approved_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("override", sa.Text, nullable=False, server_default=""),
)
"""`override` says why a limit was passed over."""

image = sa.Table(
    "image",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("media_type", sa.String(32), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

image_source = sa.Table(
    "image_source",
    metadata,
    sa.Column("url_hash", sa.String(64), primary_key=True),
    sa.Column("shape", sa.String(16), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("image_hash", sa.ForeignKey("image.hash")),
    sa.Column("problem", sa.Text, nullable=False, server_default=""),
    sa.Column("fetched_at", UtcDateTime, nullable=False),
)
"""Which of our images a source's picture became, in the shape `lead` or `thumb`."""


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """What a source's picture became: ours by its hash, or why there is none (`problem`)."""

    image_hash: str | None
    media_type: str | None
    problem: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class ShownComposition:
    """A composition as an archive shows it; `composed_at` is aware UTC."""

    composition: Composition
    composed_at: datetime
    is_own: bool
    """Whether it is in the newsletter's own language."""


def save_composition(
    connection: Connection, made: Composition, *, at: datetime, place: int = 0
) -> None:
    """Keep a composition; composing a revision again replaces it until it is approved.

    Raises:
        WorkflowError: when the revision is approved and this is not the same letter.
    """
    key = _key(made.edition_id, made.revision, made.language)
    kept = connection.scalar(sa.select(composition.c.content_hash).where(key))
    if kept == made.content_hash:
        return
    if _is_approved(connection, made.edition_id, made.revision):
        raise WorkflowError(
            f"composition: edition {made.edition_id}, revision {made.revision}: it is approved",
            hint="What was approved is what is sent. Revoke the approval, or make a new revision.",
        )
    if kept is not None:
        connection.execute(sa.delete(composition).where(key))
    connection.execute(
        sa.insert(composition).values(
            edition_id=made.edition_id,
            language=made.language,
            revision=made.revision,
            content_hash=made.content_hash,
            subject=made.subject,
            preheader=made.preheader,
            html=made.html,
            text=made.text,
            nonce=made.nonce,
            composed_at=at,
            place=place,
        )
    )


def load_composition(
    connection: Connection,
    edition_id: int,
    *,
    revision: int | None = None,
    language: str | None = None,
) -> Composition | None:
    """Give a composition of an edition: the newest revision, in its own language, by default."""
    found = load_compositions(connection, edition_id, revision=revision)
    wanted = (each for each in found if language in {None, each.language})
    return next(wanted, None)


def load_compositions(
    connection: Connection, edition_id: int, *, revision: int | None = None
) -> tuple[Composition, ...]:
    """Give all languages of a revision (None: the newest), its own first: what an approval covers.

    Empty when there is none.
    """
    if revision is None:
        of_edition = composition.c.edition_id == edition_id
        revision = connection.scalar(
            sa.select(sa.func.max(composition.c.revision)).where(of_edition)
        )
    rows = connection.execute(
        sa.select(composition)
        .where(composition.c.edition_id == edition_id, composition.c.revision == revision)
        .order_by(composition.c.place, composition.c.language)
    )
    return tuple(_composition(row) for row in rows)


def load_shown(
    connection: Connection, edition_ids: Collection[int], *, language: str | None = None
) -> dict[int, ShownComposition]:
    """Give what the public sees of these editions, by their id: each one's newest revision.

    In the language asked for where there is one, else in the newsletter's own.
    """
    wanted = sa.case((composition.c.language == (language or ""), 0), else_=1)
    order = (composition.c.revision.desc(), wanted, composition.c.place)
    rank = sa.func.row_number().over(partition_by=composition.c.edition_id, order_by=order)
    keys = (composition.c.edition_id, composition.c.language, composition.c.revision)
    ranked = sa.select(*keys, rank.label("rank"))
    best = ranked.where(composition.c.edition_id.in_(list(edition_ids))).subquery()
    same = sa.and_(*(key == best.c[key.name] for key in keys), best.c.rank == 1)
    rows = connection.execute(sa.select(composition).join_from(best, composition, same))
    return {
        row.edition_id: ShownComposition(_composition(row), row.composed_at, row.place == 0)
        for row in rows
    }


def save_compositions(connection: Connection, made: Sequence[Composition], *, at: datetime) -> None:
    """Keep all languages of a revision, its own first, and nothing else of that revision.

    Raises:
        WorkflowError: when the revision is approved and these are not the same letters.
    """
    for place, each in enumerate(made):
        save_composition(connection, each, at=at, place=place)
    first = made[0]
    others = sa.delete(composition).where(
        composition.c.edition_id == first.edition_id,
        composition.c.revision == first.revision,
        composition.c.language.not_in([each.language for each in made]),
    )
    connection.execute(others)


def drop_revision(connection: Connection, edition_id: int, revision: int) -> None:
    """Forget what was composed of a revision, as its stories are others now.

    Raises WorkflowError when it is approved.
    """
    if _is_approved(connection, edition_id, revision):
        raise WorkflowError(
            f"composition: edition {edition_id}, revision {revision}: it is approved"
        )
    mine = (composition.c.edition_id == edition_id) & (composition.c.revision == revision)
    connection.execute(sa.delete(composition).where(mine))


def earlier_subjects(
    connection: Connection,
    newsletter_id: int,
    *,
    limit: int,
    before_number: int | None = None,
    language: str | None = None,
) -> tuple[str, ...]:
    """Give the subjects of the last editions, newest first: in a language, else in their own.

    `before_number` is the number of the edition being composed: without it, composing an edition
    again would find its own subject taken and change it.
    """
    last = sa.select(
        edition.c.number,
        composition.c.subject,
        sa.func.row_number()
        .over(
            partition_by=edition.c.id, order_by=(composition.c.revision.desc(), composition.c.place)
        )
        .label("rank"),
    ).join_from(edition, composition, composition.c.edition_id == edition.c.id)
    last = last.where(edition.c.newsletter_id == newsletter_id)
    if language is not None:
        last = last.where(composition.c.language == language)
    if before_number is not None:
        last = last.where(edition.c.number < before_number)
    ranked = last.subquery()
    query = sa.select(ranked.c.subject).where(ranked.c.rank == 1)
    return tuple(connection.scalars(query.order_by(ranked.c.number.desc()).limit(limit)))


def save_approval(
    connection: Connection,
    edition_id: int,
    *,
    revision: int,
    set_hash: str,
    by: str,
    at: datetime,
    override: str = "",
) -> None:
    """Record that somebody approved these bytes; an earlier approval is revoked."""
    revoke_approvals(connection, edition_id, at=at)
    last = sa.select(sa.func.max(approval.c.n)).where(approval.c.edition_id == edition_id)
    connection.execute(
        sa.insert(approval).values(
            edition_id=edition_id,
            n=(connection.scalar(last) or 0) + 1,
            revision=revision,
            set_hash=set_hash,
            approved_by=by,
            approved_at=at,
            override=override,
        )
    )


def approved_hash(connection: Connection, edition_id: int) -> str | None:
    """Give the set hash of the standing approval, if there is one."""
    query = sa.select(approval.c.set_hash).where(*_standing(edition_id))
    return connection.scalar(query.order_by(approval.c.n.desc()).limit(1))


def has_override(connection: Connection, edition_id: int) -> bool:
    """Tell whether the standing approval passes over the limits."""
    query = sa.select(approval.c.override).where(*_standing(edition_id))
    return bool(connection.scalar(query.order_by(approval.c.n.desc()).limit(1)))


def note_override(connection: Connection, edition_id: int, why: str) -> None:
    """Write why the standing approval passes over the limits."""
    update = sa.update(approval).where(*_standing(edition_id))
    connection.execute(update.values(override=why))


def revoke_approvals(connection: Connection, edition_id: int, *, at: datetime) -> bool:
    """Take back what stands; tell whether there was anything."""
    changed = connection.execute(
        sa.update(approval).where(*_standing(edition_id)).values(revoked_at=at)
    )
    return rows_changed(changed) > 0


def image_for(connection: Connection, url: str, shape: str) -> SourcePicture | None:
    """Tell what a source's picture became in a shape; None if it was never fetched."""
    row = connection.execute(
        sa.select(
            image_source.c.image_hash,
            image.c.media_type,
            image_source.c.problem,
            image_source.c.fetched_at,
        )
        .outerjoin_from(image_source, image, image.c.hash == image_source.c.image_hash)
        .where(*_source_is(url, shape))
    ).one_or_none()
    return None if row is None else SourcePicture(*row)


def save_image(
    connection: Connection, url: str, shape: str, made: MadeImage, *, at: datetime
) -> None:
    """Keep a picture and what it was made of; equal pictures are kept once."""
    if connection.scalar(sa.select(image.c.hash).where(image.c.hash == made.hash)) is None:
        connection.execute(
            sa.insert(image).values(
                hash=made.hash,
                media_type=made.media_type,
                width=made.width,
                height=made.height,
                content=made.content,
                made_at=at,
            )
        )
    _save_source(connection, url, shape, image_hash=made.hash, problem="", at=at)


def save_image_problem(
    connection: Connection, url: str, shape: str, problem: str, *, at: datetime
) -> None:
    """Record why a picture cannot be had."""
    _save_source(connection, url, shape, image_hash=None, problem=problem, at=at)


def load_image(connection: Connection, hash_: str) -> tuple[str, bytes] | None:
    """Give media type and content of one of our pictures."""
    row = connection.execute(
        sa.select(image.c.media_type, image.c.content).where(image.c.hash == hash_)
    ).one_or_none()
    return None if row is None else (row.media_type, bytes(row.content))


def _save_source(
    connection: Connection,
    url: str,
    shape: str,
    *,
    image_hash: str | None,
    problem: str,
    at: datetime,
) -> None:
    facts: dict[str, Any] = {"image_hash": image_hash, "problem": problem, "fetched_at": at}
    known = sa.update(image_source).where(*_source_is(url, shape)).values(**facts)
    if not rows_changed(connection.execute(known)):
        connection.execute(
            sa.insert(image_source).values(url_hash=_hash(url), shape=shape, url=url, **facts)
        )


def _source_is(url: str, shape: str) -> tuple[sa.ColumnElement[bool], ...]:
    return image_source.c.url_hash == _hash(url), image_source.c.shape == shape


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def _key(edition_id: int, revision: int, language: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        composition.c.edition_id == edition_id,
        composition.c.revision == revision,
        composition.c.language == language,
    )


def _standing(edition_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return approval.c.edition_id == edition_id, approval.c.revoked_at.is_(None)


def _is_approved(connection: Connection, edition_id: int, revision: int) -> bool:
    query = sa.select(approval.c.n).where(*_standing(edition_id), approval.c.revision == revision)
    return connection.scalar(query.limit(1)) is not None


def _composition(row: sa.Row[*tuple[Any, ...]]) -> Composition:
    return Composition(
        edition_id=row.edition_id,
        language=row.language,
        revision=row.revision,
        subject=row.subject,
        preheader=row.preheader,
        html=row.html,
        text=row.text,
        nonce=row.nonce,
        content_hash=row.content_hash,
    )
