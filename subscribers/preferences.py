"""What a reader changes by the links of a letter: newsletters, topics, pauses, how letters come.

Looking changes nothing; each act acts once however repeated, and leaves its line in the log. For
who gets nothing, every act does nothing: such a link brings nobody back. Who gets something may ask
for more by it: their own act, by a link of their own mail, is the proof.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from digest.db import Connection, Database
from subscribers import reader_store, store
from subscribers.address import AddressProblem, refuse
from subscribers.change_store import What, tell_change
from subscribers.manner import Manner
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    Outcome,
    Standing,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from subscribers.record import JOINED, current, join, record
from subscribers.tokens import Grant, Keys, Purpose
from subscribers.topics import Topics
from subscribers.wishes import (
    PreferenceError,
    Problem,
    Way,
    Wish,
    Wishes,
    pause_days,
    pause_end,
    paused,
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """Whose link this is, which newsletter's letter it stood in, and how they stand with all."""

    reader: str
    """The public id, in whose name further links are signed."""
    newsletter_id: int
    standing: Standing
    manner: Manner = field(default_factory=Manner)

    def of(self, newsletter_id: int) -> Subscription | None:
        """Find the standing with one newsletter."""
        found = self.standing.subscriptions
        return next((each for each in found if each.newsletter_id == newsletter_id), None)

    def gets(self, newsletter_id: int) -> Subscription | None:
        """Find the standing with a newsletter they get or have paused; None for any other."""
        found = self.of(newsletter_id)
        return found if found is not None and found.state in JOINED else None


def show(database: Database, token: str, *, keys: Keys) -> Preferences:
    """Find what a link is about, changing nothing; empty when the reader was erased.

    Raises TokenError for a forged or damaged link.
    """
    grant = _read(token, keys)
    with database.read() as connection:
        standing = store.standing_of(connection, grant.reader)
        manner = reader_store.manner_of(connection, grant.reader)
    if standing is None or standing.address is None:
        standing, manner = Standing(None), Manner()
    return Preferences(grant.reader, grant.newsletter_ids[0], standing, manner)


def save(database: Database, token: str, act: Act, *, keys: Keys, wishes: Wishes) -> Outcome:
    """Make all of a reader's wishes true, in one transaction: every one of them, or none.

    A wish for a newsletter that they do not get any more does nothing.
    Raises TokenError, and PreferenceError for a wish that cannot be met.
    """
    grant = _read(token, keys)
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return Outcome(None, ())
        saving = _Saving(connection, reader, act, wishes.topics, current(connection, reader))
        if saving.gets:
            saving.all(wishes)
    return Outcome(reader.id, tuple(saving.gets), tuple(saving.changed))


def choose_topics(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    topics: Topics,
    chosen: Collection[str],
) -> Outcome:
    """Send only the sections of these topics from now on; none or all of them is everything.

    Raises TokenError, and PreferenceError for a topic that the newsletter does not offer.
    """
    here = _read(token, keys).newsletter_ids[0]
    wishes = Wishes((Wish(here, topics=chosen),), topics={here: topics})
    return _one(database, token, act, keys, wishes)


def pause(
    database: Database, token: str, act: Act, *, keys: Keys, until: date, zone: str
) -> Outcome:
    """Send nothing until a day begins in `zone` (IANA name); from that day on, as before.

    Raises TokenError, and PreferenceError for a day that is not within `pause_days`.
    """
    here = _read(token, keys).newsletter_ids[0]
    wish = Wish(here, Way.PAUSED, until=until, zone=zone)
    return _one(database, token, act, keys, Wishes((wish,)))


def resume(database: Database, token: str, act: Act, *, keys: Keys) -> Outcome:
    """End a pause now; without one in force there is nothing to end. Raises TokenError."""
    here = _read(token, keys).newsletter_ids[0]
    return _one(database, token, act, keys, Wishes((Wish(here, Way.PUBLISHED),)))


def move_to_twin(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    twin_id: int,
    topics: Mapping[int, Topics],
) -> Outcome:
    """End one newsletter and begin its twin, in one transaction: never both, never neither.

    Who gets the twin already keeps its topics, and a pause of it ends; who moved away from it finds
    its topics as they left them; else topics go along by their keys (`topics` of both newsletters).
    Raises TokenError, and AddressError when the address is on the never-mail list.
    """
    grant = _read(token, keys)
    here = grant.newsletter_ids[0]
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=grant.reader)
        if reader is None:
            return Outcome(None, (here, twin_id))
        saving = _Saving(connection, reader, act, topics, current(connection, reader))
        try:
            saving.letter(Wish(here, Way.TWIN, twin_id=twin_id))
        except PreferenceError as error:
            hint = "Nobody is mailed against this list, whoever asks for it."
            cause = "on the never-mail list"
            refuse(reader.address, cause, AddressProblem.NEVER, hint=hint, source=error)
    changed = (here, twin_id) if saving.changed else ()
    return Outcome(reader.id, (here, twin_id), changed)


def _read(token: str, keys: Keys) -> Grant:
    return keys.links.read(Purpose.PREFERENCES, token)


def _one(database: Database, token: str, act: Act, keys: Keys, wishes: Wishes) -> Outcome:
    outcome = save(database, token, act, keys=keys, wishes=wishes)
    return replace(outcome, newsletter_ids=tuple(wish.newsletter_id for wish in wishes.letters))


class _Saving:
    """One transaction of one reader, locked: their standings as they are while it goes on."""

    def __init__(
        self,
        connection: Connection,
        reader: Subscriber,
        act: Act,
        topics: Mapping[int, Topics],
        before: Mapping[int, Subscription],
    ) -> None:
        self.connection = connection
        self.reader = reader
        self.act = act
        self.topics = topics
        self.now = dict(before)
        self.gets = [each for each, standing in before.items() if standing.state in JOINED]
        self.changed: list[int] = []

    def all(self, wishes: Wishes) -> None:
        """Make every wish true."""
        moving = {wish.newsletter_id for wish in wishes.letters if wish.way is Way.TWIN}
        for wish in wishes.letters:
            if wish.way is Way.TWIN and wish.twin_id in moving:
                raise PreferenceError(Problem.SWAP, wish.newsletter_id)
            self.letter(wish)
        for newsletter_id, words in wishes.more.items():
            if newsletter_id not in self.gets:
                self._more(newsletter_id, self._act(words))
        if wishes.manner is not None:
            before = reader_store.manner_of(self.connection, self.reader.public_id)
            self._come(before, wishes.manner(before), self._act(wishes.manner_said))

    def letter(self, wish: Wish) -> None:
        """Make the wish for one newsletter true, if it is one they get."""
        standing = self.now.get(wish.newsletter_id)
        if standing is None or standing.state not in JOINED:
            return
        if wish.topics is not None:
            standing = self._choose(standing, wish, wish.topics)
        if wish.way is Way.TWIN and wish.twin_id is not None:
            self._move(standing, wish, wish.twin_id)
        elif wish.way is Way.PAUSED:
            self._pause(standing, wish)
        elif wish.way is Way.PUBLISHED and paused(standing, self.act.at):
            self._write(_awake(standing), ConsentKind.RESUMED, wish)

    def _choose(self, standing: Subscription, wish: Wish, chosen: Collection[str]) -> Subscription:
        topics = self.topics[wish.newsletter_id]
        if len(topics.known(chosen)) != len(set(chosen)):
            raise PreferenceError(Problem.TOPIC, wish.newsletter_id)
        if chosen and set(chosen) == set(topics.ticked(standing.topic_mask)):
            return standing
        mask = topics.mask(chosen, before=standing.topic_mask)
        return self._write(replace(standing, topic_mask=mask), ConsentKind.TOPICS, wish)

    def _pause(self, standing: Subscription, wish: Wish) -> None:
        ends_at = pause_end(wish)
        if paused(standing, self.act.at) and ends_at in {None, standing.paused_until}:
            return
        first, last = pause_days(self.act.at, wish.zone)
        if wish.until is None or not first <= wish.until <= last:
            raise PreferenceError(Problem.DAY, wish.newsletter_id)
        asleep = replace(standing, state=SubscriptionState.PAUSED, paused_until=ends_at)
        self._write(asleep, ConsentKind.PAUSED, wish)

    def _move(self, left: Subscription, wish: Wish, twin_id: int) -> None:
        self._refuse_suppressed(twin_id)
        twin = self._twin(left, twin_id)
        ended = replace(  # its topics stay in the row, for the way back
            left, state=SubscriptionState.UNSUBSCRIBED, ended_at=self.act.at, paused_until=None
        )
        self._write(ended, ConsentKind.MOVED, wish)
        if twin.state not in JOINED:
            self._begin(twin, self._act(wish.said.get(ConsentKind.CONFIRMED, "")))
        elif paused(twin, self.act.at):
            self._write(_awake(twin), ConsentKind.RESUMED, wish)

    def _more(self, newsletter_id: int, act: Act) -> None:
        found = self._standing(newsletter_id)
        if found.state not in JOINED:
            self._refuse_suppressed(newsletter_id)
            self._begin(found, act)

    def _begin(self, found: Subscription, act: Act) -> None:
        """Begin a newsletter: the reader's own act by a link of their own mail is the proof."""
        begun = replace(_awake(found), requested_at=act.at)
        join(self.connection, begun, ConsentKind.CONFIRMED, act)
        self.now[found.newsletter_id] = replace(begun, confirmed_at=act.at)
        self.changed.append(found.newsletter_id)

    def _come(self, before: Manner, after: Manner, act: Act) -> None:
        if after == before:
            return
        reader_id = self.reader.id
        reader_store.save_manner(self.connection, reader_id, after)
        store.append_consent(self.connection, reader_id, Consent(ConsentKind.MANNER, None, act))
        tell_change(self.connection, reader_id, [None], What.CHANGED, at=act.at)
        store.mark_active(self.connection, reader_id, at=act.at)

    def _twin(self, left: Subscription, twin_id: int) -> Subscription:
        """Give the standing with the twin as it was, with the topics that it shall have."""
        found = self._standing(twin_id)
        if found.state in JOINED or self._remembers(found):
            return found
        carried = self.topics[left.newsletter_id].carry(left.topic_mask, self.topics[twin_id])
        return replace(found, topic_mask=carried)

    def _remembers(self, ended: Subscription) -> bool:
        """Tell whether an ended row holds a wish: its topics, or everything, if they moved away."""
        if ended.topic_mask:
            return True
        log = store.consents_of(self.connection, self.reader.id)
        kinds = [line.kind for line in log if line.newsletter_id == ended.newsletter_id]
        return kinds[-1:] == [ConsentKind.MOVED]

    def _standing(self, newsletter_id: int) -> Subscription:
        new = Subscription(self.reader.id, newsletter_id, SubscriptionState.UNCONFIRMED)
        return self.now.get(newsletter_id, new)

    def _refuse_suppressed(self, newsletter_id: int) -> None:
        hashed = self.reader.address_hmac
        if store.suppressed_newsletters(self.connection, hashed, [newsletter_id]):
            raise PreferenceError(Problem.NEVER, newsletter_id)

    def _write(self, after: Subscription, kind: ConsentKind, wish: Wish) -> Subscription:
        """Write a standing and its line in the log, together, if it is a change."""
        if self._standing(after.newsletter_id) != after:
            record(self.connection, after, kind, self._act(wish.said.get(kind, "")))
            self.now[after.newsletter_id] = after
            self.changed.append(after.newsletter_id)
        return after

    def _act(self, words: str) -> Act:
        return replace(self.act, text=words) if words else self.act


def _awake(standing: Subscription) -> Subscription:
    return replace(standing, state=SubscriptionState.CONFIRMED, paused_until=None)
