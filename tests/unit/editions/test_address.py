from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.address import parse_address
from digest.editions.model import EditionAddress

SLUGS = ("daily", "weekly")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("daily", EditionAddress("daily")),
        (" daily/1204 ", EditionAddress("daily", number=1204)),
        ("daily/2026-01-09", EditionAddress("daily", local_date=date(2026, 1, 9))),
        (
            "weekly/2026-01-09/noon",
            EditionAddress("weekly", local_date=date(2026, 1, 9), slot_name="noon"),
        ),
    ],
)
def test_an_address_is_read_and_given_back_as_typed(text: str, address: EditionAddress) -> None:
    assert parse_address(text, SLUGS) == address
    assert str(address) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "harbour wall",
        "monthly/3",
        "daily/",
        "daily/tomorrow",
        "daily/2026-02-30",
        "daily/2026-01-09/a/b",
        "daily/20260109x",
        "daily/\u0661\u0662",
        "daily/99999999999",
        "daily/1204/noon",
    ],
)
def test_what_names_no_edition_is_left_to_be_words(text: str) -> None:
    assert parse_address(text, SLUGS) is None


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    parse_address(text, SLUGS)
    parse_address(f"daily/{text}", SLUGS)
