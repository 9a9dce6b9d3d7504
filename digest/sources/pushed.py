"""Pure. One story that a publisher's own program brings: checked as a whole, then cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from digest.config.values import did_you_mean
from digest.errors import SourceError
from digest.sources.cleaning import CleanBody, clean_body, one_line, safe_link
from digest.sources.fields import (
    MOST_PRIORITY,
    MOST_READS,
    headline_of,
    language_of,
    line_of,
    moment_of,
    names_of,
    plain_body_of,
    standfirst_of,
)
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording, RecordingKind
from digest.sources.story_parts import categories_of, guid_of

_MOST_PROBLEMS = 20
_LONGEST_NAME = 60
_LONGEST_LINE = 20_000
_LONGEST_BODY = 2_000_000
_MOST_NAMES = 50
_A_DAY = 86_400


def story_of(
    facts: Mapping[str, Any], *, zone: str = "UTC", language: str | None = None
) -> FoundStory:
    """Make a story of what was pushed; `zone` and `language` are for one that names none.

    Raises SourceError that names every wrong field at once: what an editor's program says is taken
    as it stands or not at all.
    """
    known = [*_Pushed.model_fields]
    problems = [
        f"{one_line(str(name))[:_LONGEST_NAME]}: no such field"
        f"{did_you_mean(str(name)[:_LONGEST_NAME], known)}"
        for name in facts
        if name not in known
    ]
    given = {name: _plain(value) for name, value in facts.items() if name in known}
    try:
        pushed = _Pushed.model_validate(given, context={"zone": zone})
    except ValidationError as error:
        problems += [_problem(one) for one in error.errors(include_url=False, include_input=False)]
        raise _refusal(facts, problems) from error
    if problems:
        raise _refusal(facts, problems)
    return _story(pushed, language)


def _plain(value: Any) -> Any:
    """Drop lone surrogates, which no text of the outside world may hold, two levels deep."""
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode()
    if isinstance(value, Mapping):
        return {_plain(name): _flat(part) for name, part in value.items()}
    return [_flat(part) for part in value] if isinstance(value, (list, tuple)) else value


def _flat(value: Any) -> Any:
    return _plain(value) if isinstance(value, str) else value


def _link(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    link = safe_link(value)
    if link is None:
        raise ValueError("not a whole http or https address")
    return link


def _when(value: Any, info: ValidationInfo) -> Any:
    moment = moment_of(value, zone=(info.context or {}).get("zone", "UTC"))
    if moment is None:
        raise ValueError("not a date; write it as 2026-01-09T06:30:00+00:00")
    return moment


def _tag(value: Any) -> Any:
    if isinstance(value, str) and language_of(value) is None:
        raise ValueError("not a language; write it as en or en-GB")
    return language_of(value) if isinstance(value, str) else value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Line = Annotated[str, Field(max_length=_LONGEST_LINE)]
_Body = Annotated[str, Field(max_length=_LONGEST_BODY)]
_Link = Annotated[str, BeforeValidator(_link)]
_Moment = Annotated[datetime, BeforeValidator(_when)]
_Names = Annotated[list[_Line], Field(max_length=_MOST_NAMES), BeforeValidator(_one_or_more)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _PushedPicture(_Strict):
    url: _Link
    alt: _Line = ""
    credit: _Line = ""


class _PushedRecording(_Strict):
    url: _Link
    seconds: Annotated[int, Field(gt=0, lt=_A_DAY)] | None = None
    kind: Annotated[RecordingKind, Field(strict=False)] = RecordingKind.AUDIO


class _Pushed(_Strict):
    """The fields of a pushed story; each may be left out but the headline."""

    headline: Annotated[_Line, Field(min_length=1)]
    url: _Link | None = None
    guid: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    standfirst: _Line = ""
    body_html: _Body = ""
    body_text: _Body = ""
    authors: _Names = []
    categories: _Names = []
    picture: _PushedPicture | None = None
    recording: _PushedRecording | None = None
    published_at: _Moment | None = None
    updated_at: _Moment | None = None
    language: Annotated[str, BeforeValidator(_tag)] | None = None
    priority: Annotated[int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)] = 0
    reads: Annotated[int, Field(ge=0, le=MOST_READS)] | None = None

    @model_validator(mode="after")
    def _one_body(self) -> _Pushed:
        if self.body_html and self.body_text:
            raise ValueError("give body_html or body_text, not both")
        if not headline_of(self.headline):
            raise ValueError("headline: no words in it")
        return self


def _story(pushed: _Pushed, language: str | None) -> FoundStory:
    body = clean_body(pushed.body_html, base=pushed.url or "") if pushed.body_html else CleanBody()
    if pushed.body_text:
        body = plain_body_of(pushed.body_text)
    return FoundStory(
        headline=headline_of(pushed.headline),
        url=pushed.url,
        guid=guid_of(pushed.guid),
        standfirst=standfirst_of(pushed.standfirst),
        body_html=body.html,
        body_text=body.text,
        authors=names_of(pushed.authors),
        categories=categories_of(names_of(pushed.categories)),
        picture=_picture(pushed, body),
        recording=_recording(pushed.recording),
        published_at=pushed.published_at,
        published_from=DateOrigin.EDITOR if pushed.published_at else None,
        updated_at=pushed.updated_at,
        language=pushed.language or language,
        priority=pushed.priority,
        reads=pushed.reads,
    )


def _picture(pushed: _Pushed, body: CleanBody) -> Picture | None:
    if named := pushed.picture:
        return Picture(named.url, line_of(named.alt), line_of(named.credit))
    return Picture(*body.image) if body.image else None


def _recording(named: _PushedRecording | None) -> Recording | None:
    return Recording(named.url, named.seconds, named.kind) if named else None


def _problem(error: Any) -> str:
    place = ".".join(one_line(str(part))[:_LONGEST_NAME] for part in error["loc"])
    words = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        words = "no such field"
    if error["type"] == "missing":
        words = "is needed"
    return f"{place}: {words}" if place else words


def _refusal(facts: Mapping[str, Any], problems: list[str]) -> SourceError:
    headline = headline_of(facts.get("headline"))[:_LONGEST_NAME] or "a story"
    shown = problems[:_MOST_PROBLEMS]
    more = f"; and {len(problems) - len(shown)} more" if len(problems) > len(shown) else ""
    return SourceError(
        f"pushed: {headline!r}: {'; '.join(shown)}{more}",
        hint=f"A story has these fields: {', '.join(_Pushed.model_fields)}.",
    )
