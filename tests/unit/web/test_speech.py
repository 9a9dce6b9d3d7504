from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.web.speech import choose_language

OFFERED = ("en", "es", "de", "pt-BR")


@pytest.mark.parametrize(
    ("asked", "reader", "accepted", "spoken"),
    [
        ("", None, "", "en"),
        ("de", "es", "pt", "de"),
        ("xx", "es", "de", "es"),
        ("", "de-AT", "es", "de"),
        ("", None, "fr, es;q=0.3, de;q=0.8", "de"),
        ("", None, "de;q=0, es;q=0.1", "es"),
        ("", None, "*, pt-PT", "pt-BR"),
        ("", None, "de;q=much, es;q=7, en-GB;q=0.1", "en"),
        ("", None, ",".join(["fr"] * 20 + ["de"]), "en"),
    ],
)
def test_a_page_speaks_as_asked_then_as_the_reader_then_as_the_browser(
    asked: str, reader: str | None, accepted: str, spoken: str
) -> None:
    assert choose_language(OFFERED, asked=asked, reader=reader, accepted=accepted) == spoken


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200))
def test_whatever_is_asked_for_a_language_we_have_is_spoken(
    asked: str, reader: str, accepted: str
) -> None:
    assert choose_language(OFFERED, asked=asked, reader=reader, accepted=accepted) in OFFERED
