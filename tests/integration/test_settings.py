"""The settings file as its writer meets it: real files, real variables."""

from __future__ import annotations

import textwrap
from datetime import time, timedelta
from pathlib import Path

import pytest

from digest.config import load
from digest.config.writing import export, first_settings
from digest.errors import SettingsError

WHOLE = """
    environment = "production"
    [site]
    name           = "Harbour Post"
    url            = "https://harbourpost.example/"
    timezone       = "Europe/London"
    postal_address = "12 Quay Street, Harbour Town HP1 1AA"
    brand          = { accent = "#0b4f8a" }
    [web]
    public_url  = "https://letters.harbourpost.example"
    [mail]
    from           = "Harbour Post <news@letters.harbourpost.example>"
    smtp           = { host = "relay.example", user = "harbour", password_file = "secret" }
    [people]
    editors = ["desk@harbourpost.example"]
    [sources.site]
    feed  = "https://harbourpost.example/feed/"
    [sources.captures]
    page  = "pages"
    [sections]
    town = { title = "Town", categories = ["Local"], paths = ["/town/"] }
    [newsletters.daily]
    name     = "The Morning Post"
    days     = ["mon", "fri"]
    not_on   = ["2026-12-28..2027-01-01"]
    cut_off  = "06:30"
    send_at  = "07:00"
    release  = "auto-after 20m"
    stories  = { min = 3, max = 12, max_age = "48h" }
    sections = ["town"]
    weekly_twin = "weekly"
    [newsletters.weekly]
    name     = "The Week"
    template = "weekly"
    days     = ["sat"]
    cut_off  = 06:30:00
    send_at  = "08:00"
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os  # noqa: PLC0415 - only to look

    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)


def _write(folder: Path, text: str = WHOLE) -> Path:
    path = folder / "digest.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    (folder / "secret").write_text("correct horse\n")
    return path


def _problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(_write(folder, text))
    return caught.value.problems


def test_a_whole_file_is_read_with_its_defaults_secrets_and_paths(tmp_path: Path) -> None:
    settings = load(_write(tmp_path))
    assert settings.site.url == "https://harbourpost.example"
    assert settings.site.brand.accent == "#0B4F8A"
    assert settings.smtp_password == "correct horse"
    assert settings.storage.database == f"sqlite:///{tmp_path / 'var/digest.db'}"
    assert settings.storage.keys == tmp_path / "var/keys"
    assert settings.sources["captures"].page == str(tmp_path / "pages")
    assert settings.sources["site"].every == timedelta(minutes=10)
    assert settings.newsletters["weekly"].cut_off == time(6, 30)
    assert settings.not_yet() == []


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_MAIL__SMTP__PORT", "2525")
    monkeypatch.setenv("DIGEST_PEOPLE__OPERATORS", '["root@harbourpost.example"]')
    monkeypatch.setenv("DIGEST_NEWSLETTERS__DAILY__STORIES__MAX", "9")
    monkeypatch.setenv("DIGEST_CONFIG", "digest.toml")
    settings = load(_write(tmp_path))
    assert settings.mail.smtp is not None
    assert settings.mail.smtp.port == 2525
    assert settings.mail.smtp.host == "relay.example"
    assert settings.people.operators == ("root@harbourpost.example",)
    assert settings.newsletters["daily"].stories.max == 9


def test_all_errors_show_at_once_with_lines_and_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMPT__PORT", "1")
    monkeypatch.setenv("DIGEST_PEOPLE__EDITORS", "desk@harbourpost.example")
    text = """\
        environment = "prod"
        [site]
        nmae = "x"
        url = "example.org"
        timezone = "Europe/Lundon"
        postal_address = "x"
        [web]
        public_url = "https://l.example"
        [mail]
        from = "Post, Harbour <a@b.example>"
        smtp = { host = "h", port = 99999, prot = 1 }
        [sections]
        town = { title = "Town" }
        [newsletters.daily]
        name = "D"
        sections = ["twon"]
        [newsletters.subscribe]
        name = "S"
    """
    assert _problems(tmp_path, text) == (
        'DIGEST_PEOPLE__EDITORS: a list is written as \'["one", "two"]\'',
        "DIGEST_SMPT__PORT: unknown setting (did you mean 'DIGEST_MAIL__SMTP__PORT'?)",
        "line 1: environment: should be 'production' or 'staging' (got 'prod')",
        "line 2: site.name: is missing",
        "line 3: site.nmae: unknown setting (did you mean 'name'?)",
        "line 4: site.url: a web address begins with https:// or http:// (got 'example.org')",
        (
            "line 5: site.timezone: unknown time zone (did you mean 'Europe/London'?)"
            " (got 'Europe/Lundon')"
        ),
        (
            "line 10: mail.from: a name with a comma stands in quotes: "
            "'\"Post, Harbour\" <a@b.example>' (got 'Post, Harbour <a@b.example>')"
        ),
        "line 11: mail.smtp.port: should be less than or equal to 65535 (got 99999)",
        "line 11: mail.smtp.prot: unknown setting (did you mean 'port'?)",
        "line 16: newsletters.daily.sections: no such section: 'twon' (did you mean 'town'?)",
        (
            "line 17: newsletters.subscribe: 'subscribe' is one of our own web addresses:"
            " choose another"
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('send_at  = "08:00"', 'send_at = "06:00"', "send_at is before cut_off"),
        ('send_at  = "08:00"', "", "a newsletter with days needs cut_off and send_at"),
        ("min = 3, max = 12", "min = 13, max = 12", r"min \(13\) is more than max \(12\)"),
        ('feed  = "https', 'page = "x"\nfeed  = "https', "a source is of one kind"),
        ('max_age = "48h"', 'max_age = "5m"', "max_age: stories younger than an hour"),
        ("[people]", 'maildir = "m"\n[people]', "give one way out"),
        ('user = "harbour", ', "", "user and password .* go together"),
        ('user = "harbour"', 'user = "h", tls = "none"', "never sent without TLS"),
        ('"12 Quay Street, Harbour Town HP1 1AA"', '"a\\u0000b"', "without control characters"),
        ("[newsletters.weekly]", "[newsletters.The_Week]", "lower-case letters"),
        ('"#0b4f8a"', '"blue"', "a colour is #"),
        ('"auto-after 20m"', '"soon"', "a release is"),
        ('"06:30"', '"6.30"', "a cut-off is an hour, '06:30'"),
        ('"https://letters.harbourpost.example"', '"https://x.example/?a"', r"takes no \?"),
        ('["desk@harbourpost.example"]', '["desk"]', "an e-mail address is written as"),
        (
            '"Harbour Post <news@letters.harbourpost.example>"',
            '"Harbour\\nPost <n@l.example>"',
            "a sender is written as",
        ),
        ('feed  = "https', 'every = "1s"\nfeed  = "https', "every 30s at most"),
    ],
)
def test_each_rule_says_what_is_wrong(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = textwrap.dedent(WHOLE)
    assert old in text
    with pytest.raises(SettingsError, match=problem):
        load(_write(tmp_path, text.replace(old, new, 1)))


def test_a_secret_never_shows_in_an_error(tmp_path: Path) -> None:
    text = textwrap.dedent(WHOLE).replace(
        'password_file = "secret"', 'password = "hunter2", password_file = "secret", x = 1'
    )
    with pytest.raises(SettingsError) as caught:
        load(_write(tmp_path, text))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", b"\xff\xfe"])
def test_a_secret_file_that_gives_nothing_is_named(tmp_path: Path, content: object) -> None:
    path = _write(tmp_path)
    secret = tmp_path / "secret"
    if content is None:
        secret.unlink()
    else:
        secret.write_bytes(content if isinstance(content, bytes) else b"")
    with pytest.raises(SettingsError, match=r"mail\.smtp\.password_file: .*secret: "):
        load(path)


def test_broken_toml_says_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line 2, column 8: Invalid value"):
        load(_write(tmp_path, "[site]\nname = Harbour\n"))


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file") as caught:
        load(tmp_path / "digest.toml")
    assert "digest init" in caught.value.hint
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)


def test_the_export_shows_all_hides_secrets_and_loads_again(tmp_path: Path) -> None:
    path = _write(tmp_path)
    before = load(path, resolve=False)
    text = export(before)
    path.write_text(text)
    assert load(path, resolve=False) == before
    inline = textwrap.dedent(WHOLE).replace('password_file = "secret"', 'password = "hunter2"')
    shown = export(load(_write(tmp_path, inline), resolve=False))
    assert "hunter2" not in shown
    assert shown.startswith("# mail.smtp: user and password are set, and not shown here.\n")


def test_the_export_hides_the_passwords_of_all_relays_and_says_whose(tmp_path: Path) -> None:
    relays = """
    [mail]
    from = "Harbour Post <news@letters.harbourpost.example>"
    relays.east = { host = "east.example", user = "harbour", password = "hunter2", weight = 3 }
    relays.west = { host = "west.example", user = "harbour", password_file = "secret" }
    relays.old = { host = "old.example" }
    window = "22:00-06:00"
    warm_up = { from = 2026-01-09 }
    domains = { microsoft = { connections = 4 } }
    dkim = { selector = "digest1" }
"""
    begin, end = WHOLE.index("    [mail]"), WHOLE.index("    [people]")
    path = _write(
        tmp_path,
        textwrap.dedent(WHOLE[:begin]) + textwrap.dedent(relays) + textwrap.dedent(WHOLE[end:]),
    )
    before = load(path, resolve=False)
    shown = export(before)
    assert "hunter2" not in shown
    assert "*" not in shown
    words = "# mail.relays.east: user and password are set, and not shown here."
    assert shown.splitlines()[:2] == [words, 'environment = "production"']
    path.write_text(shown)
    without = before.mail.relays["east"].model_copy(update={"user": None, "password": None})
    mail = before.mail.model_copy(update={"relays": {**before.mail.relays, "east": without}})
    assert load(path, resolve=False) == before.model_copy(update={"mail": mail})


def test_the_export_hides_the_password_of_a_database(tmp_path: Path) -> None:
    path = _write(tmp_path, WHOLE + '[storage]\ndatabase = "postgresql://post:pw@db.example/x"\n')
    assert 'database = "postgresql://post@db.example/x"' in export(load(path, resolve=False))


def test_the_first_settings_of_any_site_load(tmp_path: Path) -> None:
    text = first_settings(
        name='Zoë "& Sons", Ltd',
        url="https://zoe.example",
        feed="https://zoe.example/feed",
        timezone="Europe/London",
        host="zoe.example",
    )
    settings = load(_write(tmp_path, text))
    assert settings.site.name == 'Zoë "& Sons", Ltd'
    assert settings.mail.maildir == tmp_path / "var/mailbox"
    assert list(settings.newsletters) == ["daily", "weekly"]
