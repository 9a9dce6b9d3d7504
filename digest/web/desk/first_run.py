"""Door: the first minutes at an empty desk: a site's address, and what its settings could be.

The site is looked at through the fetcher that checks every address; each guess is a field. What
digest.toml says stays as it is, shown with its line; the rest is kept by the desk, and the next
edition shows as soon as the stories are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.config import Settings
from digest.config.kept import Faults, KeptError, Place
from digest.config.values import WEEKDAYS
from digest.editions.cadence import next_slot
from digest.errors import ConflictError, SourceError, UsageError
from digest.kept_settings import Change, Written, save_change, try_change
from digest.people.model import Role, SignedIn
from digest.sources import store as sources
from digest.sources.add import suggested_name
from digest.sources.cleaning import safe_link
from digest.sources.model import Origin, SourceKind, SourceSpec
from digest.sources.propose import Proposal, guess, propose
from digest.sources.rhythm import Issue
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.newsletters import KeptRoom, run_rows
from digest.web.forms import Fields, first
from digest.workflow import kept_store, sourcing
from digest.workflow.halt import Person

_POST = ("POST",)
_AT_ONCE = 2
"""Sites that are looked at together: each holds a thread of the server for up to a minute."""
_EVERY = timedelta(minutes=10)
_KINDS = {"feed": SourceKind.FEED, "wordpress": SourceKind.WORDPRESS}
_LETTERS = (
    ("daily", "The Morning Post", "daily", "07:00", "auto-after 20m"),
    ("weekly", "The Week", "weekly", "08:00", "approve"),
)
"""Short name, name, template, hour and release of what is proposed."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A newsletter as it is proposed, or typed."""

    slug: str
    template: str
    release: str
    is_wanted: bool
    name: str
    days: tuple[str, ...]
    send_at: str
    least: str
    max_age: str

    @property
    def values(self) -> dict[str, Any]:
        """Give what the desk keeps of it: the draft is made half an hour before it is sent."""
        least = int(self.least) if self.least.isascii() and self.least.isdigit() else self.least
        return {
            "name": self.name,
            "template": self.template,
            "days": list(self.days),
            "cut_off": "30m",
            "send_at": self.send_at,
            "release": self.release,
            "stories.min": least,
            "stories.max_age": self.max_age,
        }


class FirstRunPages:
    """The handlers, bound to one site."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the site's tools and the frame."""
        self.context = context
        self.desk = desk
        self.room = KeptRoom(context)
        self.places = BoundedSemaphore(_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route, admin = self.desk.route, Role.ADMIN
        return [
            route("first-run", self.show, role=admin),
            route("first-run/look", self.look, role=admin, methods=_POST),
            route("first-run/save", self.save, role=admin, methods=_POST),
            route("first-run/next", self.next, role=admin),
        ]

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/first-run: ask for the site's address."""
        del request
        site = self.context.settings.site.url
        return self._ask(me, "" if site.endswith(".example") else site)

    def look(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/first-run/look: look at the site, and show the proposal as a form."""
        typed = first(request.state.form, "site").strip()
        address = safe_link(typed if "://" in typed else f"https://{typed}")
        if address is None:
            return self._ask(me, typed, problem="That is no web address: https://yoursite.example")
        if not self.places.acquire(blocking=False):
            return self._ask(me, typed, problem="Somebody is looking just now: try it again.")
        try:
            found = self._propose(address.rstrip("/"))
        finally:
            self.places.release()
        if found.problem:
            return self._ask(me, typed, problem=found.problem)
        return self._proposal(me, found, _proposed(found))

    def _propose(self, address: str) -> Proposal:
        from digest.composition.logo_trial import is_logo  # noqa: PLC0415 - pictures cost a moment

        app = self.context.app
        return propose(
            address,
            guess(address),
            fetcher=app.fetcher,
            parser=app.parser,
            allow=self._networks,
            now=self.context.clock(),
            zone=self.context.site.zone,
            is_logo=is_logo,
        )

    @property
    def _networks(self) -> tuple[str, ...]:
        """Networks that the file lets us read although they are not public."""
        found = (net for spec in self.context.app.file_sources for net in spec.allow)
        return tuple(dict.fromkeys(found))

    def save(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/first-run/save: keep what was proposed, as it was changed."""
        form: Fields = request.state.form
        found, letters = _typed_proposal(form), _typed_letters(form)
        try:
            self._save(me, found, letters)
        except KeptError as error:
            return self._proposal(me, found, letters, faults=error.faults)
        except (ConflictError, SourceError, UsageError) as error:
            return self._proposal(me, found, letters, problem=f"{error}. {error.hint}".strip())
        return self.desk.done(self.context.url("first-run/next"))

    def _save(self, me: SignedIn, found: Proposal, letters: list[_Letter]) -> None:
        """Try all of it before any is kept; then keep each part that the file leaves out."""
        changes = self._changes(me, found, letters)
        written, kept, _settings, _ = self.room.read()
        now = self.context.clock()
        for change in changes:
            try_change(written, kept, change, now=now, is_letter=self.room.is_letter)
        self._add_source(me, found)
        for change in changes:
            save_change(
                self.context.database, written, change, now=now, is_letter=self.room.is_letter
            )

    def _changes(self, me: SignedIn, found: Proposal, letters: list[_Letter]) -> list[Change]:
        written, kept, settings, _ = self.room.read()
        site = {
            name: value
            for name, value in (("language", found.language), ("brand.accent", found.accent))
            if value and written.locked_at(("site", *name.split("."))) is None
        }
        wanted: dict[Place, dict[str, Any]] = {
            ("newsletters", each.slug): each.values
            for each in letters
            if each.is_wanted and each.slug not in settings.newsletters
        }
        if site:
            wanted[("site",)] = {**(kept[("site",)].values if ("site",) in kept else {}), **site}
        return [
            Change(place, values, kept[place].version if place in kept else 0, me.actor)
            for place, values in wanted.items()
        ]

    def _add_source(self, me: SignedIn, found: Proposal) -> None:
        known = self.context.app.sources
        if any(each.address.rstrip("/") == found.feed.rstrip("/") for each in known):
            return
        spec = SourceSpec(
            name=suggested_name(found.feed, {each.name for each in known}),
            kind=_KINDS.get(found.kind, SourceKind.FEED),
            address=found.feed,
            every=_EVERY,
            zone=self.context.site.zone,
            origin=Origin.DESK,
        )
        sourcing.add(self.context.newsroom, spec, known, by=Person(me.name, me.actor))

    def next(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/first-run/next: how far it is, and the way to the next edition."""
        with self.context.database.read() as connection:
            states = sources.source_states(connection)
            kept = kept_store.kept_tables(connection)
        waiting = [
            place[1]
            for place, each in kept.items()
            if place[0] == "newsletters" and each.values and self._find(place[1]) is None
        ]
        values: dict[str, Any] = {
            "read": any(state.last_ok_at for state in states),
            "problems": [f"{s.name}: {s.error}" for s in states if s.error],
            "waiting": waiting,
            "editions": self._editions(),
        }
        if request.headers.get("hx-request") == "true":
            return self.desk.part("_first-run-next", me, **values)
        return self.desk.show("first-run-next", me, here="newsletters", **values)

    def _find(self, slug: str) -> object | None:
        return next((each for each in self.context.newsroom.newsletters if each.slug == slug), None)

    def _editions(self) -> list[dict[str, Any]]:
        """Give the next edition of each newsletter that comes by itself."""
        found = []
        for each in self.context.newsroom.newsletters:
            slot = next_slot(each.spec.cadence, self.context.clock())
            if slot is not None:
                run = run_rows(each.spec.cadence, self.context.clock, count=1)[0]
                where = self.context.url(f"editions/{each.slug}/{slot.local_date}")
                found.append({"name": each.spec.name, "where": where, "run": run})
        return found

    # The pages

    def _ask(self, me: SignedIn, site: str, *, problem: str = "") -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
        return self.desk.show(
            "first-run", me, status=status, here="newsletters", typed=site, problem=problem
        )

    def _proposal(
        self,
        me: SignedIn,
        found: Proposal,
        letters: list[_Letter],
        *,
        faults: Faults | None = None,
        problem: str = "",
    ) -> Response:
        written, _kept, settings, _ = self.room.read()
        bad = bool(faults or problem)
        return self.desk.show(
            "first-run-proposal",
            me,
            status=HTTPStatus.UNPROCESSABLE_ENTITY if bad else HTTPStatus.OK,
            here="newsletters",
            found=found,
            letters=letters,
            days=list(zip(WEEKDAYS, _DAYS, strict=True)),
            locked=_locked(written, settings),
            there={slug: written.where(("newsletters", slug)) for slug in settings.newsletters},
            faults=defaultdict(str, _by_name(faults or {})),
            problem=problem,
        )


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _proposed(found: Proposal) -> list[_Letter]:
    issues: Mapping[str, Issue] = {"daily": found.rhythm.daily, "weekly": found.rhythm.weekly}
    return [
        _Letter(
            slug,
            template,
            release,
            is_wanted=True,
            name=name,
            days=issues[slug].days,
            send_at=hour,
            least=str(issues[slug].least),
            max_age=issues[slug].max_age,
        )
        for slug, name, template, hour, release in _LETTERS
    ]


def _typed_proposal(form: Fields) -> Proposal:
    stories = first(form, "stories")
    return Proposal(
        url=first(form, "url").strip(),
        name=first(form, "name").strip(),
        feed=first(form, "feed").strip(),
        kind=first(form, "kind"),
        language=first(form, "language").strip(),
        accent=first(form, "accent").strip(),
        logo=first(form, "logo").strip(),
        stories=int(stories) if stories.isascii() and stories.isdigit() else None,
    )


def _typed_letters(form: Fields) -> list[_Letter]:
    return [
        _Letter(
            slug,
            template,
            release,
            is_wanted=bool(first(form, f"{slug}.wanted")),
            name=first(form, f"{slug}.name").strip(),
            days=tuple(form.get(f"{slug}.days", ())),
            send_at=first(form, f"{slug}.send_at").strip(),
            least=first(form, f"{slug}.least").strip(),
            max_age=first(form, f"{slug}.max_age").strip(),
        )
        for slug, _name, template, _hour, release in _LETTERS
    ]


def _locked(written: Written, settings: Settings) -> dict[str, tuple[str, str]]:
    """Give what the file settles: by field, what it says and where."""
    said = {
        "name": (("site", "name"), settings.site.name),
        "url": (("site", "url"), settings.site.url),
        "language": (("site", "language"), settings.site.language),
        "accent": (("site", "brand", "accent"), settings.site.brand.accent),
    }
    return {
        name: (value, written.where(at))
        for name, (place, value) in said.items()
        if (at := written.locked_at(place)) is not None
    }


_FIELDS = {
    "name": "name",
    "days": "days",
    "send_at": "send_at",
    "stories.min": "least",
    "stories.max_age": "max_age",
    "stories": "least",
    "language": "language",
    "brand.accent": "accent",
}


def _by_name(faults: Faults) -> dict[str, str]:
    """Give the faults by the names of the form's fields; the others under the newsletter's own."""
    found: dict[str, str] = {}
    for place, said in faults.items():
        slug = place[1] if place[0] == "newsletters" and len(place) > 1 else ""
        rest = ".".join(part for part in place[2 if slug else 1 :] if not part.isdigit())
        field = _FIELDS.get(rest, "name" if slug else "accent")
        key = f"{slug}.{field}" if slug else field
        found.setdefault(key, f"{said[:1].upper()}{said[1:]}.")
    return found
