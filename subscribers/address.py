"""Pure. Read what a person typed as an e-mail address, or say what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

from email_validator import validate_email

from digest.errors import AddressError

_EDGES = " \t\u00a0\u200b\u200e\u200f\u2060\ufeff"
"""What copying from a page or a table leaves around an address, some of it invisible."""

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
_LONGEST_LOCAL, _LONGEST = (
    64,
    254,
)  # RFC 5321 4.5.3.1.3: a path is 256 octets with its angle brackets
_SHOWN = 60


class AddressRefusedError(AddressError):
    """An address that was refused; `cause` is the reason alone, for a page that shows the rest."""

    def __init__(self, message: str, *, cause: str, hint: str) -> None:
        """Keep the cause apart from the sentence that names the address."""
        super().__init__(message, hint=hint)
        self.cause = cause


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
    bare = _unwrap(text.strip(_EDGES), text)
    if not bare:
        refuse(text, "it is empty", hint="Write an address, as in name@example.org.")
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
        refuse(text, f"it is too long ({_LONGEST_LOCAL} bytes before the @, {_LONGEST} in all)")
    return Address(mailed=f"{local}@{domain}", key=f"{_fold(local)}@{domain}")


def refuse(text: str, cause: str, *, hint: str = "", source: Exception | None = None) -> NoReturn:
    """Raise the error that names the address (cut and escaped) and the cause."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    raise AddressRefusedError(
        f"e-mail address: {ascii(shown) if not shown.isprintable() else repr(shown)}: {cause}",
        cause=cause,
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
        refuse(text, "there are two addresses in it")
    return inner


def _refuse_unsafe(text: str) -> None:
    for at, character in enumerate(text.strip(_EDGES), start=1):
        if unicodedata.category(character) in _UNSAFE:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            refuse(text, f"character {at} is no part of an address ({name})")


def _refuse_common_slips(bare: str, text: str) -> None:
    if "@" not in bare:
        refuse(text, "there is no @ in it")
    if bare.startswith('"'):
        refuse(text, "the part before the @ is in quotation marks")
    if bare.count("@") > 1 or "," in bare or ";" in bare:
        refuse(text, "there is more than one address in it, or a character that does not belong")
    if any(character.isspace() for character in bare):
        refuse(text, f"there is a space in it, at character {_first_space(bare)}")
    if "." not in bare.partition("@")[2]:
        refuse(text, "the part after the @ has no dot")


def _first_space(bare: str) -> int:
    return next(at for at, character in enumerate(bare, start=1) if character.isspace())


def _sentence(text: str) -> str:
    """Make the library's message ("The part after the @-sign …") the end of our sentence."""
    said = text.partition(". It ")[0].rstrip(".").replace("@-sign", "@").replace("email", "e-mail")
    return said[:1].lower() + said[1:]
