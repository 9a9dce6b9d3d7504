"""The ways out in digest.toml: what is read, what is refused, and what a sender gets of it."""

from __future__ import annotations

import os
import textwrap
from datetime import time
from pathlib import Path

import pytest

from digest.config import Settings, load
from digest.config.model import DomainSettings
from digest.delivery.discard import DiscardTransport
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import SmtpAccount, Way
from digest.delivery.ses import SesTransport
from digest.errors import SettingsError
from digest.way_values import way_out_words, ways_of

SITE = """\
[site]
name = "Harbour Post"
url = "https://harbourpost.example"
timezone = "Europe/London"
postal_address = "12 Quay Street"
[web]
public_url = "https://letters.harbourpost.example"
[mail]
from = "news@letters.harbourpost.example"
"""  # ten lines: what a test adds begins on line 10

RELAYS = """\
connections = 5
[mail.relays.east]
host = "east.example"
user = "harbour"
password_file = "east-password"
weight = 3
max_per_second = 20
messages_per_connection = 100
[mail.relays.west]
host = "west.example"
port = 465
tls = "implicit"
weight = 0
connections = 2
pipelining = false
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)


def _write(folder: Path, mail: str) -> Path:
    path = folder / "digest.toml"
    path.write_text(SITE + textwrap.dedent(mail))
    (folder / "east-password").write_text("correct horse\n")
    return path


def _settings(folder: Path, mail: str) -> Settings:
    return load(_write(folder, mail))


def _problems(folder: Path, mail: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        _settings(folder, mail)
    return caught.value.problems


def _ways(folder: Path, mail: str) -> tuple[Way, ...]:
    return ways_of(_settings(folder, mail), local_hostname="letters.harbourpost.example")


def _account(host: str, **others: object) -> SmtpAccount:
    return SmtpAccount(host, local_hostname="letters.harbourpost.example", **others)  # type: ignore[arg-type]  # each by its name


def test_several_relays_are_ways_in_their_order_each_with_its_own(tmp_path: Path) -> None:
    east = _account(
        "east.example",
        port=587,
        user="harbour",
        password="correct horse",
        messages_per_connection=100,
    )
    west = _account("west.example", port=465, tls="implicit", pipelining=False)
    assert _ways(tmp_path, RELAYS) == (
        Way("east", east, weight=3, connections=5, max_per_second=20),
        Way("west", west, weight=0, connections=2),
    )
    words = way_out_words(_settings(tmp_path, RELAYS))
    assert words == "east.example:587, west.example:465 (in reserve)"


def test_one_relay_is_a_way_as_well(tmp_path: Path) -> None:
    mail = 'smtp = { host = "relay.example" }\nconnections = 3'
    account = _account("relay.example", port=587)
    assert _ways(tmp_path, mail) == (Way("smtp", account, connections=3),)
    assert way_out_words(_settings(tmp_path, mail)) == "relay.example:587"


def test_smtp_relays_and_ses_go_side_by_side(tmp_path: Path) -> None:
    mail = f"""\
smtp = {{ host = "relay.example" }}
ses = {{ region = "eu-west-1", weight = 0, connections = 20, max_per_second = 14 }}
{RELAYS}"""
    smtp, east, west, ses = _ways(tmp_path, mail)
    assert [smtp.name, east.name, west.name] == ["smtp", "east", "west"]
    assert isinstance(ses.transport, SesTransport)
    assert ses == Way("ses", transport=ses.transport, weight=0, connections=20, max_per_second=14)
    assert way_out_words(_settings(tmp_path, mail)) == (
        "relay.example:587, east.example:587, west.example:465 (in reserve),"
        " Amazon SES eu-west-1 (in reserve)"
    )


def test_a_local_mailbox_is_a_way(tmp_path: Path) -> None:
    (way,) = _ways(tmp_path, 'maildir = "var/mailbox"')
    assert isinstance(way.transport, MaildirTransport)
    assert (way.name, way.connections, way.repeatable) == ("maildir", 8, True)
    words = way_out_words(_settings(tmp_path, 'maildir = "var/mailbox"'))
    assert words == f"maildir {tmp_path / 'var/mailbox'}"


def test_to_discard_all_is_a_way_and_says_so(tmp_path: Path) -> None:
    (way,) = _ways(tmp_path, "discard = true")
    assert isinstance(way.transport, DiscardTransport)
    assert (way.name, way.repeatable) == ("discard", True)
    assert way_out_words(_settings(tmp_path, "discard = true")) == "nowhere: mail.discard is on"


# Passwords


def test_a_relays_password_comes_from_its_file_or_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MAIL__RELAYS__WEST__USER", "harbour-west")
    monkeypatch.setenv("DIGEST_MAIL__RELAYS__WEST__PASSWORD", "battery staple")
    monkeypatch.setenv("DIGEST_MAIL__RELAYS__WEST__WEIGHT", "2")
    accounts = [way.account for way in _ways(tmp_path, RELAYS) if way.account]
    assert [(each.user, each.password) for each in accounts] == [
        ("harbour", "correct horse"),
        ("harbour-west", "battery staple"),
    ]
    relays = _settings(tmp_path, RELAYS).mail.relays
    assert relays["west"].weight == 2
    assert "battery staple" not in repr(relays)
    assert "battery staple" not in repr(accounts)


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_file_that_gives_nothing_is_named_by_its_relay(
    tmp_path: Path, content: str | None
) -> None:
    path = _write(tmp_path, RELAYS)
    secret = tmp_path / "east-password"
    secret.unlink()
    if content is not None:
        secret.write_text(content)
    with pytest.raises(SettingsError, match=r"mail\.relays\.east\.password_file: .*east-password"):
        load(path)


def test_a_relay_may_be_made_of_variables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MAIL__RELAYS__NORTH__HOST", "north.example")
    monkeypatch.setenv("DIGEST_MAIL__WINDOW", "22:00-06:00")
    monkeypatch.setenv("DIGEST_MAIL__DOMAINS__GMAIL.COM__CONNECTIONS", "4")
    settings = _settings(tmp_path, "")
    assert [relay.host for relay in settings.mail.relays.values()] == ["north.example"]
    assert settings.mail.window == (time(22), time(6))
    assert settings.mail.domains == {"gmail.com": DomainSettings(connections=4)}


def test_the_journal_lies_beside_the_settings(tmp_path: Path) -> None:
    assert _settings(tmp_path, "discard = true").storage.journal == tmp_path / "var/journal"


# Mistakes


def test_every_mistake_in_a_relay_is_named_with_its_line(tmp_path: Path) -> None:
    mail = """\
        [mail.relays.east]
        host = "east.example"
        weight = -1
        conections = 3
        [mail.relays.West]
        host = "west.example"
        [mail.relays.north]
        port = 25
        user = "harbour"
        password = "geheim"
        tls = "none"
        [mail.relays.south]
        host = "south.example"
        password = "geheim"
    """
    assert _problems(tmp_path, mail) == (
        "line 12: mail.relays.east.weight: should be greater than or equal to 0 (got -1)",
        "line 13: mail.relays.east.conections: unknown setting (did you mean 'connections'?)",
        (
            "line 14: mail.relays.West: a name here is lower-case letters, digits and dashes,"
            " at most 40"
        ),
        "line 16: mail.relays.north.host: is missing",
        "line 21: mail.relays.south: user and password (or password_file) go together",
    )


def test_a_password_of_a_relay_is_never_sent_in_clear_nor_shown(tmp_path: Path) -> None:
    mail = """\
        [mail.relays.north]
        host = "north.example"
        user = "harbour"
        password = "geheim"
        tls = "none"
    """
    (problem,) = _problems(tmp_path, mail)
    assert problem == (
        "line 10: mail.relays.north: a password is never sent without TLS: set tls to 'required'"
    )


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        (
            "DIGEST_MAIL__RELAYS__EAST__PASWORD",
            "unknown setting (did you mean 'DIGEST_MAIL__RELAYS__EAST__PASSWORD'?)",
        ),
        ("DIGEST_MAIL__RELAYS__EAST", "unknown setting (did you mean 'DIGEST_MAIL__RELAYS'?)"),
        (
            "DIGEST_MAIL__RELAYS__EAST__PORT",
            "should be a valid integer, unable to parse string as an integer (got 'x')",
        ),
        ("DIGEST_MAIL__WINDOW", "hours of the day are written as '06:00-22:00' (got 'x')"),
    ],
)
def test_a_mistaken_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, problem: str
) -> None:
    monkeypatch.setenv(variable, "x")
    assert _problems(tmp_path, RELAYS) == (f"{variable}: {problem}",)


@pytest.mark.parametrize(
    "mail",
    [
        "",
        'maildir = "m"\ndiscard = true',
        'maildir = "m"\nsmtp = { host = "relay.example" }',
        f"discard = true\n{RELAYS}",
        'discard = true\nses = { region = "eu-west-1" }',
    ],
)
def test_mail_goes_to_one_kind_of_place(tmp_path: Path, mail: str) -> None:
    (problem,) = _problems(tmp_path, mail)
    assert "mail: give one way out" in problem


def test_no_two_ways_have_one_name(tmp_path: Path) -> None:
    relay = '[mail.relays.{}]\nhost = "relay.example"'
    smtp = f'smtp = {{ host = "relay.example" }}\n{relay.format("smtp")}'
    (problem,) = _problems(tmp_path, smtp)
    assert problem == "line 8: mail: relays.smtp: that name is taken by smtp = { … }"
    ses = f'ses = {{ region = "eu-west-1" }}\n{relay.format("ses")}'
    (problem,) = _problems(tmp_path, ses)
    assert problem == "line 8: mail: relays.ses: that name is taken by ses = { … }"
