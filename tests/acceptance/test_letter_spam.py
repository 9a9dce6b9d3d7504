"""Every letter and notice before SpamAssassin, offline: nothing in it may cost a point."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.letter_gallery import ALL, gallery

pytestmark = pytest.mark.skipif(
    shutil.which("spamassassin") is None, reason="SpamAssassin is not installed"
)

_PATIENCE = 240.0
_SCORE = re.compile(r"^X-Spam-Status: \w+, score=(-?[\d.]+)", re.MULTILINE)
_RULE = re.compile(r"^ *(-?[\d.]+) ([A-Z][A-Z0-9_]{3,})", re.MULTILINE)
_ID = re.compile(r"^Message-ID: <(\S+?)\.00", re.MULTILINE)


def _judged(folder: Path, messages: list[bytes]) -> list[str]:
    """Give each message with the verdict in front of it; one start of the program reads all."""
    mbox = folder / "mbox"
    postmark = b"From news@letters.harbourpost.example Fri Jan  9 07:00:00 2026\n"
    mbox.write_bytes(b"".join(postmark + m.replace(b"\r\n", b"\n") + b"\n" for m in messages))
    options = ("-L", "-t", "--nocreate-prefs", "--cf=use_bayes 0", "--mbox", str(mbox))
    done = subprocess.run(
        ["spamassassin", *options],
        capture_output=True,
        env={"HOME": str(folder), "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        check=True,
        timeout=_PATIENCE,
    )
    read = done.stdout.decode("utf-8", "replace")
    return re.split(r"^From \S+ Fri Jan .*\n", read, flags=re.MULTILINE)[1:]


def _costs(told: str) -> list[str]:
    """Give the rules that add points, with them, and the sum when it is above nothing."""
    score = _SCORE.search(told)
    assert score is not None, told[:2000]
    report = told.rpartition("Content analysis details:")[2]
    costs = [f"{rule} {points}" for points, rule in _RULE.findall(report) if float(points) > 0]
    return [*costs, *([f"all together {score[1]}"] if float(score[1]) > 0 else [])]


def test_no_mail_of_ours_costs_a_point(tmp_path: Path) -> None:
    mails = [m for m in gallery() if ALL or m.language == "en" or m.template == "daily"]
    told = _judged(tmp_path, [mail.message for mail in mails])
    costs = {name[1]: _costs(each) for each in told if (name := _ID.search(each))}
    assert set(costs) == {f"{mail.template}.{mail.language}" for mail in mails}
    assert {name: cost for name, cost in costs.items() if cost} == {}


def test_spamassassin_is_awake(tmp_path: Path) -> None:
    bait = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\n"
    bait += b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
    (told,) = _judged(tmp_path, [bait])
    assert "GTUBE 1000" in " ".join(_costs(told))
