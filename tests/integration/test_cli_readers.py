"""The commands about readers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from digest.db import Database
from tests.integration.cli_site import SiteFolder, make_site


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site without readers."""
    return make_site(tmp_path)


def test_addresses_are_taken_as_people_paste_them_and_the_bad_ones_are_told(
    site: SiteFolder,
) -> None:
    ran = site.digest(
        *("subscribers", "add", "Ünï <Uni@Bücher.example>", "bad", "ann@reader.example"),
        *("ann@reader.example", "--newsletter", "daily", "-n", "daily"),
    )
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == (
        "  ok    Uni@xn--bcher-kva.example added to daily\n"
        "  FAIL  e-mail address: 'bad': there is no @ in it\n"
        "        Write one address, as in name@example.org.\n"
        "  ok    ann@reader.example added to daily\n"
        "  ok    ann@reader.example was there already\n"
    )


def test_adding_answers_in_json(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "add", "ann@reader.example", "b@d", "--json")
    assert (ran.code, ran.err) == (1, "")
    assert ran.facts == [
        {
            "address": "ann@reader.example",
            "added": ["daily", "breaking"],
            "changed": [],
            "problem": "",
            "hint": "",
            "warning": "",
        },
        {
            "address": "b@d",
            "added": [],
            "changed": [],
            "problem": "e-mail address: 'b@d': the part after the @ has no dot",
            "hint": "Write one address, as in name@example.org.",
            "warning": "",
        },
    ]


def test_an_address_cannot_steer_the_terminal(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "add", "\x1b[2Jann@reader.example\n")
    assert ran.code == 1
    assert "\x1b" not in ran.out


def test_who_has_left_is_only_added_again_on_purpose(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example")
    assert site.well("subscribers", "unsubscribe", "ann@reader.example").out == (
        "Unsubscribed from daily and breaking.\n"
    )
    assert site.well("subscribers", "unsubscribe", "ann@reader.example").out == (
        "They were not subscribed; nothing changed.\n"
    )
    ran = site.digest("subscribers", "add", "ann@reader.example")
    assert ran.code == 1
    assert ran.out.startswith(
        "  FAIL  e-mail address: 'ann@reader.example': this reader has unsubscribed\n"
    )
    assert site.well("subscribers", "add", "--again", "ann@reader.example").out == (
        "  ok    ann@reader.example added to daily and breaking\n"
    )


def test_one_newsletter_can_be_left(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example")
    words = ("subscribers", "unsubscribe", "ANN@reader.example", "-n", "daily")
    assert site.well(*words, "--json").facts == {
        "address": "ANN@reader.example",
        "unsubscribed": ["daily"],
    }
    assert site.well("subscribers", "show", "ann@reader.example").steady == (
        "ann@reader.example\n"
        "  daily  unsubscribed\n"
        "  breaking  confirmed\n\n"
        "  WHEN  WHAT  NEWSLETTER  HOW\n"
        "  DAY HH:MM  added by the publisher  daily  command\n"
        "  DAY HH:MM  added by the publisher  breaking  command\n"
        "  DAY HH:MM  unsubscribed  daily  command\n"
    )
    facts = site.well("subscribers", "show", "ann@reader.example", "--json").facts
    assert facts["subscriptions"] == [
        {"newsletter": name, "state": state, "topics": "everything", "paused_until": None}
        for name, state in (("daily", "unsubscribed"), ("breaking", "confirmed"))
    ]
    assert [line["kind"] for line in facts["consent"]] == [
        "added by the publisher",
        "added by the publisher",
        "unsubscribed",
    ]
    assert site.well("subscribers", "list").steady == (
        "ADDRESS  NEWSLETTER  STATE  SINCE\n"
        "ann@reader.example  daily  unsubscribed  DAY HH:MM\n"
        "ann@reader.example  breaking  confirmed  DAY HH:MM\n"
    )


def test_a_long_list_says_how_to_see_the_rest(site: SiteFolder) -> None:
    assert site.well("subscribers", "list").out == (
        "No readers yet. Add one: digest subscribers add ADDRESS\n"
    )
    assert site.well("subscribers", "list", "--json").facts == []
    site.well("subscribers", "add", *(f"reader{n}@reader.example" for n in range(3)))
    ran = site.well("subscribers", "list", "--limit", "2", "-n", "daily")
    assert ran.out.splitlines()[-1] == "2 of 3 lines; more with --limit"
    facts = site.well("subscribers", "list", "--json").facts
    assert [(row["address"], row["newsletter"]) for row in facts] == [
        (f"reader{n}@reader.example", slug) for slug in ("daily", "breaking") for n in range(3)
    ]
    ran = site.digest("subscribers", "list", "--limit", "0")
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["show", "ann@reader.example"],
            1,
            "subscribers: ann@reader.example: is not on any list",
        ),
        (["show", "bad"], 1, "e-mail address: 'bad': there is no @ in it"),
        (
            ["unsubscribe", "ann@reader.example"],
            1,
            "reader: ann@reader.example: no such subscriber",
        ),
        (["unsubscribe", "bad"], 1, "e-mail address: 'bad': there is no @ in it"),
        (
            ["list", "-n", "dayly"],
            2,
            "newsletter: 'dayly': there is no such newsletter (did you mean 'daily'?)",
        ),
        (["add"], 2, "missing argument 'ADDRESSES...'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_one_line_and_a_hint(
    words: list[str], code: int, sentence: str, site: SiteFolder
) -> None:
    ran = site.digest("subscribers", *words)
    assert (ran.code, ran.out) == (code, "")
    first, hint = ran.err.splitlines()
    assert first == f"digest: {sentence}"
    assert hint.startswith("  ")


def test_a_reader_of_a_newsletter_that_is_gone_is_still_shown(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example")
    text = (site.folder / "digest.toml").read_text("utf-8")
    site.edit(text[text.index("[newsletters.breaking]") :], "")
    assert "  no. 2, gone from digest.toml  confirmed\n" in (
        site.well("subscribers", "show", "ann@reader.example").out
    )
    assert site.well("subscribers", "unsubscribe", "ann@reader.example").out == (
        "Unsubscribed from daily and no. 2, gone from digest.toml.\n"
    )


def test_a_consent_for_all_newsletters_is_shown_as_such(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example")
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE consent SET newsletter_id = NULL")
    database.close()
    facts = site.well("subscribers", "show", "ann@reader.example", "--json").facts
    assert {line["newsletter"] for line in facts["consent"]} == {"all"}


def test_without_newsletters_nobody_can_be_added(site: SiteFolder) -> None:
    text = (site.folder / "digest.toml").read_text("utf-8")
    site.edit(text[text.index("[newsletters.daily]") :], "")
    ran = site.digest("subscribers", "add", "ann@reader.example")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: subscribers: there is no newsletter\n  Add [newsletters.daily] to digest.toml.\n"
    )
    assert site.digest("prepare", "daily").err.endswith(
        "  There are: none; add one to digest.toml.\n"
    )
    assert site.well("status").steady.startswith("DAY, HH:MM in ZONE\n\n")


def test_readers_get_their_letters_in_the_language_and_shape_they_want(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example", "--language", "de-AT", "--format", "text")
    assert site.well("subscribers", "show", "ann@reader.example").out.splitlines()[:3] == [
        "ann@reader.example",
        "  Language  de-AT",
        "  Format    text alone",
    ]
    site.well("subscribers", "add", "ann@reader.example", "--format", "html")
    shown = json.loads(site.well("subscribers", "show", "ann@reader.example", "--json").out)
    assert (shown["language"], shown["format"]) == ("de-AT", "html")


def test_a_language_that_no_letter_is_made_in_is_kept_and_told(site: SiteFolder) -> None:
    words = ("subscribers", "add", "ann@reader.example")
    assert site.well(*words, "--language", "sv").out == (
        "  ok    ann@reader.example added to daily and breaking\n"
        "  warn  language sv: daily and breaking are not made in it: they come in en\n"
        '        To make one in more languages: languages = ["de"] in digest.toml.\n'
    )
    site.edit("[newsletters.daily]\n", '[newsletters.daily]\nlanguages = ["de"]\n')
    told = "language de-AT: breaking is not made in it: it comes in en"
    facts = site.well(*words, "--language", "de-AT", "--json").facts
    assert [(one["changed"], one["warning"]) for one in facts] == [(["language de-AT"], told)]
    assert "warn" not in site.well(*words, "--language", "de", "-n", "daily").out
    assert "warn" not in site.well(*words, "--language", "en-GB").out
    assert "warn" not in site.digest("subscribers", "add", "bad", "--language", "sv").out


def test_a_language_that_is_none_is_refused(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "add", "ann@reader.example", "--language", "German!")
    assert ran.code == 2
    assert ran.err == (
        "digest: language: 'German!': not a language tag\n  Write it as de or pt-BR.\n"
    )


def test_what_changes_with_somebody_who_is_there_is_said(site: SiteFolder) -> None:
    who = ("subscribers", "add", "ann@reader.example")
    site.well(*who, "--language", "en")
    site.well(*who, "-n", "daily", "--tag", "Member")
    ran = site.well(*who, "--language", "en-GB", "--format", "text", "--zone", "Europe/Vienna")
    assert ran.out == (
        "  ok    ann@reader.example was there already; changed: language en-GB, text\n"
        "        alone and zone Europe/Vienna\n"
    )
    ran = site.well(*who, "--format", "html", "--tag", "gift", "--tag", "member", "--json")
    assert ran.facts[0]["changed"] == ["with HTML", "tag gift"]
    assert site.well(*who, "--language", "en-GB").out == (
        "  ok    ann@reader.example was there already\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--zone", "Europe/Viena"], "no such time zone (did you mean 'Europe/Vienna'?)"),
        (["--tag", "a,b"], "a comma, a semicolon, a bar or an unseen character is in it"),
    ],
)
def test_a_zone_or_tag_that_is_none_is_refused(
    words: list[str], sentence: str, site: SiteFolder
) -> None:
    ran = site.digest("subscribers", "add", "ann@reader.example", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0].endswith(sentence)


def test_a_list_can_be_of_a_segment_or_a_state(site: SiteFolder) -> None:
    site.well("subscribers", "add", "ann@reader.example", "--language", "de", "--tag", "member")
    site.well("subscribers", "add", "bob@reader.example")
    site.well("subscribers", "unsubscribe", "ann@reader.example", "-n", "daily")
    german = ("subscribers", "list", "--segment", "language:de and tag:member", "--json")
    assert [(row["address"], row["state"]) for row in site.well(*german).facts] == [
        ("ann@reader.example", "unsubscribed"),
        ("ann@reader.example", "confirmed"),
    ]
    assert [row["newsletter"] for row in site.well(*german, "--state", "confirmed").facts] == [
        "breaking"
    ]
    left = site.well("subscribers", "list", "--state", "unsubscribed", "--json").facts
    assert [row["address"] for row in left] == ["ann@reader.example"]
    assert site.well("subscribers", "list", "--state", "paused").out == "Nobody stands like that.\n"
    one = site.well(
        "subscribers", "list", "--segment", "language:de", "--limit", "1", "-n", "daily"
    )
    assert one.out.count("reader.example") == 1


def test_a_segment_that_cannot_be_read_is_pointed_at(site: SiteFolder) -> None:
    ran = site.digest("subscribers", "list", "--segment", "topc:sport")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[:3] == [
        "digest: segment: 'topc': no such field (did you mean 'topic'?)",
        "  topc:sport",
        "  ^",
    ]
