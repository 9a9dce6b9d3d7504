"""Door to the keys that sign mail: two files for each selector, readable by their owner only."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from digest.composition.headers import ascii_domain
from digest.config.model import MailSettings
from digest.delivery.dkim import RSA_BITS, DkimKey, DkimSigner, read_key
from digest.errors import CompositionError, DigestError, NotFoundError, SettingsError

_FILE = re.compile(r"dkim-([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.(rsa|ed25519)\.pem")
_RSA, _ED25519 = "rsa", "ed25519"
_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key's file in the folder of keys."""

    selector: str
    """As the setting names it."""
    kind: str
    path: Path
    made_at: datetime


def create_dkim_keys(folder: Path, selector: str) -> tuple[str, ...]:
    """Make whichever key of a selector is missing, overwrite none; name the files made.

    Raises DigestError when one of the two names in the DNS belongs to another selector already.
    """
    for other in {key.selector for key in dkim_files(folder)} - {selector}:
        if f"{other}e" == selector or other == f"{selector}e":
            raise DigestError(
                f"keys: {selector}: in the DNS one of its keys would have a name of {other}'s",
                hint="Choose another selector.",
            )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = [kind for kind in (_RSA, _ED25519) if _write_new(_path(folder, selector, kind), kind)]
    return tuple(_path(folder, selector, kind).name for kind in made)


def load_dkim_keys(folder: Path, selector: str) -> tuple[DkimKey, DkimKey]:
    """Read the RSA and the Ed25519 key of a selector.

    Raises NotFoundError when one is missing, DigestError when it is damaged or not of its kind.
    """
    rsa = _read(_path(folder, selector, _RSA), selector, RSAPrivateKey)
    return rsa, _read(_path(folder, selector, _ED25519), f"{selector}e", Ed25519PrivateKey)


def dkim_files(folder: Path) -> tuple[KeyFile, ...]:
    """List the files of all selectors, by name."""
    if not folder.is_dir():
        return ()
    found = ((path, _FILE.fullmatch(path.name)) for path in sorted(folder.iterdir()))
    return tuple(
        KeyFile(match[1], match[2], path, datetime.fromtimestamp(path.stat().st_mtime, UTC))
        for path, match in found
        if match
    )


def signer_of(mail: MailSettings, folder: Path) -> DkimSigner | None:
    """Give what signs all mail, or None where the settings ask for no signature.

    Raises SettingsError for a domain that From does not belong to, NotFoundError and DigestError
    as `load_dkim_keys`: no letter leaves unsigned by accident.
    """
    if mail.dkim is None:
        return None
    return DkimSigner(signing_domain(mail), load_dkim_keys(folder, mail.dkim.selector))


def signing_domain(mail: MailSettings) -> str:
    """Give the domain that signs (`d=`), in A-labels: that of From, or the parent in the settings.

    Raises SettingsError for any other: a signature by a stranger counts for nothing (RFC 9989).
    """
    sender = parseaddr(mail.sender)[1].rpartition("@")[2].lower()
    if mail.dkim is None or mail.dkim.domain is None:
        return sender
    try:
        domain = ascii_domain(mail.dkim.domain, field="mail.dkim.domain").lower()
    except CompositionError as error:
        raise SettingsError(
            f"settings: mail.dkim.domain: {mail.dkim.domain!r} is no domain",
            hint="Write it as 'harbourpost.example', or leave it out.",
        ) from error
    if f".{sender}".endswith(f".{domain}") and "." in domain:
        return domain
    raise SettingsError(
        f"settings: mail.dkim.domain: {domain}: mail from {sender} that this domain signs is"
        " signed by a stranger: receivers (DMARC) count only a signature by the domain of From"
        " or by one above it",
        hint=f"Leave domain out: then {sender} signs.",
    )


def _path(folder: Path, selector: str, kind: str) -> Path:
    return folder / f"dkim-{selector}.{kind}.pem"


def _read(path: Path, selector: str, kind: type[RSAPrivateKey | Ed25519PrivateKey]) -> DkimKey:
    try:
        return _of_kind(path.read_bytes(), selector, kind)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"keys: {path}: missing",
            hint=(
                "No mail leaves unsigned that is to be signed. Copy the key back from the backup,"
                " or make a new one: digest keys new --dkim"
            ),
        ) from error
    except OSError as error:
        raise DigestError(
            f"keys: {path}: {error.strerror}", hint="Let the product's user read it, nobody else."
        ) from error
    except ValueError as error:
        raise DigestError(
            f"keys: {path}: damaged: {error}", hint="Copy the file back from the backup."
        ) from error


def _of_kind(pem: bytes, selector: str, kind: type[RSAPrivateKey | Ed25519PrivateKey]) -> DkimKey:
    key = read_key(pem, selector=selector)
    if not isinstance(key.private, kind):
        raise ValueError(f"a key of {key.algorithm}, which is not what the file is named for")  # noqa: TRY004 - the file is at fault, no caller
    return key


def _write_new(path: Path, kind: str) -> bool:
    """Write a key whole or not at all; False where one exists: no link replaces a file."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_new_key(kind))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _new_key(kind: str) -> bytes:
    made = (
        generate_private_key(_EXPONENT, RSA_BITS) if kind == _RSA else Ed25519PrivateKey.generate()
    )
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
