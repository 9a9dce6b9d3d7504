"""Door to jinja2: the mail templates, a publisher's own folder first, errors with their place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from typing import Any, ClassVar

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    pass_eval_context,
)
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from digest.composition import layout
from digest.composition.dates import date_words, direction
from digest.composition.language import ENGLISH, Language
from digest.composition.links import mailto, safe_link
from digest.composition.text import clean, shorten, wrap72
from digest.errors import CompositionError
from digest.resources import data_folder

_FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template can make Python raise."""

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_LONGEST = 1_000_000
"""Signs that `"x" * n` may make in a publisher's own template."""


class MailTemplates:
    """The mail templates: `render("daily/body.mjml", letter=…)`."""

    def __init__(self, environment: Environment) -> None:
        """Wrap a Jinja environment; `load_templates` makes the usual one."""
        self._environment = environment

    def render(self, name: str, /, *, language: Language = ENGLISH, **facts: object) -> str:
        """Render one template; its `_`, `ngettext` and `plural` speak `language`.

        Raises:
            CompositionError: naming template and line, for any fault in it.
        """
        try:
            return self._environment.get_template(name).render(
                {**facts, **phrases(language), "language": language}
            )
        except TemplateSyntaxError as error:
            where = error.name or name
            raise _failed(where, error.lineno, str(error.message)) from error
        except TemplateNotFound as error:
            raise CompositionError(
                f"template: {error.name or name}: not found",
                template=name,
                hint="Which templates the settings may name: digest config check",
            ) from error
        except CompositionError:
            raise
        except _FAULTS as error:
            where, line = _place(error, name)
            raise _failed(where, line, str(error) or type(error).__name__) from error

    def has(self, name: str) -> bool:
        """Tell whether there is a template of that name."""
        try:
            self._environment.get_template(name)
        except TemplateNotFound:
            return False
        except TemplateSyntaxError:
            return True
        return True


def phrases(language: Language) -> dict[str, Callable[..., Any]]:
    """Give what templates translate with; values in HTML are escaped, our own words are not."""

    @pass_eval_context
    def translated(context: EvalContext, words: str, /, **values: object) -> str:
        said = language.say(words)
        said = Markup(said) if context.autoescape else said  # noqa: S704 - from our own catalogs
        return said % values if values else said

    @pass_eval_context
    def numbered(context: EvalContext, one: str, many: str, number: int, /) -> str:
        said = language.count(one, many, number)
        return Markup(said) if context.autoescape else said  # noqa: S704 - from our own catalogs

    return {"_": translated, "ngettext": numbered, "plural": language.plural}


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, and no `"x" * 1000000000`, which it lets through."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"*", "**"})  # type: ignore[misc]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse products that would fill the memory."""
        if operator == "**" or _product_size(left, right) > _LONGEST:
            raise SecurityError(f"{operator!r} with such values is not allowed in a template")
        return super().call_binop(context, operator, left, right)


def load_templates(publisher: Path | None = None) -> MailTemplates:
    """Open the mail templates; a publisher's folder comes first and makes all run sandboxed."""
    own = data_folder("templates") / "mail"
    folders = [own] if publisher is None else [publisher, own]
    kind: Callable[..., Environment] = Environment if publisher is None else _Sandbox
    environment = kind(
        loader=FileSystemLoader(folders),
        autoescape=_escapes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_FILTERS)
    return MailTemplates(environment)


def _escapes(name: str | None) -> bool:
    return name is None or not name.endswith(".txt")


def _colour(value: str) -> str:
    """Let only #rrggbb into a style sheet: escaping does not protect CSS."""
    if not _COLOUR.fullmatch(value):
        raise CompositionError(
            f"colour: {value!r}: not of the form #rrggbb",
            hint='Write six digits in digest.toml: brand = { accent = "#0B4F8A" }',
        )
    return value


_FILTERS: dict[str, Callable[..., Any]] = {
    "clean": clean,
    "colour": _colour,
    "date_words": date_words,
    "direction": direction,
    "link": safe_link,
    "mailto": mailto,
    "ruled": layout.ruled,
    "shorten": shorten,
    "spread": layout.spread,
    "hang": layout.hang,
    "wrap72": wrap72,
}


def _product_size(left: object, right: object) -> int:
    sizes = [len(side) for side in (left, right) if isinstance(side, (str, list, tuple))]
    times = [abs(side) for side in (left, right) if isinstance(side, int)]
    return sizes[0] * times[0] if sizes and times else 0


def _place(error: BaseException, name: str) -> tuple[str, int | None]:
    """Find the innermost template frame: Jinja rewrites its tracebacks to show them."""
    place: tuple[str, int | None] = name, None
    for frame, line in walk_tb(error.__traceback__):
        if frame.f_code.co_filename.endswith((".mjml", ".txt", ".css")):
            place = _short_name(frame.f_code.co_filename), line
    return place


def _short_name(filename: str) -> str:
    return "/".join(Path(filename).parts[-2:])


def _failed(template: str, line: int | None, cause: str) -> CompositionError:
    where = f"{template}, line {line}" if line else template
    return CompositionError(
        f"template: {where}: {cause}",
        template=template,
        line=line,
        hint="Mend the template and look at it with: digest preview",
    )
