from __future__ import annotations

import tomllib

from digest.workflow.restore_settings import Layout, moved

PARTS = ["database.sqlite", "digest.toml", "keys/link-00001.key", "unsubscribes.ndjson"]
PLAIN = """\
# the harbour's letter
[site]
name = "Harbour Post"   # as on the masthead

[storage]
database = "sqlite:///data/post.db"
keys     = "secrets"

[mail]
maildir = "/var/mail/box"
"""


def test_paths_that_stay_in_the_folder_are_left_with_every_comment() -> None:
    text, layout = moved(PLAIN, parts=PARTS)
    storage = tomllib.loads(text)["storage"]
    assert layout == Layout("data/post.db", "secrets", "var/unsubscribes.ndjson", "", {})
    assert storage == {
        "database": "sqlite:///data/post.db",
        "keys": "secrets",
        "unsubscribes": "var/unsubscribes.ndjson",
        "journal": "var/journal",
    }
    assert "# the harbour's letter" in text
    assert "# as on the masthead" in text


def test_paths_that_lead_out_of_the_folder_are_replaced() -> None:
    text = PLAIN.replace('"sqlite:///data/post.db"', '"sqlite:////var/lib/post.db"  # the disk')
    text = text.replace('"secrets"', '"../secrets"\nunsubscribes = "/mnt/left"\njournal = "/run/j"')
    changed, layout = moved(text, parts=PARTS)
    assert layout == Layout("var/digest.db", "var/keys", "var/unsubscribes.ndjson", "", {})
    assert tomllib.loads(changed)["storage"] == {
        "database": "sqlite:///var/digest.db",
        "keys": "var/keys",
        "unsubscribes": "var/unsubscribes.ndjson",
        "journal": "var/journal",
    }
    assert "# as on the masthead" in changed


def test_settings_without_a_storage_table_get_one() -> None:
    text, layout = moved('[site]\nname = "Post"', parts=PARTS)
    assert tomllib.loads(text)["storage"]["keys"] == layout.keys == "var/keys"


def test_a_database_on_a_server_is_the_one_that_was_named() -> None:
    text = PLAIN.replace('database = "sqlite:///data/post.db"', 'database_file = "/run/secrets/db"')
    changed, layout = moved(text, server="postgresql://post@db/new", parts=PARTS)
    assert layout.database == ""
    storage = tomllib.loads(changed)["storage"]
    assert storage["database"] == "postgresql://post@db/new"
    assert "database_file" not in storage


def test_own_templates_and_logos_come_along() -> None:
    text = '[site]\nname = "Post"\ntemplates = "/srv/templates"\nbrand = { logo = "/srv/a.png" }\n'
    parts = [*PARTS, "templates/mail/daily/body.mjml", "brand/logo.png"]
    changed, layout = moved(text, parts=parts)
    assert (layout.templates, layout.brand) == ("templates", {"brand/logo.png": "brand/logo.png"})
    assert tomllib.loads(changed)["site"] == {
        "name": "Post",
        "templates": "templates",
        "brand": {"logo": "brand/logo.png"},
    }


def test_a_setting_over_several_lines_is_changed_all_the_same() -> None:
    text = '[storage]\nkeys = """\n/etc/keys"""\n'
    changed, layout = moved(text, parts=PARTS)
    assert tomllib.loads(changed)["storage"]["keys"] == layout.keys == "var/keys"
