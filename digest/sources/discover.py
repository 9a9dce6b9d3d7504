"""Pure. What a site's page tells of the site: its feeds, name, language, logo and colour."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import lxml.html

from digest.sources.cleaning import one_line, plain_line
from digest.sources.html_page import links, open_page, text_of_element
from digest.sources.page_facts import PageFacts

WORDPRESS, GHOST = "wordpress", "ghost"

_MAX_FEEDS = 20
_MAX_LINKED = 5
_MAX_ANCHORS = 3_000
_MAX_NAME = 200
_MAX_GENERATOR = 100
_FEED_TYPES = {
    "application/rss+xml": "rss",
    "application/rdf+xml": "rss",
    "application/x-rss+xml": "rss",
    "text/xml": "rss",
    "application/xml": "rss",
    "application/atom+xml": "atom",
    "application/feed+json": "json",
    "application/json": "json",
}
_OTHER_FILES = re.compile(r"opensearch|oembed|wp-json|wlwmanifest|sitemap|rsd", re.IGNORECASE)
_OF_COMMENTS = re.compile(
    r"comment|kommentar|commentaire|comentario|repl(?:y|ies)\b", re.IGNORECASE
)
_OF_A_PART = re.compile(
    r"/(?:category|categories|tags?|topics?|sections?|rubrik|author|autor|search)/"
    r"|[?&](?:cat|tag|author|s|q)=|/(?:podcast|video|events?)s?[/.]",
    re.IGNORECASE,
)
_TITLE_TAIL = re.compile(
    r"\s*(?:[-|\u2013\u2014\u00b7:]|&raquo;|\u00bb)\s*(?:rss|atom|json|feed|all (?:news|stories)"
    r"|latest(?: news)?|news|rss[ -]?feed|atom[ -]?feed)\s*$",
    re.IGNORECASE,
)
_FEED_PATH = re.compile(
    r"/(?:feed|rss|atom)/?$|/(?:feed|rss|atom|index|news|all)\.(?:xml|rss|rdf|atom|json)$"
    r"|\.(?:rss|rdf|atom)$|/(?:rss|feed)s?/[\w-]{1,40}(?:\.xml)?$",
    re.IGNORECASE,
)
_USUAL = ("feed/", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json")
_TITLE_PARTS = re.compile(r"\s+[-|\u2013\u2014\u00b7\u2022\u00bb:]\s+|:\s+")

_ICON_RELS = ("apple-touch-icon", "apple-touch-icon-precomposed")
_APPLE_PIXELS = 180
_IS_LOGO = re.compile(r"logo|site-?brand|custom-header|masthead", re.IGNORECASE)
_PARTNERS = re.compile(r"partner|sponsor|member|award|facebook|twitter|footer", re.IGNORECASE)
_MAX_IMAGES = 100

_COLOUR_METAS = ("theme-color", "msapplication-tilecolor", "msapplication-navbutton-color")
_CUSTOM_COLOUR = re.compile(
    r"--(?:[\w-]{0,40}?-)?(accent|brand|primary|main|theme|link)(?:-(?:colou?r|base|500|600))?"
    r"\s{0,9}:\s{0,9}([^;{}!]{3,40})",
    re.IGNORECASE,
)
_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{3,60})\)", re.IGNORECASE)
_NUMBER = re.compile(r"-?[0-9]{1,4}(?:\.[0-9]{0,6})?")
_LIGHT = 0xDC
_GREY_SPREAD = 0x18


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page names: its address, what it is called there, "rss", "atom" or "json"."""

    address: str
    title: str = ""
    kind: str = "rss"
    is_comments: bool = False
    """It carries what readers wrote below the stories."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a page tells of its site; what it does not tell is empty."""

    address: str = ""
    """The site's front page."""
    feeds: tuple[FeedLink, ...] = ()
    """In order of preference: of the whole site, of its parts, of its comments."""
    name: str = ""
    language: str | None = None
    logo: str | None = None
    accent: str | None = None
    """As `#0B4F8A`; whether it can be read upon is for others to judge."""
    generator: str = ""
    """The program that made the page, as it names itself."""
    platform: str = ""
    """"wordpress" or "ghost", where the page shows that it is one."""
    timezone: str | None = None
    manifest: str | None = None
    """Where its web app manifest is: name, colour and icons stand in it, too."""
    is_article: bool = False
    to_try: tuple[str, ...] = ()
    """Where a feed may be although none is named: linked as such, then the usual places."""


def read_site(content: bytes, *, address: str, content_type: str = "") -> SiteFacts:
    """Read what a page of a site tells of it; any page will do, the front page tells most.

    Raises SourceError for what is empty, larger than 5 MB, or built to hurt.
    """
    page = open_page(content, address=address, content_type=content_type)
    facts = PageFacts(page, address)
    front = _front(facts.address or facts.canonical or "")
    feeds = _feeds(facts)
    generator = one_line(facts.meta("generator"))[:_MAX_GENERATOR]
    return SiteFacts(
        address=front,
        feeds=feeds,
        name=_name(facts, feeds)[:_MAX_NAME],
        language=facts.language,
        logo=_logo(facts),
        accent=_accent(facts),
        generator=generator,
        platform=_platform(facts, generator),
        manifest=_manifest(facts),
        is_article=facts.says_article and not facts.is_front and not facts.is_listing,
        to_try=tuple(dict.fromkeys(_to_try(facts, front))),
    )


def _front(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/" if parts.netloc else ""


# Feeds


def _feeds(facts: PageFacts) -> tuple[FeedLink, ...]:
    found: dict[str, FeedLink] = {}
    for element in links(facts.page.root, "alternate"):
        kind = _FEED_TYPES.get((element.get("type") or "").partition(";")[0].strip().lower())
        url = facts.link(element.get("href"))
        if kind and url and not _OTHER_FILES.search(url):
            title = plain_line(element.get("title") or "")[:_MAX_NAME]
            of_comments = _OF_COMMENTS.search(urlsplit(url).path) or _OF_COMMENTS.search(title)
            found.setdefault(url, FeedLink(url, title, kind, bool(of_comments)))
    # `sorted` keeps the page's own order among equals.
    return tuple(sorted(found.values(), key=_rank)[:_MAX_FEEDS])


def _rank(feed: FeedLink) -> tuple[bool, bool, bool]:
    parts = urlsplit(feed.address)
    is_part = bool(_OF_A_PART.search(f"{parts.path}?{parts.query}"))
    return feed.is_comments, is_part, feed.kind == "json"


def _to_try(facts: PageFacts, front: str) -> Iterator[str]:
    yield from _linked_feeds(facts)
    if not front:
        return
    # A paper may be a folder of its host, as /news/: its feed is nearer there.
    folder = urljoin(facts.address, "./")
    if folder != front and facts.address.endswith("/"):
        yield f"{folder}feed/"
        yield f"{folder}rss"
    yield from (urljoin(front, place) for place in _USUAL)


def _linked_feeds(facts: PageFacts) -> Iterator[str]:
    """Give what the page's own links call a feed."""
    count = 0
    for element, _ in zip(facts.page.root.iter("a"), range(_MAX_ANCHORS), strict=False):
        url = facts.link(element.get("href"))
        if url is None or count == _MAX_LINKED or not _is_near(url, facts.address):
            continue
        if _FEED_PATH.search(urlsplit(url).path) and not _OF_COMMENTS.search(url):
            count += 1
            yield url


def _is_near(url: str, address: str) -> bool:
    one, other = (_bare_host(each) for each in (url, address))
    return not other or one == other or one.endswith(f".{other}")


def _bare_host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


# Name, platform


def _name(facts: PageFacts, feeds: Iterable[FeedLink]) -> str:
    if facts.site_name:
        return facts.site_name
    for feed in feeds:
        title = _TITLE_TAIL.sub("", feed.title)
        if title and title != feed.title and not any(_rank(feed)[:2]):
            return title
    title = next(map(text_of_element, facts.page.root.iter("title")), "")
    parts = [part.strip() for part in _TITLE_PARTS.split(plain_line(title)[:_MAX_NAME])]
    host = re.sub(r"\W", "", _bare_host(facts.address))
    named = [part for part in parts if part and _letters(part) and _letters(part) in host]
    if named or facts.is_front:
        return next(iter((*named, *parts)), "")
    return ""


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()


def _platform(facts: PageFacts, generator: str) -> str:
    made_by = generator.casefold()
    root = facts.page.root
    if made_by.startswith(WORDPRESS) or next(links(root, "https://api.w.org/"), None) is not None:
        return WORDPRESS
    if made_by.startswith(GHOST):
        return GHOST
    assets = (element.get("href") or "" for element in links(root, "stylesheet"))
    return WORDPRESS if any("/wp-content/" in href for href in assets) else ""


def _manifest(facts: PageFacts) -> str | None:
    named = (facts.link(each.get("href")) for each in links(facts.page.root, "manifest"))
    return next(filter(None, named), None)


# Logo


def _logo(facts: PageFacts) -> str | None:
    named = (*_said_logos(facts), *_icons(facts, *_ICON_RELS), *_header_logos(facts))
    return next(iter((*named, *_icons(facts, "icon"))), None)


def _said_logos(facts: PageFacts) -> Iterator[str]:
    ld = facts.ld
    publishers = (part for story in facts.stories for part in ld.parts(story, "publisher"))
    owners = [*(part for part in publishers if not isinstance(part, str))]
    for owner in (*owners, *ld.of_type("Organization")):
        yield from filter(None, map(facts.link, ld.links(owner, "logo")))
    yield from filter(None, map(facts.link, facts.all_metas("og:logo")))


def _icons(facts: PageFacts, *rels: str) -> list[str]:
    """Give the icons of these relations, the largest first."""
    found = [
        (_pixels(element.get("sizes") or "", rel), url)
        for rel in rels
        for element in links(facts.page.root, rel)
        if (url := facts.link(element.get("href")))
    ]
    return [url for _, url in sorted(found, key=lambda icon: -icon[0])]


def _pixels(sizes: str, rel: str) -> int:
    if found := re.search(r"([0-9]{1,4})x[0-9]", sizes.lower()):
        return int(found[1])
    return 0 if rel == "icon" else _APPLE_PIXELS


def _header_logos(facts: PageFacts) -> Iterator[str]:
    for image, _ in zip(facts.page.root.iter("img"), range(_MAX_IMAGES), strict=False):
        holder: lxml.html.HtmlElement | None = image.getparent()
        around = [image] if holder is None else [image, holder]
        words = " ".join(
            (each.get(name) or "")[:_MAX_NAME]
            for each in around
            for name in ("class", "id", "alt", "src")
        )
        url = facts.link(image.get("src"))
        if url and _IS_LOGO.search(words) and not _PARTNERS.search(words):
            yield url


# Colour


def _accent(facts: PageFacts) -> str | None:
    """Choose the site's colour: the first that is one, before black and greys; never near white."""
    written = [*_named_colours(facts), *_custom_colours(facts.page.styles)]
    colours = [colour for text in written if (colour := _colour(text)) is not None]
    dark_enough = [colour for colour in colours if min(colour) < _LIGHT]
    best = sorted(dark_enough, key=lambda colour: max(colour) - min(colour) < _GREY_SPREAD)
    return "#{:02X}{:02X}{:02X}".format(*best[0]) if best else None


def _named_colours(facts: PageFacts) -> Iterator[str]:
    dark = {
        element.get("content")
        for element in facts.page.root.iter("meta")
        if "dark" in (element.get("media") or "").lower()
    }
    yield from (text for text in facts.all_metas(*_COLOUR_METAS) if text not in dark)


def _custom_colours(styles: str) -> Iterator[str]:
    found = [(name.lower(), value) for name, value in _CUSTOM_COLOUR.findall(styles)]
    for wanted in ("accent", "brand", "primary", "theme", "main", "link"):
        yield from (value for name, value in found if name == wanted)


def _colour(text: str) -> tuple[int, int, int] | None:
    """Read `#08f`, `#0088FF`, `rgb(0 136 255)` or `hsl(208, 100%, 50%)`."""
    text = text.strip()[:_MAX_NAME]
    if found := _HEX.fullmatch(text):
        digits = found[1]
        if len(digits) < 6:  # noqa: PLR2004 - the short form has one digit for each part
            digits = "".join(2 * digit for digit in digits)
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    found = _FUNCTION.match(text)
    numbers = [float(number) for number in _NUMBER.findall(found[2])[:3]] if found else []
    if found is None or len(numbers) < 3:  # noqa: PLR2004 - the parts of a colour
        return None
    if found[1].lower() == "hsl":
        hue, saturation, light = numbers[0] % 360 / 360, numbers[1] / 100, numbers[2] / 100
        numbers = [255 * part for part in colorsys.hls_to_rgb(hue, light, saturation)]
    red, green, blue = (min(255, max(0, round(number))) for number in numbers)
    return red, green, blue
