from __future__ import annotations

import pytest

from digest.sources.model import Gone
from tests.unit.sources.source_builders import ADDRESS, atom, read, rss

GONE = "http://purl.org/atompub/tombstones/1.0"
HISTORY = "http://purl.org/syndication/history/1.0"


def _atom(inside: str, *entries: str) -> bytes:
    return atom(*entries).replace(b"</feed>", f"{inside}</feed>".encode())


def test_stories_taken_back_are_told_by_guid_and_address() -> None:
    gone = (
        f'<at:deleted-entry xmlns:at="{GONE}" ref="urn:7" when="2026-01-09T06:15:00Z">'
        '<at:by><name>Desk</name></at:by><link rel="self" href="/no"/><link href="/seven"/>'
        f'</at:deleted-entry><at:deleted-entry xmlns:at="{GONE}" ref="urn:8"/>'
        f'<at:deleted-entry xmlns:at="{GONE}" ref=" "/><at:deleted-entry xmlns:at="{GONE}"/>'
        f'<at:deleted-entry xmlns:at="{GONE}"><link href="/nine"/></at:deleted-entry>'
    )
    feed = read(_atom(gone, "<title>T</title>"))
    assert feed.gone == (
        Gone("urn:7", "https://gazette.example/seven"),
        Gone("urn:8"),
        Gone(None, "https://gazette.example/nine"),
    )
    assert [story.headline for story in feed.stories] == ["T"]


def test_a_feed_that_says_so_shows_all_it_has() -> None:
    mark = f'<fh:complete xmlns:fh="{HISTORY}"/>'
    assert read(_atom(mark, "<title>T</title>")).complete
    assert not read(atom("<title>T</title>")).complete


@pytest.mark.parametrize(
    "content",
    [
        _atom(f'<fh:complete xmlns:fh="{HISTORY}"/>', "<title>T</title>", "<title/>"),
        _atom(
            f'<fh:complete xmlns:fh="{HISTORY}"/><link rel="next" href="?2"/>', "<title>T</title>"
        ),
        _atom(f'<fh:complete xmlns:fh="{HISTORY}"/>&nbsp;', "<title>T</title>"),
        atom(f'<title>T</title><fh:complete xmlns:fh="{HISTORY}"/>'),
    ],
)
def test_a_feed_that_may_lack_a_story_is_never_complete(content: bytes) -> None:
    assert not read(content).complete


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ('<link rel="next" href="?page=2"/>', f"{ADDRESS}?page=2"),
        (f'<link rel="next" href="{ADDRESS}"/>', None),
        ('<link rel="next" href="javascript:x"/>', None),
        (f'<fh:archive xmlns:fh="{HISTORY}"/><link rel="next" href="?page=2"/>', None),
        ('<x:link xmlns:x="urn:x" rel="next" href="?page=2"/>', None),
    ],
)
def test_a_paged_feed_names_its_next_page_and_an_archive_does_not(
    link: str, address: str | None
) -> None:
    assert read(_atom(link)).next_address == address


def test_what_stands_outside_a_story_is_not_a_storys() -> None:
    channel = '<media:thumbnail url="/t.jpg"/><image><url>/logo.jpg</url></image>'
    (story,) = read(rss("<title>T</title>", channel=channel)).stories
    assert story.picture is None
