"""Door to the desk's first page: the week, what is being sent, what comes next, what needs you."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.db import Connection
from digest.delivery.count_store import tallies
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState, Newsletter
from digest.people.model import Role, SignedIn
from digest.sources import store as source_store
from digest.web.desk import home_words as words
from digest.web.desk import needs_words, sending_words
from digest.web.desk.chart import Chart, chart_of
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.sources_words import health_summary
from digest.web.forms import first
from digest.workflow import calendar_store, halt, store
from digest.workflow.halt import Person
from digest.workflow.status import SendingView, overview, sending_view

_PAGE = 20
_YEAR = timedelta(days=365)
_MOST_POINTS = 370
_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_UNDER_WAY = (EditionState.SENDING, EditionState.STOPPED, EditionState.HELD)


class HomePages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools, and the frame that pages are shown in."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        return [
            route("", self.home),
            route("sending", self.sending),
            route("stop", self.stop, role=Role.EDITOR, methods=("POST",)),
            route("resume", self.resume, role=Role.APPROVER, methods=("POST",)),
        ]

    def home(self, request: Request, me: SignedIn) -> Response:
        """GET /desk: everything at one look; `week`, `state`, `newsletter`, `before` choose."""
        context, query = self.context, request.query_params
        view = overview(context.newsroom, sources=context.app.sources)
        now = context.clock()
        return self.desk.show(
            "home",
            me,
            here="editions",
            week=self._week(query.get("week", "")),
            listed=self._list(
                query.get("state", ""), query.get("newsletter", ""), query.get("before", "")
            ),
            filters=tuple(words.FILTERS),
            newsletters=context.newsroom.newsletters,
            moving=self._moving(query.get("since", "")),
            needs=needs_words.needs_of(view.needs),
            runs=words.runs_of(context.newsroom.newsletters, now=now, zone=context.zone),
            by_hand=[
                each for each in context.newsroom.newsletters if each.spec.cadence.by_hand_only
            ],
            sources=self._health(),
            readers=view.newsletters,
            chart=self._chart(),
        )

    def sending(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/sending: what is being sent, a piece of the page that renews itself."""
        return self.desk.part(
            "_sending", me, moving=self._moving(request.query_params.get("since", ""))
        )

    def stop(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/stop: stop an edition; its open copies wait until it is resumed."""
        edition = self._edition(request)
        newsroom = self.context.newsroom
        done = halt.stop(
            newsroom.database,
            edition,
            by=_person(me),
            clock=newsroom.clock,
            editors=newsroom.editors,
        )
        said = (
            f"{edition.address} is stopped."
            if done.changed
            else f"{edition.address} was stopped already."
        )
        return self.desk.done(
            self.context.url(""), f"{said} Who has not got it yet gets nothing until it goes on."
        )

    def resume(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/resume: let an edition go on that was stopped while it was sent."""
        edition = self._edition(request)
        newsroom = self.context.newsroom
        halt.resume(
            newsroom.database,
            edition,
            by=_person(me),
            clock=newsroom.clock,
            editors=newsroom.editors,
        )
        return self.desk.done(self.context.url(""), f"{edition.address} goes on.")

    def _edition(self, request: Request) -> Edition:
        number = first(request.state.form, "edition")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):  # noqa: PLR2004 - digits of an id
            raise HTTPException(400)
        with self.context.database.read() as connection:
            return editions.edition_by_id(connection, int(number))

    # What is shown

    def _week(self, asked: str) -> words.Week:
        context = self.context
        now, zone = context.clock(), context.zone
        monday = words.monday_of(asked, now.astimezone(zone).date())
        last = monday + timedelta(days=words.DAYS - 1)
        letters = context.newsroom.newsletters
        with context.database.read() as connection:
            ids = [each.id for each in letters]
            made = calendar_store.editions_between(connection, monday, last, ids)
            empty = calendar_store.empty_between(connection, monday, last, ids)
            shelf = words.Shelf(
                made,
                empty,
                tallies=tallies(connection, [each.id for each in made]),
                stories=store.story_counts(connection, [each.id for each in made]),
            )
        return words.week_of(monday, letters, shelf, now=now, zone=zone)

    def _list(self, shown: str, slug: str, before: str) -> dict[str, object]:
        context = self.context
        shown = shown if shown in words.FILTERS else ""
        chosen = [each for each in context.newsroom.newsletters if slug in {"", each.slug}]
        with context.database.read() as connection:
            page = editions.past_editions(
                connection,
                [each.id for each in chosen],
                words.FILTERS[shown],
                limit=_PAGE + 1,
                before=_cursor(before),
            )
            more, page = page[_PAGE:], page[:_PAGE]
            shelf = self._shelf(connection, page, chosen, is_first=not before, is_last=not more)
        names = {each.id: each.spec.name for each in chosen}
        zone, now = context.zone, context.clock()
        return {
            "lines": words.lines_of(shelf, names, shown=shown, zone=zone, now=now),
            "state": shown,
            "newsletter": slug,
            "older": f"{page[-1].local_date}.{page[-1].id}" if more else "",
            "is_first": not before,
        }

    def _shelf(
        self,
        connection: Connection,
        page: Sequence[Edition],
        chosen: Sequence[Newsletter],
        *,
        is_first: bool,
        is_last: bool,
    ) -> words.Shelf:
        """Bring what a page of the list says, and the slots without an edition among its dates."""
        ids = [each.id for each in page]
        first = date.min if is_last or not page else page[-1].local_date
        last = date.max if is_first or not page else page[0].local_date
        empty = calendar_store.empty_between(connection, first, last, [each.id for each in chosen])
        return words.Shelf(
            page,
            empty[: _PAGE if not page else 3 * _PAGE],
            tallies=tallies(connection, ids),
            stories=store.story_counts(connection, ids),
            subjects=calendar_store.subjects_of(connection, ids),
            approvals=calendar_store.approvals_of(connection, ids),
        )

    def _moving(self, since: str) -> list[sending_words.Moving]:
        """Look at what is being sent, and at what was stopped half-way."""
        context = self.context
        with context.database.read() as connection:
            found = [
                each
                for each in editions.editions_in(connection, _UNDER_WAY)
                if each.sending_at is not None and each.corrects is None
            ]
            ids = [each.id for each in found]
            subjects = calendar_store.subjects_of(connection, ids)
            approvals = calendar_store.approvals_of(connection, ids)
        names = {each.id: each.spec.name for each in context.newsroom.newsletters}
        now = context.clock()
        seen = sending_words.read_since(since)
        return [
            sending_words.moving_of(
                view,
                name=names.get(view.edition.newsletter_id, view.edition.slug),
                subject=subjects.get(view.edition.id, ""),
                approved=approvals.get(view.edition.id),
                seen=seen.get(view.edition.id),
                now=now,
                zone=context.zone,
            )
            for view in map(self._look, ids)
        ]

    def _look(self, edition_id: int) -> SendingView:
        return sending_view(self.context.newsroom, edition_id, rules=self.context.app.limits)

    def _health(self) -> object:
        with self.context.database.read() as connection:
            states = source_store.source_states(connection)
        return health_summary(self.context.app.sources, states, now=self.context.clock())

    def _chart(self) -> tuple[Newsletter, Chart] | None:
        """Draw how the readers of the newsletter that comes most often have grown."""
        regular = [
            each for each in self.context.newsroom.newsletters if not each.spec.cadence.by_hand_only
        ]
        since = self.context.clock().astimezone(self.context.zone).date() - _YEAR
        best: tuple[int, Newsletter, Chart] | None = None
        with self.context.database.read() as connection:
            for each in regular:
                found = calendar_store.copies_over_time(
                    connection, each.id, since=since, most=_MOST_POINTS
                )
                drawn = chart_of(
                    [(one.on, one.readers) for one in found], what=f"Readers of {each.spec.name}"
                )
                if drawn is not None and (best is None or len(found) > best[0]):
                    best = (len(found), each, drawn)
        return (best[1], best[2]) if best else None


def _person(me: SignedIn) -> Person:
    return Person(me.name, me.actor)


def _cursor(text: str) -> tuple[date, int] | None:
    """Read where a page of the list begins; None for the first, and for what is no such place."""
    day, _, number = text.partition(".")
    try:
        return (date.fromisoformat(day), int(number)) if text else None
    except ValueError:
        return None
