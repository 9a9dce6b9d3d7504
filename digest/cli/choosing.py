"""The command choose: pin, drop, move and reword the stories of an edition to come."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from digest.cli.editions import account, tell_steps
from digest.cli.opening import address_of, newsletter_named, opened
from digest.cli.output import json_option, mark, say, say_wrapped, show
from digest.cli.wording import counted, cut, long_time, plain, short_time
from digest.editions.model import Act, NewChoice
from digest.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.choice_store import HistoryLine
    from digest.editions.model import Candidate, Newsletter
    from digest.sources.model import Article
    from digest.workflow.choose import Chosen, Target

_HEADLINE_COLUMNS = 66
_NAME_COLUMNS = 36
_MOST_NAMED = 20
_NO_PICTURE = "none"
_WORD = re.compile(r"\w+")
_TAKES_OUT = frozenset({Act.DROP, Act.DROP_ALWAYS})


class _InOrder(click.Group):
    """Shows the acts in the order they are written in: what is done most comes first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


@click.group(
    cls=_InOrder, short_help="Pin, drop, move or reword the stories of an edition to come."
)
@click.argument("edition")
def choose(edition: str) -> None:
    """Pin, drop, move or reword stories, and write the note, for an edition to come.

    EDITION is a newsletter's current edition while it is not on its way, else its next one; or
    name one: daily/2026-01-09. STORY is words of its headline, its address, or its number (12).

    An edition that was approved has to be approved again. Every choice can be undone.
    """
    del edition  # each act reads it where it opens the installation


Make = Callable[["_Desk"], NewChoice]


def _act(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of an act: each takes who, a safeguard against others, and --json."""
    by = click.option("--by", default="", help="Who chooses. [default: your account's name]")
    after = click.option(
        "--after",
        type=click.IntRange(min=0),
        metavar="N",
        help="Only if choice number N is the last one: nobody chose since you looked.",
    )

    def command(function: Callable[..., None]) -> click.Command:
        with_options = by(after(json_option(click.pass_context(function))))
        return choose.command(name)(with_options)

    return command


_story = click.argument("story")
_words = click.argument("story", nargs=-1, required=True, metavar="STORY")
_language = click.option(
    "--language", default="", metavar="TAG", help="Only in this language's letter: fr."
)


@_act("pin")
@_words
def pin(ctx: click.Context, story: Sequence[str], **said: Any) -> None:
    """Have a story in, whatever its date and the limits."""
    _choose(ctx, lambda desk: NewChoice(Act.PIN, desk.story(" ".join(story))), **said)


@_act("unpin")
@_words
def unpin(ctx: click.Context, story: Sequence[str], **said: Any) -> None:
    """Take a pin back; what else was chosen for the story stays."""
    _choose(ctx, lambda desk: NewChoice(Act.UNPIN, desk.story(" ".join(story))), **said)


@_act("drop")
@_words
@click.option("--always", is_flag=True, help="From every edition of this newsletter.")
def drop(ctx: click.Context, story: Sequence[str], *, always: bool, **said: Any) -> None:
    """Leave a story out of this edition; the next may have it."""
    act = Act.DROP_ALWAYS if always else Act.DROP
    _choose(ctx, lambda desk: NewChoice(act, desk.story(" ".join(story))), **said)


@_act("move")
@_words
@click.option("--first", is_flag=True, help="To the first place: it leads then.")
@click.option("--last", is_flag=True, help="To the last place.")
@click.option("--before", metavar="STORY", help="Before another story.")
def move(
    ctx: click.Context,
    story: Sequence[str],
    *,
    first: bool,
    last: bool,
    before: str | None,
    **said: Any,
) -> None:
    """Put a story first, last, or before another."""
    if first + last + (before is not None) != 1:
        raise UsageError("choose: move: where to?", hint="Say --first, --last or --before STORY.")

    def make(desk: _Desk) -> NewChoice:
        place = "first" if first else "last"
        moved = desk.story(" ".join(story))
        if before is not None:
            place = f"before {desk.story(before)}"
        return NewChoice(Act.MOVE, moved, place=place)

    _choose(ctx, make, **said)


@_act("lead")
@_words
def lead(ctx: click.Context, story: Sequence[str], **said: Any) -> None:
    """Make a story the lead."""
    _choose(ctx, lambda desk: NewChoice(Act.LEAD, desk.story(" ".join(story))), **said)


@_act("section")
@_story
@click.argument("section", metavar="SECTION|top|brief")
def section(ctx: click.Context, story: str, section: str, **said: Any) -> None:
    """Put a story into a section, top or In brief."""
    _choose(ctx, lambda desk: NewChoice(Act.SECTION, desk.story(story), place=section), **said)


@_act("headline")
@_story
@click.argument("text")
@_language
def headline(ctx: click.Context, story: str, text: str, language: str, **said: Any) -> None:
    """Reword a headline; "" gives its own back."""
    _reword(ctx, Act.HEADLINE, story, text, language, **said)


@_act("standfirst")
@_story
@click.argument("text")
@_language
def standfirst(ctx: click.Context, story: str, text: str, language: str, **said: Any) -> None:
    """Reword a standfirst; "" gives its own back."""
    _reword(ctx, Act.STANDFIRST, story, text, language, **said)


@_act("picture")
@_story
@click.argument("url", metavar="URL|none")
@click.option("--alt", default="", help="What is to be seen on it, for those who cannot.")
def picture(ctx: click.Context, story: str, url: str, alt: str, **said: Any) -> None:
    """Give a story another picture, or none."""
    url = "" if url.casefold() == _NO_PICTURE else url
    _choose(
        ctx,
        lambda desk: NewChoice(Act.PICTURE, desk.story(story), url=url, alt=alt),
        **said,
    )


@_act("reset")
@_words
def reset(ctx: click.Context, story: Sequence[str], **said: Any) -> None:
    """Give a story back to the rules."""
    _choose(ctx, lambda desk: NewChoice(Act.RESET, desk.story(" ".join(story))), **said)


@_act("subject")
@click.argument("text")
@_language
def subject(ctx: click.Context, text: str, language: str, **said: Any) -> None:
    """Write the subject; "" gives it back to the rules."""
    _choose(ctx, lambda _: NewChoice(Act.SUBJECT, language=language, text=text), **said)


@_act("preheader")
@click.argument("text")
@_language
def preheader(ctx: click.Context, text: str, language: str, **said: Any) -> None:
    """Write the line after the subject; "" takes yours back."""
    _choose(ctx, lambda _: NewChoice(Act.PREHEADER, language=language, text=text), **said)


@_act("note")
@click.argument("text")
@_language
def note(ctx: click.Context, text: str, language: str, **said: Any) -> None:
    """Write the editor's note; "" takes it out."""
    _choose(ctx, lambda _: NewChoice(Act.NOTE, language=language, text=text), **said)


@_act("sponsor")
@click.argument("text")
@click.option("--url", default="", help="Where the line leads.")
def sponsor(ctx: click.Context, text: str, url: str, **said: Any) -> None:
    """Book the sponsor's line; "" takes it out."""
    _choose(ctx, lambda _: NewChoice(Act.SPONSOR, text=text, url=url), **said)


@_act("undo")
def undo(ctx: click.Context, **said: Any) -> None:
    """Take the last choice back, whoever made it."""
    _choose(ctx, lambda _: NewChoice(Act.UNDO), **said)


@_act("redo")
def redo(ctx: click.Context, **said: Any) -> None:
    """Bring back what was undone last, if nothing was chosen since."""
    _choose(ctx, lambda _: NewChoice(Act.REDO), **said)


@choose.command("list")
@json_option
@click.pass_context
def list_choices(ctx: click.Context, as_json: bool) -> None:
    """List what was chosen, by whom, and what of it is in force."""
    from digest.editions import choice_store

    with opened(ctx) as app:
        desk = _Desk.of(ctx, app)
        with app.database.read() as connection:
            lines = choice_store.history(connection, *desk.slot)
        zone = desk.newsletter.spec.cadence.zone
        facts = {
            "edition": desk.address,
            "last": lines[-1].told.choice.seq if lines else 0,
            "choices": [_line_facts(line) for line in lines],
        }
        show(as_json, facts, lambda: _tell_list(desk, lines, zone))


@dataclass(frozen=True)
class _Desk:
    """What one command chooses for."""

    app: App
    newsletter: Newsletter
    target: Target

    @classmethod
    def of(cls, ctx: click.Context, app: App) -> _Desk:
        """Find what EDITION means. Raises UsageError, NotFoundError."""
        from digest.workflow.choose import target_of

        name: str = ctx.parent.params["edition"] if ctx.parent else ""
        newsletter = newsletter_named(app, name.partition("/")[0])
        asked = address_of(newsletter, name)
        return cls(app, newsletter, target_of(app.newsroom, newsletter, asked))

    @property
    def slot(self) -> tuple[int, Any, str]:
        """Where its choices are kept."""
        from digest.workflow.choose import slot_key

        return self.newsletter.id, *slot_key(self.target)

    @property
    def address(self) -> str:
        """How the edition is called, or will be."""
        from digest.editions.address import address_of as address_in

        return address_in(self.newsletter.slug, *self.slot[1:])

    def story(self, text: str) -> int:
        """Find the story meant: its number, its address, or the one headline with these words.

        The edition's own candidates come before the archive. Raises NotFoundError, and UsageError
        when several are meant.
        """
        number = text.strip().removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < len(str(2**63)):
            return int(number)
        found = self._found(text)
        if not found:
            raise NotFoundError(
                f"choose: {cut(text, _NAME_COLUMNS)!r}: no story has these words in its headline",
                hint="Try fewer words: digest explain WORDS; or fetch what is new: digest collect",
            )
        if len(found) > 1:
            raise UsageError(
                "\n".join(
                    (
                        f"choose: {cut(text, _NAME_COLUMNS)!r}: several stories are meant",
                        *_named(found),
                    )
                ),
                hint="Write more of its words, or its number.",
            )
        return found[0].id

    def _found(self, text: str) -> list[Article]:
        from digest.editions import candidate_store
        from digest.editions.model import Edition
        from digest.editions.weigh import weigh
        from digest.sources import article_store

        now = self.app.clock()
        with self.app.database.read() as connection:
            if isinstance(self.target, Edition):
                selection = candidate_store.load_selection(connection, self.target.id)
            else:
                _, selection = weigh(
                    connection,
                    self.newsletter,
                    self.target.cut_off_at,
                    now=now,
                    slot=self.target,
                )
            return _holding(selection.candidates, text) or article_store.search_articles(
                connection, text, limit=_MOST_NAMED, same_hosts=self.app.same_hosts
            )


def _holding(candidates: Sequence[Candidate], text: str) -> list[Article]:
    """Find the words in the headlines, the source's or a person's, with the closest meant first.

    The very headline goes before one with more words, and whole words before parts of others.
    """
    from digest.sources.identity import searchable

    wanted = searchable(text)
    words = wanted.split()
    if not words:
        return []
    near = [
        (searchable(headline), candidate.article)
        for candidate in candidates
        for headline in (candidate.article.story.headline, *_by_hand(candidate))
    ]
    exact = [article for line, article in near if line == wanted]
    whole = [article for line, article in near if {*words} <= {*_WORD.findall(line)}]
    parts = [article for line, article in near if all(word in line for word in words)]
    return list({article.id: article for article in exact or whole or parts}.values())


def _by_hand(candidate: Candidate) -> list[str]:
    return [words.headline for words in candidate.wording if words.headline]


def _named(found: Sequence[Article]) -> list[str]:
    widest = max(len(str(article.id)) for article in found[:_MOST_NAMED])
    lines = [
        f"  {article.id:>{widest}}  "
        + cut(plain(article.story.headline), _HEADLINE_COLUMNS - widest)
        for article in found[:_MOST_NAMED]
    ]
    more = len(found) - _MOST_NAMED
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def _reword(
    ctx: click.Context, act: Act, story: str, text: str, language: str, **said: Any
) -> None:
    _choose(
        ctx, lambda desk: NewChoice(act, desk.story(story), language=language, text=text), **said
    )


def _choose(ctx: click.Context, make: Make, *, by: str, after: int | None, as_json: bool) -> None:
    from digest.workflow.choose import choose as choose_now

    with opened(ctx) as app:
        desk = _Desk.of(ctx, app)
        chosen = choose_now(
            app.newsroom,
            desk.newsletter,
            desk.target,
            make(desk),
            by=by.strip() or account(),
            expect_seq=after,
        )
        show(as_json, _facts(chosen), lambda: _tell(desk, chosen))
    if chosen.problem:
        ctx.exit(1)


def _tell(desk: _Desk, chosen: Chosen) -> None:
    say_wrapped(f"{chosen.address}, choice {chosen.choice.seq}: {chosen.words}.", then="  ")
    if chosen.stands is not None:
        _tell_standing(chosen.stands)
    for warning in chosen.warnings:
        mark("warn", warning)
    if chosen.problem:
        mark("FAIL", f"It is kept, but the letter cannot be composed: {chosen.problem}")
    steps = [_way_back(chosen)]
    if _is_left_out(chosen):
        number = chosen.about.what.article_id
        steps.insert(0, (f"digest choose {chosen.address} pin {number}", "have it in all the same"))
    if chosen.edition is None:
        _tell_to_come(desk)
    else:
        steps.insert(0, (f"digest preview {chosen.address}", "look at it"))
        if chosen.revoked:
            say_wrapped("It had been approved: that is revoked, and has to be done again.")
            steps.insert(1, (f"digest approve {chosen.address}", "let it go"))
    tell_steps(steps)


def _way_back(chosen: Chosen) -> tuple[str, str]:
    """Give the command that makes it as it was: another undo would take back one more choice."""
    if chosen.choice.what.act is Act.UNDO:
        return f"digest choose {chosen.address} redo", "bring it back"
    return f"digest choose {chosen.address} undo", "take it back"


def _tell_standing(stands: Candidate) -> None:
    where = stands.place or "out"
    reworded = (words.headline for words in stands.wording if not words.language)
    headline = next(reworded, "") or stands.article.story.headline
    say(f"  {where:8}{cut(plain(headline), _HEADLINE_COLUMNS)}")
    say_wrapped(stands.reason, first=" " * 4, then=" " * 4)


def _tell_to_come(desk: _Desk) -> None:
    from digest.editions.model import Slot

    if isinstance(desk.target, Slot):
        hour = short_time(desk.target.cut_off_at, desk.newsletter.spec.cadence.zone)
        say_wrapped(f"It is kept for that edition, which is made at {hour}.")


def _is_left_out(chosen: Chosen) -> bool:
    """Tell whether something was chosen for a story that is not in, and that a pin would bring."""
    from digest.editions.model import Verdict

    told = chosen.stands
    firm = {Verdict.SELECTED, Verdict.ALREADY_USED, Verdict.WITHDRAWN}
    if told is None or told.verdict in firm or told.pinned:
        return False
    return chosen.choice.what.act is not Act.UNDO and chosen.about.what.act not in _TAKES_OUT


def _tell_list(desk: _Desk, lines: Sequence[HistoryLine], zone: str) -> None:
    if not lines:
        say(f"{desk.address}: nothing is chosen, the rules decide.")
        return
    say(f"{desk.address}: {counted(len(lines), 'choice', 'choices')}")
    for line in lines:
        choice, standing = line.told.choice, line.told.standing
        when = long_time(choice.made_at, zone)
        say(f"{choice.seq:>4}  {when}  {cut(plain(choice.actor), _NAME_COLUMNS)}: {standing}")
        say_wrapped(line.words, first=" " * 6, then=" " * 6)


def _line_facts(line: HistoryLine) -> dict[str, Any]:
    choice, what = line.told.choice, line.told.choice.what
    return {
        "number": choice.seq,
        "act": str(what.act),
        "standing": line.told.standing,
        "of": line.told.of,
        "by": choice.actor,
        "at": choice.made_at,
        "words": line.words,
        "story": what.article_id,
        "language": what.language,
        "text": what.text,
        "url": what.url,
        "alt": what.alt,
        "place": what.place,
    }


def _facts(chosen: Chosen) -> dict[str, Any]:
    stands = chosen.stands
    return {
        "edition": chosen.address,
        "state": chosen.edition.state if chosen.edition else None,
        "number": chosen.choice.seq,
        "by": chosen.choice.actor,
        "words": chosen.words,
        "story": None
        if stands is None
        else {
            "number": stands.article.id,
            "headline": stands.article.story.headline,
            "verdict": stands.verdict,
            "place": stands.place,
            "position": stands.position,
            "section": stands.section,
            "reason": stands.reason,
        },
        "approval_revoked": chosen.revoked,
        "warnings": list(chosen.warnings),
        "problem": chosen.problem,
    }
