"""Door to the tables of candidates, uses and further reading: what is in an edition, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, metadata, rows_changed
from digest.editions import reasons
from digest.editions.model import (
    Candidate,
    EditionState,
    Place,
    Selection,
    Sponsor,
    Verdict,
    Weighing,
    Wording,
)
from digest.editions.related import Archive
from digest.editions.selection import in_order, used_up
from digest.editions.store import EDITION_COLUMNS, EDITIONS, edition, edition_of, newsletter
from digest.editions.wording import one_line
from digest.sources import article_store
from digest.sources.article_store import article, article_term
from digest.sources.model import Article, Picture

_T = TypeVar("_T")
_FOLDED = "folded"
_RELATED, _MOST_READ = "related", "most read"
_NOT_DECIDED = frozenset({EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD})
_IDS_AT_ONCE = 500
"""Far below what either database takes as parameters of one statement."""


candidate = sa.Table(
    "candidate",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column("article_revision", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("section", sa.String(64)),
    sa.Column("place", sa.String(16)),
    sa.Column("position", sa.Integer),
    sa.Column("late", sa.Boolean, nullable=False, default=False),
    sa.Column("duplicate_of", BigId),
    sa.Column("pinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("wording", sa.JSON, nullable=False, default=list, server_default="[]"),
    sa.Column("picture", sa.JSON(none_as_null=True)),
)


article_use = sa.Table(
    "article_use",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column(
        "edition_id",
        sa.ForeignKey("edition.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("kind", sa.String(16), nullable=False),
)
"""Promise 1: written in the edition's own transaction, released in the one that abandons it."""


further_reading = sa.Table(
    "further_reading",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), nullable=False),
    sa.Column("of_article_id", sa.ForeignKey("article.id")),
)
"""Stories of the archive beside an edition's own: `related` to one of them, or `most read`."""


def last_window_end(
    connection: Connection, newsletter_id: int, before: datetime
) -> datetime | None:
    """Give the cut-off of the last edition before this moment that has kept its stories.

    One that was abandoned covered nothing: its stories are in the next window again.
    """
    query = sa.select(sa.func.max(edition.c.cut_off_at)).where(
        edition.c.newsletter_id == newsletter_id,
        edition.c.cut_off_at < before,
        sa.exists().where(article_use.c.edition_id == edition.c.id),
    )
    end: datetime | None = connection.scalar(query)
    return end


def lock_edition(connection: Connection, edition_id: int) -> EditionState | None:
    """Give an edition's state and keep it so until the transaction ends; None when it is gone."""
    query = sa.select(edition.c.state).where(edition.c.id == edition_id).with_for_update()
    state = connection.scalar(query)
    return None if state is None else EditionState(state)


def save_selection(connection: Connection, edition_id: int, selection: Selection) -> None:
    """Write all of a selection but its uses, replacing what was there."""
    save_candidates(connection, edition_id, selection.candidates)
    _save_further(connection, edition_id, selection)
    sponsor = asdict(selection.sponsor) if selection.sponsor else None
    said = {"subject": dict(selection.subject), "preheader": dict(selection.preheader)}
    inbox = said if any(said.values()) else None
    values = {"note": dict(selection.note), "sponsor": sponsor, "inbox": inbox}
    connection.execute(sa.update(edition).where(edition.c.id == edition_id).values(values))


def save_candidates(
    connection: Connection, edition_id: int, candidates: Iterable[Candidate]
) -> None:
    """Write every candidate of an edition with its verdict, replacing what was there."""
    connection.execute(sa.delete(candidate).where(candidate.c.edition_id == edition_id))
    rows = [_candidate_row(edition_id, weighed) for weighed in candidates]
    if rows:
        connection.execute(sa.insert(candidate), rows)


def record_uses(
    connection: Connection, newsletter_id: int, edition_id: int, taken: Iterable[Candidate]
) -> None:
    """Write that these stories are used; in the transaction that makes the edition, or never."""
    rows = [
        {
            "newsletter_id": newsletter_id,
            "article_id": weighed.article.id,
            "edition_id": edition_id,
            "kind": _kind_of_use(weighed),
        }
        for weighed in taken
    ]
    if rows:
        connection.execute(sa.insert(article_use), rows)


def release_uses(connection: Connection, edition_id: int) -> int:
    """Give an edition's stories back; in the transaction that abandons it. Tells how many."""
    mine = article_use.c.edition_id == edition_id
    return rows_changed(connection.execute(sa.delete(article_use).where(mine)))


def note_composed(connection: Connection, edition_id: int, selection: Selection) -> None:
    """Write which revision of each story was composed: what its source changes later is news."""
    told = (Verdict.SELECTED, Verdict.DUPLICATE)
    rows = [
        {"story": c.article.id, "composed": c.article.revision}
        for c in selection.candidates
        if c.verdict in told
    ]
    if rows:
        mine = candidate.c.edition_id == edition_id
        same = mine & (candidate.c.article_id == sa.bindparam("story"))
        update = sa.update(candidate).where(same)
        connection.execute(update.values(article_revision=sa.bindparam("composed")), rows)


def used_in(connection: Connection, edition_id: int) -> frozenset[int]:
    """Give the articles that an edition has used, also those it was mended to go without."""
    query = sa.select(article_use.c.article_id).where(article_use.c.edition_id == edition_id)
    return frozenset(connection.scalars(query))


def keep_only(connection: Connection, edition_id: int, selection: Selection) -> None:
    """Write a selection that has become smaller, and give back the stories it has lost."""
    save_selection(connection, edition_id, selection)
    kept = [weighed.article.id for weighed in used_up(selection)]
    gone = sa.delete(article_use).where(
        article_use.c.edition_id == edition_id, article_use.c.article_id.not_in(kept)
    )
    connection.execute(gone)


def uses(
    connection: Connection,
    newsletter_id: int,
    article_ids: Collection[int],
    *,
    except_in: int | None = None,
) -> dict[int, str]:
    """Map those of these articles that the newsletter has used to the edition's address.

    Of a folded one the words go on with the story that stood for it. Uses in the edition
    `except_in` do not count.
    """
    found: dict[int, str] = {}
    query = _USES.where(article_use.c.newsletter_id == newsletter_id)
    if except_in is not None:
        query = query.where(article_use.c.edition_id != except_in)
    for ids in _chunks(article_ids):
        rows = connection.execute(query.where(article_use.c.article_id.in_(ids)))
        found |= {row.article_id: _used_in(row) for row in rows}
    return found


def carried(
    connection: Connection, slugs: Collection[str], article_ids: Collection[int]
) -> dict[int, str]:
    """Map those of these articles that an edition of these newsletters carried to its address.

    The first that did, and only one that is decided: a draft may still lose its stories.
    """
    found: dict[int, str] = {}
    if not slugs:
        return found
    joined = EDITIONS.join(article_use, article_use.c.edition_id == edition.c.id)
    query = sa.select(*EDITION_COLUMNS, article_use.c.article_id).select_from(joined)
    decided = query.where(
        newsletter.c.slug.in_(slugs),
        edition.c.state.not_in([state.value for state in _NOT_DECIDED])
        | edition.c.sending_at.is_not(None),  # held while it is sent: some readers have it
        article_use.c.kind != _FOLDED,
    ).order_by(edition.c.send_at, edition.c.id)
    for ids in _chunks(article_ids):
        for row in connection.execute(decided.where(article_use.c.article_id.in_(ids))):
            found.setdefault(row.article_id, edition_of(row).address)
    return found


def candidates_for(
    connection: Connection, *, dated_from: datetime, seen_after: datetime, until: datetime
) -> list[Article]:
    """Give every article that can be eligible, and those whose exclusion wants a reason.

    Eligible asks for a date at or after `dated_from`: `published_at`, or else `first_seen_at`.
    Each half is a range of one index, and together they hold all that the rule lets in, whenever
    its row was committed; the second adds what was first seen since, back-dated or dated ahead.
    """
    published = article.c.published_at.between(dated_from, until)
    seen = article.c.first_seen_at.between(min(dated_from, seen_after), until)
    halves = (sa.select(article.c.id).where(half) for half in (published, seen))
    found = article_store.articles_by_id(connection, list(connection.scalars(sa.union(*halves))))
    return [one for one in found if one.first_seen_at <= until]


def count_terms(connection: Connection, terms: Collection[str], *, most: int) -> Archive:
    """Count who holds each term, as far as `most`: a term that more hold is left out.

    The highest id stands for the number of articles, which need not be exact.
    """
    holding: dict[str, int] = {}
    for some in _chunks(sorted(terms)):
        rows = connection.execute(_holders_up_to(some, most + 1))
        holding |= {row.term: row.held for row in rows if 0 < row.held <= most}
    return Archive(connection.scalar(sa.select(sa.func.max(article.c.id))) or 0, holding)


def holders_of(connection: Connection, terms: Collection[str]) -> dict[str, list[int]]:
    """Map each of these terms to the articles that hold it, the latest first."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    query = sa.select(article_term.c.term, article_term.c.article_id)
    for some in _chunks(sorted(terms)):
        for term, article_id in connection.execute(query.where(article_term.c.term.in_(some))):
            found[term].append(article_id)
    return {term: sorted(ids, reverse=True) for term, ids in found.items()}


def dated_within(
    connection: Connection, article_ids: Collection[int], *, since: datetime, until: datetime
) -> set[int]:
    """Give those of these articles that are dated in [since, until] and were not withdrawn."""
    dated = sa.func.coalesce(article.c.published_at, article.c.first_seen_at)
    query = sa.select(article.c.id).where(
        article.c.withdrawn_at.is_(None),
        dated >= sa.bindparam("since", since, article.c.first_seen_at.type),
        dated <= sa.bindparam("until", until, article.c.first_seen_at.type),
    )
    found: set[int] = set()
    for ids in _chunks(article_ids):
        found.update(connection.scalars(query.where(article.c.id.in_(ids))))
    return found


def load_selection(connection: Connection, edition_id: int) -> Selection:
    """Give an edition's candidates: the chosen as they are read, then the others in order."""
    query = sa.select(*_CANDIDATE_COLUMNS).where(candidate.c.edition_id == edition_id)
    rows = connection.execute(query).all()
    further = _further_of(connection, edition_id)
    ids = [*(row.article_id for row in rows), *(row.article_id for row in further)]
    articles = {a.id: a for a in article_store.articles_by_id(connection, ids)}
    beside = _Beside.of(further, articles)
    weighed = [_candidate(row, articles[row.article_id]) for row in rows]
    weighed = [replace(c, related=tuple(beside.related[c.article.id])) for c in weighed]
    chosen = Selection(tuple(weighed)).chosen
    others = {c.article.id: c for c in weighed if c.verdict is not Verdict.SELECTED}
    left_out = in_order(c.article for c in others.values())
    said = _said(connection, edition_id)
    return Selection(
        (*chosen, *(others[a.id] for a in left_out)),
        note=said.note,
        sponsor=said.sponsor,
        most_read=tuple(beside.most_read),
        subject=said.subject,
        preheader=said.preheader,
    )


def weighings_of(connection: Connection, newsletter_id: int, weighed: Article) -> list[Weighing]:
    """Give every edition of a newsletter that weighed this article, newest first."""
    joined = EDITIONS.join(candidate, candidate.c.edition_id == edition.c.id)
    query = sa.select(*EDITION_COLUMNS, *_CANDIDATE_COLUMNS).select_from(joined)
    mine = query.where(
        edition.c.newsletter_id == newsletter_id, candidate.c.article_id == weighed.id
    )
    rows = connection.execute(mine.order_by(edition.c.cut_off_at.desc(), edition.c.id.desc()))
    return [Weighing(edition_of(row), _candidate(row, weighed)) for row in rows]


_CANDIDATE_COLUMNS = (
    candidate.c.article_id,
    candidate.c.verdict,
    candidate.c.reason.label("verdict_reason"),
    candidate.c.section,
    candidate.c.place,
    candidate.c.position,
    candidate.c.late,
    candidate.c.duplicate_of,
    candidate.c.pinned,
    candidate.c.wording,
    candidate.c.picture,
)
"""Both tables have a reason."""

_HEAD = article.alias("head")
_USES = sa.select(
    *EDITION_COLUMNS, article_use.c.article_id, article_use.c.kind, _HEAD.c.headline
).select_from(
    EDITIONS.join(article_use, article_use.c.edition_id == edition.c.id)
    .outerjoin(
        candidate,
        sa.and_(
            article_use.c.kind == _FOLDED,
            candidate.c.edition_id == article_use.c.edition_id,
            candidate.c.article_id == article_use.c.article_id,
        ),
    )
    .outerjoin(_HEAD, _HEAD.c.id == candidate.c.duplicate_of)
)


def _used_in(row: sa.Row[*tuple[Any, ...]]) -> str:
    address = edition_of(row).address
    if row.kind != _FOLDED:
        return address
    return reasons.FOLDED_UNDER.format(edition=address, headline=reasons.quoted(row.headline))


def _kind_of_use(weighed: Candidate) -> str:
    if weighed.verdict is Verdict.DUPLICATE:
        return _FOLDED
    return (weighed.place or Place.BRIEF).value


def _holders_up_to(terms: Sequence[str], most: int) -> sa.Select[Any]:
    wanted = sa.values(sa.column("term", sa.String), name="wanted")
    asked = wanted.data([(term,) for term in terms]).cte("asked")
    holders = sa.select(article_term.c.article_id).where(article_term.c.term == asked.c.term)
    # The limit bounds the work: what every second story holds is not counted to its end.
    some = holders.limit(most).correlate(asked).subquery()
    count = sa.select(sa.func.count()).select_from(some).scalar_subquery()
    return sa.select(asked.c.term, count.label("held"))


def _save_further(connection: Connection, edition_id: int, selection: Selection) -> None:
    table = further_reading
    connection.execute(sa.delete(table).where(table.c.edition_id == edition_id))
    related = [(c.article.id, each.id) for c in selection.chosen for each in c.related]
    most_read = [(None, each.id) for each in selection.most_read]
    rows = [
        {
            "edition_id": edition_id,
            "kind": kind,
            "position": position,
            "article_id": article_id,
            "of_article_id": of,
        }
        for kind, found in ((_RELATED, related), (_MOST_READ, most_read))
        for position, (of, article_id) in enumerate(found)
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def _further_of(connection: Connection, edition_id: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    table = further_reading
    query = sa.select(table.c.kind, table.c.article_id, table.c.of_article_id)
    mine = query.where(table.c.edition_id == edition_id)
    return connection.execute(mine.order_by(table.c.kind, table.c.position)).all()


@dataclass(frozen=True, slots=True)
class _Beside:
    """The stories beside an edition's own."""

    related: defaultdict[int, list[Article]] = field(default_factory=lambda: defaultdict(list))
    most_read: list[Article] = field(default_factory=list)

    @classmethod
    def of(
        cls, rows: Iterable[sa.Row[*tuple[Any, ...]]], articles: Mapping[int, Article]
    ) -> _Beside:
        beside = cls()
        for row in rows:
            to = beside.most_read if row.kind == _MOST_READ else beside.related[row.of_article_id]
            to.append(articles[row.article_id])
        return beside


def _said(connection: Connection, edition_id: int) -> Selection:
    """Give what people wrote for the edition as a whole, and no stories."""
    written = (edition.c.note, edition.c.sponsor, edition.c.inbox)
    row = connection.execute(sa.select(*written).where(edition.c.id == edition_id)).one_or_none()
    if row is None:
        return Selection()
    inbox = row.inbox or {}
    return Selection(
        note=dict(row.note),
        sponsor=Sponsor(**row.sponsor) if row.sponsor else None,
        subject=dict(inbox.get("subject", {})),
        preheader=dict(inbox.get("preheader", {})),
    )


def _candidate_row(edition_id: int, weighed: Candidate) -> dict[str, Any]:
    return {
        "edition_id": edition_id,
        "article_id": weighed.article.id,
        "article_revision": weighed.article.revision,
        "verdict": weighed.verdict.value,
        "reason": one_line(weighed.reason),
        "section": weighed.section,
        "place": weighed.place.value if weighed.place else None,
        "position": weighed.position,
        "late": weighed.late,
        "duplicate_of": weighed.duplicate_of,
        "pinned": weighed.pinned,
        "wording": [asdict(words) for words in weighed.wording],
        "picture": asdict(weighed.picture) if weighed.picture else None,
    }


def _candidate(row: sa.Row[*tuple[Any, ...]], weighed: Article) -> Candidate:
    return Candidate(
        article=weighed,
        verdict=Verdict(row.verdict),
        reason=row.verdict_reason,
        section=row.section,
        place=Place(row.place) if row.place else None,
        position=row.position,
        late=row.late,
        duplicate_of=row.duplicate_of,
        pinned=row.pinned,
        wording=tuple(Wording(**words) for words in row.wording),
        picture=Picture(**row.picture) if row.picture else None,
    )


def _chunks(found: Collection[_T]) -> Iterator[list[_T]]:
    whole = list(found)
    for start in range(0, len(whole), _IDS_AT_ONCE):
        yield whole[start : start + _IDS_AT_ONCE]
