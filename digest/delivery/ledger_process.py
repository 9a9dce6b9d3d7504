"""Door: what runs in the ledger's own process; see `digest.delivery.apart`."""

from __future__ import annotations

import gc
import pickle
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digest.clock import utc_now
from digest.db import Database
from digest.delivery.journal import Journal
from digest.delivery.ledger import Ledger, Wanted
from digest.delivery.ledger_words import (
    AnswerWords,
    LoadedWords,
    answers_of,
    heard,
    loaded_words,
    said,
)
from digest.delivery.limit_rules import LimitRules
from digest.delivery.limits import Limits
from digest.delivery.renewal import Renewed, Wishes
from digest.errors import DatabaseError

CODE = (
    "import sys; sys.path[:] = sys.argv[2:]\n"
    "from digest.delivery import ledger_process; ledger_process.run(int(sys.argv[1]))"
)
"""What the process is started with; the rest of its command line is where to import from."""


_COLLECT_AFTER = 5_000


@dataclass(frozen=True, slots=True)
class Begin:
    """What the process is told first. The journal's folder is held by the sender, for both."""

    url: str
    durable: bool
    folder: Path
    owner: str
    rules: LimitRules
    sync: bool


def run(descriptor: int) -> None:
    """Do what the sender asks at the other end of the socket, until that closes."""
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])  # as the sender does, for its reasons
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the sender says when: it still has results to write
    with Connection(descriptor) as line:
        work = _Work(heard(line.recv_bytes()))
        line.send_bytes(b"ready")
        try:
            while True:
                verb, given = heard(line.recv_bytes())
                line.send_bytes(_done(work.verbs[verb], given))
        except (EOFError, OSError):
            pass
        finally:
            work.database.close()


def _done(work: Callable[..., object], given: tuple[Any, ...]) -> bytes:
    try:
        return said((True, work(*given)))
    except Exception as error:  # noqa: BLE001 - raised again where it was asked for
        return _failure(error)


def _failure(error: Exception) -> bytes:
    """Say what was raised; what does not survive the way is told in words."""
    try:
        words = said((False, error))
        pickle.loads(words)  # noqa: S301 - our own, a moment ago
    except Exception:  # noqa: BLE001 - whatever its class does
        return said((False, DatabaseError(f"ledger: {type(error).__name__}: {error}")))
    return words


class _Work:
    """A ledger that writes turns and claims copies for a sender in another process."""

    def __init__(self, begin: Begin) -> None:
        self.database = Database(begin.url)
        self.database.durable = begin.durable
        self._ledger = Ledger(
            self.database,
            Journal(begin.folder, begin.owner),
            Limits(begin.rules, clock=utc_now),
            clock=utc_now,
            repeatable=False,  # only recovery and settling ask, which stay with the sender
            retry_crashed=False,
            retry_unanswered=False,
            durable=begin.sync,
        )
        self.verbs: Mapping[str, Callable[..., object]] = {
            "claim": self._claim,
            "turn": self._turn,
            "unknown": lambda most: self._ledger.unknown_domains(most=most),
            "know": self._ledger.know,
        }

    def _claim(self, wanted: Wanted) -> list[LoadedWords]:
        loaded = self._ledger.claim(wanted)
        words = [loaded_words(each) for each in loaded]
        for each in loaded:
            each.file.close()  # the sender opens it, and removes it
        return words

    def _turn(
        self, words: list[AnswerWords], bounced: tuple[str, ...], wishes: Wishes
    ) -> tuple[set[tuple[int, int, int]], Renewed, int]:
        written = self._ledger.write_turn([answers_of(each) for each in words], bounced, wishes)
        return {each.key for each in written.lost}, written.renewed, written.senders
