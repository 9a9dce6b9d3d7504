"""Web pages of a small paper, of our own writing, for the tests of this room."""

from __future__ import annotations

import json
from typing import Any

from digest.sources.model import FoundStory, Reading
from digest.sources.page import read_article_page

ADDRESS = "https://www.post.example/town/ferry-sails-again"

PARAGRAPHS = (
    "The first boat left the quay at six, with forty passengers on board and a band on the pier.",
    "Its master said that he was glad: nine weeks in dry dock had been long for him and his crew.",
    "The council pays for the repair, which cost more than it had planned for in the autumn.",
)
BODY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
TEXT = "\n\n".join(PARAGRAPHS)


def ld(*things: Any) -> str:
    """Give JSON-LD scripts; a text is put in as it stands."""
    texts = [thing if isinstance(thing, str) else json.dumps(thing) for thing in things]
    return "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)


def an_article(**more: Any) -> dict[str, Any]:
    """Give a story as schema.org has it."""
    return {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "Ferry sails again",
        **more,
    }


def meta(**named: str) -> str:
    """Give meta elements; in a name, `__` stands for a colon."""
    return "".join(
        f'<meta property="{name.replace("__", ":")}" content="{value}">'
        for name, value in named.items()
    )


def page(head: str = "", body: str = BODY, *, title: str = "", lang: str = "") -> str:
    """Give a page with the furniture that every page of the paper has."""
    return (
        f"<!doctype html><html{f' lang={lang}' if lang else ''}><head>"
        f"<title>{title}</title>{head}</head><body>"
        "<header><a href='/'><img src='/logo.png' alt='Harbour Post'></a>"
        "<nav><ul><li><a href='/town'>Town</a></li><li><a href='/sport'>Sport</a></li></ul></nav>"
        f"</header><main><article><h1>Ferry sails again</h1>{body}</article></main>"
        "<div class='newsletter'>Sign up to our newsletter</div>"
        "<footer>© Harbour Post</footer></body></html>"
    )


def read(text: str | bytes, address: str = ADDRESS, **options: Any) -> Reading:
    """Read a page of the paper."""
    content = text.encode() if isinstance(text, str) else text
    return read_article_page(content, address=address, **options)


def story(text: str | bytes, address: str = ADDRESS, **options: Any) -> FoundStory:
    """Read a page of the paper, and give its story."""
    (found,) = read(text, address, **options).stories
    return found
