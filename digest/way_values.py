"""The composition root's: the ways out that the settings name; nothing is opened yet."""

from __future__ import annotations

from digest.config import Settings, SmtpSettings
from digest.config.model import RelaySettings, SesSettings
from digest.delivery.discard import DiscardTransport
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import SmtpAccount, Way
from digest.delivery.ses import SesTransport


def ways_of(settings: Settings, *, local_hostname: str) -> tuple[Way, ...]:
    """Give the ways out in the order of the settings: `smtp` first, then the relays, then SES.

    `local_hostname` is what we call ourselves in EHLO. The settings have been read with their
    files. Raises SettingsError when SES lacks its library.
    """
    mail = settings.mail
    most = mail.connections
    if mail.maildir is not None:
        return (Way("maildir", transport=MaildirTransport(mail.maildir), connections=most),)
    if mail.discard:
        return (Way("discard", transport=DiscardTransport(), connections=most),)
    ways = [_relay(name, relay, local_hostname, most) for name, relay in mail.relays.items()]
    if mail.smtp is not None:
        account = _account(mail.smtp, local_hostname)
        ways.insert(0, Way("smtp", account, connections=most))
    if mail.ses is not None:
        ways.append(_ses(mail.ses))
    return tuple(ways)


def way_out_words(settings: Settings) -> str:
    """Say where mail leaves to, for people: one line, no password."""
    mail = settings.mail
    if mail.discard:
        return "nowhere: mail.discard is on"
    if mail.maildir is not None:
        return f"maildir {mail.maildir}"
    said = [f"{mail.smtp.host}:{mail.smtp.port}"] if mail.smtp else []
    for relay in mail.relays.values():
        spare = "" if relay.weight else " (in reserve)"
        said.append(f"{relay.host}:{relay.port}{spare}")
    if mail.ses is not None:
        spare = "" if mail.ses.weight else " (in reserve)"
        said.append(f"Amazon SES {mail.ses.region}{spare}")
    return ", ".join(said)


def _relay(name: str, relay: RelaySettings, local_hostname: str, most: int) -> Way:
    return Way(
        name,
        _account(
            relay,
            local_hostname,
            pipelining=relay.pipelining,
            messages_per_connection=relay.messages_per_connection,
        ),
        weight=relay.weight,
        connections=relay.connections or most,
        max_per_second=relay.max_per_second,
    )


def _account(
    smtp: SmtpSettings,
    local_hostname: str,
    *,
    pipelining: bool = True,
    messages_per_connection: int | None = None,
) -> SmtpAccount:
    return SmtpAccount(
        host=smtp.host,
        port=smtp.port,
        tls=smtp.tls,
        user=smtp.user or "",
        password=smtp.password.get_secret_value() if smtp.password else "",
        local_hostname=local_hostname,
        pipelining=pipelining,
        messages_per_connection=messages_per_connection,
    )


def _ses(ses: SesSettings) -> Way:
    transport = SesTransport(
        ses.region,
        endpoint=ses.endpoint or "",
        configuration_set=ses.configuration_set or "",
        connections=ses.connections,
    )
    return Way(
        "ses",
        transport=transport,
        weight=ses.weight,
        connections=ses.connections,
        max_per_second=ses.max_per_second,
    )
