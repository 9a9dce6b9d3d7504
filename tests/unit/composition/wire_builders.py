"""Builders of marked compositions and of readers, kind and hostile; the bench uses them too."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from digest.composition.language import Plural
from digest.composition.model import Composition, ListHeaders, ReaderValues
from digest.composition.slots import Slot, Slots, nonce_for

SECRET = b"a secret of thirty-two bytes, here"
TOPICS = ("town", "sport", "culture", "what-s-on", "sea2")
NONCE = nonce_for(SECRET, edition_id=7, revision=1, language="en")
SENT_AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
HEADERS = ListHeaders(
    sender="Harbour Post <news@letters.harbourpost.example>",
    reply_to="editor@harbourpost.example",
    list_id="daily.letters.harbourpost.example",
    list_name="The Morning Post",
)

_TOKEN = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~"
_LOCAL = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-"
_OUTSIDE_ASCII = ("zoë", "用户.名", "почта", "בדיקה", "a\U0001f600b", "मरिया")
_HOSTILE = (
    "3 November 2025",
    "",
    ".",
    "..",
    ". leading dot",
    "From here on",
    "From ",
    "F",
    " leading and trailing ",
    "a  b   c    ",
    "trailing tab\t",
    "\"double\" and 'single'",
    "<script>alert(1)</script>",
    "</a><!--[if mso]>",
    "&amp; & &lt;",
    "=41=\r\n.\r\nQUIT",
    "=",
    "=3D",
    "\r\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\x00",
    "line\u2028separator\u2029",
    "\u200f\u202eright to left\u202c\u200e",
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f469\u200d\U0001f52c\ufe0f" * 9,
    "二〇二五年十一月三日" * 8,
    "e\u0301" * 40,
    "\ud800 alone",
    "x" * 300,
    "." * 200,
    "F" * 200,
    " " * 160,
    "=" * 160,
    "{{ slots }} {% raw %}",
    "--=_boundary",
    "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
    "trailing spaces   ",
    "trailing spaces \n",
)


def a_composition(
    *,
    stories: int = 3,
    topics: tuple[str, ...] = TOPICS,
    personal: int = 0,
    seed: int = 1,
    **changes: Any,
) -> Composition:
    """Compose a letter with `stories` in each of the topics, by hand.

    Of its stories `personal` have a slot of their own in each part, beside the seven of the rest.
    """
    slots = Slots(NONCE)
    words = random.Random(seed)  # noqa: S311 - the same words each time are the point
    own = [slots.value(slot) for _, slot in zip(range(personal), cycle(Slot), strict=False)]
    html = changes.pop("html", None) or _html(slots, words, topics, stories, own)
    text = changes.pop("text", None) or _text(slots, words, topics, stories, own)
    made = Composition(
        edition_id=7,
        language="en",
        revision=1,
        subject="The ferry sails again",
        preheader="And the mill is for sale.",
        html=html,
        text=text,
        nonce=NONCE,
        content_hash=hashlib.sha256((html + text).encode()).hexdigest(),
    )
    return replace(made, **changes)


def values(**changes: Any) -> ReaderValues:
    made = ReaderValues(
        address="maria@example.org",
        message_id="<e7.s1.0011223344556677@letters.harbourpost.example>",
        since="3 November 2025",
        unsubscribe_url="https://letters.harbourpost.example/u/AbC-123_x",
        unsubscribe_mailto="mailto:editor@harbourpost.example?subject=unsubscribe%20AbC-123_x",
        sent_at=SENT_AT,
        preferences_url="https://letters.harbourpost.example/p/AbC-123_x",
        twin_url="https://letters.harbourpost.example/p/AbC-123_x/twin",
    )
    return replace(made, **changes)


def hostile_readers(number: int, *, seed: int = 20260109) -> list[ReaderValues]:
    """Invent readers whose values try to break the wire; the same ones each time."""
    dice = random.Random(seed)  # noqa: S311 - the same readers each time are the point
    return [_hostile_reader(dice, at) for at in range(number)]


def _hostile_reader(dice: random.Random, at: int) -> ReaderValues:
    local = dice.choice("Ffm'&+=") + _picked(dice, _LOCAL, dice.randint(0, 40))
    if at % 11 == 0:  # only servers with SMTPUTF8 take these
        local = dice.choice(_OUTSIDE_ASCII)
    domain = dice.choice(("example.org", "münchen.example", "a" * 60 + ".example", "xn--p1ai.test"))
    token = _picked(dice, _TOKEN, dice.choice((1, 22, 75, 300)))
    since = dice.choice(_HOSTILE) + dice.choice(("", dice.choice(_HOSTILE)))
    wanted = frozenset(topic for topic in (*TOPICS, "gone") if dice.random() < 0.5)
    return values(
        address=f"{local}@{domain}",
        message_id=f"<e7.s{at}.0011223344556677@letters.harbourpost.example>",
        since=since,
        unsubscribe_url=f"https://letters.harbourpost.example/u/{token}?a=1&b='2'",
        unsubscribe_mailto="" if at % 5 == 0 else f"mailto:out@harbourpost.example?subject={token}",
        sent_at=SENT_AT + timedelta(seconds=at),
        topics=None if at % 7 == 0 else wanted,
        preferences_url=f"https://letters.harbourpost.example/p/{token}?a=1&b='2'",
        twin_url=f"https://letters.harbourpost.example/p/{token}/twin",
        text_only=at % 6 == 0,
    )


def _picked(dice: random.Random, letters: str, number: int) -> str:
    return "".join(dice.choice(letters) for _ in range(number))


_WORDS = (
    "harbour",
    "ferry",
    "mill",
    "rye",
    "tide",
    "council",
    "quay",
    "lantern",
    ".dotted",
    "From",
    "Früh",
    "naïve",
    "“quoted”",
    "it's",
    "sail",
    "co-op",
    "weather",
    "12°",
    "—",
    "rowing",
    "sailors",
    "=",
    "equals",
    "market",
    "bell",
    "old",
    "stone",
    "bridge",
)


def _sentence(dice: random.Random, length: int) -> str:
    return " ".join(dice.choice(_WORDS) for _ in range(length))


def _html(
    slots: Slots, dice: random.Random, topics: tuple[str, ...], stories: int, own: Sequence[str]
) -> str:
    marks = _spread(own, stories * len(topics))
    masthead = f"{slots.tally(1, 2)}{slots.stories(Plural(('1 story', '# stories')))} · "
    masthead += slots.minutes(Plural(("1 <minute>", "# minutes & no more")))
    sections = "\n".join(
        f'{slots.topic_open(topic)}<table class="section" role="presentation"><tr><td>\n'
        + "\n".join(_story(slots, dice, next(marks)) for _ in range(stories))
        + f"\n</td></tr></table>{slots.topic_close(topic)}"
        for topic in topics
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><title>The ferry</title></head><body>\n'
        f"<p>{masthead}</p>\n<h1>The ferry sails again</h1>\n{sections}\n"
        f"{slots.reader_open()}<p>You get this at {slots.value(Slot.ADDRESS)} since "
        f"{slots.value(Slot.SINCE)}{slots.value(Slot.SINCE)}.</p>\n"
        f'<a href="{slots.value(Slot.UNSUBSCRIBE)}" title="{slots.value(Slot.ADDRESS)}">'
        f'Unsubscribe</a> <a href="{slots.value(Slot.PREFERENCES)}">Pause</a> '
        f'<a href="{slots.value(Slot.TWIN)}">Less often</a>{slots.reader_close()}\n</body></html>\n'
    )


def _spread(own: Sequence[str], stories: int) -> Iterator[str]:
    """Give each story its mark, or none, so that they stand at even distances."""
    for at in range(stories):
        yield "".join(own[at * len(own) // stories : (at + 1) * len(own) // stories])


def _story(slots: Slots, dice: random.Random, own: str) -> str:
    style = "margin:0;padding:0 24px;font-family:Georgia,serif;color:#1a1a1a;text-align:left;"
    return (
        f'{slots.tally(1, 1)}<div style="{style}{style}"><h2><a href="https://letters.example/c/'
        f'{dice.randrange(10**9)}" style="{style}">{_sentence(dice, 8)}</a></h2>\n'
        f"<p>{_sentence(dice, 30)}{own}</p></div>"
    )


def _text(
    slots: Slots, dice: random.Random, topics: tuple[str, ...], stories: int, own: Sequence[str]
) -> str:
    marks = _spread(own, stories * len(topics))
    masthead = f"{slots.tally(1, 2)}{slots.stories(Plural(('1 story', '# stories')))}\n\n"
    sections = "".join(
        f"{slots.topic_open(topic)}{topic.upper()}\n\n"
        + "".join(f"{slots.tally(1, 1)}{_sentence(dice, 9)}{next(marks)}\n" for _ in range(stories))
        + f"{slots.topic_close(topic)}\n"
        for topic in topics
    )
    way_out = (
        f"{slots.value(Slot.ADDRESS)}{slots.value(Slot.SINCE)} on {slots.value(Slot.SINCE)}.\n"
        f"Pause: <{slots.value(Slot.PREFERENCES)}>\nLess often: <{slots.value(Slot.TWIN)}>\nLeave:"
    )
    return (
        f"{masthead}.A line that begins with a dot\n\n{sections}{slots.reader_open()}{way_out}\n"
        f"<{slots.value(Slot.UNSUBSCRIBE)}>{slots.reader_close()}"
    )
