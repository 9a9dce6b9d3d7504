"""Another address, my data, erase me: each by a link in a mail, a page, and a button."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from digest.clock import fixed
from digest.db import Database
from digest.outbox.model import NoticeKind
from digest.outbox.store import due
from subscribers import leaving, signup, store
from subscribers.departures import Departures
from subscribers.limits import SignupPolicy
from subscribers.mailbox import mailbox_number
from subscribers.model import Subscriber, SubscriptionState, SuppressionReason
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, Window, open_window
from tests.integration.web_site import KEYS, MARIA, NOON, SITE

NEW = "maria.new@reader.example"
S = SubscriptionState


@pytest.fixture
def window(sqlite_database: Database) -> Window:
    made = open_window(sqlite_database)
    made.reader.join()
    return made


@pytest.fixture
def maria(window: Window) -> Reader:
    return window.reader


def _mailed(window: Window, kind: NoticeKind = NoticeKind.LINK) -> list[dict[str, object]]:
    with window.reader.database.read() as connection:
        notices = due(connection, now=NOON + timedelta(days=2), limit=99)
    return [each.facts for each in notices if each.kind is kind]


def _path(facts: dict[str, object]) -> str:
    url = str(facts.get("link_url") or facts["confirm_url"])
    assert url.startswith(SITE.public_url)
    return url.removeprefix(SITE.public_url)


def _reader_of(window: Window, address_key: str) -> Subscriber | None:
    with window.reader.database.read() as connection:
        return store.find_subscriber(connection, address_key=address_key)


def _own(window: Window, act: str) -> str:
    window.post(window.reader.path(), act=act)
    return _path(_mailed(window)[-1])


# Another address


def _asked(window: Window, address: str = NEW) -> httpx2.Response:
    return window.post(window.reader.path(), act="address", email=address)


def test_the_way_to_another_address_and_back(window: Window, maria: Reader) -> None:
    done = _asked(window)
    assert done.status_code == 200
    assert f"We have written to <b><bdi>{NEW}</bdi></b>. Press the button in that" in done.text
    public_id, old_path = maria.public_id, maria.path()
    link = _path(_mailed(window, NoticeKind.ADDRESS)[-1])
    page = window.get(link)
    assert "<h1>Is this your new address?</h1>" in page.text
    assert f"would come to <b><bdi>{NEW}</bdi></b>" in page.text
    assert MARIA not in page.text, "the owner of the new mailbox may be a stranger"
    assert page.text.count("<button") == 1
    changed = window.post(link)
    assert "<h1>Your letters come here now</h1>" in changed.text
    assert "the links in your letters go on working" in changed.text
    assert window.post(link).text == changed.text
    found = _reader_of(window, NEW)
    assert found is not None
    assert found.public_id == public_id
    assert f"For <b><bdi>{NEW}</bdi></b>" in window.get(old_path).text
    told = _mailed(window)[-1]
    assert (told["what"], told["address"]) == ("changed", MARIA)
    window.post(_path(told))
    assert _reader_of(window, MARIA) is not None
    assert window.post(link).status_code == 410


@pytest.mark.parametrize("state", ["unknown", "known", "left", "suppressed", "written to"])
def test_the_asker_learns_nothing_of_the_new_address(
    window: Window, maria: Reader, state: str
) -> None:
    if state in {"known", "left"}:
        signup.add(maria.database, NEW, [WEEKLY], COMMAND, keys=KEYS)
    if state == "left":
        leaving.unsubscribe_address(maria.database, NEW, None, COMMAND)
    if state == "suppressed":
        bounced = SuppressionReason.BOUNCED
        leaving.suppress(maria.database, NEW, COMMAND, keys=KEYS, reason=bounced)
    if state == "written to":
        window.post("/subscribe", email=NEW, newsletter="daily")
    done = _asked(window)
    assert done.status_code == 200
    note = done.text.partition('role="status">')[2].partition("</p>")[0]
    assert note == (
        f"We have written to <b><bdi>{NEW}</bdi></b>. Press the button in that e-mail, and your "
        "letters go there. Until then nothing changes."
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "It is empty."),
        ("maria", "There is no @ in it."),
        ("a@reader.example\r\nBcc: b@reader.example", "A character in it is no part"),
        (MARIA, "That is your address already."),
        ("<script>alert(1)</script>@reader.example", "Write one address"),
    ],
)
def test_what_is_no_new_address_is_told_at_its_field(
    window: Window, maria: Reader, typed: str, words: str
) -> None:
    before = all_rows(maria.database)
    page = _asked(window, typed)
    assert page.status_code == 422
    assert 'id="email-problem"><b>Not saved.</b>' in page.text
    assert words in page.text
    assert 'aria-describedby="email-problem" autofocus' in page.text
    assert "<script>alert" not in page.text
    assert all_rows(maria.database) == before


def test_moving_to_ones_other_address_says_what_becomes_of_both(
    window: Window, maria: Reader
) -> None:
    signup.add(maria.database, NEW, [WEEKLY], COMMAND, keys=KEYS)
    path = maria.path()
    _asked(window)
    link = _path(_mailed(window, NoticeKind.ADDRESS)[-1])
    done = window.post(link)
    assert "What you had left here stays left." in done.text
    assert window.post(link).text == done.text
    assert "<h1>You have left The Daily Brief</h1>" in window.get(path).text


def test_an_address_that_may_not_be_mailed_is_refused_when_it_says_yes(
    window: Window, maria: Reader
) -> None:
    _asked(window)
    bounced = SuppressionReason.BOUNCED
    leaving.suppress(maria.database, NEW, COMMAND, keys=KEYS, reason=bounced)
    page = window.post(_path(_mailed(window, NoticeKind.ADDRESS)[-1]))
    assert page.status_code == 409
    assert "We may not write to this address" in page.text
    assert _reader_of(window, MARIA) is not None


# My data


def test_my_data_come_as_one_file_by_a_link_to_my_mailbox(window: Window, maria: Reader) -> None:
    done = window.post(maria.path(), act="data")
    assert f"We have mailed a link to <b><bdi>{MARIA}</bdi></b>." in done.text
    link = _path(_mailed(window)[-1])
    page = window.get(link)
    assert "<h1>All we hold about you</h1>" in page.text
    before = all_rows(maria.database)
    file = window.post(link)
    assert file.status_code == 200
    assert file.headers["content-type"] == "application/json"
    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert file.headers["cache-control"] == "no-store"
    assert file.headers["x-content-type-options"] == "nosniff"
    document = json.loads(file.text)
    assert document["reader"]["address"] == MARIA
    assert [each["state"] for each in document["subscriptions"]] == ["confirmed"]
    assert all_rows(maria.database) == before


# Erase me


def test_erase_me_says_what_goes_and_what_stays_and_then_does_it(
    sqlite_database: Database, tmp_path: Path
) -> None:
    departures = Departures(tmp_path / "departures.ndjson")
    window = open_window(sqlite_database, departures=departures)
    maria = window.reader
    maria.join()
    path, link = maria.path(), _own(window, "erase")
    page = window.get(link)
    for words in (
        "Erase all about you?",
        "What is erased",
        "What is kept",
        "A keyed hash of your address",
    ):
        assert words in page.text
    assert page.text.count("<button") == 1
    done = window.post(link)
    assert "<h1>You are erased</h1>" in done.text
    assert MARIA not in json.dumps(all_rows(sqlite_database), default=str)
    assert '"erased"' in departures.path.read_text("utf-8")
    before = all_rows(sqlite_database)
    assert window.post(link).text == done.text
    assert window.get(link).text == done.text
    assert "There is nothing to choose here" in window.get(path).text
    data = KEYS.links.sign(Purpose.DATA, Grant(_grant_of(link), (1,), issued_at=NOON))
    assert window.post(f"/d/{data}").text == window.get(f"/d/{data}").text == done.text
    assert all_rows(sqlite_database) == before


def _grant_of(link: str) -> str:
    return KEYS.links.read(Purpose.ERASE, link.rpartition("/")[2]).reader


@pytest.mark.parametrize(("fields", "comes_back"), [({}, True), ({"never": "1"}, False)])
def test_who_was_erased_may_come_back_unless_they_said_never(
    window: Window, maria: Reader, *, fields: dict[str, str], comes_back: bool
) -> None:
    database = maria.database
    window.post(_own(window, "erase"), **fields)
    names = {DAILY: "The Daily Brief"}
    signup.subscribe(
        database, MARIA, [DAILY], COMMAND, keys=KEYS, newsletter_names=names, confirm_link=str
    )
    later = NOON + timedelta(hours=2)
    with database.read() as connection:
        waiting = due(connection, now=later, limit=99)
    assert bool([each for each in waiting if each.kind is NoticeKind.CONFIRM]) is comes_back


def test_who_has_left_finds_their_data_and_their_erasure(window: Window, maria: Reader) -> None:
    maria.leave()
    page = window.get(maria.path()).text
    assert 'value="data"' in page
    done = window.post(maria.path(), act="data")
    assert done.status_code == 200
    assert "We have mailed a link to" in done.text
    assert "<h1>You have left The Daily Brief</h1>" in done.text
    link = _path(_mailed(window)[-1])
    assert json.loads(window.post(link).text)["reader"]["address"] == MARIA


# Limits and refusals


def test_too_many_mails_are_refused_with_the_time_to_wait(window: Window, maria: Reader) -> None:
    for act in ("data", "erase"):
        assert window.post(maria.path(), act=act).status_code == 200
    later = open_window(maria.database, at=NOON + timedelta(minutes=11))
    before = all_rows(maria.database)
    page = later.post(maria.path(), act="data")
    assert page.status_code == 429
    assert page.headers["retry-after"] == str(49 * 60)
    assert "We write to an address once an hour at most. Ask again in 49 minutes." in page.text
    assert all_rows(maria.database) == before


def test_after_a_move_the_page_says_when_more_can_be_asked_for(
    window: Window, maria: Reader
) -> None:
    own = maria.path()
    assert _asked(window, NEW).status_code == 200
    link = _path(_mailed(window, NoticeKind.ADDRESS)[-1])
    assert "Your letters come here now" in window.post(link).text
    later = open_window(maria.database, at=NOON + timedelta(minutes=30))
    for fields in ({"act": "address", "email": MARIA}, {"act": "data"}, {"act": "erase"}):
        page = later.post(own, **fields)
        assert page.status_code == 429
        assert "Your address was changed a short while ago. Ask again in 48 hours." in page.text


def test_one_network_changes_addresses_only_so_often(maria: Reader) -> None:
    policy = SignupPolicy(per_network=1, in_all=1)
    few = open_window(maria.database, policy=policy)
    assert few.post(maria.path(), act="address", email=NEW).status_code == 200
    page = few.post(maria.path(), act="address", email="other@reader.example")
    assert page.status_code == 429
    assert 'value="other@reader.example"' in page.text
    assert page.headers["retry-after"] == "3600"


def test_who_is_never_mailed_is_told_to_write(window: Window, maria: Reader) -> None:
    complained = SuppressionReason.COMPLAINED
    leaving.suppress(maria.database, MARIA, COMMAND, keys=KEYS, reason=complained)
    page = window.post(maria.path(), act="data")
    assert page.status_code == 409
    assert "Write to us, and a person will look into it." in page.text
    assert _mailed(window) == []


# Tokens and scanners


def _dated(window: Window, purpose: Purpose) -> str:
    mailbox = mailbox_number(KEYS.suppression, MARIA)
    grant = Grant(window.reader.public_id, (mailbox,), issued_at=NOON)
    return KEYS.links.sign(purpose, grant)


_PAGES = {"a": Purpose.ADDRESS, "d": Purpose.DATA, "x": Purpose.ERASE}


def test_whatever_follows_the_links_changes_nothing(window: Window, maria: Reader) -> None:
    _asked(window)
    links = [_path(_mailed(window, NoticeKind.ADDRESS)[-1]), _own(window, "data")]
    links.append(f"/x/{_dated(window, Purpose.ERASE)}")
    before = all_rows(maria.database)
    for link in links:
        page = window.get(link)
        assert page.status_code == 200
        assert '<meta name="robots" content="noindex">' in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "set-cookie" not in page.headers
        head = window.client.head(link)
        assert (head.status_code, head.text) == (200, "")
        for method in ("OPTIONS", "PUT", "DELETE"):
            assert window.client.request(method, link).status_code == 405
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("page", _PAGES)
def test_a_link_of_another_page_or_with_a_bit_turned_is_damaged(
    window: Window, maria: Reader, page: str
) -> None:
    right = _dated(window, _PAGES[page])
    turned = f"{right[:9]}{'A' if right[9] != 'A' else 'B'}{right[10:]}"
    others = [_dated(window, each) for each in _PAGES.values() if each is not _PAGES[page]]
    stop = maria.token(purpose=Purpose.UNSUBSCRIBE)
    before = all_rows(maria.database)
    for token in (turned, right[:-1], f"{right}A", *others, stop, maria.token(), "A", "~"):
        for answer in (window.get(f"/{page}/{token}"), window.post(f"/{page}/{token}")):
            assert answer.status_code == 404
            assert "This link is damaged" in answer.text
    assert all_rows(maria.database) == before


@pytest.mark.parametrize("page", _PAGES)
def test_an_old_link_is_gone(window: Window, maria: Reader, page: str) -> None:
    token = _dated(window, _PAGES[page])
    context = window.context
    later = open_window(
        maria.database, newsletters=context.newsletters, clock=fixed(NOON + timedelta(days=3))
    )
    before = all_rows(maria.database)
    for answer in (later.get(f"/{page}/{token}"), later.post(f"/{page}/{token}")):
        assert answer.status_code == 410
        assert "This link no longer works" in answer.text
    assert all_rows(maria.database) == before


def test_a_press_from_another_site_is_the_token_holders_act(window: Window) -> None:
    """There is no cookie that another site could use: who has the link has it, from anywhere."""
    link = _own(window, "data")
    answer = window.client.post(link, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 200
