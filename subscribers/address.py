"""Pure. Read what a person typed as an e-mail address, or say what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email

from digest.errors import AddressError
from subscribers.limits import Disposable

_EDGES = " \t\u00a0\u200b\u200e\u200f\u2060\ufeff"
"""What copying from a page or a table leaves around an address, some of it invisible."""

_WORD = r"[A-Za-z0-9_+-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(
    rf"(?P<local>{_WORD}(?:\.{_WORD})*)@(?P<domain>(?:{_LABEL}\.)+[A-Za-z]{{2,63}})", re.ASCII
)
_RESERVED = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
"""Last labels under which there are names that nobody can be mailed at: a closer look is needed."""

ROLES = frozenset(
    (  # noqa: SIM905 - words are read most easily as words
        "abuse accounts admin administrator all board careers contact desk editor enquiries"
        " feedback finance ftp hello help helpdesk hostmaster hr info information it jobs legal"
        " list mail mailer-daemon marketing media members news newsletter no-reply noc noreply"
        " office orders postmaster press privacy redaktion root sales security service spam staff"
        " subscribe support team unsubscribe usenet uucp web webmaster www"
    ).split()
)
"""RFC 2142's, and those that many people read or nobody."""

_OFTEN_MISTYPED = (
    *("gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.com"),
    *("yahoo.com", "yahoo.co.uk", "icloud.com", "protonmail.com", "btinternet.com", "comcast.net"),
    *("web.de", "t-online.de", "orange.fr", "wanadoo.fr", "laposte.net", "hotmail.fr", "yahoo.fr"),
)
_KNOWN_DOMAINS = frozenset(
    {
        *_OFTEN_MISTYPED,
        *("gmx.de", "gmx.net", "gmx.com", "gmx.at", "gmx.ch", "mail.com", "email.com", "aol.com"),
        *("me.com", "mac.com", "msn.com", "ymail.com", "proton.me", "pm.me", "hey.com", "fmail.co"),
        *("free.fr", "sfr.fr", "yahoo.es", "yahoo.de", "yahoo.it", "yahoo.ca", "hotmail.es"),
        *("hotmail.de", "hotmail.it", "live.fr", "live.co.uk", "outlook.fr", "outlook.de"),
        *("outlook.es", "webde.de", "web.com", "wed.de", "verizon.net", "att.net", "cox.net"),
    }
)
"""Domains that are right as they are, though they look like another."""

_SLIPS = {
    "gmail.co": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.de": "gmail.com",
    "hotmail.co": "hotmail.com",
    "yahoo.co": "yahoo.com",
    "icloud.co": "icloud.com",
    "outlook.co": "outlook.com",
}
_LEAST_TO_COMPARE = 8
"""Shorter names are one slip apart from too many others."""

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
_LONGEST_LOCAL, _LONGEST = (
    64,
    254,
)  # RFC 5321 4.5.3.1.3: a path is 256 octets with its angle brackets
_SHOWN = 60


class AddressProblem(StrEnum):
    """What is wrong with an address, for pages that say it in the reader's language."""

    EMPTY = "empty"
    NO_AT = "no at"
    SEVERAL = "several"
    SPACE = "space"
    NO_DOT = "no dot"
    CHARACTER = "character"
    QUOTED = "quoted"
    TOO_LONG = "too long"
    INVALID = "invalid"
    DISPOSABLE = "disposable"
    LEFT = "left"
    NEVER = "never"


class AddressRefusedError(AddressError):
    """An address that was refused.

    `cause` is the reason alone, in English; `problem` the kind of reason.
    """

    def __init__(self, message: str, *, cause: str, problem: AddressProblem, hint: str) -> None:
        """Keep the cause apart from the sentence that names the address."""
        super().__init__(message, hint=hint)
        self.cause = cause
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Address:
    """An address twice: as it is mailed, and as it is looked up.

    `mailed` keeps the reader's spelling before the @; the domain is lower case and ASCII, which
    every server takes. `key` folds case and IDN only: no dots, no plus tags.
    """

    mailed: str
    key: str


def read_address(text: str) -> Address:
    """Understand an address as people paste it: spaces around, `mailto:`, `Maria <maria@…>`.

    Raises AddressRefusedError, whose sentences say what is wrong, where, and how to write it.
    """
    plain = read_plain(text)
    if plain is not None:
        return plain
    bare = _unwrap(text.strip(_EDGES), text)
    if not bare:
        hint = "Write an address, as in name@example.org."
        refuse(text, "it is empty", AddressProblem.EMPTY, hint=hint)
    _refuse_unsafe(text)
    _refuse_common_slips(bare, text)
    try:
        found = validate_email(
            bare, check_deliverability=False, test_environment=True, strict=True
        )  # the test environment only means that .test names are names like any other
    except ValueError as error:
        refuse(text, _sentence(str(error)), source=error)
    domain = found.ascii_domain.lower()
    local = found.local_part
    if len(local.encode()) > _LONGEST_LOCAL or len(f"{local}@{domain}".encode()) > _LONGEST:
        cause = f"it is too long ({_LONGEST_LOCAL} bytes before the @, {_LONGEST} in all)"
        refuse(text, cause, AddressProblem.TOO_LONG)
    return Address(mailed=f"{local}@{domain}", key=f"{_fold(local)}@{domain}")


def refuse_disposable(address: Address, policy: Disposable) -> None:
    """Refuse a mailbox that is thrown away after an hour, where the publisher wants that."""
    if policy is not Disposable.REFUSE:
        return
    from disposable_email_domains import blocklist  # noqa: PLC0415 - ten thousand names

    domain = address.mailed.rpartition("@")[2]
    parents = domain.split(".")
    if any(".".join(parents[at:]) in blocklist for at in range(len(parents) - 1)):
        refuse(
            address.mailed,
            "a mailbox there is thrown away after a while",
            AddressProblem.DISPOSABLE,
            hint="Use the address that you read your mail at.",
        )


def read_plain(text: str) -> Address | None:
    """Understand a plain ASCII address, ten times faster; None for what needs a closer look.

    Whatever it gives, `read_address` would give too: a test holds the two together.
    """
    found = _PLAIN.fullmatch(text)
    if found is None or len(text) > _LONGEST:
        return None
    local, domain = found["local"], found["domain"].lower()
    if len(local) > _LONGEST_LOCAL or "--" in domain or domain.rpartition(".")[2] in _RESERVED:
        return None
    return Address(mailed=f"{local}@{domain}", key=f"{local.lower()}@{domain}")


def is_role(address: Address) -> bool:
    """Tell whether a mailbox is a desk rather than a person, as info@ or press@ (RFC 2142)."""
    return address.key.rpartition("@")[0].partition("+")[0] in ROLES


def typo_hint(address: Address) -> str | None:
    """Give what was probably meant by a domain that is nearly a well-known one; None mostly."""
    local, _, domain = address.mailed.rpartition("@")
    if domain in _KNOWN_DOMAINS:
        return None
    slip = _SLIPS.get(domain) or next(
        (known for known in _OFTEN_MISTYPED if _one_slip_apart(domain, known)), None
    )
    return f"{local}@{slip}" if slip else None


def refuse(
    text: str,
    cause: str,
    problem: AddressProblem = AddressProblem.INVALID,
    *,
    hint: str = "",
    source: Exception | None = None,
) -> NoReturn:
    """Raise the error that names the address (cut and escaped) and the cause."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    raise AddressRefusedError(
        f"e-mail address: {ascii(shown) if not shown.isprintable() else repr(shown)}: {cause}",
        cause=cause,
        problem=problem,
        hint=hint or "Write one address, as in name@example.org.",
    ) from source


def _fold(local: str) -> str:
    folded = unicodedata.normalize("NFC", local).casefold()
    return unicodedata.normalize("NFC", folded)


def _unwrap(bare: str, text: str) -> str:
    if bare[:7].lower() == "mailto:":
        bare = bare[7:]
    named = _NAMED.fullmatch(bare)
    if named is None:
        return bare
    inner = named["address"].strip(_EDGES)
    name = named["name"].strip(_EDGES + "\"'")
    if "@" in name and name.lower() != inner.lower():
        refuse(text, "there are two addresses in it", AddressProblem.SEVERAL)
    return inner


def _refuse_unsafe(text: str) -> None:
    for at, character in enumerate(text.strip(_EDGES), start=1):
        if unicodedata.category(character) in _UNSAFE:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            cause = f"character {at} is no part of an address ({name})"
            refuse(text, cause, AddressProblem.CHARACTER)


def _refuse_common_slips(bare: str, text: str) -> None:
    if "@" not in bare:
        refuse(text, "there is no @ in it", AddressProblem.NO_AT)
    if bare.startswith('"'):
        refuse(text, "the part before the @ is in quotation marks", AddressProblem.QUOTED)
    if bare.count("@") > 1 or "," in bare or ";" in bare:
        cause = "there is more than one address in it, or a character that does not belong"
        refuse(text, cause, AddressProblem.SEVERAL)
    if any(character.isspace() for character in bare):
        cause = f"there is a space in it, at character {_first_space(bare)}"
        refuse(text, cause, AddressProblem.SPACE)
    if "." not in bare.partition("@")[2]:
        refuse(text, "the part after the @ has no dot", AddressProblem.NO_DOT)


def _first_space(bare: str) -> int:
    return next(at for at, character in enumerate(bare, start=1) if character.isspace())


def _sentence(text: str) -> str:
    """Make the library's message ("The part after the @-sign …") the end of our sentence."""
    said = text.partition(". It ")[0].rstrip(".").replace("@-sign", "@").replace("email", "e-mail")
    return said[:1].lower() + said[1:]


def _one_slip_apart(typed: str, known: str) -> bool:
    """Tell whether one letter is wrong, missing, too many, or two stand in the wrong order."""
    if len(known) < _LEAST_TO_COMPARE or abs(len(typed) - len(known)) > 1:
        return False
    same = 0
    while same < min(len(typed), len(known)) and typed[same] == known[same]:
        same += 1
    rest, meant = typed[same:], known[same:]
    swapped = rest[1::-1] + rest[2:]
    return meant in {swapped, rest[1:]} or rest[1:] == meant[1:] or rest == meant[1:]
