"""Door to the desk's page of sections: a category that is in none is put into one by a click."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from digest.editions.model import Section
from digest.people.model import Role, SignedIn
from digest.web.desk.context import DeskContext
from digest.web.desk.frame import Desk
from digest.web.forms import Fields, first
from digest.workflow import categories
from digest.workflow.halt import Person

_MOST_SHOWN = 100


class SectionPages:
    """The handlers, bound to one desk."""

    def __init__(self, context: DeskContext, desk: Desk) -> None:
        """Take the tools, and the frame that pages are shown in."""
        self.context = context
        self.desk = desk

    def routes(self) -> list[BaseRoute]:
        """Give the addresses that these handlers answer."""
        route, post = self.desk.route, ("POST",)
        return [
            route("sections", self.sections),
            route("sections/sort", self.sort, role=Role.EDITOR, methods=post),
            route("sections/unsort", self.unsort, role=Role.EDITOR, methods=post),
        ]

    def sections(self, request: Request, me: SignedIn) -> Response:
        """GET /desk/sections: the unsorted, the sorted, and the sections of digest.toml."""
        del request
        sections = self._sections()
        found = categories.unsorted(self.context.newsroom, sections)
        return self.desk.show(
            "sections",
            me,
            here="sections",
            sections=sections,
            titles={one.key: one.title for one in sections},
            counts=list(found.counts.items())[:_MOST_SHOWN],
            more=max(0, len(found.counts) - _MOST_SHOWN),
            stories=found.stories,
            days=categories.RECENT.days,
            found=found.sorted,
        )

    def sort(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sections/sort: put a category into a section."""
        fields: Fields = request.state.form
        done = categories.sort_category(
            self.context.newsroom,
            self._sections(),
            first(fields, "category"),
            first(fields, "section"),
            by=Person(me.name, me.actor),
        )
        title = {one.key: one.title for one in self._sections()}[done.section]
        return self._done(f"“{done.category}” is in {title} from now on.")

    def unsort(self, request: Request, me: SignedIn) -> Response:
        """POST /desk/sections/unsort: take a category out of a section again."""
        fields: Fields = request.state.form
        category = first(fields, "category")
        by = Person(me.name, me.actor)
        if categories.unsort_category(
            self.context.newsroom, category, first(fields, "section"), by=by
        ):
            return self._done(f"“{category}” is in no section any more.")
        return self._done(f"“{category}” was taken out by somebody else already.")

    def _done(self, said: str) -> Response:
        return self.desk.done(self.context.url("sections"), said)

    def _sections(self) -> tuple[Section, ...]:
        named = self.context.settings.sections.items()
        return tuple(Section(key, one.title, one.categories, one.paths) for key, one in named)
