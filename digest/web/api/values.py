"""Pure. What the API takes and gives: strict, so that a slip is told and never guessed at."""

from __future__ import annotations

import ipaddress
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from digest.config.model import LANGUAGE_TAG, SLUG
from digest.errors import UsageError
from subscribers.segments import LONGEST
from subscribers.tags import LONGEST_TAG, read_tag

PUBLIC_ID = r"^[0-9a-f]{24}$"
MOST_LISTED = 500
MOST_CHANGES = 1000
MOST_EDITIONS = 100
_ADDRESS_LONGEST = 320
_HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError as error:
        raise ValueError("It is no IP address.") from error


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("There is no time zone of this name, as in Europe/London.")
    return name


def _tag(text: str) -> str:
    try:
        return read_tag(text)
    except UsageError as error:
        raise ValueError(f"{str(error).rpartition(': ')[2].capitalize()}.") from error


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("There is no such day.") from error
    return text


def _unlike(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("The same stands in it twice.")
    return values


def _is_patch(schema: dict[str, Any]) -> None:
    """Say what a change is: something at least, and nothing that would be filled in."""
    schema["minProperties"] = 1
    for told in schema["properties"].values():
        told.pop("default", None)


SLUG_PATTERN = rf"^{SLUG.pattern}$"
AddressText = Annotated[
    str,
    Field(
        min_length=3,
        max_length=_ADDRESS_LONGEST,
        json_schema_extra={"format": "email"},
        examples=["maria@reader.example"],
        description="As the reader spelt it: that spelling is the one that is mailed.",
    ),
]
SlugText = Annotated[
    str, Field(pattern=SLUG_PATTERN, description="A newsletter's name in `GET /newsletters`.")
]
TopicText = Annotated[str, Field(pattern=SLUG_PATTERN)]
Topics = Annotated[
    list[TopicText],
    Field(max_length=62, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_unlike),
]
Slugs = Annotated[
    list[SlugText],
    Field(
        min_length=1, max_length=50, json_schema_extra={"uniqueItems": True}, examples=[["daily"]]
    ),
    AfterValidator(_unlike),
]
LanguageText = Annotated[
    str, Field(pattern=rf"^{LANGUAGE_TAG.pattern}$", max_length=35, examples=["de", "pt-BR"])
]
ZoneText = Annotated[str, Field(max_length=64, examples=["Europe/London"]), AfterValidator(_zone)]
HourText = Annotated[
    str,
    Field(
        pattern=_HOUR,
        examples=["07:30"],
        description="HH:MM in their zone, one of the hours that a newsletter offers.",
    ),
]
DayText = Annotated[
    str,
    Field(pattern=_DAY, json_schema_extra={"format": "date"}, examples=["2026-08-01"]),
    AfterValidator(_day),
]
TagText = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_TAG),
    AfterValidator(_tag),
]
IpText = Annotated[
    str, Field(max_length=64, examples=["203.0.113.9", "2001:db8::9"]), AfterValidator(_ip)
]
LineText = Annotated[str, Field(min_length=1, max_length=200, pattern=_ONE_LINE)]
WordsText = Annotated[str, Field(max_length=4000)]
StateText = Literal["unconfirmed", "confirmed", "paused", "unsubscribed"]
EditionStateText = Literal[
    "draft",
    "in review",
    "approved",
    "sending",
    "sent",
    "held",
    "stopped",
    "skipped",
    "expired",
]
SegmentText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST,
        description="Who is meant, as in `topic:sport and joined<2026-01-01`.",
        examples=["state:confirmed"],
    ),
]


class Taken(BaseModel):
    """What is sent to us: nothing is converted, and nothing unknown is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Given(BaseModel):
    """What is answered: every field stands in every answer."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class SignupRequest(Taken):
    """Somebody filled in a form of the site's own."""

    address: AddressText
    newsletters: Slugs
    topics: Annotated[
        dict[SlugText, Topics],
        Field(
            max_length=50,
            description="By newsletter; one that is left out: everything.",
            json_schema_extra={"additionalProperties": False},
            examples=[{"daily": ["sport"]}],
        ),
    ] = {}
    language: LanguageText | None = None
    ip: Annotated[
        IpText | None, Field(description="The visitor's own address: limits and proof need it.")
    ] = None
    source: Annotated[
        LineText | None, Field(description="Where the form stands.", examples=["/newsletters"])
    ] = None
    text: Annotated[
        WordsText,
        Field(description="The words beside the button: the proof of what was agreed to."),
    ] = ""


class SignupTaken(Given):
    """The same for every address, known or not."""

    status: Literal["taken"] = "taken"


class ConsentGiven(Taken):
    """Where, how and to what somebody agreed, when the publisher adds them."""

    source: Annotated[
        LineText, Field(examples=["paper form, summer fair 2026"], description="Where they agreed.")
    ]
    text: Annotated[WordsText, Field(description="The words they agreed to.")] = ""
    ip: IpText | None = None


class SubscriberAdded(Taken):
    """A reader who has agreed elsewhere, added by the publisher's own act."""

    address: AddressText
    newsletters: Slugs
    consent: ConsentGiven
    language: LanguageText | None = None
    format: Literal["html", "text"] | None = None
    tags: Annotated[list[TagText], Field(max_length=50)] | None = None
    again: Annotated[
        bool, Field(description="Also somebody who left; never one on the never-mail list.")
    ] = False


class SubscriberPatch(Taken):
    """What is to be changed; what is left out stays. `null`: as the newsletter has it."""

    model_config = ConfigDict(json_schema_extra=_is_patch)

    language: LanguageText | None = None
    zone: ZoneText | None = None
    hour: HourText | None = None
    format: Literal["html", "text"] = "html"
    tags: Annotated[
        list[TagText],
        Field(max_length=50, description="All of them: one that is left out is taken away."),
    ] = []

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Name at least one thing to change.")
        return self


class SubscriptionPut(Taken):
    """How a reader is to have one newsletter from now on."""

    topics: Annotated[
        Topics | None, Field(description="The topics they want; none or `null`: everything.")
    ] = None
    paused_until: Annotated[
        DayText | None, Field(description="The day it comes again; `null`: no pause.")
    ] = None
    consent: Annotated[
        ConsentGiven | None, Field(description="Needed when they do not get it yet.")
    ] = None
    again: Annotated[bool, Field(description="Also when they left it.")] = False


class SuppressionAdded(Taken):
    """An address that is never to be mailed."""

    address: AddressText
    newsletter: Annotated[SlugText | None, Field(description="Only this one; else all.")] = None
    reason: Literal["publisher"] = "publisher"


class HaltAsked(Taken):
    """Why an edition is stopped, held or resumed."""

    reason: Annotated[
        str,
        Field(
            max_length=200,
            pattern=_ONE_LINE,
            description="For the editors, who are told, and for the audit.",
            examples=["The lead names the wrong minister"],
        ),
    ] = ""


class ApprovalAsked(Taken):
    """Which bytes are approved: those that you have seen."""

    content_hash: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="Of the edition as you saw it, from its GET.",
            examples=["9f2c" * 16],
        ),
    ]
    override: Annotated[
        str,
        Field(
            max_length=200,
            pattern=_ONE_LINE,
            description="Why the limits of letters made by hand are passed over, for the audit.",
        ),
    ] = ""


class SendAsked(Taken):
    """That an approved edition leaves now."""

    override: Annotated[
        str,
        Field(
            max_length=200,
            pattern=_ONE_LINE,
            description="Why the limits of letters made by hand are passed over, for the audit.",
        ),
    ] = ""


class CorrectionAsked(Taken):
    """A dated note to an edition that readers have."""

    words: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4000,
            description="Plain text; paragraphs are apart by a blank line.",
            examples=["The ferry leaves at 09:15, not at 09:45."],
        ),
    ]
    language: Annotated[
        LanguageText | None,
        Field(description="Of the words; left out: the newsletter's own."),
    ] = None
    mail: Annotated[
        bool, Field(description="Whether those who have the letter get it by mail as well.")
    ] = False


class CorrectionShown(Given):
    """A note as it stands on the edition's page."""

    edition: Annotated[str, Field(examples=["daily/2026-01-09"])]
    note: Annotated[int, Field(description="The how-manieth of that edition.")]
    noted_at: datetime
    mail: Annotated[
        str | None, Field(description="The edition that mails it; `null`: nobody is mailed.")
    ]


class TallyShown(Given):
    """How many copies stand where; once none is planned or deferred, all are final."""

    planned: int
    accepted: Annotated[int, Field(description="The next server took it, no more.")]
    deferred: Annotated[int, Field(description="Put off, and tried again by itself.")]
    failed: int
    skipped: Annotated[int, Field(description="Left before it could be sent to them.")]
    uncertain: Annotated[int, Field(description="They may or may not have it.")]


class EditionShown(Given):
    """An edition on its way."""

    newsletter: str
    number: int
    address: Annotated[
        str, Field(description="How commands name it.", examples=["daily/2026-01-09"])
    ]
    date: date
    state: EditionStateText
    revision: Annotated[int, Field(description="More than 1: it was mended half-way.")]
    content_hash: Annotated[
        str | None,
        Field(
            description="Of the text in all its languages: what an approval is of. `null` in lists,"
            " and before it is composed."
        ),
    ]
    reason: Annotated[str, Field(description="Why it is so, where there is something to say.")]
    send_at: Annotated[datetime, Field(description="Its hour.")]
    sending_at: Annotated[
        datetime | None, Field(description="When it began to be sent; `null`: nobody has it.")
    ]
    expires_at: Annotated[
        datetime | None, Field(description="When what is open of it is given up.")
    ]
    copies: TallyShown


class EditionList(Given):
    """One page of editions."""

    editions: list[EditionShown]
    next: Annotated[str | None, Field(description="The cursor of the next page; `null`: the end.")]


class TopicShown(Given):
    """A topic that readers can choose."""

    key: str
    title: str


class NewsletterShown(Given):
    """A newsletter, as far as a form or a CRM needs it."""

    slug: str
    name: str
    offered: Annotated[bool, Field(description="Whether anybody may ask for it.")]
    languages: Annotated[list[str], Field(description="The first is its own.")]
    topics: list[TopicShown]


class NewsletterList(Given):
    """All of them, in the order in which they are offered."""

    newsletters: list[NewsletterShown]


class SubscriptionShown(Given):
    """Where a reader stands with one newsletter."""

    newsletter: str
    state: StateText
    topics: Annotated[list[str] | None, Field(description="`null`: everything.")]
    paused_until: datetime | None
    requested_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None


class SubscriberShown(Given):
    """A reader. The id never changes and says nothing; the address can change."""

    id: Annotated[str, Field(pattern=PUBLIC_ID)]
    address: str
    language: str | None
    zone: str | None
    hour: str | None
    format: Literal["html", "text"]
    tags: list[str]
    created_at: datetime | None
    active_at: Annotated[
        datetime | None, Field(description="When they last did something themselves.")
    ]
    subscriptions: list[SubscriptionShown]


class SubscriberList(Given):
    """One page of readers."""

    subscribers: list[SubscriberShown]
    next: Annotated[str | None, Field(description="The cursor of the next page; `null`: the end.")]


class ConsentShown(Given):
    """One line of the log of consent."""

    at: datetime
    kind: str
    newsletter: Annotated[str | None, Field(description="`null`: all of them.")]
    via: str
    source: str
    ip: Annotated[str | None, Field(description="Forgotten after the time the settings name.")]
    text: Annotated[str, Field(description="The words they acted on.")]


class ConsentList(Given):
    """The whole log of one reader, oldest first."""

    consent: list[ConsentShown]


class SuppressionShown(Given):
    """A line of the never-mail list."""

    newsletter: Annotated[str | None, Field(description="`null`: all of them.")]
    reason: str
    at: datetime


class SuppressionList(Given):
    """All lines about one address; the list knows it by a keyed hash alone."""

    suppressions: list[SuppressionShown]


class ChangeShown(Given):
    """One change of a reader's standing."""

    seq: int
    id: Annotated[str, Field(pattern=PUBLIC_ID)]
    newsletter: Annotated[str | None, Field(description="`null`: about the reader.")]
    what: Literal["left", "suppressed", "erased", "paused", "joined", "changed"]
    at: datetime


class ChangeList(Given):
    """Changes in the order of their numbers."""

    changes: list[ChangeShown]
    last: Annotated[int, Field(description="The highest number here, or `after` if there is none.")]


class SegmentCount(Given):
    """How many readers an expression means."""

    expression: Annotated[str, Field(description="As we write it.")]
    count: int


class Fault(Given):
    """One thing that is wrong."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    detail: str
    pointer: Annotated[str, Field(description="A JSON Pointer into the body.")] = ""
    parameter: Annotated[str, Field(description="A query parameter or header.")] = ""


class Problem(Given):
    """A refusal (RFC 9457). Nothing was changed."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    errors: list[Fault] = []
