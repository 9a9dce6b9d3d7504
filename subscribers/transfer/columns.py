"""Pure. What a column can hold for us, and the headings that people and spreadsheets give it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

NOT_USED = "-"
"""In `--column state=-`: that we take no such thing from the file."""


class Field(StrEnum):
    """What is taken from a file of readers; the values are the names in `--column`."""

    __hash__ = str.__hash__  # an enum's own is written in Python, and asked ten times a reader

    ADDRESS = "address"
    STATE = "state"
    NEWSLETTERS = "newsletters"
    LIST_STATE = "list_state"
    TOPICS = "topics"
    TAGS = "tags"
    LANGUAGE = "language"
    ZONE = "zone"
    HOUR = "hour"
    FORMAT = "format"
    ASKED_AT = "asked_at"
    ASKED_IP = "asked_ip"
    CONFIRMED_AT = "confirmed_at"
    CONFIRMED_IP = "confirmed_ip"
    ENDED_AT = "ended_at"
    DELETED_AT = "deleted_at"
    CHANGED_AT = "changed_at"
    PAUSED_UNTIL = "paused_until"


MANY = frozenset({Field.STATE, Field.NEWSLETTERS, Field.TOPICS, Field.TAGS})
"""What may stand in several columns of one file."""


class State(StrEnum):
    """Where a file says that somebody stands; the strongest of several counts, the first here."""

    __hash__ = str.__hash__  # as above

    ASKED_NEVER = "asked never to be mailed"
    BLOCKED = "blocked"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    NEVER_AGREED = "never agreed"
    UNSUBSCRIBED = "unsubscribed"
    UNCONFIRMED = "unconfirmed"
    PAUSED = "paused"
    CONFIRMED = "confirmed"


STRENGTH = {state: n for n, state in enumerate(State)}

SUPPRESSING = frozenset({State.ASKED_NEVER, State.BLOCKED, State.COMPLAINED, State.BOUNCED})
"""Who is never mailed again, by us either."""
JOINING = frozenset({State.CONFIRMED, State.PAUSED})

STATES: Mapping[str, State] = {
    **dict.fromkeys(
        ("confirmed", "subscribed", "active", "enabled", "yes", "y", "true", "1", "opt in"),
        State.CONFIRMED,
    ),
    **dict.fromkeys(("optin", "opted in", "abonniert", "ja", "abonné", "oui"), State.CONFIRMED),
    **dict.fromkeys(("paused", "pausiert"), State.PAUSED),
    **dict.fromkeys(("unconfirmed", "pending", "unbestätigt", "en attente"), State.UNCONFIRMED),
    **dict.fromkeys(
        ("unsubscribed", "left", "opt out", "optout", "opted out", "removed", "inactive"),
        State.UNSUBSCRIBED,
    ),
    **dict.fromkeys(("disabled", "no", "n", "false", "0", "nein", "non"), State.UNSUBSCRIBED),
    **dict.fromkeys(("abgemeldet", "désabonné"), State.UNSUBSCRIBED),
    **dict.fromkeys(
        ("bounced", "bounce", "cleaned", "hard bounce", "undeliverable"), State.BOUNCED
    ),
    "asked never to be mailed": State.ASKED_NEVER,
    **dict.fromkeys(("complained", "complaint", "spam", "abuse"), State.COMPLAINED),
    **dict.fromkeys(
        ("blocked", "blocklisted", "blacklisted", "suppressed", "banned", "by the publisher"),
        State.BLOCKED,
    ),
    **dict.fromkeys(("transactional", "nonsubscribed", "non subscribed"), State.NEVER_AGREED),
}
"""Words of a column of states, folded; a word that is none of these is asked about."""

HEADINGS: Mapping[str, Field] = {
    **dict.fromkeys(
        ("address", "email", "e mail", "email address", "e mail address", "mail", "emailaddress"),
        Field.ADDRESS,
    ),
    **dict.fromkeys(
        ("e mail adresse", "email adresse", "mailadresse", "adresse e mail", "adresse email"),
        Field.ADDRESS,
    ),
    **dict.fromkeys(
        ("courriel", "correo", "correo electrónico", "correo electronico", "adresse mail"),
        Field.ADDRESS,
    ),
    **dict.fromkeys(
        ("subscriber", "subscriber email", "user email", "البريد الإلكتروني"), Field.ADDRESS
    ),
    **dict.fromkeys(("state", "status", "subscription status", "subscriber status"), Field.STATE),
    **dict.fromkeys(("subscribed", "statut", "estado", "zustand"), Field.STATE),
    **dict.fromkeys(("newsletter", "newsletters", "list", "lists"), Field.NEWSLETTERS),
    **dict.fromkeys(("topic", "topics", "interests", "groups", "group"), Field.TOPICS),
    **dict.fromkeys(("tag", "tags", "labels", "label"), Field.TAGS),
    **dict.fromkeys(("language", "lang", "locale", "sprache", "langue", "idioma"), Field.LANGUAGE),
    **dict.fromkeys(("zone", "timezone", "time zone", "zeitzone"), Field.ZONE),
    "list status": Field.LIST_STATE,
    "hour": Field.HOUR,
    **dict.fromkeys(("format", "email format", "email type"), Field.FORMAT),
    **dict.fromkeys(
        ("asked at", "requested at", "created at", "created", "signup date", "sign up date"),
        Field.ASKED_AT,
    ),
    **dict.fromkeys(("subscribed at", "joined", "joined at", "date added", "date"), Field.ASKED_AT),
    **dict.fromkeys(("optin time", "opt in time", "registered", "anmeldedatum"), Field.ASKED_AT),
    **dict.fromkeys(("asked ip", "optin ip", "signup ip", "subscribed ip", "ip"), Field.ASKED_IP),
    **dict.fromkeys(("ip address", "subscription ip"), Field.ASKED_IP),
    **dict.fromkeys(("confirmed at", "confirm time", "confirmation time"), Field.CONFIRMED_AT),
    **dict.fromkeys(("confirmed ip", "confirm ip", "confirmation ip"), Field.CONFIRMED_IP),
    **dict.fromkeys(
        ("ended at", "unsubscribed at", "unsub time", "left at", "unsubscribe date"),
        Field.ENDED_AT,
    ),
    "deleted at": Field.DELETED_AT,
    **dict.fromkeys(("changed at", "updated at", "last changed"), Field.CHANGED_AT),
    "paused until": Field.PAUSED_UNTIL,
}
"""Headings as they are folded, in the languages we speak."""

_BETWEEN = re.compile(r"[\W_]+")


def fold(heading: str) -> str:
    """Give a heading or a word of state as it is compared: lower case, words with one blank."""
    return _BETWEEN.sub(" ", heading.casefold()).strip()


def field_named(name: str) -> Field | None:
    """Find what `--column` calls by a name; None when there is no such thing."""
    folded = fold(name).replace(" ", "_")
    try:
        return Field(folded)
    except ValueError:
        return HEADINGS.get(folded.replace("_", " "))
