"""Letters made by hand keep to their limits, unless somebody says why not; and leave on a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.cli.slots import slot_meant
from digest.db import Database
from digest.editions.model import Edition, EditionState, Newsletter
from digest.editions.prepare import prepare
from digest.errors import WorkflowError
from digest.people import store as people
from digest.workflow.approve import approve
from digest.workflow.send_now import send_now
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.life_room import ANN, FRIDAY

LIMITS = {"per_day": 2, "quiet": "22:00-06:30"}
BREAKING = {
    "name": "Breaking",
    "days": [],
    "release": "approve",
    "stories": {"min": 1, "max": 6, "max_age": "48h"},
    "sections": ["town"],
    "limits": LIMITS,
}


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A paper with breaking news by hand: two a day, and none at night."""
    made = opened("2026-01-09 08:00", newsletters={"breaking": BREAKING})
    made.reader("ann@reader.example", "breaking")
    return made


def _letter(paper: Paper) -> Newsletter:
    return paper.app.newsroom.newsletters[0]


def _make(paper: Paper, text: str, headline: str) -> Edition:
    """Make a letter of one story, as `digest prepare breaking` does."""
    paper.watch.at = moment(text)
    paper.publish(headline)
    slot = slot_meant(paper.app, _letter(paper), None, extra=False)
    prepared = prepare(paper.app.database, _letter(paper), slot, clock=paper.watch)
    assert prepared.edition is not None, prepared.reason
    paper.go(text)
    return paper.edition(prepared.edition.address)


def _approve(paper: Paper, edition: Edition, override: str = "") -> None:
    approve(
        paper.app.database,
        paper.edition(edition.address),
        by="ann",
        clock=paper.watch,
        newsletter=_letter(paper),
        override=override,
    )


def _audit(paper: Paper) -> list[tuple[str, Any]]:
    with paper.app.database.read() as connection:
        rows = connection.execute(sa.select(people.audit).order_by(people.audit.c.id)).all()
    return [(row.verb, row.detail) for row in rows]


def test_the_third_letter_of_a_day_is_refused_with_the_reason(paper: Paper) -> None:
    for hour, headline in (("08:00", "Fire at the mill"), ("09:00", "Mill fire is out")):
        edition = _make(paper, f"2026-01-09 {hour}", headline)
        _approve(paper, edition)
        assert paper.go(f"2026-01-09 {hour}") == [("sending", edition.address)]
    third = _make(paper, "2026-01-09 10:00", "Mill opens again")
    with pytest.raises(WorkflowError) as caught:
        _approve(paper, third)
    assert str(caught.value) == (
        f"approve: {third.address}: 2 letters made by hand go on that day already,"
        " and limits.per_day is 2"
    )
    assert caught.value.hint == (
        f'To let it go all the same: digest approve {third.address} --override "why it cannot wait"'
    )
    paper.watch.at = moment("2026-01-10 09:00")
    _approve(paper, third)
    assert paper.go("2026-01-10 09:00") == [("sending", third.address)]


def test_quiet_hours_are_refused_and_passed_over_with_a_reason_in_the_audit(paper: Paper) -> None:
    edition = _make(paper, "2026-01-09 23:10", "Storm surge tonight")
    with pytest.raises(WorkflowError, match="these are quiet hours, until 10 Jan 2026 at 06:30"):
        _approve(paper, edition)
    _approve(paper, edition, "The quay floods\nat midnight")
    assert _audit(paper) == [
        ("edition.approve", {"by": "ann", "override": "The quay floods at midnight"})
    ]
    assert paper.go("2026-01-09 23:11") == [("sending", edition.address)]


def test_approved_right_before_the_quiet_hours_it_goes_right_after_they_began(
    paper: Paper,
) -> None:
    edition = _make(paper, "2026-01-09 21:59", "Storm surge tonight")
    _approve(paper, edition)
    assert paper.go("2026-01-09 22:00") == [("sending", edition.address)]


def test_what_nobody_sent_before_the_quiet_hours_is_held_and_told(paper: Paper) -> None:
    edition = _make(paper, "2026-01-09 21:00", "Storm surge tonight")
    _approve(paper, edition)
    assert paper.go("2026-01-09 23:30") == [("held", edition.address)]
    held = paper.edition(edition.address)
    assert held.reason == "It was not sent: these are quiet hours, until 10 Jan 2026 at 06:30."
    assert paper.told()[-1] == ("held", edition.address)
    paper.watch.at = moment("2026-01-10 06:30")
    _approve(paper, edition)
    assert paper.go("2026-01-10 06:30") == [("sending", edition.address)]


def test_a_letter_of_the_cadence_is_not_limited(opened: OpenPaper) -> None:
    paper = opened(
        newsletters={"daily": a_newsletter(release="auto", limits=LIMITS | {"per_day": 1})}
    )
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    assert paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]


def test_the_settings_say_nothing_of_limits_without_effect(paper: Paper) -> None:
    assert [said for said in paper.app.settings.not_yet() if "limits" in said] == []


# Send now


def _approved(opened: OpenPaper) -> Paper:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    return paper


def test_an_approved_edition_leaves_before_its_hour_on_a_word(opened: OpenPaper) -> None:
    paper = _approved(opened)
    assert paper.go("2026-01-09 06:40") == []
    room = paper.app.newsroom
    gone = send_now(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    assert (gone.state, gone.go_at, gone.send_at) == (
        EditionState.APPROVED,
        moment("2026-01-09 06:40"),
        moment("2026-01-09 07:00"),
    )
    assert paper.go("2026-01-09 06:41") == [("sending", FRIDAY)]
    assert _audit(paper)[-1] == ("edition.send", {"by": "ann"})


def test_what_is_not_approved_does_not_leave_on_a_word(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    room = paper.app.newsroom
    with pytest.raises(WorkflowError) as caught:
        send_now(room.database, paper.edition(FRIDAY), by=ANN, clock=room.clock)
    assert str(caught.value) == f"send: {FRIDAY}: it is in review, not approved"


def test_a_word_to_send_keeps_to_the_limits_too(paper: Paper) -> None:
    edition = _make(paper, "2026-01-09 21:00", "Storm surge tonight")
    _approve(paper, edition)
    paper.watch.at = moment("2026-01-09 22:30")
    room = paper.app.newsroom
    with pytest.raises(WorkflowError, match="send: breaking/2026-01-09: these are quiet hours"):
        send_now(room.database, edition, by=ANN, clock=room.clock, newsletter=room.newsletters[0])
    gone = send_now(
        room.database,
        edition,
        by=ANN,
        clock=room.clock,
        newsletter=room.newsletters[0],
        override="The quay floods",
    )
    assert paper.go("2026-01-09 22:31") == [("sending", gone.address)]
    assert _audit(paper)[-1] == ("edition.send", {"by": "ann", "override": "The quay floods"})
