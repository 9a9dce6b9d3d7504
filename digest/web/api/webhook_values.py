"""Pure. What the API takes and gives about outgoing webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from digest.web.api.values import Given, Taken

HOOK_ID = r"^[0-9a-f]{12}$"
MOST_CALLS = 200
EventText = Literal[
    "edition.sent",
    "edition.held",
    "edition.skipped",
    "subscriber.joined",
    "subscriber.confirmed",
    "subscriber.left",
    "subscriber.suppressed",
    "subscriber.erased",
]


def _unlike(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("The same stands in it twice.")
    return values


class WebhookAdded(Taken):
    """An address of yours that is called from now on."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2_000,
            description="https, whole; redirects are not followed.",
            examples=["https://crm.yoursite.example/hooks/letters"],
        ),
    ]
    events: Annotated[
        list[EventText],
        Field(min_length=1, max_length=8, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_unlike),
    ]
    addresses: Annotated[
        bool, Field(description="Whether events about readers hold their address beside their id.")
    ] = False


class WebhookShown(Given):
    """An address that is called, and how it does. Its secret is never shown again."""

    id: Annotated[str, Field(pattern=HOOK_ID)]
    url: str
    events: list[str]
    addresses: bool
    state: Literal["active", "paused"]
    reason: Annotated[str, Field(description="Why it is paused.")]
    created_at: datetime
    last_ok_at: Annotated[datetime | None, Field(description="When it last took a call.")]
    failing_since: datetime | None
    waiting: Annotated[int, Field(description="Calls that are still to be made.")]
    failed: Annotated[int, Field(description="Calls that were given up.")]


class WebhookMade(WebhookShown):
    """An endpoint with its secret, shown this once."""

    secret: Annotated[
        str,
        Field(
            description='What its calls are signed with; "" in an answer that was kept for its'
            " Idempotency-Key: make another then.",
            examples=["whsec_…"],
        ),
    ]


class WebhookList(Given):
    """All of them, oldest first."""

    webhooks: list[WebhookShown]


class NothingAsked(Taken):
    """Nothing more has to be said."""


class WebhookTried(Given):
    """What came of a test."""

    taken: bool
    status: Annotated[int | None, Field(description="HTTP's; `null`: nothing answered.")]
    words: str


class WebhookRetried(Given):
    """How many calls are made again."""

    calls: int


class CallShown(Given):
    """One call, and what became of it."""

    id: Annotated[str, Field(description="The event's: `webhook-id` of each try.")]
    number: int
    event: str
    happened_at: datetime
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    next_at: datetime | None
    done_at: datetime | None
    status: Annotated[int | None, Field(description="What HTTP said last.")]
    reply: str


class CallList(Given):
    """One page of an endpoint's calls, the newest first."""

    calls: list[CallShown]
    next: Annotated[
        int | None,
        Field(description="What to give as `before` for the next page; `null`: the end."),
    ]
