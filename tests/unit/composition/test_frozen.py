from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.compose import set_hash
from digest.composition.frozen import require_frozen
from digest.composition.model import Composition, ReaderValues
from digest.composition.wire import EditionWires
from digest.errors import CompositionError
from tests.unit.composition.wire_builders import HEADERS, a_composition

EDITION = "daily/2026-01-09"


def _made() -> list[Composition]:
    german = a_composition(seed=2, language="de", subject="Fähre fährt wieder")
    return [a_composition(subject="Ferry returns"), german]


@dataclass
class Bent:
    """A wire whose messages something changes."""

    inside: EditionWires
    bend: Callable[[bytes], bytes]
    language: str = "en"

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        message = self.inside.message(values, language)
        return self.bend(message) if language == self.language else message


def test_what_was_approved_may_leave() -> None:
    made = _made()
    require_frozen(set_hash(made), made, EditionWires(made, HEADERS), edition=EDITION)


def test_readers_with_few_topics_change_nothing_of_it() -> None:
    made = _made()
    wires = EditionWires(made, HEADERS, least=99)
    require_frozen(set_hash(made), made, wires, edition=EDITION)


@pytest.mark.parametrize("part", ["subject", "preheader", "html", "text"])
@pytest.mark.parametrize("which", [0, 1])
def test_another_text_is_refused_in_any_language(part: str, which: int) -> None:
    made = _made()
    approved = set_hash(made)
    made[which] = replace(made[which], **{part: getattr(made[which], part) + "."})
    with pytest.raises(CompositionError) as refused:
        require_frozen(approved, made, EditionWires(made, HEADERS), edition=EDITION)
    assert str(refused.value) == f"send: {EDITION}: its text is not the one that was approved"


def test_what_nobody_approved_is_refused() -> None:
    made = _made()
    wires = EditionWires(made, HEADERS)
    for approved, composed in ((None, made), (set_hash(made), made[:1]), (set_hash([]), [])):
        with pytest.raises(CompositionError, match="is not the one that was approved"):
            require_frozen(approved, composed, wires, edition=EDITION)


@pytest.mark.parametrize(
    ("bend", "part"),
    [
        (lambda raw: raw.replace(b"Subject: Ferry", b"Subject: Bus"), "subject"),
        (lambda raw: raw.replace(b"</body>", b"<p>Buy this</p></body>"), "HTML"),
        (lambda raw: raw.replace(b"\r\n\r\n", b"\r\n\r\nBuy this=20", 2), "text"),
        (lambda raw: raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", "text"),
    ],
)
def test_a_wire_that_says_something_else_is_refused(
    bend: Callable[[bytes], bytes], part: str
) -> None:
    made = [
        a_composition(
            subject="Ferry returns",
            html="<html><body><p>The ferry is back</p></body></html>",
            text="The ferry is back\n",
        )
    ]
    bent = Bent(EditionWires(made, HEADERS), bend)
    with pytest.raises(CompositionError) as refused:
        require_frozen(set_hash(made), made, bent, edition=EDITION)
    assert str(refused.value) == (
        f"send: {EDITION}: its {part} (en) would not leave as it was approved"
    )


def test_a_wire_that_sends_the_wrong_language_is_refused() -> None:
    made = _made()
    only = EditionWires(made[:1], HEADERS)
    with pytest.raises(CompositionError, match=r"its subject \(de\) would not leave"):
        require_frozen(set_hash(made), made, only, edition=EDITION)


@given(
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120).filter(
        lambda text: text.strip()
    ),
    words=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)
def test_no_letter_is_refused_for_its_signs(subject: str, words: str) -> None:
    made = [a_composition(subject=subject, html=f"<p>{words}</p>", text=words)]
    require_frozen(set_hash(made), made, EditionWires(made, HEADERS), edition=EDITION)
