from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import UsageError
from subscribers.model import Subscription, SubscriptionState
from subscribers.segment_fault import SegmentError
from subscribers.segments import (
    LONGEST,
    Ago,
    Compared,
    Every,
    Field,
    Has,
    Not,
    Rule,
    Segment,
    Some,
    Vocabulary,
    When,
    day_starts,
    parse,
    state_at,
)
from subscribers.tags import LONGEST_TAG, read_tag
from tests.unit.subscribers.segment_builders import VOCABULARY, rules


def _read(text: str) -> Segment:
    return parse(text, vocabulary=VOCABULARY)


def _fault(text: str, vocabulary: Vocabulary = VOCABULARY) -> SegmentError:
    with pytest.raises(SegmentError) as caught:
        parse(text, vocabulary=vocabulary)
    return caught.value


@pytest.mark.parametrize(
    ("text", "rule", "written"),
    [
        (
            "topic:sport and joined<2026-01-01",
            Every(
                (
                    Has(Field.TOPIC, ("sport",)),
                    When(Field.JOINED, Compared.BEFORE, date(2026, 1, 1)),
                )
            ),
            "topic:sport and joined<2026-01-01",
        ),
        ("newsletter:Daily", Has(Field.NEWSLETTER, ("daily",)), "newsletter:daily"),
        ("topic:daily/sport", Has(Field.TOPIC, ("daily/sport",)), "topic:daily/sport"),
        ("LANGUAGE:de_AT", Has(Field.LANGUAGE, ("de-at",)), "language:de-at"),
        ("language:(de or FR or de)", Has(Field.LANGUAGE, ("de", "fr")), "language:(de or fr)"),
        ("zone:europe/london", Has(Field.ZONE, ("Europe/London",)), "zone:Europe/London"),
        ("zone:europe/*", Has(Field.ZONE, ("Europe/*",)), "zone:Europe/*"),
        ("active > 90d", When(Field.ACTIVE, Compared.AFTER, Ago(90)), "active>today-90d"),
        ("joined=today-2w", When(Field.JOINED, Compared.ON, Ago(14)), "joined=today-14d"),
        ("joined>=today", When(Field.JOINED, Compared.SINCE, Ago(0)), "joined>=today"),
        ('tag:"Gift  2026"', Has(Field.TAG, ("gift 2026",)), 'tag:"gift 2026"'),
        (r'tag:"a\"b\\c"', Has(Field.TAG, ('a"b\\c',)), r'tag:"a\"b\\c"'),
        ("state:daily/paused", Has(Field.STATE, ("daily/paused",)), "state:daily/paused"),
        ("format:Text", Has(Field.FORMAT, ("text",)), "format:text"),
        ("domain:@Bücher.example", Has(Field.DOMAIN, ("xn--bcher-kva.example",)), None),
        ('address:"Ann@Reader.example"', Has(Field.ADDRESS, ("ann@reader.example",)), None),
        (
            "not (tag:member or tag:and) AND NOT tag:or",
            Every(
                (
                    Not(Some((Has(Field.TAG, ("member",)), Has(Field.TAG, ("and",))))),
                    Not(Has(Field.TAG, ("or",))),
                )
            ),
            "not (tag:member or tag:and) and not tag:or",
        ),
        (
            "tag:or or tag:and and tag:member",
            Some(
                (
                    Has(Field.TAG, ("or",)),
                    Every((Has(Field.TAG, ("and",)), Has(Field.TAG, ("member",)))),
                )
            ),
            "tag:or or tag:and and tag:member",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_expression_means_what_it_says(text: str, rule: Rule, written: str | None) -> None:
    segment = _read(text)
    assert segment == Segment(rule)
    assert written is None or segment.text == written
    assert _read(segment.text) == segment


@given(rules())
def test_what_is_written_reads_back_to_the_same(rule: Rule) -> None:
    text = Segment(rule).text
    read = _tried(text)
    if isinstance(read, SegmentError):
        assert len(text) > LONGEST or "deep" in read.cause
        return
    assert _read(read.text) == read
    assert Segment(rule).text.replace("(", "").replace(")", "") == (
        read.text.replace("(", "").replace(")", "")
    )


@given(st.text(max_size=60) | st.text('topicjed:<=>()"\\ andornt2026-', max_size=80))
def test_whatever_is_typed_is_read_or_told_with_its_place(text: str) -> None:
    read = _tried(text)
    if isinstance(read, Segment):
        assert _read(read.text) == read
        return
    line, mark = read.pointer
    assert 0 <= read.at <= len(text)
    assert mark.strip() == "^"
    assert "\n" not in line


def _tried(text: str) -> Segment | SegmentError:
    try:
        return _read(text)
    except SegmentError as error:
        return error


@pytest.mark.parametrize(
    ("text", "cause", "mark"),
    [
        ("topc:sport", "'topc': no such field (did you mean 'topic'?)", "^"),
        ("tag:membr", "'membr': no such tag (did you mean 'member'?)", "    ^"),
        ("newsletter:dayly", "'dayly': no such newsletter (did you mean 'daily'?)", " " * 11 + "^"),
        ("topic:spor", "'spor': no such topic (did you mean 'sport'?)", "      ^"),
        ("topic:daily/x", "'daily/x': no such topic of daily", "      ^"),
        ("topic:x/sport", "'x/sport': no such newsletter", "      ^"),
        ("state:gone", "'gone': no such state", "      ^"),
        ("state:x/paused", "'x/paused': no such newsletter", "      ^"),
        ("format:pdf", "'pdf': no such format", "       ^"),
        ("language:German!", "'German!': not a language", "         ^"),
        (
            "zone:Europe/Lundon",
            "'Europe/Lundon': no such time zone (did you mean 'Europe/London'?)",
            "     ^",
        ),
        ("domain:gmial", "'gmial': the part after the @ has no dot", "       ^"),
        ("joined:2026-01-01", "':': joined is compared by < <= > >= or =", "      ^"),
        ("joined<2026-02-30", "'2026-02-30': there is no such day", "       ^"),
        ("joined<0001-01-01", "'0001-01-01': not a day", "       ^"),
        ("joined>99999w", "'99999w': not a day", "       ^"),
        ("joined>(1d or 2d)", "'2d': joined is compared with one day", " " * 14 + "^"),
        ("tag<x", "'<': tag is followed by a colon", "   ^"),
        ("topic:", "the end: expected a value, (", "      ^"),
        ("sport", "the end: expected a colon or a comparison", "     ^"),
        ("not", "the end: expected a field, as in topic:sport, (, not", "   ^"),
        ("(tag:member", "the end: expected )", " " * 11 + "^"),
        ("tag:member)", "')': expected the end", " " * 10 + "^"),
        ("tag:member tag:and", "'tag:and': expected and, or, the end", " " * 11 + "^"),
        ('tag:"member', "this quotation mark is never closed", "    ^"),
        ('tag:""', "'': it is empty", "    ^"),
        ("language:(de or )", "')': expected a value", " " * 16 + "^"),
        (
            "日本:x and",
            "the end: expected a field, as in topic:sport, (, not",
            "\u3000\u3000      ^",
        ),
        ("", "it is empty", "^"),
        ("  ", "it is empty", "^"),
    ],
    ids=lambda value: value[:20],
)
def test_a_slip_is_pointed_at(text: str, cause: str, mark: str) -> None:
    error = _fault(text)
    assert (error.cause, error.pointer[1]) == (cause, mark)
    assert str(error).startswith(f"segment: {cause}\n  ")
    assert error.hint


def test_a_tag_nobody_has_is_fine_where_no_database_can_be_asked() -> None:
    anything = Vocabulary(VOCABULARY.topics)
    assert parse("tag:later", vocabulary=anything).text == "tag:later"


def test_a_long_expression_is_shown_around_the_place() -> None:
    text = "tag:member and " * 20 + "topc:x and " + "tag:member and " * 20 + "tag:and"
    line, mark = _fault(text).pointer
    assert line[mark.index("^") :].startswith("topc:x")
    assert line[0] == line[-1] == "…"
    assert len(line) <= 66


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("(" * 60 + "tag:member" + ")" * 60, "brackets and not stand more than 20 deep"),
        ("not " * 400 + "tag:member", "brackets and not stand more than 20 deep"),
        ("tag:member or " * 150 + "tag:and", "it has 2,107 characters, 2,000 at most"),
        ("joined>1d or " * 150 + "tag:and", "spelt out it has 2,857 characters"),
    ],
)
def test_what_is_too_much_is_refused(text: str, cause: str) -> None:
    assert _fault(text).cause.startswith(cause)


def test_what_a_file_or_a_form_may_hold_never_reaches_a_query() -> None:
    for value in ("a\r\nb", "a\x00b", "a\u2028b", "=?utf-8?q?x?=", "'; DROP TABLE subscriber"):
        for field in Field:
            with pytest.raises(UsageError):
                _read(f'{field}:"{value}"')


def test_days_are_those_of_the_zone() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    for day in (date(2026, 3, 29), Ago(0)):
        first, after = day_starts(day, now=now, zone="Europe/London")
        assert (first, after - first) == (datetime(2026, 3, 29, tzinfo=UTC), timedelta(hours=23))
    first, _ = day_starts(Ago(90), now=now, zone="Asia/Tokyo")
    assert first == datetime(2025, 12, 29, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_an_address_is_not_told_to_the_audit() -> None:
    text = "address:ann@reader.example or not (tag:member and joined>1d) or language:de"
    told = "address:… or not (tag:member and joined>today-1d) or language:de"
    assert _read(text).public_text == told


NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
S = SubscriptionState


@pytest.mark.parametrize(
    ("state", "until", "expected"),
    [
        (S.PAUSED, NOON, S.CONFIRMED),
        (S.PAUSED, NOON + HOUR, S.PAUSED),
        (S.PAUSED, None, S.PAUSED),
        (S.CONFIRMED, NOON + HOUR, S.PAUSED),
        (S.CONFIRMED, None, S.CONFIRMED),
        (S.UNSUBSCRIBED, NOON + HOUR, S.UNSUBSCRIBED),
    ],
)
def test_a_pause_that_is_over_is_none(state: S, until: datetime | None, expected: S) -> None:
    assert state_at(Subscription(1, 1, state, paused_until=until), NOON) is expected


@given(st.text(max_size=80))
def test_a_tag_is_kept_as_it_is_read_again(text: str) -> None:
    with contextlib.suppress(UsageError):
        tag = read_tag(text)
        assert read_tag(tag) == tag
        assert 0 < len(tag) <= LONGEST_TAG


@pytest.mark.parametrize("text", ["", "  ", "x" * 65, "a,b", "a;b", "a|b", "a\x00b", "a\u202eb"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^tag: "):
        read_tag(text)
