"""A reader's life in any order, against a small model: who gets what, and by whose word."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest.clock import fixed
from digest.db import Database, metadata
from digest.delivery.plan import plan
from digest.delivery.send import send_due
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.errors import AddressError, TokenError
from digest.outbox import store as outbox
from digest.outbox.model import NoticeKind
from digest.workflow.erase import erase
from digest.workflow.never_mail import forbid, lift
from digest.workflow.retention import Keep, retain
from subscribers import address_change, leaving, preferences, signup, store
from subscribers.change_store import audience_change
from subscribers.limits import SignupPolicy
from subscribers.model import Act, ConsentKind, SubscriptionState
from subscribers.tokens import Grant, Key, KeyRing, Keys, Purpose
from subscribers.wishes import PreferenceError
from tests.integration.newsletters import DAILY, WEEKLY
from tests.integration.preference_site import make_twins, topics_of
from tests.unit.delivery.delivery_builders import (
    PlainOutbound,
    ScriptedTransport,
    a_way,
    an_edition,
    state_of,
)

SOAK = "TEST_SOAK" in os.environ
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
BOTH = (DAILY, WEEKLY)
ADDRESSES = ("maria@reader.example", "ann@reader.example")
PARTS = [[DAILY], [WEEKLY], [DAILY, WEEKLY]]
YES = frozenset(
    {
        ConsentKind.CONFIRMED,
        ConsentKind.ADDED,
        ConsentKind.RESUMED,
        ConsentKind.PAUSED,
        ConsentKind.TOPICS,
    }
)
FORM_MAIL = frozenset({NoticeKind.CONFIRM, NoticeKind.ADDRESS})
POLICY = SignupPolicy(per_network=1_000_000, in_all=1_000_000)
STAYS = frozenset({"newsletter", "topic"})
WAYS = {
    None: {"unconfirmed", "confirmed"},
    "unconfirmed": {"confirmed", "unsubscribed"},
    "confirmed": {"paused", "unsubscribed"},
    "paused": {"confirmed", "unsubscribed"},
    "unsubscribed": {"unconfirmed", "confirmed"},
}
"""How a standing may change in one act; erasing ends them all."""


@dataclass
class Person:
    """What we promise one person: which newsletters they said yes to, and what holds them off."""

    address: str
    wants: set[int] = field(default_factory=set)
    paused: dict[int, datetime] = field(default_factory=dict)
    never: dict[str, set[int]] = field(default_factory=dict)
    """By whom: the publisher, or themselves by being erased (for good: "ever")."""

    def gets(self, now: datetime) -> set[int]:
        held = {each for each in self.wants if each in self.paused and self.paused[each] > now}
        return self.wants - held

    def end(self, ids: set[int]) -> None:
        self.wants -= ids
        for each in ids:
            self.paused.pop(each, None)

    def forbidden(self) -> set[int]:
        return set().union(*self.never.values())


class Life(RuleBasedStateMachine):
    """Two people, two newsletters, a form, a publisher, and a clock."""

    database: ClassVar[Database]
    journal: ClassVar[Path]

    @initialize()
    def begin(self) -> None:
        with self.database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name not in STAYS:
                    connection.execute(sa.delete(table))
        self.now = START
        self.people = {each: Person(each) for each in ADDRESSES}
        self.links: list[tuple[str, str, Grant]] = []
        self.moves: list[tuple[str, str]] = []
        self.posted: dict[str, list[datetime]] = {}
        self.seen: dict[int, list[tuple[object, ...]]] = {}
        self.standings: dict[tuple[int, int], str] = {}
        self.days = 0
        self.looked_at = START

    # Acts of readers

    @rule(who=st.sampled_from(ADDRESSES), ids=st.sampled_from(PARTS))
    def subscribe(self, who: str, ids: list[int]) -> None:
        self._tick(minutes=1)
        signup.subscribe(
            self.database,
            who,
            ids,
            self._act("form", "Subscribe"),
            keys=KEYS,
            newsletter_names=NAMES,
            confirm_link=lambda token: f"https://letters.example/confirm/{token}",
            policy=POLICY,
        )

    @precondition(lambda self: self.links)
    @rule(which=st.integers(0, 99))
    def confirm(self, which: int) -> None:
        """Press any link to confirm that was ever mailed: the newest, an old one, one again."""
        who, token, grant = self.links[-1 - which % len(self.links)]
        self._tick(minutes=1)
        alive = self._reader(who) == grant.reader
        open_for = self._unconfirmed(who, grant) if alive else set()
        try:
            outcome = signup.confirm(self.database, token, self._act("link", "Yes"), keys=KEYS)
        except (TokenError, AddressError):
            return
        person = self.people[who]
        joined = set(outcome.changed)
        assert joined <= open_for, "a link brought back what was ended after it was made"
        assert not joined & person.never.get("publisher", set())
        assert not joined & person.never.get("ever", set())
        if joined:
            person.never.pop("erased", None)
        person.wants |= joined

    @precondition(lambda self: self.links)
    @rule(which=st.integers(0, 99), bit=st.integers(0, 999))
    def forge(self, which: int, bit: int) -> None:
        """Change a bit of a link, or use it for what it was not made for: nothing happens."""
        who, token, _ = self.links[which % len(self.links)]
        self._tick(minutes=1)
        at = bit % len(token)
        other = "B" if token[at] == "A" else "A"
        for forged in (f"{token[:at]}{other}{token[at + 1 :]}", token[:-1]):
            with pytest.raises(TokenError):
                signup.confirm(self.database, forged, self._act("link", "Yes"), keys=KEYS)
        with pytest.raises(TokenError):
            leaving.unsubscribe(self.database, token, self._act("one-click", ""), keys=KEYS)
        assert who

    @rule(
        who=st.sampled_from(ADDRESSES),
        ids=st.sampled_from(PARTS),
        via=st.sampled_from(["one-click", "link"]),
        everything=st.booleans(),
        twice=st.booleans(),
    )
    def leave(self, who: str, ids: list[int], via: str, everything: bool, twice: bool) -> None:  # noqa: FBT001 - hypothesis passes them by name
        reader = self._reader(who)
        if reader is None:
            return
        token = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(reader, tuple(ids)))
        for _ in range(1 + twice):
            self._tick(minutes=1)
            leaving.unsubscribe(
                self.database, token, self._act(via, "Leave"), keys=KEYS, everything=everything
            )
        self.people[who].end(set(BOTH) if everything else set(ids))

    @rule(who=st.sampled_from(ADDRESSES), which=st.sampled_from(BOTH), days=st.integers(1, 20))
    def pause(self, who: str, which: int, days: int) -> None:
        self._tick(minutes=1)
        if (token := self._choices(who, which)) is None:
            return
        until = (self.now + timedelta(days=days)).date()
        act = self._act("link", "Pause")
        preferences.pause(self.database, token, act, keys=KEYS, until=until, zone="UTC")
        if which in self.people[who].wants:
            ends = datetime(until.year, until.month, until.day, tzinfo=UTC)
            self.people[who].paused[which] = ends

    @rule(who=st.sampled_from(ADDRESSES), which=st.sampled_from(BOTH))
    def resume(self, who: str, which: int) -> None:
        self._tick(minutes=1)
        if (token := self._choices(who, which)) is None:
            return
        preferences.resume(self.database, token, self._act("link", "Resume"), keys=KEYS)
        self.people[who].paused.pop(which, None)

    @rule(
        who=st.sampled_from(ADDRESSES),
        which=st.sampled_from(BOTH),
        keys=st.lists(st.sampled_from(["town", "sea"]), unique=True),
    )
    def choose(self, who: str, which: int, keys: list[str]) -> None:
        self._tick(minutes=1)
        if (token := self._choices(who, which)) is not None:
            preferences.choose_topics(
                self.database,
                token,
                self._act("link", "Save"),
                keys=KEYS,
                topics=topics_of(self.database, which),
                chosen=keys,
            )

    @rule(who=st.sampled_from(ADDRESSES), which=st.sampled_from(BOTH))
    def go_weekly_or_back(self, who: str, which: int) -> None:
        self._tick(minutes=1)
        if (token := self._choices(who, which)) is None:
            return
        twin = WEEKLY if which == DAILY else DAILY
        person = self.people[who]
        had, forbidden = which in person.wants, twin in person.forbidden()
        try:
            preferences.move_to_twin(
                self.database,
                token,
                self._act("link", "Weekly"),
                keys=KEYS,
                twin_id=twin,
                topics={each: topics_of(self.database, each) for each in BOTH},
            )
        except (AddressError, PreferenceError):
            assert forbidden
            return
        if had:
            person.end({which})
            person.paused.pop(twin, None)
            person.wants.add(twin)

    @rule(who=st.sampled_from(ADDRESSES), to=st.integers(0, 2))
    def ask_to_move(self, who: str, to: int) -> None:
        """Ask for letters at another address of their own."""
        self._tick(minutes=1)
        if (token := self._choices(who, DAILY)) is None:
            return
        address_change.ask_address(
            self.database,
            token,
            f"{to}.{who}",
            self._act("link", "Change"),
            keys=KEYS,
            newsletter_names=NAMES,
            link=lambda token: self._keep_move(who, token),
            policy=POLICY,
        )

    @precondition(lambda self: self.moves)
    @rule(which=st.integers(0, 99))
    def move(self, which: int) -> None:
        who, token = self.moves[-1 - which % len(self.moves)]
        self._tick(minutes=1)
        undo = address_change.Undo(link=lambda token: self._keep_move(who, token))
        before = self._reader(who)
        grant = KEYS.links.read(Purpose.ADDRESS, token)
        try:
            moved = address_change.confirm_address(
                self.database, token, self._act("link", "Yes"), keys=KEYS, undo=undo
            )
        except (TokenError, AddressError):
            return
        assert before == grant.reader
        self.people[who].address = moved.address

    # Acts of the publisher

    @rule(who=st.sampled_from(ADDRESSES), ids=st.sampled_from(PARTS), again=st.booleans())
    def add(self, who: str, ids: list[int], again: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self._tick(minutes=1)
        person = self.people[who]
        try:
            done = signup.add(
                self.database,
                person.address,
                ids,
                self._act("command", ""),
                keys=KEYS,
                again=again,
            )
        except AddressError:
            return
        assert not set(ids) & person.forbidden(), "added against the never-mail list"
        person.wants |= set(done.changed)

    @rule(who=st.sampled_from(ADDRESSES), scope=st.sampled_from(["all", "daily"]))
    def suppress(self, who: str, scope: str) -> None:
        self._tick(minutes=1)
        person = self.people[who]
        act = self._act("command", "")
        forbid(self.database, person.address, act, keys=KEYS, scope=scope)
        ids = set(BOTH) if scope == "all" else {DAILY}
        if scope != "all" or "erased" not in person.never:  # their own wish stands there already
            person.never.setdefault("publisher", set()).update(ids)
        person.end(ids)

    @rule(who=st.sampled_from(ADDRESSES))
    def lift_it(self, who: str) -> None:
        self._tick(minutes=1)
        person = self.people[who]
        lift(self.database, person.address, self._act("command", ""), keys=KEYS, why="they wrote")
        person.never.pop("publisher", None)

    @rule(who=st.sampled_from(ADDRESSES), ever=st.booleans())
    def erase_them(self, who: str, ever: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self._tick(minutes=1)
        person = self.people[who]
        number = self._number(who)
        if number is None:
            return
        act = self._act("link", "Erase me")
        assert erase(self.database, subscriber_id=number, act=act, keys=KEYS, never_again=ever)
        self.standings = {key: was for key, was in self.standings.items() if key[0] != number}
        person.end(set(BOTH))
        if ever:
            person.never = {"ever": set(BOTH)}
        elif person.never.get("publisher") != set(BOTH) and "ever" not in person.never:
            person.never["erased"] = set(BOTH)

    @rule(days=st.integers(1, 45))
    def let_go_of_what_is_old(self, days: int) -> None:
        self._tick(minutes=60 * 24 * days)
        retain(self.database, Keep(), self.now)
        with self.database.read() as connection:
            known = set(connection.scalars(sa.select(store.subscriber.c.id)))
        gone = {number for number in self.seen if number not in known}
        for number in gone:
            kinds = {line[1] for line in self.seen.pop(number)}
            assert kinds == {ConsentKind.ASKED.value}, "a word of consent was lost"
        self.standings = self._standings_now()

    @rule()
    def send_an_edition(self) -> None:
        """Plan and send one of each newsletter: it reaches whom we promised, and nobody else."""
        for which in BOTH:
            self._tick(minutes=1)
            self.days += 1
            edition = an_edition(self.database, day=1, send_at=self.now)
            with self.database.write() as connection:
                mine = editions.edition.c.id == edition.id
                changed = {"newsletter_id": which, "number": 5000 + self.days}
                day = (START + timedelta(days=self.days)).date()
                connection.execute(
                    sa.update(editions.edition).where(mine).values(**changed, local_date=day)
                )
            edition = replace(edition, newsletter_id=which)
            plan(self.database, edition, languages=["en"], only=None, clock=fixed(self.now))
            relay = ScriptedTransport()
            clock = fixed(self.now)
            send_due(
                self.database, [a_way(relay)], PlainOutbound(), journal=self.journal, clock=clock
            )
            assert sorted(relay.accepted) == self._promised(which)
            assert state_of(self.database, edition) is EditionState.SENT

    # What holds at every moment

    @invariant()
    def who_gets_what_is_what_they_said(self) -> None:
        for which in BOTH:
            with self.database.read() as connection:
                found = connection.execute(store.audience(which, now=self.now)).all()
            assert sorted(row.address for row in found) == self._promised(which)

    @invariant()
    def the_log_only_grows_and_explains(self) -> None:
        with self.database.read() as connection:
            numbers = list(connection.scalars(sa.select(store.subscriber.c.id)))
            for number in numbers:
                log = store.consents_of(connection, number)
                lines: list[tuple[object, ...]] = [
                    (line.newsletter_id, line.kind.value, line.act.at, line.act.via, line.wording)
                    for line in log
                ]
                before = self.seen.get(number, [])
                assert lines[: len(before)] == before
                self.seen[number] = lines
                for each in store.subscriptions_of(connection, number):
                    if each.state in {SubscriptionState.CONFIRMED, SubscriptionState.PAUSED}:
                        mine = [one.kind for one in log if one.newsletter_id == each.newsletter_id]
                        assert mine, "nobody said yes"
                        assert [kind for kind in mine if kind is not ConsentKind.ASKED][-1] in YES

    @invariant()
    def each_change_stands_in_the_feed_and_is_one_that_may_be(self) -> None:
        now = self._standings_now()
        with self.database.read() as connection:
            query = sa.select(audience_change.c.subscriber_id, audience_change.c.newsletter_id)
            fed = set(connection.execute(query.where(audience_change.c.at > self.looked_at)).all())
        for key in now.keys() | self.standings.keys():
            was, state = self.standings.get(key), now.get(key)
            if was == state:
                continue
            assert state in WAYS[was], f"{was} became {state}"
            if state != "unconfirmed":
                assert tuple(key) in {tuple(row) for row in fed}
        self.standings, self.looked_at = now, self.now

    @invariant()
    def no_form_writes_to_anybody_twice_in_an_hour(self) -> None:
        for times in self.posted.values():
            apart = [after - before for before, after in pairwise(times)]
            assert all(each >= timedelta(hours=1) for each in apart), times

    # The world around

    def _tick(self, *, minutes: int) -> None:
        """Let time go by, and post on the way what is due."""
        self.now += timedelta(minutes=minutes)
        with self.database.write() as connection:
            for each in sorted(
                outbox.due(connection, now=self.now, limit=999), key=lambda n: n.created_at
            ):
                if each.kind in FORM_MAIL:
                    self.posted.setdefault(each.to_address, []).append(each.created_at)
                if each.kind is NoticeKind.CONFIRM:
                    token = str(each.facts["confirm_url"]).rpartition("/")[2]
                    grant = KEYS.links.read(Purpose.CONFIRM, token)
                    who = next((p for p in ADDRESSES if each.to_address.endswith(p)), "")
                    self.links.append((who, token, grant))
                outbox.mark_sent(connection, each, at=self.now)

    def _keep_move(self, who: str, token: str) -> str:
        self.moves.append((who, token))
        return f"https://letters.example/move/{token}"

    def _act(self, via: str, text: str) -> Act:
        return Act(self.now, via, ip="192.0.2.7", text=text)

    def _number(self, who: str) -> int | None:
        key = self.people[who].address
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=key)
        return found.id if found else None

    def _reader(self, who: str) -> str | None:
        key = self.people[who].address
        with self.database.read() as connection:
            found = store.find_subscriber(connection, address_key=key)
        return found.public_id if found else None

    def _choices(self, who: str, which: int) -> str | None:
        reader = self._reader(who)
        return reader and KEYS.links.sign(Purpose.PREFERENCES, Grant(reader, (which,)))

    def _unconfirmed(self, who: str, grant: Grant) -> set[int]:
        """Give what waits to be confirmed and was not ended after the link was made."""
        number = self._number(who)
        assert number is not None
        assert grant.issued_at is not None
        with self.database.read() as connection:
            standings = store.subscriptions_of(connection, number)
        return {
            each.newsletter_id
            for each in standings
            if each.state is SubscriptionState.UNCONFIRMED
            and each.newsletter_id in grant.newsletter_ids
            and (each.ended_at is None or each.ended_at <= grant.issued_at)
        }

    def _promised(self, which: int) -> list[str]:
        people = self.people.values()
        return sorted(each.address for each in people if which in each.gets(self.now))

    def _standings_now(self) -> dict[tuple[int, int], str]:
        table = store.subscription
        query = sa.select(table.c.subscriber_id, table.c.newsletter_id, table.c.state)
        with self.database.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _live(database: Database, journal: Path, *, examples: int, steps: int) -> None:
    make_twins(database)
    machine = type("LifeHere", (Life,), {"database": database, "journal": journal})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.long
def test_whatever_order_lives_go_in_we_keep_our_word(database: Database, tmp_path: Path) -> None:
    _live(database, tmp_path / "journal", examples=150 if SOAK else 5, steps=60 if SOAK else 25)
