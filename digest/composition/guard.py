"""Pure. What stands between our templates and two libraries that lose things in silence.

MRML prints attribute values with Rust's debug escapes, emits unknown tags as they are and dies on
deep nesting; libxml2 drops what lies deeper than 256, premailer a lower-case doctype.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from digest.composition.mjml_tags import ATTRIBUTES, CHILDREN, VOID
from digest.composition.slots import count
from digest.composition.text import strip_refused
from digest.errors import CompositionError

MAX_MJML_DEPTH = 64
"""MRML overflows its stack near ten thousand; a letter needs some twenty."""

MAX_HTML_DEPTH = 200
"""libxml2 silently drops everything below 256: the footer, the unsubscribe link."""

_TOKEN = re.compile(
    r"<!--.*?-->"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*)"
    r"(?P<attributes>(?:\"[^\"]*\"|'[^']*'|[^\"'<>])*?)(?P<alone>/?)>"
    r"|<",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=/\"']+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"']+))?")
_TAG = re.compile(r"""<[A-Za-z][^\s/>]*(?:\s+[^\s=/>"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)*\s*/?>""")
_VALUE = re.compile(r"""=\s*("[^"]*"|'[^']*')""")
_PLAIN_VALUE = re.compile(r'"[\x20-\x5b\x5d-\x7e]*"')
_SPECIAL = re.compile(r"[^\x20-\x5b\x5d-\x7e]")
_TITLE = re.compile(r"(?<=<mj-title>)[^<]*(?=</mj-title>)")
_NO_TITLE_SIGN = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_POSITION = re.compile(r"at position (\d+):\d+")
_STYLE_START = re.compile(r"<!--.*?-->|<style(?=[ >])", re.DOTALL)
_IGNORE = ' data-premailer="ignore"'
_ACTIVE = frozenset({"applet", "base", "embed", "form", "frame", "iframe", "object", "script"})
"""What acts where it is shown: mail programs drop it, and judge the letter by it."""
_ACTIVE_IN_COMMENT = re.compile(rf"<\s*({'|'.join(sorted(_ACTIVE))})\b", re.IGNORECASE)
_ADDRESSES = frozenset({"action", "background", "background-url", "formaction", "href", "src"})
_ACTING_SCHEME = re.compile(r"(?:javascript|vbscript|data|file):", re.IGNORECASE)
_MAY_ACT = re.compile(
    r"\bon|http-equiv|(?:href|src|action|background(?:-url)?)\s*=\s*"
    r"(?![\"'](?:https?://|mailto:|#|Zq[0-9a-f]))",
    re.IGNORECASE,
)
"""Spares nearly all tags a closer look."""
_UNSEEN = re.compile(r"[\x00-\x20]+")
_DOCTYPE = re.compile(r"<!doctype html>", re.IGNORECASE)
_MSO_SEAM = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that waits for its end: its name, where it began, and what it may hold."""

    name: str
    at: int


def escape_tags(source: str) -> str:
    """Make every attribute value double-quoted printable ASCII, the rest as references.

    MRML prints values through Rust's Debug: an NBSP comes out as its escape, and a double quote
    within single quotes ends the attribute, so that a headline could add attributes of its own.
    The title is one of them, too: MRML repeats it as the aria-label of the whole letter.
    """
    escaped = _TAG.sub(_escape_tag, strip_refused(source))
    return _TITLE.sub(lambda found: _NO_TITLE_SIGN.sub(_reference, found[0]), escaped)


def lint(source: str, *, template: str) -> None:
    """Refuse what MRML would print in silence: unknown tags, stray text, tag soup, what acts.

    Raises:
        CompositionError: at the first fault, with template, line and column.
    """
    stack: list[_Open] = []
    at = 0
    for token in _TOKEN.finditer(source):
        _lint_text(source, at, token.start(), stack, template)
        at = token.end()
        name = token["name"]
        if name is None:
            _lint_stray(source, token, template)
        elif token["close"]:
            _close(source, token, stack, template)
        else:
            _lint_tag(source, token, stack, template)
            if not token["alone"] and name.lower() not in VOID:
                stack.append(_Open(name, token.start()))
                _lint_depth(source, token, stack, template)
    _lint_text(source, at, len(source), stack, template)
    if stack:
        raise _fault(source, stack[-1].at, template, f"<{stack[-1].name}> is never closed")


def mjml_error(source: str, reason: str, *, template: str) -> CompositionError:
    """Turn MRML's complaint, whose positions are byte offsets, into one with line and column.

    `source` is what the template made; MRML was given it with its tags escaped.
    """
    source = strip_refused(source)
    found = _POSITION.search(reason)
    cause = reason.partition(" in root template")[0]
    if not found:
        return CompositionError(f"template: {template}: MJML: {cause}", template=template)
    before = escape_tags(source).encode()[: int(found[1])].decode("utf-8", "replace")
    return _fault(source, _unescaped(source, len(before)), template, f"MJML: {cause}")


def check_depth(html: str, *, template: str) -> None:
    """Refuse HTML that libxml2 would cut off.

    Raises:
        CompositionError: when elements nest deeper than MAX_HTML_DEPTH.
    """
    depth = 0
    for token in _TOKEN.finditer(html):
        name = token["name"]
        if name is None or token["alone"] or name.lower() in VOID:
            continue
        depth += -1 if token["close"] else 1
        if depth > MAX_HTML_DEPTH:
            raise CompositionError(
                f"template: {template}: elements nest more than {MAX_HTML_DEPTH} deep",
                template=template,
                hint="Simplify the template: mail clients cut such letters off.",
            )


def before_inlining(html: str) -> str:
    """Save from premailer what it would drop: the doctype, and every style sheet in the head."""
    html = _DOCTYPE.sub("<!DOCTYPE html>", html, count=1)
    return _STYLE_START.sub(
        lambda found: "<style" + _IGNORE if found[0] == "<style" else found[0], html
    )


def after_inlining(html: str) -> str:
    """Take the marks away again, and join Outlook's comments where one ends and one begins."""
    return _MSO_SEAM.sub("", html.replace(_IGNORE, ""))


def check_inlined(before: str, after: str, *, nonce: str, template: str) -> None:
    """Make sure that inlining lost nothing: slots, the end, dark mode, Outlook's comments.

    Raises:
        CompositionError: naming what is missing.
    """
    for lost in _losses(before, after, nonce):
        raise CompositionError(
            f"template: {template}: inlining the styles lost {lost}",
            template=template,
            hint="The letter was not composed. Look for elements nested very deep.",
        )


def _losses(before: str, after: str, nonce: str) -> Iterator[str]:
    if nonce and count(before, nonce) != count(after, nonce):
        yield "a reader's slot"
    if not after.rstrip().endswith("</html>"):
        yield "the end of the letter"
    if not after.startswith("<!DOCTYPE html>"):
        yield "the doctype"
    for mark in ("@media", "!important", "<!--[if"):
        if before.count(mark) > after.count(mark):
            yield mark


def _escape_tag(found: re.Match[str]) -> str:
    tag = found[0]
    return tag if tag.isascii() and _is_plain(tag) else _VALUE.sub(_escape_value, tag)


def _is_plain(tag: str) -> bool:
    return tag.isprintable() and "'" not in tag and "\\" not in tag


def _escape_value(found: re.Match[str]) -> str:
    value = found[1]
    if _PLAIN_VALUE.fullmatch(value):
        return found[0]
    inner = value[1:-1].replace('"', "&quot;")
    return '="' + _SPECIAL.sub(_reference, inner) + '"'


def _unescaped(source: str, offset: int) -> int:
    """Find where an offset in the escaped source lies in the source; within a tag, its start."""
    longer = 0
    for tag in _TAG.finditer(source):
        start = tag.start() + longer
        if start > offset:
            break
        written = len(_escape_tag(tag))
        if offset < start + written:
            return tag.start() if written != len(tag[0]) else offset - longer
        longer += written - len(tag[0])
    return offset - longer


def _reference(found: re.Match[str]) -> str:
    return " " if found[0] in "\t\r\n" else f"&#{ord(found[0])};"


def _lint_text(source: str, start: int, end: int, stack: list[_Open], template: str) -> None:
    inner = stack[-1].name if stack else ""
    if (not stack or inner in CHILDREN) and (text := source[start:end]).strip():
        at = start + len(text) - len(text.lstrip())
        place = f"directly in <{inner}>" if inner else "outside <mjml>"
        raise _fault(source, at, template, f"text stands {place}")


def _lint_stray(source: str, token: re.Match[str], template: str) -> None:
    if token[0] == "<":
        raise _fault(source, token.start(), template, 'a stray "<" (write &lt;)')
    if found := _ACTIVE_IN_COMMENT.search(token[0]):
        at = token.start() + found.start()
        raise _fault(source, at, template, f"<{found[1].lower()}> may not stand in a letter")


def _close(source: str, token: re.Match[str], stack: list[_Open], template: str) -> None:
    name = token["name"]
    if stack and stack[-1].name == name:
        stack.pop()
        return
    expected = f"; <{stack[-1].name}> is open" if stack else ""
    raise _fault(source, token.start(), template, f"</{name}> closes nothing{expected}")


def _lint_tag(source: str, token: re.Match[str], stack: list[_Open], template: str) -> None:
    name = token["name"]
    parent = stack[-1].name if stack else ""
    if parent in CHILDREN or not parent:
        allowed = CHILDREN[parent] if parent else {"mjml"}
        if name not in allowed:
            known = name in ATTRIBUTES
            why = f"may not stand in <{parent or 'nothing'}>" if known else "is not known"
            raise _fault(source, token.start(), template, f"<{name}> {why}")
    elif name.lower().startswith("mj"):
        raise _fault(source, token.start(), template, f"<{name}> may not stand in text")
    if name in ATTRIBUTES:
        _lint_attributes(source, token, parent, template)
    _lint_active(source, token, template)


def _lint_active(source: str, token: re.Match[str], template: str) -> None:
    """Refuse what would act: a template or a catalog may print it, and so may a word made safe."""
    name = token["name"].lower()
    if name in _ACTIVE:
        raise _fault(source, token.start(), template, f"<{name}> may not stand in a letter")
    if not _MAY_ACT.search(token["attributes"]):
        return
    for found in _ATTRIBUTE.finditer(token["attributes"]):
        attribute = found[1].lower()
        acts = attribute.startswith("on") or (name == "meta" and attribute == "http-equiv")
        if acts or (attribute in _ADDRESSES and _acts(found[2] or "")):
            at = token.start("attributes") + found.start()
            raise _fault(source, at, template, f"<{name}> may not have this {attribute}")


def _acts(value: str) -> bool:
    """Tell whether an address runs something; programs skip white space within its scheme."""
    bare = unescape(value.strip("\"'"))
    return _ACTING_SCHEME.match(_UNSEEN.sub("", bare)) is not None


def _lint_attributes(source: str, token: re.Match[str], parent: str, template: str) -> None:
    name = token["name"]
    allowed = ATTRIBUTES[name] | ({"name"} if name == "mj-class" else frozenset())
    if parent == "mj-attributes" and name in {"mj-all", "mj-class"}:
        allowed = allowed.union(*ATTRIBUTES.values())
    for found in _ATTRIBUTE.finditer(token["attributes"]):
        if found[1] not in allowed:
            at = token.start("attributes") + found.start()
            raise _fault(source, at, template, f"<{name}> has no attribute {found[1]!r}")


def _lint_depth(source: str, token: re.Match[str], stack: list[_Open], template: str) -> None:
    if len(stack) > MAX_MJML_DEPTH:
        cause = f"elements nest more than {MAX_MJML_DEPTH} deep"
        raise _fault(source, token.start(), template, cause)


def _fault(source: str, at: int, template: str, cause: str) -> CompositionError:
    breaks = [found.start() for found in re.finditer("\n", source)]
    line = bisect_right(breaks, at - 1) + 1
    column = at - (breaks[line - 2] + 1 if line > 1 else 0) + 1
    return CompositionError(
        f"template: {template}: {cause} (line {line}, column {column} of the MJML it makes)",
        template=template,
        line=line,
        column=column,
        hint="Mend the template, and try it with: digest templates check",
    )
