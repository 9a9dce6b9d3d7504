"""Door to mjml and premailer: MJML in, inlined HTML out, nothing lost on the way."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import cssutils
import mjml
from lxml.etree import LxmlError
from premailer import Premailer
from premailer.cache import cache, cache_access_lock

from digest.composition import guard
from digest.composition.text import strip_refused
from digest.errors import CompositionError

cssutils.log.setLevel(logging.CRITICAL)  # it reports each mso- and -webkit- property
cssutils.ser.prefs.minimizeColorHash = False  # Outlook's old engine reads six digits only

_OPTIONS: dict[str, Any] = {
    "strip_important": False,
    "allow_network": False,
    "allow_loading_external_files": False,
    "disable_leftover_css": True,
    "disable_validation": True,
    "align_floating_images": False,
    "cssutils_logging_level": logging.CRITICAL,
    "disable_basic_attributes": ["width", "height", "align", "valign", "bgcolor"],
}


_FAULTS = (TypeError, AttributeError, ValueError, SyntaxError, LxmlError)

_Rules = tuple[list[Any], list[Any]]
_MOST_SHEETS = 16


class _Inliner(Premailer):  # type: ignore[misc]
    """Premailer that reads a style sheet once: serialising its rules costs more than all else.

    It has no public way to say so. A premailer that calls this no more is slower and as right, and
    one of the tests fails.
    """

    _known: ClassVar[dict[tuple[str, int], _Rules]] = {}

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> _Rules:
        key = css_body, ruleset_index
        known = self._known.get(key)
        if known is None:
            known = super()._parse_style_rules(css_body, ruleset_index)
            if len(self._known) >= _MOST_SHEETS:  # a preview that follows an edited sheet
                self._known.clear()
            self._known[key] = known
        return list(known[0]), list(known[1])


def to_html(mjml_source: str, *, css: str, nonce: str = "", template: str = "letter") -> str:
    """Compile MJML and write the rules of `css` into style attributes.

    `nonce` names the slots that must survive; empty where there are none.

    Raises:
        CompositionError: for MJML that is wrong or unknown, and when anything was lost.
    """
    source = strip_refused(mjml_source)  # first: else a control could hide a tag from the lint
    guard.lint(source, template=template)
    compiled = _compile(source, template)
    guard.check_depth(compiled, template=template)
    before = guard.before_inlining(compiled)
    inlined = _inline(before, css, template)
    guard.check_inlined(before, inlined, nonce=nonce, template=template)
    return guard.after_inlining(inlined)


def _compile(source: str, template: str) -> str:
    try:
        # Without `fonts={}` a mapped font name would pull web fonts from a third party.
        escaped = guard.escape_tags(source)
        compiled: str = mjml.mjml2html(escaped, fonts={}, disable_comments=True)
    except ValueError as error:
        raise guard.mjml_error(source, str(error), template=template) from error
    return compiled


def _inline(html: str, css: str, template: str) -> str:
    try:
        return _transform(html, css)
    except _FAULTS:
        # premailer keeps three functions' results in one cache by arguments alone: a style equal
        # to a selector poisons it for every later letter.
        with cache_access_lock:
            cache.clear()
    try:
        return _transform(html, css)
    except _FAULTS as error:
        raise CompositionError(
            f"template: {template}: the styles cannot be inlined: {error}",
            template=template,
            hint="Look at _base/inline.css and at the style attributes in the template.",
        ) from error


def _transform(html: str, css: str) -> str:
    inlined: str = _Inliner(html, css_text=css, **_OPTIONS).transform(pretty_print=False)
    return inlined
