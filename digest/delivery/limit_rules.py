"""Pure. The limits of a site as its settings have them, and the words for what holds mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from digest.delivery.hours import Window, closes_at, next_open
from digest.delivery.pace import Pace, even
from digest.delivery.providers import domain_name, group_of
from digest.delivery.warmup import WarmUp, allowance

_UNLIMITED = 10_000.0
"""Messages a second that stand for "no limit" when a part of it is to be taken."""
_LONGEST_NAME = 180
"""Of a domain in a key; the row of a longer one is shared with who ends alike."""


@dataclass(frozen=True, slots=True)
class LimitRules:
    """What limits the mail of a site.

    `groups` and `connections` are by group: a provider's name or a domain in A-labels.
    """

    overall: Pace | None = None
    ways: Mapping[str, Pace] = field(default_factory=dict)
    groups: Mapping[str, Pace] = field(default_factory=dict)
    connections: Mapping[str, int] = field(default_factory=dict)
    warm_up: WarmUp | None = None
    window: Window | None = None
    zone: str = "UTC"
    sender_domain: str = ""

    def group_of(self, domain: str, known: str = "") -> str:
        """Give the group that limits a domain; `known` is what the database has of it.

        A domain with limits of its own is its own group, whoever keeps its mail.
        """
        if domain in self.groups or domain in self.connections:
            return domain
        return known or group_of(domain)

    def pace_of(self, group: str) -> Pace:
        """Give a group's own pace, or the fastest there is where it has none."""
        mine = self.groups.get(group)
        overall = self.overall.per_second if self.overall else _UNLIMITED
        return mine or even(group_key(group), overall)

    def day(self, now: datetime) -> tuple[str, int | None]:
        """Give the key under which today's messages are counted, and how many may leave."""
        day = now.astimezone(ZoneInfo(self.zone)).date()
        plan = self.warm_up
        allowed = allowance(plan.since, day, plan.first_day, plan.growth) if plan else None
        return f"{_DAY}{self.sender_domain[-_LONGEST_NAME:]}:{day}", allowed


_DAY = "day:"
_GROUP = "group:"


def group_key(group: str) -> str:
    """Give the key of a group's row."""
    return f"{_GROUP}{group[-_LONGEST_NAME:]}"


def group_of_key(key: str) -> str:
    """Give the group whose row it is; empty when it is no group's."""
    return key.removeprefix(_GROUP) if key.startswith(_GROUP) else ""


def rules_of(
    *,
    max_per_second: float | None = None,
    ways: Mapping[str, float | None] | None = None,
    domains: Mapping[str, tuple[float | None, int | None]] | None = None,
    warm_up: WarmUp | None = None,
    window: Window | None = None,
    zone: str = "UTC",
    sender_domain: str = "",
) -> LimitRules:
    """Make the rules of plain values.

    `ways` are messages a second by way; `domains` messages a second and connections, by provider
    or domain; `sender_domain` is whose warm-up it is.
    """
    named = {domain_name(name): limits for name, limits in (domains or {}).items()}
    return LimitRules(
        overall=even("all", max_per_second) if max_per_second else None,
        ways={name: even(f"way:{name}", rate) for name, rate in (ways or {}).items() if rate},
        groups={name: even(group_key(name), rate) for name, (rate, _) in named.items() if rate},
        connections={name: most for name, (_, most) in named.items() if most},
        warm_up=warm_up,
        window=window,
        zone=zone,
        sender_domain=domain_name(sender_domain),
    )


def shut_words(opens: datetime, rules: LimitRules) -> str:
    """Say that the hours of delivery have not begun."""
    return f"outside the hours of delivery: they begin {_local(opens, rules)}"


def shut_now(rules: LimitRules, now: datetime) -> datetime | None:
    """Say when the hours of delivery begin; None while they last, or when there are none."""
    return next_open(now, rules.window, rules.zone) if rules.window else None


def shuts_at(rules: LimitRules, now: datetime) -> datetime:
    """Say when the hours of delivery end that last now; tomorrow when there are none."""
    ends = closes_at(now, rules.window, rules.zone) if rules.window else None
    return ends or now + timedelta(days=1)


def used_up_words(allowed: int, rules: LimitRules) -> str:
    """Say that a new sender address has sent what it may today."""
    words = f"the sender address is warming up: today's {allowed:,} messages have left"
    return f"{words}; the next ones leave after midnight ({rules.zone})"


def rest_words(group: str, until: datetime, rules: LimitRules) -> str:
    """Say that a group rests because a server asked for it."""
    return f"{group} asked for fewer messages: nothing leaves for it before {_local(until, rules)}"


def slowed_words(group: str, per_second: float) -> str:
    """Say that a group is slowed because a server asked for it."""
    return f"{group} asked for fewer messages: {per_second:.3g} a second for now"


def pace_words(pace: Pace) -> str:
    """Say which pace holds."""
    return f"{pace.key}: {pace.per_second:.3g} a second, as fast as it may"


def _local(at: datetime, rules: LimitRules) -> str:
    return f"{at.astimezone(ZoneInfo(rules.zone)):%Y-%m-%d %H:%M} ({rules.zone})"
