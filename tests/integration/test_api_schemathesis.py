"""The API against its own description: what it says is what it does, whatever is sent."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.engine import Status, events, from_schema
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.model import Composition
from digest.db import Database
from digest.editions import choice_store
from digest.editions.model import MAIN_SLOT, Act, NewChoice
from digest.outbox import hook_store
from digest.outbox.hooks import CHOOSABLE, NewEndpoint
from subscribers import directory_store, signup
from subscribers.limits import SignupPolicy
from subscribers.model import Act as ReaderAct
from tests.integration.api_site import CONSENT, api_of, begin_edition, give_token, moving
from tests.integration.newsletters import DAILY
from tests.integration.web_site import KEYS, NOON

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "3"))
"""For each operation and each way of making them; `TEST_EXAMPLES=300` is the long form."""

_LETTER = Composition(2, "en", 1, "Ferry returns", "At nine.", "<p>x</p>", "x", "n", "0" * 64)
"""What edition 2 was composed to."""

KNOWN = {
    "newsletters": ["daily"],
    "topics": {"daily": ["sport"]},
    "hour": "06:00",
    "zone": "Europe/London",
    "ip": "203.0.113.9",
    "paused_until": "2026-02-01",
    "tags": ["vip"],
    "newsletter": "daily",
    "state": "confirmed",
    "slug": "daily",
    "edition": "1",
    "segment": "state:confirmed",
    "expression": "topic:sport and joined<2026-01-01",
    "content_hash": set_hash([_LETTER]),
    "articles": [{"guid": "post-1", "headline": "Ferry returns", "url": "https://post.example/1"}],
    "source": "wire",
    "act": "note",
    "text": "Good morning. The ferry is back.",
    "language": "en",
    "url": "https://crm.example/hook",
    "expect_seq": None,
    "before": 1000,
}
"""What a description cannot say: the names that this one site has."""

schemathesis.openapi.format(
    "email", st.from_regex(r"[a-z]{1,8}[0-9]{0,3}@reader\.example", fullmatch=True)
)

_NUMBERS = itertools.count()
_READERS: list[str] = []
"""A reader who is there, by their id."""
_ERASES = "DELETE /subscribers/{public_id}"
_EDITIONS = {
    f"POST /editions/{{slug}}/{{edition}}/{verb}": number
    for verb, number in (("approve", "2"), ("skip", "3"), ("send", "4"))
}
"""Editions of which that can be said; of the first, all else."""
_CHOSEN = ("/editions/{slug}/{edition}/candidates", "/editions/{slug}/{edition}/choices")
"""What is about a slot to come."""
_TO_COME, _UNDONE = "2026-02-02", "2026-02-03"
"""Slots to come; for the second something was chosen and taken back."""
_HOOKS: list[str] = []
"""A webhook that is there, by its id."""
_REMOVES = "DELETE /webhooks/{hook_id}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give a request of the described form the names and keys a real caller would use."""
    del context, kwargs
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if (case.headers or {}).get("Idempotency-Key"):
        case.headers["Idempotency-Key"] = f"key-{next(_NUMBERS)}"
    case.body = in_known_words(case.body)
    if case.method == "PUT" and isinstance(case.body, dict):
        case.body = {**case.body, "consent": CONSENT, "again": True}  # they may have left before
    for part in (case.query or {}, case.path_parameters or {}):
        part.update({name: KNOWN[name] for name in part if name in KNOWN})
    (case.query or {}).pop("cursor", None)
    if case.operation.label in _EDITIONS and case.path_parameters:
        case.path_parameters["edition"] = _EDITIONS[case.operation.label]
    if case.operation.path.startswith(_CHOSEN) and case.path_parameters:
        redone = case.operation.path.endswith("/redo")
        case.path_parameters["edition"] = _UNDONE if redone else _TO_COME
        (case.query or {}).pop("slot", None)
    if case.operation.label != _ERASES and case.meta.phase.name is not TestPhase.STATEFUL:
        part = case.path_parameters or {}
        part.update({name: _READERS[-1] for name in part if name == "public_id"})
        if case.operation.label != _REMOVES:
            part.update({name: _HOOKS[-1] for name in part if name == "hook_id"})


def in_known_words(value: Any) -> Any:
    """Put the names of this site into a body that has the described form."""
    if not isinstance(value, dict):
        return value
    put = {}
    for name, told in value.items():
        if name in KNOWN and told is not None:
            put[name] = ["sport"] if name == "topics" and isinstance(told, list) else KNOWN[name]
        else:
            put[name] = in_known_words(told)
    return put


@dataclass
class Seen:
    """What the tool found, and what it reached."""

    failures: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    phases: set[str] = field(default_factory=set)

    def hear(self, event: events.EngineEvent) -> None:
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            self.failures.append(repr(event))
        if isinstance(event, events.ScenarioFinished):
            self.phases.add(str(event.phase))
            self._scenario(event)

    def _scenario(self, event: events.ScenarioFinished) -> None:
        recorder = event.recorder
        for case_id, exchange in recorder.interactions.items():
            if exchange.response is not None:
                case = recorder.cases[case_id].value
                self.statuses[case.operation.label, exchange.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                self.checks[check.name] += 1
                if check.status is Status.FAILURE:
                    self._failure(check, recorder.interactions[case_id].response)

    def _failure(self, check: Any, response: Any) -> None:
        told = check.failure_info
        answer = "" if response is None else f"{response.status_code} {response.content!r}"
        self.failures.append(
            f"{check.name}: {told.failure.title}: {told.failure.message}\n"
            f"{told.code_sample}\n{answer}"
        )


@pytest.fixture
def schema(sqlite_database: Database) -> schemathesis.BaseSchema:
    generous = SignupPolicy(per_network=10**6, in_all=10**6)
    app = api_of(sqlite_database, clock=moving(), policy=generous)
    text, _ = give_token(sqlite_database)
    signup.add(
        sqlite_database,
        "steady.reader@reader.example",
        [DAILY],
        ReaderAct(NOON, "command"),
        keys=KEYS,
    )
    begin_edition(sqlite_database)
    _make_editions(sqlite_database)
    _HOOKS[:] = [_make_hook(sqlite_database)]
    with sqlite_database.read() as connection:
        _READERS[:] = directory_store.public_ids(connection, [1]).values()
    config = schemathesis.Config.from_dict(
        {
            "headers": {"Authorization": f"Bearer {text}"},
            "continue-on-failure": True,
            "generation": {
                "max-examples": EXAMPLES,
                "deterministic": "TEST_EXAMPLES" not in os.environ,
                "database": "none",
            },
        }
    )
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=config)


def _make_editions(database: Database) -> None:
    """Write one edition in review and composed, one to be skipped, and one approved."""
    for day, state in ((12, "in review"), (13, "in review"), (14, "approved")):
        begin_edition(database, day=date(2026, 1, day), state=state, sending_at=None)
    with database.write() as connection:
        compositions.save_compositions(connection, [_LETTER], at=NOON)
        for new in (NewChoice(Act.NOTE, text="Good morning."), NewChoice(Act.UNDO)):
            on = date.fromisoformat(_UNDONE)
            choice_store.append(connection, DAILY, on, MAIN_SLOT, new, by="ann", at=NOON)


def _make_hook(database: Database) -> str:
    """Register a webhook; give its id."""
    new = NewEndpoint(
        public_id="a" * 12,
        url="https://crm.example/hook",
        events=frozenset(CHOOSABLE),
        with_address=False,
        salt="s",
        created_at=NOON,
        created_by="command",
    )
    with database.write() as connection:
        return hook_store.add_endpoint(connection, new).public_id


@pytest.mark.long
def test_the_api_does_what_its_description_says(schema: schemathesis.BaseSchema) -> None:
    seen = Seen()
    for event in from_schema(schema).execute():
        seen.hear(event)
    assert seen.failures == []
    assert {"examples", "coverage", "fuzzing", "stateful"} <= {
        phase.lower().rpartition(".")[2] for phase in seen.phases
    }
    well = {label for label, status in seen.statuses if status < 300}
    described = {
        f"{method.upper()} {path}"
        for path, operations in schema.raw_schema["paths"].items()
        for method in operations
    }
    assert well == described
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "positive_data_acceptance",
        "unsupported_method",
        "allow_header_conformance",
        "use_after_free",
        "ensure_resource_availability",
        "ignored_auth",
    ):
        assert seen.checks[name] > 100, name
