from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import Message

from digest.composition.model import Composition
from digest.composition.store import image, save_composition
from digest.db import Database
from digest.editions.model import MAIN_SLOT, EditionState, Slot, Window
from digest.editions.store import change_state, insert_edition
from digest.web.context import Kept, WebContext
from digest.web.routes import make_app
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, all_rows, make_newsletters
from tests.integration.web_site import KEYS, NOON, SITE, Browser, open_browser

FRIDAY = date(2026, 1, 9)
PICTURE = "ab" * 32
SAFE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.fixture
def browser(sqlite_database: Database) -> Browser:
    return open_browser(sqlite_database)


def _edition(database: Database, state: EditionState, *, name: str = MAIN_SLOT) -> None:
    newsletter = make_newsletters(database)[0]
    slot = Slot(FRIDAY, NOON, NOON, name=name)
    window = Window(NOON - timedelta(days=1), NOON)
    with database.write() as connection:
        made = insert_edition(
            connection, newsletter, slot, window=window, prepared_at=NOON, expires_at=None
        )
        change_state(connection, made.id, expect=[EditionState.DRAFT], to=state)
        letter = Composition(
            edition_id=made.id,
            language="en",
            revision=1,
            subject="Subject",
            preheader="",
            html=f"<html><body><p>The letter {name}</p></body></html>",
            text="The letter",
            nonce="Xq7nonceXq7nonceXq7nonce",
            content_hash="0" * 64,
        )
        save_composition(connection, letter, at=NOON)


def _headers(browser: Browser, path: str) -> dict[str, str]:
    found = browser.get(path).headers
    return {name: found.get(name, "") for name in SAFE}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/subscribe",
        "/subscribe/check-inbox",
        "/subscribe/form",
        "/link",
        "/privacy",
        "/u/x",
        "/confirm/x",
        "/nothing",
    ],
)
def test_every_page_is_armoured(browser: Browser, path: str) -> None:
    assert _headers(browser, path) == SAFE


@pytest.mark.parametrize("state", list(EditionState))
def test_a_letter_is_public_from_when_it_is_sent(browser: Browser, state: EditionState) -> None:
    _edition(browser.database, state)
    answer = browser.get("/daily/2026-01-09")
    public = state in {EditionState.SENDING, EditionState.SENT}
    assert answer.status_code == (200 if public else 404)
    assert ("The letter" in answer.text) == public
    if public:
        policy = answer.headers["content-security-policy"]
        assert policy == (
            "default-src 'none'; style-src 'unsafe-inline'; "
            "img-src 'self' https://letters.harbour.example; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["cache-control"] == "public, max-age=300"


def test_who_confirms_may_read_the_latest_letter_at_once(browser: Browser) -> None:
    browser.ask("maria@reader.example", "daily")
    (link,) = browser.confirm_links()
    assert "Read the latest edition" not in browser.post(link).text
    _edition(browser.database, EditionState.SENT)
    page = browser.post(link).text
    assert 'href="/daily/2026-01-09"' in page
    assert "Friday 9 January 2026" in page


def test_an_extra_has_its_name_behind_the_date(browser: Browser) -> None:
    _edition(browser.database, EditionState.SENT, name="evening")
    assert "The letter evening" in browser.get("/daily/2026-01-09/evening").text
    assert browser.get("/daily/2026-01-09/noon").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/daily/2026-01-10",
        "/daily/2026-1-9",
        "/daily/2026-02-30",
        "/daily/today",
        "/other/2026-01-09",
        "/daily/2026-01-09%00",
        "/weekly/2026-01-09",
    ],
)
def test_a_letter_that_never_was_is_not_there(browser: Browser, path: str) -> None:
    _edition(browser.database, EditionState.SENT)
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/subscribe/", "/subscribe"),
        ("/archive//?before=x", "/archive?before=x"),
        ("/%5Cevil.example/", "/%5Cevil.example"),
        ("/%2F%2Fevil.example/", "/evil.example"),
        ("/%3Fa%0D%0AX:b/", "/%3Fa%0D%0AX%3Ab"),
    ],
)
def test_a_slash_too_many_leads_on_within_our_own_site(
    browser: Browser, path: str, found: str
) -> None:
    answer = browser.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, found)


def test_a_letter_without_its_text_is_not_there(browser: Browser) -> None:
    _edition(browser.database, EditionState.SENT)
    with browser.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM composition")
    assert browser.get("/daily/2026-01-09").status_code == 404


def test_a_picture_is_kept_for_ever(browser: Browser) -> None:
    row = {"hash": PICTURE, "media_type": "image/jpeg", "width": 1, "height": 1}
    with browser.database.write() as connection:
        connection.execute(sa.insert(image).values(**row, content=b"jpeg", made_at=NOON))
    answer = browser.get(f"/images/{PICTURE}.jpg")
    assert (answer.status_code, answer.content) == (200, b"jpeg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for name in (f"{'cd' * 32}.jpg", f"{PICTURE}", "..%2f..%2fetc%2fpasswd", "x.jpg"):
        assert browser.get(f"/images/{name}").status_code == 404


def test_style_sheets_are_kept_by_version_and_carry_the_accent(browser: Browser) -> None:
    sheets = re.findall(r'href="(/static/[^"]+)"', browser.get("/subscribe").text)
    assert [re.sub(r"\?v=\w+", "", sheet) for sheet in sheets] == [
        "/static/icon.svg",
        "/static/site.css",
        "/static/brand.css",
    ]
    answers = [browser.get(sheet) for sheet in sheets]
    assert [answer.headers["content-type"] for answer in answers] == [
        "image/svg+xml",
        "text/css; charset=utf-8",
        "text/css; charset=utf-8",
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {
        "public, max-age=31536000, immutable"
    }
    assert "--accent:#0B4F8A" in answers[2].text
    assert browser.get("/static/site.css").headers["cache-control"] == "public, max-age=300"
    for name in ("other.css", "..%2froutes.py", "..%2f..%2fdb.py"):
        assert browser.get(f"/static/{name}").status_code == 404


def test_a_site_below_a_path_links_below_it(sqlite_database: Database) -> None:
    site = replace(SITE, public_url="https://harbour.example/letters", reply_to="")
    browser = open_browser(sqlite_database, site=site)
    assert 'action="/letters/subscribe"' in browser.get("/subscribe").text
    assert browser.get("/").headers["location"] == "/letters/subscribe"
    assert "https://harbour.example" in browser.get("/nothing").text


def test_a_publishers_own_page_comes_first(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "privacy.html").write_text("Our own words at {{ site.name }}")
    context = WebContext(sqlite_database, SITE, KEYS, [], template_folders=(tmp_path,))
    client = TestClient(make_app(context))
    assert client.get("/privacy").text == "Our own words at Harbour &lt;Post&gt;"
    assert "There is no newsletter yet." in client.get("/subscribe").text


def test_privacy_names_who_to_write_to_and_how_long_things_are_kept(
    sqlite_database: Database,
) -> None:
    kept = Kept(timedelta(days=90), timedelta(days=30), timedelta(days=1))
    page = open_browser(sqlite_database, kept=kept).get("/privacy").text
    assert "mailto:editor@harbour.example" in page
    assert "If you never confirm, we forget it after 30 days." in page
    assert "That network address we drop after 90 days." in page
    assert "What it answered we drop after 1 day." in page
    assert "we drop after" not in open_browser(sqlite_database).get("/privacy").text


def test_who_is_subscribed_is_told_what_to_do_until_the_first_letter(browser: Browser) -> None:
    told = open_browser(browser.database, news_address="news@harbour.example")
    told.ask("maria@reader.example", "daily")
    (link,) = told.confirm_links()
    page = told.post(link).text
    token = KEYS.links.sign(Purpose.PREFERENCES, Grant(told.public_id(), (DAILY,)))
    assert f'href="/p/{token}"' in page
    assert "Add <bdi>news@harbour.example</bdi> to your contacts" in page
    assert "Add our address to your contacts" in browser.post(link).text


def test_a_database_that_is_away_makes_us_not_ready(tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'absent' / 'digest.db'}")
    app = make_app(WebContext(away, SITE, KEYS, []))
    answer = TestClient(app).get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ready", "database": "unreachable", "schema": "unknown"},
    )
    crash = TestClient(app, raise_server_exceptions=False).get(f"/images/{PICTURE}.jpg")
    assert crash.status_code == 500
    assert "Something went wrong on our side" in crash.text
    assert {name: crash.headers.get(name) for name in SAFE} == SAFE


def test_methods_and_sizes_we_do_not_take_are_refused_in_our_look(browser: Browser) -> None:
    wrong = browser.client.put("/subscribe")
    assert wrong.status_code == 405
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert "This page does not do that" in wrong.text
    declared = browser.post("/subscribe", data={"email": "x" * 70_000})

    def undeclared() -> Iterator[bytes]:
        yield b"email="
        for _ in range(70):
            yield b"x" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    streamed = browser.post("/subscribe", content=undeclared(), headers=headers)
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert "That was too long" in answer.text
        assert {name: answer.headers.get(name) for name in SAFE} == SAFE
    part = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nb\r\n--x--'
    for body, charset in ((b"no part", "utf-8"), (part, "undefined")):
        damaged = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
        answer = browser.post("/subscribe", content=body, headers=damaged)
        assert answer.status_code == 400
        assert "We could not read that" in answer.text


def test_a_caller_who_hangs_up_is_no_mistake_of_ours(browser: Browser) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/subscribe", "headers": headers}
    asyncio.run(browser.client.app({**scope, "query_string": b""}, receive, send))  # type: ignore[arg-type]
    assert [message.get("status") for message in sent] == [400, None]


def test_the_pages_can_be_started_and_stopped(browser: Browser) -> None:
    with browser.client as client:
        assert client.get("/healthz").status_code == 200


_NAUGHTY = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "\0",
            "\r\n",
            "a@x.example\r\nBcc: b@x.example",
            "\ud800",
            "{{7*7}}",
            "{% include '/etc/passwd' %}",
            "%s%n",
            "' OR 1=1 --",
            "\u202e\u2028\u2029",
            "../../etc/passwd",
            "\U0001d573\U0001f600" * 40,
            "=?utf-8?q?hi=0D=0ABcc:_evil@x.test?=",
        ]
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_NAUGHTY, _NAUGHTY, _NAUGHTY)
def test_no_naughty_string_in_any_field_breaks_a_page(
    browser: Browser, email: str, newsletter: str, other: str
) -> None:
    texts = [text.encode("utf-8", "surrogatepass") for text in (email, newsletter, other)]
    fields = {"email": texts[0], "newsletter": texts[1], "fax_number": b"", "everything": texts[2]}
    more = {"form_time": texts[2], "spelling": texts[1], "topic": texts[2], "language": texts[1]}
    headers = {"Origin": "https://x.example", "Accept-Language": "de;q=x,\u00e4".encode()}
    path = browser.join(DAILY, address="naughty@reader.example") if not _seen(browser) else "/u/x"
    answers = [
        browser.post("/subscribe", data=fields),
        browser.post("/subscribe", data={**fields, "newsletter": b"daily"}),
        browser.post("/subscribe", data={**fields, **more, "newsletter": b"daily"}),
        browser.post("/subscribe", data={**more, "email": b"a@gmial.com"}, headers=headers),
        browser.post("/link", data={**fields, **more}),
        browser.post("/subscribe", files={"email": (None, texts[0]), "other": ("f", texts[2])}),
        browser.post(path, data={"List-Unsubscribe": texts[2]}),
        browser.post("/confirm/x", data=fields),
    ]
    assert all(answer.status_code < 500 for answer in answers)
    assert all("\0" not in answer.text for answer in answers)


def _seen(browser: Browser) -> bool:
    return bool(all_rows(browser.database)["subscriber"])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(
        [
            "/u/{}",
            "/confirm/{}",
            "/{}/2026-01-09",
            "/daily/{}",
            "/daily/2026-01-09/{}",
            "/images/{}.jpg",
            "/static/{}",
            "/subscribe?{}",
            "/subscribe?newsletter={}&language={}",
            "/subscribe/form?newsletter={}&topics=asked",
            "/?{}",
            "/{}",
        ]
    ),
    st.binary(max_size=60),
)
def test_no_naughty_address_breaks_a_page(browser: Browser, path: str, raw: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in raw)
    for method in ("GET", "HEAD", "POST"):
        asked = path.format(*[quoted] * path.count("{}"))
        answer = browser.client.request(method, asked, follow_redirects=False)
        assert answer.status_code < 500
