"""Segments at random, and the names they may use."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from subscribers.segments import Ago, Compared, Every, Field, Has, Not, Rule, Some, Vocabulary, When

VOCABULARY = Vocabulary(
    {"daily": ("sport", "town"), "weekly": ("sport", "culture")},
    tags=("member", "gift 2026", "and", "or", 'a"b\\c'),
)
VALUES = {
    Field.NEWSLETTER: ("daily", "weekly"),
    Field.TOPIC: ("sport", "town", "culture", "daily/sport", "weekly/sport", "weekly/culture"),
    Field.LANGUAGE: ("de", "de-at", "en", "pt-br"),
    Field.ZONE: ("Europe/London", "Europe/*", "America/*", "Asia/Tokyo"),
    Field.TAG: ("member", "gift 2026", "and"),
    Field.STATE: (
        *("confirmed", "paused", "unconfirmed", "unsubscribed"),
        *("daily/paused", "weekly/unsubscribed", "daily/confirmed"),
    ),
    Field.FORMAT: ("text", "html"),
    Field.DOMAIN: ("reader.example", "other.example"),
    Field.ADDRESS: ("r1@reader.example", "nobody@reader.example"),
}


def leaves() -> st.SearchStrategy[Rule]:
    has: list[st.SearchStrategy[Rule]] = [
        st.builds(
            Has,
            st.just(field),
            st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple),
        )
        for field, values in VALUES.items()
    ]
    days = st.dates(date(2025, 12, 20), date(2026, 1, 12)) | st.builds(Ago, st.integers(0, 20))
    when: st.SearchStrategy[Rule] = st.builds(
        When, st.sampled_from([Field.JOINED, Field.ACTIVE]), st.sampled_from(Compared), days
    )
    return st.one_of([*has, when])


def rules() -> st.SearchStrategy[Rule]:
    """Rules as reading gives them: no `and` directly in an `and`."""
    return st.recursive(leaves(), _joined, max_leaves=8)


def _joined(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(Every, several) | st.builds(Some, several)
