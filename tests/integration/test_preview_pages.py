"""The preview's pages: an edition laid open, to this machine alone."""

from __future__ import annotations

import html
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from digest.composition.pictures import BorrowedShelf
from digest.editions.cadence import next_slot
from digest.errors import CompositionError
from digest.web.preview import make_preview, serve_preview
from digest.web.preview_words import VIEWS
from digest.workflow.preview import Preview, preview
from tests.builders import Paper, a_newsletter, moment, open_paper

PICTURE = "a" * 64
HOSTILE = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)>'


@dataclass
class Looks:
    """Gives one look after the other; a sentence in place of one is an error."""

    preview: Preview
    coming: list[Preview | str | OSError] = field(default_factory=list)
    count: int = 0

    def __call__(self) -> Preview:
        self.count += 1
        following = self.coming.pop(0) if self.coming else self.preview
        if isinstance(following, OSError):
            raise following
        if isinstance(following, str):
            raise CompositionError(following, hint="Mend the template.")
        return following


@dataclass(frozen=True)
class Browser:
    client: TestClient
    looks: Looks

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.client.get(path, headers=headers, follow_redirects=False)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


Open = Callable[..., Browser]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    papers: list[Paper] = []

    def browser(*headlines: str, languages: tuple[str, ...] = (), **more: object) -> Browser:
        daily = a_newsletter(languages=list(languages), release="approve")
        paper = open_paper(tmp_path, "2026-01-08 18:00", newsletters={"daily": daily})
        papers.append(paper)
        paper.publish(*(headlines or ("Ferry returns", "Council votes", "School roof mended")))
        paper.watch.at = moment("2026-01-09 06:30")
        seen = look_at(paper)
        if seen.copies and more:
            first = replace(seen.copies[0], **more)  # type: ignore[arg-type]
            seen = replace(seen, copies=(first, *seen.copies[1:]))
        looks = Looks(seen)
        app = make_preview(seen, look=looks, load_picture=_picture, site=paper.app.newsroom.site)
        return Browser(TestClient(app, base_url="http://127.0.0.1:4000"), looks)

    yield browser
    for paper in papers:
        paper.app.close()


def _picture(hash_: str) -> tuple[str, bytes] | None:
    return ("image/jpeg", b"a picture") if hash_ == PICTURE else None


def look_at(paper: Paper) -> Preview:
    app = paper.app
    (newsletter,) = app.newsroom.newsletters
    slot = next_slot(newsletter.spec.cadence, paper.watch.at)
    assert slot is not None
    return preview(app.newsroom, app.mailer, newsletter, slot, shelf=BorrowedShelf(app.database))


def test_it_begins_with_the_newsletters_own_language(opened: Open) -> None:
    answer = opened(languages=("es",)).get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/en/desktop")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_stands_beside_stories_facts_and_warnings(opened: Open, view: str) -> None:
    page = opened().page(f"/en/{view}")
    assert f'<a href="/en/{view}" aria-current="page">' in page
    assert page.count('aria-current="page"') == 1
    for words in (
        "The Morning Post, Friday 9 January 2026",
        "To come",
        "No warnings",
        "Ferry returns",
        "It goes Fri 9 Jan 07:00 in London, 07:00 UTC, to 0 readers.",
        "School roof mended",
    ):
        assert words in page
    assert "<script" not in page
    ours = re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)
    assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", ours)


def test_the_frames_show_the_letter_light_and_dark_with_our_pictures_from_here(
    opened: Open,
) -> None:
    browser = opened()
    (copy,) = browser.looks.preview.copies
    assert copy.html is not None
    source = f'<img src="https://letters.post.example/images/{PICTURE}.jpg">'
    browser = opened(html=copy.html.replace("</body>", f"{source}</body>"))
    assert 'src="/en/letter/dark"' in browser.page("/en/dark-phone")
    light, dark = (browser.page(f"/en/letter/{scheme}") for scheme in ("light", "dark"))
    assert light != dark
    for shown in (light, dark):
        assert f'<img src="/images/{PICTURE}.jpg">' in shown
        assert '<base target="_blank">' in shown
        assert "prefers-color-scheme" not in shown
    picture = browser.get(f"/images/{PICTURE}.jpg")
    assert (picture.headers["content-type"], picture.content) == ("image/jpeg", b"a picture")
    assert browser.get(f"/images/{'b' * 64}.jpg").status_code == 404


def test_text_headers_and_the_raw_message_are_the_bytes_that_go_out(opened: Open) -> None:
    browser = opened()
    (copy,) = browser.looks.preview.copies
    assert html.escape(copy.text, quote=False) in browser.page("/en/text").replace("&#39;", "'")
    assert "        10        20" in browser.page("/en/text")
    assert "&lt;daily.letters.post.example&gt;" in browser.page("/en/headers")
    raw = html.unescape(browser.page("/en/raw"))
    assert copy.message.decode().replace("\r\n", "\n") in raw.replace("\r\n", "\n")
    saved = browser.get("/en/message.eml")
    assert saved.content == copy.message
    assert saved.headers["content-disposition"] == (
        'attachment; filename="daily-2026-01-09-en.eml"'
    )
    assert copy.composition.content_hash in browser.page("/en/desktop")


def test_the_inbox_row_is_cut_where_mail_programs_cut(opened: Open) -> None:
    long = "A very long headline about the harbour and its many boats at rest today"
    page = opened(long, "Council votes", "School roof mended").page("/en/inbox")
    subject = re.search(r"iPhone.*?class=\"head-line\" dir=\"auto\">([^<]*)<", page, re.DOTALL)
    assert subject is not None
    assert len(subject[1]) <= 41
    assert subject[1].endswith("…")
    for words in ("cut at 70", "cut at 60", "cut at 41", 'class="inbox light"', "inbox dark"):
        assert words in page


def test_each_language_is_a_link_away(opened: Open) -> None:
    browser = opened(languages=("es", "ar"))
    page = browser.page("/es/text")
    for tag, name in (("en", "English"), ("es", "Español"), ("ar", "العربية")):
        assert re.search(rf'href="/{tag}/text" lang="{tag}"[^>]*>{name}<', page)
    assert 'lang="ar"' in browser.page("/ar/letter/light")
    assert browser.get("/fr/text").status_code == 404
    assert "Languages" not in opened().page("/en/text")


def test_a_reader_of_plain_text_has_no_html_to_look_at(opened: Open) -> None:
    browser = opened(html=None)
    assert "their copy has no HTML" in browser.page("/en/desktop")
    assert browser.get("/en/letter/light").status_code == 404


def test_without_an_edition_it_says_why_and_what_there_is(opened: Open) -> None:
    browser = opened("Ferry returns", "Council votes")
    page = browser.page("/en/desktop")
    assert "No edition: 2 new stories, 3 needed" in page
    assert "Ferry returns" in page
    assert browser.get("/").headers["location"] == "/en/desktop"
    for path in ("/en/letter/light", "/en/message.eml", "/es/desktop"):
        assert browser.get(path).status_code == 404


def test_a_reload_looks_again_and_a_change_of_view_does_not(opened: Open) -> None:
    browser = opened()
    later = replace(browser.looks.preview, warnings=("picture: The sea: it is gone",))
    browser.looks.coming = [later, browser.looks.preview, later]
    browser.page("/en/phone")
    assert browser.looks.count == 0
    assert "it is gone" in browser.get("/en/phone", **{"cache-control": "max-age=0"}).text
    assert "it is gone" in browser.page("/en/text")
    assert "it is gone" not in browser.get("/en/phone", **{"cache-control": "no-cache"}).text
    assert "it is gone" in browser.page("/en/phone?again")
    assert browser.looks.count == 3


def test_a_look_that_fails_is_told_and_what_was_seen_last_stays(opened: Open) -> None:
    browser = opened()
    browser.looks.coming = ["template: daily/body.mjml: line 3: <oops>"]
    failed = browser.get("/en/desktop?again")
    assert failed.status_code == 500
    assert "template: daily/body.mjml: line 3: &lt;oops&gt;" in failed.text
    assert "Mend the template." in failed.text
    assert "Ferry returns" in browser.page("/en/desktop")


def test_hostile_headlines_stay_words(opened: Open) -> None:
    browser = opened(HOSTILE, f"Two {HOSTILE}", f"Three {HOSTILE}")
    for view in VIEWS:
        page = browser.page(f"/en/{view}")
        assert "<script" not in page
        assert "<img" not in page


def test_only_this_machine_by_its_own_name_may_ask_and_only_to_see(opened: Open) -> None:
    browser = opened()
    for host in ("evil.example", "letters.post.example", "127.0.0.1.evil.example", ""):
        assert browser.get("/en/desktop", host=host).status_code == 400
    assert browser.get("/en/desktop", host="localhost:4000").status_code == 200
    for path in ("/en/desktop", "/en/letter/light", "/"):
        assert browser.client.post(path).status_code == 405
    for path in ("/nothing", "/en/nothing", "/en/letter/blue", "/static/nothing.css"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/en/desktop", "/en/letter/dark", "/static/preview.css", "/static/site.css", "/x"]
)
def test_nothing_runs_a_script_and_nothing_is_kept(opened: Open, path: str) -> None:
    headers = opened().get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert ("sandbox allow-popups" in policy) == ("/letter/" in path)
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == ("SAMEORIGIN" if "/letter/" in path else "DENY")


def test_it_is_served_until_somebody_stops_it(opened: Open) -> None:
    browser, stop, where = opened(), threading.Event(), []
    told = threading.Event()

    def tell(address: str) -> None:
        where.append(address)
        told.set()

    app = browser.client.app
    thread = threading.Thread(
        target=serve_preview, args=(app,), kwargs={"port": 0, "stop": stop, "told": tell}
    )
    thread.start()
    assert told.wait(20)
    assert where[0].startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{where[0]}/", timeout=20) as answer:  # noqa: S310 - loopback
        assert b"Ferry returns" in answer.read()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_database_that_goes_away_is_told_on_a_page_as_safe_as_any(opened: Open) -> None:
    browser = opened()
    browser.looks.coming = [OSError(5, "<script>")]
    failed = browser.get("/en/desktop?again")
    assert failed.status_code == 500
    assert "The edition cannot be looked at now (OSError)" in failed.text
    assert "<script" not in failed.text
    assert failed.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Ferry returns" in browser.page("/en/desktop")
