from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.markdown import MAX_BYTES, read_markdown
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Picture,
    Reading,
    Recording,
    RecordingKind,
)

PATH = "/site/content/town/2026-01-09-ferry.md"

YAML = """---
title: "Ferry sails again & again"
date: 2026-01-09 06:15
lastmod: 2026-01-09T07:00:00Z
description: >
  Nine weeks
  are over.
authors: [Ann Teller, {name: Bob Roe}]
section: Town
tags: Local, Harbour > Quay
id: f-1
url: https://post.example/ferry/
cover:
  image: /img/ferry.jpg
  alt: The ferry
  credit: Bo Lens
audio: {url: /ferry.mp3, duration: "12:34"}
language: no
priority: 5
---
# Ferry sails again & again

The first *boat* left at [six](/six).

# Later

| Ship | Hour |
|---|---|
| Ida | ~~7~~ 8 |
"""
BODY = (
    '<p>The first <em>boat</em> left at <a href="https://post.example/six"'
    ' rel="noopener noreferrer">six</a>.</p>\n<h2>Later</h2>\n'
    "<table>\n<thead>\n<tr>\n<th>Ship</th>\n<th>Hour</th>\n</tr>\n</thead>\n"
    "<tbody>\n<tr>\n<td>Ida</td>\n<td><s>7</s> 8</td>\n</tr>\n</tbody>\n</table>"
)
STORY = FoundStory(
    headline="Ferry sails again & again",
    url="https://post.example/ferry/",
    guid="f-1",
    standfirst="Nine weeks are over.",
    body_html=BODY,
    body_text="The first boat left at six.\n\nLater\n\nShip\n\nHour\n\nIda\n\n7 8",
    authors=("Ann Teller", "Bob Roe"),
    categories=("Town", "Local", "Harbour > Quay", "Harbour", "Quay"),
    picture=Picture("https://post.example/img/ferry.jpg", "The ferry", "Bo Lens"),
    recording=Recording("https://post.example/ferry.mp3", 754, RecordingKind.AUDIO),
    published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
    published_from=DateOrigin.EDITOR,
    updated_at=datetime(2026, 1, 9, 7, 0, tzinfo=UTC),
    language="no",
    priority=5,
)


def read(text: str | bytes, address: str = PATH, **more: Any) -> Reading:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return read_markdown(content, address=address, **more)


def read_one(*head: str, body: str = "It sails.", address: str = PATH) -> FoundStory:
    (story,) = read("\n".join(("---", *head, "---", body)), address).stories
    return story


def refused(text: str | bytes) -> SourceError:
    with pytest.raises(SourceError) as error:
        read(text)
    return error.value


def test_a_story_takes_every_field_it_is_given() -> None:
    assert read(YAML, zone="Europe/Berlin", language="en") == Reading((STORY,))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    content = b"\xef\xbb\xbf" + YAML.replace("\n", "\r\n").encode()
    assert read(content, zone="Europe/Berlin") == Reading((STORY,))


def test_toml_and_json_say_the_same_as_yaml() -> None:
    toml = """+++
title = "Ferry"
date = 2026-01-09T06:15:00+01:00
lastmod = 2026-01-10
draft = false
featured = true
tags = ["Local"]
[params]
author = "Ann Teller"
+++
It sails.
"""
    json = """{"title": "Ferry", "date": "2026-01-09T06:15:00+01:00", "lastmod": "2026-01-10",
 "draft": false, "featured": true, "tags": ["Local"], "params": {"author": "Ann Teller"}}
It sails.
"""
    yaml = """---
title: Ferry
date: 2026-01-09T06:15:00+01:00
lastmod: 2026-01-10
draft: false
featured: true
tags:
- Local
params: {author: Ann Teller}
...
It sails.
"""
    expected = Reading(
        (
            FoundStory(
                headline="Ferry",
                guid="content/town/2026-01-09-ferry.md",
                body_html="<p>It sails.</p>",
                body_text="It sails.",
                authors=("Ann Teller",),
                categories=("Local",),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.EDITOR,
                updated_at=datetime(2026, 1, 10, tzinfo=UTC),
                priority=1,
            ),
        )
    )
    assert [read(text) for text in (toml, json, yaml)] == [expected] * 3


def test_a_file_without_a_head_is_called_by_its_first_heading_and_dated_by_its_name() -> None:
    (story,) = read("Before.\n\nFerry *sails*\n=====\n\nIt left.", zone="Europe/Berlin").stories
    assert story == FoundStory(
        headline="Ferry sails",
        guid="content/town/2026-01-09-ferry.md",
        body_html="<p>Before.</p>\n<p>It left.</p>",
        body_text="Before.\n\nIt left.",
        published_at=datetime(2026, 1, 8, 23, 0, tzinfo=UTC),
        published_from=DateOrigin.EDITOR,
    )


def test_a_heading_that_is_not_the_title_stays() -> None:
    story = read_one("title: Ferry", body="# Timetable\n\nSix.")
    assert story.body_text == "Timetable\n\nSix."


@pytest.mark.parametrize("text", ["", "---\n---\n", "---\ntitle:\n---\n", "\x00\n"])
def test_an_empty_file_is_no_story_and_says_so(text: str) -> None:
    assert read(text) == Reading(
        warnings=("2026-01-09-ferry.md has no title and no text; left out",)
    )


def test_a_file_without_any_title_is_called_by_its_first_words() -> None:
    assert read_one("description: ''", body="word " * 20).headline == "word " * 11 + "word…"


@pytest.mark.parametrize("line", ["draft: true", "draft: yes", "published: false", "Draft: 1"])
def test_a_draft_is_no_story(line: str) -> None:
    assert read(f"---\ntitle: Ferry\n{line}\n---\nIt sails.") == Reading()


@pytest.mark.parametrize("line", ["draft: false", "draft:", "published: true", "draft: ~"])
def test_what_is_no_draft_is_a_story(line: str) -> None:
    assert read(f"---\ntitle: Ferry\n{line}\n---\nIt sails.").warnings == ()
    assert read_one("title: Ferry", line).published_at == datetime(2026, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        "publishDate: 2026-02-01",
        "pub_date: 2026-02-01",
        "published: 2026-02-01",
        "Date: 2026-02-01",
    ],
)
def test_a_date_goes_by_many_names(line: str) -> None:
    assert read_one("title: T", line).published_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_date_that_cannot_be_read_is_told_and_the_files_name_stands_in() -> None:
    reading = read("---\ntitle: T\ndate: soon\n---\n")
    assert reading.stories[0].published_at == datetime(2026, 1, 9, tzinfo=UTC)
    assert reading.warnings == (
        "2026-01-09-ferry.md has a date that cannot be read (date: 'soon')",
    )


def test_a_story_without_any_date_has_none() -> None:
    story = read_one("title: T", address="ferry.md")
    assert (story.published_at, story.published_from, story.guid) == (None, None, "ferry.md")


@pytest.mark.parametrize(
    ("lines", "picture"),
    [
        (["image: https://a.example/x", "image_alt: X"], Picture("https://a.example/x", "X")),
        (["images: no", "heroImage: {src: 'https://a.example/x'}"], Picture("https://a.example/x")),
        (["thumbnail: [{url: 'https://a.example/x'}]"], Picture("https://a.example/x")),
        (["image: []"], Picture("https://a.example/body.jpg", "Boat")),
    ],
)
def test_a_picture_goes_by_many_names(lines: list[str], picture: Picture) -> None:
    assert read_one(*lines, body="![Boat](https://a.example/body.jpg) x").picture == picture


def test_a_picture_beside_the_file_has_no_address_and_is_told() -> None:
    reading = read("---\ntitle: T\nimage: ./ferry.jpg\n---\nIt sails.")
    assert reading.stories[0].picture is None
    assert reading.warnings == (
        "2026-01-09-ferry.md names a picture that has no web address ('./ferry.jpg'); left out",
    )


def test_a_video_is_a_recording_and_its_length_may_stand_apart() -> None:
    story = read_one("title: T", "video: https://a.example/v.mp4", "duration: 90")
    assert story.recording == Recording("https://a.example/v.mp4", 90, RecordingKind.VIDEO)


def test_a_recording_without_an_address_is_none() -> None:
    assert read_one("title: T", "audio: ferry.mp3").recording is None


@pytest.mark.parametrize(
    ("address", "language"), [("a/ferry.fr.md", "fr"), ("a/ferry.md", "en"), ("a/x.y2.md", "en")]
)
def test_a_files_name_may_tell_its_language(address: str, language: str) -> None:
    (story,) = read("# Ferry", address, language="en").stories
    assert story.language == language


def test_a_file_on_the_web_resolves_its_links_by_its_own_address() -> None:
    (story,) = read("# T\n\n[x](y)", "https://post.example/raw/a.md?v=1").stories
    assert 'href="https://post.example/raw/y"' in story.body_html
    assert (story.url, story.guid) == (None, "post.example/raw/a.md")


def test_markup_is_cleaned_and_other_programs_codes_are_left_out() -> None:
    body = (
        'A<br>b <script>x()</script>{{< figure src="x" >}}{% include y %} c.\n{: .lead}\n\n'
        "[bad](javascript:x) `{{ kept }}`"
    )
    assert read_one("title: T", body=body).body_html == (
        "<p>A<br>b  c.</p>\n<p>[bad](javascript:x) <code>{{ kept }}</code></p>"
    )


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("---\ntitle: Ferry: back\n---\n", "line 2: mapping values are not allowed here"),
        ("---\na: [1\n---\n", "line 3: expected ',' or ']', but got '<stream end>'"),
        ("---\na: *b\n---\n", "line 2: found undefined alias 'b'"),
        ("---\na: &a [*a]\n---\n", "line 2: found unconstructable recursive node"),
        ("---\n- a\n---\n", "line 1: the front matter is no list of keys and values"),
        ("---\ntitle: Ferry\n", "line 1: the front matter has no end: no second ---"),
        ("+++\na = 1\n", "line 1: the front matter has no end: no second +++"),
        ("+++\na = 1\nb = \n+++\n", "line 3: Invalid value"),
        ("+++\na = '''\n+++\n", "line 2: Expected \"'''\" (at end of document)"),
        ("+++\na = " + "[" * 9_000 + "\n+++\n", "line 1: not TOML (RecursionError)"),
        ("+++\na = " + "1" * 9_000 + "\n+++\n", "line 1: not TOML (ValueError)"),
        ('{"a": 1,\n"b": }\n', "line 2: not JSON: Expecting value"),
        ('{"a":' * 3_000, "line 1: not JSON (RecursionError)"),
        ("---\na: " + "[" * 9_000 + "\n---\n", "line 2: nested deeper than 10"),
        ("---\na: [" + "x," * 6_000 + "]\n---\n", "line 2: more than 5000 values"),
        ("---\na: " + "x" * 20_000 + "\n---", "line 1: front matter of more than 16384 characters"),
    ],
)  # fmt: skip
def test_a_broken_head_is_refused_with_its_line(text: str, cause: str) -> None:
    error = refused(text)
    assert str(error) == f"markdown: {PATH}: {cause}"
    assert (
        error.hint == "Mend the lines above the text; a value with a colon in it stands in quotes."
    )


def test_a_rule_above_the_text_is_no_head() -> None:
    (story,) = read("---\n\nFerry sails.\n\nIt left.").stories
    assert story.headline == "Ferry sails. It left."


def test_a_line_between_two_rules_is_text() -> None:
    (story,) = read("---\nFerry sails\n---\nIt left.").stories
    assert story.body_text == "Ferry sails\n\nIt left."


def test_a_huge_file_is_refused_and_a_long_one_cut() -> None:
    assert str(refused(b"x" * (MAX_BYTES + 1))) == f"markdown: {PATH}: larger than 2 MB"
    reading = read("# T\n\n" + "word " * 60_000)
    assert reading.warnings == ("2026-01-09-ferry.md is longer than 256 KB; cut",)


def test_what_is_signs_rather_than_words_is_read_as_plain_text() -> None:
    began = time.process_time()
    reading = read("# Ferry\n\n" + "![[" * 87_000)
    assert time.process_time() - began < 1
    assert reading.stories[0].headline == "Ferry"
    assert reading.stories[0].body_text == "![[" * 87_000
    assert reading.warnings == (
        "2026-01-09-ferry.md has more than 30,000 signs of Markdown; read as plain text",
    )
    kept = read("---\ntitle: Boat\n---\n# Ferry\n\n" + "*a* _b_ " * 8_000).stories[0]
    assert kept.headline == "Boat"
    assert kept.body_html.startswith("<p># Ferry</p><p>*a* _b_ *a*")
    assert read("# T\n\n" + "*a* [b](c) " * 4_000).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "![[" * 3_000,
        "|a" * 1_000 + "\n" + "|-" * 1_000 + "\n" + "|x\n" * 100,
        ">" * 250_000,
        "{% " * 80_000,
        "+++\na" + ".a" * 2_000 + " = 1\n+++\n# T",
        "---\na: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(200)) + "---\n# T",
    ],
)
def test_a_file_built_to_hurt_costs_little(text: str) -> None:
    begun = time.process_time()
    assert len(read(text).stories) <= 1
    assert time.process_time() - begun < 5


def test_hostile_texts_come_out_clean() -> None:
    story = read_one(
        'title: "Ferry\\ud800 <b>\\u202eback</b>\\0"',
        "url: javascript:x",
        "author: ann@post.example",
        "priority: 99999999999999999999999999",
        "language: <b>",
        body="a\x00b\udfff c\u202e",
    )
    assert (story.headline, story.url, story.authors) == ("Ferry back", None, ())
    assert (story.priority, story.language) == (100, None)
    story.body_html.encode()


LINES = st.sampled_from(
    ["---", "+++", "{", "}", "title: T", "date: [1, {a: b}]", "tags: {a: 1}", "cover: [x]",
     "a = 1", 'title = "T"', "# H", "![x](y)", "- a", "published: 2", "slug: 0x1", "<div>", "\x00"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(LINES | st.text(max_size=10), max_size=12).map("\n".join))
def test_any_file_ends_in_a_story_or_in_one_kind_of_error(text: str) -> None:
    try:
        reading = read(text)
    except SourceError:
        return
    for story in reading.stories:
        assert story.headline
        (story.headline + story.body_html + (story.guid or "")).encode()
