"""A feed written by somebody who means harm, all the way to the readers' mailboxes."""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from digest.app import App, open_app
from digest.config import load
from digest.config.writing import first_settings
from digest.editions import store as editions
from digest.editions.model import EditionState
from digest.sources.collect import collect
from digest.workflow.advance import advance
from digest.workflow.approve import approve
from subscribers.model import Act
from subscribers.signup import add

THURSDAY = datetime(2026, 1, 8, 8, tzinfo=UTC)
CUT_OFF = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
READERS = ("maria@reader.example", "o'neill+news@reader.example", "a.b@xn--bcher-kva.example")
HEADLINES = (
    "Council\r\nBcc: evil@attacker.example votes",
    "=?utf-8?q?hi=0D=0ABcc:_evil=40attacker.example?=",
    "A headline\u2028with\u2029odd\u0085ends",
    "</mj-text><mj-raw><script>alert(1)</script></mj-raw>",
    "{{ 7 * 7 }} {% include '../../../etc/passwd' %} ${7*7}",
    "<!--[if mso]><![endif]--> --> <![CDATA[ ]]>",
    'Quotes " and \' and \\" onclick="x',
    "Right\u202eto left\u202c, zero\u200bwide, e\u0301, \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Zq0123456789abcdefxVunsubscribeE",
    ".",
    "From the harbour",
    "Long" * 60,
)
TEXT = "line\r\n.\r\nDATA\r\n.\nand \x07 a bell, <b>bold</b>, javascript:alert(1)"


def _feed() -> str:
    items = "".join(
        "<item>"
        f"<title>{escape(escape(_xml(headline)))}</title><guid>g{number}</guid>"
        f"<link>https://post.example/{number}?a=1&amp;b=%22%3E</link>"
        f"<description>{escape(_xml(TEXT))}</description>"
        f"<pubDate>Thu, 08 Jan 2026 {10 + number % 10}:0{number % 6}:00 GMT</pubDate>"
        f"<author>{escape(_xml(headline))}</author></item>"
        for number, headline in enumerate(HEADLINES)
    )
    return f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>"


def _xml(text: str) -> str:
    """Take away what cannot stand in XML at all; feeds of the other sort are the unit tests'."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)


class _Clock:
    at = THURSDAY

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def app(tmp_path: Path, clock: _Clock) -> Iterator[App]:
    text = first_settings(
        name='Zoë "& Sons", Ltd',
        url="https://post.example",
        feed="feed.xml",
        timezone="Europe/London",
        host="post.example",
    )
    path = tmp_path / "digest.toml"
    path.write_text(text.replace("max_per_second = 10 ", "max_per_second = 1000 "))
    (tmp_path / "feed.xml").write_text(
        "<rss version='2.0'><channel><title>x</title></channel></rss>"
    )
    app = open_app(load(path), clock=clock)
    yield app
    app.close()


def _send(app: App, clock: _Clock, tmp_path: Path) -> list[tuple[bytes, EmailMessage]]:
    daily = app.newsroom.newsletters[0]
    for address in READERS:
        add(app.database, address, [daily.id], Act(THURSDAY, "command"), keys=app.keys)
    collect(app.database, app.sources, fetcher=app.fetcher, clock=clock, force=True)
    (tmp_path / "feed.xml").write_text(_feed(), encoding="utf-8")
    clock.at = CUT_OFF - timedelta(minutes=5)
    (polled,) = collect(app.database, app.sources, fetcher=app.fetcher, clock=clock, force=True)
    assert polled.problem == ""
    clock.at = CUT_OFF
    assert [step for step in advance(app.newsroom) if step.problem] == []
    with app.database.read() as connection:
        edition = editions.find_edition(connection, daily)
    assert edition is not None
    clock.at = CUT_OFF + timedelta(minutes=29)
    if edition.state is not EditionState.APPROVED:
        approve(app.database, edition, by="test", clock=clock)
    clock.at = CUT_OFF + timedelta(minutes=30)
    advance(app.newsroom)
    app.deliver(edition, progress=lambda _done: None)
    files = sorted((tmp_path / "var" / "mailbox").glob("*/new/*"))
    raw = [path.read_bytes() for path in files]
    return [(one, email.message_from_bytes(one, policy=email.policy.default)) for one in raw]


def test_no_story_adds_a_header_a_recipient_or_a_script(
    app: App, clock: _Clock, tmp_path: Path
) -> None:
    sent = _send(app, clock, tmp_path)
    assert sorted(str(message["To"]) for _, message in sent) == sorted(READERS)
    for raw, message in sent:
        counts = Counter(name.lower() for name in message)
        assert set(counts.values()) == {1}
        assert set(counts) == {
            "from", "to", "subject", "date", "message-id", "reply-to", "list-id", "precedence",
            "list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type",
            "list-help", "list-archive", "feedback-id",
        }  # fmt: skip
        assert not message.defects
        assert b"\x00" not in raw
        assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
        assert not re.search(rb"(?m)^\.", raw)
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        html = message.get_body(("html",))
        text = message.get_body(("plain",))
        assert html is not None
        assert text is not None
        page = html.get_content()
        assert "<script" not in page.lower()
        assert not re.search(r"(?i)href=[\"'](?!https?:|mailto:)", page)
        assert not re.search(r"(?i)<[^>]*\sonclick", page)
        assert "passwd" in page  # shown as what it is: a headline
        assert "49" not in text.get_content().replace("7 * 7", "")


def test_every_headline_is_read_as_it_was_written(app: App, clock: _Clock, tmp_path: Path) -> None:
    _, message = _send(app, clock, tmp_path)[0]
    text = message.get_body(("plain",))
    assert text is not None
    flat = re.sub(r"\s+", "", text.get_content()).casefold()
    for word in ("Quotes\"and'and", "Fromtheharbour", "{{7*7}}", "\U0001f468\u200d\U0001f469"):
        assert re.sub(r"\s+", "", word).casefold() in flat
