from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CHANGES = re.compile(
    r"\b(?:sa\.)?(?:update|delete)\(\s*(?:\w+\.)?consent\b|\b(?:UPDATE|DELETE\s+FROM)\s+consent\b",
    re.IGNORECASE,
)


def test_the_log_of_consent_is_changed_in_one_module_alone() -> None:
    """It is append-only: what empties or ends a line stands where a reviewer looks for it."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("digest", "subscribers")
        for path in (ROOT / folder).rglob("*.py")
        if CHANGES.search(path.read_text("utf-8"))
    }
    assert found == {"subscribers/forget_store.py"}


def test_a_change_of_the_log_would_be_found() -> None:
    for code in ("sa.update(consent)", "sa.delete(store.consent)", "delete from consent where 1"):
        assert CHANGES.search(code)
    assert not CHANGES.search("sa.insert(consent)")
