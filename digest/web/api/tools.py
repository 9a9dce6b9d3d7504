"""Pure. What some endpoints need beside the pages' context: the newsroom, its sources, networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from digest.sources.model import SourceSpec
from digest.web.api.call import Call, call_of
from digest.web.api.problems import ProblemError
from digest.workflow.call_out import CallTools
from digest.workflow.model import Newsroom


@dataclass(frozen=True, slots=True)
class ApiTools:
    """The tools of the verbs that make and change editions, stories and webhooks."""

    newsroom: Newsroom
    sources: Callable[[], Sequence[SourceSpec]] = tuple
    """Those of the settings and of the desk, as they are now."""
    same_hosts: Sequence[str] = ()
    webhook_networks: tuple[str, ...] = ()
    """Networks that webhooks may call although they are not public."""

    def calling(self, call: Call) -> CallTools:
        """Give what webhooks are called with."""
        return CallTools(self.newsroom, call.context.keys.suppression, self.webhook_networks)


def newsroom_of(request: Request) -> Newsroom | None:
    """Give the newsroom; None where the pages are served without one, and nothing is checked."""
    found: ApiTools | None = getattr(request.app.state, "tools", None)
    return found.newsroom if found is not None else None


def tools_of(request: Request) -> tuple[Call, ApiTools]:
    """Give the call and its tools. Raises ProblemError where the pages are served without them."""
    found: ApiTools | None = getattr(request.app.state, "tools", None)
    if found is None:
        raise ProblemError(503, "It is not served here.", headers={"Retry-After": "3600"})
    return call_of(request), found
