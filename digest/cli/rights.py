"""The commands about a reader's rights: subscribers show, suppress, erase."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli.opening import newsletter_named, opened
from digest.cli.output import json_option, mark, pairs, say, say_wrapped, show, table
from digest.cli.reader_words import act_of, slug_of, time_of
from digest.cli.wording import counted, listed
from digest.errors import DigestError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digest.app import App
    from digest.db import Connection
    from subscribers.directory_store import NeverMailed
    from subscribers.model import Consent, Subscription
    from subscribers.rights_store import Person, Wording

_PUBLIC_ID = re.compile(r"[0-9a-f]{24}")
_COLUMNS = ("WHEN", "WHAT", "NEWSLETTER", "HOW", "WORDS")
_WHAT = 1  # the column of the log that is cut where a line would be too long


@click.command("show")
@click.argument("address")
@click.option(
    "--export",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write all that is kept about them, as JSON; - is standard output.",
)
@json_option
@click.pass_context
def show_reader(ctx: click.Context, address: str, target: str | None, as_json: bool) -> None:
    """Show where one reader stands, and the log of their consent with the words they saw.

    With --export, the whole document that a reader may ask for: profile, consent, editions,
    notices, audit. FILE is written for you alone, and never over another. ADDRESS may be the id
    of a reader, which is all that is left of who was erased.
    """
    with opened(ctx) as app:
        if target is not None:
            _export(app, address, target, as_json=as_json)
            return
        with app.database.read() as connection:
            found = _person(app, connection, address)
            facts = _facts(app, connection, found)
        show(as_json, facts, lambda: _tell_reader(app, facts))


def _person(app: App, connection: Connection, text: str) -> Person:
    """Find a reader by address or id; the error says whether the address is never mailed."""
    from subscribers import directory_store, rights_store
    from subscribers.address import read_address
    from subscribers.suppression import address_hash

    if _PUBLIC_ID.fullmatch(text):
        found, never, hashed = rights_store.person(connection, public_id=text), [], ""
    else:
        key = read_address(text).key
        found = rights_store.person(connection, address_key=key)
        hashed = address_hash(app.keys.suppression, key)
        never = directory_store.never_mailed(connection, hashed)
    if found is None:
        hint = "Look for the spelling with: digest subscribers list"
        if never:
            hint = f"It is on the never-mail list: {_listed_as(app, never)} (hash {hashed[:12]})."
        raise NotFoundError(f"subscribers: {text}: is not on any list", hint=hint)
    return found


def _facts(app: App, connection: Connection, found: Person) -> dict[str, Any]:
    from subscribers import directory_store, rights_store, store

    standings = store.subscriptions_of(connection, found.id)
    log = store.consents_of(connection, found.id)
    numbers = {line.wording for line in log if line.wording is not None}
    words = rights_store.wordings(connection, numbers)
    hashed = found.address_hmac
    never = directory_store.never_mailed(connection, hashed) if hashed else []
    return {
        "id": found.public_id,
        "address": found.address,
        "erased_at": found.erased_at,
        "language": found.language,
        "zone": found.zone,
        "hour": None if found.hour is None else f"{found.hour // 60:02}:{found.hour % 60:02}",
        "format": "text" if found.format == "text" else "html",
        "tags": list(found.tags),
        "change_of_address": found.asked_address,
        "never_mailed": _listed_as(app, never),
        "subscriptions": [_standing_facts(app, connection, each) for each in standings],
        "consent": [_consent_facts(app, line) for line in log],
        "wordings": [_wording_facts(words[number]) for number in sorted(words)],
    }


def _standing_facts(app: App, connection: Connection, standing: Subscription) -> dict[str, Any]:
    paused = standing.state == "paused"
    return {
        "newsletter": slug_of(app, standing.newsletter_id),
        "state": standing.state,
        "topics": _topics(app, connection, standing),
        "paused_until": standing.paused_until if paused else None,
    }


def _topics(app: App, connection: Connection, standing: Subscription) -> list[str] | str:
    """Give the keys of the topics they chose; of a newsletter that is gone, all it ever had."""
    from digest.editions.store import topic_bits
    from subscribers.topics import EVERYTHING, Topics

    if standing.topic_mask == EVERYTHING:
        return "everything"
    bits = topic_bits(connection, standing.newsletter_id)
    found = app.newsroom.newsletter(standing.newsletter_id)
    offered = tuple(each.key for each in found.spec.sections) if found else tuple(bits)
    return list(Topics(bits, offered).chosen(standing.topic_mask))


def _consent_facts(app: App, line: Consent) -> dict[str, Any]:
    return {
        "at": line.act.at,
        "kind": line.kind,
        "newsletter": slug_of(app, line.newsletter_id) if line.newsletter_id else "all",
        "via": line.act.via,
        "ip": line.act.ip,
        "source": line.act.source,
        "wording": line.wording,
    }


def _wording_facts(wording: Wording) -> dict[str, Any]:
    return {"version": wording.number, "since": wording.since, "text": wording.text}


def _listed_as(app: App, never: Sequence[NeverMailed]) -> str:
    def words(each: NeverMailed) -> str:
        where = "" if each.scope == "all" else f"{each.scope}: "
        return f"{where}{each.reason}, since {time_of(app, each.at)}"

    return "; ".join(words(each) for each in never)


def _tell_reader(app: App, facts: Mapping[str, Any]) -> None:
    say(facts["address"] or f"{facts['id']}, erased {time_of(app, facts['erased_at'])}")
    manner = (
        ("Language", facts["language"]),
        ("Zone", facts["zone"]),
        ("Hour", facts["hour"]),
        ("Format", "text alone" if facts["format"] == "text" else ""),
        ("Tags", ", ".join(facts["tags"])),
        ("Moving to", facts["change_of_address"]),
        ("Never mailed", facts["never_mailed"]),
    )
    pairs([(name, value) for name, value in manner if value])
    standings = facts["subscriptions"]
    table([(one["newsletter"], one["state"], _chosen(app, one)) for one in standings], indent=2)
    say()
    _tell_log(app, facts["consent"])
    for wording in facts["wordings"]:
        say()
        say(f"  Words {wording['version']}, in use since {time_of(app, wording['since'])}")
        say_wrapped(wording["text"], first="    ", then="    ")


def _chosen(app: App, one: Mapping[str, Any]) -> str:
    until = f"until {time_of(app, one['paused_until'])}" if one["paused_until"] else ""
    topics = "" if one["topics"] == "everything" else ", ".join(one["topics"])
    return "; ".join(each for each in (until, topics) if each)


def _tell_log(app: App, log: Sequence[Mapping[str, Any]]) -> None:
    """Print the log; what no line has gets no column. Its networks and places are in the export."""
    rows = [
        {
            "WHEN": time_of(app, one["at"]),
            "WHAT": one["kind"],
            "NEWSLETTER": one["newsletter"],
            "HOW": one["via"],
            "WORDS": one["wording"] or "",
        }
        for one in log
    ]
    heads = [head for head in _COLUMNS if any(row[head] for row in rows)]
    table([heads, *([row[head] for head in heads] for row in rows)], indent=2, shrink=_WHAT)


def _export(app: App, address: str, target: str, *, as_json: bool) -> None:
    from digest.workflow.dossier import dossier

    with app.database.read() as connection:
        found = _person(app, connection, address)
    document = dossier(
        app.database,
        subscriber_id=found.id,
        site=app.newsroom.site,
        newsletters=app.newsroom.newsletters,
        keys=app.keys,
        now=app.clock(),
    )
    if target == "-":
        show(as_json=True, facts=document, tell=say)
        return
    _write_new(Path(target), document)
    facts = {"address": found.address, "written": target}
    show(as_json, facts, lambda: say(f"Written: {target}"))


def _write_new(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(
            f"export: {path}: is there already", hint="Name another file, or remove that one."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


@click.command()
@click.argument("addresses", nargs=-1, metavar="ADDRESS...")
@click.option("--newsletter", "-n", "slug", help="This one alone; of all others nothing changes.")
@click.option("--reason", "why", default="", metavar="TEXT", help="Why; kept in the audit.")
@click.option("--lift", is_flag=True, help="Take off the list what you put on it; needs --reason.")
@click.option("--list", "listing", is_flag=True, help="Show who is on it.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to show."
)
@json_option
@click.pass_context
def suppress(
    ctx: click.Context,
    addresses: tuple[str, ...],
    *,
    slug: str | None,
    why: str,
    lift: bool,
    listing: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Never mail an address, known or not, whoever asks for it: form, import, API or command.

    What is known of them stays. To end letters so that they may come back: `unsubscribe`. To take
    their data away: `erase`.

    --lift takes off the list what stands there by your own hand; a complaint, a dead mailbox and
    the reader's own wish are not yours to lift. It subscribes nobody.
    """
    if listing == bool(addresses):
        hint = "As in: digest subscribers suppress reader@example.org"
        both = ", not both" if listing else ""
        raise UsageError(f"suppress: give addresses or --list{both}", hint=hint)
    if lift and not why.strip():
        hint = 'As in: --lift --reason "they wrote to us"'
        raise UsageError("suppress: --lift needs --reason", hint=hint)
    with opened(ctx) as app:
        if listing:
            _list_never_mailed(app, limit, as_json=as_json)
            return
        scope = newsletter_named(app, slug).slug if slug else "all"
        act = _lifted if lift else _suppressed
        facts = [_tried(act, app, address, scope, why.strip()) for address in addresses]
    _tell_each(ctx, facts, as_json=as_json)


def _list_never_mailed(app: App, limit: int, *, as_json: bool) -> None:
    from subscribers import rights_store

    with app.database.read() as connection:
        found, total = rights_store.list_never_mailed(connection, limit=limit)
    facts = [
        {
            "address": each.address,
            "address_hash": each.address_hmac,
            "newsletter": each.scope,
            "reason": each.reason,
            "since": each.at,
        }
        for each in found
    ]

    def tell() -> None:
        if not found:
            say("Nobody is on the never-mail list.")
            return
        lines = [
            (
                each.address or f"(hash {each.address_hmac[:12]})",
                each.scope,
                each.reason,
                time_of(app, each.at),
            )
            for each in found
        ]
        table([("ADDRESS", "NEWSLETTER", "REASON", "SINCE"), *lines], shrink=0)
        if total > len(found):
            say(f"{len(found):,} of {counted(total, 'line', 'lines')}; more with --limit")

    show(as_json, facts, tell)


def _tried(
    act: Callable[[App, str, str, str], dict[str, Any]],
    app: App,
    address: str,
    scope: str,
    why: str,
) -> dict[str, Any]:
    """Do it for one address; what is wrong with it keeps no other from being dealt with."""
    try:
        facts = act(app, address, scope, why)
    except DigestError as error:
        return {"address": address, "done": "", "problem": str(error), "hint": error.hint}
    return {"address": address, "problem": "", "hint": "", **facts}


def _suppressed(app: App, address: str, scope: str, why: str) -> dict[str, Any]:
    from digest.workflow.never_mail import forbid

    outcome = forbid(
        app.database,
        address,
        act_of(app),
        keys=app.keys,
        scope=scope,
        why=why,
        departures=app.departures,
    )
    ended = [slug_of(app, each) for each in outcome.changed]
    where = "" if scope == "all" else f" by {scope}"
    what = f"is never mailed{where} from now on, whoever asks; their data stay"
    if ended:
        what += f" ({listed(ended)} ended)"
    return {"done": what, "ended": ended}


def _lifted(app: App, address: str, scope: str, why: str) -> dict[str, Any]:
    from digest.workflow.never_mail import lift

    act = act_of(app)
    done = lift(
        app.database,
        address,
        act,
        keys=app.keys,
        scope=scope,
        why=why,
        departures=app.departures,
    )
    left = _listed_as(app, done.left)
    if not done.scopes:
        cause = f"it stands there for another reason ({left})" if left else "it is not on it"
        raise UsageError(
            f"never-mail list: {address}: nothing to lift: {cause}",
            hint="Only what you put on it yourself can be taken off.",
        )
    what = "is off the never-mail list; nobody is subscribed by that"
    if left:
        what += f". Still on it: {left}"
    return {"done": what, "lifted": list(done.scopes)}


def _tell_each(ctx: click.Context, facts: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    def tell() -> None:
        for one in facts:
            if one["problem"]:
                mark("FAIL", one["problem"])
                mark("", one["hint"])
            else:
                mark("ok", f"{one['address']} {one['done']}")

    show(as_json, facts, tell)
    if any(one["problem"] for one in facts):
        ctx.exit(1)


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--never-again", is_flag=True, help="They asked never to be mailed again.")
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@json_option
@click.pass_context
def erase(
    ctx: click.Context,
    addresses: tuple[str, ...],
    *,
    never_again: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase a reader: their data go, and cannot be brought back. Only a keyed hash stays.

    The hash keeps everybody else from bringing the address back; they may, by their own double
    opt-in, unless with --never-again, which also takes an address that is on no list. To end
    letters: `unsubscribe`. To forbid them and keep the data: `suppress`.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError("erase: there is no terminal to ask at", hint="If you are sure: --yes")
    with opened(ctx) as app:
        facts = []
        for address in addresses:
            if not yes:
                _ask(address)
            facts.append(_tried(_erased, app, address, "all", "never" if never_again else ""))
    _tell_each(ctx, facts, as_json=as_json)


def _ask(address: str) -> None:
    question = "This cannot be undone. Type the address to erase its reader"
    if click.prompt(question, err=True).strip() != address:
        raise UsageError("erase: that is another address: nobody was erased")


def _erased(app: App, address: str, scope: str, never: str) -> dict[str, Any]:
    from digest.people.store import append_audit
    from digest.workflow.erase import erase as erase_reader
    from digest.workflow.never_mail import forbid
    from subscribers import store
    from subscribers.address import read_address
    from subscribers.model import SuppressionReason

    act = act_of(app)
    with app.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=read_address(address).key)
    if reader is None:
        if not never:
            raise NotFoundError(
                f"subscribers: {address}: is not on any list: there is nothing to erase",
                hint="Never to mail it all the same: add --never-again.",
            )
        forbid(
            app.database,
            address,
            act,
            keys=app.keys,
            scope=scope,
            reason=SuppressionReason.NEVER_AGAIN,
            departures=app.departures,
        )
        return {"done": "was not on any list; it is never mailed from now on", "erased": False}
    erase_reader(
        app.database,
        subscriber_id=reader.id,
        act=act,
        keys=app.keys,
        departures=app.departures,
        never_again=bool(never),
    )
    with app.database.write() as connection:
        append_audit(
            connection,
            at=act.at,
            actor=act.via,
            verb="subscriber.erase",
            subject=reader.public_id,
            detail={"never_again": bool(never)},
        )
    back = "and is never mailed again" if never else "they alone may come back, by confirming"
    return {"done": f"is erased: only a keyed hash stays; {back}", "erased": True}
