from __future__ import annotations

import tomllib
from pathlib import Path

from digest.config.model import Settings
from digest.demo.newsroom import MORNING, SECTIONS, stories_at
from digest.demo.settings import demo_toml


def settings(folder: str = "/tmp/demo") -> Settings:  # noqa: S108 - nothing is opened
    text = demo_toml(
        base_url="http://127.0.0.1:8025",
        maildir=Path(folder) / "mailbox",
        database=f"sqlite:///{folder}/digest.db",
        keys=Path(folder) / "keys",
        port=8025,
    )
    return Settings.model_validate(tomllib.loads(text))


def test_mail_goes_to_a_local_folder_and_nowhere_else() -> None:
    mail = settings().mail
    assert (mail.maildir, mail.smtp) == (Path("/tmp/demo/mailbox"), None)  # noqa: S108 - the same


def test_the_paper_has_a_daily_and_a_weekly() -> None:
    found = settings().newsletters
    assert {slug: letter.name for slug, letter in found.items()} == {
        "daily": "The Morning Post",
        "weekly": "The Week",
    }
    assert found["daily"].sections == tuple(SECTIONS)


def test_only_this_machine_may_be_dialled() -> None:
    source = settings().sources["site"]
    assert source.feed == "http://127.0.0.1:8025/newsroom/feed.xml"
    assert source.allow == ("127.0.0.0/8",)


def test_the_web_listens_where_its_links_lead() -> None:
    web = settings().web
    assert (web.public_url, web.host, web.port) == ("http://127.0.0.1:8025", "127.0.0.1", 8025)


def test_every_category_of_the_feed_has_the_section_its_story_stands_in() -> None:
    sections = settings().sections
    for story in stories_at(MORNING):
        assert story.categories[0] in sections[story.section].categories


def test_a_folder_with_odd_letters_in_its_name_is_written_so_that_it_reads_back() -> None:
    odd = '/tmp/a "quoted" \\ né\x7f folder'  # noqa: S108 - nothing is opened
    assert settings(odd).mail.maildir == Path(odd) / "mailbox"
    assert settings(odd).storage.journal == Path(odd) / "journal"
