"""What an admin changes at the desk is in force within seconds for all that serve runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.clock import utc_now
from digest.config import load
from digest.db import Database
from digest.kept_settings import Change, read_written, save_change
from tests.acceptance.serve_site import CHILDREN, Server, end, is_alive, serve, settle, until

SPARE = {"name": "The Morning Post", "cut_off": "06:30", "send_at": "07:00"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = serve(tmp_path, settle(tmp_path, newsletters={"daily": SPARE}))
    yield server
    end(server)


def _save(server: Server, place: tuple[str, ...], values: dict[str, object], version: int) -> None:
    settings = load(server.folder / "digest.toml")
    database = Database(settings.storage.database)
    change = Change(place, values, version, "user:test")
    written = read_written(settings)
    save_change(database, written, change, now=utc_now(), is_letter=lambda _name: True)
    database.close()


def test_a_newsletter_of_the_desk_is_offered_within_seconds_and_a_change_follows(
    server: Server,
) -> None:
    before = server.children()
    place = ("newsletters", "week")
    _save(server, place, {"name": "The Week on the Quay"}, 0)
    until(lambda: "The Week on the Quay" in server.get("/subscribe").text, server)
    until(lambda: not any(map(is_alive, before.values())), server)
    assert sorted(server.children()) == list(CHILDREN)

    _save(server, place, {"name": "Sunday on the Quay"}, 1)

    until(lambda: "Sunday on the Quay" in server.get("/subscribe").text, server)
    assert server.log.count("settings changed on the desk") == 2
    assert "ended" not in server.log, "nobody is told of a crash"


def test_what_does_not_go_with_a_changed_file_is_left_out_and_the_site_goes_on(
    server: Server,
) -> None:
    _save(server, ("newsletters", "daily"), {"sections": ["town"], "name": "unused"}, 0)
    until(lambda: "settings changed on the desk" in server.log, server)
    path = server.folder / "digest.toml"
    path.write_text(path.read_text().replace("[sections.town]", "[sections.harbour]"))

    until(lambda: "settings changed: the children begin anew" in server.log, server)

    until(lambda: server.get("/subscribe").status_code == 200, server)
    assert "settings refused" not in server.log
