"""Door to a process next door that does a big edition's work at the ledger.

The lines of a sender and its ledger want the interpreter at the same moment, and hand it to and fro
for every message and every statement: beside each other in one process they cost nearly twice what
they cost apart. So from some thousands of copies on, turns are written and copies are claimed by a
process that does nothing else. It remembers nothing: whenever it is gone, the next turn is written
here again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from digest.clock import utc_now
from digest.db import Database
from digest.delivery.journal import Journal
from digest.delivery.lease_store import Answers
from digest.delivery.ledger import Ledger, Loaded, Wanted, Written
from digest.delivery.ledger_process import CODE, Begin
from digest.delivery.ledger_words import answer_words, heard, loaded_of, said
from digest.delivery.limits import Limits
from digest.delivery.renewal import Wishes
from digest.errors import DigestError
from digest.log import event

_LOG = logging.getLogger(__name__)
_LEAVE_SECONDS = 5.0
_START_SECONDS = 30.0
FROM = 4_000
"""Copies of a run from which on it pays: a process takes about a second to begin."""


class LedgerGoneError(DigestError):
    """The process that wrote the ledger has ended; its last turn stands there, or does not."""


def can_be_apart(database: Database, clock: object) -> bool:
    """Tell whether a process next door would help, and would know what we know.

    It reads the machine's clock, and needs a processor of its own and a database with a name.
    """
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    named = database.url.database not in {None, "", ":memory:"}
    return os.name == "posix" and processors > 1 and clock is utc_now and named


class LedgerApart(Ledger):
    """A ledger that works in this process until a run has become long, then next door."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        limits: Limits,
        *,
        begins_after: int = FROM,
        **rules: Any,
    ) -> None:
        """Keep the tools; `rules` are `Ledger`'s. Begin next door after so many copies of a run.

        Until that process is ready, which takes about a second, the work is done here; with 0 it is
        waited for.
        """
        super().__init__(database, journal, limits, **rules)
        self._begin = Begin(
            url=database.url.render_as_string(hide_password=False),
            durable=database.durable,
            folder=journal.folder,
            owner=journal.owner,
            rules=limits.rules,
            sync=rules["durable"],
        )
        self._begins_after = begins_after
        self._claimed = 0
        self._other: _Other | None = None
        self._has_failed = False

    def claim(self, wanted: Wanted) -> list[Loaded]:
        """Lease what is due, here or next door. Raises LedgerGoneError, and what `Ledger` does."""
        other = self._next_door()
        if other is None:
            loaded = super().claim(wanted)
        else:
            loaded = [loaded_of(each) for each in self._ask(other, "claim", wanted)]
        self._claimed += sum(len(each.lease.copies) for each in loaded)
        return loaded

    def write_turn(
        self, answers: Sequence[Answers], bounced: Collection[str], wishes: Wishes
    ) -> Written:
        """Write a turn, here or next door. Raises LedgerGoneError, and what `Ledger` does."""
        other = self._next_door()
        if other is None:
            return super().write_turn(answers, bounced, wishes)
        words = [answer_words(each) for each in answers]
        lost, renewed, senders = self._ask(other, "turn", words, tuple(bounced), wishes)
        gone = [each.lease for each in answers if each.lease.key in lost]
        return Written(gone, renewed, senders)

    def unknown_domains(self, *, most: int) -> list[str]:
        """List domains whose provider was not asked for lately, of copies claimed there too."""
        found = super().unknown_domains(most=most)
        if self._other is not None and self._other.is_ready() and len(found) < most:
            found += self._ask(self._other, "unknown", most - len(found))
        return found

    def know(self, groups: Mapping[str, str]) -> None:
        """Remember which providers stand behind domains, there too."""
        super().know(groups)
        if self._other is not None and self._other.is_ready():
            self._ask(self._other, "know", dict(groups))

    def rest(self) -> None:
        """End the process next door: the run is over."""
        self._claimed, self._has_failed = 0, False
        other, self._other = self._other, None
        if other is not None:
            other.end()

    def _next_door(self) -> _Other | None:
        """Give the process once it is ready to work; begin it when it is time to."""
        if self._other is None and self._claimed >= self._begins_after and not self._has_failed:
            try:
                self._other = _Other(self._begin, wait=0 if self._begins_after else _START_SECONDS)
            except OSError as error:
                self._has_failed = True
                event(_LOG, "the ledger stays here", logging.WARNING, error=str(error))
        if self._other is None or not self._other.is_ready():
            return None
        return self._other

    def _ask(self, other: _Other, verb: str, *given: object) -> Any:
        try:
            done, answer = other.ask(verb, *given)
        except (EOFError, OSError) as error:
            self._has_failed, self._other = True, None
            other.end()
            raise LedgerGoneError(
                f"ledger: its process ended: {type(error).__name__}",
                hint="Nothing is lost by it: the next turn is written without it.",
            ) from error
        if not done:
            raise answer
        return answer


class _Other:
    """The process, as we see it."""

    def __init__(self, begin: Begin, *, wait: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Its own session: Ctrl-C in a terminal asks us, and we ask it, by closing the socket.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", CODE, str(theirs.fileno()), *sys.path],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._line = Connection(ours.detach())
        self._line.send_bytes(said(begin))
        self._is_ready = False
        self._wait = wait

    def is_ready(self) -> bool:
        """Tell whether it has begun; one that could not is asked, and found to be gone."""
        if not self._is_ready and self._line.poll(self._wait):
            with contextlib.suppress(EOFError, OSError):
                self._line.recv_bytes()
            self._is_ready = True
        return self._is_ready

    def ask(self, verb: str, *given: object) -> tuple[bool, Any]:
        """Have something done; True with the answer, False with what was raised."""
        self._line.send_bytes(said((verb, given)))
        done, answer = heard(self._line.recv_bytes())
        return done, answer

    def end(self) -> None:
        """Let it leave; what it is writing is finished or was never begun."""
        self._line.close()
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
