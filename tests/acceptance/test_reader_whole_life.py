"""A reader's whole life in a real browser and by real mails; a crawler that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.browser_demo import fetch, find_chromium, running_chromium, visit
from tests.acceptance.reader_site import ReaderSite, reader_site
from tests.integration.newsletters import all_rows

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

MARIA, NEW = "Maria.Quill@reader.example", "maria@elsewhere.example"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReaderSite]:
    with reader_site(tmp_path, at="2026-01-05 12:00") as opened:
        yield opened


@pytest.fixture
def page(site: ReaderSite, chromium: Browser) -> Iterator[Page]:
    """A page in a browser whose JavaScript is switched off: none of it is needed."""
    with visit(chromium, site.url, script=False) as window:
        yield window.new_page()


def _press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def _title(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def _subscribe(site: ReaderSite, page: Page, address: str) -> None:
    page.goto("/subscribe")
    page.get_by_label("The Morning Post").check()
    site.pass_time(seconds=10)  # as long as a person needs
    page.get_by_label("Your e-mail address").fill(address)
    _press(page, "Subscribe")
    assert _title(page) == "Check your inbox"
    site.send()
    page.goto(site.link(address, "confirm"))
    _press(page, "Yes, subscribe me")
    assert _title(page) == "You are subscribed"
    site.send()


def _standing(site: ReaderSite) -> dict[str, str]:
    """Give what the one reader stands with, by newsletter."""
    with site.app.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT n.slug, s.state FROM subscription s JOIN newsletter n ON n.id = s.newsletter_id"
        )
        return {str(slug): str(state) for slug, state in rows}


def _preferences(site: ReaderSite, address: str) -> str:
    """Give the path of the page behind the newest letter's footer."""
    return site.link(address, "p").removesuffix("/twin")


def _twin(site: ReaderSite, address: str) -> str:
    return _preferences(site, address) + "/twin"


def _lists(site: ReaderSite, address: str) -> list[str]:
    """Give which newsletter each letter in a mailbox is of, oldest first."""
    letters = [mail for mail in site.mails(address) if mail["List-Unsubscribe"]]
    return [str(mail["List-Id"]).partition(" <")[0].strip('"') for mail in letters]


def _letters(site: ReaderSite) -> int:
    return len(site.mails(MARIA)) + len(site.mails(NEW))


def test_a_readers_whole_life(site: ReaderSite, page: Page) -> None:  # noqa: PLR0915 - one life, told in its order
    daily, weekly = "The Morning Post", "The Week"

    # Subscribe, and confirm by the mail that comes
    _subscribe(site, page, MARIA)
    site.edition("daily", "2026-01-06")
    assert site.subjects(MARIA) == [
        "Please confirm: The Morning Post",
        "Welcome to The Morning Post",
        "Ferry returns to the harbour 2026-01-05",
    ]

    # Change: text alone, one topic
    page.goto(_preferences(site, MARIA))
    page.get_by_label("Text alone").check()
    page.get_by_label("Town").check()
    _press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    site.edition("daily", "2026-01-07")
    assert [part.get_content_type() for part in site.mails(MARIA)[-1].walk()] == ["text/plain"]

    # Pause, and come back before its end
    page.goto(_preferences(site, MARIA))
    page.get_by_role("radio", name="Paused").check()
    _press(page, "Save")
    site.edition("daily", "2026-01-08")
    page.goto(_preferences(site, MARIA))
    page.get_by_role("radio", name="As published").check()
    _press(page, "Save")
    site.edition("daily", "2026-01-09")
    subjects = site.subjects(MARIA)[-2:]
    assert [subject[-10:] for subject in subjects] == ["2026-01-06", "2026-01-08"]

    # Weekly instead, and back: the topics are as they were
    page.goto(_twin(site, MARIA))
    _press(page, f"Switch to {weekly}")
    assert _standing(site) == {"daily": "unsubscribed", "weekly": "confirmed"}
    site.edition("weekly", "2026-01-10")
    assert _lists(site, MARIA)[-1] == weekly
    page.goto(_twin(site, MARIA))
    _press(page, f"Switch to {daily}")
    assert _standing(site) == {"daily": "confirmed", "weekly": "unsubscribed"}
    site.edition("daily", "2026-01-12")
    page.goto(_preferences(site, MARIA))
    assert page.get_by_label("Town").is_checked()
    assert not page.get_by_label("Sport").is_checked()

    # Move to another address, confirmed there
    page.get_by_label("Your new e-mail address").fill(NEW)
    _press(page, "Change the address")
    site.send()
    page.goto(site.link(NEW, "a"))
    _press(page, "Yes, write to me here")
    assert _title(page) == "Your letters come here now"
    before = len(site.mails(MARIA))
    site.edition("daily", "2026-01-13")
    told = [subject for subject in site.subjects(MARIA)[before:] if "Ferry" in subject]
    assert (told, "2026-01-12" in site.subjects(NEW)[-1]) == ([], True)

    # Leave by one click, as a mail program does it
    stop = str(site.mails(NEW)[-1]["List-Unsubscribe"]).strip("<>")
    assert fetch(stop, b"List-Unsubscribe=One-Click") == (200, b"You are unsubscribed.\n")
    assert _standing(site) == {"daily": "unsubscribed", "weekly": "unsubscribed"}
    count = _letters(site)
    site.edition("daily", "2026-01-14")
    assert _letters(site) == count

    # Come back
    _subscribe(site, page, NEW)
    site.edition("daily", "2026-01-15")
    assert "2026-01-14" in site.subjects(NEW)[-1]

    # Be erased: asked on the page, allowed by mail
    page.goto(_preferences(site, NEW))
    _press(page, "Have it erased")
    site.send()
    page.goto(site.link(NEW, "x"))
    _press(page, "Erase me")
    assert _title(page) == "You are erased"
    count = _letters(site)
    site.edition("daily", "2026-01-16")
    assert _letters(site) == count
    assert _standing(site) == {}
    held = str(all_rows(site.app.database)).lower()
    assert [word for word in (MARIA.lower(), NEW, "maria") if word in held] == []


def test_a_crawler_that_follows_every_link_of_every_mail_changes_nothing(
    site: ReaderSite, page: Page
) -> None:
    _subscribe(site, page, MARIA)
    site.edition("daily", "2026-01-06")
    page.goto(_preferences(site, MARIA))
    for button in ("All we hold about you", "Have it erased"):
        _press(page, button)
        site.pass_time(hours=2)
        site.send()
        page.goto(_preferences(site, MARIA))
    page.get_by_label("Your new e-mail address").fill(NEW)
    _press(page, "Change the address")
    site.send()
    page.goto("/link")
    site.pass_time(hours=2)
    page.locator("#email").fill(MARIA)
    _press(page, "Mail me a link")
    site.send()
    _press_weekly(site, page)
    mails = site.all_mails()
    paths = sorted({path for mail in mails for path in site.paths(mail)})
    pages = {path.split("/")[1] for path in paths}
    assert {"confirm", "u", "p", "a", "d", "x", "daily"} <= pages
    before = all_rows(site.app.database)
    for method in ("HEAD", "GET", "GET"):
        for path in paths:
            assert fetch(site.url + path, method=method)[0] in {200, 410}, path
    after = all_rows(site.app.database)
    assert {name for name in before if before[name] != after[name]} == set()


def _press_weekly(site: ReaderSite, page: Page) -> None:
    """Make a weekly letter come as well."""
    page.goto(_twin(site, MARIA))
    _press(page, "Switch to The Week")
    site.edition("weekly", "2026-01-10")
