"""Look at an edition's stories once more: what their sources have changed since it was composed.

Until it is locked by an approval, an edition is composed again of what its stories say now. After
that the frozen text goes out, and the editors are told of what was changed, once an edition; but a
story that was withdrawn opens it again, as long as nothing of it was sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from digest.composition import store as compositions
from digest.db import Connection
from digest.editions import candidate_store
from digest.editions import store as editions
from digest.editions.abandon import UNSENT, is_unsent
from digest.editions.model import Edition, EditionState, Newsletter
from digest.editions.reasons import quoted
from digest.editions.remake import mend, remake
from digest.editions.wording import count_of
from digest.outbox import store as outbox
from digest.workflow import life_store
from digest.workflow.draft import TELL_AGAIN, draft
from digest.workflow.life_store import ChangedStory
from digest.workflow.model import Newsroom, Step
from digest.workflow.telling import editors_key, editors_notices

_EDITED = "edited"


def reread(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Step | None:
    """Bring an edition up to its stories, or tell what cannot be; None when there is nothing new.

    Safe to run by any number of processes: each step is a compare-and-set.
    """
    with newsroom.database.read() as connection:
        changed = life_store.changed_stories(connection, edition.id)
        is_open = is_unsent(edition) or life_store.is_mended(connection, edition.id)
    if not changed or not is_open:
        return None
    gone = [each for each in changed if each.withdrawn]
    if gone:
        return _without(newsroom, edition, newsletter, gone)
    if edition.state is EditionState.APPROVED:
        return _flag(newsroom, edition, changed)
    if edition.state is EditionState.DRAFT:
        return None  # it is composed of them anyway
    return _again(newsroom, edition, newsletter, changed)


def refreshed(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Edition:
    """Give an edition that is about to be approved as it is when its stories are read once more.

    It is composed again if need be; whoever approves compares what they saw with what it is then.
    """
    if edition.state in {EditionState.IN_REVIEW, EditionState.HELD, EditionState.STOPPED}:
        reread(newsroom, edition, newsletter)
        with newsroom.database.read() as connection:
            edition = editions.edition_by_id(connection, edition.id)
        if lacks_text(newsroom, edition):
            draft(newsroom, edition, newsletter)
    with newsroom.database.read() as connection:
        return editions.edition_by_id(connection, edition.id)


def lacks_text(newsroom: Newsroom, edition: Edition) -> bool:
    """Tell whether an edition's newest revision is still to be composed."""
    if edition.state is EditionState.DRAFT:
        return True
    if edition.state not in {EditionState.HELD, EditionState.STOPPED}:
        return False
    with newsroom.database.read() as connection:
        return life_store.composed_revision(connection, edition.id) < edition.revision


def _again(
    newsroom: Newsroom, edition: Edition, newsletter: Newsletter, changed: Sequence[ChangedStory]
) -> Step | None:
    """Compose what is not approved of what its stories say now; nobody is mailed for it."""
    if edition.state is EditionState.IN_REVIEW:
        with newsroom.database.write() as connection:
            if not editions.change_state(
                connection,
                edition.id,
                expect={EditionState.IN_REVIEW},
                expect_version=edition.version,
                to=EditionState.DRAFT,
                reason=edition.reason,
            ):
                return None
    elif draft(newsroom, edition, newsletter) is None:
        return None
    return Step("changed at its source", edition.address, {"stories": len(changed)})


def _flag(newsroom: Newsroom, edition: Edition, changed: Sequence[ChangedStory]) -> Step | None:
    """Tell the editors, once, that sources changed stories of a text that is frozen."""
    keys = [editors_key(edition.address, _EDITED, each) for each in newsroom.editors]
    with newsroom.database.read() as connection:
        told = life_store.telling_of(connection, keys)
    if not keys or told.sent_at or told.waiting or told.failed:
        return None
    stories = count_of(len(changed), "story was", "stories were")
    notices = editors_notices(
        newsroom.editors,
        event=_EDITED,
        edition=edition.address,
        headline=f"{edition.address}: {stories} changed after its approval",
        reason=f"{stories} changed at the source after the letter was approved. What was approved"
        " goes out as it is. To take the newer words: digest hold, then approve it again.",
        rows=[("changed", each.headline) for each in changed],
        url=newsroom.draft_url(edition.id),
        now=newsroom.clock(),
    )
    with newsroom.database.write() as connection:
        ours = [outbox.put(connection, notice) for notice in notices]
    if not any(ours):
        return None
    return Step("changed after its approval", edition.address, {"stories": len(changed)})


def _without(
    newsroom: Newsroom, edition: Edition, newsletter: Newsletter, gone: Sequence[ChangedStory]
) -> Step | None:
    """Make the edition again without what was withdrawn; an approval of it is revoked."""
    reason = _withdrawn_words(gone)
    with newsroom.database.write() as connection:
        editions.lock_newsletter(connection, newsletter.id)
        revoked = edition.state is EditionState.APPROVED
        to = EditionState.DRAFT if _goes_back(edition) else edition.state
        ours = editions.change_state(
            connection,
            edition.id,
            expect={edition.state},
            expect_version=edition.version,
            expect_begun=edition.sending_at is not None,
            to=to,
            reason=f"{reason} Its approval was revoked." if revoked else reason,
            at=newsroom.clock(),
        )
        if not ours:
            return None
        return _made_again(connection, newsroom, edition, newsletter, reason)


def _goes_back(edition: Edition) -> bool:
    """Tell whether it is a draft then: what somebody held or stopped stays so."""
    return edition.state not in {EditionState.HELD, EditionState.STOPPED}


def _made_again(
    connection: Connection,
    newsroom: Newsroom,
    edition: Edition,
    newsletter: Newsletter,
    reason: str,
) -> Step:
    now = newsroom.clock()
    change = mend if edition.sending_at is not None else remake
    selection = change(connection, newsletter, edition, now=now)
    compositions.revoke_approvals(connection, edition.id, at=now)
    if selection is not None and not selection.chosen and edition.sending_at is None:
        return _nothing_left(connection, newsroom, edition, reason)
    compositions.drop_revision(connection, edition.id, edition.revision)
    editions.mark_telling(connection, edition.id, TELL_AGAIN)
    return Step("reopened", edition.address, {"reason": reason}, problem=True)


def _nothing_left(
    connection: Connection, newsroom: Newsroom, edition: Edition, reason: str
) -> Step:
    said = f"{reason} No story is left."
    editions.change_state(
        connection,
        edition.id,
        expect=UNSENT,
        expect_begun=False,
        to=EditionState.SKIPPED,
        reason=said,
        at=newsroom.clock(),
    )
    candidate_store.release_uses(connection, edition.id)
    notices = editors_notices(
        newsroom.editors,
        event=str(EditionState.SKIPPED),
        edition=edition.address,
        headline=f"{edition.address} is skipped",
        reason=said,
        now=newsroom.clock(),
    )
    for notice in notices:
        outbox.put(connection, notice)
    return Step("skipped", edition.address, {"reason": said}, problem=True)


def _withdrawn_words(gone: Sequence[ChangedStory]) -> str:
    first, others = gone[0], len(gone) - 1
    why = f" ({first.why.rstrip('.')})" if first.why else ""
    more = f", and {count_of(others, 'other story', 'other stories')} with it" if others else ""
    return f"“{quoted(first.headline)}” was withdrawn by its source{why}{more}."
