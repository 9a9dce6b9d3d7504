from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.db import Database
from digest.outbox import hook_store
from digest.outbox.hooks import CallState, EndpointState, HookCall, HookEvent
from digest.outbox.model import NoticeKind
from digest.outbox.signature import is_genuine
from digest.sources.fetch import Fetcher
from digest.workflow.call_out import Called, CallTools, call_out, forget_calls
from digest.workflow.halt import Person
from digest.workflow.webhooks import Added, add, remove, retry, rotate, try_out
from tests.builders import OpenPaper, Paper, opening, url_of
from tests.integration.hook_listener import Listener, listening

ANN = Person("ann")
EDITION = {"newsletter": "daily", "number": 1, "address": "daily/2026-01-09", "state": "sent"}
KEY = b"k" * 32


@pytest.fixture
def opened(tmp_path: Path, database: Database) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    return opened()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def _tools(paper: Paper) -> CallTools:
    return CallTools(paper.app.newsroom, KEY, ("127.0.0.0/8",))


def _endpoint(paper: Paper, listener: Listener, *events: HookEvent, **more: Any) -> Added:
    wanted = events or (HookEvent.EDITION_SENT,)
    return add(_tools(paper), listener.url(), wanted, by=ANN, **more)


def _tell(
    paper: Paper,
    key: str = "1",
    event: HookEvent = HookEvent.EDITION_SENT,
    facts: Any = None,
) -> int:
    with paper.app.database.write() as connection:
        return hook_store.tell(
            connection, event, key=key, facts=lambda: facts or EDITION, at=paper.watch.at
        )


def _calls(paper: Paper, added: Added) -> list[HookCall]:
    with paper.app.database.read() as connection:
        return hook_store.calls_of(connection, added.endpoint.id, limit=99)


def _state(paper: Paper, added: Added) -> EndpointState | None:
    with paper.app.database.read() as connection:
        found = hook_store.find_endpoint(connection, added.endpoint.public_id)
    return None if found is None else found.state


def _later(paper: Paper, **time: float) -> Called:
    paper.watch.at += timedelta(**time)
    return call_out(_tools(paper))


def test_who_asked_for_an_event_is_told_of_it_once_and_signed(
    paper: Paper, listener: Listener
) -> None:
    added = _endpoint(paper, listener)
    assert [_tell(paper), _tell(paper)] == [1, 0]
    assert call_out(_tools(paper)) == Called(sent=1)
    assert call_out(_tools(paper)) == Called()
    (heard,) = listener.heard
    assert heard.said == {
        "id": heard.headers["webhook-id"],
        "type": "edition.sent",
        "timestamp": paper.watch.at.isoformat().replace("+00:00", "Z"),
        "data": {**EDITION, "url": f"{paper.app.newsroom.site.public_url}/daily/2026-01-09"},
    }
    assert is_genuine(heard.headers, heard.body, added.secret, now=paper.watch.at)
    (call,) = _calls(paper, added)
    assert (call.state, call.attempts, call.status, call.reply) == (
        CallState.SENT,
        1,
        204,
        "taken, 204",
    )


def test_nobody_is_told_what_he_did_not_ask_for_and_nothing_is_written(
    paper: Paper, listener: Listener
) -> None:
    added = _endpoint(paper, listener, HookEvent.EDITION_HELD)
    assert _tell(paper) == 0
    assert _calls(paper, added) == []


def test_facts_are_not_even_gathered_while_nobody_listens(paper: Paper) -> None:
    def facts() -> dict[str, object]:
        raise AssertionError

    with paper.app.database.write() as connection:
        event = HookEvent.EDITION_SENT
        told = hook_store.tell(connection, event, key="1", facts=facts, at=paper.watch.at)
    assert told == 0


def test_a_call_is_undone_with_its_cause(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)

    def fail() -> None:
        with paper.app.database.write() as connection:
            hook_store.tell(
                connection,
                HookEvent.EDITION_SENT,
                key="1",
                facts=lambda: EDITION,
                at=paper.watch.at,
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _calls(paper, added) == []


def test_readers_are_named_by_id_and_by_address_only_where_that_was_asked_for(
    paper: Paper, listener: Listener
) -> None:
    paper.reader("maria@reader.example")
    _endpoint(paper, listener, HookEvent.SUBSCRIBER_LEFT)
    with_address = add(
        _tools(paper), listener.url("/crm"), [HookEvent.SUBSCRIBER_LEFT], by=ANN, with_address=True
    )
    facts = {"subscriber_id": 1, "newsletter_id": paper.app.newsroom.newsletters[0].id}
    assert _tell(paper, event=HookEvent.SUBSCRIBER_LEFT, facts=facts) == 2
    call_out(_tools(paper))
    data = {each.path: each.said["data"] for each in listener.heard}
    public_id = data["/hook"]["subscriber"]
    assert data["/hook"] == {"subscriber": public_id, "newsletter": "daily"}
    assert data["/crm"] == {
        "subscriber": public_id,
        "newsletter": "daily",
        "address": "maria@reader.example",
    }
    assert all("maria" not in str(call.facts) for call in _calls(paper, with_address))


def test_a_refused_call_is_made_again_later_and_the_others_are_made_meanwhile(
    paper: Paper, listener: Listener
) -> None:
    added = _endpoint(paper, listener, HookEvent.EDITION_SENT, HookEvent.EDITION_HELD)
    listener.by_event["edition.sent"] = 500
    _tell(paper, "1")
    _tell(paper, "2", HookEvent.EDITION_HELD)
    assert call_out(_tools(paper)) == Called(sent=1, put_off=1)
    assert _later(paper, seconds=4) == Called()
    assert _later(paper, seconds=2) == Called(put_off=1)
    listener.by_event.clear()
    assert _later(paper, seconds=34) == Called(sent=1)
    first, *_ = sorted(_calls(paper, added), key=lambda call: call.id)
    assert (first.state, first.attempts) == (CallState.SENT, 3)
    ids = {each.headers["webhook-id"] for each in listener.heard if each.said["id"]}
    assert len(ids) == 2


def test_an_endpoint_that_is_away_is_left_alone_as_a_whole(
    paper: Paper, listener: Listener
) -> None:
    _endpoint(paper, listener)
    listener.status, listener.more = 503, {"Retry-After": "60"}
    for key in "123":
        _tell(paper, key)
    assert call_out(_tools(paper)) == Called(put_off=1)
    assert len(listener.heard) == 1
    assert _later(paper, seconds=59) == Called()
    listener.status, listener.more = 200, {}
    assert _later(paper, seconds=2) == Called(sent=3)


def test_nothing_is_dialled_inside_unless_the_settings_allow_it(
    paper: Paper, listener: Listener
) -> None:
    added = _endpoint(paper, listener)
    _tell(paper)
    strict = replace(_tools(paper), allow=())
    assert call_out(strict) == Called(put_off=1)
    assert listener.heard == []
    (call,) = _calls(paper, added)
    assert call.status is None
    assert call.reply.endswith("127.0.0.1: not a public address")


def test_no_redirect_is_followed(paper: Paper, listener: Listener) -> None:
    _endpoint(paper, listener)
    listener.status, listener.more = 302, {"Location": listener.url("/elsewhere")}
    _tell(paper)
    assert call_out(_tools(paper)) == Called(put_off=1)
    assert [each.path for each in listener.heard] == ["/hook"]


def test_a_call_is_given_up_after_a_day_and_its_endpoint_paused_and_told(
    opened: OpenPaper, listener: Listener
) -> None:
    paper = opened(people={"operators": ["ops@post.example"]})
    added = _endpoint(paper, listener)
    listener.status = 500
    _tell(paper)
    done = [call_out(_tools(paper))]
    while sum(each.failed for each in done) == 0:
        done.append(_later(paper, hours=1))
        assert len(done) < 40
    assert len(done) - 1 in {24, 25}
    assert done[-1].paused == (added.endpoint.public_id,)
    assert _state(paper, added) is EndpointState.PAUSED
    (notice,) = [each for each in paper.notices() if each.kind is NoticeKind.OPERATORS]
    assert notice.facts == {
        "what": f"the webhook {listener.url()} is paused",
        "detail": "It has taken nothing for a day. The last time: refused, 500."
        " What happens meanwhile is kept for 30 days.",
        "remedy": f"Mend it, then: digest webhooks retry {added.endpoint.public_id}",
    }


def test_a_paused_endpoint_hears_all_that_it_missed_once_a_person_says_so(
    paper: Paper, listener: Listener
) -> None:
    added = _endpoint(paper, listener)
    listener.status = 410
    _tell(paper, "1")
    assert call_out(_tools(paper)).paused == (added.endpoint.public_id,)
    _tell(paper, "2")
    listener.status = 200
    assert _later(paper, days=3) == Called()
    assert retry(_tools(paper), added.endpoint, by=ANN) == 2
    assert _later(paper, seconds=1) == Called(sent=2)
    assert _state(paper, added) is EndpointState.ACTIVE


def test_two_senders_never_make_one_call_at_once(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)
    _tell(paper)
    (call,) = _calls(paper, added)
    until = paper.watch.at + timedelta(minutes=2)
    with paper.app.database.write() as connection:
        assert hook_store.mark_tried(connection, call, next_at=until)
        assert not hook_store.mark_tried(connection, call, next_at=until)
    assert call_out(_tools(paper)) == Called()
    assert _later(paper, minutes=3) == Called(sent=1)


def test_for_a_day_the_former_secret_signs_as_well(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)
    secret = rotate(_tools(paper), added.endpoint, by=ANN)
    assert secret not in {"", added.secret}

    def genuine() -> list[bool]:
        heard = listener.heard[-1]
        return [
            is_genuine(heard.headers, heard.body, each, now=paper.watch.at)
            for each in (added.secret, secret)
        ]

    _tell(paper, "1")
    call_out(_tools(paper))
    assert genuine() == [True, True]
    paper.watch.at += timedelta(days=1)
    _tell(paper, "2")
    call_out(_tools(paper))
    assert genuine() == [False, True]


def test_a_test_calls_at_once_and_keeps_nothing(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)
    assert (came := try_out(_tools(paper), added.endpoint)).is_taken, came
    assert listener.events == ["webhook.test"]
    assert _calls(paper, added) == []


def test_a_removed_endpoint_is_forgotten_with_its_calls(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)
    _tell(paper)
    assert remove(_tools(paper), added.endpoint, by=ANN)
    assert not remove(_tools(paper), added.endpoint, by=ANN)
    assert (_state(paper, added), _calls(paper, added), _tell(paper, "2")) == (None, [], 0)


def test_calls_are_forgotten_after_thirty_days(paper: Paper, listener: Listener) -> None:
    added = _endpoint(paper, listener)
    _tell(paper, "1")
    paper.watch.at += timedelta(days=29)
    _tell(paper, "2")
    assert forget_calls(_tools(paper)) == 0
    paper.watch.at += timedelta(days=2)
    assert forget_calls(_tools(paper)) == 1
    assert len(_calls(paper, added)) == 1


def test_a_server_that_never_answers_costs_no_more_than_its_time(paper: Paper) -> None:
    hasty = replace(paper.app.newsroom, fetcher=Fetcher(timeout=0.2, deadline=0.4))
    tools = CallTools(hasty, KEY, ("127.0.0.0/8",))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        url = f"http://127.0.0.1:{port}/hook"
        added = add(tools, url, [HookEvent.EDITION_SENT], by=ANN)
        _tell(paper)
        assert call_out(tools) == Called(put_off=1)
    (call,) = _calls(paper, added)
    assert (call.status, call.reply) == (None, f"{url}: no whole answer in time")
    paper.watch.at += timedelta(minutes=1)
    assert call_out(tools) == Called(put_off=1)
    (call,) = _calls(paper, added)
    assert call.reply.startswith(f"{url}: ")
    assert "refused" in call.reply


def test_who_is_asked_to_leave_makes_no_further_call(paper: Paper, listener: Listener) -> None:
    _endpoint(paper, listener)
    _tell(paper)
    assert call_out(_tools(paper), stop=lambda: True) == Called()
    assert call_out(_tools(paper)) == Called(sent=1)


def test_an_edition_is_told_of_with_every_sign_it_holds(paper: Paper, listener: Listener) -> None:
    _endpoint(paper, listener)
    reason = "“Fähre” \u2028 \U0001f6a2 </script>"
    _tell(paper, facts={**EDITION, "reason": reason})
    call_out(_tools(paper))
    (heard,) = listener.heard
    assert heard.said["data"]["reason"] == reason


def test_a_rehearsal_calls_nobody(paper: Paper, listener: Listener) -> None:
    _endpoint(paper, listener)
    _tell(paper)
    staging = replace(paper.app.newsroom, only_readers=frozenset({"ann@reader.example"}))
    assert call_out(CallTools(staging, KEY, ("127.0.0.0/8",))) == Called()
    assert listener.heard == []
