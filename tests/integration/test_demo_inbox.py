from __future__ import annotations

import html
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import DeliveryState, Envelope
from digest.demo.inbox import VIEWS, inbox_routes
from digest.demo.letters import read_letter, read_readers
from digest.demo.readers import READERS
from tests.unit.demo.builders_demo import HTML, letter, put

AGNES = "agnes@reader.example"


def client(root: Path) -> TestClient:
    return TestClient(Starlette(routes=inbox_routes(root)))


def test_an_inbox_without_mail_says_so(tmp_path: Path) -> None:
    answer = client(tmp_path / "not-made-yet").get("/inbox")
    assert answer.status_code == 200
    assert "No mail yet." in answer.text
    assert "A demo: nothing left this machine." in answer.text


def test_what_our_own_transport_stores_is_listed_for_every_reader(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path)
    for reader in READERS:
        body = letter(to=reader.address).replace(b"\n", b"\r\n")
        envelope = Envelope("news@harbourpost.example", reader.address, f"<{reader.since}@x>")
        assert transport.deliver(envelope, body).state is DeliveryState.ACCEPTED
    page = html.unescape(client(tmp_path).get("/inbox").text)
    assert all(reader.name in page for reader in READERS)
    assert page.count("<b dir=") == len(READERS) == 25
    assert {reader.address for reader in read_readers(tmp_path)} == {r.address for r in READERS}


def test_a_row_shows_sender_subject_preheader_and_time(tmp_path: Path) -> None:
    put(tmp_path, letter())
    page = client(tmp_path).get(f"/inbox/{AGNES}").text
    assert '<span class="from" dir="auto">Harbour Post</span>' in page
    assert '<b dir="auto">Fish market saved</b>' in page
    assert (
        '<span class="snip" dir="auto">Also: scallops by the tonne. Good morning. Read</span>'
        in page
    )
    assert "<time>9 Jan, 07:00</time>" in page


def test_read_and_flagged_letters_and_the_newest_first(tmp_path: Path) -> None:
    put(tmp_path, letter(subject="Older", date="Thu, 08 Jan 2026 07:00:00 +0000"))
    seen = put(tmp_path, letter(subject="Newer"), part="cur", name="abc123:2,FS")
    (reader,) = read_readers(tmp_path)
    assert [summary.subject for summary in reader.letters] == ["Newer", "Older"]
    assert client(tmp_path).get(f"/inbox/{AGNES}/{seen}").status_code == 200


def test_files_of_other_names_are_counted_and_not_opened(tmp_path: Path) -> None:
    put(tmp_path, letter())
    put(tmp_path, letter(subject="Secret"), name="1700000000.M1P2.host")
    put(tmp_path, letter(subject="Unfinished"), part="tmp")
    page = client(tmp_path).get("/inbox").text
    assert "1 file not listed: the name is not ours." in page
    assert "Secret" not in page
    assert "Unfinished" not in page


def test_every_view_of_a_letter_opens(tmp_path: Path) -> None:
    name = put(tmp_path, letter())
    pages = {
        view: client(tmp_path).get(f"/inbox/{AGNES}/{name}?view={view}").text for view in VIEWS
    }
    assert 'class="html"' in pages["html"]
    assert 'class="phone"' in pages["phone"]
    assert '<pre dir="auto">Good morning.' in pages["text"]
    assert "<dt>List-Unsubscribe</dt>" in pages["headers"]
    assert "Content-Type: multipart/alternative" in pages["source"]
    assert "Agnes Whitlow" in pages["html"]


def test_the_source_is_every_byte_of_the_letter(tmp_path: Path) -> None:
    message = letter() + b"\xff\xfe the end\n"
    name = put(tmp_path, message)
    shown = client(tmp_path).get(f"/inbox/{AGNES}/{name}?view=source").text
    pre = html.unescape(shown.partition("<pre>")[2].partition("</pre>")[0])
    assert pre == message.decode("utf-8", "backslashreplace")
    raw = client(tmp_path).get(f"/inbox/{AGNES}/{name}/raw")
    assert raw.content == message
    assert raw.headers["content-disposition"].startswith("attachment")


def test_the_frame_is_sandboxed_and_its_links_leave_it(tmp_path: Path) -> None:
    name = put(tmp_path, letter())
    page = client(tmp_path).get(f"/inbox/{AGNES}/{name}")
    sandbox = (
        'sandbox="allow-popups allow-popups-to-escape-sandbox '
        'allow-top-navigation-by-user-activation"'
    )
    assert sandbox in page.text
    inner = client(tmp_path).get(f"/inbox/{AGNES}/{name}/html")
    assert inner.text == HTML.replace("<head>", '<head><base target="_top">') + "\n"
    policy = inner.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src 'self'")
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'; sandbox allow-popups" in policy


def test_a_letter_without_a_head_still_opens_its_links_outside(tmp_path: Path) -> None:
    name = put(tmp_path, letter(html="<p>Hello</p>"))
    inner = client(tmp_path).get(f"/inbox/{AGNES}/{name}/html").text
    assert inner.startswith('<base target="_top"><p>Hello</p>')


def test_a_letter_of_plain_text_has_no_html_tab(tmp_path: Path) -> None:
    name = put(tmp_path, letter(html=None, text="Please <confirm>.\n"))
    page = client(tmp_path).get(f"/inbox/{AGNES}/{name}")
    assert "Please &lt;confirm&gt;." in page.text
    assert "view=html" not in page.text
    assert client(tmp_path).get(f"/inbox/{AGNES}/{name}/html").status_code == 404


def test_hostile_headers_and_bodies_are_shown_as_text(tmp_path: Path) -> None:
    attack = b"<script>alert(1)</script>"
    message = (
        b"From: " + attack + b" <x@y.example>\nTo: agnes@reader.example\n"
        b'Subject: "><img src=x onerror=alert(2)>\nX-Evil: ' + attack + b"\n"
        b"Content-Type: text/plain; charset=no-such\n\n</pre>" + attack
    )
    name = put(tmp_path, message)
    for address in ("/inbox", *(f"/inbox/{AGNES}/{name}?view={view}" for view in VIEWS)):
        page = client(tmp_path).get(address)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "&lt;img src=x onerror=alert(2)&gt;" in page.text


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00\xff\xfe",
        b"no headers at all",
        b"Date: not a date\nFrom: \nSubject: =?utf-8?q?=ff=fe?=\n\nx",
        b"Date: Fri, 31 Dec 9999 23:59:59 -2359\nTo: <<>>,;\nFrom: @@@\n\nx",
        b"Date: Fri, 01 Jan 0001 00:00:00 +1400\n\nx",
        (
            b"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n"
            b"Content-Transfer-Encoding: base64\n\n!!!\n"
        ),
        b"Content-Type: text/html; charset=klingon\n\n<p>\xff",
        b"From: =?x?y?z?=\nSubject: a\n b\x0bc\n\nx",
    ],
)
def test_no_letter_is_too_broken_to_be_listed_and_opened(tmp_path: Path, message: bytes) -> None:
    name = put(tmp_path, message)
    browser = client(tmp_path)
    assert browser.get("/inbox").text.count("<b dir=") == 1
    for view in VIEWS:
        assert browser.get(f"/inbox/{AGNES}/{name}?view={view}").status_code == 200


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=200), body=st.binary(max_size=200))
def test_any_bytes_can_be_read(tmp_path: Path, head: bytes, body: bytes) -> None:
    message = b"Subject: " + head + b"\nContent-Type: text/html\n\n" + body
    name = put(tmp_path, message, name="ab")
    (reader,) = read_readers(tmp_path)
    opened = read_letter(reader.letters[0].path)
    assert opened is not None
    assert (reader.letters[0].id, opened.raw) == (name, message)


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/nobody@reader.example",
        "/inbox/..",
        "/inbox/%2e%2e/secret",
        f"/inbox/{AGNES}/..%2f..%2fsecret",
        f"/inbox/{AGNES}/abc/html",
        f"/inbox/{AGNES}/abc/raw",
        f"/inbox/{AGNES}/5ec4e7",
        "/inbox/linked@reader.example",
        "/inbox/.hidden",
    ],
)
def test_nothing_outside_of_the_mailboxes_is_opened(tmp_path: Path, path: str) -> None:
    root = tmp_path / "mail"
    put(root, letter())
    put(root, letter(subject="A hidden folder"), folder=".hidden")
    secret = tmp_path / "secret"
    secret.write_text("do not show")
    (root / AGNES / "new" / "5ec4e7").symlink_to(secret)
    (root / "linked@reader.example").symlink_to(tmp_path)
    answer = client(root).get(path)
    assert answer.status_code == 404
    assert "do not show" not in answer.text


def test_an_unknown_view_is_missing(tmp_path: Path) -> None:
    name = put(tmp_path, letter())
    assert client(tmp_path).get(f"/inbox/{AGNES}/{name}?view=pdf").status_code == 404


def test_a_letter_that_has_gone_is_missing(tmp_path: Path) -> None:
    assert read_letter(tmp_path / "gone") is None


def test_pages_run_no_script_and_have_no_inline_style(tmp_path: Path) -> None:
    name = put(tmp_path, letter())
    for address in ("/inbox", f"/inbox/{AGNES}/{name}"):
        answer = client(tmp_path).get(address)
        assert "style=" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client(tmp_path).get("/inbox/inbox.css").status_code == 200
