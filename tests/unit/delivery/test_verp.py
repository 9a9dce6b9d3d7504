from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.composition.headers import reader_address
from digest.config.model import MailSettings
from digest.delivery.verp import NOTICES, Verp, read_verp, verp_of
from digest.errors import SettingsError

KEY, OTHER = b"k" * 32, b"o" * 32
BOUNCES = "bounces@letters.harbourpost.example"
VERP = Verp(BOUNCES, KEY)
IDS = st.integers(0, 2**64 - 1)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def local_of(edition_id: int, subscriber_id: int, verp: Verp = VERP) -> str:
    return verp.sender(edition_id, subscriber_id).rpartition("@")[0]


@given(IDS, IDS)
@example(0, 0)
@example(2**64 - 1, 2**64 - 1)
@example(NOTICES, 7)
def test_whose_copy_it_was_is_read_back(edition_id: int, subscriber_id: int) -> None:
    longest = Verp("a" * 23 + "@letters.harbourpost.example", KEY)
    sender = longest.sender(edition_id, subscriber_id)
    local, _, domain = sender.rpartition("@")
    assert len(local) <= 64
    assert domain == "letters.harbourpost.example"
    assert reader_address(sender) == sender
    assert local == local.lower()
    for changed in (local, local.upper(), local.title()):
        assert read_verp(changed, KEY) == (edition_id, subscriber_id)


def test_an_envelope_sender_is_short_and_the_same_on_each_attempt() -> None:
    assert VERP.sender(1204, 56_789) == VERP.sender(1204, 56_789)
    local, _, domain = VERP.sender(1204, 56_789).rpartition("@")
    before, _, token = local.rpartition("+")
    assert (before, domain) == ("bounces", "letters.harbourpost.example")
    assert len(token) == 21
    assert set(token) <= set(ALPHABET)


@given(IDS, IDS, st.data())
def test_a_token_with_one_character_changed_is_nobodys(
    edition_id: int, subscriber_id: int, data: st.DataObject
) -> None:
    local = local_of(edition_id, subscriber_id)
    at = data.draw(st.integers(len("bounces+"), len(local) - 1))
    other = data.draw(st.sampled_from(sorted(set(ALPHABET) - {local[at]})))
    assert read_verp(local[:at] + other + local[at + 1 :], KEY) is None


@given(st.binary(min_size=11, max_size=25))
def test_a_token_that_somebody_made_up_is_nobodys(raw: bytes) -> None:
    token = base64.b32encode(raw).decode().rstrip("=").lower()
    assert read_verp(f"bounces+{token}", KEY) is None


@given(st.text(max_size=80))
def test_whatever_was_written_to_is_read_without_an_error(local: str) -> None:
    assert read_verp(local, KEY) is None
    assert read_verp(f"bounces+{local}", KEY) is None


@pytest.mark.parametrize(
    "local",
    [
        "",
        "bounces",
        "bounces+",
        "+" + local_of(7, 1).partition("+")[2],
        local_of(7, 1).partition("+")[2],
        local_of(7, 1)[:-1],
        local_of(7, 1) + "a",
        local_of(7, 1).replace("+", "-"),
        local_of(7, 1) + "=",
        local_of(7, 1) + " ",
        "b\u00f6unces+" + local_of(7, 1).partition("+")[2],
        local_of(7, 1, Verp(BOUNCES, OTHER)),
    ],
)
def test_what_is_no_address_of_ours_is_nobodys(local: str) -> None:
    assert read_verp(local, KEY) is None


def test_the_signature_of_another_purpose_is_none_here() -> None:
    """The same secret makes other things too: each has a purpose of its own."""
    body = b"\x00\x07\x01"
    for person in (b"", b"unsubscribe"):
        mac = hashlib.blake2b(body, digest_size=8, key=KEY, person=person).digest()
        token = base64.b32encode(body + mac).decode().rstrip("=").lower()
        assert read_verp(f"bounces+{token}", KEY) is None


@pytest.mark.parametrize("head", [0x40, 0x08, 0x01])
def test_a_genuine_token_of_a_form_to_come_is_nobodys(head: int) -> None:
    body = bytes([head]) + b"\x07\x01"
    mac = hashlib.blake2b(body, digest_size=8, key=KEY, person=b"envelope sender").digest()
    token = base64.b32encode(body + mac).decode().rstrip("=").lower()
    assert read_verp(f"bounces+{token}", KEY) is None


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_that_no_database_gives_is_refused(number: int) -> None:
    for ids in ((number, 1), (1, number)):
        with pytest.raises(ValueError, match="not an id of at most 64 bits"):
            VERP.sender(*ids)


def test_a_bounce_address_without_room_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(
        SettingsError, match=r"settings: mail\.bounce_address: 'a+' is 24"
    ) as caught:
        Verp("a" * 24 + "@l.example", KEY)
    assert caught.value.hint == "Take a shorter one, as bounces@…, or set mail.verp to false."


def _mail(**more: object) -> MailSettings:
    return MailSettings.model_validate(
        {"from": "Harbour Post <news@l.example>", "discard": True, **more}
    )


def test_only_an_address_that_was_named_for_bounces_is_made_each_readers_own() -> None:
    assert verp_of(_mail(), KEY) is None
    assert verp_of(_mail(bounce_address=BOUNCES, verp=False), KEY) is None
    assert verp_of(_mail(bounce_address="a" * 24 + "@l.example", verp=False), KEY) is None
    assert verp_of(_mail(bounce_address=BOUNCES), KEY) == VERP
    with pytest.raises(SettingsError, match="bounce_address"):
        verp_of(_mail(bounce_address="a" * 24 + "@l.example"), KEY)


def test_the_key_is_never_shown() -> None:
    assert repr(VERP) == f"Verp(address={BOUNCES!r})"
