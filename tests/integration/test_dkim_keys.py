"""The keys that sign mail: their files, and the commands that make, list and print them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from digest.config.model import MailSettings
from digest.delivery.dkim import dns_record
from digest.delivery.dkim_keys import (
    create_dkim_keys,
    dkim_files,
    load_dkim_keys,
    signer_of,
    signing_domain,
)
from digest.errors import DigestError, NotFoundError, SettingsError
from tests.integration.cli_site import SiteFolder, make_site

RSA, ED25519 = "dkim-news.rsa.pem", "dkim-news.ed25519.pem"


def test_new_keys_are_of_both_kinds_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "keys"
    assert create_dkim_keys(folder, "news") == (RSA, ED25519)
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        RSA: 0o600,
        ED25519: 0o600,
    }
    assert folder.stat().st_mode & 0o777 == 0o700
    rsa, ed25519 = load_dkim_keys(folder, "news")
    assert (rsa.selector, ed25519.selector) == ("news", "newse")
    assert isinstance(rsa.private, RSAPrivateKey)
    assert rsa.private.key_size == 2048
    assert isinstance(ed25519.private, Ed25519PrivateKey)


def test_making_keys_again_overwrites_none_and_makes_what_is_missing(tmp_path: Path) -> None:
    create_dkim_keys(tmp_path, "news")
    before = (tmp_path / RSA).read_bytes()
    assert create_dkim_keys(tmp_path, "news") == ()
    (tmp_path / ED25519).unlink()
    assert create_dkim_keys(tmp_path, "news") == (ED25519,)
    assert (tmp_path / RSA).read_bytes() == before


@pytest.mark.parametrize(("first", "second"), [("news", "newse"), ("newse", "news")])
def test_two_selectors_never_share_a_name_in_the_dns(
    tmp_path: Path, first: str, second: str
) -> None:
    create_dkim_keys(tmp_path, first)
    with pytest.raises(DigestError, match=f"keys: {second}: in the DNS .* a name of {first}'s"):
        create_dkim_keys(tmp_path, second)
    assert {key.selector for key in dkim_files(tmp_path)} == {first}


def test_only_files_of_keys_are_listed(tmp_path: Path) -> None:
    assert dkim_files(tmp_path / "absent") == ()
    create_dkim_keys(tmp_path, "news")
    for name in ("link-00001.key", "dkim-.rsa.pem", "dkim-a.dsa.pem", "dkim-news.rsa.pem.old"):
        (tmp_path / name).write_text("")
    assert [(key.selector, key.kind, key.path.name) for key in dkim_files(tmp_path)] == [
        ("news", "ed25519", ED25519),
        ("news", "rsa", RSA),
    ]


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        (RSA, b"", "not a private key in PEM without a password"),
        (ED25519, b"-----BEGIN", "not a private key in PEM without a password"),
        (RSA, ED25519, "a key of ed25519-sha256, which is not what the file is named for"),
        (ED25519, RSA, "a key of rsa-sha256, which is not what the file is named for"),
    ],
)
def test_a_damaged_key_is_told_and_never_used(
    tmp_path: Path, name: str, content: bytes | str, cause: str
) -> None:
    create_dkim_keys(tmp_path, "news")
    octets = (tmp_path / content).read_bytes() if isinstance(content, str) else content
    (tmp_path / name).write_bytes(octets)
    with pytest.raises(DigestError, match=rf"{re.escape(name)}: damaged: {cause}") as caught:
        load_dkim_keys(tmp_path, "news")
    assert caught.value.hint == "Copy the file back from the backup."


def test_a_key_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / RSA).mkdir()
    with pytest.raises(DigestError, match=rf"keys: .*{re.escape(RSA)}: Is a directory"):
        load_dkim_keys(tmp_path, "news")


# Who signs


def _mail(sender: str = "news@letters.harbourpost.example", **dkim: str) -> MailSettings:
    signs = {"dkim": {"selector": "news", **dkim}} if dkim else {}
    return MailSettings.model_validate({"from": sender, "discard": True, **signs})


@pytest.mark.parametrize(
    ("domain", "signs"),
    [
        ("letters.harbourpost.example", "letters.harbourpost.example"),
        ("harbourpost.example", "harbourpost.example"),
        ("HarbourPost.Example", "harbourpost.example"),
        ("", "letters.harbourpost.example"),
    ],
)
def test_the_domain_of_from_signs_or_one_above_it(domain: str, signs: str) -> None:
    mail = _mail(domain=domain) if domain else _mail()
    assert signing_domain(mail) == signs


def test_a_domain_outside_ascii_signs_in_a_labels() -> None:
    mail = _mail("news@briefe.münchen.example", domain="münchen.example")
    assert signing_domain(mail) == "xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    "domain",
    [
        "another.example",
        "mail.letters.harbourpost.example",
        "post.example",
        "example",
        "letters.harbourpost.example.evil.example",
    ],
)
def test_a_domain_that_from_does_not_belong_to_is_refused_with_the_reason(domain: str) -> None:
    with pytest.raises(SettingsError) as caught:
        signing_domain(_mail(domain=domain))
    assert str(caught.value) == (
        f"settings: mail.dkim.domain: {domain}: mail from letters.harbourpost.example that this"
        " domain signs is signed by a stranger: receivers (DMARC) count only a signature by the"
        " domain of From or by one above it"
    )
    assert caught.value.hint == "Leave domain out: then letters.harbourpost.example signs."


def test_what_is_no_domain_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"mail\.dkim\.domain: 'not a domain' is no domain"):
        signing_domain(_mail(domain="not a domain"))


def test_the_settings_say_whether_mail_is_signed(tmp_path: Path) -> None:
    assert signer_of(_mail(), tmp_path) is None
    mail = _mail(domain="harbourpost.example")
    with pytest.raises(NotFoundError, match=rf"{re.escape(RSA)}: missing"):
        signer_of(mail, tmp_path)
    create_dkim_keys(tmp_path, "news")
    signer = signer_of(mail, tmp_path)
    assert signer is not None
    assert signer.domain == "harbourpost.example"
    assert [key.selector for key in signer.keys] == ["news", "newse"]


# The commands


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path)


def _values(site: SiteFolder, selector: str) -> list[tuple[str, str]]:
    keys = load_dkim_keys(site.folder / "var/keys", selector)
    return [(r.name, r.value) for r in (dns_record(key, "harbourpost.example") for key in keys)]


def test_keys_for_mail_are_made_and_their_records_printed_ready_to_paste(site: SiteFolder) -> None:
    out = site.well("keys", "new", "--dkim").out
    (rsa_name, rsa), (name, ed25519) = _values(site, "digest1")
    assert (rsa_name, name) == (
        "digest1._domainkey.harbourpost.example",
        "digest1e._domainkey.harbourpost.example",
    )
    assert out == (
        "  ok    dkim-digest1.rsa.pem: new. Back it up with the others.\n"
        "  ok    dkim-digest1.ed25519.pem: new. Back it up with the others.\n"
        "\n"
        "For a zone file:\n"
        "\n"
        f'{rsa_name}. IN TXT (\n  "{rsa[:255]}"\n  "{rsa[255:]}"\n)\n'
        f'{name}. IN TXT (\n  "{ed25519}"\n)\n'
        "\n"
        "The same for a form that asks for name and value, type TXT:\n"
        "\n"
        f"{rsa_name}\n{rsa}\n\n{name}\n{ed25519}\n\n"
        "When they can be looked up, write into digest.toml, below [mail]:\n"
        "\n"
        '  dkim = { selector = "digest1" }\n'
    )


def test_keys_are_made_for_the_selector_that_is_named_or_set(site: SiteFolder) -> None:
    made = site.well("keys", "new", "--dkim", "--selector", "spring", "--json").facts
    assert made["folder"] == str(site.folder / "var/keys")
    assert made["made_anew"] == ["dkim-spring.rsa.pem", "dkim-spring.ed25519.pem"]
    assert [(one["name"], one["value"]) for one in made["records"]] == _values(site, "spring")
    assert {one["type"] for one in made["records"]} == {"TXT"}
    assert ["".join(one["strings"]) for one in made["records"]] == [
        one["value"] for one in made["records"]
    ]
    site.edit("max_per_second", 'dkim = { selector = "news2026" }\nmax_per_second')
    out = site.well("keys", "new", "--dkim").out
    assert "dkim-news2026.rsa.pem: new." in out
    assert "digest.toml" not in out


def test_the_keys_of_mail_are_listed_below_those_of_links(site: SiteFolder) -> None:
    site.well("status")
    site.well("keys", "new", "--dkim", "--selector", "old")
    site.well("keys", "new", "--dkim", "--selector", "news")
    site.edit("max_per_second", 'dkim = { selector = "news" }\nmax_per_second')
    assert site.well("keys", "list").steady == (
        "KEY  FILE  MADE  USE\n"
        "  1  link-00001.key  DATE HH:MM UTC  signs\n"
        "\n"
        "SELECTOR  FILE  MADE  USE\n"
        "news  dkim-news.ed25519.pem  DATE HH:MM UTC  signs mail\n"
        "news  dkim-news.rsa.pem  DATE HH:MM UTC  signs mail\n"
        "old  dkim-old.ed25519.pem  DATE HH:MM UTC  not used\n"
        "old  dkim-old.rsa.pem  DATE HH:MM UTC  not used\n"
    )
    listed = site.well("keys", "list", "--json").facts["dkim"]
    assert next((one["selector"], one["file"], one["use"]) for one in listed) == (
        "news",
        "dkim-news.ed25519.pem",
        "signs mail",
    )


def test_records_are_printed_again_for_one_selector_or_all(site: SiteFolder) -> None:
    for selector in ("spring", "autumn"):
        site.well("keys", "new", "--dkim", "--selector", selector)

    def names(*more: str) -> list[str]:
        return [one["name"] for one in site.well("keys", "dns", "--json", *more).facts["records"]]

    of_spring = [name for name, _ in _values(site, "spring")]
    assert names("--selector", "spring") == of_spring
    assert names() == [name for name, _ in _values(site, "autumn")] + of_spring
    assert f'"{_values(site, "spring")[1][1]}"' in site.well("keys", "dns").out


def test_the_domain_of_the_settings_stands_in_the_records(site: SiteFolder) -> None:
    site.edit("news@harbourpost.example", "news@letters.harbourpost.example")
    dkim = 'dkim = { selector = "news", domain = "harbourpost.example" }'
    site.edit("max_per_second", f"{dkim}\nmax_per_second")
    made = site.well("keys", "new", "--dkim", "--json").facts
    assert [one["name"] for one in made["records"]] == [
        "news._domainkey.harbourpost.example",
        "newse._domainkey.harbourpost.example",
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new", "--dkim", "--lost"), 2, "keys: --lost is for the other keys"),
        (("new", "--selector", "news"), 2, "keys: --selector is for the keys of mail"),
        (("new", "--dkim", "--selector", "News 1"), 2, "keys: 'News 1': this is no selector"),
        (("new", "--dkim", "--selector", "../x"), 2, "keys: '../x': this is no selector"),
        (("dns",), 1, "none that signs mail"),
        (("dns", "--selector", "gone"), 1, "dkim-gone.rsa.pem: missing"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_remedy(
    site: SiteFolder, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = site.digest("keys", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 2
    assert not list(site.folder.rglob("dkim-*"))


def test_keys_that_are_there_are_not_made_again(site: SiteFolder) -> None:
    site.well("keys", "new", "--dkim")
    ran = site.digest("keys", "new", "--dkim")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"digest: keys: {site.folder}/var/keys: those of selector digest1 are there\n"
        "  For what belongs into the DNS: digest keys dns --selector digest1\n"
    )
