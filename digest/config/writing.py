"""Pure. Settings as a digest.toml again: what `init` writes and what `config export` shows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import tomli_w

from digest.config.model import Settings


def export(settings: Settings) -> str:
    """Write all settings in force, defaults included, as TOML; no secret is shown.

    The text loads again and means the same, but for a password that stood in the file itself.
    """
    raw = _without_none(settings.model_dump(mode="json", by_alias=True))
    hidden = _without_log_ins(raw["mail"])
    raw["storage"]["database"] = _without_password(raw["storage"]["database"])
    for name, source in raw["sources"].items():
        if source.pop("key", None) is not None:
            source["key_file"] = f"{name}.key"
        if "sql" in source:
            source["sql"] = _without_password(source["sql"])
    told = (f"# {place}: user and password are set, and not shown here.\n" for place in hidden)
    return "".join(told) + tomli_w.dumps(raw)


def _without_log_ins(mail: dict[str, Any]) -> list[str]:
    """Take out the users whose passwords stand in the settings; give which relays they are of."""
    relays = {f"mail.relays.{name}": relay for name, relay in mail["relays"].items()}
    hidden = []
    for place, relay in {"mail.smtp": mail.get("smtp", {}), **relays}.items():
        if relay.pop("password", None) is not None:
            del relay["user"]  # one without the other would not load again
            hidden.append(place)
    return hidden


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
    *,
    name: str,
    url: str,
    feed: str,
    timezone: str,
    host: str,
    language: str = "en",
    kind: str = "feed",
    accent: str = "#0B4F8A",
    logo: str = "",
    logo_file: str = "",
    allow: Sequence[str] = (),
    daily_days: Sequence[str] = ("mon", "tue", "wed", "thu", "fri"),
    daily_min: int = 3,
    daily_max_age: str = "48h",
    weekly_min: int = 5,
) -> str:
    """Write the digest.toml of a new site, with a comment where a person must look.

    `kind` is that of the source at `feed`; `logo` the address of a picture to look at, `logo_file`
    that picture on the disk, if it could be had.
    """
    quote = _quoted
    source = f"{kind:5} = {quote(feed)}\n"
    if allow:
        source += f"allow = [{', '.join(map(quote, allow))}]   # not public, and yet ours to read\n"
    seen = f"   # the site's logo: {_comment(logo)}" if logo else ""
    picture = f", logo = {quote(logo_file)}" if logo_file else ""
    return f"""\
# `digest config check` finds mistakes; docs/reference/settings.md has the rest.
environment = "production"         # "staging" mails only test_readers, whatever the database says

[site]
name           = {quote(name)}
url            = {quote(url)}
timezone       = {quote(timezone)}   # every hour below is local here
language       = {quote(language)}
postal_address = {quote(f"{name}, write your postal address here")}   # in every footer, by law
brand          = {{ accent = {quote(accent)}{picture} }}{seen}

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
{source}every = "10m"                  # all day: a feed that shows ten stories forgets the eleventh

[sections]                             # categories and paths of yours (digest sources unsorted)
# town = {{ title = "Town", categories = ["Local", "Council"], paths = ["/town/"] }}

[newsletters.daily]
name     = "The Morning Post"
template = "daily"
days     = [{", ".join(map(quote, daily_days))}]
cut_off  = "06:30"                     # draft made, editors told
send_at  = "07:00"
release  = "auto-after 20m"            # or "approve" (a person must), "auto"
stories  = {{ min = {daily_min}, top = 3, max = 12, max_age = {quote(daily_max_age)} }}
sections = []

[newsletters.weekly]
name     = "The Week"
template = "weekly"
days     = ["sat"]
cut_off  = "06:30"
send_at  = "08:00"
release  = "approve"
stories  = {{ min = {weekly_min}, max = 21, max_age = "8d" }}
sections = []
"""


def section_line(category: str) -> tuple[str, str]:
    """Give a section's key and its line below [sections], for a category that has none yet.

    The key is empty for a category without a letter that a key may have.
    """
    plain = unicodedata.normalize("NFKD", category).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-")
    named = _quoted(category)
    return key, f"{key} = {{ title = {named}, categories = [{named}] }}"


def _quoted(text: str) -> str:
    """Give a TOML basic string: its escapes are those of the library's writer."""
    return tomli_w.dumps({"x": text}).partition("= ")[2].strip()


def _comment(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _plain(name: str) -> str:
    return "".join(letter for letter in name if letter.isalnum() or letter in " .-").strip()
