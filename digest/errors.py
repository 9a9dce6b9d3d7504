"""Pure. Every error this product raises on purpose, one class for each way of handling it."""

from __future__ import annotations

from datetime import datetime


class DigestError(Exception):
    """Say what went wrong, with which thing, and why; `hint` says how to mend it.

    The command line prints the message and the hint, one line each, and leaves with `exit_code`.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the sentence for people and the remedy apart."""
        super().__init__(message)
        self.hint = hint


class UsageError(DigestError):
    """The command was used wrongly: the person who typed it mends the call."""

    exit_code = 2


class SettingsError(UsageError):
    """digest.toml or a DIGEST_ variable is wrong; `problems` holds one sentence for each place.

    A sentence may have lines below it that point at the place.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        """Keep every problem, so that one run shows them all."""
        lines = [line for problem in problems for line in problem.split("\n")]
        super().__init__("\n".join((message, *(f"  {line}" for line in lines))), hint=hint)
        self.problems = problems


class NotFoundError(DigestError):
    """A named thing (edition, newsletter, source, reader) does not exist."""


class UnknownNameError(NotFoundError):
    """No newsletter or source is called so: the person who typed the name mends the call."""

    exit_code = 2


class DatabaseError(DigestError):
    """The database cannot be opened, or is newer or older than this program."""


class AlreadyRunningError(DigestError):
    """Another process holds the one seat there is; `holder` names it."""

    def __init__(self, message: str, *, holder: str, hint: str = "") -> None:
        """Keep who holds the seat, so that the message can name it."""
        super().__init__(message, hint=hint)
        self.holder = holder


class SourceError(DigestError):
    """A feed or page cannot be fetched or read; the other sources go on."""


class FetchBlockedError(SourceError):
    """An address that must not be dialled from here (loopback, private, link-local)."""


class HttpStatusError(SourceError):
    """A site answered with a refusal: `status` is HTTP's, `not_before` when it may be asked again.

    `not_before` (aware UTC) is what the site's Retry-After says, at most a day from now; None when
    it says nothing.
    """

    def __init__(
        self, message: str, *, status: int, not_before: datetime | None = None, hint: str = ""
    ) -> None:
        """Keep the number and the moment beside the sentence."""
        super().__init__(message, hint=hint)
        self.status = status
        self.not_before = not_before


class CompositionError(DigestError):
    """A template or a letter cannot be composed; `template`, `line`, `column` say where if known.

    Lines and columns count from 1; a column without the template's own line is that of the MJML
    which the template makes.
    """

    def __init__(
        self,
        message: str,
        *,
        template: str = "",
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        """Keep the place beside the sentence."""
        super().__init__(message, hint=hint)
        self.template = template
        self.line = line
        self.column = column


class TemplateLimitError(CompositionError):
    """A publisher's template took more time or memory than it may."""


class FewStoriesError(CompositionError):
    """A reader's topics leave fewer stories than a letter has at the least: they wait for more."""


class AddressError(DigestError):
    """What was typed is not an e-mail address that mail can be sent to."""


class TokenError(DigestError):
    """A signed link is forged, cut, of another purpose, or signed by a key that is gone."""


class WorkflowError(DigestError):
    """The edition is not in a state that allows this step."""


class ConflictError(WorkflowError):
    """Somebody else wrote in between: the message says who and what, and nothing was written."""
