"""Door: newsletters on the desk: when each comes, and what may be changed of it.

What digest.toml says is shown with its line and stays as it is; what it leaves out an admin may
change here. A value that cannot be is refused by the same code as in the file, with the reason
beside it, and what was typed stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.clock import Clock
from digest.config import Settings
from digest.config.kept import Faults, KeptError, Place, fields_of, read_values
from digest.config.model import SLUG
from digest.editions.cadence import next_slots
from digest.editions.model import Cadence
from digest.errors import ConflictError, NotFoundError, SettingsError
from digest.kept_settings import (
    Change,
    Written,
    in_force,
    locked_names,
    read_written,
    save_change,
    try_change,
)
from digest.outbox.model import NoticeKind
from digest.people.model import Role, SignedIn
from digest.site_values import newsletter_spec
from digest.web.desk import times
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.set_form import SetForm, Table, form_of
from digest.web.forms import Fields, first
from digest.workflow import kept_store
from digest.workflow.kept_store import KeptTable

_RUNS = 10
_OTHERS = frozenset({"correction"})
"""Letters that no newsletter is made with."""
_PARTS = ("subject.txt", "body.mjml", "body.txt")
_IN_FORCE = "Saved. It is in force within a few seconds."
_BOTH = ("GET", "POST")
_POST = ("POST",)


class KeptRoom:
    """What is written and what is kept, read together: the same for all pages about settings."""

    def __init__(self, context: DeskContext) -> None:
        """Take the site's tools."""
        self.context = context

    def read(self) -> tuple[Written, Mapping[Place, KeptTable], Settings, str]:
        """Give what is written, what is kept, what is in force, and what is wrong with the file.

        A file that is broken just now counts as what runs: so it is until somebody mends it.
        """
        running, problem = self.context.settings, ""
        try:
            written = read_written(running)
        except (SettingsError, OSError) as error:
            written, problem = Written(running, frozenset({()})), str(error)
        with self.context.database.read() as connection:
            kept = kept_store.kept_tables(connection)
        settings, _told = in_force(written, kept)
        return written, kept, settings, problem

    def is_letter(self, name: str) -> bool:
        """Tell whether a newsletter can use a template; those of notices are no letters."""
        templates = self.context.newsroom.environment
        whole = all(templates.has(f"{name}/{part}") for part in _PARTS)
        return whole and name not in set(NoticeKind)

    @property
    def letters(self) -> list[str]:
        """Name the templates that a newsletter can use."""
        folders = {name.partition("/")[0] for name in self.context.newsroom.environment.names}
        return [each for each in sorted(folders) if self.is_letter(each) and each not in _OTHERS]


class NewslettersPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk
        self.room = KeptRoom(context)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route = self.desk.route
        return [
            route("newsletters", self.show),
            route("newsletters/new", self.new, role=Role.ADMIN, methods=_POST),
            route("newsletters/{slug:str}", self.one),
            route("newsletters/{slug:str}/save", self.save, role=Role.ADMIN, methods=_BOTH),
            route("newsletters/{slug:str}/runs", self.runs, methods=_POST),
        ]

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/newsletters: each with its next run, and where it is made."""
        del request
        return self._list(me)

    def new(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/newsletters/new: begin one that the desk keeps; it comes by hand at first."""
        form: Fields = request.state.form
        slug, name = first(form, "slug").strip(), first(form, "name").strip()
        place = ("newsletters", slug)
        _written, kept, settings, _ = self.room.read()
        problem = "" if SLUG.fullmatch(slug) else "Lower-case letters, digits and dashes, as: week"
        if slug in settings.newsletters:
            problem = "There is one of this name."
        version = kept[place].version if place in kept else 0
        if not problem:
            try:
                self._save(me, place, {"name": name, "template": "daily"}, version)
            except KeptError as error:
                problem = ". ".join(error.faults.values())
        if problem:
            return self._list(me, problem=problem, typed={"slug": slug, "name": name})
        said = "It is there, and comes by hand only: give it days."
        return self.desk.done(self.context.url(f"newsletters/{slug}"), said)

    def one(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/newsletters/SLUG: its next runs, and each setting with where it is made."""
        slug = request.path_params["slug"]
        table, settings, problem = self._table(slug)
        form = form_of(table, options=self._options(slug, settings))
        return self._page(me, slug, form, settings, problem=problem)

    def save(self, request: Request, me: SignedIn) -> Response:
        """POST …/save: what is left out of the file is from now on as it was typed."""
        slug, form = request.path_params["slug"], request.state.form
        if request.method == "GET":
            return self.desk.done(self.context.url(f"newsletters/{slug}"))
        table, settings, problem = self._table(slug)
        version = _number(first(form, "version"))
        values = read_values(fields_of(table.place), form, locked_names(table.written, table.place))
        faults: Faults = {}
        conflict = ""
        try:
            self._save(me, table.place, values, version)
        except KeptError as error:
            faults = error.faults
        except ConflictError as error:
            conflict = f"{error}. {error.hint}"
        else:
            return self.desk.done(self.context.url(f"newsletters/{slug}"), _IN_FORCE)
        seen = table.kept.version if conflict and table.kept else version
        options = self._options(slug, settings)
        shown = form_of(table, options=options, typed=form, faults=faults, version=seen)
        status = HTTPStatus.CONFLICT if conflict else HTTPStatus.UNPROCESSABLE_ENTITY
        return self._page(
            me, slug, shown, settings, problem=problem, conflict=conflict, status=status
        )

    def runs(self, request: Request, me: SignedIn) -> Response:
        """POST …/runs: the next ten runs with what is typed, for htmx; nothing is saved."""
        slug, form = request.path_params["slug"], request.state.form
        table, settings, _ = self._table(slug)
        locked = locked_names(table.written, table.place)
        values = read_values(fields_of(table.place), form, locked)
        change = Change(table.place, values, 0, me.actor)
        now, fault = self.context.clock(), ""
        with self.context.database.read() as connection:
            kept = kept_store.kept_tables(connection)
        try:
            settings = try_change(
                table.written, kept, change, now=now, is_letter=self.room.is_letter
            )
        except KeptError as error:
            fault = "; ".join(error.faults.values())
        cadence = newsletter_spec(slug, settings).cadence
        return self.desk.part("_runs", me, fault=fault, **self._runs(cadence))

    # What all of them need

    def _save(self, me: SignedIn, place: Place, values: dict[str, Any], version: int) -> None:
        written, _kept, _settings, problem = self.room.read()
        if problem:
            raise KeptError({place: f"digest.toml is broken just now: {problem}"})
        change = Change(place, values, version, me.actor)
        save_change(
            self.context.database,
            written,
            change,
            now=self.context.clock(),
            is_letter=self.room.is_letter,
        )

    def _table(self, slug: str) -> tuple[Table, Settings, str]:
        written, kept, settings, problem = self.room.read()
        if slug not in settings.newsletters:
            raise NotFoundError(
                f"newsletter: {slug[:40]}: there is none of this name",
                hint="The page Newsletters has all there are.",
            )
        place = ("newsletters", slug)
        values = settings.newsletters[slug].model_dump(mode="json", by_alias=True)
        return Table(place, written, kept.get(place), values), settings, problem

    def _options(self, slug: str, settings: Settings) -> dict[str, list[tuple[str, str]]]:
        twins = [(each, newsletter.name) for each, newsletter in settings.newsletters.items()]
        return {
            "template": [(letter, letter) for letter in self.room.letters],
            "weekly_twin": [("", "none"), *(each for each in twins if each[0] != slug)],
        }

    def _list(
        self, me: SignedIn, *, problem: str = "", typed: dict[str, str] | None = None
    ) -> Response:
        written, kept, settings, broken = self.room.read()
        now = self.context.clock()
        rows = []
        for slug, newsletter in settings.newsletters.items():
            place = ("newsletters", slug)
            in_file = slug in written.base.newsletters
            cadence = newsletter_spec(slug, settings).cadence
            runs = run_rows(cadence, self.context.clock, count=1)
            keeps = place in kept and bool(kept[place].values)
            rows.append(
                {
                    "slug": slug,
                    "newsletter": newsletter,
                    "run": runs[0] if runs else None,
                    "where": written.where(place) if in_file else "",
                    "keeps": keeps,
                }
            )
        return self.desk.show(
            "newsletters",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            here="newsletters",
            rows=rows,
            problem=problem,
            broken=broken,
            typed=typed or {"slug": "", "name": ""},
            today=now,
        )

    def _page(
        self,
        me: SignedIn,
        slug: str,
        form: SetForm,
        settings: Settings,
        *,
        problem: str = "",
        conflict: str = "",
        status: int = HTTPStatus.OK,
    ) -> Response:
        _written, kept, _settings, _ = self.room.read()
        spec = newsletter_spec(slug, settings)
        return self.desk.show(
            "newsletter",
            me,
            status=status,
            here="newsletters",
            slug=slug,
            newsletter=settings.newsletters[slug],
            form=form,
            broken=problem,
            conflict=conflict,
            fault="",
            last=kept.get(("newsletters", slug)),
            known_sections=[(key, each.title) for key, each in settings.sections.items()],
            may_change=me.may(Role.ADMIN) and form.is_free and not problem,
            **self._runs(spec.cadence),
        )

    def _runs(self, cadence: Cadence) -> dict[str, Any]:
        zone = ZoneInfo(cadence.zone)
        return {
            "runs": run_rows(cadence, self.context.clock, count=_RUNS),
            "run_place": times.place(zone),
            "by_hand": cadence.by_hand_only,
        }


def run_rows(cadence: Cadence, clock: Clock, *, count: int) -> list[dict[str, Any]]:
    """Give the next runs of a cadence: in the newsletter's own zone, and in UTC."""
    zone, now = ZoneInfo(cadence.zone), clock()
    several = len(cadence.slots) > 1
    return [
        {
            "at": slot.send_at,
            "when": times.when(slot.send_at, zone, now),
            "draft": times.hour(slot.cut_off_at, zone),
            "utc": times.utc(slot.send_at),
            "name": slot.name if several else "",
        }
        for slot in next_slots(cadence, now, count)
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - of 32 bits
