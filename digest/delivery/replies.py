"""Pure. What a server's reply means: whose fault it is, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from digest.delivery.model import Cause, DeliveryState, Reply

_LONGEST_TEXT = 500
_SHORTEST_WAIT = 1
_LONGEST_WAIT = 24 * 60 * 60

GOING = 421
"""RFC 5321 3.8: the server closes the connection with it, whatever it was asked."""


class Phase(StrEnum):
    """What a reply answers."""

    GREETING = "greeting"
    EHLO = "EHLO"
    TLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "final dot"


_BEFORE_READER = frozenset({Phase.GREETING, Phase.EHLO, Phase.TLS, Phase.AUTH, Phase.MAIL})


@dataclass(frozen=True, slots=True)
class _Said:
    """A refusal taken apart: `status` is subject and detail (RFC 3463), `words` small letters."""

    code: int
    status: tuple[int, int] | None
    words: str
    phase: Phase

    @property
    def permanent(self) -> bool:
        return self.code >= 500  # noqa: PLR2004 - RFC 5321 4.2.1

    @property
    def subject(self) -> int:
        return self.status[0] if self.status else 0


def read_reply(code: int, text: str, phase: Phase) -> Reply:
    """Say what became of a message, or of our coming in, by what the server answered.

    4xx puts off, 5xx fails; but where it is about us, nobody is marked: DEFERRED with OURS.
    A full mailbox fails for 5.2.2 as for any 5xx, and its cause tells it from an unknown address.
    `text` is what stands behind the code, a line each. Sources: RFC 5321 4.2, 3463, 4954, 5248.
    """
    words = _tidy(text)
    kind = code // 100
    if kind == 2 and phase is Phase.DOT:  # noqa: PLR2004 - RFC 5321 4.2.1
        return Reply(DeliveryState.ACCEPTED, code, words, Cause.ACCEPTED)
    if kind not in {4, 5}:
        return _nonsense(code, words, phase)
    cause = _cause(code, words, phase)
    if kind == 5 and cause not in _NOBODYS:  # noqa: PLR2004 - the same
        return Reply(DeliveryState.FAILED, code, words, cause)
    return Reply(DeliveryState.DEFERRED, code, words, cause, _wait(words))


def is_about_one_connection(text: str) -> bool:
    """Tell whether a server only ends this connection, which has had enough, and takes another."""
    return _OF_ONE_CONNECTION.search(text.lower()) is not None


def without_addresses(text: str) -> str:
    """Take every mail address out of a server's words, for the log and the desk."""
    return _ADDRESS.sub("<address>", text)


_NOBODYS = frozenset({Cause.OURS, Cause.AWAY, Cause.CUT})
_ADDRESS = re.compile(r"<?[^\s<>@]{1,320}@[^\s<>@]{1,320}>?")
_STATUS = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")
_LEADING_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s)")
_HINT = re.compile(
    r"(?:again|retry\w*|retried|wait|gr[ea]y-?\s?list\w*|come back|delayed|deferred|later)"
    r"[^\d]{0,24}?(?:(\d{1,2}):(\d\d):(\d\d)|(\d{1,9})\s?(s|m|h)(?:ec|in|our|r)?(?:ond|ute)?s?\b)",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _tidy(text: str) -> str:
    """Make one printable line of a reply; a status repeated on each line is told once."""
    text = text[: 4 * _LONGEST_TEXT]
    if "\n" in text and (leading := _LEADING_STATUS.match(text)):
        text = text.replace(f"\n{leading[0]} ", " ")
    text = " ".join(text.split())[:_LONGEST_TEXT]
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _wait(words: str) -> timedelta | None:
    """Find how long they ask us to wait."""
    found = _HINT.search(words)
    if found is None:
        return None
    hours, minutes, seconds, amount, unit = found.groups()
    if unit is None:
        asked = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    else:
        asked = int(amount) * _SECONDS[unit.lower()]
    return timedelta(seconds=min(max(asked, _SHORTEST_WAIT), _LONGEST_WAIT))


def _nonsense(code: int, words: str, phase: Phase) -> Reply:
    """Take a code that answers nothing we asked: only after the dot does it leave a doubt."""
    code = code if 100 <= code < 600 else 0  # noqa: PLR2004 - RFC 5321 4.2
    if phase is Phase.DOT:
        return Reply(DeliveryState.UNCERTAIN, code, words, Cause.UNANSWERED)
    return Reply(DeliveryState.DEFERRED, code, words, _left(phase))


def _left(phase: Phase) -> Cause:
    """Say what it is when a server leaves at this point."""
    return Cause.CUT if phase in {Phase.RCPT, Phase.DATA, Phase.DOT} else Cause.AWAY


def _cause(code: int, words: str, phase: Phase) -> Cause:
    if phase in {Phase.GREETING, Phase.TLS}:
        return Cause.AWAY
    if phase in {Phase.EHLO, Phase.AUTH}:
        ours = code >= 500 or (phase is Phase.AUTH and code == 432)  # noqa: PLR2004 - RFC 5321 4.2.1; RFC 5248: a new password is needed
        return Cause.OURS if ours else Cause.AWAY
    said = _Said(code, _status(code, words), _ADDRESS.sub(" ", words).lower(), phase)
    if code == GOING and _OF_ONE_CONNECTION.search(said.words):
        return _left(phase)
    cause = next((found for rule in _RULES if (found := rule(said))), _otherwise(said))
    # Before a reader was named it is no word about their provider: the server itself wants rest.
    unnamed = phase in _BEFORE_READER and cause is Cause.TOO_FAST
    return _left(phase) if code == GOING and (cause is Cause.BUSY or unnamed) else cause


def _status(code: int, words: str) -> tuple[int, int] | None:
    """Find the enhanced status code: of the reply's own class, or in its proper place."""
    first = None
    for found in _STATUS.finditer(words):
        status = int(found[2]), int(found[3])
        if int(found[1]) == code // 100:
            return status
        if found.start() == 0:
            first = status
    return first


# The words of servers. None of these patterns repeats a repetition: a text of 500 signs is read
# in a moment whatever stands in it.

_OF_ONE_CONNECTION = re.compile(
    r"(?:this|per|one|a single|same) (?:smtp )?(?:connection|session)|too many errors"
)
_RELAYING = re.compile(
    r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited|forbidden)"
    r"|(?:unable|not (?:permitted|allowed|authori[sz]ed)) to relay|(?:cannot|can't|do not) relay"
    r"|list of allowed rcpthosts|relay access|relaying denied|no relaying"
)
_AUTHENTICATE = re.compile(
    r"auth(?:entication)? (?:is )?(?:required|needed)|must (?:first )?(?:authenticate|log ?in)"
    r"|(?:need to|please) (?:authenticate|log ?in)|authenticate first"
    r"|not (?:authenticated to|logged in)|(?:client|session) (?:was|is) not authenticated"
    r"|unauthenticated senders|starttls (?:command )?first|log ?in (?:first|required)"
)
_SENDER = re.compile(
    r"sender address rejected: not (?:owned|logged)|send ?as ?denied|not (?:allowed|permitted|"
    r"authori[sz]ed) to send (?:as|from)|right to send|address(?:es)? (?:is|are) not verified"
    r"|not a verified sender|does not match a verified|unverified sender"
    r"|(?:account|tenant).{0,40}(?:suspended|has exceeded|blocked|disabled) (?:for|from) sending"
    r"|sending (?:has been|is) (?:paused|suspended|disabled)|send(?:ing|er)? quota"
)
_SLOWER = re.compile(
    r"rate.{0,3}limit|rate (?:that|has|was|is|exceed)|(?:unusual|sending|maximum|message|connection"
    r"|high|excessive) rate|throttl|slow(?:ed)? down|too (?:fast|quickly|much mail|frequent)"
    r"|too many (?:messages|mails|e-?mails|connections|concurrent|simultaneous|sessions"
    r"|recipients|requests|deliveries|transactions|smtp)|(?:connection|concurrency|recipient"
    r"|thread|sending|message|hourly|daily|volume|session)s? (?:count |number )?(?:limit|quota)"
    r"|unexpected volume|volume of (?:mail|messages|e-?mail)|unusual(?:ly high)? (?:volume|number)"
    r"|concurrent connections|limits? (?:on|for) (?:messages|connections)|exceeded the rate"
    r"|exceeded (?:the |your )?(?:maximum |max )?(?:number|rate)"
)
_GREY = re.compile(r"gr[ea]y-?\s?list|postgrey|first (?:time|contact)[^.]{0,40}(?:again|later)")
_LATER = re.compile(r"again|later|temporar|retry|defer")
_FULL = re.compile(
    r"(?:mail)?box (?:for [^.]{0,40})?(?:is |was )?(?:over)?full|(?:mailbox|inbox|account|user|"
    r"recipient|maildir|disk)[^.]{0,40}(?:over|exceed\w*|out of|is full|at)[^.]{0,20}"
    r"(?:quota|storage|space|capacity|full)|over ?quota|quota (?:is )?(?:exceeded|full|reached)"
    r"|exceeded storage|storage (?:limit|quota)|(?:not enough|insufficient|no) (?:disk |mailbox )?"
    r"(?:space|storage)[^.]{0,20}(?:user|mailbox|recipient|account)|mailbox size limit"
    r"|exceed\w* (?:its |the |their |his )?(?:mailbox )?quota"
)
_TOO_LARGE = re.compile(
    r"(?:message|mail|size|letter)[^.]{0,40}(?:too (?:big|large|long)|exceed)|too (?:big|large)"
    r"|size limit|maximum (?:message )?size|larger than"
)
_FEATURE = re.compile(
    r"smtputf8|8bitmime|unsupported option|parameters? (?:is |are )?not (?:recog|"
    r"impl)|non-ascii"
)
_POLICY = re.compile(
    r"\bspam|unsolicited|\bblock|black-?\s?list|deny-?\s?list|\brbl\b|dnsbl|reputation|polic(?:y|ies)"
    r"|\bdmarc|\bspf\b|\bdkim|virus|malware|phish|content|\bban(?:ned)?\b|prohibit|abus|suspicious"
    r"|access denied|barracuda|proofpoint|\bip(?:check)?\b|reverse (?:dns|hostname)|\bptr\b"
    r"|\bhelo\b|client host|not (?:rfc|5322)|unauthenticated|security|listed (?:at|by|in)"
    r"|junk|complaint|bulk|sender (?:address )?(?:rejected|denied|not allowed)"
)
_PEOPLE = r"(?:user|mailbox|recipient|person|address(?:ee)?|account|customer|e-?mail|alias|inbox)"
_GONE = (
    r"(?:is |was )?(?:unknown|not (?:found|known|exist\w*|valid|a valid|listed|present|here)"
    r"|(?:does not|doesn[’']?t|do not|did not) exist|invalid|no longer (?:valid|exists|available))"
)
_UNKNOWN = re.compile(
    rf"no such {_PEOPLE}|{_PEOPLE} (?:name |you tried to reach |that you tried to reach )?{_GONE}"
    rf"|(?:unknown|invalid|nonexistent|non-existent|undeliverable|unrouteable|unroutable|no valid)"
    rf" (?:or [^.]{{0,20}} )?(?:local |final )?{_PEOPLE}|unknown local.?part|no {_PEOPLE} here"
    r"|not a (?:valid|known) (?:user|mailbox|recipient)|have an? .{0,40}account"
    r"|not our customer|no mailbox (?:here )?by that name|user not local|recipnotfound"
    r"|no (?:such|known) (?:domain )?(?:user|recipient|mailbox)"
    r"|there is no [^.]{0,20}(?:reader|user|mailbox|one) "
)
_UNAVAILABLE = re.compile(r"mailbox (?:is )?(?:unavailable|not available)")

_LOG_IN = frozenset({525, 530, 534, 535, 538})  # RFC 4954 6; RFC 5248 for 525
_OUR_STATUS = frozenset(
    {
        *((1, 7), (1, 8)),  # RFC 3463 3.2: the sender's address
        (4, 5),  # what a big relay answers when we have sent all we may
        *((7, 3), (7, 54), (7, 57), (7, 60), (7, 64)),  # Exchange: log-in, relaying, send as
        *((7, n) for n in (8, 9, 11, 12, 13, 14)),  # RFC 4954 and 5248
        *((7, n) for n in (501, 502, 503, 705, 708, 750)),  # Exchange Online: our account is barred
    }
)
_TO_THE_LETTER = frozenset({(2, 3), (3, 4), (6, 1), (6, 3), (6, 7)})  # RFC 3463 3.3, 3.4, 3.7
_NOBODY_THERE = frozenset({(1, 1), (1, 6), (1, 10)})  # RFC 3463 3.2, RFC 7505
_ABOUT_AUTHENTICITY = range(20, 33)  # RFC 7372 and what Gmail counts on with: SPF, DKIM, DMARC
_MICROSOFTS_PACE = range(500, 800)
_NOT_UNDERSTOOD = frozenset({500, 502, 503, 504})


def _ours(said: _Said) -> Cause | None:
    if said.code in _LOG_IN or (said.permanent and said.status in _OUR_STATUS):
        return Cause.OURS
    if said.subject == 7 and said.status and said.status[1] in _ABOUT_AUTHENTICITY:  # noqa: PLR2004 - RFC 3463 3.8
        return None  # "you must authenticate with SPF" asks for no log-in
    if _AUTHENTICATE.search(said.words) or _SENDER.search(said.words):
        return Cause.OURS
    # After the dot it is a word about the letter: somebody behind the server may not relay it.
    return Cause.OURS if said.phase is not Phase.DOT and _RELAYING.search(said.words) else None


def _not_taken(said: _Said) -> Cause | None:
    if not said.permanent:
        return None
    if said.code == 555 or said.status in _TO_THE_LETTER:  # noqa: PLR2004 - RFC 5321 4.1.1.11
        return Cause.NOT_TAKEN
    if said.subject in {0, 3, 5, 6} and _FEATURE.search(said.words):
        return Cause.NOT_TAKEN
    big = said.subject in {0, 3} and _TOO_LARGE.search(said.words)
    return Cause.NOT_TAKEN if big and not _FULL.search(said.words) else None


def _about_the_sender(said: _Said) -> Cause | None:
    """Nobody has been named yet: whatever is refused for good at MAIL is about us."""
    return Cause.OURS if said.permanent and said.phase is Phase.MAIL else None


def _grey(said: _Said) -> Cause | None:
    if said.permanent:
        return None
    if _GREY.search(said.words):
        return Cause.GREYLISTED
    vague = said.status == (7, 1) and _LATER.search(said.words)
    stricter = _POLICY.search(said.words) or _SLOWER.search(said.words)
    return Cause.GREYLISTED if vague and not stricter else None


def _too_fast(said: _Said) -> Cause | None:
    if said.status == (2, 2):
        return None
    if not said.permanent and said.subject == 7 and said.status:  # noqa: PLR2004 - RFC 3463 3.8
        detail = said.status[1]
        if detail == 28 or detail in _MICROSOFTS_PACE:  # noqa: PLR2004 - Gmail's, and Microsoft's
            return Cause.TOO_FAST
    return Cause.TOO_FAST if _SLOWER.search(said.words) else None


def _full(said: _Said) -> Cause | None:
    if said.status == (2, 2) or said.code == 422:  # noqa: PLR2004 - not in any RFC, yet in use
        return Cause.MAILBOX_FULL
    return Cause.MAILBOX_FULL if said.subject in {0, 2, 3} and _FULL.search(said.words) else None


def _policy_by_status(said: _Said) -> Cause | None:
    return Cause.POLICY if said.subject == 7 else None  # noqa: PLR2004 - RFC 3463 3.8


def _unknown(said: _Said) -> Cause | None:
    """Believe that nobody is there when it is said plainly, and no policy is spoken of."""
    if not said.permanent:
        return None
    words = _UNKNOWN.search(said.words) is not None
    policy = _POLICY.search(said.words) is not None
    if said.status in _NOBODY_THERE:
        return Cause.UNKNOWN_USER if words or not policy else Cause.POLICY
    if said.phase is Phase.RCPT:
        words = words or _UNAVAILABLE.search(said.words) is not None
    return Cause.UNKNOWN_USER if words and not policy else None


def _policy_by_words(said: _Said) -> Cause | None:
    if said.status == (4, 1):  # Exchange answers so for whom its directory does not list
        return None
    return Cause.POLICY if _POLICY.search(said.words) else None


_RULES: tuple[Callable[[_Said], Cause | None], ...] = (
    _ours,
    _not_taken,
    _about_the_sender,
    _grey,
    _too_fast,
    _full,
    _policy_by_status,
    _unknown,
    _policy_by_words,
)
"""The first that knows an answer gives it."""


def _otherwise(said: _Said) -> Cause:
    if not said.permanent:
        return Cause.BUSY
    if said.code in _NOT_UNDERSTOOD and said.phase is not Phase.DOT:
        return Cause.OURS
    if said.code == 552 and said.phase is Phase.RCPT:  # noqa: PLR2004 - RFC 5321 4.2.2: storage
        return Cause.MAILBOX_FULL
    return Cause.REFUSED
