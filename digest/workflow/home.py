"""Door to the machine: which home this is, and whether mail may leave from it.

A database that was copied, or that served a rehearsal, is full of readers and of editions on their
way. Wherever it wakes up, nothing goes to readers until a person has said that this is its home.
What is the same home, and what is not: docs/explanation/home.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from digest.db import Connection, Database
from digest.errors import WorkflowError
from digest.people.store import append_audit
from digest.workflow import home_store as store
from digest.workflow.home_store import Home, Kept

__all__ = [
    "Home",
    "confirm",
    "freeze",
    "frozen_error",
    "home_needs",
    "home_of",
    "is_settled",
    "note_settings",
    "require_home",
    "settle",
    "why_frozen",
]

CONFIRM = "digest home confirm"
_FIRST = "the first start"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_MACHINE = Path("/etc/machine-id")
_MOUNTS = Path("/proc/self/mounts")


def home_of(
    database: Database,
    *,
    environment: str,
    public_url: str,
    former_urls: Sequence[str],
    secret: bytes,
) -> Home:
    """Say which home this is; reads only."""
    keys = hashlib.blake2b(secret, digest_size=16, person=b"digest home").hexdigest()
    return Home(environment, public_url, tuple(former_urls), place_of(database), keys)


def place_of(database: Database, *, machine: Callable[[], str] | None = None) -> dict[str, str]:
    """Say where a database is, in a way that a copy of it is somewhere else.

    A file: its number on its file system, and the machine with the path. A server: its address,
    and the names that the server itself has for it.
    """
    if database.path is None:
        url = database.url
        with database.read() as connection:
            cluster = store.cluster_of(connection)
        address = f"{url.host or 'this machine'}:{url.port or 5432}/{url.database}"
        return {"kind": "server", "address": address, "cluster": cluster}
    path = database.path.resolve()
    system = os.statvfs(path).f_fsid if hasattr(os, "statvfs") else 0
    return {
        "kind": "file",
        "path": str(path),
        "machine": (machine or _machine)(),
        "number": f"{system}:{path.stat().st_ino}",
    }


def _machine() -> str:
    """Name this machine; nothing in a container, whose image may have brought the name along."""
    if any(mark.exists() for mark in _CONTAINER_MARKS) or _lies_on_an_image():
        return ""
    try:
        return _MACHINE.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _lies_on_an_image() -> bool:
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.split()[1:3] == ["/", "overlay"] for line in mounts)


def settle(connection: Connection, home: Home, *, now: datetime) -> None:
    """Write the home of a database that has none yet: a first start confirms itself.

    Later, write what may change of the same home: that it turned into a staging site, so that the
    way back is asked for; that its pages moved, or its file.
    """
    kept = store.load(connection)
    if kept is None:
        store.begin(connection, home, now=now, by=_FIRST)
    elif _has_moved_on(kept, home):
        store.follow(connection, home)


def is_settled(connection: Connection, home: Home) -> bool:
    """Tell whether `settle` would write nothing; reads only."""
    kept = store.load(connection)
    return kept is not None and not _has_moved_on(kept, home)


def _has_moved_on(kept: Kept, home: Home) -> bool:
    before = (kept.environment, kept.public_url, dict(kept.place))
    now = (home.environment, home.public_url, dict(home.place))
    return before != now and not kept.frozen_reason and not differences(kept, home)


def why_frozen(connection: Connection, home: Home) -> str:
    """Say why nothing goes to readers, as one sentence; nothing where all is well. Reads only."""
    kept = store.load(connection)
    if kept is None:
        return ""
    if kept.frozen_reason:
        return kept.frozen_reason
    if home.environment == "staging":
        return ""  # only test readers are mailed anyway
    return "; ".join(differences(kept, home))


def home_needs(connection: Connection, home: Home | None) -> list[str]:
    """Give what needs a person here, each a sentence that ends with its remedy. Reads only."""
    kept = None if home is None else store.load(connection)
    if home is None or kept is None:
        return []
    needs = []
    if reason := why_frozen(connection, home):
        needs.append(f"Nothing goes to readers from here: {reason}.  {CONFIRM} {home.environment}")
    if kept.settings_refused:
        former = "digest.toml was changed and is refused; the settings it had before are in force"
        needs.append(f"{former}: {kept.settings_refused}  digest config check")
    return needs


def differences(kept: Kept, home: Home) -> list[str]:
    """Say in what this home is not the one that was confirmed. Pure."""
    found = []
    if kept.environment == "staging" and home.environment == "production":
        found.append("it was a staging site until now, and is production")
    if not _is_same_place(kept.place, home.place):
        found.append(_place_words(kept.place, home.place))
    if not _is_same_address(kept.public_url, home):
        found.append(f"public_url was {kept.public_url or 'not set'} and is {home.public_url}")
    if home.keys != kept.keys:
        found.append("its keys are not the ones it had")
    return found


def _is_same_address(kept: str, home: Home) -> bool:
    """Tell whether the pages are where they were, or moved and former_urls says so.

    An address of this machine alone is a site that is being set up.
    """
    named = kept in (home.public_url, *home.former_urls)
    return named or urlsplit(kept).hostname in _THIS_MACHINE


def _is_same_place(kept: Mapping[str, str], now: Mapping[str, str]) -> bool:
    if kept.get("kind") != now.get("kind"):
        return False
    if now["kind"] == "server":
        return dict(kept) == dict(now)
    same_machine = bool(now["machine"]) and kept["machine"] == now["machine"]
    return kept["number"] == now["number"] or (same_machine and kept["path"] == now["path"])


def _place_words(kept: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = [each.get("path") or each.get("address") or "nowhere" for each in (kept, now)]
    if names[0] == names[1]:
        return f"the database {names[1]} is another than the one that was confirmed"
    return f"the database was {names[0]} and is {names[1]}: moved, or a copy"


def frozen_error(reason: str, environment: str) -> WorkflowError:
    """Give the error of whoever would send from here."""
    return WorkflowError(
        f"home: nothing goes to readers from here: {reason}",
        hint=f"Is this the one place that writes to your readers? {CONFIRM} {environment}",
    )


def require_home(database: Database, home: Home | None) -> None:
    """Raise WorkflowError when nothing may leave from here. Without a home nobody asks."""
    if home is None:
        return
    with database.read() as connection:
        reason = why_frozen(connection, home)
    if reason:
        raise frozen_error(reason, home.environment)


def confirm(
    connection: Connection, home: Home, *, by: str, now: datetime, actor: str = "command"
) -> None:
    """Write that a person says: this is the home, mail may leave from here. It is audited.

    Of a restored database it must be known first what was sent after its backup: see
    `digest.workflow.restore_decide.require_decided`.
    """
    why = why_frozen(connection, home)
    store.move(connection, home, now=now, by=by)
    detail = {"by": by, "why": why, "public_url": home.public_url}
    append_audit(
        connection,
        at=now,
        actor=actor,
        verb="home.confirm",
        subject=home.environment,
        detail=detail,
    )


def freeze(connection: Connection, reason: str, now: datetime) -> None:
    """Keep mail from leaving until a person confirms; `reason` is a clause: `it was restored`."""
    store.freeze(connection, reason, now=now)


def note_settings(connection: Connection, problem: str) -> None:
    """Write what is wrong with digest.toml while its former settings are in force, or nothing."""
    store.note_settings(connection, problem)
