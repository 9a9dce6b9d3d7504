from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.cleaning import clean_body
from digest.sources.finishing import finish, is_boilerplate
from digest.sources.identity import folded_headline
from digest.sources.model import FoundStory
from tests.unit.sources.source_builders import a_story

URL = "https://gazette.example/ferry"


def _story(standfirst: str = "", body: str = "", **fields: Any) -> FoundStory:
    clean = clean_body(body)
    fields = {"url": URL, "headline": "Ferry sails again", **fields}
    return a_story(standfirst=standfirst, body_html=clean.html, body_text=clean.text, **fields)


def _said(story: FoundStory, language: str | None = "en") -> tuple[str, str, str]:
    done = finish(story, language=language)
    return done.standfirst, done.body_html, done.body_text


def test_headline_and_standfirst_get_the_signs_of_the_storys_language() -> None:
    story = _story('"Bonjour" ...', headline="L'été - enfin", language="fr-FR")
    done = finish(story, language="en")
    assert (done.headline, done.standfirst, done.language) == (
        "L’été – enfin",
        "«\u202fBonjour\u202f» …",
        "fr-FR",
    )


def test_a_story_without_a_language_has_that_of_its_source() -> None:
    assert finish(_story("It's so"), language="en").language == "en"
    assert finish(_story("It's so"), language=None).language is None


@pytest.mark.parametrize(
    "standfirst", ["Ferry sails again", "FERRY sails again.", "'Ferry' sails again"]
)
def test_a_standfirst_that_is_the_headline_is_none(standfirst: str) -> None:
    assert _said(_story(standfirst, "<p>Text.</p>")) == ("", "<p>Text.</p>", "Text.")


def test_of_standfirst_and_equal_first_paragraph_the_standfirst_stays() -> None:
    story = _story("It's the same words.", "<p>It’s the same words</p><p>Others.</p>")
    assert _said(story) == ("It’s the same words.", "<p>Others.</p>", "Others.")


@pytest.mark.parametrize(
    ("standfirst", "kept"),
    [
        ("The boat left at six. Forty were", ""),
        ("The boat left at six. Forty wer…", ""),
        ("The boat left at six. Forty were […]", ""),
        ("The boat left at six.", ""),
        ("The boat left at six. Forty were aboard. It came back", ""),
        ("The boat left at seven…", "The boat left at seven…"),
        ("The boa", "The boa"),
    ],
)
def test_of_a_standfirst_that_only_begins_the_body_the_body_stays(
    standfirst: str, kept: str
) -> None:
    body = "<p>The boat left at six. Forty were aboard.</p><p>It came back.</p>"
    story = _story(standfirst, body)
    assert _said(story) == (kept, story.body_html, story.body_text)


def test_the_only_paragraph_of_a_story_with_a_page_is_its_standfirst_and_else_its_body() -> None:
    assert _said(_story("One.", "<p>One.</p>")) == ("One.", "", "")
    assert _said(_story("One.", "<p>One.</p>", url=None)) == ("", "<p>One.</p>", "One.")


def test_a_headline_at_the_head_of_the_body_is_not_said_again() -> None:
    body = "<h2>Ferry sails again</h2><p>Ferry sails again</p><p>Same.</p><p>Text.</p>"
    assert _said(_story("Same.", body)) == ("Same.", "<p>Text.</p>", "Text.")


def test_where_the_paragraph_cannot_be_cut_the_standfirst_goes() -> None:
    body = '<p><img src="https://gazette.example/a.jpg">Same words.</p><p>More.</p>'
    assert _said(_story("Same words.", body))[0] == ""


@pytest.mark.parametrize(
    ("standfirst", "kept"),
    [
        ("Begun […]", "Begun…"),
        ("Begun [...]", "Begun…"),
        ("Begun [&hellip;]", "Begun…"),
        ("Begun […", "Begun…"),
        ("Begun … Continue reading Ferry sails again →", "Begun…"),
        ("Begun […] Read more »", "Begun…"),
        ("Begun. (more…)", "Begun."),
        ("Said. Read more...", "Said."),
        ("Said. [Weiterlesen]", "Said."),
        ("Dit. Lire la suite", "Dit."),
        ("Dicho. Seguir leyendo »", "Dicho."),
        ("Said. The post Ferry & co appeared first on Gazette.", "Said."),
        ("Gesagt. Der Beitrag Fähre erschien zuerst auf Blatt.", "Gesagt."),
        ("Dit. L’article Le bac est apparu en premier sur Le Port.", "Dit."),
        ("Dicho. La entrada El barco se publicó primero en Puerto.", "Dicho."),
        ("Read more", ""),
        ("[…]", ""),
        ("Children can now read more", "Children can now read more"),
        ("The post office opens", "The post office opens"),
    ],
)
def test_what_programs_add_is_no_part_of_a_standfirst(standfirst: str, kept: str) -> None:
    assert _said(_story(standfirst))[0] == kept


def test_what_programs_add_is_no_part_of_a_body() -> None:
    footer = '<p>The post <a href="https://e.example/">Ferry</a> appeared first on <b>G</b>.</p>'
    story = _story("", f"<p>Text.</p><p>Read more</p>{footer}")
    assert _said(story) == ("", "<p>Text.</p>", "Text.")


def test_what_goes_on_and_on_is_no_footer_but_the_story() -> None:
    assert _said(_story("", "<p>Read more</p>" * 3))[2] == ""
    assert _said(_story("", "<p>Read more</p>" * 4))[2] == "\n\n".join(["Read more"] * 4)
    assert not is_boilerplate("The post " + "x" * 2_000 + " appeared first on G.")


def test_a_long_text_is_finished_soon() -> None:
    paragraph = "word " * 50_000
    began = time.process_time()
    finish(_story(paragraph, f"<p>{paragraph}</p>"), language="en")
    finish(_story("The post " * 200 + "x", "<p>The post </p>" * 3_000), language="en")
    finish(_story("S", "<p>Ferry sails again</p>" * 10_000 + "<p></p>" * 2_000), language="en")
    assert time.process_time() - began < 2


WORDS = st.lists(
    st.sampled_from(
        ["Ferry", "sails", "again", "It's", "…", "[…]", "Read more", ".", '"so"', "- ", "a b c",
         "The post x appeared first on G.", "Continue reading", "\u202f"]
    ),
    max_size=8,
).map(" ".join)  # fmt: skip


@given(
    WORDS, WORDS, st.lists(WORDS, max_size=5), st.booleans(), st.sampled_from(["en", "fr", None])
)
def test_twice_is_once_and_nothing_is_said_twice(
    headline: str,
    standfirst: str,
    paragraphs: list[str],
    has_page: bool,  # noqa: FBT001 - hypothesis draws it
    language: str | None,
) -> None:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    story = _story(standfirst, body, headline=f"H {headline}", url=URL if has_page else None)
    done = finish(story, language=language)
    assert finish(done, language=language) == done
    assert clean_body(done.body_html).text == done.body_text
    assert folded_headline(done.headline) == folded_headline(story.headline)
    if done.standfirst:
        first = done.body_text.partition("\n\n")[0]
        assert folded_headline(done.standfirst) not in {
            folded_headline(done.headline),
            folded_headline(first),
        }
