"""Links to a reader's data and their erasure: mailed to their own address, and to no other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from digest.db import Database
from digest.errors import TokenError
from digest.outbox.model import Notice, NoticeKind
from digest.outbox.store import due
from digest.workflow.erase import erase
from subscribers import address_change, leaving, rights_link, signup
from subscribers.address import AddressRefusedError
from subscribers.address_change import Undo
from subscribers.limits import LimitError, SignupPolicy
from subscribers.model import Act, SuppressionReason
from subscribers.tokens import Grant, Purpose, StaleTokenError
from tests.integration.newsletters import DAILY, WEEKLY, all_rows
from tests.integration.preference_site import COMMAND, Reader, make_twins
from tests.integration.web_site import KEYS, MARIA, NOON

ASK = Act(NOON, "link", "192.0.2.7")
SOON = NOON + timedelta(minutes=1)
FAR = NOON + timedelta(days=9)
BOTH = pytest.mark.parametrize("purpose", [Purpose.DATA, Purpose.ERASE])


@dataclass(frozen=True)
class Asker:
    """A reader who asks for links, and the mails that wait."""

    reader: Reader
    database: Database

    def ask(self, purpose: Purpose, act: Act = ASK, **more: object) -> None:
        rights_link.ask_link(
            self.database,
            self.reader.token(),
            act,
            keys=KEYS,
            purpose=purpose,
            link=lambda token: f"https://letters.example/d/{token}",
            **more,  # type: ignore[arg-type]
        )

    def open(self, token: str, purpose: Purpose, now: datetime = SOON) -> str | None:
        found = rights_link.open_link(self.database, token, keys=KEYS, purpose=purpose, now=now)
        return found.address if found else None

    def notices(self) -> list[Notice]:
        with self.database.read() as connection:
            waiting = due(connection, now=FAR, limit=99)
        return [each for each in waiting if each.kind is NoticeKind.LINK]

    def token(self) -> str:
        return str(self.notices()[-1].facts["link_url"]).rpartition("/")[2]


@pytest.fixture
def asker(database: Database) -> Asker:
    make_twins(database)
    reader = Reader(database)
    reader.join()
    return Asker(reader, database)


@BOTH
def test_the_link_goes_to_the_readers_own_mailbox(asker: Asker, purpose: Purpose) -> None:
    asker.ask(purpose, language="de")
    (notice,) = asker.notices()
    assert notice.to_address == MARIA
    assert notice.facts == {
        "what": purpose.value,
        "address": MARIA,
        "link_url": f"https://letters.example/d/{asker.token()}",
        "valid_days": 1,
        "language": "de",
    }
    before = all_rows(asker.database)
    assert asker.open(asker.token(), purpose) == MARIA
    assert all_rows(asker.database) == before


@BOTH
def test_pressing_twice_mails_once(asker: Asker, purpose: Purpose) -> None:
    asker.ask(purpose)
    before = all_rows(asker.database)
    asker.ask(purpose, replace(ASK, at=SOON))
    after = all_rows(asker.database)
    assert {name for name in before if before[name] != after[name]} == {"limit_window"}
    assert len(asker.notices()) == 1


def test_an_address_is_written_to_once_an_hour_whatever_is_pressed(asker: Asker) -> None:
    asker.ask(Purpose.DATA)
    asker.ask(Purpose.ERASE, replace(ASK, at=SOON))
    before = all_rows(asker.database)
    with pytest.raises(LimitError) as caught:
        asker.ask(Purpose.DATA, replace(ASK, at=NOON + timedelta(minutes=30)))
    assert caught.value.wait == timedelta(minutes=30)
    assert all_rows(asker.database) == before
    assert [each.created_at for each in asker.notices()] == [NOON, NOON + timedelta(hours=1)]


def test_the_sign_up_form_shares_the_hour(asker: Asker) -> None:
    names = {WEEKLY: "The Week"}
    signup.subscribe(
        asker.database, MARIA, [WEEKLY], ASK, keys=KEYS, newsletter_names=names, confirm_link=str
    )
    asker.ask(Purpose.DATA, replace(ASK, at=SOON))
    assert [each.created_at for each in asker.notices()] == [NOON + timedelta(hours=1)]


def test_in_a_day_there_are_only_so_many(asker: Asker) -> None:
    for hour in range(4):
        asker.ask(Purpose.DATA, replace(ASK, at=NOON + timedelta(hours=hour)))
    before = all_rows(asker.database)
    with pytest.raises(LimitError):
        asker.ask(Purpose.DATA, replace(ASK, at=NOON + timedelta(hours=4)))
    assert all_rows(asker.database) == before


def test_one_network_may_ask_only_so_often(asker: Asker) -> None:
    asker.ask(Purpose.DATA)
    with pytest.raises(LimitError):
        asker.ask(Purpose.ERASE, replace(ASK, at=SOON), policy=SignupPolicy(per_network=1))


def test_who_is_never_mailed_is_not_mailed(asker: Asker) -> None:
    complained = SuppressionReason.COMPLAINED
    leaving.suppress(asker.database, MARIA, COMMAND, keys=KEYS, reason=complained)
    before = all_rows(asker.database)
    with pytest.raises(AddressRefusedError, match="never-mail list"):
        asker.ask(Purpose.DATA)
    assert all_rows(asker.database) == before


def test_who_refused_one_newsletter_still_has_a_right_to_their_data(asker: Asker) -> None:
    complained = SuppressionReason.COMPLAINED
    leaving.suppress(asker.database, MARIA, COMMAND, keys=KEYS, reason=complained, scope="weekly")
    asker.ask(Purpose.DATA)
    assert len(asker.notices()) == 1


def test_who_has_left_still_has_a_right_to_their_data(asker: Asker) -> None:
    asker.reader.leave()
    asker.ask(Purpose.DATA)
    assert asker.open(asker.token(), Purpose.DATA) == MARIA


def test_a_link_opens_what_it_was_made_for_and_for_a_day(asker: Asker) -> None:
    asker.ask(Purpose.DATA)
    token = asker.token()
    for bad in (token[:-1], f"{token[:-1]}{'A' if token[-1] != 'A' else 'Q'}"):
        with pytest.raises(TokenError):
            asker.open(bad, Purpose.DATA)
    with pytest.raises(TokenError):
        asker.open(token, Purpose.ERASE)
    with pytest.raises(TokenError):
        asker.open(asker.reader.token(), Purpose.DATA)
    with pytest.raises(StaleTokenError):
        asker.open(token, Purpose.DATA, NOON + timedelta(days=1, seconds=1))


def test_a_link_that_names_no_mailbox_or_another_opens_nothing(asker: Asker) -> None:
    for mailbox in ((), (1,)):
        grant = Grant(asker.reader.public_id, mailbox, issued_at=NOON)
        with pytest.raises(StaleTokenError):
            asker.open(KEYS.links.sign(Purpose.DATA, grant), Purpose.DATA)


def test_after_a_move_the_old_mailbox_opens_nothing_more(asker: Asker) -> None:
    """Neither with the link it got, nor with one that still waits."""
    asker.ask(Purpose.DATA)
    token = asker.token()
    address_change.ask_address(
        asker.database,
        asker.reader.token(),
        "new@reader.example",
        ASK,
        keys=KEYS,
        newsletter_names={DAILY: "The Daily Brief"},
        link=str,
    )
    with asker.database.read() as connection:
        waiting = due(connection, now=FAR, limit=9)
    yes = next(each for each in waiting if each.kind is NoticeKind.ADDRESS)
    address_change.confirm_address(
        asker.database,
        str(yes.facts["confirm_url"]),
        replace(ASK, at=SOON),
        keys=KEYS,
        undo=Undo(link=lambda made: f"https://letters.example/a/{made}"),
    )
    with pytest.raises(StaleTokenError):
        asker.open(token, Purpose.DATA)
    assert [each.facts["what"] for each in asker.notices()] == ["changed"]


@BOTH
def test_for_who_was_erased_a_link_opens_nobody(asker: Asker, purpose: Purpose) -> None:
    asker.ask(purpose)
    token, choose = asker.token(), asker.reader.token()
    erase(asker.database, subscriber_id=1, act=replace(ASK, at=SOON), keys=KEYS)
    assert asker.open(token, purpose) is None
    before = all_rows(asker.database)
    rights_link.ask_link(
        asker.database, choose, replace(ASK, at=FAR), keys=KEYS, purpose=purpose, link=str
    )
    assert all_rows(asker.database) == before
