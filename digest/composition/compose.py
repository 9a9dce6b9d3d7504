"""WRITE, the verb: a letter or a notice through its templates, once, guarded and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from digest.composition.environment import MailTemplates
from digest.composition.language import Language
from digest.composition.layout import tidy
from digest.composition.model import Composition, Letter, Rendered, Site, Typeface
from digest.composition.notices import facts_for, title_of
from digest.composition.slots import Slots, count, nonce_for
from digest.composition.text import clean, strip_refused
from digest.errors import CompositionError

SANS = "-apple-system,Segoe UI,Helvetica Neue,Helvetica,Arial,sans-serif"
SERIF = "Georgia,Times New Roman,serif"

_LETTER_CSS = ("_base/inline.css",)
_NOTICE_CSS = ("_base/inline.css", "_base/notice.css")


def compose(
    letter: Letter,
    *,
    edition_id: int,
    revision: int,
    language: Language,
    secret: bytes,
    environment: MailTemplates,
) -> Composition:
    """Compose an edition; the same letter and templates give the same bytes and hash.

    Raises:
        CompositionError: for a faulty template, and when a slot or the end was lost on the way.
    """
    nonce = nonce_for(secret, edition_id=edition_id, revision=revision, language=language.tag)
    title = f"{letter.subject} · {letter.newsletter}, {letter.date_line}"
    facts = {
        **_house(letter.site, language),
        "letter": letter,
        "slots": Slots(nonce),
        "title": title,
        "preheader": letter.preheader,
    }
    subject, html, text = _render(environment, letter.template, facts, _LETTER_CSS, nonce=nonce)
    _check_marks(html, text, nonce=nonce, template=letter.template)
    return Composition(
        edition_id=edition_id,
        language=language.tag,
        revision=revision,
        subject=subject,
        preheader=letter.preheader,
        html=html,
        text=text,
        nonce=nonce,
        content_hash=content_hash(subject, letter.preheader, html, text),
    )


def compose_notice(
    kind: str,
    facts: Mapping[str, object],
    *,
    site: Site,
    language: Language,
    environment: MailTemplates,
) -> Rendered:
    """Render a notice for its one reader, of the facts that `notices.FACTS` lists for its kind.

    Raises:
        CompositionError: when a fact is missing or wrong, or the kind is unknown.
    """
    given = facts_for(kind, facts, language=language)
    title = title_of(kind, given, language=language) or site.name
    around = {**_house(site, language), "facts": given, "title": title, "preheader": title}
    subject, html, text = _render(environment, kind, around, _NOTICE_CSS)
    return Rendered(subject=subject, html=html, text=text)


def content_hash(subject: str, preheader: str, html: str, text: str) -> str:
    """Give the SHA-256 (hex) of what is approved: subject, preheader, HTML and text."""
    digest = hashlib.sha256()
    for part in (subject, preheader, html, text):
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def set_hash(compositions: Iterable[Composition]) -> str:
    """Give the SHA-256 (hex) over all languages of a revision: what one approval covers.

    It is taken of the texts as they stand, whatever hash is written beside them.
    """
    parts = sorted(
        (each.language, content_hash(each.subject, each.preheader, each.html, each.text))
        for each in compositions
    )
    return hashlib.sha256("\n".join(map(" ".join, parts)).encode()).hexdigest()


def _render(
    environment: MailTemplates,
    name: str,
    facts: Mapping[str, Any],
    sheets: Sequence[str],
    *,
    nonce: str = "",
) -> tuple[str, str, str]:
    # premailer and what it brings are 14 MB: only a process that composes has them.
    from digest.composition.markup import to_html  # noqa: PLC0415 - as just said

    subject = clean(environment.render(f"{name}/subject.txt", **facts))
    if not subject:
        raise CompositionError(
            f"template: {name}/subject.txt: it gives an empty subject", template=name
        )
    body = f"{name}/body.mjml"
    css = "".join(environment.render(sheet, **facts) for sheet in sheets)
    made = environment.render(body, **facts)
    try:
        html = to_html(made, css=css, nonce=nonce, template=body)
    except CompositionError as error:
        raise environment.located(error, body, made, **facts) from error
    text = tidy(strip_refused(environment.render(f"{name}/body.txt", **facts)))
    return subject, html, text


def _house(site: Site, language: Language) -> dict[str, Any]:
    return {
        "site": site,
        "accent": site.accent,
        "accent_dark": site.accent_dark,
        "sans": SANS,
        "headings": SERIF if site.typeface is Typeface.SERIF else SANS,
        "rtl": language.direction == "rtl",
        "language": language,
    }


def _check_marks(html: str, text: str, *, nonce: str, template: str) -> None:
    """Make sure that both parts have the way out, and that no mark was broken."""
    way_out = count(Slots(nonce).value("unsubscribe"), nonce)
    for part, source in (("body.mjml", html), ("body.txt", text)):
        marks = count(source, nonce)
        if marks[""]:
            raise CompositionError(
                f"template: {template}/{part}: a reader's slot is broken", template=template
            )
        if not way_out <= marks:
            raise CompositionError(
                f"template: {template}/{part}: no unsubscribe link",
                template=template,
                hint='Every letter needs {{ slots.value("unsubscribe") }} in HTML and in text.',
            )
