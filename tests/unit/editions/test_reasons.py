from __future__ import annotations

import re

from digest.editions import reasons
from digest.editions.model import Place, Verdict


def test_every_sentence_stands_in_the_list_for_the_manual() -> None:
    told = {
        value
        for name, value in vars(reasons).items()
        if isinstance(value, str) and name.isupper() and not name.startswith("_")
    }
    assert told - {reasons.FOLDED_UNDER} == set(reasons.SENTENCES)
    assert len(reasons.SENTENCES) == len(set(reasons.SENTENCES))


def test_every_verdict_and_place_has_its_words() -> None:
    assert set(reasons.REASONS) == set(Verdict)
    assert set(reasons.PLACES) == set(Place)


def test_each_sentence_begins_with_a_capital_and_ends_with_a_full_stop() -> None:
    for sentence in reasons.SENTENCES:
        filled = re.sub(r"\{against\}", "for a reason.", re.sub(r"\{section\}", "Town", sentence))
        assert filled[0].isupper()
        assert filled.endswith(".")
        assert not filled.endswith("..")


def test_a_wish_goes_on_in_lower_case() -> None:
    said = reasons.against_a_wish(reasons.PINNED_BUT, "Withdrawn 9 Jan 2026 at 06:30.")
    assert said == "Pinned, but withdrawn 9 Jan 2026 at 06:30."


def test_a_headline_in_a_sentence_is_one_line_and_not_endless() -> None:
    assert reasons.quoted("a\n b") == "a b"
    assert reasons.quoted("word " * 100) == "word " * 24 + "…"
    assert reasons.quoted("x" * 300) == "x" * 120 + " …"
