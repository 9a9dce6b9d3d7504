"""The first minutes at an empty desk: a site is looked at, and what it could have is proposed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from html import unescape
from pathlib import Path

import pytest

from digest.db import Database
from digest.kept_settings import settings_with_desk
from digest.people.model import Role
from tests.builders import OpenPaper, Paper, moment, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of
from tests.integration.sources_newsroom import Site, answer, running_site
from tests.unit.sources.page_builders import page

HEAD = (
    '<link rel="alternate" type="application/rss+xml" href="/news.xml">'
    '<meta name="theme-color" content="#0a7">'
    '<meta property="og:site_name" content="Quay Gazette">'
)
NOON = moment("2026-01-08 12:00")


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def web() -> Iterator[Site]:
    """A paper's site on this machine that publishes twenty stories in two days."""
    with running_site() as found:
        items = "".join(
            f"<item><title>Tide {n}</title><guid>{n}</guid>"
            f"<pubDate>{format_datetime(NOON - timedelta(hours=n * 2.5))}</pubDate></item>"
            for n in range(20)
        )
        feed = f"<rss version='2.0'><channel><title>Quay</title>{items}</channel></rss>"
        found.pages["/"] = answer(page(HEAD, lang="de").encode(), content_type="text/html")
        found.pages["/news.xml"] = answer(feed.encode())
        yield found


def _empty(open_paper: OpenPaper, tmp_path: Path) -> Paper:
    """Open a desk without a newsletter, whose file lets this machine be read."""
    other = {"feed": str(tmp_path / "feed.xml"), "allow": ["127.0.0.0/8"]}
    return open_paper("2026-01-08 12:00", newsletters={}, sources={"other": other})


def _form(html: str) -> dict[str, str | list[str]]:
    """Give the fields of the page's form as a browser would send them."""
    fields: dict[str, str | list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        kind = found.get("type", "text")
        if "name" not in found or (kind == "checkbox" and " checked" not in tag):
            continue
        name, value = found["name"], unescape(found.get("value", ""))
        if name.endswith(".days"):
            fields[name] = [*fields.get(name, []), value]
        elif name != "csrf":
            fields[name] = value
    return fields


def _look(desk: AtDesk, site: str) -> str:
    answered = desk.post("first-run/look", {"site": site})
    assert answered.status_code == 200, text_of(answered)
    return answered.text


def test_a_site_is_looked_at_and_each_guess_is_a_field(
    open_paper: OpenPaper, tmp_path: Path, web: Site
) -> None:
    desk = at_desk(_empty(open_paper, tmp_path).app)
    assert "Your site's address" in desk.get("first-run").text.replace("&#39;", "'")

    html = _look(desk, f"127.0.0.1:{web.port}".replace("127", "http://127", 1))

    form = _form(html)
    assert {name: form[name] for name in ("feed", "language", "accent", "kind", "stories")} == {
        "feed": web.url("/news.xml"),
        "language": "de",
        "accent": "#00AA77",
        "kind": "feed",
        "stories": "20",
    }
    assert form["daily.days"] == ["mon", "tue", "wed", "thu", "fri"]
    assert (form["daily.least"], form["weekly.days"]) == ("3", ["sat"])
    said = unescape(html)
    assert "20 stories were found; it publishes about 10 a day." in said
    assert "Set in digest.toml, line" in said
    assert "the site says Quay Gazette" in said


def test_what_was_changed_on_the_spot_is_kept_and_in_force(
    open_paper: OpenPaper, tmp_path: Path, web: Site
) -> None:
    paper = _empty(open_paper, tmp_path)
    desk = at_desk(paper.app)
    form = _form(_look(desk, web.url("/")))

    answered = desk.post(
        "first-run/save",
        {**form, "daily.name": "Kai am Morgen", "daily.send_at": "06:45", "accent": "#123456"},
    )

    assert answered.status_code == 303, text_of(answered)
    assert answered.headers["location"] == "/desk/first-run/next"
    settings, _ = settings_with_desk(paper.app.settings, paper.app.database)
    daily = settings.newsletters["daily"].model_dump(mode="json")
    assert {name: daily[name] for name in ("name", "send_at", "cut_off", "template")} == {
        "name": "Kai am Morgen",
        "send_at": "06:45",
        "cut_off": "30m",
        "template": "daily",
    }
    assert settings.newsletters["weekly"].release == "approve"
    assert (settings.site.language, settings.site.brand.accent) == ("de", "#123456")
    assert web.url("/news.xml") in [each.address for each in paper.app.sources]
    waiting = text_of(desk.get("first-run/next"))
    assert "Being put in force: daily, weekly" in waiting


def test_a_bad_guess_is_refused_beside_its_field_and_nothing_is_kept(
    open_paper: OpenPaper, tmp_path: Path, web: Site
) -> None:
    paper = _empty(open_paper, tmp_path)
    desk = at_desk(paper.app)
    form = _form(_look(desk, web.url("/")))

    refused = desk.post("first-run/save", {**form, "daily.send_at": "early", "accent": "blue"})

    assert refused.status_code == 422
    assert 'value="early"' in refused.text
    settings, _ = settings_with_desk(paper.app.settings, paper.app.database)
    assert settings.newsletters == {}
    assert [each.name for each in paper.app.sources] == ["other"]


def test_a_site_that_tells_nothing_says_why(
    open_paper: OpenPaper, tmp_path: Path, web: Site
) -> None:
    desk = at_desk(_empty(open_paper, tmp_path).app)

    for site, why in (("not an address", "That is no web address"), (web.url("/none"), "404")):
        refused = desk.post("first-run/look", {"site": site})
        assert refused.status_code == 422
        assert why in text_of(refused)


def test_an_address_of_the_inner_network_is_not_asked(open_paper: OpenPaper, web: Site) -> None:
    desk = at_desk(open_paper(newsletters={}).app)

    refused = desk.post("first-run/look", {"site": web.url("/")})

    assert refused.status_code == 422
    assert "not a public address" in text_of(refused)
    assert web.asked == []


def test_only_an_admin_begins(open_paper: OpenPaper) -> None:
    desk = at_desk(open_paper(newsletters={}).app, Role.APPROVER)

    assert desk.get("first-run").status_code == 403
