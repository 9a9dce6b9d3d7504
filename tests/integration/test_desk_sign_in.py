"""Sign in at the desk by a mailed link or a password, and out again; and who may not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from starlette.testclient import TestClient

from digest.db import Database
from digest.people import user_store, users
from digest.people.model import Role, SessionRules
from digest.web.context import WebContext
from digest.web.desk.context import DeskContext
from digest.web.desk.routes import desk_routes
from digest.web.routes import make_app
from tests.builders import OpenPaper, Paper, opening, url_of
from tests.integration.desk_site import ALMA, ORIGIN, AtDesk, at_desk, text_of

BOB = "bob@post.example"
PASSWORD = "four words and a boat"


@pytest.fixture
def opened(sqlite_database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """What the pages call is tested on both databases by itself."""
    yield from opening(tmp_path, url_of(sqlite_database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A paper with one admin, who is nowhere signed in."""
    made = opened()
    with made.app.database.write() as connection:
        users.add(connection, ALMA, ALMA, role=Role.ADMIN, actor="test", at=made.watch.at)
    return made


@pytest.fixture
def desk(paper: Paper) -> AtDesk:
    return at_desk(paper.app, None)


def _mailed(paper: Paper) -> list[str]:
    """Give the paths of the links that wait to be mailed, oldest first."""
    urls = [str(each.facts.get("sign_in_url", "")) for each in paper.notices()]
    return [url.removeprefix(ORIGIN) for url in urls if url]


def _link(paper: Paper, desk: AtDesk, back: str = "") -> str:
    desk.post("sign-in/link", {"address": ALMA, "next": back})
    return _mailed(paper)[-1]


def _is_in(desk: AtDesk) -> bool:
    return desk.get("you").status_code == 200


def _set_password(paper: Paper) -> None:
    desk = at_desk(paper.app)
    fields = {"password": PASSWORD, "again": PASSWORD}
    assert desk.post("you/password", fields).status_code == 303


def test_by_a_mailed_link_somebody_comes_in(paper: Paper, desk: AtDesk) -> None:
    asked = desk.post("sign-in/link", {"address": " Alma.Penn@POST.example "})
    assert "Look into your mail" in text_of(asked)
    (notice,) = paper.notices()
    assert (notice.kind, notice.to_address) == ("sign-in", ALMA)
    assert {**notice.facts, "sign_in_url": ""} == {
        "address": ALMA,
        "sign_in_url": "",
        "valid_minutes": 15,
        "language": "en",
    }
    (link,) = _mailed(paper)
    shown = desk.get(link)
    assert (shown.status_code, _is_in(desk)) == (200, False)
    assert f"Sign in as {ALMA}" in text_of(shown)
    came = desk.post(link)
    assert (came.status_code, came.headers["location"]) == (303, "/desk")
    assert "Alma Penn" in text_of(desk.get("you"))
    assert "by a mailed link" in text_of(desk.get("you"))


def test_a_program_that_follows_links_uses_none_up(paper: Paper, desk: AtDesk) -> None:
    link = _link(paper, desk)
    for _ in range(3):
        assert desk.client.get(link).status_code == 200
        assert desk.client.head(link).status_code in {200, 405}
    assert desk.post(link).status_code == 303


def test_a_link_works_once_and_then_offers_another(paper: Paper, desk: AtDesk) -> None:
    link = _link(paper, desk)
    desk.post(link)
    other = at_desk(paper.app, None)
    for answer in (other.get(link), other.post(link)):
        assert answer.status_code == 410
        assert "does not work any more" in text_of(answer)
        assert f'value="{ALMA}"' in answer.text, "one press mails another"
    assert not _is_in(other)


def test_a_link_is_too_late_after_a_quarter_of_an_hour(paper: Paper, desk: AtDesk) -> None:
    link = _link(paper, desk)
    paper.watch.at += timedelta(minutes=15)
    assert desk.get(link).status_code == 410
    assert desk.post(link).status_code == 410
    assert not _is_in(desk)


@pytest.mark.parametrize("token", ["made-up", "x" * 400, "%00", "..%2f..", "\u202e"])
def test_a_link_that_never_was_is_told_nothing(desk: AtDesk, token: str) -> None:
    answer = desk.get(f"sign-in/{token}")
    assert answer.status_code in {404, 410}
    assert desk.post(f"sign-in/{token}").status_code in {404, 410}


def test_known_unknown_and_revoked_addresses_are_answered_alike(paper: Paper, desk: AtDesk) -> None:
    with paper.app.database.write() as connection:
        bob = users.add(connection, BOB, BOB, role=Role.EDITOR, actor="test", at=paper.watch.at)
        users.revoke(connection, bob, version=1, actor="test", at=paper.watch.at)
    answers = [
        desk.post("sign-in/link", {"address": address})
        for address in (ALMA, BOB, "nobody@post.example")
    ]
    said = [
        answer.text.replace(ALMA, "X").replace(BOB, "X").replace("nobody@post.example", "X")
        for answer in answers
    ]
    assert said[0] == said[1] == said[2]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [each.to_address for each in paper.notices()] == [ALMA]


def test_a_stopwatch_learns_nothing_either(paper: Paper) -> None:
    floor = timedelta(milliseconds=120)
    desk = _with(paper, answer_after=floor)
    _set_password(paper)
    for path, fields in (
        ("sign-in/link", {}),
        ("sign-in/password", {"password": "wrong but long enough"}),
    ):
        for address in (ALMA, "nobody@post.example"):
            began = monotonic()
            desk.post(path, {"address": address, **fields})
            assert monotonic() - began >= floor.total_seconds()


def test_what_was_wanted_is_found_after_the_mail(paper: Paper, desk: AtDesk) -> None:
    away = desk.get("people")
    assert (away.status_code, away.headers["location"]) == (
        303,
        "/desk/sign-in?next=%2Fdesk%2Fpeople",
    )
    page = desk.get(away.headers["location"])
    assert 'name="next" value="/desk/people"' in page.text
    link = _link(paper, desk, "/desk/people")
    shown = desk.get(link)
    assert 'name="next" value="/desk/people"' in shown.text
    came = desk.post(link.partition("?")[0], {"next": "/desk/people"})
    assert came.headers["location"] == "/desk/people"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/u/token", "/desk//x"]
)
def test_nobody_is_led_to_another_place(paper: Paper, desk: AtDesk, back: str) -> None:
    link = _link(paper, desk, back)
    assert "next" not in link
    came = desk.post(link, {"next": back})
    assert came.headers["location"] == "/desk"


@pytest.mark.parametrize("path", ["sign-in/link", "sign-in/password"])
def test_who_comes_back_to_where_a_form_had_led_finds_the_form(desk: AtDesk, path: str) -> None:
    answer = desk.get(path)
    assert (answer.status_code, "Mail me a link" in text_of(answer)) == (200, True)


def test_what_is_no_address_is_said_and_kept(desk: AtDesk) -> None:
    answer = desk.post("sign-in/link", {"address": "alma@<b>"})
    assert answer.status_code == 422
    assert 'value="alma@&lt;b&gt;"' in answer.text


def test_by_a_password_somebody_comes_in(paper: Paper, desk: AtDesk) -> None:
    _set_password(paper)
    came = desk.post("sign-in/password", {"address": ALMA, "password": PASSWORD})
    assert (came.status_code, came.headers["location"]) == (303, "/desk")
    assert "by password" in text_of(desk.get("you"))


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    paper: Paper, desk: AtDesk
) -> None:
    _set_password(paper)
    answers = [
        desk.post("sign-in/password", {"address": address, "password": "not this one at all"})
        for address in (ALMA, BOB, "no address")
    ]
    said = {
        answer.text.replace(ALMA, "X").replace(BOB, "X").replace("no address", "X")
        for answer in answers
    }
    assert len(said) == 1
    assert [answer.status_code for answer in answers] == [422] * 3
    assert not _is_in(desk)


def test_passwords_are_tried_ten_times_an_hour_and_a_link_works_meanwhile(
    paper: Paper, desk: AtDesk
) -> None:
    _set_password(paper)
    for address in (ALMA, BOB):
        tries = [
            desk.post("sign-in/password", {"address": address, "password": "wrong one again"})
            for _ in range(11)
        ]
        assert [each.status_code for each in tries] == [422] * 10 + [429]
        assert 0 < int(tries[-1].headers["Retry-After"]) <= 3600
    shut = desk.post("sign-in/password", {"address": ALMA, "password": PASSWORD})
    assert shut.status_code == 429, "not even the right one"
    assert desk.post(_link(paper, desk)).status_code == 303
    paper.watch.at += timedelta(hours=1)
    other = at_desk(paper.app, None)
    assert (
        other.post("sign-in/password", {"address": ALMA, "password": PASSWORD}).status_code == 303
    )


def test_five_links_an_hour_are_mailed_and_more_are_answered_alike(
    paper: Paper, desk: AtDesk
) -> None:
    spellings = (ALMA, "alma.penn@post.example", "ALMA.PENN@post.example")
    answers = [desk.post("sign-in/link", {"address": spellings[n % 3]}) for n in range(8)]
    assert [each.status_code for each in answers] == [200] * 8
    assert len(_mailed(paper)) == 5


def test_one_network_asks_forty_times_an_hour(paper: Paper) -> None:
    desk = at_desk(paper.app, None)
    client = TestClient(desk.client.app, base_url=ORIGIN, client=("203.0.113.9", 1))
    other = TestClient(desk.client.app, base_url=ORIGIN, client=("203.0.113.10", 1))

    def ask(who: TestClient, n: int) -> int:
        fields = {"address": f"reader{n}@other.example"}
        answer = who.post("/desk/sign-in/link", data=fields, headers={"Origin": ORIGIN})
        return answer.status_code

    assert [ask(client, n) for n in range(41)] == [200] * 40 + [429]
    assert ask(other, 99) == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    paper: Paper, desk: AtDesk
) -> None:
    came = desk.post(_link(paper, desk))
    (cookie,) = [
        each for each in came.headers.get_list("set-cookie") if each.startswith("__Host-desk=")
    ]
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly",
        "Max-Age=2592000",
        "Path=/",
        "SameSite=lax",
        "Secure",
    }


def test_signing_out_ends_the_session_and_not_only_the_cookie(paper: Paper, desk: AtDesk) -> None:
    mine = at_desk(paper.app)
    cookie = mine.client.cookies["__Host-desk"]
    out = mine.post("sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/desk/sign-in")
    desk.client.cookies.set("__Host-desk", cookie)
    assert not _is_in(desk)


def test_who_signs_in_again_leaves_no_session_behind(paper: Paper) -> None:
    mine = at_desk(paper.app)
    assert mine.me is not None
    mine.post(_link(paper, mine))
    now, rules = paper.watch.at, SessionRules()
    with paper.app.database.read() as connection:
        counts = user_store.count_sessions(connection, now=now, rules=rules)
    assert counts == {mine.me.user.id: 1}


def test_a_form_of_another_site_signs_nobody_in(paper: Paper, desk: AtDesk) -> None:
    link = _link(paper, desk)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    ):
        assert desk.client.post(link, headers=headers).status_code == 403
    assert desk.client.post(link).status_code == 403, "nor one that does not say"
    assert desk.post(link).status_code == 303


def test_a_desk_nobody_was_added_to_says_how_it_is_done(opened: OpenPaper) -> None:
    page = at_desk(opened().app, None).get("sign-in")
    assert "digest users add YOUR-ADDRESS --role admin" in text_of(page)


def test_who_is_signed_in_already_is_led_on(paper: Paper) -> None:
    mine = at_desk(paper.app)
    assert mine.get("sign-in").headers["location"] == "/desk"
    assert mine.get("sign-in?next=/desk/people").headers["location"] == "/desk/people"


def test_no_address_and_no_token_stands_in_a_line_of_the_log(
    paper: Paper, desk: AtDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = _link(paper, desk)
    desk.post("sign-in/link", {"address": BOB})
    desk.post("sign-in/password", {"address": ALMA, "password": "wrong one again"})
    desk.post(link)
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith("httpx2")]
    said = "\n".join(ours)
    assert [word for word in (ALMA, BOB, link.rpartition("/")[2]) if word in said] == []


def _with(paper: Paper, **more: object) -> AtDesk:
    """Open a desk with another context of the pages."""
    app = paper.app
    web = WebContext(
        database=app.database,
        site=app.newsroom.site,
        keys=app.keys,
        newsletters=app.newsroom.newsletters,
        clock=app.clock,
    )
    web = replace(web, **more)  # type: ignore[arg-type]
    pages = make_app(web, beside=desk_routes(DeskContext(web, app)))
    return AtDesk(app, TestClient(pages, base_url=ORIGIN))


def test_below_a_path_the_desk_keeps_its_ways(opened: OpenPaper) -> None:
    paper = opened(web={"public_url": "https://letters.post.example/mail"})
    desk = at_desk(paper.app)
    assert 'href="/mail/desk/people"' in desk.get("/mail/desk/you").text
    away = at_desk(paper.app, None).get("/mail/desk/people")
    assert away.headers["location"] == "/mail/desk/sign-in?next=%2Fmail%2Fdesk%2Fpeople"
    done = desk.post("/mail/desk/you/name", {"name": "Alma"})
    assert done.headers["location"] == "/mail/desk/you"
