"""MRML dies on deep nesting, and takes its process along: shown in one of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from digest.composition.markup import to_html
from digest.errors import CompositionError

DEEP = 100_000
BODY = "<div>" * DEEP + "</div>" * DEEP
LETTER = (
    f"<mjml><mj-body><mj-section><mj-column><mj-text>{BODY}</mj-text></mj-column></mj-section>"
    "</mj-body></mjml>"
)
PROGRAM = """
import resource, sys
import mjml
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
mjml.mjml2html(sys.stdin.read(), fonts={})
"""


def test_bug_2_deep_nesting_kills_mrml_and_is_refused_before() -> None:
    bare = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=LETTER, text=True, timeout=60, check=False
    )
    assert bare.returncode in {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS}
    with pytest.raises(CompositionError, match="elements nest more than 64 deep"):
        to_html(LETTER, css="")


def test_300_levels_are_an_error_with_its_place_and_no_letter_cut_short() -> None:
    body = "<div>" * 300 + "words" + "</div>" * 300
    source = LETTER.replace(BODY, body)
    with pytest.raises(CompositionError, match="line 1, column") as caught:
        to_html(source, css="", template="daily/body.mjml")
    assert caught.value.template == "daily/body.mjml"
