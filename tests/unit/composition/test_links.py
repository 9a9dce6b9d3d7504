"""Which addresses may stand in a letter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.links import mailto, safe_link


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://harbourpost.example/a?b=1&c=2#d", "https://harbourpost.example/a?b=1&c=2#d"),
        ("  http://harbourpost.example/ ", "http://harbourpost.example/"),
        ("HTTPS://HarbourPost.example/A", "https://harbourpost.example/A"),
        ("https://bücher.example/ü x", "https://xn--bcher-kva.example/%C3%BC%20x"),
        ("https://h.example/%41?q={a}", "https://h.example/%41?q=%7Ba%7D"),
        ('https://h.example/"><b>', "https://h.example/%22%3E%3Cb%3E"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("mailto:editor@h.example", "mailto:editor@h.example"),
        ("mailto:editor@h.example?subject=a b", "mailto:editor@h.example?subject=a%20b"),
    ],
)
def test_an_absolute_address_is_kept_in_ascii(address: str, expected: str) -> None:
    assert safe_link(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://h.example/",
        "//h.example/x",
        "/relative",
        "#top",
        "https://",
        "https:///x",
        "https://user:secret@h.example/",
        "https://h.example:99999/",
        "https://h.example:port/",
        "https://[::1/",
        "https://a..b/",
        "https://h exa.example/",
        "https://h.example/\nx",
        "java\tscript:alert(1)",
        "https://h.example\\@evil.example/",
        "https://h.example/\x00",
        "https://h.example/\ud800",
        "mailto:",
        "mailto:not an address",
        "mailto:a@b.example,c@d.example",
    ],
)
def test_anything_else_is_dropped(address: str | None) -> None:
    assert safe_link(address) is None


def test_mailto_takes_one_mailbox() -> None:
    assert mailto("editor@harbourpost.example") == "mailto:editor@harbourpost.example"
    assert mailto("") is None


@given(st.text())
def test_no_address_can_leave_its_attribute_or_its_angles(tail: str) -> None:
    link = safe_link(f"https://h.example/{tail}")
    assert link is None or re.fullmatch(r"[!-~]+", link)
    assert link is None or not set(link) & set('<>"\\ {}')
    assert link is None or safe_link(link) == link
