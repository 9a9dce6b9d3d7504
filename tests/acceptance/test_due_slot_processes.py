"""Several of everything at one due slot: real processes, and each reader has the letter once."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from digest.config import load
from tests.acceptance.due_site import READERS, due_site, running, running_now, until
from tests.acceptance.serve_site import is_alive


def test_of_two_that_serve_one_due_slot_one_leaves_and_everyone_is_mailed_once(
    tmp_path: Path,
) -> None:
    due = due_site(tmp_path)
    with running(due, "serve") as one, running(due, "serve") as other:
        until(lambda: one.poll() is not None or other.poll() is not None, due)
        gone, stayed = (one, other) if one.poll() is not None else (other, one)
        until(lambda: due.states() == ["sent"], due)
        assert gone.returncode == 1
        assert f"process {stayed.pid} on" in (tmp_path / "serve.log").read_text("utf-8")
        assert is_alive(stayed.pid)
    assert due.letters() == dict.fromkeys(READERS, 1)


def test_two_schedulers_and_two_workers_on_one_server_mail_everyone_once(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    postgres = request.getfixturevalue("_postgres")
    name = postgres.create(postgres.template)
    try:
        due = due_site(tmp_path, postgres.url(name))
        journals = [{"DIGEST_STORAGE__JOURNAL": str(tmp_path / each)} for each in ("one", "two")]
        with (
            running(due, "web"),
            running(due, "scheduler"),
            running(due, "scheduler"),
            running(due, "worker", **journals[0]),
            running(due, "worker", **journals[1]),
        ):
            until(lambda: due.states() == ["sent"], due)
            until(lambda: _answers(tmp_path), due)
            log = (tmp_path / "scheduler.log").read_text("utf-8")
            until(lambda: running_now(due) == ["scheduler", "scheduler", "sender", "sender"], due)
        assert "Traceback" not in log
        assert due.letters() == dict.fromkeys(READERS, 1)
    finally:
        postgres.drop(name)


def _answers(folder: Path) -> bool:
    url = load(folder / "digest.toml").web.public_url
    try:
        return httpx2.get(f"{url}/subscribe", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
