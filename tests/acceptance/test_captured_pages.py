"""Real captured pages, from the file to the letter."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from digest.app import App, open_app
from digest.clock import fixed, utc_now
from digest.config import load
from digest.config.writing import first_settings
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.cadence import next_slot
from digest.editions.model import Place
from digest.sources import article_store
from digest.sources.collect import collect
from digest.workflow.advance import carry
from digest.workflow.due import take

FURNITURE = ("Newsletter", "Related Articles", "0:00", "Close", "×")


@pytest.fixture
def app(tmp_path: Path, seeds: Path) -> App:
    text = first_settings(
        name="The Islands",
        url="https://islands.example",
        feed="https://islands.example/feed/",
        timezone="America/Tortola",
        host="islands.example",
    )
    text = re.sub(r"\[sources\.site\].*?(?=\[sections\])", "", text, flags=re.DOTALL)
    path = tmp_path / "digest.toml"
    path.write_text(f"{text}\n[sources.captures]\npage = {str(seeds)!r}\n")
    return open_app(load(path), clock=fixed(utc_now()))


def _paragraphs(page: str) -> set[str]:
    """Read a capture's body the plain way: every long line before the furniture."""
    body = page.partition("\nNewsletter\n")[0]
    return {line.strip() for line in body.splitlines() if len(line.strip()) > 90}


def test_the_captures_give_their_articles_and_their_river_and_no_furniture(
    app: App, seeds: Path
) -> None:
    (polled,) = collect(app.database, app.sources, fetcher=app.fetcher, clock=app.clock)
    assert (polled.problem, polled.new) == ("", 102)
    with app.database.read() as connection:
        known = article_store.articles_by_id(connection, range(1, 103))
    written = [article for article in known if not article.headline_only]
    bare = [article for article in known if article.headline_only]
    assert (len(written), len(bare)) == (2, 100)
    assert {article.story.published_at for article in known} == {None}
    assert all(article.story.seen_on for article in written)
    texts = " ".join(
        f"{a.story.headline}\n{a.story.standfirst}\n{a.story.body_text}" for a in written
    )
    for page in seeds.glob("*.txt"):
        for paragraph in _paragraphs(page.read_text(encoding="utf-8")):
            assert paragraph in texts
    lines = {
        line.strip() for a in known for line in (a.story.headline, *a.story.body_text.split("\n"))
    }
    assert not lines & set(FURNITURE)
    app.close()


def test_a_digest_is_made_from_the_captures(app: App) -> None:
    collect(app.database, app.sources, fetcher=app.fetcher, clock=app.clock)
    newsletter = app.newsroom.newsletters[0]
    slot = next_slot(newsletter.spec.cadence, app.clock())
    assert slot is not None
    take(app.newsroom, newsletter, replace(slot, cut_off_at=app.clock()))
    with app.database.read() as connection:
        edition = editions.find_edition(connection, newsletter)
        assert edition is not None
        selection = candidate_store.load_selection(connection, edition.id)
    carry(app.newsroom, edition)
    composition = app.composition(edition)
    assert [c.place for c in selection.chosen] == [Place.LEAD, Place.TOP, *[Place.BRIEF] * 10]
    sample = app.mailer.sample(edition, composition)
    flat = re.sub(r"\s+", " ", sample.text).casefold()
    for candidate in selection.chosen:
        assert candidate.article.story.headline.casefold() in flat
    app.close()
