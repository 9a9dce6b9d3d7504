"""The settings on the desk: what is in force and from where, test mails, DKIM, the home guard."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery.dkim_keys import create_dkim_keys
from digest.kept_settings import settings_with_desk
from digest.people.model import Role
from digest.workflow.home import freeze
from tests.builders import TESTER, OpenPaper, Paper, opening, url_of
from tests.integration.desk_site import at_desk, text_of


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def _mails(paper: Paper) -> list[str]:
    folder = paper.app.settings.mail.maildir
    assert folder is not None
    messages = [path.read_bytes() for path in sorted(folder.glob("*/new/*"))]
    parsed = [message_from_bytes(each, policy=policy.default) for each in messages]
    return [f"{each['To']}: {each['Subject']}" for each in parsed]


def _bring_stories(paper: Paper) -> None:
    paper.publish("Bridge closes", "Ferry runs late", "Choir wins", "Market moves")


def test_each_setting_stands_there_with_who_says_so(
    open_paper: OpenPaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = open_paper()
    monkeypatch.setenv("DIGEST_MAIL__CONNECTIONS", "3")
    file = paper.app.settings.file
    assert file is not None
    lines = file.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.startswith("timezone"))

    said = text_of(at_desk(paper.app, Role.VIEWER).get("settings"))

    assert f"site.timezone Europe/London digest.toml, line {line}" in said
    assert "mail.connections 3 DIGEST_MAIL__CONNECTIONS" in said
    assert "site.language en default" in said


def test_the_sites_look_is_changed_where_the_file_leaves_it_out(open_paper: OpenPaper) -> None:
    paper = open_paper()
    desk = at_desk(paper.app)

    wrong = desk.post("settings/site", {"version": "0", "brand.accent": "blue", "language": "de"})
    assert wrong.status_code == 422
    assert "A colour is # and six hexadecimal digits" in wrong.text
    assert 'value="blue"' in wrong.text
    assert 'value="de"' in wrong.text

    form: dict[str, str | list[str]] = {"version": "0", "brand.accent": "#b01030", "language": "de"}
    desk.post("settings/site", form)

    settings, _ = settings_with_desk(paper.app.settings, paper.app.database)
    assert (settings.site.brand.accent, settings.site.language) == ("#B01030", "de")
    assert "site.brand.accent #B01030 the desk" in text_of(desk.get("settings"))
    assert desk.post("settings/site", form).status_code == 409


def test_a_test_of_the_next_edition_goes_to_the_test_readers_alone(open_paper: OpenPaper) -> None:
    paper = open_paper()
    _bring_stories(paper)
    desk = at_desk(paper.app, Role.EDITOR)

    answer = desk.post("settings/test", {"newsletter": "daily"})

    assert answer.status_code == 303, text_of(answer)
    (mail,) = _mails(paper)
    assert mail.startswith(f"{TESTER}: [Test] ")


def test_a_test_that_cannot_be_says_why(open_paper: OpenPaper) -> None:
    desk = at_desk(open_paper().app, Role.EDITOR)

    page = desk.post("settings/test", {"newsletter": "daily"})

    assert page.status_code == 422
    assert "there is no edition" in page.text


def test_the_dkim_record_stands_there_to_be_copied(open_paper: OpenPaper) -> None:
    paper = open_paper()
    keys = paper.app.settings.storage.keys
    create_dkim_keys(keys, "news1")
    mail = {**paper.app.settings.model_dump(mode="json", by_alias=True)["mail"]}
    mail = {name: value for name, value in mail.items() if value is not None}
    signed = open_paper(mail={**mail, "dkim": {"selector": "news1"}})

    page = text_of(at_desk(signed.app).get("settings"))

    assert "TXT at news1._domainkey.letters.post.example v=DKIM1" in page
    assert "news1e._domainkey.letters.post.example v=DKIM1; k=ed25519" in page


def test_only_an_admin_who_types_the_environment_lets_mail_leave(open_paper: OpenPaper) -> None:
    paper = open_paper()
    with paper.app.database.write() as connection:
        freeze(connection, "it was restored from a backup", paper.app.clock())
    editor = at_desk(paper.app, Role.EDITOR, address="ed@post.example")
    admin = at_desk(paper.app)

    assert "It was restored from a backup." in text_of(editor.get("settings"))
    assert editor.post("settings/home", {"environment": "production"}).status_code == 403
    assert admin.post("settings/home", {"environment": "staging"}).status_code == 422
    assert paper.app.why_frozen() != ""

    admin.post("settings/home", {"environment": "production"})

    assert paper.app.why_frozen() == ""
    assert "by Alma Penn" in text_of(admin.get("settings"))
