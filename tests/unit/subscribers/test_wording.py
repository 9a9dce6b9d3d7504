from __future__ import annotations

from subscribers.wording import listed


def test_names_are_joined_as_people_do() -> None:
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
