"""Pure. Checks of what the law and receivers ask of bulk mail, and of when and to whom it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from digest.checks.fields import fields_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.told import folded, quoted
from digest.composition.slots import Slot, Slots
from digest.editions.model import EditionState
from digest.editions.wording import count_of

_HEADERS, _HTML, _TEXT = Place(Part.HEADERS), Place(Part.HTML), Place(Part.TEXT)
_TAGS = re.compile(r"<[^<>]*>")
_FOOT = 16_000
"""Characters of the HTML's end that hold its foot."""
_ANGLED = re.compile(r"<([^<>]*)>")
_ONE_CLICK = "list-unsubscribe=one-click"
_SIGNED = ("list-unsubscribe", "list-unsubscribe-post")
_TAG = re.compile(r"(?:^|;)\s*h\s*=\s*([^;]+)")
_WAITING = frozenset(
    {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED}
)
_FROZEN = frozenset({EditionState.APPROVED, EditionState.SENDING})
_OTHER_READERS = 0.3
_FEW_READERS = 20
_LATE = timedelta(minutes=1)
_MARK = re.compile(r"Zq[0-9a-f]{8,}x")


def _postal(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    address = folded(facts.site.postal_address)
    if not facts.site.postal_address.strip():
        yield Found(
            "The publisher has no postal address: the law asks for one (CAN-SPAM, 16 CFR 316).",
            "Set site.postal_address.",
        )
        return
    for part, text in ((_HTML, _words_of(page.html[-_FOOT:])), (_TEXT, page.text)):
        if text.strip() and address not in folded(text):
            yield Found(
                f"The publisher's postal address is not in the {_name(part)}.",
                "Put {{ site.postal_address }} into the foot of the template.",
                part,
            )


def _name(part: Place) -> str:
    return "HTML" if part is _HTML else "text"


def _words_of(html: str) -> str:
    return unescape(_TAGS.sub(" ", html))


def _list_headers(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    fields = fields_of(page.message)
    links = _links(fields.get("list-unsubscribe", ()))
    if not any(link.startswith("https://") for link in links):
        local = any(is_local(urlsplit(link).hostname or "") for link in links)
        yield Found(
            "List-Unsubscribe has no https address: the button “Unsubscribe” of mail programs does"
            " nothing (RFC 8058).",
            "Set web.public_url to an https address.",
            _HEADERS,
            Severity.INFO
            if local or is_local(urlsplit(facts.site.public_url).hostname or "")
            else None,
        )
    post = [value.strip().lower() for value in fields.get("list-unsubscribe-post", ())]
    if post != [_ONE_CLICK]:
        yield Found(
            "List-Unsubscribe-Post is missing: Gmail and Yahoo want one click (RFC 8058).",
            "This is a mistake in the program: report it.",
            _HEADERS,
        )
    if not any(link.startswith("mailto:") for link in links):
        yield Found(
            "List-Unsubscribe has no mailto address: some mail programs know no other.",
            "Set mail.unsubscribe_address, and hand its mail to us.",
            _HEADERS,
            # The one click works without it, and no editor can mend it: it is told, and mails
            # nobody.
            Severity.INFO,
        )


def _links(values: Sequence[str]) -> list[str]:
    return [link.strip() for value in values for link in _ANGLED.findall(value)]


def is_local(host: str) -> bool:
    """Tell whether a host is this machine or its network: where one tries things out."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith((".localhost", ".test", ".local", ".internal")):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def _way_out(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    ours = f"{facts.site.public_url}/u/"
    given = _links(fields_of(page.message).get("list-unsubscribe", ()))
    for link in given:
        if link.startswith("http") and not link.startswith(ours):
            yield Found(
                f"List-Unsubscribe leads to {quoted(link)}, which is not ours.",
                "This is a mistake in the program: report it.",
                _HEADERS,
            )
    for part, text in ((_HTML, page.html), (_TEXT, page.text)):
        if text.strip() and ours not in text:
            yield Found(
                f"No link in the {_name(part)} leads to where readers unsubscribe, {ours}….",
                'Put {{ slots.value("unsubscribe") }} into the template as it is.',
                part,
            )


def _why(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    made = page.composition
    mark = Slots(made.nonce).value(Slot.ADDRESS)
    for part, text in ((_HTML, made.html), (_TEXT, made.text)):
        if text.strip() and mark not in text:
            yield Found(
                f"The {_name(part)} does not say at which address, and why, somebody gets it.",
                'Put {{ slots.value("address") }} into the foot of the template.',
                part,
            )


def _signature(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    if not facts.sender_domain:
        return
    signatures = fields_of(page.message).get("dkim-signature", ())
    if not signatures:
        yield Found(
            f"The message is not signed, though mail.dkim says so for {facts.sender_domain}.",
            "Look at: digest keys list",
            _HEADERS,
        )
    for value in signatures:
        found = _TAG.search(value)
        names = "".join(found[1].split()).lower().split(":") if found else []
        if missing := [name for name in _SIGNED if name not in names]:
            yield Found(
                f"The signature does not cover {' and '.join(missing)}: one click is not believed"
                " then (RFC 8058, 4).",
                "This is a mistake in the program: report it.",
                _HEADERS,
            )


def _readers(facts: Facts, _limits: Limits) -> Iterator[Found]:
    now, before = facts.readers, facts.past.readers
    if facts.edition.state not in _WAITING:
        return
    if not now:
        yield Found(
            "It would go to nobody.",
            "Add readers: digest subscribers import, or look at the newsletter's audience.",
        )
    elif before and before >= _FEW_READERS and abs(now - before) > before * _OTHER_READERS:
        word = "more" if now > before else "fewer"
        share = abs(now - before) / before
        yield Found(
            f"It would go to {count_of(now, 'reader', 'readers')}, {share:.0%} {word} than the last"
            f" edition's {before:,}.",
            "Look whether an import, or the newsletter's audience, is what you meant.",
        )


def _window(facts: Facts, _limits: Limits) -> Iterator[Found]:
    window, last = facts.edition.window, facts.past.cut_off_at
    if window.after > window.until:
        yield Found(
            "Its window ends before it begins.",
            "Skip it and prepare it once more.",
        )
    elif last is not None and last != window.after and last < window.until:
        what = "overlaps with" if last > window.after else "leaves a gap after"
        yield Found(
            f"Its window {what} the last edition's, which ended {_hour(last)}.",
            "Nothing is lost or sent twice by that: only the label “late” may be wrong.",
            severity=Severity.INFO,
        )


def _hour(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _slot_sent(facts: Facts, _limits: Limits) -> Iterator[Found]:
    edition = facts.edition
    if edition.address in facts.past.addresses:
        yield Found(
            f"An edition of {edition.local_date:%-d %B %Y} went out already.",
            "Skip this one.",
        )


def _send_time(facts: Facts, _limits: Limits) -> Iterator[Found]:
    edition = facts.edition
    by_hand = edition.send_at <= edition.window.until
    if edition.state in _WAITING and not by_hand and edition.send_at < facts.now - _LATE:
        yield Found(
            f"Its hour has passed: {_hour(edition.send_at)}.",
            "It goes as soon as it is approved.",
        )
    if by_hand:
        return
    yield from _clock_change(facts)


def _clock_change(facts: Facts) -> Iterator[Found]:
    """Tell of an hour that the clocks leave out, or have twice, on that day."""
    edition, name = facts.edition, facts.newsletter.cadence.zone
    hours = facts.newsletter.cadence.slots
    wanted = next((each.send_at for each in hours if each.name == edition.slot_name), None)
    local = edition.send_at.astimezone(ZoneInfo(name))
    if wanted is None or local.date() != edition.local_date:
        return
    there = datetime.combine(edition.local_date, wanted, ZoneInfo(name))
    one, other = (there.replace(fold=fold).utcoffset() for fold in (0, 1))
    if one is None or other is None or one == other:
        return
    day = f"{edition.local_date:%-d %B %Y} in {name}"
    if one < other:
        yield Found(
            f"There is no {wanted:%H:%M} on {day}, as the clocks go forward: it goes at"
            f" {local:%H:%M}.",
            "Nothing, if that suits.",
        )
    else:
        yield Found(
            f"There are two times {wanted:%H:%M} on {day}, as the clocks go back: it goes at the"
            f" {'second' if local.fold else 'first'}.",
            "Nothing, if that suits.",
        )


def _staging(facts: Facts, _limits: Limits) -> Iterator[Found]:
    if facts.production and facts.test_only:
        yield Found(
            "This is production, and only the test readers would get it.",
            'Set environment = "staging", or look at who is mailed.',
        )
    elif not facts.production and not facts.test_only:
        yield Found(
            "This is staging, and every reader would get it.",
            "Name people.test_readers.",
        )


def _approval(facts: Facts, _limits: Limits) -> Iterator[Found]:
    if facts.edition.state not in _FROZEN or not facts.pages:
        return
    if facts.approved_hash is None:
        yield Found(
            f"It is {facts.edition.state}, and nobody has approved it.",
            "Hold it, and approve it again.",
        )
    elif facts.set_hash and facts.approved_hash != facts.set_hash:
        yield Found(
            "It is not the text that was approved.",
            "Nobody is sent it. Put the approved text back from a backup, or approve this one.",
        )


def _fields(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for part, text in (
        (_HTML, page.html),
        (_TEXT, page.text),
        (Place(Part.SUBJECT), page.composition.subject),
        (Place(Part.PREHEADER), page.composition.preheader),
    ):
        if found := _MARK.search(text):
            quote = quoted(text[found.start() : found.end() + 20])
            yield Found(
                f"A reader's slot is not filled in: “{quote}”.",
                "Print slots as they are in the template, without filters.",
                Place(part.part, line=text.count("\n", 0, found.start()) + 1, quote=quote),
            )


RULES: Final[tuple[Rule, ...]] = (
    Rule("D01", "Postal address", Severity.BLOCK, look_at_page=_postal),
    Rule("D02", "List-Unsubscribe", Severity.BLOCK, look_at_page=_list_headers),
    Rule("D03", "Way to unsubscribe", Severity.BLOCK, look_at_page=_way_out),
    Rule("D04", "Why you get this", Severity.BLOCK, look_at_page=_why),
    Rule("D05", "Signature", Severity.WARN, look_at_page=_signature),
    Rule("D07", "Number of readers", Severity.WARN, look=_readers),
    Rule("D08", "Window of the edition", Severity.BLOCK, look=_window),
    Rule("D09", "Slot already sent", Severity.BLOCK, look=_slot_sent),
    Rule("D10", "Time of sending", Severity.WARN, look=_send_time),
    Rule("D11", "Test or real", Severity.BLOCK, look=_staging),
    Rule("D12", "Approval", Severity.BLOCK, look=_approval),
    Rule("D13", "Reader's slot left open", Severity.BLOCK, look_at_page=_fields),
)
