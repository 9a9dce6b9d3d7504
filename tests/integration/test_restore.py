"""A backup of the middle of a send, put back: no second copy, and who left since stays out."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.app import open_app
from digest.config import load
from digest.db import Database
from digest.delivery.model import Tally
from digest.editions.model import Cadence
from digest.errors import DigestError, NotFoundError, WorkflowError
from digest.outbox.store import notice
from digest.people import sessions, sign_in, user_store, users
from digest.people.model import How, Role, SessionRules
from digest.site_values import newsletter_spec
from digest.workflow.backup import backup
from digest.workflow.halt import Person
from digest.workflow.home import confirm
from digest.workflow.restore import Restored, Source, restore
from digest.workflow.restore_decide import Decision, decide, require_decided, undecided
from digest.workflow.restore_store import UNKNOWN
from subscribers import leaving
from subscribers.model import Act
from tests.builders import Paper, a_newsletter, moment, open_paper, url_of
from tests.integration.pg_bin import server_programs
from tests.integration.sending_room import run
from tests.integration.smtp_sink import SmtpSink, smtp_sink

READERS = [f"reader{n}@reader.example" for n in range(1, 41)]
STORIES = {"min": 3, "top": 1, "max": 12, "max_age": "8d"}
BY = Person("ann")
ALMA = "alma.penn@post.example"
FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"


@dataclass
class Site:
    """An installation that sends to a sink, and what becomes of its backup."""

    paper: Paper
    sink: SmtpSink
    folder: Path
    new_server: str = ""

    @property
    def copies(self) -> Counter[str]:
        """How often each edition reached each reader, by the sink's own count."""
        return Counter(f"{_edition_in(each.body)} {each.recipient}" for each in self.sink.taken)

    def send(self, *, until: int | None = None) -> None:
        """Send what is due; stop where so many messages are with the sink."""
        app = self.paper.app
        if app.why_frozen():
            return  # as the worker does
        with app.database.hold("sender"), app.sender() as sender:
            if until is None:
                run(sender)
            else:
                sender.run(
                    stop=lambda: len(self.sink.accepted) >= until,
                    on_progress=lambda _sent: None,
                )

    def leave(self, address: str) -> None:
        app = self.paper.app
        act = Act(self.paper.watch.at, "command")
        departures = app.departures
        leaving.unsubscribe_address(app.database, address, None, act, departures=departures)

    def back_up(self) -> Path:
        app, target = self.paper.app, self.folder / "backup.tar.gz"
        config = self.folder / "site" / "digest.toml"
        return backup(app.database, app.settings, config, target, clock=self.paper.watch).path

    def restore(self, file: Path, *, unsubscribes: Path | None = None) -> Restored:
        """Put a backup into an empty folder, and open what comes of it in the old one's place."""
        source = Source(file, self.new_server, unsubscribes)
        into = self.folder / "new"
        self.paper.app.close()
        done = restore(source, into, clock=self.paper.watch, cadences=cadences)
        shutil.copy(self.paper.feed, into / "feed.xml")
        self.paper.feed = into / "feed.xml"
        self.paper.app = open_app(load(done.config), clock=self.paper.watch)
        return done

    def confirm(self) -> None:
        """Say that this is the home, as `digest home confirm` does, and start it."""
        app = self.paper.app
        assert app.newsroom.home is not None
        with app.database.write() as connection:
            confirm(connection, app.newsroom.home, by="ann", now=self.paper.watch.at)
        settings = app.settings
        app.close()
        self.paper.app = open_app(settings, clock=self.paper.watch)

    def decide(self, address: str, decision: Decision) -> int:
        app = self.paper.app
        return decide(app.database, address, decision, by=BY, clock=app.clock).reopened


def _edition_in(body: bytes) -> str:
    """Find which edition a message is, by the day of the story that its subject names."""
    subject = str(message_from_bytes(body, policy=policy.default)["Subject"])
    of = {"2026-01-08": "friday", "2026-01-11": "monday"}
    return next(name for day, name in of.items() if day in subject)


def days_in(site: Site, address: str) -> set[str]:
    """Give the days of the stories that an edition has."""
    return {headline.rpartition(" ")[2] for headline in site.paper.headlines(address)}


def once(edition: str, readers: Collection[str]) -> Counter[str]:
    """Give what the sink has counted when each of these got an edition once."""
    return Counter(f"{edition} {each}" for each in readers)


def cadences(config: Path) -> Mapping[str, Cadence]:
    settings = load(config, resolve=False)
    return {slug: newsletter_spec(slug, settings).cadence for slug in settings.newsletters}


@pytest.fixture
def site(
    database: Database, empty_server: str, server_programs: None, tmp_path: Path
) -> Iterator[Site]:
    """A daily with forty readers and the stories of Thursday, on each kind of database."""
    assert server_programs is None
    with smtp_sink() as sink:
        mail = {
            "from": "Harbour Post <news@letters.post.example>",
            "smtp": {"host": "127.0.0.1", "port": sink.port, "tls": "none"},
            "connections": 1,
            "max_per_second": 10_000,
        }
        people: dict[str, list[str]] = {"editors": [], "operators": []}
        paper = open_paper(
            tmp_path / "site",
            "2026-01-08 12:00",
            database=url_of(database),
            mail=mail,
            people=people,
            sources={"site": {"feed": "feed.xml", "every": "30s"}},
            newsletters={"daily": a_newsletter(release="auto", stories=STORIES)},
        )
        for each in READERS:
            paper.reader(each)
        paper.news("2026-01-08")
        made = Site(paper, sink, tmp_path, "" if database.is_sqlite else empty_server)
        yield made
        made.paper.app.close()


@pytest.fixture
def empty_server(database: Database, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database on the same server, where there is one."""
    if database.is_sqlite:
        yield ""
        return
    postgres = request.getfixturevalue("_postgres")
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def _half_way(site: Site) -> Path:
    """Send a part of Friday's edition; give a backup of that moment."""
    site.paper.go("2026-01-09 06:30")
    site.paper.go("2026-01-09 07:00")
    site.sink.accept_seconds = 0.05
    site.send(until=5)
    site.sink.accept_seconds = 0
    assert 5 <= len(site.sink.taken) < len(READERS)
    return site.back_up()


def _serve(site: Site, *hours: str) -> None:
    """Take the steps of a scheduler and of a sender at these hours."""
    for hour in hours:
        site.paper.go(hour)
        site.paper.app.collect(force=True)
        site.send()


def _monday(site: Site) -> None:
    """Live through the weekend, with new stories on Sunday, until Monday's edition is sent."""
    site.paper.news("2026-01-11")
    _serve(site, "2026-01-11 19:00", "2026-01-12 06:30", "2026-01-12 07:00", "2026-01-12 07:10")
    assert site.paper.editions()[MONDAY] == "sent"


@pytest.mark.parametrize("decision", [Decision.SENT, Decision.LEAVE, None])
def test_put_back_from_the_middle_of_a_send_nobody_gets_a_second_copy_and_who_left_stays_out(
    decision: Decision | None, site: Site
) -> None:
    file = _half_way(site)
    before = len(site.sink.taken)
    waiting = READERS[-1]
    site.leave(waiting)  # whose copy was still planned in the backup
    site.send()
    site.paper.watch.at = moment("2026-01-09 11:00")
    site.leave(READERS[0])
    friday = once("friday", READERS[:-1])
    assert site.copies == friday

    site.paper.watch.at = moment("2026-01-09 13:00")
    done = site.restore(file)
    assert [(each.address, each.copies) for each in done.undecided] == [
        (FRIDAY, len(READERS) - before)
    ]
    assert done.replayed.applied == 2
    assert site.paper.editions() == {FRIDAY: "stopped"}
    _serve(site, "2026-01-09 13:01", "2026-01-09 16:00")  # frozen, as nobody has confirmed
    assert site.copies == friday
    if decision is not None:
        assert site.decide(FRIDAY, decision) == 0
        assert undecided(site.paper.app.database) == []
        assert site.paper.editions() == {FRIDAY: "sent"}
    site.confirm()
    _serve(site, "2026-01-09 17:00", "2026-01-10 07:00")
    assert site.copies == friday
    _monday(site)
    assert site.copies == friday + once("monday", READERS[1:-1])
    assert days_in(site, MONDAY) == {"2026-01-11"}
    unsure = 0 if decision is Decision.SENT else len(READERS) - before
    assert site.paper.tally(FRIDAY) == Tally(accepted=len(READERS) - unsure, uncertain=unsure)
    assert site.sink.violations == []


def test_what_was_not_sent_goes_on_where_the_backup_was(site: Site) -> None:
    file = _half_way(site)
    before = len(site.sink.taken)
    site.paper.watch.at = moment("2026-01-09 07:30")
    site.restore(file)
    with pytest.raises(WorkflowError, match=f"restore: {FRIDAY}: nobody has said yet"):
        require_decided(site.paper.app.database)
    assert site.decide(FRIDAY, Decision.NOT_SENT) == len(READERS) - before
    assert site.paper.editions() == {FRIDAY: "sending"}
    require_decided(site.paper.app.database)
    site.send()
    assert len(site.sink.taken) == before, "it is frozen still"
    site.confirm()
    site.send()
    assert site.copies == once("friday", READERS)
    assert site.paper.editions() == {FRIDAY: "sent"}
    assert site.paper.tally(FRIDAY) == Tally(accepted=len(READERS))
    with pytest.raises(NotFoundError, match="nothing to decide"):
        site.decide(FRIDAY, Decision.SENT)


@pytest.mark.parametrize("decision", [Decision.SENT, Decision.NOT_SENT])
def test_an_edition_made_after_the_backup_is_not_made_again(decision: Decision, site: Site) -> None:
    file = site.back_up()
    _serve(site, "2026-01-09 06:30", "2026-01-09 07:00", "2026-01-09 07:10")
    friday = once("friday", READERS)
    assert site.copies == friday
    site.paper.watch.at = moment("2026-01-09 13:00")
    done = site.restore(file)
    assert [(each.address, each.copies) for each in done.undecided] == [(FRIDAY, 0)]
    site.decide(FRIDAY, decision)
    site.confirm()
    _serve(site, "2026-01-09 17:00", "2026-01-10 07:00")
    assert site.copies == friday
    _monday(site)
    assert site.copies == friday + once("monday", READERS)
    lost = set() if decision is Decision.SENT else {"2026-01-08"}
    assert days_in(site, MONDAY) == {"2026-01-11"} | lost
    assert undecided(site.paper.app.database) == []


@pytest.mark.parametrize(
    ("decision", "state"), [(Decision.SENT, "sent"), (Decision.NOT_SENT, "held")]
)
def test_an_edition_that_waited_for_its_hour_is_decided_on_and_does_not_go_by_itself(
    decision: Decision, state: str, site: Site
) -> None:
    site.paper.go("2026-01-09 06:30")
    file = site.back_up()
    site.paper.watch.at = moment("2026-01-09 13:00")
    done = site.restore(file)
    assert [(each.address, each.copies) for each in done.undecided] == [(FRIDAY, 0)]
    site.confirm()
    _serve(site, "2026-01-09 13:10", "2026-01-09 17:00")
    assert site.copies == {}
    site.decide(FRIDAY, decision)
    assert site.paper.editions() == {FRIDAY: state}
    _serve(site, "2026-01-09 18:00")
    assert site.copies == {}
    _monday(site)
    assert site.copies == once("monday", READERS)
    back = set() if decision is Decision.SENT else {"2026-01-08"}
    assert days_in(site, MONDAY) == {"2026-01-11"} | back


def test_one_whose_hour_has_not_come_yet_goes_as_if_nothing_had_been(site: Site) -> None:
    site.paper.go("2026-01-09 06:30")
    file = site.back_up()
    site.paper.watch.at = moment("2026-01-09 06:45")
    assert site.restore(file).undecided == ()
    site.confirm()
    _serve(site, "2026-01-09 07:00", "2026-01-09 07:10")
    assert site.copies == once("friday", READERS)


def test_departures_of_another_machine_are_added_and_those_without_a_file_are_told(
    site: Site,
) -> None:
    site.leave(READERS[0])
    file = site.back_up()
    live = site.paper.app.settings.storage.unsubscribes
    site.leave(READERS[1])
    later = site.folder / "as-it-was-last"
    live.rename(later)
    site.leave(READERS[2])  # into a file that begins anew
    text = later.read_text("utf-8").splitlines(keepends=True)
    later.write_text(
        "".join([*live.read_text("utf-8").splitlines(keepends=True), text[-1]]), "utf-8"
    )
    live.unlink()
    done = site.restore(file, unsubscribes=later)
    assert (done.departures_from, done.replayed.applied) == (later, 2)
    left = [each for each in READERS if _has_left(site, each)]
    assert left == READERS[:3]


def _has_left(site: Site, address: str) -> bool:
    query = sa.text(
        "SELECT n.state FROM subscription n JOIN subscriber s ON s.id = n.subscriber_id"
        " WHERE s.address_key = :key"
    )
    with site.paper.app.database.read() as connection:
        return bool(connection.execute(query, {"key": address}).scalar_one() == "unsubscribed")


def test_other_mail_to_readers_that_waited_is_not_sent_again_and_staff_is_told_all_the_same(
    site: Site,
) -> None:
    values = {"facts": {}, "state": "waiting", "created_at": moment("2026-01-08 12:00")}
    values |= {"next_at": moment("2026-01-08 12:00")}
    with site.paper.app.database.write() as connection:
        for kind in ("welcome", "editors"):
            row = {"dedupe_key": kind, "kind": kind, "to_address": f"{kind}@reader.example"}
            connection.execute(sa.insert(notice).values(**row, **values))
    done = site.restore(site.back_up())
    assert done.stopped_notices == 1
    with site.paper.app.database.read() as connection:
        found = connection.execute(sa.select(notice.c.kind, notice.c.state, notice.c.reply))
        mine = {row.kind: (row.state, row.reply) for row in found}
    assert mine == {"welcome": ("failed", UNKNOWN), "editors": ("waiting", "")}


# What is refused


def test_a_folder_that_is_not_empty_is_not_touched(site: Site) -> None:
    file = site.back_up()
    into = site.folder / "new"
    into.mkdir()
    (into / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(DigestError, match="it is not an empty folder"):
        restore(Source(file, site.new_server), into, clock=site.paper.watch, cadences=cadences)
    assert [path.name for path in into.iterdir()] == ["mine.txt"]


def test_the_database_must_be_of_the_same_kind_and_empty(site: Site) -> None:
    file, into = site.back_up(), site.folder / "new"
    old = site.paper.app.database
    wrong = "" if site.new_server else "postgresql://nobody@127.0.0.1/none"
    with pytest.raises(DigestError, match="its database is one of"):
        restore(Source(file, wrong), into, clock=site.paper.watch, cadences=cadences)
    if site.new_server:
        with pytest.raises(DigestError, match="it is not empty"):
            restore(Source(file, url_of(old)), into, clock=site.paper.watch, cadences=cadences)
    assert not into.exists()


def test_whatever_goes_wrong_leaves_the_folder_empty(site: Site) -> None:
    def fail(_config: Path) -> Mapping[str, Cadence]:
        raise InterruptedError("pulled the plug")

    into = site.folder / "new"
    file = site.back_up()
    with pytest.raises(DigestError, match="restore: "):
        restore(Source(file, site.new_server), into, clock=site.paper.watch, cadences=fail)
    assert list(into.iterdir()) == []


__all__ = ["server_programs"]


def test_who_was_signed_in_at_the_desk_is_not_after_a_restore(site: Site) -> None:
    now = site.paper.watch.at
    with site.paper.app.database.write() as connection:
        alma = users.add(connection, ALMA, ALMA, role=Role.ADMIN, actor="test", at=now)
        token = sessions.begin(connection, alma, how=How.LINK, device="A test", at=now).token
        link = sign_in.new_link(connection, alma, url=lambda word: word, now=now)
    site.restore(site.back_up())
    database = site.paper.app.database
    assert sessions.find(database, token, now=now, rules=SessionRules()) is None
    assert sign_in.by_link(database, link, device="A test", now=now) is None
    with database.read() as connection:
        assert [each.name for each in user_store.list_users(connection)] == ["Alma Penn"]
