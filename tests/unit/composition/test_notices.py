from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.language import ENGLISH, Language
from digest.composition.notices import FACTS, FactKind, First, Row, facts_for, title_of
from digest.errors import CompositionError
from digest.outbox.model import NoticeKind
from tests.unit.composition.notice_builders import EDITION, EVENTS, FULL, HEADLINE, LEAST, PUBLIC

ARABIC = Language(
    "ar",
    {
        "%(names)s and %(last)s": ("%(names)s و%(last)s",),
        "%(names)s, %(next)s": ("%(names)s، %(next)s",),
        "Welcome to %(newsletter)s": ("أهلًا بك في %(newsletter)s",),
        "%(day)s at %(hour)s, %(place)s": ("%(day)s الساعة %(hour)s، %(place)s",),
        "%(city)s time": ("بتوقيت %(city)s",),
    },
)
GERMAN = Language("de", {"%(edition)s is held": ("%(edition)s wird zurückgehalten",)})


def read(kind: str, language: Language = ENGLISH, /, **changes: Any) -> dict[str, object]:
    return facts_for(kind, {**FULL[kind], **changes}, language=language)


def titled(kind: str, language: Language = ENGLISH, /, **changes: Any) -> str:
    return title_of(kind, read(kind, language, **changes), language=language)


def test_every_kind_of_notice_has_its_facts() -> None:
    assert set(FACTS) == set(NoticeKind) == set(FULL) == set(LEAST)


def test_what_is_optional_is_nothing_of_its_kind() -> None:
    assert facts_for("confirm", LEAST["confirm"], language=ENGLISH) == {
        "newsletter": "The Morning Post and The Week",
        "address": "maria@reader.example",
        "confirm_url": FULL["confirm"]["confirm_url"],
        "valid_days": 0,
    }
    assert facts_for("editors", {"headline": "One"}, language=ENGLISH) == {
        "headline": "One",
        "edition": "",
        "event": "",
        "reason": "",
        "rows": (),
        "url": "",
    }
    welcome = facts_for("welcome", LEAST["welcome"], language=ENGLISH)
    assert (welcome["letters"], welcome["latest_url"], welcome["preferences_url"]) == ((), "", "")


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in FACTS for name, f in FACTS[kind].items() if f.required],
)
@pytest.mark.parametrize("nothing", [None, "gone"])
def test_a_fact_that_is_missing_is_named(kind: str, name: str, nothing: str | None) -> None:
    facts = dict(FULL[kind])
    if nothing is None:
        facts[name] = None
    else:
        del facts[name]
    with pytest.raises(CompositionError) as caught:
        facts_for(kind, facts, language=ENGLISH)
    assert str(caught.value) == f"notice: {kind}: the fact {name!r} is missing"
    assert caught.value.hint.startswith("This is a mistake in the program")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("confirm", "newsletter", ""),
        ("confirm", "newsletter", []),
        ("confirm", "address", " \n"),
        ("confirm", "confirm_url", "  "),
        ("sign-in", "valid_minutes", 0),
    ],
)
def test_an_empty_fact_is_missing(kind: str, name: str, value: object) -> None:
    with pytest.raises(CompositionError, match=f"{name}' is missing"):
        read(kind, **{name: value})


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("preferences", "Your preferences"),
        ("data", "All that we keep about you"),
        ("erase", "Shall we erase what we keep about you?"),
        ("changed", "Your address was changed"),
        ("anything else", "Your preferences"),
    ],
)
def test_a_mail_with_one_link_is_headed_by_what_it_leads_to(what: str, title: str) -> None:
    given = facts_for("link", {**FULL["link"], "what": what}, language=ENGLISH)
    assert title_of("link", given, language=ENGLISH) == title


@pytest.mark.parametrize("what", ["preferences", "data", "erase"])
def test_only_the_news_of_a_changed_address_may_have_no_link(what: str) -> None:
    facts_for("link", LEAST["link"], language=ENGLISH)
    with pytest.raises(CompositionError, match="link: the fact 'link_url' is missing"):
        facts_for("link", {**LEAST["link"], "what": what}, language=ENGLISH)


@pytest.mark.parametrize(
    ("kind", "name", "value", "wanted"),
    [
        ("operators", "what", {"a": 1}, "words"),
        ("operators", "what", True, "words"),
        ("confirm", "address", ["a@b.example"], "a name"),
        ("confirm", "newsletter", [None, 7.5], "names"),
        ("confirm", "confirm_url", "javascript:alert(1)", "a link"),
        ("confirm", "confirm_url", "//letters.example/confirm", "a link"),
        ("editors", "url", "/desk", "a link"),
        ("confirm", "valid_days", -1, "a number"),
        ("confirm", "valid_days", "7", "a number"),
        ("confirm", "valid_days", True, "a number"),
        ("editors", "rows", "rows", "rows"),
        ("editors", "rows", ["row"], "rows"),
        ("editors", "rows", [["lead", "One", "two"]], "rows"),
        ("welcome", "letters", [["One"]], "first letters"),
        ("welcome", "letters", [["One", "tomorrow", "Europe/London"]], "first letters"),
        ("welcome", "letters", [["One", "2026-01-12T07:00:00", "Europe/London"]], "first letters"),
        ("welcome", "letters", [["One", "2026-01-12T07:00:00Z", "Atlantis"]], "first letters"),
        ("welcome", "letters", [["One", "2026-01-12T07:00:00Z", ""]], "first letters"),
        ("welcome", "letters", [["One", "2026-01-12T07:00:00Z", "Europe"]], "first letters"),
    ],
)
def test_a_fact_that_is_no_such_thing_is_named_and_never_quoted(
    kind: str, name: str, value: object, wanted: str
) -> None:
    with pytest.raises(CompositionError) as caught:
        read(kind, **{name: value})
    assert str(caught.value) == f"notice: {kind}: the fact {name!r} is not {wanted}"


def test_a_kind_that_there_is_not_is_named() -> None:
    with pytest.raises(CompositionError, match="notice: birthday: there is none of this kind"):
        facts_for("birthday", {}, language=ENGLISH)


def test_what_a_notice_does_not_know_is_dropped() -> None:
    assert read("goodbye", language="de", of_a_later_version=1) == read("goodbye")


def test_words_are_on_one_line_and_numbers_are_words_too() -> None:
    given = read("operators", what=7, detail="a\r\nBcc: b\x00\ud800\u2028c", remedy="  x  ")
    assert given == {"what": "7", "detail": "a Bcc: b c", "remedy": "x"}


@pytest.mark.parametrize(
    ("names", "joined"),
    [
        ("One", "One"),
        (["One"], "One"),
        (["One", "Two"], "One and Two"),
        (("One", "Two", "Three"), "One, Two and Three"),
        (["One", "Two", "Three", "Four"], "One, Two, Three and Four"),
        (["100 %", "%(last)s"], "100 % and %(last)s"),
    ],
)
def test_names_are_joined_as_people_join_them(names: object, joined: str) -> None:
    assert read("goodbye", newsletter=names)["newsletter"] == joined


def test_names_that_run_the_other_way_are_set_apart() -> None:
    given = read("goodbye", ARABIC, newsletter=["بريد الصباح", "The Week", "الأسبوع"])
    assert given["newsletter"] == "بريد الصباح، \u2068The Week\u2069 والأسبوع"
    assert given["address"] == "\u2068maria@reader.example\u2069"
    assert read("goodbye", newsletter="بريد")["newsletter"] == "\u2068بريد\u2069"
    assert read("goodbye", newsletter="12.30")["newsletter"] == "12.30"


def test_what_would_turn_the_sentence_around_is_taken_from_names() -> None:
    given = read("goodbye", newsletter="\u202eThe Week\u2066 \u2069\u2069")
    assert given["newsletter"] == "The Week "


@given(st.text())
def test_no_name_closes_more_than_it_opens(name: str) -> None:
    for language in (ENGLISH, ARABIC):
        try:
            said = str(read("goodbye", language, newsletter=name)["newsletter"])
        except CompositionError:  # nothing was left of it
            continue
        inner = said.removeprefix("\u2068").removesuffix("\u2069")
        assert not set(inner) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("moment", "zone", "when"),
    [
        ("2026-01-12T07:00:00+00:00", "Europe/London", "Monday 12 January at 07:00, London time"),
        ("2026-07-06T06:00:00Z", "Europe/London", "Monday 6 July at 07:00, London time"),
        (
            "2026-01-12T03:00:00+00:00",
            "America/Argentina/Buenos_Aires",
            "Monday 12 January at 00:00, Buenos Aires time",
        ),
        ("2026-01-12T07:00:00+00:00", "UTC", "Monday 12 January at 07:00, UTC"),
        ("2026-01-12T07:00:00+00:00", "Etc/GMT+4", "Monday 12 January at 03:00, GMT+4"),
        ("", "", ""),
        (None, "Europe/London", ""),
    ],
)
def test_first_letters_come_at_a_local_hour_with_its_place(
    moment: str | None, zone: str, when: str
) -> None:
    given = read("welcome", letters=[["The Week", moment, zone]])
    assert given["letters"] == (First("The Week", when),)


def test_the_hour_is_said_in_the_language_of_the_notice() -> None:
    rows = [["The Week", "2026-01-12T07:00:00+00:00", "Europe/London"]]
    assert read("welcome", ARABIC, letters=rows)["letters"] == (
        First("\u2068The Week\u2069", "الاثنين 12 يناير الساعة 7:00\u00a0ص، بتوقيت لندن"),
    )
    unheard = Language("tlh")
    assert read("welcome", unheard, letters=rows)["letters"] == (
        First("The Week", "Monday 12 January at 07:00, London time"),
    )


def test_rows_say_where_a_story_stands_and_what_is_a_warning() -> None:
    given = read(
        "editors", rows=[["lead", "A"], ["top", "B"], ["section", "C"], ["brief", "D"], ["", "E"]]
    )
    assert given["rows"] == (
        Row("lead", "Lead", "A"),
        Row("top", "Top story", "B"),
        Row("section", "Section", "C"),
        Row("brief", "In brief", "D"),
        Row("", "", "E"),
    )
    others = read("editors", rows=[("warning", "F"), ("left out", "G")])["rows"]
    assert others == (Row("warning", "Warning", "F"), Row("left out", "Left out", "G"))
    assert Row("warning", "Warnung", "F").is_warning
    assert not Row("lead", "Warning", "F").is_warning


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("confirm", "Shall we send you The Morning Post and The Week?"),
        ("welcome", "Welcome to The Morning Post, The Week and Breaking from Harbour Post"),
        ("goodbye", "You are unsubscribed"),
        ("address", "Is this your new address?"),
        ("sign-in", "Sign in to the desk"),
        ("editors", HEADLINE),
        ("operators", "Needs you: the relay refuses our mail"),
    ],
)
def test_each_notice_has_its_title(kind: str, title: str) -> None:
    assert titled(kind) == title


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ("draft", HEADLINE),
        ("held", f"{EDITION} is held"),
        ("skipped", f"{EDITION} was skipped"),
        ("expired", f"{EDITION} has expired"),
        ("missed", f"{EDITION} was missed"),
        ("celebrated", HEADLINE),
        ("", HEADLINE),
    ],
)
def test_the_editors_hear_what_became_of_the_edition(event: str, title: str) -> None:
    assert titled("editors", event=event, rows=[]) == title
    assert titled("editors", event=event, edition="", rows=[]) == HEADLINE


def test_several_missed_editions_are_counted() -> None:
    given = facts_for("editors", EVENTS["missed"], language=ENGLISH)
    assert title_of("editors", given, language=ENGLISH) == "2 editions were missed"


def test_titles_speak_the_language_of_the_notice() -> None:
    assert titled("editors", GERMAN, event="held") == f"{EDITION} wird zurückgehalten"
    said = titled("welcome", ARABIC, newsletter="The Week")
    assert said == "أهلًا بك في \u2068The Week\u2069"


def test_the_kinds_of_facts_are_told_by_their_words() -> None:
    assert {str(fact.kind) for facts in FACTS.values() for fact in facts.values()} == {
        str(kind) for kind in FactKind
    }


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9
)


def facts_or_complaint(kind: str, facts: dict[str, object]) -> dict[str, object] | str:
    try:
        return facts_for(kind, facts, language=ENGLISH)
    except CompositionError as error:
        return str(error)


@given(st.sampled_from(sorted(FACTS)), st.data())
def test_whatever_the_outbox_holds_gives_facts_or_names_one(kind: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FACTS[kind])))
    given = facts_or_complaint(kind, {**FULL[kind], name: data.draw(JSON)})
    if isinstance(given, str):
        assert given.startswith(f"notice: {kind}: the fact {name!r} is ")
        return
    assert set(given) == set(FACTS[kind])
    assert title_of(kind, given, language=ENGLISH)
    assert not any("\n" in value for value in given.values() if isinstance(value, str))


def test_links_stand_in_ascii() -> None:
    given = read("confirm", confirm_url=f" {PUBLIC}/é ")
    assert given["confirm_url"] == f"{PUBLIC}/%C3%A9"
