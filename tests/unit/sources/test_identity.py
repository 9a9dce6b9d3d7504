from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.identity import (
    IdentityKey,
    IdentityKind,
    canonical_url,
    folded_headline,
    guid_keys,
    headline_is_enough,
    is_same_guid,
    is_same_story,
    is_same_url,
    keys_of,
    likeliest_first,
    names_in_poll,
    searchable,
    url_keys,
    without_session,
    without_shared_names,
)
from digest.sources.model import FoundStory
from tests.unit.sources.source_builders import a_story

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)
ADDRESSES = st.builds(
    "https://{}{}{}".format,
    st.sampled_from(["e.example", "www.e.example", "WWW.www.E.example.", "e.example:8443"]),
    st.lists(
        st.sampled_from(
            [
                "/a",
                "/amp",
                "/",
                "/b.amp",
                ";jsessionid=A1",
                "/(S(0123456789abcdef))",
                "%c3",
                "/x.php",
            ]
        ),
        max_size=5,
    ).map("".join),
    st.lists(
        st.sampled_from(
            [
                "id=1",
                "amp=1",
                "amp;amp;utm_source=x",
                "sid=0123456789abcdef",
                "ref=rss",
                "",
                "s=hey",
            ]
        ),
        max_size=4,
    ).map(lambda items: "?" + "&".join(items)),
)
GUID, URL, HEADLINE = IdentityKind


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://e.example/a", "https://e.example/a"),
        ("HTTP://E.Example:80/a/", "https://e.example/a"),
        ("https://e.example:443/a?utm_source=x&UTM_Medium=y#top", "https://e.example/a"),
        ("https://e.example/a?id=1&fbclid=x&gclid=y&b", "https://e.example/a?id=1&b"),
        ("https://e.example:8443/a", "https://e.example:8443/a"),
        ("https://e.example./a%c3%a9", "https://e.example/a%C3%A9"),
        ("https://e.example/aé", "https://e.example/a%C3%A9"),
        ("https://e.example/?p=12", "https://e.example/?p=12"),
        ("https://e.example/?p=12&amp;utm_source=rss", "https://e.example/?p=12"),
        ("https://www.e.example/a", "https://e.example/a"),
        ("https://www.example/a", "https://www.example/a"),
        ("https://e.example/", ""),
        ("https://e.example/?utm_source=x", ""),
        ("nonsense", ""),
    ],
)
def test_two_spellings_of_one_address_are_equal(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "https://e.example/news/ferry;jsessionid=1A2B3C4D5E6F7A8B9C0D.node1",
        "https://e.example/news/ferry;JSESSIONID=1a2b3c",
        "https://e.example/(S(lit3py55t21z5v55vlm25s55))/news/ferry",
        "https://e.example/news/ferry?PHPSESSID=7u2k3v9q0d1e5b8c4f6a2s7g3h",
        "https://e.example/news/ferry?jsessionid=ABCDEF",
        "https://e.example/news/ferry?ASPSESSIONIDQQCRDTAB=KBEPMKNBLD",
        "https://e.example/news/ferry?ASP.NET_SessionId=lit3py55t21z5v55vlm25s55",
        "https://e.example/news/ferry?CFID=12&CFTOKEN=34",
        "https://e.example/news/ferry?sid=2f9c1e4b8a7d6c5f",
        "https://e.example/news/ferry?session_id=2f9c1e4b-8a7d-4c5f-9e1a-0b2c3d4e5f60",
        "https://e.example/news/ferry?s=0123456789abcdef0123456789abcdef",
        "https://e.example/news/ferry?_gl=1*abc*_ga*MTIz",
        "https://e.example/news/ferry?ref=rss",
        "https://e.example/news/ferry?source=Newsletter&via=twitter",
        "https://e.example/news/ferry?ref_src=twsrc%5Etfw",
        "https://e.example/news/ferry/amp",
        "https://e.example/news/ferry/amp/",
        "https://e.example/news/ferry.amp",
        "https://e.example/news/ferry?amp",
        "https://e.example/news/ferry?amp=1",
        "https://e.example/news/ferry?outputType=amp",
        "https://www.e.example/news/ferry//?amp=true&utm_campaign=x",
    ],
)
def test_sessions_trackers_and_amp_make_no_other_story(url: str) -> None:
    assert canonical_url(url) == "https://e.example/news/ferry"


@pytest.mark.parametrize(
    "url",
    [
        "https://e.example/amp",
        "https://e.example/news?s=ferry",
        "https://e.example/news?sid=120455",
        "https://e.example/news?session=spring2026",
        "https://e.example/story.php?sid=0123456789abcdef0123456789abcdef",
        "https://e.example/news?ref=1204",
        "https://e.example/news?source=council",
        "https://e.example/guitars/amps",
        "https://e.example/a;b=1",
    ],
)
def test_what_may_name_the_story_stays(url: str) -> None:
    assert canonical_url(url) == url


def test_a_session_beside_the_storys_number_goes_even_from_a_script() -> None:
    session = "sid=0123456789abcdef0123456789abcdef"
    assert canonical_url(f"https://e.example/view.php?{session}&t=7") == (
        "https://e.example/view.php?t=7"
    )


@settings(deadline=None)
@given(ADDRESSES)
def test_writing_an_address_twice_is_writing_it_once(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once


def test_the_link_we_mail_keeps_all_but_a_sure_session() -> None:
    link = "https://www.e.example/a{}?b=1&utm_source=x&sid=0123456789abcdef{}#c"
    assert without_session(link.format(";jsessionid=1", "&PHPSESSID=2")) == link.format("", "")
    assert without_session("https://e.example/a?&b=%zz") == "https://e.example/a?&b=%zz"
    assert without_session("https://[e.example/a") == "https://[e.example/a"


def test_equal_addresses_and_guids_are_told_however_they_are_spelled() -> None:
    assert is_same_url("https://e.example/a", "http://www.e.example/a/?utm_source=x")
    assert not is_same_url("https://e.example/a", "https://e.example/b")
    assert not is_same_url("https://e.example/", "https://www.e.example/")
    assert not is_same_url("https://e.example/a", None)
    assert is_same_guid("http://e.example/?p=1", "https://www.e.example/?p=1&PHPSESSID=2")
    assert not is_same_guid("1", "2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("U.S. seizes tanker", "US Seizes Tanker"),
        ("The site’s ‘tragic’ end", 'The site\'s "tragic" end'),
        ("BYD profit falls 33 %", "BYD  profit falls 33%"),
        ("Trump–Putin summit", "Trump - Putin summit"),
        ("Straße", "STRASSE"),
        ("ﬁne\u200b wine", "fine wine"),
        ("A_B", "a b"),
    ],
)
def test_two_spellings_of_one_headline_are_equal(one: str, other: str) -> None:
    assert folded_headline(one) == folded_headline(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Part 1", "Part 2"),
        ("???", "!!!"),
        ("हिन्दी", "हन्द"),
        ("a.b", "ab"),
        ("No. 3 it is", "it is"),
    ],
)
def test_other_headlines_are_not(one: str, other: str) -> None:
    assert folded_headline(one) != folded_headline(other)


def test_guid_and_headline_hold_within_a_source_and_the_address_everywhere() -> None:
    story = a_story(guid="1", url="https://e.example/a")
    here, there = keys_of(story, source="here"), keys_of(story, source="there")
    assert [(key.kind, key.scope) for key in here] == [
        (GUID, "here"),
        (URL, ""),
        (HEADLINE, "here"),
    ]
    assert set(here) & set(there) == {here[1]}
    assert len({key.value_hash for key in here}) == 3


def test_a_story_has_only_the_keys_it_has_names_for() -> None:
    kinds = [key.kind for key in keys_of(a_story(url="https://e.example/"), source="s")]
    assert kinds == [HEADLINE]


def _names(url: str, same_hosts: tuple[str, ...], guid: str | None = None) -> set[IdentityKey]:
    keys = keys_of(a_story(url=url, guid=guid), source="s", same_hosts=same_hosts)
    return {key for key in keys if key.kind is not HEADLINE}


def test_a_story_of_the_site_has_an_address_at_each_host_it_has_or_had() -> None:
    hosts = ("www.New.example", "old.example", "not a host", "bücher.example")
    new = _names("https://new.example/a?p=1", hosts)
    assert new == _names("http://www.old.example/a?p=1", hosts)
    assert new == _names("https://xn--bcher-kva.example/a?p=1", hosts)
    assert len(new) == 3
    # Stored before anybody thought of moving, or found after the setting was dropped again.
    assert _names("https://old.example/a?p=1", ()) < new
    assert _names("https://new.example/a?p=1", ()) < new
    assert _names("https://other.example/a?p=1", hosts) == _names("https://other.example/a?p=1", ())
    assert _names("https://new.example:81/a", hosts) == _names("http://old.example:81/a", hosts)


def test_its_own_host_comes_first() -> None:
    hosts = ("new.example", "old.example")
    ours = url_keys("https://old.example/a", same_hosts=hosts)
    assert ours[:1] == url_keys("https://old.example/a")


def test_a_guid_that_is_an_address_is_one_however_it_is_spelled() -> None:
    hosts = ("new.example", "old.example")
    spellings = (
        "http://old.example/?p=12",
        "https://www.old.example/?p=12",
        "https://new.example/?p=12&PHPSESSID=7u2k3v9q0d1e5b8c4f6a2s7g3h",
    )
    keys = [set(guid_keys(guid, source="s", same_hosts=hosts)) for guid in spellings]
    assert keys[0] == keys[1] == keys[2]
    assert len(keys[0]) == 2
    live = [guid_keys(f"https://e.example/live#{n}", source="s") for n in (1, 2)]
    assert live[0] != live[1]
    assert len(guid_keys("https://e.example/", source="s")) == 1
    assert guid_keys(" \x00", source="s") == ()


NAMED = a_story("Weather", guid="1", url="https://e.example/1", body_text="Rain.")


@pytest.mark.parametrize(
    ("found", "is_enough"),
    [
        (a_story("Weather"), True),
        (a_story("Weather", body_text="Sun."), True),
        (a_story("Weather", guid="2", url="https://e.example/2", body_text="Sun."), False),
        (a_story("Weather", guid="2", body_text="Sun."), False),
        (a_story("Weather", url="https://e.example/2", body_text="Sun."), False),
        (a_story("Weather", guid="2", url="https://e.example/2", body_text="Rain."), True),
        (a_story("Weather", guid="2", url="https://e.example/2"), False),
    ],
)
def test_a_headline_is_enough_without_other_names_or_with_the_same_text(
    found: FoundStory,
    is_enough: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert headline_is_enough(found, NAMED) is is_enough
    assert headline_is_enough(NAMED, found) is is_enough
    assert is_same_story(found, NAMED, {HEADLINE}) is is_enough


def test_two_stories_without_text_are_not_the_same_text() -> None:
    assert not headline_is_enough(a_story("Weather", guid="1"), a_story("Weather", guid="2"))


FERRY = a_story(
    "Ferry late after engine fault",
    guid="1",
    url="https://e.example/ferry",
    standfirst="The morning crossing to the island was cancelled and forty passengers waited.",
)
FERRY_LATER = a_story(
    "Captain praised for calm crossing",
    guid="2",
    url="https://e.example/captain",
    standfirst="Forty passengers of the cancelled ferry reached the island by night.",
)
BUDGET = a_story(
    "Council votes for lower rates",
    guid="2",
    url="https://e.example/budget",
    standfirst="Shopkeepers in the old town welcome the cut, libraries fear for their hours.",
)


@pytest.mark.parametrize("name", [GUID, URL])
def test_one_name_is_believed_unless_all_else_speaks_against_it(name: IdentityKind) -> None:
    assert is_same_story(FERRY_LATER, FERRY, {name})
    assert not is_same_story(BUDGET, FERRY, {name})
    for more in (HEADLINE, GUID if name is URL else URL):
        assert is_same_story(BUDGET, FERRY, {name, more})
    assert is_same_story(
        a_story("Council votes", guid="2", url="https://e.example/b"), FERRY, {name}
    )


def test_a_guid_says_nothing_about_another_source() -> None:
    assert is_same_story(BUDGET, FERRY, {URL}, same_source=False)
    assert not is_same_story(BUDGET, FERRY, {GUID}, same_source=False)


def test_a_link_that_several_stories_share_is_not_another_link() -> None:
    one, other = (
        a_story(story.headline, standfirst=story.standfirst, url="https://e.example/show")
        for story in (FERRY, BUDGET)
    )
    assert is_same_story(one, other, {GUID})


def test_the_article_that_most_names_lead_to_is_likeliest_then_that_of_the_surest() -> None:
    leads = {1: {GUID}, 2: {URL, HEADLINE}, 3: {HEADLINE}, 4: {URL}}
    assert likeliest_first(leads) == [2, 1, 4, 3]


def test_a_guid_or_address_that_names_several_stories_names_none() -> None:
    stories = (
        a_story("One", guid="0", url="https://e.example/show"),
        a_story("Two", guid="0", url="https://e.example/show"),
        a_story("Three", guid="3", url="https://e.example/3"),
        a_story("Three!", guid="3", url="https://e.example/3"),
        a_story("Four"),
    )
    kept, warnings = without_shared_names(stories, source="s")
    assert [story.guid for story in kept] == [None, None, "3", "3", None]
    assert [story.url for story in kept] == [story.url for story in stories]
    assert warnings == ("several stories have the same guid; it was ignored",)
    kinds = [[key.kind for key in names] for names in names_in_poll(stories, source="s")]
    assert kinds == [[GUID, HEADLINE], [GUID, HEADLINE], *([[GUID, URL, HEADLINE]] * 2), [HEADLINE]]


def test_a_link_shared_at_two_hosts_of_the_site_is_shared_at_all() -> None:
    stories = (
        a_story("One", url="https://old.example/show"),
        a_story("Two", url="https://new.example/show"),
    )
    hosts = ("old.example", "new.example")
    names = names_in_poll(stories, source="s", same_hosts=hosts)
    assert [[key.kind for key in own] for own in names] == [[HEADLINE], [HEADLINE]]


def test_stories_with_names_of_their_own_stay_as_they_are() -> None:
    stories = (a_story("One", guid="1"), a_story("Two", guid="2"))
    assert without_shared_names(stories, source="s") == (stories, ())


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ÉCLAIR in Łódź", "eclair in lodz"),
        ("Straße", "strasse"),
        ("İstanbul \u0131ş\u0131k", "istanbul isik"),
        ("ВЕЧЕР в Йошкар-Оле", "вечер в иошкар-оле"),
        ("ΆΝΟΙΞΗ", "ανοιξη"),
        ("The site’s “end”", 'the site\'s "end"'),
        ("Trump–Putin", "trump-putin"),
        ("ﬁne", "fine"),
        ("हिन्दी", "हिनदी"),
        ("مُدَرِّس", "مدرس"),
    ],
)
def test_looking_words_up_minds_neither_case_nor_accents(text: str, folded: str) -> None:
    assert searchable(text) == folded
    assert searchable(folded) == folded


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_story_has_keys(headline: str, url: str, guid: str) -> None:
    keys = keys_of(a_story(headline, url=url, guid=guid), source="s", same_hosts=(url, guid))
    assert all(len(key.value_hash) == 64 for key in keys)


@settings(deadline=None)
@given(ANY_TEXT)
def test_folding_twice_is_folding_once(headline: str) -> None:
    assert folded_headline(folded_headline(headline)) == folded_headline(headline)
