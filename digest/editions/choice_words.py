"""Pure. A choice in words, to stand after the name of whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from digest.editions.choices import story_before
from digest.editions.model import Act, NewChoice, Place
from digest.editions.placing import FIRST, LAST
from digest.editions.reasons import quoted


def in_words(
    what: NewChoice, *, headlines: Mapping[int, str] = MappingProxyType({}), of: int | None = None
) -> str:
    """Say what was chosen, to stand after a name: `dropped “Ferry returns” from this edition`.

    `headlines` are those of the stories in it, `of` is the number of the row undone or redone.
    """
    template = _TAKEN_BACK.get(what.act) if not (what.text or what.url) else None
    template = template or _SAID.get(what.act)
    if template is None:
        return f"chose “{quoted(str(what.act))}”, which only a newer version understands"
    before = _named(story_before(what.place), headlines)
    return template.format(
        story=_named(what.article_id, headlines),
        move=_MOVES.get(what.place, f"before {before}"),
        section=_SECTIONS.get(what.place, f"the section {quoted(what.place)}"),
        text=quoted(what.text),
        language=f" ({what.language})" if what.language else "",
        url=what.url,
        of="nothing" if of is None else f"no. {of}",
    )


_SAID: Mapping[str, str] = {
    Act.PIN: "pinned {story}",
    Act.UNPIN: "unpinned {story}",
    Act.DROP: "dropped {story} from this edition",
    Act.DROP_ALWAYS: "dropped {story} for good",
    Act.MOVE: "moved {story} {move}",
    Act.LEAD: "made {story} the lead",
    Act.SECTION: "put {story} into {section}",
    Act.HEADLINE: "reworded the headline of {story}{language}: “{text}”",
    Act.STANDFIRST: "reworded the standfirst of {story}{language}: “{text}”",
    Act.PICTURE: "gave {story} the picture {url}",
    Act.RESET: "gave {story} back to the rules",
    Act.SUBJECT: "wrote the subject{language}: “{text}”",
    Act.PREHEADER: "wrote the preheader{language}: “{text}”",
    Act.NOTE: "wrote the note{language}: “{text}”",
    Act.SPONSOR: "booked the sponsor's line “{text}”",
    Act.UNDO: "took back {of}",
    Act.REDO: "brought back {of}",
}
_TAKEN_BACK: Mapping[str, str] = {
    Act.HEADLINE: "gave {story} its own headline back{language}",
    Act.STANDFIRST: "gave {story} its own standfirst back{language}",
    Act.PICTURE: "took the picture of {story} out",
    Act.SUBJECT: "gave the subject{language} back to the rules",
    Act.PREHEADER: "gave the preheader{language} back to the rules",
    Act.NOTE: "took the note{language} out",
    Act.SPONSOR: "took the sponsor's line out",
}
_MOVES = {FIRST: "to the first place", LAST: "to the last place"}
_SECTIONS: Mapping[str, str] = {Place.TOP: "the top stories", Place.BRIEF: "In brief"}


def _named(story: int | None, headlines: Mapping[int, str]) -> str:
    if story is None:
        return "no story"
    return f"“{quoted(headlines[story])}”" if story in headlines else f"story #{story}"
