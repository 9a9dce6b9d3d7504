"""Settings that change while a program runs: taken, left, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from functools import partial
from pathlib import Path

import pytest

from digest.cli.settings import require_sound
from digest.config import Settings, load
from digest.config.reload import read_again
from digest.errors import SettingsError
from tests.integration.cli_site import SiteFolder, make_site

_NEVER = (
    "it would not come once in the next 4 years: every day it could come on is left out (made by"
    " hand only? then leave out days and monthly)"
)
_TOO_LONG = (
    "each edition would be over before it approved itself: shorten the time after auto-after, or"
    " write 'approve'"
)
_FIXED = "cannot change while it runs: stop digest serve, and start it again"
_FOR_EVER = 'not_on = ["2020-01-01..2099-12-31"]\n'


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path / "site")


@pytest.fixture
def path(site: SiteFolder) -> Path:
    return site.folder / "digest.toml"


Again = Callable[[], Settings | None]


@pytest.fixture
def again(path: Path) -> Again:
    """Read again what was read before the test began."""
    require = partial(require_sound, path=path)
    return partial(read_again, path, load(path), require=require)


def _refused(again: Again) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        again()
    return raised.value


def _line_of(path: Path, words: str) -> int:
    lines = path.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_the_same_settings_written_otherwise_are_no_change(path: Path, again: Again) -> None:
    assert again() is None
    path.write_text(f"# Looked at on Friday.\n{path.read_text('utf-8')}\n", "utf-8")
    assert again() is None


def test_a_change_that_is_sound_is_given(site: SiteFolder, again: Again) -> None:
    site.edit('"18:30"', '"18:45"')
    there = again()
    assert isinstance(there, Settings)
    assert there.newsletters["daily"].send_at == time(18, 45)


def test_a_changed_secret_in_a_file_is_a_change(tmp_path: Path) -> None:
    relay = 'smtp = { host = "relay.example", user = "us", password_file = "secret" }'
    folder = tmp_path / "with-secret"
    folder.mkdir()
    (folder / "secret").write_text("first", "utf-8")
    make_site(folder, mail=relay)
    path = folder / "digest.toml"
    running = load(path)
    (folder / "secret").write_text("second", "utf-8")
    there = read_again(path, running, require=lambda _settings: None)
    assert isinstance(there, Settings)
    assert there.smtp_password == "second"


def test_a_cadence_that_can_never_come_is_refused_with_its_line(
    site: SiteFolder, path: Path, again: Again
) -> None:
    site.edit('template = "daily"', f'template = "daily"\n{_FOR_EVER}')
    line = _line_of(path, "not_on")
    assert _refused(again).problems == (f"line {line}: newsletters.daily.not_on: {_NEVER}",)


def test_a_mistake_is_refused_with_its_line(site: SiteFolder, path: Path, again: Again) -> None:
    site.edit('"18:30"', '"7 in the morning"')
    refused = _refused(again)
    assert str(refused).splitlines()[0] == f"{path} has 1 problem:"
    assert refused.problems[0].startswith(
        f"line {_line_of(path, '7 in the')}: newsletters.daily.send_at: an hour is written as"
    )


def test_a_file_that_is_half_written_or_gone_is_refused(path: Path, again: Again) -> None:
    path.write_text("[site", "utf-8")
    refused = _refused(again)
    assert str(refused).splitlines()[0] == f"settings: {path} is not valid TOML:"
    path.unlink()
    refused = _refused(again)
    assert str(refused).splitlines()[0] == f"settings: {path}: there is no such file"


def test_another_database_wants_a_new_start(site: SiteFolder, path: Path, again: Again) -> None:
    site.edit("sqlite:///var/digest.db", "sqlite:///var/other.db")
    assert _refused(again).problems == (
        f"line {_line_of(path, 'other.db')}: storage.database: {_FIXED}",
    )


def test_what_the_checks_of_the_command_refuse_is_refused_here_too(
    site: SiteFolder, again: Again
) -> None:
    site.edit('template = "daily"', 'template = "dayly"')
    refused = _refused(again)
    assert "there is no letter of that name" in refused.problems[0]


def test_config_check_names_the_line_of_a_cadence_that_can_never_come(
    site: SiteFolder, path: Path
) -> None:
    site.edit('template = "daily"', f'template = "daily"\n{_FOR_EVER}')
    ran = site.digest("config", "check")
    assert (ran.code, ran.out) == (2, "")
    line = _line_of(path, "not_on")
    assert f"line {line}: newsletters.daily.not_on: it would not come once" in ran.err


def test_config_check_names_a_release_that_never_comes_in_time(site: SiteFolder) -> None:
    site.edit('"approve"', '"auto-after 7d"')
    facts = site.digest("config", "check", "--json").facts
    assert [problem.partition(": ")[2] for problem in facts["problems"]] == [
        f"newsletters.daily.release: {_TOO_LONG}"
    ]
