"""Each rule on stories, inbox, text and sending, with an edition that passes and some that do not.

The one that passes is the sample edition: nothing is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

import pytest

from digest.checks import content, inbox, sending, text
from digest.checks.model import Changed, Facts, Limits, Past, Rule, Severity
from digest.checks.run import run
from digest.composition.model import Link, Note
from digest.composition.slots import Slot, Slots
from digest.editions.model import Cadence, EditionState, SlotHours, Window
from tests.unit.checks.checks_builders import (
    facts_in,
    with_chosen,
    with_lead,
    with_letter,
    with_page,
    with_said,
    with_story,
    without_stories,
)

RULES: dict[str, Rule] = {
    rule.code: rule for module in (content, inbox, text, sending) for rule in module.RULES
}
BLOCK, WARN, INFO = Severity.BLOCK, Severity.WARN, Severity.INFO
LEAD = "Council backs the new breakwater after a night of argument"
CUT = "“Council backs the new breakwater after a night of argument”"


@dataclass(frozen=True)
class Case:
    """What a rule says of an edition in which `change` made something wrong."""

    code: str
    change: Callable[[Facts], Facts]
    says: tuple[str, ...]
    severity: Severity
    limits: Limits = field(default_factory=Limits)


def _head(words: str) -> Callable[[Facts], Facts]:
    return lambda facts: with_lead(facts, headline=words)


def _stand(words: str) -> Callable[[Facts], Facts]:
    return lambda facts: with_lead(facts, standfirst=words)


def _subject(words: str) -> Callable[[Facts], Facts]:
    return lambda facts: with_said(facts, subject=words)


def _preheader(words: str) -> Callable[[Facts], Facts]:
    return lambda facts: with_said(facts, preheader=words)


def _in_text(old: str, new: str) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        assert old in facts.pages[0].text
        return with_page(facts, text=facts.pages[0].text.replace(old, new))

    return change


def _in_message(old: bytes, new: bytes) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        assert old in facts.pages[0].message
        return with_page(facts, message=facts.pages[0].message.replace(old, new))

    return change


def _edition(**changes: object) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, edition=replace(facts.edition, **changes))  # type: ignore[arg-type]


def _past(**changes: object) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, past=replace(facts.past, **changes))  # type: ignore[arg-type]


def _twice(facts: Facts) -> Facts:
    chosen = list(facts.selection.chosen)
    story = replace(
        chosen[1].article.story,
        headline="Council backs new breakwater after argument",
        standfirst="",
    )
    chosen[1] = replace(chosen[1], article=replace(chosen[1].article, story=story))
    return with_chosen(facts, chosen)


def _same_picture(facts: Facts) -> Facts:
    letter = facts.pages[0].letter
    top = (letter.top[0], replace(letter.top[1], shot=letter.top[0].shot), *letter.top[2:])
    return with_letter(facts, top=top)


def _late(facts: Facts) -> Facts:
    first, *others = facts.selection.chosen
    return with_chosen(facts, [replace(first, late=True), *others])


def _other_order(facts: Facts) -> Facts:
    one, two = "<https://harbourpost.example/n/4002>", "<https://harbourpost.example/n/4003>"
    told = facts.pages[0].text.replace(one, "<>").replace(two, one).replace("<>", two)
    return with_page(facts, text=told)


def _clock(day: datetime, zone: str) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        cadence = Cadence(zone, (SlotHours(time(1, 30), time(0, 30)),), frozenset(range(7)))
        edition = replace(
            facts.edition,
            local_date=day.date(),
            send_at=day,
            window=Window(day - timedelta(days=1), day - timedelta(hours=1)),
        )
        newsletter = replace(facts.newsletter, cadence=cadence)
        return replace(facts, edition=edition, newsletter=newsletter, now=edition.window.until)

    return change


def _unnamed(facts: Facts) -> Facts:
    made = facts.pages[0].composition
    mark = Slots(made.nonce).value(Slot.ADDRESS)
    return with_said(facts, html=made.html.replace(mark, "you"), text=made.text)


CASES = (
    Case("C01", without_stories, ("It has no stories.",), BLOCK),
    Case(
        "C01",
        lambda facts: with_chosen(
            replace(
                facts,
                newsletter=replace(
                    facts.newsletter, stories=replace(facts.newsletter.stories, least=3)
                ),
            ),
            facts.selection.chosen[:2],
        ),
        ("It has 2 stories; 3 are the least.",),
        WARN,
    ),
    Case(
        "C02",
        lambda facts: with_chosen(facts, facts.selection.chosen[:6]),
        ("It has 6 stories; the last 4 editions had 13 in the middle.",),
        WARN,
    ),
    Case(
        "C03",
        lambda facts: replace(facts, changed=[Changed(1, LEAD, LEAD, withdrawn=True)]),
        (f"{CUT} was withdrawn by its source since this was composed.",),
        BLOCK,
    ),
    Case(
        "C04",
        lambda facts: replace(
            facts,
            changed=[Changed(1, LEAD, "Council rejects it"), Changed(2, "Ferry", "Ferry")],
        ),
        (
            f"{CUT} is “Council rejects it” at its source now.",
            "“Ferry” was changed at its source since then.",
        ),
        WARN,
    ),
    Case(
        "C05",
        lambda facts: replace(facts, sent_before={1: "daily/2026-01-08"}),
        (f"{CUT} stood in daily/2026-01-08 already.",),
        BLOCK,
    ),
    Case(
        "C06",
        _twice,
        (f"“Council backs new breakwater after argument” seems to tell the same as {CUT}.",),
        WARN,
    ),
    Case(
        "C07",
        lambda facts: with_story(facts, published_at=None),
        (f"{CUT} has no date of publication.",),
        WARN,
    ),
    Case(
        "C07",
        lambda facts: with_story(facts, published_at=facts.edition.send_at + timedelta(hours=2)),
        (f"{CUT} is dated 9 January 2026, 09:00 UTC, which is still to come.",),
        BLOCK,
    ),
    Case(
        "C07",
        lambda facts: with_story(facts, published_at=facts.now + timedelta(minutes=9)),
        (f"{CUT} is dated 9 January 2026, 06:40 UTC, which is still to come by a little.",),
        WARN,
    ),
    Case(
        "C07",
        lambda facts: with_story(facts, published_at=datetime(2021, 10, 5, 8, tzinfo=UTC)),
        (
            (
                f"{CUT} has a date before 1 January 2026, 06:30 UTC: older than stories.max_age"
                " lets in."
            ),
        ),
        WARN,
    ),
    Case(
        "C08",
        _late,
        (f"{CUT} has a date before this edition's window: the source brought it late.",),
        WARN,
    ),
    Case(
        "C09",
        _head("Council backs [HEADLINE] today"),
        ("The headline of story 1 holds a placeholder: “Council backs [HEADLINE] today”.",),
        BLOCK,
    ),
    Case(
        "C09",
        _in_text("That is all for today.", "Hello *|FNAME|*."),
        (
            (
                "Line 108 of the text holds what a template should have filled in: “Hello"
                " *|FNAME|*. The next co”."
            ),
        ),
        BLOCK,
    ),
    Case(
        "C10",
        _stand("Related Articles"),
        ("The standfirst of story 1 holds words of the page around it: “Related Articles”.",),
        BLOCK,
    ),
    Case(
        "C11",
        _stand("The <strong>wall</strong> is built."),
        ("The standfirst of story 1 holds markup: “The <strong>wall</strong> is bui”.",),
        BLOCK,
    ),
    Case(
        "C12",
        _head("BÃ©la builds a cafÃ© on the quay"),
        ("The headline of story 1 holds broken signs: “BÃ©la builds a cafÃ© on”.",),
        BLOCK,
    ),
    Case(
        "C12",
        _in_text("That is all for today.", "That is all\ufffd"),
        ("The letter holds broken signs: “======= That is all� The next comes on M”.",),
        BLOCK,
    ),
    Case(
        "C13",
        _head("A wall and a wharf and a pier and a mole and a quay. " * 3),
        ("The headline of story 1 has 159 characters; readers take in 110.",),
        WARN,
    ),
    Case("C13", _stand(""), ("Story 1 has no standfirst.",), WARN),
    Case(
        "C13",
        _stand(f"{LEAD}: the vote was close."),
        ("The standfirst of story 1 repeats its headline.",),
        WARN,
    ),
    Case(
        "C13",
        _stand("The wall is long. " * 14),
        ("The standfirst of story 1 has 252 characters; 240 are enough.",),
        WARN,
    ),
    Case(
        "C14",
        lambda facts: with_letter(facts, minutes=13),
        ("It takes 13 minutes to read; 12 are wanted.",),
        WARN,
    ),
    Case(
        "C15",
        _head("COUNCIL BACKS THE BREAKWATER"),
        ("The headline of story 1 is all in capitals.",),
        INFO,
    ),
    Case(
        "C15",
        _head("Council backs the new break-"),
        ("The headline of story 1 ends in the middle: “backs the new break-”.",),
        INFO,
    ),
    Case("C16", _same_picture, ("Stories 2 and 3 show the same picture.",), WARN),
    Case(
        "C17",
        _in_text("We do not track whether you open this.", "© 2024 Harbour Post"),
        ("Line 130 of the text says “© 2024”, and the edition is of 2026.",),
        WARN,
    ),
    Case(
        "C17",
        lambda facts: with_letter(facts, note=Note(("A happy 2025 to all of you!",))),
        ("The editor's note says 2025, and the edition is of 2026.",),
        WARN,
    ),
    Case("I01", _subject(" "), ("The subject is empty.",), BLOCK),
    Case(
        "I01",
        _subject("Rain " * 40),
        ("The subject has 199 characters; nobody sees more than 150.",),
        BLOCK,
    ),
    Case(
        "I01",
        _subject("Rain " * 13),
        ("The subject has 64 characters; most inboxes cut it at 60.",),
        WARN,
    ),
    Case(
        "I01",
        _subject("Rain"),
        ("The subject has 4 characters: that tells nobody what is in it.",),
        WARN,
    ),
    Case(
        "I02",
        _past(subjects={"en": ("Another", f"{LEAD.upper()}!")}),
        (
            (
                "The edition 2 before this one had the same subject: mail programs hide this one"
                " in its thread."
            ),
        ),
        WARN,
    ),
    Case(
        "I03",
        _subject("Re: ACT NOW, the WALL is YOURS!!"),
        (
            "The subject begins with “Re:”, as an answer to a mail does.",
            "The subject has more than one exclamation mark.",
            "The subject says “ACT NOW”, which filters take for spam.",
            "41% of the subject's letters are words in capitals.",
        ),
        WARN,
    ),
    Case(
        "I04",
        _preheader(""),
        ("There is no preheader: inboxes show the letter's first words instead.",),
        WARN,
    ),
    Case(
        "I04",
        _preheader("Rain"),
        ("The preheader has 4 characters; 40 fill the line.",),
        WARN,
    ),
    Case(
        "I04",
        _preheader("Rain and wind and hail. " * 6),
        ("The preheader has 143 characters; inboxes show 130 at the most.",),
        WARN,
    ),
    Case("I04", _preheader(f"{LEAD} today"), ("The preheader repeats the subject.",), WARN),
    Case(
        "I05",
        _in_message(b"news@letters.harbourpost.example>", b"news@elsewhere.example>"),
        (
            (
                "The message is from “news@elsewhere.example”, and the settings say"
                " “news@letters.harbourpost.example”."
            ),
        ),
        BLOCK,
    ),
    Case(
        "I05",
        lambda facts: replace(facts, sender_domain="relay.example"),
        (
            (
                "Mail is from letters.harbourpost.example and signed for relay.example: that is not"
                " aligned, and DMARC fails."
            ),
        ),
        BLOCK,
    ),
    Case(
        "I05",
        _past(sender_name="The Morning Post"),
        ("It comes from “Harbour Post”; the last one came from “The Morning Post”.",),
        WARN,
    ),
    Case(
        "I05",
        _in_message(b"From: Harbour Post <news@", b"From: <news@"),
        ("The sender has no name: inboxes show an address.",),
        WARN,
    ),
    Case(
        "T01", lambda facts: with_page(facts, text="\r\n \n"), ("There is no plain text.",), BLOCK
    ),
    Case(
        "T02",
        _in_text("<https://harbourpost.example/n/4002>", "<https://harbourpost.\nexample/n/4002>"),
        ("Line 37 ends within an address: “<https://harbourpost.”.",),
        BLOCK,
    ),
    Case(
        "T03",
        _in_text("<https://harbourpost.example/n/4002>", ""),
        ("The address of story 2 stands in the HTML and not in the text.",),
        BLOCK,
    ),
    Case(
        "T03",
        lambda facts: with_page(
            facts,
            html=facts.pages[0].html.replace(
                "https://harbourpost.example/n/4002", "https://x.example/"
            ),
        ),
        ("The address of story 2 stands in the text and not in the HTML.",),
        BLOCK,
    ),
    Case(
        "T04",
        _in_text("That is all for today.", "That is all for today and for the whole of this week,"),
        ("Line 108 of the text has 88 columns; a quoted reply wraps at 78.",),
        WARN,
    ),
    Case(
        "T05",
        _in_text("That is all for today.", "<td>That is all.</td>"),
        ("Line 108 of the text holds HTML or CSS: “<td>”.",),
        BLOCK,
    ),
    Case(
        "T06",
        _other_order,
        ("The text tells story 3 where the HTML tells story 2.",),
        WARN,
    ),
    Case(
        "T07",
        lambda facts: with_page(facts, text=f"View in your browser\n{facts.pages[0].text}"),
        (
            (
                "The text begins with “View in your browser”: some inboxes show that beside the"
                " subject."
            ),
        ),
        WARN,
    ),
    Case(
        "D01",
        lambda facts: replace(facts, site=replace(facts.site, postal_address="1 Elm Row, Leeds")),
        (
            "The publisher's postal address is not in the HTML.",
            "The publisher's postal address is not in the text.",
        ),
        BLOCK,
    ),
    Case(
        "D01",
        lambda facts: replace(facts, site=replace(facts.site, postal_address=" ")),
        ("The publisher has no postal address: the law asks for one (CAN-SPAM, 16 CFR 316).",),
        BLOCK,
    ),
    Case(
        "D02",
        _in_message(
            b"https://letters.harbourpost.example/u/", b"http://letters.harbourpost.example/u/"
        ),
        (
            (
                "List-Unsubscribe has no https address: the button “Unsubscribe” of mail programs"
                " does nothing (RFC 8058)."
            ),
        ),
        BLOCK,
    ),
    Case(
        "D02",
        _in_message(b"List-Unsubscribe-Post: ", b"X-Nothing: "),
        ("List-Unsubscribe-Post is missing: Gmail and Yahoo want one click (RFC 8058).",),
        BLOCK,
    ),
    Case(
        "D02",
        _in_message(b"<mailto:leave@", b"<mail:leave@"),
        ("List-Unsubscribe has no mailto address: some mail programs know no other.",),
        INFO,
    ),
    Case(
        "D03",
        _in_text("https://letters.harbourpost.example/u/", "https://elsewhere.example/u/"),
        (
            (
                "No link in the text leads to where readers unsubscribe,"
                " https://letters.harbourpost.example/u/…."
            ),
        ),
        BLOCK,
    ),
    Case(
        "D03",
        _in_message(b"https://letters.harbourpost.example/u/", b"https://elsewhere.example/u/"),
        (f"List-Unsubscribe leads to https://elsewhere.example/u/{'w' * 31}…, which is not ours.",),
        BLOCK,
    ),
    Case(
        "D04",
        _unnamed,
        ("The HTML does not say at which address, and why, somebody gets it.",),
        BLOCK,
    ),
    Case(
        "D05",
        lambda facts: replace(facts, sender_domain="harbourpost.example"),
        ("The message is not signed, though mail.dkim says so for harbourpost.example.",),
        WARN,
    ),
    Case(
        "D05",
        lambda facts: with_page(
            replace(facts, sender_domain="harbourpost.example"),
            message=b"DKIM-Signature: v=1; d=harbourpost.example;\r\n h=list-unsubscribe;\r\n"
            b" b=abc\r\n" + facts.pages[0].message,
        ),
        (
            (
                "The signature does not cover list-unsubscribe-post: one click is not believed then"
                " (RFC 8058, 4)."
            ),
        ),
        WARN,
    ),
    Case("D07", lambda facts: replace(facts, readers=0), ("It would go to nobody.",), WARN),
    Case(
        "D07",
        lambda facts: replace(facts, readers=600),
        ("It would go to 600 readers, 40% fewer than the last edition's 1,000.",),
        WARN,
    ),
    Case(
        "D08",
        lambda facts: _edition(
            window=Window(facts.edition.window.until, facts.edition.window.after)
        )(facts),
        ("Its window ends before it begins.",),
        BLOCK,
    ),
    Case(
        "D08",
        _past(cut_off_at=datetime(2026, 1, 7, 6, 30, tzinfo=UTC)),
        (
            (
                "Its window leaves a gap after the last edition's, which ended 7 January 2026,"
                " 06:30 UTC."
            ),
        ),
        INFO,
    ),
    Case(
        "D09",
        _past(addresses=("daily/2026-01-09",)),
        ("An edition of 9 January 2026 went out already.",),
        BLOCK,
    ),
    Case(
        "D10",
        lambda facts: replace(facts, now=facts.edition.send_at + timedelta(minutes=2)),
        ("Its hour has passed: 9 January 2026, 07:00 UTC.",),
        WARN,
    ),
    Case(
        "D10",
        _clock(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Europe/London"),
        (
            (
                "There is no 01:30 on 29 March 2026 in Europe/London, as the clocks go forward:"
                " it goes at 02:30."
            ),
        ),
        WARN,
    ),
    Case(
        "D10",
        _clock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/London"),
        (
            (
                "There are two times 01:30 on 25 October 2026 in Europe/London, as the clocks go"
                " back: it goes at the first."
            ),
        ),
        WARN,
    ),
    Case(
        "D11",
        lambda facts: replace(facts, test_only=True),
        ("This is production, and only the test readers would get it.",),
        BLOCK,
    ),
    Case(
        "D11",
        lambda facts: replace(facts, production=False),
        ("This is staging, and every reader would get it.",),
        BLOCK,
    ),
    Case(
        "D12",
        _edition(state=EditionState.APPROVED),
        ("It is approved, and nobody has approved it.",),
        BLOCK,
    ),
    Case(
        "D12",
        lambda facts: replace(
            _edition(state=EditionState.SENDING)(facts), approved_hash="a", set_hash="b"
        ),
        ("It is not the text that was approved.",),
        BLOCK,
    ),
    Case(
        "D13",
        _in_text("That is all for today.", "Zq0123456789abcdefxVnameE"),
        ("A reader's slot is not filled in: “Zq0123456789abcdefxVnameE The next come”.",),
        BLOCK,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.code}" for n, case in enumerate(CASES)])
def test_a_rule_says_what_is_wrong_and_how_to_mend_it(case: Case) -> None:
    rule = RULES[case.code]
    sound = facts_in()
    assert run(sound, case.limits, rules=[rule]).findings == ()
    found = run(case.change(sound), case.limits, rules=[rule]).findings
    assert tuple(each.sentence for each in found) == case.says
    assert found[0].severity is case.severity
    assert all(each.fix.endswith(".") or "digest " in each.fix for each in found)


def test_every_rule_has_its_sample_that_fails() -> None:
    assert {case.code for case in CASES} == set(RULES)


# The same mistakes in the languages of our letters


PLACEHOLDERS = {
    "en": (
        "The cost is TK pounds",
        "TODO: a headline",
        "Lorem ipsum dolor",
        "[insert name]",
        "None",
    ),
    "es": ("TODO: titular", "Ha llegado [NOMBRE]", "Texto de prueba", "PENDIENTE: precio"),
    "fr": ("À COMPLÉTER", "[À compléter] demain", "Texte d’exemple", "[TITRE]"),
    "de": ("Blindtext für alle", "[Überschrift]", "FEHLT NOCH", "Ein Platzhalter steht da"),
    "ar": ("هذا نص تجريبي", "وصل [الاسم] أمس", "لوريم إيبسوم", "العنوان هنا"),
}
INNOCENT = {
    "en": (
        "TK Maxx opens on the quay",
        "None of the boats came",
        "Nan is ninety",
        "[Video] The wall",
    ),
    "es": ("TODO LISTO PARA LA FIESTA", "Todo el pueblo canta", "Nada pendiente en el puerto"),
    "fr": ("Le dossier reste à compléter par la mairie", "Un titre pour le club d’aviron"),
    "de": ("TK senkt die Beiträge", "Hier [in Husum] fährt die Fähre", "Es fehlt noch ein Tenor"),
    "ar": ("الاسم الجديد للميناء", "العنوان الأول في الدوري"),
}
LEFTOVERS = {
    "en": ("Read more", "The wall is built. Continue reading →", "0:00 0:00", "Harbour Post"),
    "es": ("Leer más", "Llega el barco. Seguir leyendo…", "Artículos relacionados"),
    "fr": ("Lire la suite", "Le mur est bâti. Lire la suite »", "Articles similaires"),
    "de": (
        "Weiterlesen",
        "Die Mauer steht. Weiterlesen",
        "Der Beitrag Ebbe erschien zuerst auf Hafen",
    ),
    "ar": ("اقرأ المزيد", "بني الجدار. تابع القراءة", "مقالات ذات صلة"),
}
NO_LEFTOVERS = {
    "en": ("It ended 10:00 to 0:00", "Close the door, says the mayor", "A newsletter for sailors"),
    "es": ("Compartir la lonja", "Cerrar el puente"),
    "fr": ("Fermer le pont", "La publicité recule"),
    "de": ("Teilen macht froh", "Die Suche geht weiter"),
    "ar": ("إغلاق الجسر أسبوعًا", "بحث عن سفينة"),
}


def _finds(code: str, tag: str, words: str) -> bool:
    return bool(run(with_lead(facts_in(tag=tag), headline=words), rules=[RULES[code]]).findings)


@pytest.mark.parametrize("tag", PLACEHOLDERS)
def test_placeholders_are_known_in_every_language(tag: str) -> None:
    assert [words for words in PLACEHOLDERS[tag] if not _finds("C09", tag, words)] == []
    assert [words for words in INNOCENT[tag] if _finds("C09", tag, words)] == []


@pytest.mark.parametrize("tag", LEFTOVERS)
def test_the_words_of_a_page_are_known_in_every_language(tag: str) -> None:
    assert [words for words in LEFTOVERS[tag] if not _finds("C10", tag, words)] == []
    assert [words for words in NO_LEFTOVERS[tag] if _finds("C10", tag, words)] == []


@pytest.mark.parametrize(
    "words",
    [
        "R&amp;D grows",
        "<p>The wall",
        "[caption id=1]The wall",
        "The wall <",
        "a <!-- b",
        "&lt;b&gt;",
    ],
)
def test_markup_is_found_in_its_many_forms(words: str) -> None:
    assert _finds("C11", "en", words) is (words != "The wall <")


@pytest.mark.parametrize(
    ("words", "is_broken"),
    [
        ("The mayorâ€™s wall", True),
        ("ØªÙ… Ø¨Ù†Ø§Ø¡", True),
        ("Ãœberraschung am Hafen", True),
        ("Rain\x92s end", True),
        ("S\ufffdo Paulo", True),
        ("SÃO PAULO, “AMANHÔ", False),
        ("Château, naïve, Øre, Ñandú, â, €5", False),
    ],
)
def test_broken_signs_are_told_from_rare_ones(words: str, *, is_broken: bool) -> None:
    assert _finds("C12", "pt", words) is is_broken


@pytest.mark.parametrize(
    "subject",
    [
        "UK, US and EU sign AI deal",
        "NATO meets in Oslo; ferry timetable agreed",
        "Harbour Post: 11 to 10",
        "Was kostet die Fähre? Der Rat antwortet!",
    ],
)
def test_acronyms_and_one_mark_make_no_loud_subject(subject: str) -> None:
    assert run(_subject(subject)(facts_in()), rules=[RULES["I03"]]).findings == ()


def test_a_site_on_its_own_machine_needs_no_https() -> None:
    facts = _in_message(b"https://letters.harbourpost.example/u/", b"http://127.0.0.1:8025/u/")(
        facts_in()
    )
    found = run(facts, rules=[RULES["D02"]]).findings
    assert [each.severity for each in found] == [INFO]


def test_an_edition_made_by_hand_for_some_stories_is_never_too_thin() -> None:
    facts = _edition(asked_for=frozenset({1}))(facts_in())
    facts = with_chosen(facts, facts.selection.chosen[:1])
    assert run(facts, rules=[RULES["C01"], RULES["C02"], RULES["C07"]]).findings == ()


def test_a_first_edition_has_nothing_to_be_compared_with() -> None:
    facts = replace(facts_in(), past=Past())
    assert run(facts).blocks == []


def test_words_of_a_sponsor_and_a_section_are_read_as_well() -> None:
    facts = with_letter(facts_in(), sponsor=Link("Buy {{ product }}", "https://quay.example/"))
    (found,) = run(facts, rules=[RULES["C09"]]).findings
    assert found.sentence == "The sponsor's line holds a placeholder: “Buy {{ product }}”."
