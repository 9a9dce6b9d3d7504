"""Pure. The demo's digest.toml: a whole site's settings, with a local inbox in place of a relay."""

from __future__ import annotations

from pathlib import Path

import tomli_w


def demo_toml(*, base_url: str, maildir: Path, database: str, keys: Path, port: int) -> str:
    """Write the settings of the Harbour Post.

    `base_url` (no trailing slash) and `port` are where this machine answers, `maildir` the folder
    of the readers' mailboxes, `database` an SQLAlchemy address, `keys` the folder of signing keys.
    """
    sections = '["town", "sea", "business", "culture", "sport"]'
    return f"""\
# The demo's settings. Nothing here reaches the network: mail goes to a local inbox.
environment = "production"

[site]
name           = "Harbour Post"
url            = {_quoted(f"{base_url}/newsroom")}
timezone       = "Europe/London"   # every hour below is local here
language       = "en"
postal_address = "12 Quay Street, Harbour Town HP1 1AA"
brand          = {{ accent = "#0B4F8A" }}

[web]
public_url = {_quoted(base_url)}   # stands in every link we mail
listen     = {_quoted(f"127.0.0.1:{port}")}

[storage]
database = {_quoted(database)}
keys     = {_quoted(str(keys))}
unsubscribes = {_quoted(str(keys.with_name("unsubscribes.ndjson")))}
journal  = {_quoted(str(keys.with_name("journal")))}

[mail]
from           = "Harbour Post <news@harbourpost.example>"
reply_to       = "editor@harbourpost.example"
bounce_address = "bounces@harbourpost.example"
maildir        = {_quoted(str(maildir))}   # in place of smtp: one folder for each reader
max_per_second = 1000

[people]
editors      = ["desk@harbourpost.example"]
operators    = ["admin@harbourpost.example"]
test_readers = ["desk@harbourpost.example"]

[sources.site]
feed  = {_quoted(f"{base_url}/newsroom/feed.xml")}
every = "1m"
allow = ["127.0.0.0/8"]            # the feed of the demo is on this machine

[sections]                         # feed categories and paths of the paper, and our sections
town     = {{ title = "Town",     categories = ["Local", "Council"], paths = ["/newsroom/town/"] }}
sea      = {{ title = "Sea",      categories = ["Harbour"] }}
business = {{ title = "Business", categories = ["Business"] }}
culture  = {{ title = "Culture",  categories = ["Culture", "What's on"] }}
sport    = {{ title = "Sport",    categories = ["Sport", "Sailing"] }}

[newsletters.daily]
name     = "The Morning Post"
template = "daily"
days     = ["mon", "tue", "wed", "thu", "fri"]
not_on   = ["2026-12-25", "2026-12-28..2027-01-01"]
cut_off  = "06:30"                 # draft made, editors told
send_at  = "07:00"
release  = "auto-after 20m"
stories  = {{ min = 3, top = 3, max = 17, max_age = "48h" }}
sections = {sections}
weekly_twin = "weekly"             # "less often" leads there, and back

[newsletters.weekly]
name     = "The Week"
template = "weekly"
days     = ["sat"]
cut_off  = "06:30"
send_at  = "08:00"
release  = "approve"
stories  = {{ min = 5, max = 21, max_age = "8d" }}
sections = {sections}
"""


def _quoted(text: str) -> str:
    return tomli_w.dumps({"x": text}).partition("= ")[2].strip()
