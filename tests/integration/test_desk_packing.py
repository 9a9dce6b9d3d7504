"""Pages of the desk are packed only where no other site can have caused the request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.people.model import Role
from tests.builders import opening
from tests.integration.desk_site import AtDesk, at_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AtDesk]:
    for open_paper in opening(tmp_path):
        yield at_desk(open_paper().app, Role.ADMIN)


@pytest.mark.parametrize(
    ("site", "packed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)],
)
def test_who_caused_a_request_decides(desk: AtDesk, site: str, *, packed: bool) -> None:
    headers = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": site}
    answer = desk.get("editions/daily", **headers)
    page = desk.get(answer.headers["location"], **headers)
    assert (page.status_code, page.headers.get("content-encoding")) == (
        200,
        "gzip" if packed else None,
    )
    assert "Running order" in page.text


def test_a_browser_that_says_nothing_gets_it_plain(desk: AtDesk) -> None:
    answer = desk.get("editions/daily", **{"Accept-Encoding": "gzip"})
    page = desk.get(answer.headers["location"], **{"Accept-Encoding": "gzip"})
    assert page.headers.get("content-encoding") is None


def test_sheets_and_scripts_hold_no_secret_and_are_packed_for_everybody(desk: AtDesk) -> None:
    answer = desk.get("/static/desk-edition.js", **{"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "use strict" in answer.text
    plain = desk.get("/static/desk-edition.js", **{"Accept-Encoding": "identity"})
    assert (plain.headers.get("content-encoding"), plain.text) == (None, answer.text)
