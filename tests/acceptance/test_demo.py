"""`digest demo` as a newcomer types it, and as a machine that fails treats it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery.maildir import folder_name
from digest.demo.readers import READERS
from digest.editions.candidate_store import article_use
from digest.editions.store import edition
from digest.sources.article_store import article

PATIENCE = 60.0
STORIES = 48
CHOSEN = 17
FOLDED = 1
"""Two versions of the ferry's trouble: the newer is in, the other is used with it."""
KILLS = int(os.environ.get("TEST_ROUNDS", "8"))
KILLS_A_FOLDER = 3
ONE_EACH = {folder_name(reader.address): 1 for reader in READERS}


def _start(*words: str) -> subprocess.Popen[str]:
    environment = {n: value for n, value in os.environ.items() if not n.startswith("DIGEST_")}
    return subprocess.Popen(
        [sys.executable, "-m", "digest", "demo", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def _run(*words: str) -> tuple[int, str, str]:
    process = _start(*words)
    said, complained = process.communicate(timeout=PATIENCE)
    return process.returncode, said, complained


def _letters(folder: Path) -> Counter[str]:
    found = Counter(path.parents[1].name for path in (folder / "mailbox").glob("*/new/*"))
    return found + Counter(path.parents[1].name for path in (folder / "mailbox").glob("*/cur/*"))


def _assert_whole(folder: Path) -> None:
    """Everyone has one copy of the one edition, and no story was taken twice."""
    assert _letters(folder) == ONE_EACH
    database = Database(f"sqlite:///{folder.resolve() / 'digest.db'}")
    with database.read() as connection:
        states = list(connection.scalars(sa.select(edition.c.state)))
        headlines = list(connection.scalars(sa.select(article.c.headline)))
        uses = connection.scalar(sa.select(sa.func.count()).select_from(article_use))
    database.close()
    assert states == ["sent"]
    assert (len(headlines), uses) == (STORIES, CHOSEN + FOLDED)


def test_once_it_sends_one_edition_to_everybody_and_leaves() -> None:
    started = time.monotonic()
    code, said, complained = _run("--once")
    assert (code, complained) == (0, "")
    assert "25 of 25 accepted" in said
    assert time.monotonic() - started < 30


def test_a_kept_folder_twice_holds_one_copy_each(tmp_path: Path) -> None:
    for _ in range(2):
        code, said, complained = _run("--once", "--keep", str(tmp_path / "demo"))
        assert (code, complained) == (0, "")
        assert "25 of 25 accepted" in said
        _assert_whole(tmp_path / "demo")


def test_a_kept_folder_whose_port_is_taken_says_so_and_can_be_moved(tmp_path: Path) -> None:
    folder = tmp_path / "a demo"
    assert _run("--once", "--keep", str(folder))[0] == 0
    settings = (folder / "digest.toml").read_text("utf-8")
    port = int(settings.partition('listen     = "127.0.0.1:')[2].partition('"')[0])
    with socket.create_server(("127.0.0.1", port)):
        code, _, complained = _run("--once", "--keep", str(folder))
        assert code == 1
        assert complained.startswith(f"digest: web: 127.0.0.1:{port}: Address already in use")
        assert f"digest demo --keep '{folder}' --port N" in complained
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = free.getsockname()[1]
        assert _run("--once", "--keep", str(folder), "--port", str(other))[0] == 0
    _assert_whole(folder)
    moved = (folder / "digest.toml").read_text("utf-8")
    assert moved == settings.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")


@pytest.mark.long
def test_a_demo_killed_at_any_instant_goes_on_to_one_copy_each(tmp_path: Path) -> None:
    chance = random.Random(20260109)  # noqa: S311 - moments, no secrets
    hits = 0
    for first in range(0, KILLS, KILLS_A_FOLDER):
        folder = tmp_path / str(first)
        for _ in range(min(KILLS_A_FOLDER, KILLS - first)):
            hits += _killed(folder, after=chance.uniform(0.2, 3.0))
        code, said, complained = _run("--once", "--keep", str(folder))
        # Killed between a copy and its record, it says that it recovered; nothing else is wrong.
        wrong = [line for line in complained.splitlines() if "recovered" not in line]
        assert (code, wrong) == (0, []), f"{folder}: {complained}"
        assert "25 of 25 accepted" in said
        _assert_whole(folder)
    assert hits >= KILLS // 4, "the demo had ended before the kills could hurt"


def _killed(folder: Path, *, after: float) -> bool:
    """Start the demo and kill all of it; tell whether it was still at work."""
    process = _start("--once", "--keep", str(folder))
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False
