"""Pure. Checks of size: what mail programs cut off, drop or refuse because it is too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from digest.checks.markup_tree import tree_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.where import in_page

_NEARLY = 0.9
CSS_WARN: Final = 12_000
CSS_BLOCK: Final = 16_000
LONGEST_LINE: Final = 998
"""RFC 5322, 2.1.1: bytes without the line break."""
LARGEST_MESSAGE: Final = 10_000_000
_TOLD_BLOCKS = 3


def _html(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    size = len(page.html.encode("utf-8", errors="replace"))
    if size < limits.html_warn:
        return
    said = f"The HTML has {kilobytes(size)} for the reader with the most in it"
    place, fix = Place(Part.HTML), "Take stories out, or give fewer of them pictures and texts."
    if size >= limits.html_block:
        sentence = (
            f"{said}; from {kilobytes(limits.html_block)} on Gmail may cut it off before its end."
        )
        yield Found(sentence, fix, place, Severity.BLOCK)
        return
    nearly = "nearly " if size >= _NEARLY * limits.html_block else ""
    yield Found(f"{said}: {nearly}the {kilobytes(limits.html_block)} it may have.", fix, place)


def _css(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    size = sum(sheet.size for sheet in tree_of(page).sheets)
    if size > CSS_WARN:
        yield Found(
            f"The style sheets have {kilobytes(size)}; Gmail drops them all at about"
            f" {kilobytes(CSS_BLOCK)}.",
            "Take rules that nothing needs out of phone.css, dark.css or your own template.",
            Place(Part.HTML),
            Severity.BLOCK if size > CSS_BLOCK else None,
        )


def _nested(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for sheet in tree_of(page).sheets:
        for rule in sheet.at_rules:
            if rule.depth:
                yield Found(
                    f"{rule.name} stands inside another rule of a style sheet, for which Gmail"
                    " drops the whole sheet.",
                    "Write the at-rules one after the other, and join media queries with `and`.",
                    in_page(rule.line, f"{rule.name} {rule.prelude}"),
                )


def _lines(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for number, line in enumerate(page.message.split(b"\n"), start=1):
        length = len(line.rstrip(b"\r"))
        if length > LONGEST_LINE:
            yield Found(
                f"Line {number} of the message has {length:,} bytes; mail servers refuse or break"
                f" lines of more than {LONGEST_LINE}.",
                "Tell the makers of this program: it encodes lines so that this cannot be.",
                Place(Part.HEADERS, line=number, quote=line[:60].decode("utf-8", "replace")),
            )
            return


def _message(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    if len(page.message) > LARGEST_MESSAGE:
        yield Found(
            f"The whole message has {kilobytes(len(page.message))}; many servers refuse more than"
            f" {kilobytes(LARGEST_MESSAGE)}.",
            "Take out whatever is so large: pictures belong on the web, and not into the message.",
            Place(Part.HEADERS),
        )


def _blocks(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    if len(page.html.encode("utf-8", errors="replace")) < limits.html_warn or not page.blocks:
        return
    largest = sorted(page.blocks.items(), key=lambda each: each[1], reverse=True)[:_TOLD_BLOCKS]
    told = ", ".join(f"{name} {kilobytes(size)}" for name, size in largest)
    yield Found(
        f"The largest blocks of the HTML are {told}.",
        "Shorten those first.",
        Place(Part.HTML, quote=largest[0][0]),
    )


def kilobytes(size: int) -> str:
    """Write a number of bytes as kilobytes of 1,000, or as megabytes."""
    if size >= 1_000_000:  # noqa: PLR2004 - a megabyte
        return f"{size / 1_000_000:.1f} MB"
    return f"{size / 1000:.0f} KB" if size >= 10_000 else f"{size / 1000:.1f} KB"  # noqa: PLR2004 - where a decimal tells nothing


RULES: Final[tuple[Rule, ...]] = (
    Rule("S01", "HTML too large", Severity.WARN, look_at_page=_html),
    Rule("S02", "Style sheets too large", Severity.WARN, look_at_page=_css),
    Rule("S03", "At-rule inside another", Severity.BLOCK, look_at_page=_nested),
    Rule("S04", "Line too long for mail", Severity.BLOCK, look_at_page=_lines),
    Rule("S06", "Message too large", Severity.BLOCK, look_at_page=_message),
    Rule("S07", "Size by block", Severity.INFO, look_at_page=_blocks),
)
