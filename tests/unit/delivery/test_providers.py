from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.providers import (
    PROVIDERS,
    domain_name,
    domain_of,
    group_of,
    host_name,
    is_well_known,
)


@pytest.mark.parametrize(
    ("domain", "group"),
    [
        ("gmail.com", "google"),
        ("googlemail.com", "google"),
        ("outlook.fr", "microsoft"),
        ("hotmail.co.uk", "microsoft"),
        ("live.com.au", "microsoft"),
        ("msn.com", "microsoft"),
        ("yahoo.com.br", "yahoo"),
        ("ymail.com", "yahoo"),
        ("aol.com", "yahoo"),
        ("yahoo.co.jp", "yahoo-japan"),
        ("icloud.com", "apple"),
        ("mac.com", "apple"),
        ("gmx.at", "gmx"),
        ("web.de", "gmx"),
        ("t-online.de", "t-online"),
        ("wanadoo.fr", "orange"),
        ("pm.me", "proton"),
        ("harbourpost.example", "harbourpost.example"),
        ("live.example", "live.example"),
    ],
)
def test_a_well_known_domain_belongs_to_its_provider_without_a_look_up(
    domain: str, group: str
) -> None:
    assert group_of(domain) == group
    assert is_well_known(domain) is (group != domain)


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("aspmx.l.google.com", "google"),
        ("alt1.aspmx.l.google.com", "google"),
        ("aspmx2.googlemail.com", "google"),
        ("example-org.mail.protection.outlook.com", "microsoft"),
        ("example-org.p-v1.mx.microsoft", "microsoft"),
        ("mx-eu.mail.am0.yahoodns.net", "yahoo"),
        ("mx01.mail.icloud.com", "apple"),
        ("mxa-00000000.gslb.pphosted.com", "proofpoint"),
        ("eu-smtp-inbound-1.mimecast.com", "mimecast"),
        ("mx00.kundenserver.de", "ionos"),
        ("mx1.hosting.example", "hosting.example"),
        ("a.b.c.hosting.co.uk", "hosting.co.uk"),
        ("mx.firm.com.au", "firm.com.au"),
        ("co.uk", "co.uk"),
        ("notgoogle.com", "notgoogle.com"),
        ("mail.notgoogle.com", "notgoogle.com"),
        ("google.com.evil.example", "evil.example"),
        ("localhost", "localhost"),
        ("", "firm.example"),
        ("firm.example", "firm.example"),
    ],
)
def test_another_domain_belongs_to_who_keeps_its_mail(host: str, group: str) -> None:
    assert group_of("firm.example", host) == group


def test_a_domain_with_limits_of_its_own_is_its_own_group() -> None:
    named = {"gmail.com", "firm.example"}
    assert group_of("gmail.com", named=named) == "gmail.com"
    assert group_of("firm.example", "aspmx.l.google.com", named=named) == "firm.example"
    assert group_of("googlemail.com", named=named) == "google"


def test_domains_are_counted_in_lower_case_a_labels() -> None:
    assert domain_of("Reader@Example.ORG") == "example.org"
    assert domain_of('"a@b"@example.org.') == "example.org"
    assert domain_name("Bücher.example") == "xn--bcher-kva.example"
    assert domain_name("\N{SNOWMAN}" * 80) == ("\\u2603" * 80)[:253]
    assert domain_name("x" * 300) == "x" * 253


def test_a_host_of_an_answer_is_believed_only_when_it_is_the_name_of_one() -> None:
    assert host_name("MX1.Example.Org.") == "mx1.example.org"
    assert host_name("_dc-mx.0a.example") == "_dc-mx.0a.example"
    bad = ["", ".", "a..b", "-a.example", "a b.example", "a\\000b.example", "é.example"]
    bad += ["x" * 64 + ".example", ".".join(["abcdefg"] * 40), "a.example\n"]
    assert [host_name(text) for text in bad] == [None] * len(bad)


def test_names_of_providers_are_never_taken_for_domains() -> None:
    assert [name for name in PROVIDERS if "." in name] == ["mail.ru"]
    assert group_of("mail.ru") == "mail.ru"
    assert all(len(name) < 20 for name in PROVIDERS)


@given(st.text())
def test_whatever_the_name_it_can_be_kept(text: str) -> None:
    name = domain_name(text)
    assert name.isascii()
    assert len(name) <= 253
    assert domain_name(name) == name
