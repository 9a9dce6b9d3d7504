"""Every letter and notice in every language, signed as it leaves, and checked by dkimpy."""

from __future__ import annotations

from itertools import product

import pytest

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose
from digest.composition.environment import load_templates
from digest.composition.model import Composition, ListHeaders
from digest.composition.samples import LANGUAGES, LETTERS, NOTICES, sample_letter
from digest.composition.wire import EditionWire
from digest.delivery.dkim import relaxed_body
from tests.acceptance.letter_gallery import SENDER, a_mail
from tests.mail_strictness import faults_of
from tests.unit.composition.letter_builders import SECRET
from tests.unit.composition.wire_builders import SENT_AT, values
from tests.unit.delivery.dkim_builders import a_signer, verdicts

SIGNER = a_signer()
TEMPLATES = load_templates()
SPOKEN = load_languages()


def composed(template: str, tag: str) -> tuple[Composition, ListHeaders]:
    language = SPOKEN.of(tag)
    letter = sample_letter(template, language)
    composition = compose(
        letter,
        edition_id=7,
        revision=1,
        language=language,
        secret=SECRET,
        environment=TEMPLATES,
    )
    headers = ListHeaders(
        sender=f"{letter.site.name} <{SENDER}>",
        reply_to=letter.site.reply_to,
        list_id=f"{letter.slug}.letters.harbourpost.example",
        list_name=letter.newsletter,
        feedback_id="daily:2026-01-09:letter:harbour",
        help_url="https://letters.harbourpost.example/link",
        help_mailto=f"mailto:{letter.site.reply_to}?subject=help",
        archive_url="https://letters.harbourpost.example/archive/daily",
    )
    return composition, headers


@pytest.mark.parametrize(("template", "tag"), list(product(LETTERS, LANGUAGES)))
@pytest.mark.parametrize("text_only", [False, True])
@pytest.mark.parametrize("address", ["maria@example.org", "zoë@bücher.example"])
def test_the_signatures_of_a_letter_hold(
    template: str, tag: str, address: str, *, text_only: bool
) -> None:
    composition, headers = composed(template, tag)
    reader = values(address=address, text_only=text_only)
    message = EditionWire(composition, headers, signer=SIGNER).message(reader)
    assert verdicts(message, SIGNER) == [True, True]
    assert faults_of(message) == []
    body = message.partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) == body
    at = len(message) - len(body) + len(body) // 2
    altered = message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]
    assert verdicts(altered, SIGNER) == [False, False]


@pytest.mark.parametrize(("kind", "tag"), list(product(NOTICES, LANGUAGES)))
def test_the_signatures_of_a_notice_hold(kind: str, tag: str) -> None:
    message = SIGNER.sign(a_mail(kind, tag).message, SENT_AT)
    assert verdicts(message, SIGNER) == [True, True]
    assert faults_of(message) == []
    body = message.partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) == body
