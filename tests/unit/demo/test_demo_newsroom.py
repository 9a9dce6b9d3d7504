from __future__ import annotations

from calendar import timegm
from datetime import datetime, timedelta
from itertools import combinations

import feedparser
import pytest

from digest.demo.newsroom import (
    MORNING,
    SECTIONS,
    ZONE,
    DemoStory,
    feed_xml,
    stories_at,
)
from digest.demo.pictures import SCENES
from digest.editions.duplicates import headline_words

BASE = "http://127.0.0.1:8025"
ALL = stories_at(MORNING)


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def by_slug(slug: str, at: datetime = MORNING) -> DemoStory:
    return next(story for story in stories_at(at) if story.slug == slug)


def published_between(after: str, until: str) -> list[DemoStory]:
    return [s for s in ALL if london(after) < s.published_at <= london(until)]


def test_the_paper_has_two_weeks_of_stories_in_five_sections() -> None:
    assert len(ALL) >= 44
    assert {story.section for story in ALL} == set(SECTIONS)
    assert min(story.published_at for story in ALL) >= london("2025-12-27 00:00")
    assert {category for story in ALL for category in story.categories} == {
        *("Local", "Council", "Sport", "Sailing", "Culture", "What's on", "Business", "Harbour")
    }


def test_the_last_day_fills_a_daily_and_the_week_a_weekly() -> None:
    assert 14 <= len(published_between("2026-01-08 06:30", "2026-01-09 06:30")) <= 18
    assert 28 <= len(published_between("2026-01-02 23:59", "2026-01-09 23:59")) <= 36


@pytest.mark.parametrize("story", ALL, ids=lambda story: story.slug)
def test_every_story_is_whole_and_of_newspaper_length(story: DemoStory) -> None:
    words = sum(len(text.split()) for text in story.paragraphs)
    assert 30 <= len(story.headline) <= 110 or story.slug == "rope-walk-cars-to-move"
    assert 3 <= len(story.paragraphs) <= 8
    assert 100 <= words <= 350
    assert 30 <= len(story.standfirst) <= 160
    assert story.author
    assert story.picture is None or (story.picture.name in SCENES and story.picture.alt)
    assert not any(mark in story.body_html for mark in ("TODO", "  ", "\t", " - ", '"'))


def test_headlines_are_mostly_of_a_size_that_a_subject_can_hold() -> None:
    assert sum(45 <= len(story.headline) <= 75 for story in ALL) > len(ALL) * 0.8
    assert max(len(story.headline) for story in ALL) == pytest.approx(165, abs=5)


def test_about_two_thirds_have_a_picture() -> None:
    assert 0.6 <= sum(story.picture is not None for story in ALL) / len(ALL) <= 0.75


def test_guids_and_addresses_are_all_different() -> None:
    assert len({story.guid for story in ALL}) == len(ALL)
    assert len({story.path for story in ALL}) == len(ALL)


def test_the_newest_stands_first() -> None:
    assert list(ALL) == sorted(ALL, key=lambda s: (s.published_at, s.slug), reverse=True)


def test_one_event_is_told_twice_and_only_one() -> None:
    alike = [
        {one.slug, other.slug}
        for one, other in combinations(ALL, 2)
        if _containment(one.headline, other.headline) >= 0.5
    ]
    assert alike == [{"gull-island-ferry-cancelled", "islanders-stranded-by-ferry-fault"}]


def _containment(one: str, other: str) -> float:
    words, others = headline_words(one), headline_words(other)
    return len(words & others) / min(len(words), len(others))


def test_a_story_changes_over_night_and_keeps_its_guid_and_date() -> None:
    evening = by_slug("fish-market-roof-vote", london("2026-01-08 18:00"))
    morning = by_slug("fish-market-roof-vote")
    assert evening.headline == "Fish market’s future rests on tonight’s council vote"
    assert morning.headline.startswith("Fish market saved")
    assert morning.paragraphs != evening.paragraphs
    assert (morning.guid, morning.path, morning.published_at) == (
        evening.guid,
        evening.path,
        evening.published_at,
    )
    assert (evening.updated_at, morning.updated_at) == (None, london("2026-01-09 05:50"))


def test_a_late_story_bears_wednesdays_date_and_appears_on_friday() -> None:
    late = by_slug("boatyard-pilot-cutters")
    assert late.published_at == london("2026-01-07 15:10")
    assert late not in stories_at(london("2026-01-09 06:09"))
    assert late in stories_at(london("2026-01-09 06:10"))


def test_a_future_story_is_in_the_feed_before_its_time() -> None:
    future = by_slug("lifeboat-named-for-swimming-teacher")
    assert future.published_at == london("2026-01-09 09:00") > MORNING
    assert future.appears_at < MORNING


def test_a_correction_stands_last_in_the_text_once_it_was_made() -> None:
    before = by_slug("lighthouse-lamp-changes", london("2026-01-06 12:00"))
    after = by_slug("lighthouse-lamp-changes")
    assert (before.correction, "149" in before.body_html) == ("", True)
    assert after.body_html.endswith(f"<p><em>{after.correction}</em></p>")
    assert after.headline == before.headline


def test_one_story_has_a_recording_of_twelve_minutes_twenty() -> None:
    recorded = [story for story in ALL if story.audio]
    assert [story.audio for story in recorded] == [timedelta(minutes=12, seconds=20)]


def test_nothing_is_there_before_the_first_story() -> None:
    assert stories_at(london("2025-12-01 12:00")) == ()
    feed = feedparser.parse(feed_xml(london("2025-12-01 12:00"), BASE))
    assert (feed.bozo, len(feed.entries)) == (False, 0)


@pytest.mark.parametrize("at", ["2025-12-30 12:00", "2026-01-08 18:00", "2026-01-09 06:30"])
def test_the_feed_is_well_formed_and_says_what_the_newsroom_has(at: str) -> None:
    feed = feedparser.parse(feed_xml(london(at), BASE))
    assert not feed.bozo
    assert [(e.id, e.title, e.link) for e in feed.entries] == [
        (s.guid, s.headline, BASE + s.path) for s in stories_at(london(at))
    ]


def test_an_item_of_the_feed_carries_text_author_sections_and_picture() -> None:
    feed = feedparser.parse(feed_xml(MORNING, BASE))
    item = next(e for e in feed.entries if e.title.startswith("Café Zoë & Sons"))
    story = by_slug("cafe-zoe-and-sons-customs-house")
    assert story.picture
    assert (item.author, item.summary) == (story.author, story.standfirst)
    assert [tag.term for tag in item.tags] == ["Business"]
    assert item.content[0].value == story.body_html
    assert item.media_content == [
        {
            "url": f"{BASE}/newsroom/pictures/quay-windows.jpg",
            "medium": "image",
            "type": "image/jpeg",
            "width": "1600",
            "height": "900",
        }
    ]
    assert item.media_credit == [{"role": "illustrator", "content": "Harbour Post"}]
    assert timegm(item.published_parsed) == story.published_at.timestamp()


def test_the_recording_is_an_enclosure_with_its_length_in_time() -> None:
    feed = feedparser.parse(feed_xml(MORNING, BASE))
    item = next(e for e in feed.entries if e.enclosures)
    assert item.enclosures[0].href == f"{BASE}/newsroom/audio/last-of-the-net-menders.wav"
    assert (item.enclosures[0].type, item.itunes_duration) == ("audio/wav", "12:20")


def test_the_feed_changes_only_when_the_paper_does() -> None:
    assert feed_xml(london("2026-01-08 18:11"), BASE) == feed_xml(london("2026-01-08 19:00"), BASE)
    assert feed_xml(london("2026-01-09 05:49"), BASE) != feed_xml(london("2026-01-09 05:50"), BASE)


def test_a_limited_feed_keeps_the_newest() -> None:
    feed = feedparser.parse(feed_xml(MORNING, BASE, limit=10))
    assert [e.id for e in feed.entries] == [story.guid for story in ALL[:10]]
