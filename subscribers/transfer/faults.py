"""Pure. A file of readers that cannot be taken as it is, or at all."""

from __future__ import annotations

from enum import StrEnum

from digest.errors import DigestError, UsageError


class ReadersFileError(UsageError):
    """A file that is not read: what is wrong with it, and what to do; nothing was written."""


class BroughtInError(DigestError):
    """The same file was brought in before, in the same way."""


class Reason(StrEnum):
    """Why a line of a file brought nobody in; the report adds what is particular to it."""

    BROKEN = "the line cannot be read"
    ADDRESS = "no address that mail can be sent to"
    TWICE = "a second time in the file"
    NEVER = "on the never-mail list"
    LEFT = "left with us"
    CONFIRMED_SINCE = "confirmed with us since"
    NEVER_AGREED = "never agreed to get letters"
    NO_STATE = "not said whether they agreed"
    UNKNOWN_STATE = "a state we do not know"
    NO_LIST = "in no list that is mapped to a newsletter"


class WontFitError(Exception):
    """A record that says nothing we can take; the message is what the report adds."""

    def __init__(self, reason: Reason, detail: str, *, shown: str = "") -> None:
        """Keep the kind of reason apart from its particulars, and what stood for an address."""
        super().__init__(detail)
        self.reason = reason
        self.shown = shown
