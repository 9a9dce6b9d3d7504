from __future__ import annotations

import json
from typing import Any

import pytest

from digest.sources.json_ld import JsonLd, is_of_type, types_of


def _read(*values: Any) -> JsonLd:
    return JsonLd([value if isinstance(value, str) else json.dumps(value) for value in values])


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("NewsArticle", ("NewsArticle",)),
        ("https://schema.org/NewsArticle", ("NewsArticle",)),
        (["schema:Article", "http://x.example/a#Thing", 7, ""], ("Article", "Thing")),
        (None, ()),
        (7, ()),
        ({}, ()),
    ],
)
def test_types_have_bare_names(kind: Any, types: tuple[str, ...]) -> None:
    thing = {"@type": kind}
    assert types_of(thing) == types
    assert is_of_type(thing, "Article") == any(name.endswith("Article") for name in types)


def test_things_stand_by_themselves_in_lists_graphs_and_as_the_main_thing_of_a_page() -> None:
    found = _read(
        {"@graph": [{"@type": "WebPage", "mainEntity": {"@type": "Article", "name": "a"}}]},
        [[{"@type": "Person", "name": "no list in a list"}], {"@type": "Article", "name": "b"}],
        {"name": "no type"},
        "7",
        {"@type": "WebSite", "publisher": {"@type": "Organization", "name": "part of another"}},
    )
    assert [thing.get("name") for thing in found.of_type("Article", "Organization", "Person")] == [
        "a",
        "b",
    ]
    assert found.broken == 0


def test_values_are_texts_objects_with_names_lists_and_references() -> None:
    found = _read(
        {
            "@type": "Article",
            "author": [
                "Ann",
                {"name": "Bob"},
                {"@id": "#c"},
                {"@id": "#none"},
                {"name": ["Dan", "x"]},
                {"name": ""},
                {"name": ["", 1]},
                True,
                None,
                " ",
            ],
            "date": {"@value": "2026"},
            "image": ["/a", {"url": "/b"}, {"contentUrl": "/c", "url": "/d"}, {"@id": "/e"}],
        },
        {"@id": "#c", "@type": "Person", "name": "Cay"},
    )
    (story,) = found.of_type("Article")
    assert list(found.texts(story, "author")) == ["Ann", "Bob", "Cay", "Dan"]
    assert found.text(story, "nothing", "date") == "2026"
    assert found.text(story, "nothing") == ""
    assert list(found.links(story, "image")) == ["/a", "/b", "/c", "/d", "/e"]


def test_references_that_lead_to_themselves_or_nowhere_end() -> None:
    found = _read(
        {"@type": "Article", "a": {"@id": "#1"}, "b": {"@id": 7}, "c": {"@id": "#self"}},
        {"@id": "#1", "x": {"@id": "#1"}},
        {"@id": "#self", "@type": "Thing"},
    )
    (story,) = found.of_type("Article")
    assert [part for part in found.parts(story, "a", "b", "c") if isinstance(part, str)] == []
    assert list(found.texts(story, "a", "b", "c")) == []


@pytest.mark.parametrize(
    ("script", "count"),
    [
        ("", 0),
        (" ; <!-- --> ", 0),
        ('{"@type":"A","x":1,},', 1),
        ('{"@type":"A","x":"it\\\'s \\x"}', 1),
        ('{"@type":"A","x":"a, ]"}', 1),
        ('{"@type":"A","x":1}\n;{"@type":"B","x":1}', 2),
        ('{"@type":"A","x":1} // and so on {', 1),
        ('{"@type":"A","x":NaN,"y":-Infinity,"z":1e999}', 1),
        ('{"@type":"A","x":' + "9" * 10_000 + "}", 1),
        ("{&#34;@type&#34;:&#34;A&#34;,&#34;x&#34;:1}", 1),
        ('{"@type":"A","x":"\u2028\t\n"}', 1),
    ],
)
def test_scripts_are_read_in_any_form(script: str, count: int) -> None:
    found = JsonLd([script])
    assert (len(found.things), found.broken) == (count, 0)


@pytest.mark.parametrize("script", ["{", "x", "[" * 51, '{"a":' * 5_000, '"', "{'a':1}", "[1,2"])
def test_what_cannot_be_read_is_counted(script: str) -> None:
    found = JsonLd([script, '{"@type":"A","x":1}'])
    assert (len(found.things), found.broken) == (1, 1)


def test_of_very_many_things_some_are_kept() -> None:
    found = _read([{"@type": "A", "x": n} for n in range(5_000)])
    assert len(found.things) == 1_000
    deep: dict[str, Any] = {"@type": "A", "x": 1}
    for _ in range(20):
        deep = {"@type": "A", "mainEntity": deep}
    assert len(_read(deep).things) == 11
