"""Door to the DNS: which host takes the mail of a domain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from digest.delivery.providers import host_name
from digest.log import event

_log = logging.getLogger(__name__)

_MOST_RECORDS = 50
_AWAY_AFTER = 3
"""So many questions without any answer, and none answered before, mean that no DNS is there."""


async def look_up(
    domains: Iterable[str],
    *,
    resolver: dns.asyncresolver.Resolver | None = None,
    timeout_seconds: float = 5,
    at_once: int = 8,
) -> dict[str, str]:
    """Ask for the best MX host of each domain (lower-case A-labels), `at_once` at a time.

    A domain that has none, or a null MX (RFC 7505), or does not exist, is its own host (RFC 5321,
    5.1); one whose question was not answered is left out. It never raises; where no DNS answers it
    gives up after a few questions, within about two timeouts.
    """
    try:
        asked = resolver or dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError) as error:  # no resolv.conf, or none that is one
        event(_log, "no DNS to ask for MX records", logging.WARNING, cause=str(error))
        return {}
    work = _LookUp(iter(dict.fromkeys(domains)), asked, timeout_seconds)
    await asyncio.gather(*(work.run() for _ in range(at_once)))
    if work.is_away:
        event(_log, "the DNS does not answer; limits go by the domains alone", logging.WARNING)
    return work.found


class _LookUp:
    """One look-up of many domains by several tasks."""

    def __init__(
        self, domains: Iterator[str], resolver: dns.asyncresolver.Resolver, timeout: float
    ) -> None:
        self.found: dict[str, str] = {}
        self._domains = domains
        self._resolver = resolver
        self._timeout = timeout
        self._unanswered = 0

    @property
    def is_away(self) -> bool:
        """Whether nothing answers."""
        return self._unanswered >= _AWAY_AFTER

    async def run(self) -> None:
        """Ask for one domain after another."""
        for domain in self._domains:
            if self.is_away:
                return
            try:
                host = await self._ask(domain)
            except Exception:  # noqa: BLE001 - whatever an answer does to the library, mail goes on
                host = None
            if host is None:
                self._unanswered += 1
            else:
                self._unanswered = 0
                self.found[domain] = host

    async def _ask(self, domain: str) -> str | None:
        if host_name(domain) is None:
            return domain
        name = dns.name.from_text(f"{domain}.")  # with its dot, so that no search list is tried
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._resolver.resolve(
                    name, "MX", lifetime=self._timeout, search=False
                )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return domain
        except (dns.exception.DNSException, OSError, TimeoutError):
            return None
        records = [(each.preference, each.exchange.to_text()) for each in answer][:_MOST_RECORDS]
        hosts = ((preference, host_name(text)) for preference, text in records)
        best = min(((preference, host) for preference, host in hosts if host), default=None)
        return best[1] if best else domain
