"""What every page of the desk is wrapped in: who may, whose form it is, and nothing typed lost."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.testclient import TestClient

from digest.db import Database
from digest.errors import ConflictError, NotFoundError, UsageError
from digest.people import sessions, user_store, users
from digest.people.model import Role, SignedIn
from digest.web.context import WebContext
from digest.web.desk.asking import LARGEST_FORM, File
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.people import PeoplePages
from digest.web.desk.signing_in import SignInPages
from digest.web.routes import make_app
from subscribers.limits import LimitError
from tests.builders import Paper, opening, url_of
from tests.integration.desk_site import ALMA, ORIGIN, AtDesk, sign_in, text_of

BOB = "bob@post.example"
TYPED = "A headline that took a while, “with quotes” & <marks>"
PASSWORD = "four words and a boat"
_TROUBLES = {
    "conflict": ConflictError("daily: Bob moved it first", hint="Look again."),
    "missing": NotFoundError("edition: there is none"),
    "usage": UsageError("title: too long", hint="Shorten it."),
    "limit": LimitError("too many", wait=timedelta(minutes=2)),
}


class _Acts:
    """A page with a form, as every room of the desk has them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.taken: list[dict[str, list[str]]] = []
        self.files: list[dict[str, File]] = []

    def look(self, request: Request, me: SignedIn) -> Response:
        del request
        return self.desk.show("problem", me, trouble=_Nothing, typed=[])

    def act(self, request: Request, me: SignedIn) -> Response:
        self.taken.append({k: v for k, v in request.state.form.items() if k != "csrf"})
        self.files.append(request.state.files)
        return self.desk.done(self.desk.context.url("acts"), f"Done, {me.name}.")

    def fail(self, request: Request, me: SignedIn) -> Response:
        del me
        raise _TROUBLES[request.state.form["what"][0]]

    async def later(self, request: Request, me: SignedIn) -> Response:
        del request
        return JSONResponse({"name": me.name})

    async def events(self, request: Request, me: SignedIn) -> Response:
        async def told() -> AsyncIterator[str]:
            yield "data: one\n\n"
            if "end" in request.query_params:
                context = self.desk.context
                sessions.end(context.database, me, me.session, at=context.clock())
            yield "data: two\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    def routes(self) -> list[object]:
        route = self.desk.route
        return [
            route("acts", self.look),
            route("acts/do", self.act, role=Role.EDITOR, methods=["POST"]),
            route("acts/fail", self.fail, methods=["POST"]),
            route("acts/later", self.later),
            route("acts/events", self.events),
            route("acts/file", self.act, methods=["POST"], files=1, largest=1 << 20),
        ]


class _Nothing:
    title, sentence, hint = "The form", "Nothing is wrong.", ""


class Room(AtDesk):
    """The desk of a paper, with a page of this test's own."""

    acts: _Acts
    paper: Paper


@pytest.fixture
def room(sqlite_database: Database, tmp_path: Path) -> Iterator[Room]:
    opened = opening(tmp_path, url_of(sqlite_database))
    paper = next(opened)()
    room = _room(paper)
    sign_in(room, Role.ADMIN)
    yield room
    opened.close()  # type: ignore[attr-defined]


def _room(paper: Paper, *, database: Database | None = None) -> Room:
    app = replace(paper.app, database=database or paper.app.database)
    newsroom = app.newsroom
    web = WebContext(app.database, newsroom.site, app.keys, newsroom.newsletters, clock=app.clock)
    context = DeskContext(web, app)
    desk = Desk(context)
    acts = _Acts(desk)
    routes = [
        *SignInPages(context, desk).routes(),
        *PeoplePages(context, desk).routes(),
        *acts.routes(),
        desk.missing(),
    ]
    client = TestClient(make_app(web, beside=routes), base_url=ORIGIN)  # type: ignore[arg-type]
    room = Room(app, client)
    room.acts, room.paper = acts, paper
    return room


def _other(room: Room, role: Role = Role.EDITOR, address: str = BOB) -> Room:
    """Give another browser at the same desk."""
    other = _room(room.paper)
    other.acts.taken = room.acts.taken
    sign_in(other, role, address=address)
    return other


def _end(room: Room) -> None:
    """End the session behind somebody's back, as an admin does whose colleague's phone is lost."""
    assert room.me is not None
    with room.app.database.write() as connection:
        users.sign_out(connection, room.me.user, actor="test", at=room.paper.watch.at)


def _hidden(answer: httpx2.Response, action: str) -> dict[str, str | list[str]]:
    """Read the hidden fields of the form that goes to an address."""
    found = re.search(
        rf'(?s)<form[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>', answer.text
    )
    assert found is not None, answer.text
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', found[1])
    fields: dict[str, str | list[str]] = {}
    for name, value in pairs:
        before = fields.setdefault(unescape(name), [])
        assert isinstance(before, list)
        before.append(unescape(value))
    return fields


# Who may


def test_who_is_not_signed_in_is_asked_to(room: Room) -> None:
    room.client.cookies.clear()
    away = room.get("acts?tab=2")
    assert away.headers["location"] == "/desk/sign-in?next=%2Fdesk%2Facts%3Ftab%3D2"


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("editor", 303), ("approver", 303), ("admin", 303)]
)
def test_an_act_is_for_its_role_and_those_above(room: Room, role: str, status: int) -> None:
    other = _other(room, Role(role))
    answer = other.post("acts/do", {"title": TYPED})
    assert answer.status_code == status
    if status == 403:
        assert "You are a viewer; this needs an editor." in text_of(answer)
        assert TYPED in text_of(answer), "what was typed stands there to be copied"
    assert len(room.acts.taken) == (status == 303)


def test_a_page_of_admins_is_no_viewers(room: Room) -> None:
    other = _other(room, Role.VIEWER)
    assert other.get("people").status_code == 403
    assert "People" not in text_of(other.get("acts"))
    assert "People" in text_of(room.get("acts"))


def test_a_page_there_is_none_of_says_so_in_the_desks_own_look(room: Room) -> None:
    answer = room.get("no/such/page")
    assert (answer.status_code, "There is nothing here" in text_of(answer)) == (404, True)
    assert "Alma Penn" in text_of(answer)


@pytest.mark.parametrize("path", ["/desk", "/desk/people"])
def test_an_address_with_a_slash_at_its_end_leads_to_the_page(path: str, room: Room) -> None:
    answer = room.client.get(f"{path}/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, path)


def test_a_handler_may_be_async(room: Room) -> None:
    assert room.get("acts/later").json() == {"name": "Alma Penn"}


def test_events_end_with_the_session_that_hears_them(room: Room) -> None:
    assert room.get("acts/events").text == "data: one\n\ndata: two\n\n"
    assert room.get("acts/events?end").text == "data: one\n\n"


# Whose form it is


def test_a_form_without_the_mark_of_its_session_changes_nothing(room: Room) -> None:
    other = _other(room)
    for mark in ("", "made.up", other.csrf, room.csrf[:-1] + "0", room.csrf + " "):
        if mark == room.csrf:
            continue
        answer = room.post("acts/do", {"title": TYPED, "csrf": mark})
        assert answer.status_code == 403, mark
        assert TYPED in text_of(answer)
    assert room.acts.taken == []


def test_the_mark_may_stand_in_a_header(room: Room) -> None:
    answer = room.client.post(
        "/desk/acts/do", data={"title": "x"}, headers={"X-CSRF": room.csrf}, follow_redirects=False
    )
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_of_another_site_changes_nothing_even_with_the_mark(
    room: Room, headers: dict[str, str]
) -> None:
    fields = {"title": "x", "csrf": room.csrf}
    answer = room.client.post("/desk/acts/do", data=fields, headers=headers)
    assert (answer.status_code, room.acts.taken) == (403, [])


def test_every_answer_keeps_scripts_and_frames_out(room: Room) -> None:
    answers = [
        room.get("acts"),
        room.get("none"),
        room.post("acts/do", {"csrf": ""}),
        room.post("acts/do", {"title": "x"}),
        room.part("acts/fail", {"what": "usage"}),
    ]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


def test_no_page_has_a_script_or_a_style_of_its_own(room: Room) -> None:
    for path in ("acts", "you", "people", "sign-in", "none"):
        page = room.get(path).text
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page) == [], path


# What is said


def test_what_was_done_is_said_once_on_the_next_page(room: Room) -> None:
    room.post("acts/do", {"title": "x"})
    assert "Done, Alma Penn." in text_of(room.get("acts"))
    assert "Done, Alma Penn." not in text_of(room.get("acts"))


def test_what_is_said_cannot_carry_marks(room: Room) -> None:
    assert room.me is not None
    room.client.cookies.set("desk-said", "PHNjcmlwdD4=")
    assert "&lt;script&gt;" in room.get("acts").text
    room.client.cookies.set(
        "desk-said", "not base64 at all ÿ".encode("latin-1").decode("ascii", "ignore")
    )
    assert room.get("acts").status_code == 200


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("conflict", 409, "Daily: Bob moved it first. Look again."),
        ("missing", 404, "Edition: there is none."),
        ("usage", 422, "Title: too long. Shorten it."),
        ("limit", 429, "Too many."),
    ],
)
def test_an_error_is_said_in_its_words_and_what_was_typed_stays(
    room: Room, what: str, status: int, said: str
) -> None:
    answer = room.post("acts/fail", {"what": what, "title": TYPED})
    assert answer.status_code == status
    assert said in text_of(answer)
    assert TYPED in text_of(answer)


def test_for_htmx_an_error_goes_into_its_line_and_the_page_stays(room: Room) -> None:
    answer = room.part("acts/fail", {"what": "conflict", "title": TYPED})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (409, "#told")
    assert "<html" not in answer.text
    assert "Bob moved it first" in text_of(answer)


def test_for_htmx_an_act_that_leads_on_changes_the_page(room: Room) -> None:
    answer = room.part("acts/do", {"title": "x"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/desk/acts")
    assert "location" not in answer.headers


def test_without_its_database_the_desk_says_so_in_its_own_look(room: Room) -> None:
    away = _room(room.paper, database=Database("sqlite:////nowhere/at/all.db"))
    away.client.cookies.set("__Host-desk", room.client.cookies["__Host-desk"])
    away.me = room.me
    for answer in (
        away.get("acts"),
        away.post("acts/do", {"title": TYPED}),
        away.post("sign-in/link", {"address": ALMA}),
    ):
        assert (answer.status_code, "The database is away" in text_of(answer)) == (503, True)
        assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"address=" + b"x" * LARGEST_FORM, "application/x-www-form-urlencoded", 413),
        (b"--x", "multipart/form-data", 400),
    ],
)
def test_a_damaged_form_to_sign_in_is_refused_with_a_page(
    room: Room, content: bytes, kind: str, status: int
) -> None:
    headers = {"Content-Type": kind, "Origin": ORIGIN}
    answer = room.client.post("/desk/sign-in/link", content=content, headers=headers)
    assert (answer.status_code, answer.headers["Vary"]) == (status, "Cookie, HX-Request")


# Forms of many bytes, and files


def test_a_form_may_be_long_and_one_too_long_is_refused_with_a_page(room: Room) -> None:
    assert room.post("acts/do", {"title": "x" * (LARGEST_FORM - 2000)}).status_code == 303
    answer = room.post("acts/do", {"title": "x" * LARGEST_FORM})
    assert (answer.status_code, "That was too long" in text_of(answer)) == (413, True)
    assert len(room.acts.taken) == 1


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(room: Room) -> None:
    def body() -> Iterator[bytes]:
        yield b"title="
        for _ in range(20):
            yield b"x" * (LARGEST_FORM // 10)

    answer = room.client.post(
        "/desk/acts/do",
        content=body(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-CSRF": room.csrf,
            "Origin": ORIGIN,
        },
    )
    assert (answer.status_code, room.acts.taken) == (413, [])


def test_a_page_that_takes_a_file_gets_it_whole(room: Room) -> None:
    content = b"address\n" + b"ann@reader.example\n" * 20_000
    answer = room.client.post(
        "/desk/acts/file",
        data={"csrf": room.csrf, "newsletter": "daily"},
        files={"list": ("readers.csv", content, "text/csv")},
        headers={"Origin": ORIGIN},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    assert room.acts.files == [{"list": File("readers.csv", content)}]
    assert room.acts.taken == [{"newsletter": ["daily"]}]


def test_a_file_sent_after_the_session_is_over_is_asked_for_again(room: Room) -> None:
    mark = room.csrf
    _end(room)
    for size in (1000, LARGEST_FORM * 2):
        answer = room.client.post(
            "/desk/acts/file",
            data={} if size == 1000 else {"csrf": mark},
            files={"list": ("readers.csv", b"x" * size, "text/csv")},
            headers={"Origin": ORIGIN},
        )
        said = text_of(answer)
        assert (answer.status_code, "You are signed out" in said) == (401, True)
        assert "come back and do it again" in said
    assert room.acts.taken == []


def test_a_page_that_takes_no_file_refuses_one(room: Room) -> None:
    answer = room.client.post(
        "/desk/acts/do",
        data={"csrf": room.csrf},
        files={"list": ("a.csv", b"x", "text/csv")},
        headers={"Origin": ORIGIN},
    )
    assert (answer.status_code, room.acts.taken) == (400, [])


def test_what_no_database_could_keep_is_taken_out(room: Room) -> None:
    room.post("acts/do", {"title": "a\0b"})
    assert room.acts.taken == [{"title": ["ab"]}]


# A session that is over half-way through an edit


def test_what_was_typed_is_sent_after_signing_in_with_the_password(room: Room) -> None:
    room.post("you/password", {"password": PASSWORD, "again": PASSWORD})
    _end(room)
    asked = room.post("acts/do", {"title": TYPED, "story": ["1", "2"]})
    assert (asked.status_code, "Nothing you typed is lost" in text_of(asked)) == (401, True)
    assert TYPED in text_of(asked)
    fields = _hidden(asked, "/desk/sign-in/password")
    back = room.post("sign-in/password", {**fields, "address": ALMA, "password": PASSWORD})
    assert "You are signed in" in text_of(back)
    done = room.client.post(
        "/desk/acts/do",
        data=_hidden(back, "/desk/acts/do"),
        headers={"Origin": ORIGIN},
        follow_redirects=False,
    )
    assert done.status_code == 303
    assert room.acts.taken == [{"title": [TYPED], "story": ["1", "2"]}]


def test_what_was_typed_is_sent_from_its_own_tab_after_signing_in_by_mail(room: Room) -> None:
    _end(room)
    asked = room.post("acts/do", {"title": TYPED})
    waiting = room.post("sign-in/link", {**_hidden(asked, "/desk/sign-in/link"), "address": ALMA})
    assert "Leave this page open" in text_of(waiting)
    link = str(room.paper.notices()[-1].facts["sign_in_url"]).removeprefix(ORIGIN)
    room.post(link)  # in another tab
    form = _hidden(waiting, "/desk/acts/do")
    done = room.client.post(
        "/desk/acts/do", data=form, headers={"Origin": ORIGIN}, follow_redirects=False
    )
    assert done.status_code == 303
    assert room.acts.taken == [{"title": [TYPED]}]


def test_a_session_that_ran_out_keeps_what_was_typed_too(room: Room) -> None:
    room.paper.watch.at += timedelta(days=3)
    asked = room.post("acts/do", {"title": TYPED})
    assert asked.status_code == 401
    assert _hidden(asked, "/desk/acts/do")["title"] == [TYPED]


def test_without_its_cookie_a_form_is_still_known_by_its_mark(room: Room) -> None:
    mark = room.csrf
    room.client.cookies.clear()
    asked = room.post("acts/do", {"title": TYPED, "csrf": mark})
    assert _hidden(asked, "/desk/acts/do")["title"] == [TYPED]


def test_what_one_typed_is_never_sent_in_the_name_of_another(room: Room) -> None:
    other = _other(room, Role.ADMIN)
    other.post("you/password", {"password": PASSWORD, "again": PASSWORD})
    _end(room)
    asked = room.post("acts/do", {"title": TYPED})
    fields = _hidden(asked, "/desk/sign-in/password")
    back = room.post("sign-in/password", {**fields, "address": BOB, "password": PASSWORD})
    assert (back.status_code, back.headers["location"]) == (303, "/desk")
    form = _hidden(asked, "/desk/acts/do")
    refused = room.client.post("/desk/acts/do", data=form, headers={"Origin": ORIGIN})
    assert (refused.status_code, room.acts.taken) == (403, [])


def test_a_form_of_a_former_session_counts_only_from_our_own_page(room: Room) -> None:
    old = room.csrf
    sign_in(room, Role.ADMIN)
    fields = {"title": "x", "csrf": old}
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert room.client.post("/desk/acts/do", data=fields, headers=headers).status_code == 403
    own = room.client.post(
        "/desk/acts/do", data=fields, headers={"Origin": ORIGIN}, follow_redirects=False
    )
    assert own.status_code == 303


def test_another_site_gets_no_form_of_its_own_carried_on(room: Room) -> None:
    _end(room)
    answer = room.client.post(
        "/desk/acts/do",
        data={"title": TYPED, "csrf": room.csrf},
        headers={"Origin": "https://evil.example"},
    )
    assert (answer.status_code, "carried" in answer.text) == (403, False)


def test_a_form_that_nobody_can_place_is_shown_to_be_copied_and_not_sent(room: Room) -> None:
    room.client.cookies.clear()
    asked = room.post("acts/do", {"title": TYPED, "csrf": "nonsense"})
    assert TYPED in text_of(asked)
    assert 'action="/desk/acts/do"' not in asked.text


def test_no_password_is_carried_on_or_shown(room: Room) -> None:
    _end(room)
    fields = {"password": PASSWORD, "again": PASSWORD, "old": PASSWORD, "title": TYPED}
    for mark in (room.csrf, "nonsense"):
        asked = room.post("acts/do", {**fields, "csrf": mark})
        assert (TYPED in text_of(asked), PASSWORD in asked.text) == (True, False)


def test_for_htmx_the_page_stays_and_its_form_counts_after_signing_in(room: Room) -> None:
    old = room.csrf
    _end(room)
    asked = room.part("acts/do", {"title": TYPED})
    assert (asked.status_code, asked.headers["HX-Retarget"]) == (401, "#told")
    assert 'target="_blank"' in asked.text
    sign_in(room, Role.ADMIN)
    again = room.part("acts/do", {"title": TYPED, "csrf": old})
    assert (again.status_code, room.acts.taken) == (200, [{"title": [TYPED]}])


def test_a_stolen_session_is_over_with_the_next_request(room: Room) -> None:
    thief = _room(room.paper)
    thief.client.cookies.set("__Host-desk", room.client.cookies["__Host-desk"])
    thief.me = room.me
    assert thief.get("you").status_code == 200
    assert room.me is not None
    other = _other(room, Role.ADMIN)
    with room.app.database.read() as connection:
        alma = user_store.find_user(connection, address_key=ALMA)
    assert alma is not None
    other.post(f"people/{alma.public_id}/sign-out")
    assert thief.get("you").status_code == 303
    assert thief.post("acts/do", {"title": "x"}).status_code == 401
    assert not room.acts.desk.still_in(room.me)
    assert (
        sessions.find(
            room.app.database,
            room.client.cookies["__Host-desk"],
            now=room.paper.watch.at,
            rules=room.acts.desk.context.rules,
        )
        is None
    )
