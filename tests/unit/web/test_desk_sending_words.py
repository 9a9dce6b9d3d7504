"""How fast an edition leaves, from one look to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from digest.delivery.model import Tally
from digest.editions.model import EditionState
from digest.web.desk.sending_words import Moving, Seen, moving_of, read_since
from digest.workflow.calendar_store import Approved
from digest.workflow.status import SendingView
from digest.workflow.store import Hands
from tests.unit.editions.editions_builders import utc
from tests.unit.web.test_desk_home_words import edition

NOW = utc("2026-01-09 07:05")
LONDON = ZoneInfo("Europe/London")


def moved(tally: Tally, *, seen: Seen | None = None, **more: object) -> Moving:
    view = SendingView(
        edition=edition(EditionState.SENDING),
        tally=tally,
        deferred=(),
        next_retry_at=None,
        hands=Hands(leased=True, due_at=None),
        waits=(),
    )
    return moving_of(
        replace(view, **more),  # type: ignore[arg-type]
        name="The Daily Brief",
        subject="Starmer backs Denmark",
        approved=Approved("Alma Penn", utc("2026-01-09 06:41")),
        seen=seen,
        now=NOW,
        zone=LONDON,
    )


def before(seconds: float, done: int) -> Seen:
    return Seen((NOW - timedelta(seconds=seconds)).timestamp(), done)


def test_a_first_look_says_how_far_it_is_and_no_pace() -> None:
    first = moved(Tally(accepted=2000, deferred=69, planned=2743))
    assert (first.percent, first.done, first.total, first.pace) == (42, 2069, 4812, "")
    assert first.about == "The Daily Brief, 9 Jan 2026 · approved by Alma Penn at 06:41"
    assert first.waits == ("69 were put off and are tried again.",)
    assert first.since == f"9-2069-{NOW.timestamp():.1f}"


def test_a_second_look_knows_the_pace_and_the_end() -> None:
    again = moved(Tally(accepted=2069, planned=2743), seen=before(10, 1997))
    assert again.pace == "7.2 a second · done about 07:11"
    assert again.since == f"9-1997-{(NOW - timedelta(seconds=10)).timestamp():.1f}"


def test_the_pace_is_said_in_a_unit_that_can_be_read() -> None:
    assert moved(Tally(accepted=9000, planned=1000), seen=before(5, 0)).pace.startswith("1,800 a s")
    assert moved(Tally(accepted=2, planned=10), seen=before(20, 1)).pace.startswith("3 a minute")


def test_a_look_that_is_old_or_from_before_it_was_opened_again_begins_anew() -> None:
    for seen in (before(31, 10), before(-5, 10), before(10, 5000)):
        assert moved(Tally(accepted=100, planned=9), seen=seen).pace == ""


def test_where_nothing_moves_no_end_is_promised() -> None:
    assert moved(Tally(accepted=100, planned=9), seen=before(10, 100)).pace == ""
    assert moved(Tally(accepted=100), seen=before(10, 50)).pace == ""


def test_what_keeps_it_is_said_as_sentences() -> None:
    waiting = moved(Tally(planned=5), waits=("the relay is away",))
    assert waiting.waits == ("The relay is away.",)


def test_what_was_seen_is_read_back_and_damage_is_nothing_seen() -> None:
    assert read_since("17-1200-1767942300.5,9-3-1.0") == {
        17: Seen(1767942300.5, 1200),
        9: Seen(1.0, 3),
    }
    assert read_since("a-b-c,1-2,,--,1-x-2.0") == {}
    assert len(read_since("1-2-3.0," * 500)) == 1
