"""Door to standard error: one line an event, for people on a terminal and as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar


class _Json(logging.Formatter):
    """One JSON object a line; facts given as `extra={"facts": {...}}` are merged in."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


class _Plain(logging.Formatter):
    """`07:00:00 daily 1204 sending  recipients=4812`, as the terminal pictures show it."""

    _marks: ClassVar[dict[int, str]] = {logging.WARNING: "warning: ", logging.ERROR: "error: "}

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        tail = "  ".join(f"{name}={value}" for name, value in facts.items())
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{at} {self._marks.get(record.levelno, '')}{record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return f"{line}  {tail}" if tail else line


def set_up(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Send every log line of this process to standard error, once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx2", "httpcore2", "apscheduler", "alembic", "cssutils", "CSSUTILS"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def event(logger: logging.Logger, name: str, /, level: int = logging.INFO, **facts: object) -> None:
    """Log one event with its facts; never an address, a token or a body."""
    logger.log(level, name, extra={"facts": facts})
