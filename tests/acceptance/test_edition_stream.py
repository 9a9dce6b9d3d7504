"""What a page hears of its edition, over a real wire, and that the stream ends with the server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from digest.editions.model import Act, NewChoice
from digest.people.model import Role
from digest.workflow.approve import approve
from digest.workflow.choose import choose
from digest.workflow.halt import Person
from digest.workflow.send_now import send_now
from tests.acceptance.desk_paper import FRIDAY, DeskPaper, desk_paper
from tests.integration.desk_site import AtDesk

PATIENCE = 30.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskPaper]:
    with desk_paper(tmp_path) as paper:
        yield paper


def listen(desk: DeskPaper, who: AtDesk, doing: str = "") -> IO[bytes]:
    """Open the stream as a browser does."""
    cookie = next(each for each in who.client.cookies.jar if each.name.endswith("desk"))
    request = urllib.request.Request(  # noqa: S310 - this machine
        f"{desk.base_url}{desk.friday}/~events?doing={doing}",
        headers={"Cookie": f"desk={cookie.value}", "Accept-Encoding": "gzip"},
    )
    stream: IO[bytes] = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310 - as said
    return stream


def hear(stream: IO[bytes], name: str) -> dict[str, object]:
    """Wait for the next event of a name."""
    while line := stream.readline():
        if line.decode().strip() == f"event: {name}":
            told = json.loads(stream.readline().decode().removeprefix("data: "))
            assert isinstance(told, dict)
            return told
    raise AssertionError(f"the stream ended without {name}")


def test_a_page_hears_who_else_is_here_and_what_they_choose(desk: DeskPaper) -> None:
    alma, ben = desk.someone(name="Alma Penn"), desk.someone(Role.EDITOR, "Ben Ito")
    with listen(desk, alma) as stream:
        before = hear(stream, "state")
        assert hear(stream, "here") == {"others": []}
        with listen(desk, ben, doing="rewords%20a%20story") as other:
            assert hear(other, "here") == {"others": ["Alma Penn"]}
            assert hear(stream, "here") == {"others": ["Ben Ito, rewords a story"]}
            room, edition = desk.paper.app.newsroom, desk.paper.edition(FRIDAY)
            choose(room, room.newsletters[0], edition, NewChoice(Act.NOTE, text="Hi"), by="Ben")
            assert hear(stream, "state") != before


def test_a_page_hears_how_sending_goes(desk: DeskPaper) -> None:
    paper, alma = desk.paper, desk.someone()
    approve(paper.app.database, paper.edition(FRIDAY), by="Alma", clock=paper.watch)
    send_now(paper.app.database, paper.edition(FRIDAY), by=Person("Alma"), clock=paper.watch)
    paper.go("2026-01-09 06:37")
    with listen(desk, alma) as stream:
        assert hear(stream, "progress") == {"percent": 0, "words": "0 of 3"}
        paper.app.deliver(paper.edition(FRIDAY), progress=lambda _done: None)
        while (told := hear(stream, "progress"))["percent"] != 100:
            pass
        assert str(told["words"]).startswith("3 of 3")


def test_an_open_stream_does_not_keep_the_server_from_leaving(tmp_path: Path) -> None:
    with desk_paper(tmp_path) as desk:
        stream = listen(desk, desk.someone())
        hear(stream, "state")
    with stream:
        assert stream.read().count(b"event: nothing") == 0


def test_nobody_listens_without_being_signed_in(desk: DeskPaper) -> None:
    who = desk.someone()
    who.client.cookies.clear()
    answer = who.get(f"{desk.friday}/~events")
    assert (answer.status_code, "sign-in" in answer.headers["location"]) == (303, True)
