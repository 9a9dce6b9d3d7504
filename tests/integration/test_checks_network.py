"""What the checks ask the network: real servers for links, pictures and DNS, all on loopback."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from PIL import Image

from digest.checks.model import Facts, Limits, Page, Report, Severity
from digest.checks.network import Network, ask, with_answers
from digest.checks.run import run
from digest.composition.model import Logo
from digest.composition.pictures import BorrowedShelf
from digest.composition.samples import sample_site
from digest.db import Database
from digest.sources.fetch import Fetcher
from digest.workflow.checking import check_facts, preview_facts
from digest.workflow.network_check import check_network
from digest.workflow.preview import preview
from tests.builders import Paper, a_newsletter, moment, opening, url_of
from tests.unit.checks.page_builders import facts, html, letter, page

LOOPBACK = ("127.0.0.0/8",)
_PATIENCE = 20.0


def _picture(size: tuple[int, int], kind: str = "JPEG", colour: str = "#336699") -> bytes:
    file = io.BytesIO()
    mode = "RGBA" if kind == "PNG" else "RGB"
    made = Image.new(mode, size, "#00000000" if kind == "PNG" else colour)
    if kind == "PNG":
        made.paste(colour, (0, 0, size[0] // 2, size[1]))
    made.save(file, kind)
    return file.getvalue()


PICTURES: Mapping[str, tuple[str, bytes]] = {
    "/good.jpg": ("image/jpeg", _picture((1200, 675))),
    "/coarse.jpg": ("image/jpeg", _picture((300, 169))),
    "/huge.jpg": ("image/jpeg", _picture((1300, 675))),
    "/square.jpg": ("image/jpeg", _picture((800, 800))),
    "/heavy.jpg": ("image/jpeg", _picture((1200, 675)).ljust(250_000, b"\0")),
    "/enormous.jpg": ("image/jpeg", _picture((1200, 675)).ljust(1_100_000, b"\0")),
    "/page.jpg": ("text/html", b"<p>Sorry"),
    "/broken.jpg": ("image/jpeg", b"\xff\xd8 and no more"),
    "/dark.png": ("image/png", _picture((200, 80), "PNG", "#101418")),
}
STATUSES = {"/gone": 410, "/down": 503, "/forbidden": 403, "/slower": 429}


class _Site(BaseHTTPRequestHandler):
    """A site whose paths say how they answer; `asked` has each method and path."""

    asked: list[str]

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def log_message(self, *_given: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if self.path.startswith("/hops/"):
            left = int(self.path.rpartition("/")[2])
            self._say(302, location=f"/hops/{left - 1}" if left > 1 else "/fine")
        elif self.path == "/inside":
            self._say(302, location="http://192.0.2.1/")
        elif self.path == "/only-get" and self.command == "HEAD":
            self._say(405)
        elif self.path in PICTURES:
            self._say(200, *PICTURES[self.path])
        else:
            self._say(STATUSES.get(self.path, 200), "text/html", b"<p>Fine")

    def _say(
        self, status: int, kind: str = "text/html", body: bytes = b"", *, location: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, list[str]]]:
    """Give the address of such a site, and what it was asked."""
    asked: list[str] = []
    handler = type("Site", (_Site,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE)


@contextmanager
def _dns(zone: Mapping[str, Sequence[str] | None]) -> Iterator[dns.resolver.Resolver]:
    """Serve TXT records on loopback; a name whose records are None gets SERVFAIL."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve_names, args=(line, zone), daemon=True)
    thread.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], line.getsockname()[1]
    try:
        yield resolver
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", line.getsockname())
        thread.join(_PATIENCE)
        line.close()


def _serve_names(line: socket.socket, zone: Mapping[str, Sequence[str] | None]) -> None:
    while True:
        data, sender = line.recvfrom(4096)
        if not data:
            return
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        question = query.question[0]
        records = zone.get(question.name.to_text().rstrip("."), ())
        if records is None:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *records))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        line.sendto(reply.to_wire(), sender)


def _links(*addresses: str) -> Facts:
    inner = "".join(f'<p><a href="{each}">{each[-12:]}</a></p>' for each in addresses)
    made = page(html(inner), composed=inner)
    return replace(facts(made), sender="")


def _shown(address: str, width: int = 600, height: int = 338) -> Page:
    return page(html(f'<img src="{address}" width="{width}" height="{height}" alt="">'))


def _network(**changes: Any) -> Network:
    given: dict[str, Any] = {"fetcher": Fetcher(timeout=5, deadline=5), "allow": LOOPBACK}
    return Network(**{**given, **changes})


def _said(given: Facts, **changes: Any) -> list[tuple[str, Severity, str]]:
    found = ask(given, _network(**changes))
    return [(each.code, each.severity, each.sentence) for each in found]


# Links


def test_links_that_answer_are_found_good_and_asked_without_their_pages(
    site: tuple[str, list[str]],
) -> None:
    url, asked = site
    asked.clear()
    assert _said(_links(f"{url}/fine", f"{url}/hops/3", f"{url}/fine")) == []
    assert sorted(asked) == [
        *("HEAD /fine", "HEAD /fine", "HEAD /hops/1", "HEAD /hops/2", "HEAD /hops/3")
    ]


def test_a_server_that_knows_only_get_is_asked_once_more(site: tuple[str, list[str]]) -> None:
    url, asked = site
    asked.clear()
    assert _said(_links(f"{url}/only-get")) == []
    assert asked == ["HEAD /only-get", "GET /only-get"]


@pytest.mark.parametrize(
    ("path", "severity", "sentence"),
    [
        ("/gone", Severity.BLOCK, "answers 410."),
        ("/down", Severity.BLOCK, "answers 503."),
        ("/forbidden", Severity.WARN, "answers 403 to programs."),
        ("/slower", Severity.WARN, "answers 429 to programs."),
        ("/hops/5", Severity.WARN, "leads there over 5 redirects."),
        ("/hops/11", Severity.BLOCK, "does not answer: more than 10 redirects."),
        (
            "/inside",
            Severity.BLOCK,
            "leads inside a network, where it is not followed: not a public address.",
        ),
    ],
)
def test_links_that_do_not_answer_are_named(
    site: tuple[str, list[str]], path: str, severity: Severity, sentence: str
) -> None:
    address = f"{site[0]}{path}"
    assert _said(_links(address)) == [("L04", severity, f"The link “{address[-12:]}” {sentence}")]


def test_nothing_private_is_dialled(site: tuple[str, list[str]]) -> None:
    url, asked = site
    asked.clear()
    (found,) = _said(_links(f"{url}/fine"), allow=())
    assert found[:2] == ("L04", Severity.BLOCK)
    assert asked == []


def test_where_nobody_listens_a_link_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
        (found,) = _said(_links(address))
    assert found[:2] == ("L04", Severity.BLOCK)
    assert "does not answer" in found[2]


def test_a_hundred_links_are_asked_at_the_most(site: tuple[str, list[str]]) -> None:
    url, asked = site
    asked.clear()
    given = _links(*(f"{url}/{n}" for n in range(103)))
    assert _said(given) == [
        (
            "L04",
            Severity.INFO,
            "3 of 103 links were not asked: 100 are at the most, and for a minute.",
        )
    ]
    assert len(asked) == 100


def test_when_the_time_is_over_the_rest_is_not_asked(site: tuple[str, list[str]]) -> None:
    (found,) = _said(_links(f"{site[0]}/fine"), seconds=-1)
    assert found[:2] == ("L04", Severity.INFO)


def test_the_page_of_the_edition_itself_is_not_asked_for(site: tuple[str, list[str]]) -> None:
    inner = f'<a href="{site[0]}/gone">Read online</a>'
    made = page(
        html(inner), composed=inner, of=replace(letter(), read_online_url=f"{site[0]}/gone")
    )
    assert _said(replace(facts(made), sender="")) == []


def test_links_of_a_reader_are_never_asked(site: tuple[str, list[str]]) -> None:
    inner = f'<a href="{site[0]}/u/their-own">Leave</a>'
    site[1].clear()
    given = replace(facts(page(html(inner), composed='<a href="MARK">Leave</a>')), sender="")
    assert _said(given) == []
    assert site[1] == []


# Pictures


@pytest.mark.parametrize(
    ("name", "width", "found"),
    [
        ("good.jpg", 600, ()),
        (
            "coarse.jpg",
            600,
            (
                (
                    "M03 warn The picture coarse.jpg is 300 pixels wide, fewer than the 600 it is"
                    " shown at."
                ),
            ),
        ),
        (
            "huge.jpg",
            600,
            (
                (
                    "M03 warn The picture huge.jpg is 1300 pixels wide, more than twice as many as"
                    " the 600 it is shown at."
                ),
            ),
        ),
        (
            "square.jpg",
            600,
            ("M07 warn The picture square.jpg is 800 by 800 and shown 600 by 338.",),
        ),
        ("heavy.jpg", 600, ("M04 warn The picture heavy.jpg has 250 KB, more than 200 KB.",)),
        (
            "enormous.jpg",
            600,
            (
                "S05 warn The pictures have 1.1 MB together, more than 800 KB.",
                "M04 block The picture enormous.jpg has 1.1 MB, more than 200 KB.",
            ),
        ),
        (
            "page.jpg",
            600,
            ("M06 block The picture page.jpg is not to be had: it is text/html, and no picture.",),
        ),
        (
            "broken.jpg",
            600,
            ("M06 block The picture broken.jpg is not to be had: the file is broken.",),
        ),
        (
            "gone",
            600,
            ("M06 block The picture gone is not to be had: the site answers 410 Gone.",),
        ),
    ],
)
def test_pictures_are_fetched_and_measured(
    site: tuple[str, list[str]], name: str, width: int, found: tuple[str, ...]
) -> None:
    given = replace(facts(_shown(f"{site[0]}/{name}", width)), sender="")
    told = sorted(f"{code} {severity} {said}" for code, severity, said in _said(given))
    assert told == sorted(found)


def test_a_picture_of_ours_may_still_come(site: tuple[str, list[str]]) -> None:
    address = f"{site[0]}/images/gone.jpg"
    made = replace(_shown(address), letter=letter(site=sample_site("en", public_url=site[0])))
    told = _said(replace(facts(made), sender=""))
    assert [(code, severity) for code, severity, _ in told] == [("M06", Severity.WARN)]


def test_a_logo_that_dark_mode_swallows_is_told(site: tuple[str, list[str]]) -> None:
    address = f"{site[0]}/dark.png"
    logo = Logo(address, 100, 50)
    made = replace(_shown(address, 100, 40), letter=letter(site=sample_site("en", logo=logo)))
    told = _said(replace(facts(made), sender=""))
    assert [each for each in told if each[0] == "M09"] == [
        (
            "M09",
            Severity.WARN,
            "The logo is 80 pixels high and shown 50: on most screens it is not sharp.",
        ),
        (
            "M09",
            Severity.WARN,
            "The logo is dark (#101418) on a transparent ground: in dark mode it is hardly seen.",
        ),
    ]


# The DNS

_SPF = '"v=spf1 include:relay.example -all"'
_DMARC = '"v=DMARC1; p=reject"'
_KEY = '"v=DKIM1; k=rsa; p=" "MIIB"'
_SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=%s;\r\n s=k1; h=from:to; bh=x; b=y\r\n"
    b"From: a\r\n\r\nDKIM-Signature: d=no.example; s=no\r\n"
)
_FULL = {
    "news.example": [_SPF],
    "k1._domainkey.news.example": [_KEY],
    "_dmarc.news.example": [_DMARC],
}


def _sender(domain: str = "news.example", signed: str = "news.example") -> Facts:
    made = page(html(), message=_SIGNED % signed.encode() if signed else b"From: a\r\n\r\n")
    return replace(facts(made), sender=f"Harbour Post <daily@{domain}>")


def _of_dns(
    zone: Mapping[str, Sequence[str] | None], given: Facts, *, envelope: str = ""
) -> list[str]:
    with _dns(zone) as resolver:
        found = ask(given, _network(resolver=resolver, envelope=envelope))
    assert {each.code for each in found} <= {"D05"}
    return [each.sentence for each in found]


def test_a_domain_that_says_all_it_should_is_found_good() -> None:
    assert _of_dns(_FULL, _sender()) == []
    assert _of_dns(_FULL, _sender("mail.news.example"), envelope="news.example") == []


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        (
            {"news.example": []},
            ["news.example has no SPF record, so nobody can tell who may send for it."],
        ),
        (
            {"news.example": [_SPF, _SPF.replace("-all", "~all")]},
            ["news.example has 2 SPF records; receivers then use none."],
        ),
        (
            {"news.example": ['"v=spf1 +all"']},
            ["The SPF record of news.example lets everybody send for it."],
        ),
        (
            {"k1._domainkey.news.example": []},
            [
                (
                    "The key of our signature is not at k1._domainkey.news.example, so receivers"
                    " take the mail as unsigned."
                )
            ],
        ),
        (
            {"k1._domainkey.news.example": ['"v=DKIM1; p="']},
            [
                (
                    "The key of our signature was withdrawn at k1._domainkey.news.example, so"
                    " receivers take the mail as unsigned."
                )
            ],
        ),
        (
            {"_dmarc.news.example": []},
            ["news.example has no DMARC record; Gmail and Yahoo ask bulk senders for one."],
        ),
        ({"news.example": None}, ["The DNS does not answer for news.example."]),
    ],
)
def test_what_a_domain_leaves_out_is_told(changed: dict[str, Any], sentences: list[str]) -> None:
    assert _of_dns({**_FULL, **changed}, _sender()) == sentences


def test_a_signature_of_another_domain_does_not_count_for_dmarc() -> None:
    zone = {
        **_FULL,
        "relay.example": [_SPF],
        "k1._domainkey.relay.example": [_KEY],
    }
    assert _of_dns(zone, _sender(signed="relay.example"), envelope="relay.example") == [
        (
            "Neither the signature nor the envelope is of news.example, the domain of From: DMARC"
            " fails."
        )
    ]
    strict = {**_FULL, "_dmarc.news.example": ['"v=DMARC1; p=none; adkim=s; aspf=s"']}
    sub = {**strict, "sub.news.example": [_SPF], "k1._domainkey.sub.news.example": [_KEY]}
    assert len(_of_dns(sub, _sender(signed="sub.news.example"), envelope="sub.news.example")) == 1


def test_a_dns_that_is_away_is_asked_once() -> None:
    resolver = dns.resolver.Resolver(configure=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        resolver.nameservers, resolver.port = ["127.0.0.1"], closed.getsockname()[1]
    resolver.lifetime = 0.5
    found = ask(_sender(), _network(resolver=resolver))
    assert [each.sentence for each in found] == ["The DNS does not answer for news.example."]


# Together with what needs no network


def test_answers_stand_in_the_report_beside_what_was_known(site: tuple[str, list[str]]) -> None:
    given = _links(f"{site[0]}/gone")
    report = with_answers(Report((), 3), ask(given, _network()), {"L04": "their archive is away"})
    assert [(each.code, each.ignored) for each in report.findings] == [
        ("L04", "their archive is away")
    ]
    assert (report.passed, report.blocks) == (3 + 4, [])


def test_the_offline_checks_ask_nobody(site: tuple[str, list[str]]) -> None:
    site[1].clear()
    run(_links(f"{site[0]}/gone"), Limits())
    assert site[1] == []


def test_an_editions_links_and_domain_are_asked(tmp_path: Path, database: Database) -> None:
    for paper in _paper(tmp_path, database):
        newsroom = replace(paper.app.newsroom, fetcher=Fetcher(resolve=_nobody_knows))
        shelf = BorrowedShelf(paper.app.database)
        edition = paper.edition("daily/2026-01-09")
        seen = preview(newsroom, paper.app.mailer, newsroom.newsletters[0], edition, shelf=shelf)
        given = preview_facts(newsroom, paper.app.mailer, seen, shelf=shelf)
        report = check_facts(newsroom, given)
        before = {each.code for each in report.findings}
        with _dns({}) as resolver:
            more = check_network(newsroom, paper.app.mailer, given, report, resolver=resolver)
        assert {each.code for each in more.findings} - before == {"L04", "D05"}
        of_stories = {each.place.quote for each in more.findings if each.place.number}
        assert of_stories == paper.headlines("daily/2026-01-09")


def _nobody_knows(_host: str, _port: int) -> Sequence[str]:
    raise OSError("nobody knows it")


def _paper(tmp_path: Path, database: Database) -> Iterator[Paper]:
    made = opening(tmp_path, url_of(database))
    opened = next(made)
    paper = opened(newsletters={"daily": a_newsletter(release="approve")})
    paper.reader("ann@reader.example")
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:00")
    paper.publish("Ferry returns")
    paper.go("2026-01-09 06:30")
    yield paper
    next(made, None)
