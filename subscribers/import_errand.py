"""Pure. What an import is asked to bring in, and the tally of what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from digest.errors import UsageError
from subscribers.transfer.columns import State
from subscribers.transfer.placing import Placing
from subscribers.transfer.tables import Tables


@dataclass(frozen=True, slots=True)
class Errand:
    """What is brought in, and whereto."""

    tables: Tables
    placing: Placing
    where_silent: State | None = None
    consent: str = ""
    """Where and how these readers agreed: kept with each as proof."""
    options: Mapping[str, object] = field(default_factory=dict)
    """How the file is read, as the run remembers it."""
    keep_ip: timedelta | None = None
    """How long a network's address may be kept: older ones stay out. None: for ever."""

    def fingerprint(self) -> str:
        """Name this content brought in this way."""
        told = {**self.options, "consent": self.consent}
        return self.tables.fingerprint(told)


@dataclass(slots=True)
class Tally:
    """What came of the records so far."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)
    """Lists and groups that are mapped to nothing, the first hundred different ones."""
    warnings: Counter[str] = field(default_factory=Counter)
    warned: list[str] = field(default_factory=list)
    """The first few role addresses and likely slips."""
    records: int = 0
    report_size: int = 0

    def kept(self) -> dict[str, Any]:
        """Give it as a run keeps it."""
        return {
            "counts": dict(self.counts),
            "reasons": dict(self.reasons),
            "unplaced": dict(self.unplaced),
            "warnings": dict(self.warnings),
            "warned": list(self.warned),
            "records": self.records,
            "report_size": self.report_size,
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Tally:
        """Read what a run kept."""
        return cls(
            counts=Counter(kept.get("counts", {})),
            reasons=Counter(kept.get("reasons", {})),
            unplaced=Counter(kept.get("unplaced", {})),
            warnings=Counter(kept.get("warnings", {})),
            warned=list(kept.get("warned", ())),
            records=kept.get("records", 0),
            report_size=kept.get("report_size", 0),
        )


def require_consent(errand: Errand, *, joins_nobody: bool) -> None:
    """Refuse to bring in readers of whom nobody says how they agreed. Raises UsageError."""
    if not errand.consent.strip() and not joins_nobody:
        raise UsageError(
            "subscribers import: nobody says where these readers agreed",
            hint='Say it: --consent "sign-up form on harbourpost.example until 2025"',
        )
