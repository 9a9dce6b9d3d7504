"""A source of parcels for the tests of the wire, and parcels as small as it needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from digest.delivery.model import Cause, DeliveryState, Envelope, Line, Parcel, Reply

SENDER = "news@example.org"


def a_parcel(
    name: str = "ann", text: str = "Good morning.", *, sender: str = SENDER, smtputf8: bool = False
) -> Parcel:
    message = f"Subject: The Morning Post\r\n\r\n{text}\r\n".encode()
    envelope = Envelope(sender, f"{name}@example.org", f"<{name}@desk.example>", smtputf8)
    return Parcel(envelope, message)


def some_parcels(*names: str, text: str = "Good morning.") -> list[Parcel]:
    return [a_parcel(name, text) for name in names]


@dataclass
class ParcelQueue:
    """Gives its parcels in order and keeps every answer; asks the line to leave when it is empty.

    Names are what stands before the @. `after` is called at the end of each answer.
    """

    waiting: list[Parcel]
    stay: bool = False
    taken_back: frozenset[str] = frozenset()
    after: Callable[[str, Reply], None] = lambda _name, _reply: None
    begun: list[str] = field(default_factory=list)
    answers: dict[str, list[Reply]] = field(default_factory=dict)

    def take(self, line: Line) -> Parcel | None:
        if self.waiting:
            return self.waiting.pop(0)
        if not self.stay:
            line.leave()
        return None

    def begin(self, parcel: Parcel) -> bool:
        self.begun.append(_name(parcel))
        return _name(parcel) not in self.taken_back

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        self.answers.setdefault(_name(parcel), []).append(reply)
        self.after(_name(parcel), reply)

    @property
    def fates(self) -> dict[str, tuple[int, Cause]]:
        """Code and cause of each parcel, each of which must have been answered once."""
        assert {name: len(replies) for name, replies in self.answers.items()} == dict.fromkeys(
            self.answers, 1
        )
        return {name: (reply.code, reply.cause) for name, (reply,) in self.answers.items()}


def states(answers: Iterable[Reply]) -> list[DeliveryState]:
    return [reply.state for reply in answers]


def _name(parcel: Parcel) -> str:
    return parcel.envelope.recipient.partition("@")[0]
