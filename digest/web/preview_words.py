"""Pure. A preview in the words and figures of its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

from digest.composition.dates import date_words
from digest.composition.language import ENGLISH
from digest.composition.links import safe_link
from digest.composition.text import clusters
from digest.editions.cadence import next_slot
from digest.editions.model import Candidate, EditionState, Place
from digest.editions.wording import count_of
from digest.workflow.preview import Copy, Preview

VIEWS = {
    "desktop": "Desktop 600",
    "phone": "Phone 375",
    "dark": "Dark 600",
    "dark-phone": "Dark 375",
    "inbox": "Inbox row",
    "text": "Plain text",
    "headers": "Headers",
    "raw": "Raw",
}
"""The views of a letter by their address, in the order of their tabs."""

CLIENTS = (("Gmail on a wide screen", 70), ("Outlook on the web", 60), ("iPhone", 41))
"""Where mail programs cut a subject, in signs."""

CLIPPED_KB, MARKS_KB = 102, (75, 90, 100)
"""Gmail shows no more of a letter; where our own limits stand."""

_KB = 1024
_TO_GO = frozenset(
    {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED}
)
_PLACES = {Place.LEAD: "Lead", Place.TOP: "Top", Place.BRIEF: "In brief"}
_SHOWN_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One story in the running order or beside it."""

    mark: str
    headline: str
    url: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A subject as one mail program shows it."""

    client: str
    signs: int
    words: str


@dataclass(frozen=True, slots=True)
class Size:
    """How large a letter's HTML is."""

    kilobytes: int
    per_cent: float
    marks: tuple[tuple[int, float], ...]


def title(preview: Preview) -> str:
    """Give `The Morning Post, Friday 9 January 2026`."""
    return f"{preview.newsletter.spec.name}, {date_words(preview.edition.local_date, ENGLISH.tag)}"


def state(preview: Preview) -> str:
    """Say where the edition is: one that nobody has made yet is to come."""
    return str(preview.edition.state) if preview.exists else "to come"


def both_times(at: datetime, zone: str) -> str:
    """Give `Fri 9 Jan 07:00 in London, 07:00 UTC`; the day of UTC when it is another."""
    local, utc = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    place = zone.rpartition("/")[2].replace("_", " ")
    here = f"{local:%a} {local.day} {local:%b %H:%M}"
    if place == "UTC":
        return f"{here} UTC"
    day = "" if utc.date() == local.date() else f"{utc:%a} {utc.day} {utc:%b} "
    return f"{here} in {place}, {day}{utc:%H:%M} UTC"


def facts(preview: Preview, copy: Copy | None) -> Iterator[tuple[str, str]]:
    """Name what is known of the edition, and of its copy in one language."""
    edition, cadence = preview.edition, preview.newsletter.spec.cadence
    zone = cadence.zone
    yield "Number", f"{edition.number:,}"
    if preview.exists and edition.reason:
        yield "Why", edition.reason
    yield "Stories from", both_times(edition.window.after, zone)
    yield "Cut-off", both_times(edition.window.until, zone)
    yield "Hour", both_times(edition.send_at, zone)
    following = next_slot(cadence, edition.send_at)
    if following is not None:
        yield "The next after it", both_times(following.send_at, zone)
    yield "Readers now", f"{preview.readers:,}"
    if preview.reader:
        yield "This copy", f"for {preview.reader}; its links change nothing"
    if copy is not None:
        yield "Text", f"{_kilobytes(copy.text.encode())} KB"
        yield "Whole message", f"{_kilobytes(copy.message)} KB"


def hashes(preview: Preview, copy: Copy | None) -> Iterator[tuple[str, str]]:
    """Name the hashes that tell whether two letters are the same bytes."""
    if copy is not None:
        yield "Content", copy.composition.content_hash
        yield "What an approval covers", preview.set_hash


def how_made(preview: Preview, zone: str) -> str:
    """Say which bytes these are."""
    if preview.approved:
        return "These are the bytes that were approved."
    if preview.stored:
        return "These are the bytes that are kept: approving lets them go and no others."
    if preview.exists:
        return f"Composed for this look, {both_times(preview.made_at, zone)}: not kept yet."
    return f"As digest prepare would make it, {both_times(preview.made_at, zone)}. Nothing is kept."


def sends(preview: Preview, zone: str) -> str:
    """Say when it goes and to how many; of one that is under way or over, nothing."""
    if preview.exists and preview.edition.state not in _TO_GO:
        return ""
    people = count_of(preview.readers, "reader", "readers")
    over = preview.edition.send_at <= preview.made_at
    hour = "as soon as it is approved" if over else both_times(preview.edition.send_at, zone)
    return f"It goes {hour}, to {people}."


def size_of(html: str) -> Size:
    """Measure a letter against where Gmail clips it."""
    used = _kilobytes(html.encode())
    marks = tuple((mark, 100 * mark / CLIPPED_KB) for mark in MARKS_KB)
    return Size(used, min(100.0, 100 * used / CLIPPED_KB), marks)


def cuts(subject: str) -> tuple[Cut, ...]:
    """Cut a subject where mail programs do."""
    return tuple(Cut(client, signs, cut(subject, signs)) for client, signs in CLIENTS)


def cut(text: str, most: int) -> str:
    """Keep so many signs, as readers count them; what is cut ends with an ellipsis."""
    signs = list(clusters(text))
    if len(signs) <= most:
        return text
    return "".join(signs[: most - 1]).rstrip() + "…"


def count(text: str) -> int:
    """Count signs as readers do."""
    return sum(1 for _ in clusters(text))


def running_order(preview: Preview, language: str) -> list[Row]:
    """List the stories that are in."""
    return [
        Row(_place(preview, c), c.story_in(language).headline, _link(c), c.reason)
        for c in preview.selection.chosen
    ]


def left_out(preview: Preview) -> tuple[Sequence[Row], Sequence[Row]]:
    """List the stories that are not: those to show at once, and the others."""
    rows = [
        Row(_capital(str(c.verdict)), c.article.story.headline, _link(c), c.reason)
        for c in preview.selection.left_out
    ]
    return rows[:_SHOWN_AT_ONCE], rows[_SHOWN_AT_ONCE:]


def sender(message: bytes) -> tuple[str, str]:
    """Give the name that an inbox shows, and the whole of From, both decoded."""
    found = BytesHeaderParser(policy=default).parsebytes(message)["From"]
    return found.addresses[0].display_name or found.addresses[0].addr_spec, str(found)


def hour_there(at: datetime, zone: str) -> str:
    """Give `07:00`, local in the zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"


def fields(message: bytes) -> list[tuple[str, str]]:
    """Give a message's headers as they go out, folds and all."""
    head = message.partition(b"\r\n\r\n")[0].decode("utf-8", "backslashreplace")
    lines = head.replace("\r\n ", "\n ").replace("\r\n\t", "\n\t").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return [(name, value.strip(" ")) for name, _, value in pairs]


def language_name(tag: str) -> str:
    """Name a language as its readers do."""
    try:
        return _capital(str(Locale.parse(tag, sep="-").display_name or tag))
    except (UnknownLocaleError, ValueError):
        return tag


def _place(preview: Preview, candidate: Candidate) -> str:
    if candidate.place is Place.SECTION:
        sections = {section.key: section.title for section in preview.newsletter.spec.sections}
        return sections.get(candidate.section or "", "Unsorted")
    return _PLACES.get(candidate.place, "") if candidate.place else ""


def _link(candidate: Candidate) -> str | None:
    return safe_link(candidate.article.story.url)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _kilobytes(content: bytes) -> int:
    return max(1, round(len(content) / _KB))
