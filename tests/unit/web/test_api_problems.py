from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import AddressError, DatabaseError, DigestError, NotFoundError, UsageError
from digest.web.api.problems import busy, of_digest, of_validation, pointer_to
from subscribers.limits import LimitError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LimitError("sign-up: too many", wait=timedelta(seconds=7)), 429),
        (DatabaseError("database: /secret/place: gone"), 503),
        (NotFoundError("newsletter: x: there is none"), 404),
        (AddressError("e-mail address: left"), 409),
        (UsageError("topics: none"), 422),
        (DigestError("anything else"), 422),
    ],
)
def test_an_error_of_ours_is_a_refusal(error: DigestError, status: int) -> None:
    found = of_digest(error)
    assert found.status == status
    assert "secret" not in found.detail


def test_a_wait_is_told_in_whole_seconds_and_never_none() -> None:
    waits = [timedelta(0), timedelta(milliseconds=1), timedelta(seconds=1.2), timedelta(hours=1)]
    told = [busy(wait, "later").headers["Retry-After"] for wait in waits]
    assert told == ["1", "1", "2", "3600"]


@given(st.lists(st.text() | st.integers(0, 99)))
def test_a_pointer_leads_back_to_its_steps(path: list[str | int]) -> None:
    steps = pointer_to(path).split("/")[1:]
    read = [step.replace("~1", "/").replace("~0", "~") for step in steps]
    assert read == [str(step) for step in path]


def test_a_mistake_nobody_has_words_for_still_has_its_place() -> None:
    found = of_validation([{"type": "never_heard_of", "loc": ("body", "a/b", 0)}])
    (fault,) = found.faults
    assert (fault.detail, fault.pointer) == ("It cannot be taken as it is.", "/a~1b/0")
