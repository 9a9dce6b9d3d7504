"""Door to jinja2's errors: what went wrong in a template, in words, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import partial
from traceback import walk_tb
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.environment import TemplateModule
from jinja2.utils import missing

from digest.composition.template_folders import MARK
from digest.errors import CompositionError

_MOST_NAMES = 40
_MOST_CHARACTERS = 500
_HINT = "Mend the template, and try it with: digest templates check"
_NOT_SAID = frozenset({"self", "varargs", "kwargs", "caller", *DEFAULT_NAMESPACE})


class UnknownNameError(UndefinedError):
    """A template used a name that nothing has: `owner` is the value asked for it, if any."""

    def __init__(self, message: str | None = None, *, name: str, owner: object = missing) -> None:
        """Keep the name and whom it was asked of."""
        super().__init__(message)
        self.name = name
        self.owner = owner


class Absent(StrictUndefined):
    """What a template gets for an unknown name; using it tells what is known in its place."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        """Remember the name and whom it was asked of; a `hint` of Jinja's own says enough."""
        if hint is None:
            exc = partial(UnknownNameError, name=str(name), owner=obj)
        super().__init__(hint, obj, name, exc)


def fault(error: BaseException, name: str, *, filters: Iterable[str] = ()) -> CompositionError:
    """Turn whatever a template made Python raise into one sentence with template and line."""
    where, line, around = _place(error.__traceback__, name)
    if isinstance(error, TemplateSyntaxError):
        shown = (error.filename or "").removeprefix(MARK) or where
        return _failed(shown, error.lineno, _syntax(error, filters))
    if isinstance(error, TemplateNotFound):
        return _not_found(error, where if line else "", line)
    if isinstance(error, CompositionError):
        return _with_place(error, where, line)
    if isinstance(error, UnknownNameError):
        return _failed(where, line, _unknown(error, around))
    if isinstance(error, RecursionError):
        return _failed(where, line, "it includes or calls itself without end")
    return _failed(where, line, str(error)[:_MOST_CHARACTERS] or type(error).__name__)


def place(error: BaseException, name: str) -> tuple[str, int | None]:
    """Give the innermost template and line that an error went through."""
    where, line, _ = _place(error.__traceback__, name)
    return where, line


def near(word: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)` where one of the known words is near, else nothing."""
    found = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _place(trace: TracebackType | None, name: str) -> tuple[str, int | None, Mapping[str, object]]:
    """Find the innermost template frame: Jinja rewrites its traces to show them and their names."""
    found: tuple[str, int | None, Mapping[str, object]] = name, None, {}
    for frame, line in walk_tb(trace):
        if frame.f_code.co_filename.startswith(MARK):
            found = frame.f_code.co_filename.removeprefix(MARK), line, frame.f_locals
    return found


def _unknown(error: UnknownNameError, around: Mapping[str, object]) -> str:
    if error.owner is missing:
        known = sorted({each for each in around if _is_said(each)} - _NOT_SAID)
        said = f"there is no {error.name!r} here{near(error.name, known)}"
        return f"{said}; known here: {_listed(known)}"
    if error.owner is None:
        return (
            f"there is nothing to take {error.name!r} from: the value before it is empty (none);"
            " ask first with {% if … %}"
        )
    kind = _kind(error.owner)
    known = _names_of(error.owner)
    if not known:
        return f"there is no {error.name!r} in {kind}"
    return (
        f"there is no {error.name!r} in {kind}{near(error.name, known)}; it has: {_listed(known)}"
    )


def _names_of(owner: object) -> list[str]:
    if isinstance(owner, Mapping):
        return sorted(str(key) for key in owner)
    if isinstance(owner, (str, int, float, list, tuple)):
        return []
    return sorted(each for each in dir(owner) if _is_said(each))


def _kind(owner: object) -> str:
    words = {str: "a text", int: "a number", bool: "a yes or no", list: "a list", tuple: "a list"}
    if isinstance(owner, Mapping):
        return "these facts"
    if isinstance(owner, TemplateModule):
        return "these macros"
    return words.get(type(owner)) or type(owner).__name__


def _is_said(name: str) -> bool:
    return not name.startswith("_")


def _listed(names: list[str]) -> str:
    more = "" if len(names) <= _MOST_NAMES else f" and {len(names) - _MOST_NAMES} more"
    return (", ".join(names[:_MOST_NAMES]) or "nothing") + more


def _syntax(error: TemplateSyntaxError, filters: Iterable[str]) -> str:
    message = str(error.message).rstrip(".")
    word = message.partition("No filter named '")[2].rstrip("'")
    return message + near(word, filters) if word else message


def _not_found(error: TemplateNotFound, where: str, line: int | None) -> CompositionError:
    hint = "Our own templates are there under house/, as house/daily/body.mjml."
    if where:
        failed = _failed(where, line, f"there is no template {error.name!r}")
        failed.hint = hint
        return failed
    return CompositionError(
        f"template: {error.name}: not found",
        template=str(error.name),
        hint="Which templates the settings may name: digest config check",
    )


def _with_place(error: CompositionError, where: str, line: int | None) -> CompositionError:
    if error.template or line is None:
        return error
    failed = _failed(where, line, str(error))
    failed.hint = error.hint or failed.hint
    return failed


def _failed(template: str, line: int | None, cause: str) -> CompositionError:
    where = f"{template}, line {line}" if line else template
    return CompositionError(f"template: {where}: {cause}", template=template, line=line, hint=_HINT)
