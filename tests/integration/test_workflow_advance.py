"""The life of an edition, day by day, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.composition.environment import load_templates
from digest.composition.store import composition
from digest.db import Database
from digest.delivery.model import Tally
from digest.editions import store as editions
from digest.editions.model import EditionState, SlotState
from digest.editions.prepare import prepare
from digest.errors import WorkflowError
from digest.workflow.advance import advance
from digest.workflow.approve import approve
from digest.workflow.due import take
from digest.workflow.model import Newsroom, Step
from digest.workflow.skip import drop
from tests.builders import ADMIN, TESTER, OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.unit.editions.editions_builders import slot_on

THURSDAY, FRIDAY, MONDAY = "daily/2026-01-08", "daily/2026-01-09", "daily/2026-01-12"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily that goes by itself 20 minutes after its editors were told."""
    return opened()


def _by_hand(**more: object) -> dict[str, object]:
    return {"daily": a_newsletter(release="approve", **more)}


def test_an_edition_is_drafted_told_released_and_planned(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    assert paper.go("2026-01-09 06:29") == []
    assert paper.go("2026-01-09 06:30") == [("prepared", FRIDAY), ("drafted", FRIDAY)]
    assert paper.editions() == {FRIDAY: "in review"}
    assert paper.told() == [("draft", FRIDAY)]
    assert paper.edition(FRIDAY).told_at == moment("2026-01-09 06:30")
    assert paper.go("2026-01-09 06:49") == []
    assert paper.go("2026-01-09 06:50") == [("approved", FRIDAY)]
    assert paper.go("2026-01-09 06:59") == []
    assert paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]
    assert paper.editions() == {FRIDAY: "sending"}
    assert paper.tally(FRIDAY) == Tally(planned=1)
    assert paper.go("2026-01-09 07:00") == []


def test_the_editors_mail_says_what_is_in(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.news("2026-01-08", 3)
    paper.go("2026-01-09 06:30")
    (notice,) = paper.notices()
    made = paper.composition(FRIDAY)
    assert made is not None
    assert notice.facts["headline"] == made.subject
    assert {row[1] for row in notice.facts["rows"]} == paper.headlines(FRIDAY)  # type: ignore[attr-defined]


def test_the_editors_time_counts_from_when_they_were_told(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:55")  # nothing was running at half past six
    assert paper.go("2026-01-09 07:14") == []
    assert paper.go("2026-01-09 07:15") == [("approved", FRIDAY), ("sending", FRIDAY)]


def test_auto_is_released_at_once_and_waits_for_its_hour(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="auto")})
    paper.news("2026-01-08")
    assert paper.go("2026-01-09 06:30") == [
        ("prepared", FRIDAY),
        ("drafted", FRIDAY),
        ("approved", FRIDAY),
    ]
    assert paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]
    assert paper.editions() == {FRIDAY: "sent"}, "it has no readers"


def test_what_nobody_approved_is_held_told_and_goes_when_somebody_does(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand())
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    assert paper.go("2026-01-09 06:59") == []
    assert paper.go("2026-01-09 07:00") == [("held", FRIDAY)]
    assert paper.told() == [("draft", FRIDAY), ("held", FRIDAY)]
    assert paper.go("2026-01-09 07:01") == []
    paper.watch.at = moment("2026-01-09 09:00")
    approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    assert paper.go("2026-01-09 09:00") == [("sending", FRIDAY)]


def test_approving_twice_is_refused_in_words(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand())
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    approve(paper.app.database, edition, by="Ann", clock=paper.watch)
    with pytest.raises(WorkflowError, match=r"2026-01-09: it is approved, not in review"):
        approve(paper.app.database, edition, by="Bob", clock=paper.watch)


def test_an_edition_that_is_not_composed_cannot_be_approved(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand())
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(composition))
    with pytest.raises(WorkflowError, match="it is not composed yet"):
        approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    assert paper.editions() == {FRIDAY: "in review"}, "the refusal undid the change of state"


def test_a_held_edition_expires_at_the_next_cut_off_and_its_stories_are_in_the_next(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters=_by_hand(stories={"min": 3, "max_age": "8d"}))
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    held = paper.headlines(FRIDAY)
    paper.go("2026-01-09 07:00")
    assert paper.go("2026-01-12 06:29") == []
    assert paper.go("2026-01-12 06:30") == [
        ("expired", FRIDAY),
        ("prepared", MONDAY),
        ("drafted", MONDAY),
    ]
    assert paper.headlines(MONDAY) == held
    assert paper.told() == [
        ("draft", FRIDAY),
        ("held", FRIDAY),
        ("expired", FRIDAY),
        ("draft", MONDAY),
    ]
    assert paper.edition(FRIDAY).reason == "It was not approved before the next edition was due."


def test_an_edition_that_could_not_go_in_time_makes_room_for_the_next(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(stories={"min": 3, "max_age": "8d"})})
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 06:50")
    assert paper.editions() == {FRIDAY: "approved"}
    steps = paper.go("2026-01-12 06:30")  # nothing ran at seven
    assert steps[0] == ("expired", FRIDAY)
    assert paper.editions() == {FRIDAY: "expired", MONDAY: "in review"}
    assert paper.edition(FRIDAY).reason == "It was not sent before the next edition was due."


def test_too_few_stories_are_a_skip_with_its_reason_and_the_story_waits(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand(stories={"min": 3, "max_age": "8d"}))
    paper.news("2026-01-08", 1)
    assert paper.go("2026-01-09 06:30") == [("skipped", FRIDAY)]
    (notice,) = paper.notices()
    assert notice.facts["reason"] == "1 new story, 3 needed"
    assert paper.go("2026-01-09 06:31") == []
    paper.news("2026-01-11", 3)
    assert paper.go("2026-01-12 06:30") == [("prepared", MONDAY), ("drafted", MONDAY)]
    assert len(paper.headlines(MONDAY)) == 4


def test_holidays_are_recorded_and_nobody_is_told(opened: OpenPaper) -> None:
    paper = opened(newsletters={"daily": a_newsletter(not_on=["2026-01-09"])})
    paper.news("2026-01-08")
    assert paper.go("2026-01-09 06:30") == [("holiday", FRIDAY)]
    assert paper.told() == []
    assert _slots(paper) == {FRIDAY: ("holiday", "9 Jan 2026 is a holiday")}


def test_after_a_week_asleep_the_latest_is_made_and_the_others_are_missed(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters=_by_hand(not_on=["2026-01-13"]))
    paper.news("2026-01-15")
    assert paper.go("2026-01-16 08:00") == [
        ("missed", FRIDAY),
        ("missed", MONDAY),
        ("missed", "daily/2026-01-14"),
        ("missed", "daily/2026-01-15"),
        ("holiday", "daily/2026-01-13"),
        ("prepared", "daily/2026-01-16"),
        ("drafted", "daily/2026-01-16"),
        ("held", "daily/2026-01-16"),
    ]
    missed = paper.notices()[0]
    assert missed.facts["headline"] == "4 editions were missed"
    assert missed.facts["rows"] == [
        ["missed", FRIDAY],
        ["missed", MONDAY],
        ["missed", "daily/2026-01-14"],
        ["missed", "daily/2026-01-15"],
    ]
    assert [event for event, _ in paper.told()] == ["missed", "draft", "held"]
    assert paper.go("2026-01-16 08:01") == []


def test_one_missed_slot_is_told_by_its_name(paper: Paper) -> None:
    paper.news("2026-01-11")
    paper.go("2026-01-12 06:30")
    assert paper.told()[0] == ("missed", FRIDAY)
    assert paper.notices()[0].facts["headline"] == f"{FRIDAY} is missed"


def test_a_slot_taken_ahead_by_hand_hides_none_before_it_and_is_made_once(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters={"daily": a_newsletter(stories={"min": 3, "max_age": "8d"})})
    paper.news("2026-01-08")
    newsletter = paper.app.newsroom.newsletters[0]
    slot = slot_on(newsletter.spec.cadence, moment("2026-01-12 00:00").date())
    assert slot is not None
    assert prepare(paper.app.database, newsletter, slot, clock=paper.watch).edition is not None
    paper.news("2026-01-08", 6)
    assert ("skipped", FRIDAY) in paper.go("2026-01-09 06:30")
    assert paper.go("2026-01-12 06:30") == [("approved", MONDAY)]
    assert list(paper.editions()) == [MONDAY]


def test_a_slot_passed_while_only_a_person_worked_is_recorded_as_missed(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand())
    paper.news("2026-01-11")
    paper.watch.at = moment("2026-01-12 05:00")
    newsletter = paper.app.newsroom.newsletters[0]
    slot = slot_on(newsletter.spec.cadence, moment("2026-01-12 00:00").date())
    assert slot is not None
    take(paper.app.newsroom, newsletter, replace(slot, cut_off_at=paper.watch.at))
    steps = paper.go("2026-01-12 06:30")
    assert steps == [("missed", FRIDAY), ("drafted", MONDAY)]


def test_an_earlier_hour_set_on_the_morning_itself_still_makes_the_edition(
    opened: OpenPaper,
) -> None:
    first = opened()
    first.news("2026-01-08")
    first.app.close()
    paper = opened("2026-01-09 06:00", newsletters={"daily": a_newsletter(cut_off="05:30")})
    paper.feed.unlink()
    assert paper.go("2026-01-09 06:00") == [("prepared", FRIDAY), ("drafted", FRIDAY)]


def test_a_later_hour_set_after_the_edition_makes_no_second_one(opened: OpenPaper) -> None:
    first = opened()
    first.news("2026-01-08")
    first.go("2026-01-09 06:30")
    first.app.close()
    paper = opened(
        "2026-01-09 07:30",
        newsletters={"daily": a_newsletter(cut_off="09:00", send_at="09:30")},
    )
    steps = paper.go("2026-01-09 09:00")
    assert ("already prepared", FRIDAY) not in steps
    assert list(paper.editions()) == [FRIDAY]


def test_two_schedulers_make_one_edition_and_tell_once(opened: OpenPaper) -> None:
    paper = opened(
        newsletters={
            "daily": a_newsletter(release="auto"),
            "second": a_newsletter(name="The Second", release="auto"),
        }
    )
    paper.reader("ann@reader.example", "daily", "second")
    paper.news("2026-01-08")
    for hour in ("06:30", "07:00", "07:01"):
        paper.watch.at = moment(f"2026-01-09 {hour}")
        _at_once(paper.app.newsroom, times=3)
    assert paper.editions() == {FRIDAY: "sending", "second/2026-01-09": "sending"}
    assert sorted(paper.told()) == [("draft", FRIDAY), ("draft", "second/2026-01-09")]
    assert paper.tally(FRIDAY) == Tally(planned=1)


def test_two_schedulers_record_a_miss_and_expire_an_edition_once(opened: OpenPaper) -> None:
    paper = opened(newsletters=_by_hand())
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.news("2026-01-14")
    paper.watch.at = moment("2026-01-15 06:30")
    steps = _at_once(paper.app.newsroom, times=3)
    assert [step.what for step in steps if step.what == "failed"] == []
    assert sorted(paper.told()) == sorted(
        [
            ("draft", FRIDAY),
            ("expired", FRIDAY),
            ("missed", "daily/2026-01-14"),
            ("draft", "daily/2026-01-15"),
        ]
    )


def _at_once(newsroom: Newsroom, *, times: int) -> list[Step]:
    """Advance from several threads at the same moment; give the steps of all."""
    steps: list[Step] = []
    failed: list[BaseException] = []
    gate = threading.Barrier(times)

    def run() -> None:
        gate.wait()
        try:
            steps.extend(advance(newsroom))
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [step for step in steps if step.what == "failed"] == []
    return steps


def test_a_broken_template_stops_one_letter_only_is_told_once_a_day_and_mended(
    opened: OpenPaper, tmp_path: Path
) -> None:
    paper = opened(
        newsletters={
            "bad": a_newsletter(name="The Bad", template="weekly"),
            "daily": a_newsletter(stories={"min": 3, "max_age": "8d"}),
        }
    )
    own = tmp_path / "templates"
    (own / "weekly").mkdir(parents=True)
    (own / "weekly" / "body.mjml").write_text("{{ letter.nonsense }}")
    newsroom = replace(paper.app.newsroom, environment=load_templates(own))
    paper.news("2026-01-08")

    def go(text: str) -> list[tuple[str, str]]:
        paper.watch.at = moment(text)
        return [(step.what, step.edition) for step in advance(newsroom)]

    assert go("2026-01-09 06:30") == [
        ("prepared", "bad/2026-01-09"),
        ("prepared", FRIDAY),
        ("failed", "bad/2026-01-09"),
        ("drafted", FRIDAY),
    ]
    assert go("2026-01-09 06:31") == [("failed", "bad/2026-01-09")]
    needs = [n for n in paper.notices() if n.to_address == ADMIN]
    assert [n.facts["what"] for n in needs] == ["bad/2026-01-09 cannot go on"]
    assert "weekly/body.mjml, line 1" in str(needs[0].facts["detail"])
    assert go("2026-01-10 06:31")[0] == ("failed", "bad/2026-01-09")
    assert len([n for n in paper.notices() if n.to_address == ADMIN]) == 2
    (own / "weekly" / "body.mjml").unlink()
    assert ("drafted", "bad/2026-01-09") in go("2026-01-10 06:32")


def test_our_own_mistake_in_one_letter_stops_no_other_either(
    opened: OpenPaper, caplog: pytest.LogCaptureFixture
) -> None:
    paper = opened(newsletters={"bad": a_newsletter(name="The Bad"), "daily": a_newsletter()})
    paper.news("2026-01-08")
    bad, daily = paper.app.newsroom.newsletters
    broken = replace(bad, spec=replace(bad.spec, cadence=None))  # type: ignore[arg-type]
    newsroom = replace(paper.app.newsroom, newsletters=(broken, daily))
    paper.watch.at = moment("2026-01-09 06:30")
    for _ in range(2):
        advance(newsroom)
    assert paper.editions() == {FRIDAY: "in review"}
    (need,) = [n for n in paper.notices() if n.to_address == ADMIN]
    assert str(need.facts["detail"]).startswith("unexpected trouble (AttributeError: ")
    assert [record.exc_info is not None for record in caplog.records] == [True], "traced once"


def test_a_text_changed_after_approval_is_refused_and_told(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 06:50")
    with paper.app.database.write() as connection:
        connection.execute(sa.update(composition).values(html=composition.c.html + "<p>!</p>"))
    assert paper.go("2026-01-09 07:00") == [("failed", FRIDAY)]
    assert paper.editions() == {FRIDAY: "approved"}
    (need,) = [n for n in paper.notices() if n.to_address == ADMIN]
    assert need.facts["detail"] == (f"send: {FRIDAY}: its text is not the one that was approved")
    assert paper.tally(FRIDAY) == Tally()


def test_what_another_process_drafted_first_stays(paper: Paper) -> None:
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    mine = paper.composition(FRIDAY)
    with paper.app.database.write() as connection:
        editions.change_state(
            connection,
            paper.edition(FRIDAY).id,
            expect=set(EditionState),
            to=EditionState.DRAFT,
        )
    assert paper.go("2026-01-09 06:30") == [("drafted", FRIDAY)]
    assert paper.composition(FRIDAY) == mine, "composing again gives the same bytes"
    assert paper.told() == [("draft", FRIDAY)]


def test_a_newsletter_that_left_the_settings_keeps_its_edition_until_its_time_is_over(
    opened: OpenPaper,
) -> None:
    first = opened(newsletters={"daily": a_newsletter(), "other": a_newsletter(name="Other")})
    first.news("2026-01-08")
    first.go("2026-01-09 06:30")
    first.app.close()
    paper = opened("2026-01-09 06:40", newsletters={"other": a_newsletter(name="Other")})
    assert paper.go("2026-01-09 07:00") == [
        ("approved", "other/2026-01-09"),
        ("sending", "other/2026-01-09"),
    ]
    assert paper.editions()[FRIDAY] == "in review"
    assert ("expired", FRIDAY) in paper.go("2026-01-12 06:30")


def test_staging_plans_only_the_test_readers(opened: OpenPaper) -> None:
    paper = opened(environment="staging")
    paper.reader(TESTER)
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    for hour in ("06:30", "06:50", "07:00"):
        paper.go(f"2026-01-09 {hour}")
    assert paper.tally(FRIDAY) == Tally(planned=1)


def test_an_edition_is_dropped_once_and_not_when_it_is_on_its_way(paper: Paper) -> None:
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    edition = paper.edition(FRIDAY)
    skipped = EditionState.SKIPPED
    drop(paper.app.newsroom, edition, to=skipped, reason="Not today.")
    assert paper.told()[-1] == ("skipped", FRIDAY)
    with pytest.raises(WorkflowError, match="it is skipped, and cannot be skipped"):
        drop(paper.app.newsroom, edition, to=skipped, reason="Again.")


def _slots(paper: Paper) -> dict[str, tuple[str, str]]:
    with paper.app.database.read() as connection:
        rows = connection.execute(sa.select(editions.slot)).all()
    return {f"daily/{row.local_date}": (SlotState(row.state).value, row.reason) for row in rows}
