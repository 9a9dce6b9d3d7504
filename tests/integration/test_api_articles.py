from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.db import Database
from digest.sources import article_store
from digest.sources.model import SourceKind, SourceSpec
from digest.web.api.application import api_routes
from digest.web.context import WebContext
from tests.integration.api_site import WIRE, Caller, give_token, make_letters, make_tools, open_api
from tests.integration.web_site import KEYS, NOON, SITE

FERRY = {
    "guid": "post-1",
    "headline": 'Ferry "returns"',
    "url": "https://harbour.example/ferry",
    "standfirst": "At nine.",
    "body_text": "The ferry is back.\n\nIt leaves at nine.",
    "authors": ["Ann"],
    "categories": ["Town"],
    "published_at": "2026-01-09T06:30:00Z",
}
COUNCIL = {"guid": "post-2", "headline": "Council votes"}


def _push(api: Caller, *articles: dict[str, Any], **more: Any) -> Any:
    return api.post("/articles", {"articles": list(articles), **more})


def _sources(database: Database, *specs: SourceSpec) -> Caller:
    """Open the API of a site with these sources."""
    context = WebContext(database, SITE, KEYS, make_letters(database), clock=fixed(NOON))
    tools = replace(make_tools(context), sources=lambda: specs)
    client = TestClient(Starlette(routes=api_routes(context, tools)))
    return Caller(database, client, *give_token(database))


def test_pushed_stories_are_known_at_once_and_pushed_again_the_same(database: Database) -> None:
    api = open_api(database)
    first = _push(api, FERRY, COUNCIL)
    assert first.status_code == 200
    one, two = (each["story"] for each in first.json()["articles"])
    assert first.json() == {
        "source": "wire",
        "new": 2,
        "updated": 0,
        "articles": [{"guid": "post-1", "story": one}, {"guid": "post-2", "story": two}],
    }
    again = _push(api, {**FERRY, "headline": "Ferry stays in dock"}, COUNCIL).json()
    assert (again["new"], again["updated"], again["articles"]) == (0, 1, first.json()["articles"])
    with database.read() as connection:
        ferry, _ = article_store.articles_by_id(connection, [one, two])
    assert (ferry.story.headline, ferry.story.body_text, ferry.backlog, ferry.revision) == (
        "Ferry stays in dock",
        "The ferry is back.\n\nIt leaves at nine.",
        False,
        2,
    )
    assert api.audit()[-1] == (
        api.token.actor,
        "article.push",
        "",
        {"source": "wire", "new": 0, "updated": 1},
    )


def test_a_story_that_is_taken_back_is_withdrawn_and_comes_back_when_it_is_pushed(
    database: Database,
) -> None:
    api = open_api(database)
    ((number,),) = [[each["story"] for each in _push(api, FERRY).json()["articles"]]]

    def is_withdrawn() -> bool:
        with database.read() as connection:
            (found,) = article_store.articles_by_id(connection, [number])
        return found.withdrawn_at is not None

    asked = {"guids": ["post-1", "nobody-has-this"]}
    assert api.post("/articles/withdraw", asked).json() == {"source": "wire", "withdrawn": 1}
    assert is_withdrawn()
    assert api.post("/articles/withdraw", asked).json() == {"source": "wire", "withdrawn": 0}
    _push(api, FERRY)
    assert not is_withdrawn()


def test_before_anything_was_pushed_nothing_is_taken_back(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    answer = api.post("/articles/withdraw", {"guids": ["post-1"]})
    assert answer.json() == {"source": "wire", "withdrawn": 0}


@pytest.mark.parametrize(
    ("changed", "pointer", "detail"),
    [
        ({"guid": None}, "/articles/1/guid", "It must be text."),
        ({"headline": ""}, "/articles/1/headline", "It has fewer than 1 characters."),
        ({"headline": "<b></b>"}, "/articles/1", "Headline: no words in it."),
        (
            {"url": "ferry.html"},
            "/articles/1/url",
            "It is not written as this field must be: ^https?://[^\\s/]",
        ),
        (
            {"published_at": "2026-01-09T06:30:00"},
            "/articles/1/published_at",
            "It names no zone; write it as 2026-01-09T06:30:00Z.",
        ),
        (
            {"body_html": "<p>x</p>", "body_text": "x"},
            "/articles/1",
            "Give body_html or body_text, not both.",
        ),
        ({"kind": "x"}, "/articles/1/kind", "There is no field of this name."),
        ({"guid": "post-1"}, "/articles/1/guid", "It is that of number 0, too."),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_place_and_nothing_is_written(
    sqlite_database: Database, changed: dict[str, Any], pointer: str, detail: str
) -> None:
    api = open_api(sqlite_database)
    answer = _push(api, FERRY, {**COUNCIL, **changed})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"detail": detail, "pointer": pointer}]
    with sqlite_database.read() as connection:
        assert article_store.count_articles(connection) == 0


def test_of_several_sources_one_is_named(sqlite_database: Database) -> None:
    desk = SourceSpec("desk", SourceKind.PUSHED, "")
    feed = SourceSpec("site", SourceKind.FEED, "https://harbour.example/feed")
    api = _sources(sqlite_database, WIRE, desk, feed)
    for named in ({}, {"source": "site"}):
        refused = _push(api, FERRY, **named)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/source")
        assert refused.json()["hint"] == "Those with pushed = true: wire, desk."
    assert _push(api, FERRY, source="desk").json()["source"] == "desk"


def test_without_a_source_for_it_nothing_is_pushed(sqlite_database: Database) -> None:
    refused = _push(_sources(sqlite_database), FERRY)
    assert refused.status_code == 409
    assert refused.json()["hint"] == "Add one to digest.toml, as: [sources.newsroom] pushed = true"


def test_long_stories_are_taken_where_a_form_would_be_too_long(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    long = {**COUNCIL, "body_text": "word " * 60_000}
    assert _push(api, long).status_code == 200
    many = [{**long, "guid": f"post-{n}"} for n in range(16)]
    assert _push(api, *many).status_code == 413
    note = {"address": "x" * 70_000}
    assert api.post("/suppressions", note).status_code == 413


def test_sent_again_with_its_key_it_is_answered_and_done_once(sqlite_database: Database) -> None:
    api = open_api(sqlite_database)
    first, second = (api.post("/articles", {"articles": [FERRY]}, key="push-1") for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(api.audit()) == 1
