"""A backup put back mails nobody who has left since it was made."""

from __future__ import annotations

import shutil
from pathlib import Path

from digest.app import App, open_app
from digest.config import load
from subscribers import leaving, store
from subscribers.address import read_address
from subscribers.model import Act, ConsentKind, SuppressionReason
from subscribers.signup import add
from subscribers.tokens import Grant, Purpose
from tests.builders import Paper, moment, open_paper

ANN, BOB, CID = "ann@reader.example.org", "bob@reader.example.org", "cid@reader.example.org"
DEE, EVA = "dee@reader.example.org", "eva@reader.example.org"


def states(app: App) -> dict[str, str]:
    """Give where each reader stands with the daily."""
    found = {}
    with app.database.read() as connection:
        for reader, standing in store.list_subscribers(connection, 1):
            found[reader.address] = str(standing.state)
    return found


def leave(paper: Paper, address: str) -> None:
    app = paper.app
    with app.database.read() as connection:
        reader = store.find_subscriber(connection, address_key=read_address(address).key)
    assert reader is not None
    token = app.keys.links.sign(Purpose.UNSUBSCRIBE, Grant(reader.public_id, (1,)))
    act = Act(paper.watch.at, "one-click")
    leaving.unsubscribe(app.database, token, act, keys=app.keys, departures=app.departures)


def test_who_left_since_the_backup_is_out_and_who_came_back_before_it_is_in(
    tmp_path: Path,
) -> None:
    paper = open_paper(tmp_path, "2026-01-08 12:00")
    for each in (ANN, BOB, CID, DEE, EVA):
        paper.reader(each)
    paper.watch.at = moment("2026-01-08 13:00")
    leave(paper, DEE)
    paper.watch.at = moment("2026-01-08 14:00")
    back = Act(paper.watch.at, "command")
    add(paper.app.database, DEE, [1], back, keys=paper.app.keys, again=True)
    backup = tmp_path / "backup.db"
    paper.app.database.copy_to(backup)

    paper.watch.at = moment("2026-01-09 09:00")
    leave(paper, ANN)
    leave(paper, BOB)
    leaving.suppress(
        paper.app.database,
        CID,
        Act(paper.watch.at, "command"),
        keys=paper.app.keys,
        reason=SuppressionReason.PUBLISHER,
        departures=paper.app.departures,
    )
    out, stays = "unsubscribed", "confirmed"
    expected = {ANN: out, BOB: out, CID: out, DEE: stays, EVA: stays}
    assert states(paper.app) == expected
    paper.app.close()
    for path in tmp_path.glob("digest.db*"):
        path.unlink()
    shutil.copy(backup, tmp_path / "digest.db")

    paper.watch.at = moment("2026-01-09 10:00")
    app = open_app(load(tmp_path / "digest.toml"), clock=paper.watch)
    try:
        assert states(app) == expected
        with app.database.read() as connection:
            cid = store.find_subscriber(connection, address_key=CID)
            assert cid is not None
            assert store.suppressed_newsletters(connection, cid.address_hmac, [1]) == {
                1: SuppressionReason.PUBLISHER
            }
            (*_, last) = store.consents_of(connection, cid.id)
        assert (last.kind, last.act.via) == (ConsentKind.SUPPRESSED, "file")
    finally:
        app.close()
