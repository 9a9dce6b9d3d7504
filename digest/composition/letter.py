"""Pure. Turn a selection into a letter: every word decided here, templates only lay it out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from digest.composition.bidi import script_tag
from digest.composition.dates import (
    date_words,
    day_words,
    hour_words,
    local_date,
    month_words,
    short_date_words,
    span_words,
    weekday_words,
)
from digest.composition.inbox import Occasion, write_preheader, write_subject
from digest.composition.language import Language, primary
from digest.composition.links import safe_link
from digest.composition.model import (
    Letter,
    LetterSection,
    Link,
    Note,
    Piece,
    Shot,
    Site,
    Twin,
)
from digest.composition.note import note_warnings, read_note
from digest.composition.text import clean, cut_at_sentence, shorten
from digest.editions.model import (
    Candidate,
    Edition,
    NewsletterSpec,
    Place,
    Selection,
    Slot,
    Verdict,
)
from digest.sources.model import Article, FoundStory, Recording, RecordingKind
from digest.sources.reading_time import (
    count_words,
    reading_minutes,
    story_minutes,
    words_per_minute,
)

WEEKLY = "weekly"
"""The template of a review: it names its week and the day of each story."""

CORRECTION = "correction"
"""The template of a note to an edition that readers have."""

LEAD_LIMIT = 220
STORY_LIMIT = 180
ALT_LIMIT = 125
_PREHEADER_LIMIT = 110

_HEADLINES_FROM = 5
_FEWEST_HEADLINES = 3
_MOST_HEADLINES = 5
_DAYS_OF_A_WEEK = 7

Shots = Mapping[tuple[str, str], Shot]
"""Pictures made, by their address at the source and their shape, `lead` or `thumb`."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What every piece of the letter is written for."""

    speech: Language
    home: str
    """The tag of the newsletter's own language: of stories that name none."""
    zone: str
    weekly: bool
    titles: Mapping[str, str]
    shots: Shots
    folded: Mapping[int, Sequence[Article]]
    """Other tellings of a story, by the article that stands for them."""

    @property
    def language(self) -> str:
        return self.speech.tag

    @property
    def own(self) -> bool:
        """Whether the letter is in the newsletter's own language."""
        return primary(self.language) == primary(self.home)


def write_letter(
    edition: Edition,
    newsletter: NewsletterSpec,
    selection: Selection,
    *,
    site: Site,
    language: Language,
    shots: Shots,
    next_slot: Slot | None,
    earlier_subjects: Sequence[str] = (),
    twin: Twin | None = None,
    carried: Collection[int] = (),
) -> Letter:
    """Write the letter of an edition in one language; the same values give the same letter.

    `carried` are the articles (ids) that the reader's other letter had: what a review tells in
    brief and they had not is shown as missed.
    """
    home = newsletter.language or site.language
    weekly = newsletter.template == WEEKLY
    titles = _titles(newsletter, language, home)
    zone = newsletter.cadence.zone
    page = _Page(language, home, zone, weekly, titles, shots, _folded_under(selection))
    chosen = selection.chosen
    lead = next((_piece(one, page) for one in chosen if one.place is Place.LEAD), None)
    missed = _missed(chosen, carried) if weekly else ()
    missed_ids = {one.article.id for one in missed}
    letter = Letter(
        site=site,
        language=language.tag,
        newsletter=_named(newsletter.name, language, home),
        slug=newsletter.slug,
        template=newsletter.template,
        number=edition.number,
        local_date=edition.local_date,
        date_line=_capital(date_words(edition.local_date, language.tag)),
        week_title=_week_title(edition, language) if weekly else "",
        headlines=(),
        lead=lead,
        top=tuple(_piece(one, page) for one in chosen if one.place is Place.TOP),
        sections=_sections(chosen, newsletter, page),
        brief=tuple(
            _piece(one, page) for one in _brief(chosen) if one.article.id not in missed_ids
        ),
        note=read_note(selection.note.get(language.tag) or selection.note.get("", "") * page.own),
        sponsor=_sponsor(selection),
        most_read=tuple(_links(selection.most_read, page)),
        minutes=1,
        next_line=_next_line(edition, next_slot, newsletter, language),
        subject="",
        preheader="",
        read_online_url=_read_online(edition, site, language, home),
        privacy_url=f"{site.public_url}/privacy",
        missed=tuple(_line(_piece(one, page)) for one in missed),
        twin=twin,
        sponsor_after=newsletter.sponsor_after,
    )
    said = _said(selection, page)
    return _with_inbox(_with_counts(letter), earlier_subjects, language, said=said)


def write_correction(
    edition: Edition,
    newsletter: NewsletterSpec,
    paragraphs: Sequence[str],
    *,
    subject: str,
    site: Site,
    language: Language,
) -> Letter:
    """Write the letter that corrects an edition, whose subject was `subject`, for its readers.

    It has no stories: the edition's page, where the note stands as well, is a link away.
    """
    home = newsletter.language or site.language
    return Letter(
        site=site,
        language=language.tag,
        newsletter=_named(newsletter.name, language, home),
        slug=newsletter.slug,
        template=CORRECTION,
        number=edition.number,
        local_date=edition.local_date,
        date_line=_capital(date_words(edition.local_date, language.tag)),
        week_title="",
        headlines=(),
        lead=None,
        top=(),
        sections=(),
        brief=(),
        note=Note(tuple(clean(each) for each in paragraphs)),
        sponsor=None,
        most_read=(),
        minutes=1,
        next_line="",
        subject=language.say("Correction: %(subject)s", subject=subject),
        preheader=shorten(clean(paragraphs[0]), _PREHEADER_LIMIT),
        read_online_url=_read_online(edition, site, language, home),
        privacy_url=f"{site.public_url}/privacy",
    )


def letter_warnings(letter: Letter) -> tuple[str, ...]:
    """Say what an editor should know of a letter before it goes; it goes all the same."""
    return note_warnings(letter.note) if letter.note else ()


def _titles(newsletter: NewsletterSpec, speech: Language, home: str) -> dict[str, str]:
    return {one.key: _named(one.title, speech, home) for one in newsletter.sections}


def _named(name: str, speech: Language, home: str) -> str:
    """Give a publisher's own name for something; their catalog may have it in other languages."""
    name = clean(name)
    return name if primary(speech.tag) == primary(home) else speech.say(name)


def _with_counts(letter: Letter) -> Letter:
    letter = replace(letter, headlines=_headlines(letter))
    common = (*_first(letter), *letter.brief)
    lines = (*letter.headlines, *letter.missed)
    shown = _words(common) + sum(count_words(line.words) for line in lines)
    grouped = sum(_words(section.pieces) for section in letter.sections)
    in_sections = sum(section.minutes for section in letter.sections)
    minutes = reading_minutes(shown + grouped, letter.language)
    return replace(letter, minutes=max(minutes, in_sections + 1))


def _said(selection: Selection, page: _Page) -> tuple[str, str]:
    """Give the subject and the preheader that a person wrote for this language; "" is neither."""
    both = (selection.subject, selection.preheader)
    subject, preheader = (
        clean(said.get(page.language) or said.get("", "") * page.own) for said in both
    )
    return subject, preheader


def _with_inbox(
    letter: Letter, earlier: Sequence[str], language: Language, *, said: tuple[str, str]
) -> Letter:
    day = short_date_words(letter.local_date, letter.language)
    occasion = Occasion(letter.newsletter, day, letter.number, letter.next_line)
    in_sections = [piece for section in letter.sections for piece in section.pieces]
    order = [*_first(letter), *in_sections]
    heads = [piece.headline for piece in (*order, *letter.brief)]
    ours = write_subject(heads, occasion=occasion, earlier=earlier, language=language)
    subject = said[0] or ours
    preheader = said[1] or write_preheader(
        heads,
        subject=subject,
        standfirst=order[0].standfirst if order else "",
        occasion=occasion,
        language=language,
    )
    return replace(letter, subject=subject, preheader=preheader)


def _headlines(letter: Letter) -> tuple[Link, ...]:
    """Give the lines of "Today in headlines": only stories that every reader has, and no note."""
    if letter.note or letter.story_count < _HEADLINES_FROM:
        return ()
    common = [*_first(letter)]
    if len(common) < _FEWEST_HEADLINES:
        common += letter.brief[: _FEWEST_HEADLINES - len(common)]
    most = max(_FEWEST_HEADLINES, min(_MOST_HEADLINES, letter.story_count // 2))
    lines = tuple(Link(piece.headline, language=piece.language) for piece in common[:most])
    return lines if len(lines) >= _FEWEST_HEADLINES else ()


def _read_online(edition: Edition, site: Site, language: Language, home: str) -> str:
    """Give where the letter stands online: without more its own language is shown there."""
    address = f"{site.public_url}/{edition.address}"
    return address if language.tag == home else f"{address}?language={language.tag}"


def _first(letter: Letter) -> tuple[Piece, ...]:
    return (letter.lead, *letter.top) if letter.lead is not None else letter.top


def _sections(
    chosen: Sequence[Candidate], newsletter: NewsletterSpec, page: _Page
) -> tuple[LetterSection, ...]:
    """Group the section stories in the newsletter's order; what has no section comes last."""
    grouped: dict[str | None, list[Piece]] = {key.key: [] for key in newsletter.sections}
    for one in chosen:
        if one.place is Place.SECTION:
            key = one.section if one.section in page.titles else None
            grouped.setdefault(key, []).append(_piece(one, page))
    return tuple(
        LetterSection(
            topic=key,
            title=page.titles[key] if key else page.speech.say("More stories"),
            pieces=tuple(pieces),
            minutes=_words(pieces) // words_per_minute(page.language),
        )
        for key, pieces in grouped.items()
        if pieces
    )


def _brief(chosen: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in chosen if one.place in {Place.BRIEF, None}]


def _missed(chosen: Sequence[Candidate], carried: Collection[int]) -> list[Candidate]:
    """Give what is new to readers of the other letter; where it had nothing, nobody missed it."""
    if not any(one.article.id in carried for one in chosen):
        return []
    return [one for one in _brief(chosen) if one.article.id not in carried]


def _line(piece: Piece) -> Link:
    return Link(piece.headline, piece.url, language=piece.language)


def _piece(candidate: Candidate, page: _Page) -> Piece:
    article, story = candidate.article, _told(candidate, page)
    is_lead, in_brief = candidate.place is Place.LEAD, candidate.place in {Place.BRIEF, None}
    url = safe_link(story.url)
    headline = clean(story.headline) or url or page.speech.say("Untitled")
    recording = None if in_brief else _recording(story.recording, page.speech)
    return Piece(
        headline=headline,
        url=url,
        standfirst="" if in_brief else _standfirst(story, headline, lead=is_lead),
        shot=None if in_brief else _shot(story, headline, page, lead=is_lead),
        label=page.titles.get(candidate.section or "", "") if is_lead else "",
        day=_day(article, page) if page.weekly else "",
        recording_url=recording.url if recording else None,
        recording_label=recording.words if recording else "",
        related=() if in_brief else tuple(_links(candidate.related, page, dated=True)),
        also=() if in_brief else tuple(_links(page.folded.get(article.id, ()), page)),
        article_id=article.id,
        language=_other_language(story.language, headline, page),
        minutes=0 if in_brief else story_minutes(story.body_text, story.language or page.home),
    )


def _told(candidate: Candidate, page: _Page) -> FoundStory:
    """Give the story in words of one language: the letter's, where a person wrote them.

    A headline in the letter's language has no standfirst in another one below it.
    """
    story = candidate.story_in(page.language)
    if primary(story.language or page.home) == primary(page.language):
        return story
    said = [one for one in candidate.wording if one.language == page.language]
    if not any(one.headline for one in said):
        return candidate.story_in(page.home)
    standfirst = next((one.standfirst for one in reversed(said) if one.standfirst), "")
    return replace(story, standfirst=standfirst, body_text="", language=page.language)


def _standfirst(story: FoundStory, headline: str, *, lead: bool) -> str:
    """Cut the standfirst, or the body's first paragraph; a repetition of the headline is none."""
    first = story.body_text.strip().partition("\n\n")[0]
    for text in (clean(story.standfirst), clean(first)):
        if text and _folded(text) != _folded(headline):
            return cut_at_sentence(text, LEAD_LIMIT if lead else STORY_LIMIT)
    return ""


def _shot(story: FoundStory, headline: str, page: _Page, *, lead: bool) -> Shot | None:
    if story.picture is None:
        return None
    shot = page.shots.get((story.picture.url, "lead" if lead else "thumb"))
    if shot is None:
        return None
    alt = shorten(clean(shot.alt or story.picture.alt), ALT_LIMIT)
    credit = shorten(clean(shot.credit or story.picture.credit), ALT_LIMIT)
    # Beside a headline that says the same, a screen reader should not say it twice.
    return replace(shot, alt="" if _folded(alt) == _folded(headline) else alt, credit=credit)


def _recording(recording: Recording | None, speech: Language) -> Link | None:
    url = safe_link(recording.url) if recording else None
    if recording is None or url is None:
        return None
    is_video = recording.kind is RecordingKind.VIDEO
    verb = speech.say("Watch") if is_video else speech.say("Listen")
    if not recording.seconds or recording.seconds < 0:
        return Link(verb, url)
    minutes = max(1, round(recording.seconds / 60))
    return Link(f"{verb} · {speech.count('# min', '# min', minutes)}", url)


def _links(articles: Iterable[Article], page: _Page, *, dated: bool = False) -> Iterator[Link]:
    """Give the articles that lead somewhere, with the month they are from if that is wanted."""
    for article in articles:
        if url := safe_link(article.story.url):
            words = clean(article.story.headline) or url
            day = local_date(article.dated_at, page.zone)
            yield Link(
                words,
                url,
                note=month_words(day, page.language) if dated else "",
                language=_other_language(article.story.language, words, page),
            )


def _folded_under(selection: Selection) -> dict[int, list[Article]]:
    folded: dict[int, list[Article]] = {}
    for one in selection.left_out:
        if one.verdict is Verdict.DUPLICATE and one.duplicate_of is not None:
            folded.setdefault(one.duplicate_of, []).append(one.article)
    return folded


def _sponsor(selection: Selection) -> Link | None:
    sponsor = selection.sponsor
    words = clean(sponsor.text) if sponsor else ""
    return Link(words, safe_link(sponsor.url)) if sponsor and words else None


def _day(article: Article, page: _Page) -> str:
    day = local_date(article.dated_at, page.zone)
    return _capital(weekday_words(day, page.language, short=True))


def _capital(words: str) -> str:
    """Begin a line with a capital, also where names of days have none."""
    return words[:1].upper() + words[1:]


def _other_language(tag: str | None, words: str, page: _Page) -> str | None:
    """Give the tag of words that are not in the letter's language; the script outweighs the tag."""
    tag = clean(tag or "").replace("_", "-")
    if not tag.replace("-", "").isalnum() or not tag.isascii():
        tag = page.home
    script = script_tag(words, tag)
    if script and script_tag(words, page.language):
        return script
    return None if script or primary(tag) == primary(page.language) else tag


def _week_title(edition: Edition, speech: Language) -> str:
    first = edition.local_date - timedelta(days=_DAYS_OF_A_WEEK)
    last = edition.local_date - timedelta(days=1)
    return speech.say("The week of %(days)s", days=span_words(first, last, speech.tag))


def _next_line(
    edition: Edition, slot: Slot | None, newsletter: NewsletterSpec, speech: Language
) -> str:
    if slot is None:
        return ""
    at = slot.send_at.astimezone(ZoneInfo(newsletter.cadence.zone))
    days, hour = (at.date() - edition.local_date).days, hour_words(at, speech.tag)
    if days == 0:
        return speech.say("The next comes today at %(hour)s.", hour=hour)
    named = weekday_words if 0 < days < _DAYS_OF_A_WEEK else day_words
    day = named(at.date(), speech.tag)
    return speech.say("The next comes on %(day)s at %(hour)s.", day=day, hour=hour)


def _words(pieces: Iterable[Piece]) -> int:
    return sum(count_words(piece.headline) + count_words(piece.standfirst) for piece in pieces)


def _folded(text: str) -> str:
    return " ".join(text.casefold().rstrip(".").split())
