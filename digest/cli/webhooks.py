"""The commands about outgoing webhooks: add, list, log, test, retry, rotate, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.editions import account
from digest.cli.opening import opened
from digest.cli.output import json_option, say, say_wrapped, show, table
from digest.cli.reader_words import time_of
from digest.cli.wording import counted, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.app import App
    from digest.outbox.hooks import CallState, Endpoint, HookCall
    from digest.workflow.call_out import CallTools, Try
    from digest.workflow.halt import Person

_EVENTS = (
    *("edition.sent", "edition.held", "edition.skipped"),
    *("subscriber.joined", "subscriber.confirmed", "subscriber.left"),
    *("subscriber.suppressed", "subscriber.erased"),
)
_URL_COLUMNS = 60
_SHOWN_CALLS = 20


@click.group()
def webhooks() -> None:
    """Programs of yours that are called when something happens here: signed, and tried again."""


@webhooks.command(short_help="Call an address from now on; shows its secret this once.")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    required=True,
    type=click.Choice(_EVENTS),
    help="What it is told of; may be repeated.",
)
@click.option("--addresses", is_flag=True, help="With readers' addresses beside their ids.")
@json_option
@click.pass_context
def add(
    ctx: click.Context, url: str, events: tuple[str, ...], *, addresses: bool, as_json: bool
) -> None:
    """Call URL from now on about these events, and show its secret this once.

    What is told there is signed with the secret: whoever has it can tell our calls from others'.
    """
    from digest.outbox.hooks import HookEvent
    from digest.workflow.webhooks import add as add_endpoint

    with opened(ctx) as app:
        added = add_endpoint(
            _tools(app),
            url,
            [HookEvent(each) for each in events],
            by=_person(),
            with_address=addresses,
        )
        facts = {**_facts(added.endpoint, {}), "secret": added.secret}
        show(as_json, facts, lambda: _tell_added(added.endpoint, added.secret))


def _tell_added(endpoint: Endpoint, secret: str) -> None:
    say(secret)
    say_wrapped("Keep it where only the program that is called can read it: it is not shown again.")
    say_wrapped(f"{endpoint.public_id} is told of: {_events(endpoint)}.")
    say(f"Try it with: digest webhooks test {endpoint.public_id}")


@webhooks.command("list")
@json_option
@click.pass_context
def list_webhooks(ctx: click.Context, as_json: bool) -> None:
    """List who is called, about what, and whether they take it."""
    from digest.outbox import hook_store

    with opened(ctx) as app:
        with app.database.read() as connection:
            found = hook_store.list_endpoints(connection)
            counts = hook_store.counts_of(connection)
        facts = [_facts(each, counts) for each in found]
        show(as_json, facts, lambda: _tell_list(app, found, counts))


def _tell_list(
    app: App, found: list[Endpoint], counts: Mapping[tuple[int, CallState], int]
) -> None:
    if not found:
        say("Nobody is called. Begin with: digest webhooks add URL --event edition.sent")
        return
    for each in found:
        facts = _facts(each, counts)
        last = time_of(app, each.last_ok_at) or "never"
        open_ = f"{facts['waiting']} waiting, {facts['failed']} given up"
        say(f"{each.public_id}  {each.state}, last taken: {last}, {open_}")
        say(f"  {cut(each.url, _URL_COLUMNS)}")
        say_wrapped(f"{_events(each)}{', with addresses' * each.with_address}", first="  ")
        if each.paused_why:
            say_wrapped(f"{each.paused_why} Mended? digest webhooks retry {each.public_id}")


@webhooks.command()
@click.argument("webhook", metavar="ID|URL")
@json_option
@click.pass_context
def log(ctx: click.Context, webhook: str, as_json: bool) -> None:
    """List the latest calls of a webhook, and what became of each."""
    from digest.outbox import hook_store

    with opened(ctx) as app:
        endpoint = _named(app, webhook)
        with app.database.read() as connection:
            calls = hook_store.calls_of(connection, endpoint.id, limit=_SHOWN_CALLS)
        show(as_json, [_call_facts(each) for each in calls], lambda: _tell_calls(app, calls))


def _tell_calls(app: App, calls: list[HookCall]) -> None:
    if not calls:
        say("Nothing has happened yet that it is told of.")
        return
    rows = [
        (
            time_of(app, each.happened_at),
            each.event,
            each.state,
            each.attempts,
            cut(each.reply, _URL_COLUMNS),
        )
        for each in calls
    ]
    table([("WHEN", "EVENT", "STATE", "TRIES", "LAST ANSWER"), *rows], right=[3])


@webhooks.command("test")
@click.argument("webhook", metavar="ID|URL")
@json_option
@click.pass_context
def try_webhook(ctx: click.Context, webhook: str, as_json: bool) -> None:
    """Call a webhook now with an event that means nothing."""
    from digest.workflow.webhooks import try_out

    with opened(ctx) as app:
        came = try_out(_tools(app), _named(app, webhook))
        facts = {"taken": came.is_taken, "status": came.status, "words": came.words}
        show(as_json, facts, lambda: _tell_try(came))
    if not came.is_taken:
        ctx.exit(1)


def _tell_try(came: Try) -> None:
    say_wrapped("It took it." if came.is_taken else f"It did not take it: {came.words}.")


@webhooks.command()
@click.argument("webhook", metavar="ID|URL")
@json_option
@click.pass_context
def retry(ctx: click.Context, webhook: str, as_json: bool) -> None:
    """Call a paused webhook again, and with all that it has not taken."""
    from digest.workflow.webhooks import retry as retry_endpoint

    with opened(ctx) as app:
        endpoint = _named(app, webhook)
        count = retry_endpoint(_tools(app), endpoint, by=_person())
        facts = {"id": endpoint.public_id, "calls": count}
        told = counted(count, "call is", "calls are")
        words = f"{endpoint.public_id} is called again: {told} made by digest serve."
        show(as_json, facts, lambda: say_wrapped(words))


@webhooks.command(short_help="Give a webhook a new secret.")
@click.argument("webhook", metavar="ID|URL")
@json_option
@click.pass_context
def rotate(ctx: click.Context, webhook: str, as_json: bool) -> None:
    """Give a webhook a new secret; for a day the former one signs as well."""
    from digest.workflow.webhooks import rotate as new_secret

    with opened(ctx) as app:
        endpoint = _named(app, webhook)
        secret = new_secret(_tools(app), endpoint, by=_person())
        facts = {"id": endpoint.public_id, "secret": secret}
        show(as_json, facts, lambda: _tell_secret(secret))


def _tell_secret(secret: str) -> None:
    say(secret)
    say_wrapped("It is not shown again. For a day calls are signed with the former one, too.")


@webhooks.command()
@click.argument("webhook", metavar="ID|URL")
@json_option
@click.pass_context
def remove(ctx: click.Context, webhook: str, as_json: bool) -> None:
    """Call a webhook no more, and forget its calls."""
    from digest.workflow.webhooks import remove as remove_endpoint

    with opened(ctx) as app:
        endpoint = _named(app, webhook)
        gone = remove_endpoint(_tools(app), endpoint, by=_person())
        facts = {"id": endpoint.public_id, "removed_now": gone}
        show(as_json, facts, lambda: say(f"{endpoint.public_id} is called no more."))


def _tools(app: App) -> CallTools:
    from digest.workflow.call_out import CallTools

    return CallTools(app.newsroom, app.keys.suppression, app.settings.webhooks.allow)


def _person() -> Person:
    from digest.workflow.halt import Person

    return Person(account())


def _named(app: App, name: str) -> Endpoint:
    from digest.outbox import hook_store
    from digest.workflow.webhooks import named

    with app.database.read() as connection:
        return named(hook_store.list_endpoints(connection), name)


def _events(endpoint: Endpoint) -> str:
    from digest.outbox.hooks import write_events

    return ", ".join(write_events(endpoint.events).split())


def _facts(endpoint: Endpoint, counts: Mapping[tuple[int, CallState], int]) -> dict[str, Any]:
    from digest.outbox.hooks import CallState

    return {
        "id": endpoint.public_id,
        "url": endpoint.url,
        "events": _events(endpoint).split(", "),
        "addresses": endpoint.with_address,
        "state": endpoint.state,
        "reason": endpoint.paused_why,
        "created_at": endpoint.created_at,
        "last_ok_at": endpoint.last_ok_at,
        "failing_since": endpoint.failing_since,
        "waiting": counts.get((endpoint.id, CallState.WAITING), 0),
        "failed": counts.get((endpoint.id, CallState.FAILED), 0),
    }


def _call_facts(call: HookCall) -> dict[str, Any]:
    return {
        "id": call.event_id,
        "event": call.event,
        "happened_at": call.happened_at,
        "state": call.state,
        "attempts": call.attempts,
        "next_at": call.next_at,
        "done_at": call.done_at,
        "status": call.status,
        "reply": call.reply,
    }
