"""Pure. Checks of what stands in the inbox: the sender, the subject, the preheader."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Final

from digest.checks import words
from digest.checks.fields import fields_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.phrasing import is_all_capitals
from digest.checks.told import folded, quoted
from digest.composition.text import width

_SUBJECT, _PREHEADER, _FROM = Place(Part.SUBJECT), Place(Part.PREHEADER), Place(Part.HEADERS)
_MOST_CAPITALS = 0.3
_LEAST_LETTERS = 10
_ACRONYM = 3
_REWORD = "Write another: digest choose has subject and preheader."


def _length(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    columns = width(page.composition.subject.strip())
    if not columns:
        yield Found("The subject is empty.", _REWORD, _SUBJECT)
    elif columns > limits.subject_block:
        yield Found(
            f"The subject has {columns} characters; nobody sees more than {limits.subject_block}.",
            _REWORD,
            _SUBJECT,
        )
    elif columns > limits.subject_warn:
        yield Found(
            f"The subject has {columns} characters; most inboxes cut it at {limits.subject_warn}.",
            _REWORD,
            _SUBJECT,
            Severity.WARN,
        )
    elif columns < limits.subject_least:
        yield Found(
            f"The subject has {columns} characters: that tells nobody what is in it.",
            _REWORD,
            _SUBJECT,
            Severity.WARN,
        )


def _again(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    subject = folded(page.composition.subject)
    earlier = facts.past.subjects.get(page.composition.language, ())
    for ago, known in enumerate(earlier, start=1):
        if folded(known) == subject:
            when = "The last edition" if ago == 1 else f"The edition {ago} before this one"
            yield Found(
                f"{when} had the same subject: mail programs hide this one in its thread.",
                _REWORD,
                _SUBJECT,
            )
            return


def _shouting(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    subject = page.composition.subject
    if found := words.REPLY.match(subject):
        yield Found(
            f"The subject begins with “{found[0].strip()}”, as an answer to a mail does.",
            _REWORD,
            _SUBJECT,
        )
    if subject.count("!") + subject.count("\uff01") > 1:
        yield Found("The subject has more than one exclamation mark.", _REWORD, _SUBJECT)
    if found := words.SPAM.search(subject):
        yield Found(
            f"The subject says “{found[0]}”, which filters take for spam.", _REWORD, _SUBJECT
        )
    share = _capitals(subject)
    if share > _MOST_CAPITALS:
        yield Found(
            f"{share:.0%} of the subject's letters are words in capitals.", _REWORD, _SUBJECT
        )


def _capitals(text: str) -> float:
    """Give the share of letters in words all in capitals, acronyms of three letters let be."""
    cased = [sign for sign in text if sign.isupper() or sign.islower()]
    if len(cased) < _LEAST_LETTERS:
        return 0.0
    shouted = [len(word) for word in _words_in(text) if len(word) > _ACRONYM and word.isupper()]
    return sum(shouted) / len(cased)


def _words_in(text: str) -> list[str]:
    return ["".join(filter(str.isalpha, word)) for word in text.split()]


def _preheader(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    said = page.composition.preheader.strip()
    columns = width(said)
    if not columns:
        yield Found(
            "There is no preheader: inboxes show the letter's first words instead.",
            _REWORD,
            _PREHEADER,
        )
    elif columns < limits.preheader_least:
        yield Found(
            f"The preheader has {columns} characters; {limits.preheader_least} fill the line.",
            _REWORD,
            _PREHEADER,
        )
    elif columns > limits.preheader_most:
        yield Found(
            f"The preheader has {columns} characters; inboxes show {limits.preheader_most} at the"
            " most.",
            _REWORD,
            _PREHEADER,
        )
    if said and folded(page.composition.subject) in folded(said):
        yield Found("The preheader repeats the subject.", _REWORD, _PREHEADER)


def _sender(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    given = fields_of(page.message).get("from", [""])
    name, address = parseaddr(given[0])
    ours = parseaddr(facts.sender)[1]
    domain = _domain(address)
    if len(given) != 1 or not domain or address.lower() != ours.lower():
        yield Found(
            f"The message is from “{quoted(address)}”, and the settings say “{quoted(ours)}”.",
            "Set mail.from; a template has no say in it.",
            _FROM,
        )
    elif facts.sender_domain and not _aligned(domain, facts.sender_domain):
        yield Found(
            f"Mail is from {domain} and signed for {facts.sender_domain}: that is not aligned, and"
            " DMARC fails.",
            "Set mail.dkim.domain to the domain of mail.from.",
            _FROM,
        )
    yield from _name(facts, name)


def _name(facts: Facts, name: str) -> Iterator[Found]:
    usual = facts.past.sender_name
    if usual and folded(name) != folded(usual):
        yield Found(
            f"It comes from “{quoted(name)}”; the last one came from “{quoted(usual)}”.",
            "Keep one name: readers know you by it.",
            _FROM,
            Severity.WARN,
        )
    elif not name.strip():
        yield Found(
            "The sender has no name: inboxes show an address.",
            f'Set mail.from = "{facts.site.name} <…>".',
            _FROM,
            Severity.WARN,
        )
    elif is_all_capitals(name):
        yield Found(
            f"The sender's name is all in capitals: “{quoted(name)}”.",
            "Write it as a name.",
            _FROM,
            Severity.WARN,
        )


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower().rstrip(".")


def _aligned(domain: str, signing: str) -> bool:
    """Tell whether two domains are the same, or one lies below the other (relaxed alignment)."""
    one, other = domain.lower(), signing.lower().rstrip(".")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


RULES: Final[tuple[Rule, ...]] = (
    Rule("I01", "Length of the subject", Severity.BLOCK, look_at_page=_length),
    Rule("I02", "Subject used before", Severity.WARN, look_at_page=_again),
    Rule("I03", "Loud subject", Severity.WARN, look_at_page=_shouting),
    Rule("I04", "Preheader", Severity.WARN, look_at_page=_preheader),
    Rule("I05", "Sender", Severity.BLOCK, look_at_page=_sender),
)
