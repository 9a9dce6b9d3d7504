"""Pure. The gate of an edition: what stands in the way, whom it reaches, and what may be done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from digest.checks.model import Report
from digest.editions.model import EditionState
from digest.editions.wording import count_of
from digest.people.model import Role
from digest.web.desk import times
from digest.workflow.edition_look import EditionLook
from digest.workflow.life_store import ChangedStory

TYPED_ABOVE = 500
"""Above so many readers whoever approves types their number: nobody does that by mistake."""
_WAITING = frozenset({EditionState.IN_REVIEW, EditionState.HELD})
_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})


@dataclass(frozen=True, slots=True)
class Button:
    """One act of the gate: `act` is the last word of its address."""

    act: str
    words: str
    asks: str = ""
    """What is to be said with it, as the label of a field; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an edition is on its way, in whole per cent and in words."""

    percent: int
    done: int
    total: int
    words: str


@dataclass(frozen=True, slots=True)
class Gate:
    """The box that is always visible."""

    lead: str
    """The first words, set in bold."""
    words: str
    approve: str = ""
    """The words of the one great button; empty: there is nothing to approve."""
    barred: bool = False
    """Something stands in the way: the button is there and does nothing."""
    type_number: int | None = None
    """The number of readers to be typed with it."""
    override: bool = False
    """A limit of letters made by hand may be passed over, with a reason."""
    buttons: tuple[Button, ...] = ()
    progress: Progress | None = None
    may_correct: bool = False
    may_test: bool = False
    """A test mail of it can be sent."""
    page: str = ""
    """The address of its page in the archive, once it is out."""


def gate_of(look: EditionLook, role: Role, report: Report | None) -> Gate:
    """Say what the gate says; `report` is None while nothing was checked."""
    gate = _gate(look, role, report)
    begun = look.exists and look.edition.sending_at is not None
    return replace(gate, may_test=bool(look.rows) and not begun and role.may(Role.EDITOR))


def _gate(look: EditionLook, role: Role, report: Report | None) -> Gate:
    zone = ZoneInfo(look.newsletter.spec.cadence.zone)
    state, begun = look.edition.state, look.edition.sending_at is not None
    if not look.exists:
        return _to_come(look, zone)
    if state in {EditionState.SENDING, EditionState.SENT} or (begun and state in _HALTED):
        return _begun(look, role, report)
    if state in _WAITING:
        return _waiting(look, role, report, zone)
    if state is EditionState.APPROVED:
        return _approved(look, role, zone)
    if state is EditionState.DRAFT:
        skip = _for(role, Role.APPROVER, Button("skip", "Skip", "Why"))
        return Gate("It is being composed.", "This takes a moment.", buttons=skip)
    return Gate(f"It is {state}.", look.edition.reason)


def hindrances(look: EditionLook, report: Report | None) -> tuple[str, ...]:
    """Name what stands in the way of an approval, the worst first."""
    said = []
    if report is not None:
        said += [f"{each.sentence} {each.fix}".strip() for each in report.blocks]
    said += [_changed(each, look.was.get(each.article_id, "")) for each in look.changed]
    if not look.set_hash:
        said.append("It is not composed yet.")
    if not look.readers:
        said.append("Nobody would get it.")
    return tuple(said)


def _changed(changed: ChangedStory, was: str) -> str:
    """Say what a source did to a story after the letter was composed."""
    said = f"“{was or changed.headline}” was changed by its source"
    if changed.withdrawn:
        said = f"“{was or changed.headline}” was withdrawn by its source"
    elif was and was != changed.headline:
        said = f"“{was}” became “{changed.headline}” at its source"
    return f"{said}: take it in, and look again."


def _for(role: Role, needed: Role, *buttons: Button) -> tuple[Button, ...]:
    return buttons if role.may(needed) else ()


def _to_come(look: EditionLook, zone: ZoneInfo) -> Gate:
    hour = times.when(look.edition.window.until, zone, look.now)
    if look.reason:
        return Gate("No edition yet.", f"{look.reason.rstrip('.')}. It is made on {hour}.")
    return Gate("To come.", f"It is made on {hour}. What you choose now is kept for it.")


def _waiting(look: EditionLook, role: Role, report: Report | None, zone: ZoneInfo) -> Gate:
    against = hindrances(look, report)
    lead, words = "Ready.", _goes(look, zone)
    if against:
        n = len(against)
        lead = f"{'One thing stands' if n == 1 else f'{n} things stand'} in the way."
        words = against[0]
    elif look.objection:
        lead, words = "A limit is against it.", f"{look.objection.capitalize()}."
    buttons = _for(role, Role.APPROVER, Button("skip", "Skip", "Why"))
    if look.edition.state is EditionState.IN_REVIEW:
        hold = _for(role, Role.EDITOR, Button("hold", "Hold", "Why"))
        buttons = (*hold, *buttons)
    elif not against:
        lead = "It is held."
    if not role.may(Role.APPROVER):
        return Gate(lead, f"{words} An approver lets it go.", buttons=buttons)
    return Gate(
        lead,
        words,
        approve=f"Approve for {_people(look)}",
        barred=bool(against),
        type_number=_typed(look),
        override=bool(look.objection),
        buttons=buttons,
    )


def _typed(look: EditionLook) -> int | None:
    return look.readers if look.readers > TYPED_ABOVE else None


def _goes(look: EditionLook, zone: ZoneInfo) -> str:
    at = look.edition.leaves_at
    if at <= look.now:
        return "It goes as soon as it is approved. You can stop it between batches."
    return f"Sends at {times.hour(at, zone)} ({times.utc(at)}). You can stop it between batches."


def _approved(look: EditionLook, role: Role, zone: ZoneInfo) -> Gate:
    words = f"{_goes(look, zone)} Any change opens it again."
    if not look.approved:
        lead, words = "It does not go.", "Its text is not the one that was approved. Hold it."
    else:
        lead = f"Approved for {_people(look)}."
    buttons = _for(role, Role.EDITOR, Button("hold", "Hold", "Why"))
    if look.edition.go_at is None:
        buttons += _for(role, Role.APPROVER, Button("send-now", "Send now"))
    return Gate(
        lead,
        words,
        buttons=(*buttons, *_for(role, Role.APPROVER, Button("skip", "Skip", "Why"))),
        type_number=_typed(look) if role.may(Role.APPROVER) else None,
    )


def _begun(look: EditionLook, role: Role, report: Report | None) -> Gate:
    state = look.edition.state
    if state is EditionState.SENDING:
        stop = _for(role, Role.EDITOR, Button("stop", "Stop"))
        return Gate("Sending.", look.edition.reason, buttons=stop, progress=progress_of(look))
    correct = role.may(Role.APPROVER)
    if state is EditionState.SENT:
        words = f"{look.counts.accepted:,} of {look.counts.total:,} accepted."
        return Gate("Sent.", words, may_correct=correct, page=look.address)
    lead = f"It is {state}."
    if look.mended:
        return _mended(look, role, report)
    resume = _for(role, Role.APPROVER, Button("resume", "Resume"))
    return Gate(
        lead,
        look.edition.reason,
        buttons=resume,
        progress=progress_of(look),
        may_correct=correct,
    )


def _mended(look: EditionLook, role: Role, report: Report | None) -> Gate:
    """Let a mended edition go on, to those who have not got it."""
    against = hindrances(look, report)
    left = look.counts.total - look.counts.accepted
    words = f"Revision {look.edition.revision} goes to those who have not got it."
    return Gate(
        "One thing stands in the way." if against else "Mended.",
        against[0] if against else words,
        approve=f"Approve for {left:,} more" if role.may(Role.APPROVER) else "",
        barred=bool(against),
        type_number=left if left > TYPED_ABOVE and role.may(Role.APPROVER) else None,
        progress=progress_of(look),
    )


def progress_of(look: EditionLook) -> Progress:
    """Say how far an edition is; `done` have had their first try."""
    counts = look.counts
    done = counts.total - counts.planned
    percent = 100 if done >= counts.total else 100 * done // counts.total
    more = ""
    if counts.deferred:
        more += f" · {counts.deferred:,} to retry"
    if counts.failed:
        more += f" · {counts.failed:,} refused"
    if counts.uncertain:
        more += f" · {counts.uncertain:,} uncertain"
    return Progress(percent, done, counts.total, f"{done:,} of {counts.total:,}{more}")


def _people(look: EditionLook) -> str:
    return count_of_readers(look.readers)


def count_of_readers(number: int) -> str:
    """Say `4,812 readers`."""
    return f"{number:,} {count_of(number, 'reader', 'readers').partition(' ')[2]}"
