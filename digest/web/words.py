"""Pure. What the pages say about a newsletter's hours and a pause, in the language of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.composition.dates import day_words, hour_words, weekday_words
from digest.composition.language import Language, primary
from digest.composition.moments import moment_words, place
from digest.composition.names import Held, joined
from digest.editions.cadence import next_cut_off, slots_between
from digest.editions.model import Cadence, MonthDay, NewsletterSpec, Slot
from subscribers.address import AddressProblem

_A_MONDAY = date(2026, 1, 5)
_WEEK = 7
_MOMENT = timedelta(microseconds=1)
_RUN = 3
"""From this many days in a row on, the first and the last say it all."""


def offer(spec: NewsletterSpec, language: Language) -> str:
    """Describe a newsletter, as "Up to 12 stories, Monday to Friday at 07:00"."""
    when = _when(spec.cadence, language)
    if not when:
        return language.say("Now and then, when there is news that cannot wait.")
    hours = [hour_words(slot.send_at, language.tag) for slot in spec.cadence.slots]
    said = language.count(
        "Up to # story, %(days)s at %(hours)s.",
        "Up to # stories, %(days)s at %(hours)s.",
        spec.stories.most,
    )
    return said % {"days": when, "hours": listed(hours, language)}


def _when(cadence: Cadence, language: Language) -> str:
    weekdays = days_in_words(cadence.days, language)
    days = listed([month_day_in_words(day, language) for day in cadence.monthly], language)
    if not days:
        return weekdays
    monthly = language.say("%(days)s of the month", days=days)
    if not weekdays:
        return monthly
    return language.say("%(weekdays)s, and %(monthly)s", weekdays=weekdays, monthly=monthly)


def listed(names: Sequence[str], language: Language) -> Held:
    """Join names as the language does: `a`, `a and b`, `a, b and c`; "" for none."""
    return joined(names, language)


def opening(words: str) -> str:
    """Begin a line with these words: days and months are small within one in many languages."""
    return words[:1].upper() + words[1:]


def month_day_in_words(day: MonthDay, language: Language) -> str:
    """Say `the 15th`, `the last day`, `the first Monday`, `the last Friday`."""
    if day.weekday is None:
        if day.n < 0:
            return language.say("the last day")
        return language.say("the %(nth)s", nth=_ordinal(day.n, language))
    weekday = _weekday(day.weekday, language)
    nth = {
        1: language.say("the first %(weekday)s", weekday=weekday),
        2: language.say("the second %(weekday)s", weekday=weekday),
        3: language.say("the third %(weekday)s", weekday=weekday),
        4: language.say("the fourth %(weekday)s", weekday=weekday),
        5: language.say("the fifth %(weekday)s", weekday=weekday),
        -1: language.say("the last %(weekday)s", weekday=weekday),
    }
    return nth[day.n]


def _ordinal(n: int, language: Language) -> str:
    """Write the number of a day as it stands after "the"; translations add their own marks."""
    if primary(language.tag) == "fr":
        return "1er" if n == 1 else str(n)
    if primary(language.tag) != "en" and "the %(nth)s" in language.messages:
        return str(n)
    ending = "th" if n // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def days_in_words(days: frozenset[int], language: Language) -> str:
    """Say the weekdays (0 is Monday): `Monday to Friday`, `every Saturday`, `Mondays and Fridays`.

    "" for none.
    """
    ordered = sorted(days)
    if len(ordered) == _WEEK:
        return language.say("every day")
    if len(ordered) == 1:
        return _every(ordered[0], language)
    if len(ordered) >= _RUN and ordered[-1] - ordered[0] == len(ordered) - 1:
        first, last = (_weekday(day, language) for day in (ordered[0], ordered[-1]))
        return language.say("%(first)s to %(last)s", first=first, last=last)
    return listed([_among(day, language) for day in ordered], language)


def _every(day: int, language: Language) -> str:
    """Say that something comes on a weekday: whole words for each, as genders differ."""
    return (
        language.say("every Monday"),
        language.say("every Tuesday"),
        language.say("every Wednesday"),
        language.say("every Thursday"),
        language.say("every Friday"),
        language.say("every Saturday"),
        language.say("every Sunday"),
    )[day]


def _among(day: int, language: Language) -> str:
    """Say a weekday among others that something comes on: whole words for each here too."""
    return (
        language.say("Mondays"),
        language.say("Tuesdays"),
        language.say("Wednesdays"),
        language.say("Thursdays"),
        language.say("Fridays"),
        language.say("Saturdays"),
        language.say("Sundays"),
    )[day]


def _weekday(day: int, language: Language) -> str:
    # Without a catalog our words are English, and the names within them had better be too.
    tag = language.tag if language.messages else "en"
    return weekday_words(_A_MONDAY + timedelta(days=day), tag)


def first_slot(cadence: Cadence, now: datetime) -> Slot | None:
    """Give the slot of the first letter for a reader who joins now.

    Counts from the next cut-off, so that a letter already made up is never promised.
    """
    cut_off_at = next_cut_off(cadence, now)
    if cut_off_at is None:
        return None
    slots = slots_between(cadence, cut_off_at - _MOMENT, cut_off_at)
    return next(slot for slot in slots if not slot.holiday)


def first_letter(cadence: Cadence, now: datetime, language: Language) -> tuple[str, str] | None:
    """Say when that first letter comes: `Monday 12 January at 07:00`, and whose clock it is."""
    slot = first_slot(cadence, now)
    if slot is None:
        return None
    local = slot.send_at.astimezone(ZoneInfo(cadence.zone))
    day, hour = day_words(local.date(), language.tag), hour_words(local, language.tag)
    said = language.say("%(day)s at %(hour)s", day=day, hour=hour)
    return said, place(cadence.zone, language)


def first_letter_in_full(cadence: Cadence, now: datetime, language: Language) -> str:
    """Say both as one: `Monday 12 January at 07:00, London time`; "" when nobody knows."""
    slot = first_slot(cadence, now)
    return "" if slot is None else moment_words(slot.send_at, cadence.zone, language)


def address_problem(problem: AddressProblem, language: Language) -> str:
    """Say what is wrong with an address, and how to write it."""
    example = language.say("Write one address, as in name@example.org.")
    causes = {
        AddressProblem.EMPTY: language.say("It is empty."),
        AddressProblem.NO_AT: language.say("There is no @ in it."),
        AddressProblem.SEVERAL: language.say(
            "There is more than one address in it, or a character that does not belong."
        ),
        AddressProblem.SPACE: language.say("There is a space in it."),
        AddressProblem.NO_DOT: language.say("The part after the @ has no dot."),
        AddressProblem.CHARACTER: language.say("A character in it is no part of an address."),
        AddressProblem.QUOTED: language.say("The part before the @ is in quotation marks."),
        AddressProblem.TOO_LONG: language.say("It is too long."),
        AddressProblem.INVALID: language.say("It is not an address that mail can be sent to."),
    }
    if problem is AddressProblem.DISPOSABLE:
        return language.say(
            "A mailbox there is thrown away after a while. "
            "Use the address that you read your mail at."
        )
    if problem not in causes:
        return language.say("Write to us, and a person will look into it.")
    return f"{causes[problem]} {example}"


def span_in_words(days: int, language: Language) -> str:
    """Say for how long something is kept: `1 day`, `90 days`."""
    return language.count("# day", "# days", days)
