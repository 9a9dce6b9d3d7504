"""Choosing for editions and slots to come, on both databases, with crashes and at the same time."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.environment import MailTemplates, load_templates
from digest.db import Database
from digest.editions import choice_store
from digest.editions import store as editions
from digest.editions.explain import explain
from digest.editions.model import Act, EditionAddress, EditionState, NewChoice, Place, Slot, Verdict
from digest.errors import DigestError, NotFoundError, UsageError, WorkflowError
from digest.sources import article_store
from digest.workflow.advance import advance
from digest.workflow.approve import approve, approve_waiting
from digest.workflow.choose import Chosen, Target, choose, target_of
from digest.workflow.draft import draft
from digest.workflow.model import Newsroom
from digest.workflow.skip import drop
from digest.workflow.status import overview
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
FERRY, COUNCIL = "Ferry returns to the harbour", "Council votes on the market square"
SCHOOL, LIFEBOAT = "School roof mended in time", "Lifeboat crew honoured"
UNDO, REDO = NewChoice(Act.UNDO), NewChoice(Act.REDO)


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def desk(opened: OpenPaper) -> Desk:
    """A daily that goes when somebody approves it, on the evening before its Friday."""
    return _desk(opened)


def _desk(opened: OpenPaper, **more: object) -> Desk:
    """Open a daily, publish four stories, and go to Thursday evening."""
    settings = a_newsletter(**{"release": "approve", **more})
    desk = Desk(opened(newsletters={"daily": settings}))
    desk.paper.watch.at = moment("2026-01-08 18:00")
    desk.paper.publish(FERRY, COUNCIL, SCHOOL, LIFEBOAT)
    return desk


@dataclass
class Desk:
    """A paper, and somebody who chooses for its daily."""

    paper: Paper

    @property
    def room(self) -> Newsroom:
        return self.paper.app.newsroom

    def story(self, headline: str) -> int:
        with self.paper.app.database.read() as connection:
            return article_store.search_articles(connection, headline, limit=1)[0].id

    def target(self, address: str = "daily") -> Target:
        slug, _, day = address.partition("/")
        asked = EditionAddress(slug, local_date=date.fromisoformat(day) if day else None)
        return target_of(self.room, self.room.newsletters[0], asked)

    def choose(
        self,
        what: NewChoice | Act,
        headline: str = "",
        *,
        address: str = "daily",
        by: str = "Ann",
        room: Newsroom | None = None,
        expect_seq: int | None = None,
        **parts: str,
    ) -> Chosen:
        if isinstance(what, Act):
            what = NewChoice(what, self.story(headline) if headline else None, **parts)
        room = room or self.room
        target = self.target(address)
        return choose(room, room.newsletters[0], target, what, by=by, expect_seq=expect_seq)

    def refusal(self, what: NewChoice | Act, headline: str = "", **more: Any) -> str:
        """See that a choice is refused and nothing changed; give the words."""
        before = self.paper.editions(), self.log()
        with pytest.raises(DigestError) as refused:
            self.choose(what, headline, **more)
        assert (self.paper.editions(), self.log()) == before
        return f"{type(refused.value).__name__}: {refused.value}"

    def log(self, day: date = date(2026, 1, 9)) -> list[str]:
        with self.paper.app.database.read() as connection:
            lines = choice_store.history(connection, self.room.newsletters[0].id, day, "main")
        return [f"{line.told.choice.actor} {line.words}" for line in lines]

    def html(self) -> str:
        made = self.paper.composition(FRIDAY)
        assert made is not None
        return made.html

    def approve(self) -> str:
        edition = self.paper.edition(FRIDAY)
        return approve(self.paper.app.database, edition, by="Ed", clock=self.paper.watch)

    def standing_approval(self) -> str | None:
        with self.paper.app.database.read() as connection:
            return compositions.approved_hash(connection, self.paper.edition(FRIDAY).id)


class DyingTemplates:
    """Templates of a process that is killed when it begins to compose."""

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt(name)


def dying(room: Newsroom) -> Newsroom:
    return replace(room, environment=cast("MailTemplates", DyingTemplates()))


# An edition in review


def test_an_edition_in_review_follows_at_once_and_its_editors_are_not_mailed_again(
    desk: Desk,
) -> None:
    desk.paper.go("2026-01-09 06:30")
    told_at = desk.paper.edition(FRIDAY).told_at
    desk.paper.watch.at = moment("2026-01-09 06:40")
    chosen = desk.choose(Act.DROP, FERRY)
    assert (chosen.words, chosen.address) == (f"dropped “{FERRY}” from this edition", FRIDAY)
    assert chosen.stands is not None
    assert (chosen.stands.verdict, chosen.stands.reason) == (Verdict.DROPPED, "Dropped by Ann.")
    assert desk.paper.headlines(FRIDAY) == {COUNCIL, SCHOOL, LIFEBOAT}
    assert FERRY not in desk.html()
    assert COUNCIL in desk.html()
    edition = desk.paper.edition(FRIDAY)
    assert chosen.edition == edition
    assert (edition.state, edition.told_at) == (EditionState.IN_REVIEW, told_at)
    assert (chosen.revoked, chosen.problem, chosen.warnings) == (False, "", ())
    assert desk.paper.told() == [("draft", FRIDAY)]


def test_what_is_chosen_stands_in_the_letter(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    desk.choose(Act.LEAD, SCHOOL)
    desk.choose(Act.HEADLINE, SCHOOL, text="A roof <b>again</b>")
    desk.choose(Act.STANDFIRST, SCHOOL, text="It is dry & warm.")
    desk.choose(Act.NOTE, text="Good morning from the quay.")
    chosen = desk.choose(Act.SPONSOR, text="Quay Bakery", url="https://quay.example/")
    assert chosen.stands is None
    with desk.paper.app.database.read() as connection:
        edition = desk.paper.edition(FRIDAY)
        (told,) = [
            c
            for c in explain(
                desk.paper.app.database, desk.room.newsletters, FRIDAY, clock=desk.paper.watch
            ).edition.selection.chosen  # type: ignore[union-attr]
            if c.place is Place.LEAD
        ]
        assert editions.edition_by_id(connection, edition.id).version > 1
    assert told.article.id == desk.story(SCHOOL)
    for words in (
        "A roof again",
        "It is dry &amp; warm.",
        "Good morning from the quay.",
        "Quay Bakery",
    ):
        assert words in desk.html()
    assert SCHOOL not in desk.html()


def test_words_in_the_sites_language_are_a_further_one_where_the_newsletter_has_its_own(
    opened: OpenPaper,
) -> None:
    desk = _desk(opened, language="de", languages=["en", "ar"])
    desk.paper.go("2026-01-09 06:30")
    desk.choose(Act.LEAD, FERRY)
    desk.choose(Act.HEADLINE, FERRY, text="Fähre kehrt zurück", language="de")
    desk.choose(Act.HEADLINE, FERRY, text="The ferry is back", language="en")
    assert desk.choose(Act.NOTE, text="Bonjour.", language="fr").warnings == (
        "No letter of this newsletter is in fr; it is made in de, en, ar.",
    )
    with desk.paper.app.database.read() as connection:
        letters = compositions.load_compositions(connection, desk.paper.edition(FRIDAY).id)
    assert {each.language: re.split("[;؛]", each.subject)[0] for each in letters} == {
        "de": "Fähre kehrt zurück",
        "en": "The ferry is back",
        "ar": "Fähre kehrt zurück",
    }


def test_undo_and_redo_are_choices_too(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    before = desk.html()
    desk.choose(Act.DROP, FERRY)
    after = desk.html()
    undone = desk.choose(UNDO, by="Bob")
    assert undone.words == f"took back no. 1 (dropped “{FERRY}” from this edition)"
    assert undone.about.seq == 1
    assert undone.stands is not None
    assert undone.stands.verdict is Verdict.SELECTED
    assert desk.html() == before
    assert desk.choose(REDO).words == f"brought back no. 1 (dropped “{FERRY}” from this edition)"
    assert desk.html() == after
    assert [line.split()[0] for line in desk.log()] == ["Ann", "Bob", "Ann"]


def test_after_a_restart_another_editor_takes_it_back(opened: OpenPaper) -> None:
    desk = _desk(opened)
    desk.paper.go("2026-01-09 06:30")
    before = desk.html()
    desk.choose(Act.DROP, FERRY)
    desk.paper.app.close()
    again = Desk(opened("2026-01-09 06:45", newsletters={"daily": a_newsletter(release="approve")}))
    again.choose(UNDO, by="Bob", expect_seq=1)
    assert again.html() == before
    assert again.log() == [
        f"Ann dropped “{FERRY}” from this edition",
        "Bob took back no. 1",
    ]


def test_who_chooses_is_named_on_one_line(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    desk.choose(Act.PIN, FERRY, by="  A\0nn\n" + "n" * 999)
    desk.choose(Act.PIN, COUNCIL, by="\u202e")
    names = [line.partition(" pinned")[0] for line in desk.log()]
    assert names == [f"Ann {'n' * 196}", "somebody"]


# An edition that was approved


def test_an_approved_edition_is_reopened_and_has_to_be_approved_again(opened: OpenPaper) -> None:
    desk = _desk(opened)
    desk.paper.reader("ann@reader.example")
    desk.paper.go("2026-01-09 06:30")
    approved = desk.approve()
    chosen = desk.choose(Act.DROP, FERRY, by="Bob")
    assert chosen.revoked
    reason = f"Its approval was revoked: Bob dropped “{FERRY}” from this edition."
    edition = desk.paper.edition(FRIDAY)
    assert (edition.state, edition.reason) == (EditionState.IN_REVIEW, reason)
    assert desk.standing_approval() is None
    explained = explain(
        desk.paper.app.database, desk.room.newsletters, FRIDAY, clock=desk.paper.watch
    )
    assert explained.edition is not None
    assert explained.edition.reason == reason
    assert overview(desk.room).needs[0].endswith(f"  digest approve {FRIDAY}")
    assert not desk.choose(Act.NOTE, text="Hello").revoked
    assert desk.paper.edition(FRIDAY).reason == reason, "until somebody approves it again"
    assert desk.paper.go("2026-01-09 06:59") == []
    assert desk.approve() != approved
    assert desk.paper.edition(FRIDAY).reason == ""
    assert desk.paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]


def test_an_edition_that_goes_by_itself_does_so_as_it_was_chosen(opened: OpenPaper) -> None:
    desk = _desk(opened, release="auto-after 20m")
    desk.paper.reader("ann@reader.example")
    desk.paper.go("2026-01-09 06:30")
    assert desk.paper.go("2026-01-09 06:50") == [("approved", FRIDAY)]
    assert desk.choose(Act.DROP, FERRY).revoked
    assert desk.paper.go("2026-01-09 06:51") == [("approved", FRIDAY)], "it counts from when told"
    assert desk.paper.go("2026-01-09 07:00") == [("sending", FRIDAY)]
    assert desk.paper.told() == [("draft", FRIDAY)]


def test_a_held_edition_is_chosen_for_and_held_again_until_somebody_approves(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    desk.paper.go("2026-01-09 07:00")
    desk.choose(Act.DROP, FERRY)
    assert desk.paper.edition(FRIDAY).reason == ""
    assert desk.paper.go("2026-01-09 07:01") == [("held", FRIDAY)]
    desk.approve()
    assert desk.paper.go("2026-01-09 07:02") == [("sending", FRIDAY)]


def test_who_looked_before_it_changed_cannot_approve_it(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    looked_at = desk.paper.edition(FRIDAY)
    desk.choose(Act.DROP, FERRY)
    database, watch = desk.paper.app.database, desk.paper.watch
    with pytest.raises(WorkflowError, match="it has changed since you looked") as refused:
        approve(database, looked_at, by="Ed", clock=watch)
    assert "digest preview" in refused.value.hint
    assert not approve_waiting(database, looked_at, by="auto", clock=watch)
    assert desk.paper.editions() == {FRIDAY: "in review"}


@pytest.mark.parametrize("seed", range(3))
def test_the_bytes_of_an_approved_edition_never_change_without_revocation(
    desk: Desk, seed: int
) -> None:
    desk.paper.go("2026-01-09 06:30")
    dice = random.Random(seed)  # noqa: S311 - dice, no secret
    stories = [FERRY, COUNCIL, SCHOOL, LIFEBOAT]
    approved: str | None = None
    steps: dict[str, Callable[[], object]] = {
        "pin": lambda: desk.choose(Act.PIN, dice.choice(stories)),
        "move": lambda: desk.choose(Act.MOVE, dice.choice(stories), place="first"),
        "note": lambda: desk.choose(Act.NOTE, text=dice.choice(["Hello", "Good morning"])),
        "undo": lambda: desk.choose(UNDO),
        "reword": lambda: desk.choose(Act.HEADLINE, FERRY, text=dice.choice(["Back", "Again"])),
        "collect": lambda: desk.paper.publish(f"News {dice.random()}"),
        "tick": lambda: desk.paper.go("2026-01-09 06:41"),
        "compose": lambda: draft(desk.room, desk.paper.edition(FRIDAY), desk.room.newsletters[0]),
    }
    for _ in range(12):
        name = dice.choice([*steps, "approve"])
        if name == "approve":
            if desk.paper.editions()[FRIDAY] == "in review":
                approved = desk.approve()
        else:
            try:
                steps[name]()
            except WorkflowError:
                assert name == "undo"
        made, standing = desk.paper.composition(FRIDAY), desk.standing_approval()
        assert made is not None
        is_approved = desk.paper.editions()[FRIDAY] == "approved"
        assert is_approved == (standing is not None)
        if standing is not None:
            assert set_hash((made,)) == standing == approved


# A slot to come


def test_what_is_chosen_on_the_evening_before_survives_collect_and_prepare(
    opened: OpenPaper,
) -> None:
    desk = _desk(opened, stories={"min": 2, "top": 1, "max": 3, "max_age": "48h"})
    dropped = desk.choose(Act.DROP, FERRY)
    assert (dropped.address, dropped.edition) == (FRIDAY, None)
    assert dropped.stands is not None
    assert dropped.stands.reason == "Dropped by Ann."
    pinned = desk.choose(Act.PIN, SCHOOL, address=FRIDAY)
    assert pinned.stands is not None
    assert pinned.stands.verdict is Verdict.SELECTED
    desk.choose(Act.NOTE, text="Good morning.", by="Bob")
    desk.choose(Act.LEAD, COUNCIL)
    desk.choose(UNDO)
    assert desk.paper.editions() == {}
    desk.paper.watch.at = moment("2026-01-09 05:00")
    desk.paper.publish("Choir wins at last", "Baker opens second shop", "Swans are back")
    desk.paper.go("2026-01-09 06:30")
    assert SCHOOL in desk.paper.headlines(FRIDAY), "although three are newer"
    assert FERRY not in desk.paper.headlines(FRIDAY)
    assert "Good morning." in desk.html()
    assert len(desk.log()) == 5
    desk.choose(UNDO, by="Cat")
    assert "Good morning." not in desk.html()


def test_a_slot_whose_hour_has_come_is_chosen_for_until_somebody_prepares_it(desk: Desk) -> None:
    desk.paper.watch.at = moment("2026-01-09 06:45")
    assert desk.choose(Act.DROP, FERRY).address == FRIDAY
    desk.paper.go("2026-01-09 06:46")
    assert desk.paper.headlines(FRIDAY) == {COUNCIL, SCHOOL, LIFEBOAT}


def test_a_slot_prepared_in_between_is_an_edition_by_now(desk: Desk) -> None:
    slot = desk.target()
    assert isinstance(slot, Slot)
    desk.paper.go("2026-01-09 06:30")
    what = NewChoice(Act.DROP, desk.story(FERRY))
    chosen = choose(desk.room, desk.room.newsletters[0], slot, what, by="Ann")
    assert chosen.edition is not None
    assert desk.paper.headlines(FRIDAY) == {COUNCIL, SCHOOL, LIFEBOAT}


def test_a_drop_for_good_holds_next_week(opened: OpenPaper) -> None:
    desk = _desk(opened, stories={"min": 2, "max": 6, "max_age": "9d"})
    desk.paper.go("2026-01-09 06:30")
    desk.choose(Act.DROP_ALWAYS, FERRY)
    desk.choose(Act.DROP, COUNCIL)
    desk.paper.watch.at = moment("2026-01-11 18:00")
    desk.paper.publish("Choir wins at last", "Baker opens second shop")
    desk.paper.go("2026-01-12 06:30")
    assert desk.paper.headlines(MONDAY) == {
        COUNCIL,
        SCHOOL,
        LIFEBOAT,
        "Choir wins at last",
        "Baker opens second shop",
    }
    desk.paper.go("2026-01-12 07:00")
    (told,) = explain(
        desk.paper.app.database, desk.room.newsletters, FERRY, clock=desk.paper.watch
    ).stories
    newest = told.fates[0].weighings[0]
    assert newest.edition.address == MONDAY
    assert newest.candidate.reason == "Dropped for good by Ann."
    desk.choose(Act.RESET, FERRY, address=MONDAY)
    assert FERRY in desk.paper.headlines(MONDAY)


# Crashes and races


def test_after_a_crash_before_it_is_composed_the_scheduler_composes_it(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    approved = desk.approve()
    with pytest.raises(KeyboardInterrupt):
        desk.choose(Act.DROP, FERRY, room=dying(desk.room))
    assert desk.paper.editions() == {FRIDAY: "draft"}
    assert desk.standing_approval() is None
    made = desk.paper.composition(FRIDAY)
    assert made is not None
    assert set_hash((made,)) == approved, "what was there stays until there is something better"
    assert desk.paper.go("2026-01-09 06:41") == [("drafted", FRIDAY)]
    assert FERRY not in desk.html()
    assert desk.paper.told() == [("draft", FRIDAY)]
    assert desk.paper.edition(FRIDAY).told_at == moment("2026-01-09 06:30")
    assert "Its approval was revoked" in desk.paper.edition(FRIDAY).reason


def test_editors_who_were_never_told_are_told_when_it_is_composed_at_last(desk: Desk) -> None:
    desk.paper.watch.at = moment("2026-01-09 06:30")
    with pytest.raises(KeyboardInterrupt):
        advance(dying(desk.room))
    assert desk.paper.told() == []
    desk.paper.watch.at = moment("2026-01-09 06:35")
    desk.choose(Act.DROP, FERRY)
    assert desk.paper.told() == [("draft", FRIDAY)]
    desk.paper.go("2026-01-09 06:35")
    assert desk.paper.edition(FRIDAY).told_at == moment("2026-01-09 06:35")


def test_a_letter_that_cannot_be_composed_keeps_the_choice_and_says_why(
    desk: Desk, tmp_path: Path
) -> None:
    desk.paper.go("2026-01-09 06:30")
    own = tmp_path / "templates"
    (own / "daily").mkdir(parents=True)
    (own / "daily" / "body.mjml").write_text("{{ letter.nonsense }}")
    chosen = desk.choose(Act.DROP, FERRY, room=replace(desk.room, environment=load_templates(own)))
    assert "daily/body.mjml, line 1" in chosen.problem
    assert chosen.edition is not None
    assert chosen.edition.state is EditionState.DRAFT
    assert desk.paper.go("2026-01-09 06:41") == [("drafted", FRIDAY)]
    assert FERRY not in desk.html()


def test_a_choice_made_while_another_process_composes_is_not_lost(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:29")
    newsletter = desk.room.newsletters[0]
    desk.paper.watch.at = moment("2026-01-09 06:30")
    with pytest.raises(KeyboardInterrupt):
        advance(dying(desk.room))
    assert desk.paper.editions() == {FRIDAY: "draft"}
    interrupted = list[str]()

    def clock() -> datetime:
        """Let somebody choose between composing and writing."""
        if not interrupted:
            interrupted.append("now")
            desk.choose(Act.DROP, FERRY)
        return desk.paper.watch()

    slow = replace(desk.room, clock=clock)
    assert not draft(slow, desk.paper.edition(FRIDAY), newsletter)
    assert interrupted
    assert FERRY not in desk.html()
    assert desk.paper.editions() == {FRIDAY: "in review"}
    assert desk.paper.told() == [("draft", FRIDAY)], "by the choice, as nobody was told before"


def test_two_editors_at_once_both_get_through(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    desk.approve()
    acts = [
        NewChoice(Act.DROP, desk.story(FERRY)),
        NewChoice(Act.NOTE, text="Good morning."),
        NewChoice(Act.LEAD, desk.story(SCHOOL)),
    ]
    failed = _at_once(lambda n: desk.choose(acts[n], by=f"Editor {n}"), times=3)
    assert failed == []
    assert len(desk.log()) == 3
    desk.paper.go("2026-01-09 06:41")
    assert desk.paper.editions() == {FRIDAY: "in review"}
    assert FERRY not in desk.html()
    assert "Good morning." in desk.html()
    assert desk.paper.told() == [("draft", FRIDAY)]


def test_two_editors_who_saw_the_same_do_not_overwrite_each_other(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")
    texts = ["Good morning.", "Good evening."]
    failed = _at_once(
        lambda n: desk.choose(Act.NOTE, text=texts[n], by=f"Editor {n}", expect_seq=0), times=2
    )
    (conflict,) = failed
    (kept,) = desk.log()
    assert f"in the meantime {kept}" in str(conflict)


def test_approving_and_choosing_at_once_leaves_no_approval_of_other_bytes(desk: Desk) -> None:
    desk.paper.go("2026-01-09 06:30")

    def act(n: int) -> None:
        if n:
            desk.choose(Act.DROP, FERRY)
        else:
            desk.approve()

    failed = _at_once(act, times=2)
    assert all(isinstance(error, WorkflowError) for error in failed)
    made, standing = desk.paper.composition(FRIDAY), desk.standing_approval()
    assert made is not None
    assert standing in {None, set_hash((made,))}
    assert FERRY not in made.html


def _at_once(act: Callable[[int], object], *, times: int) -> list[BaseException]:
    failed: list[BaseException] = []
    gate = threading.Barrier(times)

    def run(n: int) -> None:
        gate.wait()
        try:
            act(n)
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


# What is refused, in words


def test_an_edition_on_its_way_or_given_up_takes_no_choices(opened: OpenPaper) -> None:
    desk = _desk(opened)
    desk.paper.reader("ann@reader.example")
    desk.paper.go("2026-01-09 06:30")
    desk.approve()
    desk.paper.go("2026-01-09 07:00")
    assert desk.refusal(Act.DROP, FERRY, address=FRIDAY) == (
        f"WorkflowError: choose: {FRIDAY}: it is sending, nothing can be chosen for it any more"
    )
    assert desk.choose(Act.NOTE, text="Hello").address == MONDAY, "the next one is meant"


def test_a_skipped_edition_and_slots_that_are_over_take_no_choices(opened: OpenPaper) -> None:
    desk = _desk(opened, not_on=["2026-01-13"])
    desk.paper.go("2026-01-09 06:30")
    edition = desk.paper.edition(FRIDAY)
    drop(desk.room, edition, to=EditionState.SKIPPED, reason="A storm.")
    note = NewChoice(Act.NOTE, text="Hello")
    assert "it is skipped, nothing can be chosen" in desk.refusal(note, address=FRIDAY)
    assert _named(desk.target()) == date(2026, 1, 12), "although Friday's hour is still to come"
    desk.paper.go("2026-01-12 06:30")
    assert desk.refusal(note, address=MONDAY) == (
        f"WorkflowError: choose: {MONDAY}: it is skipped: 0 new stories, 3 needed"
    )
    assert "13 Jan 2026 is a holiday" in desk.refusal(note, address="daily/2026-01-13")
    assert "its hour is over" in desk.refusal(note, address="daily/2026-01-08")


def test_stories_that_cannot_come_are_refused(opened: OpenPaper) -> None:
    desk = _desk(opened, stories={"min": 2, "max": 6, "max_age": "9d"})
    desk.paper.reader("ann@reader.example")
    desk.paper.go("2026-01-09 06:30")
    desk.choose(Act.DROP, LIFEBOAT)
    desk.approve()
    desk.paper.go("2026-01-09 07:00")
    assert desk.refusal(Act.PIN, FERRY) == (
        f"WorkflowError: choose: “{FERRY}”: it was in {FRIDAY} already"
    )
    assert (
        desk.refusal(NewChoice(Act.PIN, 999)) == "NotFoundError: choose: story #999: there is none"
    )
    unknown = NewChoice(Act.MOVE, desk.story(LIFEBOAT), place="before 999")
    assert "story #999: there is none" in desk.refusal(unknown)
    desk.choose(Act.PIN, LIFEBOAT)
    with desk.paper.app.database.write() as connection:
        now = desk.paper.watch()
        article_store.withdraw(connection, desk.story(LIFEBOAT), now=now, why="it is libel")
    assert desk.refusal(Act.LEAD, LIFEBOAT) == (
        f"WorkflowError: choose: “{LIFEBOAT}”: it is withdrawn: it is libel"
    )
    for act in (Act.DROP, Act.DROP_ALWAYS, Act.RESET):
        assert desk.choose(act, LIFEBOAT).address == MONDAY
    assert desk.choose(UNDO).choice.seq == 5
    assert desk.choose(Act.RESET, FERRY).choice.seq == 6


def test_there_must_be_something_to_undo_and_a_story_to_be_left(desk: Desk) -> None:
    assert desk.refusal(UNDO) == "WorkflowError: choose: undo: nothing was chosen"
    assert desk.refusal(REDO) == (
        "WorkflowError: choose: redo: nothing was undone since the last choice"
    )
    desk.paper.go("2026-01-09 06:30")
    stories = [FERRY, COUNCIL, SCHOOL, LIFEBOAT]
    warnings = [desk.choose(Act.DROP, story).warnings for story in stories[:3]]
    assert warnings == [
        (),
        ("It has 2 stories now; 3 are the least it should.",),
        ("It has 1 story now; 3 are the least it should.",),
    ]
    assert "it would have no story left" in desk.refusal(Act.DROP, LIFEBOAT)
    assert desk.choose(Act.LEAD, LIFEBOAT).warnings == ()


def test_a_choice_that_means_nothing_here_is_refused(desk: Desk) -> None:
    assert "this newsletter has no such section (did you mean 'town'?)" in desk.refusal(
        Act.SECTION, FERRY, place="towns"
    )
    long = " ".join(["word"] * 70)
    assert desk.choose(Act.NOTE, text=long).warnings == (
        "The note has 70 words; readers skip more than 60.",
    )


# What a person means


def test_without_a_date_the_open_edition_is_meant_else_the_next_slot(desk: Desk) -> None:
    assert _named(desk.target()) == date(2026, 1, 9)
    desk.paper.go("2026-01-09 06:30")
    edition = desk.target()
    assert not isinstance(edition, Slot)
    desk.approve()
    assert not isinstance(desk.target(), Slot)
    desk.paper.go("2026-01-09 07:00")
    assert _named(desk.target()) == date(2026, 1, 12)
    assert _named(desk.target("daily/2026-01-14")) == date(2026, 1, 14)


def _named(target: Target) -> date:
    assert isinstance(target, Slot)
    return target.local_date


def test_dates_and_numbers_that_name_nothing_are_told(opened: OpenPaper) -> None:
    twice = a_newsletter(
        slots={
            "morning": {"cut_off": "06:30", "send_at": "07:00"},
            "evening": {"cut_off": "17:30", "send_at": "18:00"},
        }
    )
    del twice["cut_off"], twice["send_at"]
    paper = opened(
        newsletters={
            "daily": a_newsletter(),
            "breaking": a_newsletter(days=[]),
            "twice": twice,
        }
    )
    by_slug = {n.slug: n for n in paper.app.newsroom.newsletters}

    def meant(slug: str, **asked: Any) -> Target:
        return target_of(paper.app.newsroom, by_slug[slug], EditionAddress(slug, **asked))

    with pytest.raises(UsageError, match="The Morning Post does not come on that day"):
        meant("daily", local_date=date(2026, 1, 10))
    with pytest.raises(NotFoundError, match="edition: daily/1204: there is none"):
        meant("daily", number=1204)
    with pytest.raises(NotFoundError, match="none will come by itself") as none:
        meant("breaking")
    assert none.value.hint == "Make one with: digest prepare breaking"
    friday = date(2026, 1, 9)
    with pytest.raises(UsageError, match="no slot of that name") as which:
        meant("twice", local_date=friday)
    assert which.value.hint == ("Write twice/2026-01-09/morning or twice/2026-01-09/evening.")
    evening = meant("twice", local_date=friday, slot_name="evening")
    assert isinstance(evening, Slot)
    assert evening.name == "evening"
    assert meant("twice") == replace(evening, local_date=date(2026, 1, 8), **_hours("2026-01-08"))


def _hours(day: str) -> dict[str, Any]:
    return {"cut_off_at": moment(f"{day} 17:30"), "send_at": moment(f"{day} 18:00")}
