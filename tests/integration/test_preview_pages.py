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

from digest.checks.model import Finding, Part, Place, Report, Severity
from digest.composition.colour import forced_ground
from digest.composition.model import Site
from digest.composition.pictures import BorrowedShelf
from digest.editions.cadence import next_slot
from digest.errors import CompositionError
from digest.web.preview import Looks, make_preview, serve_preview
from digest.web.preview_wish import MODES, VIEWS, Seen, Wish
from digest.workflow.preview import Preview, preview
from tests.builders import Paper, a_newsletter, moment, open_paper

PICTURE = "a" * 64
HOSTILE = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)>'


@dataclass
class FakeLooks:
    """Gives one look after the other; a sentence in place of one is an error."""

    preview: Preview
    site: Site
    coming: list[Preview | str | OSError] = field(default_factory=list)
    count: int = 0
    wishes: list[Wish] = field(default_factory=list)
    looks: Looks | None = None
    report: Report | None = None
    fault: Exception | None = None

    def seen(self, preview: Preview) -> Seen:
        checked = self.report is not None or self.fault is not None
        names = {"daily": "The Morning Post"}
        return Seen(preview, self.site, names, self.check if checked else None)

    def check(self) -> Report:
        if self.fault is not None:
            raise self.fault
        assert self.report is not None
        return self.report

    def __call__(self, wish: Wish) -> Seen:
        self.count += 1
        self.wishes.append(wish)
        following = self.coming.pop(0) if self.coming else self.preview
        if isinstance(following, OSError):
            raise following
        if isinstance(following, str):
            raise CompositionError(
                following, template="daily/body.mjml", line=3, hint="Mend the template."
            )
        return self.seen(following)


@dataclass(frozen=True)
class Browser:
    client: TestClient
    looks: FakeLooks

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
        looks = FakeLooks(seen, paper.app.newsroom.site)
        looks.looks = Looks(looks.seen(seen), looks, load_picture=_picture, read=_read)
        app = make_preview(looks.looks)
        return Browser(TestClient(app, base_url="http://127.0.0.1:4000"), looks)

    yield browser
    for paper in papers:
        paper.app.close()


def _picture(hash_: str) -> tuple[str, bytes] | None:
    return ("image/jpeg", b"a picture") if hash_ == PICTURE else None


def _read(name: str) -> str | None:
    return "\n".join(f"line {n} of {name}" for n in range(1, 9))


def look_at(paper: Paper) -> Preview:
    app = paper.app
    (newsletter,) = app.newsroom.newsletters
    slot = next_slot(newsletter.spec.cadence, paper.watch.at)
    assert slot is not None
    return preview(app.newsroom, app.mailer, newsletter, slot, shelf=BorrowedShelf(app.database))


def test_it_begins_with_the_newsletters_own_language(opened: Open) -> None:
    answer = opened(languages=("es",)).get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/en/letter")


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
    assert re.findall("<script.*?>", page) == ['<script src="/static/preview.js" defer>']
    ours = re.sub(r"<pre.*?</pre>|<ol class=.lines.*?</ol>", "", page, flags=re.DOTALL)
    assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", ours)


def test_the_frames_show_the_letter_light_and_dark_with_our_pictures_from_here(
    opened: Open,
) -> None:
    browser = opened()
    (copy,) = browser.looks.preview.copies
    assert copy.html is not None
    source = f'<img src="https://letters.post.example/images/{PICTURE}.jpg">'
    browser = opened(html=copy.html.replace("</body>", f"{source}</body>"))
    assert 'src="/en/frame/dark"' in browser.page("/en/letter?mode=dark&width=375")
    light, dark = (browser.page(f"/en/frame/{scheme}") for scheme in ("light", "dark"))
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
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", browser.page("/en/text"), re.DOTALL)
    assert shown is not None
    assert html.unescape(re.sub("<[^>]*>", "", shown[1])) == copy.text
    source = re.findall("<code>(.*?)</code>", browser.page("/en/source"))
    assert html.unescape("\n".join(source)) == (copy.html or "").removesuffix("\n")
    assert '<li id="L3"><a href="#L3">3</a>' in browser.page("/en/source")
    assert "        10        20" in browser.page("/en/text")
    assert "&lt;daily.letters.post.example&gt;" in browser.page("/en/headers")
    raw = html.unescape(browser.page("/en/raw"))
    assert copy.message.decode().replace("\r\n", "\n") in raw.replace("\r\n", "\n")
    saved = browser.get("/en/message.eml")
    assert saved.content == copy.message
    assert saved.headers["content-disposition"] == (
        'attachment; filename="daily-2026-01-09-en.eml"'
    )
    assert copy.composition.content_hash in browser.page("/en/letter")


def test_the_inbox_row_is_cut_where_mail_programs_cut(opened: Open) -> None:
    long = "A very long headline about the harbour and its many boats at rest today"
    page = opened(long, "Council votes", "School roof mended").page("/en/inbox")
    subject = re.search(r"iPhone.*?class=\"head-line\" dir=\"auto\">([^<]*)<", page, re.DOTALL)
    assert subject is not None
    assert len(subject[1]) <= 41
    assert subject[1].endswith("…")
    for words in ("cut after 41 of", "cut after 38 of", 'class="inbox light"', "inbox dark"):
        assert words in page
    assert "without <q" in page


def test_each_language_is_a_link_away(opened: Open) -> None:
    browser = opened(languages=("es", "ar"))
    page = browser.page("/es/text")
    for tag, name in (("en", "English"), ("es", "Español"), ("ar", "العربية")):
        assert re.search(rf'href="/{tag}/text" lang="{tag}"[^>]*>{name}<', page)
    assert 'lang="ar"' in browser.page("/ar/frame/light")
    assert browser.get("/fr/text").status_code == 404
    assert "Languages" not in opened().page("/en/text")


def test_a_reader_of_plain_text_has_no_html_to_look_at(opened: Open) -> None:
    browser = opened(html=None)
    assert "their copy has no HTML" in browser.page("/en/letter")
    assert browser.get("/en/frame/light").status_code == 404


def test_without_an_edition_it_says_why_and_what_there_is(opened: Open) -> None:
    browser = opened("Ferry returns", "Council votes")
    page = browser.page("/en/letter")
    assert "No edition: 2 new stories, 3 needed" in page
    assert "Ferry returns" in page
    assert browser.get("/").headers["location"] == "/en/letter"
    for path in ("/en/frame/light", "/en/message.eml", "/es/letter"):
        assert browser.get(path).status_code == 404


def test_a_reload_looks_again_and_a_change_of_view_does_not(opened: Open) -> None:
    browser = opened()
    later = replace(browser.looks.preview, warnings=("picture: The sea: it is gone",))
    browser.looks.coming = [later, browser.looks.preview, later]
    browser.page("/en/text")
    assert browser.looks.count == 0
    assert "it is gone" in browser.get("/en/text", **{"cache-control": "max-age=0"}).text
    assert "it is gone" in browser.page("/en/text")
    assert "it is gone" not in browser.get("/en/text", **{"cache-control": "no-cache"}).text
    assert "it is gone" in browser.page("/en/text?again")
    assert browser.looks.count == 3


def test_a_look_that_fails_is_told_and_what_was_seen_last_stays(opened: Open) -> None:
    browser = opened()
    browser.looks.coming = ["template: daily/body.mjml: line 3: <oops>"]
    failed = browser.page("/en/letter?again")
    assert "<h2>daily/body.mjml, line 3</h2>" in failed
    assert "template: daily/body.mjml: line 3: &lt;oops&gt;" in failed
    assert "Mend the template." in failed
    assert '<span class="at"><i>    3</i> line 3 of daily/body.mjml\n' in failed
    assert "Below is the last good one, of 06:30:00 UTC." in failed
    assert "Ferry returns" in failed
    assert "Ferry returns" in browser.page("/en/frame/light")
    assert "&lt;oops&gt;" in browser.page("/en/text"), "it is not mended yet"
    assert "oops" not in browser.page("/en/letter?again")


def test_what_never_could_be_shown_is_a_page_that_says_why(opened: Open) -> None:
    browser = opened()
    browser.looks.coming = ["preview: nobody@reader.example: <is> on no list"]
    failed = browser.get("/en/letter?as=nobody@reader.example")
    assert failed.status_code == 500
    assert "nobody@reader.example: &lt;is&gt; on no list" in failed.text
    assert browser.looks.wishes == [Wish(reader="nobody@reader.example")]


def test_each_wish_is_looked_for_once_until_a_file_is_saved(opened: Open) -> None:
    browser = opened()
    for path in ("/en/letter?with=fifty", "/en/inbox?with=fifty", "/en/frame/dark?with=fifty"):
        browser.page(path)
    assert browser.looks.wishes == [Wish(sample="fifty")]
    assert browser.looks.looks is not None
    browser.looks.looks.saved()
    page = browser.page("/en/text?with=fifty&topic=town&topic=sport&at=2026-01-09T06:00&anew=1")
    assert 'data-count="1"' in page
    browser.page("/en/text?with=fifty")
    assert browser.looks.wishes[1:] == [
        Wish(sample="fifty", topics=("town", "sport"), at="2026-01-09T06:00", anew=True),
        Wish(sample="fifty"),
    ]


def test_every_link_to_a_view_keeps_what_is_wanted(opened: Open) -> None:
    browser = opened(languages=("es",))
    page = browser.page("/en/letter?with=one&width=320&mode=forced&topic=town")
    for link in (
        "/en/inbox?with=one&amp;topic=town&amp;width=320&amp;mode=forced",
        "/en/letter?with=one&amp;topic=town&amp;mode=forced",
        "/en/letter?with=one&amp;topic=town&amp;width=320",
        "/es/letter?with=one&amp;topic=town&amp;width=320&amp;mode=forced",
    ):
        assert f'href="{link}"' in page
    assert 'src="/en/frame/forced?with=one&amp;topic=town"' in page
    assert browser.page("/en/letter?width=999&mode=sepia").count('aria-current="true"') == 3


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_changes_the_letter_and_none_runs_anything(opened: Open, mode: str) -> None:
    browser = opened()
    shown = browser.page(f"/en/frame/{mode}")
    assert "Ferry returns" in shown
    assert "<script" not in shown
    assert ("<style" in shown) == (mode not in {"no-sheet", "no-styles"})
    assert ("style=" in shown) == (mode != "no-styles")
    paper = f"html{{background-color:{forced_ground('#FFFFFF')}"
    assert (paper in shown) == (mode == "forced")


def test_what_the_checks_find_stands_beside_the_letter_with_a_way_to_its_place(
    opened: Open,
) -> None:
    browser = opened()
    line = Place(Part.HTML, line=7)
    found = (
        Finding("L01", Severity.BLOCK, "A link leads <nowhere>.", "Mend it.", line),
        Finding("C07", Severity.WARN, "It is old.", "Look.", Place(number=2)),
        Finding("I02", Severity.WARN, "As before.", "Change it.", ignored="We like it."),
        Finding("C01", Severity.WARN, "In Spanish.", "Change it.", language="es"),
    )
    browser.looks.report = Report(found, passed=21)
    page = browser.page("/en/letter?again")
    assert "1 blocked, 2 warned, 21 passed" in page
    assert "A link leads &lt;nowhere&gt;." in page
    assert '<a href="/en/source#L7">html, line 7</a>' in page
    assert '<a href="#story-2">story 2</a>' in page
    assert "Ignored: We like it." in page
    assert "In Spanish." not in page
    part = browser.page("/en/checks")
    assert part.strip().startswith('<div class="label"><h2>Checks</h2>')
    live = browser.get("/en/letter", **{"x-live": "1"}).text
    assert "21 passed" not in live, "the checks come when all is quiet"
    browser.looks.report = None
    browser.looks.fault = RuntimeError("a check <breaks>")
    assert "They could not be run: RuntimeError" in browser.page("/en/letter?again")


def test_hostile_headlines_stay_words(opened: Open) -> None:
    browser = opened(HOSTILE, f"Two {HOSTILE}", f"Three {HOSTILE}")
    for view in VIEWS:
        page = browser.page(f"/en/{view}")
        assert page.count("<script") == 1, "our own"
        assert "<img" not in page


def test_only_this_machine_by_its_own_name_may_ask_and_only_to_see(opened: Open) -> None:
    browser = opened()
    for host in ("evil.example", "letters.post.example", "127.0.0.1.evil.example", ""):
        assert browser.get("/en/letter", host=host).status_code == 400
    assert browser.get("/en/letter", host="localhost:4000").status_code == 200
    for path in ("/en/letter", "/en/frame/light", "/"):
        assert browser.client.post(path).status_code == 405
    for path in ("/nothing", "/en/nothing", "/en/frame/blue", "/static/nothing.css"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/en/letter", "/en/frame/dark", "/static/preview.css", "/static/site.css", "/x"]
)
def test_only_our_own_script_runs_and_nothing_is_kept(opened: Open, path: str) -> None:
    headers = opened().get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    is_letter = "/frame/" in path
    assert ("script-src 'self';" in policy) == (not is_letter), "nothing of the letter ever runs"
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "" if is_letter else "?")
    assert ("sandbox allow-same-origin allow-popups" in policy) == is_letter
    assert "allow-scripts" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == ("SAMEORIGIN" if is_letter else "DENY")


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
    failed = browser.get("/en/letter?again")
    assert failed.status_code == 200, "what was seen last is still there"
    assert "The edition cannot be looked at now (OSError)" in failed.text
    assert failed.text.count("<script") == 1
    assert failed.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Ferry returns" in browser.page("/en/letter")
