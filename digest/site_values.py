"""Pure. Settings as the rooms know them: the publisher, the sources, the newsletters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import time as wall_time
from email.utils import parseaddr

from digest.checks.model import Limits, Rulebook
from digest.composition.colour import palette_of
from digest.composition.model import Site, Typeface
from digest.config import NewsletterSettings, Settings, SiteSettings, SourceSettings
from digest.config.values import WEEKDAYS, day_range, month_day, release_parts
from digest.delivery.limits import LimitRules, rules_of
from digest.delivery.warmup import WarmUp
from digest.editions.model import (
    Cadence,
    CatchUp,
    DayRange,
    HandLimits,
    MonthDay,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Section,
    SlotHours,
    StoryPolicy,
)
from digest.errors import SettingsError
from digest.people.model import SessionRules
from digest.sources.model import SourceKind, SourceSpec
from subscribers.limits import Disposable, SignupPolicy
from subscribers.segment_fault import SegmentError
from subscribers.segments import Audience, Vocabulary, parse


def site_of(settings: Settings) -> Site:
    """Give the publisher as letters and pages show it, colours mended; the logo comes later."""
    palette = palette_of(settings.site.brand.accent, settings.site.brand.accent_dark)
    return Site(
        name=settings.site.name,
        url=settings.site.url,
        public_url=settings.web.public_url,
        language=settings.site.language,
        zone=settings.site.timezone,
        postal_address=settings.site.postal_address,
        accent=palette.accent,
        accent_dark=palette.accent_dark,
        reply_to=settings.mail.reply_to or "",
        typeface=Typeface(settings.site.brand.typeface),
    )


def told_of_colours(settings: Settings) -> tuple[str, ...]:
    """Say which colours of the brand could not be read, and what is used instead."""
    return palette_of(settings.site.brand.accent, settings.site.brand.accent_dark).told


def session_rules(settings: Settings) -> SessionRules:
    """Give how long somebody stays signed in at the desk."""
    return SessionRules(idle=settings.desk.session_idle, life=settings.desk.session_life)


def signup_policy(settings: Settings) -> SignupPolicy:
    """Give how readers join as the readers' room knows it."""
    readers = settings.readers
    return SignupPolicy(
        double_opt_in=readers.opt_in == "double",
        disposable=Disposable(readers.disposable),
        per_network=readers.limits.per_network,
        in_all=readers.limits.in_all,
    )


def limit_rules(settings: Settings) -> LimitRules:
    """Give how fast mail may leave."""
    mail = settings.mail
    begun = mail.warm_up
    return rules_of(
        max_per_second=mail.max_per_second,
        ways={name: relay.max_per_second for name, relay in mail.relays.items()}
        | ({"ses": mail.ses.max_per_second} if mail.ses else {}),
        domains={
            name: (domain.max_per_second, domain.connections)
            for name, domain in mail.domains.items()
        },
        warm_up=WarmUp(begun.since, begun.first_day, begun.growth) if begun else None,
        window=mail.window,
        zone=settings.site.timezone,
        sender_domain=parseaddr(mail.sender)[1].rpartition("@")[2],
    )


def vocabulary(settings: Settings, *, tags: Collection[str] | None = None) -> Vocabulary:
    """Give the names that a segment may use; without `tags`, any tag."""
    newsletters = settings.newsletters.items()
    return Vocabulary({slug: newsletter.sections for slug, newsletter in newsletters}, tags)


def audience_of(slug: str, settings: Settings) -> Audience | None:
    """Give whom a newsletter goes to among its subscribers; None: all. Raises SegmentError.

    Its tags are not checked: one may be given to readers later.
    """
    text = settings.newsletters[slug].audience
    if text is None:
        return None
    return Audience(parse(text, vocabulary=vocabulary(settings)), settings.site.timezone)


def audiences_of(settings: Settings) -> dict[str, Audience]:
    """Give the audiences of all newsletters that have one, by slug.

    Raises SettingsError, which names each setting that cannot be read and points at the place.
    """
    found: dict[str, Audience] = {}
    problems: list[str] = []
    hint = ""
    for slug in settings.newsletters:
        try:
            audience = audience_of(slug, settings)
        except SegmentError as error:
            problems.append(audience_problem(f"newsletters.{slug}.audience", error))
            hint = error.hint
        else:
            found |= {slug: audience} if audience else {}
    if problems:
        raise SettingsError("settings: who is to be mailed:", problems=tuple(problems), hint=hint)
    return found


def audience_problem(place: str, error: SegmentError) -> str:
    """Say of a setting where its expression cannot be read: a sentence, and the mark below it."""
    return "\n".join((f"{place}: {error.cause}", *(f"  {line}" for line in error.pointer)))


def rulebooks_of(settings: Settings) -> dict[str, Rulebook]:
    """Give the thresholds and ignores of the checks for each newsletter, by slug."""
    checks = settings.checks
    limits = Limits(**checks.model_dump(exclude={"ignore"}))
    return {
        slug: Rulebook(
            replace(limits, minutes=each.checks.minutes or limits.minutes),
            {**checks.ignore, **each.checks.ignore},
        )
        for slug, each in settings.newsletters.items()
    }


def source_spec(name: str, source: SourceSettings, *, site: SiteSettings) -> SourceSpec:
    """Give one source of the settings as the collector knows it."""
    return SourceSpec(
        name=name,
        kind=SourceKind(source.kind),
        address=source.address,
        every=source.every,
        allow=source.allow,
        zone=source.timezone or site.timezone,
        language=source.language,
        priority=source.priority,
        visit=source.visit,
        key=source.key.get_secret_value() if source.key else "",
        query=source.query or "",
        columns=source.columns,
    )


def newsletter_spec(slug: str, settings: Settings) -> NewsletterSpec:
    """Give one newsletter of the settings as the editions' room knows it."""
    newsletter = settings.newsletters[slug]
    mode, after = release_parts(newsletter.release)
    stories = newsletter.stories
    return NewsletterSpec(
        slug=slug,
        name=newsletter.name,
        template=newsletter.template,
        cadence=_cadence(newsletter, settings.site.timezone),
        stories=StoryPolicy(
            least=stories.min,
            top=stories.top,
            most=stories.max,
            per_section=stories.per_section,
            max_age=stories.max_age,
        ),
        release=Release(ReleaseMode(mode), after),
        sections=tuple(
            Section(key, section.title, section.categories, section.paths)
            for key in newsletter.sections
            if (section := settings.sections.get(key)) is not None
        ),
        brief_if_sent_in=newsletter.brief_if_sent_in,
        language=newsletter.language or settings.site.language,
        languages=newsletter.languages,
        weekly_twin=newsletter.weekly_twin,
        audience=newsletter.audience or "",
        offered=newsletter.offered,
        hours=newsletter.hours,
        spread=newsletter.spread,
        urgent=newsletter.urgent,
        expires_after=newsletter.expires_after,
        sponsor_after=newsletter.sponsor_slot.removeprefix("after "),
        limits=_limits(newsletter),
        catch_up=CatchUp(newsletter.catch_up),
        catch_up_within=newsletter.catch_up_within,
    )


def _limits(newsletter: NewsletterSettings) -> HandLimits | None:
    limits = newsletter.limits
    return None if limits is None else HandLimits(limits.per_day, limits.quiet)


def _cadence(newsletter: NewsletterSettings, zone: str) -> Cadence:
    midnight = wall_time()
    several = [
        SlotHours(send_at=slot.send_at, cut_off=slot.cut_off, name=name)
        for name, slot in newsletter.slots.items()
    ]
    one = SlotHours(
        send_at=newsletter.send_at or midnight,
        cut_off=midnight if newsletter.cut_off is None else newsletter.cut_off,
    )
    return Cadence(
        zone=newsletter.timezone or zone,
        slots=tuple(sorted(several, key=lambda slot: slot.send_at)) or (one,),
        days=frozenset(WEEKDAYS.index(day) for day in newsletter.days),
        monthly=tuple(MonthDay(*month_day(day)) for day in newsletter.monthly),
        not_on=tuple(DayRange(*day_range(days)) for days in newsletter.not_on),
    )
