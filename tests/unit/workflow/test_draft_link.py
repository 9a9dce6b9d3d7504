from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.workflow.draft_link import draft_token, read_draft_token

SECRET = b"a secret of thirty-two bytes, here"


@given(st.integers(min_value=1, max_value=10**17))
def test_a_link_of_ours_gives_its_edition_and_with_another_secret_nothing(number: int) -> None:
    token = draft_token(SECRET, number)
    assert read_draft_token(SECRET, token) == number
    assert read_draft_token(b"another", token) is None


@given(st.text(max_size=60))
def test_whatever_else_is_asked_for_is_nothing(text: str) -> None:
    assert read_draft_token(SECRET, text) is None


def test_a_link_can_stand_in_a_web_address_as_it_is() -> None:
    assert draft_token(SECRET, 17).replace("-", "").isalnum()
