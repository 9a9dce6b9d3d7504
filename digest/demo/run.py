"""The demo: one morning of a made-up newsroom, from its feed to twenty-five mailboxes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from digest.app import App, open_app
from digest.clock import shifted
from digest.config import load
from digest.delivery.model import Tally
from digest.demo.desk import way_in
from digest.demo.inbox import inbox_routes
from digest.demo.readers import READERS
from digest.demo.server import newsroom_routes
from digest.demo.settings import demo_toml
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState, Selection
from digest.errors import DigestError
from digest.scheduler import run_scheduler
from digest.sources import article_store
from digest.sources import store as sources
from digest.web.mount import pages_of
from digest.web.server import open_socket, serve_web
from digest.worker import run_worker
from digest.workflow.advance import advance
from digest.workflow.approve import approve
from subscribers import store as readers
from subscribers.model import Act
from subscribers.signup import add

Tell = Callable[[str], None]

POLLS = (
    datetime(2026, 1, 8, 8, 0, tzinfo=UTC),
    datetime(2026, 1, 8, 18, 0, tzinfo=UTC),
    datetime(2026, 1, 9, 6, 25, tzinfo=UTC),
)
"""When the demo's collector looked at the feed: the first import, an evening, the last morning."""

CUT_OFF = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
SEND_AT = datetime(2026, 1, 9, 7, 0, tzinfo=UTC)
_HOST, _USUAL_PORT = "127.0.0.1", 8025
_SERVER_PATIENCE = 10.0


@dataclass
class Morning:
    """The demo's clock: it is set by hand through the morning, and runs on afterwards."""

    at: datetime = POLLS[0]
    _running: Callable[[], datetime] | None = field(default=None, repr=False)

    def __call__(self) -> datetime:
        """Tell the moment (aware UTC)."""
        return self._running() if self._running else self.at

    def run_on(self) -> None:
        """Let the clock go from where it stands."""
        self._running = shifted(self.at)


@dataclass(frozen=True, slots=True)
class Told:
    """What the morning came to."""

    edition: Edition
    selection: Selection
    tally: Tally


def run_demo(
    *, keep: Path | None, once: bool, port: int | None, tell: Tell, stop: threading.Event
) -> Told:
    """Do the whole way on this machine, in a folder that is kept or forgotten.

    The same folder again goes on where the last run ended, however that ended. With `once` it
    ends when all is sent; else the pages stay up, the clock runs on from 07:00 and scheduler and
    sender work, until `stop`. `port` 0 is any free one, None the usual one; a kept folder stays at
    its own unless another is named. Raises DigestError.
    """
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digest-")))
        config = settle_in(folder, port, once=once)
        clock = Morning()
        app = open_app(load(config), clock=clock)
        stack.callback(app.close)
        base_url = stack.enter_context(_serving(app, clock, config))
        tell(f"{app.settings.site.name}, a newsroom in a box.")
        tell("Nothing leaves this machine: mail goes to a local inbox.")
        tell("")
        told = _morning(app, clock, tell)
        if not once:
            clock.run_on()
            _tell_addresses(tell, base_url, told, config if keep else None, desk=way_in(app))
            _live_on(app, stop)
        return told


def settle_in(folder: Path, port: int | None, *, once: bool) -> Path:
    """Make the demo's folder and settings, or find those of an earlier run; give digest.toml.

    Raises DigestError when the folder cannot be made or holds another site's settings.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DigestError(
            f"demo: {folder}: cannot be made: {error.strerror}", hint="Name another with --keep."
        ) from error
    path = folder.resolve() / "digest.toml"
    if not path.exists():
        usual = 0 if once else _USUAL_PORT  # nobody looks at a demo that leaves
        _write(path, _first_settings(path, _free_port(usual if port is None else port)))
        return path
    settings = load(path)
    if settings.storage.database != f"sqlite:///{path.parent / 'digest.db'}":
        raise DigestError(
            f"demo: {path}: not the settings of a demo in this folder, and were left as they are",
            hint="Name an empty or a new folder with --keep.",
        )
    if port and port != settings.web.port:
        old = re.compile(rf"{re.escape(_HOST)}:{settings.web.port}(?!\d)")
        _write(path, old.sub(f"{_HOST}:{_free_port(port)}", path.read_text(encoding="utf-8")))
    return path


def _free_port(port: int) -> int:
    try:
        with open_socket(_HOST, port) as free:
            chosen: int = free.getsockname()[1]
    except DigestError as error:
        raise DigestError(
            str(error), hint="Stop the program that listens there, or name another: --port N"
        ) from error
    return chosen


def _first_settings(path: Path, port: int) -> str:
    return demo_toml(
        base_url=f"http://{_HOST}:{port}",
        maildir=path.parent / "mailbox",
        database=f"sqlite:///{path.parent / 'digest.db'}",
        keys=path.parent / "keys",
        port=port,
    )


def _write(path: Path, text: str) -> None:
    # Written beside and renamed: a kill half-way must not leave half a file for the next run.
    partial = path.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


@contextmanager
def _serving(app: App, clock: Morning, config: Path) -> Iterator[str]:
    """Serve newsroom, inbox and public pages from a thread while the block runs."""
    base_url = app.settings.web.public_url
    pages = Starlette(
        routes=[
            *newsroom_routes(clock, base_url),
            *inbox_routes(config.parent / "mailbox"),
            Mount("/", pages_of(app)),
        ]
    )
    ready, failed = threading.Event(), list[Exception]()
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    where = app.settings.web

    def serve() -> None:
        try:
            loop.run_until_complete(
                serve_web(pages, where.host, where.port, stopped, told=lambda _url: ready.set())
            )
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            failed.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=serve, name="demo-web", daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise _with_remedy(failed[0], config) from failed[0]
    try:
        yield base_url
    finally:
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stopped.set)
        thread.join(_SERVER_PATIENCE)


def _with_remedy(error: Exception, config: Path) -> Exception:
    if not isinstance(error, DigestError):
        return error
    folder = shlex.quote(str(config.parent))
    return DigestError(
        str(error),
        hint=(
            "Perhaps a demo runs on the same folder: stop it. To move to another port:"
            f" digest demo --keep {folder} --port N   (its old letters link to the old one)"
        ),
    )


def _morning(app: App, clock: Morning, tell: Tell) -> Told:
    _collect(app, clock)
    _readers(app, clock)
    with app.database.read() as connection:
        count = article_store.count_articles(connection)
    names = ", ".join(n.spec.name for n in app.newsroom.newsletters)
    for name, value in (
        ("Stories", f"{count} from the sample feed"),
        ("Newsletters", names),
        ("Readers", f"{len(READERS)}, all at reader.example"),
        ("Clock", "set to Fri 9 Jan 2026, 06:30 in London"),
    ):
        tell(f"  {name:<12} {value}")
    tell("")
    edition, selection = _edition(app, clock, tell)
    return Told(edition, selection, _send(app, clock, edition, tell))


def _collect(app: App, clock: Morning) -> None:
    """Poll as the day went; an earlier run's polls are not repeated with an older feed."""
    with app.database.read() as connection:
        states = sources.source_states(connection)
    done_at = max((state.last_ok_at for state in states if state.last_ok_at), default=None)
    for at in POLLS:
        clock.at = at
        if done_at is not None and done_at >= at:
            continue
        polled = app.collect(force=True)
        for one in polled:
            if one.problem:
                raise DigestError(f"demo: {one.source}: {one.problem}")


def _readers(app: App, clock: Morning) -> None:
    daily = app.newsroom.newsletters[0].id
    weekly = app.newsroom.newsletters[1].id
    with app.database.read() as connection:
        size = readers.count_subscribers(connection)
    for number, reader in enumerate(READERS):
        if number < size:
            continue  # an earlier run added them; whoever left since stays away
        asked_at = datetime.combine(reader.since, clock.at.timetz())
        wanted = [daily, weekly] if number % 2 else [daily]
        add(app.database, reader.address, wanted, Act(asked_at, "demo"), keys=app.keys)


def _edition(app: App, clock: Morning, tell: Tell) -> tuple[Edition, Selection]:
    clock.at = CUT_OFF
    started = time.perf_counter()
    for step in advance(app.newsroom):
        if step.problem:
            raise DigestError(f"demo: {step.edition} {step.what}: {dict(step.facts)}")
    daily = app.newsroom.newsletters[0]
    with app.database.read() as connection:
        edition = editions.find_edition(connection, daily, local_date=CUT_OFF.date())
        if edition is None:
            raise DigestError("demo: no edition was made")
        selection = candidate_store.load_selection(connection, edition.id)
    composition = app.composition(edition)
    chosen, out = len(selection.chosen), len(selection.left_out)
    tell(f"  Choosing stories    {chosen + out} candidates   {chosen} in   {out} left out")
    html, text = len(composition.html.encode()), len(composition.text.encode())
    took = time.perf_counter() - started
    tell(f"  Composing           {html // 1024} KB HTML      {text // 1024} KB text   {took:.1f} s")
    return edition, selection


def _send(app: App, clock: Morning, edition: Edition, tell: Tell) -> Tally:
    clock.at = SEND_AT
    with app.database.read() as connection:
        state = editions.edition_by_id(connection, edition.id).state
    if state in {EditionState.IN_REVIEW, EditionState.HELD}:
        approve(app.database, edition, by="demo", clock=clock)
    advance(app.newsroom)
    started = time.perf_counter()
    sent = app.deliver(edition, progress=lambda _done: None)
    if sent.problem:
        raise DigestError(f"demo: {sent.problem}")
    tally = app.tally(edition)
    took = time.perf_counter() - started
    tell(f"  Sending             {tally.accepted} of {tally.total} accepted   {took:.1f} s")
    tell("")
    return tally


def _tell_addresses(
    tell: Tell, base_url: str, told: Told, config: Path | None, *, desk: str
) -> None:
    tell(f"  The desk        {desk}")
    tell(f"  Readers' inbox  {base_url}/inbox")
    tell(f"  The edition     {base_url}/{told.edition.address}")
    tell(f"  Public pages    {base_url}/subscribe")
    tell(f"  The newsroom    {base_url}/newsroom")
    tell("")
    if config is not None:
        tell("Try next, in another terminal")
        for words in ("status", 'explain "harbour"', "explain daily", "subscribers list"):
            tell(f"  digest -c {config} {words}")
        tell("")
        tell(f"Press Ctrl-C to stop. {config.parent} is kept.")
    else:
        tell("Press Ctrl-C to stop. The demo keeps nothing; --keep DIR would.")


def _live_on(app: App, stop: threading.Event) -> None:
    """Let scheduler and sender work on the demo's clock until `stop`; raise what ends either."""
    failed: list[Exception] = []

    def work(run: Callable[..., None]) -> None:
        try:
            run(app, stop=stop)
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            failed.append(error)
            stop.set()

    workers = [
        threading.Thread(target=work, args=(run,), name=run.__name__, daemon=True)
        for run in (run_scheduler, run_worker)
    ]
    for worker in workers:
        worker.start()
    stop.wait()
    for worker in workers:
        worker.join(_SERVER_PATIENCE)
    for error in failed:
        raise error
