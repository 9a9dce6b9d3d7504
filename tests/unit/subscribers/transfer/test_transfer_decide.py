from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import UsageError
from subscribers.address import Address
from subscribers.manner import Manner
from subscribers.model import ConsentKind, Subscription, SubscriptionState
from subscribers.model import SuppressionReason as Never
from subscribers.topics import Topics
from subscribers.transfer.columns import State
from subscribers.transfer.decide import ALL, Change, Decision, Held, Rules, Verdict, decide, took
from subscribers.transfer.entries import Entry, Word
from subscribers.transfer.faults import Reason
from subscribers.transfer.placing import Place, Placed, Placing, Target, Wish, read_map

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
LONG_AGO, YESTERDAY = NOW - timedelta(days=900), NOW - timedelta(days=1)
ANN = Address("ann@reader.example", "ann@reader.example")
DAILY, WEEKLY = 1, 2
TARGETS = (
    Target(
        DAILY,
        "daily",
        "The Morning Post",
        Topics({"sport": 0, "town": 1, "culture": 2}, ("sport", "town", "culture")),
        {"sport news": "sport"},
    ),
    Target(WEEKLY, "weekly", "The Week"),
)
C, U, P, L = (
    SubscriptionState.CONFIRMED,
    SubscriptionState.UNCONFIRMED,
    SubscriptionState.PAUSED,
    SubscriptionState.UNSUBSCRIBED,
)


def decided(
    entry: Entry,
    held: Held | None = None,
    on_list: dict[str | int, Never] | None = None,
    *,
    placing: Placing | None = None,
    silent: State | None = None,
) -> Decision:
    placing = placing or Placing(TARGETS, chosen=[DAILY])
    rules = Rules(placing, NOW, silent)
    return decide(entry, placing.place(entry), held, on_list or {}, rules, new_id=7)


def holding(state: SubscriptionState, **more: datetime | None) -> Held:
    return Held(5, "r", {DAILY: Subscription(5, DAILY, state, **more)})  # type: ignore[arg-type]


CONFIRMED = Entry(ANN, State.CONFIRMED)
LEFT = Entry(ANN, State.UNSUBSCRIBED, ended_at=LONG_AGO)
BOUNCED = Entry(ANN, State.BOUNCED, ended_at=LONG_AGO)


def test_somebody_new_is_added_with_the_files_dates_and_tags() -> None:
    entry = CONFIRMED._replace(asked_at=LONG_AGO, confirmed_at=YESTERDAY, tags=("vip",))
    standing = Subscription(7, DAILY, C, 0, LONG_AGO, YESTERDAY)
    assert decided(entry) == Decision(
        Verdict.ADDED, changes=(Change(standing, ConsentKind.IMPORTED),), tags=("vip",)
    )


@pytest.mark.parametrize(
    ("entry", "standing"),
    [
        (CONFIRMED, Subscription(7, DAILY, C, 0, NOW, NOW)),
        (Entry(ANN, State.UNCONFIRMED), Subscription(7, DAILY, U, 0, NOW)),
        (Entry(ANN, State.PAUSED), Subscription(7, DAILY, P, 0, NOW, NOW)),
        (Entry(ANN, State.PAUSED, paused_until=YESTERDAY), Subscription(7, DAILY, C, 0, NOW, NOW)),
        (LEFT, Subscription(7, DAILY, L, ended_at=LONG_AGO)),
        (Entry(ANN, State.UNSUBSCRIBED), Subscription(7, DAILY, L, ended_at=NOW)),
    ],
)
def test_the_state_of_the_file_is_carried_over(entry: Entry, standing: Subscription) -> None:
    assert [each.standing for each in decided(entry).changes] == [standing]


@pytest.mark.parametrize("reason", Never)
@pytest.mark.parametrize("where", [ALL, DAILY])
def test_nobody_on_the_never_mail_list_is_brought_back(reason: Never, where: str | int) -> None:
    assert decided(CONFIRMED, None, {where: reason}) == Decision(
        Verdict.REFUSED, Reason.NEVER, reason.value
    )


@pytest.mark.parametrize(
    "held", [holding(L, ended_at=LONG_AGO), holding(U, ended_at=LONG_AGO)], ids=["left", "asked"]
)
def test_nobody_who_left_with_us_is_brought_back(held: Held) -> None:
    entry = CONFIRMED._replace(tags=("vip",), confirmed_at=YESTERDAY)
    expected = Decision(Verdict.REFUSED, Reason.LEFT, f"{LONG_AGO:%Y-%m-%d}")
    assert decided(entry, held) == expected
    assert decided(entry._replace(state=State.UNCONFIRMED), held) == expected
    assert decided(entry, holding(L)) == Decision(Verdict.REFUSED, Reason.LEFT)


def test_who_gets_it_already_keeps_what_they_chose() -> None:
    held = holding(P)
    held.manner = Manner("de")
    held.tags = {"vip"}
    assert decided(CONFIRMED._replace(tags=("vip",)), held) == Decision(Verdict.UNCHANGED)
    entry = CONFIRMED._replace(tags=("vip", "new"), manner=Manner("fr", zone="Europe/Paris"))
    assert decided(entry, held) == Decision(
        Verdict.UPDATED, tags=("new",), manner=Manner("de", zone="Europe/Paris")
    )


def test_who_was_asked_and_not_confirmed_is_confirmed_by_the_file() -> None:
    found = decided(CONFIRMED, holding(U, requested_at=LONG_AGO))
    assert found.verdict is Verdict.UPDATED
    assert found.changes[0].standing == Subscription(5, DAILY, C, 0, LONG_AGO, NOW)
    assert decided(Entry(ANN, State.UNCONFIRMED), holding(U)) == Decision(Verdict.UNCHANGED)


def test_leaving_there_ends_it_here_unless_they_confirmed_with_us_later() -> None:
    held = holding(C)
    ended = Subscription(5, DAILY, L, ended_at=NOW)
    expected = Decision(
        Verdict.UNSUBSCRIBED, changes=(Change(ended, ConsentKind.UNSUBSCRIBED, ends=True),)
    )
    assert decided(LEFT, held) == expected
    held.confirmed_at = {DAILY: LONG_AGO - timedelta(days=1)}
    assert decided(LEFT, held) == expected
    held.confirmed_at = {DAILY: YESTERDAY}
    assert decided(LEFT._replace(ended_at=None), held) == expected
    assert decided(LEFT, held) == Decision(
        Verdict.REFUSED, Reason.CONFIRMED_SINCE, f"{YESTERDAY:%Y-%m-%d}"
    )
    assert decided(LEFT, holding(L)) == Decision(Verdict.UNCHANGED)


def test_nothing_is_kept_of_a_leaver_whom_we_never_mail_anyway() -> None:
    assert decided(LEFT, None, {ALL: Never.ERASED}) == Decision(
        Verdict.UNCHANGED, Reason.NEVER, "erased"
    )
    assert decided(LEFT, None, {DAILY: Never.PUBLISHER}) == Decision(Verdict.UNCHANGED)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.BOUNCED, Never.BOUNCED),
        (State.COMPLAINED, Never.COMPLAINED),
        (State.BLOCKED, Never.PUBLISHER),
    ],
)
def test_suppressions_are_carried_over_and_end_everything(state: State, reason: Never) -> None:
    entry = BOUNCED._replace(state=state)
    assert decided(entry) == Decision(Verdict.SUPPRESSED, suppress=reason)
    held = Held(5, "r", {n: Subscription(5, n, s) for n, s in ((DAILY, C), (WEEKLY, P), (3, L))})
    found = decided(entry, held)
    assert [(each.standing.newsletter_id, each.kind) for each in found.changes] == [
        (DAILY, ConsentKind.SUPPRESSED),
        (WEEKLY, ConsentKind.SUPPRESSED),
    ]
    held.confirmed_at = {DAILY: YESTERDAY}
    assert decided(entry, held).reason is Reason.CONFIRMED_SINCE
    assert decided(entry._replace(ended_at=None), held).verdict is Verdict.SUPPRESSED
    assert decided(entry, None, {ALL: Never.ERASED}).verdict is Verdict.UNCHANGED


def test_who_is_refused_for_one_newsletter_may_come_to_another() -> None:
    both = Placing(TARGETS, chosen=[DAILY, WEEKLY])
    found = decided(CONFIRMED, holding(L, ended_at=LONG_AGO), placing=both)
    assert (found.verdict, found.reason) == (Verdict.UPDATED, Reason.LEFT)
    assert [each.standing.newsletter_id for each in found.changes] == [WEEKLY]


def test_what_the_file_does_not_say_is_asked_for() -> None:
    silent = Entry(ANN, None)
    assert decided(silent) == Decision(Verdict.REFUSED, Reason.NO_STATE)
    assert decided(silent, silent=State.CONFIRMED).verdict is Verdict.ADDED
    assert decided(Entry(ANN, State.NEVER_AGREED)).reason is Reason.NEVER_AGREED


def test_lists_and_groups_stand_for_newsletters_and_topics() -> None:
    words = read_map(["Sports club=daily:sport news", "Old=-", "VIPs=weekly"], TARGETS)
    assert words == {
        "sports club": Place(DAILY, "sport"),
        "old": None,
        "vips": Place(WEEKLY),
    }
    placing = Placing(TARGETS, words=words, tags=["import 2026"])
    entry = CONFIRMED._replace(
        lists=(Word("Sports Club"), Word("old"), Word("Elsewhere")),
        topics=("town", "chess", "old", "vips"),
        tags=("vips", "gold"),
    )
    assert placing.place(entry) == Placed(
        {DAILY: Wish(0b11), WEEKLY: Wish()},
        ("import 2026", "elsewhere", "chess", "gold"),
        ("Elsewhere", "chess"),
    )
    assert placing.all == (DAILY, WEEKLY)
    assert placing.place(CONFIRMED) == Placed({}, ("import 2026",))
    assert decided(CONFIRMED, placing=placing).reason is Reason.NO_LIST


def test_a_list_is_found_by_a_newsletters_name_with_a_state_of_its_own() -> None:
    placing = Placing(TARGETS)
    lists = (
        Word("the week", State.UNSUBSCRIBED),
        Word("DAILY", State.UNSUBSCRIBED),
        Word("daily", State.CONFIRMED),
    )
    entry = CONFIRMED._replace(lists=lists)
    assert placing.place(entry).wishes == {
        WEEKLY: Wish(0, State.UNSUBSCRIBED),
        DAILY: Wish(0, State.CONFIRMED),
    }
    found = decided(entry, placing=placing)
    assert [(each.standing.newsletter_id, each.standing.state) for each in found.changes] == [
        (WEEKLY, L),
        (DAILY, C),
    ]
    left = decided(LEFT._replace(lists=lists[2:]), placing=placing)
    assert [each.standing.newsletter_id for each in left.changes] == [DAILY, WEEKLY]


def test_all_topics_are_everything_and_an_empty_tag_is_none() -> None:
    placing = Placing(TARGETS, chosen=[DAILY])
    entry = CONFIRMED._replace(topics=("sport", "town", "culture", "\x00"))
    assert placing.place(entry) == Placed({DAILY: Wish(0)}, (), ("\x00",))


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("x", "--map: 'x': theirs and ours are not told apart"),
        ("=daily", "--map: '=daily': theirs and ours are not told apart"),
        ("x=dayly", "--map: 'x=dayly': there is no newsletter 'dayly'"),
        ("x=daily:y", "--map: 'x=daily:y': daily has no topic 'y'"),
        ("x=weekly:y", "--map: 'x=weekly:y': weekly has no topic 'y'"),
    ],
)
def test_a_map_that_leads_nowhere_is_one_sentence(pair: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_map([pair], TARGETS)
    assert str(caught.value) == sentence
    assert caught.value.hint


def test_the_next_line_of_a_reader_finds_what_the_last_one_did() -> None:
    held = Held(7, new=True)
    first = decided(CONFIRMED._replace(tags=("vip",), manner=Manner("de")))
    took(held, first)
    assert (held.tags, held.manner) == ({"vip"}, Manner("de"))
    again = CONFIRMED._replace(tags=("vip",), manner=Manner("de"))
    assert decided(again, held) == Decision(Verdict.UNCHANGED)
