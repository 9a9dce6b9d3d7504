"""Every class of bad input as a source of one installation, and what must become of each.

A hostile source lies under a host name of its own, as in life: all of them are this machine.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.integration.sources_newsroom import HERE, Answer, Site, answer, drip

INSIDE = "/inside"
"""What no source may ever lead to; the tests look whether it was asked for."""
WELL = "well"
HOSTILE_SUFFIX = ".hostile.example"
_ONLY_HERE = ("127.0.0.1/32",)
_EVENING = "Thu, 08 Jan 2026 18:00:00 +0000"
_SESSION = "9f86d081884c7d659a2feaa0c55ad015"
_LAUGHS = 12
_GIGABYTE = 1024
Make = Callable[[Site, str], Mapping[str, Answer]]
"""From the site and this source's folder on it to what is answered under which path."""


@dataclass(frozen=True)
class Hostile:
    """One bad source. `says` must be among the words recorded, `remedy` among the hints.

    It is refused when `stories` is None; else so many are stored, and `says` is a warning.
    """

    name: str
    make: Make
    says: str = ""
    stories: int | None = None
    kind: str = "feed"
    allow: tuple[str, ...] = HERE
    address: str = ""
    """Its address where that is not `/feed` under its own host; `{port}` stands for the port."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of a folder, which is its address then."""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def table(self, site: Site, folder: Path) -> dict[str, Any]:
        """Give its table of the settings, its files written into a folder below this one."""
        named = self.address.format(port=site.port) or self._url(site)
        if self.files:
            named = str(folder / self.name)
            for name, content in self.files.items():
                path = folder / self.name / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        common = {"allow": list(self.allow), "visit": False, "every": "1h"}
        return {self.kind: named, **common, **self.settings}

    def _url(self, site: Site) -> str:
        path = "" if self.kind in {"wordpress", "ghost"} else "/feed"
        return site.url(f"/{self.name}{path}", host=f"{self.name}{HOSTILE_SUFFIX}")


class Paths(dict[str, Answer]):
    """Paths and their answers; `/folder/*` answers for what is not named below a folder."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key) or super().get(f"/{key.split('/')[1]}/*", default)


class Names:
    """Looks names up: ours are this machine, one of them only the first time; no name server."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked[host] += 1
        if host == f"rebound{HOSTILE_SUFFIX}" and self.asked[host] > 1:
            return ["169.254.169.254"]
        if host == f"inner{HOSTILE_SUFFIX}":
            return ["127.0.0.2"]
        if host == f"two-faced{HOSTILE_SUFFIX}":
            return ["10.0.0.1", "127.0.0.1", "::1"]
        if host == f"nowhere{HOSTILE_SUFFIX}":
            raise socket.gaierror("no such name")
        if host.endswith(".example"):
            return ["127.0.0.1"]
        # Of the others only those that need nobody: "localhost" and numbers in disguise.
        assert host == "localhost" or host.replace(".", "").replace("x", "").isalnum(), host
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port)]


# What feeds are made of


def item(n: int | str, *more: str, title: str = "", link: str | None = None) -> str:
    """Write one item of RSS, dated the evening before the edition."""
    link = f"https://post.example/{n}" if link is None else link
    dated = "" if any("pubDate" in part for part in more) else f"<pubDate>{_EVENING}</pubDate>"
    guid = "" if any("<guid" in part for part in more) else f"<guid>{n}</guid>"
    inside = "".join(more)
    return (
        f"<item><title>{title or f'Tide table {n} is out'}</title><link>{link}</link>"
        f"{guid}{dated}{inside}</item>"
    )


def rss(*items: str, head: str = "", attributes: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<rss version="2.0"'
        f' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel{attributes}>'
        f"<title>G</title>{''.join(items)}</channel></rss>"
    ).encode()


def _attributes(count: int) -> str:
    return " ".join(f"a{n}='1'" for n in range(count))


def json_feed(*items: Any, **more: Any) -> bytes:
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "title": "G", "items": items, **more}).encode()


def one(body: bytes, **more: Any) -> Make:
    """Answer with one body under the source's own address."""
    return lambda _site, folder: {f"{folder}/feed": answer(body, **more)}


def answers(send: Answer) -> Make:
    return lambda _site, folder: {f"{folder}/feed": send}


def nothing(_site: Site, _folder: str) -> Mapping[str, Answer]:
    return {}


def redirect(to: str, status: int = 302) -> Answer:
    return answer(status=status, Location=to)


def leads(to: str) -> Make:
    """Redirect to a place; `{port}` stands for the site's own port."""
    return lambda site, folder: {f"{folder}/feed": redirect(to.format(port=site.port))}


def circle(site: Site, folder: str) -> Mapping[str, Answer]:
    del site
    return {f"{folder}/feed": redirect(f"{folder}/b"), f"{folder}/b": redirect(f"{folder}/feed")}


def staircase(site: Site, folder: str) -> Mapping[str, Answer]:
    del site
    steps = {f"{folder}/{n}": redirect(f"{folder}/{n + 1}") for n in range(9)}
    return {**steps, f"{folder}/feed": redirect(f"{folder}/0")}


def endless(piece: bytes, content_type: str = "text/html") -> Answer:
    """Send as fast as the other end takes it, without a length and without an end."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):
            handler.send_response(200)
            handler.send_header("Content-Type", content_type)
            handler.end_headers()
            while True:
                handler.wfile.write(piece)

    return send


def raw(content: bytes, *, for_ever: bytes = b"") -> Answer:
    """Send these very bytes in place of an answer, and then the others until nobody listens."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.wfile.write(content)
            while for_ever:
                handler.wfile.write(for_ever)

    return send


def gzip_of_a_gigabyte() -> bytes:
    """Pack 1 GiB of spaces in a megabyte: one packed piece, said over and over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = gzip.compress(b"")[:10]
    piece = packer.compress(b" " * 1024 * 1024) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + piece * _GIGABYTE + packer.flush()


def laughs() -> bytes:
    """Write the entity bomb: twelve entities, each ten times the one before."""
    rest = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, _LAUGHS)
    )  # fmt: skip
    head = f'<!DOCTYPE rss [<!ENTITY l0 "ha">{rest}]>'
    return rss(item(1, title=f"&l{_LAUGHS - 1};"), head=head)


def reads_a_file(site: Site, folder: str) -> Mapping[str, Answer]:
    """Name a file of ours, and a place inside, as entities."""
    there = site.url(INSIDE, host=f"x{HOSTILE_SUFFIX}")
    head = (
        f'<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">'
        f'<!ENTITY % p SYSTEM "{there}"> %p;]>'
    )
    return {f"{folder}/feed": answer(rss(item(1, title="&f;"), head=head))}


def document_type(site: Site, folder: str) -> Mapping[str, Answer]:
    """Name a document type that lies inside; it is never looked at."""
    head = f'<!DOCTYPE rss SYSTEM "{site.url(INSIDE)}">'
    return {f"{folder}/feed": answer(rss(item("dtd", "<author>&x;</author>"), head=head))}


def dates() -> bytes:
    """Write dates as they come, and as they should not."""
    said = (
        "Fri, 09 Jan 2099 06:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "0000-00-00 00:00:00",
        "2026-01-08 18:00", "yesterday", "Thu, 08 Jan 2026 25:61:61 GMT", "-1",
        "99999999999999999999", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
        "jeudi 8 janvier 2026 18:00", "Donnerstag, 8. Januar 2026 18:00",
        "jueves, 8 de enero de 2026 18:00", "8 يناير 2026 18:00",
        "January 8, 2026 6 pm", "2026-01-08T18:00:00+99:99", "1" * 5_000,
    )  # fmt: skip
    return rss(*(item(f"date-{n}", f"<pubDate>{each}</pubDate>") for n, each in enumerate(said)))


DATED = 17


def daily_guids(site: Site, folder: str) -> Mapping[str, Answer]:
    """Give the same ten stories new guids, and links of a new session, at every poll."""
    del site
    polls = 0

    def send(handler: BaseHTTPRequestHandler) -> None:
        nonlocal polls
        polls += 1
        session = _SESSION[polls:] + _SESSION[:polls]
        stories = (
            item(
                f"restless-{n}",
                f"<guid isPermaLink='false'>{n}-at-poll-{polls}</guid>",
                title=f"The restless story number {n} of this town",
                link=f"https://post.example/restless/{n}?PHPSESSID={session}&amp;utm_source=x",
            )
            for n in range(10)
        )
        answer(rss(*stories))(handler)

    return {f"{folder}/feed": send}


_SIGNS = "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 e\u0301"
TITLES = (
    "&lt;b&gt;Bold&lt;/b&gt; &amp;amp; &lt;script&gt;alert(1)&lt;/script&gt; news",
    "<![CDATA[<img src=x onerror=alert(1)> in a title <i>here</i>]]>",
    "<![CDATA[" + "Long words without an end " * 400 + "]]>",
    "w" * 10_000,
    f"Emoji {_SIGNS} all over",
    "\u202eesrever ni\u202c and \u2066isolated\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d",
    "Zalgo " + "z" + "\u0315\u0321\u0489" * 200,
    "Council&#13;&#10;Bcc: evil@attacker.example",
    "=?utf-8?q?hi=0D=0ABcc:_evil=40attacker.example?=",
    "&#0;&#8;&#xD800; half a letter &#xFFFF;",
)

JSON_TITLES = (
    "half \ud83d letters \ude00 both \ud800\udc00",
    "nul \x00 bell \x07 escape \x1b[31m",
    "line\u2028and\u2029paragraph\u0085",
    "\ufeff\ufeff\u202e\u202d",
    "x" * 10_000,
)


def strange_json() -> bytes:
    stories = [
        {
            "id": f"\ud800{n}\x00",
            "url": f"https://post.example/j{n}\x00?a=\ud800",
            "title": title,
            "content_html": f"<p>\ud800 {title} <a href='java\x00script:alert(1)'>x</a>"
            f"<img src='file:///etc/passwd'></p>",
            "date_published": "2026-01-08T18:00:00Z",
            "authors": [{"name": f"A \x00\ud800 {n}"}],
            "tags": ["\ud800", "\x00", "Lo\x00cal"],
            "language": "\x00\ud800",
        }
        for n, title in enumerate(JSON_TITLES)
    ]
    return json_feed(*stories)


def of_types() -> bytes:
    """Write a JSON Feed whose every part is of another type than it should be."""
    wrong: tuple[Any, ...] = (None, True, 1.5, 10**400, [], {}, [[[]]], {"a": {"b": []}})
    names = ("id", "url", "title", "content_html", "date_published", "authors", "tags", "image")
    stories = [
        {"title": f"Of types {n}", **dict.fromkeys(names[3:], w)} for n, w in enumerate(wrong)
    ]
    return json_feed(*stories, *wrong, authors=10**400, language=[], next_url={"a": 1})


def page(head: str = "", body: str = "") -> bytes:
    text = "".join(f"<p>{'The mayor opened the new quay. ' * 8}</p>" for _ in range(4))
    return (
        '<!doctype html><html lang="en"><head><title>The quay is open</title>'
        f'<meta property="og:type" content="article">{head}</head>'
        f"<body><article><h1>The quay is open</h1>{text}</article>{body}</body></html>"
    ).encode()


def ld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


def post(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": n, "link": f"https://post.example/wp{n}", "date_gmt": "2026-01-08T18:00:00",
        "title": {"rendered": f"Post {n} of the quay"}, "content": {"rendered": "<p>Text.</p>"},
        **more,
    }  # fmt: skip


def api(body: bytes, content_type: str = "application/json") -> Make:
    """Answer with this body whatever an API is asked for."""
    return lambda _site, folder: {f"{folder}/*": answer(body, content_type=content_type)}


_NEXT = "<atom:link xmlns:atom='http://www.w3.org/2005/Atom' rel='next' href='{}'/>"


def endless_archive(site: Site, folder: str) -> Mapping[str, Answer]:
    """Name a next page on every page."""
    del site
    pages = {
        f"{folder}/{n}": answer(rss(_NEXT.format(f"{folder}/{n + 1}"), item(f"archive-{n}")))
        for n in range(50)
    }
    return {**pages, f"{folder}/feed": pages[f"{folder}/0"]}


def next_inside(site: Site, folder: str) -> Mapping[str, Answer]:
    """Name a next page that lies inside."""
    there = site.url(INSIDE, host="127.0.0.2")
    return {f"{folder}/feed": answer(rss(_NEXT.format(there), item("archive-x")))}


LINKS = (
    "javascript:alert(1)", "data:text/html,x", "//", "http://", "https://[::1",
    "file:///etc/passwd",
    "http://user:pass@post.example/x", "/relative/path", "?query=only", "http:///x",
    "\\\\evil.test\\x", "https://post.example/%00%0d%0aSet-Cookie:x", "https://" + "a" * 3_000,
    "mailto:a@post.example",
)  # fmt: skip


HEADLINES = (
    "Ferry returns to the harbour",
    "Council votes on the market square",
    "School roof mended in time",
    "Lifeboat crew honoured",
    "Baker opens a second shop",
)


def well() -> bytes:
    """Write the feed of the source beside them, which is as it should be."""
    return rss(*(item(f"well-{n}", title=title) for n, title in enumerate(HEADLINES)))


def linked() -> list[str]:
    return [item(f"link-{n}", link=link.replace("&", "&amp;")) for n, link in enumerate(LINKS)]


def same_guids() -> list[str]:
    return [
        item(f"same-{n}", "<guid>same</guid>", title=f"Story {n} of many under one guid")
        for n in range(20)
    ]


def titled() -> list[str]:
    return [item(f"title-{n}", title=title) for n, title in enumerate(TITLES)]


BASELESS = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="javascript:x"><title>G</title>
<entry><id>b1</id><title>Without a base</title><link href="story"/>
<updated>2026-01-08T18:00:00Z</updated></entry></feed>"""
STRANGE: tuple[dict[str, Any], ...] = (
    {"title": {"rendered": "<script>alert(1)</script>A \u0000 story &amp;#x202e; of ours"}},
    {"title": ["no", "words"], "content": {"rendered": "<p>Words \ud800 of it</p>" * 9}},
    {"date_gmt": "0000-00-00T00:00:00", "date": "1970-01-01T00:00:00"},
    {"link": "javascript:alert(1)", "id": 10**30, "slug": [], "_embedded": {"author": [[], 1]}},
    {"content": {"rendered": "<p>" * 90_000}, "_embedded": {"wp:term": [[{"name": {}}]]}},
)


def strange_posts() -> list[dict[str, Any]]:
    return [post(n, **each) for n, each in enumerate(STRANGE)]


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KEY = "5a3b1c9d7e5f2a4b6c8d0e1f2a"
_JSON_HEAD = b'{"version":"https://jsonfeed.org/version/1.1","items":'
_NUMBER = _JSON_HEAD + b"9" * 4_000_000 + b"}"
_UNCLOSED = _JSON_HEAD + b'["' + b'\\"' * 2_000_000
_LAUGHING = b"---\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"l%d: &l%d [%s]\n" % (n, n, b", ".join([b"*l%d" % (n - 1)] * 9)) for n in range(1, 9)
)
_LAUGHING_FILE = _LAUGHING + b"title: *l8\ntags: *l8\nauthors: *l8\nimage: *l8\n---\nText"
_DEEP_FILE = b"---\na: " + b"[" * 9_000 + b"\n---\nText"
_HTML = {"content_type": "text/html"}


def _described(markup: str) -> str:
    return f"<description><![CDATA[{markup}]]></description>"


def _goes_inside(name: str, host: str) -> Hostile:
    """Lead from a place that is allowed to one that is not."""
    to = f"http://{host}:{{port}}{INSIDE}"
    return Hostile(name, leads(to), "not a public address", allow=_ONLY_HERE)


def _is_inside(name: str, host: str) -> Hostile:
    """Name a place inside without leave."""
    at = f"http://{host}:{{port}}{INSIDE}"
    return Hostile(name, nothing, "not a public address", allow=(), address=at)


REFUSED = (
    # Built to cost time or memory
    Hostile("attributes", one(rss(f"<item {_attributes(200_000)}/>")), "more than 100 attributes"),
    Hostile("tags", one(rss("<b>" * 200_000)), "more than 100,000 tags"),
    Hostile("nested", one(rss("<b>" * 60_000 + "</b>" * 30_000)), "nested deeper than 100"),
    Hostile("cdata", one(rss(item(1, _described("<b>" * 200_000)))), "more than 100,000 tags"),
    Hostile("laughs", one(laughs()), "declares entities"),
    Hostile("external", reads_a_file, "declares entities"),
    Hostile("gigabyte", one(gzip_of_a_gigabyte(), Content_Encoding="gzip"), "larger than 5 MB"),
    Hostile("deep-json", one(_JSON_HEAD + b"[" * 90_000), "JSON nested deeper than 50"),
    Hostile("wide-json", one(json_feed(*([] for _ in range(400_000)))), "more than 300,000 values"),
    Hostile("number-json", one(_NUMBER), "a number of thousands of digits"),
    Hostile("unclosed-json", one(_UNCLOSED), "not JSON: line 1"),
    Hostile("page-tags", one(page(body="<div>" * 900_000)), "more than 200,000 tags", kind="page"),
    Hostile("page-remarks", one(page(body="<!-->" * 900_000)), "200,000 tags", kind="page"),
    Hostile("page-attributes", one(page(body=f"<p {_attributes(200_000)}>")),
            "more than 200 attributes", kind="page"),
    # Slow, endless, and not HTTP
    Hostile("drip", answers(drip(b" ", seconds=0.05)), "no whole answer in time"),
    Hostile("drip-in-head", answers(drip(b"x", seconds=0.05, in_headers=True)),
            "no whole answer in time"),
    Hostile("silent", answers(lambda _handler: time.sleep(6)), "no whole answer in time"),
    Hostile("endless", answers(endless(b"<p>never " * 8_000)), "larger than 5 MB"),
    Hostile("endless-page", answers(endless(b"<p>never " * 8_000)), "larger than 5 MB",
            kind="page"),
    Hostile("endless-head", answers(raw(b"HTTP/1.0 200 OK\r\n", for_ever=b"X-A: b\r\n" * 999)),
            "an answer that is not understood"),
    Hostile("endless-chunk", answers(raw(_CHUNKED, for_ever=b"1;" + b"x" * 60_000 + b"\r\na\r\n")),
            "larger than 5 MB"),
    Hostile("no-http", answers(raw(b"SSH-2.0-OpenSSH_9.2\r\n")), "not understood"),
    Hostile("status", answers(raw(b"HTTP/1.0 999 \xff\xfe\x00\r\n\r\n")), "not understood"),
    Hostile("half", answers(raw(b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n<rss>")),
            "not understood"),
    Hostile("brotli", one(rss(item(1)), Content_Encoding="br"), "packed as 'br'"),
    Hostile("no-gzip", one(rss(item(1)), Content_Encoding="gzip"), "cannot be unpacked"),
    Hostile("half-gzip", one(gzip.compress(rss(item(1)))[:-9], Content_Encoding="gzip"),
            "cannot be unpacked"),
    # Around, and inside
    Hostile("circle", circle, "redirected in a circle"),
    Hostile("staircase", staircase, "more than 4 redirects"),
    Hostile("to-cloud", leads("http://169.254.169.254/latest/"), "not a public address"),
    _goes_inside("to-loopback", "127.0.0.2"),
    _goes_inside("to-name", f"inner{HOSTILE_SUFFIX}"),
    _goes_inside("to-nat64", "[64:ff9b::7f00:2]"),
    _goes_inside("to-mapped", "[::ffff:127.0.0.2]"),
    _goes_inside("to-decimal", "2130706434"),
    _goes_inside("to-hex", "0x7f000002"),
    _goes_inside("to-octal", "0177.0.0.2"),
    _goes_inside("to-zero", "0.0.0.0"),  # noqa: S104 - to be refused
    Hostile("to-file", leads("file:///etc/passwd"), "not an http or https address"),
    Hostile("to-script", leads("javascript:alert(1)"), "not an http or https address"),
    Hostile("to-password", leads("http://a:b@127.0.0.1" + INSIDE), "not an http or https address"),
    _is_inside("localhost", "localhost"),
    _is_inside("loopback", "127.0.0.1"),
    _is_inside("decimal", "2130706433"),
    _is_inside("nat64", "[64:ff9b::7f00:1]"),
    _is_inside("by-name", f"by-name{HOSTILE_SUFFIX}"),
    Hostile("rebound", leads(INSIDE), "169.254.169.254"),
    Hostile("nowhere", nothing, "the name is not known"),
    # Something else than was asked for
    Hostile("absent", nothing, "404 Not Found"),
    Hostile("empty", one(b""), "the answer is empty"),
    Hostile("spaces", one(b" " * 4_000_000), "the answer is empty"),
    Hostile("nuls", one(b"\0" * 4_000_000), "the answer is empty"),
    Hostile("web-page", one(page(), **_HTML), "a web page, not a feed"),
    Hostile("picture", one(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4_000), "neither RSS nor"),
    Hostile("empty-page", one(b"<html></html>", **_HTML), "no article", kind="page"),
    Hostile("wp-page", api(page(), "text/html"), "a web page, not the answer", kind="wordpress"),
    Hostile("wp-bomb", api(b"[" * 90_000), "nested deeper than 50", kind="wordpress"),
    Hostile("wp-other", api(b'{"code":"\\ud800","message":"<b>\\u0000"}'), "no list of posts",
            kind="wordpress"),
    Hostile("ghost-page", api(page(), "text/html"), "a web page, not the answer", kind="ghost",
            settings={"key": KEY}),
    Hostile("ghost-echo", api(b'{"errors":[{"message":"bad %s"}]}' % KEY.encode()), "bad",
            kind="ghost", settings={"key": KEY}),
)  # fmt: skip

READ = (
    Hostile("document-type", document_type, "undefined entity", 1),
    Hostile("links", one(rss(*linked())), stories=len(LINKS)),
    Hostile("baseless", one(BASELESS), stories=1),
    Hostile("dates", one(dates()), "has a date that cannot be read", DATED,
            settings={"timezone": "Asia/Tokyo"}),
    Hostile("one-guid", one(rss(*same_guids())), "same guid", 20),
    Hostile("restless", daily_guids, stories=10),
    Hostile("titles", one(rss(*titled())), "mended", len(TITLES)),
    Hostile("strange-json", one(strange_json()), stories=len(JSON_TITLES)),
    Hostile("of-types", one(of_types()), "cannot be read", 8),
    Hostile("wrong-type", one(rss(item("a")), content_type="image/png; charset=x-no"), stories=1),
    Hostile("wrong-charset", one(rss(item("caf\u00e9")), content_type="text/xml; charset=ascii"),
            stories=1),
    Hostile("utf-16", one(rss(item("b")).decode().encode("utf-16")), stories=1),
    Hostile("half-letter", one(rss(item("half")).replace(b"half is", b"\xe2\x82 is")), stories=1),
    Hostile("cut", one(rss(item("cut"), item("off"))[:-30]), "unclosed token", 1),
    Hostile("trailing", one(rss(item("c")) + b"<script>x</script>" * 9_999), "junk after", 1),
    Hostile("archive", endless_archive, stories=5),
    Hostile("next-inside", next_inside, stories=1, allow=_ONLY_HERE),
    Hostile("two-faced", one(rss(item("d"))), stories=1, allow=_ONLY_HERE),
    Hostile("deep-body", one(rss(item("e", _described("<div>" * 40_000 + "words")))), stories=1),
    Hostile("ampersands", one(rss(item("f", _described("&amp;" * 800_000)))), stories=1),
    Hostile("later", one(rss(item("g")), Retry_After="9" * 400), stories=1),
    Hostile("long-etag", one(rss(item("h")), ETag="x" * 60_000, Last_Modified="y" * 60_000),
            stories=1),
    Hostile("page-deep", one(page(body="<div>" * 90_000)), "nested too deep", 1, "page"),
    Hostile("ld-deep", one(page(ld("[" * 900_000)), **_HTML), "JSON-LD is broken", 1, "page"),
    Hostile("ld-number", one(page(ld('{"a":' + "1" * 900_000 + "}")), **_HTML), "", 1, "page"),
    Hostile("ld-wide", one(page(ld('{"@graph":[' + '{"@type":"Article"},' * 40_000 + "1]}"))),
            "", 1, "page"),
    Hostile("wp-strange", api(json.dumps(strange_posts()).encode()), "no date that can be read",
            len(STRANGE), "wordpress"),
    Hostile("brackets", nothing, "more than 30,000 signs of Markdown", 1, "markdown",
            files={"brackets.md": b"# Brackets\n\n" + b"![[" * 87_000}),
    Hostile("yaml-bomb", nothing, "", 1, "markdown", files={"bomb.md": _LAUGHING_FILE}),
    Hostile("yaml-deep", nothing, "nested deeper", 1, "markdown",
            files={"deep.md": _DEEP_FILE, "well.md": b"# Well\n\nText"}),
)  # fmt: skip
