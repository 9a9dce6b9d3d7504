"""Door to the terminal: how an edition leaves, read from the database whoever sends it.

On a terminal it is drawn in place, twice a second; elsewhere one line a minute is printed, as a log
is read. What is drawn vanishes at the end: the command then says how the edition stands.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from digest.cli.output import say
from digest.cli.wording import short_time
from digest.delivery.progress import Course, Pace, Snapshot
from digest.editions.model import EditionState
from digest.errors import DigestError
from digest.workflow.status import SendingView, sending_view

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Edition

_BAR_COLUMNS = 54
_LOOK_SECONDS = 0.5
_SAMPLE_SECONDS = 1.0
_LINE_SECONDS = 60.0
_MINUTE, _HOUR = 60, 3600
_LONGEST = 7 * 24 * _HOUR
"""Of what takes longer nobody knows the end."""
_FULL, _EMPTY = "█", "░"
_SLOW, _FAST = 0.5, 100


def look(app: App, edition: Edition) -> SendingView:
    """Look at an edition on its way, with what the limits of the settings hold back."""
    return sending_view(app.newsroom, edition.id, rules=app.limits)


def sampled(app: App, edition: Edition) -> tuple[SendingView, Pace]:
    """Look twice, a second apart, where there is a pace to be seen."""
    course, view = Course(), look(app, edition)
    pace = course.add(Snapshot(time.monotonic(), view.tally))
    if view.is_moving:
        time.sleep(_SAMPLE_SECONDS)
        view = look(app, edition)
        pace = course.add(Snapshot(time.monotonic(), view.tally))
    return view, pace


def pace_line(view: SendingView, pace: Pace, app: App) -> str:
    """Say `2,069 of 4,812     7.2 a second     6 min 22 s left     done about 07:11`."""
    parts = [f"{pace.done:,} of {pace.total:,}"]
    if view.edition.state is EditionState.SENDING and view.tally.planned:
        if pace.per_second:
            parts.append(rate_words(pace.per_second))
        if pace.seconds_left is not None and pace.seconds_left < _LONGEST:
            ends = app.clock() + timedelta(seconds=pace.seconds_left)
            parts += [f"{left_words(pace.seconds_left)} left", f"done about {_hour(ends, app)}"]
    return "     ".join(parts)


def rate_words(per_second: float) -> str:
    """Say `7.2 a second`, `1,204 a second`, `12 a minute`."""
    if per_second >= _FAST:
        return f"{per_second:,.0f} a second"
    if per_second >= _SLOW:
        return f"{per_second:.1f} a second"
    return f"{per_second * _MINUTE:.0f} a minute"


def left_words(seconds: float) -> str:
    """Say `40 s`, `6 min 22 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def deferred_words(view: SendingView, zone: str) -> str:
    """Say `outlook.com 4, yahoo.com 2; again at 07:26`; nothing where nobody put anything off."""
    named = [f"{each.domain or 'others'} {each.n:,}" for each in view.deferred]
    rest = view.tally.deferred - sum(each.n for each in view.deferred)
    if named and rest > 0:
        named.append(f"{rest:,} more")
    if not named or view.next_retry_at is None:
        return ", ".join(named)
    return f"{', '.join(named)}; again at {hour_of(view.next_retry_at, zone)}"


def waiting_words(view: SendingView, app: App) -> list[str]:
    """Say why nothing leaves although there are copies, one sentence each."""
    sending = view.edition.state is EditionState.SENDING
    if not sending or not view.tally.open:
        return []
    words = [each for each in (view.edition.reason, *view.waits) if each]
    due_at = view.hands.due_at
    if view.hands.leased or not view.tally.planned or due_at is None:
        return words
    if due_at > app.clock():
        zone = app.settings.site.timezone
        words.append(f"the next copies leave at {short_time(due_at, zone)}")
    elif not words:
        words.append("nobody sends it just now")
    return words


def drawing(view: SendingView, pace: Pace, app: App, keys: Sequence[str]) -> list[str]:
    """Draw an edition on its way, for a terminal of 80 columns."""
    filled = pace.filled(_BAR_COLUMNS)
    bar = _FULL * filled + _EMPTY * (_BAR_COLUMNS - filled)
    counts = [
        ("accepted", view.tally.accepted, ""),
        ("deferred", view.tally.deferred, deferred_words(view, app.settings.site.timezone)),
        ("failed", view.tally.failed, ""),
        ("skipped", view.tally.skipped, "left before it could be sent to them"),
        ("uncertain", view.tally.uncertain, "they may or may not have it"),
    ]
    width = max(len(f"{n:,}") for _, n, _ in counts)
    rows = [
        f"  {name:<11}{n:>{width},}   {words}".rstrip()
        for name, n, words in counts
        if n or name in {"accepted", "deferred", "failed"}
    ]
    waits = [f"  {words}" for words in waiting_words(view, app)]
    return [
        f"  {bar}   {pace.percent} %",
        f"  {pace_line(view, pace, app)}",
        "",
        *rows,
        *(["", *waits] if waits else []),
        "",
        f"  {'     '.join(keys)}",
    ]


def hour_of(at: datetime, zone: str) -> str:
    """Say `07:26`, local in the zone."""
    return short_time(at, zone).rpartition(" ")[2]


def _hour(at: datetime, app: App) -> str:
    return hour_of(at, app.settings.site.timezone)


def log_line(view: SendingView, what: str, app: App) -> str:
    """Say `07:01:00 daily 1204 progress     accepted=428  deferred=0  failed=0`."""
    hour = app.clock().astimezone().strftime("%H:%M:%S")
    tally, edition = view.tally, view.edition
    counts = [f"{name}={getattr(tally, name)}" for name in ("accepted", "deferred", "failed")]
    if tally.uncertain:
        counts.append(f"uncertain={tally.uncertain}")
    if view.next_retry_at is not None:
        counts.append(f"next={_hour(view.next_retry_at, app)}")
    if edition.state is EditionState.SENDING and edition.reason:
        counts.append(f"waits: {edition.reason}")
    return f"{hour} {edition.slug} {edition.number} {what:<12} {'  '.join(counts)}"


@dataclass
class Watch:
    """Shows how an edition leaves, from a thread of its own, while the block runs.

    `keys` are the words below the drawing; `on_stop` is what the key `s` does.
    """

    app: App
    edition: Edition
    keys: Sequence[str] = ()
    on_stop: Callable[[], object] | None = None
    silent: bool = False
    line_seconds: float = _LINE_SECONDS
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self.silent:
            show = self._draw if sys.stdout.isatty() else self._print
            self._thread = threading.Thread(target=show, name="watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _looks(self, every: float) -> Iterator[SendingView]:
        """Give what there is to see until the end; a database that is busy is asked again."""
        while not self._done.wait(every):
            with contextlib.suppress(DigestError):
                yield look(self.app, self.edition)

    def _print(self) -> None:
        printed, first_pass = time.monotonic(), False
        for view in self._looks(min(_LOOK_SECONDS, self.line_seconds)):
            if time.monotonic() - printed < self.line_seconds:
                continue
            printed = time.monotonic()
            is_first = not view.tally.planned and not first_pass
            first_pass = first_pass or is_first
            say(log_line(view, "first-pass" if is_first else "progress", self.app))

    def _draw(self) -> None:
        from rich.live import Live
        from rich.text import Text

        course = Course()
        with _keyboard() as pressed, Live(Text(), transient=True, refresh_per_second=4) as live:
            for view in self._looks(_LOOK_SECONDS / 2):
                pace = course.add(Snapshot(time.monotonic(), view.tally))
                lines = drawing(view, pace, self.app, self.keys)
                live.update(Text("\n".join(lines), no_wrap=True, overflow="crop"))
                if "s" in pressed() and self.on_stop is not None:
                    with contextlib.suppress(DigestError):  # its last copy went a moment ago
                        self.on_stop()


@contextlib.contextmanager
def _keyboard() -> Iterator[Callable[[], str]]:
    """Give what was pressed since the last look, without waiting for Enter; Ctrl-C stays itself."""
    if os.name != "posix" or not sys.stdin.isatty():
        yield lambda: ""
        return
    import termios
    import tty

    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)

    def pressed() -> str:
        ready, _, _ = select.select([stdin], [], [], 0)
        return os.read(stdin, 64).decode("ascii", "replace") if ready else ""

    try:
        tty.setcbreak(stdin)
        yield pressed
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


def watch_others(
    app: App, edition: Edition, *, stop: threading.Event, on_stop: Callable[[], object]
) -> bool:
    """Watch another process send, until each copy had its first try; False if told to leave."""
    keys = ("s stop it", f"Ctrl-C leave it running, watch: digest status {edition.slug}")
    with Watch(app, edition, keys=keys, on_stop=on_stop):
        while not stop.wait(_LOOK_SECONDS):
            view = look(app, edition)
            if view.edition.state is not EditionState.SENDING or not view.tally.planned:
                return True
    return False
