"""Door to jinja2: the mail templates, a publisher's own folder first, errors with their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from jinja2 import Environment, TemplateNotFound, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from digest.composition import layout
from digest.composition.dates import date_words, direction
from digest.composition.language import ENGLISH, Language
from digest.composition.links import mailto, safe_link
from digest.composition.rendering import Apart, OverTimeError
from digest.composition.template_faults import Absent, fault
from digest.composition.template_folders import Folders
from digest.composition.template_marks import Marking, find_origin
from digest.composition.text import clean, shorten, wrap72
from digest.errors import CompositionError, SettingsError
from digest.resources import data_folder

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_LONGEST = 1_000_000
"""Signs that `"x" * n` may make in a publisher's own template."""


class MailTemplates:
    """The mail templates: `render("daily/body.mjml", letter=…)`.

    Ours are rendered in this process; with a publisher's folder all are, in a sandbox, in a child
    that can be killed.
    """

    def __init__(self, folders: Folders, *, apart: Apart | None = None) -> None:
        """Take where the templates are, and the children that render them; see `load_templates`."""
        self._folders = folders
        self._environment = _environment(folders)
        self._apart = apart

    def render(self, name: str, /, *, language: Language = ENGLISH, **facts: object) -> str:
        """Render one template; its `_`, `ngettext` and `plural` speak `language`.

        Raises:
            CompositionError: naming template and line, for any fault in it.
        """
        return self._render(name, facts, language=language)

    def marked(self, name: str, /, *, language: Language = ENGLISH, **facts: object) -> str:
        """Render a template with the marks of its lines; see template_marks.py."""
        return self._render(name, facts, language=language, is_marked=True)

    def located(
        self,
        error: CompositionError,
        name: str,
        source: str,
        /,
        *,
        language: Language = ENGLISH,
        **facts: object,
    ) -> CompositionError:
        """Add to a fault in the MJML `source` which line of which template made that place.

        The error is given back as it is when it has no place in what `name` makes of the facts.
        """
        if error.template != name or not error.line:
            return error
        marked = self.marked(name, language=language, **facts)
        origin = find_origin(marked, source=source, line=error.line, column=error.column or 1)
        if origin is None:
            return error
        return CompositionError(
            f"{error}; it comes from {origin.template}, line {origin.line}",
            template=origin.template,
            line=origin.line,
            hint=error.hint,
        )

    def has(self, name: str) -> bool:
        """Tell whether there is a template of that name."""
        try:
            self.source(name)
        except TemplateNotFound:
            return False
        except CompositionError:  # it is there, and rendering it will say what is wrong
            return True
        return True

    def source(self, name: str) -> str:
        """Give a template's own text; ours alone for a name that begins with `house/`.

        Raises LookupError when there is none of that name, and CompositionError.
        """
        return self._folders.get_source(self._environment, name)[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Every template there is, as "daily/body.mjml"."""
        return tuple(self._folders.list_templates())

    @property
    def own(self) -> tuple[str, ...]:
        """The templates in the publisher's folder."""
        return tuple(self._folders.own())

    @property
    def house(self) -> tuple[str, ...]:
        """The templates that come with us."""
        return tuple(self._folders.house())

    def close(self) -> None:
        """End the children that render, if there are any."""
        if self._apart is not None:
            self._apart.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _marking(self) -> Environment:
        return self._environment.overlay(extensions=[Marking])

    def _render(
        self,
        name: str,
        facts: Mapping[str, object],
        *,
        language: Language,
        is_marked: bool = False,
    ) -> str:
        if self._apart is not None:
            return self._apart.render(name, facts, language=language, is_marked=is_marked)
        environment = self._marking if is_marked else self._environment
        try:
            return environment.get_template(name).render(
                {**facts, **phrases(language), "language": language}
            )
        except (MemoryError, OverTimeError):
            raise
        except Exception as error:
            raise fault(error, name, filters=environment.filters) from error


def load_templates(
    publisher: Path | None = None, *, seconds: float = 5.0, megabytes: int = 256
) -> MailTemplates:
    """Open the mail templates; a publisher's folder comes first and makes all run apart.

    `seconds` and `megabytes` are what one template of that installation may take.

    Raises:
        SettingsError: when that folder is not there.
    """
    if publisher is None:
        return in_process()
    if not publisher.is_dir():
        raise SettingsError(
            f"settings: site.templates: {publisher}: there is no such folder",
            hint="Make it with: digest templates new daily/body.mjml --block foot",
        )
    apart = Apart(publisher, seconds=seconds, megabytes=megabytes)
    return MailTemplates(_folders(publisher), apart=apart)


def in_process(publisher: Path | None = None) -> MailTemplates:
    """Open templates that are rendered here: ours, or in the child that was made for it."""
    return MailTemplates(_folders(publisher))


def _folders(publisher: Path | None) -> Folders:
    return Folders(data_folder("templates") / "mail", publisher)


def _environment(folders: Folders) -> Environment:
    kind: Callable[..., Environment] = _Sandbox if folders.has_publisher else Environment
    environment = kind(
        loader=folders,
        autoescape=_escapes,
        undefined=Absent,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_FILTERS)
    return environment


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
