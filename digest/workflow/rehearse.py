"""Look at a newsletter with made-up stories in it: nothing is read of the pool, nothing written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from digest.composition.compose import set_hash
from digest.composition.fixtures import Fixture, fixture_selection
from digest.composition.pictures import Pictures, Shelf, pictures_there
from digest.delivery.outbound import Mailer
from digest.editions.model import Edition, EditionState, Newsletter, Selection, Slot, Window
from digest.workflow.draft import write
from digest.workflow.model import Newsroom
from digest.workflow.preview import Preview, copies_of

_NUMBER = 1204
_DAY = timedelta(days=1)


def rehearse(
    newsroom: Newsroom,
    mailer: Mailer,
    newsletter: Newsletter,
    slot: Slot,
    fixture: Fixture,
    *,
    shelf: Shelf,
) -> Preview:
    """Compose a fixture as this newsletter's edition of a slot, by the same templates and settings.

    Its pictures are those that `shelf` has at the addresses of `samples.sample_pictures`. Raises
    CompositionError for a faulty template.
    """
    if fixture.language:
        spec = replace(newsletter.spec, language=fixture.language, languages=())
        newsletter = replace(newsletter, spec=spec)
    own = newsroom.languages_of(newsletter.spec)[0]
    edition = _edition(newsroom, newsletter, slot)
    selection = fixture_selection(fixture, newsletter.spec, own, until=edition.window.until)
    written = write(
        newsroom, edition, newsletter, selection, {}, pictures=partial(_pictures, newsroom, shelf)
    )
    return Preview(
        newsletter=newsletter,
        edition=edition,
        selection=written.selection,
        copies=copies_of(mailer, edition, written.compositions),
        made_at=newsroom.clock(),
        readers=0,
        exists=False,
        stored=False,
        set_hash=set_hash(written.compositions),
        warnings=written.warnings,
        sample=fixture.name,
    )


def _pictures(newsroom: Newsroom, shelf: Shelf, selection: Selection) -> Pictures:
    return pictures_there(shelf, selection, site=newsroom.site)


def _edition(newsroom: Newsroom, newsletter: Newsletter, slot: Slot) -> Edition:
    return Edition(
        id=0,
        newsletter_id=newsletter.id,
        slug=newsletter.slug,
        local_date=slot.local_date,
        slot_name=slot.name,
        number=_NUMBER,
        state=EditionState.DRAFT,
        window=Window(slot.cut_off_at - _DAY, slot.cut_off_at),
        send_at=slot.send_at,
        prepared_at=newsroom.clock(),
    )
