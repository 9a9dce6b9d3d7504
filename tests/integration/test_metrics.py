"""/metrics: read by Prometheus' own parser, for those who may, and small whatever is mailed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml  # type: ignore[import-untyped] # its types are a package of their own
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.db import Database
from digest.delivery.count_store import add_counts
from digest.delivery.domain_store import domain
from digest.editions import store as editions
from digest.editions.model import EditionState, Slot, SlotState, Window
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from digest.people.model import Scope
from digest.people.store import create_token
from digest.people.tokens import make_token
from digest.sources.store import record_poll_failed, record_poll_ok, source
from digest.web.context import WebContext
from digest.web.metrics import FIGURES
from digest.web.routes import make_app
from digest.workflow.alarm_store import begin_spell
from digest.workflow.alarms import Alarm, AlarmKind
from digest.workflow.store import beat
from tests.integration.newsletters import make_newsletters
from tests.integration.web_site import KEYS, NOON, SITE

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
NAMES = {figure.name for figure in FIGURES}
OF_THE_PROCESS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
}


def _client(database: Database, *, caller: str = "127.0.0.1", **more: Any) -> TestClient:
    newsletters = make_newsletters(database)
    context = WebContext(database, SITE, KEYS, newsletters, clock=fixed(NOON))
    app = make_app(replace(context, **more))
    return TestClient(app, raise_server_exceptions=False, client=(caller, 50_000))


def _families(client: TestClient) -> dict[str, Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {each.name: each for each in text_string_to_metric_families(answer.text)}
    assert {each.type for each in found.values()} <= {"gauge", "counter"}
    return found


def _values(families: dict[str, Metric], name: str) -> dict[tuple[str, ...], float]:
    family = families[name.removesuffix("_total")]
    assert {sample.name for sample in family.samples} <= {name}
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def _edition(database: Database, state: EditionState, *, name: str, **more: Any) -> int:
    newsletter = make_newsletters(database)[0]
    with database.write() as connection:
        made = editions.insert_edition(
            connection,
            newsletter,
            Slot(NOON.date(), NOON, NOON, name=name),
            window=Window(NOON - HOUR, NOON),
            prepared_at=NOON,
            expires_at=None,
        )
        editions.change_state(connection, made.id, expect=[EditionState.DRAFT], to=state)
        mine = sa.update(editions.edition).where(editions.edition.c.id == made.id)
        connection.execute(mine.values(state=state.value, **more))
    return made.id


def _count(database: Database, edition_id: int, counts: dict[tuple[int, str], int]) -> None:
    changes = {(edition_id, of, state): n for (of, state), n in counts.items()}
    with database.write() as connection:
        add_counts(connection, changes, at=NOON)


def _domains(database: Database, *names: str) -> None:
    rows = [{"id": n, "name": name, "mx_group": name} for n, name in enumerate(names, 1)]
    with database.write() as connection:
        connection.execute(sa.insert(domain), rows)


def test_a_new_site_tells_all_its_metrics(database: Database) -> None:
    families = _families(_client(database))
    ours = {name for name in families if name.startswith("digest_")}
    assert ours == {name.removesuffix("_total") for name in NAMES}
    told = set(families) - ours
    assert told <= {name.removesuffix("_total") for name in OF_THE_PROCESS}
    assert _values(families, "digest_database_up") == {(): 1}
    assert _values(families, "digest_slots_missed_total") == {("daily",): 0, ("weekly",): 0}
    assert _values(families, "digest_alarms") == {(kind.value,): 0 for kind in AlarmKind}


def test_editions_and_deliveries_are_told_by_state_and_domain(database: Database) -> None:
    client = _client(database)
    _domains(database, "gmail.example", "post.example")
    sending = _edition(database, EditionState.SENDING, name="a", sending_at=NOON)
    sent = _edition(
        database, EditionState.SENT, name="b", sending_at=NOON, finished_at=NOON - 23 * HOUR
    )
    old = _edition(
        database, EditionState.SENT, name="c", sending_at=NOON, finished_at=NOON - 25 * HOUR
    )
    _edition(database, EditionState.IN_REVIEW, name="d")
    _count(database, sending, {(0, "planned"): 5, (1, "accepted"): 3, (2, "failed"): 1})
    _count(database, sent, {(1, "accepted"): 10, (2, "accepted"): 20, (2, "planned"): 0})
    _count(database, old, {(1, "accepted"): 1000})
    families = _families(client)
    assert _values(families, "digest_editions") == {
        ("daily", "in_review"): 1,
        ("daily", "sending"): 1,
        ("daily", "sent"): 2,
    }
    assert _values(families, "digest_deliveries") == {
        ("daily", "accepted"): 33,
        ("daily", "deferred"): 0,
        ("daily", "failed"): 1,
        ("daily", "planned"): 5,
        ("daily", "skipped"): 0,
        ("daily", "uncertain"): 0,
    }
    assert _values(families, "digest_domain_deliveries") == {
        ("gmail.example", "accepted"): 13,
        ("post.example", "accepted"): 20,
        ("post.example", "failed"): 1,
        ("unknown", "planned"): 5,
    }


def test_however_many_domains_there_are_fifty_are_named(database: Database) -> None:
    client = _client(database)
    _domains(database, *(f"d{n}.example" for n in range(1, 301)))
    sending = _edition(database, EditionState.SENDING, name="a", sending_at=NOON)
    _count(database, sending, {(n, "accepted"): n for n in range(1, 301)})
    told = _values(_families(client), "digest_domain_deliveries")
    assert len(told) == 51
    assert told["other", "accepted"] == sum(range(1, 251))
    assert told["d300.example", "accepted"] == 300
    assert sum(told.values()) == sum(range(1, 301))


def _two_sources(database: Database) -> None:
    with database.write() as connection:
        for name in ("site", 'b"\\\nad'):
            row = {"name": name, "kind": "feed", "address": "x", "origin": "file"}
            connection.execute(sa.insert(source).values(**row))
        record_poll_ok(connection, 1, now=NOON - HOUR, etag=None, last_modified=None)
        for hours in (2, 1):
            record_poll_failed(connection, 2, now=NOON - hours * HOUR, error="away")


def test_sources_slots_notices_alarms_and_processes_are_told(database: Database) -> None:
    client = _client(database)
    _two_sources(database)
    wall = datetime.now(UTC)
    with database.write() as connection:
        missed = Slot(NOON.date(), NOON, NOON)
        editions.take_slot(connection, 1, missed, SlotState.MISSED)
        outbox.put(connection, NewNotice("k", NoticeKind.LINK, "a@b.example", {}, NOON - HOUR))
        begin_spell(connection, Alarm(AlarmKind.QUEUE, "queue", "w", "d", "r"), at=NOON)
        beat(connection, "sender press 1a2b", now=wall - HOUR)
        beat(connection, "scheduler", now=wall)
    families = _families(client)
    assert _values(families, "digest_source_failures") == {("site",): 0, ('b"\\\nad',): 2}
    failing = _values(families, "digest_source_failing_seconds")
    assert failing == {("site",): 0, ('b"\\\nad',): 7200}
    assert _values(families, "digest_source_last_success_timestamp_seconds") == {
        ("site",): (NOON - HOUR).timestamp()
    }
    assert _values(families, "digest_slots_missed_total") == {("daily",): 1, ("weekly",): 0}
    assert _values(families, "digest_notices_waiting") == {(): 1}
    assert _values(families, "digest_oldest_notice_age_seconds") == {(): 3600}
    assert _values(families, "digest_alarms")[("queue",)] == 1
    up = {role: value for (_, role), value in _values(families, "digest_process_up").items()}
    assert up == {"scheduler": 1, "sender press 1a2b": 0}
    assert _values(families, "digest_ready") == {(): 0}
    lag = NOON - datetime(2026, 1, 1, 10, 30, tzinfo=UTC)
    assert _values(families, "digest_scheduler_lag_seconds") == {(): lag.total_seconds()}


def test_openmetrics_is_given_to_who_asks_for_it(database: Database) -> None:
    client = _client(database)
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = client.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    read: Any = openmetrics.text_string_to_metric_families
    parsed = {each.name for each in read(answer.text)}
    assert {"digest_slots_missed", "digest_ready"} <= parsed


def test_while_the_database_is_away_it_says_so(tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'absent' / 'digest.db'}")
    client = TestClient(make_app(WebContext(away, SITE, KEYS, [])), client=("127.0.0.1", 1))
    families = _families(client)
    assert _values(families, "digest_database_up") == {(): 0}
    assert _values(families, "digest_ready") == {(): 0}
    assert _values(families, "digest_editions") == {}
    assert str(tmp_path) not in client.get("/metrics").text


@pytest.mark.parametrize(
    ("caller", "networks", "status"),
    [
        ("127.0.0.1", ("127.0.0.1", "::1"), 200),
        ("::1", ("127.0.0.1", "::1"), 200),
        ("::ffff:127.0.0.1", ("127.0.0.1",), 200),
        ("203.0.113.7", ("127.0.0.1", "::1"), 404),
        ("10.1.2.3", ("10.0.0.0/8",), 200),
        ("127.0.0.1", (), 404),
        ("testclient", ("0.0.0.0/0", "::/0"), 404),
    ],
)
def test_who_asks_from_elsewhere_finds_no_such_page(
    sqlite_database: Database, caller: str, networks: tuple[str, ...], status: int
) -> None:
    client = _client(sqlite_database, caller=caller, metrics=networks)
    assert client.get("/metrics").status_code == status


def test_a_token_opens_it_from_anywhere_if_it_may_read_editions(database: Database) -> None:
    client = _client(database, caller="203.0.113.7")
    codes = {}
    for scope in (Scope.EDITIONS_READ, Scope.SIGNUP):
        text, new = make_token("prometheus", [scope], now=NOON)
        with database.write() as connection:
            create_token(connection, new)
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {text}"})
        codes[scope] = answer.status_code
    assert codes == {Scope.EDITIONS_READ: 200, Scope.SIGNUP: 404}
    for wrong in ("Bearer dg_nothing", "Basic eDp5", "Bearer " + "x" * 9000):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404


def test_no_address_of_a_reader_is_told(database: Database) -> None:
    client = _client(database)
    with database.write() as connection:
        outbox.put(connection, NewNotice("k", NoticeKind.LINK, "maria@b.example", {}, NOON))
    assert "@" not in client.get("/metrics").text


def test_the_reference_lists_every_metric_as_it_is() -> None:
    page = (ROOT / "docs/reference/metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ?(.*?) \| (.*) \|$", page, re.MULTILINE)
    labels = [(name, kind, tuple(re.findall(r"\w+", of)), words) for name, kind, of, words in rows]
    assert labels == [(each.name, each.kind, each.labels, each.meaning) for each in FIGURES]
    assert all(f"`{name}`" in page for name in OF_THE_PROCESS)


def _rules() -> list[dict[str, Any]]:
    text = (ROOT / "deploy/prometheus-rules.yml").read_text("utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_the_alert_rules_ask_for_metrics_and_labels_that_are_told() -> None:
    known = {figure.name: set(figure.labels) | {"job"} for figure in FIGURES} | {"up": {"job"}}
    for rule in _rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Digest[A-Z]\w+", rule["alert"])
        assert set(rule["annotations"]) == {"summary", "description"}
        asked = re.findall(r"\b(digest_\w+|up)\b(?:\{(.*?)\})?", rule["expr"])
        assert asked
        for name, matchers in asked:
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= known[name]
        by = set(re.findall(r"by \((\w+)\)", rule["expr"]))
        told = by or set.union(*(known[name] for name, _ in asked))
        words = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$labels\.(\w+)", words)) <= told


def test_the_alert_rules_are_balanced_and_unlike_each_other() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        for opened, closed in ("()", "{}", "[]"):
            assert rule["expr"].count(opened) == rule["expr"].count(closed)
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))


def test_the_guide_names_every_alert() -> None:
    page = (ROOT / "docs/how-to/watch-it.md").read_text("utf-8")
    assert [rule["alert"] for rule in _rules() if rule["alert"] not in page] == []
