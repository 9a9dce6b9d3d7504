"""Read one source, of whatever kind: fetch what it names, have it parsed, keep nothing."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from digest.errors import HttpStatusError, SourceError
from digest.sources.fetch import (
    ACCEPT_FEED,
    ACCEPT_JSON,
    ACCEPT_PAGE,
    Fetched,
    Fetcher,
    file_path,
    is_file,
    read_file,
)
from digest.sources.model import Reading, SourceKind, SourceSpec, SourceState
from digest.sources.parsing import READERS, Parser

SQL_SECONDS = 30
"""How long a publisher's database may take over its SELECT."""
MOST_FILES = 10_000
"""Of one folder: what is more is left, and told."""
MORE_PAGES = {SourceKind.FEED: 4, SourceKind.WORDPRESS: 9, SourceKind.GHOST: 9}
"""How many further pages one reading asks for: hundreds of stories, and never without end."""
_OVERLAP = timedelta(days=1)
"""How far behind the last success an API is asked again: for stories that were dated back."""
_MOST_WARNINGS = 20
_ACCEPT = {
    SourceKind.PAGE: ACCEPT_PAGE,
    SourceKind.WORDPRESS: ACCEPT_JSON,
    SourceKind.GHOST: ACCEPT_JSON,
}
_SHORTEST_SECRET = 4
_PAGES = {".html", ".htm", ".txt"}
_MARKDOWN = {".md", ".markdown"}


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a source gave, and how to ask the next time."""

    reading: Reading = field(default_factory=Reading)
    unchanged: bool = False
    """It is what it was at the last reading; nothing was parsed."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    moved_to: str | None = None
    not_before: datetime | None = None
    """When the site asks to be asked again, though it answered."""


def read(
    spec: SourceSpec, state: SourceState | None, *, fetcher: Fetcher, parser: Parser | None
) -> Found:
    """Read a source as it is now; without a state, as if it had never been read.

    The product always passes a parser: foreign bytes are parsed in a process that can be killed.
    Without one they are parsed here, which is for small tests. Raises SourceError.
    """
    reader = _Reader(spec, state, fetcher, parser)
    match spec.kind:
        case SourceKind.FEED:
            return reader.feed()
        case SourceKind.PAGE:
            return reader.page()
        case SourceKind.WORDPRESS | SourceKind.GHOST:
            return reader.api()
        case SourceKind.MARKDOWN:
            return reader.markdown()
        case SourceKind.SQL:
            return reader.sql()
        case SourceKind.PUSHED:
            raise SourceError(
                f"source: {spec.name}: its stories are pushed to us; there is nothing to read",
                hint="Push a story and look at: digest sources list",
            )


def host_of(address: str) -> str:
    """Give the host that an address names, or nothing."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def without_secrets(words: str, spec: SourceSpec) -> str:
    """Take a source's key and the password of its address out of what is told of it."""
    try:
        password = urlsplit(spec.address).password or ""
    except ValueError:
        password = ""
    for secret in (spec.key, password):
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "…")
    return words


class _Reader:
    """One reading of one source."""

    def __init__(
        self,
        spec: SourceSpec,
        state: SourceState | None,
        fetcher: Fetcher,
        parser: Parser | None,
    ) -> None:
        self.spec = spec
        self.state = state
        self.fetcher = fetcher
        self.parser = parser
        self.hashes: list[str] = []
        """Of the further pages."""

    def feed(self) -> Found:
        is_first = self.state is not None and self.state.first_ok_at is None
        fetched = self._fetch(self.spec.address)
        if self._is_known(fetched):
            return self._unchanged(fetched)
        reading = self._parse_feed(fetched)
        return self._follow(fetched, reading, pages=MORE_PAGES[SourceKind.FEED] if is_first else 0)

    def page(self) -> Found:
        if is_file(self.spec.address):
            path = file_path(self.spec.address)
            if _is_folder(path):
                return self._folder(path, _PAGES, below=False)
        fetched = self._fetch(self.spec.address)
        if self._is_known(fetched):
            return self._unchanged(fetched)
        return self._found(fetched, self._parse(page_kind(fetched), fetched))

    def api(self) -> Found:
        """Read the stories of an API since shortly before the last success, page by page."""
        kind = self.spec.kind
        fetched = self._fetch(self._first_address())
        if fetched.not_modified:
            return self._unchanged(fetched)
        reading = self._parse(kind.value, fetched)
        found = self._follow(fetched, reading, pages=MORE_PAGES[kind])
        if found.body_hash is None:
            return found
        if self.hashes:
            # The first page alone does not tell whether the others have changed: ask for them.
            whole = _hash("".join([found.body_hash, *self.hashes]).encode())
            found = replace(found, etag=None, last_modified=None, body_hash=whole)
        is_known = self.state is not None and found.body_hash == self.state.body_hash
        return replace(found, reading=Reading(), unchanged=True) if is_known else found

    def markdown(self) -> Found:
        """Read every file of a folder and those below it: what is no longer there is gone."""
        path = file_path(self.spec.address)
        if _is_folder(path):
            return self._folder(path, _MARKDOWN, below=True)
        fetched = read_file(self.spec.address)
        if self._is_known(fetched):
            return self._unchanged(fetched)
        return self._found(fetched, self._parse("markdown", fetched))

    def sql(self) -> Found:
        from digest.sources.sql import read_sql  # noqa: PLC0415 - its driver is for the few

        since = self.state.last_ok_at if self.state else None
        reading = read_sql(self.spec, since=since, timeout=SQL_SECONDS)
        rows_hash = hashlib.sha256(repr(reading).encode("utf-8", "replace")).hexdigest()
        if self.state is not None and rows_hash == self.state.body_hash:
            return Found(unchanged=True, body_hash=rows_hash)
        return Found(reading, body_hash=rows_hash)

    # What is asked for

    def _first_address(self) -> str:
        since = None
        if self.state is not None and self.state.last_ok_at is not None:
            # Whole days: the same address all day long, so that "nothing has changed" is noticed.
            day = (self.state.last_ok_at - _OVERLAP).date()
            since = datetime.combine(day, time(), self.state.last_ok_at.tzinfo)
        if self.spec.kind is SourceKind.GHOST:
            from digest.sources import ghost  # noqa: PLC0415 - one kind of many

            return ghost.first_address(self.spec.address, key=self.spec.key, since=since)
        from digest.sources import wordpress  # noqa: PLC0415 - one kind of many

        return wordpress.first_address(self.spec.address, since=since)

    def _fetch(self, address: str) -> Fetched:
        if is_file(address):
            return read_file(address)
        etag = self.state.etag if self.state else None
        last_modified = self.state.last_modified if self.state else None
        return self._get(address, etag=etag, last_modified=last_modified)

    def _get(
        self, address: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched:
        return self.fetcher.get(
            address,
            etag=etag,
            last_modified=last_modified,
            allow=self.spec.allow,
            accept=_ACCEPT.get(self.spec.kind, ACCEPT_FEED),
        )

    def _is_known(self, fetched: Fetched) -> bool:
        if fetched.not_modified:
            return True
        return self.state is not None and _hash(fetched.content) == self.state.body_hash

    def _unchanged(self, fetched: Fetched) -> Found:
        """Not parsed; an answer in full tells anew how to ask, "not modified" leaves it."""
        state, kept = self.state, fetched.not_modified
        return Found(
            unchanged=True,
            etag=state.etag if kept and state else fetched.etag,
            last_modified=state.last_modified if kept and state else fetched.last_modified,
            body_hash=state.body_hash if state else None,
            moved_to=self._moved_to(fetched),
            not_before=fetched.not_before,
        )

    def _found(self, fetched: Fetched, reading: Reading) -> Found:
        return Found(
            reading,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            body_hash=_hash(fetched.content),
            moved_to=self._moved_to(fetched),
            not_before=fetched.not_before,
        )

    def _moved_to(self, fetched: Fetched) -> str | None:
        """Give the address to write into the settings: of an API, where its site is."""
        if fetched.moved_to is None or self.spec.kind not in {
            SourceKind.WORDPRESS,
            SourceKind.GHOST,
        }:
            return fetched.moved_to
        site = re.split(r"/(?:wp-json|ghost/api)/", fetched.moved_to)[0]
        return None if site.rstrip("/") == self.spec.address.rstrip("/") else site

    # What it says

    def _parse(self, kind: str, fetched: Fetched) -> Reading:
        reader = self.parser.read if self.parser is not None else read_here
        return reader(
            kind,
            fetched.content,
            address=fetched.address,
            content_type=fetched.content_type,
            zone=self.spec.zone,
            language=self.spec.language,
        )

    def _parse_feed(self, fetched: Fetched) -> Reading:
        is_json = _start(fetched.content)[:1] in {b"{", b"["}
        return self._parse("json_feed" if is_json else "feed", fetched)

    def _follow(self, first: Fetched, reading: Reading, *, pages: int) -> Found:
        """Go on to a bounded number of further pages."""
        found, readings = self._found(first, reading), [reading]
        seen = [first.address]
        try:
            while len(seen) <= pages and (address := _further(seen, readings[-1])):
                seen.append(address)
                readings.append(self._parse_next(address))
        except SourceError as error:
            # Forgotten, so that the next poll asks for all of it again.
            found = replace(found, etag=None, last_modified=None, body_hash=None)
            if isinstance(error, HttpStatusError):
                found = replace(found, not_before=error.not_before)
            readings.append(Reading(warnings=(f"its further pages were not read: {error}",)))
        return replace(found, reading=_joined(readings))

    def _parse_next(self, address: str) -> Reading:
        fetched = self._get(address)
        self.hashes.append(_hash(fetched.content))
        if self.spec.kind is SourceKind.FEED:
            return self._parse_feed(fetched)
        return self._parse(self.spec.kind.value, fetched)

    # Folders

    def _folder(self, folder: Path, endings: set[str], *, below: bool) -> Found:
        """Read the files of a folder; one that cannot be read is a warning, and takes none back."""
        paths, warnings = _files(folder, endings, below=below)
        digest = _hash_of_files(folder, paths)
        if self.state is not None and not warnings and digest == self.state.body_hash:
            return Found(unchanged=True, body_hash=digest)
        readings: list[Reading] = []
        for path in paths:
            try:
                readings.append(self._parse_file(path, folder))
            except SourceError as error:
                warnings.append(str(error))
        if not readings and (warnings or self.state is None or self.state.first_ok_at is None):
            raise SourceError(
                f"folder: {folder}: {warnings[0] if warnings else 'no file in it to read'}",
                hint=_FOLDER_HINTS[self.spec.kind],
            )
        joined = _joined([*readings, Reading(warnings=tuple(warnings))])
        return Found(replace(joined, complete=below and not warnings), body_hash=digest)

    def _parse_file(self, path: Path, folder: Path) -> Reading:
        fetched = read_file(str(path))
        if self.spec.kind is not SourceKind.MARKDOWN:
            return self._parse(page_kind(fetched), fetched)
        # A file is known by where it lies in its folder, wherever that is moved to.
        within = path.relative_to(folder).as_posix()
        return self._parse("markdown", replace(fetched, address=within))


_FOLDER_HINTS = {
    SourceKind.PAGE: "Put pages there: saved from the web (.html), or captured as text (.txt).",
    SourceKind.MARKDOWN: "Put stories there, each in a file that ends in .md.",
}


def read_here(
    kind: str,
    content: bytes,
    *,
    address: str,
    content_type: str = "",
    zone: str = "UTC",
    language: str | None = None,
) -> Reading:
    """Parse what was fetched in this process: for small tests; see `read`. Raises SourceError."""
    module, _, name = READERS[kind].partition(":")
    reader = getattr(importlib.import_module(module), name)
    return cast(
        "Reading",
        reader(content, address=address, content_type=content_type, zone=zone, language=language),
    )


def _further(seen: Sequence[str], reading: Reading) -> str | None:
    """Give where a reading goes on, if that is on the same host and new."""
    address, first = reading.next_address, seen[0]
    if not address or address in seen or is_file(first) or host_of(address) != host_of(first):
        return None
    return address


def page_kind(fetched: Fetched) -> str:
    """Tell a page in HTML ("page") from one captured as text, whatever its content type says."""
    if is_file(fetched.address) and fetched.address.lower().endswith(".txt"):
        return "plaintext"
    start = _start(fetched.content).lower()
    is_text = fetched.content_type.lower().startswith("text/plain")
    if start.startswith((b"<!doctype html", b"<html")) or (start[:1] == b"<" and not is_text):
        return "page"
    is_html = fetched.content_type.lower().startswith(("text/html", "application/xhtml"))
    return "page" if is_html else "plaintext"


def _start(content: bytes) -> bytes:
    """Give the first characters without marks and spaces; of UTF-16, without the empty halves."""
    return content[:200].lstrip(b"\xef\xbb\xbf\xfe\xff\0 \t\r\n\f").replace(b"\0", b"")


def _joined(readings: list[Reading]) -> Reading:
    """Make one reading of several pages or files."""
    first = readings[0]
    return Reading(
        stories=tuple(story for one in readings for story in one.stories),
        warnings=_few([line for one in readings for line in one.warnings]),
        title=first.title,
        language=first.language,
        complete=len(readings) == 1 and first.complete,
        gone=tuple(gone for one in readings for gone in one.gone),
    )


def _few(warnings: list[str]) -> tuple[str, ...]:
    if len(warnings) <= _MOST_WARNINGS:
        return tuple(warnings)
    rest = len(warnings) - _MOST_WARNINGS
    return (*warnings[:_MOST_WARNINGS], f"and {rest:,} more warnings")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _hash_of_files(folder: Path, paths: list[Path]) -> str:
    """Hash what the files hold, one after the other: a folder may be larger than our memory."""
    whole = hashlib.sha256()
    for path in paths:
        name = os.fsencode(path.relative_to(folder))
        try:
            held = read_file(str(path)).content
        except SourceError as error:
            held = str(error).encode("utf-8", "replace")
        whole.update(name + b"\0" + hashlib.sha256(held).digest())
    return whole.hexdigest()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _files(
    folder: Path, endings: set[str], *, below: bool, most: int = MOST_FILES
) -> tuple[list[Path], list[str]]:
    """List a folder's files, and those of the folders below it, with what could not be listed.

    Links to folders are not followed: they may go in circles.
    """
    paths: list[Path] = []
    warnings: list[str] = []

    def refused(error: OSError) -> None:
        warnings.append(f"folder: {error.filename}: {(error.strerror or 'unreadable').lower()}")

    for place, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if below and not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or Path(name).suffix.lower() not in endings:
                continue
            if len(paths) == most:
                return paths, [*warnings, f"more than {most:,} files; not all were read"]
            paths.append(Path(place, name))
    return paths, warnings
