from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.dates import FIRST_YEAR, date_in_url, read_date

BERLIN = "Europe/Berlin"
FIRST = datetime(FIRST_YEAR, 1, 2)  # noqa: DTZ001 - the strategy adds none
LAST = datetime(9998, 12, 30)  # noqa: DTZ001 - the strategy adds none


def _utc(written: str) -> datetime:
    return datetime.fromisoformat(f"{written}+00:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Fri, 09 Jan 2026 06:15:00 +0100", "2026-01-09 05:15"),
        ("Fri, 09 Jan 2026 06:15:00 GMT", "2026-01-09 06:15"),
        ("Fri, 9 Jan 26 06:15 EST", "2026-01-09 11:15"),
        ("9 Jan 99 06:15 UT", "1999-01-09 06:15"),
        ("Fri, 09 Jan 2026 06:15:00 -0000", "2026-01-09 06:15"),
        ("Fri, 09 Jan 2026 06:15:00 GMT+0100 (Central European Time)", "2026-01-09 05:15"),
        ("Fri, 09 Jan 2026 06:15:00 MEZ", "2026-01-09 05:15"),
        ("Fri Jan  9 06:15:00 CET 2026", "2026-01-09 05:15"),
        ("2026-01-09T06:15:00Z", "2026-01-09 06:15"),
        ("2026-01-09t06:15:00.123456789+01:00", "2026-01-09 05:15"),
        ("2026-01-09 06:15:00 UTC", "2026-01-09 06:15"),
        ("2026-01-09T06:15:00+0100", "2026-01-09 05:15"),
        ("2026-01-09T06:15+01", "2026-01-09 05:15"),
        ("2026-01-09T06:15:00+5:30", "2026-01-09 00:45"),
        ("2026-01-09T06:15:00\u221205:00", "2026-01-09 11:15"),
        ("2026-01-09T06:15:00+01:00[Europe/Berlin]", "2026-01-09 05:15"),
        ("2026-01-09T06:15:00 America/New_York", "2026-01-09 11:15"),
        ("20260109T061500Z", "2026-01-09 06:15"),
        ("1767938400", "2026-01-09 06:00"),
        ("1767938400123", "2026-01-09 06:00"),
    ],
)
def test_a_date_that_names_its_zone_is_read_in_every_form(written: str, moment: str) -> None:
    assert read_date(written, BERLIN) == _utc(moment)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-09T06:15:00", "2026-01-09 05:15"),
        ("2026-07-09T06:15:00", "2026-07-09 04:15"),
        ("Fri, 09 Jan 2026 06:15:00", "2026-01-09 05:15"),
        ("Fri, 09 Jan 2026 06:15:00 XYZT", "2026-01-09 05:15"),
        ("20260709061500", "2026-07-09 04:15"),
        ("2026-01-09", "2026-01-08 23:00"),
        ("20260709", "2026-07-08 22:00"),
        ("2026/1/9 6:15", "2026-01-09 05:15"),
        ("9.1.2026", "2026-01-08 23:00"),
        ("13/01/2026 8:00", "2026-01-13 07:00"),
        ("1/13/2026 8:00 PM", "2026-01-13 19:00"),
        ("5/5/26", "2026-05-04 22:00"),
    ],
)
def test_a_date_without_a_zone_is_in_its_sources_and_right_across_summer_time(
    written: str, moment: str
) -> None:
    assert read_date(written, BERLIN) == _utc(moment)


def test_a_date_in_the_hour_that_is_left_out_or_comes_twice_is_still_one_moment() -> None:
    assert read_date("2026-03-29 02:30", BERLIN) == _utc("2026-03-29 01:30")
    assert read_date("2026-10-25 02:30", BERLIN) == _utc("2026-10-25 00:30")


def test_the_same_name_of_a_zone_means_the_sources_own_first() -> None:
    written = "Fri, 10 Jul 2026 12:00:00 IST"
    assert read_date(written, "Europe/Dublin") == _utc("2026-07-10 11:00")
    assert read_date(written, "Asia/Kolkata") == _utc("2026-07-10 06:30")
    assert read_date("10 Jul 2026 12:00 CST", "Asia/Shanghai") == _utc("2026-07-10 04:00")
    assert read_date("10 Jul 2026 12:00 CST") == _utc("2026-07-10 18:00")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("January 9th, 2026 6:15 pm", "2026-01-09 18:15"),
        ("Jan 9, 2026, 12:05 a.m.", "2026-01-09 00:05"),
        ("06:15, 9 January 2026", "2026-01-09 06:15"),
        ("Freitag, 9. Jänner 2026 um 8 Uhr", "2026-01-09 08:00"),
        ("9. Januar 2026, 8.15 Uhr", "2026-01-09 08:15"),
        ("Mi, 04 März 2026 08:00:00 +0100", "2026-03-04 07:00"),
        ("Do., 31. Dez. 2026", "2026-12-31 00:00"),
        ("lun, 05 janv. 2026 08:00:00 +0100", "2026-01-05 07:00"),
        ("mar. 10 févr. 2026 à 8h05", "2026-02-10 08:05"),
        ("mar, 10 mar 2026 08:00:00 +0100", "2026-03-10 07:00"),
        ("samedi 1er août 2026", "2026-08-01 00:00"),
        ("vie, 09 ene 2026 8:15 p. m.", "2026-01-09 20:15"),
        ("miércoles, 9 de septiembre de 2026", "2026-09-09 00:00"),
        ("الجمعة، ٩ يناير ٢٠٢٦ ٨:\u0660\u0660 م", "2026-01-09 20:00"),
        ("الأحد 4 كانون الثاني 2026 08:00", "2026-01-04 08:00"),
        ("4 تشرين الأول 2026", "2026-10-04 00:00"),
        ("٩ أغسطس ٢٠٢٦ 7:00 صباحا", "2026-08-09 07:00"),
        ("2026년 1월 9일 8:00", "2026-01-09 08:00"),
        ("2026年1月9日 08:00", "2026-01-09 08:00"),
    ],
)
def test_dates_are_read_in_the_languages_of_publishers(written: str, moment: str) -> None:
    assert read_date(written) == _utc(moment)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("31 Dec 2025 24:00:00 GMT", "2026-01-01 00:00"),
        ("31 Dec 2016 23:59:60 GMT", "2017-01-01 00:00"),
        ("9 Jan 2199 06:00 GMT", "2199-01-09 06:00"),
    ],
)
def test_the_end_of_a_day_leap_seconds_and_the_far_future_are_dates(
    written: str, moment: str
) -> None:
    assert read_date(written) == _utc(moment)


@pytest.mark.parametrize(
    "written",
    [
        "", "soon", "yesterday", "2026", "2026-01", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
        "0", "0000-00-00 00:00:00",
        "2026-02-30", "2026-13-01", "03/04/2026", "2026-01-09T25:00:00Z",
        "9999-12-31T23:59:59-12:00", "9 Jan 2026 06:15 +9900", "99999999", "9 Jan", "Jan 2026",
        "9 Jan 2026 and 10 Jan 2026", "9 Jan 2026 2027", "Jan 123 26", "9 Jan 2026 at noon sharp",
        "9 Jan 2026 13:00 pm", "2026-01-09 7", "9 Jan 2026 (x" + "x" * 200, "12026-01-09",
        "999 Jan 999", "9/9/9/9",
    ],
)  # fmt: skip
def test_what_is_no_date_or_nobody_can_be_sure_of_is_none(written: str) -> None:
    assert read_date(written, BERLIN) is None


def test_an_unknown_zone_of_the_source_is_utc() -> None:
    assert read_date("2026-01-09 06:15", "Mars/Olympus") == _utc("2026-01-09 06:15")


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://e.example/2026/01/09/ferry-back", "2026-01-09"),
        ("https://e.example/town/2026/1/9", "2026-01-09"),
        ("https://e.example/2026-01-09-ferry.html", "2026-01-09"),
        ("https://e.example/2026/jan/09/ferry", "2026-01-09"),
        ("https://e.example/news/ferry-20260109.html", "2026-01-09"),
        ("https://e.example/2026/01/09/2026-01-09-again", "2026-01-09"),
    ],
)
def test_an_addresss_date_is_the_beginning_of_that_day_in_the_zone(url: str, day: str) -> None:
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York"))
    assert date_in_url(url, "America/New_York") == local.astimezone(UTC)


@pytest.mark.parametrize(
    "url",
    [
        "https://e.example/2026/01/ferry",
        "https://e.example/2026/13/09/ferry",
        "https://e.example/2026/02/30/ferry",
        "https://e.example/1776/07/04/ferry",
        "https://e.example/20261399/ferry",
        "https://e.example/?day=/2026/01/09/",
        "https://e.example/2026/01/09/2025/01/01/two",
        "https://e.example/2026/xyz/09/ferry",
        "https://e.example/12026/01/09",
        "https://[e.example/2026/01/09/",
        "",
    ],
)
def test_an_address_without_one_plausible_date_has_none(url: str) -> None:
    assert date_in_url(url) is None


@settings(deadline=None)
@given(
    st.datetimes(FIRST, LAST),
    st.sampled_from(
        ["%a, %d %b %Y %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%SZ", "%d %B %Y %I:%M:%S %p GMT"]
    ),
    st.sampled_from([BERLIN, "UTC", "Pacific/Apia"]),
)
def test_what_is_written_is_what_is_read(moment: datetime, form: str, zone: str) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert read_date(whole.strftime(form), zone) == whole


PIECES = st.sampled_from(
    ["2026", "09", "9", "Jan", "mar", "janv.", "ene", "٩", "يناير", ":", "/", "-", ".", "T", "Z",
     "+01:00", "GMT", "EST", "pm", "Uhr", "à", "24:00", "23:59:60", "(", ")", "[", "0001", "9999",
     "Europe/Berlin", "h", ",", "th", "\u0660", "²", "99"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=3), max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_an_aware_moment_in_utc_or_none(text: str) -> None:
    for moment in (read_date(text, BERLIN), date_in_url(text, BERLIN)):
        assert moment is None or (
            moment.utcoffset() == timedelta(0) and FIRST_YEAR <= moment.year <= 9999
        )
