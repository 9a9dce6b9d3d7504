"""What somebody means who types into the search for readers."""

from __future__ import annotations

import pytest

from digest.web.desk.reader_search import Means, Search, read_search


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Search(Means.EVERYBODY)),
        ("   ", Search(Means.EVERYBODY)),
        (" Maria@Reader.Example ", Search(Means.ADDRESS, "maria@reader.example")),
        ("5f0c2a9be1d47c3388aa1b02", Search(Means.ID, "5f0c2a9be1d47c3388aa1b02")),
        ("reader.example", Search(Means.DOMAIN, "reader.example")),
        ("@Reader.example", Search(Means.DOMAIN, "reader.example")),
        ("domain:reader.example", Search(Means.SEGMENT, "domain:reader.example")),
        ("joined<2026-01-01", Search(Means.SEGMENT, "joined<2026-01-01")),
        ("not tag:member", Search(Means.SEGMENT, "not tag:member")),
        ("Mar", Search(Means.BEGINNING, "mar")),
        ("maria@", Search(Means.BEGINNING, "maria@")),
    ],
)
def test_what_is_typed_is_told_apart_by_its_form(typed: str, meant: Search) -> None:
    assert read_search(typed) == meant
