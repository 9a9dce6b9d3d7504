"""The desk's page of sources: how each fares, and what people may do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.errors import UsageError
from digest.people.audit_store import audit_of
from digest.people.model import Role
from digest.sources.fetch import Fetcher
from digest.sources.model import SourceKind
from digest.sources.parsing import Parser
from digest.sources.store import source_states
from digest.workflow import sourcing
from digest.workflow.status import overview
from tests.builders import OpenPaper, Paper, opening, url_of
from tests.integration.cli_site import run
from tests.integration.desk_site import AtDesk, at_desk, text_of
from tests.integration.sources_newsroom import HERE, answer, running_site

FEED = (
    b"<rss version='2.0'><channel><title>Town Hall</title>"
    b"<item><title>Tide tables</title><link>https://post.example/tide</link></item>"
    b"</channel></rss>"
)
TOWN = {"kind": "feed", "address": "https://town.example/feed", "name": "town", "every": "1h"}


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    made = opened()
    made.publish("Ferry returns", "Council votes", "Choir wins", "Crane falls")
    return made


def add(desk: AtDesk, **more: str) -> int:
    return desk.post("sources/add", {**TOWN, **more}).status_code


def names(paper: Paper) -> list[str]:
    return [spec.name for spec in paper.app.sources]


def act(desk: AtDesk, verb: str, name: str = "town") -> int:
    return desk.post(f"sources/{verb}", {"source": name}).status_code


def test_a_source_of_the_file_shows_its_line_its_state_and_its_last_stories(paper: Paper) -> None:
    paper.watch.at += timedelta(minutes=2)
    words = text_of(at_desk(paper.app).get("sources"))
    path = paper.app.settings.file
    assert path is not None
    line = path.read_text("utf-8").splitlines().index("[sources.site]") + 1
    assert f"digest.toml, line {line}: changed there" in words
    assert "site Well feed" in words
    assert "It was last read 2 minutes ago." in words
    assert "2 min ago Crane falls 2 min ago Choir wins 2 min ago Council votes" in words
    assert "Ferry returns" not in words
    assert "Remove" not in words


def test_a_source_that_fails_says_why(paper: Paper) -> None:
    paper.feed.unlink()
    paper.watch.at += timedelta(hours=1)
    paper.app.collect(force=True)
    page = at_desk(paper.app).get("sources")
    words = text_of(page)
    assert "site Failing" in words
    assert "It failed 1 time; it was last read 60 minutes ago." in words
    assert '<p class="fault">' in page.text


def test_what_was_looked_at_is_added_and_stands_in_the_audit(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    assert add(desk) == 303
    (spec,) = [each for each in paper.app.sources if each.name == "town"]
    assert (spec.kind, spec.address) == (SourceKind.FEED, "https://town.example/feed")
    assert (spec.every, spec.zone) == (timedelta(hours=1), "Europe/London")
    words = text_of(desk.get("sources"))
    assert "town is added. The collector reads it in its next round." in words
    assert "town New feed https://town.example/feed It has not been asked yet." in words
    with paper.app.database.read() as connection:
        (entry,) = audit_of(connection, ["town"])
    assert desk.me is not None
    assert (entry.actor, entry.verb) == (desk.me.actor, "source.add")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"name": "Town Hall"}, "a name is lower-case letters"),
        ({"name": "site"}, "the name is taken by digest.toml"),
        ({"kind": "sql"}, "not a source that is added here"),
        ({"kind": "markdown", "address": "/etc"}, "not a source that is added here"),
        ({"kind": "nonsense"}, "no such kind"),
        ({"address": "/etc/passwd"}, "not a web address"),
        ({"address": "file:///etc/passwd"}, "not a web address"),
        ({"every": "1s"}, "every 30 seconds at most"),
        ({"every": "soon"}, "'soon'"),
    ],
)
def test_what_will_not_do_is_refused_with_its_reason(
    paper: Paper, more: dict[str, str], says: str
) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    refused = desk.post("sources/add", {**TOWN, **more})
    assert refused.status_code == 422
    assert says in text_of(refused)
    assert names(paper) == ["site"]


def test_an_address_that_is_read_already_is_told(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    add(desk)
    refused = desk.post("sources/add", {**TOWN, "name": "again"})
    assert refused.status_code == 409
    assert "it is read already, as town" in text_of(refused)


@pytest.mark.parametrize("address", ["/etc/passwd", "feed.xml", "~/notes", "http://127.0.0.1/", ""])
def test_no_file_and_no_inner_address_is_ever_looked_at(paper: Paper, address: str) -> None:
    refused = at_desk(paper.app, Role.EDITOR).post("sources/look", {"address": address})
    assert refused.status_code == 422
    assert "This is what stands there" not in text_of(refused)


def test_looking_tells_what_stands_at_an_address_and_suggests_a_name() -> None:
    with running_site() as site, Parser() as parser:
        site.pages["/feed"] = answer(FEED)
        offer = sourcing.look(
            site.url("/feed"), {"site"}, fetcher=Fetcher(), parser=parser, allow=HERE
        )
    assert offer.found.kind is SourceKind.FEED
    assert [story.headline for story in offer.found.reading.stories] == ["Tide tables"]
    assert offer.name == "site-2"


def test_a_file_of_this_machine_is_no_web_address(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(FEED)
    with Parser() as parser, pytest.raises(UsageError, match="not a web address"):
        sourcing.look(str(tmp_path / "feed.xml"), (), fetcher=Fetcher(), parser=parser)


def test_a_source_rests_and_is_asked_by_nobody_until_it_is_taken_up_again(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    add(desk)
    assert act(desk, "pause") == 303
    assert names(paper) == ["site"]
    assert "town Rests feed, since Thu 8 January, 12:00" in text_of(desk.get("sources"))
    assert not any("town" in need for need in overview(paper.app.newsroom).needs)
    assert act(desk, "pause") == 404
    assert act(desk, "refresh") == 404
    assert act(desk, "resume") == 303
    assert names(paper) == ["site", "town"]
    assert act(desk, "resume") == 404


def test_one_that_rests_keeps_its_name_and_can_be_removed(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    add(desk)
    act(desk, "pause")
    assert add(desk, address="https://other.example/feed") == 422
    assert act(desk, "remove") == 303
    assert add(desk, address="https://other.example/feed") == 303
    assert names(paper) == ["site", "town"]


def test_a_source_of_the_file_neither_rests_nor_goes(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.ADMIN)
    assert [act(desk, verb, "site") for verb in ("pause", "remove")] == [404, 404]
    assert names(paper) == ["site"]


def test_refresh_has_the_collector_ask_in_its_next_round(paper: Paper) -> None:
    paper.app.collect(force=True)
    paper.watch.at += timedelta(seconds=1)
    assert paper.app.collect() == []
    desk = at_desk(paper.app, Role.EDITOR)
    assert act(desk, "refresh", "site") == 303
    assert "site is asked as soon as the collector runs" in text_of(desk.get("sources"))
    assert [polled.source for polled in paper.app.collect()] == ["site"]


def test_while_a_collector_runs_refresh_says_that_it_is_now(paper: Paper) -> None:
    paper.app.beat("scheduler")
    desk = at_desk(paper.app, Role.EDITOR)
    act(desk, "refresh", "site")
    words = text_of(desk.get("sources"))
    assert "site is asked" in words


def test_stories_brought_by_hand_are_no_source_to_be_asked(paper: Paper) -> None:
    from digest.sources.bring import keep  # noqa: PLC0415 - beside its one use
    from digest.sources.model import FoundStory  # noqa: PLC0415 - the same

    story = FoundStory("Bridge closed", "https://post.example/bridge")
    keep(paper.app.database, story, clock=paper.watch, zone="Europe/London")
    desk = at_desk(paper.app, Role.EDITOR)
    assert "Stories brought by hand Last stories just now Bridge closed" in text_of(
        desk.get("sources")
    )
    assert [act(desk, verb, "by-hand") for verb in ("refresh", "pause")] == [404, 404]


def test_a_viewer_sees_the_sources_and_has_no_button(paper: Paper) -> None:
    desk = at_desk(paper.app, Role.VIEWER)
    page = desk.get("sources")
    assert page.status_code == 200
    assert "<form" not in page.text
    assert [act(desk, verb, "site") for verb in ("refresh", "pause", "remove")] == [403] * 3
    assert add(desk) == 403
    with paper.app.database.read() as connection:
        assert [state.name for state in source_states(connection)] == ["site"]


def test_the_command_names_what_rests(paper: Paper, tmp_path: Path) -> None:
    desk = at_desk(paper.app, Role.EDITOR)
    add(desk)
    act(desk, "pause")
    ran = run("-c", str(paper.app.settings.file), "sources", "list", folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "town rests since" in ran.out
