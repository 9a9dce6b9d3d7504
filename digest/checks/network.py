"""Door to the network: do the links answer, are the pictures there, does the DNS know the sender.

Asked on demand only, with a time for each answer and one for all. Private addresses are refused by
the fetcher, which checks the very address it dials.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import dns.exception
import dns.name
import dns.resolver
from PIL import Image, ImageStat, UnidentifiedImageError

from digest.checks.answers import (
    LINK,
    MOST_LINKS,
    MOST_PICTURES,
    ONLY_BY_NETWORK,
    DomainAnswer,
    Judged,
    LinkAnswer,
    PictureAnswer,
    judge_domain,
    judge_links,
    judge_logo,
    judge_pictures,
    names_to_ask,
    web_links,
    web_pictures,
)
from digest.checks.model import Facts, Finding, Found, Page, Part, Place, Report, Severity
from digest.checks.run import finding_of, report_of
from digest.errors import FetchBlockedError, HttpStatusError, SourceError
from digest.sources.fetch import ACCEPT_PICTURE, Fetched, Probed
from digest.sources.side_by_side import side_by_side

AT_ONCE: Final = 8
SECONDS: Final = 60.0
"""For all links, and again for all pictures."""
_MAX_BYTES = 5_000_000
_SMALL = 256
"""Pixels of the side that a picture is shrunk to before its colours are counted."""
_BROKEN = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, ArithmeticError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError),
)


class Asker(Protocol):
    """Something that fetches; it checks addresses, and caps bytes and time."""

    def probe(self, address: str, *, method: str = "HEAD", allow: Sequence[str] = ()) -> Probed:
        """Ask how an address answers; raises HttpStatusError and SourceError."""
        ...

    def get(
        self, address: str, *, allow: Sequence[str] = (), accept: str = "", most_bytes: int = 0
    ) -> Fetched:
        """Fetch an address; raises HttpStatusError and SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class Network:
    """What the checks ask with, and how long they wait."""

    fetcher: Asker
    allow: Sequence[str] = ()
    """Networks (CIDR) that may be dialled although they are not public."""
    allow_pictures: Sequence[str] = ()
    """Those that only pictures may come from."""
    resolver: dns.resolver.Resolver | None = None
    """None: the system's, with its five seconds for an answer."""
    envelope: str = ""
    """The domain that bounces go to; empty: that of From."""
    seconds: float = SECONDS
    at_once: int = AT_ONCE


def ask(facts: Facts, network: Network) -> tuple[Finding, ...]:
    """Ask the network about an edition; each finding has its code as the offline ones have."""
    return (
        *_about_pages(facts, *_links(facts, network)),
        *_about_pages(facts, *_pictures(facts, network)),
        *(finding_of(*each) for each in _domain(facts, network)),
    )


def with_answers(
    report: Report, findings: Sequence[Finding], ignores: Mapping[str, str] | None = None
) -> Report:
    """Add what the network found to a report; `ignores` as `run` takes them."""
    passed = ONLY_BY_NETWORK - {each.code for each in findings}
    return report_of((*report.findings, *findings), report.passed + len(passed), ignores)


# Links


def _links(facts: Facts, network: Network) -> tuple[list[tuple[Page, list[Judged]]], list[Judged]]:
    wanted = list(dict.fromkeys(url for page in facts.pages for url in web_links(page)))
    until = time.monotonic() + network.seconds
    answers = dict(
        side_by_side(
            lambda url: _link(url, network),
            wanted[:MOST_LINKS],
            workers=network.at_once,
            stop=lambda: time.monotonic() > until,
        )
    )
    unasked = len(wanted) - len(answers)
    common = [_unasked(unasked, len(wanted))] if unasked else []
    return [(page, list(judge_links(page, answers))) for page in facts.pages], common


def _link(url: str, network: Network) -> LinkAnswer:
    """Ask with HEAD, and with GET where HEAD gets no good answer: some servers know GET alone."""
    answer = _probed(url, "HEAD", network)
    if answer.is_private or (not answer.problem and answer.status < 400):  # noqa: PLR2004 - RFC 9110
        return answer
    return _probed(url, "GET", network)


def _probed(url: str, method: str, network: Network) -> LinkAnswer:
    try:
        found = network.fetcher.probe(url, method=method, allow=network.allow)
    except FetchBlockedError as error:
        return LinkAnswer(problem=_cause(error), is_private=True)
    except HttpStatusError as error:
        return LinkAnswer(status=error.status)
    except SourceError as error:
        return LinkAnswer(problem=_cause(error))
    return LinkAnswer(status=found.status, redirects=found.redirects)


def _unasked(number: int, of: int) -> Judged:
    return LINK, Found(
        f"{number} of {of} links were not asked: {MOST_LINKS} are at the most, and for a minute.",
        "Open those that matter yourself.",
        Place(Part.HTML),
        Severity.INFO,
    )


# Pictures


def _pictures(
    facts: Facts, network: Network
) -> tuple[list[tuple[Page, list[Judged]]], list[Judged]]:
    wanted = list(dict.fromkeys(url for page in facts.pages for url in web_pictures(page)))
    until = time.monotonic() + network.seconds
    answers = dict(
        side_by_side(
            lambda url: _picture(url, network),
            wanted[:MOST_PICTURES],
            workers=network.at_once,
            stop=lambda: time.monotonic() > until,
        )
    )
    pages = [(page, list(judge_pictures(page, answers))) for page in facts.pages]
    return pages, list(judge_logo(facts, answers))


def _picture(url: str, network: Network) -> PictureAnswer:
    try:
        found = network.fetcher.get(
            url,
            allow=(*network.allow, *network.allow_pictures),
            accept=ACCEPT_PICTURE,
            most_bytes=_MAX_BYTES,
        )
    except SourceError as error:
        return PictureAnswer(problem=_cause(error))
    kind = found.content_type.partition(";")[0].strip().lower()
    if not kind.startswith("image/"):
        return PictureAnswer(problem=f"it is {kind or 'of no named type'}, and no picture")
    return _looked_at(found.content, kind)


def _looked_at(content: bytes, kind: str) -> PictureAnswer:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content))
            width, height = picture.size
            drawn = _drawn(picture)
    except _BROKEN:
        return PictureAnswer(kind, len(content), problem="the file is broken")
    return PictureAnswer(kind, len(content), width, height, drawn)


def _drawn(picture: Image.Image) -> str:
    if not picture.has_transparency_data:
        return ""
    small = picture.convert("RGBA")
    small.thumbnail((_SMALL, _SMALL))
    solid = small.getchannel("A").point(lambda level: 255 if level > 127 else 0)  # noqa: PLR2004 - half
    if not solid.getbbox() or solid.getextrema() == (255, 255):
        return ""
    mean = ImageStat.Stat(small.convert("RGB"), mask=solid).mean
    return "#" + bytes(round(level) for level in mean).hex().upper()


# The DNS


def _domain(facts: Facts, network: Network) -> Iterator[Judged]:
    names = names_to_ask(facts, network.envelope)
    if names:
        yield from judge_domain(facts, network.envelope, _records(names, network.resolver))


def _records(names: Sequence[str], resolver: dns.resolver.Resolver | None) -> DomainAnswer:
    """Ask for the TXT records of names; after one that gets no answer the rest is not asked."""
    found: dict[str, Sequence[str] | None] = {}
    try:
        asked = resolver or dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):  # no resolv.conf, or none that is one
        return DomainAnswer({names[0]: None})
    for name in names:
        found[name] = _texts(asked, name)
        if found[name] is None:
            break
    return DomainAnswer(found)


def _texts(resolver: dns.resolver.Resolver, name: str) -> Sequence[str] | None:
    try:
        full = dns.name.from_text(f"{name}.")
        answer = resolver.resolve(full, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.NameTooLong):
        return ()
    except (dns.exception.DNSException, OSError, UnicodeError):
        return None
    return tuple(b"".join(each.strings).decode("utf-8", "replace") for each in answer)


def _about_pages(
    facts: Facts, pages: Sequence[tuple[Page, list[Judged]]], common: Sequence[Judged]
) -> Iterator[Finding]:
    """Give findings with the language of their copy; what all copies have is told once."""
    by_judged: dict[Judged, list[str]] = {}
    for page, judged in pages:
        for each in dict.fromkeys(judged):
            by_judged.setdefault(each, []).append(page.composition.language)
    for each, languages in by_judged.items():
        everywhere = len(languages) == len(facts.pages)
        for language in [""] if everywhere else languages:
            yield finding_of(*each, language=language)
    yield from (finding_of(*each) for each in common)


def _cause(error: SourceError) -> str:
    """Give what went wrong without the address, which the finding names."""
    return str(error).rpartition(": ")[2]
