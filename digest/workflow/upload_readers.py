"""Bring in a file of readers that lies on our disk: a look first, then for good, each in a thread.

How far each is stands in the database, so that any process can say it: a look in its own row, what
is brought in by the run of the import, chunk by chunk.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from digest.clock import Clock
from digest.db import Database
from digest.editions.model import Newsletter
from digest.errors import DigestError, NotFoundError
from digest.log import event
from digest.workflow import upload_store
from digest.workflow.bring_readers import (
    FileAsked,
    UnsaidError,
    audit_as,
    errand_of,
    nobody_joins,
    table_facts,
    tally_facts,
)
from digest.workflow.upload_store import Upload, UploadState
from subscribers import import_store
from subscribers.bring_in import bring_in, look
from subscribers.departures import Departures
from subscribers.import_errand import Errand, require_consent
from subscribers.import_store import Run
from subscribers.tokens import Keys
from subscribers.transfer.faults import BroughtInError
from subscribers.transfer.report import Report, report_path

_FOLDER = re.compile(r"\S*/digest-readers-[^/\s]+/")
_LOG = logging.getLogger(__name__)
_TOLD_EVERY, _ALIVE_EVERY = 0.5, 10.0
"""Seconds between two notes of how far a look is; and that what brings readers in is alive."""
KEPT = timedelta(days=1)
"""So long a file that nobody brought in lies on our disk."""


@dataclass
class ReaderUploads:
    """The files of readers of one site, and the threads that work on them."""

    database: Database
    newsletters: Sequence[Newsletter]
    keys: Keys
    clock: Clock
    departures: Departures | None = None
    keep_ip: timedelta | None = None
    _working: dict[int, threading.Thread] = field(default_factory=dict)

    def take(self, path: Path, name: str, options: dict[str, Any], *, by: str) -> int:
        """Take a file, and begin to look at it; give its number."""
        self.clear()
        with self.database.write() as connection:
            number = upload_store.begin_upload(
                connection,
                file_name=name,
                path=str(path),
                options=options,
                by=by,
                at=self.clock(),
            )
        self._start(number, self._look)
        return number

    def look_again(self, number: int, options: dict[str, Any]) -> None:
        """Look once more, as somebody says it is to be read."""
        with self.database.write() as connection:
            upload_store.note_upload(
                connection,
                number,
                at=self.clock(),
                state=UploadState.LOOKING,
                options=options,
                records=0,
                found={},
            )
        self._start(number, self._look)

    def bring(self, number: int, options: dict[str, Any], *, by: str) -> None:
        """Begin to bring it in for good, or go on where it was stopped."""
        with self.database.write() as connection:
            upload_store.note_upload(
                connection,
                number,
                at=self.clock(),
                state=UploadState.BRINGING,
                options=options,
                asked_by=by,
            )
        self._start(number, self._bring)

    def find(self, number: int) -> Upload:
        """Give how far a file is. Raises NotFoundError."""
        with self.database.read() as connection:
            found = upload_store.find_upload(connection, number)
        if found is None:
            raise NotFoundError("readers: there is no such file")
        return found

    def run_of(self, upload: Upload) -> Run | None:
        """Give the import of a file, with how many records are in; None before it began."""
        with self.database.read() as connection:
            return import_store.last_run(connection, upload.fingerprint)

    def is_working(self, number: int) -> bool:
        """Tell whether a thread of this process is at it."""
        thread = self._working.get(number)
        return thread is not None and thread.is_alive()

    def wait(self, number: int) -> None:
        """Wait until the thread at a file has ended."""
        if (thread := self._working.get(number)) is not None:
            thread.join()

    def report(self, upload: Upload) -> Path | None:
        """Give the report line by line, if it lies on this machine: of the import, or the look."""
        if not upload.path:
            return None
        dry = upload.state is not UploadState.DONE
        path = report_path(Path(upload.path), dry=dry)
        return path if path.exists() else None

    def drop(self, number: int) -> None:
        """Clear a file from the disk; what it said stays."""
        upload = self.find(number)
        if upload.path:
            shutil.rmtree(Path(upload.path).parent, ignore_errors=True)
        with self.database.write() as connection:
            upload_store.note_upload(connection, number, at=self.clock(), path="")

    def clear(self) -> None:
        """Clear away files that nobody touched for a day."""
        with self.database.read() as connection:
            old = upload_store.old_uploads(connection, before=self.clock() - KEPT)
        for each in old:
            self.drop(each.id)

    # In a thread

    def _start(self, number: int, work: Callable[[Upload], None]) -> None:
        thread = threading.Thread(
            target=self._guarded, args=(number, work), name=f"readers-{number}", daemon=True
        )
        self._working[number] = thread
        thread.start()

    def _guarded(self, number: int, work: Callable[[Upload], None]) -> None:
        """Whatever goes wrong is written where the page that waits will see it."""
        try:
            work(self.find(number))
        except DigestError as error:
            self._failed(number, _without_folder(error), error.hint, error)
        except OSError as error:
            self._failed(number, f"the file cannot be read: {error.strerror}", "", error)
        except Exception as error:  # noqa: BLE001 - a thread of its own: nobody else would tell
            event(_LOG, "readers not brought in", logging.ERROR, error=type(error).__name__)
            self._failed(number, "something went wrong on our side", "Try it again.", error)

    def _failed(self, number: int, problem: str, hint: str, error: Exception) -> None:
        what = error.what.value if isinstance(error, UnsaidError) else ""
        again = isinstance(error, BroughtInError)
        found = {"problem": problem, "hint": hint, "what": what, "again": again}
        with self.database.write() as connection:
            upload_store.note_upload(
                connection, number, at=self.clock(), state=UploadState.FAILED, found=found
            )

    def _errand(self, upload: Upload) -> Errand:
        if not upload.path or not Path(upload.path).exists():
            raise NotFoundError(
                "readers: the file is not on this machine any more", hint="Send it once more."
            )
        asked = asked_of(upload)
        return errand_of(self.database, self.newsletters, asked, keep_ip=self.keep_ip)

    def _look(self, upload: Upload) -> None:
        errand = self._errand(upload)
        self._note(upload, lines=errand.tables.lines)
        with Report(report_path(Path(upload.path), dry=True)) as report:
            brought = look(
                self.database,
                errand,
                keys=self.keys,
                clock=self.clock,
                report=report,
                progress=self._told(upload),
            )
        facts = tally_facts(brought.tally)
        facts.pop("warned")  # addresses: they stand in the report, which goes with the file
        found = {
            **facts,
            "tables": [table_facts(each) for each in errand.tables.tables],
            "not_read": list(errand.tables.not_read),
            "nobody_joins": nobody_joins(errand),
        }
        self._note(
            upload,
            state=UploadState.LOOKED,
            was=UploadState.LOOKING,
            found=found,
            records=brought.tally.records,
        )

    def _bring(self, upload: Upload) -> None:
        errand = self._errand(upload)
        require_consent(errand, joins_nobody=nobody_joins(errand))
        self._note(upload, fingerprint=errand.fingerprint())

        def opened(run: Run | None) -> Report:
            return Report(Path(run.report) if run else report_path(Path(upload.path), dry=False))

        brought = bring_in(
            self.database,
            errand,
            keys=self.keys,
            clock=self.clock,
            report=opened,
            progress=self._told(upload, every=_ALIVE_EVERY),
            departures=self.departures,
            audit=audit_as(upload.asked_by),
            again=bool(upload.options.get("again")),
        )
        facts = tally_facts(brought.tally)
        facts.pop("warned")
        found = {**facts, "run": brought.run.id if brought.run else None}
        self._note(upload, state=UploadState.DONE, found=found)

    def _told(self, upload: Upload, *, every: float = _TOLD_EVERY) -> Callable[[int], None]:
        last = time.monotonic()

        def told(records: int) -> None:
            nonlocal last
            if time.monotonic() - last >= every:
                last = time.monotonic()
                self._note(upload, records=records)

        return told

    def _note(self, upload: Upload, **facts: Any) -> None:
        with self.database.write() as connection:
            upload_store.note_upload(connection, upload.id, at=self.clock(), **facts)


def asked_of(upload: Upload) -> FileAsked:
    """Give what was asked for of a file."""
    options = upload.options
    return FileAsked(
        files=(Path(upload.path),),
        slugs=tuple(options.get("slugs", ())),
        where_silent=options.get("where_silent") or None,
        renamed=tuple(options.get("renamed", ())),
        words=tuple(options.get("words", ())),
        tags=tuple(options.get("tags", ())),
        encoding=options.get("encoding") or None,
        consent=options.get("consent", ""),
    )


def is_stale(upload: Upload, now: datetime) -> bool:
    """Tell whether nothing has been heard of a file for so long that nobody works on it."""
    return now - upload.changed_at > timedelta(minutes=2)


def _without_folder(error: DigestError) -> str:
    """Give the sentence with the file's name, and not with where it lies on our disk."""
    return _FOLDER.sub("", str(error))
