from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from digest.db import Database
from digest.people.model import Scope
from subscribers import signup
from subscribers.limits import SignupPolicy
from subscribers.model import Act
from tests.integration.api_site import CONSENT, Caller, open_api
from tests.integration.newsletters import DAILY, WEEKLY
from tests.integration.web_site import KEYS, MARIA, NOON, SITE

AT_NOON = "2026-01-09T12:00:00Z"
NOBODY = "0" * 24
DOCS = f"{SITE.public_url}/api/v1/docs"


@pytest.fixture
def api(database: Database) -> Caller:
    return open_api(database)


def subscription(newsletter: str = "daily", **more: object) -> dict[str, object]:
    joined = {
        "newsletter": newsletter,
        "state": "confirmed",
        "topics": None,
        "paused_until": None,
        "requested_at": AT_NOON,
        "confirmed_at": AT_NOON,
        "ended_at": None,
    }
    return {**joined, **more}


def shown(public_id: str, *subscriptions: dict[str, object], **more: object) -> dict[str, object]:
    usual = {
        "id": public_id,
        "address": MARIA,
        "language": None,
        "zone": None,
        "hour": None,
        "format": "html",
        "tags": [],
        "created_at": AT_NOON,
        "active_at": None,
        "subscriptions": [*subscriptions],
    }
    return {**usual, **more}


def problem(status: int, title: str, detail: str, **more: object) -> dict[str, object]:
    kind = f"{DOCS}#problem-{status}"
    return {"type": kind, "title": title, "status": status, "detail": detail, **more}


def refused(detail: str, **place: str) -> dict[str, object]:
    return problem(
        422, "Something in it cannot be taken", detail, errors=[{"detail": detail, **place}]
    )


# Newsletters and sign-ups


def test_newsletters_tell_what_a_form_needs(api: Caller) -> None:
    topics = [{"key": "town", "title": "Town & Country"}, {"key": "sport", "title": "Sport"}]
    assert api.get("/newsletters").json() == {
        "newsletters": [
            {
                "slug": "daily",
                "name": "The Daily Brief",
                "offered": True,
                "languages": ["en", "de"],
                "topics": topics,
            },
            {
                "slug": "weekly",
                "name": "The Week",
                "offered": True,
                "languages": ["en"],
                "topics": [],
            },
            {
                "slug": "staff",
                "name": "For the Staff",
                "offered": False,
                "languages": ["en"],
                "topics": [],
            },
        ]
    }


def test_a_form_sees_only_what_anybody_may_ask_for(database: Database) -> None:
    api = open_api(database, scopes=[Scope.SIGNUP])
    slugs = [each["slug"] for each in api.get("/newsletters").json()["newsletters"]]
    assert slugs == ["daily", "weekly"]


def test_a_sign_up_waits_for_its_confirmation_with_all_that_was_told(api: Caller) -> None:
    answer = api.post(
        "/signups",
        {
            "address": MARIA,
            "newsletters": ["daily", "weekly"],
            "topics": {"daily": ["sport"]},
            "language": "de",
            "ip": "203.0.113.9",
            "source": "/newsletters",
            "text": "Send me The Daily Brief.",
        },
    )
    assert (answer.status_code, answer.json()) == (202, {"status": "taken"})
    (reader,) = api.get("/subscribers").json()["subscribers"]
    waiting = {"state": "unconfirmed", "confirmed_at": None}
    assert reader == shown(
        reader["id"],
        subscription("daily", **waiting, topics=["sport"]),
        subscription("weekly", **waiting),
        language="de",
    )
    line = {
        "at": AT_NOON,
        "kind": "asked",
        "newsletter": "daily",
        "via": "api",
        "source": "crm: /newsletters",
        "ip": "203.0.113.9",
        "text": "Send me The Daily Brief.",
    }
    log = api.get(f"/subscribers/{reader['id']}/consent").json()
    assert log == {"consent": [line, {**line, "newsletter": "weekly"}]}


def test_a_sign_up_tells_nothing_of_who_is_known(api: Caller) -> None:
    api.add(MARIA)
    api.post("/suppressions", {"address": "never@reader.example"})
    answers = [
        api.post("/signups", {"address": address, "newsletters": ["daily"]})
        for address in (MARIA, "new@reader.example", "never@reader.example")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"status":"taken"}')
    }
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("changes", "detail", "pointer"),
    [
        ({"newsletters": ["staff"]}, "There is no newsletter of this name.", "/newsletters/0"),
        ({"newsletters": ["daily", "x"]}, "There is no newsletter of this name.", "/newsletters/1"),
        ({"newsletters": []}, "It has fewer than 1 entries.", "/newsletters"),
        ({"newsletters": ["daily", "daily"]}, "The same stands in it twice.", "/newsletters"),
        ({"address": "maria"}, "There is no @ in it.", "/address"),
        ({"address": "maria@gmial.com"}, "Did you mean maria@gmail.com?", "/address"),
        (
            {"address": "maria@mailinator.com"},
            "A mailbox there is thrown away after a while.",
            "/address",
        ),
        ({"address": 7}, "It must be text.", "/address"),
        ({"topics": {"weekly": []}}, "This newsletter is not asked for.", "/topics/weekly"),
        (
            {"topics": {"daily": ["town", "war"]}},
            "This newsletter offers no such topic.",
            "/topics/daily/1",
        ),
        ({"ip": "203.0.113"}, "It is no IP address.", "/ip"),
        ({"fax_number": "1"}, "There is no field of this name.", "/fax_number"),
    ],
)
def test_a_sign_up_that_cannot_be_taken_is_told_with_its_place(
    sqlite_database: Database, changes: dict[str, object], detail: str, pointer: str
) -> None:
    api = open_api(sqlite_database)
    answer = api.post("/signups", {"address": MARIA, "newsletters": ["daily"], **changes})
    found = answer.json()
    found.pop("hint", None)
    assert (answer.status_code, found) == (422, refused(detail, pointer=pointer))
    assert api.get("/subscribers").json()["subscribers"] == []


def test_sign_ups_of_one_network_have_a_limit(database: Database) -> None:
    api = open_api(database, policy=SignupPolicy(per_network=1))
    body = {"address": MARIA, "newsletters": ["daily"], "ip": "2001:db8::1"}
    assert api.post("/signups", body).status_code == 202
    late = api.post("/signups", {**body, "address": "b@reader.example", "ip": "2001:db8::2"})
    assert (late.status_code, late.headers["Retry-After"]) == (429, "3600")
    other = api.post("/signups", {**body, "address": "c@reader.example", "ip": "2001:db8:0:1::1"})
    assert other.status_code == 202


def test_without_double_opt_in_a_new_reader_is_confirmed_at_once(database: Database) -> None:
    api = open_api(database, policy=SignupPolicy(double_opt_in=False))
    api.post("/signups", {"address": MARIA, "newsletters": ["daily"]})
    (reader,) = api.get("/subscribers").json()["subscribers"]
    assert reader["subscriptions"] == [subscription()]


# Readers


def test_a_reader_is_added_by_the_publishers_act(api: Caller) -> None:
    consent = {"source": "paper form", "text": "Yes, please.", "ip": "203.0.113.9"}
    body = {
        "address": "Maria@Reader.example",
        "newsletters": ["daily"],
        "consent": consent,
        "language": "de",
        "format": "text",
        "tags": ["Gift 2026", "member"],
    }
    answer = api.post("/subscribers", body)
    reader = answer.json()
    url = f"{SITE.public_url}/api/v1/subscribers/{reader['id']}"
    assert (answer.status_code, answer.headers["Location"]) == (201, url)
    assert reader == shown(
        reader["id"],
        subscription(),
        address="Maria@reader.example",
        language="de",
        format="text",
        tags=["gift 2026", "member"],
    )
    again = api.post("/subscribers", {**body, "newsletters": ["weekly"], "tags": []})
    assert again.status_code == 200
    assert again.json() == {
        **reader,
        "tags": [],
        "subscriptions": [subscription(), subscription("weekly")],
    }
    log = api.get(f"/subscribers/{reader['id']}/consent").json()["consent"]
    assert log[0] == {
        "at": AT_NOON,
        "kind": "added by the publisher",
        "newsletter": "daily",
        "via": "api",
        "source": "crm: paper form",
        "ip": "203.0.113.9",
        "text": "Yes, please.",
    }
    who = api.token.actor
    assert api.audit() == [
        (who, "subscriber.add", reader["id"], {"newsletters": ["daily"], "again": False}),
        (who, "subscriber.add", reader["id"], {"newsletters": ["weekly"], "again": False}),
    ]


def test_who_left_is_added_again_only_by_saying_so(api: Caller) -> None:
    body = {"address": MARIA, "newsletters": ["daily"], "consent": CONSENT}
    public_id = api.add(MARIA)
    api.call("DELETE", f"/subscribers/{public_id}/subscriptions/daily")
    answer = api.post("/subscribers", body)
    assert (answer.status_code, answer.json()) == (
        409,
        problem(
            409,
            "It stands against what there is",
            "This reader has unsubscribed.",
            hint="If they asked you to, send it with: again = true.",
        ),
    )
    assert api.post("/subscribers", {**body, "again": True}).status_code == 200


def test_the_never_mail_list_beats_even_that(api: Caller) -> None:
    api.post("/suppressions", {"address": MARIA})
    body = {"address": MARIA, "newsletters": ["daily"], "consent": CONSENT, "again": True}
    answer = api.post("/subscribers", body)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "On the never-mail list (by the publisher)."
    assert api.get("/subscribers").json()["subscribers"] == []


def test_adding_needs_a_consent_with_its_source(api: Caller) -> None:
    body = {"address": MARIA, "newsletters": ["daily"]}
    answer = api.post("/subscribers", body)
    assert (answer.status_code, answer.json()) == (
        422,
        refused("It is missing.", pointer="/consent"),
    )
    bare = api.post("/subscribers", {**body, "consent": {"text": "Yes"}})
    assert bare.json()["errors"] == [{"detail": "It is missing.", "pointer": "/consent/source"}]


def test_a_reader_is_shown_by_their_id(api: Caller) -> None:
    public_id = api.add(MARIA)
    assert api.get(f"/subscribers/{public_id}").json() == shown(public_id, subscription())
    gone = problem(404, "There is nothing here", "There is no reader of this id.")
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/consent"),
        ("DELETE", "/subscriptions/daily"),
    ):
        answer = api.call(method, f"/subscribers/{NOBODY}{path}")
        assert (answer.status_code, answer.json()) == (404, gone)
    assert api.call("PATCH", f"/subscribers/{NOBODY}", {"tags": []}).json() == gone
    assert api.call("PUT", f"/subscribers/{NOBODY}/subscriptions/daily", {}).json() == gone
    assert api.get("/subscribers/maria@reader.example").status_code == 404


def test_what_is_left_out_of_a_change_stays(api: Caller) -> None:
    public_id = api.add(MARIA, language="de", tags=["member"])
    change = {"zone": "Europe/London", "hour": "18:30", "format": "text"}
    first = api.call("PATCH", f"/subscribers/{public_id}", change)
    assert first.json() == shown(
        public_id, subscription(), language="de", tags=["member"], **change
    )
    second = api.call("PATCH", f"/subscribers/{public_id}", {"hour": None, "tags": ["VIP"]})
    assert second.json() == {**first.json(), "hour": None, "tags": ["vip"]}
    same = api.call("PATCH", f"/subscribers/{public_id}", {"hour": None, "tags": ["vip"]})
    assert same.json() == second.json()
    assert [kind for kind, *_ in api.log(public_id)] == [
        "added by the publisher",
        "chose how letters come",
        "chose how letters come",
    ]
    told = api.get("/changes").json()["changes"]
    assert [each["what"] for each in told] == ["joined", "changed", "changed", "changed"]
    assert [detail for *_, detail in api.audit()[1:]] == [
        {"fields": ["format", "hour", "zone"]},
        {"fields": ["hour", "tags"]},
        {"fields": ["hour", "tags"]},
    ]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({}, ""),
        ({"hour": "07:00"}, "/hour"),
        ({"hour": "25:00"}, "/hour"),
        ({"zone": "Europe/Harbour"}, "/zone"),
        ({"language": "deutsch!"}, "/language"),
        ({"format": "pdf"}, "/format"),
        ({"tags": ["a,b"]}, "/tags/0"),
        ({"tags": "vip"}, "/tags"),
        ({"address": "new@reader.example"}, "/address"),
    ],
)
def test_a_change_that_cannot_be_made_is_told_with_its_place(
    sqlite_database: Database, change: dict[str, object], pointer: str
) -> None:
    api = open_api(sqlite_database)
    public_id = api.add(MARIA)
    before = api.get(f"/subscribers/{public_id}").json()
    answer = api.call("PATCH", f"/subscribers/{public_id}", change)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert api.get(f"/subscribers/{public_id}").json() == before


def test_erasing_takes_everything_but_the_proof(database: Database, tmp_path: Path) -> None:
    api = open_api(database, folder=tmp_path)
    public_id = api.add(MARIA)
    answer = api.call("DELETE", f"/subscribers/{public_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.call("DELETE", f"/subscribers/{public_id}").status_code == 404
    assert api.get(f"/subscribers/{public_id}/consent").status_code == 404
    assert api.get("/subscribers").json() == {"subscribers": [], "next": None}
    erased = {"newsletter": None, "reason": "erased", "at": AT_NOON}
    assert api.get(f"/suppressions?address={MARIA}").json() == {"suppressions": [erased]}
    assert [(verb, subject, detail) for _, verb, subject, detail in api.audit()] == [
        ("subscriber.add", public_id, {}),
        ("subscriber.erase", public_id, {}),
    ]
    last = api.get("/changes").json()["changes"][-1]
    assert (last["id"], last["newsletter"], last["what"]) == (public_id, None, "erased")
    (line,) = (tmp_path / "departures").read_text().splitlines()[1:]
    assert (json.loads(line)["kind"], json.loads(line)["reader"]) == ("erased", public_id)


def test_who_asked_never_to_be_mailed_cannot_come_back(api: Caller) -> None:
    public_id = api.add(MARIA)
    assert api.call("DELETE", f"/subscribers/{public_id}?never_again=true").status_code == 204
    (line,) = api.get(f"/suppressions?address={MARIA}").json()["suppressions"]
    assert line["reason"] != "erased"


# Lists


def test_lists_are_given_a_page_at_a_time(api: Caller) -> None:
    ids = [api.add(f"r{n}@reader.example") for n in range(5)]
    pages, path = [], "/subscribers?limit=2"
    while path:
        answer = api.get(path)
        pages.append([each["id"] for each in answer.json()["subscribers"]])
        link = answer.headers.get("Link", "")
        path = f"/subscribers{link[1 : link.index('>')]}" if link else ""
        assert bool(link) == (answer.json()["next"] is not None)
    assert pages == [ids[:2], ids[2:4], ids[4:]]


def test_a_cursor_belongs_to_its_filters(api: Caller) -> None:
    for n in range(3):
        api.add(f"r{n}@reader.example")
    cursor = api.get("/subscribers?limit=1").json()["next"]
    answer = api.get(f"/subscribers?newsletter=daily&cursor={cursor}")
    detail = "It is not one of ours, or belongs to other filters."
    assert (answer.status_code, answer.json()) == (422, refused(detail, parameter="cursor"))


def test_readers_are_found_by_what_is_asked(api: Caller) -> None:
    maria = api.add(MARIA, "daily", "weekly", tags=["vip"])
    ben = api.add("ben+news@reader.example", "weekly")
    api.call("DELETE", f"/subscribers/{maria}/subscriptions/daily")
    asked = {
        "": [maria, ben],
        "newsletter=daily": [maria],
        "newsletter=daily&state=confirmed": [],
        "newsletter=weekly&state=confirmed": [maria, ben],
        "state=unsubscribed": [maria],
        f"address={quote('BEN+news@reader.example')}": [ben],
        "segment=tag:vip": [maria],
        "segment=tag:vip&newsletter=daily&state=unsubscribed": [maria],
        "segment=not%20tag:vip": [ben],
        "newsletter=staff": [],
    }
    found = {
        query: [each["id"] for each in api.get(f"/subscribers?{query}").json()["subscribers"]]
        for query in asked
    }
    assert found == asked


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("newsletter=nightly", "newsletter"),
        ("newsletter=Daily", "newsletter"),
        ("state=asleep", "state"),
        ("address=maria", "address"),
        ("segment=topic:", "segment"),
        ("segment=tag:nobody", "segment"),
        ("limit=501", "limit"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=x", "cursor"),
        ("page=2", "page"),
        ("segment=%00", "segment"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(
    sqlite_database: Database, query: str, parameter: str
) -> None:
    answer = open_api(sqlite_database).get(f"/subscribers?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == parameter


def test_a_segment_is_counted(api: Caller) -> None:
    api.add(MARIA, tags=["vip"])
    api.add("ben@reader.example")
    answer = api.get("/segments/count", params={"expression": "tag:VIP OR state:paused"})
    assert answer.json() == {"expression": "tag:vip or state:paused", "count": 1}
    wrong = api.get("/segments/count", params={"expression": "tag:vip and colour:red"})
    assert wrong.status_code == 422
    (error,) = wrong.json()["errors"]
    assert error["parameter"] == "expression"
    assert error["detail"].startswith("Character 13: 'colour': no such field")


def test_changes_are_followed_by_their_number(api: Caller) -> None:
    maria = api.add(MARIA, "daily", "weekly")
    api.call("PUT", f"/subscribers/{maria}/subscriptions/daily", {"paused_until": "2026-02-01"})
    api.call("DELETE", f"/subscribers/{maria}/subscriptions/daily")
    first = api.get("/changes?limit=3")
    changes = first.json()["changes"]
    assert [(each["id"], each["newsletter"], each["what"], each["at"]) for each in changes] == [
        (maria, "daily", "joined", AT_NOON),
        (maria, "weekly", "joined", AT_NOON),
        (maria, "daily", "paused", AT_NOON),
    ]
    last = first.json()["last"]
    assert last == changes[-1]["seq"]
    assert first.headers["Link"] == f'<?after={last}&limit=3>; rel="next"'
    second = api.get(f"/changes?after={last}&limit=3")
    assert [each["what"] for each in second.json()["changes"]] == ["left"]
    assert "Link" not in second.headers
    end = second.json()["last"]
    assert api.get(f"/changes?after={end}").json() == {"changes": [], "last": end}


# Subscriptions


def test_a_subscription_begins_changes_pauses_and_ends(api: Caller) -> None:
    public_id = api.add(MARIA, "weekly")
    path = f"/subscribers/{public_id}/subscriptions/daily"
    bare = api.call("PUT", path, {"topics": ["sport"]})
    assert (bare.status_code, bare.json()) == (
        422,
        refused("They do not get it yet: say where they agreed.", pointer="/consent"),
    )
    begun = api.call("PUT", path, {"topics": ["sport"], "consent": CONSENT})
    assert (begun.status_code, begun.json()) == (201, subscription(topics=["sport"]))
    asleep = api.call("PUT", path, {"topics": ["sport"], "paused_until": "2026-02-01"})
    paused = {"state": "paused", "paused_until": "2026-02-01T04:00:00Z"}
    assert (asleep.status_code, asleep.json()) == (200, subscription(topics=["sport"], **paused))
    awake = api.call("PUT", path, {})
    assert (awake.status_code, awake.json()) == (200, subscription())
    assert [api.call("DELETE", path).status_code for _ in range(2)] == [204, 204]
    ended = subscription(state="unsubscribed", ended_at=AT_NOON)
    reader = api.get(f"/subscribers/{public_id}").json()
    assert reader == shown(public_id, ended, subscription("weekly"))
    back = api.call("PUT", path, {"consent": CONSENT})
    assert (back.status_code, back.json()["detail"]) == (409, "This reader has unsubscribed.")
    assert api.call("PUT", path, {"consent": CONSENT, "again": True}).status_code == 201
    assert api.log(public_id) == [
        ("added by the publisher", WEEKLY, "api", "crm: paper form"),
        ("added by the publisher", DAILY, "api", "crm: paper form"),
        ("chose topics", DAILY, "api", "crm"),
        ("paused", DAILY, "api", "crm"),
        ("chose topics", DAILY, "api", "crm"),
        ("resumed", DAILY, "api", "crm"),
        ("unsubscribed", DAILY, "api", "crm"),
        ("added by the publisher", DAILY, "api", "crm: paper form"),
    ]


@pytest.mark.parametrize(
    ("body", "detail", "pointer"),
    [
        ({"topics": ["war"]}, "This newsletter offers no such topic.", "/topics/0"),
        (
            {"paused_until": "2026-01-09"},
            "It must be a day from 2026-01-10 to 2027-01-09.",
            "/paused_until",
        ),
        ({"paused_until": "2026-02-30"}, "There is no such day.", "/paused_until"),
    ],
)
def test_a_wish_that_cannot_be_met_changes_nothing(
    sqlite_database: Database, body: dict[str, object], detail: str, pointer: str
) -> None:
    api = open_api(sqlite_database)
    public_id = api.add(MARIA, "weekly")
    path = f"/subscribers/{public_id}/subscriptions/daily"
    answer = api.call("PUT", path, {**body, "consent": CONSENT})
    assert (answer.status_code, answer.json()) == (422, refused(detail, pointer=pointer))
    reader = api.get(f"/subscribers/{public_id}").json()
    assert reader["subscriptions"] == [subscription("weekly")]


def test_a_newsletter_that_is_not_there_is_not_found(api: Caller) -> None:
    public_id = api.add(MARIA)
    path = f"/subscribers/{public_id}/subscriptions"
    answers = [
        api.call("PUT", f"{path}/nightly", {}),
        api.call("DELETE", f"{path}/nightly"),
        api.call("DELETE", f"{path}/weekly"),
        api.call("DELETE", f"{path}/Daily"),
    ]
    assert [each.status_code for each in answers] == [404] * 4


def test_leaving_by_the_api_is_in_the_file_of_departures(
    database: Database, tmp_path: Path
) -> None:
    api = open_api(database, folder=tmp_path)
    public_id = api.add(MARIA)
    api.call("DELETE", f"/subscribers/{public_id}/subscriptions/daily")
    line = json.loads((tmp_path / "departures").read_text().splitlines()[-1])
    assert (line["kind"], line["reader"], line["newsletters"]) == (
        "unsubscribed",
        public_id,
        ["daily"],
    )


def test_a_pause_that_is_over_is_none(database: Database) -> None:
    api = open_api(database)
    public_id = api.add(MARIA)
    path = f"/subscribers/{public_id}/subscriptions/daily"
    api.call("PUT", path, {"paused_until": "2026-01-10"})
    later = open_api(database, clock=lambda: NOON + timedelta(days=2))
    assert later.get(f"/subscribers/{public_id}").json()["subscriptions"] == [subscription()]


# The never-mail list


def test_a_suppression_ends_what_there_is(api: Caller) -> None:
    public_id = api.add(MARIA, "daily", "weekly")
    answer = api.post("/suppressions", {"address": "MARIA@reader.example", "newsletter": "daily"})
    line = {"newsletter": "daily", "reason": "by the publisher", "at": AT_NOON}
    assert (answer.status_code, answer.json()) == (200, {"suppressions": [line]})
    whole = api.post("/suppressions", {"address": MARIA})
    assert whole.json() == {"suppressions": [{**line, "newsletter": None}, line]}
    states = [
        each["state"] for each in api.get(f"/subscribers/{public_id}").json()["subscriptions"]
    ]
    assert states == ["unsubscribed", "unsubscribed"]
    assert api.audit()[1:] == [
        (api.token.actor, "suppression.add", public_id, {"newsletter": "daily"}),
        (api.token.actor, "suppression.add", public_id, {"newsletter": None}),
    ]


def test_an_address_nobody_has_can_be_suppressed(api: Caller) -> None:
    assert api.get("/suppressions?address=new@reader.example").json() == {"suppressions": []}
    assert api.post("/suppressions", {"address": "new@reader.example"}).status_code == 200
    assert api.audit() == [(api.token.actor, "suppression.add", "", {"newsletter": None})]
    assert api.get("/suppressions?address=new").status_code == 422
    assert api.post("/suppressions", {"address": "new"}).status_code == 422
    wrong = api.post("/suppressions", {"address": MARIA, "newsletter": "nightly"})
    assert wrong.json()["errors"][0]["pointer"] == "/newsletter"


def test_who_signed_up_by_the_form_is_a_reader_like_any_other(api: Caller) -> None:
    signup.add(api.database, MARIA, [DAILY], Act(NOON, "command"), keys=KEYS)
    (reader,) = api.get("/subscribers").json()["subscribers"]
    assert reader == shown(reader["id"], subscription())
