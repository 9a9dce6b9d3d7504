"""Door: what `digest serve` is: one process that has everything loaded, and its forked children.

The settings in force are those in memory. A changed digest.toml is tried here first: the whole
installation is opened with it. Only if that goes well do the children make place for others that
have it; if not, all goes on as before, and a child that crashes comes back as it was.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from digest import log
from digest.app import App, open_app
from digest.children import end_idle
from digest.cli.failures import failure
from digest.cli.settings import require_sound
from digest.config import Settings
from digest.config.reload import read_again
from digest.db import DatabaseTrouble
from digest.delivery.settle import without_addresses
from digest.errors import DigestError
from digest.forked import CAN_FORK, Forked, fork, trim
from digest.log import event
from digest.notify_systemd import Family, ToldStop, stop_for, watch_of, while_answering
from digest.scheduler import run_scheduler
from digest.supervisor import Start, by_command, stop_signals, stop_with_parent, supervise
from digest.web.mount import pages_of
from digest.web.server import open_socket, serve_until
from digest.worker import run_worker
from digest.workflow.home import note_settings
from digest.workflow.kept_store import kept_stamp

_LOG = logging.getLogger("digest.serve")
CHILDREN = ("web", "scheduler", "worker")
_PORT_PATIENCE = 3.0
_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 15.0

_Stamp = tuple[int, int, int]


@dataclass
class Serving:
    """One installation being served: its settings in force, its port, its children's beginnings."""

    path: Path
    app: App
    listening: socket.socket
    family: Family | None = None
    written: Settings | None = None
    """What the file says of the settings in force: beside it, the desk keeps some of its own."""
    _kept: int = field(default=0)
    """The desk's changes that are in force, as a number that only grows."""
    _seen: _Stamp | None = field(default=None)
    """The file as it was when it was judged last."""
    _changing: _Stamp | None = field(default=None)
    """The file as the last look found it: it is judged when it stays so for a second."""
    _look_at: float = field(default=0.0)

    def __post_init__(self) -> None:
        """Take the file for judged as it is."""
        self._seen = self._changing = _stamp(self.path)
        self._kept = self._kept_now()

    def run(self, stop: threading.Event) -> None:
        """Keep the children running until `stop` is set."""
        self._note("")
        supervise(
            CHILDREN,
            start=self.start if CAN_FORK else self._by_command(),
            stop=stop,
            tell=self._tell_crash,
            renewed=self.is_renewed,
            beside=("web",),
            family=self.family,
        )

    def _tell_crash(self, name: str, code: int) -> None:
        self.app.tell_crash(name, code)  # the app that is in force then

    def _by_command(self) -> Start:  # pragma: no cover - Windows
        """Start each child as its own command, which opens the port and reads the file itself."""
        self.listening.close()
        # Without -P a folder named `digest` where the command is typed would be run in our place.
        return by_command([sys.executable, "-P", "-m", "digest", "--config", str(self.path)])

    def start(self, name: str) -> Forked:
        """Fork a child. Raises OSError."""
        self.app.database.close()  # a connection is for one process
        end_idle(0)
        return fork(lambda: self._child(name), name=name, keep={self.listening.fileno()})

    def _child(self, name: str) -> int:
        if self.family is not None:
            os.environ.update(self.family.environment(name))
            os.environ.pop("WATCHDOG_PID", None)
        log.set_up(as_json=self.app.settings.log.format == "json", process=name)
        stop = stop_for(name, watch_of(os.environ))
        try:
            with stop_signals(stop), contextlib.closing(self.app):
                stop_with_parent(stop)
                threading.Thread(target=_rest, name="rest", daemon=True).start()
                self._work(name, stop)
        except Exception as error:  # noqa: BLE001 - one line, as a command says it; we restart it
            found = failure(error)
            words = " ".join(found.sentence.split())
            event(_LOG, f"{name} failed", logging.ERROR, error=words, hint=found.hint)
            return found.code
        return 0

    def _work(self, name: str, stop: ToldStop) -> None:
        if name == "scheduler":
            run_scheduler(self.app, stop=stop)
        elif name == "worker":
            run_worker(self.app, stop=stop)
        else:
            where = self.app.settings.web
            with while_answering(stop.watch, where.host, where.port):
                serve_until(
                    stop,
                    pages_of(self.app),
                    where.host,
                    where.port,
                    trusted_proxies=where.trusted_proxies,
                    listening=self.listening,
                )

    def is_renewed(self) -> bool:
        """Look after the settings file; True when the children shall begin anew with it."""
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_SECONDS
        before, self._changing = self._changing, _stamp(self.path)
        if self._changing != before:
            return False  # somebody is writing it just now
        is_new, self._seen = self._changing != self._seen, self._changing
        try:
            return self._take() if is_new else self._follow_desk()
        except (DigestError, DatabaseTrouble, OSError) as error:
            self._refuse(error)
            return False

    def _follow_desk(self) -> bool:
        """Put in force what somebody changed on the desk. Raises DigestError."""
        kept = self._kept_now()
        if kept == self._kept:
            return False
        self._kept = kept
        self._swap(open_app(self._former, clock=self.app.clock), self.listening)
        event(_LOG, "settings changed on the desk: the children begin anew with them")
        return True

    def _kept_now(self) -> int:
        """Give the number of the desk's changes; while the database is away, that in force."""
        try:
            with self.app.database.read() as connection:
                return kept_stamp(connection)
        except (DigestError, DatabaseTrouble):
            return self._kept

    @property
    def _former(self) -> Settings:
        return self.written or self.app.settings

    def _take(self) -> bool:
        """Put what stands there in force; False when that is in force. Raises DigestError."""
        former = self._former
        require = functools.partial(require_sound, path=self.path)
        settings = read_again(self.path, former, require=require)
        if settings is None:
            self._note("")
            return False
        listening = self.listening
        if settings.web.listen != former.web.listen:
            listening = open_socket(settings.web.host, settings.web.port)
        try:
            app = open_app(settings, clock=self.app.clock)
        except BaseException:
            if listening is not self.listening:
                listening.close()
            raise
        self._swap(app, listening)
        self.written = settings
        self._note("")
        event(_LOG, "settings changed: the children begin anew with them")
        return True

    def _swap(self, app: App, listening: socket.socket) -> None:
        former, self.app = self.app, app
        former.close()
        if listening is not self.listening:
            self.listening.close()
            self.listening = listening

    def _refuse(self, error: Exception) -> None:
        """Say in the log, in `digest status` and by mail that the settings stay as they were."""
        found = failure(error)
        words = without_addresses(" ".join(found.sentence.split()))
        event(_LOG, "settings refused, the former go on", logging.ERROR, why=words, hint=found.hint)
        self._note(words)
        with contextlib.suppress(DigestError, DatabaseTrouble):  # the database itself may be away
            self.app.tell_operators(
                key=f"settings:{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()[:12]}",
                what="the changed settings are refused",
                detail=words,
                remedy="The former ones are in force until it is mended: digest config check",
            )

    def _note(self, words: str) -> None:
        with (
            contextlib.suppress(DigestError, DatabaseTrouble),
            self.app.database.write() as connection,
        ):
            note_settings(connection, words)


def _rest() -> None:
    """Let go, all along, of the processes that read and render when there is nothing to do."""
    time.sleep(_IDLE_SECONDS)
    trim()  # of what the beginning took, which is the most there is for a while
    while True:
        end_idle(_IDLE_SECONDS)
        time.sleep(_IDLE_SECONDS)


def _stamp(path: Path) -> _Stamp | None:
    """Tell one state of a file from another; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@contextlib.contextmanager
def opened_serving(path: Path, settings: Settings, family: Family | None) -> Iterator[Serving]:
    """Open an installation and its port, to be served. Raises DigestError."""
    where = settings.web
    listening = _patient_socket(where.host, where.port)  # first: a page asked for now is waited for
    try:
        serving = Serving(path, open_app(settings), listening, family, written=settings)
    except BaseException:
        listening.close()
        raise
    try:
        yield serving
    finally:
        serving.listening.close()
        serving.app.close()


def _patient_socket(host: str, port: int) -> socket.socket:
    """Listen; the child of a serve that was killed may still be leaving. Raises DigestError."""
    patience_ends = time.monotonic() + _PORT_PATIENCE
    while True:
        try:
            return open_socket(host, port)
        except DigestError:
            if time.monotonic() >= patience_ends:
                raise
            time.sleep(0.2)
