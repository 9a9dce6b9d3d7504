"""Pure. What the API takes and gives about stories that a program pushes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from digest.web.api.values import SLUG_PATTERN, Given, LanguageText, Taken

MOST_ARTICLES = 100
_WEB = r"^https?://[^\s/]"
_GUID = r"^[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
_MOST_PRIORITY = 100
_MOST_READS = 2_147_483_647
_A_DAY = 86_400


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("It is not a moment; write it as 2026-01-09T06:30:00Z.") from error
    if at.tzinfo is None:
        raise ValueError("It names no zone; write it as 2026-01-09T06:30:00Z.")
    return text


WebText = Annotated[
    str, Field(max_length=2_000, pattern=_WEB, examples=["https://harbourpost.example/ferry"])
]
MomentText = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={"format": "date-time"},
        examples=["2026-01-09T06:30:00Z"],
    ),
    AfterValidator(_moment),
]
GuidText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2_000,
        pattern=_GUID,
        description="Your own name for the story, for ever: pushed again it is the same story.",
        examples=["post-4711"],
    ),
]
Names = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=50)]
BodyText = Annotated[str, Field(max_length=1_000_000)]


class PicturePushed(Taken):
    """A picture: fetched, resized and served by us before it is ever mailed."""

    url: WebText
    alt: Annotated[str, Field(max_length=2_000, description="What is to be seen on it.")] = ""
    credit: Annotated[str, Field(max_length=2_000)] = ""


class RecordingPushed(Taken):
    """Something to hear or watch, which the letter links."""

    url: WebText
    seconds: Annotated[int, Field(ge=1, lt=_A_DAY)] | None = None
    kind: Literal["audio", "video"] = "audio"


class ArticlePushed(Taken):
    """One story. Markup in a headline or standfirst is taken out, a body is made safe."""

    guid: GuidText
    headline: Annotated[str, Field(min_length=1, max_length=5_000)]
    url: Annotated[WebText | None, Field(description="Its page; without one it has no link.")] = (
        None
    )
    standfirst: Annotated[str, Field(max_length=10_000)] = ""
    body_html: Annotated[BodyText, Field(description="Instead of `body_text`.")] = ""
    body_text: Annotated[BodyText, Field(description="Paragraphs apart by a blank line.")] = ""
    authors: Annotated[Names, Field(default_factory=list)]
    categories: Annotated[
        Names, Field(default_factory=list, description="They lead it into a section.")
    ]
    picture: PicturePushed | None = None
    recording: RecordingPushed | None = None
    published_at: Annotated[
        MomentText | None, Field(description="Left out: when we first see it.")
    ] = None
    updated_at: MomentText | None = None
    language: LanguageText | None = None
    priority: Annotated[int, Field(ge=-_MOST_PRIORITY, le=_MOST_PRIORITY)] = 0
    reads: Annotated[int, Field(ge=0, le=_MOST_READS)] | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body_html and self.body_text:
            raise ValueError("Give body_html or body_text, not both.")
        return self


SourceText = Annotated[
    str | None,
    Field(
        pattern=rf"{SLUG_PATTERN}",
        description="A source with `pushed = true`; may be left out when there is one such.",
    ),
]


class ArticlesPushed(Taken):
    """Stories to be known from now on: all of them, or none."""

    source: SourceText = None
    articles: Annotated[list[ArticlePushed], Field(min_length=1, max_length=MOST_ARTICLES)]


class ArticlesTakenBack(Taken):
    """Stories that are to be mailed no more."""

    source: SourceText = None
    guids: Annotated[list[GuidText], Field(min_length=1, max_length=MOST_ARTICLES)]


class ArticleKnown(Given):
    """A story as it is known."""

    guid: str
    story: Annotated[int, Field(description="Its number, as choices name it.")]


class ArticlesKnown(Given):
    """What came of a push; the articles are in the order in which they were sent."""

    source: str
    new: int
    updated: Annotated[int, Field(description="Known, and said otherwise than before.")]
    articles: list[ArticleKnown]


class ArticlesWithdrawn(Given):
    """What came of taking stories back."""

    source: str
    withdrawn: Annotated[
        int, Field(description="So many as were known from this source, and not withdrawn yet.")
    ]
