"""Pure. Read an article's page in HTML: what it says of itself, and its text without furniture.

JSON-LD is believed first, then OpenGraph and its kin, then the page. A date that is only printed
there is not believed at all: on many pages it says "today".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property

from digest.sources.cleaning import (
    CleanBody,
    clean_body,
    has_words,
    one_line,
    plain_line,
    without_paragraphs,
    word_set,
)
from digest.sources.dates import date_in_url
from digest.sources.fields import headline_of, moment_of, names_of
from digest.sources.html_page import WebPage, open_page, refusal, text_of_element
from digest.sources.identity import folded_headline
from digest.sources.json_ld import Thing
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Reading,
)
from digest.sources.page_facts import PageFacts
from digest.sources.page_media import picture_of, recording_of
from digest.sources.page_text import main_text, said_body
from digest.sources.plaintext import read_date_line

_LEAST_BODY = 200
"""Characters of a text that make a page a story, although it does not say that it is one."""
_FIRST_WIDE_LETTER = "\u2e80"
_MOST_KEYWORDS = 20
_MOST_WORDS_OF_A_KEYWORD = 6
_HEADER_TEXTS = 60
_MAX_STANDFIRST = 2_000

_HEADLINE_METAS = ("og:title", "twitter:title", "citation_title", "dc.title", "dcterms.title")
_STANDFIRST_METAS = ("og:description", "twitter:description", "description", "dc.description")
_PUBLISHED_METAS = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "dc.date.issued", "dcterms.issued", "dcterms.date", "dc.date", "dcterms.created", "pubdate",
    "publishdate", "publish-date", "publish_date", "publication_date", "parsely-pub-date",
    "sailthru.date", "cxenseparse:recs:publishtime", "citation_publication_date",
    "article.published", "date",
)  # fmt: skip
_UPDATED_METAS = (
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified",
    "dcterms.modified", "dc.date.modified", "last-modified",
)  # fmt: skip
_AUTHOR_METAS = (
    "author", "article:author", "og:article:author", "parsely-author", "sailthru.author",
    "dc.creator", "dcterms.creator", "citation_author", "byl",
)  # fmt: skip
_SECTION_METAS = ("article:section", "og:article:section", "parsely-section", "cxenseparse:section")
_KEYWORD_METAS = ("article:tag", "og:article:tag", "news_keywords", "parsely-tags", "keywords")
_BY = re.compile(r"^(?:by|von|par|por|da|di|door)\s+(?=\S)", re.IGNORECASE)
_TITLE_SIGNS = ("|", "-", "\u2013", "\u2014", "\u00b7", "\u2022", "\u00bb", "\u00ab", ":", "/")
_CUT_SIGNS = "\u2026."
_DATED_CLASSES = word_set("published dt-published entry-date post-date pubdate")
_FIRST_HEADING = re.compile(r"<h1\b[^<>]*>(.*?)</h1>", re.DOTALL | re.IGNORECASE)
_ANY_HEADING = re.compile(r"(</?)h1\b", re.IGNORECASE)
_LINKED = re.compile(r"<a\b[^<>]*>(.*?)</a>", re.DOTALL | re.IGNORECASE)

_ERROR_PAGE = re.compile(
    r"(?:error\s*)?(?:40[0-9]|410|50[0-4])\b|.*\b(?:page (?:was )?not found|nothing found"
    r"|seite (?:wurde )?nicht gefunden|page (?:introuvable|non trouv\u00e9e)"
    r"|p\u00e1gina no encontrada|pagina non trovata|internal server error|bad gateway"
    r"|service unavailable)\b",
    re.IGNORECASE,
)
_GUARDED_PAGE = re.compile(
    r".*\b(?:just a moment|attention required|access denied|are you (?:a )?(?:human|robot)"
    r"|verify (?:that )?you are|checking your browser|pardon our interruption|security check"
    r"|request blocked|enable javascript|captcha)\b",
    re.IGNORECASE,
)
_LOGIN_PAGE = re.compile(
    r".*\b(?:log ?in|sign ?in|subscribe to (?:read|continue)|anmelden|einloggen|se connecter"
    r"|connexion|iniciar sesi\u00f3n|acceder)\b",
    re.IGNORECASE,
)
_CONSENT_PAGE = re.compile(
    r".*\b(?:before you continue|we value your privacy|your privacy choices|cookies?|consent"
    r"|privatsph\u00e4re|zustimmung|avant de continuer|antes de continuar)\b",
    re.IGNORECASE,
)
_PAYING = ("metered", "locked", "premium", "subscriber", "paid")


def read_article_page(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read the one story of a page; `zone` is that of dates that name none.

    Raises SourceError, which says what it is instead, for a page that is no article, and for one
    that is empty, larger than 5 MB, or built to hurt.
    """
    page = open_page(content, address=address, content_type=content_type)
    article = _Article(page, PageFacts(page, address), zone, language)
    _refuse_others(article, address)
    return Reading(
        (article.story(),),
        tuple(article.warnings()),
        title=article.facts.site_name[:_MAX_STANDFIRST],
        language=article.language,
    )


class _Article:
    """One page on its way to a story."""

    def __init__(self, page: WebPage, facts: PageFacts, zone: str, language: str | None) -> None:
        self.page = page
        self.facts = facts
        self.zone = zone
        self.thing: Thing = facts.article or {}
        self.language = facts.language or language
        self.is_searched = True

    def story(self) -> FoundStory:
        published_at, published_from = self._published()
        updated_at = self._moment("dateModified", metas=_UPDATED_METAS)
        if updated_at and published_at and updated_at < published_at:
            updated_at = None
        standfirst, body = self.texts
        return FoundStory(
            headline=self.headline,
            url=self.facts.canonical or self.facts.address or None,
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=self._authors(),
            categories=self._categories(),
            picture=picture_of(self.facts, body),
            recording=recording_of(self.facts),
            published_at=published_at,
            published_from=published_from,
            updated_at=updated_at,
            seen_on=self._seen_on(),
            language=self.language,
        )

    def warnings(self) -> Iterator[str]:
        """Say what could not be read."""
        if self.facts.ld.broken:
            yield "what it says of itself in JSON-LD is broken and was not read"
        if self.page.is_cut:
            yield "its tags are nested too deep; what stands behind that was not read"
        if not self.texts[1].text:
            why = "; the site asks for payment" if self.is_paid else ""
            yield f"only its headline and standfirst can be read{why}"
        if not self.is_searched:
            yield "too large to tell its text from what stands around it"
        if self.texts[1].was_cut:
            yield "is longer than 256 KB; cut"

    # Headline, standfirst and text

    @cached_property
    def headline(self) -> str:
        """The headline without the site's name; "" when there is none."""
        named = [
            *self.facts.ld.texts(self.thing, "headline", "name"),
            *self.facts.all_metas(*_HEADLINE_METAS),
        ]
        heading = next(map(text_of_element, self.page.root.iter("h1")), "")
        title = next(map(text_of_element, self.page.root.iter("title")), "")
        for text in (*named, heading, title):
            if headline := self._without_site_name(headline_of(text)):
                return self._whole(headline, heading)
        return ""

    def _without_site_name(self, headline: str) -> str:
        site = folded_headline(self.facts.site_name)
        for sign in _TITLE_SIGNS if site else ():
            before, found, behind = headline.rpartition(f" {sign} ")
            if found and folded_headline(behind) == site:
                return before.strip()
        return headline

    @staticmethod
    def _whole(headline: str, heading: str) -> str:
        """Give the page's own heading for a headline that a program has cut."""
        whole = headline_of(heading)
        stem = headline.rstrip(_CUT_SIGNS).rstrip()
        is_cut = headline != stem and len(whole) > len(headline) and whole.startswith(stem)
        return whole if is_cut else headline

    @cached_property
    def texts(self) -> tuple[str, CleanBody]:
        """The standfirst, and the body that repeats neither it nor the headline."""
        body = self._body()
        first = 0
        title = folded_headline(self.headline)
        while first < len(body.paragraphs) and folded_headline(body.paragraphs[first]) == title:
            first += 1
        body = without_paragraphs(body, first=first)
        standfirst = self._standfirst()
        if not standfirst or not body.paragraphs:
            return standfirst, body
        if folded_headline(body.paragraphs[0]) == folded_headline(standfirst):
            return standfirst, without_paragraphs(body, first=1)
        stem = folded_headline(standfirst.rstrip(_CUT_SIGNS))
        begins_so = folded_headline(" ".join(body.paragraphs)).startswith(stem)
        # A program made it, out of the text's first words.
        return "" if begins_so else standfirst, body

    def _standfirst(self) -> str:
        named = (
            *self.facts.ld.texts(self.thing, "description", "alternativeHeadline"),
            *self.facts.all_metas(*_STANDFIRST_METAS),
        )
        for text in named:
            line = plain_line(text)[:_MAX_STANDFIRST]
            if line and folded_headline(line) != folded_headline(self.headline):
                return line
        return ""

    def _body(self) -> CleanBody:
        found, self.is_searched = main_text(self.page.root)
        found = _FIRST_HEADING.sub(self._heading, found, count=1)
        body = clean_body(_ANY_HEADING.sub(r"\1h2", found), base=self.page.base)
        said = self.facts.ld.text(self.thing, "articleBody", "text")
        # Sites that draw their text by script say it in full in JSON-LD only.
        return said_body(said, base=self.page.base) if len(said) > 2 * len(body.text) else body

    def _heading(self, found: re.Match[str]) -> str:
        words = folded_headline(plain_line(found[1]))
        return "" if words == folded_headline(self.headline) else found[0]

    # When, who, what

    def _published(self) -> tuple[datetime | None, DateOrigin | None]:
        for text in self.facts.ld.texts(self.thing, "datePublished", "dateCreated", "uploadDate"):
            if moment := moment_of(text, zone=self.zone):
                return moment, DateOrigin.JSON_LD
        for text in (*self.facts.all_metas(*_PUBLISHED_METAS), *self._marked_times()):
            if moment := moment_of(text, zone=self.zone):
                return moment, DateOrigin.META
        moment = date_in_url(self.facts.canonical or self.facts.address, zone=self.zone)
        return moment, DateOrigin.URL if moment else None

    def _marked_times(self) -> Iterator[str]:
        """Give the moments that the page's markup, not its words, calls the publication."""
        for element in self.page.root.xpath("//time[@datetime]")[:_HEADER_TEXTS]:
            marks = set((element.get("class") or "").lower().split())
            is_marked = "datepublished" in (element.get("itemprop") or "").lower().split()
            if is_marked or element.get("pubdate") is not None or marks & _DATED_CLASSES:
                yield element.get("datetime") or ""

    def _moment(self, *keys: str, metas: tuple[str, ...]) -> datetime | None:
        texts = (*self.facts.ld.texts(self.thing, *keys), *self.facts.all_metas(*metas))
        moments = (moment_of(text, zone=self.zone) for text in texts)
        return next((moment for moment in moments if moment), None)

    def _seen_on(self) -> date | None:
        """Read the date line in the page's masthead: the day somebody looked at it."""
        body = next(self.page.root.iter("body"), None)
        if body is None:
            return None
        for text, _ in zip(body.itertext(), range(4 * _HEADER_TEXTS), strict=False):
            line = one_line(text[:_HEADER_TEXTS])
            if line and folded_headline(line) == folded_headline(self.headline):
                return None
            if found := read_date_line(line):
                return found
        return None

    def _authors(self) -> tuple[str, ...]:
        written = list(self.facts.ld.texts(self.thing, "author", "creator"))
        for name in _AUTHOR_METAS if not written else ():
            written += self.facts.all_metas(name)
            if written:
                break
        if not written:
            found = self.page.root.xpath("//a[contains(concat(' ', @rel, ' '), ' author ')]")
            written = [text_of_element(element) for element in found[:1]]
        named = [_BY.sub("", one_line(name)) for name in written if "://" not in name]
        return names_of(named, separators=";")

    def _categories(self) -> tuple[str, ...]:
        sections = (
            *self.facts.ld.texts(self.thing, "articleSection"),
            *self.facts.all_metas(*_SECTION_METAS),
        )
        keywords = [
            word
            for text in (
                *self.facts.ld.texts(self.thing, "keywords"),
                *self.facts.all_metas(*_KEYWORD_METAS),
            )
            for word in re.split(r"[,;]", text[:_MAX_STANDFIRST])
            if len(word.split()) <= _MOST_WORDS_OF_A_KEYWORD
        ]
        return names_of([*sections, *keywords[:_MOST_KEYWORDS]])

    @property
    def is_paid(self) -> bool:
        """Whether the page says that only payers may read it."""
        free = self.facts.ld.parts(self.thing, "isAccessibleForFree")
        tier = self.facts.meta("article:content_tier").strip().lower()
        said = self.thing.get("isAccessibleForFree")
        return tier in _PAYING or said is False or any(str(one).lower() == "false" for one in free)


def _refuse_others(article: _Article, address: str) -> None:
    """Refuse a page that is no article, in the words that say what it is."""
    facts, headline = article.facts, article.headline
    standfirst, body = article.texts
    is_short = _letters(standfirst + body.text) < _LEAST_BODY
    is_bare = not body.text and not standfirst
    if is_bare or not facts.says_article:
        _refuse_walls(article, address, is_short=is_short)
    if facts.is_front and facts.article is None:
        raise refusal(address, "the site's front page, not an article", _WHOLE_SITE)
    is_teasers = is_short or _is_links(body) or not facts.says_article
    if (facts.is_listing and is_teasers) or (not facts.says_article and _is_links(body)):
        raise refusal(address, "a list of stories, not an article", _WHOLE_SITE)
    if not has_words(headline):
        raise refusal(address, "no article: the page has no headline", _LOOK)
    if is_short and not facts.says_article:
        raise refusal(address, "no article: the page has hardly any text", _LOOK)
    if is_bare:
        if article.is_paid:
            raise refusal(address, "its text is for paying readers only", _FEED_OR_API)
        raise refusal(address, "no text can be found on the page", _BY_SCRIPT)


_WHOLE_SITE = "Name one story's address, or add the whole site with: digest sources add ADDRESS"
_LOOK = "Open the address in a browser; name the page of one story."
_FEED_OR_API = "Name the site's feed or API instead: it may give the text."
_BY_SCRIPT = "Its text may be drawn by a script; name the site's feed or API instead."


def _refuse_walls(article: _Article, address: str, *, is_short: bool) -> None:
    root = article.page.root
    titles = [one_line(text_of_element(each)) for each in root.xpath("//title|//h1")[:2]]
    if any(_ERROR_PAGE.match(title) for title in titles):
        raise refusal(address, "an error page, not an article", _LOOK)
    if not is_short:
        return
    if any(_GUARDED_PAGE.match(title) for title in titles):
        raise refusal(
            address,
            "the site wants to see a person in place of a program",
            "Ask its operator to let our User-Agent in, or name its feed.",
        )
    asks_password = bool(root.xpath("//input[@type='password']"))
    if asks_password or any(_LOGIN_PAGE.match(title) for title in titles):
        raise refusal(address, "a page to sign in, without the story", _FEED_OR_API)
    if any(_CONSENT_PAGE.match(title) for title in titles):
        raise refusal(address, "a question about cookies in place of the story", _FEED_OR_API)


def _letters(text: str) -> int:
    """Count the letters of a text; one that stands for a word counts as three."""
    return len(text) + 2 * sum(letter >= _FIRST_WIDE_LETTER for letter in text)


def _is_links(body: CleanBody) -> bool:
    linked = sum(len(plain_line(words)) for words in _LINKED.findall(body.html))
    return 2 * linked > len(body.text)
