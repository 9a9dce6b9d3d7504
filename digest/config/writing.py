"""Pure. Settings as a digest.toml again: what `init` writes and what `config export` shows."""

from __future__ import annotations

from typing import Any

import tomli_w

from digest.config.model import Settings


def export(settings: Settings) -> str:
    """Write all settings in force, defaults included, as TOML; no secret is shown.

    The text loads again and means the same, but for a password that stood in the file itself.
    """
    raw = _without_none(settings.model_dump(mode="json", by_alias=True))
    smtp = raw["mail"].get("smtp", {})
    hidden = smtp.pop("password", None)
    if hidden is not None:
        smtp.pop("user", None)
    raw["storage"]["database"] = _without_password(raw["storage"]["database"])
    for name, source in raw["sources"].items():
        if source.pop("key", None) is not None:
            source["key_file"] = f"{name}.key"
        if "sql" in source:
            source["sql"] = _without_password(source["sql"])
    text = tomli_w.dumps(raw)
    if hidden is not None:
        text = "# mail.smtp: user and password are set, and not shown here.\n" + text
    return text


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    return value


def _without_password(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    if not at or ":" not in account:
        return url
    return f"{scheme}{slashes}{account.partition(':')[0]}@{host}"


def first_settings(
    *, name: str, url: str, feed: str, timezone: str, host: str, language: str = "en"
) -> str:
    """Write the digest.toml of a new site, with a comment where a person must look."""
    quote = _quoted
    return f"""\
# `digest config check` finds mistakes; docs/reference/settings.md has the rest.
environment = "production"         # "staging" mails only test_readers, whatever the database says

[site]
name           = {quote(name)}
url            = {quote(url)}
timezone       = {quote(timezone)}   # every hour below is local here
language       = {quote(language)}
postal_address = {quote(f"{name}, write your postal address here")}   # in every footer, by law
brand          = {{ accent = "#0B4F8A" }}

[web]
public_url = "http://127.0.0.1:8025"   # stands in every link we mail: your public https address
listen     = "127.0.0.1:8025"          # put your web server's TLS in front of it

[storage]
database = "sqlite:///var/digest.db"   # or postgresql://…
keys     = "var/keys"                  # they sign every link: keep them with your backups

[mail]
from           = {quote(f"{_plain(name)} <news@{host}>")}
reply_to       = {quote(f"editor@{host}")}
maildir        = "var/mailbox"         # a local mailbox: nothing leaves this machine until you
# smtp         = {{ host = "smtp.relay.example", port = 587, tls = "required", user = "news", \
password_file = "smtp-password" }}     # … write your relay here in its place
max_per_second = 10                    # what the relay allows

[people]
editors      = []                      # told of drafts, holds, skips
operators    = []                      # told of failures
test_readers = []

[sources.site]
feed  = {quote(feed)}
every = "10m"                          # all day: a feed that shows ten stories forgets the eleventh

[sections]                             # feed categories and paths of yours; the rest goes In brief
# town = {{ title = "Town", categories = ["Local", "Council"], paths = ["/town/"] }}

[newsletters.daily]
name     = "The Morning Post"
template = "daily"
days     = ["mon", "tue", "wed", "thu", "fri"]
cut_off  = "06:30"                     # draft made, editors told
send_at  = "07:00"
release  = "auto-after 20m"            # or "approve" (a person must), "auto"
stories  = {{ min = 3, top = 3, max = 12, max_age = "48h" }}
sections = []

[newsletters.weekly]
name     = "The Week"
template = "weekly"
days     = ["sat"]
cut_off  = "06:30"
send_at  = "08:00"
release  = "approve"
stories  = {{ min = 5, max = 21, max_age = "8d" }}
sections = []
"""


def _quoted(text: str) -> str:
    """Give a TOML basic string: its escapes are those of the library's writer."""
    return tomli_w.dumps({"x": text}).partition("= ")[2].strip()


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isalnum() or letter in " .-").strip()
