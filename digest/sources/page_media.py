"""Pure. The picture of an article's page, and what there is to hear or watch on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.sources.cleaning import CleanBody, plain_line
from digest.sources.json_ld import Thing, is_of_type
from digest.sources.model import Picture, Recording, RecordingKind
from digest.sources.page_facts import PageFacts
from digest.sources.picture_choice import NamedPicture, Place, described, is_sensible

_MOST_IMAGES = 2_000
_DAY_SECONDS = 86_400
_UNIT_SECONDS = {"days": _DAY_SECONDS, "hours": 3_600, "minutes": 60, "seconds": 1}
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,3})D)?T?(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,5})M)?"
    r"(?:(?P<seconds>\d{1,6})(?:[.,]\d{1,9})?S)?",
    re.IGNORECASE,
)
_SITES_OWN = re.compile(
    r"(?:^|[-_./])(?:logo|placeholder|default|favicon|fallback|no-?image)s?(?=[-_.0-9]|$)",
    re.IGNORECASE,
)
"""Files that stand in for a picture: the same on every page of the site."""


def picture_of(facts: PageFacts, body: CleanBody) -> Picture | None:
    """Choose the page's picture: og:image, else its JSON-LD's, twitter:image, or the body's."""
    logos = _logos(facts)
    for named in (
        *_named(facts, "og:image"),
        *_said(facts),
        *_named(facts, "twitter:image", "twitter:image:src"),
    ):
        file = named.url.partition("?")[0].rpartition("/")[2]
        is_own = named.url not in logos and not _SITES_OWN.search(file)
        # A drawing (SVG) is not made smaller for a letter.
        if is_own and is_sensible(named) and not file.lower().endswith(".svg"):
            alt = named.alt or _alts(facts).get(named.url, "")
            return Picture(named.url, described(alt), named.credit)
    return Picture(*body.image) if body.image else None


def _named(facts: PageFacts, *names: str) -> Iterator[NamedPicture]:
    secure = tuple(f"{name}:{part}" for name in names for part in ("secure_url", "url"))
    alt = plain_line(facts.meta(f"{names[0]}:alt"))
    sides = [_pixels(facts.meta(f"{names[0]}:{side}")) for side in ("width", "height")]
    for n, written in enumerate(facts.all_metas(*names, *secure)):
        if url := facts.link(written):
            # Description and size stand apart; they are those of the first.
            width, height = sides if n == 0 else (0, 0)
            yield NamedPicture(url, Place.MEDIA, alt, width=width, height=height)


def _said(facts: PageFacts) -> Iterator[NamedPicture]:
    ld = facts.ld
    for part in ld.parts(facts.article or {}, "image", "thumbnailUrl"):
        thing: Thing = {"url": part} if isinstance(part, str) else part
        for url in filter(None, map(facts.link, ld.links(thing, "contentUrl", "url"))):
            yield NamedPicture(
                url,
                Place.MEDIA,
                plain_line(ld.text(thing, "caption", "alternateName", "description")),
                plain_line(ld.text(thing, "creditText", "copyrightHolder", "creator")),
                width=_pixels(ld.text(thing, "width")),
                height=_pixels(ld.text(thing, "height")),
            )


def _logos(facts: PageFacts) -> set[str | None]:
    ld = facts.ld
    publishers = ld.parts(facts.article or {}, "publisher")
    owners = [part for part in publishers if not isinstance(part, str)]
    owners += ld.of_type("Organization")
    return {facts.link(url) for owner in owners for url in ld.links(owner, "logo")}


def _alts(facts: PageFacts) -> dict[str, str]:
    found: dict[str, str] = {}
    for element, _ in zip(facts.page.root.iter("img"), range(_MOST_IMAGES), strict=False):
        alt = plain_line(element.get("alt") or "")
        if alt and (url := facts.link(element.get("src"))):
            found.setdefault(url, alt)
    return found


def recording_of(facts: PageFacts) -> Recording | None:
    """Give the article's own recording: as its JSON-LD has it, else og:audio or og:video."""
    ld = facts.ld
    parts = ld.parts(facts.article or {}, "audio", "video", "associatedMedia", "encoding")
    own = [part for part in parts if not isinstance(part, str)]
    # Of several that stand by themselves, none is known to be the story's.
    lone = ld.of_type("AudioObject", "VideoObject")
    for thing in (*own, *(lone if len(lone) == 1 else ())):
        is_video = is_of_type(thing, "VideoObject")
        url = _first_link(facts, *ld.links(thing, "contentUrl", "embedUrl", "url"))
        if url and (is_video or is_of_type(thing, "AudioObject")):
            kind = RecordingKind.VIDEO if is_video else RecordingKind.AUDIO
            return Recording(url, _duration(ld.text(thing, "duration")), kind)
    return _recording_named(facts)


def _recording_named(facts: PageFacts) -> Recording | None:
    for kind in RecordingKind:
        names = (f"og:{kind}", f"og:{kind}:secure_url", f"og:{kind}:url")
        if "flash" in facts.meta(f"og:{kind}:type").lower():
            continue
        if url := _first_link(facts, *facts.all_metas(*names)):
            written = facts.meta(f"og:{kind}:duration", f"{kind}:duration")
            return Recording(url, _duration(written), kind)
    return None


def _first_link(facts: PageFacts, *written: str) -> str | None:
    return next(filter(None, map(facts.link, written)), None)


def _duration(written: str) -> int | None:
    """Read `PT12M30S`, or seconds as they stand."""
    text = written.strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        seconds = int(text)
    else:
        found = _DURATION.fullmatch(text)
        parts = found.groupdict("0") if found else {}
        seconds = sum(int(number) * _UNIT_SECONDS[unit] for unit, number in parts.items())
    return seconds if 0 < seconds < _DAY_SECONDS else None


def _pixels(written: str) -> int:
    found = re.fullmatch(r"\s*([0-9]{1,5})(?:\.0{1,9})?\s*(?:px)?\s*", written[:40])
    return int(found[1]) if found else 0
