"""The log of a running process, as its settings want it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from digest.config import load
from digest.errors import SettingsError
from tests.builders import write_settings


def _serve_logs(path: Path, **variables: str) -> list[str]:
    """Start the sender under a supervisor that is gone already: it starts, and leaves."""
    done = subprocess.run(
        [sys.executable, "-m", "digest", "--config", str(path), "worker", "--supervised"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_lines_are_for_people_or_for_machines(tmp_path: Path) -> None:
    path = write_settings(tmp_path)
    assert any("sender running  way_out=" in line for line in _serve_logs(path))
    told = [json.loads(line) for line in _serve_logs(path, DIGEST_LOG__FORMAT="json")]
    (line,) = [each for each in told if each["event"] == "sender running"]
    assert (line["process"], line["level"], line["logger"]) == ("worker", "info", "digest.worker")
    assert line["time"].endswith("+00:00")


def test_a_queue_is_given_two_minutes_at_the_least(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(write_settings(tmp_path, alarms={"queue_stuck": "90s"}))
    assert "queue_stuck: 2m at the least" in str(refused.value)


def test_the_settings_of_alarms_and_log_have_their_defaults(tmp_path: Path) -> None:
    settings = load(write_settings(tmp_path, alarms={"daily_limit": 3}))
    assert settings.log.format == "human"
    assert settings.web.metrics == ("127.0.0.1", "::1")
    assert settings.alarms.model_dump(mode="json") == {
        "daily_limit": 3,
        "source_failing": "1d",
        "queue_stuck": "15m",
        "bounce_rate": 0.05,
        "complaint_rate": 0.001,
    }
