"""Pure. What the answers of the network come to: of links, of pictures, of a domain's records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from digest.checks.addresses import read_address
from digest.checks.images import pictures_of
from digest.checks.links import links_of
from digest.checks.markup_tree import Node, told
from digest.checks.model import Facts, Found, Page, Part, Place, Rule, Severity
from digest.checks.size import kilobytes
from digest.checks.where import place_of
from digest.composition.colour import CARD_DARK, contrast

MOST_LINKS: Final = 100
"""Mailpit asks as many."""
MOST_REDIRECTS: Final = 3
MOST_PICTURES: Final = 60
LARGE_LEAD, LARGE_THUMB, LARGEST = 200_000, 60_000, 1_000_000
ALL_PICTURES: Final = 800_000
_LEAD_WIDTH = 300
_SHARPEST, _FAR = 2.05, 0.1
_SEEN = 3.0
"""WCAG 2.2, 1.4.11: the contrast that a drawing needs."""
_PERHAPS = frozenset({401, 403, 405, 406, 429, 451, 999})
"""What sites answer to programs though a person's browser gets the page."""
_HOST = re.compile(r"@([A-Za-z0-9.-]+)>?\s*$")


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """How a link answered; `problem` says why there was no status, in words."""

    status: int = 0
    redirects: int = 0
    problem: str = ""
    is_private: bool = False
    """It leads inside a network, where nothing is dialled."""


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """What stands at a picture's address: its type, bytes and pixels, or `problem`."""

    content_type: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    drawn: str = ""
    """The mean colour of what is drawn on a transparent ground, as #RRGGBB; empty: no such."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DomainAnswer:
    """The TXT records by name that were asked for; None where the DNS gave no answer at all."""

    records: Mapping[str, Sequence[str] | None] = field(default_factory=dict)

    def of(self, name: str) -> Sequence[str] | None:
        """Give the records of a name."""
        return self.records.get(name, ())


LINK: Final = Rule("L04", "Link that does not answer", Severity.BLOCK)
TOTAL: Final = Rule("S05", "Pictures too large together", Severity.WARN)
PIXELS: Final = Rule("M03", "Picture without a width", Severity.WARN)
WEIGHT: Final = Rule("M04", "Picture too large", Severity.WARN)
ABSENT: Final = Rule("M06", "Picture that does not answer", Severity.BLOCK)
SQUEEZED: Final = Rule("M07", "Squeezed picture", Severity.WARN)
LOGO: Final = Rule("M09", "Logo", Severity.WARN)
DOMAIN: Final = Rule("D05", "Signature", Severity.WARN)
RULES: Final = (TOTAL, LINK, PIXELS, WEIGHT, ABSENT, SQUEEZED, LOGO, DOMAIN)
ONLY_BY_NETWORK: Final = frozenset(each.code for each in (TOTAL, LINK, WEIGHT, ABSENT, LOGO))
"""The others are looked at without it, too."""

Judged = tuple[Rule, Found]


def web_links(page: Page) -> dict[str, Node]:
    """Give the addresses that all readers have alike, with the first link to each.

    Not that of the edition's own page, which is there only once it went out.
    """
    composed = page.composition.html.replace("&amp;", "&")
    found: dict[str, Node] = {}
    for node, address in links_of(page):
        href = node.get("href")
        is_own = href == page.letter.read_online_url
        if address.is_web and address.host and not is_own and f'"{href}"' in composed:
            found.setdefault(href, node)
    return found


def web_pictures(page: Page) -> dict[str, Node]:
    """Give the addresses of the pictures that stand on the web, with the first showing each."""
    found: dict[str, Node] = {}
    for node in pictures_of(page):
        if read_address(node.get("src")).is_web:
            found.setdefault(node.get("src"), node)
    return found


def judge_links(page: Page, answers: Mapping[str, LinkAnswer]) -> Iterator[Judged]:
    """Say which links of a page a reader cannot follow."""
    for address, node in web_links(page).items():
        answer = answers.get(address)
        if answer is None:
            continue
        name = f"The link “{told(node.words or address)}”"
        where = place_of(page, node)
        if answer.is_private:
            said = f"{name} leads inside a network, where it is not followed: {answer.problem}."
            yield LINK, Found(said, "Give the page's public address.", where)
        elif answer.problem:
            said = f"{name} does not answer: {answer.problem}."
            yield LINK, Found(said, "Open it in a browser; mend the address, or drop it.", where)
        elif answer.status >= 400:  # noqa: PLR2004 - RFC 9110: errors begin there
            perhaps = answer.status in _PERHAPS
            yield (
                LINK,
                Found(
                    f"{name} answers {answer.status}{' to programs' if perhaps else ''}.",
                    "Open it in a browser: sites turn programs away, and not people."
                    if perhaps
                    else "Mend the address, or take the link out.",
                    where,
                    Severity.WARN if perhaps else None,
                ),
            )
        elif answer.redirects > MOST_REDIRECTS:
            said = f"{name} leads there over {answer.redirects} redirects."
            fix = "Use the last address: each step is slow, and filters mistrust long chains."
            yield LINK, Found(said, fix, where, Severity.WARN)


def judge_pictures(page: Page, answers: Mapping[str, PictureAnswer]) -> Iterator[Judged]:
    """Say which pictures of a page are not to be had, too large, or not sharp."""
    total, ours = 0, f"{page.letter.site.public_url}/images/"
    for address, node in web_pictures(page).items():
        answer = answers.get(address)
        if answer is None:
            continue
        name, where = f"The picture {_name(address)}", place_of(page, node)
        total += answer.size
        if answer.problem:
            yield ABSENT, _absent(name, where, answer, ours=address.startswith(ours))
            continue
        yield from _weight(name, where, node, answer)
        yield from _pixels(name, where, node, answer)
    if total > ALL_PICTURES:
        yield (
            TOTAL,
            Found(
                f"The pictures have {kilobytes(total)} together, more than"
                f" {kilobytes(ALL_PICTURES)}.",
                "Show fewer of them: on a phone outdoors they come slowly, and cost.",
                Place(Part.HTML),
            ),
        )


def _absent(name: str, where: Place, answer: PictureAnswer, *, ours: bool) -> Found:
    said = f"{name} is not to be had: {answer.problem}."
    if ours:  # those of an edition to come are served once it is written
        fix = "Look again once the edition is written, and whether web.public_url leads here."
        return Found(said, fix, where, Severity.WARN)
    return Found(said, "Choose another one for the story, or show it without.", where)


def _weight(name: str, where: Place, node: Node, answer: PictureAnswer) -> Iterator[Judged]:
    width = node.get("width")
    most = LARGE_LEAD if width.isdecimal() and int(width) >= _LEAD_WIDTH else LARGE_THUMB
    if answer.size > most:
        yield (
            WEIGHT,
            Found(
                f"{name} has {kilobytes(answer.size)}, more than {kilobytes(most)}.",
                "Save it smaller: as JPEG, at twice the pixels it is shown at.",
                where,
                Severity.BLOCK if answer.size > LARGEST else None,
            ),
        )


def _pixels(name: str, where: Place, node: Node, answer: PictureAnswer) -> Iterator[Judged]:
    width, height = node.get("width"), node.get("height")
    if not width.isdecimal() or not int(width) or not answer.width or not answer.height:
        return
    share = answer.width / int(width)
    if share > _SHARPEST or share < 1:
        said = "more than twice as many as" if share > 1 else "fewer than"
        yield (
            PIXELS,
            Found(
                f"{name} is {answer.width} pixels wide, {said} the {width} it is shown at.",
                "Give a file of twice the pixels it is shown at.",
                where,
            ),
        )
    if height.isdecimal() and int(height):
        shown, own = int(width) / int(height), answer.width / answer.height
        if abs(shown - own) > _FAR * own:
            said = f"{name} is {answer.width} by {answer.height} and shown {width} by {height}."
            fix = "Let the template give the width and the height of the picture itself."
            yield SQUEEZED, Found(said, fix, where)


def judge_logo(facts: Facts, answers: Mapping[str, PictureAnswer]) -> Iterator[Judged]:
    """Say what is wrong with the publisher's mark, as it is served."""
    logo = facts.site.logo
    answer = answers.get(logo.url) if logo else None
    if logo is None or answer is None or answer.problem:
        return
    if answer.height < 2 * logo.height:
        yield (
            LOGO,
            Found(
                f"The logo is {answer.height} pixels high and shown {logo.height}: on most screens"
                " it is not sharp.",
                "Give site.brand.logo as a file of 100 pixels or more in height.",
                Place(Part.HTML),
            ),
        )
    if answer.drawn and not logo.dark_url and contrast(answer.drawn, CARD_DARK) < _SEEN:
        yield (
            LOGO,
            Found(
                f"The logo is dark ({answer.drawn}) on a transparent ground: in dark mode it is"
                " hardly seen.",
                "Give a light one as site.brand.logo_dark.",
                Place(Part.HTML),
            ),
        )


# A domain's records


def signatures_of(message: bytes) -> tuple[tuple[str, str], ...]:
    """Give the domain and selector of each DKIM-Signature of a message."""
    head = message.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
    unfolded = re.sub(r"\r\n[ \t]+", " ", head)
    found = []
    for line in unfolded.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "dkim-signature":
            tags = _tags(value)
            found.append((tags.get("d", "").lower(), tags.get("s", "").lower()))
    return tuple((domain, selector) for domain, selector in found if domain and selector)


def host_of(mailbox: str) -> str:
    """Give the domain of a mailbox, as it stands in From; empty when there is none."""
    found = _HOST.search(mailbox.strip())
    return found[1].lower().rstrip(".") if found else ""


def names_to_ask(facts: Facts, envelope: str) -> tuple[str, ...]:
    """Give the names whose TXT records tell about the sender's domain.

    `envelope` is the domain that bounces go to; empty: that of From.
    """
    domain = host_of(facts.sender)
    if not domain:
        return ()
    signed = signatures_of(facts.pages[0].message) if facts.pages else ()
    keys = (f"{selector}._domainkey.{named}" for named, selector in signed)
    return tuple(dict.fromkeys((envelope or domain, *keys, *_policies(domain))))


def judge_domain(facts: Facts, envelope: str, answer: DomainAnswer) -> Iterator[Judged]:
    """Say whether receivers can tell that the sender is who they say: SPF, DKIM and DMARC."""
    domain = host_of(facts.sender)
    if not domain:
        return
    silent = [name for name, records in answer.records.items() if records is None]
    if silent:
        yield _about(
            f"The DNS does not answer for {silent[0]}.",
            "Try again, and ask whoever runs the domain's name servers.",
        )
        return
    signed = signatures_of(facts.pages[0].message) if facts.pages else ()
    yield from _spf(envelope or domain, answer)
    for named, selector in signed:
        yield from _key(named, selector, answer)
    yield from _dmarc(domain, envelope or domain, signed, answer)


def _spf(domain: str, answer: DomainAnswer) -> Iterator[Judged]:
    records = [each for each in answer.of(domain) or () if each.lower().startswith("v=spf1")]
    fix = f"Publish one TXT record at {domain} that names your relay and ends in -all or ~all."
    if not records:
        yield _about(f"{domain} has no SPF record, so nobody can tell who may send for it.", fix)
    elif len(records) > 1:
        yield _about(f"{domain} has {len(records)} SPF records; receivers then use none.", fix)
    elif re.search(r"(?:^|\s)\+?all\b", records[0].lower()):
        yield _about(f"The SPF record of {domain} lets everybody send for it.", fix)


def _key(domain: str, selector: str, answer: DomainAnswer) -> Iterator[Judged]:
    name = f"{selector}._domainkey.{domain}"
    records = [_tags(each) for each in answer.of(name) or ()]
    if not any(tags.get("p") for tags in records):
        gone = any("p" in tags for tags in records)
        yield _about(
            f"The key of our signature {'was withdrawn at' if gone else 'is not at'} {name}, so"
            " receivers take the mail as unsigned.",
            "Publish the record that `digest keys dns` prints.",
        )


def _dmarc(
    domain: str, envelope: str, signed: Sequence[tuple[str, str]], answer: DomainAnswer
) -> Iterator[Judged]:
    policy = _policy(domain, answer)
    if policy is None:
        yield _about(
            f"{domain} has no DMARC record; Gmail and Yahoo ask bulk senders for one.",
            f'Publish "v=DMARC1; p=none" at _dmarc.{domain}, and tighten it later.',
        )
        return
    by_key = any(_aligned(domain, named, policy.get("adkim", "r")) for named, _ in signed)
    by_envelope = _aligned(domain, envelope, policy.get("aspf", "r"))
    if not by_key and not by_envelope:
        yield _about(
            f"Neither the signature nor the envelope is of {domain}, the domain of From: DMARC"
            " fails.",
            f"Sign for {domain}, or let bounces go to an address there.",
        )


def _policy(domain: str, answer: DomainAnswer) -> Mapping[str, str] | None:
    for name in _policies(domain):
        for record in answer.of(name) or ():
            tags = _tags(record)
            if tags.get("v", "").upper() == "DMARC1":
                return tags
    return None


def _policies(domain: str) -> Iterator[str]:
    """Give where a domain's DMARC policy may stand: its own name, then those above it."""
    labels = domain.split(".")
    for at in range(max(1, len(labels) - 1)):
        yield f"_dmarc.{'.'.join(labels[at:])}"


def _aligned(domain: str, other: str, mode: str) -> bool:
    if mode.strip().lower() == "s":
        return domain == other
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def _tags(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(";"):
        name, sign, value = part.partition("=")
        if sign:
            found[name.strip().lower()] = "".join(value.split())
    return found


def _about(sentence: str, fix: str) -> Judged:
    return DOMAIN, Found(sentence, fix, Place(Part.HEADERS))


def _name(address: str) -> str:
    return told(address.partition("?")[0].rpartition("/")[2] or address, 40)
