"""Look at a site, and propose what its first settings say: every part of it a guess to change.

All of it comes through the fetcher that checks each address where it is dialled; what a site does
not tell is filled with what suits most, and marked as a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from digest.errors import SourceError
from digest.sources.add import Discovery, discover
from digest.sources.cleaning import plain_line
from digest.sources.fetch import ACCEPT_JSON, ACCEPT_PAGE, Fetcher
from digest.sources.parsing import Parser
from digest.sources.rhythm import Rhythm, rhythm_of
from digest.sources.site_manifest import Manifest, read_manifest

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_MOST_NAME = 80
_MOST_LOGOS = 4
_MOST_LOGO_BYTES = 2 << 20
_HEADLINES = 3
_ACCEPT_PICTURE = "image/png,image/jpeg;q=0.9"
_USABLE = frozenset({"feed", "wordpress"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the first settings are made of, and how we came to it."""

    url: str
    name: str
    feed: str
    kind: str = "feed"
    language: str = "en"
    accent: str = ""
    """Nothing where the site shows none: ours is used."""
    logo: str = ""
    """Where a picture of it is."""
    logo_content: bytes = field(default=b"", repr=False)
    """The picture itself, PNG or JPEG, if one could be used."""
    stories: int | None = None
    """None when the feed's address is a guess."""
    headlines: tuple[str, ...] = ()
    """Of its newest stories."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    problem: str = ""
    """Why the site told nothing, when it was asked."""


def guess(url: str) -> Proposal:
    """Propose without asking anybody: a name of the host, and where most sites have their feed."""
    host = host_of(url)
    return Proposal(url, host.partition(".")[0].replace("-", " ").title(), f"{url}/feed/")


def propose(
    typed: str,
    given: Proposal,
    *,
    fetcher: Fetcher,
    parser: Parser | None = None,
    allow: Sequence[str] = (),
    now: datetime,
    zone: str,
    is_logo: Callable[[bytes], bool] = lambda _: False,
) -> Proposal:
    """Ask the site; where it tells nothing the `given` guess stays, with the reason.

    `is_logo` says whether a picture can stand in a letter; the first that can is taken.
    """
    try:
        found = discover(typed, fetcher=fetcher, parser=parser, allow=allow)
    except SourceError as error:
        return replace(given, problem=str(error))
    if found.kind not in _USABLE:
        return replace(given, problem=f"{typed}: no feed was found there")
    manifest = _manifest(found, fetcher, allow)
    logo, content = _logo(found, manifest, fetcher, allow, is_logo)
    facts, stories = found.facts, found.reading.stories
    language = facts.language or manifest.language or found.reading.language or ""
    accent = facts.accent or (manifest.colour if _COLOUR.fullmatch(manifest.colour) else "")
    dates = [_moment(each.published_at) for each in stories if each.published_at]
    return Proposal(
        url=_site_url(given.url, facts.address or found.address),
        name=_name(facts.name or manifest.name or found.reading.title) or given.name,
        feed=found.address,
        kind=found.kind,
        language=language if _LANGUAGE.fullmatch(language) else "en",
        accent=accent,
        logo=logo or facts.logo or "",
        logo_content=content,
        stories=len(stories),
        headlines=tuple(plain_line(each.headline) for each in stories[:_HEADLINES]),
        rhythm=rhythm_of(dates, now=now, zone=zone),
    )


def host_of(url: str) -> str:
    """Give the host of a site without its www."""
    return str(urlsplit(url).hostname).removeprefix("www.")


def _manifest(found: Discovery, fetcher: Fetcher, allow: Sequence[str]) -> Manifest:
    """Read the manifest that the front page names; without one nothing is lost."""
    address = found.facts.manifest
    if address is None:
        return Manifest()
    try:
        fetched = fetcher.get(address, allow=allow, accept=f"{ACCEPT_JSON},{ACCEPT_PAGE};q=0.1")
    except SourceError:
        return Manifest()
    return read_manifest(fetched.content, address=fetched.address)


def _logo(
    found: Discovery,
    manifest: Manifest,
    fetcher: Fetcher,
    allow: Sequence[str],
    is_logo: Callable[[bytes], bool],
) -> tuple[str, bytes]:
    """Give the first picture that can stand in a letter: what the page names, then its icons."""
    places = [each for each in (found.facts.logo, *manifest.icons) if each]
    for place in dict.fromkeys(places[:_MOST_LOGOS]):
        try:
            fetched = fetcher.get(place, allow=allow, accept=_ACCEPT_PICTURE)
        except SourceError:
            continue
        if len(fetched.content) <= _MOST_LOGO_BYTES and is_logo(fetched.content):
            return place, fetched.content
    return "", b""


def _moment(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)


def _site_url(given: str, front: str) -> str:
    """Give the site's address as it answers: http or https, with its www or without."""
    parts, answered = urlsplit(given), urlsplit(front)
    if host_of(given) != host_of(front) or parts.path.strip("/") or parts.query:
        return given.split("?", maxsplit=1)[0].rstrip("/")
    return f"{answered.scheme}://{answered.netloc}"


def _name(text: str) -> str:
    """Give a name that fits a masthead."""
    name = plain_line(text)
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 1].rstrip()}…"
