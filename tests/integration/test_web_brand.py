"""The publisher's mark stands above their name on every page, from our own address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.composition.model import Logo, Typeface
from digest.db import Database
from tests.integration.web_site import SITE, open_browser

LIGHT, DARK = (f"{SITE.public_url}/images/{letter * 64}.png" for letter in "ab")


@pytest.mark.parametrize("page", ["/subscribe", "/archive", "/link", "/nothing/here"])
def test_a_logo_stands_before_the_name_in_light_and_dark(
    sqlite_database: Database, page: str
) -> None:
    site = replace(SITE, logo=Logo(LIGHT, 180, 40, dark_url=DARK), typeface=Typeface.SANS)
    browser = open_browser(sqlite_database, site=site)
    head = browser.get(page).text.partition("</header>")[0]
    assert f'<source srcset="/images/{"b" * 64}.png" media="(prefers-color-scheme: dark)">' in head
    assert f'<img src="/images/{"a" * 64}.png" width="180" height="40" alt="">' in head
    assert head.index("<img") < head.index("Harbour &lt;Post&gt;</bdi>")
    assert "--serif:var(--sans)" in browser.get("/static/brand.css").text


def test_under_a_path_the_logo_is_asked_for_below_it(sqlite_database: Database) -> None:
    url = "https://harbour.example/letters"
    logo = Logo(f"{url}/images/{'a' * 64}.png", 180, 40)
    browser = open_browser(sqlite_database, site=replace(SITE, public_url=url, logo=logo))
    assert f'<img src="/letters/images/{"a" * 64}.png"' in browser.get("/subscribe").text


def test_without_a_logo_there_is_the_name_alone(sqlite_database: Database) -> None:
    assert "<picture" not in open_browser(sqlite_database).get("/subscribe").text
