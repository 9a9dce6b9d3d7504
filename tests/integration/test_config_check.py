"""What `digest config check` finds that no single value shows: pictures, colours, catalogs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from digest.app import open_app
from digest.config import load
from digest.errors import SettingsError
from tests.integration.cli_site import SiteFolder, make_site


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path / "site")


def branded(site: SiteFolder, brand: str) -> None:
    site.edit("[web]", f"brand = {{ {brand} }}\n[web]")


def notes(site: SiteFolder) -> list[str]:
    found: list[str] = site.well("config", "check", "--json").facts["notes"]
    return found


def test_a_colour_that_was_corrected_is_noted(site: SiteFolder) -> None:
    branded(site, 'accent = "#FFCC00", accent_dark = "#0B4F8A"')
    assert [note for note in notes(site) if note.startswith("site.brand")] == [
        "site.brand.accent: #FFCC00 has 1.3:1 on the page; #705800 is used in mail and pages",
        "site.brand.accent_dark: #0B4F8A has 2.0:1 on the dark card; #5885C5 is used in dark mode",
    ]


def test_a_logo_that_cannot_be_used_is_a_mistake_with_its_line(site: SiteFolder) -> None:
    branded(site, 'logo = "logo.svg"')
    (site.folder / "logo.svg").write_text("<svg/>")
    ran = site.digest("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert "site.brand.logo: logo.svg: it is SVG, which mail programs do not show" in ran.err
    assert "Export the logo as a PNG" in ran.err
    assert ran.err.splitlines()[1].strip().startswith("line ")


def test_a_logo_that_should_be_better_is_noted_and_used(site: SiteFolder) -> None:
    branded(site, 'logo = "logo.png"')
    Image.new("RGBA", (100, 60), (0, 0, 0, 255)).save(site.folder / "logo.png")
    assert [note for note in notes(site) if note.startswith("site.brand")] == [
        "site.brand.logo: 60 pixels high: it looks soft on phones; give one of 100 or more"
    ]
    app = open_app(load(site.folder / "digest.toml"))
    try:
        logo = app.newsroom.site.logo
        assert logo is not None
        assert (logo.width, logo.height) == (67, 40)
        assert logo.url.startswith("https://letters.harbourpost.example/images/")
        assert app.newsroom.told == (
            "site.brand.logo: 60 pixels high: it looks soft on phones; give one of 100 or more",
        )
    finally:
        app.close()


def test_the_colours_of_letters_and_pages_are_the_mended_ones(site: SiteFolder) -> None:
    branded(site, 'accent = "#FFCC00"')
    app = open_app(load(site.folder / "digest.toml"))
    try:
        assert (app.newsroom.site.accent, app.newsroom.site.accent_dark) == ("#705800", "#FFCC00")
        assert len(app.newsroom.told) == 1
    finally:
        app.close()


def test_a_language_without_a_catalog_is_noted(site: SiteFolder) -> None:
    site.edit('name     = "The Morning Post"', 'name = "M"\nlanguages = ["en-GB", "sw", "vi"]')
    site.edit('name     = "Breaking News"', 'name = "B"\nlanguage = "sw"')
    found = [note.partition(" (there are:")[0] for note in notes(site) if "catalog" in note]
    assert found == [
        "newsletters.daily: there is no catalog for 'sw': our own words will be English",
        "newsletters.daily: there is no catalog for 'vi': our own words will be English",
    ]


def test_a_newsletter_may_use_a_letter_of_ones_own(site: SiteFolder) -> None:
    own = site.folder / "mine" / "noon"
    own.mkdir(parents=True)
    for part in ("subject.txt", "body.mjml", "body.txt"):
        (own / part).write_text(f'{{% extends "house/daily/{part}" %}}')
    site.edit("[web]", 'templates = "mine"\n[web]')
    site.edit('template = "daily"', 'template = "noon"')
    assert site.well("config", "check", "--json").facts["problems"] == []
    site.edit('template = "noon"', 'template = "non"')
    problems = site.digest("config", "check", "--json").facts["problems"]
    assert problems[0].endswith("(did you mean 'noon'?) (got 'non')")


def test_a_folder_of_templates_that_is_not_there_is_a_mistake(site: SiteFolder) -> None:
    site.edit("[web]", 'templates = "nowhere"\n[web]')
    ran = site.digest("config", "check")
    assert ran.code == 2
    assert "settings: site.templates: " in ran.err
    assert "digest templates new" in ran.err
    with pytest.raises(SettingsError, match="there is no such folder"):
        open_app(load(site.folder / "digest.toml"))


# The way out


def mailing(site: SiteFolder, mail: str) -> None:
    """Write another way out, and what belongs to it, into [mail]."""
    site.edit('maildir = "var/mailbox"', mail)


def mistakes(site: SiteFolder) -> list[str]:
    ran = site.digest("config", "check", "--json")
    assert (ran.code, ran.err) == (2, "")
    found: list[str] = ran.facts["problems"]
    return found


def test_keys_that_are_to_sign_and_are_not_there_are_a_mistake(site: SiteFolder) -> None:
    mailing(site, 'discard = true\ndkim = { selector = "digest1" }')
    missing = site.folder / "var" / "keys" / "dkim-digest1.rsa.pem"
    assert mistakes(site) == [f"line 16: mail.dkim.selector: {missing}: missing"]
    ran = site.digest("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert "make a new one: digest keys new --dkim" in ran.err
    site.well("keys", "new", "--dkim")
    site.well("config", "check")
    missing.write_text("no key")
    assert mistakes(site)[0].startswith(f"line 16: mail.dkim.selector: {missing}: damaged: ")


def test_a_signature_by_a_stranger_is_a_mistake(site: SiteFolder) -> None:
    mailing(site, 'discard = true\ndkim = { selector = "digest1", domain = "other.example" }')
    (problem,) = mistakes(site)
    assert problem.startswith("line 16: mail.dkim.domain: other.example: mail from ")


def test_a_bounce_address_without_room_for_what_tells_readers_apart_is_a_mistake(
    site: SiteFolder,
) -> None:
    address = f"{'b' * 24}@harbourpost.example"
    mailing(site, f'discard = true\nbounce_address = "{address}"')
    (problem,) = mistakes(site)
    assert problem == (
        f"line 16: mail.bounce_address: '{'b' * 24}' is 24 characters long: with what tells"
        " readers apart behind it, at most 23 fit before the @"
    )
    site.edit(f'"{address}"', f'"{address}"\nverp = false')
    site.well("config", "check")


def test_amazon_without_its_library_is_a_mistake_found_with_all_others(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailing(site, 'ses = { region = "eu-west-1" }\ndkim = { selector = "digest1" }')
    site.well("keys", "new", "--dkim")
    site.well("config", "check")
    (site.folder / "var" / "keys" / "dkim-digest1.ed25519.pem").unlink()
    monkeypatch.setitem(sys.modules, "botocore", None)
    keys, library = mistakes(site)
    assert keys.endswith("dkim-digest1.ed25519.pem: missing")
    assert library == "line 15: mail.ses: botocore is not installed"


def test_a_key_set_by_a_variable_is_named_by_it(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MAIL__DKIM__SELECTOR", "digest7")
    (problem,) = mistakes(site)
    assert problem.startswith("DIGEST_MAIL__DKIM__SELECTOR: ")


def test_that_nothing_leaves_is_noted(site: SiteFolder) -> None:
    mailing(site, "discard = true")
    assert notes(site) == ["mail.discard: it is on: nothing leaves, and all count as written to"]


@pytest.mark.parametrize(
    "mail",
    [
        'smtp = { host = "relay.example" }',
        'relays = { east = { host = "east.example" } }',
        'ses = { region = "eu-west-1" }',
    ],
)
def test_links_that_are_mailed_and_not_https_are_noted(site: SiteFolder, mail: str) -> None:
    mailing(site, mail)
    assert notes(site) == []
    site.edit("https://letters", "http://letters")
    assert notes(site) == ["web.public_url: not https; it stands in every link we mail"]
