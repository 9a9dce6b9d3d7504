"""An edition as its page at the desk says it: where it stands, its gate, its checks, its size."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.checks.model import Finding, Part, Report, Severity
from digest.checks.model import Place as Where
from digest.delivery.model import Tally
from digest.editions.choice_store import HistoryLine
from digest.editions.choices import Standing, Told
from digest.editions.model import (
    Act,
    Candidate,
    Choice,
    Edition,
    EditionState,
    NewChoice,
    Place,
    Selection,
    Verdict,
)
from digest.people.model import Role
from digest.people.presence_store import Present
from digest.web.desk.edition_gate import TYPED_ABOVE, Button, Gate, gate_of, hindrances
from digest.web.desk.edition_rows import Asked, Move
from digest.web.desk.edition_view import (
    EditionView,
    can_be_chosen_for,
    distance,
    view_of,
)
from digest.web.desk.report_view import Block, report_of, size_of
from digest.workflow.edition_look import EditionLook, InboxRow
from digest.workflow.life_store import ChangedStory
from tests.unit.editions.editions_builders import FRIDAY, WINDOW, article, newsletter, slot_on

NOW = datetime(2026, 1, 9, 6, 36, tzinfo=UTC)
HASH = "ab" * 32
REVIEW, APPROVED = EditionState.IN_REVIEW, EditionState.APPROVED


def an_edition(state: EditionState = REVIEW, **more: object) -> Edition:
    edition = Edition(
        id=1,
        newsletter_id=1,
        slug="daily",
        local_date=FRIDAY,
        slot_name="main",
        number=1204,
        state=state,
        window=WINDOW,
        send_at=datetime(2026, 1, 9, 7, tzinfo=UTC),
        prepared_at=WINDOW.until,
    )
    return replace(edition, **more)  # type: ignore[arg-type]


def a_candidate(number: int, place: Place | None = Place.TOP, **more: object) -> Candidate:
    verdict = Verdict.SELECTED if place else Verdict.OVER_LIMIT
    made = Candidate(article(number), verdict, "Because.", place=place, position=number)
    return replace(made, **more)  # type: ignore[arg-type]


def a_look(state: EditionState = REVIEW, **more: object) -> EditionLook:
    edition = an_edition(state)
    chosen = [a_candidate(1, Place.LEAD), a_candidate(2), a_candidate(3, Place.BRIEF)]
    look = EditionLook(
        newsletter=newsletter(),
        target=edition,
        edition=edition,
        exists=True,
        selection=Selection((*chosen, a_candidate(4, None))),
        now=NOW,
        rows=(InboxRow("en", "A subject", "A preheader", 31_000),),
        set_hash=HASH,
        readers=300,
    )
    return replace(look, **more)  # type: ignore[arg-type]


def seen(look: EditionLook, asked: Asked | None = None) -> EditionView:
    return view_of(look, asked or Asked(), me="1", may_choose=True, tags=("en",))


def a_finding(severity: Severity, **place: object) -> Finding:
    where = Where(**place)  # type: ignore[arg-type]
    return Finding("M01", severity, "It is wrong.", "Mend it.", where, name="No text alternative")


def test_the_running_order_names_each_place_once_and_where_the_arrows_lead() -> None:
    rows = seen(a_look()).stories
    assert [(row.number, row.slot, row.move) for row in rows] == [
        (1, "Lead", Move("", "before 3")),
        (2, "Top", Move("before 1", "last")),
        (3, "In brief", Move("before 2", "")),
    ]


@pytest.mark.parametrize(
    ("verdict", "button"),
    [
        (Verdict.OVER_LIMIT, ("pin", "Put in")),
        (Verdict.TOO_OLD, ("pin", "Put in")),
        (Verdict.DROPPED, ("reset", "Unhide")),
        (Verdict.ALREADY_USED, ("", "")),
        (Verdict.WITHDRAWN, ("", "")),
    ],
)
def test_a_candidate_has_the_button_that_helps(verdict: Verdict, button: tuple[str, str]) -> None:
    look = a_look(selection=Selection((a_candidate(4, None, verdict=verdict),)))
    [row] = seen(look).ledger
    assert (row.button, row.button_words) == button


def test_the_ledger_shows_what_is_asked_for_and_counts_all() -> None:
    look = a_look()
    counts = (("all", "All", 4), ("in", "In", 3), ("out", "Out", 1))
    for which, shown in (("all", 4), ("in", 3), ("out", 1)):
        view = seen(look, Asked(filter=which))
        assert (len(view.ledger), view.counts) == (shown, counts)


def test_who_may_not_choose_sees_no_form() -> None:
    look = a_look()
    for view in (
        view_of(look, Asked(edit=2), me="1", may_choose=False, tags=("en",)),
        seen(replace(look, edition=an_edition(EditionState.SENT)), Asked(edit=2)),
    ):
        assert (view.may_choose, view.editor, view.undo) == (False, None, "")


def test_what_can_be_undone_is_said_in_words_and_never_what_readers_have() -> None:
    made = Choice(1, NewChoice(Act.NOTE, text="Hello"), "Ben", NOW - timedelta(minutes=1))
    line = HistoryLine(Told(made, Standing.IN_FORCE), "wrote the note: “Hello”")
    look = a_look(log=(line,))
    assert (seen(look).undo, seen(look).redo) == ("Ben wrote the note: “Hello”", "")
    begun = an_edition(EditionState.STOPPED, sending_at=NOW)
    assert seen(replace(look, edition=begun)).undo == ""


def test_others_are_named_and_oneself_is_not() -> None:
    present = (Present("1", "Alma", ""), Present("2", "Ben", "rewords a story"))
    assert seen(a_look(present=present)).others == ("Ben, rewords a story",)


def test_times_are_those_of_the_newsletter_with_utc_beside() -> None:
    assert seen(a_look()).facts == (
        "Stories locked at 06:30 · sends at 07:00 (07:00 UTC), in 24 min",
        "Friday 9 January, hours of London",
    )


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(24, "in 24 min"), (130, "in 2 h 10 min"), (60, "in 1 h"), (-20, "20 min ago")],
)
def test_how_far_off_a_moment_is(minutes: int, said: str) -> None:
    assert distance(NOW, NOW + timedelta(minutes=minutes)) == said


def test_a_slot_that_is_over_takes_no_choices() -> None:
    slot = slot_on(newsletter().spec.cadence, FRIDAY)
    assert slot is not None
    look = a_look(target=slot, exists=False)
    assert can_be_chosen_for(look)
    assert not can_be_chosen_for(replace(look, closed=True))


HOLD, SKIP = Button("hold", "Hold", "Why"), Button("skip", "Skip", "Why")
GOES = "Sends at 07:00 (07:00 UTC). You can stop it between batches."


def test_the_gate_of_an_edition_in_review() -> None:
    assert gate_of(a_look(), Role.APPROVER, None) == Gate(
        "Ready.",
        GOES,
        approve="Approve for 300 readers",
        buttons=(HOLD, SKIP),
        may_test=True,
    )
    assert gate_of(a_look(), Role.EDITOR, None) == Gate(
        "Ready.", f"{GOES} An approver lets it go.", buttons=(HOLD,), may_test=True
    )
    assert gate_of(a_look(), Role.VIEWER, None) == Gate("Ready.", f"{GOES} An approver lets it go.")


def test_many_readers_are_typed_and_few_are_not() -> None:
    for readers, typed in ((TYPED_ABOVE, None), (TYPED_ABOVE + 1, TYPED_ABOVE + 1)):
        assert gate_of(a_look(readers=readers), Role.APPROVER, None).type_number == typed


def test_all_that_stands_in_the_way_is_said() -> None:
    report = Report((a_finding(Severity.BLOCK), a_finding(Severity.WARN)), 50)
    gone = ChangedStory(2, "Story number 2", withdrawn=True)
    look = a_look(changed=(gone,), readers=0, set_hash="")
    assert hindrances(look, report) == (
        "It is wrong. Mend it.",
        "“Story number 2” was withdrawn by its source: take it in, and look again.",
        "It is not composed yet.",
        "Nobody would get it.",
    )
    gate = gate_of(look, Role.APPROVER, report)
    assert (gate.lead, gate.barred) == ("4 things stand in the way.", True)


def test_what_a_source_changed_is_said_with_the_words_before_and_after() -> None:
    changed = ChangedStory(2, "Hubs", withdrawn=False)
    assert hindrances(a_look(changed=(changed,), was={2: "Bases"}), None) == (
        "“Bases” became “Hubs” at its source: take it in, and look again.",
    )


def test_what_the_publisher_lets_be_is_in_nobody_s_way() -> None:
    let_be = replace(a_finding(Severity.BLOCK), ignored="We know.")
    gate = gate_of(a_look(), Role.APPROVER, Report((let_be,), 50))
    assert (gate.lead, gate.barred) == ("Ready.", False)


@pytest.mark.parametrize(
    ("look", "lead", "buttons"),
    [
        (a_look(APPROVED, approved=True), "Approved for 300 readers.", "hold send-now skip"),
        (a_look(APPROVED), "It does not go.", "hold send-now skip"),
        (a_look(EditionState.DRAFT), "It is being composed.", "skip"),
        (a_look(EditionState.HELD), "It is held.", "skip"),
        (a_look(EditionState.SKIPPED), "It is skipped.", ""),
    ],
)
def test_each_state_has_its_buttons(look: EditionLook, lead: str, buttons: str) -> None:
    gate = gate_of(look, Role.APPROVER, None)
    assert (gate.lead, " ".join(each.act for each in gate.buttons)) == (lead, buttons)


def test_an_edition_on_its_way_says_how_far_it_is() -> None:
    counts = Tally(planned=60, accepted=30, deferred=8, failed=2)
    sending = an_edition(EditionState.SENDING, sending_at=NOW)
    look = a_look(edition=sending, counts=counts, readers=100)
    gate = gate_of(look, Role.EDITOR, None)
    assert gate.progress is not None
    assert (gate.progress.percent, gate.progress.words) == (
        40,
        "40 of 100 · 8 to retry · 2 refused",
    )
    assert [each.act for each in gate.buttons] == ["stop"]
    stopped = replace(look, edition=replace(sending, state=EditionState.STOPPED))
    assert [each.act for each in gate_of(stopped, Role.APPROVER, None).buttons] == ["resume"]
    mended = gate_of(replace(stopped, mended=True), Role.APPROVER, None)
    assert (mended.approve, mended.lead) == ("Approve for 70 more", "Mended.")


def test_a_finding_leads_to_where_it_is_mended() -> None:
    report = Report(
        (
            a_finding(Severity.BLOCK, article_id=2),
            a_finding(Severity.WARN, part=Part.SUBJECT),
            a_finding(Severity.INFO, part=Part.HTML, quote="a few words"),
            a_finding(Severity.INFO, part=Part.HEADERS),
        ),
        54,
    )
    told = report_of(report, a_look())
    assert (told.errors, told.rest, told.is_bad) == ("1 error", "1 warning · 54 passed", True)
    assert [(row.edit, row.anchor, row.jump, row.where) for row in told.rows] == [
        (2, "s2", "Mend", "No. 2"),
        (None, "subject", "Mend", ""),
        (None, "letter", "Show", ""),
        (None, "", "", ""),
    ]


def test_the_size_bar_is_as_wide_as_what_gmail_shows() -> None:
    size = size_of(a_look(), {"masthead": 10_445, "top": 52_224})
    assert size is not None
    assert (size.kilobytes, size.largest) == (61, "Largest: top stories, 51.0 KB")
    assert size.blocks == (
        Block("masthead", 0.0, 10.0, "10.2 KB"),
        Block("top stories", 10.0, 50.0, "51.0 KB"),
    )
    assert size_of(a_look(rows=()), {}) is None
    whole = size_of(a_look(), {})
    assert whole is not None
    assert whole.kilobytes == 30
