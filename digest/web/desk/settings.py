"""Door: the settings on the desk: what is in force and from where, and whether mail can leave.

No secret is shown. What is said in digest.toml or by a variable is changed there; of what both
leave out, a few things of the site may be changed here, and the rest where it belongs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.config import Settings
from digest.config.kept import Faults, KeptError, Place, fields_of, read_values, written_at
from digest.config.writing import export
from digest.editions import store as editions
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, Newsletter, Slot
from digest.errors import ConflictError, DigestError, NotFoundError
from digest.kept_settings import Change, Written, locked_names, save_change
from digest.people.model import Role, SignedIn
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.desk.newsletters import KeptRoom
from digest.web.desk.set_form import SetForm, Table, form_of
from digest.web.forms import Fields, first
from digest.workflow import home_store
from digest.workflow.halt import Person
from digest.workflow.home import confirm, why_frozen
from digest.workflow.kept_store import KeptTable
from digest.workflow.restore_decide import require_decided
from digest.workflow.send_test import send_test

if TYPE_CHECKING:
    from digest.delivery.dkim import DnsRecord

_POST = ("POST",)
_SITE = ("site",)
_TYPEFACES = [("serif", "a serif, as newspapers have"), ("sans", "a sans-serif")]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting in force: its name, its value as TOML has it, and who says so."""

    name: str
    value: str
    where: str
    is_desk: bool = False


class SettingsPages:
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
            route("settings", self.show),
            route("settings/site", self.save, role=Role.ADMIN, methods=_POST),
            route("settings/test", self.test, role=Role.EDITOR, methods=_POST),
            route("settings/home", self.confirm, role=Role.ADMIN, methods=_POST),
        ]

    def show(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/settings: all of them, and what hangs on them."""
        del request
        return self._page(me)

    def save(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/settings/site: how the site looks, where the file leaves it out."""
        form: Fields = request.state.form
        written, kept, settings, problem = self.room.read()
        version = first(form, "version")
        values = read_values(fields_of(_SITE), form, locked_names(written, _SITE))
        seen = int(version) if version.isascii() and version.isdigit() else -1
        if problem:
            return self._page(me, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            save_change(
                self.context.database,
                written,
                Change(_SITE, values, seen, me.actor),
                now=self.context.clock(),
                is_letter=self.room.is_letter,
            )
        except KeptError as error:
            shown = _site_form(written, kept, settings, typed=form, faults=error.faults)
            return self._page(me, form=shown, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except ConflictError as error:
            shown = _site_form(written, kept, settings, typed=form)
            said = f"{error}. {error.hint}"
            return self._page(me, form=shown, conflict=said, status=HTTPStatus.CONFLICT)
        said = "Saved. It is in force within a few seconds."
        return self.desk.done(self.context.url("settings"), said)

    def test(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/settings/test: the next edition to the test readers, and to nobody else."""
        slug = first(request.state.form, "newsletter")
        try:
            said = self._tested(me, slug)
        except DigestError as error:
            problem = f"{error}. {error.hint}".strip()
            return self._page(me, test=problem, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return self.desk.done(self.context.url("settings"), said)

    def _tested(self, me: SignedIn, slug: str) -> str:
        newsroom = self.context.newsroom
        newsletter = next((each for each in newsroom.newsletters if each.slug == slug), None)
        if newsletter is None:
            raise NotFoundError(f"newsletter: {slug[:40]}: there is none of this name")
        done = send_test(
            newsroom,
            self.context.mailer,
            self.context.app.ways,
            newsletter,
            self._next(newsletter),
            test_readers=self.context.settings.people.test_readers,
            by=Person(me.name, me.actor),
        )
        refused = [each for each in done.copies if not each.accepted]
        if refused:
            raise NotFoundError(f"{refused[0].address}: refused: {refused[0].reply.text}")
        people = ", ".join(dict.fromkeys(each.address for each in done.copies))
        return f"A test of {done.seen.edition.address} was accepted for {people}."

    def _next(self, newsletter: Newsletter) -> Edition | Slot:
        """Give the edition there is of the next slot, else the slot itself."""
        slot = next_slot(newsletter.spec.cadence, self.context.clock())
        with self.context.database.read() as connection:
            if slot is None:
                found = editions.find_edition(connection, newsletter)
            else:
                found = editions.find_edition(
                    connection, newsletter, local_date=slot.local_date, slot_name=slot.name
                )
        if found is None and slot is None:
            raise NotFoundError(
                f"newsletter: {newsletter.slug}: it comes by hand, and there is no edition yet"
            )
        return found or slot  # type: ignore[return-value]  # one of them is there, as just asked

    def confirm(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/settings/home: this is the place that writes to the readers."""
        here = self.context.newsroom.home
        typed = first(request.state.form, "environment").strip()
        if here is None:
            raise NotFoundError("home: this newsroom has none")
        if typed != here.environment:
            problem = f"Type {here.environment}: nothing was confirmed."
            return self._page(me, home=problem, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        require_decided(self.context.database)
        with self.context.database.write() as connection:
            confirm(connection, here, by=me.name, now=self.context.clock(), actor=me.actor)
        said = "Confirmed: mail goes to readers from here."
        return self.desk.done(self.context.url("settings"), said)

    # The page

    def _page(
        self,
        me: SignedIn,
        *,
        form: SetForm | None = None,
        conflict: str = "",
        test: str = "",
        home: str = "",
        status: int = HTTPStatus.OK,
    ) -> Response:
        written, kept, settings, problem = self.room.read()
        return self.desk.show(
            "settings",
            me,
            status=status,
            here="settings",
            form=form or _site_form(written, kept, settings),
            may_change=me.may(Role.ADMIN) and not problem,
            broken=problem,
            conflict=conflict,
            test_problem=test,
            home_problem=home,
            groups=_groups(settings, written, kept),
            file=str(written.path or ""),
            newsletters=self.context.newsroom.newsletters,
            test_readers=settings.people.test_readers,
            way_out=self.context.app.way_out,
            records=self._records(settings),
            home=self._home(),
            told=self.context.newsroom.told,
        )

    def _home(self) -> dict[str, Any] | None:
        here = self.context.newsroom.home
        if here is None:
            return None
        with self.context.database.read() as connection:
            frozen = why_frozen(connection, here)
            kept = home_store.load(connection)
        place = here.place.get("path") or here.place.get("address") or ""
        return {"here": here, "place": place, "frozen": frozen, "kept": kept}

    def _records(self, settings: Settings) -> list[DnsRecord] | str:
        """Give the DNS records of the keys that sign our mail, or why there are none."""
        from digest.delivery.dkim import dns_record  # noqa: PLC0415 - reading keys costs 10 MB
        from digest.delivery.dkim_keys import (  # noqa: PLC0415 - as just said
            load_dkim_keys,
            signing_domain,
        )

        dkim = settings.mail.dkim
        if dkim is None:
            return "Mail is not signed here. Make the keys with: digest keys new --dkim"
        try:
            found = load_dkim_keys(settings.storage.keys, dkim.selector)
            return [dns_record(key, signing_domain(settings.mail)) for key in found]
        except DigestError as error:
            return f"{error}. {error.hint}"


def _site_form(
    written: Written,
    kept: Mapping[Place, KeptTable],
    settings: Settings,
    *,
    typed: Fields | None = None,
    faults: Faults | None = None,
) -> SetForm:
    values = settings.site.model_dump(mode="json")
    table = Table(_SITE, written, kept.get(_SITE), values)
    options = {"brand.typeface": _TYPEFACES}
    return form_of(table, options=options, typed=typed, faults=faults)


def _groups(
    settings: Settings, written: Written, kept: Mapping[Place, KeptTable]
) -> list[tuple[str, list[SettingRow]]]:
    """Give every setting in force by its first table, as `config export` writes them."""
    found: dict[str, list[SettingRow]] = {}
    for place, value in _leaves(tomllib.loads(export(settings)), ()):
        head = place[0] if len(place) > 1 else "general"
        where, is_desk = _origin(place, written, kept)
        row = SettingRow(".".join(place), _value(value), where, is_desk)
        found.setdefault(head, []).append(row)
    return list(found.items())


def _leaves(value: object, place: Place) -> Iterator[tuple[Place, object]]:
    if isinstance(value, Mapping) and (value or not place):
        for name, item in value.items():
            yield from _leaves(item, (*place, str(name)))
    else:
        yield place, value


def _origin(place: Place, written: Written, kept: Mapping[Place, KeptTable]) -> tuple[str, bool]:
    at = written_at(written.given, place)
    if at is not None:
        return written.where(at), False
    for table, each in kept.items():
        if place[: len(table)] == table and ".".join(place[len(table) :]) in each.values:
            return "the desk", True
    return "default", False


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
