"""Open an edition again when its templates or settings have changed since it was composed.

What it was made with is noted at the first look after it was composed. When that is another thing
later, the edition is composed once more to see whether it says another thing: a setting that is
in no letter reopens nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import lru_cache

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.environment import MailTemplates
from digest.composition.template_folders import HOUSE
from digest.db import Connection
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState, Newsletter
from digest.errors import CompositionError
from digest.workflow.draft import TELL_AGAIN, write
from digest.workflow.made_store import made_with_of, note_made_with
from digest.workflow.model import Newsroom, Step

_REASON = "Its templates or settings were changed since it was composed."
_WATCHED = frozenset({EditionState.IN_REVIEW, EditionState.APPROVED, EditionState.HELD})
_IN_NO_LETTER = frozenset(
    {"release", "audience", "offered", "hours", "spread", "urgent", "expires_after", "limits"}
    | {"catch_up", "catch_up_within"}
)
"""What of a newsletter's settings no reader ever reads."""
_SUBJECTS_KNOWN = 30


def reopen_changed(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Step | None:
    """Make an edition a draft again that would be written otherwise now; None when it would not.

    An approval of it is revoked, and the editors are told once more. Nothing is done once it has
    begun to be sent, and while a template is broken: then what was composed stays as it is.
    """
    if edition.state not in _WATCHED or edition.sending_at is not None:
        return None
    try:
        now = fingerprint(newsroom, newsletter)
    except CompositionError:  # a template cannot be read: what was composed stays as it is
        return None
    with newsroom.database.read() as connection:
        made = compositions.load_compositions(connection, edition.id)
        composed = set_hash(made)
        known = made_with_of(connection, edition.id, composed)
    if known == now or not made:
        return None
    if known is not None and _would_differ(newsroom, edition, newsletter, composed):
        return _reopen(newsroom, edition)
    with newsroom.database.write() as connection:
        note_made_with(connection, edition.id, set_hash=composed, fingerprint=now)
    return None


def fingerprint(newsroom: Newsroom, newsletter: Newsletter) -> str:
    """Give the SHA-256 (hex) of all that a newsletter's letters are made with but their stories."""
    spec = {
        each.name: _plain(getattr(newsletter.spec, each.name))
        for each in fields(newsletter.spec)
        if each.name not in _IN_NO_LETTER
    }
    spoken = [newsroom.languages.of(tag) for tag in newsroom.languages_of(newsletter.spec)]
    own = newsroom.environment.own
    parts = (
        _house(newsroom.environment),
        *(f"{name}\0{newsroom.environment.source(name)}" for name in sorted(own)),
        repr(_plain(newsroom.site)),
        repr(spec),
        repr([_plain(each) for each in spoken]),
    )
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=8)
def _house(templates: MailTemplates) -> str:
    """Give the hash of our own templates, which stay as they are while a process lives."""
    told = hashlib.sha256()
    for name in sorted(templates.house):
        source = templates.source(f"{HOUSE}{name}")
        told.update(f"{name}\0{source}\0".encode("utf-8", "surrogatepass"))
    return told.hexdigest()


def _plain(value: object) -> object:
    """Give a value in a form whose words are the same in every process."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return sorted((str(name), _plain(held)) for name, held in value.items())
    if isinstance(value, AbstractSet):
        return sorted(map(str, value))
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return str(value)


def _would_differ(
    newsroom: Newsroom, edition: Edition, newsletter: Newsletter, composed: str
) -> bool:
    with newsroom.database.read() as connection:
        selection = candidate_store.load_selection(connection, edition.id)
        subjects = {tag: _subjects(connection, edition, tag) for tag in _tags(newsroom, newsletter)}
    try:
        written = write(newsroom, edition, newsletter, selection, subjects)
    except CompositionError:
        return False
    return set_hash(written.compositions) != composed


def _tags(newsroom: Newsroom, newsletter: Newsletter) -> tuple[str, ...]:
    return newsroom.languages_of(newsletter.spec)


def _subjects(connection: Connection, edition: Edition, tag: str) -> list[str]:
    return list(
        compositions.earlier_subjects(
            connection,
            edition.newsletter_id,
            limit=_SUBJECTS_KNOWN,
            before_number=edition.number,
            language=tag,
        )
    )


def _reopen(newsroom: Newsroom, edition: Edition) -> Step | None:
    """Make it a draft in one transaction; what somebody held stays held, and is composed anew."""
    revoked = edition.state is EditionState.APPROVED
    held = edition.state is EditionState.HELD
    reason = f"{_REASON} Its approval was revoked." if revoked else _REASON
    with newsroom.database.write() as connection:
        ours = editions.change_state(
            connection,
            edition.id,
            expect={edition.state},
            expect_version=edition.version,
            expect_begun=False,
            to=edition.state if held else EditionState.DRAFT,
            reason=edition.reason if held else reason,
            at=newsroom.clock(),
        )
        if not ours:
            return None
        compositions.revoke_approvals(connection, edition.id, at=newsroom.clock())
        compositions.drop_revision(connection, edition.id, edition.revision)
        if revoked:
            editions.mark_telling(connection, edition.id, TELL_AGAIN)
    return Step("reopened", edition.address, {"reason": reason}, problem=revoked)
