"""Pure. Parts of a story as feeds of both kinds give them: its texts, names, recordings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from digest.sources.cleaning import CleanBody, one_line, without_tags
from digest.sources.fields import MAX_STANDFIRST, names_of, shortened
from digest.sources.finishing import is_boilerplate
from digest.sources.model import RecordingKind

MAX_GUID = 2_000
_MAX_NAMES = 50
_LONG_SUMMARY = 600
_DAY_SECONDS = 86_400

_CLOCK = re.compile(r"(?:([0-9]{1,3}):)?(?:([0-9]{1,4}):)?([0-9]{1,6})(?:[.,][0-9]{1,9})?")
_PERIOD = re.compile(
    r"pt(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,6})(?:\.[0-9]{1,9})?s)?", re.IGNORECASE
)
_BRANCHES = re.compile(r"\s*[>»]\s*")
_ENDS = {
    "image": (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif"),
    "audio": (".mp3", ".m4a", ".m4b", ".aac", ".ogg", ".oga", ".opus", ".wav", ".flac"),
    "video": (".mp4", ".m4v", ".mov", ".webm", ".ogv"),
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_RECORDED = {"audio": RecordingKind.AUDIO, "video": RecordingKind.VIDEO}


def standfirst_and_body(summary: CleanBody, body: CleanBody) -> tuple[str, CleanBody]:
    """Tell a standfirst from a whole story, which many feeds put into the description.

    The picture of the one is the other's when that has none.
    """
    if not body.text and _is_whole_story(summary):
        return "", replace(summary, image=body.image or summary.image)
    text = one_line(summary.text)
    if body.text and _is_whole_story(summary):
        # Without a description the parser gives the content as summary, too.
        is_body = one_line(body.text).startswith(text)
        text = "" if is_body else summary.paragraphs[0]
    image = body.image or summary.image
    # As in a headline, what still reads as a tag goes: somebody escaped twice.
    return shortened(without_tags(text), MAX_STANDFIRST), replace(body, image=image)


def _is_whole_story(summary: CleanBody) -> bool:
    paragraphs = [text for text in summary.paragraphs if not is_boilerplate(text)]
    return len(paragraphs) > 1 or len(summary.text) > _LONG_SUMMARY


def categories_of(found: Iterable[str]) -> tuple[str, ...]:
    """Give categories once each; of a branch like `News > Local` its parts as well."""
    parts = (part for name in names_of(list(found)) for part in (name, *_BRANCHES.split(name)))
    return tuple(dict.fromkeys(part for part in parts if part))[:_MAX_NAMES]


def guid_of(written: object) -> str | None:
    """Give a guid as one line; one of several thousand signs is no name."""
    guid = one_line(str(written or "")[: 2 * MAX_GUID])
    return guid if 0 < len(guid) <= MAX_GUID else None


def seconds_of(written: object) -> int | None:
    """Read the length of a recording: `754`, `12:34`, `1:02:03`, `PT12M34S`; None for nonsense."""
    text = str(written or "").strip()
    if found := _CLOCK.fullmatch(text):
        first, second, last = found.groups(default="")
        # `12:34` fills the hours first.
        parts = [first, second, last] if second else ["", first, last]
    elif (found := _PERIOD.fullmatch(text)) and any(found.groups()):
        parts = list(found.groups(default=""))
    else:
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part or 0)
    return seconds if 0 < seconds < _DAY_SECONDS else None


def is_of(family: str, *, url: str, kind: str, medium: str = "") -> bool:
    """Tell whether a link is an image, audio or video, by medium, type or the end of its name."""
    if medium or kind not in _SAYS_NOTHING:
        return family in {medium, kind} or (not medium and kind.startswith(f"{family}/"))
    path = url.lower().partition("?")[0].partition("#")[0]
    return path.endswith(_ENDS[family])


def recording_kind_of(*, url: str, kind: str, medium: str = "") -> RecordingKind | None:
    """Tell what following a link would play, None for what is no recording."""
    for family, recorded in _RECORDED.items():
        if is_of(family, url=url, kind=kind, medium=medium):
            return recorded
    return None
