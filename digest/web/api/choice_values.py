"""Pure. What the API takes and gives about the stories of an edition: choices and candidates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from digest.web.api.values import Given, Taken

ActText = Literal[
    "pin",
    "unpin",
    "drop",
    "drop always",
    "move",
    "lead",
    "section",
    "headline",
    "standfirst",
    "picture",
    "reset",
    "subject",
    "preheader",
    "note",
    "sponsor",
]
_LAST_SEEN = (
    "The number of the last choice that you have seen, 0 for none: 409 if there is another."
)
_LARGEST = 2**31 - 1
ExpectSeq = Annotated[int | None, Field(ge=0, le=_LARGEST, description=_LAST_SEEN)]
TypedText = Annotated[str, Field(max_length=20_000)]


class ChoiceAsked(Taken):
    """One choice. What `text`, `url`, `alt` and `place` mean, its act says."""

    act: ActText
    story: Annotated[
        int | None,
        Field(ge=1, le=2**53, description="The story's number, from the candidates or a push."),
    ] = None
    language: Annotated[
        str,
        Field(max_length=35, description="Only in this language's letter; \"\": the newsletter's."),
    ] = ""
    text: Annotated[TypedText, Field(description='Words; "" gives its own back.')] = ""
    url: Annotated[
        str, Field(max_length=2_000, description='A picture, or where a sponsor leads; "": none.')
    ] = ""
    alt: Annotated[
        str, Field(max_length=2_000, description="What is to be seen on the picture.")
    ] = ""
    place: Annotated[
        str,
        Field(
            max_length=64,
            description="`move`: `first`, `last`, `before 17`. `section`: its key, `top`, `brief`.",
            examples=["first"],
        ),
    ] = ""
    expect_seq: ExpectSeq = None


class StepAsked(Taken):
    """That the last choice is taken back, or brought back."""

    expect_seq: ExpectSeq = None


class CandidateShown(Given):
    """A story as an edition weighs it."""

    story: Annotated[int, Field(description="Its number.")]
    headline: Annotated[str, Field(description="As the letter says it.")]
    url: str | None
    source: str
    verdict: Annotated[str, Field(description="`selected`, or why it is out.")]
    reason: Annotated[str, Field(description="The sentence that people read.")]
    place: Literal["lead", "top", "section", "brief"] | None
    position: Annotated[int | None, Field(description="In which place it is read, from 0.")]
    section: Annotated[str | None, Field(description="Its section's key; `null`: unsorted.")]
    published_at: datetime | None
    first_seen_at: datetime
    late: bool
    pinned: bool
    duplicate_of: int | None


class CandidateList(Given):
    """All stories that an edition has weighed, or that a slot to come would weigh now."""

    edition: Annotated[str, Field(examples=["daily/2026-01-09"])]
    exists: Annotated[bool, Field(description="`false`: it is to come, this is a forecast.")]
    chosen: Annotated[list[CandidateShown], Field(description="In the order they are read.")]
    left_out: list[CandidateShown]


class ChoiceShown(Given):
    """A row of the log of choices."""

    seq: int
    act: str
    standing: Annotated[
        str, Field(description="`in force`, `undone`, `given back`, or `done` (an undo or redo).")
    ]
    of: Annotated[int | None, Field(description="The row that an undo or redo was about.")]
    by: str
    at: datetime
    words: Annotated[str, Field(description="What was done, to stand after the name.")]
    story: int | None
    language: str
    text: str
    url: str
    alt: str
    place: str


class ChoiceList(Given):
    """All that was chosen for an edition or a slot to come, oldest first."""

    edition: Annotated[str, Field(examples=["daily/2026-01-09"])]
    date: date
    last: Annotated[int, Field(description="What to give as `expect_seq`.")]
    choices: list[ChoiceShown]


class ChoiceMade(Given):
    """What a choice did."""

    edition: str
    seq: int
    words: str
    state: Annotated[str | None, Field(description="The edition's; `null`: it is to come.")]
    stands: Annotated[CandidateShown | None, Field(description="Where its story stands now.")]
    approval_revoked: Annotated[bool, Field(description="It has to be approved again.")]
    warnings: list[str]
    problem: Annotated[
        str, Field(description="Why it could not be composed again; the choice is kept.")
    ]
