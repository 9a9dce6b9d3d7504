"""Readers on the desk: who may see whom, finding, adding, never mailing, erasing, giving out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.outbox.store import notice
from digest.people.model import Role
from digest.people.store import audit
from subscribers import signup, store
from subscribers.model import Act
from tests.builders import OpenPaper, Paper, a_newsletter, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of

MARIA = "maria.quay@reader.example"
WEEKLY = a_newsletter(name="The Week", template="weekly", days=["sat"])


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def _paper(open_paper: OpenPaper) -> Paper:
    return open_paper(newsletters={"daily": a_newsletter(), "weekly": WEEKLY})


def _join(paper: Paper, *addresses: str, to: tuple[str, ...] = ("daily",)) -> None:
    app = paper.app
    ids = [each.id for each in app.newsroom.newsletters if each.slug in to]
    for address in addresses:
        act = Act(app.clock(), "command", ip="192.0.2.7", text="At the fair")
        signup.add(app.database, address, ids, act, keys=app.keys)


def _page_of(desk: AtDesk, address: str) -> str:
    """Find a reader as an editor does; give the path of their page."""
    answer = desk.post("readers/find", {"q": address})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def _states(paper: Paper, address: str) -> dict[str, str]:
    with paper.app.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address.lower())
        assert reader is not None
        slugs = {each.id: each.slug for each in paper.app.newsroom.newsletters}
        found = store.subscriptions_of(connection, reader.id)
        return {slugs[each.newsletter_id]: each.state.value for each in found}


def _audit(paper: Paper) -> list[tuple[str, str, dict[str, Any]]]:
    with paper.app.database.read() as connection:
        about_readers = audit.c.actor.like("user:%"), audit.c.verb != "session.begin"
        query = sa.select(audit).where(*about_readers).order_by(audit.c.id)
        return [(row.verb, row.subject, row.detail) for row in connection.execute(query)]


def test_a_viewer_sees_how_many_there_are_and_no_address(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA, "tom@other.example")
    desk = at_desk(paper.app, Role.VIEWER)

    said = text_of(desk.get("readers"))

    assert "2 in all" in said
    assert "The Morning Post 2 0 0 0 The Week 0 0 0 0" in said
    assert "@" not in said
    assert desk.post("readers/find", {"q": MARIA}).status_code == 403


def test_an_address_leads_to_its_reader_whatever_its_case(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA)
    desk = at_desk(paper.app, Role.EDITOR)

    page = desk.get(_page_of(desk, " Maria.Quay@READER.example "))

    said = text_of(page)
    assert MARIA in said
    assert "The Morning Post confirmed everything" in said
    assert "added by the publisher The Morning Post command At the fair" in said
    assert "192.0.2.7" not in said


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("reader.example", [MARIA]),
        ("@other.example", ["tom@other.example"]),
        ("mar", [MARIA]),
        ("domain:other.example", ["tom@other.example"]),
        ("", [MARIA, "tom@other.example"]),
    ],
)
def test_readers_are_found_by_domain_beginning_and_segment(
    open_paper: OpenPaper, typed: str, found: list[str]
) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA, "tom@other.example")
    desk = at_desk(paper.app, Role.EDITOR)

    said = text_of(desk.post("readers/find", {"q": typed}))

    assert [each for each in (MARIA, "tom@other.example") if each in said] == found
    assert f"{len(found)} found" in said


def test_a_slip_in_a_segment_is_pointed_at_and_what_was_typed_stays(open_paper: OpenPaper) -> None:
    desk = at_desk(_paper(open_paper).app, Role.EDITOR)

    page = desk.post("readers/find", {"q": "topic:town and colour:blue"})

    assert 'value="topic:town and colour:blue"' in page.text
    assert "topic:town and colour:blue\n               ^" in page.text


def test_a_segment_is_counted_with_its_caret_at_the_slip(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA, "tom@other.example")
    desk = at_desk(paper.app, Role.EDITOR)

    assert text_of(desk.part("readers/count", {"segment": "domain:other.example"})) == "1 reader"
    slip = desk.part("readers/count", {"segment": "tag:nobody"}).text
    assert "tag:nobody\n    ^" in slip


def test_pages_of_readers_lead_on_and_back(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, *(f"reader-{n:02}@quay.example" for n in range(53)))
    desk = at_desk(paper.app, Role.EDITOR)
    first = desk.get("readers").text
    after = first.partition('name="after" value="')[2].partition('"')[0]

    second = desk.post("readers/find", {"q": "", "after": after}).text

    assert first.count("@quay.example") == 50
    assert second.count("@quay.example") == 3
    assert "First page" in second
    assert "Next page" not in second


def test_who_agreed_elsewhere_is_added_with_the_editors_word_on_it(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app, Role.EDITOR)
    assert desk.get("readers/add").status_code == 200
    form: dict[str, str | list[str]] = {
        "address": MARIA,
        "to": ["daily", "weekly"],
        "how": "agreed",
        "consent": "On the list at our stand",
        "tags": "fair, Member",
    }

    answer = desk.post("readers/add", form)

    said = text_of(desk.get(answer.headers["location"]))
    assert _states(paper, MARIA) == {"daily": "confirmed", "weekly": "confirmed"}
    assert "fair, member" in said
    assert "On the list at our stand" in said


def test_nobody_is_added_without_a_word_on_where_they_agreed(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app, Role.EDITOR)

    page = desk.post("readers/add", {"address": MARIA, "to": "daily", "how": "agreed"})

    assert page.status_code == 422
    assert "Say where and how they agreed" in page.text
    assert f'value="{MARIA}"' in page.text
    with paper.app.database.read() as connection:
        assert store.count_subscribers(connection) == 0


def test_who_is_asked_gets_nothing_before_they_confirm(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app, Role.EDITOR)

    desk.post("readers/add", {"address": MARIA, "to": "daily", "how": "ask"})

    assert _states(paper, MARIA) == {"daily": "unconfirmed"}
    with paper.app.database.read() as connection:
        query = sa.select(notice.c.kind).where(notice.c.to_address == MARIA)
        assert connection.execute(query).scalars().all() == ["confirm"]


def test_who_left_is_only_added_again_when_an_editor_says_they_asked(
    open_paper: OpenPaper,
) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA)
    desk = at_desk(paper.app, Role.EDITOR)
    desk.post(f"{_page_of(desk, MARIA)}/unsubscribe", {"newsletter": "daily"})
    form: dict[str, str | list[str]] = {
        "address": MARIA,
        "to": "daily",
        "how": "agreed",
        "consent": "By telephone",
    }

    refused = desk.post("readers/add", form)
    assert refused.status_code == 422
    assert "They left before, and asked to come back" in refused.text
    assert _states(paper, MARIA) == {"daily": "unsubscribed"}

    desk.post("readers/add", {**form, "again": "yes"})
    assert _states(paper, MARIA) == {"daily": "confirmed"}


def test_a_reader_is_unsubscribed_from_one_letter_or_all(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA, to=("daily", "weekly"))
    desk = at_desk(paper.app, Role.EDITOR)
    page = _page_of(desk, MARIA)

    desk.post(f"{page}/unsubscribe", {"newsletter": "weekly"})
    assert _states(paper, MARIA) == {"daily": "confirmed", "weekly": "unsubscribed"}

    desk.post(f"{page}/unsubscribe")
    assert _states(paper, MARIA) == {"daily": "unsubscribed", "weekly": "unsubscribed"}
    public_id = page.rpartition("/")[2]
    assert _audit(paper) == [
        ("subscriber.unsubscribe", public_id, {"newsletter": "weekly"}),
        ("subscriber.unsubscribe", public_id, {"newsletter": "all"}),
    ]


def test_never_mailed_and_taken_off_the_list_again_with_a_reason(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA)
    desk = at_desk(paper.app, Role.EDITOR)
    page = _page_of(desk, MARIA)

    desk.post(f"{page}/suppress", {"reason": "Wrote twice"})
    shown = text_of(desk.get(page))
    assert "Never mailed. All letters: by the publisher" in shown
    assert _states(paper, MARIA) == {"daily": "unsubscribed"}

    assert desk.post(f"{page}/lift", {"reason": " "}).status_code == 422
    desk.post(f"{page}/lift", {"reason": "They asked us to"})
    assert "Never mailed." not in text_of(desk.get(page))
    assert [(verb, detail) for verb, _, detail in _audit(paper)] == [
        ("subscriber.suppress", {"scope": "all", "reason": "Wrote twice"}),
        ("subscriber.lift", {"scope": "all", "reason": "They asked us to"}),
    ]


def test_an_address_nobody_has_can_be_never_mailed(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    desk = at_desk(paper.app, Role.EDITOR)

    desk.post("readers/never-mail", {"act": "forbid", "address": MARIA, "scope": "all"})

    unknown = text_of(desk.post("readers/find", {"q": MARIA}))
    assert "Nobody has this address, and it is on the never-mail list (by the publisher)" in unknown
    added = desk.post(
        "readers/add", {"address": MARIA, "to": "daily", "how": "agreed", "consent": "x"}
    )
    assert added.status_code == 422
    assert "hash " in text_of(desk.get("readers/never-mail"))


def test_erasing_needs_an_admin_and_the_address_typed(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA)
    editor = at_desk(paper.app, Role.EDITOR, address="ed@post.example")
    admin = at_desk(paper.app, Role.ADMIN)
    page = _page_of(admin, MARIA)

    assert editor.post(f"{page}/erase", {"typed": MARIA}).status_code == 403
    wrong = admin.post(f"{page}/erase", {"typed": "maria"})
    assert wrong.status_code == 422
    assert "nobody was erased" in wrong.text
    assert 'value="maria"' in wrong.text

    done = admin.post(f"{page}/erase", {"typed": MARIA})
    assert done.headers["location"] == page
    after = admin.get(page)
    assert MARIA not in after.text
    assert "Erased" in after.text


def test_an_admin_downloads_what_is_held_of_a_reader(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA)
    desk = at_desk(paper.app, Role.ADMIN)
    page = _page_of(desk, MARIA)

    answer = desk.get(f"{page}/export")

    document = json.loads(answer.text)
    assert document["reader"]["address"] == MARIA
    assert document["document"] == "what is kept about one reader"
    assert "attachment" in answer.headers["content-disposition"]
    assert [verb for verb, _, _ in _audit(paper)] == ["subscriber.export"]


def test_an_admin_gives_out_a_segment_and_the_log_says_how_many(open_paper: OpenPaper) -> None:
    paper = _paper(open_paper)
    _join(paper, MARIA, "tom@other.example")
    desk = at_desk(paper.app, Role.ADMIN)

    answer = desk.post("readers/export", {"segment": "domain:other.example", "shape": "csv"})

    lines = answer.text.splitlines()
    assert [line.split('"')[1] for line in lines] == ["address", "tom@other.example"]
    detail = {"segment": "domain:other.example", "count": 1, "lines": 1}
    assert _audit(paper) == [("export", "", {**detail, "newsletters": ["daily", "weekly"]})]


def test_a_reader_nobody_knows_is_not_there(open_paper: OpenPaper) -> None:
    desk = at_desk(_paper(open_paper).app, Role.EDITOR)

    assert desk.get(f"readers/{'0' * 24}").status_code == 404
    assert desk.post(f"readers/{'0' * 24}/unsubscribe").status_code == 404
