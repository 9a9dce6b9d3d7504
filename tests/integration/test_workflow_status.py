"""What `digest status` says, for every state that an installation can be in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, time, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.composition.store import composition
from digest.db import Database
from digest.delivery import store as ledger
from digest.delivery.bucket_store import rate_bucket
from digest.delivery.count_store import add_counts
from digest.delivery.domain_store import domain
from digest.delivery.limit_rules import rules_of
from digest.delivery.model import DeliveryState, Tally
from digest.delivery.warmup import WarmUp
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.sources import store as sources
from digest.workflow.status import (
    EditionLine,
    NewsletterLine,
    Overview,
    SendingView,
    overview,
    sending_view,
    state_words,
)
from digest.workflow.store import Hands, WaitingDomain, beat
from subscribers.store import subscriber
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY = "daily/2026-01-09"
WALL = moment("2026-11-22 12:00")
NOTHING_RUNS = "Nothing is running.  digest serve"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that waits for approval, with one reader and both workers running."""
    made = opened(newsletters={"daily": a_newsletter(release="approve")})
    made.reader("ann@reader.example")
    with made.app.database.write() as connection:
        for process in ("scheduler", "sender"):
            beat(connection, process, now=WALL)
    return made


def _view(paper: Paper) -> Overview:
    return overview(paper.app.newsroom, wall=fixed(WALL))


def _set_state(paper: Paper, state: EditionState, reason: str = "") -> None:
    with paper.app.database.write() as connection:
        editions.change_state(
            connection,
            paper.edition(FRIDAY).id,
            expect=set(EditionState),
            to=state,
            reason=reason,
        )


def test_before_the_first_edition_it_says_when_the_next_comes(paper: Paper) -> None:
    view = _view(paper)
    assert view.newsletters == (
        NewsletterLine(
            slug="daily",
            name="The Morning Post",
            now="no edition yet",
            next_at=moment("2026-01-09 07:00"),
            readers=1,
        ),
    )
    assert (view.editions, view.needs) == ((), ())
    assert [(line.process, line.alive) for line in view.running] == [
        ("scheduler", True),
        ("sender", True),
    ]


def test_an_edition_in_review_asks_for_its_approval(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    view = _view(paper)
    assert view.needs == (
        f"{FRIDAY} waits for your approval until 07:00 on 9 Jan.  digest approve {FRIDAY}",
    )
    assert (view.newsletters[0].now, view.newsletters[0].detail) == ("in review", "3 stories")
    assert view.editions == (
        EditionLine(date(2026, 1, 9), FRIDAY, "The Morning Post", 1, "in review"),
    )
    assert view.facts()["editions"] == (asdict(view.editions[0]),)


def test_an_edition_that_goes_by_itself_needs_nobody(opened: OpenPaper) -> None:
    paper = opened()
    paper.mail_works = False
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    assert _view(paper).needs == (NOTHING_RUNS.replace(".", ". 1 notice waits.", 1),)


def test_a_held_one_says_why_and_what_to_do(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 07:00")
    assert _view(paper).needs == (
        f"{FRIDAY} is held: Its hour came and nobody had approved it.  digest approve {FRIDAY}",
    )


def test_a_draft_that_cannot_be_composed_is_shown(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _set_state(paper, EditionState.DRAFT)
    assert _view(paper).needs == ()
    paper.watch.at += timedelta(minutes=2)
    assert _view(paper).needs == (
        f"{FRIDAY} is not composed yet; the log says why.  digest prepare daily",
    )


def test_an_approved_text_that_changed_is_shown(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="auto")})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    with paper.app.database.write() as connection:
        connection.execute(sa.update(composition).values(text="Something else"))
    assert _view(paper).needs[0] == (
        f"{FRIDAY} is not sent: its text is not the one that was approved.  digest skip {FRIDAY}"
    )


def test_an_edition_whose_newsletter_left_the_settings_is_shown(opened: OpenPaper) -> None:
    first = opened()
    first.news("2026-01-08")
    first.go("2026-01-09 06:30")
    first.app.close()
    paper = opened("2026-01-09 06:40", newsletters={})
    view = _view(paper)
    assert view.needs[0] == (
        f"{FRIDAY} is in review, but its newsletter left digest.toml."
        "  Put [newsletters.daily] back, and it goes on."
    )
    assert view.newsletters == ()
    assert view.editions[0].name == "daily"


def test_a_stopped_one_is_shown_however_old(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _set_state(paper, EditionState.SENDING)
    _set_state(paper, EditionState.STOPPED, "The mayor has not resigned.")
    for day in range(12, 31):
        paper.go(f"2026-01-{day} 06:30")
    assert f"{FRIDAY} is stopped: The mayor has not resigned.  digest resume {FRIDAY}" in (
        _view(paper).needs
    )


def test_slots_without_an_edition_stand_in_the_list_with_their_reason(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(not_on=["2026-01-12"])})
    paper.news("2026-01-08", 1)
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-12 06:30")
    view = _view(paper)
    assert [(line.address, line.number, line.state) for line in view.editions] == [
        ("daily/2026-01-12", 0, "holiday: 12 Jan 2026 is a holiday"),
        (FRIDAY, 0, "skipped: 1 new story, 3 needed"),
    ]
    assert view.newsletters[0].now == "holiday"


@pytest.mark.parametrize(
    ("state", "need"),
    [
        (
            "uncertain",
            f"{FRIDAY}: 1 may or may not have it.  digest retry {FRIDAY} --uncertain",
        ),
        ("failed", f"{FRIDAY}: 1 refused.  digest status {FRIDAY}"),
    ],
)
def test_copies_that_did_not_arrive_are_shown(paper: Paper, state: str, need: str) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    with paper.app.database.write() as connection:
        add_counts(connection, {(edition.id, 0, state): 1}, at=paper.watch.at)
    _set_state(paper, EditionState.SENT)
    assert _view(paper).needs == (need,)


def test_a_failing_source_is_shown(paper: Paper) -> None:
    with paper.app.database.write() as connection:
        (state,) = sources.source_states(connection)
        sources.record_poll_failed(connection, state.id, now=paper.watch.at, error="It is gone.")
    assert _view(paper).needs == (
        "The source site fails, 1 in a row: It is gone.  digest sources check",
    )


def test_a_source_in_trouble_is_shown_with_its_cause_and_its_remedy(paper: Paper) -> None:
    now = paper.watch.at
    with paper.app.database.write() as connection:
        (state,) = sources.source_states(connection)
        sources.record_poll_failed(connection, state.id, now=now, error="fetch: it is away.")
    assert _needs_of_sources(paper) == (
        (
            "The source site: it failed 1 time; it was never read. fetch: it is away."
            "  It is asked again by itself; try it now with: digest sources check site"
        ),
    )
    with paper.app.database.write() as connection:
        sources.record_poll_ok(connection, state.id, now=now, etag=None, last_modified=None)
    assert _needs_of_sources(paper) == ()
    paper.watch.at += timedelta(days=1)
    (need,) = _needs_of_sources(paper)
    assert need.startswith("The source site: it was last asked 24 hours ago, and is to be asked")
    later = fixed(WALL + timedelta(minutes=1))
    view = overview(paper.app.newsroom, sources=paper.app.sources, wall=later)
    assert view.needs == (NOTHING_RUNS,)  # which is why nobody asks it


def _needs_of_sources(paper: Paper) -> tuple[str, ...]:
    return overview(paper.app.newsroom, sources=paper.app.sources, wall=fixed(WALL)).needs


def test_processes_that_are_silent_are_shown(paper: Paper) -> None:
    with paper.app.database.write() as connection:
        beat(connection, "sender", now=WALL - timedelta(minutes=1))
    assert _view(paper).needs == ("The sender is not running.  digest serve",)
    later = overview(paper.app.newsroom, wall=fixed(WALL + timedelta(seconds=30)))
    assert later.needs == (NOTHING_RUNS,)


def test_any_sender_will_do(paper: Paper) -> None:
    with paper.app.database.write() as connection:
        beat(connection, "sender", now=WALL - timedelta(minutes=1))
        beat(connection, "sender mail-2.post.example 1f3a9c02", now=WALL)
    assert _view(paper).needs == ()


def test_sent_is_said_when_every_row_is_final(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _set_state(paper, EditionState.SENDING)
    edition = paper.edition(FRIDAY)
    assert state_words(edition, Tally(accepted=3, deferred=5)) == "sending, 5 to retry"
    assert state_words(edition, Tally(accepted=8)) == "sending"


# An edition on its way


def _sending(paper: Paper, *changes: tuple[DeliveryState, int]) -> int:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    _set_state(paper, EditionState.SENDING)
    paper.watch.at = moment("2026-01-09 07:05")
    edition_id = paper.edition(FRIDAY).id
    with paper.app.database.write() as connection:
        counts = {(edition_id, 0, state.value): n for state, n in changes}
        add_counts(connection, counts, at=paper.watch.at)
    return edition_id


def _put_off(paper: Paper, edition_id: int, *rows: tuple[str, str, int]) -> None:
    """Write copies that wait: the domain, when they are tried again, and how often they were."""
    for name in ("ann", "bob", "cat", "dan", "eve")[: len(rows)]:
        paper.reader(f"{name}@reader.example")
    with paper.app.database.write() as connection:
        readers = connection.scalars(sa.select(subscriber.c.id).order_by(subscriber.c.id)).all()
        for reader, (name, next_at, tries) in zip(readers, rows, strict=False):
            found = connection.scalar(sa.select(domain.c.id).where(domain.c.name == name))
            if name and found is None:
                row = sa.insert(domain).values(name=name, mx_group=name).returning(domain.c.id)
                found = connection.execute(row).scalar_one()
            connection.execute(
                sa.insert(ledger.delivery_retry).values(
                    edition_id=edition_id,
                    subscriber_id=reader,
                    next_at=moment(f"2026-01-09 {next_at}"),
                    tries=tries,
                    first_at=paper.watch.at,
                    domain_id=found or 0,
                )
            )


def _batch(paper: Paper, edition_id: int, n: int, due: str, owner: str | None = None) -> None:
    at = moment(f"2026-01-09 {due}")
    row = {"edition_id": edition_id, "n": n, "first_id": n, "last_id": n, "due_at": at}
    with paper.app.database.write() as connection:
        connection.execute(sa.insert(ledger.delivery_batch).values(**row, owner=owner))


def test_an_edition_on_its_way_is_seen_from_anywhere(paper: Paper) -> None:
    planned, accepted, deferred = (
        DeliveryState.PLANNED,
        DeliveryState.ACCEPTED,
        DeliveryState.DEFERRED,
    )
    edition_id = _sending(paper, (planned, 6), (accepted, 3), (deferred, 4))
    _put_off(
        paper,
        edition_id,
        ("outlook.com", "07:30", 1),
        ("outlook.com", "07:26", 2),
        ("yahoo.com", "07:40", 1),
        ("", "07:50", 1),
        ("gmail.com", "07:10", 0),
    )
    _batch(paper, edition_id, 1, "07:00", owner="sender")
    _batch(paper, edition_id, 2, "07:20")
    view = sending_view(paper.app.newsroom, edition_id)
    assert view == SendingView(
        edition=paper.edition(FRIDAY),
        tally=Tally(planned=6, accepted=3, deferred=4),
        deferred=(
            WaitingDomain("outlook.com", 2, moment("2026-01-09 07:26")),
            WaitingDomain("", 1, moment("2026-01-09 07:50")),
            WaitingDomain("yahoo.com", 1, moment("2026-01-09 07:40")),
        ),
        next_retry_at=moment("2026-01-09 07:26"),
        hands=Hands(leased=True, due_at=moment("2026-01-09 07:10")),
        waits=(),
    )
    assert view.is_moving
    (line,) = _view(paper).newsletters
    assert (line.now, line.detail) == ("sending", "53 %")


def test_nothing_moves_while_nobody_has_a_copy_in_hand(paper: Paper) -> None:
    edition_id = _sending(paper, (DeliveryState.PLANNED, 6))
    _batch(paper, edition_id, 1, "07:20")
    view = sending_view(paper.app.newsroom, edition_id)
    assert (view.is_moving, view.hands) == (
        False,
        Hands(leased=False, due_at=moment("2026-01-09 07:20")),
    )
    _set_state(paper, EditionState.STOPPED)
    assert not sending_view(paper.app.newsroom, edition_id).is_moving


def test_what_the_limits_hold_back_is_told(paper: Paper) -> None:
    edition_id = _sending(paper, (DeliveryState.PLANNED, 1))
    room = paper.app.newsroom
    assert sending_view(room, edition_id, rules=rules_of()).waits == ()
    shut = rules_of(window=(time(9), time(18)), zone="Europe/London")
    assert sending_view(room, edition_id, rules=shut).waits == (
        "outside the hours of delivery: they begin 2026-01-09 09:00 (Europe/London)",
    )
    fresh = rules_of(
        warm_up=WarmUp(date(2026, 1, 9), 200), sender_domain="post.example", zone="Europe/London"
    )
    assert sending_view(room, edition_id, rules=fresh).waits == ()
    key, _ = fresh.day(paper.watch.at)
    with paper.app.database.write() as connection:
        connection.execute(sa.insert(rate_bucket).values(key=key, used=200))
    (words,) = sending_view(room, edition_id, rules=fresh).waits
    assert words.startswith("the sender address is warming up: today's 200 messages have left")


def test_a_provider_that_asked_for_a_rest_is_told(paper: Paper) -> None:
    edition_id = _sending(paper, (DeliveryState.DEFERRED, 1))
    _put_off(paper, edition_id, ("outlook.com", "07:30", 1))
    with paper.app.database.write() as connection:
        until = moment("2026-01-09 07:20")
        connection.execute(sa.update(domain).values(slow_until=until))
    view = sending_view(paper.app.newsroom, edition_id)
    assert view.waits == (
        "outlook.com asked for fewer messages: nothing leaves for it before 2026-01-09 07:20 (UTC)",
    )
    paper.watch.at = moment("2026-01-09 07:21")
    assert sending_view(paper.app.newsroom, edition_id).waits == ()


def test_an_edition_that_waits_for_a_server_says_so(paper: Paper) -> None:
    edition_id = _sending(paper, (DeliveryState.PLANNED, 1))
    with paper.app.database.write() as connection:
        editions.note_reason(connection, [edition_id], "smtp: it is away: connection refused")
    assert _view(paper).needs == (
        f"{FRIDAY} waits: smtp: it is away: connection refused  digest status {FRIDAY}",
    )


def test_one_that_is_held_while_it_is_sent_is_resumed_and_not_approved(paper: Paper) -> None:
    _sending(paper, (DeliveryState.PLANNED, 1))
    _set_state(paper, EditionState.HELD, "smtp: relaying denied.")
    assert _view(paper).needs == (
        f"{FRIDAY} is held: smtp: relaying denied.  digest resume {FRIDAY}",
    )
    assert (_view(paper).newsletters[0].now, _view(paper).newsletters[0].detail) == ("held", "")
