"""Pure. Read a Ghost site through its Content API: what to ask, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from digest.errors import SourceError
from digest.sources.api_json import (
    feed_hint,
    object_of,
    objects_of,
    read_json,
    without_question,
    words_of,
)
from digest.sources.cleaning import CleanBody, clean_body, one_line, safe_link
from digest.sources.fields import (
    first_words,
    headline_of,
    language_of,
    line_of,
    moment_of,
    names_of,
    standfirst_of,
    text_of,
    whole_number,
)
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading
from digest.sources.story_parts import categories_of, guid_of

MAX_STORIES = 500
_MAX_WARNINGS = 50
_MOST_PAGES = 10_000
_API = "/ghost/api/content/posts/"
_ADMIN = re.compile(r"/ghost(?=/|$)")
_KEY = re.compile(r"([?&]key=)[^&#\s]*")
_NOWHERE = re.compile(r"/404/?$")
"""What Ghost gives as the address of a story that has none."""


def first_address(site: str, *, key: str, since: datetime | None = None) -> str:
    """Give the address of a site's latest stories, with its key; `since` is when it was last read.

    Ghost takes its key only as part of the address: show people what `masked` leaves of it.
    Raises SourceError.
    """
    link = safe_link(site)
    if link is None:
        raise SourceError(
            f"ghost: {one_line(masked(site))[:200]}: not a web address",
            hint='Write the site\'s address, as in ghost = "https://harbourpost.example".',
        )
    if ":" in key:
        raise SourceError(
            f"ghost: {masked(link)}: this is a key of the Admin API",
            hint="Copy the Content API key instead: Settings, Integrations. It has no colon.",
        )
    asked = {"include": "authors,tags", "formats": "html", "limit": "50"}
    if since is None:
        asked["order"] = "published_at desc"
    else:
        # As Ghost's databases write it: they compare the texts.
        moment = f"'{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
        asked["filter"] = f"updated_at:>{moment},published_at:>{moment}"
        asked["order"] = "updated_at desc"
    parts = urlsplit(link)
    path = f"{_ADMIN.split(parts.path)[0].rstrip('/')}{_API}"
    query = f"key={quote(key, safe='')}&{urlencode(asked)}"
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def masked(text: str) -> str:
    """Take the key out of an address, or of a sentence that holds one."""
    return _KEY.sub(r"\1…", text)


def read_ghost(
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Read one answer of the Content API; `address` is what was asked, and tells where to go on.

    The key is in `next_address` when it is in `address`, and in nothing that is said. Raises
    SourceError for what is no list of posts, with the words of the API and the remedy.
    """
    del content_type  # JSON, whatever the server calls it
    shown = without_question(address)
    hint = "Is this the address of the Ghost site, or only of a front of it? " + feed_hint(address)
    answer = object_of(read_json(content, what="ghost", address=shown, page_hint=hint))
    if errors := objects_of(answer.get("errors")):
        raise _refusal(errors[0], shown)
    if not isinstance(answer.get("posts"), list):
        raise SourceError(f"ghost: {shown}: no list of posts", hint=hint)
    posts = objects_of(answer["posts"])[:MAX_STORIES]
    reader = _Reader(address, zone, language)
    stories = tuple(
        story for n, post in enumerate(posts, 1) if (story := reader.story(n, post)) is not None
    )
    return Reading(
        stories=stories,
        warnings=tuple(reader.warnings[:_MAX_WARNINGS]),
        next_address=_next_address(address, answer),
    )


class _Reader:
    """Turns posts into stories; what all posts of an answer share stands here once."""

    def __init__(self, address: str, zone: str, language: str | None) -> None:
        self.address = address
        self.zone = zone
        self.language = language
        self.warnings: list[str] = []

    def story(self, n: int, post: Mapping[str, Any]) -> FoundStory | None:
        """Give the story of the n-th post, or None with a warning when nothing is in it."""
        link = safe_link(text_of(post.get("url")), base=self.address)
        url = None if link is None or _NOWHERE.search(link) else link
        written = clean_body(text_of(post.get("html")), base=url or self.address)
        body = written if _is_public(post) else CleanBody()
        standfirst = _standfirst(post, body)
        headline = headline_of(post.get("title")) or first_words(standfirst, body.text)
        if not headline:
            self.warnings.append(f"story {n} has no headline and no text; left out")
            return None
        published_at = moment_of(post.get("published_at"), zone=self.zone)
        if published_at is None:
            self.warnings.append(f"story {n} has no date that can be read")
        return FoundStory(
            headline=headline,
            url=url,
            guid=guid_of(text_of(post.get("id"))),
            standfirst=standfirst,
            body_html=body.html,
            body_text=body.text,
            authors=_authors(post),
            categories=_categories(post),
            picture=_picture(post, body, base=url or self.address),
            published_at=published_at,
            published_from=DateOrigin.FEED if published_at else None,
            updated_at=moment_of(post.get("updated_at"), zone=self.zone),
            language=language_of(post.get("locale")) or self.language,
            priority=1 if post.get("featured") is True else 0,
        )


def _is_public(post: Mapping[str, Any]) -> bool:
    """Tell whether everybody may read it: what only members get must not go out to all."""
    return post.get("visibility", "public") == "public" and post.get("access") is not False


def _standfirst(post: Mapping[str, Any], body: CleanBody) -> str:
    # Ghost's own excerpt is the first 500 characters of the text, cut in the middle of a word.
    own = standfirst_of(post.get("custom_excerpt"))
    if own or body.text:
        return own
    return standfirst_of(post.get("excerpt"))


def _authors(post: Mapping[str, Any]) -> tuple[str, ...]:
    named = [object_of(post.get("primary_author")), *objects_of(post.get("authors"))]
    return names_of(named)


def _categories(post: Mapping[str, Any]) -> tuple[str, ...]:
    tags = [object_of(post.get("primary_tag")), *objects_of(post.get("tags"))]
    public = [
        tag
        for tag in tags
        if tag.get("visibility", "public") == "public"
        and not text_of(tag.get("name")).startswith("#")
    ]
    return categories_of(names_of(public))


def _picture(post: Mapping[str, Any], body: CleanBody, *, base: str) -> Picture | None:
    if url := safe_link(text_of(post.get("feature_image")), base=base):
        # The caption is where Ghost's editors name the photographer.
        credit = line_of(post.get("feature_image_caption"))
        return Picture(url, line_of(post.get("feature_image_alt")), credit)
    return Picture(*body.image) if body.image else None


def _next_address(address: str, answer: Mapping[str, Any]) -> str | None:
    pages = object_of(object_of(answer.get("meta")).get("pagination"))
    page = whole_number(pages.get("next"), lowest=0, most=_MOST_PAGES)
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query))
    here = whole_number(asked.get("page", "1"), lowest=1, most=_MOST_PAGES) or 1
    if page is None or page <= here:
        return None
    query = urlencode({**asked, "page": str(page)})
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _refusal(error: Mapping[str, Any], shown: str) -> SourceError:
    said = line_of(masked(words_of(error.get("message")))) or "refused without a reason"
    context = line_of(masked(words_of(error.get("context"))))
    if "key" in said.lower() or text_of(error.get("type")) == "UnauthorizedError":
        hint = "Copy the Content API key anew: Settings, Integrations, your integration."
    elif "not found" in said.lower():
        hint = "Name the address under which Ghost itself runs; it may differ from the site's."
    else:
        hint = "Ghost's own log says more; tried again at the next poll."
    return SourceError(f"ghost: {shown}: {said}{f': {context}' if context else ''}", hint=hint)
