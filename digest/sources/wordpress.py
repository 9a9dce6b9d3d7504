"""Pure. Read a WordPress site through its REST API: what to ask, and what it answers."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from digest.errors import SourceError
from digest.sources.api_json import (
    feed_hint,
    object_of,
    objects_of,
    read_json,
    without_question,
    words_of,
)
from digest.sources.cleaning import CleanBody, clean_body, one_line, safe_link, word_set
from digest.sources.fields import (
    MAX_STANDFIRST,
    first_words,
    headline_of,
    language_of,
    line_of,
    moment_of,
    names_of,
    shortened,
    text_of,
    whole_number,
)
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading
from digest.sources.story_parts import categories_of, guid_of

MAX_STORIES = 500
_MAX_WARNINGS = 50
_MOST_OFFSET = 100_000
_LEAD_WIDTH = 1_200
"""A picture this wide fills the letter at twice its size; a wider one is only slower."""
_WIDEST = 100_000
_OVERLAP = timedelta(days=1)
"""Before WordPress 5.3 the zone of `after` was not heeded, and the site's clock may be wrong."""
_LONGEST_EXCERPT = 20_000

_FIELDS = (
    "id,type,status,link,guid,title,excerpt,content,date,date_gmt,modified,modified_gmt,sticky,lang,"
    "jetpack_featured_media_url,_links,_embedded"
)
_EMBED = "author,wp:featuredmedia,wp:term"
_OURS = word_set(
    "_embed _fields per_page offset page order orderby after modified_after rest_route"
)
_ROUTE = re.compile(r"/wp/v2/[\w-]{1,60}")
_MORE_LINK = re.compile(
    r"<a\b[^<>]{0,1000}\b(?:more-link|read-more)\b[^<>]{0,1000}>.{0,500}?</a>",
    re.DOTALL | re.IGNORECASE,
)
_NO_CATEGORIES = word_set("author post_format")
"""Taxonomies whose terms name no subject: Co-Authors' user names, and the layout."""
_CLOSED = (
    "forbidden",
    "unauthorized",
    "cannot",
    "logged_in",
    "login",
    "disabled",
    "authentication",
)


def first_address(site: str, *, since: datetime | None = None, per_page: int = 50) -> str:
    """Give the address of a site's latest stories; `since` is when it was last read.

    `site` is the site's address, its REST root, or a route with filters of its own, as
    `…/wp-json/wp/v2/posts?categories=3`. The stories published since come first; the reading of
    them leads on to those changed since. One question cannot ask for both: a story scheduled days
    ahead is not "modified" when it appears. Raises SourceError.
    """
    asked = {"_embed": _EMBED, "per_page": str(per_page), "order": "desc", "orderby": "date"}
    if since is not None:
        asked["after"] = f"{(since - _OVERLAP).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return _with_query(_route(site), {**asked, "_fields": _FIELDS})


def read_wordpress(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read one answer of the REST API; `address` is what was asked, and tells where to go on.

    `zone` is for posts whose UTC dates are missing. Raises SourceError for what is no list of
    posts, with the words of the API and the remedy.
    """
    del content_type  # JSON, whatever the server calls it
    hint = f"The REST API is off or hidden. {feed_hint(address)}"
    shown = without_question(address)
    answer = read_json(content, what="wordpress", address=shown, page_hint=hint)
    if isinstance(answer, dict):
        if answer.get("code") == "rest_post_invalid_page_number":
            return Reading()
        raise _refusal(answer, shown)
    if not isinstance(answer, list):
        raise SourceError(f"wordpress: {shown}: no list of posts", hint=hint)
    posts = objects_of(answer)
    reader = _Reader(address, zone, language)
    stories = tuple(
        story
        for n, post in enumerate(posts[:MAX_STORIES], 1)
        if (story := reader.story(n, post)) is not None
    )
    return Reading(
        stories=stories,
        warnings=tuple(reader.warnings[:_MAX_WARNINGS]),
        next_address=_next_address(address, posts),
    )


class _Reader:
    """Turns posts into stories; what all posts of an answer share stands here once."""

    def __init__(self, address: str, zone: str, language: str | None) -> None:
        self.address = address
        self.zone = zone
        self.language = language
        self.warnings: list[str] = []

    def story(self, n: int, post: Mapping[str, Any]) -> FoundStory | None:
        """Give the story of the n-th post, or None with a warning when it is not for everybody."""
        if why := _not_for_all(post):
            self._leave_out(n, why)
            return None
        url = safe_link(text_of(post.get("link")), base=self.address)
        body = clean_body(_rendered(post, "content"), base=url or self.address)
        standfirst = _standfirst(_rendered(post, "excerpt"))
        headline = headline_of(_rendered(post, "title")) or first_words(standfirst, body.text)
        if not headline:
            self._leave_out(n, "has no headline and no text")
            return None
        published_at = self._moment(n, post, "date")
        embedded = object_of(post.get("_embedded"))
        return FoundStory(
            headline=headline,
            url=url,
            # Escaped for display; the site's feed has it unescaped, and it is the same story.
            guid=guid_of(html.unescape(_rendered(post, "guid"))),
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=names_of(objects_of(embedded.get("author"))),
            categories=_categories(embedded),
            picture=_picture(post, embedded, body, base=url or self.address),
            published_at=published_at,
            published_from=DateOrigin.FEED if published_at else None,
            updated_at=self._moment(n, post, "modified"),
            language=language_of(post.get("lang")) or self.language,
            priority=1 if post.get("sticky") is True else 0,
        )

    def _moment(self, n: int, post: Mapping[str, Any], key: str) -> datetime | None:
        # Drafts, and posts of old imports, have zeros for their UTC date: the local one is right.
        for name, zone in ((f"{key}_gmt", "UTC"), (key, self.zone)):
            if moment := moment_of(post.get(name), zone=zone):
                return moment
        if key == "date":
            self.warnings.append(f"story {n} has no date that can be read")
        return None

    def _leave_out(self, n: int, why: str) -> None:
        self.warnings.append(f"story {n} {why}; left out")


def _not_for_all(post: Mapping[str, Any]) -> str:
    if object_of(post.get("content")).get("protected") is True:
        return "is behind a password"
    status = line_of(post.get("status"))[:40] or "publish"
    return "" if status == "publish" else f"is not published ({status})"


def _rendered(post: Mapping[str, Any], key: str) -> str:
    value = post.get(key)
    return text_of(object_of(value).get("rendered")) or text_of(value)


def _standfirst(excerpt: str) -> str:
    if len(excerpt) > _LONGEST_EXCERPT:
        excerpt = excerpt[:_LONGEST_EXCERPT].rpartition("<")[0]  # not in the middle of a tag
    shown = clean_body(_MORE_LINK.sub("", excerpt))
    return shortened(one_line(shown.text), MAX_STANDFIRST)


def _categories(embedded: Mapping[str, Any]) -> tuple[str, ...]:
    groups = embedded.get("wp:term")
    terms = [
        term
        for group in (groups if isinstance(groups, list) else [])
        for term in objects_of(group)
        if term.get("taxonomy") not in _NO_CATEGORIES and term.get("slug") != "uncategorized"
    ]
    terms.sort(key=lambda term: term.get("taxonomy") != "category")
    return categories_of(names_of(terms))


def _picture(
    post: Mapping[str, Any], embedded: Mapping[str, Any], body: CleanBody, *, base: str
) -> Picture | None:
    for media in objects_of(embedded.get("wp:featuredmedia")):
        if url := safe_link(_size(media), base=base):
            return Picture(url, line_of(media.get("alt_text")))
    if url := safe_link(text_of(post.get("jetpack_featured_media_url")), base=base):
        return Picture(url)
    return Picture(*body.image) if body.image else None


def _size(media: Mapping[str, Any]) -> str:
    """Give the smallest file that fills a lead picture, else the widest there is."""
    details = object_of(media.get("media_details"))
    whole = {"width": details.get("width"), "source_url": media.get("source_url")}
    sizes = [whole, *(object_of(size) for size in object_of(details.get("sizes")).values())]
    files = [(_width(size), text_of(size.get("source_url"))) for size in sizes]
    files = sorted((width, url) for width, url in files if url)
    wide = [url for width, url in files if width >= _LEAD_WIDTH]
    return wide[0] if wide else files[-1][1] if files else ""


def _width(size: Mapping[str, Any]) -> int:
    return whole_number(size.get("width"), lowest=0, most=_WIDEST) or 0


def _route(site: str) -> str:
    """Give the address of the posts' route, with the filters it was given."""
    link = safe_link(site)
    if link is None:
        raise SourceError(
            f"wordpress: {one_line(site)[:200]}: not a web address",
            hint='Write the site\'s address, as in wordpress = "https://harbourpost.example".',
        )
    parts = urlsplit(link)
    if route := dict(parse_qsl(parts.query)).get("rest_route"):
        # Sites without readable addresses have the API under this parameter only.
        return _with_query(link, {"rest_route": _posts(route)}, without=_OURS)
    root, _, rest = parts.path.partition("/wp-json")
    path = f"{root.rstrip('/')}/wp-json{_posts(rest)}"
    whole = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    return _with_query(whole, {}, without=_OURS)


def _posts(route: str) -> str:
    route = route.rstrip("/")
    return route if _ROUTE.fullmatch(route) else "/wp/v2/posts"


def _with_query(address: str, asked: Mapping[str, str], *, without: Collection[str] = ()) -> str:
    parts = urlsplit(address)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query)
        if name not in asked and name not in without
    ]
    query = urlencode([*kept, *asked.items()], safe=":,/")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _next_address(address: str, posts: Sequence[Mapping[str, Any]]) -> str | None:
    """Give the next page of this walk; after the stories published, those that were changed.

    By offset: WordPress answers a page too many with an error, and an offset too large with [].
    """
    asked = dict(parse_qsl(urlsplit(address).query))
    per_page = whole_number(asked.get("per_page"), lowest=1, most=100)
    if per_page is None:
        return None
    offset = whole_number(asked.get("offset", "0"), lowest=0, most=_MOST_OFFSET) or 0
    if len(posts) >= per_page and offset < _MOST_OFFSET and not _is_past(posts[-1], asked):
        return _with_query(address, {"offset": str(offset + per_page)})
    if asked.get("orderby") != "date" or "after" not in asked:
        return None
    changed = {"orderby": "modified", "modified_after": asked["after"]}
    return _with_query(address, changed, without=("after", "offset"))


def _is_past(post: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    """Tell a site that does not know the filter (before 5.7), and answers with its whole past."""
    for name, key in (("after", "date_gmt"), ("modified_after", "modified_gmt")):
        bound = moment_of(asked.get(name), zone="UTC")
        moment = moment_of(post.get(key), zone="UTC")
        if bound and moment and moment < bound - _OVERLAP:
            return True
    return False


def _refusal(answer: Mapping[str, Any], shown: str) -> SourceError:
    code, said = words_of(answer.get("code")), words_of(answer.get("message"))
    cause = line_of(said) or "an answer that is no list of posts"
    if "routes" in answer or "namespaces" in answer:
        cause, hint = "the API's front page, not its posts", "Name the site's address alone."
    elif code == "rest_no_route":
        hint = f"The REST API has no such route here: is it off? {feed_hint(shown)}"
    elif any(word in code for word in _CLOSED):
        hint = f"A plugin closes the REST API to visitors: open wp/v2/posts. {feed_hint(shown)}"
    elif code == "rest_invalid_param":
        hint = "Take the filters out of the address, and try again."
    else:
        hint = feed_hint(shown)
    return SourceError(f"wordpress: {shown}: {cause}{f' ({code})' if code else ''}", hint=hint)
