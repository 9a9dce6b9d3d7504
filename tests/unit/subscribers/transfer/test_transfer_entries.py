from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.address import Address
from subscribers.manner import Manner
from subscribers.transfer.columns import Field, State, field_named, fold
from subscribers.transfer.entries import Entry, EntryReader, Word, whole_record
from subscribers.transfer.faults import ReadersFileError, Reason, WontFitError
from subscribers.transfer.layout import (
    Given,
    delimiter_of,
    excel_delimiter,
    joins_nobody,
    layout_of,
    tells_state,
)
from subscribers.transfer.seen import Seen
from subscribers.transfer.values import (
    clean,
    read_hour,
    read_ip,
    read_language,
    read_tags,
    read_time,
    read_words,
    read_zone,
)

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
ANN = Address("ann@reader.example", "ann@reader.example")
BRAZIL = Manner("pt-BR", text_only=True, zone="Europe/London", hour=450)
DAY = datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)


def entry(heading: str, line: str, *, file_name: str = "r.csv", **given: Any) -> Entry | None:
    layout, _ = layout_of(heading.split(","), Given(**given), file_name=file_name)
    return EntryReader(layout, now=NOW).read(line.split(","))


@pytest.mark.parametrize(
    ("heading", "line", "expected"),
    [
        ("E-Mail", "ann@reader.example", Entry(ANN, None)),
        ("name, EMAIL Address ,x", "Ann,ann@reader.example,", Entry(ANN, None)),
        ("email,status", "ann@reader.example,Subscribed", Entry(ANN, State.CONFIRMED)),
        ("email,status", "ann@reader.example,", Entry(ANN, None)),
        ("email,status,unsub_time", "ann@reader.example,,2021-02-03 04:05:06",
            Entry(ANN, State.UNSUBSCRIBED, ended_at=DAY)),
        ("email,status,last changed", "ann@reader.example,bounced,2021-02-03 04:05:06",
            Entry(ANN, State.BOUNCED, ended_at=DAY)),
        ("email,state,state", "ann@reader.example,confirmed,spam", Entry(ANN, State.COMPLAINED)),
        ("email,tags,labels", "ann@reader.example,VIP,old", Entry(ANN, None, tags=("vip", "old"))),
        ("email,topics", "ann@reader.example,a|b", Entry(ANN, None, topics=("a", "b"))),
        ("email,list,list status", "ann@reader.example,The Week,unsubscribed",
            Entry(ANN, None, lists=(Word("The Week", State.UNSUBSCRIBED),))),
        ("email,language,zone,hour,format", "ann@reader.example,pt_BR,Europe/London,07:30,text",
            Entry(ANN, None, manner=BRAZIL)),
        ("email,language", "ann@reader.example,", Entry(ANN, None)),
        ("email,asked at,ip,confirmed at,confirm ip",
            "ann@reader.example,2021-02-03T04:05:06Z,192.0.2.1,2021-02-03 04:05:06,2001:DB8::1",
            Entry(ANN, None, asked_at=DAY, asked_ip="192.0.2.1", confirmed_at=DAY,
                confirmed_ip="2001:db8::1")),
        ("email,state,paused until", "ann@reader.example,paused,2027-01-01",
            Entry(ANN, State.PAUSED, paused_until=datetime(2027, 1, 1, tzinfo=UTC))),
        ("email,x", ",", None),
        ("x,email", "", None),
        ("email", "ann@reader.example,,", Entry(ANN, None)),
    ],
)  # fmt: skip
def test_a_record_is_read_by_its_columns(heading: str, line: str, expected: Entry | None) -> None:
    assert entry(heading, line) == expected


@pytest.mark.parametrize(
    ("heading", "line", "reason", "detail"),
    [
        ("email", "ann", Reason.ADDRESS, "there is no @ in it"),
        ("email", "a" * 1001, Reason.ADDRESS, "it is longer than 1000 characters"),
        ("email,state", "ann@reader.example,perhaps", Reason.UNKNOWN_STATE, "'perhaps'"),
        ("x,email", "Ann", Reason.BROKEN, "it ends after column 1"),
        ("email,x", "ann@reader.example,1,2", Reason.BROKEN, "3 columns, the heading 2"),
    ],
)
def test_what_cannot_be_taken_says_why(
    heading: str, line: str, reason: Reason, detail: str
) -> None:
    with pytest.raises(WontFitError) as caught:
        entry(heading, line)
    assert (caught.value.reason, str(caught.value)) == (reason, detail)


T = "2021-02-03 04:05:06"
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,"
    "created_at,deleted_at,labels,tiers"
)
MAILPOET = (
    "Email,List status,Global status,Subscription IP,Subscription time,"
    "Confirmation time,Confirmation IP,List"
)
MAILCHIMP = "Email Address,First Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED"
TIMES = "2021-02-03 04:05:06,192.0.2.1,2021-02-03 04:05:06,192.0.2.2,2021-02-03 04:05:06"
PROOF: dict[str, Any] = {
    "asked_at": DAY,
    "asked_ip": "192.0.2.1",
    "confirmed_at": DAY,
    "confirmed_ip": "192.0.2.2",
}


@pytest.mark.parametrize(
    ("heading", "line", "name", "expected"),
    [
        (f"{MAILCHIMP},LEID,EUID,NOTES,TAGS", f"ann@reader.example,Ann,{TIMES},1,2,,vip",
            "Mailchimp: subscribed members", Entry(ANN, State.CONFIRMED, tags=("vip",), **PROOF)),
        (f"{MAILCHIMP},UNSUB_TIME,UNSUB_REASON,LEID,EUID",
            f"ann@reader.example,Ann,{TIMES},2021-02-03 04:05:06,N/A,1,2",
            "Mailchimp: unsubscribed members",
            Entry(ANN, State.UNSUBSCRIBED, ended_at=DAY, **PROOF)),
        (f"{MAILCHIMP},CLEAN_TIME,LEID,EUID", f"ann@reader.example,Ann,{TIMES},,1,2",
            "Mailchimp: cleaned members", Entry(ANN, State.BOUNCED, ended_at=DAY, **PROOF)),
        ("uuid,email,name,attributes,status,created_at,updated_at",
            "1,ann@reader.example,Ann,{},blocklisted,2021-02-03 04:05:06+00,2021-02-03 04:05:06+00",
            "listmonk: subscribers",
            Entry(ANN, State.BLOCKED, asked_at=DAY, ended_at=DAY)),
        (GHOST,
            "1,ann@reader.example,Ann,,true,false,,2021-02-03T04:05:06.000Z,,VIP,",
            "Ghost: members", Entry(ANN, State.CONFIRMED, confirmed_at=DAY, tags=("vip",))),
        ("email,subscribed_to_emails,created_at,deleted_at",
            "ann@reader.example,true,,2021-02-03T04:05:06.000Z",
            "Ghost: members", Entry(ANN, State.UNSUBSCRIBED, ended_at=DAY)),
        ("email,active_subscription,expiry,plan,email_disabled,created_at",
            "ann@reader.example,true,,yearly,false,2021-02-03T04:05:06.000Z",
            "Substack: subscribers", Entry(ANN, State.CONFIRMED, confirmed_at=DAY, tags=("paid",))),
        (MAILPOET,
            f"ann@reader.example,Unsubscribed,Inactive,192.0.2.1,{T},{T},192.0.2.2,The Week",
            "MailPoet: subscribers",
            Entry(ANN, State.CONFIRMED, lists=(Word("The Week", State.UNSUBSCRIBED),), **PROOF)),
        ("address,newsletter,state,topics", "'ann@reader.example,daily,paused,",
            "digest: readers", None),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value and "," not in value else "",
)  # fmt: skip
def test_exports_of_other_programs_are_known_by_their_columns(
    heading: str, line: str, name: str, expected: Entry | None
) -> None:
    layout, _ = layout_of(heading.split(","), Given(), file_name="export.csv")
    assert layout.name == name
    if expected is not None:
        assert EntryReader(layout, now=NOW).read(line.split(",")) == expected


def test_contacts_who_never_agreed_are_known_by_the_files_name() -> None:
    heading = f"{MAILCHIMP},LEID,EUID".split(",")
    layout, _ = layout_of(heading, Given(), file_name="nonsubscribed_export_1.csv")
    assert (layout.name, layout.state) == ("Mailchimp: non-subscribed contacts", State.NEVER_AGREED)
    assert joins_nobody(layout)
    assert tells_state(layout)


def test_own_exports_lose_their_apostrophes() -> None:
    found = entry("address,newsletter,state", "'+ann@reader.example,daily,confirmed")
    assert found is not None
    assert found.address.mailed == "+ann@reader.example"
    assert (found.state, found.lists) == (None, (Word("daily", State.CONFIRMED),))


def test_columns_can_be_named_left_out_and_taken_from_others() -> None:
    found = entry(
        "Contact,status,mail",
        "ann@reader.example,old,bob@reader.example",
        renamed={"address": "contact", "state": "-"},
    )
    assert found == Entry(ANN, None)
    assert entry("a,b", "ann@reader.example,x", columns=("mail", "town")) == Entry(ANN, None)
    layout, named = layout_of(
        ["Mail", "Town"], Given(columns=("mail", "town"), program="table"), file_name="r.csv"
    )
    assert (named, layout.unused) == (True, ("town",))
    assert entry("email,status", "ann@reader.example,vip", renamed={"tags": "status"}) == (
        Entry(ANN, None, tags=("vip",))
    )
    two = {"tags": "a", "Labels": "b"}
    assert entry("email,a,b", "ann@reader.example,x,y", renamed=two) == (
        Entry(ANN, None, tags=("x", "y"))
    )


def test_the_program_can_be_named() -> None:
    found = entry("email,subscribed_to_emails", "ann@reader.example,false", program="Ghost")
    assert found == Entry(ANN, State.UNSUBSCRIBED)


HEADLESS = "r.csv: the first line is a reader already: there is no heading"


@pytest.mark.parametrize(
    ("heading", "given_", "sentence"),
    [
        ("name,town", {}, "r.csv: there is no column of addresses; there are: 'name', 'town'"),
        ("", {}, "r.csv: there is no column of addresses; there are: nothing"),
        ("ann@reader.example", {}, HEADLESS),
        ("email", {"renamed": {"shoe": "email"}}, "--column: 'shoe': no such thing"),
        ("email", {"renamed": {"state": "x"}}, "r.csv: there is no column 'x'"),
        ("email", {"program": "x"}, "--format: 'x': no such program"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_understood_is_one_sentence(
    heading: str, given_: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ReadersFileError) as caught:
        layout_of(heading.split(","), Given(**given_), file_name="r.csv")
    assert str(caught.value) == sentence
    assert caught.value.hint


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("email,name", ","), ("email;name,first", ";"), ("Name\tE-Mail", "\t"), ("a|email", "|")],
)
def test_what_parts_the_cells_is_found(line: str, delimiter: str) -> None:
    assert delimiter_of(line) == delimiter


def test_excels_first_line_is_known() -> None:
    assert [excel_delimiter(each) for each in ("sep=;\r\n", '"sep=\t"', "SEP=|", "separate")] == [
        ";",
        "\t",
        "|",
        "",
    ]


def test_a_line_can_be_a_record_by_itself() -> None:
    layout, _ = layout_of(["name", "email"], Given(), file_name="r.csv")
    whole = whole_record(layout)
    assert whole(["Ann", " ann@reader.example"])
    assert not whole(["Ann", "x"])
    assert not whole(["ann@reader.example"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-02-03 04:05:06", DAY),
        (" 2021-02-03 04:05:06 ", DAY),
        ("2021-02-03T06:05:06+02:00", DAY),
        ("2021-02-03 04:05:06.000000 +0000 UTC", DAY),
        ("1612325106", DAY),
        ("1612325106000", DAY),
        ("3.2.2021 04:05:06", DAY),
        ("3.2.2021", datetime(2021, 2, 3, tzinfo=UTC)),
        ("2021-02-03", datetime(2021, 2, 3, tzinfo=UTC)),
        ("31.31.2021", None),
        ("", None),
        ("yesterday", None),
        ("1970-01-01", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-01-09 12:00", NOW),
        ("2031-01-01", None),
    ],
)
def test_times_are_read_as_programs_and_spreadsheets_write_them(
    text: str, expected: datetime | None
) -> None:
    assert read_time(text, NOW) == expected


def test_values_that_are_none_are_left_out() -> None:
    assert [read_ip(each) for each in ("192.0.2.1", " ::1 ", "300.1.1.1", "x")] == [
        "192.0.2.1",
        "::1",
        None,
        None,
    ]
    assert [read_language(each) for each in ("EN", "fr_CA", "English!", "x" * 40)] == [
        "en",
        "fr-CA",
        None,
        None,
    ]
    assert [read_zone(each) for each in ("Europe/London", "../etc/passwd")] == [
        "Europe/London",
        None,
    ]
    assert [read_hour(each) for each in ("07:30", "450", "24:00", "9999", "noon", "²")] == [
        450,
        450,
        None,
        None,
        None,
        None,
    ]


def test_words_of_a_list_are_read_however_they_are_parted() -> None:
    assert read_words('"tag one","tag, two"') == [("tag one", ""), ("tag, two", "")]
    assert read_words("a; b ;;c") == [("a", ""), ("b", ""), ("c", "")]
    listed = '[{"name": "Week", "subscription_status": "confirmed"}, "x", {"id": 1}, 3]'
    assert read_words(listed) == [("Week", "confirmed"), ("x", ""), ("3", "")]
    assert read_words("[broken") == [("[broken", "")]
    assert read_words("  ") == []
    assert read_tags("VIP, vip, \x00,gift\u20282026," + "y" * 99) == (
        "vip",
        "gift 2026",
        "y" * 64,
    )


@given(st.text())
def test_a_cleaned_value_is_one_line(text: str) -> None:
    cleaned = clean(text)
    assert not set(cleaned) & set("\x00\r\n\t\u2028\u2029\x85")
    cleaned.encode()


def test_what_was_seen_is_known_again() -> None:
    seen = Seen(3000)
    names = [f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}{'0' * 48}" for n in range(3000)]
    assert all(seen.add(each) for each in names)
    assert not any(seen.add(each) for each in names)


def test_headings_and_names_of_fields_are_folded() -> None:
    assert fold(" E-Mail_Address ") == "e mail address"
    assert field_named("Confirmed at") is Field.CONFIRMED_AT
    assert field_named("labels") is Field.TAGS
    assert field_named("shoe") is None
