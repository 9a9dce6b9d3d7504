"""Newsletters on the desk: what the file leaves out is changed there, and what it says stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.kept_settings import read_written, settings_with_desk
from digest.people.model import Role
from digest.people.store import audit
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of

SPARE = {"name": "The Morning Post", "cut_off": "06:30", "send_at": "07:00"}
"""A newsletter whose days and all the rest are left out of the file."""
SAVED: dict[str, str | list[str]] = {"version": "0", "days": ["mon", "thu"], "template": "daily"}


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def _paper(open_paper: OpenPaper) -> Paper:
    return open_paper(newsletters={"daily": SPARE})


def _save(desk: AtDesk, **fields: str | list[str]) -> str:
    answer = desk.post("newsletters/daily/save", {**SAVED, **fields})
    assert answer.status_code == 303, text_of(answer)
    return text_of(desk.get(str(answer.headers["location"])))


def _in_force(paper: Paper) -> dict[str, object]:
    settings, told = settings_with_desk(paper.app.settings, paper.app.database)
    assert told == ()
    return settings.newsletters["daily"].model_dump(mode="json")


def test_the_next_ten_runs_are_shown_in_local_time_and_utc(open_paper: OpenPaper) -> None:
    paper = open_paper("2026-03-26 12:00", newsletters={"daily": a_newsletter()})

    page = at_desk(paper.app, Role.VIEWER).get("newsletters/daily")

    said = text_of(page)
    assert page.text.count("<li>") == 10
    assert "Fri 27 March, 07:00 draft 06:30 · 07:00 UTC" in said
    assert "Mon 30 March, 07:00 draft 06:30 · 06:00 UTC" in said
    assert "London time" in said


def test_what_the_file_says_is_shown_with_its_line_and_has_no_field(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    written = paper.app.settings.file
    assert written is not None
    lines = written.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.startswith("send_at"))

    page = at_desk(paper.app).get("newsletters/daily").text

    assert f"Set in digest.toml, line {line}" in page
    assert 'name="send_at"' not in page
    assert 'name="days"' in page


def test_what_is_left_out_is_changed_and_in_force_for_who_reads_the_settings_again(
    open_paper: OpenPaper,
) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)

    said = _save(desk, **{"stories.min": "5", "limits.quiet": "22:00-06:30"}, audience="tag:member")

    assert "Changed on the desk." in said
    assert "Thu 15 January, 07:00" in said
    found = _in_force(paper)
    assert found["days"] == ["mon", "thu"]
    assert found["audience"] == "tag:member"
    assert found["stories"] == {
        "min": 5,
        "top": 3,
        "max": 12,
        "per_section": 3,
        "max_age": "2d",
    }
    assert found["limits"] == {"per_day": None, "quiet": "22:00-06:30"}


def test_a_change_is_in_the_log_with_what_it_was_before(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)
    _save(desk)

    _save(desk, version="1", days=["fri"], spread="30m")

    assert desk.me is not None
    with paper.app.database.read() as connection:
        query = sa.select(audit).where(audit.c.verb == "settings.change").order_by(audit.c.id)
        rows = [(row.actor, row.subject, row.detail) for row in connection.execute(query)]
    changed = {"days": [["mon", "thu"], ["fri"]], "spread": [None, "30m"]}
    assert rows[1] == (desk.me.actor, "newsletters.daily", changed)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stories.min": "20"}, "Stories: min (20) is more than max (12)."),
        ({"stories.max_age": "soon"}, "A length of time is a number and s, m, h or d, as in '48h'"),
        ({"days": ["mon", "caturday"]}, "Should be 'mon', 'tue'"),
        ({"template": "nowhere"}, "There is no letter of that name: 'nowhere'."),
        ({"audience": "colour:blue"}, "colour:blue"),
        ({"weekly_twin": "daily"}, "The weekly twin is this newsletter itself."),
        ({"not_on": "2026-01-01..2032-01-01"}, "It would not come once in the next"),
        ({"release": "auto-after 3m 2s"}, "A release is 'auto', 'approve' or 'auto-after 20m'."),
        ({"slots": "noon 11:30 12:00"}, "Give cut_off and send_at, or slots with theirs, not both"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason_and_what_was_typed_stays(
    open_paper: OpenPaper, fields: dict[str, str | list[str]], reason: str
) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)

    page = desk.post("newsletters/daily/save", {**SAVED, "spread": "17m", **fields})

    assert page.status_code == 422
    assert reason in text_of(page)
    assert 'value="17m"' in page.text
    assert _in_force(paper)["days"] == []


def test_two_admins_at_once_never_overwrite_each_other(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    alma = at_desk(paper.app)
    ben = at_desk(paper.app, address="ben@post.example")
    _save(alma)

    page = ben.post("newsletters/daily/save", {**SAVED, "days": ["sun"], "spread": "17m"})

    assert page.status_code == 409
    assert "Somebody else was there first." in text_of(page)
    assert 'value="17m"' in page.text
    assert "mon, thu" in text_of(page)
    assert _in_force(paper)["days"] == ["mon", "thu"]

    _save(ben, version="1", days=["sun"])
    assert _in_force(paper)["days"] == ["sun"]


def test_runs_follow_what_is_typed_and_nothing_is_saved(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)

    part = desk.part("newsletters/daily/runs", {"days": "sun", "template": "daily"})

    assert "Sun 11 January, 07:00 draft 06:30 · 07:00 UTC" in text_of(part)
    assert "<html" not in part.text
    assert _in_force(paper)["days"] == []


def test_only_an_admin_may_change_and_the_others_see_it(open_paper: OpenPaper) -> None:
    desk = at_desk(_paper(open_paper).app, Role.APPROVER)

    page = desk.get("newsletters/daily")

    assert page.status_code == 200
    assert 'name="days"' not in page.text
    assert desk.post("newsletters/daily/save", SAVED).status_code == 403


def test_a_newsletter_begun_on_the_desk_comes_by_hand_until_it_has_days(
    open_paper: OpenPaper,
) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)

    answer = desk.post("newsletters/new", {"slug": "week", "name": "The Week"})

    assert "It never comes by itself" in text_of(desk.get(str(answer.headers["location"])))
    taken = desk.post("newsletters/new", {"slug": "daily", "name": "Again"})
    assert (taken.status_code, "There is one of this name." in taken.text) == (422, True)
    reserved = desk.post("newsletters/new", {"slug": "archive", "name": "Again"})
    assert (reserved.status_code, "one of our own web addresses" in reserved.text) == (422, True)


def test_what_does_not_go_with_the_file_any_more_is_left_out_and_told(
    open_paper: OpenPaper,
) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app)
    _save(desk, sections="town")
    file = paper.app.settings.file
    assert file is not None
    text = file.read_text()
    file.write_text(text.replace("[sections.town]", "[sections.harbour]"))

    settings, told = settings_with_desk(paper.app.settings, paper.app.database)

    assert settings.newsletters["daily"].days == ()
    (sentence,) = told
    assert sentence.startswith("what the desk changed in newsletters.daily is left out:")
    assert "no such section: 'town'" in sentence


def test_a_file_that_says_it_now_wins_over_the_desk(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _save(at_desk(paper.app))
    file = paper.app.settings.file
    assert file is not None
    text = file.read_text()
    file.write_text(text.replace("[newsletters.daily]", '[newsletters.daily]\ndays = ["wed"]'))

    settings, _told = settings_with_desk(paper.app.settings, paper.app.database)

    assert settings.newsletters["daily"].days == ("wed",)


def test_a_variable_settles_a_setting_and_is_named(
    open_paper: OpenPaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = _paper(open_paper)
    monkeypatch.setenv("DIGEST_NEWSLETTERS__DAILY__SPREAD", "10m")

    page = text_of(at_desk(paper.app).get("newsletters/daily"))

    assert "10m Set in DIGEST_NEWSLETTERS__DAILY__SPREAD" in page
    written = read_written(paper.app.settings)
    assert ("newsletters", "daily", "spread") in written.given


def test_a_file_that_is_broken_just_now_keeps_everybody_from_changing_and_says_so(
    open_paper: OpenPaper,
) -> None:
    paper = _paper(open_paper)
    file = paper.app.settings.file
    assert file is not None
    file.write_text("[site\n")
    desk = at_desk(paper.app)

    page = text_of(desk.get("newsletters/daily"))
    refused = desk.post("newsletters/daily/save", SAVED)

    assert "digest.toml is broken just now" in page
    assert refused.status_code == 422
