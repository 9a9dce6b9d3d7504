"""Door: the edition that a person means to look at, found anew at each look as files change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from digest.cli.opening import edition_named, moment, newsletter_named
from digest.errors import CompositionError, NotFoundError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app import App
    from digest.checks.model import Report
    from digest.composition.fixtures import Fixture
    from digest.editions.model import Edition, Newsletter, Slot
    from digest.web.preview_wish import Seen, Wish
    from digest.workflow.preview import Preview

_FAR_AHEAD = 30
"""So many slots ahead are looked at for one that is free."""


class Sight:
    """Looks at editions, reading the settings and catalogs again when they were saved."""

    def __init__(self, app: App, *, config: Path) -> None:
        """Take an installation that is open for reading, and where its settings are."""
        from digest.composition.pictures import BorrowedShelf

        self.app = app
        self.shelf = BorrowedShelf(app.database)
        self._config = config.resolve()
        self._opened_for = app
        self._is_stale = self._is_spoken_anew = False
        self._draw_logos()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where templates and catalogs are, ours and the publisher's."""
        from digest.resources import data_folder

        ours, own = data_folder("templates"), self.app.settings.site.templates
        return (ours / "mail", ours / "locale", *([own] if own else []))

    @property
    def files(self) -> tuple[Path, ...]:
        """The settings, and the pictures that they name."""
        brand = self.app.settings.site.brand
        return (self._config, *filter(None, (brand.logo, brand.logo_dark)))

    def saved(self, paths: Collection[Path]) -> None:
        """Hear which files were saved; they are read at the next look."""
        pictures = {path.resolve() for path in self.files}
        self._is_stale |= any(path.resolve() in pictures for path in paths)
        self._is_spoken_anew |= any(path.suffix == ".po" for path in paths)

    def read(self, name: str) -> str | None:
        """Give the text of a template or of the settings, as an error names it."""
        if name.endswith(".toml"):
            path = self._config
            return path.read_text("utf-8", "replace") if path.is_file() else None
        try:
            return self.app.newsroom.environment.source(name)
        except (CompositionError, LookupError):
            return None

    def close(self) -> None:
        """Close what was opened here; the installation it was given stays open."""
        if self.app is not self._opened_for:
            self.app.close()

    def look(self, wish: Wish) -> Seen:
        """Look at an edition now. Raises DigestError."""
        from digest.web.preview_wish import Seen

        self._refresh()
        seen = self._preview(wish)
        names = {each.slug: each.spec.name for each in self.app.newsroom.newsletters}
        check = cache(partial(self._check, self.app, seen)) if seen.copies else None
        return Seen(seen, self.app.newsroom.site, names, check)

    def _check(self, app: App, seen: Preview) -> Report:
        from digest.workflow.checking import check_preview

        return check_preview(app.newsroom, app.mailer, seen, shelf=self.shelf)

    def _refresh(self) -> None:
        """Read again what was saved. What cannot be read stays due, and raises each time."""
        if self._is_stale:
            self._is_stale = self._is_spoken_anew = False  # first: it may be saved once more now
            try:
                self._open_again()
            except BaseException:
                self._is_stale = True
                raise
        if self._is_spoken_anew:
            self._is_spoken_anew = False
            self._speak_again()

    def _open_again(self) -> None:
        from digest.app import open_app
        from digest.config import load

        app = open_app(load(self._config), clock=self.app.clock, read_only=True)
        before, self.app = self.app, app
        self.shelf.database = app.database
        if before is not self._opened_for:
            before.close()
        self._draw_logos()

    def _speak_again(self) -> None:
        from digest.composition.catalogs import load_languages

        languages = load_languages(self.app.settings.site.templates)
        newsroom = replace(self.app.newsroom, languages=languages)
        mailer = replace(self.app.mailer, languages=languages)
        self.app = replace(self.app, newsroom=newsroom, mailer=mailer)

    def _draw_logos(self) -> None:
        from digest.composition.logo import read_logos

        brand = self.app.settings.site.brand
        logos = read_logos(brand.logo, brand.logo_dark)
        for name, made in (("logo", logos.light), ("logo_dark", logos.dark)):
            if made is not None:  # it may be newer than the one on our own shelf
                self.shelf.keep(name, "logo", made.image, at=self.app.clock())

    def _preview(self, wish: Wish) -> Preview:
        from digest.workflow.preview import preview as look_at

        app = self.app
        newsletter, what = meant(app, wish.edition or None, moment(app, wish.at or None))
        if wish.sample:
            seen = self._rehearsed(newsletter, what, wish.sample)
        else:
            seen = look_at(
                app.newsroom,
                app.mailer,
                newsletter,
                what,
                shelf=self.shelf,
                address=wish.reader or None,
                topics=wish.topics,
                anew=wish.anew,
            )
        told = dict.fromkeys((*seen.warnings, *app.newsroom.told))
        return replace(seen, warnings=tuple(told))

    def _rehearsed(self, newsletter: Newsletter, what: Edition | Slot, name: str) -> Preview:
        from digest.cli.slots import slot_meant
        from digest.editions.model import Slot
        from digest.workflow.rehearse import rehearse

        app = self.app
        self._draw_samples()
        slot = what if isinstance(what, Slot) else slot_meant(app, newsletter, None, extra=False)
        return rehearse(
            app.newsroom, app.mailer, newsletter, slot, fixture_named(name), shelf=self.shelf
        )

    def _draw_samples(self) -> None:
        """Put the sample stories' pictures on the shelf; they are drawn once."""
        from digest.cli.gallery import SCENES
        from digest.composition.images import make_shot
        from digest.composition.samples import sample_pictures
        from digest.demo.pictures import draw

        for name, url in sample_pictures().items():
            for shape in ("lead", "thumb"):
                if self.shelf.find(url, shape) is None:
                    made = make_shot(draw(SCENES[name]), shape)
                    self.shelf.keep(url, shape, made, at=self.app.clock())


def fixture_named(name: str) -> Fixture:
    """Find sample stories by their name. Raises NotFoundError, which says what there is."""
    from digest.composition.fixtures import FIXTURES

    if name not in FIXTURES:
        raise NotFoundError(
            f"preview: {name}: there are no such sample stories",
            hint=f"There are: {', '.join(FIXTURES)}.",
        )
    return FIXTURES[name]


def meant(app: App, name: str | None, at: datetime | None) -> tuple[Newsletter, Edition | Slot]:
    """Find out which edition, or which slot, is to be seen. Raises DigestError."""
    if name is None:
        newsletter = _first(app)
    elif "/" in name:
        if at is not None:
            slug = name.partition("/")[0]
            raise UsageError(
                f"preview: {name}: it has its cut-off already",
                hint=f"With --at name the newsletter alone: digest preview {slug} --at …",
            )
        return newsletter_named(app, name.partition("/")[0]), edition_named(app, name)
    else:
        newsletter = newsletter_named(app, name)
    if at is None:
        return newsletter, _next(app, newsletter)
    from digest.cli.slots import slot_as_of

    return newsletter, slot_as_of(newsletter, at, now=app.clock())


def _first(app: App) -> Newsletter:
    """Give the newsletter whose edition waits for somebody, else the one that comes first."""
    from digest.editions import store as editions
    from digest.editions.cadence import next_slot

    newsletters = app.newsroom.newsletters
    if not newsletters:
        raise NotFoundError(
            "newsletter: there is none yet", hint="Add one to digest.toml, then: digest collect"
        )
    with app.database.read() as connection:
        recent = editions.recent_editions(connection, limit=_FAR_AHEAD)
    waiting = (app.newsroom.newsletter(each.newsletter_id) for each in recent if _waits(each))
    if found := next((each for each in waiting if each is not None), None):
        return found
    coming = [(next_slot(each.spec.cadence, app.clock()), each) for each in newsletters]
    by_hour = sorted(((slot.send_at, n) for n, (slot, _) in enumerate(coming) if slot is not None))
    return newsletters[by_hour[0][1]] if by_hour else newsletters[0]


def _waits(edition: Edition) -> bool:
    """Tell whether it was made and is not under way: the one that `digest approve` means."""
    from digest.editions.model import EditionState

    waiting = {
        EditionState.DRAFT,
        EditionState.IN_REVIEW,
        EditionState.HELD,
        EditionState.APPROVED,
    }
    return edition.state in waiting


def _next(app: App, newsletter: Newsletter) -> Edition | Slot:
    """Give the edition that waits, else the slot that `digest prepare` would make now."""
    from digest.cli.slots import slot_meant
    from digest.editions import store as editions
    from digest.editions.cadence import next_slots

    now = app.clock()
    slot = slot_meant(app, newsletter, None, extra=False)
    later = next_slots(newsletter.spec.cadence, max(now, slot.send_at), _FAR_AHEAD)
    with app.database.read() as connection:
        current = editions.find_edition(connection, newsletter)
        if current is not None and _waits(current):
            return current
        for each in (slot, *later):
            taken = editions.slot_row(connection, newsletter.id, each.local_date, each.name)
            if taken is None:
                return replace(each, cut_off_at=min(each.cut_off_at, now))
    return current if current is not None else slot
