"""Pure. What a web page says of itself: its kind, its site, its language, its own address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from digest.sources.cleaning import plain_line, safe_link, word_set
from digest.sources.fields import language_of
from digest.sources.html_page import WebPage, links, metas, text_of_element
from digest.sources.identity import canonical_url, folded_headline
from digest.sources.json_ld import JsonLd, Thing

ARTICLES = (
    "Article", "BlogPosting", "LiveBlogPosting", "Report", "Recipe", "Review", "PodcastEpisode",
    "Episode", "SocialMediaPosting", "DiscussionForumPosting",
)  # fmt: skip
"""Types of schema.org that are one story; `NewsArticle` and its kin end in the first."""
_LISTINGS = ("ItemList", "CollectionPage", "SearchResultsPage", "ProfilePage")
_OWNERS = ("Organization", "WebSite")

_STORY_METAS = ("article:published_time", "article:section", "citation_title")
_MICRODATA = re.compile(r"schema\.org/\w*(?:Article|BlogPosting)\b", re.IGNORECASE)
_SITE_NAMES = ("og:site_name", "application-name", "apple-mobile-web-app-title", "dc.publisher")
_LANGUAGES = ("content-language", "og:locale", "language", "dc.language", "dcterms.language")
_MOST_CARDS = 200
_FEWEST_CARDS = 4
_DEVICES = word_set("www m mobile amp")
_SHORT_LABEL = 3
_COUNTRY = 2


class PageFacts:
    """What stands in a page's JSON-LD, meta and link elements; nothing of its text."""

    def __init__(self, page: WebPage, address: str) -> None:
        """Gather the facts of a page that came from this address (a URL, or a file's path)."""
        self.page = page
        self.address = safe_link(address) or ""
        """The web address it came from; "" for a file."""
        self.ld = JsonLd(page.data)
        self.metas = metas(page.root)
        self.canonical = self._canonical()
        self.stories = self.ld.of_type(*ARTICLES)
        self.article = self._article()
        """The story that the page is, in its own JSON-LD."""

    def meta(self, *names: str) -> str:
        """Give the first of these meta elements that says anything."""
        return next(self.all_metas(*names), "")

    def all_metas(self, *names: str) -> Iterator[str]:
        """Give what these meta elements say, in the order of the names."""
        for name in names:
            yield from (value for value in self.metas.get(name, ()) if value.strip())

    @property
    def is_front(self) -> bool:
        """Whether the address is that of the whole site."""
        return bool(self.address) and not canonical_url(self.address)

    @property
    def says_article(self) -> bool:
        """Whether the page calls itself a story."""
        kind = self.meta("og:type").strip().lower()
        return (
            self.article is not None
            or kind.startswith("article")
            or bool(self.meta(*_STORY_METAS))
            or any(_MICRODATA.search(kind) for kind in self.page.root.xpath("//@itemtype")[:100])
        )

    @property
    def is_listing(self) -> bool:
        """Whether the page lists several stories and is none itself."""
        if self.article is not None:
            return False
        if len(self.stories) > 1 or self.ld.of_type(*_LISTINGS):
            return True
        return self._has_cards()

    def _has_cards(self) -> bool:
        found = zip(self.page.root.iter("article"), range(_MOST_CARDS), strict=False)
        innermost = (card for card, _ in found if card.find(".//article") is None)
        lengths = [len(text_of_element(card)) for card in innermost]
        return len(lengths) >= _FEWEST_CARDS and 2 * max(lengths) < sum(lengths)

    @property
    def site_name(self) -> str:
        """The name of the site, as it calls itself."""
        owners = self.ld.of_type(*_OWNERS)
        publishers = [
            part
            for thing in (*self.stories, *owners)
            for part in self.ld.parts(thing, "publisher")
            if not isinstance(part, str)
        ]
        named = (self.ld.text(one, "name") for one in (*publishers, *reversed(owners)))
        names = map(plain_line, (self.meta(*_SITE_NAMES[:1]), *named, self.meta(*_SITE_NAMES[1:])))
        return next((name for name in names if name), "")

    @property
    def language(self) -> str | None:
        """The page's language, as a tag."""
        root = self.page.root
        spoken = self.ld.texts(self.article, "inLanguage") if self.article else iter(())
        written = (root.get("lang"), root.get("xml:lang"))
        return next(_tags((*spoken, *written, *self.all_metas(*_LANGUAGES))), None)

    def link(self, href: str | None) -> str | None:
        """Give an address of the page in full, if it leads to the web."""
        return safe_link(href, base=self.page.base) if href else None

    def _canonical(self) -> str | None:
        """Give the page's own address where it names one to be believed.

        It must be of the same site, and no front page: a wrong program names that on every page.
        Another site's is the origin of a story that ours has taken over; readers come to ours.
        """
        named = [element.get("href") for element in links(self.page.root, "canonical")]
        named += self.all_metas("og:url", "twitter:url")
        for href in named:
            link = self.link(href)
            if link and canonical_url(link) and _same_site(link, self.address):
                return link
        return None

    def _article(self) -> Thing | None:
        """Choose the page's own story among those of its JSON-LD, or None if it has none."""
        own = {canonical_url(url) for url in (self.canonical, self.address) if url} - {""}
        for story in self.stories:
            named = self.ld.links(story, "url", "mainEntityOfPage", "@id")
            if own & {canonical_url(link) for one in named if (link := self.link(one))}:
                return story
        titles = {folded_headline(plain_line(text)) for text in self.all_metas("og:title")}
        for story in self.stories:
            if folded_headline(plain_line(self.ld.text(story, "headline", "name"))) in titles:
                return story
        return self.stories[0] if len(self.stories) == 1 and not self.is_front else None


def _tags(values: Iterable[str | None]) -> Iterator[str]:
    for value in values:
        if tag := language_of((value or "").split(",")[0]):
            yield tag


def _same_site(link: str, address: str) -> bool:
    """Tell whether two addresses belong to one site; a file on disk may belong to any.

    One host, but for `www.`, `m.` and `amp.`, or one below the other. Without a list of the world's
    suffixes, `co.uk` is known by the shortness of its parts.
    """
    if not address:
        return True
    one, other = _site_host(link), _site_host(address)
    return one == other or _is_below(one, other) or _is_below(other, one)


def _site_host(url: str) -> str:
    labels = (urlsplit(url).hostname or "").rstrip(".").split(".")
    while len(labels) > _COUNTRY and labels[0] in _DEVICES:
        labels = labels[1:]
    return ".".join(labels)


def _is_below(host: str, parent: str) -> bool:
    labels = parent.split(".")
    is_suffix = len(labels) < _COUNTRY or (
        len(labels) == _COUNTRY and len(labels[1]) == _COUNTRY and len(labels[0]) <= _SHORT_LABEL
    )
    return host.endswith(f".{parent}") and not is_suffix
