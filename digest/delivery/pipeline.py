"""Door: a transport that somebody else opened. The SMTP transactions of one connection.

Where PIPELINING is offered, `content CRLF.CRLF MAIL RCPT DATA` is one write (RFC 2920 3.1): a
message costs one round trip. Where it is not, the same machine sends one command at a time. What
the server still owes us stands in a queue; so when the connection is lost it is known of each
message whether it was surely not accepted, or nobody knows.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import cast

from digest.delivery.model import Cause, DeliveryState, Ended, Line, Parcel, Reply, Source
from digest.delivery.replies import (
    GOING,
    Phase,
    is_about_one_connection,
    read_reply,
    without_addresses,
)

QUIT_SECONDS = 5.0
_DOT_PATIENCE = 10  # RFC 5321 4.5.3.2.6: after the dot the server may take minutes to be sure
_LONGEST_LINE = 8192  # RFC 5321 4.5.3.1.5 says 512; real ones are longer, endless ones hostile
_LONGEST_REPLY = 32768
_PIECE = 128 * 1024
_UNSENT = 4096  # more than all that may follow a dot in one write: see `_settle`
_LONGEST_ADDRESS = 320
_SPEAKABLE = re.compile(r"[^\x00-\x20\x7f<>\ud800-\udfff]*")  # what ends no address
_CODES = {b"%d" % code: code for code in range(200, 600)}
_GO_AHEAD = 354
_REFUSAL = 400


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server said in answer to EHLO. `largest` is 0 where it named no limit (RFC 1870)."""

    pipelining: bool = False
    size: bool = False
    largest: int = 0
    eight_bit: bool = False
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How long we wait and how much we send on one connection; `place` is told in our words."""

    place: str
    timeout_seconds: float = 60.0
    idle_seconds: float = 10.0
    messages: int | None = None


class _Step(Enum):
    """What the server owes us."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    RSET = auto()
    QUIT = auto()


_MAIL, _RCPT, _DATA, _DOT, _RSET, _QUIT = _Step
_GROUP = (_MAIL, _RCPT, _DATA)
_PHASES = {
    _MAIL: Phase.MAIL,
    _RCPT: Phase.RCPT,
    _DATA: Phase.DATA,
    _DOT: Phase.DOT,
    _RSET: Phase.MAIL,
    _QUIT: Phase.MAIL,
}


class Pipeline(asyncio.Protocol):
    """Hands over the parcels of a source on one connection, until it ends.

    At most two parcels are in its hands: one whose final dot is not answered, and one that is
    announced behind it. Each is answered exactly once. `done` gives how it ended; it raises only
    what the source itself raised.
    """

    def __init__(self, line: Line, source: Source, offer: Offer, terms: Terms) -> None:
        """Keep the terms; nothing is said before `adopt`. It is made in a running loop."""
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Ended] = self._loop.create_future()
        self._line = line
        self._source = source
        self._offer = offer
        self._terms = terms
        self._transport: asyncio.Transport
        self._owed: deque[_Step] = deque()
        self._sent: Parcel | None = None  # its dot is owed an answer
        self._rest: bytes | memoryview | None = None  # of its content, not handed to the transport
        self._next: Parcel | None = None  # announced, its content has not begun
        self._refusal: Reply | None = None  # of the announced one
        self._heard = False  # anything about the announced one
        self._open = False  # a transaction that only RSET ends
        self._rcpt = b""  # its RCPT line, where commands go one at a time
        self._tail = b""
        self._lines: list[bytes] = []
        self._long = 0
        self._more = 0  # lines received behind the one that is being read
        self._paused = False
        self._speakable = ""
        """The last sender that was found to be: nearly always the next one's, too."""
        self._busy = False  # in a call of ours: the source may call back
        self._taken = 0
        self._accepted = 0
        self._leaving = False
        self._over = False
        self._why: Reply | None = None
        self._fault: Exception | None = None
        self._beat = max(0.01, min(1.0, terms.timeout_seconds / 4, terms.idle_seconds / 4))
        self._quiet = 0.0
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    # What the line asks for

    def adopt(self, transport: asyncio.Transport) -> None:
        """Take over a transport that is connected, secured and signed in, and begin."""
        transport.set_protocol(self)
        self.connection_made(transport)
        self.wake()

    def wake(self) -> None:
        """Look again whether there is a parcel."""
        if not self._busy:
            self._guarded(self._pull)

    def leave(self) -> None:
        """Take nothing more; say QUIT when everything on the wire is answered."""
        self._leaving = True
        self.wake()

    def abort(self) -> None:
        """Cut the connection now; what is on the wire gets its answer from what is known."""
        self._finish(None, "we cut the connection")

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the limits that make the end of a connection speak: see `_settle`."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        self._transport.set_write_buffer_limits(high=_UNSENT, low=_UNSENT)
        self._timer = self._loop.call_later(self._beat, self._tick)

    def data_received(self, data: bytes) -> None:
        """Read replies, however they come split or glued."""
        self._busy = True
        try:
            self._read(data)
        except Exception as error:  # noqa: BLE001 - the source's own, told by `done`
            self._fail(error)
        finally:
            self._busy = False

    def eof_received(self) -> bool:
        """Stop at once: asyncio would go on and hand over the rest of the content."""
        self._lost("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle what is open, and tell how it ended."""
        known = isinstance(exc, OSError) and exc.strerror
        self._lost(str(known) if known else "the server closed the connection")
        if self._timer is not None:
            self._timer.cancel()
        if self.done.done():
            return
        if self._fault is not None:
            self.done.set_exception(self._fault)
        else:
            self.done.set_result(Ended(self._why, self._accepted))

    def pause_writing(self) -> None:
        """Hear that the server takes nothing at the moment."""
        self._paused = True

    def resume_writing(self) -> None:
        """Hear that it has taken nearly all."""
        self._paused = False
        self._quiet = 0.0
        if self._rest is not None:
            self._guarded(self._pour)

    # Reading

    def _read(self, data: bytes) -> None:
        if self._over:
            return
        lines = (self._tail + data).split(b"\n")
        self._tail = lines.pop()
        self._more = len(lines)
        for line in lines:
            self._more -= 1
            code = _CODES.get(line[:3], 0)
            if code and line[3:4] == b" " and not self._lines:
                self._take_reply(code, line)
            else:
                self._take_line(code, line)
            if self._over:
                return
        if len(self._tail) > _LONGEST_LINE:
            self._finish(self._away("a reply without end"))
        elif not self._owed:
            self._pull()

    def _take_line(self, code: int, line: bytes) -> None:
        """Take a line of a reply that has several, or nothing behind its code."""
        self._lines.append(line)
        self._long += len(line)
        same = line[:3] == self._lines[0][:3] and self._long <= _LONGEST_REPLY
        mark = line[3:4]
        if not code or not same or mark not in b"- \r":
            self._finish(self._away("an answer that is no SMTP reply"))
        elif mark != b"-":
            whole = line[:3] + b" " + b"\n".join(each[4:] for each in self._lines)
            self._lines, self._long = [], 0
            self._take_reply(code, whole)

    @property
    def _glued(self) -> bool:
        """Whether more has come behind the reply that is being read."""
        return self._more > 0 or self._tail != b""

    def _take_reply(self, code: int, line: bytes) -> None:
        self._quiet = 0.0
        if not self._owed:
            self._out_of_turn(code, line)
            return
        step = self._owed.popleft()
        if code == GOING:
            self._going(step, line)
        elif step is _MAIL or step is _RCPT:
            self._on_envelope(step, code, line)
        elif step is _DATA:
            self._on_data(code, line)
        elif step is _DOT:
            self._on_dot(code, line)
        elif step is _RSET:
            self._on_reset(code, line)
        else:
            self._over = True
            self._transport.close()

    def _out_of_turn(self, code: int, line: bytes) -> None:
        """Take what nobody asked for: an idle connection may be closed with a word."""
        if code != GOING:
            self._finish(self._away("the server speaks out of turn"))
        elif self._next is None:
            self._finish(None)
        else:
            self._going(_DATA, line)

    def _on_envelope(self, step: _Step, code: int, line: bytes) -> None:
        self._heard = True
        if code < 300:  # noqa: PLR2004 - RFC 5321 4.2.1: done
            if step is _MAIL:
                self._open = True
        elif code < _REFUSAL:
            self._finish(self._away(f"{code} in answer to {step.name}"))
            return
        elif self._refusal is None:
            self._refusal = read_reply(code, _text(line), _PHASES[step])
        if not self._owed:
            self._go_on(step)

    def _go_on(self, step: _Step) -> None:
        """Send the next command of a transaction, where they go one at a time."""
        if self._refusal is not None:
            self._give_up_announced(self._refusal)
        elif self._more:
            return  # the next line is out of turn, and ends it
        elif self._tail:
            self._finish(self._away("the server speaks out of turn"))
        elif step is _MAIL:
            self._owed.append(_RCPT)
            self._transport.write(self._rcpt)
        else:
            self._owed.append(_DATA)
            self._transport.write(b"DATA\r\n")

    def _on_data(self, code: int, line: bytes) -> None:
        if code == _GO_AHEAD:
            self._on_go_ahead()
        elif code >= _REFUSAL:
            self._heard = True
            refusal = self._refusal or read_reply(code, _text(line), Phase.DATA)
            self._give_up_announced(refusal)
        else:
            self._heard = True
            self._finish(self._away(f"{code} in answer to DATA"))

    def _give_up_announced(self, refusal: Reply) -> None:
        parcel, self._next = self._next, None
        if parcel is not None:
            self._source.answered(parcel, refusal)
        self._pull()

    def _on_go_ahead(self) -> None:
        self._heard = True
        parcel, refusal = self._next, self._refusal
        if parcel is None or self._glued:
            self._finish(self._away("the server speaks out of turn"))
        elif refusal is not None:
            # RFC 2920 3.1: the server waits for a message to nobody, so it gets an empty one.
            self._next, self._open = None, False
            self._owed.append(_DOT)
            self._source.answered(parcel, refusal)
            self._write(b".\r\n" + self._announcement())
        else:
            self._begin(parcel)

    def _begin(self, parcel: Parcel) -> None:
        may = self._source.begin(parcel)
        if self._over:
            return
        self._next, self._open = None, False
        if may:
            self._owed.append(_DOT)
            self._sent, self._rest = parcel, parcel.message
            # Not at once: all connections that were answered in this turn of the loop hand over
            # together, and the server is woken once for all of them.
            self._loop.call_soon(self._guarded, self._pour)
        else:
            # After the 354 only a cut connection keeps the server from taking it for a message.
            self._source.answered(parcel, self._away("taken back before its content"))
            self._finish(None)

    def _on_dot(self, code: int, line: bytes) -> None:
        parcel = self._sent
        if self._rest is not None and code < _REFUSAL:
            self._finish(self._away(f"{code} before the final dot"))
        elif parcel is None:
            if not self._owed:
                self._pull()
        elif 300 <= code < _REFUSAL:  # noqa: PLR2004 - RFC 5321 4.2.1: no answer to a dot
            self._finish(self._away(f"{code} in answer to the final dot"))
        else:
            self._sent = None
            self._accepted += code < 300  # noqa: PLR2004 - RFC 5321 4.2.1: done
            self._source.answered(parcel, read_reply(code, _text(line), Phase.DOT))
            if self._rest is not None:
                self._finish(self._away("the server refused a message before its end"))
            elif not self._owed:
                self._pull()

    def _on_reset(self, code: int, line: bytes) -> None:
        if code >= 300:  # noqa: PLR2004 - RFC 5321 4.2.1: done
            self._finish(self._away(f"{code} {without_addresses(_text(line))}"))
            return
        self._open = False
        if not self._owed:
            self._pull()

    def _going(self, step: _Step, line: bytes) -> None:
        """Take the server's word that it closes: nothing behind this reply is worth a wait.

        Replies come in order, so whatever was on the wire before it has been answered.
        """
        words = _text(line)
        reply = read_reply(GOING, words, _PHASES[step])
        if step in _GROUP:
            self._heard = True
            self._refusal = self._refusal or reply
        elif step is _DOT and self._sent is not None:
            parcel, self._sent = self._sent, None
            self._source.answered(parcel, reply)
        enough = self._accepted > 0 and is_about_one_connection(words)
        told = f"{self._terms.place}: {GOING} {without_addresses(reply.text)}"
        self._finish(None if step is _QUIT or enough else replace(reply, text=told), told)

    # Writing

    def _pull(self) -> None:
        """Announce the next parcel, if there may be one and there is one; else QUIT or rest."""
        if self._over or self._rest is not None or (self._glued and not self._owed):
            return
        commands = self._announcement()
        if commands:
            self._write(commands)
        elif self._leaving and not self._owed and self._next is None:
            self._quit()

    def _quit(self) -> None:
        self._leaving = True
        self._owed.append(_QUIT)
        self._write(b"QUIT\r\n")

    def _write(self, commands: bytes) -> None:
        if not self._over:
            self._quiet = 0.0
            self._transport.write(commands)

    def _announcement(self) -> bytes:
        """Give the commands that open the next transaction; empty when there is none."""
        behind_a_dot = self._offer.pipelining and len(self._owed) == 1 and self._owed[0] is _DOT
        if self._next is not None or (self._owed and not behind_a_dot):
            return b""
        if self._terms.messages is not None and self._taken >= self._terms.messages:
            self._leaving = True
        if self._leaving or self._over:
            return b""
        if self._open and not self._offer.pipelining:
            self._owed.append(_RSET)
            return b"RSET\r\n"
        parcel = self._take()
        return b"" if parcel is None else self._announce(parcel)

    def _take(self) -> Parcel | None:
        """Draw the next parcel that this server can take."""
        while not self._over and (parcel := self._source.take(self._line)) is not None:
            if self._over:
                self._source.answered(parcel, self._away("we cut the connection"))
            elif words := self._objection(parcel):
                failed = Reply(DeliveryState.FAILED, 0, words, Cause.NOT_TAKEN)
                self._source.answered(parcel, failed)
            else:
                return parcel
        return None

    def _objection(self, parcel: Parcel) -> str:
        """Say why a parcel cannot go to this server; nothing is said to the server then."""
        envelope, message, offer = parcel.envelope, parcel.message, self._offer
        for address, whose in ((envelope.sender, "sender"), (envelope.recipient, "reader")):
            known = address == self._speakable
            if not known and not _is_speakable(address, utf8=envelope.smtputf8):
                return f"the {whose}'s address cannot be written in SMTP"
        self._speakable = "" if envelope.smtputf8 else envelope.sender
        if envelope.smtputf8 and not offer.smtputf8:
            return "the server does not take addresses outside ASCII (SMTPUTF8)"
        if not offer.eight_bit and not _is_ascii(parcel):
            return "the server takes no 8-bit message"
        if offer.largest and len(message) > offer.largest:
            return f"the message is larger than the {offer.largest} bytes the server takes"
        if not message.endswith(b"\r\n"):
            return "the message does not end with a line break"
        return ""

    def _announce(self, parcel: Parcel) -> bytes:
        envelope, message = parcel.envelope, parcel.message
        self._taken += 1
        self._next, self._refusal, self._heard = parcel, None, False
        size = f" SIZE={len(message)}" if self._offer.size else ""
        body = "" if _is_ascii(parcel) else " BODY=8BITMIME"
        utf8 = " SMTPUTF8" if envelope.smtputf8 else ""
        mail = f"MAIL FROM:<{envelope.sender}>{size}{body}{utf8}\r\n"
        rcpt = f"RCPT TO:<{envelope.recipient}>\r\n"
        if not self._offer.pipelining:
            self._owed.append(_MAIL)
            self._rcpt = rcpt.encode()
            return mail.encode()
        if self._open:
            self._owed.append(_RSET)
            mail = "RSET\r\n" + mail
        self._owed.extend(_GROUP)
        return f"{mail}{rcpt}DATA\r\n".encode()

    def _pour(self) -> None:
        """Write the content, the dot, and behind it the announcement of the next parcel.

        A large message goes in pieces as the server takes them, so that what has not been handed
        over when the connection is lost surely has no dot.
        """
        rest = self._rest
        if rest is None or self._paused or self._over:
            return
        self._quiet = 0.0
        if len(rest) > _PIECE:
            view = memoryview(rest)
            self._rest = view[_PIECE:]
            self._transport.write(view[:_PIECE])
            # Not before asyncio could say that this piece has failed.
            self._loop.call_soon(self._guarded, self._pour)
            return
        after = b".\r\n" + self._announcement()
        if not self._over:
            self._transport.writelines((rest, after))
            # A write that closed the transport has failed: this piece has not left.
            self._rest = rest if self._transport.is_closing() else None

    # Ends

    def _away(self, words: str) -> Reply:
        return Reply(DeliveryState.DEFERRED, 0, f"{self._terms.place}: {words}", Cause.AWAY)

    def _lost(self, words: str) -> None:
        """Take the end of the connection; nothing is wrong with it while nothing was going on."""
        busy = self._sent is not None or self._next is not None or self._lines or self._tail
        quitting = bool(self._owed) and self._owed[0] is _QUIT
        self._finish(self._away(words) if busy and not quitting else None, "")

    def _fail(self, error: Exception) -> None:
        self._fault = self._fault or error
        self._finish(self._away("we could not go on"))

    def _guarded(self, act: Callable[[], None]) -> None:
        busy, self._busy = self._busy, True
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the source's own, told by `done`
            self._fail(error)
        finally:
            self._busy = busy

    def _finish(self, why: Reply | None, words: str = "") -> None:
        """End it: answer what is open, cut the connection, and keep why."""
        if self._over:
            return
        self._over, self._why = True, why
        self._quiet = 0.0
        self._settle(why.text if why is not None else f"{self._terms.place}: {words}")
        self._transport.abort()

    def _settle(self, words: str) -> None:
        """Answer what is open by what is known.

        Of a message whose dot is owed an answer it is known that the dot never left when content
        is left here, or when asyncio still holds more unsent bytes than follow the dot.
        """
        sent, self._sent = self._sent, None
        announced, self._next = self._next, None
        if sent is not None:
            cut = self._rest is not None or self._paused
            state = DeliveryState.DEFERRED if cut else DeliveryState.UNCERTAIN
            self._tell(sent, Reply(state, 0, words, Cause.CUT if cut else Cause.UNANSWERED))
        if announced is not None:
            cause = Cause.CUT if self._heard else Cause.AWAY
            away = Reply(DeliveryState.DEFERRED, 0, words, cause)
            self._tell(announced, self._refusal or away)

    def _tell(self, parcel: Parcel, reply: Reply) -> None:
        try:
            self._source.answered(parcel, reply)
        except Exception as error:  # noqa: BLE001 - the other parcel is to hear its fate all the same
            self._fault = self._fault or error

    # Time. One clock for a connection, not one for each command: it only counts how long nothing
    # has happened.

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._beat, self._tick)
        self._quiet += self._beat
        left = self._transport.get_write_buffer_size()
        if left < self._left:
            self._quiet = 0.0
        self._left = left
        # The first beat may have been nearly over when it went quiet.
        if self._quiet - self._beat >= self._patience():
            self._guarded(self._lose_patience)

    def _patience(self) -> float:
        if self._over or (self._owed and self._owed[0] is _QUIT):
            return min(QUIT_SECONDS, self._terms.timeout_seconds)
        if not self._owed:
            return self._terms.idle_seconds
        waiting = self._owed[0] is _DOT and self._rest is None and not self._paused
        return self._terms.timeout_seconds * (_DOT_PATIENCE if waiting else 1)

    def _lose_patience(self) -> None:
        if self._over or (self._owed and self._owed[0] is _QUIT):
            self._over = True
            self._transport.abort()
        elif not self._owed:
            self._quit()
        else:
            self._finish(self._away("no answer in time"))


def _is_ascii(parcel: Parcel) -> bool:
    known = parcel.is_ascii
    return parcel.message.isascii() if known is None else known


def _text(line: bytes) -> str:
    """Give what stands behind the code."""
    return line[4:].rstrip().decode("utf-8", "replace")


def _is_speakable(address: str, *, utf8: bool) -> bool:
    return (
        _SPEAKABLE.fullmatch(address) is not None
        and (utf8 or address.isascii())
        and len(address) <= _LONGEST_ADDRESS
    )
