"""The commands of the first minutes: help, init, config, keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image

from digest import __version__
from digest.cli import COMMANDS, digest
from tests.integration.cli_site import SiteFolder, make_site, run, zone_at_noon
from tests.integration.sources_newsroom import Site, answer, running_site
from tests.unit.sources.page_builders import an_article, ld, page

NEXT_STEPS = """\

Next
  digest sources check  is the feed the right one?
  digest collect        fetch its stories
  digest preview daily  look at the next edition
"""


# Asking what there is


def test_help_names_every_command_in_80_columns(tmp_path: Path) -> None:
    ran = run("--help", folder=tmp_path)
    assert ran.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in ran.out] == []
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself_in_80_columns(command: str, tmp_path: Path) -> None:
    ran = run(command, "--help", folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: digest {command} ")
    first, *rest = ran.out.splitlines()
    assert [line for line in rest if "..." in line] == []
    assert [line for line in (first, *rest) if len(line) > 80] == []


RUNNING = {"demo", "serve", "web", "scheduler", "worker"}


def _commands_that_report() -> list[tuple[str, ...]]:
    """Find every command and command of a group, but those that go on running."""
    found: list[tuple[str, ...]] = []
    context = click.Context(digest)
    for name in sorted(set(COMMANDS) - RUNNING):
        command = digest.get_command(context, name)
        if isinstance(command, click.Group):
            # A group of acts on one thing is told first which one: `choose daily pin`.
            named = ["daily" for each in command.params if isinstance(each, click.Argument)]
            found += [(name, *named, each) for each in command.list_commands(context)]
        else:
            found.append((name,))
    return found


@pytest.mark.parametrize("words", _commands_that_report(), ids=" ".join)
def test_every_command_that_reports_also_does_so_in_json(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    assert "\n  --json " in run(*words, "--help", folder=tmp_path).out


def test_nothing_typed_shows_the_help_and_is_a_wrong_use(tmp_path: Path) -> None:
    ran = run(folder=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: digest [OPTIONS] COMMAND")


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path).out == f"digest {__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (
            ["statuss"],
            "there is no command 'statuss'. Did you mean: digest status?",
            "digest --help",
        ),
        (["xyzzy"], "there is no command 'xyzzy'", "digest --help"),
        (["--xyzzy"], "no such option '--xyzzy'", "digest --help"),
        (
            ["config", "chek"],
            "no such command 'chek'. Did you mean 'check'?",
            "digest config --help",
        ),
        (["prepare"], "missing argument 'NEWSLETTER'", "digest prepare --help"),
        (["explain", "caf\udce9"], r"'caf\udce9': this is not text in UTF-8", "digest --help"),
    ],
)
def test_a_wrong_use_is_one_line_and_a_hint(
    words: list[str], sentence: str, hint: str, tmp_path: Path
) -> None:
    ran = run(*words, folder=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"digest: {sentence}\n  How it is used: {hint}\n"


@pytest.mark.parametrize(
    "words",
    [
        *(["status"], ["collect"], ["prepare", "daily"], ["explain", "x"], ["preview"]),
        *(["approve", "daily"], ["skip", "daily"], ["send", "daily"], ["sources", "list"]),
        *(["retry", "daily", "--failed"], ["subscribers", "list"], ["keys", "list"]),
        *(["config", "check"], ["config", "export"], ["serve"], ["web"], ["worker"]),
    ],
    ids=" ".join,
)
def test_without_settings_every_command_says_how_to_make_them(
    words: list[str], tmp_path: Path
) -> None:
    ran = run(*words, folder=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: settings: digest.toml: there is no such file\n"
        "  Make one with: digest init   (or name it with --config FILE)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_whole_trace_wherever_it_stands(tmp_path: Path) -> None:
    for words in (["--debug", "status"], ["status", "--debug"]):
        ran = subprocess.run(
            [sys.executable, "-m", "digest", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1
        assert ran.stderr.startswith("Traceback")
        assert "digest.errors.SettingsError" in ran.stderr


# init


def test_init_writes_settings_and_keys_and_says_what_comes_next(tmp_path: Path) -> None:
    ran = run(
        *("init", "--site", "https://www.harbour-post.example/", "--timezone", "Europe/London"),
        folder=tmp_path,
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "  Settings  digest.toml\n"
        "  Keys      var/keys   keep them with your backups\n"
        "  Feed      https://www.harbour-post.example/feed/   a guess: check it\n" + NEXT_STEPS
    )
    written = tomllib.loads((tmp_path / "digest.toml").read_text("utf-8"))
    assert written["site"]["name"] == "Harbour Post"
    assert written["site"]["timezone"] == "Europe/London"
    assert written["mail"]["from"] == "Harbour Post <news@harbour-post.example>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digest.toml", "var"]
    assert run("config", "check", folder=tmp_path).code == 0
    assert run("status", folder=tmp_path).code == 0


def test_init_takes_a_bare_host_and_answers_in_json(tmp_path: Path) -> None:
    ran = run("init", "--site", "harbourpost.example", "--json", folder=tmp_path)
    assert ran.facts == {
        "settings": "digest.toml",
        "keys": str(tmp_path / "var/keys"),
        "feed": "https://harbourpost.example/feed/",
        "kind": "feed",
        "stories": None,
        "name": "Harbourpost",
        "url": "https://harbourpost.example",
        "language": "en",
        "accent": "#0B4F8A",
        "logo": None,
        "logo_file": None,
        "daily": ["mon", "tue", "wed", "thu", "fri"],
        "weekly": ["sat"],
        "problem": "",
    }


FEED = (
    b"<rss version='2.0'><channel><title>Quay Gazette</title><language>de</language>"
    b"<item><title>Tide</title></item></channel></rss>"
)
ALLOW = ("--allow", "127.0.0.0/8")


@pytest.fixture
def web() -> Iterator[Site]:
    """A paper's site on this machine."""
    with running_site() as found:
        head = (
            '<link rel="alternate" type="application/rss+xml" href="/news.xml">'
            '<meta name="theme-color" content="#0a7">'
            '<meta property="og:site_name" content="Quay &quot;Gazette&quot; & Co">'
            '<link rel="apple-touch-icon" href="/icon.png">'
        )
        found.pages["/"] = answer(page(head, lang="en-GB").encode(), content_type="text/html")
        found.pages["/news.xml"] = answer(FEED)
        yield found


def test_init_looks_at_the_site_for_its_feed_name_language_logo_and_colour(
    tmp_path: Path, web: Site
) -> None:
    site = web.url("")
    ran = run("init", "--site", f"127.0.0.1:{web.port}", *ALLOW, folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "  Settings  digest.toml\n"
        "  Keys      var/keys   keep them with your backups\n"
        '  Name      Quay "Gazette" & Co\n'
        "  Language  en-GB\n"
        "  Accent    #00AA77\n"
        f"  Logo      {site}/icon.png\n"
        f"  Feed      {site}/news.xml   1 story\n"
        "  Daily     The Morning Post   mon, tue, wed, thu, fri at 07:00, from 3 new stories on\n"
        "  Weekly    The Week   sat at 08:00, from 5 new stories on\n"
        "        the feed has too few dates to tell how often it publishes; each of these\n"
        "        can be changed in digest.toml\n" + NEXT_STEPS
    )
    written = tomllib.loads((tmp_path / "digest.toml").read_text("utf-8"))
    assert written["site"]["url"] == site
    assert written["site"]["brand"] == {"accent": "#00AA77"}
    assert f"# the site's logo: {site}/icon.png\n" in (tmp_path / "digest.toml").read_text("utf-8")
    assert written["sources"] == {
        "site": {"feed": f"{site}/news.xml", "allow": ["127.0.0.0/8"], "every": "10m"}
    }
    assert run("sources", "check", folder=tmp_path).out == "  ok    site  1 story\n"


def test_init_takes_the_logo_from_the_manifest_where_the_page_has_a_drawing(
    tmp_path: Path, web: Site
) -> None:
    head = (
        '<link rel="alternate" type="application/rss+xml" href="/news.xml">'
        '<link rel="icon" href="/icon.svg"><link rel="manifest" href="/site.webmanifest">'
    )
    manifest = (
        b'{"name": "Quay Gazette", "theme_color": "#8A1C1C",'
        b' "icons": [{"src": "/large.png", "sizes": "512x512"}]}'
    )
    web.pages["/"] = answer(page(head, lang="en-GB").encode(), content_type="text/html")
    web.pages["/icon.svg"] = answer(b"<svg/>", content_type="image/svg+xml")
    web.pages["/site.webmanifest"] = answer(manifest, content_type="application/manifest+json")
    picture = BytesIO()
    Image.new("RGB", (512, 512), "#8A1C1C").save(picture, "PNG")
    web.pages["/large.png"] = answer(picture.getvalue(), content_type="image/png")

    ran = run("init", "--site", web.url("/"), *ALLOW, folder=tmp_path)

    assert f"  Logo      {web.url('/large.png')}   logo.png\n" in ran.out
    written = tomllib.loads((tmp_path / "digest.toml").read_text("utf-8"))
    assert written["site"]["brand"] == {"accent": "#8A1C1C", "logo": "logo.png"}
    assert (tmp_path / "logo.png").read_bytes() == picture.getvalue()
    assert run("config", "check", folder=tmp_path).code == 0


def test_each_guess_of_init_can_be_said_instead(tmp_path: Path, web: Site) -> None:
    options = ("--feed", web.url("/other.xml"), "--language", "de", "--accent", "#123456")

    ran = run("init", "--site", web.url("/"), *ALLOW, *options, "--json", folder=tmp_path)

    told = {name: ran.facts[name] for name in ("feed", "language", "accent")}
    assert told == {"feed": web.url("/other.xml"), "language": "de", "accent": "#123456"}


def test_init_names_the_site_as_it_is_told_to(tmp_path: Path, web: Site) -> None:
    ran = run("init", "--site", web.url("/"), "--name", "The Quay", *ALLOW, folder=tmp_path)
    assert "  Name      The Quay\n" in ran.out


def test_init_takes_a_feed_for_the_site_it_stands_on(tmp_path: Path, web: Site) -> None:
    ran = run("init", "--site", web.url("/news.xml"), *ALLOW, "--json", folder=tmp_path)
    facts = ran.facts
    assert (facts["feed"], facts["name"], facts["language"], facts["accent"]) == (
        web.url("/news.xml"),
        "Quay Gazette",
        "de",
        "#0B4F8A",
    )


def test_init_knows_wordpress_without_a_feed(tmp_path: Path, web: Site) -> None:
    posts = b'[{"id":1,"link":"https://q.example/a","title":{"rendered":"Tide"}}]'

    class _Pages(dict[str, Any]):
        def get(self, asked: str, default: Any = None) -> Any:
            is_api = asked.startswith("/wp-json/wp/v2/posts?")
            kind = "application/json"
            return answer(posts, content_type=kind) if is_api else super().get(asked, default)

    head = '<link rel="https://api.w.org/" href="/wp-json/">'
    web.pages = _Pages({"/": answer(page(head).encode(), content_type="text/html")})
    ran = run("init", "--site", web.url("/"), *ALLOW, folder=tmp_path)
    assert f"  WordPress  {web.url('/')}   1 story\n" in ran.out
    assert "  Accent     #0B4F8A   ours\n" in ran.out
    written = tomllib.loads((tmp_path / "digest.toml").read_text("utf-8"))
    assert written["sources"]["site"]["wordpress"] == web.url("/")


@pytest.mark.parametrize(
    ("path", "options", "cause"),
    [
        ("/", (), "not a public address"),
        ("/none", ALLOW, "404"),
        ("/tide", ALLOW, "no feed was found there"),
    ],
)
def test_init_guesses_where_the_site_tells_nothing_and_says_so(
    path: str, options: tuple[str, ...], cause: str, tmp_path: Path, web: Site
) -> None:
    web.pages["/tide"] = answer(page(ld(an_article())).encode(), content_type="text/html")
    ran = run("init", "--site", web.url(path), *options, folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert f"  Feed      {web.url(path).rstrip('/')}/feed/   a guess: check it\n" in ran.out
    told = " ".join(ran.out.split())
    assert "warn the site told nothing of itself, so all this is a guess: " in told
    assert cause in told
    assert (tmp_path / "digest.toml").is_file()


def test_init_offline_asks_nobody(tmp_path: Path, web: Site) -> None:
    ran = run("init", "--site", web.url("/"), "--offline", *ALLOW, folder=tmp_path)
    assert (ran.code, web.asked) == (0, [])
    assert "a guess: check it\n\nNext\n" in ran.out


def test_init_without_a_site_says_what_to_write_first(tmp_path: Path) -> None:
    ran = run("init", "--name", 'The "Post" & Co', folder=tmp_path)
    assert ran.code == 0
    assert "  write your site's address and feed into digest.toml\n" in ran.out
    assert run("config", "export", "--json", folder=tmp_path).facts["site"]["name"] == (
        'The "Post" & Co'
    )


def test_init_elsewhere_names_the_file_in_the_next_steps(tmp_path: Path) -> None:
    ran = run("-c", "my sites/a.toml", "init", folder=tmp_path)
    assert ran.code == 0
    assert "  Keys      my sites/var/keys   keep" in ran.out
    assert "  digest -c 'my sites/a.toml' collect        fetch its stories\n" in ran.out
    assert (tmp_path / "my sites/var/keys/link-00001.key").is_file()


def test_init_for_another_folder_names_the_keys_in_full(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    ran = run("-c", "../there/digest.toml", "init", folder=here)
    assert ran.code == 0
    assert f"  Keys      {tmp_path}/there/var/keys" in ran.out


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("mine", "utf-8")
    ran = run("init", folder=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: init: digest.toml: is there already, and was left as it is\n"
        "  Check it with: digest config check\n"
    )
    assert (tmp_path / "digest.toml").read_text("utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["digest.toml"]


def test_init_keeps_the_keys_that_are_there(tmp_path: Path) -> None:
    run("init", folder=tmp_path)
    keys = {path: path.read_bytes() for path in (tmp_path / "var/keys").iterdir()}
    (tmp_path / "digest.toml").unlink()
    assert run("init", folder=tmp_path).code == 0
    assert {path: path.read_bytes() for path in (tmp_path / "var/keys").iterdir()} == keys


@pytest.mark.parametrize("site", ["bad url", "ftp://x.example", "https://", "http://[", "x@y.z"])
def test_init_refuses_what_is_no_web_address(site: str, tmp_path: Path) -> None:
    ran = run("init", "--site", site, folder=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"digest: init: {site!r}: not a web address\n  Write https://yoursite.example\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_init_finds_every_mistake_before_it_writes(tmp_path: Path) -> None:
    ran = run(
        *("init", "--site", "https://x.example/?a=1", "--timezone", "Europe/Lodon"),
        folder=tmp_path,
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: init: nothing was written, as these are wrong:\n"
        "  site.url: this web address takes no ? and no # (got 'https://x.example/?a=1')\n"
        "  site.timezone: unknown time zone (did you mean 'Europe/London'?)"
        " (got 'Europe/Lodon')\n"
        "  Mend the options --site, --name, --timezone, or the DIGEST_ variables.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_init_in_a_folder_that_cannot_be_leaves_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    ran = run("-c", "file/digest.toml", "init", folder=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("digest: file")
    assert len(ran.err.splitlines()) == 2


# config


def test_config_check_is_content_and_names_what_should_not_stay_so(tmp_path: Path) -> None:
    run("init", "--site", "https://harbourpost.example", folder=tmp_path)
    ran = run("config", "check", folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.replace(str(tmp_path), "").replace("\n        ", " ") == (
        "  ok    digest.toml: 2 newsletters, 1 source, no mistakes\n"
        "  note  mail.maildir: mail goes to /var/mailbox, not to readers\n"
        "  note  site.postal_address: still the one that init wrote; every footer shows it\n"
        "  note  people.editors: nobody; no one is told of drafts, holds and skips\n"
        "  note  people.operators: nobody; no one is told of failures\n"
    )


def test_config_check_minds_links_that_lead_to_this_machine(tmp_path: Path) -> None:
    site = make_site(tmp_path, mail='smtp = { host = "relay.example", tls = "required" }')
    assert site.well("config", "check", "--json").facts["notes"] == []
    site.edit("https://letters", "http://letters")
    assert site.well("config", "check", "--json").facts == {
        "file": "digest.toml",
        "problems": [],
        "newsletters": ["daily", "breaking"],
        "sources": ["site"],
        "notes": ["web.public_url: not https; it stands in every link we mail"],
    }


def test_config_check_finds_a_template_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path)
    site.edit('template = "daily"', 'template = "dayly"')
    site.edit('template = "single"', 'template = "confirm"')
    lines = (tmp_path / "digest.toml").read_text("utf-8").splitlines()
    first, second = lines.index('template = "dayly"') + 1, lines.index('template = "confirm"') + 1
    nothing, meant = "there is no letter of that name", "(did you mean 'daily'?)"
    problems = [
        f"line {first}: newsletters.daily.template: {nothing} {meant} (got 'dayly')",
        f"line {second}: newsletters.breaking.template: {nothing} (got 'confirm')",
    ]
    ran = site.digest("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"digest: digest.toml has 2 problems:\n  {problems[0]}\n  {problems[1]}\n"
    ran = site.digest("config", "check", "--json")
    assert (ran.code, ran.err) == (2, "")
    assert ran.facts == {"file": "digest.toml", "problems": problems}
    monkeypatch.setenv("DIGEST_NEWSLETTERS__DAILY__TEMPLATE", "weekly")
    monkeypatch.setenv("DIGEST_NEWSLETTERS__BREAKING__TEMPLATE", "nonsense")
    assert site.digest("config", "check", "--json").facts["problems"] == [
        "DIGEST_NEWSLETTERS__BREAKING__TEMPLATE: there is no letter of that name (got 'nonsense')"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x = [", "not valid TOML"),
        (b"\xff\xfe", "cannot be read"),
        (b"", "mail: is missing"),
        (b"[site]\nnmae = 'x'", "line 2: site.nmae: unknown setting (did you mean 'name'?)"),
    ],
)
def test_a_bad_file_is_told_with_place_and_remedy_by_every_command(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "digest.toml").write_bytes(content)
    for words in (["config", "check"], ["config", "export"], ["status"], ["keys", "list"]):
        ran = run(*words, folder=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert expected in ran.err
        assert "Traceback" not in ran.err


def test_a_bad_file_can_be_told_to_a_machine(tmp_path: Path) -> None:
    ran = run("config", "check", "--json", folder=tmp_path)
    assert (ran.code, ran.err) == (2, "")
    assert ran.facts == {
        "file": "digest.toml",
        "problems": ["settings: digest.toml: there is no such file"],
    }


def test_a_mistyped_variable_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path)
    monkeypatch.setenv("DIGEST_SITE__NMAE", "x")
    ran = site.digest("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "digest: digest.toml has 1 problem:\n"
        "  DIGEST_SITE__NMAE: unknown setting (did you mean 'DIGEST_SITE__NAME'?)\n"
    )


def test_export_shows_what_is_in_force_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp = 'smtp = { host = "relay.example", user = "me", password = "hunter2" }'
    site = make_site(tmp_path, mail=smtp)
    monkeypatch.setenv("DIGEST_SITE__NAME", "Other Post")
    text = site.well("config", "export").out
    assert "hunter2" not in text
    facts = tomllib.loads(text)
    assert facts["site"]["name"] == "Other Post"
    assert facts["site"]["timezone"] == zone_at_noon()
    assert site.well("config", "export", "--json").facts == facts


def test_the_settings_file_can_be_named_by_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_site(tmp_path / "site")
    monkeypatch.setenv("DIGEST_CONFIG", "site/digest.toml")
    assert run("config", "check", "--json", folder=tmp_path).facts["file"] == "site/digest.toml"


# keys


@pytest.fixture
def keys(tmp_path: Path) -> SiteFolder:
    """A site whose keys are made."""
    site = make_site(tmp_path)
    site.well("status")
    return site


def test_the_next_key_signs_and_the_old_one_is_accepted(keys: SiteFolder) -> None:
    folder = str(keys.folder / "var/keys")
    assert keys.well("keys", "rotate").out == (
        "Key 2 signs from now on; links signed before go on working.\n"
        "What runs takes it up within a minute. Back it up with the others.\n"
    )
    assert keys.well("keys", "list").steady == (
        "KEY  FILE  MADE  USE\n"
        "  2  link-00002.key  DATE HH:MM UTC  signs\n"
        "  1  link-00001.key  DATE HH:MM UTC  accepted\n"
    )
    assert keys.well("keys", "rotate", "--json").facts == {"folder": folder, "key": 3}
    listed = keys.well("keys", "list", "--json").facts
    assert listed["folder"] == folder
    assert [(one["key"], one["file"], one["use"]) for one in listed["keys"]] == [
        (3, "link-00003.key", "signs"),
        (2, "link-00002.key", "accepted"),
        (1, "link-00001.key", "accepted"),
    ]


def test_new_keys_are_made_only_where_some_are_missing(keys: SiteFolder) -> None:
    ran = keys.digest("keys", "new")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"digest: keys: {keys.folder}/var/keys: none is missing\n"
        "  For a new key that signs from now on: digest keys rotate\n"
    )
    (keys.folder / "var/keys/edition.key").unlink()
    ran = keys.digest("keys", "rotate")
    assert (ran.code, ran.out) == (1, "")
    assert "missing: edition.key" in ran.err


def test_lost_keys_are_not_replaced_by_the_way(keys: SiteFolder) -> None:
    keys.well("subscribers", "add", "maria@reader.example.org")
    (keys.folder / "var/keys/suppression.key").unlink()
    ran = keys.digest("keys", "new")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"digest: keys: {keys.folder}/var/keys: missing: suppression.key\n"
        "  Copy them back from the backup. Lost for good? digest keys new --lost\n"
    )
    ran = keys.well("keys", "new", "--lost")
    assert " ".join(ran.out.split()) == (
        "warn suppression.key: new. The never-mail list (0 addresses) is blind: it still keeps"
        " out who is a reader of ours, and does not know anybody who is not. Suppress again whom"
        " you remember. What runs takes up new keys of links within a minute; start it again for"
        " the others."
    )


def test_all_keys_can_be_made_anew_when_a_person_says_that_they_are_lost(keys: SiteFolder) -> None:
    keys.well("subscribers", "add", "maria@reader.example.org")
    folder = keys.folder / "var/keys"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    ran = keys.digest("keys", "list")
    assert (ran.code, ran.out) == (1, "")
    assert "link-00001.key: missing" in ran.err
    ran = keys.well("keys", "new", "--lost")
    assert "Old links lead to a page that asks for the address." in " ".join(ran.out.split())
    keys.well("status")


def test_an_installation_without_readers_gets_its_keys_for_the_asking(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    made = ["suppression.key", "edition.key", "link-00001.key"]
    folder = site.folder / "var/keys"
    for path in folder.iterdir() if folder.exists() else ():
        path.unlink()
    assert site.well("keys", "new", "--json").facts["made_anew"] == made
    site.well("status")
    (folder / "edition.key").unlink()
    assert "edition.key: new." in site.well("keys", "new").out


def test_a_keys_folder_that_cannot_be_made_is_one_line(
    keys: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (keys.folder / "file").write_text("", "utf-8")
    monkeypatch.setenv("DIGEST_STORAGE__KEYS", "file/keys")
    ran = keys.digest("keys", "new", "--lost")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"digest: {keys.folder}/file")
    assert len(ran.err.splitlines()) == 2


# Terminals and pipes


def _piped(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "digest", *words],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


def test_a_terminal_without_our_letters_shows_question_marks(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.edit('"The Morning Post"', '"Café Жук"')
    done = _piped(tmp_path, "status", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "\nCafé ??? ".encode("latin-1") in done.stdout
    done = _piped(tmp_path, "status", "--json", PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout)["newsletters"][0]["name"] == "Café Жук"


def test_a_reader_of_the_pipe_that_has_left_is_no_error(tmp_path: Path) -> None:
    make_site(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "digest", "status"],
            cwd=tmp_path,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")
