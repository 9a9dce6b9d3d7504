from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from digest.composition.catalogs import load_languages
from digest.composition.language import ENGLISH, Language
from digest.editions.model import (
    Cadence,
    MonthDay,
    NewsletterSpec,
    Release,
    ReleaseMode,
    SlotHours,
    StoryPolicy,
)
from digest.web.words import (
    address_problem,
    days_in_words,
    first_letter,
    first_letter_in_full,
    listed,
    offer,
    opening,
    span_in_words,
)
from subscribers.address import AddressProblem

LANGUAGES = load_languages()
DAILY = Cadence("America/Tortola", (SlotHours(time(7), time(6, 30)),), frozenset(range(5)))


def _offer(cadence: Cadence) -> str:
    release = Release(ReleaseMode.APPROVE)
    spec = NewsletterSpec("x", "X", "daily", cadence, StoryPolicy(most=12), release)
    return offer(spec, ENGLISH)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((), ""),
        ((5,), "every Saturday"),
        ((0, 1), "Mondays and Tuesdays"),
        ((0, 1, 2, 3, 4), "Monday to Friday"),
        ((0, 2, 4), "Mondays, Wednesdays and Fridays"),
        (range(7), "every day"),
    ],
)
def test_weekdays_are_said_as_people_say_them(days: tuple[int, ...], words: str) -> None:
    assert days_in_words(frozenset(days), ENGLISH) == words


def test_an_offer_says_how_much_and_when() -> None:
    assert _offer(DAILY) == "Up to 12 stories, Monday to Friday at 07:00."
    twice = (SlotHours(time(7), time(6)), SlotHours(time(17), time(16), "evening"))
    months = (MonthDay(-1), MonthDay(2, 0), MonthDay(22))
    assert _offer(replace(DAILY, slots=twice, days=frozenset(), monthly=months)) == (
        "Up to 12 stories, the last day, the second Monday and the 22nd of the month"
        " at 07:00 and 17:00."
    )
    assert _offer(replace(DAILY, days=frozenset({5}), monthly=(MonthDay(1),))) == (
        "Up to 12 stories, every Saturday, and the 1st of the month at 07:00."
    )
    now_and_then = replace(DAILY, days=frozenset())
    assert _offer(now_and_then) == "Now and then, when there is news that cannot wait."


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-01-09 10:29", "Friday 9 January at 07:00"),
        ("2026-01-09 10:30", "Monday 12 January at 07:00"),  # that letter is made up: 06:30 there
        ("2026-01-10 12:00", "Monday 12 January at 07:00"),
    ],
)
def test_the_first_letter_is_the_next_not_yet_made_up(now: str, first: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert first_letter(DAILY, at, ENGLISH) == (first, "Tortola time")


def test_a_newsletter_without_days_promises_none() -> None:
    never, now = replace(DAILY, days=frozenset()), datetime(2026, 1, 9, tzinfo=UTC)
    assert first_letter(never, now, ENGLISH) is None
    assert first_letter_in_full(never, now, ENGLISH) == ""


GERMAN = Language(
    "de",
    {
        "Up to # story, %(days)s at %(hours)s.": (
            "Bis zu # Meldung, %(days)s um %(hours)s.",
            "Bis zu # Meldungen, %(days)s um %(hours)s.",
        ),
        "%(first)s to %(last)s": ("%(first)s bis %(last)s",),
        "%(names)s and %(last)s": ("%(names)s und %(last)s",),
        "%(days)s of the month": ("%(days)s im Monat",),
        "the %(nth)s": ("am %(nth)s.",),
        "the first %(weekday)s": ("am ersten %(weekday)s",),
        "%(day)s at %(hour)s": ("%(day)s um %(hour)s",),
        "%(city)s time": ("Ortszeit %(city)s",),
    },
)


def _german(cadence: Cadence) -> str:
    release = Release(ReleaseMode.APPROVE)
    spec = NewsletterSpec("x", "X", "daily", cadence, StoryPolicy(most=12), release)
    return offer(spec, GERMAN).replace("\u00a0", " ")


def test_an_offer_is_said_in_the_language_of_the_page() -> None:
    assert _german(DAILY) == "Bis zu 12 Meldungen, Montag bis Freitag um 7:00 Uhr."
    monthly = replace(DAILY, days=frozenset(), monthly=(MonthDay(1, 0), MonthDay(22)))
    assert _german(monthly) == (
        "Bis zu 12 Meldungen, am ersten Montag und am 22. im Monat um 7:00 Uhr."
    )


def test_a_first_letter_is_said_in_the_language_of_the_page() -> None:
    first = first_letter(DAILY, datetime(2026, 1, 10, tzinfo=UTC), GERMAN)
    assert first is not None
    assert (first[0].replace("\u00a0", " "), first[1]) == (
        "Montag, 12. Januar um 7:00 Uhr",
        "Ortszeit Tortola",
    )


def test_french_says_the_first_of_the_month_as_french_does() -> None:
    french = Language("fr", {"the %(nth)s": ("le %(nth)s",)})
    monthly = replace(DAILY, days=frozenset(), monthly=(MonthDay(1), MonthDay(2)))
    release = Release(ReleaseMode.APPROVE)
    spec = NewsletterSpec("x", "X", "daily", monthly, StoryPolicy(most=12), release)
    assert "le 1er and le 2 of the month" in offer(spec, french)


@pytest.mark.parametrize(
    ("names", "words"),
    [((), ""), (("A",), "A"), (("A", "B"), "A and B"), (("A", "B", "C"), "A, B and C")],
)
def test_names_are_joined_as_people_say_them(names: tuple[str, ...], words: str) -> None:
    assert listed(names, ENGLISH) == words


SEVERAL_DAYS = replace(DAILY, days=frozenset({0, 3}))
WITH_MONTHS = replace(DAILY, days=frozenset({5}), monthly=(MonthDay(1), MonthDay(-1, 4)))


@pytest.mark.parametrize(
    ("tag", "cadence", "said"),
    [
        ("ar", SEVERAL_DAYS, "حتى 12 خبرًا، كل اثنين وكل خميس عند الساعة 7:00 ص."),
        (
            "ar",
            WITH_MONTHS,
            "حتى 12 خبرًا، كل يوم سبت، وكذلك يوم 1 ويوم الجمعة الأخير من الشهر عند الساعة 7:00 ص.",
        ),
        ("de", SEVERAL_DAYS, "Bis zu 12 Artikel, montags und donnerstags um 7:00 Uhr."),
        (
            "de",
            WITH_MONTHS,
            (
                "Bis zu 12 Artikel, jeden Samstag sowie am 1. und am letzten Freitag"
                " jeden Monats um 7:00 Uhr."
            ),
        ),
        ("es", SEVERAL_DAYS, "Hasta 12 noticias, los lunes y los jueves a las 7:00."),
        (
            "es",
            WITH_MONTHS,
            (
                "Hasta 12 noticias, los sábados, y también el 1 y el último viernes"
                " de cada mes a las 7:00."
            ),
        ),
        ("fr", SEVERAL_DAYS, "Jusqu’à 12 articles, le lundi et le jeudi à 7 h."),
        (
            "fr",
            WITH_MONTHS,
            "Jusqu’à 12 articles, chaque samedi, et le 1er et le dernier vendredi du mois à 7 h.",
        ),
    ],
)
def test_the_days_of_the_week_and_of_the_month_are_said_as_the_language_says_them(
    tag: str, cadence: Cadence, said: str
) -> None:
    spec = NewsletterSpec(
        "x", "X", "daily", cadence, StoryPolicy(most=12), Release(ReleaseMode.APPROVE)
    )
    assert offer(spec, LANGUAGES.of(tag)).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("ar", "الاثنين 12 يناير عند الساعة 7:00 ص، بتوقيت تورتولا"),
        ("en", "Monday 12 January at 07:00, Tortola time"),
        ("fr", "lundi 12 janvier à 7 h, heure de Tortola"),
    ],
)
def test_a_first_letter_in_full_has_the_comma_of_its_language(tag: str, said: str) -> None:
    words = first_letter_in_full(DAILY, datetime(2026, 1, 10, tzinfo=UTC), LANGUAGES.of(tag))
    assert words.replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("words", "opened"),
    [("lundi 12 janvier", "Lundi 12 janvier"), ("", ""), ("الاثنين", "الاثنين")],
)
def test_a_line_opens_with_a_capital(words: str, opened: str) -> None:
    assert opening(words) == opened


def test_every_problem_of_an_address_has_its_words() -> None:
    said = {problem: address_problem(problem, ENGLISH) for problem in AddressProblem}
    assert all(said.values())
    assert said[AddressProblem.NO_AT] == (
        "There is no @ in it. Write one address, as in name@example.org."
    )
    assert said[AddressProblem.NEVER] == "Write to us, and a person will look into it."
    assert len(set(said.values())) == len(AddressProblem) - 1


@pytest.mark.parametrize(("days", "words"), [(1, "1 day"), (90, "90 days"), (1200, "1,200 days")])
def test_a_time_of_keeping_is_said_in_days(days: int, words: str) -> None:
    assert span_in_words(days, ENGLISH) == words
