"""WRITE, the rendering of a publisher's own templates: what runs in the child."""

from __future__ import annotations

import contextlib
import pickle
import signal
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType

from digest.composition.environment import MailTemplates, in_process
from digest.composition.rendering import HINT, Answer, OverTimeError, over_memory, over_time
from digest.composition.template_faults import place
from digest.errors import CompositionError

MAX_TEXT = 2_000_000
"""Signs that a template may give: twenty times what Gmail shows of a letter."""

_BACKSTOP_SECONDS = 3


def render(
    content: bytes, *, folder: str, seconds: str, megabytes: str, marked: str | None
) -> Answer:
    """Render one template; `content` is the pickle of (name, language, facts) that we were sent."""
    name, language, facts = pickle.loads(content)  # noqa: S301 - from our own parent
    templates = _templates(folder)
    rendered = templates.marked if marked else templates.render
    try:
        with _stopped_after(float(seconds)):
            text = rendered(name, **{**facts, "language": language})
    except OverTimeError as error:
        return _problem(over_time(*place(error, name), seconds=float(seconds)))
    except MemoryError as error:
        return _problem(over_memory(*place(error, name), megabytes=int(megabytes)))
    except CompositionError as error:
        return _problem(error)
    if len(text) > MAX_TEXT:
        cause = f"template: {name}: it gives more than {MAX_TEXT // 1_000_000} million signs"
        return Answer(problem=cause, template=name, hint=HINT)
    return Answer(text=text)


def _problem(error: CompositionError) -> Answer:
    return Answer(problem=str(error), hint=error.hint, template=error.template, line=error.line)


@lru_cache(maxsize=4)
def _templates(folder: str) -> MailTemplates:
    return in_process(Path(folder))


@contextlib.contextmanager
def _stopped_after(seconds: float) -> Iterator[None]:
    """Raise OverTimeError in the template when its time is over."""
    if not hasattr(signal, "setitimer"):
        yield  # the parent kills us, and nobody can say where we were
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OverTimeError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # Again as digest/child.py left it: should our parent be gone, the alarm ends us.
        signal.setitimer(signal.ITIMER_REAL, _BACKSTOP_SECONDS)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
