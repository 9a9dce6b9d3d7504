"""WRITE, the rendering of a publisher's own templates: in a child that can be killed.

A template is a program. Ours end; one that somebody else wrote may loop for ever or eat memory, so
it runs in a sandbox in a child with limits, kept warm from one letter to the next. The facts go in
as data of ours; what comes out is text, or where it failed, as JSON that is checked.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from digest import child as inside
from digest.children import (
    Child,
    ClosedError,
    Crew,
    EndedError,
    GarbledError,
    LateError,
    how_ended,
)
from digest.composition.language import Language
from digest.errors import CompositionError, TemplateLimitError

HINT = "Mend the template, and try it with: digest templates check"

_RENDER = "digest.composition.render_child:render"
_PROCESSES = 2
_JOBS_OF_A_CHILD = 1_000
_MOST_TOLD = 2_000
_GRACE_SECONDS = 1.0
"""For a template that is told to stop to say where it was, before its process is killed."""


class OverTimeError(Exception):
    """A template is told to stop: raised within it, so that its trace says where it was."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child gives: a text, or in `problem` why there is none, and where."""

    text: str = ""
    problem: str = ""
    hint: str = ""
    template: str = ""
    line: int | None = None


class Apart:
    """Renders the templates of a publisher's folder in children; threads share it."""

    def __init__(
        self,
        folder: Path,
        *,
        seconds: float,
        megabytes: int,
        start: Callable[[str], Child] | None = None,
    ) -> None:
        """Take the publisher's folder, and what one template may take. Nothing is started yet."""
        self._folder = folder.resolve()
        self._seconds = seconds
        self._megabytes = megabytes
        self._crew = Crew(
            seconds=seconds + _GRACE_SECONDS,
            megabytes=megabytes,
            processes=_PROCESSES,
            jobs=_JOBS_OF_A_CHILD,
            start=start,
        )

    def render(
        self,
        name: str,
        facts: Mapping[str, object],
        *,
        language: Language,
        is_marked: bool = False,
    ) -> str:
        """Render one template, with the marks of its lines if asked.

        Raises:
            CompositionError: for any fault in it, and when it goes beyond its limits.
        """
        options = {
            "folder": str(self._folder),
            "seconds": str(self._seconds),
            "megabytes": str(self._megabytes),
            "marked": "yes" if is_marked else None,
        }
        # Pickle goes this one way only: what the child says is never unpickled.
        content = pickle.dumps((name, language, dict(facts)))
        try:
            made = self._crew.do(_RENDER, options, content, opened=_understood)
        except (LateError, EndedError, GarbledError, ClosedError, OSError) as error:
            raise self._in_words(name, error) from error
        if made is None:
            raise over_memory(name, None, megabytes=self._megabytes)
        if made.problem:
            raise CompositionError(
                made.problem, template=made.template, line=made.line, hint=made.hint
            )
        return made.text

    def close(self) -> None:
        """End the children; what they were at raises CompositionError."""
        self._crew.close()

    def _in_words(self, name: str, error: Exception) -> CompositionError:
        if isinstance(error, LateError):
            return over_time(name, None, seconds=self._seconds)
        if isinstance(error, EndedError):
            cause = f"it ended the process that renders it ({how_ended(error.args[0])})"
        elif isinstance(error, GarbledError):
            cause = f"the process that renders it gave no answer that is understood ({error})"
        elif isinstance(error, ClosedError):
            cause = "not rendered, as the program is leaving"
        else:
            cause = f"no process could be started to render it ({error})"
        return CompositionError(f"template: {name}: {cause}", template=name, hint=HINT)


def over_time(template: str, line: int | None, *, seconds: float) -> CompositionError:
    """Say that a template took too long, and where it was if it still could tell."""
    return _over(template, line, f"it took longer than {seconds:g} s", "a loop that never ends")


def over_memory(template: str, line: int | None, *, megabytes: int) -> CompositionError:
    """Say that a template used too much memory, and where."""
    cause = f"it used more than {megabytes} MB"
    return _over(template, line, cause, "a text or list that grows without end")


def _over(template: str, line: int | None, cause: str, likely: str) -> TemplateLimitError:
    where = f"{template}, line {line}" if line else template
    return TemplateLimitError(
        f"template: {where}: {cause}",
        template=template,
        line=line,
        hint=f"Look for {likely}; try it with: digest templates check",
    )


_ANSWER = TypeAdapter(Answer)
_WHY = TypeAdapter(str)


def _understood(begin: bytes, told: bytes) -> Answer | None:
    """Read a child's answer; None says that it had no memory left even to say so."""
    if begin == inside.DONE:
        return _ANSWER.validate_json(told)
    if begin == inside.NO_MEMORY:
        return None
    if begin == inside.FAILED:
        raise GarbledError(_WHY.validate_json(told)[:_MOST_TOLD])
    raise GarbledError(begin)
