"""Door: the readers on the desk: how many there are, who they are, add one.

A viewer sees figures and no address. No address ever stands in the address of a page: searches
are posted, and a reader's page is named by their id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.db import Connection
from digest.editions.model import Newsletter
from digest.errors import DigestError
from digest.people.model import Role, SignedIn
from digest.people.store import append_audit
from digest.site_values import signup_policy, vocabulary
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.reader_rows import reader_rows, state_counts
from digest.web.desk.reader_search import Means, Search, read_search
from digest.web.forms import Fields, first
from subscribers import crowd_store, directory_store, rights_store, signup, store
from subscribers.address import AddressProblem, AddressRefusedError, read_address
from subscribers.amend import amend
from subscribers.directory_store import Asked
from subscribers.finding_store import address_begins
from subscribers.model import EVERYTHING, Act
from subscribers.segment_fault import SegmentError
from subscribers.segment_store import condition_of
from subscribers.segments import Audience, Every, Has, Rule, Segment, parse
from subscribers.segments import Field as SegmentField
from subscribers.suppression import address_hash
from subscribers.tags import read_tag

_PAGE = 50
_POST = ("POST",)
_BOTH = ("GET", "POST")
STATES = ("confirmed", "paused", "unconfirmed", "unsubscribed")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A page of readers that was asked for, and what was asked."""

    q: str
    slug: str
    state: str
    after: int
    """The reader's number behind whom the page begins."""


class ReadersPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        return [
            route("readers", self.show),
            route("readers/find", self.find, role=Role.EDITOR, methods=_BOTH),
            route("readers/count", self.count, role=Role.EDITOR, methods=_POST),
            route("readers/add", self.add, role=Role.EDITOR, methods=_BOTH),
        ]

    # How many, and who

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/readers: figures; for who may see them, the readers themselves."""
        del request
        return self._list(me, _Listed("", "", "", 0))

    def find(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/readers/find: who is meant; one address leads straight to its reader."""
        if request.method == "GET":  # somebody came back to it: what was asked is not in it
            return self.desk.done(self.context.url("readers"))
        form: Fields = request.state.form
        after = first(form, "after")
        asked = _Listed(
            q=first(form, "q").strip(),
            slug=first(form, "newsletter"),
            state=first(form, "state"),
            after=int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0,  # noqa: PLR2004 - of 64 bits
        )
        search = read_search(asked.q)
        if search.means in {Means.ADDRESS, Means.ID}:
            if (public_id := self._one(search)) is not None:
                return self.desk.done(self.context.url(f"readers/{public_id}"))
            if search.means is Means.ADDRESS:
                return self._list(me, asked, unknown=self._why_unknown(search.value))
        return self._list(me, asked)

    def count(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/readers/count: how many a segment means, or where its slip is."""
        text = first(request.state.form, "segment")
        values: dict[str, Any] = {"count": None, "fault": None, "segment": text}
        try:
            with self.context.database.read() as connection:
                audience = self._audience(connection, text)
                condition = condition_of(connection, audience, now=self.context.clock())
                values["count"] = directory_store.count_of(connection, Asked(condition=condition))
        except SegmentError as error:
            values["fault"] = error
        if request.headers.get("hx-request") == "true":
            return self.desk.part("_segment-count", me, **values)
        return self._list(me, _Listed("", "", "", 0), **values)

    def _list(self, me: SignedIn, asked: _Listed, *, unknown: str = "", **more: Any) -> Response:
        now = self.context.clock()
        values: dict[str, Any] = {
            "asked": asked,
            "states": STATES,
            "unknown": unknown,
            "fault": None,
            "count": None,
            "segment": "",
            "rows": [],
            "found": None,
            "next_after": None,
            "newsletters": self._newsletters,
        } | more
        with self.context.database.read() as connection:
            values["total"] = crowd_store.count_readers(connection, None)
            counts = crowd_store.count_states(connection, None, now=now)
            values["counts"] = state_counts(self._newsletters, counts)
            if me.may(Role.EDITOR) and not unknown:
                try:
                    values |= self._page(connection, asked)
                except SegmentError as error:
                    values["search_fault"] = error
        values.setdefault("search_fault", None)
        return self.desk.show("readers", me, here="readers", **values)

    def _page(self, connection: Connection, asked: _Listed) -> dict[str, Any]:
        wanted = self._asked(connection, asked)
        found = directory_store.page_of(connection, wanted, after=asked.after, limit=_PAGE + 1)
        shown = found[:_PAGE]
        names = {each.id: each.spec.name for each in self._newsletters}
        slugs = directory_store.slugs(connection)
        return {
            "found": directory_store.count_of(connection, wanted),
            "rows": reader_rows(shown, names=names, slugs=slugs, now=self.context.clock()),
            "next_after": shown[-1].reader.id if len(found) > _PAGE else None,
        }

    def _asked(self, connection: Connection, asked: _Listed) -> Asked:
        newsletter = self._named(asked.slug)
        rules: list[Rule] = []
        if asked.state in STATES:
            named = f"{newsletter.slug}/" if newsletter else ""
            rules.append(Has(SegmentField.STATE, (f"{named}{asked.state}",)))
        search = read_search(asked.q)
        if search.means is Means.DOMAIN:
            rules.append(Has(SegmentField.DOMAIN, (search.value,)))
        if search.means is Means.SEGMENT:
            rules.append(self._audience(connection, search.value).segment.rule)
        condition = None
        if rules:
            audience = Audience(Segment(Every(tuple(rules))), self.context.site.zone)
            condition = condition_of(connection, audience, now=self.context.clock())
        if search.means is Means.BEGINNING:
            begins = address_begins(search.value)
            condition = begins if condition is None else condition & begins
        return Asked(newsletter.id if newsletter else None, None, condition)

    def _audience(self, connection: Connection, text: str) -> Audience:
        tags = directory_store.known_tags(connection)
        words = vocabulary(self.context.settings, tags=tags)
        return Audience(parse(text, vocabulary=words), self.context.site.zone)

    def _one(self, search: Search) -> str | None:
        where = "address_key" if search.means is Means.ADDRESS else "public_id"
        with self.context.database.read() as connection:
            found = rights_store.person(connection, **{where: search.value})
        return found.public_id if found else None

    def _why_unknown(self, key: str) -> str:
        """Say that nobody has an address, and whether it may never be mailed."""
        with self.context.database.read() as connection:
            hashed = address_hash(self.context.app.keys.suppression, key)
            never = directory_store.never_mailed(connection, hashed)
        if not never:
            return "Nobody has this address. How it begins finds those that are near."
        reasons = ", ".join(
            each.reason.value if each.scope == EVERYTHING else f"{each.scope}: {each.reason.value}"
            for each in never
        )
        return f"Nobody has this address, and it is on the never-mail list ({reasons})."

    # Add

    def add(self, request: Request, me: SignedIn) -> Response:
        """GET and POST /desk/readers/add: somebody who agreed elsewhere, or shall be asked."""
        form: Fields = request.state.form
        if request.method == "GET":
            return self._add_page(me, {}, {})
        problems = _add_problems(form)
        newsletters = [each for each in self._newsletters if each.slug in form.get("to", ())]
        if not newsletters:
            problems["to"] = "Choose at least one newsletter."
        if problems:
            return self._add_page(me, form, problems)
        try:
            return self._added(me, form, newsletters)
        except AddressRefusedError as error:
            problems = {"address": f"{error.cause[:1].upper()}{error.cause[1:]}."}
            problems["left"] = "yes" if error.problem is AddressProblem.LEFT else ""
            return self._add_page(me, form, problems)

    def _added(self, me: SignedIn, form: Fields, newsletters: Sequence[Newsletter]) -> Response:
        address = read_address(first(form, "address").strip())
        ids = [each.id for each in newsletters]
        now, keys = self.context.clock(), self.context.app.keys
        tags = _tags(form)
        if first(form, "how") == "ask":
            signup.subscribe(
                self.context.database,
                address.mailed,
                ids,
                Act(at=now, via=me.actor, source="desk"),
                keys=keys,
                newsletter_names=self.context.web.names,
                confirm_link=lambda token: f"{self.context.site.public_url}/confirm/{token}",
                policy=replace(signup_policy(self.context.settings), double_opt_in=True),
            )
            said = "We ask them to confirm by mail, unless they are never to be mailed."
        else:
            consent = first(form, "consent").strip()
            signup.add(
                self.context.database,
                address.mailed,
                ids,
                Act(at=now, via=me.actor, source="desk", text=consent),
                keys=keys,
                again=bool(first(form, "again")),
            )
            said = f"{address.mailed} is added, with your word on where they agreed."
        public_id = self._tagged(me, address.key, tags)
        self._note(me, "subscriber.add", public_id, newsletters=[each.slug for each in newsletters])
        where = f"readers/{public_id}" if public_id else "readers"
        return self.desk.done(self.context.url(where), said)

    def _tagged(self, me: SignedIn, key: str, tags: frozenset[str]) -> str:
        with self.context.database.read() as connection:
            reader = store.find_subscriber(connection, address_key=key)
            entry = directory_store.entry_of(connection, id=reader.id) if reader else None
        if entry is None:
            return ""
        if tags - set(entry.tags):
            act = Act(at=self.context.clock(), via=me.actor)
            amend(self.context.database, entry.reader.public_id, act, tags=tags | set(entry.tags))
        return entry.reader.public_id

    def _add_page(self, me: SignedIn, form: Fields, problems: dict[str, str]) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
        asks = signup_policy(self.context.settings).double_opt_in
        return self.desk.show(
            "reader-add",
            me,
            status=status,
            here="readers",
            typed={name: first(form, name) for name in ("address", "consent", "tags", "again")},
            chosen=form.get("to", []),
            how=first(form, "how") or ("ask" if asks else "agreed"),
            newsletters=self._newsletters,
            problems=defaultdict(str, problems),
        )

    # What all of them need

    @property
    def _newsletters(self) -> Sequence[Newsletter]:
        return self.context.newsroom.newsletters

    def _named(self, slug: str) -> Newsletter | None:
        return next((each for each in self._newsletters if each.slug == slug), None)

    def _note(self, me: SignedIn, verb: str, subject: str, **detail: Any) -> None:
        with self.context.database.write() as connection:
            append_audit(
                connection,
                at=self.context.clock(),
                actor=me.actor,
                verb=verb,
                subject=subject,
                detail=detail,
            )


def _add_problems(form: Fields) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not first(form, "address").strip():
        problems["address"] = "Type an address."
    if first(form, "how") != "ask" and not first(form, "consent").strip():
        problems["consent"] = "Say where and how they agreed: it is kept as proof."
    try:
        _tags(form)
    except DigestError as error:
        problems["tags"] = f"{error}. {error.hint}"
    return problems


def _tags(form: Fields) -> frozenset[str]:
    return frozenset(read_tag(each) for each in first(form, "tags").split(",") if each.strip())
