"""The page of an edition says what was approved: each word, link and picture, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.catalogs import Languages, load_languages
from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.model import Composition, Letter, Piece
from digest.composition.online import Contents, Headline, OnlineLetter, read_contents, read_letter
from digest.composition.samples import LETTERS, sample_letter
from digest.composition.wire import read_online

AT = "https://letters.harbourpost.example/images/"
MAIL_ONLY = {"band", "logo", "name", "meta", "close", "after", "below"}
VOID = {"img", "br", "hr", "meta", "link", "input", "col"}
TAGS = {
    *("h1", "h2", "h3", "p", "ul", "li", "a", "b", "span", "br", "img", "div", "article"),
}


@dataclass
class _Reader(HTMLParser):
    """What somebody sees of a page, in its order: words, where links lead, pictures."""

    seen: list[str] = field(default_factory=list)
    open: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given_ = {name: value or "" for name, value in attrs}
        hidden = bool(self.open and self.open[-1][1])
        hidden |= tag in {"head", "style"} or "display:none" in given_.get("style", "")
        hidden |= bool(MAIL_ONLY & set(given_.get("class", "").split()))
        if not hidden and tag == "a":
            self.seen.append(f"-> {given_['href']}")
        if not hidden and tag == "img":
            self.seen.append(
                f"[{given_['src'].removeprefix(AT).removeprefix('/i/')}] {given_['alt']}"
            )
        if tag not in VOID:
            self.open.append((tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.seen += data.split()


def seen_in(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return reader.seen


@cache
def _house() -> tuple[Languages, MailTemplates]:
    return load_languages(), load_templates()


def composed(letter: Letter) -> Composition:
    languages, templates = _house()
    return compose(
        letter,
        edition_id=7,
        revision=1,
        language=languages.of(letter.language),
        secret=b"a secret of thirty-two bytes, here",
        environment=templates,
    )


def sample(template: str = "daily", tag: str = "en") -> Letter:
    return sample_letter(template, _house()[0].of(tag))


def page_of(composition: Composition) -> OnlineLetter:
    page = read_letter(composition, pictures=(AT, "/i/"))
    assert page is not None
    return page


def told(letter: Letter) -> Iterator[str]:
    """Give the headlines and standfirsts in the order of the letter."""
    pieces: list[Piece] = [letter.lead] if letter.lead else []
    pieces += letter.top
    for section in letter.sections:
        pieces += section.pieces
    for piece in pieces:
        yield piece.headline
        if letter.template != "headlines":
            yield piece.standfirst
    yield from (piece.headline for piece in letter.brief)


@pytest.mark.parametrize("tag", ["en", "ar"])
@pytest.mark.parametrize("template", LETTERS)
def test_a_page_has_all_of_the_approved_letter_in_its_order_and_nothing_else(
    template: str, tag: str
) -> None:
    letter = sample(template, tag)
    composition = composed(letter)
    page = page_of(composition)
    assert seen_in(page.body) == seen_in(read_online(composition))
    words = " ".join(seen_in(page.body))
    at = 0
    for part in told(letter):
        found = words.find(" ".join(part.split()), at) if part.isascii() else at
        assert found >= at, part
        at = found


def test_a_page_is_made_of_few_elements_and_no_layout_of_the_mail() -> None:
    root = lxml.html.fragment_fromstring(page_of(composed(sample("weekly"))).body, "main")
    assert {str(each.tag) for each in root.iter()} - {"main"} <= TAGS
    assert {name for each in root.iter() for name in each.attrib} == {
        *("class", "lang", "dir", "href", "src", "width", "height", "alt")
    }


def test_a_list_names_the_lead_and_the_stories_after_it() -> None:
    contents = read_contents(composed(sample()))
    assert contents.title == Headline("Council backs the new breakwater after a night of argument")
    assert contents.also[:2] == (
        Headline("Ferry returns to its winter timetable"),
        Headline("Two schools share a roof, and save a fortune"),
    )
    assert len(contents.also) == 12
    assert contents.counts == ("13 stories", "1 min")
    assert Headline("صيادو الميناء يروون حكايات البحر في معرض جديد", "ar") in contents.also


def test_a_review_is_known_by_its_week() -> None:
    contents = read_contents(composed(sample("weekly")))
    assert contents.title == Headline("The week of 3–9 January")
    assert contents.also[0].words.startswith("Council backs")


def test_a_page_of_headlines_alone_leaves_the_heading_to_the_site() -> None:
    assert not page_of(composed(sample("headlines"))).has_heading
    assert page_of(composed(sample("daily"))).has_heading


def _foreign(html: str) -> Composition:
    return replace(composed(sample()), subject="A subject", preheader="More of it", html=html)


def test_a_letter_of_another_design_gives_its_lines_for_the_inbox() -> None:
    letter = _foreign("<html><body><h1>All different</h1></body></html>")
    assert read_letter(letter, pictures=(AT, "/i/")) is None
    assert read_contents(letter) == Contents(Headline("A subject"), (Headline("More of it"),))
    assert read_contents(replace(letter, preheader="")) == Contents(Headline("A subject"))


def _with(html: str) -> str:
    """Put something into a letter that is otherwise ours; give its page."""
    frame = "<body><table><tr><td class='meta side'>1 story</td></tr></table>"
    return str(page_of(_foreign(f"{frame}<h1 class='lead'>A</h1>{html}</body>")).body).removeprefix(
        '<h1 class="lead">A</h1>'
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>", ""),
        ("<style>b{}</style><iframe src='https://x.example'></iframe>", ""),
        ("<p onclick='x()' style='color:red' class='text wild'>a</p>", '<p class="text">a</p>'),
        ("<a href='javascript:alert(1)'>a</a>", "<span>a</span>"),
        ("<a href='#'>a</a>", "<span>a</span>"),
        ("<a href='/p?a=1&amp;b=2'>a</a>", "<span>a</span>"),
        (
            "<a href='https://x.example/?a=1&amp;b=%22'>a</a>",
            '<a href="https://x.example/?a=1&amp;b=%22">a</a>',
        ),
        ("<p>&lt;script&gt; &amp;amp;</p>", "<p>&lt;script&gt; &amp;amp;</p>"),
        ("<img src='data:image/png;base64,AA' alt='a'>", ""),
        (
            "<img src='https://x.example/a.png' width='1e9' height='-2'>",
            '<img src="https://x.example/a.png" alt="">',
        ),
        ("<table><tr><td>one</td><td>two</td></tr></table>", "<div>one</div><div>two</div>"),
        ("<div><div><p>a</p></div></div>", "<p>a</p>"),
        ("<p style='DISPLAY : none'>hidden</p>", ""),
        ("<!-- a --><?php b ?><p>c</p>", "<p>c</p>"),
        ("<p class='close'>That is all.</p>", ""),
        ("<input value='a'><svg><text>b</text></svg>", ""),
    ],
)  # fmt: skip
def test_what_a_page_has_no_use_for_stays_away(written: str, shown: str) -> None:
    assert _with(written) == shown


@given(st.text(max_size=60))
def test_any_headline_is_shown_as_it_is_written(words: str) -> None:
    letter = sample("single")
    assert letter.lead is not None
    made = composed(replace(letter, lead=replace(letter.lead, headline=f"H{words}H")))
    assert seen_in(page_of(made).body) == seen_in(read_online(made))
