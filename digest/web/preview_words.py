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
from digest.editions.cadence import next_slots
from digest.editions.model import Candidate, EditionState, Place
from digest.editions.wording import count_of
from digest.workflow.preview import Copy, Preview

CLIPPED_KB, MARKS_KB = 102, (75, 90, 100)
"""Gmail shows no more of a letter; where our own limits stand."""

_KB = 1024
_TO_GO = frozenset(
    {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED}
)
_PLACES = {Place.LEAD: "Lead", Place.TOP: "Top", Place.BRIEF: "In brief"}
_SHOWN_AT_ONCE = 12
_RUNS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Client:
    """A mail program: how much of a letter its list shows, in signs of usual width."""

    name: str
    key: str
    """Its look, in the style sheet."""
    subject: int
    preview: int
    """Of the preheader; of `one_line`, of subject and preheader together."""
    one_line: bool = False


CLIENTS = (
    Client("Gmail, wide screen", "gmail", 70, 110, one_line=True),
    Client("Gmail, phone", "gmail-phone", 38, 45),
    Client("Apple Mail, Mac", "apple-mac", 55, 120),
    Client("Apple Mail, iPhone", "apple", 41, 90),
    Client("Outlook on the web", "outlook", 60, 60),
)
"""Where mail programs cut. Fonts differ, so these are the usual places and not the exact ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """One story in the running order or beside it."""

    mark: str
    headline: str
    url: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A letter in the list of one mail program: what it shows, and what it cuts off."""

    client: Client
    subject: str
    subject_lost: str
    preview: str
    preview_lost: str


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
    yield "Readers now", f"{preview.readers:,}"
    if preview.reader:
        yield "This copy", f"for {preview.reader}; its links change nothing"
    elif preview.topics is not None:
        topics = ", ".join(sorted(preview.topics))
        yield "This copy", f"for a reader of {topics}; its links change nothing"
    if copy is not None:
        yield "Text", f"{_kilobytes(copy.text.encode())} KB"
        yield "Whole message", f"{_kilobytes(copy.message)} KB"


def next_runs(preview: Preview) -> list[str]:
    """List when the editions after it go, in the newsletter's own time and in UTC."""
    cadence = preview.newsletter.spec.cadence
    after = max(preview.edition.send_at, preview.made_at)
    return [
        both_times(slot.send_at, cadence.zone) for slot in next_slots(cadence, after, _RUNS_SHOWN)
    ]


def until(preview: Preview) -> str:
    """Give `2 h 10 min`: how long it is until it goes; nothing when that is over."""
    minutes = int((preview.edition.send_at - preview.made_at).total_seconds() // 60)
    if minutes <= 0:
        return ""
    days, minutes = divmod(minutes, 24 * 60)
    parts = ((days, "d"), (minutes // 60, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def hashes(preview: Preview, copy: Copy | None) -> Iterator[tuple[str, str]]:
    """Name the hashes that tell whether two letters are the same bytes."""
    if copy is not None:
        yield "Content", copy.composition.content_hash
        yield "What an approval covers", preview.set_hash


def how_made(preview: Preview, zone: str) -> str:
    """Say which bytes these are."""
    if preview.sample:
        return "Made of sample stories, by this newsletter's template and settings."
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


def cuts(subject: str, preheader: str) -> tuple[Cut, ...]:
    """Cut subject and preheader where mail programs do."""
    return tuple(_cut_for(client, subject, preheader) for client in CLIENTS)


def _cut_for(client: Client, subject: str, preheader: str) -> Cut:
    shown, lost = cut(subject, client.subject)
    room = client.preview - (count(shown) if client.one_line else 0)
    return Cut(client, shown, lost, *cut(preheader, max(room, 0)))


def cut(text: str, most: int) -> tuple[str, str]:
    """Keep so many signs, as readers count them: what is shown, with its ellipsis, and the rest."""
    signs = list(clusters(text))
    if len(signs) <= most:
        return text, ""
    kept = max(most - 1, 0)
    return "".join(signs[:kept]).rstrip() + "…", "".join(signs[kept:])


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
