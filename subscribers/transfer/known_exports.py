"""Pure. The exports of other programs, known by their columns. One table: add to it what comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from subscribers.transfer.columns import Field, State, fold


@dataclass(frozen=True, slots=True)
class Export:
    """What a program writes: how its file is known, and what its columns are to us.

    Headings and words are folded (`columns.fold`).
    """

    program: str
    part: str
    """What of it this file holds, as in "unsubscribed members"."""
    needs: frozenset[str]
    """The headings that all stand in it, and together in no other."""
    columns: Mapping[str, Field]
    state: State | None = None
    """What everybody in it is; None: its columns tell."""
    states: Mapping[str, State] = field(default_factory=dict)
    """Words of its columns of states that mean something of their own here."""
    tag_if: Mapping[str, str] = field(default_factory=dict)
    """Headings of yes and no: a tag for yes."""
    apart: bool = False
    """One reader may stand in several lines, one for each list."""
    formula_safe: bool = False
    """Its cells have an apostrophe before what could be a formula."""
    plain_lists: bool = False
    """Marks of quotation in its lists of words are part of the words."""
    file_words: str = ""
    """What stands in the file's name where its columns alone do not tell."""

    @property
    def name(self) -> str:
        """How it is said."""
        return f"{self.program}: {self.part}" if self.part else self.program


_MAILCHIMP = {
    "email address": Field.ADDRESS,
    "optin time": Field.ASKED_AT,
    "optin ip": Field.ASKED_IP,
    "confirm time": Field.CONFIRMED_AT,
    "confirm ip": Field.CONFIRMED_IP,
    "last changed": Field.CHANGED_AT,
    "language": Field.LANGUAGE,
    "tags": Field.TAGS,
}
_GHOST = {
    "email": Field.ADDRESS,
    "subscribed to emails": Field.STATE,
    "created at": Field.CONFIRMED_AT,
    "deleted at": Field.DELETED_AT,
    "labels": Field.TAGS,
}
_YES_NO = {"true": State.CONFIRMED, "false": State.UNSUBSCRIBED}
_OWN = {
    "address": Field.ADDRESS,
    "newsletter": Field.NEWSLETTERS,
    "state": Field.LIST_STATE,
    "topics": Field.TOPICS,
    "tags": Field.TAGS,
    "language": Field.LANGUAGE,
    "zone": Field.ZONE,
    "hour": Field.HOUR,
    "format": Field.FORMAT,
    "asked at": Field.ASKED_AT,
    "requested at": Field.ASKED_AT,
    "confirmed at": Field.CONFIRMED_AT,
    "ended at": Field.ENDED_AT,
    "paused until": Field.PAUSED_UNTIL,
}

EXPORTS = (
    Export(
        "Mailchimp",
        "cleaned members",
        frozenset({"email address", "clean time", "leid", "euid"}),
        {**_MAILCHIMP, "clean time": Field.ENDED_AT},
        state=State.BOUNCED,
    ),
    Export(
        "Mailchimp",
        "unsubscribed members",
        frozenset({"email address", "unsub time", "leid", "euid"}),
        {**_MAILCHIMP, "unsub time": Field.ENDED_AT},
        state=State.UNSUBSCRIBED,
    ),
    Export(
        "Mailchimp",
        "non-subscribed contacts",
        frozenset({"email address", "optin time", "leid", "euid"}),
        _MAILCHIMP,
        state=State.NEVER_AGREED,
        file_words="nonsubscribed",
    ),
    Export(
        "Mailchimp",
        "subscribed members",
        frozenset({"email address", "optin time", "leid", "euid"}),
        _MAILCHIMP,
        state=State.CONFIRMED,
    ),
    Export(
        "listmonk",
        "subscribers",
        frozenset({"email", "attributes", "status"}),
        {
            "email": Field.ADDRESS,
            "status": Field.STATE,
            "created at": Field.ASKED_AT,
            "updated at": Field.CHANGED_AT,
            "lists": Field.NEWSLETTERS,
            "subscription status": Field.LIST_STATE,
        },
    ),
    Export(
        "listmonk",
        "subscribers",
        frozenset({"email", "attribs", "status"}),
        {
            "email": Field.ADDRESS,
            "status": Field.STATE,
            "created at": Field.ASKED_AT,
            "updated at": Field.CHANGED_AT,
            "lists": Field.NEWSLETTERS,
        },
    ),
    Export(
        "Ghost",
        "members",
        frozenset({"email", "subscribed to emails", "created at"}),
        _GHOST,
        states=_YES_NO,
        formula_safe=True,
    ),
    Export(
        "Substack",
        "subscribers",
        frozenset({"email", "active subscription", "email disabled"}),
        {
            "email": Field.ADDRESS,
            "email disabled": Field.STATE,
            "created at": Field.CONFIRMED_AT,
        },
        states={"true": State.UNSUBSCRIBED, "false": State.CONFIRMED},
        tag_if={"active subscription": "paid"},
    ),
    Export(
        "MailPoet",
        "subscribers",
        frozenset({"email", "global status"}),
        {
            "email": Field.ADDRESS,
            "global status": Field.STATE,
            "list status": Field.LIST_STATE,
            "list": Field.NEWSLETTERS,
            "segment name": Field.NEWSLETTERS,
            "subscription time": Field.ASKED_AT,
            "subscription ip": Field.ASKED_IP,
            "confirmation time": Field.CONFIRMED_AT,
            "confirmation ip": Field.CONFIRMED_IP,
            "tags": Field.TAGS,
        },
        states={"inactive": State.CONFIRMED},
        apart=True,
    ),
    Export(
        "digest",
        "readers",
        frozenset({"address", "newsletter", "state"}),
        _OWN,
        apart=True,
        formula_safe=True,
        plain_lists=True,
    ),
)
"""In the order they are tried: what needs more columns stands before what needs fewer."""


def known_export(headings: Collection[str], file_name: str = "") -> Export | None:
    """Find whose export has these headings; None for a file that nobody's program is known by."""
    folded = {fold(each) for each in headings}
    for export in EXPORTS:
        if export.needs <= folded and export.file_words in file_name.casefold():
            return export
    return None


def export_named(name: str) -> Export | None:
    """Find the first export of a program, or of `program: part`, as `--format` names it."""
    wanted = fold(name)
    return next((each for each in EXPORTS if wanted in {fold(each.program), fold(each.name)}), None)
