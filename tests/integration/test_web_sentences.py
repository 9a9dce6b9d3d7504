"""What pages say in languages that write, join and open sentences in other ways than English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

import pytest

from digest.db import Database
from digest.editions.model import Newsletter, Section
from subscribers.model import ConsentKind
from subscribers.tokens import Grant, Purpose
from tests.integration.newsletters import DAILY, WEEKLY
from tests.integration.preference_site import Reader, make_four
from tests.integration.web_site import KEYS, MARIA, SITE, Browser, open_browser

DAY, WEEK = "\u2068The Daily Brief\u2069", "\u2068The Week\u2069"
BOTH = f"{DAY} و{WEEK}"
PRESS = {"act": "yes"}
BUSINESS = "\u2068Business Monday\u2069"


def _in_five(made: list[Newsletter]) -> list[Newsletter]:
    tongues = ("ar", "de", "es", "fr")
    return [replace(each, spec=replace(each.spec, languages=tongues)) for each in made]


@pytest.fixture
def browser(sqlite_database: Database) -> Browser:
    """A site in five languages, whose newsletters have English names."""
    made = _in_five(make_four(sqlite_database))
    return open_browser(sqlite_database, newsletters=made, site=replace(SITE, name="Post"))


def _said(
    browser: Browser, path: str, tag: str = "ar", fields: Mapping[str, object] | None = None
) -> str:
    path += ("&" if "?" in path else "?") + f"language={tag}"
    answer = browser.post(path, data=fields) if fields else browser.get(path)
    assert f'<html lang="{tag}"' in answer.text
    return unescape(answer.text).replace("\u00a0", " ")


def _reader(browser: Browser, *newsletter_ids: int) -> Reader:
    browser.join(*newsletter_ids)
    return Reader(browser.database)


def test_joined_names_keep_the_order_of_an_arabic_sentence(browser: Browser) -> None:
    asked = _said(browser, "/subscribe", fields={"email": MARIA, "newsletter": ["daily", "weekly"]})
    assert f"<bdi>يرجى التأكيد: {BOTH}</bdi>" in asked
    (link,) = browser.confirm_links()
    assert f"<h1>هل تودّون الاشتراك في {BOTH}؟</h1>" in _said(browser, link)
    _said(browser, link, fields=PRESS)
    reader = Reader(browser.database)
    grant = Grant(reader.public_id, (DAILY, WEEKLY))
    leave = f"/u/{KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)}"
    assert f"<h1>هل نوقف إرسال {BOTH}؟</h1>" in _said(browser, leave)
    assert f"لم نعد نرسل {BOTH} إلى" in _said(browser, leave, fields={"via": "page"})
    assert f"<h1>ألغيتم اشتراككم في {BOTH}</h1>" in _said(browser, leave)


def test_what_is_still_sent_is_named_in_the_order_of_the_sentence(browser: Browser) -> None:
    reader = _reader(browser, DAILY, WEEKLY, 3)
    left = _said(browser, f"/u/{reader.token(DAILY, Purpose.UNSUBSCRIBE)}", fields={"via": "page"})
    assert f"<p><b>{WEEK} و{BUSINESS}</b></p>" in left


def test_newsletters_that_share_their_topics_are_named_apart_in_a_form(
    sqlite_database: Database,
) -> None:
    sections = (Section("sea", "Sea"), Section("town", "Town"))
    made = _in_five(make_four(sqlite_database))
    same = [
        replace(
            one, spec=replace(one.spec, sections=sections if one.id != WEEKLY else sections[1:])
        )
        for one in made[:3]
    ]
    other = (Section("art", "Art"), Section("food", "Food"))
    same[1] = replace(same[1], spec=replace(same[1].spec, sections=other))
    browser = open_browser(sqlite_database, newsletters=same)
    legend = f"مواضيع {DAY} و{BUSINESS} "
    assert f'<legend class="label">{legend}' in _said(browser, "/subscribe")
    pasted = unescape(_said(browser, "/subscribe/form?newsletter=daily&topics=asked"))
    assert f"<legend>{legend}" in pasted


def test_a_name_put_into_a_sentence_of_a_readers_page_is_held_apart(browser: Browser) -> None:
    reader = _reader(browser, DAILY)
    topics = {"topics": "daily", "topic-daily": ["sea", "business"]}
    _said(browser, reader.path(), fields={"act": "save", "also": "business", **topics})
    said = {line.kind: line.act.text for line in reader.log()}
    assert said[ConsentKind.TOPICS] == "حفظ المواضيع: \u2068Sea\u2069 و\u2068Business\u2069"
    assert said[ConsentKind.CONFIRMED] == f"أرسلوا إليّ أيضًا: {BUSINESS}"
    moved = _said(browser, f"{reader.path()}/twin", fields=PRESS)
    assert f"تصلكم بدلًا من {DAY}." in moved
    assert "مواضيعكم فيها: \u2068Sea\u2069." in moved
    assert reader.log()[-1].act.text == f"الانتقال إلى {WEEK}"
    not_moved = _said(browser, f"{reader.path()}/twin")
    assert f"أنتم مشتركون في {WEEK} و{BUSINESS}." in not_moved


def test_a_newsletter_without_another_edition_is_held_apart(browser: Browser) -> None:
    reader = _reader(browser, 3)
    assert f"بديلة من {BUSINESS}</h1>" in _said(browser, f"{reader.path(3)}/twin")


def test_who_keeps_no_topic_by_a_move_is_told_so(sqlite_database: Database) -> None:
    made = make_four(sqlite_database)
    without_sea = made[1].spec.sections[1:]
    made[1] = replace(made[1], spec=replace(made[1].spec, sections=without_sea))
    browser = open_browser(sqlite_database, newsletters=_in_five(made))
    reader = _reader(browser, DAILY)
    _said(browser, reader.path(), "en", {"act": "save", "topics": "daily", "topic-daily": "sea"})
    moved = _said(browser, f"{reader.path()}/twin", "en", PRESS)
    assert "Your topics there: no topics." in moved


@pytest.mark.parametrize(
    ("tag", "opened", "within"),
    [
        ("ar", "الاثنين 12 يناير عند الساعة 7:00 ص، بتوقيت تورتولا", "، "),
        ("fr", "Lundi 12 janvier à 7 h, heure de Tortola", "lundi 12 janvier"),
        ("es", "Lunes 12 de enero a las 7:00, hora de Tórtola", "lunes"),
    ],
)
def test_a_day_that_opens_a_line_has_a_capital_and_one_within_has_none(
    browser: Browser, tag: str, opened: str, within: str
) -> None:
    browser.ask(MARIA, "daily", "business")
    (link,) = browser.confirm_links()
    shown = re.findall(r'<p class="muted">([^<]+)</p>', _said(browser, link, tag, PRESS))
    assert opened in shown
    saved = _said(browser, Reader(browser.database).path(), tag, {"act": "save", "format": "text"})
    assert within in saved.partition('role="status">')[2].partition("</p>")[0]


def test_the_foot_of_a_page_has_the_comma_of_its_language(browser: Browser) -> None:
    foot = "<p><bdi>Post</bdi>، <bdi>12 Quay Street</bdi></p>"
    assert foot in _said(browser, "/privacy")
