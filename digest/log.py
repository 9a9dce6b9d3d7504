"""Door to standard error: one line an event, for people on a terminal and as JSON for machines.

No line holds an address: whoever logs leaves them out, and what forgets to is scrubbed here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, ClassVar

_AT = re.compile(r"[@\uff20\ufe6b]|%40|=40|\\u0040|&#0*64;|&#x0*40;|&commat;", re.IGNORECASE)
"""The sign between the two parts of an address, as text, URL, quoted-printable, JSON and HTML."""
_ENDS = frozenset(" \t\r\n<>()[]{},;'\"\\|\u2028\u2029")
"""Signs that no bare address has in it; more is taken than is one, and that is as it should be."""
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]")
_LONGEST = 320
"""Of either part of an address that we look for."""
_LONGEST_TEXT = 20_000
_HIDDEN = "(address)"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_CONTROLS_OF_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_DEEPEST = 6

_about: ContextVar[Mapping[str, object] | None] = ContextVar("digest_log_about", default=None)


@contextlib.contextmanager
def about(**facts: object) -> Iterator[None]:
    """Add facts to every line that is logged while the block runs, as `edition` or `delivery`.

    An edition is named by its address (`daily/2026-01-09`), a delivery by its two numbers
    (`1204/77`: edition and subscriber).
    """
    token = _about.set({**(_about.get() or {}), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def scrub(text: str) -> str:
    """Put `(address)` in place of whatever looks like an e-mail address; cut what is endless."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"
    parts: list[str] = []
    done = 0
    for sign in _AT.finditer(text):
        if sign.start() < done:
            continue
        start, end = _start(text, sign.start(), done), _end(text, sign)
        if start < sign.start() and end > sign.end():
            parts += [text[done:start], _HIDDEN]
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def _start(text: str, at: int, after: int) -> int:
    """Find where the part before the sign begins; a quoted one may have blanks in it."""
    least = max(after, at - _LONGEST)
    if at > least and text[at - 1] == '"':
        opened = text.rfind('"', least, at - 1)
        return opened if opened >= 0 else at
    start = at
    while start > least and text[start - 1] not in _ENDS:
        start -= 1
    return start


def _end(text: str, sign: re.Match[str]) -> int:
    """Find where the part after the sign ends; a number such as `limit=400` has none."""
    if sign.group() == "=40" and not _DOMAIN.match(text, sign.end()):
        return sign.end()
    most = min(len(text), sign.end() + _LONGEST)
    if text.startswith("[", sign.end()):  # a domain literal: an IP address in brackets
        closed = text.find("]", sign.end(), most)
        return closed + 1 if closed >= 0 else most
    end = sign.end()
    while end < most and text[end] not in _ENDS:
        end += 1
    return end


def _clean(value: object, depth: int = 0) -> Any:
    """Make a fact fit for a log: plain values, scrubbed, however deep they lie."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {_clean(str(name)): _clean(each, depth + 1) for name, each in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(each, depth + 1) for each in value]
    return scrub(_words(value))


def _words(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a log line never ends the work it tells of
        return f"({type(value).__name__} that cannot be shown: {type(error).__name__})"


def _message(record: logging.LogRecord, facts: Mapping[str, Any]) -> str:
    """Give the event alone: the edition it may begin with is a fact of its own."""
    try:
        said = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a mistake in a call must not cost the line
        said = f"{record.msg} ({type(error).__name__} while it was written)"
    return scrub(said).removeprefix(f"{facts.get('edition', '')} ")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {**(_about.get() or {}), **getattr(record, "facts", {})}


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Give the trace of an error, and where the line was logged, if either is wanted."""
    traces = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        traces.append(formatter.formatStack(record.stack_info))
    return scrub("\n".join(traces))


class _Json(logging.Formatter):
    """One JSON object a line; `docs/how-to/watch-it.md` lists its fields."""

    def __init__(self, process: str = "") -> None:
        """Take the name of this process, as it beats: `web`, `scheduler`, `worker`."""
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """Give the line of one record, in UTC."""
        facts = _clean(_facts(record))
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self.process or record.processName,
            "pid": record.process,
            "logger": record.name,
            "event": _message(record, facts),
        }
        for name, value in facts.items():
            entry[f"{name}_" if name in _RESERVED else name] = value
        if trace := _trace(self, record):
            entry["trace"] = trace
        return json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace").decode()


_RESERVED = frozenset({"time", "level", "process", "pid", "logger", "event", "trace"})


class _Plain(logging.Formatter):
    """`07:00:00 daily/2026-01-09 sending  recipients=4812`, as the terminal pictures show it.

    Where several processes write one log, the name of each stands behind the hour.
    """

    _marks: ClassVar[dict[int, str]] = {logging.WARNING: "warning: ", logging.ERROR: "error: "}
    _colours: ClassVar[dict[int, str]] = {logging.WARNING: "33", logging.ERROR: "31"}

    def __init__(self, process: str = "", *, coloured: bool = False) -> None:
        """Take the name of this process, and whether whoever reads sees colours, at a terminal."""
        super().__init__()
        self._process = f"{process:<9} " if process else ""
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        """Give the line of one record, in this machine's hour; no word of it begins another."""
        facts = _clean(_facts(record))
        said = _message(record, facts)
        subject = f"{facts.pop('edition')} " if "edition" in facts else ""
        tail = "  ".join(f"{name}={value}" for name, value in facts.items())
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{self._marks.get(record.levelno, '')}{subject}{said}"
        line = _CONTROLS.sub(" ", f"{line}  {tail}" if tail else line)
        trace = _CONTROLS_OF_LINES.sub(" ", _trace(self, record))
        process = self._process
        if self._coloured:
            at, process = _painted(at, "2"), _painted(process, "36")
            line = _painted(line, self._colours.get(record.levelno, ""))
        line = f"{at} {process}{line}"
        return f"{line}\n{trace}" if trace else line


def _painted(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if text and colour else text


def set_up(*, as_json: bool = False, level: int = logging.INFO, process: str = "") -> None:
    """Send every log line of this process to standard error, once; `process` is its name."""
    handler = logging.StreamHandler(sys.stderr)
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    shown = process if level <= logging.INFO else ""  # what a command warns of is its own
    handler.setFormatter(_Json(process) if as_json else _Plain(shown, coloured=coloured))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx2", "httpcore2", "apscheduler", "alembic", "cssutils", "CSSUTILS"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def event(logger: logging.Logger, name: str, /, level: int = logging.INFO, **facts: object) -> None:
    """Log one event with its facts; never an address, a token or a body."""
    logger.log(level, name, extra={"facts": {**(_about.get() or {}), **facts}})
