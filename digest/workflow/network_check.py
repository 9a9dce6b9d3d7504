"""Ask the network about an edition, on demand: its links, its pictures, its sender's domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.checks.model import Facts, Report
from digest.delivery.outbound import Mailer
from digest.workflow.model import Newsroom

if TYPE_CHECKING:
    from dns.resolver import Resolver


def check_network(
    newsroom: Newsroom,
    mailer: Mailer,
    facts: Facts,
    report: Report,
    *,
    resolver: Resolver | None = None,
) -> Report:
    """Give the report of the offline checks with what the network says besides.

    It takes up to two minutes, asks 100 links and 60 pictures at the most, and dials no private
    address but those that pictures may come from; `resolver` is the system's when there is none.
    Nothing is written.
    """
    # dnspython and Pillow: only who asks has them in memory.
    from digest.checks.answers import host_of  # noqa: PLC0415 - as just said
    from digest.checks.network import Network, ask, with_answers  # noqa: PLC0415 - the same

    network = Network(
        fetcher=newsroom.fetcher,
        allow_pictures=newsroom.picture_networks,
        resolver=resolver,
        envelope=host_of(mailer.bounce_address),
    )
    book = newsroom.rulebook_of(facts.newsletter.slug)
    return with_answers(report, ask(facts, network), book.ignores)
