"""What a killed collector runs: polls, looks at pages, prepares; told by lines what and when.

Run: python -m tests.acceptance.living_child SETTINGS
Each line of standard input is `collect TIME` or `advance TIME`; `done` answers it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digest.app import App, open_app
from digest.config import load
from digest.sources.fetch import Fetcher
from digest.workflow.advance import advance


class _Watch:
    at = datetime(2026, 3, 16, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def main(settings: str) -> None:
    watch = _Watch()
    opened = open_app(load(Path(settings)), clock=watch)
    fetcher = Fetcher(clock=watch, resolve=_here)
    app = replace(opened, fetcher=fetcher, newsroom=replace(opened.newsroom, fetcher=fetcher))
    print("ready", flush=True)  # noqa: T201 - what the parent waits for
    for line in sys.stdin:
        verb, _, when = line.strip().partition(" ")
        watch.at = datetime.fromisoformat(when)
        _do(app, verb)
        print("done", flush=True)  # noqa: T201 - the same
    app.close()


def _here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def _do(app: App, verb: str) -> None:
    if verb == "collect":
        app.collect()
        app.visit()
    else:
        advance(app.newsroom)


if __name__ == "__main__":
    main(sys.argv[1])
