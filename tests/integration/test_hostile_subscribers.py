"""Whatever is done to our forms and links, by many at once or by who was passed a letter."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.outbox.store import notice
from digest.workflow.erase import erase
from subscribers import address_change, leaving, own_link, rights_link, signup, store
from subscribers.address_change import Undo
from subscribers.leaving import Goodbye
from subscribers.limits import LimitError, SignupPolicy
from subscribers.model import Act, Subscriber
from subscribers.tokens import Grant, Purpose, StaleTokenError
from subscribers.way_back import MovedLatelyError
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters
from tests.integration.web_site import KEYS, MARIA, NOON

NAMES = {DAILY: "The Daily Brief", WEEKLY: "The Week"}
COMMAND = Act(NOON, "command")
OPEN = SignupPolicy(per_network=10**6, in_all=10**6)
SINGLE = SignupPolicy(double_opt_in=False, per_network=10**6, in_all=10**6)
WELCOME = signup.Welcome(NAMES, lambda token: f"/u/{token}", lambda token: f"/p/{token}")
THIEF, OTHER = "thief@reader.example", "other@reader.example"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


def _act(at: datetime) -> Act:
    return Act(at, "form", ip="192.0.2.7")


def _ask(database: Database, address: str, at: datetime, **more: object) -> None:
    facts: dict[str, object] = {"policy": OPEN, "welcome": WELCOME, **more}
    ids = [DAILY, WEEKLY] if at.minute % 2 else [DAILY]
    signup.subscribe(
        database,
        address,
        ids,
        _act(at),
        keys=KEYS,
        newsletter_names=NAMES,
        confirm_link=str,
        **facts,  # type: ignore[arg-type]
    )


def _add(database: Database, address: str = MARIA) -> Subscriber:
    signup.add(database, address, [DAILY, WEEKLY], COMMAND, keys=KEYS)
    return _reader(database, address)


def _reader(database: Database, address: str) -> Subscriber:
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=address)
    assert found is not None
    return found


def _token(reader: Subscriber, purpose: Purpose = Purpose.PREFERENCES) -> str:
    return KEYS.links.sign(purpose, Grant(reader.public_id, (DAILY,)))


def _move(database: Database, reader: Subscriber, address: str, at: datetime) -> str:
    """Ask for another address; give the token that was mailed there."""
    made: list[str] = []
    address_change.ask_address(
        database,
        _token(reader),
        address,
        _act(at),
        keys=KEYS,
        newsletter_names=NAMES,
        link=_keeping(made),
        policy=OPEN,
    )
    return made[-1] if made else ""


def _say_yes(database: Database, token: str, at: datetime) -> str:
    """Confirm a change; give the token that undoes it."""
    made: list[str] = []
    undo = Undo(_keeping(made))
    address_change.confirm_address(database, token, Act(at, "link"), keys=KEYS, undo=undo)
    return made[-1] if made else ""


def _keeping(made: list[str]) -> Callable[[str], str]:
    def link(token: str) -> str:
        made.append(token)
        return token

    return link


def _ask_link(database: Database, reader: Subscriber, purpose: Purpose, at: datetime) -> None:
    rights_link.ask_link(
        database, _token(reader), _act(at), keys=KEYS, purpose=purpose, link=str, policy=OPEN
    )


def _mails(database: Database) -> list[tuple[datetime, str, str]]:
    columns = notice.c.created_at, notice.c.kind, notice.c.to_address
    with database.read() as connection:
        return sorted((row[0], row[1], row[2]) for row in connection.execute(sa.select(*columns)))


def test_a_clock_that_was_a_year_ahead_for_a_moment_shuts_nobody_out(database: Database) -> None:
    narrow = SignupPolicy(per_network=1, in_all=1)
    _ask(database, MARIA, NOON + timedelta(days=365), policy=narrow)
    with pytest.raises(LimitError):
        _ask(database, OTHER, NOON + timedelta(days=364, hours=12), policy=narrow)
    _ask(database, MARIA, NOON, policy=narrow)
    with pytest.raises(LimitError):
        _ask(database, OTHER, NOON + timedelta(minutes=59), policy=narrow)
    assert [at for at, _, _ in _mails(database)] == [NOON, NOON + timedelta(days=365)]


@pytest.mark.parametrize("seed", range(2))
def test_all_forms_together_write_to_a_mailbox_once_an_hour(database: Database, seed: int) -> None:
    maria, other = _add(database), _add(database, OTHER)
    spellings = (MARIA, "ma.ria@reader.example", "maria+x@reader.example")
    draw = random.Random(seed)  # noqa: S311 - nobody need be surprised by it
    ways: tuple[Callable[[datetime], object], ...] = (
        lambda at: _ask(database, draw.choice(spellings), at),
        lambda at: _ask(database, f"m.aria+{draw.randrange(9)}@reader.example", at, policy=SINGLE),
        lambda at: own_link.ask_for_link(
            database, MARIA, _act(at), keys=KEYS, link=str, policy=OPEN
        ),
        lambda at: _ask_link(database, maria, Purpose.DATA, at),
        lambda at: _ask_link(database, maria, Purpose.ERASE, at),
        lambda at: _move(database, other, "mar.ia+q@reader.example", at),
    )
    at = NOON
    for _ in range(120):
        at += timedelta(minutes=draw.choice([0, 1, 3, 6, 11, 25]))
        try:
            draw.choice(ways)(at)
        except LimitError:
            continue
    times = [when for when, _, _ in _mails(database)]
    assert len(times) > 5
    assert min(later - before for before, later in itertools.pairwise(times)) >= HOUR


def test_without_double_opt_in_no_spelling_fills_a_mailbox_with_welcomes(
    database: Database,
) -> None:
    for n in range(9):
        _ask(database, f"maria+{n}@reader.example", NOON + timedelta(minutes=n), policy=SINGLE)
    assert [(at, kind) for at, kind, _ in _mails(database)] == [
        (NOON, "welcome"),
        (NOON + HOUR, "welcome"),
    ]


def test_who_took_the_address_over_cannot_move_on_while_the_old_mailbox_may_undo_it(
    database: Database,
) -> None:
    maria = _add(database)
    back = _say_yes(database, _move(database, maria, THIEF, NOON), NOON)
    for hours in (1, 47):
        before = all_rows(database)
        with pytest.raises(MovedLatelyError) as caught:
            _move(database, maria, OTHER, NOON + hours * HOUR)
        assert caught.value.wait == (48 - hours) * HOUR
        assert all_rows(database) == before
    _say_yes(database, back, NOON + 48 * HOUR)
    assert _reader(database, MARIA).public_id == maria.public_id
    with pytest.raises(StaleTokenError):
        _say_yes(database, back, NOON + 49 * HOUR)


@pytest.mark.parametrize("purpose", [Purpose.DATA, Purpose.ERASE])
def test_nor_see_or_erase_what_we_know_of_the_reader(database: Database, purpose: Purpose) -> None:
    maria = _add(database)
    _say_yes(database, _move(database, maria, THIEF, NOON), NOON)
    before = _mails(database)
    with pytest.raises(MovedLatelyError):
        _ask_link(database, maria, purpose, NOON + 2 * HOUR)
    assert _mails(database) == before
    _ask_link(database, maria, purpose, NOON + 49 * HOUR)  # nobody took it back
    _move(database, maria, OTHER, NOON + 49 * HOUR)
    assert [to for _, _, to in _mails(database)[len(before) :]] == [OTHER, THIEF]


def test_forms_used_at_once_do_not_stop_each_other(database: Database) -> None:
    maria = _add(database)
    errors: list[Exception] = []

    def use(way: Callable[[datetime], object]) -> None:
        for n in range(25):
            try:
                way(NOON + n * timedelta(minutes=11))
            except LimitError:
                continue
            except Exception as error:  # noqa: BLE001 - a deadlock has no type of ours
                errors.append(error)

    ways: tuple[Callable[[datetime], object], ...] = (
        lambda at: own_link.ask_for_link(
            database, MARIA, _act(at), keys=KEYS, link=str, policy=OPEN
        ),
        lambda at: _ask_link(database, maria, Purpose.DATA, at),
        lambda at: _ask(database, MARIA, at),
        lambda at: _move(database, maria, f"m{at:%H%M}@reader.example", at),
    )
    _at_once(*(partial(use, way) for way in ways))
    assert errors == []


def test_who_signs_up_while_the_address_is_being_erased_is_a_new_reader(
    database: Database,
) -> None:
    errors: list[Exception] = []

    def sign_up() -> None:
        for n in range(15):
            try:
                _ask(database, MARIA, NOON + n * HOUR)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is one too many
                errors.append(error)

    def take_away() -> None:
        for n in range(15):
            with database.read() as connection:
                found = store.find_subscriber(connection, address_key=MARIA)
            if found is not None:
                act = Act(NOON + n * HOUR, "command")
                try:
                    erase(database, subscriber_id=found.id, act=act, keys=KEYS)
                except Exception as error:  # noqa: BLE001 - as above
                    errors.append(error)

    _at_once(sign_up, take_away, sign_up, take_away)
    assert errors == []


def _at_once(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_who_comes_back_at_once_can_be_erased_again(database: Database) -> None:
    for minutes in (1, 2, 7, 13):
        at = NOON + timedelta(minutes=minutes)
        _ask(database, MARIA, at)
        number = _reader(database, MARIA).id
        assert erase(database, subscriber_id=number, act=Act(at, "command"), keys=KEYS)
    assert MARIA not in repr(all_rows(database))


def test_an_erasing_finds_what_was_mailed_to_every_address_they_had(database: Database) -> None:
    maria = _add(database)
    leave = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(maria.public_id, (WEEKLY,)))
    act = Act(NOON, "link")
    leaving.unsubscribe(database, leave, act, keys=KEYS, goodbye=Goodbye(NAMES, "/subscribe"))
    back = _say_yes(database, _move(database, maria, OTHER, NOON), NOON)
    _say_yes(database, back, NOON + HOUR)  # the mail about this one has no link
    third = "third@reader.example"
    _say_yes(database, _move(database, maria, third, NOON + 5 * HOUR), NOON + 5 * HOUR)
    assert erase(database, subscriber_id=maria.id, act=COMMAND, keys=KEYS)
    held = repr(all_rows(database))
    assert [each for each in (MARIA, OTHER, third) if each in held] == []


def test_an_erasing_forgets_that_another_asked_for_the_address(database: Database) -> None:
    other, maria = _add(database, OTHER), _add(database)
    link = _move(database, other, MARIA, NOON)
    assert erase(database, subscriber_id=maria.id, act=COMMAND, keys=KEYS)
    assert MARIA not in repr(all_rows(database))
    with pytest.raises(StaleTokenError):
        _say_yes(database, link, NOON)
