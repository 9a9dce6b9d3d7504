"""An edition is composed once for each language, as a whole, and never lost for one story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.environment import load_templates
from digest.composition.model import Composition
from digest.composition.store import composition
from digest.db import Database
from digest.editions import candidate_store
from digest.editions.candidate_store import article_use
from digest.editions.model import Candidate, Place, Verdict
from digest.errors import WorkflowError
from digest.workflow.advance import advance
from digest.workflow.approve import approve, require_approved
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of

FRIDAY = "daily/2026-01-09"
CURSED = "Cursed story breaks the press"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


def speaking(opened: OpenPaper, *languages: str) -> Paper:
    daily = a_newsletter(release="approve", languages=list(languages))
    return opened(newsletters={"daily": daily})


def composed(paper: Paper) -> tuple[Composition, ...]:
    with paper.app.database.read() as connection:
        return compositions.load_compositions(connection, paper.edition(FRIDAY).id)


def with_own_template(paper: Paper, folder: Path, *, only_in: str = "") -> Paper:
    """Give the paper a template that fails for one story, as a publisher's may."""
    own = folder / "templates"
    (own / "daily").mkdir(parents=True)
    trap = (
        "{% set ns = letter.top + letter.brief + ((letter.lead,) if letter.lead else ()) %}"
        "{% for section in letter.sections %}{% for piece in section.pieces %}"
        "{% if 'Cursed' in piece.headline %}{{ piece.nothing_of_the_kind }}{% endif %}"
        "{% endfor %}{% endfor %}"
        "{% for piece in ns %}"
        "{% if 'Cursed' in piece.headline %}{{ piece.nothing_of_the_kind }}{% endif %}"
        "{% endfor %}"
    )
    if only_in:
        trap = "{% if language.tag == '" + only_in + "' %}" + trap + "{% endif %}"
    text = '{% extends "_base/letter.txt" %}\n{% block opening %}' + trap + "{% endblock %}\n"
    (own / "daily" / "body.txt").write_text(text, encoding="utf-8")
    room = replace(paper.app.newsroom, environment=load_templates(own))
    return replace(paper, app=replace(paper.app, newsroom=room))


def candidates(paper: Paper) -> dict[str, Candidate]:
    with paper.app.database.read() as connection:
        selection = candidate_store.load_selection(connection, paper.edition(FRIDAY).id)
    return {one.article.story.headline: one for one in selection.candidates}


# Languages


def test_an_edition_is_composed_once_in_each_language_its_own_first(opened: OpenPaper) -> None:
    paper = speaking(opened, "de", "ar", "en")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    made = composed(paper)
    assert [each.language for each in made] == ["en", "de", "ar"]
    assert [f'<html lang="{each.language}"' in each.html for each in made] == [True] * 3
    assert [' dir="rtl"' in each.html.partition("<body")[0] for each in made] == [False] * 2 + [
        True
    ]
    assert len({each.nonce for each in made}) == 3
    assert paper.composition(FRIDAY) == made[0]


def test_composing_again_gives_the_same_bytes_in_every_language(opened: OpenPaper) -> None:
    paper = speaking(opened, "de", "ar")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    first = composed(paper)
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(composition))
        connection.exec_driver_sql("UPDATE edition SET state = 'draft'")
    paper.go("2026-01-09 06:31")
    assert composed(paper) == first


def test_one_approval_covers_all_languages(opened: OpenPaper) -> None:
    paper = speaking(opened, "de")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    seen = approve(paper.app.database, paper.edition(FRIDAY), by="Ann", clock=paper.watch)
    assert seen == set_hash(composed(paper))
    edition = paper.edition(FRIDAY)
    assert require_approved(paper.app.database, edition) == seen
    with paper.app.database.write() as connection:
        german = composition.c.language == "de"
        connection.execute(sa.update(composition).where(german).values(text="Anders"))
    with pytest.raises(WorkflowError, match="its text is not the one that was approved"):
        require_approved(paper.app.database, edition)


def test_a_language_that_leaves_the_settings_leaves_the_next_draft(opened: OpenPaper) -> None:
    paper = speaking(opened, "de", "ar")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    with paper.app.database.write() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'draft'")
    (only,) = paper.app.newsroom.newsletters
    spec = replace(only.spec, languages=("ar",))
    room = replace(paper.app.newsroom, newsletters=(replace(only, spec=spec),))
    paper.watch.at = moment("2026-01-09 06:31")
    advance(room)
    assert [each.language for each in composed(paper)] == ["en", "ar"]


def test_subjects_are_unlike_the_last_one_in_each_language(opened: OpenPaper) -> None:
    paper = speaking(opened, "de")
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    with paper.app.database.read() as connection:
        newsletter = paper.app.newsroom.newsletters[0].id
        told = {
            tag: compositions.earlier_subjects(connection, newsletter, limit=30, language=tag)
            for tag in ("en", "de", "fr")
        }
        own = compositions.earlier_subjects(connection, newsletter, limit=30)
    assert [len(told[tag]) for tag in ("en", "de", "fr")] == [1, 1, 0]
    assert own == told["en"]


# A story that cannot be shown


def test_a_story_that_breaks_the_letter_is_left_out_told_and_free_again(
    opened: OpenPaper, tmp_path: Path
) -> None:
    paper = with_own_template(speaking(opened, "de"), tmp_path)
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("One", "Two", CURSED, "Three", "Four")
    assert paper.go("2026-01-09 06:30") == [("prepared", FRIDAY), ("drafted", FRIDAY)]
    found = candidates(paper)
    lost = found[CURSED]
    assert lost.verdict is Verdict.UNSHOWABLE
    assert lost.reason.startswith("It cannot be shown: template: daily/body.txt, line 2: ")
    assert {h for h, one in found.items() if one.verdict is Verdict.SELECTED} == {
        *("One", "Two", "Three", "Four")
    }
    for made in composed(paper):
        assert "Cursed" not in made.html + made.text
    with paper.app.database.read() as connection:
        used = set(connection.scalars(sa.select(article_use.c.article_id)))
    assert lost.article.id not in used
    (notice, *_) = paper.notices()
    rows = [tuple(row) for row in notice.facts["rows"]]  # type: ignore[attr-defined]
    told = [text for mark, text in rows if mark == "warning"]
    assert [text for text in told if text.startswith(f"left out: {CURSED}: template: ")]


def test_a_story_that_breaks_one_language_is_left_out_of_all(
    opened: OpenPaper, tmp_path: Path
) -> None:
    paper = with_own_template(speaking(opened, "ar"), tmp_path, only_in="ar")
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("One", "Two", CURSED, "Three", "Four")
    paper.go("2026-01-09 06:30")
    assert candidates(paper)[CURSED].verdict is Verdict.UNSHOWABLE
    made = composed(paper)
    assert [each.language for each in made] == ["en", "ar"]
    assert ["Cursed" in each.html + each.text for each in made] == [False, False]


def test_where_the_lead_breaks_the_letter_another_story_leads(
    opened: OpenPaper, tmp_path: Path
) -> None:
    paper = with_own_template(speaking(opened), tmp_path)
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-08 19:00")
    paper.publish(CURSED)
    paper.go("2026-01-09 06:30")
    leads = [one for one in candidates(paper).values() if one.place is Place.LEAD]
    (lead,) = leads
    assert lead.reason.startswith("Lead: the one before it cannot be shown. ")
    (made,) = composed(paper)
    assert made.html.count("<h1") == 1


def test_an_edition_that_is_short_of_stories_now_says_so(opened: OpenPaper, tmp_path: Path) -> None:
    paper = with_own_template(speaking(opened), tmp_path)
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("One", CURSED, "Two")
    paper.go("2026-01-09 06:30")
    (notice, *_) = paper.notices()
    rows = [tuple(row) for row in notice.facts["rows"]]  # type: ignore[attr-defined]
    assert ("warning", "It has 2 stories now; 3 are the least") in rows


# What only the weekly has


def test_a_weekly_sets_apart_what_its_daily_had_no_room_for(opened: OpenPaper) -> None:
    short = {"min": 1, "top": 1, "max": 4, "max_age": "48h"}
    long = {"min": 1, "top": 1, "max": 20, "max_age": "8d"}
    weekly = a_newsletter(template="weekly", days=["sat"], release="approve", stories=long)
    daily = a_newsletter(stories=short, weekly_twin="weekly")
    paper = opened(newsletters={"daily": daily, "weekly": weekly})
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish(*(f"Number {word}" for word in ("one", "two", "three", "four", "five", "six")))
    paper.watch.at = moment("2026-01-08 19:00")
    paper.publish("Latest of all", "And the last one")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-10 06:30")
    daily_had = paper.headlines(FRIDAY)
    made = paper.composition("weekly/2026-01-10")
    assert made is not None
    _, missed = made.text.split("IN CASE YOU MISSED IT", 1)
    missed = missed.partition("======")[0]
    everything = paper.headlines("weekly/2026-01-10")
    assert len(daily_had) == 4
    assert daily_had < everything
    assert [headline for headline in daily_had if headline in missed] == []
    assert [headline for headline in everything - daily_had if headline in missed]
