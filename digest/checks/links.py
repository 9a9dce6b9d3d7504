"""Pure. Checks of links: where they lead, what they are called, and that the way out is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from digest.checks.addresses import (
    Address,
    is_on_trial,
    is_only_here,
    is_shortened,
    read_address,
)
from digest.checks.markup_tree import Node, told, tree_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.told import stories
from digest.checks.vague_words import is_vague
from digest.checks.where import in_page, place_of, stories_of
from digest.composition.model import Site
from digest.composition.slots import Slot, Slots

_MAY_STAND = frozenset({"http", "https", "mailto", "tel", "sms"})
_KEY = "links"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ANCHOR = re.compile(r"<(/?)a(?=[\s>/])", re.IGNORECASE)

_Link = tuple[Node, Address]


def links_of(page: Page) -> list[_Link]:
    """Give the links of a page and their addresses, in the order of the source."""
    known = page.memo.get(_KEY)
    if isinstance(known, list):
        return known
    made = [
        (node, read_address(node.get("href")))
        for node in tree_of(page).all("a", "area")
        if "href" in node.attributes
    ]
    page.memo[_KEY] = made
    return made


def _leads_nowhere(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node, address in links_of(page):
        href = node.get("href").strip()
        if href.startswith("#") and len(href) > 1:
            continue  # L11
        if address.scheme in _MAY_STAND and (address.host or not address.is_web):
            continue
        if not href or href == "#":
            said = "has no address"
        elif address.scheme:
            said = f"leads to {told(href, 40)!r}, which mail programs do not open"
        else:
            said = f"leads to {told(href, 40)!r}, which is no whole address"
        yield Found(
            f"The link {_named(node)} {said}.",
            "Give it a whole address that begins with https://, or take the link away.",
            place_of(page, node),
        )


def _only_here(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    own = _own_hosts(facts.site)
    for host, node in _by_host(page).items():
        if is_only_here(host):
            said = f"leads to {host}, which no reader can reach"
        elif is_on_trial(host, own):
            said = f"leads to {host}, which looks like a site on trial"
        else:
            continue
        yield Found(
            f"The link {_named(node)} {said}.",
            f"{host} is set as an address of the site: change site.url or web.public_url."
            if host in own
            else "Give the story its public address, or take it out.",
            place_of(page, node),
            None if facts.production and host not in own else Severity.WARN,
        )


def _in_the_clear(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    told_hosts = set[str]()
    for node, address in links_of(page):
        if address.scheme == "http" and address.host not in told_hosts:
            told_hosts.add(address.host)
            if is_only_here(address.host) and address.host in _own_hosts(facts.site):
                continue  # a trial on one's own machine: L02 says it
            yield Found(
                f"The link {_named(node)} leads to {address.host} by http, unencrypted.",
                "Use https:// if the site has it: browsers warn of pages without.",
                place_of(page, node),
            )


def _says_nothing(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node, _ in links_of(page):
        if is_vague(node.words, page.composition.language):
            yield Found(
                f"The link {_named(node)} does not say where it leads.",
                "Let the words name the story: people and screen readers jump from link to link.",
                place_of(page, node),
            )


def _two_of_one(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    yield from _same_words(page)
    yield from _same_address(page)


def _same_words(page: Page) -> Iterator[Found]:
    beside = _beside_stories(page)
    by_words: dict[str, Node] = {}
    for node, _ in links_of(page):
        words, href = node.words.casefold(), node.get("href")
        if not words or href in beside:
            continue
        first = by_words.setdefault(words, node)
        if first.get("href") != href:
            yield Found(
                f"Two links are called {_named(node)} and lead to different pages.",
                "Call one of them otherwise: read alone, they cannot be told apart.",
                place_of(page, node),
            )


def _same_address(page: Page) -> Iterator[Found]:
    known, by_address = stories_of(page), dict[str, Node]()
    for node, _ in links_of(page):
        words, href = node.words.casefold(), node.get("href")
        if not words or href not in known:
            continue
        first = by_address.setdefault(href, node)
        before = first.words.casefold()
        if before not in words and words not in before:
            yield Found(
                f"The links {_named(first)} and {_named(node)} lead to the same page.",
                "Call the story the same wherever it stands, or check both addresses.",
                place_of(page, node),
            )


def _beside_stories(page: Page) -> frozenset[str]:
    """Give what stands below a headline and is told by it: "Listen · 12 min", other tellings."""
    pieces = [one.piece for one in stories(page)]
    recordings = (piece.recording_url for piece in pieces)
    others = (link.url for piece in pieces for link in piece.also)
    return frozenset(filter(None, (*recordings, *others)))


def _shortened(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for host, node in _by_host(page).items():
        if is_shortened(host):
            yield Found(
                f"The link {_named(node)} goes through {host}, which hides where it leads.",
                "Use the page's own address: spam filters mistrust shortened ones.",
                place_of(page, node),
            )


def _measured(facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node, address in links_of(page):
        if address.is_measured and address.is_signed:
            yield Found(
                f"The link {_named(node)} is signed by {address.host}, and utm_ fields were added"
                " to it, which may break it.",
                "Take the utm_ fields away from this address.",
                place_of(page, node),
                Severity.BLOCK,
            )
    yield from _not_measured(facts, page)


def _not_measured(facts: Facts, page: Page) -> Iterator[Found]:
    """Find stories of ours that lack what most others have: then it is the custom here."""
    own, known = _own_hosts(facts.site), stories_of(page)
    ours = {
        node.get("href"): (node, address)
        for node, address in links_of(page)
        if address.host in own and node.get("href") in known
    }
    without = [node for node, address in ours.values() if not address.is_measured]
    if len(without) * 2 >= len(ours):
        return
    for node in without:
        yield Found(
            f"The link {_named(node)} has no utm_ fields; the other stories of the site have.",
            "Add them in the source, so that this story is counted like the others.",
            place_of(page, node),
        )


def _way_out(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    composition = page.composition
    slots = Slots(composition.nonce)
    for slot, what in ((Slot.UNSUBSCRIBE, "unsubscribe"), (Slot.PREFERENCES, "preferences")):
        mark = slots.value(slot)
        if f'href="{mark}"' not in composition.html:
            yield _no_way(what, slot, Part.HTML)
        if mark not in composition.text:
            yield _no_way(what, slot, Part.TEXT)


def _no_way(what: str, slot: Slot, part: Part) -> Found:
    kind = "HTML" if part is Part.HTML else "plain text"
    written = f'slots.value("{slot}")'
    return Found(
        f"The {kind} has no {what} link.",
        f"Put {{{{ {written} }}}} into the template's foot, as ours have it.",
        Place(part),
    )


def _nested(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    source = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), page.html)
    is_open = False
    for found in _ANCHOR.finditer(source):
        closes = found[1] == "/"
        if is_open and not closes:
            yield Found(
                "A link stands inside another link; mail programs make of it what they like.",
                "Close the first one before the second begins.",
                in_page(source.count("\n", 0, found.start()) + 1, source[found.start() :][:80]),
            )
        is_open = not closes
    for node in tree_of(page).all("a"):
        if not {"href", "name", "id"} & node.attributes.keys():
            yield Found(
                f"The link {_named(node)} has no address and is no place to jump to.",
                "Give it an address, or take the <a> away.",
                place_of(page, node),
            )


def _jumps(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node, _ in links_of(page):
        if node.get("href").strip().startswith("#") and len(node.get("href").strip()) > 1:
            yield Found(
                f"The link {_named(node)} jumps within the letter.",
                "Take it away: in Gmail and Yahoo on phones, and in Samsung's mail, it does"
                " nothing.",
                place_of(page, node),
            )


def _many(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    number = len(links_of(page))
    if number > limits.links:
        yield Found(
            f"The letter has {number} links, more than {limits.links}.",
            "Show fewer stories, or fewer related ones: filters mistrust mail that is all links.",
            Place(Part.HTML),
        )


def _by_host(page: Page) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node, address in links_of(page):
        if address.is_web and address.host:
            found.setdefault(address.host, node)
    return found


def _own_hosts(site: Site) -> frozenset[str]:
    hosts = (read_address(each).host for each in (site.url, site.public_url))
    return frozenset(filter(None, hosts))


def _named(node: Node) -> str:
    words = node.words or next((each.get("alt") for each in node.walk() if each.get("alt")), "")
    return f"“{told(words)}”" if words else f"to {told(node.get('href'), 40)}"


RULES: Final[tuple[Rule, ...]] = (
    Rule("L01", "Link without an address", Severity.BLOCK, look_at_page=_leads_nowhere),
    Rule("L02", "Link only we can open", Severity.BLOCK, look_at_page=_only_here),
    Rule("L03", "Link without encryption", Severity.WARN, look_at_page=_in_the_clear),
    Rule("L05", "Link that says nothing", Severity.WARN, look_at_page=_says_nothing),
    Rule("L06", "Links hard to tell apart", Severity.WARN, look_at_page=_two_of_one),
    Rule("L07", "Shortened link", Severity.WARN, look_at_page=_shortened),
    Rule("L08", "Campaign fields", Severity.WARN, look_at_page=_measured),
    Rule("L09", "No way out", Severity.BLOCK, look_at_page=_way_out),
    Rule("L10", "Link inside a link", Severity.BLOCK, look_at_page=_nested),
    Rule("L11", "Link within the letter", Severity.WARN, look_at_page=_jumps),
    Rule("L12", "Too many links", Severity.WARN, look_at_page=_many),
)
