"""Pure. Checks of pictures: their words, their size on the page, and what kind of file they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from digest.checks.markup_tree import Node, tree_of
from digest.checks.model import Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.styles import LIGHT
from digest.checks.told import stories
from digest.checks.where import place_of
from digest.composition.model import Shot

LONGEST_ALT: Final = 125
LEAST_TEXT: Final = 500
_FAR = 0.1
_FILE_NAME = re.compile(
    r"(?i)\S*\.(?:jpe?g|png|gif|webp|avif|svg|heic|bmp|tiff?)"
    r"|(?:img|image|dsc|dscn|pxl|photo|picture|screenshot|screen shot|untitled|logo)[-_ ]?[\d_-]*"
)
_FORMAT = re.compile(r"(?i)\.(webp|avif|svgz?|heic|heif|bmp|tiff?|ico|apng|jxl)$")
_PIXELS = re.compile(r"[1-9]\d{0,4}")


def pictures_of(page: Page) -> list[Node]:
    """Give the pictures of a page, in the order of the source."""
    return list(tree_of(page).all("img"))


def _no_alt(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in pictures_of(page):
        if "alt" not in node.attributes:
            yield Found(
                f"The picture {_named(node)} has no alt attribute.",
                'Say what it shows, or write alt="" if the words beside it say the same.',
                place_of(page, node),
            )


def _poor_alt(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in pictures_of(page):
        alt = node.get("alt").strip()
        if not alt:
            continue
        if _FILE_NAME.fullmatch(alt):
            said, fix = "is the name of a file", "Say in a few words what the picture shows."
        elif len(alt) > LONGEST_ALT:
            said = f"has {len(alt)} characters, more than {LONGEST_ALT}"
            fix = "Say it shorter: a screen reader cannot be stopped half-way through it."
        elif _repeats(node, alt):
            said = "says the same as the words in the same link"
            fix = 'Write alt="": else it is read out twice.'
        else:
            continue
        yield Found(
            f"The description of the picture, “{alt[:60]}”, {said}.", fix, place_of(page, node, alt)
        )


def _repeats(node: Node, alt: str) -> bool:
    link = next((each for each in node.around() if each.tag == "a"), None)
    return link is not None and link.words.casefold() == alt.casefold()


def _width(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    for node in pictures_of(page):
        width = node.get("width").strip()
        if not _PIXELS.fullmatch(width):
            said = f"has the width {width!r}" if width else "has no width attribute"
            yield Found(
                f"The picture {_named(node)} {said}; Outlook then shows it as large as its file.",
                'Write the pixels without a unit, as width="600".',
                place_of(page, node),
            )


def _kind(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    for node in pictures_of(page):
        source = node.get("src").strip()
        scheme = source.partition(":")[0].lower()
        if not source:
            yield Found(
                f"The picture {_named(node)} has no address.",
                "Give it one, or take it away.",
                place_of(page, node),
            )
        elif scheme in {"data", "cid"}:
            yield Found(
                f"The picture {_named(node)} is written into the message ({scheme}:), which Gmail"
                " and Outlook do not show.",
                "Put it on the web and give its https:// address.",
                place_of(page, node, f"{scheme}:"),
            )
        elif found := _FORMAT.search(source.partition("?")[0].partition("#")[0]):
            yield _unknown_kind(page, node, found[1].lower(), limits)


def _unknown_kind(page: Page, node: Node, kind: str, limits: Limits) -> Found:
    needs_outlook = any(each.partition(".")[0] == "outlook" for each in limits.clients)
    is_mild = kind == "webp" and not needs_outlook
    return Found(
        f"The picture {_named(node)} is a {kind.upper()} file, which some mail programs do not"
        " show.",
        "Use JPEG for photographs and PNG for drawings.",
        place_of(page, node),
        Severity.WARN if is_mild else None,
    )


def _ratio(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    shots = _shots(page)
    for node in pictures_of(page):
        shot = shots.get(node.get("src"))
        width, height = node.get("width"), node.get("height")
        if shot is None or not (_PIXELS.fullmatch(width) and _PIXELS.fullmatch(height)):
            continue
        shown, own = int(width) / int(height), shot.width / shot.height
        if abs(shown - own) > _FAR * own:
            yield Found(
                f"The picture {_named(node)} is {shot.width} by {shot.height} and shown"
                f" {width} by {height}: it is squeezed.",
                "Let the template give the width and the height of the picture itself.",
                place_of(page, node),
            )


def _shots(page: Page) -> dict[str, Shot]:
    return {one.piece.shot.url: one.piece.shot for one in stories(page) if one.piece.shot}


def _only_pictures(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    tree = tree_of(page)
    looks = tree.looks(LIGHT)
    shown = [node for node in pictures_of(page) if not looks[node.index].is_hidden]
    written = sum(len(node.own_words) for node in tree.nodes if not looks[node.index].is_hidden)
    if shown and written < LEAST_TEXT:
        yield Found(
            f"The letter has {len(shown)} pictures and only {written} characters of text.",
            "Say in words what matters: many read without pictures, and filters mistrust such"
            " mail.",
            Place(Part.HTML),
        )


def _named(node: Node) -> str:
    alt = node.get("alt").strip()
    name = node.get("src").partition("?")[0].rpartition("/")[2]
    return f"“{alt[:60]}”" if alt else name[:60] or "without an address"


RULES: Final[tuple[Rule, ...]] = (
    Rule("M01", "Picture without alt", Severity.BLOCK, look_at_page=_no_alt),
    Rule("M02", "Poor description of a picture", Severity.WARN, look_at_page=_poor_alt),
    Rule("M03", "Picture without a width", Severity.BLOCK, look_at_page=_width),
    Rule("M05", "Kind of picture not shown everywhere", Severity.BLOCK, look_at_page=_kind),
    Rule("M07", "Squeezed picture", Severity.WARN, look_at_page=_ratio),
    Rule("M08", "Nothing but pictures", Severity.WARN, look_at_page=_only_pictures),
)
