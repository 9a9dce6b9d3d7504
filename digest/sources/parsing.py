"""COLLECT, the reading: foreign bytes are read in a child that can be killed.

A feed or page is made by strangers. Whatever reading it does (loop, eat memory, bring down a
library written in C), it does in a child process with limits, and the program goes on with a
sentence that says what happened; see digest/children.py. What a child answers is JSON that is
checked: nothing it sends is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import TypeAdapter

from digest import child as inside
from digest.children import (
    Child,
    ClosedError,
    Crew,
    EndedError,
    GarbledError,
    LateError,
    how_ended,
)
from digest.clock import to_utc
from digest.errors import SourceError
from digest.sources.cleaning import one_line
from digest.sources.fetch import told_address
from digest.sources.model import FoundStory, Reading

if TYPE_CHECKING:
    from digest.sources.discover import SiteFacts

_Found = TypeVar("_Found")

READERS: Mapping[str, str] = MappingProxyType(
    {
        "feed": "digest.sources.feed:read_feed",
        "json_feed": "digest.sources.json_feed:read_json_feed",
        "page": "digest.sources.page:read_article_page",
        "plaintext": "digest.sources.plaintext:read_page",
        "wordpress": "digest.sources.wordpress:read_wordpress",
        "ghost": "digest.sources.ghost:read_ghost",
        "markdown": "digest.sources.markdown:read_markdown",
        "site": "digest.sources.discover:read_site",
    }
)
"""Kind of content → module:function that reads it; imported in the other process only."""

SECONDS = 10.0
MEGABYTES = 400
"""Four times what a feed of 5 MB takes, the reader itself included."""
PROCESSES = 2
JOBS_OF_A_CHILD = 20
"""Then a fresh one takes its place: what leaked, or was planted, goes with it."""
_MAX_TOLD_CHARACTERS = 1_000


class Parser:
    """Reads foreign bytes in children of its own; threads share it.

    A child is started when one is needed, so that a parser which reads nothing costs nothing.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        megabytes: int = MEGABYTES,
        processes: int = PROCESSES,
        jobs: int = JOBS_OF_A_CHILD,
        readers: Mapping[str, str] = READERS,
        start: Callable[[str], Child] | None = None,
    ) -> None:
        """Take the limits of one job, the children at once, and how many jobs one lives for.

        `readers` names the function for each kind as `module:function`; it is called in the child
        with the bytes and the keywords of `read`.
        """
        self.seconds = seconds
        self.megabytes = megabytes
        self.processes = processes
        self.jobs = jobs
        self.readers = readers
        self._crew = Crew(
            seconds=seconds, megabytes=megabytes, processes=processes, jobs=jobs, start=start
        )

    def read(
        self,
        kind: str,
        content: bytes,
        *,
        address: str,
        content_type: str = "",
        zone: str = "UTC",
        language: str | None = None,
    ) -> Reading:
        """Read what a source gave; `kind` names the reader, as "feed" or "page".

        Raises SourceError: what the reader says of the bytes, or what became of the child.
        """
        told = {"address": address, "content_type": content_type, "zone": zone}
        return self._read(kind, content, {**told, "language": language}, _reading)

    def site(self, content: bytes, *, address: str, content_type: str = "") -> SiteFacts:
        """Read what a site's front page says of the site. Raises SourceError, as `read` does."""
        options = {"address": address, "content_type": content_type}
        return self._read("site", content, options, _site_facts)

    def close(self) -> None:
        """End the children, those at work too; a job they were at raises SourceError."""
        self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(
        self,
        kind: str,
        content: bytes,
        options: Mapping[str, str | None],
        opened: Callable[[bytes], _Found],
    ) -> _Found:
        what = f"{kind}: {told_address(options['address'] or '')[:_MAX_TOLD_CHARACTERS]}"

        def understood(begin: bytes, answer: bytes) -> _Found | _Told:
            return opened(answer) if begin == inside.DONE else _told(begin, answer)

        try:
            found = self._crew.do(self.readers[kind], options, content, opened=understood)
        except (LateError, EndedError, GarbledError, ClosedError, OSError) as error:
            raise self._in_words(what, error) from error
        if isinstance(found, _Told):
            raise self._refused(what, found)
        return found

    def _in_words(self, what: str, error: Exception) -> SourceError:
        if isinstance(error, ClosedError):
            return SourceError(
                f"{what}: not read, as the program is leaving", hint="Tried again at the next poll."
            )
        if isinstance(error, OSError):
            return SourceError(
                f"{what}: no process could be started to read it ({error})",
                hint="Look whether this machine has memory and processes left.",
            )
        if isinstance(error, LateError):
            return SourceError(
                f"{what}: took longer than {self.seconds:g} s to read",
                hint="Real feeds and pages do not; look at what the address answers.",
            )
        if isinstance(error, EndedError):
            return SourceError(
                f"{what}: ended its reader ({how_ended(error.args[0])})",
                hint="Look at what the address answers; the other sources go on.",
            )
        return SourceError(
            f"{what}: its reader gave no answer that is understood",
            hint="Look at what the address answers; the other sources go on.",
        )

    def _refused(self, what: str, told: _Told) -> SourceError:
        if told.begin == inside.REFUSED:
            return SourceError(told.message, hint=told.hint)
        if told.begin == inside.NO_MEMORY:
            return SourceError(
                f"{what}: needed more than {self.megabytes} MB of memory",
                hint="Real feeds and pages do not; look at what the address answers.",
            )
        return SourceError(
            f"{what}: cannot be read ({told.message})",
            hint="If it looks well in a browser, report this as a mistake of the program.",
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """What a child says instead of a reading."""

    begin: bytes
    message: str = ""
    hint: str = ""


def _told(begin: bytes, answer: bytes) -> _Told:
    if begin == inside.NO_MEMORY:
        return _Told(begin)
    if begin == inside.FAILED:
        return _Told(begin, _short(_TEXT.validate_json(answer)))
    if begin == inside.REFUSED:
        message, hint = _TEXTS.validate_json(answer)
        return _Told(begin, _short(message), _short(hint))
    raise GarbledError(begin)


_TEXT = TypeAdapter(str)
_TEXTS = TypeAdapter(tuple[str, str])


def _short(text: str) -> str:
    return one_line(text)[:_MAX_TOLD_CHARACTERS]


def _reading(answer: bytes) -> Reading:
    found: Reading = _adapter().validate_json(answer)
    return replace(found, stories=tuple(_in_utc(story) for story in found.stories))


def _in_utc(story: FoundStory) -> FoundStory:
    published_at, updated_at = story.published_at, story.updated_at
    return replace(
        story,
        published_at=to_utc(published_at) if published_at else None,
        updated_at=to_utc(updated_at) if updated_at else None,
    )


@cache
def _adapter() -> TypeAdapter[Reading]:
    return TypeAdapter(Reading)


def _site_facts(answer: bytes) -> SiteFacts:
    return _site_adapter().validate_json(answer)


@cache
def _site_adapter() -> TypeAdapter[SiteFacts]:
    from digest.sources.discover import SiteFacts  # noqa: PLC0415 - it loads what only it needs

    return TypeAdapter(SiteFacts)
